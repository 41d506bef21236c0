/* kernel/log_limiter.h: so many lines a second, the rest is counted: whoever knocks again and again
 * must not fill the log.
 *
 * Any thread, without a lock. */
#ifndef D2K_KERNEL_LOG_LIMITER_H
#define D2K_KERNEL_LOG_LIMITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing was logged yet. */
struct log_limiter {
    _Atomic uint64_t window; /* the second (upper half) and how many came in it (lower half) */
};

#define LOG_LIMITER_LINES_A_SECOND 10u

/* One more line is to be written at this time; false: leave it out. *ret_left_out: how many were
 * left out of an earlier second and must be told now, by this caller alone (0: none). */
bool log_limiter_admits(struct log_limiter *limiter, uint64_t now_ms, uint32_t *ret_left_out);

/* How many were left out of an earlier second and must be told now, by this caller alone. For a
 * timer, so that they are told also when nobody comes any more. */
uint32_t log_limiter_left_out(struct log_limiter *limiter, uint64_t now_ms);

#endif
