/* tests/unit/test_objapi_values.c: values of ObjApi from and to those of libd2k. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "objapi/values.h"

static UniVal told(d2k_value value)
{
    UniVal ret;
    value.time_ns = INT64_C(1500000000500000000);
    assert_true(objapi_value_of(&value, &ret));
    return ret;
}

static void contents_are_told_by_type(void **state)
{
    (void)state;
    assert_int_equal(told(d2k_boolean(true)).Boval, 1);
    assert_int_equal(told(d2k_integer(-5)).Intval, -5);
    assert_true(told(d2k_real(2.5)).Realval == 2.5);
    assert_true(told(d2k_absolute_time(INT64_C(100000000250000000))).TmAval == 100000000.25);
    assert_true(told(d2k_relative_time(-1500000000)).TmRval == -1.5);
    UniVal text = told(d2k_text("abc"));
    assert_string_equal(text.TxtVal, "abc");
    assert_int_not_equal(text.Indirect, 0);
    assert_int_equal(text.type, ValType_Txt);
    assert_true(text.valtime == 1500000000.5);
    assert_int_equal(text.status, VAL_Valid);
    objapi_value_free(&text);
    assert_int_equal(text.type, ValType_None);
}

static void states_are_told_and_come_back(void **state)
{
    static const struct {
        d2k_type type;
        ValType name;
        uint32_t last;
    } rows[] = {{D2K_TYPE_LINE, ValType_Li, D2K_LINE_TRUE},
                {D2K_TYPE_ALARM, ValType_Al, D2K_ALARM_NO_KVIT},
                {D2K_TYPE_STATION, ValType_St, D2K_STATION_WAIT},
                {D2K_TYPE_PROCESS, ValType_Pr, D2K_PROCESS_VALUE_WDERR},
                {D2K_TYPE_QUATERNARY, ValType_Q, D2K_QUATERNARY_OSC}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        d2k_value back;
        UniVal value = told(d2k_state(rows[i].type, rows[i].last));
        int *places[] = {&value.Boval, &value.Alval, &value.Stval, &value.Prval, &value.QVal};
        assert_int_equal(value.type, rows[i].name);
        assert_int_equal(*places[i], rows[i].last);
        assert_int_equal(objapi_value_to(&value, rows[i].type, NULL, &back), API_OK);
        assert_int_equal(back.content.state, rows[i].last);
        ++*places[i];
        assert_int_equal(objapi_value_to(&value, rows[i].type, NULL, &back), API_ParamError);
        *places[i] = -1;
        assert_int_equal(objapi_value_to(&value, rows[i].type, NULL, &back), API_ParamError);
    }
}

static void the_process_alarm_is_told_with_its_time(void **state)
{
    (void)state;
    d2k_value value = d2k_real(1);
    value.status |= D2K_STATUS_PROC_ALARM | D2K_STATUS_NO_ACK_PALARM;
    value.process_alarm = D2K_PALARM_VH_LIMIT;
    value.process_alarm_time_ns = INT64_C(1500000000250000000);
    UniVal alarm = told(value);
    assert_int_equal(alarm.procAlarmStatus, 28);
    assert_true(alarm.procAlarmTime == 1500000000.25);
    assert_int_equal(alarm.status, VAL_Valid | VAL_ProcAlarm | VAL_NoAckPAlarm);
    alarm = told(d2k_real(1));
    assert_int_equal(alarm.procAlarmStatus, 0);
    assert_true(alarm.procAlarmTime == 0);
}

static void the_limit_status_and_the_flags_are_told(void **state)
{
    (void)state;
    d2k_value value = d2k_real(1);
    value.limit_status = D2K_VH_LIMIT;
    value.flags = 0x8001;
    assert_int_equal(told(value).limitStatus, VH_Limit);
    assert_int_equal(told(value).Flags, 0x8001);
    value.limit_status = D2K_LIMITS_PROBLEM;
    assert_int_equal(told(value).limitStatus, LimitsProblem);
}

static void an_integer_that_does_not_fit_is_the_nearest_and_weak(void **state)
{
    (void)state;
    assert_int_equal(told(d2k_integer(INT_MAX)).status, VAL_Valid);
    UniVal value = told(d2k_integer((int64_t)INT_MAX + 1));
    assert_int_equal(value.Intval, INT_MAX);
    assert_int_equal(value.status, VAL_Valid | VAL_Weak);
    assert_int_equal(told(d2k_integer(INT_MIN)).status, VAL_Valid);
    value = told(d2k_integer((int64_t)INT_MIN - 1));
    assert_int_equal(value.Intval, INT_MIN);
    assert_int_equal(value.status, VAL_Valid | VAL_Weak);
}

static void a_type_without_a_name_here_tells_quality_only(void **state)
{
    (void)state;
    d2k_value strange = {.type = (d2k_type)200, .status = VAL_Valid, .flags = 3};
    UniVal value = told(strange);
    assert_int_equal(value.type, ValType_None);
    assert_int_equal(value.Flags, 3);
}

static d2k_table *new_structure(void)
{
    static const d2k_column columns[] = {{D2K_TYPE_TEXT, "Name"}, {D2K_TYPE_REAL, "Temp"}};
    d2k_table *table;
    assert_int_equal(d2k_structure_new(columns, 2, &table), D2K_OK);
    return table;
}

static void an_array_is_told_behind_its_indices_and_comes_back(void **state)
{
    (void)state;
    d2k_table *table;
    d2k_value value, back;
    assert_int_equal(d2k_array_new(D2K_TYPE_INTEGER, &table), D2K_OK);
    assert_int_equal(d2k_table_from_text(table, "{\"low\": 0, \"values\": [7, null, -7]}"), D2K_OK);
    assert_int_equal(d2k_table_value(table, &value), D2K_OK);
    UniVal array = told(value);
    assert_int_equal(array.gvaltyp, GValTyp_Array);
    assert_int_equal(array.type, ValType_Ci);
    assert_int_not_equal(array.Indirect, 0);
    assert_int_equal(array.ArrayValPtr[0].Intval, 0);
    assert_int_equal(array.ArrayValPtr[1].Intval, 2);
    assert_int_equal(array.ArrayValPtr[2].Intval, 7);
    assert_int_equal(array.ArrayValPtr[2].status, VAL_Valid);
    assert_int_equal(array.ArrayValPtr[3].status, 0);
    assert_int_equal(array.ArrayValPtr[4].Intval, -7);
    array.ArrayValPtr[4].Intval = 8;
    assert_int_equal(objapi_value_to(&array, D2K_TYPE_ARRAY, table, &back), API_OK);
    char text[64];
    (void)d2k_value_format(&back, text, sizeof text);
    assert_string_equal(text, "{\"low\":0,\"values\":[7,null,8]}");
    objapi_value_free(&array);
    d2k_table_free(table);
}

static void a_structure_is_told_row_by_row_and_comes_back(void **state)
{
    (void)state;
    d2k_table *table = new_structure();
    d2k_value value, back;
    const char *rows = "[{\"Name\": \"Feed\", \"Temp\": 81.5}, {\"Name\": null, \"Temp\": 1}]";
    assert_int_equal(d2k_table_from_text(table, rows), D2K_OK);
    assert_int_equal(d2k_table_value(table, &value), D2K_OK);
    UniVal record = told(value);
    assert_int_equal(record.gvaltyp, GValTyp_Record);
    assert_int_equal(record.ColsNr, 2);
    assert_int_equal(record.recordValPtr[0].Intval, 1);
    assert_int_equal(record.recordValPtr[1].Intval, 2);
    assert_string_equal(record.recordValPtr[2].TxtVal, "Feed");
    assert_true(record.recordValPtr[3].Realval == 81.5);
    assert_int_equal(record.recordValPtr[4].status, 0);
    assert_int_equal(objapi_value_to(&record, D2K_TYPE_STRUCTURE, table, &back), API_OK);
    assert_int_equal(d2k_table_rows(&back), 2);
    record.ColsNr = 3;
    assert_int_equal(objapi_value_to(&record, D2K_TYPE_STRUCTURE, table, &back), API_ValTypeError);
    objapi_value_free(&record);
    d2k_table_free(table);
}

static void an_array_that_is_none_is_refused(void **state)
{
    (void)state;
    static char text[] = "text";
    d2k_table *table;
    d2k_value ret;
    UniVal block[] = {
        {.Intval = 1}, {.Intval = 1}, {.type = ValType_Ci, .status = VAL_Valid, .Intval = 5}};
    UniVal array = {.gvaltyp = GValTyp_Array, .type = ValType_Ci, .ArrayValPtr = block};
    assert_int_equal(d2k_array_new(D2K_TYPE_INTEGER, &table), D2K_OK);
    assert_int_equal(objapi_value_to(&array, D2K_TYPE_ARRAY, table, &ret), API_OK);
    array.gvaltyp = GValTyp_Record;
    assert_int_equal(objapi_value_to(&array, D2K_TYPE_ARRAY, table, &ret), API_ValTypeError);
    array.gvaltyp = GValTyp_Array;
    block[2] = (UniVal){.type = ValType_Txt, .status = VAL_Valid, .TxtVal = text};
    assert_int_equal(objapi_value_to(&array, D2K_TYPE_ARRAY, table, &ret), API_ValTypeError);
    block[1].Intval = -1; /* no element is 0 */
    assert_int_equal(objapi_value_to(&array, D2K_TYPE_ARRAY, table, &ret), API_ParamError);
    block[1].Intval = D2K_ROWS_MAX + 1;
    assert_int_equal(objapi_value_to(&array, D2K_TYPE_ARRAY, table, &ret), API_ParamError);
    array.ArrayValPtr = NULL;
    assert_int_equal(objapi_value_to(&array, D2K_TYPE_ARRAY, table, &ret), API_ParamError);
    d2k_table_free(table);
}

static void values_come_back_the_same(void **state)
{
    (void)state;
    static char text[] = "\xc3\xa4";
    UniVal values[] = {{.type = ValType_Bo, .Boval = 7},     {.type = ValType_Ci, .Intval = -5},
                       {.type = ValType_Re, .Realval = 0.1}, {.type = ValType_TmA, .TmAval = 1e8},
                       {.type = ValType_TmR, .TmRval = -2},  {.type = ValType_Txt, .TxtVal = text}};
    d2k_value ret[6];
    for (size_t i = 0; i < 6; i++) {
        values[i].status = VAL_Valid | VAL_Manual;
        values[i].Flags = 0x8001;
        values[i].valtime = 1500000000.5;
        assert_int_equal(objapi_value_to(&values[i], (d2k_type)values[i].type, NULL, &ret[i]),
                         API_OK);
        assert_int_equal(ret[i].status, D2K_STATUS_VALID | D2K_STATUS_MANUAL);
        assert_int_equal(ret[i].flags, 0x8001);
        assert_int_equal(ret[i].time_ns, INT64_C(1500000000500000000));
    }
    assert_true(ret[0].content.boolean);
    assert_int_equal(ret[1].content.integer, -5);
    assert_true(ret[2].content.real == 0.1);
    assert_int_equal(ret[3].content.absolute_time_ns, INT64_C(100000000000000000));
    assert_int_equal(ret[4].content.relative_time_ns, INT64_C(-2000000000));
    assert_ptr_equal(ret[5].content.text.data, text);
}

static void another_type_is_refused(void **state)
{
    (void)state;
    d2k_value ret;
    UniVal value = {.type = ValType_Ci};
    assert_int_equal(objapi_value_to(&value, D2K_TYPE_REAL, NULL, &ret), API_ValTypeError);
    value.type = ValType_None;
    assert_int_equal(objapi_value_to(&value, D2K_TYPE_NONE, NULL, &ret), API_ValTypeError);
    value = (UniVal){.type = ValType_Ci, .gvaltyp = GValTyp_Array};
    assert_int_equal(objapi_value_to(&value, D2K_TYPE_INTEGER, NULL, &ret), API_ValTypeError);
}

static void what_is_out_of_range_is_refused(void **state)
{
    (void)state;
    d2k_value ret;
    UniVal bad[] = {{.type = ValType_Txt},
                    {.type = ValType_TmA, .TmAval = NAN},
                    {.type = ValType_TmR, .TmRval = 9.2e9},
                    {.type = ValType_Ci, .valtime = INFINITY},
                    {.type = ValType_Ci, .status = VAL_PrAlCrit << 1},
                    {.type = ValType_Ci, .Flags = 0x10000}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(objapi_value_to(&bad[i], (d2k_type)bad[i].type, NULL, &ret),
                         API_ParamError);
    }
    UniVal last = {.type = ValType_TmR, .TmRval = 9.1e9, .Flags = 0xffff};
    assert_int_equal(objapi_value_to(&last, D2K_TYPE_RELATIVE_TIME, NULL, &ret), API_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_are_told_by_type),
        cmocka_unit_test(states_are_told_and_come_back),
        cmocka_unit_test(the_process_alarm_is_told_with_its_time),
        cmocka_unit_test(the_limit_status_and_the_flags_are_told),
        cmocka_unit_test(an_integer_that_does_not_fit_is_the_nearest_and_weak),
        cmocka_unit_test(a_type_without_a_name_here_tells_quality_only),
        cmocka_unit_test(an_array_is_told_behind_its_indices_and_comes_back),
        cmocka_unit_test(a_structure_is_told_row_by_row_and_comes_back),
        cmocka_unit_test(an_array_that_is_none_is_refused),
        cmocka_unit_test(values_come_back_the_same),
        cmocka_unit_test(another_type_is_refused),
        cmocka_unit_test(what_is_out_of_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
