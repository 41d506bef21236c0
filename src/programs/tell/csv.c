/* programs/tell/csv.c: one pass over the text, a field at a time. */
#include "programs/tell/csv.h"

#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void csv_init(struct csv *csv, char *text, size_t size)
{
    bool marked = size >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0;
    *csv = (struct csv){.at = text + (marked ? 3 : 0), .end = text + size, .line = 1};
}

/* How many bytes of a line end stand here; 0: none does. */
static size_t line_end_size(const struct csv *csv)
{
    if (csv->at < csv->end && *csv->at == '\n') {
        return 1;
    }
    return csv->end - csv->at >= 2 && csv->at[0] == '\r' && csv->at[1] == '\n' ? 2 : 0;
}

static bool at_end_of_field(const struct csv *csv)
{
    return csv->at == csv->end || *csv->at == ',' || line_end_size(csv) > 0;
}

static void skip_line(struct csv *csv)
{
    while (csv->at < csv->end && *csv->at++ != '\n') {
    }
    csv->line++;
}

static d2k_result take_plain(struct csv *csv, struct slice *ret, struct error *err)
{
    char *begin = csv->at;
    while (!at_end_of_field(csv)) {
        if (*csv->at == '"') {
            return error_set(err, D2K_ARGUMENT,
                             "a \" in a field that does not begin with one: put the field between "
                             "\" and double those in it");
        }
        csv->at++;
    }
    *ret = (struct slice){begin, (size_t)(csv->at - begin)};
    return D2K_OK;
}

/* The doubled '"' become single: the text moves towards its beginning. */
static d2k_result take_quoted(struct csv *csv, struct slice *ret, struct error *err)
{
    char *begin = ++csv->at, *to = begin;
    size_t first_line = csv->line;
    for (;; csv->at++) {
        if (csv->at == csv->end) {
            return error_set(
                err, D2K_ARGUMENT,
                "the \" that is opened in line %zu is not closed: is the file complete?",
                first_line);
        }
        if (*csv->at == '"') {
            if (csv->end - csv->at < 2 || csv->at[1] != '"') {
                break;
            }
            csv->at++;
        }
        csv->line += *csv->at == '\n';
        *to++ = *csv->at;
    }
    csv->at++;
    *ret = (struct slice){begin, (size_t)(to - begin)};
    if (at_end_of_field(csv)) {
        return D2K_OK;
    }
    return error_set(
        err, D2K_ARGUMENT,
        "something stands behind the closing \" of a field; a \" in a field is doubled");
}

static d2k_result take_record(struct csv *csv, struct csv_record *record, struct error *err)
{
    for (;;) {
        if (record->count == CSV_FIELDS_MAX) {
            return error_set(err, D2K_ARGUMENT, "more than %u fields", CSV_FIELDS_MAX);
        }
        bool quoted = csv->at < csv->end && *csv->at == '"';
        struct slice *field = &record->fields[record->count++];
        d2k_result result = quoted ? take_quoted(csv, field, err) : take_plain(csv, field, err);
        if (result != D2K_OK) {
            return result;
        }
        if (csv->at == csv->end) {
            return error_set(err, D2K_ARGUMENT,
                             "the last line has no line end: is the file complete?");
        }
        if (*csv->at != ',') {
            return D2K_OK;
        }
        csv->at++;
    }
}

d2k_result csv_next(struct csv *csv, struct csv_record *ret_record, struct error *err)
{
    size_t blank;
    while ((blank = line_end_size(csv)) > 0) {
        csv->at += blank;
        csv->line++;
    }
    ret_record->count = 0;
    ret_record->line = csv->line;
    if (csv->at == csv->end) {
        return D2K_NOT_FOUND;
    }
    d2k_result result = take_record(csv, ret_record, err);
    if (result == D2K_OK) {
        csv->at += line_end_size(csv);
        csv->line++;
    } else if (csv->at < csv->end) {
        skip_line(csv);
    }
    return result;
}

/* ---- writing ---- */

static bool needs_quotes(struct slice field)
{
    for (size_t i = 0; i < field.size; i++) {
        if (memchr(",\"\r\n", field.data[i], 4) != NULL) {
            return true;
        }
    }
    return false;
}

void csv_put(struct buffer *out, bool first, struct slice field)
{
    if (!first) {
        buffer_put(out, ",", 1);
    }
    if (!needs_quotes(field)) {
        buffer_put(out, field.data, field.size);
        return;
    }
    buffer_put(out, "\"", 1);
    for (size_t i = 0; i < field.size; i++) {
        buffer_put(out, "\"\"", field.data[i] == '"' ? 1 : 0);
        buffer_put(out, &field.data[i], 1);
    }
    buffer_put(out, "\"", 1);
}

void csv_end_record(struct buffer *out)
{
    buffer_put(out, "\r\n", 2);
}
