/* model/plant_private.h: what the files of src/model share; nobody else includes it.
 *
 * Who points to whom:
 *
 *     plant -> objects, owners, processes
 *     object -> its readers: interests
 *     subscriber -> its interests (by number of the object), its subscriptions, its FIFO of places
 *     plant, stem, awaited name -> the subscriptions that wait for objects: a list of waiters
 *
 * An interest is one object read by one subscriber, however many of its subscriptions match. */
#ifndef D2K_MODEL_PLANT_PRIVATE_H
#define D2K_MODEL_PLANT_PRIVATE_H

#include "base/list.h"
#include "base/map.h"
#include "model/computed.h"
#include "model/number_table.h"
#include "model/pace.h"
#include "model/plant.h"

/* ---- the plant ---- */

struct owner {
    struct list objects;  /* object.of_owner */
    struct list doubtful; /* the same, of those that are still to become invalid after it went */
    struct list in_going; /* while some are doubtful */
    uint64_t gone_at;     /* sequence of the plant when it went last */
    char name[];          /* "" is the kernel */
};

/* A plain name that somebody subscribed to and that is not defined yet. */
struct awaited_name {
    struct list waiters;
    char name[];
};

/* What stands before the first dot of a name: the objects that begin with it, and the patterns that
 * match no others. It lives as long as there is one of either. */
struct stem {
    struct object **objects;              /* NULL: a hole */
    uint32_t *holes;                      /* places that the next objects take */
    uint32_t count, capacity, hole_count; /* count includes holes */
    struct list patterns;                 /* waiters */
    char name[];
};

/* A name that runs, or ran and has a preferred one, as instances. */
struct instance_group {
    struct instances instances;
    char name[];
};

struct pace;
struct paces;

/* Values that wait for the end of an interval: a heap by time, with room for all that may wait. */
struct held {
    struct pace **heap;
    uint32_t count, capacity;
    uint32_t records; /* that may wait */
};

struct plant {
    struct plant_hooks hooks;
    uint32_t next_number; /* over PLANT_NUMBER_MAX: all are used up */
    uint64_t sequence;
    struct buffer scratch; /* of the encoder */
    struct chunk *chunk;   /* that updates are appended to; NULL: none yet */

    struct object **objects; /* in order of creation; NULL: a hole that a deleted one has left */
    size_t object_count, object_capacity; /* holes included */
    uint32_t *holes;                      /* positions that the next objects take */
    size_t hole_count, hole_capacity;
    struct map objects_by_name;
    struct number_table objects_by_number;
    struct map owners;
    struct list going;         /* owner.in_going */
    size_t invalidations_owed; /* objects with invalidation_owed */
    uint32_t history_entries;  /* of an object that does not say it */
    size_t history_bytes, history_bytes_max;
    struct computed_graph computed;
    struct held held;

    struct list patterns; /* waiters: of all patterns without a stem */
    struct map awaited;
    struct map stems;
    struct list left; /* subscriber.in_left */

    struct process_record **processes; /* in order of their first start */
    size_t process_count, process_capacity;
    struct map processes_by_name;
    struct number_table processes_by_number;
    struct map instance_groups;
    struct list ended; /* process_record.ended, oldest first */
    size_t ended_count;
};

#define PROCESS_KEY_MAX (64u + 5u) /* "[15]_" */

struct process_record {
    struct process facts;
    char *texts;       /* of this registration, one behind the other */
    char *user;        /* NULL: nobody is logged on */
    struct list ended; /* linked to itself while it runs */
    char key[]; /* "[2]_SELF.ARC", or the name where there is no instance; ends with the name */
};

void process_record_free(struct process_record *record);

/* The number for a name: the one it has or had, else a new one. *ret_is_new: it is to be stored
 * (plant_number_given). D2K_LIMIT. */
d2k_result plant_number(struct plant *plant, struct slice name, uint32_t *ret_number,
                        bool *ret_is_new, struct error *err) D2K_MUST_CHECK;
/* Now the number is really used. */
void plant_number_given(struct plant *plant, struct slice name, uint32_t number, bool is_new);

/* Makes room for one more pointer in an array that doubles; returns where it is now. NULL: out of
 * memory, nothing changed. */
void *plant_array_reserve(void *array, size_t count, size_t *capacity) D2K_MUST_CHECK;

/* ASCII case is ignored. */
bool plant_names_equal(struct slice a, const char *b);

/* ---- values ---- */

struct update *update_hold(struct update *update); /* NULL is allowed */
void update_release(struct update *update);        /* NULL is allowed */

/* Encodes a value. D2K_NO_MEMORY, or what the encoder says. */
d2k_result plant_encode(struct plant *plant, const struct object *object, const d2k_value *value,
                        struct update **ret_update, struct error *err) D2K_MUST_CHECK;
/* Sets a value that is right for the object; its text is copied. D2K_NO_MEMORY, or what the encoder
 * says. */
d2k_result plant_set_checked(struct plant *plant, struct object *object, d2k_value *value,
                             struct error *err) D2K_MUST_CHECK;
/* Makes a value the current one and tells the readers; takes over `update` and `text`, which is
 * where the value's text stands (NULL: nowhere). */
void plant_set_current(struct plant *plant, struct object *object, const d2k_value *value,
                       char *text, struct update *update);
/* Of an object that most often has none. */
static inline uint8_t plant_limit_status(const d2k_limits *limits, const d2k_value *value)
{
    return limits == NULL ? D2K_IN_LIMIT : (uint8_t)d2k_limits_status(limits, value);
}
/* Of an object that most often has none, too: then the status bits are its owner's business. */
static inline void plant_find_alarm(const struct object *object, d2k_value *value)
{
    if (!object->alarm.has_alarms) {
        value->process_alarm = D2K_PALARM_NONE;
        value->process_alarm_time_ns = 0;
        return;
    }
    alarm_evaluate(&object->alarm, &object->value, value);
}
/* Before its value is changed for another reason than a new value: what its owner left behind when
 * it went is made invalid first. */
void plant_settle_owner(struct plant *plant, struct object *object);
/* Some more objects of owners that have gone become invalid. True: there are more. */
bool owners_tidy(struct plant *plant);
/* Its value need not be made invalid any more. */
void invalidation_settled(struct plant *plant, struct object *object);

/* history.c */

/* How many changes an object of this definition keeps; 0: none. */
uint32_t history_wanted(const struct plant *plant, const struct definition *definition);
/* From now on it keeps so many; of those it has, the newest stay. False: out of memory; then it
 * keeps what it kept. */
bool history_set(struct plant *plant, struct object *object, uint32_t entries) D2K_MUST_CHECK;
/* The update has become the current one of an object that keeps a history. */
void history_add(struct plant *plant, struct object *object, struct update *update);
/* What it has kept means nothing any more. */
void history_clear(struct plant *plant, struct object *object);
void history_free(struct plant *plant, struct object *object);

/* ---- readers ---- */

/* Something that waits in a subscriber's FIFO to be told; lies inside what it tells of. */
enum place_kind {
    PLACE_INTEREST, /* definition, newest value, as the flags of the interest say */
    PLACE_QUEUED,   /* one update in mode `every` */
    PLACE_RUN,      /* consecutive updates in mode `every` */
    PLACE_SNAPSHOT, /* stays at the front until its last object is told */
    PLACE_OVERRUNS, /* what subscriptions have lost */
    PLACE_GONE,     /* an interest whose object was deleted; owned by the FIFO */
};

struct place {
    struct place *next;
    uint8_t kind;
    bool waits; /* it is in the FIFO */
};

struct fifo {
    struct place *first, *last;
};

/* The flags: `announced`: its definition was told once; `changed`: it changed since;
 * `owes_newest`: the current value is to be told; `leaving`: no subscription is left; `paced`: not
 * each change is told (readers_pace.c).
 *
 * `base` (only while updates of it are queued one by one) is the value the reader stands at: the
 * last that was told and was current once, or the one before the first that waits. A second
 * snapshot tells it, so that values never go back.
 *
 * When the object is deleted, the interest itself becomes what is still to be told of it. */
struct interest {
    struct place place;
    union {
        struct object *object;
        uint32_t gone_hobj; /* PLACE_GONE */
    };
    struct subscriber *subscriber;
    struct update *base;
    uint32_t reader;      /* its place among the readers of the object */
    uint16_t matches;     /* subscriptions */
    uint16_t every_slot;  /* of the subscription that counts its losses */
    uint32_t queued : 24; /* its places of PLACE_QUEUED */
    uint32_t every : 1, announced : 1, changed : 1, owes_newest : 1, leaving : 1, paced : 1;
};

struct queued_update {
    struct place place;
    bool past;
    struct interest *interest;
    struct update *update;
};

/* Updates in the order of publication, one record behind the other. What many readers are to be
 * told in one go lies in one piece, and is neither copied nor counted for each of them. */
#define CHUNK_BYTES   (64u * 1024u)
#define CHUNK_UPDATES 1024u

struct chunk {
    uint32_t references;          /* the plant's while it is appended to, and those of runs */
    uint32_t count;               /* updates */
    uint32_t ends[CHUNK_UPDATES]; /* of each update's bytes */
    struct object *objects[CHUNK_UPDATES];
    uint8_t bytes[CHUNK_BYTES];
};

/* Updates first..end-1 of a chunk, which wait for one reader whose interest in each is `every`. */
struct run {
    struct place place;
    struct chunk *chunk;
    uint32_t first, end;
};

/* A subscription that waits for objects that come later. */
struct waiter {
    struct list waiting; /* in plant.patterns, stem.patterns or awaited_name.waiters */
    struct subscriber *subscriber;
    uint16_t slot;
};

struct awaiting {
    struct waiter waiter;
    struct awaited_name *awaited;
};

struct pattern {
    struct waiter waiter;
    struct stem *stem; /* of a pattern that begins with one, and a dot; else NULL */
    uint32_t position; /* of the walk: place of the next object to look at */
    uint32_t size;
    char text[];
};

/* While it is told. */
struct snapshot {
    struct place place;
    uint16_t slot;
    bool begun;
    struct interest *value_due; /* its definition is told, its value comes next */
    uint64_t told;
};

enum subscription_kind {
    SUBSCRIPTION_NONE,    /* the slot is free */
    SUBSCRIPTION_NAME,    /* a plain name, whose object it reads */
    SUBSCRIPTION_AWAITS,  /* a plain name; there is no such object that it may see */
    SUBSCRIPTION_PATTERN, /* with wildcards */
};

/* There may be ten million of them: what one needs only for a while stands elsewhere. It moves when
 * its subscriber gets more of them. */
struct subscription {
    uint32_t number;
    uint8_t kind;
    bool every, inherits, paced;
    union {
        struct object *object;
        struct awaiting *awaiting;
        struct pattern *pattern;
    };
    struct snapshot *snapshot; /* NULL: it is told */
    uint64_t request;
    uint64_t lost; /* not told yet */
};

struct subscriber {
    struct plant *plant;
    void *data;
    struct fifo fifo;
    uint32_t queued_count; /* updates in PLACE_QUEUED and PLACE_RUN */
    size_t queued_bytes;
    uint32_t snapshot_count; /* that are not told completely */
    uint32_t looks;          /* of walks, since the last DELIVERY_LATER */
    bool refuses_past;
    bool left;            /* it was freed; its interests are being taken apart */
    uint32_t taken_apart; /* so far: places of `interests` */
    struct list in_left;
    struct number_table interests;
    struct subscription *subscriptions; /* by slot */
    uint32_t slot_count, subscription_count;
    struct place overruns;
    struct paces *paces;  /* NULL: none of its subscriptions is paced */
    struct update *lent;  /* the update of the last delivery */
    struct run *lent_run; /* or its run */
};

static inline uint16_t subscription_slot(const struct subscriber *subscriber,
                                         const struct subscription *s)
{
    return (uint16_t)(s - subscriber->subscriptions);
}

/* A plain name that is just this object's. */
static inline bool subscription_names(const struct subscription *s, const struct object *object)
{
    return s->kind == SUBSCRIPTION_NAME && s->object == object;
}

static inline struct slice object_name(const struct object *object)
{
    return slice_of(object->name);
}

/* The objects that a pattern has to look at, by their places: those of its stem, or all. */
static inline struct object *const *
pattern_candidates(const struct plant *plant, const struct pattern *pattern, size_t *ret_count)
{
    const struct stem *stem = pattern->stem;
    *ret_count = stem != NULL ? stem->count : plant->object_count;
    return stem != NULL ? stem->objects : plant->objects;
}

/* Whether an object that it matches was looked at already: the walk of a pattern, which tells its
 * snapshot, makes the interests as it goes. */
static inline bool subscription_passed(const struct subscription *s, const struct object *object)
{
    const struct pattern *pattern = s->pattern;
    return s->kind != SUBSCRIPTION_PATTERN ||
           (pattern->stem != NULL ? object->stem_place : object->position) < pattern->position;
}

bool subscription_matches(const struct subscription *s, const struct object *object);
/* Whether it matches and its subscriber may see it. */
bool subscription_reads(const struct subscriber *subscriber, const struct subscription *s,
                        const struct object *object);
/* The subscription reads the object from now on. NULL: out of memory. */
struct interest *subscription_attach(struct subscriber *subscriber, const struct subscription *s,
                                     struct object *object) D2K_MUST_CHECK;

/* stems.c */

/* "Area07" of "Area07.T*"; empty: the pattern does not begin with a stem and a dot. */
struct slice stem_of_pattern(struct slice pattern);
void stems_free(struct plant *plant);
/* D2K_NO_MEMORY. */
d2k_result stem_add(struct plant *plant, struct object *object, struct error *err) D2K_MUST_CHECK;
void stem_remove(struct plant *plant, struct object *object);
/* The pattern looks at objects of this stem only, and waits for new ones. D2K_NO_MEMORY. */
d2k_result stem_wait(struct plant *plant, struct pattern *pattern, struct slice name,
                     struct error *err) D2K_MUST_CHECK;
/* Of a pattern without a stem too. */
void stem_stop_waiting(struct plant *plant, struct pattern *pattern);

/* waiting.c */

/* NULL, or a name that is forgotten if nobody waits for it any more. */
void awaited_forget(struct plant *plant, struct awaited_name *awaited);
/* The subscription, which has no kind yet, waits from now on. D2K_NO_MEMORY. */
d2k_result waiting_for_name(struct subscriber *subscriber, struct subscription *s,
                            struct slice name, struct error *err) D2K_MUST_CHECK;
d2k_result waiting_for_matching(struct subscriber *subscriber, struct subscription *s,
                                struct slice text, struct error *err) D2K_MUST_CHECK;
/* The object that the subscription awaits is there. The name stays, for others who wait for it. */
void waiting_end(struct subscription *s, struct object *object);
/* The subscription reads nothing, and waits for nothing, any more: it has no kind. */
void waiting_stop(struct plant *plant, struct subscription *s);

/* What the subscriptions to the very name of an object need to wait for it again. */
struct spares {
    struct awaited_name *awaited;
    struct list waiters; /* of struct awaiting */
};

/* Both false: out of memory. spares_free() comes last in any case. */
bool spares_begin(struct plant *plant, const struct object *object,
                  struct spares *spares) D2K_MUST_CHECK;
bool spares_add(struct spares *spares, const struct interest *interest) D2K_MUST_CHECK;
void spares_free(struct plant *plant, struct spares *spares);
/* With what was added for an interest of this subscriber. */
void waiting_again(struct subscriber *subscriber, const struct object *object,
                   struct spares *spares);

/* readers_pace.c */

/* The subscription in this slot is paced, by this rule. False: out of memory. */
bool paces_set_rule(struct subscriber *subscriber, uint16_t slot,
                    const struct pace_rule *rule) D2K_MUST_CHECK;
/* One more subscription reads the object of a subscriber that has, or had, paced ones; is_first:
 * no other does. False: out of memory. */
bool paces_attach(struct interest *interest, const struct subscription *s,
                  bool is_first) D2K_MUST_CHECK;
/* One reads it no more, others do, none of them every update. */
void paces_detach(struct interest *interest, const struct subscription *ending);
/* Nothing of it is held back any more. */
void pace_end(struct interest *interest);
void paces_free(struct subscriber *subscriber);
/* Of one that is paced: whether its current value is to be told now; else it may be held. */
bool pace_admits(struct interest *interest);
/* Its current value is being told. */
void pace_tells(struct interest *interest);

/* subscriptions.c */

/* Makes interests for all who wait for a new object, which has no value yet; a pattern whose walk
 * will come to it makes its own. On failure the object has no readers. D2K_NO_MEMORY. */
d2k_result readers_attach(struct plant *plant, struct object *object,
                          struct error *err) D2K_MUST_CHECK;

/* The object is being deleted: nobody reads it any more; whoever knew it is told; plain names wait
 * again. D2K_NO_MEMORY: nothing is changed. */
d2k_result readers_detach(struct plant *plant, struct object *object,
                          struct error *err) D2K_MUST_CHECK;

/* The definition of the object is new or has changed. */
void readers_announce(struct object *object);
/* There is a new update, which is the current one unless it is of the past; `before` is the one
 * that was current before it (NULL: none). */
void readers_tell(struct plant *plant, struct object *object, struct update *update,
                  struct update *before, bool past);

/* Puts a place at the end of the FIFO, unless it waits there already. */
void subscriber_queue(struct subscriber *subscriber, struct place *place);
/* Puts it in front of all that waits. */
void subscriber_queue_first(struct subscriber *subscriber, struct place *place);
/* The current value is to be told, behind all that waits. */
void interest_owe_newest(struct interest *interest);
void subscription_count_lost(struct subscriber *subscriber, uint16_t slot, uint64_t count);
void queued_update_free(struct subscriber *subscriber, struct queued_update *queued);

static inline uint32_t chunk_offset(const struct chunk *chunk, uint32_t index)
{
    return index == 0 ? 0 : chunk->ends[index - 1];
}

static inline uint32_t run_bytes(const struct run *run)
{
    return chunk_offset(run->chunk, run->end) - chunk_offset(run->chunk, run->first);
}

void chunk_release(struct chunk *chunk); /* NULL is allowed */
/* It no longer waits. NULL is allowed. */
void run_free(struct run *run);
/* Takes updates out of a waiting run that the subscriber has no interest in any more. Puts what
 * stays at the end of `kept`. */
void run_sweep(struct subscriber *subscriber, struct run *run, struct fifo *kept);
void fifo_append(struct fifo *fifo, struct place *place);

#endif
