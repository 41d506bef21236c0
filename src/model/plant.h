/* model/plant.h: the plant in memory: objects, their values, the processes that own them, and who
 * is to be told.
 *
 * No I/O, no locks: one thread owns a plant. Time is handed in. A link is named by (loop, slot,
 * generation), never by pointer, so that an event that comes late for a link that has ended finds
 * nobody.
 *
 * Values are state, not a queue: a subscription is `latest` (a slow reader skips to the newest
 * value of each object) or `every` (a bounded queue; what does not fit is counted and reported,
 * never silent). A published value is encoded once, whoever reads it: the update is immutable and
 * counted. */
#ifndef D2K_MODEL_PLANT_H
#define D2K_MODEL_PLANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <d2k/value.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"
#include "base/link_id.h"

/* Limits; tested at the limit and one past it. */
#define PLANT_OBJECTS_MAX         1000000u
#define PLANT_SUBSCRIPTIONS_MAX   1000u  /* of one link */
#define PLANT_EVERY_QUEUE_MAX     65536u /* updates waiting for one link in mode `every` */
#define PLANT_ENDED_PROCESSES_MAX 1000u  /* kept for the list of processes */

struct plant;
struct subscriber;

/* ---- objects ---- */

/* An encoded value, immutable, counted; `bytes` is one wire record. */
struct update {
    uint32_t references;
    uint32_t size;
    uint64_t sequence; /* order of updates in the plant */
    uint8_t bytes[];
};

struct object {
    uint32_t hobj;
    d2k_type type;
    char name[D2K_OBJECT_NAME_MAX + 1];
    char *description;  /* never NULL */
    char *unit;         /* never NULL */
    const char *owner;  /* process name, "" for the kernel itself; lives as long as the object */
    bool owner_present; /* the owning process is registered now */
    d2k_value value;    /* current value; text belongs to the object */
    struct update *current; /* its encoding; NULL before the first value */
    /* private */
    char *text_storage;
    struct list *unused;
    struct interest *interests;
    size_t interest_count;
};

struct plant_hooks {
    /* Encodes one value as a wire record into `out` (which is empty). Handed in, since the model
     * does not know the wire. */
    d2k_result (*encode)(struct buffer *out, uint32_t hobj, const d2k_value *value);
    /* Tells that this subscriber, which had nothing to be told, now has. May be called many times a
     * turn. */
    void (*wake)(void *context, struct subscriber *subscriber);
    /* Asks for the number of an object that is new in this run: a stored one, or 0 for "choose".
     * NULL allowed. */
    uint32_t (*stored_hobj)(void *context, struct slice name);
    /* A number was given to a name for the first time ever: store it. NULL allowed. */
    void (*store_hobj)(void *context, struct slice name, uint32_t hobj);
    void *context;
};

/* `seed`: 16 random bytes for the tables. first_hobj: the smallest number that may be given (1 if
 * nothing is stored). NULL: out of memory. */
struct plant *plant_new(const struct plant_hooks *hooks, const uint64_t seed[2],
                        uint32_t first_hobj);
void plant_free(struct plant *plant);

/* Creates an object or takes it up again (same owner: description, unit and type are replaced,
 * readers are told). `owner` "" is the kernel. D2K_ARGUMENT (name rules, type), D2K_NOT_ALLOWED
 * (belongs to another process: the sentence names it), D2K_LIMIT, D2K_NO_MEMORY. */
d2k_result plant_define(struct plant *plant, struct slice owner, d2k_type type, struct slice name,
                        struct slice description, struct slice unit, struct object **ret_object,
                        struct error *err) D2K_MUST_CHECK;

struct object *plant_object(const struct plant *plant, uint32_t hobj); /* NULL: none */
struct object *plant_object_by_name(const struct plant *plant,
                                    struct slice name); /* NULL: none; ASCII case is ignored */
size_t plant_object_count(const struct plant *plant);
/* Walks objects in the order of creation: position 0.. ; NULL: past the end. Stable while objects
 * are added. */
struct object *plant_object_at(const struct plant *plant, size_t position);

/* Sets the value of an object on behalf of `owner`; a value with time 0 gets now_ns; text over
 * D2K_TEXT_MAX_CHARS is cut on a character boundary and marked Weak. A value marked `past` is
 * passed on to readers in mode `every` but never becomes the current one. D2K_NOT_ALLOWED (not the
 * owner), D2K_TYPE, D2K_ARGUMENT (out of range), D2K_NO_MEMORY. Everybody who reads the object is
 * told. */
d2k_result plant_set(struct plant *plant, struct slice owner, struct object *object,
                     const d2k_value *value, int64_t now_ns, struct error *err) D2K_MUST_CHECK;

/* The owner is here again / has gone: its objects' values become invalid (Valid cleared; content,
 * other status bits and time stay), readers are told. */
void plant_owner_present(struct plant *plant, struct slice owner);
void plant_owner_gone(struct plant *plant, struct slice owner);

/* ---- readers ---- */

enum delivery_kind {
    DELIVERY_NONE,           /* nothing to tell now */
    DELIVERY_SNAPSHOT_BEGIN, /* subscription */
    DELIVERY_OBJECT,       /* object: its definition, before its first value and when it changes */
    DELIVERY_UPDATE,       /* object, update: append update->bytes to an Update frame */
    DELIVERY_SNAPSHOT_END, /* subscription, count (objects) */
    DELIVERY_OVERRUN,      /* subscription, count (updates lost) */
};

struct delivery {
    enum delivery_kind kind;
    uint32_t subscription;
    uint64_t request;
    uint64_t count;
    struct object *object;
    const struct update
        *update; /* holds until the next call of subscriber_next() on this subscriber */
};

/* `owner_data` is given back by subscriber_data(). NULL: out of memory. */
struct subscriber *subscriber_new(struct plant *plant, void *owner_data);
/* Ends all its subscriptions. NULL is allowed. */
void subscriber_free(struct subscriber *subscriber);
void *subscriber_data(const struct subscriber *subscriber);

/* Subscribes to a name or a pattern ('*', '?'); later objects that match are included. A name that
 * does not exist yet is a pattern that matches later. First come SNAPSHOT_BEGIN, each matching
 * object with its value, SNAPSHOT_END. An object that two subscriptions of one subscriber match is
 * delivered once, by the stricter mode (`every`). D2K_EXISTS (this number is in use), D2K_LIMIT,
 * D2K_ARGUMENT (empty pattern), D2K_NO_MEMORY. */
d2k_result subscriber_subscribe(struct subscriber *subscriber, uint32_t subscription,
                                uint64_t request, bool every, struct slice pattern,
                                struct error *err) D2K_MUST_CHECK;
/* False: there is no such subscription. What no other subscription of it matches is no longer
 * delivered. */
bool subscriber_unsubscribe(struct subscriber *subscriber, uint32_t subscription);

/* Takes the next thing to tell. Objects are told in order; an object's values never go back in time
 * of publication. */
void subscriber_next(struct subscriber *subscriber, struct delivery *ret_delivery);

/* ---- processes ---- */

enum process_state {
    PROCESS_RUNNING,
    PROCESS_STOP,  /* logged off */
    PROCESS_CRASH, /* the link was lost */
    PROCESS_WDERR, /* watchdog messages were missing */
};

struct process {
    uint32_t id;
    char name[65];
    uint16_t instance;
    enum process_state state;
    char version[65];
    char computer[65];
    uint32_t os_process_id;
    char address[64];
    char tls_version[16]; /* "": plain */
    bool verified;
    int64_t since_ns; /* wall time of registration, or of its end */
    uint64_t connection_sql_id;
    uint64_t values_in, values_out;
    uint8_t resume_token[32];
    struct link_id link; /* generation 0 unless RUNNING */
};

/* Registers a process under its name; the caller has made sure that none is RUNNING under it. It
 * keeps the id that the name had before. *ret_process lives until it has ended and was pushed out
 * by PLANT_ENDED_PROCESSES_MAX later ones. D2K_NO_MEMORY. */
d2k_result plant_process_start(struct plant *plant, const struct process *facts,
                               struct process **ret_process, struct error *err) D2K_MUST_CHECK;
/* It ended; its objects become invalid (plant_owner_gone). */
void plant_process_end(struct plant *plant, struct process *process, enum process_state how,
                       int64_t now_ns);
struct process *plant_process(const struct plant *plant, struct slice name); /* NULL: never seen */
/* Smallest number NN >= 1 for which <computer>_<NN>.<suffix> is not RUNNING; writes the name.
 * D2K_ARGUMENT, D2K_LIMIT (over 99999). */
d2k_result plant_process_number(struct plant *plant, struct slice computer_and_suffix,
                                char ret_name[65], struct error *err) D2K_MUST_CHECK;
size_t plant_running_count(const struct plant *plant);
/* Walks all processes: running and ended; position 0.. ; NULL: past the end. */
struct process *plant_process_at(const struct plant *plant, size_t position);

#endif
