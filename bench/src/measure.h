/* measure.h: clocks, CPU time of processes, memory, latencies and options for the bench programs.
 *
 * The bench programs are tools, not product: what cannot go on ends the program with a sentence. */
#ifndef D2K_BENCH_MEASURE_H
#define D2K_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include <d2k/result.h>

/* Prints the sentence and errno's text, ends the program with 1. */
void fail(const char *format, ...) D2K_PRINTF(1, 2) __attribute__((noreturn));

uint64_t now_ns(void); /* monotonic */

/* CPU time of this program in seconds. */
double own_cpu_s(void);
/* CPU time of processes, all threads, also ended ones. `pids`: "12,34"; "" gives 0. */
double cpu_s_of(const char *pids);
/* Resident memory of processes in KiB. */
long rss_kib_of(const char *pids);
/* Busy time of the whole machine, all processors. */
double machine_busy_s(void);

/* What was used between two moments. */
struct usage {
    uint64_t at_ns;
    double own_s, server_s, machine_s;
};
struct usage usage_now(const char *server_pids);
/* Prints `"seconds":..,"client_cpu_s":..,"server_cpu_s":..,"machine_cpu_s":..,`. */
void usage_print(const struct usage *from, const struct usage *to);

struct latencies {
    uint32_t *items; /* in units of 100 ns */
    size_t count, capacity;
};
void latencies_add(struct latencies *l, uint64_t ns);
/* Sorts and prints `"<name>_p50_us":..,"_p99_us","_max_us"` with a comma behind. */
void latencies_print(struct latencies *l, const char *name);

struct option_entry {
    const char *name; /* NULL ends the table */
    const char **text;
    double *number;
};
/* Every parameter is "--name value"; an unknown one ends the program. */
void options_parse(int argc, char **argv, const struct option_entry *table);

#endif
