/* programs/registry/options.h: GNU options, the original's @<application> and /?, and paths in the
 * tree. */
#include "programs/registry/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

const char *options_help(void)
{
    return "Usage: d2k-registry <command> [options]\n"
           "\n"
           "Reads and checks the configuration of d2k. It never changes it.\n"
           "\n"
           "  list [KEY]        everything that is set, where it stands, and the defaults\n"
           "  get KEY\\NAME      one value; KEY\\NAME is TLS_Server\\TLS_CertFile,\n"
           "                    cfg_<application>\\TLS_Server\\TLS_CertFile, or begins with\n"
           "                    HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\<installation>\\ (or "
           "HKLM\\...)\n"
           "  check             all that the kernel or a client would refuse or warn about\n"
           "  settings          all settings there are\n"
           "\n"
           "  @<application>, --application=<name>\n"
           "                    default: DefaultApplication of installation.conf; check without "
           "it\n"
           "                    checks every cfg_<application>.conf that is there\n"
           "  --config-dir=<directory>\n"
           "                    default: $D2K_CONFIG_DIR, else /etc/d2k/<installation> or\n"
           "                    ~/.config/d2k/<installation>\n"
           "  --installation=<name>\n"
           "                    default: $D2K_INSTALLATION, else d2k\n"
           "  --json            output for programs (list, get, check)\n"
           "  --markdown        as docs/registry/settings.md (settings)\n"
           "  --help, -h, /?    this text\n"
           "  --version         the version\n"
           "\n"
           "Exit codes:\n"
           "  0  done; check: nothing found (notes do not count)\n"
           "  1  list, get: there is no such key or value, or it is not set; check: warnings only\n"
           "  2  wrong parameters, or a file that cannot be used; check: errors\n"
           "  6  out of memory, or the output could not be written\n";
}

/* ---- paths in the tree ---- */

/* If *at begins with this part (case ignored) and a backslash or the end: skips it. */
static bool skip_part(char **at, const char *part)
{
    size_t size = strcspn(*at, "\\");
    char end = (*at)[size];
    (*at)[size] = '\0';
    bool is_same = text_equal_ignoring_case(*at, part);
    (*at)[size] = end;
    if (is_same) {
        *at += end == '\0' ? size : size + 1;
    }
    return is_same;
}

/* Takes the next part off, terminated; NULL: nothing is left. */
static char *take_part(char **at)
{
    if (**at == '\0') {
        return NULL;
    }
    char *part = *at;
    size_t size = strcspn(part, "\\");
    *at = part[size] == '\0' ? part + size : part + size + 1;
    part[size] = '\0';
    return part;
}

static bool begins_with_cfg(const char *text)
{
    char prefix[sizeof "cfg_"];
    text_copy(prefix, sizeof prefix, text);
    return text_equal_ignoring_case(prefix, "cfg_");
}

static d2k_result parse_path(const char *text, struct tree_path *ret_path, struct error *err)
{
    *ret_path = (struct tree_path){.rest = ""};
    if (text == NULL) {
        return D2K_OK;
    }
    char *at = ret_path->copy = text_format("%s", text);
    if (at == NULL) {
        return error_no_memory(err);
    }
    if (skip_part(&at, "HKEY_LOCAL_MACHINE") || skip_part(&at, "HKLM")) {
        ret_path->is_absolute = true;
        if (!skip_part(&at, "SOFTWARE") || !skip_part(&at, "Ipesoft")) {
            return error_set(err, D2K_ARGUMENT,
                             "%s: the configuration is below "
                             "HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\<installation>",
                             text);
        }
        ret_path->installation = take_part(&at);
    }
    if (begins_with_cfg(at)) {
        ret_path->is_absolute = true;
        ret_path->application = take_part(&at) + strlen("cfg_");
    }
    ret_path->rest = at;
    return D2K_OK;
}

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
    if (strcmp(argument, "--json") == 0) {
        options->json = true;
    } else if (strcmp(argument, "--markdown") == 0) {
        options->markdown = true;
    } else if (strcmp(argument, "--version") == 0) {
        options->version = true;
    } else if (strcmp(argument, "/?") == 0 || strcmp(argument, "--help") == 0 ||
               strcmp(argument, "-h") == 0 || strcmp(argument, "/h") == 0) {
        options->help = true;
    } else {
        return false;
    }
    return true;
}

static d2k_result take_word(struct options *options, const char *word, struct error *err)
{
    if (options->command == NULL) {
        options->command = word;
    } else if (options->operand == NULL) {
        options->operand = word;
    } else {
        return error_set(err, D2K_ARGUMENT, "%s: one argument too many", word);
    }
    return D2K_OK;
}

static d2k_result take_argument(struct options *options, int argc, char **argv, int *at,
                                struct error *err)
{
    const char *argument = argv[*at];
    if (take_flag(options, argument)) {
        return D2K_OK;
    }
    if (argument[0] == '@') {
        options->application = argument + 1;
        return D2K_OK;
    }
    const struct {
        const char *name;
        const char **value;
    } with_value[] = {{"--config-dir", &options->config_dir},
                      {"--installation", &options->installation},
                      {"--application", &options->application}};
    for (size_t i = 0; i < sizeof with_value / sizeof with_value[0]; i++) {
        int taken = take_value(with_value[i].name, argc, argv, at, with_value[i].value);
        if (taken < 0) {
            return error_set(err, D2K_ARGUMENT, "%s needs a value", argument);
        }
        if (taken > 0) {
            return D2K_OK;
        }
    }
    if (argument[0] == '-') {
        return error_set(err, D2K_ARGUMENT, "%s: unknown option", argument);
    }
    return take_word(options, argument, err);
}

static d2k_result check_command(const struct options *options, struct error *err)
{
    static const struct {
        const char *name;
        bool may_have_operand, needs_operand, may_be_json;
    } commands[] = {{"list", true, false, true},
                    {"get", true, true, true},
                    {"check", false, false, true},
                    {"settings", false, false, false}};
    if (options->command == NULL) {
        return error_set(err, D2K_ARGUMENT, "a command is missing: list, get, check or settings");
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(options->command, commands[i].name) != 0) {
            continue;
        }
        if (options->operand != NULL && !commands[i].may_have_operand) {
            return error_set(err, D2K_ARGUMENT, "%s: one argument too many", options->operand);
        }
        if (options->operand == NULL && commands[i].needs_operand) {
            return error_set(err, D2K_ARGUMENT, "get needs KEY\\NAME");
        }
        if (options->json && !commands[i].may_be_json) {
            return error_set(err, D2K_ARGUMENT, "%s has no --json", options->command);
        }
        if (options->markdown && strcmp(options->command, "settings") != 0) {
            return error_set(err, D2K_ARGUMENT, "%s has no --markdown", options->command);
        }
        return D2K_OK;
    }
    return error_set(err, D2K_ARGUMENT, "%s: unknown command: list, get, check or settings",
                     options->command);
}

/* A path may name the application and the installation; an option must not say something else. */
static d2k_result merge_path(struct options *options, struct error *err)
{
    d2k_result result = parse_path(options->operand, &options->path, err);
    if (result != D2K_OK) {
        return result;
    }
    const struct {
        const char *from_path;
        const char **option;
        const char *what;
    } both[] = {{options->path.installation, &options->installation, "installation"},
                {options->path.application, &options->application, "application"}};
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        if (both[i].from_path == NULL) {
            continue;
        }
        if (*both[i].option != NULL &&
            !text_equal_ignoring_case(*both[i].option, both[i].from_path)) {
            return error_set(err, D2K_ARGUMENT, "%s is of another %s than %s", options->operand,
                             both[i].what, *both[i].option);
        }
        if (*both[i].option == NULL) {
            *both[i].option = both[i].from_path;
        }
    }
    return D2K_OK;
}

d2k_result options_parse(int argc, char **argv, struct options *ret_options, struct error *err)
{
    *ret_options = (struct options){.path = {.rest = ""}};
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
        result = merge_path(ret_options, err);
    }
    if (result == D2K_OK && ret_options->application != NULL &&
        !registry_is_application_name(ret_options->application)) {
        return error_set(err, D2K_ARGUMENT,
                         "\"%s\" is not the name of an application: 1 to %u letters, digits, _ "
                         "or -",
                         ret_options->application, REGISTRY_APPLICATION_MAX);
    }
    return result;
}

void options_free(struct options *options)
{
    free(options->path.copy);
    options->path.copy = NULL;
}
