/* programs/certs/probe.h: looks at a running kernel from outside, as a client would that begins a
 * TLS handshake; goes away before it registers. */
#ifndef D2K_PROGRAMS_CERTS_PROBE_H
#define D2K_PROGRAMS_CERTS_PROBE_H

#include "base/error.h"
#include "os/socket.h"
#include "programs/certs/target.h"
#include "tls/certificate.h"

#define CERTS_PROBE_TIMEOUT_MS 10000u /* connection and handshake together */

struct certs_probe {
    char address[OS_ADDRESS_TEXT_MAX]; /* that answered */
    char tls_version[16];              /* "TLSv1.3"; as high as both can */
    char cipher[64];
    struct tls_certificate_info *certificates; /* the kernel's own first */
    size_t count;
};

/* D2K_OK; D2K_NO_TLS: the kernel says that it has none; D2K_RESOLVE, D2K_IO (nobody listens),
 * D2K_TIMEOUT, D2K_CLOSED, D2K_TLS (also: no d2k kernel), D2K_REFUSED, D2K_NO_MEMORY. Free with
 * certs_probe_free() after D2K_OK. */
d2k_result certs_probe_kernel(const struct certs_target *target, struct certs_probe *ret_probe,
                              struct error *err) D2K_MUST_CHECK;
void certs_probe_free(struct certs_probe *probe);

#endif
