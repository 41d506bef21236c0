/* base/text.h: text from people and from the network. */
#ifndef D2K_BASE_TEXT_H
#define D2K_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

/* Copies, cutting to size - 1, always terminated. Returns the length of `text`. */
size_t text_copy(char *ret, size_t size, const char *text);

/* strdup with printf; NULL when out of memory. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ASCII only, independent of locale. */
bool text_equal_ignoring_case(const char *a, const char *b);
int text_compare_ignoring_case(const char *a, const char *b);

/* Makes text from the network safe for a log or a terminal: control characters, DEL, C1 controls,
 * invalid UTF-8 and bidirectional overrides become \xHH (bytes), a backslash stays as it is. Always
 * terminated, cut to size (never within an escape or a character). Returns ret. */
char *text_escape(char *ret, size_t size, struct slice raw);

/* True when it is valid UTF-8 (no surrogates, no overlong forms) without NUL. */
bool text_is_utf8(struct slice s);

/* Number of bytes of the longest prefix with at most max_chars characters (s must be valid UTF-8).
 */
size_t text_prefix_of_chars(struct slice s, size_t max_chars);
/* Number of bytes of the longest prefix of whole characters with at most max_bytes bytes
 * (likewise).
 */
size_t text_prefix_of_bytes(struct slice s, size_t max_bytes);

/* Object name pattern: '*' any run, '?' one character; ASCII case is ignored. Linear time in
 * pattern * name. */
bool text_matches(struct slice name, struct slice pattern);
/* Whether the pattern has a '*' or '?'. */
bool text_is_pattern(struct slice pattern);

/* Object names (D2000 section 6.1): ASCII, 1..64 characters, starts with a letter, then letters,
 * digits, '.', '_'. */
bool text_is_object_name(struct slice s);

/* Process names "<workstation>.<suffix>": 1..64 characters; workstation: letters, digits, '_', '-';
 * suffix: 1..8 letters or digits. */
bool text_is_process_name(struct slice s);

/* Lower-case hex of bytes into ret (2 * count + 1 bytes needed). */
void text_hex(char *ret, const void *bytes, size_t count);

/* Whole text is a decimal number within min..max. */
bool text_to_number(const char *text, long long min, long long max, long long *ret_number);

/* "2022-09-23 07:48:11.289", local time: the form of the log. Needs 24 bytes. */
#define TEXT_TIME_MAX 24
void text_time(char *ret, size_t size, int64_t wall_ns);

#endif
