/* programs/registry/tree.h: the files of an installation as one tree of values and defaults. */
#ifndef D2K_PROGRAMS_REGISTRY_TREE_H
#define D2K_PROGRAMS_REGISTRY_TREE_H

#include "registry/settings.h"

struct tree_entry {
    const char *application; /* NULL: directly below the installation */
    const char *key, *name, *text;
    const struct setting *setting;    /* NULL: nobody knows this value */
    const struct registry_file *file; /* NULL: the default acts */
    unsigned line;
};

struct tree_file {
    char *application; /* NULL: installation.conf */
    struct registry_file *file;
};

/* Entries point into the files. */
struct tree {
    struct tree_file *files;
    size_t file_count;
    struct tree_entry *entries; /* by file, then key, then as in the file, defaults last */
    size_t count;
};

/* A file, again when it changes meanwhile (a few times); as registry_read(). */
d2k_result tree_read_file(const char *path, struct registry_file **ret_file,
                          struct error *err) D2K_MUST_CHECK;

/* Reads installation.conf (may be missing) and the applications: the one that is given, else
 * DefaultApplication, else (`all`) every one that is there. As registry_read(); D2K_CONFIG for a
 * DefaultApplication that is no name. Free with tree_free(), after an error too. */
d2k_result tree_read(const struct registry_location *location, const char *application, bool all,
                     struct tree *ret_tree, struct error *err) D2K_MUST_CHECK;
void tree_free(struct tree *tree);

#endif
