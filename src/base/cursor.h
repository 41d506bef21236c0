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

struct cursor cursor_of(const void *bytes, size_t size);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c); /* little-endian, like all below */
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
/* `count` bytes as a slice into the input; {NULL, 0} when they are not there. */
struct slice cursor_bytes(struct cursor *c, size_t count);

struct slice slice_of(const char *terminated); /* NULL gives an empty slice */
bool slice_equal(struct slice a, struct slice b);
bool slice_equal_text(struct slice a, const char *terminated);
/* malloc'ed terminated copy; NULL when out of memory. */
char *slice_copy(struct slice s);

#endif
