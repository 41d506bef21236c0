/* model/number_table.h: hash table from a 32-bit number to a thing that knows its number.
 *
 * One pointer a place, so that a subscriber with a hundred thousand interests stays small. The
 * numbers are given by the kernel one after another: no seed is needed. */
#ifndef D2K_MODEL_NUMBER_TABLE_H
#define D2K_MODEL_NUMBER_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct number_table {
    void **entries; /* NULL: empty place */
    uint32_t capacity, count;
    uint32_t (*number_of)(const void *entry);
};

void number_table_init(struct number_table *t, uint32_t (*number_of)(const void *entry));
/* Frees the table, not the entries. */
void number_table_free(struct number_table *t);

/* NULL when it is not there. */
void *number_table_get(const struct number_table *t, uint32_t number);
/* Asks for the memory in which number_table_get() will look first. */
void number_table_expect(const struct number_table *t, uint32_t number);
/* What stands there, without a look at it: the entry in most cases. NULL: there is none. */
const void *number_table_likely(const struct number_table *t, uint32_t number);
/* Its number must not be there yet. False: out of memory, nothing changed. */
bool number_table_add(struct number_table *t, void *entry) __attribute__((warn_unused_result));
/* The entry must be there. A walk over entries[0..capacity) may remove the entry it stands on, if
 * it then looks at the same place again; it may meet others twice. */
void number_table_remove(struct number_table *t, const void *entry);

#endif
