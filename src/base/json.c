/* programs/common/json.c: the JSON writer. */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <d2k/value.h>

#define NS_PER_SECOND INT64_C(1000000000)

struct json json_into(struct buffer *out)
{
    return (struct json){.out = out};
}

static void put(struct json *json, const char *text)
{
    buffer_put(json->out, text, strlen(text));
}

/* How many bytes at the front are one UTF-8 character, *ret_code_point; 0 when they are none. */
static size_t read_character(struct slice s, uint32_t *ret_code_point)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)s.data;
    size_t length = at[0] < 0x80             ? 1
                    : (at[0] & 0xe0) == 0xc0 ? 2
                    : (at[0] & 0xf0) == 0xe0 ? 3
                    : (at[0] & 0xf8) == 0xf0 ? 4
                                             : 0;
    if (length == 0 || length > s.size) {
        return 0;
    }
    uint32_t code_point = length == 1 ? at[0] : at[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code_point = code_point << 6 | (at[i] & 0x3fu);
    }
    bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    if (code_point < smallest[length] || code_point > 0x10ffff || surrogate) {
        return 0;
    }
    *ret_code_point = code_point;
    return length;
}

static bool needs_escape(uint32_t c)
{
    return c < 0x20 || c == '"' || c == '\\' || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
           c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static void put_escape(struct json *json, uint32_t c)
{
    char text[8];
    if (c == '"' || c == '\\') {
        (void)snprintf(text, sizeof text, "\\%c", (int)c);
    } else if (c == '\n' || c == '\t') {
        (void)snprintf(text, sizeof text, "\\%c", c == '\n' ? 'n' : 't');
    } else {
        (void)snprintf(text, sizeof text, "\\u%04" PRIx32, c & 0xffffu);
    }
    put(json, text);
}

static void put_quoted(struct json *json, struct slice text)
{
    put(json, "\"");
    while (text.size > 0) {
        uint32_t code_point = 0;
        size_t length = read_character(text, &code_point);
        if (length == 0) {
            put(json, "\xef\xbf\xbd");
            length = 1;
        } else if (needs_escape(code_point)) {
            put_escape(json, code_point);
        } else {
            buffer_put(json->out, text.data, length);
        }
        text.data += length;
        text.size -= length;
    }
    put(json, "\"");
}

static void begin_member(struct json *json, const char *key)
{
    if (json->needs_comma) {
        put(json, ",");
    }
    if (key != NULL) {
        put_quoted(json, slice_of(key));
        put(json, ":");
    }
    json->needs_comma = true;
}

static void put_member(struct json *json, const char *key, const char *text)
{
    begin_member(json, key);
    put(json, text);
}

void json_write_open(struct json *json, const char *key, char bracket)
{
    begin_member(json, key);
    buffer_put(json->out, &bracket, 1);
    json->needs_comma = false;
}

void json_write_close(struct json *json, char bracket)
{
    buffer_put(json->out, &bracket, 1);
    json->needs_comma = true;
}

void json_write_text(struct json *json, const char *key, struct slice text)
{
    begin_member(json, key);
    put_quoted(json, text);
}

void json_write_integer(struct json *json, const char *key, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    put_member(json, key, text);
}

void json_write_unsigned(struct json *json, const char *key, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    put_member(json, key, text);
}

void json_write_real(struct json *json, const char *key, double number)
{
    char text[40];
    if (!isfinite(number)) {
        json_write_null(json, key);
        return;
    }
    d2k_value value = d2k_real(number);
    (void)d2k_value_format(&value, text, sizeof text);
    put_member(json, key, text);
}

void json_write_seconds(struct json *json, const char *key, int64_t ns)
{
    char text[40];
    uint64_t magnitude = ns < 0 ? UINT64_C(0) - (uint64_t)ns : (uint64_t)ns;
    (void)snprintf(text, sizeof text, "%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "",
                   magnitude / (uint64_t)NS_PER_SECOND, magnitude % (uint64_t)NS_PER_SECOND);
    put_member(json, key, text);
}

void json_write_time(struct json *json, const char *key, int64_t ns)
{
    int64_t fraction = ns % NS_PER_SECOND;
    time_t seconds = (time_t)(ns / NS_PER_SECOND);
    if (fraction < 0) {
        fraction += NS_PER_SECOND;
        seconds--;
    }
    struct tm utc;
    char date[32], text[64];
    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        json_write_null(json, key);
        return;
    }
    (void)snprintf(text, sizeof text, "\"%s.%09" PRId64 "Z\"", date, fraction);
    put_member(json, key, text);
}

void json_write_boolean(struct json *json, const char *key, bool value)
{
    put_member(json, key, value ? "true" : "false");
}

void json_write_null(struct json *json, const char *key)
{
    put_member(json, key, "null");
}
