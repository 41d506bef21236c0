/* programs/ping/payload.c: bytes, or records of values as Update carries them. */
#include "programs/ping/payload.h"

#include <string.h>

#include <d2k/value.h>

#define RECORD_TIME_NS INT64_C(946684800000000000) /* 2000-01-01: any valid time will do */

static uint8_t *put_number(uint8_t *at, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        *at++ = (uint8_t)(number >> (8 * i));
    }
    return at;
}

/* A Real as in section 13 of the protocol; the kernel does not look into it. */
static uint8_t *put_record(uint8_t *at, unsigned number)
{
    double content = number;
    uint64_t bits;
    memcpy(&bits, &content, sizeof bits);
    at = put_number(at, PING_RECORD_SIZE - 4, 4); /* size of what follows */
    at = put_number(at, number + 1, 4);           /* hobj */
    at = put_number(at, D2K_TYPE_REAL, 1);
    at = put_number(at, 0, 1); /* delivery */
    at = put_number(at, 0, 2); /* user flags */
    at = put_number(at, D2K_STATUS_VALID, 4);
    at = put_number(at, (uint64_t)RECORD_TIME_NS, 8);
    at = put_number(at, number + 1, 8); /* sequence */
    return put_number(at, bits, 8);
}

void ping_payload_init(struct ping_payload *payload, const struct ping_options *options)
{
    payload->options = options;
    for (size_t i = 0; i < sizeof payload->pattern; i++) {
        payload->pattern[i] = (uint8_t)(i % PING_PATTERN_PERIOD);
    }
    uint8_t *at = payload->records;
    for (unsigned i = 0; i < options->values; i++) {
        at = put_record(at, i);
    }
}

struct slice ping_payload_of(const struct ping_payload *payload, uint64_t number)
{
    const struct ping_options *options = payload->options;
    if (options->values > 0) {
        return (struct slice){(const char *)payload->records,
                              (size_t)options->values * PING_RECORD_SIZE};
    }
    size_t size = options->message_size;
    if (options->grow) {
        size += (size_t)(number % (PING_DATA_MAX - options->message_size + 1));
    }
    return (struct slice){(const char *)payload->pattern + number % PING_PATTERN_PERIOD, size};
}
