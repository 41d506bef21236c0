/* Files with keys and certificates: every form that works, every one that is refused and in which
 * words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/certificate.h"
#include "tls/identity.h"
#include "tls/x509_text.h"
#include "tls_fixture.h"

struct site {
    char dir[64];
    char cert[128], key[128];
    EVP_PKEY *pair;
    X509 *certificate;
};

static int site_open(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    assert_non_null(site);
    fixture_directory(site->dir, sizeof site->dir);
    (void)snprintf(site->cert, sizeof site->cert, "%s/server.crt", site->dir);
    (void)snprintf(site->key, sizeof site->key, "%s/server.key", site->dir);
    site->pair = fixture_key("P-256");
    site->certificate = fixture_simple("plant", site->pair);
    fixture_write_certificate(site->cert, site->certificate);
    fixture_write_key(site->key, site->pair);
    *state = site;
    return 0;
}

static int site_close(void **state)
{
    struct site *site = *state;
    fixture_directory_remove(site->dir);
    X509_free(site->certificate);
    EVP_PKEY_free(site->pair);
    free(site);
    return 0;
}

static void assert_usable(const char *cert, const char *key)
{
    struct error err = {.text = ""};
    d2k_result result = tls_identity_check(cert, key, &err);
    assert_string_equal(result == D2K_OK ? "" : err.text, "");
}

/* The file that is named first in the text is the one at fault. */
static void assert_refused(const char *cert, const char *key, const char *file, const char *words)
{
    struct error err = {.text = ""};
    assert_int_equal(tls_identity_check(cert, key, &err), D2K_FILE);
    if (strncmp(err.text, file, strlen(file)) != 0 || strstr(err.text, words) == NULL) {
        fail_msg("'%s' does not say '%s' of %s", err.text, words, file);
    }
}

/* ---- forms that work ---- */

static void every_kind_of_key_is_usable(void **state)
{
    struct site *site = *state;
    static const char *const kinds[] = {"RSA-2048", "RSA-3072", "P-256", "P-384", "Ed25519"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        EVP_PKEY *key = fixture_key(kinds[i]);
        X509 *certificate = fixture_simple("plant", key);
        fixture_write_certificate(site->cert, certificate);
        fixture_write_key(site->key, key);
        assert_usable(site->cert, site->key);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

static void pkcs1_and_sec1_keys_are_usable(void **state)
{
    struct site *site = *state;
    static const char *const kinds[] = {"RSA-2048", "P-256"};
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = fixture_key(kinds[i]);
        X509 *certificate = fixture_simple("plant", key);
        struct fixture_content content = fixture_content();
        assert_int_equal(
            PEM_write_bio_PrivateKey_traditional(content.bio, key, NULL, NULL, 0, NULL, NULL), 1);
        fixture_write(&content, site->key, 0600);
        fixture_write_certificate(site->cert, certificate);
        assert_usable(site->cert, site->key);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

static void a_sec1_key_behind_its_parameters_is_usable(void **state)
{
    struct site *site = *state;
    struct fixture_content content = fixture_content();
    assert_true(BIO_puts(content.bio, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                                      "-----END EC PARAMETERS-----\n") > 0);
    assert_int_equal(
        PEM_write_bio_PrivateKey_traditional(content.bio, site->pair, NULL, NULL, 0, NULL, NULL),
        1);
    fixture_write(&content, site->key, 0600);
    assert_usable(site->cert, site->key);
}

static void der_files_are_usable(void **state)
{
    struct site *site = *state;
    struct fixture_content content = fixture_content();
    assert_int_equal(i2d_X509_bio(content.bio, site->certificate), 1);
    fixture_write(&content, site->cert, 0644);
    assert_usable(site->cert, site->key);
    content = fixture_content();
    assert_int_equal(i2d_PKCS8PrivateKey_bio(content.bio, site->pair, NULL, NULL, 0, NULL, NULL),
                     1);
    fixture_write(&content, site->key, 0600);
    assert_usable(site->cert, site->key);
    content = fixture_content();
    assert_int_equal(i2d_PrivateKey_bio(content.bio, site->pair), 1);
    fixture_write(&content, site->key, 0600);
    assert_usable(site->cert, site->key);
}

static void one_pem_may_hold_both_in_either_order(void **state)
{
    struct site *site = *state;
    for (int key_first = 0; key_first < 2; key_first++) {
        struct fixture_content content = fixture_content();
        if (key_first) {
            fixture_add_key(&content, site->pair);
        }
        fixture_add_certificate(&content, site->certificate);
        if (!key_first) {
            fixture_add_key(&content, site->pair);
        }
        fixture_write(&content, site->cert, 0600);
        assert_usable(site->cert, NULL);
        assert_usable(site->cert, site->cert);
    }
}

static void a_combined_file_that_others_can_read_is_refused(void **state)
{
    struct site *site = *state;
    struct fixture_content content = fixture_content();
    fixture_add_certificate(&content, site->certificate);
    fixture_add_key(&content, site->pair);
    fixture_write(&content, site->cert, 0644);
    assert_refused(site->cert, NULL, site->cert, "chmod 600");
}

static void text_between_blocks_and_windows_line_ends_do_not_matter(void **state)
{
    struct site *site = *state;
    struct fixture_content pem = fixture_content();
    fixture_add_certificate(&pem, site->certificate);
    char *data = NULL;
    long size = BIO_get_mem_data(pem.bio, &data);
    struct fixture_content content = fixture_content();
    assert_true(BIO_puts(content.bio, "\xEF\xBB\xBF") > 0);
    for (long i = 0; i < size; i++) {
        assert_true(BIO_write(content.bio, data[i] == '\n' ? "\r\n" : &data[i],
                              data[i] == '\n' ? 2 : 1) > 0);
    }
    assert_true(BIO_puts(content.bio, "subject=CN = plant\r\n") > 0);
    fixture_write(&content, site->cert, 0644);
    BIO_free(pem.bio);
    assert_usable(site->cert, site->key);
}

static void an_x509_v1_certificate_is_usable(void **state)
{
    struct site *site = *state;
    const struct fixture_certificate what = {.name = "seed", .key = site->pair, .v1 = true};
    X509 *certificate = fixture_make(&what);
    fixture_write_certificate(site->cert, certificate);
    assert_usable(site->cert, site->key);
    X509_free(certificate);
}

static void the_documented_openssl_commands_make_a_usable_pair(void **state)
{
    struct site *site = *state;
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "cd '%s' && exec >/dev/null 2>&1 && openssl genrsa -out server.key 4096 && "
                   "openssl req -new -key server.key -out server.csr -subj /CN=plant && "
                   "openssl x509 -req -days 730 -in server.csr -signkey server.key -out server.crt",
                   site->dir);
    assert_int_equal(system(command), 0);
    assert_usable(site->cert, site->key);
    struct tls_certificate_info *infos = NULL;
    size_t count = 0;
    struct error err;
    assert_int_equal(tls_certificates_read(site->cert, &infos, &count, &err), D2K_OK);
    assert_int_equal(count, 1);
    assert_string_equal(infos[0].algorithm, "RSA 4096");
    /* OpenSSL 3.0 makes X.509 v1 of it, 3.5 makes v3 */
    assert_true((infos[0].version == 1 && infos[0].is_ca) || infos[0].version == 3);
    free(infos);
}

/* ---- chains ---- */

struct chain {
    EVP_PKEY *keys[3];
    X509 *root, *middle, *leaf;
};

static void chain_make(struct chain *chain)
{
    for (size_t i = 0; i < 3; i++) {
        chain->keys[i] = fixture_key("P-256");
    }
    const struct fixture_certificate root = {.name = "root", .key = chain->keys[0], .ca = true};
    chain->root = fixture_make(&root);
    const struct fixture_certificate middle = {.name = "middle",
                                               .key = chain->keys[1],
                                               .issuer = chain->root,
                                               .issuer_key = chain->keys[0],
                                               .ca = true};
    chain->middle = fixture_make(&middle);
    const struct fixture_certificate leaf = {.name = "leaf",
                                             .key = chain->keys[2],
                                             .issuer = chain->middle,
                                             .issuer_key = chain->keys[1]};
    chain->leaf = fixture_make(&leaf);
}

static void chain_free(struct chain *chain)
{
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY_free(chain->keys[i]);
    }
    X509_free(chain->root);
    X509_free(chain->middle);
    X509_free(chain->leaf);
}

static void the_leaf_of_a_chain_is_found_in_any_order(void **state)
{
    struct site *site = *state;
    static const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {1, 0, 2}};
    struct chain chain;
    chain_make(&chain);
    X509 *all[] = {chain.leaf, chain.middle, chain.root};
    fixture_write_key(site->key, chain.keys[2]);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct fixture_content content = fixture_content();
        for (size_t k = 0; k < 3; k++) {
            fixture_add_certificate(&content, all[orders[i][k]]);
        }
        fixture_write(&content, site->cert, 0644);
        struct tls_identity identity;
        struct error err;
        assert_int_equal(tls_identity_load(site->cert, site->key, &identity, &err), D2K_OK);
        assert_int_equal(X509_cmp(identity.leaf, chain.leaf), 0);
        assert_int_equal(sk_X509_num(identity.chain), 1);
        assert_int_equal(X509_cmp(sk_X509_value(identity.chain, 0), chain.middle), 0);
        tls_identity_clear(&identity);
        assert_usable(site->cert, site->key);
    }
    chain_free(&chain);
}

static void certificates_that_issue_each_other_end_the_chain(void **state)
{
    struct site *site = *state;
    struct chain c;
    chain_make(&c);
    const struct fixture_certificate twisted = {
        .name = "root", .key = c.keys[0], .issuer = c.middle, .issuer_key = c.keys[1], .ca = true};
    X509 *circle = fixture_make(&twisted);
    struct fixture_content content = fixture_content();
    fixture_add_certificate(&content, c.leaf);
    fixture_add_certificate(&content, c.middle);
    fixture_add_certificate(&content, circle);
    fixture_write(&content, site->cert, 0644);
    fixture_write_key(site->key, c.keys[2]);
    assert_usable(site->cert, site->key);
    X509_free(circle);
    chain_free(&c);
}

/* ---- what is refused ---- */

static void an_encrypted_key_is_refused_with_the_command_that_helps(void **state)
{
    struct site *site = *state;
    struct fixture_content content = fixture_content();
    assert_int_equal(PEM_write_bio_PrivateKey(content.bio, site->pair, EVP_aes_256_cbc(),
                                              (const unsigned char *)"secret", 6, NULL, NULL),
                     1);
    fixture_write(&content, site->key, 0600);
    assert_refused(site->cert, site->key, site->key, "encrypted");
    assert_refused(site->cert, site->key, site->key, "openssl pkey -in");
    content = fixture_content();
    assert_int_equal(
        PEM_write_bio_PrivateKey_traditional(content.bio, site->pair, EVP_aes_256_cbc(),
                                             (const unsigned char *)"secret", 6, NULL, NULL),
        1);
    fixture_write(&content, site->key, 0600);
    assert_refused(site->cert, site->key, site->key, "encrypted");
    content = fixture_content();
    assert_int_equal(i2d_PKCS8PrivateKey_bio(content.bio, site->pair, EVP_aes_256_cbc(), "secret",
                                             6, NULL, NULL),
                     1);
    fixture_write(&content, site->key, 0600);
    assert_refused(site->cert, site->key, site->key, "encrypted");
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    struct site *site = *state;
    static const char *const kinds[] = {"P-256", "RSA-2048"};
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *other = fixture_key(kinds[i]);
        fixture_write_key(site->key, other);
        assert_refused(site->cert, site->key, site->cert, "does not match the key in");
        EVP_PKEY_free(other);
    }
}

/* Keeps the first `size` bytes of a file. */
static void cut_file(const char *path, long size)
{
    assert_int_equal(truncate(path, size), 0);
}

static long file_size(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (long)st.st_size;
}

static void a_cut_file_is_refused_wherever_it_is_cut(void **state)
{
    struct site *site = *state;
    static const char end_line[] = "-----END CERTIFICATE-----\n";
    long cert_size = file_size(site->cert), key_size = file_size(site->key);
    long least_whole = cert_size - 1; /* the last line end is not needed */
    for (long size = cert_size - (long)sizeof end_line; size < least_whole; size++) {
        fixture_write_certificate(site->cert, site->certificate);
        cut_file(site->cert, size);
        struct error err;
        assert_int_equal(tls_identity_check(site->cert, site->key, &err), D2K_FILE);
        assert_non_null(strstr(err.text, site->cert));
    }
    fixture_write_certificate(site->cert, site->certificate);
    for (long size = 1; size < key_size - 1; size += 7) {
        fixture_write_key(site->key, site->pair);
        cut_file(site->key, size);
        struct error err;
        assert_int_equal(tls_identity_check(site->cert, site->key, &err), D2K_FILE);
        assert_non_null(strstr(err.text, site->key));
    }
}

static void a_damaged_block_is_told_with_its_line(void **state)
{
    struct site *site = *state;
    struct fixture_content content = fixture_content();
    assert_true(BIO_puts(content.bio, "first line\n-----BEGIN CERTIFICATE-----\nMIIB\n") > 0);
    fixture_add_certificate(&content, site->certificate);
    fixture_write(&content, site->cert, 0644);
    assert_refused(site->cert, site->key, site->cert, "line 2");
    content = fixture_content();
    fixture_add_certificate(&content, site->certificate);
    assert_true(BIO_puts(content.bio, "-----BEGIN CERTIFICATE-----\nTm8gY2VydGlmaWNhdGU=\n"
                                      "-----END CERTIFICATE-----\n") > 0);
    fixture_write(&content, site->cert, 0644);
    assert_refused(site->cert, site->key, site->cert, "damaged: the certificate in line ");
}

static void empty_missing_and_unrelated_files_are_refused(void **state)
{
    struct site *site = *state;
    char missing[160];
    (void)snprintf(missing, sizeof missing, "%s/nothing", site->dir);
    assert_refused(missing, site->key, missing, "No such file");
    assert_refused(site->cert, missing, missing, "No such file");
    assert_refused(site->dir, site->key, site->dir, "cannot be read");
    assert_refused(site->key, site->cert, site->cert,
                   "no private key in it; TLS_KeyFile must name");
    fixture_write_text(site->cert, "");
    assert_refused(site->cert, site->key, site->cert, "empty");
    fixture_write_text(site->cert, "these are not the bytes you are looking for");
    assert_refused(site->cert, site->key, site->cert, "no certificate");
    fixture_write_text(site->key, "");
    assert_refused(site->cert, site->key, site->key, "empty");
}

static void weak_and_strange_keys_are_refused(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *kind, *words;
    } cases[] = {{"RSA-1024", "too weak"},
                 {"RSA-2047", "too weak"},
                 {"P-521", "is not used"},
                 {"secp256k1", "is not used"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EVP_PKEY *key = fixture_key(cases[i].kind);
        X509 *certificate = fixture_simple("plant", key);
        fixture_write_certificate(site->cert, certificate);
        fixture_write_key(site->key, key);
        assert_refused(site->cert, site->key, site->key, cases[i].words);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    struct site *site = *state;
    static const struct {
        uint32_t mode, owner;
        bool good;
    } cases[] = {
        {0600, 1000, true},  {0400, 1000, true},  {0600, 0, true},     {0400, 0, true},
        {0700, 1000, true},  {0640, 0, true},     {0440, 0, true},     {0640, 1000, false},
        {0440, 1000, false}, {0660, 0, false},    {0620, 0, false},    {0650, 0, false},
        {0644, 0, false},    {0604, 0, false},    {0601, 1000, false}, {0602, 1000, false},
        {0644, 1000, false}, {0666, 1000, false}, {0777, 0, false},
    };
    (void)site;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {.text = ""};
        const struct os_file_stamp stamp = {
            .exists = true, .mode = cases[i].mode, .owner_uid = cases[i].owner};
        d2k_result result = tls_key_check_permissions("server.key", &stamp, &err);
        assert_int_equal(result, cases[i].good ? D2K_OK : D2K_FILE);
        char mode[16];
        (void)snprintf(mode, sizeof mode, "%04o", cases[i].mode);
        assert_true(cases[i].good || strstr(err.text, mode) != NULL);
    }
    assert_int_equal(chmod(site->key, 0644), 0);
    assert_refused(site->cert, site->key, site->key, "chmod 600");
    assert_int_equal(chmod(site->key, 0400), 0);
    assert_usable(site->cert, site->key);
}

static void a_file_is_read_up_to_its_limit(void **state)
{
    struct site *site = *state;
    for (int past = 0; past < 2; past++) {
        fixture_write_certificate(site->cert, site->certificate);
        long size = file_size(site->cert);
        FILE *file = fopen(site->cert, "ab");
        assert_non_null(file);
        for (; size < (long)TLS_CERTIFICATE_FILE_MAX + past; size++) {
            assert_int_equal(fputc('\n', file), '\n');
        }
        assert_int_equal(fclose(file), 0);
        if (past) {
            assert_refused(site->cert, site->key, site->cert, "larger than");
        } else {
            assert_usable(site->cert, site->key);
        }
    }
}

static void a_file_holds_a_limited_number_of_certificates(void **state)
{
    struct site *site = *state;
    for (size_t past = 0; past < 2; past++) {
        struct fixture_content content = fixture_content();
        for (size_t i = 0; i < TLS_CERTIFICATES_MAX + past; i++) {
            fixture_add_certificate(&content, site->certificate);
        }
        fixture_write(&content, site->cert, 0644);
        struct tls_certificate_info *infos = NULL;
        size_t count = 0;
        struct error err;
        d2k_result result = tls_certificates_read(site->cert, &infos, &count, &err);
        assert_int_equal(result, past ? D2K_FILE : D2K_OK);
        assert_true(past || count == TLS_CERTIFICATES_MAX);
        free(infos);
    }
}

/* ---- what is told ---- */

static void the_facts_of_a_certificate_are_told(void **state)
{
    struct site *site = *state;
    const struct fixture_certificate expired = {.name = "v\xC3\xA1rna \x1b[31m",
                                                .key = site->pair,
                                                .begin_s = -10 * DAY_S,
                                                .end_s = -60,
                                                .v1 = true};
    X509 *second = fixture_make(&expired);
    struct fixture_content content = fixture_content();
    fixture_add_certificate(&content, site->certificate);
    fixture_add_key(&content, site->pair);
    fixture_add_certificate(&content, second);
    fixture_write(&content, site->cert, 0600);
    struct tls_certificate_info *infos = NULL;
    size_t count = 0;
    struct error err;
    assert_int_equal(tls_certificates_read(site->cert, &infos, &count, &err), D2K_OK);
    assert_int_equal(count, 2);
    assert_string_equal(infos[0].subject, "CN=plant");
    assert_string_equal(infos[0].issuer, "CN=plant");
    assert_string_equal(infos[0].alt_names, "DNS:localhost, IP:127.0.0.1");
    assert_string_equal(infos[0].algorithm, "EC P-256");
    assert_int_equal(infos[0].version, 3);
    assert_false(infos[0].is_ca);
    assert_true(infos[0].days_left == 29 || infos[0].days_left == 30); /* a second may pass */
    assert_int_equal(infos[0].not_after - infos[0].not_before, 31 * DAY_S);
    assert_int_equal(strlen(infos[0].not_after_text), strlen("2026-11-23 12:00:00"));
    uint8_t digest[TLS_DIGEST_SIZE];
    assert_true(tls_x509_digest(site->certificate, digest));
    assert_memory_equal(infos[0].digest, digest, sizeof digest);
    assert_int_equal(strlen(infos[0].digest_hex), 64);
    assert_non_null(strstr(infos[1].subject, "v\xC3\xA1rna"));
    assert_null(strchr(infos[1].subject, '\x1b'));
    assert_string_equal(infos[1].alt_names, "");
    assert_int_equal(infos[1].version, 1);
    assert_true(infos[1].is_ca);
    assert_int_equal(infos[1].days_left, -1);
    free(infos);
    X509_free(second);
}

static void dates_are_converted_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {{"19700101000000Z", 0},           {"20000229235959Z", 951868799},
                 {"20260823120000Z", 1787486400},  {"20380119031408Z", 2147483648},
                 {"21000301000000Z", 4107542400},  {"19691231235959Z", -1},
                 {"99991231235959Z", 253402300799}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ASN1_TIME *time = ASN1_TIME_new();
        int64_t seconds = 0;
        assert_int_equal(ASN1_TIME_set_string(time, cases[i].text), 1);
        assert_true(tls_x509_time(time, &seconds));
        assert_int_equal(seconds, cases[i].seconds);
        ASN1_TIME_free(time);
    }
}

/* ---- new pairs ---- */

static void a_new_pair_is_usable_and_as_promised(void **state)
{
    struct site *site = *state;
    static const char *const names[] = {"plant-1", "10.0.0.5", "::1", NULL};
    const struct tls_new_identity what = {.common_name = "plant 1", .names = names, .days = 730};
    struct error err = {.text = ""};
    struct tls_certificate_info *infos = NULL;
    size_t count = 0;
    assert_int_equal(tls_identity_new(&what, site->cert, site->key, false, &err), D2K_EXISTS);
    assert_int_equal(tls_identity_new(&what, site->cert, site->key, true, &err), D2K_OK);
    assert_usable(site->cert, site->key);
    struct stat st;
    assert_int_equal(stat(site->key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(tls_certificates_read(site->cert, &infos, &count, &err), D2K_OK);
    assert_int_equal(count, 1);
    assert_string_equal(infos[0].subject, "CN=plant 1");
    assert_string_equal(infos[0].alt_names, "DNS:plant-1, IP:10.0.0.5, IP:0:0:0:0:0:0:0:1");
    assert_string_equal(infos[0].algorithm, "EC P-256");
    assert_int_equal(infos[0].version, 3);
    assert_false(infos[0].is_ca);
    assert_true(infos[0].days_left == 729 || infos[0].days_left == 730);
    free(infos);
}

static void a_new_pair_overwrites_nothing_unasked(void **state)
{
    struct site *site = *state;
    const struct tls_new_identity what = {.common_name = "plant", .days = 1};
    struct error err;
    assert_int_equal(unlink(site->cert), 0);
    long size = file_size(site->key);
    assert_int_equal(tls_identity_new(&what, site->cert, site->key, false, &err), D2K_EXISTS);
    assert_non_null(strstr(err.text, site->key));
    assert_int_equal(access(site->cert, F_OK), -1);
    assert_int_equal(file_size(site->key), size);
}

static void a_new_pair_may_be_one_file(void **state)
{
    struct site *site = *state;
    const struct tls_new_identity what = {.common_name = "plant", .days = 1};
    struct error err;
    struct stat st;
    assert_int_equal(tls_identity_new(&what, site->cert, site->cert, true, &err), D2K_OK);
    assert_int_equal(stat(site->cert, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_usable(site->cert, NULL);
}

static void nonsense_makes_no_pair(void **state)
{
    struct site *site = *state;
    static const char *const bad[] = {"plant 1", "", "-x", "a,DNS:evil", "\xC3\xA1", "10.0.0.5/8"};
    struct error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *names[] = {bad[i], NULL};
        const struct tls_new_identity what = {.common_name = "x", .names = names, .days = 1};
        assert_int_equal(tls_identity_new(&what, site->cert, site->key, true, &err), D2K_ARGUMENT);
    }
    const struct tls_new_identity others[] = {{.common_name = "x", .days = 0},
                                              {.common_name = "x", .days = 36501},
                                              {.common_name = "", .days = 1},
                                              {.common_name = NULL, .days = 1}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(tls_identity_new(&others[i], site->cert, site->key, true, &err),
                         D2K_ARGUMENT);
    }
    assert_usable(site->cert, site->key); /* still the old ones */
    const struct tls_new_identity good = {.common_name = "x", .days = 1};
    assert_int_equal(tls_identity_new(&good, "/nowhere/x.crt", "/nowhere/x.key", false, &err),
                     D2K_FILE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_open, site_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_key_is_usable),
        TEST(pkcs1_and_sec1_keys_are_usable),
        TEST(a_sec1_key_behind_its_parameters_is_usable),
        TEST(der_files_are_usable),
        TEST(one_pem_may_hold_both_in_either_order),
        TEST(a_combined_file_that_others_can_read_is_refused),
        TEST(text_between_blocks_and_windows_line_ends_do_not_matter),
        TEST(an_x509_v1_certificate_is_usable),
        TEST(the_documented_openssl_commands_make_a_usable_pair),
        TEST(the_leaf_of_a_chain_is_found_in_any_order),
        TEST(certificates_that_issue_each_other_end_the_chain),
        TEST(an_encrypted_key_is_refused_with_the_command_that_helps),
        TEST(a_key_of_another_certificate_is_refused),
        TEST(a_cut_file_is_refused_wherever_it_is_cut),
        TEST(a_damaged_block_is_told_with_its_line),
        TEST(empty_missing_and_unrelated_files_are_refused),
        TEST(weak_and_strange_keys_are_refused),
        TEST(a_key_that_others_can_read_is_refused),
        TEST(a_file_is_read_up_to_its_limit),
        TEST(a_file_holds_a_limited_number_of_certificates),
        TEST(the_facts_of_a_certificate_are_told),
        TEST(dates_are_converted_exactly),
        TEST(a_new_pair_is_usable_and_as_promised),
        TEST(a_new_pair_overwrites_nothing_unasked),
        TEST(a_new_pair_may_be_one_file),
        TEST(nonsense_makes_no_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
