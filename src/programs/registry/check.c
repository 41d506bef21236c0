/* programs/registry/check.h: everything that the kernel or a client would refuse or warn about. */
#include "programs/registry/check.h"

#include <stdlib.h>
#include <string.h>

#include "access/users.h"
#include "base/text.h"
#include "os/clock.h"
#include "programs/registry/findings.h"
#include "programs/registry/output.h"
#include "programs/registry/tree.h"
#include "tls/certificate.h"

#define EXPIRES_SOON_DAYS 30

struct check {
    struct findings *findings;
    const struct registry_location *location;
    const char *path; /* of the file that is checked now */
};

static void take_finding(void *context, bool is_error, const char *path, unsigned line,
                         const char *text)
{
    struct check *check = context;
    findings_add(check->findings, is_error ? SEVERITY_ERROR : SEVERITY_WARNING, path, line, "%s",
                 text);
}

/* ---- certificates ---- */

/* Why a file is perhaps not found; "" when there is nothing to say. */
static const char *path_hint(const char *text)
{
    if (strncmp(text, "~/", 2) == 0) {
        return "; ~ is not replaced by the home directory: write the whole path";
    }
    if (strchr(text, '\\') != NULL) {
        return "; a backslash is an ordinary character of a file name on this system";
    }
    return "";
}

static void check_dates(struct check *check, unsigned line, const char *path,
                        const struct tls_certificate_info *info, enum tls_cert_dates dates)
{
    int64_t now = os_wall_ns() / 1000000000;
    const char *consequence = dates == TLS_DATES_STRICT
                                  ? "new links are refused (TLS_CertDates = strict)"
                                  : "every connect logs a WARNING (TLS_CertDates = warn)";
    if (now > info->not_after) {
        findings_add(check->findings, SEVERITY_ERROR, check->path, line,
                     "%s: certificate %s expired on %s UTC: %s", path, info->subject,
                     info->not_after_text, consequence);
    } else if (now < info->not_before) {
        findings_add(check->findings, SEVERITY_ERROR, check->path, line,
                     "%s: certificate %s is valid only from %s UTC: %s", path, info->subject,
                     info->not_before_text, consequence);
    } else if (info->days_left <= EXPIRES_SOON_DAYS) {
        findings_add(check->findings, SEVERITY_WARNING, check->path, line,
                     "%s: certificate %s expires on %s UTC: %d days left", path, info->subject,
                     info->not_after_text, info->days_left);
    }
}

static void check_form(struct check *check, unsigned line, const char *path,
                       const struct tls_certificate_info *info)
{
    if (info->version == 1) {
        findings_add(check->findings, SEVERITY_WARNING, check->path, line,
                     "%s: certificate %s is X.509 v1, which other software takes for a CA; d2k "
                     "pins it and works with it; d2k-certs new makes a better one",
                     path, info->subject);
    } else if (info->is_ca) {
        findings_add(check->findings, SEVERITY_WARNING, check->path, line,
                     "%s: certificate %s is a CA: do not install it as trusted elsewhere; d2k "
                     "pins it and works with it; d2k-certs new makes a better one",
                     path, info->subject);
    }
}

static unsigned line_of(const struct registry_file *file, const char *key, const char *name)
{
    const struct registry_value *value = registry_find(file, key, name);
    return value == NULL ? 0 : value->line;
}

static const char *text_of(const struct registry_file *file, const char *key, const char *name)
{
    const struct registry_value *value = registry_find(file, key, name);
    return value == NULL ? "" : value->text;
}

/* Certificate and key of the kernel. */
static void check_identity(struct check *check, const struct registry_file *file,
                           const struct tls_server_settings *server)
{
    if (server->cert_file == NULL) {
        return;
    }
    unsigned line = line_of(file, "TLS_Server", "TLS_CertFile");
    struct tls_certificate_info *infos;
    size_t count;
    struct error err;
    if (tls_certificates_read(server->cert_file, &infos, &count, &err) != D2K_OK) {
        findings_add(check->findings, SEVERITY_ERROR, check->path, line, "%s%s", err.text,
                     path_hint(text_of(file, "TLS_Server", "TLS_CertFile")));
        return;
    }
    check_dates(check, line, server->cert_file, &infos[0], server->dates);
    check_form(check, line, server->cert_file, &infos[0]);
    free(infos);
    if (server->key_file != NULL && strncmp(server->key_file, "credential:", 11) == 0) {
        findings_add(check->findings, SEVERITY_NOTE, check->path,
                     line_of(file, "TLS_Server", "TLS_KeyFile"),
                     "%s is handed in by the service manager, so it can be checked by the kernel "
                     "only",
                     server->key_file);
        return;
    }
    if (tls_identity_check(server->cert_file, server->key_file, &err) != D2K_OK) {
        unsigned key_line = line_of(file, "TLS_Server", "TLS_KeyFile");
        findings_add(check->findings, SEVERITY_ERROR, check->path, key_line > 0 ? key_line : line,
                     "%s%s", err.text, path_hint(text_of(file, "TLS_Server", "TLS_KeyFile")));
    }
}

static bool check_trusted_file(struct check *check, unsigned line, const char *path,
                               enum tls_cert_dates dates)
{
    struct tls_certificate_info *infos;
    size_t count;
    struct error err;
    if (tls_certificates_read(path, &infos, &count, &err) != D2K_OK) {
        findings_add(check->findings, SEVERITY_WARNING, check->path, line,
                     "%s: this entry is skipped%s", err.text, path_hint(path));
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        check_dates(check, line, path, &infos[i], dates);
    }
    free(infos);
    return true;
}

static void check_trusted(struct check *check, const struct registry_file *file,
                          const struct tls_client_settings *client)
{
    unsigned line = line_of(file, "TLS_Client", "TLS_TrustedCerts");
    size_t usable = 0;
    for (size_t i = 0; i < client->trusted_count; i++) {
        if (check_trusted_file(check, line, client->trusted_certs[i], client->dates)) {
            usable++;
        }
    }
    if (usable == 0 && client->trusted_count > 0 && client->level == TLS_LEVEL_PEER_AUTH) {
        findings_add(check->findings, SEVERITY_ERROR, check->path, line,
                     "TLS_TrustedCerts has no usable entry: at TLSPeerAuth no client connects");
    }
}

/* ---- users ---- */

static void check_users(struct check *check, const struct registry_file *file,
                        const struct users_settings *settings)
{
    struct users *users;
    struct error err;
    if (!settings->present || settings->authentication != USERS_BY_FILE) {
        return;
    }
    d2k_result result = users_read(settings->file, &users, &err);
    if (result == D2K_OK) {
        users_free(users);
        return;
    }
    findings_add(check->findings, result == D2K_NOT_FOUND ? SEVERITY_WARNING : SEVERITY_ERROR,
                 check->path, line_of(file, "Users", "Users_File"), "%s: nobody can log on",
                 err.text);
}

/* ---- files ---- */

static void note_missing_sections(struct check *check, const struct application_settings *settings,
                                  const char *application)
{
    if (settings->tls_server.present) {
        return;
    }
    findings_add(check->findings, settings->tls_client.present ? SEVERITY_NOTE : SEVERITY_WARNING,
                 check->path, 0,
                 "there is no [TLS_Server]: a kernel started with @%s has no TLS and accepts "
                 "every client",
                 application);
}

void check_application_file(struct findings *findings, const struct registry_file *file,
                            const char *application, bool with_certificates)
{
    struct check own = {.findings = findings, .path = file->path};
    struct check *check = &own;
    struct settings_findings sink = {take_finding, check};
    struct application_settings settings;
    struct error err;
    d2k_result result = settings_parse_application(file, &sink, &settings, &err);
    if (result != D2K_OK && result != D2K_CONFIG) {
        findings_add_error(check->findings, file->path, &err);
    } else {
        if (with_certificates) {
            check_identity(check, file, &settings.tls_server);
            check_trusted(check, file, &settings.tls_client);
            check_users(check, file, &settings.users);
        }
        note_missing_sections(check, &settings, application);
    }
    settings_free_application(&settings);
}

static int check_application(struct check *check, const char *application)
{
    char *path = registry_application_file(check->location, application);
    if (path == NULL) {
        return OUTPUT_EXIT_INTERNAL;
    }
    struct registry_file *file;
    struct error err;
    if (tree_read_file(path, &file, &err) != D2K_OK) {
        findings_add_error(check->findings, path, &err);
    } else {
        check_application_file(check->findings, file, application, true);
        registry_free(file);
    }
    free(path);
    return OUTPUT_EXIT_OK;
}

static bool is_there(const struct os_names *names, const char *application)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->names[i], application) == 0) {
            return true;
        }
    }
    return false;
}

void check_installation_file(struct findings *findings, const struct registry_file *file,
                             const struct os_names *applications)
{
    struct check own = {.findings = findings, .path = file->path};
    struct check *check = &own;
    struct settings_findings sink = {take_finding, check};
    struct installation_settings settings;
    struct error err;
    d2k_result result = settings_parse_installation(file, &sink, &settings, &err);
    if (result != D2K_OK && result != D2K_CONFIG) {
        findings_add_error(check->findings, file->path, &err);
    } else if (settings.default_application != NULL && !applications->more &&
               !is_there(applications, settings.default_application)) {
        findings_add(check->findings, SEVERITY_ERROR, file->path,
                     line_of(file, "", "DefaultApplication"),
                     "DefaultApplication = %s, but there is no cfg_%s.conf: a program without "
                     "@<application> does not start",
                     settings.default_application, settings.default_application);
    }
    settings_free_installation(&settings);
}

static int check_installation(struct check *check, const struct os_names *applications)
{
    char *path = registry_installation_file(check->location);
    if (path == NULL) {
        return OUTPUT_EXIT_INTERNAL;
    }
    struct registry_file *file;
    struct error err;
    d2k_result result = tree_read_file(path, &file, &err);
    if (result == D2K_OK) {
        check_installation_file(check->findings, file, applications);
        registry_free(file);
    } else if (result != D2K_NOT_FOUND) {
        findings_add_error(check->findings, path, &err);
    }
    free(path);
    return OUTPUT_EXIT_OK;
}

static bool looks_like_application_file(const char *name)
{
    size_t size = strlen(name);
    return size >= strlen("cfg_.conf") && strncmp(name, "cfg_", 4) == 0 &&
           strcmp(name + size - strlen(".conf"), ".conf") == 0;
}

/* "cfg_PLANT 2.conf" is read by nobody, which its owner should know. */
static void warn_of_bad_names(struct check *check)
{
    struct os_names names;
    if (os_directory_list(check->location->config_dir, looks_like_application_file,
                          REGISTRY_APPLICATIONS_MAX, &names) != 0) {
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        char application[REGISTRY_APPLICATION_MAX + 2]; /* one too long stays one too long */
        text_copy(application, sizeof application, names.names[i] + strlen("cfg_"));
        size_t size = strlen(names.names[i]) - strlen("cfg_.conf");
        if (size < sizeof application) {
            application[size] = '\0';
        }
        if (!registry_is_application_name(application)) {
            findings_add(check->findings, SEVERITY_WARNING, check->location->config_dir, 0,
                         "%s is never read: an application's name has 1 to %u letters, digits, _ "
                         "or -",
                         names.names[i], REGISTRY_APPLICATION_MAX);
        }
    }
    os_names_free(&names);
}

static int check_all(struct check *check, const struct options *options,
                     const struct os_names *applications)
{
    int code = check_installation(check, applications);
    if (options->application != NULL) {
        return code == OUTPUT_EXIT_OK ? check_application(check, options->application) : code;
    }
    for (size_t i = 0; i < applications->count && code == OUTPUT_EXIT_OK; i++) {
        code = check_application(check, applications->names[i]);
    }
    warn_of_bad_names(check);
    if (applications->count == 0) {
        findings_add(check->findings, SEVERITY_WARNING, check->location->config_dir, 0,
                     "there is no cfg_<application>.conf");
    } else if (applications->more) {
        findings_add(check->findings, SEVERITY_WARNING, check->location->config_dir, 0,
                     "only the first %u applications were checked", REGISTRY_APPLICATIONS_MAX);
    }
    return code;
}

int check_configuration(const struct options *options, const struct registry_location *location)
{
    struct os_names applications;
    struct error err;
    if (registry_applications(location, &applications, &err) != D2K_OK) {
        return output_fail(&err);
    }
    struct findings findings;
    findings_begin(&findings, options->json);
    struct check check = {.findings = &findings, .location = location};
    int code = check_all(&check, options, &applications);
    os_names_free(&applications);
    int found = findings_end(&findings);
    if (code != OUTPUT_EXIT_OK) {
        output_complain("out of memory");
        return code;
    }
    return found;
}
