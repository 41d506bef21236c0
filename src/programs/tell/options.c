/* programs/tell/options.c: the table of commands and what they may be given. */
#include "programs/tell/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <d2k/client.h>

#include "base/text.h"

struct command_row {
    const char *name, *synopsis;
    enum tell_command command;
    size_t min_words, max_words;
    unsigned options; /* that belong to it */
};

#define OPTION_JSON    1u
#define OPTION_WATCH   2u /* --every --count= --for= --interval= --dead-band= */
#define OPTION_NAMES   4u
#define OPTION_STATE   8u
#define OPTION_OBJECTS 16u  /* no option: its words are names of objects */
#define OPTION_DEFINE  32u  /* what else is said of a definition */
#define OPTION_SET     128u /* --no-wait */
#define OPTION_ADMIN   64u  /* no option: it is administration */
#define OPTION_CSV     256u
#define OPTION_FILTER  512u /* --type= --owner= --quality= --kind= --path= */

static const struct command_row commands[] = {
    {"list", "list [PATTERN...]", TELL_LIST, 0, TELL_WORDS_MAX,
     OPTION_JSON | OPTION_NAMES | OPTION_OBJECTS | OPTION_FILTER},
    {"get", "get NAME|PATTERN...", TELL_GET, 1, TELL_WORDS_MAX, OPTION_JSON | OPTION_OBJECTS},
    {"snapshot", "snapshot NAME|PATTERN...", TELL_SNAPSHOT, 1, TELL_WORDS_MAX,
     OPTION_JSON | OPTION_CSV | OPTION_OBJECTS},
    {"watch", "watch NAME|PATTERN...", TELL_WATCH, 1, TELL_WORDS_MAX,
     OPTION_JSON | OPTION_CSV | OPTION_WATCH | OPTION_OBJECTS},
    {"history", "history NAME [COUNT]", TELL_HISTORY, 1, 2,
     OPTION_JSON | OPTION_CSV | OPTION_OBJECTS},
    {"processes", "processes [PATTERN...]", TELL_PROCESSES, 0, TELL_WORDS_MAX,
     OPTION_JSON | OPTION_STATE},
    {"connections", "connections [PATTERN...]", TELL_CONNECTIONS, 0, TELL_WORDS_MAX, OPTION_JSON},
    {"version", "version", TELL_VERSION, 0, 0, OPTION_JSON},
    {"shutdown", "shutdown [REASON]", TELL_SHUTDOWN, 0, 1, OPTION_ADMIN},
    {"log-level", "log-level info|debug", TELL_LOG_LEVEL, 1, 1, OPTION_ADMIN},
    {"set", "set NAME VALUE", TELL_SET, 2, 2, OPTION_SET | OPTION_OBJECTS},
    {"ack", "ack NAME|PATTERN...", TELL_ACK, 1, TELL_WORDS_MAX, OPTION_OBJECTS},
    {"define", "define NAME TYPE", TELL_DEFINE, 2, 2, OPTION_DEFINE | OPTION_ADMIN},
    {"delete", "delete NAME...", TELL_DELETE, 1, TELL_WORDS_MAX, OPTION_OBJECTS | OPTION_ADMIN},
    {"import", "import FILE...", TELL_IMPORT, 1, TELL_WORDS_MAX, OPTION_ADMIN},
    {"export", "export [PATTERN...]", TELL_EXPORT, 0, TELL_WORDS_MAX, OPTION_OBJECTS},
    {"start", "start PROCESS", TELL_START, 1, 1, OPTION_ADMIN},
    {"stop", "stop PROCESS", TELL_STOP, 1, 1, OPTION_ADMIN},
    {"restart", "restart PROCESS", TELL_RESTART, 1, 1, OPTION_ADMIN},
    {"set-active", "set-active PROCESS INSTANCE", TELL_SET_ACTIVE, 2, 2, OPTION_ADMIN},
    {"set-preferred", "set-preferred PROCESS INSTANCE", TELL_SET_PREFERRED, 2, 2, OPTION_ADMIN},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])
#define COMMAND_NAMES                                                                            \
    "list, get, snapshot, watch, history, set, ack, processes, connections, version, shutdown, " \
    "log-level, define, delete, import, export, start, stop, restart, set-active, set-preferred"

static const char *const states[] = {"Running", "Stop", "Crash", "WDErr"};

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
        return error_set(err, D2K_ARGUMENT, "unknown command %s; there are " COMMAND_NAMES, word);
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

static d2k_result take_dead_band(struct tell_options *options, const char *text, struct error *err)
{
    char *end = NULL;
    options->has_dead_band = true;
    options->dead_band = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(options->dead_band) || options->dead_band < 0) {
        return error_set(err, D2K_ARGUMENT, "--dead-band=%s: must be a number, 0 or more", text);
    }
    return D2K_OK;
}

static d2k_result take_state(struct tell_options *options, const char *text, struct error *err)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (text_equal_ignoring_case(states[i], text)) {
            options->state = states[i];
            return D2K_OK;
        }
    }
    return error_set(err, D2K_ARGUMENT, "--state=%s: allowed: Running, Stop, Crash, WDErr", text);
}

/* --path= is an option of list, too. */
static bool says_definition(const struct tell_options *options, const struct command_row *row)
{
    struct definition_texts said = options->definition;
    if ((row->options & OPTION_FILTER) != 0) {
        said.columns[COLUMN_PATH] = (struct slice){0};
    }
    return definition_says_something(&said);
}

static d2k_result take_option(struct tell_options *options, const char *argument, struct error *err)
{
    uint64_t seconds = 0, interval_ms = 0;
    d2k_result result = D2K_OK;
    if (strcmp(argument, "--json") == 0) {
        options->json = true;
    } else if (strcmp(argument, "--csv") == 0) {
        options->csv = true;
    } else if (strcmp(argument, "--every") == 0) {
        options->every = true;
    } else if (strcmp(argument, "--local") == 0) {
        options->local = true;
    } else if (strcmp(argument, "--interactive") == 0) {
        options->interactive = true;
    } else if (strcmp(argument, "--no-wait") == 0) {
        options->no_wait = true;
    } else if (strcmp(argument, "--names") == 0) {
        options->names = true;
    } else if (strncmp(argument, "--state=", 8) == 0) {
        result = take_state(options, argument + 8, err);
    } else if (strncmp(argument, "--count=", 8) == 0) {
        result = take_number("--count=", argument + 8, TELL_COUNT_MAX, &options->count, err);
    } else if (strncmp(argument, "--for=", 6) == 0) {
        result = take_number("--for=", argument + 6, TELL_SECONDS_MAX, &seconds, err);
        options->seconds = (unsigned)seconds;
    } else if (strncmp(argument, "--interval=", 11) == 0) {
        result = take_number("--interval=", argument + 11, D2K_INTERVAL_MAX_MS, &interval_ms, err);
        options->interval_ms = (unsigned)interval_ms;
    } else if (strncmp(argument, "--dead-band=", 12) == 0) {
        result = take_dead_band(options, argument + 12, err);
    } else if (!definition_take_option(argument, &options->definition) &&
               !filter_take_option(argument, &options->filter)) {
        result = D2K_NOT_FOUND;
    }
    return result;
}

/* "-5" behind set NAME. */
static bool is_negative_value(const struct tell_options *options, const char *argument)
{
    return options->command == TELL_SET && options->word_count == 1 && argument[0] == '-' &&
           ((argument[1] >= '0' && argument[1] <= '9') || argument[1] == '.');
}

d2k_result tell_options_take(void *context, const char *argument, bool is_word, struct error *err)
{
    struct tell_options *options = context;
    bool looks_like_option = (argument[0] == '-' && argument[1] != '\0') || argument[0] == '/';
    if (is_word || !looks_like_option || is_negative_value(options, argument)) {
        return take_word(options, argument, err);
    }
    d2k_result result = take_option(options, argument, err);
    bool is_path = argument[0] == '/' && options->command == TELL_IMPORT;
    return result == D2K_NOT_FOUND && is_path ? take_word(options, argument, err) : result;
}

static bool says_watch(const struct tell_options *options)
{
    return options->every || options->count != 0 || options->seconds != 0 ||
           options->interval_ms != 0 || options->has_dead_band;
}

static d2k_result check_instance(const struct tell_options *options, struct error *err)
{
    long long instance;
    bool prefers = options->command == TELL_SET_PREFERRED;
    if (!text_to_number(options->words[1], prefers ? 0 : 1, TELL_INSTANCE_MAX, &instance)) {
        return error_set(err, D2K_ARGUMENT, "instance %s: a number %s..%d is needed",
                         options->words[1], prefers ? "0 (none)" : "1", TELL_INSTANCE_MAX);
    }
    return D2K_OK;
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

static d2k_result check_history(const struct tell_options *options, struct error *err)
{
    uint64_t count;
    return options->word_count < 2
               ? D2K_OK
               : take_number("history: ", options->words[1], D2K_HISTORY_MAX, &count, err);
}

d2k_result tell_options_filter(const struct tell_options *options, d2k_filter *ret_filter,
                               struct error *err)
{
    const char *path = options->definition.columns[COLUMN_PATH].data;
    return filter_read(&options->filter, path, ret_filter, err);
}

d2k_result tell_options_check(const struct tell_options *options, struct error *err)
{
    char define_options[DEFINITION_OPTIONS_MAX];
    const struct command_row *row = find_command(options->command);
    if (row == NULL) {
        return error_set(err, D2K_ARGUMENT,
                         "a command is missing: " COMMAND_NAMES "; d2k-tell /? explains them");
    }
    if (options->word_count < row->min_words || options->word_count > row->max_words) {
        return error_set(err, D2K_ARGUMENT, "usage: d2k-tell %s", row->synopsis);
    }
    if ((row->options & OPTION_WATCH) == 0 && says_watch(options)) {
        return error_set(err, D2K_ARGUMENT,
                         "--every, --count=, --for=, --interval= and --dead-band= belong to watch, "
                         "not %s",
                         row->name);
    }
    if (options->every && (options->interval_ms != 0 || options->has_dead_band)) {
        return error_set(err, D2K_ARGUMENT,
                         "--interval= and --dead-band= leave values out, and --every leaves out "
                         "none: give one of them");
    }
    if ((row->options & OPTION_JSON) == 0 && options->json) {
        return error_set(err, D2K_ARGUMENT, "%s has no --json", row->name);
    }
    if (options->csv && ((row->options & OPTION_CSV) == 0 || options->json)) {
        return error_set(err, D2K_ARGUMENT,
                         "--csv belongs to watch, history and snapshot, in place of --json");
    }
    if (options->names && ((row->options & OPTION_NAMES) == 0 || options->json)) {
        return error_set(err, D2K_ARGUMENT, "--names belongs to list without --json");
    }
    if (options->state != NULL && (row->options & OPTION_STATE) == 0) {
        return error_set(err, D2K_ARGUMENT, "--state= belongs to processes, not %s", row->name);
    }
    if (says_definition(options, row) && (row->options & OPTION_DEFINE) == 0) {
        return error_set(err, D2K_ARGUMENT, "%s belong to define, not %s",
                         definition_options(define_options), row->name);
    }
    if (filter_says_something(&options->filter) && (row->options & OPTION_FILTER) == 0) {
        return error_set(err, D2K_ARGUMENT,
                         "--type=, --owner=, --quality= and --kind= belong to list, not %s",
                         row->name);
    }
    if (options->no_wait && (row->options & OPTION_SET) == 0) {
        return error_set(err, D2K_ARGUMENT, "--no-wait belongs to set, not %s", row->name);
    }
    if (options->interactive) {
        return error_set(err, D2K_ARGUMENT, "--interactive asks for commands: give none");
    }
    if (options->command == TELL_LOG_LEVEL && strcmp(options->words[0], "info") != 0 &&
        strcmp(options->words[0], "debug") != 0) {
        return error_set(err, D2K_ARGUMENT, "log-level %s: allowed: info, debug",
                         options->words[0]);
    }
    if (options->command == TELL_SET_ACTIVE || options->command == TELL_SET_PREFERRED) {
        return check_instance(options, err);
    }
    if (options->command == TELL_HISTORY) {
        d2k_result result = check_history(options, err);
        if (result != D2K_OK) {
            return result;
        }
    }
    if (options->command == TELL_LIST) {
        d2k_filter filter;
        d2k_result result = tell_options_filter(options, &filter, err);
        if (result != D2K_OK) {
            return result;
        }
    }
    if (options->command == TELL_SHUTDOWN || options->command == TELL_SET) {
        return D2K_OK; /* their last word is any text */
    }
    return check_patterns(options, err);
}

bool tell_options_name_command(const struct tell_options *options)
{
    return options->command != TELL_NONE || options->json || options->csv || options->names ||
           options->no_wait || definition_says_something(&options->definition) ||
           filter_says_something(&options->filter) || options->state != NULL || says_watch(options);
}

const char *tell_command_name(enum tell_command command)
{
    const struct command_row *row = find_command(command);
    return row == NULL ? "" : row->name;
}

const char *tell_command_synopsis(enum tell_command command)
{
    const struct command_row *row = find_command(command);
    return row == NULL ? "" : row->synopsis;
}

bool tell_command_administers(enum tell_command command)
{
    const struct command_row *row = find_command(command);
    return row != NULL && (row->options & OPTION_ADMIN) != 0;
}

bool tell_command_takes_objects(enum tell_command command)
{
    const struct command_row *row = find_command(command);
    return row != NULL && (row->options & OPTION_OBJECTS) != 0;
}
