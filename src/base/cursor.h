/* base/cursor.h: reads fields in order from bytes that somebody else owns.
 *
 * Reading past the end marks the cursor as failed and yields zeros; so a decoder reads like the
 * format and checks once, at its end. */
#ifndef D2K_BASE_CURSOR_H
#define D2K_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes or text, not terminated. */
struct slice {
    const char *data;
    size_t size;
};

struct cursor {
    const uint8_t *at;
    size_t left;
    bool failed;
};

static inline struct cursor cursor_of(const void *bytes, size_t size)
{
    return (struct cursor){.at = (const uint8_t *)bytes, .left = size, .failed = false};
}

/* `count` bytes as a slice into the input; {NULL, 0} when they are not there. After a failure
 * nothing is there any more. */
static inline struct slice cursor_bytes(struct cursor *c, size_t count)
{
    if (c->failed || count > c->left) {
        c->failed = true;
        c->left = 0;
        return (struct slice){.data = NULL, .size = 0};
    }
    struct slice taken = {.data = (const char *)c->at, .size = count};
    if (count > 0) {
        c->at += count;
    }
    c->left -= count;
    return taken;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *at = (const uint8_t *)cursor_bytes(c, 1).data;
    return at != NULL ? at[0] : 0;
}

/* Little-endian, like all below. */
static inline uint16_t cursor_u16(struct cursor *c)
{
    const uint8_t *at = (const uint8_t *)cursor_bytes(c, 2).data;
    return at != NULL ? (uint16_t)(at[0] | (unsigned)at[1] << 8) : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    const uint8_t *at = (const uint8_t *)cursor_bytes(c, 4).data;
    if (at == NULL) {
        return 0;
    }
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t cursor_u64(struct cursor *c)
{
    const uint8_t *at = (const uint8_t *)cursor_bytes(c, 8).data;
    if (at == NULL) {
        return 0;
    }
    uint64_t low =
        (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    uint64_t high =
        (uint32_t)at[4] | (uint32_t)at[5] << 8 | (uint32_t)at[6] << 16 | (uint32_t)at[7] << 24;
    return low | high << 32;
}

struct slice slice_of(const char *terminated); /* NULL gives an empty slice */
bool slice_equal(struct slice a, struct slice b);
bool slice_equal_text(struct slice a, const char *terminated);
/* malloc'ed terminated copy; NULL when out of memory. */
char *slice_copy(struct slice s);

#endif
