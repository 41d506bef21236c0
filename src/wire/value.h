/* wire/value.h: one value on the wire, the record that Update and Write carry.
 *
 *     u32 size         of what follows this field
 *     u32 hobj         kernel-wide number of the object
 *     u8  type         d2k_type
 *     u8  delivery     bit 0: of the past
 *     u16 user flags   A..P
 *     u32 status       D2K_STATUS_ bits
 *     i64 time         nanoseconds since 1970-01-01 UTC
 *     u64 sequence     number that the source gave
 *     content          nothing | u8 0/1 | i64 | f64 | i64 ns | i64 ns | u32 size + UTF-8 |
 *                      u32 state or hobj | u32 size + table (base/table.h)
 *     u8  limit status         these three only if one of them is not 0
 *     u8  process alarm        d2k_process_alarm
 *     i64 time of that
 *     (bytes after it are skipped: later versions may add fields)
 *
 * The bytes name the object by its kernel-wide number, so they are the same for every reader. */
#ifndef D2K_WIRE_VALUE_H
#define D2K_WIRE_VALUE_H

#include <d2k/value.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"

#define WIRE_VALUE_HEADER_SIZE 32u /* up to the content, with the size field */

/* Appends one record. The value must be valid (wire_value_check). D2K_NO_MEMORY: nothing is
 * appended and the buffer is marked as failed, which wire_end() takes back with the frame. */
d2k_result wire_value_encode(struct buffer *out, uint32_t hobj,
                             const d2k_value *value) D2K_MUST_CHECK;

/* Takes the next record from the front of *rest. 1: filled (text points into the bytes); 0: no
 * more; -1: malformed, err (NULL allowed) says how. After -1 *ret_hobj is the object if the record
 * was long enough to say, else 0. */
int wire_value_decode(struct cursor *rest, uint32_t *ret_hobj, d2k_value *ret_value,
                      struct error *err);

/* The objects of the next records, as far as they are whole, at most `max`: how many. Checks
 * nothing. */
unsigned wire_value_peek(struct cursor rest, uint32_t *ret_hobjs, unsigned max);

/* The content of a record alone, as it stands there: of a value whose type is set already. Text
 * points into the bytes. D2K_ARGUMENT: too short or too long, or against the range rules. */
d2k_result wire_content_decode(struct slice bytes, d2k_value *value,
                               struct error *err) D2K_MUST_CHECK;

/* Range rules of every value, from the network or from a program: type known (None included:
 * whether it fits the object is the caller's to check), status, limit status and process alarm
 * within theirs, times in range (a time stamp and the time of an alarm may also be 0), content as
 * content_check() has it. D2K_ARGUMENT with the
 * reason. */
d2k_result wire_value_check(const d2k_value *value, struct error *err) D2K_MUST_CHECK;

#endif
