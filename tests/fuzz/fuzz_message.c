/* fuzz_message.c: any bytes as frames, under both limits: wire_decode(), wire_encode(). What
 * decodes must encode again, and what was encoded must decode to the same bytes: a message has one
 * form. A frame within the smaller limit is the same under both. */
#include <string.h>

#include "fuzz.h"
#include "wire/message.h"

struct outcome {
    enum wire_decoded what;
    struct wire_message message;
    struct error err;
    size_t used;
    uint16_t code;
};

static struct outcome decode(const uint8_t *data, size_t size, uint32_t length_max)
{
    struct outcome o;
    memset(&o, 0, sizeof o);
    o.what = wire_decode(data, size, length_max, &o.message, &o.used, &o.code, &o.err);
    fuzz_expect((o.what == WIRE_BROKEN) == (o.code != WIRE_CODE_NONE));
    fuzz_expect((o.what == WIRE_BROKEN) == (o.err.text[0] != '\0'));
    fuzz_expect(o.what != WIRE_INCOMPLETE || (o.used > size && o.used <= length_max + 4));
    return o;
}

static void encode_again(const struct wire_message *message)
{
    struct buffer first, second;
    buffer_init(&first, WIRE_HEADER_SIZE + WIRE_LENGTH_MAX);
    buffer_init(&second, WIRE_HEADER_SIZE + WIRE_LENGTH_MAX);
    fuzz_expect(wire_encode(&first, message) == D2K_OK);
    struct outcome again = decode(buffer_data(&first), buffer_size(&first), WIRE_LENGTH_MAX);
    fuzz_expect(again.what == WIRE_DECODED && again.used == buffer_size(&first));
    fuzz_expect(wire_encode(&second, &again.message) == D2K_OK);
    fuzz_expect(buffer_size(&second) == buffer_size(&first));
    fuzz_expect(memcmp(buffer_data(&first), buffer_data(&second), buffer_size(&first)) == 0);
    buffer_free(&first);
    buffer_free(&second);
}

/* A buffer that is too small by any number of bytes is left as it was. */
static void encode_into_too_little(const struct wire_message *message, size_t size)
{
    struct buffer out;
    buffer_init(&out, size / 2 + 1);
    buffer_put(&out, "x", 1);
    fuzz_expect(wire_encode(&out, message) == D2K_NO_MEMORY || buffer_size(&out) > 1);
    fuzz_expect(buffer_size(&out) >= 1 && buffer_data(&out)[0] == 'x' && !buffer_failed(&out));
    buffer_free(&out);
}

static void check_small_limit(const uint8_t *data, size_t size, const struct outcome *large)
{
    struct outcome small = decode(data, size, WIRE_LENGTH_MAX_UNREGISTERED);
    if (large->what != WIRE_BROKEN && large->used > WIRE_LENGTH_MAX_UNREGISTERED + 4) {
        fuzz_expect(small.what == WIRE_BROKEN && small.code == WIRE_CODE_TOO_LARGE);
    } else {
        fuzz_expect(small.what == large->what || small.code == WIRE_CODE_TOO_LARGE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size > 0) {
        struct outcome o = decode(data, size, WIRE_LENGTH_MAX);
        check_small_limit(data, size, &o);
        if (o.what == WIRE_BROKEN || o.what == WIRE_INCOMPLETE) {
            return 0;
        }
        fuzz_expect(o.used >= WIRE_HEADER_SIZE && o.used <= size);
        if (o.what == WIRE_DECODED) {
            encode_again(&o.message);
            encode_into_too_little(&o.message, o.used);
        }
        data += o.used;
        size -= o.used;
    }
    return 0;
}
