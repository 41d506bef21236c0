/* fuzz_value.c: any bytes as value records. A value that passes the check must survive the way to
 * the wire and back, and a table has as many cells as it says. */
#include <string.h>

#include <d2k/table.h>

#include "base/content.h"
#include "fuzz.h"
#include "wire/value.h"

#define PEEKED 4u

static void encode_again(uint32_t hobj, const d2k_value *value)
{
    struct buffer encoded;
    struct cursor rest;
    struct error err;
    d2k_value again;
    uint32_t hobj_again = 0;

    buffer_init(&encoded, 2 * D2K_TEXT_MAX_BYTES);
    fuzz_expect(wire_value_encode(&encoded, hobj, value) == D2K_OK);
    rest = cursor_of(buffer_data(&encoded), buffer_size(&encoded));
    fuzz_expect(wire_value_decode(&rest, &hobj_again, &again, &err) == 1);
    fuzz_expect(rest.left == 0 && hobj_again == hobj);
    fuzz_expect(again.type == value->type && again.status == value->status);
    fuzz_expect(again.flags == value->flags && again.past == value->past);
    fuzz_expect(again.time_ns == value->time_ns && again.sequence == value->sequence);
    fuzz_expect(again.limit_status == value->limit_status);
    fuzz_expect(again.process_alarm == value->process_alarm);
    fuzz_expect(again.process_alarm_time_ns == value->process_alarm_time_ns);
    if (content_is_bytes(value->type)) {
        fuzz_expect(slice_equal(content_bytes(&again), content_bytes(value)));
    }
    buffer_free(&encoded);
}

static void read_cells(const d2k_value *value)
{
    d2k_table_reader reader = d2k_table_read(value);
    d2k_value cell, same;
    size_t cells = 0;
    while (d2k_table_next(&reader, &cell)) {
        cells++;
        if (cells % 97 == 1) { /* some: each may walk through the whole table */
            fuzz_expect(d2k_table_cell(value, reader.row, reader.column, &same));
            fuzz_expect(same.type == cell.type && same.status == cell.status);
        }
    }
    fuzz_expect(cells == (size_t)d2k_table_rows(value) * d2k_table_columns(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor rest = cursor_of(data, size);
    struct error err;
    d2k_value value;
    uint32_t hobj, next[PEEKED];
    unsigned peeked = wire_value_peek(rest, next, PEEKED), at = 0;

    for (; wire_value_decode(&rest, &hobj, &value, &err) == 1; at++) {
        char text[64];

        fuzz_expect(at >= PEEKED || (at < peeked && next[at] == hobj));

        if (wire_value_check(&value, &err) == D2K_OK) {
            encode_again(hobj, &value);
            read_cells(&value);
            (void)d2k_value_format(&value, text, sizeof(text));
            fuzz_expect(memchr(text, '\0', sizeof(text)) != NULL);
        }
    }
    return 0;
}
