/* programs/registry/tree_path.h: a place in the tree of keys and values, as people write it. */
#ifndef D2K_PROGRAMS_REGISTRY_TREE_PATH_H
#define D2K_PROGRAMS_REGISTRY_TREE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

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

/* D2K_ARGUMENT: below HKEY_LOCAL_MACHINE, but not in the configuration; D2K_NO_MEMORY. Free
 * ret_path->copy with free(), after an error too. */
d2k_result tree_path_parse(const char *text, size_t size, struct tree_path *ret_path,
                           struct error *err) D2K_MUST_CHECK;

/* What is below the installation or the application as key and name of a value; *ret_key is
 * malloc'ed, the caller's, *ret_name leads into the path. D2K_NO_MEMORY. */
d2k_result tree_path_split(const struct tree_path *path, char **ret_key, const char **ret_name,
                           struct error *err) D2K_MUST_CHECK;

#endif
