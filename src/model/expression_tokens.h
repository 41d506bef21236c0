/* model/expression_tokens.h: the words of an expression, one at a time, for its parser. */
#ifndef D2K_MODEL_EXPRESSION_TOKENS_H
#define D2K_MODEL_EXPRESSION_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/expression.h"

enum token_kind { TOKEN_END, TOKEN_NUMBER, TOKEN_TEXT, TOKEN_WORD, TOKEN_NAME, TOKEN_SIGN };

struct parser {
    struct expression *expression;
    struct slice source; /* as it was given; the copy in the expression has the same offsets */
    size_t at;
    unsigned depth;
    struct error *err;
    struct {
        enum token_kind kind;
        struct slice text; /* in the copy; without quotes or brackets */
        size_t begin;
        uint16_t column;
    } token;
};

/* Goes on to the next token. D2K_ARGUMENT: there is none that could be. */
d2k_result parser_next(struct parser *p) D2K_MUST_CHECK;
/* Says what should stand where the token is; D2K_ARGUMENT. */
d2k_result parser_expected(struct parser *p, const char *what);
/* Goes on if what is expected is there, else says so. */
d2k_result parser_take_expected(struct parser *p, bool is_there, const char *what) D2K_MUST_CHECK;

/* Whether the token is this word (in lower case; its own case is ignored), or this sign. */
bool parser_at_word(const struct parser *p, const char *word);
bool parser_at_sign(const struct parser *p, const char *sign);
/* Takes "[3]" or "[3].Temp" that stands directly behind the token, the name of an object;
 * *ret_column is empty without one. *ret_there is false if no number stands between brackets there.
 * D2K_ARGUMENT: what begins so is not complete. */
d2k_result parser_take_cell(struct parser *p, bool *ret_there, int32_t *ret_index,
                            struct slice *ret_column) D2K_MUST_CHECK;
/* Whether a ( comes behind the token: then it is a function, else the name of an object. */
bool parser_before_call(const struct parser *p);

#endif
