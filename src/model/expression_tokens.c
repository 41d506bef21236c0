/* model/expression_tokens.c: the words of an expression. */
#include "model/expression_tokens.h"

#include <string.h>

#include "base/text.h"
#include "model/expression_private.h"

#define SHOWN_MAX 128u

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char char_at(const struct parser *p, size_t at)
{
    return at < p->source.size ? p->source.data[at] : '\0';
}

d2k_result parser_expected(struct parser *p, const char *what)
{
    char shown[SHOWN_MAX];
    unsigned column = p->token.column;
    if (p->token.kind == TOKEN_END) {
        return error_set(p->err, D2K_ARGUMENT,
                         "expression, column %u: expected %s, but it ends here", column, what);
    }
    return error_set(p->err, D2K_ARGUMENT, "expression, column %u: expected %s, found \"%s\"",
                     column, what, text_escape(shown, sizeof shown, p->token.text));
}

static void take_digits(struct parser *p)
{
    while (is_digit(char_at(p, p->at))) {
        p->at++;
    }
}

static void take_number(struct parser *p)
{
    take_digits(p);
    if (char_at(p, p->at) == '.' && is_digit(char_at(p, p->at + 1))) {
        p->at++;
        take_digits(p);
    }
    if (char_at(p, p->at) == 'e' || char_at(p, p->at) == 'E') {
        char sign = char_at(p, p->at + 1);
        size_t digits = p->at + (sign == '+' || sign == '-' ? 2 : 1);
        if (is_digit(char_at(p, digits))) {
            p->at = digits;
            take_digits(p);
        }
    }
}

static void take_word(struct parser *p)
{
    char c = char_at(p, p->at);
    while (is_letter(c) || is_digit(c) || c == '.' || c == '_') {
        c = char_at(p, ++p->at);
    }
}

/* A quote within is written twice; the copy gets one. */
static d2k_result take_text(struct parser *p)
{
    char *begin = p->expression->source + p->at + 1;
    char *to = begin;
    for (p->at++; p->at < p->source.size; p->at++) {
        if (char_at(p, p->at) == '"' && char_at(p, ++p->at) != '"') {
            p->token.text = (struct slice){begin, (size_t)(to - begin)};
            return D2K_OK;
        }
        *to++ = char_at(p, p->at);
    }
    return error_set(p->err, D2K_ARGUMENT,
                     "expression, column %u: the text that begins here does not end: expected "
                     "another \"",
                     (unsigned)p->token.column);
}

static d2k_result take_bracketed(struct parser *p)
{
    size_t begin = ++p->at;
    take_word(p);
    p->token.text = (struct slice){p->expression->source + begin, p->at - begin};
    if (char_at(p, p->at) != ']' || !text_is_object_name(p->token.text)) {
        return parser_expected(p, "the name of an object between [ and ]");
    }
    p->at++;
    return D2K_OK;
}

static d2k_result take_sign(struct parser *p)
{
    char a = char_at(p, p->at), b = char_at(p, p->at + 1);
    bool is_two = (a == '<' && (b == '>' || b == '=')) || (a == '>' && b == '=');
    p->token.text = (struct slice){p->expression->source + p->at, is_two ? 2 : 1};
    if (a == '\0' || strchr("+-*/%=<>(),", a) == NULL) {
        p->token.text.size =
            text_prefix_of_chars((struct slice){p->token.text.data, p->source.size - p->at}, 1);
        return parser_expected(p, "a value or an operator");
    }
    p->at += p->token.text.size;
    return D2K_OK;
}

static d2k_result take_token(struct parser *p)
{
    char first = char_at(p, p->at);
    if (first == '"') {
        p->token.kind = TOKEN_TEXT;
        return take_text(p);
    }
    if (first == '[') {
        p->token.kind = TOKEN_NAME;
        return take_bracketed(p);
    }
    if (!is_digit(first) && !is_letter(first)) {
        p->token.kind = TOKEN_SIGN;
        return take_sign(p);
    }
    p->token.kind = is_digit(first) ? TOKEN_NUMBER : TOKEN_WORD;
    if (is_digit(first)) {
        take_number(p);
    } else {
        take_word(p);
    }
    p->token.text = (struct slice){p->expression->source + p->token.begin, p->at - p->token.begin};
    return D2K_OK;
}

d2k_result parser_next(struct parser *p)
{
    size_t before = p->token.begin;
    while (is_blank(char_at(p, p->at))) {
        p->at++;
    }
    p->token.begin = p->at;
    for (size_t i = before; i < p->at; i++) {
        bool begins = ((unsigned char)p->source.data[i] & 0xc0) != 0x80; /* a character */
        p->token.column = (uint16_t)(p->token.column + begins);
    }
    p->token.kind = TOKEN_END;
    p->token.text = (struct slice){NULL, 0};
    return p->at < p->source.size ? take_token(p) : D2K_OK;
}

bool parser_at_word(const struct parser *p, const char *word)
{
    struct slice text = p->token.text;
    if (p->token.kind != TOKEN_WORD || text.size != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != word[i]) {
            return false;
        }
    }
    return true;
}

bool parser_at_sign(const struct parser *p, const char *sign)
{
    return p->token.kind == TOKEN_SIGN && slice_equal_text(p->token.text, sign);
}

d2k_result parser_take_expected(struct parser *p, bool is_there, const char *what)
{
    return is_there ? parser_next(p) : parser_expected(p, what);
}

static d2k_result no_cell(struct parser *p)
{
    return error_set(p->err, D2K_ARGUMENT,
                     "expression, column %u: behind %.*s: expected an index up to 2147483647 "
                     "between [ and ], and of a Structure a . and the name of a column",
                     (unsigned)p->token.column, (int)p->token.text.size, p->token.text.data);
}

static bool take_index(struct parser *p, int32_t *ret_index)
{
    bool negative = char_at(p, p->at) == '-';
    int64_t index = 0;
    size_t begin = p->at += negative ? 1 : 0;
    for (; is_digit(char_at(p, p->at)); p->at++) {
        index = index * 10 + (char_at(p, p->at) - '0');
        if (index > INT32_MAX) {
            return false;
        }
    }
    *ret_index = (int32_t)(negative ? -index : index);
    return p->at > begin;
}

/* No name of an object begins with a digit, so this is no name in brackets. */
d2k_result parser_take_cell(struct parser *p, bool *ret_there, int32_t *ret_index,
                            struct slice *ret_column)
{
    char first = char_at(p, p->at + 1);
    *ret_column = (struct slice){NULL, 0};
    *ret_there = char_at(p, p->at) == '[' && (is_digit(first) || first == '-');
    if (!*ret_there) {
        return D2K_OK;
    }
    p->at++;
    if (!take_index(p, ret_index) || char_at(p, p->at) != ']') {
        return no_cell(p);
    }
    p->at++;
    if (char_at(p, p->at) != '.') {
        return D2K_OK;
    }
    size_t begin = ++p->at;
    take_word(p);
    *ret_column = (struct slice){p->expression->source + begin, p->at - begin};
    bool is_name =
        text_is_object_name(*ret_column) && memchr(ret_column->data, '.', ret_column->size) == NULL;
    return is_name ? D2K_OK : no_cell(p);
}

bool parser_before_call(const struct parser *p)
{
    size_t at = p->at;
    while (is_blank(char_at(p, at))) {
        at++;
    }
    return char_at(p, at) == '(';
}
