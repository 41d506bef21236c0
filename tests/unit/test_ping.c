/* d2k-ping: its parameters, its statistics, what it sends and what it prints. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "programs/ping/options.h"
#include "programs/ping/payload.h"
#include "programs/ping/report.h"
#include "programs/ping/statistics.h"
#include "programs/ping/window.h"
#include "wire/value.h"

#define PLENTY (1024u * 1024u)

/* ---- parameters ---- */

static d2k_result take(struct ping_options *options, const char *argument)
{
    struct error err;
    return ping_options_take(options, argument, false, &err);
}

static void assert_wrong(const char *argument)
{
    struct ping_options options;
    struct error err = {.code = D2K_OK};
    ping_options_init(&options);
    assert_int_equal(ping_options_take(&options, argument, false, &err), D2K_ARGUMENT);
    assert_memory_equal(err.text, argument, strlen(argument));
}

static void both_spellings_of_a_parameter_mean_the_same(void **state)
{
    static const char *const pairs[][2] = {
        {"/BSIZE=7", "--block-size=7"},       {"/bdelay=0.25", "--block-delay=0.25"},
        {"/MSIZE=100", "--message-size=100"}, {"/MDYNAMIC=TRUE", "--message-dynamic=true"},
        {"/USIZE=3", "--values=3"},           {"/DST=SELF.KNL", "--destination=kernel"}};
    struct ping_options first, second;
    (void)state;
    ping_options_init(&first);
    ping_options_init(&second);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_int_equal(take(&first, pairs[i][0]), D2K_OK);
        assert_int_equal(take(&second, pairs[i][1]), D2K_OK);
    }
    const struct ping_options *both[] = {&first, &second};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(both[i]->block_size, 7);
        assert_int_equal(both[i]->delay_ms, 250);
        assert_int_equal(both[i]->message_size, 100);
        assert_true(both[i]->grow);
        assert_int_equal(both[i]->values, 3);
    }
}

static void defaults_are_those_of_the_original(void **state)
{
    struct ping_options options;
    (void)state;
    ping_options_init(&options);
    assert_int_equal(options.block_size, 1);
    assert_int_equal(options.delay_ms, 1000);
    assert_int_equal(options.message_size, 0);
    assert_false(options.grow);
    assert_int_equal(options.values, 0);
    assert_int_equal(options.blocks, 0);
}

static void values_are_taken_up_to_their_limit_and_not_beyond(void **state)
{
    struct ping_options options;
    (void)state;
    ping_options_init(&options);
    assert_int_equal(take(&options, "/BSIZE=1000000"), D2K_OK);
    assert_int_equal(take(&options, "/BDELAY=86400"), D2K_OK);
    assert_int_equal(take(&options, "/MSIZE=65536"), D2K_OK);
    assert_int_equal(take(&options, "/USIZE=1638"), D2K_OK);
    assert_int_equal(take(&options, "--count=1000000000"), D2K_OK);
    assert_int_equal(take(&options, "--timeout=3600"), D2K_OK);
    assert_wrong("/BSIZE=1000001");
    assert_wrong("/BSIZE=0");
    assert_wrong("/BDELAY=86400.001");
    assert_wrong("/MSIZE=65537");
    assert_wrong("/USIZE=1639");
    assert_wrong("--count=0");
    assert_wrong("--timeout=3601");
    assert_wrong("/MDYNAMIC=YES");
    assert_wrong("/MDYNAMIC=");
}

static void seconds_have_at_most_three_decimals(void **state)
{
    static const char *const wrong[] = {"",    ".",      ".5", "1.",    "1,5",        "-1",
                                        "1e3", "0.0001", "1 ", "1.5.2", "9999999999", " 1"};
    unsigned ms = 0;
    (void)state;
    assert_true(ping_options_seconds("0", 1000, &ms));
    assert_int_equal(ms, 0);
    assert_true(ping_options_seconds("0.001", 1000, &ms));
    assert_int_equal(ms, 1);
    assert_true(ping_options_seconds("0.5", 1000, &ms));
    assert_int_equal(ms, 500);
    assert_true(ping_options_seconds("1.000", 1000, &ms));
    assert_false(ping_options_seconds("1.001", 1000, &ms));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(ping_options_seconds(wrong[i], UINT32_MAX, &ms));
    }
}

static void another_process_is_refused_with_the_reason(void **state)
{
    struct ping_options options;
    struct error err;
    (void)state;
    ping_options_init(&options);
    assert_int_equal(ping_options_take(&options, "/DST=PC1.KOM", false, &err), D2K_ARGUMENT);
    assert_non_null(strstr(err.text, "PC1.KOM"));
    assert_non_null(strstr(err.text, "only the kernel"));
}

static void unknown_parameters_and_words_are_not_taken(void **state)
{
    struct ping_options options;
    struct error err;
    (void)state;
    ping_options_init(&options);
    assert_int_equal(take(&options, "/BSIZES=1"), D2K_NOT_FOUND);
    assert_int_equal(take(&options, "--block-sizes=1"), D2K_NOT_FOUND);
    assert_int_equal(take(&options, "word"), D2K_NOT_FOUND);
    assert_int_equal(ping_options_take(&options, "/BSIZE=1", true, &err), D2K_NOT_FOUND);
}

static void values_exclude_bytes(void **state)
{
    struct ping_options options;
    struct error err;
    (void)state;
    ping_options_init(&options);
    options.values = 1;
    assert_int_equal(ping_options_check(&options, &err), D2K_OK);
    options.message_size = 1;
    assert_int_equal(ping_options_check(&options, &err), D2K_ARGUMENT);
    options.message_size = 0;
    options.grow = true;
    assert_int_equal(ping_options_check(&options, &err), D2K_ARGUMENT);
}

/* ---- statistics ---- */

static struct ping_statistics statistics;

static int new_statistics(void **state)
{
    (void)state;
    ping_statistics_init(&statistics);
    return 0;
}

static void nothing_measured_is_all_zero(void **state)
{
    (void)state;
    assert_int_equal(ping_statistics_percentile_ns(&statistics, 50), 0);
    assert_true(ping_statistics_deviation_ns(&statistics) == 0);
}

static void small_times_have_exact_percentiles(void **state)
{
    (void)state;
    for (unsigned i = 100; i >= 1; i--) {
        ping_statistics_add(&statistics, i);
    }
    assert_int_equal(statistics.count, 100);
    assert_int_equal(statistics.min_ns, 1);
    assert_int_equal(statistics.max_ns, 100);
    assert_true(fabs(statistics.mean_ns - 50.5) < 1e-9);
    /* of 1..n the variance is (n*n - 1) / 12 */
    assert_true(fabs(ping_statistics_deviation_ns(&statistics) - sqrt(9999.0 / 12)) < 1e-9);
    assert_int_equal(ping_statistics_percentile_ns(&statistics, 1), 1);
    assert_int_equal(ping_statistics_percentile_ns(&statistics, 50), 50);
    assert_int_equal(ping_statistics_percentile_ns(&statistics, 95), 95);
    assert_int_equal(ping_statistics_percentile_ns(&statistics, 100), 100);
}

static void one_time_is_every_percentile(void **state)
{
    (void)state;
    ping_statistics_add(&statistics, 123456789);
    assert_int_equal(ping_statistics_percentile_ns(&statistics, 1), 123456789);
    assert_int_equal(ping_statistics_percentile_ns(&statistics, 99), 123456789);
    assert_true(ping_statistics_deviation_ns(&statistics) == 0);
}

static void percentiles_are_never_low_and_at_most_a_128th_high(void **state)
{
    (void)state;
    for (uint64_t ns = 1; ns < UINT64_MAX / 3; ns = ns * 3 + 1) {
        ping_statistics_init(&statistics);
        ping_statistics_add(&statistics, ns);
        ping_statistics_add(&statistics, UINT64_MAX);
        uint64_t found = ping_statistics_percentile_ns(&statistics, 50);
        assert_true(found >= ns);
        assert_true(found - ns <= ns / 128);
    }
    ping_statistics_init(&statistics);
    ping_statistics_add(&statistics, UINT64_MAX);
    assert_true(ping_statistics_percentile_ns(&statistics, 50) == UINT64_MAX);
}

static void every_power_of_two_and_its_neighbours_keep_their_order(void **state)
{
    (void)state;
    uint64_t before = 0;
    for (unsigned bit = 1; bit < 64; bit++) {
        for (int step = -1; step <= 1; step++) {
            uint64_t ns = (UINT64_C(1) << bit) + (uint64_t)step;
            ping_statistics_init(&statistics);
            ping_statistics_add(&statistics, ns);
            ping_statistics_add(&statistics, UINT64_MAX);
            uint64_t found = ping_statistics_percentile_ns(&statistics, 50);
            assert_true(found >= ns && found >= before);
            before = found;
        }
    }
}

/* ---- payload ---- */

static struct ping_payload payload;

static void data_has_the_size_asked_for_and_differs_by_message(void **state)
{
    struct ping_options options;
    (void)state;
    ping_options_init(&options);
    options.message_size = PING_DATA_MAX;
    ping_payload_init(&payload, &options);
    struct slice first = ping_payload_of(&payload, 0), second = ping_payload_of(&payload, 1);
    assert_int_equal(first.size, PING_DATA_MAX);
    assert_int_equal(second.size, PING_DATA_MAX);
    assert_memory_not_equal(first.data, second.data, first.size);
    struct slice last = ping_payload_of(&payload, PING_PATTERN_PERIOD - 1);
    assert_true((const uint8_t *)last.data + last.size <= payload.pattern + sizeof payload.pattern);
}

static void growing_data_begins_again_after_the_largest(void **state)
{
    struct ping_options options;
    (void)state;
    ping_options_init(&options);
    options.grow = true;
    options.message_size = PING_DATA_MAX - 2;
    ping_payload_init(&payload, &options);
    assert_int_equal(ping_payload_of(&payload, 0).size, PING_DATA_MAX - 2);
    assert_int_equal(ping_payload_of(&payload, 2).size, PING_DATA_MAX);
    assert_int_equal(ping_payload_of(&payload, 3).size, PING_DATA_MAX - 2);
}

static void records_are_values_that_the_protocol_decodes(void **state)
{
    struct ping_options options;
    uint32_t hobj = 0;
    d2k_value value;
    (void)state;
    ping_options_init(&options);
    options.values = PING_VALUES_MAX;
    ping_payload_init(&payload, &options);
    struct slice data = ping_payload_of(&payload, 5);
    assert_int_equal(data.size, PING_VALUES_MAX * PING_RECORD_SIZE);
    assert_true(data.size <= PING_DATA_MAX);
    struct cursor rest = cursor_of((const uint8_t *)data.data, data.size);
    for (unsigned i = 0; i < PING_VALUES_MAX; i++) {
        assert_int_equal(wire_value_decode(&rest, &hobj, &value, NULL), 1);
        assert_int_equal(wire_value_check(&value, NULL), D2K_OK);
        assert_int_equal(hobj, i + 1);
        assert_int_equal(value.type, D2K_TYPE_REAL);
        assert_true(value.content.real == i);
    }
    assert_int_equal(wire_value_decode(&rest, &hobj, &value, NULL), 0);
}

/* ---- window ---- */

static struct ping_window window;

static int new_window(void **state)
{
    (void)state;
    memset(&window, 0, sizeof window);
    return 0;
}

static void add(uint64_t request, size_t size)
{
    struct ping_sent sent = {.request = request, .sent_ns = request, .size = size};
    ping_window_add(&window, &sent);
}

static void answers_are_found_in_any_order_and_only_once(void **state)
{
    struct ping_sent sent;
    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        add(i, 10);
    }
    assert_true(ping_window_take(&window, 2, &sent));
    assert_int_equal(sent.sent_ns, 2);
    assert_false(ping_window_take(&window, 2, &sent));
    assert_false(ping_window_take(&window, 0, &sent));
    assert_int_equal(ping_window_oldest(&window)->request, 1);
    assert_true(ping_window_take(&window, 1, &sent));
    assert_int_equal(ping_window_oldest(&window)->request, 3);
    assert_true(ping_window_take(&window, 3, &sent));
    assert_null(ping_window_oldest(&window));
    assert_int_equal(window.waiting_bytes, 0);
}

static void number_and_bytes_of_unanswered_messages_are_bounded(void **state)
{
    struct ping_sent sent;
    (void)state;
    for (uint64_t i = 1; i <= PING_WINDOW_MESSAGES; i++) {
        assert_true(ping_window_has_room(&window, 0));
        add(i, 0);
    }
    assert_false(ping_window_has_room(&window, 0));
    assert_true(ping_window_take(&window, 1, &sent));
    assert_true(ping_window_has_room(&window, PING_WINDOW_BYTES));
    assert_false(ping_window_has_room(&window, PING_WINDOW_BYTES + 1));
    add(PING_WINDOW_MESSAGES + 1, 0); /* the ring goes round */
    for (uint64_t i = 2; i <= PING_WINDOW_MESSAGES + 1; i++) {
        assert_true(ping_window_take(&window, i, &sent));
    }
    assert_true(ping_window_has_room(&window, PING_WINDOW_BYTES + 1));
}

/* ---- report ---- */

static struct ping_tally tally;

static int new_tally(void **state)
{
    (void)state;
    memset(&tally, 0, sizeof tally);
    return 0;
}

static void assert_report(struct buffer *out, const char *expected)
{
    buffer_put(out, "", 1);
    assert_false(buffer_failed(out));
    assert_string_equal((const char *)buffer_data(out), expected);
    buffer_free(out);
}

static void summary_counts_losses_and_names_times(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out, PLENTY);
    tally.sent = 4;
    tally.received = 2;
    tally.lost = 2;
    tally.changed = 1;
    tally.late = 1;
    tally.bytes = 2000;
    tally.busy_ns = 4000000;
    ping_statistics_add(&tally.round_trips, 1000000);
    ping_statistics_add(&tally.round_trips, 3000000);
    ping_report_summary(&out, 2, 1500000000, &tally, false);
    assert_report(&out, "--- ping statistics ---\n"
                        "2 blocks in 1.500 s: 4 messages sent, 2 received, 2 lost (50%), 1 with "
                        "other data than was sent, 1 late answer\n"
                        "round trip min/avg/max/mdev = 1.000/2.000/3.000/1.000 ms\n"
                        "percentiles p50/p95/p99 = 1.004/3.000/3.000 ms\n"
                        "throughput within blocks: 500.0 messages/s, 500.0 kB/s of data each "
                        "way\n");
}

static void times_that_were_not_measured_are_left_out_or_null(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out, PLENTY);
    tally.sent = tally.lost = 1;
    ping_report_block(&out, 3, &tally, false);
    ping_report_block(&out, 3, &tally, true);
    assert_report(&out, "block 3: 0/1 answered, 0 bytes\n"
                        "{\"type\":\"block\",\"number\":3,\"sent\":1,\"received\":0,\"lost\":1,"
                        "\"changed\":0,\"late\":0,\"min_bytes\":0,\"max_bytes\":0,\"min_ms\":null,"
                        "\"avg_ms\":null,\"max_ms\":null,\"busy_ms\":0}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_of_a_parameter_mean_the_same),
        cmocka_unit_test(defaults_are_those_of_the_original),
        cmocka_unit_test(values_are_taken_up_to_their_limit_and_not_beyond),
        cmocka_unit_test(seconds_have_at_most_three_decimals),
        cmocka_unit_test(another_process_is_refused_with_the_reason),
        cmocka_unit_test(unknown_parameters_and_words_are_not_taken),
        cmocka_unit_test(values_exclude_bytes),
        cmocka_unit_test_setup(nothing_measured_is_all_zero, new_statistics),
        cmocka_unit_test_setup(small_times_have_exact_percentiles, new_statistics),
        cmocka_unit_test_setup(one_time_is_every_percentile, new_statistics),
        cmocka_unit_test(percentiles_are_never_low_and_at_most_a_128th_high),
        cmocka_unit_test(every_power_of_two_and_its_neighbours_keep_their_order),
        cmocka_unit_test(data_has_the_size_asked_for_and_differs_by_message),
        cmocka_unit_test(growing_data_begins_again_after_the_largest),
        cmocka_unit_test(records_are_values_that_the_protocol_decodes),
        cmocka_unit_test_setup(answers_are_found_in_any_order_and_only_once, new_window),
        cmocka_unit_test_setup(number_and_bytes_of_unanswered_messages_are_bounded, new_window),
        cmocka_unit_test_setup(summary_counts_losses_and_names_times, new_tally),
        cmocka_unit_test_setup(times_that_were_not_measured_are_left_out_or_null, new_tally),
    };
    return cmocka_run_group_tests_name("ping", tests, NULL, NULL);
}
