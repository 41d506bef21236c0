/* os/service.h: what the service manager that started us (systemd) hands in and wants to hear: the
 * protocols of sd_listen_fds(3) and sd_notify(3), without its library.
 *
 * Started by hand there is no service manager: then nothing is handed in and nothing is told. For
 * the thread that runs main(), before others are started, where nothing else is said. */
#ifndef D2K_OS_SERVICE_H
#define D2K_OS_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <d2k/result.h>

/* First descriptor that is handed in; the others follow. */
#define OS_SERVICE_FIRST_SOCKET 3
#define OS_SERVICE_SOCKETS_MAX  64u /* more than that are left alone */

/* How many descriptors were handed in for this process ($LISTEN_FDS, $LISTEN_PID). They are
 * close-on-exec from now on, and the caller's to close. The environment is then without them, so a
 * second call gives 0. */
unsigned os_service_sockets(void);

/* Tells the service manager ("READY=1", "STATUS=...", several separated by newlines). Returns 0,
 * also when there is none, or an errno value; never waits. Any thread. */
int os_service_notify(const char *state) D2K_MUST_CHECK;

/* The service manager ends us unless it hears WATCHDOG=1 so often, in milliseconds; 0: it does
 * not. */
uint64_t os_service_watchdog_ms(void);

/* What the service manager wants to hear of this process may come from a child of it too, which
 * then finds its watchdog by os_service_watchdog_ms(). */
void os_service_let_child_speak(void);

/* Whether stderr leads to the journal ($JOURNAL_STREAM names it and it is still the same). */
bool os_service_stderr_is_journal(void);

#endif
