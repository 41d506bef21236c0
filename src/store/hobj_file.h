/* store/hobj_file.h: the lines of hobj.tab: text <-> entries. Used by hobj_table.c only. */
#ifndef D2K_STORE_HOBJ_FILE_H
#define D2K_STORE_HOBJ_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <d2k/result.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/map.h"
#include "store/hobj_table.h"

/* "4294967295 " + name + "\n" */
#define HOBJ_LINE_MAX (11u + HOBJ_NAME_MAX + 1u)
#define HOBJ_FILE_MAX ((size_t)HOBJ_TABLE_NAMES_MAX * HOBJ_LINE_MAX)

struct hobj_entry {
    uint32_t hobj;
    char name[]; /* terminated */
};

/* Every name and number stands there once. Entries never change once they are in it. */
struct hobj_entries {
    struct hobj_entry **in_order;
    size_t count, capacity;
    struct map by_name;
    uint32_t highest;
};

/* A name of an object or of a process. */
bool hobj_name_is_allowed(struct slice name);

void hobj_entries_init(struct hobj_entries *entries, const uint64_t seed[2]);
void hobj_entries_free(struct hobj_entries *entries);
const struct hobj_entry *hobj_entries_find(const struct hobj_entries *entries, struct slice name);
/* The name must not be there yet. D2K_LIMIT, D2K_NO_MEMORY; then nothing is changed. */
d2k_result hobj_entries_add(struct hobj_entries *entries, struct slice name, uint32_t hobj,
                            struct error *err) D2K_MUST_CHECK;

/* Reads all complete lines; *ret_torn: bytes without line end stood behind them. `path` is for
 * errors. D2K_CONFIG (path:line and reason), D2K_LIMIT, D2K_NO_MEMORY. */
d2k_result hobj_file_parse(const char *path, struct slice text, struct hobj_entries *entries,
                           bool *ret_torn, struct error *err) D2K_MUST_CHECK;

/* Appends the line of one entry. */
void hobj_file_format(struct buffer *out, const struct hobj_entry *entry);

#endif
