/* programs/tell/definition.c: from texts to definitions and back, without loss. */
#include "programs/tell/definition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/text.h"
#include "programs/tell/content.h"

#define NAMES_MAX 256u /* of all columns */

/* One thing that can be said of an object. */
struct column {
    const char *name;
    const char *option; /* of `define`; without '=' at its end it means "yes"; NULL: none */
    /* `text` has the life of the definition, "" is "not said". D2K_ARGUMENT. */
    d2k_result (*read)(struct tell_definition *ret, enum definition_column column, const char *text,
                       struct error *err);
    /* Appends what `read` takes; nothing is "not said". */
    void (*put)(struct buffer *out, enum definition_column column, const d2k_object_info *object);
};

static void put(struct buffer *out, const char *text)
{
    buffer_put(out, text, strlen(text));
}

static d2k_result refuse(struct error *err, const char *text, const char *why)
{
    char shown[128];
    return error_set(err, D2K_ARGUMENT, "\"%s\" %s",
                     text_escape(shown, sizeof shown, slice_of(text)), why);
}

/* ---- texts ---- */

static const char **text_place(d2k_definition *definition, enum definition_column column)
{
    switch (column) {
    case COLUMN_NAME:
        return &definition->name;
    case COLUMN_DESCRIPTION:
        return &definition->description;
    case COLUMN_UNIT:
        return &definition->unit;
    case COLUMN_PATH:
        return &definition->path;
    default:
        return &definition->expression;
    }
}

static d2k_result read_text(struct tell_definition *ret, enum definition_column column,
                            const char *text, struct error *err)
{
    *text_place(&ret->definition, column) = text;
    return column != COLUMN_NAME || text[0] != '\0' ? D2K_OK
                                                    : error_set(err, D2K_ARGUMENT, "it is missing");
}

static void put_text(struct buffer *out, enum definition_column column,
                     const d2k_object_info *object)
{
    d2k_definition same = {.name = object->name,
                           .description = object->description,
                           .unit = object->unit,
                           .path = object->path,
                           .expression = object->expression};
    put(out, *text_place(&same, column));
}

/* ---- what it is ---- */

d2k_result definition_read_type(const char *text, d2k_type *ret_type, struct error *err)
{
    for (int type = D2K_TYPE_BOOLEAN; type <= D2K_TYPE_LAST; type++) {
        if (text_equal_ignoring_case(text, d2k_type_name((d2k_type)type))) {
            *ret_type = (d2k_type)type;
            return D2K_OK;
        }
    }
    return refuse(err, text,
                  "is no type; there are Boolean, Integer, Real, Absolute time, Relative time, "
                  "Text, Line, Alarm, Station, Process, Quaternary, Hobj, Array, Structure");
}

static d2k_result read_type(struct tell_definition *ret, enum definition_column column,
                            const char *text, struct error *err)
{
    (void)column;
    return definition_read_type(text, &ret->definition.type, err);
}

static void put_type(struct buffer *out, enum definition_column column,
                     const d2k_object_info *object)
{
    (void)column;
    put(out, d2k_type_name(object->type));
}

static d2k_result read_of(struct tell_definition *ret, enum definition_column column,
                          const char *text, struct error *err)
{
    (void)column;
    if ((text[0] != '\0') != (ret->definition.type == D2K_TYPE_ARRAY)) {
        return text[0] == '\0' ? error_set(err, D2K_ARGUMENT, "an Array has a type of its elements")
                               : refuse(err, text, "is the type of elements: of an Array only");
    }
    if (text[0] == '\0') {
        return D2K_OK;
    }
    ret->columns[0].name = "";
    ret->definition.columns = ret->columns;
    ret->definition.column_count = 1;
    return definition_read_type(text, &ret->columns[0].type, err);
}

static void put_of(struct buffer *out, enum definition_column column, const d2k_object_info *object)
{
    (void)column;
    if (object->type == D2K_TYPE_ARRAY && object->column_count > 0) {
        put(out, d2k_type_name(object->columns[0].type));
    }
}

/* "Temp Real" */
static d2k_result read_one_column(char *text, d2k_column *ret, struct error *err)
{
    char *name = text + strspn(text, " "), *end = name + strcspn(name, " ");
    char *type = end + strspn(end, " ");
    for (size_t size = strlen(type); size > 0 && type[size - 1] == ' '; size--) {
        type[size - 1] = '\0';
    }
    if (*type == '\0') {
        return refuse(err, name, "is no column: its name, a blank and its type is one");
    }
    *end = '\0';
    ret->name = name;
    return definition_read_type(type, &ret->type, err);
}

/* "Temp Real, Name Text" */
static d2k_result read_columns(struct tell_definition *ret, enum definition_column column,
                               const char *text, struct error *err)
{
    d2k_result result = D2K_OK;
    char *rest = ret->texts[column]; /* is taken apart */
    if ((text[0] != '\0') != (ret->definition.type == D2K_TYPE_STRUCTURE)) {
        return text[0] == '\0' ? error_set(err, D2K_ARGUMENT, "a Structure has columns")
                               : refuse(err, text, "are columns: of a Structure only");
    }
    if (text[0] == '\0') {
        return D2K_OK;
    }
    size_t count = 0;
    for (char *one = rest; result == D2K_OK && one != NULL; one = rest) {
        rest = strchr(one, ',');
        if (rest != NULL) {
            *rest++ = '\0';
        }
        result =
            count == D2K_COLUMNS_MAX
                ? error_set(err, D2K_ARGUMENT, "at most %u columns are allowed", D2K_COLUMNS_MAX)
                : read_one_column(one, &ret->columns[count++], err);
    }
    ret->definition.columns = ret->columns;
    ret->definition.column_count = count;
    return result;
}

static void put_columns(struct buffer *out, enum definition_column column,
                        const d2k_object_info *object)
{
    (void)column;
    size_t count = object->type == D2K_TYPE_STRUCTURE ? object->column_count : 0;
    for (size_t i = 0; i < count; i++) {
        put(out, i > 0 ? ", " : "");
        put(out, object->columns[i].name);
        put(out, " ");
        put(out, d2k_type_name(object->columns[i].type));
    }
}

void definition_put_columns(struct buffer *out, const d2k_object_info *object)
{
    put_of(out, COLUMN_OF, object);
    put_columns(out, COLUMN_COLUMNS, object);
}

static const char *const kind_names[] = {"", "user variable", "computed", "system tag"};

static d2k_result read_kind(struct tell_definition *ret, enum definition_column column,
                            const char *text, struct error *err)
{
    (void)column;
    bool is_computed = text_equal_ignoring_case(text, kind_names[D2K_KIND_COMPUTED]);
    ret->definition.kind = is_computed ? D2K_KIND_COMPUTED : D2K_KIND_USER_VARIABLE;
    if (is_computed || text[0] == '\0' ||
        text_equal_ignoring_case(text, kind_names[D2K_KIND_USER_VARIABLE])) {
        return D2K_OK;
    }
    return refuse(err, text, "cannot be defined: it must be a user variable or computed");
}

static void put_kind(struct buffer *out, enum definition_column column,
                     const d2k_object_info *object)
{
    (void)column;
    bool known = (size_t)object->kind < sizeof kind_names / sizeof kind_names[0];
    put(out, known ? kind_names[object->kind] : "");
}

/* ---- its value ---- */

static d2k_result read_default(struct tell_definition *ret, enum definition_column column,
                               const char *text, struct error *err)
{
    (void)column;
    if (text[0] == '\0') {
        return D2K_OK;
    }
    ret->definition.default_value = &ret->default_value;
    if (content_is_table(ret->definition.type)) {
        d2k_result result =
            content_new_table(ret->definition.type, ret->definition.columns,
                              ret->definition.column_count, &ret->default_table, err);
        return result != D2K_OK
                   ? result
                   : content_read_table(text, ret->default_table, &ret->default_value, err);
    }
    return content_read(text, ret->definition.type, &ret->default_value, err);
}

static void put_default(struct buffer *out, enum definition_column column,
                        const d2k_object_info *object)
{
    (void)column;
    if (object->default_value != NULL) {
        content_put(out, object->default_value);
    }
}

static d2k_result read_yes(const char *text, bool *ret, struct error *err)
{
    *ret = text_equal_ignoring_case(text, "yes");
    if (*ret || text[0] == '\0' || text_equal_ignoring_case(text, "no")) {
        return D2K_OK;
    }
    return refuse(err, text, "is not allowed: yes, no or empty");
}

static d2k_result read_writable(struct tell_definition *ret, enum definition_column column,
                                const char *text, struct error *err)
{
    (void)column;
    return read_yes(text, &ret->definition.writable, err);
}

static void put_writable(struct buffer *out, enum definition_column column,
                         const d2k_object_info *object)
{
    (void)column;
    put(out, object->writable ? "yes" : "");
}

/* ---- its limits ---- */

static double *limit_place(d2k_limits *limits, enum definition_column column)
{
    double *const places[] = {&limits->vl, &limits->l, &limits->h, &limits->vh};
    return places[column - COLUMN_VL];
}

static d2k_result read_limit(struct tell_definition *ret, enum definition_column column,
                             const char *text, struct error *err)
{
    d2k_value number;
    double *limit = limit_place(&ret->limits, column);
    *limit = NAN;
    if (text[0] == '\0') {
        return D2K_OK;
    }
    if (content_read(text, D2K_TYPE_REAL, &number, err) != D2K_OK) {
        return refuse(err, text, "is no number");
    }
    *limit = number.content.real;
    ret->definition.limits = &ret->limits;
    return D2K_OK;
}

static void put_limit(struct buffer *out, enum definition_column column,
                      const d2k_object_info *object)
{
    d2k_limits limits = {NAN, NAN, NAN, NAN};
    limits = object->limits != NULL ? *object->limits : limits;
    d2k_value number = d2k_real(*limit_place(&limits, column));
    if (!isnan(number.content.real)) {
        content_put(out, &number);
    }
}

/* ---- its history ---- */

static d2k_result read_history(struct tell_definition *ret, enum definition_column column,
                               const char *text, struct error *err)
{
    (void)column;
    long long changes;
    if (text[0] == '\0') {
        return D2K_OK;
    }
    if (!text_to_number(text, 0, D2K_HISTORY_MAX, &changes)) {
        return refuse(err, text, "must be a number 0..10000 of changes, 0 for none");
    }
    ret->definition.history = changes == 0 ? D2K_HISTORY_NONE : (unsigned)changes;
    return D2K_OK;
}

_Static_assert(D2K_HISTORY_MAX == 10000, "read_history says so");

static void put_history(struct buffer *out, enum definition_column column,
                        const d2k_object_info *object)
{
    (void)column;
    char text[16];
    if (object->history != 0) {
        (void)snprintf(text, sizeof text, "%u",
                       object->history == D2K_HISTORY_NONE ? 0 : object->history);
        put(out, text);
    }
}

/* ---- its alarms ---- */

#define ALARM_SEPARATORS " ,"

/* The number of a name; 0: it is none that an object can give. */
static unsigned alarm_of_name(struct slice name)
{
    char copy[16];
    if (name.size >= sizeof copy) {
        return 0;
    }
    memcpy(copy, name.data, name.size);
    copy[name.size] = '\0';
    for (unsigned alarm = D2K_PALARM_LAST; alarm > D2K_PALARM_NONE; alarm--) {
        const char *known = d2k_process_alarm_name(alarm);
        if (known != NULL && text_equal_ignoring_case(copy, known)) {
            return alarm;
        }
    }
    return 0;
}

static d2k_result read_alarm_names(const char *text, uint32_t *ret_alarms, struct error *err)
{
    for (const char *at = text; *at != '\0';) {
        size_t size = strcspn(at, ALARM_SEPARATORS);
        unsigned alarm = alarm_of_name((struct slice){at, size});
        if (size > 0 && alarm == 0) {
            return refuse(err, text,
                          "is not allowed: usual, silent, or names of process alarms such as "
                          "H_Limit, VH_Limit, On, Err");
        }
        *ret_alarms |= size > 0 ? D2K_PALARM_BIT(alarm) : 0;
        at += size;
        at += strspn(at, ALARM_SEPARATORS);
    }
    return D2K_OK;
}

static d2k_result read_alarm(struct tell_definition *ret, enum definition_column column,
                             const char *text, struct error *err)
{
    (void)column;
    d2k_definition *definition = &ret->definition;
    definition->has_alarms = text[0] != '\0';
    if (text_equal_ignoring_case(text, "usual")) {
        definition->alarms = d2k_process_alarms_usual(definition->type);
        return definition->alarms != 0
                   ? D2K_OK
                   : error_set(err, D2K_ARGUMENT, "type %s has no process alarms",
                               d2k_type_name(definition->type));
    }
    return text_equal_ignoring_case(text, "silent")
               ? D2K_OK
               : read_alarm_names(text, &definition->alarms, err);
}

static void put_alarm(struct buffer *out, enum definition_column column,
                      const d2k_object_info *object)
{
    (void)column;
    const char *separator = "";
    if (object->has_alarms && object->alarms == 0) {
        put(out, "silent");
    }
    for (unsigned alarm = 0; object->has_alarms && alarm <= D2K_PALARM_LAST; alarm++) {
        const char *name = d2k_process_alarm_name(alarm);
        if ((object->alarms & D2K_PALARM_BIT(alarm)) != 0 && name != NULL) {
            put(out, separator);
            put(out, name);
            separator = " ";
        }
    }
}

static d2k_result read_critical(struct tell_definition *ret, enum definition_column column,
                                const char *text, struct error *err)
{
    (void)column;
    return read_yes(text, &ret->definition.critical, err);
}

static void put_critical(struct buffer *out, enum definition_column column,
                         const d2k_object_info *object)
{
    (void)column;
    put(out, object->critical ? "yes" : "");
}

/* ---- all of it ---- */

static const struct column columns[COLUMN_COUNT] = {
    [COLUMN_NAME] = {"name", NULL, read_text, put_text},
    [COLUMN_TYPE] = {"type", NULL, read_type, put_type},
    [COLUMN_OF] = {"of", "--of=", read_of, put_of},
    [COLUMN_COLUMNS] = {"columns", "--columns=", read_columns, put_columns},
    [COLUMN_KIND] = {"kind", NULL, read_kind, put_kind},
    [COLUMN_DESCRIPTION] = {"description", "--description=", read_text, put_text},
    [COLUMN_UNIT] = {"unit", "--unit=", read_text, put_text},
    [COLUMN_PATH] = {"path", "--path=", read_text, put_text},
    [COLUMN_DEFAULT] = {"default", "--default=", read_default, put_default},
    [COLUMN_WRITABLE] = {"writable", "--writable", read_writable, put_writable},
    [COLUMN_EXPRESSION] = {"expression", "--computed=", read_text, put_text},
    [COLUMN_VL] = {"vl", "--vl=", read_limit, put_limit},
    [COLUMN_L] = {"l", "--l=", read_limit, put_limit},
    [COLUMN_H] = {"h", "--h=", read_limit, put_limit},
    [COLUMN_VH] = {"vh", "--vh=", read_limit, put_limit},
    [COLUMN_HISTORY] = {"history", "--history=", read_history, put_history},
    [COLUMN_ALARM] = {"alarm", "--alarm=", read_alarm, put_alarm},
    [COLUMN_CRITICAL] = {"critical", "--critical", read_critical, put_critical},
};

static d2k_result read_column(enum definition_column column, struct slice text,
                              struct tell_definition *ret, struct error *err)
{
    const struct column *row = &columns[column];
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        return error_set(err, D2K_ARGUMENT, "%s: a NUL stands in it", row->name);
    }
    char *copy = ret->texts[column] = slice_copy(text);
    if (copy == NULL) {
        return error_no_memory(err);
    }
    return row->read(ret, column, copy, err) == D2K_OK ? D2K_OK : error_wrap(err, "%s", row->name);
}

d2k_result definition_read(const struct definition_texts *texts, struct tell_definition *ret,
                           struct error *err)
{
    d2k_result result = D2K_OK;
    *ret = (struct tell_definition){.definition.size = sizeof ret->definition};
    for (size_t i = 0; i < COLUMN_COUNT && result == D2K_OK; i++) {
        result = read_column((enum definition_column)i, texts->columns[i], ret, err);
    }
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
    d2k_table_free(definition->default_table);
    definition->default_table = NULL;
}

/* ---- options ---- */

/* What stands behind the option, "yes" for one that says nothing more; NULL: it is another. */
static const char *text_of_option(const char *option, const char *argument)
{
    size_t size = strlen(option);
    if (option[size - 1] != '=') {
        return strcmp(argument, option) == 0 ? "yes" : NULL;
    }
    return strncmp(argument, option, size) == 0 ? argument + size : NULL;
}

bool definition_take_option(const char *argument, struct definition_texts *texts)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const char *text =
            columns[i].option == NULL ? NULL : text_of_option(columns[i].option, argument);
        if (text == NULL) {
            continue;
        }
        texts->columns[i] = slice_of(text);
        if (i == COLUMN_EXPRESSION) {
            texts->columns[COLUMN_KIND] = slice_of(kind_names[D2K_KIND_COMPUTED]);
        }
        return true;
    }
    return false;
}

bool definition_says_something(const struct definition_texts *texts)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (texts->columns[i].data != NULL) {
            return true;
        }
    }
    return false;
}

static void append_name(char *text, size_t size, const char *name)
{
    size_t used = strlen(text);
    (void)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", name);
}

const char *definition_options(char ret_text[DEFINITION_OPTIONS_MAX])
{
    ret_text[0] = '\0';
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (columns[i].option != NULL) {
            append_name(ret_text, DEFINITION_OPTIONS_MAX, columns[i].option);
        }
    }
    return ret_text;
}

/* ---- records ---- */

static const char *column_names(char ret_text[NAMES_MAX])
{
    ret_text[0] = '\0';
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        append_name(ret_text, NAMES_MAX, columns[i].name);
    }
    return ret_text;
}

static bool find_column(struct slice name, enum definition_column *ret)
{
    char copy[32];
    if (name.size >= sizeof copy) {
        return false;
    }
    memcpy(copy, name.size > 0 ? name.data : "", name.size);
    copy[name.size] = '\0';
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (text_equal_ignoring_case(copy, columns[i].name)) {
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
    char shown[128], names[NAMES_MAX];
    ret->count = 0;
    for (size_t i = 0; i < record->count; i++) {
        enum definition_column column = COLUMN_NAME;
        bool known = find_column(record->fields[i], &column);
        if (!known || has_column(ret, column)) {
            return error_set(err, D2K_ARGUMENT, "column \"%s\" %s; there are %s",
                             text_escape(shown, sizeof shown, record->fields[i]),
                             known ? "stands there twice" : "is not known", column_names(names));
        }
        ret->columns[ret->count++] = column;
    }
    if (!has_column(ret, COLUMN_NAME) || !has_column(ret, COLUMN_TYPE)) {
        return error_set(err, D2K_ARGUMENT,
                         "the first line must name the columns, name and type among them; there "
                         "are %s",
                         column_names(names));
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

void definition_put_header(struct buffer *out)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        csv_put(out, i == 0, slice_of(columns[i].name));
    }
    csv_end_record(out);
}

bool definition_put(struct buffer *out, const d2k_object_info *object)
{
    struct buffer field;
    buffer_init(&field, out->max_size);
    for (size_t i = 0; i < COLUMN_COUNT && !buffer_failed(&field); i++) {
        buffer_reset(&field);
        columns[i].put(&field, (enum definition_column)i, object);
        csv_put(out, i == 0,
                (struct slice){(const char *)buffer_data(&field), buffer_size(&field)});
    }
    csv_end_record(out);
    bool complete = !buffer_failed(&field) && !buffer_failed(out);
    buffer_free(&field);
    return complete;
}
