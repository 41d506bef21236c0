/* tls/x509_text.c: certificates in words. */
#include "tls/x509_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/text.h"

#define SECONDS_A_DAY 86400

static void escape_bio(BIO *bio, char *ret, size_t size)
{
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);
    struct slice raw = {data, length > 0 ? (size_t)length : 0};
    (void)text_escape(ret, size, raw);
}

static void name_text(const X509_NAME *name, char *ret, size_t size)
{
    ret[0] = '\0';
    BIO *bio = BIO_new(BIO_s_mem());
    /* RFC 2253 without its escapes of non-ASCII letters: people read this; text_escape() follows.
     */
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, flags) >= 0) {
        escape_bio(bio, ret, size);
    }
    BIO_free(bio);
    if (ret[0] == '\0') {
        (void)text_copy(ret, size, "(no name)");
    }
}

void tls_x509_subject(const X509 *certificate, char *ret, size_t size)
{
    name_text(X509_get_subject_name(certificate), ret, size);
}

void tls_x509_issuer(const X509 *certificate, char *ret, size_t size)
{
    name_text(X509_get_issuer_name(certificate), ret, size);
}

/* GENERAL_NAME_print() says "IP Address:". */
static void print_alt_name(BIO *bio, GENERAL_NAME *name)
{
    int type = 0;
    const ASN1_OCTET_STRING *address = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_IPADD) {
        (void)GENERAL_NAME_print(bio, name);
        return;
    }
    const unsigned char *bytes = ASN1_STRING_get0_data(address);
    int size = ASN1_STRING_length(address);
    (void)BIO_puts(bio, "IP:");
    for (int i = 0; size == 4 && i < size; i++) {
        (void)BIO_printf(bio, "%s%d", i > 0 ? "." : "", bytes[i]);
    }
    for (int i = 0; size == 16 && i < size; i += 2) {
        (void)BIO_printf(bio, "%s%x", i > 0 ? ":" : "", bytes[i] << 8 | bytes[i + 1]);
    }
}

void tls_x509_alt_names(const X509 *certificate, char *ret, size_t size)
{
    ret[0] = '\0';
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    if (names != NULL && bio != NULL) {
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
            if (i > 0) {
                (void)BIO_puts(bio, ", ");
            }
            print_alt_name(bio, sk_GENERAL_NAME_value(names, i));
        }
        escape_bio(bio, ret, size);
    }
    BIO_free(bio);
    GENERAL_NAMES_free(names);
}

static void ec_algorithm(const EVP_PKEY *key, char *ret, size_t size)
{
    char group[64] = "";
    size_t length = 0;
    (void)EVP_PKEY_get_group_name(key, group, sizeof(group), &length);
    const char *nist = EC_curve_nid2nist(OBJ_sn2nid(group));
    (void)snprintf(ret, size, "EC %s", nist != NULL ? nist : group);
}

void tls_key_algorithm(const EVP_PKEY *key, char *ret, size_t size)
{
    if (key == NULL) {
        (void)text_copy(ret, size, "unknown");
    } else if (EVP_PKEY_is_a(key, "RSA")) {
        (void)snprintf(ret, size, "RSA %d", EVP_PKEY_get_bits(key));
    } else if (EVP_PKEY_is_a(key, "EC")) {
        ec_algorithm(key, ret, size);
    } else if (EVP_PKEY_is_a(key, "ED25519")) {
        (void)text_copy(ret, size, "Ed25519");
    } else {
        const char *name = EVP_PKEY_get0_type_name(key);
        (void)snprintf(ret, size, "%s %d", name != NULL ? name : "unknown", EVP_PKEY_get_bits(key));
    }
}

/* Days since 1970 of a date of the Gregorian calendar (years from March, so that the leap day is
 * the last). */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t month_from_march = (month + 9) % 12;
    int64_t leap_days = y / 4 - y / 100 + y / 400;
    return 365 * y + leap_days + (153 * month_from_march + 2) / 5 + day - 1 - 719468;
}

bool tls_x509_time(const ASN1_TIME *when, int64_t *ret_seconds)
{
    struct tm t = {0};
    if (when == NULL || ASN1_TIME_to_tm(when, &t) != 1) {
        return false;
    }
    *ret_seconds = days_since_1970(t.tm_year + 1900, t.tm_mon + 1, t.tm_mday) * SECONDS_A_DAY +
                   t.tm_hour * 3600 + t.tm_min * 60 + t.tm_sec;
    return true;
}

void tls_time_text(int64_t seconds, char *ret, size_t size)
{
    struct tm t = {0};
    time_t when = (time_t)seconds;
    if (OPENSSL_gmtime(&when, &t) == NULL || strftime(ret, size, "%Y-%m-%d %H:%M:%S", &t) == 0) {
        (void)text_copy(ret, size, "?");
    }
}

bool tls_x509_dates_are_good(const X509 *certificate, time_t now, char *ret_trouble, size_t size)
{
    int64_t begin = 0, end = 0;
    char date[24];
    if (!tls_x509_time(X509_get0_notBefore(certificate), &begin) ||
        !tls_x509_time(X509_get0_notAfter(certificate), &end)) {
        (void)text_copy(ret_trouble, size, "has dates that cannot be read");
        return false;
    }
    if (now > end) {
        tls_time_text(end, date, sizeof(date));
        (void)snprintf(ret_trouble, size, "has expired on %s UTC", date);
        return false;
    }
    if (now < begin) {
        tls_time_text(begin, date, sizeof(date));
        (void)snprintf(ret_trouble, size, "is not valid before %s UTC (check the clock)", date);
        return false;
    }
    return true;
}

bool tls_x509_digest(const X509 *certificate, uint8_t ret_digest[TLS_DIGEST_SIZE])
{
    unsigned size = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1 || size != TLS_DIGEST_SIZE) {
        return false;
    }
    memcpy(ret_digest, digest, TLS_DIGEST_SIZE);
    return true;
}
