/* tls/keeper_client.c: [TLS_Client]: what a client's policy is made from. */
#include "tls/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/context.h"
#include "tls/identity.h"
#include "tls/load.h"
#include "tls/x509_text.h"

#define COMPONENT "TLS"

/* ---- entries of TLS_TrustedCerts ---- */

static const struct tls_list_entry *find_entry(const struct tls_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].path, path) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

static bool texts_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A weak key can be broken, so it proves nothing; the others of the file stay good. */
static d2k_result add_pin(struct tls_list_entry *entry, const X509 *certificate, int number,
                          struct error *ret_trouble, struct error *err)
{
    uint8_t digest[TLS_DIGEST_SIZE];
    struct error weak;
    if (tls_key_check_strength(X509_get0_pubkey(certificate), &weak) != D2K_OK) {
        (void)error_set(ret_trouble, D2K_FILE, "%s: certificate %d is not trusted: %s", entry->path,
                        number, weak.text);
        return D2K_OK;
    }
    if (!tls_x509_digest(certificate, digest)) {
        return error_set(err, D2K_TLS, "%s: SHA-256 of a certificate cannot be computed",
                         entry->path);
    }
    return tls_pins_add(&entry->pins, digest, err);
}

/* D2K_OK also when the file is bad: then *ret_trouble says what. */
static d2k_result read_pins(struct tls_list_entry *entry, struct error *ret_trouble,
                            struct error *err)
{
    struct tls_file file;
    STACK_OF(X509) *certificates = NULL;
    d2k_result result = tls_file_read(entry->path, &file, ret_trouble);
    entry->stamp = file.stamp;
    if (result == D2K_OK) {
        result = tls_file_certificates(&file, &certificates, ret_trouble);
    }
    tls_file_wipe(&file);
    if (result != D2K_OK) {
        return result == D2K_NO_MEMORY ? error_no_memory(err) : D2K_OK;
    }
    for (int i = 0; result == D2K_OK && i < sk_X509_num(certificates); i++) {
        result = add_pin(entry, sk_X509_value(certificates, i), i + 1, ret_trouble, err);
    }
    sk_X509_pop_free(certificates, X509_free);
    return result;
}

static void log_trouble(const struct tls_keeper *keeper, const struct tls_list_entry *entry,
                        const struct tls_list_entry *before)
{
    bool told = before != NULL && texts_equal(before->trouble, entry->trouble) &&
                os_file_stamp_equal(&before->stamp, &entry->stamp);
    if (entry->trouble != NULL && !told) {
        log_write(keeper->log, LOG_WARNING, COMPONENT, "TLS_TrustedCerts: %s%s", entry->trouble,
                  entry->pins.count == 0 ? "; this entry is skipped" : "");
    }
}

/* A file that is just being overwritten is empty or cut for a moment: for as long as it is young,
 * what it held before stays trusted. One that is removed or stays bad is not. */
static bool may_be_half_written(const struct tls_attempt *attempt,
                                const struct tls_list_entry *entry,
                                const struct tls_list_entry *before)
{
    return before != NULL && before->pins.count > 0 && entry->pins.count == 0 &&
           tls_attempt_is_young(attempt, &entry->stamp);
}

/* Fills the entry, whose path is set. */
static d2k_result read_entry(struct tls_keeper *keeper, struct tls_attempt *attempt,
                             struct tls_list_entry *entry, struct error *err)
{
    const struct tls_list_entry *before = find_entry(&keeper->list, entry->path);
    struct error trouble = {.code = D2K_OK};
    d2k_result result = read_pins(entry, &trouble, err);
    if (result != D2K_OK) {
        return result;
    }
    result = tls_attempt_watch(attempt, entry->path, &entry->stamp, err);
    if (result != D2K_OK || trouble.code == D2K_OK) {
        return result;
    }
    attempt->again = true;
    if (may_be_half_written(attempt, entry, before)) {
        return tls_pins_add_all(&entry->pins, &before->pins, err);
    }
    if (trouble.code == D2K_AGAIN) {
        return keeper->current == NULL ? error_set(err, D2K_AGAIN, "%s", trouble.text) : D2K_OK;
    }
    entry->trouble = strdup(trouble.text);
    if (entry->trouble == NULL) {
        return error_no_memory(err);
    }
    log_trouble(keeper, entry, before);
    return D2K_OK;
}

static d2k_result read_list(struct tls_keeper *keeper, struct tls_attempt *attempt,
                            struct error *err)
{
    const struct tls_client_settings *client = &attempt->settings.tls_client;
    attempt->list.items = calloc(client->trusted_count + 1, sizeof(*attempt->list.items));
    if (attempt->list.items == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = D2K_OK;
    for (size_t i = 0; result == D2K_OK && i < client->trusted_count; i++) {
        struct tls_list_entry *entry = &attempt->list.items[i];
        entry->path = strdup(client->trusted_certs[i]);
        if (entry->path == NULL) {
            return error_no_memory(err);
        }
        attempt->list.count++;
        result = read_entry(keeper, attempt, entry, err);
    }
    return result;
}

/* ---- the policy ---- */

static d2k_result nothing_trusted(const struct tls_keeper *keeper,
                                  const struct tls_attempt *attempt, struct error *err)
{
    if (attempt->list.count == 0) {
        return error_set(err, D2K_CONFIG,
                         "%s: TLS_RequiredLevel = TLSPeerAuth needs TLS_TrustedCerts in "
                         "[TLS_Client], but no file is named there",
                         keeper->config_path);
    }
    const char *why = NULL;
    for (size_t i = 0; why == NULL && i < attempt->list.count; i++) {
        why = attempt->list.items[i].trouble;
    }
    return error_set(err, D2K_FILE,
                     "%s: no entry of TLS_TrustedCerts can be used, which TLSPeerAuth needs: %s",
                     keeper->config_path, why != NULL ? why : "it is being written");
}

static d2k_result collect_pins(struct tls_keeper *keeper, struct tls_attempt *attempt,
                               struct tls_policy *made, struct error *err)
{
    d2k_result result = read_list(keeper, attempt, err);
    for (size_t i = 0; result == D2K_OK && i < attempt->list.count; i++) {
        result = tls_pins_add_all(&made->pins, &attempt->list.items[i].pins, err);
    }
    if (result != D2K_OK) {
        return result;
    }
    tls_pins_sort(&made->pins);
    if (made->pins.count == 0 && made->level == TLS_LEVEL_PEER_AUTH) {
        return nothing_trusted(keeper, attempt, err);
    }
    return D2K_OK;
}

static d2k_result check_section(const struct tls_keeper *keeper, const struct tls_attempt *attempt,
                                struct error *err)
{
    if (keeper->section_was_there && !attempt->settings.tls_client.present) {
        return error_set(err, D2K_CONFIG, "%s: [TLS_Client] has vanished", keeper->config_path);
    }
    return D2K_OK;
}

static d2k_result complete(struct tls_keeper *keeper, struct tls_attempt *attempt,
                           struct tls_policy *made, bool *ret_same, struct error *err)
{
    made->tls = TLS_POLICY_ON; /* at level None too: TLS is tried first */
    d2k_result result = tls_attempt_check_not_weaker(keeper, attempt, made, err);
    if (result == D2K_OK) {
        result = collect_pins(keeper, attempt, made, err);
    }
    if (result == D2K_OK) {
        result = tls_policy_set_fingerprint(
            made, (const uint8_t(*)[TLS_DIGEST_SIZE])made->pins.digests, made->pins.count, err);
    }
    *ret_same = result == D2K_OK && tls_keeper_is_in_force(keeper, made);
    if (result != D2K_OK || *ret_same) {
        return result;
    }
    SSL_CTX *context = NULL;
    result = tls_context_new_client(made->min_version, &context, err);
    if (result == D2K_OK) {
        result = tls_policy_set_context(made, context, err);
    }
    if (result == D2K_OK && made->resumption == TLS_RESUMPTION_ON) {
        result = tls_policy_resume_client(made, err);
    }
    return result;
}

static d2k_result build(struct tls_keeper *keeper, struct tls_attempt *attempt, struct error *err)
{
    const struct tls_client_settings *client = &attempt->settings.tls_client;
    d2k_result result = check_section(keeper, attempt, err);
    if (result != D2K_OK) {
        return result;
    }
    struct tls_policy *made = tls_policy_new();
    if (made == NULL) {
        return error_no_memory(err);
    }
    made->level = client->level;
    made->min_version = client->min_version;
    made->dates = client->dates;
    made->resumption = client->resumption;
    bool same = false;
    result = complete(keeper, attempt, made, &same, err);
    if (result != D2K_OK || same) {
        tls_policy_unref(made);
        return result;
    }
    keeper->section_was_there = client->present;
    attempt->policy = made;
    return D2K_OK;
}

static void log_loaded(const struct tls_keeper *keeper, const struct tls_attempt *attempt)
{
    const struct tls_policy *policy = keeper->current;
    if (keeper->config_path == NULL) {
        return; /* the client says that it has no application name */
    }
    if (!attempt->settings.tls_client.present) {
        log_write(keeper->log, LOG_WARNING, COMPONENT,
                  "%s has no [TLS_Client]: TLS_RequiredLevel is None, the kernel is not verified "
                  "and a connection without TLS is accepted",
                  keeper->config_path);
        return;
    }
    log_write(keeper->log, LOG_INFO, COMPONENT,
              "[TLS_Client] generation %llu: TLS_RequiredLevel = %s, %s or newer; certificates in "
              "TLS_TrustedCerts: %zu",
              (unsigned long long)policy->generation, tls_level_name(policy->level),
              tls_min_version_name(policy->min_version), policy->pins.count);
}

const struct tls_keeper_side tls_keeper_client_side = {
    .section = "TLS_Client",
    .build = build,
    .log_loaded = log_loaded,
};
