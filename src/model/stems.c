/* model/stems.c: objects by the stem of their names, so that a pattern with a stem of its own looks
 * at those objects only, and a new object at those patterns only. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/plant_private.h"

#define SEPARATOR '.'

static struct slice up_to_separator(struct slice text)
{
    const char *at = text.size == 0 ? NULL : memchr(text.data, SEPARATOR, text.size);
    return at == NULL ? (struct slice){0} : (struct slice){text.data, (size_t)(at - text.data)};
}

struct slice stem_of_pattern(struct slice pattern)
{
    struct slice stem = up_to_separator(pattern);
    return text_is_pattern(stem) ? (struct slice){0} : stem;
}

static struct stem *stem_obtain(struct plant *plant, struct slice name)
{
    struct stem *stem = map_get(&plant->stems, name);
    if (stem != NULL) {
        return stem;
    }
    stem = calloc(1, sizeof *stem + name.size + 1);
    if (stem == NULL) {
        return NULL;
    }
    list_init(&stem->patterns);
    memcpy(stem->name, name.data, name.size);
    if (!map_add(&plant->stems, (struct slice){stem->name, name.size}, stem)) {
        free(stem);
        return NULL;
    }
    return stem;
}

static void stem_free(struct stem *stem)
{
    free(stem->objects);
    free(stem->holes);
    free(stem);
}

static void forget_unused(struct plant *plant, struct stem *stem)
{
    if (stem->count == stem->hole_count && list_empty(&stem->patterns)) {
        map_remove(&plant->stems, slice_of(stem->name));
        stem_free(stem);
    }
}

void stems_free(struct plant *plant)
{
    struct stem *stem = NULL;
    for (size_t at = 0; (stem = map_next(&plant->stems, &at)) != NULL;) {
        stem_free(stem);
    }
    map_free(&plant->stems);
}

/* Of both arrays, so that an object can be taken out again without memory. */
static bool make_room(struct stem *stem)
{
    if (stem->count < stem->capacity) {
        return true;
    }
    uint32_t capacity = stem->capacity == 0 ? 4 : stem->capacity * 2;
    struct object **objects = realloc(stem->objects, capacity * sizeof *objects);
    stem->objects = objects != NULL ? objects : stem->objects;
    uint32_t *holes = realloc(stem->holes, capacity * sizeof *holes);
    stem->holes = holes != NULL ? holes : stem->holes;
    if (objects == NULL || holes == NULL) {
        return false;
    }
    stem->capacity = capacity;
    return true;
}

d2k_result stem_add(struct plant *plant, struct object *object, struct error *err)
{
    struct slice name = up_to_separator(object_name(object));
    if (name.size == 0) {
        return D2K_OK;
    }
    struct stem *stem = stem_obtain(plant, name);
    if (stem == NULL) {
        return error_no_memory(err);
    }
    if (stem->hole_count == 0 && !make_room(stem)) {
        forget_unused(plant, stem);
        return error_no_memory(err);
    }
    object->stem = stem;
    object->stem_place = stem->hole_count > 0 ? stem->holes[--stem->hole_count] : stem->count++;
    stem->objects[object->stem_place] = object;
    return D2K_OK;
}

void stem_remove(struct plant *plant, struct object *object)
{
    struct stem *stem = object->stem;
    if (stem == NULL) {
        return;
    }
    stem->objects[object->stem_place] = NULL;
    stem->holes[stem->hole_count++] = object->stem_place;
    object->stem = NULL;
    forget_unused(plant, stem);
}

d2k_result stem_wait(struct plant *plant, struct pattern *pattern, struct slice name,
                     struct error *err)
{
    pattern->stem = stem_obtain(plant, name);
    if (pattern->stem == NULL) {
        return error_no_memory(err);
    }
    list_append(&pattern->stem->patterns, &pattern->waiter.waiting);
    return D2K_OK;
}

void stem_stop_waiting(struct plant *plant, struct pattern *pattern)
{
    struct stem *stem = pattern->stem;
    list_remove(&pattern->waiter.waiting);
    if (stem != NULL) {
        forget_unused(plant, stem);
    }
}
