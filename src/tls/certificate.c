/* tls/certificate.c: what people and the configuration check want to know of certificate files. */
#include "tls/certificate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "tls/certificate_info.h"
#include "tls/context.h"
#include "tls/identity.h"
#include "tls/load.h"
#include "tls/x509_text.h"

#define SECONDS_A_DAY 86400

/* For a person who asks once, a file that changes under the hand is simply not usable. */
static d2k_result again_is_failure(d2k_result result, struct error *err)
{
    if (result == D2K_AGAIN && err != NULL) {
        err->code = D2K_FILE;
    }
    return result == D2K_AGAIN ? D2K_FILE : result;
}

/* Rounds down, so that a certificate that ended an hour ago has -1 days left. */
static int days_until(int64_t end)
{
    int64_t seconds = end - (int64_t)time(NULL);
    int64_t days = seconds / SECONDS_A_DAY - (seconds % SECONDS_A_DAY < 0 ? 1 : 0);
    return days > INT32_MAX ? INT32_MAX : (int)days;
}

static d2k_result fill_info(const char *source, X509 *certificate, int number,
                            struct tls_certificate_info *info, struct error *err)
{
    if (!tls_x509_time(X509_get0_notBefore(certificate), &info->not_before) ||
        !tls_x509_time(X509_get0_notAfter(certificate), &info->not_after)) {
        return error_set(err, D2K_FILE, "%s: the dates of certificate %d cannot be read", source,
                         number);
    }
    if (!tls_x509_digest(certificate, info->digest)) {
        return error_set(err, D2K_TLS, "%s: SHA-256 of certificate %d cannot be computed", source,
                         number);
    }
    ERR_clear_error();
    text_hex(info->digest_hex, info->digest, sizeof(info->digest));
    tls_x509_subject(certificate, info->subject, sizeof(info->subject));
    tls_x509_issuer(certificate, info->issuer, sizeof(info->issuer));
    tls_x509_alt_names(certificate, info->alt_names, sizeof(info->alt_names));
    tls_key_algorithm(X509_get0_pubkey(certificate), info->algorithm, sizeof(info->algorithm));
    tls_time_text(info->not_before, info->not_before_text, sizeof(info->not_before_text));
    tls_time_text(info->not_after, info->not_after_text, sizeof(info->not_after_text));
    struct error weak;
    if (tls_key_check_strength(X509_get0_pubkey(certificate), &weak) != D2K_OK) {
        (void)text_copy(info->weakness, sizeof(info->weakness), weak.text);
    }
    info->version = (int)X509_get_version(certificate) + 1;
    info->is_ca = info->version == 1 || X509_check_ca(certificate) > 0;
    info->days_left = days_until(info->not_after);
    ERR_clear_error();
    return D2K_OK;
}

d2k_result tls_certificate_infos(const char *source, STACK_OF(X509) * certificates,
                                 struct tls_certificate_info **ret_infos, struct error *err)
{
    int count = sk_X509_num(certificates);
    struct tls_certificate_info *infos = calloc((size_t)count, sizeof(*infos));
    if (infos == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = D2K_OK;
    for (int i = 0; result == D2K_OK && i < count; i++) {
        result = fill_info(source, sk_X509_value(certificates, i), i + 1, &infos[i], err);
    }
    if (result != D2K_OK) {
        free(infos);
        return result;
    }
    *ret_infos = infos;
    return D2K_OK;
}

d2k_result tls_certificates_read(const char *path, struct tls_certificate_info **ret_infos,
                                 size_t *ret_count, struct error *err)
{
    struct tls_file file;
    STACK_OF(X509) *certificates = NULL;
    d2k_result result = tls_file_read(path, &file, err);
    if (result == D2K_OK) {
        result = tls_file_certificates(&file, &certificates, err);
    }
    tls_file_wipe(&file);
    if (result == D2K_OK) {
        *ret_count = (size_t)sk_X509_num(certificates);
        result = tls_certificate_infos(path, certificates, ret_infos, err);
    }
    sk_X509_pop_free(certificates, X509_free);
    return again_is_failure(result, err);
}

d2k_result tls_identity_check(const char *cert_path, const char *key_path, struct error *err)
{
    struct tls_identity identity;
    d2k_result result = tls_identity_load(cert_path, key_path, &identity, err);
    if (result != D2K_OK) {
        return again_is_failure(result, err);
    }
    SSL_CTX *context = NULL;
    result = tls_context_new_server(TLS_MIN_1_2, &identity, &context, err);
    if (result != D2K_OK) {
        (void)error_wrap(err, "%s", cert_path);
    }
    SSL_CTX_free(context);
    tls_identity_clear(&identity);
    return result;
}
