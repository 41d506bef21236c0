/* model/moment.c: the values of many objects at one moment. */
#include "model/moment.h"

#include <stdlib.h>

#include "base/text.h"
#include "model/plant_private.h"

#define PATTERNS_BYTES_MAX ((size_t)SNAPSHOT_PATTERNS_MAX * (PLANT_PATTERN_MAX + 1))

/* An object that matches, by its place in the plant; it may be gone. */
struct taken {
    struct update *update; /* held */
    uint32_t position, hobj;
    d2k_type type;
};

struct moment {
    struct plant *plant;
    void *owner_data;
    struct buffer patterns; /* u8 size and text, one behind the other */
    uint32_t pattern_count;
    bool has_wildcards;  /* else the names are looked up */
    struct cursor rest;  /* patterns that the object at `position` is to be compared with */
    bool begun;          /* `rest` is set */
    size_t position;     /* of the object that is looked at */
    struct taken *taken; /* those that match */
    size_t count, capacity;
    size_t told;
};

struct moment *moment_new(struct plant *plant, void *owner_data)
{
    struct moment *moment = calloc(1, sizeof *moment);
    if (moment != NULL) {
        moment->plant = plant;
        moment->owner_data = owner_data;
        buffer_init(&moment->patterns, PATTERNS_BYTES_MAX);
    }
    return moment;
}

void moment_free(struct moment *moment)
{
    if (moment == NULL) {
        return;
    }
    for (size_t i = 0; i < moment->count; i++) {
        update_release(moment->taken[i].update);
    }
    free(moment->taken);
    buffer_free(&moment->patterns);
    free(moment);
}

d2k_result moment_add(struct moment *moment, struct slice pattern, struct error *err)
{
    if (pattern.size == 0 || pattern.size > PLANT_PATTERN_MAX) {
        return error_set(err, D2K_ARGUMENT, "a pattern has %zu bytes, allowed are 1 to %u",
                         pattern.size, PLANT_PATTERN_MAX);
    }
    if (moment->pattern_count == SNAPSHOT_PATTERNS_MAX) {
        return error_set(err, D2K_LIMIT, "a snapshot has at most %u names and patterns",
                         SNAPSHOT_PATTERNS_MAX);
    }
    buffer_put_u8(&moment->patterns, (uint8_t)pattern.size);
    buffer_put(&moment->patterns, pattern.data, pattern.size);
    if (buffer_failed(&moment->patterns)) {
        return error_no_memory(err);
    }
    moment->pattern_count++;
    moment->has_wildcards |= text_is_pattern(pattern);
    return D2K_OK;
}

/* ---- what matches ---- */

static struct slice next_pattern(struct moment *moment)
{
    size_t size = cursor_u8(&moment->rest);
    return cursor_bytes(&moment->rest, size);
}

static void first_pattern(struct moment *moment)
{
    moment->rest = cursor_of(buffer_data(&moment->patterns), buffer_size(&moment->patterns));
}

static bool may_see(const struct moment *moment, const struct object *object)
{
    const struct plant_hooks *hooks = &moment->plant->hooks;
    return hooks->may_see == NULL || hooks->may_see(hooks->context, moment->owner_data, object);
}

static d2k_result make_room(struct moment *moment, struct error *err)
{
    if (moment->count == SNAPSHOT_OBJECTS_MAX) {
        return error_set(err, D2K_LIMIT, "a snapshot has at most %u objects: ask for fewer",
                         SNAPSHOT_OBJECTS_MAX);
    }
    if (moment->count == moment->capacity) {
        size_t capacity = moment->capacity == 0 ? 16 : moment->capacity * 2;
        struct taken *grown = realloc(moment->taken, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_no_memory(err);
        }
        moment->taken = grown;
        moment->capacity = capacity;
    }
    return D2K_OK;
}

static d2k_result keep(struct moment *moment, const struct object *object, struct error *err)
{
    if (!may_see(moment, object)) {
        return D2K_OK;
    }
    d2k_result result = make_room(moment, err);
    if (result == D2K_OK) {
        moment->taken[moment->count++] =
            (struct taken){.position = object->position, .hobj = object->hobj};
    }
    return result;
}

static bool is_kept(const struct moment *moment, const struct object *object)
{
    for (size_t i = 0; i < moment->count; i++) {
        if (moment->taken[i].hobj == object->hobj) {
            return true;
        }
    }
    return false;
}

static d2k_result look_up_name(struct moment *moment, struct error *err)
{
    const struct object *object = plant_object_by_name(moment->plant, next_pattern(moment));
    return object == NULL || is_kept(moment, object) ? D2K_OK : keep(moment, object, err);
}

/* Each object is compared until the first pattern that it matches, so that it is kept once. */
static d2k_result compare(struct moment *moment, struct error *err)
{
    const struct object *object = plant_object_at(moment->plant, moment->position);
    bool matches = object != NULL && text_matches(object_name(object), next_pattern(moment));
    d2k_result result = matches ? keep(moment, object, err) : D2K_OK;
    if (object == NULL || matches || moment->rest.left == 0) {
        moment->position++;
        first_pattern(moment);
    }
    return result;
}

/* ---- the moment ---- */

static struct object *find(const struct moment *moment, const struct taken *taken)
{
    struct object *object = plant_object_at(moment->plant, taken->position);
    return object != NULL && object->hobj == taken->hobj ? object : NULL;
}

static d2k_result take_all(struct moment *moment, struct error *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < moment->count; i++) {
        struct taken *taken = &moment->taken[i];
        struct object *object = find(moment, taken);
        if (object == NULL) {
            continue; /* it stays one that is never found */
        }
        plant_settle_owner(moment->plant, object); /* of one that has just gone: all or none */
        taken->type = object->type;
        taken->update = update_hold(object->current);
        bytes += object->current == NULL ? 0 : object->current->size;
        if (bytes > SNAPSHOT_BYTES_MAX) {
            return error_set(err, D2K_LIMIT,
                             "the values of a snapshot have at most %u MiB: ask for fewer objects",
                             SNAPSHOT_BYTES_MAX / 1024u / 1024u);
        }
    }
    return D2K_OK;
}

d2k_result moment_step(struct moment *moment, struct error *err)
{
    if (!moment->begun) {
        first_pattern(moment);
        moment->begun = true;
    }
    bool more = moment->has_wildcards ? moment->position < plant_object_end(moment->plant)
                                      : moment->rest.left > 0;
    if (!more) {
        return take_all(moment, err);
    }
    d2k_result result = moment->has_wildcards ? compare(moment, err) : look_up_name(moment, err);
    return result == D2K_OK ? D2K_AGAIN : result;
}

/* ---- telling ---- */

struct object *moment_next(struct moment *moment, const struct update **ret_update)
{
    while (moment->told < moment->count) {
        if (moment->told > 0) {
            struct taken *last = &moment->taken[moment->told - 1];
            update_release(last->update);
            last->update = NULL;
        }
        const struct taken *taken = &moment->taken[moment->told++];
        struct object *object = find(moment, taken);
        if (object != NULL && object->type == taken->type && may_see(moment, object)) {
            *ret_update = taken->update;
            return object;
        }
    }
    return NULL;
}
