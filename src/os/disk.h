/* os/disk.h: how full a file system is. Any thread. */
#ifndef D2K_OS_DISK_H
#define D2K_OS_DISK_H

#include <stdint.h>

#include <d2k/result.h>

/* Bytes of a mounted file system. */
struct os_disk_space {
    uint64_t used;
    uint64_t available; /* for users without special rights */
};

/* Of the file system that holds `path`. Returns 0 or an errno value (ENOENT, EACCES, EIO...). It
 * waits for a file system that does not answer. */
int os_disk_space(const char *path, struct os_disk_space *ret_space) D2K_MUST_CHECK;

#endif
