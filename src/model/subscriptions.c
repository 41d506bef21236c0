/* model/subscriptions.c: who wants which objects: subscribers, their subscriptions, and the
 * interests that tie them to objects. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/plant_private.h"

#define SLOTS_AT_ONCE 2u /* for subscriptions, of which most have a few */

static uint32_t interest_number(const void *entry)
{
    return ((const struct interest *)entry)->object->hobj;
}

struct subscriber *subscriber_new(struct plant *plant, void *owner_data)
{
    struct subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (subscriber == NULL) {
        return NULL;
    }
    subscriber->plant = plant;
    subscriber->data = owner_data;
    subscriber->overruns.kind = PLACE_OVERRUNS;
    number_table_init(&subscriber->interests, interest_number);
    return subscriber;
}

void *subscriber_data(const struct subscriber *subscriber)
{
    return subscriber->data;
}

void subscriber_take_past(struct subscriber *subscriber, bool takes)
{
    subscriber->refuses_past = !takes;
}

bool subscription_matches(const struct subscription *s, const struct object *object)
{
    switch ((enum subscription_kind)s->kind) {
    case SUBSCRIPTION_NAME:
        return s->object == object;
    case SUBSCRIPTION_AWAITS:
        return plant_names_equal(slice_of(s->awaiting->awaited->name), object->name);
    case SUBSCRIPTION_PATTERN:
        return text_matches(object_name(object),
                            (struct slice){s->pattern->text, s->pattern->size});
    case SUBSCRIPTION_NONE:
        break;
    }
    return false;
}

static bool may_see(const struct subscriber *subscriber, const struct object *object)
{
    const struct plant_hooks *hooks = &subscriber->plant->hooks;
    return hooks->may_see == NULL || hooks->may_see(hooks->context, subscriber->data, object);
}

bool subscription_reads(const struct subscriber *subscriber, const struct subscription *s,
                        const struct object *object)
{
    return subscription_matches(s, object) && may_see(subscriber, object);
}

/* ---- interests ---- */

static bool reserve_reader(struct object *object)
{
    if (object->reader_count < object->reader_capacity) {
        return true;
    }
    uint32_t capacity = object->reader_capacity == 0 ? 2 : object->reader_capacity * 2;
    struct interest **readers = realloc(object->readers, capacity * sizeof *readers);
    if (readers == NULL) {
        return false;
    }
    object->readers = readers;
    object->reader_capacity = capacity;
    return true;
}

/* There is room. */
static void start_reading(struct interest *interest, struct object *object)
{
    interest->object = object;
    interest->reader = object->reader_count;
    object->readers[object->reader_count++] = interest;
}

static void stop_reading(struct interest *interest)
{
    struct object *object = interest->object;
    struct interest *last = object->readers[--object->reader_count];
    object->readers[interest->reader] = last;
    last->reader = interest->reader;
    if (object->reader_count == 0) {
        free(object->readers);
        object->readers = NULL;
        object->reader_capacity = 0;
    }
}

static void interest_free(struct interest *interest)
{
    pace_end(interest);
    stop_reading(interest);
    update_release(interest->base);
    free(interest);
}

static struct interest *interest_new(struct subscriber *subscriber, struct object *object)
{
    struct interest *interest = reserve_reader(object) ? calloc(1, sizeof *interest) : NULL;
    if (interest == NULL) {
        return NULL;
    }
    interest->place.kind = PLACE_INTEREST;
    interest->object = object;
    interest->subscriber = subscriber;
    if (!number_table_add(&subscriber->interests, interest)) {
        free(interest);
        return NULL;
    }
    start_reading(interest, object);
    return interest;
}

/* From here on each update is to come. The current value, should it still wait to be told, comes
 * with the snapshot of the subscription that asks for `every`. */
static void begin_every(struct interest *interest, uint16_t slot)
{
    interest->every = true;
    interest->every_slot = slot;
    interest->owes_newest = false;
}

/* Its first subscription cannot read it after all. */
static void interest_give_back(struct subscriber *subscriber, struct interest *interest)
{
    number_table_remove(&subscriber->interests, interest);
    interest_free(interest);
}

struct interest *subscription_attach(struct subscriber *subscriber, const struct subscription *s,
                                     struct object *object)
{
    struct interest *interest = number_table_get(&subscriber->interests, object->hobj);
    if (interest == NULL) {
        interest = interest_new(subscriber, object);
        if (interest == NULL) {
            return NULL;
        }
    }
    interest->matches++;
    if (s->every && !interest->every) {
        begin_every(interest, subscription_slot(subscriber, s));
    }
    if (subscriber->paces != NULL && !paces_attach(interest, s, interest->matches == 1)) {
        interest_give_back(subscriber, interest);
        return NULL;
    }
    return interest;
}

static void end_every(struct interest *interest)
{
    interest->every = false;
    update_release(interest->base);
    interest->base = NULL;
    interest_owe_newest(interest);
}

/* Another subscription of this subscriber that wants every update of the object. */
static struct subscription *other_every(const struct subscriber *subscriber,
                                        const struct subscription *s, const struct object *object)
{
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct subscription *other = &subscriber->subscriptions[i];
        if (other != s && other->every && subscription_matches(other, object) &&
            subscription_passed(other, object)) {
            return other;
        }
    }
    return NULL;
}

static void forget_pace_of(struct interest *interest, const struct subscription *ending)
{
    if (interest->subscriber->paces != NULL) {
        paces_detach(interest, ending);
    }
}

/* Takes one match away. True: there may be places in the FIFO that must go. */
static bool detach(const struct subscription *s, struct interest *interest)
{
    const struct subscriber *subscriber = interest->subscriber;
    if (!subscription_matches(s, interest->object) || !subscription_passed(s, interest->object)) {
        return false;
    }
    interest->matches--;
    if (interest->matches == 0) {
        interest->leaving = true;
        return interest->place.waits || interest->every;
    }
    if (!interest->every) {
        forget_pace_of(interest, s);
        return false;
    }
    if (interest->every_slot != subscription_slot(subscriber, s)) {
        return false;
    }
    struct subscription *heir = other_every(subscriber, s, interest->object);
    if (heir == NULL) {
        end_every(interest);
        forget_pace_of(interest, s);
        return true;
    }
    interest->every_slot = subscription_slot(subscriber, heir);
    heir->inherits = true;
    return false;
}

/* Of a subscription to a plain name. NULL: it reads nothing. */
static struct interest *interest_of(const struct subscriber *subscriber,
                                    const struct subscription *s)
{
    return s->kind == SUBSCRIPTION_NAME ? number_table_get(&subscriber->interests, s->object->hobj)
                                        : NULL;
}

static bool detach_all(struct subscriber *subscriber, const struct subscription *s)
{
    struct number_table *interests = &subscriber->interests;
    bool must_sweep = false;
    if (s->kind != SUBSCRIPTION_PATTERN) {
        struct interest *interest = interest_of(subscriber, s);
        return interest != NULL && detach(s, interest);
    }
    for (uint32_t i = 0; i < interests->capacity; i++) {
        if (interests->entries[i] != NULL && detach(s, interests->entries[i])) {
            must_sweep = true;
        }
    }
    return must_sweep;
}

/* Of a place that is told as a whole or not at all. */
static bool is_obsolete(const struct subscription *ending, struct place *place)
{
    const struct interest *interest = NULL;
    if (place->kind == PLACE_INTEREST) {
        return LIST_MEMBER(place, struct interest, place)->leaving;
    }
    if (place->kind == PLACE_QUEUED) {
        interest = LIST_MEMBER(place, struct queued_update, place)->interest;
        return interest->leaving || !interest->every;
    }
    return ending != NULL && ending->snapshot != NULL && place == &ending->snapshot->place;
}

/* Takes out what is not wanted any more: of interests that leave, and of the subscription that ends
 * (NULL: none does). */
static void sweep_fifo(struct subscriber *subscriber, const struct subscription *ending)
{
    struct fifo kept = {0};
    struct place *following = NULL;
    for (struct place *at = subscriber->fifo.first; at != NULL; at = following) {
        following = at->next;
        at->next = NULL;
        if (at->kind == PLACE_RUN) {
            run_sweep(subscriber, LIST_MEMBER(at, struct run, place), &kept);
        } else if (!is_obsolete(ending, at)) {
            fifo_append(&kept, at);
        } else if (at->kind == PLACE_QUEUED) {
            queued_update_free(subscriber, LIST_MEMBER(at, struct queued_update, place));
        } else {
            at->waits = false;
        }
    }
    subscriber->fifo = kept;
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        const struct subscription *s = &subscriber->subscriptions[i];
        if (s != ending && s->lost > 0) {
            subscriber_queue(subscriber, &subscriber->overruns);
        }
    }
}

static void remove_interest(struct number_table *interests, struct interest *interest)
{
    number_table_remove(interests, interest);
    interest_free(interest);
}

static void remove_leaving(struct subscriber *subscriber, const struct subscription *s)
{
    struct number_table *interests = &subscriber->interests;
    if (s->kind != SUBSCRIPTION_PATTERN) {
        struct interest *interest = interest_of(subscriber, s);
        if (interest != NULL && interest->leaving) {
            remove_interest(interests, interest);
        }
        return;
    }
    for (uint32_t i = 0; i < interests->capacity;) {
        struct interest *interest = interests->entries[i];
        if (interest != NULL && interest->leaving) {
            remove_interest(interests, interest);
        } else {
            i++;
        }
    }
}

/* Whoever goes on with the objects tells what was lost: rather too much than nothing. */
static void bequeath_losses(struct subscriber *subscriber, const struct subscription *ending)
{
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct subscription *s = &subscriber->subscriptions[i];
        if (s->inherits) {
            s->inherits = false;
            if (ending->lost > 0) {
                subscription_count_lost(subscriber, (uint16_t)i, ending->lost);
            }
        }
    }
}

/* ---- objects that come ---- */

static struct subscription *waiting_subscription(struct list *at,
                                                 struct subscriber **ret_subscriber)
{
    const struct waiter *waiter = LIST_MEMBER(at, struct waiter, waiting);
    *ret_subscriber = waiter->subscriber;
    return &waiter->subscriber->subscriptions[waiter->slot];
}

static void detach_readers(struct object *object)
{
    while (object->reader_count > 0) {
        struct interest *interest = object->readers[object->reader_count - 1];
        remove_interest(&interest->subscriber->interests, interest);
    }
}

static d2k_result attach_waiting(struct list *waiting, struct object *object, struct error *err)
{
    LIST_EACH(waiting, at, following)
    {
        struct subscriber *subscriber;
        const struct subscription *s = waiting_subscription(at, &subscriber);
        bool reads = subscription_passed(s, object) && subscription_reads(subscriber, s, object);
        if (reads && subscription_attach(subscriber, s, object) == NULL) {
            detach_readers(object);
            return error_no_memory(err);
        }
    }
    return D2K_OK;
}

d2k_result readers_attach(struct plant *plant, struct object *object, struct error *err)
{
    struct awaited_name *awaited = map_get(&plant->awaited, object_name(object));
    d2k_result result = attach_waiting(&plant->patterns, object, err);
    if (result == D2K_OK && object->stem != NULL) {
        result = attach_waiting(&object->stem->patterns, object, err);
    }
    if (result != D2K_OK || awaited == NULL) {
        return result;
    }
    result = attach_waiting(&awaited->waiters, object, err);
    if (result != D2K_OK) {
        return result;
    }
    LIST_EACH(&awaited->waiters, at, following)
    {
        struct subscriber *subscriber;
        struct subscription *s = waiting_subscription(at, &subscriber);
        if (may_see(subscriber, object)) { /* else it waits until it may */
            waiting_end(s, object);
        }
    }
    awaited_forget(plant, awaited);
    return D2K_OK;
}

/* ---- objects that go ---- */

static void forget_value_due(struct subscriber *subscriber, const struct interest *interest)
{
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct snapshot *snapshot = subscriber->subscriptions[i].snapshot;
        if (snapshot != NULL && snapshot->value_due == interest) {
            snapshot->value_due = NULL;
        }
    }
}

/* True: there may be places in the FIFO that must go. */
static bool begin_leaving(struct interest *interest)
{
    interest->leaving = true;
    return interest->place.waits || interest->every;
}

/* Nothing of it is in the FIFO any more. */
static void finish_leaving(struct interest *interest, struct spares *spares)
{
    struct subscriber *subscriber = interest->subscriber;
    struct object *object = interest->object;
    pace_end(interest);
    forget_value_due(subscriber, interest);
    waiting_again(subscriber, object, spares);
    if (!interest->announced || subscriber->left) {
        remove_interest(&subscriber->interests, interest);
        return;
    }
    number_table_remove(&subscriber->interests, interest);
    stop_reading(interest);
    update_release(interest->base);
    interest->base = NULL;
    interest->gone_hobj = object->hobj;
    interest->place.kind = PLACE_GONE;
    subscriber_queue_first(subscriber, &interest->place);
}

d2k_result readers_detach(struct plant *plant, struct object *object, struct error *err)
{
    if (object->reader_count == 0) {
        return D2K_OK;
    }
    struct spares spares;
    bool enough = spares_begin(plant, object, &spares);
    for (uint32_t i = 0; enough && i < object->reader_count; i++) {
        enough = spares_add(&spares, object->readers[i]);
    }
    if (!enough) {
        spares_free(plant, &spares);
        return error_no_memory(err);
    }
    while (object->reader_count > 0) {
        struct interest *interest = object->readers[object->reader_count - 1];
        if (begin_leaving(interest)) {
            sweep_fifo(interest->subscriber, NULL);
        }
        finish_leaving(interest, &spares);
    }
    spares_free(plant, &spares);
    return D2K_OK;
}

/* ---- what may be seen changes ---- */

static bool withdraw(struct interest *interest)
{
    struct plant *plant = interest->subscriber->plant;
    struct spares spares;
    bool enough = spares_begin(plant, interest->object, &spares) && spares_add(&spares, interest);
    if (enough) {
        finish_leaving(interest, &spares);
    }
    spares_free(plant, &spares);
    return enough;
}

static bool grant_to(struct subscriber *subscriber, struct subscription *s, struct object *object)
{
    if (subscription_attach(subscriber, s, object) == NULL) {
        return false;
    }
    if (s->kind == SUBSCRIPTION_AWAITS) {
        struct awaited_name *awaited = s->awaiting->awaited;
        waiting_end(s, object);
        awaited_forget(subscriber->plant, awaited);
    }
    return true;
}

static bool grant(struct subscriber *subscriber, struct object *object)
{
    bool granted = true;
    for (uint32_t i = 0; granted && i < subscriber->slot_count; i++) {
        struct subscription *s = &subscriber->subscriptions[i];
        if (subscription_matches(s, object) && subscription_passed(s, object)) {
            granted = grant_to(subscriber, s, object);
        }
    }
    struct interest *interest = number_table_get(&subscriber->interests, object->hobj);
    if (interest != NULL) {
        interest->changed = true;
        interest->owes_newest = object->current != NULL;
        subscriber_queue(subscriber, &interest->place);
    }
    return granted;
}

/* Marks what may not be seen any more. True: there may be places in the FIFO that must go. */
static bool mark_unseen(struct subscriber *subscriber, size_t begin, size_t end)
{
    struct plant *plant = subscriber->plant;
    bool must_sweep = false;
    for (size_t i = begin; i < end; i++) {
        struct object *object = plant->objects[i];
        struct interest *interest =
            object == NULL ? NULL : number_table_get(&subscriber->interests, object->hobj);
        if (interest != NULL && !may_see(subscriber, object)) {
            must_sweep |= begin_leaving(interest);
        }
    }
    return must_sweep;
}

static bool review(struct subscriber *subscriber, struct object *object)
{
    struct interest *interest = number_table_get(&subscriber->interests, object->hobj);
    if (interest != NULL) {
        return !interest->leaving || withdraw(interest);
    }
    return !may_see(subscriber, object) || grant(subscriber, object);
}

bool subscriber_review(struct subscriber *subscriber, size_t *position, size_t count)
{
    struct plant *plant = subscriber->plant;
    size_t left = plant->object_count > *position ? plant->object_count - *position : 0;
    size_t end = *position + (count < left ? count : left);
    if (mark_unseen(subscriber, *position, end)) {
        sweep_fifo(subscriber, NULL);
    }
    for (; *position < end; ++*position) {
        struct object *object = plant->objects[*position];
        if (object != NULL && !review(subscriber, object)) {
            return false;
        }
    }
    return true;
}

/* ---- subscriptions ---- */

static struct subscription *find_subscription(const struct subscriber *subscriber, uint32_t number)
{
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct subscription *s = &subscriber->subscriptions[i];
        if (s->kind != SUBSCRIPTION_NONE && s->number == number) {
            return s;
        }
    }
    return NULL;
}

/* A free one; its slot is taken once it has a kind. NULL: out of memory. */
static struct subscription *free_slot(struct subscriber *subscriber)
{
    uint32_t slot = 0;
    while (slot < subscriber->slot_count &&
           subscriber->subscriptions[slot].kind != SUBSCRIPTION_NONE) {
        slot++;
    }
    if (slot == subscriber->slot_count) {
        uint32_t more = slot < 4 * SLOTS_AT_ONCE ? SLOTS_AT_ONCE : slot / 4;
        struct subscription *grown =
            realloc(subscriber->subscriptions, (slot + more) * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        memset(grown + slot, 0, more * sizeof *grown);
        subscriber->subscriptions = grown;
        subscriber->slot_count = slot + more;
    }
    return &subscriber->subscriptions[slot];
}

static struct snapshot *snapshot_new(uint16_t slot)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot != NULL) {
        snapshot->place.kind = PLACE_SNAPSHOT;
        snapshot->slot = slot;
    }
    return snapshot;
}

static void subscription_end(struct subscriber *subscriber, struct subscription *s)
{
    bool must_sweep = detach_all(subscriber, s);
    if (must_sweep || s->snapshot != NULL) {
        sweep_fifo(subscriber, s);
    }
    subscriber->snapshot_count -= s->snapshot != NULL;
    free(s->snapshot);
    remove_leaving(subscriber, s);
    waiting_stop(subscriber->plant, s);
    bequeath_losses(subscriber, s);
    *s = (struct subscription){.kind = SUBSCRIPTION_NONE};
    subscriber->subscription_count--;
}

static d2k_result attach_named(struct subscriber *subscriber, struct subscription *s,
                               struct slice name, struct error *err)
{
    struct object *object = plant_object_by_name(subscriber->plant, name);
    if (object == NULL || !may_see(subscriber, object)) {
        return waiting_for_name(subscriber, s, name, err);
    }
    if (subscription_attach(subscriber, s, object) == NULL) {
        return error_no_memory(err);
    }
    s->kind = SUBSCRIPTION_NAME;
    s->object = object;
    return D2K_OK;
}

static d2k_result check_subscription(const struct subscriber *subscriber, uint32_t number,
                                     struct slice pattern, struct error *err)
{
    if (pattern.size == 0 || pattern.size > PLANT_PATTERN_MAX) {
        return error_set(err, D2K_ARGUMENT,
                         "subscription %u: its pattern has %zu bytes, allowed are 1 to %u",
                         (unsigned)number, pattern.size, PLANT_PATTERN_MAX);
    }
    if (find_subscription(subscriber, number) != NULL) {
        return error_set(err, D2K_EXISTS, "subscription %u exists already", (unsigned)number);
    }
    if (subscriber->subscription_count >= PLANT_SUBSCRIPTIONS_MAX) {
        return error_set(err, D2K_LIMIT, "subscription %u: there are %u already, the limit",
                         (unsigned)number, PLANT_SUBSCRIPTIONS_MAX);
    }
    return D2K_OK;
}

/* `rule` NULL: it is not paced. */
static d2k_result subscribe(struct subscriber *subscriber, const struct subscription *wanted,
                            const struct pace_rule *rule, struct slice pattern, struct error *err)
{
    d2k_result result = check_subscription(subscriber, wanted->number, pattern, err);
    if (result != D2K_OK) {
        return result;
    }
    struct subscription *s = free_slot(subscriber);
    struct snapshot *snapshot = s == NULL ? NULL : snapshot_new(subscription_slot(subscriber, s));
    if (snapshot == NULL ||
        (rule != NULL && !paces_set_rule(subscriber, subscription_slot(subscriber, s), rule))) {
        free(snapshot);
        return error_no_memory(err);
    }
    *s = *wanted;
    result = text_is_pattern(pattern) ? waiting_for_matching(subscriber, s, pattern, err)
                                      : attach_named(subscriber, s, pattern, err);
    if (result != D2K_OK) {
        free(snapshot);
        return result;
    }
    s->snapshot = snapshot;
    subscriber->subscription_count++;
    subscriber->snapshot_count++;
    subscriber_queue(subscriber, &snapshot->place);
    return D2K_OK;
}

d2k_result subscriber_subscribe(struct subscriber *subscriber, uint32_t subscription,
                                uint64_t request, bool every, struct slice pattern,
                                struct error *err)
{
    const struct subscription wanted = {.number = subscription, .request = request, .every = every};
    return subscribe(subscriber, &wanted, NULL, pattern, err);
}

d2k_result subscriber_subscribe_paced(struct subscriber *subscriber, uint32_t subscription,
                                      uint64_t request, const struct pace_rule *rule,
                                      struct slice pattern, struct error *err)
{
    const struct subscription wanted = {.number = subscription, .request = request, .paced = true};
    d2k_result result = pace_check(rule, err);
    return result != D2K_OK ? result : subscribe(subscriber, &wanted, rule, pattern, err);
}

bool subscriber_unsubscribe(struct subscriber *subscriber, uint32_t subscription)
{
    struct subscription *s = find_subscription(subscriber, subscription);
    if (s == NULL) {
        return false;
    }
    subscription_end(subscriber, s);
    return true;
}

/* ---- the end of a subscriber ---- */

static void free_queued(struct subscriber *subscriber)
{
    struct place *following = NULL;
    for (struct place *at = subscriber->fifo.first; at != NULL; at = following) {
        following = at->next;
        if (at->kind == PLACE_QUEUED) {
            queued_update_free(subscriber, LIST_MEMBER(at, struct queued_update, place));
        } else if (at->kind == PLACE_RUN) {
            run_free(LIST_MEMBER(at, struct run, place));
        } else if (at->kind == PLACE_GONE) {
            free(LIST_MEMBER(at, struct interest, place));
        }
    }
}

/* From here on nothing waits for it, and nothing new comes; who publishes may still meet its
 * interests. */
static void leave(struct subscriber *subscriber)
{
    free_queued(subscriber);
    subscriber->fifo = (struct fifo){0};
    subscriber->left = true;
    subscriber->queued_count = PLANT_EVERY_QUEUE_MAX; /* no room for an update */
    update_release(subscriber->lent);
    run_free(subscriber->lent_run);
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        waiting_stop(subscriber->plant, &subscriber->subscriptions[i]);
        free(subscriber->subscriptions[i].snapshot);
        subscriber->subscriptions[i].snapshot = NULL;
    }
    list_append(&subscriber->plant->left, &subscriber->in_left);
}

static void free_left(struct subscriber *subscriber)
{
    list_remove(&subscriber->in_left);
    number_table_free(&subscriber->interests);
    paces_free(subscriber);
    free(subscriber->subscriptions);
    free(subscriber);
}

/* Takes up to `count` interests apart. */
static void take_apart(struct subscriber *subscriber, uint32_t count)
{
    struct number_table *interests = &subscriber->interests;
    uint32_t *at = &subscriber->taken_apart;
    for (; *at < interests->capacity && count > 0; count--) {
        if (interests->entries[*at] != NULL) {
            remove_interest(interests, interests->entries[*at]);
        } else {
            ++*at;
        }
    }
    if (*at == interests->capacity) {
        free_left(subscriber);
    }
}

bool plant_tidy(struct plant *plant)
{
    struct subscriber *subscriber = LIST_FIRST(&plant->left, struct subscriber, in_left);
    if (subscriber != NULL) {
        take_apart(subscriber, PLANT_LOOKS_AT_ONCE);
    }
    bool has_more = owners_tidy(plant);
    return has_more || !list_empty(&plant->left);
}

void subscriber_free(struct subscriber *subscriber)
{
    if (subscriber == NULL) {
        return;
    }
    leave(subscriber);
    take_apart(subscriber, PLANT_LOOKS_AT_ONCE);
}
