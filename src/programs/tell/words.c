/* programs/tell/words.c: candidates for completion. */
#include "programs/tell/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define FIRST_CAPACITY 16u

void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        free(words->words[i]);
    }
    free(words->words);
    *words = (struct words){0};
}

static bool grow(struct words *words)
{
    size_t capacity = words->capacity == 0 ? FIRST_CAPACITY : 2 * words->capacity;
    char **bigger = realloc(words->words, capacity * sizeof *bigger);
    if (bigger == NULL) {
        return false;
    }
    words->words = bigger;
    words->capacity = capacity;
    return true;
}

void words_add(struct words *words, const char *word)
{
    char *copy = NULL;
    if (words->count < WORDS_MAX && (words->count < words->capacity || grow(words))) {
        copy = strdup(word);
    }
    if (copy == NULL) {
        words->more = true;
        return;
    }
    words->words[words->count++] = copy;
}

static int by_text(const void *a, const void *b)
{
    char *const *left = a, *const *right = b;
    return text_compare_ignoring_case(*left, *right);
}

void words_sort(struct words *words)
{
    if (words->count > 0) {
        qsort(words->words, words->count, sizeof *words->words, by_text);
    }
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t common(const char *a, const char *b)
{
    size_t length = 0;
    while (a[length] != '\0' && lower(a[length]) == lower(b[length])) {
        length++;
    }
    return length;
}

size_t words_common_prefix(const struct words *words)
{
    size_t length = words->count == 0 ? 0 : strlen(words->words[0]);
    for (size_t i = 1; i < words->count; i++) {
        size_t here = common(words->words[0], words->words[i]);
        length = here < length ? here : length;
    }
    return length;
}

bool words_begins_with(const char *word, const char *prefix)
{
    return common(prefix, word) == strlen(prefix);
}

const char *words_last(const char *line)
{
    const char *last = line;
    for (const char *at = line; *at != '\0'; at++) {
        if (*at == ' ' || *at == '\t') {
            last = at + 1;
        }
    }
    return last;
}
