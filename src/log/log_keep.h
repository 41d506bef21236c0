/* log/log_keep.h: where old lines of a log go: X.log -> X.prev.log -> X.his.log -> X.his.log.bak
 * (internal to src/log). One thread a log. */
#ifndef D2K_LOG_LOG_KEEP_H
#define D2K_LOG_LOG_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include <d2k/result.h>

#define LOG_FILE_MODE 0640u

struct log_paths {
    char *log, *previous, *history, *history_backup, *lock;
};

/* false: out of memory; log_paths_free() is needed in both cases. */
bool log_paths_make(struct log_paths *ret_paths, const char *directory,
                    const char *name) D2K_MUST_CHECK;
void log_paths_free(struct log_paths *paths);

/* X.log becomes X.prev.log, after the old X.prev.log has gone to the end of X.his.log; a history
 * over max_history_size (0: no limit) is moved to X.his.log.bak before that. With
 * `while_running` a history that would get over it is moved too, so that not much is ever copied
 * while lines wait. Returns 0 or an errno value; stops at the first failure, before anything is
 * replaced that has not been kept elsewhere. No X.log: nothing is done. */
int log_keep(const struct log_paths *paths, uint64_t max_history_size,
             bool while_running) D2K_MUST_CHECK;

#endif
