/* model/delivery.c: from an update to its readers: what waits for each of them, and the order in
 * which it is told. */
#include <stdlib.h>
#include <string.h>

#include "model/plant_private.h"

/* ---- the FIFO ---- */

void fifo_append(struct fifo *fifo, struct place *place)
{
    place->next = NULL;
    *(fifo->first == NULL ? &fifo->first : &fifo->last->next) = place;
    fifo->last = place;
}

void subscriber_queue(struct subscriber *subscriber, struct place *place)
{
    const struct plant_hooks *hooks = &subscriber->plant->hooks;
    if (place->waits || subscriber->left) {
        return;
    }
    bool was_empty = subscriber->fifo.first == NULL;
    place->waits = true;
    fifo_append(&subscriber->fifo, place);
    if (was_empty) {
        hooks->wake(hooks->context, subscriber);
    }
}

void subscriber_queue_first(struct subscriber *subscriber, struct place *place)
{
    const struct plant_hooks *hooks = &subscriber->plant->hooks;
    struct fifo *fifo = &subscriber->fifo;
    bool was_empty = fifo->first == NULL;
    place->waits = true;
    place->next = fifo->first;
    fifo->first = place;
    if (was_empty) {
        fifo->last = place;
        hooks->wake(hooks->context, subscriber);
    }
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
    struct interest *interest = queued->interest;
    interest->queued--;
    if (interest->queued == 0) {
        update_release(interest->base);
        interest->base = NULL;
    }
    subscriber->queued_count--;
    subscriber->queued_bytes -= queued->update->size;
    update_release(queued->update);
    free(queued);
}

/* ---- chunks and runs ---- */

void chunk_release(struct chunk *chunk)
{
    if (chunk != NULL && --chunk->references == 0) {
        free(chunk);
    }
}

void run_free(struct run *run)
{
    if (run != NULL) {
        chunk_release(run->chunk);
        free(run);
    }
}

static struct run *run_new(struct chunk *chunk, uint32_t first)
{
    struct run *run = malloc(sizeof *run);
    if (run != NULL) {
        chunk->references++;
        *run =
            (struct run){.place.kind = PLACE_RUN, .chunk = chunk, .first = first, .end = first + 1};
    }
    return run;
}

/* Appends the update where runs may find it; CHUNK_UPDATES: it has no place there. */
static uint32_t chunk_append(struct plant *plant, struct object *object,
                             const struct update *update)
{
    struct chunk *chunk = plant->chunk;
    if (update->size > CHUNK_BYTES / 8) {
        return CHUNK_UPDATES;
    }
    if (chunk == NULL || chunk->count == CHUNK_UPDATES ||
        chunk_offset(chunk, chunk->count) + update->size > CHUNK_BYTES) {
        chunk = malloc(sizeof *chunk);
        if (chunk == NULL) {
            return CHUNK_UPDATES;
        }
        chunk_release(plant->chunk);
        plant->chunk = chunk;
        chunk->references = 1;
        chunk->count = 0;
    }
    uint32_t index = chunk->count, at = chunk_offset(chunk, index);
    memcpy(chunk->bytes + at, update->bytes, update->size);
    chunk->ends[index] = at + update->size;
    chunk->objects[index] = object;
    chunk->count++;
    return index;
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

void subscription_count_lost(struct subscriber *subscriber, uint16_t slot, uint64_t count)
{
    subscriber->subscriptions[slot].lost += count;
    subscriber_queue(subscriber, &subscriber->overruns);
}

_Static_assert(PLANT_EVERY_QUEUE_MAX < 1u << 24, "interest.queued counts them");
_Static_assert(sizeof(struct interest) <= 56, "there may be a hundred million of them");

static bool has_room(const struct subscriber *subscriber, const struct update *update)
{
    return subscriber->queued_count < PLANT_EVERY_QUEUE_MAX &&
           subscriber->queued_bytes + update->size <= PLANT_EVERY_BYTES_MAX;
}

/* The quick way of an update to a reader with nothing out of the ordinary: it extends the run that
 * waits last, or begins one. False: not this way. */
static bool extend_run(struct interest *interest, const struct update *update, struct chunk *chunk,
                       uint32_t index)
{
    struct subscriber *subscriber = interest->subscriber;
    if (!interest->announced || interest->place.waits || subscriber->snapshot_count > 0 ||
        !has_room(subscriber, update)) {
        return false;
    }
    struct place *last = subscriber->fifo.last;
    struct run *run =
        last != NULL && last->kind == PLACE_RUN ? LIST_MEMBER(last, struct run, place) : NULL;
    if (run != NULL && run->chunk == chunk && run->end == index) {
        run->end++;
    } else {
        run = run_new(chunk, index);
        if (run == NULL) {
            return false;
        }
        subscriber_queue(subscriber, &run->place);
    }
    subscriber->queued_count++;
    subscriber->queued_bytes += update->size;
    return true;
}

/* False: the queue is full, or memory is. */
static bool queue_update(struct interest *interest, struct update *update, struct update *before,
                         bool past)
{
    struct subscriber *subscriber = interest->subscriber;
    if (!has_room(subscriber, update)) {
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
    if (interest->queued == 0) {
        interest->base = update_hold(before);
    }
    interest->queued++;
    subscriber->queued_count++;
    subscriber->queued_bytes += update->size;
    subscriber_queue(subscriber, &queued->place);
    return true;
}

/* While the newest value is owed, a newer one takes its place: the older is lost. A value of the
 * past cannot be owed, since it never is the current one. */
static void tell_every(struct interest *interest, struct update *update, struct update *before,
                       bool past)
{
    if (!interest->owes_newest && queue_update(interest, update, before, past)) {
        return;
    }
    if (interest->owes_newest || past) {
        subscription_count_lost(interest->subscriber, interest->every_slot, 1);
    } else {
        interest_owe_newest(interest);
    }
}

void readers_tell(struct plant *plant, struct object *object, struct update *update,
                  struct update *before, bool past)
{
    uint32_t index = CHUNK_UPDATES;
    bool appended = false;
    for (uint32_t i = 0; i < object->reader_count; i++) {
        struct interest *interest = object->readers[i];
        if (past && (!interest->every || interest->subscriber->refuses_past)) {
            continue;
        }
        if (!interest->every) {
            if (!interest->owes_newest && (!interest->paced || pace_admits(interest))) {
                interest_owe_newest(interest);
            }
            continue;
        }
        if (!appended) {
            index = chunk_append(plant, object, update);
            appended = true;
        }
        if (index == CHUNK_UPDATES || !extend_run(interest, update, plant->chunk, index)) {
            tell_every(interest, update, before, past);
        }
    }
}

void readers_announce(struct object *object)
{
    for (uint32_t i = 0; i < object->reader_count; i++) {
        struct interest *interest = object->readers[i];
        interest->changed = true;
        subscriber_queue(interest->subscriber, &interest->place);
    }
}

/* ---- what a subscriber no longer wants ---- */

static bool still_wanted(const struct subscriber *subscriber, const struct object *object)
{
    const struct interest *interest = number_table_get(&subscriber->interests, object->hobj);
    return interest != NULL && !interest->leaving && interest->every;
}

static void forget(struct subscriber *subscriber, const struct run *run, uint32_t index)
{
    const struct chunk *chunk = run->chunk;
    subscriber->queued_count--;
    subscriber->queued_bytes -= chunk->ends[index] - chunk_offset(chunk, index);
}

/* Without memory for one more piece the update is lost, and counted. */
static void lose(struct subscriber *subscriber, const struct run *run, uint32_t index)
{
    const struct interest *interest =
        number_table_get(&subscriber->interests, run->chunk->objects[index]->hobj);
    forget(subscriber, run, index);
    subscriber->subscriptions[interest->every_slot].lost++;
}

void run_sweep(struct subscriber *subscriber, struct run *run, struct fifo *kept)
{
    struct run *piece = NULL;
    for (uint32_t i = run->first; i < run->end; i++) {
        if (!still_wanted(subscriber, run->chunk->objects[i])) {
            forget(subscriber, run, i);
            piece = NULL;
        } else if (piece != NULL) {
            piece->end++;
        } else if ((piece = run_new(run->chunk, i)) != NULL) {
            piece->place.waits = true;
            fifo_append(kept, &piece->place);
        } else {
            lose(subscriber, run, i);
        }
    }
    run_free(run);
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
    if (interest->queued > 0 && !past) {
        update_hold(update);
        update_release(interest->base);
        interest->base = update;
    }
    ret->kind = DELIVERY_UPDATE;
    ret->object = interest->object;
    ret->bytes = (struct slice){(const char *)update->bytes, update->size};
    ret->count = 1;
}

static void deliver_of_subscription(enum delivery_kind kind, const struct subscription *s,
                                    uint64_t count, struct delivery *ret)
{
    ret->kind = kind;
    ret->subscription = s->number;
    ret->request = s->request;
    ret->count = count;
}

/* Of one that is paced it may be told already by now, or too early again. */
static void deliver_newest(struct interest *interest, struct delivery *ret)
{
    if (interest->paced) {
        if (!pace_admits(interest)) {
            return;
        }
        pace_tells(interest);
    }
    deliver_update(interest, interest->object->current, false, ret);
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
        deliver_newest(interest, ret);
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

static void next_of_run(struct subscriber *subscriber, struct run *run, struct delivery *ret)
{
    const struct chunk *chunk = run->chunk;
    take_first(&subscriber->fifo);
    ret->kind = DELIVERY_UPDATE;
    ret->count = run->end - run->first;
    ret->object = ret->count == 1 ? chunk->objects[run->first] : NULL;
    ret->bytes = (struct slice){(const char *)chunk->bytes + chunk_offset(chunk, run->first),
                                run_bytes(run)};
    subscriber->queued_count -= run->end - run->first;
    subscriber->queued_bytes -= run_bytes(run);
    subscriber->lent_run = run;
}

/* *ret_match: the object of a plain name, once; NULL: there is none (left). */
static enum delivery_kind named_match(const struct subscriber *subscriber,
                                      const struct subscription *s, struct interest **ret_match)
{
    bool is_due = s->kind == SUBSCRIPTION_NAME && s->snapshot->told == 0;
    *ret_match = is_due ? number_table_get(&subscriber->interests, s->object->hobj) : NULL;
    return *ret_match == NULL ? DELIVERY_SNAPSHOT_END : DELIVERY_OBJECT;
}

/* Walks on to the next object that the pattern matches, which is read from then on. What is
 * published before the walk comes to an object is in its snapshot. */
static enum delivery_kind walk(struct subscriber *subscriber, const struct subscription *s,
                               struct interest **ret_match)
{
    size_t count;
    struct pattern *pattern = s->pattern;
    struct object *const *candidates = pattern_candidates(subscriber->plant, pattern, &count);
    while (pattern->position < count) {
        struct object *object = candidates[pattern->position];
        if (++subscriber->looks > PLANT_LOOKS_AT_ONCE) {
            subscriber->looks = 0;
            return DELIVERY_LATER;
        }
        if (object != NULL && subscription_reads(subscriber, s, object)) {
            *ret_match = subscription_attach(subscriber, s, object);
            pattern->position += *ret_match != NULL;
            return *ret_match != NULL ? DELIVERY_OBJECT : DELIVERY_NO_MEMORY;
        }
        pattern->position++;
    }
    pattern->position = UINT32_MAX; /* objects that come later were passed, wherever they stand */
    return DELIVERY_SNAPSHOT_END;
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
        if (interest->paced) {
            pace_tells(interest);
        }
    }
}

static void end_snapshot(struct subscriber *subscriber, struct subscription *s,
                         struct delivery *ret)
{
    subscriber->snapshot_count--;
    take_first(&subscriber->fifo);
    deliver_of_subscription(DELIVERY_SNAPSHOT_END, s, s->snapshot->told, ret);
    free(s->snapshot);
    s->snapshot = NULL;
}

static void next_of_snapshot(struct subscriber *subscriber, struct snapshot *snapshot,
                             struct delivery *ret)
{
    struct subscription *s = &subscriber->subscriptions[snapshot->slot];
    if (!snapshot->begun) {
        snapshot->begun = true;
        deliver_of_subscription(DELIVERY_SNAPSHOT_BEGIN, s, 0, ret);
        return;
    }
    if (snapshot->value_due != NULL) {
        snapshot_value(snapshot->value_due, ret);
        snapshot->value_due = NULL;
        return;
    }
    struct interest *match = NULL;
    ret->kind = s->kind == SUBSCRIPTION_PATTERN ? walk(subscriber, s, &match)
                                                : named_match(subscriber, s, &match);
    if (match != NULL) {
        snapshot->value_due = match;
        snapshot->told++;
        deliver_object(match, ret);
    } else if (ret->kind == DELIVERY_SNAPSHOT_END) {
        end_snapshot(subscriber, s, ret);
    }
}

/* One subscription after the other; whose snapshot is not told yet comes behind it. */
static void next_of_overruns(struct subscriber *subscriber, struct delivery *ret)
{
    bool more = false;
    take_first(&subscriber->fifo);
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct subscription *s = &subscriber->subscriptions[i];
        if (s->lost > 0 && (s->snapshot != NULL || ret->kind != DELIVERY_NONE)) {
            more = true;
        } else if (s->lost > 0) {
            deliver_of_subscription(DELIVERY_OVERRUN, s, s->lost, ret);
            s->lost = 0;
        }
    }
    if (more) {
        subscriber_queue(subscriber, &subscriber->overruns);
    }
}

static void next_of_gone(struct subscriber *subscriber, struct interest *gone, struct delivery *ret)
{
    take_first(&subscriber->fifo);
    ret->kind = DELIVERY_GONE;
    ret->hobj = gone->gone_hobj;
    free(gone);
}

static void next_of_place(struct subscriber *subscriber, struct place *place, struct delivery *ret)
{
    switch ((enum place_kind)place->kind) {
    case PLACE_INTEREST:
        next_of_interest(subscriber, LIST_MEMBER(place, struct interest, place), ret);
        return;
    case PLACE_QUEUED:
        next_of_queued(subscriber, LIST_MEMBER(place, struct queued_update, place), ret);
        return;
    case PLACE_RUN:
        next_of_run(subscriber, LIST_MEMBER(place, struct run, place), ret);
        return;
    case PLACE_SNAPSHOT:
        next_of_snapshot(subscriber, LIST_MEMBER(place, struct snapshot, place), ret);
        return;
    case PLACE_OVERRUNS:
        next_of_overruns(subscriber, ret);
        return;
    case PLACE_GONE:
        next_of_gone(subscriber, LIST_MEMBER(place, struct interest, place), ret);
        return;
    }
}

void subscriber_next(struct subscriber *subscriber, struct delivery *ret_delivery)
{
    update_release(subscriber->lent);
    subscriber->lent = NULL;
    run_free(subscriber->lent_run);
    subscriber->lent_run = NULL;
    *ret_delivery = (struct delivery){.kind = DELIVERY_NONE};
    while (ret_delivery->kind == DELIVERY_NONE && subscriber->fifo.first != NULL) {
        next_of_place(subscriber, subscriber->fifo.first, ret_delivery);
    }
}
