/* store/plant_store.h: what the kernel owns and must not lose: the definitions of its objects (user
 * variables, computed ones) and the values of user variables.
 *
 * They stand in <state-dir>/plant.db (SQLite; docs/storage.md). It is read once, at the start;
 * changes are queued and written by a thread of the store's own, all that wait in one transaction,
 * so that who asks never waits for a disk. What became of a change is fetched with
 * plant_store_take(), in the order in which changes were queued. D2K_OK there means: it is on the
 * disk, and no crash or power failure takes it away. A change that failed has left nothing behind.
 *
 * The store knows neither values nor properties: they are bytes to it.
 *
 * Threads: one thread uses a store. */
#ifndef D2K_STORE_PLANT_STORE_H
#define D2K_STORE_PLANT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <d2k/result.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/log.h"

/* Changes that wait for the disk or to be taken; past one of them the next is refused. */
#define PLANT_STORE_WAITING_MAX       65536u
#define PLANT_STORE_WAITING_BYTES_MAX (64u * 1024u * 1024u)

struct plant_store;

/* The kind of an object, its type, and so on are numbers of who uses the store. */
struct stored_object {
    struct slice name; /* ASCII case is ignored; the spelling that was stored first stays */
    uint32_t hobj;
    uint8_t type, kind;
    struct slice description, unit;
    struct slice properties; /* bytes; may be empty */
    struct slice value;      /* bytes; empty: none */
    bool goes_last; /* it is shown after all that are stored now, in the spelling that it has here;
                       the value that was stored before is forgotten */
};

/* Gets one stored object; its slices hold during the call. What it returns, unless D2K_OK, ends the
 * loading; it then fills err. */
typedef d2k_result plant_store_take_object(void *context, const struct stored_object *object,
                                           struct error *err);

struct plant_store_options {
    const char *state_dir; /* is there */
    const struct log *log; /* NULL: none; used from the store's thread too */
    plant_store_take_object *take_object;
    void *take_context;
    /* There is something for plant_store_take(). Called from the store's thread. */
    void (*wake)(void *context);
    void *wake_context;
};

/* Opens the database, or makes it, shows all it holds to take_object, starts the thread. `options`
 * is copied. D2K_CONFIG: the database is damaged, no d2k database, or of a newer version; D2K_FILE:
 * it cannot be read or written; D2K_NO_MEMORY; or what take_object said. The sentence names the
 * file and says what to do. */
d2k_result plant_store_open(const struct plant_store_options *options,
                            struct plant_store **ret_store, struct error *err) D2K_MUST_CHECK;

/* Writes all that waits, ends the thread (so wake() is not called any more), forgets what was not
 * taken. NULL is allowed. */
void plant_store_close(struct plant_store *store);

/* ---- changes; `ticket` is given back by plant_store_take(), everything is copied ---- */

/* Each: D2K_AGAIN (too much waits already: nothing is changed, ask again later), D2K_NO_MEMORY. */

/* Stores a definition, or replaces the one of that name; its value goes when type or kind change,
 * stays when object->value is empty, else is replaced. */
d2k_result plant_store_put(struct plant_store *store, const struct stored_object *object,
                           uint64_t ticket, struct error *err) D2K_MUST_CHECK;
d2k_result plant_store_put_value(struct plant_store *store, struct slice name, struct slice value,
                                 uint64_t ticket, struct error *err) D2K_MUST_CHECK;
/* The definition and its value. */
d2k_result plant_store_delete(struct plant_store *store, struct slice name, uint64_t ticket,
                              struct error *err) D2K_MUST_CHECK;

/* How many changes were queued and not taken yet. */
uint32_t plant_store_waiting(const struct plant_store *store);

/* A change that is through, as it was asked for. */
struct plant_store_outcome {
    uint64_t ticket;
    d2k_result result;
    const char *sentence;        /* "" for D2K_OK */
    struct stored_object object; /* with what the change gave, and empty else */
};

/* The next change that is through; NULL: none for now. It holds until the next call. Results:
 * D2K_OK; D2K_FILE (the disk is full, read-only, broken...), D2K_NOT_FOUND (a value or a deletion
 * of what is not stored), D2K_NO_MEMORY. */
const struct plant_store_outcome *plant_store_take(struct plant_store *store);

#endif
