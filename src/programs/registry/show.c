/* programs/registry/show.h: list and get. */
#include "programs/registry/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "programs/registry/output.h"
#include "programs/registry/tree.h"

#define ROOT "HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\"

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* Writes "HKEY_LOCAL_MACHINE\SOFTWARE\Ipesoft\d2k\cfg_PLANT\TLS_Server"; malloc'ed. */
static char *full_key(const struct registry_location *location, const struct tree_entry *entry)
{
    return text_format(ROOT "%s%s%s%s%s", location->installation,
                       entry->application != NULL ? "\\cfg_" : "", or_empty(entry->application),
                       entry->key[0] != '\0' ? "\\" : "", entry->key);
}

static void write_entry_json(struct json *json, const char *key, const struct tree_entry *entry)
{
    json_write_open(json, NULL, '{');
    json_write_text(json, "key", slice_of(key));
    json_write_text(json, "name", slice_of(entry->name));
    json_write_text(json, "value", slice_of(entry->text));
    json_write_boolean(json, "default", entry->file == NULL);
    json_write_boolean(json, "known", entry->setting != NULL);
    if (entry->file != NULL) {
        json_write_text(json, "file", slice_of(entry->file->path));
        json_write_unsigned(json, "line", entry->line);
    }
    json_write_close(json, '}');
}

static int finish_json(struct buffer *out)
{
    bool done = output_json(out);
    buffer_free(out);
    if (!done) {
        output_complain("out of memory");
        return OUTPUT_EXIT_INTERNAL;
    }
    return OUTPUT_EXIT_OK;
}

/* ---- list ---- */

/* Whether a person who asked for options->path wants to see it. */
static bool is_asked_for(const struct options *options, const struct tree_entry *entry)
{
    const struct tree_path *path = &options->path;
    if (options->operand == NULL) {
        return true;
    }
    if (path->application != NULL && entry->application == NULL) {
        return false;
    }
    bool whole_installation = path->is_absolute && path->application == NULL;
    if (whole_installation && path->rest[0] != '\0' && entry->application != NULL) {
        return false;
    }
    return registry_key_is_below(entry->key, path->rest);
}

static void print_entry(const struct tree_entry *entry)
{
    fputs("  ", stdout);
    output_text(entry->name);
    fputs(" = ", stdout);
    output_text(entry->text);
    if (entry->file == NULL) {
        fputs("    (default)\n", stdout);
        return;
    }
    fputs("    (", stdout);
    output_text(entry->file->path);
    printf(":%u%s)\n", entry->line, entry->setting == NULL ? ", unknown" : "");
}

static bool has_other_key(const struct tree_entry *a, const struct tree_entry *b)
{
    return a == NULL ||
           !text_equal_ignoring_case(or_empty(a->application), or_empty(b->application)) ||
           !text_equal_ignoring_case(a->key, b->key);
}

static int list_entries(const struct options *options, const struct registry_location *location,
                        const struct tree *tree, struct json *json)
{
    const struct tree_entry *before = NULL;
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_entry *entry = &tree->entries[i];
        if (!is_asked_for(options, entry)) {
            continue;
        }
        char *key = full_key(location, entry);
        if (key == NULL) {
            output_complain("out of memory");
            return OUTPUT_EXIT_INTERNAL;
        }
        if (options->json) {
            write_entry_json(json, key, entry);
        } else {
            if (has_other_key(before, entry)) {
                fputs(before != NULL ? "\n[" : "[", stdout);
                output_text(key);
                fputs("]\n", stdout);
            }
            print_entry(entry);
        }
        free(key);
        before = entry;
    }
    return before == NULL ? OUTPUT_EXIT_NOT_FOUND : OUTPUT_EXIT_OK;
}

static int list_tree(const struct options *options, const struct registry_location *location,
                     const struct tree *tree)
{
    struct buffer out;
    buffer_init(&out, OUTPUT_JSON_MAX);
    struct json json = json_into(&out);
    json_write_open(&json, NULL, '[');
    int code = list_entries(options, location, tree, &json);
    json_write_close(&json, ']');
    if (options->json && code != OUTPUT_EXIT_INTERNAL) {
        int written = finish_json(&out);
        return written != OUTPUT_EXIT_OK ? written : code;
    }
    buffer_free(&out);
    if (code == OUTPUT_EXIT_NOT_FOUND) {
        output_complain("there is nothing below this key");
    }
    return code;
}

/* `file` is what the person asked for, so a missing one is not "nothing there" but an error. */
static int fail_tree(struct tree *tree, const struct error *err)
{
    tree_free(tree);
    return output_fail(err);
}

int show_list(const struct options *options, const struct registry_location *location)
{
    struct tree tree;
    struct error err;
    if (tree_read(location, options->application, true, &tree, &err) != D2K_OK) {
        return fail_tree(&tree, &err);
    }
    int code = list_tree(options, location, &tree);
    tree_free(&tree);
    return code;
}

/* ---- get ---- */

struct wanted {
    char *key, *name; /* within the application or the installation */
};

static bool split_wanted(const char *rest, struct wanted *ret_wanted)
{
    const char *backslash = strrchr(rest, '\\');
    size_t size = backslash == NULL ? 0 : (size_t)(backslash - rest);
    ret_wanted->key = text_format("%.*s", (int)size, rest);
    ret_wanted->name = text_format("%s", backslash == NULL ? rest : backslash + 1);
    return ret_wanted->key != NULL && ret_wanted->name != NULL;
}

static const struct tree_entry *find_entry(const struct tree *tree, bool of_application,
                                           const struct wanted *wanted)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_entry *entry = &tree->entries[i];
        if ((entry->application != NULL) == of_application &&
            text_equal_ignoring_case(entry->key, wanted->key) &&
            text_equal_ignoring_case(entry->name, wanted->name)) {
            return entry;
        }
    }
    return NULL;
}

/* "TLS_Server\..." is below the application, "DefaultApplication" below the installation; only a
 * path that begins above says itself which it is. */
static const struct tree_entry *find_wanted(const struct options *options, const struct tree *tree,
                                            const struct wanted *wanted)
{
    const struct tree_path *path = &options->path;
    const struct tree_entry *entry = NULL;
    if (path->application != NULL || !path->is_absolute) {
        entry = find_entry(tree, true, wanted);
    }
    if (entry == NULL && path->application == NULL) {
        entry = find_entry(tree, false, wanted);
    }
    return entry;
}

static int explain_missing(const struct tree *tree, const struct wanted *wanted)
{
    char text[ERROR_TEXT_MAX], suggestion[256];
    bool is_setting = settings_find(SETTINGS_APPLICATION, wanted->key, wanted->name) != NULL;
    if (is_setting && tree->file_count < 2) {
        snprintf(text, sizeof text,
                 "%s is set for each application: add @<application> (there is no "
                 "DefaultApplication)",
                 wanted->name);
    } else if (is_setting ||
               settings_find(SETTINGS_INSTALLATION, wanted->key, wanted->name) != NULL) {
        snprintf(text, sizeof text, "%s is not set", wanted->name);
    } else {
        settings_suggest(SETTINGS_APPLICATION, wanted->key, wanted->name, suggestion,
                         sizeof suggestion);
        if (suggestion[0] == '\0') {
            settings_suggest(SETTINGS_INSTALLATION, wanted->key, wanted->name, suggestion,
                             sizeof suggestion);
        }
        snprintf(text, sizeof text, "%s: there is no such value%s%s", wanted->name,
                 suggestion[0] != '\0' ? "; " : "", suggestion);
    }
    output_complain(text);
    return OUTPUT_EXIT_NOT_FOUND;
}

static int print_wanted(const struct options *options, const struct registry_location *location,
                        const struct tree_entry *entry)
{
    if (!options->json) {
        output_text(entry->text);
        putchar('\n');
        return OUTPUT_EXIT_OK;
    }
    char *key = full_key(location, entry);
    if (key == NULL) {
        output_complain("out of memory");
        return OUTPUT_EXIT_INTERNAL;
    }
    struct buffer out;
    buffer_init(&out, OUTPUT_JSON_MAX);
    struct json json = json_into(&out);
    write_entry_json(&json, key, entry);
    free(key);
    return finish_json(&out);
}

int show_get(const struct options *options, const struct registry_location *location)
{
    struct tree tree;
    struct error err;
    if (tree_read(location, options->application, false, &tree, &err) != D2K_OK) {
        return fail_tree(&tree, &err);
    }
    struct wanted wanted;
    int code = OUTPUT_EXIT_INTERNAL;
    if (split_wanted(options->path.rest, &wanted)) {
        const struct tree_entry *entry = find_wanted(options, &tree, &wanted);
        code = entry != NULL ? print_wanted(options, location, entry)
                             : explain_missing(&tree, &wanted);
    }
    free(wanted.key);
    free(wanted.name);
    tree_free(&tree);
    return code;
}
