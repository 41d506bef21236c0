/* programs/registry/export.h: the files of an installation as one file of the registry editor. */
#include "programs/registry/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "programs/registry/output.h"
#include "programs/registry/tree.h"
#include "registry/reg_file.h"

struct exporter {
    const struct registry_location *location;
    const char *application; /* of the file that is written now; NULL: installation.conf */
    size_t entry_count;
    struct buffer out;
};

/* ---- one file ---- */

static bool write_key(struct exporter *e, const char *key)
{
    char *full =
        text_format("HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\%s%s%s%s%s", e->location->installation,
                    e->application != NULL ? "\\cfg_" : "",
                    e->application != NULL ? e->application : "", *key != '\0' ? "\\" : "", key);
    if (full == NULL) {
        return false;
    }
    reg_write_key(&e->out, full);
    e->entry_count++;
    free(full);
    return true;
}

static void write_values(struct exporter *e, const struct registry_file *file, const char *key)
{
    const char *kind = e->application == NULL ? SETTINGS_INSTALLATION : SETTINGS_APPLICATION;
    for (size_t i = 0; i < file->count; i++) {
        const struct registry_value *value = &file->values[i];
        if (text_equal_ignoring_case(value->key, key)) {
            bool is_list = setting_is_list(settings_find(kind, value->key, value->name));
            reg_write_value(&e->out, value->name, is_list ? value->raw : value->text);
            e->entry_count++;
        }
    }
}

static bool is_first(const struct registry_file *file, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (text_equal_ignoring_case(file->sections[i].key, file->sections[index].key)) {
            return false;
        }
    }
    return true;
}

/* In the registry this key is that of an application: its values would change place. */
static d2k_result refuse_section(const struct exporter *e, const struct registry_file *file,
                                 const struct registry_section *section, struct error *err)
{
    char prefix[sizeof "cfg_"], safe[256];
    text_copy(prefix, sizeof prefix, section->key);
    if (e->application != NULL || !text_equal_ignoring_case(prefix, "cfg_")) {
        return D2K_OK;
    }
    text_escape(safe, sizeof safe, slice_of(section->key));
    return error_set(err, D2K_CONFIG,
                     "%s:%u: [%s] cannot be exported: what belongs to an application stands in "
                     "cfg_<application>.conf",
                     file->path, section->line, safe);
}

static d2k_result write_file(struct exporter *e, const struct registry_file *file,
                             struct error *err)
{
    if (!write_key(e, "")) {
        return error_no_memory(err);
    }
    write_values(e, file, "");
    for (size_t i = 0; i < file->section_count; i++) {
        d2k_result result = refuse_section(e, file, &file->sections[i], err);
        if (result != D2K_OK) {
            return result;
        }
        if (!is_first(file, i)) {
            continue;
        }
        if (!write_key(e, file->sections[i].key)) {
            return error_no_memory(err);
        }
        write_values(e, file, file->sections[i].key);
    }
    return D2K_OK;
}

/* ---- all files ---- */

static d2k_result export_application(struct exporter *e, const char *application, struct error *err)
{
    char *path = registry_application_file(e->location, application);
    if (path == NULL) {
        return error_no_memory(err);
    }
    struct registry_file *file;
    d2k_result result = tree_read_file(path, &file, err);
    free(path);
    if (result == D2K_OK) {
        e->application = application;
        result = write_file(e, file, err);
        registry_free(file);
    }
    return result;
}

static d2k_result export_installation(struct exporter *e, struct error *err)
{
    char *path = registry_installation_file(e->location);
    if (path == NULL) {
        return error_no_memory(err);
    }
    struct registry_file *file;
    d2k_result result = tree_read_file(path, &file, err);
    free(path);
    if (result == D2K_NOT_FOUND) {
        return D2K_OK;
    }
    if (result == D2K_OK) {
        result = write_file(e, file, err);
        registry_free(file);
    }
    return result;
}

/* Keys of a registry differ in more than case. */
static d2k_result refuse_twins(const struct os_names *names, struct error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (text_equal_ignoring_case(names->names[i], names->names[k])) {
                return error_set(err, D2K_CONFIG,
                                 "cfg_%s and cfg_%s would be one key of the registry: export them "
                                 "one after the other, with @<application>",
                                 names->names[k], names->names[i]);
            }
        }
    }
    return D2K_OK;
}

static d2k_result export_all(struct exporter *e, struct error *err)
{
    struct os_names names;
    d2k_result result = registry_applications(e->location, &names, err);
    if (result == D2K_OK) {
        result = refuse_twins(&names, err);
    }
    if (result == D2K_OK && names.more) {
        result = error_set(err, D2K_LIMIT,
                           "there are more than %u applications: export them one after the other, "
                           "with @<application>",
                           REGISTRY_APPLICATIONS_MAX);
    }
    if (result == D2K_OK) {
        result = export_installation(e, err);
    }
    for (size_t i = 0; i < names.count && result == D2K_OK; i++) {
        result = export_application(e, names.names[i], err);
    }
    os_names_free(&names);
    return result;
}

/* ---- output ---- */

static void write_out(const struct buffer *b)
{
    fwrite(buffer_data(b), 1, buffer_size(b), stdout);
}

/* As the registry editor writes it: UTF-16LE with byte order mark. */
static bool write_wide(const struct buffer *text)
{
    struct buffer wide;
    buffer_init(&wide, 2 * (size_t)REG_FILE_MAX);
    buffer_put_u16(&wide, 0xfeff);
    reg_text_to_utf16((const char *)buffer_data(text), buffer_size(text), &wide);
    bool is_short_enough = !buffer_failed(&wide) && buffer_size(&wide) <= REG_FILE_MAX;
    if (is_short_enough) {
        write_out(&wide);
    }
    buffer_free(&wide);
    return is_short_enough;
}

static d2k_result print(struct exporter *e, bool is_utf8, struct error *err)
{
    bool done = !buffer_failed(&e->out) && e->entry_count <= REG_ENTRIES_MAX;
    if (done && is_utf8) {
        write_out(&e->out);
    } else if (done) {
        done = write_wide(&e->out);
    }
    return done ? D2K_OK
                : error_set(err, D2K_LIMIT,
                            "the file would be larger than import reads (%u bytes, %u keys and "
                            "values): export one application after the other, with @<application>",
                            REG_FILE_MAX, REG_ENTRIES_MAX);
}

int export_run(const struct options *options, const struct registry_location *location)
{
    struct exporter e = {.location = location};
    struct error err;
    buffer_init(&e.out, REG_FILE_MAX);
    reg_write_header(&e.out);
    d2k_result result = options->application != NULL
                            ? export_application(&e, options->application, &err)
                            : export_all(&e, &err);
    if (result == D2K_OK) {
        result = print(&e, options->utf8, &err);
    }
    buffer_free(&e.out);
    return result == D2K_OK ? OUTPUT_EXIT_OK : output_fail(&err);
}
