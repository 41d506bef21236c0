/* Lists of properties: what is one, what is none, and that what was written is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/properties.h"

static struct error err;

static d2k_result check(const char *bytes, size_t size)
{
    return properties_check((struct slice){bytes, size}, &err);
}

static void what_is_written_is_found(void **state)
{
    struct buffer out;
    struct slice bytes;
    uint8_t kind = 0;
    (void)state;
    buffer_init(&out, 4096);
    properties_put(&out, PROPERTY_PATH, slice_of("Plant/Line1"));
    properties_put_u8(&out, PROPERTY_KIND, 2);
    properties_put(&out, 40000, (struct slice){NULL, 0});
    struct slice list = {(const char *)buffer_data(&out), buffer_size(&out)};
    assert_int_equal(properties_check(list, &err), D2K_OK);
    assert_true(properties_find(list, PROPERTY_PATH, &bytes));
    assert_true(slice_equal_text(bytes, "Plant/Line1"));
    assert_true(properties_find(list, PROPERTY_KIND, &bytes));
    assert_true(property_u8(bytes, &kind));
    assert_int_equal(kind, 2);
    assert_true(properties_find(list, 40000, &bytes));
    assert_int_equal(bytes.size, 0);
    assert_false(property_u8(bytes, &kind));
    assert_false(properties_find(list, PROPERTY_DEFAULT, &bytes));
    buffer_free(&out);
}

static void an_empty_list_is_one(void **state)
{
    struct slice bytes;
    (void)state;
    assert_int_equal(check(NULL, 0), D2K_OK);
    assert_false(properties_find((struct slice){NULL, 0}, PROPERTY_KIND, &bytes));
}

static void a_list_that_was_cut_is_none(void **state)
{
    static const char list[] = "\1\0\2\0ab\6\0\1\0\1";
    (void)state;
    for (size_t size = 0; size < sizeof list; size++) {
        bool whole = size == 0 || size == 6 || size == sizeof list - 1;
        if (size == sizeof list - 1) {
            assert_int_equal(check(list, size), D2K_OK);
        } else {
            assert_int_equal(check(list, size), whole ? D2K_OK : D2K_ARGUMENT);
        }
    }
    assert_int_equal(check(list, 5), D2K_ARGUMENT);
    assert_non_null(strstr(err.text, "ends before its last one is complete"));
}

static void a_key_that_comes_twice_is_refused(void **state)
{
    static const char list[] = "\6\0\1\0\1\1\0\0\0\6\0\1\0\1";
    (void)state;
    assert_int_equal(check(list, sizeof list - 1), D2K_ARGUMENT);
    assert_string_equal(err.text, "property 6 stands there twice");
}

static void the_limit_of_properties_holds(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out, 4096);
    for (uint16_t key = 1; key <= PROPERTIES_MAX; key++) {
        properties_put(&out, key, (struct slice){NULL, 0});
    }
    assert_int_equal(check((const char *)buffer_data(&out), buffer_size(&out)), D2K_OK);
    properties_put(&out, 1000, (struct slice){NULL, 0});
    assert_int_equal(check((const char *)buffer_data(&out), buffer_size(&out)), D2K_ARGUMENT);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_found),
        cmocka_unit_test(an_empty_list_is_one),
        cmocka_unit_test(a_list_that_was_cut_is_none),
        cmocka_unit_test(a_key_that_comes_twice_is_refused),
        cmocka_unit_test(the_limit_of_properties_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
