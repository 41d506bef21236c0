/* programs/certs/probe.c: connects, shakes hands, keeps what was presented. */
#include "programs/certs/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/file.h"
#include "tls/connection.h"

#define ADDRESSES_MAX   16u
#define ADDRESS_STEP_MS 4000u /* for one address when others are left */
#define INPUT_MAX       (128u * 1024u)
#define READ_SIZE       16384u
#define PLAIN_MAX       4096u /* bytes of an answer that is not TLS */

/* docs/protocol, sections 1, 3 and 11: the answer of a kernel that does not speak TLS now. */
static const char preface[8] = {'D', '2', 'K', '\r', '\n', 0x1a, '\n', 0x01};
#define REFUSE_TYPE            5u
#define REFUSE_NO_TLS          1u
#define REFUSE_TLS_UNAVAILABLE 3u
#define TLS_RECORD_ALERT       0x15
#define TLS_RECORD_HANDSHAKE   0x16

struct conversation {
    const struct certs_target *target;
    struct certs_probe *probe;
    uint64_t deadline_ms;
    int fd;
    struct buffer in, out;
    struct tls_keeper *keeper;
    struct tls_policy *policy;
    struct tls_connection *tls;
    bool answered; /* the first bytes of the kernel were looked at */
};

static int left_ms(uint64_t deadline_ms)
{
    uint64_t now = os_monotonic_ms();
    return now >= deadline_ms ? 0 : (int)(deadline_ms - now);
}

/* False: not before the deadline. */
static bool wait_until_ready(int fd, int events, uint64_t deadline_ms)
{
    struct os_poll ready = {.fd = fd, .events = events};
    int left = left_ms(deadline_ms);
    while (left > 0) {
        if (os_poll(&ready, 1, left) == 0 && ready.revents != 0) {
            return true;
        }
        left = left_ms(deadline_ms);
    }
    return false;
}

static d2k_result too_late(const struct conversation *c, struct error *err)
{
    return error_set(err, D2K_TIMEOUT, "%s did not answer within %u s", c->probe->address,
                     CERTS_PROBE_TIMEOUT_MS / 1000);
}

/* ---- TCP ---- */

static d2k_result connect_address(struct conversation *c, const struct os_address *address,
                                  uint64_t deadline_ms, struct error *err)
{
    os_address_format(address, c->probe->address, sizeof c->probe->address);
    int failure = os_socket_connect(address, &c->fd);
    if (failure == 0 || failure == EINPROGRESS) {
        if (!wait_until_ready(c->fd, OS_WRITABLE, deadline_ms)) {
            os_socket_close(c->fd);
            c->fd = -1;
            return too_late(c, err);
        }
        failure = os_socket_connect_result(c->fd);
        if (failure == 0) {
            return D2K_OK;
        }
        os_socket_close(c->fd);
    }
    c->fd = -1;
    return error_set(err, D2K_IO, "%s%s: %s", failure == ECONNREFUSED ? "nobody listens on " : "",
                     c->probe->address, os_error_text(failure));
}

static d2k_result connect_any(struct conversation *c, struct error *err)
{
    struct os_address addresses[ADDRESSES_MAX];
    size_t count = 0;
    int failure =
        os_address_resolve(c->target->host, c->target->port, addresses, ADDRESSES_MAX, &count);
    if (failure != 0) {
        return error_set(err, D2K_RESOLVE, "%s: %s", c->target->host,
                         failure == ENOENT   ? "there is no such host, or it has no address"
                         : failure == EAGAIN ? "the name servers do not answer"
                                             : os_error_text(failure));
    }
    d2k_result result = D2K_IO;
    for (size_t i = 0; i < count && result != D2K_OK; i++) {
        uint64_t step = os_monotonic_ms() + ADDRESS_STEP_MS;
        bool last = i + 1 == count;
        result = connect_address(c, &addresses[i],
                                 last || step > c->deadline_ms ? c->deadline_ms : step, err);
    }
    return result;
}

/* ---- bytes ---- */

static d2k_result send_output(struct conversation *c, struct error *err)
{
    while (buffer_size(&c->out) > 0) {
        size_t written = 0;
        int failure = os_socket_write(c->fd, buffer_data(&c->out), buffer_size(&c->out), &written);
        if (failure == 0) {
            buffer_consume(&c->out, written);
        } else if (failure != EAGAIN) {
            return error_set(err, D2K_IO, "%s: %s", c->probe->address, os_error_text(failure));
        } else if (!wait_until_ready(c->fd, OS_WRITABLE, c->deadline_ms)) {
            return too_late(c, err);
        }
    }
    return D2K_OK;
}

/* Adds what comes to `in`. D2K_CLOSED: nothing more comes. */
static d2k_result receive(struct conversation *c, struct error *err)
{
    for (;;) {
        size_t size = 0;
        uint8_t *room = buffer_reserve(&c->in, READ_SIZE);
        if (room == NULL) {
            return error_no_memory(err);
        }
        int failure = os_socket_read(c->fd, room, READ_SIZE, &size);
        if (failure == 0 && size > 0) {
            buffer_added(&c->in, size);
            return D2K_OK;
        }
        if (failure == 0) {
            return error_set(err, D2K_CLOSED, "%s closed the connection during the TLS handshake",
                             c->probe->address);
        }
        if (failure != EAGAIN) {
            return error_set(err, D2K_IO, "%s: %s", c->probe->address, os_error_text(failure));
        }
        if (!wait_until_ready(c->fd, OS_READABLE, c->deadline_ms)) {
            return too_late(c, err);
        }
    }
}

/* ---- an answer that is not TLS ---- */

static d2k_result explain_refusal(const struct conversation *c, struct error *err)
{
    char sentence[ERROR_TEXT_MAX / 2];
    struct cursor at = cursor_of(buffer_data(&c->in), buffer_size(&c->in));
    struct slice begin = cursor_bytes(&at, sizeof preface);
    if (at.failed || memcmp(begin.data, preface, sizeof preface) != 0) {
        return error_set(err, D2K_TLS, "%s answers, but neither with TLS nor as a d2k kernel",
                         c->probe->address);
    }
    (void)cursor_u32(&at); /* length */
    unsigned type = cursor_u16(&at);
    (void)cursor_bytes(&at, 10); /* flags, request */
    unsigned code = cursor_u16(&at);
    (void)cursor_u32(&at); /* retry_after_ms */
    struct slice text = cursor_bytes(&at, cursor_u16(&at));
    if (at.failed || type != REFUSE_TYPE) {
        return error_set(err, D2K_PROTOCOL, "%s answers our TLS in a way we do not understand",
                         c->probe->address);
    }
    text_escape(sentence, sizeof sentence, text);
    if (code == REFUSE_NO_TLS) {
        return error_set(err, D2K_NO_TLS,
                         "the kernel at %s has no TLS: [TLS_Server] of its configuration names no "
                         "certificate (it says: %s)",
                         c->probe->address, sentence);
    }
    return error_set(err, code == REFUSE_TLS_UNAVAILABLE ? D2K_TLS : D2K_REFUSED,
                     "the kernel at %s refuses TLS: %s", c->probe->address, sentence);
}

static bool may_be_kernel(const struct buffer *in)
{
    size_t size = buffer_size(in) < sizeof preface ? buffer_size(in) : sizeof preface;
    return memcmp(buffer_data(in), preface, size) == 0;
}

/* A kernel closes after its Refuse. */
static d2k_result plain_answer(struct conversation *c, struct error *err)
{
    d2k_result result = D2K_OK;
    while (result == D2K_OK && may_be_kernel(&c->in) && buffer_size(&c->in) < PLAIN_MAX) {
        result = receive(c, err);
    }
    return explain_refusal(c, err);
}

static bool is_tls(const struct buffer *in)
{
    uint8_t first = buffer_data(in)[0];
    return first == TLS_RECORD_HANDSHAKE || first == TLS_RECORD_ALERT;
}

/* ---- TLS ---- */

static d2k_result shake_hands(struct conversation *c, struct error *err)
{
    for (;;) {
        d2k_result result = tls_connection_handshake(c->tls, err);
        if (result != D2K_OK && result != D2K_AGAIN) {
            return error_wrap(err, "%s", c->probe->address);
        }
        d2k_result sent = send_output(c, err);
        if (sent != D2K_OK || result == D2K_OK) {
            return sent;
        }
        result = receive(c, err);
        if (result != D2K_OK) {
            return result;
        }
        if (!c->answered && !is_tls(&c->in)) {
            return plain_answer(c, err);
        }
        c->answered = true;
    }
}

/* Without an application a client asks for nothing: it sees every kernel. */
static d2k_result begin_tls(struct conversation *c, struct error *err)
{
    static const struct registry_location nowhere;
    d2k_result result = tls_keeper_open_client(&nowhere, NULL, NULL, &c->keeper, err);
    if (result != D2K_OK) {
        return result;
    }
    c->policy = tls_keeper_current(c->keeper);
    return tls_connection_new_client(c->policy, c->target->host, &c->in, &c->out, &c->tls, err);
}

static d2k_result converse(struct conversation *c, struct error *err)
{
    d2k_result result = connect_any(c, err);
    if (result == D2K_OK) {
        result = begin_tls(c, err);
    }
    if (result == D2K_OK) {
        result = shake_hands(c, err);
    }
    if (result != D2K_OK) {
        return result;
    }
    (void)text_copy(c->probe->tls_version, sizeof c->probe->tls_version,
                    tls_connection_version(c->tls));
    (void)text_copy(c->probe->cipher, sizeof c->probe->cipher, tls_connection_cipher(c->tls));
    result =
        tls_connection_peer_certificates(c->tls, &c->probe->certificates, &c->probe->count, err);
    tls_connection_close_notify(c->tls);
    struct error ignored; /* we have what we came for */
    (void)send_output(c, &ignored);
    return result;
}

d2k_result certs_probe_kernel(const struct certs_target *target, struct certs_probe *ret_probe,
                              struct error *err)
{
    struct conversation c = {.target = target,
                             .probe = ret_probe,
                             .deadline_ms = os_monotonic_ms() + CERTS_PROBE_TIMEOUT_MS,
                             .fd = -1};
    memset(ret_probe, 0, sizeof *ret_probe);
    buffer_init(&c.in, INPUT_MAX);
    buffer_init(&c.out, INPUT_MAX);
    d2k_result result = converse(&c, err);
    tls_connection_free(c.tls);
    tls_policy_unref(c.policy);
    tls_keeper_close(c.keeper);
    buffer_free(&c.in);
    buffer_free(&c.out);
    if (c.fd >= 0) {
        os_socket_close(c.fd);
    }
    return result;
}

void certs_probe_free(struct certs_probe *probe)
{
    free(probe->certificates);
    probe->certificates = NULL;
    probe->count = 0;
}
