/* programs/certs/options.h: the command line of d2k-certs. */
#ifndef D2K_PROGRAMS_CERTS_OPTIONS_H
#define D2K_PROGRAMS_CERTS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "programs/certs/target.h"

#define CERTS_NAMES_MAX    100u
#define CERTS_FILES_MAX    1000u
#define CERTS_DAYS_DEFAULT 730u
#define CERTS_DAYS_MAX     36500u
#define CERTS_PATH_MAX     4096u

enum certs_command {
    CERTS_HELP,
    CERTS_VERSION,
    CERTS_NEW,
    CERTS_SHOW,
    CERTS_CHECK,
};

/* Texts point into argv or here. */
struct certs_options {
    enum certs_command command;
    const char *cert_path, *key_path;
    const char *common_name;                /* NULL: the first name */
    const char *names[CERTS_NAMES_MAX + 1]; /* NULL-terminated; none given: default names */
    size_t name_count;
    unsigned days;
    unsigned rsa_bits;        /* 0: P-256 */
    const char *request_path; /* of new --csr; NULL: a self-signed certificate */
    bool force;
    const char *files[CERTS_FILES_MAX]; /* of show; or host:port */
    size_t file_count;
    const char *application; /* of check; NULL: not given */
    const char *trusted;     /* --trusted=; NULL: the list of the application */
    const char *config_dir, *installation;
    struct certs_target target; /* of check */
    char target_text[CERTS_HOST_MAX + 10];
    bool json;
    char default_key[CERTS_PATH_MAX];
};

/* Reads the command line. Help and version win over everything else. D2K_ARGUMENT. */
d2k_result certs_options_read(int argc, char **argv, struct certs_options *ret_options,
                              struct error *err) D2K_MUST_CHECK;

/* For --help. Static. */
const char *certs_help(void);

#endif
