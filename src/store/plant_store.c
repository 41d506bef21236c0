/* store/plant_store.c: the queue of changes, and the thread that writes them: all that wait go into
 * one transaction, so that many changes cost one wait for the disk. */
#include "store/plant_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "os/thread.h"
#include "store/plant_db.h"

#define COMPONENT "STORE"

/* One transaction takes no more, so that the first of a crowd need not wait for the last. */
#define BATCH_MAX 8192u

enum change_kind { CHANGE_OBJECT, CHANGE_VALUE, CHANGE_DELETE };

struct change {
    struct list link; /* in `queued`, the thread's batch, or `finished` */
    enum change_kind kind;
    struct plant_store_outcome outcome; /* slices of its object point into `bytes` */
    char *sentence;                     /* of a failure; NULL: memory was short */
    size_t size;
    char bytes[];
};

struct plant_store {
    struct plant_store_options options;
    struct plant_db *db; /* the thread's, once it runs */
    struct os_thread *thread;
    bool failing; /* the thread's: the last transaction was not stored */

    /* The user's. */
    uint32_t waiting;
    size_t waiting_bytes;
    struct change *taken; /* whose outcome is being looked at; NULL: none */

    struct os_mutex *mutex; /* guards what follows */
    struct os_condition *changed;
    struct list queued, finished;
    bool ends;
};

/* ---- the thread ---- */

static d2k_result apply(struct plant_db *db, const struct change *change, struct error *err)
{
    const struct stored_object *object = &change->outcome.object;
    switch (change->kind) {
    case CHANGE_OBJECT:
        return plant_db_put_object(db, object, err);
    case CHANGE_VALUE:
        return plant_db_put_value(db, object->name, object->value, err);
    case CHANGE_DELETE:
        return plant_db_delete(db, object->name, err);
    }
    return D2K_INTERNAL;
}

static void set_outcome(struct change *change, d2k_result result, const struct error *err)
{
    free(change->sentence);
    change->sentence = result == D2K_OK ? NULL : text_format("%s", err->text);
    change->outcome.result = result;
    change->outcome.sentence = result == D2K_OK           ? ""
                               : change->sentence != NULL ? change->sentence
                                                          : "memory is short";
}

/* What is not there to be changed is no failure of the store. */
static d2k_result apply_all(struct plant_db *db, struct list *batch, struct error *err)
{
    LIST_EACH(batch, at, following)
    {
        struct change *change = LIST_MEMBER(at, struct change, link);
        d2k_result result = apply(db, change, err);
        if (result != D2K_OK && result != D2K_NOT_FOUND) {
            return result;
        }
        set_outcome(change, result, err);
    }
    return D2K_OK;
}

static void log_turn(struct plant_store *store, d2k_result result, const struct error *err)
{
    bool failing = result != D2K_OK;
    if (failing && !store->failing) {
        log_write(store->options.log, LOG_WARNING, COMPONENT,
                  "Changes of objects cannot be stored: %s. They are refused until it is repaired; "
                  "all else goes on.",
                  err->text);
    } else if (!failing && store->failing) {
        log_write(store->options.log, LOG_INFO, COMPONENT, "%s: changes are stored again.",
                  plant_db_path(store->db));
    }
    store->failing = failing;
}

static void write_batch(struct plant_store *store, struct list *batch)
{
    struct error err = {0};
    d2k_result result = plant_db_begin(store->db, &err);
    result = result != D2K_OK ? result : apply_all(store->db, batch, &err);
    result = result != D2K_OK ? result : plant_db_commit(store->db, &err);
    if (result != D2K_OK) {
        plant_db_rollback(store->db);
        LIST_EACH(batch, at, following)
        {
            set_outcome(LIST_MEMBER(at, struct change, link), result, &err);
        }
    }
    log_turn(store, result, &err);
}

/* Moves members of one list to the end of another, `max` at most. */
static void move(struct list *from, struct list *to, unsigned max)
{
    for (unsigned i = 0; i < max && !list_empty(from); i++) {
        struct list *member = from->next;
        list_remove(member);
        list_append(to, member);
    }
}

/* False: it is to end, and nothing waits. */
static bool wait_for_batch(struct plant_store *store, struct list *batch)
{
    os_mutex_lock(store->mutex);
    while (!store->ends && list_empty(&store->queued)) {
        (void)os_condition_wait(store->changed, store->mutex, UINT32_MAX);
    }
    move(&store->queued, batch, BATCH_MAX);
    os_mutex_unlock(store->mutex);
    return !list_empty(batch);
}

static void write_changes(void *context)
{
    struct plant_store *store = context;
    struct list batch;
    list_init(&batch);
    while (wait_for_batch(store, &batch)) {
        write_batch(store, &batch);
        os_mutex_lock(store->mutex);
        move(&batch, &store->finished, BATCH_MAX);
        os_mutex_unlock(store->mutex);
        store->options.wake(store->options.wake_context);
    }
}

/* ---- life ---- */

static struct plant_store *store_new(const struct plant_store_options *options)
{
    struct plant_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return NULL;
    }
    store->options = *options;
    list_init(&store->queued);
    list_init(&store->finished);
    store->mutex = os_mutex_new();
    store->changed = os_condition_new();
    if (store->mutex == NULL || store->changed == NULL) {
        plant_store_close(store);
        return NULL;
    }
    return store;
}

static d2k_result start_thread(struct plant_store *store, struct error *err)
{
    int error = os_thread_start("d2k-plant-db", write_changes, store, &store->thread);
    return error == 0 ? D2K_OK
                      : error_set(err, D2K_NO_MEMORY, "the thread that writes %s does not start",
                                  plant_db_path(store->db));
}

d2k_result plant_store_open(const struct plant_store_options *options,
                            struct plant_store **ret_store, struct error *err)
{
    struct plant_store *store = store_new(options);
    if (store == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = plant_db_open(options->state_dir, &store->db, err);
    if (result == D2K_OK) {
        result = plant_db_load(store->db, options->take_object, options->take_context, err);
    }
    result = result != D2K_OK ? result : start_thread(store, err);
    if (result != D2K_OK) {
        plant_store_close(store);
        return result;
    }
    *ret_store = store;
    return D2K_OK;
}

static void change_free(struct change *change)
{
    if (change != NULL) {
        free(change->sentence);
        free(change);
    }
}

static void free_changes(struct list *changes)
{
    LIST_EACH(changes, at, following)
    {
        change_free(LIST_MEMBER(at, struct change, link));
    }
}

void plant_store_close(struct plant_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->thread != NULL) {
        os_mutex_lock(store->mutex);
        store->ends = true;
        os_condition_signal(store->changed);
        os_mutex_unlock(store->mutex);
        os_thread_join(store->thread);
    }
    plant_db_close(store->db);
    free_changes(&store->queued);
    free_changes(&store->finished);
    change_free(store->taken);
    os_condition_free(store->changed);
    os_mutex_free(store->mutex);
    free(store);
}

/* ---- changes ---- */

/* Copies the bytes behind those that were copied before. */
static struct slice keep(struct change *change, struct slice bytes)
{
    struct slice kept = {change->bytes + change->size, bytes.size};
    if (bytes.size > 0) {
        memcpy(change->bytes + change->size, bytes.data, bytes.size);
    }
    change->size += bytes.size;
    return kept;
}

static struct change *change_new(const struct stored_object *object, enum change_kind kind,
                                 uint64_t ticket, size_t size)
{
    struct change *change = malloc(sizeof *change + size);
    if (change == NULL) {
        return NULL;
    }
    *change = (struct change){.kind = kind, .outcome = {.ticket = ticket, .object = *object}};
    struct stored_object *kept = &change->outcome.object;
    kept->name = keep(change, object->name);
    kept->description = keep(change, object->description);
    kept->unit = keep(change, object->unit);
    kept->properties = keep(change, object->properties);
    kept->value = keep(change, object->value);
    return change;
}

static d2k_result queue(struct plant_store *store, const struct stored_object *object,
                        enum change_kind kind, uint64_t ticket, struct error *err)
{
    size_t size = object->name.size + object->description.size + object->unit.size +
                  object->properties.size + object->value.size;
    if (store->waiting >= PLANT_STORE_WAITING_MAX ||
        store->waiting_bytes + size > PLANT_STORE_WAITING_BYTES_MAX) {
        return error_set(err, D2K_AGAIN,
                         "the disk is slower than changes come: %u wait for it already; try again "
                         "in a moment",
                         store->waiting);
    }
    struct change *change = change_new(object, kind, ticket, size);
    if (change == NULL) {
        return error_no_memory(err);
    }
    store->waiting++;
    store->waiting_bytes += size;
    os_mutex_lock(store->mutex);
    list_append(&store->queued, &change->link);
    os_condition_signal(store->changed);
    os_mutex_unlock(store->mutex);
    return D2K_OK;
}

d2k_result plant_store_put(struct plant_store *store, const struct stored_object *object,
                           uint64_t ticket, struct error *err)
{
    return queue(store, object, CHANGE_OBJECT, ticket, err);
}

d2k_result plant_store_put_value(struct plant_store *store, struct slice name, struct slice value,
                                 uint64_t ticket, struct error *err)
{
    struct stored_object object = {.name = name, .value = value};
    return queue(store, &object, CHANGE_VALUE, ticket, err);
}

d2k_result plant_store_delete(struct plant_store *store, struct slice name, uint64_t ticket,
                              struct error *err)
{
    struct stored_object object = {.name = name};
    return queue(store, &object, CHANGE_DELETE, ticket, err);
}

uint32_t plant_store_waiting(const struct plant_store *store)
{
    return store->waiting;
}

const struct plant_store_outcome *plant_store_take(struct plant_store *store)
{
    change_free(store->taken);
    os_mutex_lock(store->mutex);
    store->taken = LIST_FIRST(&store->finished, struct change, link);
    if (store->taken != NULL) {
        list_remove(&store->taken->link);
    }
    os_mutex_unlock(store->mutex);
    if (store->taken == NULL) {
        return NULL;
    }
    store->waiting--;
    store->waiting_bytes -= store->taken->size;
    return &store->taken->outcome;
}
