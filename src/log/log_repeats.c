/* log/log_repeats.c: remembers causes by the hash of their text. */
#include "log/log_repeats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"

#define HASH_BEGIN                                                                \
    UINT64_C(0xcbf29ce484222325) /* FNV-1a: the texts are ours, not an attacker's \
                                  */
#define HASH_PRIME UINT64_C(0x100000001b3)

static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * HASH_PRIME;
    }
    return hash;
}

/* "[2022-09-23 07:48:11.289] SERVER - x" -> "SERVER - x" */
static const char *without_time(const char *line)
{
    const char *end = line[0] == '[' ? strstr(line, "] ") : NULL;
    return end != NULL ? end + 2 : line;
}

static bool is_in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/* Numbers, addresses and digests: runs of these characters with a digit in them that are no part of
 * a name: PC1.KOM and PC2.KOM are two. */
static uint64_t key_of(const char *text)
{
    static const char in_numbers[] = "0123456789abcdefABCDEF.:";
    uint64_t key = HASH_BEGIN;
    char before = ' ';
    while (*text != '\0') {
        size_t size = strspn(text, in_numbers);
        bool is_number =
            strcspn(text, "0123456789") < size && !is_in_name(before) && !is_in_name(text[size]);
        if (is_number) {
            key = hash_bytes(key, "#", 1);
        } else {
            size = size > 0 ? size : 1;
            key = hash_bytes(key, text, size);
        }
        text += size;
        before = text[-1];
    }
    return key != 0 ? key : 1;
}

/* Each process and each connection has its line, whatever the log costs: that is what logs are
 * read for. The kernel itself limits those that anybody can cause. */
static bool is_never_left_out(const char *text)
{
    static const char *const begins[] = {"RegistraterProces ", "Process ended. ", "Connection "};
    const char *mark = strstr(text, " - ");
    text = mark != NULL ? mark + 3 : text;
    size_t skipped = strncmp(text, "WARNING: ", 9) == 0 ? 9
                     : strncmp(text, "ERROR: ", 7) == 0 ? 7
                                                        : 0;
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (strncmp(text + skipped, begins[i], strlen(begins[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_over(const struct log_cause *cause, uint64_t now_ms)
{
    return now_ms - cause->since_ms >= LOG_REPEATS_WINDOW_MS;
}

/* The cause with this key, else a place for it, else NULL. */
static struct log_cause *find(struct log_repeats *repeats, uint64_t key, uint64_t now_ms)
{
    struct log_cause *place = NULL;
    for (size_t i = 0; i < LOG_CAUSES_MAX; i++) {
        struct log_cause *cause = &repeats->causes[i];
        if (cause->key == key) {
            return cause;
        }
        bool unused = cause->key == 0 || (cause->left_out == 0 && is_over(cause, now_ms));
        if (place == NULL && unused) {
            place = cause;
        }
    }
    return place;
}

static void remember(struct log_cause *cause, uint64_t key, const char *text, uint64_t now_ms)
{
    struct slice first_line = {text, strcspn(text, "\n")};
    cause->key = key;
    cause->since_ms = now_ms;
    cause->left_out = 0;
    (void)text_escape(cause->text, sizeof cause->text, first_line);
}

bool log_repeats_admit(struct log_repeats *repeats, const char *line, uint64_t now_ms)
{
    const char *text = without_time(line);
    if (is_never_left_out(text)) {
        return true;
    }
    uint64_t key = key_of(text);
    struct log_cause *cause = find(repeats, key, now_ms);
    if (cause == NULL) {
        return true;
    }
    if (cause->key != key || (cause->left_out == 0 && is_over(cause, now_ms))) {
        remember(cause, key, text, now_ms);
        return true;
    }
    if (cause->left_out == 0) {
        repeats->reports_due++;
    }
    if (cause->left_out < UINT32_MAX) {
        cause->left_out++;
    }
    return false;
}

static void write_report(const struct log_cause *cause, uint64_t now_ms, char *ret_line)
{
    char now[TEXT_TIME_MAX], time[32] = "second";
    text_time(now, sizeof now, os_wall_ns());
    uint64_t seconds = (now_ms - cause->since_ms) / 1000;
    if (seconds > 1) {
        (void)snprintf(time, sizeof time, "%" PRIu64 " seconds", seconds);
    }
    (void)snprintf(ret_line, LOG_REPORT_MAX, "[%s] %s ... (%u more of this kind in the last %s)",
                   now, cause->text, cause->left_out, time);
}

bool log_repeats_report(struct log_repeats *repeats, uint64_t now_ms, bool at_end, char *ret_line)
{
    for (size_t i = 0; repeats->reports_due > 0 && i < LOG_CAUSES_MAX; i++) {
        struct log_cause *cause = &repeats->causes[i];
        if (cause->left_out > 0 && (at_end || is_over(cause, now_ms))) {
            write_report(cause, now_ms, ret_line);
            cause->left_out = 0;
            cause->since_ms = now_ms;
            repeats->reports_due--;
            return true;
        }
    }
    return false;
}
