/* programs/kom/measurement.h: the objects that d2k-kom publishes about its machine: name, type,
 * unit, description, and how each value follows from what /proc says. Pure functions. */
#ifndef D2K_KOM_MEASUREMENT_H
#define D2K_KOM_MEASUREMENT_H

#include <stddef.h>
#include <stdint.h>

#include <d2k/value.h>

#include "programs/kom/proc.h"
#include "registry/settings.h"

struct measurement {
    const char *name; /* behind the prefix: "CPU_Load" */
    d2k_type type;
    const char *unit, *description;
    enum proc_source source;
    unsigned group; /* KOM_GROUP_... */
    /* False: there is no value yet (the processor load needs two looks). Only called when the
     * source is readable now. */
    bool (*value)(const struct proc_readings *now, const struct proc_readings *before,
                  d2k_value *ret_value);
};

#define MEASUREMENT_COUNT 9

/* MEASUREMENT_COUNT rows. */
const struct measurement *measurement_table(void);

/* The value of now; with Valid cleared when it could not be read. Its time is 0 ("now"). */
d2k_value measurement_value(const struct measurement *measurement, const struct proc_readings *now,
                            const struct proc_readings *before);

/* Longest prefix that leaves room for "." and the longest measurement name in an object name. */
#define MEASUREMENT_PREFIX_MAX 50u

/* Makes a prefix for object names of a host name: what is no letter, digit or '_' becomes '_'; one
 * that does not begin with a letter gets "PC_" in front; cut to MEASUREMENT_PREFIX_MAX. */
void measurement_prefix_of_host(char ret_prefix[MEASUREMENT_PREFIX_MAX + 1], const char *host);

/* Start of the period after `now_ms` in the raster of `due_ms` (<= now_ms): no drift, and what was
 * missed is skipped. period_ms > 0. */
uint64_t measurement_next_due(uint64_t due_ms, unsigned period_ms, uint64_t now_ms);

#endif
