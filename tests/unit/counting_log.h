/* tests/unit/counting_log.h: a log that counts its lines and keeps the last warning. Any thread may
 * write into it. */
#ifndef D2K_TESTS_COUNTING_LOG_H
#define D2K_TESTS_COUNTING_LOG_H

#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"

static atomic_uint warnings, infos;
static char last_warning[LOG_LINE_MAX];

static void count_line(void *context, enum log_level level, const char *line)
{
    (void)context;
    if (level == LOG_WARNING) {
        snprintf(last_warning, sizeof last_warning, "%s", line);
        warnings++;
    } else if (level == LOG_INFO) {
        infos++;
    }
}

static const struct log counting_log = {.level = LOG_INFO, .sink = count_line};

#endif
