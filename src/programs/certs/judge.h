/* programs/certs/judge.h: what a client says to a kernel at each level, by the rules of
 * docs/protocol, section 2, and of [TLS_Client]. Compared with real clients by the tests. */
#ifndef D2K_PROGRAMS_CERTS_JUDGE_H
#define D2K_PROGRAMS_CERTS_JUDGE_H

#include <stdbool.h>

#include "programs/certs/probe.h"
#include "registry/settings.h"

#define CERTS_LEVELS 3u

/* A file of the list. */
struct certs_trusted {
    const char *path;                          /* borrowed */
    struct tls_certificate_info *certificates; /* NULL: cannot be read, `trouble` says why */
    size_t count;
    struct error trouble;
};

struct certs_client {
    enum tls_level level;
    enum tls_min_version min_version;
    enum tls_cert_dates dates;
    struct certs_trusted *trusted;
    size_t trusted_count;
};

struct certs_verdict {
    enum tls_level level;
    bool connects, verified;
    bool warns;     /* the client connects and logs a warning */
    char text[512]; /* why */
};

/* `probe` NULL: the kernel said that it has no TLS. */
void certs_judge(const struct certs_client *client, const struct certs_probe *probe,
                 enum tls_level level, struct certs_verdict *ret_verdict);

/* Whether a usable certificate of the list is the kernel's. */
bool certs_is_listed(const struct certs_client *client, const struct tls_certificate_info *info);

/* Certificates of the list that count. */
size_t certs_usable_count(const struct certs_client *client);

/* What becomes of the connection once the kernel's certificate has expired; static. */
const char *certs_after_expiry(const struct certs_client *client, const struct certs_probe *probe);

#endif
