/* programs/kom/main.c: d2k-kom publishes measurements of this machine.
 *
 * One loop: in every period it reads /proc once and publishes every object with a new time stamp;
 * between, it lets the library work. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "os/clock.h"
#include "os/system.h"
#include "programs/common/program.h"
#include "programs/kom/measurement.h"
#include "programs/kom/options.h"
#include "programs/kom/proc.h"
#include "registry/settings.h"

#define COMPONENT         "KOM"
#define PROC_ROOT         "/proc"
#define PERIOD_DEFAULT_MS 1000u
#define FIRST_LOOK_MS     250u /* the first processor load is over this time */
#define SETTINGS_TRIES    10
#define COMPUTER_MAX      60 /* with ".KOM" a process name may have 64 */
#define LOG_NAME_MAX      128

struct kom {
    struct program program;
    struct kom_options options;
    char host[COMPUTER_MAX];
    struct proc_readings now, before;
    bool warned[PROC_SOURCES];
    d2k_object *objects[MEASUREMENT_COUNT];
};

static const struct program_info info = {
    .name = "d2k-kom",
    .suffix = "KOM",
    .usage = "d2k-kom [@<application>] [parameters]\n"
             "Publishes load, processor, memory and uptime of this machine as objects of a d2k "
             "kernel.",
    .help = "Parameters of d2k-kom:\n"
            "  --period=<ms>               time between two values, 100..3600000;\n"
            "                              default: [KOM] Period of the application, else 1000\n"
            "  --prefix=<name>             objects are <name>.CPU_Load ...; default: this "
            "computer\n"
            "  --log-format=<format>       d2000: lines as D2000 writes them (default); json: one "
            "object a line\n",
    .argument = kom_options_take,
};

/* ---- start ---- */

/* Host names may hold what names of workstations may not. */
static void read_host_name(struct kom *kom)
{
    os_host_name(kom->host, sizeof kom->host);
    for (char *at = kom->host; *at != '\0'; at++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", *at) ==
            NULL) {
            *at = '_';
        }
    }
}

static enum exit_code set_names(struct kom *kom)
{
    d2k_config *config = kom->program.config;
    read_host_name(kom);
    if (kom->options.prefix[0] == '\0') {
        measurement_prefix_of_host(kom->options.prefix, kom->host);
    }
    if (d2k_config_workstation(config) != NULL) {
        return EXIT_CODE_OK;
    }
    d2k_result result = d2k_config_set_process(config, kom->host, 0);
    if (result != D2K_OK) {
        program_say_error(&kom->program, "%s", d2k_config_error_text(config));
    }
    return exit_code_of(result, false);
}

static void log_name(const struct kom *kom, char ret_name[LOG_NAME_MAX])
{
    const d2k_config *config = kom->program.config;
    unsigned instance = d2k_config_instance(config);
    char number[16] = "";
    if (instance != 0) {
        (void)snprintf(number, sizeof number, "-%u", instance);
    }
    (void)snprintf(ret_name, LOG_NAME_MAX, "KOM-%s%s", d2k_config_workstation(config), number);
}

/* The configuration may be replaced in the very moment; then it is read again. */
static d2k_result read_settings(struct kom *kom, const char *application,
                                struct application_settings *ret_settings, struct error *err)
{
    d2k_result result = D2K_AGAIN;
    for (int i = 0; i < SETTINGS_TRIES && result == D2K_AGAIN; i++) {
        result = settings_read_application(&kom->program.location, application, NULL, ret_settings,
                                           err); /* the library logs its warnings */
    }
    return result;
}

static enum exit_code choose_period(struct kom *kom)
{
    struct application_settings settings;
    struct error err = {.code = D2K_OK};
    const char *application = d2k_config_application(kom->program.config);
    if (kom->options.period_ms != 0) {
        return EXIT_CODE_OK;
    }
    kom->options.period_ms = PERIOD_DEFAULT_MS;
    if (application == NULL) {
        return EXIT_CODE_OK;
    }
    d2k_result result = read_settings(kom, application, &settings, &err);
    if (result != D2K_OK) {
        program_say_error(&kom->program, "%s", err.text);
        return EXIT_CODE_USAGE;
    }
    kom->options.period_ms = settings.kom_period_ms;
    settings_free_application(&settings);
    return EXIT_CODE_OK;
}

static enum exit_code define_objects(struct kom *kom)
{
    char name[D2K_OBJECT_NAME_MAX + 1];
    for (size_t i = 0; i < MEASUREMENT_COUNT; i++) {
        const struct measurement *m = &measurement_table()[i];
        (void)snprintf(name, sizeof name, "%s.%s", kom->options.prefix, m->name);
        d2k_result result = d2k_define(kom->program.client, name, m->type, m->description, m->unit,
                                       &kom->objects[i]);
        if (result != D2K_OK) {
            program_say_error(&kom->program, "Object %s: %s", name,
                              d2k_client_error_text(kom->program.client));
            return exit_code_of(result, false);
        }
    }
    return EXIT_CODE_OK;
}

/* ---- work ---- */

static void read_source(struct kom *kom, enum proc_source source)
{
    struct error err = {.code = D2K_OK};
    bool readable = proc_read(PROC_ROOT, source, &kom->now, &err) == D2K_OK;
    if (!readable && !kom->warned[source]) {
        log_write(kom->program.log, LOG_WARNING, COMPONENT,
                  "%s; its objects are published without Valid until it can be read again.",
                  err.text);
    } else if (readable && kom->warned[source]) {
        log_write(kom->program.log, LOG_INFO, COMPONENT, "%s/%s can be read again.", PROC_ROOT,
                  proc_source_name(source));
    }
    kom->warned[source] = !readable;
}

static void look_at_machine(struct kom *kom)
{
    kom->before = kom->now;
    for (int i = 0; i < PROC_SOURCES; i++) {
        read_source(kom, (enum proc_source)i);
    }
}

static void publish_all(struct kom *kom)
{
    int64_t time_ns = os_wall_ns();
    look_at_machine(kom);
    for (size_t i = 0; i < MEASUREMENT_COUNT; i++) {
        const struct measurement *m = &measurement_table()[i];
        d2k_value value = measurement_value(m, &kom->now, &kom->before);
        value.time_ns = time_ns;
        d2k_result result = d2k_publish(kom->objects[i], &value);
        /* Over the limit: the link does not drain. The next period has newer values. */
        if (result != D2K_OK && result != D2K_LIMIT) {
            log_write(kom->program.log, LOG_ERROR, COMPONENT,
                      "%s.%s was not published: %s; the next period tries again.",
                      kom->options.prefix, m->name, d2k_result_text(result));
        }
    }
}

static enum exit_code run(struct kom *kom)
{
    uint64_t due_ms = os_monotonic_ms();
    look_at_machine(kom);
    due_ms += FIRST_LOOK_MS;
    while (!program_stop_requested()) {
        d2k_event event;
        uint64_t now_ms = os_monotonic_ms();
        if (now_ms >= due_ms) {
            publish_all(kom);
            due_ms = measurement_next_due(due_ms, kom->options.period_ms, os_monotonic_ms());
            continue;
        }
        d2k_result result = program_next(&kom->program, &event, (int)(due_ms - now_ms));
        /* What the kernel refuses, the library logs; the other objects go on. */
        if (result != D2K_OK && result != D2K_TIMEOUT) {
            return program_link_ended(&kom->program, result);
        }
    }
    log_write(kom->program.log, LOG_INFO, COMPONENT, "Ends: a signal asked for it.");
    return EXIT_CODE_OK;
}

static enum exit_code start(struct kom *kom)
{
    char name[LOG_NAME_MAX];
    enum exit_code code = set_names(kom);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    log_name(kom, name);
    struct program_log_options log = {
        .name = name,
        .also_stderr = os_is_terminal(2) || d2k_config_verbose(kom->program.config),
        .json = kom->options.log_json,
        .stderr_fallback = true,
    };
    if (!program_open_log(&kom->program, &log, &code)) {
        return code;
    }
    code = choose_period(kom);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    log_write(kom->program.log, LOG_INFO, COMPONENT, "d2k-kom %s publishes %s.* every %u ms.",
              d2k_version(), kom->options.prefix, kom->options.period_ms);
    code = program_start_client(&kom->program);
    return code == EXIT_CODE_OK ? define_objects(kom) : code;
}

int main(int argc, char **argv)
{
    static struct kom kom;
    enum exit_code code;
    if (program_start(&kom.program, &info, argc, argv, &kom.options, &code)) {
        code = start(&kom);
        if (code == EXIT_CODE_OK) {
            code = run(&kom);
        }
    }
    program_end(&kom.program);
    return (int)code;
}
