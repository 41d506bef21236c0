/* base/table.h: the content of an Array or a Structure in bytes, as include/d2k/table.h shows it.
 *
 *     i32 low          index of the first row
 *     u32 rows
 *     u8  columns      of an Array 1
 *     per column       u8 type, u16 size + name; of an Array without a name
 *     per row and column: u8 valid (0 or 1), content (base/content.h); of a cell that is not valid
 *                      all 0: without text
 *
 * The columns stand there in the very form of the property COLUMNS of the object's definition. */
#ifndef D2K_BASE_TABLE_H
#define D2K_BASE_TABLE_H

#include <d2k/table.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"

/* Takes columns from the front of a cursor, for objects of type Array or Structure, and checks
 * them. D2K_ARGUMENT with the reason. */
d2k_result columns_take(struct cursor *from, d2k_type type, struct slice *ret_columns,
                        struct error *err) D2K_MUST_CHECK;
/* The same of columns that are all there is. */
d2k_result columns_check(struct slice columns, d2k_type type, struct error *err) D2K_MUST_CHECK;
/* How many there are in columns that were checked. */
uint32_t columns_count(struct slice columns);
/* Appends those of an object of this type. D2K_ARGUMENT, D2K_LIMIT, D2K_NO_MEMORY as
 * d2k_structure_new() has it; of an Array one, whose name is empty or NULL. */
d2k_result columns_put(struct buffer *out, d2k_type type, const d2k_column *columns, size_t count,
                       struct error *err) D2K_MUST_CHECK;
/* The column of this name, ASCII case ignored; D2K_TYPE_NONE: there is none. */
d2k_type columns_find(struct slice columns, struct slice name, uint32_t *ret_number);
/* columns_count() of columns that were checked, with their names in the same memory: free() it.
 * NULL: out of memory. */
d2k_column *columns_copy(struct slice columns);

/* Walks columns that were checked: false when there is none any more. */
struct cursor columns_begin(struct slice columns);
bool columns_next(struct cursor *rest, d2k_type *ret_type, struct slice *ret_name);

/* Whether it is a table of this type, with all cells in their ranges and within the limits.
 * D2K_ARGUMENT: the sentence names row and column. */
d2k_result table_check(d2k_type type, struct slice table, struct error *err) D2K_MUST_CHECK;
/* Whether a table that was checked has these columns, which were checked, too, or are empty.
 * D2K_TYPE: the sentence names the first that differs. */
d2k_result table_check_columns(d2k_type type, struct slice table, struct slice columns,
                               struct error *err) D2K_MUST_CHECK;

/* The cell of the row with this index, as it is counted from the low one, in the column of this
 * name; of an Array without one. False: there is none, or the value is no table. */
bool table_cell_at(const d2k_value *value, int64_t index, struct slice column, d2k_value *ret_cell);

/* A table that is being made (base/table_new.c). */
struct d2k_table {
    d2k_type type;
    int32_t low;
    uint32_t rows; /* complete ones */
    size_t columns_size;
    size_t next_column_at; /* in `bytes`; as columns_begin(): the next cell begins a row */
    uint8_t *bytes;        /* of the value, but for low and rows */
    size_t size, capacity;
    struct error error;
};

/* As d2k_array_new(), d2k_structure_new(), with columns that were checked. D2K_NO_MEMORY. */
d2k_result table_new(d2k_type type, struct slice columns, d2k_table **ret_table) D2K_MUST_CHECK;
struct slice table_columns(const d2k_table *table);

/* Puts "row 2, column Temp: " in front, or "element 2: "; returns the unchanged code, as
 * error_wrap(). */
d2k_result table_wrap_place(int64_t index, struct slice column, struct error *err);

#endif
