/* model/pace.c: the rules of minimum interval and dead band. */
#include "model/pace.h"

#include <math.h>

bool pace_is_empty(const struct pace_rule *rule)
{
    return rule->interval_ms == 0 && !rule->has_dead_band;
}

d2k_result pace_check(const struct pace_rule *rule, struct error *err)
{
    if (rule->interval_ms > PACE_INTERVAL_MAX_MS) {
        return error_set(err, D2K_ARGUMENT, "a minimum interval has at most %u ms",
                         PACE_INTERVAL_MAX_MS);
    }
    if (rule->has_dead_band && (!isfinite(rule->dead_band) || rule->dead_band < 0)) {
        return error_set(err, D2K_ARGUMENT, "a dead band is a finite number, 0 or more");
    }
    return pace_is_empty(rule)
               ? error_set(err, D2K_ARGUMENT, "neither a minimum interval nor a dead band")
               : D2K_OK;
}

struct pace_rule pace_both(const struct pace_rule *a, const struct pace_rule *b)
{
    return (struct pace_rule){
        .interval_ms = a->interval_ms < b->interval_ms ? a->interval_ms : b->interval_ms,
        .has_dead_band = a->has_dead_band && b->has_dead_band,
        .dead_band = a->dead_band < b->dead_band ? a->dead_band : b->dead_band,
    };
}

static bool is_as_good(const d2k_value *a, const d2k_value *b)
{
    return a->type == b->type && a->status == b->status && a->flags == b->flags &&
           a->limit_status == b->limit_status && a->process_alarm == b->process_alarm &&
           a->process_alarm_time_ns == b->process_alarm_time_ns;
}

/* Of two values of one type; infinite where a dead band does not apply. */
static double distance(const d2k_value *a, const d2k_value *b)
{
    int64_t from = a->content.integer, to = b->content.integer;
    if (a->type == D2K_TYPE_REAL) {
        return fabs(a->content.real - b->content.real);
    }
    if (a->type != D2K_TYPE_INTEGER) {
        return INFINITY;
    }
    return (double)(from < to ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to);
}

enum pace_answer pace_ask(const struct pace_rule *rule, const struct pace_told *told,
                          uint64_t sequence, const d2k_value *value, uint64_t now_ms)
{
    if (!told->any) {
        return PACE_NOW;
    }
    if (told->sequence == sequence) {
        return PACE_NOT;
    }
    if (!is_as_good(&told->value, value)) {
        return PACE_NOW;
    }
    if (rule->has_dead_band && distance(&told->value, value) <= rule->dead_band) {
        return PACE_NOT;
    }
    return now_ms - told->at_ms < rule->interval_ms ? PACE_LATER : PACE_NOW;
}

void pace_note(struct pace_told *told, uint64_t sequence, const d2k_value *value, uint64_t now_ms)
{
    *told = (struct pace_told){.any = true, .at_ms = now_ms, .sequence = sequence, .value = *value};
}
