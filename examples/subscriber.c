/* subscriber.c: prints every change of the objects that match a pattern.
 *
 *     subscriber /Slocalhost @PLANT 'Example.*'
 *
 * Build: cc subscriber.c $(pkg-config --cflags --libs d2k) */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <d2k/d2k.h>

static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static void print_line(void *context, d2k_log_level level, const char *line)
{
    (void)context;
    (void)level;
    fprintf(stderr, "%s\n", line);
}

/* Reads the start parameters; NULL: the program has nothing more to do. */
static d2k_config *read_parameters(int argc, char **argv, const char **ret_pattern,
                                   int *ret_exit_code)
{
    d2k_config *config = NULL;
    *ret_exit_code = EXIT_FAILURE;
    *ret_pattern = "*";
    if (d2k_config_new("API", NULL, &config) != D2K_OK) {
        return NULL;
    }
    for (int i = 1; i < argc; i++) {
        d2k_parameter what;
        if (d2k_config_parameter(config, argv[i], &what) != D2K_OK) {
            fprintf(stderr, "%s\n", d2k_config_error_text(config));
        } else if (what == D2K_PARAMETER_TAKEN) {
            continue;
        } else if (what == D2K_PARAMETER_HELP) {
            printf("subscriber [<pattern>]: prints values, pattern with * and ?\n%s",
                   d2k_config_parameters_help());
            *ret_exit_code = EXIT_SUCCESS;
        } else if (argv[i][0] != '-' && argv[i][0] != '/') {
            *ret_pattern = argv[i];
            continue;
        } else {
            fprintf(stderr, "unknown parameter %s; /? shows all\n", argv[i]);
        }
        d2k_config_free(config);
        return NULL;
    }
    d2k_config_set_log(config, print_line, NULL);
    return config;
}

/* "2026-11-23 12:00:00.123 Example.Sine = 0.5 V". */
static void print_value(const d2k_object_info *object, const d2k_value *value)
{
    char text[200];
    char safe[400];
    char safe_unit[100];
    char when[32] = "";
    time_t seconds = (time_t)(value->time_ns / 1000000000);
    struct tm calendar;
    size_t size = d2k_value_format(value, text, sizeof(text));
    bool valid = (value->status & D2K_STATUS_VALID) != 0;
    if (localtime_r(&seconds, &calendar) != NULL) {
        (void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &calendar);
    }
    /* Others wrote text and unit: nothing of it may reach the terminal as a control sequence. */
    d2k_escape(text, size < sizeof(text) ? size : sizeof(text) - 1, safe, sizeof(safe));
    d2k_escape(object->unit, strlen(object->unit), safe_unit, sizeof(safe_unit));
    printf("%s.%03d %s = %s %s%s\n", when, (int)(value->time_ns / 1000000 % 1000), object->name,
           safe, safe_unit, valid ? "" : " (invalid)");
    (void)fflush(stdout);
}

static void print_event(const d2k_event *event)
{
    switch (event->type) {
    case D2K_EVENT_VALUE:
        print_value(event->object, event->value);
        break;
    case D2K_EVENT_SNAPSHOT_END:
        printf("%llu objects match\n", (unsigned long long)event->count);
        (void)fflush(stdout);
        break;
    case D2K_EVENT_FAILED:
        fprintf(stderr, "refused: %s\n", event->text);
        break;
    default: /* connection events stand in the log */
        break;
    }
}

static d2k_result print_until_stopped(d2k_client *client, const char *pattern)
{
    d2k_result result = d2k_client_connect(client, 60000);
    if (result == D2K_OK) {
        result = d2k_subscribe(client, pattern, D2K_LATEST, NULL);
    }
    while (result == D2K_OK && !stopping) {
        d2k_event event;
        result = d2k_client_next(client, &event, 500);
        if (result == D2K_OK) {
            print_event(&event);
        } else if (result == D2K_TIMEOUT) {
            result = D2K_OK;
        }
    }
    return result == D2K_OK ? d2k_log_off(client, 2000) : result;
}

int main(int argc, char **argv)
{
    int exit_code;
    char *why = NULL;
    const char *pattern;
    d2k_client *client = NULL;
    d2k_config *config = read_parameters(argc, argv, &pattern, &exit_code);
    if (config == NULL) {
        return exit_code;
    }
    (void)signal(SIGINT, stop);
    (void)signal(SIGTERM, stop);
    if (d2k_client_new(config, &client, &why) != D2K_OK) {
        fprintf(stderr, "%s\n", why != NULL ? why : "out of memory");
        free(why);
        return EXIT_FAILURE;
    }
    d2k_result result = print_until_stopped(client, pattern);
    if (result != D2K_OK) {
        fprintf(stderr, "subscriber: %s: %s\n", d2k_result_text(result),
                d2k_client_error_text(client));
    }
    d2k_client_free(client);
    return result == D2K_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
