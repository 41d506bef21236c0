/* tests/unit/test_access.c: the file of users, waits after wrong passwords, and the guard that
 * reads rules again and checks passwords. */
#include "temporary_directory.h"

#include "access/attempts.h"
#include "access/guard.h"
#include "access/pam.h"
#include "os/clock.h"
#include "os/thread.h"
#include "registry/location.h"

#define POLL_MAX_MS 20000u
#define WAIT_MS     20u

static struct slice text(const char *terminated)
{
    return slice_of(terminated);
}

/* ---- users ---- */

static const char *users_path(struct temporary_directory *directory)
{
    return path_in(directory, "users.conf");
}

static void add_user(const char *path, const char *name, const char *password)
{
    char hash[USERS_HASH_MAX];
    struct error err;
    assert_int_equal(users_hash(text(password), hash, &err), D2K_OK);
    if (users_store(path, path, name, hash, true, &err) != D2K_OK) {
        fail_msg("%s", err.text);
    }
}

static void a_password_is_known_again_and_no_other(void **state)
{
    struct users *users;
    struct error err;
    const char *path = users_path(*state);
    add_user(path, "jana", "correct horse");
    add_user(path, "Peter.K@plant", "battery staple");
    assert_int_equal(mode_of(path), 0640);
    assert_int_equal(users_read(path, &users, &err), D2K_OK);
    assert_int_equal(users_count(users), 2);
    assert_string_equal(users_name(users, 1), "Peter.K@plant");
    assert_true(users_verify(users, text("JANA"), text("correct horse")));
    assert_string_equal(users_find(users, text("JANA")), "jana");
    assert_false(users_verify(users, text("jana"), text("battery staple")));
    assert_false(users_verify(users, text("jana"), text("correct hors")));
    assert_false(users_verify(users, text("jana"), text("")));
    assert_false(users_verify(users, text("nobody"), text("correct horse")));
    assert_false(users_verify(users, text("no body/.."), text("correct horse")));
    users_free(users);
    char *content = read_file(path);
    assert_null(strstr(content, "horse"));
    assert_non_null(strstr(content, "jana = $argon2id$v=19$m=65536,t=3,p=1$"));
    free(content);
}

static void two_hashes_of_one_password_differ(void **state)
{
    char first[USERS_HASH_MAX], second[USERS_HASH_MAX];
    struct error err;
    (void)state;
    assert_int_equal(users_hash(text("correct horse"), first, &err), D2K_OK);
    assert_int_equal(users_hash(text("correct horse"), second, &err), D2K_OK);
    assert_string_not_equal(first, second);
}

static void passwords_have_limits(void **state)
{
    char hash[USERS_HASH_MAX], password[USERS_PASSWORD_MAX + 1];
    struct error err;
    (void)state;
    memset(password, 'x', sizeof password);
    assert_int_equal(users_hash((struct slice){password, USERS_PASSWORD_MIN - 1}, hash, &err),
                     D2K_ARGUMENT);
    assert_int_equal(users_hash((struct slice){password, USERS_PASSWORD_MIN}, hash, &err), D2K_OK);
    assert_int_equal(users_hash((struct slice){password, USERS_PASSWORD_MAX}, hash, &err), D2K_OK);
    assert_int_equal(users_hash((struct slice){password, USERS_PASSWORD_MAX + 1}, hash, &err),
                     D2K_ARGUMENT);
    password[3] = '\0';
    assert_int_equal(users_hash((struct slice){password, 10}, hash, &err), D2K_ARGUMENT);
}

static void names_have_rules(void **state)
{
    char name[USERS_NAME_MAX + 2];
    (void)state;
    memset(name, 'n', sizeof name);
    assert_true(users_is_name((struct slice){name, USERS_NAME_MAX}));
    assert_false(users_is_name((struct slice){name, USERS_NAME_MAX + 1}));
    static const char *const bad[] = {"",    ".a",    "-a",       "a b", "a/b",
                                      "a=b", "a\x01", "\xc3\xa4", "_x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(users_is_name(text(bad[i])));
    }
    assert_false(users_is_name((struct slice){"a\0b", 3}));
    assert_true(users_is_name(text("1.a_B-c@d")));
}

static void a_password_is_changed_and_a_user_removed(void **state)
{
    struct users *users;
    struct error err;
    char hash[USERS_HASH_MAX];
    const char *path = users_path(*state);
    add_user(path, "jana", "correct horse");
    assert_int_equal(users_hash(text("other password"), hash, &err), D2K_OK);
    assert_int_equal(users_store(path, path, "Jana", hash, true, &err), D2K_EXISTS);
    assert_int_equal(users_store(path, path, "peter", hash, false, &err), D2K_NOT_FOUND);
    assert_int_equal(users_store(path, path, "pe ter", hash, true, &err), D2K_ARGUMENT);
    assert_int_equal(users_store(path, path, "jana", hash, false, &err), D2K_OK);
    assert_int_equal(users_read(path, &users, &err), D2K_OK);
    assert_true(users_verify(users, text("jana"), text("other password")));
    assert_false(users_verify(users, text("jana"), text("correct horse")));
    users_free(users);
    assert_int_equal(users_remove(path, "peter", &err), D2K_NOT_FOUND);
    assert_int_equal(users_remove(path, "JANA", &err), D2K_OK);
    assert_int_equal(users_read(path, &users, &err), D2K_OK);
    assert_int_equal(users_count(users), 0);
    assert_false(users_verify(users, text("jana"), text("other password")));
    users_free(users);
}

static void a_file_that_cannot_be_trusted_is_not_used(void **state)
{
    static const struct {
        const char *text, *named;
    } rows[] = {
        {"jana = secret\n", ":1: user jana has no Argon2id hash"},
        {"a = $argon2i$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$AAAA\n", "no Argon2id hash"},
        {"a = $argon2id$v=19$m=1048577,t=3,p=1$c2FsdHNhbHQ$AAAA\n", "no Argon2id hash"},
        {"a = $argon2id$v=19$m=65536,t=101,p=1$c2FsdHNhbHQ$AAAA\n", "no Argon2id hash"},
        {"a = $argon2id$v=19$m=65536,t=3,p=17$c2FsdHNhbHQ$AAAA\n", "no Argon2id hash"},
        {"[x]\na = $argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$AAAA\n", ":2: \"a\" is no name"},
        {"a = 1\na = 2\n", ":2"},
    };
    const char *path = users_path(*state);
    struct users *users;
    struct error err;
    assert_int_equal(users_read(path, &users, &err), D2K_NOT_FOUND);
    assert_non_null(strstr(err.text, "d2k-registry user add"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file(path, rows[i].text);
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(users_read(path, &users, &err), D2K_CONFIG);
        assert_non_null(strstr(err.text, rows[i].named));
    }
    write_file(path, "");
    static const mode_t bad_modes[] = {0604, 0602, 0644, 0660, 0620};
    for (size_t i = 0; i < sizeof bad_modes / sizeof bad_modes[0]; i++) {
        assert_int_equal(chmod(path, bad_modes[i]), 0);
        assert_int_equal(users_read(path, &users, &err), D2K_FILE);
        assert_non_null(strstr(err.text, "chmod 640"));
    }
}

static void there_is_a_limit_of_users(void **state)
{
    static const char line[] = " = $argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAA";
    const char *path = users_path(*state);
    struct users *users;
    struct error err;
    for (unsigned count = USERS_MAX; count <= USERS_MAX + 1; count++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        for (unsigned i = 0; i < count; i++) {
            assert_true(fprintf(file, "u%u%s\n", i, line) > 0);
        }
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0600), 0);
        d2k_result result = users_read(path, &users, &err);
        assert_int_equal(result, count > USERS_MAX ? D2K_LIMIT : D2K_OK);
        users_free(users);
    }
}

/* ---- waits ---- */

static void waits_grow_and_are_forgotten(void **state)
{
    (void)state;
    struct attempts *attempts = attempts_new();
    uint64_t now = 1000;
    for (unsigned i = 0; i < ATTEMPTS_FREE_USER; i++) {
        attempts_failed(attempts, "jana", "10.0.0.1", now);
        assert_int_equal(attempts_wait_ms(attempts, "jana", "10.0.0.1", now), 0);
    }
    uint32_t expected = ATTEMPTS_WAIT_MIN_MS;
    for (unsigned i = 0; i < 6; i++, expected *= 2) {
        attempts_failed(attempts, "jana", "10.0.0.1", now);
        assert_int_equal(attempts_wait_ms(attempts, "JANA", "10.0.0.1", now), expected);
    }
    assert_int_equal(attempts_wait_ms(attempts, "jana", "10.0.0.2", now), 0);
    assert_int_equal(attempts_wait_ms(attempts, "peter", "10.0.0.1", now), 0);
    now += expected / 2;
    assert_int_equal(attempts_wait_ms(attempts, "jana", "10.0.0.1", now), 0);
    attempts_failed(attempts, "jana", "10.0.0.1", now);
    assert_int_equal(attempts_wait_ms(attempts, "jana", "10.0.0.1", now), expected);
    now += ATTEMPTS_FORGET_MS + 1;
    attempts_failed(attempts, "jana", "10.0.0.1", now);
    assert_int_equal(attempts_wait_ms(attempts, "jana", "10.0.0.1", now), 0);
    attempts_free(attempts);
}

static void waits_have_an_end_and_a_success_ends_them(void **state)
{
    (void)state;
    struct attempts *attempts = attempts_new();
    for (unsigned i = 0; i < 100; i++) {
        attempts_failed(attempts, "jana", "a", 5);
    }
    assert_int_equal(attempts_wait_ms(attempts, "jana", "a", 5), ATTEMPTS_WAIT_MAX_MS);
    attempts_succeeded(attempts, "jana", "a");
    assert_int_equal(attempts_wait_ms(attempts, "peter", "a", 5), ATTEMPTS_WAIT_MAX_MS);
    assert_int_equal(attempts_wait_ms(attempts, "jana", "b", 5), 0);
    attempts_free(attempts);
}

static void an_address_that_tries_many_names_waits_too(void **state)
{
    (void)state;
    struct attempts *attempts = attempts_new();
    char user[32];
    for (unsigned i = 0; i <= ATTEMPTS_FREE_PLACE; i++) {
        assert_int_equal(attempts_wait_ms(attempts, "next", "a", 5), 0);
        (void)snprintf(user, sizeof user, "u%u", i);
        attempts_failed(attempts, user, "a", 5);
    }
    assert_int_equal(attempts_wait_ms(attempts, "next", "a", 5), ATTEMPTS_WAIT_MIN_MS);
    attempts_free(attempts);
}

static void memory_of_failures_is_bounded(void **state)
{
    (void)state;
    struct attempts *attempts = attempts_new();
    char address[32];
    for (unsigned i = 0; i < 20; i++) {
        attempts_failed(attempts, "jana", "victim", 1);
    }
    for (unsigned i = 0; i < ATTEMPTS_ENTRIES_MAX / 2 - 1; i++) {
        (void)snprintf(address, sizeof address, "%u", i);
        attempts_failed(attempts, "x", address, 2);
    }
    assert_int_not_equal(attempts_wait_ms(attempts, "jana", "victim", 3), 0);
    attempts_failed(attempts, "x", "one more", 2);
    assert_int_equal(attempts_wait_ms(attempts, "jana", "victim", 3), 0);
    attempts_free(attempts);
}

/* ---- guard ---- */

struct site {
    struct temporary_directory *directory;
    struct registry_location location;
    struct guard *guard;
    struct log log;
    char lines[4096];
    struct os_mutex *mutex;
    struct os_condition *condition; /* the guard has news */
};

static void on_news(void *context)
{
    struct site *site = context;
    os_condition_signal(site->condition);
}

static void keep_line(void *context, enum log_level level, const char *line)
{
    struct site *site = context;
    (void)level;
    os_mutex_lock(site->mutex);
    size_t used = strlen(site->lines);
    (void)snprintf(site->lines + used, sizeof site->lines - used, "%s\n", line);
    os_mutex_unlock(site->mutex);
}

static bool was_logged(struct site *site, const char *part)
{
    os_mutex_lock(site->mutex);
    bool found = strstr(site->lines, part) != NULL;
    os_mutex_unlock(site->mutex);
    return found;
}

static void configure(struct site *site, const char *configuration)
{
    /* as an editor does: the new file is complete when it gets its name */
    const char *path = path_in(site->directory, "cfg_PLANT.conf");
    char temporary[TEST_PATH_MAX + 4];
    (void)snprintf(temporary, sizeof temporary, "%s.t", path);
    write_file(temporary, configuration);
    assert_int_equal(rename(temporary, path), 0);
}

static void open_site(struct site *site, struct temporary_directory *directory,
                      const char *configuration)
{
    struct error err;
    *site = (struct site){.directory = directory, .log = {.sink = keep_line}};
    site->log.context = site;
    atomic_store(&site->log.level, LOG_DEBUG);
    site->mutex = os_mutex_new();
    site->condition = os_condition_new();
    configure(site, configuration);
    assert_int_equal(registry_locate(NULL, directory->path, &site->location, &err), D2K_OK);
    struct guard_setup setup = {.location = &site->location,
                                .application = "PLANT",
                                .log = &site->log,
                                .wake = on_news,
                                .context = site};
    if (guard_open(&setup, &site->guard, &err) != D2K_OK) {
        fail_msg("%s", err.text);
    }
}

static void close_site(struct site *site)
{
    guard_close(site->guard);
    registry_location_free(&site->location);
    os_condition_free(site->condition);
    os_mutex_free(site->mutex);
}

/* Waits for news of the guard, or a moment. */
static bool wait_until(struct site *site, uint64_t until_ms)
{
    os_mutex_lock(site->mutex);
    (void)os_condition_wait(site->condition, site->mutex, WAIT_MS);
    os_mutex_unlock(site->mutex);
    return os_monotonic_ms() < until_ms;
}

static size_t next_rights(struct site *site)
{
    struct rights *rights = NULL;
    uint64_t until_ms = os_monotonic_ms() + POLL_MAX_MS;
    while (!guard_has_news(site->guard) || !guard_take_rights(site->guard, &rights)) {
        assert_true(wait_until(site, until_ms));
    }
    size_t count = rights_count(rights);
    rights_unref(rights);
    return count;
}

static void wait_for_line(struct site *site, const char *part)
{
    uint64_t until_ms = os_monotonic_ms() + POLL_MAX_MS;
    while (!was_logged(site, part)) {
        assert_true(wait_until(site, until_ms));
    }
}

static struct guard_outcome log_on(struct site *site, const char *user, const char *password,
                                   bool is_protected)
{
    struct guard_outcome outcome = {.result = D2K_INTERNAL};
    struct error err;
    struct guard_request request = {.ticket = 77,
                                    .user = text(user),
                                    .password = text(password),
                                    .address = "10.0.0.1",
                                    .is_protected = is_protected};
    uint64_t until_ms = os_monotonic_ms() + POLL_MAX_MS;
    assert_int_equal(guard_log_on(site->guard, &request, &err), D2K_OK);
    while (!guard_has_news(site->guard) || !guard_take_logon(site->guard, &outcome)) {
        assert_true(wait_until(site, until_ms));
    }
    assert_int_equal(outcome.ticket, 77);
    return outcome;
}

static void rules_are_read_again_and_broken_ones_are_not_taken(void **state)
{
    struct site site;
    open_site(&site, *state, "[Rights\\1]\nDeny = see\n");
    assert_int_equal(next_rights(&site), 1);
    configure(&site, "[Rights\\1]\nDeny = see\n[Rights\\2]\nAllow = set\n");
    assert_int_equal(next_rights(&site), 2);
    configure(&site, "[Rights\\1]\nDeny = sea\n");
    wait_for_line(&site, "sea is no right");
    wait_for_line(&site, "stay in force (2 rules)");
    configure(&site, "");
    wait_for_line(&site, "have vanished");
    assert_int_equal(remove(path_in(site.directory, "cfg_PLANT.conf")), 0);
    wait_for_line(&site, "there is no such file");
    configure(&site, "[Rights\\1]\nAllow = see\n");
    assert_int_equal(next_rights(&site), 1);
    close_site(&site);
}

static void a_guard_does_not_open_with_broken_rules(void **state)
{
    struct registry_location location;
    struct guard *guard = NULL;
    struct error err;
    write_file(path_in(*state, "cfg_PLANT.conf"), "[Rights\\1]\nDeny = sea\n");
    assert_int_equal(
        registry_locate(NULL, ((struct temporary_directory *)*state)->path, &location, &err),
        D2K_OK);
    struct guard_setup setup = {.location = &location, .application = "PLANT"};
    assert_int_equal(guard_open(&setup, &guard, &err), D2K_CONFIG);
    assert_null(guard);
    registry_location_free(&location);
}

static void who_logs_on_is_checked(void **state)
{
    struct site site;
    open_site(&site, *state, "");
    assert_int_equal(log_on(&site, "jana", "correct horse", true).result, D2K_CONFIG);
    wait_for_line(&site, "Nobody can log on: ");
    add_user(users_path(*state), "Jana", "correct horse");
    struct guard_outcome outcome = log_on(&site, "jana", "correct horse", true);
    assert_int_equal(outcome.result, D2K_OK);
    assert_string_equal(outcome.user, "Jana");

    outcome = log_on(&site, "jana", "correct horse", false);
    assert_int_equal(outcome.result, D2K_NOT_ALLOWED);
    assert_non_null(strstr(outcome.sentence, "without TLS"));

    outcome = log_on(&site, "jana", "wrong horse", true);
    assert_int_equal(outcome.result, D2K_NOT_ALLOWED);
    struct guard_outcome unknown = log_on(&site, "nobody", "wrong horse", true);
    assert_int_equal(unknown.result, D2K_NOT_ALLOWED);
    assert_string_equal(unknown.sentence, outcome.sentence);
    assert_false(was_logged(&site, "horse"));
    close_site(&site);
}

static void guessing_has_to_wait(void **state)
{
    struct site site;
    open_site(&site, *state, "[Users]\nUsers_Plain = allow\n");
    add_user(users_path(*state), "jana", "correct horse");
    for (unsigned i = 0; i <= ATTEMPTS_FREE_USER; i++) {
        assert_int_equal(log_on(&site, "jana", "wrong horse", false).result, D2K_NOT_ALLOWED);
    }
    struct guard_outcome outcome = log_on(&site, "jana", "correct horse", false);
    assert_int_equal(outcome.result, D2K_AGAIN);
    assert_in_range(outcome.wait_ms, 1, ATTEMPTS_WAIT_MIN_MS);
    close_site(&site);
}

static void logons_that_wait_are_bounded(void **state)
{
    struct site site;
    struct guard_outcome outcome;
    struct error err;
    unsigned taken = 0;
    open_site(&site, *state, "");
    struct guard_request request = {
        .user = text("jana"), .password = text("x"), .address = "a", .is_protected = true};
    for (unsigned i = 0; i < GUARD_LOGONS_MAX; i++) {
        assert_int_equal(guard_log_on(site.guard, &request, &err), D2K_OK);
    }
    assert_int_equal(guard_log_on(site.guard, &request, &err), D2K_LIMIT);
    uint64_t until_ms = os_monotonic_ms() + POLL_MAX_MS;
    while (taken < GUARD_LOGONS_MAX) {
        if (guard_take_logon(site.guard, &outcome)) {
            taken++;
        } else {
            assert_true(wait_until(&site, until_ms));
        }
    }
    assert_int_equal(guard_log_on(site.guard, &request, &err), D2K_OK);
    request.user = text("a b");
    assert_int_equal(guard_log_on(site.guard, &request, &err), D2K_ARGUMENT);
    request.user = text("jana");
    request.password = text("");
    assert_int_equal(guard_log_on(site.guard, &request, &err), D2K_ARGUMENT);
    close_site(&site);
}

/* A service that PAM does not know must let nobody in. */
static void pam_lets_nobody_in_by_default(void **state)
{
    struct error err;
    (void)state;
    assert_int_not_equal(access_pam_verify("d2k-no-such-service", "root", "correct horse", &err),
                         D2K_OK);
    assert_non_null(strstr(err.text, "d2k-no-such-service"));
}

#define IN_DIRECTORY(test) \
    cmocka_unit_test_setup_teardown(test, make_temporary_directory, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(a_password_is_known_again_and_no_other),
        cmocka_unit_test(two_hashes_of_one_password_differ),
        cmocka_unit_test(passwords_have_limits),
        cmocka_unit_test(names_have_rules),
        IN_DIRECTORY(a_password_is_changed_and_a_user_removed),
        IN_DIRECTORY(a_file_that_cannot_be_trusted_is_not_used),
        IN_DIRECTORY(there_is_a_limit_of_users),
        cmocka_unit_test(waits_grow_and_are_forgotten),
        cmocka_unit_test(waits_have_an_end_and_a_success_ends_them),
        cmocka_unit_test(an_address_that_tries_many_names_waits_too),
        cmocka_unit_test(memory_of_failures_is_bounded),
        IN_DIRECTORY(rules_are_read_again_and_broken_ones_are_not_taken),
        IN_DIRECTORY(a_guard_does_not_open_with_broken_rules),
        IN_DIRECTORY(who_logs_on_is_checked),
        IN_DIRECTORY(guessing_has_to_wait),
        IN_DIRECTORY(logons_that_wait_are_bounded),
        cmocka_unit_test(pam_lets_nobody_in_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
