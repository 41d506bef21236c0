/* tests/unit/test_tell_words.c: candidates for completion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "programs/tell/words.h"

static void the_common_beginning_ignores_case(void **state)
{
    struct words words = {0};
    (void)state;
    assert_int_equal(words_common_prefix(&words), 0);
    words_add(&words, "Tank.Level");
    assert_int_equal(words_common_prefix(&words), 10);
    words_add(&words, "tank.level_Max");
    words_add(&words, "TANK.Pressure");
    assert_int_equal(words_common_prefix(&words), 5);
    words_free(&words);
    assert_int_equal(words.count, 0);
}

static void words_are_sorted(void **state)
{
    struct words words = {0};
    (void)state;
    words_add(&words, "b");
    words_add(&words, "A");
    words_sort(&words);
    assert_string_equal(words.words[0], "A");
    words_free(&words);
}

static void as_many_words_as_allowed_and_no_more(void **state)
{
    struct words words = {0};
    (void)state;
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        words_add(&words, "x");
    }
    assert_false(words.more);
    words_add(&words, "x");
    assert_true(words.more);
    assert_int_equal(words.count, WORDS_MAX);
    words_free(&words);
}

static void a_beginning_ignores_case(void **state)
{
    (void)state;
    assert_true(words_begins_with("Tank", "tAN"));
    assert_true(words_begins_with("Tank", ""));
    assert_false(words_begins_with("Tan", "Tank"));
}

static void the_last_word_is_behind_the_last_blank(void **state)
{
    (void)state;
    assert_string_equal(words_last("get A b"), "b");
    assert_string_equal(words_last("get "), "");
    assert_string_equal(words_last("get"), "get");
    assert_string_equal(words_last(""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_common_beginning_ignores_case),
        cmocka_unit_test(words_are_sorted),
        cmocka_unit_test(as_many_words_as_allowed_and_no_more),
        cmocka_unit_test(a_beginning_ignores_case),
        cmocka_unit_test(the_last_word_is_behind_the_last_blank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
