/* tests/unit/test_supervision.c: who is started when, with a clock that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/supervision.h"

#define COUNT   3u
#define DONE    1024
#define INIT_MS 10000u
#define STOP_MS 4000u

/* What the rules asked for: "+0" started, "-0" asked to end, "!0" killed, "?0" late, "~0" again. */
struct play {
    struct supervision rules;
    struct static_process at[COUNT];
    struct static_processes processes;
    char done[DONE];
    uint64_t now_ms, next_ms, last_wait_ms;
    bool cannot_start;
};

static void note(struct play *play, char what, size_t index)
{
    size_t size = strlen(play->done);
    (void)snprintf(play->done + size, sizeof play->done - size, "%c%zu", what, index);
}

static bool on_start(void *context, size_t index)
{
    struct play *play = context;
    note(play, '+', index);
    return !play->cannot_start;
}

static void on_end(void *context, size_t index, bool hard)
{
    note(context, hard ? '!' : '-', index);
}

static void on_late(void *context, size_t index)
{
    note(context, '?', index);
}

static void on_again(void *context, size_t index, uint64_t wait_ms)
{
    struct play *play = context;
    play->last_wait_ms = wait_ms;
    note(play, '~', index);
}

static void begin(struct play *play)
{
    *play = (struct play){.now_ms = 1000};
    play->processes = (struct static_processes){play->at, COUNT};
    for (size_t i = 0; i < COUNT; i++) {
        play->at[i] = (struct static_process){.autostart = STATIC_AUTOSTART_ON,
                                              .init_time_s = INIT_MS / 1000,
                                              .stop_timeout_s = STOP_MS / 1000};
    }
    struct supervision_hooks hooks = {on_start, on_end, on_late, on_again, play};
    assert_int_equal(supervision_init(&play->rules, &play->processes, &hooks), D2K_OK);
}

/* Time goes on; what was asked for since the last look is exactly this. */
static void later(struct play *play, uint64_t ms, const char *expected)
{
    play->now_ms += ms;
    play->next_ms = supervision_tick(&play->rules, play->now_ms);
    assert_string_equal(play->done, expected);
    play->done[0] = '\0';
}

static void all_run(struct play *play)
{
    begin(play);
    for (size_t i = 0; i < COUNT; i++) {
        char expected[3] = {'+', (char)('0' + i), '\0'};
        later(play, 1, expected);
        supervision_registered(&play->rules, i);
    }
    later(play, 1, "");
    assert_int_equal(play->next_ms, SUPERVISION_NEVER);
}

static void each_starts_when_the_one_before_has_registered(void **state)
{
    struct play play;
    (void)state;
    begin(&play);
    later(&play, 0, "+0");
    later(&play, INIT_MS - 1, "");
    supervision_registered(&play.rules, 0);
    later(&play, 0, "+1");
    supervision_registered(&play.rules, 1);
    later(&play, 0, "+2");
    supervision_free(&play.rules);
}

static void one_that_does_not_register_holds_up_the_next_for_its_time_only(void **state)
{
    struct play play;
    (void)state;
    begin(&play);
    later(&play, 0, "+0");
    assert_int_equal(play.next_ms, play.now_ms + INIT_MS);
    later(&play, INIT_MS - 1, "");
    later(&play, 1, "?0+1");
    later(&play, 1, "");
    supervision_free(&play.rules);
}

static void one_without_autostart_is_passed_over(void **state)
{
    struct play play;
    (void)state;
    begin(&play);
    play.at[0].autostart = STATIC_AUTOSTART_OFF;
    supervision_free(&play.rules);
    assert_int_equal(supervision_init(&play.rules, &play.processes, &play.rules.hooks), D2K_OK);
    later(&play, 0, "+1");
    assert_null(supervision_start(&play.rules, 0, play.now_ms));
    later(&play, 0, "+0");
    supervision_ended(&play.rules, 0, false, play.now_ms);
    later(&play, SUPERVISION_WAIT_MAX_MS, "?1+2");
    supervision_free(&play.rules);
}

static void a_crash_is_followed_by_waits_that_double_up_to_the_longest(void **state)
{
    struct play play;
    (void)state;
    all_run(&play);
    uint64_t expected = SUPERVISION_WAIT_MIN_MS;
    for (unsigned i = 0; i < 10; i++) {
        supervision_ended(&play.rules, 1, false, play.now_ms);
        assert_int_equal(play.last_wait_ms, expected);
        later(&play, expected - 1, "~1");
        later(&play, 1, "+1");
        assert_int_equal(play.rules.at[1].restarts, i + 1);
        expected = expected * 2 < SUPERVISION_WAIT_MAX_MS ? expected * 2 : SUPERVISION_WAIT_MAX_MS;
    }
    assert_int_equal(expected, SUPERVISION_WAIT_MAX_MS);
    supervision_free(&play.rules);
}

static void who_ran_long_enough_waits_the_shortest_time_again(void **state)
{
    struct growing_wait wait = {0};
    (void)state;
    assert_int_equal(growing_wait_ms(&wait, 0, 0), SUPERVISION_WAIT_MIN_MS);
    assert_int_equal(growing_wait_ms(&wait, 0, SUPERVISION_STEADY_MS - 1),
                     2 * SUPERVISION_WAIT_MIN_MS);
    assert_int_equal(growing_wait_ms(&wait, 0, SUPERVISION_STEADY_MS), SUPERVISION_WAIT_MIN_MS);
}

static void one_that_cannot_be_started_is_a_crash_and_does_not_hold_up_the_next(void **state)
{
    struct play play;
    (void)state;
    begin(&play);
    play.cannot_start = true;
    later(&play, 0, "+0~0+1~1+2~2");
    play.cannot_start = false;
    later(&play, SUPERVISION_WAIT_MIN_MS, "+0+1+2");
    supervision_free(&play.rules);
}

static void one_that_ends_in_order_stays_ended(void **state)
{
    struct play play;
    (void)state;
    all_run(&play);
    supervision_ended(&play.rules, 0, true, play.now_ms);
    later(&play, SUPERVISION_WAIT_MAX_MS, "");
    assert_int_equal(play.rules.at[0].state, SUPERVISED_STOPPED);
    supervision_free(&play.rules);
}

static void one_that_hangs_is_ended_then_killed_then_started_again(void **state)
{
    struct play play;
    (void)state;
    all_run(&play);
    supervision_hangs(&play.rules, 2, play.now_ms);
    supervision_hangs(&play.rules, 2, play.now_ms);
    later(&play, STOP_MS - 1, "-2");
    later(&play, 1, "!2");
    later(&play, STOP_MS, "");
    supervision_ended(&play.rules, 2, false, play.now_ms);
    later(&play, SUPERVISION_WAIT_MIN_MS, "~2+2");
    assert_int_equal(play.rules.at[2].restarts, 1);
    supervision_free(&play.rules);
}

static void all_end_one_by_one_the_last_first(void **state)
{
    struct play play;
    (void)state;
    all_run(&play);
    supervision_end_all(&play.rules);
    later(&play, 0, "-2");
    later(&play, STOP_MS - 1, "");
    later(&play, 1, "!2");
    assert_false(supervision_all_ended(&play.rules));
    supervision_ended(&play.rules, 2, false, play.now_ms);
    later(&play, 0, "-1");
    supervision_ended(&play.rules, 1, true, play.now_ms);
    later(&play, 0, "-0");
    supervision_ended(&play.rules, 0, true, play.now_ms);
    assert_true(supervision_all_ended(&play.rules));
    later(&play, SUPERVISION_WAIT_MAX_MS, "");
    supervision_free(&play.rules);
}

static void nothing_starts_once_the_end_has_begun(void **state)
{
    struct play play;
    (void)state;
    begin(&play);
    later(&play, 0, "+0");
    supervision_end_all(&play.rules);
    later(&play, 0, "-0");
    assert_string_equal(supervision_start(&play.rules, 1, play.now_ms), "the kernel is ending");
    assert_string_equal(supervision_restart(&play.rules, 1, play.now_ms), "the kernel is ending");
    supervision_hangs(&play.rules, 0, play.now_ms);
    supervision_ended(&play.rules, 0, false, play.now_ms);
    later(&play, SUPERVISION_WAIT_MAX_MS, "");
    supervision_free(&play.rules);
}

static void an_administrator_starts_stops_and_restarts(void **state)
{
    struct play play;
    (void)state;
    all_run(&play);
    assert_string_equal(supervision_start(&play.rules, 0, play.now_ms), "it runs already");
    assert_null(supervision_stop(&play.rules, 0, play.now_ms));
    assert_non_null(supervision_start(&play.rules, 0, play.now_ms));
    supervision_ended(&play.rules, 0, true, play.now_ms);
    later(&play, SUPERVISION_WAIT_MAX_MS, "-0");
    assert_string_equal(supervision_stop(&play.rules, 0, play.now_ms), "it does not run");
    assert_null(supervision_start(&play.rules, 0, play.now_ms));
    assert_null(supervision_restart(&play.rules, 0, play.now_ms));
    later(&play, 0, "+0-0");
    supervision_ended(&play.rules, 0, false, play.now_ms);
    later(&play, 0, "+0");
    assert_int_equal(play.rules.at[0].restarts, 0);
    supervision_free(&play.rules);
}

static void a_stop_ends_the_waiting_of_one_that_crashed(void **state)
{
    struct play play;
    (void)state;
    all_run(&play);
    supervision_ended(&play.rules, 0, false, play.now_ms);
    assert_null(supervision_stop(&play.rules, 0, play.now_ms));
    later(&play, SUPERVISION_WAIT_MAX_MS, "~0");
    supervision_free(&play.rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_starts_when_the_one_before_has_registered),
        cmocka_unit_test(one_that_does_not_register_holds_up_the_next_for_its_time_only),
        cmocka_unit_test(one_without_autostart_is_passed_over),
        cmocka_unit_test(a_crash_is_followed_by_waits_that_double_up_to_the_longest),
        cmocka_unit_test(who_ran_long_enough_waits_the_shortest_time_again),
        cmocka_unit_test(one_that_cannot_be_started_is_a_crash_and_does_not_hold_up_the_next),
        cmocka_unit_test(one_that_ends_in_order_stays_ended),
        cmocka_unit_test(one_that_hangs_is_ended_then_killed_then_started_again),
        cmocka_unit_test(all_end_one_by_one_the_last_first),
        cmocka_unit_test(nothing_starts_once_the_end_has_begun),
        cmocka_unit_test(an_administrator_starts_stops_and_restarts),
        cmocka_unit_test(a_stop_ends_the_waiting_of_one_that_crashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
