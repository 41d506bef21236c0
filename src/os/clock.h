/* os/clock.h: time. Any thread. */
#ifndef D2K_OS_CLOCK_H
#define D2K_OS_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds of a clock that never jumps. For deadlines. */
uint64_t os_monotonic_ms(void);

/* Nanoseconds of a clock that never jumps. For measuring. */
uint64_t os_monotonic_ns(void);

/* Stands still so long, not much longer (the calling thread's timers become exact). */
void os_sleep_ns(uint64_t duration_ns);

/* Nanoseconds since 1970-01-01 UTC, as the administrator's clock says. For time stamps. */
int64_t os_wall_ns(void);

/* Local calendar time of a wall time. */
struct os_calendar {
    int year, month, day, hour, minute, second, millisecond;
    int utc_offset_minutes; /* of this local time, east is positive */
};
struct os_calendar os_local_time(int64_t wall_ns);

#endif
