/* registry/settings.h: a parsed file against the table, and the rules between several settings. */
#include "registry/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "registry/settings_table.h"

#define SHOWN_MAX   200 /* bytes of outside text that a finding repeats */
#define PROBLEM_MAX 512

struct reader {
    const char *kind; /* SETTINGS_APPLICATION or SETTINGS_INSTALLATION */
    const struct registry_file *file;
    const struct settings_findings *findings;
    char *directory; /* of the file, for relative paths */
    void *settings;
    unsigned error_count;
    struct error *err; /* gets the first error */
};

static void report(struct reader *r, bool is_error, unsigned line, const char *format, ...)
    D2K_PRINTF(4, 5);

static void report(struct reader *r, bool is_error, unsigned line, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (is_error && r->error_count++ == 0) {
        error_set(r->err, D2K_CONFIG, "%s:%u: %s", r->file->path, line, text);
    }
    if (r->findings != NULL) {
        r->findings->report(r->findings->context, is_error, r->file->path, line, text);
    }
}

static const char *shown(const char *text, char ret[SHOWN_MAX])
{
    return text_escape(ret, SHOWN_MAX, slice_of(text));
}

/* ---- values ---- */

static void *target_of(const struct reader *r, const struct setting *setting)
{
    return setting->target == SETTING_ONLY_CHECKED ? NULL : (char *)r->settings + setting->target;
}

static d2k_result apply_defaults(struct reader *r)
{
    for (const struct setting *s = settings_table(); s->name != NULL; s++) {
        if (strcmp(s->file, r->kind) != 0 || s->default_text == NULL) {
            continue;
        }
        char problem[PROBLEM_MAX];
        struct setting_input input = {s->default_text, s->default_text, r->directory, problem,
                                      sizeof problem};
        d2k_result result = s->type->parse(s->type, &input, target_of(r, s));
        if (result != D2K_OK) {
            return result == D2K_CONFIG ? D2K_INTERNAL : result;
        }
    }
    return D2K_OK;
}

/* `"a" b`: the reader of the file left it as it is, because a list may look so. */
static bool has_text_after_quote(const struct registry_value *value)
{
    return value->raw[0] == '"' && strcmp(value->raw, value->text) == 0;
}

static d2k_result apply_value(struct reader *r, const struct setting *setting,
                              const struct registry_value *value)
{
    char problem[PROBLEM_MAX];
    struct setting_input input = {value->text, value->raw, r->directory, problem, sizeof problem};
    d2k_result result;
    if (!setting->type->is_list && has_text_after_quote(value)) {
        text_copy(problem, sizeof problem,
                  "a value that begins with a quote must end with one (comments need a line of "
                  "their own)");
        result = D2K_CONFIG;
    } else {
        result = setting->type->parse(setting->type, &input, target_of(r, setting));
    }
    if (result == D2K_CONFIG) {
        char text[SHOWN_MAX];
        report(r, true, value->line, "%s = %s: %s", setting->name, shown(value->raw, text),
               problem);
        return D2K_OK; /* goes on: all errors are reported */
    }
    return result;
}

/* ---- what the table does not know ---- */

static bool is_tls_name(const char *name)
{
    char prefix[sizeof "TLS_"];
    text_copy(prefix, sizeof prefix, name);
    return text_equal_ignoring_case(prefix, "TLS_");
}

static bool is_tls_section(const char *kind, const char *key)
{
    return strcmp(kind, SETTINGS_APPLICATION) == 0 &&
           (text_equal_ignoring_case(key, "TLS_Server") ||
            text_equal_ignoring_case(key, "TLS_Client"));
}

static bool is_rights_section(const char *kind, const char *key)
{
    return strcmp(kind, SETTINGS_APPLICATION) == 0 && registry_key_is_below(key, "Rights");
}

/* An unknown value is ignored with a warning. But a TLS parameter that acts nowhere because of the
 * place it stands in, or a rule whose half is not understood, would leave somebody open who asked
 * for protection: that is an error. */
static void report_unknown_value(struct reader *r, const struct registry_value *value)
{
    char name[SHOWN_MAX], key[SHOWN_MAX], suggestion[PROBLEM_MAX];
    bool is_rule = is_rights_section(r->kind, value->key);
    shown(value->name, name);
    shown(value->key, key);
    settings_suggest(r->kind, value->key, value->name, suggestion, sizeof suggestion);
    const char *space = suggestion[0] != '\0' ? "; " : "";
    if (is_tls_name(value->name) && !is_tls_section(r->kind, value->key)) {
        report(r, true, value->line,
               "%s has no effect here: parameters of TLS stand in [TLS_Server] or [TLS_Client] of "
               "cfg_<application>.conf%s%s",
               name, space, suggestion);
    } else if (value->key[0] == '\0') {
        report(r, false, value->line, "unknown value %s is ignored%s%s", name, space, suggestion);
    } else {
        report(r, is_rule, value->line, "unknown value %s in [%s]%s%s%s", name, key,
               is_rule ? "" : " is ignored", space, suggestion);
    }
}

static void report_unknown_section(struct reader *r, const struct registry_section *section)
{
    char key[SHOWN_MAX];
    shown(section->key, key);
    const char *near = settings_near_section(r->kind, section->key);
    if (is_rights_section(r->kind, section->key)) {
        return; /* rights_parse() says what is wrong with it */
    }
    /* [TLS_Sever] must not mean "no TLS", nor [Rigths\10] "no rule". */
    bool is_error =
        near != NULL && (is_tls_section(r->kind, near) || is_rights_section(r->kind, near) ||
                         text_equal_ignoring_case(near, "Users"));
    if (near == NULL) {
        report(r, false, section->line, "unknown section [%s] is ignored", key);
    } else {
        report(r, is_error, section->line, "unknown section [%s]%s; did you mean [%s]?", key,
               is_error ? "" : " is ignored", near);
    }
}

static d2k_result apply_values(struct reader *r)
{
    for (size_t i = 0; i < r->file->section_count; i++) {
        if (!settings_knows_section(r->kind, r->file->sections[i].key)) {
            report_unknown_section(r, &r->file->sections[i]);
        }
    }
    for (size_t i = 0; i < r->file->count; i++) {
        const struct registry_value *value = &r->file->values[i];
        const struct setting *setting = settings_find(r->kind, value->key, value->name);
        if (setting == NULL) {
            if (settings_knows_section(r->kind, value->key) || is_tls_name(value->name)) {
                report_unknown_value(r, value);
            }
            continue;
        }
        d2k_result result = apply_value(r, setting, value);
        if (result != D2K_OK) {
            return result;
        }
    }
    return D2K_OK;
}

static d2k_result read_values(struct reader *r)
{
    const char *slash = strrchr(r->file->path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - r->file->path) + 1;
    r->directory = text_format("%.*s", (int)size, r->file->path);
    if (r->directory == NULL) {
        return D2K_NO_MEMORY;
    }
    d2k_result result = apply_defaults(r);
    if (result == D2K_OK) {
        result = apply_values(r);
    }
    return result;
}

static d2k_result finish(struct reader *r, d2k_result result)
{
    free(r->directory);
    r->directory = NULL;
    if (result == D2K_NO_MEMORY) {
        return error_no_memory(r->err);
    }
    if (result != D2K_OK) {
        return error_set(r->err, result, "%s: %s", r->file->path, d2k_result_text(result));
    }
    return r->error_count > 0 ? D2K_CONFIG : D2K_OK;
}

/* ---- rules between settings ---- */

/* The line to show for a section: of its first value, else its own. */
static unsigned section_line(const struct registry_file *file, const char *key)
{
    for (size_t i = 0; i < file->count; i++) {
        if (text_equal_ignoring_case(file->values[i].key, key)) {
            return file->values[i].line;
        }
    }
    const struct registry_section *section = registry_find_section(file, key);
    return section == NULL ? 0 : section->line;
}

static bool is_given(const struct reader *r, const char *key, const char *name)
{
    return registry_find(r->file, key, name) != NULL;
}

static unsigned value_line(const struct reader *r, const char *key, const char *name)
{
    const struct registry_value *value = registry_find(r->file, key, name);
    return value != NULL ? value->line : section_line(r->file, key);
}

/* Never "None" because somebody forgot the level. */
static void require_level(struct reader *r, const char *key, const char *allowed)
{
    if (!is_given(r, key, "TLS_RequiredLevel")) {
        report(r, true, section_line(r->file, key),
               "[%s] has no TLS_RequiredLevel: it must be given; allowed: %s", key, allowed);
    }
}

static void check_server(struct reader *r, struct tls_server_settings *server)
{
    static const char key[] = "TLS_Server";
    server->present = registry_has_key(r->file, key);
    if (!server->present) {
        return;
    }
    require_level(r, key, "None, TLSNoPeerAuth");
    bool has_certificate = is_given(r, key, "TLS_CertFile");
    if (server->level > TLS_LEVEL_NONE && !has_certificate) {
        report(r, true, value_line(r, key, "TLS_RequiredLevel"),
               "TLS_RequiredLevel = %s needs TLS_CertFile in [%s]", tls_level_name(server->level),
               key);
    } else if (is_given(r, key, "TLS_KeyFile") && !has_certificate) {
        report(r, false, value_line(r, key, "TLS_KeyFile"),
               "TLS_KeyFile has no effect without TLS_CertFile");
    }
}

static void check_client(struct reader *r, struct tls_client_settings *client)
{
    static const char key[] = "TLS_Client";
    client->present = registry_has_key(r->file, key);
    if (!client->present) {
        return;
    }
    require_level(r, key, "None, TLSNoPeerAuth, TLSPeerAuth");
    if (client->level == TLS_LEVEL_PEER_AUTH && !is_given(r, key, "TLS_TrustedCerts")) {
        report(r, true, value_line(r, key, "TLS_RequiredLevel"),
               "TLS_RequiredLevel = TLSPeerAuth needs TLS_TrustedCerts in [%s]", key);
    }
}

static void report_mistake(void *context, unsigned line, const char *text)
{
    report(context, true, line, "%s", text);
}

/* What is wrong with a single value was reported by then. */
static d2k_result read_rights(struct reader *r, struct rights **ret_rights)
{
    struct rights_report to_reader = {report_mistake, r};
    d2k_result result = rights_parse(r->file, &to_reader, ret_rights);
    return result == D2K_CONFIG ? D2K_OK : result;
}

d2k_result settings_parse_application(const struct registry_file *file,
                                      const struct settings_findings *findings,
                                      struct application_settings *ret_settings, struct error *err)
{
    *ret_settings = (struct application_settings){.stamp = file->stamp};
    struct reader r = {.kind = SETTINGS_APPLICATION,
                       .file = file,
                       .findings = findings,
                       .settings = ret_settings,
                       .err = err};
    d2k_result result = read_values(&r);
    if (result == D2K_OK) {
        check_server(&r, &ret_settings->tls_server);
        check_client(&r, &ret_settings->tls_client);
        ret_settings->users.present = registry_has_key(file, "Users");
        result = read_rights(&r, &ret_settings->rights);
    }
    if (result == D2K_OK) {
        result = settings_read_processes(file, r.directory, report_mistake, &r,
                                         &ret_settings->processes);
    }
    return finish(&r, result);
}

d2k_result settings_parse_installation(const struct registry_file *file,
                                       const struct settings_findings *findings,
                                       struct installation_settings *ret_settings,
                                       struct error *err)
{
    *ret_settings = (struct installation_settings){0};
    struct reader r = {.kind = SETTINGS_INSTALLATION,
                       .file = file,
                       .findings = findings,
                       .settings = ret_settings,
                       .err = err};
    d2k_result result = read_values(&r);
    return finish(&r, result);
}

/* ---- whole files, for programs ---- */

struct counted_log {
    const struct log *log;
    unsigned error_count;
};

/* Errors go back to the caller, who decides what they mean for him. */
static void log_finding(void *context, bool is_error, const char *path, unsigned line,
                        const char *text)
{
    struct counted_log *counted = context;
    if (is_error) {
        counted->error_count++;
        return;
    }
    char safe_path[512];
    text_escape(safe_path, sizeof safe_path, slice_of(path));
    log_write(counted->log, LOG_WARNING, "REGISTRY", "%s:%u: %s", safe_path, line, text);
}

static void tell_other_errors(const struct counted_log *counted, struct error *err)
{
    if (err != NULL && counted->error_count > 1) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, " (and %u more: d2k-registry check)",
                 counted->error_count - 1);
    }
}

/* "applications there: PLANT, TEST", cut where it becomes too long. */
static void list_applications(const struct os_names *names, char *ret, size_t size)
{
    size_t used = text_copy(ret, size, names->count > 0 ? "applications there: " : "");
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->names[i];
        if (used + strlen(name) + sizeof ", ..." > size) {
            text_copy(ret + used, size - used, ", ...");
            return;
        }
        int n = snprintf(ret + used, size - used, "%s%s", i > 0 ? ", " : "", name);
        used += n > 0 ? (size_t)n : 0;
    }
    if (names->count == 0) {
        text_copy(ret, size, "no application is configured there");
    }
}

static d2k_result fail_no_application(const struct registry_location *location, const char *path,
                                      struct error *err)
{
    struct os_names names;
    struct error listing;
    d2k_result result = registry_applications(location, &names, &listing);
    if (result == D2K_NOT_FOUND) {
        return error_set(err, D2K_NOT_FOUND, "%s: there is no such file, nor its directory", path);
    }
    if (result != D2K_OK) {
        return error_set(err, D2K_NOT_FOUND, "%s: there is no such file (%s)", path, listing.text);
    }
    char applications[ERROR_TEXT_MAX / 2];
    list_applications(&names, applications, sizeof applications);
    os_names_free(&names);
    return error_set(err, D2K_NOT_FOUND, "%s: there is no such file; %s", path, applications);
}

static d2k_result read_application_file(const struct registry_location *location,
                                        const char *application, struct registry_file **ret_file,
                                        struct error *err)
{
    if (!registry_is_application_name(application)) {
        char safe[SHOWN_MAX];
        return error_set(err, D2K_ARGUMENT,
                         "\"%s\" is not the name of an application: 1 to %u letters, digits, _ "
                         "or -",
                         shown(application, safe), REGISTRY_APPLICATION_MAX);
    }
    char *path = registry_application_file(location, application);
    if (path == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = registry_read(path, ret_file, err);
    if (result == D2K_NOT_FOUND) {
        result = fail_no_application(location, path, err);
    }
    free(path);
    return result;
}

d2k_result settings_read_application(const struct registry_location *location,
                                     const char *application, const struct log *log,
                                     struct application_settings *ret_settings, struct error *err)
{
    *ret_settings = (struct application_settings){0};
    struct registry_file *file;
    d2k_result result = read_application_file(location, application, &file, err);
    if (result != D2K_OK) {
        return result;
    }
    struct counted_log counted = {log, 0};
    struct settings_findings findings = {log_finding, &counted};
    result = settings_parse_application(file, &findings, ret_settings, err);
    registry_free(file);
    if (result != D2K_OK) {
        tell_other_errors(&counted, err);
        settings_free_application(ret_settings);
    }
    return result;
}

void settings_free_application(struct application_settings *settings)
{
    free(settings->tls_server.cert_file);
    free(settings->tls_server.key_file);
    for (size_t i = 0; i < settings->tls_client.trusted_count; i++) {
        free(settings->tls_client.trusted_certs[i]);
    }
    free(settings->users.file);
    free(settings->users.pam_service);
    rights_unref(settings->rights);
    static_processes_free(&settings->processes);
    *settings = (struct application_settings){0};
}

/* A file that is not there has only defaults; but a directory that somebody named must be. */
static d2k_result read_installation_file(const struct registry_location *location,
                                         struct registry_file **ret_file, struct error *err)
{
    char *path = registry_installation_file(location);
    if (path == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = registry_read(path, ret_file, err);
    struct os_file_stamp directory = {.exists = true};
    if (result == D2K_NOT_FOUND && location->config_dir_given &&
        os_file_stamp(location->config_dir, &directory) == 0 && !directory.exists) {
        result = error_set(err, D2K_NOT_FOUND,
                           "%s: there is no such directory (--config-dir or D2K_CONFIG_DIR)",
                           location->config_dir);
    } else if (result == D2K_NOT_FOUND) {
        result = registry_parse(path, "", 0, ret_file, err);
    }
    free(path);
    return result;
}

d2k_result settings_read_installation(const struct registry_location *location,
                                      const struct log *log,
                                      struct installation_settings *ret_settings, struct error *err)
{
    *ret_settings = (struct installation_settings){0};
    struct registry_file *file;
    d2k_result result = read_installation_file(location, &file, err);
    if (result != D2K_OK) {
        return result;
    }
    struct counted_log counted = {log, 0};
    struct settings_findings findings = {log_finding, &counted};
    result = settings_parse_installation(file, &findings, ret_settings, err);
    registry_free(file);
    if (result != D2K_OK) {
        tell_other_errors(&counted, err);
        settings_free_installation(ret_settings);
    }
    return result;
}

void settings_free_installation(struct installation_settings *settings)
{
    free(settings->default_application);
    *settings = (struct installation_settings){0};
}
