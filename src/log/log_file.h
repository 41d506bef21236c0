/* log/log_file.h: a log file as D2000 keeps it, behind the sink of base/log.h.
 *
 * Name: <suffix>[-<process name>][-<instance>].log. Kept at start, and when it gets over
 * Max_Log_Size: X.log becomes X.prev.log, the old X.prev.log is appended to X.his.log, and
 * X.his.log over Max_Log_Size is moved to X.his.log.bak. A log that cannot write loses lines and
 * says how many as soon as it can; it never ends the program. A WARNING or ERROR that repeats,
 * apart from numbers and addresses, is written once a second, with the number of the others. */
#ifndef D2K_LOG_LOG_FILE_H
#define D2K_LOG_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

struct log_file;

struct log_file_options {
    const char *directory; /* made when it is missing */
    const char *name;      /* "KNL-SELF": file name without .log */
    bool shared;           /* several processes append to it: no keeping at start, locked writes */
    bool threaded; /* lines are written by a thread of its own, from a bounded queue; what does not
                      fit is counted and reported in a line when there is room again */
    bool also_stderr;
    bool to_journal;           /* lines go to stderr too, each with its priority in front: "<4>" */
    bool json;                 /* one JSON object a line: time (RFC 3339), level, component, text */
    uint64_t max_history_size; /* of .his.log; 0: no limit */
    uint64_t max_size;         /* of .log, which is kept as at start before it gets larger; 0: no
                                  limit. A shared log has none. */
};

#define LOG_QUEUE_MAX_BYTES (1024u * 1024u) /* waiting for the thread */

/* D2K_FILE (names the file; also when another process writes this log already, unless it is
 * shared), D2K_NO_MEMORY. An exclusive log is held by a lock on `<name>.lock` until it is closed.
 * Old logs that cannot be kept (a full disk) are no error: the new lines then follow the old ones,
 * after a WARNING. `log` is ready to be used with the functions of base/log.h, from any thread,
 * until log_file_close(). */
d2k_result log_file_open(const struct log_file_options *options, struct log_file **ret_file,
                         struct error *err) D2K_MUST_CHECK;

/* The log that writes here; belongs to the file. Its level is LOG_INFO until it is changed. */
struct log *log_file_log(struct log_file *file);

/* Path of the file, for messages. */
const char *log_file_path(const struct log_file *file);

/* Lines that were lost because the queue was full or the disk refused them. Any thread. */
uint64_t log_file_lost(const struct log_file *file);

/* Writes what waits, ends the thread, closes. NULL is allowed. No other thread may log any more. */
void log_file_close(struct log_file *file);

#endif
