/* programs/tell/content.c: see content.h. */
#include "programs/tell/content.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/text.h"

static bool read_integer(const char *text, int64_t *ret)
{
    char *end = NULL;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static bool read_real(const char *text, double *ret)
{
    char *end = NULL;
    *ret = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*ret);
}

static bool read_boolean(const char *text, bool *ret)
{
    *ret = text_equal_ignoring_case(text, "true") || strcmp(text, "1") == 0;
    return *ret || text_equal_ignoring_case(text, "false") || strcmp(text, "0") == 0;
}

static bool read_u32(const char *text, uint32_t *ret)
{
    int64_t number;
    if (!read_integer(text, &number) || number < 0 || number > UINT32_MAX) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

/* By its name, or by its number. */
static bool read_state(const char *text, d2k_type type, uint32_t *ret)
{
    const char *name;
    for (uint32_t state = 0; (name = d2k_state_name(type, state)) != NULL; state++) {
        if (text_equal_ignoring_case(text, name)) {
            *ret = state;
            return true;
        }
    }
    return read_u32(text, ret) && d2k_state_name(type, *ret) != NULL;
}

static bool read_content(const char *text, d2k_value *value)
{
    switch (value->type) {
    case D2K_TYPE_BOOLEAN:
        return read_boolean(text, &value->content.boolean);
    case D2K_TYPE_INTEGER:
        return read_integer(text, &value->content.integer);
    case D2K_TYPE_REAL:
        return read_real(text, &value->content.real);
    case D2K_TYPE_ABSOLUTE_TIME:
        return read_integer(text, &value->content.absolute_time_ns);
    case D2K_TYPE_RELATIVE_TIME:
        return read_integer(text, &value->content.relative_time_ns);
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        return read_state(text, value->type, &value->content.state);
    case D2K_TYPE_HOBJ:
        return read_u32(text, &value->content.hobj);
    case D2K_TYPE_TEXT:
        value->content.text.data = text;
        value->content.text.size = strlen(text);
        return true;
    default:
        return false;
    }
}

d2k_result content_read(const char *text, d2k_type type, d2k_value *ret_value, struct error *err)
{
    char shown[128];
    *ret_value = (d2k_value){.type = type, .status = D2K_STATUS_VALID};
    if (read_content(text, ret_value)) {
        return D2K_OK;
    }
    return error_set(err, D2K_ARGUMENT, "\"%s\" is no value of type %s",
                     text_escape(shown, sizeof shown, slice_of(text)), d2k_type_name(type));
}

d2k_result content_new_table(d2k_type type, const d2k_column *columns, size_t count,
                             d2k_table **ret_table, struct error *err)
{
    d2k_result result = type == D2K_TYPE_ARRAY && count == 1
                            ? d2k_array_new(columns[0].type, ret_table)
                            : d2k_structure_new(columns, count, ret_table);
    return result == D2K_OK
               ? D2K_OK
               : error_set(err, result, "these are no columns of type %s", d2k_type_name(type));
}

d2k_result content_read_table(const char *text, d2k_table *table, d2k_value *ret_value,
                              struct error *err)
{
    d2k_result result = d2k_table_from_text(table, text);
    result = result != D2K_OK ? result : d2k_table_value(table, ret_value);
    return result == D2K_OK ? D2K_OK : error_set(err, result, "%s", d2k_table_error_text(table));
}

/* Times are whole nanoseconds: their text form is of local time, and of milliseconds. */
void content_put(struct buffer *out, const d2k_value *value)
{
    char text[64];
    struct json json = json_into(out);
    switch (value->type) {
    case D2K_TYPE_ARRAY:
    case D2K_TYPE_STRUCTURE:
        content_write_json(&json, NULL, value);
        return;
    case D2K_TYPE_TEXT:
        buffer_put(out, value->content.text.data, value->content.text.size);
        return;
    case D2K_TYPE_ABSOLUTE_TIME:
        (void)snprintf(text, sizeof text, "%" PRId64, value->content.absolute_time_ns);
        break;
    case D2K_TYPE_RELATIVE_TIME:
        (void)snprintf(text, sizeof text, "%" PRId64, value->content.relative_time_ns);
        break;
    default:
        (void)d2k_value_format(value, text, sizeof text);
        break;
    }
    buffer_put(out, text, strlen(text));
}
