/* fuzz_message.c: any bytes as frames. What decodes must encode again, and what was encoded must
 * decode to the same bytes: a message has one form. */
#include <string.h>

#include "fuzz.h"
#include "wire/message.h"

static void encode_again(const struct wire_message *message)
{
    struct buffer first, second;
    struct wire_message decoded;
    struct error err;
    size_t size = 0;
    uint16_t code = 0;

    buffer_init(&first, WIRE_HEADER_SIZE + WIRE_LENGTH_MAX);
    buffer_init(&second, WIRE_HEADER_SIZE + WIRE_LENGTH_MAX);
    fuzz_expect(wire_encode(&first, message) == D2K_OK);
    fuzz_expect(wire_decode(buffer_data(&first), buffer_size(&first), WIRE_LENGTH_MAX, &decoded,
                            &size, &code, &err) == WIRE_DECODED);
    fuzz_expect(size == buffer_size(&first));
    fuzz_expect(wire_encode(&second, &decoded) == D2K_OK);
    fuzz_expect(buffer_size(&second) == buffer_size(&first));
    fuzz_expect(memcmp(buffer_data(&first), buffer_data(&second), buffer_size(&first)) == 0);
    buffer_free(&first);
    buffer_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size > 0) {
        struct wire_message message;
        struct error err;
        size_t used = 0;
        uint16_t code = 0;
        enum wire_decoded what =
            wire_decode(data, size, WIRE_LENGTH_MAX, &message, &used, &code, &err);

        if (what == WIRE_BROKEN) {
            fuzz_expect(code != WIRE_CODE_NONE);
            return 0;
        }
        if (what == WIRE_INCOMPLETE) {
            fuzz_expect(used > size);
            return 0;
        }
        fuzz_expect(used >= WIRE_HEADER_SIZE && used <= size);
        if (what == WIRE_DECODED) {
            encode_again(&message);
        }
        data += used;
        size -= used;
    }
    return 0;
}
