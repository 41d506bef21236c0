/* Readers that are too slow: what is owed, what is counted as lost, and how it is told. */
#include "reader_fixture.h"

static void a_full_queue_loses_nothing(void **state)
{
    (void)state;
    struct object *a = define("a");
    read_from_now_on(1, true, a);
    fill_queue(a);
    takes_full_queue(a);
    takes_none();
}

static void one_update_more_is_owed_and_arrives(void **state)
{
    (void)state;
    struct object *a = define("a");
    read_from_now_on(1, true, a);
    fill_queue(a);
    set(a, -1);
    takes_full_queue(a);
    takes_value(a, -1);
    takes_none();
}

static void what_is_replaced_while_owed_is_counted_and_the_newest_arrives(void **state)
{
    (void)state;
    struct object *a = define("a");
    read_from_now_on(1, true, a);
    fill_queue(a);
    for (int64_t i = 0; i < 10; i++) {
        set(a, -i);
    }
    takes_full_queue(a);
    takes_value(a, -9);
    takes_overrun(1, 9);
    takes_none();
    set(a, 77);
    set(a, 78);
    takes_value(a, 77);
    takes_value(a, 78);
    takes_none();
}

static void each_object_of_an_overrun_arrives_with_its_newest(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct object *b = define("b");
    subscribe(1, true, "?");
    take_everything();
    fill_queue(a);
    set(b, 1);
    set(b, 2);
    set(a, -5);
    takes_full_queue(a);
    takes_value(b, 2);
    takes_overrun(1, 1);
    takes_value(a, -5);
    takes_none();
}

static void values_of_the_past_that_do_not_fit_are_counted(void **state)
{
    (void)state;
    struct object *a = define("a");
    read_from_now_on(1, true, a);
    fill_queue(a);
    set_past(a, -100);
    set(a, -1);
    set_past(a, -101);
    takes_full_queue(a);
    takes_overrun(1, 2);
    takes_value(a, -1);
    takes_none();
}

static void an_owed_value_comes_behind_older_ones_of_its_object(void **state)
{
    (void)state;
    struct object *object = NULL;
    struct object *a = define("a");
    read_from_now_on(1, true, a);
    const struct definition changed = {.name = slice_of("a"),
                                       .description = slice_of("new"),
                                       .unit = slice_of(""),
                                       .type = D2K_TYPE_INTEGER};
    assert_int_equal(plant_define(plant, slice_of("PC.KOM"), &changed, &object, &err), D2K_OK);
    fill_queue(a);
    set(a, -1);
    takes_object(a);
    takes_full_queue(a);
    takes_value(a, -1);
    takes_none();
}

static void large_updates_are_bounded_in_bytes(void **state)
{
    (void)state;
    struct object *a = define_as("A.API", D2K_TYPE_TEXT, "t");
    struct delivery d;
    size_t size = 100000;
    uint64_t fitting = PLANT_EVERY_BYTES_MAX / (size + sizeof(struct record)), count = 0;
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    subscribe(1, true, "t");
    take_everything();
    for (uint64_t i = 0; i < fitting + 3; i++) {
        d2k_value value = d2k_text(text);
        assert_int_equal(plant_set(plant, slice_of("A.API"), a, &value, NOW, &err), D2K_OK);
    }
    for (next_delivery(reader, &d); d.kind == DELIVERY_UPDATE; next_delivery(reader, &d)) {
        count++;
    }
    assert_int_equal(count, fitting + 1);
    assert_int_equal(d.kind, DELIVERY_OVERRUN);
    assert_int_equal(d.count, 2);
    takes_none();
    free(text);
}

static void a_slow_reader_costs_the_others_nothing(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct delivery d;
    struct subscriber *quick = subscriber_new(plant, NULL);
    assert_non_null(quick);
    assert_int_equal(subscriber_subscribe(quick, 1, 0, true, slice_of("a"), &err), D2K_OK);
    read_from_now_on(1, true, a);
    for (unsigned i = 0; i < 3; i++) {
        next_delivery(quick, &d);
    }
    for (int64_t i = 0; i < PLANT_EVERY_QUEUE_MAX + 100; i++) {
        set(a, i);
        next_delivery(quick, &d);
        assert_int_equal(d.kind, DELIVERY_UPDATE);
        assert_int_equal(record_of(d.bytes).content, i);
    }
    subscriber_free(quick);
}

static void unreported_losses_go_to_the_subscription_that_remains(void **state)
{
    (void)state;
    struct object *a = define("a");
    read_from_now_on(1, true, a);
    subscribe(2, true, "*");
    take_everything();
    fill_queue(a);
    set(a, -1);
    set(a, -2);
    assert_true(subscriber_unsubscribe(reader, 1));
    takes_full_queue(a);
    takes_value(a, -2);
    takes_overrun(2, 1);
    takes_none();
}

static void losses_of_a_subscription_are_told_behind_its_snapshot(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct object *b = define("b");
    subscribe(3, true, "c");
    subscribe(1, true, "a");
    take_everything();
    assert_true(subscriber_unsubscribe(reader, 3)); /* the place of the next one, before this */
    fill_queue(a);
    set(a, -1);
    set(a, -2);
    subscribe(2, true, "b");
    set(b, 1);
    set(b, 2);
    set(b, 3);
    takes_full_queue(a);
    takes_value(a, -2);
    takes_overrun(1, 1);
    takes_begin(2);
    takes_object(b);
    takes_value(b, 3);
    takes_end(2, 1);
    takes_overrun(2, 2);
    takes_none();
}

static void each_subscription_tells_its_own_losses(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct object *b = define("b");
    subscribe(1, true, "a");
    subscribe(2, true, "b");
    take_everything();
    fill_queue(a);
    set(a, -1);
    set(a, -2);
    set(b, -1);
    set(b, -2);
    set(b, -3);
    takes_full_queue(a);
    takes_value(a, -2);
    takes_overrun(1, 1);
    takes_value(b, -3);
    takes_overrun(2, 2);
    takes_none();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(an_owed_value_comes_behind_older_ones_of_its_object),
        READER_TEST(a_full_queue_loses_nothing),
        READER_TEST(one_update_more_is_owed_and_arrives),
        READER_TEST(what_is_replaced_while_owed_is_counted_and_the_newest_arrives),
        READER_TEST(each_object_of_an_overrun_arrives_with_its_newest),
        READER_TEST(values_of_the_past_that_do_not_fit_are_counted),
        READER_TEST(large_updates_are_bounded_in_bytes),
        READER_TEST(a_slow_reader_costs_the_others_nothing),
        READER_TEST(losses_of_a_subscription_are_told_behind_its_snapshot),
        READER_TEST(each_subscription_tells_its_own_losses),
        READER_TEST(unreported_losses_go_to_the_subscription_that_remains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
