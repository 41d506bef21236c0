/* model/number_table.c: open addressing with linear probing; removal moves the following entries up
 * instead of leaving marks. */
#include "model/number_table.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/prefetch.h"

#define FIRST_CAPACITY 8u

void number_table_init(struct number_table *t, uint32_t (*number_of)(const void *entry))
{
    *t = (struct number_table){.number_of = number_of};
}

void number_table_free(struct number_table *t)
{
    free(t->entries);
    number_table_init(t, t->number_of);
}

/* Neighbouring numbers must not end up in one run: Fibonacci hashing, folded so that the low bits
 * are good for every capacity. */
static uint32_t home_of(const struct number_table *t, uint32_t number)
{
    uint32_t hash = number * UINT32_C(2654435769);
    return (hash ^ hash >> 15) & (t->capacity - 1);
}

static uint32_t place_of(const struct number_table *t, uint32_t number)
{
    uint32_t at = home_of(t, number);
    while (t->entries[at] != NULL && t->number_of(t->entries[at]) != number) {
        at = (at + 1) & (t->capacity - 1);
    }
    return at;
}

void *number_table_get(const struct number_table *t, uint32_t number)
{
    return t->capacity == 0 ? NULL : t->entries[place_of(t, number)];
}

void number_table_expect(const struct number_table *t, uint32_t number)
{
    if (t->capacity != 0) {
        prefetch(&t->entries[home_of(t, number)]);
    }
}

const void *number_table_likely(const struct number_table *t, uint32_t number)
{
    return t->capacity == 0 ? NULL : t->entries[home_of(t, number)];
}

static bool grow(struct number_table *t)
{
    struct number_table larger = *t;
    larger.capacity = t->capacity == 0 ? FIRST_CAPACITY : t->capacity * 2;
    if (larger.capacity == 0) {
        return false;
    }
    larger.entries = calloc(larger.capacity, sizeof(void *));
    if (larger.entries == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < t->capacity; i++) {
        if (t->entries[i] != NULL) {
            larger.entries[place_of(&larger, t->number_of(t->entries[i]))] = t->entries[i];
        }
    }
    free(t->entries);
    *t = larger;
    return true;
}

bool number_table_add(struct number_table *t, void *entry)
{
    if (t->count >= t->capacity - t->capacity / 4 && !grow(t)) {
        return false;
    }
    t->entries[place_of(t, t->number_of(entry))] = entry;
    t->count++;
    return true;
}

void number_table_remove(struct number_table *t, const void *entry)
{
    uint32_t mask = t->capacity - 1;
    uint32_t hole = place_of(t, t->number_of(entry));
    for (uint32_t at = (hole + 1) & mask; t->entries[at] != NULL; at = (at + 1) & mask) {
        uint32_t home = home_of(t, t->number_of(t->entries[at]));
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            t->entries[hole] = t->entries[at];
            hole = at;
        }
    }
    t->entries[hole] = NULL;
    t->count--;
}
