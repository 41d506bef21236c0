/* wire/properties.c: lists are short, so the search for a key is a walk. */
#include "wire/properties.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

bool properties_next(struct cursor *rest, struct property *ret_property)
{
    if (rest->left == 0) {
        return false;
    }
    ret_property->key = cursor_u16(rest);
    ret_property->bytes = cursor_bytes(rest, cursor_u16(rest));
    return !rest->failed;
}

bool properties_find(struct slice list, uint16_t key, struct slice *ret_bytes)
{
    struct cursor rest = cursor_of(list.data, list.size);
    struct property property;
    while (properties_next(&rest, &property)) {
        if (property.key == key) {
            *ret_bytes = property.bytes;
            return true;
        }
    }
    return false;
}

static bool is_among(const uint16_t *keys, unsigned count, uint16_t key)
{
    for (unsigned i = 0; i < count; i++) {
        if (keys[i] == key) {
            return true;
        }
    }
    return false;
}

d2k_result properties_check(struct slice list, struct error *err)
{
    uint16_t keys[PROPERTIES_MAX];
    unsigned count = 0;
    struct cursor rest = cursor_of(list.data, list.size);
    struct property property;
    while (properties_next(&rest, &property)) {
        if (is_among(keys, count, property.key)) {
            return error_set(err, D2K_ARGUMENT, "property %" PRIu16 " stands there twice",
                             property.key);
        }
        if (count == PROPERTIES_MAX) {
            return error_set(err, D2K_ARGUMENT, "more than %u properties", PROPERTIES_MAX);
        }
        keys[count++] = property.key;
    }
    return rest.failed ? error_set(err, D2K_ARGUMENT,
                                   "the list of properties ends before its last one is complete")
                       : D2K_OK;
}

bool property_u8(struct slice bytes, uint8_t *ret_number)
{
    if (bytes.size != 1) {
        return false;
    }
    *ret_number = (uint8_t)bytes.data[0];
    return true;
}

bool property_u32(struct slice bytes, uint32_t *ret_number)
{
    struct cursor c = cursor_of(bytes.data, bytes.size);
    if (bytes.size != 4) {
        return false;
    }
    *ret_number = cursor_u32(&c);
    return true;
}

bool property_f64(struct slice bytes, double *ret_number)
{
    struct cursor c = cursor_of(bytes.data, bytes.size);
    if (bytes.size != 8) {
        return false;
    }
    uint64_t bits = cursor_u64(&c);
    memcpy(ret_number, &bits, sizeof bits);
    return isfinite(*ret_number);
}

void properties_put(struct buffer *out, uint16_t key, struct slice bytes)
{
    buffer_put_u16(out, key);
    buffer_put_u16(out, (uint16_t)bytes.size);
    buffer_put(out, bytes.data, bytes.size);
}

void properties_put_u8(struct buffer *out, uint16_t key, uint8_t number)
{
    properties_put(out, key, (struct slice){(const char *)&number, 1});
}

void properties_put_u32(struct buffer *out, uint16_t key, uint32_t number)
{
    const uint8_t bytes[4] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
                              (uint8_t)(number >> 24)};
    properties_put(out, key, (struct slice){(const char *)bytes, sizeof bytes});
}

void properties_put_f64(struct buffer *out, uint16_t key, double number)
{
    uint8_t bytes[8];
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(bits >> (8 * i));
    }
    properties_put(out, key, (struct slice){(const char *)bytes, sizeof bytes});
}
