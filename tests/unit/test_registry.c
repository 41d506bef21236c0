/* Unit tests of registry/registry.h: syntax, limits, errors with their line. */
#include "temporary_directory.h"

#include "registry/registry.h"

static struct registry_file *parse_bytes(const char *text, size_t size)
{
    struct registry_file *file;
    struct error err = {0};
    if (registry_parse("p.conf", text, size, &file, &err) != D2K_OK) {
        fail_msg("not parsed: %s", err.text);
    }
    return file;
}

static struct registry_file *parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void assert_value(const struct registry_file *file, const char *key, const char *name,
                         const char *text, unsigned line)
{
    const struct registry_value *value = registry_find(file, key, name);
    if (value == NULL) {
        fail_msg("[%s] %s was not found", key, name);
        return;
    }
    assert_string_equal(value->text, text);
    assert_int_equal(value->line, line);
}

/* One line "V = <written>" gives this text. */
static void assert_reads(const char *written, const char *expected)
{
    char text[256];
    snprintf(text, sizeof text, "V = %s\n", written);
    struct registry_file *file = parse(text);
    assert_value(file, "", "V", expected, 1);
    assert_string_equal(file->values[0].raw, written);
    registry_free(file);
}

static void assert_refused_bytes(const char *text, size_t size, d2k_result code, const char *words)
{
    struct registry_file *file = (struct registry_file *)&file;
    struct error err = {0};
    assert_int_equal(registry_parse("p.conf", text, size, &file, &err), code);
    assert_null(file);
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, err.text);
    }
}

static void assert_refused(const char *text, const char *words)
{
    assert_refused_bytes(text, strlen(text), D2K_CONFIG, words);
}

/* ---- what is read ---- */

static void values_are_found_under_their_section(void **state)
{
    (void)state;
    struct registry_file *file = parse("DefaultApplication = PLANT\n"
                                       "[TLS_Server]\n"
                                       "TLS_CertFile = a.crt\n"
                                       "[Redundancy\\PLANT\\Kernel_1]\n"
                                       "Name = A\n");
    assert_int_equal(file->count, 3);
    assert_value(file, "", "DefaultApplication", "PLANT", 1);
    assert_value(file, "TLS_Server", "TLS_CertFile", "a.crt", 3);
    assert_value(file, "Redundancy\\PLANT\\Kernel_1", "Name", "A", 5);
    assert_null(registry_find(file, "", "TLS_CertFile"));
    assert_null(registry_find(file, "TLS_Server", "DefaultApplication"));
    registry_free(file);
}

static void names_of_keys_and_values_ignore_case(void **state)
{
    (void)state;
    struct registry_file *file = parse("[tls_SERVER]\ntls_certfile=a\n");
    assert_value(file, "TLS_Server", "TLS_CertFile", "a", 2);
    assert_true(registry_has_key(file, "TLS_Server"));
    registry_free(file);
}

static void a_section_that_stands_twice_is_one(void **state)
{
    (void)state;
    struct registry_file *file = parse("[A]\nx=1\n[B]\nx=2\n[a]\ny=3\n");
    assert_value(file, "A", "x", "1", 2);
    assert_value(file, "B", "x", "2", 4);
    assert_value(file, "A", "y", "3", 6);
    registry_free(file);
}

static void comments_and_empty_lines_are_skipped(void **state)
{
    (void)state;
    struct registry_file *file = parse("# one\n; two\n\n   \t\n  # three = 3\nx=1\n");
    assert_int_equal(file->count, 1);
    assert_value(file, "", "x", "1", 6);
    registry_free(file);
}

static void no_comment_begins_behind_a_value(void **state)
{
    (void)state;
    assert_reads("a.crt;b.crt # c", "a.crt;b.crt # c");
    assert_reads("a = b", "a = b");
}

static void blanks_around_names_and_values_do_not_count(void **state)
{
    (void)state;
    struct registry_file *file = parse(" [ A ] \n \tx y \t= \t1 2 \t\n");
    assert_value(file, "A", "x y", "1 2", 2);
    registry_free(file);
}

static void no_character_of_a_value_changes(void **state)
{
    (void)state;
    assert_reads("C:\\path\\new\\table", "C:\\path\\new\\table");
    assert_reads("\"C:\\path\\new\"", "C:\\path\\new");
    assert_reads("\"c:\\a b\\\"", "c:\\a b\\");
    assert_reads("\"\\\\server\\share\\\"", "\\\\server\\share\\");
    assert_reads("\"  two blanks  \"", "  two blanks  ");
    assert_reads("a \"b\" c", "a \"b\" c");
    assert_reads("\"a \"b\" c\"", "a \"b\" c");
    assert_reads("\"\"both\"\"", "\"both\"");
    assert_reads("\"\"", "");
    assert_reads("kľúč/šifra.crt", "kľúč/šifra.crt");
}

static void text_behind_a_closing_quote_leaves_the_quotes(void **state)
{
    (void)state;
    assert_reads("\"a;b\"; c", "\"a;b\"; c");
}

static void a_value_may_be_empty(void **state)
{
    (void)state;
    struct registry_file *file = parse("x =\ny=");
    assert_value(file, "", "x", "", 1);
    assert_value(file, "", "y", "", 2);
    registry_free(file);
}

static void windows_files_are_read(void **state)
{
    (void)state;
    struct registry_file *file = parse("\xef\xbb\xbf[A]\r\nx = 1\r\n\r\ny = \"2\"\r\n");
    assert_value(file, "A", "x", "1", 2);
    assert_value(file, "A", "y", "2", 4);
    registry_free(file);
}

static void empty_files_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "# only\n; comments", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct registry_file *file = parse(texts[i]);
        assert_int_equal(file->count, 0);
        assert_false(registry_has_key(file, "A"));
        registry_free(file);
    }
}

static void sections_are_there_without_values(void **state)
{
    (void)state;
    struct registry_file *file = parse("\n[TLS_Server]\n[A\\B\\C]\n");
    assert_true(registry_has_key(file, "TLS_Server"));
    assert_int_equal(registry_find_section(file, "TLS_Server")->line, 2);
    assert_true(registry_has_key(file, "A"));
    assert_true(registry_has_key(file, "a\\b"));
    assert_true(registry_has_key(file, "A\\B\\C"));
    assert_true(registry_has_key(file, ""));
    assert_false(registry_has_key(file, "A\\B\\C\\D"));
    assert_false(registry_has_key(file, "TLS_Serve"));
    assert_false(registry_has_key(file, "TLS_Server2"));
    registry_free(file);
}

static void a_key_lies_below_its_parents_only(void **state)
{
    (void)state;
    assert_true(registry_key_is_below("A\\B", ""));
    assert_true(registry_key_is_below("A\\B", "a"));
    assert_true(registry_key_is_below("A\\B", "A\\B"));
    assert_false(registry_key_is_below("A", "A\\B"));
    assert_false(registry_key_is_below("AB", "A"));
    assert_false(registry_key_is_below("", "A"));
}

/* ---- what is refused ---- */

static void broken_lines_are_refused_with_their_line(void **state)
{
    (void)state;
    assert_refused("x=1\njust words\n", "p.conf:2: this is neither [Section] nor Name = value");
    assert_refused("\n\n = 1\n", "p.conf:3: the name before '=' is missing");
    assert_refused("[A\nx=1\n", "p.conf:1: a section must end with ']'");
    assert_refused("[A] # words\n", "p.conf:1: a section must end with ']'");
    assert_refused("[\n", "p.conf:1: a section must end with ']'");
    assert_refused("x = \"abc\n", "p.conf:1: the closing quote is missing");
    assert_refused("x = \"\n", "p.conf:1: the closing quote is missing");
    assert_refused("TLS_Server\\TLS_CertFile = a\n", "p.conf:1: a name has no backslash");
}

static void bad_section_names_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"[]",       "[ ]",   "[\\A]", "[A\\]",
                                        "[A\\\\B]", "[A]B]", "[[A]]", "[\\]"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_refused(names[i], "p.conf:1: this is not a section name");
    }
}

static void a_value_given_twice_is_refused_with_both_lines(void **state)
{
    (void)state;
    assert_refused("[A]\nx=1\n[B]\nx=1\n[a]\n\nX=2\n", "p.conf:7: X was already given on line 2");
    assert_refused("x=1\ny=1\ny=2\nx=2\n", "p.conf:3: y was already given on line 2");
    assert_refused("x=same\nx=same\n", "p.conf:2: x was already given on line 1");
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    assert_refused_bytes("x=1\ny=\0a\n", 9, D2K_CONFIG, "p.conf:2: control character 0x00");
    assert_refused("x=1\ny=\x1b[31m\n", "p.conf:2: control character 0x1b");
    assert_refused("x=\x7f\n", "p.conf:1: control character 0x7f");
    assert_refused("x=1\ry=2\n", "p.conf:1: control character 0x0d");
    assert_refused("x=1\n# \xff\n", "p.conf:2: the line is not valid UTF-8");
    assert_refused("x=\xc0\xaf\n", "p.conf:1: the line is not valid UTF-8");
    assert_refused("x=\xed\xa0\x80\n", "p.conf:1: the line is not valid UTF-8");
    assert_refused_bytes("\xff\xfex\0=\0", 6, D2K_CONFIG, "p.conf:1: the file is UTF-16");
}

static void what_an_error_repeats_is_escaped(void **state)
{
    (void)state;
    assert_refused("words \xe2\x80\xae more\n", "words \\xe2\\x80\\xae more");
}

/* ---- limits ---- */

static char *line_of(size_t size)
{
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'v', size);
    text[0] = 'x';
    text[1] = '=';
    text[size] = '\0';
    return text;
}

static void the_longest_line_is_read_and_one_byte_more_is_not(void **state)
{
    (void)state;
    char *longest = line_of(REGISTRY_LINE_MAX);
    struct registry_file *file = parse(longest);
    assert_int_equal(strlen(file->values[0].text), REGISTRY_LINE_MAX - 2);
    registry_free(file);
    free(longest);

    char *longer = line_of(REGISTRY_LINE_MAX + 1);
    assert_refused_bytes(longer, REGISTRY_LINE_MAX + 1, D2K_LIMIT, "p.conf:1: the line is longer");
    free(longer);
}

static void the_largest_file_is_read_and_one_byte_more_is_not(void **state)
{
    (void)state;
    char *text = malloc(REGISTRY_FILE_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', REGISTRY_FILE_MAX + 1);
    registry_free(parse_bytes(text, REGISTRY_FILE_MAX));
    assert_refused_bytes(text, REGISTRY_FILE_MAX + 1, D2K_LIMIT, "the file is larger");
    free(text);
}

/* `count` lines of this form, with their number. */
static char *many(const char *before, const char *after, size_t count)
{
    char *text = malloc(count * 32);
    assert_non_null(text);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        int n = snprintf(text + used, 32, "%s%zu%s\n", before, i, after);
        assert_in_range(n, 1, 31);
        used += (size_t)n;
    }
    return text;
}

static void the_most_values_are_read_and_one_more_is_not(void **state)
{
    (void)state;
    char *most = many("v", "=1", REGISTRY_VALUES_MAX);
    struct registry_file *file = parse(most);
    assert_int_equal(file->count, REGISTRY_VALUES_MAX);
    assert_value(file, "", "v9999", "1", 10000);
    registry_free(file);
    free(most);

    char *more = many("v", "=1", REGISTRY_VALUES_MAX + 1);
    assert_refused_bytes(more, strlen(more), D2K_LIMIT, "p.conf:10001: more than 10000 values");
    free(more);
}

static void the_most_sections_are_read_and_one_more_is_not(void **state)
{
    (void)state;
    char *most = many("[", "]", REGISTRY_SECTIONS_MAX);
    struct registry_file *file = parse(most);
    assert_true(registry_has_key(file, "9999"));
    registry_free(file);
    free(most);

    char *more = many("[", "]", REGISTRY_SECTIONS_MAX + 1);
    assert_refused_bytes(more, strlen(more), D2K_LIMIT, "p.conf:10001: more than 10000 sections");
    free(more);
}

/* ---- files ---- */

static void a_file_is_read_with_its_path_and_stamp(void **state)
{
    const char *path = path_in(*state, "kľúč \"a\\b\".conf");
    write_file(path, "[A]\nx = 1\n");
    struct registry_file *file;
    struct error err;
    assert_int_equal(registry_read(path, &file, &err), D2K_OK);
    assert_string_equal(file->path, path);
    assert_value(file, "A", "x", "1", 2);
    struct os_file_stamp stamp;
    assert_int_equal(os_file_stamp(path, &stamp), 0);
    assert_true(os_file_stamp_equal(&stamp, &file->stamp));
    registry_free(file);
}

static void assert_not_read(const char *path, d2k_result code)
{
    struct registry_file *file = (struct registry_file *)&file;
    struct error err = {0};
    assert_int_equal(registry_read(path, &file, &err), code);
    assert_null(file);
    assert_non_null(strstr(err.text, path));
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
    assert_not_read(path_in(*state, "missing.conf"), D2K_NOT_FOUND);
    const struct temporary_directory *directory = *state;
    assert_not_read(directory->path, D2K_FILE);
    write_file(path_in(*state, "broken.conf"), "words\n");
    assert_not_read(path_in(*state, "broken.conf"), D2K_CONFIG);
    assert_not_read(path_in(*state, "broken.conf/x.conf"), D2K_FILE);
    char *large = line_of(REGISTRY_FILE_MAX + 1);
    write_file(path_in(*state, "large.conf"), large);
    free(large);
    assert_not_read(path_in(*state, "large.conf"), D2K_LIMIT);
}

static void freeing_nothing_is_allowed(void **state)
{
    (void)state;
    registry_free(NULL);
}

#define WITH_DIRECTORY(test) \
    cmocka_unit_test_setup_teardown(test, make_temporary_directory, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_under_their_section),
        cmocka_unit_test(names_of_keys_and_values_ignore_case),
        cmocka_unit_test(a_section_that_stands_twice_is_one),
        cmocka_unit_test(comments_and_empty_lines_are_skipped),
        cmocka_unit_test(no_comment_begins_behind_a_value),
        cmocka_unit_test(blanks_around_names_and_values_do_not_count),
        cmocka_unit_test(no_character_of_a_value_changes),
        cmocka_unit_test(text_behind_a_closing_quote_leaves_the_quotes),
        cmocka_unit_test(a_value_may_be_empty),
        cmocka_unit_test(windows_files_are_read),
        cmocka_unit_test(empty_files_are_read),
        cmocka_unit_test(sections_are_there_without_values),
        cmocka_unit_test(a_key_lies_below_its_parents_only),
        cmocka_unit_test(broken_lines_are_refused_with_their_line),
        cmocka_unit_test(bad_section_names_are_refused),
        cmocka_unit_test(a_value_given_twice_is_refused_with_both_lines),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(what_an_error_repeats_is_escaped),
        cmocka_unit_test(the_longest_line_is_read_and_one_byte_more_is_not),
        cmocka_unit_test(the_largest_file_is_read_and_one_byte_more_is_not),
        cmocka_unit_test(the_most_values_are_read_and_one_more_is_not),
        cmocka_unit_test(the_most_sections_are_read_and_one_more_is_not),
        WITH_DIRECTORY(a_file_is_read_with_its_path_and_stamp),
        WITH_DIRECTORY(a_file_that_cannot_be_read_says_why),
        cmocka_unit_test(freeing_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
