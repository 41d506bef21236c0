/* tls/identity.c: reads a pair of key and certificate and refuses what would not work or is not
 * safe, before anything uses it. */
#include "tls/identity.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "tls/load.h"
#include "tls/openssl_error.h"
#include "tls/x509_text.h"

#define GROUP_AND_OTHERS     0077u
#define ALL_BUT_GROUP_READS  0037u
#define ROOT                 0u
#define TEST_SIGNATURE_BYTES 2048

d2k_result tls_key_check_permissions(const char *path, const struct os_file_stamp *stamp,
                                     struct error *err)
{
    if ((stamp->mode & GROUP_AND_OTHERS) == 0 ||
        (stamp->owner_uid == ROOT && (stamp->mode & ALL_BUT_GROUP_READS) == 0)) {
        return D2K_OK;
    }
    return error_set(err, D2K_FILE,
                     "%s: others than its owner can use this key (mode %04o), so it is not used: "
                     "chmod 600 '%s' (or mode 0640 with owner root)",
                     path, stamp->mode, path);
}

d2k_result tls_key_check_strength(EVP_PKEY *key, struct error *err)
{
    char algorithm[64];
    tls_key_algorithm(key, algorithm, sizeof(algorithm));
    if (key != NULL && EVP_PKEY_is_a(key, "RSA")) {
        if (EVP_PKEY_get_bits(key) >= TLS_RSA_BITS_MIN) {
            return D2K_OK;
        }
        return error_set(err, D2K_FILE, "the key (%s) is too weak: RSA needs %d bits or more",
                         algorithm, TLS_RSA_BITS_MIN);
    }
    if (strcmp(algorithm, "EC P-256") == 0 || strcmp(algorithm, "EC P-384") == 0 ||
        strcmp(algorithm, "Ed25519") == 0) {
        return D2K_OK;
    }
    return error_set(err, D2K_FILE,
                     "a key of this kind (%s) is not used; use EC P-256, EC P-384, Ed25519 or RSA",
                     algorithm);
}

/* A key whose public half is fine may still be damaged; the first client should not find out. */
static d2k_result check_signature(const char *key_path, const struct tls_identity *identity,
                                  struct error *err)
{
    static const unsigned char message[] = "d2k";
    unsigned char signature[TEST_SIGNATURE_BYTES];
    size_t size = sizeof(signature);
    const EVP_MD *digest = EVP_PKEY_is_a(identity->key, "ED25519") ? NULL : EVP_sha256();
    EVP_MD_CTX *signer = EVP_MD_CTX_new(), *verifier = EVP_MD_CTX_new();
    ERR_clear_error();
    bool good =
        signer != NULL && verifier != NULL &&
        EVP_DigestSignInit(signer, NULL, digest, NULL, identity->key) == 1 &&
        EVP_DigestSign(signer, signature, &size, message, sizeof(message)) == 1 &&
        EVP_DigestVerifyInit(verifier, NULL, digest, NULL, X509_get0_pubkey(identity->leaf)) == 1 &&
        EVP_DigestVerify(verifier, signature, size, message, sizeof(message)) == 1;
    EVP_MD_CTX_free(signer);
    EVP_MD_CTX_free(verifier);
    if (!good) {
        return tls_error_of_call(err, D2K_FILE, "%s: the key is damaged: it does not sign",
                                 key_path);
    }
    return D2K_OK;
}

static X509 *find_leaf(STACK_OF(X509) * certificates, const EVP_PKEY *key)
{
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        X509 *candidate = sk_X509_value(certificates, i);
        const EVP_PKEY *public_key = X509_get0_pubkey(candidate);
        if (public_key != NULL && EVP_PKEY_eq(public_key, key) == 1) {
            return candidate;
        }
    }
    ERR_clear_error();
    return NULL;
}

static X509 *find_issuer(STACK_OF(X509) * certificates, X509 *subject)
{
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        X509 *candidate = sk_X509_value(certificates, i);
        if (candidate != subject && X509_check_issued(candidate, subject) == X509_V_OK) {
            return candidate;
        }
    }
    return NULL;
}

static bool is_self_issued(X509 *certificate)
{
    return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) ==
           0;
}

/* Whatever their order in the file: from the leaf upwards, without a root, which no peer needs. */
static d2k_result build_chain(STACK_OF(X509) * certificates, struct tls_identity *identity,
                              struct error *err)
{
    identity->chain = sk_X509_new_null();
    if (identity->chain == NULL) {
        return error_no_memory(err);
    }
    X509 *subject = identity->leaf;
    int most = sk_X509_num(certificates); /* two that issue each other must not keep us here */
    while (sk_X509_num(identity->chain) < most && !is_self_issued(subject)) {
        subject = find_issuer(certificates, subject);
        if (subject == NULL || is_self_issued(subject)) {
            break;
        }
        if (X509_up_ref(subject) != 1) {
            return error_no_memory(err);
        }
        if (sk_X509_push(identity->chain, subject) <= 0) {
            X509_free(subject);
            return error_no_memory(err);
        }
    }
    return D2K_OK;
}

/* Fills leaf and chain from the certificates that belong to the key. */
static d2k_result match_certificates(const struct tls_file *cert_file, const char *key_path,
                                     struct tls_identity *identity, struct error *err)
{
    STACK_OF(X509) *certificates = NULL;
    d2k_result result = tls_file_certificates(cert_file, &certificates, err);
    if (result != D2K_OK) {
        return result;
    }
    X509 *leaf = find_leaf(certificates, identity->key);
    if (leaf == NULL) {
        result = error_set(err, D2K_FILE, "%s: the certificate does not match the key in %s",
                           cert_file->path, key_path);
    } else if (X509_up_ref(leaf) != 1) {
        result = error_no_memory(err);
    } else {
        identity->leaf = leaf;
        result = build_chain(certificates, identity, err);
    }
    sk_X509_pop_free(certificates, X509_free);
    return result;
}

static d2k_result load_key(const struct tls_file *file, struct tls_identity *identity,
                           struct error *err)
{
    d2k_result result = tls_file_key(file, &identity->key, err);
    if (result != D2K_OK) {
        return result;
    }
    result = tls_key_check_permissions(file->path, &file->stamp, err);
    if (result == D2K_OK) {
        result = tls_key_check_strength(identity->key, err);
        if (result != D2K_OK) {
            return error_wrap(err, "%s", file->path);
        }
    }
    return result;
}

static d2k_result load_from(const struct tls_file *cert_file, const struct tls_file *key_file,
                            struct tls_identity *identity, struct error *err)
{
    d2k_result result = load_key(key_file, identity, err);
    if (result == D2K_OK) {
        result = match_certificates(cert_file, key_file->path, identity, err);
    }
    if (result == D2K_OK) {
        result = check_signature(key_file->path, identity, err);
    }
    return result;
}

d2k_result tls_identity_load(const char *cert_path, const char *key_path,
                             struct tls_identity *ret_identity, struct error *err)
{
    *ret_identity = (struct tls_identity){0};
    bool combined = key_path == NULL || strcmp(cert_path, key_path) == 0;
    struct tls_file cert_file, key_file = {0};
    d2k_result result = tls_file_read(cert_path, &cert_file, err);
    ret_identity->cert_stamp = ret_identity->key_stamp = cert_file.stamp;
    if (!combined) {
        /* Also when the certificate failed: a watcher needs the stamp of both. */
        struct error second;
        d2k_result key_result =
            tls_file_read(key_path, &key_file, result == D2K_OK ? err : &second);
        ret_identity->key_stamp = key_file.stamp;
        result = result == D2K_OK ? key_result : result;
    }
    if (result == D2K_OK) {
        result = load_from(&cert_file, combined ? &cert_file : &key_file, ret_identity, err);
    }
    tls_file_wipe(&cert_file);
    tls_file_wipe(&key_file);
    if (result != D2K_OK) {
        tls_identity_clear(ret_identity);
    }
    return result;
}

void tls_identity_clear(struct tls_identity *identity)
{
    X509_free(identity->leaf);
    sk_X509_pop_free(identity->chain, X509_free);
    EVP_PKEY_free(identity->key);
    identity->leaf = NULL;
    identity->chain = NULL;
    identity->key = NULL;
}
