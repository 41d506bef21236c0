/* model/expression_parse.c: from text to operations, by recursive descent. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/text.h"
#include "model/expression_private.h"
#include "model/expression_tokens.h"

#define NUMBER_TEXT_MAX 64u /* longer numbers are refused */

static d2k_result parse_whole(struct parser *p);

/* ---- operations ---- */

/* NULL: out of memory. */
static struct operation *emit(struct parser *p, enum operation_code code, uint16_t column)
{
    struct expression *e = p->expression;
    if (e->count == e->capacity) {
        size_t larger = e->capacity == 0 ? 8 : e->capacity * 2;
        struct operation *grown = realloc(e->operations, larger * sizeof *grown);
        if (grown == NULL) {
            (void)error_no_memory(p->err);
            return NULL;
        }
        e->operations = grown;
        e->capacity = larger;
    }
    struct operation *operation = &e->operations[e->count++];
    *operation = (struct operation){.code = (uint8_t)code, .column = column};
    return operation;
}

static d2k_result emit_plain(struct parser *p, enum operation_code code, uint16_t column)
{
    return emit(p, code, column) != NULL ? D2K_OK : D2K_NO_MEMORY;
}

static d2k_result emit_literal(struct parser *p, d2k_value value)
{
    struct operation *operation = emit(p, OP_LITERAL, p->token.column);
    if (operation == NULL) {
        return D2K_NO_MEMORY;
    }
    operation->value = value;
    return parser_next(p);
}

static d2k_result enter(struct parser *p)
{
    if (p->depth >= EXPRESSION_DEPTH_MAX) {
        return error_set(p->err, D2K_LIMIT,
                         "expression, column %u: more than %u levels stand within one another",
                         (unsigned)p->token.column, EXPRESSION_DEPTH_MAX);
    }
    p->depth++;
    return D2K_OK;
}

/* ---- values ---- */

static d2k_result parse_number(struct parser *p)
{
    char text[NUMBER_TEXT_MAX + 1];
    struct slice digits = p->token.text;
    d2k_value value = d2k_real(0);
    if (digits.size > NUMBER_TEXT_MAX) {
        return parser_expected(p, "a number of at most 64 characters");
    }
    memcpy(text, digits.data, digits.size);
    text[digits.size] = '\0';
    errno = 0;
    if (strpbrk(text, ".eE") == NULL) {
        value = d2k_integer(strtoll(text, NULL, 10));
        if (errno != 0) {
            return parser_expected(p, "an Integer up to 9223372036854775807");
        }
        return emit_literal(p, value);
    }
    /* Nothing that holds expressions sets a locale with another decimal point. */
    value.content.real = strtod(text, NULL);
    return isfinite(value.content.real) ? emit_literal(p, value)
                                        : parser_expected(p, "a finite number");
}

static d2k_result parse_text(struct parser *p)
{
    d2k_value value = d2k_text("");
    value.content.text.data = p->token.text.data;
    value.content.text.size = p->token.text.size;
    return emit_literal(p, value);
}

static bool same_name(struct slice a, struct slice b)
{
    char a_text[D2K_OBJECT_NAME_MAX + 1], b_text[D2K_OBJECT_NAME_MAX + 1];
    if (a.size != b.size) {
        return false;
    }
    memcpy(a_text, a.data, a.size);
    memcpy(b_text, b.data, b.size);
    a_text[a.size] = b_text[b.size] = '\0';
    return text_equal_ignoring_case(a_text, b_text);
}

static d2k_result obtain_input(struct parser *p, uint16_t *ret_index)
{
    struct expression *e = p->expression;
    size_t i = 0;
    while (i < e->input_count && !same_name(e->inputs[i], p->token.text)) {
        i++;
    }
    if (i == EXPRESSION_INPUTS_MAX) {
        return error_set(p->err, D2K_LIMIT, "expression, column %u: it names more than %u objects",
                         (unsigned)p->token.column, EXPRESSION_INPUTS_MAX);
    }
    if (i == e->input_count) {
        e->inputs[e->input_count++] = p->token.text;
    }
    *ret_index = (uint16_t)i;
    return D2K_OK;
}

static bool is_reserved(const struct parser *p)
{
    static const char *const words[] = {"if", "then", "else", "and", "or", "not", "mod"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (parser_at_word(p, words[i])) {
            return true;
        }
    }
    return false;
}

static d2k_result parse_name(struct parser *p)
{
    uint16_t index = 0;
    if (is_reserved(p)) {
        return parser_expected(p, "a value");
    }
    if (!text_is_object_name(p->token.text)) {
        return parser_expected(p, "the name of an object (up to 64 characters)");
    }
    d2k_result result = obtain_input(p, &index);
    if (result != D2K_OK) {
        return result;
    }
    bool is_cell = false;
    int32_t row = 0;
    struct slice column;
    result = parser_take_cell(p, &is_cell, &row, &column);
    if (result != D2K_OK) {
        return result;
    }
    struct operation *operation = emit(p, is_cell ? OP_CELL : OP_INPUT, p->token.column);
    if (operation == NULL) {
        return D2K_NO_MEMORY;
    }
    operation->target = index;
    operation->index = row;
    content_set_bytes(&operation->value, column);
    return parser_next(p);
}

/* min and max take two values or more. */
static d2k_result parse_arguments(struct parser *p, enum operation_code code, uint16_t column)
{
    bool is_unary = code == OP_ABS || code == OP_ROUND;
    d2k_result result = parse_whole(p);
    if (result == D2K_OK && is_unary) {
        result = emit_plain(p, code, column);
    }
    if (result == D2K_OK && !is_unary && !parser_at_sign(p, ",")) {
        result = parser_expected(p, "a , and another value");
    }
    while (result == D2K_OK && !is_unary && parser_at_sign(p, ",")) {
        result = parser_next(p);
        result = result != D2K_OK ? result : parse_whole(p);
        result = result != D2K_OK ? result : emit_plain(p, code, column);
    }
    return result != D2K_OK ? result
                            : parser_take_expected(p, parser_at_sign(p, ")"), "an operator or a )");
}

static d2k_result parse_call(struct parser *p)
{
    static const enum operation_code functions[] = {OP_MIN, OP_MAX, OP_ABS, OP_ROUND};
    uint16_t column = p->token.column;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (parser_at_word(p, expression_operation_name(functions[i]))) {
            d2k_result result = enter(p);
            result = result != D2K_OK ? result : parser_next(p); /* the name */
            result = result != D2K_OK ? result : parser_next(p); /* the ( */
            result = result != D2K_OK ? result : parse_arguments(p, functions[i], column);
            p->depth--;
            return result;
        }
    }
    return parser_expected(p, "one of the functions min, max, abs and round");
}

static d2k_result parse_word(struct parser *p)
{
    if (parser_at_word(p, "true") || parser_at_word(p, "false")) {
        return emit_literal(p, d2k_boolean(parser_at_word(p, "true")));
    }
    return parser_before_call(p) && !is_reserved(p) ? parse_call(p) : parse_name(p);
}

static d2k_result parse_parentheses(struct parser *p)
{
    d2k_result result = enter(p);
    if (result != D2K_OK) {
        return result;
    }
    result = parser_next(p);
    result = result != D2K_OK ? result : parse_whole(p);
    result = result != D2K_OK
                 ? result
                 : parser_take_expected(p, parser_at_sign(p, ")"), "an operator or a )");
    p->depth--;
    return result;
}

static d2k_result parse_primary(struct parser *p)
{
    switch (p->token.kind) {
    case TOKEN_NUMBER:
        return parse_number(p);
    case TOKEN_TEXT:
        return parse_text(p);
    case TOKEN_NAME:
        return parse_name(p);
    case TOKEN_WORD:
        return parse_word(p);
    case TOKEN_SIGN:
        return parser_at_sign(p, "(") ? parse_parentheses(p) : parser_expected(p, "a value");
    case TOKEN_END:
        break;
    }
    return parser_expected(p, "a value");
}

/* ---- operators ---- */

static d2k_result parse_prefix(struct parser *p, enum operation_code code,
                               d2k_result (*operand)(struct parser *))
{
    uint16_t column = p->token.column;
    d2k_result result = enter(p);
    if (result != D2K_OK) {
        return result;
    }
    result = parser_next(p);
    result = result != D2K_OK ? result : operand(p);
    result = result != D2K_OK ? result : emit_plain(p, code, column);
    p->depth--;
    return result;
}

static d2k_result parse_unary(struct parser *p)
{
    return parser_at_sign(p, "-") ? parse_prefix(p, OP_NEGATE, parse_unary) : parse_primary(p);
}

static bool is_operator(const struct parser *p, enum operation_code code)
{
    const char *name = expression_operation_name(code);
    return parser_at_sign(p, name) || parser_at_word(p, name) ||
           (code == OP_REMAINDER && parser_at_word(p, "mod"));
}

/* Operators first..last of one priority, from left to right. */
static d2k_result parse_level(struct parser *p, enum operation_code first, enum operation_code last,
                              d2k_result (*operand)(struct parser *))
{
    d2k_result result = operand(p);
    while (result == D2K_OK) {
        enum operation_code code = first;
        uint16_t column = p->token.column;
        while (code <= last && !is_operator(p, code)) {
            code++;
        }
        if (code > last) {
            return D2K_OK;
        }
        result = parser_next(p);
        result = result != D2K_OK ? result : operand(p);
        result = result != D2K_OK ? result : emit_plain(p, code, column);
    }
    return result;
}

static d2k_result parse_product(struct parser *p)
{
    return parse_level(p, OP_MULTIPLY, OP_REMAINDER, parse_unary);
}

static d2k_result parse_sum(struct parser *p)
{
    return parse_level(p, OP_ADD, OP_SUBTRACT, parse_product);
}

static d2k_result parse_comparison(struct parser *p)
{
    return parse_level(p, OP_EQUAL, OP_GREATER_EQUAL, parse_sum);
}

static d2k_result parse_not(struct parser *p)
{
    return parser_at_word(p, "not") ? parse_prefix(p, OP_NOT, parse_not) : parse_comparison(p);
}

static d2k_result parse_and(struct parser *p)
{
    return parse_level(p, OP_AND, OP_AND, parse_not);
}

static d2k_result parse_or(struct parser *p)
{
    return parse_level(p, OP_OR, OP_OR, parse_and);
}

/* The operation that may pass a branch by, and the branch; where it goes to is not known yet. */
static d2k_result parse_branch(struct parser *p, enum operation_code code, uint16_t column)
{
    d2k_result result = emit_plain(p, code, column);
    result = result != D2K_OK ? result : parser_next(p);
    return result != D2K_OK ? result : parse_whole(p);
}

static d2k_result parse_if(struct parser *p)
{
    uint16_t column = p->token.column;
    struct expression *e = p->expression;
    d2k_result result = enter(p);
    if (result != D2K_OK) {
        return result;
    }
    result = parser_next(p);
    result = result != D2K_OK ? result : parse_whole(p);
    if (result == D2K_OK && !parser_at_word(p, "then")) {
        result = parser_expected(p, "an operator or then");
    }
    size_t branch = e->count;
    result = result != D2K_OK ? result : parse_branch(p, OP_BRANCH, column);
    if (result == D2K_OK && !parser_at_word(p, "else")) {
        result = parser_expected(p, "an operator or else");
    }
    size_t jump = e->count;
    result = result != D2K_OK ? result : parse_branch(p, OP_JUMP, column);
    result = result != D2K_OK ? result : emit_plain(p, OP_CHOOSE, column);
    if (result == D2K_OK) {
        e->operations[branch].target = (uint16_t)(jump + 1);
        e->operations[jump].target = (uint16_t)(e->count - 1);
    }
    p->depth--;
    return result;
}

static d2k_result parse_whole(struct parser *p)
{
    return parser_at_word(p, "if") ? parse_if(p) : parse_or(p);
}

/* ---- an expression ---- */

static d2k_result parse(struct parser *p)
{
    p->token.column = 1;
    d2k_result result = parser_next(p);
    result = result != D2K_OK ? result : parse_whole(p);
    if (result == D2K_OK && p->token.kind != TOKEN_END) {
        result = parser_expected(p, "an operator or the end");
    }
    return result;
}

d2k_result expression_parse(struct slice source, struct expression **ret_expression,
                            struct error *err)
{
    if (source.size > EXPRESSION_SIZE_MAX) {
        return error_set(err, D2K_LIMIT, "expression: it has %zu bytes, allowed are %u",
                         source.size, EXPRESSION_SIZE_MAX);
    }
    if (!text_is_utf8(source)) {
        return error_set(err, D2K_ARGUMENT, "expression: it is not UTF-8 text");
    }
    struct expression *expression = calloc(1, sizeof *expression + source.size + 1);
    if (expression == NULL) {
        return error_no_memory(err);
    }
    if (source.size > 0) {
        memcpy(expression->source, source.data, source.size);
    }
    struct parser parser = {.expression = expression, .source = source, .err = err};
    d2k_result result = parse(&parser);
    if (result != D2K_OK) {
        expression_free(expression);
        return result;
    }
    *ret_expression = expression;
    return D2K_OK;
}

void expression_free(struct expression *expression)
{
    if (expression != NULL) {
        free(expression->operations);
        free(expression);
    }
}

size_t expression_input_count(const struct expression *expression)
{
    return expression->input_count;
}

struct slice expression_input(const struct expression *expression, size_t index)
{
    return expression->inputs[index];
}
