/* The limiter of log lines: the tenth and the eleventh line of a second, and what was left out is
 * told once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel/log_limiter.h"

#define NOW_MS 5000u

static unsigned admitted_of(struct log_limiter *limiter, uint64_t now_ms, unsigned count)
{
    unsigned admitted = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t left_out;
        admitted += log_limiter_admits(limiter, now_ms, &left_out);
        assert_int_equal(left_out, 0);
    }
    return admitted;
}

static void ten_lines_a_second_are_admitted_and_the_eleventh_is_not(void **state)
{
    (void)state;
    struct log_limiter limiter = {0};
    uint32_t left_out;
    assert_int_equal(admitted_of(&limiter, NOW_MS, LOG_LIMITER_LINES_A_SECOND),
                     LOG_LIMITER_LINES_A_SECOND);
    assert_false(log_limiter_admits(&limiter, NOW_MS + 999, &left_out));
    assert_true(log_limiter_admits(&limiter, NOW_MS + 1000, &left_out));
    assert_int_equal(left_out, 1);
}

static void what_was_left_out_is_told_once_by_who_comes_next(void **state)
{
    (void)state;
    struct log_limiter limiter = {0};
    uint32_t left_out;
    assert_int_equal(admitted_of(&limiter, NOW_MS, 1000), LOG_LIMITER_LINES_A_SECOND);
    assert_true(log_limiter_admits(&limiter, NOW_MS + 5000, &left_out));
    assert_int_equal(left_out, 1000 - LOG_LIMITER_LINES_A_SECOND);
    assert_int_equal(log_limiter_left_out(&limiter, NOW_MS + 60000), 0);
}

static void what_was_left_out_is_told_once_by_the_timer(void **state)
{
    (void)state;
    struct log_limiter limiter = {0};
    uint32_t left_out;
    (void)admitted_of(&limiter, NOW_MS, 25);
    assert_int_equal(log_limiter_left_out(&limiter, NOW_MS + 999), 0); /* more may come in it */
    assert_int_equal(log_limiter_left_out(&limiter, NOW_MS + 1000), 15);
    assert_int_equal(log_limiter_left_out(&limiter, NOW_MS + 1000), 0);
    assert_true(log_limiter_admits(&limiter, NOW_MS + 2000, &left_out));
    assert_int_equal(left_out, 0);
}

static void a_quiet_second_has_nothing_to_tell(void **state)
{
    (void)state;
    struct log_limiter limiter = {0};
    uint32_t left_out;
    assert_int_equal(log_limiter_left_out(&limiter, NOW_MS), 0);
    (void)admitted_of(&limiter, NOW_MS, LOG_LIMITER_LINES_A_SECOND);
    assert_int_equal(log_limiter_left_out(&limiter, NOW_MS + 1000), 0);
    assert_true(log_limiter_admits(&limiter, NOW_MS + 1000, &left_out));
    assert_int_equal(left_out, 0);
}

static void a_thread_that_is_a_moment_late_counts_for_the_second_that_has_begun(void **state)
{
    (void)state;
    struct log_limiter limiter = {0};
    uint32_t left_out;
    (void)admitted_of(&limiter, NOW_MS + 1000, LOG_LIMITER_LINES_A_SECOND);
    assert_false(log_limiter_admits(&limiter, NOW_MS + 999, &left_out));
    assert_int_equal(left_out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_lines_a_second_are_admitted_and_the_eleventh_is_not),
        cmocka_unit_test(what_was_left_out_is_told_once_by_who_comes_next),
        cmocka_unit_test(what_was_left_out_is_told_once_by_the_timer),
        cmocka_unit_test(a_quiet_second_has_nothing_to_tell),
        cmocka_unit_test(a_thread_that_is_a_moment_late_counts_for_the_second_that_has_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
