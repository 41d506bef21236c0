/* model/delivery.c: from an update to its readers: what waits for each of them, and the order in
 * which it is told. */
#include <stdlib.h>

#include "model/plant_private.h"

/* ---- the FIFO ---- */

void subscriber_queue(struct subscriber *subscriber, struct place *place)
{
    struct fifo *fifo = &subscriber->fifo;
    const struct plant_hooks *hooks = &subscriber->plant->hooks;
    if (place->waits) {
        return;
    }
    place->waits = true;
    place->next = NULL;
    if (fifo->first != NULL) {
        fifo->last->next = place;
        fifo->last = place;
        return;
    }
    fifo->first = place;
    fifo->last = place;
    hooks->wake(hooks->context, subscriber);
}

static void take_first(struct fifo *fifo)
{
    struct place *place = fifo->first;
    fifo->first = place->next;
    if (fifo->first == NULL) {
        fifo->last = NULL;
    }
    place->next = NULL;
    place->waits = false;
}

void queued_update_free(struct subscriber *subscriber, struct queued_update *queued)
{
    queued->interest->queued--;
    subscriber->queued_count--;
    subscriber->queued_bytes -= queued->update->size;
    update_release(queued->update);
    free(queued);
}

/* ---- telling the readers of an object ---- */

void interest_owe_newest(struct interest *interest)
{
    if (interest->object->current == NULL) {
        return;
    }
    interest->owes_newest = true;
    subscriber_queue(interest->subscriber, &interest->place);
}

void subscription_count_lost(struct subscription *s, uint64_t count)
{
    s->lost += count;
    subscriber_queue(s->subscriber, &s->overrun);
}

_Static_assert(PLANT_EVERY_QUEUE_MAX < 1u << 24, "interest.queued counts them");
_Static_assert(sizeof(struct interest) <= 64, "there may be a hundred million of them");

/* False: the queue is full, or memory is. */
static bool queue_update(struct interest *interest, struct update *update, bool past)
{
    struct subscriber *subscriber = interest->subscriber;
    if (subscriber->queued_count >= PLANT_EVERY_QUEUE_MAX ||
        subscriber->queued_bytes + update->size > PLANT_EVERY_BYTES_MAX) {
        return false;
    }
    struct queued_update *queued = malloc(sizeof *queued);
    if (queued == NULL) {
        return false;
    }
    *queued = (struct queued_update){.place.kind = PLACE_QUEUED,
                                     .past = past,
                                     .interest = interest,
                                     .update = update_hold(update)};
    interest->queued++;
    subscriber->queued_count++;
    subscriber->queued_bytes += update->size;
    subscriber_queue(subscriber, &queued->place);
    return true;
}

/* While the newest value is owed, a newer one takes its place: the older is lost. A value of the
 * past cannot be owed, since it never is the current one. */
static void tell_every(struct interest *interest, struct update *update, bool past)
{
    if (!interest->owes_newest && queue_update(interest, update, past)) {
        return;
    }
    if (interest->owes_newest || past) {
        subscription_count_lost(interest->subscriber->subscriptions[interest->every_slot], 1);
    } else {
        interest_owe_newest(interest);
    }
}

void readers_tell(struct object *object, struct update *update, bool past)
{
    LIST_EACH(&object->readers, at, following)
    {
        struct interest *interest = LIST_MEMBER(at, struct interest, in_object);
        if (interest->every) {
            tell_every(interest, update, past);
        } else if (!past && !interest->owes_newest) {
            interest_owe_newest(interest);
        }
    }
}

void readers_announce(struct object *object)
{
    LIST_EACH(&object->readers, at, following)
    {
        struct interest *interest = LIST_MEMBER(at, struct interest, in_object);
        interest->changed = true;
        subscriber_queue(interest->subscriber, &interest->place);
    }
}

/* ---- what to tell next ---- */

static void deliver_object(struct interest *interest, struct delivery *ret)
{
    interest->announced = true;
    interest->changed = false;
    ret->kind = DELIVERY_OBJECT;
    ret->object = interest->object;
}

static void deliver_update(struct interest *interest, struct update *update, bool past,
                           struct delivery *ret)
{
    interest->subscriber->lent = update_hold(update);
    if (interest->every && !past) {
        update_hold(update);
        update_release(interest->base);
        interest->base = update;
    }
    ret->kind = DELIVERY_UPDATE;
    ret->object = interest->object;
    ret->update = update;
}

static void deliver_of_subscription(enum delivery_kind kind, const struct subscription *s,
                                    uint64_t count, struct delivery *ret)
{
    ret->kind = kind;
    ret->subscription = s->number;
    ret->request = s->request;
    ret->count = count;
}

/* A place that waited already for the definition may stand before older updates of the object: then
 * the newest value waits once more. */
static void next_of_interest(struct subscriber *subscriber, struct interest *interest,
                             struct delivery *ret)
{
    if (interest->changed || !interest->announced) {
        deliver_object(interest, ret);
    } else if (interest->owes_newest && interest->queued == 0) {
        interest->owes_newest = false;
        deliver_update(interest, interest->object->current, false, ret);
    } else if (interest->owes_newest) {
        take_first(&subscriber->fifo);
        subscriber_queue(subscriber, &interest->place);
    }
    if (!interest->owes_newest) {
        take_first(&subscriber->fifo);
    }
}

static void next_of_queued(struct subscriber *subscriber, struct queued_update *queued,
                           struct delivery *ret)
{
    if (!queued->interest->announced) {
        deliver_object(queued->interest, ret);
        return;
    }
    deliver_update(queued->interest, queued->update, queued->past, ret);
    take_first(&subscriber->fifo);
    queued_update_free(subscriber, queued);
}

/* The next match that was not looked at yet; NULL: none is left. */
static struct interest *next_match(struct subscription *s)
{
    const struct plant *plant = s->subscriber->plant;
    const struct object *match = NULL;
    if (!s->has_wildcards) {
        match = s->position == 0 ? plant_object_by_name(plant, subscription_pattern(s)) : NULL;
        s->position = 1;
    }
    while (s->has_wildcards && match == NULL && s->position < plant->object_count) {
        const struct object *object = plant->objects[s->position++];
        match = subscription_matches(s, object) ? object : NULL;
    }
    return match == NULL ? NULL : number_table_get(&s->subscriber->interests, match->hobj);
}

/* With older updates waiting the reader is told where it stands, else the current value. */
static void snapshot_value(struct interest *interest, struct delivery *ret)
{
    struct update *update = interest->base;
    if (interest->queued == 0) {
        update = interest->object->current;
        interest->owes_newest = false;
    }
    if (update != NULL) {
        deliver_update(interest, update, false, ret);
    }
}

static void next_of_snapshot(struct subscriber *subscriber, struct subscription *s,
                             struct delivery *ret)
{
    if (s->stage == SNAPSHOT_BEGINS) {
        s->stage = SNAPSHOT_OBJECTS;
        deliver_of_subscription(DELIVERY_SNAPSHOT_BEGIN, s, 0, ret);
        return;
    }
    if (s->value_due != NULL) {
        snapshot_value(s->value_due, ret);
        s->value_due = NULL;
        return;
    }
    s->value_due = next_match(s);
    if (s->value_due != NULL) {
        s->told++;
        deliver_object(s->value_due, ret);
        return;
    }
    s->stage = SNAPSHOT_DONE;
    take_first(&subscriber->fifo);
    deliver_of_subscription(DELIVERY_SNAPSHOT_END, s, s->told, ret);
}

static void next_of_place(struct subscriber *subscriber, struct place *place, struct delivery *ret)
{
    struct subscription *s = NULL;
    switch ((enum place_kind)place->kind) {
    case PLACE_INTEREST:
        next_of_interest(subscriber, LIST_MEMBER(place, struct interest, place), ret);
        return;
    case PLACE_QUEUED:
        next_of_queued(subscriber, LIST_MEMBER(place, struct queued_update, place), ret);
        return;
    case PLACE_SNAPSHOT:
        s = LIST_MEMBER(place, struct subscription, snapshot);
        next_of_snapshot(subscriber, s, ret);
        return;
    case PLACE_OVERRUN:
        s = LIST_MEMBER(place, struct subscription, overrun);
        take_first(&subscriber->fifo);
        deliver_of_subscription(DELIVERY_OVERRUN, s, s->lost, ret);
        s->lost = 0;
        return;
    }
}

void subscriber_next(struct subscriber *subscriber, struct delivery *ret_delivery)
{
    update_release(subscriber->lent);
    subscriber->lent = NULL;
    *ret_delivery = (struct delivery){.kind = DELIVERY_NONE};
    while (ret_delivery->kind == DELIVERY_NONE && subscriber->fifo.first != NULL) {
        next_of_place(subscriber, subscriber->fifo.first, ret_delivery);
    }
}
