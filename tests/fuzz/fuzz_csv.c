/* fuzz_csv.c: any bytes as a CSV file. It ends, lines only grow, and a record that was read is read
 * again as it was after it was written. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "programs/tell/csv.h"

static bool is_blank(const struct csv_record *record)
{
    return record->count == 1 && record->fields[0].size == 0;
}

static void write_and_read(const struct csv_record *record, size_t size)
{
    struct buffer out;
    struct csv csv;
    struct csv_record again;
    struct error err;
    buffer_init(&out, 3 * size + 4 * CSV_FIELDS_MAX);
    for (size_t i = 0; i < record->count; i++) {
        csv_put(&out, i == 0, record->fields[i]);
    }
    csv_end_record(&out);
    fuzz_expect(!buffer_failed(&out));
    csv_init(&csv, (char *)out.storage + out.begin, buffer_size(&out));
    fuzz_expect(csv_next(&csv, &again, &err) == D2K_OK && again.count == record->count);
    for (size_t i = 0; i < record->count; i++) {
        fuzz_expect(slice_equal(again.fields[i], record->fields[i]));
    }
    buffer_free(&out);
}

/* A byte order mark is one at the start of a file only. */
static bool begins_with_mark(const struct csv_record *record)
{
    return record->fields[0].size >= 3 && memcmp(record->fields[0].data, "\xef\xbb\xbf", 3) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv csv;
    struct csv_record record;
    struct error err;
    d2k_result result;
    size_t line = 0;
    char *text = malloc(size + 1);
    fuzz_expect(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    csv_init(&csv, text, size);
    while ((result = csv_next(&csv, &record, &err)) != D2K_NOT_FOUND) {
        fuzz_expect(record.line > line);
        line = record.line;
        if (result == D2K_OK && !is_blank(&record) && !begins_with_mark(&record)) {
            write_and_read(&record, size);
        }
    }
    free(text);
    return 0;
}
