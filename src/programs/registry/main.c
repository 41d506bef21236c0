/* d2k-registry: shows, checks and changes the configuration of d2k. */
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "programs/registry/change.h"
#include "programs/registry/check.h"
#include "programs/registry/export.h"
#include "programs/registry/import.h"
#include "programs/registry/options.h"
#include "programs/registry/output.h"
#include "programs/registry/show.h"
#include "programs/registry/user.h"

static const struct {
    const char *name;
    int (*run)(const struct options *options, const struct registry_location *location);
} commands[] = {
    {"list", show_list},
    {"get", show_get},
    {"set", change_set},
    {"unset", change_unset},
    {"import", import_run},
    {"export", export_run},
    {"check", check_configuration},
    {"user", user_run},
};

static int run_command(const struct options *options)
{
    if (strcmp(options->command, "settings") == 0) {
        return show_settings(options);
    }
    struct registry_location location;
    struct error err;
    if (registry_locate(options->installation, options->config_dir, &location, &err) != D2K_OK) {
        return output_fail(&err);
    }
    int code = OUTPUT_EXIT_INTERNAL;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(options->command, commands[i].name) == 0) {
            code = commands[i].run(options, &location);
        }
    }
    registry_location_free(&location);
    return code;
}

static int run(int argc, char **argv)
{
    struct options options;
    struct error err;
    d2k_result result = options_parse(argc, argv, &options, &err);
    int code = OUTPUT_EXIT_OK;
    if (result != D2K_OK) {
        code = output_fail(&err);
        fputs("d2k-registry --help shows the parameters\n", stderr);
    } else if (options.help) {
        fputs(options_help(), stdout);
    } else if (options.version) {
        puts("d2k-registry " D2K_VERSION_TEXT);
    } else {
        code = run_command(&options);
    }
    options_free(&options);
    return code;
}

int main(int argc, char **argv)
{
    int code = run(argc, argv);
    /* A full disk must not look like an empty value. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        output_complain("the output could not be written");
        return OUTPUT_EXIT_INTERNAL;
    }
    return code;
}
