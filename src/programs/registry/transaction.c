/* programs/registry/transaction.h: lock, read, check, write. */
#include "programs/registry/transaction.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/socket.h"
#include "programs/registry/check.h"
#include "programs/registry/output.h"

#define LOCK_WAIT_MS     10000u
#define LOCK_RETRY_MS    20
#define READ_ATTEMPTS    20 /* of a file that somebody is writing */
#define DIRECTORY_MODE   0755u
#define FILE_MODE        0644u /* of a new one: programs of other users read it; it has no secrets */
#define COMPLAINTS_SHOWN 20u

/* ---- directory and lock ---- */

static d2k_result fail_directory(const struct transaction *t, int error, struct error *err)
{
    return error_set(err, error == ENOENT ? D2K_NOT_FOUND : D2K_FILE,
                     "configuration directory %s: %s", t->location->config_dir,
                     os_error_text(error));
}

static d2k_result lock(struct transaction *t, struct error *err)
{
    uint64_t give_up = os_monotonic_ms() + LOCK_WAIT_MS;
    int error;
    while ((error = os_file_try_lock(t->directory)) == EWOULDBLOCK) {
        if (os_monotonic_ms() >= give_up) {
            return error_set(err, D2K_AGAIN,
                             "%s: another d2k-registry is changing it for %u s now; nothing was "
                             "changed",
                             t->location->config_dir, LOCK_WAIT_MS / 1000);
        }
        (void)!os_poll(NULL, 0, LOCK_RETRY_MS);
    }
    return error == 0 ? D2K_OK : fail_directory(t, error, err);
}

d2k_result transaction_begin(struct transaction *t, struct error *err)
{
    t->directory = -1;
    t->files = NULL;
    t->count = 0;
    buffer_init(&t->report, OUTPUT_JSON_MAX);
    const char *path = t->location->config_dir;
    int error = os_directory_open(path, &t->directory);
    if (error == ENOENT && t->is_dry_run && !t->location->config_dir_given) {
        return D2K_OK;
    }
    if (error == ENOENT && !t->location->config_dir_given) {
        error = os_directory_make(path, DIRECTORY_MODE);
        if (error == 0) {
            error = os_directory_open(path, &t->directory);
        }
    }
    return error == 0 ? lock(t, err) : fail_directory(t, error, err);
}

static void free_file(struct transaction_file *file)
{
    free(file->application);
    free(file->path);
    free(file->old_text);
    free(file->new_text);
    edit_free(file->edit);
    free(file);
}

void transaction_end(struct transaction *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free_file(t->files[i]);
    }
    free(t->files);
    t->files = NULL;
    t->count = 0;
    buffer_free(&t->report);
    os_file_close(t->directory);
    t->directory = -1;
}

/* ---- what people are told ---- */

void transaction_report(struct transaction *t, const char *format, ...)
{
    static char text[OUTPUT_TEXT_MAX], safe[4 * OUTPUT_TEXT_MAX]; /* one thread */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_escape(safe, sizeof safe, slice_of(text));
    buffer_put(&t->report, safe, strlen(safe));
    buffer_put_u8(&t->report, '\n');
}

void transaction_complain(struct transaction *t, bool is_error, const char *format, ...)
{
    unsigned *count = is_error ? &t->errors : &t->warnings;
    if (++*count > COMPLAINTS_SHOWN) {
        if (*count == COMPLAINTS_SHOWN + 1) {
            output_complain(is_error ? "more errors are not shown" : "more warnings are not shown");
        }
        return;
    }
    char text[3 * ERROR_TEXT_MAX];
    size_t used = text_copy(text, sizeof text, is_error ? "error: " : "WARNING: ");
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, sizeof text - used, format, args);
    va_end(args);
    output_complain(text);
}

/* ---- reading ---- */

static bool is_of(const struct transaction_file *file, const char *application)
{
    if (file->application == NULL || application == NULL) {
        return file->application == application;
    }
    return strcmp(file->application, application) == 0;
}

/* A link to the file is kept: what it leads to is replaced. */
static d2k_result set_path(const struct transaction *t, struct transaction_file *file,
                           struct error *err)
{
    char *path = file->application == NULL
                     ? registry_installation_file(t->location)
                     : registry_application_file(t->location, file->application);
    if (path == NULL) {
        return error_no_memory(err);
    }
    int error = os_file_real_path(path, &file->path);
    if (error == 0) {
        free(path);
        return D2K_OK;
    }
    file->path = path;
    return error == ENOENT
               ? D2K_OK
               : error_set(err, D2K_FILE, "%s: cannot be read: %s", path, os_error_text(error));
}

static d2k_result read_text(struct transaction_file *file, struct error *err)
{
    int error = EBUSY;
    for (int i = 0; i < READ_ATTEMPTS && error == EBUSY; i++) {
        error = os_file_read(file->path, REGISTRY_FILE_MAX, &file->old_text, &file->old_size,
                             &file->stamp);
    }
    if (error == ENOENT) {
        file->old_text = text_format("%s", "");
        return file->old_text == NULL ? error_no_memory(err) : D2K_OK;
    }
    return error == 0 ? D2K_OK
                      : error_set(err, D2K_FILE, "%s: cannot be read: %s", file->path,
                                  os_error_text(error));
}

static d2k_result read_file(const struct transaction *t, struct transaction_file *file,
                            struct error *err)
{
    d2k_result result = set_path(t, file, err);
    if (result == D2K_OK) {
        result = read_text(file, err);
    }
    if (result == D2K_OK) {
        result = edit_open(file->path, file->old_text, file->old_size, &file->edit, err);
    }
    return result;
}

d2k_result transaction_open(struct transaction *t, const char *application,
                            struct transaction_file **ret_file, struct error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        if (is_of(t->files[i], application)) {
            *ret_file = t->files[i];
            return D2K_OK;
        }
    }
    struct transaction_file **files = realloc(t->files, (t->count + 1) * sizeof(void *));
    if (files == NULL) {
        return error_no_memory(err);
    }
    t->files = files;
    struct transaction_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return error_no_memory(err);
    }
    files[t->count++] = file;
    if (application != NULL && (file->application = text_format("%s", application)) == NULL) {
        return error_no_memory(err);
    }
    *ret_file = file;
    return read_file(t, file, err);
}

const char *transaction_application(struct transaction *t, const char *application)
{
    struct os_names names;
    struct error err;
    if (registry_applications(t->location, &names, &err) == D2K_NO_MEMORY) {
        return NULL;
    }
    const char *found = application;
    for (size_t i = 0; i < t->count; i++) {
        const char *name = t->files[i]->application;
        if (name != NULL && text_equal_ignoring_case(name, application)) {
            found = name;
        }
    }
    for (size_t i = 0; i < names.count && found == application; i++) {
        struct transaction_file *file;
        if (text_equal_ignoring_case(names.names[i], application) &&
            strcmp(names.names[i], application) != 0 &&
            transaction_open(t, names.names[i], &file, &err) == D2K_OK) {
            found = file->application;
        }
    }
    os_names_free(&names);
    return found;
}

/* ---- checking ---- */

struct finding {
    struct finding *next;
    enum severity severity;
    char *text; /* "<line>: <text>" for people, after it the text alone */
    const char *plain;
};

struct finding_list {
    struct finding *first, **end;
    bool no_memory;
};

static void keep_finding(void *context, enum severity severity, const char *path, unsigned line,
                         const char *text)
{
    struct finding_list *list = context;
    struct finding *finding = calloc(1, sizeof *finding);
    char *kept =
        line > 0 ? text_format("%s:%u: %s", path, line, text) : text_format("%s: %s", path, text);
    if (finding == NULL || kept == NULL) {
        free(finding);
        free(kept);
        list->no_memory = true;
        return;
    }
    *finding = (struct finding){
        .severity = severity, .text = kept, .plain = kept + strlen(kept) - strlen(text)};
    *list->end = finding;
    list->end = &finding->next;
}

static void free_findings(struct finding_list *list)
{
    while (list->first != NULL) {
        struct finding *next = list->first->next;
        free(list->first->text);
        free(list->first);
        list->first = next;
    }
}

static bool has_finding(const struct finding_list *list, const struct finding *wanted)
{
    for (const struct finding *f = list->first; f != NULL; f = f->next) {
        if (f->severity == wanted->severity && strcmp(f->plain, wanted->plain) == 0) {
            return true;
        }
    }
    return false;
}

/* The applications that there will be: those of the directory and those of the transaction. */
static d2k_result list_applications(const struct transaction *t, struct os_names *ret_names,
                                    struct error *err)
{
    if (registry_applications(t->location, ret_names, err) == D2K_NO_MEMORY) {
        return D2K_NO_MEMORY;
    }
    char **names = realloc(ret_names->names, (ret_names->count + t->count + 1) * sizeof *names);
    if (names == NULL) {
        return error_no_memory(err);
    }
    ret_names->names = names;
    for (size_t i = 0; i < t->count; i++) {
        if (t->files[i]->application == NULL) {
            continue;
        }
        names[ret_names->count] = text_format("%s", t->files[i]->application);
        if (names[ret_names->count] == NULL) {
            return error_no_memory(err);
        }
        ret_names->count++;
    }
    return D2K_OK;
}

static d2k_result find_all(const struct transaction *t, const struct transaction_file *file,
                           struct slice text, struct finding_list *ret_list, struct error *err)
{
    *ret_list = (struct finding_list){.end = &ret_list->first};
    struct registry_file *parsed;
    d2k_result result = registry_parse(file->path, text.data, text.size, &parsed, err);
    if (result != D2K_OK) {
        return result;
    }
    struct findings findings = {.sink = keep_finding, .sink_context = ret_list};
    struct os_names applications = {0};
    if (file->application != NULL) {
        check_application_file(&findings, parsed, file->application, t->with_certificates);
    } else {
        result = list_applications(t, &applications, err);
        check_installation_file(&findings, parsed, &applications);
        os_names_free(&applications);
    }
    registry_free(parsed);
    return result == D2K_OK && ret_list->no_memory ? error_no_memory(err) : result;
}

static d2k_result check_file(struct transaction *t, struct transaction_file *file,
                             struct error *err)
{
    d2k_result result = edit_text(file->edit, &file->new_text, &file->new_size, err);
    if (result != D2K_OK || !transaction_file_changed(file)) {
        return result;
    }
    struct finding_list before, after = {.end = &after.first};
    result = find_all(t, file, (struct slice){file->old_text, file->old_size}, &before, err);
    if (result == D2K_OK) {
        result = find_all(t, file, (struct slice){file->new_text, file->new_size}, &after, err);
    }
    for (const struct finding *f = after.first; f != NULL && result == D2K_OK; f = f->next) {
        if (f->severity != SEVERITY_NOTE && !has_finding(&before, f)) {
            transaction_complain(t, f->severity == SEVERITY_ERROR, "%s", f->text);
        }
    }
    free_findings(&before);
    free_findings(&after);
    return result;
}

d2k_result transaction_check(struct transaction *t, struct error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        d2k_result result = check_file(t, t->files[i], err);
        if (result != D2K_OK) {
            return result;
        }
    }
    if (t->errors > 0 && !t->is_forced) {
        return error_set(err, D2K_CONFIG,
                         "nothing was changed, because of %u error%s; --force writes it all the "
                         "same",
                         t->errors, t->errors == 1 ? "" : "s");
    }
    return D2K_OK;
}

bool transaction_file_changed(const struct transaction_file *file)
{
    if (!file->stamp.exists && file->must_exist_after) {
        return true;
    }
    return file->new_size != file->old_size ||
           memcmp(file->new_text, file->old_text, file->new_size) != 0;
}

/* ---- writing ---- */

static d2k_result fail_write(const char *path, int error, struct error *err)
{
    return error_set(err, D2K_FILE, "%s: cannot be written: %s; nothing was changed", path,
                     os_error_text(error));
}

static char *beside(const struct transaction_file *file, const char *suffix)
{
    return text_format("%s%s", file->path, suffix);
}

static void warn_of_owner(const char *path, int error)
{
    char text[ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "WARNING: %s: its owner and group could not be kept: %s", path,
             os_error_text(error));
    output_complain(text);
}

static int put_beside(const struct transaction_file *file, const char *suffix, const char *text,
                      size_t size)
{
    char *path = beside(file, suffix);
    if (path == NULL) {
        return ENOMEM;
    }
    int error =
        os_file_replace(path, text, size, file->stamp.exists ? file->stamp.mode : FILE_MODE);
    int owner = error == 0 && file->stamp.exists ? os_file_take_owner(path, file->path) : 0;
    if (owner != 0) {
        warn_of_owner(file->path, owner);
    }
    free(path);
    return error;
}

#define STAGED_SUFFIX ".new"
#define BACKUP_SUFFIX ".bak"

static void remove_staged(const struct transaction_file *file)
{
    char *path = beside(file, STAGED_SUFFIX);
    if (path != NULL) {
        (void)!os_file_remove(path);
    }
    free(path);
}

static d2k_result stage(const struct transaction *t, struct error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct transaction_file *file = t->files[i];
        if (!transaction_file_changed(file)) {
            continue;
        }
        int error = put_beside(file, STAGED_SUFFIX, file->new_text, file->new_size);
        if (error != 0) {
            return fail_write(file->path, error, err);
        }
    }
    return D2K_OK;
}

static d2k_result back_up(const struct transaction *t, struct error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct transaction_file *file = t->files[i];
        if (!transaction_file_changed(file) || !file->stamp.exists) {
            continue;
        }
        int error = put_beside(file, BACKUP_SUFFIX, file->old_text, file->old_size);
        if (error != 0) {
            return fail_write(file->path, error, err);
        }
    }
    return D2K_OK;
}

/* Somebody may have saved it in an editor since it was read. */
static d2k_result check_unchanged(const struct transaction *t, struct error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct transaction_file *file = t->files[i];
        struct os_file_stamp now;
        int error = os_file_stamp(file->path, &now);
        if (error != 0) {
            return fail_write(file->path, error, err);
        }
        if (!os_file_stamp_equal(&now, &file->stamp)) {
            return error_set(err, D2K_AGAIN,
                             "%s: somebody changed it meanwhile; nothing was changed, try again",
                             file->path);
        }
    }
    return D2K_OK;
}

static int put_in_place(const struct transaction_file *file)
{
    char *staged = beside(file, STAGED_SUFFIX);
    int error = staged == NULL ? ENOMEM : os_file_rename(staged, file->path);
    free(staged);
    return error;
}

/* What was replaced already becomes the old one again. */
static d2k_result take_back(const struct transaction *t, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct transaction_file *file = t->files[i];
        if (!transaction_file_changed(file)) {
            continue;
        }
        int error = file->stamp.exists ? os_file_replace(file->path, file->old_text, file->old_size,
                                                         file->stamp.mode)
                                       : os_file_remove(file->path);
        if (error != 0) {
            return error_set(err, D2K_FILE,
                             "%s: is changed, but other files could not be: %s; the old one is "
                             "%s" BACKUP_SUFFIX,
                             file->path, os_error_text(error), file->path);
        }
    }
    return err->code;
}

static d2k_result commit(const struct transaction *t, struct error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        if (!transaction_file_changed(t->files[i])) {
            continue;
        }
        int error = put_in_place(t->files[i]);
        if (error != 0) {
            fail_write(t->files[i]->path, error, err);
            return take_back(t, i, err);
        }
    }
    (void)!os_file_sync(t->directory); /* some file systems cannot */
    return D2K_OK;
}

static void report(const struct transaction *t)
{
    bool any = false;
    if (buffer_size(&t->report) > 0) {
        fwrite(buffer_data(&t->report), 1, buffer_size(&t->report), stdout);
    }
    for (size_t i = 0; i < t->count; i++) {
        const struct transaction_file *file = t->files[i];
        if (!transaction_file_changed(file)) {
            continue;
        }
        any = true;
        fputs(t->is_dry_run ? "would be written: " : "written: ", stdout);
        output_text(file->path);
        if (file->stamp.exists && !t->is_dry_run) {
            fputs(" (the old one: ", stdout);
            output_text(file->path);
            fputs(BACKUP_SUFFIX ")", stdout);
        } else if (!file->stamp.exists) {
            fputs(" (new)", stdout);
        }
        putchar('\n');
    }
    if (!any) {
        puts("nothing to change");
    }
}

d2k_result transaction_write(struct transaction *t, struct error *err)
{
    struct error own;
    err = err == NULL ? &own : err;
    if (!t->is_dry_run) {
        d2k_result result = stage(t, err);
        if (result == D2K_OK) {
            result = back_up(t, err); /* nothing after it needs space on the disk */
        }
        if (result == D2K_OK) {
            result = check_unchanged(t, err);
        }
        if (result == D2K_OK) {
            result = commit(t, err);
        }
        for (size_t i = 0; i < t->count && result != D2K_OK; i++) {
            if (transaction_file_changed(t->files[i])) {
                remove_staged(t->files[i]);
            }
        }
        if (result != D2K_OK) {
            return result;
        }
    }
    report(t);
    return D2K_OK;
}
