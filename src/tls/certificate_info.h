/* tls/certificate_info.h: facts of certificates that are in memory (internal to src/tls). */
#ifndef D2K_TLS_CERTIFICATE_INFO_H
#define D2K_TLS_CERTIFICATE_INFO_H

#include <openssl/x509.h>

#include "tls/certificate.h"

/* Of all certificates, in order; there is at least one. `source` stands in error texts.
 * *ret_infos is malloc'ed, the caller's. D2K_FILE, D2K_TLS, D2K_NO_MEMORY. */
d2k_result tls_certificate_infos(const char *source, STACK_OF(X509) * certificates,
                                 struct tls_certificate_info **ret_infos,
                                 struct error *err) D2K_MUST_CHECK;

#endif
