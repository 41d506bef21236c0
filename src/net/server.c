/* The loop of the plant thread: listens, takes what the workers hand over, flushes links at the end
 * of each turn, ticks, ends. */
#include <errno.h>
#include <stdlib.h>

#include "net/internal.h"

#define ARRIVALS_AT_ONCE 32u /* new links in one turn of the loop */

/* ---- what arrives ---- */

static struct handover *next_handover(struct net_server *server)
{
    os_mutex_lock(server->mutex);
    struct handover *handover = LIST_FIRST(&server->handovers, struct handover, link);
    if (handover != NULL) {
        list_remove(&handover->link);
    }
    os_mutex_unlock(server->mutex);
    return handover;
}

/* New links come a few at a time, so that the values of those that exist do not wait for a crowd.
 */
static void on_arrived(uv_async_t *async)
{
    struct net_server *server = async->data;
    for (unsigned i = 0; i < ARRIVALS_AT_ONCE; i++) {
        struct handover *handover = next_handover(server);
        if (handover == NULL) {
            return;
        }
        link_open(server, handover);
        free(handover);
    }
    (void)uv_async_send(async);
}

static void on_more_to_flush(uv_idle_t *idle)
{
    (void)idle; /* that it is there keeps the loop from sleeping */
}

/* While more keeps coming in, what is to go out is gathered for a while, so that a reader gets many
 * values in one record instead of each in its own. True: look again before anything goes out. Costs
 * one look at the sockets when nothing more comes. */
static bool still_gathering(struct net_server *server)
{
    if (!server->received) {
        server->gathering_since_ns = 0;
        return false;
    }
    server->received = false;
    uint64_t now_ns = uv_hrtime();
    if (server->gathering_since_ns == 0) {
        server->gathering_since_ns = now_ns;
    }
    if (now_ns - server->gathering_since_ns < NET_GATHER_MAX_NS) {
        return true;
    }
    server->gathering_since_ns = 0;
    return false;
}

/* Runs before the loop waits: everything that this turn has woken goes out now. Whoever is woken by
 * that comes next, after those whose sockets are ready now. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct net_server *server = prepare->data;
    if (still_gathering(server)) {
        (void)uv_idle_start(&server->more_to_flush, on_more_to_flush);
        return;
    }
    struct list end_of_turn;
    list_init(&end_of_turn);
    list_append(&server->woken, &end_of_turn);
    while (server->woken.next != &end_of_turn) {
        struct net_link *link = LIST_FIRST(&server->woken, struct net_link, woken_link);
        list_remove(&link->woken_link);
        link->woken = false;
        link_flush(link);
    }
    list_remove(&end_of_turn);
    if (list_empty(&server->woken)) {
        (void)uv_idle_stop(&server->more_to_flush);
    } else {
        (void)uv_idle_start(&server->more_to_flush, on_more_to_flush);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct net_server *server = timer->data;
    uint64_t now = uv_now(&server->loop);
    links_tick(server, now);
    server->callbacks.tick(server->callbacks.context, now);
    if (server->stop_at_ms != 0 &&
        (now >= server->stop_at_ms || atomic_load(&server->link_count) == 0)) {
        uv_stop(&server->loop);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct net_server *server = handle->data;
    (void)number;
    server->callbacks.asked_to_end(server->callbacks.context);
}

/* ---- SIGHUP ---- */

/* Files are read by a handshake worker, as at each connect, never by this thread. */
static void on_hang_up(uv_signal_t *handle, int number)
{
    (void)number;
    workers_read_again(handle->data);
}

/* ---- life ---- */

static d2k_result init_loop(struct net_server *server, struct error *err)
{
    if (uv_loop_init(&server->loop) != 0) {
        return error_set(err, D2K_IO, "the event loop cannot be made");
    }
    server->loop_ready = true;
    int rc = uv_prepare_init(&server->loop, &server->prepare);
    rc |= uv_timer_init(&server->loop, &server->ticker);
    rc |= uv_idle_init(&server->loop, &server->more_to_flush);
    rc |= uv_async_init(&server->loop, &server->arrived, on_arrived);
    rc |= uv_signal_init(&server->loop, &server->sigterm);
    rc |= uv_signal_init(&server->loop, &server->sigint);
    rc |= uv_signal_init(&server->loop, &server->sighup);
    server->prepare.data = server->ticker.data = server->arrived.data = server;
    server->sigterm.data = server->sigint.data = server->sighup.data = server;
    return rc == 0 ? D2K_OK : error_set(err, D2K_IO, "the event loop cannot be prepared");
}

d2k_result net_server_new(const struct net_options *options, struct net_server **ret_server,
                          struct error *err)
{
    struct net_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return error_no_memory(err);
    }
    server->options = *options;
    server->callbacks = *options->callbacks;
    server->first_free = NO_SLOT;
    list_init(&server->handovers);
    list_init(&server->woken);
    list_init(&server->ending);
    server->mutex = os_mutex_new();
    d2k_result rc = server->mutex == NULL ? error_no_memory(err) : init_loop(server, err);
    if (rc != D2K_OK) {
        net_server_free(server);
        return rc;
    }
    *ret_server = server;
    return D2K_OK;
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void drop_handovers(struct net_server *server)
{
    LIST_EACH(&server->handovers, at, following)
    {
        struct handover *handover = LIST_MEMBER(at, struct handover, link);
        os_socket_close(handover->fd);
        session_free(handover->session);
        free(handover);
    }
    list_init(&server->handovers);
}

void net_server_free(struct net_server *server)
{
    if (server == NULL) {
        return;
    }
    workers_stop(server);
    drop_handovers(server);
    if (server->loop_ready) {
        links_abandon(server);
        uv_walk(&server->loop, close_handle, NULL);
        while (uv_run(&server->loop, UV_RUN_DEFAULT) != 0) {
        }
        (void)uv_loop_close(&server->loop);
    }
    for (unsigned i = 0; i < server->listener_count; i++) {
        os_socket_close(server->listeners[i].fd);
    }
    os_mutex_free(server->mutex);
    free(server->slots);
    free(server);
}

static d2k_result add_listener(struct net_server *server, int fd, uint16_t *ret_port,
                               struct error *err)
{
    uint16_t port = os_socket_local_port(fd);
    if (server->listener_count == NET_ADDRESSES_MAX) {
        os_socket_close(fd);
        return error_set(err, D2K_LIMIT, "cannot listen on more than %u addresses",
                         NET_ADDRESSES_MAX);
    }
    server->listeners[server->listener_count++] = (struct listener){.fd = fd, .local = port == 0};
    if (ret_port != NULL) {
        *ret_port = port;
    }
    return D2K_OK;
}

d2k_result net_server_adopt(struct net_server *server, int fd, uint16_t *ret_port,
                            struct error *err)
{
    int rc = os_socket_adopt_listening(fd);
    if (rc != 0) {
        os_socket_close(fd);
        return error_set(err, D2K_IO,
                         "descriptor %d that the service manager handed in is no listening stream "
                         "socket (%s); look at the .socket unit",
                         fd, os_error_text(rc));
    }
    return add_listener(server, fd, ret_port, err);
}

d2k_result net_server_listen(struct net_server *server, const struct os_address *address,
                             uint16_t *ret_port, struct error *err)
{
    char text[ADDRESS_TEXT_MAX];
    os_address_format(address, text, sizeof text);
    int fd;
    int rc = os_socket_listen(address, NET_LISTEN_BACKLOG, &fd);
    if (rc != 0) {
        return error_set(err, D2K_IO, "cannot listen on %s: %s%s", text, os_error_text(rc),
                         rc != EADDRINUSE ? ""
                         : strcmp(text, "local") == 0
                             ? " (does another kernel of this application run?)"
                             : " (does another kernel run on this port?)");
    }
    return add_listener(server, fd, ret_port, err);
}

d2k_result net_server_run(struct net_server *server, struct error *err)
{
    int rc = uv_prepare_start(&server->prepare, on_prepare);
    rc |= uv_timer_start(&server->ticker, on_tick, NET_TICK_MS, NET_TICK_MS);
    rc |= uv_signal_start(&server->sigterm, on_signal, SIGTERM);
    rc |= uv_signal_start(&server->sigint, on_signal, SIGINT);
    rc |= uv_signal_start(&server->sighup, on_hang_up, SIGHUP);
    if (rc != 0) {
        return error_set(err, D2K_IO, "the event loop cannot be started");
    }
    d2k_result started = workers_start(server, err);
    if (started != D2K_OK) {
        workers_stop(server);
        return started;
    }
    (void)uv_run(&server->loop, UV_RUN_DEFAULT);
    workers_stop(server);
    return D2K_OK;
}

void net_server_stop(struct net_server *server, uint32_t grace_ms)
{
    atomic_store(&server->stopping, true);
    server->stop_at_ms = uv_now(&server->loop) + grace_ms + 1;
}

uint64_t net_server_now_ms(const struct net_server *server)
{
    return uv_now(&server->loop);
}
