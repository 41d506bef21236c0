/* programs/common/program.c: start and end of a client program. */
#include "programs/common/program.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/service.h"
#include "os/system.h"
#include "os/terminal.h"
#include "registry/settings.h"

/* A signal that comes just before the wait begins is seen after this time at the latest. */
#define WAIT_SLICE_MS   200
#define LOG_OFF_WAIT_MS 2000
#define PASSWORD_MAX    300u /* bytes that are taken from the terminal */

static volatile sig_atomic_t stop_signal;

static void remember_signal(int number)
{
    stop_signal = number;
}

bool program_stop_requested(void)
{
    return stop_signal != 0;
}

bool program_take_interrupt(void)
{
    bool interrupted = stop_signal == SIGINT;
    if (interrupted) {
        stop_signal = 0;
    }
    return interrupted;
}

void program_die_of_signal(void)
{
    int number = (int)stop_signal;
    if (number != 0) {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
    }
}

static void print_error(const struct program *program, const char *escaped)
{
    (void)fprintf(stderr, "%s: %s\n", program->info->name, escaped);
}

void program_say_error(const struct program *program, const char *format, ...)
{
    char text[ERROR_TEXT_MAX], escaped[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_escape(escaped, sizeof escaped, slice_of(text));
    print_error(program, escaped);
    if (!program->logs_to_stderr) {
        log_write(program->log, LOG_ERROR, program->info->suffix, "%s", escaped);
    }
}

/* ---- arguments ---- */

static void print_help(const struct program_info *info)
{
    (void)printf("%s\n\n%s\nParameters of every client:\n%s", info->usage, info->help,
                 d2k_config_parameters_help());
    (void)printf("  --version                                print the version and end\n"
                 "  --                                       what follows is no parameter\n"
                 "\nExit codes:\n%s",
                 exit_codes_help());
}

static void print_version(const struct program_info *info)
{
    (void)printf("%s %s\n", info->name, d2k_version());
}

struct arguments {
    bool help, version;
    bool only_words; /* "--" was there */
    struct error first_error;
};

static d2k_result take_own(struct program *program, void *context, const char *argument,
                           bool is_word, struct error *err)
{
    d2k_result result = program->info->argument(context, argument, is_word, err);
    if (result == D2K_NOT_FOUND) {
        return error_set(err, D2K_ARGUMENT, "unknown parameter %s; %s /? lists all parameters",
                         argument, program->info->name);
    }
    return result;
}

static d2k_result take_argument(struct program *program, void *context, const char *argument,
                                struct arguments *seen, struct error *err)
{
    d2k_parameter what;
    if (seen->only_words) {
        return take_own(program, context, argument, true, err);
    }
    if (strcmp(argument, "--") == 0) {
        seen->only_words = true;
        return D2K_OK;
    }
    if (strcmp(argument, "--version") == 0) {
        seen->version = true;
        return D2K_OK;
    }
    if (d2k_config_parameter(program->config, argument, &what) != D2K_OK) {
        return error_set(err, D2K_ARGUMENT, "%s", d2k_config_error_text(program->config));
    }
    if (what == D2K_PARAMETER_UNKNOWN) {
        return take_own(program, context, argument, false, err);
    }
    seen->help = seen->help || what == D2K_PARAMETER_HELP;
    return D2K_OK;
}

static void read_arguments(struct program *program, int argc, char **argv, void *context,
                           struct arguments *seen)
{
    for (int i = 1; i < argc; i++) {
        struct error err = {.code = D2K_OK};
        bool is_password = !seen->only_words && strncmp(argv[i], "/AP", 3) == 0;
        d2k_result result = take_argument(program, context, argv[i], seen, &err);
        if (is_password) { /* the rest of our life nobody reads it there */
            memset(argv[i] + 3, '*', strlen(argv[i] + 3));
        }
        if (result != D2K_OK && seen->first_error.code == D2K_OK) {
            seen->first_error = err;
            seen->first_error.code = result;
        }
    }
}

bool program_start(struct program *program, const struct program_info *info, int argc, char **argv,
                   void *context, enum exit_code *ret_code)
{
    struct arguments seen = {0};
    *program = (struct program){.info = info};
    *ret_code = EXIT_CODE_INTERNAL;
    if (d2k_config_new(info->suffix, NULL, &program->config) != D2K_OK) {
        program_say_error(program, "out of memory");
        return false;
    }
    read_arguments(program, argc, argv, context, &seen);
    if (seen.help || seen.version) {
        (seen.help ? print_help : print_version)(info);
        *ret_code = fflush(stdout) == 0 ? EXIT_CODE_OK : EXIT_CODE_INTERNAL;
        return false;
    }
    if (seen.first_error.code != D2K_OK) {
        program_say_error(program, "%s", seen.first_error.text);
        *ret_code = exit_code_of(seen.first_error.code, false);
        return false;
    }
    os_ignore_broken_pipes();
    (void)signal(SIGTERM, remember_signal);
    (void)signal(SIGINT, remember_signal);
    return true;
}

/* ---- log ---- */

static void write_to_stderr(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)fprintf(stderr, "%s\n", line);
}

static void log_from_client(void *context, d2k_log_level level, const char *line)
{
    const struct program *program = context;
    enum log_level own = level == D2K_LOG_ERROR     ? LOG_ERROR
                         : level == D2K_LOG_WARNING ? LOG_WARNING
                                                    : LOG_INFO;
    if (program->log != NULL && (int)own <= program->log->level) {
        program->log->sink(program->log->context, own, line);
    }
}

static d2k_result open_log_file(struct program *program, const struct program_log_options *options,
                                uint64_t max_log_size, struct error *err)
{
    char *directory = registry_log_dir(&program->location, d2k_config_application(program->config),
                                       d2k_config_log_dir(program->config));
    if (directory == NULL) {
        return error_no_memory(err);
    }
    struct log_file_options file_options = {
        .directory = directory,
        .name = options->name,
        .shared = options->shared,
        .also_stderr = options->also_stderr,
        .to_journal = os_service_stderr_is_journal(),
        .json = options->json,
        .max_history_size = max_log_size,
        .max_size = max_log_size,
    };
    d2k_result result = log_file_open(&file_options, &program->file, err);
    free(directory);
    return result;
}

/* Of what was found wrong before anything is connected: also a file that is not there. */
static enum exit_code configuration_code(d2k_result result)
{
    enum exit_code code = exit_code_of(result, false);
    return code == EXIT_CODE_INTERNAL ? code : EXIT_CODE_USAGE;
}

/* installation.conf names the log's limits, so it was read before there was a log: now its warnings
 * can be written. */
static void log_installation_warnings(const struct program *program)
{
    struct error err;
    struct installation_settings settings;
    if (settings_read_installation(&program->location, program->log, &settings, &err) == D2K_OK) {
        settings_free_installation(&settings);
    }
}

bool program_open_log(struct program *program, const struct program_log_options *options,
                      enum exit_code *ret_code)
{
    struct error err = {.code = D2K_OK};
    struct installation_settings settings = {0};
    d2k_result result =
        registry_locate(d2k_config_installation(program->config),
                        d2k_config_config_dir(program->config), &program->location, &err);
    if (result == D2K_OK) {
        result = settings_read_installation(&program->location, NULL, &settings, &err);
    }
    if (result != D2K_OK) {
        program_say_error(program, "%s", err.text);
        *ret_code = configuration_code(result);
        return false;
    }
    if (open_log_file(program, options, settings.max_log_size, &err) == D2K_OK) {
        program->log = log_file_log(program->file);
        program->logs_to_stderr = options->also_stderr || os_service_stderr_is_journal();
    } else {
        program_say_error(program, "WARNING: no log file is written: %s", err.text);
        if (options->stderr_fallback) {
            program->stderr_log = (struct log){.level = LOG_INFO, .sink = write_to_stderr};
            program->log = &program->stderr_log;
            program->logs_to_stderr = true;
        }
    }
    settings_free_installation(&settings);
    d2k_config_set_log(program->config, log_from_client, program);
    log_installation_warnings(program);
    return true;
}

/* ---- client ---- */

/* Who named a user without a password is asked, if there is a terminal. */
static enum exit_code ask_for_password(struct program *program)
{
    char prompt[128], password[PASSWORD_MAX];
    const char *user = d2k_config_user(program->config);
    if (user[0] == '\0' || d2k_config_has_password(program->config)) {
        return EXIT_CODE_OK;
    }
    (void)snprintf(prompt, sizeof prompt, "Password of %.64s: ", user);
    int error = os_is_terminal(0) ? os_read_secret(prompt, password, sizeof password) : ENOTTY;
    d2k_result result =
        error != 0 ? D2K_ARGUMENT : d2k_config_set_user(program->config, user, password);
    explicit_bzero(password, sizeof password);
    if (error != 0) {
        program_say_error(program, "user %s: %s", user,
                          error == EINTR ? "no password was given"
                                         : "there is no terminal to ask for the password: give "
                                           "--password-file");
    } else if (result != D2K_OK) {
        program_say_error(program, "%s", d2k_config_error_text(program->config));
    }
    return result == D2K_OK ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}

enum exit_code program_start_client(struct program *program)
{
    char *error_text = NULL;
    d2k_config *config = program->config;
    enum exit_code asked = ask_for_password(program);
    if (asked != EXIT_CODE_OK) {
        return asked;
    }
    program->reconnect = d2k_config_reconnect(config);
    program->config = NULL;
    d2k_result result = d2k_client_new(config, &program->client, &error_text);
    if (result != D2K_OK) {
        program_say_error(program, "%s", error_text ? error_text : d2k_result_text(result));
        free(error_text);
        return configuration_code(result);
    }
    result = d2k_client_start(program->client);
    return result == D2K_OK ? EXIT_CODE_OK : program_link_ended(program, result);
}

static int slice_of_wait(uint64_t begun_ms, int timeout_ms)
{
    if (timeout_ms < 0) {
        return WAIT_SLICE_MS;
    }
    uint64_t waited = os_monotonic_ms() - begun_ms;
    if (waited >= (uint64_t)timeout_ms) {
        return 0;
    }
    int left = timeout_ms - (int)waited;
    return left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS;
}

d2k_result program_next(struct program *program, d2k_event *ret_event, int timeout_ms)
{
    uint64_t begun_ms = os_monotonic_ms();
    for (;;) {
        int slice = slice_of_wait(begun_ms, timeout_ms);
        d2k_result result = d2k_client_next(program->client, ret_event, slice);
        if (result == D2K_OK) {
            program->registered = program->registered || ret_event->type == D2K_EVENT_CONNECTED;
            return D2K_OK;
        }
        if (result != D2K_TIMEOUT && result != D2K_AGAIN) {
            return result;
        }
        if (slice == 0 || program_stop_requested()) {
            return D2K_TIMEOUT;
        }
    }
}

enum exit_code program_link_ended(struct program *program, d2k_result result)
{
    char escaped[ERROR_TEXT_MAX];
    const char *text = d2k_client_error_text(program->client);
    text_escape(escaped, sizeof escaped,
                slice_of(text[0] != '\0' ? text : d2k_result_text(result)));
    print_error(program, escaped);
    return exit_code_of(result, program->registered);
}

void program_end(struct program *program)
{
    if (program->client != NULL && d2k_client_registered(program->client) &&
        d2k_log_off(program->client, LOG_OFF_WAIT_MS) != D2K_OK) {
        log_write(program->log, LOG_WARNING, program->info->suffix,
                  "The kernel did not take the log-off; it will record a Crash of this process.");
    }
    d2k_client_free(program->client);
    d2k_config_free(program->config);
    registry_location_free(&program->location);
    log_file_close(program->file);
    program->client = NULL;
    program->config = NULL;
    program->log = NULL;
    program->file = NULL;
}
