/* access/guard.c: the thread that reads the rules again and checks passwords, one at a time: so
 * guessing costs one processor at most, and 64 MiB. */
#include "access/guard.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/attempts.h"
#include "access/pam.h"
#include "base/list.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/thread.h"

#define COMPONENT "RIGHTS"
/* A file younger than this may change again without a new time stamp (FAT counts 2 s). */
#define YOUNG_NS 2000000000

static const char wrong[] = "user or password is wrong";

struct logon {
    struct list link;
    struct guard_outcome outcome;
    char name[USERS_NAME_MAX + 1];
    char address[GUARD_ADDRESS_MAX + 1];
    bool is_protected;
    size_t password_size;
    char password[USERS_PASSWORD_MAX + 1];
};

struct guard {
    struct guard_setup setup;
    struct os_thread *thread;
    struct os_mutex *mutex;
    struct os_condition *condition; /* a logon waits, or the end has come */
    atomic_bool news;

    /* under the mutex */
    bool ending;
    struct list waiting, checked; /* struct logon */
    size_t logon_count;           /* of both lists and the one that is being checked */
    struct rights *rights;
    bool rights_changed;

    /* of the thread */
    struct application_settings settings;
    char *path; /* of the configuration */
    struct os_file_stamp stamp;
    bool is_young;
    struct error failure; /* D2K_OK: none since the last success */
    struct attempts *attempts;
};

static void tell_news(struct guard *guard)
{
    atomic_store(&guard->news, true);
    if (guard->setup.wake != NULL) {
        guard->setup.wake(guard->setup.context);
    }
}

/* ---- the file ---- */

static void put_in_force(struct guard *guard, struct application_settings *made)
{
    settings_free_application(&guard->settings);
    guard->settings = *made;
    os_mutex_lock(guard->mutex);
    rights_unref(guard->rights);
    guard->rights = rights_ref(guard->settings.rights);
    guard->rights_changed = true;
    os_mutex_unlock(guard->mutex);
}

static void log_rules(const struct guard *guard)
{
    if (rights_count(guard->settings.rights) > 0) {
        log_write(guard->setup.log, LOG_INFO, COMPONENT, "%s: %zu rules of rights are in force",
                  guard->path, rights_count(guard->settings.rights));
    }
}

/* One line a change. */
static void note_failure(struct guard *guard, const struct error *failure)
{
    if (failure->code == D2K_AGAIN ||
        (guard->failure.code == failure->code && strcmp(guard->failure.text, failure->text) == 0)) {
        return;
    }
    guard->failure = *failure;
    log_write(guard->setup.log, LOG_ERROR, COMPONENT,
              "%s; the rights and the settings of users that were read last stay in force (%zu "
              "rules)",
              failure->text, rights_count(guard->settings.rights));
}

/* A rule that shall be taken back is taken back by writing another one, never by losing it. */
static d2k_result check_not_vanished(const struct guard *guard,
                                     const struct application_settings *made, struct error *err)
{
    if (rights_count(guard->settings.rights) == 0 || rights_count(made->rights) > 0) {
        return D2K_OK;
    }
    return error_set(
        err, D2K_CONFIG,
        "%s: all sections [Rights\\<n>] have vanished (to go on without any, leave one "
        "that allows see, or start the kernel again)",
        guard->path);
}

static d2k_result read_file(struct guard *guard, struct error *err)
{
    struct application_settings made;
    d2k_result result = settings_read_application(guard->setup.location, guard->setup.application,
                                                  NULL, &made, err);
    if (result != D2K_OK) {
        return result;
    }
    result = check_not_vanished(guard, &made, err);
    if (result != D2K_OK) {
        settings_free_application(&made);
        return result;
    }
    put_in_force(guard, &made);
    return D2K_OK;
}

static struct os_file_stamp stamp_of(const char *path)
{
    struct os_file_stamp stamp;
    if (os_file_stamp(path, &stamp) != 0) {
        stamp = (struct os_file_stamp){0};
    }
    return stamp;
}

/* Reads again when the file is another one, and once more when it was so young that it may still
 * have been being written. */
static void look_at_file(struct guard *guard)
{
    struct error err = {.code = D2K_OK};
    struct os_file_stamp now = stamp_of(guard->path);
    bool changed = !os_file_stamp_equal(&now, &guard->stamp);
    if (!changed && !guard->is_young) {
        return;
    }
    bool was_young = guard->is_young;
    guard->is_young = now.exists && os_wall_ns() - now.ctime_ns < YOUNG_NS;
    if (!changed && was_young && guard->is_young) {
        return; /* when it is old enough */
    }
    guard->stamp = now;
    if (!changed && guard->failure.code == D2K_OK &&
        os_file_stamp_equal(&guard->settings.stamp, &now)) {
        return; /* what is in force was read from this very file */
    }
    if (read_file(guard, &err) == D2K_OK) {
        guard->failure.code = D2K_OK;
        tell_news(guard);
        log_rules(guard); /* behind the news: who reads the line finds them in force */
    } else {
        note_failure(guard, &err);
        guard->is_young = guard->is_young || err.code == D2K_AGAIN;
    }
}

/* ---- passwords ---- */

static void outcome(struct logon *logon, d2k_result result, const char *sentence)
{
    logon->outcome.result = result;
    (void)text_copy(logon->outcome.sentence, sizeof logon->outcome.sentence, sentence);
}

static d2k_result verify_by_file(const struct guard *guard, struct logon *logon, struct error *err)
{
    struct users *users;
    struct slice name = slice_of(logon->name);
    d2k_result result = users_read(guard->settings.users.file, &users, err);
    if (result != D2K_OK) {
        return D2K_CONFIG;
    }
    bool good = users_verify(users, name, (struct slice){logon->password, logon->password_size});
    if (good) {
        (void)text_copy(logon->outcome.user, sizeof logon->outcome.user, users_find(users, name));
    }
    users_free(users);
    return good ? D2K_OK : error_set(err, D2K_NOT_ALLOWED, "%s", wrong);
}

static d2k_result verify(const struct guard *guard, struct logon *logon, struct error *err)
{
    return guard->settings.users.authentication == USERS_BY_PAM
               ? access_pam_verify(guard->settings.users.pam_service, logon->name, logon->password,
                                   err)
               : verify_by_file(guard, logon, err);
}

static void check_password(struct guard *guard, struct logon *logon)
{
    struct error err = {.text = ""};
    d2k_result result = verify(guard, logon, &err);
    uint64_t now_ms = os_monotonic_ms();
    if (result == D2K_OK) {
        attempts_succeeded(guard->attempts, logon->name, logon->address);
        outcome(logon, D2K_OK, "");
    } else if (result == D2K_NOT_ALLOWED) {
        attempts_failed(guard->attempts, logon->name, logon->address, now_ms);
        outcome(logon, D2K_NOT_ALLOWED, wrong);
    } else {
        log_write(guard->setup.log, LOG_ERROR, COMPONENT, "Nobody can log on: %s", err.text);
        outcome(logon, D2K_CONFIG, "the kernel cannot check users now; its log says why");
    }
}

static void check(struct guard *guard, struct logon *logon)
{
    uint32_t wait_ms =
        attempts_wait_ms(guard->attempts, logon->name, logon->address, os_monotonic_ms());
    if (!logon->is_protected && guard->settings.users.plain == USERS_PLAIN_REFUSE) {
        outcome(logon, D2K_NOT_ALLOWED,
                "nobody logs on over a link without TLS, where the password can be read "
                "(Users_Plain)");
    } else if (wait_ms > 0) {
        char sentence[128];
        (void)snprintf(sentence, sizeof sentence,
                       "too many wrong passwords; the next one is looked at in %u s",
                       (wait_ms + 999) / 1000);
        outcome(logon, D2K_AGAIN, sentence);
        logon->outcome.wait_ms = wait_ms;
    } else {
        check_password(guard, logon);
    }
    explicit_bzero(logon->password, sizeof logon->password);
}

/* ---- the thread ---- */

static void free_all(struct list *head)
{
    LIST_EACH(head, at, following)
    {
        struct logon *logon = LIST_MEMBER(at, struct logon, link);
        list_remove(at);
        explicit_bzero(logon->password, sizeof logon->password);
        free(logon);
    }
}

static struct logon *wait_for_logon(struct guard *guard, bool *ret_ending)
{
    os_mutex_lock(guard->mutex);
    if (!guard->ending && list_empty(&guard->waiting)) {
        (void)os_condition_wait(guard->condition, guard->mutex, GUARD_POLL_MS);
    }
    struct logon *logon = LIST_FIRST(&guard->waiting, struct logon, link);
    if (logon != NULL) {
        list_remove(&logon->link);
    }
    *ret_ending = guard->ending;
    os_mutex_unlock(guard->mutex);
    return logon;
}

static void run(void *context)
{
    struct guard *guard = context;
    bool ending = false;
    os_thread_lower_priority(5);
    while (!ending) {
        struct logon *logon = wait_for_logon(guard, &ending);
        look_at_file(guard);
        if (logon == NULL) {
            continue;
        }
        check(guard, logon);
        os_mutex_lock(guard->mutex);
        list_append(&guard->checked, &logon->link);
        os_mutex_unlock(guard->mutex);
        tell_news(guard);
    }
}

/* ---- for the plant thread ---- */

bool guard_has_news(const struct guard *guard)
{
    return atomic_load(&guard->news);
}

bool guard_take_rights(struct guard *guard, struct rights **ret_rights)
{
    os_mutex_lock(guard->mutex);
    atomic_store(&guard->news, !list_empty(&guard->checked));
    bool changed = guard->rights_changed;
    guard->rights_changed = false;
    if (changed) {
        *ret_rights = rights_ref(guard->rights);
    }
    os_mutex_unlock(guard->mutex);
    return changed;
}

static struct logon *new_logon(const struct guard_request *request)
{
    struct logon *logon = calloc(1, sizeof *logon);
    if (logon == NULL) {
        return NULL;
    }
    list_init(&logon->link);
    logon->outcome.ticket = request->ticket;
    logon->is_protected = request->is_protected;
    memcpy(logon->name, request->user.data, request->user.size);
    memcpy(logon->outcome.user, logon->name, sizeof logon->name);
    memcpy(logon->password, request->password.data, request->password.size);
    logon->password_size = request->password.size;
    (void)text_copy(logon->address, sizeof logon->address, request->address);
    return logon;
}

d2k_result guard_log_on(struct guard *guard, const struct guard_request *request, struct error *err)
{
    if (!users_is_name(request->user) || request->password.size < 1 ||
        request->password.size > USERS_PASSWORD_MAX ||
        memchr(request->password.data, '\0', request->password.size) != NULL) {
        return error_set(err, D2K_ARGUMENT, "%s", wrong);
    }
    struct logon *logon = new_logon(request);
    if (logon == NULL) {
        return error_no_memory(err);
    }
    os_mutex_lock(guard->mutex);
    bool full = guard->logon_count == GUARD_LOGONS_MAX;
    if (!full) {
        guard->logon_count++;
        list_append(&guard->waiting, &logon->link);
        os_condition_signal(guard->condition);
    }
    os_mutex_unlock(guard->mutex);
    if (full) {
        explicit_bzero(logon, sizeof *logon);
        free(logon);
        return error_set(err, D2K_LIMIT, "too many log on at this moment; try again");
    }
    return D2K_OK;
}

bool guard_take_logon(struct guard *guard, struct guard_outcome *ret_outcome)
{
    os_mutex_lock(guard->mutex);
    struct logon *logon = LIST_FIRST(&guard->checked, struct logon, link);
    if (logon != NULL) {
        list_remove(&logon->link);
        guard->logon_count--;
    }
    atomic_store(&guard->news, !list_empty(&guard->checked) || guard->rights_changed);
    os_mutex_unlock(guard->mutex);
    if (logon == NULL) {
        return false;
    }
    *ret_outcome = logon->outcome;
    free(logon);
    return true;
}

/* ---- life ---- */

static d2k_result open_parts(struct guard *guard, struct error *err)
{
    list_init(&guard->waiting);
    list_init(&guard->checked);
    guard->mutex = os_mutex_new();
    guard->condition = os_condition_new();
    guard->attempts = attempts_new();
    guard->path = registry_application_file(guard->setup.location, guard->setup.application);
    if (guard->mutex == NULL || guard->condition == NULL || guard->attempts == NULL ||
        guard->path == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = read_file(guard, err);
    if (result != D2K_OK) {
        return result;
    }
    log_rules(guard);
    guard->stamp = guard->settings.stamp;
    guard->is_young = os_wall_ns() - guard->stamp.ctime_ns < YOUNG_NS;
    atomic_store(&guard->news, true);
    int rc = os_thread_start("guard", run, guard, &guard->thread);
    return rc == 0
               ? D2K_OK
               : error_set(err, D2K_INTERNAL, "no thread can be started: %s", os_error_text(rc));
}

d2k_result guard_open(const struct guard_setup *setup, struct guard **ret_guard, struct error *err)
{
    struct guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL) {
        return error_no_memory(err);
    }
    guard->setup = *setup;
    d2k_result result = open_parts(guard, err);
    if (result != D2K_OK) {
        guard_close(guard);
        return result;
    }
    *ret_guard = guard;
    return D2K_OK;
}

void guard_close(struct guard *guard)
{
    if (guard == NULL) {
        return;
    }
    if (guard->thread != NULL) {
        os_mutex_lock(guard->mutex);
        guard->ending = true;
        os_condition_signal(guard->condition);
        os_mutex_unlock(guard->mutex);
        os_thread_join(guard->thread);
    }
    free_all(&guard->waiting);
    free_all(&guard->checked);
    rights_unref(guard->rights);
    settings_free_application(&guard->settings);
    attempts_free(guard->attempts);
    os_condition_free(guard->condition);
    os_mutex_free(guard->mutex);
    free(guard->path);
    free(guard);
}
