/* base/content.c: what a content may be. */
#include "base/content.h"

#include <inttypes.h>
#include <math.h>

#include "base/table.h"
#include "base/text.h"

static d2k_result check_text(struct slice text, struct error *err)
{
    if (text.size > D2K_TEXT_MAX_BYTES) {
        return error_set(err, D2K_ARGUMENT, "text of %zu bytes, at most %u are allowed", text.size,
                         D2K_TEXT_MAX_BYTES);
    }
    if ((text.data == NULL && text.size != 0) || !text_is_utf8(text)) {
        return error_set(err, D2K_ARGUMENT, "text is not valid UTF-8 without NUL");
    }
    return D2K_OK;
}

static d2k_result check_state(const d2k_value *value, struct error *err)
{
    if (d2k_state_name(value->type, value->content.state) == NULL) {
        return error_set(err, D2K_ARGUMENT, "%" PRIu32 " is no state of type %s",
                         value->content.state, d2k_type_name(value->type));
    }
    return D2K_OK;
}

d2k_result content_check(const d2k_value *value, struct error *err)
{
    switch (value->type) {
    case D2K_TYPE_NONE:
    case D2K_TYPE_BOOLEAN:
    case D2K_TYPE_INTEGER:
    case D2K_TYPE_RELATIVE_TIME:
    case D2K_TYPE_HOBJ:
        return D2K_OK;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        return check_state(value, err);
    case D2K_TYPE_REAL:
        if (!isfinite(value->content.real)) {
            return error_set(err, D2K_ARGUMENT, "a Real must be finite");
        }
        return D2K_OK;
    case D2K_TYPE_ABSOLUTE_TIME:
        if (!content_is_time(value->content.absolute_time_ns)) {
            return error_set(err, D2K_ARGUMENT,
                             "Absolute time %" PRId64 " ns is not within the years 1972..2099",
                             value->content.absolute_time_ns);
        }
        return D2K_OK;
    case D2K_TYPE_TEXT:
        return check_text(content_bytes(value), err);
    case D2K_TYPE_ARRAY:
    case D2K_TYPE_STRUCTURE:
        return table_check(value->type, content_bytes(value), err);
    }
    return error_set(err, D2K_ARGUMENT, "value type %u is not known", (unsigned)value->type);
}
