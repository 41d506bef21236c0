/* Which handshakes succeed, which are refused and in which words; who is resumed, and who is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls_peers.h"

static const unsigned char alpn_http[] = {2, 'h', '2'};

/* Our server refuses this client, with these words, and sends no more than an alert: no
 * certificate, no signature. */
static void assert_refuses_before_signing(struct raw *raw, enum tls_min_version min_version,
                                          const char *words)
{
    struct end server;
    struct error err = {.text = ""};
    server_open(&server, server_policy(min_version, kernel_certificate, kernel_key));
    raw_start(raw);
    (void)SSL_do_handshake(raw->ssl);
    carry_raw(raw, &server);
    assert_int_equal(tls_connection_handshake(server.connection, &err), D2K_TLS);
    if (strstr(err.text, words) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
    const size_t record_with_alert = 7;
    assert_int_equal(buffer_size(&server.out), record_with_alert);
    assert_int_equal(buffer_data(&server.out)[0], SSL3_RT_ALERT);
    assert_int_equal(tls_connection_handshake(server.connection, &err), D2K_TLS);
    end_close(&server);
}

/* ---- handshakes that succeed ---- */

static void d2k_and_d2k_agree_on_tls13_and_verify(void **state)
{
    (void)state;
    struct end client, server;
    struct error err;
    char warning[256] = "x";
    bool verified = false;
    uint8_t digest[TLS_DIGEST_SIZE], expected[TLS_DIGEST_SIZE];
    open_pair(&client, &server);
    assert_string_equal(tls_connection_version(client.connection), "TLSv1.3");
    assert_string_equal(tls_connection_version(server.connection), "TLSv1.3");
    assert_string_equal(tls_connection_cipher(client.connection),
                        tls_connection_cipher(server.connection));
    assert_int_equal(
        tls_connection_verify(client.connection, &verified, warning, sizeof warning, &err), D2K_OK);
    assert_true(verified);
    assert_string_equal(warning, "");
    assert_true(tls_connection_peer_digest(client.connection, digest));
    assert_true(tls_x509_digest(kernel_certificate, expected));
    assert_memory_equal(digest, expected, sizeof digest);
    assert_false(tls_connection_peer_digest(server.connection, digest));
    end_close(&client);
    end_close(&server);
}

static void the_handshake_works_byte_by_byte(void **state)
{
    (void)state;
    struct end client, server;
    server_open(&server, server_policy(TLS_MIN_1_2, kernel_certificate, kernel_key));
    client_open(&client, client_policy(TLS_MIN_1_2, TLS_LEVEL_NONE, NULL, TLS_DATES_WARN), NULL);
    shake_hands(&client, &server, 1);
    end_close(&client);
    end_close(&server);
}

static void every_kind_of_key_works_in_both_versions(void **state)
{
    (void)state;
    static const char *const kinds[] = {"RSA-2048", "RSA-3072", "P-256", "P-384", "Ed25519"};
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2 * sizeof kinds / sizeof *kinds; i++) {
        EVP_PKEY *key = fixture_key(kinds[i / 2]);
        X509 *certificate = fixture_simple("kernel", key);
        struct end server;
        struct raw raw;
        struct error err = {.text = ""};
        server_open(&server, server_policy(TLS_MIN_1_2, certificate, key));
        raw_client(&raw, versions[i % 2]);
        raw_start(&raw);
        assert_int_equal(shake_with_raw(&raw, &server, &err), D2K_OK);
        assert_int_equal(SSL_version(raw.ssl), versions[i % 2]);
        raw_close(&raw);
        end_close(&server);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

static void a_certificate_signed_with_sha1_by_itself_works(void **state)
{
    (void)state;
    const struct fixture_certificate what = {
        .name = "old", .key = kernel_key, .v1 = true, .sha1 = true};
    X509 *certificate = fixture_make(&what);
    struct end client, server;
    struct error err;
    char warning[256];
    bool verified = false;
    server_open(&server, server_policy(TLS_MIN_1_2, certificate, kernel_key));
    client_open(&client,
                client_policy(TLS_MIN_1_2, TLS_LEVEL_PEER_AUTH, certificate, TLS_DATES_STRICT),
                NULL);
    shake_hands(&client, &server, SIZE_MAX);
    assert_int_equal(
        tls_connection_verify(client.connection, &verified, warning, sizeof warning, &err), D2K_OK);
    assert_true(verified);
    end_close(&client);
    end_close(&server);
    X509_free(certificate);
}

static void tls12_works_with_ecdhe_and_aead(void **state)
{
    (void)state;
    static const char *const suites[] = {"ECDHE-ECDSA-AES128-GCM-SHA256",
                                         "ECDHE-ECDSA-AES256-GCM-SHA384",
                                         "ECDHE-ECDSA-CHACHA20-POLY1305"};
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        struct end server;
        struct raw raw;
        raw_client(&raw, TLS1_2_VERSION);
        assert_int_equal(SSL_CTX_set_cipher_list(raw.context, suites[i]), 1);
        raw_connect(&raw, &server, TLS_MIN_1_2);
        assert_string_equal(tls_connection_version(server.connection), "TLSv1.2");
        assert_string_equal(tls_connection_cipher(server.connection), suites[i]);
        raw_close(&raw);
        end_close(&server);
    }
}

static void x25519_is_preferred_and_p384_is_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *offered;
        int agreed;
    } cases[] = {{"X25519:P-256", NID_X25519},
                 {"P-256:P-384", NID_X9_62_prime256v1},
                 {"P-384", NID_secp384r1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct end server;
        struct raw raw;
        raw_client(&raw, 0);
        assert_int_equal(SSL_CTX_set1_groups_list(raw.context, cases[i].offered), 1);
        raw_connect(&raw, &server, TLS_MIN_1_2);
        assert_int_equal(SSL_get_negotiated_group(raw.ssl), cases[i].agreed);
        raw_close(&raw);
        end_close(&server);
    }
}

/* ---- handshakes that fail ---- */

static void a_client_without_alpn_is_refused_before_any_signature(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        struct raw raw;
        raw_client(&raw, versions[i]);
        assert_int_equal(SSL_CTX_set_alpn_protos(raw.context, NULL, 0), 0);
        assert_refuses_before_signing(&raw, TLS_MIN_1_2,
                                      "speaks no ALPN d2k/1: it is not a d2k client");
        raw_close(&raw);
    }
}

static void the_refused_client_is_told_no_application_protocol(void **state)
{
    (void)state;
    struct raw raw;
    struct end server;
    struct error err;
    raw_client(&raw, 0);
    assert_int_equal(SSL_CTX_set_alpn_protos(raw.context, NULL, 0), 0);
    server_open(&server, server_policy(TLS_MIN_1_2, kernel_certificate, kernel_key));
    raw_start(&raw);
    assert_int_equal(shake_with_raw(&raw, &server, &err), D2K_TLS);
    carry_raw(&raw, &server);
    ERR_clear_error();
    assert_int_equal(SSL_do_handshake(raw.ssl), -1);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()),
                     SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL);
    raw_close(&raw);
    end_close(&server);
}

static void a_client_of_another_alpn_is_refused_before_any_signature(void **state)
{
    (void)state;
    static const unsigned char longer[] = {6, 'd', '2', 'k', '/', '1', '0'};
    static const unsigned char inside[] = {8, 'x', 5, 'd', '2', 'k', '/', '1', 'y'};
    const struct {
        const unsigned char *list;
        unsigned size;
    } cases[] = {{alpn_http, sizeof alpn_http}, {longer, sizeof longer}, {inside, sizeof inside}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct raw raw;
        raw_client(&raw, 0);
        assert_int_equal(SSL_CTX_set_alpn_protos(raw.context, cases[i].list, cases[i].size), 0);
        assert_refuses_before_signing(&raw, TLS_MIN_1_2, "not d2k/1");
        raw_close(&raw);
    }
}

static void our_alpn_is_found_among_others(void **state)
{
    (void)state;
    static const unsigned char list[] = {2, 'h', '2', 5, 'd', '2', 'k', '/', '1', 1, 'x'};
    struct raw raw;
    struct end server;
    const unsigned char *selected = NULL;
    unsigned size = 0;
    raw_client(&raw, 0);
    assert_int_equal(SSL_CTX_set_alpn_protos(raw.context, list, sizeof list), 0);
    raw_connect(&raw, &server, TLS_MIN_1_2);
    SSL_get0_alpn_selected(raw.ssl, &selected, &size);
    assert_int_equal(size, 5);
    assert_memory_equal(selected, "d2k/1", 5);
    raw_close(&raw);
    end_close(&server);
}

static void a_tls12_client_is_refused_where_tls13_is_the_minimum(void **state)
{
    (void)state;
    struct raw raw;
    raw_client(&raw, TLS1_2_VERSION);
    assert_refuses_before_signing(
        &raw, TLS_MIN_1_3, "the peer offers no common TLS version (we need TLSv1.3 or newer)");
    raw_close(&raw);
}

static void a_tls11_client_is_refused(void **state)
{
    (void)state;
    struct raw raw;
    raw_client(&raw, TLS1_1_VERSION);
    SSL_CTX_set_security_level(raw.context, 0);
    assert_int_equal(SSL_CTX_set_min_proto_version(raw.context, TLS1_1_VERSION), 1);
    assert_refuses_before_signing(
        &raw, TLS_MIN_1_2, "the peer offers no common TLS version (we need TLSv1.2 or newer)");
    raw_close(&raw);
}

static void cbc_and_rsa_key_exchange_are_refused(void **state)
{
    (void)state;
    static const char *const suites[] = {"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA",
                                         "ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256",
                                         "AES256-SHA256", "DHE-RSA-AES128-GCM-SHA256"};
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        struct raw raw;
        raw_client(&raw, TLS1_2_VERSION);
        assert_int_equal(SSL_CTX_set_cipher_list(raw.context, suites[i]), 1);
        assert_refuses_before_signing(&raw, TLS_MIN_1_2, "no shared cipher");
        raw_close(&raw);
    }
}

static void a_group_that_we_do_not_use_is_refused(void **state)
{
    (void)state;
    struct raw raw;
    raw_client(&raw, TLS1_3_VERSION);
    assert_int_equal(SSL_CTX_set_min_proto_version(raw.context, TLS1_3_VERSION), 1);
    assert_int_equal(SSL_CTX_set1_groups_list(raw.context, "P-521:X448"), 1);
    assert_refuses_before_signing(&raw, TLS_MIN_1_2, "groups X25519, P-256, P-384");
    raw_close(&raw);
}

static void garbage_is_not_tls(void **state)
{
    (void)state;
    static const char *const garbage[] = {"GET / HTTP/1.1\r\nHost: plant\r\n\r\n",
                                          "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
                                          "\x16\x03\x01\xff\xff 65535 bytes are no record at all"};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        struct end server;
        struct error err = {.text = ""};
        server_open(&server, server_policy(TLS_MIN_1_2, kernel_certificate, kernel_key));
        buffer_put(&server.in, garbage[i], strlen(garbage[i]));
        assert_int_equal(tls_connection_handshake(server.connection, &err), D2K_TLS);
        assert_non_null(strchr(err.text, '['));
        end_close(&server);
    }
}

static void the_clients_alert_is_told_by_name(void **state)
{
    (void)state;
    struct raw raw;
    struct end server;
    struct error err = {.text = ""};
    raw_client(&raw, 0);
    SSL_CTX_set_verify(raw.context, SSL_VERIFY_PEER, NULL); /* against an empty store */
    server_open(&server, server_policy(TLS_MIN_1_2, kernel_certificate, kernel_key));
    raw_start(&raw);
    assert_int_equal(shake_with_raw(&raw, &server, &err), D2K_TLS);
    assert_non_null(strstr(err.text, "unknown CA"));
    assert_non_null(strstr(err.text, "does not accept our certificate"));
    raw_close(&raw);
    end_close(&server);
}

/* ---- our client against servers that do as they like ---- */

static int select_http(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                       const unsigned char *offered, unsigned size, void *context)
{
    (void)ssl;
    (void)offered;
    (void)size;
    (void)context;
    *ret_name = alpn_http + 1;
    *ret_size = alpn_http[0];
    return SSL_TLSEXT_ERR_OK;
}

static d2k_result connect_to_raw(struct raw *raw, struct end *client, const char *server_name,
                                 enum tls_min_version min_version, struct error *err)
{
    client_open(client,
                client_policy(min_version, TLS_LEVEL_PEER_AUTH, kernel_certificate, TLS_DATES_WARN),
                server_name);
    raw_start(raw);
    return shake_with_raw(raw, client, err);
}

static void a_server_without_our_alpn_is_left(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct raw raw;
        struct end client;
        struct error err = {.text = ""};
        raw_server(&raw, 0);
        SSL_CTX_set_alpn_select_cb(raw.context, i == 0 ? NULL : select_http, NULL);
        assert_int_equal(connect_to_raw(&raw, &client, NULL, TLS_MIN_1_2, &err), D2K_TLS);
        if (i == 0) {
            assert_non_null(strstr(err.text, "no ALPN d2k/1: it is not a d2k kernel"));
        }
        bool verified = true;
        char warning[64];
        assert_int_equal(
            tls_connection_verify(client.connection, &verified, warning, sizeof warning, &err),
            D2K_NOT_VERIFIED);
        assert_false(verified);
        raw_close(&raw);
        end_close(&client);
    }
}

static void a_tls12_server_is_left_where_tls13_is_the_minimum(void **state)
{
    (void)state;
    struct raw raw;
    struct end client;
    struct error err = {.text = ""};
    raw_server(&raw, TLS1_2_VERSION);
    assert_int_equal(connect_to_raw(&raw, &client, NULL, TLS_MIN_1_3, &err), D2K_TLS);
    assert_non_null(
        strstr(err.text, "the peer offers no common TLS version (we need TLSv1.3 or newer)"));
    raw_close(&raw);
    end_close(&client);
    raw_server(&raw, TLS1_2_VERSION);
    assert_int_equal(connect_to_raw(&raw, &client, NULL, TLS_MIN_1_2, &err), D2K_OK);
    assert_string_equal(tls_connection_version(client.connection), "TLSv1.2");
    raw_close(&raw);
    end_close(&client);
}

static void host_names_are_sent_and_addresses_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *name, *sent;
    } cases[] = {{"plant-1.example", "plant-1.example"},
                 {"127.0.0.1", NULL},
                 {"::1", NULL},
                 {"fe80::1%eth0", NULL},
                 {"", NULL},
                 {NULL, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct raw raw;
        struct end client;
        struct error err = {.text = ""};
        raw_server(&raw, 0);
        assert_int_equal(connect_to_raw(&raw, &client, cases[i].name, TLS_MIN_1_2, &err), D2K_OK);
        const char *seen = SSL_get_servername(raw.ssl, TLSEXT_NAMETYPE_host_name);
        if (cases[i].sent == NULL) {
            assert_null(seen);
        } else {
            assert_string_equal(seen, cases[i].sent);
        }
        raw_close(&raw);
        end_close(&client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d2k_and_d2k_agree_on_tls13_and_verify),
        cmocka_unit_test(the_handshake_works_byte_by_byte),
        cmocka_unit_test(every_kind_of_key_works_in_both_versions),
        cmocka_unit_test(a_certificate_signed_with_sha1_by_itself_works),
        cmocka_unit_test(tls12_works_with_ecdhe_and_aead),
        cmocka_unit_test(x25519_is_preferred_and_p384_is_accepted),
        cmocka_unit_test(a_client_without_alpn_is_refused_before_any_signature),
        cmocka_unit_test(the_refused_client_is_told_no_application_protocol),
        cmocka_unit_test(a_client_of_another_alpn_is_refused_before_any_signature),
        cmocka_unit_test(our_alpn_is_found_among_others),
        cmocka_unit_test(a_tls12_client_is_refused_where_tls13_is_the_minimum),
        cmocka_unit_test(a_tls11_client_is_refused),
        cmocka_unit_test(cbc_and_rsa_key_exchange_are_refused),
        cmocka_unit_test(a_group_that_we_do_not_use_is_refused),
        cmocka_unit_test(garbage_is_not_tls),
        cmocka_unit_test(the_clients_alert_is_told_by_name),
        cmocka_unit_test(a_server_without_our_alpn_is_left),
        cmocka_unit_test(a_tls12_server_is_left_where_tls13_is_the_minimum),
        cmocka_unit_test(host_names_are_sent_and_addresses_are_not),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
