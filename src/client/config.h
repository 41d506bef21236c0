/* client/config.h: what a client was told before it connects (struct d2k_config). */
#ifndef D2K_CLIENT_CONFIG_H
#define D2K_CLIENT_CONFIG_H

#include <d2k/client.h>

#include "base/error.h"
#include "base/log.h"
#include "registry/location.h"
#include "wire/message.h"

#define CONFIG_SERVERS_MAX        16u  /* entries of /S */
#define CONFIG_HOST_MAX           255u /* bytes of a host name */
#define CONFIG_SUFFIX_MAX         8u
#define CONFIG_INSTANCE_MAX       15u
#define CONFIG_WATCHDOG_MAX_S     3600u
#define CONFIG_WATCHDOG_DEFAULT_S 10u
#define CONFIG_CONNECT_TIMEOUT_MS 60000u

struct config_server {
    char host[CONFIG_HOST_MAX + 1]; /* without brackets */
    uint16_t port;                  /* 0: that of the configuration */
    unsigned kernel;                /* n of Kernel_<n> in the redundancy table; 0: not from there */
    char kernel_name[WIRE_NAME_MAX + 1]; /* Name of the table; "": it has none */
};

struct d2k_config {
    char suffix[CONFIG_SUFFIX_MAX + 1];
    char program_version[WIRE_NAME_MAX + 1];
    struct config_server servers[CONFIG_SERVERS_MAX];
    size_t server_count;
    bool server_given, port_given;
    char *group; /* redundancy group whose table gives the servers; NULL: none */
    uint16_t port;
    char *application;          /* given, or found; NULL: none */
    bool application_given;     /* by the user, not by DefaultApplication */
    bool application_looked_up; /* DefaultApplication was read */
    char *config_dir, *installation, *log_dir, *run_dir; /* as given, NULL: not given */
    char workstation[WIRE_NAME_MAX + 1];                 /* "": not given */
    unsigned instance;
    unsigned watchdog_s;
    unsigned connect_timeout_ms;
    bool local, reconnect, verbose;
    char user[WIRE_NAME_MAX + 1];         /* "": nobody */
    char password[WIRE_PASSWORD_MAX + 1]; /* "": none */
    bool password_on_command_line;        /* where everybody on this machine can read it */
    d2k_log_function *log_function;
    void *log_context;
    struct log log; /* writes to log_function */
    struct error error;
};

/* Finds out the application name (given, else DefaultApplication) once; *ret_name is NULL when
 * there is none. Errors of registry_locate() and settings_read_installation(), and D2K_NOT_FOUND
 * for a configuration directory that was given and is not there, with config->error. */
d2k_result config_find_application(d2k_config *config, const char **ret_name) D2K_MUST_CHECK;

/* Port of a server of the list. */
uint16_t config_server_port(const d2k_config *config, const struct config_server *server);

#endif
