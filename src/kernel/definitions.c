/* What a message says of an object beyond its fields: the list of properties, checked and brought
 * into the form in which it is kept. */
#include <math.h>

#include "base/content.h"
#include "base/table.h"
#include "base/text.h"
#include "kernel/kernel.h"
#include "wire/properties.h"
#include "wire/value.h"

enum object_kind definition_kind(struct slice list, enum object_kind otherwise)
{
    struct slice bytes;
    uint8_t kind;
    if (!properties_find(list, PROPERTY_KIND, &bytes) || !property_u8(bytes, &kind)) {
        return otherwise;
    }
    return (enum object_kind)kind;
}

static d2k_result take_kind(struct slice list, const struct definition *definition,
                            struct buffer *properties, struct error *err)
{
    struct slice bytes;
    uint8_t kind = (uint8_t)definition->kind;
    if (properties_find(list, PROPERTY_KIND, &bytes) &&
        (!property_u8(bytes, &kind) || kind != definition->kind)) {
        return error_set(err, D2K_ARGUMENT,
                         "object %.*s: it cannot be made of this kind by this request",
                         (int)definition->name.size, definition->name.data);
    }
    if (definition->kind != OBJECT_OF_PROCESS) {
        properties_put_u8(properties, PROPERTY_KIND, kind);
    }
    return D2K_OK;
}

struct slice definition_columns(struct slice properties)
{
    struct slice columns = {NULL, 0};
    (void)properties_find(properties, PROPERTY_COLUMNS, &columns);
    return columns;
}

static d2k_result take_columns(struct slice list, const struct definition *definition,
                               struct buffer *properties, struct error *err)
{
    struct slice columns = definition_columns(list);
    d2k_result rc = D2K_OK;
    if (!content_is_table(definition->type)) {
        rc = columns.size == 0
                 ? D2K_OK
                 : error_set(err, D2K_ARGUMENT, "only an Array or a Structure has columns");
    } else if (columns.size == 0) {
        rc = error_set(err, D2K_ARGUMENT, "it is not said what %s",
                       definition->type == D2K_TYPE_ARRAY ? "type its elements have"
                                                          : "columns it has");
    } else {
        rc = columns_check(columns, definition->type, err);
    }
    if (rc != D2K_OK) {
        (void)error_wrap(err, "object %.*s", (int)definition->name.size, definition->name.data);
        return rc;
    }
    if (columns.size > 0) {
        properties_put(properties, PROPERTY_COLUMNS, columns);
    }
    return D2K_OK;
}

static d2k_result take_path(struct slice list, const struct definition *definition,
                            struct buffer *properties, struct error *err)
{
    struct slice path;
    if (!properties_find(list, PROPERTY_PATH, &path) || path.size == 0) {
        return D2K_OK;
    }
    if (path.size > PROPERTY_PATH_MAX || !text_is_utf8(path)) {
        return error_set(err, D2K_ARGUMENT,
                         "object %.*s: its path has over %u bytes or is not UTF-8 text",
                         (int)definition->name.size, definition->name.data, PROPERTY_PATH_MAX);
    }
    properties_put(properties, PROPERTY_PATH, path);
    return D2K_OK;
}

static d2k_result take_commands(struct slice list, const struct definition *definition,
                                struct buffer *properties, struct error *err)
{
    struct slice bytes;
    uint8_t writable = 0;
    uint32_t timeout_ms = COMMAND_TIMEOUT_MS;
    if (properties_find(list, PROPERTY_WRITABLE, &bytes) &&
        (!property_u8(bytes, &writable) || writable > 1)) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: it is writable (1) or not (0)",
                         (int)definition->name.size, definition->name.data);
    }
    if (properties_find(list, PROPERTY_COMMAND_TIMEOUT, &bytes) &&
        (!property_u32(bytes, &timeout_ms) || timeout_ms < COMMAND_TIMEOUT_MIN_MS ||
         timeout_ms > COMMAND_TIMEOUT_MAX_MS)) {
        return error_set(err, D2K_ARGUMENT,
                         "object %.*s: a command has %u to %u ms until it is answered",
                         (int)definition->name.size, definition->name.data, COMMAND_TIMEOUT_MIN_MS,
                         COMMAND_TIMEOUT_MAX_MS);
    }
    if (writable == 1 && definition->kind == OBJECT_COMPUTED) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: it is computed, and takes no commands",
                         (int)definition->name.size, definition->name.data);
    }
    if (writable == 1) {
        properties_put_u8(properties, PROPERTY_WRITABLE, 1);
    }
    if (timeout_ms != COMMAND_TIMEOUT_MS) {
        properties_put_u32(properties, PROPERTY_COMMAND_TIMEOUT, timeout_ms);
    }
    return D2K_OK;
}

_Static_assert(PLANT_HISTORY_ENTRIES_MAX == 10000,
               "the setting History_Entries and D2K_HISTORY_MAX say so");

uint32_t definition_history(struct slice properties)
{
    struct slice bytes;
    uint32_t entries;
    if (!properties_find(properties, PROPERTY_HISTORY, &bytes) || !property_u32(bytes, &entries)) {
        return 0;
    }
    return entries == 0 ? PLANT_HISTORY_NONE : entries;
}

static d2k_result take_history(struct slice list, struct definition *definition,
                               struct buffer *properties, struct error *err)
{
    struct slice bytes;
    uint32_t entries;
    if (!properties_find(list, PROPERTY_HISTORY, &bytes)) {
        return D2K_OK;
    }
    if (!property_u32(bytes, &entries) || entries > PLANT_HISTORY_ENTRIES_MAX) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: a history keeps at most %u changes",
                         (int)definition->name.size, definition->name.data,
                         PLANT_HISTORY_ENTRIES_MAX);
    }
    definition->history = definition_history(list);
    properties_put_u32(properties, PROPERTY_HISTORY, entries);
    return D2K_OK;
}

void definition_limits(struct slice properties, struct definition *definition)
{
    d2k_limits *limits = &definition->limits;
    double *const places[] = {&limits->vl, &limits->l, &limits->h, &limits->vh};
    struct slice bytes;
    definition->has_limits = false;
    for (uint16_t i = 0; i < 4; i++) {
        *places[i] = NAN;
        definition->has_limits |=
            properties_find(properties, (uint16_t)(PROPERTY_LIMIT_VL + i), &bytes) &&
            property_f64(bytes, places[i]);
    }
}

static d2k_result take_limits(struct slice list, struct definition *definition,
                              struct buffer *properties, struct error *err)
{
    bool is_number = definition->type == D2K_TYPE_INTEGER || definition->type == D2K_TYPE_REAL;
    for (uint16_t key = PROPERTY_LIMIT_VL; key <= PROPERTY_LIMIT_VH; key++) {
        struct slice bytes;
        double limit;
        if (!properties_find(list, key, &bytes)) {
            continue;
        }
        if (!is_number || !property_f64(bytes, &limit)) {
            return error_set(err, D2K_ARGUMENT, "object %.*s: %s", (int)definition->name.size,
                             definition->name.data,
                             is_number ? "a limit is not a finite number"
                                       : "only an Integer or a Real has limits");
        }
        properties_put_f64(properties, key, limit);
    }
    definition_limits(list, definition);
    return D2K_OK;
}

/* ---- alarms ---- */

struct alarm_rule definition_alarm(struct slice properties)
{
    struct slice bytes;
    uint32_t mask;
    uint8_t critical;
    if (!properties_find(properties, PROPERTY_ALARM, &bytes) || !property_u32(bytes, &mask)) {
        return (struct alarm_rule){0};
    }
    struct alarm_rule rule = {.mask = mask & ALARM_MASK_ALL, .has_alarms = 1};
    rule.is_critical = properties_find(properties, PROPERTY_CRITICAL, &bytes) &&
                       property_u8(bytes, &critical) && critical == 1;
    return rule;
}

/* The first process alarm of a mask that the type does not give; 32: there is none. */
static unsigned first_impossible(d2k_type type, uint32_t mask)
{
    unsigned alarm = 0;
    uint32_t impossible = mask & ~d2k_process_alarms_possible(type);
    while (alarm < 32 && (impossible & D2K_PALARM_BIT(alarm)) == 0) {
        alarm++;
    }
    return alarm;
}

static d2k_result check_mask(const struct definition *definition, uint32_t mask, struct error *err)
{
    struct slice name = definition->name;
    const char *type = d2k_type_name(definition->type);
    bool is_number = definition->type == D2K_TYPE_INTEGER || definition->type == D2K_TYPE_REAL;
    if (d2k_process_alarms_possible(definition->type) == 0) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: type %s has no process alarms",
                         (int)name.size, name.data, type);
    }
    unsigned wrong = first_impossible(definition->type, mask);
    if (wrong < 32) {
        const char *word = d2k_process_alarm_name(wrong);
        return error_set(
            err, D2K_ARGUMENT, "object %.*s: type %s does not give the process alarm %u (%s)",
            (int)name.size, name.data, type, wrong, word != NULL ? word : "none has this number");
    }
    if (mask != 0 && is_number && !definition->has_limits) {
        return error_set(err, D2K_ARGUMENT,
                         "object %.*s: its process alarms are those of limits, and it has none",
                         (int)name.size, name.data);
    }
    return D2K_OK;
}

static d2k_result take_critical(struct slice list, const struct definition *definition,
                                struct buffer *properties, struct error *err)
{
    struct slice bytes;
    uint8_t critical = 0;
    bool is_given = properties_find(list, PROPERTY_CRITICAL, &bytes);
    if (is_given && (!property_u8(bytes, &critical) || critical > 1)) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: its alarms are critical (1) or not (0)",
                         (int)definition->name.size, definition->name.data);
    }
    if (critical == 1 && !definition->alarm.has_alarms) {
        return error_set(err, D2K_ARGUMENT,
                         "object %.*s: its alarms are to be critical, but it has none",
                         (int)definition->name.size, definition->name.data);
    }
    if (critical == 1) {
        properties_put_u8(properties, PROPERTY_CRITICAL, 1);
    }
    return D2K_OK;
}

/* After the limits. */
static d2k_result take_alarm(struct slice list, struct definition *definition,
                             struct buffer *properties, struct error *err)
{
    struct slice bytes;
    uint32_t mask;
    definition->alarm = definition_alarm(list);
    if (!properties_find(list, PROPERTY_ALARM, &bytes)) {
        return take_critical(list, definition, properties, err);
    }
    if (!property_u32(bytes, &mask)) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: a mask of process alarms has 4 bytes",
                         (int)definition->name.size, definition->name.data);
    }
    d2k_result result = check_mask(definition, mask, err);
    if (result != D2K_OK) {
        return result;
    }
    properties_put_u32(properties, PROPERTY_ALARM, mask);
    return take_critical(list, definition, properties, err);
}

bool definition_default(d2k_type type, struct slice properties, d2k_value *ret_value,
                        struct error *err)
{
    struct slice content;
    *ret_value = (d2k_value){.type = type, .status = D2K_STATUS_VALID | D2K_STATUS_DEFAULT};
    return properties_find(properties, PROPERTY_DEFAULT, &content) &&
           wire_content_decode(content, ret_value, err) == D2K_OK &&
           (!content_is_table(type) ||
            table_check_columns(type, content_bytes(ret_value), definition_columns(properties),
                                err) == D2K_OK);
}

static d2k_result take_default(struct slice list, const struct definition *definition,
                               struct buffer *properties, struct error *err)
{
    struct slice bytes;
    struct error why = {.text = ""};
    d2k_value value;
    if (!properties_find(list, PROPERTY_DEFAULT, &bytes)) {
        return D2K_OK;
    }
    if (definition->kind != OBJECT_USER_VARIABLE) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: only a user variable has a default",
                         (int)definition->name.size, definition->name.data);
    }
    if (!definition_default(definition->type, list, &value, &why)) {
        return error_set(err, D2K_ARGUMENT,
                         "object %.*s: its default is not a value of type %s: %s",
                         (int)definition->name.size, definition->name.data,
                         d2k_type_name(definition->type), why.text);
    }
    properties_put(properties, PROPERTY_DEFAULT, bytes);
    return D2K_OK;
}

/* Parsed where the object is defined: the plant knows what it may name. */
static d2k_result take_expression(struct slice list, struct definition *definition,
                                  struct buffer *properties, struct error *err)
{
    bool has_expression = properties_find(list, PROPERTY_EXPRESSION, &definition->expression);
    if (has_expression != (definition->kind == OBJECT_COMPUTED)) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: %s", (int)definition->name.size,
                         definition->name.data,
                         has_expression ? "only a computed object has an expression"
                                        : "it is to be computed, but has no expression");
    }
    if (has_expression) {
        properties_put(properties, PROPERTY_EXPRESSION, definition->expression);
    }
    return D2K_OK;
}

d2k_result definition_take(struct slice list, struct definition *definition,
                           struct buffer *properties, struct error *err)
{
    d2k_result rc = properties_check(list, err);
    rc = rc != D2K_OK ? rc : take_columns(list, definition, properties, err);
    rc = rc != D2K_OK ? rc : take_path(list, definition, properties, err);
    rc = rc != D2K_OK ? rc : take_kind(list, definition, properties, err);
    rc = rc != D2K_OK ? rc : take_limits(list, definition, properties, err);
    rc = rc != D2K_OK ? rc : take_alarm(list, definition, properties, err);
    rc = rc != D2K_OK ? rc : take_commands(list, definition, properties, err);
    rc = rc != D2K_OK ? rc : take_history(list, definition, properties, err);
    rc = rc != D2K_OK ? rc : take_default(list, definition, properties, err);
    rc = rc != D2K_OK ? rc : take_expression(list, definition, properties, err);
    if (rc == D2K_OK && buffer_failed(properties)) {
        rc = error_no_memory(err);
    }
    definition->properties =
        (struct slice){(const char *)buffer_data(properties), buffer_size(properties)};
    definition->columns = definition_columns(definition->properties);
    return rc;
}
