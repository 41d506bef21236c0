/* Process alarms: each row of the tables of docs/alarms.md, when an alarm comes, stands, goes and
 * is acknowledged, and what becomes of it in the plant. */
#include "reader_fixture.h"

#define LATER      (NOW + 1)
#define VALID      D2K_STATUS_VALID
#define STANDS     D2K_STATUS_PROC_ALARM
#define WAITS      D2K_STATUS_NO_ACK_PALARM
#define SILENT     D2K_STATUS_PR_AL_SILENT
#define CRITICAL   D2K_STATUS_PR_AL_CRIT
#define BIT(alarm) D2K_PALARM_BIT(D2K_PALARM_##alarm)

/* ---- the tables ---- */

static void every_value_means_the_alarm_of_its_row(void **state)
{
    static const struct {
        d2k_type type;
        uint32_t content;
        d2k_process_alarm alarm;
    } rows[] = {
        {D2K_TYPE_BOOLEAN, 1, D2K_PALARM_ON},
        {D2K_TYPE_BOOLEAN, 0, D2K_PALARM_OFF},
        {D2K_TYPE_LINE, D2K_LINE_FALSE, D2K_PALARM_OFF},
        {D2K_TYPE_LINE, D2K_LINE_TRUE, D2K_PALARM_ON},
        {D2K_TYPE_ALARM, D2K_ALARM_NORMAL, D2K_PALARM_NONE},
        {D2K_TYPE_ALARM, D2K_ALARM_ALARM, D2K_PALARM_ON},
        {D2K_TYPE_ALARM, D2K_ALARM_KVIT, D2K_PALARM_ON},
        {D2K_TYPE_ALARM, D2K_ALARM_BLOCK, D2K_PALARM_NONE},
        {D2K_TYPE_ALARM, D2K_ALARM_UNBLOCK, D2K_PALARM_NONE},
        {D2K_TYPE_ALARM, D2K_ALARM_NO_KVIT, D2K_PALARM_NONE},
        {D2K_TYPE_STATION, D2K_STATION_ON, D2K_PALARM_ON},
        {D2K_TYPE_STATION, D2K_STATION_OFF, D2K_PALARM_OFF},
        {D2K_TYPE_STATION, D2K_STATION_COMERR, D2K_PALARM_ERR},
        {D2K_TYPE_STATION, D2K_STATION_HARDERR, D2K_PALARM_ERR},
        {D2K_TYPE_STATION, D2K_STATION_SIMUL, D2K_PALARM_NONE},
        {D2K_TYPE_STATION, D2K_STATION_WAIT, D2K_PALARM_NONE},
        {D2K_TYPE_PROCESS, D2K_PROCESS_VALUE_RUN, D2K_PALARM_ON},
        {D2K_TYPE_PROCESS, D2K_PROCESS_VALUE_CRASH, D2K_PALARM_ERR},
        {D2K_TYPE_PROCESS, D2K_PROCESS_VALUE_STOP, D2K_PALARM_OFF},
        {D2K_TYPE_PROCESS, D2K_PROCESS_VALUE_WDERR, D2K_PALARM_ERR},
        {D2K_TYPE_QUATERNARY, D2K_QUATERNARY_TRANS, D2K_PALARM_SW_TO_TRANS},
        {D2K_TYPE_QUATERNARY, D2K_QUATERNARY_OFF, D2K_PALARM_OFF},
        {D2K_TYPE_QUATERNARY, D2K_QUATERNARY_ON, D2K_PALARM_ON},
        {D2K_TYPE_QUATERNARY, D2K_QUATERNARY_ERR, D2K_PALARM_ERR},
        {D2K_TYPE_QUATERNARY, D2K_QUATERNARY_OSC, D2K_PALARM_OSCILLATE},
        {D2K_TYPE_QUATERNARY, 99, D2K_PALARM_NONE},
        {D2K_TYPE_HOBJ, 1, D2K_PALARM_NONE},
        {D2K_TYPE_NONE, 1, D2K_PALARM_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        d2k_value value = d2k_state(rows[i].type, rows[i].content);
        if (rows[i].type == D2K_TYPE_BOOLEAN) {
            value = d2k_boolean(rows[i].content == 1);
        }
        assert_int_equal(d2k_process_alarm_of(&value), rows[i].alarm);
    }
}

static void every_limit_status_means_the_alarm_of_its_name(void **state)
{
    (void)state;
    d2k_value values[] = {d2k_integer(5), d2k_real(5)};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(d2k_process_alarm_of(&values[i]), D2K_PALARM_NONE);
        for (uint8_t limit = D2K_VL_LIMIT; limit <= D2K_LIMITS_PROBLEM; limit++) {
            values[i].limit_status = limit;
            d2k_process_alarm alarm = d2k_process_alarm_of(&values[i]);
            assert_string_equal(d2k_process_alarm_name(alarm), d2k_limit_status_name(limit));
        }
    }
}

static void types_give_what_the_table_says(void **state)
{
    const uint32_t changes = BIT(TO_ON) | BIT(TO_OFF);
    const uint32_t limits = BIT(VL_LIMIT) | BIT(L_LIMIT) | BIT(H_LIMIT) | BIT(VH_LIMIT);
    const struct {
        d2k_type type;
        uint32_t possible, usual;
    } rows[] = {
        {D2K_TYPE_NONE, 0, 0},
        {D2K_TYPE_BOOLEAN, BIT(ON) | BIT(OFF) | changes, BIT(ON)},
        {D2K_TYPE_INTEGER, limits | BIT(LIMITS_PROBLEM), limits},
        {D2K_TYPE_REAL, limits | BIT(LIMITS_PROBLEM), limits},
        {D2K_TYPE_ABSOLUTE_TIME, 0, 0},
        {D2K_TYPE_RELATIVE_TIME, 0, 0},
        {D2K_TYPE_TEXT, 0, 0},
        {D2K_TYPE_LINE, BIT(ON) | BIT(OFF) | changes, BIT(OFF)},
        {D2K_TYPE_ALARM, BIT(ON), BIT(ON)},
        {D2K_TYPE_STATION, BIT(ON) | BIT(OFF) | BIT(ERR), BIT(ERR)},
        {D2K_TYPE_PROCESS, BIT(ON) | BIT(OFF) | BIT(ERR), BIT(ERR)},
        {D2K_TYPE_QUATERNARY, BIT(ON) | BIT(OFF) | BIT(ERR) | BIT(OSCILLATE) | BIT(SW_TO_TRANS),
         BIT(ERR) | BIT(OSCILLATE)},
        {D2K_TYPE_HOBJ, 0, 0},
        {(d2k_type)99, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(d2k_process_alarms_possible(rows[i].type), rows[i].possible);
        assert_int_equal(d2k_process_alarms_usual(rows[i].type), rows[i].usual);
    }
}

static void what_can_be_given_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned alarm = 0; alarm < 32; alarm++) {
        const char *name = d2k_process_alarm_name(alarm);
        assert_true((name != NULL) == (alarm <= D2K_PALARM_SW_TRANS ||
                                       (alarm >= D2K_PALARM_VL_LIMIT && alarm <= D2K_PALARM_LAST)));
        for (unsigned other = 0; name != NULL && other < alarm; other++) {
            const char *other_name = d2k_process_alarm_name(other);
            assert_true(other_name == NULL || strcmp(name, other_name) != 0);
        }
    }
}

/* ---- one object ---- */

static struct alarm_rule rule;
static d2k_value now; /* its current value */

static void begin(uint32_t mask, bool is_critical)
{
    rule = (struct alarm_rule){.mask = mask & ALARM_MASK_ALL, .has_alarms = 1};
    rule.is_critical = is_critical;
    now = (d2k_value){.type = D2K_TYPE_NONE};
}

static void comes(d2k_value value, int64_t time_ns)
{
    value.time_ns = time_ns;
    alarm_evaluate(&rule, &now, &value);
    now = value;
}

static void assert_now(uint32_t status, d2k_process_alarm alarm, int64_t time_ns)
{
    assert_int_equal(now.status, status);
    assert_int_equal(now.process_alarm, alarm);
    assert_int_equal(now.process_alarm_time_ns, time_ns);
}

static d2k_value invalid(d2k_value value)
{
    value.status &= ~VALID;
    return value;
}

static void an_alarm_comes_is_acknowledged_and_goes(void **state)
{
    (void)state;
    begin(BIT(ON), false);
    comes(d2k_boolean(false), 1);
    assert_now(VALID, D2K_PALARM_NONE, 0);
    assert_false(alarm_acknowledge(&now));
    comes(d2k_boolean(true), 2);
    assert_now(VALID | STANDS | WAITS, D2K_PALARM_ON, 2);
    comes(d2k_boolean(true), 3);
    assert_now(VALID | STANDS | WAITS, D2K_PALARM_ON, 2);
    assert_true(alarm_acknowledge(&now));
    assert_now(VALID | STANDS, D2K_PALARM_ON, 2);
    assert_false(alarm_acknowledge(&now));
    comes(d2k_boolean(true), 4);
    assert_now(VALID | STANDS, D2K_PALARM_ON, 2);
    comes(d2k_boolean(false), 5);
    assert_now(VALID, D2K_PALARM_NONE, 0);
}

static void one_that_goes_unseen_still_waits(void **state)
{
    (void)state;
    begin(BIT(ON), true);
    comes(d2k_boolean(true), 1);
    assert_now(VALID | STANDS | WAITS | CRITICAL, D2K_PALARM_ON, 1);
    comes(d2k_boolean(false), 2);
    assert_now(VALID | WAITS | CRITICAL, D2K_PALARM_NONE, 2);
    comes(d2k_boolean(false), 3);
    assert_now(VALID | WAITS | CRITICAL, D2K_PALARM_NONE, 2);
    assert_true(alarm_acknowledge(&now));
    assert_now(VALID, D2K_PALARM_NONE, 0);
}

static void another_alarm_of_the_object_must_be_acknowledged_anew(void **state)
{
    (void)state;
    d2k_value high = d2k_real(1), very_high = d2k_real(2);
    high.limit_status = D2K_H_LIMIT;
    very_high.limit_status = D2K_VH_LIMIT;
    begin(BIT(H_LIMIT) | BIT(VH_LIMIT), false);
    comes(high, 1);
    assert_true(alarm_acknowledge(&now));
    comes(very_high, 2);
    assert_now(VALID | STANDS | WAITS, D2K_PALARM_VH_LIMIT, 2);
    assert_true(alarm_acknowledge(&now));
    comes(high, 3);
    assert_now(VALID | STANDS | WAITS, D2K_PALARM_H_LIMIT, 3);
}

static void what_the_mask_does_not_have_is_no_alarm(void **state)
{
    (void)state;
    begin(BIT(ERR), false);
    comes(d2k_state(D2K_TYPE_QUATERNARY, D2K_QUATERNARY_OSC), 1);
    assert_now(VALID, D2K_PALARM_NONE, 0);
    comes(d2k_state(D2K_TYPE_QUATERNARY, D2K_QUATERNARY_ERR), 2);
    assert_now(VALID | STANDS | WAITS, D2K_PALARM_ERR, 2);
}

static void an_invalid_value_leaves_the_alarm_as_it_is(void **state)
{
    (void)state;
    begin(BIT(ON), false);
    comes(invalid(d2k_boolean(true)), 1);
    assert_now(SILENT, D2K_PALARM_NONE, 0);
    comes(d2k_boolean(true), 2);
    assert_true(alarm_acknowledge(&now));
    comes(invalid(d2k_boolean(false)), 3);
    assert_now(STANDS | SILENT, D2K_PALARM_ON, 2);
    comes(d2k_boolean(true), 4);
    assert_now(VALID | STANDS, D2K_PALARM_ON, 2);
    comes(invalid(d2k_boolean(true)), 5);
    comes(d2k_boolean(false), 6);
    assert_now(VALID, D2K_PALARM_NONE, 0);
}

static void it_is_acknowledged_also_while_the_value_is_invalid(void **state)
{
    (void)state;
    begin(BIT(ON), true);
    comes(d2k_boolean(true), 1);
    comes(invalid(d2k_boolean(true)), 2);
    assert_now(STANDS | WAITS | SILENT | CRITICAL, D2K_PALARM_ON, 1);
    assert_true(alarm_acknowledge(&now));
    assert_now(STANDS | SILENT | CRITICAL, D2K_PALARM_ON, 1);
}

static void a_change_alarms_until_it_is_taken_back(void **state)
{
    (void)state;
    begin(BIT(TO_ON), false);
    comes(d2k_boolean(true), 1); /* it may have been so for long */
    assert_now(VALID, D2K_PALARM_NONE, 0);
    comes(d2k_boolean(false), 2);
    comes(d2k_boolean(true), 3);
    assert_now(VALID | STANDS | WAITS, D2K_PALARM_TO_ON, 3);
    comes(d2k_boolean(true), 4);
    assert_now(VALID | STANDS | WAITS, D2K_PALARM_TO_ON, 3);
    comes(d2k_boolean(false), 5);
    assert_now(VALID | WAITS, D2K_PALARM_NONE, 5);
    begin(BIT(TO_OFF) | BIT(ON), false);
    comes(d2k_state(D2K_TYPE_LINE, D2K_LINE_TRUE), 6);
    assert_now(VALID | STANDS | WAITS, D2K_PALARM_ON, 6);
    comes(d2k_state(D2K_TYPE_LINE, D2K_LINE_FALSE), 7);
    assert_now(VALID | STANDS | WAITS, D2K_PALARM_TO_OFF, 7);
}

static void a_silent_object_keeps_only_what_waits(void **state)
{
    (void)state;
    begin(BIT(ON), false);
    comes(d2k_boolean(true), 1);
    rule.mask = 0;
    comes(d2k_boolean(true), 2);
    assert_now(VALID | WAITS | SILENT, D2K_PALARM_NONE, 2);
    assert_true(alarm_acknowledge(&now));
    comes(d2k_boolean(true), 3);
    assert_now(VALID | SILENT, D2K_PALARM_NONE, 0);
}

static void without_alarms_and_of_the_past_nothing_of_them_is_left(void **state)
{
    d2k_value value = d2k_boolean(true);
    (void)state;
    begin(BIT(ON), false);
    comes(d2k_boolean(true), 1);
    value.status |= D2K_STATUS_PALARMS;
    value.process_alarm = D2K_PALARM_ERR;
    value.process_alarm_time_ns = 5;
    value.past = true;
    comes(value, 2);
    assert_now(VALID | SILENT, D2K_PALARM_NONE, 0);
    value.past = false;
    begin(0, false);
    rule.has_alarms = 0;
    comes(value, 3);
    assert_now(VALID, D2K_PALARM_NONE, 0);
}

/* ---- in the plant ---- */

static struct object *object;

/* A number with the limits 0, 1, 2, 3. */
static void define_level(const char *owner, uint32_t mask, bool has_alarms)
{
    struct definition d = {
        .name = slice_of("Level"),
        .type = D2K_TYPE_INTEGER,
        .kind = owner[0] == '\0' ? OBJECT_USER_VARIABLE : OBJECT_OF_PROCESS,
        .has_limits = true,
        .limits = {0, 1, 2, 3},
        .alarm = {.mask = mask & ALARM_MASK_ALL, .has_alarms = has_alarms},
        .properties = {(const char *)&mask, has_alarms ? sizeof mask : 0},
    };
    assert_int_equal(plant_define(plant, slice_of(owner), &d, &object, &err), D2K_OK);
}

static void assert_current(uint32_t status, d2k_process_alarm alarm)
{
    assert_int_equal(object->value.status, status);
    assert_int_equal(current_record(object).status, status);
    assert_int_equal(object->value.process_alarm, alarm);
}

static void what_a_publisher_says_of_alarms_counts_only_where_there_are_none(void **state)
{
    d2k_value value = d2k_integer(9);
    (void)state;
    value.status |= D2K_STATUS_PALARMS;
    value.process_alarm = D2K_PALARM_ERR;
    value.process_alarm_time_ns = NOW;
    object = define("Plain");
    assert_int_equal(plant_set(plant, slice_of("PC.KOM"), object, &value, NOW, &err), D2K_OK);
    assert_current(VALID | D2K_STATUS_PALARMS, D2K_PALARM_NONE);
    assert_int_equal(object->value.process_alarm_time_ns, 0);
    assert_false(plant_acknowledge_alarm(plant, object));
    struct definition described = {
        .name = slice_of("Plain"), .description = slice_of("again"), .type = D2K_TYPE_INTEGER};
    assert_int_equal(plant_define(plant, slice_of("PC.KOM"), &described, &object, &err), D2K_OK);
    assert_current(VALID | D2K_STATUS_PALARMS, D2K_PALARM_NONE);
    define_level("PC.KOM", BIT(VH_LIMIT), true);
    assert_int_equal(plant_set(plant, slice_of("PC.KOM"), object, &value, NOW, &err), D2K_OK);
    assert_current(VALID | STANDS | WAITS, D2K_PALARM_VH_LIMIT);
    assert_int_equal(object->value.process_alarm_time_ns, NOW);
}

static void readers_are_told_of_an_acknowledgement(void **state)
{
    (void)state;
    define_level("PC.KOM", BIT(H_LIMIT), true);
    set(object, 3);
    read_from_now_on(1, true, object);
    assert_true(plant_acknowledge_alarm(plant, object));
    assert_current(VALID | STANDS, D2K_PALARM_H_LIMIT);
    takes_value(object, 3);
    assert_false(plant_acknowledge_alarm(plant, object));
    takes_none();
}

static void without_memory_nothing_is_acknowledged(void **state)
{
    (void)state;
    define_level("PC.KOM", BIT(H_LIMIT), true);
    set(object, 3);
    encoder_fails = true;
    assert_false(plant_acknowledge_alarm(plant, object));
    encoder_fails = false;
    assert_current(VALID | STANDS | WAITS, D2K_PALARM_H_LIMIT);
    assert_true(plant_acknowledge_alarm(plant, object));
}

static void an_alarm_outlasts_its_owner(void **state)
{
    (void)state;
    define_level("PC.KOM", BIT(H_LIMIT), true);
    set(object, 3);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_current(STANDS | WAITS | SILENT, D2K_PALARM_H_LIMIT);
    assert_true(plant_acknowledge_alarm(plant, object));
    define_level("PC.KOM", BIT(H_LIMIT), true);
    set(object, 3);
    assert_current(VALID | STANDS, D2K_PALARM_H_LIMIT);
}

static void a_new_definition_counts_for_the_value_that_is_there(void **state)
{
    (void)state;
    define_level("", 0, false);
    set(object, 4);
    read_from_now_on(1, false, object);
    define_level("", BIT(VH_LIMIT), true);
    assert_current(VALID | STANDS | WAITS, D2K_PALARM_VH_LIMIT);
    assert_int_equal(object->value.process_alarm_time_ns, NOW);
    takes_object(object);
    takes_value(object, 4);
    define_level("", 0, true);
    assert_current(VALID | WAITS | SILENT, D2K_PALARM_NONE);
    define_level("", 0, false);
    assert_current(VALID, D2K_PALARM_NONE);
    assert_int_equal(object->value.process_alarm_time_ns, 0);
}

static void a_value_of_another_type_forgets_the_alarm(void **state)
{
    (void)state;
    define_level("PC.KOM", BIT(VH_LIMIT), true);
    set(object, 4);
    define_as("PC.KOM", D2K_TYPE_TEXT, "Level");
    assert_current(0, D2K_PALARM_NONE);
    assert_false(plant_acknowledge_alarm(plant, object));
}

static void values_of_the_past_change_no_alarm(void **state)
{
    (void)state;
    define_level("PC.KOM", BIT(VH_LIMIT), true);
    set(object, 1);
    set_past(object, 9);
    assert_current(VALID, D2K_PALARM_NONE);
}

static void a_computed_object_alarms_once_for_the_same_value(void **state)
{
    (void)state;
    struct object *input = define("Input");
    struct definition d = {.name = slice_of("Over"),
                           .type = D2K_TYPE_BOOLEAN,
                           .kind = OBJECT_COMPUTED,
                           .expression = slice_of("Input > 5"),
                           .alarm = {.mask = BIT(ON), .has_alarms = 1}};
    assert_int_equal(plant_define(plant, slice_of(""), &d, &object, &err), D2K_OK);
    set(input, 9);
    assert_current(VALID | STANDS | WAITS, D2K_PALARM_ON);
    unsigned before = encodings;
    set(input, 8);
    assert_int_equal(encodings, before + 1); /* the input alone: what follows is the same */
    assert_true(plant_acknowledge_alarm(plant, object));
    set(input, 7);
    assert_current(VALID | STANDS, D2K_PALARM_ON);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_current(STANDS | SILENT, D2K_PALARM_ON);
}

static void a_command_leaves_the_alarm_alone(void **state)
{
    (void)state;
    define_level("PC.KOM", BIT(VH_LIMIT), true);
    set(object, 4);
    plant_command_began(plant, object);
    assert_current(VALID | STANDS | WAITS | D2K_STATUS_TRANSIENT, D2K_PALARM_VH_LIMIT);
    assert_true(plant_acknowledge_alarm(plant, object));
    plant_command_ended(plant, object);
    assert_current(VALID | STANDS, D2K_PALARM_VH_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_means_the_alarm_of_its_row),
        cmocka_unit_test(every_limit_status_means_the_alarm_of_its_name),
        cmocka_unit_test(types_give_what_the_table_says),
        cmocka_unit_test(what_can_be_given_has_a_name_of_its_own),
        cmocka_unit_test(an_alarm_comes_is_acknowledged_and_goes),
        cmocka_unit_test(one_that_goes_unseen_still_waits),
        cmocka_unit_test(another_alarm_of_the_object_must_be_acknowledged_anew),
        cmocka_unit_test(what_the_mask_does_not_have_is_no_alarm),
        cmocka_unit_test(an_invalid_value_leaves_the_alarm_as_it_is),
        cmocka_unit_test(it_is_acknowledged_also_while_the_value_is_invalid),
        cmocka_unit_test(a_change_alarms_until_it_is_taken_back),
        cmocka_unit_test(a_silent_object_keeps_only_what_waits),
        cmocka_unit_test(without_alarms_and_of_the_past_nothing_of_them_is_left),
        READER_TEST(what_a_publisher_says_of_alarms_counts_only_where_there_are_none),
        READER_TEST(readers_are_told_of_an_acknowledgement),
        READER_TEST(without_memory_nothing_is_acknowledged),
        READER_TEST(an_alarm_outlasts_its_owner),
        READER_TEST(a_new_definition_counts_for_the_value_that_is_there),
        READER_TEST(a_value_of_another_type_forgets_the_alarm),
        READER_TEST(values_of_the_past_change_no_alarm),
        READER_TEST(a_computed_object_alarms_once_for_the_same_value),
        READER_TEST(a_command_leaves_the_alarm_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
