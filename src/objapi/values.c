/* objapi/values.c: values of ObjApi from and to those of libd2k.
 *
 * Times are doubles there: seconds since 1970, which a double holds to better than a microsecond.
 */
#include "objapi/values.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1e9

/* Beyond this a relative time does not fit into 64 bits of nanoseconds. */
#define SECONDS_MAX 9.2e9

static bool copy_text(const d2k_value *value, UniVal *ret)
{
    size_t size = value->content.text.size;
    ret->TxtVal = malloc(size + 1);
    if (ret->TxtVal == NULL) {
        ret->type = ValType_None;
        return false;
    }
    if (size > 0) {
        memcpy(ret->TxtVal, value->content.text.data, size);
    }
    ret->TxtVal[size] = '\0';
    ret->Indirect = 1;
    return true;
}

static int nearest_int(int64_t integer, unsigned *status)
{
    if (integer > INT_MAX || integer < INT_MIN) {
        *status |= VAL_Weak;
        return integer > 0 ? INT_MAX : INT_MIN;
    }
    return (int)integer;
}

/* Where the number of the state stands. */
static int *state_place(UniVal *value)
{
    switch (value->type) {
    case ValType_Al:
        return &value->Alval;
    case ValType_St:
        return &value->Stval;
    case ValType_Pr:
        return &value->Prval;
    case ValType_Q:
        return &value->QVal;
    default: /* Line */
        return &value->Boval;
    }
}

/* Whole seconds apart: a double of nanoseconds would be exact to a quarter of a microsecond. */
static double seconds(int64_t ns)
{
    return (double)(ns / INT64_C(1000000000)) + (double)(ns % INT64_C(1000000000)) / NS_PER_S;
}

bool objapi_content_of(const d2k_value *value, UniVal *ret)
{
    ret->type = (ValType)value->type;
    switch (value->type) {
    case D2K_TYPE_BOOLEAN:
        ret->Boval = value->content.boolean ? 1 : 0;
        return true;
    case D2K_TYPE_INTEGER:
        ret->Intval = nearest_int(value->content.integer, &ret->status);
        return true;
    case D2K_TYPE_REAL:
        ret->Realval = value->content.real;
        return true;
    case D2K_TYPE_ABSOLUTE_TIME:
        ret->TmAval = seconds(value->content.absolute_time_ns);
        return true;
    case D2K_TYPE_RELATIVE_TIME:
        ret->TmRval = seconds(value->content.relative_time_ns);
        return true;
    case D2K_TYPE_TEXT:
        return true;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        *state_place(ret) = (int)value->content.state;
        return true;
    default:
        ret->type = ValType_None;
        return false;
    }
}

bool objapi_value_of(const d2k_value *value, UniVal *ret)
{
    *ret = (UniVal){.gvaltyp = GValTyp_Simple,
                    .status = value->status,
                    .limitStatus = (LimitStatus)value->limit_status,
                    .procAlarmStatus = value->process_alarm,
                    .Flags = value->flags};
    ret->valtime = seconds(value->time_ns);
    ret->procAlarmTime = seconds(value->process_alarm_time_ns);
    if (value->type == D2K_TYPE_ARRAY || value->type == D2K_TYPE_STRUCTURE) {
        return objapi_table_of(value, ret);
    }
    /* Of a type that ObjApi has no name for here quality and time are told. */
    return !objapi_content_of(value, ret) || value->type != D2K_TYPE_TEXT || copy_text(value, ret);
}

void objapi_value_free(UniVal *value)
{
    if (value->Indirect != 0) {
        free(value->TxtVal);
    }
    *value = (UniVal){.type = ValType_None};
}

/* False: not a number, or too far away. */
static bool to_ns(double in_seconds, int64_t *ret)
{
    if (!(in_seconds > -SECONDS_MAX && in_seconds < SECONDS_MAX)) {
        return false;
    }
    int64_t whole = (int64_t)in_seconds;
    *ret = whole * INT64_C(1000000000) + (int64_t)((in_seconds - (double)whole) * NS_PER_S);
    return true;
}

/* False: the type has no such state. */
static bool to_state(UniVal value, d2k_value *ret)
{
    int state = *state_place(&value);
    *ret = d2k_state((d2k_type)value.type, (uint32_t)state);
    return state >= 0 && d2k_state_name(ret->type, ret->content.state) != NULL;
}

bool objapi_content_to(const UniVal *value, d2k_value *ret)
{
    switch (value->type) {
    case ValType_Bo:
        *ret = d2k_boolean(value->Boval != 0);
        return true;
    case ValType_Ci:
        *ret = d2k_integer(value->Intval);
        return true;
    case ValType_Re:
        *ret = d2k_real(value->Realval);
        return true;
    case ValType_TmA:
        *ret = d2k_absolute_time(0);
        return to_ns(value->TmAval, &ret->content.absolute_time_ns);
    case ValType_TmR:
        *ret = d2k_relative_time(0);
        return to_ns(value->TmRval, &ret->content.relative_time_ns);
    case ValType_Txt:
        *ret = d2k_text(value->TxtVal == NULL ? "" : value->TxtVal);
        return value->TxtVal != NULL;
    default:
        return to_state(*value, ret);
    }
}

static APIRET simple_to(const UniVal *value, d2k_type type, d2k_value *ret)
{
    if (value->type < ValType_Bo || value->type > ValType_Q ||
        (unsigned)value->type != (unsigned)type || value->gvaltyp != GValTyp_Simple) {
        return API_ValTypeError;
    }
    return objapi_content_to(value, ret) ? API_OK : API_ParamError;
}

APIRET objapi_value_to(const UniVal *value, d2k_type type, d2k_table *table, d2k_value *ret)
{
    int64_t time_ns = 0;
    APIRET code = table != NULL ? objapi_table_to(value, table, ret) : simple_to(value, type, ret);
    if (code != API_OK) {
        return code;
    }
    if (!to_ns(value->valtime, &time_ns) || (value->status & ~D2K_STATUS_ALL) != 0 ||
        value->Flags > UINT16_MAX) {
        return API_ParamError;
    }
    ret->status = value->status;
    ret->flags = (uint16_t)value->Flags;
    ret->time_ns = time_ns;
    return API_OK;
}
