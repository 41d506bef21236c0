/* Unit tests of registry/location.h and os/directory.h. The rules differ for root: as root both
 * halves run, the second after the rights are given up. */
#include "temporary_directory.h"

#include <errno.h>

#include "registry/location.h"

#define NOBODY 65534

static void clear_environment(void)
{
    static const char *const names[] = {"D2K_CONFIG_DIR", "D2K_INSTALLATION", "XDG_STATE_HOME",
                                        "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
}

static int set_up(void **state)
{
    clear_environment();
    int error = make_temporary_directory(state);
    const struct temporary_directory *directory = *state;
    setenv("HOME", directory->path, 1);
    return error;
}

static struct registry_location locate(const char *installation, const char *config_dir)
{
    struct registry_location location;
    struct error err = {0};
    if (registry_locate(installation, config_dir, &location, &err) != D2K_OK) {
        fail_msg("%s", err.text);
    }
    return location;
}

static void assert_config_dir(const char *installation, const char *config_dir,
                              const char *expected, bool given)
{
    struct registry_location location = locate(installation, config_dir);
    assert_string_equal(location.config_dir, expected);
    assert_int_equal(location.config_dir_given, given);
    registry_location_free(&location);
    registry_location_free(&location);
}

/* Takes `path` over. */
static void assert_path(char *path, const char *expected)
{
    assert_non_null(path);
    assert_string_equal(path, expected);
    free(path);
}

/* ---- for everybody ---- */

static void option_comes_before_environment(void **state)
{
    (void)state;
    setenv("D2K_CONFIG_DIR", "/from/environment", 1);
    assert_config_dir(NULL, NULL, "/from/environment", true);
    assert_config_dir(NULL, "/from/option", "/from/option", true);
    setenv("D2K_CONFIG_DIR", "", 1);
    struct registry_location location = locate(NULL, NULL);
    assert_false(location.config_dir_given);
    registry_location_free(&location);
}

static void the_installation_has_a_default_and_an_environment(void **state)
{
    (void)state;
    struct registry_location location = locate(NULL, NULL);
    assert_string_equal(location.installation, "d2k");
    registry_location_free(&location);
    setenv("D2K_INSTALLATION", "D2000_V22.0.74", 1);
    location = locate(NULL, NULL);
    assert_string_equal(location.installation, "D2000_V22.0.74");
    registry_location_free(&location);
    location = locate("other", NULL);
    assert_string_equal(location.installation, "other");
    registry_location_free(&location);
}

static void assert_installation(const char *installation, d2k_result code)
{
    struct registry_location location;
    struct error err = {0};
    assert_int_equal(registry_locate(installation, "/c", &location, &err), code);
    registry_location_free(&location);
}

static void bad_installations_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"",  ".",    "..",   ".hidden", "a/b",
                                        "/", "a\\b", "a\nb", "\x7f",    "\xff"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_installation(names[i], D2K_ARGUMENT);
    }
    char name[REGISTRY_INSTALLATION_MAX + 2];
    memset(name, 'a', sizeof name);
    name[REGISTRY_INSTALLATION_MAX] = '\0';
    assert_installation(name, D2K_OK);
    name[REGISTRY_INSTALLATION_MAX] = 'a';
    name[REGISTRY_INSTALLATION_MAX + 1] = '\0';
    assert_installation(name, D2K_ARGUMENT);
    setenv("D2K_INSTALLATION", "../x", 1);
    assert_installation(NULL, D2K_ARGUMENT);
}

static void an_empty_directory_option_is_refused(void **state)
{
    (void)state;
    struct registry_location location;
    struct error err;
    assert_int_equal(registry_locate(NULL, "", &location, &err), D2K_ARGUMENT);
}

static void application_names_cannot_leave_a_directory(void **state)
{
    (void)state;
    assert_true(registry_is_application_name("PLANT"));
    assert_true(registry_is_application_name("a-b_C9"));
    static const char *const names[] = {"",     ".",   "..",  "../a", "a/b",
                                        "a\\b", "a b", "a.b", "kľúč", "a\n"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(registry_is_application_name(names[i]));
    }
    assert_false(registry_is_application_name(NULL));
    char name[REGISTRY_APPLICATION_MAX + 2];
    memset(name, 'a', sizeof name);
    name[REGISTRY_APPLICATION_MAX + 1] = '\0';
    assert_false(registry_is_application_name(name));
    name[REGISTRY_APPLICATION_MAX] = '\0';
    assert_true(registry_is_application_name(name));
}

static void files_stand_in_the_directory(void **state)
{
    (void)state;
    struct registry_location location = locate(NULL, "/c d");
    assert_path(registry_installation_file(&location), "/c d/installation.conf");
    assert_path(registry_application_file(&location, "PLANT"), "/c d/cfg_PLANT.conf");
    assert_null(registry_application_file(&location, "../PLANT"));
    assert_null(registry_application_file(&location, NULL));
    assert_null(registry_state_dir(&location, "../PLANT", NULL));
    registry_location_free(&location);
}

static void given_directories_are_taken_as_they_are(void **state)
{
    (void)state;
    struct registry_location location = locate(NULL, "/c");
    assert_path(registry_state_dir(&location, "PLANT", "/s"), "/s");
    assert_path(registry_log_dir(&location, "PLANT", "/l"), "/l");
    registry_location_free(&location);
}

static void applications_are_found_by_their_files(void **state)
{
    const struct temporary_directory *directory = *state;
    static const char *const files[] = {"cfg_B.conf",       "cfg_A.conf",  "cfg_.conf",
                                        "cfg_a b.conf",     "xcfg_C.conf", "cfg_D.conf~",
                                        "installation.conf"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_file(path_in(directory, files[i]), "");
    }
    struct registry_location location = locate(NULL, directory->path);
    struct os_names names;
    struct error err;
    assert_int_equal(registry_applications(&location, &names, &err), D2K_OK);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.names[0], "A");
    assert_string_equal(names.names[1], "B");
    assert_false(names.more);
    os_names_free(&names);
    registry_location_free(&location);
}

static void applications_of_no_directory_are_an_error(void **state)
{
    write_file(path_in(*state, "file"), "");
    struct os_names names;
    struct error err = {0};
    struct registry_location location = locate(NULL, path_in(*state, "missing"));
    assert_int_equal(registry_applications(&location, &names, &err), D2K_NOT_FOUND);
    assert_non_null(strstr(err.text, location.config_dir));
    assert_int_equal(names.count, 0);
    registry_location_free(&location);
    location = locate(NULL, path_in(*state, "file"));
    assert_int_equal(registry_applications(&location, &names, &err), D2K_FILE);
    registry_location_free(&location);
}

static void a_listing_is_sorted_and_bounded(void **state)
{
    const struct temporary_directory *directory = *state;
    for (int i = 39; i >= 0; i--) {
        char name[16];
        snprintf(name, sizeof name, "f%02d", i);
        write_file(path_in(directory, name), "");
    }
    struct os_names names;
    assert_int_equal(os_directory_list(directory->path, NULL, 40, &names), 0);
    assert_int_equal(names.count, 40);
    assert_false(names.more);
    for (size_t i = 1; i < names.count; i++) {
        assert_true(strcmp(names.names[i - 1], names.names[i]) < 0);
    }
    os_names_free(&names);
    assert_int_equal(os_directory_list(directory->path, NULL, 39, &names), 0);
    assert_int_equal(names.count, 39);
    assert_true(names.more);
    os_names_free(&names);
    os_names_free(&names);
    assert_int_equal(os_directory_list(path_in(directory, "none"), NULL, 9, &names), ENOENT);
}

static void a_directory_that_could_be_made_is_writable(void **state)
{
    const struct temporary_directory *directory = *state;
    write_file(path_in(directory, "file"), "");
    assert_true(os_directory_writable(directory->path));
    assert_true(os_directory_writable(path_in(directory, "a/b/c")));
    assert_false(os_directory_writable(path_in(directory, "file")));
    assert_false(os_directory_writable(path_in(directory, "file/a")));
    assert_false(os_directory_writable("/proc/self/a"));
}

/* ---- for users ---- */

static void a_user_has_his_own_directory(void **state)
{
    char expected[TEST_PATH_MAX];
    snprintf(expected, sizeof expected, "%s", path_in(*state, ".config/d2k/testing"));
    assert_config_dir("testing", NULL, expected, false);
}

static void a_user_without_home_takes_the_one_of_the_system(void **state)
{
    (void)state;
    unsetenv("HOME");
    assert_config_dir("testing", NULL, "/etc/d2k/testing", false);
    struct registry_location location = locate("testing", NULL);
    assert_path(registry_state_dir(&location, "PLANT", NULL), "/var/lib/d2k/testing/PLANT");
    registry_location_free(&location);
}

static void state_of_a_user_lies_in_his_home(void **state)
{
    struct registry_location location = locate("testing", "/c");
    assert_path(registry_state_dir(&location, "PLANT", NULL),
                path_in(*state, ".local/state/d2k/testing/PLANT"));
    assert_path(registry_state_dir(&location, NULL, NULL),
                path_in(*state, ".local/state/d2k/testing"));
    assert_path(registry_log_dir(&location, "PLANT", NULL),
                path_in(*state, ".local/state/d2k/testing/PLANT/log"));
    assert_path(registry_log_dir(&location, NULL, NULL),
                path_in(*state, ".local/state/d2k/testing/log"));
    assert_path(registry_run_dir(&location), path_in(*state, ".local/state/d2k/testing/run"));
    setenv("XDG_STATE_HOME", "/xs", 1);
    setenv("XDG_RUNTIME_DIR", "/xr", 1);
    assert_path(registry_state_dir(&location, "PLANT", NULL), "/xs/d2k/testing/PLANT");
    assert_path(registry_log_dir(&location, "PLANT", NULL), "/xs/d2k/testing/PLANT/log");
    assert_path(registry_run_dir(&location), "/xr/d2k/testing");
    registry_location_free(&location);
}

/* ---- for root ---- */

static void root_uses_the_directories_of_the_system(void **state)
{
    (void)state;
    setenv("XDG_STATE_HOME", "/xs", 1);
    setenv("XDG_RUNTIME_DIR", "/xr", 1);
    assert_config_dir("testing", NULL, "/etc/d2k/testing", false);
    struct registry_location location = locate("testing", NULL);
    assert_path(registry_state_dir(&location, "PLANT", NULL), "/var/lib/d2k/testing/PLANT");
    assert_path(registry_state_dir(&location, NULL, NULL), "/var/lib/d2k/testing");
    assert_path(registry_run_dir(&location), "/run/d2k/testing");
    const char *log = os_directory_writable("/var/log") ? "/var/log/d2k/testing"
                                                        : "/var/lib/d2k/testing/PLANT/log";
    assert_path(registry_log_dir(&location, "PLANT", NULL), log);
    registry_location_free(&location);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, remove_temporary_directory)

static int run_as_root(void)
{
    const struct CMUnitTest root_rules[] = {TEST(root_uses_the_directories_of_the_system)};
    int failed = cmocka_run_group_tests(root_rules, NULL, NULL);
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0) {
        perror("rights cannot be given up");
        return failed + 1;
    }
    unsetenv("TMPDIR"); /* it may belong to root */
    return failed;
}

int main(void)
{
    int failed = getuid() == 0 ? run_as_root() : 0;
    const struct CMUnitTest tests[] = {
        TEST(option_comes_before_environment),
        TEST(the_installation_has_a_default_and_an_environment),
        TEST(bad_installations_are_refused),
        TEST(an_empty_directory_option_is_refused),
        TEST(application_names_cannot_leave_a_directory),
        TEST(files_stand_in_the_directory),
        TEST(given_directories_are_taken_as_they_are),
        TEST(applications_are_found_by_their_files),
        TEST(applications_of_no_directory_are_an_error),
        TEST(a_listing_is_sorted_and_bounded),
        TEST(a_directory_that_could_be_made_is_writable),
        TEST(a_user_has_his_own_directory),
        TEST(a_user_without_home_takes_the_one_of_the_system),
        TEST(state_of_a_user_lies_in_his_home),
    };
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
