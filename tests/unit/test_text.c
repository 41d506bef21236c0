/* tests/unit/test_text.c: text from people and from the network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "os/clock.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void copy_cuts_to_size_and_returns_the_whole_length(void **state)
{
    (void)state;
    char text[4] = "zzz";
    assert_int_equal(text_copy(text, sizeof text, "abc"), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(text_copy(text, sizeof text, "abcd"), 4);
    assert_string_equal(text, "abc");
    assert_int_equal(text_copy(text, 1, "abcd"), 4);
    assert_string_equal(text, "");
    text[0] = 'q';
    assert_int_equal(text_copy(text, 0, "abcd"), 4);
    assert_int_equal(text[0], 'q');
}

static void format_allocates_the_text(void **state)
{
    (void)state;
    char *text = text_format("%s-%d", "KNL", 7);
    assert_string_equal(text, "KNL-7");
    free(text);
}

static void comparing_ignores_ascii_case_only(void **state)
{
    (void)state;
    assert_true(text_equal_ignoring_case("TLS_Server", "tls_sERVER"));
    assert_false(text_equal_ignoring_case("TLS_Server", "TLS_Serve"));
    assert_false(text_equal_ignoring_case("TLS_Serve", "TLS_Server"));
    assert_false(text_equal_ignoring_case("[", "{"));
    assert_false(text_equal_ignoring_case("\xc3\x84", "\xc3\xa4"));
    assert_true(text_compare_ignoring_case("a", "B") < 0);
    assert_true(text_compare_ignoring_case("B", "a") > 0);
    assert_true(text_compare_ignoring_case("a", "ab") < 0);
    assert_true(text_compare_ignoring_case("z", "\xc3\xa4") < 0);
    assert_int_equal(text_compare_ignoring_case("", ""), 0);
}

/* ---- UTF-8 ---- */

static const char *const valid_utf8[] = {
    "",
    "plain ASCII that is longer than a word",
    "\x7f",
    "\xc2\x80",
    "\xdf\xbf",
    "\xe0\xa0\x80",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xef\xbf\xbf",
    "\xf0\x90\x80\x80",
    "\xf4\x8f\xbf\xbf",
    "eight888\xc5\xbdilina then ASCII again \xe2\x82\xac",
};

static const char *const invalid_utf8[] = {
    "\x80", /* continuation alone */
    "\xbf",
    "\xc0\x80",     /* overlong NUL */
    "\xc1\xbf",     /* overlong */
    "\xc2",         /* cut */
    "\xc2 ",        /* continuation missing */
    "\xe0\x9f\xbf", /* overlong */
    "\xe0\xa0",     /* cut */
    "\xed\xa0\x80", /* surrogates */
    "\xed\xbf\xbf",
    "\xe2\x28\xa1",
    "\xe2\x82\x28",
    "\xf0\x8f\xbf\xbf", /* overlong */
    "\xf0\x90\x80",     /* cut */
    "\xf0\x90\x80\x28",
    "\xf4\x90\x80\x80", /* over U+10FFFF */
    "\xf5\x80\x80\x80",
    "\xf8\x88\x80\x80\x80",
    "\xfe",
    "\xff",
    "eight888\xff",
    "1234567\xff",
    ("\xff"
     "1234567"),
};

static void valid_utf8_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(valid_utf8); i++) {
        if (!text_is_utf8(slice_of(valid_utf8[i]))) {
            fail_msg("valid text %zu was refused", i);
        }
    }
}

static void invalid_utf8_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(invalid_utf8); i++) {
        if (text_is_utf8(slice_of(invalid_utf8[i]))) {
            fail_msg("invalid text %zu was taken", i);
        }
    }
}

static void text_with_nul_is_refused_at_every_place(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 20; size++) {
        for (size_t at = 0; at < size; at++) {
            char text[20];
            memset(text, 'a', sizeof text);
            assert_true(text_is_utf8((struct slice){text, size}));
            text[at] = '\0';
            assert_false(text_is_utf8((struct slice){text, size}));
            text[at] = '\x80';
            assert_false(text_is_utf8((struct slice){text, size}));
        }
    }
}

static void prefix_counts_characters_not_bytes(void **state)
{
    (void)state;
    struct slice text = slice_of("a\xc5\xbd\xe2\x82\xac\xf0\x9f\x98\x80z");
    assert_int_equal(text_prefix_of_chars(text, 0), 0);
    assert_int_equal(text_prefix_of_chars(text, 1), 1);
    assert_int_equal(text_prefix_of_chars(text, 2), 3);
    assert_int_equal(text_prefix_of_chars(text, 3), 6);
    assert_int_equal(text_prefix_of_chars(text, 4), 10);
    assert_int_equal(text_prefix_of_chars(text, 5), 11);
    assert_int_equal(text_prefix_of_chars(text, 6), 11);
    assert_int_equal(text_prefix_of_chars(slice_of(NULL), 6), 0);
    assert_int_equal(text_prefix_of_bytes(text, 0), 0);
    assert_int_equal(text_prefix_of_bytes(text, 2), 1);
    assert_int_equal(text_prefix_of_bytes(text, 3), 3);
    assert_int_equal(text_prefix_of_bytes(text, 9), 6);
    assert_int_equal(text_prefix_of_bytes(text, 10), 10);
    assert_int_equal(text_prefix_of_bytes(text, 11), 11);
    assert_int_equal(text_prefix_of_bytes(text, 12), 11);
    assert_int_equal(text_prefix_of_bytes(slice_of(NULL), 6), 0);
}

/* ---- escaping ---- */

struct escape_case {
    const char *raw, *safe;
};

static const struct escape_case escape_cases[] = {
    {"plain C:\\d2k", "plain C:\\d2k"},
    {"\xc5\xbdilina \xe2\x82\xac \xf0\x9f\x98\x80", "\xc5\xbdilina \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"a\nb\r\tc", "a\\x0ab\\x0d\\x09c"},
    {"\x1b[2J\x7f", "\\x1b[2J\\x7f"},
    {"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\xc2\xa0"}, /* C1 */
    {"\xe2\x80\xa7\xe2\x80\xa8", "\xe2\x80\xa7\\xe2\\x80\\xa8"},                    /* 2028 */
    {"\xe2\x80\xa9", "\\xe2\\x80\\xa9"},                                            /* 2029 */
    {"\xe2\x80\xaa", "\\xe2\\x80\\xaa"},                                            /* 202A */
    {"\xe2\x80\xae\xe2\x80\xaf", "\\xe2\\x80\\xae\xe2\x80\xaf"},                    /* 202E */
    {"\xe2\x81\xa5\xe2\x81\xa6", "\xe2\x81\xa5\\xe2\\x81\\xa6"},                    /* 2066 */
    {"\xe2\x81\xa9\xe2\x81\xaa", "\\xe2\\x81\\xa9\xe2\x81\xaa"},                    /* 2069 */
    {"\xff\xc0\x80z", "\\xff\\xc0\\x80z"},
    {"\xe2\x82", "\\xe2\\x82"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
};

static void what_is_unsafe_to_show_is_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(escape_cases); i++) {
        char safe[128];
        assert_ptr_equal(text_escape(safe, sizeof safe, slice_of(escape_cases[i].raw)), safe);
        assert_string_equal(safe, escape_cases[i].safe);
    }
    char safe[16];
    assert_string_equal(text_escape(safe, sizeof safe, (struct slice){"a\0b", 3}), "a\\x00b");
}

static void escaped_text_is_cut_between_characters_and_escapes(void **state)
{
    (void)state;
    char safe[32];
    struct slice euro = slice_of("a\xe2\x82\xac");
    assert_string_equal(text_escape(safe, 5, euro), "a\xe2\x82\xac");
    assert_string_equal(text_escape(safe, 4, euro), "a");
    struct slice newline = slice_of("a\nb");
    assert_string_equal(text_escape(safe, 7, newline), "a\\x0ab");
    assert_string_equal(text_escape(safe, 6, newline), "a\\x0a");
    assert_string_equal(text_escape(safe, 5, newline), "a");
    assert_string_equal(text_escape(safe, 1, newline), "");
    safe[0] = 'q';
    (void)text_escape(safe, 0, newline);
    assert_int_equal(safe[0], 'q');
}

static void escaped_text_is_always_safe_whatever_comes(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        char raw[24];
        char safe[sizeof raw * 4 + 1];
        for (size_t i = 0; i < sizeof raw; i++) {
            raw[i] = (char)(rand() % 3 == 0 ? rand() % 0x30 + 0x80 : rand());
        }
        size_t size = (size_t)rand() % sizeof safe + 1;
        (void)text_escape(safe, size, (struct slice){raw, sizeof raw});
        assert_true(strlen(safe) < size);
        assert_true(text_is_utf8(slice_of(safe)));
        for (const char *at = safe; *at != '\0'; at++) {
            assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
        }
    }
}

/* ---- patterns and names ---- */

static bool matches(const char *name, const char *pattern)
{
    return text_matches(slice_of(name), slice_of(pattern));
}

static void patterns_match(void **state)
{
    (void)state;
    assert_true(matches("", ""));
    assert_true(matches("", "*"));
    assert_true(matches("", "**"));
    assert_true(matches("abc", "abc"));
    assert_true(matches("ABC", "abc"));
    assert_true(matches("abc", "a?C"));
    assert_true(matches("abc", "*"));
    assert_true(matches("abc", "a*"));
    assert_true(matches("abc", "*c"));
    assert_true(matches("abc", "*b*"));
    assert_true(matches("abc", "a*c"));
    assert_true(matches("abc", "*abc*"));
    assert_true(matches("abababc", "*abc"));
    assert_true(matches("aXbXXc", "a*b*c"));
    assert_true(matches("H.Tank1.Level", "h.*.lev?l"));
    assert_true(matches("aab", "*?b"));
}

static void patterns_do_not_match(void **state)
{
    (void)state;
    assert_false(matches("a", ""));
    assert_false(matches("", "?"));
    assert_false(matches("", "a"));
    assert_false(matches("abc", "ab"));
    assert_false(matches("ab", "abc"));
    assert_false(matches("abc", "a?"));
    assert_false(matches("abc", "????"));
    assert_false(matches("abc", "*b"));
    assert_false(matches("abc", "b*"));
    assert_false(matches("abc", "a*b"));
    assert_false(matches("ab", "*?b?"));
    assert_false(matches("[", "{"));
}

static bool matches_simply(const char *name, const char *pattern)
{
    if (*pattern == '\0') {
        return *name == '\0';
    }
    if (*pattern == '*') {
        return matches_simply(name, pattern + 1) ||
               (*name != '\0' && matches_simply(name + 1, pattern));
    }
    return *name != '\0' && (*pattern == '?' || *pattern == *name) &&
           matches_simply(name + 1, pattern + 1);
}

static void random_patterns_agree_with_a_simple_model(void **state)
{
    (void)state;
    srand(11);
    unsigned matched = 0;
    for (int round = 0; round < 50000; round++) {
        char name[9] = "";
        char pattern[7] = "";
        for (int i = rand() % 9; i > 0; i--) {
            name[i - 1] = "ab"[rand() % 2];
        }
        for (int i = rand() % 7; i > 0; i--) {
            pattern[i - 1] = "ab*?"[rand() % 4];
        }
        bool expected = matches_simply(name, pattern);
        matched += expected;
        if (matches(name, pattern) != expected) {
            fail_msg("'%s' and '%s'", name, pattern);
        }
    }
    assert_in_range(matched, 1000, 49000);
}

static void evil_pattern_costs_no_more_than_name_times_pattern(void **state)
{
    (void)state;
    static char name[20000];
    static char pattern[2000];
    memset(name, 'a', sizeof name);
    for (size_t i = 0; i < sizeof pattern; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    }
    pattern[sizeof pattern - 1] = 'b';
    uint64_t begin = os_monotonic_ms();
    assert_false(
        text_matches((struct slice){name, sizeof name}, (struct slice){pattern, sizeof pattern}));
    assert_true(os_monotonic_ms() - begin < 5000); /* exponential time would never end */
}

static void pattern_is_known_by_its_signs(void **state)
{
    (void)state;
    assert_true(text_is_pattern(slice_of("a*")));
    assert_true(text_is_pattern(slice_of("?")));
    assert_false(text_is_pattern(slice_of("a.b")));
    assert_false(text_is_pattern(slice_of(NULL)));
}

static void object_names_keep_to_their_rule(void **state)
{
    (void)state;
    char longest[66];
    memset(longest, 'a', sizeof longest);
    assert_true(text_is_object_name((struct slice){longest, 64}));
    assert_false(text_is_object_name((struct slice){longest, 65}));
    assert_true(text_is_object_name(slice_of("H.Tank_1.Level")));
    assert_true(text_is_object_name(slice_of("z")));
    static const char *const wrong[] = {"",   "1a",  "_a",  ".a",       "a b",      "a-b",
                                        "a*", "a/b", "a\n", "\xc3\xa4", "a\xc3\xa4"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(text_is_object_name(slice_of(wrong[i])));
    }
    assert_false(text_is_object_name((struct slice){"a\0b", 3}));
}

static void process_names_keep_to_their_rule(void **state)
{
    (void)state;
    char longest[66];
    memset(longest, 'a', sizeof longest);
    longest[60] = '.';
    assert_true(text_is_process_name((struct slice){longest, 64}));
    assert_false(text_is_process_name((struct slice){longest, 65}));
    assert_true(text_is_process_name(slice_of("DispPC.HIP")));
    assert_true(text_is_process_name(slice_of("PC-1_02.TEL")));
    assert_true(text_is_process_name(slice_of("1.12345678")));
    static const char *const wrong[] = {"",       "a",     ".HIP",       "a.",        "a.123456789",
                                        "a.b.c",  "a b.c", "a.b-c",      "a.b_c",     "a/b.c",
                                        "../a.b", "a.b\n", "\xc3\xa4.b", "a.\xc3\xa4"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(text_is_process_name(slice_of(wrong[i])));
    }
}

/* ---- numbers and times ---- */

static void hex_is_lower_case(void **state)
{
    (void)state;
    char text[7];
    text_hex(text, "\x00\xab\xff", 3);
    assert_string_equal(text, "00abff");
    text_hex(text, "", 0);
    assert_string_equal(text, "");
}

static void numbers_within_limits_are_taken(void **state)
{
    (void)state;
    long long number = 0;
    assert_true(text_to_number("1", 1, 65535, &number));
    assert_int_equal(number, 1);
    assert_true(text_to_number("65535", 1, 65535, &number));
    assert_int_equal(number, 65535);
    assert_true(text_to_number("-5", -5, 5, &number));
    assert_int_equal(number, -5);
    assert_true(text_to_number("007", 0, 9, &number));
    assert_int_equal(number, 7);
    assert_true(text_to_number("9223372036854775807", LLONG_MIN, LLONG_MAX, &number));
    assert_true(number == LLONG_MAX);
    assert_true(text_to_number("-9223372036854775808", LLONG_MIN, LLONG_MAX, &number));
    assert_true(number == LLONG_MIN);
}

static void what_is_no_number_or_outside_its_limits_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",    "-",       "+1", " 1", "1 ", "1.0", "0x1",
        "1e3", "--1",     "a",  "0",  "11", "-1",  "9223372036854775808",
        "1\n", "\xd9\xa1"};
    long long number = 77;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        if (text_to_number(wrong[i], 1, 10, &number)) {
            fail_msg("'%s' was taken", wrong[i]);
        }
    }
    assert_false(text_to_number("9223372036854775808", LLONG_MIN, LLONG_MAX, &number));
    assert_int_equal(number, 77);
}

static void time_has_the_form_of_the_log(void **state)
{
    (void)state;
    char text[TEXT_TIME_MAX];
    text_time(text, sizeof text, INT64_C(1663919291289999999));
    assert_string_equal(text, "2022-09-23 07:48:11.289");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_cuts_to_size_and_returns_the_whole_length),
        cmocka_unit_test(format_allocates_the_text),
        cmocka_unit_test(comparing_ignores_ascii_case_only),
        cmocka_unit_test(valid_utf8_is_taken),
        cmocka_unit_test(invalid_utf8_is_refused),
        cmocka_unit_test(text_with_nul_is_refused_at_every_place),
        cmocka_unit_test(prefix_counts_characters_not_bytes),
        cmocka_unit_test(what_is_unsafe_to_show_is_escaped),
        cmocka_unit_test(escaped_text_is_cut_between_characters_and_escapes),
        cmocka_unit_test(escaped_text_is_always_safe_whatever_comes),
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(patterns_do_not_match),
        cmocka_unit_test(random_patterns_agree_with_a_simple_model),
        cmocka_unit_test(evil_pattern_costs_no_more_than_name_times_pattern),
        cmocka_unit_test(pattern_is_known_by_its_signs),
        cmocka_unit_test(object_names_keep_to_their_rule),
        cmocka_unit_test(process_names_keep_to_their_rule),
        cmocka_unit_test(hex_is_lower_case),
        cmocka_unit_test(numbers_within_limits_are_taken),
        cmocka_unit_test(what_is_no_number_or_outside_its_limits_is_refused),
        cmocka_unit_test(time_has_the_form_of_the_log),
    };
    (void)setenv("TZ", "UTC0", 1);
    tzset();
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
