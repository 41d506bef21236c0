/* base/log.h: log lines in the form of D2000; the sink is handed in.
 *
 *     [2022-09-23 07:48:11.289] CLIENT - Connecting to D2000 Server [localhost] TCP/IP|TLS...
 *
 * Text from the network must go through text_escape() before it is formatted into a line. Any
 * thread, if the sink allows it. */
#ifndef D2K_BASE_LOG_H
#define D2K_BASE_LOG_H

#include <stdatomic.h>

#include <d2k/result.h>

enum log_level {
    LOG_ERROR,   /* "ERROR: " stands before the text */
    LOG_WARNING, /* "WARNING: " stands before the text */
    LOG_INFO,
    LOG_DEBUG,
};

struct log {
    atomic_int level; /* enum log_level; lines above it are dropped; may change at any time */
    /* Gets one whole line (or several, separated by \n), terminated, without a final \n. */
    void (*sink)(void *context, enum log_level level, const char *line);
    void *context;
};

#define LOG_LINE_MAX 2048

/* Writes "[time] component - text". `log` may be NULL (nothing is written). */
void log_write(const struct log *log, enum log_level level, const char *component,
               const char *format, ...) D2K_PRINTF(4, 5);

/* A line of its own without time and component, such as "ConnectionSqlId = 1"; it is joined to the
 * line written with log_write_with_tail(), so that no other thread's line comes between. */
void log_write_with_tail(const struct log *log, enum log_level level, const char *component,
                         const char *tail, const char *format, ...) D2K_PRINTF(5, 6);

#endif
