/* tls/keeper.c: decides at each connect whether anything must be read again, and keeps the last
 * good policy in force whatever happens to the files. */
#include "tls/keeper.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "os/clock.h"
#include "tls/openssl_error.h"

/* At the start a file may just be being written: that is worth a second of patience. */
#define START_ATTEMPTS_MAX 50
#define START_PAUSE_MS     20u

#define COMPONENT "TLS"

/* ---- lists ---- */

void tls_watch_list_clear(struct tls_watch_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
    }
    free(list->items);
    *list = (struct tls_watch_list){0};
}

void tls_list_clear(struct tls_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].trouble);
        tls_pins_clear(&list->items[i].pins);
    }
    free(list->items);
    *list = (struct tls_list){0};
}

static bool watch_lists_equal(const struct tls_watch_list *a, const struct tls_watch_list *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].path, b->items[i].path) != 0 ||
            !os_file_stamp_equal(&a->items[i].stamp, &b->items[i].stamp)) {
            return false;
        }
    }
    return true;
}

/* Leaves the copy empty when out of memory: a line may then be logged twice. */
static void watch_list_copy(struct tls_watch_list *to, const struct tls_watch_list *from)
{
    struct tls_attempt copy = {0};
    struct error ignored;
    for (size_t i = 0; i < from->count; i++) {
        if (tls_attempt_watch(&copy, from->items[i].path, &from->items[i].stamp, &ignored) !=
            D2K_OK) {
            tls_watch_list_clear(&copy.watched);
            break;
        }
    }
    tls_watch_list_clear(to);
    *to = copy.watched;
}

/* ---- one attempt ---- */

d2k_result tls_attempt_watch(struct tls_attempt *attempt, const char *path,
                             const struct os_file_stamp *stamp, struct error *err)
{
    struct tls_watch_list *list = &attempt->watched;
    struct tls_watch *grown = realloc(list->items, (list->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return error_no_memory(err);
    }
    list->items = grown;
    char *copy = strdup(path);
    if (copy == NULL) {
        return error_no_memory(err);
    }
    list->items[list->count++] = (struct tls_watch){.path = copy, .stamp = *stamp};
    return D2K_OK;
}

bool tls_attempt_is_young(const struct tls_attempt *attempt, const struct os_file_stamp *stamp)
{
    return stamp->exists && attempt->started_ns - stamp->ctime_ns < TLS_YOUNG_NS;
}

static bool is_within_granule(const struct tls_attempt *attempt, const struct os_file_stamp *stamp)
{
    int64_t age = attempt->started_ns - stamp->ctime_ns;
    return stamp->exists && age > -TLS_STAMP_GRANULE_NS && age < TLS_STAMP_GRANULE_NS;
}

static struct os_file_stamp stamp_of(const char *path)
{
    struct os_file_stamp stamp;
    if (os_file_stamp(path, &stamp) != 0) {
        stamp = (struct os_file_stamp){0};
    }
    return stamp;
}

/* The settings, and the file once more as a tree, which tells what stands in it explicitly. */
static d2k_result read_config(struct tls_keeper *keeper, struct tls_attempt *attempt,
                              struct error *err)
{
    struct os_file_stamp stamp = stamp_of(keeper->config_path);
    d2k_result result = tls_attempt_watch(attempt, keeper->config_path, &stamp, err);
    if (result != D2K_OK) {
        return result;
    }
    bool told = os_file_stamp_equal(&stamp, &keeper->config_logged);
    keeper->config_logged = stamp;
    result = settings_read_application(keeper->location, keeper->application,
                                       told ? NULL : keeper->log, &attempt->settings, err);
    if (result != D2K_OK) {
        attempt->settings = (struct application_settings){0};
        return result;
    }
    attempt->watched.items[0].stamp = attempt->settings.stamp;
    result = registry_read(keeper->config_path, &attempt->config, err);
    if (result == D2K_OK &&
        !os_file_stamp_equal(&attempt->config->stamp, &attempt->settings.stamp)) {
        result = error_set(err, D2K_AGAIN, "%s: it changed while it was read", keeper->config_path);
    }
    return result;
}

static d2k_result check_explicit(const struct tls_keeper *keeper, const struct tls_attempt *attempt,
                                 const char *name, bool weaker, struct error *err)
{
    if (!weaker || attempt->config == NULL ||
        registry_find(attempt->config, keeper->side->section, name) != NULL) {
        return D2K_OK;
    }
    return error_set(err, D2K_CONFIG,
                     "%s: %s has vanished from [%s]; a weaker setting must be written explicitly",
                     keeper->config_path, name, keeper->side->section);
}

d2k_result tls_attempt_check_not_weaker(const struct tls_keeper *keeper,
                                        const struct tls_attempt *attempt,
                                        const struct tls_policy *made, struct error *err)
{
    const struct tls_policy *old = keeper->current;
    if (old == NULL) {
        return D2K_OK;
    }
    d2k_result result =
        check_explicit(keeper, attempt, "TLS_RequiredLevel", made->level < old->level, err);
    if (result == D2K_OK) {
        result = check_explicit(keeper, attempt, "TLS_MinVersion",
                                made->min_version < old->min_version, err);
    }
    if (result == D2K_OK) {
        result = check_explicit(keeper, attempt, "TLS_CertDates", made->dates < old->dates, err);
    }
    return result;
}

d2k_result tls_policy_set_fingerprint(struct tls_policy *policy,
                                      const uint8_t (*digests)[TLS_DIGEST_SIZE], size_t count,
                                      struct error *err)
{
    const uint8_t settings[] = {(uint8_t)policy->level, (uint8_t)policy->tls,
                                (uint8_t)policy->min_version, (uint8_t)policy->dates,
                                (uint8_t)policy->resumption};
    ERR_clear_error();
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool good = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(hash, settings, sizeof(settings)) == 1;
    for (size_t i = 0; good && i < count; i++) {
        good = EVP_DigestUpdate(hash, digests[i], TLS_DIGEST_SIZE) == 1;
    }
    good = good && EVP_DigestFinal_ex(hash, policy->fingerprint, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return good ? D2K_OK : tls_error_of_call(err, D2K_TLS, "SHA-256 cannot be computed");
}

bool tls_keeper_is_in_force(const struct tls_keeper *keeper, const struct tls_policy *policy)
{
    return keeper->current != NULL &&
           memcmp(keeper->current->fingerprint, policy->fingerprint, TLS_DIGEST_SIZE) == 0;
}

/* ---- what becomes of it ---- */

static void log_level_change(const struct tls_keeper *keeper, enum tls_level from,
                             enum tls_level to)
{
    if (to < from) {
        log_write(keeper->log, LOG_WARNING, COMPONENT,
                  "%s: TLS_RequiredLevel of [%s] falls from %s to %s; links that exist keep theirs",
                  keeper->config_path, keeper->side->section, tls_level_name(from),
                  tls_level_name(to));
    } else if (to > from) {
        log_write(keeper->log, LOG_INFO, COMPONENT,
                  "%s: TLS_RequiredLevel of [%s] rises from %s to %s", keeper->config_path,
                  keeper->side->section, tls_level_name(from), tls_level_name(to));
    }
}

static void put_in_force(struct tls_keeper *keeper, struct tls_attempt *attempt)
{
    struct tls_policy *old = keeper->current;
    struct tls_policy *made = attempt->policy;
    made->generation = old != NULL ? old->generation + 1 : 1;
    keeper->current = tls_policy_ref(made);
    keeper->side->log_loaded(keeper, attempt);
    if (old != NULL) {
        log_level_change(keeper, old->level, made->level);
    }
    tls_policy_unref(old);
}

static const char *consequence(const struct tls_policy *current)
{
    switch (current->tls) {
    case TLS_POLICY_UNAVAILABLE:
        return "clients that ask for TLS are refused until it is repaired";
    case TLS_POLICY_OFF:
        return "TLS stays off until it is repaired";
    case TLS_POLICY_ON:
    default:
        return "the last good settings stay in force";
    }
}

/* One line a change: not again for the same files in the same state. */
static void note_failure(struct tls_keeper *keeper, const struct error *failure)
{
    bool told = keeper->failure.code == failure->code &&
                strcmp(keeper->failure.text, failure->text) == 0 &&
                watch_lists_equal(&keeper->failure_watched, &keeper->watched);
    if (failure->code == D2K_AGAIN || told) {
        return;
    }
    keeper->failure = *failure;
    watch_list_copy(&keeper->failure_watched, &keeper->watched);
    log_write(keeper->log, LOG_ERROR, COMPONENT,
              "%s; %s (generation %llu); the next connect tries again", failure->text,
              consequence(keeper->current), (unsigned long long)keeper->current->generation);
}

static void note_success(struct tls_keeper *keeper, bool changed)
{
    if (keeper->failure.code != D2K_OK && !changed) {
        log_write(keeper->log, LOG_INFO, COMPONENT,
                  "[%s] and its files can be used again; nothing has changed (generation %llu)",
                  keeper->side->section, (unsigned long long)keeper->current->generation);
    }
    keeper->failure = (struct error){.code = D2K_OK};
    tls_watch_list_clear(&keeper->failure_watched);
}

/* Takes over what the attempt saw. */
static void remember(struct tls_keeper *keeper, struct tls_attempt *attempt, bool failed)
{
    keeper->doubtful = failed || attempt->again;
    keeper->settling = false;
    for (size_t i = 0; i < attempt->watched.count; i++) {
        const struct os_file_stamp *stamp = &attempt->watched.items[i].stamp;
        keeper->doubtful = keeper->doubtful || tls_attempt_is_young(attempt, stamp);
        keeper->settling = keeper->settling || is_within_granule(attempt, stamp);
    }
    keeper->attempted_ms = os_monotonic_ms();
    tls_watch_list_clear(&keeper->watched);
    keeper->watched = attempt->watched;
    attempt->watched = (struct tls_watch_list){0};
    if (attempt->list.items != NULL) {
        tls_list_clear(&keeper->list);
        keeper->list = attempt->list;
        attempt->list = (struct tls_list){0};
    }
}

static void attempt_clear(struct tls_attempt *attempt)
{
    settings_free_application(&attempt->settings);
    registry_free(attempt->config);
    tls_watch_list_clear(&attempt->watched);
    tls_list_clear(&attempt->list);
    tls_policy_unref(attempt->policy);
}

/* Reads everything and, if it is good and new, puts it in force. Only memory can be lacking when it
 * fails after the first success. */
static d2k_result make_attempt(struct tls_keeper *keeper, struct error *err)
{
    struct tls_attempt attempt = {.started_ns = os_wall_ns(), .trouble = {.code = D2K_OK}};
    d2k_result result = D2K_OK;
    if (keeper->config_path != NULL) {
        result = read_config(keeper, &attempt, err);
    }
    if (result == D2K_OK) {
        result = keeper->side->build(keeper, &attempt, err);
    }
    remember(keeper, &attempt, result != D2K_OK || attempt.trouble.code != D2K_OK);
    if (result == D2K_OK) {
        bool changed = attempt.policy != NULL;
        if (changed) {
            put_in_force(keeper, &attempt);
        }
        if (attempt.trouble.code != D2K_OK) {
            note_failure(keeper, &attempt.trouble);
        } else {
            note_success(keeper, changed);
        }
    } else if (keeper->current != NULL) {
        note_failure(keeper, err);
    }
    attempt_clear(&attempt);
    return result;
}

/* ---- keepers ---- */

static bool must_attempt(struct tls_keeper *keeper)
{
    keeper->looked_ns = os_monotonic_ns();
    for (size_t i = 0; i < keeper->watched.count; i++) {
        struct os_file_stamp now = stamp_of(keeper->watched.items[i].path);
        if (!os_file_stamp_equal(&now, &keeper->watched.items[i].stamp)) {
            return true;
        }
    }
    return keeper->doubtful &&
           (keeper->settling || os_monotonic_ms() - keeper->attempted_ms >= TLS_RETRY_MS);
}

/* What is doubtful is looked at by everybody. */
static bool look_holds_for(const struct tls_keeper *keeper, uint64_t came_ns)
{
    return !keeper->doubtful && came_ns < keeper->looked_ns &&
           os_monotonic_ns() - keeper->looked_ns < TLS_LOOK_LASTS_NS;
}

struct tls_policy *tls_keeper_current_for(struct tls_keeper *keeper, uint64_t came_ns)
{
    os_mutex_lock(keeper->mutex);
    if (!look_holds_for(keeper, came_ns) && must_attempt(keeper)) {
        struct error err;
        (void)make_attempt(keeper, &err); /* it was logged, and the last good policy holds */
    }
    struct tls_policy *policy = tls_policy_ref(keeper->current);
    os_mutex_unlock(keeper->mutex);
    return policy;
}

struct tls_policy *tls_keeper_current(struct tls_keeper *keeper)
{
    return tls_keeper_current_for(keeper, os_monotonic_ns());
}

static d2k_result first_attempt(struct tls_keeper *keeper, struct error *err)
{
    struct os_condition *never = os_condition_new();
    if (never == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = D2K_AGAIN;
    os_mutex_lock(keeper->mutex);
    for (int i = 0; i < START_ATTEMPTS_MAX && result == D2K_AGAIN; i++) {
        if (i > 0) {
            (void)os_condition_wait(never, keeper->mutex, START_PAUSE_MS);
        }
        result = make_attempt(keeper, err);
    }
    os_mutex_unlock(keeper->mutex);
    os_condition_free(never);
    if (result == D2K_AGAIN) {
        err->code = D2K_FILE;
        result = error_wrap(err, "a file is written to without end");
    }
    return result;
}

static d2k_result keeper_open(const struct tls_keeper_side *side,
                              const struct registry_location *location, const char *application,
                              const struct log *log, struct tls_keeper **ret_keeper,
                              struct error *err)
{
    struct error own;
    err = err != NULL ? err : &own;
    struct tls_keeper *keeper = calloc(1, sizeof(*keeper));
    if (keeper == NULL) {
        return error_no_memory(err);
    }
    keeper->side = side;
    keeper->location = location;
    keeper->log = log;
    keeper->mutex = os_mutex_new();
    if (application != NULL) {
        keeper->application = strdup(application);
        keeper->config_path = registry_application_file(location, application);
    }
    d2k_result result = D2K_OK;
    if (keeper->mutex == NULL ||
        (application != NULL && (keeper->application == NULL || keeper->config_path == NULL))) {
        result = error_no_memory(err);
    }
    if (result == D2K_OK) {
        result = first_attempt(keeper, err);
    }
    if (result != D2K_OK) {
        tls_keeper_close(keeper);
        return result;
    }
    *ret_keeper = keeper;
    return D2K_OK;
}

d2k_result tls_keeper_open_server(const struct registry_location *location, const char *application,
                                  const struct log *log, struct tls_keeper **ret_keeper,
                                  struct error *err)
{
    return keeper_open(&tls_keeper_server_side, location, application, log, ret_keeper, err);
}

d2k_result tls_keeper_open_client(const struct registry_location *location, const char *application,
                                  const struct log *log, struct tls_keeper **ret_keeper,
                                  struct error *err)
{
    return keeper_open(&tls_keeper_client_side, location, application, log, ret_keeper, err);
}

void tls_keeper_close(struct tls_keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    tls_policy_unref(keeper->current);
    tls_watch_list_clear(&keeper->watched);
    tls_watch_list_clear(&keeper->failure_watched);
    tls_list_clear(&keeper->list);
    os_mutex_free(keeper->mutex);
    free(keeper->application);
    free(keeper->config_path);
    free(keeper);
}
