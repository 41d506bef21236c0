/* tests/unit/test_client_config.c: start parameters of a client, good and bad, and its help text.
 */
#include "temporary_directory.h"

#include <d2k/d2k.h>

#include "client/config.h"

static d2k_config *new_config(void)
{
    d2k_config *config = NULL;
    assert_int_equal(d2k_config_new("API", NULL, &config), D2K_OK);
    assert_non_null(config);
    return config;
}

static void take(d2k_config *config, const char *parameter)
{
    d2k_parameter what = D2K_PARAMETER_UNKNOWN;
    assert_int_equal(d2k_config_parameter(config, parameter, &what), D2K_OK);
    assert_int_equal(what, D2K_PARAMETER_TAKEN);
}

static void suffix_and_version_are_checked(void **state)
{
    (void)state;
    d2k_config *config = NULL;
    static const char *const bad[] = {"", "123456789", "A.B", "A B", "\xc3\xa4", NULL};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(d2k_config_new(bad[i], NULL, &config), D2K_ARGUMENT);
        assert_null(config);
    }
    assert_int_equal(d2k_config_new("12345678", "V2.00.001 s7", &config), D2K_OK);
    d2k_config_free(config);
    assert_int_equal(d2k_config_new("API", "V1\n", &config), D2K_ARGUMENT);
    assert_int_equal(d2k_config_new("API", "", &config), D2K_ARGUMENT);
    d2k_config_free(NULL);
}

static void defaults_are_those_of_the_documentation(void **state)
{
    (void)state;
    d2k_config *config = new_config();
    assert_int_equal(config->server_count, 1);
    assert_string_equal(config->servers[0].host, "localhost");
    assert_int_equal(config_server_port(config, &config->servers[0]), 3119);
    assert_int_equal(config->watchdog_s, 10);
    assert_int_equal(config->connect_timeout_ms, 60000);
    assert_false(config->reconnect);
    assert_null(d2k_config_log_dir(config));
    assert_null(d2k_config_workstation(config));
    assert_int_equal(d2k_config_instance(config), 0);
    assert_false(d2k_config_verbose(config));
    assert_null(d2k_config_config_dir(config));
    assert_null(d2k_config_installation(config));
    assert_false(d2k_config_reconnect(config));
    assert_false(d2k_config_server_given(config));
    assert_string_equal(d2k_config_error_text(config), "");
    d2k_config_free(config);
}

static void both_spellings_are_taken(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"/Splant-1", "--server=plant-1"},    {"/P4000", "--port=4000"},
        {"/WDispPC,3", "--process=DispPC,3"}, {"/F600", "--watchdog=600"},
        {"@PLANT", "--application=PLANT"},
    };
    for (size_t spelling = 0; spelling < 2; spelling++) {
        d2k_config *config = new_config();
        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
            take(config, pairs[i][spelling]);
        }
        assert_string_equal(config->servers[0].host, "plant-1");
        assert_int_equal(config_server_port(config, &config->servers[0]), 4000);
        assert_string_equal(d2k_config_workstation(config), "DispPC");
        assert_int_equal(d2k_config_instance(config), 3);
        assert_int_equal(config->watchdog_s, 600);
        assert_string_equal(d2k_config_application(config), "PLANT");
        d2k_config_free(config);
    }
}

static void options_without_other_spelling_are_taken(void **state)
{
    (void)state;
    d2k_config *config = new_config();
    take(config, "--config-dir=/etc/some where");
    take(config, "--installation=other");
    take(config, "--log-dir=logs");
    take(config, "--run-dir=sockets");
    assert_false(d2k_config_reconnect(config));
    take(config, "--reconnect");
    take(config, "--verbose");
    assert_string_equal(config->config_dir, "/etc/some where");
    assert_string_equal(config->installation, "other");
    assert_string_equal(d2k_config_log_dir(config), "logs");
    assert_string_equal(d2k_config_config_dir(config), "/etc/some where");
    assert_string_equal(d2k_config_installation(config), "other");
    assert_string_equal(config->run_dir, "sockets");
    assert_true(d2k_config_reconnect(config));
    assert_true(d2k_config_verbose(config));
    d2k_config_free(config);
}

static void server_port_and_group_each_name_a_server(void **state)
{
    (void)state;
    static const char *const parameters[] = {
        "/Splant", "--server=plant", "/P4000", "--port=4000", "/RFRED", "--redundancy-table=RED"};
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        d2k_config *config = new_config();
        take(config, parameters[i]);
        assert_true(d2k_config_server_given(config));
        assert_int_equal(d2k_config_reconnect(config), i >= 4);
        d2k_config_free(config);
    }
}

static void group_names_are_checked(void **state)
{
    (void)state;
    d2k_config *config = new_config();
    char longest[WIRE_NAME_MAX + 2];
    static const char *const bad[] = {"/RF", "/RFa b", "/RFa\\b", "/RFa/b", "--redundancy-table="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        d2k_parameter what;
        assert_int_equal(d2k_config_parameter(config, bad[i], &what), D2K_ARGUMENT);
        assert_string_not_equal(d2k_config_error_text(config), "");
    }
    memset(longest, 'a', sizeof(longest));
    longest[WIRE_NAME_MAX + 1] = '\0';
    assert_int_equal(d2k_config_set_redundancy_group(config, longest), D2K_ARGUMENT);
    assert_int_equal(d2k_config_set_redundancy_group(config, longest + 1), D2K_OK);
    d2k_config_free(config);
}

static void discovery_by_multicast_is_refused_with_the_way_out(void **state)
{
    (void)state;
    static const char *const spellings[] = {"/RDRED", "/RD", "--redundancy-discovery=RED"};
    d2k_config *config = new_config();
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        d2k_parameter what;
        assert_int_equal(d2k_config_parameter(config, spellings[i], &what), D2K_ARGUMENT);
        assert_non_null(strstr(d2k_config_error_text(config), "later version"));
        assert_non_null(strstr(d2k_config_error_text(config), "/RF<group>"));
    }
    d2k_config_free(config);
}

static void what_is_not_ours_is_unknown(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "",           "Example.*", "--json",    "--servers=x", "--reconnect=1",
        "--verboser", "/Rgroup",   "/BSIZE=3",  "/srv/file",   "-server=x",
        "/H",         "--",        "--portal=3"};
    d2k_config *config = new_config();
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        d2k_parameter what = D2K_PARAMETER_TAKEN;
        assert_int_equal(d2k_config_parameter(config, unknown[i], &what), D2K_OK);
        assert_int_equal(what, D2K_PARAMETER_UNKNOWN);
    }
    d2k_config_free(config);
}

static void help_is_recognized(void **state)
{
    (void)state;
    static const char *const help[] = {"/?", "/h", "--help"};
    d2k_config *config = new_config();
    for (size_t i = 0; i < sizeof(help) / sizeof(help[0]); i++) {
        d2k_parameter what = D2K_PARAMETER_TAKEN;
        assert_int_equal(d2k_config_parameter(config, help[i], &what), D2K_OK);
        assert_int_equal(what, D2K_PARAMETER_HELP);
    }
    d2k_config_free(config);
}

static void help_text_explains_every_parameter(void **state)
{
    (void)state;
    static const char *const parts[] = {"/S<",
                                        "--server=",
                                        "/P<",
                                        "--port=",
                                        "/W<",
                                        "--process=",
                                        "/F<",
                                        "--watchdog=",
                                        "@<application>",
                                        "--application=",
                                        "--config-dir=",
                                        "--installation=",
                                        "--log-dir=",
                                        "--reconnect",
                                        "--verbose",
                                        "/?",
                                        "--help"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        assert_non_null(strstr(d2k_config_parameters_help(), parts[i]));
    }
}

static void bad_values_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *parameter, *reason;
    } bad[] = {
        {"/S", "empty"},
        {"/Sa,,b", "empty"},
        {"/Sa,", "empty"},
        {"/Sa b", "letters, digits"},
        {"/S\x1b[31m", "letters, digits"},
        {"/Sa:", "port"},
        {"/Sa:0", "1..65535"},
        {"/Sa:65536", "1..65535"},
        {"/Sa:1x", "1..65535"},
        {"/S[::1", "[address]"},
        {"/S[::1]x", "[address]"},
        {"/S[::1]:", "1..65535"},
        {"/S[]", "empty"},
        {"/S[localhost]", "not an IPv6 address"},
        {"/S1:2:3", "not an IPv6 address"},
        {"/S/tmp/x", "letters, digits"},
        {"/P", "1..65535"},
        {"/P0", "1..65535"},
        {"/P65536", "1..65535"},
        {"/P-1", "1..65535"},
        {"/P31 19", "1..65535"},
        {"--port", "1..65535"},
        {"/W", "workstation name"},
        {"/WDisp.PC", "workstation name"},
        {"/WDisp PC", "workstation name"},
        {"/W,1", "workstation name"},
        {"/WDispPC,", "instance"},
        {"/WDispPC,0", "instance"},
        {"/WDispPC,16", "instance"},
        {"/WDispPC,x", "instance"},
        {"/F", "1..3600"},
        {"/F0", "1..3600"},
        {"/F3601", "1..3600"},
        {"/F10s", "1..3600"},
        {"@", "application name"},
        {"@../x", "application name"},
        {"@.hidden", "application name"},
        {"@A B", "application name"},
        {"--application=a/b", "application name"},
        {"--config-dir=", "empty"},
        {"--config-dir", "empty"},
        {"--log-dir=", "empty"},
        {"--installation=", "empty"},
        {"--installation=a/b", "'/'"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        d2k_config *config = new_config();
        d2k_parameter what = D2K_PARAMETER_UNKNOWN;
        d2k_result result = d2k_config_parameter(config, bad[i].parameter, &what);
        if (result != D2K_ARGUMENT ||
            strstr(d2k_config_error_text(config), bad[i].reason) == NULL) {
            fail_msg("%s: %s \"%s\"", bad[i].parameter, d2k_result_name(result),
                     d2k_config_error_text(config));
        }
        assert_int_equal(config->server_count, 1);
        assert_string_equal(config->servers[0].host, "localhost");
        d2k_config_free(config);
    }
}

static void server_lists_are_taken_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *hosts[3];
        uint16_t ports[3];
    } lists[] = {
        {"a", {"a"}, {3119}},
        {"a:1,b:65535", {"a", "b"}, {1, 65535}},
        {"[::1]", {"::1"}, {3119}},
        {"[::1]:4000,10.0.0.5,[fe80::2]", {"::1", "10.0.0.5", "fe80::2"}, {4000, 3119, 3119}},
        {"::1", {"::1"}, {3119}},
        {"plant-1.example.com,10.0.0.5:77,::1",
         {"plant-1.example.com", "10.0.0.5", "::1"},
         {3119, 77, 3119}},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        d2k_config *config = new_config();
        assert_int_equal(d2k_config_set_server(config, lists[i].list), D2K_OK);
        size_t count = 0;
        while (count < 3 && lists[i].hosts[count] != NULL) {
            assert_string_equal(config->servers[count].host, lists[i].hosts[count]);
            assert_int_equal(config_server_port(config, &config->servers[count]),
                             lists[i].ports[count]);
            count++;
        }
        assert_int_equal(config->server_count, count);
        d2k_config_free(config);
    }
}

static void port_is_that_of_servers_without_one_in_any_order(void **state)
{
    (void)state;
    d2k_config *config = new_config();
    take(config, "/P4000");
    take(config, "/Sa,b:5000");
    assert_int_equal(config_server_port(config, &config->servers[0]), 4000);
    assert_int_equal(config_server_port(config, &config->servers[1]), 5000);
    take(config, "/P4001");
    assert_int_equal(config_server_port(config, &config->servers[0]), 4001);
    d2k_config_free(config);
}

static void number_of_servers_is_limited(void **state)
{
    (void)state;
    char list[2 * CONFIG_SERVERS_MAX + 2]; /* "a,a,...,a", one more than allowed */
    d2k_config *config = new_config();
    for (size_t i = 0; i < sizeof(list) - 1; i++) {
        list[i] = i % 2 == 0 ? 'a' : ',';
    }
    list[2 * CONFIG_SERVERS_MAX + 1] = '\0';
    assert_int_equal(d2k_config_set_server(config, list), D2K_ARGUMENT);
    assert_int_equal(config->server_count, 1);
    list[2 * CONFIG_SERVERS_MAX - 1] = '\0';
    assert_int_equal(d2k_config_set_server(config, list), D2K_OK);
    assert_int_equal(config->server_count, CONFIG_SERVERS_MAX);
    d2k_config_free(config);
}

static void length_of_names_is_limited(void **state)
{
    (void)state;
    char name[CONFIG_HOST_MAX + 2];
    d2k_config *config = new_config();
    memset(name, 'a', sizeof(name));
    name[CONFIG_HOST_MAX + 1] = '\0';
    assert_int_equal(d2k_config_set_server(config, name), D2K_ARGUMENT);
    name[CONFIG_HOST_MAX] = '\0';
    assert_int_equal(d2k_config_set_server(config, name), D2K_OK);
    name[65] = '\0';
    assert_int_equal(d2k_config_set_application(config, name), D2K_ARGUMENT);
    name[64] = '\0';
    assert_int_equal(d2k_config_set_application(config, name), D2K_OK);
    name[61] = '\0'; /* 64 with ".API" would be 60 */
    assert_int_equal(d2k_config_set_process(config, name, 0), D2K_ARGUMENT);
    name[60] = '\0';
    assert_int_equal(d2k_config_set_process(config, name, 0), D2K_OK);
    d2k_config_free(config);
}

static void functions_check_as_the_parameters_do(void **state)
{
    (void)state;
    d2k_config *config = new_config();
    assert_int_equal(d2k_config_set_server(config, NULL), D2K_ARGUMENT);
    assert_int_equal(d2k_config_set_port(config, 0), D2K_ARGUMENT);
    assert_int_equal(d2k_config_set_port(config, 65536), D2K_ARGUMENT);
    assert_int_equal(d2k_config_set_port(config, 65535), D2K_OK);
    assert_int_equal(d2k_config_set_watchdog(config, 0), D2K_ARGUMENT);
    assert_int_equal(d2k_config_set_watchdog(config, 3601), D2K_ARGUMENT);
    assert_int_equal(d2k_config_set_watchdog(config, 3600), D2K_OK);
    assert_int_equal(d2k_config_set_process(config, "SELF", 15), D2K_OK);
    assert_int_equal(d2k_config_set_process(config, "SELF", 16), D2K_ARGUMENT);
    assert_int_equal(d2k_config_set_application(config, NULL), D2K_ARGUMENT);
    assert_int_equal(d2k_config_set_config_dir(config, NULL), D2K_ARGUMENT);
    assert_int_equal(d2k_config_set_installation(config, NULL), D2K_ARGUMENT);
    d2k_config_free(config);
}

static void default_application_is_used_when_none_is_given(void **state)
{
    const struct temporary_directory *directory = *state;
    write_file(path_in(directory, "installation.conf"), "DefaultApplication = PLANT\n");
    d2k_config *config = new_config();
    assert_int_equal(d2k_config_set_config_dir(config, directory->path), D2K_OK);
    assert_string_equal(d2k_config_application(config), "PLANT");
    take(config, "@OTHER");
    assert_string_equal(d2k_config_application(config), "OTHER");
    d2k_config_free(config);
}

static void bad_default_application_is_an_error_of_the_configuration(void **state)
{
    const struct temporary_directory *directory = *state;
    write_file(path_in(directory, "installation.conf"), "DefaultApplication = ../PLANT\n");
    d2k_config *config = new_config();
    const char *name = "";
    assert_int_equal(d2k_config_set_config_dir(config, directory->path), D2K_OK);
    assert_int_not_equal(config_find_application(config, &name), D2K_OK);
    assert_null(name);
    assert_non_null(strstr(d2k_config_error_text(config), "DefaultApplication"));
    d2k_config_free(config);
}

static void no_installation_file_is_no_error(void **state)
{
    struct temporary_directory *directory = *state;
    d2k_config *config = new_config();
    assert_int_equal(d2k_config_set_config_dir(config, directory->path), D2K_OK);
    assert_null(d2k_config_application(config));
    assert_string_equal(d2k_config_error_text(config), "");
    d2k_config_free(config);
}

static void given_directory_that_is_missing_is_an_error(void **state)
{
    const struct temporary_directory *directory = *state;
    d2k_config *config = new_config();
    d2k_client *client = NULL;
    char *why = NULL;
    assert_int_equal(d2k_config_set_config_dir(config, path_in(directory, "nothing")), D2K_OK);
    assert_int_equal(d2k_client_new(config, &client, &why), D2K_NOT_FOUND);
    assert_null(client);
    assert_non_null(why);
    assert_non_null(strstr(why, "does not exist"));
    free(why);
}

static void misspelt_application_is_an_error(void **state)
{
    const struct temporary_directory *directory = *state;
    d2k_config *config = new_config();
    d2k_client *client = NULL;
    char *why = NULL;
    assert_int_equal(d2k_config_set_config_dir(config, directory->path), D2K_OK);
    assert_int_equal(d2k_config_set_application(config, "PLANTT"), D2K_OK);
    assert_int_equal(d2k_client_new(config, &client, &why), D2K_NOT_FOUND);
    assert_null(client);
    assert_non_null(strstr(why, "PLANTT"));
    free(why);
}

static void escape_makes_network_text_safe(void **state)
{
    (void)state;
    char safe[32];
    assert_string_equal(d2k_escape("a\x1b[2J", 5, safe, sizeof(safe)), "a\\x1b[2J");
    assert_int_equal(strlen(d2k_escape("aaaaaaaa", 8, safe, 4)), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suffix_and_version_are_checked),
        cmocka_unit_test(defaults_are_those_of_the_documentation),
        cmocka_unit_test(both_spellings_are_taken),
        cmocka_unit_test(options_without_other_spelling_are_taken),
        cmocka_unit_test(server_port_and_group_each_name_a_server),
        cmocka_unit_test(group_names_are_checked),
        cmocka_unit_test(discovery_by_multicast_is_refused_with_the_way_out),
        cmocka_unit_test(what_is_not_ours_is_unknown),
        cmocka_unit_test(help_is_recognized),
        cmocka_unit_test(help_text_explains_every_parameter),
        cmocka_unit_test(bad_values_are_refused_with_a_reason),
        cmocka_unit_test(server_lists_are_taken_in_order),
        cmocka_unit_test(port_is_that_of_servers_without_one_in_any_order),
        cmocka_unit_test(number_of_servers_is_limited),
        cmocka_unit_test(length_of_names_is_limited),
        cmocka_unit_test(functions_check_as_the_parameters_do),
        cmocka_unit_test_setup_teardown(default_application_is_used_when_none_is_given,
                                        make_temporary_directory, remove_temporary_directory),
        cmocka_unit_test_setup_teardown(bad_default_application_is_an_error_of_the_configuration,
                                        make_temporary_directory, remove_temporary_directory),
        cmocka_unit_test_setup_teardown(no_installation_file_is_no_error, make_temporary_directory,
                                        remove_temporary_directory),
        cmocka_unit_test_setup_teardown(given_directory_that_is_missing_is_an_error,
                                        make_temporary_directory, remove_temporary_directory),
        cmocka_unit_test_setup_teardown(misspelt_application_is_an_error, make_temporary_directory,
                                        remove_temporary_directory),
        cmocka_unit_test(escape_makes_network_text_safe),
    };
    return cmocka_run_group_tests_name("client_config", tests, NULL, NULL);
}
