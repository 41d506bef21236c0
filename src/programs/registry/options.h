/* programs/registry/options.h: arguments of d2k-registry. */
#ifndef D2K_PROGRAMS_REGISTRY_OPTIONS_H
#define D2K_PROGRAMS_REGISTRY_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "programs/registry/tree_path.h"
#include "registry/location.h"

/* One value to set or, without `value`, to unset. */
struct assignment {
    struct tree_path path; /* rest: key and name */
    const char *value;
};

#define OPTIONS_WORDS_MAX 1000u /* arguments that are no options */

struct options {
    const char *command;
    const char *operand; /* of commands with one: KEY, KEY\NAME, FILE; or NULL */
    const char *application, *installation, *config_dir;
    const char *from; /* installation in the file that is imported */
    const char *password_file;
    bool json, markdown, force, dry_run, utf8, help, version;
    struct tree_path path; /* of operand */
    struct assignment *assignments;
    size_t assignment_count;
    const char **words; /* behind the command */
    size_t word_count;
};

/* D2K_ARGUMENT with what is wrong, D2K_NO_MEMORY. With help or version nothing else is checked.
 * Pointers lead into argv. Free with options_free(), after an error too. */
d2k_result options_parse(int argc, char **argv, struct options *ret_options,
                         struct error *err) D2K_MUST_CHECK;
void options_free(struct options *options);

/* Text of --help. Static. */
const char *options_help(void);

#endif
