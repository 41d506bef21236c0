/* publisher.c: a process that publishes two objects once a second.
 *
 *     publisher /Slocalhost @PLANT
 *
 * Copy it and replace next_values(). Build: cc publisher.c $(pkg-config --cflags --libs d2k) */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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
static d2k_config *read_parameters(int argc, char **argv, int *ret_exit_code)
{
    d2k_config *config = NULL;
    *ret_exit_code = EXIT_FAILURE;
    if (d2k_config_new("API", NULL, &config) != D2K_OK) {
        return NULL;
    }
    for (int i = 1; i < argc; i++) {
        d2k_parameter what;
        d2k_result result = d2k_config_parameter(config, argv[i], &what);
        if (result == D2K_OK && what == D2K_PARAMETER_TAKEN) {
            continue;
        }
        if (result != D2K_OK) {
            fprintf(stderr, "%s\n", d2k_config_error_text(config));
        } else if (what == D2K_PARAMETER_HELP) {
            printf("publisher: publishes Example.Sine and Example.Count\n%s",
                   d2k_config_parameters_help());
            *ret_exit_code = EXIT_SUCCESS;
        } else {
            fprintf(stderr, "unknown parameter %s; /? shows all\n", argv[i]);
        }
        d2k_config_free(config);
        return NULL;
    }
    d2k_config_set_log(config, print_line, NULL);
    return config;
}

/* Takes the events of about `milliseconds`; looks for a signal at least five times a second.
 * D2K_OK, or why the client has ended. */
static d2k_result work(d2k_client *client, int milliseconds)
{
    struct timespec begin, now;
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int left = milliseconds; left > 0 && !stopping;) {
        d2k_event event;
        d2k_result result = d2k_client_next(client, &event, left < 200 ? left : 200);
        if (result == D2K_OK && event.type == D2K_EVENT_FAILED) {
            fprintf(stderr, "refused: %s\n", event.text);
        } else if (result != D2K_OK && result != D2K_TIMEOUT) {
            return result;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        left = milliseconds -
               (int)((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000);
    }
    return D2K_OK;
}

static d2k_result next_values(d2k_object *sine, d2k_object *count)
{
    static int64_t number;
    d2k_value value = d2k_real(sin((double)number / 10.0));
    d2k_result result = d2k_publish(sine, &value);
    if (result == D2K_OK) {
        value = d2k_integer(number++);
        result = d2k_publish(count, &value);
    }
    return result;
}

/* With limits, and with its last minute in the kernel's memory. */
static d2k_result define_sine(d2k_client *client, d2k_object **ret_sine)
{
    static const d2k_limits limits = {.vl = -0.95, .l = -0.8, .h = 0.8, .vh = 0.95};
    const d2k_definition definition = {.size = sizeof definition,
                                       .name = "Example.Sine",
                                       .type = D2K_TYPE_REAL,
                                       .description = "a sine wave",
                                       .unit = "V",
                                       .path = "Examples",
                                       .history = 60,
                                       .limits = &limits};
    return d2k_define_with(client, &definition, ret_sine);
}

static d2k_result publish_until_stopped(d2k_client *client)
{
    d2k_object *sine = NULL;
    d2k_object *count = NULL;
    d2k_result result = d2k_client_connect(client, 60000);
    if (result == D2K_OK) {
        result = define_sine(client, &sine);
    }
    if (result == D2K_OK) {
        result = d2k_define(client, "Example.Count", D2K_TYPE_INTEGER, "counts up", "", &count);
    }
    while (result == D2K_OK && !stopping) {
        result = next_values(sine, count);
        if (result == D2K_OK) {
            result = work(client, 1000);
        }
    }
    return result == D2K_OK ? d2k_log_off(client, 2000) : result;
}

int main(int argc, char **argv)
{
    int exit_code;
    char *why = NULL;
    d2k_client *client = NULL;
    d2k_config *config = read_parameters(argc, argv, &exit_code);
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
    d2k_result result = publish_until_stopped(client);
    if (result != D2K_OK) {
        fprintf(stderr, "publisher: %s: %s\n", d2k_result_text(result),
                d2k_client_error_text(client));
    }
    d2k_client_free(client);
    return result == D2K_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
