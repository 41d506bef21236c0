/* model/expression.h: expressions over the values of objects, as computed objects have them.
 *
 *     if Pump1.Running and Tank.Level > 12.5 then min(Flow.A, Flow.B) * 3.6 else 0
 *
 * The language is described in docs/expressions.md. An expression is parsed once and evaluated
 * often: without memory of its own, in time proportional to its size, and it always ends. It does
 * not know objects: names and values of its inputs are handed in and out.
 *
 * Validity: a result is valid if all that took part in it was valid and the calculation has a
 * result; the branch of an if that is not taken takes no part. Division by zero, overflow and types
 * that do not fit have no result. Weak, Transient, Default and Manual pass from the inputs to the
 * result, alarm bits and user flags do not. */
#ifndef D2K_MODEL_EXPRESSION_H
#define D2K_MODEL_EXPRESSION_H

#include <stddef.h>

#include <d2k/value.h>

#include "base/cursor.h"
#include "base/error.h"

/* Limits; tested at the limit and one past it. */
#define EXPRESSION_SIZE_MAX   4096u /* bytes */
#define EXPRESSION_DEPTH_MAX  64u   /* of what stands within one another: (, not, -, if, min */
#define EXPRESSION_INPUTS_MAX 200u  /* objects, each counted once */

struct expression;

/* D2K_ARGUMENT (the sentence names the column and what was expected there), D2K_LIMIT,
 * D2K_NO_MEMORY. */
d2k_result expression_parse(struct slice source, struct expression **ret_expression,
                            struct error *err) D2K_MUST_CHECK;
/* NULL is allowed. */
void expression_free(struct expression *expression);

/* The objects that it names, each once (ASCII case is ignored), in the spelling that came first;
 * they hold as long as the expression. */
size_t expression_input_count(const struct expression *expression);
struct slice expression_input(const struct expression *expression, size_t index);

/* D2K_TYPE_NONE: not known. Of an Array or a Structure *ret_columns gets its columns
 * (base/table.h). */
typedef d2k_type expression_type_of(const void *context, struct slice name,
                                    struct slice *ret_columns);
/* Whether it can give values of this type (or Integer where Real is wanted) with inputs of these
 * types: D2K_TYPE, the sentence names the column. */
d2k_result expression_check(const struct expression *expression, d2k_type wanted,
                            expression_type_of *type_of, const void *context,
                            struct error *err) D2K_MUST_CHECK;

/* The value of an input; NULL: there is none. */
typedef const d2k_value *expression_value_of(const void *context, size_t index);
/* Gives a value of the wanted type. Without a result its content is 0, false, empty or the first
 * possible time, and it is not valid. Its time is the newest of the inputs that took part; 0: none
 * did. Its text is borrowed from an input or from the expression. */
void expression_evaluate(const struct expression *expression, d2k_type wanted,
                         expression_value_of *value_of, const void *context, d2k_value *ret_value);

#endif
