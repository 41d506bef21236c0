/* Readers: snapshots, the two modes, definitions, coming and going of subscriptions. */
#include <stdio.h>

#include "reader_fixture.h"

static d2k_result try_subscribe(uint32_t number, struct slice pattern)
{
    return subscriber_subscribe(reader, number, 0, false, pattern, &err);
}

/* ---- snapshots ---- */

static void a_snapshot_tells_each_match_with_its_value(void **state)
{
    (void)state;
    struct object *a = define("Kom.A");
    struct object *b = define("Kom.B");
    define("Other");
    set(b, 2);
    subscribe(1, false, "kom.*");
    takes_begin(1);
    takes_object(a);
    takes_object(b);
    takes_value(b, 2);
    takes_end(1, 2);
    takes_none();
}

static void a_name_is_looked_up_without_regard_to_case(void **state)
{
    (void)state;
    struct object *a = define("Kom.A");
    set(a, 1);
    subscribe(1, true, "KOM.a");
    takes_begin(1);
    takes_object(a);
    takes_value(a, 1);
    takes_end(1, 1);
}

static void a_snapshot_of_nothing_is_empty(void **state)
{
    (void)state;
    define("a");
    subscribe(1, false, "b*");
    subscribe(2, false, "b");
    takes_begin(1);
    takes_end(1, 0);
    takes_begin(2);
    takes_end(2, 0);
    takes_none();
}

static void a_value_published_before_the_snapshot_is_taken_is_in_it(void **state)
{
    (void)state;
    struct object *a = define("a");
    set(a, 1);
    subscribe(1, false, "*");
    set(a, 2);
    takes_begin(1);
    takes_object(a);
    takes_value(a, 2);
    takes_end(1, 1);
    takes_none();
}

static void every_of_a_name_begins_with_the_value_at_subscription(void **state)
{
    (void)state;
    struct object *a = define("a");
    set(a, 1);
    subscribe(1, true, "a");
    set(a, 2);
    set(a, 3);
    takes_begin(1);
    takes_object(a);
    takes_value(a, 1);
    takes_end(1, 1);
    takes_value(a, 2);
    takes_value(a, 3);
    takes_none();
}

static void every_of_a_pattern_begins_with_the_value_that_the_walk_finds(void **state)
{
    (void)state;
    struct object *a = define("a"), *b = define("b");
    set(a, 1);
    set(b, 1);
    subscribe(1, true, "*");
    set(a, 2);
    takes_begin(1);
    takes_object(a);
    takes_value(a, 2);
    set(a, 3);
    set(b, 2);
    takes_object(b);
    takes_value(b, 2);
    takes_end(1, 2);
    takes_value(a, 3);
    takes_none();
}

static void define_many(unsigned count)
{
    char name[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "x%u", i);
        (void)define(name);
    }
}

static void a_walk_of_as_many_looks_as_allowed_at_once_gives_way_to_nobody(void **state)
{
    (void)state;
    define_many(PLANT_LOOKS_AT_ONCE);
    subscribe(1, false, "y*");
    takes_begin(1);
    takes_end(1, 0);
    takes_none();
}

static void a_walk_of_one_look_more_gives_way_and_goes_on(void **state)
{
    (void)state;
    define_many(PLANT_LOOKS_AT_ONCE);
    struct object *last = define("y");
    set(last, 1);
    subscribe(1, false, "y*");
    takes_begin(1);
    takes_later();
    set(last, 2);
    takes_object(last);
    takes_value(last, 2);
    takes_end(1, 1);
    takes_none();
}

/* More than one call of subscriber_free() takes apart: its table has at least a place for each. */
static struct object *leave_much_behind(bool every)
{
    struct subscriber *other = subscriber_new(plant, NULL);
    struct delivery d;
    define_many(PLANT_LOOKS_AT_ONCE);
    assert_non_null(other);
    assert_int_equal(subscriber_subscribe(other, 1, 0, every, slice_of("*"), &err), D2K_OK);
    assert_int_equal(subscriber_subscribe(other, 2, 0, every, slice_of("x7"), &err), D2K_OK);
    do {
        next_delivery(other, &d);
    } while (d.kind != DELIVERY_NONE);
    subscriber_free(other);
    return plant_object_by_name(plant, slice_of("x7"));
}

static void what_one_who_left_has_read_is_taken_apart_a_slice_at_a_time(void **state)
{
    (void)state;
    (void)leave_much_behind(false);
    assert_true(plant_tidy(plant));
    while (plant_tidy(plant)) {
    }
    for (size_t i = 0; i < plant_object_end(plant); i++) {
        assert_int_equal(plant_object_at(plant, i)->reader_count, 0);
    }
    assert_false(plant_tidy(plant));
}

static void one_who_left_is_told_nothing_while_it_is_taken_apart(void **state)
{
    (void)state;
    for (int every = 0; every < 2; every++) {
        struct object *object = leave_much_behind(every != 0);
        wakes = 0;
        for (int i = 1; i < 10; i++) {
            set(object, i);
        }
        assert_int_equal(plant_delete(plant, object, &err), D2K_OK);
        set(define("x7"), 1);
        assert_int_equal(wakes, 0);
        while (plant_tidy(plant)) {
        }
    }
}

static void a_plant_may_go_while_one_who_left_is_taken_apart(void **state)
{
    (void)state;
    (void)leave_much_behind(true); /* the rest is up to plant_free() */
}

static void a_subscription_may_end_while_its_walk_has_given_way(void **state)
{
    (void)state;
    define_many(PLANT_LOOKS_AT_ONCE);
    struct object *last = define("y");
    subscribe(1, true, "y*");
    subscribe(2, false, "y");
    takes_begin(1);
    takes_later();
    assert_true(subscriber_unsubscribe(reader, 1));
    set(last, 1);
    takes_begin(2);
    takes_object(last);
    takes_value(last, 1);
    takes_end(2, 1);
    takes_none();
}

static void an_object_defined_while_the_snapshot_waits_is_in_it_once(void **state)
{
    (void)state;
    struct object *a = define("a");
    subscribe(1, false, "*");
    struct object *b = define("b");
    set(b, 5);
    takes_begin(1);
    takes_object(a);
    takes_object(b);
    takes_value(b, 5);
    takes_end(1, 2);
    takes_none();
}

static void a_second_snapshot_tells_its_objects_again(void **state)
{
    (void)state;
    struct object *a = define("a");
    set(a, 1);
    read_from_now_on(1, false, a);
    subscribe(2, false, "a*");
    takes_begin(2);
    takes_object(a);
    takes_value(a, 1);
    takes_end(2, 1);
    set(a, 2);
    takes_value(a, 2);
    takes_none();
}

static void a_second_snapshot_does_not_tell_values_of_the_past(void **state)
{
    (void)state;
    struct object *a = define("a");
    set(a, 1);
    read_from_now_on(1, true, a);
    set_past(a, 100);
    takes_value(a, 100);
    subscribe(2, false, "*");
    takes_begin(2);
    takes_object(a);
    takes_value(a, 1);
    takes_end(2, 1);
    takes_none();
}

static void a_second_snapshot_never_goes_ahead_of_waiting_values(void **state)
{
    (void)state;
    struct object *a = define("a");
    set(a, 1);
    read_from_now_on(1, true, a);
    set(a, 2);
    subscribe(2, true, "*");
    set(a, 3);
    takes_value(a, 2);
    takes_begin(2);
    takes_object(a);
    takes_value(a, 2);
    takes_end(2, 1);
    takes_value(a, 3);
    takes_none();
}

/* ---- modes ---- */

static void latest_skips_to_the_newest_value_at_its_first_place(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct object *b = define("b");
    read_from_now_on(1, false, a);
    read_from_now_on(2, false, b);
    set(a, 1);
    set(b, 10);
    set(a, 2);
    set(b, 11);
    set(a, 3);
    takes_value(a, 3);
    takes_value(b, 11);
    takes_none();
}

static void every_tells_each_value_in_order(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct object *b = define("b");
    read_from_now_on(1, true, a);
    read_from_now_on(2, true, b);
    set(a, 1);
    set(b, 10);
    set(a, 2);
    set(b, 11);
    takes_value(a, 1);
    takes_value(b, 10);
    takes_value(a, 2);
    takes_value(b, 11);
    takes_none();
}

static void values_of_the_past_are_for_every_only(void **state)
{
    (void)state;
    struct object *a = define("a");
    set(a, 1);
    read_from_now_on(1, false, a);
    set_past(a, 100);
    takes_none();
    subscribe(2, true, "a");
    take_everything();
    set_past(a, 101);
    set(a, 2);
    set_past(a, 102);
    takes_value(a, 101);
    takes_value(a, 2);
    takes_value(a, 102);
    takes_none();
}

static void two_subscriptions_tell_a_value_once_by_the_stricter_mode(void **state)
{
    (void)state;
    struct object *a = define("a");
    subscribe(1, false, "*");
    subscribe(2, true, "a");
    subscribe(3, true, "?");
    take_everything();
    set(a, 1);
    set(a, 2);
    takes_value(a, 1);
    takes_value(a, 2);
    takes_none();
}

static void all_readers_share_one_encoding(void **state)
{
    (void)state;
    struct subscriber *others[10];
    struct object *a = define("a");
    subscribe(1, true, "a");
    for (unsigned i = 0; i < 10; i++) {
        others[i] = subscriber_new(plant, NULL);
        assert_non_null(others[i]);
        assert_int_equal(subscriber_subscribe(others[i], 1, 0, i % 2 == 0, slice_of("*"), &err),
                         D2K_OK);
    }
    set(a, 1);
    assert_int_equal(encodings, 1);
    for (unsigned i = 0; i < 10; i++) {
        subscriber_free(others[i]);
    }
    take_everything();
    assert_int_equal(a->current->references, 1); /* only the object still holds it */
}

static void an_update_in_hand_outlives_its_replacement(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct delivery d;
    read_from_now_on(1, false, a);
    set(a, 1);
    next_delivery(reader, &d);
    set(a, 2);
    assert_int_equal(record_of(d.bytes).content, 1);
    takes_value(a, 2);
}

/* ---- definitions ---- */

static void later_objects_that_match_are_included(void **state)
{
    (void)state;
    subscribe(1, false, "Kom.*");
    subscribe(2, true, "plain");
    take_everything();
    struct object *a = define("kom.x");
    struct object *b = define("PLAIN");
    define("other");
    takes_object(a);
    takes_object(b);
    takes_none();
    set(a, 1);
    set(b, 2);
    set(b, 3);
    takes_value(a, 1);
    takes_value(b, 2);
    takes_value(b, 3);
    takes_none();
}

static void several_readers_wait_for_one_name(void **state)
{
    (void)state;
    struct subscriber *other = subscriber_new(plant, NULL);
    assert_non_null(other);
    assert_int_equal(subscriber_subscribe(other, 1, 0, false, slice_of("later"), &err), D2K_OK);
    subscribe(1, false, "later");
    subscribe(2, false, "later");
    take_everything();
    assert_true(subscriber_unsubscribe(reader, 2));
    subscriber_free(other);
    struct object *object = define("later");
    takes_object(object);
    takes_none();
    assert_true(subscriber_unsubscribe(reader, 1));
    set(object, 1);
    takes_none();
}

static void a_changed_definition_is_told_again_before_new_values(void **state)
{
    (void)state;
    struct object *object = NULL;
    struct object *a = define("a");
    read_from_now_on(1, true, a);
    set(a, 1);
    const struct definition changed = {.name = slice_of("a"),
                                       .description = slice_of("new"),
                                       .unit = slice_of("V"),
                                       .type = D2K_TYPE_INTEGER};
    assert_int_equal(plant_define(plant, slice_of("PC.KOM"), &changed, &object, &err), D2K_OK);
    set(a, 2);
    takes_value(a, 1);
    takes_object(a);
    takes_value(a, 2);
    takes_none();
}

static void an_unchanged_definition_is_not_told_again(void **state)
{
    (void)state;
    struct object *a = define("a");
    read_from_now_on(1, false, a);
    define("a");
    takes_none();
}

static void a_change_of_type_tells_the_definition_and_then_no_value(void **state)
{
    (void)state;
    struct delivery d;
    struct object *a = define("a");
    set(a, 1);
    read_from_now_on(1, false, a);
    define_as("PC.KOM", D2K_TYPE_REAL, "a");
    takes_object(a);
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_UPDATE);
    assert_int_equal(record_of(d.bytes).type, D2K_TYPE_NONE);
    takes_none();
}

static void readers_are_told_that_an_owner_has_gone(void **state)
{
    (void)state;
    struct delivery d;
    struct object *a = define("a");
    set(a, 1);
    read_from_now_on(1, true, a);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_UPDATE);
    assert_int_equal(record_of(d.bytes).status, 0);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    takes_none();
}

/* ---- coming and going of subscriptions ---- */

static void bad_subscriptions_are_refused(void **state)
{
    (void)state;
    char pattern[PLANT_PATTERN_MAX + 1];
    memset(pattern, '?', sizeof pattern);
    assert_int_equal(try_subscribe(1, slice_of("")), D2K_ARGUMENT);
    assert_int_equal(try_subscribe(1, (struct slice){pattern, sizeof pattern}), D2K_ARGUMENT);
    assert_int_equal(try_subscribe(1, (struct slice){pattern, sizeof pattern - 1}), D2K_OK);
    assert_int_equal(try_subscribe(1, slice_of("a")), D2K_EXISTS);
    assert_false(subscriber_unsubscribe(reader, 2));
}

static void the_limit_of_subscriptions_holds(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PLANT_SUBSCRIPTIONS_MAX; i++) {
        assert_int_equal(try_subscribe(i, slice_of(i % 2 == 0 ? "a" : "b*")), D2K_OK);
    }
    assert_int_equal(try_subscribe(PLANT_SUBSCRIPTIONS_MAX, slice_of("a")), D2K_LIMIT);
    assert_true(subscriber_unsubscribe(reader, 500));
    assert_int_equal(try_subscribe(PLANT_SUBSCRIPTIONS_MAX, slice_of("a")), D2K_OK);
}

static void nothing_is_told_after_unsubscribing(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct object *b = define("b");
    subscribe(1, true, "a");
    subscribe(2, false, "b");
    take_everything();
    set(a, 1);
    set(b, 1);
    set(a, 2);
    assert_true(subscriber_unsubscribe(reader, 1));
    assert_false(subscriber_unsubscribe(reader, 1));
    takes_value(b, 1);
    takes_none();
    set(a, 3);
    takes_none();
    assert_int_equal(a->reader_count, 0);
}

static void a_snapshot_half_told_ends_with_its_subscription(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct object *b = define("b");
    set(a, 1);
    set(b, 2);
    subscribe(1, false, "*");
    subscribe(2, false, "b");
    takes_begin(1);
    takes_object(a);
    assert_true(subscriber_unsubscribe(reader, 1));
    takes_begin(2);
    takes_object(b);
    takes_value(b, 2);
    takes_end(2, 1);
    takes_none();
}

static void the_definition_comes_first_even_if_its_snapshot_has_ended(void **state)
{
    (void)state;
    struct object *a = define("a");
    subscribe(1, true, "A");
    set(a, 1);
    subscribe(2, true, "a");
    assert_true(subscriber_unsubscribe(reader, 1));
    takes_object(a);
    takes_value(a, 1);
    takes_begin(2);
    takes_object(a);
    takes_value(a, 1);
    takes_end(2, 1);
    takes_none();
}

static void latest_goes_on_where_every_ended(void **state)
{
    (void)state;
    struct object *a = define("a");
    subscribe(1, false, "*");
    subscribe(2, true, "a");
    take_everything();
    set(a, 1);
    set(a, 2);
    assert_true(subscriber_unsubscribe(reader, 2));
    takes_value(a, 2);
    takes_none();
    set(a, 3);
    set(a, 4);
    takes_value(a, 4);
    takes_none();
}

static void a_number_may_be_used_again_after_its_end(void **state)
{
    (void)state;
    struct object *a = define("a");
    set(a, 1);
    read_from_now_on(1, false, a);
    assert_true(subscriber_unsubscribe(reader, 1));
    read_from_now_on(1, true, a);
}

static void a_new_subscription_tells_the_definition_anew(void **state)
{
    (void)state;
    struct object *a = define("a");
    read_from_now_on(1, false, a);
    assert_true(subscriber_unsubscribe(reader, 1));
    set(a, 9);
    subscribe(2, false, "a");
    takes_begin(2);
    takes_object(a);
    takes_value(a, 9);
    takes_end(2, 1);
}

static void a_reader_may_end_with_all_kinds_of_things_waiting(void **state)
{
    (void)state;
    struct object *a = define("a");
    subscribe(1, true, "*");
    subscribe(2, false, "later");
    takes_begin(1);
    takes_object(a);
    fill_queue(a);
    set(a, 1);
    set(a, 2);
    define("b");
    subscriber_free(reader);
    reader = NULL;
    assert_int_equal(a->reader_count, 0);
    define("later");
    set(a, 3);
    assert_int_equal(a->current->references, 1);
}

/* ---- waking ---- */

static void a_reader_is_woken_when_it_has_nothing_to_be_told(void **state)
{
    (void)state;
    struct object *a = define("a");
    assert_ptr_equal(subscriber_data(reader), &wakes);
    subscribe(1, false, "a");
    assert_int_equal(wakes, 1);
    assert_ptr_equal(last_woken, reader);
    set(a, 1);
    assert_int_equal(wakes, 1);
    take_everything();
    set(a, 2);
    set(a, 3);
    assert_int_equal(wakes, 2);
    define("b");
    set(plant_object_by_name(plant, slice_of("b")), 1);
    assert_int_equal(wakes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(a_snapshot_tells_each_match_with_its_value),
        READER_TEST(a_name_is_looked_up_without_regard_to_case),
        READER_TEST(a_snapshot_of_nothing_is_empty),
        READER_TEST(a_value_published_before_the_snapshot_is_taken_is_in_it),
        READER_TEST(every_of_a_name_begins_with_the_value_at_subscription),
        READER_TEST(what_one_who_left_has_read_is_taken_apart_a_slice_at_a_time),
        READER_TEST(one_who_left_is_told_nothing_while_it_is_taken_apart),
        READER_TEST(a_plant_may_go_while_one_who_left_is_taken_apart),
        READER_TEST(every_of_a_pattern_begins_with_the_value_that_the_walk_finds),
        READER_TEST(a_walk_of_as_many_looks_as_allowed_at_once_gives_way_to_nobody),
        READER_TEST(a_walk_of_one_look_more_gives_way_and_goes_on),
        READER_TEST(a_subscription_may_end_while_its_walk_has_given_way),
        READER_TEST(an_object_defined_while_the_snapshot_waits_is_in_it_once),
        READER_TEST(a_second_snapshot_tells_its_objects_again),
        READER_TEST(a_second_snapshot_does_not_tell_values_of_the_past),
        READER_TEST(a_second_snapshot_never_goes_ahead_of_waiting_values),
        READER_TEST(latest_skips_to_the_newest_value_at_its_first_place),
        READER_TEST(every_tells_each_value_in_order),
        READER_TEST(values_of_the_past_are_for_every_only),
        READER_TEST(two_subscriptions_tell_a_value_once_by_the_stricter_mode),
        READER_TEST(all_readers_share_one_encoding),
        READER_TEST(an_update_in_hand_outlives_its_replacement),
        READER_TEST(later_objects_that_match_are_included),
        READER_TEST(several_readers_wait_for_one_name),
        READER_TEST(a_changed_definition_is_told_again_before_new_values),
        READER_TEST(an_unchanged_definition_is_not_told_again),
        READER_TEST(a_change_of_type_tells_the_definition_and_then_no_value),
        READER_TEST(readers_are_told_that_an_owner_has_gone),
        READER_TEST(bad_subscriptions_are_refused),
        READER_TEST(the_limit_of_subscriptions_holds),
        READER_TEST(nothing_is_told_after_unsubscribing),
        READER_TEST(a_snapshot_half_told_ends_with_its_subscription),
        READER_TEST(the_definition_comes_first_even_if_its_snapshot_has_ended),
        READER_TEST(latest_goes_on_where_every_ended),
        READER_TEST(a_number_may_be_used_again_after_its_end),
        READER_TEST(a_new_subscription_tells_the_definition_anew),
        READER_TEST(a_reader_may_end_with_all_kinds_of_things_waiting),
        READER_TEST(a_reader_is_woken_when_it_has_nothing_to_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
