/* One client connection: connect, TLS handshake, registration, reading and writing. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "measure.h"

#define READ_AT_ONCE 16384u
#define CARRY_MAX    (2u * 1024u * 1024u)
#define OUT_MAX      (64u * 1024u * 1024u)

static SSL_CTX *tls;
static bool tickets_kept;

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct client *c = SSL_get_app_data(ssl);
    SSL_SESSION_free(c->session);
    c->session = session;
    return 1;
}

void clients_init(bool keep_tickets)
{
    tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") != 1 ||
        SSL_CTX_set1_groups_list(tls, "X25519") != 1) {
        fail("OpenSSL cannot be set up");
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    tickets_kept = keep_tickets;
    if (keep_tickets) {
        SSL_CTX_set_session_cache_mode(tls,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(tls, on_ticket);
    }
}

static void release(struct client *c)
{
    SSL_free(c->ssl);
    c->ssl = NULL;
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    c->fd = -1;
    buffer_free(&c->out);
    free(c->carry);
    c->carry = NULL;
    c->carry_size = 0;
}

void client_close(struct client *c)
{
    release(c);
    c->state = CLIENT_IDLE;
}

void client_fail(struct client *c, const char *format, ...)
{
    va_list args;
    if (c->state == CLIENT_FAILED) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(c->why, sizeof c->why, format, args);
    va_end(args);
    c->state = CLIENT_FAILED;
}

static void start_connect(struct client *c, int epoll, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        client_fail(c, "connect: %s", strerror(errno));
        return;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        client_fail(c, "epoll: %s", strerror(errno));
    }
}

void client_start(struct client *c, int epoll, int port)
{
    buffer_init(&c->out, OUT_MAX);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        fail("no socket for client %u", c->number);
    }
    c->ssl = NULL;
    c->state = CLIENT_CONNECTING;
    c->started_ns = now_ns();
    c->handshaken_ns = c->registered_ns = c->answered_ns = 0;
    c->answers_missing = 0;
    c->welcomed = c->counted = false;
    c->frame_left = c->carry_size = 0;
    c->prefaced = false;
    start_connect(c, epoll, port);
}

/* ---- the steps of opening; true: go on with the next one ---- */

static bool step_connecting(struct client *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    struct sockaddr_in peer;
    (void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        client_fail(c, "connect: %s", strerror(error));
        return false;
    }
    size = sizeof peer;
    if (getpeername(c->fd, (struct sockaddr *)&peer, &size) != 0) {
        return false;
    }
    c->state = c->protocol->greets ? CLIENT_GREETING : CLIENT_HANDSHAKING;
    return true;
}

static bool step_greeting(struct client *c)
{
    char line[4096];
    ssize_t size = recv(c->fd, line, sizeof line, 0);
    if (size < 0 && errno == EAGAIN) {
        return false;
    }
    if (size <= 0) {
        client_fail(c, "closed before its greeting");
        return false;
    }
    c->state = line[size - 1] == '\n' ? CLIENT_HANDSHAKING : CLIENT_GREETING;
    return true;
}

static void make_tls(struct client *c)
{
    const char *alpn = c->protocol->alpn;
    c->ssl = SSL_new(tls);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
        (alpn != NULL &&
         SSL_set_alpn_protos(c->ssl, (const uint8_t *)alpn, (unsigned)strlen(alpn)) != 0)) {
        fail("no TLS for client %u", c->number);
    }
    (void)SSL_set_app_data(c->ssl, c);
    if (tickets_kept && c->session != NULL) {
        (void)SSL_set_session(c->ssl, c->session);
    }
}

static bool would_block(struct client *c, int rc)
{
    int error = SSL_get_error(c->ssl, rc);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static bool step_handshaking(struct client *c)
{
    if (c->ssl == NULL) {
        make_tls(c);
    }
    ERR_clear_error();
    int rc = SSL_connect(c->ssl);
    if (rc != 1) {
        if (!would_block(c, rc)) {
            const char *reason = ERR_reason_error_string(ERR_peek_error());
            client_fail(c, "handshake: %s", reason != NULL ? reason : "closed by the server");
        }
        return false;
    }
    c->handshaken_ns = now_ns();
    c->resumed = SSL_session_reused(c->ssl) == 1;
    c->state = CLIENT_REGISTERING;
    if (c->protocol->hello == NULL) {
        client_registered(c);
    } else {
        c->protocol->hello(c);
        client_flush(c);
    }
    return true;
}

/* ---- reading ---- */

static uint8_t *with_carry(struct client *c)
{
    static uint8_t *space;
    if (space == NULL && (space = malloc(CARRY_MAX + READ_AT_ONCE)) == NULL) {
        fail("no memory");
    }
    if (c->carry_size > 0) {
        memcpy(space, c->carry, c->carry_size);
    }
    return space;
}

static void keep_rest(struct client *c, const uint8_t *rest, size_t size)
{
    if (size > CARRY_MAX) {
        client_fail(c, "a message is too long");
        return;
    }
    if (size > c->carry_size) {
        c->carry = realloc(c->carry, size);
        if (c->carry == NULL) {
            fail("no memory");
        }
    }
    if (size > 0) {
        memcpy(c->carry, rest, size);
    }
    c->carry_size = size;
}

/* Reads all that is there. */
static void read_in(struct client *c)
{
    while (c->state == CLIENT_REGISTERING || c->state == CLIENT_REGISTERED ||
           c->state == CLIENT_LEAVING) {
        uint8_t *bytes = with_carry(c);
        ERR_clear_error();
        int rc = SSL_read(c->ssl, bytes + c->carry_size, READ_AT_ONCE);
        if (rc <= 0) {
            if (would_block(c, rc)) {
                return;
            }
            if (c->state == CLIENT_LEAVING) {
                c->state = CLIENT_LEFT;
            } else {
                client_fail(c, "closed by the server");
            }
            return;
        }
        if (c->state == CLIENT_LEAVING) {
            continue;
        }
        size_t size = c->carry_size + (size_t)rc;
        c->read_ns = now_ns();
        size_t used = c->protocol->drain != NULL ? c->protocol->drain(c, bytes, size) : size;
        if (used == CLIENT_BROKEN) {
            client_fail(c, "the answer is not understood");
            return;
        }
        keep_rest(c, bytes + used, size - used);
    }
}

void client_flush(struct client *c)
{
    while (buffer_size(&c->out) > 0 && c->ssl != NULL) {
        ERR_clear_error();
        size_t size = buffer_size(&c->out);
        int rc = SSL_write(c->ssl, buffer_data(&c->out), size > 1u << 30 ? 1 << 30 : (int)size);
        if (rc <= 0) {
            if (!would_block(c, rc)) {
                client_fail(c, "closed by the server while writing");
            }
            return;
        }
        buffer_consume(&c->out, (size_t)rc);
    }
}

void client_drive(struct client *c)
{
    bool go_on = true;
    while (go_on) {
        switch (c->state) {
        case CLIENT_CONNECTING:
            go_on = step_connecting(c);
            break;
        case CLIENT_GREETING:
            go_on = step_greeting(c);
            break;
        case CLIENT_HANDSHAKING:
            go_on = step_handshaking(c);
            break;
        case CLIENT_REGISTERING:
        case CLIENT_REGISTERED:
            client_flush(c);
            read_in(c);
            return;
        case CLIENT_LEAVING:
            read_in(c);
            return;
        case CLIENT_IDLE:
        case CLIENT_FAILED:
        case CLIENT_LEFT:
            return;
        }
    }
}

void client_registered(struct client *c)
{
    if (c->state == CLIENT_REGISTERING) {
        c->registered_ns = now_ns();
        c->state = CLIENT_REGISTERED;
    }
}

void client_answered(struct client *c, unsigned count)
{
    if (count >= c->answers_missing && c->answers_missing > 0) {
        c->answered_ns = now_ns();
    }
    c->answers_missing -= count < c->answers_missing ? count : c->answers_missing;
}

void client_leave(struct client *c)
{
    c->state = CLIENT_LEAVING;
    (void)SSL_shutdown(c->ssl);
    (void)shutdown(c->fd, SHUT_WR);
    client_drive(c);
}

int clients_pump(int epoll, int64_t timeout_ns)
{
    struct epoll_event events[256];
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000,
                               .tv_nsec = timeout_ns % 1000000000};
    int count = epoll_pwait2(epoll, events, 256, &timeout, NULL);
    for (int i = 0; i < count; i++) {
        client_drive(events[i].data.ptr);
    }
    return count;
}
