/* tls/pins.h: the set of certificates that are trusted, by digest (internal to src/tls).
 *
 * Not an X509_STORE: the documented recipe makes an X.509 v1 certificate, which OpenSSL takes for a
 * CA, so a store would accept whatever that key signs. */
#ifndef D2K_TLS_PINS_H
#define D2K_TLS_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "tls/policy.h"

struct tls_pins {
    uint8_t (*digests)[TLS_DIGEST_SIZE]; /* sorted after tls_pins_sort() */
    size_t count;
};

/* D2K_NO_MEMORY. */
d2k_result tls_pins_add(struct tls_pins *pins, const uint8_t digest[TLS_DIGEST_SIZE],
                        struct error *err) D2K_MUST_CHECK;
/* Adds all of `more`. D2K_NO_MEMORY. */
d2k_result tls_pins_add_all(struct tls_pins *pins, const struct tls_pins *more,
                            struct error *err) D2K_MUST_CHECK;
/* Sorts and drops doubles; to be called after the last tls_pins_add(). */
void tls_pins_sort(struct tls_pins *pins);
/* Only after tls_pins_sort(). */
bool tls_pins_has(const struct tls_pins *pins, const uint8_t digest[TLS_DIGEST_SIZE]);
/* Frees the digests; the set is empty then. */
void tls_pins_clear(struct tls_pins *pins);

#endif
