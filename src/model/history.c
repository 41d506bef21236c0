/* model/history.c: the last changes of an object, in a ring of updates that readers share.
 *
 * A ring grows as it fills. All rings together stay within the plant's limit: at the limit an
 * object gives away its own oldest changes, so that what it keeps is always the newest without a
 * gap. */
#include <stdlib.h>

#include "model/plant_private.h"

#define RING_FIRST 16u /* places of a ring at the start */

struct history {
    uint32_t entries_max;
    uint32_t first, count, capacity;
    uint64_t forgotten; /* sequence of the newest update that it does not hold any more */
    struct update **ring;
};

static size_t cost_of(const struct update *update)
{
    return sizeof *update + update->size;
}

static struct update **place(const struct history *history, uint32_t index)
{
    return &history->ring[(history->first + index) % history->capacity];
}

static void forget_oldest(struct plant *plant, struct history *history)
{
    struct update *oldest = *place(history, 0);
    history->forgotten = oldest->sequence;
    history->first = (history->first + 1) % history->capacity;
    history->count--;
    plant->history_bytes -= cost_of(oldest);
    update_release(oldest);
}

static bool fits(const struct plant *plant, size_t bytes)
{
    return bytes <= plant->history_bytes_max &&
           plant->history_bytes <= plant->history_bytes_max - bytes;
}

/* The changes go to another ring, in order from its start. */
static void move_to(struct plant *plant, struct history *history, struct update **ring,
                    uint32_t capacity)
{
    for (uint32_t i = 0; i < history->count; i++) {
        ring[i] = *place(history, i);
    }
    free(history->ring);
    plant->history_bytes -= history->capacity * sizeof *ring;
    plant->history_bytes += capacity * sizeof *ring;
    history->ring = ring;
    history->first = 0;
    history->capacity = capacity;
}

static bool ring_grow(struct plant *plant, struct history *history)
{
    uint32_t larger = history->capacity == 0 ? RING_FIRST : history->capacity * 2;
    larger = larger > history->entries_max ? history->entries_max : larger;
    struct update **ring = NULL;
    if (fits(plant, (larger - history->capacity) * sizeof *ring)) {
        ring = malloc(larger * sizeof *ring);
    }
    if (ring != NULL) {
        move_to(plant, history, ring, larger);
    }
    return ring != NULL;
}

/* A free place in the ring; that of the oldest change if there is no other. */
static bool make_place(struct plant *plant, struct history *history)
{
    if (history->count < history->capacity ||
        (history->capacity < history->entries_max && ring_grow(plant, history))) {
        return true;
    }
    if (history->count > 0) {
        forget_oldest(plant, history);
    }
    return history->count < history->capacity;
}

void history_add(struct plant *plant, struct object *object, struct update *update)
{
    struct history *history = object->history;
    bool has_place = make_place(plant, history);
    while (history->count > 0 && !fits(plant, cost_of(update))) {
        forget_oldest(plant, history);
    }
    if (!has_place || !fits(plant, cost_of(update))) {
        history->forgotten = update->sequence;
        return;
    }
    *place(history, history->count) = update_hold(update);
    history->count++;
    plant->history_bytes += cost_of(update);
}

void history_clear(struct plant *plant, struct object *object)
{
    while (object->history != NULL && object->history->count > 0) {
        forget_oldest(plant, object->history);
    }
}

void history_free(struct plant *plant, struct object *object)
{
    struct history *history = object->history;
    if (history == NULL) {
        return;
    }
    history_clear(plant, object);
    plant->history_bytes -= history->capacity * sizeof(struct update *);
    free(history->ring);
    free(history);
    object->history = NULL;
}

uint32_t history_wanted(const struct plant *plant, const struct definition *definition)
{
    uint32_t entries = definition->history == 0 ? plant->history_entries : definition->history;
    return entries == PLANT_HISTORY_NONE ? 0 : entries;
}

uint32_t plant_history_entries(const struct object *object)
{
    return object->history == NULL ? 0 : object->history->entries_max;
}

static bool resize(struct plant *plant, struct history *history, uint32_t entries)
{
    struct update **ring = NULL;
    if (history->capacity > entries && (ring = malloc(entries * sizeof *ring)) == NULL) {
        return false;
    }
    while (history->count > entries) {
        forget_oldest(plant, history);
    }
    if (ring != NULL) {
        move_to(plant, history, ring, entries);
    }
    history->entries_max = entries;
    return true;
}

bool history_set(struct plant *plant, struct object *object, uint32_t entries)
{
    if (entries == 0) {
        history_free(plant, object);
        return true;
    }
    if (object->history != NULL) {
        return resize(plant, object->history, entries);
    }
    object->history = calloc(1, sizeof *object->history);
    if (object->history != NULL) {
        object->history->entries_max = entries;
        object->history->forgotten = plant->sequence;
    }
    return object->history != NULL;
}

/* ---- for others ---- */

void plant_keep_history(struct plant *plant, uint32_t entries, size_t bytes_max)
{
    plant->history_entries = entries;
    plant->history_bytes_max = bytes_max;
}

size_t plant_history_bytes(const struct plant *plant)
{
    return plant->history_bytes;
}

void history_begin(const struct object *object, uint32_t count, struct history_reader *ret_reader)
{
    const struct history *history = object->history;
    *ret_reader = (struct history_reader){0, 0};
    if (history == NULL || history->count == 0) {
        return;
    }
    uint32_t wanted = count == 0 || count > history->count ? history->count : count;
    ret_reader->next = (*place(history, history->count - wanted))->sequence;
    ret_reader->last = (*place(history, history->count - 1))->sequence;
}

/* The first change from `sequence` on. */
static uint32_t find(const struct history *history, uint64_t sequence)
{
    uint32_t low = 0, high = history->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((*place(history, middle))->sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct update *history_next(const struct object *object, struct history_reader *reader,
                                  bool *ret_lost)
{
    const struct history *history = object->history;
    *ret_lost = false;
    if (reader->next > reader->last || reader->last == 0) {
        return NULL;
    }
    if (history == NULL || history->forgotten >= reader->next) {
        *ret_lost = true;
        return NULL;
    }
    /* it has given up none from `next` on, so that `last` is still there */
    const struct update *update = *place(history, find(history, reader->next));
    reader->next = update->sequence + 1;
    return update;
}
