/* programs/registry/options.h: arguments of d2k-registry. */
#ifndef D2K_PROGRAMS_REGISTRY_OPTIONS_H
#define D2K_PROGRAMS_REGISTRY_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "registry/location.h"

/* A place in the tree, as a person writes it: "TLS_Server\TLS_CertFile",
 * "cfg_PLANT\TLS_Server", "HKLM\SOFTWARE\Ipesoft\d2k\cfg_PLANT\TLS_Server". */
struct tree_path {
    char *installation; /* NULL: it does not say */
    char *application;  /* NULL: it does not say */
    bool is_absolute;   /* it begins at the installation or above: without application it is not
                           below cfg_<application> */
    const char *rest;   /* what is below the installation or the application */
    char *copy;         /* owns the text of the members above */
};

struct options {
    const char *command; /* "list", "get", "check", "settings" */
    const char *operand; /* KEY, KEY\NAME or NULL */
    const char *application, *installation, *config_dir;
    bool json, markdown, help, version;
    struct tree_path path; /* of operand */
};

/* D2K_ARGUMENT with what is wrong, D2K_NO_MEMORY. With help or version nothing else is checked.
 * Pointers lead into argv. Free with options_free(), after an error too. */
d2k_result options_parse(int argc, char **argv, struct options *ret_options,
                         struct error *err) D2K_MUST_CHECK;
void options_free(struct options *options);

/* Text of --help. Static. */
const char *options_help(void);

#endif
