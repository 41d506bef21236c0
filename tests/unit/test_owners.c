/* An owner that goes: its objects become invalid, many of them a slice a turn, whatever happens to
 * them meanwhile. */
#include <stdio.h>

#include "plant_fixture.h"

#define MANY (2 * PLANT_INVALIDATIONS_AT_ONCE + 1)

static struct object *objects[MANY];

static int set_up_many(void **state)
{
    char name[16];
    int result = set_up(state);
    for (unsigned i = 0; result == 0 && i < MANY; i++) {
        (void)snprintf(name, sizeof name, "O%u", i);
        objects[i] = define(name);
        set(objects[i], i);
    }
    return result;
}

static bool is_valid(const struct object *object)
{
    bool valid = (object->value.status & D2K_STATUS_VALID) != 0;
    assert_int_equal(current_record(object).status & D2K_STATUS_VALID, valid);
    return valid;
}

static unsigned valid_ones(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < MANY; i++) {
        count += objects[i] != NULL && is_valid(objects[i]);
    }
    return count;
}

static void tidy_all(void)
{
    while (plant_tidy(plant)) {
    }
}

static void many_objects_become_invalid_a_slice_a_turn(void **state)
{
    (void)state;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_int_equal(valid_ones(), MANY - PLANT_INVALIDATIONS_AT_ONCE);
    assert_true(plant_tidy(plant));
    assert_int_equal(valid_ones(), 1);
    assert_false(plant_tidy(plant));
    assert_int_equal(valid_ones(), 0);
    assert_false(plant_tidy(plant));
}

static void a_slice_that_is_just_full_is_the_only_one(void **state)
{
    (void)state;
    for (unsigned i = PLANT_INVALIDATIONS_AT_ONCE; i < MANY; i++) {
        assert_int_equal(plant_delete(plant, objects[i], &err), D2K_OK);
        objects[i] = NULL;
    }
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_int_equal(valid_ones(), 0);
    assert_false(plant_tidy(plant));
}

static void what_the_owner_publishes_meanwhile_stays(void **state)
{
    (void)state;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    set(objects[MANY - 1], 77);
    set(objects[0], 78);
    tidy_all();
    assert_int_equal(valid_ones(), 2);
    assert_true(is_valid(objects[MANY - 1]) && is_valid(objects[0]));
    assert_int_equal(objects[MANY - 1]->value.content.integer, 77);
}

static void an_owner_that_goes_again_takes_what_it_gave_with_it(void **state)
{
    (void)state;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    set(objects[MANY - 1], 77);
    set(objects[0], 78);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    tidy_all();
    assert_int_equal(valid_ones(), 0);
    assert_int_equal(objects[MANY - 1]->value.content.integer, 77);
}

static void a_new_definition_does_not_save_an_old_value(void **state)
{
    (void)state;
    struct definition definition = {.name = slice_of(objects[MANY - 1]->name),
                                    .type = D2K_TYPE_INTEGER,
                                    .has_limits = true,
                                    .limits = {0, 1, 2, 3},
                                    .properties = slice_of("limits")};
    struct object *again;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_int_equal(plant_define(plant, slice_of("PC.KOM"), &definition, &again, &err), D2K_OK);
    assert_int_equal(again->value.limit_status, D2K_VH_LIMIT);
    assert_false(is_valid(again));
    tidy_all();
    assert_int_equal(valid_ones(), 0);
}

static void a_command_does_not_save_an_old_value(void **state)
{
    (void)state;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    plant_command_began(plant, objects[MANY - 1]);
    assert_int_equal(objects[MANY - 1]->value.status, D2K_STATUS_TRANSIENT);
    tidy_all();
    plant_command_ended(plant, objects[MANY - 1]);
    assert_int_equal(valid_ones(), 0);
}

static void an_acknowledgement_does_not_save_an_old_value(void **state)
{
    (void)state;
    struct object *object = objects[MANY - 1];
    object->alarm = (struct alarm_rule){.mask = ALARM_MASK_ALL, .has_alarms = 1};
    object->value.status |= D2K_STATUS_NO_ACK_PALARM;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_true(plant_acknowledge_alarm(plant, object));
    assert_false(is_valid(object));
    tidy_all();
    assert_int_equal(valid_ones(), 0);
}

static void objects_may_be_deleted_and_defined_meanwhile(void **state)
{
    (void)state;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_int_equal(plant_delete(plant, objects[MANY - 1], &err), D2K_OK);
    objects[MANY - 1] = define("New");
    set(objects[MANY - 1], 1);
    tidy_all();
    assert_int_equal(valid_ones(), 1);
}

static void several_owners_may_go_at_once(void **state)
{
    (void)state;
    struct object *other = define_as("B.API", D2K_TYPE_INTEGER, "Other");
    set(other, 1);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    plant_owner_gone(plant, slice_of("B.API"));
    plant_owner_gone(plant, slice_of("NOBODY.API"));
    assert_false(is_valid(other));
    tidy_all();
    assert_int_equal(valid_ones(), 0);
}

static void a_plant_ends_while_there_is_more_to_do(void **state)
{
    (void)state;
    plant_owner_gone(plant, slice_of("PC.KOM"));
}

int main(void)
{
#define OWNERS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_many, tear_down)
    const struct CMUnitTest tests[] = {
        OWNERS_TEST(many_objects_become_invalid_a_slice_a_turn),
        OWNERS_TEST(a_slice_that_is_just_full_is_the_only_one),
        OWNERS_TEST(what_the_owner_publishes_meanwhile_stays),
        OWNERS_TEST(an_owner_that_goes_again_takes_what_it_gave_with_it),
        OWNERS_TEST(a_new_definition_does_not_save_an_old_value),
        OWNERS_TEST(a_command_does_not_save_an_old_value),
        OWNERS_TEST(an_acknowledgement_does_not_save_an_old_value),
        OWNERS_TEST(objects_may_be_deleted_and_defined_meanwhile),
        OWNERS_TEST(several_owners_may_go_at_once),
        OWNERS_TEST(a_plant_ends_while_there_is_more_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
