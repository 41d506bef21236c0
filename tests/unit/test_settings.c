/* Unit tests of registry/settings.h: every type of value, every rule between values, and what is
 * only a warning. Whole files and the table: test_settings_files.c. */
#include "temporary_directory.h"

#include "base/text.h"
#include "registry/settings.h"

/* ---- parsing one file, with everything that is reported ---- */

struct reports {
    unsigned errors, warnings;
    char text[8192]; /* "error p.conf:3: ...\n" for each */
};

static void add_report(void *context, bool is_error, const char *path, unsigned line,
                       const char *text)
{
    struct reports *reports = context;
    size_t used = strlen(reports->text);
    snprintf(reports->text + used, sizeof reports->text - used, "%s %s:%u: %s\n",
             is_error ? "error" : "warning", path, line, text);
    *(is_error ? &reports->errors : &reports->warnings) += 1;
}

static struct registry_file *parse_file(const char *path, const char *text)
{
    struct registry_file *file;
    struct error err = {0};
    if (registry_parse(path, text, strlen(text), &file, &err) != D2K_OK) {
        fail_msg("not parsed: %s", err.text);
    }
    return file;
}

static d2k_result read_text(const char *text, struct application_settings *ret_settings,
                            struct reports *reports, struct error *err)
{
    *reports = (struct reports){0};
    struct registry_file *file = parse_file("/conf/cfg_PLANT.conf", text);
    struct settings_findings findings = {add_report, reports};
    d2k_result result = settings_parse_application(file, &findings, ret_settings, err);
    registry_free(file);
    return result;
}

/* Without error and warning. */
static struct application_settings accepted(const char *text)
{
    struct application_settings settings;
    struct reports reports;
    struct error err = {0};
    if (read_text(text, &settings, &reports, &err) != D2K_OK || reports.warnings > 0) {
        fail_msg("%s: %s%s", text, err.text, reports.text);
    }
    assert_int_equal(reports.errors, 0);
    return settings;
}

static void assert_has(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, text);
    }
}

static void assert_refused(const char *text, const char *words)
{
    struct application_settings settings;
    struct reports reports;
    struct error err = {0};
    if (read_text(text, &settings, &reports, &err) != D2K_CONFIG) {
        fail_msg("was not refused: %s", text);
    }
    assert_int_equal(err.code, D2K_CONFIG);
    assert_true(reports.errors > 0);
    assert_has(err.text, words);
    settings_free_application(&settings);
}

static void assert_warned(const char *text, const char *words)
{
    struct application_settings settings;
    struct reports reports;
    struct error err = {0};
    if (read_text(text, &settings, &reports, &err) != D2K_OK) {
        fail_msg("refused: %s", err.text);
    }
    assert_int_equal(reports.warnings, 1);
    assert_has(reports.text, words);
    settings_free_application(&settings);
}

/* ---- values ---- */

static void an_empty_file_has_the_defaults(void **state)
{
    (void)state;
    struct application_settings s = accepted("");
    assert_false(s.tls_server.present);
    assert_false(s.tls_client.present);
    assert_int_equal(s.tls_server.level, TLS_LEVEL_NONE);
    assert_int_equal(s.tls_server.min_version, TLS_MIN_1_2);
    assert_int_equal(s.tls_client.min_version, TLS_MIN_1_2);
    assert_int_equal(s.tls_server.dates, TLS_DATES_WARN);
    assert_int_equal(s.tls_client.dates, TLS_DATES_WARN);
    assert_int_equal(s.tls_server.resumption, TLS_RESUMPTION_ON);
    assert_int_equal(s.tls_client.resumption, TLS_RESUMPTION_ON);
    assert_int_equal(s.max_clients, 10000);
    assert_int_equal(s.handshake_workers, 0);
    assert_int_equal(s.kom_period_ms, 1000);
    assert_int_equal(s.kom_groups, KOM_GROUP_CPU | KOM_GROUP_MEMORY);
    settings_free_application(&s);
}

static void groups_of_kom_replace_the_default(void **state)
{
    (void)state;
    struct application_settings s = accepted("[KOM]\nGroups = Disk; network ;;\n");
    assert_int_equal(s.kom_groups, KOM_GROUP_DISK | KOM_GROUP_NETWORK);
    settings_free_application(&s);
    s = accepted("[KOM]\nGroups = cpu;memory;cores;disk;network;temperature;processes\n");
    assert_int_equal(s.kom_groups, 127);
    settings_free_application(&s);
}

static void every_setting_of_an_application_is_read(void **state)
{
    (void)state;
    struct application_settings s = accepted("Max_Clients = 7\n"
                                             "Handshake_Workers = 3\n"
                                             "[TLS_Server]\n"
                                             "TLS_CertFile = /k/server.crt\n"
                                             "TLS_KeyFile = /k/server.key\n"
                                             "TLS_RequiredLevel = TLSNoPeerAuth\n"
                                             "TLS_MinVersion = TLSv1.3\n"
                                             "TLS_CertDates = strict\n"
                                             "[TLS_Client]\n"
                                             "TLS_TrustedCerts = /k/a.crt;/k/b.crt\n"
                                             "TLS_RequiredLevel = TLSPeerAuth\n"
                                             "TLS_MinVersion = TLSv1.3\n"
                                             "TLS_CertDates = strict\n"
                                             "[KOM]\n"
                                             "Period = 250\n");
    assert_true(s.tls_server.present);
    assert_string_equal(s.tls_server.cert_file, "/k/server.crt");
    assert_string_equal(s.tls_server.key_file, "/k/server.key");
    assert_int_equal(s.tls_server.level, TLS_LEVEL_NO_PEER_AUTH);
    assert_int_equal(s.tls_server.min_version, TLS_MIN_1_3);
    assert_int_equal(s.tls_server.dates, TLS_DATES_STRICT);
    assert_true(s.tls_client.present);
    assert_int_equal(s.tls_client.trusted_count, 2);
    assert_string_equal(s.tls_client.trusted_certs[0], "/k/a.crt");
    assert_string_equal(s.tls_client.trusted_certs[1], "/k/b.crt");
    assert_int_equal(s.tls_client.level, TLS_LEVEL_PEER_AUTH);
    assert_int_equal(s.tls_client.min_version, TLS_MIN_1_3);
    assert_int_equal(s.tls_client.dates, TLS_DATES_STRICT);
    assert_int_equal(s.max_clients, 7);
    assert_int_equal(s.handshake_workers, 3);
    assert_int_equal(s.kom_period_ms, 250);
    settings_free_application(&s);
}

static void words_ignore_case_and_versions_have_a_short_form(void **state)
{
    (void)state;
    struct application_settings s =
        accepted("[tls_client]\ntls_requiredlevel=TLSNOPEERAUTH\ntls_minversion=1.3\n"
                 "tls_certdates=STRICT\n[TLS_Server]\nTLS_RequiredLevel=none\n"
                 "TLS_MinVersion = 1.2\n");
    assert_int_equal(s.tls_client.level, TLS_LEVEL_NO_PEER_AUTH);
    assert_int_equal(s.tls_client.min_version, TLS_MIN_1_3);
    assert_int_equal(s.tls_client.dates, TLS_DATES_STRICT);
    assert_int_equal(s.tls_server.level, TLS_LEVEL_NONE);
    assert_int_equal(s.tls_server.min_version, TLS_MIN_1_2);
    settings_free_application(&s);
}

static void assert_cert_path(const char *written, const char *expected)
{
    char text[512];
    snprintf(text, sizeof text, "[TLS_Server]\nTLS_RequiredLevel=None\nTLS_CertFile = %s\n",
             written);
    struct application_settings s = accepted(text);
    assert_string_equal(s.tls_server.cert_file, expected);
    settings_free_application(&s);
}

static void relative_paths_begin_at_the_file(void **state)
{
    (void)state;
    assert_cert_path("server.crt", "/conf/server.crt");
    assert_cert_path("keys/server.crt", "/conf/keys/server.crt");
    assert_cert_path("../server.crt", "/conf/../server.crt");
    assert_cert_path("/k/server.crt", "/k/server.crt");
    assert_cert_path("~/server.crt", "/conf/~/server.crt");
    assert_cert_path("\" a b \"", "/conf/ a b ");
    assert_cert_path("c:\\d2k keys\\server.crt", "/conf/c:\\d2k keys\\server.crt");
    assert_cert_path("\"c:\\a b\\\"", "/conf/c:\\a b\\");
    assert_cert_path("/k/kľúč's \"new\".crt", "/k/kľúč's \"new\".crt");
    assert_cert_path("/k/a;b#c.crt", "/k/a;b#c.crt");
}

static void paths_of_a_file_without_directory_stay_relative(void **state)
{
    (void)state;
    struct registry_file *file =
        parse_file("cfg_A.conf", "[TLS_Server]\nTLS_RequiredLevel=None\nTLS_CertFile=a.crt\n");
    struct application_settings s;
    struct error err;
    assert_int_equal(settings_parse_application(file, NULL, &s, &err), D2K_OK);
    assert_string_equal(s.tls_server.cert_file, "a.crt");
    settings_free_application(&s);
    registry_free(file);
}

/* `expected`: the paths, each with "|" behind it. */
static void assert_list(const char *written, const char *expected)
{
    char text[512];
    snprintf(text, sizeof text, "[TLS_Client]\nTLS_RequiredLevel=None\nTLS_TrustedCerts = %s\n",
             written);
    struct application_settings s = accepted(text);
    char joined[512] = "";
    for (size_t i = 0; i < s.tls_client.trusted_count; i++) {
        size_t used = strlen(joined);
        snprintf(joined + used, sizeof joined - used, "%s|", s.tls_client.trusted_certs[i]);
    }
    assert_string_equal(joined, expected);
    settings_free_application(&s);
}

static void lists_of_paths_are_split(void **state)
{
    (void)state;
    assert_list("/a", "/a|");
    assert_list("/a;/b", "/a|/b|");
    assert_list("  /a b \t;\t /c ", "/a b|/c|");
    assert_list(";;/a;; ;/b;", "/a|/b|");
    assert_list("a.crt;/b", "/conf/a.crt|/b|");
    assert_list("c:\\x\\a.crt;c:\\y\\b.crt", "/conf/c:\\x\\a.crt|/conf/c:\\y\\b.crt|");
}

static void an_entry_in_quotes_may_hold_separators(void **state)
{
    (void)state;
    assert_list("\"/a;b\"", "/a;b|");
    assert_list("\"/a;b\"; \"/c;d\"", "/a;b|/c;d|");
    assert_list("\"/a;b\" ; /c", "/a;b|/c|");
    assert_list("/c;\"/a;b\"", "/c|/a;b|");
    assert_list("\"c:\\a b\\\";/c", "/conf/c:\\a b\\|/c|");
    assert_list("\"/ a \"", "/ a |");
    assert_list("\"/a \"x\" b\";/c", "/a \"x\" b|/c|");
    assert_list("/a\"b;/c", "/a\"b|/c|");
}

static void lists_without_end_or_content_are_refused(void **state)
{
    (void)state;
#define CLIENT "[TLS_Client]\nTLS_RequiredLevel=None\nTLS_TrustedCerts="
    assert_refused(CLIENT "\n",
                   "/conf/cfg_PLANT.conf:3: TLS_TrustedCerts = : the list has no path");
    assert_refused(CLIENT " ; ;\n", ":3: TLS_TrustedCerts = ; ;: the list has no path");
    assert_refused(CLIENT "\"\"\n", "the list has no path");
    assert_refused(CLIENT "\"/a\" /b\n", "must end with one");
    assert_refused(CLIENT "/a;\"/b\n", "must end with one");
#undef CLIENT
}

static char *list_of(unsigned count)
{
    char *text = calloc(1, 4096);
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, 4096,
                                   "[TLS_Client]\nTLS_RequiredLevel=None\n"
                                   "TLS_TrustedCerts=");
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, 4096 - used, "/%u;", i);
    }
    return text;
}

static void the_longest_list_is_read_and_one_more_is_not(void **state)
{
    (void)state;
    char *longest = list_of(SETTINGS_PATHS_MAX);
    struct application_settings s = accepted(longest);
    assert_int_equal(s.tls_client.trusted_count, SETTINGS_PATHS_MAX);
    assert_string_equal(s.tls_client.trusted_certs[63], "/63");
    settings_free_application(&s);
    free(longest);
    char *longer = list_of(SETTINGS_PATHS_MAX + 1);
    assert_refused(longer, "more than 64 entries");
    free(longer);
}

static void numbers_are_read_within_their_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *name, *lowest, *highest;
        const char *const bad[4];
    } numbers[] = {
        {"Max_Clients", "1", "100000", {"0", "100001", "-1", "1e3"}},
        {"Handshake_Workers",
         "0",
         "64",
         {"65", "-1", "",
          "4 "
          "x"}},
        {"[KOM]\nPeriod", "100", "3600000", {"99", "3600001", "1 s", "0x100"}},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s = %s\n", numbers[i].name, numbers[i].lowest);
        struct application_settings s = accepted(text);
        settings_free_application(&s);
        snprintf(text, sizeof text, "%s = %s\n", numbers[i].name, numbers[i].highest);
        s = accepted(text);
        settings_free_application(&s);
        for (size_t j = 0; j < 4; j++) {
            snprintf(text, sizeof text, "%s = %s\n", numbers[i].name, numbers[i].bad[j]);
            char allowed[64];
            snprintf(allowed, sizeof allowed, ": allowed: number %s..%s", numbers[i].lowest,
                     numbers[i].highest);
            assert_refused(text, allowed);
        }
    }
}

static void a_bad_word_is_refused_with_what_is_allowed(void **state)
{
    (void)state;
    assert_refused("\n[TLS_Server]\nTLS_RequiredLevel = High\n",
                   "/conf/cfg_PLANT.conf:3: TLS_RequiredLevel = High: allowed: None, "
                   "TLSNoPeerAuth");
    assert_refused("[TLS_Client]\nTLS_RequiredLevel = TLSPeerAuht\n",
                   ": allowed: None, TLSNoPeerAuth, TLSPeerAuth; did you mean TLSPeerAuth?");
    assert_refused("[TLS_Client]\nTLS_RequiredLevel = TLS_No_Peer_Auth\n",
                   "did you mean TLSNoPeerAuth?");
    assert_refused("[TLS_Server]\nTLS_RequiredLevel = None\nTLS_MinVersion = TLSv1.1\n",
                   ":3: TLS_MinVersion = TLSv1.1: allowed: TLSv1.2, TLSv1.3");
    assert_refused("[TLS_Server]\nTLS_RequiredLevel = None\nTLS_CertDates = ignore\n",
                   ":3: TLS_CertDates = ignore: allowed: warn, strict");
    assert_refused("[TLS_Server]\nTLS_RequiredLevel = None\nTLS_Resumption = yes\n",
                   ":3: TLS_Resumption = yes: allowed: off, on");
    assert_refused("[TLS_Server]\nTLS_RequiredLevel =\n", "TLS_RequiredLevel = : allowed: None");
}

static void an_empty_path_is_refused(void **state)
{
    (void)state;
    assert_refused("[TLS_Server]\nTLS_RequiredLevel=None\nTLS_CertFile =\n",
                   ":3: TLS_CertFile = : a path must not be empty");
    assert_refused("[TLS_Server]\nTLS_RequiredLevel=None\nTLS_CertFile=a\nTLS_KeyFile = \"\"\n",
                   ":4: TLS_KeyFile = \"\": a path must not be empty");
}

static void text_behind_a_quoted_value_is_refused(void **state)
{
    (void)state;
    assert_refused("[TLS_Server]\nTLS_RequiredLevel=None\nTLS_CertFile = \"a.crt\" # new\n",
                   ":3: TLS_CertFile = \"a.crt\" # new: a value that begins with a quote must end "
                   "with one");
}

static void what_a_finding_repeats_is_escaped(void **state)
{
    (void)state;
    assert_refused("Max_Clients = \xe2\x80\xae\n", "Max_Clients = \\xe2\\x80\\xae: allowed");
}

/* ---- rules ---- */

static void a_section_without_level_is_refused(void **state)
{
    (void)state;
    assert_refused("[TLS_Server]\n\nTLS_CertFile = a\n",
                   "/conf/cfg_PLANT.conf:3: [TLS_Server] has no TLS_RequiredLevel");
    assert_refused("[TLS_Client]\nTLS_TrustedCerts = a\n",
                   ":2: [TLS_Client] has no TLS_RequiredLevel");
    assert_refused("[TLS_Server]\nTLS_RequiredLvel = TLSNoPeerAuth\n",
                   ":2: [TLS_Server] has no TLS_RequiredLevel");
}

static void an_empty_section_is_refused(void **state)
{
    (void)state;
    assert_refused("\n[TLS_Server]\n", ":2: [TLS_Server] has no TLS_RequiredLevel");
    assert_refused("[KOM]\n[TLS_Client]\n", ":2: [TLS_Client] has no TLS_RequiredLevel");
    assert_refused("[TLS_Server\\Old]\n", ":1: unknown section [TLS_Server\\Old]");
}

static void a_level_of_one_section_does_not_count_for_the_other(void **state)
{
    (void)state;
    assert_refused("[TLS_Server]\nTLS_RequiredLevel=None\n[TLS_Client]\nTLS_CertDates=warn\n",
                   ":4: [TLS_Client] has no TLS_RequiredLevel");
}

static void the_server_does_not_verify_clients_in_this_version(void **state)
{
    (void)state;
    assert_refused("[TLS_Server]\nTLS_CertFile=a\nTLS_RequiredLevel = tlspeerauth\n",
                   ":3: TLS_RequiredLevel = tlspeerauth: this version does not verify certificates "
                   "of clients; allowed for the server: None, TLSNoPeerAuth");
}

static void a_server_level_above_none_needs_a_certificate(void **state)
{
    (void)state;
    assert_refused("[TLS_Server]\nTLS_RequiredLevel = TLSNoPeerAuth\n",
                   ":2: TLS_RequiredLevel = TLSNoPeerAuth needs TLS_CertFile");
    struct application_settings s = accepted("[TLS_Server]\nTLS_RequiredLevel = None\n");
    assert_true(s.tls_server.present);
    assert_null(s.tls_server.cert_file);
    settings_free_application(&s);
}

static void a_certificate_file_may_hold_the_key(void **state)
{
    (void)state;
    struct application_settings s =
        accepted("[TLS_Server]\nTLS_RequiredLevel = TLSNoPeerAuth\nTLS_CertFile = /both.pem\n");
    assert_string_equal(s.tls_server.cert_file, "/both.pem");
    assert_null(s.tls_server.key_file);
    settings_free_application(&s);
}

static void a_key_without_certificate_is_a_warning(void **state)
{
    (void)state;
    assert_warned("[TLS_Server]\nTLS_RequiredLevel = None\nTLS_KeyFile = a\n",
                  ":3: TLS_KeyFile has no effect without TLS_CertFile");
}

static void peer_auth_needs_a_list(void **state)
{
    (void)state;
    assert_refused("[TLS_Client]\nTLS_RequiredLevel = TLSPeerAuth\n",
                   ":2: TLS_RequiredLevel = TLSPeerAuth needs TLS_TrustedCerts");
    struct application_settings s = accepted("[TLS_Client]\nTLS_RequiredLevel = TLSNoPeerAuth\n");
    assert_int_equal(s.tls_client.trusted_count, 0);
    settings_free_application(&s);
}

static void every_error_of_a_file_is_reported(void **state)
{
    (void)state;
    struct application_settings settings;
    struct reports reports;
    struct error err;
    assert_int_equal(read_text("Max_Clients=0\nNews=1\n[TLS_Server]\nTLS_CertDates=x\n", &settings,
                               &reports, &err),
                     D2K_CONFIG);
    assert_int_equal(reports.errors, 3);
    assert_int_equal(reports.warnings, 1);
    assert_has(err.text, ":1: Max_Clients = 0");
    settings_free_application(&settings);
}

/* ---- what nobody knows ---- */

static void an_unknown_value_is_a_warning_with_a_suggestion(void **state)
{
    (void)state;
    assert_warned("\nMaxClients = 3\n",
                  "warning /conf/cfg_PLANT.conf:2: unknown value MaxClients is ignored; did you "
                  "mean Max_Clients?");
    assert_warned("Max_Cleints = 3\n", "did you mean Max_Clients?");
    assert_warned("[KOM]\nPeroid = 3\n",
                  ":2: unknown value Peroid in [KOM] is ignored; did you mean Period?");
    assert_warned("[TLS_Server]\nTLS_RequiredLevel=None\nTLS_CertFiles=a\n",
                  "did you mean TLS_CertFile?");
    assert_warned("Period = 300\n", "did you mean the one of [KOM]?");
    assert_warned("[KOM]\nMax_Clients = 3\n",
                  "did you mean the one of the top of the file, before every [section]?");
    assert_warned("DefaultApplication = A\n", "of installation.conf");
}

static void assert_no_suggestion(const char *text)
{
    struct application_settings settings;
    struct reports reports;
    struct error err;
    assert_int_equal(read_text(text, &settings, &reports, &err), D2K_OK);
    assert_int_equal(reports.warnings, 1);
    assert_has(reports.text, "is ignored\n");
    settings_free_application(&settings);
}

static void two_typing_mistakes_are_near_and_three_are_not(void **state)
{
    (void)state;
    assert_warned("Mx_Cleints = 3\n", "did you mean Max_Clients?");
    assert_no_suggestion("Mx_Cleintz = 3\n");
    assert_warned("[KON]\n", "did you mean [KOM]?");
    assert_no_suggestion("[KIN]\n");
}

static void an_unknown_section_is_one_warning(void **state)
{
    (void)state;
    assert_warned("\n[Other]\na=1\nb=2\n", ":2: unknown section [Other] is ignored\n");
    assert_warned("[K_O_M]\nPeriod=200\n", ":1: unknown section [K_O_M] is ignored; did you mean");
}

/* Otherwise a typing mistake would be a plant without TLS. */
static void a_misplaced_or_misspelt_tls_section_is_refused(void **state)
{
    (void)state;
    assert_refused("[TLS_Sever]\nTLS_CertFile=a\nTLS_RequiredLevel=TLSNoPeerAuth\n",
                   ":1: unknown section [TLS_Sever]; did you mean [TLS_Server]?");
    assert_refused("[TLSClient]\n", ":1: unknown section [TLSClient]; did you mean [TLS_Client]?");
    assert_refused("TLS_RequiredLevel=TLSPeerAuth\n", ":1: TLS_RequiredLevel has no effect here");
    assert_refused("[Kernel]\ntLs_requiredlevel=TLSPeerAuth\n",
                   ":2: tLs_requiredlevel has no effect here");
    assert_refused("[KOM]\nTLS_CertFile=a\n", ":2: TLS_CertFile has no effect here");
}

/* ---- installation.conf ---- */

static d2k_result read_installation(const char *text, struct installation_settings *ret_settings,
                                    struct reports *reports, struct error *err)
{
    *reports = (struct reports){0};
    struct registry_file *file = parse_file("/conf/installation.conf", text);
    struct settings_findings findings = {add_report, reports};
    d2k_result result = settings_parse_installation(file, &findings, ret_settings, err);
    registry_free(file);
    return result;
}

static void assert_installation_refused(const char *text, const char *words)
{
    struct installation_settings s;
    struct reports reports;
    struct error err = {0};
    if (read_installation(text, &s, &reports, &err) != D2K_CONFIG) {
        fail_msg("was not refused: %s", text);
    }
    assert_has(err.text, words);
    settings_free_installation(&s);
}

static void every_setting_of_an_installation_is_read(void **state)
{
    (void)state;
    struct installation_settings s;
    struct reports reports;
    struct error err;
    assert_int_equal(read_installation("DefaultApplication = Plant_1-a\n"
                                       "Max_Log_Size = 1099511627776\n"
                                       "[Redundancy\\PLANT\\Kernel_12]\n"
                                       "Name = A\nIpAddr1 = 10.0.0.5\nIpAddr2 = fd00::5\n"
                                       "[Redundancy]\n[Redundancy\\PLANT]\n",
                                       &s, &reports, &err),
                     D2K_OK);
    assert_string_equal(reports.text, "");
    assert_string_equal(s.default_application, "Plant_1-a");
    assert_true(s.max_log_size == UINT64_C(1099511627776));
    settings_free_installation(&s);
}

static void an_installation_has_defaults(void **state)
{
    (void)state;
    struct installation_settings s;
    struct reports reports;
    struct error err;
    assert_int_equal(read_installation("", &s, &reports, &err), D2K_OK);
    assert_null(s.default_application);
    assert_true(s.max_log_size == 0);
    settings_free_installation(&s);
}

static void bad_values_of_an_installation_are_refused(void **state)
{
    (void)state;
    assert_installation_refused("DefaultApplication = ../PLANT\n",
                                ":1: DefaultApplication = ../PLANT: allowed: name");
    assert_installation_refused("DefaultApplication =\n", "allowed: name");
    assert_installation_refused("Max_Log_Size = 1099511627777\n", "allowed: number 0..");
    assert_installation_refused("Max_Log_Size = -1\n", "allowed: number 0..");
    assert_installation_refused("[Redundancy\\P\\Kernel_1]\nIpAddr1 = kernel1\n",
                                ":2: IpAddr1 = kernel1: allowed: numeric");
    assert_installation_refused("[TLS_Server]\nTLS_RequiredLevel = None\n",
                                ":2: TLS_RequiredLevel has no effect here");
}

static void the_pattern_of_redundancy_keys_is_strict(void **state)
{
    (void)state;
    assert_non_null(settings_find(SETTINGS_INSTALLATION, "redundancy\\x\\KERNEL_1", "name"));
    assert_null(settings_find(SETTINGS_INSTALLATION, "Redundancy\\x\\Kernel_", "Name"));
    assert_null(settings_find(SETTINGS_INSTALLATION, "Redundancy\\x\\Kernel_a", "Name"));
    assert_null(settings_find(SETTINGS_INSTALLATION, "Redundancy\\x\\Kernel_1\\y", "Name"));
    assert_null(settings_find(SETTINGS_INSTALLATION, "Redundancy\\x", "Name"));
    assert_null(settings_find(SETTINGS_INSTALLATION, "Redundancy\\x\\y\\Kernel_1", "Name"));
    assert_null(settings_find(SETTINGS_APPLICATION, "Redundancy\\x\\Kernel_1", "Name"));
    struct installation_settings s;
    struct reports reports;
    struct error err;
    assert_int_equal(
        read_installation("[Redundancy\\P\\Kernel_a]\nName = A\n[Redundncy]\n", &s, &reports, &err),
        D2K_OK);
    assert_int_equal(reports.warnings, 2);
    settings_free_installation(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_has_the_defaults),
        cmocka_unit_test(groups_of_kom_replace_the_default),
        cmocka_unit_test(every_setting_of_an_application_is_read),
        cmocka_unit_test(words_ignore_case_and_versions_have_a_short_form),
        cmocka_unit_test(relative_paths_begin_at_the_file),
        cmocka_unit_test(paths_of_a_file_without_directory_stay_relative),
        cmocka_unit_test(lists_of_paths_are_split),
        cmocka_unit_test(an_entry_in_quotes_may_hold_separators),
        cmocka_unit_test(lists_without_end_or_content_are_refused),
        cmocka_unit_test(the_longest_list_is_read_and_one_more_is_not),
        cmocka_unit_test(numbers_are_read_within_their_bounds),
        cmocka_unit_test(a_bad_word_is_refused_with_what_is_allowed),
        cmocka_unit_test(an_empty_path_is_refused),
        cmocka_unit_test(text_behind_a_quoted_value_is_refused),
        cmocka_unit_test(what_a_finding_repeats_is_escaped),
        cmocka_unit_test(a_section_without_level_is_refused),
        cmocka_unit_test(an_empty_section_is_refused),
        cmocka_unit_test(a_level_of_one_section_does_not_count_for_the_other),
        cmocka_unit_test(the_server_does_not_verify_clients_in_this_version),
        cmocka_unit_test(a_server_level_above_none_needs_a_certificate),
        cmocka_unit_test(a_certificate_file_may_hold_the_key),
        cmocka_unit_test(a_key_without_certificate_is_a_warning),
        cmocka_unit_test(peer_auth_needs_a_list),
        cmocka_unit_test(every_error_of_a_file_is_reported),
        cmocka_unit_test(an_unknown_value_is_a_warning_with_a_suggestion),
        cmocka_unit_test(two_typing_mistakes_are_near_and_three_are_not),
        cmocka_unit_test(an_unknown_section_is_one_warning),
        cmocka_unit_test(a_misplaced_or_misspelt_tls_section_is_refused),
        cmocka_unit_test(every_setting_of_an_installation_is_read),
        cmocka_unit_test(an_installation_has_defaults),
        cmocka_unit_test(bad_values_of_an_installation_are_refused),
        cmocka_unit_test(the_pattern_of_redundancy_keys_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
