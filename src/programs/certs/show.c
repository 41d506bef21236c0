/* programs/certs/show.c: d2k-certs show. */
#include "programs/certs/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/text.h"
#include "programs/common/json.h"
#include "tls/certificate.h"

#define EXPIRES_SOON_DAYS 30
#define WARNINGS_MAX      3
#define OUTPUT_MAX        (64u * 1024 * 1024)

/* ---- what is wrong with a certificate ---- */

struct warnings {
    const char *texts[WARNINGS_MAX];
    size_t count;
};

static struct warnings warnings_of(const struct tls_certificate_info *info)
{
    struct warnings w = {.count = 0};
    if (info->version == 1) {
        w.texts[w.count++] = "X.509 v1: many programs take it for a CA and would trust whatever "
                             "its key signs (d2k compares whole certificates and does not); "
                             "d2k-certs new makes a better one";
    } else if (info->is_ca) {
        w.texts[w.count++] = "it is a CA: other programs would trust whatever its key signs; d2k "
                             "trusts exactly this certificate";
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

static void print_text(const char *file, size_t number, size_t count,
                       const struct tls_certificate_info *info)
{
    char safe[CERTS_PATH_MAX];
    struct warnings warnings = warnings_of(info);
    bool own = strcmp(info->subject, info->issuer) == 0;
    (void)printf("%s: certificate %zu of %zu\n", text_escape(safe, sizeof safe, slice_of(file)),
                 number, count);
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

static void write_date(struct json *json, const char *key, const char *text)
{
    char iso[32];
    (void)snprintf(iso, sizeof iso, "%.10sT%sZ", text, strlen(text) > 11 ? text + 11 : "");
    json_write_text(json, key, slice_of(iso));
}

static void write_json(struct json *json, const char *file, size_t number,
                       const struct tls_certificate_info *info)
{
    struct warnings warnings = warnings_of(info);
    json_write_open(json, NULL, '{');
    json_write_text(json, "file", slice_of(file));
    json_write_unsigned(json, "number", number);
    json_write_text(json, "subject", slice_of(info->subject));
    json_write_text(json, "issuer", slice_of(info->issuer));
    json_write_text(json, "names", slice_of(info->alt_names));
    json_write_text(json, "algorithm", slice_of(info->algorithm));
    json_write_integer(json, "version", info->version);
    json_write_boolean(json, "ca", info->is_ca);
    write_date(json, "not_before", info->not_before_text);
    write_date(json, "not_after", info->not_after_text);
    json_write_integer(json, "days_left", info->days_left);
    json_write_text(json, "sha256", slice_of(info->digest_hex));
    json_write_open(json, "warnings", '[');
    for (size_t i = 0; i < warnings.count; i++) {
        json_write_text(json, NULL, slice_of(warnings.texts[i]));
    }
    json_write_close(json, ']');
    json_write_close(json, '}');
}

/* ---- files ---- */

struct report {
    struct buffer out, problems; /* JSON: all, and the elements of "errors" */
    struct json json, errors;
    bool is_json;
    bool warned, failed;
};

/* A file that cannot be read is said on stderr at once, and in JSON as well. */
static void show_file(const char *file, struct report *report)
{
    struct tls_certificate_info *infos = NULL;
    size_t count = 0;
    struct error err;
    if (tls_certificates_read(file, &infos, &count, &err) != D2K_OK) {
        certs_complain(err.text);
        report->failed = true;
        json_write_text(&report->errors, NULL, slice_of(err.text));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        report->warned = report->warned || warnings_of(&infos[i]).count > 0;
        if (report->is_json) {
            write_json(&report->json, file, i + 1, &infos[i]);
        } else {
            print_text(file, i + 1, count, &infos[i]);
        }
    }
    free(infos);
}

static void show_files(const struct certs_options *options, struct report *report)
{
    json_write_open(&report->json, NULL, '{');
    json_write_open(&report->json, "certificates", '[');
    json_write_open(&report->errors, NULL, '[');
    for (size_t i = 0; i < options->file_count; i++) {
        show_file(options->files[i], report);
    }
    json_write_close(&report->errors, ']');
    json_write_close(&report->json, ']');
}

static void print_json(struct report *report)
{
    static const char before_errors[] = ",\"errors\":";
    buffer_put(&report->out, before_errors, sizeof before_errors - 1);
    buffer_put(&report->out, buffer_data(&report->problems), buffer_size(&report->problems));
    buffer_put(&report->out, "}\n", 2);
    if (buffer_failed(&report->out) || buffer_failed(&report->problems)) {
        certs_complain("out of memory, or too many certificates for --json");
        report->failed = true;
        return;
    }
    (void)fwrite(buffer_data(&report->out), 1, buffer_size(&report->out), stdout);
}

enum certs_exit certs_show(const struct certs_options *options)
{
    struct report report = {.is_json = options->json};
    buffer_init(&report.out, OUTPUT_MAX);
    buffer_init(&report.problems, OUTPUT_MAX);
    report.json = json_into(&report.out);
    report.errors = json_into(&report.problems);
    show_files(options, &report);
    if (options->json) {
        print_json(&report);
    }
    buffer_free(&report.out);
    buffer_free(&report.problems);
    if (report.failed) {
        return CERTS_EXIT_ERROR;
    }
    return report.warned ? CERTS_EXIT_WARNING : CERTS_EXIT_OK;
}
