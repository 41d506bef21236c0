/* base/table.c: reading a table: every offset is checked on the way, also of a value that a program
 * has made up. */
#include "base/table.h"

#include <inttypes.h>

#include "base/content.h"
#include "base/text.h"

#define BEFORE_COLUMNS 8u /* bytes: low and rows */

/* What stands before the cells. */
struct head {
    int32_t low;
    uint32_t rows;
    struct slice columns;
};

static d2k_result take_head(struct cursor *from, d2k_type type, struct head *ret, struct error *err)
{
    ret->low = (int32_t)cursor_u32(from);
    ret->rows = cursor_u32(from);
    if (from->failed) {
        return error_set(err, D2K_ARGUMENT, "the table ends before it is complete");
    }
    if (ret->rows > D2K_ROWS_MAX) {
        return error_set(err, D2K_ARGUMENT, "%" PRIu32 " rows, at most %u are allowed", ret->rows,
                         D2K_ROWS_MAX);
    }
    if (ret->rows > 0 && (int64_t)ret->low + ret->rows - 1 > INT32_MAX) {
        return error_set(err, D2K_ARGUMENT,
                         "%" PRIu32 " rows from index %" PRId32 " on: the last index is over %d",
                         ret->rows, ret->low, INT32_MAX);
    }
    return columns_take(from, type, &ret->columns, err);
}

/* ---- the check ---- */

static bool is_zero(struct cursor cell, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (cell.at[i] != 0) {
            return false;
        }
    }
    return true;
}

static d2k_result check_cell(struct cursor *from, d2k_type type, struct error *err)
{
    d2k_value cell = {.type = type};
    uint8_t valid = cursor_u8(from);
    struct cursor before = *from;
    bool known = content_decode(from, &cell);
    if (from->failed) {
        return error_set(err, D2K_ARGUMENT, "the table ends before it is complete");
    }
    if (valid > 1 || !known) {
        return error_set(err, D2K_ARGUMENT, "%s must be 0 or 1",
                         known ? "the validity of a cell" : "a Boolean");
    }
    if (valid == 1) {
        return content_check(&cell, err);
    }
    return is_zero(before, before.left - from->left)
               ? D2K_OK
               : error_set(err, D2K_ARGUMENT, "a cell that is not valid has a content");
}

d2k_result table_wrap_place(int64_t index, struct slice column, struct error *err)
{
    return column.size == 0 ? error_wrap(err, "element %" PRId64, index)
                            : error_wrap(err, "row %" PRId64 ", column %.*s", index,
                                         (int)column.size, column.data);
}

static d2k_result check_row(struct cursor *from, const struct head *head, uint32_t row,
                            struct error *err)
{
    struct cursor columns = columns_begin(head->columns);
    d2k_type type;
    struct slice name;
    while (columns_next(&columns, &type, &name)) {
        d2k_result result = check_cell(from, type, err);
        if (result != D2K_OK) {
            (void)table_wrap_place((int64_t)head->low + row, name, err);
            return result;
        }
    }
    return D2K_OK;
}

d2k_result table_check(d2k_type type, struct slice table, struct error *err)
{
    struct head head;
    struct cursor rest = cursor_of(table.data, table.data != NULL ? table.size : 0);
    if (table.size > D2K_TABLE_BYTES_MAX) {
        return error_set(err, D2K_ARGUMENT, "table of %zu bytes, at most %u are allowed",
                         table.size, D2K_TABLE_BYTES_MAX);
    }
    d2k_result result = take_head(&rest, type, &head, err);
    for (uint32_t row = 0; result == D2K_OK && row < head.rows; row++) {
        result = check_row(&rest, &head, row, err);
    }
    if (result == D2K_OK && rest.left > 0) {
        return error_set(err, D2K_ARGUMENT, "%zu bytes stand behind the last cell", rest.left);
    }
    return result;
}

static d2k_result name_difference(struct slice got, struct slice wanted, struct error *err)
{
    struct cursor a = columns_begin(got), b = columns_begin(wanted);
    d2k_type a_type, b_type;
    struct slice a_name, b_name;
    for (uint32_t number = 1;
         columns_next(&a, &a_type, &a_name) && columns_next(&b, &b_type, &b_name); number++) {
        if (a_type == b_type && slice_equal(a_name, b_name)) {
            continue;
        }
        return b_name.size == 0
                   ? error_set(err, D2K_TYPE, "the value has elements of type %s, not %s",
                               d2k_type_name(a_type), d2k_type_name(b_type))
                   : error_set(err, D2K_TYPE, "column %u is %.*s of type %s, not %.*s of type %s",
                               number, (int)a_name.size, a_name.data, d2k_type_name(a_type),
                               (int)b_name.size, b_name.data, d2k_type_name(b_type));
    }
    return error_set(err, D2K_TYPE, "it has %u columns, not %u", columns_count(got),
                     columns_count(wanted));
}

d2k_result table_check_columns(d2k_type type, struct slice table, struct slice columns,
                               struct error *err)
{
    struct cursor rest = cursor_of(table.data, table.size);
    struct slice got;
    (void)cursor_bytes(&rest, BEFORE_COLUMNS);
    /* The number of columns comes first: what begins alike is alike. */
    if (columns.size > 0 && columns.size <= rest.left &&
        memcmp(rest.at, columns.data, columns.size) == 0) {
        return D2K_OK;
    }
    d2k_result result = columns_take(&rest, type, &got, err);
    return result != D2K_OK ? result : name_difference(got, columns, err);
}

/* ---- what programs ask for ---- */

/* False: it is no table. */
static bool open_table(const d2k_value *value, struct head *ret_head, struct cursor *ret_cells)
{
    if (!content_is_table(value->type) || value->content.table.data == NULL) {
        return false;
    }
    *ret_cells = cursor_of(value->content.table.data, value->content.table.size);
    return take_head(ret_cells, value->type, ret_head, NULL) == D2K_OK;
}

uint32_t d2k_table_rows(const d2k_value *value)
{
    struct head head;
    struct cursor cells;
    return open_table(value, &head, &cells) ? head.rows : 0;
}

uint32_t d2k_table_columns(const d2k_value *value)
{
    struct head head;
    struct cursor cells;
    return open_table(value, &head, &cells) ? columns_count(head.columns) : 0;
}

int32_t d2k_table_low(const d2k_value *value)
{
    struct head head;
    struct cursor cells;
    return open_table(value, &head, &cells) ? head.low : 0;
}

d2k_type d2k_table_column(const d2k_value *value, uint32_t column, char *ret_name)
{
    struct head head;
    struct cursor cells;
    d2k_type type = D2K_TYPE_NONE;
    struct slice name = {NULL, 0};
    ret_name[0] = '\0';
    if (!open_table(value, &head, &cells)) {
        return D2K_TYPE_NONE;
    }
    struct cursor columns = columns_begin(head.columns);
    for (uint32_t i = 0; i <= column; i++) {
        if (!columns_next(&columns, &type, &name)) {
            return D2K_TYPE_NONE;
        }
    }
    if (name.size > 0) {
        memcpy(ret_name, name.data, name.size);
    }
    ret_name[name.size] = '\0';
    return type;
}

static bool take_cell(struct cursor *from, d2k_type type, d2k_value *ret_cell)
{
    *ret_cell = (d2k_value){.type = type};
    ret_cell->status = cursor_u8(from) == 1 ? D2K_STATUS_VALID : 0;
    return content_decode(from, ret_cell) && !from->failed;
}

d2k_table_reader d2k_table_read(const d2k_value *value)
{
    struct head head;
    struct cursor cells;
    d2k_table_reader reader = {.rows = 0};
    if (open_table(value, &head, &cells)) {
        reader.rows = head.rows;
        reader.cells_at = (const char *)cells.at;
        reader.cells_left = cells.left;
        reader.columns = head.columns.data;
        reader.columns_size = head.columns.size;
    }
    return reader;
}

bool d2k_table_next(d2k_table_reader *reader, d2k_value *ret_cell)
{
    struct cursor cells = cursor_of(reader->cells_at, reader->cells_left);
    struct cursor columns = cursor_of(reader->columns_at, reader->columns_left);
    d2k_type type;
    struct slice name;
    if (reader->next_row >= reader->rows) {
        return false;
    }
    if (reader->next_column == 0) {
        columns = columns_begin((struct slice){reader->columns, reader->columns_size});
    }
    if (!columns_next(&columns, &type, &name) || !take_cell(&cells, type, ret_cell)) {
        reader->rows = 0;
        return false;
    }
    reader->row = reader->next_row;
    reader->column = reader->next_column++;
    if (columns.left == 0) {
        reader->next_column = 0;
        reader->next_row++;
    }
    reader->cells_at = (const char *)cells.at;
    reader->cells_left = cells.left;
    reader->columns_at = (const char *)columns.at;
    reader->columns_left = columns.left;
    return true;
}

/* Where a cell stands in its row, if no column has texts. */
struct place {
    d2k_type type;
    size_t in_row, row_size;
    bool has_text;
};

static bool find_place(struct slice columns, uint32_t column, struct place *ret)
{
    struct cursor rest = columns_begin(columns);
    d2k_type type;
    struct slice name;
    bool found = false;
    *ret = (struct place){.type = D2K_TYPE_NONE};
    for (uint32_t i = 0; columns_next(&rest, &type, &name); i++) {
        if (i == column) {
            found = true;
            ret->type = type;
            ret->in_row = ret->row_size;
        }
        ret->has_text |= type == D2K_TYPE_TEXT;
        ret->row_size += 1 + content_fixed_size(type);
    }
    return found;
}

bool d2k_table_cell(const d2k_value *value, uint32_t row, uint32_t column, d2k_value *ret_cell)
{
    struct head head;
    struct cursor cells;
    struct place place;
    if (!open_table(value, &head, &cells) || row >= head.rows ||
        !find_place(head.columns, column, &place)) {
        return false;
    }
    if (!place.has_text) {
        (void)cursor_bytes(&cells, row * place.row_size + place.in_row);
        return take_cell(&cells, place.type, ret_cell);
    }
    d2k_table_reader reader = d2k_table_read(value);
    while (d2k_table_next(&reader, ret_cell)) {
        if (reader.row == row && reader.column == column) {
            return true;
        }
    }
    return false;
}

bool table_cell_at(const d2k_value *value, int64_t index, struct slice column, d2k_value *ret_cell)
{
    struct head head;
    struct cursor cells;
    uint32_t number;
    if (!open_table(value, &head, &cells) ||
        columns_find(head.columns, column, &number) == D2K_TYPE_NONE) {
        return false;
    }
    int64_t row = index - head.low;
    return row >= 0 && row < head.rows && d2k_table_cell(value, (uint32_t)row, number, ret_cell);
}
