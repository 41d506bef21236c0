/* tls/load.c: finds the blocks of a PEM file itself, so that it can say in which line one is
 * damaged, and decodes each with OpenSSL. */
#include "tls/load.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tls/certificate.h"
#include "tls/openssl_error.h"

static const char pem_begin[] = "-----BEGIN ";
static const char byte_order_mark[] = "\xEF\xBB\xBF";

/* ---- reading ---- */

static d2k_result cannot_read(const char *path, int error, struct error *err)
{
    switch (error) {
    case EBUSY:
        return error_set(err, D2K_AGAIN, "%s: it changed while it was read", path);
    case EFBIG:
        return error_set(err, D2K_FILE, "%s: larger than %u bytes, that is no certificate file",
                         path, TLS_CERTIFICATE_FILE_MAX);
    case ENOMEM:
        return error_no_memory(err);
    default:
        if (error == ENOENT && strncmp(path, "credential:", strlen("credential:")) == 0) {
            return error_set(err, D2K_FILE,
                             "%s: the service manager has handed in no such credential "
                             "(LoadCredential= of the unit)",
                             path);
        }
        return error_set(err, D2K_FILE, "%s: cannot be read: %s", path, os_error_text(error));
    }
}

d2k_result tls_file_read(const char *path, struct tls_file *ret_file, struct error *err)
{
    *ret_file = (struct tls_file){.path = path};
    if (os_file_stamp(path, &ret_file->stamp) != 0) {
        ret_file->stamp = (struct os_file_stamp){0}; /* reading will say why */
    }
    struct os_file_stamp stamp;
    int error =
        os_file_read(path, TLS_CERTIFICATE_FILE_MAX, &ret_file->data, &ret_file->size, &stamp);
    if (error != 0) {
        ret_file->data = NULL;
        return cannot_read(path, error, err);
    }
    ret_file->stamp = stamp;
    if (ret_file->size == 0) {
        tls_file_wipe(ret_file);
        return error_set(err, D2K_FILE, "%s: the file is empty", path);
    }
    return D2K_OK;
}

void tls_file_wipe(struct tls_file *file)
{
    if (file->data != NULL) {
        OPENSSL_cleanse(file->data, file->size);
    }
    free(file->data);
    file->data = NULL;
    file->size = 0;
}

/* ---- PEM blocks ---- */

/* A place in a file: `at` is the begin of line `line`. */
struct place {
    const char *at, *end;
    unsigned line;
};

static bool starts_block(const struct place *place)
{
    size_t length = sizeof(pem_begin) - 1;
    return (size_t)(place->end - place->at) >= length && memcmp(place->at, pem_begin, length) == 0;
}

static void next_line(struct place *place)
{
    const char *line_end = memchr(place->at, '\n', (size_t)(place->end - place->at));
    place->at = line_end != NULL ? line_end + 1 : place->end;
    place->line++;
}

/* Moves to the line that begins the next block; false: there is none. */
static bool find_block(struct place *place)
{
    while (place->at < place->end && !starts_block(place)) {
        next_line(place);
    }
    return place->at < place->end;
}

static struct place first_place(const struct tls_file *file)
{
    struct place place = {file->data, file->data + file->size, 1};
    size_t mark = sizeof(byte_order_mark) - 1;
    if (file->size >= mark && memcmp(file->data, byte_order_mark, mark) == 0) {
        place.at += mark;
    }
    return place;
}

struct block {
    char *name;   /* "CERTIFICATE" */
    char *header; /* "Proc-Type: 4,ENCRYPTED..." */
    unsigned char *data;
    long size;
    unsigned line;
};

static void block_wipe(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, (size_t)block->size);
    *block = (struct block){0};
}

/* Whether the block at this place is of interest, by the name in its first line. */
static bool block_is_named(const struct place *place, const char *name_end)
{
    const char *line_end = memchr(place->at, '\n', (size_t)(place->end - place->at));
    size_t length = (size_t)((line_end != NULL ? line_end : place->end) - place->at);
    return memmem(place->at, length, name_end, strlen(name_end)) != NULL;
}

/* Decodes the block that begins at `place` and moves behind its first line. */
static d2k_result read_block(const char *path, struct place *place, struct block *ret_block,
                             struct error *err)
{
    const char *begin = place->at;
    *ret_block = (struct block){.line = place->line};
    next_line(place);
    struct place next = *place;
    (void)find_block(&next); /* a block without end must not swallow the one behind it */
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(begin, (int)(next.at - begin));
    if (bio == NULL) {
        return error_no_memory(err);
    }
    int done =
        PEM_read_bio(bio, &ret_block->name, &ret_block->header, &ret_block->data, &ret_block->size);
    BIO_free(bio);
    if (done != 1) {
        *ret_block = (struct block){0};
        return tls_error_of_call(err, D2K_FILE,
                                 "%s: damaged or cut: the block that begins in line %u", path,
                                 place->line - 1);
    }
    return D2K_OK;
}

static bool is_pem(const struct tls_file *file)
{
    struct place place = first_place(file);
    return find_block(&place);
}

/* ---- certificates ---- */

static d2k_result add_certificate(const char *path, STACK_OF(X509) * list, const unsigned char **at,
                                  long size, unsigned line, struct error *err)
{
    if (sk_X509_num(list) >= (int)TLS_CERTIFICATES_MAX) {
        return error_set(err, D2K_FILE, "%s: more than %u certificates in one file", path,
                         TLS_CERTIFICATES_MAX);
    }
    ERR_clear_error();
    X509 *certificate = d2i_X509(NULL, at, size);
    if (certificate == NULL && line == 0) {
        return tls_error_of_call(err, D2K_FILE, "%s: it holds no certificate in PEM or DER form",
                                 path);
    }
    if (certificate == NULL) {
        return tls_error_of_call(err, D2K_FILE, "%s: damaged: the certificate in line %u", path,
                                 line);
    }
    if (sk_X509_push(list, certificate) <= 0) {
        X509_free(certificate);
        return error_no_memory(err);
    }
    return D2K_OK;
}

static d2k_result pem_certificates(const struct tls_file *file, STACK_OF(X509) * list,
                                   struct error *err)
{
    struct place place = first_place(file);
    d2k_result result = D2K_OK;
    while (result == D2K_OK && find_block(&place)) {
        if (!block_is_named(&place, "CERTIFICATE-----")) {
            next_line(&place);
            continue;
        }
        struct block block;
        result = read_block(file->path, &place, &block, err);
        if (result == D2K_OK) {
            const unsigned char *at = block.data;
            result = add_certificate(file->path, list, &at, block.size, block.line, err);
            block_wipe(&block);
        }
    }
    if (result == D2K_OK && sk_X509_num(list) == 0) {
        return error_set(err, D2K_FILE, "%s: there is no certificate in it", file->path);
    }
    return result;
}

static d2k_result der_certificates(const struct tls_file *file, STACK_OF(X509) * list,
                                   struct error *err)
{
    const unsigned char *at = (const unsigned char *)file->data;
    const unsigned char *end = at + file->size;
    d2k_result result = D2K_OK;
    while (result == D2K_OK && at < end) {
        result = add_certificate(file->path, list, &at, (long)(end - at), 0, err);
    }
    return result;
}

d2k_result tls_file_certificates(const struct tls_file *file, STACK_OF(X509) * *ret_certificates,
                                 struct error *err)
{
    STACK_OF(X509) *list = sk_X509_new_null();
    if (list == NULL) {
        return error_no_memory(err);
    }
    d2k_result result =
        is_pem(file) ? pem_certificates(file, list, err) : der_certificates(file, list, err);
    if (result != D2K_OK) {
        sk_X509_pop_free(list, X509_free);
        return result;
    }
    *ret_certificates = list;
    return D2K_OK;
}

/* ---- keys ---- */

static d2k_result key_is_encrypted(const char *path, struct error *err)
{
    return error_set(err, D2K_FILE,
                     "%s: the key is encrypted; a kernel that starts by itself has nobody to ask "
                     "for the password, so an encrypted key cannot be used. Decrypt it: "
                     "openssl pkey -in '%s' -out '%s.plain' && chmod 600 '%s.plain'",
                     path, path, path, path);
}

static EVP_PKEY *decode_key(const char *name, const unsigned char *at, long size)
{
    if (strcmp(name, "RSA PRIVATE KEY") == 0) {
        return d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, size);
    }
    if (strcmp(name, "EC PRIVATE KEY") == 0) {
        return d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, size);
    }
    if (strcmp(name, "PRIVATE KEY") != 0) {
        return NULL;
    }
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, size);
    EVP_PKEY *key = info != NULL ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

static d2k_result key_of_block(const char *path, const struct block *block, EVP_PKEY **ret_key,
                               struct error *err)
{
    if (strcmp(block->name, "ENCRYPTED PRIVATE KEY") == 0 ||
        strstr(block->header, "ENCRYPTED") != NULL) {
        return key_is_encrypted(path, err);
    }
    ERR_clear_error();
    *ret_key = decode_key(block->name, block->data, block->size);
    if (*ret_key == NULL) {
        return tls_error_of_call(err, D2K_FILE,
                                 "%s: the key in line %u (%s) is damaged or of a form that we do "
                                 "not read (PKCS#8, PKCS#1 or SEC1 is needed)",
                                 path, block->line, block->name);
    }
    return D2K_OK;
}

static d2k_result pem_key(const struct tls_file *file, EVP_PKEY **ret_key, struct error *err)
{
    struct place place = first_place(file);
    while (find_block(&place)) {
        if (!block_is_named(&place, "PRIVATE KEY-----")) {
            next_line(&place);
            continue;
        }
        struct block block;
        d2k_result result = read_block(file->path, &place, &block, err);
        if (result == D2K_OK) {
            result = key_of_block(file->path, &block, ret_key, err);
            block_wipe(&block);
        }
        return result;
    }
    return error_set(
        err, D2K_FILE,
        "%s: there is no private key in it; TLS_KeyFile must name the file that has it",
        file->path);
}

static d2k_result der_key(const struct tls_file *file, EVP_PKEY **ret_key, struct error *err)
{
    const unsigned char *at = (const unsigned char *)file->data;
    ERR_clear_error();
    *ret_key = d2i_AutoPrivateKey(NULL, &at, (long)file->size);
    if (*ret_key != NULL) {
        return D2K_OK;
    }
    at = (const unsigned char *)file->data;
    X509_SIG *encrypted = d2i_X509_SIG(NULL, &at, (long)file->size);
    X509_SIG_free(encrypted);
    if (encrypted != NULL) {
        ERR_clear_error();
        return key_is_encrypted(file->path, err);
    }
    ERR_clear_error();
    return error_set(err, D2K_FILE, "%s: it holds no private key in PEM or DER form", file->path);
}

d2k_result tls_file_key(const struct tls_file *file, EVP_PKEY **ret_key, struct error *err)
{
    return is_pem(file) ? pem_key(file, ret_key, err) : der_key(file, ret_key, err);
}
