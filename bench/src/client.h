/* client.h: one client connection of a load generator: TCP, TLS 1.3, registration, subscriptions.
 *
 * The same code drives all servers; what differs between them is a small driver (struct protocol).
 * Non-blocking, edge-triggered epoll, one thread. */
#ifndef D2K_BENCH_CLIENT_H
#define D2K_BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include <d2k/result.h>

#include "base/buffer.h"

/* What every published value carries: send time 8 bytes, sequence 8, and 16 more, which is what a
 * d2k record carries too (value 8, status 4, flags 2, type and delivery). */
#define PAYLOAD_SIZE 32u
#define TOPICS_MAX   1000000u

struct client;

struct protocol {
    const char *name;
    const char *alpn; /* with its length byte; NULL: none */
    bool greets;      /* the server says a line in plain before TLS */
    /* Appends the registration to client->out; NULL: there is none, connected is registered. */
    void (*hello)(struct client *client);
    /* Appends what makes topics first..first+count-1 known, or subscribes to them, and adds to
     * client->answers_missing. define NULL: topics need no definition. */
    void (*define)(struct client *client, unsigned first, unsigned count);
    void (*subscribe)(struct client *client, unsigned first, unsigned count);
    /* Appends `batch` values; the first has this sequence. Each of a few topics gets
     * its turn; many are taken area by area. */
    void (*publish)(struct client *client, uint64_t stamp_ns, uint64_t sequence, unsigned batch);
    /* Takes what is whole and returns how many bytes that was; CLIENT_BROKEN: not understood. */
    size_t (*drain)(struct client *client, const uint8_t *bytes, size_t size);
};
#define CLIENT_BROKEN SIZE_MAX

/* NULL: no such protocol. */
const struct protocol *protocol_find(const char *name);

extern const struct protocol protocol_d2k;
/* Subscribes to all objects of one of the D2K_AREAS areas, topic % D2K_AREAS, by a pattern. */
#define D2K_AREAS 100u
void d2k_subscribe_area(struct client *client, unsigned area);

enum client_state {
    CLIENT_IDLE,
    CLIENT_CONNECTING,
    CLIENT_GREETING,
    CLIENT_HANDSHAKING,
    CLIENT_REGISTERING, /* hello is sent */
    CLIENT_REGISTERED,
    CLIENT_LEAVING, /* our end is sent: wait for the server's, so that all its work is counted */
    CLIENT_FAILED,
    CLIENT_LEFT,
};

typedef void value_fn(struct client *client, uint64_t stamp_ns, uint64_t sequence, uint32_t topic);

struct client {
    const struct protocol *protocol;
    unsigned number; /* names it at the server */
    bool publishes;  /* d2k: has a name that stays the same, as owners of objects have */
    int fd;
    SSL *ssl;
    SSL_SESSION *session; /* offered at the next connect; the newest ticket */
    bool resumed;
    enum client_state state;
    uint64_t started_ns, handshaken_ns, registered_ns, answered_ns, read_ns;
    struct buffer out;
    uint8_t *carry; /* a message that is not whole yet */
    size_t carry_size;
    unsigned answers_missing;
    unsigned topics;        /* of a publisher */
    bool welcomed, counted; /* by a crowd */
    value_fn *on_value;
    void *data;
    uint64_t last_sequence, gaps, overruns;
    char why[160]; /* FAILED */

    /* for drivers */
    size_t frame_left;
    bool prefaced;
    bool text_values; /* d2k: publish texts of PAYLOAD_SIZE bytes instead of reals */
    bool latest;      /* d2k: subscribe in mode latest instead of every */
    uint32_t *hobjs;  /* d2k publisher: numbers of its topics */
};

/* Once, before the first client. */
void clients_init(bool keep_tickets);
/* Connects to this port of 127.0.0.1 and adds the descriptor to epoll. */
void client_start(struct client *client, int epoll, int port);
/* Goes as far as the bytes that are there allow. */
void client_drive(struct client *client);
/* Sends what stands in `out`. */
void client_flush(struct client *client);
/* Says good-bye (close_notify, FIN) and waits for the server's end. */
void client_leave(struct client *client);
/* Closes at once; IDLE then. Keeps the session. */
void client_close(struct client *client);
/* Drivers call these. */
void client_registered(struct client *client);
void client_answered(struct client *client, unsigned count);
void client_fail(struct client *client, const char *format, ...) D2K_PRINTF(2, 3);

/* Drives whoever epoll names, for at most so long; returns the number of events. */
int clients_pump(int epoll, int64_t timeout_ns);

#endif
