/* base/buffer.c: the parts of a byte queue that are not on the fast path: growing, moving, giving
 * back. */
#include "base/buffer.h"

#include <stdlib.h>

#define SMALLEST_CAPACITY 256u

void buffer_init(struct buffer *b, size_t max_size)
{
    uint32_t allowed = max_size < BUFFER_MAX_SIZE ? (uint32_t)max_size : BUFFER_MAX_SIZE;
    *b = (struct buffer){.max_size = allowed};
}

void buffer_free(struct buffer *b)
{
    free(b->storage);
    buffer_init(b, b->max_size);
}

void buffer_erase(struct buffer *b)
{
    if (b->storage != NULL) {
        explicit_bzero(b->storage, b->capacity);
    }
    buffer_free(b);
}

void buffer_reset(struct buffer *b)
{
    b->begin = 0;
    b->end = 0;
    b->failed = false;
}

void buffer_trim(struct buffer *b)
{
    if (b->begin == b->end) {
        free(b->storage);
        b->storage = NULL;
        b->capacity = 0;
        b->begin = 0;
        b->end = 0;
    }
}

void buffer_consume(struct buffer *b, size_t count)
{
    size_t size = buffer_size(b);
    b->begin += (uint32_t)(count < size ? count : size);
    if (b->begin == b->end) {
        b->begin = 0;
        b->end = 0;
    }
}

static void move_to_front(struct buffer *b)
{
    size_t size = buffer_size(b);
    if (b->begin > 0 && size > 0) {
        memmove(b->storage, b->storage + b->begin, size);
    }
    b->begin = 0;
    b->end = (uint32_t)size;
}

/* Doubling keeps the cost of a byte constant. The half above max_size is what lets move_to_front
 * wait until at least half as many bytes were consumed as it has to move. */
static bool grow(struct buffer *b, size_t needed)
{
    uint64_t largest = (uint64_t)b->max_size + b->max_size / 2;
    uint64_t capacity = b->capacity > SMALLEST_CAPACITY ? b->capacity : SMALLEST_CAPACITY;
    while (capacity < needed) {
        capacity *= 2;
    }
    if (capacity == b->capacity) {
        capacity *= 2;
    }
    if (capacity > largest) {
        capacity = largest;
    }
    move_to_front(b);
    uint8_t *storage = realloc(b->storage, (size_t)capacity);
    if (storage == NULL) {
        return false;
    }
    b->storage = storage;
    b->capacity = (uint32_t)capacity;
    return true;
}

uint8_t *buffer_make_room(struct buffer *b, size_t count)
{
    size_t size = buffer_size(b);
    if (b->failed || size > b->max_size || count > b->max_size - size) {
        b->failed = true;
        return NULL;
    }
    size_t needed = size + count;
    if (b->storage != NULL && needed <= b->capacity && b->begin >= size / 2) {
        move_to_front(b);
    } else if (!grow(b, needed > 0 ? needed : 1)) {
        b->failed = true;
        return NULL;
    }
    return b->storage + b->end;
}

void buffer_truncate(struct buffer *b, size_t size)
{
    if (size < buffer_size(b)) {
        b->end = b->begin + (uint32_t)size;
    }
}

void buffer_patch_u32(struct buffer *b, size_t offset, uint32_t v)
{
    size_t size = buffer_size(b);
    if (size < sizeof v || offset > size - sizeof v) {
        return;
    }
    uint8_t *at = b->storage + b->begin + offset;
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
    at[2] = (uint8_t)(v >> 16);
    at[3] = (uint8_t)(v >> 24);
}
