/* unit/plant_fixture.h: a plant with an encoder of its own, and short words for what tests do with
 * it. */
#ifndef D2K_TESTS_PLANT_FIXTURE_H
#define D2K_TESTS_PLANT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/plant.h"

#define NOW INT64_C(1700000000000000000)

/* What the encoder of the tests writes. */
struct record {
    uint32_t hobj;
    uint32_t type;
    uint32_t status;
    uint32_t number; /* in the order of encoding */
    int64_t content; /* integer; size of a text */
    int64_t time_ns;
};

static struct plant *plant;
static struct error err;
static unsigned wakes, encodings;
static uint32_t numbers;
static struct subscriber *last_woken;
static bool encoder_fails;

static d2k_result encode(struct buffer *out, uint32_t hobj, const d2k_value *value)
{
    struct record record = {
        .hobj = hobj, .type = value->type, .status = value->status, .time_ns = value->time_ns};
    record.content =
        value->type == D2K_TYPE_TEXT ? (int64_t)value->content.text.size : value->content.integer;
    if (encoder_fails) {
        return D2K_NO_MEMORY;
    }
    record.number = ++numbers;
    encodings++;
    buffer_put(out, &record, sizeof record);
    if (value->type == D2K_TYPE_TEXT) {
        buffer_put(out, value->content.text.data, value->content.text.size);
    }
    return buffer_failed(out) ? D2K_NO_MEMORY : D2K_OK;
}

static void wake(void *context, struct subscriber *subscriber)
{
    (void)context;
    wakes++;
    last_woken = subscriber;
}

/* Objects whose names begin so are seen by nobody; NULL: all are seen. */
static const char *hidden;

static bool is_not_hidden(void *context, void *owner_data, const struct object *object)
{
    (void)context;
    (void)owner_data;
    return hidden == NULL || strncmp(object->name, hidden, strlen(hidden)) != 0;
}

static const uint64_t fixed_seed[2] = {1, 2};

static inline int set_up(void **state)
{
    (void)state;
    const struct plant_hooks hooks = {.encode = encode, .wake = wake, .may_see = is_not_hidden};
    hidden = NULL;
    wakes = 0;
    encodings = 0;
    last_woken = NULL;
    encoder_fails = false;
    plant = plant_new(&hooks, fixed_seed, 1);
    return plant == NULL;
}

static inline int tear_down(void **state)
{
    (void)state;
    plant_free(plant);
    plant = NULL;
    return 0;
}

static inline struct object *define_as(const char *owner, d2k_type type, const char *name)
{
    struct object *object = NULL;
    const struct definition definition = {.name = slice_of(name), .type = type};
    assert_int_equal(plant_define(plant, slice_of(owner), &definition, &object, &err), D2K_OK);
    assert_non_null(object);
    return object;
}

static inline struct object *define(const char *name)
{
    return define_as("PC.KOM", D2K_TYPE_INTEGER, name);
}

static inline void set(struct object *object, int64_t content)
{
    d2k_value value = d2k_integer(content);
    assert_int_equal(plant_set(plant, slice_of(object->owner), object, &value, NOW, &err), D2K_OK);
}

static inline void set_past(struct object *object, int64_t content)
{
    d2k_value value = d2k_integer(content);
    value.past = true;
    assert_int_equal(plant_set(plant, slice_of(object->owner), object, &value, NOW, &err), D2K_OK);
}

static inline struct record record_of(struct slice bytes)
{
    struct record record;
    assert_true(bytes.size >= sizeof record);
    memcpy(&record, bytes.data, sizeof record);
    return record;
}

static inline struct record current_record(const struct object *object)
{
    return record_of((struct slice){(const char *)object->current->bytes, object->current->size});
}

/* ---- one value at a time ---- */

/* What is left of a delivery of several values. */
struct rest {
    struct subscriber *subscriber;
    struct slice bytes;
    uint64_t count;
};

static inline size_t record_size(struct slice bytes)
{
    struct record record = record_of(bytes);
    return sizeof record + (record.type == D2K_TYPE_TEXT ? (size_t)record.content : 0);
}

/* subscriber_next(), with deliveries of several values taken apart. */
static inline void next_delivery(struct subscriber *subscriber, struct delivery *ret)
{
    static struct rest rest;
    if (rest.count == 0 || rest.subscriber != subscriber) {
        assert_int_equal(rest.count, 0);
        subscriber_next(subscriber, ret);
        if (ret->kind != DELIVERY_UPDATE) {
            return;
        }
        assert_true((ret->object != NULL) == (ret->count == 1));
        rest = (struct rest){subscriber, ret->bytes, ret->count};
    }
    size_t size = record_size(rest.bytes);
    *ret = (struct delivery){.kind = DELIVERY_UPDATE, .count = 1};
    ret->object = plant_object(plant, record_of(rest.bytes).hobj);
    ret->bytes = (struct slice){rest.bytes.data, size};
    rest.bytes.data += size;
    rest.bytes.size -= size;
    rest.count--;
    assert_true((rest.bytes.size == 0) == (rest.count == 0));
}

#endif
