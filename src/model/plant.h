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
 * counted. Publishing costs time only for those who read the object.
 *
 * What a reader can rely on:
 *  - the definition of an object (DELIVERY_OBJECT) comes before its first value, and again when it
 *    changes;
 *  - the values of one object come in the order of publication. Only the newest that was told may
 *    come again: in the snapshot of a second subscription, or when `every` falls back to `latest`;
 *  - `latest`: once everything is taken, the last value of each object is its current one; an
 *    object waits at most once, however often it is published;
 *  - `every`: after the value in the snapshot each update comes, in order. An update that does not
 *    fit into the queue is owed: unless a newer one of the same object replaces it before it can be
 *    told, it comes too, behind all that waits. The replaced ones are counted and told with
 *    DELIVERY_OVERRUN. So published = delivered + sum of overruns, exactly, and the newest value
 *    always arrives. A value of the past that does not fit is counted and gone. An object that two
 *    subscriptions match is counted for one of them. When that one ends before it told its count,
 *    the others that go on with its objects tell that count: it may be too high, never silent;
 *  - a subscription that is paced leaves values out, of those for `latest`: the current value of an
 *    object comes when its interval is over, unless it is within the dead band of the last told;
 *  - each subscription has one complete snapshot: all objects that match at its end, once; of one
 *    that is defined while it is told, the definition may come behind it;
 *  - an object that is deleted is told as gone (DELIVERY_GONE), if its definition was told; nothing
 *    of it comes later, until it is defined again. */
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
#include "base/list.h"
#include "model/alarm.h"
#include "model/instances.h"

#define PLANT_EXPECT_MAX 16u

/* Limits; tested at the limit and one past it. */
#define PLANT_OBJECTS_MAX       1000000u
#define PLANT_NUMBER_MAX        (UINT32_MAX - 1) /* of an object or process */
#define PLANT_PATTERN_MAX       128u             /* bytes */
#define PLANT_SUBSCRIPTIONS_MAX 1000u            /* of one link */
/* Objects that the walks of a subscriber's patterns look at before they give way: about 0.3 ms. */
#define PLANT_LOOKS_AT_ONCE 4096u
/* Objects of an owner that has gone which become invalid before others have their turn: some 0.1 ms
 * where nobody reads them. */
#define PLANT_INVALIDATIONS_AT_ONCE 256u
#define PLANT_EVERY_QUEUE_MAX       65536u /* updates waiting for one link in mode `every` */
#define PLANT_EVERY_BYTES_MAX       (64u * 1024u * 1024u)  /* of these updates together */
#define PLANT_ENDED_PROCESSES_MAX   1000u                  /* kept for the list of processes */
#define PLANT_PROCESS_NUMBER_MAX    99999u                 /* NN of <computer>_<NN>.<suffix> */
#define PLANT_HISTORY_ENTRIES_MAX   10000u                 /* changes that one object keeps */
#define PLANT_HISTORY_BYTES_MAX     (256u * 1024u * 1024u) /* of the histories of all objects */
#define PLANT_HISTORY_NONE          UINT32_MAX             /* definition.history: it keeps none */

struct plant;
struct subscriber;
struct interest;
struct pace_rule; /* model/pace.h */

/* ---- objects ---- */

/* What an object is. The numbers are those of the wire and of the store. */
enum object_kind {
    OBJECT_OF_PROCESS = 0,
    OBJECT_USER_VARIABLE = 1, /* the kernel's; its value is what somebody wrote last */
    OBJECT_COMPUTED = 2,      /* the kernel's; its value comes from others */
    OBJECT_SYSTEM_TAG = 3,    /* the kernel's, of itself */
};

/* What is said of an object when it is defined; everything is copied. */
struct definition {
    struct slice name, description, unit;
    d2k_type type;
    enum object_kind kind;
    uint32_t history; /* changes that are kept, at most PLANT_HISTORY_ENTRIES_MAX; 0: as the plant
                         has it for all, PLANT_HISTORY_NONE */
    bool has_limits;
    d2k_limits limits;       /* only with has_limits */
    struct alarm_rule alarm; /* of a type that has no alarms: nothing */
    struct slice properties; /* what else was said, as bytes: passed on to readers, not looked at */
    struct slice columns; /* of an Array or a Structure (base/table.h): a part of `properties`, so
                             that it is kept there; else empty */
    struct slice expression; /* of OBJECT_COMPUTED (model/expression.h); else not looked at */
    int64_t now_ns;          /* OBJECT_COMPUTED: time of a value that no object takes part in */
};

/* An encoded value, immutable, counted; `bytes` is one wire record. */
struct update {
    uint32_t references;
    uint32_t size;
    uint64_t sequence; /* order of updates in the plant */
    uint8_t bytes[];
};

/* What every value needs stands in front, together: up to `name`. */
struct object {
    uint32_t hobj;
    d2k_type type;
    struct alarm_rule alarm;
    uint8_t kind;               /* enum object_kind */
    bool invalidation_owed;     /* private: memory was short when its owner went */
    uint16_t open_commands;     /* private */
    const char *owner;          /* process name, "" for the kernel itself; lives as long as the
                                   object */
    d2k_limits *limits;         /* NULL: none */
    struct update *current;     /* the encoding of its value; NULL before the first one */
    struct computed_node *node; /* private; NULL: it is not computed, and nothing depends on it */
    struct history *history;    /* private; NULL: none is kept */
    struct interest **readers;  /* private; in no order */
    uint32_t reader_count, reader_capacity;
    char *text_storage; /* private; bytes of a text or a table; NULL for other types */
    d2k_value value;    /* current value; text belongs to the object */

    char name[D2K_OBJECT_NAME_MAX + 1];
    char *description; /* never NULL */
    char *unit;        /* never NULL */
    char *properties;  /* as it was defined with; NULL: none */
    size_t properties_size;
    /* private */
    struct list of_owner;
    uint32_t position;
    uint32_t stem_place;
    struct stem *stem;                 /* NULL: its name has none */
    uint16_t columns_at, columns_size; /* in `properties`; 0: it is no table */
};

/* None of them may call the plant. */
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
    /* Whether the subscriber (his owner_data) may see the object: asked when it would begin to
     * read it, never for a value. NULL: everybody sees everything. */
    bool (*may_see)(void *context, void *owner_data, const struct object *object);
    /* Monotonic time, for subscribers that are paced (subscriber_subscribe_paced()). NULL: it
     * stands still. */
    uint64_t (*now_ms)(void *context);
    /* A number was given to a name for the first time ever: store it. NULL allowed. */
    void (*store_hobj)(void *context, struct slice name, uint32_t hobj);
    void *context;
};

/* `seed`: 16 random bytes for the tables. first_hobj: the smallest number that may be given (1 if
 * nothing is stored). Objects and processes share the numbers; a process and an object of one name
 * share their number. NULL: out of memory. */
struct plant *plant_new(const struct plant_hooks *hooks, const uint64_t seed[2],
                        uint32_t first_hobj);
/* All subscribers must have been freed. NULL is allowed. */
void plant_free(struct plant *plant);

/* Creates an object or takes it up again (same owner: all but the name is replaced, readers are
 * told if that changed anything; a value of another type, kind or other columns than the new one is
 * replaced by one of D2K_TYPE_NONE). `owner` "" is the kernel. An object belongs to its first owner
 * as long as the plant lives, whether that process is running or not. Case of names is ignored; an
 * object keeps the spelling it was defined with first. Nothing is changed on failure. D2K_ARGUMENT
 * (name rules, type, columns, text too long or not UTF-8, expression), D2K_NOT_ALLOWED (belongs to
 * another process, or is a system tag and shall be something else: the sentence tells), D2K_CYCLE
 * (a computed object would depend on itself: the sentence names the way), D2K_LIMIT, D2K_NO_MEMORY.
 *
 * A computed object has a value from now on, and another one whenever an object that its expression
 * names changes, appears or is deleted; whoever depends on several objects that change together is
 * evaluated once. An input may have got another type since the expression was checked: then the
 * value is not valid. */
d2k_result plant_define(struct plant *plant, struct slice owner,
                        const struct definition *definition, struct object **ret_object,
                        struct error *err) D2K_MUST_CHECK;
/* Whether plant_define() would do it, but for memory; changes nothing. Checks the types of a
 * computed object's inputs too, as far as these exist: D2K_TYPE. */
d2k_result plant_check_definition(const struct plant *plant, struct slice owner,
                                  const struct definition *definition,
                                  struct error *err) D2K_MUST_CHECK;
/* Whether an object may have this name: D2K_ARGUMENT. A sentence may hold a name only after that.
 */
d2k_result plant_check_name(struct slice name, struct error *err) D2K_MUST_CHECK;
/* The number that this name has or will have, which is kept for it from now on. D2K_LIMIT. */
d2k_result plant_reserve_number(struct plant *plant, struct slice name, uint32_t *ret_number,
                                struct error *err) D2K_MUST_CHECK;

/* The columns of an Array or a Structure; else empty. */
struct slice plant_columns(const struct object *object);

struct object *plant_object(const struct plant *plant, uint32_t hobj); /* NULL: none */
struct object *plant_object_by_name(const struct plant *plant,
                                    struct slice name); /* NULL: none; ASCII case is ignored */
size_t plant_object_count(const struct plant *plant);
/* Walks objects, as far as none was deleted in the order of creation: position
 * 0..plant_object_end()-1; NULL: the one that stood there was deleted, or past the end. Stable
 * while objects are added and deleted; one that is added meanwhile may be missed. */
struct object *plant_object_at(const struct plant *plant, size_t position);
size_t plant_object_end(const struct plant *plant);

/* Removes an object, whoever owns it. Its readers are told DELIVERY_GONE at once, before anything
 * that waits; what waited for them of the object is dropped, neither delivered nor counted as lost.
 * Its name may be defined again, with the same number if numbers are stored. D2K_NO_MEMORY: nothing
 * is changed. */
d2k_result plant_delete(struct plant *plant, struct object *object,
                        struct error *err) D2K_MUST_CHECK;

/* Sets the value of an object on behalf of `owner`; a value with time 0 gets now_ns; text over
 * D2K_TEXT_MAX_CHARS is cut on a character boundary and marked Weak. A value without
 * D2K_STATUS_VALID is allowed: its owner says that it is not valid. A value marked `past` is passed
 * on to readers in mode `every` but never becomes the current one. Everybody who reads the object
 * is told. Limit status and process alarm of the value are found by what the object is defined
 * with, whatever they were (model/alarm.h).
 * D2K_NOT_ALLOWED (not the owner), D2K_TYPE (not that of the object, or other columns than it has;
 * D2K_TYPE_NONE is refused too), D2K_ARGUMENT (out of range, not UTF-8), D2K_NO_MEMORY; then
 * nothing is changed. */
d2k_result plant_set(struct plant *plant, struct slice owner, struct object *object,
                     const d2k_value *value, int64_t now_ns, struct error *err) D2K_MUST_CHECK;

/* The alarm of the object that waits to be acknowledged is; readers are told. False: none waited,
 * or memory was short. */
bool plant_acknowledge_alarm(struct plant *plant, struct object *object);

/* Values of these objects, at most PLANT_EXPECT_MAX, come next: fetches what plant_set() will need
 * into the caches, for all at once. Only a hint; a number may be of no object. */
void plant_expect(const struct plant *plant, const uint32_t *hobjs, unsigned count);

/* Whether plant_set() would do it, but for memory; changes nothing. */
d2k_result plant_check_value(const struct object *object, struct slice owner,
                             const d2k_value *value, int64_t now_ns,
                             struct error *err) D2K_MUST_CHECK;

/* A command for the object was passed on to its owner; its value is marked Transient until the last
 * one has ended, or the owner publishes a value meanwhile. Where memory is short the mark is left
 * out. */
void plant_command_began(struct plant *plant, struct object *object);
void plant_command_ended(struct plant *plant, struct object *object);

/* The owner has gone: the values of its objects become invalid (Valid cleared; content, other
 * status bits and time stay), readers are told. Of many objects plant_tidy() does the rest; a value
 * that the owner gives meanwhile, since it has come again, stays. When memory is too short for it,
 * it is made up for in later calls of plant_set(). */
void plant_owner_gone(struct plant *plant, struct slice owner);

/* ---- history ---- */

/* What an object keeps whose definition does not say it: 0 to PLANT_HISTORY_ENTRIES_MAX changes; of
 * objects that are defined later. And how many bytes all keep together: an object that would go
 * over it keeps fewer. At first nothing is kept. */
void plant_keep_history(struct plant *plant, uint32_t entries, size_t bytes_max);
size_t plant_history_bytes(const struct plant *plant);
/* How many changes the object keeps at most; 0: none. */
uint32_t plant_history_entries(const struct object *object);

/* Reads the changes that an object keeps, as they were when it began. */
struct history_reader {
    uint64_t next, last; /* sequences of updates */
};

/* The newest `count` changes (0: all). */
void history_begin(const struct object *object, uint32_t count, struct history_reader *ret_reader);
/* The next one, oldest first, while the object may have changed since; it holds until the plant is
 * called again. NULL: that was all or, with *ret_lost, the object has given up changes that were
 * to come. */
const struct update *history_next(const struct object *object, struct history_reader *reader,
                                  bool *ret_lost);

/* ---- readers ---- */

enum delivery_kind {
    DELIVERY_NONE,           /* nothing to tell now */
    DELIVERY_SNAPSHOT_BEGIN, /* subscription */
    DELIVERY_OBJECT, /* object: its definition, before its first value and when it changes */
    DELIVERY_UPDATE, /* bytes, count: records of so many values, to be put into an Update frame;
                        object: of the value if it is one, else NULL */
    DELIVERY_SNAPSHOT_END, /* subscription, count (objects) */
    DELIVERY_OVERRUN,      /* subscription, count (updates lost since the last one) */
    DELIVERY_GONE,         /* hobj: an object that was told before is deleted */
    DELIVERY_LATER,        /* there is more, but let others have their turn first */
    DELIVERY_NO_MEMORY,    /* what it has subscribed to cannot be read: end its link */
};

struct delivery {
    enum delivery_kind kind;
    uint32_t subscription;
    uint64_t request; /* of the subscription, where there is one */
    uint64_t count;
    uint32_t hobj;
    struct object *object;
    struct slice bytes; /* hold until the next call of subscriber_next() on this subscriber */
};

/* `owner_data` is given back by subscriber_data(). NULL: out of memory. */
struct subscriber *subscriber_new(struct plant *plant, void *owner_data);
/* Ends all its subscriptions; it is told nothing any more, and owner_data is not used again. What
 * is left of it after PLANT_LOOKS_AT_ONCE steps, plant_tidy() takes apart. NULL is allowed. */
void subscriber_free(struct subscriber *subscriber);
/* Goes on with what subscribers that were freed and owners that have gone leave behind, a slice.
 * True: there is more to do. */
bool plant_tidy(struct plant *plant);
void *subscriber_data(const struct subscriber *subscriber);
/* Whether it is told values of the past (default: yes). */
void subscriber_take_past(struct subscriber *subscriber, bool takes);

/* Subscribes to a name or a pattern ('*', '?'); later objects that match are included. A name that
 * does not exist yet is a pattern that matches later. First come SNAPSHOT_BEGIN, each matching
 * object with its value (if it has one), SNAPSHOT_END. Outside of snapshots an object that two
 * subscriptions of one subscriber match is delivered once, by the stricter mode (`every`). Costs
 * one look-up; a pattern looks at each object (with a stem: of its stem) later, when its snapshot
 * is taken: subscriber_next(). D2K_EXISTS (this number is in use), D2K_LIMIT, D2K_ARGUMENT (pattern
 * empty or over PLANT_PATTERN_MAX), D2K_NO_MEMORY; then nothing is changed. */
d2k_result subscriber_subscribe(struct subscriber *subscriber, uint32_t subscription,
                                uint64_t request, bool every, struct slice pattern,
                                struct error *err) D2K_MUST_CHECK;
/* As subscriber_subscribe() in mode `latest`, but not each change is told: what the rule holds back
 * comes when the interval is over, if it is still to be told then. An object that several of its
 * subscriptions match is told as often as the least patient of them wants. D2K_ARGUMENT also: the
 * rule is empty or over its limits. */
d2k_result subscriber_subscribe_paced(struct subscriber *subscriber, uint32_t subscription,
                                      uint64_t request, const struct pace_rule *rule,
                                      struct slice pattern, struct error *err) D2K_MUST_CHECK;
/* When plant_due() is wanted next, by the clock of the hooks; UINT64_MAX: nothing is held back. */
uint64_t plant_due_ms(const struct plant *plant);
/* Some intervals are over: wakes those who are to be told, PLANT_LOOKS_AT_ONCE at most. */
void plant_due(struct plant *plant);
/* False: there is no such subscription. What no other subscription of it matches is no longer
 * delivered. */
bool subscriber_unsubscribe(struct subscriber *subscriber, uint32_t subscription);

/* What the subscriber may see has changed: asks may_see() again for `count` positions of objects
 * from *position on, which moves; at plant_object_end() it is through. What may not be seen any
 * more is told as DELIVERY_GONE at once, as if it were deleted; what may be seen now comes as an
 * object that is defined now, with its value. False: out of memory; then it may still see too much:
 * end its link. */
bool subscriber_review(struct subscriber *subscriber, size_t *position,
                       size_t count) D2K_MUST_CHECK;

/* Takes the next thing to tell; DELIVERY_NONE when there is nothing until the next wake. Things are
 * told in the order in which they came to wait. DELIVERY_LATER comes after PLANT_LOOKS_AT_ONCE
 * looks at objects, counted over all calls: there will be no wake, call again in a later turn. */
void subscriber_next(struct subscriber *subscriber, struct delivery *ret_delivery);

/* ---- processes ---- */

enum process_state {
    PROCESS_RUNNING,
    PROCESS_STOP,  /* logged off */
    PROCESS_CRASH, /* the link was lost */
    PROCESS_WDERR, /* watchdog messages were missing */
};

/* The numbers are those of the wire. */
enum instance_state {
    INSTANCE_NONE = 0, /* a process without instances, or one that has ended */
    INSTANCE_ACTIVE = 1,
    INSTANCE_PASSIVE = 2,
};

struct process {
    const char *name, *version, *computer, *address;
    const char *tls_version; /* "": plain */
    const char *user;        /* who is logged on; "": nobody */
    int64_t since_ns;        /* wall time of registration, or of its end */
    uint64_t connection_sql_id;
    uint64_t values_in, values_out;
    uint8_t resume_token[32];
    struct link_id link; /* generation 0 unless RUNNING */
    uint32_t id;
    uint32_t os_process_id;
    enum process_state state;
    enum instance_state instance_state;
    uint16_t instance; /* 1..INSTANCE_MAX; 0: none */
    bool preferred;    /* instance; also when it has ended */
    bool verified;
};

/* Registers a process under its name and instance; the caller has made sure that none is RUNNING
 * under them. It keeps the id that they had before (facts->id and user are not read), and its texts
 * are copied; of these only the name must be there, the others may be NULL. *ret_process lives
 * until it has ended and was pushed out by PLANT_ENDED_PROCESSES_MAX later ones; a process that
 * starts again takes over the same structure. An instance becomes active or passive
 * (model/instances.h); where it takes over from another one the objects of the name become invalid.
 * D2K_ARGUMENT (name rules, instance), D2K_STATE (one is RUNNING), D2K_EXISTS (the name runs with
 * instances, and this one has none, or the other way round), D2K_LIMIT (no number is left),
 * D2K_NO_MEMORY. */
d2k_result plant_process_start(struct plant *plant, const struct process *facts,
                               struct process **ret_process, struct error *err) D2K_MUST_CHECK;
/* It ended; its objects become invalid (plant_owner_gone), unless it was a passive instance; its
 * link and resume token are forgotten. Another instance may be active then. Does nothing when it is
 * not RUNNING. */
void plant_process_end(struct plant *plant, struct process *process, enum process_state how,
                       int64_t now_ns);
/* Who is logged on from now on; "": nobody. False: out of memory, nothing is changed ("" never
 * fails). */
bool plant_process_set_user(struct process *process, const char *user) D2K_MUST_CHECK;
/* Without an instance. NULL: never seen. */
struct process *plant_process(const struct plant *plant, struct slice name);
struct process *plant_process_instance(const struct plant *plant, struct slice name,
                                       unsigned instance);
/* Who gives the values of the objects of this name: it runs without instances, or is the active
 * one. NULL: nobody runs. */
struct process *plant_process_active(const struct plant *plant, struct slice name);
/* Another instance shall be active: the objects become invalid until it publishes. D2K_NOT_FOUND
 * (it is not connected). */
d2k_result plant_activate_instance(struct plant *plant, struct slice name, unsigned instance,
                                   struct error *err) D2K_MUST_CHECK;
/* This one is active whenever it is connected, from now on until another one is activated; 0: none
 * is preferred. Holds as long as the plant lives. D2K_ARGUMENT (over INSTANCE_MAX), D2K_NOT_FOUND
 * (the name does not run with instances). */
d2k_result plant_prefer_instance(struct plant *plant, struct slice name, unsigned instance,
                                 struct error *err) D2K_MUST_CHECK;
/* Smallest number NN >= 1 for which <computer>_<NN>.<suffix> is not RUNNING; writes the name, NN
 * with two digits at least. D2K_ARGUMENT (not <computer>.<suffix>, or the name gets too long),
 * D2K_LIMIT (over PLANT_PROCESS_NUMBER_MAX). */
d2k_result plant_process_number(struct plant *plant, struct slice computer_and_suffix,
                                char ret_name[65], struct error *err) D2K_MUST_CHECK;
size_t plant_running_count(const struct plant *plant);
/* Walks all processes, running and ended, one per name and instance; position 0.. ; NULL: past the
 * end. Stable until one is started or ended. */
struct process *plant_process_at(const struct plant *plant, size_t position);

#endif
