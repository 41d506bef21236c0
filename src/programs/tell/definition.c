/* programs/tell/definition.c: from texts to definitions and back, without loss. */
#include "programs/tell/definition.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char *const column_names[COLUMN_COUNT] = {
    "name",     "type",       "kind", "description", "unit", "path", "default",
    "writable", "expression", "vl",   "l",           "h",    "vh"};
#define COLUMN_NAMES \
    "name, type, kind, description, unit, path, default, writable, expression, vl, l, h, vh"

static const char *const kind_names[] = {"", "user variable", "computed", "system tag"};

/* ---- reading ---- */

static bool is_word(struct slice text, const char *word)
{
    char copy[32];
    if (text.size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.size > 0 ? text.data : "", text.size);
    copy[text.size] = '\0';
    return text_equal_ignoring_case(copy, word);
}

static d2k_result read_type(struct slice text, d2k_type *ret_type, struct error *err)
{
    char shown[128];
    for (int type = D2K_TYPE_BOOLEAN; type <= D2K_TYPE_LAST; type++) {
        if (is_word(text, d2k_type_name((d2k_type)type))) {
            *ret_type = (d2k_type)type;
            return D2K_OK;
        }
    }
    return error_set(err, D2K_ARGUMENT,
                     "\"%s\" is no type; there are Boolean, Integer, Real, Absolute time, Relative "
                     "time, Text, Line, Alarm, Station, Process, Quaternary, Hobj",
                     text_escape(shown, sizeof shown, text));
}

static d2k_result read_kind(struct slice text, d2k_kind *ret_kind, struct error *err)
{
    char shown[128];
    *ret_kind = D2K_KIND_USER_VARIABLE;
    if (is_word(text, kind_names[D2K_KIND_COMPUTED])) {
        *ret_kind = D2K_KIND_COMPUTED;
        return D2K_OK;
    }
    if (text.size == 0 || is_word(text, kind_names[D2K_KIND_USER_VARIABLE])) {
        return D2K_OK;
    }
    return error_set(err, D2K_ARGUMENT,
                     "\"%s\" cannot be defined: it must be a user variable or computed",
                     text_escape(shown, sizeof shown, text));
}

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

static d2k_result copy_texts(const struct definition_texts *texts, struct tell_definition *ret,
                             struct error *err)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        struct slice text = texts->columns[i];
        if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
            return error_set(err, D2K_ARGUMENT, "a NUL stands in the column %s", column_names[i]);
        }
        ret->texts[i] = slice_copy(text);
        if (ret->texts[i] == NULL) {
            return error_no_memory(err);
        }
    }
    return D2K_OK;
}

static d2k_result read_default(struct tell_definition *ret, struct error *err)
{
    char shown[128];
    const char *text = ret->texts[COLUMN_DEFAULT];
    ret->default_value = (d2k_value){.type = ret->definition.type, .status = D2K_STATUS_VALID};
    if (text[0] == '\0') {
        return D2K_OK;
    }
    if (!read_content(text, &ret->default_value)) {
        return error_set(err, D2K_ARGUMENT, "the default \"%s\" is no value of type %s",
                         text_escape(shown, sizeof shown, slice_of(text)),
                         d2k_type_name(ret->definition.type));
    }
    ret->definition.default_value = &ret->default_value;
    return D2K_OK;
}

static d2k_result read_writable(struct slice text, bool *ret, struct error *err)
{
    char shown[128];
    *ret = is_word(text, "yes");
    if (*ret || text.size == 0 || is_word(text, "no")) {
        return D2K_OK;
    }
    return error_set(err, D2K_ARGUMENT, "writable \"%s\": yes, no or empty is allowed",
                     text_escape(shown, sizeof shown, text));
}

static d2k_result read_limits(struct tell_definition *ret, struct error *err)
{
    char shown[128];
    double *const places[] = {&ret->limits.vl, &ret->limits.l, &ret->limits.h, &ret->limits.vh};
    for (size_t i = 0; i < 4; i++) {
        const char *text = ret->texts[COLUMN_VL + i];
        *places[i] = NAN;
        if (text[0] == '\0') {
            continue;
        }
        if (!read_real(text, places[i])) {
            return error_set(err, D2K_ARGUMENT, "the limit %s \"%s\" is no number",
                             column_names[COLUMN_VL + i],
                             text_escape(shown, sizeof shown, slice_of(text)));
        }
        ret->definition.limits = &ret->limits;
    }
    return D2K_OK;
}

static d2k_result read_all(const struct definition_texts *texts, struct tell_definition *ret,
                           struct error *err)
{
    d2k_definition *definition = &ret->definition;
    if (texts->columns[COLUMN_NAME].size == 0) {
        return error_set(err, D2K_ARGUMENT, "the name is missing");
    }
    d2k_result result = copy_texts(texts, ret, err);
    if (result != D2K_OK) {
        return result;
    }
    definition->size = sizeof *definition;
    definition->name = ret->texts[COLUMN_NAME];
    definition->description = ret->texts[COLUMN_DESCRIPTION];
    definition->unit = ret->texts[COLUMN_UNIT];
    definition->path = ret->texts[COLUMN_PATH];
    definition->expression = ret->texts[COLUMN_EXPRESSION];
    result = read_type(texts->columns[COLUMN_TYPE], &definition->type, err);
    result =
        result != D2K_OK ? result : read_kind(texts->columns[COLUMN_KIND], &definition->kind, err);
    result = result != D2K_OK
                 ? result
                 : read_writable(texts->columns[COLUMN_WRITABLE], &definition->writable, err);
    result = result != D2K_OK ? result : read_limits(ret, err);
    return result != D2K_OK ? result : read_default(ret, err);
}

d2k_result definition_read(const struct definition_texts *texts, struct tell_definition *ret,
                           struct error *err)
{
    *ret = (struct tell_definition){0};
    d2k_result result = read_all(texts, ret, err);
    if (result != D2K_OK) {
        definition_free(ret);
    }
    return result;
}

void definition_free(struct tell_definition *definition)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        free(definition->texts[i]);
        definition->texts[i] = NULL;
    }
}

/* ---- records ---- */

static bool find_column(struct slice name, enum definition_column *ret)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (is_word(name, column_names[i])) {
            *ret = (enum definition_column)i;
            return true;
        }
    }
    return false;
}

static bool has_column(const struct definition_header *header, enum definition_column column)
{
    for (size_t i = 0; i < header->count; i++) {
        if (header->columns[i] == column) {
            return true;
        }
    }
    return false;
}

d2k_result definition_header_read(const struct csv_record *record, struct definition_header *ret,
                                  struct error *err)
{
    char shown[128];
    ret->count = 0;
    for (size_t i = 0; i < record->count; i++) {
        enum definition_column column = COLUMN_NAME;
        bool known = find_column(record->fields[i], &column);
        if (!known || has_column(ret, column)) {
            return error_set(err, D2K_ARGUMENT, "column \"%s\" %s; there are " COLUMN_NAMES,
                             text_escape(shown, sizeof shown, record->fields[i]),
                             known ? "stands there twice" : "is not known");
        }
        ret->columns[ret->count++] = column;
    }
    if (!has_column(ret, COLUMN_NAME) || !has_column(ret, COLUMN_TYPE)) {
        return error_set(err, D2K_ARGUMENT,
                         "the first line must name the columns, name and type among them; there "
                         "are " COLUMN_NAMES);
    }
    return D2K_OK;
}

d2k_result definition_texts_take(const struct definition_header *header,
                                 const struct csv_record *record, struct definition_texts *ret,
                                 struct error *err)
{
    if (record->count != header->count) {
        return error_set(err, D2K_ARGUMENT, "%zu fields, but the first line names %zu columns",
                         record->count, header->count);
    }
    *ret = (struct definition_texts){0};
    for (size_t i = 0; i < header->count; i++) {
        ret->columns[header->columns[i]] = record->fields[i];
    }
    return D2K_OK;
}

/* ---- writing ---- */

void definition_put_header(struct buffer *out)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        csv_put(out, i == 0, slice_of(column_names[i]));
    }
    csv_end_record(out);
}

/* Times are whole nanoseconds: their text form is of local time, and of milliseconds. */
static void put_default(struct buffer *out, const d2k_value *value)
{
    char text[64];
    if (value == NULL) {
        csv_put(out, false, slice_of(""));
        return;
    }
    switch (value->type) {
    case D2K_TYPE_TEXT:
        csv_put(out, false, (struct slice){value->content.text.data, value->content.text.size});
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
    csv_put(out, false, slice_of(text));
}

static void put_limits(struct buffer *out, const d2k_limits *limits)
{
    const d2k_limits none = {NAN, NAN, NAN, NAN};
    const d2k_limits *given = limits != NULL ? limits : &none;
    const double numbers[] = {given->vl, given->l, given->h, given->vh};
    for (size_t i = 0; i < 4; i++) {
        char text[64] = "";
        d2k_value number = d2k_real(numbers[i]);
        if (!isnan(numbers[i])) {
            (void)d2k_value_format(&number, text, sizeof text);
        }
        csv_put(out, false, slice_of(text));
    }
}

void definition_put(struct buffer *out, const d2k_object_info *object)
{
    bool known = (size_t)object->kind < sizeof kind_names / sizeof kind_names[0];
    csv_put(out, true, slice_of(object->name));
    csv_put(out, false, slice_of(d2k_type_name(object->type)));
    csv_put(out, false, slice_of(known ? kind_names[object->kind] : ""));
    csv_put(out, false, slice_of(object->description));
    csv_put(out, false, slice_of(object->unit));
    csv_put(out, false, slice_of(object->path));
    put_default(out, object->default_value);
    csv_put(out, false, slice_of(object->writable ? "yes" : ""));
    csv_put(out, false, slice_of(object->expression));
    put_limits(out, object->limits);
    csv_end_record(out);
}
