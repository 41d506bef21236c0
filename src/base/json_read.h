/* base/json_read.h: reads JSON from a terminated text, piece by piece, as its caller expects it.
 * Strict, and without memory of its own. */
#ifndef D2K_BASE_JSON_READ_H
#define D2K_BASE_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "base/error.h"

#define JSON_NUMBER_MAX 64u /* bytes of a number, with its end */

struct json_reader {
    const char *begin, *at;
    char *texts; /* place for decoded texts: as many bytes as the whole has */
    size_t texts_size;
    struct error *err;
};

/* The next character that is no blank; it stays. 0: the end. */
char json_peek(struct json_reader *r);
/* Takes this character, or this word, if it comes next. */
bool json_take(struct json_reader *r, char c);
bool json_take_word(struct json_reader *r, const char *word);
/* Takes a text; it stands in `texts`, behind those before it. D2K_ARGUMENT. */
d2k_result json_take_text(struct json_reader *r, struct slice *ret_text) D2K_MUST_CHECK;
/* Takes the characters of a number, terminated. D2K_ARGUMENT: there are none, or too many. */
d2k_result json_take_number(struct json_reader *r, char ret_number[JSON_NUMBER_MAX]) D2K_MUST_CHECK;
/* D2K_ARGUMENT: "character 17: expected a number, found 'x'". */
d2k_result json_expected(const struct json_reader *r, const char *what);

#endif
