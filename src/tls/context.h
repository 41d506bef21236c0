/* tls/context.h: SSL_CTX as d2k wants them (internal to src/tls). */
#ifndef D2K_TLS_CONTEXT_H
#define D2K_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "base/error.h"
#include "registry/settings.h"
#include "tls/identity.h"

/* Most bytes of certificates that a peer may present. */
#define TLS_PEER_CHAIN_MAX (64 * 1024)

/* The context is the caller's (SSL_CTX_free). D2K_TLS, D2K_NO_MEMORY, D2K_FILE (the certificate
 * does not satisfy OpenSSL's security level). */
d2k_result tls_context_new_server(enum tls_min_version min_version,
                                  const struct tls_identity *identity, SSL_CTX **ret_context,
                                  struct error *err) D2K_MUST_CHECK;
d2k_result tls_context_new_client(enum tls_min_version min_version, SSL_CTX **ret_context,
                                  struct error *err) D2K_MUST_CHECK;

#endif
