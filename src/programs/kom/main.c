/* programs/kom/main.c: d2k-kom publishes measurements of this machine.
 *
 * One loop: in every period it looks whether its settings have changed, reads /proc once and
 * publishes every object with a new time stamp; between, it lets the library work. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/system.h"
#include "programs/common/program.h"
#include "programs/kom/measurement.h"
#include "programs/kom/options.h"
#include "programs/kom/proc.h"
#include "programs/kom/published.h"
#include "programs/kom/sample.h"
#include "registry/settings.h"

#define COMPONENT         "KOM"
#define PROC_ROOT         "/proc"
#define SYS_ROOT          "/sys"
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
    unsigned warned_groups; /* KOM_GROUP_... */
    struct network network;
    struct published published;
    unsigned period_ms, groups;                     /* in force */
    char application[REGISTRY_APPLICATION_MAX + 1]; /* "": its file is not looked at */
    struct os_file_stamp stamp;                     /* of its file as it was read last */
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

/* "<what> PC1.* every 1000 ms: cpu;memory." */
static void log_settings(const struct kom *kom, const char *what)
{
    static const char *const names[] = {"cpu",     "memory",      "cores",    "disk",
                                        "network", "temperature", "processes"};
    char groups[128] = "";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((kom->groups >> i & 1u) != 0) {
            size_t used = strlen(groups);
            (void)snprintf(groups + used, sizeof groups - used, "%s%s", used > 0 ? ";" : "",
                           names[i]);
        }
    }
    log_write(kom->program.log, LOG_INFO, COMPONENT, "%s %s.* every %u ms: %s.", what,
              kom->options.prefix, kom->period_ms, groups);
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

/* Takes over what the file says; --period= stays what it is. */
static void take_settings(struct kom *kom, const struct application_settings *settings)
{
    kom->period_ms = kom->options.period_ms != 0 ? kom->options.period_ms : settings->kom_period_ms;
    kom->groups = settings->kom_groups;
    kom->stamp = settings->stamp;
}

static enum exit_code choose_settings(struct kom *kom)
{
    struct application_settings settings;
    struct error err = {.code = D2K_OK};
    const char *application = d2k_config_application(kom->program.config);
    kom->period_ms = kom->options.period_ms != 0 ? kom->options.period_ms : PERIOD_DEFAULT_MS;
    kom->groups = KOM_GROUP_CPU | KOM_GROUP_MEMORY;
    if (application == NULL) {
        return EXIT_CODE_OK;
    }
    d2k_result result = read_settings(kom, application, &settings, &err);
    if (result != D2K_OK) {
        program_say_error(&kom->program, "%s", err.text);
        return EXIT_CODE_USAGE;
    }
    take_settings(kom, &settings);
    settings_free_application(&settings);
    text_copy(kom->application, sizeof kom->application, application);
    return EXIT_CODE_OK;
}

/* ---- settings that change while it runs ---- */

static bool has_changed(struct kom *kom)
{
    struct os_file_stamp stamp;
    char *path = registry_application_file(&kom->program.location, kom->application);
    bool changed = path != NULL && os_file_stamp(path, &stamp) == 0 &&
                   !os_file_stamp_equal(&stamp, &kom->stamp);
    free(path);
    if (changed) {
        kom->stamp = stamp; /* one that is broken is looked at once */
    }
    return changed;
}

static void take_changed_settings(struct kom *kom)
{
    struct application_settings settings;
    struct error err = {.code = D2K_OK};
    unsigned period_ms = kom->period_ms, groups = kom->groups;
    if (kom->application[0] == '\0' || !has_changed(kom)) {
        return;
    }
    if (read_settings(kom, kom->application, &settings, &err) != D2K_OK) {
        log_write(kom->program.log, LOG_ERROR, COMPONENT,
                  "%s; [KOM] as it was read before stays in force.", err.text);
        return;
    }
    take_settings(kom, &settings);
    settings_free_application(&settings);
    if (kom->period_ms != period_ms || kom->groups != groups) {
        log_settings(kom, "Settings have changed: it publishes");
    }
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

static void publish_table(const struct kom *kom, const struct sample_sink *sink)
{
    for (size_t i = 0; i < MEASUREMENT_COUNT; i++) {
        const struct measurement *m = &measurement_table()[i];
        if ((m->group & kom->groups) != 0) {
            struct sample sample = {m->name, m->type, m->unit, m->description,
                                    measurement_value(m, &kom->now, &kom->before)};
            sink->put(sink->context, &sample);
        }
    }
}

/* Says once that a group cannot be measured, and once that it can again. */
static void tell_group(struct kom *kom, unsigned group, const char *name, d2k_result result,
                       const struct error *err)
{
    bool failed = result != D2K_OK;
    bool warned = (kom->warned_groups & group) != 0;
    if (failed && !warned) {
        log_write(kom->program.log, LOG_WARNING, COMPONENT,
                  "%s; its objects are published without Valid until it can be read again.",
                  err->text);
    } else if (!failed && warned) {
        log_write(kom->program.log, LOG_INFO, COMPONENT, "The group %s can be read again.", name);
    }
    kom->warned_groups = failed ? kom->warned_groups | group : kom->warned_groups & ~group;
}

static void publish_all(struct kom *kom)
{
    struct error err = {.code = D2K_OK};
    const struct sample_sink sink = {published_put, &kom->published};
    published_begin(&kom->published, os_wall_ns());
    look_at_machine(kom);
    publish_table(kom, &sink);
    if ((kom->groups & KOM_GROUP_CORES) != 0) {
        sample_cores(&kom->now, &kom->before, &sink);
    }
    if ((kom->groups & KOM_GROUP_PROCESSES) != 0) {
        sample_processes(&kom->now, &kom->before, &sink);
    }
    if ((kom->groups & KOM_GROUP_DISK) != 0) {
        tell_group(kom, KOM_GROUP_DISK, "disk", sample_disks(PROC_ROOT, &sink, &err), &err);
    }
    if ((kom->groups & KOM_GROUP_NETWORK) != 0) {
        d2k_result result =
            sample_network(PROC_ROOT, &kom->network, os_monotonic_ms(), &sink, &err);
        tell_group(kom, KOM_GROUP_NETWORK, "network", result, &err);
    }
    if ((kom->groups & KOM_GROUP_TEMPERATURE) != 0) {
        tell_group(kom, KOM_GROUP_TEMPERATURE, "temperature",
                   sample_temperatures(SYS_ROOT, &sink, &err), &err);
    }
    published_end(&kom->published);
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
            take_changed_settings(kom);
            publish_all(kom);
            due_ms = measurement_next_due(due_ms, kom->period_ms, os_monotonic_ms());
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
    code = choose_settings(kom);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    log_settings(kom, "d2k-kom " D2K_VERSION_TEXT " publishes");
    code = program_start_client(&kom->program);
    kom->published = (struct published){
        .client = kom->program.client, .prefix = kom->options.prefix, .log = kom->program.log};
    return code;
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
