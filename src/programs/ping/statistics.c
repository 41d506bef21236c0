/* programs/ping/statistics.c: running mean and deviation, histogram with classes of equal relative
 * width. */
#include "programs/ping/statistics.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define EXACT_BITS 8u /* times below 2^8 ns have a class of their own */

void ping_statistics_init(struct ping_statistics *statistics)
{
    memset(statistics, 0, sizeof *statistics);
}

static unsigned highest_bit(uint64_t number)
{
    return 63u - (unsigned)__builtin_clzll(number);
}

static size_t class_of(uint64_t ns)
{
    if (ns < 1u << EXACT_BITS) {
        return (size_t)ns;
    }
    unsigned octave = highest_bit(ns) - EXACT_BITS;
    uint64_t place = (ns >> (octave + 1)) - PING_CLASSES_AN_OCTAVE;
    return (1u << EXACT_BITS) + (size_t)octave * PING_CLASSES_AN_OCTAVE + (size_t)place;
}

static uint64_t largest_of_class(size_t number)
{
    if (number < 1u << EXACT_BITS) {
        return number;
    }
    size_t above = number - (1u << EXACT_BITS);
    unsigned shift = (unsigned)(above / PING_CLASSES_AN_OCTAVE) + 1;
    uint64_t place = above % PING_CLASSES_AN_OCTAVE + PING_CLASSES_AN_OCTAVE;
    return (place << shift) + ((UINT64_C(1) << shift) - 1);
}

void ping_statistics_add(struct ping_statistics *statistics, uint64_t ns)
{
    if (statistics->count == 0 || ns < statistics->min_ns) {
        statistics->min_ns = ns;
    }
    if (ns > statistics->max_ns) {
        statistics->max_ns = ns;
    }
    statistics->count++;
    double distance = (double)ns - statistics->mean_ns;
    statistics->mean_ns += distance / (double)statistics->count;
    statistics->squares += distance * ((double)ns - statistics->mean_ns);
    statistics->classes[class_of(ns)]++;
}

double ping_statistics_deviation_ns(const struct ping_statistics *statistics)
{
    return statistics->count == 0 ? 0 : sqrt(statistics->squares / (double)statistics->count);
}

/* Nearest rank, without the overflow of count * percent. */
static uint64_t rank_of(uint64_t count, unsigned percent)
{
    return count / 100 * percent + (count % 100 * percent + 99) / 100;
}

uint64_t ping_statistics_percentile_ns(const struct ping_statistics *statistics, unsigned percent)
{
    uint64_t rank = rank_of(statistics->count, percent);
    uint64_t seen = 0;
    for (size_t i = 0; rank > 0 && i < PING_CLASSES; i++) {
        seen += statistics->classes[i];
        if (seen >= rank) {
            uint64_t largest = largest_of_class(i);
            return largest > statistics->max_ns ? statistics->max_ns : largest;
        }
    }
    return 0;
}
