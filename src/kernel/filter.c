/* Filters of ListObjects. */
#include "kernel/filter.h"

#include <string.h>

#include "base/text.h"
#include "wire/properties.h"

_Static_assert(WIRE_PATTERN_MAX <= UINT8_MAX, "filter_pattern.size counts them");

/* A number from `min` to `max`; without the property *ret stays. */
static d2k_result take_number(struct slice list, uint16_t key, uint8_t min, uint8_t max,
                              uint8_t *ret, struct error *err)
{
    struct slice bytes;
    if (!properties_find(list, key, &bytes)) {
        return D2K_OK;
    }
    if (!property_u8(bytes, ret) || *ret < min || *ret > max) {
        return error_set(err, D2K_ARGUMENT, "filter %u must be one byte from %u to %u",
                         (unsigned)key, (unsigned)min, (unsigned)max);
    }
    return D2K_OK;
}

static d2k_result take_pattern(struct slice list, uint16_t key, struct filter_pattern *ret,
                               struct error *err)
{
    struct slice bytes;
    if (!properties_find(list, key, &bytes)) {
        return D2K_OK;
    }
    if (bytes.size > sizeof ret->text || !text_is_utf8(bytes)) {
        return error_set(err, D2K_ARGUMENT,
                         "filter %u is a pattern of over %zu bytes, or is not UTF-8 text",
                         (unsigned)key, sizeof ret->text);
    }
    ret->given = true;
    ret->size = (uint8_t)bytes.size;
    memcpy(ret->text, bytes.data, bytes.size);
    return D2K_OK;
}

d2k_result filter_take(struct slice list, struct filter *ret_filter, struct error *err)
{
    struct filter filter = {.type = D2K_TYPE_NONE};
    struct slice kind;
    d2k_result rc = properties_check(list, err);
    if (rc == D2K_OK) {
        rc = take_number(list, PROPERTY_FILTER_TYPE, D2K_TYPE_BOOLEAN, D2K_TYPE_LAST, &filter.type,
                         err);
    }
    if (rc == D2K_OK) {
        rc = take_number(list, PROPERTY_FILTER_QUALITY, WIRE_QUALITY_ALL, WIRE_QUALITY_INVALID,
                         &filter.quality, err);
    }
    if (rc == D2K_OK) {
        filter.has_kind = properties_find(list, PROPERTY_FILTER_KIND, &kind);
        rc = take_number(list, PROPERTY_FILTER_KIND, WIRE_KIND_PROCESS, WIRE_KIND_SYSTEM_TAG,
                         &filter.kind, err);
    }
    if (rc == D2K_OK) {
        rc = take_pattern(list, PROPERTY_FILTER_OWNER, &filter.owner, err);
    }
    if (rc == D2K_OK) {
        rc = take_pattern(list, PROPERTY_FILTER_PATH, &filter.path, err);
    }
    if (rc == D2K_OK) {
        *ret_filter = filter;
    }
    return rc;
}

static bool fits(const struct filter_pattern *pattern, struct slice text)
{
    return !pattern->given || text_matches(text, (struct slice){pattern->text, pattern->size});
}

static bool path_fits(const struct filter_pattern *pattern, const struct object *object)
{
    struct slice path = {"", 0};
    struct slice list = {object->properties, object->properties_size};
    if (!pattern->given) {
        return true;
    }
    (void)properties_find(list, PROPERTY_PATH, &path); /* without one it stays empty */
    return fits(pattern, path);
}

bool filter_passes(const struct filter *filter, const struct object *object)
{
    bool valid = object->current != NULL && (object->value.status & D2K_STATUS_VALID) != 0;
    return (filter->type == D2K_TYPE_NONE || filter->type == object->type) &&
           (!filter->has_kind || filter->kind == object->kind) &&
           (filter->quality == WIRE_QUALITY_ALL ||
            valid == (filter->quality == WIRE_QUALITY_VALID)) &&
           fits(&filter->owner, slice_of(object->owner)) && path_fits(&filter->path, object);
}
