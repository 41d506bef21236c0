/* What a kernel's keeper makes of [TLS_Server]: at its start, at each change, and whatever breaks;
 * and that many threads may ask it while files change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tls_site.h"

/* ---- the start ---- */

static void a_kernel_without_section_is_open_and_says_so(void **state)
{
    struct site *site = *state;
    write_config(site, "[TLS_Client]\nTLS_RequiredLevel = None\n");
    struct tls_keeper *keeper = open_server(site);
    assert_int_equal(tls_now(keeper), TLS_POLICY_OFF);
    assert_int_equal(level_now(keeper), TLS_LEVEL_NONE);
    assert_int_equal(count_lines(site, LOG_WARNING, "has no [TLS_Server]"), 1);
    assert_quiet_for(site, keeper, 250);
    tls_keeper_close(keeper);
}

static void an_application_without_file_does_not_start(void **state)
{
    struct site *site = *state;
    assert_open_fails(site, true, D2K_NOT_FOUND, "cfg_PLANT.conf");
    assert_open_fails(site, false, D2K_NOT_FOUND, "cfg_PLANT.conf");
}

static void broken_files_above_none_prevent_the_start(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    assert_open_fails(site, true, D2K_FILE, "server.crt: cannot be read");
    fixture_write_certificate(PATH(site, "server.crt"), site->a.certificate);
    assert_open_fails(site, true, D2K_FILE, "server.key: cannot be read");
    fixture_write_key(PATH(site, "server.key"), site->b.key);
    assert_open_fails(site, true, D2K_FILE, "does not match");
    fixture_write_key(PATH(site, "server.key"), site->a.key);
    assert_int_equal(chmod(PATH(site, "server.key"), 0644), 0);
    assert_open_fails(site, true, D2K_FILE, "chmod 600");
    assert_int_equal(chmod(PATH(site, "server.key"), 0600), 0);
    tls_keeper_close(open_server(site));
}

static void a_bad_level_prevents_the_start(void **state)
{
    struct site *site = *state;
    write_pair(site, &site->a);
    write_config(site, SERVER_FILES);
    assert_open_fails(site, true, D2K_CONFIG, "TLS_RequiredLevel");
    write_config(site, SERVER_FILES "TLS_RequiredLevel = TLSNoPerAuth\n");
    assert_open_fails(site, true, D2K_CONFIG, "TLSNoPerAuth");
}

static void broken_files_at_none_let_it_start_without_tls(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER_NONE);
    struct tls_keeper *keeper = open_server(site);
    assert_int_equal(tls_now(keeper), TLS_POLICY_UNAVAILABLE);
    assert_int_equal(level_now(keeper), TLS_LEVEL_NONE);
    assert_int_equal(count_lines(site, LOG_ERROR, "server.crt: cannot be read"), 1);
    assert_int_equal(
        count_lines(site, LOG_ERROR, "clients that ask for TLS are refused until it is repaired"),
        1);
    assert_quiet_for(site, keeper, 250);
    write_pair(site, &site->a);
    assert_true(serves(keeper, &site->a));
    assert_int_equal(tls_now(keeper), TLS_POLICY_ON);
    assert_int_equal(generation_now(keeper), 2);
    tls_keeper_close(keeper);
}

static void what_was_loaded_is_logged(void **state)
{
    struct site *site = *state;
    char hex[2 * TLS_DIGEST_SIZE + 1];
    uint8_t digest[TLS_DIGEST_SIZE];
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    assert_true(tls_x509_digest(site->a.certificate, digest));
    text_hex(hex, digest, sizeof digest);
    assert_int_equal(count_lines(site, LOG_INFO, hex), 1);
    assert_int_equal(count_lines(site, LOG_INFO, "CN=plant-a, EC P-256"), 1);
    assert_int_equal(count_lines(site, LOG_INFO, "generation 1: TLS_RequiredLevel = TLSNoPeerAuth"),
                     1);
    assert_int_equal(count_lines(site, LOG_WARNING, NULL), 0);
    tls_keeper_close(keeper);
}

static void an_expired_certificate_is_warned_of_or_refused(void **state)
{
    struct site *site = *state;
    const struct fixture_certificate what = {
        .name = "old", .key = site->a.key, .begin_s = -10 * DAY_S, .end_s = -60};
    X509 *expired = fixture_make(&what);
    fixture_write_certificate(PATH(site, "server.crt"), expired);
    fixture_write_key(PATH(site, "server.key"), site->a.key);
    write_config(site, SERVER);
    struct tls_keeper *keeper = open_server(site);
    assert_int_equal(count_lines(site, LOG_WARNING, "has expired on"), 1);
    assert_quiet_for(site, keeper, 250);
    tls_keeper_close(keeper);
    write_config(site, SERVER "TLS_CertDates = strict\n");
    assert_open_fails(site, true, D2K_FILE, "has expired on");
    X509_free(expired);
}

/* ---- changes ---- */

static void nothing_changed_means_the_same_policy(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    struct tls_policy *first = tls_keeper_current(keeper), *second = tls_keeper_current(keeper);
    assert_ptr_equal(first, second);
    assert_int_equal(tls_policy_generation(first), 1);
    tls_policy_unref(first);
    tls_policy_unref(second);
    assert_quiet_for(site, keeper, 2300); /* while the files are young, and afterwards */
    tls_keeper_close(keeper);
}

static uint64_t generation_for(struct tls_keeper *keeper, uint64_t came_ns)
{
    struct tls_policy *policy = tls_keeper_current_for(keeper, came_ns);
    uint64_t generation = tls_policy_generation(policy);
    tls_policy_unref(policy);
    return generation;
}

static void who_came_after_a_change_gets_it_and_a_crowd_soon(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    assert_quiet_for(site, keeper, 2300); /* a young file would be looked at by everybody */
    uint64_t came_before_ns = os_monotonic_ns();
    assert_int_equal(generation_now(keeper), 1);
    write_pair(site, &site->b);
    uint64_t came_after_ns = os_monotonic_ns();
    uint64_t of_the_crowd = generation_for(keeper, came_before_ns);
    if (os_monotonic_ns() - came_before_ns < TLS_LOOK_LASTS_NS) {
        assert_int_equal(of_the_crowd, 1); /* the look lasts: nothing is read again */
    }
    assert_int_equal(generation_for(keeper, came_after_ns), 2);
    write_pair(site, &site->a);
    while (generation_for(keeper, came_before_ns) != 3) {
        assert_true(os_monotonic_ns() - came_before_ns < 20000 * UINT64_C(1000000));
    }
    tls_keeper_close(keeper);
}

static void files_that_are_only_touched_make_no_new_policy(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    size_t lines = site->line_count;
    for (int i = 0; i < 20; i++) {
        write_config(site, SERVER);
        write_pair(site, &site->a);
        assert_int_equal(generation_now(keeper), 1);
    }
    assert_int_equal(site->line_count, lines);
    tls_keeper_close(keeper);
}

static void the_old_policy_lives_as_long_as_somebody_uses_it(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    struct tls_policy *old = tls_keeper_current(keeper);
    write_pair(site, &site->b);
    assert_true(serves(keeper, &site->b));
    tls_keeper_close(keeper);
    assert_int_equal(X509_cmp(SSL_CTX_get0_certificate(old->context), site->a.certificate), 0);
    tls_policy_unref(old);
}

/* Key and certificate as one PEM of exactly this size. */
static void fill_pem(char *ret, size_t size, const struct identity *identity)
{
    struct fixture_content content = fixture_content();
    fixture_add_certificate(&content, identity->certificate);
    fixture_add_key(&content, identity->key);
    memset(ret, '\n', size);
    assert_true(BIO_read(content.bio, ret, (int)size) > 0);
    BIO_free(content.bio);
}

#define PEM_SIZE 4096

static void a_change_that_leaves_the_same_stamp_is_seen(void **state)
{
    struct site *site = *state;
    const struct identity *both[] = {&site->a, &site->b};
    char data[2][PEM_SIZE];
    fill_pem(data[0], PEM_SIZE, both[0]);
    fill_pem(data[1], PEM_SIZE, both[1]);
    write_config(site,
                 "[TLS_Server]\nTLS_CertFile = both.pem\nTLS_RequiredLevel = TLSNoPeerAuth\n");
    unsigned seen_at_once = 0;
    for (int round = 0; round < 20; round++) {
        fixture_write_bytes(PATH(site, "both.pem"), data[0], PEM_SIZE, 0600);
        int fd = open(PATH(site, "both.pem"), O_RDWR);
        char *mapped = mmap(NULL, PEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true(fd >= 0 && mapped != MAP_FAILED);
        memcpy(mapped, data[0], PEM_SIZE); /* only the first store through a map makes a stamp */
        struct tls_keeper *keeper = open_server(site);
        memcpy(mapped, data[1], PEM_SIZE);
        if (keeper->settling) {
            assert_true(serves(keeper, both[1]));
            seen_at_once++;
        }
        uint64_t begin = os_monotonic_ms();
        while (!serves(keeper, both[1])) {
            assert_true(os_monotonic_ms() - begin < 10 * TLS_RETRY_MS);
        }
        tls_keeper_close(keeper);
        assert_int_equal(munmap(mapped, PEM_SIZE), 0);
        assert_int_equal(close(fd), 0);
    }
    assert_true(seen_at_once > 0);
}

static void a_file_overwritten_again_and_again_is_never_missed(void **state)
{
    struct site *site = *state;
    const struct identity *both[] = {&site->a, &site->b};
    char data[2][PEM_SIZE];
    fill_pem(data[0], PEM_SIZE, both[0]);
    fill_pem(data[1], PEM_SIZE, both[1]);
    write_config(site,
                 "[TLS_Server]\nTLS_CertFile = both.pem\nTLS_RequiredLevel = TLSNoPeerAuth\n");
    fixture_write_bytes(PATH(site, "both.pem"), data[0], PEM_SIZE, 0600);
    struct tls_keeper *keeper = open_server(site);
    for (size_t i = 1; i < 400; i++) {
        fixture_write_bytes(PATH(site, "both.pem"), data[i % 2], PEM_SIZE, 0600);
        assert_true(serves(keeper, both[i % 2]));
    }
    tls_keeper_close(keeper);
}

static void a_section_added_to_an_open_kernel_takes_effect(void **state)
{
    struct site *site = *state;
    write_config(site, "# nothing yet\n");
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    assert_int_equal(tls_now(keeper), TLS_POLICY_OFF);
    write_config(site, SERVER);
    assert_true(serves(keeper, &site->a));
    assert_int_equal(level_now(keeper), TLS_LEVEL_NO_PEER_AUTH);
    assert_int_equal(count_lines(site, LOG_INFO, "rises from None to TLSNoPeerAuth"), 1);
    tls_keeper_close(keeper);
}

static void a_level_falls_only_where_the_file_says_so(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    write_config(site, SERVER_NONE);
    assert_int_equal(level_now(keeper), TLS_LEVEL_NONE);
    assert_int_equal(tls_now(keeper), TLS_POLICY_ON);
    assert_int_equal(count_lines(site, LOG_WARNING, "falls from TLSNoPeerAuth to None"), 1);
    write_config(site, SERVER);
    assert_int_equal(level_now(keeper), TLS_LEVEL_NO_PEER_AUTH);
    assert_int_equal(generation_now(keeper), 3);
    tls_keeper_close(keeper);
}

static enum tls_min_version min_version_now(struct tls_keeper *keeper)
{
    struct tls_policy *policy = tls_keeper_current(keeper);
    enum tls_min_version version = policy->min_version;
    tls_policy_unref(policy);
    return version;
}

static void a_lowest_version_that_vanished_does_not_fall(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER "TLS_MinVersion = TLSv1.3\nTLS_CertDates = strict\n");
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    write_config(site, SERVER "TLS_CertDates = strict\n");
    assert_int_equal(min_version_now(keeper), TLS_MIN_1_3);
    assert_int_equal(count_lines(site, LOG_ERROR, "TLS_MinVersion has vanished"), 1);
    write_config(site, SERVER "TLS_MinVersion = TLSv1.3\n");
    assert_int_equal(generation_now(keeper), 1);
    assert_int_equal(count_lines(site, LOG_ERROR, "TLS_CertDates has vanished"), 1);
    write_config(site, SERVER "TLS_MinVersion = TLSv1.2\nTLS_CertDates = warn\n");
    assert_int_equal(min_version_now(keeper), TLS_MIN_1_2);
    assert_int_equal(generation_now(keeper), 2);
    tls_keeper_close(keeper);
}

/* ---- what breaks while it runs ---- */

static void a_half_replaced_pair_leaves_the_old_one_with_one_line(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    fixture_write_certificate(PATH(site, "server.crt"), site->b.certificate);
    assert_true(serves(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_ERROR, NULL), 1);
    assert_int_equal(count_lines(site, LOG_ERROR, "does not match the key in"), 1);
    assert_int_equal(count_lines(site, LOG_ERROR, "the last good settings stay in force"), 1);
    assert_quiet_for(site, keeper, 350);
    fixture_write_key(PATH(site, "server.key"), site->b.key);
    assert_true(serves(keeper, &site->b));
    assert_int_equal(generation_now(keeper), 2);
    assert_int_equal(count_lines(site, LOG_ERROR, NULL), 1);
    tls_keeper_close(keeper);
}

static void what_is_put_back_is_said_to_be_good_again(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    fixture_write_text(PATH(site, "server.crt"), "");
    assert_true(serves(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_ERROR, "the file is empty"), 1);
    fixture_write_text(PATH(site, "server.crt"), "broken in another way");
    assert_true(serves(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_ERROR, NULL), 2);
    fixture_write_certificate(PATH(site, "server.crt"), site->a.certificate);
    assert_true(serves(keeper, &site->a));
    assert_int_equal(generation_now(keeper), 1);
    assert_int_equal(count_lines(site, LOG_INFO, "can be used again; nothing has changed"), 1);
    assert_quiet_for(site, keeper, 150);
    tls_keeper_close(keeper);
}

static void a_second_change_that_is_broken_alike_gets_its_own_line(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    assert_int_equal(unlink(PATH(site, "server.key")), 0);
    assert_true(serves(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_ERROR, "server.key: cannot be read"), 1);
    fixture_write_text(PATH(site, "cfg_PLANT.conf"), SERVER "# touched\n");
    assert_true(serves(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_ERROR, "server.key: cannot be read"), 2);
    assert_quiet_for(site, keeper, 150);
    tls_keeper_close(keeper);
}

static void a_key_that_becomes_readable_for_others_is_not_loaded_again(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    write_pair(site, &site->b);
    assert_int_equal(chmod(PATH(site, "server.key"), 0644), 0);
    assert_true(serves(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_ERROR, "chmod 600"), 1);
    assert_int_equal(chmod(PATH(site, "server.key"), 0600), 0);
    assert_true(serves(keeper, &site->b));
    tls_keeper_close(keeper);
}

static void whatever_vanishes_nothing_becomes_weaker(void **state)
{
    struct site *site = *state;
    static const char *const broken[] = {
        "",
        "# all gone\n",
        "[TLS_Server]\n",
        "[TLS_Server]\nTLS_RequiredLevel = None\n",
        SERVER_FILES,
        SERVER_FILES "TLS_RequiredLevel =\n",
        SERVER_FILES "TLS_RequiredLevel = no\n",
        "[TLS_Server]\nTLS_KeyFile = server.key\nTLS_RequiredLevel = None\n",
        "[TLS_Server\nTLS_RequiredLevel = None\n",
        "[TLS_Serve]\nTLS_RequiredLevel = None\n",
        "[TLS_Server]\nTLS_CertFile = gone.crt\nTLS_RequiredLevel = None\n",
        "\xff\xfe\n"};
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        forget_log(site);
        fixture_write_text(PATH(site, "cfg_PLANT.conf"), broken[i]);
        assert_true(serves(keeper, &site->a));
        assert_int_equal(level_now(keeper), TLS_LEVEL_NO_PEER_AUTH);
        assert_int_equal(count_lines(site, LOG_ERROR, NULL), 1);
        assert_int_equal(count_lines(site, LOG_ERROR, "the last good settings stay in force"), 1);
        assert_quiet_for(site, keeper, 120);
        write_config(site, SERVER);
        assert_int_equal(generation_now(keeper), 1);
    }
    tls_keeper_close(keeper);
}

static void a_configuration_that_cannot_be_read_changes_nothing(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER);
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    for (int as_directory = 0; as_directory < 2; as_directory++) {
        forget_log(site);
        assert_int_equal(unlink(PATH(site, "cfg_PLANT.conf")), 0);
        if (as_directory) {
            assert_int_equal(mkdir(PATH(site, "cfg_PLANT.conf"), 0700), 0);
        }
        assert_true(serves(keeper, &site->a));
        assert_int_equal(level_now(keeper), TLS_LEVEL_NO_PEER_AUTH);
        assert_int_equal(count_lines(site, LOG_ERROR, NULL), 1);
        assert_quiet_for(site, keeper, 120);
        if (as_directory) {
            assert_int_equal(rmdir(PATH(site, "cfg_PLANT.conf")), 0);
        }
        write_config(site, SERVER);
        assert_true(serves(keeper, &site->a));
    }
    write_config(site, SERVER_NONE);
    assert_int_equal(level_now(keeper), TLS_LEVEL_NONE);
    tls_keeper_close(keeper);
}

static void warnings_of_the_configuration_are_said_once_a_change(void **state)
{
    struct site *site = *state;
    write_config(site, SERVER "TLS_Strange = 1\n");
    write_pair(site, &site->a);
    struct tls_keeper *keeper = open_server(site);
    assert_int_equal(count_lines(site, LOG_WARNING, "TLS_Strange"), 1);
    assert_quiet_for(site, keeper, 350);
    write_pair(site, &site->b);
    assert_true(serves(keeper, &site->b));
    assert_int_equal(count_lines(site, LOG_WARNING, "TLS_Strange"), 1);
    tls_keeper_close(keeper);
}

/* ---- many threads ---- */

enum replacement { BY_RENAME, IN_PLACE, BY_SYMLINK };

#define THREADS 8
#define ROUNDS  40

struct crowd {
    struct tls_keeper *keeper;
    atomic_uint complete; /* the newest pair that was completely in place */
    atomic_bool stop;
    atomic_uint wrong, asked;
};

/* The number that stands in the certificate's name; -1: not a pair, or no number. */
static long number_of(const struct tls_policy *policy)
{
    char subject[64];
    if (policy->context == NULL || SSL_CTX_check_private_key(policy->context) != 1) {
        return -1;
    }
    tls_x509_subject(SSL_CTX_get0_certificate(policy->context), subject, sizeof subject);
    return strncmp(subject, "CN=", 3) == 0 ? strtol(subject + 3, NULL, 10) : -1;
}

static void ask_all_the_time(void *context)
{
    struct crowd *crowd = context;
    while (!atomic_load(&crowd->stop)) {
        long at_least = (long)atomic_load(&crowd->complete);
        struct tls_policy *policy = tls_keeper_current_for(crowd->keeper, os_monotonic_ns());
        if (number_of(policy) < at_least) {
            atomic_fetch_add(&crowd->wrong, 1);
        }
        tls_policy_unref(policy);
        atomic_fetch_add(&crowd->asked, 1);
    }
}

static void put_pair(struct site *site, const struct identity *pair, enum replacement how,
                     unsigned number)
{
    if (how == IN_PLACE) {
        fixture_write_certificate(PATH(site, "current/server.crt"), pair->certificate);
        fixture_write_key(PATH(site, "current/server.key"), pair->key);
    } else if (how == BY_RENAME) {
        fixture_write_certificate(PATH(site, "new.crt"), pair->certificate);
        fixture_write_key(PATH(site, "new.key"), pair->key);
        assert_int_equal(rename(PATH(site, "new.key"), PATH(site, "current/server.key")), 0);
        assert_int_equal(rename(PATH(site, "new.crt"), PATH(site, "current/server.crt")), 0);
    } else {
        char dir[32], file[64];
        (void)snprintf(dir, sizeof dir, "v%u", number);
        assert_int_equal(mkdir(PATH(site, dir), 0700), 0);
        (void)snprintf(file, sizeof file, "%s/server.crt", dir);
        fixture_write_certificate(PATH(site, file), pair->certificate);
        (void)snprintf(file, sizeof file, "%s/server.key", dir);
        fixture_write_key(PATH(site, file), pair->key);
        assert_int_equal(symlink(dir, PATH(site, "next")), 0);
        assert_int_equal(rename(PATH(site, "next"), PATH(site, "current")), 0);
    }
}

static void put_number(struct site *site, EVP_PKEY *const *keys, enum replacement how,
                       unsigned number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%u", number);
    struct identity pair = {.key = keys[number % 2]};
    pair.certificate = fixture_simple(name, pair.key);
    put_pair(site, &pair, how, number);
    X509_free(pair.certificate);
}

static void replace_under_a_crowd(struct site *site, enum replacement how)
{
    EVP_PKEY *const keys[] = {site->a.key, site->b.key};
    struct crowd crowd = {.keeper = NULL};
    struct os_thread *threads[THREADS];
    write_config(site, "[TLS_Server]\nTLS_CertFile = current/server.crt\n"
                       "TLS_KeyFile = current/server.key\nTLS_RequiredLevel = TLSNoPeerAuth\n");
    if (how != BY_SYMLINK) {
        assert_int_equal(mkdir(PATH(site, "current"), 0700), 0);
    }
    put_number(site, keys, how, 0);
    crowd.keeper = open_server(site);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(os_thread_start("crowd", ask_all_the_time, &crowd, &threads[i]), 0);
    }
    for (unsigned number = 1; number <= ROUNDS; number++) {
        unsigned asked = atomic_load(&crowd.asked);
        put_number(site, keys, how, number);
        atomic_store(&crowd.complete, number);
        struct tls_policy *policy = tls_keeper_current(crowd.keeper);
        assert_int_equal(number_of(policy), number);
        tls_policy_unref(policy);
        while (atomic_load(&crowd.asked) - asked < 2 * THREADS) {
            tls_policy_unref(tls_keeper_current(crowd.keeper));
        }
    }
    atomic_store(&crowd.stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        os_thread_join(threads[i]);
    }
    assert_int_equal(atomic_load(&crowd.wrong), 0);
    assert_int_equal(level_now(crowd.keeper), TLS_LEVEL_NO_PEER_AUTH);
    tls_keeper_close(crowd.keeper);
}

static void many_threads_see_each_pair_replaced_by_rename(void **state)
{
    replace_under_a_crowd(*state, BY_RENAME);
}

static void many_threads_see_each_pair_overwritten_in_place(void **state)
{
    replace_under_a_crowd(*state, IN_PLACE);
}

static void many_threads_see_each_pair_behind_a_symlink(void **state)
{
    struct site *site = *state;
    replace_under_a_crowd(site, BY_SYMLINK);
    assert_int_equal(count_lines(site, LOG_ERROR, NULL), 0); /* both files change at once */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_open, site_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_kernel_without_section_is_open_and_says_so),
        TEST(an_application_without_file_does_not_start),
        TEST(broken_files_above_none_prevent_the_start),
        TEST(a_bad_level_prevents_the_start),
        TEST(broken_files_at_none_let_it_start_without_tls),
        TEST(what_was_loaded_is_logged),
        TEST(an_expired_certificate_is_warned_of_or_refused),
        TEST(nothing_changed_means_the_same_policy),
        TEST(who_came_after_a_change_gets_it_and_a_crowd_soon),
        TEST(files_that_are_only_touched_make_no_new_policy),
        TEST(the_old_policy_lives_as_long_as_somebody_uses_it),
        TEST(a_change_that_leaves_the_same_stamp_is_seen),
        TEST(a_file_overwritten_again_and_again_is_never_missed),
        TEST(a_section_added_to_an_open_kernel_takes_effect),
        TEST(a_level_falls_only_where_the_file_says_so),
        TEST(a_lowest_version_that_vanished_does_not_fall),
        TEST(a_half_replaced_pair_leaves_the_old_one_with_one_line),
        TEST(what_is_put_back_is_said_to_be_good_again),
        TEST(a_second_change_that_is_broken_alike_gets_its_own_line),
        TEST(a_key_that_becomes_readable_for_others_is_not_loaded_again),
        TEST(whatever_vanishes_nothing_becomes_weaker),
        TEST(a_configuration_that_cannot_be_read_changes_nothing),
        TEST(warnings_of_the_configuration_are_said_once_a_change),
        TEST(many_threads_see_each_pair_replaced_by_rename),
        TEST(many_threads_see_each_pair_overwritten_in_place),
        TEST(many_threads_see_each_pair_behind_a_symlink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
