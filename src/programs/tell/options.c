/* programs/tell/options.c: the table of commands and what they may be given. */
#include "programs/tell/options.h"

#include <string.h>

#include "base/text.h"

struct command_row {
    const char *name, *synopsis;
    enum tell_command command;
    size_t min_words, max_words;
    bool is_watch; /* --every --count --for */
    bool has_json;
};

static const struct command_row commands[] = {
    {"list", "list [PATTERN...]", TELL_LIST, 0, TELL_WORDS_MAX, false, true},
    {"get", "get NAME|PATTERN...", TELL_GET, 1, TELL_WORDS_MAX, false, true},
    {"watch", "watch NAME|PATTERN...", TELL_WATCH, 1, TELL_WORDS_MAX, true, true},
    {"processes", "processes [PATTERN...]", TELL_PROCESSES, 0, TELL_WORDS_MAX, false, true},
    {"shutdown", "shutdown [REASON]", TELL_SHUTDOWN, 0, 1, false, false},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const struct command_row *find_command(enum tell_command command)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].command == command) {
            return &commands[i];
        }
    }
    return NULL;
}

static d2k_result take_word(struct tell_options *options, const char *word, struct error *err)
{
    if (options->command == TELL_NONE) {
        for (size_t i = 0; i < COMMAND_COUNT; i++) {
            if (strcmp(commands[i].name, word) == 0) {
                options->command = commands[i].command;
                return D2K_OK;
            }
        }
        return error_set(err, D2K_ARGUMENT,
                         "unknown command %s; there are list, get, watch, processes, shutdown",
                         word);
    }
    if (options->word_count == TELL_WORDS_MAX) {
        return error_set(err, D2K_ARGUMENT, "more than %d names or patterns", TELL_WORDS_MAX);
    }
    options->words[options->word_count++] = word;
    return D2K_OK;
}

static d2k_result take_number(const char *option, const char *text, long long max,
                              uint64_t *ret_number, struct error *err)
{
    long long number;
    if (!text_to_number(text, 1, max, &number)) {
        return error_set(err, D2K_ARGUMENT, "%s%s: must be a number 1..%lld", option, text, max);
    }
    *ret_number = (uint64_t)number;
    return D2K_OK;
}

static d2k_result take_option(struct tell_options *options, const char *argument, struct error *err)
{
    uint64_t seconds = 0;
    d2k_result result = D2K_OK;
    if (strcmp(argument, "--json") == 0) {
        options->json = true;
    } else if (strcmp(argument, "--every") == 0) {
        options->every = true;
    } else if (strcmp(argument, "--local") == 0) {
        options->local = true;
    } else if (strncmp(argument, "--count=", 8) == 0) {
        result = take_number("--count=", argument + 8, TELL_COUNT_MAX, &options->count, err);
    } else if (strncmp(argument, "--for=", 6) == 0) {
        result = take_number("--for=", argument + 6, TELL_SECONDS_MAX, &seconds, err);
        options->seconds = (unsigned)seconds;
    } else {
        result = D2K_NOT_FOUND;
    }
    return result;
}

d2k_result tell_options_take(void *context, const char *argument, bool is_word, struct error *err)
{
    struct tell_options *options = context;
    bool looks_like_option = argument[0] == '-' || argument[0] == '/';
    return !is_word && looks_like_option ? take_option(options, argument, err)
                                         : take_word(options, argument, err);
}

static d2k_result check_patterns(const struct tell_options *options, struct error *err)
{
    for (size_t i = 0; i < options->word_count; i++) {
        if (options->words[i][0] == '\0') {
            return error_set(err, D2K_ARGUMENT, "an empty name or pattern; '*' means all");
        }
    }
    return D2K_OK;
}

d2k_result tell_options_check(const struct tell_options *options, struct error *err)
{
    const struct command_row *row = find_command(options->command);
    if (row == NULL) {
        return error_set(err, D2K_ARGUMENT,
                         "a command is missing: list, get, watch, processes, shutdown; "
                         "d2k-tell /? explains them");
    }
    if (options->word_count < row->min_words || options->word_count > row->max_words) {
        return error_set(err, D2K_ARGUMENT, "usage: d2k-tell %s", row->synopsis);
    }
    if (!row->is_watch && (options->every || options->count != 0 || options->seconds != 0)) {
        return error_set(err, D2K_ARGUMENT, "--every, --count= and --for= belong to watch, not %s",
                         row->name);
    }
    if (!row->has_json && options->json) {
        return error_set(err, D2K_ARGUMENT, "%s has no --json", row->name);
    }
    return options->command == TELL_SHUTDOWN ? D2K_OK : check_patterns(options, err);
}
