/* tests/sim/sim_pace.c: readers with minimum intervals and dead bands under a seed: random values,
 * qualities, rules and times, readers that take what waits now and then. Compared with a naive
 * model, which knows of each object only what the reader was told last and when:
 *  - a value that is told either differs in quality, or is far enough from the last one and comes
 * an interval after it, by the rule that all subscriptions to the object together allow;
 *  - who takes everything whenever it is woken has, at any moment, the current value, or one within
 *    the dead band, or one whose interval is not over. So nothing is lost for good. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/pace.h"
#include "model/plant.h"

#define STEPS         2000u
#define SEEDS_DEFAULT 100u
#define OBJECTS       8u
#define SUBSCRIPTIONS 4u

/* What the encoder of this simulation writes. */
struct record {
    uint32_t hobj;
    d2k_value value;
};

/* What the reader knows of an object. */
struct known {
    bool any;
    bool free; /* a subscription ended: what the others want may begin anew, once */
    d2k_value value;
    uint64_t at_ms;
};

struct subscribed {
    bool open, all; /* of all objects, or of the first */
    bool paced;
    struct pace_rule rule;
};

static uint64_t random_state, clock_ms;
static struct plant *plant;
static struct subscriber *reader;
static struct object *objects[OBJECTS];
static struct known known[OBJECTS];
static struct subscribed subscriptions[SUBSCRIPTIONS];
static unsigned long told, held_back;
static bool in_snapshot; /* what is told then may come at any time */

static unsigned any(unsigned count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % count);
}

static uint64_t tell_time(void *context)
{
    (void)context;
    return clock_ms;
}

static d2k_result encode(struct buffer *out, uint32_t hobj, const d2k_value *value)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.hobj = hobj;
    record.value = *value;
    buffer_put(out, &record, sizeof record);
    return buffer_failed(out) ? D2K_NO_MEMORY : D2K_OK;
}

static void wake(void *context, struct subscriber *subscriber)
{
    (void)context;
    (void)subscriber;
}

/* ---- the naive model ---- */

static bool same_quality(const d2k_value *a, const d2k_value *b)
{
    return a->status == b->status && a->flags == b->flags && a->limit_status == b->limit_status;
}

static double apart(const d2k_value *a, const d2k_value *b)
{
    return a->type == D2K_TYPE_REAL ? fabs(a->content.real - b->content.real)
                                    : fabs((double)a->content.integer - (double)b->content.integer);
}

/* The shortest interval and the smallest dead band of all that read the object; false: one of them
 * has neither. */
static bool rule_of(unsigned object, struct pace_rule *ret)
{
    *ret = (struct pace_rule){PACE_INTERVAL_MAX_MS, true, INFINITY};
    for (unsigned i = 0; i < SUBSCRIPTIONS; i++) {
        const struct subscribed *s = &subscriptions[i];
        if (!s->open || !(s->all || object == 0)) {
            continue;
        }
        if (!s->paced) {
            return false;
        }
        ret->interval_ms =
            s->rule.interval_ms < ret->interval_ms ? s->rule.interval_ms : ret->interval_ms;
        ret->has_dead_band &= s->rule.has_dead_band;
        ret->dead_band = s->rule.dead_band < ret->dead_band ? s->rule.dead_band : ret->dead_band;
    }
    return true;
}

static bool within_band(const struct pace_rule *rule, const d2k_value *a, const d2k_value *b)
{
    return rule->has_dead_band && a->type != D2K_TYPE_BOOLEAN && apart(a, b) <= rule->dead_band;
}

static bool may_come(unsigned object, const d2k_value *value)
{
    struct pace_rule rule;
    const struct known *k = &known[object];
    if (!k->any || k->free || in_snapshot || !rule_of(object, &rule) ||
        !same_quality(&k->value, value)) {
        return true;
    }
    return !within_band(&rule, &k->value, value) && clock_ms - k->at_ms >= rule.interval_ms;
}

static bool knows_enough(unsigned object)
{
    struct pace_rule rule;
    const struct known *k = &known[object];
    const d2k_value *now = &objects[object]->value;
    bool read = false;
    for (unsigned i = 0; i < SUBSCRIPTIONS; i++) {
        read |= subscriptions[i].open && (subscriptions[i].all || object == 0);
    }
    if (!read || objects[object]->current == NULL) {
        return true;
    }
    if (!k->any || !same_quality(&k->value, now)) {
        return false;
    }
    if (k->value.content.integer == now->content.integer) { /* bit by bit */
        return true;
    }
    held_back++;
    return rule_of(object, &rule) &&
           (within_band(&rule, &k->value, now) || clock_ms - k->at_ms < rule.interval_ms);
}

/* ---- steps ---- */

static unsigned object_of(uint32_t hobj)
{
    unsigned i = 0;
    while (objects[i]->hobj != hobj) {
        i++;
    }
    return i;
}

static bool take(const struct delivery *d)
{
    struct record record;
    memcpy(&record, d->bytes.data, sizeof record);
    unsigned object = object_of(record.hobj);
    if (d->count != 1 || !may_come(object, &record.value)) {
        return false;
    }
    known[object] = (struct known){.any = true, .value = record.value, .at_ms = clock_ms};
    told++;
    return true;
}

static bool take_all(void)
{
    struct delivery d;
    bool good = true;
    if (plant_due_ms(plant) <= clock_ms) {
        plant_due(plant);
    }
    for (subscriber_next(reader, &d); good && d.kind != DELIVERY_NONE;
         subscriber_next(reader, &d)) {
        in_snapshot =
            d.kind == DELIVERY_SNAPSHOT_BEGIN || (in_snapshot && d.kind != DELIVERY_SNAPSHOT_END);
        good = d.kind != DELIVERY_UPDATE || take(&d);
        if (!good) {
            break;
        }
    }
    for (unsigned i = 0; good && i < OBJECTS; i++) {
        good = knows_enough(i);
    }
    return good;
}

static void publish(void)
{
    struct object *object = objects[any(OBJECTS)];
    d2k_value value = {
        .type = object->type, .status = D2K_STATUS_VALID, .time_ns = D2K_TIME_MIN_NS};
    value.status = any(20) == 0 ? D2K_STATUS_WEAK : value.status;
    value.flags = any(30) == 0;
    if (object->type == D2K_TYPE_REAL) {
        value.content.real = any(400) / 10.0;
    } else if (object->type == D2K_TYPE_INTEGER) {
        value.content.integer = any(40);
    } else {
        value.content.boolean = any(2) == 1;
    }
    if (plant_set(plant, slice_of("PC.KOM"), object, &value, D2K_TIME_MIN_NS, NULL) != D2K_OK) {
        abort();
    }
}

static void subscribe_or_not(unsigned number)
{
    struct subscribed *s = &subscriptions[number];
    struct slice pattern = slice_of(any(2) == 0 ? "Object*" : "Object0");
    if (s->open) {
        s->open = !subscriber_unsubscribe(reader, number);
        for (unsigned i = 0; i < OBJECTS; i++) {
            known[i].free = true;
        }
        return;
    }
    *s = (struct subscribed){.open = true, .all = pattern.data[6] == '*', .paced = any(5) > 0};
    s->rule = (struct pace_rule){.interval_ms = any(3) == 0 ? 0 : 1 + any(50),
                                 .has_dead_band = any(2) == 0};
    s->rule.dead_band = s->rule.has_dead_band ? any(50) / 10.0 : 0;
    s->paced &= !pace_is_empty(&s->rule);
    d2k_result result = s->paced
                            ? subscriber_subscribe_paced(reader, number, 0, &s->rule, pattern, NULL)
                            : subscriber_subscribe(reader, number, 0, false, pattern, NULL);
    if (result != D2K_OK) {
        abort();
    }
}

/* A reader that is slow takes nothing in between. */
static bool step(void)
{
    unsigned what = any(100);
    if (what < 60) {
        publish();
        return true;
    }
    if (what < 63) {
        subscribe_or_not(any(SUBSCRIPTIONS));
        return take_all();
    }
    if (what < 80) {
        clock_ms += any(20);
        return true;
    }
    return take_all();
}

static void forget_unread(void)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        bool read = false;
        for (unsigned k = 0; k < SUBSCRIPTIONS; k++) {
            read |= subscriptions[k].open && (subscriptions[k].all || i == 0);
        }
        known[i].any &= read;
    }
}

static bool run(uint64_t seed)
{
    const struct plant_hooks hooks = {.encode = encode, .wake = wake, .now_ms = tell_time};
    const d2k_type types[] = {D2K_TYPE_INTEGER, D2K_TYPE_REAL, D2K_TYPE_REAL, D2K_TYPE_BOOLEAN};
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    clock_ms = 1 + any(1000);
    memset(known, 0, sizeof known);
    memset(subscriptions, 0, sizeof subscriptions);
    in_snapshot = false;
    plant = plant_new(&hooks, (uint64_t[]){seed, 1}, 1);
    reader = plant == NULL ? NULL : subscriber_new(plant, NULL);
    if (reader == NULL) {
        abort();
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "Object%u", i);
        const struct definition definition = {.name = slice_of(name), .type = types[i % 4]};
        if (plant_define(plant, slice_of("PC.KOM"), &definition, &objects[i], NULL) != D2K_OK) {
            abort();
        }
    }
    bool good = true;
    for (unsigned i = 0; good && i < STEPS; i++) {
        good = step();
        forget_unread();
    }
    subscriber_free(reader);
    plant_free(plant);
    return good;
}

int main(int argc, char **argv)
{
    unsigned long seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : SEEDS_DEFAULT;
    unsigned long first = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    for (unsigned long seed = first; seed < first + seeds; seed++) {
        if (!run(seed)) {
            (void)fprintf(stderr, "sim_pace: seed %lu: a value came too early, or not at all\n",
                          seed);
            return 1;
        }
    }
    (void)printf("%lu seeds of %u steps: %lu values told, %lu times one was held back\n", seeds,
                 STEPS, told, held_back);
    return 0;
}
