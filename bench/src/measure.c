/* Clocks, CPU time of processes, memory, latencies and options for the bench programs. */
#include "measure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    fflush(stdout);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, " (%s)\n", strerror(saved));
    exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) {
        return 0;
    }
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

double own_cpu_s(void)
{
    return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
}

static const char *next_pid(const char *pids, pid_t *ret_pid)
{
    char *end;
    *ret_pid = (pid_t)strtol(pids, &end, 10);
    return *end == ',' ? end + 1 : end;
}

double cpu_s_of(const char *pids)
{
    double sum = 0;
    while (*pids != '\0') {
        pid_t pid;
        clockid_t clock;
        pids = next_pid(pids, &pid);
        if (clock_getcpuclockid(pid, &clock) == 0) {
            sum += (double)clock_ns(clock) / 1e9;
        }
    }
    return sum;
}

static long rss_kib(pid_t pid)
{
    char line[256];
    long kib = 0;
    (void)snprintf(line, sizeof line, "/proc/%d/status", (int)pid);
    FILE *file = fopen(line, "r");
    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "VmRSS: %ld", &kib) != 1) {
    }
    (void)fclose(file);
    return kib;
}

long rss_kib_of(const char *pids)
{
    long sum = 0;
    while (*pids != '\0') {
        pid_t pid;
        pids = next_pid(pids, &pid);
        sum += rss_kib(pid);
    }
    return sum;
}

double machine_busy_s(void)
{
    unsigned long user = 0, nice = 0, system = 0, idle, wait, irq = 0, softirq = 0, steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file == NULL) {
        return 0;
    }
    int fields = fscanf(file, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &system, &idle,
                        &wait, &irq, &softirq, &steal);
    (void)fclose(file);
    unsigned long ticks = fields == 8 ? user + nice + system + irq + softirq + steal : 0;
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

struct usage usage_now(const char *server_pids)
{
    return (struct usage){.at_ns = now_ns(),
                          .own_s = own_cpu_s(),
                          .server_s = cpu_s_of(server_pids),
                          .machine_s = machine_busy_s()};
}

void usage_print(const struct usage *from, const struct usage *to)
{
    printf("\"seconds\":%.6f,\"client_cpu_s\":%.6f,\"server_cpu_s\":%.6f,\"machine_cpu_s\":%.2f,",
           (double)(to->at_ns - from->at_ns) / 1e9, to->own_s - from->own_s,
           to->server_s - from->server_s, to->machine_s - from->machine_s);
}

void latencies_add(struct latencies *l, uint64_t ns)
{
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 65536 : l->capacity * 2;
        l->items = realloc(l->items, l->capacity * sizeof *l->items);
        if (l->items == NULL) {
            fail("no memory for latencies");
        }
    }
    uint64_t units = ns / 100;
    l->items[l->count++] = units > UINT32_MAX ? UINT32_MAX : (uint32_t)units;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double quantile_us(const struct latencies *l, double q)
{
    return l->count == 0 ? 0 : l->items[(size_t)(q * (double)(l->count - 1) + 0.5)] / 10.0;
}

void latencies_print(struct latencies *l, const char *name)
{
    if (l->count > 0) {
        qsort(l->items, l->count, sizeof *l->items, compare);
    }
    printf("\"%s_p50_us\":%.1f,\"%s_p99_us\":%.1f,\"%s_max_us\":%.1f,", name, quantile_us(l, 0.5),
           name, quantile_us(l, 0.99), name, quantile_us(l, 1));
}

static const struct option_entry *find(const struct option_entry *table, const char *parameter)
{
    for (const struct option_entry *o = table; o->name != NULL; o++) {
        if (strncmp(parameter, "--", 2) == 0 && strcmp(parameter + 2, o->name) == 0) {
            return o;
        }
    }
    return NULL;
}

void options_parse(int argc, char **argv, const struct option_entry *table)
{
    for (int i = 1; i < argc; i += 2) {
        const struct option_entry *o = find(table, argv[i]);
        if (o == NULL || i + 1 == argc) {
            fail("parameter %s is unknown or has no value", argv[i]);
        }
        if (o->text != NULL) {
            *o->text = argv[i + 1];
        } else {
            *o->number = strtod(argv[i + 1], NULL);
        }
    }
}
