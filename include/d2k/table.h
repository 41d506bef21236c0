/* d2k/table.h: values of type Array and Structure.
 *
 * Both are tables: rows of cells, each cell a content of a simple type or not valid. A Structure
 * has named columns; an Array has one column without a name, and its rows are its elements. As in
 * D2000, rows are counted from a low index, which is 1 unless somebody says otherwise. Here rows
 * and columns are given from 0, so the index of a row is d2k_table_low() + row.
 *
 * The columns belong to the definition of the object: a value with others is refused. Nothing here
 * needs a client; one table is used by one thread at a time. */
#ifndef D2K_TABLE_H
#define D2K_TABLE_H

#include <d2k/result.h>
#include <d2k/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits, each tested at the limit and one past it. */
#define D2K_COLUMNS_MAX     64u
#define D2K_COLUMN_NAME_MAX 64u    /* bytes, ASCII */
#define D2K_ROWS_MAX        10000u /* of one value */
#define D2K_TABLE_BYTES_MAX 61440u /* of one value, with its columns */

/* One column of a Structure: its name is a letter, then letters, digits and '_'; case is ignored.
 * The type is a simple one: Boolean to Hobj. */
typedef struct d2k_column {
    d2k_type type;
    const char *name;
} d2k_column;

/* ---- reading ---- */

/* Of a value of another type, or one that is no table, these are 0. The low index of a table
 * without rows is kept, too. */
D2K_API uint32_t d2k_table_rows(const d2k_value *value);
D2K_API uint32_t d2k_table_columns(const d2k_value *value); /* 1: of an Array */
D2K_API int32_t d2k_table_low(const d2k_value *value);

/* Type of a column; D2K_TYPE_NONE: there is no such column. ret_name, which has
 * D2K_COLUMN_NAME_MAX + 1 bytes, gets its name, "" of an Array. */
D2K_API d2k_type d2k_table_column(const d2k_value *value, uint32_t column, char *ret_name);

/* One cell, as a value of the column's type with time 0, with or without D2K_STATUS_VALID; the
 * content of a cell that is not valid is 0 or empty. Its text holds as long as that of `value`.
 * Takes a constant time without columns of type Text, else as long as the table is large up to
 * there. False: there is no such cell. */
D2K_API bool d2k_table_cell(const d2k_value *value, uint32_t row, uint32_t column,
                            d2k_value *ret_cell);

/* Takes all cells one after the other, row by row; made by d2k_table_read(). */
typedef struct d2k_table_reader {
    uint32_t row, column; /* of the cell that d2k_table_next() gave last */
    /* private */
    uint32_t next_row, next_column, rows;
    const char *cells_at, *columns_at, *columns;
    size_t cells_left, columns_left, columns_size;
} d2k_table_reader;

/* A reader of the value, which must stay as it is meanwhile. */
D2K_API d2k_table_reader d2k_table_read(const d2k_value *value);
/* False: there are no more cells, or the value is no table. */
D2K_API bool d2k_table_next(d2k_table_reader *reader, d2k_value *ret_cell);

/* ---- making ---- */

/* A table that is being made. */
typedef struct d2k_table d2k_table;

/* An empty one. The columns are copied. Free it with d2k_table_free(). D2K_ARGUMENT (a type that is
 * not simple, a name that is none or comes twice, no columns), D2K_LIMIT (too many columns),
 * D2K_NO_MEMORY. */
D2K_API d2k_result d2k_array_new(d2k_type element, d2k_table **ret_table) D2K_MUST_CHECK;
D2K_API d2k_result d2k_structure_new(const d2k_column *columns, size_t count,
                                     d2k_table **ret_table) D2K_MUST_CHECK;
/* NULL is allowed. */
D2K_API void d2k_table_free(d2k_table *table);

/* The index of the first row; at first 1. */
D2K_API void d2k_table_set_low(d2k_table *table, int32_t low);
/* Appends the next cell, row by row, of the type of its column; NULL, or a value without
 * D2K_STATUS_VALID: one that is not valid. Only type, content and that bit are looked at.
 * D2K_TYPE, D2K_ARGUMENT (range; text that is not UTF-8), D2K_LIMIT (rows, or bytes),
 * D2K_NO_MEMORY: then the table is as before, d2k_table_error_text() says why. */
D2K_API d2k_result d2k_table_add(d2k_table *table, const d2k_value *cell) D2K_MUST_CHECK;
/* Forgets all rows. */
D2K_API void d2k_table_clear(d2k_table *table);
/* A valid value with time 0 ("now") of what was added; its content holds until the table is changed
 * or freed. D2K_STATE: the last row is not complete; D2K_ARGUMENT: the index of the last row is
 * over INT32_MAX. */
D2K_API d2k_result d2k_table_value(d2k_table *table, d2k_value *ret_value) D2K_MUST_CHECK;
/* Why the last function on this table failed; "" if none did. */
D2K_API const char *d2k_table_error_text(const d2k_table *table);

/* Appends all rows that a JSON text has: [1, 2.5, null] for an Array; [{"Temp": 81.5, "Name":
 * "Feed"}, ...] for a Structure, with every column in every row, in any order. With a low index:
 * {"low": 0, "values": [...]}. null is a cell that is not valid; an Absolute time is
 * "2022-09-23T07:48:11.289000000Z" (UTC), a Relative time is seconds, a state is its name. This is
 * the form that d2k_value_format() writes. D2K_ARGUMENT (no such text: the sentence names row and
 * column), and what d2k_table_add() says; then rows may have been added. */
D2K_API d2k_result d2k_table_from_text(d2k_table *table, const char *text) D2K_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
