/* os/file.h: files, as configuration, certificates and logs need them.
 *
 * Functions that can fail return 0 or an errno value (os_error_text() explains it). Any thread. */
#ifndef D2K_OS_FILE_H
#define D2K_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <d2k/result.h>

/* What tells one content of a path from another. Two equal stamps with an old ctime mean:
 * unchanged. */
struct os_file_stamp {
    bool exists; /* false: nothing is there, all else is zero */
    uint64_t device, inode;
    uint64_t size;
    int64_t mtime_ns, ctime_ns;
    uint32_t mode; /* permission bits only (07777) */
    uint32_t owner_uid;
};

/* Follows symbolic links. A missing file is no error: ret_stamp->exists is false.
 * EACCES, ENOTDIR, ELOOP, ENAMETOOLONG... */
int os_file_stamp(const char *path, struct os_file_stamp *ret_stamp) D2K_MUST_CHECK;

bool os_file_stamp_equal(const struct os_file_stamp *a, const struct os_file_stamp *b);

/* Reads a whole regular file; *ret_data is malloc'ed, zero-terminated one byte after *ret_size, and
 * the caller's to free. *ret_stamp (may be NULL) is the stamp that was the same before and after
 * reading. EBUSY: it changed while it was read (try again); EFBIG: over max_size; ENOENT, EACCES,
 * EISDIR, ENOMEM... */
int os_file_read(const char *path, size_t max_size, char **ret_data, size_t *ret_size,
                 struct os_file_stamp *ret_stamp) D2K_MUST_CHECK;

/* Writes a new file with this mode (0600 for keys) next to `path`, syncs it and renames it over
 * `path`. */
int os_file_replace(const char *path, const void *data, size_t size, uint32_t mode) D2K_MUST_CHECK;

/* Makes a directory and its parents with this mode; one that is there already is fine. */
int os_directory_make(const char *path, uint32_t mode) D2K_MUST_CHECK;

/* Opens for appending, creating it with `mode`. The descriptor is the caller's (os_file_close). */
int os_file_open_append(const char *path, uint32_t mode, int *ret_fd) D2K_MUST_CHECK;

/* Writes all bytes; with `locked` under an exclusive advisory lock, so that lines of several
 * processes that share the file never mix; waits while another process holds it. ENOSPC, EIO,
 * EDQUOT, EFBIG...: with `locked` a failure takes back the part that was written, so that no torn
 * line is left; without, a part may have been written. */
int os_file_append(int fd, const void *data, size_t size, bool locked) D2K_MUST_CHECK;

/* Appends the whole file `from` to the file `to`, which is created with `mode`, in small pieces;
 * either all of it or, after a failure, nothing. `to` must have no other writer. ENOENT: there is
 * no `from`; EISDIR, EACCES, ENOSPC... */
int os_file_append_file(const char *from, const char *to, uint32_t mode) D2K_MUST_CHECK;

/* Takes an exclusive advisory lock on `fd` without waiting; EWOULDBLOCK when another process holds
 * it. It is released by os_file_close() or the end of the process. */
int os_file_try_lock(int fd) D2K_MUST_CHECK;

/* Opens a directory, so that it can be locked (os_file_try_lock) and synced (os_file_sync): its
 * lock outlives the files in it that are replaced. ENOENT, ENOTDIR, EACCES... */
int os_directory_open(const char *path, int *ret_fd) D2K_MUST_CHECK;

/* Brings what was written or, for a directory, renamed to the disk. EINVAL where the file system
 * cannot do that. */
int os_file_sync(int fd) D2K_MUST_CHECK;

/* Gives `path` owner and group of the file `like`. EPERM: this user may not. */
int os_file_take_owner(const char *path, const char *like) D2K_MUST_CHECK;

/* The path without symbolic links; malloc'ed, the caller's. ENOENT, ELOOP, EACCES... */
int os_file_real_path(const char *path, char **ret_path) D2K_MUST_CHECK;

void os_file_close(int fd);

/* Renames over what may be there. ENOENT... */
int os_file_rename(const char *from, const char *to) D2K_MUST_CHECK;

/* Removes a file; one that is not there is fine. */
int os_file_remove(const char *path) D2K_MUST_CHECK;

/* Text of an errno value; static or thread-local storage, never NULL. */
const char *os_error_text(int error);

#endif
