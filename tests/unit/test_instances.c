/* Instances of a process: the rules, and what they mean for processes and objects of a plant. */
#include <stdio.h>

#include "plant_fixture.h"

#define SELF slice_of("SELF.KOM")

static d2k_result try_start(unsigned instance, struct process **ret_process)
{
    struct process facts = {.since_ns = NOW, .link = {1, 2, 3}, .instance = (uint16_t)instance};
    facts.name = "SELF.KOM";
    return plant_process_start(plant, &facts, ret_process, &err);
}

static struct process *start(unsigned instance)
{
    struct process *process = NULL;
    assert_int_equal(try_start(instance, &process), D2K_OK);
    return process;
}

static struct object *define_own(void)
{
    struct definition definition = {.name = slice_of("Level"), .type = D2K_TYPE_INTEGER};
    struct object *object = NULL;
    assert_int_equal(plant_define(plant, SELF, &definition, &object, &err), D2K_OK);
    return object;
}

static void publish(struct object *object, int64_t content)
{
    d2k_value value = d2k_integer(content);
    assert_int_equal(plant_set(plant, SELF, object, &value, NOW, &err), D2K_OK);
}

static bool is_valid(const struct object *object)
{
    return (object->value.status & D2K_STATUS_VALID) != 0;
}

static void numbers_outside_change_nothing(void **state)
{
    struct instances instances = {0};
    (void)state;
    assert_false(instances_connect(&instances, 0));
    assert_false(instances_connect(&instances, INSTANCE_MAX + 1));
    assert_int_equal(instances.connected, 0);
    assert_true(instances_connect(&instances, INSTANCE_MAX));
    assert_false(instances_activate(&instances, 0));
    assert_false(instances_activate(&instances, INSTANCE_MAX + 1));
    assert_false(instances_prefer(&instances, INSTANCE_MAX + 1));
    assert_false(instances_leave(&instances, INSTANCE_MAX + 1));
    assert_int_equal(instances.active, INSTANCE_MAX);
    assert_int_equal(instances.preferred, 0);
    assert_true(instances_leave(&instances, INSTANCE_MAX));
    assert_int_equal(instances.active, 0);
}

static void the_first_is_active_and_the_lowest_takes_over(void **state)
{
    (void)state;
    struct process *third = start(3), *second = start(2), *first = start(1);
    assert_int_equal(third->instance_state, INSTANCE_ACTIVE);
    assert_int_equal(second->instance_state, INSTANCE_PASSIVE);
    assert_ptr_equal(plant_process_active(plant, SELF), third);
    assert_null(plant_process(plant, SELF));
    assert_int_not_equal(third->id, second->id);
    plant_process_end(plant, third, PROCESS_CRASH, NOW);
    assert_int_equal(third->instance_state, INSTANCE_NONE);
    assert_ptr_equal(plant_process_active(plant, slice_of("self.kom")), first);
    plant_process_end(plant, second, PROCESS_STOP, NOW);
    assert_int_equal(first->instance_state, INSTANCE_ACTIVE);
    plant_process_end(plant, first, PROCESS_STOP, NOW);
    assert_null(plant_process_active(plant, SELF));
}

static void the_objects_are_invalid_until_the_new_one_publishes(void **state)
{
    (void)state;
    struct process *first = start(1);
    struct object *object = define_own();
    publish(object, 7);
    struct process *second = start(2);
    assert_true(is_valid(object));
    plant_process_end(plant, first, PROCESS_CRASH, NOW);
    assert_false(is_valid(object));
    assert_int_equal(object->value.content.integer, 7);
    publish(object, 8);
    assert_true(is_valid(object));
    first = start(1);
    plant_process_end(plant, first, PROCESS_CRASH, NOW);
    assert_true(is_valid(object)); /* a passive one takes nothing with it */
    plant_process_end(plant, second, PROCESS_CRASH, NOW);
    assert_false(is_valid(object));
}

static void another_one_is_made_active(void **state)
{
    (void)state;
    struct process *first = start(1);
    struct object *object = define_own();
    publish(object, 7);
    assert_int_equal(plant_activate_instance(plant, SELF, 2, &err), D2K_NOT_FOUND);
    struct process *second = start(2);
    assert_int_equal(plant_activate_instance(plant, SELF, 1, &err), D2K_OK);
    assert_true(is_valid(object)); /* it was active already */
    assert_int_equal(plant_activate_instance(plant, SELF, 2, &err), D2K_OK);
    assert_int_equal(first->instance_state, INSTANCE_PASSIVE);
    assert_int_equal(second->instance_state, INSTANCE_ACTIVE);
    assert_false(is_valid(object));
    assert_int_equal(plant_activate_instance(plant, slice_of("A.B"), 1, &err), D2K_NOT_FOUND);
}

static void the_preferred_one_is_active_whenever_it_is_connected(void **state)
{
    (void)state;
    assert_int_equal(plant_prefer_instance(plant, SELF, 2, &err), D2K_NOT_FOUND);
    struct process *first = start(1), *second = start(2);
    assert_int_equal(plant_prefer_instance(plant, SELF, INSTANCE_MAX + 1, &err), D2K_ARGUMENT);
    assert_int_equal(plant_prefer_instance(plant, SELF, 2, &err), D2K_OK);
    assert_int_equal(second->instance_state, INSTANCE_ACTIVE);
    assert_true(second->preferred);
    assert_false(first->preferred);
    plant_process_end(plant, second, PROCESS_CRASH, NOW);
    assert_int_equal(first->instance_state, INSTANCE_ACTIVE);
    plant_process_end(plant, first, PROCESS_CRASH, NOW);
    (void)start(1);
    assert_ptr_equal(start(2), second);
    assert_ptr_equal(plant_process_active(plant, SELF), second);
    assert_int_equal(plant_prefer_instance(plant, SELF, 0, &err), D2K_OK);
    assert_false(second->preferred);
    assert_ptr_equal(second, plant_process_active(plant, SELF));
}

static void instances_and_a_start_without_exclude_each_other(void **state)
{
    struct process *other = NULL;
    (void)state;
    struct process *plain = start(0);
    assert_int_equal(plain->instance_state, INSTANCE_NONE);
    assert_ptr_equal(plant_process_active(plant, SELF), plain);
    assert_int_equal(try_start(1, &other), D2K_EXISTS);
    assert_non_null(strstr(err.text, "without an instance"));
    plant_process_end(plant, plain, PROCESS_STOP, NOW);
    struct process *first = start(1);
    assert_int_equal(try_start(0, &other), D2K_EXISTS);
    assert_non_null(strstr(err.text, "1 is active"));
    assert_int_equal(try_start(1, &other), D2K_STATE);
    plant_process_end(plant, first, PROCESS_STOP, NOW);
    assert_ptr_equal(start(0), plain);
}

static void an_instance_is_1_to_15(void **state)
{
    struct process *process = NULL;
    (void)state;
    assert_int_equal(try_start(INSTANCE_MAX, &process), D2K_OK);
    assert_int_equal(try_start(INSTANCE_MAX + 1, &process), D2K_ARGUMENT);
}

#define INSTANCE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_outside_change_nothing),
        INSTANCE_TEST(the_first_is_active_and_the_lowest_takes_over),
        INSTANCE_TEST(the_objects_are_invalid_until_the_new_one_publishes),
        INSTANCE_TEST(another_one_is_made_active),
        INSTANCE_TEST(the_preferred_one_is_active_whenever_it_is_connected),
        INSTANCE_TEST(instances_and_a_start_without_exclude_each_other),
        INSTANCE_TEST(an_instance_is_1_to_15),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
