/* tls/resumption.h: a returning client is known again, without a signature, but never longer than
 * what it was trusted for (internal to src/tls).
 *
 * TLS 1.3 tickets only, one a handshake. What makes them safe:
 *  - a ticket is worth something only under the policy that it was given under: a new policy has
 * new ticket keys on the kernel's side and an empty store on the client's, and the generation
 * stands in the ticket too;
 *  - its age counts from the full handshake that it descends from, however often it was renewed
 *    (OpenSSL restarts the time of a session at each renewal, so ours travels in the ticket);
 *  - the client checks the certificate of a resumed kernel against its list like any other. */
#ifndef D2K_TLS_RESUMPTION_H
#define D2K_TLS_RESUMPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/error.h"
#include "tls/policy.h"

/* Since the full handshake; then another full one is due. */
#define TLS_SESSION_AGE_MAX_MS (UINT64_C(12) * 60 * 60 * 1000)

/* Servers that a client remembers under one policy; the one used longest ago makes room. */
#define TLS_SESSIONS_MAX 16u
/* Bytes of the name that a server is remembered by; a longer one is not remembered. */
#define TLS_SESSION_PEER_MAX 320u

/* What travels inside the (encrypted) ticket. */
#define TLS_TICKET_DATA_SIZE 16u
void tls_ticket_data_put(uint8_t ret_data[TLS_TICKET_DATA_SIZE], uint64_t generation,
                         uint64_t born_ms);
/* Whether a ticket may be used now; false for data of any other size. */
bool tls_ticket_is_good(const void *data, size_t size, uint64_t generation, uint64_t now_ms);

/* Makes a kernel's context give and take tickets; it finds the policy of each connection with
 * tls_policy_of_ssl(). D2K_TLS. */
d2k_result tls_resumption_serve(SSL_CTX *context, struct error *err) D2K_MUST_CHECK;
/* Called with each ClientHello: TLS 1.2 gets no tickets. */
void tls_resumption_look_at_hello(SSL *ssl);

/* Makes a client's context hand new sessions over to tls_sessions_keep(). */
void tls_resumption_use(SSL_CTX *context);

/* ---- what a client remembers; any thread ---- */

struct tls_sessions;

/* NULL: out of memory. */
struct tls_sessions *tls_sessions_new(void);
void tls_sessions_free(struct tls_sessions *sessions); /* NULL is allowed */
/* Remembers the newest session of a peer; takes it over (also when it is not remembered). */
void tls_sessions_keep(struct tls_sessions *sessions, const char *peer, SSL_SESSION *session);
/* Takes the session of a peer out of the store, since a ticket is used once. NULL: none; else the
 * caller's (SSL_SESSION_free). */
SSL_SESSION *tls_sessions_take(struct tls_sessions *sessions, const char *peer);

#endif
