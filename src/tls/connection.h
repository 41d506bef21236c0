/* tls/connection.h: TLS over two buffers; knows no socket and never blocks.
 *
 * Bytes of the peer are put into `in`, bytes for the peer appear in `out` (ciphertext both), before
 * and after the handshake alike, through a BIO_METHOD of our own. One thread at a time; the
 * connection may move between threads. */
#ifndef D2K_TLS_CONNECTION_H
#define D2K_TLS_CONNECTION_H

#include "base/buffer.h"
#include "base/error.h"
#include "tls/certificate.h"
#include "tls/policy.h"

/* Messages that carry no data (KeyUpdate, tickets, alerts) cost us work and the peer nothing. */
#define TLS_CONTROL_MESSAGES_IN_A_ROW_MAX 64u
#define TLS_CONTROL_MESSAGES_A_MINUTE_MAX 1000u

struct tls_connection;

/* Keeps a reference to the policy and the two buffers, which must outlive it. The policy must have
 * TLS_POLICY_ON (server) or belong to a client keeper. D2K_NO_MEMORY, D2K_TLS. */
d2k_result tls_connection_new_server(struct tls_policy *policy, struct buffer *in,
                                     struct buffer *out, struct tls_connection **ret_connection,
                                     struct error *err) D2K_MUST_CHECK;
/* `server_name` is sent as SNI when it is a host name (NULL: none). */
d2k_result tls_connection_new_client(struct tls_policy *policy, const char *server_name,
                                     struct buffer *in, struct buffer *out,
                                     struct tls_connection **ret_connection,
                                     struct error *err) D2K_MUST_CHECK;
/* Client, before the handshake: offers the session of an earlier connection to `peer` ("host:port")
 * under the same policy, and remembers the one that this connection is given. Without one the
 * handshake is a full one; so it is when the kernel no longer takes it. */
void tls_connection_resume(struct tls_connection *connection, const char *peer);
/* NULL is allowed. */
void tls_connection_free(struct tls_connection *connection);

/* Goes as far as the bytes in `in` allow; this is the expensive call (a signature). D2K_OK:
 * finished, version and ALPN are checked; D2K_AGAIN: more bytes are needed; D2K_TLS: failed, err
 * says why in words for an administrator (no common version, peer's alert with its name, ALPN
 * missing...); an alert may stand in `out`. Bytes that the peer sent after its Finished stay in
 * `in`. */
d2k_result tls_connection_handshake(struct tls_connection *connection,
                                    struct error *err) D2K_MUST_CHECK;

/* Client, after the handshake: at TLSPeerAuth the SHA-256 of the presented leaf must be in the
 * list; at every level the date policy is applied to a listed certificate. *ret_verified: it was
 * required and passed. D2K_NOT_VERIFIED with subject and SHA-256 of what was presented and the
 * number of listed certificates. *ret_warning (text, may be empty) is to be logged. */
d2k_result tls_connection_verify(struct tls_connection *connection, bool *ret_verified,
                                 char *ret_warning, size_t warning_size,
                                 struct error *err) D2K_MUST_CHECK;

/* Decrypts what is in `in` and appends it to `plain`, as long as `plain` has less than `enough`
 * bytes. D2K_OK: something was added or nothing is there; D2K_CLOSED: close_notify was received and
 * all that came before it has been told by earlier calls; D2K_TLS: broken (also when the peer
 * floods us with KeyUpdates or other messages without data); D2K_NO_MEMORY: no room in `plain`. */
d2k_result tls_connection_read(struct tls_connection *connection, struct buffer *plain,
                               size_t enough, struct error *err) D2K_MUST_CHECK;

/* Encrypts all bytes into `out`, in records as large as possible. D2K_LIMIT: they do not fit below
 * the buffer's max_size, nothing was written; D2K_TLS, D2K_NO_MEMORY. */
d2k_result tls_connection_write(struct tls_connection *connection, const void *bytes, size_t size,
                                struct error *err) D2K_MUST_CHECK;

/* Puts close_notify into `out`; nothing may be written after it. */
void tls_connection_close_notify(struct tls_connection *connection);

/* "TLSv1.3", after the handshake; static. */
const char *tls_connection_version(const struct tls_connection *connection);
/* "TLS_AES_128_GCM_SHA256"; static. */
const char *tls_connection_cipher(const struct tls_connection *connection);
bool tls_connection_resumed(const struct tls_connection *connection);

/* SHA-256 of the peer's certificate; false when it sent none. */
bool tls_connection_peer_digest(const struct tls_connection *connection,
                                uint8_t ret_digest[TLS_DIGEST_SIZE]);

/* Client, after the handshake: what the kernel presented, its own certificate first, then the chain
 * as it was sent. *ret_infos is malloc'ed, the caller's. D2K_TLS (none), D2K_NO_MEMORY. */
d2k_result tls_connection_peer_certificates(const struct tls_connection *connection,
                                            struct tls_certificate_info **ret_infos,
                                            size_t *ret_count, struct error *err) D2K_MUST_CHECK;

#endif
