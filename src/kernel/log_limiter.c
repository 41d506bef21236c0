/* Lines a second are counted in one atomic word: whoever begins a new second tells what was left
 * out of the one before. */
#include "kernel/log_limiter.h"

#define COUNT_BITS 32u
#define COUNT_MASK UINT32_MAX

static uint64_t window_of(uint64_t now_ms, uint32_t count)
{
    return (now_ms / 1000) << COUNT_BITS | count;
}

static uint32_t count_of(uint64_t window)
{
    return (uint32_t)(window & COUNT_MASK);
}

static uint32_t left_out_of(uint64_t window)
{
    uint32_t count = count_of(window);
    return count > LOG_LIMITER_LINES_A_SECOND ? count - LOG_LIMITER_LINES_A_SECOND : 0;
}

/* A thread whose clock was read a moment earlier belongs to the second that has begun. */
static bool is_over(uint64_t window, uint64_t now_ms)
{
    return window >> COUNT_BITS < now_ms / 1000;
}

bool log_limiter_admits(struct log_limiter *limiter, uint64_t now_ms, uint32_t *ret_left_out)
{
    uint64_t old = atomic_load(&limiter->window);
    uint64_t new;
    do {
        if (is_over(old, now_ms)) {
            new = window_of(now_ms, 1);
        } else {
            new = count_of(old) == COUNT_MASK ? old : old + 1;
        }
    } while (!atomic_compare_exchange_weak(&limiter->window, &old, new));
    *ret_left_out = is_over(old, now_ms) ? left_out_of(old) : 0;
    return count_of(new) <= LOG_LIMITER_LINES_A_SECOND;
}

uint32_t log_limiter_left_out(struct log_limiter *limiter, uint64_t now_ms)
{
    uint64_t old = atomic_load(&limiter->window);
    do {
        if (!is_over(old, now_ms) || left_out_of(old) == 0) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak(&limiter->window, &old, window_of(now_ms, 0)));
    return left_out_of(old);
}
