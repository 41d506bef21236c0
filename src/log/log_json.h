/* log/log_json.h: a line of the log as one JSON object a line (internal to src/log).
 *
 *     {"time":"2022-09-23T07:48:11.289+02:00","level":"info","component":"CLIENT","text":"..."}
 */
#ifndef D2K_LOG_LOG_JSON_H
#define D2K_LOG_LOG_JSON_H

#include "base/buffer.h"
#include "base/log.h"

/* The members up to the level have this form, so that it can be found again without a parser. */
#define LOG_JSON_LEVEL "\",\"level\":\""

/* Appends `line` ("[time] component - text", perhaps with a second line, which stays in the text)
 * without a newline. Failure is the buffer's. What is not UTF-8 becomes U+FFFD. */
void log_json_put(struct buffer *out, enum log_level level, const char *line);

#endif
