/* programs/tell/tell.h: the commands of d2k-tell share this. */
#ifndef D2K_TELL_TELL_H
#define D2K_TELL_TELL_H

#include <stdbool.h>

#include "programs/common/program.h"
#include "programs/tell/options.h"

#define REPLY_MAX_BYTES                                                         \
    (256u * 1024u * 1024u)   /* of one answer that is kept until it is complete \
                              */
#define ANSWER_WAIT_MS 60000 /* between two events of one answer */

struct tell {
    struct program program;
    struct tell_options options; /* of the command that runs */
    bool in_session;             /* other commands follow on the same link */
};

/* Each runs one command of a client that has begun to connect, and says on stderr what went
 * wrong. */
enum exit_code tell_list(struct tell *tell);
enum exit_code tell_get(struct tell *tell);
enum exit_code tell_snapshot(struct tell *tell);
enum exit_code tell_processes(struct tell *tell);
enum exit_code tell_connections(struct tell *tell);
enum exit_code tell_version(struct tell *tell);
enum exit_code tell_shutdown(struct tell *tell);
enum exit_code tell_log_level(struct tell *tell);
enum exit_code tell_watch(struct tell *tell);
enum exit_code tell_history(struct tell *tell);
enum exit_code tell_set(struct tell *tell);
enum exit_code tell_ack(struct tell *tell);
enum exit_code tell_define(struct tell *tell);
enum exit_code tell_delete(struct tell *tell);
enum exit_code tell_import(struct tell *tell);
enum exit_code tell_export(struct tell *tell);
/* set-active and set-preferred. */
enum exit_code tell_instance(struct tell *tell);
/* start, stop and restart. */
enum exit_code tell_process(struct tell *tell);

/* Runs tell->options.command. */
enum exit_code tell_run_command(struct tell *tell);

/* Commands from standard input until its end, `quit`, SIGTERM or the end of the link. */
enum exit_code tell_interactive(struct tell *tell);

/* Waits until the client is registered. EXIT_CODE_OK also when a signal asked to stop. */
enum exit_code tell_connect(struct tell *tell);

/* The next event; ret_event is filled only with EXIT_CODE_OK. Else what ends the command, which was
 * said on stderr: a signal, timeout_ms (-1: for ever) without an event, the end of the client. */
enum exit_code tell_next_event(struct tell *tell, d2k_event *ret_event, int timeout_ms);

/* Sends what was printed. EXIT_CODE_OK also when the reader of a pipe has gone (then *ret_gone is
 * true: end quietly); `ret_gone` may be NULL. */
enum exit_code tell_flush(struct tell *tell, bool *ret_gone);

/* "the answer is larger than ..., or memory is short". */
enum exit_code tell_too_large(struct tell *tell);

#endif
