/* log/log_keep.c: keeps the files of a log. */
#include "log/log_keep.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "os/file.h"

bool log_paths_make(struct log_paths *ret_paths, const char *directory, const char *name)
{
    *ret_paths = (struct log_paths){
        .log = text_format("%s/%s.log", directory, name),
        .previous = text_format("%s/%s.prev.log", directory, name),
        .history = text_format("%s/%s.his.log", directory, name),
        .history_backup = text_format("%s/%s.his.log.bak", directory, name),
        .lock = text_format("%s/%s.lock", directory, name),
    };
    return ret_paths->log != NULL && ret_paths->previous != NULL && ret_paths->history != NULL &&
           ret_paths->history_backup != NULL && ret_paths->lock != NULL;
}

void log_paths_free(struct log_paths *paths)
{
    free(paths->log);
    free(paths->previous);
    free(paths->history);
    free(paths->history_backup);
    free(paths->lock);
    *paths = (struct log_paths){0};
}

/* Moves a history away that is too large, or is going to be with `more` bytes. */
static int bound_history(const struct log_paths *paths, uint64_t max_size, uint64_t more)
{
    struct os_file_stamp stamp;
    int error = os_file_stamp(paths->history, &stamp);
    if (error != 0 || max_size == 0 || !stamp.exists || stamp.size + more <= max_size) {
        return error;
    }
    return os_file_rename(paths->history, paths->history_backup);
}

static int previous_to_history(const struct log_paths *paths)
{
    struct os_file_stamp history;
    int error = os_file_stamp(paths->history, &history);
    if (error != 0) {
        return error;
    }
    if (!history.exists) {
        return os_file_rename(paths->previous, paths->history);
    }
    return os_file_append_file(paths->previous, paths->history, LOG_FILE_MODE);
}

int log_keep(const struct log_paths *paths, uint64_t max_history_size, bool while_running)
{
    struct os_file_stamp log, previous;
    int error = os_file_stamp(paths->log, &log);
    if (error != 0 || !log.exists) {
        return error;
    }
    error = os_file_stamp(paths->previous, &previous);
    if (error == 0) {
        error = bound_history(paths, max_history_size, while_running ? previous.size : 0);
    }
    if (error == 0 && previous.exists) {
        error = previous_to_history(paths);
    }
    return error != 0 ? error : os_file_rename(paths->log, paths->previous);
}
