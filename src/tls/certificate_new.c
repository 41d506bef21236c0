/* tls/certificate_new.c: makes the pair that we recommend, P-256, X.509 v3, no CA, named hosts; the
 * same with RSA; and requests for a CA. */
#include "tls/certificate.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "os/file.h"
#include "tls/openssl_error.h"

#define DAYS_MAX         36500u
#define COMMON_NAME_MAX  64u  /* characters, by X.520 */
#define DNS_NAME_MAX     253u /* by DNS */
#define NAMES_MAX        100u
#define SERIAL_BITS      127
#define BACKDATE_SECONDS (-300) /* clocks of the plant differ a little */
#define X509_VERSION     2      /* counted from 0: this is v3 */
#define KEY_MODE         0600u
#define CERTIFICATE_MODE 0644u

/* ---- names ---- */

static bool is_host_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._";
    size_t length = strlen(name);
    return length > 0 && length <= DNS_NAME_MAX && strspn(name, allowed) == length &&
           name[0] != '.' && name[0] != '-';
}

/* NULL: not a name, or out of memory. */
static GENERAL_NAME *general_name(const char *name)
{
    GENERAL_NAME *general = GENERAL_NAME_new();
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    ERR_clear_error();
    if (general != NULL && address != NULL) {
        GENERAL_NAME_set0_value(general, GEN_IPADD, address);
        return general;
    }
    ASN1_IA5STRING *host = ASN1_IA5STRING_new();
    if (general != NULL && host != NULL && is_host_name(name) &&
        ASN1_STRING_set(host, name, (int)strlen(name)) == 1) {
        GENERAL_NAME_set0_value(general, GEN_DNS, host);
        return general;
    }
    ASN1_OCTET_STRING_free(address);
    ASN1_IA5STRING_free(host);
    GENERAL_NAME_free(general);
    return NULL;
}

static d2k_result general_names(const char *const *names, GENERAL_NAMES **ret_names,
                                struct error *err)
{
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    if (list == NULL) {
        return error_no_memory(err);
    }
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        GENERAL_NAME *general = i < NAMES_MAX ? general_name(names[i]) : NULL;
        if (general == NULL) {
            GENERAL_NAMES_free(list);
            return i >= NAMES_MAX
                       ? error_set(err, D2K_ARGUMENT, "more than %u names in one certificate",
                                   NAMES_MAX)
                       : error_set(err, D2K_ARGUMENT,
                                   "'%s' is neither a host name nor an IP address", names[i]);
        }
        if (sk_GENERAL_NAME_push(list, general) <= 0) {
            GENERAL_NAME_free(general);
            GENERAL_NAMES_free(list);
            return error_no_memory(err);
        }
    }
    *ret_names = list;
    return D2K_OK;
}

static d2k_result check_wishes(const struct tls_new_identity *what, struct error *err)
{
    if (what->days == 0 || what->days > DAYS_MAX) {
        return error_set(err, D2K_ARGUMENT, "%u days: a certificate is valid for 1 to %u days",
                         what->days, DAYS_MAX);
    }
    if (what->common_name == NULL || what->common_name[0] == '\0' ||
        strlen(what->common_name) > COMMON_NAME_MAX) {
        return error_set(err, D2K_ARGUMENT, "the common name must have 1 to %u bytes",
                         COMMON_NAME_MAX);
    }
    if (what->rsa_bits != 0 && what->rsa_bits != 2048 && what->rsa_bits != 3072 &&
        what->rsa_bits != 4096) {
        return error_set(err, D2K_ARGUMENT, "RSA %u: keys of 2048, 3072 or 4096 bits are made",
                         what->rsa_bits);
    }
    return D2K_OK;
}

/* ---- the certificate ---- */

static EVP_PKEY *make_key(const struct tls_new_identity *what)
{
    return what->rsa_bits == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen(what->rsa_bits);
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool good = number != NULL &&
                BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return good;
}

static bool set_names(X509 *certificate, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static bool add_extensions(X509 *certificate, const GENERAL_NAMES *names)
{
    return add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           (sk_GENERAL_NAME_num(names) == 0 ||
            X509_add1_ext_i2d(certificate, NID_subject_alt_name, (void *)names, 0, 0) == 1);
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key, const struct tls_new_identity *what,
                             const GENERAL_NAMES *names)
{
    return X509_set_version(certificate, X509_VERSION) == 1 && set_serial(certificate) &&
           set_names(certificate, what->common_name) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), BACKDATE_SECONDS) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), (int)what->days, 0, NULL) != NULL &&
           X509_set_pubkey(certificate, key) == 1 && add_extensions(certificate, names) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static d2k_result make_pair(const struct tls_new_identity *what, EVP_PKEY **ret_key,
                            X509 **ret_certificate, struct error *err)
{
    GENERAL_NAMES *names = NULL;
    d2k_result result = general_names(what->names, &names, err);
    if (result != D2K_OK) {
        return result;
    }
    ERR_clear_error();
    EVP_PKEY *key = make_key(what);
    X509 *certificate = X509_new();
    bool good =
        key != NULL && certificate != NULL && fill_certificate(certificate, key, what, names);
    GENERAL_NAMES_free(names);
    if (!good) {
        EVP_PKEY_free(key);
        X509_free(certificate);
        return tls_error_of_call(err, D2K_TLS, "OpenSSL cannot make key and certificate");
    }
    *ret_key = key;
    *ret_certificate = certificate;
    return D2K_OK;
}

/* ---- the request ---- */

static const struct {
    int nid;
    const char *value;
} extensions_of_request[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
};

/* The stack is the caller's in every case; false: out of memory. */
static bool collect_extensions(STACK_OF(X509_EXTENSION) * *list, const GENERAL_NAMES *names)
{
    for (size_t i = 0; i < sizeof(extensions_of_request) / sizeof(extensions_of_request[0]); i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, extensions_of_request[i].nid,
                                                        extensions_of_request[i].value);
        bool good = extension != NULL && X509v3_add_ext(list, extension, -1) != NULL;
        X509_EXTENSION_free(extension);
        if (!good) {
            return false;
        }
    }
    return sk_GENERAL_NAME_num(names) == 0 ||
           X509V3_add1_i2d(list, NID_subject_alt_name, (void *)names, 0, 0) == 1;
}

static bool fill_request(X509_REQ *request, EVP_PKEY *key, const struct tls_new_identity *what,
                         const GENERAL_NAMES *names)
{
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    bool good =
        X509_REQ_set_version(request, 0) == 1 &&
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8,
                                   (const unsigned char *)what->common_name, -1, -1, 0) == 1 &&
        X509_REQ_set_pubkey(request, key) == 1 && collect_extensions(&extensions, names) &&
        X509_REQ_add_extensions(request, extensions) == 1 &&
        X509_REQ_sign(request, key, EVP_sha256()) > 0;
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return good;
}

static d2k_result make_request(const struct tls_new_identity *what, EVP_PKEY **ret_key,
                               X509_REQ **ret_request, struct error *err)
{
    GENERAL_NAMES *names = NULL;
    d2k_result result = general_names(what->names, &names, err);
    if (result != D2K_OK) {
        return result;
    }
    ERR_clear_error();
    EVP_PKEY *key = make_key(what);
    X509_REQ *request = X509_REQ_new();
    bool good = key != NULL && request != NULL && fill_request(request, key, what, names);
    GENERAL_NAMES_free(names);
    if (!good) {
        EVP_PKEY_free(key);
        X509_REQ_free(request);
        return tls_error_of_call(err, D2K_TLS, "OpenSSL cannot make key and request");
    }
    *ret_key = key;
    *ret_request = request;
    return D2K_OK;
}

/* ---- files ---- */

static d2k_result check_absent(const char *path, struct error *err)
{
    struct os_file_stamp stamp;
    int error = os_file_stamp(path, &stamp);
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s: %s", path, os_error_text(error));
    }
    if (stamp.exists) {
        return error_set(err, D2K_EXISTS, "%s is there already; nothing was written", path);
    }
    return D2K_OK;
}

static d2k_result write_file(const char *path, BIO *content, uint32_t mode, struct error *err)
{
    char *data = NULL;
    long size = BIO_get_mem_data(content, &data);
    int error = os_file_replace(path, data, size > 0 ? (size_t)size : 0, mode);
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s cannot be written: %s", path, os_error_text(error));
    }
    return D2K_OK;
}

/* The key first: a certificate without key would be of no use. */
static d2k_result write_pair(EVP_PKEY *key, X509 *certificate, const char *cert_path,
                             const char *key_path, struct error *err)
{
    bool combined = strcmp(cert_path, key_path) == 0;
    BIO *key_content = BIO_new(BIO_s_secmem()); /* wiped when it is freed */
    BIO *cert_content = BIO_new(BIO_s_mem());
    bool good = key_content != NULL && cert_content != NULL &&
                PEM_write_bio_PrivateKey(key_content, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                PEM_write_bio_X509(combined ? key_content : cert_content, certificate) == 1;
    d2k_result result =
        good ? write_file(key_path, key_content, KEY_MODE, err)
             : tls_error_of_call(err, D2K_TLS, "OpenSSL cannot encode key and certificate");
    if (result == D2K_OK && !combined) {
        result = write_file(cert_path, cert_content, CERTIFICATE_MODE, err);
    }
    BIO_free(key_content);
    BIO_free(cert_content);
    return result;
}

static d2k_result check_all(const struct tls_new_identity *what, const char *public_path,
                            const char *key_path, bool overwrite, struct error *err)
{
    d2k_result result = check_wishes(what, err);
    if (result == D2K_OK && !overwrite) {
        result = check_absent(public_path, err);
    }
    if (result == D2K_OK && !overwrite) {
        result = check_absent(key_path, err);
    }
    return result;
}

d2k_result tls_identity_new(const struct tls_new_identity *what, const char *cert_path,
                            const char *key_path, bool overwrite, struct error *err)
{
    d2k_result result = check_all(what, cert_path, key_path, overwrite, err);
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    if (result == D2K_OK) {
        result = make_pair(what, &key, &certificate, err);
    }
    if (result == D2K_OK) {
        result = write_pair(key, certificate, cert_path, key_path, err);
    }
    EVP_PKEY_free(key);
    X509_free(certificate);
    return result;
}

static d2k_result write_request(EVP_PKEY *key, X509_REQ *request, const char *request_path,
                                const char *key_path, struct error *err)
{
    BIO *key_content = BIO_new(BIO_s_secmem()); /* wiped when it is freed */
    BIO *content = BIO_new(BIO_s_mem());
    bool good = key_content != NULL && content != NULL &&
                PEM_write_bio_PrivateKey(key_content, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                PEM_write_bio_X509_REQ(content, request) == 1;
    d2k_result result = good ? write_file(key_path, key_content, KEY_MODE, err)
                             : tls_error_of_call(err, D2K_TLS, "OpenSSL cannot encode the request");
    if (result == D2K_OK) {
        result = write_file(request_path, content, CERTIFICATE_MODE, err);
    }
    BIO_free(key_content);
    BIO_free(content);
    return result;
}

d2k_result tls_request_new(const struct tls_new_identity *what, const char *request_path,
                           const char *key_path, bool overwrite, struct error *err)
{
    struct tls_new_identity wishes = *what;
    wishes.days = 1; /* the CA decides */
    if (strcmp(request_path, key_path) == 0) {
        return error_set(err, D2K_ARGUMENT,
                         "%s: the request goes to the CA, so the key needs a file of its own",
                         key_path);
    }
    d2k_result result = check_all(&wishes, request_path, key_path, overwrite, err);
    EVP_PKEY *key = NULL;
    X509_REQ *request = NULL;
    if (result == D2K_OK) {
        result = make_request(&wishes, &key, &request, err);
    }
    if (result == D2K_OK) {
        result = write_request(key, request, request_path, key_path, err);
    }
    EVP_PKEY_free(key);
    X509_REQ_free(request);
    return result;
}
