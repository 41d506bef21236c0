/* model/alarm.h: process alarms: when one comes, stands, goes, and waits to be acknowledged
 * (docs/alarms.md). All state is in the value itself: status bits, process_alarm and its time. Pure
 * functions. */
#ifndef D2K_MODEL_ALARM_H
#define D2K_MODEL_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include <d2k/value.h>

#define ALARM_MASK_ALL UINT32_C(0x3fffffff)

/* What an object says of its alarms. */
struct alarm_rule {
    uint32_t mask : 30;       /* of process alarms that it gives; 0: none is evaluated (silent) */
    uint32_t has_alarms : 1;  /* 0: it knows no alarms at all, the rest is 0 */
    uint32_t is_critical : 1; /* its alarms carry D2K_STATUS_PR_AL_CRIT */
};

_Static_assert(D2K_PALARM_LAST < 30, "each process alarm has its bit in the mask");

/* Brings into `value`, which is right in all else, what it means under the rule after `before`, the
 * value that was current until now (D2K_TYPE_NONE: none was), which is another one. */
void alarm_evaluate(const struct alarm_rule *rule, const d2k_value *before, d2k_value *value);

/* Somebody has seen the alarm; `value` is the current one. False: none waits for that. */
bool alarm_acknowledge(d2k_value *value);

#endif
