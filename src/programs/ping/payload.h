/* programs/ping/payload.h: the data of each message, such that an answer to another message, or a
 * changed one, is noticed. */
#ifndef D2K_PING_PAYLOAD_H
#define D2K_PING_PAYLOAD_H

#include "base/cursor.h"
#include "programs/ping/options.h"

#define PING_PATTERN_PERIOD 251u /* a prime: no size of a message is a multiple of it for long */

struct ping_payload {
    const struct ping_options *options;
    uint8_t pattern[PING_DATA_MAX + PING_PATTERN_PERIOD];
    uint8_t records[PING_VALUES_MAX * PING_RECORD_SIZE];
};

/* `options` must outlive it. */
void ping_payload_init(struct ping_payload *payload, const struct ping_options *options);

/* The data of message `number`, counted from 0; holds as long as the payload. A message that grows
 * over PING_DATA_MAX begins again with the first size. */
struct slice ping_payload_of(const struct ping_payload *payload, uint64_t number);

#endif
