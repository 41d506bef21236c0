/* Comma-separated values: what RFC 4180 allows is read, what it does not is an error with its
 * line, and what is written reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "programs/tell/csv.h"

static struct error err;
static struct csv csv;
static struct csv_record record;
static char text[65536];

static void begin(const char *content)
{
    snprintf(text, sizeof text, "%s", content);
    csv_init(&csv, text, strlen(text));
}

/* The next record is in this line and has these fields, joined by '|'. */
static void takes(size_t line, const char *joined)
{
    char found[4096] = "";
    size_t size = 0;
    d2k_result result = csv_next(&csv, &record, &err);
    if (result != D2K_OK) {
        fail_msg("\"%s\" is not read: %s", joined, err.text);
    }
    for (size_t i = 0; i < record.count; i++) {
        size += (size_t)snprintf(found + size, sizeof found - size, "%s%.*s", i == 0 ? "" : "|",
                                 (int)record.fields[i].size, record.fields[i].data);
    }
    assert_string_equal(found, joined);
    assert_int_equal(record.line, line);
}

static void takes_error(size_t line, const char *sentence)
{
    assert_int_equal(csv_next(&csv, &record, &err), D2K_ARGUMENT);
    assert_int_equal(record.line, line);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, sentence);
    }
}

static void takes_end(void)
{
    assert_int_equal(csv_next(&csv, &record, &err), D2K_NOT_FOUND);
}

static void an_empty_text_has_no_records(void **state)
{
    (void)state;
    begin("");
    takes_end();
    begin("\xef\xbb\xbf");
    takes_end();
    begin("\n\r\n\n");
    takes_end();
}

static void plain_fields(void **state)
{
    (void)state;
    begin("name,type\na,b\r\n,\n ,x y \n");
    takes(1, "name|type");
    takes(2, "a|b");
    takes(3, "|");
    takes(4, " |x y ");
    takes_end();
    takes_end();
}

static void quoted_fields(void **state)
{
    (void)state;
    begin("\"a\",\"b,c\"\n\"\",\"say \"\"hello\"\"\"\n\"\"\"\",x\n");
    takes(1, "a|b,c");
    takes(2, "|say \"hello\"");
    takes(3, "\"|x");
    takes_end();
}

static void line_ends_within_quotes_belong_to_the_field_and_are_counted(void **state)
{
    (void)state;
    begin("\"one\ntwo\r\nthree\",x\nnext,y\n");
    takes(1, "one\ntwo\r\nthree|x");
    takes(4, "next|y");
    takes_end();
}

static void a_mark_and_empty_lines_are_skipped(void **state)
{
    (void)state;
    begin("\xef\xbb\xbfname\n\n\r\na\n\n");
    takes(1, "name");
    takes(4, "a");
    takes_end();
}

static void a_carriage_return_alone_is_a_character(void **state)
{
    (void)state;
    begin("a\rb,c\n");
    takes(1, "a\rb|c");
    takes_end();
}

static void a_quote_in_a_plain_field_is_an_error(void **state)
{
    (void)state;
    begin("a\"b,c\nnext,d\n");
    takes_error(1, "a \" in a field that does not begin with one");
    takes(2, "next|d");
    takes_end();
}

static void something_behind_a_quoted_field_is_an_error(void **state)
{
    (void)state;
    begin("\"a\"b,c\n\"a\" ,c\nnext,d\n");
    takes_error(1, "something stands behind the closing \"");
    takes_error(2, "something stands behind the closing \"");
    takes(3, "next|d");
    takes_end();
}

static void a_quote_that_is_not_closed_is_an_error(void **state)
{
    (void)state;
    begin("a,b\n\"c,d\nnext,e\n");
    takes(1, "a|b");
    takes_error(2, "the \" that is opened in line 2 is not closed: is the file complete?");
    takes_end();
}

/* However a file is cut, nothing but whole records of it is taken. */
static void a_file_that_was_cut_is_an_error_at_every_byte(void **state)
{
    static const char first[] = "name,description\n", second[] = "abc,\"some, \"\"text\"\"\"\r\n";
    const size_t first_end = strlen(first), second_end = first_end + strlen(second);
    char whole[128];
    (void)state;
    snprintf(whole, sizeof whole, "%s%sdef,x\n", first, second);
    for (size_t size = 0; size < strlen(whole); size++) {
        size_t records = 0, errors = 0;
        memcpy(text, whole, size);
        csv_init(&csv, text, size);
        d2k_result result;
        while ((result = csv_next(&csv, &record, &err)) != D2K_NOT_FOUND) {
            records += result == D2K_OK;
            errors += result != D2K_OK;
        }
        assert_int_equal(records, (size >= first_end ? 1 : 0) + (size >= second_end ? 1 : 0));
        assert_int_equal(errors, size != 0 && size != first_end && size != second_end);
    }
}

static void the_limit_of_fields_holds(void **state)
{
    (void)state;
    memset(text, ',', CSV_FIELDS_MAX - 1);
    text[CSV_FIELDS_MAX - 1] = '\n';
    csv_init(&csv, text, CSV_FIELDS_MAX);
    assert_int_equal(csv_next(&csv, &record, &err), D2K_OK);
    assert_int_equal(record.count, CSV_FIELDS_MAX);
    takes_end();
    memset(text, ',', CSV_FIELDS_MAX);
    memcpy(text + CSV_FIELDS_MAX, "\nx\n", 3);
    csv_init(&csv, text, CSV_FIELDS_MAX + 3);
    takes_error(1, "more than 64 fields");
    takes(2, "x");
}

static void what_is_written_reads_back(void **state)
{
    static const char *const fields[] = {"",     "plain", "with, comma", "\"",      "a\"b\"\"",
                                         "\r\n", "\n",    " blank ",     "\xc3\xa4"};
    const size_t count = sizeof fields / sizeof fields[0];
    struct buffer out;
    (void)state;
    buffer_init(&out, 4096);
    for (size_t i = 0; i < count; i++) {
        csv_put(&out, i == 0, slice_of(fields[i]));
    }
    csv_end_record(&out);
    assert_false(buffer_failed(&out));
    memcpy(text, buffer_data(&out), buffer_size(&out));
    csv_init(&csv, text, buffer_size(&out));
    assert_int_equal(csv_next(&csv, &record, &err), D2K_OK);
    assert_int_equal(record.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(slice_equal_text(record.fields[i], fields[i]));
    }
    takes_end();
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_has_no_records),
        cmocka_unit_test(plain_fields),
        cmocka_unit_test(quoted_fields),
        cmocka_unit_test(line_ends_within_quotes_belong_to_the_field_and_are_counted),
        cmocka_unit_test(a_mark_and_empty_lines_are_skipped),
        cmocka_unit_test(a_carriage_return_alone_is_a_character),
        cmocka_unit_test(a_quote_in_a_plain_field_is_an_error),
        cmocka_unit_test(something_behind_a_quoted_field_is_an_error),
        cmocka_unit_test(a_quote_that_is_not_closed_is_an_error),
        cmocka_unit_test(a_file_that_was_cut_is_an_error_at_every_byte),
        cmocka_unit_test(the_limit_of_fields_holds),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
