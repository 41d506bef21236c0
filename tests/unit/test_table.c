/* Unit tests of include/d2k/table.h and base/table.h: arrays and structures, made, read and
 * checked. Their form as text is tested in test_table_text.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/content.h"
#include "base/table.h"

static const d2k_column tank[] = {
    {D2K_TYPE_REAL, "Temp"}, {D2K_TYPE_TEXT, "Name"}, {D2K_TYPE_STATION, "State"}};
#define TANK_COLUMNS 3u

static d2k_value put_together(d2k_table *table)
{
    d2k_value value;
    assert_int_equal(d2k_table_value(table, &value), D2K_OK);
    return value;
}

static void add(d2k_table *table, d2k_value cell)
{
    assert_int_equal(d2k_table_add(table, &cell), D2K_OK);
}

static d2k_table *array_of(d2k_type type)
{
    d2k_table *table;
    assert_int_equal(d2k_array_new(type, &table), D2K_OK);
    return table;
}

/* Two rows, the second without a valid temperature. */
static d2k_table *two_tanks(void)
{
    d2k_table *table;
    assert_int_equal(d2k_structure_new(tank, TANK_COLUMNS, &table), D2K_OK);
    add(table, d2k_real(81.5));
    add(table, d2k_text("Feed"));
    add(table, d2k_state(D2K_TYPE_STATION, D2K_STATION_COMERR));
    assert_int_equal(d2k_table_add(table, NULL), D2K_OK);
    add(table, d2k_text("Ž"));
    add(table, d2k_state(D2K_TYPE_STATION, D2K_STATION_ON));
    return table;
}

static void assert_checked(const d2k_value *value)
{
    struct error err = {.text = ""};
    if (content_check(value, &err) != D2K_OK) {
        fail_msg("%s", err.text);
    }
}

static void assert_malformed(const d2k_value *value, const char *said)
{
    struct error err = {.text = ""};
    assert_int_equal(content_check(value, &err), D2K_ARGUMENT);
    if (strstr(err.text, said) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, said);
    }
}

/* ---- reading ---- */

static void an_array_has_the_elements_that_were_added(void **state)
{
    (void)state;
    d2k_table *table = array_of(D2K_TYPE_INTEGER);
    d2k_table_set_low(table, -5);
    for (int64_t i = 0; i < 100; i++) {
        add(table, d2k_integer(i * i));
    }
    d2k_value value = put_together(table), cell;
    assert_checked(&value);
    assert_int_equal(value.type, D2K_TYPE_ARRAY);
    assert_int_equal(value.status, D2K_STATUS_VALID);
    assert_int_equal(d2k_table_rows(&value), 100);
    assert_int_equal(d2k_table_columns(&value), 1);
    assert_int_equal(d2k_table_low(&value), -5);
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(d2k_table_cell(&value, i, 0, &cell));
        assert_int_equal(cell.type, D2K_TYPE_INTEGER);
        assert_int_equal(cell.status, D2K_STATUS_VALID);
        assert_int_equal(cell.content.integer, i * i);
    }
    assert_false(d2k_table_cell(&value, 100, 0, &cell));
    assert_false(d2k_table_cell(&value, 0, 1, &cell));
    d2k_table_free(table);
}

static void a_structure_has_its_columns_and_cells(void **state)
{
    (void)state;
    char name[D2K_COLUMN_NAME_MAX + 1];
    d2k_table *table = two_tanks();
    d2k_value value = put_together(table), cell;
    assert_checked(&value);
    assert_int_equal(d2k_table_rows(&value), 2);
    assert_int_equal(d2k_table_columns(&value), TANK_COLUMNS);
    assert_int_equal(d2k_table_low(&value), 1);
    for (uint32_t i = 0; i < TANK_COLUMNS; i++) {
        assert_int_equal(d2k_table_column(&value, i, name), tank[i].type);
        assert_string_equal(name, tank[i].name);
    }
    assert_int_equal(d2k_table_column(&value, TANK_COLUMNS, name), D2K_TYPE_NONE);
    assert_true(d2k_table_cell(&value, 0, 0, &cell));
    assert_true(cell.content.real == 81.5);
    assert_true(d2k_table_cell(&value, 1, 0, &cell));
    assert_int_equal(cell.type, D2K_TYPE_REAL);
    assert_int_equal(cell.status, 0);
    assert_true(cell.content.real == 0);
    assert_true(d2k_table_cell(&value, 1, 1, &cell));
    assert_int_equal(cell.content.text.size, 2);
    assert_memory_equal(cell.content.text.data, "Ž", 2);
    assert_true(d2k_table_cell(&value, 1, 2, &cell));
    assert_int_equal(cell.content.state, D2K_STATION_ON);
    assert_false(d2k_table_cell(&value, 2, 0, &cell));
    assert_false(d2k_table_cell(&value, 0, 3, &cell));
    d2k_table_free(table);
}

static void a_reader_takes_the_cells_row_by_row(void **state)
{
    (void)state;
    d2k_table *table = two_tanks();
    d2k_value value = put_together(table), cell, same;
    d2k_table_reader reader = d2k_table_read(&value);
    for (uint32_t i = 0; i < 2 * TANK_COLUMNS; i++) {
        assert_true(d2k_table_next(&reader, &cell));
        assert_int_equal(reader.row, i / TANK_COLUMNS);
        assert_int_equal(reader.column, i % TANK_COLUMNS);
        assert_true(d2k_table_cell(&value, reader.row, reader.column, &same));
        assert_memory_equal(&cell, &same, sizeof cell);
    }
    assert_false(d2k_table_next(&reader, &cell));
    assert_false(d2k_table_next(&reader, &cell));
    d2k_table_free(table);
}

static void an_empty_table_is_a_value_and_keeps_its_low_index(void **state)
{
    (void)state;
    d2k_table *table = array_of(D2K_TYPE_TEXT);
    d2k_table_set_low(table, INT32_MAX);
    d2k_value value = put_together(table), cell;
    d2k_table_reader reader = d2k_table_read(&value);
    assert_checked(&value);
    assert_int_equal(d2k_table_rows(&value), 0);
    assert_int_equal(d2k_table_low(&value), INT32_MAX);
    assert_false(d2k_table_next(&reader, &cell));
    d2k_table_free(table);
}

static void what_is_no_table_has_no_cells(void **state)
{
    (void)state;
    char name[D2K_COLUMN_NAME_MAX + 1];
    d2k_value values[] = {d2k_text("[1]"), {.type = D2K_TYPE_ARRAY}, {.type = D2K_TYPE_STRUCTURE}};
    values[2].content.table.data = "\1\0\0\0\1\0\0\0\1";
    values[2].content.table.size = 9; /* ends within the columns */
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        d2k_value cell;
        d2k_table_reader reader = d2k_table_read(&values[i]);
        assert_false(d2k_table_next(&reader, &cell));
        assert_false(d2k_table_cell(&values[i], 0, 0, &cell));
        assert_int_equal(d2k_table_rows(&values[i]), 0);
        assert_int_equal(d2k_table_columns(&values[i]), 0);
        assert_int_equal(d2k_table_low(&values[i]), 0);
        assert_int_equal(d2k_table_column(&values[i], 0, name), D2K_TYPE_NONE);
    }
}

/* A cell that lies is found by the check, and does not lead a reader astray. */
static void a_reader_stops_where_the_table_ends(void **state)
{
    (void)state;
    d2k_table *table = two_tanks();
    d2k_value value = put_together(table), cell;
    size_t whole = value.content.table.size;
    for (size_t size = 0; size < whole; size++) {
        char *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact, value.content.table.data, size);
        d2k_value cut = value;
        cut.content.table.data = exact;
        cut.content.table.size = size;
        d2k_table_reader reader = d2k_table_read(&cut);
        unsigned cells = 0;
        while (d2k_table_next(&reader, &cell)) {
            cells++;
        }
        assert_true(cells < 2 * TANK_COLUMNS);
        assert_int_equal(content_check(&cut, NULL), D2K_ARGUMENT);
        free(exact);
    }
    d2k_table_free(table);
}

/* ---- the check ---- */

/* The value in memory that may be changed. */
static char *copy_of(d2k_value *value)
{
    char *copy = malloc(value->content.table.size + 1);
    assert_non_null(copy);
    memcpy(copy, value->content.table.data, value->content.table.size);
    copy[value->content.table.size] = '\0';
    value->content.table.data = copy;
    return copy;
}

static void each_malformed_form_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        char byte;
        const char *said;
    } wrong[] = {
        {5, 0x28, "10242 rows, at most 10000 are allowed"},
        {4, 3, "the table ends before it is complete"},
        {4, 1, "bytes stand behind the last cell"},
        {8, 0, "0 columns"},
        {8, 65, "65 columns"},
        {9, 0, "column 1 has the type None, which is no simple one"},
        {9, 13, "column 1 has the type Array"},
        {9, 99, "column 1 has the type ?"},
        {12, '1', "\"1emp\" is no name of a column"},
        {13, '.', "\"T.mp\" is no name of a column"},
        {31, 2, "row 1, column Temp: the validity of a cell must be 0 or 1"},
        {39, '\xff', "row 1, column Temp: a Real must be finite"},
        {50, 9, "row 1, column State: 9 is no state of type Station"},
    };
    d2k_table *table = two_tanks();
    d2k_value whole = put_together(table);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        d2k_value value = whole;
        char *bytes = copy_of(&value);
        bytes[wrong[i].at] = wrong[i].byte;
        bytes[38] = wrong[i].at == 39 ? '\xf0' : bytes[38];
        assert_malformed(&value, wrong[i].said);
        free(bytes);
    }
    d2k_table_free(table);
}

static void a_text_in_a_cell_must_be_utf8(void **state)
{
    (void)state;
    d2k_table *table = two_tanks();
    d2k_value value = put_together(table);
    char *bytes = copy_of(&value), *feed = memmem(bytes, value.content.table.size, "Feed", 4);
    assert_non_null(feed);
    feed[1] = '\xff';
    assert_malformed(&value, "row 1, column Name: text is not valid UTF-8");
    feed[1] = 'e';
    assert_checked(&value);
    feed[-4] = 5; /* one byte of the next cell: then all is wrong */
    assert_int_equal(content_check(&value, NULL), D2K_ARGUMENT);
    feed[-1] = '\xff';
    assert_malformed(&value, "ends before it is complete");
    free(bytes);
    d2k_table_free(table);
}

static void a_cell_that_is_not_valid_has_no_content(void **state)
{
    (void)state;
    d2k_table *table = array_of(D2K_TYPE_INTEGER);
    add(table, d2k_integer(7));
    d2k_value value = put_together(table);
    char *bytes = copy_of(&value);
    bytes[value.content.table.size - 9] = 0;
    assert_malformed(&value, "element 1: a cell that is not valid has a content");
    bytes[value.content.table.size - 8] = 0;
    assert_checked(&value);
    free(bytes);
    d2k_table_free(table);
}

static void an_array_has_one_column_without_a_name(void **state)
{
    (void)state;
    d2k_table *table = two_tanks();
    d2k_value value = put_together(table);
    value.type = D2K_TYPE_ARRAY;
    assert_malformed(&value, "an Array has one column, without a name");
    d2k_table_free(table);
    table = array_of(D2K_TYPE_REAL);
    value = put_together(table);
    value.type = D2K_TYPE_STRUCTURE;
    assert_malformed(&value, "\"\" is no name of a column");
    d2k_table_free(table);
}

/* ---- limits ---- */

static void rows_are_taken_up_to_their_limit(void **state)
{
    (void)state;
    d2k_value one = d2k_boolean(true);
    d2k_table *table = array_of(D2K_TYPE_BOOLEAN);
    for (unsigned i = 0; i < D2K_ROWS_MAX; i++) {
        add(table, one);
    }
    assert_int_equal(d2k_table_add(table, &one), D2K_LIMIT);
    assert_string_equal(d2k_table_error_text(table),
                        "element 10001: a table has at most 10000 rows");
    d2k_value value = put_together(table);
    assert_checked(&value);
    assert_int_equal(d2k_table_rows(&value), D2K_ROWS_MAX);
    d2k_table_clear(table);
    add(table, one);
    value = put_together(table);
    assert_int_equal(d2k_table_rows(&value), 1);
    d2k_table_free(table);
}

static void bytes_are_taken_up_to_their_limit(void **state)
{
    (void)state;
    d2k_table *table = array_of(D2K_TYPE_TEXT);
    const size_t others = 8 + 4 + 1 + 4; /* low, rows, columns, and before the text */
    char *text = malloc(D2K_TABLE_BYTES_MAX + 1);
    assert_non_null(text);
    memset(text, 'x', D2K_TABLE_BYTES_MAX + 1);
    d2k_value cell = d2k_text("");
    cell.content.text.data = text;
    cell.content.text.size = D2K_TABLE_BYTES_MAX - others + 1;
    assert_int_equal(d2k_table_add(table, &cell), D2K_LIMIT);
    assert_string_equal(d2k_table_error_text(table), "element 1: a table has at most 61440 bytes");
    cell.content.text.size--;
    add(table, cell);
    d2k_value value = put_together(table);
    assert_int_equal(value.content.table.size, D2K_TABLE_BYTES_MAX);
    assert_checked(&value);
    value.content.table.size++;
    assert_malformed(&value, "table of 61441 bytes, at most 61440 are allowed");
    free(text);
    d2k_table_free(table);
}

static void columns_are_taken_up_to_their_limit(void **state)
{
    (void)state;
    char names[D2K_COLUMNS_MAX + 1][8];
    d2k_column columns[D2K_COLUMNS_MAX + 1];
    d2k_table *table;
    for (unsigned i = 0; i <= D2K_COLUMNS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "C%u", i);
        columns[i] = (d2k_column){D2K_TYPE_HOBJ, names[i]};
    }
    assert_int_equal(d2k_structure_new(columns, D2K_COLUMNS_MAX + 1, &table), D2K_LIMIT);
    assert_null(table);
    assert_int_equal(d2k_structure_new(columns, D2K_COLUMNS_MAX, &table), D2K_OK);
    for (unsigned i = 0; i < 2 * D2K_COLUMNS_MAX; i++) {
        add(table, d2k_hobj(i));
    }
    d2k_value value = put_together(table), cell;
    assert_checked(&value);
    assert_int_equal(d2k_table_columns(&value), D2K_COLUMNS_MAX);
    assert_true(d2k_table_cell(&value, 1, D2K_COLUMNS_MAX - 1, &cell));
    assert_int_equal(cell.content.hobj, 2 * D2K_COLUMNS_MAX - 1);
    d2k_table_free(table);
}

static void a_column_name_is_taken_up_to_its_limit(void **state)
{
    (void)state;
    char name[D2K_COLUMN_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[D2K_COLUMN_NAME_MAX + 1] = '\0';
    d2k_column column = {D2K_TYPE_REAL, name};
    d2k_table *table;
    assert_int_equal(d2k_structure_new(&column, 1, &table), D2K_ARGUMENT);
    name[D2K_COLUMN_NAME_MAX] = '\0';
    assert_int_equal(d2k_structure_new(&column, 1, &table), D2K_OK);
    d2k_value value = put_together(table);
    char read[D2K_COLUMN_NAME_MAX + 1];
    assert_int_equal(d2k_table_column(&value, 0, read), D2K_TYPE_REAL);
    assert_string_equal(read, name);
    d2k_table_free(table);
}

static void the_last_index_may_be_the_largest_and_not_one_more(void **state)
{
    (void)state;
    d2k_table *table = array_of(D2K_TYPE_BOOLEAN);
    d2k_value value;
    d2k_table_set_low(table, INT32_MAX - 1);
    add(table, d2k_boolean(true));
    add(table, d2k_boolean(true));
    value = put_together(table);
    assert_checked(&value);
    char *bytes = copy_of(&value);
    bytes[0]++; /* low */
    assert_malformed(&value, "the last index is over 2147483647");
    free(bytes);
    add(table, d2k_boolean(true));
    assert_int_equal(d2k_table_value(table, &value), D2K_ARGUMENT);
    d2k_table_free(table);
}

/* ---- making ---- */

/* Every value of a simple type is copied several times on its way. */
static void a_value_is_no_larger_for_tables(void **state)
{
    (void)state;
    assert_true(sizeof(d2k_value) <= 56);
}

static void columns_that_are_none_are_refused(void **state)
{
    (void)state;
    static const d2k_column none[] = {{D2K_TYPE_NONE, "A"}}, within[] = {{D2K_TYPE_STRUCTURE, "A"}},
                            far[] = {{(d2k_type)(256 + D2K_TYPE_REAL), "A"}},
                            dot[] = {{D2K_TYPE_REAL, "A.B"}}, empty[] = {{D2K_TYPE_REAL, ""}},
                            no_name[] = {{D2K_TYPE_REAL, NULL}},
                            twice[] = {{D2K_TYPE_REAL, "Temp"}, {D2K_TYPE_TEXT, "tEMP"}};
    const d2k_column *const wrong[] = {none, within, far, dot, empty, no_name};
    d2k_table *table;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(d2k_structure_new(wrong[i], 1, &table), D2K_ARGUMENT);
        assert_null(table);
    }
    assert_int_equal(d2k_structure_new(twice, 2, &table), D2K_ARGUMENT);
    assert_int_equal(d2k_structure_new(twice, 0, &table), D2K_ARGUMENT);
    assert_int_equal(d2k_array_new(D2K_TYPE_ARRAY, &table), D2K_ARGUMENT);
    assert_int_equal(d2k_array_new(D2K_TYPE_NONE, &table), D2K_ARGUMENT);
}

static void a_cell_that_does_not_fit_leaves_the_table_as_it_was(void **state)
{
    (void)state;
    d2k_table *table = two_tanks();
    d2k_value before = put_together(table), bad = d2k_integer(1), value;
    size_t size = before.content.table.size;
    assert_int_equal(d2k_table_add(table, &bad), D2K_TYPE);
    assert_string_equal(d2k_table_error_text(table),
                        "row 3, column Temp: the column has the type Real, the value Integer");
    bad = d2k_real(NAN);
    assert_int_equal(d2k_table_add(table, &bad), D2K_ARGUMENT);
    add(table, d2k_real(1));
    assert_int_equal(d2k_table_value(table, &value), D2K_STATE);
    bad = d2k_text("\xff");
    assert_int_equal(d2k_table_add(table, &bad), D2K_ARGUMENT);
    assert_non_null(strstr(d2k_table_error_text(table), "row 3, column Name"));
    add(table, d2k_text("x"));
    add(table, d2k_state(D2K_TYPE_STATION, D2K_STATION_ON));
    value = put_together(table);
    assert_checked(&value);
    assert_int_equal(d2k_table_rows(&value), 3);
    assert_true(value.content.table.size > size);
    d2k_table_free(table);
}

static void a_value_that_is_not_valid_becomes_a_cell_without_content(void **state)
{
    (void)state;
    d2k_table *table = array_of(D2K_TYPE_TEXT);
    d2k_value cell = d2k_text("old");
    cell.status = D2K_STATUS_WEAK;
    add(table, cell);
    d2k_value value = put_together(table);
    assert_checked(&value);
    assert_true(d2k_table_cell(&value, 0, 0, &cell));
    assert_int_equal(cell.status, 0);
    assert_int_equal(cell.content.text.size, 0);
    d2k_table_free(table);
}

/* ---- columns of a definition ---- */

static void a_table_of_other_columns_is_told_by_the_first_that_differs(void **state)
{
    (void)state;
    struct error err;
    d2k_table *table = two_tanks(), *other;
    d2k_column columns[TANK_COLUMNS + 1] = {tank[0], tank[1], tank[2], {D2K_TYPE_REAL, "More"}};
    d2k_value value = put_together(table);
    struct slice bytes = content_bytes(&value);
    assert_int_equal(table_check_columns(D2K_TYPE_STRUCTURE, bytes, table_columns(table), &err),
                     D2K_OK);
    assert_int_equal(d2k_structure_new(columns, TANK_COLUMNS + 1, &other), D2K_OK);
    assert_int_equal(table_check_columns(D2K_TYPE_STRUCTURE, bytes, table_columns(other), &err),
                     D2K_TYPE);
    assert_string_equal(err.text, "it has 3 columns, not 4");
    d2k_table_free(other);
    columns[1].type = D2K_TYPE_INTEGER;
    assert_int_equal(d2k_structure_new(columns, TANK_COLUMNS, &other), D2K_OK);
    assert_int_equal(table_check_columns(D2K_TYPE_STRUCTURE, bytes, table_columns(other), &err),
                     D2K_TYPE);
    assert_string_equal(err.text, "column 2 is Name of type Text, not Name of type Integer");
    d2k_table_free(other);
    d2k_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_has_the_elements_that_were_added),
        cmocka_unit_test(a_structure_has_its_columns_and_cells),
        cmocka_unit_test(a_reader_takes_the_cells_row_by_row),
        cmocka_unit_test(an_empty_table_is_a_value_and_keeps_its_low_index),
        cmocka_unit_test(what_is_no_table_has_no_cells),
        cmocka_unit_test(a_reader_stops_where_the_table_ends),
        cmocka_unit_test(each_malformed_form_is_refused),
        cmocka_unit_test(a_text_in_a_cell_must_be_utf8),
        cmocka_unit_test(a_cell_that_is_not_valid_has_no_content),
        cmocka_unit_test(an_array_has_one_column_without_a_name),
        cmocka_unit_test(rows_are_taken_up_to_their_limit),
        cmocka_unit_test(bytes_are_taken_up_to_their_limit),
        cmocka_unit_test(columns_are_taken_up_to_their_limit),
        cmocka_unit_test(a_column_name_is_taken_up_to_its_limit),
        cmocka_unit_test(the_last_index_may_be_the_largest_and_not_one_more),
        cmocka_unit_test(a_value_is_no_larger_for_tables),
        cmocka_unit_test(columns_that_are_none_are_refused),
        cmocka_unit_test(a_cell_that_does_not_fit_leaves_the_table_as_it_was),
        cmocka_unit_test(a_value_that_is_not_valid_becomes_a_cell_without_content),
        cmocka_unit_test(a_table_of_other_columns_is_told_by_the_first_that_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
