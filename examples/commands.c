/* commands.c: a valve that takes commands: 0 to 100 %, anything else is refused.
 *
 *     commands @PLANT /WVALVE            in one terminal
 *     d2k-tell @PLANT set Demo.Valve 40  in another
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <d2k/d2k.h>

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "commands: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

/* A real program would move the valve here, and answer when it has moved. */
static d2k_result obey(d2k_object *valve, const d2k_value *wanted, const char **ret_sentence)
{
    if (wanted->content.real < 0 || wanted->content.real > 100) {
        *ret_sentence = "a valve opens from 0 to 100 %";
        return D2K_ARGUMENT;
    }
    d2k_value now = d2k_real(wanted->content.real);
    return d2k_publish(valve, &now);
}

static d2k_result serve(d2k_client *client, d2k_object *valve)
{
    while (!stop) {
        d2k_event event;
        d2k_result result = d2k_client_next(client, &event, 200);
        if (result != D2K_OK && result != D2K_TIMEOUT) {
            return result;
        }
        if (result == D2K_OK && event.type == D2K_EVENT_COMMAND) {
            const char *sentence = NULL;
            d2k_result outcome = obey(valve, event.value, &sentence);
            printf("%s%s%s sets %s to %g: %s\n", event.text, event.user[0] != '\0' ? " user " : "",
                   event.user, event.object->name, event.value->content.real,
                   outcome == D2K_OK ? "done" : "refused");
            fflush(stdout);
            result = d2k_answer_command(client, event.request, outcome, sentence);
            if (result != D2K_OK) {
                return result;
            }
        }
    }
    return d2k_log_off(client, 2000);
}

int main(int argc, char **argv)
{
    d2k_config *config;
    d2k_client *client;
    d2k_object *valve;
    char *why;
    if (d2k_config_new("API", NULL, &config) != D2K_OK) {
        return fail("start", "out of memory");
    }
    for (int i = 1; i < argc; i++) {
        d2k_parameter what;
        if (d2k_config_parameter(config, argv[i], &what) != D2K_OK || what != D2K_PARAMETER_TAKEN) {
            fprintf(stderr, "usage: commands [parameters]\n%s", d2k_config_parameters_help());
            d2k_config_free(config);
            return EXIT_FAILURE;
        }
    }
    if (d2k_client_new(config, &client, &why) != D2K_OK) {
        int code = fail("configuration", why != NULL ? why : "out of memory");
        free(why);
        return code;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    d2k_value closed = d2k_real(0);
    d2k_result result = d2k_define(client, "Demo.Valve", D2K_TYPE_REAL, "A valve", "%", &valve);
    if (result == D2K_OK) {
        result = d2k_accept_commands(valve, 0);
    }
    if (result == D2K_OK) {
        result = d2k_publish(valve, &closed);
    }
    if (result == D2K_OK) {
        result = d2k_client_connect(client, 10000);
    }
    if (result == D2K_OK) {
        result = serve(client, valve);
    }
    int code = result == D2K_OK ? EXIT_SUCCESS : fail("the end", d2k_client_error_text(client));
    d2k_client_free(client);
    return code;
}
