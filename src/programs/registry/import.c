/* programs/registry/import.h: the entries of a .reg file, one after the other, as changes of one
 * transaction. */
#include "programs/registry/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "programs/registry/change.h"
#include "programs/registry/output.h"
#include "registry/reg_file.h"

#define SHOWN_MAX 200

struct import {
    struct transaction t;
    const char *path;
    const char *from;        /* installation in the file */
    const char *application; /* NULL: all */
    struct reg_file *reg;
    /* Of the key that is read now. */
    const char *key; /* as written */
    struct tree_path place;
    struct transaction_file *file; /* NULL: the key is not imported */
    unsigned foreign_keys, own_keys;
    unsigned changed, unchanged, left_out;
    char other_installation[SHOWN_MAX]; /* the first that was met; "" */
};

/* ---- keys ---- */

/* Deleting one of these would delete the installation with it. */
static bool is_above_installation(const char *key)
{
    static const char *const roots[] = {"HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft",
                                        "HKLM\\SOFTWARE\\Ipesoft",
                                        "HKEY_LOCAL_MACHINE\\SOFTWARE\\WOW6432Node\\Ipesoft",
                                        "HKLM\\SOFTWARE\\WOW6432Node\\Ipesoft"};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (registry_key_is_below(roots[i], key)) {
            return true;
        }
    }
    return false;
}

static void leave_out_key(struct import *import, const struct reg_entry *entry, const char *why)
{
    import->left_out++;
    transaction_complain(&import->t, false, "%s:%u: %s is left out: %s", import->path, entry->line,
                         entry->key, why);
}

/* Whether the key is of the installation that is imported; finds its place in the tree. */
static d2k_result find_place(struct import *import, const struct reg_entry *entry,
                             bool *ret_is_ours, struct error *err)
{
    *ret_is_ours = false;
    free(import->place.copy);
    d2k_result result = tree_path_parse(entry->key, strlen(entry->key), &import->place, err);
    if (result == D2K_NO_MEMORY) {
        return result;
    }
    const struct tree_path *place = &import->place;
    if (result != D2K_OK || place->installation == NULL) {
        return D2K_OK;
    }
    if (!text_equal_ignoring_case(place->installation, import->from)) {
        if (import->other_installation[0] == '\0') {
            text_copy(import->other_installation, sizeof import->other_installation,
                      place->installation);
        }
        return D2K_OK;
    }
    *ret_is_ours = import->application == NULL ||
                   (place->application != NULL &&
                    text_equal_ignoring_case(place->application, import->application));
    return D2K_OK;
}

static d2k_result open_file(struct import *import, const struct reg_entry *entry, struct error *err)
{
    const char *application = import->place.application;
    if (application == NULL) {
        return transaction_open(&import->t, NULL, &import->file, err);
    }
    if (!registry_is_application_name(application)) {
        leave_out_key(import, entry, "an application's name has 1 to 64 letters, digits, _ or -");
        return D2K_OK;
    }
    application = transaction_application(&import->t, application);
    return application == NULL ? error_no_memory(err)
                               : transaction_open(&import->t, application, &import->file, err);
}

static d2k_result enter_key(struct import *import, const struct reg_entry *entry, struct error *err)
{
    bool is_ours;
    import->file = NULL;
    import->key = entry->key;
    d2k_result result = find_place(import, entry, &is_ours, err);
    if (result != D2K_OK) {
        return result;
    }
    if (!is_ours) {
        import->foreign_keys += !is_above_installation(entry->key);
        return D2K_OK;
    }
    import->own_keys++;
    if (edit_refuse_key(import->place.rest) != NULL) {
        leave_out_key(import, entry, edit_refuse_key(import->place.rest));
        return D2K_OK;
    }
    return open_file(import, entry, err);
}

/* Keys that only lead to others need no section. */
static bool stands_for_itself(const struct import *import, size_t index)
{
    if (index + 1 == import->reg->count) {
        return true;
    }
    const struct reg_entry *entry = &import->reg->entries[index], *next = entry + 1;
    if (next->kind == REG_VALUE || next->kind == REG_VALUE_DELETED) {
        return false;
    }
    return next->kind != REG_KEY || !registry_key_is_below(next->key, entry->key);
}

static d2k_result import_key(struct import *import, size_t index, struct error *err)
{
    d2k_result result = enter_key(import, &import->reg->entries[index], err);
    if (result != D2K_OK || import->file == NULL) {
        return result;
    }
    import->file->must_exist_after |= import->file->application != NULL;
    if (!stands_for_itself(import, index) || edit_has_key(import->file->edit, import->place.rest)) {
        return D2K_OK;
    }
    transaction_report(&import->t, "%s: new, without values", import->key);
    return edit_add_key(import->file->edit, import->place.rest, err);
}

static d2k_result delete_key(struct import *import, const struct reg_entry *entry,
                             struct error *err)
{
    bool is_whole_installation = is_above_installation(entry->key);
    d2k_result result = enter_key(import, entry, err);
    if (result == D2K_OK && import->file != NULL && import->file->application == NULL &&
        import->place.rest[0] == '\0') {
        is_whole_installation = true;
    }
    if (is_whole_installation) {
        return error_set(err, D2K_CONFIG,
                         "%s:%u: [-%.200s] would delete the whole configuration; remove its files "
                         "yourself if that is meant",
                         import->path, entry->line, entry->key);
    }
    if (result != D2K_OK || import->file == NULL) {
        return result;
    }
    unsigned count = edit_remove_key(import->file->edit, import->place.rest);
    if (count > 0) {
        import->changed += count;
        transaction_report(&import->t, "%s: deleted, with %u value%s", entry->key, count,
                           count == 1 ? "" : "s");
    }
    return D2K_OK;
}

/* ---- values ---- */

/* What d2k reads must not get lost; the rest may. */
static void leave_out_value(struct import *import, const struct reg_entry *entry, const char *why)
{
    const struct setting *setting = change_setting(import->file, import->place.rest, entry->name);
    char type[64] = "";
    if (entry->text == NULL && entry->type != NULL) {
        (void)text_copy(type, sizeof type, entry->type);
    }
    import->left_out++;
    transaction_complain(&import->t, setting != NULL, "%s:%u: \"%s\" is left out: %s%s%s%s",
                         import->path, entry->line, entry->name, why, type[0] != '\0' ? " (" : "",
                         type, type[0] != '\0' ? ")" : "");
}

static bool is_windows_path(const char *text)
{
    bool has_letter = (text[0] >= 'A' && text[0] <= 'Z') || (text[0] >= 'a' && text[0] <= 'z');
    return (has_letter && text[1] == ':') || strncmp(text, "\\\\", 2) == 0;
}

/* Also in one entry of a list. */
static bool has_windows_path(const char *text)
{
    for (const char *at = text; at != NULL; at = strchr(at, ';')) {
        at += strspn(at, "; \t\"");
        if (is_windows_path(at)) {
            return true;
        }
    }
    return false;
}

static void warn_of_path(struct import *import, const struct reg_entry *entry)
{
    const struct setting *setting = change_setting(import->file, import->place.rest, entry->name);
    if (!setting_is_path(setting)) {
        return;
    }
    if (has_windows_path(entry->text)) {
        transaction_complain(&import->t, false,
                             "%s:%u: %s = %s is a Windows path; it is imported as it is, here it "
                             "leads nowhere: change it with d2k-registry set",
                             import->path, entry->line, entry->name, entry->text);
    } else if (strchr(entry->text, '%') != NULL && strcmp(entry->type, "REG_EXPAND_SZ") == 0) {
        transaction_complain(&import->t, false,
                             "%s:%u: %s = %s: variables between %% are not replaced", import->path,
                             entry->line, entry->name, entry->text);
    }
}

static const char *refuse_value(const struct reg_entry *entry)
{
    if (strcmp(entry->name, REG_DEFAULT_NAME) == 0 && !entry->is_default) {
        return "it could not be told from the default value of its key";
    }
    if (edit_refuse_name(entry->name) != NULL) {
        return edit_refuse_name(entry->name);
    }
    return entry->kind == REG_VALUE && entry->text == NULL ? entry->no_text : NULL;
}

static d2k_result import_value(struct import *import, const struct reg_entry *entry,
                               struct error *err)
{
    if (import->file == NULL) {
        return D2K_OK;
    }
    const char *why = refuse_value(entry);
    if (why != NULL) {
        leave_out_value(import, entry, why);
        return D2K_OK;
    }
    bool changed;
    d2k_result result = change_value(&import->t, import->file, import->place.rest, entry->name,
                                     entry->text, &changed, err);
    if (result == D2K_ARGUMENT || result == D2K_LIMIT) {
        leave_out_value(import, entry, err->text);
        return D2K_OK;
    }
    if (result == D2K_OK) {
        *(changed ? &import->changed : &import->unchanged) += 1;
    }
    if (result == D2K_OK && entry->text != NULL) {
        warn_of_path(import, entry);
    }
    return result;
}

/* ---- the file ---- */

static d2k_result import_entry(struct import *import, size_t index, struct error *err)
{
    const struct reg_entry *entry = &import->reg->entries[index];
    switch (entry->kind) {
    case REG_KEY:
        return import_key(import, index, err);
    case REG_KEY_DELETED:
        return delete_key(import, entry, err);
    case REG_VALUE:
    case REG_VALUE_DELETED:
        break;
    }
    return import_value(import, entry, err);
}

static d2k_result fail_nothing(const struct import *import, struct error *err)
{
    const char *application = import->application != NULL ? import->application : "";
    const char *prefix = import->application != NULL ? "\\cfg_" : "";
    if (import->other_installation[0] != '\0') {
        return error_set(err, D2K_NOT_FOUND,
                         "%s: has nothing of ...\\Ipesoft\\%s%s%s, but of another installation: "
                         "--from=%s imports that",
                         import->path, import->from, prefix, application,
                         import->other_installation);
    }
    return error_set(err, D2K_NOT_FOUND,
                     "%s: has nothing of HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\%s%s%s",
                     import->path, import->from, prefix, application);
}

static d2k_result import_entries(struct import *import, struct error *err)
{
    for (size_t i = 0; i < import->reg->count; i++) {
        d2k_result result = import_entry(import, i, err);
        if (result != D2K_OK) {
            return result;
        }
    }
    if (import->own_keys == 0) {
        return fail_nothing(import, err);
    }
    if (import->reg->is_latin1) {
        transaction_complain(&import->t, false,
                             "%s: is neither UTF-16 nor UTF-8 and was read as Latin-1; if letters "
                             "are wrong, export it as \"Windows Registry Editor Version 5.00\"",
                             import->path);
    }
    if (import->foreign_keys > 0) {
        transaction_report(&import->t, "ignored: %u key%s outside ...\\Ipesoft\\%s%s%s",
                           import->foreign_keys, import->foreign_keys == 1 ? "" : "s", import->from,
                           import->application != NULL ? "\\cfg_" : "",
                           import->application != NULL ? import->application : "");
    }
    transaction_report(&import->t, "%u changed, %u as before, %u left out", import->changed,
                       import->unchanged, import->left_out);
    return D2K_OK;
}

static d2k_result read_reg_file(struct import *import, struct error *err)
{
    char *bytes;
    size_t size;
    int error = os_file_read(import->path, REG_FILE_MAX, &bytes, &size, NULL);
    if (error == EFBIG) {
        return error_set(err, D2K_LIMIT, "%s: the file is larger than %u bytes", import->path,
                         REG_FILE_MAX);
    }
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s: cannot be read: %s", import->path,
                         os_error_text(error));
    }
    d2k_result result = reg_file_parse(import->path, bytes, size, &import->reg, err);
    free(bytes);
    return result;
}

static d2k_result import_all(struct import *import, struct error *err)
{
    d2k_result result = read_reg_file(import, err);
    if (result != D2K_OK) {
        return result;
    }
    result = transaction_begin(&import->t, err);
    if (result == D2K_OK) {
        result = import_entries(import, err);
    }
    if (result == D2K_OK) {
        result = transaction_check(&import->t, err);
    }
    if (result == D2K_OK) {
        result = transaction_write(&import->t, err);
    }
    transaction_end(&import->t);
    return result;
}

int import_run(const struct options *options, const struct registry_location *location)
{
    struct import import = {
        .t = {.location = location, .is_dry_run = options->dry_run, .is_forced = options->force},
        .path = options->operand,
        .from = options->from != NULL ? options->from : location->installation,
        .application = options->application,
    };
    struct error err;
    d2k_result result = import_all(&import, &err);
    reg_file_free(import.reg);
    free(import.place.copy);
    if (result != D2K_OK) {
        return output_fail(&err);
    }
    return import.t.warnings > 0 ? OUTPUT_EXIT_NOT_FOUND : OUTPUT_EXIT_OK;
}
