/* log/log_file.c: keeps old logs at start and writes lines, at once or through a bounded queue.
 *
 * One way leads to the disk, write_out(); behind the queue it is the thread's alone, without a
 * queue it is used under the mutex. */
#include "log/log_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/thread.h"

#define LOG_FILE_MODE      0640u
#define LOG_DIRECTORY_MODE 0750u
#define STDERR_DESCRIPTOR  2
#define LOSS_LINE_MAX      256
#define KEPT_CAPACITY      (64u * 1024u) /* memory of the queue that a quiet log keeps */
#define WAIT_FOR_EVER      UINT32_MAX

struct log_file {
    struct log log;
    char *path;
    int fd;
    int lock_fd;
    bool threaded, also_stderr;

    /* Only who writes (the thread, or the holder of the mutex when there is none). */
    uint64_t refused; /* lines that the disk did not take, not reported yet */
    int refused_error;
    struct buffer writing;

    struct os_mutex *mutex;
    struct os_condition *work; /* there are lines, or it ends */
    struct os_thread *thread;
    /* Under the mutex. */
    struct buffer waiting;
    uint64_t overflowed; /* lines that the queue did not take, not reported yet */
    uint64_t lost;       /* all lines ever lost */
    bool ending;
};

static uint64_t count_lines(const char *bytes, size_t size)
{
    uint64_t lines = 0;
    const char *at = bytes;
    while (size > 0) {
        const char *newline = memchr(at, '\n', size);
        if (newline == NULL) {
            break;
        }
        lines++;
        size -= (size_t)(newline - at) + 1;
        at = newline + 1;
    }
    return lines;
}

/* ---- writing ---- */

static bool write_both(struct log_file *file, const void *bytes, size_t size)
{
    if (file->also_stderr) {
        /* Nobody is left to be told when stderr fails. */
        int ignored = os_file_append(STDERR_DESCRIPTOR, bytes, size, false);
        (void)ignored;
    }
    int error = os_file_append(file->fd, bytes, size, true);
    if (error != 0) {
        file->refused_error = error;
    }
    return error == 0;
}

static bool write_loss(struct log_file *file, uint64_t lines, const char *reason)
{
    char now[TEXT_TIME_MAX];
    char line[LOSS_LINE_MAX];
    text_time(now, sizeof now, os_wall_ns());
    int length =
        snprintf(line, sizeof line, "[%s] LOG - WARNING: %" PRIu64 " lines were lost here: %s\n",
                 now, lines, reason);
    return length > 0 && (size_t)length < sizeof line && write_both(file, line, (size_t)length);
}

/* Writes whole lines. Returns how many were lost. */
static uint64_t write_out(struct log_file *file, const void *bytes, size_t size)
{
    if (file->refused > 0 && write_loss(file, file->refused, os_error_text(file->refused_error))) {
        file->refused = 0;
    }
    if (size == 0 || write_both(file, bytes, size)) {
        return 0;
    }
    uint64_t lines = count_lines(bytes, size);
    file->refused += lines;
    return lines;
}

/* ---- without a thread ---- */

static void sink_at_once(void *context, enum log_level level, const char *line)
{
    (void)level;
    struct log_file *file = context;
    size_t length = strlen(line);
    os_mutex_lock(file->mutex);
    buffer_reset(&file->writing);
    buffer_put(&file->writing, line, length);
    buffer_put_u8(&file->writing, '\n');
    if (buffer_failed(&file->writing)) {
        file->refused += count_lines(line, length) + 1;
        file->refused_error = ENOMEM;
        file->lost += count_lines(line, length) + 1;
    } else {
        file->lost += write_out(file, buffer_data(&file->writing), buffer_size(&file->writing));
    }
    os_mutex_unlock(file->mutex);
}

/* ---- with a thread ---- */

static void sink_to_queue(void *context, enum log_level level, const char *line)
{
    (void)level;
    struct log_file *file = context;
    size_t length = strlen(line);
    os_mutex_lock(file->mutex);
    bool was_idle = buffer_size(&file->waiting) == 0 && file->overflowed == 0;
    uint8_t *place = buffer_reserve(&file->waiting, length + 1);
    if (place != NULL) {
        memcpy(place, line, length);
        place[length] = '\n';
        buffer_added(&file->waiting, length + 1);
    } else {
        file->waiting.failed = false; /* the next line may be shorter or find room */
        file->overflowed += count_lines(line, length) + 1;
        file->lost += count_lines(line, length) + 1;
    }
    if (was_idle) {
        os_condition_signal(file->work);
    }
    os_mutex_unlock(file->mutex);
}

/* Waits for lines and takes all of them. False when the log ends and nothing is left. */
static bool take_batch(struct log_file *file, uint64_t *ret_overflowed)
{
    while (buffer_size(&file->waiting) == 0 && file->overflowed == 0) {
        if (file->ending) {
            return false;
        }
        (void)os_condition_wait(file->work, file->mutex, WAIT_FOR_EVER);
    }
    struct buffer empty = file->writing;
    file->writing = file->waiting;
    file->waiting = empty;
    *ret_overflowed = file->overflowed;
    file->overflowed = 0;
    return true;
}

/* The lines of the batch were there before the queue was full, so the report follows them. */
static uint64_t write_batch(struct log_file *file, uint64_t overflowed)
{
    uint64_t lost = write_out(file, buffer_data(&file->writing), buffer_size(&file->writing));
    if (overflowed > 0 && !write_loss(file, overflowed, "the queue of the log was full")) {
        file->refused += overflowed;
    }
    buffer_reset(&file->writing);
    if (file->writing.capacity > KEPT_CAPACITY) {
        buffer_trim(&file->writing);
    }
    return lost;
}

static void run_writer(void *context)
{
    struct log_file *file = context;
    uint64_t overflowed = 0;
    os_mutex_lock(file->mutex);
    while (take_batch(file, &overflowed)) {
        os_mutex_unlock(file->mutex);
        uint64_t lost = write_batch(file, overflowed);
        os_mutex_lock(file->mutex);
        file->lost += lost;
    }
    os_mutex_unlock(file->mutex);
}

/* ---- keeping ---- */

struct kept_paths {
    char *log, *previous, *history, *history_backup, *lock;
};

static void free_paths(struct kept_paths *paths)
{
    free(paths->log);
    free(paths->previous);
    free(paths->history);
    free(paths->history_backup);
    free(paths->lock);
}

static bool make_paths(const struct log_file_options *options, struct kept_paths *ret_paths)
{
    const char *directory = options->directory;
    const char *name = options->name;
    *ret_paths = (struct kept_paths){
        .log = text_format("%s/%s.log", directory, name),
        .previous = text_format("%s/%s.prev.log", directory, name),
        .history = text_format("%s/%s.his.log", directory, name),
        .history_backup = text_format("%s/%s.his.log.bak", directory, name),
        .lock = text_format("%s/%s.lock", directory, name),
    };
    return ret_paths->log != NULL && ret_paths->previous != NULL && ret_paths->history != NULL &&
           ret_paths->history_backup != NULL && ret_paths->lock != NULL;
}

static int bound_history(const struct kept_paths *paths, uint64_t max_size)
{
    struct os_file_stamp stamp;
    int error = os_file_stamp(paths->history, &stamp);
    if (error != 0 || max_size == 0 || stamp.size <= max_size) {
        return error;
    }
    return os_file_rename(paths->history, paths->history_backup);
}

static int append_previous_to_history(const struct kept_paths *paths, uint64_t max_size)
{
    int error = bound_history(paths, max_size);
    if (error == 0) {
        error = os_file_append_file(paths->previous, paths->history, LOG_FILE_MODE);
    }
    return error == ENOENT ? 0 : error;
}

/* Stops at the first failure, before anything is replaced that has not been kept elsewhere. */
static int keep_old_logs(const struct kept_paths *paths, uint64_t max_history_size)
{
    struct os_file_stamp stamp;
    int error = os_file_stamp(paths->log, &stamp);
    if (error != 0 || !stamp.exists) {
        return error;
    }
    error = append_previous_to_history(paths, max_history_size);
    return error != 0 ? error : os_file_rename(paths->log, paths->previous);
}

/* ---- opening and closing ---- */

static d2k_result lock_log(struct log_file *file, const struct kept_paths *paths, struct error *err)
{
    int error = os_file_open_append(paths->lock, LOG_FILE_MODE, &file->lock_fd);
    if (error != 0) {
        return error_set(err, D2K_FILE, "lock of the log %s cannot be opened: %s", paths->lock,
                         os_error_text(error));
    }
    error = os_file_try_lock(file->lock_fd);
    if (error == EWOULDBLOCK) {
        return error_set(err, D2K_FILE,
                         "log %s is being written by another process (it holds %s); two processes "
                         "never write one log",
                         paths->log, paths->lock);
    }
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s cannot be locked: %s", paths->lock,
                         os_error_text(error));
    }
    return D2K_OK;
}

static d2k_result check_name(const struct log_file_options *options, struct error *err)
{
    if (options->name[0] == '\0' || strchr(options->name, '/') != NULL) {
        char name[ERROR_TEXT_MAX / 2];
        return error_set(err, D2K_FILE, "'%s' cannot be the name of a log",
                         text_escape(name, sizeof name, slice_of(options->name)));
    }
    return D2K_OK;
}

static d2k_result open_files(struct log_file *file, const struct log_file_options *options,
                             const struct kept_paths *paths, struct error *err)
{
    int error = os_directory_make(options->directory, LOG_DIRECTORY_MODE);
    if (error != 0) {
        return error_set(err, D2K_FILE, "directory %s for the log cannot be made: %s",
                         options->directory, os_error_text(error));
    }
    int keep_error = 0;
    if (!options->shared) {
        d2k_result result = lock_log(file, paths, err);
        if (result != D2K_OK) {
            return result;
        }
        keep_error = keep_old_logs(paths, options->max_history_size);
    }
    error = os_file_open_append(paths->log, LOG_FILE_MODE, &file->fd);
    if (error != 0) {
        return error_set(err, D2K_FILE, "log %s cannot be opened: %s", paths->log,
                         os_error_text(error));
    }
    if (keep_error != 0) {
        log_write(&file->log, LOG_WARNING, "LOG",
                  "Old logs beside %s cannot be kept (%s); new lines follow the old ones.",
                  paths->log, os_error_text(keep_error));
    }
    return D2K_OK;
}

static d2k_result start_thread(struct log_file *file, struct error *err)
{
    if (!file->threaded) {
        return D2K_OK;
    }
    int error = os_thread_start("log", run_writer, file, &file->thread);
    if (error != 0) {
        return error_set(err, D2K_NO_MEMORY, "thread of the log %s cannot be started: %s",
                         file->path, os_error_text(error));
    }
    return D2K_OK;
}

static struct log_file *new_log_file(const struct log_file_options *options)
{
    struct log_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return NULL;
    }
    file->fd = -1;
    file->lock_fd = -1;
    file->threaded = options->threaded;
    file->also_stderr = options->also_stderr;
    buffer_init(&file->waiting, LOG_QUEUE_MAX_BYTES);
    buffer_init(&file->writing, LOG_QUEUE_MAX_BYTES);
    file->mutex = os_mutex_new();
    file->work = os_condition_new();
    file->log.level = LOG_INFO;
    file->log.sink = options->threaded ? sink_to_queue : sink_at_once;
    file->log.context = file;
    if (file->mutex == NULL || file->work == NULL) {
        log_file_close(file);
        return NULL;
    }
    return file;
}

d2k_result log_file_open(const struct log_file_options *options, struct log_file **ret_file,
                         struct error *err)
{
    *ret_file = NULL;
    d2k_result result = check_name(options, err);
    if (result != D2K_OK) {
        return result;
    }
    struct kept_paths paths;
    bool has_paths = make_paths(options, &paths);
    struct log_file *file = has_paths ? new_log_file(options) : NULL;
    if (file == NULL) {
        free_paths(&paths);
        return error_no_memory(err);
    }
    result = open_files(file, options, &paths, err);
    file->path = paths.log;
    paths.log = NULL;
    free_paths(&paths);
    if (result == D2K_OK) {
        result = start_thread(file, err);
    }
    if (result != D2K_OK) {
        log_file_close(file);
        return result;
    }
    *ret_file = file;
    return D2K_OK;
}

struct log *log_file_log(struct log_file *file)
{
    return &file->log;
}

const char *log_file_path(const struct log_file *file)
{
    return file->path;
}

uint64_t log_file_lost(const struct log_file *file)
{
    os_mutex_lock(file->mutex);
    uint64_t lost = file->lost;
    os_mutex_unlock(file->mutex);
    return lost;
}

void log_file_close(struct log_file *file)
{
    if (file == NULL) {
        return;
    }
    if (file->thread != NULL) {
        os_mutex_lock(file->mutex);
        file->ending = true;
        os_condition_signal(file->work);
        os_mutex_unlock(file->mutex);
        os_thread_join(file->thread);
    }
    if (file->fd >= 0) {
        (void)write_out(file, NULL, 0); /* the last chance to report what the disk refused */
    }
    os_file_close(file->fd);
    os_file_close(file->lock_fd);
    buffer_free(&file->waiting);
    buffer_free(&file->writing);
    os_condition_free(file->work);
    os_mutex_free(file->mutex);
    free(file->path);
    free(file);
}
