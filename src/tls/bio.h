/* tls/bio.h: lets OpenSSL read from and write to a link's own two buffers (internal to src/tls).
 *
 * BIO_s_mem would keep a third copy of the bytes and 3.3 KiB more for every idle link. */
#ifndef D2K_TLS_BIO_H
#define D2K_TLS_BIO_H

#include <stdbool.h>

#include <openssl/bio.h>

#include "base/buffer.h"

/* What one BIO works on; it and the buffers must outlive the BIO. */
struct tls_bio_ends {
    struct buffer *in, *out;
    bool stopped; /* reading fails from now on, without "try again" */
};

/* One method serves all connections of a policy and must outlive them; free with BIO_meth_free().
 * NULL: out of memory. */
BIO_METHOD *tls_bio_method_new(void);

/* NULL: out of memory. */
BIO *tls_bio_new(const BIO_METHOD *method, struct tls_bio_ends *ends);

#endif
