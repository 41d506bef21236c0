/* registry/reg_file.h: between UTF-16LE, Latin-1 and UTF-8. */
#include <stdint.h>

#include "registry/reg_file.h"

static void put_character(struct buffer *out, uint32_t c)
{
    if (c < 0x80) {
        buffer_put_u8(out, (uint8_t)c);
    } else if (c < 0x800) {
        buffer_put_u8(out, (uint8_t)(0xc0 | c >> 6));
        buffer_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buffer_put_u8(out, (uint8_t)(0xe0 | c >> 12));
        buffer_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buffer_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        buffer_put_u8(out, (uint8_t)(0xf0 | c >> 18));
        buffer_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        buffer_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buffer_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

static bool is_high(uint32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(uint32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static uint32_t unit_at(const uint8_t *bytes, size_t at)
{
    return (uint32_t)(bytes[at] | (unsigned)bytes[at + 1] << 8);
}

bool reg_text_from_utf16(const void *bytes, size_t size, struct buffer *out)
{
    if (size % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < size; i += 2) {
        uint32_t unit = unit_at(bytes, i);
        if (is_high(unit)) {
            i += 2;
            if (i >= size || !is_low(unit_at(bytes, i))) {
                return false;
            }
            unit = 0x10000 + ((unit - 0xd800) << 10) + (unit_at(bytes, i) - 0xdc00);
        } else if (is_low(unit)) {
            return false;
        }
        put_character(out, unit);
    }
    return true;
}

/* Character at *at, which is moved behind it. The text is valid UTF-8. */
static uint32_t take_character(const uint8_t *text, size_t size, size_t *at)
{
    uint32_t c = text[(*at)++];
    unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    static const uint8_t masks[] = {0x7f, 0x1f, 0x0f, 0x07};
    c &= masks[more];
    for (; more > 0 && *at < size; more--) {
        c = c << 6 | (text[(*at)++] & 0x3fu);
    }
    return c;
}

void reg_text_to_utf16(const char *text, size_t size, struct buffer *out)
{
    for (size_t at = 0; at < size;) {
        uint32_t c = take_character((const uint8_t *)text, size, &at);
        if (c >= 0x10000) {
            c -= 0x10000;
            buffer_put_u16(out, (uint16_t)(0xd800 + (c >> 10)));
            c = 0xdc00 + (c & 0x3ff);
        }
        buffer_put_u16(out, (uint16_t)c);
    }
}

bool reg_text_from_latin1(const void *bytes, size_t size, struct buffer *out)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) {
        if (at[i] >= 0x80 && at[i] <= 0x9f) {
            return false;
        }
        put_character(out, at[i]);
    }
    return true;
}
