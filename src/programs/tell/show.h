/* programs/tell/show.h: values, status, times and processes as cells of a table and as JSON. */
#ifndef D2K_TELL_SHOW_H
#define D2K_TELL_SHOW_H

#include <d2k/client.h>

#include "base/json.h"

/* Longest text of show_status() with its terminator. */
#define SHOW_STATUS_MAX 160

/* "Valid" or "INVALID", then the words of all other bits, of limit status and process alarm,
 * "Past", separated by ','. */
void show_status(const d2k_value *value, char ret_text[SHOW_STATUS_MAX]);

/* Name of the process alarm that stands; "NoAlarm". */
const char *show_alarm(const d2k_value *value);

/* Content as text that is safe for a terminal; "-" when there is none. malloc'ed, the caller's;
 * NULL: out of memory. */
char *show_content(const d2k_value *value);

/* Text from the kernel, safe for a terminal. malloc'ed, the caller's; NULL: out of memory. */
char *show_text(const char *raw);

/* Local time; "-" for 0. `size` at least TEXT_TIME_MAX. */
void show_time(int64_t time_ns, char *ret_text, size_t size);

/* "plain", "TLSv1.3", "TLSv1.3 VERIFIED". malloc'ed, the caller's; NULL: out of memory. */
char *show_security(const d2k_process_info *process);

#define SHOW_STATE_MAX 40
/* The state, and of an instance whether it is active and preferred: "Running passive". Returns
 * ret_text. */
const char *show_instance(const d2k_process_info *process, char ret_text[SHOW_STATE_MAX]);
#define SHOW_PROGRAM_MAX 64
/* Of a static process, what its program does: "running", "starts in 4.0 s, 3 restarts"; "-" for a
 * dynamic one. Returns ret_text. */
const char *show_program(const d2k_process_info *process, char ret_text[SHOW_PROGRAM_MAX]);
/* "[2]_SELF.ARC" for an instance, escaped; NULL: out of memory. Free it. */
char *show_process_name(const d2k_process_info *process);
const char *show_process_state(d2k_process_state state);

/* Members value, valid, status, flags, limit_status, process_alarm, alarm_time, past, time,
 * sequence of the object that is open in `json`.
 */
void show_value_json(struct json *json, const d2k_value *value);

/* One whole object. */
void show_process_json(struct json *json, const d2k_process_info *process);

#endif
