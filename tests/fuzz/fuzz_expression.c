/* fuzz_expression.c: any bytes as an expression. It ends, and what it gives is a value of the type
 * that was wanted. First byte: that type and how the inputs are. */
#include <math.h>

#include "fuzz.h"
#include "model/expression.h"

#define SOME_TIME INT64_C(1663919288289000000)

static d2k_value values[5];

static const d2k_value *value_of(const void *context, size_t index)
{
    uint8_t mode = *(const uint8_t *)context;
    size_t which = (index + mode) % 6;
    return which < 5 ? &values[which] : NULL;
}

static d2k_type type_of(const void *context, struct slice name, struct slice *ret_columns)
{
    (void)context;
    *ret_columns = (struct slice){"\1\3\0\0", 4}; /* of an Array */
    return (d2k_type)(name.size % (D2K_TYPE_LAST + 1));
}

static void expect_value(const d2k_value *value, d2k_type wanted)
{
    fuzz_expect(value->type == wanted && (value->status & ~D2K_STATUS_ALL) == 0);
    if (wanted == D2K_TYPE_REAL) {
        fuzz_expect(isfinite(value->content.real));
    }
    if (wanted == D2K_TYPE_ABSOLUTE_TIME) {
        fuzz_expect(value->content.absolute_time_ns >= D2K_TIME_MIN_NS &&
                    value->content.absolute_time_ns <= D2K_TIME_MAX_NS);
    }
    if (wanted == D2K_TYPE_TEXT) {
        fuzz_expect(value->content.text.data != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct expression *expression = NULL;
    struct error err;
    d2k_value value;
    if (size == 0) {
        return 0;
    }
    values[0] = d2k_integer(INT64_MIN);
    values[1] = d2k_real(-1e308);
    values[2] = d2k_boolean(true);
    values[3] = d2k_absolute_time(SOME_TIME);
    values[4] = d2k_relative_time(INT64_MAX);
    struct slice source = {(const char *)data + 1, size - 1};
    if (expression_parse(source, &expression, &err) != D2K_OK) {
        return 0;
    }
    for (unsigned wanted = D2K_TYPE_BOOLEAN; wanted <= D2K_TYPE_LAST; wanted++) {
        bool fits = expression_check(expression, (d2k_type)wanted, type_of, NULL, &err) == D2K_OK;
        fuzz_expect(fits || err.code == D2K_TYPE);
        expression_evaluate(expression, (d2k_type)wanted, value_of, data, &value);
        expect_value(&value, (d2k_type)wanted);
    }
    expression_free(expression);
    return 0;
}
