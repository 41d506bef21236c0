/* programs/certs/judge.c: level by level. */
#include "programs/certs/judge.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_outside_dates(const struct tls_certificate_info *info)
{
    int64_t now = (int64_t)time(NULL);
    return now < info->not_before || now > info->not_after;
}

/* A certificate with a weak key proves nothing: clients skip it. */
static bool is_usable(const struct tls_certificate_info *info)
{
    return info->weakness[0] == '\0';
}

size_t certs_usable_count(const struct certs_client *client)
{
    size_t count = 0;
    for (size_t i = 0; i < client->trusted_count; i++) {
        for (size_t j = 0; j < client->trusted[i].count; j++) {
            count += is_usable(&client->trusted[i].certificates[j]) ? 1 : 0;
        }
    }
    return count;
}

bool certs_is_listed(const struct certs_client *client, const struct tls_certificate_info *info)
{
    for (size_t i = 0; i < client->trusted_count; i++) {
        const struct certs_trusted *file = &client->trusted[i];
        for (size_t j = 0; j < file->count; j++) {
            if (is_usable(&file->certificates[j]) &&
                memcmp(file->certificates[j].digest, info->digest, TLS_DIGEST_SIZE) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void refuse(struct certs_verdict *verdict, const char *why)
{
    verdict->connects = false;
    (void)snprintf(verdict->text, sizeof verdict->text, "refuses: %s", why);
}

static void judge_without_tls(enum tls_level level, struct certs_verdict *verdict)
{
    if (level != TLS_LEVEL_NONE) {
        refuse(verdict, "the kernel has no TLS");
        return;
    }
    verdict->connects = verdict->warns = true;
    (void)snprintf(verdict->text, sizeof verdict->text,
                   "connects WITHOUT TLS: everything can be read and changed on the way");
}

static void judge_listed(const struct certs_client *client, const struct tls_certificate_info *info,
                         struct certs_verdict *verdict)
{
    bool peer_auth = verdict->level == TLS_LEVEL_PEER_AUTH;
    bool outside = is_outside_dates(info);
    if (outside && client->dates == TLS_DATES_STRICT) {
        refuse(
            verdict,
            "the certificate is in the list, but outside its dates, and TLS_CertDates is strict");
        return;
    }
    verdict->connects = true;
    verdict->verified = peer_auth;
    verdict->warns = outside;
    (void)snprintf(verdict->text, sizeof verdict->text, "connects%s%s",
                   peer_auth ? ", VERIFIED: the certificate is in the list"
                             : "; the certificate is in the list, TLSPeerAuth would verify it",
                   outside ? "; warns: it is outside its dates" : "");
}

static void judge_unlisted(const struct certs_client *client, struct certs_verdict *verdict)
{
    if (verdict->level != TLS_LEVEL_PEER_AUTH) {
        verdict->connects = true;
        (void)snprintf(verdict->text, sizeof verdict->text,
                       "connects, NOT verified: whoever stands between could read and change "
                       "everything");
    } else if (certs_usable_count(client) == 0) {
        refuse(verdict, "no certificate of TLS_TrustedCerts can be used");
    } else {
        refuse(verdict, "the kernel's certificate is not in TLS_TrustedCerts");
    }
}

static bool is_too_old(const struct certs_client *client, const struct certs_probe *probe)
{
    return client->min_version == TLS_MIN_1_3 && strcmp(probe->tls_version, "TLSv1.3") != 0;
}

void certs_judge(const struct certs_client *client, const struct certs_probe *probe,
                 enum tls_level level, struct certs_verdict *ret_verdict)
{
    *ret_verdict = (struct certs_verdict){.level = level};
    if (level == TLS_LEVEL_PEER_AUTH && certs_usable_count(client) == 0) {
        judge_unlisted(client, ret_verdict);
    } else if (probe == NULL) {
        judge_without_tls(level, ret_verdict);
    } else if (is_too_old(client, probe)) {
        refuse(ret_verdict, "the kernel has no TLSv1.3, which TLS_MinVersion asks for");
    } else if (certs_is_listed(client, &probe->certificates[0])) {
        judge_listed(client, &probe->certificates[0], ret_verdict);
    } else {
        judge_unlisted(client, ret_verdict);
    }
}

const char *certs_after_expiry(const struct certs_client *client, const struct certs_probe *probe)
{
    if (probe == NULL) {
        return "there is no certificate that could expire";
    }
    if (!certs_is_listed(client, &probe->certificates[0])) {
        return "nothing changes: clients look at the dates of certificates in their list only";
    }
    return client->dates == TLS_DATES_STRICT
               ? "the client refuses the kernel at every level (TLS_CertDates = strict)"
               : "the client still connects, and logs a warning (TLS_CertDates = warn)";
}
