/* programs/ping/report.h: what d2k-ping prints: a line at the start, a line for each block, a
 * summary. */
#ifndef D2K_PING_REPORT_H
#define D2K_PING_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "programs/ping/options.h"
#include "programs/ping/statistics.h"

/* Of one block, or of all. */
struct ping_tally {
    uint64_t sent, received, lost;
    uint64_t changed; /* answers whose data is not what was sent; also counted in `lost` */
    uint64_t late;    /* answers to messages that were counted as lost */
    uint64_t bytes;   /* of data in the messages that were answered */
    uint64_t min_size, max_size; /* of the data of one message */
    uint64_t busy_ns;            /* from the first message of a block to its last answer */
    struct ping_statistics round_trips;
};

struct ping_start {
    const char *kernel_version, *process_name, *tls_version; /* escaped */
    bool verified;
    const struct ping_options *options;
};

/* Each appends text (lines) or one line with a JSON object. Failure is the buffer's. */
void ping_report_start(struct buffer *out, const struct ping_start *start, bool json);
void ping_report_block(struct buffer *out, uint64_t number, const struct ping_tally *block,
                       bool json);
void ping_report_summary(struct buffer *out, uint64_t blocks, uint64_t elapsed_ns,
                         const struct ping_tally *all, bool json);

#endif
