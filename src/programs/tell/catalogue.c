/* programs/tell/catalogue.c: a map from the object name, case ignored as in the kernel. */
#include "programs/tell/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/text.h"
#include "os/system.h"
#include "programs/tell/definition.h"

bool catalogue_init(struct catalogue *catalogue, size_t max_bytes)
{
    uint64_t seed[2];
    *catalogue = (struct catalogue){.max_bytes = max_bytes};
    if (!os_random(seed, sizeof seed)) {
        return false;
    }
    map_init(&catalogue->by_name, true, seed);
    return true;
}

static void free_object(struct catalogue_object *object)
{
    if (object != NULL) {
        free(object->name);
        free(object->unit);
        free(object->owner);
        free(object->description);
        free(object->columns);
        free(object->text);
        free(object);
    }
}

void catalogue_free(struct catalogue *catalogue)
{
    size_t at = 0;
    struct catalogue_object *object;
    while ((object = map_next(&catalogue->by_name, &at)) != NULL) {
        free_object(object);
    }
    map_free(&catalogue->by_name);
    catalogue->bytes = 0;
}

struct catalogue_object *catalogue_find(const struct catalogue *catalogue, const char *name)
{
    return map_get(&catalogue->by_name, slice_of(name));
}

/* Charges `size` bytes; false when they are over the limit. */
static bool charge(struct catalogue *catalogue, size_t size)
{
    if (size > catalogue->max_bytes - catalogue->bytes) {
        return false;
    }
    catalogue->bytes += size;
    return true;
}

/* Replaces *text by a copy of `data`; on failure *text stays. */
static bool replace_bytes(struct catalogue *catalogue, char **text, struct slice data,
                          size_t old_size)
{
    if (!charge(catalogue, data.size + 1)) {
        return false;
    }
    char *copy = data.size == 0 ? calloc(1, 1) : slice_copy(data);
    if (copy == NULL) {
        catalogue->bytes -= data.size + 1;
        return false;
    }
    if (*text != NULL) {
        catalogue->bytes -= old_size + 1;
        free(*text);
    }
    *text = copy;
    return true;
}

static bool replace_text(struct catalogue *catalogue, char **text, const char *new_text)
{
    return replace_bytes(catalogue, text, slice_of(new_text), *text == NULL ? 0 : strlen(*text));
}

static bool replace_columns(struct catalogue *catalogue, char **text, const d2k_object_info *info)
{
    struct buffer columns;
    buffer_init(&columns, catalogue->max_bytes);
    definition_put_columns(&columns, info);
    struct slice new_text = {(const char *)buffer_data(&columns), buffer_size(&columns)};
    bool needed = new_text.size > 0 || *text != NULL;
    bool ok =
        !buffer_failed(&columns) &&
        (!needed || replace_bytes(catalogue, text, new_text, *text == NULL ? 0 : strlen(*text)));
    buffer_free(&columns);
    return ok;
}

static bool describe(struct catalogue *catalogue, struct catalogue_object *object,
                     const d2k_object_info *info)
{
    object->hobj = info->hobj;
    object->type = info->type;
    return replace_text(catalogue, &object->unit, info->unit) &&
           replace_text(catalogue, &object->owner, info->owner) &&
           replace_text(catalogue, &object->description, info->description) &&
           replace_columns(catalogue, &object->columns, info);
}

static size_t kept_bytes(const struct catalogue_object *object)
{
    size_t bytes = sizeof *object;
    const char *const texts[] = {object->name, object->unit, object->owner, object->description,
                                 object->columns};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bytes += texts[i] == NULL ? 0 : strlen(texts[i]) + 1;
    }
    return bytes;
}

static struct catalogue_object *add(struct catalogue *catalogue, const d2k_object_info *info)
{
    if (!charge(catalogue, sizeof(struct catalogue_object))) {
        return NULL;
    }
    struct catalogue_object *object = calloc(1, sizeof *object);
    if (object == NULL) {
        catalogue->bytes -= sizeof *object;
        return NULL;
    }
    if (!replace_text(catalogue, &object->name, info->name) || !describe(catalogue, object, info) ||
        !map_add(&catalogue->by_name, slice_of(object->name), object)) {
        catalogue->bytes -= kept_bytes(object);
        free_object(object);
        return NULL;
    }
    return object;
}

struct catalogue_object *catalogue_define(struct catalogue *catalogue, const d2k_object_info *info)
{
    struct catalogue_object *object = catalogue_find(catalogue, info->name);
    if (object == NULL) {
        return add(catalogue, info);
    }
    return describe(catalogue, object, info) ? object : NULL;
}

bool catalogue_set_value(struct catalogue *catalogue, const d2k_object_info *info,
                         const d2k_value *value)
{
    struct catalogue_object *object = catalogue_find(catalogue, info->name);
    if (object == NULL && (object = add(catalogue, info)) == NULL) {
        return false;
    }
    if (!content_is_bytes(value->type)) {
        object->value = *value;
        return true;
    }
    struct slice data = content_bytes(value);
    if (!replace_bytes(catalogue, &object->text, data, object->text_size)) {
        return false;
    }
    object->text_size = data.size;
    object->value = *value;
    object->value.content.text.data = object->text;
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct catalogue_object *const *left = a, *const *right = b;
    return text_compare_ignoring_case((*left)->name, (*right)->name);
}

struct catalogue_object **catalogue_sorted(const struct catalogue *catalogue, size_t *ret_count)
{
    size_t at = 0, count = 0;
    struct catalogue_object *object;
    struct catalogue_object **all = calloc(catalogue->by_name.count + 1, sizeof(*all));
    if (all == NULL) {
        return NULL;
    }
    while ((object = map_next(&catalogue->by_name, &at)) != NULL) {
        all[count++] = object;
    }
    qsort(all, count, sizeof(*all), by_name);
    *ret_count = count;
    return all;
}
