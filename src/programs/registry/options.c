/* programs/registry/options.h: GNU options, the original's @<application> and /?, and what belongs
 * to each command. */
#include "programs/registry/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- arguments ---- */

/* "--name=value" or "--name" "value". 0: it is another option; -1: the value is missing. */
static int take_value(const char *name, int argc, char **argv, int *at, const char **ret_value)
{
    size_t size = strlen(name);
    const char *argument = argv[*at];
    if (strncmp(argument, name, size) != 0) {
        return 0;
    }
    if (argument[size] == '=') {
        *ret_value = argument + size + 1;
        return 1;
    }
    if (argument[size] != '\0') {
        return 0;
    }
    if (*at + 1 >= argc) {
        return -1;
    }
    *ret_value = argv[++*at];
    return 1;
}

static bool take_flag(struct options *options, const char *argument)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"--json", &options->json},   {"--markdown", &options->markdown},
                 {"--force", &options->force}, {"--dry-run", &options->dry_run},
                 {"--utf8", &options->utf8},   {"--version", &options->version},
                 {"--help", &options->help},   {"-h", &options->help},
                 {"/?", &options->help},       {"/h", &options->help}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(argument, flags[i].name) == 0) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

static d2k_result take_word(struct options *options, const char *word, struct error *err)
{
    if (options->command == NULL) {
        options->command = word;
        return D2K_OK;
    }
    if (options->word_count == OPTIONS_WORDS_MAX) {
        return error_set(err, D2K_LIMIT, "more than %u arguments", OPTIONS_WORDS_MAX);
    }
    options->words[options->word_count++] = word;
    return D2K_OK;
}

/* The value of "set KEY VALUE" may begin as an option does; one that is an option is written as
 * KEY=VALUE. */
static bool expects_value(const struct options *options)
{
    if (options->command == NULL || strcmp(options->command, "set") != 0) {
        return false;
    }
    size_t i = 0;
    while (i < options->word_count) {
        i += strchr(options->words[i], '=') == NULL ? 2 : 1;
    }
    return i > options->word_count;
}

static d2k_result take_argument(struct options *options, int argc, char **argv, int *at,
                                struct error *err)
{
    const char *argument = argv[*at];
    if (take_flag(options, argument)) {
        return D2K_OK;
    }
    if (argument[0] == '@' && !expects_value(options)) {
        options->application = argument + 1;
        return D2K_OK;
    }
    const struct {
        const char *name;
        const char **value;
    } with_value[] = {{"--config-dir", &options->config_dir},
                      {"--installation", &options->installation},
                      {"--application", &options->application},
                      {"--from", &options->from},
                      {"--password-file", &options->password_file}};
    for (size_t i = 0; i < sizeof with_value / sizeof with_value[0]; i++) {
        int taken = take_value(with_value[i].name, argc, argv, at, with_value[i].value);
        if (taken < 0) {
            return error_set(err, D2K_ARGUMENT, "%s needs a value", argument);
        }
        if (taken > 0) {
            return D2K_OK;
        }
    }
    if (argument[0] == '-' && !expects_value(options)) {
        return error_set(err, D2K_ARGUMENT, "%s: unknown option", argument);
    }
    return take_word(options, argument, err);
}

/* ---- commands ---- */

enum flag {
    FLAG_JSON = 1,
    FLAG_MARKDOWN = 2,
    FLAG_FORCE = 4,
    FLAG_DRY_RUN = 8,
    FLAG_UTF8 = 16,
    FLAG_FROM = 32,
    FLAG_PASSWORD_FILE = 64,
};

static const struct command {
    const char *name;
    const char *needs; /* "get needs KEY\NAME"; NULL: no word is needed */
    size_t words_max;
    unsigned flags;
} commands[] = {
    {"list", NULL, 1, FLAG_JSON},
    {"get", "KEY\\NAME", 1, FLAG_JSON},
    {"set", "KEY\\NAME VALUE or KEY\\NAME=VALUE", OPTIONS_WORDS_MAX, FLAG_FORCE | FLAG_DRY_RUN},
    {"unset", "KEY\\NAME", OPTIONS_WORDS_MAX, FLAG_FORCE | FLAG_DRY_RUN},
    {"check", NULL, 0, FLAG_JSON},
    {"import", "FILE.reg", 1, FLAG_FORCE | FLAG_DRY_RUN | FLAG_FROM},
    {"export", NULL, 0, FLAG_UTF8},
    {"settings", NULL, 0, FLAG_MARKDOWN},
    {"user", "list, add NAME, passwd NAME or remove NAME", 2, FLAG_PASSWORD_FILE},
};

#define COMMANDS "list, get, set, unset, check, import, export, settings or user"

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static d2k_result check_flags(const struct options *options, const struct command *command,
                              struct error *err)
{
    const struct {
        bool is_given;
        unsigned flag;
        const char *name;
    } flags[] = {
        {options->json, FLAG_JSON, "--json"},
        {options->markdown, FLAG_MARKDOWN, "--markdown"},
        {options->force, FLAG_FORCE, "--force"},
        {options->dry_run, FLAG_DRY_RUN, "--dry-run"},
        {options->utf8, FLAG_UTF8, "--utf8"},
        {options->from != NULL, FLAG_FROM, "--from"},
        {options->password_file != NULL, FLAG_PASSWORD_FILE, "--password-file"},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].is_given && (command->flags & flags[i].flag) == 0) {
            return error_set(err, D2K_ARGUMENT, "%s has no %s", command->name, flags[i].name);
        }
    }
    return D2K_OK;
}

static d2k_result check_command(const struct options *options, struct error *err)
{
    if (options->command == NULL) {
        return error_set(err, D2K_ARGUMENT, "a command is missing: " COMMANDS);
    }
    const struct command *command = find_command(options->command);
    if (command == NULL) {
        return error_set(err, D2K_ARGUMENT, "%s: unknown command: " COMMANDS, options->command);
    }
    if (options->word_count > command->words_max) {
        return error_set(err, D2K_ARGUMENT, "%s: one argument too many",
                         options->words[command->words_max]);
    }
    if (command->needs != NULL && (options->word_count == 0 || expects_value(options))) {
        return error_set(err, D2K_ARGUMENT, "%s needs %s", command->name, command->needs);
    }
    return check_flags(options, command, err);
}

/* A path may name the application and the installation; an option must not say something else. */
static d2k_result merge_path(struct options *options, const char *text,
                             const struct tree_path *path, struct error *err)
{
    if (path->application != NULL && options->application != NULL &&
        !text_equal_ignoring_case(options->application, path->application)) {
        return error_set(err, D2K_ARGUMENT, "%s is of another application than %s", text,
                         options->application);
    }
    if (path->installation != NULL && options->installation != NULL &&
        !text_equal_ignoring_case(options->installation, path->installation)) {
        return error_set(err, D2K_ARGUMENT, "%s is of another installation than %s", text,
                         options->installation);
    }
    if (path->installation != NULL && options->installation == NULL) {
        options->installation = path->installation;
    }
    return D2K_OK;
}

static d2k_result check_application(const char *application, struct error *err)
{
    if (application == NULL || registry_is_application_name(application)) {
        return D2K_OK;
    }
    return error_set(err, D2K_ARGUMENT,
                     "\"%s\" is not the name of an application: 1 to %u letters, digits, _ or -",
                     application, REGISTRY_APPLICATION_MAX);
}

static d2k_result take_operand(struct options *options, struct error *err)
{
    options->operand = options->word_count > 0 ? options->words[0] : NULL;
    if (options->operand == NULL || strcmp(options->command, "import") == 0) {
        return D2K_OK;
    }
    d2k_result result =
        tree_path_parse(options->operand, strlen(options->operand), &options->path, err);
    if (result == D2K_OK) {
        result = merge_path(options, options->operand, &options->path, err);
    }
    if (options->application == NULL) {
        options->application = options->path.application;
    }
    return result;
}

static d2k_result take_assignment(struct options *options, const char *word, size_t size,
                                  const char *value, struct error *err)
{
    struct assignment *assignment = &options->assignments[options->assignment_count++];
    assignment->value = value;
    d2k_result result = tree_path_parse(word, size, &assignment->path, err);
    if (result == D2K_OK) {
        result = merge_path(options, word, &assignment->path, err);
    }
    return result == D2K_OK ? check_application(assignment->path.application, err) : result;
}

/* set: "KEY VALUE" and "KEY=VALUE", mixed as one likes; unset: "KEY". */
static d2k_result take_assignments(struct options *options, struct error *err)
{
    bool has_values = strcmp(options->command, "set") == 0;
    options->assignments = calloc(options->word_count + 1, sizeof *options->assignments);
    if (options->assignments == NULL) {
        return error_no_memory(err);
    }
    for (size_t i = 0; i < options->word_count; i++) {
        const char *word = options->words[i];
        const char *equals = has_values ? strchr(word, '=') : NULL;
        size_t size = equals == NULL ? strlen(word) : (size_t)(equals - word);
        const char *value = equals == NULL ? NULL : equals + 1;
        if (has_values && equals == NULL) {
            value = options->words[++i];
        }
        d2k_result result = take_assignment(options, word, size, value, err);
        if (result != D2K_OK) {
            return result;
        }
    }
    return D2K_OK;
}

static d2k_result take_words(struct options *options, struct error *err)
{
    bool is_change = strcmp(options->command, "set") == 0 || strcmp(options->command, "unset") == 0;
    if (strcmp(options->command, "user") == 0) {
        return D2K_OK;
    }
    return is_change ? take_assignments(options, err) : take_operand(options, err);
}

d2k_result options_parse(int argc, char **argv, struct options *ret_options, struct error *err)
{
    *ret_options = (struct options){.path = {.rest = ""}};
    ret_options->words = calloc(OPTIONS_WORDS_MAX, sizeof *ret_options->words);
    if (ret_options->words == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = D2K_OK;
    for (int i = 1; i < argc; i++) {
        d2k_result taken = take_argument(ret_options, argc, argv, &i, err);
        result = result == D2K_OK ? taken : result;
    }
    if (ret_options->help || ret_options->version) {
        return D2K_OK;
    }
    if (result == D2K_OK) {
        result = check_command(ret_options, err);
    }
    if (result == D2K_OK) {
        result = take_words(ret_options, err);
    }
    return result == D2K_OK ? check_application(ret_options->application, err) : result;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < options->assignment_count; i++) {
        free(options->assignments[i].path.copy);
    }
    free(options->assignments);
    free(options->words);
    free(options->path.copy);
    *options = (struct options){0};
}
