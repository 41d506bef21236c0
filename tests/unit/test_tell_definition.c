/* Definitions as texts: what a column or an option says is read, written, and refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "programs/tell/definition.h"

static struct definition_texts texts;
static struct tell_definition definition;
static struct error err;

static void begin(const char *type)
{
    texts = (struct definition_texts){0};
    texts.columns[COLUMN_NAME] = slice_of("A");
    texts.columns[COLUMN_TYPE] = slice_of(type);
}

static void is_refused(enum definition_column column, const char *text, const char *sentence)
{
    texts.columns[column] = slice_of(text);
    assert_int_equal(definition_read(&texts, &definition, &err), D2K_ARGUMENT);
    assert_string_equal(err.text, sentence);
}

static d2k_object_info object_of(const d2k_definition *d)
{
    return (d2k_object_info){.name = d->name,
                             .type = d->type,
                             .kind = d->kind,
                             .description = d->description,
                             .unit = d->unit,
                             .path = d->path,
                             .default_value = d->default_value,
                             .writable = d->writable,
                             .expression = d->expression,
                             .limits = d->limits,
                             .history = d->history,
                             .has_alarms = d->has_alarms,
                             .alarms = d->alarms,
                             .critical = d->critical,
                             .columns = d->columns,
                             .column_count = d->column_count};
}

/* The record that is written for what these options say of A, of this type. */
static void written_as(const char *type, const char *const *options, const char *record)
{
    struct buffer out;
    begin(type);
    for (; *options != NULL; options++) {
        assert_true(definition_take_option(*options, &texts));
    }
    assert_int_equal(definition_read(&texts, &definition, &err), D2K_OK);
    d2k_object_info object = object_of(&definition.definition);
    buffer_init(&out, 1024);
    assert_true(definition_put(&out, &object));
    buffer_put_u8(&out, '\0');
    assert_string_equal((const char *)buffer_data(&out), record);
    buffer_free(&out);
    definition_free(&definition);
}

static void options_are_written_as(const char *const *options, const char *record)
{
    written_as("integer", options, record);
}

static void every_option_is_read_and_written(void **state)
{
    static const char *const all[] = {"--description=with, comma",
                                      "--unit=bar",
                                      "--path=P/Q",
                                      "--default=-7",
                                      "--writable",
                                      "--vl=-1.5",
                                      "--l=0",
                                      "--h=1e3",
                                      "--vh=2e3",
                                      "--history=600",
                                      "--alarm=vh_limit, L_Limit",
                                      "--critical",
                                      NULL};
    static const char *const computed[] = {"--computed=B + 1", "--history=0", "--alarm=SILENT",
                                           NULL};
    static const char *const usual[] = {"--alarm=usual", NULL};
    static const char *const nothing[] = {NULL};
    (void)state;
    options_are_written_as(all,
                           "A,Integer,,,user variable,\"with, comma\",bar,P/Q,-7,yes,,-1.5,0,1000"
                           ",2000,600,L_Limit VH_Limit,yes\r\n");
    options_are_written_as(computed, "A,Integer,,,computed,,,,,,B + 1,,,,,0,silent,\r\n");
    options_are_written_as(usual,
                           "A,Integer,,,user variable,,,,,,,,,,,,VL_Limit L_Limit H_Limit VH_Limit,"
                           "\r\n");
    options_are_written_as(nothing, "A,Integer,,,user variable,,,,,,,,,,,,,\r\n");
}

static void columns_are_read_and_written(void **state)
{
    static const char *const array[] = {"--of=absolute time", "--default=[null]", NULL};
    static const char *const rows[] = {"--columns= Temp  Real,Name Text , At Absolute time",
                                       "--default={\"low\":0,\"values\":[]}", NULL};
    (void)state;
    written_as("array", array, "A,Array,Absolute time,,user variable,,,,[null],,,,,,,,,\r\n");
    written_as("STRUCTURE", rows,
               "A,Structure,,\"Temp Real, Name Text, At Absolute time\",user variable,,,,"
               "\"{\"\"low\"\":0,\"\"values\"\":[]}\",,,,,,,,,\r\n");
}

static void columns_that_are_none_are_refused(void **state)
{
    char many[16 * (D2K_COLUMNS_MAX + 1)] = "";
    (void)state;
    begin("Array");
    is_refused(COLUMN_OF, "", "of: an Array has a type of its elements");
    is_refused(
        COLUMN_OF, "Float",
        "of: \"Float\" is no type; there are Boolean, Integer, Real, Absolute time, Relative "
        "time, Text, Line, Alarm, Station, Process, Quaternary, Hobj, Array, Structure");
    begin("Structure");
    is_refused(COLUMN_OF, "Real", "of: \"Real\" is the type of elements: of an Array only");
    begin("Real");
    is_refused(COLUMN_COLUMNS, "T Real", "columns: \"T Real\" are columns: of a Structure only");
    begin("Structure");
    is_refused(COLUMN_COLUMNS, "", "columns: a Structure has columns");
    is_refused(COLUMN_COLUMNS, "T Real,",
               "columns: \"\" is no column: its name, a blank and its type is one");
    is_refused(COLUMN_COLUMNS, "T Real,Name",
               "columns: \"Name\" is no column: its name, a blank and its type is one");
    for (unsigned i = 0; i <= D2K_COLUMNS_MAX; i++) {
        size_t used = strlen(many);
        (void)snprintf(many + used, sizeof many - used, "%sC%u Real", i > 0 ? "," : "", i);
    }
    is_refused(COLUMN_COLUMNS, many, "columns: at most 64 columns are allowed");
    *strrchr(many, ',') = '\0';
    texts.columns[COLUMN_COLUMNS] = slice_of(many);
    assert_int_equal(definition_read(&texts, &definition, &err), D2K_OK);
    assert_int_equal(definition.definition.column_count, D2K_COLUMNS_MAX);
    assert_string_equal(definition.definition.columns[63].name, "C63");
    definition_free(&definition);
}

static void what_is_no_option_of_define_is_left(void **state)
{
    char all[DEFINITION_OPTIONS_MAX];
    (void)state;
    begin("Real");
    assert_false(definition_take_option("--json", &texts));
    assert_false(definition_take_option("--unit", &texts));
    assert_false(definition_take_option("--writable=no", &texts));
    texts = (struct definition_texts){0};
    assert_false(definition_says_something(&texts));
    assert_true(definition_take_option("--unit=", &texts));
    assert_true(definition_says_something(&texts));
    assert_non_null(strstr(definition_options(all), "--unit=, --path=, "));
    assert_true(strlen(all) + 1 < sizeof all);
}

static void a_history_is_at_most_its_limit(void **state)
{
    (void)state;
    begin("Real");
    texts.columns[COLUMN_HISTORY] = slice_of("10000");
    assert_int_equal(definition_read(&texts, &definition, &err), D2K_OK);
    assert_int_equal(definition.definition.history, D2K_HISTORY_MAX);
    definition_free(&definition);
    is_refused(COLUMN_HISTORY, "10001",
               "history: \"10001\" must be a number 0..10000 of changes, 0 for none");
    is_refused(COLUMN_HISTORY, "1.5",
               "history: \"1.5\" must be a number 0..10000 of changes, 0 for none");
}

static void a_refusal_names_the_column(void **state)
{
    (void)state;
    begin("Integer");
    is_refused(COLUMN_DEFAULT, "1.5", "default: \"1.5\" is no value of type Integer");
    begin("Real");
    is_refused(COLUMN_VH, "inf", "vh: \"inf\" is no number");
    begin("Real");
    is_refused(COLUMN_WRITABLE, "perhaps",
               "writable: \"perhaps\" is not allowed: yes, no or empty");
    begin("Real");
    is_refused(COLUMN_KIND, "system tag",
               "kind: \"system tag\" cannot be defined: it must be a user variable or computed");
    is_refused(COLUMN_NAME, "", "name: it is missing");
    begin("Text");
    is_refused(COLUMN_ALARM, "usual", "alarm: type Text has no process alarms");
    is_refused(
        COLUMN_ALARM, "On Loud",
        "alarm: \"On Loud\" is not allowed: usual, silent, or names of process alarms such as "
        "H_Limit, VH_Limit, On, Err");
    begin("Real");
    texts.columns[COLUMN_UNIT] = (struct slice){"a\0b", 3};
    assert_int_equal(definition_read(&texts, &definition, &err), D2K_ARGUMENT);
    assert_string_equal(err.text, "unit: a NUL stands in it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_read_and_written),
        cmocka_unit_test(columns_are_read_and_written),
        cmocka_unit_test(columns_that_are_none_are_refused),
        cmocka_unit_test(what_is_no_option_of_define_is_left),
        cmocka_unit_test(a_history_is_at_most_its_limit),
        cmocka_unit_test(a_refusal_names_the_column),
    };
    return cmocka_run_group_tests_name("tell_definition", tests, NULL, NULL);
}
