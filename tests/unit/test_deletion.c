/* Objects that are deleted: what their readers are told, and what waits for their names. */
#include "reader_fixture.h"

static void delete (struct object *object)
{
    assert_int_equal(plant_delete(plant, object, &err), D2K_OK);
}

static void takes_gone(uint32_t hobj)
{
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_GONE);
    assert_int_equal(d.hobj, hobj);
}

static void a_deleted_object_is_found_no_more(void **state)
{
    (void)state;
    struct object *a = define("a"), *b = define("b");
    uint32_t hobj = a->hobj;
    delete (a);
    assert_null(plant_object(plant, hobj));
    assert_null(plant_object_by_name(plant, slice_of("a")));
    assert_int_equal(plant_object_count(plant), 1);
    assert_int_equal(plant_object_end(plant), 2);
    assert_null(plant_object_at(plant, 0));
    assert_ptr_equal(plant_object_at(plant, 1), b);
    assert_ptr_equal(plant_object(plant, b->hobj), b);
}

static void its_place_is_taken_by_the_next(void **state)
{
    (void)state;
    struct object *a = define("a");
    define("b");
    delete (a);
    struct object *c = define("c");
    assert_ptr_equal(plant_object_at(plant, 0), c);
    assert_int_equal(plant_object_end(plant), 2);
    assert_int_equal(plant_object_count(plant), 2);
}

/* Whoever defines and deletes for ever takes no memory for ever. */
static void many_deletions_leave_no_places_behind(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        struct object *a = define("a"), *b = define("b");
        delete (b);
        delete (a);
    }
    assert_int_equal(plant_object_end(plant), 2);
    assert_int_equal(plant_object_count(plant), 0);
}

static void a_reader_is_told(void **state)
{
    (void)state;
    struct object *a = define("a");
    uint32_t hobj = a->hobj;
    read_from_now_on(1, false, a);
    delete (a);
    takes_gone(hobj);
    takes_none();
}

static void a_reader_that_was_not_told_of_it_is_told_nothing(void **state)
{
    (void)state;
    struct object *a = define("a");
    subscribe(1, true, "*");
    delete (a);
    takes_begin(1);
    takes_end(1, 0);
    takes_none();
}

static void what_waits_of_it_is_dropped_and_the_rest_stays_in_order(void **state)
{
    (void)state;
    struct object *a = define("a"), *b = define("b");
    uint32_t hobj = a->hobj;
    read_from_now_on(1, true, a);
    read_from_now_on(2, true, b);
    set(b, 1);
    set(a, 2);
    set(b, 3);
    set(a, 4);
    set(b, 5);
    delete (a);
    takes_gone(hobj);
    takes_value(b, 1);
    takes_value(b, 3);
    takes_value(b, 5);
    takes_none();
}

static void a_value_that_a_reader_of_the_newest_owes_is_dropped(void **state)
{
    (void)state;
    struct object *a = define("a");
    uint32_t hobj = a->hobj;
    read_from_now_on(1, false, a);
    set(a, 1);
    delete (a);
    takes_gone(hobj);
    takes_none();
}

static void a_full_queue_is_emptied(void **state)
{
    (void)state;
    struct object *a = define("a");
    uint32_t hobj = a->hobj;
    read_from_now_on(1, true, a);
    fill_queue(a);
    set(a, -1);
    delete (a);
    takes_gone(hobj);
    takes_none();
    a = define("a");
    set(a, 7);
    takes_object(a);
    takes_value(a, 7);
    takes_none();
}

static void a_snapshot_goes_on_without_it(void **state)
{
    (void)state;
    struct object *a = define("a"), *b = define("b"), *c = define("c");
    uint32_t hobj = b->hobj;
    set(a, 1);
    set(b, 2);
    set(c, 3);
    subscribe(1, false, "*");
    takes_begin(1);
    takes_object(a);
    takes_value(a, 1);
    takes_object(b); /* its value is due next */
    delete (b);
    takes_gone(hobj);
    takes_object(c);
    takes_value(c, 3);
    takes_end(1, 3);
    takes_none();
}

static void a_name_that_comes_again_is_told_again(void **state)
{
    (void)state;
    struct object *a = define("Some.Name");
    uint32_t hobj = a->hobj;
    read_from_now_on(1, true, a);
    subscribe(2, false, "some.name");
    take_everything();
    delete (a);
    a = define("SOME.NAME");
    set(a, 1);
    takes_gone(hobj);
    takes_object(a);
    takes_value(a, 1);
    takes_none();
    assert_true(subscriber_unsubscribe(reader, 1));
    assert_true(subscriber_unsubscribe(reader, 2));
}

static void a_subscription_that_waits_again_may_end(void **state)
{
    (void)state;
    struct object *a = define("a");
    uint32_t hobj = a->hobj;
    read_from_now_on(1, true, a);
    delete (a);
    assert_true(subscriber_unsubscribe(reader, 1));
    a = define("a");
    set(a, 1);
    takes_gone(hobj);
    takes_none();
}

static void a_pattern_goes_on(void **state)
{
    (void)state;
    struct object *a = define("a");
    uint32_t hobj = a->hobj;
    subscribe(1, true, "?");
    take_everything();
    delete (a);
    struct object *b = define("b");
    takes_gone(hobj);
    takes_object(b);
    takes_none();
}

static void a_sleeping_reader_is_woken(void **state)
{
    (void)state;
    struct object *a = define("a");
    read_from_now_on(1, false, a);
    unsigned before = wakes;
    delete (a);
    assert_int_equal(wakes, before + 1);
    assert_ptr_equal(last_woken, reader);
}

/* What was told last is lent until the next call. */
static void what_is_lent_outlives_its_object(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct delivery d;
    read_from_now_on(1, false, a);
    set(a, 42);
    subscriber_next(reader, &d);
    delete (a);
    assert_int_equal(record_of(d.bytes).content, 42);
}

static void an_owner_that_ends_later_does_not_miss_it(void **state)
{
    (void)state;
    struct object *a = define("a"), *b = define("b");
    set(a, 1);
    set(b, 1);
    delete (a);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_false((b->value.status & D2K_STATUS_VALID) != 0);
}

static void an_invalidation_that_is_owed_is_forgotten(void **state)
{
    (void)state;
    struct object *a = define("a");
    set(a, 1);
    encoder_fails = true;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    encoder_fails = false;
    assert_true(a->invalidation_owed);
    delete (a);
    set(define("b"), 1);
}

static void the_name_may_get_another_owner(void **state)
{
    (void)state;
    delete (define_as("PC.KOM", D2K_TYPE_REAL, "a"));
    struct object *a = define_as("PC.API", D2K_TYPE_TEXT, "A");
    assert_string_equal(a->owner, "PC.API");
    assert_string_equal(a->name, "A");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(a_deleted_object_is_found_no_more),
        READER_TEST(its_place_is_taken_by_the_next),
        READER_TEST(many_deletions_leave_no_places_behind),
        READER_TEST(a_reader_is_told),
        READER_TEST(a_reader_that_was_not_told_of_it_is_told_nothing),
        READER_TEST(what_waits_of_it_is_dropped_and_the_rest_stays_in_order),
        READER_TEST(a_value_that_a_reader_of_the_newest_owes_is_dropped),
        READER_TEST(a_full_queue_is_emptied),
        READER_TEST(a_snapshot_goes_on_without_it),
        READER_TEST(a_name_that_comes_again_is_told_again),
        READER_TEST(a_subscription_that_waits_again_may_end),
        READER_TEST(a_pattern_goes_on),
        READER_TEST(a_sleeping_reader_is_woken),
        READER_TEST(what_is_lent_outlives_its_object),
        READER_TEST(an_owner_that_ends_later_does_not_miss_it),
        READER_TEST(an_invalidation_that_is_owed_is_forgotten),
        READER_TEST(the_name_may_get_another_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
