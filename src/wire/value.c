/* wire/value.c: the value record. Every published value passes here once in each direction, so a
 * record is written with one reservation and read without copying. */
#include "wire/value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

/* What `size` of a record counts before the content. */
#define RECORD_FIXED_SIZE (WIRE_VALUE_HEADER_SIZE - 4u)
#define DELIVERY_PAST     0x01u
#define EXTRAS_SIZE       10u /* limit status, process alarm, its time */

/* ---- rules ---- */

static bool is_time(int64_t ns)
{
    return ns >= D2K_TIME_MIN_NS && ns <= D2K_TIME_MAX_NS;
}

static d2k_result check_text(struct slice text, struct error *err)
{
    if (text.size > D2K_TEXT_MAX_BYTES) {
        return error_set(err, D2K_ARGUMENT, "text of %zu bytes, at most %u are allowed", text.size,
                         D2K_TEXT_MAX_BYTES);
    }
    if (!text_is_utf8(text)) {
        return error_set(err, D2K_ARGUMENT, "text is not valid UTF-8 without NUL");
    }
    return D2K_OK;
}

static d2k_result check_state(const d2k_value *value, struct error *err)
{
    if (d2k_state_name(value->type, value->content.state) == NULL) {
        return error_set(err, D2K_ARGUMENT, "%" PRIu32 " is no state of type %s",
                         value->content.state, d2k_type_name(value->type));
    }
    return D2K_OK;
}

static d2k_result check_content(const d2k_value *value, struct error *err)
{
    switch (value->type) {
    case D2K_TYPE_NONE:
    case D2K_TYPE_BOOLEAN:
    case D2K_TYPE_INTEGER:
    case D2K_TYPE_RELATIVE_TIME:
    case D2K_TYPE_HOBJ:
        return D2K_OK;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        return check_state(value, err);
    case D2K_TYPE_REAL:
        if (!isfinite(value->content.real)) {
            return error_set(err, D2K_ARGUMENT, "a Real must be finite");
        }
        return D2K_OK;
    case D2K_TYPE_ABSOLUTE_TIME:
        if (!is_time(value->content.absolute_time_ns)) {
            return error_set(err, D2K_ARGUMENT,
                             "Absolute time %" PRId64 " ns is not within the years 1972..2099",
                             value->content.absolute_time_ns);
        }
        return D2K_OK;
    case D2K_TYPE_TEXT:
        return check_text((struct slice){value->content.text.data, value->content.text.size}, err);
    default:
        return error_set(err, D2K_ARGUMENT, "value type %u is not known", (unsigned)value->type);
    }
}

d2k_result wire_value_check(const d2k_value *value, struct error *err)
{
    if ((value->status & ~D2K_STATUS_ALL) != 0) {
        return error_set(err, D2K_ARGUMENT, "status 0x%" PRIx32 " has bits that are not known",
                         value->status);
    }
    if (value->time_ns != 0 && !is_time(value->time_ns)) {
        return error_set(err, D2K_ARGUMENT,
                         "time stamp %" PRId64 " ns is not within the years 1972..2099",
                         value->time_ns);
    }
    if (value->limit_status > D2K_LIMITS_PROBLEM) {
        return error_set(err, D2K_ARGUMENT, "%u is no limit status", value->limit_status);
    }
    if (value->process_alarm > D2K_PALARM_LAST) {
        return error_set(err, D2K_ARGUMENT, "%u is no process alarm", value->process_alarm);
    }
    if (value->process_alarm_time_ns != 0 && !is_time(value->process_alarm_time_ns)) {
        return error_set(err, D2K_ARGUMENT,
                         "time of the process alarm %" PRId64 " ns is not within the years "
                         "1972..2099",
                         value->process_alarm_time_ns);
    }
    return check_content(value, err);
}

/* ---- encoding ---- */

static uint8_t *store(uint8_t *at, uint64_t v, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        at[i] = (uint8_t)(v >> (8 * i));
    }
    return at + count;
}

static size_t content_size(const d2k_value *value)
{
    switch (value->type) {
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
        return 4;
    case D2K_TYPE_TEXT:
        return 4 + value->content.text.size;
    default:
        return 8;
    }
}

static void store_content(uint8_t *at, const d2k_value *value)
{
    uint64_t bits;
    switch (value->type) {
    case D2K_TYPE_NONE:
        return;
    case D2K_TYPE_BOOLEAN:
        *at = value->content.boolean ? 1 : 0;
        return;
    case D2K_TYPE_TEXT:
        at = store(at, value->content.text.size, 4);
        if (value->content.text.size > 0) {
            memcpy(at, value->content.text.data, value->content.text.size);
        }
        return;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        store(at, value->content.state, 4);
        return;
    case D2K_TYPE_HOBJ:
        store(at, value->content.hobj, 4);
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
    store(at, bits, 8);
}

d2k_result wire_value_encode(struct buffer *out, uint32_t hobj, const d2k_value *value)
{
    size_t content = content_size(value);
    bool has_extras =
        value->limit_status != 0 || value->process_alarm != 0 || value->process_alarm_time_ns != 0;
    size_t size = RECORD_FIXED_SIZE + content + (has_extras ? EXTRAS_SIZE : 0);
    uint8_t *at = buffer_reserve(out, 4 + size);
    if (at == NULL) {
        return D2K_NO_MEMORY;
    }
    at = store(at, size, 4);
    at = store(at, hobj, 4);
    at = store(at, (uint64_t)value->type, 1);
    at = store(at, value->past ? DELIVERY_PAST : 0, 1);
    at = store(at, value->flags, 2);
    at = store(at, value->status, 4);
    at = store(at, (uint64_t)value->time_ns, 8);
    at = store(at, value->sequence, 8);
    store_content(at, value);
    if (has_extras) {
        at = store(at + content, value->limit_status, 1);
        at = store(at, value->process_alarm, 1);
        store(at, (uint64_t)value->process_alarm_time_ns, 8);
    }
    buffer_added(out, 4 + size);
    return D2K_OK;
}

/* ---- decoding ---- */

/* False: a Boolean that is neither 0 nor 1. */
static bool decode_content(struct cursor *record, d2k_value *value)
{
    uint64_t bits;
    struct slice text;
    uint8_t boolean;
    switch (value->type) {
    case D2K_TYPE_BOOLEAN:
        boolean = cursor_u8(record);
        value->content.boolean = boolean == 1;
        return boolean <= 1;
    case D2K_TYPE_INTEGER:
        value->content.integer = (int64_t)cursor_u64(record);
        return true;
    case D2K_TYPE_REAL:
        bits = cursor_u64(record);
        memcpy(&value->content.real, &bits, sizeof(bits));
        return true;
    case D2K_TYPE_ABSOLUTE_TIME:
        value->content.absolute_time_ns = (int64_t)cursor_u64(record);
        return true;
    case D2K_TYPE_RELATIVE_TIME:
        value->content.relative_time_ns = (int64_t)cursor_u64(record);
        return true;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        value->content.state = cursor_u32(record);
        return true;
    case D2K_TYPE_HOBJ:
        value->content.hobj = cursor_u32(record);
        return true;
    case D2K_TYPE_TEXT:
        text = cursor_bytes(record, cursor_u32(record));
        value->content.text.data = text.data;
        value->content.text.size = text.size;
        return true;
    default:
        return true; /* None has no content; any other type is refused by wire_value_check() */
    }
}

d2k_result wire_content_decode(struct slice bytes, d2k_value *value, struct error *err)
{
    struct cursor rest = cursor_of(bytes.data, bytes.size);
    if (!decode_content(&rest, value) || rest.failed || rest.left > 0) {
        return error_set(err, D2K_ARGUMENT, "%zu bytes are no content of type %s", bytes.size,
                         d2k_type_name(value->type));
    }
    return wire_value_check(value, err);
}

static bool decode_record(struct cursor record, uint32_t *ret_hobj, d2k_value *value,
                          struct error *err)
{
    uint32_t hobj = cursor_u32(&record);
    value->type = (d2k_type)cursor_u8(&record);
    value->past = (cursor_u8(&record) & DELIVERY_PAST) != 0;
    value->flags = cursor_u16(&record);
    value->status = cursor_u32(&record);
    value->time_ns = (int64_t)cursor_u64(&record);
    value->sequence = cursor_u64(&record);
    bool content_known = decode_content(&record, value);
    *ret_hobj = hobj;
    if (record.failed) {
        error_set(err, D2K_ARGUMENT, "the record ends before its content is complete");
        return false;
    }
    if (!content_known) {
        error_set(err, D2K_ARGUMENT, "a Boolean must be 0 or 1");
        return false;
    }
    if (record.left >= EXTRAS_SIZE) {
        value->limit_status = cursor_u8(&record);
        value->process_alarm = cursor_u8(&record);
        value->process_alarm_time_ns = (int64_t)cursor_u64(&record);
    }
    return wire_value_check(value, err) == D2K_OK;
}

int wire_value_decode(struct cursor *rest, uint32_t *ret_hobj, d2k_value *ret_value,
                      struct error *err)
{
    memset(ret_value, 0, sizeof(*ret_value));
    *ret_hobj = 0;
    if (rest->left == 0 && !rest->failed) {
        return 0;
    }
    uint32_t size = cursor_u32(rest);
    struct slice record = cursor_bytes(rest, size);
    if (rest->failed) {
        error_set(err, D2K_ARGUMENT, "a value record ends before it is complete");
        return -1;
    }
    if (!decode_record(cursor_of(record.data, record.size), ret_hobj, ret_value, err)) {
        error_wrap(err, "value of object %" PRIu32, *ret_hobj);
        return -1;
    }
    return 1;
}
