/* programs/certs/check.c: d2k-certs check: a kernel, a client's list, and what comes of the two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "programs/certs/certs.h"
#include "programs/certs/describe.h"
#include "programs/certs/judge.h"
#include "registry/location.h"

#define OUTPUT_MAX (16u * 1024 * 1024)

struct check {
    const struct certs_options *options;
    struct registry_location location;
    struct application_settings settings;
    char *source; /* file of the settings; NULL: --trusted */
    char *list;   /* copy of --trusted, cut into paths */
    struct certs_client client;
    bool has_tls; /* `probe` is filled */
    struct certs_probe probe;
    struct error refusal; /* what a kernel without TLS says */
    struct certs_verdict verdicts[CERTS_LEVELS];
    const struct certs_verdict *own; /* at the client's own level */
    struct certs_warnings warnings;
};

/* ---- the client ---- */

static void read_trusted(struct certs_trusted *file, const char *path)
{
    file->path = path;
    if (tls_certificates_read(path, &file->certificates, &file->count, &file->trouble) != D2K_OK) {
        file->certificates = NULL;
        file->count = 0;
    }
}

static d2k_result read_list(struct check *check, char *const *paths, size_t count,
                            struct error *err)
{
    check->client.trusted = calloc(count + 1, sizeof *check->client.trusted);
    if (check->client.trusted == NULL) {
        return error_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        read_trusted(&check->client.trusted[i], paths[i]);
    }
    check->client.trusted_count = count;
    return D2K_OK;
}

static d2k_result client_of_list(struct check *check, struct error *err)
{
    char *paths[SETTINGS_PATHS_MAX];
    size_t count = 0;
    check->list = strdup(check->options->trusted);
    if (check->list == NULL) {
        return error_no_memory(err);
    }
    for (char *next, *at = check->list; at != NULL; at = next) {
        next = strchr(at, ';');
        if (next != NULL) {
            *next++ = '\0';
        }
        if (at[0] == '\0') {
            continue;
        }
        if (count == SETTINGS_PATHS_MAX) {
            return error_set(err, D2K_ARGUMENT, "--trusted: more than %d files",
                             SETTINGS_PATHS_MAX);
        }
        paths[count++] = at;
    }
    check->client.level = TLS_LEVEL_PEER_AUTH;
    check->client.min_version = TLS_MIN_1_2;
    check->client.dates = TLS_DATES_WARN;
    return count == 0 ? error_set(err, D2K_ARGUMENT, "--trusted: the list has no path")
                      : read_list(check, paths, count, err);
}

static d2k_result read_settings(struct check *check, struct error *err)
{
    const char *application = check->options->application;
    struct installation_settings installation = {0};
    d2k_result result = settings_read_installation(&check->location, NULL, &installation, err);
    if (result != D2K_OK) {
        return result;
    }
    application = application != NULL ? application : installation.default_application;
    if (application == NULL) {
        result = error_set(err, D2K_ARGUMENT,
                           "which client? Give @APPLICATION or --trusted=FILE, or set "
                           "DefaultApplication");
    } else {
        result =
            settings_read_application(&check->location, application, NULL, &check->settings, err);
        check->source = registry_application_file(&check->location, application);
    }
    settings_free_installation(&installation);
    return result;
}

static d2k_result client_of_application(struct check *check, struct error *err)
{
    d2k_result result = registry_locate(check->options->installation, check->options->config_dir,
                                        &check->location, err);
    if (result == D2K_OK) {
        result = read_settings(check, err);
    }
    if (result != D2K_OK) {
        return result;
    }
    const struct tls_client_settings *client = &check->settings.tls_client;
    check->client.level = client->level;
    check->client.min_version = client->min_version;
    check->client.dates = client->dates;
    return read_list(check, client->trusted_certs, client->trusted_count, err);
}

/* ---- the two together ---- */

static void judge(struct check *check)
{
    static const enum tls_level levels[CERTS_LEVELS] = {TLS_LEVEL_NONE, TLS_LEVEL_NO_PEER_AUTH,
                                                        TLS_LEVEL_PEER_AUTH};
    for (size_t i = 0; i < CERTS_LEVELS; i++) {
        certs_judge(&check->client, check->has_tls ? &check->probe : NULL, levels[i],
                    &check->verdicts[i]);
        if (levels[i] == check->client.level) {
            check->own = &check->verdicts[i];
        }
    }
    if (check->has_tls) {
        check->warnings = certs_warnings_of(&check->probe.certificates[0]);
    }
}

static bool list_has_trouble(const struct certs_client *client)
{
    for (size_t i = 0; i < client->trusted_count; i++) {
        const struct certs_trusted *file = &client->trusted[i];
        for (size_t j = 0; j < file->count; j++) {
            if (file->certificates[j].weakness[0] != '\0') {
                return true;
            }
        }
        if (file->certificates == NULL) {
            return true;
        }
    }
    return false;
}

static enum certs_exit code_of(const struct check *check)
{
    if (!check->own->connects) {
        return CERTS_EXIT_NOT_TRUSTED;
    }
    bool good = check->own->verified && !check->own->warns && check->warnings.count == 0 &&
                !list_has_trouble(&check->client);
    return good ? CERTS_EXIT_OK : CERTS_EXIT_WARNING;
}

/* ---- text ---- */

static void print_safe(const char *before, const char *text, const char *after)
{
    char safe[4 * ERROR_TEXT_MAX];
    (void)printf("%s%s%s", before, text_escape(safe, sizeof safe, slice_of(text)), after);
}

static void print_kernel(const struct check *check)
{
    (void)printf("kernel %s", check->options->target_text);
    if (!check->has_tls) {
        print_safe("\n  ", check->refusal.text, "\n");
        return;
    }
    (void)printf(" [%s][%s, %s]\n", check->probe.address, check->probe.tls_version,
                 check->probe.cipher);
    certs_print_certificate(&check->probe.certificates[0]);
}

static void print_trusted(const struct check *check, const struct certs_trusted *file)
{
    if (file->certificates == NULL) {
        print_safe("  WARNING      not usable: ", file->trouble.text, "\n");
        return;
    }
    for (size_t i = 0; i < file->count; i++) {
        const struct tls_certificate_info *info = &file->certificates[i];
        bool same = check->has_tls &&
                    memcmp(info->digest, check->probe.certificates[0].digest, TLS_DIGEST_SIZE) == 0;
        print_safe("  trusts       ", file->path, "");
        (void)printf(": %s, until %s UTC%s\n               SHA-256 %s\n", info->subject,
                     info->not_after_text, same ? ": the kernel's" : "", info->digest_hex);
        if (info->weakness[0] != '\0') {
            (void)printf("  WARNING      not usable: %s\n", info->weakness);
        }
    }
}

static void print_client(const struct check *check)
{
    const struct certs_client *client = &check->client;
    print_safe("client ", check->source != NULL ? check->source : "--trusted", "\n");
    (void)printf("  settings     TLS_RequiredLevel = %s, TLS_MinVersion = %s, TLS_CertDates = %s\n",
                 tls_level_name(client->level), tls_min_version_name(client->min_version),
                 tls_cert_dates_name(client->dates));
    for (size_t i = 0; i < client->trusted_count; i++) {
        print_trusted(check, &client->trusted[i]);
    }
    if (client->trusted_count == 0) {
        (void)puts("  trusts       no certificate");
    }
}

static void print_verdicts(const struct check *check)
{
    (void)puts("a client at level");
    for (size_t i = 0; i < CERTS_LEVELS; i++) {
        const struct certs_verdict *verdict = &check->verdicts[i];
        (void)printf("%s %-14s %s\n", verdict == check->own ? "=>" : "  ",
                     tls_level_name(verdict->level), verdict->text);
    }
    if (check->has_tls) {
        (void)printf("after %s UTC, when the certificate has expired:\n   %s\n",
                     check->probe.certificates[0].not_after_text,
                     certs_after_expiry(&check->client, &check->probe));
    }
}

/* ---- JSON ---- */

static void write_kernel(struct json *json, const struct check *check)
{
    json_write_open(json, "kernel", '{');
    json_write_text(json, "name", slice_of(check->options->target_text));
    json_write_boolean(json, "tls", check->has_tls);
    if (check->has_tls) {
        json_write_text(json, "address", slice_of(check->probe.address));
        json_write_text(json, "tls_version", slice_of(check->probe.tls_version));
        json_write_text(json, "cipher", slice_of(check->probe.cipher));
        certs_write_certificate(json, &check->probe.certificates[0]);
    } else {
        json_write_text(json, "refusal", slice_of(check->refusal.text));
    }
    json_write_close(json, '}');
}

static void write_trusted(struct json *json, const struct certs_trusted *file)
{
    json_write_open(json, NULL, '{');
    json_write_text(json, "file", slice_of(file->path));
    json_write_open(json, "certificates", '[');
    for (size_t i = 0; i < file->count; i++) {
        json_write_open(json, NULL, '{');
        certs_write_certificate(json, &file->certificates[i]);
        json_write_close(json, '}');
    }
    json_write_close(json, ']');
    if (file->certificates == NULL) {
        json_write_text(json, "error", slice_of(file->trouble.text));
    } else {
        json_write_null(json, "error");
    }
    json_write_close(json, '}');
}

static void write_client(struct json *json, const struct check *check)
{
    const struct certs_client *client = &check->client;
    json_write_open(json, "client", '{');
    if (check->source != NULL) {
        json_write_text(json, "file", slice_of(check->source));
    } else {
        json_write_null(json, "file");
    }
    json_write_text(json, "required_level", slice_of(tls_level_name(client->level)));
    json_write_text(json, "min_version", slice_of(tls_min_version_name(client->min_version)));
    json_write_text(json, "cert_dates", slice_of(tls_cert_dates_name(client->dates)));
    json_write_open(json, "trusted", '[');
    for (size_t i = 0; i < client->trusted_count; i++) {
        write_trusted(json, &client->trusted[i]);
    }
    json_write_close(json, ']');
    json_write_close(json, '}');
}

static void write_verdicts(struct json *json, const struct check *check)
{
    json_write_open(json, "levels", '[');
    for (size_t i = 0; i < CERTS_LEVELS; i++) {
        const struct certs_verdict *verdict = &check->verdicts[i];
        json_write_open(json, NULL, '{');
        json_write_text(json, "level", slice_of(tls_level_name(verdict->level)));
        json_write_boolean(json, "connects", verdict->connects);
        json_write_boolean(json, "verified", verdict->verified);
        json_write_boolean(json, "warns", verdict->warns);
        json_write_text(json, "text", slice_of(verdict->text));
        json_write_close(json, '}');
    }
    json_write_close(json, ']');
    json_write_boolean(json, "connects", check->own->connects);
    json_write_boolean(json, "verified", check->own->verified);
    json_write_text(
        json, "after_expiry",
        slice_of(certs_after_expiry(&check->client, check->has_tls ? &check->probe : NULL)));
}

/* `err` is why the check could not be made; NULL: it was. False: out of memory. */
static bool print_json(const struct check *check, const struct error *err)
{
    struct buffer out;
    buffer_init(&out, OUTPUT_MAX);
    struct json json = json_into(&out);
    json_write_open(&json, NULL, '{');
    if (err != NULL) {
        json_write_text(&json, "error", slice_of(err->text));
    } else {
        write_kernel(&json, check);
        write_client(&json, check);
        write_verdicts(&json, check);
        json_write_null(&json, "error");
    }
    json_write_close(&json, '}');
    buffer_put(&out, "\n", 1);
    bool good = !buffer_failed(&out);
    if (good) {
        (void)fwrite(buffer_data(&out), 1, buffer_size(&out), stdout);
    }
    buffer_free(&out);
    return good;
}

/* ---- all ---- */

static enum certs_exit fail(const struct check *check, const struct error *err,
                            enum certs_exit code)
{
    certs_complain(err->text);
    if (check->options->json && !print_json(check, err)) {
        certs_complain("out of memory");
    }
    return code;
}

static enum certs_exit report(struct check *check)
{
    judge(check);
    if (!check->options->json) {
        print_kernel(check);
        print_client(check);
        print_verdicts(check);
    } else if (!print_json(check, NULL)) {
        certs_complain("out of memory");
        return CERTS_EXIT_ERROR;
    }
    return code_of(check);
}

static enum certs_exit run(struct check *check)
{
    struct error err;
    d2k_result result = check->options->trusted != NULL ? client_of_list(check, &err)
                                                        : client_of_application(check, &err);
    if (result != D2K_OK) {
        return fail(check, &err, CERTS_EXIT_ERROR);
    }
    result = certs_probe_kernel(&check->options->target, &check->probe, &err);
    check->has_tls = result == D2K_OK;
    if (result != D2K_OK && result != D2K_NO_TLS) {
        return fail(check, &err, CERTS_EXIT_NO_CONNECTION);
    }
    if (result == D2K_NO_TLS) {
        check->refusal = err;
    }
    return report(check);
}

enum certs_exit certs_check(const struct certs_options *options)
{
    struct check check = {.options = options};
    enum certs_exit code = run(&check);
    for (size_t i = 0; i < check.client.trusted_count; i++) {
        free(check.client.trusted[i].certificates);
    }
    free(check.client.trusted);
    free(check.list);
    free(check.source);
    settings_free_application(&check.settings);
    registry_location_free(&check.location);
    certs_probe_free(&check.probe);
    return code;
}
