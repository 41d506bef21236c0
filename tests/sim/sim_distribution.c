/* Simulation of the distribution: random definitions, values, owners and readers under a seed,
 * checked against a simple model of what each reader must have been told.
 *
 * Usage: sim_distribution [number of seeds] [first seed]
 *
 * The model is compiled into this program with a short queue, short chunks and few looks at once,
 * so that overruns are frequent, runs end early and walks of patterns are interrupted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/plant_private.h"

#undef PLANT_EVERY_QUEUE_MAX
#define PLANT_EVERY_QUEUE_MAX 12u
#undef CHUNK_UPDATES
#define CHUNK_UPDATES 7u
#undef PLANT_LOOKS_AT_ONCE
#define PLANT_LOOKS_AT_ONCE 9u
#include "model/alarm.c"
#include "model/computed.c"
#include "model/delivery.c"
#include "model/expression_evaluate.c"
#include "model/expression_parse.c"
#include "model/expression_tokens.c"
#include "model/expression_types.c"
#include "model/history.c"
#include "model/instances.c"
#include "model/number_table.c"
#include "model/objects.c"
#include "model/pace.c"
#include "model/processes.c"
#include "model/readers_pace.c"
#include "model/stems.c"
#include "model/subscriptions.c"
#include "model/values.c"
#include "model/waiting.c"

#define STEPS         3000u
#define OBJECTS       40u /* at most 64: sets of objects are masks */
#define OWNERS        4u
#define READERS       6u
#define SUBSCRIPTIONS 5u
#define UPDATES_MAX   (STEPS * 80u)
#define NOW           INT64_C(1700000000000000000)

/* ---- the reference: the whole truth, kept simply ---- */

struct truth_update {
    uint32_t object;
    d2k_type type;
    uint32_t status;
    int64_t content;
    bool past;
};

struct truth_object {
    bool defined;
    unsigned owner;
    d2k_type type;
    unsigned version; /* of the definition: its description */
    uint64_t newest;  /* sequence of the current value; 0: none */
    uint32_t hobj;    /* of its name, for ever */
    struct object *object;
    char name[16];
};

struct truth_subscription {
    bool used, every, begun, ended;
    uint32_t number;
    const char *pattern;
    uint64_t had_value, told_objects, told_values;
    uint64_t late;      /* defined while the snapshot is told, maybe too late for it */
    uint64_t told_gone; /* objects of the snapshot that were deleted before its end */
};

/* What one reader was told, and what it should have been. */
struct reader {
    struct subscriber *subscriber; /* NULL: none */
    bool awake, refuses_past;
    struct truth_subscription subscriptions[SUBSCRIPTIONS];
    struct truth_subscription *snapshot; /* being told */
    unsigned known[OBJECTS];             /* version told; 0: none */
    uint64_t gone_due;                   /* deleted, to be told before anything else */
    uint64_t last[OBJECTS];              /* highest sequence told */
    uint64_t every_from[OBJECTS];        /* what came later is to be told completely */
    uint64_t newest[OBJECTS];            /* highest sequence told that is not of the past */
    bool exact;                          /* the sums are to match */
    uint64_t owed, told, lost;           /* updates of objects in mode `every` */
};

static struct plant *plant;
static struct truth_object objects[OBJECTS];
static struct truth_update updates[UPDATES_MAX];
static uint64_t update_count;
static bool owner_runs[OWNERS];
static struct process *processes[OWNERS];
static struct reader readers[READERS];
static uint32_t next_subscription;
static int64_t next_content;
static unsigned next_version;
static uint64_t seen_overruns, seen_snapshots, seen_updates, seen_runs, seen_gone, seen_later,
    seen_tidied;

static const char *const owner_names[OWNERS] = {"A.KOM", "B.KOM", "C.API", "D.API"};
static const char *const patterns[] = {"*",     "o*",    "o1?",   "o?",  "o2*",   "o*7",   "o3",
                                       "O11",   "o*1*",  "x*",    "o39", "o0",    "none",  "a.*",
                                       "A.o2?", "B.o3*", "b.O39", "a*",  "*.o2*", "?.o3?", "c.*"};

/* ---- chance and failure ----
 *
 * Never two picks in one expression: their order would be the compiler's. */

static uint64_t seed, chance;
static unsigned step;

static uint64_t random_number(void)
{
    uint64_t z = (chance += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned pick(unsigned count)
{
    return (unsigned)(random_number() % count);
}

#define CHECK(condition) check((condition), #condition, __LINE__)

static void check(bool holds, const char *condition, int line)
{
    if (!holds) {
        fprintf(stderr, "seed %llu, step %u: line %d: %s\n", (unsigned long long)seed, step, line,
                condition);
        exit(1);
    }
}

/* ---- what the plant calls ---- */

struct record {
    uint32_t hobj;
    d2k_type type;
    uint32_t status;
    uint32_t past;
    int64_t content;
    uint64_t sequence; /* in the order of publication */
};

static d2k_result encode(struct buffer *out, uint32_t hobj, const d2k_value *value)
{
    struct record record = {hobj, value->type, value->status, value->past, 0, plant->sequence + 1};
    if (value->type == D2K_TYPE_INTEGER) {
        record.content = value->content.integer;
    } else if (value->type == D2K_TYPE_TEXT) {
        record.content = strtoll(value->content.text.data, NULL, 10);
    }
    buffer_put(out, &record, sizeof record);
    return D2K_OK;
}

static void wake(void *context, struct subscriber *subscriber)
{
    (void)context;
    struct reader *reader = subscriber_data(subscriber);
    reader->awake = true;
}

static uint32_t stored_hobj(void *context, struct slice name)
{
    (void)context;
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (slice_equal_text(name, objects[i].name)) {
            return objects[i].hobj;
        }
    }
    return 0;
}

/* ---- the reference works ---- */

static bool matches(const struct truth_subscription *s, unsigned object)
{
    return s->used && text_matches(slice_of(objects[object].name), slice_of(s->pattern));
}

/* In which order a pattern looks at objects is the plant's affair: it is asked how far it is, until
 * it has told that it is through. */
static bool has_reached(const struct reader *reader, const struct truth_subscription *s,
                        unsigned object)
{
    const struct subscription *asked = find_subscription(reader->subscriber, s->number);
    return s->ended || objects[object].object == NULL ||
           subscription_passed(asked, objects[object].object);
}

static bool others_read(const struct reader *reader, const struct truth_subscription *but,
                        unsigned object, bool only_every)
{
    for (unsigned i = 0; i < SUBSCRIPTIONS; i++) {
        const struct truth_subscription *s = &reader->subscriptions[i];
        if (s != but && matches(s, object) && (s->every || !only_every) &&
            has_reached(reader, s, object)) {
            return true;
        }
    }
    return false;
}

static bool reads(const struct reader *reader, unsigned object, bool only_every)
{
    return others_read(reader, NULL, object, only_every);
}

static void truth_append(unsigned object, struct truth_update update)
{
    CHECK(update_count + 1 < UPDATES_MAX);
    update.object = object;
    updates[++update_count] = update;
    if (!update.past) {
        objects[object].newest = update_count;
    }
    for (unsigned i = 0; i < READERS; i++) {
        if (readers[i].subscriber != NULL && reads(&readers[i], object, true) &&
            !(update.past && readers[i].refuses_past)) {
            readers[i].owed++;
        }
    }
}

static uint64_t defined_matches(const struct truth_subscription *s)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (objects[i].defined && matches(s, i)) {
            mask |= UINT64_C(1) << i;
        }
    }
    return mask;
}

/* ---- what a reader is told is checked ---- */

static unsigned index_of(const struct object *object)
{
    const char *dot = strchr(object->name, '.');
    long index = strtol(dot != NULL ? dot + 2 : object->name + 1, NULL, 10);
    CHECK(index >= 0 && index < (long)OBJECTS && objects[index].object == object);
    return (unsigned)index;
}

static struct truth_subscription *subscription_of(struct reader *reader, uint32_t number)
{
    for (unsigned i = 0; i < SUBSCRIPTIONS; i++) {
        if (reader->subscriptions[i].used && reader->subscriptions[i].number == number) {
            return &reader->subscriptions[i];
        }
    }
    bool subscription_exists = false;
    CHECK(subscription_exists);
    return NULL;
}

/* An object that begins to be read was never told; one that begins to be read in mode `every`
 * counts from now on. */
static void begin_reading(struct reader *reader, const struct truth_subscription *s, unsigned index)
{
    if (!others_read(reader, s, index, false)) {
        reader->known[index] = 0;
        reader->last[index] = 0;
        reader->newest[index] = 0;
    }
    if (s->every && !others_read(reader, s, index, true)) {
        reader->every_from[index] = update_count;
    }
}

static void told_object(struct reader *reader, const struct object *object)
{
    unsigned index = index_of(object);
    uint64_t bit = UINT64_C(1) << index;
    CHECK(reads(reader, index, false));
    CHECK(reader->gone_due == 0);
    if (reader->snapshot != NULL && text_is_pattern(slice_of(reader->snapshot->pattern))) {
        begin_reading(reader, reader->snapshot, index);
    }
    reader->known[index] = (unsigned)strtoul(object->description, NULL, 10);
    if (reader->snapshot != NULL) {
        CHECK(matches(reader->snapshot, index));
        CHECK((reader->snapshot->told_objects & bit) == 0);
        reader->snapshot->told_objects |= bit;
    }
}

static void check_record(const struct record *record, unsigned index)
{
    CHECK(record->sequence >= 1 && record->sequence <= update_count);
    const struct truth_update *truth = &updates[record->sequence];
    CHECK(truth->object == index && record->hobj == objects[index].object->hobj);
    CHECK(record->type == truth->type && record->status == truth->status);
    CHECK(record->content == truth->content && (record->past != 0) == truth->past);
}

static void told_update(struct reader *reader, const struct record *record)
{
    unsigned index = index_of(plant_object(plant, record->hobj));
    uint64_t bit = UINT64_C(1) << index, sequence = record->sequence;
    seen_updates++;
    CHECK(reads(reader, index, false));
    CHECK(reader->known[index] != 0 && reader->gone_due == 0);
    check_record(record, index);
    CHECK(sequence > reader->last[index] || reader->snapshot != NULL ||
          (sequence == reader->newest[index] && !reads(reader, index, true)));
    CHECK(sequence >= reader->newest[index]);
    CHECK(!(updates[sequence].past && reader->refuses_past));
    CHECK(!updates[sequence].past || (reads(reader, index, true) && reader->snapshot == NULL));
    if (sequence > reader->last[index] && sequence > reader->every_from[index] &&
        reads(reader, index, true)) {
        reader->told++;
    }
    if (sequence > reader->last[index]) {
        reader->last[index] = sequence;
    }
    if (!updates[sequence].past) {
        reader->newest[index] = sequence;
    }
    if (reader->snapshot != NULL) {
        CHECK((reader->snapshot->told_objects & bit) != 0);
        CHECK((reader->snapshot->told_values & bit) == 0);
        reader->snapshot->told_values |= bit;
    }
}

static void told_updates(struct reader *reader, const struct delivery *d)
{
    struct record record;
    CHECK(d->count > 0 && d->bytes.size == d->count * sizeof record);
    CHECK((d->object != NULL) == (d->count == 1));
    seen_runs += d->count > 1;
    for (uint64_t i = 0; i < d->count; i++) {
        memcpy(&record, d->bytes.data + i * sizeof record, sizeof record);
        CHECK(d->object == NULL || d->object->hobj == record.hobj);
        told_update(reader, &record);
    }
}

static void told_begin(struct reader *reader, uint32_t number)
{
    struct truth_subscription *s = subscription_of(reader, number);
    CHECK(reader->snapshot == NULL && !s->begun);
    s->begun = true;
    reader->snapshot = s;
}

static void told_end(struct reader *reader, uint32_t number, uint64_t count)
{
    struct truth_subscription *s = subscription_of(reader, number);
    CHECK(reader->snapshot == s && !s->ended);
    CHECK((s->told_objects & ~defined_matches(s)) == 0);
    CHECK((defined_matches(s) & ~s->told_objects & ~s->late) == 0);
    CHECK((s->had_value & ~s->told_values) == 0);
    CHECK(count == (uint64_t)__builtin_popcountll(s->told_objects) + s->told_gone);
    s->ended = true;
    reader->snapshot = NULL;
    seen_snapshots++;
}

static void told_overrun(struct reader *reader, uint32_t number, uint64_t count)
{
    const struct truth_subscription *s = subscription_of(reader, number);
    CHECK(reader->snapshot == NULL && s->ended && s->every && count > 0);
    reader->lost += count;
    seen_overruns++;
}

static void told_gone(struct reader *reader, uint32_t hobj)
{
    unsigned index = 0;
    while (index < OBJECTS && objects[index].hobj != hobj) {
        index++;
    }
    CHECK(index < OBJECTS && (reader->gone_due >> index & 1) != 0);
    reader->gone_due &= ~(UINT64_C(1) << index);
    seen_gone++;
}

/* False: there was nothing to tell. */
static bool take_one(struct reader *reader)
{
    struct delivery d;
    subscriber_next(reader->subscriber, &d);
    if (d.kind == DELIVERY_NONE) {
        reader->awake = false;
        return false;
    }
    CHECK(reader->awake);
    switch (d.kind) {
    case DELIVERY_SNAPSHOT_BEGIN:
        told_begin(reader, d.subscription);
        break;
    case DELIVERY_OBJECT:
        told_object(reader, d.object);
        break;
    case DELIVERY_UPDATE:
        told_updates(reader, &d);
        break;
    case DELIVERY_SNAPSHOT_END:
        told_end(reader, d.subscription, d.count);
        break;
    case DELIVERY_OVERRUN:
        told_overrun(reader, d.subscription, d.count);
        break;
    case DELIVERY_GONE:
        told_gone(reader, d.hobj);
        break;
    case DELIVERY_LATER:
        CHECK(reader->snapshot != NULL);
        seen_later++;
        break;
    case DELIVERY_NO_MEMORY:
        CHECK(d.kind != DELIVERY_NO_MEMORY);
        break;
    case DELIVERY_NONE:
        break;
    }
    return true;
}

/* A reader that has taken everything knows the plant. */
static void check_view(const struct reader *reader)
{
    for (unsigned i = 0; i < SUBSCRIPTIONS; i++) {
        CHECK(!reader->subscriptions[i].used || reader->subscriptions[i].ended);
    }
    CHECK(reader->gone_due == 0);
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (objects[i].defined && reads(reader, i, false)) {
            CHECK(reader->known[i] == objects[i].version);
            CHECK(reader->newest[i] == objects[i].newest);
        }
    }
    if (reader->exact) {
        CHECK(reader->told + reader->lost == reader->owed);
    }
}

static void drain(struct reader *reader)
{
    while (take_one(reader)) {
    }
    check_view(reader);
    reader->exact = true;
    reader->owed = 0;
    reader->told = 0;
    reader->lost = 0;
}

/* ---- steps ---- */

static void mark_late(unsigned index)
{
    for (unsigned i = 0; i < READERS; i++) {
        for (unsigned j = 0; j < SUBSCRIPTIONS; j++) {
            readers[i].subscriptions[j].late |= UINT64_C(1) << index;
        }
    }
}

/* A snapshot that is being told may have passed the place that the object will take. */
static bool will_fill_a_hole(const struct truth_object *truth)
{
    const struct stem *stem = map_get(&plant->stems, up_to_separator(slice_of(truth->name)));
    return plant->hole_count > 0 || (stem != NULL && stem->hole_count > 0);
}

static void define_object(unsigned index, unsigned owner, d2k_type type)
{
    struct truth_object *truth = &objects[index];
    bool fills_hole = will_fill_a_hole(truth);
    char description[16];
    snprintf(description, sizeof description, "%u", ++next_version);
    const struct definition definition = {
        .name = slice_of(truth->name), .description = slice_of(description), .type = type};
    d2k_result result =
        plant_define(plant, slice_of(owner_names[owner]), &definition, &truth->object, NULL);
    if (truth->defined && truth->owner != owner) {
        CHECK(result == D2K_NOT_ALLOWED);
        return;
    }
    CHECK(result == D2K_OK);
    truth->version = next_version;
    if (truth->defined && truth->type != type && truth->newest != 0) {
        truth_append(index, (struct truth_update){.type = D2K_TYPE_NONE});
    }
    if (!truth->defined && fills_hole) {
        mark_late(index);
    }
    truth->defined = true;
    truth->owner = owner;
    truth->type = type;
    truth->hobj = truth->object->hobj;
}

static void step_define(void)
{
    unsigned owner = pick(OWNERS);
    if (owner_runs[owner]) {
        unsigned index = pick(OBJECTS);
        define_object(index, owner, pick(3) == 0 ? D2K_TYPE_TEXT : D2K_TYPE_INTEGER);
    }
}

/* In the eyes of a reader; `waits`: something of it may wait for the reader still. */
static void forget_object(struct reader *reader, unsigned index, bool waits)
{
    uint64_t bit = UINT64_C(1) << index;
    if (waits && reads(reader, index, true)) {
        reader->exact = false; /* what waits of it is dropped */
    }
    for (unsigned i = 0; i < SUBSCRIPTIONS; i++) {
        struct truth_subscription *s = &reader->subscriptions[i];
        s->had_value &= ~bit;
        if (!s->ended && (s->told_objects & bit) != 0) {
            s->told_objects &= ~bit;
            s->told_values &= ~bit;
            s->told_gone++;
        }
    }
    if (reader->known[index] != 0 && reads(reader, index, false)) {
        reader->gone_due |= bit;
    }
    reader->known[index] = 0;
    reader->last[index] = 0;
    reader->newest[index] = 0;
}

static void step_delete(void)
{
    unsigned index = pick(OBJECTS);
    struct truth_object *truth = &objects[index];
    if (!truth->defined) {
        return;
    }
    for (unsigned i = 0; i < READERS; i++) {
        bool drained = pick(2) == 0;
        if (readers[i].subscriber != NULL && drained) {
            drain(&readers[i]);
        }
        if (readers[i].subscriber != NULL) {
            forget_object(&readers[i], index, !drained);
        }
    }
    CHECK(plant_delete(plant, truth->object, NULL) == D2K_OK);
    truth->defined = false;
    truth->object = NULL;
    truth->newest = 0;
}

static void set_object(unsigned index, bool past)
{
    struct truth_object *truth = &objects[index];
    char text[24];
    if (!truth->defined || !owner_runs[truth->owner]) {
        return;
    }
    int64_t content = ++next_content;
    snprintf(text, sizeof text, "%lld", (long long)content);
    d2k_value value = truth->type == D2K_TYPE_TEXT ? d2k_text(text) : d2k_integer(content);
    if (pick(5) == 0) {
        value.status = D2K_STATUS_MANUAL;
    }
    value.past = past;
    CHECK(plant_set(plant, slice_of(owner_names[truth->owner]), truth->object, &value, NOW, NULL) ==
          D2K_OK);
    truth_append(
        index, (struct truth_update){
                   .type = truth->type, .status = value.status, .content = content, .past = past});
}

static void step_burst(void)
{
    unsigned index = pick(OBJECTS), other = pick(OBJECTS);
    for (unsigned left = pick(30); left > 0; left--) {
        bool past = pick(10) == 0;
        set_object(pick(4) == 0 ? other : index, past);
    }
}

static void start_owner(unsigned owner)
{
    struct process facts = {.since_ns = NOW, .name = owner_names[owner]};
    CHECK(plant_process_start(plant, &facts, &processes[owner], NULL) == D2K_OK);
    owner_runs[owner] = true;
}

static void step_owner(void)
{
    unsigned owner = pick(OWNERS);
    if (!owner_runs[owner]) {
        start_owner(owner);
        return;
    }
    owner_runs[owner] = false;
    plant_process_end(plant, processes[owner], PROCESS_CRASH, NOW);
    const struct owner *gone = map_get(&plant->owners, slice_of(owner_names[owner]));
    if (gone == NULL) {
        return;
    }
    LIST_EACH(&gone->objects, at, following)
    {
        unsigned index = index_of(LIST_MEMBER(at, struct object, of_owner));
        struct truth_update update = updates[objects[index].newest];
        if ((update.status & D2K_STATUS_VALID) != 0) {
            update.status &= ~D2K_STATUS_VALID;
            truth_append(index, update);
        }
    }
}

static void step_subscribe(struct reader *reader)
{
    struct truth_subscription *place = &reader->subscriptions[pick(SUBSCRIPTIONS)];
    if (place->used) {
        return;
    }
    struct truth_subscription s = {.used = true, .number = ++next_subscription};
    s.every = pick(2) == 0;
    s.pattern = patterns[pick(sizeof patterns / sizeof patterns[0])];
    if (pick(2) == 0) {
        drain(reader);
    } else if (s.every) {
        reader->exact = false; /* what waits in mode `latest` blurs the sums */
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (matches(&s, i) && objects[i].newest != 0) {
            s.had_value |= UINT64_C(1) << i;
        }
        if (matches(&s, i) && !text_is_pattern(slice_of(s.pattern))) {
            begin_reading(reader, &s, i);
        }
    }
    CHECK(subscriber_subscribe(reader->subscriber, s.number, 0, s.every, slice_of(s.pattern),
                               NULL) == D2K_OK);
    *place = s;
}

static void step_unsubscribe(struct reader *reader)
{
    struct truth_subscription *s = &reader->subscriptions[pick(SUBSCRIPTIONS)];
    if (!s->used) {
        CHECK(!subscriber_unsubscribe(reader->subscriber, next_subscription + 1));
        return;
    }
    if (pick(2) == 0) {
        drain(reader);
    } else if (s->every) {
        reader->exact = false; /* what waits is gone, and heirs may tell too high a loss */
    }
    CHECK(subscriber_unsubscribe(reader->subscriber, s->number));
    if (reader->snapshot == s) {
        reader->snapshot = NULL;
    }
    s->used = false;
}

static void end_reader(struct reader *reader)
{
    subscriber_free(reader->subscriber);
    memset(reader, 0, sizeof *reader);
}

static void new_reader(struct reader *reader)
{
    memset(reader, 0, sizeof *reader);
    reader->subscriber = subscriber_new(plant, reader);
    reader->exact = true;
    CHECK(reader->subscriber != NULL);
    reader->refuses_past = pick(4) == 0;
    subscriber_take_past(reader->subscriber, !reader->refuses_past);
}

static void step_reader(void)
{
    struct reader *reader = &readers[pick(READERS)];
    unsigned what = pick(100);
    if (reader->subscriber == NULL) {
        new_reader(reader);
    } else if (what < 2) {
        end_reader(reader);
    } else if (what < 15) {
        step_subscribe(reader);
    } else if (what < 25) {
        step_unsubscribe(reader);
    } else if (what < 35) {
        drain(reader);
    } else {
        for (unsigned left = pick(20); left > 0 && take_one(reader); left--) {
        }
    }
}

static void take_step(void)
{
    unsigned what = pick(100);
    if (what < 10) {
        step_define();
    } else if (what < 50) {
        bool past = pick(10) == 0;
        set_object(pick(OBJECTS), past);
    } else if (what < 58) {
        step_burst();
    } else if (what < 61) {
        step_owner();
    } else if (what < 63) {
        step_delete();
    } else if (what < 65) {
        seen_tidied += plant_tidy(plant);
    } else {
        step_reader();
    }
}

/* ---- one seed ---- */

static void begin_world(void)
{
    const struct plant_hooks hooks = {.encode = encode, .wake = wake, .stored_hobj = stored_hobj};
    const uint64_t table_seed[2] = {random_number(), 1};
    memset(objects, 0, sizeof objects);
    update_count = 0;
    next_version = 0;
    for (unsigned i = 0; i < OBJECTS; i++) {
        const char *const stems[] = {"", "a.", "B."};
        const char *stem = stems[i < OBJECTS / 2 ? 0 : 1 + i % 2];
        snprintf(objects[i].name, sizeof objects[i].name, "%so%u", stem, i);
    }
    plant = plant_new(&hooks, table_seed, 1 + pick(1000));
    CHECK(plant != NULL);
    for (unsigned i = 0; i < OWNERS; i++) {
        start_owner(i);
    }
}

static void end_world(void)
{
    for (unsigned i = 0; i < READERS; i++) {
        if (readers[i].subscriber != NULL) {
            drain(&readers[i]);
            CHECK(readers[i].subscriber->queued_count == 0);
            CHECK(readers[i].subscriber->queued_bytes == 0);
            end_reader(&readers[i]);
        }
    }
    while (plant_tidy(plant)) {
    }
    for (size_t at = 0; at < plant_object_end(plant); at++) {
        const struct object *object = plant_object_at(plant, at);
        if (object == NULL) {
            continue;
        }
        CHECK(object->reader_count == 0);
        CHECK(object->current == NULL || object->current->references == 1);
    }
    CHECK(list_empty(&plant->patterns) && plant->awaited.count == 0);
    for (unsigned i = 0; i < plant->stems.capacity; i++) {
        const struct stem *stem = plant->stems.entries[i].value;
        CHECK(stem == NULL || list_empty(&stem->patterns));
    }
    plant_free(plant);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (seed = first; seed < first + count; seed++) {
        chance = seed;
        begin_world();
        for (step = 0; step < STEPS; step++) {
            take_step();
        }
        end_world();
    }
    CHECK(seen_overruns > count && seen_snapshots > count && seen_runs > count &&
          seen_gone > count && seen_later > count &&
          seen_tidied > count); /* else nothing was tried */
    printf("%llu seeds of %u steps: %llu updates told, %llu snapshots, %llu overruns\n",
           (unsigned long long)count, STEPS, (unsigned long long)seen_updates,
           (unsigned long long)seen_snapshots, (unsigned long long)seen_overruns);
    return 0;
}
