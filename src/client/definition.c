/* client/definition.c: what a program says of an object: checked, copied, and as properties of the
 * messages Define and Configure. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/table.h"
#include "base/text.h"
#include "client/client.h"
#include "wire/properties.h"
#include "wire/value.h"

/* ---- checks ---- */

d2k_result definition_check_name(d2k_client *client, const char *name)
{
    if (name == NULL || !text_is_object_name(slice_of(name))) {
        return client_refuse(client, D2K_ARGUMENT,
                             "object name \"%.80s\": 1..%u characters, a letter first, then "
                             "letters, digits, '.' and '_'",
                             name == NULL ? "" : name, D2K_OBJECT_NAME_MAX);
    }
    return D2K_OK;
}

static d2k_result check_type(d2k_client *client, const d2k_definition *definition)
{
    if (definition->type < D2K_TYPE_BOOLEAN || definition->type > D2K_TYPE_LAST) {
        return client_refuse(client, D2K_ARGUMENT, "object %s: %d is no type", definition->name,
                             (int)definition->type);
    }
    return D2K_OK;
}

/* Appends the columns, in bytes, of an object that has some. */
static d2k_result put_columns(const d2k_definition *definition, struct buffer *out,
                              struct error *err)
{
    if (!content_is_table(definition->type)) {
        return definition->column_count == 0
                   ? D2K_OK
                   : error_set(err, D2K_ARGUMENT, "only an Array or a Structure has columns");
    }
    if (definition->column_count == 0) {
        return error_set(err, D2K_ARGUMENT, "it is not said what columns it has");
    }
    return columns_put(out, definition->type, definition->columns, definition->column_count, err);
}

static d2k_result check_columns(d2k_client *client, const d2k_definition *definition)
{
    struct error err = {.text = ""};
    struct buffer bytes;
    buffer_init(&bytes, D2K_TABLE_BYTES_MAX);
    d2k_result result = put_columns(definition, &bytes, &err);
    buffer_free(&bytes);
    return result == D2K_OK
               ? D2K_OK
               : client_refuse(client, result, "object %s: %s", definition->name, err.text);
}

static d2k_result check_text(d2k_client *client, const d2k_definition *definition, const char *text,
                             const char *what, size_t max)
{
    if (text != NULL && (strlen(text) > max || !text_is_utf8(slice_of(text)))) {
        return client_refuse(client, D2K_ARGUMENT,
                             "object %s: the %s is over %zu bytes or not UTF-8", definition->name,
                             what, max);
    }
    return D2K_OK;
}

d2k_result definition_check_history(d2k_client *client, const char *name, unsigned changes)
{
    if (changes > D2K_HISTORY_MAX && changes != D2K_HISTORY_NONE) {
        return client_refuse(client, D2K_ARGUMENT, "object %s: a history keeps at most %u changes",
                             name, D2K_HISTORY_MAX);
    }
    return D2K_OK;
}

/* Of what its type gives the kernel says more. */
static d2k_result check_alarms(d2k_client *client, const d2k_definition *definition)
{
    if ((definition->alarms != 0 || definition->critical) && !definition->has_alarms) {
        return client_refuse(client, D2K_ARGUMENT,
                             "object %s: process alarms are named, or critical, but it has none",
                             definition->name);
    }
    return D2K_OK;
}

d2k_result definition_check(d2k_client *client, const d2k_definition *d)
{
    if (d->size != sizeof *d) {
        return client_refuse(client, D2K_ARGUMENT, "the size of the definition is not set");
    }
    d2k_result result = definition_check_name(client, d->name);
    result = result != D2K_OK ? result : check_type(client, d);
    result = result != D2K_OK ? result : check_columns(client, d);
    result = result != D2K_OK
                 ? result
                 : check_text(client, d, d->description, "description", D2K_DESCRIPTION_MAX);
    result = result != D2K_OK ? result : check_text(client, d, d->unit, "unit", D2K_UNIT_MAX);
    result = result != D2K_OK ? result : check_text(client, d, d->path, "path", PROPERTY_PATH_MAX);
    result = result != D2K_OK
                 ? result
                 : check_text(client, d, d->expression, "expression", PROPERTY_EXPRESSION_MAX);
    result = result != D2K_OK ? result : check_alarms(client, d);
    return result != D2K_OK ? result : definition_check_history(client, d->name, d->history);
}

/* ---- properties ---- */

/* The content is what a record of the value has behind its header. */
static d2k_result put_default(d2k_client *client, const d2k_definition *definition,
                              struct buffer *properties)
{
    struct error err = {0};
    d2k_value value = *definition->default_value;
    value.limit_status = D2K_IN_LIMIT; /* these three are no part of a content */
    value.process_alarm = D2K_PALARM_NONE;
    value.process_alarm_time_ns = 0;
    if (value.type != definition->type) {
        return client_refuse(client, D2K_TYPE, "object %s: its default has the type %s, not %s",
                             definition->name, d2k_type_name(value.type),
                             d2k_type_name(definition->type));
    }
    if (wire_value_check(&value, &err) != D2K_OK) {
        return client_refuse(client, D2K_ARGUMENT, "object %s: its default: %s", definition->name,
                             err.text);
    }
    struct buffer record;
    buffer_init(&record, WIRE_LENGTH_MAX);
    d2k_result result = wire_value_encode(&record, 0, &value);
    struct slice content = {(const char *)buffer_data(&record) + WIRE_VALUE_HEADER_SIZE,
                            buffer_size(&record) - WIRE_VALUE_HEADER_SIZE};
    if (result != D2K_OK) {
        result = error_no_memory(&client->error);
    } else if (content.size > UINT16_MAX) {
        result = client_refuse(client, D2K_ARGUMENT, "object %s: its default is over %u bytes",
                               definition->name, UINT16_MAX);
    } else {
        properties_put(properties, PROPERTY_DEFAULT, content);
    }
    buffer_free(&record);
    return result;
}

static void put_limits(const d2k_limits *limits, struct buffer *properties)
{
    const double numbers[] = {limits->vl, limits->l, limits->h, limits->vh};
    for (uint16_t i = 0; i < 4; i++) {
        if (!isnan(numbers[i])) {
            properties_put_f64(properties, (uint16_t)(PROPERTY_LIMIT_VL + i), numbers[i]);
        }
    }
}

static void put_alarms(const d2k_definition *definition, struct buffer *properties)
{
    if (definition->has_alarms) {
        properties_put_u32(properties, PROPERTY_ALARM, definition->alarms);
    }
    if (definition->critical) {
        properties_put_u8(properties, PROPERTY_CRITICAL, 1);
    }
}

static d2k_result put_columns_property(d2k_client *client, const d2k_definition *definition,
                                       struct buffer *properties)
{
    struct buffer bytes;
    buffer_init(&bytes, D2K_TABLE_BYTES_MAX);
    d2k_result result = put_columns(definition, &bytes, &client->error);
    if (result == D2K_OK && buffer_size(&bytes) > 0) {
        properties_put(properties, PROPERTY_COLUMNS,
                       (struct slice){(const char *)buffer_data(&bytes), buffer_size(&bytes)});
    }
    buffer_free(&bytes);
    return result;
}

d2k_result definition_put_properties(d2k_client *client, const d2k_definition *definition,
                                     struct buffer *properties)
{
    if (definition->path != NULL && definition->path[0] != '\0') {
        properties_put(properties, PROPERTY_PATH, slice_of(definition->path));
    }
    if (definition->kind != D2K_KIND_PROCESS) {
        properties_put_u8(properties, PROPERTY_KIND, (uint8_t)definition->kind);
    }
    if (definition->writable) {
        properties_put_u8(properties, PROPERTY_WRITABLE, 1);
    }
    if (definition->history != 0) {
        properties_put_u32(properties, PROPERTY_HISTORY,
                           definition->history == D2K_HISTORY_NONE ? 0 : definition->history);
    }
    if (definition->expression != NULL && definition->expression[0] != '\0') {
        properties_put(properties, PROPERTY_EXPRESSION, slice_of(definition->expression));
    }
    if (definition->limits != NULL) {
        put_limits(definition->limits, properties);
    }
    put_alarms(definition, properties);
    d2k_result result = put_columns_property(client, definition, properties);
    if (result == D2K_OK && definition->default_value != NULL) {
        result = put_default(client, definition, properties);
    }
    return result == D2K_OK && buffer_failed(properties) ? error_no_memory(&client->error) : result;
}

/* ---- a copy ---- */

static char *copy_text(const char *text)
{
    return text_format("%s", text == NULL ? "" : text);
}

static bool copy_columns(struct own_definition *own, const d2k_definition *definition)
{
    buffer_init(&own->column_bytes, D2K_TABLE_BYTES_MAX);
    if (put_columns(definition, &own->column_bytes, NULL) != D2K_OK) {
        return false; /* all else was checked */
    }
    own->columns = definition->column_count > 0 ? columns_copy(definition_columns(own)) : NULL;
    return own->columns != NULL || definition->column_count == 0;
}

struct slice definition_columns(const struct own_definition *own)
{
    return (struct slice){(const char *)buffer_data(&own->column_bytes),
                          buffer_size(&own->column_bytes)};
}

bool definition_keep(struct own_definition *own, const d2k_definition *definition)
{
    struct own_definition copy = {.says = *definition};
    copy.description = copy_text(definition->description);
    copy.unit = copy_text(definition->unit);
    copy.path = copy_text(definition->path);
    if (!copy_columns(&copy, definition) || copy.description == NULL || copy.unit == NULL ||
        copy.path == NULL) {
        definition_free(&copy);
        return false;
    }
    definition_free(own);
    *own = copy;
    own->says.name = own->says.expression = NULL;
    own->says.default_value = NULL;
    own->says.description = own->description;
    own->says.unit = own->unit;
    own->says.path = own->path;
    own->says.columns = own->columns;
    if (definition->limits != NULL) {
        own->limits = *definition->limits;
        own->says.limits = &own->limits;
    }
    return true;
}

void definition_free(struct own_definition *own)
{
    free(own->description);
    free(own->unit);
    free(own->path);
    free(own->columns);
    buffer_free(&own->column_bytes);
}
