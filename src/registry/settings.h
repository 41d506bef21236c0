/* registry/settings.h: every setting is one row of one table, which parses, checks, prints and
 * documents it. Any thread. */
#ifndef D2K_REGISTRY_SETTINGS_H
#define D2K_REGISTRY_SETTINGS_H

#include <stdint.h>

#include "base/log.h"
#include "registry/location.h"
#include "registry/registry.h"
#include "registry/rights.h"
#include "registry/static_processes.h"

enum tls_level {
    TLS_LEVEL_NONE,
    TLS_LEVEL_NO_PEER_AUTH,
    TLS_LEVEL_PEER_AUTH, /* clients only, in this version */
};

enum tls_min_version {
    TLS_MIN_1_2,
    TLS_MIN_1_3,
};

enum tls_cert_dates {
    TLS_DATES_WARN,
    TLS_DATES_STRICT,
};

enum tls_resumption {
    TLS_RESUMPTION_OFF,
    TLS_RESUMPTION_ON,
};

enum users_authentication {
    USERS_BY_FILE,
    USERS_BY_PAM,
};

enum users_plain {
    USERS_PLAIN_REFUSE,
    USERS_PLAIN_ALLOW,
};

#define SETTINGS_PATHS_MAX 64 /* entries of TLS_TrustedCerts */

/* cfg_<application>.conf, [TLS_Server] */
struct tls_server_settings {
    bool present; /* the section is there */
    char *cert_file;
    char *key_file; /* NULL: the certificate file holds the key too */
    enum tls_level level;
    enum tls_min_version min_version;
    enum tls_cert_dates dates;
    enum tls_resumption resumption;
};

/* cfg_<application>.conf, [TLS_Client] */
struct tls_client_settings {
    bool present;
    char *trusted_certs[SETTINGS_PATHS_MAX]; /* first trusted_count are set */
    size_t trusted_count;
    enum tls_level level;
    enum tls_min_version min_version;
    enum tls_cert_dates dates;
    enum tls_resumption resumption;
};

/* cfg_<application>.conf, [Users] */
struct users_settings {
    bool present; /* the section is there */
    enum users_authentication authentication;
    char *file;        /* Users_File */
    char *pam_service; /* Users_PamService */
    enum users_plain plain;
};

/* What d2k-kom measures. */
#define KOM_GROUP_CPU         1u
#define KOM_GROUP_MEMORY      2u
#define KOM_GROUP_CORES       4u
#define KOM_GROUP_DISK        8u
#define KOM_GROUP_NETWORK     16u
#define KOM_GROUP_TEMPERATURE 32u
#define KOM_GROUP_PROCESSES   64u

/* cfg_<application>.conf as a whole. Paths are as they are to be opened: relative ones have the
 * directory of the file in front. */
struct application_settings {
    struct tls_server_settings tls_server;
    struct tls_client_settings tls_client;
    struct users_settings users;
    struct rights *rights;             /* [Rights\<n>]; NULL: there are no rules */
    struct static_processes processes; /* [Process\<name>] */
    unsigned max_clients;              /* Max_Clients */
    unsigned handshake_workers;        /* Handshake_Workers; 0: one per processor */
    unsigned history_entries;          /* History_Entries */
    unsigned kom_period_ms;            /* [KOM] Period */
    unsigned kom_groups;               /* [KOM] Groups, KOM_GROUP_... */
    struct os_file_stamp stamp;        /* of the file it was read from */
};

/* installation.conf */
struct installation_settings {
    char *default_application; /* NULL: not set */
    uint64_t max_log_size;     /* Max_Log_Size, bytes; 0: no limit */
};

/* Reads <config_dir>/cfg_<application>.conf and validates everything; warnings (unknown key with
 * file:line) go to `log` (NULL: nowhere) with component "REGISTRY". D2K_ARGUMENT (`application` is
 * not an application name), D2K_NOT_FOUND (no such file: names the file it looked for and the
 * applications that are there), D2K_AGAIN (changed while it was read), D2K_FILE, D2K_LIMIT,
 * D2K_CONFIG ("file:line: TLS_RequiredLevel = x: what was read and what is allowed"; with several
 * errors the text is the first and the number of others), D2K_NO_MEMORY. A level that is missing
 * although its section stands in the file is D2K_CONFIG. After an error ret_settings is empty and
 * needs no settings_free_application(), which is allowed. */
d2k_result settings_read_application(const struct registry_location *location,
                                     const char *application, const struct log *log,
                                     struct application_settings *ret_settings,
                                     struct error *err) D2K_MUST_CHECK;
void settings_free_application(struct application_settings *settings);

/* As above for installation.conf; a missing file gives the defaults (it is not required), but
 * D2K_NOT_FOUND when the directory itself was given and is not there. */
d2k_result settings_read_installation(const struct registry_location *location,
                                      const struct log *log,
                                      struct installation_settings *ret_settings,
                                      struct error *err) D2K_MUST_CHECK;
void settings_free_installation(struct installation_settings *settings);

const char *tls_level_name(enum tls_level level);               /* "TLSNoPeerAuth" */
const char *tls_min_version_name(enum tls_min_version version); /* "TLSv1.2" */
const char *tls_cert_dates_name(enum tls_cert_dates dates);     /* "warn" */

/* ---- for d2k-registry, its tests and the documentation ---- */

/* Gets every error and warning of a file, in no order; `text` has no file and line, and what it
 * repeats of the file is escaped. */
struct settings_findings {
    void (*report)(void *context, bool is_error, const char *path, unsigned line, const char *text);
    void *context;
};

/* Validate a parsed file. D2K_CONFIG (ret_settings holds what was right, for further checks),
 * D2K_NO_MEMORY. Free ret_settings in every case. */
d2k_result settings_parse_application(const struct registry_file *file,
                                      const struct settings_findings *findings,
                                      struct application_settings *ret_settings,
                                      struct error *err) D2K_MUST_CHECK;
d2k_result settings_parse_installation(const struct registry_file *file,
                                       const struct settings_findings *findings,
                                       struct installation_settings *ret_settings,
                                       struct error *err) D2K_MUST_CHECK;

#define SETTINGS_INSTALLATION "installation.conf"
#define SETTINGS_APPLICATION  "cfg_<application>.conf"

enum setting_when {
    SETTING_AT_NEXT_CONNECT,
    SETTING_AT_START,
    SETTING_WHILE_RUNNING, /* the program looks for a change by itself */
};

struct setting_type; /* settings_table.h */

struct setting {
    const char *file; /* SETTINGS_APPLICATION or SETTINGS_INSTALLATION */
    const char *key;  /* "TLS_Server"; "" for the file's own key; "Redundancy\<group>\Kernel_<n>"
                         with placeholders */
    const char *name;
    const struct setting_type *type;
    size_t target;            /* offset in the settings of its file, or SETTING_ONLY_CHECKED */
    const char *default_text; /* NULL: none */
    enum setting_when when;
    const char *used_by;
    const char *help;
};

#define SETTING_ONLY_CHECKED SIZE_MAX

/* Rows of the table; the last has name NULL. */
const struct setting *settings_table(void);

/* The row of this value, or NULL. Case is ignored. */
const struct setting *settings_find(const char *file, const char *key, const char *name);

/* What may stand there, for people: "path", "None | TLSNoPeerAuth", "number 1..100000". Returns
 * ret. */
char *setting_type_text(const struct setting *setting, char *ret, size_t size);
const char *setting_when_text(enum setting_when when); /* "at the next connect" */

/* Whether its value names files: one, or as a list several. The entries of a list may stand in
 * quotes of their own, so a list is read as it is written (registry_value.raw). NULL gives false.
 */
bool setting_is_path(const struct setting *setting);
bool setting_is_list(const struct setting *setting);

/* "did you mean ..." for a value that no row has, or "" when nothing is near. Returns ret. */
char *settings_suggest(const char *file, const char *key, const char *name, char *ret, size_t size);

#endif
