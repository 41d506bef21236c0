/* The command line of d2k-kernel: the original's forms (@<application>, /P<port>) and GNU options.
 */
#include "kernel/options.h"

#include <string.h>

#include "base/text.h"

#define DEFAULT_PORT 3119

const char *kernel_options_help(void)
{
    return "usage: d2k-kernel @<application> [parameters]\n"
           "\n"
           "  @<application>          application to run; else DefaultApplication of "
           "installation.conf\n"
           "  --port=<port>  /P<port> TCP port to listen on (3119); 0: the system chooses\n"
           "  --address=<address>     IPv4 or IPv6 address to listen on; may be repeated (default: "
           "all)\n"
           "  --config-dir=<dir>      where installation.conf and cfg_<application>.conf lie\n"
           "  --installation=<name>   name of the installation (d2k)\n"
           "  --log-dir=<dir>         where KNL-SELF.log is written\n"
           "  --log-format=<format>   d2000: lines as D2000 writes them (default); json: one "
           "object a "
           "line\n"
           "  --state-dir=<dir>       where the kernel keeps what survives a restart\n"
           "  --run-dir=<dir>         where the local socket for administration lies\n"
           "  --version               print the version and end\n"
           "  /? /h --help            print this and end\n"
           "\n"
           "Started by a service manager, it listens on the sockets that are handed in instead "
           "($LISTEN_FDS).\n"
           "SIGTERM, SIGINT: end in order. SIGHUP: look at the TLS configuration now and log what "
           "is "
           "in force.\n"
           "\n"
           "Exit codes: 0 ended as asked, 2 wrong parameter or configuration, 3 cannot listen,\n"
           "            6 internal error\n";
}

static bool is_help(const char *parameter)
{
    return strcmp(parameter, "/?") == 0 || strcmp(parameter, "/h") == 0 ||
           strcmp(parameter, "--help") == 0 || strcmp(parameter, "-h") == 0;
}

/* The text after `prefix`, or NULL when the parameter is another one. */
static const char *value_of(const char *parameter, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(parameter, prefix, size) == 0 ? parameter + size : NULL;
}

static d2k_result parse_port(const char *text, struct kernel_options *o, struct error *err)
{
    long long port;
    if (!text_to_number(text, 0, UINT16_MAX, &port)) {
        return error_set(err, D2K_ARGUMENT, "port \"%s\" is not a number from 0 to 65535", text);
    }
    o->port = (uint16_t)port;
    return D2K_OK;
}

static d2k_result add_address(const char *text, struct kernel_options *o, struct error *err)
{
    struct os_address parsed;
    if (os_address_parse(text, 0, &parsed) != 0) {
        return error_set(err, D2K_ARGUMENT, "\"%s\" is not an IPv4 or IPv6 address", text);
    }
    /* one place is kept for the local socket */
    if (o->address_count + 1 >= NET_ADDRESSES_MAX) {
        return error_set(err, D2K_ARGUMENT, "more than %u addresses", NET_ADDRESSES_MAX - 1);
    }
    o->addresses[o->address_count++] = text;
    return D2K_OK;
}

static d2k_result parse_log_format(const char *text, struct kernel_options *o, struct error *err)
{
    o->log_json = strcmp(text, "json") == 0;
    if (!o->log_json && strcmp(text, "d2000") != 0) {
        return error_set(err, D2K_ARGUMENT, "--log-format=%s: allowed: d2000, json", text);
    }
    return D2K_OK;
}

static d2k_result parse_one(const char *parameter, struct kernel_options *o, struct error *err)
{
    const struct {
        const char *prefix;
        const char **target;
    } texts[] = {
        {"@", &o->application},
        {"--application=", &o->application},
        {"--config-dir=", &o->config_dir},
        {"--installation=", &o->installation},
        {"--log-dir=", &o->log_dir},
        {"--state-dir=", &o->state_dir},
        {"--run-dir=", &o->run_dir},
    };
    const char *value;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        value = value_of(parameter, texts[i].prefix);
        if (value != NULL && value[0] == '\0') {
            return error_set(err, D2K_ARGUMENT, "parameter %s has no value", parameter);
        }
        if (value != NULL) {
            *texts[i].target = value;
            return D2K_OK;
        }
    }
    if ((value = value_of(parameter, "--port=")) != NULL ||
        (value = value_of(parameter, "/P")) != NULL) {
        return parse_port(value, o, err);
    }
    if ((value = value_of(parameter, "--address=")) != NULL) {
        return add_address(value, o, err);
    }
    if ((value = value_of(parameter, "--log-format=")) != NULL) {
        return parse_log_format(value, o, err);
    }
    if (strcmp(parameter, "--version") == 0) {
        o->version = true;
        return D2K_OK;
    }
    return error_set(err, D2K_ARGUMENT, "unknown parameter \"%s\" (d2k-kernel /? lists them)",
                     parameter);
}

d2k_result kernel_options_parse(int argc, char **argv, struct kernel_options *ret_options,
                                struct error *err)
{
    *ret_options = (struct kernel_options){.port = DEFAULT_PORT};
    for (int i = 1; i < argc; i++) {
        if (is_help(argv[i])) {
            ret_options->help = true;
            return D2K_OK;
        }
    }
    for (int i = 1; i < argc; i++) {
        d2k_result rc = parse_one(argv[i], ret_options, err);
        if (rc != D2K_OK) {
            return rc;
        }
    }
    return D2K_OK;
}
