/* programs/kom/options.c: --period=, --prefix= and --log-format=. */
#include "programs/kom/options.h"

#include <string.h>

#include "base/text.h"

static d2k_result take_period(struct kom_options *options, const char *text, struct error *err)
{
    long long period;
    if (!text_to_number(text, KOM_PERIOD_MIN_MS, KOM_PERIOD_MAX_MS, &period)) {
        return error_set(err, D2K_ARGUMENT, "--period=%s: must be %d..%d milliseconds", text,
                         KOM_PERIOD_MIN_MS, KOM_PERIOD_MAX_MS);
    }
    options->period_ms = (unsigned)period;
    return D2K_OK;
}

static d2k_result take_prefix(struct kom_options *options, const char *text, struct error *err)
{
    if (strlen(text) > MEASUREMENT_PREFIX_MAX || !text_is_object_name(slice_of(text))) {
        return error_set(err, D2K_ARGUMENT,
                         "--prefix=%s: must be 1..%u letters, digits, '.' or '_', a letter first",
                         text, MEASUREMENT_PREFIX_MAX);
    }
    text_copy(options->prefix, sizeof options->prefix, text);
    return D2K_OK;
}

static d2k_result take_log_format(struct kom_options *options, const char *text, struct error *err)
{
    options->log_json = strcmp(text, "json") == 0;
    if (!options->log_json && strcmp(text, "d2000") != 0) {
        return error_set(err, D2K_ARGUMENT, "--log-format=%s: allowed: d2000, json", text);
    }
    return D2K_OK;
}

d2k_result kom_options_take(void *context, const char *argument, bool is_word, struct error *err)
{
    struct kom_options *options = context;
    if (!is_word && strncmp(argument, "--period=", 9) == 0) {
        return take_period(options, argument + 9, err);
    }
    if (!is_word && strncmp(argument, "--prefix=", 9) == 0) {
        return take_prefix(options, argument + 9, err);
    }
    if (!is_word && strncmp(argument, "--log-format=", 13) == 0) {
        return take_log_format(options, argument + 13, err);
    }
    return D2K_NOT_FOUND;
}
