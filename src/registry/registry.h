/* registry/registry.h: the configuration as the tree it is in the D2000 registry, read from text.
 *
 *     # comment, also after ';', only at the start of a line
 *     DefaultApplication = PLANT             directly under the file's own key
 *     [TLS_Server]                           a subkey
 *     TLS_CertFile = C:\d2k keys\server.crt  the value is the rest of the line, trimmed
 *     TLS_KeyFile = " keeps blanks "         a value between double quotes
 *
 * There are no escapes: no character of a value ever changes. A value that begins and ends with a
 * double quote loses exactly these two ("c:\a b\" is c:\a b\, ""x"" is "x"); every other quote and
 * every backslash is a plain character. A value that begins with a quote and has no second one is
 * an error.
 *
 * Key and value names are compared without regard to case (ASCII), as in the registry. A parsed
 * file is immutable; it may be read from several threads. Rules for people: docs/registry/format.md
 */
#ifndef D2K_REGISTRY_REGISTRY_H
#define D2K_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "os/file.h"

/* Limits of a file; tested at the limit and one past it. */
#define REGISTRY_FILE_MAX     (1024u * 1024u) /* bytes */
#define REGISTRY_LINE_MAX     8192u           /* bytes without line end */
#define REGISTRY_VALUES_MAX   10000u
#define REGISTRY_SECTIONS_MAX 10000u

struct registry_value {
    const char *key; /* subkey path with backslashes ("TLS_Server", "Redundancy\PLANT\Kernel_1"), ""
                        for the file's own key; belongs to the section */
    char *name;
    char *text;
    char *raw; /* as written, with its quotes: for values that are lists with quotes of their own */
    unsigned line;
};

/* A line "[key]"; a key that stands twice has two. */
struct registry_section {
    char *key;
    unsigned line;
};

struct registry_file {
    char *path;
    struct os_file_stamp stamp; /* the same before and after reading; all zero for parsed text */
    struct registry_section *sections;
    size_t section_count;
    struct registry_value *values; /* in the order of the file */
    size_t count;
};

/* Parses text. D2K_CONFIG with "<path>:<line>: ..." for a broken line, a value given twice, an
 * unterminated section or quote, bytes that are not UTF-8, control characters; D2K_LIMIT;
 * D2K_NO_MEMORY. */
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

/* The first line "[key]" or "[key\...]", or NULL: the section does not stand in the file. It is
 * found even without values. */
const struct registry_section *registry_find_section(const struct registry_file *file,
                                                     const char *key);

/* Whether the section (or one below it) stands in the file, even without values; the file's own
 * key "" always does. */
bool registry_has_key(const struct registry_file *file, const char *key);

/* Whether `key` is `top` or lies below it; every key lies below "". */
bool registry_key_is_below(const char *key, const char *top);

#endif
