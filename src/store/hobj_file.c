/* store/hobj_file.c: the lines of hobj.tab, strictly: a line that is not as it was written means
 * that somebody changed the file. */
#include "store/hobj_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool hobj_name_is_allowed(struct slice name)
{
    return text_is_object_name(name) || text_is_process_name(name);
}

void hobj_entries_init(struct hobj_entries *entries, const uint64_t seed[2])
{
    *entries = (struct hobj_entries){0};
    map_init(&entries->by_name, true, seed);
}

void hobj_entries_free(struct hobj_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        free(entries->in_order[i]);
    }
    free(entries->in_order);
    map_free(&entries->by_name);
}

const struct hobj_entry *hobj_entries_find(const struct hobj_entries *entries, struct slice name)
{
    return map_get(&entries->by_name, name);
}

static bool reserve(struct hobj_entries *entries)
{
    if (entries->count < entries->capacity) {
        return true;
    }
    size_t larger = entries->capacity == 0 ? 64 : entries->capacity * 2;
    struct hobj_entry **grown = realloc(entries->in_order, larger * sizeof(struct hobj_entry *));
    if (grown == NULL) {
        return false;
    }
    entries->in_order = grown;
    entries->capacity = larger;
    return true;
}

d2k_result hobj_entries_add(struct hobj_entries *entries, struct slice name, uint32_t hobj,
                            struct error *err)
{
    if (entries->count >= HOBJ_TABLE_NAMES_MAX) {
        return error_set(err, D2K_LIMIT, "there are %u names already, the limit",
                         HOBJ_TABLE_NAMES_MAX);
    }
    struct hobj_entry *entry = malloc(sizeof *entry + name.size + 1);
    if (entry == NULL || !reserve(entries)) {
        free(entry);
        return error_no_memory(err);
    }
    entry->hobj = hobj;
    memcpy(entry->name, name.data, name.size);
    entry->name[name.size] = '\0';
    if (!map_add(&entries->by_name, (struct slice){entry->name, name.size}, entry)) {
        free(entry);
        return error_no_memory(err);
    }
    entries->in_order[entries->count++] = entry;
    entries->highest = hobj > entries->highest ? hobj : entries->highest;
    return D2K_OK;
}

/* ---- reading ---- */

static d2k_result split_line(struct slice line, uint32_t *ret_hobj, struct slice *ret_name,
                             struct error *err)
{
    char digits[11], shown[256];
    long long number = 0;
    const char *blank = line.size == 0 ? NULL : memchr(line.data, ' ', line.size);
    size_t size = blank == NULL ? 0 : (size_t)(blank - line.data);
    if (size == 0 || size >= sizeof digits) {
        return error_set(err, D2K_CONFIG, "\"%s\" is not \"<number> <name>\"",
                         text_escape(shown, sizeof shown, line));
    }
    memcpy(digits, line.data, size);
    digits[size] = '\0';
    *ret_name = (struct slice){blank + 1, line.size - size - 1};
    if (!text_to_number(digits, 1, HOBJ_NUMBER_MAX, &number) || !hobj_name_is_allowed(*ret_name)) {
        return error_set(err, D2K_CONFIG, "\"%s\" is not \"<number> <name>\"",
                         text_escape(shown, sizeof shown, line));
    }
    *ret_hobj = (uint32_t)number;
    return D2K_OK;
}

static d2k_result take_line(struct hobj_entries *entries, struct slice line, struct error *err)
{
    uint32_t hobj = 0;
    struct slice name = {0};
    d2k_result result = split_line(line, &hobj, &name, err);
    if (result != D2K_OK) {
        return result;
    }
    if (hobj_entries_find(entries, name) != NULL) {
        return error_set(err, D2K_CONFIG, "%.*s stands there twice", (int)name.size, name.data);
    }
    return hobj_entries_add(entries, name, hobj, err);
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = (*(const struct hobj_entry *const *)a)->hobj;
    uint32_t y = (*(const struct hobj_entry *const *)b)->hobj;
    return x < y ? -1 : x > y;
}

static d2k_result refuse_twice(const char *path, const struct hobj_entries *entries,
                               const struct hobj_entry *twice, struct error *err)
{
    size_t line = 0, first = 0;
    for (size_t i = 0; i < entries->count; i++) {
        if (entries->in_order[i]->hobj == twice->hobj) {
            first = first == 0 ? i + 1 : first;
            line = i + 1;
        }
    }
    return error_set(err, D2K_CONFIG, "%s:%zu: number %u stands already in line %zu", path, line,
                     (unsigned)twice->hobj, first);
}

/* Sorted numbers show a number that two names have; the order in the file stays. */
static d2k_result check_numbers(const char *path, const struct hobj_entries *entries,
                                struct error *err)
{
    d2k_result result = D2K_OK;
    if (entries->count < 2) {
        return D2K_OK;
    }
    struct hobj_entry **sorted = malloc(entries->count * sizeof(struct hobj_entry *));
    if (sorted == NULL) {
        return error_no_memory(err);
    }
    memcpy(sorted, entries->in_order, entries->count * sizeof(struct hobj_entry *));
    qsort(sorted, entries->count, sizeof(struct hobj_entry *), compare_numbers);
    for (size_t i = 1; i < entries->count && result == D2K_OK; i++) {
        if (sorted[i]->hobj == sorted[i - 1]->hobj) {
            result = refuse_twice(path, entries, sorted[i], err);
        }
    }
    free(sorted);
    return result;
}

d2k_result hobj_file_parse(const char *path, struct slice text, struct hobj_entries *entries,
                           bool *ret_torn, struct error *err)
{
    struct slice rest = text;
    for (size_t number = 1; rest.size > 0; number++) {
        const char *end = memchr(rest.data, '\n', rest.size);
        if (end == NULL) {
            break;
        }
        struct slice line = {rest.data, (size_t)(end - rest.data)};
        d2k_result result = take_line(entries, line, err);
        if (result != D2K_OK) {
            (void)error_wrap(err, "%s:%zu", path, number);
            return result;
        }
        rest.data = end + 1;
        rest.size -= line.size + 1;
    }
    *ret_torn = rest.size > 0;
    return check_numbers(path, entries, err);
}

/* ---- writing ---- */

void hobj_file_format(struct buffer *out, const struct hobj_entry *entry)
{
    char number[12];
    int size = snprintf(number, sizeof number, "%u ", (unsigned)entry->hobj);
    buffer_put(out, number, (size_t)size);
    buffer_put(out, entry->name, strlen(entry->name));
    buffer_put(out, "\n", 1);
}
