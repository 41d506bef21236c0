/* tls/x509_text.h: facts of one certificate or key, for people (internal to src/tls). */
#ifndef D2K_TLS_X509_TEXT_H
#define D2K_TLS_X509_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#include "tls/policy.h"

/* All return terminated text, cut to size, safe for a log. */
void tls_x509_subject(const X509 *certificate, char *ret, size_t size);
void tls_x509_issuer(const X509 *certificate, char *ret, size_t size);
void tls_x509_alt_names(const X509 *certificate, char *ret, size_t size); /* "": none */
/* "RSA 4096", "EC P-256", "Ed25519"; OpenSSL's own name of any other. */
void tls_key_algorithm(const EVP_PKEY *key, char *ret, size_t size);

/* Seconds since 1970; false when OpenSSL cannot read the time. */
bool tls_x509_time(const ASN1_TIME *when, int64_t *ret_seconds);
/* "2026-11-23 12:00:00" (UTC). */
void tls_time_text(int64_t seconds, char *ret, size_t size);

/* False: outside its dates; *ret_trouble: "has expired on 2026-11-23 12:00:00 UTC". */
bool tls_x509_dates_are_good(const X509 *certificate, time_t now, char *ret_trouble, size_t size);

/* SHA-256 of the DER. */
bool tls_x509_digest(const X509 *certificate, uint8_t ret_digest[TLS_DIGEST_SIZE]);

#endif
