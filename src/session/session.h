/* session/session.h: one connection's life, from its first byte to its end, without I/O.
 *
 * Bytes, messages and time go in; bytes, messages and the next deadline come out. The same code
 * serves kernel and client. A session is used by one thread at a time and may move between threads
 * (a kernel's worker does the handshake and hands the session, with all bytes already read, to the
 * plant thread). */
#ifndef D2K_SESSION_SESSION_H
#define D2K_SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "tls/policy.h"
#include "wire/message.h"

/* Bytes of a peer that may wait undecrypted before the handshake is through (a ClientHello, a
 * Finished and the messages sent with it), and afterwards per read. */
#define SESSION_INPUT_MAX_OPENING (64u * 1024u)
/* Decrypted bytes that may wait: one frame of the largest size and what came with it. */
#define SESSION_PLAIN_MAX (WIRE_LENGTH_MAX + 256u * 1024u)
/* Bytes for a peer that may wait: past it the link is ended with LIMIT. */
#define SESSION_OUTPUT_MAX (64u * 1024u * 1024u)

enum session_state {
    SESSION_SNIFFING,  /* kernel: waiting for the first bytes */
    SESSION_NEEDS_TLS, /* kernel: a ClientHello has begun; call session_start_tls() */
    SESSION_HANDSHAKING,
    SESSION_UNVERIFIED, /* client: handshake done, session_verify() comes next */
    SESSION_OPEN,       /* messages flow */
    SESSION_CLOSING,    /* our last message is in the output; nothing is received any more */
    SESSION_ENDED,
};

struct session;

/* Kernel side: decides by the first bytes. NULL: out of memory. */
struct session *session_new_server(void);
/* Client side. `policy` NULL: a plain connection; else TLS is started at once (keeps a reference).
 */
d2k_result session_new_client(struct tls_policy *policy, const char *server_name,
                              struct session **ret_session, struct error *err) D2K_MUST_CHECK;
/* Client, before the first session_advance(): see tls_connection_resume(). Does nothing for a plain
 * session. */
void session_resume(struct session *session, const char *peer);
/* NULL is allowed. */
void session_free(struct session *session);

enum session_state session_state(const struct session *session);
const char *session_state_name(const struct session *session);

/* ---- bytes ---- */

/* Room for bytes from the socket; never NULL and *ret_size > 0, except: NULL when the session takes
 * no more now (its limit is reached or it ended). Then session_received() with how many were
 * written. */
uint8_t *session_input(struct session *session, size_t wanted, size_t *ret_size);
void session_received(struct session *session, size_t size);

/* Works on what was received as far as possible: sniffs, does the handshake (expensive), decrypts.
 * D2K_OK; anything else is the reason why this session cannot go on (D2K_PROTOCOL, D2K_TLS,
 * D2K_NO_TLS: client: a plain Refuse came in answer to our ClientHello; D2K_TLS_REQUIRED,
 * D2K_REFUSED likewise; D2K_CLOSED: TLS close_notify): session_end() or free it. */
d2k_result session_advance(struct session *session, struct error *err) D2K_MUST_CHECK;

/* Kernel: whether session_advance() may make the first flight now, with its signature: a whole
 * record is there (SESSION_NEEDS_TLS), or more of a ClientHello that is not complete or has to be
 * sent once more (SESSION_HANDSHAKING). */
bool session_is_expensive(const struct session *session);

/* Kernel, in SESSION_OPEN: decrypts what was received. *ret_heard: the peer's stream has begun, its
 * bytes wait for session_next(). D2K_CLOSED (TLS close_notify), D2K_TLS, D2K_NO_MEMORY: as
 * session_advance(). */
d2k_result session_hear(struct session *session, bool *ret_heard, struct error *err) D2K_MUST_CHECK;

/* Kernel, in SESSION_NEEDS_TLS. Keeps a reference to the policy, which must have TLS_POLICY_ON. */
d2k_result session_start_tls(struct session *session, struct tls_policy *policy,
                             struct error *err) D2K_MUST_CHECK;

/* Client, in SESSION_UNVERIFIED: the pin check. On D2K_NOT_VERIFIED a Bye(NOT_TRUSTED) stands in
 * the output and the session is SESSION_CLOSING. See tls_connection_verify(). */
d2k_result session_verify(struct session *session, char *ret_warning, size_t warning_size,
                          struct error *err) D2K_MUST_CHECK;

/* Encrypts what was sent since the last flush and shows all bytes for the socket; {NULL, 0}: none.
 */
struct slice session_output(struct session *session);
/* So many of them were taken by the socket. */
void session_written(struct session *session, size_t size);
/* Bytes that wait for the socket, encrypted or not (cheap). */
size_t session_unsent(const struct session *session);
/* Gives memory back when nothing waits. Call when the connection has become idle. */
void session_trim(struct session *session);

/* ---- messages (SESSION_OPEN) ---- */

/* Raises the limit of frame sizes once the link is registered. */
void session_set_registered(struct session *session);

/* The next message: D2K_OK, D2K_AGAIN: none is complete; D2K_PROTOCOL: end the session with
 * *ret_code. Slices hold until the next call of session_next() or session_input(). */
d2k_result session_next(struct session *session, struct wire_message *ret_message,
                        uint16_t *ret_code, struct error *err) D2K_MUST_CHECK;

/* Appends a message to the output. D2K_LIMIT (the message), D2K_NO_MEMORY (output full), D2K_STATE.
 */
d2k_result session_send(struct session *session, const struct wire_message *message) D2K_MUST_CHECK;

/* The buffer that frames are appended to by hand (wire_begin); NULL when nothing may be sent. */
struct buffer *session_frames(struct session *session);

/* The last message: Refuse or Bye with a code, a sentence and a time after which trying again makes
 * sense (0: none), then SESSION_CLOSING. In SESSION_NEEDS_TLS and SESSION_SNIFFING it is sent in
 * plain (only NO_TLS, TLS_UNAVAILABLE, TLS_REQUIRED, PROTOCOL, BUSY, LIMIT, SHUTDOWN make sense
 * there); while handshaking nothing is said. Idempotent. */
void session_end(struct session *session, uint16_t type, uint16_t code, uint32_t retry_after_ms,
                 const char *sentence);

/* ---- facts ---- */

/* "TLSv1.3"; "" for a plain session or before the handshake. */
const char *session_tls_version(const struct session *session);
const char *session_tls_cipher(const struct session *session);
bool session_is_tls(const struct session *session);
bool session_verified(const struct session *session);
bool session_resumed(const struct session *session);
uint64_t session_generation(const struct session *session); /* of its policy; 0: plain */
uint64_t session_frames_received(const struct session *session);

#endif
