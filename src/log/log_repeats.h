/* log/log_repeats.h: one line a second for one cause that repeats; the others are counted (internal
 * to src/log).
 *
 * Two lines have the same cause when they are equal apart from their time, numbers and addresses.
 * Lines of a process or a connection (RegistraterProces, Process ended, Connection) are never left
 * out.
 * No thread of its own, no clock: the caller brings the time, and the lock. */
#ifndef D2K_LOG_LOG_REPEATS_H
#define D2K_LOG_LOG_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Causes that are remembered; one more takes the place of one that has nothing to report, or is
 * not limited when there is none. */
#define LOG_CAUSES_MAX        64u
#define LOG_REPEATS_WINDOW_MS 1000u
#define LOG_CAUSE_TEXT_MAX    200u /* of the first line, that the report repeats */
#define LOG_REPORT_MAX        (LOG_CAUSE_TEXT_MAX + 128u)

struct log_cause {
    uint64_t key; /* 0: free */
    uint64_t since_ms;
    uint32_t left_out;
    char text[LOG_CAUSE_TEXT_MAX]; /* from the component on */
};

/* All zero: nothing was logged yet. */
struct log_repeats {
    struct log_cause causes[LOG_CAUSES_MAX];
    uint32_t reports_due; /* causes with lines left out */
};

/* Whether this line ("[time] component - text") is to be written now; false: it is counted. */
bool log_repeats_admit(struct log_repeats *repeats, const char *line, uint64_t now_ms);

/* Writes one report that is due ("[time] component - text ... (3 more of this kind in the last
 * second)", without newline) into ret_line, of LOG_REPORT_MAX bytes; false: none is due. With
 * `at_end` those are due too whose second is not over. Its cause then counts as written now. */
bool log_repeats_report(struct log_repeats *repeats, uint64_t now_ms, bool at_end, char *ret_line);

#endif
