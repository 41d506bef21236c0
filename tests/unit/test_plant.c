/* Objects and their values: definition, ownership, numbers, checks, what becomes current. */
#include <math.h>
#include <stdio.h>

#include "plant_fixture.h"

#include "base/text.h"

static d2k_result try_define(const char *owner, d2k_type type, const char *name,
                             const char *description, const char *unit)
{
    struct object *object = NULL;
    const struct definition definition = {.name = slice_of(name),
                                          .description = slice_of(description),
                                          .unit = slice_of(unit),
                                          .type = type};
    return plant_define(plant, slice_of(owner), &definition, &object, &err);
}

static d2k_result try_set(struct object *object, d2k_value value)
{
    return plant_set(plant, slice_of(object->owner), object, &value, NOW, &err);
}

/* ---- definition ---- */

static void a_defined_object_is_found_by_name_number_and_position(void **state)
{
    (void)state;
    struct object *a = define("Kom.Load");
    struct object *b = define("Kom.Memory");
    assert_ptr_equal(plant_object_by_name(plant, slice_of("Kom.Load")), a);
    assert_ptr_equal(plant_object(plant, b->hobj), b);
    assert_ptr_equal(plant_object_at(plant, 0), a);
    assert_ptr_equal(plant_object_at(plant, 1), b);
    assert_null(plant_object_at(plant, 2));
    assert_int_equal(plant_object_count(plant), 2);
    assert_null(plant_object(plant, 99));
    assert_null(plant_object_by_name(plant, slice_of("Kom.Loa")));
    assert_null(a->current);
    assert_string_equal(a->owner, "PC.KOM");
}

static void names_ignore_case_and_keep_their_first_spelling(void **state)
{
    (void)state;
    struct object *object = define("Kom.Load");
    assert_ptr_equal(define_as("pc.kom", D2K_TYPE_INTEGER, "KOM.LOAD"), object);
    assert_ptr_equal(plant_object_by_name(plant, slice_of("kOM.lOAD")), object);
    assert_string_equal(object->name, "Kom.Load");
    assert_string_equal(object->owner, "PC.KOM");
    assert_int_equal(plant_object_count(plant), 1);
}

static void bad_definitions_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    char name[66], description[514], unit[66];
    memset(name, 'n', sizeof name);
    memset(description, 'd', sizeof description);
    memset(unit, 'u', sizeof unit);
    name[65] = description[513] = unit[65] = '\0';
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "", "", ""), D2K_ARGUMENT);
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "1a", "", ""), D2K_ARGUMENT);
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "a b", "", ""), D2K_ARGUMENT);
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, name, "", ""), D2K_ARGUMENT);
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "a", description, ""), D2K_ARGUMENT);
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "a", "", unit), D2K_ARGUMENT);
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "a", "\xff", ""), D2K_ARGUMENT);
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "a", "", "\xc3"), D2K_ARGUMENT);
    assert_int_equal(try_define("A.API", D2K_TYPE_NONE, "a", "", ""), D2K_ARGUMENT);
    assert_int_equal(try_define("A.API", (d2k_type)(D2K_TYPE_LAST + 1), "a", "", ""), D2K_ARGUMENT);
    assert_int_equal(try_define("no process", D2K_TYPE_REAL, "a", "", ""), D2K_ARGUMENT);
    assert_int_equal(plant_object_count(plant), 0);
    name[64] = description[512] = unit[64] = '\0';
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, name, description, unit), D2K_OK);
    assert_int_equal(plant_object_count(plant), 1);
}

static void control_characters_of_a_bad_name_do_not_reach_the_sentence(void **state)
{
    (void)state;
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "a\033[2Jb", "", ""), D2K_ARGUMENT);
    assert_null(strchr(err.text, '\033'));
    assert_non_null(strstr(err.text, "[2Jb"));
}

static void defining_again_replaces_description_unit_and_type(void **state)
{
    (void)state;
    struct object *object = define("a");
    uint32_t hobj = object->hobj;
    assert_int_equal(try_define("PC.KOM", D2K_TYPE_REAL, "a", "Load", "%"), D2K_OK);
    assert_string_equal(object->description, "Load");
    assert_string_equal(object->unit, "%");
    assert_int_equal(object->type, D2K_TYPE_REAL);
    assert_int_equal(object->hobj, hobj);
}

static void a_value_of_the_old_type_is_gone_after_a_change_of_type(void **state)
{
    (void)state;
    struct object *object = define("a");
    set(object, 5);
    uint64_t before = object->current->sequence;
    define_as("PC.KOM", D2K_TYPE_TEXT, "a");
    assert_int_equal(object->value.type, D2K_TYPE_NONE);
    assert_int_equal(object->value.status, 0);
    assert_int_equal(current_record(object).type, D2K_TYPE_NONE);
    assert_true(object->current->sequence > before);
}

static void a_change_of_type_that_cannot_be_encoded_changes_nothing(void **state)
{
    (void)state;
    struct object *object = define("a");
    set(object, 5);
    encoder_fails = true;
    assert_int_equal(try_define("PC.KOM", D2K_TYPE_TEXT, "a", "new", ""), D2K_NO_MEMORY);
    assert_int_equal(object->type, D2K_TYPE_INTEGER);
    assert_string_equal(object->description, "");
    assert_int_equal(object->value.content.integer, 5);
}

static void an_object_of_another_process_is_refused_by_name(void **state)
{
    (void)state;
    define("a");
    assert_int_equal(try_define("Other.API", D2K_TYPE_INTEGER, "A", "", ""), D2K_NOT_ALLOWED);
    assert_non_null(strstr(err.text, "belongs to PC.KOM"));
    assert_int_equal(try_define("", D2K_TYPE_INTEGER, "a", "", ""), D2K_NOT_ALLOWED);
    define_as("", D2K_TYPE_INTEGER, "System");
    assert_int_equal(try_define("PC.KOM", D2K_TYPE_INTEGER, "System", "", ""), D2K_NOT_ALLOWED);
    assert_non_null(strstr(err.text, "belongs to the kernel"));
}

static void an_object_stays_with_its_owner_when_that_has_gone(void **state)
{
    (void)state;
    define("a");
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_int_equal(try_define("Other.API", D2K_TYPE_INTEGER, "a", "", ""), D2K_NOT_ALLOWED);
}

static void the_limit_of_objects_holds(void **state)
{
    (void)state;
    char name[32];
    for (unsigned i = 0; i < PLANT_OBJECTS_MAX; i++) {
        snprintf(name, sizeof name, "o%u", i);
        define(name);
    }
    assert_int_equal(try_define("PC.KOM", D2K_TYPE_INTEGER, "one_more", "", ""), D2K_LIMIT);
    assert_int_equal(plant_object_count(plant), PLANT_OBJECTS_MAX);
    assert_int_equal(try_define("PC.KOM", D2K_TYPE_INTEGER, "o7", "again", ""), D2K_OK);
}

/* ---- values ---- */

static void a_value_becomes_current_and_is_encoded_once(void **state)
{
    (void)state;
    struct object *object = define("a");
    set(object, 42);
    assert_int_equal(object->value.content.integer, 42);
    assert_int_equal(object->value.time_ns, NOW);
    assert_int_equal(current_record(object).content, 42);
    assert_int_equal(current_record(object).hobj, object->hobj);
    assert_int_equal(encodings, 1);
}

static void a_given_time_is_kept_and_bounded(void **state)
{
    (void)state;
    struct object *object = define("a");
    d2k_value value = d2k_integer(1);
    value.time_ns = D2K_TIME_MIN_NS;
    assert_int_equal(try_set(object, value), D2K_OK);
    assert_int_equal(object->value.time_ns, D2K_TIME_MIN_NS);
    value.time_ns = D2K_TIME_MAX_NS;
    assert_int_equal(try_set(object, value), D2K_OK);
    value.time_ns = D2K_TIME_MIN_NS - 1;
    assert_int_equal(try_set(object, value), D2K_ARGUMENT);
    value.time_ns = D2K_TIME_MAX_NS + 1;
    assert_int_equal(try_set(object, value), D2K_ARGUMENT);
    assert_int_equal(object->value.time_ns, D2K_TIME_MAX_NS);
}

static void values_of_a_wrong_type_are_refused(void **state)
{
    (void)state;
    struct object *object = define("a");
    d2k_value none = {.type = D2K_TYPE_NONE};
    assert_int_equal(try_set(object, d2k_real(1)), D2K_TYPE);
    assert_non_null(strstr(err.text, "Integer"));
    assert_non_null(strstr(err.text, "Real"));
    assert_int_equal(try_set(object, none), D2K_TYPE);
    assert_null(object->current);
}

static void values_out_of_range_are_refused(void **state)
{
    (void)state;
    struct object *real = define_as("A.API", D2K_TYPE_REAL, "r");
    struct object *time = define_as("A.API", D2K_TYPE_ABSOLUTE_TIME, "t");
    struct object *text = define_as("A.API", D2K_TYPE_TEXT, "x");
    struct object *switch_ = define_as("A.API", D2K_TYPE_QUATERNARY, "q");
    d2k_value status = d2k_real(1);
    status.status = D2K_STATUS_ALL + 1;
    assert_int_equal(try_set(real, d2k_real(NAN)), D2K_ARGUMENT);
    assert_int_equal(try_set(real, d2k_real(INFINITY)), D2K_ARGUMENT);
    assert_int_equal(try_set(real, d2k_real(-INFINITY)), D2K_ARGUMENT);
    assert_int_equal(try_set(real, status), D2K_ARGUMENT);
    assert_int_equal(try_set(time, d2k_absolute_time(D2K_TIME_MIN_NS - 1)), D2K_ARGUMENT);
    assert_int_equal(try_set(time, d2k_absolute_time(D2K_TIME_MAX_NS + 1)), D2K_ARGUMENT);
    assert_int_equal(try_set(text, d2k_text("\xc3(")), D2K_ARGUMENT);
    assert_int_equal(try_set(switch_, d2k_state(D2K_TYPE_QUATERNARY, D2K_QUATERNARY_OSC + 1)),
                     D2K_ARGUMENT);
    assert_null(switch_->current);
    assert_null(real->current);
    assert_null(time->current);
    assert_null(text->current);
    assert_int_equal(try_set(time, d2k_absolute_time(D2K_TIME_MAX_NS)), D2K_OK);
    assert_int_equal(try_set(real, d2k_real(-1.7e308)), D2K_OK);
    assert_int_equal(try_set(switch_, d2k_state(D2K_TYPE_QUATERNARY, D2K_QUATERNARY_OSC)), D2K_OK);
}

static void only_the_owner_sets_values(void **state)
{
    (void)state;
    struct object *object = define("a");
    d2k_value value = d2k_integer(1);
    assert_int_equal(plant_set(plant, slice_of("B.API"), object, &value, NOW, &err),
                     D2K_NOT_ALLOWED);
    assert_non_null(strstr(err.text, "belongs to PC.KOM"));
    assert_int_equal(plant_set(plant, slice_of(""), object, &value, NOW, &err), D2K_NOT_ALLOWED);
    assert_null(object->current);
    assert_int_equal(plant_set(plant, slice_of("pc.Kom"), object, &value, NOW, &err), D2K_OK);
}

static void an_invalid_value_of_the_owner_is_taken_as_it_is(void **state)
{
    (void)state;
    struct object *object = define("a");
    d2k_value value = d2k_integer(3);
    value.status = D2K_STATUS_MANUAL;
    assert_int_equal(try_set(object, value), D2K_OK);
    assert_int_equal(current_record(object).status, D2K_STATUS_MANUAL);
}

static void a_text_belongs_to_the_object(void **state)
{
    (void)state;
    struct object *object = define_as("A.API", D2K_TYPE_TEXT, "t");
    char text[] = "hello";
    assert_int_equal(try_set(object, d2k_text(text)), D2K_OK);
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(object->value.content.text.size, 5);
    assert_memory_equal(object->value.content.text.data, "hello", 5);
    assert_int_equal(try_set(object, d2k_text("")), D2K_OK);
    assert_int_equal(object->value.content.text.size, 0);
    assert_non_null(object->value.content.text.data);
}

static void a_text_is_cut_between_characters_and_marked_weak(void **state)
{
    (void)state;
    struct object *object = define_as("A.API", D2K_TYPE_TEXT, "t");
    size_t size = 2 * (D2K_TEXT_MAX_CHARS + 1);
    char *text = malloc(size + 1);
    assert_non_null(text);
    for (size_t i = 0; i < size; i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }
    text[size] = '\0';
    assert_int_equal(try_set(object, d2k_text(text)), D2K_OK);
    assert_int_equal(object->value.content.text.size, 2 * D2K_TEXT_MAX_CHARS);
    assert_int_equal(object->value.status, D2K_STATUS_VALID | D2K_STATUS_WEAK);
    text[size - 2] = '\0';
    assert_int_equal(try_set(object, d2k_text(text)), D2K_OK);
    assert_int_equal(object->value.content.text.size, 2 * D2K_TEXT_MAX_CHARS);
    assert_int_equal(object->value.status, D2K_STATUS_VALID);
    free(text);
}

static void the_largest_text_of_four_byte_characters_fits(void **state)
{
    (void)state;
    struct object *object = define_as("A.API", D2K_TYPE_TEXT, "t");
    char *text = malloc(D2K_TEXT_MAX_BYTES + 1);
    assert_non_null(text);
    for (size_t i = 0; i < D2K_TEXT_MAX_BYTES; i += 4) {
        memcpy(text + i, "\xf0\x9f\x98\x80", 4);
    }
    text[D2K_TEXT_MAX_BYTES] = '\0';
    assert_int_equal(try_set(object, d2k_text(text)), D2K_OK);
    assert_int_equal(object->value.content.text.size, D2K_TEXT_MAX_BYTES);
    free(text);
}

static void a_value_that_cannot_be_encoded_changes_nothing(void **state)
{
    (void)state;
    struct object *object = define_as("A.API", D2K_TYPE_TEXT, "t");
    assert_int_equal(try_set(object, d2k_text("old")), D2K_OK);
    encoder_fails = true;
    assert_int_equal(try_set(object, d2k_text("new")), D2K_NO_MEMORY);
    assert_memory_equal(object->value.content.text.data, "old", 3);
}

static void a_value_of_the_past_never_becomes_current(void **state)
{
    (void)state;
    struct object *object = define("a");
    set_past(object, 1);
    assert_null(object->current);
    set(object, 2);
    set_past(object, 3);
    assert_int_equal(object->value.content.integer, 2);
    assert_int_equal(current_record(object).content, 2);
}

/* ---- owners ---- */

static void values_become_invalid_when_their_owner_goes(void **state)
{
    (void)state;
    struct object *object = define("a");
    struct object *other = define_as("B.API", D2K_TYPE_INTEGER, "b");
    struct object *empty = define("without_value");
    d2k_value value = d2k_integer(7);
    value.status = D2K_STATUS_VALID | D2K_STATUS_MANUAL;
    value.time_ns = NOW - 5;
    assert_int_equal(try_set(object, value), D2K_OK);
    set(other, 8);
    plant_owner_gone(plant, slice_of("pc.kom"));
    struct record record = current_record(object);
    assert_int_equal(record.status, D2K_STATUS_MANUAL);
    assert_int_equal(record.content, 7);
    assert_int_equal(record.time_ns, NOW - 5);
    assert_int_equal(object->value.status, D2K_STATUS_MANUAL);
    assert_null(empty->current);
    assert_int_equal(other->value.status, D2K_STATUS_VALID);
}

static void a_returned_owner_makes_values_valid_only_by_publishing(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct object *b = define("b");
    set(a, 1);
    set(b, 1);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_int_equal(a->value.status, 0);
    set(a, 2);
    assert_int_equal(a->value.status, D2K_STATUS_VALID);
    assert_int_equal(b->value.status, 0);
}

static void text_survives_the_going_of_its_owner(void **state)
{
    (void)state;
    struct object *object = define_as("A.API", D2K_TYPE_TEXT, "t");
    assert_int_equal(try_set(object, d2k_text("kept")), D2K_OK);
    plant_owner_gone(plant, slice_of("A.API"));
    assert_memory_equal(object->value.content.text.data, "kept", 4);
    assert_int_equal(object->value.status, 0);
}

static void an_invalidation_without_memory_is_made_up_for(void **state)
{
    (void)state;
    struct object *a = define("a");
    struct object *published = define("published");
    struct object *other = define_as("B.API", D2K_TYPE_INTEGER, "b");
    set(a, 1);
    set(published, 1);
    encoder_fails = true;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_int_equal(a->value.status, D2K_STATUS_VALID);
    encoder_fails = false;
    set(other, 1);
    assert_int_equal(current_record(a).status, 0);
    assert_int_equal(current_record(published).status, 0);
    unsigned before = encodings;
    set(published, 2);
    assert_int_equal(encodings, before + 1);
    assert_int_equal(published->value.status, D2K_STATUS_VALID);
}

/* ---- numbers ---- */

static uint32_t stored_number;
static char stored_names[8][65];
static uint32_t stored_numbers[8];
static unsigned stored_count;

static uint32_t stored_hobj(void *context, struct slice name)
{
    (void)context;
    return slice_equal_text(name, "stored") ? stored_number : 0;
}

static void store_hobj(void *context, struct slice name, uint32_t hobj)
{
    (void)context;
    assert_true(stored_count < 8);
    memcpy(stored_names[stored_count], name.data, name.size);
    stored_names[stored_count][name.size] = '\0';
    stored_numbers[stored_count++] = hobj;
}

static int set_up_stored(void **state)
{
    (void)state;
    const struct plant_hooks hooks = {
        .encode = encode, .wake = wake, .stored_hobj = stored_hobj, .store_hobj = store_hobj};
    stored_count = 0;
    stored_number = 17;
    plant = plant_new(&hooks, fixed_seed, 100);
    return plant == NULL;
}

static void a_stored_number_is_used_again_and_a_new_one_is_stored_once(void **state)
{
    (void)state;
    assert_int_equal(define("stored")->hobj, 17);
    assert_int_equal(stored_count, 0);
    assert_int_equal(define("fresh")->hobj, 100);
    define("fresh");
    assert_int_equal(define("fresher")->hobj, 101);
    assert_int_equal(stored_count, 2);
    assert_string_equal(stored_names[0], "fresh");
    assert_int_equal(stored_numbers[0], 100);
}

static void a_refused_definition_stores_no_number(void **state)
{
    (void)state;
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "1", "", ""), D2K_ARGUMENT);
    assert_int_equal(stored_count, 0);
}

static void a_stored_number_that_somebody_has_is_replaced(void **state)
{
    (void)state;
    struct object *first = define("fresh");
    stored_number = first->hobj;
    struct object *second = define("stored");
    assert_int_not_equal(second->hobj, first->hobj);
    assert_ptr_equal(plant_object(plant, second->hobj), second);
    assert_int_equal(stored_count, 2);
    assert_string_equal(stored_names[1], "stored");
}

static void a_stored_number_over_the_first_free_one_is_not_given_twice(void **state)
{
    (void)state;
    stored_number = 100;
    assert_int_equal(define("stored")->hobj, 100);
    assert_int_equal(define("fresh")->hobj, 101);
}

static void the_last_number_is_given_and_then_no_more(void **state)
{
    (void)state;
    stored_number = PLANT_NUMBER_MAX - 1;
    define("stored");
    assert_int_equal(define("last")->hobj, PLANT_NUMBER_MAX);
    assert_int_equal(try_define("A.API", D2K_TYPE_REAL, "none_left", "", ""), D2K_LIMIT);
    assert_null(plant_object_by_name(plant, slice_of("none_left")));
}

#define PLANT_TEST(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define STORED_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_stored, tear_down)

static void what_is_expected_need_not_be_there(void **state)
{
    (void)state;
    const uint32_t none[PLANT_EXPECT_MAX] = {1, 2, 3, UINT32_MAX};
    plant_expect(plant, none, PLANT_EXPECT_MAX);
    struct object *a = define("a");
    const uint32_t some[] = {a->hobj, a->hobj + 1, 0};
    plant_expect(plant, some, 3);
    plant_expect(plant, some, 0);
    set(a, 1);
    plant_expect(plant, some, 3);
    assert_int_equal(a->value.content.integer, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLANT_TEST(a_defined_object_is_found_by_name_number_and_position),
        PLANT_TEST(names_ignore_case_and_keep_their_first_spelling),
        PLANT_TEST(bad_definitions_are_refused_and_leave_nothing),
        PLANT_TEST(control_characters_of_a_bad_name_do_not_reach_the_sentence),
        PLANT_TEST(defining_again_replaces_description_unit_and_type),
        PLANT_TEST(a_value_of_the_old_type_is_gone_after_a_change_of_type),
        PLANT_TEST(a_change_of_type_that_cannot_be_encoded_changes_nothing),
        PLANT_TEST(an_object_of_another_process_is_refused_by_name),
        PLANT_TEST(an_object_stays_with_its_owner_when_that_has_gone),
        PLANT_TEST(the_limit_of_objects_holds),
        PLANT_TEST(a_value_becomes_current_and_is_encoded_once),
        PLANT_TEST(a_given_time_is_kept_and_bounded),
        PLANT_TEST(values_of_a_wrong_type_are_refused),
        PLANT_TEST(values_out_of_range_are_refused),
        PLANT_TEST(only_the_owner_sets_values),
        PLANT_TEST(an_invalid_value_of_the_owner_is_taken_as_it_is),
        PLANT_TEST(a_text_belongs_to_the_object),
        PLANT_TEST(a_text_is_cut_between_characters_and_marked_weak),
        PLANT_TEST(the_largest_text_of_four_byte_characters_fits),
        PLANT_TEST(a_value_that_cannot_be_encoded_changes_nothing),
        PLANT_TEST(a_value_of_the_past_never_becomes_current),
        PLANT_TEST(values_become_invalid_when_their_owner_goes),
        PLANT_TEST(a_returned_owner_makes_values_valid_only_by_publishing),
        PLANT_TEST(text_survives_the_going_of_its_owner),
        PLANT_TEST(an_invalidation_without_memory_is_made_up_for),
        STORED_TEST(a_stored_number_is_used_again_and_a_new_one_is_stored_once),
        STORED_TEST(a_refused_definition_stores_no_number),
        STORED_TEST(a_stored_number_that_somebody_has_is_replaced),
        STORED_TEST(a_stored_number_over_the_first_free_one_is_not_given_twice),
        STORED_TEST(the_last_number_is_given_and_then_no_more),
        PLANT_TEST(what_is_expected_need_not_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
