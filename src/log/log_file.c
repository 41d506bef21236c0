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
#include "log/log_json.h"
#include "log/log_keep.h"
#include "log/log_repeats.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/thread.h"

#define LOG_DIRECTORY_MODE    0750u
#define STDERR_DESCRIPTOR     2
#define OWN_LINE_MAX          512
#define KEPT_CAPACITY         (64u * 1024u) /* memory of the queue that a quiet log keeps */
#define WAIT_FOR_EVER         UINT32_MAX
#define REPORT_WAIT_MS        250u /* a report of repeated lines comes so late at most */
#define WINDOW_MS             20u
#define BATCHES_IN_WINDOW_MAX 2u /* then lines wait for the next window */
#define PRIORITY_MARK_SIZE    3u /* "<4>" */

struct log_file {
    struct log log;
    struct log_paths paths;
    int lock_fd;
    bool threaded, also_stderr, to_journal, json;
    uint64_t max_size, max_history_size;

    /* Only who writes (the thread, or the holder of the mutex when there is none). */
    int fd;
    uint64_t size;       /* of what fd is open on */
    uint64_t keep_after; /* size that asks for keeping; more than max_size after a failure */
    struct buffer journal;
    uint64_t refused; /* lines that the disk did not take, not reported yet */
    int refused_error;
    struct buffer writing;

    struct os_mutex *mutex;
    struct os_condition *work; /* there are lines, or it ends */
    struct os_thread *thread;
    /* Under the mutex. */
    struct buffer waiting;
    uint64_t window_began_ms;
    unsigned batches_in_window; /* that the thread took */
    struct log_repeats repeats;
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

/* "<3>", "<4>" or "<6>": what stands in front of the text of this line, plain or JSON. A line that
 * belongs to the one before (ConnectionSqlId) has the priority of that. */
static char priority_of(const char *line, size_t size, char before)
{
    const char *mark = NULL;
    if (line[0] == '[') {
        mark = memmem(line, size, " - ", 3);
        mark = mark != NULL ? mark + 3 : line;
    } else if (line[0] == '{') {
        mark = memmem(line, size, LOG_JSON_LEVEL, strlen(LOG_JSON_LEVEL));
        mark = mark != NULL ? mark + strlen(LOG_JSON_LEVEL) : line;
    } else {
        return before;
    }
    size_t left = size - (size_t)(mark - line);
    if (left >= 5 && (memcmp(mark, "ERROR", 5) == 0 || memcmp(mark, "error", 5) == 0)) {
        return '3';
    }
    bool warns = left >= 7 && (memcmp(mark, "WARNING", 7) == 0 || memcmp(mark, "warning", 7) == 0);
    return warns ? '4' : '6';
}

/* Whole lines. */
static void write_to_journal(struct log_file *file, const char *lines, size_t size)
{
    char mark[PRIORITY_MARK_SIZE + 1] = "<6>";
    buffer_reset(&file->journal);
    while (size > 0) {
        const char *newline = memchr(lines, '\n', size);
        size_t length = newline != NULL ? (size_t)(newline - lines) + 1 : size;
        mark[1] = priority_of(lines, length, mark[1]);
        buffer_put(&file->journal, mark, PRIORITY_MARK_SIZE);
        buffer_put(&file->journal, lines, length);
        lines += length;
        size -= length;
    }
    if (!buffer_failed(&file->journal)) {
        int ignored = os_file_append(STDERR_DESCRIPTOR, buffer_data(&file->journal),
                                     buffer_size(&file->journal), false);
        (void)ignored;
    }
}

static void write_to_stderr(struct log_file *file, const void *bytes, size_t size)
{
    if (file->to_journal) {
        write_to_journal(file, bytes, size);
    } else if (file->also_stderr) {
        /* Nobody is left to be told when stderr fails. */
        int ignored = os_file_append(STDERR_DESCRIPTOR, bytes, size, false);
        (void)ignored;
    }
}

static bool write_both(struct log_file *file, const void *bytes, size_t size)
{
    write_to_stderr(file, bytes, size);
    int error = os_file_append(file->fd, bytes, size, true);
    if (error != 0) {
        file->refused_error = error;
        return false;
    }
    file->size += size;
    return true;
}

/* One line that the log writes about itself, past the queue. */
static bool write_own(struct log_file *file, const char *text)
{
    char now[TEXT_TIME_MAX], line[OWN_LINE_MAX];
    text_time(now, sizeof now, os_wall_ns());
    (void)snprintf(line, sizeof line, "[%s] LOG - WARNING: %s", now, text);
    struct buffer out;
    buffer_init(&out, LOG_QUEUE_MAX_BYTES);
    if (file->json) {
        log_json_put(&out, LOG_WARNING, line);
    } else {
        buffer_put(&out, line, strlen(line));
    }
    buffer_put_u8(&out, '\n');
    bool written = !buffer_failed(&out) && write_both(file, buffer_data(&out), buffer_size(&out));
    buffer_free(&out);
    return written;
}

static bool write_loss(struct log_file *file, uint64_t lines, const char *reason)
{
    char text[OWN_LINE_MAX / 2];
    (void)snprintf(text, sizeof text, "%" PRIu64 " lines were lost here: %s", lines, reason);
    return write_own(file, text);
}

/* ---- keeping while it runs ---- */

/* What was open until now stays open until the new file is, so no line is ever without a place:
 * after a failure the lines go on in the old file, whatever its name is by now. */
static int begin_new_file(struct log_file *file)
{
    int fd = -1;
    int error = log_keep(&file->paths, file->max_history_size, true);
    if (error == 0) {
        error = os_file_open_append(file->paths.log, LOG_FILE_MODE, &fd);
    }
    if (error == 0) {
        os_file_close(file->fd);
        file->fd = fd;
        file->size = 0;
    }
    return error;
}

static void keep_when_large(struct log_file *file, size_t more)
{
    if (file->max_size == 0 || file->size == 0 || file->size + more <= file->keep_after) {
        return;
    }
    int error = begin_new_file(file);
    if (error == 0) {
        file->keep_after = file->max_size;
        return;
    }
    char text[OWN_LINE_MAX / 2];
    file->keep_after = file->size + more + file->max_size;
    (void)snprintf(text, sizeof text,
                   "the log is over Max_Log_Size but cannot be kept (%s); new lines follow the old "
                   "ones",
                   os_error_text(error));
    (void)write_own(file, text);
}

/* Writes whole lines. Returns how many were lost. */
static uint64_t write_out(struct log_file *file, const void *bytes, size_t size)
{
    if (size > 0) {
        keep_when_large(file, size);
    }
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

/* ---- lines into a buffer ---- */

/* False: there is no room for it, and nothing of it is there. */
static bool put_line(const struct log_file *file, struct buffer *out, enum log_level level,
                     const char *line)
{
    size_t before = buffer_size(out);
    if (file->json) {
        log_json_put(out, level, line);
    } else {
        buffer_put(out, line, strlen(line));
    }
    buffer_put_u8(out, '\n');
    if (buffer_failed(out)) {
        buffer_truncate(out, before);
        out->failed = false; /* the next line may be shorter or find room */
        return false;
    }
    return true;
}

/* Under the mutex: what is put is written, or counted as lost, by who calls. */
static uint64_t put_reports(struct log_file *file, struct buffer *out, bool at_end)
{
    char report[LOG_REPORT_MAX];
    uint64_t lost = 0;
    while (log_repeats_report(&file->repeats, os_monotonic_ms(), at_end, report)) {
        lost += put_line(file, out, LOG_WARNING, report) ? 0 : 1;
    }
    return lost;
}

/* Whether it is written now. Only what somebody should act on is ever left out. */
static bool is_admitted(struct log_file *file, enum log_level level, const char *line)
{
    bool limited = level == LOG_WARNING || level == LOG_ERROR;
    return !limited || log_repeats_admit(&file->repeats, line, os_monotonic_ms());
}

/* ---- without a thread ---- */

/* Lines that did not fit into the memory that there is. */
static void count_refused(struct log_file *file, uint64_t lines)
{
    if (lines > 0) {
        file->refused += lines;
        file->refused_error = ENOMEM;
        file->lost += lines;
    }
}

static void write_reports_and_line(struct log_file *file, enum log_level level, const char *line,
                                   bool at_end)
{
    buffer_reset(&file->writing);
    uint64_t lost = put_reports(file, &file->writing, at_end);
    if (line != NULL && is_admitted(file, level, line) &&
        !put_line(file, &file->writing, level, line)) {
        lost += count_lines(line, strlen(line)) + 1;
    }
    if (buffer_size(&file->writing) > 0) {
        file->lost += write_out(file, buffer_data(&file->writing), buffer_size(&file->writing));
    }
    count_refused(file, lost);
}

static void sink_at_once(void *context, enum log_level level, const char *line)
{
    struct log_file *file = context;
    os_mutex_lock(file->mutex);
    write_reports_and_line(file, level, line, false);
    os_mutex_unlock(file->mutex);
}

/* ---- with a thread ---- */

static void sink_to_queue(void *context, enum log_level level, const char *line)
{
    struct log_file *file = context;
    os_mutex_lock(file->mutex);
    bool was_idle = buffer_size(&file->waiting) == 0 && file->overflowed == 0;
    bool had_reports = file->repeats.reports_due > 0;
    if (is_admitted(file, level, line) && !put_line(file, &file->waiting, level, line)) {
        file->overflowed += count_lines(line, strlen(line)) + 1;
        file->lost += count_lines(line, strlen(line)) + 1;
    }
    if (was_idle || (!had_reports && file->repeats.reports_due > 0)) {
        os_condition_signal(file->work);
    }
    os_mutex_unlock(file->mutex);
}

static void put_reports_into_queue(struct log_file *file)
{
    uint64_t lost = put_reports(file, &file->waiting, file->ending);
    file->overflowed += lost;
    file->lost += lost;
}

/* Lines are written at once; only a crowd of them, as when many connect, is gathered instead of
 * waking the thread for each. */
static void gather(struct log_file *file)
{
    uint64_t now_ms = os_monotonic_ms();
    if (now_ms - file->window_began_ms >= WINDOW_MS) {
        file->window_began_ms = now_ms;
        file->batches_in_window = 0;
    }
    file->batches_in_window++;
    while (!file->ending && file->batches_in_window > BATCHES_IN_WINDOW_MAX &&
           now_ms - file->window_began_ms < WINDOW_MS &&
           buffer_size(&file->waiting) < LOG_QUEUE_MAX_BYTES / 2) {
        (void)os_condition_wait(file->work, file->mutex,
                                (uint32_t)(file->window_began_ms + WINDOW_MS - now_ms));
        now_ms = os_monotonic_ms();
    }
}

/* Waits for lines and takes all of them. False when the log ends and nothing is left. */
static bool take_batch(struct log_file *file, uint64_t *ret_overflowed)
{
    put_reports_into_queue(file);
    while (buffer_size(&file->waiting) == 0 && file->overflowed == 0) {
        if (file->ending) {
            return false;
        }
        uint32_t wait_ms = file->repeats.reports_due > 0 ? REPORT_WAIT_MS : WAIT_FOR_EVER;
        (void)os_condition_wait(file->work, file->mutex, wait_ms);
        put_reports_into_queue(file);
    }
    gather(file);
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
    buffer_reset(&file->journal);
    if (file->writing.capacity > KEPT_CAPACITY) {
        buffer_trim(&file->writing);
        buffer_trim(&file->journal);
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

/* ---- opening and closing ---- */

static d2k_result lock_log(struct log_file *file, const struct log_paths *paths, struct error *err)
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
                             const struct log_paths *paths, struct error *err)
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
        keep_error = log_keep(paths, options->max_history_size, false);
    }
    error = os_file_open_append(paths->log, LOG_FILE_MODE, &file->fd);
    if (error != 0) {
        return error_set(err, D2K_FILE, "log %s cannot be opened: %s", paths->log,
                         os_error_text(error));
    }
    struct os_file_stamp stamp;
    if (os_file_stamp(paths->log, &stamp) == 0) {
        file->size = stamp.size;
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
                         file->paths.log, os_error_text(error));
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
    file->to_journal = options->to_journal;
    file->json = options->json;
    file->max_size = options->shared ? 0 : options->max_size;
    file->keep_after = file->max_size;
    file->max_history_size = options->max_history_size;
    buffer_init(&file->journal, 2 * LOG_QUEUE_MAX_BYTES);
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
    struct log_paths paths;
    bool has_paths = log_paths_make(&paths, options->directory, options->name);
    struct log_file *file = has_paths ? new_log_file(options) : NULL;
    if (file == NULL) {
        log_paths_free(&paths);
        return error_no_memory(err);
    }
    file->paths = paths;
    result = open_files(file, options, &file->paths, err);
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
    return file->paths.log;
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
        write_reports_and_line(file, LOG_WARNING, NULL, true);
        (void)write_out(file, NULL, 0); /* the last chance to report what the disk refused */
    }
    os_file_close(file->fd);
    os_file_close(file->lock_fd);
    buffer_free(&file->waiting);
    buffer_free(&file->writing);
    buffer_free(&file->journal);
    os_condition_free(file->work);
    os_mutex_free(file->mutex);
    log_paths_free(&file->paths);
    free(file);
}
