/* net/internal.h: what the files of src/net share. */
#ifndef D2K_NET_INTERNAL_H
#define D2K_NET_INTERNAL_H

#include <stdatomic.h>

#include "base/list.h"
#include "net/server.h"
#include "os/poller.h"
#include "os/thread.h"

#define ADDRESS_TEXT_MAX      OS_ADDRESS_TEXT_MAX
#define LINK_ADDRESS_TEXT_MAX 64 /* the longest is an IPv6 address with its zone */

/* Something that a poller watches: stands first in it. */
struct watched {
    void (*on_ready)(struct watched *watched, int events);
};

/* What is ready at once; more of it comes in the next turn. */
#define NET_READY_AT_ONCE 64u

/* Waits at most timeout_ms, sets *now_ms, then calls on_ready() of everything that is ready. */
void net_wait(struct os_poller *poller, int timeout_ms, uint64_t *now_ms);

struct listener {
    int fd;
    bool local; /* the local socket of administration: its peers are known by their user */
};

/* A session on its way from a worker to the plant thread. */
struct handover {
    struct list link;
    int fd;
    struct session *session;
    struct os_address address;
    bool local;
    uint32_t user;
    uint64_t opened_ms;
};

struct net_link {
    struct watched watched;
    struct net_server *server;
    int fd;
    int events; /* what the poller waits for */
    struct session *session;
    uint32_t user;
    uint32_t slot;
    uint64_t generation;
    void *data;
    bool local;
    bool woken;      /* in server->woken */
    bool ending;     /* closed() was called; only what stands in the output is still sent */
    bool trimmed;    /* its buffers were given back since it was busy */
    bool released;   /* closed; the structure waits for the end of the turn */
    bool wants_room; /* it may have more to say than it could when it was flushed last */
    uint32_t read_size;
    uint64_t linger_until_ms;
    uint64_t opened_ms, received_ms, sent_ms;
    uint64_t received_bytes;
    struct list woken_link; /* in server->woken, in the end in server->released */
    struct list ending_link;
    char address_text[];
};

struct slot {
    struct net_link *link; /* NULL: free */
    uint32_t next_free;    /* valid while free */
    uint64_t generation;   /* of the link that has it or had it last */
};

struct worker;

struct net_server {
    struct net_options options;
    struct net_callbacks callbacks;
    struct os_poller *poller;
    struct watched wakeup_watched, caller_watched;
    int wakeup;         /* something was handed over, or a signal came */
    uint64_t now_ms;    /* of this turn */
    uint64_t ticked_ms; /* last */
    bool arrivals_left; /* more was handed over than one turn takes */
    bool has_ended;     /* the loop is over */

    struct listener listeners[NET_ADDRESSES_MAX];
    unsigned listener_count;
    struct worker *workers;
    unsigned worker_count; /* started */

    struct os_mutex *mutex; /* of `handovers` */
    struct list handovers;
    atomic_uint link_count; /* handed over or on the way, and not closed */
    atomic_bool stopping;
    uint64_t stop_at_ms;

    struct slot *slots;
    uint32_t slot_count, first_free;
    struct list woken;
    bool received;             /* something, since the sockets were last looked at */
    uint64_t rests_until_ns;   /* nothing goes out before */
    uint64_t gathers_until_ns; /* after a rest: nothing goes out while more comes; 0: no rest */
    struct list ending;
    struct list released; /* links whose structure goes at the end of the turn */
};

#define NO_SLOT UINT32_MAX

/* worker.c */

/* Starts the threads; D2K_IO, D2K_NO_MEMORY (those that run already are stopped by workers_stop()).
 */
d2k_result workers_start(struct net_server *server, struct error *err) D2K_MUST_CHECK;
/* Has one of them call asked_to_read_again(). */
void workers_read_again(struct net_server *server);
/* Drops what is opening and joins the threads. */
void workers_stop(struct net_server *server);

/* link.c */

/* Makes a link of what a worker hands over; takes its session and descriptor, also when it fails.
 */
void link_open(struct net_server *server, struct handover *handover);
/* Fills, encrypts and writes; at the end of a turn. */
void link_flush(struct net_link *link);
/* Closes links whose peer does not close. */
void links_tick(struct net_server *server, uint64_t now_ms);
/* Frees what was released in this turn: what was ready in it may still have named it. */
void links_bury(struct net_server *server);
/* Ends everything at once, without callbacks. */
void links_abandon(struct net_server *server);

#endif
