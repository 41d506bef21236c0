/* client/queries.c: questions about what the kernel keeps of the past. */
#include "base/text.h"
#include "client/client.h"

static d2k_result check_link(d2k_client *client)
{
    if (client_state(client) == CLIENT_REGISTERED &&
        (client->link.capabilities & WIRE_CAPABILITY_PLANT) == 0) {
        return client_refuse(client, D2K_STATE, "this kernel does not know that: it is too old");
    }
    return D2K_OK;
}

d2k_result d2k_history(d2k_client *client, const char *name, unsigned count, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_HISTORY};
    d2k_result result = check_link(client);
    if (result != D2K_OK) {
        return result;
    }
    if (name == NULL || !text_is_object_name(slice_of(name))) {
        return client_refuse(client, D2K_ARGUMENT, "history: \"%.80s\" is no object name",
                             name == NULL ? "" : name);
    }
    message.as.history.name = slice_of(name);
    message.as.history.count = count;
    return client_ask(client, REQUEST_HISTORY, &message, ret_request);
}
