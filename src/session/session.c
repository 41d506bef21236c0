/* One connection from its first byte to its end. The bytes of the socket stand in `in` and `out`;
 * inside TLS the messages stand in `plain` (received) and `frames` (to be sent), in a plain session
 * in `in` and `out` themselves. */
#include "session/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/text.h"
#include "tls/connection.h"

/* What is decrypted at once, unless one frame needs more. */
#define PLAIN_AT_ONCE (64u * 1024u)

#define TLS_RECORD_HEADER    5u
#define TLS_RECORD_HANDSHAKE 0x16u
#define TLS_RECORD_MAJOR     0x03u
#define TLS_SERVER_RANDOM_AT                                            \
    (TLS_RECORD_HEADER + 6u) /* of a ServerHello: type, length, version \
                              */

struct session {
    bool server;
    bool preface_received, preface_sent;
    bool registered;
    bool verified;
    bool answered_hello; /* kernel: the first flight with the signature has been made */
    bool tls_ready;      /* the handshake is finished */
    struct machine machine;
    struct tls_policy *policy;
    struct tls_connection *tls;
    struct buffer in, out;
    struct buffer plain, frames;
    size_t taken; /* bytes of the message that session_next() showed last */
    uint64_t frames_received;
};

static const struct machine_state states[] = {
    [SESSION_SNIFFING] = {"sniffing", MACHINE_TO(SESSION_NEEDS_TLS) | MACHINE_TO(SESSION_OPEN) |
                                          MACHINE_TO(SESSION_CLOSING) | MACHINE_TO(SESSION_ENDED)},
    [SESSION_NEEDS_TLS] = {"needs TLS", MACHINE_TO(SESSION_HANDSHAKING) |
                                            MACHINE_TO(SESSION_CLOSING) |
                                            MACHINE_TO(SESSION_ENDED)},
    [SESSION_HANDSHAKING] = {"handshaking",
                             MACHINE_TO(SESSION_UNVERIFIED) | MACHINE_TO(SESSION_OPEN) |
                                 MACHINE_TO(SESSION_CLOSING) | MACHINE_TO(SESSION_ENDED)},
    [SESSION_UNVERIFIED] = {"unverified", MACHINE_TO(SESSION_OPEN) | MACHINE_TO(SESSION_CLOSING) |
                                              MACHINE_TO(SESSION_ENDED)},
    [SESSION_OPEN] = {"open", MACHINE_TO(SESSION_CLOSING) | MACHINE_TO(SESSION_ENDED)},
    [SESSION_CLOSING] = {"closing", MACHINE_TO(SESSION_ENDED)},
    [SESSION_ENDED] = {"ended", 0},
};

static void session_move(struct session *s, enum session_state next)
{
    /* A move that the table forbids is a bug of ours; it costs this one connection. */
    if (!machine_move(&s->machine, next)) {
        s->machine.current = SESSION_ENDED;
    }
}

static struct session *session_new(bool server, enum session_state first)
{
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->server = server;
    machine_init(&s->machine, states, sizeof states / sizeof states[0], first);
    buffer_init(&s->in, SESSION_PLAIN_MAX);
    buffer_init(&s->out, SESSION_OUTPUT_MAX + SESSION_OUTPUT_MAX / 64);
    buffer_init(&s->plain, SESSION_PLAIN_MAX);
    buffer_init(&s->frames, SESSION_OUTPUT_MAX);
    return s;
}

struct session *session_new_server(void)
{
    return session_new(true, SESSION_SNIFFING);
}

d2k_result session_new_client(struct tls_policy *policy, const char *server_name,
                              struct session **ret_session, struct error *err)
{
    struct session *s = session_new(false, policy == NULL ? SESSION_OPEN : SESSION_HANDSHAKING);
    if (s == NULL) {
        return error_no_memory(err);
    }
    if (policy != NULL) {
        d2k_result rc =
            tls_connection_new_client(policy, server_name, &s->in, &s->out, &s->tls, err);
        if (rc != D2K_OK) {
            session_free(s);
            return rc;
        }
        s->policy = tls_policy_ref(policy);
    }
    *ret_session = s;
    return D2K_OK;
}

void session_resume(struct session *s, const char *peer)
{
    if (s->tls != NULL) {
        tls_connection_resume(s->tls, peer);
    }
}

void session_free(struct session *s)
{
    if (s == NULL) {
        return;
    }
    tls_connection_free(s->tls);
    tls_policy_unref(s->policy);
    buffer_free(&s->in);
    buffer_free(&s->out);
    buffer_erase(&s->plain);
    buffer_erase(&s->frames);
    free(s);
}

enum session_state session_state(const struct session *s)
{
    return (enum session_state)s->machine.current;
}

const char *session_state_name(const struct session *s)
{
    return machine_state_name(&s->machine);
}

/* ---- bytes ---- */

static size_t input_limit(const struct session *s)
{
    switch (session_state(s)) {
    case SESSION_SNIFFING:
    case SESSION_NEEDS_TLS:
    case SESSION_HANDSHAKING:
    case SESSION_UNVERIFIED:
        return SESSION_INPUT_MAX_OPENING;
    case SESSION_OPEN:
        return s->tls != NULL ? SESSION_INPUT_MAX_OPENING + PLAIN_AT_ONCE : SESSION_PLAIN_MAX;
    case SESSION_CLOSING:
    case SESSION_ENDED:
        break;
    }
    return 0;
}

uint8_t *session_input(struct session *s, size_t wanted, size_t *ret_size)
{
    size_t limit = input_limit(s);
    size_t waiting = buffer_size(&s->in);
    if (waiting >= limit) {
        return NULL;
    }
    if (wanted > limit - waiting) {
        wanted = limit - waiting;
    }
    uint8_t *room = buffer_reserve(&s->in, wanted);
    *ret_size = room == NULL ? 0 : wanted;
    return room;
}

void session_received(struct session *s, size_t size)
{
    buffer_added(&s->in, size);
}

static d2k_result sniff(struct session *s, struct error *err)
{
    const uint8_t *at = buffer_data(&s->in);
    size_t size = buffer_size(&s->in);
    if (size == 0) {
        return D2K_OK;
    }
    if (at[0] == TLS_RECORD_HANDSHAKE) {
        if (size >= 2 && at[1] != TLS_RECORD_MAJOR) {
            return error_set(err, D2K_PROTOCOL,
                             "the first bytes look like TLS but are of no known version");
        }
        if (size >= 2) {
            session_move(s, SESSION_NEEDS_TLS);
        }
        return D2K_OK;
    }
    size_t known = size < WIRE_PREFACE_SIZE ? size : WIRE_PREFACE_SIZE;
    if (memcmp(at, WIRE_PREFACE, known) != 0) {
        return error_set(err, D2K_PROTOCOL, "the first bytes are neither TLS nor the d2k protocol");
    }
    if (known == WIRE_PREFACE_SIZE) {
        buffer_consume(&s->in, WIRE_PREFACE_SIZE);
        s->preface_received = true;
        session_move(s, SESSION_OPEN);
    }
    return D2K_OK;
}

static d2k_result refusal_to_result(const struct wire_message *message, struct error *err)
{
    d2k_result rc = D2K_REFUSED;
    if (message->as.refuse.code == WIRE_CODE_NO_TLS) {
        rc = D2K_NO_TLS;
    } else if (message->as.refuse.code == WIRE_CODE_TLS_REQUIRED) {
        rc = D2K_TLS_REQUIRED;
    }
    return error_set(err, rc, "%.*s", (int)message->as.refuse.sentence.size,
                     message->as.refuse.sentence.data);
}

/* A kernel that cannot speak TLS says so in plain. We look before OpenSSL does, and believe nothing
 * but a Refuse: these bytes are not protected, so all they can do is end the attempt. */
static d2k_result look_for_plain_refusal(struct session *s, bool *ret_waiting, struct error *err)
{
    const uint8_t *at = buffer_data(&s->in);
    size_t size = buffer_size(&s->in);
    size_t known = size < WIRE_PREFACE_SIZE ? size : WIRE_PREFACE_SIZE;
    *ret_waiting = false;
    if (s->preface_received || known == 0 || memcmp(at, WIRE_PREFACE, known) != 0) {
        s->preface_received = known > 0; /* it is TLS: do not look again */
        return D2K_OK;
    }
    *ret_waiting = true;
    if (size <= WIRE_PREFACE_SIZE) {
        return D2K_OK;
    }
    struct wire_message message;
    uint16_t code;
    size_t taken;
    switch (wire_decode(at + WIRE_PREFACE_SIZE, size - WIRE_PREFACE_SIZE,
                        WIRE_LENGTH_MAX_UNREGISTERED, &message, &taken, &code, err)) {
    case WIRE_INCOMPLETE:
        return D2K_OK;
    case WIRE_DECODED:
        if (message.type == WIRE_REFUSE) {
            return refusal_to_result(&message, err);
        }
        break;
    case WIRE_SKIPPED:
    case WIRE_BROKEN:
        break;
    }
    return error_set(err, D2K_PROTOCOL,
                     "the kernel answered TLS with plain bytes that are no refusal");
}

/* It costs nothing: the flight with the signature answers the next ClientHello (RFC 8446, 4.1.3).
 */
static bool is_hello_retry_request(const struct buffer *out)
{
    static const uint8_t random[] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                     0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                     0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                     0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    return buffer_size(out) >= TLS_SERVER_RANDOM_AT + sizeof random &&
           memcmp(buffer_data(out) + TLS_SERVER_RANDOM_AT, random, sizeof random) == 0;
}

static d2k_result handshake(struct session *s, struct error *err)
{
    if (!s->server) {
        bool waiting;
        d2k_result rc = look_for_plain_refusal(s, &waiting, err);
        if (rc != D2K_OK || waiting) {
            return rc;
        }
    }
    d2k_result rc = tls_connection_handshake(s->tls, err);
    if (buffer_size(&s->out) > 0 && !is_hello_retry_request(&s->out)) {
        s->answered_hello = true;
    }
    if (rc == D2K_AGAIN) {
        return D2K_OK;
    }
    if (rc != D2K_OK) {
        return rc;
    }
    s->tls_ready = true;
    s->preface_received = false; /* of the stream inside TLS */
    session_move(s, s->server ? SESSION_OPEN : SESSION_UNVERIFIED);
    return D2K_OK;
}

d2k_result session_advance(struct session *s, struct error *err)
{
    if (session_state(s) == SESSION_SNIFFING) {
        return sniff(s, err);
    }
    if (session_state(s) == SESSION_HANDSHAKING) {
        return handshake(s, err);
    }
    return D2K_OK;
}

static bool has_whole_record(const struct session *s)
{
    const uint8_t *at = buffer_data(&s->in);
    size_t size = buffer_size(&s->in);
    return size >= TLS_RECORD_HEADER && size >= TLS_RECORD_HEADER + ((size_t)at[3] << 8 | at[4]);
}

/* Of a ClientHello in several records OpenSSL may have taken half a record already, so any byte may
 * be the one that completes it. */
bool session_is_expensive(const struct session *s)
{
    if (!s->server || s->answered_hello) {
        return false;
    }
    enum session_state state = session_state(s);
    return (state == SESSION_NEEDS_TLS && has_whole_record(s)) ||
           (state == SESSION_HANDSHAKING && buffer_size(&s->in) > 0);
}

d2k_result session_start_tls(struct session *s, struct tls_policy *policy, struct error *err)
{
    if (session_state(s) != SESSION_NEEDS_TLS) {
        return error_set(err, D2K_STATE, "TLS cannot start while %s", session_state_name(s));
    }
    d2k_result rc = tls_connection_new_server(policy, &s->in, &s->out, &s->tls, err);
    if (rc != D2K_OK) {
        return rc;
    }
    s->policy = tls_policy_ref(policy);
    session_move(s, SESSION_HANDSHAKING);
    return D2K_OK;
}

d2k_result session_verify(struct session *s, char *ret_warning, size_t warning_size,
                          struct error *err)
{
    if (session_state(s) != SESSION_UNVERIFIED) {
        return error_set(err, D2K_STATE, "nothing to verify while %s", session_state_name(s));
    }
    d2k_result rc = tls_connection_verify(s->tls, &s->verified, ret_warning, warning_size, err);
    session_move(s, SESSION_OPEN);
    if (rc != D2K_OK) {
        session_end(s, WIRE_BYE, WIRE_CODE_NOT_TRUSTED, 0,
                    err->text[0] != '\0' ? err->text : "the kernel's certificate is not trusted");
    }
    return rc;
}

/* ---- output ---- */

static d2k_result flush(struct session *s)
{
    if (s->tls == NULL || buffer_size(&s->frames) == 0) {
        return D2K_OK;
    }
    struct error err = {0};
    d2k_result rc =
        tls_connection_write(s->tls, buffer_data(&s->frames), buffer_size(&s->frames), &err);
    buffer_reset(&s->frames);
    return rc;
}

struct slice session_output(struct session *s)
{
    if (session_state(s) == SESSION_OPEN && flush(s) != D2K_OK) {
        session_move(
            s, SESSION_ENDED); /* half a record may stand in `out`: nothing more can be said */
    }
    return (struct slice){(const char *)buffer_data(&s->out), buffer_size(&s->out)};
}

void session_written(struct session *s, size_t size)
{
    buffer_consume(&s->out, size);
    if (session_state(s) == SESSION_CLOSING && session_unsent(s) == 0) {
        session_move(s, SESSION_ENDED);
    }
}

size_t session_unsent(const struct session *s)
{
    return buffer_size(&s->out) + buffer_size(&s->frames);
}

void session_trim(struct session *s)
{
    buffer_trim(&s->in);
    buffer_trim(&s->out);
    buffer_trim(&s->frames);
    if (s->taken == 0) {
        buffer_trim(&s->plain);
    }
}

/* ---- messages ---- */

void session_set_registered(struct session *s)
{
    s->registered = true;
}

static struct buffer *received(struct session *s)
{
    return s->tls != NULL ? &s->plain : &s->in;
}

static d2k_result take_preface(struct session *s, uint16_t *ret_code, struct error *err)
{
    struct buffer *b = received(s);
    size_t size = buffer_size(b);
    size_t known = size < WIRE_PREFACE_SIZE ? size : WIRE_PREFACE_SIZE;
    if (known > 0 && memcmp(buffer_data(b), WIRE_PREFACE, known) != 0) {
        *ret_code = WIRE_CODE_PROTOCOL;
        return error_set(err, D2K_PROTOCOL,
                         "the stream does not begin with the preface of the d2k protocol");
    }
    if (known < WIRE_PREFACE_SIZE) {
        return D2K_AGAIN;
    }
    buffer_consume(b, WIRE_PREFACE_SIZE);
    s->preface_received = true;
    return D2K_OK;
}

/* Whether this message may come from that side in this state (the table of wire/message.h). */
static d2k_result check_allowed(const struct session *s, const struct wire_message *message,
                                uint16_t *ret_code, struct error *err)
{
    const struct wire_type_info *info = wire_type_info(message->type);
    enum wire_from from = s->server ? WIRE_FROM_C : WIRE_FROM_K;
    enum wire_state state = s->registered ? WIRE_STATE_REGISTERED : WIRE_STATE_OPENING;
    if (info != NULL && (info->from & from) != 0 && (info->state & state) != 0) {
        return D2K_OK;
    }
    *ret_code = WIRE_CODE_PROTOCOL;
    return error_set(err, D2K_PROTOCOL, "message %s is not allowed from a %s %s registration",
                     info != NULL ? info->name : "?", s->server ? "client" : "kernel",
                     s->registered ? "after" : "before");
}

/* Shows the first complete message among the received bytes; D2K_AGAIN with *ret_wanted bytes
 * needed in all. */
static d2k_result decode(struct session *s, struct wire_message *ret_message, size_t *ret_wanted,
                         uint16_t *ret_code, struct error *err)
{
    struct buffer *b = received(s);
    uint32_t limit = s->registered ? WIRE_LENGTH_MAX : WIRE_LENGTH_MAX_UNREGISTERED;
    for (;;) {
        size_t size = 0;
        *ret_wanted = WIRE_HEADER_SIZE;
        if (buffer_size(b) == 0) {
            return D2K_AGAIN;
        }
        switch (
            wire_decode(buffer_data(b), buffer_size(b), limit, ret_message, &size, ret_code, err)) {
        case WIRE_DECODED:
            s->taken = size;
            s->frames_received++;
            return check_allowed(s, ret_message, ret_code, err);
        case WIRE_SKIPPED:
            s->frames_received++;
            buffer_consume(b, size);
            break;
        case WIRE_INCOMPLETE:
            *ret_wanted = size;
            return D2K_AGAIN;
        case WIRE_BROKEN:
            return D2K_PROTOCOL;
        }
    }
}

/* Decrypts more; *ret_more: something was added. */
static d2k_result pull(struct session *s, size_t wanted, bool *ret_more, struct error *err)
{
    size_t before = buffer_size(&s->plain);
    *ret_more = false;
    if (s->tls == NULL) {
        return D2K_OK;
    }
    size_t enough = wanted > PLAIN_AT_ONCE ? wanted : PLAIN_AT_ONCE;
    d2k_result rc = tls_connection_read(s->tls, &s->plain, enough, err);
    *ret_more = buffer_size(&s->plain) > before;
    /* What arrived before the end is still delivered; the end shows again at the next call. */
    return *ret_more ? D2K_OK : rc;
}

d2k_result session_hear(struct session *s, bool *ret_heard, struct error *err)
{
    bool more;
    d2k_result rc = pull(s, WIRE_HEADER_SIZE, &more, err);
    *ret_heard = buffer_size(received(s)) > 0;
    return *ret_heard ? D2K_OK : rc;
}

d2k_result session_next(struct session *s, struct wire_message *ret_message, uint16_t *ret_code,
                        struct error *err)
{
    *ret_code = WIRE_CODE_PROTOCOL;
    if (session_state(s) != SESSION_OPEN) {
        return D2K_AGAIN;
    }
    buffer_consume(received(s), s->taken);
    s->taken = 0;
    for (;;) {
        size_t wanted = WIRE_HEADER_SIZE;
        d2k_result rc = s->preface_received ? D2K_OK : take_preface(s, ret_code, err);
        if (rc == D2K_OK) {
            rc = decode(s, ret_message, &wanted, ret_code, err);
        }
        if (rc != D2K_AGAIN) {
            return rc;
        }
        bool more;
        rc = pull(s, wanted, &more, err);
        if (rc != D2K_OK || !more) {
            return rc == D2K_OK ? D2K_AGAIN : rc;
        }
    }
}

struct buffer *session_frames(struct session *s)
{
    if (session_state(s) != SESSION_OPEN) {
        return NULL;
    }
    struct buffer *b = s->tls != NULL ? &s->frames : &s->out;
    if (!s->preface_sent) {
        buffer_put(b, WIRE_PREFACE, WIRE_PREFACE_SIZE);
        s->preface_sent = true;
    }
    return b;
}

d2k_result session_send(struct session *s, const struct wire_message *message)
{
    struct buffer *b = session_frames(s);
    if (b == NULL) {
        return D2K_STATE;
    }
    if (session_unsent(s) > SESSION_OUTPUT_MAX) {
        return D2K_NO_MEMORY;
    }
    return wire_encode(b, message);
}

static struct slice sentence_of(const char *text)
{
    struct slice s = slice_of(text);
    s.size = text_prefix_of_bytes(s, WIRE_SENTENCE_MAX);
    return s;
}

void session_end(struct session *s, uint16_t type, uint16_t code, uint32_t retry_after_ms,
                 const char *sentence)
{
    enum session_state state = session_state(s);
    if (state == SESSION_CLOSING || state == SESSION_ENDED) {
        return;
    }
    struct wire_message message = {.type = type};
    message.as.bye.code = code; /* Refuse and Bye have the same fields */
    message.as.bye.retry_after_ms = retry_after_ms;
    message.as.bye.sentence = sentence_of(sentence);
    if (state == SESSION_SNIFFING || state == SESSION_NEEDS_TLS) {
        buffer_put(&s->out, WIRE_PREFACE, WIRE_PREFACE_SIZE);
        if (wire_encode(&s->out, &message) != D2K_OK) {
            buffer_reset(&s->out);
        }
    } else if (state == SESSION_OPEN && session_send(s, &message) == D2K_OK && flush(s) == D2K_OK &&
               s->tls != NULL) {
        tls_connection_close_notify(s->tls);
    }
    session_move(s, SESSION_CLOSING);
}

/* ---- facts ---- */

const char *session_tls_version(const struct session *s)
{
    return session_is_tls(s) ? tls_connection_version(s->tls) : "";
}

const char *session_tls_cipher(const struct session *s)
{
    return session_is_tls(s) ? tls_connection_cipher(s->tls) : "";
}

bool session_is_tls(const struct session *s)
{
    return s->tls_ready;
}

bool session_verified(const struct session *s)
{
    return s->verified;
}

bool session_resumed(const struct session *s)
{
    return session_is_tls(s) && tls_connection_resumed(s->tls);
}

uint64_t session_generation(const struct session *s)
{
    return s->policy != NULL ? tls_policy_generation(s->policy) : 0;
}

uint64_t session_frames_received(const struct session *s)
{
    return s->frames_received;
}
