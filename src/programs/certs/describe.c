/* programs/certs/describe.c: the facts of a certificate, as text and as JSON. */
#include "programs/certs/describe.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define EXPIRES_SOON_DAYS 30

struct certs_warnings certs_warnings_of(const struct tls_certificate_info *info)
{
    struct certs_warnings w = {.count = 0};
    if (info->version == 1) {
        w.texts[w.count++] = "X.509 v1: many programs take it for a CA and would trust whatever "
                             "its key signs (d2k compares whole certificates and does not); "
                             "d2k-certs new makes a better one";
    } else if (info->is_ca) {
        w.texts[w.count++] = "it is a CA: other programs would trust whatever its key signs; d2k "
                             "trusts exactly this certificate";
    }
    if (info->weakness[0] != '\0') {
        w.texts[w.count++] = info->weakness;
    }
    if (info->not_before > (int64_t)time(NULL)) {
        w.texts[w.count++] = "it is not valid yet: check the clock";
    }
    if (info->days_left < 0) {
        w.texts[w.count++] = "it has expired";
    } else if (info->days_left < EXPIRES_SOON_DAYS) {
        w.texts[w.count++] = "it expires within 30 days";
    }
    return w;
}

/* ---- text ---- */

void certs_print_certificate(const struct tls_certificate_info *info)
{
    struct certs_warnings warnings = certs_warnings_of(info);
    bool own = strcmp(info->subject, info->issuer) == 0;
    (void)printf("  subject      %s\n", info->subject);
    (void)printf("  issuer       %s\n", own ? "itself" : info->issuer);
    (void)printf("  names        %s\n", info->alt_names[0] != '\0' ? info->alt_names : "none");
    (void)printf("  algorithm    %s\n", info->algorithm);
    (void)printf("  version      X.509 v%d%s\n", info->version, info->is_ca ? ", CA" : "");
    (void)printf("  valid from   %s UTC\n", info->not_before_text);
    (void)printf("  valid until  %s UTC (%d days left)\n", info->not_after_text, info->days_left);
    (void)printf("  SHA-256      %s\n", info->digest_hex);
    for (size_t i = 0; i < warnings.count; i++) {
        (void)printf("  WARNING      %s\n", warnings.texts[i]);
    }
}

/* ---- JSON ---- */

void certs_write_date(struct json *json, const char *key, const char *text)
{
    char iso[32];
    (void)snprintf(iso, sizeof iso, "%.10sT%sZ", text, strlen(text) > 11 ? text + 11 : "");
    json_write_text(json, key, slice_of(iso));
}

void certs_write_certificate(struct json *json, const struct tls_certificate_info *info)
{
    struct certs_warnings warnings = certs_warnings_of(info);
    json_write_text(json, "subject", slice_of(info->subject));
    json_write_text(json, "issuer", slice_of(info->issuer));
    json_write_text(json, "names", slice_of(info->alt_names));
    json_write_text(json, "algorithm", slice_of(info->algorithm));
    json_write_integer(json, "version", info->version);
    json_write_boolean(json, "ca", info->is_ca);
    certs_write_date(json, "not_before", info->not_before_text);
    certs_write_date(json, "not_after", info->not_after_text);
    json_write_integer(json, "days_left", info->days_left);
    json_write_text(json, "sha256", slice_of(info->digest_hex));
    json_write_open(json, "warnings", '[');
    for (size_t i = 0; i < warnings.count; i++) {
        json_write_text(json, NULL, slice_of(warnings.texts[i]));
    }
    json_write_close(json, ']');
}
