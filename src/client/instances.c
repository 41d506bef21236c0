/* client/instances.c: this process as one of several of its name; and who of them is active. */
#include "base/text.h"
#include "client/client.h"

void instances_state(d2k_client *client, uint8_t state)
{
    d2k_instance_state before = client->link.instance_state;
    if (state != D2K_INSTANCE_ACTIVE && state != D2K_INSTANCE_PASSIVE) {
        return; /* of a later version */
    }
    client->link.instance_state = (d2k_instance_state)state;
    if (client_state(client) != CLIENT_REGISTERED) {
        return;
    }
    if (state == D2K_INSTANCE_ACTIVE && before == D2K_INSTANCE_PASSIVE) {
        objects_publish_again(client);
    }
    events_add(client, D2K_EVENT_INSTANCE, 0, state, D2K_OK, NULL);
}

d2k_instance_state d2k_client_instance_state(const d2k_client *client)
{
    return d2k_client_registered(client) ? client->link.instance_state : D2K_INSTANCE_NONE;
}

static d2k_result ask(d2k_client *client, uint16_t type, const char *process, unsigned instance,
                      uint64_t *ret_request)
{
    struct wire_message message = {.type = type};
    if (process == NULL || !text_is_process_name(slice_of(process))) {
        return client_refuse(client, D2K_ARGUMENT, "\"%.80s\" is no process name",
                             process == NULL ? "" : process);
    }
    if (instance > CONFIG_INSTANCE_MAX) {
        return client_refuse(client, D2K_ARGUMENT, "instance %u: 1..%u is allowed", instance,
                             CONFIG_INSTANCE_MAX);
    }
    if (client_state(client) == CLIENT_REGISTERED &&
        (client->link.capabilities & WIRE_CAPABILITY_PLANT) == 0) {
        return client_refuse(client, D2K_STATE, "this kernel knows no instances: it is too old");
    }
    message.as.set_active_instance.process_name = slice_of(process);
    message.as.set_active_instance.instance = (uint16_t)instance;
    return client_ask(client, REQUEST_INSTANCE, &message, ret_request);
}

d2k_result d2k_set_active_instance(d2k_client *client, const char *process, unsigned instance,
                                   uint64_t *ret_request)
{
    return ask(client, WIRE_SET_ACTIVE_INSTANCE, process, instance, ret_request);
}

d2k_result d2k_set_preferred_instance(d2k_client *client, const char *process, unsigned instance,
                                      uint64_t *ret_request)
{
    return ask(client, WIRE_SET_PREFERRED_INSTANCE, process, instance, ret_request);
}
