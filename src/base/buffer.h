/* base/buffer.h: a queue of bytes: written at its end, read from its front.
 *
 * Growth is bounded by max_size. A write that does not fit (limit or memory) marks the buffer as
 * failed and writes nothing, every later write is ignored too, and buffer_failed() tells: so an
 * encoder checks once, at its end. Pointers into a buffer hold until the next write, consume or
 * reset. */
#ifndef D2K_BASE_BUFFER_H
#define D2K_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *storage;
    size_t capacity;
    size_t begin, end; /* unread bytes are storage[begin..end) */
    size_t max_size;   /* of unread bytes */
    bool failed;
};

/* An empty buffer owns no memory. */
void buffer_init(struct buffer *b, size_t max_size);
/* Frees the storage; the buffer is as after buffer_init. */
void buffer_free(struct buffer *b);
/* As buffer_free, but overwrites the storage first (secrets). */
void buffer_erase(struct buffer *b);
/* Forgets content and failure, keeps the storage. */
void buffer_reset(struct buffer *b);
/* Gives the storage back when the buffer is empty, so that an idle connection costs nothing. */
void buffer_trim(struct buffer *b);

size_t buffer_size(const struct buffer *b);
bool buffer_failed(const struct buffer *b);
/* First unread byte; NULL only when the buffer is empty. */
const uint8_t *buffer_data(const struct buffer *b);
/* Drops bytes from the front; count must not exceed buffer_size(). */
void buffer_consume(struct buffer *b, size_t count);

/* Room for at least `count` bytes at the end; NULL (and failed) when there is none. What was really
 * written there is then added with buffer_added(). */
uint8_t *buffer_reserve(struct buffer *b, size_t count);
/* How many bytes could be written at the end without growing. */
size_t buffer_room(const struct buffer *b);
void buffer_added(struct buffer *b, size_t count);
/* Drops bytes from the end until buffer_size() is `size` again (undo of a half-written message). */
void buffer_truncate(struct buffer *b, size_t size);

void buffer_put(struct buffer *b, const void *bytes, size_t count);
/* Little-endian. */
void buffer_put_u8(struct buffer *b, uint8_t v);
void buffer_put_u16(struct buffer *b, uint16_t v);
void buffer_put_u32(struct buffer *b, uint32_t v);
void buffer_put_u64(struct buffer *b, uint64_t v);
/* Overwrites a u32 at `offset` bytes after the first unread byte (lengths known only at the end).
 */
void buffer_patch_u32(struct buffer *b, size_t offset, uint32_t v);

#endif
