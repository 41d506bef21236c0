/* registry/static_processes.c: lists of words, and the end of what settings.c has read. */
#include "registry/static_processes.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

void static_words_free(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        free(words[i]);
    }
    free(words);
}

void static_processes_free(struct static_processes *processes)
{
    for (size_t i = 0; i < processes->count; i++) {
        struct static_process *process = &processes->at[i];
        free(process->name);
        free(process->executable);
        free(process->directory);
        static_words_free(process->parameters);
        static_words_free(process->environment);
    }
    free(processes->at);
    *processes = (struct static_processes){0};
}

/* The next word without its quotes goes to ret_word, which has room for what is left of the text.
 * 1: a word; 0: there is none; -1: its quote is not closed. */
static int next_word(const char **at, char *ret_word)
{
    bool quoted = false;
    while (is_blank(**at)) {
        ++*at;
    }
    if (**at == '\0') {
        return 0;
    }
    for (; **at != '\0' && (quoted || !is_blank(**at)); ++*at) {
        if (**at == '"') {
            quoted = !quoted;
        } else {
            *ret_word++ = **at;
        }
    }
    *ret_word = '\0';
    return quoted ? -1 : 1;
}

static d2k_result collect(const char *text, char *word, char **words)
{
    int found;
    size_t count = 0;
    while ((found = next_word(&text, word)) > 0) {
        if (count == STATIC_PROCESS_WORDS_MAX) {
            return D2K_LIMIT;
        }
        words[count] = strdup(word);
        if (words[count++] == NULL) {
            return D2K_NO_MEMORY;
        }
    }
    return found < 0 ? D2K_ARGUMENT : D2K_OK;
}

d2k_result static_words_parse(const char *text, char ***ret_words)
{
    char *word = malloc(strlen(text) + 1);
    char **words = calloc(STATIC_PROCESS_WORDS_MAX + 1, sizeof *words);
    d2k_result result = word == NULL || words == NULL ? D2K_NO_MEMORY : collect(text, word, words);
    free(word);
    if (result != D2K_OK) {
        static_words_free(words);
        return result;
    }
    *ret_words = words;
    return D2K_OK;
}
