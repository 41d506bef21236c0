/* programs/tell/words.h: a list of words that may complete a word, bounded. */
#ifndef D2K_TELL_WORDS_H
#define D2K_TELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MAX 500u

struct words {
    char **words; /* owned */
    size_t count, capacity;
    bool more; /* there were others: WORDS_MAX, or out of memory */
};

/* An all-zero list is empty. */
void words_free(struct words *words);
void words_add(struct words *words, const char *word);
/* Sorts, case ignored. */
void words_sort(struct words *words);
/* Length of the beginning that all words have in common, case ignored; 0 for an empty list. */
size_t words_common_prefix(const struct words *words);
/* Whether `word` begins with `prefix`, case ignored. */
bool words_begins_with(const char *word, const char *prefix);
/* The last word of a line: behind its last blank. */
const char *words_last(const char *line);

#endif
