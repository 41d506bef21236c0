/* tls/certificate.h: certificates and keys in files, as d2k-certs, d2k-registry check and the
 * policies need them. PEM and DER; any thread. */
#ifndef D2K_TLS_CERTIFICATE_H
#define D2K_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "tls/policy.h"

#define TLS_CERTIFICATE_FILE_MAX (1024u * 1024u) /* bytes */
#define TLS_CERTIFICATES_MAX     256u            /* in one file */

/* What a person wants to know of a certificate; all text is terminated. */
struct tls_certificate_info {
    char subject[512]; /* RFC 2253, escaped */
    char issuer[512];
    char alt_names[1024];          /* "DNS:plant-1, IP:10.0.0.5"; empty: none */
    char algorithm[64];            /* "RSA 4096", "EC P-256", "Ed25519" */
    int version;                   /* 1 or 3 */
    bool is_ca;                    /* OpenSSL would take it for a CA: v1, or CA:TRUE */
    int64_t not_before, not_after; /* seconds since 1970 */
    char not_before_text[24], not_after_text[24]; /* "2026-11-23 12:00:00", UTC */
    int days_left;                                /* negative: expired that many days ago */
    uint8_t digest[TLS_DIGEST_SIZE];
    char digest_hex[2 * TLS_DIGEST_SIZE + 1];
    char weakness[128]; /* why kernels and clients refuse its key; empty: they do not */
};

/* All certificates of a file, in order. D2K_FILE with the path and what is wrong (missing,
 * unreadable, too large, empty, no certificate in it, damaged at line n); *ret_infos is malloc'ed,
 * the caller's to free. */
d2k_result tls_certificates_read(const char *path, struct tls_certificate_info **ret_infos,
                                 size_t *ret_count, struct error *err) D2K_MUST_CHECK;

/* Everything that the kernel would refuse: files readable, key not encrypted, key matches the
 * certificate, permissions of the key (0600, or 0640 owned by root). key_path NULL: same file.
 * D2K_FILE. */
d2k_result tls_identity_check(const char *cert_path, const char *key_path,
                              struct error *err) D2K_MUST_CHECK;

struct tls_new_identity {
    const char *common_name;
    const char *const *names; /* SAN: host names and IP addresses, NULL-terminated */
    unsigned days;            /* of validity; a request has none */
    unsigned rsa_bits;        /* 2048, 3072 or 4096; 0: a P-256 key */
};

/* key_path may be cert_path: one PEM then holds both. Makes a key and a self-signed v3
 * certificate (CA:FALSE, serverAuth, digitalSignature, SAN) and writes both, key with mode 0600.
 * D2K_EXISTS when one of the files is there and not `overwrite`; D2K_FILE, D2K_ARGUMENT, D2K_TLS.
 */
d2k_result tls_identity_new(const struct tls_new_identity *what, const char *cert_path,
                            const char *key_path, bool overwrite, struct error *err) D2K_MUST_CHECK;

/* Makes a key and a certificate signing request (PKCS #10, PEM) for it, with the same extensions,
 * for a CA to sign. The two paths must differ. Errors as above. */
d2k_result tls_request_new(const struct tls_new_identity *what, const char *request_path,
                           const char *key_path, bool overwrite, struct error *err) D2K_MUST_CHECK;

#endif
