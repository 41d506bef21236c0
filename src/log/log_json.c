/* log/log_json.c: takes the parts of a line and quotes them. */
#include "log/log_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"

#define OFFSET_TEXT_MAX 16

struct parts {
    struct slice date, time, component;
    const char *text;
};

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARNING:
        return "warning";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        break;
    }
    return "debug";
}

/* The level has its own member. */
static const char *without_mark(const char *text)
{
    static const char *const marks[] = {"ERROR: ", "WARNING: "};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strncmp(text, marks[i], strlen(marks[i])) == 0) {
            return text + strlen(marks[i]);
        }
    }
    return text;
}

/* "[2022-09-23 07:48:11.289] CLIENT - text"; false: it has another form. */
static bool take_apart(const char *line, struct parts *ret_parts)
{
    const size_t date = strlen("2022-09-23"), time = strlen("07:48:11.289");
    const char *space = line[0] == '[' ? strchr(line, ' ') : NULL;
    const char *bracket = space != NULL ? strstr(space, "] ") : NULL;
    const char *dash = bracket != NULL ? strstr(bracket, " - ") : NULL;
    if (dash == NULL || (size_t)(space - line) != 1 + date ||
        (size_t)(bracket - space) != 1 + time) {
        return false;
    }
    ret_parts->date = (struct slice){line + 1, date};
    ret_parts->time = (struct slice){space + 1, time};
    ret_parts->component = (struct slice){bracket + 2, (size_t)(dash - bracket) - 2};
    ret_parts->text = without_mark(dash + 3);
    return true;
}

/* "+02:00" of the local time, which the line does not have. */
static void offset_text(char ret[OFFSET_TEXT_MAX])
{
    int minutes = os_local_time(os_wall_ns()).utc_offset_minutes;
    int size = abs(minutes);
    (void)snprintf(ret, OFFSET_TEXT_MAX, "%c%02d:%02d", minutes < 0 ? '-' : '+', size / 60 % 24,
                   size % 60);
}

static size_t size_of_character(struct slice rest)
{
    for (size_t size = 1; size <= 4 && size <= rest.size; size++) {
        if (text_is_utf8((struct slice){rest.data, size})) {
            return size;
        }
    }
    return 0;
}

static void put_character(struct buffer *out, const char *at, size_t size)
{
    char escaped[8];
    if (size == 0) {
        buffer_put(out, "\xEF\xBF\xBD", 3);
    } else if (*at == '"' || *at == '\\') {
        buffer_put(out, "\\", 1);
        buffer_put(out, at, 1);
    } else if ((unsigned char)*at < 0x20 || *at == 0x7f) {
        (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*at);
        buffer_put(out, escaped, 6);
    } else {
        buffer_put(out, at, size);
    }
}

static void put_quoted(struct buffer *out, struct slice text)
{
    while (text.size > 0) {
        size_t size = size_of_character(text);
        put_character(out, text.data, size);
        size_t taken = size > 0 ? size : 1;
        text.data += taken;
        text.size -= taken;
    }
}

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, text, strlen(text));
}

void log_json_put(struct buffer *out, enum log_level level, const char *line)
{
    char now[TEXT_TIME_MAX], offset[OFFSET_TEXT_MAX];
    struct parts parts;
    if (!take_apart(line, &parts)) {
        text_time(now, sizeof now, os_wall_ns());
        parts = (struct parts){.date = {now, 10}, .time = {now + 11, 12}, .text = line};
    }
    offset_text(offset);
    put_text(out, "{\"time\":\"");
    put_quoted(out, parts.date);
    put_text(out, "T");
    put_quoted(out, parts.time);
    put_text(out, offset);
    put_text(out, LOG_JSON_LEVEL);
    put_text(out, level_name(level));
    put_text(out, "\",\"component\":\"");
    put_quoted(out, parts.component);
    put_text(out, "\",\"text\":\"");
    put_quoted(out, slice_of(parts.text));
    put_text(out, "\"}");
}
