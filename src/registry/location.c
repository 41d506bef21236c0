/* registry/location.h: paths from options, environment and user. */
#include "registry/location.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/file.h"
#include "os/system.h"

#define APPLICATION_PREFIX "cfg_"
#define APPLICATION_SUFFIX ".conf"

static bool is_root(void)
{
    return os_user_id() == 0;
}

/* Letters as in ASCII, whatever the locale says. */
static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool registry_is_application_name(const char *name)
{
    if (name == NULL) {
        return false;
    }
    size_t size = 0;
    for (; name[size] != '\0'; size++) {
        char c = name[size];
        if (size == REGISTRY_APPLICATION_MAX || !(is_letter_or_digit(c) || c == '_' || c == '-')) {
            return false;
        }
    }
    return size > 0;
}

static bool is_installation_name(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > REGISTRY_INSTALLATION_MAX || name[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\') {
            return false;
        }
    }
    return text_is_utf8(slice_of(name));
}

static bool exists(const char *path)
{
    struct os_file_stamp stamp;
    /* What cannot be looked at is there: its trouble is reported when it is read. */
    return os_file_stamp(path, &stamp) != 0 || stamp.exists;
}

static char *default_config_dir(const char *installation)
{
    const char *home = os_environment("HOME");
    char *of_system = text_format("/etc/d2k/%s", installation);
    if (of_system == NULL || is_root() || home == NULL) {
        return of_system;
    }
    char *of_user = text_format("%s/.config/d2k/%s", home, installation);
    if (of_user != NULL && !exists(of_user) && exists(of_system)) {
        free(of_user);
        return of_system;
    }
    free(of_system);
    return of_user;
}

static d2k_result refuse_installation(const char *installation, struct error *err)
{
    char safe[2 * REGISTRY_INSTALLATION_MAX];
    text_escape(safe, sizeof safe, slice_of(installation));
    return error_set(err, D2K_ARGUMENT,
                     "\"%s\" is not the name of an installation: 1 to %u bytes, no slash, "
                     "backslash or control character, not beginning with a point",
                     safe, REGISTRY_INSTALLATION_MAX);
}

d2k_result registry_locate(const char *installation, const char *config_dir,
                           struct registry_location *ret_location, struct error *err)
{
    *ret_location = (struct registry_location){0};
    if (installation == NULL) {
        installation = os_environment("D2K_INSTALLATION");
    }
    if (installation == NULL) {
        installation = REGISTRY_DEFAULT_INSTALLATION;
    }
    if (!is_installation_name(installation)) {
        return refuse_installation(installation, err);
    }
    if (config_dir == NULL) {
        config_dir = os_environment("D2K_CONFIG_DIR");
    } else if (config_dir[0] == '\0') {
        return error_set(err, D2K_ARGUMENT, "the configuration directory is empty");
    }
    ret_location->config_dir_given = config_dir != NULL;
    ret_location->installation = text_format("%s", installation);
    ret_location->config_dir =
        config_dir != NULL ? text_format("%s", config_dir) : default_config_dir(installation);
    if (ret_location->installation == NULL || ret_location->config_dir == NULL) {
        registry_location_free(ret_location);
        return error_no_memory(err);
    }
    return D2K_OK;
}

void registry_location_free(struct registry_location *location)
{
    free(location->installation);
    free(location->config_dir);
    *location = (struct registry_location){0};
}

char *registry_installation_file(const struct registry_location *location)
{
    return text_format("%s/installation.conf", location->config_dir);
}

char *registry_application_file(const struct registry_location *location, const char *application)
{
    if (!registry_is_application_name(application)) {
        return NULL;
    }
    return text_format("%s/" APPLICATION_PREFIX "%s" APPLICATION_SUFFIX, location->config_dir,
                       application);
}

/* The application whose file this is, in ret_name; false: it is no such file. */
static bool application_of_file(const char *file_name, char ret_name[REGISTRY_APPLICATION_MAX + 1])
{
    size_t prefix = strlen(APPLICATION_PREFIX), suffix = strlen(APPLICATION_SUFFIX);
    size_t size = strlen(file_name);
    if (size <= prefix + suffix || size - prefix - suffix > REGISTRY_APPLICATION_MAX ||
        strncmp(file_name, APPLICATION_PREFIX, prefix) != 0 ||
        strcmp(file_name + size - suffix, APPLICATION_SUFFIX) != 0) {
        return false;
    }
    text_copy(ret_name, size - prefix - suffix + 1, file_name + prefix);
    return registry_is_application_name(ret_name);
}

static bool is_application_file(const char *file_name)
{
    char name[REGISTRY_APPLICATION_MAX + 1];
    return application_of_file(file_name, name);
}

d2k_result registry_applications(const struct registry_location *location,
                                 struct os_names *ret_names, struct error *err)
{
    int error = os_directory_list(location->config_dir, is_application_file,
                                  REGISTRY_APPLICATIONS_MAX, ret_names);
    if (error == ENOMEM) {
        return error_no_memory(err);
    }
    if (error != 0) {
        return error_set(err, error == ENOENT ? D2K_NOT_FOUND : D2K_FILE,
                         "configuration directory %s: %s", location->config_dir,
                         os_error_text(error));
    }
    for (size_t i = 0; i < ret_names->count; i++) {
        char name[REGISTRY_APPLICATION_MAX + 1];
        if (application_of_file(ret_names->names[i], name)) {
            text_copy(ret_names->names[i], strlen(ret_names->names[i]) + 1, name);
        }
    }
    return D2K_OK;
}

/* <state> of the installation, without application. */
static char *state_root(const struct registry_location *location)
{
    const char *state = os_environment("XDG_STATE_HOME");
    const char *home = os_environment("HOME");
    if (is_root() || (state == NULL && home == NULL)) {
        return text_format("/var/lib/d2k/%s", location->installation);
    }
    if (state != NULL) {
        return text_format("%s/d2k/%s", state, location->installation);
    }
    return text_format("%s/.local/state/d2k/%s", home, location->installation);
}

/* <directory>/<part>; takes the directory over. */
static char *below(char *directory, const char *part)
{
    if (directory == NULL) {
        return NULL;
    }
    char *path = text_format("%s/%s", directory, part);
    free(directory);
    return path;
}

char *registry_state_dir(const struct registry_location *location, const char *application,
                         const char *given)
{
    if (given != NULL) {
        return text_format("%s", given);
    }
    if (application == NULL) {
        return state_root(location);
    }
    if (!registry_is_application_name(application)) {
        return NULL;
    }
    return below(state_root(location), application);
}

char *registry_log_dir(const struct registry_location *location, const char *application,
                       const char *given)
{
    if (given != NULL) {
        return text_format("%s", given);
    }
    char *of_system = text_format("/var/log/d2k/%s", location->installation);
    if (of_system == NULL || os_directory_writable(of_system)) {
        return of_system;
    }
    free(of_system);
    return below(registry_state_dir(location, application, NULL), "log");
}

char *registry_run_dir(const struct registry_location *location)
{
    if (is_root()) {
        return text_format("/run/d2k/%s", location->installation);
    }
    const char *runtime = os_environment("XDG_RUNTIME_DIR");
    if (runtime != NULL) {
        return text_format("%s/d2k/%s", runtime, location->installation);
    }
    return below(state_root(location), "run");
}
