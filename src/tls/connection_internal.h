/* tls/connection_internal.h: from an SSL back to the connection it belongs to, for callbacks of
 * OpenSSL (internal to src/tls). */
#ifndef D2K_TLS_CONNECTION_INTERNAL_H
#define D2K_TLS_CONNECTION_INTERNAL_H

#include <openssl/ssl.h>

#include "tls/connection.h"
#include "tls/policy.h"

/* The policy that its connection was made from. */
const struct tls_policy *tls_policy_of_ssl(const SSL *ssl);

/* For tests that look at what OpenSSL agreed on. */
SSL *tls_connection_ssl(const struct tls_connection *connection);

/* A client was given a session: remembers a copy if the connection may. 0: it is still OpenSSL's.
 */
int tls_connection_keep_session(SSL *ssl, SSL_SESSION *session);

#endif
