/* What a client's keeper makes of [TLS_Client] and the files in TLS_TrustedCerts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls_site.h"

#define PEER_AUTH    "[TLS_Client]\nTLS_RequiredLevel = TLSPeerAuth\n"
#define NO_PEER_AUTH "[TLS_Client]\nTLS_RequiredLevel = TLSNoPeerAuth\n"
#define TRUST(files) "TLS_TrustedCerts = " files "\n"
#define GIVE_UP_MS   20000u

static void write_cert(struct site *site, const char *name, const struct identity *identity)
{
    fixture_write_certificate(PATH(site, name), identity->certificate);
}

static size_t pins_now(struct tls_keeper *keeper)
{
    struct tls_policy *policy = tls_keeper_current(keeper);
    size_t count = policy->pins.count;
    tls_policy_unref(policy);
    return count;
}

static void a_client_without_application_uses_no_parameters(void **state)
{
    struct site *site = *state;
    struct tls_keeper *keeper = NULL;
    struct error err;
    assert_int_equal(tls_keeper_open_client(&site->location, NULL, &site->log, &keeper, &err),
                     D2K_OK);
    assert_int_equal(level_now(keeper), TLS_LEVEL_NONE);
    assert_int_equal(tls_now(keeper), TLS_POLICY_ON); /* TLS is tried first */
    assert_int_equal(pins_now(keeper), 0);
    assert_int_equal(site->line_count, 0);
    tls_keeper_close(keeper);
}

static void a_client_without_section_is_at_none_and_says_so(void **state)
{
    struct site *site = *state;
    write_config(site, "# nothing\n");
    struct tls_keeper *keeper = open_client(site);
    assert_int_equal(level_now(keeper), TLS_LEVEL_NONE);
    assert_int_equal(count_lines(site, LOG_WARNING, "has no [TLS_Client]"), 1);
    tls_keeper_close(keeper);
}

static void peer_auth_needs_a_list(void **state)
{
    struct site *site = *state;
    write_config(site, PEER_AUTH);
    assert_open_fails(site, false, D2K_CONFIG, "TLS_TrustedCerts");
    write_config(site, PEER_AUTH TRUST("a.crt;b.crt"));
    assert_open_fails(site, false, D2K_FILE, "a.crt: cannot be read");
    fixture_write_text(PATH(site, "a.crt"), "");
    assert_open_fails(site, false, D2K_FILE, "a.crt: the file is empty");
    write_cert(site, "b.crt", &site->b);
    struct tls_keeper *keeper = open_client(site);
    assert_true(trusts(keeper, &site->b));
    assert_false(trusts(keeper, &site->a));
    tls_keeper_close(keeper);
}

static void an_entry_that_cannot_be_read_is_skipped_with_one_warning(void **state)
{
    struct site *site = *state;
    write_cert(site, "a.crt", &site->a);
    write_config(site, PEER_AUTH TRUST("gone.crt; a.crt"));
    struct tls_keeper *keeper = open_client(site);
    assert_true(trusts(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_WARNING, "gone.crt"), 1);
    assert_int_equal(count_lines(site, LOG_WARNING, "this entry is skipped"), 1);
    assert_quiet_for(site, keeper, 350);
    write_cert(site, "gone.crt", &site->b);
    assert_true(trusts(keeper, &site->b));
    assert_true(trusts(keeper, &site->a));
    tls_keeper_close(keeper);
}

static void below_peer_auth_unreadable_entries_are_only_warned_of(void **state)
{
    struct site *site = *state;
    write_config(site, NO_PEER_AUTH TRUST("gone.crt"));
    struct tls_keeper *keeper = open_client(site);
    assert_int_equal(level_now(keeper), TLS_LEVEL_NO_PEER_AUTH);
    assert_int_equal(count_lines(site, LOG_WARNING, "gone.crt"), 1);
    assert_int_equal(count_lines(site, LOG_ERROR, NULL), 0);
    tls_keeper_close(keeper);
}

static void a_file_may_hold_several_certificates_in_pem_or_der(void **state)
{
    struct site *site = *state;
    struct identity c = identity_make("plant-c");
    struct fixture_content content = fixture_content();
    fixture_add_certificate(&content, site->a.certificate);
    fixture_add_key(&content, site->a.key);
    fixture_add_certificate(&content, site->b.certificate);
    fixture_write(&content, PATH(site, "two.pem"), 0644);
    content = fixture_content();
    assert_int_equal(i2d_X509_bio(content.bio, c.certificate), 1);
    fixture_write(&content, PATH(site, "c.der"), 0644);
    write_cert(site, "again.crt", &site->a);
    write_config(site, PEER_AUTH TRUST("two.pem;c.der;again.crt"));
    struct tls_keeper *keeper = open_client(site);
    assert_true(trusts(keeper, &site->a));
    assert_true(trusts(keeper, &site->b));
    assert_true(trusts(keeper, &c));
    assert_int_equal(pins_now(keeper), 3);
    tls_keeper_close(keeper);
    identity_free(&c);
}

static void a_certificate_with_a_weak_key_is_not_trusted(void **state)
{
    struct site *site = *state;
    struct identity weak = {.key = fixture_key("RSA-1024")};
    weak.certificate = fixture_simple("weak", weak.key);
    struct fixture_content content = fixture_content();
    fixture_add_certificate(&content, weak.certificate);
    fixture_add_certificate(&content, site->a.certificate);
    fixture_write(&content, PATH(site, "list.pem"), 0644);
    write_config(site, PEER_AUTH TRUST("list.pem"));
    struct tls_keeper *keeper = open_client(site);
    assert_false(trusts(keeper, &weak));
    assert_true(trusts(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_WARNING, "certificate 1 is not trusted"), 1);
    tls_keeper_close(keeper);
    identity_free(&weak);
}

/* ---- changes ---- */

static void a_pin_is_gone_with_its_entry_its_place_or_its_file(void **state)
{
    struct site *site = *state;
    write_cert(site, "a.crt", &site->a);
    write_cert(site, "b.crt", &site->b);
    write_config(site, PEER_AUTH TRUST("a.crt;b.crt"));
    struct tls_keeper *keeper = open_client(site);
    assert_true(trusts(keeper, &site->b));
    write_config(site, PEER_AUTH TRUST("a.crt"));
    assert_false(trusts(keeper, &site->b));
    write_config(site, PEER_AUTH TRUST("a.crt;b.crt"));
    assert_true(trusts(keeper, &site->b));
    write_cert(site, "b.crt", &site->a);
    assert_false(trusts(keeper, &site->b));
    write_cert(site, "b.crt", &site->b);
    assert_true(trusts(keeper, &site->b));
    assert_int_equal(unlink(PATH(site, "b.crt")), 0);
    assert_false(trusts(keeper, &site->b));
    assert_true(trusts(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_WARNING, "b.crt"), 1);
    tls_keeper_close(keeper);
}

static void an_entry_that_is_being_overwritten_stays_trusted_for_a_moment(void **state)
{
    struct site *site = *state;
    write_cert(site, "a.crt", &site->a);
    write_cert(site, "b.crt", &site->b);
    write_config(site, PEER_AUTH TRUST("a.crt;b.crt"));
    struct tls_keeper *keeper = open_client(site);
    fixture_write_text(PATH(site, "b.crt"), "-----BEGIN CERTIFICATE-----\nMII");
    assert_true(trusts(keeper, &site->b));
    assert_int_equal(count_lines(site, LOG_WARNING, NULL), 0);
    write_cert(site, "b.crt", &site->a); /* now it is complete, and says otherwise */
    assert_false(trusts(keeper, &site->b));
    tls_keeper_close(keeper);
}

static void an_entry_that_stays_broken_is_trusted_no_longer(void **state)
{
    struct site *site = *state;
    write_cert(site, "a.crt", &site->a);
    write_cert(site, "b.crt", &site->b);
    write_config(site, PEER_AUTH TRUST("a.crt;b.crt"));
    struct tls_keeper *keeper = open_client(site);
    fixture_write_text(PATH(site, "b.crt"), "");
    assert_true(trusts(keeper, &site->b));
    uint64_t begin = os_monotonic_ms();
    while (trusts(keeper, &site->b)) {
        assert_true(os_monotonic_ms() - begin < GIVE_UP_MS);
    }
    assert_true(trusts(keeper, &site->a));
    assert_int_equal(count_lines(site, LOG_WARNING, "b.crt: the file is empty"), 1);
    assert_quiet_for(site, keeper, 250);
    tls_keeper_close(keeper);
}

static void without_any_usable_entry_the_last_good_list_holds(void **state)
{
    struct site *site = *state;
    write_cert(site, "a.crt", &site->a);
    write_config(site, PEER_AUTH TRUST("a.crt"));
    struct tls_keeper *keeper = open_client(site);
    assert_int_equal(unlink(PATH(site, "a.crt")), 0);
    assert_true(trusts(keeper, &site->a));
    assert_int_equal(level_now(keeper), TLS_LEVEL_PEER_AUTH);
    assert_int_equal(count_lines(site, LOG_ERROR, "no entry of TLS_TrustedCerts can be used"), 1);
    assert_quiet_for(site, keeper, 350);
    write_cert(site, "a.crt", &site->b);
    assert_true(trusts(keeper, &site->b));
    assert_false(trusts(keeper, &site->a));
    tls_keeper_close(keeper);
}

static void whatever_vanishes_the_level_stays(void **state)
{
    struct site *site = *state;
    static const char *const broken[] = {"",
                                         "[TLS_Client]\n",
                                         "[TLS_Client]\nTLS_RequiredLevel=\n",
                                         "[TLS_Client]\n" TRUST("a.crt"),
                                         PEER_AUTH,
                                         "[TLS_Client]\nTLS_RequiredLevel = Nun\n",
                                         "[TLS_Cl"};
    write_cert(site, "a.crt", &site->a);
    write_config(site, PEER_AUTH TRUST("a.crt"));
    struct tls_keeper *keeper = open_client(site);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        forget_log(site);
        fixture_write_text(PATH(site, "cfg_PLANT.conf"), broken[i]);
        assert_int_equal(level_now(keeper), TLS_LEVEL_PEER_AUTH);
        assert_true(trusts(keeper, &site->a));
        assert_int_equal(count_lines(site, LOG_ERROR, NULL), 1);
        assert_quiet_for(site, keeper, 120);
    }
    assert_int_equal(unlink(PATH(site, "cfg_PLANT.conf")), 0);
    assert_int_equal(level_now(keeper), TLS_LEVEL_PEER_AUTH);
    write_config(site, "[TLS_Client]\nTLS_RequiredLevel = None\n");
    assert_int_equal(level_now(keeper), TLS_LEVEL_NONE);
    assert_int_equal(count_lines(site, LOG_WARNING, "falls from TLSPeerAuth to None"), 1);
    tls_keeper_close(keeper);
}

static void a_rotation_adds_the_new_and_later_drops_the_old(void **state)
{
    struct site *site = *state;
    write_cert(site, "old.crt", &site->a);
    write_config(site, PEER_AUTH TRUST("old.crt"));
    struct tls_keeper *keeper = open_client(site);
    write_cert(site, "new.crt", &site->b);
    write_config(site, PEER_AUTH TRUST("old.crt;new.crt"));
    assert_true(trusts(keeper, &site->a) && trusts(keeper, &site->b));
    write_config(site, PEER_AUTH TRUST("new.crt"));
    assert_false(trusts(keeper, &site->a));
    assert_true(trusts(keeper, &site->b));
    assert_int_equal(generation_now(keeper), 3);
    tls_keeper_close(keeper);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_open, site_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_without_application_uses_no_parameters),
        TEST(a_client_without_section_is_at_none_and_says_so),
        TEST(peer_auth_needs_a_list),
        TEST(an_entry_that_cannot_be_read_is_skipped_with_one_warning),
        TEST(below_peer_auth_unreadable_entries_are_only_warned_of),
        TEST(a_file_may_hold_several_certificates_in_pem_or_der),
        TEST(a_certificate_with_a_weak_key_is_not_trusted),
        TEST(a_pin_is_gone_with_its_entry_its_place_or_its_file),
        TEST(an_entry_that_is_being_overwritten_stays_trusted_for_a_moment),
        TEST(an_entry_that_stays_broken_is_trusted_no_longer),
        TEST(without_any_usable_entry_the_last_good_list_holds),
        TEST(whatever_vanishes_the_level_stays),
        TEST(a_rotation_adds_the_new_and_later_drops_the_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
