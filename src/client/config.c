/* client/config.c: the start parameters that every client has, and the same by function.
 *
 * One table row per parameter says both spellings and the function that takes the value; the text
 * for /? stands right below it. */
#include "client/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/version.h"
#include "os/file.h"
#include "os/socket.h"
#include "registry/secret_file.h"
#include "registry/settings.h"

static const char parameters_help[] =
    "  /S<host>[:<port>][,...]  --server=       servers, tried in order; IPv6 in brackets "
    "(localhost)\n"
    "  /P<port>                 --port=         port of servers given without one (3119)\n"
    "  /RF<group>               --redundancy-table=  the hot kernel of this group, found with the "
    "table\n"
    "                                           Redundancy\\<group> of installation.conf, instead "
    "of /S\n"
    "  /W<name>[,<instance>]    --process=      workstation part of the process name, instance "
    "1..15\n"
    "                                           (<COMPUTER>_<number given by the kernel>)\n"
    "  /F<seconds>              --watchdog=     interval of watchdog messages, 1..3600 (10)\n"
    "  @<application>           --application=  application; its TLS parameters are used\n"
    "                                           (DefaultApplication of installation.conf)\n"
    "  --installation=<name>                    installation (d2k)\n"
    "  --config-dir=<directory>                 where installation.conf and cfg_<application>.conf "
    "are\n"
    "  --log-dir=<directory>                    where log files are written\n"
    "  --run-dir=<directory>                    where the local socket of the kernel lies\n"
    "  /AN<user>                --user=         user who logs on; a program at a terminal asks for "
    "the\n"
    "                                           password, unless it is given:\n"
    "  --password-file=<file>                   its first line is the password\n"
    "  /AP<password>                            the password; everybody on this machine can read "
    "it\n"
    "                                           there, so it gets a WARNING\n"
    "  --reconnect                              connect again after an unexpected end\n"
    "  --verbose                                print connection lines on standard error\n"
    "  /? /h                    --help          print this and end\n";

const char *d2k_config_parameters_help(void)
{
    return parameters_help;
}

const char *d2k_version(void)
{
    return D2K_VERSION_TEXT;
}

char *d2k_escape(const char *text, size_t size, char *ret_text, size_t ret_size)
{
    return text_escape(ret_text, ret_size, (struct slice){text, size});
}

static void to_log_function(void *context, enum log_level level, const char *line)
{
    const d2k_config *config = context;
    if (config->log_function == NULL) {
        return;
    }
    d2k_log_level public_level = level == LOG_ERROR     ? D2K_LOG_ERROR
                                 : level == LOG_WARNING ? D2K_LOG_WARNING
                                                        : D2K_LOG_INFO;
    config->log_function(config->log_context, public_level, line);
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Letters, digits and what stands in `others`; `size` bytes. */
static bool has_only(const char *text, size_t size, const char *others)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_letter_or_digit(text[i]) && (text[i] == '\0' || strchr(others, text[i]) == NULL)) {
            return false;
        }
    }
    return true;
}

static bool is_suffix(const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text);
    return size >= 1 && size <= CONFIG_SUFFIX_MAX && has_only(text, size, "");
}

/* A version goes into log lines of the kernel; only what needs no escape there is allowed. */
static bool is_program_version(const char *text)
{
    size_t size = strlen(text);
    return size >= 1 && size <= WIRE_NAME_MAX && has_only(text, size, " ._-+");
}

d2k_result d2k_config_new(const char *suffix, const char *program_version, d2k_config **ret_config)
{
    *ret_config = NULL;
    const char *version = program_version == NULL ? D2K_VERSION_TEXT : program_version;
    if (!is_suffix(suffix) || !is_program_version(version)) {
        return D2K_ARGUMENT;
    }
    d2k_config *config = calloc(1, sizeof(*config));
    if (config == NULL) {
        return D2K_NO_MEMORY;
    }
    (void)text_copy(config->suffix, sizeof(config->suffix), suffix);
    (void)text_copy(config->program_version, sizeof(config->program_version), version);
    (void)text_copy(config->servers[0].host, sizeof(config->servers[0].host), "localhost");
    config->server_count = 1;
    config->port = (uint16_t)D2K_DEFAULT_PORT;
    config->watchdog_s = CONFIG_WATCHDOG_DEFAULT_S;
    config->connect_timeout_ms = CONFIG_CONNECT_TIMEOUT_MS;
    config->log.level = LOG_INFO;
    config->log.sink = to_log_function;
    config->log.context = config;
    *ret_config = config;
    return D2K_OK;
}

void d2k_config_free(d2k_config *config)
{
    if (config == NULL) {
        return;
    }
    explicit_bzero(config->password, sizeof(config->password));
    free(config->application);
    free(config->config_dir);
    free(config->installation);
    free(config->log_dir);
    free(config->run_dir);
    free(config->group);
    free(config);
}

/* ---- servers ---- */

static d2k_result parse_port(d2k_config *config, const char *text, uint16_t *ret_port)
{
    long long port = 0;
    if (!text_to_number(text, 1, 65535, &port)) {
        return error_set(&config->error, D2K_ARGUMENT, "port \"%s\": a number 1..65535 is needed",
                         text);
    }
    *ret_port = (uint16_t)port;
    return D2K_OK;
}

static d2k_result set_host(d2k_config *config, const char *host, size_t size, bool numeric,
                           struct config_server *ret_server)
{
    int shown = size > CONFIG_HOST_MAX ? (int)CONFIG_HOST_MAX : (int)size;
    if (size == 0) {
        return error_set(&config->error, D2K_ARGUMENT, "a host name is empty");
    }
    if (size > CONFIG_HOST_MAX) {
        return error_set(&config->error, D2K_ARGUMENT,
                         "host name \"%.*s...\" is longer than %u characters", shown, host,
                         CONFIG_HOST_MAX);
    }
    memcpy(ret_server->host, host, size);
    ret_server->host[size] = '\0';
    struct os_address unused;
    if (numeric && os_address_parse(ret_server->host, 1, &unused) != 0) {
        return error_set(&config->error, D2K_ARGUMENT, "\"%s\" is not an IPv6 address",
                         ret_server->host);
    }
    if (!numeric && !has_only(host, size, ".-_")) {
        return error_set(&config->error, D2K_ARGUMENT,
                         "host name \"%.*s\": letters, digits, '.', '-' and '_' are allowed, an "
                         "IPv6 address stands in brackets",
                         shown, host);
    }
    return D2K_OK;
}

/* "host", "host:port", "[v6]", "[v6]:port", "v6". `entry` is terminated and may be changed. */
static d2k_result parse_server(d2k_config *config, char *entry, struct config_server *ret_server)
{
    memset(ret_server, 0, sizeof(*ret_server));
    if (entry[0] == '[') {
        char *end = strchr(entry, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return error_set(&config->error, D2K_ARGUMENT,
                             "server \"%s\": \"[address]\" or \"[address]:port\" is needed", entry);
        }
        d2k_result result =
            set_host(config, entry + 1, (size_t)(end - entry - 1), true, ret_server);
        if (result != D2K_OK || end[1] == '\0') {
            return result;
        }
        return parse_port(config, end + 2, &ret_server->port);
    }
    char *colon = strchr(entry, ':');
    if (colon == NULL || strchr(colon + 1, ':') != NULL) {
        return set_host(config, entry, strlen(entry), colon != NULL, ret_server);
    }
    d2k_result result = set_host(config, entry, (size_t)(colon - entry), false, ret_server);
    return result != D2K_OK ? result : parse_port(config, colon + 1, &ret_server->port);
}

static d2k_result parse_servers(d2k_config *config, char *list)
{
    struct config_server servers[CONFIG_SERVERS_MAX];
    size_t count = 0;
    for (char *entry = list, *next; entry != NULL; entry = next) {
        next = strchr(entry, ',');
        if (next != NULL) {
            *next++ = '\0';
        }
        if (count == CONFIG_SERVERS_MAX) {
            return error_set(&config->error, D2K_ARGUMENT, "more than %u servers",
                             CONFIG_SERVERS_MAX);
        }
        d2k_result result = parse_server(config, entry, &servers[count]);
        if (result != D2K_OK) {
            return result;
        }
        count++;
    }
    memcpy(config->servers, servers, count * sizeof(servers[0]));
    config->server_count = count;
    config->server_given = true;
    return D2K_OK;
}

d2k_result d2k_config_set_server(d2k_config *config, const char *hosts)
{
    char *list = hosts == NULL ? NULL : text_format("%s", hosts);
    if (list == NULL) {
        return hosts == NULL ? error_set(&config->error, D2K_ARGUMENT, "a host name is missing")
                             : error_no_memory(&config->error);
    }
    d2k_result result = parse_servers(config, list);
    free(list);
    return result;
}

d2k_result d2k_config_set_port(d2k_config *config, unsigned port)
{
    if (port < 1 || port > 65535) {
        return error_set(&config->error, D2K_ARGUMENT, "port %u: a number 1..65535 is needed",
                         port);
    }
    config->port = (uint16_t)port;
    config->port_given = true;
    return D2K_OK;
}

uint16_t config_server_port(const d2k_config *config, const struct config_server *server)
{
    return server->port != 0 ? server->port : config->port;
}

/* ---- names and directories ---- */

static d2k_result replace_text(d2k_config *config, char **text, const char *what,
                               const char *new_text)
{
    if (new_text == NULL || new_text[0] == '\0') {
        return error_set(&config->error, D2K_ARGUMENT, "%s is empty", what);
    }
    char *copy = text_format("%s", new_text);
    if (copy == NULL) {
        return error_no_memory(&config->error);
    }
    free(*text);
    *text = copy;
    return D2K_OK;
}

/* Where installation.conf lies has changed: a DefaultApplication that was found is void. */
static void forget_default_application(d2k_config *config)
{
    if (!config->application_given) {
        free(config->application);
        config->application = NULL;
    }
    config->application_looked_up = false;
}

/* The name becomes part of a file name: nothing that leaves the directory or hides the file. */
static d2k_result check_application(d2k_config *config, const char *name)
{
    size_t size = name == NULL ? 0 : strlen(name);
    if (size < 1 || size > WIRE_NAME_MAX || name[0] == '.' || !has_only(name, size, "._-")) {
        return error_set(&config->error, D2K_ARGUMENT,
                         "application name \"%.80s\": 1..%u letters, digits, '_', '-' and '.' are "
                         "allowed",
                         name == NULL ? "" : name, WIRE_NAME_MAX);
    }
    return D2K_OK;
}

d2k_result d2k_config_set_application(d2k_config *config, const char *name)
{
    d2k_result result = check_application(config, name);
    if (result == D2K_OK) {
        result = replace_text(config, &config->application, "the application name", name);
    }
    if (result == D2K_OK) {
        config->application_given = true;
    }
    return result;
}

d2k_result d2k_config_set_config_dir(d2k_config *config, const char *path)
{
    forget_default_application(config);
    return replace_text(config, &config->config_dir, "the configuration directory", path);
}

d2k_result d2k_config_set_installation(d2k_config *config, const char *name)
{
    if (name != NULL && strchr(name, '/') != NULL) {
        return error_set(&config->error, D2K_ARGUMENT,
                         "installation name \"%.80s\": '/' is not allowed", name);
    }
    forget_default_application(config);
    return replace_text(config, &config->installation, "the installation name", name);
}

d2k_result d2k_config_set_run_dir(d2k_config *config, const char *path)
{
    return replace_text(config, &config->run_dir, "the directory of the local socket", path);
}

/* The name is one part of a key. */
d2k_result d2k_config_set_redundancy_group(d2k_config *config, const char *group)
{
    size_t size = group == NULL ? 0 : strlen(group);
    if (size < 1 || size > WIRE_NAME_MAX || !has_only(group, size, "._-")) {
        return error_set(&config->error, D2K_ARGUMENT,
                         "redundancy group \"%.80s\": 1..%u letters, digits, '_', '-' and '.' are "
                         "allowed",
                         group == NULL ? "" : group, WIRE_NAME_MAX);
    }
    return replace_text(config, &config->group, "the redundancy group", group);
}

d2k_result d2k_config_set_process(d2k_config *config, const char *workstation, unsigned instance)
{
    size_t size = workstation == NULL ? 0 : strlen(workstation);
    size_t max = WIRE_NAME_MAX - 1 - strlen(config->suffix);
    if (size < 1 || size > max || !has_only(workstation, size, "_-")) {
        return error_set(&config->error, D2K_ARGUMENT,
                         "workstation name \"%.80s\": 1..%zu letters, digits, '_' and '-' are "
                         "allowed (\".%s\" is added)",
                         workstation == NULL ? "" : workstation, max, config->suffix);
    }
    if (instance > CONFIG_INSTANCE_MAX) {
        return error_set(&config->error, D2K_ARGUMENT, "instance %u: 1..%u is allowed", instance,
                         CONFIG_INSTANCE_MAX);
    }
    (void)text_copy(config->workstation, sizeof(config->workstation), workstation);
    config->instance = instance;
    return D2K_OK;
}

d2k_result d2k_config_set_watchdog(d2k_config *config, unsigned seconds)
{
    if (seconds < 1 || seconds > CONFIG_WATCHDOG_MAX_S) {
        return error_set(&config->error, D2K_ARGUMENT, "watchdog interval %u: 1..%u s is allowed",
                         seconds, CONFIG_WATCHDOG_MAX_S);
    }
    config->watchdog_s = seconds;
    return D2K_OK;
}

void d2k_config_set_local(d2k_config *config, bool local)
{
    config->local = local;
}

void d2k_config_set_reconnect(d2k_config *config, bool reconnect)
{
    config->reconnect = reconnect;
}

void d2k_config_set_connect_timeout(d2k_config *config, unsigned timeout_ms)
{
    config->connect_timeout_ms = timeout_ms == 0 ? CONFIG_CONNECT_TIMEOUT_MS : timeout_ms;
}

void d2k_config_set_log(d2k_config *config, d2k_log_function *log, void *context)
{
    config->log_function = log;
    config->log_context = context;
}

/* ---- start parameters ---- */

static d2k_result take_port(d2k_config *config, const char *value)
{
    d2k_result result = parse_port(config, value, &config->port);
    config->port_given = config->port_given || result == D2K_OK;
    return result;
}

static d2k_result take_discovery(d2k_config *config, const char *value)
{
    (void)value;
    return error_set(&config->error, D2K_ARGUMENT,
                     "finding the kernels of a redundancy group by multicast comes with a later "
                     "version; /RF<group> does the same with the table Redundancy\\<group> of "
                     "installation.conf");
}

static d2k_result take_process(d2k_config *config, const char *value)
{
    char name[WIRE_NAME_MAX + 2];
    const char *comma = strchr(value, ',');
    size_t size = comma == NULL ? strlen(value) : (size_t)(comma - value);
    if (size >= sizeof(name)) {
        size = sizeof(name) - 1; /* still too long: refused below */
    }
    memcpy(name, value, size);
    name[size] = '\0';
    long long instance = 0;
    if (comma != NULL && !text_to_number(comma + 1, 1, CONFIG_INSTANCE_MAX, &instance)) {
        return error_set(&config->error, D2K_ARGUMENT,
                         "instance \"%.80s\": a number 1..%u is needed", comma + 1,
                         CONFIG_INSTANCE_MAX);
    }
    return d2k_config_set_process(config, name, (unsigned)instance);
}

static d2k_result take_watchdog(d2k_config *config, const char *value)
{
    long long seconds = 0;
    if (!text_to_number(value, 1, CONFIG_WATCHDOG_MAX_S, &seconds)) {
        return error_set(&config->error, D2K_ARGUMENT,
                         "watchdog interval \"%.80s\": a number of seconds 1..%u is needed", value,
                         CONFIG_WATCHDOG_MAX_S);
    }
    return d2k_config_set_watchdog(config, (unsigned)seconds);
}

static d2k_result take_log_dir(d2k_config *config, const char *value)
{
    return replace_text(config, &config->log_dir, "the log directory", value);
}

static d2k_result take_reconnect(d2k_config *config, const char *value)
{
    (void)value;
    config->reconnect = true;
    return D2K_OK;
}

static d2k_result take_verbose(d2k_config *config, const char *value)
{
    (void)value;
    config->verbose = true;
    return D2K_OK;
}

/* ---- users ---- */

static d2k_result take_user(d2k_config *config, const char *value)
{
    size_t size = strlen(value);
    if (size < 1 || size > WIRE_NAME_MAX || !has_only(value, size, "._-@")) {
        return error_set(&config->error, D2K_ARGUMENT,
                         "user \"%.80s\": 1..%u letters, digits, '.', '_', '-' and '@' are allowed",
                         value, WIRE_NAME_MAX);
    }
    (void)text_copy(config->user, sizeof(config->user), value);
    return D2K_OK;
}

static d2k_result set_password(d2k_config *config, const char *password)
{
    size_t size = strlen(password);
    if (size < 1 || size > WIRE_PASSWORD_MAX) {
        return error_set(&config->error, D2K_ARGUMENT, "a password has 1..%u bytes",
                         WIRE_PASSWORD_MAX);
    }
    (void)text_copy(config->password, sizeof(config->password), password);
    return D2K_OK;
}

static d2k_result take_password(d2k_config *config, const char *value)
{
    config->password_on_command_line = true;
    return set_password(config, value);
}

static d2k_result take_password_file(d2k_config *config, const char *path)
{
    struct error err = {.text = ""};
    d2k_result result = secret_file_read(path, config->password, sizeof(config->password), &err);
    return result == D2K_OK ? D2K_OK : error_set(&config->error, result, "%s", err.text);
}

d2k_result d2k_config_set_user(d2k_config *config, const char *user, const char *password)
{
    d2k_result result = take_user(config, user == NULL ? "" : user);
    return result != D2K_OK || password == NULL ? result : set_password(config, password);
}

const char *d2k_config_user(const d2k_config *config)
{
    return config->user;
}

bool d2k_config_has_password(const d2k_config *config)
{
    return config->password[0] != '\0';
}

/* ---- the table ---- */

struct parameter {
    const char *slash; /* "/S", NULL: has no such spelling */
    const char *gnu;   /* "--server", NULL likewise */
    bool has_value;
    d2k_result (*take)(d2k_config *config, const char *value);
};

static const struct parameter parameters[] = {
    {"/S", "--server", true, d2k_config_set_server},
    {"/P", "--port", true, take_port},
    {"/RF", "--redundancy-table", true, d2k_config_set_redundancy_group},
    {"/RD", "--redundancy-discovery", true, take_discovery},
    {"/W", "--process", true, take_process},
    {"/F", "--watchdog", true, take_watchdog},
    {"@", "--application", true, d2k_config_set_application},
    {NULL, "--installation", true, d2k_config_set_installation},
    {NULL, "--config-dir", true, d2k_config_set_config_dir},
    {NULL, "--log-dir", true, take_log_dir},
    {NULL, "--run-dir", true, d2k_config_set_run_dir},
    {NULL, "--reconnect", false, take_reconnect},
    {NULL, "--verbose", false, take_verbose},
    {"/AN", "--user", true, take_user},
    {"/AP", NULL, true, take_password},
    {NULL, "--password-file", true, take_password_file},
};

/* The value if `text` is this parameter; NULL if it is not. A value that is needed and missing is
 * "", which no parameter takes. */
static const char *parameter_value(const struct parameter *parameter, const char *text)
{
    size_t size = parameter->slash == NULL ? 0 : strlen(parameter->slash);
    if (size > 0 && strncmp(text, parameter->slash, size) == 0) {
        return text + size;
    }
    if (parameter->gnu == NULL) {
        return NULL;
    }
    size = strlen(parameter->gnu);
    if (strncmp(text, parameter->gnu, size) != 0) {
        return NULL;
    }
    if (text[size] == '\0') {
        return text + size;
    }
    return text[size] == '=' && parameter->has_value ? text + size + 1 : NULL;
}

d2k_result d2k_config_parameter(d2k_config *config, const char *parameter, d2k_parameter *ret_what)
{
    if (strcmp(parameter, "/?") == 0 || strcmp(parameter, "/h") == 0 ||
        strcmp(parameter, "--help") == 0) {
        *ret_what = D2K_PARAMETER_HELP;
        return D2K_OK;
    }
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        const char *value = parameter_value(&parameters[i], parameter);
        if (value != NULL) {
            *ret_what = D2K_PARAMETER_TAKEN;
            d2k_result result = parameters[i].take(config, value);
            bool is_secret = parameters[i].take == take_password;
            return result == D2K_OK ? D2K_OK
                                    : error_wrap(&config->error, "parameter %.80s",
                                                 is_secret ? "/AP" : parameter);
        }
    }
    *ret_what = D2K_PARAMETER_UNKNOWN;
    return D2K_OK;
}

/* ---- what was set ---- */

const char *d2k_config_error_text(const d2k_config *config)
{
    return config->error.text;
}

const char *d2k_config_log_dir(const d2k_config *config)
{
    return config->log_dir;
}

const char *d2k_config_workstation(const d2k_config *config)
{
    return config->workstation[0] == '\0' ? NULL : config->workstation;
}

const char *d2k_config_config_dir(const d2k_config *config)
{
    return config->config_dir;
}

const char *d2k_config_installation(const d2k_config *config)
{
    return config->installation;
}

bool d2k_config_reconnect(const d2k_config *config)
{
    return config->reconnect || config->group != NULL;
}

bool d2k_config_server_given(const d2k_config *config)
{
    return config->server_given || config->port_given || config->group != NULL;
}

unsigned d2k_config_instance(const d2k_config *config)
{
    return config->instance;
}

bool d2k_config_verbose(const d2k_config *config)
{
    return config->verbose;
}

static d2k_result check_config_dir(const struct registry_location *location, struct error *err)
{
    struct os_file_stamp stamp;
    int failure = location->config_dir_given ? os_file_stamp(location->config_dir, &stamp) : 0;
    if (failure != 0) {
        return error_set(err, D2K_FILE, "configuration directory %s: %s", location->config_dir,
                         os_error_text(failure));
    }
    if (location->config_dir_given && !stamp.exists) {
        return error_set(err, D2K_NOT_FOUND, "configuration directory %s does not exist",
                         location->config_dir);
    }
    return D2K_OK;
}

static d2k_result take_default_application(d2k_config *config, const char *name)
{
    if (name == NULL) {
        return D2K_OK;
    }
    d2k_result result = check_application(config, name);
    if (result != D2K_OK) {
        config->error.code = D2K_CONFIG;
        return error_wrap(&config->error, "installation.conf: DefaultApplication");
    }
    return replace_text(config, &config->application, "DefaultApplication", name);
}

/* A file that is not there is no failure, so what was found out on the way is not kept. */
static d2k_result read_installation(d2k_config *config, struct installation_settings *ret_settings)
{
    struct registry_location location;
    struct error err;
    d2k_result result = registry_locate(config->installation, config->config_dir, &location, &err);
    if (result == D2K_OK) {
        result = check_config_dir(&location, &err);
    }
    if (result == D2K_OK) {
        result = settings_read_installation(&location, &config->log, ret_settings, &err);
    }
    if (result != D2K_OK) {
        config->error = err;
    }
    registry_location_free(&location);
    return result;
}

static d2k_result read_default_application(d2k_config *config)
{
    struct installation_settings settings;
    d2k_result result = read_installation(config, &settings);
    if (result == D2K_OK) {
        result = take_default_application(config, settings.default_application);
        settings_free_installation(&settings);
    }
    return result;
}

d2k_result config_find_application(d2k_config *config, const char **ret_name)
{
    d2k_result result = D2K_OK;
    if (config->application == NULL && !config->application_looked_up) {
        result = read_default_application(config);
        config->application_looked_up = result == D2K_OK;
    }
    *ret_name = config->application;
    return result;
}

const char *d2k_config_application(d2k_config *config)
{
    const char *name = NULL;
    return config_find_application(config, &name) == D2K_OK ? name : NULL;
}
