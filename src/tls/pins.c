/* tls/pins.c: a sorted array of digests. */
#include "tls/pins.h"

#include <stdlib.h>
#include <string.h>

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, TLS_DIGEST_SIZE);
}

d2k_result tls_pins_add(struct tls_pins *pins, const uint8_t digest[TLS_DIGEST_SIZE],
                        struct error *err)
{
    uint8_t(*grown)[TLS_DIGEST_SIZE] =
        realloc(pins->digests, (pins->count + 1) * sizeof(*pins->digests));
    if (grown == NULL) {
        return error_no_memory(err);
    }
    memcpy(grown[pins->count], digest, TLS_DIGEST_SIZE);
    pins->digests = grown;
    pins->count++;
    return D2K_OK;
}

d2k_result tls_pins_add_all(struct tls_pins *pins, const struct tls_pins *more, struct error *err)
{
    d2k_result result = D2K_OK;
    for (size_t i = 0; i < more->count && result == D2K_OK; i++) {
        result = tls_pins_add(pins, more->digests[i], err);
    }
    return result;
}

void tls_pins_sort(struct tls_pins *pins)
{
    if (pins->count == 0) {
        return;
    }
    qsort(pins->digests, pins->count, sizeof(*pins->digests), compare_digests);
    size_t kept = 1;
    for (size_t i = 1; i < pins->count; i++) {
        if (compare_digests(pins->digests[i], pins->digests[kept - 1]) != 0) {
            memmove(pins->digests[kept], pins->digests[i], TLS_DIGEST_SIZE);
            kept++;
        }
    }
    pins->count = kept;
}

bool tls_pins_has(const struct tls_pins *pins, const uint8_t digest[TLS_DIGEST_SIZE])
{
    return pins->count > 0 && bsearch(digest, pins->digests, pins->count, sizeof(*pins->digests),
                                      compare_digests) != NULL;
}

void tls_pins_clear(struct tls_pins *pins)
{
    free(pins->digests);
    pins->digests = NULL;
    pins->count = 0;
}
