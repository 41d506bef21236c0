/* os/posix/clock.c: time on POSIX systems. */
#include "os/clock.h"

#include <stdbool.h>
#include <sys/prctl.h>
#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS     INT64_C(1000000)

static int64_t read_clock_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

uint64_t os_monotonic_ns(void)
{
    return (uint64_t)read_clock_ns(CLOCK_MONOTONIC);
}

uint64_t os_monotonic_ms(void)
{
    return os_monotonic_ns() / (uint64_t)NS_PER_MS;
}

void os_sleep_ns(uint64_t duration_ns)
{
    static _Thread_local bool exact;
    if (!exact) {
        exact = true;
        (void)prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0); /* else the system adds up to 50 us */
    }
    struct timespec left = {.tv_sec = (time_t)(duration_ns / (uint64_t)NS_PER_SECOND),
                            .tv_nsec = (long)(duration_ns % (uint64_t)NS_PER_SECOND)};
    (void)nanosleep(&left, NULL);
}

int64_t os_wall_ns(void)
{
    return read_clock_ns(CLOCK_REALTIME);
}

struct os_calendar os_local_time(int64_t wall_ns)
{
    int64_t seconds = wall_ns / NS_PER_SECOND;
    int64_t rest_ns = wall_ns % NS_PER_SECOND;
    if (rest_ns < 0) { /* before 1970: division rounds towards zero, calendars round down */
        rest_ns += NS_PER_SECOND;
        seconds--;
    }
    time_t t = (time_t)seconds;
    struct tm local;
    struct os_calendar calendar = {.year = 1970, .month = 1, .day = 1};
    if (localtime_r(&t, &local) == NULL) {
        return calendar;
    }
    calendar.year = local.tm_year + 1900;
    calendar.month = local.tm_mon + 1;
    calendar.day = local.tm_mday;
    calendar.hour = local.tm_hour;
    calendar.minute = local.tm_min;
    calendar.second = local.tm_sec;
    calendar.millisecond = (int)(rest_ns / NS_PER_MS);
    calendar.utc_offset_minutes = (int)(local.tm_gmtoff / 60);
    return calendar;
}
