/* base/content.h: the content of a value as bytes, the same on the wire, in the store and in the
 * cells of a table: nothing | u8 0/1 | i64 | f64 | i64 ns | u32 state or hobj | u32 size + bytes.
 *
 * Inline, since every value passes here once in each direction. */
#ifndef D2K_BASE_CONTENT_H
#define D2K_BASE_CONTENT_H

#include <string.h>

#include <d2k/value.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/json.h"

/* Writes a content as a member of JSON: numbers, texts, names of states, an Absolute time as
 * "2022-09-23T07:48:11.289000000Z", a Relative time in seconds, a table as d2k_table_from_text()
 * reads it. */
void content_write_json(struct json *json, const char *key, const d2k_value *value);

/* Range rules of every content, from the network or from a program: type known (None included),
 * real finite, an Absolute time in range, a state one of its type, text valid UTF-8 and within
 * D2K_TEXT_MAX_BYTES, a table as table_check() has it. D2K_ARGUMENT with the reason. */
d2k_result content_check(const d2k_value *value, struct error *err) D2K_MUST_CHECK;

static inline bool content_is_time(int64_t ns)
{
    return ns >= D2K_TIME_MIN_NS && ns <= D2K_TIME_MAX_NS;
}

static inline bool content_is_table(d2k_type type)
{
    return type == D2K_TYPE_ARRAY || type == D2K_TYPE_STRUCTURE;
}

/* Whether it stands in bytes of its own, behind a u32 size: those of the text or the table. */
static inline bool content_is_bytes(d2k_type type)
{
    return type == D2K_TYPE_TEXT || content_is_table(type);
}

/* Of a type that stands in bytes. */
static inline struct slice content_bytes(const d2k_value *value)
{
    return (struct slice){value->content.text.data, value->content.text.size};
}

static inline void content_set_bytes(d2k_value *value, struct slice bytes)
{
    value->content.text.data = bytes.data;
    value->content.text.size = bytes.size;
}

/* Bytes of a type whose contents have all the same size; of the others what stands before theirs.
 */
static inline size_t content_fixed_size(d2k_type type)
{
    switch (type) {
    case D2K_TYPE_NONE:
        return 0;
    case D2K_TYPE_BOOLEAN:
        return 1;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
    case D2K_TYPE_HOBJ:
    case D2K_TYPE_TEXT:
    case D2K_TYPE_ARRAY:
    case D2K_TYPE_STRUCTURE:
        return 4;
    default:
        return 8;
    }
}

static inline size_t content_size(const d2k_value *value)
{
    size_t bytes = content_is_bytes(value->type) ? value->content.text.size : 0;
    return content_fixed_size(value->type) + bytes;
}

/* Little-endian. Returns where the next one stands. */
static inline uint8_t *content_store_number(uint8_t *at, uint64_t number, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        at[i] = (uint8_t)(number >> (8 * i));
    }
    return at + count;
}

/* Writes content_size() bytes. */
static inline void content_store(uint8_t *at, const d2k_value *value)
{
    uint64_t bits;
    switch (value->type) {
    case D2K_TYPE_NONE:
        return;
    case D2K_TYPE_BOOLEAN:
        *at = value->content.boolean ? 1 : 0;
        return;
    case D2K_TYPE_TEXT:
    case D2K_TYPE_ARRAY:
    case D2K_TYPE_STRUCTURE:
        at = content_store_number(at, value->content.text.size, 4);
        if (value->content.text.size > 0) {
            memcpy(at, value->content.text.data, value->content.text.size);
        }
        return;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        content_store_number(at, value->content.state, 4);
        return;
    case D2K_TYPE_HOBJ:
        content_store_number(at, value->content.hobj, 4);
        return;
    case D2K_TYPE_REAL:
        memcpy(&bits, &value->content.real, sizeof(bits));
        break;
    case D2K_TYPE_ABSOLUTE_TIME:
        bits = (uint64_t)value->content.absolute_time_ns;
        break;
    case D2K_TYPE_RELATIVE_TIME:
        bits = (uint64_t)value->content.relative_time_ns;
        break;
    default:
        bits = (uint64_t)value->content.integer;
        break;
    }
    content_store_number(at, bits, 8);
}

/* Takes the content of a value whose type is set already; bytes are borrowed. False: a Boolean that
 * is neither 0 nor 1. */
static inline bool content_decode(struct cursor *from, d2k_value *value)
{
    uint64_t bits;
    uint8_t boolean;
    switch (value->type) {
    case D2K_TYPE_BOOLEAN:
        boolean = cursor_u8(from);
        value->content.boolean = boolean == 1;
        return boolean <= 1;
    case D2K_TYPE_INTEGER:
        value->content.integer = (int64_t)cursor_u64(from);
        return true;
    case D2K_TYPE_REAL:
        bits = cursor_u64(from);
        memcpy(&value->content.real, &bits, sizeof(bits));
        return true;
    case D2K_TYPE_ABSOLUTE_TIME:
        value->content.absolute_time_ns = (int64_t)cursor_u64(from);
        return true;
    case D2K_TYPE_RELATIVE_TIME:
        value->content.relative_time_ns = (int64_t)cursor_u64(from);
        return true;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        value->content.state = cursor_u32(from);
        return true;
    case D2K_TYPE_HOBJ:
        value->content.hobj = cursor_u32(from);
        return true;
    case D2K_TYPE_TEXT:
    case D2K_TYPE_ARRAY:
    case D2K_TYPE_STRUCTURE:
        content_set_bytes(value, cursor_bytes(from, cursor_u32(from)));
        return true;
    default:
        return true; /* None has no content; any other type is refused by content_check() */
    }
}

#endif
