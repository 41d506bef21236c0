/* tests/unit/test_visibility.c: objects that a subscriber may not see, and rights that change while
 * he reads. */
#include "reader_fixture.h"

static void takes_gone(uint32_t hobj)
{
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_GONE);
    assert_int_equal(d.hobj, hobj);
}

static void review(void)
{
    size_t position = 0;
    while (position < plant_object_end(plant)) {
        assert_true(subscriber_review(reader, &position, 2));
    }
}

static void hide(const char *prefix)
{
    hidden = prefix;
    review();
}

static void what_is_hidden_is_in_no_snapshot_and_never_told(void **state)
{
    (void)state;
    struct object *a = define("a"), *x = define("x");
    hidden = "x";
    set(a, 1);
    set(x, 2);
    subscribe(1, false, "*");
    takes_begin(1);
    takes_object(a);
    takes_value(a, 1);
    takes_end(1, 1);
    set(x, 3);
    set(define("x2"), 4);
    takes_none();
}

static void a_hidden_name_is_as_one_that_is_not_there(void **state)
{
    (void)state;
    struct object *x = define("x");
    set(x, 1);
    hidden = "x";
    subscribe(1, true, "x");
    takes_begin(1);
    takes_end(1, 0);
    set(x, 2);
    takes_none();
    hide(NULL);
    takes_object(x);
    takes_value(x, 2);
    set(x, 3);
    takes_value(x, 3);
    takes_none();
}

static void what_is_withdrawn_is_gone_at_once(void **state)
{
    (void)state;
    struct object *a = define("a"), *x = define("x");
    subscribe(1, true, "*");
    take_everything();
    set(x, 1);
    set(a, 2);
    set(x, 3);
    hide("x");
    takes_gone(x->hobj);
    takes_value(a, 2);
    takes_none();
    set(x, 4);
    takes_none();
}

static void what_was_never_told_is_not_told_as_gone(void **state)
{
    (void)state;
    define("x");
    subscribe(1, false, "*");
    hide("x");
    takes_begin(1);
    takes_end(1, 0);
    takes_none();
}

static void what_is_granted_comes_once_for_all_subscriptions(void **state)
{
    (void)state;
    struct object *x = define("x");
    set(x, 1);
    hidden = "x";
    subscribe(1, false, "*");
    subscribe(2, false, "x");
    subscribe(3, true, "x*");
    take_everything();
    hide(NULL);
    takes_object(x);
    takes_value(x, 1);
    set(x, 2);
    takes_value(x, 2);
    takes_none();
    assert_true(subscriber_unsubscribe(reader, 3));
    assert_true(subscriber_unsubscribe(reader, 1));
    set(x, 3);
    takes_value(x, 3);
    assert_true(subscriber_unsubscribe(reader, 2));
    set(x, 4);
    takes_none();
}

static void a_review_without_change_tells_nothing(void **state)
{
    (void)state;
    struct object *a = define("a");
    define("x");
    hidden = "x";
    subscribe(1, false, "*");
    take_everything();
    review();
    takes_none();
    set(a, 1);
    takes_value(a, 1);
}

static void withdrawn_in_the_middle_of_a_snapshot(void **state)
{
    (void)state;
    struct object *a = define("a"), *x = define("x"), *z = define("z");
    set(a, 1);
    set(x, 2);
    set(z, 3);
    subscribe(1, false, "*");
    takes_begin(1);
    takes_object(a);
    takes_value(a, 1);
    takes_object(x);
    hide("x"); /* its value was due */
    takes_gone(x->hobj);
    takes_object(z);
    takes_value(z, 3);
    takes_end(1, 3);
    takes_none();
}

static void a_hidden_name_that_is_deleted_and_defined_again_still_waits(void **state)
{
    (void)state;
    struct object *x = define("x");
    hidden = "x";
    subscribe(1, false, "x");
    take_everything();
    assert_int_equal(plant_delete(plant, x, &err), D2K_OK);
    x = define("x");
    set(x, 1);
    takes_none();
    hide(NULL);
    takes_object(x);
    takes_value(x, 1);
    assert_int_equal(plant_delete(plant, x, &err), D2K_OK);
    take_everything();
    x = define("x");
    takes_object(x);
    takes_none();
}

static void withdrawn_and_granted_again(void **state)
{
    (void)state;
    struct object *x = define("x");
    read_from_now_on(1, true, x);
    for (int64_t i = 1; i < 4; i++) {
        hide("x");
        takes_gone(x->hobj);
        set(x, i);
        takes_none();
        hide(NULL);
        takes_object(x);
        takes_value(x, i);
        takes_none();
    }
}

static void a_subscription_may_end_while_its_object_is_hidden(void **state)
{
    (void)state;
    struct object *x = define("x");
    read_from_now_on(1, false, x);
    hide("x");
    takes_gone(x->hobj);
    assert_true(subscriber_unsubscribe(reader, 1));
    hide(NULL);
    takes_none();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(what_is_hidden_is_in_no_snapshot_and_never_told),
        READER_TEST(a_hidden_name_is_as_one_that_is_not_there),
        READER_TEST(what_is_withdrawn_is_gone_at_once),
        READER_TEST(what_was_never_told_is_not_told_as_gone),
        READER_TEST(what_is_granted_comes_once_for_all_subscriptions),
        READER_TEST(a_review_without_change_tells_nothing),
        READER_TEST(withdrawn_in_the_middle_of_a_snapshot),
        READER_TEST(a_hidden_name_that_is_deleted_and_defined_again_still_waits),
        READER_TEST(withdrawn_and_granted_again),
        READER_TEST(a_subscription_may_end_while_its_object_is_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
