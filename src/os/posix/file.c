/* os/posix/file.c: files on POSIX systems. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LENGTH_MAX    4096 /* PATH_MAX of Linux, with the terminator */
#define PERMISSION_BITS    07777u
#define FIRST_READ_SIZE    4096u /* for files of /proc, which say that they are empty */
#define NS_PER_SECOND      INT64_C(1000000000)
#define COPY_PIECE_SIZE    16384u
#define TEMPORARY_TEMPLATE ".XXXXXX"

static int64_t to_ns(struct timespec t)
{
    return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static struct os_file_stamp stamp_of(const struct stat *st)
{
    return (struct os_file_stamp){
        .exists = true,
        .device = (uint64_t)st->st_dev,
        .inode = (uint64_t)st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = to_ns(st->st_mtim),
        .ctime_ns = to_ns(st->st_ctim),
        .mode = (uint32_t)st->st_mode & PERMISSION_BITS,
        .owner_uid = (uint32_t)st->st_uid,
    };
}

int os_file_stamp(const char *path, struct os_file_stamp *ret_stamp)
{
    struct stat st;
    memset(ret_stamp, 0, sizeof *ret_stamp);
    if (stat(path, &st) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    *ret_stamp = stamp_of(&st);
    return 0;
}

bool os_file_stamp_equal(const struct os_file_stamp *a, const struct os_file_stamp *b)
{
    return a->exists == b->exists && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
           a->mode == b->mode && a->owner_uid == b->owner_uid;
}

/* One byte more than max_size is read, so that a file over the limit is noticed. */
static int read_all(int fd, size_t size_hint, size_t max_size, char **ret_data, size_t *ret_size)
{
    size_t capacity = size_hint > 0 ? size_hint + 2 : FIRST_READ_SIZE;
    char *data = malloc(capacity);
    size_t size = 0;
    int error = data != NULL ? 0 : ENOMEM;
    while (error == 0) {
        ssize_t got = read(fd, data + size, capacity - 1 - size);
        if (got == 0) {
            break;
        }
        if (got < 0) {
            error = errno == EINTR ? 0 : errno;
            continue;
        }
        size += (size_t)got;
        if (size > max_size) {
            error = EFBIG;
        } else if (size == capacity - 1) {
            char *larger = realloc(data, capacity * 2);
            error = larger != NULL ? 0 : ENOMEM;
            data = larger != NULL ? larger : data;
            capacity *= 2;
        }
    }
    if (error != 0) {
        free(data);
        return error;
    }
    data[size] = '\0';
    *ret_data = data;
    *ret_size = size;
    return 0;
}

/* O_NONBLOCK: opening a FIFO that somebody put at the path must not hang. */
static int open_regular(const char *path, int *ret_fd, struct os_file_stamp *ret_stamp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return errno;
    }
    struct stat st;
    int error = fstat(fd, &st) == 0 ? 0 : errno;
    if (error == 0 && !S_ISREG(st.st_mode)) {
        error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    }
    if (error != 0) {
        (void)close(fd);
        return error;
    }
    *ret_fd = fd;
    *ret_stamp = stamp_of(&st);
    return 0;
}

/* Neither this open file nor what the path leads to may differ from what was opened. */
static int check_unchanged(int fd, const char *path, const struct os_file_stamp *before)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return errno;
    }
    struct os_file_stamp after = stamp_of(&st);
    struct os_file_stamp path_after;
    int error = os_file_stamp(path, &path_after);
    if (error != 0) {
        return error;
    }
    return os_file_stamp_equal(before, &after) && os_file_stamp_equal(before, &path_after) ? 0
                                                                                           : EBUSY;
}

int os_file_read(const char *path, size_t max_size, char **ret_data, size_t *ret_size,
                 struct os_file_stamp *ret_stamp)
{
    int fd = -1;
    struct os_file_stamp stamp = {.exists = false};
    int error = open_regular(path, &fd, &stamp);
    if (error != 0) {
        return error;
    }
    char *data = NULL;
    size_t size = 0;
    error =
        stamp.size > max_size ? EFBIG : read_all(fd, (size_t)stamp.size, max_size, &data, &size);
    if (error == 0) {
        error = check_unchanged(fd, path, &stamp);
    }
    if (error == 0 && stamp.size != 0 && size != stamp.size) {
        error = EBUSY; /* changed within the resolution of the file system's clock */
    }
    (void)close(fd);
    if (error != 0) {
        free(data);
        return error;
    }
    *ret_data = data;
    *ret_size = size;
    if (ret_stamp != NULL) {
        *ret_stamp = stamp;
    }
    return 0;
}

static int write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return errno;
        }
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

/* A rename is only safe against power loss when the directory is on the disk too. Best effort:
 * some file systems cannot sync a directory. */
static void sync_directory_of(const char *path)
{
    char directory[PATH_LENGTH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        directory[0] = '.';
        directory[1] = '\0';
    } else {
        size_t length = slash == path ? 1 : (size_t)(slash - path);
        if (length >= sizeof directory) {
            return;
        }
        memcpy(directory, path, length);
        directory[length] = '\0';
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

static int write_temporary(int fd, const void *data, size_t size, uint32_t mode)
{
    int error = fchmod(fd, (mode_t)mode) == 0 ? 0 : errno;
    if (error == 0) {
        error = write_all(fd, data, size);
    }
    if (error == 0 && fsync(fd) != 0) {
        error = errno;
    }
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    return error;
}

int os_file_replace(const char *path, const void *data, size_t size, uint32_t mode)
{
    char temporary[PATH_LENGTH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s%s", path, TEMPORARY_TEMPLATE);
    if (length < 0 || (size_t)length >= sizeof temporary) {
        return ENAMETOOLONG;
    }
    int fd = mkostemp(temporary, O_CLOEXEC); /* made with mode 0600 */
    if (fd < 0) {
        return errno;
    }
    int error = write_temporary(fd, data, size, mode);
    if (error == 0 && rename(temporary, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)unlink(temporary);
        return error;
    }
    sync_directory_of(path);
    return 0;
}

static int make_one_directory(const char *path, uint32_t mode)
{
    if (mkdir(path, (mode_t)mode) == 0) {
        return 0;
    }
    int error = errno;
    struct stat st;
    if (stat(path, &st) == 0) { /* EROFS and EACCES are also given for what is there already */
        return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    }
    return error;
}

int os_directory_make(const char *path, uint32_t mode)
{
    char part[PATH_LENGTH_MAX];
    size_t length = strlen(path);
    if (length == 0) {
        return ENOENT;
    }
    if (length >= sizeof part) {
        return ENAMETOOLONG;
    }
    memcpy(part, path, length + 1);
    for (size_t i = 1; i < length; i++) {
        if (part[i] == '/' && part[i - 1] != '/') {
            part[i] = '\0';
            int error = make_one_directory(part, mode);
            part[i] = '/';
            if (error != 0) {
                return error;
            }
        }
    }
    return make_one_directory(part, mode);
}

int os_file_open_append(const char *path, uint32_t mode, int *ret_fd)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, (mode_t)mode);
    if (fd < 0) {
        return errno;
    }
    *ret_fd = fd;
    return 0;
}

static int lock_whole_file(int fd, int operation)
{
    while (flock(fd, operation) != 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* For a writer that is alone: nothing is left of data that cannot be written completely. */
static int append_or_take_back(int fd, const void *data, size_t size)
{
    off_t size_before = lseek(fd, 0, SEEK_END);
    int error = write_all(fd, data, size);
    if (error != 0 && size_before >= 0) {
        (void)!ftruncate(fd, size_before);
    }
    return error;
}

int os_file_append(int fd, const void *data, size_t size, bool locked)
{
    if (!locked) {
        return write_all(fd, data, size);
    }
    int error = lock_whole_file(fd, LOCK_EX);
    if (error != 0) {
        return error;
    }
    error = append_or_take_back(fd, data, size);
    (void)lock_whole_file(fd, LOCK_UN);
    return error;
}

static int copy_all(int from, int to)
{
    char piece[COPY_PIECE_SIZE];
    for (;;) {
        ssize_t got = read(from, piece, sizeof piece);
        if (got == 0) {
            return 0;
        }
        int error = got > 0 ? write_all(to, piece, (size_t)got) : errno;
        if (error != 0 && error != EINTR) {
            return error;
        }
    }
}

int os_file_append_file(const char *from, const char *to, uint32_t mode)
{
    int from_fd = -1;
    int to_fd = -1;
    struct os_file_stamp stamp;
    int error = open_regular(from, &from_fd, &stamp);
    if (error != 0) {
        return error;
    }
    error = os_file_open_append(to, mode, &to_fd);
    if (error == 0) {
        off_t size_before = lseek(to_fd, 0, SEEK_END);
        error = copy_all(from_fd, to_fd);
        if (error != 0 && size_before >= 0) {
            (void)!ftruncate(to_fd, size_before);
        }
        (void)close(to_fd);
    }
    (void)close(from_fd);
    return error;
}

int os_file_try_lock(int fd)
{
    return lock_whole_file(fd, LOCK_EX | LOCK_NB);
}

int os_directory_open(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    *ret_fd = fd;
    return 0;
}

int os_file_sync(int fd)
{
    return fsync(fd) == 0 ? 0 : errno;
}

int os_file_take_owner(const char *path, const char *like)
{
    struct stat wanted, now;
    if (stat(like, &wanted) != 0 || stat(path, &now) != 0) {
        return errno;
    }
    if (wanted.st_uid == now.st_uid && wanted.st_gid == now.st_gid) {
        return 0;
    }
    return chown(path, wanted.st_uid, wanted.st_gid) == 0 ? 0 : errno;
}

int os_file_real_path(const char *path, char **ret_path)
{
    *ret_path = realpath(path, NULL);
    return *ret_path != NULL ? 0 : errno;
}

void os_file_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

int os_file_rename(const char *from, const char *to)
{
    return rename(from, to) == 0 ? 0 : errno;
}

int os_file_remove(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : errno;
}

const char *os_error_text(int error)
{
    static _Thread_local char text[128];
    return strerror_r(error, text, sizeof text);
}
