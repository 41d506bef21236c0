/* tls/policy_internal.h: what a policy is made of, for the files of src/tls only. */
#ifndef D2K_TLS_POLICY_INTERNAL_H
#define D2K_TLS_POLICY_INTERNAL_H

#include <stdatomic.h>

#include <openssl/ssl.h>

#include "tls/pins.h"
#include "tls/policy.h"
#include "tls/resumption.h"

/* Filled by its maker before anyone else sees it, never changed afterwards (but `references`). */
struct tls_policy {
    atomic_uint references;
    uint64_t generation;
    enum tls_level level;
    enum tls_policy_tls tls;
    enum tls_min_version min_version;
    enum tls_cert_dates dates;
    enum tls_resumption resumption;
    BIO_METHOD *bio_method;        /* of all connections; NULL unless TLS_POLICY_ON */
    SSL_CTX *context;              /* NULL unless TLS_POLICY_ON */
    struct tls_pins pins;          /* clients */
    struct tls_sessions *sessions; /* clients: given under this policy; NULL: nothing is resumed */
    /* SHA-256 over all that came from the configuration: equal ones need no new policy. */
    uint8_t fingerprint[TLS_DIGEST_SIZE];
};

/* One reference, TLS_POLICY_OFF, level None, everything else zero. NULL: out of memory. */
struct tls_policy *tls_policy_new(void);

/* After tls_policy_set_context(): lets a kernel give tickets, a client keep sessions. D2K_TLS,
 * D2K_NO_MEMORY. */
d2k_result tls_policy_resume_server(struct tls_policy *policy, struct error *err) D2K_MUST_CHECK;
d2k_result tls_policy_resume_client(struct tls_policy *policy, struct error *err) D2K_MUST_CHECK;

/* Makes it TLS_POLICY_ON with this context, which is taken over (also on failure).
 * D2K_NO_MEMORY. */
d2k_result tls_policy_set_context(struct tls_policy *policy, SSL_CTX *context,
                                  struct error *err) D2K_MUST_CHECK;

#endif
