/* wire/value.c: the value record. Every published value passes here once in each direction, so a
 * record is written with one reservation and read without copying. */
#include "wire/value.h"

#include <inttypes.h>
#include <string.h>

#include "base/content.h"

/* What `size` of a record counts before the content. */
#define RECORD_FIXED_SIZE (WIRE_VALUE_HEADER_SIZE - 4u)
#define DELIVERY_PAST     0x01u
#define EXTRAS_SIZE       10u /* limit status, process alarm, its time */

/* ---- rules ---- */

d2k_result wire_value_check(const d2k_value *value, struct error *err)
{
    if ((value->status & ~D2K_STATUS_ALL) != 0) {
        return error_set(err, D2K_ARGUMENT, "status 0x%" PRIx32 " has bits that are not known",
                         value->status);
    }
    if (value->time_ns != 0 && !content_is_time(value->time_ns)) {
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
    if (value->process_alarm_time_ns != 0 && !content_is_time(value->process_alarm_time_ns)) {
        return error_set(err, D2K_ARGUMENT,
                         "time of the process alarm %" PRId64 " ns is not within the years "
                         "1972..2099",
                         value->process_alarm_time_ns);
    }
    return content_check(value, err);
}

/* ---- encoding ---- */

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
    at = content_store_number(at, size, 4);
    at = content_store_number(at, hobj, 4);
    at = content_store_number(at, (uint64_t)value->type, 1);
    at = content_store_number(at, value->past ? DELIVERY_PAST : 0, 1);
    at = content_store_number(at, value->flags, 2);
    at = content_store_number(at, value->status, 4);
    at = content_store_number(at, (uint64_t)value->time_ns, 8);
    at = content_store_number(at, value->sequence, 8);
    content_store(at, value);
    if (has_extras) {
        at = content_store_number(at + content, value->limit_status, 1);
        at = content_store_number(at, value->process_alarm, 1);
        content_store_number(at, (uint64_t)value->process_alarm_time_ns, 8);
    }
    buffer_added(out, 4 + size);
    return D2K_OK;
}

/* ---- decoding ---- */

unsigned wire_value_peek(struct cursor rest, uint32_t *ret_hobjs, unsigned max)
{
    unsigned count = 0;
    while (count < max && rest.left > 0) {
        struct slice record = cursor_bytes(&rest, cursor_u32(&rest));
        struct cursor fields = cursor_of(record.data, record.size);
        ret_hobjs[count] = cursor_u32(&fields);
        if (rest.failed || fields.failed) {
            break;
        }
        count++;
    }
    return count;
}

d2k_result wire_content_decode(struct slice bytes, d2k_value *value, struct error *err)
{
    struct cursor rest = cursor_of(bytes.data, bytes.size);
    if (!content_decode(&rest, value) || rest.failed || rest.left > 0) {
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
    bool content_known = content_decode(&record, value);
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
