/* net/server.h: sockets and threads of a kernel: listeners, handshake workers, and the loop of the
 * plant thread.
 *
 * A connection is accepted by a handshake worker (threads of lower priority), which sniffs its
 * first bytes, does the TLS handshake and hands the session over once, with all bytes already read,
 * to the plant thread. From then on it is a link, and the plant thread alone reads, decrypts,
 * encrypts and writes it. The loop and its library stay behind this header.
 *
 * Threads: everything here is for the plant thread (the one that calls net_server_run()), but the
 * callbacks that say otherwise. */
#ifndef D2K_NET_SERVER_H
#define D2K_NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/link_id.h"
#include "base/log.h"
#include "os/socket.h"
#include "session/session.h"
#include "tls/policy.h"

/* Connections that are not handed over yet, over all workers. Past it the one that has kept us
 * waiting longest is dropped for each new one. */
#define NET_OPENING_MAX 8192u
/* How long we wait for a peer, in all, until its handshake is through. Its time in our queue does
 * not count. */
#define NET_OPENING_TIMEOUT_MS 10000u
/* How long we wait for its first words after that; nothing of it reaches the plant thread before.
 */
#define NET_FIRST_WORDS_MS 10000u
/* How long the peer may take to close after our last message. */
#define NET_LINGER_MS      2000u
#define NET_LISTEN_BACKLOG 4096
/* When somebody may come again for whom there was no room. */
#define NET_RETRY_AFTER_MS 10000u
#define NET_ADDRESSES_MAX  16u

/* A link without a byte for so long gives its buffers back at the next tick. */
#define NET_IDLE_MS 250u

/* How long output rests at most after an output that was dear, and how long it is then gathered at
 * most while more keeps coming. */
#define NET_GATHER_MAX_NS 500000u

/* A link is filled by the kernel up to the high mark and again below the low mark. */
#define NET_HIGH_WATER (256u * 1024u)
#define NET_LOW_WATER  (64u * 1024u)

struct net_server;
struct net_link;

/* Why a link is over. */
enum net_end {
    NET_END_BY_US,   /* net_link_end() */
    NET_END_BY_PEER, /* closed, reset, or TLS close_notify without a message that announced it */
    NET_END_BROKEN,  /* the peer broke TLS or the protocol; the text says how */
};

struct net_callbacks {
    void *context;

    /* ---- plant thread ---- */

    /* A link was handed over; net_link_set_data() is the place to remember it. */
    void (*opened)(void *context, struct net_link *link);
    /* Messages may be waiting: take them with session_next(net_link_session(link)) until D2K_AGAIN;
     * any other result must be given to net_link_broken(). */
    void (*received)(void *context, struct net_link *link);
    /* There is room in the output: add messages while net_link_has_room(). Called at the end of
     * each turn of the loop for links that net_link_wake() named, and when the socket has taken
     * enough. */
    void (*fill)(void *context, struct net_link *link);
    /* The last callback of a link; its session is still there, nothing can be sent. */
    void (*closed)(void *context, struct net_link *link, enum net_end how, const char *why);
    /* Every NET_TICK_MS. */
    void (*tick)(void *context, uint64_t now_ms);
    /* When `due` is wanted (net_server_now_ms()): asked in each turn; UINT64_MAX: not at all. */
    uint64_t (*due_ms)(void *context);
    /* It is that late; before anything goes out in this turn. */
    void (*due)(void *context);
    /* SIGTERM or SIGINT. */
    void (*asked_to_end)(void *context);
    /* After net_server_notify(); also now and then for no reason. NULL: not wanted. */
    void (*notified)(void *context);

    /* ---- worker threads ---- */

    /* A connection was refused, dropped or lost before it was handed over. Must be safe from any
     * thread. `why` is escaped. `address` NULL: it could not even be accepted. `tls_version`:
     * "TLSv1.3" once its handshake was through; NULL before, and without TLS. */
    void (*not_opened)(void *context, const char *address, const char *tls_version,
                       const char *why);
    /* SIGHUP: configuration may have changed. Called by one worker; it may wait. */
    void (*asked_to_read_again)(void *context);
};

#define NET_TICK_MS 250u

struct net_options {
    unsigned workers;          /* 1.. */
    unsigned max_links;        /* handed over and not closed; past it a peer gets Refuse(LIMIT) */
    struct tls_keeper *keeper; /* must outlive the server */
    const struct net_callbacks *callbacks;
};

/* D2K_NO_MEMORY, D2K_IO. */
d2k_result net_server_new(const struct net_options *options, struct net_server **ret_server,
                          struct error *err) D2K_MUST_CHECK;
/* Closes what is left; NULL is allowed. */
void net_server_free(struct net_server *server);

/* Listens on one more address; before net_server_run(). Port 0: the system chooses; *ret_port (may
 * be NULL) tells. D2K_IO names the address and why. */
d2k_result net_server_listen(struct net_server *server, const struct os_address *address,
                             uint16_t *ret_port, struct error *err) D2K_MUST_CHECK;

/* Takes a socket that listens already (the service manager made it) as one more; before
 * net_server_run(). *ret_port: its port, 0 for a local socket. The server closes it, also when this
 * fails: D2K_IO (it is no listening stream socket), D2K_LIMIT. */
d2k_result net_server_adopt(struct net_server *server, int fd, uint16_t *ret_port,
                            struct error *err) D2K_MUST_CHECK;

/* Starts the workers and runs the loop until net_server_stop(). D2K_IO when a thread cannot be
 * started. */
d2k_result net_server_run(struct net_server *server, struct error *err) D2K_MUST_CHECK;

/* No new connections any more; the loop ends when all links have closed, at the latest after
 * grace_ms. */
void net_server_stop(struct net_server *server, uint32_t grace_ms);

/* Another thread has something for the plant thread: notified() is called there soon. Any thread,
 * from net_server_new() to net_server_free(). */
void net_server_notify(struct net_server *server);

/* Whenever something can be read from `fd`, which is the caller's and for one only, notified() is
 * called, which must read it. Until net_server_unwatch(), or net_server_free(). D2K_IO. */
d2k_result net_server_watch(struct net_server *server, int fd, struct error *err) D2K_MUST_CHECK;
void net_server_unwatch(struct net_server *server, int fd);

/* Time of this turn of the loop. */
uint64_t net_server_now_ms(const struct net_server *server);

/* ---- links ---- */

struct session *net_link_session(struct net_link *link);
void net_link_set_data(struct net_link *link, void *data);
void *net_link_data(const struct net_link *link);
/* "127.0.0.1:50481"; belongs to the link. */
const char *net_link_address_text(const struct net_link *link);
/* Came over the local socket, whose other end is this user; false for TCP. */
bool net_link_local_user(const struct net_link *link, uint32_t *ret_uid);
struct link_id net_link_id(const struct net_link *link);
/* NULL: that link is closed or closing. */
struct net_link *net_link_find(struct net_server *server, struct link_id id);
/* Walks all links that are not closing; position 0..; NULL: past the end. A position without link
 * is skipped. */
struct net_link *net_link_at(struct net_server *server, size_t *position);

/* Time of the last bytes from the peer, and of the last bytes we sent. */
uint64_t net_link_received_ms(const struct net_link *link);
/* Time when its handshake was through. */
uint64_t net_link_opened_ms(const struct net_link *link);
uint64_t net_link_sent_ms(const struct net_link *link);
/* How many came from the peer since the hand-over. */
uint64_t net_link_received_bytes(const struct net_link *link);

/* Something was, or can be, added to the output: it is written at the end of this turn. */
void net_link_wake(struct net_link *link);
bool net_link_has_room(const struct net_link *link);

/* The one function that ends a link: says Refuse or Bye with this code and sentence, closes, and
 * calls closed(). Idempotent. */
void net_link_end(struct net_link *link, uint16_t type, uint16_t code, uint32_t retry_after_ms,
                  const char *sentence);
/* The peer broke the protocol or has gone: tells it, where that is possible, and closes. `rc` as
 * session_next() gave it. */
void net_link_broken(struct net_link *link, d2k_result rc, uint16_t code, const char *why);
/* The peer said good-bye itself (Bye was received): closes without a word. */
void net_link_close(struct net_link *link, const char *why);

#endif
