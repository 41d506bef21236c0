/* programs/registry/change.h: from arguments to changes of files. */
#include "programs/registry/change.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "programs/registry/output.h"

#define SUGGESTION_MAX 256

/* ---- one value ---- */

static const char *kind_of(const struct transaction_file *file)
{
    return file->application == NULL ? SETTINGS_INSTALLATION : SETTINGS_APPLICATION;
}

const struct setting *change_setting(const struct transaction_file *file, const char *key,
                                     const char *name)
{
    return settings_find(kind_of(file), key, name);
}

/* The entries of a list have quotes of their own; blanks around it do not count. */
static char *raw_of(const struct setting *setting, const char *text)
{
    if (!setting_is_list(setting)) {
        return edit_quote(text);
    }
    struct slice list = slice_of(text);
    while (list.size > 0 && strchr(" \t", list.data[0]) != NULL) {
        list = (struct slice){list.data + 1, list.size - 1};
    }
    while (list.size > 0 && strchr(" \t", list.data[list.size - 1]) != NULL) {
        list.size--;
    }
    return slice_copy(list);
}

static char *text_for_people(const struct setting *setting, const char *raw)
{
    return setting_is_list(setting) ? slice_copy(slice_of(raw)) : edit_unquote(raw);
}

static const char *shown(const char *text)
{
    if (text == NULL) {
        return "not set";
    }
    return text[0] == '\0' ? "\"\"" : text;
}

static void report_change(struct transaction *t, const struct transaction_file *file,
                          const char *key, const char *name, const char *old, const char *new)
{
    const struct setting *setting = change_setting(file, key, name);
    const char *acts = setting == NULL ? "unknown to d2k" : setting_when_text(setting->when);
    const char *default_text = setting == NULL ? NULL : setting->default_text;
    bool shows_default = default_text != NULL && (old == NULL || new == NULL);
    bool has_application = file->application != NULL;
    transaction_report(t, "%s%s%s%s%s%s: %s -> %s (%s%s%s)", has_application ? "cfg_" : "",
                       has_application ? file->application : "", has_application ? "\\" : "", key,
                       key[0] != '\0' ? "\\" : "", name, shown(old), shown(new), acts,
                       shows_default ? "; default: " : "", shows_default ? default_text : "");
}

static d2k_result set_value(struct transaction_file *file, const char *key, const char *name,
                            const char *text, struct error *err)
{
    if (text == NULL) {
        (void)edit_unset(file->edit, key, name);
        return D2K_OK;
    }
    char *raw = raw_of(change_setting(file, key, name), text);
    if (raw == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = edit_set(file->edit, key, name, raw, err);
    free(raw);
    return result;
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

d2k_result change_value(struct transaction *t, struct transaction_file *file, const char *key,
                        const char *name, const char *text, bool *ret_changed, struct error *err)
{
    const struct setting *setting = change_setting(file, key, name);
    const char *raw = edit_find(file->edit, key, name);
    char *old = raw == NULL ? NULL : text_for_people(setting, raw);
    if (raw != NULL && old == NULL) {
        return error_no_memory(err);
    }
    *ret_changed = !is_same(old, text);
    d2k_result result = D2K_OK;
    if (*ret_changed) {
        result = set_value(file, key, name, text, err);
    }
    if (*ret_changed && result == D2K_OK) {
        report_change(t, file, key, name, old, text);
    }
    free(old);
    return result;
}

/* ---- the file of a value ---- */

static d2k_result read_default_application(struct transaction *t, char **ret_name,
                                           struct error *err)
{
    *ret_name = NULL;
    struct transaction_file *file;
    d2k_result result = transaction_open(t, NULL, &file, err);
    if (result != D2K_OK) {
        return result;
    }
    const char *raw = edit_find(file->edit, "", "DefaultApplication");
    if (raw == NULL) {
        return error_set(err, D2K_ARGUMENT,
                         "this is set for each application: add @<application> (there is no "
                         "DefaultApplication)");
    }
    *ret_name = edit_unquote(raw);
    if (*ret_name == NULL) {
        return error_no_memory(err);
    }
    if (!registry_is_application_name(*ret_name)) {
        return error_set(err, D2K_CONFIG,
                         "DefaultApplication = %s is not the name of an "
                         "application",
                         *ret_name);
    }
    return D2K_OK;
}

static bool is_of_installation(const struct tree_path *path, const char *key, const char *name)
{
    if (path->application != NULL) {
        return false;
    }
    return path->is_absolute || (settings_find(SETTINGS_INSTALLATION, key, name) != NULL &&
                                 settings_find(SETTINGS_APPLICATION, key, name) == NULL);
}

static d2k_result open_file_of(struct transaction *t, const struct options *options,
                               const struct tree_path *path, const char *key, const char *name,
                               struct transaction_file **ret_file, struct error *err)
{
    if (is_of_installation(path, key, name)) {
        return transaction_open(t, NULL, ret_file, err);
    }
    const char *application =
        options->application != NULL ? options->application : path->application;
    if (application != NULL) {
        return transaction_open(t, application, ret_file, err);
    }
    char *of_default;
    d2k_result result = read_default_application(t, &of_default, err);
    if (result == D2K_OK) {
        result = transaction_open(t, of_default, ret_file, err);
    }
    free(of_default);
    return result;
}

/* ---- set and unset ---- */

/* A name that nobody reads is a typing mistake until --force says otherwise. */
static void refuse_unknown(struct transaction *t, const struct transaction_file *file,
                           const char *key, const char *name)
{
    if (change_setting(file, key, name) != NULL) {
        return;
    }
    char suggestion[SUGGESTION_MAX];
    settings_suggest(kind_of(file), key, name, suggestion, sizeof suggestion);
    transaction_complain(t, true, "%s%s%s: there is no such setting%s%s", key,
                         key[0] == '\0' ? "" : "\\", name, suggestion[0] == '\0' ? "" : "; ",
                         suggestion);
}

static d2k_result apply(struct transaction *t, const struct options *options,
                        const struct assignment *assignment, const char *key, const char *name,
                        bool *ret_changed, struct error *err)
{
    struct transaction_file *file;
    d2k_result result = open_file_of(t, options, &assignment->path, key, name, &file, err);
    if (result != D2K_OK) {
        return result;
    }
    if (assignment->value != NULL) {
        refuse_unknown(t, file, key, name);
    }
    return change_value(t, file, key, name, assignment->value, ret_changed, err);
}

static d2k_result apply_all(struct transaction *t, const struct options *options,
                            unsigned *ret_changed, struct error *err)
{
    *ret_changed = 0;
    for (size_t i = 0; i < options->assignment_count; i++) {
        const struct assignment *assignment = &options->assignments[i];
        char *key;
        const char *name;
        bool changed = false;
        d2k_result result = tree_path_split(&assignment->path, &key, &name, err);
        if (result == D2K_OK) {
            result = apply(t, options, assignment, key, name, &changed, err);
        }
        free(key);
        if (result != D2K_OK) {
            return result;
        }
        *ret_changed += changed;
    }
    return D2K_OK;
}

static int change(const struct options *options, const struct registry_location *location,
                  unsigned *ret_changed)
{
    struct transaction t = {.location = location,
                            .is_dry_run = options->dry_run,
                            .is_forced = options->force,
                            .with_certificates = true};
    struct error err;
    d2k_result result = transaction_begin(&t, &err);
    if (result == D2K_OK) {
        result = apply_all(&t, options, ret_changed, &err);
    }
    if (result == D2K_OK) {
        result = transaction_check(&t, &err);
    }
    if (result == D2K_OK) {
        result = transaction_write(&t, &err);
    }
    transaction_end(&t);
    return result == D2K_OK ? OUTPUT_EXIT_OK : output_fail(&err);
}

int change_set(const struct options *options, const struct registry_location *location)
{
    unsigned changed;
    return change(options, location, &changed);
}

int change_unset(const struct options *options, const struct registry_location *location)
{
    unsigned changed = 0;
    int code = change(options, location, &changed);
    return code == OUTPUT_EXIT_OK && changed == 0 ? OUTPUT_EXIT_NOT_FOUND : code;
}
