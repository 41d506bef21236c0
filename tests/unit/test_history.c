/* The last changes of an object: which are kept, how many, within which memory, and how they are
 * read while the object goes on. */
#include "plant_fixture.h"

#define ENOUGH (1024u * 1024u)

static struct object *define_with(const char *name, uint32_t history)
{
    struct object *object = NULL;
    const struct definition definition = {
        .name = slice_of(name), .type = D2K_TYPE_INTEGER, .history = history};
    assert_int_equal(plant_define(plant, slice_of("PC.KOM"), &definition, &object, &err), D2K_OK);
    return object;
}

static void set_up_to(struct object *object, int64_t first, int64_t last)
{
    for (int64_t i = first; i <= last; i++) {
        set(object, i);
    }
}

static int64_t content_of(const struct update *update)
{
    return record_of((struct slice){(const char *)update->bytes, update->size}).content;
}

static void reads(const struct object *object, struct history_reader *reader, int64_t first,
                  int64_t last)
{
    bool lost = true;
    for (int64_t i = first; i <= last; i++) {
        const struct update *update = history_next(object, reader, &lost);
        assert_non_null(update);
        assert_false(lost);
        assert_int_equal(content_of(update), i);
    }
}

static void ends(const struct object *object, struct history_reader *reader)
{
    bool lost = true;
    assert_null(history_next(object, reader, &lost));
    assert_false(lost);
}

static void keeps(const struct object *object, int64_t first, int64_t last)
{
    struct history_reader reader;
    history_begin(object, 0, &reader);
    reads(object, &reader, first, last);
    ends(object, &reader);
}

static void keeps_nothing(const struct object *object)
{
    struct history_reader reader;
    history_begin(object, 0, &reader);
    ends(object, &reader);
}

static void an_object_keeps_its_last_changes_oldest_first(void **state)
{
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 100);
    keeps_nothing(a);
    set_up_to(a, 1, 100);
    keeps(a, 1, 100);
    set(a, 101);
    keeps(a, 2, 101);
    set_up_to(a, 102, 1000);
    keeps(a, 901, 1000);
}

static void only_so_many_are_read(void **state)
{
    struct history_reader reader;
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 10);
    set_up_to(a, 1, 15);
    history_begin(a, 3, &reader);
    reads(a, &reader, 13, 15);
    ends(a, &reader);
    history_begin(a, 11, &reader);
    reads(a, &reader, 6, 15);
    ends(a, &reader);
}

static void what_is_not_said_is_as_the_plant_has_it(void **state)
{
    (void)state;
    struct object *before = define_with("before", 0);
    plant_keep_history(plant, 5, ENOUGH);
    struct object *usual = define_with("usual", 0), *none = define_with("none", PLANT_HISTORY_NONE);
    assert_int_equal(plant_history_entries(before), 0);
    assert_int_equal(plant_history_entries(usual), 5);
    assert_int_equal(plant_history_entries(none), 0);
    set_up_to(usual, 1, 7);
    set_up_to(none, 1, 7);
    keeps(usual, 3, 7);
    keeps_nothing(none);
}

static void the_limit_of_entries(void **state)
{
    struct object *a = NULL;
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    assert_int_equal(plant_history_entries(define_with("a", PLANT_HISTORY_ENTRIES_MAX)),
                     PLANT_HISTORY_ENTRIES_MAX);
    const struct definition over = {.name = slice_of("over"),
                                    .type = D2K_TYPE_INTEGER,
                                    .history = PLANT_HISTORY_ENTRIES_MAX + 1};
    assert_int_equal(plant_define(plant, slice_of("PC.KOM"), &over, &a, &err), D2K_ARGUMENT);
    assert_non_null(strstr(err.text, "at most 10000"));
}

/* ---- reading while the object goes on ---- */

static void a_reader_is_told_what_was_there_when_it_began(void **state)
{
    struct history_reader reader;
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 4);
    set_up_to(a, 1, 4);
    history_begin(a, 0, &reader);
    reads(a, &reader, 1, 2);
    set_up_to(a, 5, 6);
    reads(a, &reader, 3, 4);
    ends(a, &reader);
}

static void a_reader_that_is_too_slow_is_told(void **state)
{
    struct history_reader reader;
    bool lost = false;
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 4);
    set_up_to(a, 1, 4);
    history_begin(a, 0, &reader);
    reads(a, &reader, 1, 2);
    set_up_to(a, 5, 7);
    assert_null(history_next(a, &reader, &lost));
    assert_true(lost);
}

static void a_reader_notices_that_it_is_another_object(void **state)
{
    struct history_reader reader;
    bool lost = false;
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 4);
    set_up_to(a, 1, 4);
    history_begin(a, 0, &reader);
    assert_int_equal(plant_delete(plant, a, &err), D2K_OK);
    a = define_with("a", 4);
    set_up_to(a, 5, 6);
    assert_null(history_next(a, &reader, &lost));
    assert_true(lost);
}

/* ---- changes of the object ---- */

static void what_a_value_suffers_is_a_change_too(void **state)
{
    struct history_reader reader;
    bool lost;
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 4);
    set(a, 1);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    history_begin(a, 1, &reader);
    assert_ptr_equal(history_next(a, &reader, &lost), a->current); /* 1, and not valid */
    ends(a, &reader);
    history_begin(a, 2, &reader);
    assert_ptr_not_equal(history_next(a, &reader, &lost), a->current);
    reads(a, &reader, 1, 1);
    ends(a, &reader);
}

static void the_past_is_not_a_change(void **state)
{
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 4);
    set(a, 1);
    set_past(a, 77);
    set(a, 2);
    keeps(a, 1, 2);
}

static void a_smaller_history_keeps_the_newest(void **state)
{
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 40);
    set_up_to(a, 1, 50);
    assert_ptr_equal(define_with("a", 7), a);
    keeps(a, 44, 50);
    set(a, 51);
    keeps(a, 45, 51);
    (void)define_with("a", 100);
    set_up_to(a, 52, 60);
    keeps(a, 45, 60);
    (void)define_with("a", PLANT_HISTORY_NONE);
    keeps_nothing(a);
    assert_int_equal(plant_history_bytes(plant), 0);
}

static void values_of_another_type_are_forgotten(void **state)
{
    struct object *object;
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 40);
    set_up_to(a, 1, 5);
    const struct definition real = {.name = slice_of("a"), .type = D2K_TYPE_REAL, .history = 40};
    assert_int_equal(plant_define(plant, slice_of("PC.KOM"), &real, &object, &err), D2K_OK);
    keeps(object, 0, 0); /* that it has no value any more */
}

/* ---- memory ---- */

static size_t bytes_for(unsigned changes)
{
    return changes * (sizeof(struct update) + sizeof(struct record)) + 16 * sizeof(void *);
}

static void memory_is_counted_and_given_back(void **state)
{
    (void)state;
    plant_keep_history(plant, 0, ENOUGH);
    struct object *a = define_with("a", 16);
    set_up_to(a, 1, 40);
    assert_int_equal(plant_history_bytes(plant), bytes_for(16));
    assert_int_equal(plant_delete(plant, a, &err), D2K_OK);
    assert_int_equal(plant_history_bytes(plant), 0);
}

static void at_the_limit_of_memory_an_object_keeps_fewer(void **state)
{
    (void)state;
    plant_keep_history(plant, 0, bytes_for(10));
    struct object *a = define_with("a", 16);
    set_up_to(a, 1, 10);
    keeps(a, 1, 10);
    assert_int_equal(plant_history_bytes(plant), bytes_for(10));
    set(a, 11);
    keeps(a, 2, 11);
    struct object *b = define_with("b", 16);
    set_up_to(b, 1, 3);
    keeps_nothing(b); /* a has it all */
    assert_int_equal(plant_history_bytes(plant), bytes_for(10));
    assert_int_equal(plant_delete(plant, a, &err), D2K_OK);
    set_up_to(b, 4, 5);
    keeps(b, 4, 5);
}

static void without_memory_there_is_no_history_and_nothing_else_suffers(void **state)
{
    struct history_reader reader;
    bool lost;
    (void)state;
    struct object *a = define_with("a", 16); /* at first the plant has no memory for it */
    set_up_to(a, 1, 3);
    history_begin(a, 0, &reader);
    assert_null(history_next(a, &reader, &lost));
    assert_int_equal(a->value.content.integer, 3);
    assert_int_equal(plant_history_bytes(plant), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_object_keeps_its_last_changes_oldest_first),
        TEST(only_so_many_are_read),
        TEST(what_is_not_said_is_as_the_plant_has_it),
        TEST(the_limit_of_entries),
        TEST(a_reader_is_told_what_was_there_when_it_began),
        TEST(a_reader_that_is_too_slow_is_told),
        TEST(a_reader_notices_that_it_is_another_object),
        TEST(what_a_value_suffers_is_a_change_too),
        TEST(the_past_is_not_a_change),
        TEST(a_smaller_history_keeps_the_newest),
        TEST(values_of_another_type_are_forgotten),
        TEST(memory_is_counted_and_given_back),
        TEST(at_the_limit_of_memory_an_object_keeps_fewer),
        TEST(without_memory_there_is_no_history_and_nothing_else_suffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
