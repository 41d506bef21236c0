/* tests/unit/test_client.c: a client's life: connecting at every level, refusals, reconnecting, the
 * end. */
#include "played_kernel.h"

/* ---- connecting ---- */

static void level_none_goes_on_in_plain_after_refuse_no_tls(void **state)
{
    struct test *test = *state;
    register_client(test);
    assert_int_equal(test->peer.connections, 2);
    assert_logged(test, "WARNING: No application name is known");
    assert_logged(test, "CLIENT - Connecting to D2000 Server [127.0.0.1] TCP/IP|TLS...\n");
    assert_logged(test, "1 [");
    assert_logged(test, "the kernel has no TLS; TLS_RequiredLevel is None: connecting without TLS");
    assert_logged(test, "CLIENT - Connecting to D2000 Server [127.0.0.1] TCP/IP...\n");
    char line[200];
    (void)snprintf(line, sizeof(line),
                   "CLIENT - Connection established to D2000 Kernel V1.00.000 s1 [TCP/IP "
                   "127.0.0.1:%u].\nConnectionSqlId = 2\n",
                   test->peer.port);
    assert_logged(test, line);
    assert_string_equal(d2k_client_tls_version(test->client), "");
    assert_false(d2k_client_verified(test->client));
    assert_int_equal(test->peer.register_flags, WIRE_REGISTER_NUMBERED);
}

static void higher_level_refuses_a_kernel_without_tls(void **state)
{
    struct test *test = *state;
    use_application(test, "[TLS_Client]\nTLS_RequiredLevel = TLSNoPeerAuth\n");
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_NO_TLS);
    assert_int_equal(test->peer.connections, 1);
    assert_logged(test, "0 [");
    assert_logged(test, "refused: the kernel has no TLS and TLS_RequiredLevel is TLSNoPeerAuth; "
                        "giving up.");
    assert_not_logged(test, "TCP/IP...");
}

/* The client works alone until its connection is accepted; nothing it says is read. */
static void accept_silently(struct test *test)
{
    uint64_t begin = os_monotonic_ms();
    while (test->peer.fd < 0) {
        assert_int_equal(d2k_client_process(test->client), D2K_OK);
        peer_accept(&test->peer);
        assert_true(os_monotonic_ms() - begin < PATIENCE_MS);
    }
}

static void end_silently(struct test *test)
{
    uint64_t begin = os_monotonic_ms();
    while (d2k_client_process(test->client) == D2K_OK) {
        assert_true(os_monotonic_ms() - begin < PATIENCE_MS);
    }
}

static void nothing_but_refuse_no_tls_leads_to_plain(void **state)
{
    struct test *test = *state;
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    accept_silently(test); /* and close without an answer */
    peer_close(&test->peer);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(test->peer.connections, 1);
    assert_not_logged(test, "TCP/IP...");
    assert_logged(test, "giving up.");
}

static void alert_and_garbage_do_not_lead_to_plain(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } answers[] = {
        {"\x15\x03\x01\x00\x02\x02\x28", 7}, /* alert: handshake_failure */
        {"HTTP/1.0 400 Bad\r\n\r\n", 20},
        {WIRE_PREFACE "\x0c\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0", 24}, /* a short Welcome */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        void *fresh = NULL;
        size_t written = 0;
        assert_int_equal(set_up(&fresh), 0);
        struct test *one = fresh;
        new_client(one);
        assert_int_equal(d2k_client_start(one->client), D2K_OK);
        accept_silently(one);
        assert_int_equal(os_socket_write(one->peer.fd, answers[i].bytes, answers[i].size, &written),
                         0);
        end_silently(one);
        assert_int_equal(one->peer.connections, 1);
        assert_not_logged(one, "TCP/IP...");
        assert_int_equal(tear_down(&fresh), 0);
    }
}

static void certificate_in_the_list_is_verified(void **state)
{
    struct test *test = *state;
    use_tls(test, "TLSPeerAuth", "server.crt");
    register_client(test);
    assert_int_equal(test->peer.connections, 1);
    assert_logged(test, "][TLSv1.3 VERIFIED].\nConnectionSqlId = 1\n");
    assert_string_equal(d2k_client_tls_version(test->client), "TLSv1.3");
    assert_true(d2k_client_verified(test->client));
    assert_int_equal(test->peer.register_flags, WIRE_REGISTER_NUMBERED | WIRE_REGISTER_VERIFIED);
}

static void certificate_not_in_the_list_is_refused(void **state)
{
    struct test *test = *state;
    use_tls(test, "TLSPeerAuth", "other.crt");
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_NOT_VERIFIED);
    UNTIL(test, test->peer.fd < 0);
    assert_int_equal(test->peer.received[WIRE_HELLO], 0);
    assert_not_logged(test, "VERIFIED");
    assert_logged(test, "giving up.");
}

static void without_verification_the_word_is_missing(void **state)
{
    struct test *test = *state;
    use_tls(test, "TLSNoPeerAuth", "other.crt");
    register_client(test);
    assert_logged(test, "][TLSv1.3].\n");
    assert_not_logged(test, "VERIFIED");
    assert_int_equal(test->peer.register_flags, WIRE_REGISTER_NUMBERED);
}

static void refusals_have_their_result_and_escaped_sentence(void **state)
{
    static const struct {
        uint16_t code;
        d2k_result result;
    } codes[] = {
        {WIRE_CODE_NAME_IN_USE, D2K_NAME_IN_USE},
        {WIRE_CODE_NOT_ALLOWED, D2K_NOT_ALLOWED},
        {WIRE_CODE_TLS_REQUIRED, D2K_TLS_REQUIRED},
        {WIRE_CODE_NO_TLS, D2K_NO_TLS},
        {WIRE_CODE_LIMIT, D2K_REFUSED},
        {WIRE_CODE_VERSION, D2K_REFUSED},
        {60000, D2K_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        void *fresh = NULL;
        assert_int_equal(set_up(&fresh), 0);
        struct test *test = fresh;
        test->peer.answer = ANSWER_REFUSE;
        test->peer.code = codes[i].code;
        new_client(test);
        assert_int_equal(d2k_client_start(test->client), D2K_OK);
        UNTIL(test, has_state(test, CLIENT_ENDED));
        assert_int_equal(d2k_client_process(test->client), codes[i].result);
        assert_int_equal(d2k_client_process(test->client), codes[i].result);
        d2k_event event;
        assert_int_equal(d2k_client_next(test->client, &event, 1000), codes[i].result);
        assert_non_null(strstr(d2k_client_error_text(test->client), "no\\x1b[31m way"));
        assert_logged(test, "no\\x1b[31m way; giving up.");
        assert_int_equal(test->peer.connections, 2); /* a NO_TLS that comes later changes nothing */
        assert_int_equal(tear_down(&fresh), 0);
    }
}

static void version_that_is_not_ours_ends_the_attempt(void **state)
{
    struct test *test = *state;
    test->peer.answer = ANSWER_VERSION_2;
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_PROTOCOL);
    assert_logged(test, "protocol version 2");
}

static void silence_ends_with_the_connect_timeout(void **state)
{
    struct test *test = *state;
    test->peer.answer = ANSWER_NOTHING;
    d2k_config_set_connect_timeout(test->config, 200);
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_TIMEOUT);
}

static void next_server_is_tried(void **state)
{
    struct test *test = *state;
    char list[200];
    struct os_address address;
    int unused;
    assert_int_equal(os_address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(os_socket_listen(&address, 1, &unused), 0);
    (void)snprintf(list, sizeof(list), "127.0.0.1:%u,localhost:%u", os_socket_local_port(unused),
                   test->peer.port);
    os_socket_close(unused);
    assert_int_equal(d2k_config_set_server(test->config, list), D2K_OK);
    register_client(test);
    assert_logged(test, "nobody listens on 127.0.0.1:");
    assert_logged(test, "; next server.\n");
    assert_logged(test, "Connecting to D2000 Server [localhost] TCP/IP|TLS...");
}

/* A bare machine may have neither a hosts file nor a name server. */
static void localhost_needs_no_resolver(void **state)
{
    struct test *test = *state;
    assert_int_equal(d2k_config_set_server(test->config, "LocalHost"), D2K_OK);
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    assert_null(test->client->connector.channel);
    assert_int_equal(test->client->connector.address_count, 2);
}

static void nobody_listening_is_an_io_error(void **state)
{
    struct test *test = *state;
    peer_stop_listening(&test->peer);
    new_client(test);
    assert_int_equal(d2k_client_connect(test->client, 5000), D2K_IO);
    assert_non_null(strstr(d2k_client_error_text(test->client), "nobody listens"));
    assert_int_equal(d2k_client_start(test->client), D2K_STATE);
}

static void start_is_needed_and_once(void **state)
{
    struct test *test = *state;
    d2k_event event;
    new_client(test);
    assert_int_equal(d2k_client_process(test->client), D2K_STATE);
    assert_int_equal(d2k_client_next(test->client, &event, 0), D2K_STATE);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    assert_int_equal(d2k_client_start(test->client), D2K_STATE);
}

/* ---- reconnecting ---- */

static void reconnect_resumes_and_tells_everything_again(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value value = d2k_integer(42);
    uint8_t instance[WIRE_ID_SIZE];
    uint64_t request = 0;
    d2k_config_set_reconnect(test->config, true);
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A.B", D2K_TYPE_INTEGER, NULL, NULL, &object),
                     D2K_OK);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(d2k_subscribe(test->client, "X.*", D2K_LATEST, NULL), D2K_OK);
    assert_int_equal(d2k_read(test->client, "X.*", &request), D2K_OK);
    UNTIL(test, test->peer.values == 1 && test->peer.received[WIRE_READ] == 1);
    memcpy(instance, test->peer.client_instance, sizeof(instance));
    assert_int_equal(test->peer.register_flags & WIRE_REGISTER_RESUME, 0);

    peer_close(&test->peer);
    memset(test->peer.received, 0, sizeof(test->peer.received));
    test->peer.values = test->peer.sequence = 0;
    d2k_event event = next_event(test);
    if (event.type == D2K_EVENT_FAILED) {
        assert_int_equal(event.request, request);
        assert_int_equal(event.result, D2K_CLOSED);
        event = next_event(test);
    }
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_not_equal(event.result, D2K_OK);
    value = d2k_integer(43);
    assert_int_equal(d2k_publish(object, &value), D2K_OK); /* kept */
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
    UNTIL(test, test->peer.values == 1);
    assert_int_equal(test->peer.last_value.content.integer, 43);
    assert_int_equal(test->peer.received[WIRE_DEFINE], 1);
    assert_int_equal(test->peer.received[WIRE_SUBSCRIBE], 1);
    assert_int_equal(test->peer.received[WIRE_READ], 0);
    assert_int_not_equal(test->peer.register_flags & WIRE_REGISTER_RESUME, 0);
    assert_int_equal(test->peer.token_received[0], 0x5a);
    assert_memory_equal(instance, test->peer.client_instance, sizeof(instance));
    assert_logged(test, "trying again in ");
}

static void flapping_link_does_not_fill_the_events(void **state)
{
    struct test *test = *state;
    d2k_event event;
    new_client(test);
    for (uint64_t i = 1; i <= 2 * CLIENT_EVENTS_MAX; i++) {
        events_add(test->client, D2K_EVENT_CONNECTED, 0, i, D2K_OK, "X.API");
        events_add(test->client, D2K_EVENT_DISCONNECTED, 0, i, D2K_IO, "lost");
    }
    assert_false(events_block(test->client));
    assert_true(events_take(test->client, &event));
    assert_int_equal(event.type, D2K_EVENT_CONNECTED);
    events_release(test->client);
    assert_true(events_take(test->client, &event));
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_equal(event.count, 2 * CLIENT_EVENTS_MAX);
    events_release(test->client);
    assert_false(events_take(test->client, &event));
}

static void events_are_limited(void **state)
{
    struct test *test = *state;
    d2k_event event;
    new_client(test);
    for (unsigned i = 0; i < CLIENT_EVENTS_MAX - 5; i++) {
        events_add(test->client, D2K_EVENT_DONE, i, 0, D2K_OK, NULL);
    }
    assert_false(events_block(test->client));
    events_add(test->client, D2K_EVENT_DONE, 1000, 0, D2K_OK, NULL);
    assert_true(events_block(test->client));
    for (unsigned i = 0; i < 10; i++) {
        events_add(test->client, D2K_EVENT_DONE, 2000 + i, 0, D2K_OK, NULL);
    }
    assert_int_equal(test->client->events.count, CLIENT_EVENTS_MAX);
    assert_true(events_take(test->client, &event));
    assert_int_equal(event.request, 0);
}

static void definite_refusal_with_reconnect_goes_on_trying(void **state)
{
    struct test *test = *state;
    d2k_config_set_reconnect(test->config, true);
    test->peer.answer = ANSWER_REFUSE;
    test->peer.code = WIRE_CODE_NAME_IN_USE;
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_WAITING));
    test->peer.answer = ANSWER_REGISTERED;
    UNTIL(test, d2k_client_registered(test->client));
}

static void retry_after_is_the_least_wait(void **state)
{
    struct test *test = *state;
    d2k_config_set_reconnect(test->config, true);
    test->peer.answer = ANSWER_REFUSE;
    test->peer.code = WIRE_CODE_BUSY;
    test->peer.retry_after_ms = 60000;
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_WAITING));
    assert_in_range(d2k_client_deadline_ms(test->client), 55000, 90000 + CLIENT_WAIT_MIN_MS);
}

static void waits_grow_with_jitter_up_to_their_limit(void **state)
{
    struct test *test = *state;
    uint32_t whole = CLIENT_WAIT_MIN_MS;
    new_client(test);
    for (unsigned i = 0; i < 12; i++) {
        assert_in_range(connect_choose_wait(test->client), whole / 2, whole);
        whole = 2 * whole > CLIENT_WAIT_MAX_MS ? CLIENT_WAIT_MAX_MS : 2 * whole;
    }
}

static void lost_link_without_reconnect_ends_the_client(void **state)
{
    struct test *test = *state;
    register_client(test);
    peer_close(&test->peer);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_true(event.result == D2K_CLOSED || event.result == D2K_IO);
    assert_int_equal(d2k_client_next(test->client, &event, -1), d2k_client_process(test->client));
    assert_logged(test, " lost: ");
    assert_logged(test, "; giving up.");
    assert_int_equal(d2k_client_deadline_ms(test->client), -1);
}

static void bye_of_the_kernel_says_why(void **state)
{
    struct test *test = *state;
    register_client(test);
    session_end(test->peer.session, WIRE_BYE, WIRE_CODE_SHUTDOWN, 0, "the kernel ends");
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_equal(event.result, D2K_SHUTDOWN);
    assert_string_equal(event.text, "the kernel ends");
    assert_int_equal(d2k_client_process(test->client), D2K_SHUTDOWN);
}

static void missing_watchdogs_end_the_link(void **state)
{
    struct test *test = *state;
    assert_int_equal(d2k_config_set_watchdog(test->config, 1), D2K_OK);
    register_client(test);
    test->client->link.watchdog_ms = 50;
    UNTIL(test, has_state(test, CLIENT_ENDED)); /* the peer sends none */
    assert_int_equal(d2k_client_process(test->client), D2K_WATCHDOG);
    assert_true(test->peer.received[WIRE_WATCHDOG] >= 1);
    UNTIL(test, test->peer.received[WIRE_BYE] == 1);
    assert_int_equal(test->peer.bye_code, WIRE_CODE_WATCHDOG);
}

/* ---- the end ---- */

/* d2k_log_off() blocks, so the kernel has read beforehand what it needs, and the Bye is looked at
 * afterwards. */
static void log_off_says_bye(void **state)
{
    struct test *test = *state;
    register_client(test);
    assert_int_equal(d2k_log_off(test->client, 50), D2K_OK);
    UNTIL(test, test->peer.fd < 0 || test->peer.received[WIRE_BYE] == 1);
    assert_int_equal(test->peer.received[WIRE_BYE], 1);
    assert_int_equal(test->peer.bye_code, WIRE_CODE_NONE);
    assert_logged(test, "Logged off from D2000 Kernel V1.00.000 s1 [TCP/IP ");
    assert_int_equal(d2k_client_process(test->client), D2K_CLOSED);
    assert_int_equal(d2k_log_off(test->client, 50), D2K_OK);
}

static void log_off_without_link_just_ends(void **state)
{
    struct test *test = *state;
    new_client(test);
    assert_int_equal(d2k_log_off(test->client, 50), D2K_OK);
    assert_int_equal(d2k_client_start(test->client), D2K_STATE);
    assert_int_equal(d2k_client_process(test->client), D2K_CLOSED);
    d2k_client_free(NULL);
}

static void log_off_waits_for_values_that_cannot_leave(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value value = d2k_real(1.0);
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_REAL, NULL, NULL, &object), D2K_OK);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(d2k_log_off(test->client, 20), D2K_TIMEOUT); /* nobody answers the Define */
    UNTIL(test, test->peer.received[WIRE_BYE] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(level_none_goes_on_in_plain_after_refuse_no_tls),
        TEST(higher_level_refuses_a_kernel_without_tls),
        TEST(nothing_but_refuse_no_tls_leads_to_plain),
        TEST(alert_and_garbage_do_not_lead_to_plain),
        TEST(certificate_in_the_list_is_verified),
        TEST(certificate_not_in_the_list_is_refused),
        TEST(without_verification_the_word_is_missing),
        TEST(refusals_have_their_result_and_escaped_sentence),
        TEST(version_that_is_not_ours_ends_the_attempt),
        TEST(silence_ends_with_the_connect_timeout),
        TEST(next_server_is_tried),
        TEST(localhost_needs_no_resolver),
        TEST(nobody_listening_is_an_io_error),
        TEST(start_is_needed_and_once),
        TEST(reconnect_resumes_and_tells_everything_again),
        TEST(flapping_link_does_not_fill_the_events),
        TEST(events_are_limited),
        TEST(definite_refusal_with_reconnect_goes_on_trying),
        TEST(retry_after_is_the_least_wait),
        TEST(waits_grow_with_jitter_up_to_their_limit),
        TEST(lost_link_without_reconnect_ends_the_client),
        TEST(bye_of_the_kernel_says_why),
        TEST(missing_watchdogs_end_the_link),
        TEST(log_off_says_bye),
        TEST(log_off_without_link_just_ends),
        TEST(log_off_waits_for_values_that_cannot_leave),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
