/* tests/unit/test_client_data.c: what a client publishes, subscribes and asks. */
#include "played_kernel.h"

#include <math.h>

/* ---- publishing ---- */

static void values_of_one_turn_go_out_in_one_frame(void **state)
{
    struct test *test = *state;
    d2k_object *objects[10];
    register_client(test);
    for (int i = 0; i < 10; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "Obj.%d", i);
        assert_int_equal(
            d2k_define(test->client, name, D2K_TYPE_REAL, "description", "V", &objects[i]), D2K_OK);
    }
    UNTIL(test, test->peer.received[WIRE_DEFINE] == 10 && objects[9]->hobj != 0);
    for (int i = 0; i < 1000; i++) {
        d2k_value value = d2k_real(i);
        assert_int_equal(d2k_publish(objects[i % 10], &value), D2K_OK);
    }
    UNTIL(test, test->peer.values == 1000);
    assert_int_equal(test->peer.updates, 1);
    assert_false(test->peer.sequence_broken);
    assert_int_equal(test->peer.sequence, 1000);
    assert_true(test->peer.last_value.time_ns > D2K_TIME_MIN_NS);
}

static void newest_value_before_the_definition_is_sent_after_it(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    new_client(test);
    assert_int_equal(d2k_define(test->client, "A.B", D2K_TYPE_TEXT, NULL, NULL, &object), D2K_OK);
    d2k_value value = d2k_text("first");
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    char text[] = "second, longer";
    value = d2k_text(text);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    memset(text, 'x', sizeof(text) - 1); /* it was copied */
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, test->peer.values == 1);
    assert_int_equal(test->peer.updates, 1);
}

static void output_is_limited(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_result result = D2K_OK;
    d2k_value value = d2k_integer(0);
    unsigned count = 0;
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_INTEGER, NULL, NULL, &object), D2K_OK);
    UNTIL(test, object->hobj != 0);
    while (count < 100000 && (result = d2k_publish(object, &value)) == D2K_OK) {
        count++;
    }
    assert_int_equal(result, D2K_LIMIT);
    assert_in_range(link_unsent(test->client), CLIENT_UNSENT_MAX, CLIENT_UNSENT_MAX + 200);
    UNTIL(test, test->peer.values == count);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_true(test->peer.updates > count / 2000);
    assert_false(test->peer.sequence_broken);
}

static void bad_values_and_definitions_are_refused(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_object *other = NULL;
    new_client(test);
    d2k_client *client = test->client;
    static const char *const bad_names[] = {"", "1a", "a b", ".a", "a\xc3\xa4", "a*"};
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
        assert_int_equal(d2k_define(client, bad_names[i], D2K_TYPE_REAL, NULL, NULL, &object),
                         D2K_ARGUMENT);
    }
    assert_int_equal(d2k_define(client, NULL, D2K_TYPE_REAL, NULL, NULL, &object), D2K_ARGUMENT);
    assert_int_equal(d2k_define(client, "A", D2K_TYPE_NONE, NULL, NULL, &object), D2K_ARGUMENT);
    assert_int_equal(d2k_define(client, "A", D2K_TYPE_REAL, "\xff", NULL, &object), D2K_ARGUMENT);
    assert_int_equal(d2k_define(client, "A", D2K_TYPE_REAL, NULL, "V", &object), D2K_OK);
    assert_int_equal(d2k_define(client, "a", D2K_TYPE_REAL, NULL, "V", &other), D2K_OK);
    assert_ptr_equal(object, other);
    assert_int_equal(d2k_define(client, "a", D2K_TYPE_TEXT, NULL, "V", &other), D2K_ARGUMENT);
    d2k_value value = d2k_integer(1);
    assert_int_equal(d2k_publish(object, &value), D2K_TYPE);
    value = d2k_real(0.0);
    value.content.real = 1e308 * 10;
    assert_int_equal(d2k_publish(object, &value), D2K_ARGUMENT);
    value = d2k_real(0.0);
    value.past = true;
    assert_int_equal(d2k_publish(object, &value), D2K_STATE);
}

static void how_much_history_is_kept_is_said_again_and_limited(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_REAL, NULL, NULL, &object), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_DEFINE] == 1 && object->hobj != 0);
    assert_int_equal(test->peer.configured.properties_size, 0);
    assert_int_equal(d2k_keep_history(object, D2K_HISTORY_MAX + 1), D2K_ARGUMENT);
    assert_int_equal(d2k_keep_history(object, D2K_HISTORY_MAX), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_DEFINE] == 2 && object->hobj != 1);
    assert_int_equal(test->peer.configured.properties_size, 8);
    assert_int_equal(d2k_keep_history(object, 0), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_DEFINE] == 3);
    assert_int_equal(test->peer.configured.properties_size, 0);
}

static void a_snapshot_is_asked_for_by_names_and_patterns(void **state)
{
    struct test *test = *state;
    const char *const patterns[] = {"A", "Boiler.*"};
    const char *const bad[] = {"A", ""}, *const none[] = {NULL};
    const char *many[D2K_SNAPSHOT_PATTERNS_MAX + 1];
    uint64_t request = 0;
    for (size_t i = 0; i < D2K_SNAPSHOT_PATTERNS_MAX + 1; i++) {
        many[i] = "?";
    }
    new_client(test);
    assert_int_equal(d2k_read_snapshot(test->client, patterns, 2, &request), D2K_STATE);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
    assert_int_equal(d2k_read_snapshot(test->client, patterns, 0, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_read_snapshot(test->client, bad, 2, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_read_snapshot(test->client, none, 1, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_read_snapshot(test->client, many, D2K_SNAPSHOT_PATTERNS_MAX + 1, &request),
                     D2K_ARGUMENT);
    assert_int_equal(d2k_read_snapshot(test->client, many, D2K_SNAPSHOT_PATTERNS_MAX, NULL),
                     D2K_OK);
    assert_int_equal(d2k_read_snapshot(test->client, patterns, 2, &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_SNAPSHOT] == 2);
    assert_int_equal(test->peer.configured.properties_size, 13);
    assert_memory_equal(test->peer.configured.properties, "\1\0A\x8\0Boiler.*", 13);
    struct wire_message done = {.type = WIRE_DONE, .request = request};
    peer_send(&test->peer, &done);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DONE);
    assert_int_equal(event.request, request);
}

static void a_history_is_asked_for_by_name(void **state)
{
    struct test *test = *state;
    uint64_t request = 0;
    new_client(test);
    assert_int_equal(d2k_history(test->client, "A", 5, &request), D2K_STATE);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
    assert_int_equal(d2k_history(test->client, "A*", 5, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_history(test->client, NULL, 5, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_history(test->client, "A", 5, &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_HISTORY] == 1);
    struct wire_message done = {.type = WIRE_DONE, .request = request};
    peer_send(&test->peer, &done);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DONE);
    assert_int_equal(event.request, request);
}

static void alarms_are_acknowledged_by_name_or_pattern(void **state)
{
    struct test *test = *state;
    char long_one[WIRE_PATTERN_MAX + 2];
    uint64_t request = 0;
    memset(long_one, '?', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    new_client(test);
    assert_int_equal(d2k_acknowledge_alarm(test->client, "A*", &request), D2K_STATE);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
    assert_int_equal(d2k_acknowledge_alarm(test->client, NULL, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_acknowledge_alarm(test->client, "", &request), D2K_ARGUMENT);
    assert_int_equal(d2k_acknowledge_alarm(test->client, long_one, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_acknowledge_alarm(test->client, long_one + 1, &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_ACKNOWLEDGE_ALARM] == 1);
    struct wire_message done = {.type = WIRE_DONE, .request = request};
    done.as.done.count = 3;
    peer_send(&test->peer, &done);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DONE);
    assert_int_equal(event.count, 3);
}

static d2k_filter no_filter(void)
{
    return (d2k_filter){.size = sizeof(d2k_filter)};
}

static void a_list_is_asked_for_with_all_that_is_said(void **state)
{
    struct test *test = *state;
    d2k_filter filter = no_filter();
    register_client(test);
    filter.type = D2K_TYPE_TEXT;
    filter.quality = D2K_QUALITY_INVALID;
    filter.has_kind = true;
    filter.owner = "";
    filter.path = "Plant/*";
    static const char said[] = "\x20\0\1\0\6"
                               "\x21\0\0\0"
                               "\x22\0\1\0\2"
                               "\x25\0\1\0\0"
                               "\x26\0\7\0Plant/*";
    const struct configured *told = &test->peer.configured;
    assert_int_equal(d2k_list_objects_where(test->client, "A*", &filter, NULL), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_LIST_OBJECTS] == 1);
    assert_string_equal(told->name, "A*");
    assert_int_equal(told->properties_size, sizeof said - 1);
    assert_memory_equal(told->properties, said, sizeof said - 1);

    filter = no_filter();
    assert_int_equal(d2k_list_objects_where(test->client, "A*", &filter, NULL), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_LIST_OBJECTS] == 2);
    assert_int_equal(told->properties_size, 0);
}

static void a_filter_that_is_none_is_refused(void **state)
{
    struct test *test = *state;
    char long_text[WIRE_PATTERN_MAX + 2];
    memset(long_text, 'x', sizeof long_text);
    long_text[WIRE_PATTERN_MAX + 1] = '\0';
    d2k_filter bad[] = {no_filter(), no_filter(), no_filter(), no_filter(),
                        no_filter(), no_filter(), no_filter()};
    bad[0].size--;
    bad[1].type = (d2k_type)(D2K_TYPE_LAST + 1);
    bad[2].quality = (d2k_quality)3;
    bad[3].has_kind = true;
    bad[3].kind = (d2k_kind)4;
    bad[4].owner = long_text;
    bad[5].path = long_text;
    bad[6].path = "\xff";
    register_client(test);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(d2k_list_objects_where(test->client, "A*", &bad[i], NULL), D2K_ARGUMENT);
    }
    d2k_filter filter = no_filter();
    filter.owner = filter.path = long_text + 1; /* the longest */
    assert_int_equal(d2k_list_objects_where(test->client, "A*", &filter, NULL), D2K_OK);
    assert_int_equal(d2k_list_objects_where(test->client, "", &filter, NULL), D2K_ARGUMENT);
}

static void a_kernel_that_knows_no_filter_is_not_asked(void **state)
{
    struct test *test = *state;
    const d2k_filter filter = no_filter();
    test->peer.lacks = WIRE_CAPABILITY_PLANT;
    register_client(test);
    assert_int_equal(d2k_list_objects_where(test->client, "A*", &filter, NULL), D2K_STATE);
    assert_int_equal(d2k_list_objects_where(test->client, "A*", NULL, NULL), D2K_OK);
}

static void description_and_unit_are_limited(void **state)
{
    struct test *test = *state;
    char text[D2K_DESCRIPTION_MAX + 2];
    d2k_object *object = NULL;
    new_client(test);
    memset(text, 'a', sizeof(text));
    text[D2K_DESCRIPTION_MAX + 1] = '\0';
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_REAL, text, NULL, &object),
                     D2K_ARGUMENT);
    text[D2K_DESCRIPTION_MAX] = '\0';
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_REAL, text, NULL, &object), D2K_OK);
    text[D2K_UNIT_MAX + 1] = '\0';
    assert_int_equal(d2k_define(test->client, "B", D2K_TYPE_REAL, NULL, text, &object),
                     D2K_ARGUMENT);
    text[D2K_UNIT_MAX] = '\0';
    assert_int_equal(d2k_define(test->client, "B", D2K_TYPE_REAL, NULL, text, &object), D2K_OK);
}

static void long_text_is_cut_and_marked_weak(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    char *text = malloc(2 * D2K_TEXT_MAX_CHARS + 3);
    assert_non_null(text);
    for (size_t i = 0; i <= D2K_TEXT_MAX_CHARS; i++) {
        memcpy(text + 2 * i, "\xc3\xa4", 2);
    }
    text[2 * D2K_TEXT_MAX_CHARS + 2] = '\0';
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_TEXT, NULL, NULL, &object), D2K_OK);
    d2k_value value = d2k_text(text);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(object->newest.value.content.text.size, 2 * D2K_TEXT_MAX_CHARS);
    assert_int_not_equal(object->newest.value.status & D2K_STATUS_WEAK, 0);
    UNTIL(test, test->peer.values == 1);
    text[2 * D2K_TEXT_MAX_CHARS] = '\0';
    value = d2k_text(text);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(object->newest.value.status & D2K_STATUS_WEAK, 0);
    text[1] = 'x';
    value = d2k_text(text);
    assert_int_equal(d2k_publish(object, &value), D2K_ARGUMENT);
    free(text);
}

static void refused_definition_is_told(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value value = d2k_real(1.0);
    test->peer.refuse_definitions = true;
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A.B", D2K_TYPE_REAL, NULL, NULL, &object), D2K_OK);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_FAILED);
    assert_int_equal(event.result, D2K_NOT_ALLOWED);
    assert_string_equal(event.text, "object A.B: it belongs to SELF.KOM");
    assert_logged(test, "Definition of object A.B refused by the kernel: it belongs to SELF.KOM");
    assert_int_equal(d2k_publish(object, &value), D2K_REFUSED);
    assert_false(objects_waiting(test->client));
}

static void acknowledgement_follows_what_was_published(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value value = d2k_boolean(true);
    uint64_t sequence = 0;
    new_client(test);
    assert_int_equal(d2k_acknowledge(test->client, &sequence), D2K_STATE);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, d2k_client_registered(test->client));
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_BOOLEAN, NULL, NULL, &object), D2K_OK);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(d2k_acknowledge(test->client, &sequence), D2K_AGAIN);
    UNTIL(test, test->peer.values == 1);
    assert_int_equal(d2k_acknowledge(test->client, &sequence), D2K_OK);
    assert_int_equal(sequence, 1);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_ACKNOWLEDGED);
    assert_int_equal(event.count, 1);
}

/* ---- reading ---- */

static void peer_announce(struct peer *peer, uint32_t hobj, const char *name, uint64_t request)
{
    struct wire_message message = {.type = WIRE_OBJECT_INFO, .request = request};
    message.as.object_info.hobj = hobj;
    message.as.object_info.type = D2K_TYPE_INTEGER;
    message.as.object_info.name = slice_of(name);
    message.as.object_info.description = slice_of("what it is");
    message.as.object_info.unit = slice_of("V");
    message.as.object_info.owner = slice_of("SELF.KOM");
    peer_send(peer, &message);
}

static void peer_publish(struct peer *peer, uint32_t hobj, unsigned count)
{
    struct buffer *frames = session_frames(peer->session);
    struct wire_open_frame frame = wire_begin(frames, WIRE_UPDATE, 0, 0);
    for (unsigned i = 0; i < count; i++) {
        d2k_value value = d2k_integer(i);
        value.time_ns = os_wall_ns();
        value.sequence = i + 1;
        assert_int_equal(wire_value_encode(frames, hobj, &value), D2K_OK);
    }
    assert_int_equal(wire_end(frames, frame), D2K_OK);
}

static void subscription_is_told_in_order_with_its_objects(void **state)
{
    struct test *test = *state;
    uint64_t request = 0;
    register_client(test);
    assert_int_equal(d2k_subscribe(test->client, "A.*", D2K_EVERY, &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_SUBSCRIBE] == 1);
    struct wire_message message = {.type = WIRE_SNAPSHOT_BEGIN};
    message.as.snapshot_begin.subscription = test->peer.last_subscription;
    peer_send(&test->peer, &message);
    peer_announce(&test->peer, 17, "A.B", 0);
    peer_publish(&test->peer, 17, 3);
    message = (struct wire_message){.type = WIRE_SNAPSHOT_END};
    message.as.snapshot_end.subscription = test->peer.last_subscription;
    message.as.snapshot_end.count = 1;
    peer_send(&test->peer, &message);
    message = (struct wire_message){.type = WIRE_OVERRUN};
    message.as.overrun.subscription = test->peer.last_subscription;
    message.as.overrun.lost = 9;
    peer_send(&test->peer, &message);

    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_OBJECT);
    assert_string_equal(event.object->name, "A.B");
    assert_string_equal(event.object->description, "what it is");
    assert_string_equal(event.object->unit, "V");
    assert_string_equal(event.object->owner, "SELF.KOM");
    for (int i = 0; i < 3; i++) {
        event = next_event(test);
        assert_int_equal(event.type, D2K_EVENT_VALUE);
        assert_int_equal(event.object->hobj, 17);
        assert_string_equal(event.object->name, "A.B");
        assert_int_equal(event.value->content.integer, i);
    }
    event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_SNAPSHOT_END);
    assert_int_equal(event.request, request);
    assert_int_equal(event.count, 1);
    event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_OVERRUN);
    assert_int_equal(event.request, request);
    assert_int_equal(event.count, 9);
    assert_int_equal(d2k_unsubscribe(test->client, request), D2K_OK);
    assert_int_equal(d2k_unsubscribe(test->client, request), D2K_NOT_FOUND);
    UNTIL(test, test->peer.received[WIRE_UNSUBSCRIBE] == 1);
}

static void value_of_an_object_never_told_of_ends_the_link(void **state)
{
    struct test *test = *state;
    register_client(test);
    peer_publish(&test->peer, 99, 1);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_equal(event.result, D2K_PROTOCOL);
    assert_non_null(strstr(event.text, "object 99"));
}

static void program_that_takes_no_events_stops_the_reading(void **state)
{
    struct test *test = *state;
    d2k_socket sockets[16];
    register_client(test);
    peer_announce(&test->peer, 17, "A.B", 0);
    for (int i = 0; i < 2000; i++) {
        peer_publish(&test->peer, 17, 100);
    }
    for (int i = 0; i < 200; i++) {
        (void)turn(test);
    }
    assert_true(session_unsent(test->peer.session) > 0 || test->peer.fd >= 0);
    assert_int_equal(test->client->events.held.kind, HELD_OBJECT);
    assert_int_equal(d2k_client_sockets(test->client, sockets, 16), 0);
    assert_int_equal(next_event(test).type, D2K_EVENT_OBJECT);
    for (int i = 0; i < 200000; i++) {
        d2k_event event = next_event(test);
        assert_int_equal(event.type, D2K_EVENT_VALUE);
        assert_int_equal(event.value->content.integer, i % 100);
    }
    d2k_event event;
    assert_int_equal(d2k_client_next(test->client, &event, 0), D2K_AGAIN);
    assert_int_equal(d2k_client_next(test->client, &event, 1), D2K_TIMEOUT);
}

static void questions_are_answered_or_failed(void **state)
{
    struct test *test = *state;
    uint64_t ping = 0;
    uint64_t list = 0;
    new_client(test);
    assert_int_equal(d2k_read(test->client, "*", NULL), D2K_STATE);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, d2k_client_registered(test->client));
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
    assert_int_equal(d2k_ping(test->client, "hello", 5, &ping), D2K_OK);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_PONG);
    assert_int_equal(event.request, ping);
    assert_int_equal(event.count, 5);
    assert_memory_equal(event.text, "hello", 5);

    assert_int_equal(d2k_list_processes(test->client, "*", &list), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_LIST_PROCESSES] == 1);
    struct wire_message message = {.type = WIRE_PROCESS_INFO, .request = list};
    message.as.process_info.id_number = 5;
    message.as.process_info.process_name = slice_of("SELF.KOM");
    message.as.process_info.tls_version = slice_of("TLSv1.3");
    message.as.process_info.verified = 1;
    static const char told[] = "\x34\x00\x04\x00jana"              /* PROPERTY_USER */
                               "\x31\x00\x01\x00\x03"              /* PROPERTY_STATIC: WAITING */
                               "\x32\x00\x04\x00\x02\x00\x00\x00"  /* PROPERTY_RESTARTS */
                               "\x33\x00\x04\x00\xe8\x03\x00\x00"; /* PROPERTY_NEXT_START_MS */
    message.as.process_info.properties = (struct slice){told, sizeof told - 1};
    peer_send(&test->peer, &message);
    message = (struct wire_message){.type = WIRE_FAILED, .request = list};
    message.as.failed.code = WIRE_CODE_NOT_ALLOWED;
    message.as.failed.sentence = slice_of("not you");
    peer_send(&test->peer, &message);
    event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_PROCESS);
    assert_int_equal(event.request, list);
    assert_string_equal(event.process->name, "SELF.KOM");
    assert_string_equal(event.process->tls_version, "TLSv1.3");
    assert_string_equal(event.process->address, "");
    assert_true(event.process->verified);
    assert_string_equal(event.process->user, "jana");
    assert_int_equal(event.process->program, D2K_PROGRAM_WAITING);
    assert_int_equal(event.process->restarts, 2);
    assert_int_equal(event.process->next_start_ms, 1000);
    event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_FAILED);
    assert_int_equal(event.request, list);
    assert_int_equal(event.result, D2K_NOT_ALLOWED);
    assert_string_equal(event.text, "not you");
}

/* What the client makes of these properties of a process. */
static d2k_program_state program_told(struct test *test, struct slice properties)
{
    struct wire_message message = {.type = WIRE_PROCESS_INFO};
    message.as.process_info.process_name = slice_of("SELF.KOM");
    message.as.process_info.properties = properties;
    peer_send(&test->peer, &message);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_PROCESS);
    assert_int_equal(event.process->restarts, 0);
    assert_int_equal(event.process->next_start_ms, 0);
    return event.process->program;
}

static void what_is_not_understood_of_a_program_is_not_known(void **state)
{
    struct test *test = *state;
    register_client(test);
    static const char stopping[] = "\x31\x00\x01\x00\x06", later[] = "\x31\x00\x01\x00\x07",
                      zero[] = "\x31\x00\x01\x00", too_long[] = "\x31\x00\x02\x00\x05",
                      broken[] = "\x31\x00\x09\x00\x05";
    assert_int_equal(program_told(test, (struct slice){"", 0}), D2K_PROGRAM_NONE);
    assert_int_equal(program_told(test, (struct slice){stopping, 5}), D2K_PROGRAM_STOPPING);
    assert_int_equal(program_told(test, (struct slice){later, 5}), D2K_PROGRAM_UNKNOWN);
    assert_int_equal(program_told(test, (struct slice){zero, 5}), D2K_PROGRAM_UNKNOWN);
    assert_int_equal(program_told(test, (struct slice){too_long, 6}), D2K_PROGRAM_UNKNOWN);
    assert_int_equal(program_told(test, (struct slice){broken, 5}), D2K_PROGRAM_NONE);
}

static void tell_instance(struct test *test, uint8_t state)
{
    struct wire_message message = {.type = WIRE_INSTANCE_STATE};
    message.as.instance_state.state = state;
    peer_send(&test->peer, &message);
}

static void an_instance_that_becomes_active_publishes_its_newest_values_again(void **state)
{
    struct test *test = *state;
    d2k_object *objects[2];
    register_client(test);
    tell_instance(test, WIRE_INSTANCE_PASSIVE);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_INSTANCE);
    assert_int_equal(event.count, D2K_INSTANCE_PASSIVE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            d2k_define(test->client, i == 0 ? "A" : "B", D2K_TYPE_INTEGER, NULL, NULL, &objects[i]),
            D2K_OK);
    }
    UNTIL(test, objects[1]->hobj != 0);
    for (int i = 0; i < 3; i++) {
        d2k_value value = d2k_integer(i);
        assert_int_equal(d2k_publish(objects[0], &value), D2K_OK);
    }
    UNTIL(test, test->peer.values == 3);
    tell_instance(test, 77); /* of a later version */
    tell_instance(test, WIRE_INSTANCE_ACTIVE);
    event = next_event(test);
    assert_int_equal(event.count, D2K_INSTANCE_ACTIVE);
    assert_int_equal(d2k_client_instance_state(test->client), D2K_INSTANCE_ACTIVE);
    UNTIL(test, test->peer.values == 4);
    assert_int_equal(test->peer.last_value.content.integer, 2);
    assert_false(test->peer.sequence_broken);
}

static void instances_are_asked_for_by_name_and_number(void **state)
{
    struct test *test = *state;
    uint64_t request = 0;
    register_client(test);
    assert_int_equal(d2k_set_active_instance(test->client, "SELF", 1, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_set_active_instance(test->client, "A.KOM", 16, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_set_active_instance(test->client, "A.KOM", 15, &request), D2K_OK);
    assert_int_equal(d2k_set_preferred_instance(test->client, "A.KOM", 0, &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_SET_PREFERRED_INSTANCE] == 1);
    assert_int_equal(test->peer.received[WIRE_SET_ACTIVE_INSTANCE], 1);
}

static void processes_are_started_and_stopped_by_name(void **state)
{
    struct test *test = *state;
    uint64_t request = 0;
    register_client(test);
    assert_int_equal(d2k_start_process(test->client, "A", &request), D2K_ARGUMENT);
    assert_int_equal(d2k_stop_process(test->client, NULL, &request), D2K_ARGUMENT);
    assert_int_equal(d2k_start_process(test->client, "A.KOM", &request), D2K_OK);
    assert_int_equal(d2k_stop_process(test->client, "A.KOM", NULL), D2K_OK);
    assert_int_equal(d2k_restart_process(test->client, "A.KOM", &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_RESTART_PROCESS] == 1);
    assert_int_equal(test->peer.received[WIRE_START_PROCESS], 1);
    assert_int_equal(test->peer.received[WIRE_STOP_PROCESS], 1);
}

static void open_questions_are_limited(void **state)
{
    struct test *test = *state;
    register_client(test);
    for (unsigned i = 0; i < CLIENT_PENDING_MAX; i++) {
        assert_int_equal(d2k_read(test->client, "*", NULL), D2K_OK);
    }
    assert_int_equal(d2k_read(test->client, "*", NULL), D2K_LIMIT);
    char *large = calloc(1, CLIENT_PING_MAX + 1);
    assert_non_null(large);
    assert_int_equal(d2k_ping(test->client, large, CLIENT_PING_MAX + 1, NULL), D2K_ARGUMENT);
    free(large);
}

static void patterns_and_subscriptions_are_limited(void **state)
{
    struct test *test = *state;
    char pattern[WIRE_PATTERN_MAX + 2];
    new_client(test);
    memset(pattern, 'a', sizeof(pattern));
    pattern[WIRE_PATTERN_MAX + 1] = '\0';
    assert_int_equal(d2k_subscribe(test->client, pattern, D2K_LATEST, NULL), D2K_ARGUMENT);
    assert_int_equal(d2k_subscribe(test->client, "", D2K_LATEST, NULL), D2K_ARGUMENT);
    assert_int_equal(d2k_subscribe(test->client, NULL, D2K_LATEST, NULL), D2K_ARGUMENT);
    pattern[WIRE_PATTERN_MAX] = '\0';
    for (unsigned i = 0; i < CLIENT_SUBSCRIPTIONS_MAX; i++) {
        assert_int_equal(d2k_subscribe(test->client, pattern, D2K_LATEST, NULL), D2K_OK);
    }
    assert_int_equal(d2k_subscribe(test->client, pattern, D2K_LATEST, NULL), D2K_LIMIT);
}

static d2k_subscription_options options_of(d2k_mode mode)
{
    return (d2k_subscription_options){.size = sizeof(d2k_subscription_options), .mode = mode};
}

static void interval_and_dead_band_are_told_on_every_link(void **state)
{
    struct test *test = *state;
    const struct configured *told = &test->peer.configured;
    d2k_subscription_options options = options_of(D2K_LATEST);
    options.has_dead_band = true;
    static const char said[] = "\x23\0\4\0\xe8\3\0\0"
                               "\x24\0\x8\0\0\0\0\0\0\0\x4\x40";
    options.min_interval_ms = 1000;
    options.dead_band = 2.5;
    d2k_config_set_reconnect(test->config, true);
    register_client(test);
    assert_int_equal(d2k_subscribe_with(test->client, "A.*", &options, NULL), D2K_OK);
    for (unsigned i = 1; i <= 2; i++) {
        UNTIL(test, test->peer.received[WIRE_SUBSCRIBE] == i);
        assert_string_equal(told->name, "A.*");
        assert_int_equal(told->properties_size, sizeof said - 1);
        assert_memory_equal(told->properties, said, sizeof said - 1);
        peer_close(&test->peer);
    }
}

static void intervals_and_dead_bands_are_limited(void **state)
{
    struct test *test = *state;
    d2k_subscription_options good[] = {options_of(D2K_LATEST), options_of(D2K_EVERY),
                                       options_of(D2K_LATEST), options_of(D2K_LATEST)};
    good[2].min_interval_ms = D2K_INTERVAL_MAX_MS;
    good[3].has_dead_band = true;
    d2k_subscription_options bad[] = {options_of(D2K_LATEST), options_of((d2k_mode)2),
                                      options_of(D2K_LATEST), options_of(D2K_LATEST),
                                      options_of(D2K_LATEST), options_of(D2K_LATEST),
                                      options_of(D2K_EVERY),  options_of(D2K_EVERY)};
    bad[0].size--;
    bad[2].min_interval_ms = D2K_INTERVAL_MAX_MS + 1;
    bad[3].has_dead_band = bad[4].has_dead_band = bad[5].has_dead_band = true;
    bad[3].dead_band = -1;
    bad[4].dead_band = NAN;
    bad[5].dead_band = INFINITY;
    bad[6].min_interval_ms = 1;
    bad[7].has_dead_band = true;
    register_client(test);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(d2k_subscribe_with(test->client, "A", &good[i], NULL), D2K_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(d2k_subscribe_with(test->client, "A", &bad[i], NULL), D2K_ARGUMENT);
    }
}

static void kernel_is_answered_when_it_pings_or_writes(void **state)
{
    struct test *test = *state;
    register_client(test);
    struct wire_message message = {.type = WIRE_PING, .request = 5};
    message.as.ping.data = slice_of("x");
    peer_send(&test->peer, &message);
    UNTIL(test, test->peer.received[WIRE_PONG] == 1);
    message = (struct wire_message){.type = WIRE_WRITE, .request = 6};
    peer_send(&test->peer, &message);
    UNTIL(test, test->peer.received[WIRE_WRITE_RESULT] == 1);
}

static void message_of_the_wrong_state_ends_the_link(void **state)
{
    struct test *test = *state;
    register_client(test);
    struct wire_message message = {.type = WIRE_DEFINED, .request = 12345};
    peer_send(&test->peer, &message);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_equal(event.result, D2K_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_of_one_turn_go_out_in_one_frame),
        TEST(newest_value_before_the_definition_is_sent_after_it),
        TEST(output_is_limited),
        TEST(bad_values_and_definitions_are_refused),
        TEST(how_much_history_is_kept_is_said_again_and_limited),
        TEST(a_list_is_asked_for_with_all_that_is_said),
        TEST(a_filter_that_is_none_is_refused),
        TEST(a_kernel_that_knows_no_filter_is_not_asked),
        TEST(a_snapshot_is_asked_for_by_names_and_patterns),
        TEST(a_history_is_asked_for_by_name),
        TEST(alarms_are_acknowledged_by_name_or_pattern),
        TEST(description_and_unit_are_limited),
        TEST(long_text_is_cut_and_marked_weak),
        TEST(refused_definition_is_told),
        TEST(acknowledgement_follows_what_was_published),
        TEST(subscription_is_told_in_order_with_its_objects),
        TEST(value_of_an_object_never_told_of_ends_the_link),
        TEST(program_that_takes_no_events_stops_the_reading),
        TEST(questions_are_answered_or_failed),
        TEST(an_instance_that_becomes_active_publishes_its_newest_values_again),
        TEST(instances_are_asked_for_by_name_and_number),
        TEST(processes_are_started_and_stopped_by_name),
        TEST(what_is_not_understood_of_a_program_is_not_known),
        TEST(open_questions_are_limited),
        TEST(patterns_and_subscriptions_are_limited),
        TEST(interval_and_dead_band_are_told_on_every_link),
        TEST(intervals_and_dead_bands_are_limited),
        TEST(kernel_is_answered_when_it_pings_or_writes),
        TEST(message_of_the_wrong_state_ends_the_link),
    };
    return cmocka_run_group_tests_name("client_data", tests, NULL, NULL);
}
