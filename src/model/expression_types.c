/* model/expression_types.c: which types go together, and what comes out.
 *
 * The check walks the operations as the evaluation does, with sets of possible types for values: an
 * object that does not exist yet may have any. So the check and the evaluation have one table. */
#include "base/content.h"
#include "base/table.h"
#include "base/text.h"
#include "model/expression_private.h"

#define TYPES_END   (D2K_TYPE_HOBJ + 1)                  /* an expression works on simple values */
#define ANY_TYPE    ((type_set)((1u << TYPES_END) - 2u)) /* but D2K_TYPE_NONE */
#define SET_OF(one) ((type_set)(1u << (one)))

typedef uint16_t type_set; /* bit n: d2k_type n */

const char *expression_operation_name(enum operation_code code)
{
    static const char *const names[] = {
        [OP_LITERAL] = "value", [OP_INPUT] = "object",
        [OP_CELL] = "object",   [OP_NEGATE] = "-",
        [OP_NOT] = "not",       [OP_ABS] = "abs",
        [OP_ROUND] = "round",   [OP_ADD] = "+",
        [OP_SUBTRACT] = "-",    [OP_MULTIPLY] = "*",
        [OP_DIVIDE] = "/",      [OP_REMAINDER] = "%",
        [OP_MIN] = "min",       [OP_MAX] = "max",
        [OP_EQUAL] = "=",       [OP_UNEQUAL] = "<>",
        [OP_LESS] = "<",        [OP_LESS_EQUAL] = "<=",
        [OP_GREATER] = ">",     [OP_GREATER_EQUAL] = ">=",
        [OP_AND] = "and",       [OP_OR] = "or",
        [OP_BRANCH] = "if",     [OP_JUMP] = "if",
        [OP_CHOOSE] = "if",
    };
    return names[code];
}

static bool is_number(d2k_type type)
{
    return type == D2K_TYPE_INTEGER || type == D2K_TYPE_REAL;
}

static bool is_time(d2k_type type)
{
    return type == D2K_TYPE_ABSOLUTE_TIME || type == D2K_TYPE_RELATIVE_TIME;
}

/* The type that two have in common. */
static d2k_type common_type(d2k_type a, d2k_type b)
{
    if (a == b) {
        return a < TYPES_END ? a : D2K_TYPE_NONE;
    }
    return is_number(a) && is_number(b) ? D2K_TYPE_REAL : D2K_TYPE_NONE;
}

static d2k_type type_of_one(enum operation_code code, d2k_type a)
{
    bool has_sign = is_number(a) || a == D2K_TYPE_RELATIVE_TIME;
    switch (code) {
    case OP_NOT:
        return a == D2K_TYPE_BOOLEAN ? a : D2K_TYPE_NONE;
    case OP_ROUND:
        return is_number(a) ? D2K_TYPE_INTEGER : D2K_TYPE_NONE;
    default: /* OP_NEGATE, OP_ABS */
        return has_sign ? a : D2K_TYPE_NONE;
    }
}

static d2k_type type_of_sum(enum operation_code code, d2k_type a, d2k_type b)
{
    if (is_number(a) && is_number(b)) {
        return common_type(a, b);
    }
    if (a == D2K_TYPE_ABSOLUTE_TIME && b == D2K_TYPE_ABSOLUTE_TIME) {
        return code == OP_SUBTRACT ? D2K_TYPE_RELATIVE_TIME : D2K_TYPE_NONE;
    }
    if (b == D2K_TYPE_RELATIVE_TIME &&
        (a == D2K_TYPE_ABSOLUTE_TIME || a == D2K_TYPE_RELATIVE_TIME)) {
        return a;
    }
    return D2K_TYPE_NONE;
}

static bool has_states(d2k_type type)
{
    return d2k_state_name(type, 0) != NULL;
}

static bool is_equality(enum operation_code code)
{
    return code == OP_EQUAL || code == OP_UNEQUAL;
}

static d2k_type type_of_comparison(enum operation_code code, d2k_type a, d2k_type b)
{
    d2k_type common = common_type(a, b);
    bool has_order = is_number(common) || is_time(common) || common == D2K_TYPE_TEXT;
    bool is_state_and_name =
        (has_states(a) && b == D2K_TYPE_TEXT) || (a == D2K_TYPE_TEXT && has_states(b));
    bool is_possible =
        has_order || (is_equality(code) && (common != D2K_TYPE_NONE || is_state_and_name));
    return is_possible ? D2K_TYPE_BOOLEAN : D2K_TYPE_NONE;
}

d2k_type expression_result_type(enum operation_code code, d2k_type a, d2k_type b)
{
    d2k_type common = common_type(a, b);
    switch (code) {
    case OP_ADD:
    case OP_SUBTRACT:
        return type_of_sum(code, a, b);
    case OP_MULTIPLY:
    case OP_REMAINDER:
        return is_number(common) ? common : D2K_TYPE_NONE;
    case OP_DIVIDE:
        return is_number(common) ? D2K_TYPE_REAL : D2K_TYPE_NONE;
    case OP_MIN:
    case OP_MAX:
        return is_number(common) || is_time(common) ? common : D2K_TYPE_NONE;
    case OP_EQUAL:
    case OP_UNEQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return type_of_comparison(code, a, b);
    case OP_AND:
    case OP_OR:
        return common == D2K_TYPE_BOOLEAN ? common : D2K_TYPE_NONE;
    case OP_CHOOSE:
        return common;
    default:
        return type_of_one(code, a);
    }
}

/* ---- the check ---- */

struct operand {
    type_set set;
    const d2k_value *literal; /* NULL: it is none */
};

struct check {
    struct operand stack[EXPRESSION_STACK_MAX];
    size_t height;
    struct error *err;
};

static bool is_of_one(enum operation_code code)
{
    return code == OP_NEGATE || code == OP_NOT || code == OP_ABS || code == OP_ROUND;
}

static type_set set_of_results(enum operation_code code, type_set a, type_set b)
{
    type_set results = 0;
    for (unsigned i = D2K_TYPE_BOOLEAN; i < TYPES_END; i++) {
        for (unsigned k = D2K_TYPE_BOOLEAN; k < TYPES_END; k++) {
            if ((a & SET_OF(i)) != 0 && (b & SET_OF(k)) != 0) {
                results |= SET_OF(expression_result_type(code, (d2k_type)i, (d2k_type)k));
            }
        }
    }
    return (type_set)(results & ANY_TYPE);
}

/* "Integer"; where more are possible, one of them. */
static const char *name_of(type_set set)
{
    unsigned type = D2K_TYPE_BOOLEAN;
    while (type < TYPES_END - 1 && (set & SET_OF(type)) == 0) {
        type++;
    }
    return d2k_type_name((d2k_type)type);
}

static const char *expected_by(enum operation_code code)
{
    switch (code) {
    case OP_NOT:
    case OP_AND:
    case OP_OR:
    case OP_BRANCH:
        return "a Boolean";
    case OP_NEGATE:
    case OP_ABS:
        return "a number or a Relative time";
    case OP_ADD:
    case OP_SUBTRACT:
        return "two numbers, or times";
    case OP_ROUND:
        return "a number";
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_REMAINDER:
        return "two numbers";
    case OP_MIN:
    case OP_MAX:
        return "numbers, or times of one type";
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return "two values of one type that has an order";
    case OP_EQUAL:
    case OP_UNEQUAL:
        return "two values of one type, or a state and its name as a text";
    default:
        return "two values of one type";
    }
}

static d2k_result no_result(struct check *c, const struct operation *o, type_set a, type_set b,
                            bool has_b)
{
    return error_set(c->err, D2K_TYPE, "expression, column %u: %s expected %s, found %s%s%s",
                     (unsigned)o->column, expression_operation_name(o->code), expected_by(o->code),
                     name_of(a), has_b ? " and " : "", has_b ? name_of(b) : "");
}

static void push(struct check *c, type_set set, const d2k_value *literal)
{
    c->stack[c->height++] = (struct operand){set, literal};
}

static struct operand pop(struct check *c)
{
    return c->stack[--c->height];
}

static bool is_state_of(d2k_type type, const d2k_value *name)
{
    struct slice text = {name->content.text.data, name->content.text.size};
    const char *state;
    for (uint32_t i = 0; (state = d2k_state_name(type, i)) != NULL; i++) {
        if (slice_equal_text(text, state)) {
            return true;
        }
    }
    return false;
}

/* A state that is compared with a name that no state has would never be equal: a slip of the pen.
 * Where the type is not known yet, or the text is not a literal, nothing is said. */
static d2k_result check_state_name(const struct check *c, const struct operation *o,
                                   struct operand state, struct operand name)
{
    char shown[256];
    d2k_type type = D2K_TYPE_LINE;
    if (name.literal == NULL || name.literal->type != D2K_TYPE_TEXT) {
        return D2K_OK;
    }
    while (type < D2K_TYPE_QUATERNARY && state.set != SET_OF(type)) {
        type++;
    }
    if (state.set != SET_OF(type) || is_state_of(type, name.literal)) {
        return D2K_OK;
    }
    struct slice text = {name.literal->content.text.data, name.literal->content.text.size};
    return error_set(c->err, D2K_TYPE,
                     "expression, column %u: type %s has no state \"%s\"; it has \"%s\", \"%s\"%s",
                     (unsigned)o->column, d2k_type_name(type),
                     text_escape(shown, sizeof shown, text), d2k_state_name(type, 0),
                     d2k_state_name(type, 1), d2k_state_name(type, 2) != NULL ? "..." : "");
}

static d2k_result check_operator(struct check *c, const struct operation *o)
{
    enum operation_code code = o->code;
    bool has_b = !is_of_one(code);
    struct operand b = has_b ? pop(c) : (struct operand){SET_OF(D2K_TYPE_BOOLEAN), NULL};
    struct operand a = pop(c);
    type_set results = set_of_results(code, a.set, b.set);
    d2k_result rc = D2K_OK;
    if (results == 0) {
        return no_result(c, o, a.set, b.set, has_b);
    }
    if (code == OP_CHOOSE) {
        (void)pop(c); /* the condition */
    } else if (is_equality(code)) {
        rc = check_state_name(c, o, a, b);
        rc = rc != D2K_OK ? rc : check_state_name(c, o, b, a);
    }
    push(c, results, NULL);
    return rc;
}

static d2k_result wrong_cell(struct check *c, const struct operation *o, struct slice name,
                             const char *why, struct slice column)
{
    return error_set(c->err, D2K_TYPE, "expression, column %u: %.*s %s%.*s", (unsigned)o->column,
                     (int)name.size, name.data, why, (int)column.size, column.data);
}

static d2k_result check_cell(struct check *c, const struct operation *o, struct slice name,
                             d2k_type type, struct slice columns)
{
    struct slice column = content_bytes(&o->value);
    uint32_t number;
    if (type == D2K_TYPE_NONE) {
        push(c, ANY_TYPE, NULL);
        return D2K_OK;
    }
    if (type < TYPES_END) {
        return wrong_cell(c, o, name, "has no elements: it has the type ",
                          slice_of(d2k_type_name(type)));
    }
    if ((column.size == 0) != (type == D2K_TYPE_ARRAY)) {
        return wrong_cell(c, o, name,
                          column.size == 0 ? "is a Structure: the name of a column must be given"
                                           : "is an Array: it has no column ",
                          column);
    }
    type = columns_find(columns, column, &number);
    if (type == D2K_TYPE_NONE) {
        return wrong_cell(c, o, name, "has no column ", column);
    }
    push(c, SET_OF(type), NULL);
    return D2K_OK;
}

static d2k_result no_simple_value(struct check *c, const struct operation *o, struct slice name,
                                  d2k_type type)
{
    return error_set(c->err, D2K_TYPE,
                     "expression, column %u: %.*s has the type %s; an expression works on simple "
                     "values, such as its elements",
                     (unsigned)o->column, (int)name.size, name.data, d2k_type_name(type));
}

static d2k_result check_operation(struct check *c, const struct expression *e,
                                  const struct operation *o, expression_type_of *type_of,
                                  const void *context)
{
    d2k_type type = D2K_TYPE_NONE;
    struct slice columns = {NULL, 0};
    switch ((enum operation_code)o->code) {
    case OP_LITERAL:
        push(c, SET_OF(o->value.type), &o->value);
        return D2K_OK;
    case OP_INPUT:
        type = type_of(context, e->inputs[o->target], &columns);
        if (type >= TYPES_END) {
            return no_simple_value(c, o, e->inputs[o->target], type);
        }
        push(c, (type_set)(type == D2K_TYPE_NONE ? ANY_TYPE : SET_OF(type)), NULL);
        return D2K_OK;
    case OP_CELL:
        type = type_of(context, e->inputs[o->target], &columns);
        return check_cell(c, o, e->inputs[o->target], type, columns);
    case OP_BRANCH:
        if ((c->stack[c->height - 1].set & SET_OF(D2K_TYPE_BOOLEAN)) == 0) {
            return no_result(c, o, c->stack[c->height - 1].set, 0, false);
        }
        return D2K_OK;
    case OP_JUMP:
        return D2K_OK;
    default:
        return check_operator(c, o);
    }
}

d2k_result expression_check(const struct expression *expression, d2k_type wanted,
                            expression_type_of *type_of, const void *context, struct error *err)
{
    struct check check = {.height = 0, .err = err};
    for (size_t i = 0; i < expression->count; i++) {
        d2k_result result =
            check_operation(&check, expression, &expression->operations[i], type_of, context);
        if (result != D2K_OK) {
            return result;
        }
    }
    if (wanted >= TYPES_END) {
        return error_set(err, D2K_TYPE, "an expression gives no value of type %s",
                         d2k_type_name(wanted));
    }
    type_set possible = pop(&check).set;
    type_set fits = SET_OF(wanted);
    if (wanted == D2K_TYPE_REAL) {
        fits |= SET_OF(D2K_TYPE_INTEGER);
    }
    if ((possible & fits) == 0) {
        return error_set(err, D2K_TYPE,
                         "expression, column 1: expected a result of type %s, it gives %s%s",
                         d2k_type_name(wanted), name_of(possible),
                         wanted == D2K_TYPE_INTEGER && (possible & SET_OF(D2K_TYPE_REAL)) != 0
                             ? "; round() makes an Integer of it"
                             : "");
    }
    return D2K_OK;
}
