/* model/expression_evaluate.c: what an expression gives. A value of type D2K_TYPE_NONE on the stack
 * is one that has no result; it keeps status and time. */
#include <math.h>
#include <string.h>

#include "base/content.h"
#include "base/table.h"
#include "model/expression_private.h"

/* What passes from the inputs to a result. Alarms belong to the object that they were raised on. */
#define PASSED_ON (D2K_STATUS_WEAK | D2K_STATUS_TRANSIENT | D2K_STATUS_DEFAULT | D2K_STATUS_MANUAL)

#define INTEGER_END 9223372036854775808.0 /* 2^63, the first that is none */

/* Status and time of what two have given together. */
static d2k_value joined(const d2k_value *a, const d2k_value *b)
{
    d2k_value result = {.type = D2K_TYPE_NONE};
    result.status =
        (a->status & b->status & D2K_STATUS_VALID) | ((a->status | b->status) & PASSED_ON);
    result.time_ns = a->time_ns > b->time_ns ? a->time_ns : b->time_ns;
    return result;
}

static double real_of(const d2k_value *value)
{
    return value->type == D2K_TYPE_INTEGER ? (double)value->content.integer : value->content.real;
}

/* Integers, times and states. */
static int64_t whole_of(const d2k_value *value)
{
    switch (value->type) {
    case D2K_TYPE_ABSOLUTE_TIME:
        return value->content.absolute_time_ns;
    case D2K_TYPE_RELATIVE_TIME:
        return value->content.relative_time_ns;
    case D2K_TYPE_INTEGER:
        return value->content.integer;
    default:
        return value->content.state;
    }
}

static bool set_whole(d2k_value *value, int64_t content)
{
    switch (value->type) {
    case D2K_TYPE_ABSOLUTE_TIME:
        value->content.absolute_time_ns = content;
        return content >= D2K_TIME_MIN_NS && content <= D2K_TIME_MAX_NS;
    case D2K_TYPE_RELATIVE_TIME:
        value->content.relative_time_ns = content;
        return true;
    default:
        value->content.integer = content;
        return true;
    }
}

static bool set_real(d2k_value *value, double content)
{
    value->content.real = content;
    return isfinite(content);
}

/* ---- operations ---- */

static int compare_texts(const d2k_value *a, const d2k_value *b)
{
    size_t a_size = a->content.text.size, b_size = b->content.text.size;
    size_t shorter = a_size < b_size ? a_size : b_size;
    int order = shorter > 0 ? memcmp(a->content.text.data, b->content.text.data, shorter) : 0;
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* The text itself, or the name of a state. */
static d2k_value text_of(const d2k_value *value)
{
    const char *state = d2k_state_name(value->type, value->content.state);
    return value->type == D2K_TYPE_TEXT ? *value : d2k_text(state != NULL ? state : "");
}

static int compare(const d2k_value *a, const d2k_value *b)
{
    if (a->type == D2K_TYPE_TEXT || b->type == D2K_TYPE_TEXT) {
        d2k_value left = text_of(a), right = text_of(b);
        return compare_texts(&left, &right);
    }
    if (a->type == D2K_TYPE_BOOLEAN) {
        return a->content.boolean - b->content.boolean;
    }
    if (a->type == D2K_TYPE_REAL || b->type == D2K_TYPE_REAL) {
        double left = real_of(a), right = real_of(b);
        return (left > right) - (left < right);
    }
    int64_t left = whole_of(a), right = whole_of(b);
    return (left > right) - (left < right);
}

static bool calculate_whole(enum operation_code code, d2k_value *result, int64_t a, int64_t b)
{
    int64_t content = 0;
    bool overflows = false;
    switch (code) {
    case OP_ADD:
        overflows = __builtin_add_overflow(a, b, &content);
        break;
    case OP_SUBTRACT:
        overflows = __builtin_sub_overflow(a, b, &content);
        break;
    case OP_MULTIPLY:
        overflows = __builtin_mul_overflow(a, b, &content);
        break;
    case OP_MIN:
        content = a < b ? a : b;
        break;
    case OP_MAX:
        content = a > b ? a : b;
        break;
    default:                                     /* OP_REMAINDER */
        content = b == 0 || b == -1 ? 0 : a % b; /* INT64_MIN % -1 would overflow */
        overflows = b == 0;
        break;
    }
    return !overflows && set_whole(result, content);
}

static bool calculate_real(enum operation_code code, d2k_value *result, double a, double b)
{
    switch (code) {
    case OP_ADD:
        return set_real(result, a + b);
    case OP_SUBTRACT:
        return set_real(result, a - b);
    case OP_MULTIPLY:
        return set_real(result, a * b);
    case OP_DIVIDE:
        return b != 0 && set_real(result, a / b);
    case OP_MIN:
        return set_real(result, a < b ? a : b);
    case OP_MAX:
        return set_real(result, a > b ? a : b);
    default: /* OP_REMAINDER */
        return b != 0 && set_real(result, fmod(a, b));
    }
}

static bool is_true(enum operation_code code, const d2k_value *a, const d2k_value *b)
{
    switch (code) {
    case OP_AND:
        return a->content.boolean && b->content.boolean;
    case OP_OR:
        return a->content.boolean || b->content.boolean;
    case OP_EQUAL:
        return compare(a, b) == 0;
    case OP_UNEQUAL:
        return compare(a, b) != 0;
    case OP_LESS:
        return compare(a, b) < 0;
    case OP_LESS_EQUAL:
        return compare(a, b) <= 0;
    case OP_GREATER:
        return compare(a, b) > 0;
    default: /* OP_GREATER_EQUAL */
        return compare(a, b) >= 0;
    }
}

static void has_no_result(d2k_value *value)
{
    value->type = D2K_TYPE_NONE;
    value->status &= ~D2K_STATUS_VALID;
}

static d2k_value of_two(enum operation_code code, const d2k_value *a, const d2k_value *b)
{
    d2k_value result = joined(a, b);
    bool has_result = false;
    result.type = expression_result_type(code, a->type, b->type);
    switch (result.type) {
    case D2K_TYPE_BOOLEAN:
        result.content.boolean = is_true(code, a, b);
        has_result = true;
        break;
    case D2K_TYPE_REAL:
        has_result = calculate_real(code, &result, real_of(a), real_of(b));
        break;
    case D2K_TYPE_NONE:
        break;
    default:
        has_result = calculate_whole(code, &result, whole_of(a), whole_of(b));
        break;
    }
    if (!has_result) {
        has_no_result(&result);
    }
    return result;
}

static bool round_it(d2k_value *value)
{
    if (value->type == D2K_TYPE_INTEGER) {
        return true;
    }
    double rounded = round(value->content.real);
    value->type = D2K_TYPE_INTEGER;
    if (!(rounded >= -INTEGER_END && rounded < INTEGER_END)) {
        return false;
    }
    value->content.integer = (int64_t)rounded;
    return true;
}

static bool negate(d2k_value *value)
{
    int64_t content = 0;
    if (value->type == D2K_TYPE_REAL) {
        return set_real(value, -value->content.real);
    }
    return !__builtin_sub_overflow(0, whole_of(value), &content) && set_whole(value, content);
}

static bool is_negative(const d2k_value *value)
{
    return value->type == D2K_TYPE_REAL ? signbit(value->content.real) != 0 : whole_of(value) < 0;
}

static void of_one(enum operation_code code, d2k_value *value)
{
    bool has_result = expression_result_type(code, value->type, value->type) != D2K_TYPE_NONE;
    if (has_result) {
        switch (code) {
        case OP_NOT:
            value->content.boolean = !value->content.boolean;
            break;
        case OP_ROUND:
            has_result = round_it(value);
            break;
        case OP_ABS:
            has_result = !is_negative(value) || negate(value);
            break;
        default: /* OP_NEGATE */
            has_result = negate(value);
            break;
        }
    }
    if (!has_result) {
        has_no_result(value);
    }
}

/* The condition takes part in what the branch gave. */
static d2k_value chosen(const d2k_value *condition, const d2k_value *branch)
{
    d2k_value result = *branch;
    d2k_value both = joined(condition, branch);
    result.status = both.status;
    result.time_ns = both.time_ns;
    return result;
}

/* ---- the whole ---- */

static d2k_value input(const d2k_value *value)
{
    d2k_value result = {.type = D2K_TYPE_NONE};
    if (value != NULL) {
        result.type = value->type;
        result.status = value->status & (D2K_STATUS_VALID | PASSED_ON);
        result.time_ns = value->time_ns;
        result.content = value->content;
    }
    if (result.type == D2K_TYPE_NONE) {
        has_no_result(&result);
    }
    return result;
}

/* It is valid if the table is, and in it the cell. */
static d2k_value cell_of(const d2k_value *table, const struct operation *o)
{
    d2k_value result = input(table), cell;
    if (table == NULL || !table_cell_at(table, o->index, content_bytes(&o->value), &cell)) {
        has_no_result(&result);
        return result;
    }
    result.type = cell.type;
    result.content = cell.content;
    result.status &= (cell.status & D2K_STATUS_VALID) != 0 ? ~0u : ~D2K_STATUS_VALID;
    return result;
}

/* Where evaluation goes on. Without a condition neither branch takes part. */
static size_t branch(d2k_value *stack, size_t *height, const struct expression *e, size_t at)
{
    const struct operation *o = &e->operations[at];
    const d2k_value *condition = &stack[*height - 1];
    if (condition->type == D2K_TYPE_BOOLEAN) {
        return condition->content.boolean ? at + 1 : o->target;
    }
    stack[*height] = *condition;
    has_no_result(&stack[*height]);
    ++*height;
    return e->operations[o->target - 1].target; /* of the jump that ends the first branch */
}

static void give(d2k_value *result, d2k_type wanted, d2k_value *ret_value)
{
    if (wanted == D2K_TYPE_REAL && result->type == D2K_TYPE_INTEGER) {
        result->content.real = (double)result->content.integer;
        result->type = D2K_TYPE_REAL;
    }
    if (result->type != wanted) {
        has_no_result(result);
        result->type = wanted;
        memset(&result->content, 0, sizeof result->content);
    }
    if (wanted == D2K_TYPE_ABSOLUTE_TIME && result->content.absolute_time_ns == 0) {
        result->content.absolute_time_ns = D2K_TIME_MIN_NS;
    }
    if (wanted == D2K_TYPE_TEXT && result->content.text.data == NULL) {
        result->content.text.data = "";
    }
    *ret_value = *result;
}

void expression_evaluate(const struct expression *expression, d2k_type wanted,
                         expression_value_of *value_of, const void *context, d2k_value *ret_value)
{
    d2k_value stack[EXPRESSION_STACK_MAX];
    size_t height = 0;
    for (size_t at = 0; at < expression->count;) {
        const struct operation *o = &expression->operations[at++];
        enum operation_code code = o->code;
        switch (code) {
        case OP_LITERAL:
            stack[height++] = o->value;
            break;
        case OP_INPUT:
            stack[height++] = input(value_of(context, o->target));
            break;
        case OP_CELL:
            stack[height++] = cell_of(value_of(context, o->target), o);
            break;
        case OP_BRANCH:
            at = branch(stack, &height, expression, at - 1);
            break;
        case OP_JUMP:
            at = o->target;
            break;
        case OP_CHOOSE:
            height--;
            stack[height - 1] = chosen(&stack[height - 1], &stack[height]);
            break;
        case OP_NEGATE:
        case OP_NOT:
        case OP_ABS:
        case OP_ROUND:
            of_one(code, &stack[height - 1]);
            break;
        default:
            height--;
            stack[height - 1] = of_two(code, &stack[height - 1], &stack[height]);
            break;
        }
    }
    give(&stack[0], wanted, ret_value);
}
