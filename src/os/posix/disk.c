/* os/posix/disk.c: statvfs(2). */
#include "os/disk.h"

#include <errno.h>
#include <sys/statvfs.h>

int os_disk_space(const char *path, struct os_disk_space *ret_space)
{
    struct statvfs fs;
    int failed;
    do {
        failed = statvfs(path, &fs);
    } while (failed != 0 && errno == EINTR);
    if (failed != 0) {
        return errno;
    }
    uint64_t unit = fs.f_frsize;
    ret_space->used = fs.f_blocks >= fs.f_bfree ? (fs.f_blocks - fs.f_bfree) * unit : 0;
    ret_space->available = fs.f_bavail * unit;
    return 0;
}
