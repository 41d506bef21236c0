/* programs/certs/options.c: reads the command line of d2k-certs. */
#include "programs/certs/options.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char help[] =
    "d2k-certs: makes and shows keys and certificates.\n"
    "\n"
    "  d2k-certs new [--cert=server.crt] [--key=server.key] [--cn=NAME] [--name=HOST_OR_IP ...]\n"
    "                [--days=730] [--force]\n"
    "  d2k-certs show [--json] FILE...\n"
    "\n"
    "new   makes a key (EC P-256) and a self-signed certificate (X.509 v3, no CA, for servers).\n"
    "      Only its owner can read the key.\n"
    "  --cert=FILE  certificate; default server.crt\n"
    "  --key=FILE   key; default: the certificate's name with .key; the same file as --cert makes\n"
    "               one PEM that holds both, so that one rename replaces them\n"
    "  --cn=NAME    common name; default: the first name\n"
    "  --name=NAME  host name or IP address that the certificate is for; may be given again;\n"
    "               default: this computer's name, localhost, 127.0.0.1 and ::1\n"
    "  --days=N     how long it is valid, 1 to 36500; default 730\n"
    "  --force      replace files that are there\n"
    "\n"
    "show  prints what stands in certificates (PEM or DER, several in a file).\n"
    "  --json       for scripts: {\"certificates\": [...], \"errors\": [...]}\n"
    "\n"
    "  --help, /?   this text\n"
    "  --version    the version\n"
    "\n"
    "Exit codes:\n"
    "  0  done\n"
    "  1  done, but show has a warning: the certificate is X.509 v1 or a CA, has expired or will\n"
    "     within 30 days, or is not valid yet\n"
    "  2  wrong parameters, or a file cannot be read or written\n";

const char *certs_help(void)
{
    return help;
}

/* ---- one argument ---- */

struct words {
    int count, next;
    char **items;
};

/* Whether `word` is the option `name`; its value is behind '=' or the next word. */
static bool take_value(struct words *words, const char *word, const char *name,
                       const char **ret_value)
{
    size_t length = strlen(name);
    if (strncmp(word, name, length) != 0) {
        return false;
    }
    if (word[length] == '=') {
        *ret_value = word + length + 1;
        return true;
    }
    if (word[length] != '\0') {
        return false;
    }
    *ret_value = words->next < words->count ? words->items[words->next++] : "";
    return true;
}

static d2k_result add_name(struct certs_options *options, const char *name, struct error *err)
{
    if (options->name_count >= CERTS_NAMES_MAX) {
        return error_set(err, D2K_ARGUMENT, "more than %u names", CERTS_NAMES_MAX);
    }
    options->names[options->name_count++] = name;
    return D2K_OK;
}

static d2k_result set_days(struct certs_options *options, const char *text, struct error *err)
{
    long long days = 0;
    if (!text_to_number(text, 1, CERTS_DAYS_MAX, &days)) {
        return error_set(err, D2K_ARGUMENT, "--days=%s: a number from 1 to %u is needed", text,
                         CERTS_DAYS_MAX);
    }
    options->days = (unsigned)days;
    return D2K_OK;
}

static d2k_result set_text(const char **target, const char *option, const char *text,
                           struct error *err)
{
    if (text[0] == '\0') {
        return error_set(err, D2K_ARGUMENT, "%s needs a value", option);
    }
    *target = text;
    return D2K_OK;
}

static d2k_result read_new(struct certs_options *options, struct words *words, const char *word,
                           struct error *err)
{
    const char *value = NULL;
    if (strcmp(word, "--force") == 0) {
        options->force = true;
        return D2K_OK;
    }
    if (take_value(words, word, "--cert", &value)) {
        return set_text(&options->cert_path, "--cert", value, err);
    }
    if (take_value(words, word, "--key", &value)) {
        return set_text(&options->key_path, "--key", value, err);
    }
    if (take_value(words, word, "--cn", &value)) {
        return set_text(&options->common_name, "--cn", value, err);
    }
    if (take_value(words, word, "--name", &value)) {
        return add_name(options, value, err);
    }
    if (take_value(words, word, "--days", &value)) {
        return set_days(options, value, err);
    }
    return error_set(err, D2K_ARGUMENT, "'%s' is no parameter of d2k-certs new", word);
}

static d2k_result add_file(struct certs_options *options, const char *path, struct error *err)
{
    if (options->file_count >= CERTS_FILES_MAX) {
        return error_set(err, D2K_ARGUMENT, "more than %u files", CERTS_FILES_MAX);
    }
    options->files[options->file_count++] = path;
    return D2K_OK;
}

static d2k_result read_show(struct certs_options *options, const char *word, bool *only_files,
                            struct error *err)
{
    if (*only_files || word[0] != '-') {
        return add_file(options, word, err);
    }
    if (strcmp(word, "--") == 0) {
        *only_files = true;
        return D2K_OK;
    }
    if (strcmp(word, "--json") == 0) {
        options->json = true;
        return D2K_OK;
    }
    return error_set(err, D2K_ARGUMENT, "'%s' is no parameter of d2k-certs show", word);
}

/* ---- all of them ---- */

/* server.crt has server.key beside it. */
static d2k_result set_default_key(struct certs_options *options, struct error *err)
{
    const char *cert = options->cert_path;
    const char *dot = strrchr(cert, '.');
    bool has_ending =
        dot != NULL && strchr(dot, '/') == NULL && dot != cert && strcmp(dot, ".key") != 0;
    size_t stem = has_ending ? (size_t)(dot - cert) : strlen(cert);
    int length = snprintf(options->default_key, sizeof options->default_key, "%.*s.key",
                          (int)(stem < CERTS_PATH_MAX ? stem : CERTS_PATH_MAX), cert);
    if (length < 0 || (size_t)length >= sizeof options->default_key) {
        return error_set(err, D2K_ARGUMENT, "--cert: the path is too long");
    }
    options->key_path = options->default_key;
    return D2K_OK;
}

/* True: *ret_options says all there is to do. */
static bool asks_for_help(int argc, char **argv, struct certs_options *ret_options)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "/?") == 0 || strcmp(argv[i], "-h") == 0 ||
            strcmp(argv[i], "--help") == 0) {
            ret_options->command = CERTS_HELP;
            return true;
        }
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        ret_options->command = CERTS_VERSION;
        return true;
    }
    return false;
}

static d2k_result finish(struct certs_options *options, struct error *err)
{
    if (options->command == CERTS_SHOW && options->file_count == 0) {
        return error_set(err, D2K_ARGUMENT, "d2k-certs show needs a file");
    }
    if (options->command == CERTS_NEW && options->key_path == NULL) {
        return set_default_key(options, err);
    }
    return D2K_OK;
}

d2k_result certs_options_read(int argc, char **argv, struct certs_options *ret_options,
                              struct error *err)
{
    *ret_options = (struct certs_options){.cert_path = "server.crt", .days = CERTS_DAYS_DEFAULT};
    if (asks_for_help(argc, argv, ret_options)) {
        return D2K_OK;
    }
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "new") == 0) {
        ret_options->command = CERTS_NEW;
    } else if (strcmp(command, "show") == 0) {
        ret_options->command = CERTS_SHOW;
    } else {
        return error_set(err, D2K_ARGUMENT, "%s%s%sa command is needed: new or show",
                         argc > 1 ? "'" : "", command, argc > 1 ? "' is none: " : "");
    }
    struct words words = {.count = argc, .next = 2, .items = argv};
    bool only_files = false;
    d2k_result result = D2K_OK;
    while (result == D2K_OK && words.next < words.count) {
        const char *word = words.items[words.next++];
        result = ret_options->command == CERTS_NEW ? read_new(ret_options, &words, word, err)
                                                   : read_show(ret_options, word, &only_files, err);
    }
    return result == D2K_OK ? finish(ret_options, err) : result;
}
