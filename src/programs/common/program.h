/* programs/common/program.h: what every client program does at its start and its end: parameters,
 * usage, log file, signals, exit codes. One struct program a process; one thread. */
#ifndef D2K_PROGRAMS_PROGRAM_H
#define D2K_PROGRAMS_PROGRAM_H

#include <stdbool.h>

#include <d2k/client.h>

#include "base/error.h"
#include "base/log.h"
#include "log/log_file.h"
#include "programs/common/exit_codes.h"
#include "registry/location.h"

struct program_info {
    const char *name;   /* "d2k-tell" */
    const char *suffix; /* "TEL" */
    const char *usage;  /* first lines of the help */
    const char *help;   /* the program's own parameters, one a line */
    /* Takes one argument that is no parameter of every client. `is_word`: it stands after "--", so
     * it is never an option. D2K_OK; D2K_NOT_FOUND (unknown option); D2K_ARGUMENT with its text. */
    d2k_result (*argument)(void *context, const char *argument, bool is_word, struct error *err);
};

struct program {
    const struct program_info *info;
    d2k_config *config; /* NULL once the client has taken it over */
    d2k_client *client;
    bool reconnect;  /* the client goes on after its link was lost */
    bool registered; /* the kernel has registered us at least once */
    struct registry_location location;
    struct log_file *file;
    struct log stderr_log;
    struct log *log; /* NULL: no log */
    bool logs_to_stderr;
};

/* Reads the arguments: parameters of every client into program->config, the others to
 * info->argument(context, ...). True: go on. False: end with *ret_code now (help or version was
 * printed, or a parameter is wrong, which stderr tells). The help is printed whatever else is
 * given. In both cases program_end() is needed. */
bool program_start(struct program *program, const struct program_info *info, int argc, char **argv,
                   void *context, enum exit_code *ret_code) D2K_MUST_CHECK;

struct program_log_options {
    const char *name;     /* of the file, without ".log" */
    bool shared;          /* several processes at once append to it */
    bool also_stderr;     /* lines go to stderr too */
    bool json;            /* one JSON object a line */
    bool stderr_fallback; /* lines go to stderr when the file cannot be written */
};

/* Finds the configuration and opens the log. A log that cannot be written is a warning on stderr,
 * never a reason to refuse. False: the configuration cannot be used, said on stderr: end with
 * *ret_code. */
bool program_open_log(struct program *program, const struct program_log_options *options,
                      enum exit_code *ret_code) D2K_MUST_CHECK;

/* Makes program->client from program->config and begins connecting. EXIT_CODE_OK, else what was
 * wrong has been said. */
enum exit_code program_start_client(struct program *program) D2K_MUST_CHECK;

/* As d2k_client_next(), but returns D2K_TIMEOUT soon after a signal asked the program to stop. */
d2k_result program_next(struct program *program, d2k_event *ret_event,
                        int timeout_ms) D2K_MUST_CHECK;

/* Says on stderr why the client has ended (the library has logged it); returns the exit code for
 * it. */
enum exit_code program_link_ended(struct program *program, d2k_result result);

/* Writes "<program>: <text>" on stderr, escaped, and into the log if that is elsewhere. */
void program_say_error(const struct program *program, const char *format, ...) D2K_PRINTF(2, 3);

/* SIGTERM or SIGINT has asked us to end. */
bool program_stop_requested(void);

/* Ctrl-C (SIGINT) ends one command, not the session: true when it came, and it counts no more. */
bool program_take_interrupt(void);

/* Ends the process as the signal would have, had it not been caught: a shell that waits sees it. */
void program_die_of_signal(void);

/* Logs off when registered; frees everything. */
void program_end(struct program *program);

#endif
