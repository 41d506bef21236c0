/* The plant when memory ends: each allocation of one long scenario fails in turn; after it the
 * plant must be as before the call that was refused, and go on. The model is compiled into this
 * program, with an allocator that fails when it is told to. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned allocations_left; /* 0: the next one fails, and only that */
static bool has_failed;

static bool fails_now(void)
{
    if (allocations_left > 0) {
        allocations_left--;
        return false;
    }
    bool first = !has_failed;
    has_failed = true;
    return first;
}

static void *failing_malloc(size_t size)
{
    return fails_now() ? NULL : malloc(size);
}

static void *failing_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : calloc(count, size);
}

static void *failing_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : realloc(old, size);
}

#define malloc  failing_malloc
#define calloc  failing_calloc
#define realloc failing_realloc
#include "model/alarm.c"
#include "model/computed.c"
#include "model/delivery.c"
#include "model/expression_evaluate.c"
#include "model/expression_parse.c"
#include "model/expression_tokens.c"
#include "model/expression_types.c"
#include "model/history.c"
#include "model/instances.c"
#include "model/number_table.c"
#include "model/objects.c"
#include "model/pace.c"
#include "model/processes.c"
#include "model/readers_pace.c"
#include "model/stems.c"
#include "model/subscriptions.c"
#include "model/values.c"
#include "model/waiting.c"
#undef malloc
#undef calloc
#undef realloc

#include "plant_fixture.h"

static unsigned refusals, walk_refusals;
static struct subscriber *reader;

/* Tries again what was refused for lack of memory: the second time there is enough. */
static void must_work_at_last(d2k_result first, d2k_result (*again)(void *context), void *context)
{
    if (first == D2K_OK) {
        return;
    }
    assert_int_equal(first, D2K_NO_MEMORY);
    refusals++;
    assert_int_equal(again(context), D2K_OK);
}

/* ---- steps ---- */

static struct object *defined;

static d2k_result define_step(void *name)
{
    const struct definition definition = {.name = slice_of(name),
                                          .description = slice_of("description"),
                                          .unit = slice_of("unit"),
                                          .properties = slice_of("properties"),
                                          .history = 20,
                                          .type = D2K_TYPE_TEXT};
    return plant_define(plant, slice_of("PC.KOM"), &definition, &defined, &err);
}

static struct object *define_at_last(char *name)
{
    size_t count = plant_object_count(plant);
    d2k_result result = define_step(name);
    if (result != D2K_OK) {
        assert_int_equal(plant_object_count(plant), count);
        assert_null(plant_object_by_name(plant, slice_of(name)));
    }
    must_work_at_last(result, define_step, name);
    return defined;
}

static d2k_result change_step(void *name)
{
    const struct definition definition = {.name = slice_of(name),
                                          .description = slice_of("other"),
                                          .unit = slice_of("x"),
                                          .properties = slice_of("others"),
                                          .history = 5,
                                          .type = D2K_TYPE_TEXT};
    return plant_define(plant, slice_of("PC.KOM"), &definition, &defined, &err);
}

static d2k_result set_step(void *text)
{
    d2k_value value = d2k_text(text);
    return plant_set(plant, slice_of("PC.KOM"), defined, &value, NOW, &err);
}

/* ---- an alarm ---- */

static d2k_result alarm_step(void *name)
{
    const struct definition definition = {
        .name = slice_of(name),
        .type = D2K_TYPE_BOOLEAN,
        .alarm = {.mask = D2K_PALARM_BIT(D2K_PALARM_ON), .has_alarms = 1}};
    return plant_define(plant, slice_of("PC.KOM"), &definition, &defined, &err);
}

static d2k_result raise_step(void *unused)
{
    d2k_value value = d2k_boolean(true);
    (void)unused;
    return plant_set(plant, slice_of("PC.KOM"), defined, &value, NOW, &err);
}

static d2k_result acknowledge_step(void *unused)
{
    (void)unused;
    assert_int_equal(defined->value.status & D2K_STATUS_PALARMS,
                     D2K_STATUS_PROC_ALARM | D2K_STATUS_NO_ACK_PALARM);
    return plant_acknowledge_alarm(plant, defined) ? D2K_OK : D2K_NO_MEMORY;
}

static void an_alarm_comes_and_is_acknowledged_at_last(char *name)
{
    must_work_at_last(alarm_step(name), alarm_step, name);
    must_work_at_last(raise_step(NULL), raise_step, NULL);
    must_work_at_last(acknowledge_step(NULL), acknowledge_step, NULL);
    assert_int_equal(defined->value.status & D2K_STATUS_PALARMS, D2K_STATUS_PROC_ALARM);
}

struct wanted {
    uint32_t number;
    bool every;
    const char *pattern;
};

static d2k_result subscribe_step(void *context)
{
    const struct wanted *wanted = context;
    return subscriber_subscribe(reader, wanted->number, 0, wanted->every, slice_of(wanted->pattern),
                                &err);
}

static void subscribe_at_last(uint32_t number, bool every, const char *pattern)
{
    struct wanted wanted = {number, every, pattern};
    d2k_result result = subscribe_step(&wanted);
    if (result != D2K_OK) {
        assert_false(subscriber_unsubscribe(reader, number));
    }
    must_work_at_last(result, subscribe_step, &wanted);
}

static struct process *started;

static d2k_result start_step(void *name)
{
    struct process facts = {.since_ns = NOW, .name = name};
    return plant_process_start(plant, &facts, &started, &err);
}

static d2k_result delete_step(void *name)
{
    return plant_delete(plant, plant_object_by_name(plant, slice_of(name)), &err);
}

static void delete_at_last(char *name)
{
    d2k_result result = delete_step(name);
    if (result != D2K_OK) {
        defined = plant_object_by_name(plant, slice_of(name));
        assert_non_null(defined);
        assert_ptr_equal(plant_object(plant, defined->hobj), defined);
        assert_int_not_equal(defined->reader_count, 0);
    }
    must_work_at_last(result, delete_step, name);
    assert_null(plant_object_by_name(plant, slice_of(name)));
}

/* ---- the scenario ---- */

/* What the reader knows of each object when everything is taken. */
static void check_view(unsigned objects)
{
    uint32_t newest[64] = {0};
    unsigned told = 0, overruns = 0;
    struct delivery d;
    for (next_delivery(reader, &d); d.kind != DELIVERY_NONE; next_delivery(reader, &d)) {
        if (d.kind == DELIVERY_UPDATE) {
            uint32_t number = record_of(d.bytes).number;
            assert_true(number >= newest[d.object->position]);
            newest[d.object->position] = number;
        } else if (d.kind == DELIVERY_OBJECT) {
            told++;
        } else if (d.kind == DELIVERY_OVERRUN) {
            overruns++; /* an update found no memory to wait in, and was replaced */
        } else if (d.kind == DELIVERY_NO_MEMORY) {
            walk_refusals++; /* asked again, it goes on where it was */
        }
    }
    assert_true(told >= objects);
    assert_true(overruns <= 1);
    for (unsigned i = 0; i < objects; i++) {
        assert_int_equal(newest[i], current_record(plant_object_at(plant, i)).number);
    }
}

static uint64_t clock_ms;

static uint64_t tell_time(void *context)
{
    (void)context;
    return clock_ms;
}

static d2k_result subscribe_paced_step(void *pattern)
{
    const struct pace_rule rule = {.interval_ms = 100};
    return subscriber_subscribe_paced(reader, 5, 0, &rule, slice_of(pattern), &err);
}

static void publish_all(char *text)
{
    for (size_t i = 0; i < plant_object_count(plant); i++) {
        defined = plant_object_at(plant, i);
        must_work_at_last(set_step(text), set_step, text);
    }
}

/* All objects, at most once an interval; then one of them more often, and no more. */
static void run_paced(unsigned objects, char *text, char *other)
{
    static char all[] = "*";
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(subscriber_unsubscribe(reader, i));
    }
    must_work_at_last(subscribe_paced_step(all), subscribe_paced_step, all);
    check_view(objects);
    publish_all(text);
    assert_true(plant_due_ms(plant) <= clock_ms + 100);
    subscribe_at_last(1, true, "object_1?");
    assert_true(subscriber_unsubscribe(reader, 1));
    publish_all(other);
    clock_ms += 100;
    plant_due(plant);
    assert_true(subscriber_unsubscribe(reader, 5));
    subscribe_at_last(2, false, "object_5");
    subscribe_at_last(3, false, "*");
    check_view(objects);
}

static void run_scenario(void)
{
    static char names[20][16];
    static char process[] = "PC.KOM", alarm[] = "alarm", text[] = "some text",
                other[] = "other text";
    must_work_at_last(start_step(process), start_step, process);
    subscribe_at_last(1, true, "object_1?");
    subscribe_at_last(2, false, "object_5");
    for (unsigned i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "object_%u", i);
        define_at_last(names[i]);
    }
    publish_all(text);
    subscribe_at_last(3, false, "*");
    subscribe_at_last(4, true, "object_?");
    publish_all(other);
    must_work_at_last(change_step(names[3]), change_step, names[3]);
    plant_process_end(plant, started, PROCESS_CRASH, NOW);
    must_work_at_last(start_step(process), start_step, process);
    publish_all(text);
    check_view(20);
    assert_true(subscriber_unsubscribe(reader, 4));
    publish_all(other);
    check_view(0);
    run_paced(20, text, other);
    publish_all(text);
    delete_at_last(names[5]);
    delete_at_last(names[15]);
    define_at_last(names[5]);
    assert_int_equal(plant_object_count(plant), 19);
    assert_int_equal(plant_object_end(plant), 20);
    an_alarm_comes_and_is_acknowledged_at_last(alarm);
}

static bool run_with_failure(unsigned at)
{
    const struct plant_hooks hooks = {.encode = encode, .wake = wake, .now_ms = tell_time};
    has_failed = false;
    allocations_left = at;
    plant = plant_new(&hooks, fixed_seed, 1);
    if (plant == NULL) {
        refusals++;
        plant = plant_new(&hooks, fixed_seed, 1);
    }
    assert_non_null(plant);
    plant_keep_history(plant, 0, SIZE_MAX);
    reader = subscriber_new(plant, NULL);
    if (reader == NULL) {
        refusals++;
        reader = subscriber_new(plant, NULL);
    }
    assert_non_null(reader);
    run_scenario();
    subscriber_free(reader);
    plant_free(plant);
    return has_failed;
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    unsigned at = 0;
    while (run_with_failure(at)) {
        at++;
    }
    assert_true(at > 150);
    assert_true(refusals > 100);
    assert_true(refusals < at);
    assert_true(walk_refusals > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
