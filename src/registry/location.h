/* registry/location.h: where the configuration of an installation lies, and where its logs, state
 * and local sockets go. Pure path rules over environment and options; reads nothing but existence.
 */
#ifndef D2K_REGISTRY_LOCATION_H
#define D2K_REGISTRY_LOCATION_H

#include <stdbool.h>

#include "base/error.h"

#define REGISTRY_DEFAULT_INSTALLATION "d2k"

/* All members are owned, terminated, never NULL after registry_locate(). */
struct registry_location {
    char *installation;
    char *config_dir; /* --config-dir, else $D2K_CONFIG_DIR, else /etc/d2k/<installation> when root
                         or when it exists and ~/.config/d2k/<installation> does not, else
                         ~/.config/d2k/<installation> */
    bool config_dir_given; /* by option or environment: then it must exist */
};

/* `installation` and `config_dir` as the user gave them, NULL for default ($D2K_INSTALLATION, then
 * "d2k"). D2K_NO_MEMORY, D2K_ARGUMENT (installation with '/' or empty). Free with
 * registry_location_free(). */
d2k_result registry_locate(const char *installation, const char *config_dir,
                           struct registry_location *ret_location,
                           struct error *err) D2K_MUST_CHECK;
void registry_location_free(struct registry_location *location);

/* <config_dir>/installation.conf and <config_dir>/cfg_<application>.conf. malloc'ed, the caller's;
 * NULL: out of memory. */
char *registry_installation_file(const struct registry_location *location);
char *registry_application_file(const struct registry_location *location, const char *application);

/* Directories of daemons, malloc'ed, the caller's to free; NULL: out of memory.
 * logs:  given, else /var/log/d2k/<installation> when it can be written, else <state>/log
 * state: given, else /var/lib/d2k/<installation>/<application> when root, else
 *        $XDG_STATE_HOME or ~/.local/state, then /d2k/<installation>/<application>
 * run:   /run/d2k/<installation> when root, else $XDG_RUNTIME_DIR/d2k/<installation>, else <state
 * without application>/run */
char *registry_state_dir(const struct registry_location *location, const char *application,
                         const char *given);
char *registry_log_dir(const struct registry_location *location, const char *application,
                       const char *given);
char *registry_run_dir(const struct registry_location *location);

#endif
