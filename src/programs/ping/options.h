/* programs/ping/options.h: the arguments of d2k-ping, in the spelling of D2000 and in that of GNU.
 */
#ifndef D2K_PING_OPTIONS_H
#define D2K_PING_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PING_DATA_MAX      65536u /* bytes of a Ping, by the protocol */
#define PING_RECORD_SIZE   40u    /* of one Real value */
#define PING_VALUES_MAX    (PING_DATA_MAX / PING_RECORD_SIZE)
#define PING_BLOCK_MAX     1000000
#define PING_BLOCKS_MAX    1000000000
#define PING_DELAY_MAX_MS  86400000u
#define PING_TIMEOUT_MAX_S 3600

struct ping_options {
    unsigned block_size;   /* messages of a block */
    unsigned delay_ms;     /* from the begin of a block to the begin of the next */
    unsigned message_size; /* bytes of data */
    bool grow;             /* each message has one byte more */
    unsigned values;       /* records in the data; 0: the data is bytes */
    unsigned blocks;       /* --count=, 0: until a signal */
    unsigned timeout_s;    /* for one answer */
    bool json;
};

/* The defaults: one message without data a second. */
void ping_options_init(struct ping_options *options);

/* Takes one argument (shape of program_info.argument; context is a struct ping_options). D2K_OK;
 * D2K_NOT_FOUND: unknown; D2K_ARGUMENT: wrong value. */
d2k_result ping_options_take(void *context, const char *argument, bool is_word, struct error *err);

/* After the last argument: whether they fit together. D2K_ARGUMENT. */
d2k_result ping_options_check(const struct ping_options *options, struct error *err) D2K_MUST_CHECK;

/* "1", "0.25": seconds with at most three decimals, as milliseconds. False: not such a number, or
 * over max_ms. */
bool ping_options_seconds(const char *text, unsigned max_ms, unsigned *ret_ms);

#endif
