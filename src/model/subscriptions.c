/* model/subscriptions.c: who wants which objects: subscribers, their subscriptions, and the
 * interests that tie them to objects. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/plant_private.h"

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
    return s->has_wildcards ? text_matches(object_name(object), subscription_pattern(s))
                            : plant_names_equal(subscription_pattern(s), object->name);
}

static bool may_see(const struct subscriber *subscriber, const struct object *object)
{
    const struct plant_hooks *hooks = &subscriber->plant->hooks;
    return hooks->may_see == NULL || hooks->may_see(hooks->context, subscriber->data, object);
}

bool subscription_reads(const struct subscription *s, const struct object *object)
{
    return subscription_matches(s, object) && may_see(s->subscriber, object);
}

/* ---- interests ---- */

static void interest_free(struct interest *interest)
{
    list_remove(&interest->in_object);
    update_release(interest->base);
    free(interest);
}

static struct interest *interest_new(struct subscriber *subscriber, struct object *object)
{
    struct interest *interest = calloc(1, sizeof *interest);
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
    list_append(&object->readers, &interest->in_object);
    return interest;
}

/* From here on each update is to come. The current value, should it still wait to be told, comes
 * with the snapshot of the subscription that asks for `every`. */
static void begin_every(struct interest *interest, const struct subscription *s)
{
    interest->every = true;
    interest->every_slot = s->slot;
    interest->owes_newest = false;
}

struct interest *subscription_attach(struct subscription *s, struct object *object)
{
    struct interest *interest = number_table_get(&s->subscriber->interests, object->hobj);
    if (interest == NULL) {
        interest = interest_new(s->subscriber, object);
        if (interest == NULL) {
            return NULL;
        }
    }
    interest->matches++;
    if (s->every && !interest->every) {
        begin_every(interest, s);
    }
    return interest;
}

static d2k_result attach(struct subscription *s, struct object *object, struct error *err)
{
    return subscription_attach(s, object) != NULL ? D2K_OK : error_no_memory(err);
}

static void end_every(struct interest *interest)
{
    interest->every = false;
    update_release(interest->base);
    interest->base = NULL;
    interest_owe_newest(interest);
}

/* Another subscription of this subscriber that wants every update of the object. */
static struct subscription *other_every(const struct subscription *s, const struct object *object)
{
    const struct subscriber *subscriber = s->subscriber;
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct subscription *other = subscriber->subscriptions[i];
        if (other != NULL && other != s && other->every && subscription_matches(other, object) &&
            subscription_passed(other, object)) {
            return other;
        }
    }
    return NULL;
}

/* Takes one match away. True: there may be places in the FIFO that must go. */
static bool detach(struct subscription *s, struct interest *interest)
{
    if (!subscription_matches(s, interest->object) || !subscription_passed(s, interest->object)) {
        return false;
    }
    interest->matches--;
    if (interest->matches == 0) {
        interest->leaving = true;
        return interest->place.waits || interest->every;
    }
    if (!interest->every || interest->every_slot != s->slot) {
        return false;
    }
    struct subscription *heir = other_every(s, interest->object);
    if (heir == NULL) {
        end_every(interest);
        return true;
    }
    interest->every_slot = heir->slot;
    heir->inherits = true;
    return false;
}

static bool detach_all(struct subscription *s)
{
    struct number_table *interests = &s->subscriber->interests;
    bool must_sweep = false;
    if (!s->has_wildcards) {
        const struct object *object =
            plant_object_by_name(s->subscriber->plant, subscription_pattern(s));
        struct interest *interest =
            object == NULL ? NULL : number_table_get(interests, object->hobj);
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
    return ending != NULL && (place == &ending->snapshot || place == &ending->overrun);
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
        struct subscription *s = subscriber->subscriptions[i];
        if (s != NULL && s != ending && s->lost > 0) {
            subscriber_queue(subscriber, &s->overrun);
        }
    }
}

static void remove_interest(struct number_table *interests, struct interest *interest)
{
    number_table_remove(interests, interest);
    interest_free(interest);
}

static void remove_leaving(struct subscription *s)
{
    struct number_table *interests = &s->subscriber->interests;
    if (!s->has_wildcards) {
        const struct object *object =
            plant_object_by_name(s->subscriber->plant, subscription_pattern(s));
        struct interest *interest =
            object == NULL ? NULL : number_table_get(interests, object->hobj);
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
static void bequeath_losses(const struct subscription *ending)
{
    struct subscriber *subscriber = ending->subscriber;
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct subscription *s = subscriber->subscriptions[i];
        if (s != NULL && s->inherits) {
            s->inherits = false;
            if (ending->lost > 0) {
                subscription_count_lost(s, ending->lost);
            }
        }
    }
}

/* ---- waiting for objects that come later ---- */

static void forget_unawaited(struct plant *plant, struct awaited_name *awaited)
{
    if (awaited != NULL && list_empty(&awaited->subscriptions)) {
        map_remove(&plant->awaited, slice_of(awaited->name));
        free(awaited);
    }
}

static void stop_waiting(struct subscription *s)
{
    struct plant *plant = s->subscriber->plant;
    struct awaited_name *awaited = s->awaited;
    stem_stop_waiting(plant, s);
    s->awaited = NULL;
    forget_unawaited(plant, awaited);
}

static struct awaited_name *awaited_obtain(struct plant *plant, struct slice name)
{
    struct awaited_name *awaited = map_get(&plant->awaited, name);
    if (awaited != NULL) {
        return awaited;
    }
    awaited = malloc(sizeof *awaited + name.size + 1);
    if (awaited == NULL) {
        return NULL;
    }
    list_init(&awaited->subscriptions);
    memcpy(awaited->name, name.data, name.size);
    awaited->name[name.size] = '\0';
    if (!map_add(&plant->awaited, (struct slice){awaited->name, name.size}, awaited)) {
        free(awaited);
        return NULL;
    }
    return awaited;
}

static d2k_result wait_for_name(struct subscription *s, struct error *err)
{
    s->awaited = awaited_obtain(s->subscriber->plant, subscription_pattern(s));
    if (s->awaited == NULL) {
        return error_no_memory(err);
    }
    list_append(&s->awaited->subscriptions, &s->waiting);
    return D2K_OK;
}

static void detach_readers(struct object *object)
{
    LIST_EACH(&object->readers, at, following)
    {
        struct interest *interest = LIST_MEMBER(at, struct interest, in_object);
        remove_interest(&interest->subscriber->interests, interest);
    }
}

static d2k_result attach_waiting(struct list *waiting, struct object *object, struct error *err)
{
    LIST_EACH(waiting, at, following)
    {
        struct subscription *s = LIST_MEMBER(at, struct subscription, waiting);
        bool reads = subscription_passed(s, object) && subscription_reads(s, object);
        d2k_result result = reads ? attach(s, object, err) : D2K_OK;
        if (result != D2K_OK) {
            detach_readers(object);
            return result;
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
    result = attach_waiting(&awaited->subscriptions, object, err);
    if (result != D2K_OK) {
        return result;
    }
    LIST_EACH(&awaited->subscriptions, at, following)
    {
        struct subscription *s = LIST_MEMBER(at, struct subscription, waiting);
        if (may_see(s->subscriber, object)) { /* else it waits until it may */
            list_remove(at);
            s->awaited = NULL;
        }
    }
    forget_unawaited(plant, awaited);
    return D2K_OK;
}

/* ---- objects that go ---- */

static bool names_object(const struct subscription *s, const struct object *object)
{
    return s != NULL && !s->has_wildcards && subscription_matches(s, object);
}

/* Subscriptions of this subscriber to the very name wait for it again. */
static void wait_again(struct subscriber *subscriber, const struct object *object,
                       struct awaited_name *awaited)
{
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct subscription *s = subscriber->subscriptions[i];
        if (names_object(s, object) && s->awaited == NULL) {
            s->awaited = awaited;
            list_append(&awaited->subscriptions, &s->waiting);
        }
    }
}

static void forget_value_due(struct subscriber *subscriber, const struct interest *interest)
{
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct subscription *s = subscriber->subscriptions[i];
        if (s != NULL && s->value_due == interest) {
            s->value_due = NULL;
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
static void finish_leaving(struct interest *interest, struct awaited_name *awaited)
{
    struct subscriber *subscriber = interest->subscriber;
    struct object *object = interest->object;
    forget_value_due(subscriber, interest);
    if (!subscriber->left) {
        wait_again(subscriber, object, awaited);
    }
    if (!interest->announced || subscriber->left) {
        remove_interest(&subscriber->interests, interest);
        return;
    }
    number_table_remove(&subscriber->interests, interest);
    list_remove(&interest->in_object);
    update_release(interest->base);
    interest->base = NULL;
    interest->gone_hobj = object->hobj;
    interest->place.kind = PLACE_GONE;
    subscriber_queue_first(subscriber, &interest->place);
}

d2k_result readers_detach(struct plant *plant, struct object *object, struct error *err)
{
    if (list_empty(&object->readers)) {
        return D2K_OK;
    }
    struct awaited_name *awaited = awaited_obtain(plant, object_name(object));
    if (awaited == NULL) {
        return error_no_memory(err);
    }
    LIST_EACH(&object->readers, at, following)
    {
        struct interest *interest = LIST_MEMBER(at, struct interest, in_object);
        if (begin_leaving(interest)) {
            sweep_fifo(interest->subscriber, NULL);
        }
        finish_leaving(interest, awaited);
    }
    forget_unawaited(plant, awaited);
    return D2K_OK;
}

/* ---- what may be seen changes ---- */

static bool withdraw(struct interest *interest)
{
    struct plant *plant = interest->subscriber->plant;
    struct awaited_name *awaited = awaited_obtain(plant, object_name(interest->object));
    if (awaited == NULL) {
        return false;
    }
    finish_leaving(interest, awaited);
    forget_unawaited(plant, awaited);
    return true;
}

static d2k_result grant_to(struct subscription *s, struct object *object)
{
    d2k_result result = attach(s, object, NULL);
    if (result == D2K_OK && !s->has_wildcards) {
        stop_waiting(s);
    }
    return result;
}

static bool grant(struct subscriber *subscriber, struct object *object)
{
    d2k_result result = D2K_OK;
    for (uint32_t i = 0; result == D2K_OK && i < subscriber->slot_count; i++) {
        struct subscription *s = subscriber->subscriptions[i];
        if (s != NULL && subscription_matches(s, object) && subscription_passed(s, object)) {
            result = grant_to(s, object);
        }
    }
    struct interest *interest = number_table_get(&subscriber->interests, object->hobj);
    if (interest != NULL) {
        interest->changed = true;
        interest->owes_newest = object->current != NULL;
        subscriber_queue(subscriber, &interest->place);
    }
    return result == D2K_OK;
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
        struct subscription *s = subscriber->subscriptions[i];
        if (s != NULL && s->number == number) {
            return s;
        }
    }
    return NULL;
}

static bool take_slot(struct subscriber *subscriber, struct subscription *s)
{
    uint32_t slot = 0;
    while (slot < subscriber->slot_count && subscriber->subscriptions[slot] != NULL) {
        slot++;
    }
    if (slot == subscriber->slot_count) {
        uint32_t count = slot == 0 ? 4 : slot * 2;
        struct subscription **grown =
            realloc(subscriber->subscriptions, count * sizeof(struct subscription *));
        if (grown == NULL) {
            return false;
        }
        memset(grown + slot, 0, (count - slot) * sizeof(struct subscription *));
        subscriber->subscriptions = grown;
        subscriber->slot_count = count;
    }
    s->slot = (uint16_t)slot;
    subscriber->subscriptions[slot] = s;
    subscriber->subscription_count++;
    return true;
}

static struct subscription *subscription_new(struct subscriber *subscriber, struct slice pattern)
{
    struct subscription *s = calloc(1, sizeof *s + pattern.size);
    if (s == NULL) {
        return NULL;
    }
    s->subscriber = subscriber;
    s->snapshot.kind = PLACE_SNAPSHOT;
    s->overrun.kind = PLACE_OVERRUN;
    s->has_wildcards = text_is_pattern(pattern);
    s->pattern_size = pattern.size;
    memcpy(s->pattern, pattern.data, pattern.size);
    list_init(&s->waiting);
    if (!take_slot(subscriber, s)) {
        free(s);
        return NULL;
    }
    return s;
}

static void subscription_end(struct subscription *s)
{
    struct subscriber *subscriber = s->subscriber;
    bool must_sweep = detach_all(s);
    if (s->snapshot.waits) {
        subscriber->snapshot_count--;
    }
    if (must_sweep || s->snapshot.waits || s->overrun.waits) {
        sweep_fifo(subscriber, s);
    }
    remove_leaving(s);
    subscriber->subscriptions[s->slot] = NULL;
    subscriber->subscription_count--;
    bequeath_losses(s);
    stop_waiting(s);
    free(s);
}

static d2k_result wait_for_matching(struct subscription *s, struct error *err)
{
    struct plant *plant = s->subscriber->plant;
    struct slice stem = stem_of_pattern(subscription_pattern(s));
    if (stem.size > 0) {
        return stem_wait(plant, s, stem, err);
    }
    list_append(&plant->patterns, &s->waiting);
    return D2K_OK;
}

static d2k_result attach_named(struct subscription *s, struct error *err)
{
    struct object *object = plant_object_by_name(s->subscriber->plant, subscription_pattern(s));
    bool reads = object != NULL && may_see(s->subscriber, object);
    d2k_result result = reads ? attach(s, object, err) : wait_for_name(s, err);
    s->attached = result == D2K_OK;
    return result;
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

d2k_result subscriber_subscribe(struct subscriber *subscriber, uint32_t subscription,
                                uint64_t request, bool every, struct slice pattern,
                                struct error *err)
{
    d2k_result result = check_subscription(subscriber, subscription, pattern, err);
    if (result != D2K_OK) {
        return result;
    }
    struct subscription *s = subscription_new(subscriber, pattern);
    if (s == NULL) {
        return error_no_memory(err);
    }
    s->number = subscription;
    s->request = request;
    s->every = every;
    result = s->has_wildcards ? wait_for_matching(s, err) : attach_named(s, err);
    if (result != D2K_OK) {
        subscription_end(s);
        return result;
    }
    subscriber->snapshot_count++;
    subscriber_queue(subscriber, &s->snapshot);
    return D2K_OK;
}

bool subscriber_unsubscribe(struct subscriber *subscriber, uint32_t subscription)
{
    struct subscription *s = find_subscription(subscriber, subscription);
    if (s == NULL) {
        return false;
    }
    subscription_end(s);
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
        if (subscriber->subscriptions[i] != NULL) {
            stop_waiting(subscriber->subscriptions[i]);
        }
    }
    list_append(&subscriber->plant->left, &subscriber->in_left);
}

static void free_left(struct subscriber *subscriber)
{
    list_remove(&subscriber->in_left);
    number_table_free(&subscriber->interests);
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        free(subscriber->subscriptions[i]);
    }
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
    return !list_empty(&plant->left);
}

void subscriber_free(struct subscriber *subscriber)
{
    if (subscriber == NULL) {
        return;
    }
    leave(subscriber);
    take_apart(subscriber, PLANT_LOOKS_AT_ONCE);
}
