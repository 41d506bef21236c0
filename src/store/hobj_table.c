/* store/hobj_table.c: the table in memory, and the thread that writes what is new in it.
 *
 * The entries themselves are the queue: the thread has written entries[0..written), so the queue is
 * bounded by the table and nothing can be forgotten after a failure. */
#include "store/hobj_table.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/system.h"
#include "os/thread.h"
#include "store/hobj_file.h"

#define COMPONENT       "STORE"
#define DIRECTORY_MODE  0750u
#define FILE_MODE       0640u
#define BATCH_MAX_BYTES (64u * 1024u)
#define WRITE_EVERY_MS  20u /* while names keep coming */

struct hobj_table {
    const struct log *log;
    char *path;
    int lock_fd, fd; /* -1: not open */
    bool full_told;

    struct os_mutex *mutex; /* guards what follows */
    struct os_condition *changed;
    struct hobj_entries entries;
    bool ends;
    bool idle; /* the thread waits for an entry */

    /* The thread's own. */
    struct os_thread *thread;
    size_t written;      /* entries that stand in the file */
    uint64_t written_ms; /* when it began to write last */
    bool failed;         /* the end of the file is not known: it is to be written anew */
};

/* ---- the thread ---- */

static void format_entries(struct hobj_table *table, size_t from, size_t max_bytes,
                           struct buffer *out, size_t *ret_end)
{
    os_mutex_lock(table->mutex);
    size_t at = from;
    while (at < table->entries.count && buffer_size(out) + HOBJ_LINE_MAX <= max_bytes) {
        hobj_file_format(out, table->entries.in_order[at]);
        at++;
    }
    os_mutex_unlock(table->mutex);
    *ret_end = at;
}

/* After a failure part of a line may stand at the end of the file. */
static int write_anew(struct hobj_table *table)
{
    struct buffer text;
    size_t end = 0;
    int error = ENOMEM;
    buffer_init(&text, HOBJ_FILE_MAX);
    format_entries(table, 0, HOBJ_FILE_MAX, &text, &end);
    if (!buffer_failed(&text)) {
        error = os_file_replace(table->path, buffer_data(&text), buffer_size(&text), FILE_MODE);
    }
    buffer_free(&text);
    if (error != 0) {
        return error;
    }
    if (table->fd >= 0) {
        os_file_close(table->fd);
        table->fd = -1;
    }
    table->written = end;
    return os_file_open_append(table->path, FILE_MODE, &table->fd);
}

static int append_batch(struct hobj_table *table)
{
    struct buffer text;
    size_t end = 0;
    int error = ENOMEM;
    buffer_init(&text, BATCH_MAX_BYTES);
    format_entries(table, table->written, BATCH_MAX_BYTES, &text, &end);
    if (!buffer_failed(&text)) {
        error = os_file_append(table->fd, buffer_data(&text), buffer_size(&text), false);
    }
    buffer_free(&text);
    if (error == 0) {
        table->written = end;
    }
    return error;
}

static bool write_some(struct hobj_table *table)
{
    int error = table->failed ? write_anew(table) : append_batch(table);
    if (error != 0 && !table->failed) {
        log_write(table->log, LOG_WARNING, COMPONENT,
                  "%s: numbers of new objects cannot be written: %s. They are kept in memory and "
                  "written with the next new object.",
                  table->path, os_error_text(error));
    } else if (error == 0 && table->failed) {
        log_write(table->log, LOG_INFO, COMPONENT, "%s: all numbers of objects are written again.",
                  table->path);
    }
    table->failed = error != 0;
    return error == 0;
}

/* A crowd that registers at once is written in a few pieces. */
static void gather(struct hobj_table *table)
{
    uint64_t now_ms;
    while (!table->ends && (now_ms = os_monotonic_ms()) < table->written_ms + WRITE_EVERY_MS) {
        (void)os_condition_wait(table->changed, table->mutex,
                                (uint32_t)(table->written_ms + WRITE_EVERY_MS - now_ms));
    }
    table->written_ms = os_monotonic_ms();
}

/* Waits for an entry that the last attempt has not seen, or the end. */
static size_t wait_for_more(struct hobj_table *table, size_t seen, bool *ret_ends)
{
    os_mutex_lock(table->mutex);
    while (!table->ends && table->entries.count == seen) {
        table->idle = true;
        (void)os_condition_wait(table->changed, table->mutex, UINT32_MAX);
    }
    table->idle = false;
    gather(table);
    size_t count = table->entries.count;
    *ret_ends = table->ends;
    os_mutex_unlock(table->mutex);
    return count;
}

static void write_new_entries(void *context)
{
    struct hobj_table *table = context;
    size_t seen = table->written;
    bool ends = false;
    while (!ends) {
        seen = wait_for_more(table, seen, &ends);
        while (table->written < seen && write_some(table)) {
        }
    }
}

/* ---- opening ---- */

static d2k_result lock_directory(struct hobj_table *table, const char *state_dir, struct error *err)
{
    char *path = text_format("%s/hobj.lock", state_dir);
    if (path == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = D2K_OK;
    int error = os_file_open_append(path, FILE_MODE, &table->lock_fd);
    if (error == 0) {
        error = os_file_try_lock(table->lock_fd);
    } else {
        table->lock_fd = -1;
    }
    if (error == EWOULDBLOCK) {
        result = error_set(err, D2K_FILE,
                           "%s: a kernel of this application runs on this machine already; two "
                           "cannot share a state directory",
                           path);
    } else if (error != 0) {
        result = error_set(err, D2K_FILE, "%s: %s", path, os_error_text(error));
    }
    free(path);
    return result;
}

static d2k_result read_file(struct hobj_table *table, struct error *err)
{
    char *data = NULL;
    size_t size = 0;
    bool torn = false;
    int error = os_file_read(table->path, HOBJ_FILE_MAX, &data, &size, NULL);
    if (error == ENOENT) {
        return D2K_OK;
    }
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s: %s", table->path, os_error_text(error));
    }
    d2k_result result =
        hobj_file_parse(table->path, (struct slice){data, size}, &table->entries, &torn, err);
    free(data);
    if (result == D2K_OK && torn) {
        log_write(table->log, LOG_WARNING, COMPONENT,
                  "%s: line %zu is incomplete and is dropped (an earlier kernel ended while it "
                  "was writing).",
                  table->path, table->entries.count + 1);
        table->failed = true;
    }
    return result;
}

static d2k_result open_file(struct hobj_table *table, struct error *err)
{
    int error =
        table->failed ? write_anew(table) : os_file_open_append(table->path, FILE_MODE, &table->fd);
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s: it cannot be written: %s", table->path,
                         os_error_text(error));
    }
    table->failed = false;
    table->written = table->entries.count;
    return D2K_OK;
}

static d2k_result start_thread(struct hobj_table *table, struct error *err)
{
    int error = os_thread_start("d2k-store", write_new_entries, table, &table->thread);
    return error == 0
               ? D2K_OK
               : error_set(err, D2K_NO_MEMORY, "the thread that writes %s does not start: %s",
                           table->path, os_error_text(error));
}

static d2k_result open_all(struct hobj_table *table, const char *state_dir, struct error *err)
{
    int error = os_directory_make(state_dir, DIRECTORY_MODE);
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s: the state directory cannot be made: %s", state_dir,
                         os_error_text(error));
    }
    d2k_result result = lock_directory(table, state_dir, err);
    result = result != D2K_OK ? result : read_file(table, err);
    result = result != D2K_OK ? result : open_file(table, err);
    return result != D2K_OK ? result : start_thread(table, err);
}

static struct hobj_table *table_new(const char *state_dir, const struct log *log)
{
    uint64_t seed[2] = {0};
    struct hobj_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    table->log = log;
    table->lock_fd = -1;
    table->fd = -1;
    table->path = text_format("%s/hobj.tab", state_dir);
    table->mutex = os_mutex_new();
    table->changed = os_condition_new();
    bool random = os_random(seed, sizeof seed);
    hobj_entries_init(&table->entries, seed);
    if (!random || table->path == NULL || table->mutex == NULL || table->changed == NULL) {
        hobj_table_close(table);
        return NULL;
    }
    return table;
}

d2k_result hobj_table_open(const char *state_dir, const struct log *log,
                           struct hobj_table **ret_table, struct error *err)
{
    struct hobj_table *table = table_new(state_dir, log);
    if (table == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = open_all(table, state_dir, err);
    if (result != D2K_OK) {
        hobj_table_close(table);
        return result;
    }
    *ret_table = table;
    return D2K_OK;
}

/* ---- closing ---- */

static void end_thread(struct hobj_table *table)
{
    if (table->thread == NULL) {
        return;
    }
    os_mutex_lock(table->mutex);
    table->ends = true;
    os_condition_signal(table->changed);
    os_mutex_unlock(table->mutex);
    os_thread_join(table->thread);
}

void hobj_table_close(struct hobj_table *table)
{
    if (table == NULL) {
        return;
    }
    end_thread(table);
    if (table->fd >= 0) {
        os_file_close(table->fd);
    }
    if (table->lock_fd >= 0) {
        os_file_close(table->lock_fd);
    }
    hobj_entries_free(&table->entries);
    os_condition_free(table->changed);
    os_mutex_free(table->mutex);
    free(table->path);
    free(table);
}

/* ---- use ---- */

/* Only the thread that uses the table changes the entries: reading needs no lock there. */
uint32_t hobj_table_find(const struct hobj_table *table, struct slice name)
{
    const struct hobj_entry *entry = hobj_entries_find(&table->entries, name);
    return entry == NULL ? 0 : entry->hobj;
}

uint32_t hobj_table_highest(const struct hobj_table *table)
{
    return table->entries.highest;
}

void hobj_table_add(struct hobj_table *table, struct slice name, uint32_t hobj)
{
    struct error err;
    if (!hobj_name_is_allowed(name) || hobj == 0 || hobj > HOBJ_NUMBER_MAX ||
        hobj_table_find(table, name) != 0) {
        return;
    }
    os_mutex_lock(table->mutex);
    d2k_result result = hobj_entries_add(&table->entries, name, hobj, &err);
    if (result == D2K_OK && table->idle) {
        table->idle = false;
        os_condition_signal(table->changed);
    }
    os_mutex_unlock(table->mutex);
    if (result != D2K_OK && !table->full_told) {
        table->full_told = true;
        log_write(table->log, LOG_WARNING, COMPONENT,
                  "%s: the number of %.*s is not stored: %s. It, and further ones, may have "
                  "another number after a restart.",
                  table->path, (int)name.size, name.data, err.text);
    }
}
