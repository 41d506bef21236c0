/* programs/tell/table.h: rows of text in aligned columns for a terminal. */
#ifndef D2K_TELL_TABLE_H
#define D2K_TELL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 11
/* A cell wider than this does not widen its column for all other rows. */
#define TABLE_WIDTH_MAX 40

struct table {
    const char *const *titles; /* borrowed */
    size_t columns;
    unsigned right; /* bit mask of columns that are aligned right */
    char **cells;   /* columns * rows, owned */
    size_t rows, capacity;
    size_t bytes, max_bytes;         /* of cells */
    size_t width[TABLE_COLUMNS_MAX]; /* in characters */
};

/* columns: 1..TABLE_COLUMNS_MAX. */
void table_init(struct table *table, const char *const *titles, size_t columns, unsigned right,
                size_t max_bytes);
void table_free(struct table *table);
/* Copies one cell per column; they must be safe to print (text_escape). False: out of memory or
 * over max_bytes; nothing was added. */
bool table_add(struct table *table, const char *const *cells) __attribute__((warn_unused_result));
/* Title line and rows, no blanks at the end of a line. Errors show in ferror(out). */
void table_print(const struct table *table, FILE *out);

/* Number of characters of UTF-8 text. */
size_t table_text_width(const char *text);

#endif
