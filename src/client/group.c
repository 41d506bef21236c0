/* client/group.c: clients of a redundancy group (/RF): the kernels of its table become the servers
 * of the configuration, and of these only the hot one is registered with. */
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "registry/redundancy.h"

_Static_assert(REDUNDANCY_KERNELS_MAX *REDUNDANCY_ADDRESSES <= CONFIG_SERVERS_MAX,
               "each address of each kernel is one server");

bool group_is_used(const d2k_client *client)
{
    return client->config->group != NULL && client->local_path == NULL;
}

static void add_servers(d2k_config *config, const struct redundancy_kernel *kernel)
{
    for (size_t i = 0; i < REDUNDANCY_ADDRESSES; i++) {
        if (kernel->addresses[i][0] == '\0') {
            continue;
        }
        struct config_server *server = &config->servers[config->server_count++];
        *server = (struct config_server){.kernel = kernel->number};
        (void)text_copy(server->host, sizeof(server->host), kernel->addresses[i]);
        (void)text_copy(server->kernel_name, sizeof(server->kernel_name), kernel->name);
    }
}

d2k_result group_find_servers(d2k_client *client, struct error *err)
{
    struct redundancy_group group;
    d2k_config *config = client->config;
    if (!group_is_used(client)) {
        return D2K_OK;
    }
    if (config->server_given) {
        return error_set(err, D2K_ARGUMENT,
                         "a server (/S) and a redundancy group (/RF) are given; only one of them "
                         "is possible");
    }
    d2k_result result =
        redundancy_read_group(&client->location, config->group, &config->log, &group, err);
    if (result != D2K_OK) {
        return result;
    }
    config->server_count = 0;
    for (size_t i = 0; i < group.count; i++) {
        add_servers(config, &group.kernels[i]);
    }
    return D2K_OK;
}

static void check_name(const d2k_client *client, struct slice name)
{
    const char *expected = connect_server(client)->kernel_name;
    char told[4 * WIRE_NAME_MAX + 1];
    (void)text_escape(told, sizeof(told), name);
    if (expected[0] != '\0' && !text_equal_ignoring_case(expected, told)) {
        lines_kernel_name(client, expected, told);
    }
}

bool group_accepts(d2k_client *client, const struct wire_welcome *welcome)
{
    check_name(client, welcome->kernel_name);
    if (welcome->state == WIRE_STATE_HOT) {
        return true;
    }
    client->connector.standby = true;
    session_end(client->link.session, WIRE_BYE, WIRE_CODE_NONE, 0,
                "the hot kernel of the group is looked for");
    client_fail(client, D2K_CLOSED, "the kernel is %s, not hot",
                welcome->state == WIRE_STATE_STANDBY ? "standby" : "not ready");
    return false;
}
