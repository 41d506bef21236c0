/* client/connect.c: from a list of servers to a TCP connection, and the waits between attempts.
 *
 * One server after the other, of each one address after the other; names are resolved by c-ares,
 * whose sockets and time-outs become the client's. ares_library_init() is not called: its counter
 * is not safe for threads, and outside Windows c-ares works without it. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "os/clock.h"
#include "os/system.h"

#define RESOLVER_TIMEOUT_MS 2000 /* of the first try of each name server */
#define RESOLVER_TRIES      3

const struct config_server *connect_server(const d2k_client *client)
{
    return &client->config->servers[client->connector.server];
}

/* ---- resolving ---- */

static bool address_from(const struct ares_addrinfo_node *node, uint16_t port,
                         struct os_address *ret_address)
{
    if (node->ai_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, node->ai_addr, sizeof(v4));
        return os_address_from_bytes(&v4.sin_addr, 4, port, ret_address) == 0;
    }
    if (node->ai_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, node->ai_addr, sizeof(v6));
        return os_address_from_bytes(&v6.sin6_addr, 16, port, ret_address) == 0;
    }
    return false;
}

/* Called by c-ares, also from within ares_getaddrinfo() and ares_destroy(). */
static void take_addresses(void *context, int status, int timeouts, struct ares_addrinfo *answer)
{
    d2k_client *client = context;
    struct connector *connector = &client->connector;
    uint16_t port = config_server_port(client->config, connect_server(client));
    (void)timeouts;
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) {
        return;
    }
    connector->resolved = true;
    connector->resolve_status = status;
    for (const struct ares_addrinfo_node *node = answer == NULL ? NULL : answer->nodes;
         node != NULL && connector->address_count < CLIENT_ADDRESSES_MAX; node = node->ai_next) {
        if (address_from(node, port, &connector->addresses[connector->address_count])) {
            connector->address_count++;
        }
    }
    if (answer != NULL) {
        ares_freeaddrinfo(answer);
    }
}

/* Called by c-ares: this socket is to be watched so from now on; for nothing: it is closed. A
 * socket over the limit is left to the time-out of its query. */
static void watch_resolver_socket(void *context, ares_socket_t socket, int readable, int writable)
{
    struct connector *connector = context;
    int events = (readable ? D2K_WANT_READ : 0) | (writable ? D2K_WANT_WRITE : 0);
    size_t i = 0;
    while (i < connector->resolver_socket_count &&
           connector->resolver_sockets[i].socket != socket) {
        i++;
    }
    bool is_new = i == connector->resolver_socket_count;
    if (events == 0 && !is_new) {
        connector->resolver_sockets[i] =
            connector->resolver_sockets[--connector->resolver_socket_count];
    } else if (events != 0 && i < RESOLVER_SOCKETS_MAX) {
        connector->resolver_sockets[i] = (d2k_socket){.socket = socket, .events = events};
        connector->resolver_socket_count += is_new;
    }
}

static void start_resolver(d2k_client *client, const char *host)
{
    struct connector *connector = &client->connector;
    struct ares_options options = {.timeout = RESOLVER_TIMEOUT_MS,
                                   .tries = RESOLVER_TRIES,
                                   .sock_state_cb = watch_resolver_socket,
                                   .sock_state_cb_data = connector};
    connector->resolver_socket_count = 0;
    int status = ares_init_options(&connector->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        connector->channel = NULL;
        connector->resolved = true;
        connector->resolve_status = status;
        return;
    }
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(connector->channel, host, NULL, &hints, take_addresses, client);
}

void connect_close_resolver(d2k_client *client)
{
    if (client->connector.channel != NULL) {
        ares_destroy(client->connector.channel);
        client->connector.channel = NULL;
    }
}

size_t connect_sockets(const d2k_client *client, d2k_socket *ret_sockets, size_t max)
{
    const struct connector *connector = &client->connector;
    size_t count = connector->channel == NULL ? 0 : connector->resolver_socket_count;
    count = count < max ? count : max;
    if (count > 0) {
        memcpy(ret_sockets, connector->resolver_sockets, count * sizeof *ret_sockets);
    }
    return count;
}

uint64_t connect_resolver_deadline(const d2k_client *client, uint64_t deadline_ms, uint64_t now_ms)
{
    struct timeval wait;
    if (client->connector.channel == NULL ||
        ares_timeout(client->connector.channel, NULL, &wait) == NULL) {
        return deadline_ms;
    }
    uint64_t at = now_ms + (uint64_t)wait.tv_sec * 1000 + (uint64_t)wait.tv_usec / 1000 + 1;
    return at < deadline_ms ? at : deadline_ms;
}

static void work_resolver(d2k_client *client)
{
    d2k_socket sockets[RESOLVER_SOCKETS_MAX];
    struct os_poll ready[RESOLVER_SOCKETS_MAX];
    size_t count = connect_sockets(client, sockets, RESOLVER_SOCKETS_MAX);
    for (size_t i = 0; i < count; i++) {
        ready[i] =
            (struct os_poll){.fd = sockets[i].socket,
                             .events = (sockets[i].events & D2K_WANT_READ ? OS_READABLE : 0) |
                                       (sockets[i].events & D2K_WANT_WRITE ? OS_WRITABLE : 0)};
    }
    if (count > 0 && os_poll(ready, count, 0) != 0) {
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        ares_process_fd(client->connector.channel,
                        ready[i].revents & OS_READABLE ? ready[i].fd : ARES_SOCKET_BAD,
                        ready[i].revents & OS_WRITABLE ? ready[i].fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(client->connector.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* ---- one server ---- */

/* "localhost" is this machine also where no hosts file and no name server says so (RFC 6761,
 * section 6.3). */
static size_t loopback_addresses(uint16_t port, struct os_address ret_addresses[2])
{
    size_t count = 0;
    count += os_address_parse("127.0.0.1", port, &ret_addresses[count]) == 0;
    count += os_address_parse("::1", port, &ret_addresses[count]) == 0;
    return count;
}

static void begin_server(d2k_client *client)
{
    struct connector *connector = &client->connector;
    const struct config_server *server = connect_server(client);
    connector->plain = false;
    connector->standby = false;
    connector->resolved = true;
    connector->resolve_status = ARES_SUCCESS;
    connector->address = 0;
    connector->address_count = 0;
    connector->deadline_ms = os_monotonic_ms() + client->config->connect_timeout_ms;
    client_change_state(client, CLIENT_RESOLVING);
    lines_connecting(client);
    struct os_address *first = &connector->addresses[0];
    uint16_t port = config_server_port(client->config, server);
    if (client->local_path != NULL) {
        connector->address_count = os_address_local(client->local_path, first) == 0;
    } else if (text_equal_ignoring_case(server->host, "localhost")) {
        connector->address_count = loopback_addresses(port, first);
    } else if (os_address_parse(server->host, port, first) == 0) {
        connector->address_count = 1;
    } else {
        connector->resolved = false;
        start_resolver(client, server->host);
    }
}

void connect_begin_round(d2k_client *client)
{
    client->connector.server = 0;
    client->connector.failure.code = D2K_OK;
    client->connector.retry_after_ms = 0;
    begin_server(client);
}

static void explain_connect_failure(d2k_client *client, int failure, struct error *err)
{
    char address[OS_ADDRESS_TEXT_MAX];
    const struct connector *connector = &client->connector;
    os_address_format(&connector->addresses[connector->address], address, sizeof(address));
    if (client->local_path != NULL) {
        (void)error_set(err, D2K_IO, "local socket %s: %s", client->local_path,
                        os_error_text(failure));
    } else if (failure == ECONNREFUSED) {
        (void)error_set(err, D2K_IO, "nobody listens on %s (%s)", address, os_error_text(failure));
    } else {
        (void)error_set(err, D2K_IO, "%s: %s", address, os_error_text(failure));
    }
}

static bool is_last_chance(const d2k_client *client)
{
    const struct connector *connector = &client->connector;
    return connector->address + 1 >= connector->address_count &&
           (client->local_path != NULL || connector->server + 1 >= client->config->server_count);
}

/* Begins with the current address, going on to the next until one is under way. `last` is why the
 * one before failed. */
static void try_addresses(d2k_client *client, const struct error *last)
{
    struct connector *connector = &client->connector;
    struct error err = *last;
    for (; connector->address < connector->address_count; connector->address++) {
        int failure =
            os_socket_connect(&connector->addresses[connector->address], &client->link.fd);
        if (failure == 0 || failure == EINPROGRESS) {
            uint64_t step = os_monotonic_ms() + CLIENT_ADDRESS_STEP_MS;
            connector->step_deadline_ms = is_last_chance(client) || step > connector->deadline_ms
                                              ? connector->deadline_ms
                                              : step;
            client_change_state(client, CLIENT_CONNECTING);
            return;
        }
        client->link.fd = -1;
        explain_connect_failure(client, failure, &err);
    }
    client_end_link(client, &err);
}

static void try_next_address(d2k_client *client, const struct error *why)
{
    os_socket_close(client->link.fd);
    client->link.fd = -1;
    client->connector.address++;
    try_addresses(client, why);
}

void connect_resolving_work(d2k_client *client)
{
    struct connector *connector = &client->connector;
    if (!connector->resolved) {
        work_resolver(client);
    }
    if (!connector->resolved) {
        if (os_monotonic_ms() >= connector->deadline_ms) {
            client_fail(client, D2K_TIMEOUT, "the name could not be resolved within %u s",
                        client->config->connect_timeout_ms / 1000);
        }
        return;
    }
    connect_close_resolver(client);
    if (connector->address_count == 0) {
        if (client->local_path != NULL) {
            client_fail(client, D2K_RESOLVE, "the path of the local socket is too long");
        } else {
            client_fail(client, D2K_RESOLVE, "the name cannot be resolved: %s",
                        connector->resolve_status == ARES_SUCCESS
                            ? "it has no address"
                            : ares_strerror(connector->resolve_status));
        }
        return;
    }
    struct error none = {.code = D2K_IO, .text = ""};
    try_addresses(client, &none);
}

/* A local socket that another user has made is not believed. */
static bool is_trusted_peer(const d2k_client *client)
{
    uint32_t user = 0;
    if (client->local_path == NULL || os_user_id() == 0) {
        return true;
    }
    return os_socket_peer_user(client->link.fd, &user) == 0 && (user == 0 || user == os_user_id());
}

void connect_connecting_work(d2k_client *client)
{
    struct connector *connector = &client->connector;
    struct os_poll ready = {.fd = client->link.fd, .events = OS_WRITABLE};
    uint64_t now = os_monotonic_ms();
    struct error err;
    if (os_poll(&ready, 1, 0) == 0 && ready.revents != 0) {
        int failure = os_socket_connect_result(client->link.fd);
        if (failure != 0) {
            explain_connect_failure(client, failure, &err);
            try_next_address(client, &err);
        } else if (!is_trusted_peer(client)) {
            client_fail(client, D2K_REFUSED, "local socket %s belongs to another user",
                        client->local_path);
        } else {
            link_open(client);
        }
    } else if (now >= connector->step_deadline_ms) {
        char address[OS_ADDRESS_TEXT_MAX];
        os_address_format(&connector->addresses[connector->address], address, sizeof(address));
        (void)error_set(&err, D2K_TIMEOUT, "%s did not answer in time", address);
        if (now >= connector->deadline_ms) {
            client_end_link(client, &err);
        } else {
            try_next_address(client, &err);
        }
    }
}

void connect_again_plain(d2k_client *client)
{
    struct error none = {.code = D2K_IO, .text = ""};
    lines_without_tls(client);
    link_close(client);
    client->connector.plain = true;
    lines_connecting(client);
    try_addresses(client, &none);
}

/* ---- after a failure ---- */

/* Half to whole of a doubling time, so that clients of a kernel that fell do not come all at once.
 */
uint32_t connect_choose_wait(d2k_client *client)
{
    struct connector *connector = &client->connector;
    uint32_t whole = CLIENT_WAIT_MIN_MS;
    for (unsigned i = 0; i < connector->rounds_failed && whole < CLIENT_WAIT_MAX_MS; i++) {
        whole *= 2;
    }
    whole = whole > CLIENT_WAIT_MAX_MS ? CLIENT_WAIT_MAX_MS : whole;
    uint32_t random = 0;
    if (!os_random(&random, sizeof(random))) {
        random = 0;
    }
    uint32_t wait = whole / 2 + random % (whole / 2 + 1);
    if (wait < connector->retry_after_ms) {
        /* All who were refused at once were told the same. */
        wait = connector->retry_after_ms +
               random % (connector->retry_after_ms / 2 + CLIENT_WAIT_MIN_MS);
    }
    connector->rounds_failed++;
    connector->retry_after_ms = 0;
    connector->wait_until_ms = os_monotonic_ms() + wait;
    return wait;
}

/* Of several servers' failures the one is reported that a person can do most about: somebody said
 * no before nobody answered. */
static void remember_failure(struct connector *connector, const struct error *why)
{
    bool said_no = why->code >= D2K_REFUSED && why->code < D2K_NOT_FOUND;
    bool had_no = connector->failure.code >= D2K_REFUSED && connector->failure.code < D2K_NOT_FOUND;
    if (connector->failure.code == D2K_OK || said_no || !had_no) {
        connector->failure = *why;
    }
}

static void add_server_to_text(const d2k_client *client, struct error *why)
{
    char server[LINES_PLACE_MAX];
    (void)error_wrap(why, "%s", lines_server(client, server));
}

/* A kernel that is not hot over one address is not hot over its other one. */
static size_t next_server(const d2k_client *client)
{
    const struct connector *connector = &client->connector;
    const d2k_config *config = client->config;
    size_t next = connector->server + 1;
    while (connector->standby && next < config->server_count &&
           config->servers[next].kernel == config->servers[connector->server].kernel) {
        next++;
    }
    return next;
}

static void add_group_to_text(const d2k_client *client, struct error *why)
{
    if (group_is_used(client)) {
        (void)error_wrap(why, "no kernel of the redundancy group %s is hot", client->config->group);
    }
}

void connect_failed(d2k_client *client, const struct error *why)
{
    struct connector *connector = &client->connector;
    struct error reason = *why;
    char next[64] = "giving up";
    size_t server = next_server(client);
    bool more = client->local_path == NULL && server < client->config->server_count;
    bool final = why->code == D2K_NO_MEMORY || (!more && !client_reconnects(client));
    connect_close_resolver(client);
    link_close(client);
    if (!final && more) {
        (void)text_copy(next, sizeof(next), "next server");
    } else if (!final) {
        (void)snprintf(next, sizeof(next), "trying again in %.1f s",
                       connect_choose_wait(client) / 1000.0);
    }
    lines_attempt_failed(client, why, next, final);
    add_server_to_text(client, &reason);
    remember_failure(connector, &reason);
    client->error = connector->failure;
    if (!more) {
        add_group_to_text(client, &client->error);
    }
    if (final) {
        client->end = why->code == D2K_NO_MEMORY ? reason : client->error;
        client_change_state(client, CLIENT_ENDED);
    } else if (more) {
        connector->server = server;
        begin_server(client);
    } else {
        client_change_state(client, CLIENT_WAITING);
    }
}

void connect_waiting_work(d2k_client *client)
{
    if (os_monotonic_ms() >= client->connector.wait_until_ms) {
        connect_begin_round(client);
    }
}
