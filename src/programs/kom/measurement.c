/* programs/kom/measurement.c: the table of measurements. */
#include "programs/kom/measurement.h"

#include <stdbool.h>
#include <stdio.h>

static bool cpu_load(const struct proc_readings *now, const struct proc_readings *before,
                     d2k_value *ret_value)
{
    double load;
    if (!before->readable[PROC_STAT] || !proc_cpu_load(&now->cpu, &before->cpu, &load)) {
        return false;
    }
    *ret_value = d2k_real(load);
    return true;
}

static bool load_1(const struct proc_readings *now, const struct proc_readings *before,
                   d2k_value *ret_value)
{
    (void)before;
    *ret_value = d2k_real(now->load_1);
    return true;
}

static bool load_5(const struct proc_readings *now, const struct proc_readings *before,
                   d2k_value *ret_value)
{
    (void)before;
    *ret_value = d2k_real(now->load_5);
    return true;
}

static bool load_15(const struct proc_readings *now, const struct proc_readings *before,
                    d2k_value *ret_value)
{
    (void)before;
    *ret_value = d2k_real(now->load_15);
    return true;
}

static bool memory_total(const struct proc_readings *now, const struct proc_readings *before,
                         d2k_value *ret_value)
{
    (void)before;
    *ret_value = d2k_integer(now->memory_total);
    return true;
}

static bool memory_available(const struct proc_readings *now, const struct proc_readings *before,
                             d2k_value *ret_value)
{
    (void)before;
    *ret_value = d2k_integer(now->memory_available);
    return true;
}

static bool memory_used(const struct proc_readings *now, const struct proc_readings *before,
                        d2k_value *ret_value)
{
    (void)before;
    double used = (double)(now->memory_total - now->memory_available);
    *ret_value = d2k_real(100.0 * used / (double)now->memory_total);
    return true;
}

static bool uptime(const struct proc_readings *now, const struct proc_readings *before,
                   d2k_value *ret_value)
{
    (void)before;
    *ret_value = d2k_relative_time(now->uptime_ns);
    return true;
}

static bool tasks(const struct proc_readings *now, const struct proc_readings *before,
                  d2k_value *ret_value)
{
    (void)before;
    *ret_value = d2k_integer(now->tasks);
    return true;
}

static const struct measurement table[MEASUREMENT_COUNT] = {
    {"CPU_Load", D2K_TYPE_REAL, "%", "Load of all processors together over the last period",
     PROC_STAT, KOM_GROUP_CPU, cpu_load},
    {"Load_1", D2K_TYPE_REAL, "", "Tasks that run or want to run, average of 1 minute",
     PROC_LOADAVG, KOM_GROUP_CPU, load_1},
    {"Load_5", D2K_TYPE_REAL, "", "Tasks that run or want to run, average of 5 minutes",
     PROC_LOADAVG, KOM_GROUP_CPU, load_5},
    {"Load_15", D2K_TYPE_REAL, "", "Tasks that run or want to run, average of 15 minutes",
     PROC_LOADAVG, KOM_GROUP_CPU, load_15},
    {"Mem_Total", D2K_TYPE_INTEGER, "B", "Memory of this machine", PROC_MEMINFO, KOM_GROUP_MEMORY,
     memory_total},
    {"Mem_Available", D2K_TYPE_INTEGER, "B", "Memory that programs can still get without swapping",
     PROC_MEMINFO, KOM_GROUP_MEMORY, memory_available},
    {"Mem_Used", D2K_TYPE_REAL, "%", "Share of the memory that is not available", PROC_MEMINFO,
     KOM_GROUP_MEMORY, memory_used},
    {"Uptime", D2K_TYPE_RELATIVE_TIME, "", "Time since this machine was started", PROC_UPTIME,
     KOM_GROUP_CPU, uptime},
    {"Processes", D2K_TYPE_INTEGER, "", "Processes and threads on this machine", PROC_LOADAVG,
     KOM_GROUP_CPU, tasks},
};

const struct measurement *measurement_table(void)
{
    return table;
}

d2k_value measurement_value(const struct measurement *measurement, const struct proc_readings *now,
                            const struct proc_readings *before)
{
    d2k_value value = {.type = measurement->type};
    if (now->readable[measurement->source] && measurement->value(now, before, &value)) {
        return value;
    }
    return (d2k_value){.type = measurement->type};
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

void measurement_prefix_of_host(char ret_prefix[MEASUREMENT_PREFIX_MAX + 1], const char *host)
{
    (void)snprintf(ret_prefix, MEASUREMENT_PREFIX_MAX + 1, "%s%s", is_letter(host[0]) ? "" : "PC_",
                   host);
    for (char *at = ret_prefix; *at != '\0'; at++) {
        if (!is_letter(*at) && !(*at >= '0' && *at <= '9')) {
            *at = '_';
        }
    }
}

uint64_t measurement_next_due(uint64_t due_ms, unsigned period_ms, uint64_t now_ms)
{
    return due_ms + ((now_ms - due_ms) / period_ms + 1) * period_ms;
}
