/* programs/registry/tree.h: reads files, adds the defaults, sorts. */
#include "programs/registry/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define READ_ATTEMPTS 20 /* of a file that somebody is writing */

d2k_result tree_read_file(const char *path, struct registry_file **ret_file, struct error *err)
{
    d2k_result result = D2K_AGAIN;
    for (int i = 0; i < READ_ATTEMPTS && result == D2K_AGAIN; i++) {
        result = registry_read(path, ret_file, err);
    }
    return result;
}

/* Takes `file` over, on failure too. */
static d2k_result add_file(struct tree *tree, const char *application, struct registry_file *file,
                           struct error *err)
{
    char *copy = application == NULL ? NULL : text_format("%s", application);
    struct tree_file *files = realloc(tree->files, (tree->file_count + 1) * sizeof *tree->files);
    if (files != NULL) {
        tree->files = files;
    }
    if (files == NULL || (application != NULL && copy == NULL)) {
        free(copy);
        registry_free(file);
        return error_no_memory(err);
    }
    files[tree->file_count++] = (struct tree_file){copy, file};
    return D2K_OK;
}

static d2k_result add_installation(struct tree *tree, const struct registry_location *location,
                                   struct error *err)
{
    char *path = registry_installation_file(location);
    if (path == NULL) {
        return error_no_memory(err);
    }
    struct registry_file *file;
    d2k_result result = tree_read_file(path, &file, err);
    if (result == D2K_NOT_FOUND) {
        result = registry_parse(path, "", 0, &file, err);
    }
    free(path);
    return result == D2K_OK ? add_file(tree, NULL, file, err) : result;
}

static d2k_result add_application(struct tree *tree, const struct registry_location *location,
                                  const char *application, struct error *err)
{
    char *path = registry_application_file(location, application);
    if (path == NULL) {
        return error_no_memory(err);
    }
    struct registry_file *file;
    d2k_result result = tree_read_file(path, &file, err);
    free(path);
    return result == D2K_OK ? add_file(tree, application, file, err) : result;
}

static d2k_result add_all_applications(struct tree *tree, const struct registry_location *location,
                                       struct error *err)
{
    struct os_names names;
    d2k_result result = registry_applications(location, &names, err);
    for (size_t i = 0; i < names.count && result == D2K_OK; i++) {
        result = add_application(tree, location, names.names[i], err);
    }
    os_names_free(&names);
    return result;
}

static d2k_result add_chosen(struct tree *tree, const struct registry_location *location,
                             const char *application, bool all, struct error *err)
{
    if (application != NULL) {
        return add_application(tree, location, application, err);
    }
    const struct registry_file *file = tree->files[0].file;
    const struct registry_value *chosen = registry_find(file, "", "DefaultApplication");
    if (chosen != NULL && !registry_is_application_name(chosen->text)) {
        return error_set(err, D2K_CONFIG,
                         "%s:%u: DefaultApplication = %s is not the name of an application",
                         file->path, chosen->line, chosen->text);
    }
    if (chosen != NULL) {
        return add_application(tree, location, chosen->text, err);
    }
    return all ? add_all_applications(tree, location, err) : D2K_OK;
}

/* ---- entries ---- */

static const char *kind_of(const struct tree_file *file)
{
    return file->application == NULL ? SETTINGS_INSTALLATION : SETTINGS_APPLICATION;
}

static size_t most_entries(const struct tree *tree)
{
    size_t rows = 0;
    while (settings_table()[rows].name != NULL) {
        rows++;
    }
    size_t most = 0;
    for (size_t i = 0; i < tree->file_count; i++) {
        most += tree->files[i].file->count + rows;
    }
    return most;
}

/* A section of TLS that is not there has no defaults: nothing of it acts. */
static bool default_acts(const struct tree_file *file, const struct setting *s)
{
    bool is_tls = strncmp(s->key, "TLS_", 4) == 0;
    return strcmp(s->file, kind_of(file)) == 0 && s->default_text != NULL &&
           (!is_tls || registry_has_key(file->file, s->key)) &&
           registry_find(file->file, s->key, s->name) == NULL;
}

static void add_entries(struct tree *tree, const struct tree_file *file)
{
    for (size_t i = 0; i < file->file->count; i++) {
        const struct registry_value *value = &file->file->values[i];
        tree->entries[tree->count++] =
            (struct tree_entry){file->application,
                                value->key,
                                value->name,
                                value->text,
                                settings_find(kind_of(file), value->key, value->name),
                                file->file,
                                value->line};
    }
    for (const struct setting *s = settings_table(); s->name != NULL; s++) {
        if (default_acts(file, s)) {
            tree->entries[tree->count++] = (struct tree_entry){
                file->application, s->key, s->name, s->default_text, s, NULL, 0};
        }
    }
}

static int compare_entries(const void *a, const void *b)
{
    const struct tree_entry *x = a, *y = b;
    int order = text_compare_ignoring_case(x->key, y->key);
    if (order != 0) {
        return order;
    }
    if ((x->file == NULL) != (y->file == NULL)) {
        return x->file == NULL ? 1 : -1;
    }
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    return text_compare_ignoring_case(x->name, y->name);
}

static d2k_result make_entries(struct tree *tree, struct error *err)
{
    tree->entries = calloc(most_entries(tree), sizeof *tree->entries);
    if (tree->entries == NULL) {
        return error_no_memory(err);
    }
    for (size_t i = 0; i < tree->file_count; i++) {
        size_t first = tree->count;
        add_entries(tree, &tree->files[i]);
        qsort(tree->entries + first, tree->count - first, sizeof *tree->entries, compare_entries);
    }
    return D2K_OK;
}

d2k_result tree_read(const struct registry_location *location, const char *application, bool all,
                     struct tree *ret_tree, struct error *err)
{
    *ret_tree = (struct tree){0};
    d2k_result result = add_installation(ret_tree, location, err);
    if (result == D2K_OK) {
        result = add_chosen(ret_tree, location, application, all, err);
    }
    return result == D2K_OK ? make_entries(ret_tree, err) : result;
}

void tree_free(struct tree *tree)
{
    for (size_t i = 0; i < tree->file_count; i++) {
        free(tree->files[i].application);
        registry_free(tree->files[i].file);
    }
    free(tree->files);
    free(tree->entries);
    *tree = (struct tree){0};
}
