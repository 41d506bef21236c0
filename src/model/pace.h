/* model/pace.h: how often, and for which changes, a reader in mode `latest` is told an object, when
 * it has asked for a minimum interval or a dead band. Rules only: time is handed in, and nothing is
 * remembered but by the caller. */
#ifndef D2K_MODEL_PACE_H
#define D2K_MODEL_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include <d2k/value.h>

#include "base/error.h"

#define PACE_INTERVAL_MAX_MS 3600000u

struct pace_rule {
    uint32_t interval_ms; /* at most one value in so many; 0: as often as it changes */
    bool has_dead_band;
    double dead_band; /* numbers at most so far from the one that was told are not; finite, >= 0 */
};

/* What the reader was told last. */
struct pace_told {
    bool any; /* else nothing was */
    uint64_t at_ms;
    uint64_t sequence; /* of the update */
    d2k_value value;   /* its text is not looked at */
};

enum pace_answer {
    PACE_NOW,
    PACE_LATER, /* ask again when the interval is over */
    PACE_NOT,   /* it is told already, or near enough */
};

/* D2K_ARGUMENT: it is empty, or its interval or dead band is over the limits. */
d2k_result pace_check(const struct pace_rule *rule, struct error *err) D2K_MUST_CHECK;
bool pace_is_empty(const struct pace_rule *rule);
/* A rule for two who share what is told: each gets all that it would get alone. */
struct pace_rule pace_both(const struct pace_rule *a, const struct pace_rule *b);
/* Whether the current value is to be told. Anything but a number that is as good as the last one
 * (status, flags, limit status, alarm) passes the dead band, and a change of these the interval. */
enum pace_answer pace_ask(const struct pace_rule *rule, const struct pace_told *told,
                          uint64_t sequence, const d2k_value *value, uint64_t now_ms);
void pace_note(struct pace_told *told, uint64_t sequence, const d2k_value *value, uint64_t now_ms);

#endif
