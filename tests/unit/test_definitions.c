/* What objects are defined as: kinds, properties, and what would be refused. */
#include "reader_fixture.h"

static struct object *object;

static struct definition definition_of(const char *name, enum object_kind kind)
{
    return (struct definition){.name = slice_of(name), .type = D2K_TYPE_INTEGER, .kind = kind};
}

static d2k_result define_it(const char *owner, const struct definition *definition)
{
    d2k_result checked = plant_check_definition(plant, slice_of(owner), definition, &err);
    d2k_result done = plant_define(plant, slice_of(owner), definition, &object, &err);
    assert_int_equal(checked, done);
    return done;
}

static void kind_and_properties_are_kept(void **state)
{
    struct definition d = definition_of("a", OBJECT_USER_VARIABLE);
    (void)state;
    d.properties = slice_of("some bytes");
    assert_int_equal(define_it("", &d), D2K_OK);
    assert_int_equal(object->kind, OBJECT_USER_VARIABLE);
    assert_int_equal(object->properties_size, 10);
    assert_memory_equal(object->properties, "some bytes", 10);
    d.properties = slice_of("");
    assert_int_equal(define_it("", &d), D2K_OK);
    assert_int_equal(object->properties_size, 0);
}

static void readers_are_told_when_properties_change_and_only_then(void **state)
{
    struct definition d = definition_of("a", OBJECT_OF_PROCESS);
    (void)state;
    d.properties = slice_of("first");
    assert_int_equal(define_it("PC.KOM", &d), D2K_OK);
    read_from_now_on(1, false, object);
    assert_int_equal(define_it("PC.KOM", &d), D2K_OK);
    takes_none();
    d.properties = slice_of("other");
    assert_int_equal(define_it("PC.KOM", &d), D2K_OK);
    takes_object(object);
    takes_none();
}

static void a_value_gets_the_status_of_its_limits(void **state)
{
    struct definition d = definition_of("a", OBJECT_OF_PROCESS);
    (void)state;
    d.has_limits = true;
    d.limits = (d2k_limits){0, 1, 2, 3};
    d2k_value value = d2k_integer(4);
    value.limit_status = D2K_L_LIMIT; /* what a publisher says of it does not count */
    assert_int_equal(define_it("PC.KOM", &d), D2K_OK);
    assert_int_equal(plant_set(plant, slice_of("PC.KOM"), object, &value, NOW, &err), D2K_OK);
    assert_int_equal(object->value.limit_status, D2K_VH_LIMIT);
    set(object, 2);
    assert_int_equal(object->value.limit_status, D2K_IN_LIMIT);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    assert_int_equal(object->value.status & D2K_STATUS_VALID, 0);
}

static void new_limits_count_for_the_value_that_is_there(void **state)
{
    struct definition d = definition_of("a", OBJECT_OF_PROCESS);
    (void)state;
    assert_int_equal(define_it("PC.KOM", &d), D2K_OK);
    set(object, 4);
    read_from_now_on(1, false, object);
    d.has_limits = true;
    d.limits = (d2k_limits){0, 1, 2, 3};
    d.properties = slice_of("limits");
    assert_int_equal(define_it("PC.KOM", &d), D2K_OK);
    assert_int_equal(object->value.limit_status, D2K_VH_LIMIT);
    assert_int_equal(object->value.content.integer, 4);
    takes_object(object);
    takes_value(object, 4);
    takes_none();
    d.has_limits = false;
    d.properties = slice_of("");
    assert_int_equal(define_it("PC.KOM", &d), D2K_OK);
    assert_int_equal(object->value.limit_status, D2K_IN_LIMIT);
}

static void a_value_of_another_kind_means_nothing(void **state)
{
    struct definition d = definition_of("a", OBJECT_USER_VARIABLE);
    (void)state;
    assert_int_equal(define_it("", &d), D2K_OK);
    set(object, 42);
    d.kind = OBJECT_COMPUTED;
    d.expression = slice_of("missing");
    assert_int_equal(define_it("", &d), D2K_OK);
    assert_int_equal(object->value.status & D2K_STATUS_VALID, 0);
    d.kind = OBJECT_USER_VARIABLE;
    assert_int_equal(define_it("", &d), D2K_OK);
    assert_int_equal(object->value.type, D2K_TYPE_NONE);
}

static void a_system_tag_stays_one_and_nothing_else_becomes_one(void **state)
{
    struct definition tag = definition_of("tag", OBJECT_SYSTEM_TAG);
    struct definition variable = definition_of("variable", OBJECT_USER_VARIABLE);
    (void)state;
    assert_int_equal(define_it("", &tag), D2K_OK);
    assert_int_equal(define_it("", &variable), D2K_OK);
    tag.kind = OBJECT_USER_VARIABLE;
    assert_int_equal(define_it("", &tag), D2K_NOT_ALLOWED);
    assert_non_null(strstr(err.text, "object tag is a system tag"));
    variable.kind = OBJECT_SYSTEM_TAG;
    assert_int_equal(define_it("", &variable), D2K_NOT_ALLOWED);
}

static void a_check_changes_nothing(void **state)
{
    struct definition d = definition_of("a", OBJECT_OF_PROCESS);
    (void)state;
    assert_int_equal(plant_check_definition(plant, slice_of("PC.KOM"), &d, &err), D2K_OK);
    assert_int_equal(plant_object_count(plant), 0);
    struct object *a = define("a");
    d2k_value value = d2k_integer(1);
    assert_int_equal(plant_check_value(a, slice_of("PC.KOM"), &value, NOW, &err), D2K_OK);
    assert_null(a->current);
    value = d2k_real(1);
    assert_int_equal(plant_check_value(a, slice_of("PC.KOM"), &value, NOW, &err), D2K_TYPE);
    assert_int_equal(plant_check_value(a, slice_of("PC.API"), &value, NOW, &err), D2K_NOT_ALLOWED);
}

/* ---- numbers ---- */

static uint32_t stored_number;

static uint32_t find_number(void *context, struct slice name)
{
    (void)context;
    return slice_equal_text(name, "reserved") ? stored_number : 0;
}

static void store_number(void *context, struct slice name, uint32_t hobj)
{
    (void)context;
    stored_number = slice_equal_text(name, "reserved") ? hobj : stored_number;
}

static void a_reserved_number_waits_for_its_name(void **state)
{
    const struct plant_hooks hooks = {
        .encode = encode, .wake = wake, .stored_hobj = find_number, .store_hobj = store_number};
    uint32_t number = 0, again = 0;
    (void)state;
    plant_free(plant);
    stored_number = 0;
    plant = plant_new(&hooks, fixed_seed, 1);
    assert_int_equal(plant_reserve_number(plant, slice_of("reserved"), &number, &err), D2K_OK);
    assert_int_equal(plant_object_count(plant), 0);
    struct object *other = define("other");
    assert_int_not_equal(other->hobj, number);
    assert_int_equal(plant_reserve_number(plant, slice_of("reserved"), &again, &err), D2K_OK);
    assert_int_equal(again, number);
    assert_int_equal(define("reserved")->hobj, number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(kind_and_properties_are_kept),
        READER_TEST(readers_are_told_when_properties_change_and_only_then),
        READER_TEST(a_value_gets_the_status_of_its_limits),
        READER_TEST(new_limits_count_for_the_value_that_is_there),
        READER_TEST(a_value_of_another_kind_means_nothing),
        READER_TEST(a_system_tag_stays_one_and_nothing_else_becomes_one),
        READER_TEST(a_check_changes_nothing),
        cmocka_unit_test_setup_teardown(a_reserved_number_waits_for_its_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
