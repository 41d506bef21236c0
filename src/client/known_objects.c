/* client/known_objects.c: what the kernel told about objects, by their kernel-wide number, so that
 * every value can be told with its object. Filled anew on every link. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/table.h"
#include "base/text.h"
#include "client/client.h"
#include "wire/properties.h"
#include "wire/value.h"

static struct slice key_of(const uint8_t key[4])
{
    return (struct slice){(const char *)key, 4};
}

static void make_key(uint8_t ret_key[4], uint32_t hobj)
{
    for (unsigned i = 0; i < 4; i++) {
        ret_key[i] = (uint8_t)(hobj >> (8 * i));
    }
}

/* Appends a terminated copy at *at and moves on. */
static const char *store_text(char **at, struct slice text)
{
    const char *begin = *at;
    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
    }
    (*at)[text.size] = '\0';
    *at += text.size + 1;
    return begin;
}

static void take_limits(struct known_object *object, struct slice list)
{
    d2k_limits *limits = &object->limits;
    double *const places[] = {&limits->vl, &limits->l, &limits->h, &limits->vh};
    struct slice bytes;
    for (uint16_t i = 0; i < 4; i++) {
        *places[i] = NAN;
        if (properties_find(list, (uint16_t)(PROPERTY_LIMIT_VL + i), &bytes) &&
            property_f64(bytes, places[i])) {
            object->info.limits = limits;
        }
    }
}

static void take_history(struct known_object *object, struct slice list)
{
    struct slice bytes;
    uint32_t changes;
    if (properties_find(list, PROPERTY_HISTORY, &bytes) && property_u32(bytes, &changes)) {
        object->info.history = changes == 0 ? D2K_HISTORY_NONE : changes;
    }
}

static void take_alarms(struct known_object *object, struct slice list)
{
    struct slice bytes;
    uint8_t critical;
    object->info.has_alarms =
        properties_find(list, PROPERTY_ALARM, &bytes) && property_u32(bytes, &object->info.alarms);
    object->info.critical = properties_find(list, PROPERTY_CRITICAL, &bytes) &&
                            property_u8(bytes, &critical) && critical == 1;
}

/* False: no memory. */
static bool take_columns(struct known_object *object, struct slice list)
{
    struct slice columns;
    if (!content_is_table(object->info.type) ||
        !properties_find(list, PROPERTY_COLUMNS, &columns) ||
        columns_check(columns, object->info.type, NULL) != D2K_OK) {
        return true;
    }
    object->info.columns = object->columns = columns_copy(columns);
    object->info.column_count = object->columns != NULL ? columns_count(columns) : 0;
    return object->columns != NULL;
}

/* What is malformed is left out: the object is still known. False: no memory. */
static bool take_properties(struct known_object *object, struct slice list, char **at)
{
    struct slice bytes;
    uint8_t kind;
    object->info.path = "";
    object->info.expression = "";
    if (list.size == 0 || properties_check(list, NULL) != D2K_OK) {
        return true;
    }
    if (properties_find(list, PROPERTY_KIND, &bytes) && property_u8(bytes, &kind)) {
        object->info.kind = (d2k_kind)kind;
    }
    if (properties_find(list, PROPERTY_PATH, &bytes) && text_is_utf8(bytes)) {
        object->info.path = store_text(at, bytes);
    }
    if (properties_find(list, PROPERTY_EXPRESSION, &bytes) && text_is_utf8(bytes)) {
        object->info.expression = store_text(at, bytes);
    }
    if (properties_find(list, PROPERTY_WRITABLE, &bytes) && property_u8(bytes, &kind)) {
        object->info.writable = kind == 1;
    }
    take_limits(object, list);
    take_history(object, list);
    take_alarms(object, list);
    object->default_value =
        (d2k_value){.type = object->info.type, .status = D2K_STATUS_VALID | D2K_STATUS_DEFAULT};
    if (properties_find(list, PROPERTY_DEFAULT, &bytes)) {
        bytes.data = store_text(at, bytes);
        if (wire_content_decode(bytes, &object->default_value, NULL) == D2K_OK) {
            object->info.default_value = &object->default_value;
        }
    }
    return take_columns(object, list);
}

static void known_object_free(struct known_object *object)
{
    if (object != NULL) {
        free(object->columns);
        free(object);
    }
}

static struct known_object *known_object_new(const struct wire_object_info *info)
{
    size_t size = info->name.size + info->description.size + info->unit.size + info->owner.size +
                  info->properties.size + 6;
    struct known_object *object = malloc(sizeof(*object) + size);
    if (object == NULL) {
        return NULL;
    }
    char *at = object->texts;
    memset(object, 0, sizeof *object);
    make_key(object->key, info->hobj);
    object->info.hobj = info->hobj;
    object->info.type = (d2k_type)info->type;
    object->info.name = store_text(&at, info->name);
    object->info.description = store_text(&at, info->description);
    object->info.unit = store_text(&at, info->unit);
    object->info.owner = store_text(&at, info->owner);
    if (!take_properties(object, info->properties, &at)) {
        known_object_free(object);
        return NULL;
    }
    return object;
}

d2k_result known_objects_add(d2k_client *client, const struct wire_object_info *info,
                             struct error *err)
{
    known_objects_remove(client, info->hobj);
    if (client->known.count >= CLIENT_KNOWN_OBJECTS_MAX) {
        return error_set(err, D2K_LIMIT, "the kernel told of more than %u objects",
                         CLIENT_KNOWN_OBJECTS_MAX);
    }
    struct known_object *object = known_object_new(info);
    if (object == NULL || !map_add(&client->known, key_of(object->key), object)) {
        known_object_free(object);
        return error_no_memory(err);
    }
    return D2K_OK;
}

void known_objects_remove(d2k_client *client, uint32_t hobj)
{
    uint8_t key[4];
    make_key(key, hobj);
    known_object_free(map_remove(&client->known, key_of(key)));
}

const d2k_object_info *known_objects_find(const d2k_client *client, uint32_t hobj)
{
    uint8_t key[4];
    make_key(key, hobj);
    const struct known_object *object = map_get(&client->known, key_of(key));
    return object == NULL ? NULL : &object->info;
}

void known_objects_clear(d2k_client *client)
{
    struct known_object *object;
    size_t at = 0;
    while ((object = map_next(&client->known, &at)) != NULL) {
        known_object_free(object);
    }
    uint64_t seed[2] = {client->known.seed[0], client->known.seed[1]};
    map_free(&client->known);
    map_init(&client->known, false, seed);
}
