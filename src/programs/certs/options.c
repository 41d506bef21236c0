/* programs/certs/options.c: reads the command line of d2k-certs. */
#include "programs/certs/options.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define CERTS_PORT_DEFAULT 3119

static const char help[] =
    "d2k-certs: makes, shows and checks keys and certificates.\n"
    "\n"
    "  d2k-certs new [--cert=server.crt] [--key=server.key] [--cn=NAME] [--name=HOST_OR_IP ...]\n"
    "                [--days=730] [--rsa=4096] [--force] [--json]\n"
    "  d2k-certs new --csr[=server.csr] [--key=server.key] [--cn=NAME] [--name=HOST_OR_IP ...]\n"
    "                [--rsa=4096] [--force] [--json]\n"
    "  d2k-certs show [--json] FILE|HOST:PORT...\n"
    "  d2k-certs check [@APPLICATION | --trusted=FILE[;FILE]] [HOST[:PORT]] [--json]\n"
    "\n"
    "new   makes a key and a self-signed certificate (X.509 v3, no CA, for servers), or a request\n"
    "      for a company's CA. Only its owner can read the key.\n"
    "  --cert=FILE  certificate; default server.crt\n"
    "  --csr[=FILE] a certificate signing request instead; default server.csr\n"
    "  --key=FILE   key; default: the other file's name with .key; the same file as --cert makes\n"
    "               one PEM that holds both, so that one rename replaces them\n"
    "  --rsa=BITS   an RSA key of 2048, 3072 or 4096 bits; default: EC P-256, which is as strong\n"
    "               as RSA 3072 and much faster\n"
    "  --cn=NAME    common name; default: the first name\n"
    "  --name=NAME  host name or IP address that the certificate is for; may be given again;\n"
    "               default: this computer's name, localhost, 127.0.0.1 and ::1\n"
    "  --days=N     how long it is valid, 1 to 36500; default 730\n"
    "  --force      replace files that are there\n"
    "\n"
    "show  prints what stands in certificates (PEM or DER, several in a file), or what a running\n"
    "      kernel presents (HOST:PORT, [::1]:3119), with the TLS version.\n"
    "\n"
    "check connects to a kernel (default localhost:3119) and says what a client of the\n"
    "      application would say to its certificate, at each TLS_RequiredLevel, and after it has\n"
    "      expired.\n"
    "  @APPLICATION      [TLS_Client] of cfg_<application>.conf; default: DefaultApplication\n"
    "  --trusted=FILES   this list of certificates instead, separated by ';', at TLSPeerAuth\n"
    "  --config-dir=DIR, --installation=NAME   where the configuration lies\n"
    "\n"
    "  --json       for scripts; see docs/certs.md\n"
    "  --help, /?   this text\n"
    "  --version    the version\n"
    "\n"
    "Exit codes:\n"
    "  0  fine\n"
    "  1  a warning: the certificate is X.509 v1 or a CA, has a weak key, has expired or will\n"
    "     within 30 days, or is not valid yet; check: the client connects unverified, or a file\n"
    "     of its list cannot be used\n"
    "  2  wrong parameters or configuration, or a file cannot be read or written\n"
    "  3  no connection to the kernel, or no TLS there (show)\n"
    "  4  check: the client would refuse this kernel\n";

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

static d2k_result set_rsa(struct certs_options *options, const char *text, struct error *err)
{
    long long bits = 0;
    if (!text_to_number(text, 0, 65536, &bits) || (bits != 2048 && bits != 3072 && bits != 4096)) {
        return error_set(err, D2K_ARGUMENT, "--rsa=%s: 2048, 3072 or 4096 is needed", text);
    }
    options->rsa_bits = (unsigned)bits;
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
    if (strcmp(word, "--json") == 0) {
        options->json = true;
        return D2K_OK;
    }
    if (strcmp(word, "--csr") == 0) {
        options->request_path = "server.csr";
        return D2K_OK;
    }
    if (take_value(words, word, "--csr", &value)) {
        return set_text(&options->request_path, "--csr", value, err);
    }
    if (take_value(words, word, "--rsa", &value)) {
        return set_rsa(options, value, err);
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

static d2k_result set_target(struct certs_options *options, const char *word, struct error *err)
{
    if (options->target_text[0] != '\0') {
        return error_set(err, D2K_ARGUMENT, "'%s': only one kernel can be checked at a time", word);
    }
    if (!certs_target_parse(word, CERTS_PORT_DEFAULT, &options->target)) {
        return error_set(err, D2K_ARGUMENT, "'%s' is no kernel: HOST, HOST:PORT or [ADDRESS]:PORT",
                         word);
    }
    bool is_v6 = strchr(options->target.host, ':') != NULL;
    (void)snprintf(options->target_text, sizeof options->target_text, is_v6 ? "[%s]:%u" : "%s:%u",
                   options->target.host, (unsigned)options->target.port);
    return D2K_OK;
}

static d2k_result read_check(struct certs_options *options, struct words *words, const char *word,
                             struct error *err)
{
    const char *value = NULL;
    if (strcmp(word, "--json") == 0) {
        options->json = true;
        return D2K_OK;
    }
    if (word[0] == '@') {
        return set_text(&options->application, "@", word + 1, err);
    }
    if (take_value(words, word, "--trusted", &value)) {
        return set_text(&options->trusted, "--trusted", value, err);
    }
    if (take_value(words, word, "--config-dir", &value)) {
        return set_text(&options->config_dir, "--config-dir", value, err);
    }
    if (take_value(words, word, "--installation", &value)) {
        return set_text(&options->installation, "--installation", value, err);
    }
    if (word[0] == '-') {
        return error_set(err, D2K_ARGUMENT, "'%s' is no parameter of d2k-certs check", word);
    }
    return set_target(options, word, err);
}

/* ---- all of them ---- */

/* server.crt has server.key beside it. */
static d2k_result set_default_key(struct certs_options *options, struct error *err)
{
    const char *cert = options->request_path != NULL ? options->request_path : options->cert_path;
    const char *dot = strrchr(cert, '.');
    bool has_ending =
        dot != NULL && strchr(dot, '/') == NULL && dot != cert && strcmp(dot, ".key") != 0;
    size_t stem = has_ending ? (size_t)(dot - cert) : strlen(cert);
    int length = snprintf(options->default_key, sizeof options->default_key, "%.*s.key",
                          (int)(stem < CERTS_PATH_MAX ? stem : CERTS_PATH_MAX), cert);
    if (length < 0 || (size_t)length >= sizeof options->default_key) {
        return error_set(err, D2K_ARGUMENT, "%s: the path is too long", cert);
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

static d2k_result finish_new(struct certs_options *options, struct error *err)
{
    if (options->request_path != NULL && (options->cert_path != NULL || options->days != 0)) {
        return error_set(err, D2K_ARGUMENT,
                         "--csr makes a request: the CA makes the certificate and decides how long "
                         "it is valid, so --cert and --days cannot be given");
    }
    options->days = options->days == 0 ? CERTS_DAYS_DEFAULT : options->days;
    options->cert_path = options->cert_path == NULL ? "server.crt" : options->cert_path;
    return options->key_path == NULL ? set_default_key(options, err) : D2K_OK;
}

static d2k_result finish_check(struct certs_options *options, struct error *err)
{
    if (options->application != NULL && options->trusted != NULL) {
        return error_set(err, D2K_ARGUMENT,
                         "@APPLICATION and --trusted both say what is trusted: give one of them");
    }
    return options->target_text[0] == '\0' ? set_target(options, "localhost", err) : D2K_OK;
}

static d2k_result finish(struct certs_options *options, struct error *err)
{
    switch (options->command) {
    case CERTS_NEW:
        return finish_new(options, err);
    case CERTS_SHOW:
        return options->file_count > 0
                   ? D2K_OK
                   : error_set(err, D2K_ARGUMENT, "d2k-certs show needs a file or HOST:PORT");
    case CERTS_CHECK:
        return finish_check(options, err);
    case CERTS_HELP:
    case CERTS_VERSION:
        break;
    }
    return D2K_OK;
}

/* False: there is no such command. */
static bool find_command(const char *name, enum certs_command *ret_command)
{
    static const struct {
        const char *name;
        enum certs_command command;
    } commands[] = {{"new", CERTS_NEW}, {"show", CERTS_SHOW}, {"check", CERTS_CHECK}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            *ret_command = commands[i].command;
            return true;
        }
    }
    return false;
}

static d2k_result read_word(struct certs_options *options, struct words *words, bool *only_files,
                            struct error *err)
{
    const char *word = words->items[words->next++];
    if (options->command == CERTS_NEW) {
        return read_new(options, words, word, err);
    }
    return options->command == CERTS_SHOW ? read_show(options, word, only_files, err)
                                          : read_check(options, words, word, err);
}

d2k_result certs_options_read(int argc, char **argv, struct certs_options *ret_options,
                              struct error *err)
{
    *ret_options = (struct certs_options){0};
    if (asks_for_help(argc, argv, ret_options)) {
        return D2K_OK;
    }
    const char *command = argc > 1 ? argv[1] : "";
    if (!find_command(command, &ret_options->command)) {
        return error_set(err, D2K_ARGUMENT, "%s%s%sa command is needed: new, show or check",
                         argc > 1 ? "'" : "", command, argc > 1 ? "' is none: " : "");
    }
    struct words words = {.count = argc, .next = 2, .items = argv};
    bool only_files = false;
    d2k_result result = D2K_OK;
    while (result == D2K_OK && words.next < words.count) {
        result = read_word(ret_options, &words, &only_files, err);
    }
    return result == D2K_OK ? finish(ret_options, err) : result;
}
