/* tls/load.h: files with certificates and keys, PEM or DER, from memory (internal to src/tls).
 *
 * Never through OpenSSL's own file functions: what is used must be what was stamped, and no
 * function may ask a person for a password. */
#ifndef D2K_TLS_LOAD_H
#define D2K_TLS_LOAD_H

#include <stddef.h>

#include <openssl/x509.h>

#include "base/error.h"
#include "os/file.h"

struct tls_file {
    const char *path; /* the caller's */
    char *data;       /* zero-terminated */
    size_t size;
    /* Of what was read; on failure as it was before the attempt, zero where there is none. */
    struct os_file_stamp stamp;
};

/* D2K_FILE with the path (missing, unreadable, empty, over TLS_CERTIFICATE_FILE_MAX), D2K_AGAIN (it
 * changed while it was read), D2K_NO_MEMORY. */
d2k_result tls_file_read(const char *path, struct tls_file *ret_file,
                         struct error *err) D2K_MUST_CHECK;
/* Overwrites and frees the data; the stamp stays. */
void tls_file_wipe(struct tls_file *file);

/* All certificates, in order; at least one. D2K_FILE with the path (none in it, damaged at line n,
 * over TLS_CERTIFICATES_MAX), D2K_NO_MEMORY. Free with sk_X509_pop_free(c, X509_free). */
d2k_result tls_file_certificates(const struct tls_file *file, STACK_OF(X509) * *ret_certificates,
                                 struct error *err) D2K_MUST_CHECK;

/* The first private key. D2K_FILE with the path (none in it, encrypted, damaged). Free with
 * EVP_PKEY_free(). */
d2k_result tls_file_key(const struct tls_file *file, EVP_PKEY **ret_key,
                        struct error *err) D2K_MUST_CHECK;

#endif
