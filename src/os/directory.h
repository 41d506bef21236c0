/* os/directory.h: what stands in a directory, and whether a program may write there. Any thread. */
#ifndef D2K_OS_DIRECTORY_H
#define D2K_OS_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include <d2k/result.h>

struct os_names {
    char **names; /* sorted by bytes */
    size_t count;
    bool more; /* max_count was reached: there are others */
};

/* Names for which wanted() says true (NULL: all) except "." and "..", at most max_count. Returns 0
 * or an errno value (ENOENT, ENOTDIR, EACCES, ENOMEM...); after an error ret_names is empty. Free
 * with os_names_free(). */
int os_directory_list(const char *path, bool (*wanted)(const char *name), size_t max_count,
                      struct os_names *ret_names) D2K_MUST_CHECK;

/* An empty (all zero) one is allowed. */
void os_names_free(struct os_names *names);

/* Whether files can be made in it by this process: it is there and may be written, or it is not
 * there and the nearest of its parents that is there may be written. Changes nothing. */
bool os_directory_writable(const char *path);

#endif
