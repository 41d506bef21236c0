/* tests/unit/tls_site.h: a configuration directory with two identities and a log that remembers,
 * for the tests of the keepers. To be included after <cmocka.h>. */
#ifndef D2K_TEST_TLS_SITE_H
#define D2K_TEST_TLS_SITE_H

#include <stdarg.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/thread.h"
#include "tls/keeper.h"
#include "tls/x509_text.h"
#include "tls_fixture.h"

#define LOG_LINES_MAX 512

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

struct site {
    char dir[64];
    struct registry_location location;
    struct log log;
    struct os_mutex *log_mutex;
    enum log_level levels[LOG_LINES_MAX];
    char *lines[LOG_LINES_MAX];
    size_t line_count;
    struct identity a, b;
};

static inline void site_sink(void *context, enum log_level level, const char *line)
{
    struct site *site = context;
    os_mutex_lock(site->log_mutex);
    if (site->line_count < LOG_LINES_MAX) {
        site->levels[site->line_count] = level;
        site->lines[site->line_count++] = strdup(line);
    }
    os_mutex_unlock(site->log_mutex);
}

static inline struct identity identity_make(const char *name)
{
    struct identity identity = {.key = fixture_key("P-256")};
    identity.certificate = fixture_simple(name, identity.key);
    return identity;
}

static inline void identity_free(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

static inline int site_open(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    struct error err;
    assert_non_null(site);
    fixture_directory(site->dir, sizeof site->dir);
    assert_int_equal(registry_locate("d2k", site->dir, &site->location, &err), D2K_OK);
    site->log_mutex = os_mutex_new();
    site->log = (struct log){.level = LOG_INFO, .sink = site_sink, .context = site};
    site->a = identity_make("plant-a");
    site->b = identity_make("plant-b");
    *state = site;
    return 0;
}

static inline void forget_log(struct site *site)
{
    for (size_t i = 0; i < site->line_count; i++) {
        free(site->lines[i]);
    }
    site->line_count = 0;
}

static inline int site_close(void **state)
{
    struct site *site = *state;
    fixture_directory_remove(site->dir);
    forget_log(site);
    identity_free(&site->a);
    identity_free(&site->b);
    registry_location_free(&site->location);
    os_mutex_free(site->log_mutex);
    free(site);
    return 0;
}

/* How many lines of this level hold `words`; NULL: any. */
static inline size_t count_lines(const struct site *site, enum log_level level, const char *words)
{
    size_t count = 0;
    for (size_t i = 0; i < site->line_count; i++) {
        count +=
            site->levels[i] == level && (words == NULL || strstr(site->lines[i], words) != NULL);
    }
    return count;
}

static inline const char *site_path(const struct site *site, const char *name, char *ret,
                                    size_t size)
{
    (void)snprintf(ret, size, "%s/%s", site->dir, name);
    return ret;
}

#define PATH(site, name) site_path(site, name, (char[160]){0}, 160)

static inline void write_config(struct site *site, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void write_config(struct site *site, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fixture_write_text(PATH(site, "cfg_PLANT.conf"), text);
}

#define SERVER_FILES "[TLS_Server]\nTLS_CertFile = server.crt\nTLS_KeyFile = server.key\n"
#define SERVER       SERVER_FILES "TLS_RequiredLevel = TLSNoPeerAuth\n"
#define SERVER_NONE  SERVER_FILES "TLS_RequiredLevel = None\n"

static inline void write_pair(struct site *site, const struct identity *identity)
{
    fixture_write_certificate(PATH(site, "server.crt"), identity->certificate);
    fixture_write_key(PATH(site, "server.key"), identity->key);
}

static inline struct tls_keeper *open_server(struct site *site)
{
    struct tls_keeper *keeper = NULL;
    struct error err = {.text = ""};
    d2k_result result = tls_keeper_open_server(&site->location, "PLANT", &site->log, &keeper, &err);
    assert_string_equal(result == D2K_OK ? "" : err.text, "");
    return keeper;
}

static inline struct tls_keeper *open_client(struct site *site)
{
    struct tls_keeper *keeper = NULL;
    struct error err = {.text = ""};
    d2k_result result = tls_keeper_open_client(&site->location, "PLANT", &site->log, &keeper, &err);
    assert_string_equal(result == D2K_OK ? "" : err.text, "");
    return keeper;
}

static inline void assert_open_fails(struct site *site, bool server, d2k_result expected,
                                     const char *words)
{
    struct tls_keeper *keeper = NULL;
    struct error err = {.text = ""};
    d2k_result result =
        server ? tls_keeper_open_server(&site->location, "PLANT", &site->log, &keeper, &err)
               : tls_keeper_open_client(&site->location, "PLANT", &site->log, &keeper, &err);
    assert_int_equal(result, expected);
    assert_null(keeper);
    if (strstr(err.text, words) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
}

/* Whether the policy that is in force presents this certificate. */
static inline bool serves(struct tls_keeper *keeper, const struct identity *identity)
{
    struct tls_policy *policy = tls_keeper_current(keeper);
    bool same = policy->context != NULL &&
                X509_cmp(SSL_CTX_get0_certificate(policy->context), identity->certificate) == 0 &&
                SSL_CTX_check_private_key(policy->context) == 1;
    tls_policy_unref(policy);
    return same;
}

static inline enum tls_level level_now(struct tls_keeper *keeper)
{
    struct tls_policy *policy = tls_keeper_current(keeper);
    enum tls_level level = tls_policy_level(policy);
    tls_policy_unref(policy);
    return level;
}

static inline enum tls_policy_tls tls_now(struct tls_keeper *keeper)
{
    struct tls_policy *policy = tls_keeper_current(keeper);
    enum tls_policy_tls tls = tls_policy_tls(policy);
    tls_policy_unref(policy);
    return tls;
}

static inline uint64_t generation_now(struct tls_keeper *keeper)
{
    struct tls_policy *policy = tls_keeper_current(keeper);
    uint64_t generation = tls_policy_generation(policy);
    tls_policy_unref(policy);
    return generation;
}

static inline bool trusts(struct tls_keeper *keeper, const struct identity *identity)
{
    uint8_t digest[TLS_DIGEST_SIZE];
    assert_true(tls_x509_digest(identity->certificate, digest));
    struct tls_policy *policy = tls_keeper_current(keeper);
    bool found = tls_pins_has(&policy->pins, digest);
    tls_policy_unref(policy);
    return found;
}

/* Connects for as long as this takes: nothing may change, and no line may be logged. */
static inline void assert_quiet_for(struct site *site, struct tls_keeper *keeper, uint64_t ms)
{
    size_t lines = site->line_count;
    uint64_t generation = generation_now(keeper), begin = os_monotonic_ms();
    while (os_monotonic_ms() - begin < ms) {
        assert_int_equal(generation_now(keeper), generation);
    }
    assert_int_equal(site->line_count, lines);
}

#endif
