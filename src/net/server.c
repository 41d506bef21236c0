/* The loop of the plant thread: listens, takes what the workers hand over, flushes links at the end
 * of each turn, ticks, ends. */
#include <errno.h>
#include <stdlib.h>

#include "net/internal.h"
#include "os/clock.h"
#include "os/file.h"

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
static void open_arrivals(struct net_server *server)
{
    server->arrivals_left = false;
    for (unsigned i = 0; i < ARRIVALS_AT_ONCE; i++) {
        struct handover *handover = next_handover(server);
        if (handover == NULL) {
            return;
        }
        link_open(server, handover);
        free(handover);
    }
    server->arrivals_left = true;
}

/* Files are read by a handshake worker, as at each connect, never by this thread. */
static void follow_signals(struct net_server *server)
{
    unsigned asked = os_signals_take();
    if ((asked & OS_ASKED_TO_READ_AGAIN) != 0) {
        workers_read_again(server);
    }
    if ((asked & OS_ASKED_TO_END) != 0) {
        server->callbacks.asked_to_end(server->callbacks.context);
    }
}

static void on_wakeup(struct watched *watched, int events)
{
    struct net_server *server = LIST_MEMBER(watched, struct net_server, wakeup_watched);
    (void)events;
    os_wakeup_take(server->wakeup);
    follow_signals(server);
    open_arrivals(server);
    if (server->callbacks.notified != NULL) {
        server->callbacks.notified(server->callbacks.context);
    }
}

void net_server_notify(struct net_server *server)
{
    os_wakeup_send(server->wakeup);
}

/* ---- what goes out ---- */

/* After an output nothing goes out for as long as that output took, and then as long as more keeps
 * coming in, each for NET_GATHER_MAX_NS at most. So writing takes at most half of this thread's
 * time, and the dearer it is the more values share a record. A value that comes alone waits for
 * nothing. True: look at the sockets before anything goes out. */
static bool still_gathering(struct net_server *server)
{
    uint64_t now_ns = os_monotonic_ns();
    bool more_came = server->received;
    server->received = false;
    if (now_ns < server->rests_until_ns) {
        os_sleep_ns(server->rests_until_ns - now_ns); /* what comes meanwhile is read at one go */
        server->gathers_until_ns = server->rests_until_ns + NET_GATHER_MAX_NS;
        return true;
    }
    return more_came && now_ns < server->gathers_until_ns;
}

/* Everything that this turn has woken. Whoever is woken by that comes next, after those whose
 * sockets are ready now. */
static void flush_woken(struct net_server *server)
{
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
}

static void end_turn(struct net_server *server)
{
    if (list_empty(&server->woken) || still_gathering(server)) {
        return;
    }
    uint64_t begin_ns = os_monotonic_ns();
    flush_woken(server);
    uint64_t end_ns = os_monotonic_ns(), took_ns = end_ns - begin_ns;
    server->gathers_until_ns = 0;
    server->rests_until_ns = end_ns + (took_ns < NET_GATHER_MAX_NS ? took_ns : NET_GATHER_MAX_NS);
}

/* ---- the loop ---- */

static void tick(struct net_server *server)
{
    server->ticked_ms = server->now_ms;
    links_tick(server, server->now_ms);
    server->callbacks.tick(server->callbacks.context, server->now_ms);
    server->has_ended = server->stop_at_ms != 0 && (server->now_ms >= server->stop_at_ms ||
                                                    atomic_load(&server->link_count) == 0);
}

static int wait_ms(const struct net_server *server)
{
    uint64_t since_ms = server->now_ms - server->ticked_ms;
    uint64_t due_ms = server->callbacks.due_ms(server->callbacks.context);
    if (!list_empty(&server->woken) || server->arrivals_left || since_ms >= NET_TICK_MS ||
        due_ms <= server->now_ms) {
        return 0;
    }
    uint64_t tick_ms = NET_TICK_MS - since_ms, left_ms = due_ms - server->now_ms;
    return (int)(left_ms < tick_ms ? left_ms : tick_ms);
}

void net_wait(struct os_poller *poller, int timeout_ms, uint64_t *now_ms)
{
    struct os_ready ready[NET_READY_AT_ONCE];
    unsigned count = os_poller_wait(poller, ready, NET_READY_AT_ONCE, timeout_ms);
    *now_ms = os_monotonic_ms();
    for (unsigned i = 0; i < count; i++) {
        struct watched *watched = ready[i].data;
        watched->on_ready(watched, ready[i].events);
    }
}

static void turn(struct net_server *server)
{
    net_wait(server->poller, wait_ms(server), &server->now_ms);
    if (server->arrivals_left) {
        open_arrivals(server);
    }
    if (server->now_ms - server->ticked_ms >= NET_TICK_MS) {
        tick(server);
    }
    if (server->callbacks.due_ms(server->callbacks.context) <= server->now_ms) {
        server->callbacks.due(server->callbacks.context);
    }
    end_turn(server);
    links_bury(server);
}

/* ---- life ---- */

static d2k_result init_loop(struct net_server *server, struct error *err)
{
    server->wakeup = os_wakeup_new();
    server->wakeup_watched.on_ready = on_wakeup;
    if (server->wakeup < 0 || os_poller_new(&server->poller) != 0 ||
        os_poller_add(server->poller, server->wakeup, OS_READABLE, &server->wakeup_watched) != 0) {
        return error_set(err, D2K_IO, "the event loop cannot be made");
    }
    /* from here on, so that whoever asks for the end while it still starts gets an orderly one */
    if (os_signals_catch(server->wakeup) != 0) {
        return error_set(err, D2K_IO, "signals cannot be caught");
    }
    server->now_ms = server->ticked_ms = os_monotonic_ms();
    return D2K_OK;
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
    list_init(&server->released);
    server->wakeup = -1;
    server->mutex = os_mutex_new();
    d2k_result rc = server->mutex == NULL ? error_no_memory(err) : init_loop(server, err);
    if (rc != D2K_OK) {
        net_server_free(server);
        return rc;
    }
    *ret_server = server;
    return D2K_OK;
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
    links_abandon(server);
    os_poller_free(server->poller);
    if (server->wakeup >= 0) {
        os_signals_release();
        os_socket_close(server->wakeup);
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
    d2k_result started = workers_start(server, err);
    if (started != D2K_OK) {
        workers_stop(server);
        return started;
    }
    while (!server->has_ended) {
        turn(server);
    }
    workers_stop(server);
    return D2K_OK;
}

void net_server_stop(struct net_server *server, uint32_t grace_ms)
{
    atomic_store(&server->stopping, true);
    server->stop_at_ms = server->now_ms + grace_ms + 1;
}

static void on_caller_ready(struct watched *watched, int events)
{
    struct net_server *server = LIST_MEMBER(watched, struct net_server, caller_watched);
    (void)events;
    server->callbacks.notified(server->callbacks.context);
}

d2k_result net_server_watch(struct net_server *server, int fd, struct error *err)
{
    server->caller_watched.on_ready = on_caller_ready;
    int rc = os_poller_add(server->poller, fd, OS_READABLE, &server->caller_watched);
    return rc == 0 ? D2K_OK
                   : error_set(err, D2K_IO, "the event loop cannot watch descriptor %d: %s", fd,
                               os_error_text(rc));
}

void net_server_unwatch(struct net_server *server, int fd)
{
    os_poller_remove(server->poller, fd);
}

uint64_t net_server_now_ms(const struct net_server *server)
{
    return server->now_ms;
}
