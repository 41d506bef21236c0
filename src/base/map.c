/* base/map.c: hash table with open addressing and linear probing.
 *
 * Removing shifts the following entries back instead of leaving tombstones, so a table that lives
 * for months under constant change stays as fast as a new one. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define SMALLEST_CAPACITY 16u /* a power of two, as every capacity */
#define FULL_PERCENT      70u

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* SipHash-2-4, J.-P. Aumasson and D. J. Bernstein, 2012. */
struct siphash {
    uint64_t v0, v1, v2, v3;
};

static void siphash_rounds(struct siphash *s, unsigned rounds)
{
    while (rounds-- > 0) {
        s->v0 += s->v1;
        s->v1 = rotate_left(s->v1, 13) ^ s->v0;
        s->v0 = rotate_left(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate_left(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate_left(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate_left(s->v1, 17) ^ s->v2;
        s->v2 = rotate_left(s->v2, 32);
    }
}

static void siphash_add_word(struct siphash *s, uint64_t word)
{
    s->v3 ^= word;
    siphash_rounds(s, 2);
    s->v0 ^= word;
}

static uint64_t hash_of(const struct map *m, struct slice key)
{
    struct siphash s = {
        m->seed[0] ^ UINT64_C(0x736f6d6570736575), m->seed[1] ^ UINT64_C(0x646f72616e646f6d),
        m->seed[0] ^ UINT64_C(0x6c7967656e657261), m->seed[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t word = 0;
    for (size_t i = 0; i < key.size; i++) {
        unsigned char c = (unsigned char)key.data[i];
        word |= (uint64_t)(m->ignores_case ? lower(c) : c) << (8 * (i % 8));
        if (i % 8 == 7) {
            siphash_add_word(&s, word);
            word = 0;
        }
    }
    siphash_add_word(&s, word | (uint64_t)key.size << 56);
    s.v2 ^= 0xff;
    siphash_rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static bool keys_equal(const struct map *m, struct slice a, struct slice b)
{
    if (!m->ignores_case) {
        return slice_equal(a, b);
    }
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (lower((unsigned char)a.data[i]) != lower((unsigned char)b.data[i])) {
            return false;
        }
    }
    return true;
}

void map_init(struct map *m, bool ignores_case, const uint64_t seed[2])
{
    *m = (struct map){.ignores_case = ignores_case, .seed = {seed[0], seed[1]}};
}

void map_free(struct map *m)
{
    free(m->entries);
    m->entries = NULL;
    m->capacity = 0;
    m->count = 0;
}

/* Place of the key, or NULL. There is always an empty place where a search ends. */
static struct map_entry *find(const struct map *m, struct slice key)
{
    if (m->capacity == 0) {
        return NULL;
    }
    uint64_t hash = hash_of(m, key);
    size_t mask = m->capacity - 1;
    for (size_t at = (size_t)hash & mask; m->entries[at].value != NULL; at = (at + 1) & mask) {
        if (m->entries[at].hash == hash && keys_equal(m, m->entries[at].text, key)) {
            return &m->entries[at];
        }
    }
    return NULL;
}

void *map_get(const struct map *m, struct slice key)
{
    const struct map_entry *entry = find(m, key);
    return entry != NULL ? entry->value : NULL;
}

static void place(struct map_entry *entries, size_t capacity, struct map_entry entry)
{
    size_t mask = capacity - 1;
    size_t at = (size_t)entry.hash & mask;
    while (entries[at].value != NULL) {
        at = (at + 1) & mask;
    }
    entries[at] = entry;
}

static bool grow(struct map *m)
{
    size_t capacity = m->capacity > 0 ? m->capacity * 2 : SMALLEST_CAPACITY;
    struct map_entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < m->capacity; i++) {
        if (m->entries[i].value != NULL) {
            place(entries, capacity, m->entries[i]);
        }
    }
    free(m->entries);
    m->entries = entries;
    m->capacity = capacity;
    return true;
}

bool map_add(struct map *m, struct slice key, void *value)
{
    if ((m->count + 1) * 100 > m->capacity * FULL_PERCENT && !grow(m)) {
        return false;
    }
    place(m->entries, m->capacity,
          (struct map_entry){.hash = hash_of(m, key), .text = key, .value = value});
    m->count++;
    return true;
}

/* Closes the gap: an entry may move back to it unless its own home lies behind the gap. */
static void close_gap(struct map *m, size_t gap)
{
    size_t mask = m->capacity - 1;
    for (size_t at = (gap + 1) & mask; m->entries[at].value != NULL; at = (at + 1) & mask) {
        size_t home = (size_t)m->entries[at].hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            m->entries[gap] = m->entries[at];
            gap = at;
        }
    }
    m->entries[gap] = (struct map_entry){.value = NULL};
}

void *map_remove(struct map *m, struct slice key)
{
    struct map_entry *entry = find(m, key);
    if (entry == NULL) {
        return NULL;
    }
    void *value = entry->value;
    close_gap(m, (size_t)(entry - m->entries));
    m->count--;
    return value;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->capacity) {
        void *value = m->entries[(*at)++].value;
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}
