/* Objects of type Array and Structure in the plant: their columns, and values with others. */
#include "base/content.h"
#include "base/table.h"
#include "reader_fixture.h"

static struct object *object;
static d2k_table *reals, *texts, *tanks;

static int set_up_tables(void **state)
{
    const d2k_column columns[] = {{D2K_TYPE_REAL, "Temp"}, {D2K_TYPE_TEXT, "Name"}};
    assert_int_equal(d2k_array_new(D2K_TYPE_REAL, &reals), D2K_OK);
    assert_int_equal(d2k_array_new(D2K_TYPE_TEXT, &texts), D2K_OK);
    assert_int_equal(d2k_structure_new(columns, 2, &tanks), D2K_OK);
    return set_up_reader(state);
}

static int tear_down_tables(void **state)
{
    d2k_table_free(reals);
    d2k_table_free(texts);
    d2k_table_free(tanks);
    return tear_down_reader(state);
}

static struct definition definition_of(enum object_kind kind, const d2k_table *table)
{
    struct slice columns = table_columns(table);
    return (struct definition){.name = slice_of("a"),
                               .type = table->type,
                               .kind = kind,
                               .properties = columns,
                               .columns = columns};
}

static d2k_result define_it(const struct definition *definition)
{
    d2k_result checked = plant_check_definition(plant, slice_of("PC.KOM"), definition, &err);
    d2k_result done = plant_define(plant, slice_of("PC.KOM"), definition, &object, &err);
    assert_int_equal(checked, done);
    return done;
}

static d2k_value value_of(d2k_table *table, const char *text)
{
    d2k_value value;
    d2k_table_clear(table);
    assert_int_equal(d2k_table_from_text(table, text), D2K_OK);
    assert_int_equal(d2k_table_value(table, &value), D2K_OK);
    return value;
}

static d2k_result set_it(const d2k_value *value)
{
    return plant_set(plant, slice_of("PC.KOM"), object, value, NOW, &err);
}

static void assert_has(const char *text)
{
    char shown[128];
    (void)d2k_value_format(&object->value, shown, sizeof shown);
    assert_string_equal(shown, text);
}

static void a_table_is_copied_and_becomes_the_value(void **state)
{
    (void)state;
    struct definition d = definition_of(OBJECT_OF_PROCESS, tanks);
    assert_int_equal(define_it(&d), D2K_OK);
    assert_true(slice_equal(plant_columns(object), table_columns(tanks)));
    d2k_value value = value_of(tanks, "[{\"Temp\":1,\"Name\":\"x\"}]");
    assert_int_equal(set_it(&value), D2K_OK);
    value = value_of(tanks, "[]"); /* overwrites what was given */
    assert_has("[{\"Temp\":1,\"Name\":\"x\"}]");
    assert_int_equal(set_it(&value), D2K_OK);
    assert_has("[]");
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_int_equal(object->value.status & D2K_STATUS_VALID, 0);
    assert_has("[]");
}

static void a_value_with_other_columns_is_refused(void **state)
{
    (void)state;
    struct definition d = definition_of(OBJECT_OF_PROCESS, reals);
    assert_int_equal(define_it(&d), D2K_OK);
    d2k_value right = value_of(reals, "[1,2]"), wrong = value_of(texts, "[\"1\"]");
    assert_int_equal(set_it(&right), D2K_OK);
    assert_int_equal(set_it(&wrong), D2K_TYPE);
    assert_string_equal(err.text, "object a: the value has elements of type Text, not Real");
    assert_int_equal(plant_check_value(object, slice_of("PC.KOM"), &wrong, NOW, &err), D2K_TYPE);
    wrong = value_of(tanks, "[]");
    assert_int_equal(set_it(&wrong), D2K_TYPE);
    assert_string_equal(err.text, "object a has type Array, the value has type Structure");
    wrong = right;
    wrong.content.table.size--;
    assert_int_equal(set_it(&wrong), D2K_ARGUMENT);
    assert_non_null(strstr(err.text, "object a: element 2: the table ends before it is complete"));
    assert_has("[1,2]");
}

static void a_value_under_other_columns_means_nothing(void **state)
{
    (void)state;
    struct definition d = definition_of(OBJECT_OF_PROCESS, reals);
    assert_int_equal(define_it(&d), D2K_OK);
    d2k_value value = value_of(reals, "[1]");
    assert_int_equal(set_it(&value), D2K_OK);
    d.description = slice_of("the same columns");
    assert_int_equal(define_it(&d), D2K_OK);
    assert_has("[1]");
    read_from_now_on(1, false, object);
    d = definition_of(OBJECT_OF_PROCESS, texts);
    assert_int_equal(define_it(&d), D2K_OK);
    assert_int_equal(object->value.type, D2K_TYPE_NONE);
    takes_object(object);
    assert_int_equal(set_it(&value), D2K_TYPE);
    value = value_of(texts, "[\"x\"]");
    assert_int_equal(set_it(&value), D2K_OK);
    assert_has("[\"x\"]");
}

static void a_definition_says_its_columns_if_it_needs_them_and_only_then(void **state)
{
    (void)state;
    struct definition d = definition_of(OBJECT_OF_PROCESS, reals);
    d.columns = slice_of("");
    assert_int_equal(define_it(&d), D2K_ARGUMENT);
    assert_string_equal(err.text, "object a: it is not said what columns it has");
    d = definition_of(OBJECT_OF_PROCESS, tanks);
    d.type = D2K_TYPE_ARRAY;
    assert_int_equal(define_it(&d), D2K_ARGUMENT);
    assert_string_equal(err.text, "object a: an Array has one column, without a name");
    d.type = D2K_TYPE_REAL;
    assert_int_equal(define_it(&d), D2K_ARGUMENT);
    assert_string_equal(err.text, "object a: an object of type Real has no columns");
    assert_null(plant_object_by_name(plant, slice_of("a")));
}

static void an_expression_neither_is_nor_uses_a_table(void **state)
{
    (void)state;
    struct definition d = definition_of(OBJECT_COMPUTED, reals);
    d.expression = slice_of("1");
    assert_int_equal(plant_check_definition(plant, slice_of(""), &d, &err), D2K_TYPE);
    assert_string_equal(err.text, "object a: a computed object cannot have the type Array");
    d = definition_of(OBJECT_OF_PROCESS, reals);
    assert_int_equal(define_it(&d), D2K_OK);
    const char *const uses[] = {"a", "if a = a then 1 else 2", "-a", "min(a, 1)"};
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        struct definition c = {.name = slice_of("c"),
                               .type = D2K_TYPE_INTEGER,
                               .kind = OBJECT_COMPUTED,
                               .expression = slice_of(uses[i])};
        assert_int_equal(plant_check_definition(plant, slice_of(""), &c, &err), D2K_TYPE);
        assert_non_null(strstr(err.text, "a has the type Array; an expression works on simple"));
    }
}

/* The name may be that of a number when it is checked. */
static void a_computed_object_is_not_valid_while_an_input_is_a_table(void **state)
{
    (void)state;
    struct object *computed;
    const struct definition c = {.name = slice_of("c"),
                                 .type = D2K_TYPE_BOOLEAN,
                                 .kind = OBJECT_COMPUTED,
                                 .expression = slice_of("a = a"),
                                 .now_ns = NOW};
    assert_int_equal(plant_define(plant, slice_of(""), &c, &computed, &err), D2K_OK);
    struct definition d = definition_of(OBJECT_OF_PROCESS, reals);
    assert_int_equal(define_it(&d), D2K_OK);
    d2k_value value = value_of(reals, "[1]");
    assert_int_equal(set_it(&value), D2K_OK);
    assert_int_equal(computed->value.status & D2K_STATUS_VALID, 0);
    d = (struct definition){.name = slice_of("a"), .type = D2K_TYPE_INTEGER};
    assert_int_equal(define_it(&d), D2K_OK);
    set(object, 5);
    assert_int_equal(computed->value.status & D2K_STATUS_VALID, D2K_STATUS_VALID);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up_tables, tear_down_tables)
    const struct CMUnitTest tests[] = {
        TEST(a_table_is_copied_and_becomes_the_value),
        TEST(a_value_with_other_columns_is_refused),
        TEST(a_value_under_other_columns_means_nothing),
        TEST(a_definition_says_its_columns_if_it_needs_them_and_only_then),
        TEST(an_expression_neither_is_nor_uses_a_table),
        TEST(a_computed_object_is_not_valid_while_an_input_is_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
