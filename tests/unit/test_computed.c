/* Computed objects: when they are evaluated, what they wait for, and what is refused. */
#include <stdio.h>

#include "reader_fixture.h"

static struct definition definition_of(const char *name, const char *expression)
{
    return (struct definition){.name = slice_of(name),
                               .type = D2K_TYPE_INTEGER,
                               .kind = OBJECT_COMPUTED,
                               .expression = slice_of(expression),
                               .properties = slice_of(expression),
                               .now_ns = NOW};
}

static struct object *compute(const char *name, const char *expression)
{
    struct object *object = NULL;
    struct definition d = definition_of(name, expression);
    assert_int_equal(plant_check_definition(plant, slice_of(""), &d, &err), D2K_OK);
    assert_int_equal(plant_define(plant, slice_of(""), &d, &object, &err), D2K_OK);
    return object;
}

static void is_refused(const char *name, const char *expression, d2k_result result,
                       const char *sentence)
{
    struct object *object = NULL;
    struct definition d = definition_of(name, expression);
    assert_int_equal(plant_check_definition(plant, slice_of(""), &d, &err), result);
    assert_string_equal(err.text, sentence);
    if (result != D2K_TYPE) {
        assert_int_equal(plant_define(plant, slice_of(""), &d, &object, &err), result);
        assert_string_equal(err.text, sentence);
    }
}

static void is_valid(const struct object *object, int64_t content)
{
    assert_int_equal(object->value.type, D2K_TYPE_INTEGER);
    assert_int_equal(object->value.status, D2K_STATUS_VALID);
    assert_int_equal(object->value.content.integer, content);
    assert_int_equal(current_record(object).content, content);
}

static void is_invalid(const struct object *object)
{
    assert_non_null(object->current);
    assert_int_equal(object->value.status & D2K_STATUS_VALID, 0);
}

static void delete (struct object *object)
{
    assert_int_equal(plant_delete(plant, object, &err), D2K_OK);
}

static void it_follows_its_inputs(void **state)
{
    (void)state;
    struct object *a = define("A"), *b = define("B");
    set(a, 1);
    struct object *sum = compute("Sum", "A + B");
    is_invalid(sum);
    set(b, 2);
    is_valid(sum, 3);
    set(a, 10);
    is_valid(sum, 12);
    assert_int_equal(sum->value.time_ns, NOW);
    assert_string_equal(sum->owner, "");
}

static void the_time_is_the_newest_of_the_inputs(void **state)
{
    (void)state;
    struct object *a = define("A"), *b = define("B"), *sum = compute("Sum", "A + B");
    d2k_value value = d2k_integer(1);
    value.time_ns = NOW + 5;
    assert_int_equal(plant_set(plant, slice_of("PC.KOM"), a, &value, NOW, &err), D2K_OK);
    value.time_ns = NOW + 3;
    assert_int_equal(plant_set(plant, slice_of("PC.KOM"), b, &value, NOW, &err), D2K_OK);
    assert_int_equal(sum->value.time_ns, NOW + 5);
    assert_int_equal(compute("One", "1")->value.time_ns, NOW);
}

static void it_waits_for_what_does_not_exist(void **state)
{
    (void)state;
    struct object *twice = compute("Twice", "2 * A");
    is_invalid(twice);
    assert_int_equal(twice->value.time_ns, NOW);
    struct object *a = define("a"); /* case is ignored */
    is_invalid(twice);
    set(a, 21);
    is_valid(twice, 42);
    delete (a);
    is_invalid(twice);
    set(define("A"), 1);
    is_valid(twice, 2);
}

static void an_owner_that_goes_makes_it_invalid_once(void **state)
{
    (void)state;
    struct object *a = define("A"), *b = define("B"), *sum = compute("Sum", "A + B");
    set(a, 1);
    set(b, 2);
    unsigned before = encodings;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    is_invalid(sum);
    assert_int_equal(sum->value.content.integer, 3);
    assert_int_equal(encodings, before + 3); /* A, B and Sum */
}

/* A diamond, and a chain beside it: inputs come before what they make. */
static void each_is_evaluated_once_a_change(void **state)
{
    (void)state;
    struct object *bottom = compute("Bottom", "Left + Right + Far");
    (void)compute("Far", "Mid + 0");
    (void)compute("Mid", "Left + 0");
    (void)compute("Left", "A + 0");
    (void)compute("Right", "-A");
    struct object *a = define("A");
    set(a, 1);
    is_valid(bottom, 1);
    read_from_now_on(1, true, bottom);
    unsigned before = encodings;
    set(a, 5);
    assert_int_equal(encodings, before + 6);
    takes_value(bottom, 5);
    takes_none();
}

static void what_does_not_change_is_not_told(void **state)
{
    (void)state;
    struct object *a = define("A"), *is_high = compute("High", "if A > 10 then 1 else 0");
    set(a, 1);
    unsigned before = encodings;
    set(a, 2); /* at the same time */
    assert_int_equal(encodings, before + 1);
    set(a, 11);
    is_valid(is_high, 1);
}

static void nobody_sets_it(void **state)
{
    (void)state;
    struct object *one = compute("One", "1");
    d2k_value value = d2k_integer(2);
    assert_int_equal(plant_set(plant, slice_of("PC.KOM"), one, &value, NOW, &err), D2K_NOT_ALLOWED);
    assert_string_equal(err.text, "object One is computed: nobody sets it");
    is_valid(one, 1);
}

static void another_expression_takes_its_place(void **state)
{
    (void)state;
    struct object *a = define("A"), *b = define("B");
    set(a, 1);
    set(b, 2);
    struct object *c = compute("C", "A + B"), *d = compute("D", "10 * C");
    assert_ptr_equal(compute("c", "B"), c);
    is_valid(c, 2);
    is_valid(d, 20);
    set(a, 7);
    is_valid(c, 2);
    set(b, 3);
    is_valid(d, 30);
}

static void it_becomes_something_else(void **state)
{
    (void)state;
    struct object *a = define("A"), *c = compute("C", "A"), *d = compute("D", "C + 1");
    set(a, 1);
    is_valid(d, 2);
    struct definition definition = definition_of("C", "");
    definition.kind = OBJECT_USER_VARIABLE;
    assert_int_equal(plant_define(plant, slice_of(""), &definition, &c, &err), D2K_OK);
    is_invalid(d);
    set(a, 5);
    assert_int_equal(c->value.type, D2K_TYPE_NONE);
    set(c, 10);
    is_valid(d, 11);
}

static void an_input_of_another_type_makes_it_invalid(void **state)
{
    (void)state;
    struct object *a = define("A"), *c = compute("C", "A + 1");
    set(a, 1);
    is_valid(c, 2);
    a = define_as("PC.KOM", D2K_TYPE_TEXT, "A");
    is_invalid(c);
    d2k_value text = d2k_text("x");
    assert_int_equal(plant_set(plant, slice_of("PC.KOM"), a, &text, NOW, &err), D2K_OK);
    is_invalid(c);
    is_refused("C2", "A + 1", D2K_TYPE,
               "object C2: expression, column 3: + expected two numbers, or times, found Text "
               "and Integer");
}

static void cycles_are_named(void **state)
{
    (void)state;
    is_refused("A", "1 + a", D2K_CYCLE, "object A: it would depend on itself: a needs a");
    (void)compute("B", "A");
    struct object *c = compute("C", "B + X"), *d = compute("D", "C");
    is_refused("A", "Y + D", D2K_CYCLE,
               "object A: it would depend on itself: A needs D, D needs C, C needs B, B needs A");
    is_refused("B", "D", D2K_CYCLE,
               "object B: it would depend on itself: B needs D, D needs C, C needs B");
    set(define("A"), 1);
    set(define("X"), 2);
    is_valid(d, 3);
    delete (c); /* the way is cut */
    is_invalid(d);
    (void)compute("B", "D");
    is_refused("C", "B", D2K_CYCLE,
               "object C: it would depend on itself: C needs B, B needs D, D needs C");
}

static void a_long_cycle_is_cut(void **state)
{
    char name[16], expression[16];
    (void)state;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "O%d", i);
        (void)snprintf(expression, sizeof expression, "O%d", i + 1);
        (void)compute(name, expression);
    }
    is_refused("O20", "O0", D2K_CYCLE,
               "object O20: it would depend on itself: O20 needs O0, O0 needs O1, O1 needs O2, "
               "O2 needs O3, O3 needs O4, O4 needs O5, O5 needs ..., which needs O20");
}

static void what_is_refused_leaves_nothing(void **state)
{
    (void)state;
    struct object *a = define("A");
    is_refused("C", "1 +", D2K_ARGUMENT,
               "object C: expression, column 4: expected a value, but it ends here");
    is_refused("A", "1", D2K_NOT_ALLOWED,
               "object A belongs to PC.KOM; the kernel may not define it");
    assert_null(plant_object_by_name(plant, slice_of("C")));
    assert_null(a->node);
}

static void nothing_stays_behind(void **state)
{
    (void)state;
    struct object *a = define("A"), *c = compute("C", "A + B"), *d = compute("D", "C");
    assert_non_null(a->node);
    delete (c);
    assert_null(a->node);
    delete (d);
    set(a, 1);
    assert_null(a->node);
}

/* What could not be evaluated is made up for. */
static void a_short_memory_is_made_up_for(void **state)
{
    (void)state;
    struct object *a = define("A"), *c = compute("C", "A"), *d = compute("D", "C + 1");
    set(a, 1);
    plant_command_began(plant, c); /* an encoding that may fail */
    plant_command_ended(plant, c);
    encoder_fails = true;
    plant_owner_gone(plant, slice_of("PC.KOM"));
    is_valid(c, 1);
    encoder_fails = false;
    set(a, 2);
    is_valid(c, 2);
    is_valid(d, 3);
}

static void a_chain_of_a_thousand(void **state)
{
    char name[16], expression[16];
    struct object *last = NULL;
    (void)state;
    for (int i = 1000; i > 0; i--) { /* each before its input */
        (void)snprintf(name, sizeof name, "O%d", i);
        (void)snprintf(expression, sizeof expression, "O%d + 1", i - 1);
        struct object *object = compute(name, expression);
        last = last == NULL ? object : last;
    }
    struct object *first = define("O0");
    set(first, 0);
    is_valid(last, 1000);
    unsigned before = encodings;
    set(first, 1);
    is_valid(last, 1001);
    assert_int_equal(encodings, before + 1001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(it_follows_its_inputs),
        READER_TEST(the_time_is_the_newest_of_the_inputs),
        READER_TEST(it_waits_for_what_does_not_exist),
        READER_TEST(an_owner_that_goes_makes_it_invalid_once),
        READER_TEST(each_is_evaluated_once_a_change),
        READER_TEST(what_does_not_change_is_not_told),
        READER_TEST(nobody_sets_it),
        READER_TEST(another_expression_takes_its_place),
        READER_TEST(it_becomes_something_else),
        READER_TEST(an_input_of_another_type_makes_it_invalid),
        READER_TEST(cycles_are_named),
        READER_TEST(a_long_cycle_is_cut),
        READER_TEST(what_is_refused_leaves_nothing),
        READER_TEST(nothing_stays_behind),
        READER_TEST(a_short_memory_is_made_up_for),
        READER_TEST(a_chain_of_a_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
