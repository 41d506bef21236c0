/* programs/kom/sample.h: one value of one measurement, and the measurements whose names depend on
 * the machine: cores, processes, file systems, network interfaces, sensors. */
#ifndef D2K_KOM_SAMPLE_H
#define D2K_KOM_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include <d2k/value.h>

#include "base/error.h"
#include "programs/kom/proc.h"

#define SAMPLE_NAME_MAX   63u /* behind the prefix and '.' */
#define NETWORK_LINKS_MAX 64u /* interfaces */
#define NETWORK_NAME_MAX  31u
#define DISK_MOUNTS_MAX   64u
#define TEMPERATURE_MAX   64u /* zones, chips, and sensors of one chip */
#define SAMPLE_PATH_MAX   512u

struct sample {
    const char *name; /* what object names do not allow is '_' */
    d2k_type type;
    const char *unit, *description;
    d2k_value value; /* Valid cleared: it could not be read, or a rate has no earlier look */
};

/* Gets each sample; it is valid during the call. */
typedef void sample_function(void *context, const struct sample *sample);

struct sample_sink {
    sample_function *put;
    void *context;
};

/* "Core<n>_Load": needs two looks at PROC_STAT. */
void sample_cores(const struct proc_readings *now, const struct proc_readings *before,
                  const struct sample_sink *sink);

/* "Tasks_Running", "Tasks_Blocked", "Switches". */
void sample_processes(const struct proc_readings *now, const struct proc_readings *before,
                      const struct sample_sink *sink);

/* "Disk_<mount>_Used" and "_Free" of each file system on a device of this machine; a device that is
 * mounted several times counts once, at its shortest path. `proc_root` is "/proc". D2K_FILE. */
d2k_result sample_disks(const char *proc_root, const struct sample_sink *sink,
                        struct error *err) D2K_MUST_CHECK;

/* The look before, which rates need; zeroed at first. */
struct network {
    struct network_link {
        char name[NETWORK_NAME_MAX + 1];
        uint64_t received, sent; /* bytes */
    } links[NETWORK_LINKS_MAX];
    size_t count;
    uint64_t time_ms;
};

/* "Net_<interface>_Rx" and "_Tx" of each interface but lo. now_ms: monotonic. D2K_FILE. */
d2k_result sample_network(const char *proc_root, struct network *network, uint64_t now_ms,
                          const struct sample_sink *sink, struct error *err) D2K_MUST_CHECK;

/* "Temp_<type>_<n>" of thermal zones and of sensors of hwmon. `sys_root` is "/sys". A machine may
 * have none. D2K_FILE. */
d2k_result sample_temperatures(const char *sys_root, const struct sample_sink *sink,
                               struct error *err) D2K_MUST_CHECK;

/* Hands over one sample, its name made of a format; for the samplers. */
void sample_put(const struct sample_sink *sink, const char *unit, const char *description,
                d2k_value value, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A value of this type without Valid. */
d2k_value sample_invalid(d2k_type type);

#endif
