/* Unit tests of registry/edit.h: what changes in a text, and that nothing else does. */
#include "temporary_directory.h"

#include "registry/edit.h"

static struct edit *open_text(const char *text)
{
    struct edit *edit;
    struct error err = {0};
    if (edit_open("p.conf", text, strlen(text), &edit, &err) != D2K_OK) {
        fail_msg("not opened: %s", err.text);
    }
    return edit;
}

static void assert_text(const struct edit *edit, const char *expected)
{
    char *text;
    size_t size;
    struct error err;
    assert_int_equal(edit_text(edit, &text, &size, &err), D2K_OK);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
    free(text);
}

static void set(struct edit *edit, const char *key, const char *name, const char *raw)
{
    struct error err = {0};
    if (edit_set(edit, key, name, raw, &err) != D2K_OK) {
        fail_msg("not set: %s", err.text);
    }
}

/* One change of one text. */
static void assert_set(const char *before, const char *key, const char *name, const char *raw,
                       const char *after)
{
    struct edit *edit = open_text(before);
    set(edit, key, name, raw);
    assert_text(edit, after);
    assert_string_equal(edit_find(edit, key, name), raw);
    edit_free(edit);
}

static void assert_refused(const char *key, const char *name, const char *raw, d2k_result code,
                           const char *words)
{
    struct edit *edit = open_text("A = 1\n");
    struct error err = {0};
    assert_int_equal(edit_set(edit, key, name, raw, &err), code);
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, err.text);
    }
    assert_text(edit, "A = 1\n");
    edit_free(edit);
}

static void without_a_change_the_text_is_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n",
                                        "A = 1",
                                        "A = 1\r\n\r\n[B]\r\n",
                                        "\xef\xbb\xbf# x\n A=1 \n\t[ B ] \n;c\n",
                                        "A = 1\r\nB = 2\nC = 3\r",
                                        "[A]\n[A]\n[B\\C]\nx = \" y \"\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct edit *edit = open_text(texts[i]);
        assert_text(edit, texts[i]);
        edit_free(edit);
    }
}

static void a_value_is_changed_in_its_line(void **state)
{
    (void)state;
    assert_set("# c\n  a  =\t1  \nB=2\n", "", "A", "5", "# c\n  a  =\t5\nB=2\n");
    assert_set("A=1\n", "", "a", "2", "A=2\n");
    assert_set("A =\n", "", "A", "2", "A = 2\n");
    assert_set("A = 2\n", "", "A", "", "A = \n");
    assert_set("[X]\nA = 1\n[Y]\nA = 1\n", "y", "A", "2", "[X]\nA = 1\n[Y]\nA = 2\n");
    assert_set("\xef\xbb\xbf"
               "A = 1\r\n",
               "", "A", "2",
               "\xef\xbb\xbf"
               "A = 2\r\n");
    assert_set("A = 1", "", "A", "2", "A = 2");
}

static void a_new_value_goes_behind_the_last_of_its_section(void **state)
{
    (void)state;
    assert_set("[X]\n  A = 1\n\n# about Y\n[Y]\n", "X", "B", "2",
               "[X]\n  A = 1\n  B = 2\n\n# about Y\n[Y]\n");
    assert_set("[X]\n# none yet\n[Y]\n", "x", "B", "2", "[X]\nB = 2\n# none yet\n[Y]\n");
    assert_set("[X]\nA = 1\n[Y]\n[X]\nC = 1\n", "X", "B", "2",
               "[X]\nA = 1\n[Y]\n[X]\nC = 1\nB = 2\n");
    assert_set("[X]\r\nA = 1", "X", "B", "2", "[X]\r\nA = 1\r\nB = 2\r\n");
}

static void a_new_section_goes_to_the_end(void **state)
{
    (void)state;
    assert_set("", "X", "A", "1", "[X]\nA = 1\n");
    assert_set("B = 1\n", "X", "A", "1", "B = 1\n\n[X]\nA = 1\n");
    assert_set("B = 1", "X", "A", "1", "B = 1\n\n[X]\nA = 1\n");
    assert_set("B = 1\n\n", "X\\Y", "A", "", "B = 1\n\n[X\\Y]\nA =\n");
    assert_set("[X\\Y]\nB = 1\n", "X", "A", "1", "[X\\Y]\nB = 1\n\n[X]\nA = 1\n");
}

static void a_value_without_section_goes_before_the_first_one(void **state)
{
    (void)state;
    assert_set("# c\n", "", "A", "1", "# c\nA = 1\n");
    assert_set("B = 1\n\n[X]\n", "", "A", "1", "B = 1\nA = 1\n\n[X]\n");
    assert_set("# head\n\n# about X\n[X]\n", "", "A", "1", "# head\n\nA = 1\n\n# about X\n[X]\n");
    assert_set("\xef\xbb\xbf[X]\n", "", "A", "1",
               "\xef\xbb\xbf"
               "A = 1\n\n[X]\n");
}

static void a_value_that_is_taken_out_leaves_comments_and_section(void **state)
{
    (void)state;
    struct edit *edit = open_text("[X]\n# why\nA = 1\nB = 2\n");
    assert_true(edit_unset(edit, "x", "a"));
    assert_false(edit_unset(edit, "x", "a"));
    assert_text(edit, "[X]\n# why\nB = 2\n");
    assert_true(edit_unset(edit, "X", "B"));
    assert_text(edit, "[X]\n# why\n");
    assert_true(edit_has_key(edit, "x"));
    edit_free(edit);
}

static void a_key_is_removed_with_all_below_it(void **state)
{
    (void)state;
    struct edit *edit = open_text("Z = 1\n[X]\n# c\nA = 1\n[X\\Y]\nB = 1\n[XY]\n[x]\nC = 1\n");
    assert_int_equal(edit_remove_key(edit, "X"), 3);
    assert_text(edit, "Z = 1\n# c\n[XY]\n");
    assert_int_equal(edit_remove_key(edit, "X"), 0);
    assert_int_equal(edit_remove_key(edit, "XY"), 1);
    assert_int_equal(edit_remove_key(edit, ""), 1);
    assert_text(edit, "# c\n");
    edit_free(edit);
}

static void an_empty_section_is_added_once(void **state)
{
    (void)state;
    struct edit *edit = open_text("A = 1\n");
    struct error err;
    assert_int_equal(edit_add_key(edit, "X", &err), D2K_OK);
    assert_int_equal(edit_add_key(edit, "x", &err), D2K_OK);
    assert_int_equal(edit_add_key(edit, "", &err), D2K_OK);
    assert_text(edit, "A = 1\n\n[X]\n");
    assert_int_equal(edit_add_key(edit, "X]", &err), D2K_ARGUMENT);
    edit_free(edit);
}

static void what_cannot_stand_in_a_file_is_refused(void **state)
{
    (void)state;
    assert_refused("X", "", "1", D2K_ARGUMENT, "empty");
    assert_refused("X", "a=b", "1", D2K_ARGUMENT, "no =");
    assert_refused("X", "a\\b", "1", D2K_ARGUMENT, "no backslash");
    assert_refused("X", "#a", "1", D2K_ARGUMENT, "begins with #");
    assert_refused("X", "[a", "1", D2K_ARGUMENT, "begins with #");
    assert_refused("X", " a", "1", D2K_ARGUMENT, "blanks");
    assert_refused("X", "a\n", "1", D2K_ARGUMENT, "several lines");
    assert_refused("X",
                   "\xef\xbb\xbf"
                   "a",
                   "1", D2K_ARGUMENT, "byte order mark");
    assert_refused("X[", "a", "1", D2K_ARGUMENT, "brackets");
    assert_refused("\\X", "a", "1", D2K_ARGUMENT, "part");
    assert_refused("X\\", "a", "1", D2K_ARGUMENT, "part");
    assert_refused("X\\\\Y", "a", "1", D2K_ARGUMENT, "part");
    assert_refused("X ", "a", "1", D2K_ARGUMENT, "blanks");
    assert_refused("X", "a", "1\n[TLS_Server]", D2K_ARGUMENT, "several lines");
    assert_refused("X", "a", "1\r", D2K_ARGUMENT, "several lines");
    assert_refused("X", "a", "\x01", D2K_ARGUMENT, "control character");
    assert_refused("X", "a", "\xff", D2K_ARGUMENT, "UTF-8");
    assert_refused("X", "a", " 1", D2K_ARGUMENT, "quotes");
    assert_refused("X", "a", "\"1", D2K_ARGUMENT, "closing quote");
}

static void a_line_has_a_limit(void **state)
{
    (void)state;
    char raw[REGISTRY_LINE_MAX + 1];
    memset(raw, 'x', sizeof raw);
    raw[REGISTRY_LINE_MAX - strlen("B = ")] = '\0';
    struct edit *edit = open_text("A = 1\n");
    set(edit, "", "B", raw);
    edit_free(edit);
    raw[REGISTRY_LINE_MAX - strlen("B = ")] = 'x';
    raw[REGISTRY_LINE_MAX - strlen("B = ") + 1] = '\0';
    assert_refused("", "B", raw, D2K_LIMIT, "a line may have");
    assert_refused("", "A", raw, D2K_LIMIT, "a line may have");
}

static void a_key_has_the_limit_of_its_line(void **state)
{
    (void)state;
    char key[REGISTRY_LINE_MAX];
    memset(key, 'x', sizeof key);
    key[REGISTRY_LINE_MAX - strlen("[]")] = '\0';
    assert_null(edit_refuse_key(key));
    key[REGISTRY_LINE_MAX - strlen("[]")] = 'x';
    key[REGISTRY_LINE_MAX - strlen("[]") + 1] = '\0';
    assert_non_null(edit_refuse_key(key));
}

static void a_file_has_a_limit(void **state)
{
    (void)state;
    char *text = malloc(REGISTRY_FILE_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', REGISTRY_FILE_MAX);
    memcpy(text, "A = 1", strlen("A = 1"));
    text[REGISTRY_FILE_MAX] = '\0';
    struct edit *edit = open_text(text);
    struct error err;
    char *now;
    size_t size;
    set(edit, "", "A", "2");
    assert_int_equal(edit_text(edit, &now, &size, &err), D2K_OK);
    free(now);
    set(edit, "", "A", "22");
    assert_int_equal(edit_text(edit, &now, &size, &err), D2K_LIMIT);
    assert_null(now);
    edit_free(edit);
    free(text);
}

static void a_quoted_text_is_read_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {"",          " ",     "a",   " a",  "a\t",     "\"",
                                        "\"\"",      "\"a\"", "\"a", "a\"", "\"a\" b", "c:\\a b\\",
                                        "a \"b\" c", "; x",   "# y", "[z]", "=",       "\" \""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct edit *edit = open_text("");
        char *raw = edit_quote(texts[i]);
        set(edit, "K", "N", raw);
        char *text;
        size_t size;
        struct error err;
        struct registry_file *file;
        assert_int_equal(edit_text(edit, &text, &size, &err), D2K_OK);
        assert_int_equal(registry_parse("p.conf", text, size, &file, &err), D2K_OK);
        assert_string_equal(registry_find(file, "K", "N")->text, texts[i]);
        char *again = edit_unquote(raw);
        assert_string_equal(again, texts[i]);
        free(again);
        free(raw);
        free(text);
        registry_free(file);
        edit_free(edit);
    }
}

static void a_text_that_cannot_be_read_is_not_changed(void **state)
{
    (void)state;
    struct edit *edit = (struct edit *)&edit;
    struct error err;
    assert_int_equal(edit_open("p.conf", "A = 1\nwords\n", 12, &edit, &err), D2K_CONFIG);
    assert_null(edit);
    assert_non_null(strstr(err.text, "p.conf:2:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_change_the_text_is_the_same),
        cmocka_unit_test(a_value_is_changed_in_its_line),
        cmocka_unit_test(a_new_value_goes_behind_the_last_of_its_section),
        cmocka_unit_test(a_new_section_goes_to_the_end),
        cmocka_unit_test(a_value_without_section_goes_before_the_first_one),
        cmocka_unit_test(a_value_that_is_taken_out_leaves_comments_and_section),
        cmocka_unit_test(a_key_is_removed_with_all_below_it),
        cmocka_unit_test(an_empty_section_is_added_once),
        cmocka_unit_test(what_cannot_stand_in_a_file_is_refused),
        cmocka_unit_test(a_line_has_a_limit),
        cmocka_unit_test(a_key_has_the_limit_of_its_line),
        cmocka_unit_test(a_file_has_a_limit),
        cmocka_unit_test(a_quoted_text_is_read_as_it_was),
        cmocka_unit_test(a_text_that_cannot_be_read_is_not_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
