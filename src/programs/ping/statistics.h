/* programs/ping/statistics.h: what is known of many round trips, in a fixed amount of memory.
 *
 * Percentiles come from a histogram whose classes are at most 1/128 of their value wide, so they
 * are at most 0.8 % too high, however long the program runs; everything else is exact. */
#ifndef D2K_PING_STATISTICS_H
#define D2K_PING_STATISTICS_H

#include <stdint.h>

#define PING_CLASSES_AN_OCTAVE 128u
#define PING_CLASSES           (256u + 56u * PING_CLASSES_AN_OCTAVE)

struct ping_statistics {
    uint64_t count, min_ns, max_ns;
    double mean_ns, squares; /* sum of squared distances from the mean (Welford) */
    uint64_t classes[PING_CLASSES];
};

void ping_statistics_init(struct ping_statistics *statistics);
void ping_statistics_add(struct ping_statistics *statistics, uint64_t ns);

/* Standard deviation of all round trips, what ping(8) calls mdev; 0 for none. */
double ping_statistics_deviation_ns(const struct ping_statistics *statistics);

/* The least time that `percent` (1..100) per cent of the round trips did not exceed; 0 for none. */
uint64_t ping_statistics_percentile_ns(const struct ping_statistics *statistics, unsigned percent);

#endif
