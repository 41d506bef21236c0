/* registry/location.h: where the configuration of an installation lies, and where its logs, state
 * and local sockets go. Path rules over environment and options; looks only at which directories
 * are there and makes none.
 *
 * Any thread, as long as nobody changes the environment meanwhile. */
#ifndef D2K_REGISTRY_LOCATION_H
#define D2K_REGISTRY_LOCATION_H

#include <stdbool.h>

#include "base/error.h"
#include "os/directory.h"

#define REGISTRY_DEFAULT_INSTALLATION "d2k"
#define REGISTRY_INSTALLATION_MAX     64u  /* bytes */
#define REGISTRY_APPLICATION_MAX      64u  /* characters */
#define REGISTRY_APPLICATIONS_MAX     256u /* that registry_applications() returns */

/* All members are owned, terminated, never NULL after registry_locate(). */
struct registry_location {
    char *installation;
    char *config_dir; /* --config-dir, else $D2K_CONFIG_DIR, else /etc/d2k/<installation> when root
                         or when it exists and ~/.config/d2k/<installation> does not, else
                         ~/.config/d2k/<installation> (without $HOME: /etc) */
    bool config_dir_given; /* by option or environment: then it must exist (whoever reads
                              installation.conf from it checks that) */
};

/* `installation` and `config_dir` as the user gave them, NULL for default ($D2K_INSTALLATION, then
 * "d2k"). D2K_NO_MEMORY, D2K_ARGUMENT (installation that is empty, over 64 bytes, begins with '.'
 * or has a slash, backslash or control character; empty config_dir). Free with
 * registry_location_free(), which an all-zero or failed location survives too. */
d2k_result registry_locate(const char *installation, const char *config_dir,
                           struct registry_location *ret_location,
                           struct error *err) D2K_MUST_CHECK;
void registry_location_free(struct registry_location *location);

/* 1..64 letters (ASCII), digits, '_' and '-': so it cannot leave a directory when a file name is
 * built from it. NULL gives false. */
bool registry_is_application_name(const char *name);

/* <config_dir>/installation.conf and <config_dir>/cfg_<application>.conf. malloc'ed, the caller's;
 * NULL: out of memory, or `application` is not an application name. */
char *registry_installation_file(const struct registry_location *location);
char *registry_application_file(const struct registry_location *location, const char *application);

/* Names of the applications whose cfg_<application>.conf is in the configuration directory, sorted,
 * at most REGISTRY_APPLICATIONS_MAX. D2K_NOT_FOUND (no such directory), D2K_FILE (cannot be read),
 * D2K_NO_MEMORY: ret_names is empty. Free with os_names_free(). */
d2k_result registry_applications(const struct registry_location *location,
                                 struct os_names *ret_names, struct error *err) D2K_MUST_CHECK;

/* Directories of daemons, malloc'ed, the caller's to free; NULL: out of memory, or `application`
 * would be part of the path and is no application name. `application` NULL (a client that knows
 * none) leaves the last part out. logs:  given, else /var/log/d2k/<installation> when it can be
 * written, else <state>/log state: given, else /var/lib/d2k/<installation>/<application> when root
 * (or without $HOME), else $XDG_STATE_HOME or ~/.local/state, then
 * /d2k/<installation>/<application> run:   /run/d2k/<installation> when root, else
 * $XDG_RUNTIME_DIR/d2k/<installation>, else <state without application>/run */
char *registry_state_dir(const struct registry_location *location, const char *application,
                         const char *given);
char *registry_log_dir(const struct registry_location *location, const char *application,
                       const char *given);
char *registry_run_dir(const struct registry_location *location);

#endif
