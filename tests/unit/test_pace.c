/* Readers with a minimum interval or a dead band: the rules, at their limits, and what a reader is
 * told by them. */
#include "reader_fixture.h"

#include <math.h>
#include <stdio.h>

#include "model/pace.h"

static uint64_t clock_ms;

static uint64_t tell_time(void *context)
{
    (void)context;
    return clock_ms;
}

static int set_up_paced(void **state)
{
    const struct plant_hooks hooks = {
        .encode = encode, .wake = wake, .may_see = is_not_hidden, .now_ms = tell_time};
    (void)state;
    hidden = NULL;
    encoder_fails = false;
    clock_ms = 1000;
    plant = plant_new(&hooks, fixed_seed, 1);
    reader = plant == NULL ? NULL : subscriber_new(plant, &wakes);
    return reader == NULL;
}

/* ---- the rules ---- */

static d2k_value valid_real(double real)
{
    d2k_value value = d2k_real(real);
    value.time_ns = NOW;
    return value;
}

static enum pace_answer asked(const struct pace_rule *rule, d2k_value last, d2k_value now,
                              uint64_t after_ms)
{
    struct pace_told told = {0};
    pace_note(&told, 1, &last, 5000);
    return pace_ask(rule, &told, 2, &now, 5000 + after_ms);
}

static void the_interval_ends_at_its_last_millisecond(void **state)
{
    (void)state;
    const struct pace_rule rule = {.interval_ms = 100};
    assert_int_equal(asked(&rule, d2k_integer(1), d2k_integer(2), 0), PACE_LATER);
    assert_int_equal(asked(&rule, d2k_integer(1), d2k_integer(2), 99), PACE_LATER);
    assert_int_equal(asked(&rule, d2k_integer(1), d2k_integer(2), 100), PACE_NOW);
    assert_int_equal(asked(&rule, d2k_integer(1), d2k_integer(1), 100), PACE_NOW);
}

static void a_number_on_the_edge_of_the_dead_band_is_not_told(void **state)
{
    (void)state;
    const struct pace_rule rule = {.has_dead_band = true, .dead_band = 0.5};
    const struct pace_rule equal = {.has_dead_band = true};
    assert_int_equal(asked(&rule, valid_real(1), valid_real(1.5), 0), PACE_NOT);
    assert_int_equal(asked(&rule, valid_real(1), valid_real(0.5), 0), PACE_NOT);
    assert_int_equal(asked(&rule, valid_real(1), valid_real(nextafter(1.5, 2)), 0), PACE_NOW);
    assert_int_equal(asked(&rule, d2k_integer(1), d2k_integer(1), 0), PACE_NOT);
    assert_int_equal(asked(&rule, d2k_integer(1), d2k_integer(2), 0), PACE_NOW);
    assert_int_equal(asked(&equal, valid_real(1), valid_real(1), 0), PACE_NOT);
    assert_int_equal(asked(&equal, valid_real(1), valid_real(nextafter(1, 2)), 0), PACE_NOW);
}

static void the_whole_range_of_integers_has_a_distance(void **state)
{
    (void)state;
    struct pace_rule rule = {.has_dead_band = true, .dead_band = 1.9e19};
    assert_int_equal(asked(&rule, d2k_integer(INT64_MIN), d2k_integer(INT64_MAX), 0), PACE_NOT);
    assert_int_equal(asked(&rule, d2k_integer(INT64_MAX), d2k_integer(INT64_MIN), 0), PACE_NOT);
    rule.dead_band = 1.8e19;
    assert_int_equal(asked(&rule, d2k_integer(INT64_MIN), d2k_integer(INT64_MAX), 0), PACE_NOW);
}

static void other_types_have_no_dead_band(void **state)
{
    (void)state;
    const struct pace_rule rule = {.has_dead_band = true, .dead_band = 1000};
    const d2k_value off = d2k_boolean(false), line = d2k_state(D2K_TYPE_LINE, 0);
    assert_int_equal(asked(&rule, off, d2k_boolean(true), 0), PACE_NOW);
    assert_int_equal(asked(&rule, off, off, 0), PACE_NOW);
    assert_int_equal(asked(&rule, line, line, 0), PACE_NOW);
}

static void another_quality_passes_both(void **state)
{
    (void)state;
    const struct pace_rule rule = {.interval_ms = 100, .has_dead_band = true, .dead_band = 1000};
    const d2k_value last = d2k_integer(1);
    d2k_value others[] = {last, last, last, last, last, valid_real(1)};
    others[0].status &= ~D2K_STATUS_VALID;
    others[1].status |= D2K_STATUS_WEAK;
    others[2].flags = 1;
    others[3].limit_status = D2K_H_LIMIT;
    others[4].process_alarm = D2K_PALARM_H_LIMIT;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(asked(&rule, last, others[i], 0), PACE_NOW);
    }
    assert_int_equal(asked(&rule, last, last, 0), PACE_NOT);
}

static void what_was_told_is_not_told_again(void **state)
{
    (void)state;
    const struct pace_rule rule = {.interval_ms = 100};
    struct pace_told told = {0};
    d2k_value value = d2k_integer(1);
    assert_int_equal(pace_ask(&rule, &told, 1, &value, 0), PACE_NOW);
    pace_note(&told, 1, &value, 0);
    assert_int_equal(pace_ask(&rule, &told, 1, &value, 500), PACE_NOT);
}

static void whoever_shares_gets_what_it_wants(void **state)
{
    (void)state;
    const struct pace_rule a = {.interval_ms = 100, .has_dead_band = true, .dead_band = 5};
    const struct pace_rule b = {.interval_ms = 50, .has_dead_band = true, .dead_band = 7};
    const struct pace_rule c = {.interval_ms = 70}, d = {.has_dead_band = true, .dead_band = 1};
    struct pace_rule both = pace_both(&a, &b);
    assert_int_equal(both.interval_ms, 50);
    assert_true(both.has_dead_band && both.dead_band >= 5 && both.dead_band <= 5);
    both = pace_both(&a, &c);
    assert_true(both.interval_ms == 70 && !both.has_dead_band);
    both = pace_both(&c, &d);
    assert_true(pace_is_empty(&both));
}

static void rules_are_limited(void **state)
{
    (void)state;
    const struct pace_rule good[] = {{.interval_ms = 1},
                                     {.interval_ms = PACE_INTERVAL_MAX_MS},
                                     {.has_dead_band = true, .dead_band = 0},
                                     {.has_dead_band = true, .dead_band = 1e308}};
    const struct pace_rule bad[] = {{.interval_ms = 0},
                                    {.interval_ms = PACE_INTERVAL_MAX_MS + 1},
                                    {.has_dead_band = true, .dead_band = -0.1},
                                    {.has_dead_band = true, .dead_band = NAN},
                                    {.has_dead_band = true, .dead_band = INFINITY}};
    for (uint32_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(subscriber_subscribe_paced(reader, i, 0, &good[i], slice_of("A"), &err),
                         D2K_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(subscriber_subscribe_paced(reader, 99, 0, &bad[i], slice_of("A"), &err),
                         D2K_ARGUMENT);
    }
    assert_false(subscriber_unsubscribe(reader, 99));
}

/* ---- what a reader is told ---- */

static void subscribe_paced(uint32_t number, uint32_t interval_ms, const char *pattern)
{
    const struct pace_rule rule = {.interval_ms = interval_ms};
    assert_int_equal(
        subscriber_subscribe_paced(reader, number, number + 1000u, &rule, slice_of(pattern), &err),
        D2K_OK);
}

/* Of the only object, which has a value. */
static void takes_snapshot(uint32_t number, const struct object *object, int64_t content)
{
    takes_begin(number);
    takes_object(object);
    takes_value(object, content);
    takes_end(number, 1);
}

static void pass(uint64_t ms)
{
    clock_ms += ms;
    if (plant_due_ms(plant) <= clock_ms) {
        plant_due(plant);
    }
}

static void the_newest_comes_at_the_end_of_the_interval(void **state)
{
    (void)state;
    struct object *a = define("A");
    set(a, 1);
    subscribe_paced(1, 100, "A");
    takes_snapshot(1, a, 1);
    set(a, 2);
    set(a, 3);
    takes_none();
    assert_int_equal(plant_due_ms(plant), clock_ms + 100);
    pass(99);
    takes_none();
    pass(1);
    takes_value(a, 3);
    assert_int_equal(plant_due_ms(plant), UINT64_MAX);
    pass(100);
    takes_none();
    set(a, 4);
    takes_value(a, 4);
}

static void the_interval_counts_from_when_it_was_taken(void **state)
{
    (void)state;
    struct object *a = define("A");
    set(a, 1);
    subscribe_paced(1, 100, "A");
    takes_snapshot(1, a, 1);
    pass(100);
    set(a, 2);
    pass(50); /* it waits for a slow reader */
    set(a, 3);
    takes_value(a, 3);
    set(a, 4);
    pass(99);
    takes_none();
    pass(1);
    takes_value(a, 4);
}

static void an_owner_that_goes_is_told_at_once(void **state)
{
    (void)state;
    struct object *a = define("A");
    set(a, 1);
    subscribe_paced(1, 100, "A");
    takes_snapshot(1, a, 1);
    set(a, 2);
    takes_none();
    plant_owner_gone(plant, slice_of("PC.KOM"));
    while (plant_tidy(plant)) {
    }
    takes_value(a, 2);
    pass(1000);
    takes_none(); /* what was held is told */
}

static void a_value_that_comes_back_into_the_dead_band_is_not_told(void **state)
{
    (void)state;
    const struct pace_rule rule = {.interval_ms = 100, .has_dead_band = true, .dead_band = 1};
    struct object *a = define("A");
    set(a, 10);
    assert_int_equal(subscriber_subscribe_paced(reader, 1, 1001, &rule, slice_of("A"), &err),
                     D2K_OK);
    takes_snapshot(1, a, 10);
    set(a, 15);
    set(a, 11);
    pass(100);
    takes_none();
    set(a, 12);
    set(a, 9);
    takes_none(); /* it waited for the reader, and came back meanwhile */
    set(a, 12);
    takes_value(a, 12);
}

static void the_least_patient_subscription_counts(void **state)
{
    (void)state;
    struct object *a = define("A");
    set(a, 1);
    subscribe_paced(1, 1000, "A");
    takes_snapshot(1, a, 1);
    subscribe_paced(2, 10, "?");
    takes_snapshot(2, a, 1);
    set(a, 2);
    pass(10);
    takes_value(a, 2);
    subscribe(3, false, "A*");
    takes_snapshot(3, a, 2);
    set(a, 3);
    takes_value(a, 3);
    assert_true(subscriber_unsubscribe(reader, 3));
    assert_true(subscriber_unsubscribe(reader, 2));
    set(a, 4);
    takes_value(a, 4); /* the first after the change */
    set(a, 5);
    pass(999);
    takes_none();
    pass(1);
    takes_value(a, 5);
}

static void every_is_stricter_than_any_interval(void **state)
{
    (void)state;
    struct object *a = define("A");
    set(a, 1);
    subscribe_paced(1, 1000, "A");
    takes_snapshot(1, a, 1);
    set(a, 2);
    subscribe(2, true, "A");
    takes_snapshot(2, a, 2);
    set(a, 3);
    set(a, 4);
    takes_value(a, 3);
    takes_value(a, 4);
    assert_true(subscriber_unsubscribe(reader, 2));
    takes_value(a, 4);
    set(a, 5);
    takes_none();
    pass(1000);
    takes_value(a, 5);
}

static void what_is_held_goes_with_its_object_and_its_subscription(void **state)
{
    (void)state;
    struct object *a = define("A"), *b = define("B");
    set(a, 1);
    set(b, 1);
    subscribe_paced(1, 100, "A");
    subscribe_paced(2, 50, "B");
    takes_snapshot(1, a, 1);
    takes_snapshot(2, b, 1);
    set(a, 2);
    set(b, 2);
    assert_true(subscriber_unsubscribe(reader, 2));
    assert_int_equal(plant_due_ms(plant), clock_ms + 100);
    assert_int_equal(plant_delete(plant, a, &err), D2K_OK);
    assert_int_equal(plant_due_ms(plant), UINT64_MAX);
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_GONE);
    pass(1000);
    takes_none();
}

static void a_reader_may_end_while_values_are_held(void **state)
{
    (void)state;
    struct object *a = define("A");
    set(a, 1);
    subscribe_paced(1, 100, "*");
    takes_snapshot(1, a, 1);
    set(a, 2);
    subscriber_free(reader);
    reader = NULL;
    pass(100);
    set(a, 3);
}

/* The order of the heap: each comes at its own time. */
static void many_are_held_in_the_order_of_their_time(void **state)
{
    (void)state;
    static struct object *objects[500];
    struct delivery d;
    char name[16];
    subscribe_paced(1, 1000, "*");
    takes_begin(1);
    takes_end(1, 0);
    for (size_t i = 0; i < 500; i++) {
        (void)snprintf(name, sizeof name, "A%zu", i);
        objects[i] = define(name);
        set(objects[i], 1);
    }
    for (size_t i = 0; i < 500; i++) {
        takes_object(objects[i]);
        takes_value(objects[i], 1);
        clock_ms += 1;
    }
    for (size_t i = 0; i < 500; i++) {
        set(objects[i * 7 % 500], 2);
    }
    clock_ms += 499;
    takes_none();
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(plant_due_ms(plant), clock_ms + 1);
        pass(1);
        takes_value(objects[i], 2);
    }
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_paced, tear_down_reader)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_interval_ends_at_its_last_millisecond),
        TEST(a_number_on_the_edge_of_the_dead_band_is_not_told),
        TEST(the_whole_range_of_integers_has_a_distance),
        TEST(other_types_have_no_dead_band),
        TEST(another_quality_passes_both),
        TEST(what_was_told_is_not_told_again),
        TEST(whoever_shares_gets_what_it_wants),
        TEST(rules_are_limited),
        TEST(the_newest_comes_at_the_end_of_the_interval),
        TEST(the_interval_counts_from_when_it_was_taken),
        TEST(an_owner_that_goes_is_told_at_once),
        TEST(a_value_that_comes_back_into_the_dead_band_is_not_told),
        TEST(the_least_patient_subscription_counts),
        TEST(every_is_stricter_than_any_interval),
        TEST(what_is_held_goes_with_its_object_and_its_subscription),
        TEST(a_reader_may_end_while_values_are_held),
        TEST(many_are_held_in_the_order_of_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
