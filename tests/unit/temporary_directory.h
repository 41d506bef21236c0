/* tests/unit/temporary_directory.h: a directory that a test may fill, and small helpers to look at
 * files. Everything fails the test when the system does not play along. */
#ifndef D2K_TESTS_TEMPORARY_DIRECTORY_H
#define D2K_TESTS_TEMPORARY_DIRECTORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST_PATH_MAX 512

struct temporary_directory {
    char path[TEST_PATH_MAX / 2];
};

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* cmocka set-up and tear-down: *state is a struct temporary_directory. */
static inline int make_temporary_directory(void **state)
{
    struct temporary_directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL) {
        return -1;
    }
    const char *parent = getenv("TMPDIR");
    snprintf(directory->path, sizeof directory->path, "%s/d2k-test-XXXXXX",
             parent != NULL ? parent : "/tmp");
    *state = directory;
    return mkdtemp(directory->path) != NULL ? 0 : -1;
}

static inline int remove_temporary_directory(void **state)
{
    struct temporary_directory *directory = *state;
    int error = nftw(directory->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(directory);
    return error;
}

/* Holds for the next three calls. */
static inline const char *path_in(const struct temporary_directory *directory, const char *name)
{
    static char joined[4][TEST_PATH_MAX];
    static unsigned next;
    char *path = joined[next++ % 4];
    int length = snprintf(path, TEST_PATH_MAX, "%s/%s", directory->path, name);
    assert_in_range(length, 1, TEST_PATH_MAX - 1);
    return path;
}

static inline bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static inline unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return (unsigned)st.st_mode & 07777u;
}

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* Whole content, terminated; freed by the caller. */
static inline char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("%s cannot be opened", path);
    }
    size_t size = 0;
    size_t capacity = 4096;
    char *text = malloc(capacity);
    assert_non_null(text);
    for (size_t got = 1; got > 0; size += got) {
        if (capacity - size < 2) {
            capacity *= 2;
            text = realloc(text, capacity);
            assert_non_null(text);
        }
        got = fread(text + size, 1, capacity - size - 1, file);
    }
    text[size] = '\0';
    (void)fclose(file);
    return text;
}

static inline void assert_file_is(const char *path, const char *expected)
{
    char *text = read_file(path);
    assert_string_equal(text, expected);
    free(text);
}

#endif
