/* tests/unit/test_pam.c: passwords that PAM accepts and refuses: the system's PAM and its modules,
 * with services of the test instead of those in /etc/pam.d. */
#include "temporary_directory.h"

#include <security/pam_appl.h>

#include "access/pam.h"

static const char *services;

/* In front of libpam's: the access layer that is tested calls this one. */
int pam_start(const char *service, const char *user, const struct pam_conv *conversation,
              pam_handle_t **handle)
{
    return pam_start_confdir(service, user, conversation, services, handle);
}

static const char check[] = "#!/bin/sh\n"
                            "test \"$PAM_USER\" = jana || exit 1\n"
                            "test \"$(tr -d '\\000')\" = 'correct horse'\n";

/* A program says whether the password is right; pam_exec itself calls a no a system error. */
static void add_service(struct temporary_directory *directory, const char *name,
                        const char *account)
{
    char text[TEST_PATH_MAX + 256], program[TEST_PATH_MAX];
    (void)snprintf(program, sizeof program, "%s", path_in(directory, "check"));
    (void)snprintf(text, sizeof text,
                   "auth [success=1 default=ignore] pam_exec.so expose_authtok quiet %s\n"
                   "auth requisite pam_deny.so\nauth required pam_permit.so\n"
                   "account required %s\n",
                   program, account);
    write_file(path_in(directory, name), text);
}

static int set_up(void **state)
{
    if (make_temporary_directory(state) != 0) {
        return -1;
    }
    struct temporary_directory *directory = *state;
    write_file(path_in(directory, "check"), check);
    services = directory->path;
    add_service(directory, "plant", "pam_permit.so");
    add_service(directory, "expired", "pam_deny.so");
    write_file(path_in(directory, "broken"), "auth required pam_d2k_no_such_module.so\n");
    return chmod(path_in(directory, "check"), 0700);
}

static void a_password_that_pam_accepts_is_accepted(void **state)
{
    struct error err = {.text = ""};
    (void)state;
    if (access_pam_verify("plant", "jana", "correct horse", &err) != D2K_OK) {
        fail_msg("%s", err.text);
    }
}

static void another_password_or_user_is_refused(void **state)
{
    struct error err;
    (void)state;
    assert_int_equal(access_pam_verify("plant", "jana", "wrong horse", &err), D2K_NOT_ALLOWED);
    assert_non_null(strstr(err.text, "PAM service plant: "));
    assert_null(strstr(err.text, "horse"));
    assert_int_equal(access_pam_verify("plant", "peter", "correct horse", &err), D2K_NOT_ALLOWED);
}

/* A right password is not enough: the account may be locked or expired. */
static void an_account_that_pam_refuses_is_refused(void **state)
{
    struct error err;
    (void)state;
    assert_int_not_equal(access_pam_verify("expired", "jana", "correct horse", &err), D2K_OK);
    assert_non_null(strstr(err.text, "expired"));
}

/* libpam loses a piece of its own when it cannot load a module of a service. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpam.so";
}

static void a_service_that_is_broken_or_missing_lets_nobody_in(void **state)
{
    struct error err;
    (void)state;
    assert_int_not_equal(access_pam_verify("broken", "jana", "correct horse", &err), D2K_OK);
    assert_int_not_equal(access_pam_verify("missing", "jana", "correct horse", &err), D2K_OK);
    assert_non_null(strstr(err.text, "missing"));
}

static void a_password_is_limited(void **state)
{
    struct error err;
    char password[513];
    (void)state;
    memset(password, 'x', sizeof password - 1);
    password[512] = '\0';
    assert_int_equal(access_pam_verify("plant", "jana", password, &err), D2K_NOT_ALLOWED);
    assert_non_null(strstr(err.text, "too long"));
}

#define WITH_SERVICES(test) \
    cmocka_unit_test_setup_teardown(test, set_up, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVICES(a_password_that_pam_accepts_is_accepted),
        WITH_SERVICES(another_password_or_user_is_refused),
        WITH_SERVICES(an_account_that_pam_refuses_is_refused),
        WITH_SERVICES(a_service_that_is_broken_or_missing_lets_nobody_in),
        WITH_SERVICES(a_password_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
