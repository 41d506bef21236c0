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
    uint32_t padding;
    int64_t content; /* integer; size of a text */
    int64_t time_ns;
};

static struct plant *plant;
static struct error err;
static unsigned wakes, encodings;
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

static const uint64_t fixed_seed[2] = {1, 2};

static inline int set_up(void **state)
{
    (void)state;
    const struct plant_hooks hooks = {.encode = encode, .wake = wake};
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
    assert_int_equal(plant_define(plant, slice_of(owner), type, slice_of(name), slice_of(""),
                                  slice_of(""), &object, &err),
                     D2K_OK);
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

static inline struct record record_of(const struct update *update)
{
    struct record record;
    assert_true(update->size >= sizeof record);
    memcpy(&record, update->bytes, sizeof record);
    return record;
}

#endif
