/* programs/registry/tree_path.h: takes the parts of a path off its front. */
#include "programs/registry/tree_path.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/text.h"

/* If *at begins with this part (case ignored) and a backslash or the end: skips it. */
static bool skip_part(char **at, const char *part)
{
    size_t size = strcspn(*at, "\\");
    char end = (*at)[size];
    (*at)[size] = '\0';
    bool is_same = text_equal_ignoring_case(*at, part);
    (*at)[size] = end;
    if (is_same) {
        *at += end == '\0' ? size : size + 1;
    }
    return is_same;
}

/* Takes the next part off, terminated; NULL: nothing is left. */
static char *take_part(char **at)
{
    if (**at == '\0') {
        return NULL;
    }
    char *part = *at;
    size_t size = strcspn(part, "\\");
    *at = part[size] == '\0' ? part + size : part + size + 1;
    part[size] = '\0';
    return part;
}

static bool begins_with_cfg(const char *text)
{
    char prefix[sizeof "cfg_"];
    text_copy(prefix, sizeof prefix, text);
    return text_equal_ignoring_case(prefix, "cfg_");
}

d2k_result tree_path_parse(const char *text, size_t size, struct tree_path *ret_path,
                           struct error *err)
{
    *ret_path = (struct tree_path){.rest = ""};
    char *at = ret_path->copy = slice_copy((struct slice){text, size});
    if (at == NULL) {
        return error_no_memory(err);
    }
    if (skip_part(&at, "HKEY_LOCAL_MACHINE") || skip_part(&at, "HKLM")) {
        ret_path->is_absolute = true;
        bool is_software = skip_part(&at, "SOFTWARE");
        (void)(is_software && skip_part(&at, "WOW6432Node"));
        if (!is_software || !skip_part(&at, "Ipesoft")) {
            return error_set(err, D2K_ARGUMENT,
                             "%s: the configuration is below "
                             "HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\<installation>",
                             text);
        }
        ret_path->installation = take_part(&at);
    }
    if (begins_with_cfg(at)) {
        ret_path->is_absolute = true;
        ret_path->application = take_part(&at) + strlen("cfg_");
    }
    ret_path->rest = at;
    return D2K_OK;
}

d2k_result tree_path_split(const struct tree_path *path, char **ret_key, const char **ret_name,
                           struct error *err)
{
    const char *backslash = strrchr(path->rest, '\\');
    size_t size = backslash == NULL ? 0 : (size_t)(backslash - path->rest);
    *ret_key = slice_copy((struct slice){path->rest, size});
    *ret_name = backslash == NULL ? path->rest : backslash + 1;
    return *ret_key == NULL ? error_no_memory(err) : D2K_OK;
}
