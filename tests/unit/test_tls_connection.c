/* TLS links after the handshake: verification, data, their end, and floods without data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/connection_internal.h"
#include "tls_peers.h"

/* ---- verification ---- */

static d2k_result verify_against(X509 *presented, EVP_PKEY *key, X509 *trusted,
                                 enum tls_level level, enum tls_cert_dates dates,
                                 bool *ret_verified, char *ret_warning, struct error *err)
{
    struct end client, server;
    server_open(&server, server_policy(TLS_MIN_1_2, presented, key));
    client_open(&client, client_policy(TLS_MIN_1_2, level, trusted, dates), NULL);
    shake_hands(&client, &server, SIZE_MAX);
    d2k_result result =
        tls_connection_verify(client.connection, ret_verified, ret_warning, 256, err);
    end_close(&client);
    end_close(&server);
    return result;
}

static void a_certificate_that_is_not_in_the_list_is_not_verified(void **state)
{
    (void)state;
    bool verified = true;
    char warning[256];
    struct error err;
    assert_int_equal(verify_against(kernel_certificate, kernel_key, other_certificate,
                                    TLS_LEVEL_PEER_AUTH, TLS_DATES_WARN, &verified, warning, &err),
                     D2K_NOT_VERIFIED);
    assert_false(verified);
    uint8_t digest[TLS_DIGEST_SIZE];
    char hex[2 * TLS_DIGEST_SIZE + 1];
    assert_true(tls_x509_digest(kernel_certificate, digest));
    text_hex(hex, digest, sizeof digest);
    assert_non_null(strstr(err.text, "CN=kernel"));
    assert_non_null(strstr(err.text, hex));
    assert_non_null(strstr(err.text, "in TLS_TrustedCerts (1 usable)"));
}

static void an_empty_list_verifies_nothing(void **state)
{
    (void)state;
    bool verified = true;
    char warning[256];
    struct error err;
    assert_int_equal(verify_against(kernel_certificate, kernel_key, NULL, TLS_LEVEL_PEER_AUTH,
                                    TLS_DATES_WARN, &verified, warning, &err),
                     D2K_NOT_VERIFIED);
    assert_false(verified);
}

static void below_peer_auth_nothing_is_called_verified(void **state)
{
    (void)state;
    static const enum tls_level levels[] = {TLS_LEVEL_NONE, TLS_LEVEL_NO_PEER_AUTH};
    for (size_t i = 0; i < 2; i++) {
        for (int listed = 0; listed < 2; listed++) {
            bool verified = true;
            char warning[256];
            struct error err;
            assert_int_equal(verify_against(kernel_certificate, kernel_key,
                                            listed ? kernel_certificate : other_certificate,
                                            levels[i], TLS_DATES_STRICT, &verified, warning, &err),
                             D2K_OK);
            assert_false(verified);
        }
    }
}

static void what_a_trusted_v1_certificate_has_signed_is_not_trusted(void **state)
{
    (void)state;
    const struct fixture_certificate v1 = {.name = "seed", .key = other_key, .v1 = true};
    X509 *trusted = fixture_make(&v1);
    const struct fixture_certificate forged = {
        .name = "seed", .key = kernel_key, .issuer = trusted, .issuer_key = other_key};
    X509 *presented = fixture_make(&forged);
    bool verified = true;
    char warning[256];
    struct error err;
    assert_int_equal(verify_against(presented, kernel_key, trusted, TLS_LEVEL_PEER_AUTH,
                                    TLS_DATES_WARN, &verified, warning, &err),
                     D2K_NOT_VERIFIED);
    assert_false(verified);
    X509_free(presented);
    X509_free(trusted);
}

static void what_a_trusted_ca_has_signed_is_not_trusted(void **state)
{
    (void)state;
    const struct fixture_certificate ca = {.name = "ca", .key = other_key, .ca = true};
    X509 *trusted = fixture_make(&ca);
    const struct fixture_certificate leaf = {
        .name = "leaf", .key = kernel_key, .issuer = trusted, .issuer_key = other_key};
    X509 *presented = fixture_make(&leaf);
    bool verified = true;
    char warning[256];
    struct error err;
    assert_int_equal(verify_against(presented, kernel_key, trusted, TLS_LEVEL_PEER_AUTH,
                                    TLS_DATES_WARN, &verified, warning, &err),
                     D2K_NOT_VERIFIED);
    assert_int_equal(verify_against(presented, kernel_key, presented, TLS_LEVEL_PEER_AUTH,
                                    TLS_DATES_WARN, &verified, warning, &err),
                     D2K_OK);
    assert_true(verified);
    X509_free(presented);
    X509_free(trusted);
}

static void a_reissued_certificate_of_the_same_key_is_not_trusted(void **state)
{
    (void)state;
    X509 *reissued = fixture_simple("kernel", kernel_key);
    bool verified = true;
    char warning[256];
    struct error err;
    assert_int_equal(verify_against(reissued, kernel_key, kernel_certificate, TLS_LEVEL_PEER_AUTH,
                                    TLS_DATES_WARN, &verified, warning, &err),
                     D2K_NOT_VERIFIED);
    X509_free(reissued);
}

static void dates_are_warned_of_or_refused_as_configured(void **state)
{
    (void)state;
    const struct fixture_certificate cases[] = {
        {.name = "expired", .key = kernel_key, .begin_s = -10 * DAY_S, .end_s = -60},
        {.name = "early", .key = kernel_key, .begin_s = 3600, .end_s = 10 * DAY_S},
    };
    static const char *const words[] = {"has expired on ", "is not valid before "};
    for (size_t i = 0; i < 2; i++) {
        X509 *listed = fixture_make(&cases[i]);
        bool verified = false;
        char warning[256];
        struct error err;
        assert_int_equal(verify_against(listed, kernel_key, listed, TLS_LEVEL_PEER_AUTH,
                                        TLS_DATES_WARN, &verified, warning, &err),
                         D2K_OK);
        assert_true(verified);
        assert_non_null(strstr(warning, words[i]));
        assert_int_equal(verify_against(listed, kernel_key, listed, TLS_LEVEL_PEER_AUTH,
                                        TLS_DATES_STRICT, &verified, warning, &err),
                         D2K_NOT_VERIFIED);
        assert_false(verified);
        assert_non_null(strstr(err.text, words[i]));
        assert_int_equal(verify_against(listed, kernel_key, listed, TLS_LEVEL_NONE,
                                        TLS_DATES_STRICT, &verified, warning, &err),
                         D2K_NOT_VERIFIED);
        assert_int_equal(verify_against(listed, kernel_key, other_certificate, TLS_LEVEL_NONE,
                                        TLS_DATES_STRICT, &verified, warning, &err),
                         D2K_OK);
        assert_string_equal(warning, "");
        X509_free(listed);
    }
}

static void nothing_is_verified_before_the_handshake(void **state)
{
    (void)state;
    struct end client;
    struct error err;
    char warning[64];
    bool verified = true;
    client_open(&client,
                client_policy(TLS_MIN_1_2, TLS_LEVEL_NONE, kernel_certificate, TLS_DATES_WARN),
                NULL);
    assert_int_equal(
        tls_connection_verify(client.connection, &verified, warning, sizeof warning, &err),
        D2K_NOT_VERIFIED);
    assert_false(verified);
    end_close(&client);
}

/* ---- data ---- */

static void data_sent_with_the_finished_stays_in_the_input(void **state)
{
    (void)state;
    struct raw raw;
    struct end server;
    struct error err;
    raw_client(&raw, TLS1_3_VERSION);
    server_open(&server, server_policy(TLS_MIN_1_2, kernel_certificate, kernel_key));
    raw_start(&raw);
    (void)SSL_do_handshake(raw.ssl);
    carry_raw(&raw, &server);
    assert_int_equal(tls_connection_handshake(server.connection, &err), D2K_AGAIN);
    carry_raw(&raw, &server);
    assert_int_equal(SSL_do_handshake(raw.ssl), 1);
    raw_write(&raw, &server, "registration"); /* Finished and data arrive as one */
    assert_int_equal(tls_connection_handshake(server.connection, &err), D2K_OK);
    assert_true(buffer_size(&server.in) > 0);
    assert_int_equal(read_all(&server, &err), D2K_OK);
    assert_plain(&server, "registration");
    raw_close(&raw);
    end_close(&server);
}

static void a_megabyte_arrives_whole_in_large_records(void **state)
{
    (void)state;
    enum { SIZE = 1024 * 1024 };
    struct end client, server;
    struct error err;
    uint8_t *sent = malloc(SIZE);
    assert_non_null(sent);
    for (size_t i = 0; i < SIZE; i++) {
        sent[i] = (uint8_t)(i * 31 >> 3);
    }
    open_pair(&client, &server);
    assert_int_equal(tls_connection_write(client.connection, sent, SIZE, &err), D2K_OK);
    const size_t records = SIZE / 16384, overhead_of_tls13 = 22;
    assert_int_equal(buffer_size(&client.out), SIZE + records * overhead_of_tls13);
    while (buffer_size(&server.plain) < SIZE) {
        assert_true(carry(&client.out, &server.in, 1000) > 0);
        assert_int_equal(read_all(&server, &err), D2K_OK);
    }
    assert_memory_equal(buffer_data(&server.plain), sent, SIZE);
    free(sent);
    end_close(&client);
    end_close(&server);
}

static void reading_stops_where_it_is_enough(void **state)
{
    (void)state;
    struct end client, server;
    struct error err;
    open_pair(&client, &server);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(tls_connection_write(client.connection, "0123456789", 10, &err), D2K_OK);
    }
    (void)carry(&client.out, &server.in, SIZE_MAX);
    assert_int_equal(tls_connection_read(server.connection, &server.plain, 25, &err), D2K_OK);
    assert_int_equal(buffer_size(&server.plain), 30);
    assert_int_equal(tls_connection_read(server.connection, &server.plain, 30, &err), D2K_OK);
    assert_int_equal(buffer_size(&server.plain), 30);
    assert_int_equal(read_all(&server, &err), D2K_OK);
    assert_int_equal(buffer_size(&server.plain), 100);
    end_close(&client);
    end_close(&server);
}

static void output_over_its_limit_is_refused_and_nothing_is_written(void **state)
{
    (void)state;
    struct end client, server;
    struct error err;
    static uint8_t bytes[4096];
    open_pair(&client, &server);
    client.out.max_size = 5000;
    assert_int_equal(tls_connection_write(client.connection, bytes, sizeof bytes, &err), D2K_OK);
    size_t before = buffer_size(&client.out);
    assert_int_equal(tls_connection_write(client.connection, bytes, sizeof bytes, &err), D2K_LIMIT);
    assert_int_equal(buffer_size(&client.out), before);
    assert_false(buffer_failed(&client.out));
    (void)carry(&client.out, &server.in, SIZE_MAX);
    assert_int_equal(tls_connection_write(client.connection, bytes, sizeof bytes, &err), D2K_OK);
    (void)carry(&client.out, &server.in, SIZE_MAX);
    assert_int_equal(read_all(&server, &err), D2K_OK);
    assert_int_equal(buffer_size(&server.plain), 2 * sizeof bytes);
    end_close(&client);
    end_close(&server);
}

static void a_forged_record_ends_the_link(void **state)
{
    (void)state;
    struct end client, server;
    struct error err;
    open_pair(&client, &server);
    assert_int_equal(tls_connection_write(client.connection, "data", 4, &err), D2K_OK);
    buffer_put(&server.in, buffer_data(&client.out), buffer_size(&client.out) - 1);
    buffer_put_u8(&server.in,
                  (uint8_t)(buffer_data(&client.out)[buffer_size(&client.out) - 1] ^ 1u));
    assert_int_equal(read_all(&server, &err), D2K_TLS);
    assert_non_null(strstr(err.text, "damaged or forged"));
    assert_int_equal(read_all(&server, &err), D2K_TLS);
    assert_int_equal(tls_connection_write(server.connection, "x", 1, &err), D2K_TLS);
    end_close(&client);
    end_close(&server);
}

static void a_replayed_record_ends_the_link(void **state)
{
    (void)state;
    struct end client, server;
    struct error err;
    open_pair(&client, &server);
    assert_int_equal(tls_connection_write(client.connection, "data", 4, &err), D2K_OK);
    buffer_put(&server.in, buffer_data(&client.out), buffer_size(&client.out));
    assert_int_equal(read_all(&server, &err), D2K_OK);
    buffer_put(&server.in, buffer_data(&client.out), buffer_size(&client.out));
    assert_int_equal(read_all(&server, &err), D2K_TLS);
    end_close(&client);
    end_close(&server);
}

static void close_notify_is_told_after_the_data_before_it(void **state)
{
    (void)state;
    struct end client, server;
    struct error err;
    open_pair(&client, &server);
    assert_int_equal(tls_connection_write(client.connection, "bye", 3, &err), D2K_OK);
    tls_connection_close_notify(client.connection);
    (void)carry(&client.out, &server.in, SIZE_MAX);
    assert_int_equal(read_all(&server, &err), D2K_OK);
    assert_plain(&server, "bye");
    assert_int_equal(read_all(&server, &err), D2K_CLOSED);
    assert_int_equal(read_all(&server, &err), D2K_CLOSED);
    end_close(&client);
    end_close(&server);
}

static void an_end_without_close_notify_is_not_called_closed(void **state)
{
    (void)state;
    struct end client, server;
    struct error err;
    open_pair(&client, &server);
    assert_int_equal(tls_connection_write(client.connection, "bye", 3, &err), D2K_OK);
    (void)carry(&client.out, &server.in, buffer_size(&client.out) - 1);
    assert_int_equal(read_all(&server, &err), D2K_OK);
    assert_int_equal(buffer_size(&server.plain), 0);
    assert_int_equal(read_all(&server, &err), D2K_OK);
    end_close(&client);
    end_close(&server);
}

static void an_idle_link_needs_no_room_for_plain_bytes(void **state)
{
    (void)state;
    struct end client, server;
    struct error err;
    open_pair(&client, &server);
    assert_int_equal(read_all(&server, &err), D2K_OK);
    assert_null(server.plain.storage);
    end_close(&client);
    end_close(&server);
}

/* ---- messages without data ---- */

static void send_key_updates(struct raw *raw, struct end *server, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(SSL_key_update(raw->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(raw->ssl), 1);
    }
    carry_raw(raw, server);
}

static void key_updates_in_a_row_are_limited(void **state)
{
    (void)state;
    for (unsigned past = 0; past < 2; past++) {
        struct raw raw;
        struct end server;
        struct error err = {.text = ""};
        raw_client(&raw, TLS1_3_VERSION);
        raw_connect(&raw, &server, TLS_MIN_1_2);
        send_key_updates(&raw, &server, TLS_CONTROL_MESSAGES_IN_A_ROW_MAX + past);
        if (past == 0) {
            raw_write(&raw, &server, "x");
            assert_int_equal(read_all(&server, &err), D2K_OK);
            assert_plain(&server, "x");
        } else {
            assert_int_equal(read_all(&server, &err), D2K_TLS);
            assert_non_null(strstr(err.text, "floods"));
        }
        raw_close(&raw);
        end_close(&server);
    }
}

static void key_updates_between_data_are_limited_by_the_minute(void **state)
{
    (void)state;
    struct raw raw;
    struct end server;
    struct error err = {.text = ""};
    raw_client(&raw, TLS1_3_VERSION);
    raw_connect(&raw, &server, TLS_MIN_1_2);
    unsigned left = TLS_CONTROL_MESSAGES_A_MINUTE_MAX;
    while (left > 0) {
        unsigned count = left < 50 ? left : 50;
        send_key_updates(&raw, &server, count);
        raw_write(&raw, &server, "x");
        assert_int_equal(read_all(&server, &err), D2K_OK);
        left -= count;
    }
    send_key_updates(&raw, &server, 1);
    assert_int_equal(read_all(&server, &err), D2K_TLS);
    assert_non_null(strstr(err.text, "floods"));
    raw_close(&raw);
    end_close(&server);
}

static void a_requested_key_update_is_answered_and_data_goes_on(void **state)
{
    (void)state;
    struct raw raw;
    struct end server;
    struct error err;
    char data[8];
    raw_client(&raw, TLS1_3_VERSION);
    raw_connect(&raw, &server, TLS_MIN_1_2);
    assert_int_equal(SSL_key_update(raw.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(raw.ssl), 1);
    raw_write(&raw, &server, "x");
    assert_int_equal(read_all(&server, &err), D2K_OK);
    assert_plain(&server, "x");
    assert_int_equal(tls_connection_write(server.connection, "answer", 6, &err), D2K_OK);
    carry_raw(&raw, &server);
    assert_int_equal(SSL_read(raw.ssl, data, sizeof data), 6);
    raw_close(&raw);
    end_close(&server);
}

/* Of X25519, in TLS 1.3, where OpenSSL keeps them. */
static void assert_keys_forgotten(SSL *ssl)
{
    EVP_PKEY *ours = NULL, *theirs = NULL;
    uint8_t bytes[32];
    size_t size = sizeof bytes;
    if (SSL_get_tmp_key(ssl, &ours) == 1) {
        assert_int_equal(EVP_PKEY_get_raw_private_key(ours, bytes, &size), 0);
        EVP_PKEY_free(ours);
    }
    assert_int_equal(SSL_get_peer_tmp_key(ssl, &theirs), 1);
    size = sizeof bytes;
    assert_int_equal(EVP_PKEY_get_raw_public_key(theirs, bytes, &size), 0);
    EVP_PKEY_free(theirs);
    ERR_clear_error();
}

static void the_keys_of_the_exchange_are_forgotten(void **state)
{
    (void)state;
    struct end client, server;
    server_open(&server, server_policy(TLS_MIN_1_3, kernel_certificate, kernel_key));
    client_open(&client,
                client_policy(TLS_MIN_1_3, TLS_LEVEL_PEER_AUTH, kernel_certificate, TLS_DATES_WARN),
                NULL);
    shake_hands(&client, &server, SIZE_MAX);
    assert_keys_forgotten(tls_connection_ssl(server.connection));
    assert_keys_forgotten(tls_connection_ssl(client.connection));
    end_close(&client);
    end_close(&server);
}

static void assert_no_handshake_record(const struct buffer *out)
{
    const uint8_t *bytes = buffer_data(out);
    const size_t header_size = 5;
    for (size_t at = 0; at + header_size <= buffer_size(out);
         at += header_size + ((size_t)bytes[at + 3] << 8 | bytes[at + 4])) {
        assert_int_not_equal(bytes[at], SSL3_RT_HANDSHAKE);
    }
}

static void renegotiation_is_not_done(void **state)
{
    (void)state;
    struct raw raw;
    struct end server;
    struct error err;
    raw_client(&raw, TLS1_2_VERSION);
    raw_connect(&raw, &server, TLS_MIN_1_2);
    assert_int_equal(SSL_renegotiate(raw.ssl), 1);
    (void)SSL_do_handshake(raw.ssl);
    carry_raw(&raw, &server);
    assert_true(buffer_size(&server.in) > 0);
    assert_int_equal(read_all(&server, &err), D2K_OK);
    assert_int_equal(buffer_size(&server.in), 0);
    assert_int_equal(tls_connection_write(server.connection, "data", 4, &err), D2K_OK);
    assert_true(buffer_size(&server.out) > 0);
    assert_no_handshake_record(&server.out);
    raw_close(&raw);
    end_close(&server);
}

static void a_server_that_asks_for_renegotiation_gets_no_client_hello(void **state)
{
    (void)state;
    struct raw raw;
    struct end client;
    struct error err;
    raw_context(&raw, TLS_server_method());
    assert_int_equal(SSL_CTX_set_max_proto_version(raw.context, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_CTX_use_certificate(raw.context, kernel_certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(raw.context, kernel_key), 1);
    SSL_CTX_set_alpn_select_cb(raw.context, select_d2k, NULL);
    client_open(&client, client_policy(TLS_MIN_1_2, TLS_LEVEL_NONE, NULL, TLS_DATES_WARN), NULL);
    raw_start(&raw);
    assert_int_equal(shake_with_raw(&raw, &client, &err), D2K_OK);
    assert_int_equal(SSL_renegotiate(raw.ssl), 1);
    (void)SSL_do_handshake(raw.ssl);
    carry_raw(&raw, &client);
    assert_true(buffer_size(&client.in) > 0);
    assert_int_equal(read_all(&client, &err), D2K_OK);
    assert_int_equal(tls_connection_write(client.connection, "data", 4, &err), D2K_OK);
    assert_no_handshake_record(&client.out);
    raw_close(&raw);
    end_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_that_is_not_in_the_list_is_not_verified),
        cmocka_unit_test(an_empty_list_verifies_nothing),
        cmocka_unit_test(below_peer_auth_nothing_is_called_verified),
        cmocka_unit_test(what_a_trusted_v1_certificate_has_signed_is_not_trusted),
        cmocka_unit_test(what_a_trusted_ca_has_signed_is_not_trusted),
        cmocka_unit_test(a_reissued_certificate_of_the_same_key_is_not_trusted),
        cmocka_unit_test(dates_are_warned_of_or_refused_as_configured),
        cmocka_unit_test(nothing_is_verified_before_the_handshake),
        cmocka_unit_test(data_sent_with_the_finished_stays_in_the_input),
        cmocka_unit_test(a_megabyte_arrives_whole_in_large_records),
        cmocka_unit_test(reading_stops_where_it_is_enough),
        cmocka_unit_test(output_over_its_limit_is_refused_and_nothing_is_written),
        cmocka_unit_test(a_forged_record_ends_the_link),
        cmocka_unit_test(a_replayed_record_ends_the_link),
        cmocka_unit_test(close_notify_is_told_after_the_data_before_it),
        cmocka_unit_test(an_end_without_close_notify_is_not_called_closed),
        cmocka_unit_test(an_idle_link_needs_no_room_for_plain_bytes),
        cmocka_unit_test(key_updates_in_a_row_are_limited),
        cmocka_unit_test(key_updates_between_data_are_limited_by_the_minute),
        cmocka_unit_test(a_requested_key_update_is_answered_and_data_goes_on),
        cmocka_unit_test(the_keys_of_the_exchange_are_forgotten),
        cmocka_unit_test(renegotiation_is_not_done),
        cmocka_unit_test(a_server_that_asks_for_renegotiation_gets_no_client_hello),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
