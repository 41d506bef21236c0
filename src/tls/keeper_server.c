/* tls/keeper_server.c: [TLS_Server]: what a kernel's policy is made from. */
#include "tls/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "tls/context.h"
#include "tls/identity.h"
#include "tls/x509_text.h"

#define PAIR_READS_MAX 3

#define COMPONENT     "TLS"
#define SECONDS_A_DAY 86400

/* [TLS_Server] does not stand in the file, or has no certificate. */
static d2k_result build_off(struct tls_keeper *keeper, struct tls_attempt *attempt,
                            struct error *err)
{
    const struct tls_server_settings *server = &attempt->settings.tls_server;
    if (keeper->current != NULL && keeper->current->tls != TLS_POLICY_OFF) {
        return error_set(err, D2K_CONFIG, "%s: %s has vanished", keeper->config_path,
                         server->present ? "TLS_CertFile of [TLS_Server]" : "[TLS_Server]");
    }
    if (server->level != TLS_LEVEL_NONE) {
        return error_set(err, D2K_CONFIG,
                         "%s: [TLS_Server] has TLS_RequiredLevel = %s but no TLS_CertFile",
                         keeper->config_path, tls_level_name(server->level));
    }
    struct tls_policy *made = tls_policy_new();
    if (made == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = tls_policy_set_fingerprint(made, NULL, 0, err);
    if (result != D2K_OK || tls_keeper_is_in_force(keeper, made)) {
        tls_policy_unref(made);
        return result;
    }
    attempt->policy = made;
    return D2K_OK;
}

static d2k_result check_dates(const struct tls_keeper *keeper, const struct tls_attempt *attempt,
                              const X509 *leaf, struct error *err)
{
    char trouble[128];
    const struct tls_server_settings *server = &attempt->settings.tls_server;
    if (server->dates == TLS_DATES_WARN ||
        tls_x509_dates_are_good(leaf, time(NULL), trouble, sizeof(trouble))) {
        return D2K_OK;
    }
    return error_set(err, D2K_FILE, "%s: the certificate %s, and TLS_CertDates in %s is strict",
                     server->cert_file, trouble, keeper->config_path);
}

static bool has_moved(const char *path, const struct os_file_stamp *read)
{
    struct os_file_stamp now;
    return path != NULL && os_file_stamp(path, &now) == 0 && !os_file_stamp_equal(&now, read);
}

/* Two files are two reads: a pair that changed between them, as behind a symbolic link that is
 * turned, is read again before it is called broken. */
static d2k_result read_pair(const struct tls_server_settings *server, struct tls_identity *identity,
                            struct error *err)
{
    d2k_result result = D2K_OK;
    for (int tries = 0; tries < PAIR_READS_MAX; tries++) {
        result = tls_identity_load(server->cert_file, server->key_file, identity, err);
        if (result == D2K_OK || (!has_moved(server->cert_file, &identity->cert_stamp) &&
                                 !has_moved(server->key_file, &identity->key_stamp))) {
            break;
        }
    }
    return result;
}

static d2k_result load_identity(struct tls_keeper *keeper, struct tls_attempt *attempt,
                                struct tls_identity *identity, struct error *err)
{
    const struct tls_server_settings *server = &attempt->settings.tls_server;
    d2k_result result = read_pair(server, identity, err);
    struct error memory;
    if (tls_attempt_watch(attempt, server->cert_file, &identity->cert_stamp, &memory) != D2K_OK ||
        (server->key_file != NULL &&
         tls_attempt_watch(attempt, server->key_file, &identity->key_stamp, &memory) != D2K_OK)) {
        result = error_no_memory(err);
    }
    if (result == D2K_OK) {
        result = check_dates(keeper, attempt, identity->leaf, err);
    }
    if (result != D2K_OK) {
        tls_identity_clear(identity);
    }
    return result;
}

static d2k_result set_fingerprint(struct tls_policy *policy, const struct tls_identity *identity,
                                  struct error *err)
{
    struct tls_pins digests = {0};
    uint8_t digest[TLS_DIGEST_SIZE];
    const X509 *next = identity->leaf;
    d2k_result result = D2K_OK;
    for (int i = 0; result == D2K_OK && next != NULL; i++) {
        result = tls_x509_digest(next, digest)
                     ? tls_pins_add(&digests, digest, err)
                     : error_set(err, D2K_TLS, "SHA-256 of a certificate cannot be computed");
        next = sk_X509_value(identity->chain, i); /* NULL past the end */
    }
    if (result == D2K_OK) {
        result = tls_policy_set_fingerprint(
            policy, (const uint8_t(*)[TLS_DIGEST_SIZE])digests.digests, digests.count, err);
    }
    tls_pins_clear(&digests);
    return result;
}

/* Completes `made` from the files; *ret_same: it would be what is in force already. */
static d2k_result add_tls(struct tls_keeper *keeper, struct tls_attempt *attempt,
                          struct tls_policy *made, bool *ret_same, struct error *err)
{
    struct tls_identity identity;
    d2k_result result = load_identity(keeper, attempt, &identity, err);
    if (result != D2K_OK) {
        return result;
    }
    made->tls = TLS_POLICY_ON;
    result = set_fingerprint(made, &identity, err);
    *ret_same = result == D2K_OK && tls_keeper_is_in_force(keeper, made);
    if (result == D2K_OK && !*ret_same) {
        SSL_CTX *context = NULL;
        result = tls_context_new_server(made->min_version, &identity, &context, err);
        if (result == D2K_OK) {
            result = tls_policy_set_context(made, context, err);
            if (result == D2K_OK && made->resumption == TLS_RESUMPTION_ON) {
                result = tls_policy_resume_server(made, err);
            }
        } else {
            (void)error_wrap(err, "%s", attempt->settings.tls_server.cert_file);
        }
    }
    tls_identity_clear(&identity);
    return result;
}

/* A kernel at level None starts without TLS rather than not at all. */
static d2k_result build_unavailable(struct tls_attempt *attempt, struct tls_policy *made,
                                    const struct error *trouble, struct error *err)
{
    made->tls = TLS_POLICY_UNAVAILABLE;
    attempt->trouble = *trouble;
    return tls_policy_set_fingerprint(made, NULL, 0, err);
}

static struct tls_policy *policy_of_settings(const struct tls_server_settings *server)
{
    struct tls_policy *made = tls_policy_new();
    if (made != NULL) {
        made->level = server->level;
        made->min_version = server->min_version;
        made->dates = server->dates;
        made->resumption = server->resumption;
    }
    return made;
}

static d2k_result build(struct tls_keeper *keeper, struct tls_attempt *attempt, struct error *err)
{
    const struct tls_server_settings *server = &attempt->settings.tls_server;
    if (!server->present || server->cert_file == NULL) {
        return build_off(keeper, attempt, err);
    }
    struct tls_policy *made = policy_of_settings(server);
    if (made == NULL) {
        return error_no_memory(err);
    }
    bool same = false;
    d2k_result result = tls_attempt_check_not_weaker(keeper, attempt, made, err);
    if (result == D2K_OK) {
        result = add_tls(keeper, attempt, made, &same, err);
        bool broken = result == D2K_FILE || result == D2K_TLS;
        if (broken && keeper->current == NULL && made->level == TLS_LEVEL_NONE) {
            struct error trouble = *err;
            result = build_unavailable(attempt, made, &trouble, err);
        }
    }
    if (result != D2K_OK || same) {
        tls_policy_unref(made);
        return result;
    }
    attempt->policy = made;
    return D2K_OK;
}

/* ---- log ---- */

static void log_open_kernel(const struct tls_keeper *keeper, const struct tls_attempt *attempt)
{
    log_write(keeper->log, LOG_WARNING, COMPONENT,
              "%s has no %s: the kernel is open, everybody on the network can read and change what "
              "it sends",
              keeper->config_path,
              attempt->settings.tls_server.present ? "TLS_CertFile in [TLS_Server]"
                                                   : "[TLS_Server]");
}

static void log_certificate(const struct tls_keeper *keeper, const struct tls_policy *policy,
                            const char *cert_file)
{
    const X509 *leaf = SSL_CTX_get0_certificate(policy->context);
    char subject[256], algorithm[64], hex[2 * TLS_DIGEST_SIZE + 1] = "?", trouble[128];
    char left[32] = "expired";
    uint8_t digest[TLS_DIGEST_SIZE];
    int64_t end = 0;
    tls_x509_subject(leaf, subject, sizeof(subject));
    tls_key_algorithm(X509_get0_pubkey(leaf), algorithm, sizeof(algorithm));
    if (tls_x509_digest(leaf, digest)) {
        text_hex(hex, digest, sizeof(digest));
    }
    (void)tls_x509_time(X509_get0_notAfter(leaf), &end);
    int64_t left_s = end - (int64_t)time(NULL);
    if (left_s >= 0) {
        (void)snprintf(left, sizeof(left), "%lld days left", (long long)(left_s / SECONDS_A_DAY));
    }
    log_write(keeper->log, LOG_INFO, COMPONENT,
              "[TLS_Server] generation %llu: TLS_RequiredLevel = %s, %s or newer; certificate %s: "
              "%s, %s, %s, SHA-256 %s",
              (unsigned long long)policy->generation, tls_level_name(policy->level),
              tls_min_version_name(policy->min_version), cert_file, subject, algorithm, left, hex);
    if (!tls_x509_dates_are_good(leaf, time(NULL), trouble, sizeof(trouble))) {
        log_write(keeper->log, LOG_WARNING, COMPONENT,
                  "%s: the certificate %s; clients with TLS_CertDates = strict will refuse it: "
                  "replace it",
                  cert_file, trouble);
    }
}

static void log_loaded(const struct tls_keeper *keeper, const struct tls_attempt *attempt)
{
    switch (keeper->current->tls) {
    case TLS_POLICY_OFF:
        log_open_kernel(keeper, attempt);
        break;
    case TLS_POLICY_ON:
        log_certificate(keeper, keeper->current, attempt->settings.tls_server.cert_file);
        break;
    case TLS_POLICY_UNAVAILABLE: /* the failure says it */
        break;
    }
}

const struct tls_keeper_side tls_keeper_server_side = {
    .section = "TLS_Server",
    .build = build,
    .log_loaded = log_loaded,
};
