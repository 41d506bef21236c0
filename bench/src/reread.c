/* What "re-read the configuration" costs a connect when nothing has changed: the call of a
 * handshake worker in a loop, on a configuration directory as a kernel has it. Prints one line of
 * JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "measure.h"
#include "tls/policy.h"

static void drop_line(void *context, enum log_level level, const char *line)
{
    (void)context, (void)level, (void)line;
}

int main(int argc, char **argv)
{
    const char *directory = ".", *application = "BENCH";
    double calls = 100000;
    const struct option_entry table[] = {{"config-dir", &directory, NULL},
                                         {"application", &application, NULL},
                                         {"calls", NULL, &calls},
                                         {0}};
    options_parse(argc, argv, table);
    struct error err = {0};
    struct registry_location location = {0};
    struct tls_keeper *keeper = NULL;
    const struct log log = {.level = LOG_ERROR, .sink = drop_line};
    if (registry_locate(NULL, directory, &location, &err) != D2K_OK ||
        tls_keeper_open_server(&location, application, &log, &keeper, &err) != D2K_OK) {
        fail("%s", err.text);
    }
    struct usage from = usage_now("");
    for (long i = 0; i < (long)calls; i++) {
        tls_policy_unref(tls_keeper_current(keeper));
    }
    struct usage to = usage_now("");
    printf("{\"calls\":%.0f,\"us_each\":%.4f}\n", calls, 1e6 * (to.own_s - from.own_s) / calls);
    tls_keeper_close(keeper);
    registry_location_free(&location);
    return 0;
}
