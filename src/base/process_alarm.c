/* base/process_alarm.c: which value means which process alarm: the tables of docs/alarms.md. */
#include <d2k/value.h>

#define BIT(name) D2K_PALARM_BIT(D2K_PALARM_##name)
#define LIMITS    (BIT(VL_LIMIT) | BIT(L_LIMIT) | BIT(H_LIMIT) | BIT(VH_LIMIT))
#define CHANGES   (BIT(TO_ON) | BIT(TO_OFF))

#define STATES_MAX 6

static const uint8_t of_state[][STATES_MAX] = {
    [D2K_TYPE_LINE] = {[D2K_LINE_FALSE] = D2K_PALARM_OFF, [D2K_LINE_TRUE] = D2K_PALARM_ON},
    [D2K_TYPE_ALARM] = {[D2K_ALARM_ALARM] = D2K_PALARM_ON, [D2K_ALARM_KVIT] = D2K_PALARM_ON},
    [D2K_TYPE_STATION] = {[D2K_STATION_ON] = D2K_PALARM_ON,
                          [D2K_STATION_OFF] = D2K_PALARM_OFF,
                          [D2K_STATION_COMERR] = D2K_PALARM_ERR,
                          [D2K_STATION_HARDERR] = D2K_PALARM_ERR},
    [D2K_TYPE_PROCESS] = {[D2K_PROCESS_VALUE_RUN] = D2K_PALARM_ON,
                          [D2K_PROCESS_VALUE_CRASH] = D2K_PALARM_ERR,
                          [D2K_PROCESS_VALUE_STOP] = D2K_PALARM_OFF,
                          [D2K_PROCESS_VALUE_WDERR] = D2K_PALARM_ERR},
    [D2K_TYPE_QUATERNARY] = {[D2K_QUATERNARY_TRANS] = D2K_PALARM_SW_TO_TRANS,
                             [D2K_QUATERNARY_OFF] = D2K_PALARM_OFF,
                             [D2K_QUATERNARY_ON] = D2K_PALARM_ON,
                             [D2K_QUATERNARY_ERR] = D2K_PALARM_ERR,
                             [D2K_QUATERNARY_OSC] = D2K_PALARM_OSCILLATE},
};

static const struct {
    uint32_t possible, usual;
} of_type[] = {
    [D2K_TYPE_BOOLEAN] = {BIT(ON) | BIT(OFF) | CHANGES, BIT(ON)},
    [D2K_TYPE_INTEGER] = {LIMITS | BIT(LIMITS_PROBLEM), LIMITS},
    [D2K_TYPE_REAL] = {LIMITS | BIT(LIMITS_PROBLEM), LIMITS},
    [D2K_TYPE_LINE] = {BIT(ON) | BIT(OFF) | CHANGES, BIT(OFF)},
    [D2K_TYPE_ALARM] = {BIT(ON), BIT(ON)},
    [D2K_TYPE_STATION] = {BIT(ON) | BIT(OFF) | BIT(ERR), BIT(ERR)},
    [D2K_TYPE_PROCESS] = {BIT(ON) | BIT(OFF) | BIT(ERR), BIT(ERR)},
    [D2K_TYPE_QUATERNARY] = {BIT(ON) | BIT(OFF) | BIT(ERR) | BIT(OSCILLATE) | BIT(SW_TO_TRANS),
                             BIT(ERR) | BIT(OSCILLATE)},
};

d2k_process_alarm d2k_process_alarm_of(const d2k_value *value)
{
    switch (value->type) {
    case D2K_TYPE_BOOLEAN:
        return value->content.boolean ? D2K_PALARM_ON : D2K_PALARM_OFF;
    case D2K_TYPE_INTEGER:
    case D2K_TYPE_REAL:
        return value->limit_status == D2K_IN_LIMIT
                   ? D2K_PALARM_NONE
                   : (d2k_process_alarm)(D2K_PALARM_VL_LIMIT - D2K_VL_LIMIT + value->limit_status);
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        return value->content.state < STATES_MAX
                   ? (d2k_process_alarm)of_state[value->type][value->content.state]
                   : D2K_PALARM_NONE;
    default:
        return D2K_PALARM_NONE;
    }
}

uint32_t d2k_process_alarms_possible(d2k_type type)
{
    return (unsigned)type < sizeof of_type / sizeof of_type[0] ? of_type[type].possible : 0;
}

uint32_t d2k_process_alarms_usual(d2k_type type)
{
    return (unsigned)type < sizeof of_type / sizeof of_type[0] ? of_type[type].usual : 0;
}

const char *d2k_process_alarm_name(unsigned alarm)
{
    static const char *const names[] = {
        [D2K_PALARM_NONE] = "NoAlarm",
        [D2K_PALARM_TO_ON] = "ToOn",
        [D2K_PALARM_TO_OFF] = "ToOff",
        [D2K_PALARM_ON] = "On",
        [D2K_PALARM_OFF] = "Off",
        [D2K_PALARM_ERR] = "Err",
        [D2K_PALARM_OSCILLATE] = "Oscillate",
        [D2K_PALARM_ERR_CMD_ON] = "ErrCmdOn",
        [D2K_PALARM_ERR_CMD_OFF] = "ErrCmdOff",
        [D2K_PALARM_SW_TO_TRANS] = "SwToTrans",
        [D2K_PALARM_SW_TO_OFF] = "SwToOff",
        [D2K_PALARM_SW_TO_ON] = "SwToOn",
        [D2K_PALARM_SW_TO_ERR] = "SwToErr",
        [D2K_PALARM_SW_TRANS] = "SwTrans",
        [D2K_PALARM_VL_LIMIT] = "VL_Limit",
        [D2K_PALARM_L_LIMIT] = "L_Limit",
        [D2K_PALARM_H_LIMIT] = "H_Limit",
        [D2K_PALARM_VH_LIMIT] = "VH_Limit",
        [D2K_PALARM_LIMITS_PROBLEM] = "LimitsProblem",
    };
    return alarm < sizeof names / sizeof names[0] ? names[alarm] : NULL;
}
