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

static void ends(struct play *play, size_t index, enum supervision_end how)
{
    supervision_ended(&play->rules, index, how, play->now_ms);
}

static void ends_well(struct play *play, size_t index)
{
    supervision_left(&play->rules, index, true, play->now_ms);
    ends(play, index, SUPERVISION_END_WELL);
}

/* What an administrator is told at once. */
static enum supervision_outcome wish(struct play *play, enum supervision_wish what,
                                     struct supervision_order *ret_order)
{
    return supervision_order(&play->rules, what, 0, play->now_ms, ret_order);
}

static void assert_outcome(const struct play *play, const struct supervision_order *order,
                           enum supervision_outcome expected)
{
    assert_int_equal(supervision_order_outcome(&play->rules, order), expected);
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
    struct supervision_order order;
    assert_int_equal(wish(&play, SUPERVISION_START, &order), SUPERVISION_DONE);
    later(&play, 0, "+0");
    ends(&play, 0, SUPERVISION_END_BAD);
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
        ends(&play, 1, SUPERVISION_END_BAD);
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
    ends_well(&play, 0);
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
    ends(&play, 2, SUPERVISION_END_BAD);
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
    ends(&play, 2, SUPERVISION_END_BAD);
    later(&play, 0, "-1");
    ends_well(&play, 1);
    later(&play, 0, "-0");
    ends_well(&play, 0);
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
    struct supervision_order order;
    assert_int_equal(wish(&play, SUPERVISION_START, &order), SUPERVISION_ENDING);
    assert_int_equal(wish(&play, SUPERVISION_RESTART, &order), SUPERVISION_ENDING);
    assert_int_equal(wish(&play, SUPERVISION_STOP, &order), SUPERVISION_PENDING);
    supervision_hangs(&play.rules, 0, play.now_ms);
    ends(&play, 0, SUPERVISION_END_BAD);
    assert_outcome(&play, &order, SUPERVISION_DONE);
    later(&play, SUPERVISION_WAIT_MAX_MS, "");
    supervision_free(&play.rules);
}

static void a_stop_is_done_when_it_has_ended_and_it_stays_stopped(void **state)
{
    struct play play;
    struct supervision_order order;
    (void)state;
    all_run(&play);
    assert_int_equal(wish(&play, SUPERVISION_STOP, &order), SUPERVISION_PENDING);
    assert_int_equal(wish(&play, SUPERVISION_START, &order), SUPERVISION_BEING_STOPPED);
    assert_int_equal(wish(&play, SUPERVISION_STOP, &order), SUPERVISION_PENDING);
    later(&play, STOP_MS, "-0!0");
    assert_outcome(&play, &order, SUPERVISION_PENDING);
    ends(&play, 0, SUPERVISION_END_BAD);
    assert_outcome(&play, &order, SUPERVISION_DONE);
    later(&play, SUPERVISION_WAIT_MAX_MS, "");
    assert_int_equal(wish(&play, SUPERVISION_STOP, &order), SUPERVISION_RUNS_NOT);
    supervision_free(&play.rules);
}

static void a_start_is_done_at_once(void **state)
{
    struct play play;
    struct supervision_order order;
    (void)state;
    all_run(&play);
    assert_int_equal(wish(&play, SUPERVISION_START, &order), SUPERVISION_RUNS_ALREADY);
    ends_well(&play, 0);
    assert_int_equal(wish(&play, SUPERVISION_START, &order), SUPERVISION_DONE);
    later(&play, 0, "+0");
    assert_int_equal(wish(&play, SUPERVISION_START, &order), SUPERVISION_RUNS_ALREADY);
    supervision_free(&play.rules);
}

static void a_start_that_fails_is_tried_again_until_it_is_stopped(void **state)
{
    struct play play;
    struct supervision_order order;
    (void)state;
    all_run(&play);
    ends_well(&play, 0);
    play.cannot_start = true;
    assert_int_equal(wish(&play, SUPERVISION_START, &order), SUPERVISION_NOT_STARTED);
    later(&play, SUPERVISION_WAIT_MIN_MS, "+0~0+0~0");
    assert_int_equal(wish(&play, SUPERVISION_STOP, &order), SUPERVISION_DONE);
    later(&play, SUPERVISION_WAIT_MAX_MS, "");
    supervision_free(&play.rules);
}

static void a_restart_is_done_when_it_was_started_again(void **state)
{
    struct play play;
    struct supervision_order order;
    (void)state;
    all_run(&play);
    assert_int_equal(wish(&play, SUPERVISION_RESTART, &order), SUPERVISION_PENDING);
    later(&play, STOP_MS, "-0!0");
    assert_outcome(&play, &order, SUPERVISION_PENDING);
    ends(&play, 0, SUPERVISION_END_BAD);
    assert_outcome(&play, &order, SUPERVISION_DONE);
    later(&play, 0, "+0");
    assert_int_equal(play.rules.at[0].restarts, 0);
    assert_int_equal(wish(&play, SUPERVISION_RESTART, &order), SUPERVISION_PENDING);
    play.cannot_start = true;
    ends_well(&play, 0);
    assert_outcome(&play, &order, SUPERVISION_NOT_STARTED);
    supervision_free(&play.rules);
}

static void a_restart_starts_one_that_does_not_run(void **state)
{
    struct play play;
    struct supervision_order order;
    (void)state;
    all_run(&play);
    ends_well(&play, 0);
    assert_int_equal(wish(&play, SUPERVISION_RESTART, &order), SUPERVISION_DONE);
    later(&play, 0, "+0");
    supervision_free(&play.rules);
}

static void the_later_of_two_wishes_counts(void **state)
{
    struct play play;
    struct supervision_order first, second;
    (void)state;
    all_run(&play);
    assert_int_equal(wish(&play, SUPERVISION_RESTART, &first), SUPERVISION_PENDING);
    assert_int_equal(wish(&play, SUPERVISION_STOP, &second), SUPERVISION_PENDING);
    ends_well(&play, 0);
    assert_outcome(&play, &first, SUPERVISION_OVERTAKEN);
    assert_outcome(&play, &second, SUPERVISION_DONE);
    assert_int_equal(wish(&play, SUPERVISION_START, &first), SUPERVISION_DONE);
    assert_int_equal(wish(&play, SUPERVISION_STOP, &first), SUPERVISION_PENDING);
    assert_int_equal(wish(&play, SUPERVISION_RESTART, &second), SUPERVISION_PENDING);
    ends_well(&play, 0);
    assert_outcome(&play, &first, SUPERVISION_DONE);
    assert_outcome(&play, &second, SUPERVISION_DONE);
    later(&play, 0, "-0+0-0+0");
    supervision_free(&play.rules);
}

static void a_stop_ends_what_a_hang_had_begun(void **state)
{
    struct play play;
    struct supervision_order order;
    (void)state;
    all_run(&play);
    supervision_hangs(&play.rules, 0, play.now_ms);
    assert_int_equal(wish(&play, SUPERVISION_STOP, &order), SUPERVISION_PENDING);
    ends(&play, 0, SUPERVISION_END_BAD);
    assert_outcome(&play, &order, SUPERVISION_DONE);
    later(&play, SUPERVISION_WAIT_MAX_MS, "-0");
    supervision_free(&play.rules);
}

static void a_stop_ends_the_waiting_of_one_that_crashed(void **state)
{
    struct play play;
    struct supervision_order order;
    (void)state;
    all_run(&play);
    ends(&play, 0, SUPERVISION_END_BAD);
    assert_int_equal(wish(&play, SUPERVISION_STOP, &order), SUPERVISION_DONE);
    later(&play, SUPERVISION_WAIT_MAX_MS, "~0");
    supervision_free(&play.rules);
}

/* The first process registers and leaves as this says; "": it stays ended. */
static void assert_after(enum supervision_end how, bool registers, bool leaves, bool logs_off,
                         const char *expected)
{
    struct play play;
    begin(&play);
    later(&play, 0, "+0");
    if (registers) {
        supervision_registered(&play.rules, 0);
    }
    if (leaves) {
        supervision_left(&play.rules, 0, logs_off, play.now_ms);
    }
    ends(&play, 0, how);
    play.processes.count = 1; /* nobody else */
    later(&play, 0, expected);
    supervision_free(&play.rules);
}

static void an_end_is_in_order_by_its_code_and_by_a_log_off_of_who_registered(void **state)
{
    (void)state;
    assert_after(SUPERVISION_END_WELL, false, false, false, "");
    assert_after(SUPERVISION_END_ASKED, false, false, false, "~0");
    assert_after(SUPERVISION_END_BAD, false, false, false, "~0");
    assert_after(SUPERVISION_END_WELL, true, true, true, "");
    assert_after(SUPERVISION_END_ASKED, true, true, true, "");
    assert_after(SUPERVISION_END_BAD, true, true, true, "~0");
    assert_after(SUPERVISION_END_WELL, true, true, false, "~0");
    assert_after(SUPERVISION_END_ASKED, true, true, false, "~0");
    assert_after(SUPERVISION_END_BAD, true, false, false, "~0");
    /* somebody else of its name has left */
    assert_after(SUPERVISION_END_WELL, false, true, false, "");
}

static void the_end_of_a_program_waits_for_the_end_of_its_link(void **state)
{
    struct play play;
    (void)state;
    all_run(&play);
    ends(&play, 0, SUPERVISION_END_WELL);
    ends(&play, 1, SUPERVISION_END_ASKED);
    ends(&play, 2, SUPERVISION_END_WELL);
    later(&play, SUPERVISION_LEAVE_MS - 1, "");
    assert_int_equal(play.next_ms, play.now_ms + 1);
    supervision_left(&play.rules, 0, true, play.now_ms);
    supervision_left(&play.rules, 1, false, play.now_ms);
    later(&play, 0, "~1");
    later(&play, 1, "~2");
    assert_int_equal(play.rules.at[0].state, SUPERVISED_STOPPED);
    supervision_free(&play.rules);
}

static void where_nobody_can_tell_of_a_log_off_the_code_decides(void **state)
{
    struct play play;
    (void)state;
    all_run(&play);
    ends(&play, 0, SUPERVISION_END_WELL);
    supervision_links_gone(&play.rules, play.now_ms);
    ends(&play, 1, SUPERVISION_END_WELL);
    ends(&play, 2, SUPERVISION_END_BAD);
    later(&play, SUPERVISION_WAIT_MIN_MS - 1, "~2");
    supervision_free(&play.rules);
}

static void an_administrator_does_not_wait_for_the_end_of_a_link(void **state)
{
    struct play play;
    struct supervision_order order;
    (void)state;
    all_run(&play);
    ends(&play, 0, SUPERVISION_END_WELL);
    assert_int_equal(wish(&play, SUPERVISION_STOP, &order), SUPERVISION_DONE);
    later(&play, SUPERVISION_LEAVE_MS, "");
    assert_int_equal(wish(&play, SUPERVISION_START, &order), SUPERVISION_DONE);
    supervision_registered(&play.rules, 0);
    ends(&play, 0, SUPERVISION_END_WELL);
    assert_int_equal(wish(&play, SUPERVISION_START, &order), SUPERVISION_DONE);
    supervision_left(&play.rules, 0, false, play.now_ms); /* of the one before */
    later(&play, SUPERVISION_LEAVE_MS, "+0+0?0");
    ends(&play, 0, SUPERVISION_END_WELL);
    later(&play, SUPERVISION_WAIT_MAX_MS, "");
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
        cmocka_unit_test(an_end_is_in_order_by_its_code_and_by_a_log_off_of_who_registered),
        cmocka_unit_test(the_end_of_a_program_waits_for_the_end_of_its_link),
        cmocka_unit_test(where_nobody_can_tell_of_a_log_off_the_code_decides),
        cmocka_unit_test(an_administrator_does_not_wait_for_the_end_of_a_link),
        cmocka_unit_test(a_stop_is_done_when_it_has_ended_and_it_stays_stopped),
        cmocka_unit_test(a_start_is_done_at_once),
        cmocka_unit_test(a_start_that_fails_is_tried_again_until_it_is_stopped),
        cmocka_unit_test(a_restart_is_done_when_it_was_started_again),
        cmocka_unit_test(a_restart_starts_one_that_does_not_run),
        cmocka_unit_test(the_later_of_two_wishes_counts),
        cmocka_unit_test(a_stop_ends_what_a_hang_had_begun),
        cmocka_unit_test(a_stop_ends_the_waiting_of_one_that_crashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
