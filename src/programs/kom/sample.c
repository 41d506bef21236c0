/* programs/kom/sample.c: cores and processes, and how samples get their names. */
#include "programs/kom/sample.h"

#include <stdarg.h>
#include <stdio.h>

void sample_put(const struct sample_sink *sink, const char *unit, const char *description,
                d2k_value value, const char *format, ...)
{
    char name[SAMPLE_NAME_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    for (char *at = name; *at != '\0'; at++) {
        bool good =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        *at = good ? *at : '_';
    }
    struct sample sample = {name, value.type, unit, description, value};
    sink->put(sink->context, &sample);
}

d2k_value sample_invalid(d2k_type type)
{
    return (d2k_value){.type = type};
}

void sample_cores(const struct proc_readings *now, const struct proc_readings *before,
                  const struct sample_sink *sink)
{
    size_t count = now->readable[PROC_STAT] ? now->core_count : 0;
    for (size_t i = 0; i < count; i++) {
        d2k_value value = sample_invalid(D2K_TYPE_REAL);
        double load;
        bool known = before->readable[PROC_STAT] && i < before->core_count &&
                     before->cores[i].number == now->cores[i].number;
        if (known && proc_cpu_load(&now->cores[i].times, &before->cores[i].times, &load)) {
            value = d2k_real(load);
        }
        sample_put(sink, "%", "Load of one processor over the last period", value, "Core%u_Load",
                   now->cores[i].number);
    }
}

static d2k_value switches_per_second(const struct proc_readings *now,
                                     const struct proc_readings *before)
{
    uint64_t passed_ms = now->stat_ms - before->stat_ms;
    if (!before->has_tasks || passed_ms == 0 || now->switches < before->switches) {
        return sample_invalid(D2K_TYPE_REAL);
    }
    return d2k_real((double)(now->switches - before->switches) * 1000.0 / (double)passed_ms);
}

void sample_processes(const struct proc_readings *now, const struct proc_readings *before,
                      const struct sample_sink *sink)
{
    bool readable = now->readable[PROC_STAT] && now->has_tasks;
    sample_put(sink, "", "Tasks that run or wait for a processor",
               readable ? d2k_integer(now->running) : sample_invalid(D2K_TYPE_INTEGER),
               "Tasks_Running");
    sample_put(sink, "", "Tasks that wait for input or output",
               readable ? d2k_integer(now->blocked) : sample_invalid(D2K_TYPE_INTEGER),
               "Tasks_Blocked");
    sample_put(sink, "1/s", "Changes of the task that runs, over the last period",
               readable ? switches_per_second(now, before) : sample_invalid(D2K_TYPE_REAL),
               "Switches");
}
