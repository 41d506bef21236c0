/* client/configure.c: objects that the kernel owns: defining and deleting them. */
#include "base/text.h"
#include "client/client.h"

static d2k_result check_link(d2k_client *client)
{
    if (client_state(client) == CLIENT_REGISTERED &&
        (client->link.capabilities & WIRE_CAPABILITY_PLANT) == 0) {
        return client_refuse(client, D2K_STATE, "this kernel stores no objects: it is too old");
    }
    return D2K_OK;
}

d2k_result d2k_configure(d2k_client *client, const d2k_definition *definition,
                         uint64_t *ret_request)
{
    struct buffer properties;
    d2k_result result = check_link(client);
    result = result != D2K_OK ? result : definition_check(client, definition);
    if (result != D2K_OK) {
        return result;
    }
    buffer_init(&properties, WIRE_LENGTH_MAX);
    result = definition_put_properties(client, definition, &properties);
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
    result = result != D2K_OK ? result : definition_check_name(client, name);
    return result != D2K_OK ? result : client_ask(client, REQUEST_DELETE, &message, ret_request);
}
