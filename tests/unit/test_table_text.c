/* Unit tests of d2k_table_from_text() and of d2k_value_format() for tables: what one writes the
 * other reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/content.h"
#include "base/table.h"

static const d2k_column tank[] = {{D2K_TYPE_REAL, "Temp"}, {D2K_TYPE_TEXT, "Name"}};

static d2k_table *structure(void)
{
    d2k_table *table;
    assert_int_equal(d2k_structure_new(tank, 2, &table), D2K_OK);
    return table;
}

static d2k_table *array_of(d2k_type type)
{
    d2k_table *table;
    assert_int_equal(d2k_array_new(type, &table), D2K_OK);
    return table;
}

/* Reads it, and writes it again as `written`. */
static void reads(d2k_table *table, const char *text, const char *written)
{
    static char again[2 * D2K_ROWS_MAX + 512];
    d2k_value value;
    if (d2k_table_from_text(table, text) != D2K_OK) {
        fail_msg("%s: %s", text, d2k_table_error_text(table));
    }
    assert_int_equal(d2k_table_value(table, &value), D2K_OK);
    assert_int_equal(content_check(&value, NULL), D2K_OK);
    assert_int_equal(d2k_value_format(&value, again, sizeof again), strlen(written));
    assert_string_equal(again, written);
    d2k_table_free(table);
}

static void refuses(d2k_table *table, const char *text, const char *said)
{
    d2k_result result = d2k_table_from_text(table, text);
    assert_true(result == D2K_ARGUMENT || result == D2K_LIMIT);
    if (strstr(d2k_table_error_text(table), said) == NULL) {
        fail_msg("%s: '%s' does not say '%s'", text, d2k_table_error_text(table), said);
    }
    d2k_table_free(table);
}

static void an_array_is_a_list(void **state)
{
    (void)state;
    reads(array_of(D2K_TYPE_REAL), " [ 1 , -2.5e3,null ,0.1 ] ", "[1,-2500,null,0.1]");
    reads(array_of(D2K_TYPE_INTEGER), "[]", "[]");
    reads(array_of(D2K_TYPE_INTEGER), "[-9223372036854775808,9223372036854775807]",
          "[-9223372036854775808,9223372036854775807]");
    reads(array_of(D2K_TYPE_BOOLEAN), "[true,false,null]", "[true,false,null]");
    reads(array_of(D2K_TYPE_HOBJ), "[0,4294967295]", "[0,4294967295]");
    reads(array_of(D2K_TYPE_QUATERNARY), "[\"Q_On\",\"Q_Err\"]", "[\"Q_On\",\"Q_Err\"]");
}

static void a_structure_is_a_list_of_rows(void **state)
{
    (void)state;
    reads(structure(), "[{\"Temp\": 81.5, \"Name\": \"Feed\"},\n{\"Name\":null,\"Temp\":2}]",
          "[{\"Temp\":81.5,\"Name\":\"Feed\"},{\"Temp\":2,\"Name\":null}]");
    reads(structure(), "[]", "[]");
}

static void a_low_index_other_than_1_is_said(void **state)
{
    (void)state;
    reads(array_of(D2K_TYPE_INTEGER), "{\"low\": 0, \"values\": [7, 8]}",
          "{\"low\":0,\"values\":[7,8]}");
    reads(array_of(D2K_TYPE_INTEGER), "{ \"low\" : 1 , \"values\" : [7] } ", "[7]");
    reads(structure(), "{\"low\":-3,\"values\":[{\"Temp\":1,\"Name\":\"\"}]}",
          "{\"low\":-3,\"values\":[{\"Temp\":1,\"Name\":\"\"}]}");
    refuses(array_of(D2K_TYPE_INTEGER), "{\"low\":2147483648,\"values\":[]}", "is no low index");
    refuses(array_of(D2K_TYPE_INTEGER), "{\"low\":1.5,\"values\":[]}", "\"1.5\" is no low index");
    refuses(array_of(D2K_TYPE_INTEGER), "{\"high\":1,\"values\":[]}", "expected \"low\":");
    refuses(array_of(D2K_TYPE_INTEGER), "{\"low\":1}", "expected , \"values\":");
    refuses(array_of(D2K_TYPE_INTEGER), "{\"low\":1,\"values\":[]", "expected '}', found the end");
}

static void times_come_back_to_the_nanosecond(void **state)
{
    (void)state;
    reads(
        array_of(D2K_TYPE_ABSOLUTE_TIME),
        "[\"2022-09-23T07:48:11.289000001Z\",\"2022-09-23T07:48:11Z\",\"1972-01-01T00:00:00.5Z\"]",
        "[\"2022-09-23T07:48:11.289000001Z\",\"2022-09-23T07:48:11.000000000Z\","
        "\"1972-01-01T00:00:00.500000000Z\"]");
    reads(array_of(D2K_TYPE_RELATIVE_TIME),
          "[12, -0.000000001, 9223372036.854775807, -9223372036.854775808]",
          "[12.000000000,-0.000000001,9223372036.854775807,-9223372036.854775808]");
    static const char *const bad[] = {"2022-09-23",
                                      "2022-09-23T07:48:11",
                                      "1971-12-31T23:59:59Z",
                                      "2022-09-23T07:48:11.0000000001Z",
                                      "2022-09-23T07:48:11.Zx",
                                      "999999-09-23T07:48:11Z",
                                      ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "[\"%s\"]", bad[i]);
        refuses(array_of(D2K_TYPE_ABSOLUTE_TIME), text, "element 1: ");
    }
    refuses(array_of(D2K_TYPE_RELATIVE_TIME), "[9223372036.854775808]", "is no value");
    refuses(array_of(D2K_TYPE_RELATIVE_TIME), "[9223372037]", "is no value");
    refuses(array_of(D2K_TYPE_RELATIVE_TIME), "[1.0000000001]", "is no value");
    refuses(array_of(D2K_TYPE_RELATIVE_TIME), "[1e3]", "is no value");
}

static void a_text_is_escaped_and_read_back(void **state)
{
    (void)state;
    reads(array_of(D2K_TYPE_TEXT), "[\"\\\"\\\\\\/\\n\\t\\u017e\\uD83D\\uDE00 ž\"]",
          "[\"\\\"\\\\/\\n\\tž😀 ž\"]");
    reads(array_of(D2K_TYPE_TEXT), "[\"\\u001b[31m\\u202e\"]", "[\"\\u001b[31m\\u202e\"]");
    refuses(array_of(D2K_TYPE_TEXT), "[\"a\\u0000\"]", "element 1: text is not valid UTF-8");
    refuses(array_of(D2K_TYPE_TEXT), "[\"\\ud83d\"]", "an escape of JSON");
    refuses(array_of(D2K_TYPE_TEXT), "[\"\\ud83d\\u0041\"]", "an escape of JSON");
    refuses(array_of(D2K_TYPE_TEXT), "[\"\\ude00\"]", "an escape of JSON");
    refuses(array_of(D2K_TYPE_TEXT), "[\"\\u12g4\"]", "an escape of JSON");
    refuses(array_of(D2K_TYPE_TEXT), "[\"\\x\"]", "an escape of JSON");
    refuses(array_of(D2K_TYPE_TEXT), "[\"\\", "an escape of JSON, found the end");
    refuses(array_of(D2K_TYPE_TEXT), "[\"a\nb\"]", "'\"' behind the text");
    refuses(array_of(D2K_TYPE_TEXT), "[\"abc", "'\"' behind the text, found the end");
    refuses(array_of(D2K_TYPE_TEXT), "[\"\xff\"]", "element 1: text is not valid UTF-8");
}

static void what_is_mistyped_is_named_with_its_place(void **state)
{
    (void)state;
    refuses(array_of(D2K_TYPE_REAL), "", "character 1: expected '[', found the end");
    refuses(array_of(D2K_TYPE_REAL), "1", "character 1: expected '[', found '1'");
    refuses(array_of(D2K_TYPE_REAL), "[1,2", "character 5: expected ',' or ']', found the end");
    refuses(array_of(D2K_TYPE_REAL), "[1,]",
            "element 2: character 4: expected a number, found ']'");
    refuses(array_of(D2K_TYPE_REAL), "[1] 2", "character 5: expected the end, found '2'");
    refuses(array_of(D2K_TYPE_REAL), "[1,2,x]", "element 3: character 6: expected a number");
    refuses(array_of(D2K_TYPE_REAL), "[1e999]", "element 1: a Real must be finite");
    refuses(array_of(D2K_TYPE_REAL), "[1.2.3]", "element 1: \"1.2.3\" is no value of type Real");
    refuses(array_of(D2K_TYPE_REAL), "[nan]", "expected a number");
    refuses(array_of(D2K_TYPE_INTEGER), "[1.0]", "element 1: \"1.0\" is no value of type Integer");
    refuses(array_of(D2K_TYPE_INTEGER), "[9223372036854775808]", "is no value of type Integer");
    refuses(array_of(D2K_TYPE_HOBJ), "[-1]", "\"-1\" is no value of type Hobj");
    refuses(array_of(D2K_TYPE_HOBJ), "[4294967296]", "is no value of type Hobj");
    refuses(array_of(D2K_TYPE_BOOLEAN), "[1]",
            "element 1: character 2: expected true, false or null");
    refuses(array_of(D2K_TYPE_LINE), "[\"On\"]", "\"On\" is no value of type Line");
    refuses(array_of(D2K_TYPE_TEXT), "[1]", "expected a text in '\"'");
    refuses(array_of(D2K_TYPE_INTEGER),
            "[1000000000000000000000000000000000000000000000000000000000000000]",
            "a number of less than 64 characters");
}

static void the_columns_of_a_row_are_those_of_the_structure(void **state)
{
    (void)state;
    refuses(structure(), "[1]", "character 2: expected '{', found '1'");
    refuses(structure(), "[{\"Temp\":1}]", "row 1: the column Name is missing");
    refuses(structure(), "[{\"Temp\":1,\"Name\":\"a\"},{\"Temp\":1,\"Naem\":\"\"}]",
            "row 2: there is no column \"Naem\"");
    refuses(structure(), "[{\"Temp\":1,\"Temp\":1}]", "row 1: two times the column \"Temp\"");
    refuses(structure(), "[{\"Temp\" 1}]", "expected ':'");
    refuses(structure(), "[{\"Temp\":1;}]", "expected ',' or '}', found ';'");
    refuses(structure(), "[{}]", "expected a text");
    refuses(structure(), "{\"low\":5,\"values\":[{\"Temp\":\"hot\",\"Name\":\"\"}]}",
            "row 5, column Temp: character 28: expected a number");
}

/* "[1,1,1]" */
static char *ones(size_t count)
{
    char *text = malloc(2 * count + 2);
    assert_non_null(text);
    text[0] = '[';
    for (size_t i = 0; i < count; i++) {
        text[2 * i + 1] = '1';
        text[2 * i + 2] = ',';
    }
    text[2 * count] = ']';
    text[2 * count + 1] = '\0';
    return text;
}

static void more_rows_than_a_table_has_are_refused(void **state)
{
    (void)state;
    char *text = ones(D2K_ROWS_MAX);
    reads(array_of(D2K_TYPE_HOBJ), text, text);
    free(text);
    text = ones(D2K_ROWS_MAX + 1);
    refuses(array_of(D2K_TYPE_HOBJ), text, "element 10001: a table has at most 10000 rows");
    free(text);
}

static void the_form_is_cut_and_its_whole_length_told(void **state)
{
    (void)state;
    char text[8];
    d2k_value value;
    d2k_table *table = array_of(D2K_TYPE_INTEGER);
    assert_int_equal(d2k_table_from_text(table, "[1,22,333]"), D2K_OK);
    assert_int_equal(d2k_table_value(table, &value), D2K_OK);
    assert_int_equal(d2k_value_format(&value, text, sizeof text), 10);
    assert_string_equal(text, "[1,22,3");
    assert_int_equal(d2k_value_format(&value, NULL, 0), 10);
    d2k_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_is_a_list),
        cmocka_unit_test(a_structure_is_a_list_of_rows),
        cmocka_unit_test(a_low_index_other_than_1_is_said),
        cmocka_unit_test(times_come_back_to_the_nanosecond),
        cmocka_unit_test(a_text_is_escaped_and_read_back),
        cmocka_unit_test(what_is_mistyped_is_named_with_its_place),
        cmocka_unit_test(the_columns_of_a_row_are_those_of_the_structure),
        cmocka_unit_test(more_rows_than_a_table_has_are_refused),
        cmocka_unit_test(the_form_is_cut_and_its_whole_length_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
