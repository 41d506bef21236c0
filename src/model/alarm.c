/* model/alarm.c: the rules of process alarms. */
#include "model/alarm.h"

static bool gives(const struct alarm_rule *rule, d2k_process_alarm alarm)
{
    return (rule->mask & D2K_PALARM_BIT(alarm)) != 0;
}

/* An object that does not alarm while it is On may alarm when it becomes so: then `change` stands
 * as long as `is` does. */
static d2k_process_alarm change_to(const d2k_value *before, d2k_process_alarm was,
                                   d2k_process_alarm change)
{
    return before->process_alarm == change || d2k_process_alarm_of(before) == was ? change
                                                                                  : D2K_PALARM_NONE;
}

static d2k_process_alarm alarm_under(const struct alarm_rule *rule, const d2k_value *before,
                                     const d2k_value *value)
{
    d2k_process_alarm alarm = d2k_process_alarm_of(value);
    if (gives(rule, alarm)) {
        return alarm;
    }
    if (alarm == D2K_PALARM_ON && gives(rule, D2K_PALARM_TO_ON)) {
        return change_to(before, D2K_PALARM_OFF, D2K_PALARM_TO_ON);
    }
    if (alarm == D2K_PALARM_OFF && gives(rule, D2K_PALARM_TO_OFF)) {
        return change_to(before, D2K_PALARM_ON, D2K_PALARM_TO_OFF);
    }
    return D2K_PALARM_NONE;
}

static void keep(const d2k_value *before, d2k_value *value)
{
    value->status |= before->status & (D2K_STATUS_PROC_ALARM | D2K_STATUS_NO_ACK_PALARM);
    value->process_alarm = before->process_alarm;
    value->process_alarm_time_ns = before->process_alarm_time_ns;
}

static void become(d2k_value *value, d2k_process_alarm alarm)
{
    if (value->process_alarm == alarm) {
        return;
    }
    value->process_alarm = (uint8_t)alarm;
    value->process_alarm_time_ns = value->time_ns;
    value->status &= ~D2K_STATUS_PROC_ALARM;
    if (alarm != D2K_PALARM_NONE) {
        value->status |= D2K_STATUS_PROC_ALARM | D2K_STATUS_NO_ACK_PALARM;
    }
}

static bool is_of_interest(const d2k_value *value)
{
    return (value->status & (D2K_STATUS_PROC_ALARM | D2K_STATUS_NO_ACK_PALARM)) != 0;
}

static void clear(d2k_value *value)
{
    value->status &= ~D2K_STATUS_PALARMS;
    value->process_alarm = D2K_PALARM_NONE;
    value->process_alarm_time_ns = 0;
}

static void evaluate_current(const struct alarm_rule *rule, const d2k_value *before,
                             d2k_value *value)
{
    bool is_valid = (value->status & D2K_STATUS_VALID) != 0;
    keep(before, value);
    if (rule->mask == 0) {
        become(value, D2K_PALARM_NONE);
    } else if (is_valid) {
        become(value, alarm_under(rule, before, value));
    }
    if (rule->mask == 0 || !is_valid) {
        value->status |= D2K_STATUS_PR_AL_SILENT;
    }
    if (!is_of_interest(value)) {
        value->process_alarm_time_ns = 0;
    } else if (rule->is_critical) {
        value->status |= D2K_STATUS_PR_AL_CRIT;
    }
}

void alarm_evaluate(const struct alarm_rule *rule, const d2k_value *before, d2k_value *value)
{
    clear(value);
    if (!rule->has_alarms) {
        return;
    }
    if (value->past) {
        value->status |= D2K_STATUS_PR_AL_SILENT;
    } else {
        evaluate_current(rule, before, value);
    }
}

bool alarm_acknowledge(d2k_value *value)
{
    if ((value->status & D2K_STATUS_NO_ACK_PALARM) == 0) {
        return false;
    }
    value->status &= ~D2K_STATUS_NO_ACK_PALARM;
    if (!is_of_interest(value)) {
        value->status &= ~D2K_STATUS_PR_AL_CRIT;
        value->process_alarm_time_ns = 0;
    }
    return true;
}
