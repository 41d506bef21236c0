/* tests/unit/test_client_group.c: a client of a redundancy group walks over its table until a
 * kernel says that it is hot. The second kernel that is played listens on 127.0.0.2. */
#include "played_kernel.h"

/* Two kernels with one port; a member of `test`'s configuration. */
static void use_group(struct test *test, const char *table)
{
    write_file(path_in(test->directory, "installation.conf"), table);
    d2k_config_free(test->config);
    assert_int_equal(d2k_config_new("API", NULL, &test->config), D2K_OK);
    assert_int_equal(d2k_config_set_config_dir(test->config, test->directory->path), D2K_OK);
    assert_int_equal(d2k_config_set_port(test->config, test->peer.port), D2K_OK);
    assert_int_equal(d2k_config_set_redundancy_group(test->config, "RED"), D2K_OK);
    d2k_config_set_log(test->config, collect_log, test);
}

#define FIRST         "[Redundancy\\RED\\Kernel_1]\nIpAddr1 = 127.0.0.1\nName = KNL\n"
#define FIRST_AND_TWO FIRST "[Redundancy\\RED\\Kernel_2]\nIpAddr1 = 127.0.0.2\nName = SECOND\n"

static struct peer second_kernel(const struct test *test, uint8_t state)
{
    struct os_address address;
    struct peer peer = {.fd = -1, .port = test->peer.port, .state = state, .name = "SECOND"};
    assert_int_equal(os_address_parse("127.0.0.2", peer.port, &address), 0);
    assert_int_equal(os_socket_listen(&address, 16, &peer.listening), 0);
    return peer;
}

static void end_kernel(struct peer *peer)
{
    peer_close(peer);
    peer_stop_listening(peer);
}

static void start(struct test *test)
{
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
}

static void the_hot_kernel_behind_a_standby_one_is_taken(void **state)
{
    struct test *test = *state;
    test->peer.state = WIRE_STATE_STANDBY;
    use_group(test, FIRST_AND_TWO);
    struct peer second = second_kernel(test, WIRE_STATE_HOT);
    start(test);
    UNTIL(test, (peer_work(&second), d2k_client_registered(test->client)));
    assert_int_equal(test->peer.received[WIRE_REGISTER], 0);
    UNTIL(test, test->peer.received[WIRE_BYE] == 1);
    assert_int_equal(test->peer.bye_code, WIRE_CODE_NONE);
    assert_logged(test, "the kernel is standby, not hot; next server.");
    assert_not_logged(test, "WARNING: Connection to");
    assert_int_equal(second.received[WIRE_REGISTER], 1);
    end_kernel(&second);
}

static void the_first_hot_kernel_is_taken(void **state)
{
    struct test *test = *state;
    use_group(test, FIRST_AND_TWO);
    struct peer second = second_kernel(test, WIRE_STATE_HOT);
    start(test);
    UNTIL(test, (peer_work(&second), d2k_client_registered(test->client)));
    assert_int_equal(second.connections, 0);
    assert_not_logged(test, "calls it");
    end_kernel(&second);
}

static void a_kernel_that_is_not_there_is_passed(void **state)
{
    struct test *test = *state;
    peer_stop_listening(&test->peer);
    use_group(test, FIRST_AND_TWO);
    struct peer second = second_kernel(test, WIRE_STATE_HOT);
    start(test);
    UNTIL(test, (peer_work(&second), d2k_client_registered(test->client)));
    assert_logged(test, "nobody listens");
    end_kernel(&second);
}

static void the_second_address_is_tried_when_the_first_is_dead(void **state)
{
    struct test *test = *state;
    use_group(test, "[Redundancy\\RED\\Kernel_1]\nIpAddr1 = 127.0.0.2\nIpAddr2 = 127.0.0.1\n");
    start(test);
    UNTIL(test, d2k_client_registered(test->client));
}

static void the_second_address_of_a_standby_kernel_is_not_asked(void **state)
{
    struct test *test = *state;
    test->peer.state = WIRE_STATE_STANDBY;
    use_group(test, "[Redundancy\\RED\\Kernel_1]\nIpAddr1 = 127.0.0.1\nIpAddr2 = 127.0.0.2\n");
    struct peer second = second_kernel(test, WIRE_STATE_STANDBY);
    start(test);
    UNTIL(test, (peer_work(&second), has_state(test, CLIENT_ENDED)));
    assert_int_equal(second.connections, 0);
    end_kernel(&second);
}

static void no_hot_kernel_ends_the_client_with_the_groups_name(void **state)
{
    struct test *test = *state;
    test->peer.state = WIRE_STATE_STARTING;
    use_group(test, FIRST);
    start(test);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_CLOSED);
    assert_non_null(strstr(d2k_client_error_text(test->client),
                           "no kernel of the redundancy group RED is hot: "));
    assert_logged(test, "the kernel is not ready, not hot; giving up.");
}

static void with_reconnect_another_round_finds_the_kernel_that_became_hot(void **state)
{
    struct test *test = *state;
    test->peer.state = WIRE_STATE_STANDBY;
    use_group(test, FIRST);
    d2k_config_set_reconnect(test->config, true);
    start(test);
    UNTIL(test, has_state(test, CLIENT_WAITING));
    test->peer.state = WIRE_STATE_HOT;
    UNTIL(test, d2k_client_registered(test->client));
}

static void a_lost_hot_kernel_is_followed_without_reconnect(void **state)
{
    struct test *test = *state;
    use_group(test, FIRST_AND_TWO);
    struct peer second = second_kernel(test, WIRE_STATE_HOT);
    start(test);
    UNTIL(test, (peer_work(&second), d2k_client_registered(test->client)));
    peer_close(&test->peer);
    peer_stop_listening(&test->peer);
    UNTIL(test, (peer_work(&second), has_state(test, CLIENT_WAITING)));
    UNTIL(test, (peer_work(&second), d2k_client_registered(test->client)));
    assert_int_equal(second.received[WIRE_REGISTER], 1);
    end_kernel(&second);
}

static void a_log_off_is_not_followed_by_another_round(void **state)
{
    struct test *test = *state;
    use_group(test, FIRST);
    start(test);
    UNTIL(test, d2k_client_registered(test->client));
    peer_close(&test->peer);
    UNTIL(test, has_state(test, CLIENT_WAITING));
    assert_int_equal(d2k_log_off(test->client, 100), D2K_OK);
    assert_true(has_state(test, CLIENT_ENDED));
}

static void another_name_than_the_tables_is_a_warning(void **state)
{
    struct test *test = *state;
    test->peer.name = "OT\x1bHER";
    use_group(test, FIRST);
    start(test);
    UNTIL(test, d2k_client_registered(test->client));
    assert_logged(test, "is the kernel OT\\x1bHER, but the table of the redundancy group RED calls "
                        "it KNL; the connection goes on.");
}

static void assert_no_client(struct test *test, d2k_result expected, const char *word)
{
    char *why = NULL;
    assert_int_equal(d2k_client_new(test->config, &test->client, &why), expected);
    test->config = NULL;
    assert_non_null(why);
    assert_non_null(strstr(why, word));
    free(why);
}

static void a_server_and_a_group_together_are_refused(void **state)
{
    struct test *test = *state;
    use_group(test, FIRST);
    assert_int_equal(d2k_config_set_server(test->config, "localhost"), D2K_OK);
    assert_no_client(test, D2K_ARGUMENT, "/RF");
}

static void an_unknown_group_is_refused(void **state)
{
    struct test *test = *state;
    use_group(test, "");
    assert_no_client(test, D2K_NOT_FOUND, "RED");
}

static void each_kernel_is_verified_before_its_state_counts(void **state)
{
    struct test *test = *state;
    test->peer.state = WIRE_STATE_STANDBY;
    use_group(test, FIRST);
    use_tls(test, "TLSPeerAuth", "other.crt");
    start(test);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_NOT_VERIFIED);
    assert_int_equal(test->peer.received[WIRE_HELLO], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_hot_kernel_behind_a_standby_one_is_taken),
        TEST(the_first_hot_kernel_is_taken),
        TEST(a_kernel_that_is_not_there_is_passed),
        TEST(the_second_address_is_tried_when_the_first_is_dead),
        TEST(the_second_address_of_a_standby_kernel_is_not_asked),
        TEST(no_hot_kernel_ends_the_client_with_the_groups_name),
        TEST(with_reconnect_another_round_finds_the_kernel_that_became_hot),
        TEST(a_lost_hot_kernel_is_followed_without_reconnect),
        TEST(a_log_off_is_not_followed_by_another_round),
        TEST(another_name_than_the_tables_is_a_warning),
        TEST(a_server_and_a_group_together_are_refused),
        TEST(an_unknown_group_is_refused),
        TEST(each_kernel_is_verified_before_its_state_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
