/* base/buffer.h: a queue of bytes: written at its end, read from its front.
 *
 * Growth is bounded by max_size. A write that does not fit (limit or memory) marks the buffer as
 * failed and writes nothing, every later write is ignored too, and buffer_failed() tells: so an
 * encoder checks once, at its end. Pointers into a buffer hold until the next write, consume or
 * reset.
 *
 * A buffer takes at most one and a half times max_size of memory, so that dropping read bytes from
 * its front costs a constant time a byte. A larger storage is a copy: reserve the whole size first
 * for what must not be left behind in freed memory (buffer_erase). */
#ifndef D2K_BASE_BUFFER_H
#define D2K_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Each connection has four: hence no size_t. */
struct buffer {
    uint8_t *storage;
    uint32_t capacity;
    uint32_t begin, end; /* unread bytes are storage[begin..end) */
    uint32_t max_size;   /* of unread bytes; may be raised at any time */
    bool failed;
};

#define BUFFER_MAX_SIZE (UINT32_MAX / 2)

/* An empty buffer owns no memory. A larger max_size than BUFFER_MAX_SIZE is that. */
void buffer_init(struct buffer *b, size_t max_size);
/* Frees the storage; the buffer is as after buffer_init. */
void buffer_free(struct buffer *b);
/* As buffer_free, but overwrites the storage first (secrets). */
void buffer_erase(struct buffer *b);
/* Forgets content and failure, keeps the storage. */
void buffer_reset(struct buffer *b);
/* Gives the storage back when the buffer is empty, so that an idle connection costs nothing. */
void buffer_trim(struct buffer *b);

static inline size_t buffer_size(const struct buffer *b)
{
    return b->end - b->begin;
}

static inline bool buffer_failed(const struct buffer *b)
{
    return b->failed;
}

/* First unread byte; NULL only when the buffer is empty. */
static inline const uint8_t *buffer_data(const struct buffer *b)
{
    return b->end != b->begin ? b->storage + b->begin : NULL;
}

/* Drops bytes from the front; count must not exceed buffer_size(). */
void buffer_consume(struct buffer *b, size_t count);

/* How many bytes could be written at the end without growing. */
static inline size_t buffer_room(const struct buffer *b)
{
    size_t free_places = b->capacity - b->end;
    size_t allowed = b->max_size - (b->end - b->begin);
    return free_places < allowed ? free_places : allowed;
}

/* Slow path of buffer_reserve(): moves, grows or fails. */
uint8_t *buffer_make_room(struct buffer *b, size_t count);

/* Room for at least `count` bytes at the end; NULL (and failed) when there is none. What was really
 * written there is then added with buffer_added(). */
static inline uint8_t *buffer_reserve(struct buffer *b, size_t count)
{
    if (!b->failed && count <= buffer_room(b) && b->storage != NULL) {
        return b->storage + b->end;
    }
    return buffer_make_room(b, count);
}

/* At most what was reserved. */
static inline void buffer_added(struct buffer *b, size_t count)
{
    b->end += (uint32_t)count;
}

/* Drops bytes from the end until buffer_size() is `size` again (undo of a half-written message). A
 * failure stays: buffer_reset() ends it. */
void buffer_truncate(struct buffer *b, size_t size);

static inline void buffer_put(struct buffer *b, const void *bytes, size_t count)
{
    uint8_t *at = count > 0 ? buffer_reserve(b, count) : NULL;
    if (at != NULL) {
        memcpy(at, bytes, count);
        b->end += (uint32_t)count;
    }
}

/* Little-endian. */
static inline void buffer_put_u8(struct buffer *b, uint8_t v)
{
    buffer_put(b, &v, 1);
}

static inline void buffer_put_u16(struct buffer *b, uint16_t v)
{
    const uint8_t bytes[] = {(uint8_t)v, (uint8_t)(v >> 8)};
    buffer_put(b, bytes, sizeof bytes);
}

static inline void buffer_put_u32(struct buffer *b, uint32_t v)
{
    const uint8_t bytes[] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    buffer_put(b, bytes, sizeof bytes);
}

static inline void buffer_put_u64(struct buffer *b, uint64_t v)
{
    const uint8_t bytes[] = {(uint8_t)v,         (uint8_t)(v >> 8),  (uint8_t)(v >> 16),
                             (uint8_t)(v >> 24), (uint8_t)(v >> 32), (uint8_t)(v >> 40),
                             (uint8_t)(v >> 48), (uint8_t)(v >> 56)};
    buffer_put(b, bytes, sizeof bytes);
}

/* Overwrites a u32 at `offset` bytes after the first unread byte (lengths known only at the end);
 * does nothing when those four bytes are not there, as after a failure. */
void buffer_patch_u32(struct buffer *b, size_t offset, uint32_t v);

#endif
