/* tests/unit/test_redundancy.c: the table of a redundancy group in installation.conf. */
#include "temporary_directory.h"

#include "registry/redundancy.h"

static d2k_result read_group(struct temporary_directory *directory, const char *text,
                             const char *name, struct redundancy_group *ret_group,
                             struct error *err)
{
    struct registry_location location;
    if (text != NULL) {
        write_file(path_in(directory, "installation.conf"), text);
    }
    err->text[0] = '\0';
    assert_int_equal(registry_locate(NULL, directory->path, &location, err), D2K_OK);
    d2k_result result = redundancy_read_group(&location, name, NULL, ret_group, err);
    registry_location_free(&location);
    return result;
}

static void kernels_come_in_the_order_of_their_numbers(void **state)
{
    struct redundancy_group group;
    struct error err;
    assert_int_equal(read_group(*state,
                                "[Redundancy\\RED\\Kernel_10]\nIpAddr1 = 10.0.0.10\n"
                                "[redundancy\\red\\kernel_2]\nIpAddr1 = 10.0.0.2\nName = KNL2\n"
                                "IpAddr2 = fd00::2\n[Redundancy\\REDX\\Kernel_1]\n"
                                "IpAddr1 = 10.0.0.1\n[Redundancy\\RED]\n",
                                "RED", &group, &err),
                     D2K_OK);
    assert_int_equal(group.count, 2);
    assert_int_equal(group.kernels[0].number, 2);
    assert_string_equal(group.kernels[0].name, "KNL2");
    assert_string_equal(group.kernels[0].addresses[0], "10.0.0.2");
    assert_string_equal(group.kernels[0].addresses[1], "fd00::2");
    assert_int_equal(group.kernels[1].number, 10);
    assert_string_equal(group.kernels[1].name, "");
    assert_string_equal(group.kernels[1].addresses[1], "");
}

static void one_address_is_enough_whichever(void **state)
{
    struct redundancy_group group;
    struct error err;
    assert_int_equal(
        read_group(*state, "[Redundancy\\RED\\Kernel_1]\nIpAddr2 = ::1\n", "RED", &group, &err),
        D2K_OK);
    assert_string_equal(group.kernels[0].addresses[1], "::1");
}

static void a_group_that_is_not_there_says_what_is_needed(void **state)
{
    struct redundancy_group group;
    struct error err;
    assert_int_equal(read_group(*state, NULL, "RED", &group, &err), D2K_NOT_FOUND);
    assert_non_null(strstr(err.text, "installation.conf"));
    assert_int_equal(
        read_group(*state, "[Redundancy\\BLUE\\Kernel_1]\nIpAddr1 = ::1\n", "RED", &group, &err),
        D2K_NOT_FOUND);
    assert_non_null(strstr(err.text, "[Redundancy\\RED\\Kernel_1]"));
}

static void mistakes_are_named_with_file_and_line(void **state)
{
    static const struct {
        const char *text, *named;
    } rows[] = {
        {"[Redundancy\\RED\\Kernel_1]\nName = A\n", "installation.conf:1: "},
        {"\n[Redundancy\\RED\\Kernel_1]\n", "installation.conf:2: "},
        {"[Redundancy\\RED\\Kernel_1]\nIpAddr1 = kernel1\n", "installation.conf:2: "},
        {"[Redundancy\\RED\\Kernel_0]\nIpAddr1 = ::1\n", "installation.conf:1: "},
        {"[Redundancy\\RED\\Kernel_10000]\nIpAddr1 = ::1\n", "installation.conf:1: "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct redundancy_group group;
        struct error err;
        assert_int_equal(read_group(*state, rows[i].text, "RED", &group, &err), D2K_CONFIG);
        assert_non_null(strstr(err.text, rows[i].named));
    }
}

static void as_many_kernels_as_allowed_and_no_more(void **state)
{
    struct redundancy_group group;
    struct error err;
    char text[2048] = "";
    for (unsigned n = 1; n <= REDUNDANCY_KERNELS_MAX + 1; n++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used,
                       "[Redundancy\\RED\\Kernel_%u]\nIpAddr1 = 10.0.0.%u\n", n, n);
        if (n == REDUNDANCY_KERNELS_MAX) {
            assert_int_equal(read_group(*state, text, "RED", &group, &err), D2K_OK);
            assert_int_equal(group.count, REDUNDANCY_KERNELS_MAX);
        }
    }
    assert_int_equal(read_group(*state, text, "RED", &group, &err), D2K_CONFIG);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_temporary_directory, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kernels_come_in_the_order_of_their_numbers),
        TEST(one_address_is_enough_whichever),
        TEST(a_group_that_is_not_there_says_what_is_needed),
        TEST(mistakes_are_named_with_file_and_line),
        TEST(as_many_kernels_as_allowed_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
