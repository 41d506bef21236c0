/* Unit tests of registry/settings.h: reading whole files, and the table itself. */
#include "temporary_directory.h"

#include "registry/settings.h"

static void assert_has(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, text);
    }
}

/* Lines of a log, joined. */
struct lines {
    unsigned warnings;
    char text[4096];
};

static void collect_line(void *context, enum log_level level, const char *line)
{
    struct lines *lines = context;
    size_t used = strlen(lines->text);
    snprintf(lines->text + used, sizeof lines->text - used, "%s\n", line);
    lines->warnings += level == LOG_WARNING;
}

static struct registry_location location_of(void **state)
{
    struct temporary_directory *directory = *state;
    static char installation[] = "d2k";
    return (struct registry_location){installation, directory->path, true};
}

static void an_application_is_read_from_its_file(void **state)
{
    write_file(path_in(*state, "cfg_PLANT.conf"),
               "Max_Clint = 3\n[TLS_Server]\nTLS_RequiredLevel=None\nTLS_CertFile=a\n");
    struct registry_location location = location_of(state);
    struct lines lines = {0};
    struct log log = {LOG_DEBUG, collect_line, &lines};
    struct application_settings s;
    struct error err;
    assert_int_equal(settings_read_application(&location, "PLANT", &log, &s, &err), D2K_OK);
    assert_string_equal(s.tls_server.cert_file, path_in(*state, "a"));
    assert_true(s.stamp.exists);
    assert_int_equal(lines.warnings, 1);
    assert_has(lines.text, "REGISTRY - WARNING: ");
    assert_has(lines.text, "cfg_PLANT.conf:1: unknown value Max_Clint");
    settings_free_application(&s);
    settings_free_application(&s);
}

static void assert_not_read(void **state, const char *application, d2k_result code,
                            const char *words)
{
    struct registry_location location = location_of(state);
    struct application_settings s;
    static const struct application_settings empty;
    struct error err = {0};
    memset(&s, 0xff, sizeof s);
    assert_int_equal(settings_read_application(&location, application, NULL, &s, &err), code);
    assert_has(err.text, words);
    assert_memory_equal(&s, &empty, sizeof s);
}

static void a_missing_application_names_those_that_are_there(void **state)
{
    assert_not_read(state, "PLNT", D2K_NOT_FOUND, "no application is configured there");
    write_file(path_in(*state, "cfg_TEST.conf"), "");
    write_file(path_in(*state, "cfg_PLANT.conf"), "");
    write_file(path_in(*state, "cfg_PLANT.conf.bak"), "");
    write_file(path_in(*state, "cfg_bad name.conf"), "");
    write_file(path_in(*state, "installation.conf"), "");
    assert_not_read(state, "PLNT", D2K_NOT_FOUND,
                    "/cfg_PLNT.conf: there is no such file; applications there: PLANT, TEST");
}

static void many_applications_do_not_overflow_the_message(void **state)
{
    for (int i = 0; i < 30; i++) {
        char name[128];
        snprintf(name, sizeof name, "cfg_application_with_a_rather_long_name_%02d.conf", i);
        write_file(path_in(*state, name), "");
    }
    assert_not_read(state, "PLNT", D2K_NOT_FOUND, "_name_00, application_with");
    assert_not_read(state, "PLNT", D2K_NOT_FOUND, ", ...");
}

static void a_name_that_leaves_the_directory_is_refused(void **state)
{
    static const char *const names[] = {"../PLANT", "a/b", "..", "", "a b", "a.conf", "a\nb"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_not_read(state, names[i], D2K_ARGUMENT, "is not the name of an application");
    }
    assert_not_read(state, NULL, D2K_ARGUMENT, "is not the name of an application");
}

static void a_broken_application_leaves_nothing_behind(void **state)
{
    write_file(path_in(*state, "cfg_A.conf"),
               "[TLS_Server]\nTLS_CertFile=a\nTLS_RequiredLevel=x\n[TLS_Client]\n"
               "TLS_TrustedCerts=a;b\n");
    assert_not_read(state, "A", D2K_CONFIG, "cfg_A.conf:3: TLS_RequiredLevel = x: allowed");
    assert_not_read(state, "A", D2K_CONFIG, "(and 1 more: d2k-registry check)");
    write_file(path_in(*state, "cfg_A.conf"), "words\n");
    assert_not_read(state, "A", D2K_CONFIG, "cfg_A.conf:1: this is neither");
    assert_int_equal(mkdir(path_in(*state, "cfg_B.conf"), 0700), 0);
    assert_not_read(state, "B", D2K_FILE, "cfg_B.conf: cannot be read");
}

static void an_empty_application_file_is_read(void **state)
{
    write_file(path_in(*state, "cfg_A.conf"), "");
    struct registry_location location = location_of(state);
    struct application_settings s;
    struct error err;
    assert_int_equal(settings_read_application(&location, "A", NULL, &s, &err), D2K_OK);
    assert_false(s.tls_server.present);
    assert_true(s.stamp.exists);
    assert_true(s.stamp.size == 0);
    settings_free_application(&s);
}

static void a_missing_installation_file_has_the_defaults(void **state)
{
    struct registry_location location = location_of(state);
    struct installation_settings s;
    struct error err = {0};
    assert_int_equal(settings_read_installation(&location, NULL, &s, &err), D2K_OK);
    assert_null(s.default_application);
    write_file(path_in(*state, "installation.conf"), "DefaultApplication=PLANT\n");
    assert_int_equal(settings_read_installation(&location, NULL, &s, &err), D2K_OK);
    assert_string_equal(s.default_application, "PLANT");
    settings_free_installation(&s);
    write_file(path_in(*state, "installation.conf"), "DefaultApplication=a/b\n");
    assert_int_equal(settings_read_installation(&location, NULL, &s, &err), D2K_CONFIG);
    assert_null(s.default_application);
}

static void a_given_directory_must_be_there(void **state)
{
    static char installation[] = "d2k";
    char missing[TEST_PATH_MAX];
    snprintf(missing, sizeof missing, "%s", path_in(*state, "missing"));
    struct registry_location location = {installation, missing, true};
    struct installation_settings s;
    struct error err = {0};
    assert_int_equal(settings_read_installation(&location, NULL, &s, &err), D2K_NOT_FOUND);
    assert_has(err.text, "missing: there is no such directory");
    location.config_dir_given = false;
    assert_int_equal(settings_read_installation(&location, NULL, &s, &err), D2K_OK);
    settings_free_installation(&s);
}

/* ---- the table ---- */

static void names_of_enumerations_read_back(void **state)
{
    (void)state;
    assert_string_equal(tls_level_name(TLS_LEVEL_NONE), "None");
    assert_string_equal(tls_level_name(TLS_LEVEL_NO_PEER_AUTH), "TLSNoPeerAuth");
    assert_string_equal(tls_level_name(TLS_LEVEL_PEER_AUTH), "TLSPeerAuth");
    assert_string_equal(tls_min_version_name(TLS_MIN_1_2), "TLSv1.2");
    assert_string_equal(tls_min_version_name(TLS_MIN_1_3), "TLSv1.3");
    assert_string_equal(tls_cert_dates_name(TLS_DATES_WARN), "warn");
    assert_string_equal(tls_cert_dates_name(TLS_DATES_STRICT), "strict");
}

static void every_row_is_complete_and_found_once(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct setting *s = settings_table(); s->name != NULL; s++, count++) {
        char type[128];
        assert_true(strcmp(s->file, SETTINGS_APPLICATION) == 0 ||
                    strcmp(s->file, SETTINGS_INSTALLATION) == 0);
        assert_true(strlen(setting_type_text(s, type, sizeof type)) > 3);
        assert_true(strlen(type) < sizeof type - 1);
        assert_true(strlen(s->help) > 10 && s->help[strlen(s->help) - 1] == '.');
        assert_non_null(s->used_by);
        assert_non_null(setting_when_text(s->when));
        if (strchr(s->key, '<') == NULL) {
            assert_ptr_equal(settings_find(s->file, s->key, s->name), s);
        }
    }
    assert_int_equal(count, 38);
}

static void parameters_of_tls_act_at_the_next_connect(void **state)
{
    (void)state;
    for (const struct setting *s = settings_table(); s->name != NULL; s++) {
        bool is_tls = strncmp(s->key, "TLS_", 4) == 0;
        assert_int_equal(s->when == SETTING_AT_NEXT_CONNECT, is_tls);
    }
}

static void long_names_are_compared_without_overflow(void **state)
{
    (void)state;
    char name[300], ret[128];
    for (size_t size = 1; size < sizeof name; size++) {
        memset(name, 'M', size);
        name[size] = '\0';
        settings_suggest(SETTINGS_APPLICATION, "", name, ret, sizeof ret);
        assert_string_equal(ret, "");
    }
}

#define WITH_DIRECTORY(test) \
    cmocka_unit_test_setup_teardown(test, make_temporary_directory, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(an_application_is_read_from_its_file),
        WITH_DIRECTORY(a_missing_application_names_those_that_are_there),
        WITH_DIRECTORY(many_applications_do_not_overflow_the_message),
        WITH_DIRECTORY(a_name_that_leaves_the_directory_is_refused),
        WITH_DIRECTORY(a_broken_application_leaves_nothing_behind),
        WITH_DIRECTORY(an_empty_application_file_is_read),
        WITH_DIRECTORY(a_missing_installation_file_has_the_defaults),
        WITH_DIRECTORY(a_given_directory_must_be_there),
        cmocka_unit_test(names_of_enumerations_read_back),
        cmocka_unit_test(every_row_is_complete_and_found_once),
        cmocka_unit_test(parameters_of_tls_act_at_the_next_connect),
        cmocka_unit_test(long_names_are_compared_without_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
