/* base/value.c: making values and writing them as text (include/d2k/value.h). */
#include <d2k/value.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/json.h"
#include "base/text.h"
#include "os/clock.h"

#define REAL_TEXT_MAX    40 /* "-1.7976931348623157e+308" and a long decimal point */
#define EXACT_DIGITS     17 /* always read back to the same double */
#define USUALLY_EXACT    15
#define CONTENT_TEXT_MAX 64                   /* of every type but text */
#define TABLE_TEXT_MAX   (4u * 1024u * 1024u) /* of the largest table with the longest names */
#define NS_PER_MS        UINT64_C(1000000)
#define MS_PER_DAY       UINT64_C(86400000)
#define MS_PER_HOUR      UINT64_C(3600000)
#define MS_PER_MINUTE    UINT64_C(60000)
#define MS_PER_SECOND    UINT64_C(1000)

static d2k_value valid_value(d2k_type type)
{
    d2k_value value;
    memset(&value, 0, sizeof value);
    value.type = type;
    value.status = D2K_STATUS_VALID;
    return value;
}

d2k_value d2k_boolean(bool content)
{
    d2k_value value = valid_value(D2K_TYPE_BOOLEAN);
    value.content.boolean = content;
    return value;
}

d2k_value d2k_integer(int64_t content)
{
    d2k_value value = valid_value(D2K_TYPE_INTEGER);
    value.content.integer = content;
    return value;
}

d2k_value d2k_real(double content)
{
    d2k_value value = valid_value(D2K_TYPE_REAL);
    value.content.real = content;
    return value;
}

d2k_value d2k_absolute_time(int64_t ns_since_1970)
{
    d2k_value value = valid_value(D2K_TYPE_ABSOLUTE_TIME);
    value.content.absolute_time_ns = ns_since_1970;
    return value;
}

d2k_value d2k_relative_time(int64_t ns)
{
    d2k_value value = valid_value(D2K_TYPE_RELATIVE_TIME);
    value.content.relative_time_ns = ns;
    return value;
}

d2k_value d2k_text(const char *terminated)
{
    d2k_value value = valid_value(D2K_TYPE_TEXT);
    value.content.text.data = terminated != NULL ? terminated : "";
    value.content.text.size = strlen(value.content.text.data);
    return value;
}

d2k_value d2k_state(d2k_type type, uint32_t state)
{
    d2k_value value = valid_value(type);
    value.content.state = state;
    return value;
}

d2k_value d2k_hobj(uint32_t hobj)
{
    d2k_value value = valid_value(D2K_TYPE_HOBJ);
    value.content.hobj = hobj;
    return value;
}

/* ---- limits ---- */

d2k_limit_status d2k_limits_status(const d2k_limits *limits, const d2k_value *value)
{
    double number;
    if (value->type == D2K_TYPE_REAL) {
        number = value->content.real;
    } else if (value->type == D2K_TYPE_INTEGER) {
        number = (double)value->content.integer;
    } else {
        return D2K_IN_LIMIT;
    }
    /* Written so that a NaN among them is a problem, too. */
    if (!(limits->vl < limits->l && limits->l < limits->h && limits->h < limits->vh)) {
        return D2K_LIMITS_PROBLEM;
    }
    if (number < limits->l) {
        return number < limits->vl ? D2K_VL_LIMIT : D2K_L_LIMIT;
    }
    if (number > limits->h) {
        return number > limits->vh ? D2K_VH_LIMIT : D2K_H_LIMIT;
    }
    return D2K_IN_LIMIT;
}

/* ---- names ---- */

#define STATES_MAX 6

static const char *const state_names[][STATES_MAX] = {
    [D2K_TYPE_LINE] = {"False", "True"},
    [D2K_TYPE_ALARM] = {"Normal", "Alarm", "Kvit", "Block", "UnBlock", "NoKvit"},
    [D2K_TYPE_STATION] = {"StON", "StOFF", "StCOMERR", "StHARDERR", "StSIMUL", "StWAIT"},
    [D2K_TYPE_PROCESS] = {"Run", "Crash", "Stop", "WDErr"},
    [D2K_TYPE_QUATERNARY] = {"Q_Trans", "Q_Off", "Q_On", "Q_Err", "Q_Osc"},
};

const char *d2k_state_name(d2k_type type, uint32_t state)
{
    bool known = (size_t)type < sizeof state_names / sizeof state_names[0] && state < STATES_MAX;
    return known ? state_names[type][state] : NULL;
}

const char *d2k_limit_status_name(unsigned status)
{
    static const char *const names[] = {"InLimit", "VL_Limit", "L_Limit",
                                        "H_Limit", "VH_Limit", "LimitsProblem"};
    return status < sizeof names / sizeof names[0] ? names[status] : "?";
}

const char *d2k_type_name(d2k_type type)
{
    switch (type) {
    case D2K_TYPE_NONE:
        return "None";
    case D2K_TYPE_BOOLEAN:
        return "Boolean";
    case D2K_TYPE_INTEGER:
        return "Integer";
    case D2K_TYPE_REAL:
        return "Real";
    case D2K_TYPE_ABSOLUTE_TIME:
        return "Absolute time";
    case D2K_TYPE_RELATIVE_TIME:
        return "Relative time";
    case D2K_TYPE_TEXT:
        return "Text";
    case D2K_TYPE_LINE:
        return "Line";
    case D2K_TYPE_ALARM:
        return "Alarm";
    case D2K_TYPE_STATION:
        return "Station";
    case D2K_TYPE_PROCESS:
        return "Process";
    case D2K_TYPE_QUATERNARY:
        return "Quaternary";
    case D2K_TYPE_HOBJ:
        return "Hobj";
    case D2K_TYPE_ARRAY:
        return "Array";
    case D2K_TYPE_STRUCTURE:
        return "Structure";
    }
    return "?";
}

/* printf writes the decimal point of the program's locale, which may have several bytes. */
static void replace_decimal_point(char *number)
{
    char *to = number;
    bool within_point = false;
    for (const char *from = number; *from != '\0'; from++) {
        bool is_number = strchr("0123456789+-e", *from) != NULL;
        if (is_number) {
            *to++ = *from;
        } else if (!within_point) {
            *to++ = '.';
        }
        within_point = !is_number;
    }
    *to = '\0';
}

static void format_real(double real, char *ret, size_t size)
{
    if (!isfinite(real)) {
        snprintf(ret, size, "%s", isnan(real) ? "nan" : real < 0 ? "-inf" : "inf");
        return;
    }
    char number[REAL_TEXT_MAX];
    /* Denormal numbers have fewer digits of their own. */
    int digits = fabs(real) < DBL_MIN ? 1 : USUALLY_EXACT;
    snprintf(number, sizeof number, "%.*g", digits, real);
    while (digits < EXACT_DIGITS && memcmp(&(double){strtod(number, NULL)}, &real, sizeof real)) {
        digits++;
        snprintf(number, sizeof number, "%.*g", digits, real);
    }
    replace_decimal_point(number);
    snprintf(ret, size, "%s", number);
}

static void format_absolute_time(int64_t ns, char *ret, size_t size)
{
    struct os_calendar t = os_local_time(ns);
    snprintf(ret, size, "%02d:%02d:%02d.%03d %02d-%02d-%04d", t.hour, t.minute, t.second,
             t.millisecond, t.day, t.month, t.year);
}

static void format_relative_time(int64_t ns, char *ret, size_t size)
{
    uint64_t ms = (ns < 0 ? UINT64_C(0) - (uint64_t)ns : (uint64_t)ns) / NS_PER_MS;
    snprintf(ret, size, "%s%" PRIu64 " %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64,
             ns < 0 && ms > 0 ? "-" : "", ms / MS_PER_DAY, ms % MS_PER_DAY / MS_PER_HOUR,
             ms % MS_PER_HOUR / MS_PER_MINUTE, ms % MS_PER_MINUTE / MS_PER_SECOND,
             ms % MS_PER_SECOND);
}

static void format_state(const d2k_value *value, char *ret, size_t size)
{
    const char *name = d2k_state_name(value->type, value->content.state);
    snprintf(ret, size, "%s", name != NULL ? name : "?");
}

/* Copies what fits; UTF-8 is cut between characters. */
static size_t copy_text(const char *data, size_t length, char *ret_text, size_t size)
{
    if (size > 0) {
        size_t copied = length < size ? length : size - 1;
        while (copied > 0 && copied < length && ((unsigned char)data[copied] & 0xc0) == 0x80) {
            copied--;
        }
        if (copied > 0) {
            memcpy(ret_text, data, copied);
        }
        ret_text[copied] = '\0';
    }
    return length;
}

static size_t format_table(const d2k_value *value, char *ret_text, size_t size)
{
    struct buffer text;
    buffer_init(&text, TABLE_TEXT_MAX);
    struct json json = json_into(&text);
    content_write_json(&json, NULL, value);
    size_t length = copy_text((const char *)buffer_data(&text), buffer_size(&text), ret_text, size);
    buffer_free(&text);
    return length;
}

size_t d2k_value_format(const d2k_value *value, char *ret_text, size_t size)
{
    char text[CONTENT_TEXT_MAX] = "";
    switch (value->type) {
    case D2K_TYPE_NONE:
        break;
    case D2K_TYPE_BOOLEAN:
        return copy_text(value->content.boolean ? "true" : "false", value->content.boolean ? 4 : 5,
                         ret_text, size);
    case D2K_TYPE_INTEGER:
        snprintf(text, sizeof text, "%" PRId64, value->content.integer);
        break;
    case D2K_TYPE_REAL:
        format_real(value->content.real, text, sizeof text);
        break;
    case D2K_TYPE_ABSOLUTE_TIME:
        format_absolute_time(value->content.absolute_time_ns, text, sizeof text);
        break;
    case D2K_TYPE_RELATIVE_TIME:
        format_relative_time(value->content.relative_time_ns, text, sizeof text);
        break;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        format_state(value, text, sizeof text);
        break;
    case D2K_TYPE_HOBJ:
        snprintf(text, sizeof text, "%" PRIu32, value->content.hobj);
        break;
    case D2K_TYPE_ARRAY:
    case D2K_TYPE_STRUCTURE:
        return format_table(value, ret_text, size);
    case D2K_TYPE_TEXT:
        return copy_text(value->content.text.data, value->content.text.size, ret_text, size);
    }
    return copy_text(text, strlen(text), ret_text, size);
}
