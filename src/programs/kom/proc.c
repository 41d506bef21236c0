/* programs/kom/proc.c: reads and parses /proc. Its files have size 0, so they are read as
 * streams. */
#include "programs/kom/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/file.h"

#define PROC_TEXT_MAX (256u * 1024u) /* the line of interrupts may be long */
#define CPU_FIELDS    8              /* user nice system idle iowait irq softirq steal */
#define CPU_IDLE      3
#define CPU_IOWAIT    4
#define NS_PER_SECOND INT64_C(1000000000)
#define UPTIME_MAX_S  INT64_C(9000000000) /* what fits into 64 bits of nanoseconds */
#define MEMORY_MAX_KB (INT64_MAX / 1024)

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

/* Reads a number without sign and moves *at behind it. */
static bool read_number(const char **at, uint64_t *ret_number)
{
    char *end;
    const char *digits = skip_blanks(*at);
    if (*digits < '0' || *digits > '9') {
        return false;
    }
    errno = 0;
    unsigned long long number = strtoull(digits, &end, 10);
    if (errno != 0) {
        return false;
    }
    *ret_number = number;
    *at = end;
    return true;
}

static bool read_decimal(const char **at, double *ret_number)
{
    char *end;
    const char *digits = skip_blanks(*at);
    if (*digits < '0' || *digits > '9') {
        return false;
    }
    *ret_number = strtod(digits, &end);
    *at = end;
    return *ret_number < 1e15;
}

static bool read_cpu_times(const char *at, struct cpu_times *ret_times)
{
    uint64_t fields[CPU_FIELDS];
    struct cpu_times times = {0};
    for (int i = 0; i < CPU_FIELDS; i++) {
        if (!read_number(&at, &fields[i])) {
            return false;
        }
        times.total += fields[i];
    }
    times.busy = times.total - fields[CPU_IDLE] - fields[CPU_IOWAIT];
    *ret_times = times;
    return true;
}

/* The line behind this one; NULL: there is none. */
static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end == NULL ? NULL : end + 1;
}

/* "cpu3 1 2 3 ...", directly behind the sum of all. */
static void read_cores(const char *line, struct proc_readings *ret)
{
    ret->core_count = 0;
    while (line != NULL && strncmp(line, "cpu", 3) == 0 && ret->core_count < PROC_CORES_MAX) {
        struct proc_core *core = &ret->cores[ret->core_count];
        uint64_t number;
        const char *at = line + 3;
        if (read_number(&at, &number) && number <= UINT32_MAX && read_cpu_times(at, &core->times)) {
            core->number = (unsigned)number;
            ret->core_count++;
        }
        line = next_line(line);
    }
}

static bool find_count(const char *text, const char *name, uint64_t *ret_count)
{
    size_t length = strlen(name);
    for (const char *line = text; line != NULL; line = next_line(line)) {
        const char *at = line + length;
        if (strncmp(line, name, length) == 0 && *at == ' ') {
            return read_number(&at, ret_count) && *ret_count <= INT64_MAX;
        }
    }
    return false;
}

static void read_tasks(const char *text, struct proc_readings *ret)
{
    uint64_t running = 0, blocked = 0;
    ret->has_tasks = find_count(text, "ctxt", &ret->switches) &&
                     find_count(text, "procs_running", &running) &&
                     find_count(text, "procs_blocked", &blocked);
    ret->running = (int64_t)running;
    ret->blocked = (int64_t)blocked;
}

bool proc_parse_stat(const char *text, struct proc_readings *ret)
{
    struct cpu_times cpu;
    if (strncmp(text, "cpu ", 4) != 0 || !read_cpu_times(text + 4, &cpu)) {
        return false;
    }
    ret->cpu = cpu;
    read_cores(next_line(text), ret);
    read_tasks(text, ret);
    ret->stat_ms = os_monotonic_ms();
    return true;
}

bool proc_cpu_load(const struct cpu_times *now, const struct cpu_times *before, double *ret_load)
{
    if (now->total <= before->total) {
        return false;
    }
    /* The kernel's counter of waiting for I/O may run backwards. */
    uint64_t busy = now->busy > before->busy ? now->busy - before->busy : 0;
    uint64_t total = now->total - before->total;
    *ret_load = busy >= total ? 100.0 : 100.0 * (double)busy / (double)total;
    return true;
}

bool proc_parse_loadavg(const char *text, struct proc_readings *ret)
{
    double load[3];
    uint64_t running, tasks;
    const char *at = text;
    for (int i = 0; i < 3; i++) {
        if (!read_decimal(&at, &load[i])) {
            return false;
        }
    }
    if (!read_number(&at, &running) || *at != '/') {
        return false;
    }
    at++;
    if (!read_number(&at, &tasks) || tasks > INT64_MAX) {
        return false;
    }
    ret->load_1 = load[0];
    ret->load_5 = load[1];
    ret->load_15 = load[2];
    ret->tasks = (int64_t)tasks;
    return true;
}

/* Finds the line "<name>   <number> kB". */
static bool find_kilobytes(const char *text, const char *name, int64_t *ret_bytes)
{
    size_t length = strlen(name);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) != 0) {
            continue;
        }
        const char *at = line + length;
        uint64_t kilobytes;
        if (!read_number(&at, &kilobytes) || strncmp(at, " kB", 3) != 0 ||
            kilobytes > MEMORY_MAX_KB) {
            return false;
        }
        *ret_bytes = (int64_t)kilobytes * 1024;
        return true;
    }
    return false;
}

bool proc_parse_meminfo(const char *text, struct proc_readings *ret)
{
    int64_t total, available;
    if (!find_kilobytes(text, "MemTotal:", &total) ||
        !find_kilobytes(text, "MemAvailable:", &available) || total == 0 || available > total) {
        return false;
    }
    ret->memory_total = total;
    ret->memory_available = available;
    return true;
}

bool proc_parse_uptime(const char *text, struct proc_readings *ret)
{
    double seconds;
    const char *at = text;
    if (!read_decimal(&at, &seconds) || *at != ' ' || seconds > (double)UPTIME_MAX_S) {
        return false;
    }
    ret->uptime_ns = (int64_t)(seconds * (double)NS_PER_SECOND);
    return true;
}

static const struct {
    const char *name;
    bool (*parse)(const char *text, struct proc_readings *ret);
} sources[PROC_SOURCES] = {
    [PROC_STAT] = {"stat", proc_parse_stat},
    [PROC_LOADAVG] = {"loadavg", proc_parse_loadavg},
    [PROC_MEMINFO] = {"meminfo", proc_parse_meminfo},
    [PROC_UPTIME] = {"uptime", proc_parse_uptime},
};

const char *proc_source_name(enum proc_source source)
{
    return sources[source].name;
}

int proc_read_text(const char *path, char *ret_text, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return errno != 0 ? errno : EIO;
    }
    errno = 0;
    size_t length = fread(ret_text, 1, size - 1, file);
    int error = 0;
    if (ferror(file)) {
        error = errno != 0 ? errno : EIO;
    }
    ret_text[length] = '\0';
    (void)fclose(file);
    return error;
}

d2k_result proc_read(const char *root, enum proc_source source, struct proc_readings *ret,
                     struct error *err)
{
    static char text[PROC_TEXT_MAX];
    char path[512];
    ret->readable[source] = false;
    (void)snprintf(path, sizeof path, "%s/%s", root, sources[source].name);
    int error = proc_read_text(path, text, sizeof text);
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s cannot be read: %s", path, os_error_text(error));
    }
    if (!sources[source].parse(text, ret)) {
        return error_set(err, D2K_PROTOCOL, "%s has not the form that is expected", path);
    }
    ret->readable[source] = true;
    return D2K_OK;
}
