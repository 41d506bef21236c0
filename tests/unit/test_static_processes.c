/* tests/unit/test_static_processes.c: [Process\<name>] of cfg_<application>.conf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "registry/settings.h"

#define TEXT_MAX (64u * 1024u)

static d2k_result parse(const char *text, struct application_settings *ret, struct error *err)
{
    struct registry_file *file;
    *ret = (struct application_settings){0};
    *err = (struct error){.text = ""};
    d2k_result result = registry_parse("/etc/d2k/cfg_PLANT.conf", text, strlen(text), &file, err);
    if (result == D2K_OK) {
        result = settings_parse_application(file, NULL, ret, err);
        registry_free(file);
    }
    return result;
}

static void assert_refused(const char *text, const char *why)
{
    struct application_settings settings;
    struct error err;
    assert_int_equal(parse(text, &settings, &err), D2K_CONFIG);
    if (strstr(err.text, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
    }
    settings_free_application(&settings);
}

static void without_a_section_there_are_none(void **state)
{
    struct application_settings settings;
    struct error err;
    (void)state;
    assert_int_equal(parse("Max_Clients = 5\n", &settings, &err), D2K_OK);
    assert_int_equal(settings.processes.count, 0);
    settings_free_application(&settings);
}

static void everything_that_a_section_says_is_read(void **state)
{
    struct application_settings settings;
    struct error err;
    (void)state;
    assert_int_equal(parse("[Process\\SELF.KOM]\nExecutable = bin/kom\n"
                           "Parameters = /S127.0.0.1 \"--name=SELF KOM\" \"\" a\"b c\"d\n"
                           "Directory = /srv/kom\nEnvironment = A=1 \"B_2=x y\" C=\n"
                           "Autostart = off\nStartPriority = 7\nInitTime = 0\nStopTimeout = 3600\n",
                           &settings, &err),
                     D2K_OK);
    assert_int_equal(settings.processes.count, 1);
    const struct static_process *p = &settings.processes.at[0];
    assert_string_equal(p->name, "SELF.KOM");
    assert_string_equal(p->executable, "/etc/d2k/bin/kom");
    assert_string_equal(p->directory, "/srv/kom");
    assert_string_equal(p->parameters[0], "/S127.0.0.1");
    assert_string_equal(p->parameters[1], "--name=SELF KOM");
    assert_string_equal(p->parameters[2], "");
    assert_string_equal(p->parameters[3], "ab cd");
    assert_null(p->parameters[4]);
    assert_string_equal(p->environment[1], "B_2=x y");
    assert_string_equal(p->environment[2], "C=");
    assert_null(p->environment[3]);
    assert_int_equal(p->autostart, STATIC_AUTOSTART_OFF);
    assert_int_equal(p->priority, 7);
    assert_int_equal(p->init_time_s, 0);
    assert_int_equal(p->stop_timeout_s, 3600);
    settings_free_application(&settings);
}

static void what_is_not_said_has_defaults(void **state)
{
    struct application_settings settings;
    struct error err;
    (void)state;
    assert_int_equal(parse("[Process\\SELF.KOM]\nExecutable = /k\n", &settings, &err), D2K_OK);
    const struct static_process *p = &settings.processes.at[0];
    assert_null(p->directory);
    assert_null(p->parameters);
    assert_null(p->environment);
    assert_int_equal(p->autostart, STATIC_AUTOSTART_ON);
    assert_int_equal(p->priority, 0);
    assert_int_equal(p->init_time_s, 10);
    assert_int_equal(p->stop_timeout_s, 10);
    settings_free_application(&settings);
}

static void they_stand_in_the_order_of_their_start(void **state)
{
    struct application_settings settings;
    struct error err;
    (void)state;
    assert_int_equal(parse("[Process\\LATE.API]\nExecutable = /a\n"
                           "[Process\\FIRST.KOM]\nExecutable = /b\nStartPriority = 999\n"
                           "[Process\\LATER.API]\nExecutable = /c\n"
                           "[Process\\SECOND.KOM]\nExecutable = /d\nStartPriority = 5\n",
                           &settings, &err),
                     D2K_OK);
    assert_int_equal(settings.processes.count, 4);
    assert_string_equal(settings.processes.at[0].name, "FIRST.KOM");
    assert_string_equal(settings.processes.at[1].name, "SECOND.KOM");
    assert_string_equal(settings.processes.at[2].name, "LATE.API");
    assert_string_equal(settings.processes.at[3].name, "LATER.API");
    settings_free_application(&settings);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    assert_refused("[Process\\SELF.KOM]\nAutostart = on\n",
                   "[Process\\SELF.KOM] has no Executable");
    assert_refused("[Process\\SELF.KOM]\nExecutable =\n", "a path must not be empty");
    assert_refused("[Process\\KOM]\nExecutable = /k\n", "[Process\\KOM] is no static process");
    assert_refused("[Process\\SELF.KOM]\nExecutable = /k\nStartPriority = 1000\n", "0..999");
    assert_refused("[Process\\SELF.KOM]\nExecutable = /k\nInitTime = 3601\n", "0..3600");
    assert_refused("[Process\\SELF.KOM]\nExecutable = /k\nStopTimeout = 0\n", "1..3600");
    assert_refused("[Process\\SELF.KOM]\nExecutable = /k\nAutostart = yes\n", "off, on");
    assert_refused("[Process\\SELF.KOM]\nExecutable = /k\nParameters = a b\" c\n", "not closed");
    assert_refused("[Process\\SELF.KOM]\nExecutable = /k\nEnvironment = A\n", "NAME=value");
    assert_refused("[Process\\SELF.KOM]\nExecutable = /k\nEnvironment = 1A=x\n", "NAME=value");
    assert_refused("[Process\\SELF.KOM]\nExecutable = /k\n"
                   "[Process\\self.kom]\n",
                   "stands twice");
}

/* `count` sections, and `words` parameters in the first. */
static char *text_of(unsigned count, unsigned words)
{
    static char text[TEXT_MAX];
    size_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size,
                                 "[Process\\P%u.API]\nExecutable = /p\n", i);
        for (unsigned w = 0; i == 0 && w < words; w++) {
            size += (size_t)snprintf(text + size, sizeof text - size, "%s a",
                                     w == 0 ? "Parameters =" : "");
        }
        size += (size_t)snprintf(text + size, sizeof text - size, "\n");
    }
    return text;
}

static void limits_hold_at_the_limit_and_one_past_it(void **state)
{
    struct application_settings settings;
    struct error err;
    (void)state;
    assert_int_equal(
        parse(text_of(STATIC_PROCESSES_MAX, STATIC_PROCESS_WORDS_MAX), &settings, &err), D2K_OK);
    assert_int_equal(settings.processes.count, STATIC_PROCESSES_MAX);
    assert_non_null(settings.processes.at[0].parameters[STATIC_PROCESS_WORDS_MAX - 1]);
    settings_free_application(&settings);
    assert_refused(text_of(STATIC_PROCESSES_MAX + 1, 0), "one static process too many");
    assert_refused(text_of(1, STATIC_PROCESS_WORDS_MAX + 1), "more than 256 words");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_section_there_are_none),
        cmocka_unit_test(everything_that_a_section_says_is_read),
        cmocka_unit_test(what_is_not_said_has_defaults),
        cmocka_unit_test(they_stand_in_the_order_of_their_start),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(limits_hold_at_the_limit_and_one_past_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
