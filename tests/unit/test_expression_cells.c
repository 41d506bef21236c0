/* Expressions over elements of arrays and cells of structures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/table.h"
#include "model/expression.h"

#define T0 INT64_C(1700000000000000000)

static struct error err;
static d2k_table *list, *tanks;
static d2k_value list_value, tanks_value, number_value;

static int set_up(void **state)
{
    static const d2k_column columns[] = {{D2K_TYPE_INTEGER, "Level"}, {D2K_TYPE_TEXT, "Name"}};
    (void)state;
    assert_int_equal(d2k_array_new(D2K_TYPE_REAL, &list), D2K_OK);
    assert_int_equal(d2k_table_from_text(list, "{\"low\":-1,\"values\":[1.5,null,3]}"), D2K_OK);
    assert_int_equal(d2k_table_value(list, &list_value), D2K_OK);
    list_value.time_ns = T0;
    assert_int_equal(d2k_structure_new(columns, 2, &tanks), D2K_OK);
    assert_int_equal(d2k_table_from_text(tanks, "[{\"Level\":4,\"Name\":\"a\"},"
                                                "{\"Level\":5,\"Name\":\"bc\"}]"),
                     D2K_OK);
    assert_int_equal(d2k_table_value(tanks, &tanks_value), D2K_OK);
    tanks_value.time_ns = T0 + 5;
    tanks_value.status |= D2K_STATUS_WEAK;
    number_value = d2k_integer(7);
    number_value.time_ns = T0 + 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    d2k_table_free(list);
    d2k_table_free(tanks);
    return 0;
}

static const d2k_value *object_of(struct slice name)
{
    return slice_equal_text(name, "L")         ? &list_value
           : slice_equal_text(name, "Plant.S") ? &tanks_value
           : slice_equal_text(name, "I")       ? &number_value
                                               : NULL;
}

static d2k_type type_of(const void *context, struct slice name, struct slice *ret_columns)
{
    const d2k_value *value = object_of(name);
    (void)context;
    *ret_columns = table_columns(value == &list_value ? list : tanks);
    return value != NULL ? value->type : D2K_TYPE_NONE;
}

static const d2k_value *value_of(const void *context, size_t index)
{
    return object_of(expression_input(context, index));
}

/* Its text holds as long as the expression or the table. */
static d2k_value evaluated(const char *source, d2k_type wanted)
{
    struct expression *e = NULL;
    d2k_value value;
    if (expression_parse(slice_of(source), &e, &err) != D2K_OK ||
        expression_check(e, wanted, type_of, NULL, &err) != D2K_OK) {
        fail_msg("%s: %s", source, err.text);
    }
    expression_evaluate(e, wanted, value_of, e, &value);
    expression_free(e);
    assert_int_equal(value.type, wanted);
    return value;
}

static d2k_value valid(const char *source, d2k_type wanted)
{
    d2k_value value = evaluated(source, wanted);
    assert_true((value.status & D2K_STATUS_VALID) != 0);
    return value;
}

static void gives_nothing(const char *source, d2k_type wanted)
{
    assert_int_equal(evaluated(source, wanted).status & D2K_STATUS_VALID, 0);
}

static void is_refused(const char *source, const char *sentence)
{
    struct expression *e = NULL;
    assert_int_equal(expression_parse(slice_of(source), &e, &err), D2K_ARGUMENT);
    assert_string_equal(err.text, sentence);
}

static void does_not_fit(const char *source, const char *sentence)
{
    struct expression *e = NULL;
    assert_int_equal(expression_parse(slice_of(source), &e, &err), D2K_OK);
    assert_int_equal(expression_check(e, D2K_TYPE_INTEGER, type_of, NULL, &err), D2K_TYPE);
    expression_free(e);
    assert_string_equal(err.text, sentence);
}

static void an_element_is_a_value(void **state)
{
    (void)state;
    assert_true(valid("L[-1]", D2K_TYPE_REAL).content.real == 1.5);
    assert_true(valid("L[1] * 2 + [L][-1]", D2K_TYPE_REAL).content.real == 7.5);
    assert_int_equal(valid("round(L[1])", D2K_TYPE_INTEGER).content.integer, 3);
    assert_true(valid("if L[-1] > 1 then L[1] else L[0]", D2K_TYPE_REAL).content.real == 3);
}

static void a_cell_has_a_row_and_a_column(void **state)
{
    (void)state;
    assert_int_equal(valid("Plant.S[2].Level", D2K_TYPE_INTEGER).content.integer, 5);
    assert_int_equal(valid("Plant.S[1].level+I", D2K_TYPE_INTEGER).content.integer, 11);
    d2k_value name = valid("Plant.S[2].Name", D2K_TYPE_TEXT);
    assert_int_equal(name.content.text.size, 2);
    assert_memory_equal(name.content.text.data, "bc", 2);
    assert_true(valid("Plant.S[1].Name < Plant.S[2].Name", D2K_TYPE_BOOLEAN).content.boolean);
}

static void status_and_time_are_those_of_the_table(void **state)
{
    (void)state;
    d2k_value value = valid("Plant.S[1].Level + I", D2K_TYPE_INTEGER);
    assert_true((value.status & D2K_STATUS_WEAK) != 0);
    assert_int_equal(value.time_ns, T0 + 5);
    tanks_value.status = 0;
    gives_nothing("Plant.S[1].Level", D2K_TYPE_INTEGER);
}

static void what_is_not_there_or_not_valid_is_no_value(void **state)
{
    (void)state;
    gives_nothing("L[0]", D2K_TYPE_REAL);
    gives_nothing("L[2]", D2K_TYPE_REAL);
    gives_nothing("L[-2]", D2K_TYPE_REAL);
    gives_nothing("L[2147483647]", D2K_TYPE_REAL);
    gives_nothing("L[-2147483647]", D2K_TYPE_REAL);
    gives_nothing("Plant.S[0].Level", D2K_TYPE_INTEGER);
    gives_nothing("Missing[1]", D2K_TYPE_REAL);
    gives_nothing("Missing[1].Level", D2K_TYPE_TEXT);
    list_value = d2k_real(1); /* it was an array when the expression was checked */
    struct expression *e = NULL;
    d2k_value value;
    assert_int_equal(expression_parse(slice_of("L[1]"), &e, &err), D2K_OK);
    expression_evaluate(e, D2K_TYPE_REAL, value_of, e, &value);
    assert_int_equal(value.status & D2K_STATUS_VALID, 0);
    expression_free(e);
}

static void a_table_is_an_input_once(void **state)
{
    (void)state;
    struct expression *e = NULL;
    assert_int_equal(expression_parse(slice_of("L[1] + L[-1] + l[0]"), &e, &err), D2K_OK);
    assert_int_equal(expression_input_count(e), 1);
    expression_free(e);
}

static void types_are_those_of_the_columns(void **state)
{
    (void)state;
    does_not_fit("L", "expression, column 1: L has the type Array; an expression works on simple "
                      "values, such as its elements");
    does_not_fit("L[1].Temp", "expression, column 1: L is an Array: it has no column Temp");
    does_not_fit(
        "1+Plant.S[1]",
        "expression, column 3: Plant.S is a Structure: the name of a column must be given");
    does_not_fit("Plant.S[1].Temp", "expression, column 1: Plant.S has no column Temp");
    does_not_fit("I[1]", "expression, column 1: I has no elements: it has the type Integer");
    does_not_fit("1 + Plant.S[1].Name",
                 "expression, column 3: + expected two numbers, or times, found Integer and Text");
}

static void an_index_is_a_number_between_brackets(void **state)
{
    static const char *const wrong[] = {"L[1",    "L[-]",          "L[1.5]",
                                        "L[1 ]",  "L[2147483648]", "L[1].",
                                        "L[1].1", "L[1].a.b",      "L[99999999999999999999]"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        is_refused(wrong[i],
                   "expression, column 1: behind L: expected an index up to 2147483647 between [ "
                   "and ], and of a Structure a . and the name of a column");
    }
    is_refused("L [1]", "expression, column 3: expected the name of an object between [ and ], "
                        "found \"1\"");
    is_refused("L[I]", "expression, column 2: expected an operator or the end, found \"I\"");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_element_is_a_value),
        TEST(a_cell_has_a_row_and_a_column),
        TEST(status_and_time_are_those_of_the_table),
        TEST(what_is_not_there_or_not_valid_is_no_value),
        TEST(a_table_is_an_input_once),
        TEST(types_are_those_of_the_columns),
        TEST(an_index_is_a_number_between_brackets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
