/* programs/tell/table.c: columns as wide as their content. */
#include "programs/tell/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16
#define COLUMN_GAP     2

size_t table_text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void widen(struct table *table, size_t column, const char *text)
{
    size_t width = table_text_width(text);
    if (width <= TABLE_WIDTH_MAX && width > table->width[column]) {
        table->width[column] = width;
    }
}

void table_init(struct table *table, const char *const *titles, size_t columns, unsigned right,
                size_t max_bytes)
{
    *table = (struct table){
        .titles = titles, .columns = columns, .right = right, .max_bytes = max_bytes};
    for (size_t i = 0; i < columns; i++) {
        widen(table, i, titles[i]);
    }
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    table->cells = NULL;
    table->rows = table->capacity = table->bytes = 0;
}

static bool grow(struct table *table)
{
    size_t capacity = table->capacity == 0 ? FIRST_CAPACITY : 2 * table->capacity;
    if (capacity > SIZE_MAX / sizeof(char *) / TABLE_COLUMNS_MAX) {
        return false;
    }
    char **cells = realloc(table->cells, capacity * table->columns * sizeof(char *));
    if (cells == NULL) {
        return false;
    }
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

static size_t row_bytes(const struct table *table, const char *const *cells)
{
    size_t bytes = 0;
    for (size_t i = 0; i < table->columns; i++) {
        bytes += strlen(cells[i]) + 1;
    }
    return bytes;
}

bool table_add(struct table *table, const char *const *cells)
{
    size_t bytes = row_bytes(table, cells);
    if (bytes > table->max_bytes - table->bytes) {
        return false;
    }
    if (table->rows == table->capacity && !grow(table)) {
        return false;
    }
    char **row = table->cells + table->rows * table->columns;
    for (size_t i = 0; i < table->columns; i++) {
        row[i] = strdup(cells[i]);
        if (row[i] == NULL) {
            while (i > 0) {
                free(row[--i]);
            }
            return false;
        }
    }
    for (size_t i = 0; i < table->columns; i++) {
        widen(table, i, cells[i]);
    }
    table->rows++;
    table->bytes += bytes;
    return true;
}

static void print_blanks(size_t count, FILE *out)
{
    for (; count > 0; count--) {
        (void)fputc(' ', out);
    }
}

static void print_row(const struct table *table, const char *const *cells, FILE *out)
{
    size_t last = table->columns;
    while (last > 0 && cells[last - 1][0] == '\0') {
        last--;
    }
    for (size_t i = 0; i < last; i++) {
        size_t width = table_text_width(cells[i]);
        size_t blanks = width < table->width[i] ? table->width[i] - width : 0;
        bool right = (table->right >> i & 1u) != 0;
        print_blanks(right ? blanks : 0, out);
        (void)fputs(cells[i], out);
        if (i + 1 < last) {
            print_blanks((right ? 0 : blanks) + COLUMN_GAP, out);
        }
    }
    (void)fputc('\n', out);
}

void table_print(const struct table *table, FILE *out)
{
    print_row(table, table->titles, out);
    for (size_t i = 0; i < table->rows; i++) {
        print_row(table, (const char *const *)(table->cells + i * table->columns), out);
    }
}
