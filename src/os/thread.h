/* os/thread.h: threads and what they wait on. */
#ifndef D2K_OS_THREAD_H
#define D2K_OS_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include <d2k/result.h>

struct os_thread;
struct os_mutex;
struct os_condition;

/* Starts a thread with all signals blocked. `name` (15 characters at most) is shown by ps and gdb.
 * EAGAIN, ENOMEM. End it with os_thread_join(). */
int os_thread_start(const char *name, void (*run)(void *), void *context,
                    struct os_thread **ret_thread) D2K_MUST_CHECK;

/* Waits for its end and frees it; NULL is allowed. */
void os_thread_join(struct os_thread *thread);

/* Lowers (positive) the priority of the calling thread alone, as nice(1) does for a process; a
 * failure changes nothing and is no error. */
void os_thread_lower_priority(int nice_steps);

/* Mutexes and conditions: NULL when out of memory; free accepts NULL. */
struct os_mutex *os_mutex_new(void);
void os_mutex_free(struct os_mutex *mutex);
void os_mutex_lock(struct os_mutex *mutex);
void os_mutex_unlock(struct os_mutex *mutex);

struct os_condition *os_condition_new(void);
void os_condition_free(struct os_condition *condition);
/* Returns false after timeout_ms (UINT32_MAX: never); may wake for no reason. */
bool os_condition_wait(struct os_condition *condition, struct os_mutex *mutex, uint32_t timeout_ms);
void os_condition_signal(struct os_condition *condition);
void os_condition_broadcast(struct os_condition *condition);

#endif
