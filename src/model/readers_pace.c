/* model/readers_pace.c: readers that want an object at most once an interval, or not for every
 * small change (model/pace.h).
 *
 * What is known of such an interest stands in a record beside it, so that all others cost nothing.
 * Records whose value has to wait for the end of an interval stand in a heap by that time. */
#include <stdlib.h>
#include <string.h>

#include "model/plant_private.h"

#define NOT_HELD UINT32_MAX

/* Of one object that one subscriber reads so. */
struct pace {
    struct interest *interest;
    uint32_t hobj;
    struct pace_rule rule;
    struct pace_told told;
    uint64_t due_ms;
    uint32_t held_place; /* in the heap; NOT_HELD: its value does not wait */
};

/* Of one subscriber. */
struct paces {
    struct number_table records;
    struct pace_rule *rules; /* of its subscriptions, by slot */
    uint32_t rule_count;
};

static uint32_t pace_number(const void *entry)
{
    return ((const struct pace *)entry)->hobj;
}

static uint64_t now_ms(const struct plant *plant)
{
    return plant->hooks.now_ms == NULL ? 0 : plant->hooks.now_ms(plant->hooks.context);
}

/* ---- the heap ---- */

static void held_put(struct held *held, struct pace *pace, uint32_t place)
{
    held->heap[place] = pace;
    pace->held_place = place;
}

static void held_up(struct held *held, struct pace *pace, uint32_t place)
{
    while (place > 0 && pace->due_ms < held->heap[(place - 1) / 2]->due_ms) {
        held_put(held, held->heap[(place - 1) / 2], place);
        place = (place - 1) / 2;
    }
    held_put(held, pace, place);
}

static void held_down(struct held *held, struct pace *pace, uint32_t place)
{
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child + 1 < held->count && held->heap[child + 1]->due_ms < held->heap[child]->due_ms) {
            child++;
        }
        if (child >= held->count || pace->due_ms <= held->heap[child]->due_ms) {
            break;
        }
        held_put(held, held->heap[child], place);
        place = child;
    }
    held_put(held, pace, place);
}

static void held_remove(struct held *held, struct pace *pace)
{
    uint32_t place = pace->held_place;
    if (place == NOT_HELD) {
        return;
    }
    struct pace *last = held->heap[--held->count];
    pace->held_place = NOT_HELD;
    if (last != pace) {
        held_up(held, last, place);
        held_down(held, last, last->held_place);
    }
}

/* There is room for each record. One that is held already may have got another rule. */
static void hold(struct held *held, struct pace *pace)
{
    uint64_t due_ms = pace->told.at_ms + pace->rule.interval_ms;
    if (pace->held_place != NOT_HELD && pace->due_ms == due_ms) {
        return;
    }
    held_remove(held, pace);
    pace->due_ms = due_ms;
    held_up(held, pace, held->count++);
}

static bool held_make_room(struct held *held)
{
    if (held->records == held->capacity) {
        uint32_t capacity = held->capacity == 0 ? 16 : held->capacity * 2;
        struct pace **grown = realloc(held->heap, capacity * sizeof(struct pace *));
        if (grown == NULL) {
            return false;
        }
        held->heap = grown;
        held->capacity = capacity;
    }
    return true;
}

/* ---- records ---- */

static struct pace *pace_of(const struct interest *interest)
{
    return number_table_get(&interest->subscriber->paces->records, interest->object->hobj);
}

static bool pace_begin(struct interest *interest, const struct pace_rule *rule)
{
    struct held *held = &interest->subscriber->plant->held;
    struct pace *pace = held_make_room(held) ? calloc(1, sizeof *pace) : NULL;
    if (pace == NULL) {
        return false;
    }
    pace->interest = interest;
    pace->hobj = interest->object->hobj;
    pace->rule = *rule;
    pace->held_place = NOT_HELD;
    if (!number_table_add(&interest->subscriber->paces->records, pace)) {
        free(pace);
        return false;
    }
    held->records++;
    interest->paced = true;
    return true;
}

void pace_end(struct interest *interest)
{
    struct held *held = &interest->subscriber->plant->held;
    if (!interest->paced) {
        return;
    }
    struct pace *pace = pace_of(interest);
    held_remove(held, pace);
    held->records--;
    number_table_remove(&interest->subscriber->paces->records, pace);
    free(pace);
    interest->paced = false;
}

/* ---- rules of subscriptions ---- */

static struct paces *paces_obtain(struct subscriber *subscriber)
{
    if (subscriber->paces == NULL) {
        subscriber->paces = calloc(1, sizeof *subscriber->paces);
        if (subscriber->paces != NULL) {
            number_table_init(&subscriber->paces->records, pace_number);
        }
    }
    return subscriber->paces;
}

bool paces_set_rule(struct subscriber *subscriber, uint16_t slot, const struct pace_rule *rule)
{
    struct paces *paces = paces_obtain(subscriber);
    if (paces == NULL) {
        return false;
    }
    if (slot >= paces->rule_count) {
        struct pace_rule *grown =
            realloc(paces->rules, subscriber->slot_count * sizeof(struct pace_rule));
        if (grown == NULL) {
            return false;
        }
        paces->rules = grown;
        paces->rule_count = subscriber->slot_count;
    }
    paces->rules[slot] = *rule;
    return true;
}

void paces_free(struct subscriber *subscriber)
{
    if (subscriber->paces != NULL) {
        number_table_free(&subscriber->paces->records);
        free(subscriber->paces->rules);
        free(subscriber->paces);
    }
}

bool paces_attach(struct interest *interest, const struct subscription *s, bool is_first)
{
    struct subscriber *subscriber = interest->subscriber;
    if (!s->paced) {
        pace_end(interest);
        return true;
    }
    const struct pace_rule *rule = &subscriber->paces->rules[subscription_slot(subscriber, s)];
    if (is_first) {
        return pace_begin(interest, rule);
    }
    if (interest->paced) {
        struct pace *pace = pace_of(interest);
        pace->rule = pace_both(&pace->rule, rule);
        if (pace_is_empty(&pace->rule)) {
            pace_end(interest);
        }
    }
    return true;
}

/* What all that read the object want together, but for the one that ends; false: one of them wants
 * every change. */
static bool rule_of_others(const struct interest *interest, const struct subscription *ending,
                           struct pace_rule *ret_rule)
{
    const struct subscriber *subscriber = interest->subscriber;
    bool some = false;
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        const struct subscription *s = &subscriber->subscriptions[i];
        if (s == ending || !subscription_matches(s, interest->object) ||
            !subscription_passed(s, interest->object)) {
            continue;
        }
        if (!s->paced) {
            return false;
        }
        *ret_rule =
            some ? pace_both(ret_rule, &subscriber->paces->rules[i]) : subscriber->paces->rules[i];
        some = true;
    }
    return some && !pace_is_empty(ret_rule);
}

/* Without memory for a record it is told more than it asked for. */
void paces_detach(struct interest *interest, const struct subscription *ending)
{
    struct pace_rule rule;
    if (!rule_of_others(interest, ending, &rule)) {
        return;
    }
    if (interest->paced) {
        pace_of(interest)->rule = rule;
    } else {
        (void)pace_begin(interest, &rule);
    }
}

/* ---- telling ---- */

bool pace_admits(struct interest *interest)
{
    struct plant *plant = interest->subscriber->plant;
    struct object *object = interest->object;
    struct pace *pace = pace_of(interest);
    enum pace_answer answer = pace_ask(&pace->rule, &pace->told, object->current->sequence,
                                       &object->value, now_ms(plant));
    if (answer == PACE_LATER) {
        hold(&plant->held, pace);
    }
    return answer == PACE_NOW;
}

void pace_tells(struct interest *interest)
{
    const struct object *object = interest->object;
    pace_note(&pace_of(interest)->told, object->current->sequence, &object->value,
              now_ms(interest->subscriber->plant));
}

uint64_t plant_due_ms(const struct plant *plant)
{
    return plant->held.count == 0 ? UINT64_MAX : plant->held.heap[0]->due_ms;
}

void plant_due(struct plant *plant)
{
    struct held *held = &plant->held;
    uint64_t now = now_ms(plant);
    for (uint32_t i = 0; i < PLANT_LOOKS_AT_ONCE && plant_due_ms(plant) <= now; i++) {
        struct pace *pace = held->heap[0];
        held_remove(held, pace);
        if (!pace->interest->owes_newest && pace_admits(pace->interest)) {
            interest_owe_newest(pace->interest);
        }
    }
}
