/* unit/reader_fixture.h: one reader of a plant, and short words for what it is told next. */
#ifndef D2K_TESTS_READER_FIXTURE_H
#define D2K_TESTS_READER_FIXTURE_H

#include "plant_fixture.h"

static struct subscriber *reader;

static inline int set_up_reader(void **state)
{
    if (set_up(state) != 0) {
        return 1;
    }
    reader = subscriber_new(plant, &wakes);
    return reader == NULL;
}

static inline int tear_down_reader(void **state)
{
    subscriber_free(reader);
    return tear_down(state);
}

static inline void subscribe(uint32_t number, bool every, const char *pattern)
{
    assert_int_equal(
        subscriber_subscribe(reader, number, number + 1000u, every, slice_of(pattern), &err),
        D2K_OK);
}

/* ---- what comes next, in short words ---- */

static inline void takes_none(void)
{
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_NONE);
}

static inline void takes_begin(uint32_t number)
{
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_SNAPSHOT_BEGIN);
    assert_int_equal(d.subscription, number);
    assert_int_equal(d.request, number + 1000u);
}

static inline void takes_end(uint32_t number, uint64_t count)
{
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_SNAPSHOT_END);
    assert_int_equal(d.subscription, number);
    assert_int_equal(d.request, number + 1000u);
    assert_int_equal(d.count, count);
}

static inline void takes_later(void)
{
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_LATER);
}

static inline void takes_object(const struct object *object)
{
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_OBJECT);
    assert_ptr_equal(d.object, object);
}

static inline void takes_value(const struct object *object, int64_t content)
{
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_UPDATE);
    assert_ptr_equal(d.object, object);
    assert_int_equal(record_of(d.bytes).hobj, object->hobj);
    assert_int_equal(record_of(d.bytes).content, content);
}

static inline void takes_overrun(uint32_t number, uint64_t count)
{
    struct delivery d;
    next_delivery(reader, &d);
    assert_int_equal(d.kind, DELIVERY_OVERRUN);
    assert_int_equal(d.subscription, number);
    assert_int_equal(d.request, number + 1000u);
    assert_int_equal(d.count, count);
}

/* Subscribed, snapshot taken. */
static inline void read_from_now_on(uint32_t number, bool every, struct object *object)
{
    subscribe(number, every, object->name);
    takes_begin(number);
    takes_object(object);
    if (object->current != NULL) {
        takes_value(object, object->value.content.integer);
    }
    takes_end(number, 1);
    takes_none();
}

static inline void take_everything(void)
{
    struct delivery d = {.kind = DELIVERY_OBJECT};
    while (d.kind != DELIVERY_NONE) {
        next_delivery(reader, &d);
    }
}

/* ---- a queue in mode `every` that is full ---- */

static inline void fill_queue(struct object *object)
{
    for (int64_t i = 1; i <= PLANT_EVERY_QUEUE_MAX; i++) {
        set(object, i);
    }
}

static inline void takes_full_queue(struct object *object)
{
    for (int64_t i = 1; i <= PLANT_EVERY_QUEUE_MAX; i++) {
        takes_value(object, i);
    }
}

#define READER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_reader, tear_down_reader)

#endif
