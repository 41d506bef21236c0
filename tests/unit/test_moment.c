/* One consistent snapshot of many objects: what is in it, of which moment, its limits, and that
 * nothing of it stays in memory. */
#include "plant_fixture.h"

#include <stdio.h>

#include "model/moment.h"

static struct moment *moment;

static int set_up_moment(void **state)
{
    if (set_up(state) != 0) {
        return 1;
    }
    moment = moment_new(plant, &wakes);
    return moment == NULL;
}

static int tear_down_moment(void **state)
{
    moment_free(moment);
    return tear_down(state);
}

static void add(const char *pattern)
{
    assert_int_equal(moment_add(moment, slice_of(pattern), &err), D2K_OK);
}

/* All steps; returns how the last one ended, and how many there were. */
static d2k_result take(size_t *ret_steps)
{
    size_t steps = 1;
    d2k_result result;
    while ((result = moment_step(moment, &err)) == D2K_AGAIN) {
        steps++;
    }
    if (ret_steps != NULL) {
        *ret_steps = steps;
    }
    return result;
}

static void tells(const struct object *object, int64_t content)
{
    const struct update *update = NULL;
    assert_ptr_equal(moment_next(moment, &update), object);
    assert_non_null(update);
    assert_int_equal(record_of((struct slice){(const char *)update->bytes, update->size}).content,
                     content);
}

static void tells_no_more(void)
{
    const struct update *update = NULL;
    assert_null(moment_next(moment, &update));
}

/* ---- what is in it ---- */

static void the_values_are_those_of_one_moment(void **state)
{
    (void)state;
    struct object *a = define("A"), *b = define("B");
    set(a, 1);
    set(b, 1);
    add("*");
    assert_int_equal(moment_step(moment, &err), D2K_AGAIN);
    set(a, 2); /* it was looked at already */
    set(b, 2);
    assert_int_equal(take(NULL), D2K_OK);
    set(b, 3);
    tells(a, 2);
    set(a, 3);
    tells(b, 2);
    tells_no_more();
}

static void an_object_that_several_match_is_told_once(void **state)
{
    (void)state;
    struct object *ab = define("AB"), *ac = define("AC"), *b = define("B");
    define("C");
    set(ab, 1);
    set(ac, 2);
    set(b, 3);
    add("a*");
    add("B");
    add("*B");
    add("None.Such");
    assert_int_equal(take(NULL), D2K_OK);
    tells(ab, 1);
    tells(ac, 2);
    tells(b, 3);
    tells_no_more();
}

static void names_alone_are_looked_up(void **state)
{
    (void)state;
    char name[16];
    size_t steps;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "Many.%d", i);
        set(define(name), i);
    }
    add("many.500");
    add("Many.7");
    add("MANY.500");
    add("Many.1000");
    assert_int_equal(take(&steps), D2K_OK);
    assert_int_equal(steps, 5);
    tells(plant_object_by_name(plant, slice_of("Many.500")), 500);
    tells(plant_object_by_name(plant, slice_of("Many.7")), 7);
    tells_no_more();
}

static void an_object_without_a_value_is_told_without_one(void **state)
{
    (void)state;
    const struct update *update = NULL;
    struct object *a = define("A");
    add("A");
    assert_int_equal(take(NULL), D2K_OK);
    set(a, 1);
    assert_ptr_equal(moment_next(moment, &update), a);
    assert_null(update);
    tells_no_more();
}

static void what_is_void_or_hidden_when_its_turn_comes_is_left_out(void **state)
{
    (void)state;
    struct object *gone = define("Gone"), *early = define("Early"), *last = define("Last");
    struct object *other = define("Other"), *secret = define("Secret");
    set(gone, 1);
    set(early, 2);
    set(last, 3);
    set(other, 4);
    set(secret, 5);
    add("*");
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(moment_step(moment, &err), D2K_AGAIN);
    }
    assert_int_equal(plant_delete(plant, early, &err), D2K_OK); /* before the moment */
    assert_int_equal(take(NULL), D2K_OK);
    assert_int_equal(plant_delete(plant, gone, &err), D2K_OK);
    define_as("PC.KOM", D2K_TYPE_REAL, "Other");
    define("New"); /* stands where one of them stood */
    hidden = "Secret";
    tells(last, 3);
    tells_no_more();
}

static void of_an_owner_that_has_gone_nothing_is_valid(void **state)
{
    char name[16];
    const struct update *update;
    size_t told = 0;
    (void)state;
    for (unsigned i = 0; i <= PLANT_INVALIDATIONS_AT_ONCE; i++) {
        (void)snprintf(name, sizeof name, "O%u", i);
        set(define(name), i);
    }
    plant_owner_gone(plant, slice_of("PC.KOM"));
    add("O*");
    assert_int_equal(take(NULL), D2K_OK);
    while (moment_next(moment, &update) != NULL) {
        struct slice bytes = {(const char *)update->bytes, update->size};
        assert_int_equal(record_of(bytes).status & D2K_STATUS_VALID, 0);
        told++;
    }
    assert_int_equal(told, PLANT_INVALIDATIONS_AT_ONCE + 1);
}

static void what_may_not_be_seen_does_not_count(void **state)
{
    (void)state;
    set(define("Secret"), 1);
    struct object *a = define("A");
    set(a, 2);
    hidden = "Secret";
    add("*");
    add("Secret");
    assert_int_equal(take(NULL), D2K_OK);
    hidden = NULL;
    tells(a, 2);
    tells_no_more();
}

/* A sanitizer sees it if values are kept. */
static void a_snapshot_that_is_dropped_lets_go_of_its_values(void **state)
{
    (void)state;
    struct object *a = define("A"), *b = define("B");
    set(a, 1);
    set(b, 1);
    add("?");
    assert_int_equal(take(NULL), D2K_OK);
    assert_int_equal(a->current->references, 2);
    tells(a, 1);
    tells(b, 1);
    assert_int_equal(a->current->references, 1); /* it was told, and another one asked for */
    moment_free(moment);
    moment = NULL;
    assert_int_equal(b->current->references, 1);
}

/* ---- limits ---- */

static void patterns_are_limited(void **state)
{
    (void)state;
    char longest[PLANT_PATTERN_MAX + 2];
    memset(longest, '*', sizeof longest);
    struct slice pattern = {longest, PLANT_PATTERN_MAX + 1};
    assert_int_equal(moment_add(moment, pattern, &err), D2K_ARGUMENT);
    assert_int_equal(moment_add(moment, slice_of(""), &err), D2K_ARGUMENT);
    pattern.size--;
    for (size_t i = 0; i < SNAPSHOT_PATTERNS_MAX; i++) {
        assert_int_equal(moment_add(moment, pattern, &err), D2K_OK);
    }
    assert_int_equal(moment_add(moment, pattern, &err), D2K_LIMIT);
    set(define("A"), 1);
    assert_int_equal(take(NULL), D2K_OK);
    tells(plant_object_by_name(plant, slice_of("A")), 1);
}

static void objects_are_limited(void **state)
{
    (void)state;
    char name[16];
    for (size_t i = 0; i < SNAPSHOT_OBJECTS_MAX; i++) {
        (void)snprintf(name, sizeof name, "A%zu", i);
        define(name);
    }
    add("A*");
    assert_int_equal(take(NULL), D2K_OK);
    const struct update *update = NULL;
    size_t count = 0;
    while (moment_next(moment, &update) != NULL) {
        count++;
    }
    assert_int_equal(count, SNAPSHOT_OBJECTS_MAX);
    moment_free(moment);
    moment = moment_new(plant, &wakes);
    assert_non_null(moment);
    define("AX");
    add("A*");
    assert_int_equal(take(NULL), D2K_LIMIT);
}

static void set_text(struct object *object, size_t size)
{
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    d2k_value value = {.type = D2K_TYPE_TEXT, .status = D2K_STATUS_VALID};
    value.content.text.data = text;
    value.content.text.size = size;
    assert_int_equal(plant_set(plant, slice_of("PC.KOM"), object, &value, NOW, &err), D2K_OK);
    free(text);
}

static void bytes_are_limited(void **state)
{
    (void)state;
    char name[16];
    size_t most = D2K_TEXT_MAX_CHARS + sizeof(struct record);
    size_t whole = SNAPSHOT_BYTES_MAX / most, left = SNAPSHOT_BYTES_MAX % most;
    for (size_t i = 0; i < whole; i++) {
        (void)snprintf(name, sizeof name, "A%zu", i);
        set_text(define_as("PC.KOM", D2K_TYPE_TEXT, name), D2K_TEXT_MAX_CHARS);
    }
    struct object *last = define_as("PC.KOM", D2K_TYPE_TEXT, "Last");
    assert_in_range(left, sizeof(struct record), most);
    set_text(last, left - sizeof(struct record));
    add("*");
    assert_int_equal(take(NULL), D2K_OK);
    moment_free(moment);
    moment = moment_new(plant, &wakes);
    assert_non_null(moment);
    set_text(last, left - sizeof(struct record) + 1);
    add("*");
    assert_int_equal(take(NULL), D2K_LIMIT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_moment, tear_down_moment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_values_are_those_of_one_moment),
        TEST(an_object_that_several_match_is_told_once),
        TEST(names_alone_are_looked_up),
        TEST(an_object_without_a_value_is_told_without_one),
        TEST(what_is_void_or_hidden_when_its_turn_comes_is_left_out),
        TEST(of_an_owner_that_has_gone_nothing_is_valid),
        TEST(what_may_not_be_seen_does_not_count),
        TEST(a_snapshot_that_is_dropped_lets_go_of_its_values),
        TEST(patterns_are_limited),
        TEST(objects_are_limited),
        TEST(bytes_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
