/* model/expression_private.h: the form in which an expression is kept: operations in the order in
 * which they are done, each on what stands on top of a stack.
 *
 * `if C then A else B` is C, BRANCH to B, A, JUMP behind B, B, CHOOSE: the condition stays below
 * the branch that was taken until CHOOSE joins them. */
#ifndef D2K_MODEL_EXPRESSION_PRIVATE_H
#define D2K_MODEL_EXPRESSION_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/expression.h"

/* What waits on the stack for one level of nesting: an operand of each priority, of a function, and
 * condition and branch of an if. */
#define EXPRESSION_STACK_MAX ((EXPRESSION_DEPTH_MAX + 2u) * 8u)

enum operation_code {
    OP_LITERAL,
    OP_INPUT,
    OP_CELL, /* of an input that is a table */
    OP_NEGATE,
    OP_NOT,
    OP_ABS,
    OP_ROUND,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_REMAINDER,
    OP_MIN,
    OP_MAX,
    OP_EQUAL,
    OP_UNEQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_AND,
    OP_OR,
    OP_BRANCH,
    OP_JUMP,
    OP_CHOOSE,
};

struct operation {
    uint8_t code;    /* enum operation_code */
    uint16_t column; /* where it stands in the source, from 1 */
    uint16_t target; /* OP_BRANCH, OP_JUMP: operation; OP_INPUT, OP_CELL: which input */
    int32_t index;   /* OP_CELL: of the row */
    d2k_value value; /* OP_LITERAL; OP_CELL: a text, the name of the column, or empty */
};

struct expression {
    struct operation *operations;
    size_t count, capacity;
    struct slice inputs[EXPRESSION_INPUTS_MAX]; /* parts of `source` */
    size_t input_count;
    char source[]; /* texts are unescaped in place */
};

/* The type that an operation on operands of these types gives; D2K_TYPE_NONE: it is not possible.
 * OP_CHOOSE: of the two branches. For operations on one operand `b` is not looked at. */
d2k_type expression_result_type(enum operation_code code, d2k_type a, d2k_type b);

/* "+", "round", "if": for sentences. */
const char *expression_operation_name(enum operation_code code);

#endif
