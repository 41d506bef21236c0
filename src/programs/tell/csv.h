/* programs/tell/csv.h: comma-separated values, as RFC 4180 has them.
 *
 * Records end with a line end (CR LF or LF); fields are separated by ','; a field that holds one of
 * these or '"' stands between '"', and a '"' in it is doubled. A UTF-8 byte order mark at the start
 * is skipped, and so are empty lines. Strict: a file that somebody was still writing, or that is no
 * CSV, is an error with its line and never a shorter or another text. */
#ifndef D2K_TELL_CSV_H
#define D2K_TELL_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include <d2k/result.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"

#define CSV_FIELDS_MAX 64u

struct csv {
    char *at, *end;
    size_t line; /* of what comes next */
};

struct csv_record {
    size_t line; /* where it begins; the first is 1 */
    size_t count;
    struct slice fields[CSV_FIELDS_MAX];
};

/* Reads from `text`, which is changed: fields are unquoted where they stand. */
void csv_init(struct csv *csv, char *text, size_t size);

/* The next record; *ret_record holds as long as the text. D2K_NOT_FOUND: there is none any more.
 * D2K_ARGUMENT: this one is wrong, err says how, ret_record->line where; the reader goes on behind
 * it. Wrong are: a '"' within a field that does not begin with one, or followed by something else;
 * a '"' that is not closed before the end; no line end at the end of the file; more than
 * CSV_FIELDS_MAX fields. */
d2k_result csv_next(struct csv *csv, struct csv_record *ret_record,
                    struct error *err) D2K_MUST_CHECK;

/* Appends a field, quoted where that is needed; the first of a record has no ',' before it. */
void csv_put(struct buffer *out, bool first, struct slice field);
void csv_end_record(struct buffer *out);

#endif
