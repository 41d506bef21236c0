/* os/directory.h on POSIX: readdir and access. */
#include "os/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int compare_names(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

static int add_name(struct os_names *names, size_t *capacity, const char *name)
{
    if (names->count == *capacity) {
        size_t grown = *capacity == 0 ? 16 : *capacity * 2;
        char **bigger = realloc(names->names, grown * sizeof *bigger);
        if (bigger == NULL) {
            return ENOMEM;
        }
        names->names = bigger;
        *capacity = grown;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return ENOMEM;
    }
    names->names[names->count++] = copy;
    return 0;
}

static bool is_wanted(const char *name, bool (*wanted)(const char *name))
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return false;
    }
    return wanted == NULL || wanted(name);
}

static int read_names(DIR *directory, bool (*wanted)(const char *name), size_t max_count,
                      struct os_names *names)
{
    size_t capacity = 0;
    for (;;) {
        errno = 0; /* readdir tells its end from an error only by errno */
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            return errno;
        }
        if (!is_wanted(entry->d_name, wanted)) {
            continue;
        }
        if (names->count == max_count) {
            names->more = true;
            return 0;
        }
        int error = add_name(names, &capacity, entry->d_name);
        if (error != 0) {
            return error;
        }
    }
}

int os_directory_list(const char *path, bool (*wanted)(const char *name), size_t max_count,
                      struct os_names *ret_names)
{
    *ret_names = (struct os_names){0};
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return errno;
    }
    int error = read_names(directory, wanted, max_count, ret_names);
    closedir(directory);
    if (error != 0) {
        os_names_free(ret_names);
        return error;
    }
    if (ret_names->count > 1) {
        qsort(ret_names->names, ret_names->count, sizeof *ret_names->names, compare_names);
    }
    return 0;
}

void os_names_free(struct os_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->names[i]);
    }
    free(names->names);
    *names = (struct os_names){0};
}

/* Cuts the last part off: "/a/b" -> "/a", "/a" -> "/", "a" -> ".". */
static void to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL) {
        path[0] = '.';
        path[1] = '\0';
        return;
    }
    slash[slash == path ? 1 : 0] = '\0';
}

bool os_directory_writable(const char *path)
{
    size_t size = strlen(path) + 2; /* room for "." */
    char *at = malloc(size);
    if (at == NULL) {
        return false;
    }
    memcpy(at, path, size - 1);
    struct stat status;
    while (stat(at, &status) != 0 && errno == ENOENT && strcmp(at, "/") != 0 &&
           strcmp(at, ".") != 0) {
        to_parent(at);
    }
    bool writable =
        stat(at, &status) == 0 && S_ISDIR(status.st_mode) && access(at, W_OK | X_OK) == 0;
    free(at);
    return writable;
}
