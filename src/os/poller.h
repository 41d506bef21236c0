/* os/poller.h: waits for many descriptors at once, for wake-ups from other threads, and for
 * signals.
 *
 * One thread uses a poller. What is ready is reported as long as it stays ready (level-triggered).
 * Functions that can fail return 0 or an errno value. */
#ifndef D2K_OS_POLLER_H
#define D2K_OS_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include <d2k/result.h>

#include "os/socket.h"

struct os_poller;

struct os_ready {
    void *data;
    int events; /* OS_READABLE | OS_WRITABLE; an error or hang-up shows as OS_READABLE */
};

/* ENOMEM, EMFILE. Free with os_poller_free(), which accepts NULL and closes nothing else. */
int os_poller_new(struct os_poller **ret_poller) D2K_MUST_CHECK;
void os_poller_free(struct os_poller *poller);

/* `data` comes back with what is ready. A descriptor that is closed is no longer watched, but what
 * os_poller_wait() has returned before may still name it. ENOMEM, ENOSPC. */
int os_poller_add(struct os_poller *poller, int fd, int events, void *data) D2K_MUST_CHECK;
/* Of a descriptor that is watched, which cannot fail. */
void os_poller_change(struct os_poller *poller, int fd, int events, void *data);
/* For a descriptor that stays open; nothing happens when it is not watched. */
void os_poller_remove(struct os_poller *poller, int fd);

/* Waits until something is ready, at most timeout_ms (-1: for ever), and returns how many of
 * ret_ready are filled, in the order in which they became ready, at most `max`. 0: the time is
 * over, or a signal came. */
unsigned os_poller_wait(struct os_poller *poller, struct os_ready *ret_ready, unsigned max,
                        int timeout_ms);

/* A descriptor that is readable from os_wakeup_send(), by any thread or signal handler, until
 * os_wakeup_take(); -1: the system has none left. Close it with os_socket_close(). */
int os_wakeup_new(void);
void os_wakeup_send(int wakeup);
void os_wakeup_take(int wakeup);

/* What signals ask for. */
#define OS_ASKED_TO_END        0x1u /* SIGTERM, SIGINT */
#define OS_ASKED_TO_READ_AGAIN 0x2u /* SIGHUP */

/* From now on these signals are remembered, and each wakes `wakeup`. One wake-up for the whole
 * process. */
int os_signals_catch(int wakeup) D2K_MUST_CHECK;
/* They do again what they do by default. */
void os_signals_release(void);
/* Which came since the last call. */
unsigned os_signals_take(void);

#endif
