/* base/content_json.c: contents as JSON, as d2k-tell shows them and as a table is written as text.
 */
#include "base/content.h"
#include "base/json.h"
#include "base/table.h"

static void write_state(struct json *json, const char *key, const d2k_value *value)
{
    const char *state = d2k_state_name(value->type, value->content.state);
    json_write_text(json, key, slice_of(state != NULL ? state : "?"));
}

static void write_cell(struct json *json, const char *key, const d2k_value *cell)
{
    if ((cell->status & D2K_STATUS_VALID) != 0) {
        content_write_json(json, key, cell);
    } else {
        json_write_null(json, key);
    }
}

static void write_rows(struct json *json, const char *key, const d2k_value *value)
{
    char name[D2K_COLUMN_NAME_MAX + 1];
    d2k_value cell;
    bool has_names = value->type == D2K_TYPE_STRUCTURE;
    uint32_t last = d2k_table_columns(value) - 1;
    d2k_table_reader reader = d2k_table_read(value);
    json_write_open(json, key, '[');
    while (d2k_table_next(&reader, &cell)) {
        if (has_names && reader.column == 0) {
            json_write_open(json, NULL, '{');
        }
        (void)d2k_table_column(value, reader.column, name);
        write_cell(json, has_names ? name : NULL, &cell);
        if (has_names && reader.column == last) {
            json_write_close(json, '}');
        }
    }
    json_write_close(json, ']');
}

static void write_table(struct json *json, const char *key, const d2k_value *value)
{
    if (d2k_table_low(value) == 1) {
        write_rows(json, key, value);
        return;
    }
    json_write_open(json, key, '{');
    json_write_integer(json, "low", d2k_table_low(value));
    write_rows(json, "values", value);
    json_write_close(json, '}');
}

void content_write_json(struct json *json, const char *key, const d2k_value *value)
{
    switch (value->type) {
    case D2K_TYPE_BOOLEAN:
        json_write_boolean(json, key, value->content.boolean);
        return;
    case D2K_TYPE_INTEGER:
        json_write_integer(json, key, value->content.integer);
        return;
    case D2K_TYPE_REAL:
        json_write_real(json, key, value->content.real);
        return;
    case D2K_TYPE_ABSOLUTE_TIME:
        json_write_time(json, key, value->content.absolute_time_ns);
        return;
    case D2K_TYPE_RELATIVE_TIME:
        json_write_seconds(json, key, value->content.relative_time_ns);
        return;
    case D2K_TYPE_TEXT:
        json_write_text(json, key, content_bytes(value));
        return;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        write_state(json, key, value);
        return;
    case D2K_TYPE_HOBJ:
        json_write_unsigned(json, key, value->content.hobj);
        return;
    case D2K_TYPE_ARRAY:
    case D2K_TYPE_STRUCTURE:
        write_table(json, key, value);
        return;
    case D2K_TYPE_NONE:
        break;
    }
    json_write_null(json, key);
}
