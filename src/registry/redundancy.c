/* registry/redundancy.c: keys Redundancy\<group>\Kernel_<n> -> kernels in order. */
#include "registry/redundancy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "registry/settings.h"

#define KEY_PREFIX_MAX 128u

/* n of a key "<prefix><n>"; 0: it is another key; -1: n is no number that is allowed. */
static long long number_of_key(const char *key, const char *prefix)
{
    size_t size = strlen(prefix);
    char start[KEY_PREFIX_MAX];
    long long number;
    if (size >= sizeof start || strlen(key) <= size) {
        return 0;
    }
    (void)snprintf(start, sizeof start, "%.*s", (int)size, key);
    if (!text_equal_ignoring_case(start, prefix)) {
        return 0;
    }
    return text_to_number(key + size, 1, REDUNDANCY_NUMBER_MAX, &number) ? number : -1;
}

static d2k_result add_kernel(const struct registry_file *file,
                             const struct registry_section *section, unsigned number,
                             struct redundancy_group *group, struct error *err)
{
    size_t at = 0;
    while (at < group->count && group->kernels[at].number < number) {
        at++;
    }
    if (at < group->count && group->kernels[at].number == number) {
        return D2K_OK; /* the section stands twice; its values were found by name */
    }
    if (group->count == REDUNDANCY_KERNELS_MAX) {
        return error_set(err, D2K_CONFIG, "%s:%u: a redundancy group has more than %u kernels",
                         file->path, section->line, REDUNDANCY_KERNELS_MAX);
    }
    memmove(&group->kernels[at + 1], &group->kernels[at],
            (group->count - at) * sizeof group->kernels[0]);
    group->kernels[at] = (struct redundancy_kernel){.number = number};
    group->count++;

    static const char *const names[REDUNDANCY_ADDRESSES + 1] = {"IpAddr1", "IpAddr2", "Name"};
    struct redundancy_kernel *kernel = &group->kernels[at];
    char *const targets[] = {kernel->addresses[0], kernel->addresses[1], kernel->name};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct registry_value *value = registry_find(file, section->key, names[i]);
        if (value != NULL) {
            (void)text_copy(targets[i], REDUNDANCY_TEXT_MAX + 1, value->text);
        }
    }
    if (kernel->addresses[0][0] == '\0' && kernel->addresses[1][0] == '\0') {
        return error_set(err, D2K_CONFIG, "%s:%u: [%s] has no IpAddr1", file->path, section->line,
                         section->key);
    }
    return D2K_OK;
}

static d2k_result find_kernels(const struct registry_file *file, const char *group_name,
                               struct redundancy_group *group, struct error *err)
{
    char prefix[KEY_PREFIX_MAX];
    (void)snprintf(prefix, sizeof prefix, "Redundancy\\%s\\Kernel_", group_name);
    for (size_t i = 0; i < file->section_count; i++) {
        const struct registry_section *section = &file->sections[i];
        long long number = number_of_key(section->key, prefix);
        if (number < 0) {
            return error_set(err, D2K_CONFIG, "%s:%u: [%s]: the number of a kernel is 1..%d",
                             file->path, section->line, section->key, REDUNDANCY_NUMBER_MAX);
        }
        d2k_result result =
            number == 0 ? D2K_OK : add_kernel(file, section, (unsigned)number, group, err);
        if (result != D2K_OK) {
            return result;
        }
    }
    if (group->count == 0) {
        return error_set(err, D2K_NOT_FOUND,
                         "%s: there is no redundancy group %s: a section [%s1] with IpAddr1 is "
                         "needed, and one for each other kernel",
                         file->path, group_name, prefix);
    }
    return D2K_OK;
}

d2k_result redundancy_read_group(const struct registry_location *location, const char *group,
                                 const struct log *log, struct redundancy_group *ret_group,
                                 struct error *err)
{
    struct installation_settings settings;
    struct registry_file *file;
    *ret_group = (struct redundancy_group){0};
    d2k_result result = settings_read_installation(location, log, &settings, err);
    if (result != D2K_OK) {
        return result;
    }
    settings_free_installation(&settings);
    char *path = registry_installation_file(location);
    if (path == NULL) {
        return error_no_memory(err);
    }
    result = registry_read(path, &file, err);
    if (result == D2K_OK) {
        result = find_kernels(file, group, ret_group, err);
        registry_free(file);
    }
    free(path);
    return result;
}
