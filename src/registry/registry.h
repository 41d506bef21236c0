/* registry/registry.h: the configuration as the tree it is in the D2000 registry, read from text.
 *
 *     # comment, also after ';'
 *     DefaultApplication = PLANT             directly under the file's own key
 *     [TLS_Server]                           a subkey
 *     TLS_CertFile = C:\d2k keys\server.crt  the value is the rest of the line, trimmed;
 * backslashes are plain characters TLS_KeyFile = " quoted keeps blanks "  in double quotes: \" and
 * \\ are the only escapes, and only directly before the closing... see docs
 *
 * Key and value names are compared without regard to case, as in the registry. A parsed file is
 * immutable; it may be read from several threads. */
#ifndef D2K_REGISTRY_REGISTRY_H
#define D2K_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "os/file.h"

/* Limits of a file; tested at the limit and one past it. */
#define REGISTRY_FILE_MAX   (1024u * 1024u) /* bytes */
#define REGISTRY_LINE_MAX   8192u           /* bytes */
#define REGISTRY_VALUES_MAX 10000u

struct registry_value {
    char *key; /* subkey path with backslashes ("TLS_Server", "Redundancy\PLANT\Kernel_1"), "" for
                  the file's own key */
    char *name;
    char *text;
    unsigned line;
};

struct registry_file {
    char *path;
    struct os_file_stamp stamp; /* the same before and after reading */
    struct registry_value *values;
    size_t count;
};

/* Parses text. D2K_CONFIG with "<path>:<line>: ..." for a broken line, a value given twice, an
 * unterminated section or quote, bytes that are not UTF-8; D2K_LIMIT; D2K_NO_MEMORY. */
d2k_result registry_parse(const char *path, const char *text, size_t size,
                          struct registry_file **ret_file, struct error *err) D2K_MUST_CHECK;

/* Reads and parses. D2K_NOT_FOUND when there is no such file; D2K_AGAIN when it changed while it
 * was read; D2K_FILE for any other trouble with it; and as registry_parse(). */
d2k_result registry_read(const char *path, struct registry_file **ret_file,
                         struct error *err) D2K_MUST_CHECK;

/* NULL is allowed. */
void registry_free(struct registry_file *file);

/* The value, or NULL. Case is ignored. */
const struct registry_value *registry_find(const struct registry_file *file, const char *key,
                                           const char *name);
/* Whether the section (or one below it) stands in the file, even without values. */
bool registry_has_key(const struct registry_file *file, const char *key);

#endif
