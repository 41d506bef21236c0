/* base/text.c: text from people and from the network: checked, escaped, compared, matched. Nothing
 * here depends on the locale. */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"

#define OBJECT_NAME_MAX    64u
#define PROCESS_NAME_MAX   64u
#define PROCESS_SUFFIX_MAX 8u

static const char hex_digits[] = "0123456789abcdef";

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_letter_or_digit(char c)
{
    return is_letter(c) || is_digit(c);
}

size_t text_copy(char *ret, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (size > 0) {
        size_t copied = length < size ? length : size - 1;
        memcpy(ret, text, copied);
        ret[copied] = '\0';
    }
    return length;
}

char *text_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return length >= 0 ? text : NULL;
}

int text_compare_ignoring_case(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (int)(unsigned char)lower(*a) - (int)(unsigned char)lower(*b);
}

bool text_equal_ignoring_case(const char *a, const char *b)
{
    return text_compare_ignoring_case(a, b) == 0;
}

/* Lead bytes of UTF-8 by length, and the range of the second byte that keeps out overlong forms,
 * surrogates and what is over U+10FFFF (Unicode standard, table 3-7). */
static size_t utf8_lead(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        return 3;
    }
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* Bytes of the character that `s` begins with, 0 when it is none. */
static size_t utf8_character(struct slice s, uint32_t *ret_code)
{
    unsigned char low;
    unsigned char high;
    unsigned char lead = (unsigned char)s.data[0];
    size_t length = utf8_lead(lead, &low, &high);
    if (length == 0 || length > s.size) {
        return 0;
    }
    uint32_t code = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c < low || c > high) {
            return 0;
        }
        low = 0x80;
        high = 0xbf;
        code = code << 6 | (c & 0x3fu);
    }
    *ret_code = code;
    return length;
}

/* Length of the run at the front that is ASCII without NUL, in whole words of eight bytes. */
static size_t ascii_words(struct slice s)
{
    size_t at = 0;
    while (s.size - at >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s.data + at, sizeof word);
        uint64_t borrows_at_zero = word - UINT64_C(0x0101010101010101);
        if (((word | borrows_at_zero) & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        at += sizeof word;
    }
    return at;
}

bool text_is_utf8(struct slice s)
{
    while (s.size > 0) {
        size_t length = ascii_words(s);
        if (length == 0) {
            uint32_t code;
            length = utf8_character(s, &code);
            if (length == 0 || code == 0) {
                return false;
            }
        }
        s.data += length;
        s.size -= length;
    }
    return true;
}

size_t text_prefix_of_chars(struct slice s, size_t max_chars)
{
    size_t chars = 0;
    for (size_t i = 0; i < s.size; i++) {
        bool begins_character = ((unsigned char)s.data[i] & 0xc0) != 0x80;
        if (begins_character && chars++ == max_chars) {
            return i;
        }
    }
    return s.size;
}

size_t text_prefix_of_bytes(struct slice s, size_t max_bytes)
{
    size_t size = s.size;
    if (size > max_bytes) {
        size = max_bytes;
        while (size > 0 && ((unsigned char)s.data[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    return size;
}

static bool is_unsafe_to_show(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) ||      /* C0, DEL, C1 */
           code == 0x061c || code == 0x200e || code == 0x200f || /* direction marks */
           (code >= 0x2028 && code <= 0x202e) || /* line and paragraph ends, direction overrides */
           (code >= 0x2066 && code <= 0x2069);   /* direction isolates */
}

static void escape_bytes(char *ret, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)bytes[i];
        *ret++ = '\\';
        *ret++ = 'x';
        *ret++ = hex_digits[c >> 4];
        *ret++ = hex_digits[c & 15];
    }
}

char *text_escape(char *ret, size_t size, struct slice raw)
{
    if (size == 0) {
        return ret;
    }
    size_t used = 0;
    while (raw.size > 0) {
        uint32_t code = 0;
        size_t length = utf8_character(raw, &code);
        bool escaped = length == 0 || is_unsafe_to_show(code);
        length = length == 0 ? 1 : length;
        size_t needed = escaped ? 4 * length : length;
        if (needed > size - 1 - used) {
            break;
        }
        if (escaped) {
            escape_bytes(ret + used, raw.data, length);
        } else {
            memcpy(ret + used, raw.data, length);
        }
        used += needed;
        raw.data += length;
        raw.size -= length;
    }
    ret[used] = '\0';
    return ret;
}

/* Only the last '*' need be remembered: an earlier one could match no more than it does together
 * with the last one. */
bool text_matches(struct slice name, struct slice pattern)
{
    size_t n = 0;
    size_t p = 0;
    size_t star = SIZE_MAX;    /* place of the last '*' in the pattern */
    size_t star_begins_at = 0; /* where in the name the rest after it is tried next */
    while (n < name.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star = p++;
            star_begins_at = n;
        } else if (p < pattern.size &&
                   (pattern.data[p] == '?' || lower(pattern.data[p]) == lower(name.data[n]))) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++star_begins_at;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.size;
}

bool text_is_pattern(struct slice pattern)
{
    return pattern.size > 0 && (memchr(pattern.data, '*', pattern.size) != NULL ||
                                memchr(pattern.data, '?', pattern.size) != NULL);
}

bool text_is_object_name(struct slice s)
{
    if (s.size == 0 || s.size > OBJECT_NAME_MAX || !is_letter(s.data[0])) {
        return false;
    }
    for (size_t i = 1; i < s.size; i++) {
        if (!is_letter_or_digit(s.data[i]) && s.data[i] != '.' && s.data[i] != '_') {
            return false;
        }
    }
    return true;
}

bool text_is_process_name(struct slice s)
{
    if (s.size == 0 || s.size > PROCESS_NAME_MAX) {
        return false;
    }
    size_t dot = 0;
    while (dot < s.size && s.data[dot] != '.') {
        if (!is_letter_or_digit(s.data[dot]) && s.data[dot] != '_' && s.data[dot] != '-') {
            return false;
        }
        dot++;
    }
    if (dot == 0 || dot == s.size || s.size - dot - 1 < 1 ||
        s.size - dot - 1 > PROCESS_SUFFIX_MAX) {
        return false;
    }
    for (size_t i = dot + 1; i < s.size; i++) {
        if (!is_letter_or_digit(s.data[i])) {
            return false;
        }
    }
    return true;
}

void text_hex(char *ret, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        *ret++ = hex_digits[at[i] >> 4];
        *ret++ = hex_digits[at[i] & 15];
    }
    *ret = '\0';
}

bool text_to_number(const char *text, long long min, long long max, long long *ret_number)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0') {
        return false;
    }
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno != 0 || number < min || number > max) {
        return false;
    }
    *ret_number = number;
    return true;
}

void text_time(char *ret, size_t size, int64_t wall_ns)
{
    struct os_calendar t = os_local_time(wall_ns);
    snprintf(ret, size, "%04d-%02d-%02d %02d:%02d:%02d.%03d", t.year, t.month, t.day, t.hour,
             t.minute, t.second, t.millisecond);
}
