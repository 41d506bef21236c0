/* tests/unit/test_client_tables.c: arrays and structures of a client against a played kernel. */
#include "played_kernel.h"

#include "base/table.h"
#include "wire/properties.h"

static const d2k_column element = {D2K_TYPE_REAL, NULL};
static const d2k_column tank[] = {{D2K_TYPE_REAL, "Temp"}, {D2K_TYPE_TEXT, "Name"}};
static const char element_bytes[] = "\1\3\0\0";
static const char tank_bytes[] = "\2\3\4\0Temp\6\4\0Name";

static d2k_definition table_of(d2k_type type, const d2k_column *columns, size_t count)
{
    return (d2k_definition){.size = sizeof(d2k_definition),
                            .name = "Tanks",
                            .type = type,
                            .columns = columns,
                            .column_count = count};
}

static void assert_columns_told(const struct test *test, const char *bytes, size_t size)
{
    const struct configured *told = &test->peer.configured;
    struct slice columns = {NULL, 0};
    assert_true(properties_find((struct slice){told->properties, told->properties_size},
                                PROPERTY_COLUMNS, &columns));
    assert_int_equal(columns.size, size);
    assert_memory_equal(columns.data, bytes, size);
}

static void columns_are_told_to_the_kernel(void **state)
{
    struct test *test = *state;
    d2k_table *rows;
    d2k_value value;
    struct slice bytes;
    register_client(test);
    assert_int_equal(d2k_structure_new(tank, 2, &rows), D2K_OK);
    assert_int_equal(d2k_table_value(rows, &value), D2K_OK);
    d2k_definition definition = table_of(D2K_TYPE_STRUCTURE, tank, 2);
    definition.default_value = &value;
    assert_int_equal(d2k_configure(test->client, &definition, NULL), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_CONFIGURE] == 1);
    assert_columns_told(test, tank_bytes, sizeof tank_bytes - 1);
    const struct configured *told = &test->peer.configured;
    assert_true(properties_find((struct slice){told->properties, told->properties_size},
                                PROPERTY_DEFAULT, &bytes));
    assert_int_equal(bytes.size, 4 + value.content.table.size);
    d2k_table_free(rows);

    definition = table_of(D2K_TYPE_ARRAY, &element, 1);
    assert_int_equal(d2k_configure(test->client, &definition, NULL), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_CONFIGURE] == 2);
    assert_columns_told(test, element_bytes, sizeof element_bytes - 1);
}

static void columns_that_are_none_are_not_sent(void **state)
{
    struct test *test = *state;
    d2k_object *object;
    register_client(test);
    static const d2k_column named = {D2K_TYPE_REAL, "Temp"}, within = {D2K_TYPE_ARRAY, "Temp"};
    const struct {
        d2k_definition definition;
        const char *said;
    } wrong[] = {
        {table_of(D2K_TYPE_ARRAY, NULL, 0), "it is not said what columns it has"},
        {table_of(D2K_TYPE_STRUCTURE, NULL, 0), "it is not said what columns it has"},
        {table_of(D2K_TYPE_REAL, &element, 1), "only an Array or a Structure has columns"},
        {table_of(D2K_TYPE_ARRAY, &named, 1), "an Array has one column, without a name"},
        {table_of(D2K_TYPE_ARRAY, tank, 2), "an Array has one column, without a name"},
        {table_of(D2K_TYPE_STRUCTURE, &element, 1), "column 1: \"\" is no name of a column"},
        {table_of(D2K_TYPE_STRUCTURE, &within, 1), "which is no simple one"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(d2k_configure(test->client, &wrong[i].definition, NULL), D2K_ARGUMENT);
        assert_non_null(strstr(d2k_client_error_text(test->client), wrong[i].said));
        assert_int_equal(d2k_define_with(test->client, &wrong[i].definition, &object),
                         D2K_ARGUMENT);
    }
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_ARRAY, NULL, NULL, &object),
                     D2K_ARGUMENT);
    assert_int_equal(test->peer.received[WIRE_CONFIGURE] + test->peer.received[WIRE_DEFINE], 0);
}

static d2k_value rows_of(d2k_table *table, const char *text)
{
    d2k_value value;
    d2k_table_clear(table);
    assert_int_equal(d2k_table_from_text(table, text), D2K_OK);
    assert_int_equal(d2k_table_value(table, &value), D2K_OK);
    return value;
}

static void a_table_is_kept_and_told_again_on_every_link(void **state)
{
    struct test *test = *state;
    d2k_object *object;
    d2k_table *rows;
    d2k_config_set_reconnect(test->config, true);
    register_client(test);
    assert_int_equal(d2k_structure_new(tank, 2, &rows), D2K_OK);
    d2k_definition definition = table_of(D2K_TYPE_STRUCTURE, tank, 2);
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_OK);
    d2k_value value = rows_of(rows, "[{\"Temp\":1,\"Name\":\"x\"}]");
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    (void)rows_of(rows, "[]"); /* it was copied */
    assert_int_equal(object->newest.value.content.table.size, value.content.table.size);
    for (unsigned link = 1; link <= 2; link++) {
        UNTIL(test, test->peer.values == link);
        assert_columns_told(test, tank_bytes, sizeof tank_bytes - 1);
        peer_close(&test->peer);
    }
    d2k_table_free(rows);
}

static void a_value_with_other_columns_is_not_taken(void **state)
{
    struct test *test = *state;
    d2k_object *object;
    d2k_table *array, *rows;
    new_client(test);
    assert_int_equal(d2k_array_new(D2K_TYPE_REAL, &array), D2K_OK);
    assert_int_equal(d2k_structure_new(tank, 1, &rows), D2K_OK);
    d2k_definition definition = table_of(D2K_TYPE_STRUCTURE, tank, 2);
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_OK);
    d2k_value value = rows_of(array, "[1]");
    assert_int_equal(d2k_publish(object, &value), D2K_TYPE);
    value = rows_of(rows, "[{\"Temp\":1}]");
    assert_int_equal(d2k_publish(object, &value), D2K_TYPE);
    assert_string_equal(d2k_client_error_text(test->client),
                        "object Tanks: it has 1 columns, not 2");
    value.content.table.size--;
    assert_int_equal(d2k_publish(object, &value), D2K_ARGUMENT);
    assert_false(object->newest.set);
    d2k_table_free(array);
    d2k_table_free(rows);
}

static void new_columns_take_the_kept_value_away(void **state)
{
    struct test *test = *state;
    d2k_object *object, *again;
    d2k_table *rows;
    new_client(test);
    assert_int_equal(d2k_structure_new(tank, 2, &rows), D2K_OK);
    d2k_definition definition = table_of(D2K_TYPE_STRUCTURE, tank, 2);
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_OK);
    d2k_value value = rows_of(rows, "[]");
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(d2k_define_with(test->client, &definition, &again), D2K_OK);
    assert_true(object->newest.set);
    definition.column_count = 1;
    assert_int_equal(d2k_define_with(test->client, &definition, &again), D2K_OK);
    assert_ptr_equal(again, object);
    assert_false(object->newest.set);
    assert_int_equal(d2k_publish(object, &value), D2K_TYPE);
    d2k_table_free(rows);
}

static void tell_of(struct test *test, uint64_t request, const char *columns, size_t size)
{
    struct buffer properties;
    buffer_init(&properties, 1024);
    properties_put(&properties, PROPERTY_COLUMNS, (struct slice){columns, size});
    struct wire_message info = {.type = WIRE_OBJECT_INFO, .request = request};
    info.as.object_info.hobj = 5;
    info.as.object_info.type = D2K_TYPE_STRUCTURE;
    info.as.object_info.name = slice_of("Tanks");
    info.as.object_info.properties =
        (struct slice){(const char *)buffer_data(&properties), buffer_size(&properties)};
    peer_send(&test->peer, &info);
    buffer_free(&properties);
}

static void the_columns_of_an_object_are_told(void **state)
{
    struct test *test = *state;
    uint64_t request;
    register_client(test);
    assert_int_equal(d2k_list_objects(test->client, "Tanks", &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_LIST_OBJECTS] == 1);
    tell_of(test, request, tank_bytes, sizeof tank_bytes - 1);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_OBJECT);
    assert_int_equal(event.object->column_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(event.object->columns[i].type, tank[i].type);
        assert_string_equal(event.object->columns[i].name, tank[i].name);
    }
    tell_of(test, request, tank_bytes, sizeof tank_bytes - 2); /* malformed: it has none */
    event = next_event(test);
    assert_int_equal(event.object->column_count, 0);
    assert_null(event.object->columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(columns_are_told_to_the_kernel),
        TEST(columns_that_are_none_are_not_sent),
        TEST(a_table_is_kept_and_told_again_on_every_link),
        TEST(a_value_with_other_columns_is_not_taken),
        TEST(new_columns_take_the_kept_value_away),
        TEST(the_columns_of_an_object_are_told),
    };
    return cmocka_run_group_tests_name("client_tables", tests, NULL, NULL);
}
