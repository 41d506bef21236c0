/* fuzz_text.c: any bytes as text from the network: text_escape(), text_is_utf8(), text_matches(),
 * text_prefix_of_chars(), the rules for names, text_to_number(). The first byte is where the
 * pattern ends and the text begins, the second how large the place for the escaped text is. */
#include <string.h>

#include "base/text.h"
#include "fuzz.h"

#define PLACE_MAX 256u

/* What came out is safe for a terminal: no control character, valid UTF-8, terminated. */
static void check_escape(struct slice raw, size_t place)
{
    char *escaped = malloc(place);
    if (escaped == NULL) {
        return;
    }
    memset(escaped, 0x7f, place);
    fuzz_expect(text_escape(escaped, place, raw) == escaped);
    fuzz_expect(memchr(escaped, '\0', place) != NULL);
    for (const char *at = escaped; *at != '\0'; at++) {
        fuzz_expect((unsigned char)*at >= 0x20 && *at != 0x7f);
    }
    fuzz_expect(text_is_utf8(slice_of(escaped)));
    fuzz_expect(strstr(escaped, "\xc2\x9b") == NULL);     /* CSI as one character */
    fuzz_expect(strstr(escaped, "\xe2\x80\xae") == NULL); /* right-to-left override */
    free(escaped);
}

/* The obvious matcher, exponential but for the small inputs that are given to it. */
static int matches_slowly(struct slice name, struct slice pattern)
{
    if (pattern.size == 0) {
        return name.size == 0;
    }
    struct slice rest = {pattern.data + 1, pattern.size - 1};
    if (pattern.data[0] == '*') {
        return matches_slowly(name, rest) ||
               (name.size > 0 &&
                matches_slowly((struct slice){name.data + 1, name.size - 1}, pattern));
    }
    if (name.size == 0) {
        return 0;
    }
    char a = name.data[0], b = pattern.data[0];
    a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
    b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
    return (pattern.data[0] == '?' || a == b) &&
           matches_slowly((struct slice){name.data + 1, name.size - 1}, rest);
}

static int is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        if ((unsigned char)s.data[i] >= 0x80) {
            return 0;
        }
    }
    return 1;
}

static void check_pattern(struct slice name, struct slice pattern)
{
    int matches = text_matches(name, pattern);
    if (name.size <= 12 && pattern.size <= 8 && is_ascii(name) && is_ascii(pattern)) {
        fuzz_expect(matches == matches_slowly(name, pattern));
    }
    if (!text_is_pattern(pattern) && slice_equal(name, pattern)) {
        fuzz_expect(matches);
    }
    fuzz_expect(text_matches(name, (struct slice){"*", 1}));
}

static void check_prefix(struct slice s, size_t chars)
{
    if (text_is_utf8(s)) {
        struct slice prefix = {s.data, text_prefix_of_chars(s, chars)};
        fuzz_expect(prefix.size <= s.size && prefix.size <= 4 * chars);
        fuzz_expect(text_is_utf8(prefix));
    }
}

static void check_names(struct slice s)
{
    if (text_is_object_name(s) || text_is_process_name(s)) {
        fuzz_expect(s.size >= 1 && s.size <= 64 && is_ascii(s) && !text_is_pattern(s));
    }
    char *terminated = slice_copy(s);
    long long number;
    if (terminated != NULL && text_to_number(terminated, -1000, 1000, &number)) {
        fuzz_expect(number >= -1000 && number <= 1000);
    }
    free(terminated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t split = data[0] % (size - 1);
    struct slice pattern = {(const char *)data + 2, split};
    struct slice text = {pattern.data + split, size - 2 - split};
    check_escape(text, 1 + data[1] % PLACE_MAX);
    check_pattern(text, pattern);
    check_prefix(text, data[1]);
    check_names(text);
    return 0;
}
