/* tests/unit/test_rights.c: rules of cfg_<application>.conf, and what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "registry/settings.h"

#define TEXT_MAX (512u * 1024u)

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

static struct rights *rights_of(const char *text)
{
    struct application_settings settings;
    struct error err;
    if (parse(text, &settings, &err) != D2K_OK) {
        fail_msg("%s", err.text);
    }
    struct rights *rights = rights_ref(settings.rights);
    settings_free_application(&settings);
    return rights;
}

static enum rights_answer ask(const struct rights *rights, const char *process, const char *user,
                              enum right right, const char *object)
{
    struct rights_subject subject = {slice_of(process), slice_of(user)};
    return rights_decide(rights, &subject, right, slice_of(object)).answer;
}

static void without_rules_nothing_is_decided(void **state)
{
    (void)state;
    assert_null(rights_of("Max_Clients = 5\n"));
    assert_int_equal(ask(NULL, "A.HIP", "", RIGHT_SEE, "X"), RIGHTS_OPEN);
    assert_false(rights_name(NULL, RIGHT_SEE));
    rights_unref(NULL);
}

static void the_first_rule_by_number_that_names_the_right_decides(void **state)
{
    (void)state;
    struct rights *rights = rights_of("[Rights\\20]\nObject = Boiler.*\nDeny = set\n"
                                      "[Rights\\3]\nProcess = OP*.HIP\nObject = Boiler.Valve\n"
                                      "Allow = set\n"
                                      "[Rights\\100]\nAllow = set\nDeny = define\n");
    assert_int_equal(rights_count(rights), 3);
    assert_int_equal(ask(rights, "op1.hip", "", RIGHT_SET, "boiler.valve"), RIGHTS_ALLOWED);
    assert_int_equal(ask(rights, "OP1.HIP", "", RIGHT_SET, "Boiler.Pump"), RIGHTS_DENIED);
    assert_int_equal(ask(rights, "X.API", "", RIGHT_SET, "Boiler.Valve"), RIGHTS_DENIED);
    assert_int_equal(ask(rights, "X.API", "", RIGHT_SET, "Pump"), RIGHTS_ALLOWED);
    assert_int_equal(ask(rights, "X.API", "", RIGHT_DEFINE, "Pump"), RIGHTS_DENIED);
    assert_int_equal(ask(rights, "X.API", "", RIGHT_SEE, "Pump"), RIGHTS_OPEN);
    assert_true(rights_name(rights, RIGHT_SET));
    assert_false(rights_name(rights, RIGHT_SEE));
    rights_unref(rights);
}

static void a_rule_with_user_is_for_those_who_are_logged_on(void **state)
{
    (void)state;
    struct rights *rights = rights_of("[Rights\\1]\nUser = *\nAllow = set, admin\n"
                                      "[Rights\\2]\nDeny = set\n");
    assert_int_equal(ask(rights, "A.HIP", "jana", RIGHT_SET, "X"), RIGHTS_ALLOWED);
    assert_int_equal(ask(rights, "A.HIP", "", RIGHT_SET, "X"), RIGHTS_DENIED);
    assert_int_equal(ask(rights, "A.HIP", "jana", RIGHT_ADMIN, ""), RIGHTS_ALLOWED);
    assert_int_equal(ask(rights, "A.HIP", "", RIGHT_ADMIN, ""), RIGHTS_OPEN);
    rights_unref(rights);
}

static void lists_may_hold_several_patterns(void **state)
{
    (void)state;
    struct rights *rights = rights_of("[Rights\\1]\nProcess = A.API , B*.API;;C.?\n"
                                      "Allow = SEE ; Set,define\n");
    static const char *const fitting[] = {"a.api", "Bxy.API", "C.X"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ask(rights, fitting[i], "", RIGHT_SEE, "X"), RIGHTS_ALLOWED);
        assert_int_equal(ask(rights, fitting[i], "", RIGHT_DEFINE, "X"), RIGHTS_ALLOWED);
    }
    assert_int_equal(ask(rights, "D.API", "", RIGHT_SEE, "X"), RIGHTS_OPEN);
    rights_unref(rights);
}

static void a_refusal_names_section_file_and_line(void **state)
{
    (void)state;
    char place[RIGHTS_PLACE_MAX];
    struct rights *rights = rights_of("\n[Rights\\20]\nDeny = see\n");
    struct rights_subject subject = {slice_of("A.HIP"), slice_of("")};
    struct rights_verdict verdict = rights_decide(rights, &subject, RIGHT_SEE, slice_of("X"));
    assert_string_equal(rights_place(rights, verdict.rule, place),
                        "[Rights\\20] (cfg_PLANT.conf:2)");
    assert_string_equal(rights_word(RIGHT_DEFINE), "define");
    rights_unref(rights);
}

/* A rule whose half is not understood would leave somebody open who asked for protection. */
static void mistakes_are_errors_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *named;
    } rows[] = {
        {"[Rights\\1]\n", ":1: [Rights\\1] says nothing"},
        {"[Rights\\1]\nProcess = A.B\n", ":1: [Rights\\1] says nothing"},
        {"[Rights\\1]\nAllow = see\nDeny = set, see\n", "allows and denies the same right"},
        {"[Rights\\1]\nAllow = sea\n", ":2: Allow = sea: sea is no right"},
        {"[Rights\\1]\nAllow = ,;\n", "the list is empty"},
        {"[Rights\\1]\nAllow =\n", "the list is empty"},
        {"[Rights\\1]\nProcess =\nDeny = see\n", "1 to 64 patterns"},
        {"[Rights\\1]\nProcess = A B.C\nDeny = see\n", "can match no process"},
        {"[Rights\\1]\nObject = A-B\nDeny = see\n", "can match no object"},
        {"[Rights\\1]\nUser = a/b\nDeny = see\n", "can match no user"},
        {"[Rights\\1]\nAllow = admin\n", "needs User"},
        {"[Rights\\1]\nUser = a\nObject = X\nAllow = admin\n", "of no object"},
        {"[Rights\\1]\nDenny = see\nAllow = set\n", ":2: unknown value Denny"},
        {"[Rights\\1]\nAllow = see\n[Rights\\01]\nDeny = set\n", "two rules have this number"},
        {"[Rights\\1]\nAllow = see\n[Rights\\1]\nDeny = set\n", "stands twice"},
        {"[Rights\\0]\nAllow = see\n", "n from 1 to 99999"},
        {"[Rights\\100000]\nAllow = see\n", "n from 1 to 99999"},
        {"[Rights\\x]\nAllow = see\n", "n from 1 to 99999"},
        {"[Rights]\nAllow = see\n",
         ":2: unknown value Allow in [Rights]; did you mean the one of [Rights\\<n>]"},
        {"[Rights\\1\\2]\nAllow = see\n", "n from 1 to 99999"},
        {"[Rigths\\1]\nAllow = see\n", "did you mean [Rights\\<n>]"},
        {"[Usres]\nUsers_Authentication = pam\n", "did you mean [Users]"},
        {"[Users]\nUsers_Authentication = ldap\n", "allowed: file, pam"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct application_settings settings;
        struct error err;
        assert_int_equal(parse(rows[i].text, &settings, &err), D2K_CONFIG);
        if (strstr(err.text, rows[i].named) == NULL) {
            fail_msg("%s\n%s\n%s", rows[i].text, err.text, rows[i].named);
        }
        settings_free_application(&settings);
    }
}

static void highest_number_is_allowed(void **state)
{
    (void)state;
    struct rights *rights = rights_of("[Rights\\99999]\nDeny = see\n");
    assert_int_equal(ask(rights, "A.B", "", RIGHT_SEE, "X"), RIGHTS_DENIED);
    rights_unref(rights);
}

static d2k_result parse_many(unsigned count)
{
    char *text = malloc(TEXT_MAX);
    size_t used = 0;
    assert_non_null(text);
    for (unsigned i = 1; i <= count; i++) {
        used += (size_t)snprintf(text + used, TEXT_MAX - used, "[Rights\\%u]\nDeny = see\n", i);
    }
    struct application_settings settings;
    struct error err;
    d2k_result result = parse(text, &settings, &err);
    if (result == D2K_CONFIG) {
        assert_non_null(strstr(err.text, "one rule too many"));
    }
    settings_free_application(&settings);
    free(text);
    return result;
}

static void there_is_a_limit_of_rules(void **state)
{
    (void)state;
    assert_int_equal(parse_many(RIGHTS_RULES_MAX), D2K_OK);
    assert_int_equal(parse_many(RIGHTS_RULES_MAX + 1), D2K_CONFIG);
}

static void patterns_have_limits(void **state)
{
    (void)state;
    char text[RIGHTS_PATTERNS_MAX * 2 + 3] = "", problem[512], one[RIGHTS_PATTERN_MAX + 2];
    struct rights_patterns patterns;
    for (unsigned i = 0; i < RIGHTS_PATTERNS_MAX; i++) {
        (void)snprintf(text + 2 * i, sizeof text - 2 * i, "x,");
    }
    assert_int_equal(
        rights_patterns_parse(text, RIGHTS_OF_OBJECTS, &patterns, problem, sizeof problem), D2K_OK);
    assert_int_equal(patterns.count, RIGHTS_PATTERNS_MAX);
    rights_patterns_free(&patterns);
    (void)snprintf(text + strlen(text), 2, "y");
    assert_int_equal(rights_patterns_parse(text, RIGHTS_OF_OBJECTS, NULL, problem, sizeof problem),
                     D2K_CONFIG);

    memset(one, 'a', sizeof one - 1);
    one[sizeof one - 1] = '\0';
    assert_int_equal(rights_patterns_parse(one, RIGHTS_OF_OBJECTS, NULL, problem, sizeof problem),
                     D2K_CONFIG);
    one[RIGHTS_PATTERN_MAX] = '\0';
    assert_int_equal(rights_patterns_parse(one, RIGHTS_OF_OBJECTS, NULL, problem, sizeof problem),
                     D2K_OK);
}

static void users_have_defaults(void **state)
{
    (void)state;
    struct application_settings settings;
    struct error err;
    assert_int_equal(parse("", &settings, &err), D2K_OK);
    assert_false(settings.users.present);
    assert_int_equal(settings.users.authentication, USERS_BY_FILE);
    assert_int_equal(settings.users.plain, USERS_PLAIN_REFUSE);
    assert_string_equal(settings.users.file, "/etc/d2k/users.conf");
    assert_string_equal(settings.users.pam_service, "d2k");
    settings_free_application(&settings);
    assert_int_equal(
        parse("[Users]\nUsers_Authentication = PAM\nUsers_Plain = allow\n", &settings, &err),
        D2K_OK);
    assert_true(settings.users.present);
    assert_int_equal(settings.users.authentication, USERS_BY_PAM);
    assert_int_equal(settings.users.plain, USERS_PLAIN_ALLOW);
    settings_free_application(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_nothing_is_decided),
        cmocka_unit_test(the_first_rule_by_number_that_names_the_right_decides),
        cmocka_unit_test(a_rule_with_user_is_for_those_who_are_logged_on),
        cmocka_unit_test(lists_may_hold_several_patterns),
        cmocka_unit_test(a_refusal_names_section_file_and_line),
        cmocka_unit_test(mistakes_are_errors_with_their_line),
        cmocka_unit_test(highest_number_is_allowed),
        cmocka_unit_test(there_is_a_limit_of_rules),
        cmocka_unit_test(patterns_have_limits),
        cmocka_unit_test(users_have_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
