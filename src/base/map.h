/* base/map.h: hash table from text (ASCII case ignored or not) to a pointer.
 *
 * Text keys are hashed with a random seed (SipHash-2-4), since they come from the network. Keys are
 * not copied: they must live as long as the entry, usually inside the value. */
#ifndef D2K_BASE_MAP_H
#define D2K_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

struct map_entry {
    uint64_t hash;
    struct slice text;
    void *value; /* NULL: empty place */
};

struct map {
    struct map_entry *entries;
    size_t capacity, count;
    bool ignores_case;
    uint64_t seed[2];
};

/* `seed` is 16 random bytes (os_random); the map keeps a copy. */
void map_init(struct map *m, bool ignores_case, const uint64_t seed[2]);
/* Frees the table, not the values. */
void map_free(struct map *m);

/* NULL when it is not there. */
void *map_get(const struct map *m, struct slice key);
/* Adds; the key must not be there yet and value not NULL. False: out of memory, nothing changed. */
bool map_add(struct map *m, struct slice key, void *value) __attribute__((warn_unused_result));
/* Removes and returns the value, NULL when it was not there. */
void *map_remove(struct map *m, struct slice key);

/* Walks all values in no order: start with *at = 0; NULL ends. The map must not change meanwhile.
 */
void *map_next(const struct map *m, size_t *at);

#endif
