/* programs/kom/proc.h: numbers about this machine, as Linux tells them in /proc. */
#ifndef D2K_KOM_PROC_H
#define D2K_KOM_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum proc_source {
    PROC_STAT,
    PROC_LOADAVG,
    PROC_MEMINFO,
    PROC_UPTIME,
    PROC_SOURCES,
};

/* Processor time since the machine started, in ticks, all processors together. */
struct cpu_times {
    uint64_t busy, total;
};

#define PROC_CORES_MAX 256u

/* What one look at the machine has found. Members of a source that could not be read are zero. */
struct proc_readings {
    bool readable[PROC_SOURCES];
    struct cpu_times cpu; /* PROC_STAT */
    struct proc_core {
        unsigned number;
        struct cpu_times times;
    } cores[PROC_CORES_MAX]; /* PROC_STAT: those that are on, core_count of them */
    size_t core_count;
    bool has_tasks;                         /* PROC_STAT told the next three */
    int64_t running, blocked;               /* tasks */
    uint64_t switches;                      /* of context, since the machine started */
    uint64_t stat_ms;                       /* when PROC_STAT was read, monotonic */
    double load_1, load_5, load_15;         /* PROC_LOADAVG */
    int64_t tasks;                          /* PROC_LOADAVG: processes and threads */
    int64_t memory_total, memory_available; /* PROC_MEMINFO, bytes */
    int64_t uptime_ns;                      /* PROC_UPTIME */
};

/* Each parses the text of its file; false: it has not the expected form, nothing was changed. */
bool proc_parse_stat(const char *text, struct proc_readings *ret);
bool proc_parse_loadavg(const char *text, struct proc_readings *ret);
bool proc_parse_meminfo(const char *text, struct proc_readings *ret);
bool proc_parse_uptime(const char *text, struct proc_readings *ret);

/* Share of the time between two looks in which a processor was busy, 0..100. False: no time has
 * passed. */
bool proc_cpu_load(const struct cpu_times *now, const struct cpu_times *before, double *ret_load);

/* Reads a text of /proc or /sys, whose size is not known before; terminated, cut to `size`. Returns
 * 0 or an errno value. */
int proc_read_text(const char *path, char *ret_text, size_t size) D2K_MUST_CHECK;

/* "stat", "loadavg"...: name of the file below /proc. */
const char *proc_source_name(enum proc_source source);

/* Reads one source below `root` ("/proc") into `ret` and sets its `readable`. D2K_FILE or
 * D2K_PROTOCOL with a text that names the file. */
d2k_result proc_read(const char *root, enum proc_source source, struct proc_readings *ret,
                     struct error *err) D2K_MUST_CHECK;

#endif
