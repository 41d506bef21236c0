/* The floor: the least that a one-thread server over epoll and OpenSSL must do. Not a product, only
 * a yardstick: just enough MQTT 3.1.1 (CONNECT, SUBSCRIBE, PUBLISH with QoS 0 to everybody who has
 * subscribed; topics are ignored). Output is gathered for each connection and written once per turn
 * of the loop. Without --cert it speaks plain TCP and serves as the back end of TLS proxies. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/buffer.h"
#include "measure.h"

#define EVENTS         64
#define READ_AT_ONCE   65536u
#define REST_MAX       16384u
#define OUT_MAX        (1024u * 1024u * 1024u)
#define OUT_KEPT       65536u
#define ACCEPT_AT_ONCE 64

struct connection {
    int fd;
    SSL *ssl;
    bool handshaken, dirty, dead;
    int reader; /* place in `readers`; -1: has not subscribed */
    struct buffer out;
    uint8_t *rest; /* a packet that is not whole yet */
    size_t rest_size;
    struct connection *next_dirty;
};

static SSL_CTX *tls;
static struct connection **readers;
static int reader_count, reader_room;
static struct connection *dirty;

static void connection_close(struct connection *c)
{
    if (c->dead) {
        return;
    }
    c->dead = true;
    if (c->reader >= 0) {
        readers[c->reader] = readers[--reader_count];
        readers[c->reader]->reader = c->reader;
    }
    SSL_free(c->ssl);
    (void)close(c->fd);
    buffer_free(&c->out);
    free(c->rest);
    if (!c->dirty) {
        free(c);
    }
}

/* 0: would block; -1: over; else what OpenSSL or the system took or gave. */
static int tls_result(struct connection *c, int rc)
{
    if (rc > 0) {
        return rc;
    }
    int error = SSL_get_error(c->ssl, rc);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int plain_result(ssize_t rc)
{
    return rc > 0 ? (int)rc : rc < 0 && errno == EAGAIN ? 0 : -1;
}

static int receive(struct connection *c, void *at, size_t size)
{
    if (c->ssl == NULL) {
        return plain_result(recv(c->fd, at, size, 0));
    }
    ERR_clear_error();
    return tls_result(c, SSL_read(c->ssl, at, (int)size));
}

static int transmit(struct connection *c, const void *at, size_t size)
{
    if (c->ssl == NULL) {
        return plain_result(send(c->fd, at, size, MSG_NOSIGNAL));
    }
    ERR_clear_error();
    return tls_result(c, SSL_write(c->ssl, at, size > 16384 ? 16384 : (int)size));
}

/* False: the connection is over. */
static bool flush(struct connection *c)
{
    while (buffer_size(&c->out) > 0) {
        int rc = transmit(c, buffer_data(&c->out), buffer_size(&c->out));
        if (rc <= 0) {
            return rc == 0;
        }
        buffer_consume(&c->out, (size_t)rc);
    }
    if (c->out.capacity > OUT_KEPT) {
        buffer_trim(&c->out);
    }
    return true;
}

static void put(struct connection *c, const void *bytes, size_t size)
{
    buffer_put(&c->out, bytes, size);
    if (buffer_failed(&c->out)) {
        fail("no memory for output");
    }
    if (!c->dirty) {
        c->dirty = true;
        c->next_dirty = dirty;
        dirty = c;
    }
}

static void add_reader(struct connection *c)
{
    if (c->reader >= 0) {
        return;
    }
    if (reader_count == reader_room) {
        reader_room = reader_room == 0 ? 64 : reader_room * 2;
        readers = realloc(readers, (size_t)reader_room * sizeof *readers);
        if (readers == NULL) {
            fail("no memory for readers");
        }
    }
    c->reader = reader_count;
    readers[reader_count++] = c;
}

/* False: the client says good-bye. */
static bool take_packet(struct connection *c, const uint8_t *packet, size_t size, size_t head)
{
    switch (packet[0] >> 4) {
    case 1:
        put(c, "\x20\x02\x00\x00", 4);
        return true;
    case 3:
        for (int i = 0; i < reader_count; i++) {
            put(readers[i], packet, size);
        }
        return true;
    case 8: {
        const uint8_t answer[] = {0x90, 3, packet[head], packet[head + 1], 0};
        put(c, answer, sizeof answer);
        add_reader(c);
        return true;
    }
    default:
        return false;
    }
}

/* Size of the packet at the front with its head; 0: not known yet. */
static size_t packet_size(const uint8_t *bytes, size_t size, size_t *ret_head)
{
    size_t length = 0;
    for (size_t i = 1; i < size && i <= 4; i++) {
        length |= (size_t)(bytes[i] & 127) << (7 * (i - 1));
        if ((bytes[i] & 128) == 0) {
            *ret_head = i + 1;
            return i + 1 + length;
        }
    }
    return 0;
}

/* Returns how many bytes were taken; SIZE_MAX: the connection is over. */
static size_t take_packets(struct connection *c, const uint8_t *bytes, size_t size)
{
    size_t at = 0, head = 0;
    for (;;) {
        size_t packet = packet_size(bytes + at, size - at, &head);
        if (packet == 0 || packet > size - at) {
            return at;
        }
        if (!take_packet(c, bytes + at, packet, head)) {
            return SIZE_MAX;
        }
        at += packet;
    }
}

static bool keep_rest(struct connection *c, const uint8_t *rest, size_t size)
{
    free(c->rest);
    c->rest = NULL;
    c->rest_size = size;
    if (size == 0) {
        return true;
    }
    if (size > REST_MAX || (c->rest = malloc(size)) == NULL) {
        return false;
    }
    memcpy(c->rest, rest, size);
    return true;
}

static bool read_in(struct connection *c)
{
    static uint8_t space[REST_MAX + READ_AT_ONCE];
    for (;;) {
        if (c->rest_size > 0) {
            memcpy(space, c->rest, c->rest_size);
        }
        int rc = receive(c, space + c->rest_size, c->ssl != NULL ? 16384 : READ_AT_ONCE);
        if (rc <= 0) {
            return rc == 0;
        }
        size_t size = c->rest_size + (size_t)rc, used = take_packets(c, space, size);
        if (used == SIZE_MAX || !keep_rest(c, space + used, size - used)) {
            return false;
        }
    }
}

static bool drive(struct connection *c)
{
    if (c->ssl != NULL && !c->handshaken) {
        ERR_clear_error();
        int rc = tls_result(c, SSL_do_handshake(c->ssl));
        if (rc <= 0) {
            return rc == 0;
        }
        c->handshaken = true;
    }
    return flush(c) && read_in(c);
}

static void set_up_tls(const char *certificate, const char *key)
{
    tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        fail("OpenSSL cannot use %s and %s", certificate, key);
    }
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF); /* tickets without state */
    (void)SSL_CTX_set_session_id_context(tls, (const uint8_t *)"floor", 5);
    (void)SSL_CTX_set_num_tickets(tls, 1);
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0) {
        fail("cannot listen on port %d", port);
    }
    return fd;
}

static void accept_some(int epoll, int listener)
{
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        struct connection *c = calloc(1, sizeof *c);
        if (c == NULL) {
            fail("no memory");
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        buffer_init(&c->out, OUT_MAX);
        c->fd = fd;
        c->reader = -1;
        if (tls != NULL) {
            c->ssl = SSL_new(tls);
            (void)SSL_set_fd(c->ssl, fd);
            SSL_set_accept_state(c->ssl);
        }
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                    .data.ptr = c};
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void flush_dirty(void)
{
    struct connection *next;
    for (struct connection *c = dirty; c != NULL; c = next) {
        next = c->next_dirty;
        c->dirty = false;
        if (c->dead) {
            free(c);
        } else if (!flush(c)) {
            connection_close(c);
        }
    }
    dirty = NULL;
}

int main(int argc, char **argv)
{
    const char *certificate = NULL, *key = NULL;
    double port = 0;
    const struct option_entry table[] = {
        {"cert", &certificate, NULL}, {"key", &key, NULL}, {"port", NULL, &port}, {0}};
    options_parse(argc, argv, table);
    (void)signal(SIGPIPE, SIG_IGN);
    if (certificate != NULL) {
        set_up_tls(certificate, key);
    }
    int listener = listen_on((int)port), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == NULL) {
                accept_some(epoll, listener);
            } else if (!c->dead && !drive(c)) {
                connection_close(c);
            }
        }
        flush_dirty();
    }
}
