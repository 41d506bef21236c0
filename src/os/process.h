/* os/process.h: other processes: starting, ending, and hearing of their end. For a program with
 * one thread: a process that has others must not start any. */
#ifndef D2K_OS_PROCESS_H
#define D2K_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include <d2k/result.h>

struct os_program {
    const char *executable;
    const char *directory;    /* it runs in */
    char *const *arguments;   /* the first is its name; ends with NULL */
    char *const *environment; /* "NAME=value", ends with NULL: all that it gets */
};

/* How a process ended. */
struct os_process_end {
    int pid;
    bool killed; /* by a signal */
    bool asked;  /* by one that asks for the end: SIGTERM, SIGINT */
    int number;  /* of the signal, else the exit code */
};

/* Starts it in a process group of its own, with stdin from nowhere, our stdout and stderr, no other
 * descriptor, and signals as they are by default. It is killed when we end. Returns 0, or why it
 * does not run: ENOENT, EACCES, ENOEXEC (executable or directory), EAGAIN, ENOMEM, EMFILE. */
int os_process_start(const struct os_program *program, int *ret_pid) D2K_MUST_CHECK;

/* Continues in a copy of this process too, in a process group of its own, which is killed when we
 * end; there *ret_pid is 0. The copy catches no signals. EAGAIN, ENOMEM. */
int os_process_fork(int *ret_pid) D2K_MUST_CHECK;

/* SIGTERM, or SIGKILL when `hard`, to the process group of a process that was started here and
 * whose end was not taken yet. */
void os_process_end(int pid, bool hard);
/* SIGHUP to the process alone. */
void os_process_ask_to_read_again(int pid);

/* From now on the end of a process wakes `wakeup` (os_wakeup_new()). */
int os_process_watch(int wakeup) D2K_MUST_CHECK;
/* One that has ended; false: none has. */
bool os_process_take_end(struct os_process_end *ret_end);

/* From now on this process cannot start programs, nor can what comes of it, whatever happens to
 * it. ENOSYS: the system has no such lock, or not for this processor. */
int os_process_forbid_programs(void) D2K_MUST_CHECK;

/* Two connected ends for whole messages, close-on-exec and non-blocking. EMFILE... */
int os_message_pair(int ret_ends[2]) D2K_MUST_CHECK;
/* Sends it whole. EAGAIN: there is no room; EPIPE: nobody is there. */
int os_message_send(int end, const void *message, size_t size) D2K_MUST_CHECK;
/* Gets one whole. EAGAIN: there is none; EPIPE: the other end is closed; EMSGSIZE: it is not of
 * this size, and gone. */
int os_message_receive(int end, void *ret_message, size_t size) D2K_MUST_CHECK;

#endif
