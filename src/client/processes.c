/* client/processes.c: the kernel starts and stops its static processes. */
#include "base/text.h"
#include "client/client.h"

static d2k_result ask(d2k_client *client, uint16_t type, const char *process, uint64_t *ret_request)
{
    struct wire_message message = {.type = type};
    if (process == NULL || !text_is_process_name(slice_of(process))) {
        return client_refuse(client, D2K_ARGUMENT, "\"%.80s\" is no process name",
                             process == NULL ? "" : process);
    }
    if (client_state(client) == CLIENT_REGISTERED &&
        (client->link.capabilities & WIRE_CAPABILITY_PLANT) == 0) {
        return client_refuse(client, D2K_STATE, "this kernel starts no processes: it is too old");
    }
    message.as.start_process.process_name = slice_of(process);
    return client_ask(client, REQUEST_PROCESS, &message, ret_request);
}

d2k_result d2k_start_process(d2k_client *client, const char *process, uint64_t *ret_request)
{
    return ask(client, WIRE_START_PROCESS, process, ret_request);
}

d2k_result d2k_stop_process(d2k_client *client, const char *process, uint64_t *ret_request)
{
    return ask(client, WIRE_STOP_PROCESS, process, ret_request);
}

d2k_result d2k_restart_process(d2k_client *client, const char *process, uint64_t *ret_request)
{
    return ask(client, WIRE_RESTART_PROCESS, process, ret_request);
}
