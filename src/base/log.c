/* base/log.c: puts a log line together on the stack and hands it to the sink. */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"

static const char *mark_of(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "ERROR: ";
    case LOG_WARNING:
        return "WARNING: ";
    case LOG_INFO:
    case LOG_DEBUG:
        break;
    }
    return "";
}

static bool is_dropped(const struct log *log, enum log_level level)
{
    return log == NULL || log->sink == NULL || (int)level > log->level;
}

/* What is too long ends before the character that does not fit. Returns the length. */
static size_t cut_on_character(char *line, size_t wanted, size_t size)
{
    if (wanted < size) {
        return wanted;
    }
    size_t length = size - 1;
    size_t lead = length;
    while (lead > 0 && length - lead < 4 && ((unsigned char)line[lead - 1] & 0xc0) == 0x80) {
        lead--;
    }
    unsigned char first = lead > 0 ? (unsigned char)line[lead - 1] : 0;
    size_t needed = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    if (length - lead + 1 < needed) {
        length = lead - 1;
    }
    line[length] = '\0';
    return length;
}

static size_t format_head(char *line, size_t size, enum log_level level, const char *component)
{
    char now[TEXT_TIME_MAX];
    text_time(now, sizeof now, os_wall_ns());
    int length = snprintf(line, size, "[%s] %s - %s", now, component, mark_of(level));
    return cut_on_character(line, length < 0 ? 0 : (size_t)length, size);
}

static void write_line(const struct log *log, enum log_level level, const char *component,
                       const char *tail, const char *format, va_list arguments)
    __attribute__((format(printf, 5, 0)));

static void write_line(const struct log *log, enum log_level level, const char *component,
                       const char *tail, const char *format, va_list arguments)
{
    char line[LOG_LINE_MAX];
    /* The tail is short and must not be lost when the text is long. */
    size_t tail_length = tail != NULL ? strlen(tail) : 0;
    if (tail_length > sizeof line / 2) {
        tail_length = 0;
    }
    size_t size = sizeof line - (tail_length > 0 ? tail_length + 1 : 0);

    size_t used = format_head(line, size, level, component);
    int length = vsnprintf(line + used, size - used, format, arguments);
    used += cut_on_character(line + used, length < 0 ? 0 : (size_t)length, size - used);
    if (tail_length > 0) {
        line[used++] = '\n';
        memcpy(line + used, tail, tail_length);
        used += tail_length;
    }
    line[used] = '\0';
    log->sink(log->context, level, line);
}

void log_write(const struct log *log, enum log_level level, const char *component,
               const char *format, ...)
{
    if (is_dropped(log, level)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    write_line(log, level, component, NULL, format, arguments);
    va_end(arguments);
}

void log_write_with_tail(const struct log *log, enum log_level level, const char *component,
                         const char *tail, const char *format, ...)
{
    if (is_dropped(log, level)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    write_line(log, level, component, tail, format, arguments);
    va_end(arguments);
}
