/* access/attempts.h: how long somebody has to wait who guesses passwords. No I/O; time is handed
 * in.
 *
 * What is counted are failures of a user from an address, and of an address whoever it says it is:
 * so nobody is locked out by a stranger who guesses elsewhere. Each failure doubles the wait; it is
 * forgotten after a success or after ATTEMPTS_FORGET_MS. */
#ifndef D2K_ACCESS_ATTEMPTS_H
#define D2K_ACCESS_ATTEMPTS_H

#include <stdint.h>

/* Limits; tested at the limit and one past it. */
#define ATTEMPTS_ENTRIES_MAX 1024u /* past it the one that failed longest ago is forgotten */
#define ATTEMPTS_FREE_USER   2u    /* failures of one user from one address without a wait */
#define ATTEMPTS_FREE_PLACE  10u   /* failures from one address without a wait */
#define ATTEMPTS_WAIT_MIN_MS 1000u
#define ATTEMPTS_WAIT_MAX_MS 300000u
#define ATTEMPTS_FORGET_MS   900000u

struct attempts;

/* NULL: out of memory. */
struct attempts *attempts_new(void);
void attempts_free(struct attempts *attempts); /* NULL is allowed */

/* Milliseconds until this user may try from this address; 0: now. `address` without port. */
uint32_t attempts_wait_ms(const struct attempts *attempts, const char *user, const char *address,
                          uint64_t now_ms);
void attempts_failed(struct attempts *attempts, const char *user, const char *address,
                     uint64_t now_ms);
void attempts_succeeded(struct attempts *attempts, const char *user, const char *address);

#endif
