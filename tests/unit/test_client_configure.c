/* tests/unit/test_client_configure.c: d2k_configure, d2k_delete and d2k_define_with against a
 * played kernel. */
#include "played_kernel.h"

#include <math.h>

#include "wire/properties.h"

static d2k_definition variable(const char *name)
{
    return (d2k_definition){.size = sizeof(d2k_definition), .name = name, .type = D2K_TYPE_INTEGER};
}

static uint64_t ask_to_configure(struct test *test, const d2k_definition *definition)
{
    uint64_t request = 0;
    unsigned before = test->peer.received[WIRE_CONFIGURE];
    assert_int_equal(d2k_configure(test->client, definition, &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_CONFIGURE] == before + 1);
    assert_int_equal(test->peer.last_request, request);
    return request;
}

static d2k_event refused(struct test *test, uint64_t request, uint16_t code)
{
    struct wire_message message = {.type = WIRE_FAILED, .request = request};
    message.as.failed.code = code;
    message.as.failed.sentence = slice_of("because");
    peer_send(&test->peer, &message);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_FAILED);
    assert_int_equal(event.request, request);
    assert_string_equal(event.text, "because");
    return event;
}

static void everything_that_is_said_is_told_to_the_kernel(void **state)
{
    struct test *test = *state;
    register_client(test);
    d2k_value seven = d2k_integer(7);
    d2k_definition definition = variable("Set.Point");
    definition.description = "what is wanted";
    definition.unit = "bar";
    definition.path = "Plant/Line1";
    definition.kind = D2K_KIND_USER_VARIABLE;
    definition.default_value = &seven;
    definition.writable = true;
    definition.history = 600;
    uint64_t request = ask_to_configure(test, &definition);

    const struct configured *told = &test->peer.configured;
    struct slice list = {told->properties, told->properties_size}, bytes;
    struct error err;
    assert_int_equal(told->type, D2K_TYPE_INTEGER);
    assert_string_equal(told->name, "Set.Point");
    assert_string_equal(told->description, "what is wanted");
    assert_string_equal(told->unit, "bar");
    assert_int_equal(properties_check(list, &err), D2K_OK);
    assert_true(properties_find(list, PROPERTY_PATH, &bytes));
    assert_true(slice_equal_text(bytes, "Plant/Line1"));
    assert_true(properties_find(list, PROPERTY_KIND, &bytes));
    assert_memory_equal(bytes.data, "\1", 1);
    assert_true(properties_find(list, PROPERTY_DEFAULT, &bytes));
    assert_int_equal(bytes.size, 8);
    assert_memory_equal(bytes.data, "\7\0\0\0\0\0\0\0", 8);
    assert_true(properties_find(list, PROPERTY_WRITABLE, &bytes));
    assert_memory_equal(bytes.data, "\1", 1);
    assert_true(properties_find(list, PROPERTY_HISTORY, &bytes));
    assert_memory_equal(bytes.data, "\x58\2\0\0", 4);

    struct wire_message defined = {.type = WIRE_DEFINED, .request = request};
    defined.as.defined.hobj = 4711;
    peer_send(&test->peer, &defined);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DONE);
    assert_int_equal(event.request, request);
    assert_int_equal(event.count, 4711);
}

static void a_history_of_none_is_told_and_one_too_long_refused(void **state)
{
    struct test *test = *state;
    const struct configured *told = &test->peer.configured;
    struct slice bytes;
    uint64_t request;
    register_client(test);
    d2k_definition definition = variable("A");
    definition.history = D2K_HISTORY_NONE;
    (void)ask_to_configure(test, &definition);
    struct slice list = {told->properties, told->properties_size};
    assert_true(properties_find(list, PROPERTY_HISTORY, &bytes));
    assert_memory_equal(bytes.data, "\0\0\0\0", 4);
    definition.history = D2K_HISTORY_MAX;
    (void)ask_to_configure(test, &definition);
    definition.history = D2K_HISTORY_MAX + 1;
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_ARGUMENT);
    assert_string_equal(d2k_client_error_text(test->client),
                        "object A: a history keeps at most 10000 changes");
}

static void alarms_are_told_and_what_contradicts_itself_is_refused(void **state)
{
    struct test *test = *state;
    const struct configured *told = &test->peer.configured;
    struct slice bytes;
    uint64_t request;
    register_client(test);
    d2k_definition definition = variable("A");
    definition.has_alarms = true;
    (void)ask_to_configure(test, &definition);
    struct slice list = {told->properties, told->properties_size};
    assert_true(properties_find(list, PROPERTY_ALARM, &bytes));
    assert_memory_equal(bytes.data, "\0\0\0\0", 4);
    assert_false(properties_find(list, PROPERTY_CRITICAL, &bytes));
    definition.alarms = D2K_PALARM_BIT(D2K_PALARM_VH_LIMIT);
    definition.critical = true;
    (void)ask_to_configure(test, &definition);
    list.size = told->properties_size;
    assert_true(properties_find(list, PROPERTY_ALARM, &bytes));
    assert_memory_equal(bytes.data, "\0\0\0\x10", 4);
    assert_true(properties_find(list, PROPERTY_CRITICAL, &bytes));
    assert_memory_equal(bytes.data, "\1", 1);
    definition.has_alarms = false;
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_ARGUMENT);
    definition.alarms = 0;
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_ARGUMENT);
    assert_string_equal(d2k_client_error_text(test->client),
                        "object A: process alarms are named, or critical, but it has none");
}

static void what_is_not_said_is_left_out(void **state)
{
    struct test *test = *state;
    register_client(test);
    d2k_definition definition = variable("A");
    definition.path = "";
    (void)ask_to_configure(test, &definition);
    assert_int_equal(test->peer.configured.properties_size, 0);
    assert_string_equal(test->peer.configured.description, "");
}

static void a_refusal_of_the_kernel_is_an_event(void **state)
{
    static const struct {
        uint16_t code;
        d2k_result result;
    } rows[] = {
        {WIRE_CODE_NOT_ALLOWED, D2K_NOT_ALLOWED},
        {WIRE_CODE_NO_RIGHT, D2K_NOT_ALLOWED},
        {WIRE_CODE_NOT_OWNER, D2K_NOT_ALLOWED},
        {WIRE_CODE_STORAGE, D2K_FILE},
        {WIRE_CODE_BUSY, D2K_AGAIN},
        {WIRE_CODE_LIMIT, D2K_LIMIT},
        {WIRE_CODE_BAD_VALUE, D2K_ARGUMENT},
    };
    struct test *test = *state;
    register_client(test);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        d2k_definition definition = variable("A");
        uint64_t request = ask_to_configure(test, &definition);
        assert_int_equal(refused(test, request, rows[i].code).result, rows[i].result);
    }
}

static void a_deletion_is_answered(void **state)
{
    struct test *test = *state;
    uint64_t request = 0;
    register_client(test);
    assert_int_equal(d2k_delete(test->client, "Set.Point", &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_DELETE] == 1);
    assert_string_equal(test->peer.configured.name, "Set.Point");
    struct wire_message done = {.type = WIRE_DONE, .request = request};
    done.as.done.count = 1;
    peer_send(&test->peer, &done);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DONE);
    assert_int_equal(event.count, 1);
    assert_int_equal(d2k_delete(test->client, "Set.Point", &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_DELETE] == 2);
    assert_int_equal(refused(test, request, WIRE_CODE_NOT_FOUND).result, D2K_NOT_FOUND);
}

static void what_is_wrong_is_not_sent(void **state)
{
    struct test *test = *state;
    uint64_t request = 0;
    d2k_value real = d2k_real(1.0);
    char path[PROPERTY_PATH_MAX + 2];
    register_client(test);
    d2k_definition definition = variable("1st");
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_delete(test->client, "1st", &request), D2K_ARGUMENT);
    definition = variable("A");
    definition.size = 8;
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_ARGUMENT);
    definition = variable("A");
    definition.default_value = &real;
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_TYPE);
    definition = variable("A");
    definition.unit = "\xff";
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_ARGUMENT);
    definition = variable("A");
    memset(path, 'p', sizeof path);
    path[PROPERTY_PATH_MAX + 1] = '\0';
    definition.path = path;
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_ARGUMENT);
    assert_int_equal(test->peer.received[WIRE_CONFIGURE] + test->peer.received[WIRE_DELETE], 0);
    path[PROPERTY_PATH_MAX] = '\0';
    (void)ask_to_configure(test, &definition);
}

static void without_a_link_or_a_kernel_that_stores_it_is_refused(void **state)
{
    struct test *test = *state;
    uint64_t request = 0;
    d2k_definition definition = variable("A");
    new_client(test);
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_STATE);
    assert_int_equal(d2k_delete(test->client, "A", &request), D2K_STATE);
    test->peer.lacks = WIRE_CAPABILITY_PLANT;
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, d2k_client_registered(test->client));
    assert_int_equal(d2k_configure(test->client, &definition, &request), D2K_STATE);
    assert_non_null(strstr(d2k_client_error_text(test->client), "too old"));
    assert_int_equal(d2k_delete(test->client, "A", &request), D2K_STATE);
}

static void an_answer_that_the_link_took_with_it_is_told(void **state)
{
    struct test *test = *state;
    d2k_config_set_reconnect(test->config, true);
    register_client(test);
    d2k_definition definition = variable("A");
    uint64_t request = ask_to_configure(test, &definition);
    peer_close(&test->peer);
    d2k_event event = next_event(test);
    while (event.type != D2K_EVENT_FAILED) {
        event = next_event(test);
    }
    assert_int_equal(event.request, request);
    assert_int_equal(event.result, D2K_CLOSED);
}

/* ---- objects of this process ---- */

static void assert_limit(const struct test *test, uint16_t key, double wanted)
{
    const struct configured *told = &test->peer.configured;
    struct slice bytes;
    double limit;
    assert_true(
        properties_find((struct slice){told->properties, told->properties_size}, key, &bytes));
    assert_true(property_f64(bytes, &limit) && limit == wanted);
}

/* Path, limits l and h, history, writable: 4 + 4 + size each. */
#define PROPERTIES_OF_LEVEL  (4 + 5 + 2 * (4 + 8) + 4 + 4 + 4 + 1)
#define PROPERTIES_OF_ALARMS (4 + 4 + 4 + 1)

static d2k_definition level(const d2k_limits *limits)
{
    return (d2k_definition){.size = sizeof(d2k_definition),
                            .name = "Level",
                            .type = D2K_TYPE_REAL,
                            .description = "of the tank",
                            .unit = "m",
                            .path = "Tanks",
                            .writable = true,
                            .history = 600,
                            .limits = limits};
}

static void all_that_is_said_of_an_own_object_is_told_on_every_link(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_config_set_reconnect(test->config, true);
    register_client(test);
    d2k_limits limits = {NAN, 1, 2, NAN};
    d2k_definition definition = level(&limits);
    definition.has_alarms = true;
    definition.alarms = d2k_process_alarms_usual(definition.type);
    definition.critical = true;
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_OK);
    limits.l = limits.h = 99; /* it was copied */
    for (unsigned link = 1; link <= 2; link++) {
        UNTIL(test, test->peer.received[WIRE_DEFINE] == link);
        const struct configured *told = &test->peer.configured;
        assert_string_equal(told->name, "Level");
        assert_string_equal(told->description, "of the tank");
        assert_string_equal(told->unit, "m");
        assert_int_equal(told->properties_size, PROPERTIES_OF_LEVEL + PROPERTIES_OF_ALARMS);
        assert_limit(test, PROPERTY_LIMIT_L, 1);
        assert_limit(test, PROPERTY_LIMIT_H, 2);
        peer_close(&test->peer);
    }
}

static void what_is_said_again_replaces_what_was_said(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL, *again = NULL;
    const d2k_limits limits = {0, 1, 2, 3};
    register_client(test);
    assert_int_equal(d2k_define(test->client, "level", D2K_TYPE_REAL, "a", "b", &object), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_DEFINE] == 1);
    assert_int_equal(test->peer.configured.properties_size, 0);
    d2k_definition definition = level(&limits);
    assert_int_equal(d2k_define_with(test->client, &definition, &again), D2K_OK);
    assert_ptr_equal(again, object);
    UNTIL(test, test->peer.received[WIRE_DEFINE] == 2);
    assert_string_equal(test->peer.configured.description, "of the tank");
    assert_limit(test, PROPERTY_LIMIT_VH, 3);
    definition.limits = NULL;
    definition.path = NULL;
    definition.writable = false;
    definition.history = 0;
    assert_int_equal(d2k_define_with(test->client, &definition, &again), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_DEFINE] == 3);
    assert_int_equal(test->peer.configured.properties_size, 0);
    assert_int_equal(d2k_define(test->client, "level", D2K_TYPE_REAL, "a", "b", &again), D2K_OK);
    assert_ptr_equal(again, object);
    d2k_value value = d2k_real(1);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    UNTIL(test, test->peer.values == 1);
    assert_int_equal(test->peer.received[WIRE_DEFINE], 3);
}

static void a_definition_that_was_refused_is_tried_anew(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value value = d2k_real(1);
    test->peer.refuse_definitions = true;
    register_client(test);
    d2k_definition definition = level(NULL);
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_OK);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(next_event(test).type, D2K_EVENT_FAILED);
    assert_int_equal(d2k_publish(object, &value), D2K_REFUSED);
    test->peer.refuse_definitions = false;
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_OK);
    UNTIL(test, test->peer.values == 1);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
}

static void what_only_the_kernels_objects_have_is_refused(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value one = d2k_real(1);
    new_client(test);
    d2k_definition definition = level(NULL);
    definition.kind = D2K_KIND_USER_VARIABLE;
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_ARGUMENT);
    definition = level(NULL);
    definition.default_value = &one;
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_ARGUMENT);
    assert_string_equal(d2k_client_error_text(test->client),
                        "object Level: a default belongs to an object of the kernel: "
                        "d2k_configure()");
    definition = level(NULL);
    definition.expression = "A + 1";
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_ARGUMENT);
    definition = level(NULL);
    definition.history = D2K_HISTORY_MAX + 1;
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_ARGUMENT);
    definition = level(NULL);
    definition.size--;
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_ARGUMENT);
    assert_null(object);
    definition = level(NULL);
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_OK);
    definition.type = D2K_TYPE_TEXT;
    assert_int_equal(d2k_define_with(test->client, &definition, &object), D2K_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_that_is_said_is_told_to_the_kernel),
        TEST(a_history_of_none_is_told_and_one_too_long_refused),
        TEST(alarms_are_told_and_what_contradicts_itself_is_refused),
        TEST(what_is_not_said_is_left_out),
        TEST(a_refusal_of_the_kernel_is_an_event),
        TEST(a_deletion_is_answered),
        TEST(what_is_wrong_is_not_sent),
        TEST(without_a_link_or_a_kernel_that_stores_it_is_refused),
        TEST(an_answer_that_the_link_took_with_it_is_told),
        TEST(all_that_is_said_of_an_own_object_is_told_on_every_link),
        TEST(what_is_said_again_replaces_what_was_said),
        TEST(a_definition_that_was_refused_is_tried_anew),
        TEST(what_only_the_kernels_objects_have_is_refused),
    };
    return cmocka_run_group_tests_name("client_configure", tests, NULL, NULL);
}
