/* base/json.h: writes JSON into a buffer, in order, with the commas in the right places.
 *
 * `key` is the member's name within an object and NULL within an array or at the top. Failure
 * (limit or memory) is the buffer's: check buffer_failed() once, at the end. */
#ifndef D2K_BASE_JSON_H
#define D2K_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cursor.h"

struct json {
    struct buffer *out;
    bool needs_comma;
};

/* `out` is initialised and stays the caller's. */
struct json json_into(struct buffer *out);

/* bracket: '{' or '['; closed with '}' or ']'. */
void json_write_open(struct json *json, const char *key, char bracket);
void json_write_close(struct json *json, char bracket);

/* Quotes and escapes. Control characters and what may disturb a terminal (C1 controls,
 * bidirectional overrides, line separators) become \uXXXX; a byte that is not UTF-8 becomes U+FFFD.
 */
void json_write_text(struct json *json, const char *key, struct slice text);
void json_write_integer(struct json *json, const char *key, int64_t number);
void json_write_unsigned(struct json *json, const char *key, uint64_t number);
/* Shortest decimal that reads back to the same double; null when it is not finite. */
void json_write_real(struct json *json, const char *key, double number);
/* Nanoseconds as a number of seconds, exactly. */
void json_write_seconds(struct json *json, const char *key, int64_t ns);
/* Nanoseconds since 1970 as "2022-09-23T07:48:11.289000000Z". */
void json_write_time(struct json *json, const char *key, int64_t ns);
void json_write_boolean(struct json *json, const char *key, bool value);
void json_write_null(struct json *json, const char *key);

#endif
