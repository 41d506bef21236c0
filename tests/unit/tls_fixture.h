/* tests/unit/tls_fixture.h: keys, certificates and files of every kind, made on the fly, for the
 * tests of src/tls. To be included after <cmocka.h>. */
#ifndef D2K_TEST_TLS_FIXTURE_H
#define D2K_TEST_TLS_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define DAY_S (24L * 60 * 60)

/* A directory of its own, removed by fixture_directory_remove(). */
static inline void fixture_directory(char *ret_path, size_t size)
{
    (void)snprintf(ret_path, size, "/tmp/d2k-tls-%s",
                   "XXXX"
                   "XX");
    assert_non_null(mkdtemp(ret_path));
}

static inline void fixture_directory_remove(const char *path)
{
    char command[256];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static inline EVP_PKEY *fixture_key(const char *kind)
{
    EVP_PKEY *key = NULL;
    if (strncmp(kind, "RSA-", 4) == 0) {
        key = EVP_RSA_gen((unsigned)strtoul(kind + 4, NULL, 10));
    } else if (strcmp(kind, "Ed25519") == 0) {
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    } else {
        key = EVP_EC_gen(kind);
    }
    assert_non_null(key);
    return key;
}

struct fixture_certificate {
    const char *name; /* CN */
    EVP_PKEY *key;
    X509 *issuer; /* NULL: self-signed */
    EVP_PKEY *issuer_key;
    bool v1, ca;
    bool sha1;
    long begin_s, end_s; /* from now; both 0: yesterday to 30 days from now */
};

static inline void fixture_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline X509 *fixture_make(const struct fixture_certificate *what)
{
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    BIGNUM *serial = BN_new();
    assert_int_equal(BN_rand(serial, 100, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), 1);
    assert_non_null(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)));
    BN_free(serial);
    assert_int_equal(X509_set_version(certificate, what->v1 ? 0 : 2), 1);
    X509_NAME *name = X509_get_subject_name(certificate);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)what->name, -1, -1, 0),
                     1);
    const X509_NAME *issuer = what->issuer != NULL ? X509_get_subject_name(what->issuer) : name;
    assert_int_equal(X509_set_issuer_name(certificate, issuer), 1);
    bool dates = what->begin_s != 0 || what->end_s != 0;
    assert_non_null(
        X509_gmtime_adj(X509_getm_notBefore(certificate), dates ? what->begin_s : -DAY_S));
    assert_non_null(
        X509_gmtime_adj(X509_getm_notAfter(certificate), dates ? what->end_s : 30 * DAY_S));
    assert_int_equal(X509_set_pubkey(certificate, what->key), 1);
    if (!what->v1) {
        fixture_extension(certificate, NID_basic_constraints,
                          what->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
        fixture_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    }
    EVP_PKEY *signer = what->issuer_key != NULL ? what->issuer_key : what->key;
    const EVP_MD *digest = EVP_PKEY_is_a(signer, "ED25519") ? NULL
                           : what->sha1                     ? EVP_sha1()
                                                            : EVP_sha256();
    assert_true(X509_sign(certificate, signer, digest) > 0);
    return certificate;
}

static inline X509 *fixture_simple(const char *name, EVP_PKEY *key)
{
    const struct fixture_certificate what = {.name = name, .key = key};
    return fixture_make(&what);
}

/* Content of a file in the making. */
struct fixture_content {
    BIO *bio;
};

static inline struct fixture_content fixture_content(void)
{
    struct fixture_content content = {BIO_new(BIO_s_mem())};
    assert_non_null(content.bio);
    return content;
}

static inline void fixture_add_certificate(struct fixture_content *content, X509 *certificate)
{
    assert_int_equal(PEM_write_bio_X509(content->bio, certificate), 1);
}

static inline void fixture_add_key(struct fixture_content *content, EVP_PKEY *key)
{
    assert_int_equal(PEM_write_bio_PrivateKey(content->bio, key, NULL, NULL, 0, NULL, NULL), 1);
}

static inline void fixture_write_bytes(const char *path, const void *bytes, size_t size,
                                       unsigned mode)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline void fixture_write_text(const char *path, const char *text)
{
    fixture_write_bytes(path, text, strlen(text), 0600);
}

/* Writes in place (an existing file keeps its inode) and frees the content. */
static inline void fixture_write(struct fixture_content *content, const char *path, unsigned mode)
{
    char *data = NULL;
    long size = BIO_get_mem_data(content->bio, &data);
    fixture_write_bytes(path, data, (size_t)size, mode);
    BIO_free(content->bio);
    content->bio = NULL;
}

static inline void fixture_write_certificate(const char *path, X509 *certificate)
{
    struct fixture_content content = fixture_content();
    fixture_add_certificate(&content, certificate);
    fixture_write(&content, path, 0644);
}

static inline void fixture_write_key(const char *path, EVP_PKEY *key)
{
    struct fixture_content content = fixture_content();
    fixture_add_key(&content, key);
    fixture_write(&content, path, 0600);
}

#endif
