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
#include "os/system.h"

#define ACCEPT_AT_ONCE     16  /* then the other workers get a chance */
#define ACCEPT_PAUSE_MS    100 /* when the system has no descriptors left */
#define CHECK_DEADLINES_MS 250
#define READ_AT_ONCE       2048u /* the rest of a longer ClientHello comes next */
/* Low enough that a value's thread takes the processor from a worker at once, not at the next tick
 * of the system (values to 10 clients during a storm, p99: 4.3 ms at 5, 1.8 at 15, 1.5 at 19); high
 * enough that a worker beside a program that never sleeps still has a thirtieth of a processor. */
#define WORKER_NICE 15
/* A crowd leaves free memory behind, in pieces of 17 KiB between what is in use (OpenSSL's buffers
 * of each handshake): it goes back once nobody has come for a while. */
#define CROWD_SIZE    256
#define CROWD_OVER_MS 1000

struct opening {
    struct watched watched;
    struct worker *worker;
    int fd;
    int events; /* what the poller waits for */
    struct os_address address;
    bool local;
    uint32_t user;
    struct session *session;
    bool refused;    /* our refusal stands in the output or has left: wait for the peer to close */
    bool end_sent;   /* after a refusal: our side is shut down */
    bool is_waiting; /* for the peer, since waiting_since_ms */
    uint64_t waiting_since_ms;
    uint32_t patience_ms; /* what is left of NET_OPENING_TIMEOUT_MS */
    uint64_t accepted_ns; /* the configuration must have been looked at since */
    uint64_t queued_turn; /* of the worker, in which it came to `starting` */
    uint64_t opened_ms;   /* its handshake was through */
    bool released;        /* the structure waits for the end of the turn */
    struct list link;     /* in worker->waiting, ->starting or ->released */
};

struct listening {
    struct watched watched;
    struct worker *worker;
    const struct listener *listener;
};

struct worker {
    struct net_server *server;
    struct os_thread *thread;
    struct os_poller *poller;
    struct watched wakeup_watched;
    int wakeup; /* the server stops, or the configuration is to be read again */
    atomic_bool read_again;
    uint64_t now_ms; /* of this turn */
    uint64_t turns;
    uint64_t listen_at_ms; /* 0: it listens */
    struct listening listening[NET_ADDRESSES_MAX];
    struct list waiting;       /* for the peer, longest first */
    struct list starting;      /* a first flight is to be made, first come first served */
    struct list released;      /* ended in this turn: what is ready in it may still name them */
    atomic_uint opening_count; /* read by the other workers */
    unsigned opening_max;
    uint64_t checked_ms; /* deadlines, last */
    bool check_was_late;
    unsigned crowd;          /* handed over since free memory was given back */
    uint64_t handed_over_ms; /* last */
};

/* ---- the end of an opening ---- */

/* The descriptor and the session are gone or given away already. */
static void opening_release(struct opening *o)
{
    list_remove(&o->link);
    atomic_fetch_sub(&o->worker->opening_count, 1);
    o->released = true;
    list_append(&o->worker->released, &o->link);
}

static void bury(struct worker *w)
{
    LIST_EACH(&w->released, at, following)
    {
        list_remove(at);
        free(LIST_MEMBER(at, struct opening, link));
    }
}

static void report(const struct opening *o, const char *why)
{
    const struct net_callbacks *callbacks = &o->worker->server->callbacks;
    char address[ADDRESS_TEXT_MAX];
    os_address_format(&o->address, address, sizeof address);
    bool open = session_state(o->session) == SESSION_OPEN && session_is_tls(o->session);
    callbacks->not_opened(callbacks->context, address,
                          open ? session_tls_version(o->session) : NULL, why);
}

/* The one function that ends a connection which will not be handed over. `why` NULL: it was
 * reported already. */
static void opening_drop(struct opening *o, const char *why)
{
    if (why != NULL) {
        report(o, why);
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
    o->waiting_since_ms = o->worker->now_ms;
    o->patience_ms = patience_ms;
}

static void opening_stop_waiting(struct opening *o)
{
    if (!o->is_waiting) {
        return;
    }
    uint64_t waited = o->worker->now_ms - o->waiting_since_ms;
    o->patience_ms = waited < o->patience_ms ? o->patience_ms - (uint32_t)waited : 0;
    o->is_waiting = false;
    list_remove(&o->link);
}

/* ---- output ---- */

static void opening_watch(struct opening *o, int events)
{
    if (o->events != events) {
        o->events = events;
        os_poller_change(o->worker->poller, o->fd, events, &o->watched);
    }
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
            opening_watch(o, OS_READABLE | OS_WRITABLE);
            return true;
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
    opening_watch(o, OS_READABLE);
    return true;
}

/* Tells the peer (as far as the state allows it) and waits a little for it to close, so that it can
 * read what was said. */
static void opening_refuse(struct opening *o, uint16_t code, const char *why)
{
    report(o, why);
    session_end(o->session, WIRE_REFUSE, code, code == WIRE_CODE_LIMIT ? NET_RETRY_AFTER_MS : 0,
                why);
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
    os_poller_remove(o->worker->poller, o->fd);
    handover->fd = o->fd;
    handover->session = o->session;
    handover->address = o->address;
    handover->local = o->local;
    handover->opened_ms = o->opened_ms;
    handover->user = o->user;
    opening_release(o);
    o->worker->crowd++;
    o->worker->handed_over_ms = o->worker->now_ms;
    os_mutex_lock(server->mutex);
    bool first = list_empty(&server->handovers);
    list_append(&server->handovers, &handover->link);
    os_mutex_unlock(server->mutex);
    if (first) {
        os_wakeup_send(server->wakeup);
    }
}

static struct tls_policy *current_policy(const struct opening *o)
{
    return tls_keeper_current_for(o->worker->server->options.keeper, o->accepted_ns);
}

/* The configuration as it is now decides (re-read at each connect). False: the connection was
 * refused. */
static bool start_tls(struct opening *o)
{
    struct error err = {0};
    bool started = false;
    struct tls_policy *policy = current_policy(o);
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
    struct tls_policy *policy = current_policy(o);
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

/* Somebody who says nothing, or has gone again, costs the plant thread nothing. */
static void opening_hear(struct opening *o)
{
    struct error err = {0};
    bool heard;
    d2k_result rc = session_hear(o->session, &heard, &err);
    if (rc == D2K_CLOSED) {
        opening_drop(o, err.text);
    } else if (rc != D2K_OK) {
        opening_refuse(o, WIRE_CODE_PROTOCOL, err.text);
    } else if (!heard) {
        opening_wait(o, o->patience_ms);
    } else if (session_is_tls(o->session)) {
        hand_over(o);
    } else {
        finish_plain(o);
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
            opening_hear(o);
            return;
        }
        bool expensive = session_is_expensive(o->session);
        if (expensive && !may_sign) {
            o->queued_turn = o->worker->turns;
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
        if (session_state(o->session) == SESSION_OPEN) {
            o->opened_ms = o->worker->now_ms;
            o->patience_ms = NET_FIRST_WORDS_MS;
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
        opening_drop(o, rc != 0 ? os_error_text(rc) : "the peer closed the connection");
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

static void on_ready(struct watched *watched, int events)
{
    struct opening *o = LIST_MEMBER(watched, struct opening, watched);
    if (o->released) {
        return;
    }
    if (o->refused) {
        if ((events & OS_READABLE) != 0) {
            opening_drain(o);
        } else {
            (void)opening_write(o);
        }
        return;
    }
    if ((events & OS_WRITABLE) != 0 && !opening_write(o)) {
        return;
    }
    if ((events & OS_READABLE) != 0) {
        bool queued =
            !o->is_waiting; /* in `starting`: its turn comes; what has arrived is only kept */
        if (opening_read(o) && !queued) {
            opening_advance(o, false);
        }
    }
}

/* One expensive step a turn, for somebody whose socket was looked at since its ClientHello came:
 * who has left by then costs nothing. */
static void start_next(struct worker *w)
{
    struct opening *o = LIST_FIRST(&w->starting, struct opening, link);
    if (o != NULL && o->queued_turn != w->turns) {
        list_remove(&o->link);
        opening_advance(o, true);
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
        atomic_load(&w->opening_count) < w->opening_max ||
        drop_longest_waiting(w, "too many connections are opening; this one has waited longest");
    struct opening *o = room ? calloc(1, sizeof *o) : NULL;
    struct session *session = room ? session_new_server() : NULL;
    if (o == NULL || session == NULL ||
        os_poller_add(w->poller, fd, OS_READABLE, &o->watched) != 0) {
        char address[ADDRESS_TEXT_MAX];
        os_address_format(peer, address, sizeof address);
        w->server->callbacks.not_opened(w->server->callbacks.context, address, NULL,
                                        room ? "out of memory"
                                             : "too many connections wait for their handshakes");
        free(o);
        session_free(session);
        os_socket_close(fd);
        return;
    }
    o->worker = w;
    o->watched.on_ready = on_ready;
    o->events = OS_READABLE;
    o->fd = fd;
    o->accepted_ns = os_monotonic_ns();
    o->address = *peer;
    o->local = local;
    o->session = session;
    list_init(&o->link);
    atomic_fetch_add(&w->opening_count, 1);
    opening_wait(o, NET_OPENING_TIMEOUT_MS);
    if (local && os_socket_peer_user(fd, &o->user) != 0) {
        opening_drop(o, "the user at the other end of the local socket is not known");
    }
}

static void listen_to_all(struct worker *w, int events)
{
    for (unsigned i = 0; i < w->server->listener_count; i++) {
        struct listening *l = &w->listening[i];
        os_poller_change(w->poller, l->listener->fd, events, &l->watched);
    }
}

static void listen_pause(struct worker *w)
{
    listen_to_all(w, 0);
    w->listen_at_ms = w->now_ms + ACCEPT_PAUSE_MS;
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
    w->server->callbacks.not_opened(w->server->callbacks.context, NULL, NULL, os_error_text(error));
    listen_pause(w);
}

/* Whoever has less to do takes who comes next, or a crowd would wait for one worker while another
 * has nothing left. */
static bool has_more_than_another(const struct worker *w)
{
    const struct net_server *server = w->server;
    unsigned own = atomic_load(&w->opening_count);
    for (unsigned i = 0; i < server->options.workers; i++) {
        if (own > atomic_load(&server->workers[i].opening_count) + ACCEPT_AT_ONCE) {
            return true;
        }
    }
    return false;
}

static void on_connection(struct watched *watched, int events)
{
    const struct listening *l = LIST_MEMBER(watched, struct listening, watched);
    const struct listener *listener = l->listener;
    struct worker *w = l->worker;
    (void)events;
    for (int i = 0; i < ACCEPT_AT_ONCE && !has_more_than_another(w); i++) {
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

static void opening_too_late(struct opening *o)
{
    enum session_state state = session_state(o->session);
    if (state == SESSION_OPEN) {
        opening_refuse(o, WIRE_CODE_TIMEOUT, "it did not register in time");
        return;
    }
    opening_drop(o, o->refused ? NULL
                    : state == SESSION_SNIFFING
                        ? "it sent nothing that could be understood in time"
                        : "it did not go on with the TLS handshake in time");
}

static void release_memory_of_a_crowd(struct worker *w)
{
    if (w->crowd >= CROWD_SIZE && w->now_ms - w->handed_over_ms >= CROWD_OVER_MS) {
        w->crowd = 0;
        os_release_free_memory();
    }
}

static void check_deadlines(struct worker *w)
{
    uint64_t now = w->now_ms;
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
            opening_too_late(o);
        }
    }
}

/* ---- the thread ---- */

static void on_wakeup(struct watched *watched, int events)
{
    struct worker *w = LIST_MEMBER(watched, struct worker, wakeup_watched);
    (void)events;
    os_wakeup_take(w->wakeup);
    if (atomic_exchange(&w->read_again, false)) {
        w->server->callbacks.asked_to_read_again(w->server->callbacks.context);
    }
}

static void worker_clean_up(struct worker *w)
{
    LIST_EACH(&w->waiting, at, following)
    {
        opening_drop(LIST_MEMBER(at, struct opening, link), NULL);
    }
    LIST_EACH(&w->starting, at, following_too)
    {
        opening_drop(LIST_MEMBER(at, struct opening, link), NULL);
    }
    bury(w);
    os_poller_free(w->poller);
    if (w->wakeup >= 0) {
        os_socket_close(w->wakeup);
    }
}

static int wait_ms(const struct worker *w)
{
    return list_empty(&w->starting) ? CHECK_DEADLINES_MS : 0;
}

static void turn(struct worker *w)
{
    w->turns++;
    net_wait(w->poller, wait_ms(w), &w->now_ms);
    if (w->listen_at_ms != 0 && w->now_ms >= w->listen_at_ms) {
        w->listen_at_ms = 0;
        listen_to_all(w, OS_READABLE);
    }
    if (w->now_ms - w->checked_ms >= CHECK_DEADLINES_MS) {
        check_deadlines(w);
        release_memory_of_a_crowd(w);
    }
    start_next(w);
    bury(w);
}

static void worker_run(void *context)
{
    struct worker *w = context;
    os_thread_lower_priority(WORKER_NICE);
    while (!atomic_load(&w->server->stopping)) {
        turn(w);
    }
}

static int watch_all(struct worker *w)
{
    int rc = os_poller_new(&w->poller);
    if (rc == 0) {
        rc = os_poller_add(w->poller, w->wakeup, OS_READABLE, &w->wakeup_watched);
    }
    for (unsigned i = 0; rc == 0 && i < w->server->listener_count; i++) {
        struct listening *l = &w->listening[i];
        *l = (struct listening){{on_connection}, w, &w->server->listeners[i]};
        rc = os_poller_add(w->poller, l->listener->fd, OS_READABLE, &l->watched);
    }
    return rc;
}

static d2k_result worker_init(struct worker *w, struct net_server *server, struct error *err)
{
    list_init(&w->waiting);
    list_init(&w->starting);
    list_init(&w->released);
    w->server = server;
    w->opening_max = NET_OPENING_MAX / server->options.workers;
    w->now_ms = w->checked_ms = os_monotonic_ms();
    w->wakeup_watched.on_ready = on_wakeup;
    w->wakeup = os_wakeup_new();
    int rc = w->wakeup < 0 ? EMFILE : watch_all(w);
    return rc == 0 ? D2K_OK
                   : error_set(err, D2K_IO, "a handshake worker cannot watch its sockets: %s",
                               os_error_text(rc));
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
    atomic_store(&server->workers[0].read_again, true);
    os_wakeup_send(server->workers[0].wakeup);
}

void workers_stop(struct net_server *server)
{
    atomic_store(&server->stopping, true);
    for (unsigned i = 0; i < server->worker_count; i++) {
        if (server->workers[i].thread != NULL) {
            os_wakeup_send(server->workers[i].wakeup);
            os_thread_join(server->workers[i].thread);
        }
        worker_clean_up(&server->workers[i]);
    }
    free(server->workers);
    server->workers = NULL;
    server->worker_count = 0;
}
