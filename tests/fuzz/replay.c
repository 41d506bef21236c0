/* replay.c: runs one fuzz target over stored inputs, without libFuzzer: so the corpora are tests of
 * every build and compiler. Arguments: files, and folders whose files are taken. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (16u * 1024u * 1024u)
#define PATH_SIZE 4096u

static unsigned inputs;

/* The input lies in a block of exactly its size, so that a sanitizer sees each byte past it. */
static int replay_file(const char *path, FILE *file)
{
    uint8_t *read_in = malloc(INPUT_MAX);
    size_t size = read_in == NULL ? 0 : fread(read_in, 1, INPUT_MAX, file);
    uint8_t *input = malloc(size > 0 ? size : 1);
    if (read_in == NULL || input == NULL || ferror(file) || size == INPUT_MAX) {
        (void)fprintf(stderr, "%s cannot be read whole\n", path);
        free(read_in);
        free(input);
        return 1;
    }
    memcpy(input, read_in, size);
    free(read_in);
    (void)fprintf(stderr, "%s (%zu bytes)\n", path, size);
    (void)LLVMFuzzerTestOneInput(input, size);
    free(input);
    inputs++;
    return 0;
}

static int replay(const char *path);

static int replay_folder(const char *path, DIR *folder)
{
    int failed = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char inside[PATH_SIZE];
        if (entry->d_name[0] == '.') {
            continue;
        }
        int length = snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        failed |= length < 0 || (size_t)length >= sizeof inside || replay(inside) != 0;
    }
    return failed;
}

static int replay(const char *path)
{
    int failed;
    DIR *folder = opendir(path);
    if (folder != NULL) {
        failed = replay_folder(path, folder);
        (void)closedir(folder);
        return failed;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        (void)fprintf(stderr, "%s cannot be read\n", path);
        return 1;
    }
    failed = replay_file(path, file);
    (void)fclose(file);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        failed |= replay(argv[i]);
    }
    (void)fprintf(stderr, "%u inputs\n", inputs);
    return failed != 0 || inputs == 0;
}
