/* tls/identity.h: who a kernel is: key, certificate and chain (internal to src/tls). */
#ifndef D2K_TLS_IDENTITY_H
#define D2K_TLS_IDENTITY_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/error.h"
#include "os/file.h"
#include "registry/settings.h"

#define TLS_RSA_BITS_MIN 2048

struct tls_identity {
    X509 *leaf;
    STACK_OF(X509) * chain; /* issuers of the leaf in order, without a self-signed root; not NULL */
    EVP_PKEY *key;
    struct os_file_stamp cert_stamp, key_stamp; /* of what was read; also set on failure as far as
                                                   known */
};

/* Reads and checks a pair: permissions of the key, not encrypted, key strong enough and of a kind
 * that we use, certificate that matches it. key_path NULL: the key stands in cert_path. D2K_FILE
 * with the path and what is wrong; D2K_AGAIN: a file changed while it was read; D2K_NO_MEMORY. */
d2k_result tls_identity_load(const char *cert_path, const char *key_path,
                             struct tls_identity *ret_identity, struct error *err) D2K_MUST_CHECK;
/* Frees what it holds; the stamps stay. */
void tls_identity_clear(struct tls_identity *identity);

/* Whether others than the owner (and a group, of a file of root) can read a key with this mode.
 * D2K_FILE with the command that helps. */
d2k_result tls_key_check_permissions(const char *path, const struct os_file_stamp *stamp,
                                     struct error *err) D2K_MUST_CHECK;

/* Whether we use this kind of key, and it is strong enough. D2K_FILE (the text names no file). */
d2k_result tls_key_check_strength(EVP_PKEY *key, struct error *err) D2K_MUST_CHECK;

#endif
