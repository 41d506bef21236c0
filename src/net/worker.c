/* Handshake workers: each accepts connections, sniffs their first bytes, does their TLS handshakes
 * and hands the finished sessions over to the plant thread.
 *
 * What is cheap is done at once; a first flight, with its signature, waits in the queue `starting`,
 * and one is done per turn of the loop. So whoever is nearly through is served before whoever has
 * just come, and the time in our queue never counts as time that the peer took. */
#include <errno.h>
#include <stdlib.h>

#include "net/internal.h"
#include "os/clock.h"

#define ACCEPT_AT_ONCE     16  /* then the other workers get a chance */
#define ACCEPT_PAUSE_MS    100 /* when the system has no descriptors left */
#define CHECK_DEADLINES_MS 250
#define READ_AT_ONCE       (16u * 1024u)
#define WORKER_NICE        5

struct opening {
    struct worker *worker;
    uv_poll_t poll;
    int fd;
    int events; /* what the poll waits for */
    struct os_address address;
    bool local;
    uint32_t user;
    struct session *session;
    bool refused;    /* our refusal stands in the output or has left: wait for the peer to close */
    bool end_sent;   /* after a refusal: our side is shut down */
    bool is_waiting; /* for the peer, since waiting_since_ms */
    uint64_t waiting_since_ms;
    uint32_t patience_ms; /* what is left of NET_OPENING_TIMEOUT_MS */
    struct list link;     /* in worker->waiting or worker->starting */
};

struct worker {
    struct net_server *server;
    struct os_thread *thread;
    uv_loop_t loop;
    uv_async_t stop, read_again;
    uv_timer_t deadlines, accept_pause;
    uv_idle_t busy;
    uv_poll_t listening[NET_ADDRESSES_MAX];
    struct list waiting;  /* for the peer, longest first */
    struct list starting; /* a first flight is to be made, first come first served */
    unsigned opening_count, opening_max;
    uint64_t checked_ms; /* deadlines, last */
    bool check_was_late;
    bool ready;
};

/* ---- the end of an opening ---- */

static void opening_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* The descriptor and the session are gone or given away already. */
static void opening_release(struct opening *o)
{
    list_remove(&o->link);
    o->worker->opening_count--;
    uv_close((uv_handle_t *)&o->poll, opening_closed);
}

/* The one function that ends a connection which will not be handed over. `why` NULL: it was
 * reported already. */
static void opening_drop(struct opening *o, const char *why)
{
    struct net_server *server = o->worker->server;
    if (why != NULL) {
        char address[ADDRESS_TEXT_MAX];
        os_address_format(&o->address, address, sizeof address);
        server->callbacks.not_opened(server->callbacks.context, address, why);
    }
    opening_release(o);
    os_socket_close(o->fd);
    session_free(o->session);
}

static void opening_wait(struct opening *o, uint32_t patience_ms)
{
    list_remove(&o->link);
    list_append(&o->worker->waiting, &o->link);
    o->is_waiting = true;
    o->waiting_since_ms = uv_now(&o->worker->loop);
    o->patience_ms = patience_ms;
}

static void opening_stop_waiting(struct opening *o)
{
    if (!o->is_waiting) {
        return;
    }
    uint64_t waited = uv_now(&o->worker->loop) - o->waiting_since_ms;
    o->patience_ms = waited < o->patience_ms ? o->patience_ms - (uint32_t)waited : 0;
    o->is_waiting = false;
    list_remove(&o->link);
}

/* ---- output ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

/* False: the connection cannot be watched (and is dropped). */
static bool opening_poll(struct opening *o, int events)
{
    if (o->events == events) {
        return true;
    }
    o->events = events;
    if (uv_poll_start(&o->poll, events, on_ready) == 0) {
        return true;
    }
    opening_drop(o, o->refused ? NULL : "the system cannot watch one more connection");
    return false;
}

/* False: the connection is gone (and dropped). */
static bool opening_write(struct opening *o)
{
    for (;;) {
        struct slice bytes = session_output(o->session);
        if (bytes.size == 0) {
            break;
        }
        size_t size;
        int rc = os_socket_write(o->fd, bytes.data, bytes.size, &size);
        if (rc == EAGAIN) {
            return opening_poll(o, UV_READABLE | UV_WRITABLE);
        }
        if (rc != 0) {
            opening_drop(o, o->refused ? NULL : os_error_text(rc));
            return false;
        }
        session_written(o->session, size);
    }
    if (o->refused && !o->end_sent) {
        o->end_sent = true;
        os_socket_shutdown_write(o->fd);
    }
    return opening_poll(o, UV_READABLE);
}

/* Tells the peer (as far as the state allows it) and waits a little for it to close, so that it can
 * read what was said. */
static void opening_refuse(struct opening *o, uint16_t code, const char *why)
{
    struct net_server *server = o->worker->server;
    char address[ADDRESS_TEXT_MAX];
    os_address_format(&o->address, address, sizeof address);
    server->callbacks.not_opened(server->callbacks.context, address, why);
    session_end(o->session, WIRE_REFUSE, code, 0, why);
    o->refused = true;
    if (opening_write(o)) {
        opening_wait(o, NET_LINGER_MS);
    }
}

/* ---- the way through ---- */

static void hand_over(struct opening *o)
{
    struct net_server *server = o->worker->server;
    struct handover *handover = malloc(sizeof *handover);
    if (handover == NULL) {
        opening_drop(o, "out of memory");
        return;
    }
    if (atomic_fetch_add(&server->link_count, 1) >= server->options.max_links) {
        atomic_fetch_sub(&server->link_count, 1);
        free(handover);
        opening_refuse(o, WIRE_CODE_LIMIT, "this kernel has as many connections as it may have");
        return;
    }
    handover->fd = o->fd;
    handover->session = o->session;
    handover->address = o->address;
    handover->local = o->local;
    handover->user = o->user;
    opening_release(o);
    os_mutex_lock(server->mutex);
    list_append(&server->handovers, &handover->link);
    os_mutex_unlock(server->mutex);
    (void)uv_async_send(&server->arrived);
}

/* The configuration as it is now decides (re-read at each connect). False: the connection was
 * refused. */
static bool start_tls(struct opening *o)
{
    struct error err = {0};
    bool started = false;
    struct tls_policy *policy = tls_keeper_current(o->worker->server->options.keeper);
    switch (tls_policy_tls(policy)) {
    case TLS_POLICY_ON:
        started = session_start_tls(o->session, policy, &err) == D2K_OK;
        if (!started) {
            opening_drop(o, err.text);
        }
        break;
    case TLS_POLICY_OFF:
        opening_refuse(
            o, WIRE_CODE_NO_TLS,
            "this kernel has no TLS; the client asked for it (set TLS_CertFile, TLS_KeyFile and "
            "TLS_RequiredLevel of [TLS_Server])");
        break;
    case TLS_POLICY_UNAVAILABLE:
        opening_refuse(
            o, WIRE_CODE_TLS_UNAVAILABLE,
            "the TLS certificate or key of this kernel cannot be used (its log says why)");
        break;
    }
    tls_policy_unref(policy);
    return started;
}

/* A plain session is handed over only if the level allows it. */
static void finish_plain(struct opening *o)
{
    struct tls_policy *policy = tls_keeper_current(o->worker->server->options.keeper);
    bool allowed = o->local || tls_policy_level(policy) == TLS_LEVEL_NONE;
    tls_policy_unref(policy);
    if (allowed) {
        hand_over(o);
    } else {
        opening_refuse(o, WIRE_CODE_TLS_REQUIRED,
                       "this kernel accepts TLS only (TLS_Server\\TLS_RequiredLevel); the client "
                       "came without TLS");
    }
}

/* Takes the connection as far as its bytes allow; `may_sign`: also through an expensive step. */
static void opening_advance(struct opening *o, bool may_sign)
{
    struct error err = {0};
    opening_stop_waiting(o);
    for (;;) {
        enum session_state before = session_state(o->session);
        if (before == SESSION_OPEN) {
            if (session_is_tls(o->session)) {
                hand_over(o);
            } else {
                finish_plain(o);
            }
            return;
        }
        bool expensive = session_is_expensive(o->session);
        if (expensive && !may_sign) {
            list_append(&o->worker->starting, &o->link);
            return;
        }
        if (before == SESSION_NEEDS_TLS && !expensive) {
            opening_wait(o, o->patience_ms); /* for the rest of its ClientHello */
            return;
        }
        if (before == SESSION_NEEDS_TLS) {
            if (!start_tls(o)) {
                return;
            }
            continue;
        }
        may_sign = may_sign && !expensive;
        if (session_advance(o->session, &err) != D2K_OK) {
            /* While handshaking the peer gets an alert, which stands in the output already. */
            opening_refuse(o, WIRE_CODE_PROTOCOL, err.text);
            return;
        }
        if (!opening_write(o)) {
            return;
        }
        if (session_state(o->session) == before) {
            opening_wait(o, o->patience_ms);
            return;
        }
    }
}

/* ---- events ---- */

/* False: the peer has closed or the connection is lost (and dropped). */
static bool opening_read(struct opening *o)
{
    size_t room, size;
    uint8_t *at = session_input(o->session, READ_AT_ONCE, &room);
    if (at == NULL) {
        opening_refuse(o, WIRE_CODE_TOO_LARGE, "too many bytes before the handshake was finished");
        return false;
    }
    int rc = os_socket_read(o->fd, at, room, &size);
    if (rc == EAGAIN) {
        return true;
    }
    if (rc != 0 || size == 0) {
        opening_drop(o, rc != 0 ? os_error_text(rc) : "the peer closed before it was connected");
        return false;
    }
    session_received(o->session, size);
    return true;
}

/* After a refusal: whatever still comes is thrown away until the peer closes. */
static void opening_drain(struct opening *o)
{
    char waste[4096];
    size_t size;
    int rc = os_socket_read(o->fd, waste, sizeof waste, &size);
    if (rc != EAGAIN && (rc != 0 || size == 0)) {
        opening_drop(o, NULL);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct opening *o = poll->data;
    if (status < 0) {
        o->events = 0; /* the loop has stopped watching it */
    }
    if (o->refused) {
        if (status < 0 || (events & UV_READABLE) != 0) {
            opening_drain(o);
        } else {
            (void)opening_write(o);
        }
        return;
    }
    if ((events & UV_WRITABLE) != 0 && !opening_write(o)) {
        return;
    }
    if (status < 0 || (events & UV_READABLE) != 0) {
        bool queued =
            !o->is_waiting; /* in `starting`: its turn comes; what has arrived is only kept */
        if (opening_read(o) && !queued) {
            opening_advance(o, false);
        }
    }
}

/* One expensive step a turn. Somebody who has left while waiting costs nothing. */
static void on_idle(uv_idle_t *idle)
{
    struct worker *w = idle->data;
    struct opening *o = LIST_FIRST(&w->starting, struct opening, link);
    if (o != NULL) {
        list_remove(&o->link);
        if (os_socket_peer_gone(o->fd)) {
            opening_drop(o, "the peer left while it waited for its handshake");
        } else {
            opening_advance(o, true);
        }
    }
}

/* The loop must not sleep while somebody waits for us. */
static void watch_queue(struct worker *w)
{
    if (list_empty(&w->starting)) {
        (void)uv_idle_stop(&w->busy);
    } else {
        (void)uv_idle_start(&w->busy, on_idle);
    }
}

/* False: nobody waits for a peer, so nobody can be dropped. */
static bool drop_longest_waiting(struct worker *w, const char *why)
{
    struct opening *longest = LIST_FIRST(&w->waiting, struct opening, link);
    if (longest != NULL) {
        opening_drop(longest, longest->refused ? NULL : why);
    }
    return longest != NULL;
}

static void opening_new(struct worker *w, int fd, const struct os_address *peer, bool local)
{
    bool room =
        w->opening_count < w->opening_max ||
        drop_longest_waiting(w, "too many connections are opening; this one has waited longest");
    struct opening *o = room ? calloc(1, sizeof *o) : NULL;
    struct session *session = room ? session_new_server() : NULL;
    if (o == NULL || session == NULL || uv_poll_init(&w->loop, &o->poll, fd) != 0) {
        char address[ADDRESS_TEXT_MAX];
        os_address_format(peer, address, sizeof address);
        w->server->callbacks.not_opened(w->server->callbacks.context, address,
                                        room ? "out of memory"
                                             : "too many connections wait for their handshakes");
        free(o);
        session_free(session);
        os_socket_close(fd);
        return;
    }
    o->worker = w;
    o->poll.data = o;
    o->fd = fd;
    o->address = *peer;
    o->local = local;
    o->session = session;
    list_init(&o->link);
    w->opening_count++;
    opening_wait(o, NET_OPENING_TIMEOUT_MS);
    if (local && os_socket_peer_user(fd, &o->user) != 0) {
        opening_drop(o, "the user at the other end of the local socket is not known");
        return;
    }
    (void)opening_poll(o, UV_READABLE);
}

static void listen_start(struct worker *w);

static void on_accept_pause_over(uv_timer_t *timer)
{
    listen_start(timer->data);
}

static void listen_stop(struct worker *w)
{
    for (unsigned i = 0; i < w->server->listener_count; i++) {
        (void)uv_poll_stop(&w->listening[i]);
    }
}

static void listen_pause(struct worker *w)
{
    listen_stop(w);
    (void)uv_timer_start(&w->accept_pause, on_accept_pause_over, ACCEPT_PAUSE_MS, 0);
}

/* No descriptor or memory is left for who is coming: whoever has kept us waiting longest gives his
 * up, else nobody is accepted for a moment. */
static void accept_failed(struct worker *w, int error)
{
    bool descriptors = error == EMFILE || error == ENFILE;
    if (descriptors && drop_longest_waiting(w, "the system has no descriptors left; this connection"
                                               " has waited longest")) {
        return;
    }
    w->server->callbacks.not_opened(w->server->callbacks.context, NULL, os_error_text(error));
    listen_pause(w);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct worker *w = poll->data;
    const struct listener *listener = &w->server->listeners[poll - w->listening];
    (void)events;
    if (status < 0) {
        listen_pause(w); /* the loop has stopped watching it; the pause starts that again */
        return;
    }
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        int fd;
        struct os_address peer;
        int rc = os_socket_accept(listener->fd, &fd, &peer);
        if (rc == 0) {
            opening_new(w, fd, &peer, listener->local);
        } else if (rc == EMFILE || rc == ENFILE || rc == ENOBUFS || rc == ENOMEM) {
            accept_failed(w, rc);
            return;
        } else if (rc != ECONNABORTED) {
            return; /* nobody is waiting any more */
        }
    }
}

static void listen_start(struct worker *w)
{
    for (unsigned i = 0; i < w->server->listener_count; i++) {
        (void)uv_poll_start(&w->listening[i], UV_READABLE, on_connection);
    }
}

static void on_deadlines(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    uint64_t now = uv_now(&w->loop);
    bool late = !w->check_was_late && now - w->checked_ms > 4 * CHECK_DEADLINES_MS;
    w->check_was_late = late;
    w->checked_ms = now;
    if (late) {
        return; /* it was we who stood still: what the peers have sent meanwhile is read first */
    }
    LIST_EACH(&w->waiting, at, following)
    {
        struct opening *o = LIST_MEMBER(at, struct opening, link);
        if (now - o->waiting_since_ms >= o->patience_ms) {
            opening_drop(o, o->refused ? NULL
                            : session_state(o->session) == SESSION_SNIFFING
                                ? "it sent nothing that could be understood in time"
                                : "it did not go on with the TLS handshake in time");
        }
    }
}

/* ---- the thread ---- */

static void on_stop(uv_async_t *async)
{
    uv_stop(async->loop);
}

static void on_read_again(uv_async_t *async)
{
    const struct worker *w = async->data;
    w->server->callbacks.asked_to_read_again(w->server->callbacks.context);
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void worker_clean_up(struct worker *w)
{
    LIST_EACH(&w->waiting, at, following)
    {
        opening_drop(LIST_MEMBER(at, struct opening, link), NULL);
    }
    LIST_EACH(&w->starting, at, following)
    {
        opening_drop(LIST_MEMBER(at, struct opening, link), NULL);
    }
    uv_walk(&w->loop, close_handle, NULL);
    while (uv_run(&w->loop, UV_RUN_DEFAULT) != 0) {
    }
    (void)uv_loop_close(&w->loop);
    w->ready = false;
}

static void worker_run(void *context)
{
    struct worker *w = context;
    os_thread_lower_priority(WORKER_NICE);
    listen_start(w);
    while (!atomic_load(&w->server->stopping)) {
        watch_queue(w);
        (void)uv_run(&w->loop, UV_RUN_ONCE);
    }
}

static d2k_result worker_init(struct worker *w, struct net_server *server, struct error *err)
{
    list_init(&w->waiting);
    list_init(&w->starting);
    w->server = server;
    w->opening_max = NET_OPENING_MAX / server->options.workers;
    if (uv_loop_init(&w->loop) != 0) {
        return error_set(err, D2K_IO, "a handshake worker cannot make its event loop");
    }
    w->ready = true;
    int rc = uv_async_init(&w->loop, &w->stop, on_stop);
    rc |= uv_async_init(&w->loop, &w->read_again, on_read_again);
    w->read_again.data = w;
    rc |= uv_timer_init(&w->loop, &w->deadlines);
    rc |= uv_timer_init(&w->loop, &w->accept_pause);
    rc |= uv_idle_init(&w->loop, &w->busy);
    w->deadlines.data = w->accept_pause.data = w->busy.data = w;
    for (unsigned i = 0; rc == 0 && i < server->listener_count; i++) {
        rc = uv_poll_init(&w->loop, &w->listening[i], server->listeners[i].fd);
        w->listening[i].data = w;
    }
    if (rc == 0) {
        rc = uv_timer_start(&w->deadlines, on_deadlines, CHECK_DEADLINES_MS, CHECK_DEADLINES_MS);
    }
    return rc == 0 ? D2K_OK : error_set(err, D2K_IO, "a handshake worker cannot watch its sockets");
}

d2k_result workers_start(struct net_server *server, struct error *err)
{
    server->workers = calloc(server->options.workers, sizeof *server->workers);
    if (server->workers == NULL) {
        return error_no_memory(err);
    }
    for (unsigned i = 0; i < server->options.workers; i++) {
        struct worker *w = &server->workers[i];
        server->worker_count = i + 1;
        d2k_result rc = worker_init(w, server, err);
        if (rc != D2K_OK) {
            return rc;
        }
        if (os_thread_start("handshake", worker_run, w, &w->thread) != 0) {
            return error_set(err, D2K_IO, "a handshake worker cannot be started");
        }
    }
    return D2K_OK;
}

void workers_read_again(struct net_server *server)
{
    if (!atomic_load(&server->stopping)) {
        (void)uv_async_send(&server->workers[0].read_again);
    }
}

void workers_stop(struct net_server *server)
{
    atomic_store(&server->stopping, true);
    for (unsigned i = 0; i < server->worker_count; i++) {
        if (server->workers[i].thread != NULL) {
            (void)uv_async_send(&server->workers[i].stop);
            os_thread_join(server->workers[i].thread);
        }
        if (server->workers[i].ready) {
            worker_clean_up(&server->workers[i]);
        }
    }
    free(server->workers);
    server->workers = NULL;
    server->worker_count = 0;
}
