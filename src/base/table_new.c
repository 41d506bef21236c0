/* base/table_new.c: making a table: its bytes are ready at any time, but for low and rows. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/content.h"
#include "base/table.h"

#define LOW_AT     0u /* places in the bytes */
#define ROWS_AT    4u
#define COLUMNS_AT 8u
#define ROOM       256u /* for the first cells */

struct slice table_columns(const d2k_table *table)
{
    return (struct slice){(const char *)table->bytes + COLUMNS_AT, table->columns_size};
}

void d2k_table_clear(d2k_table *table)
{
    table->rows = 0;
    table->size = COLUMNS_AT + table->columns_size;
    table->next_column_at = COLUMNS_AT + 1;
}

d2k_result table_new(d2k_type type, struct slice columns, d2k_table **ret_table)
{
    size_t capacity = COLUMNS_AT + columns.size + ROOM;
    d2k_table *table = calloc(1, sizeof *table);
    uint8_t *bytes = calloc(1, capacity);
    *ret_table = NULL;
    if (table == NULL || bytes == NULL) {
        free(table);
        free(bytes);
        return D2K_NO_MEMORY;
    }
    memcpy(bytes + COLUMNS_AT, columns.data, columns.size);
    table->type = type;
    table->low = 1;
    table->bytes = bytes;
    table->capacity = capacity;
    table->columns_size = columns.size;
    d2k_table_clear(table);
    *ret_table = table;
    return D2K_OK;
}

static d2k_result new_with(d2k_type type, const d2k_column *columns, size_t count,
                           d2k_table **ret_table)
{
    struct buffer bytes;
    *ret_table = NULL;
    buffer_init(&bytes, D2K_TABLE_BYTES_MAX);
    d2k_result result = columns_put(&bytes, type, columns, count, NULL);
    if (result == D2K_OK) {
        result =
            table_new(type, (struct slice){(const char *)buffer_data(&bytes), buffer_size(&bytes)},
                      ret_table);
    }
    buffer_free(&bytes);
    return result;
}

d2k_result d2k_array_new(d2k_type element, d2k_table **ret_table)
{
    const d2k_column column = {element, ""};
    return new_with(D2K_TYPE_ARRAY, &column, 1, ret_table);
}

d2k_result d2k_structure_new(const d2k_column *columns, size_t count, d2k_table **ret_table)
{
    return new_with(D2K_TYPE_STRUCTURE, columns, count, ret_table);
}

void d2k_table_free(d2k_table *table)
{
    if (table != NULL) {
        free(table->bytes);
        free(table);
    }
}

void d2k_table_set_low(d2k_table *table, int32_t low)
{
    table->low = low;
}

const char *d2k_table_error_text(const d2k_table *table)
{
    return table->error.text;
}

/* ---- cells ---- */

static bool reserve(d2k_table *table, size_t count)
{
    if (count <= table->capacity - table->size) {
        return true;
    }
    size_t larger = 2 * (table->size + count);
    uint8_t *grown = realloc(table->bytes, larger);
    if (grown == NULL) {
        return false;
    }
    table->bytes = grown;
    table->capacity = larger;
    return true;
}

static d2k_result check_new(const d2k_value *cell, d2k_type type, struct error *err)
{
    if (cell->type != type) {
        return error_set(err, D2K_TYPE, "the column has the type %s, the value %s",
                         d2k_type_name(type), d2k_type_name(cell->type));
    }
    return content_check(cell, err);
}

static d2k_result check_room(const d2k_table *table, size_t size, struct error *err)
{
    if (table->rows == D2K_ROWS_MAX) {
        return error_set(err, D2K_LIMIT, "a table has at most %u rows", D2K_ROWS_MAX);
    }
    if (size > D2K_TABLE_BYTES_MAX - table->size) {
        return error_set(err, D2K_LIMIT, "a table has at most %u bytes", D2K_TABLE_BYTES_MAX);
    }
    return D2K_OK;
}

static d2k_result append(d2k_table *table, d2k_type type, const d2k_value *cell)
{
    bool valid = cell != NULL && (cell->status & D2K_STATUS_VALID) != 0;
    d2k_result result = valid ? check_new(cell, type, &table->error) : D2K_OK;
    if (result != D2K_OK) {
        return result;
    }
    size_t size = 1 + (valid ? content_size(cell) : content_fixed_size(type));
    result = check_room(table, size, &table->error);
    if (result != D2K_OK) {
        return result;
    }
    if (!reserve(table, size)) {
        return error_no_memory(&table->error);
    }
    uint8_t *at = table->bytes + table->size;
    memset(at, 0, size);
    if (valid) {
        at[0] = 1;
        content_store(at + 1, cell);
    }
    table->size += size;
    return D2K_OK;
}

d2k_result d2k_table_add(d2k_table *table, const d2k_value *cell)
{
    size_t columns_end = COLUMNS_AT + table->columns_size;
    struct cursor columns =
        cursor_of(table->bytes + table->next_column_at, columns_end - table->next_column_at);
    d2k_type type = D2K_TYPE_NONE;
    struct slice name = {NULL, 0};
    (void)columns_next(&columns, &type, &name);
    d2k_result result = append(table, type, cell);
    if (result != D2K_OK) {
        return table_wrap_place((int64_t)table->low + table->rows, name, &table->error);
    }
    table->next_column_at = columns_end - columns.left;
    if (columns.left == 0) {
        table->next_column_at = COLUMNS_AT + 1;
        table->rows++;
    }
    return D2K_OK;
}

d2k_result d2k_table_value(d2k_table *table, d2k_value *ret_value)
{
    if (table->next_column_at != COLUMNS_AT + 1) {
        return error_set(&table->error, D2K_STATE, "the last row is not complete");
    }
    if (table->rows > 0 && (int64_t)table->low + table->rows - 1 > INT32_MAX) {
        return error_set(&table->error, D2K_ARGUMENT, "the index of the last row is over %d",
                         INT32_MAX);
    }
    (void)content_store_number(table->bytes + LOW_AT, (uint32_t)table->low, 4);
    (void)content_store_number(table->bytes + ROWS_AT, table->rows, 4);
    *ret_value = (d2k_value){.type = table->type, .status = D2K_STATUS_VALID};
    ret_value->content.table.data = (const char *)table->bytes;
    ret_value->content.table.size = table->size;
    return D2K_OK;
}
