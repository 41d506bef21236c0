/* client/configure.c: objects that the kernel owns: defining and deleting them. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "wire/properties.h"
#include "wire/value.h"

static d2k_result check_link(d2k_client *client)
{
    if (client_state(client) == CLIENT_REGISTERED &&
        (client->link.capabilities & WIRE_CAPABILITY_PLANT) == 0) {
        return client_refuse(client, D2K_STATE, "this kernel stores no objects: it is too old");
    }
    return D2K_OK;
}

static d2k_result check_name(d2k_client *client, const char *name)
{
    if (name == NULL || !text_is_object_name(slice_of(name))) {
        return client_refuse(client, D2K_ARGUMENT,
                             "object name \"%.80s\": 1..%u characters, a letter first, then "
                             "letters, digits, '.' and '_'",
                             name == NULL ? "" : name, D2K_OBJECT_NAME_MAX);
    }
    return D2K_OK;
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

/* The content is what a record of the value has behind its header. */
static d2k_result put_default(d2k_client *client, const d2k_definition *definition,
                              struct buffer *properties)
{
    struct error err = {0};
    d2k_value value = *definition->default_value;
    value.limit_status = D2K_IN_LIMIT; /* no part of a content */
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

static d2k_result put_properties(d2k_client *client, const d2k_definition *definition,
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
    return definition->default_value == NULL ? D2K_OK : put_default(client, definition, properties);
}

static d2k_result check_history(d2k_client *client, const d2k_definition *definition)
{
    if (definition->history > D2K_HISTORY_MAX && definition->history != D2K_HISTORY_NONE) {
        return client_refuse(client, D2K_ARGUMENT, "object %s: a history keeps at most %u changes",
                             definition->name, D2K_HISTORY_MAX);
    }
    return D2K_OK;
}

static d2k_result check(d2k_client *client, const d2k_definition *d)
{
    if (d->size != sizeof *d) {
        return client_refuse(client, D2K_ARGUMENT, "the size of the definition is not set");
    }
    d2k_result result = check_link(client);
    result = result != D2K_OK ? result : check_name(client, d->name);
    result = result != D2K_OK
                 ? result
                 : check_text(client, d, d->description, "description", D2K_DESCRIPTION_MAX);
    result = result != D2K_OK ? result : check_text(client, d, d->unit, "unit", D2K_UNIT_MAX);
    result = result != D2K_OK ? result : check_text(client, d, d->path, "path", PROPERTY_PATH_MAX);
    result = result != D2K_OK
                 ? result
                 : check_text(client, d, d->expression, "expression", PROPERTY_EXPRESSION_MAX);
    return result != D2K_OK ? result : check_history(client, d);
}

d2k_result d2k_configure(d2k_client *client, const d2k_definition *definition,
                         uint64_t *ret_request)
{
    d2k_result result = check(client, definition);
    if (result != D2K_OK) {
        return result;
    }
    struct buffer properties;
    buffer_init(&properties, WIRE_LENGTH_MAX);
    result = put_properties(client, definition, &properties);
    if (result == D2K_OK && buffer_failed(&properties)) {
        result = error_no_memory(&client->error);
    }
    if (result == D2K_OK) {
        struct wire_message message = {.type = WIRE_CONFIGURE};
        struct wire_configure *configure = &message.as.configure;
        configure->type = (uint8_t)definition->type;
        configure->name = slice_of(definition->name);
        configure->description = slice_of(definition->description);
        configure->unit = slice_of(definition->unit);
        configure->properties =
            (struct slice){(const char *)buffer_data(&properties), buffer_size(&properties)};
        result = client_ask(client, REQUEST_CONFIGURE, &message, ret_request);
    }
    buffer_free(&properties);
    return result;
}

d2k_result d2k_delete(d2k_client *client, const char *name, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_DELETE};
    message.as.delete_object.name = slice_of(name);
    d2k_result result = check_link(client);
    result = result != D2K_OK ? result : check_name(client, name);
    return result != D2K_OK ? result : client_ask(client, REQUEST_DELETE, &message, ret_request);
}
