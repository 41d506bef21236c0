/* programs/kom/options.h: the parameters of d2k-kom itself. */
#ifndef D2K_KOM_OPTIONS_H
#define D2K_KOM_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "programs/kom/measurement.h"

#define KOM_PERIOD_MIN_MS 100
#define KOM_PERIOD_MAX_MS 3600000

struct kom_options {
    unsigned period_ms;                      /* 0: not given */
    char prefix[MEASUREMENT_PREFIX_MAX + 1]; /* "": not given */
    bool log_json;                           /* --log-format=json */
};

/* Takes one argument (shape of program_info.argument; context is a struct kom_options). D2K_OK;
 * D2K_NOT_FOUND: not one of d2k-kom; D2K_ARGUMENT: its value is wrong. */
d2k_result kom_options_take(void *context, const char *argument, bool is_word, struct error *err);

#endif
