/* tests/unit/tls_peers.h: links in memory: d2k's own ends, and an OpenSSL that does as it likes. To
 * be included after <cmocka.h>. */
#ifndef D2K_TEST_TLS_PEERS_H
#define D2K_TEST_TLS_PEERS_H

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/text.h"
#include "tls/connection.h"
#include "tls/context.h"
#include "tls/policy_internal.h"
#include "tls/x509_text.h"
#include "tls_fixture.h"

#define LINK_MAX (4u * 1024 * 1024)

/* ---- what the tests share ---- */

static EVP_PKEY *kernel_key, *other_key;
static X509 *kernel_certificate, *other_certificate;

static inline int make_identities(void **state)
{
    (void)state;
    kernel_key = fixture_key("P-256");
    other_key = fixture_key("P-256");
    kernel_certificate = fixture_simple("kernel", kernel_key);
    other_certificate = fixture_simple("other", other_key);
    return 0;
}

static inline int free_identities(void **state)
{
    (void)state;
    EVP_PKEY_free(kernel_key);
    EVP_PKEY_free(other_key);
    X509_free(kernel_certificate);
    X509_free(other_certificate);
    return 0;
}

static inline struct tls_policy *server_policy(enum tls_min_version min_version, X509 *certificate,
                                               EVP_PKEY *key)
{
    struct error err;
    struct tls_identity identity = {.leaf = certificate, .key = key, .chain = sk_X509_new_null()};
    struct tls_policy *policy = tls_policy_new();
    SSL_CTX *context = NULL;
    assert_non_null(policy);
    policy->min_version = min_version;
    assert_int_equal(tls_context_new_server(min_version, &identity, &context, &err), D2K_OK);
    assert_int_equal(tls_policy_set_context(policy, context, &err), D2K_OK);
    sk_X509_free(identity.chain);
    return policy;
}

static inline struct tls_policy *client_policy(enum tls_min_version min_version,
                                               enum tls_level level, X509 *trusted,
                                               enum tls_cert_dates dates)
{
    struct error err;
    struct tls_policy *policy = tls_policy_new();
    SSL_CTX *context = NULL;
    assert_non_null(policy);
    policy->min_version = min_version;
    policy->level = level;
    policy->dates = dates;
    assert_int_equal(tls_context_new_client(min_version, &context, &err), D2K_OK);
    assert_int_equal(tls_policy_set_context(policy, context, &err), D2K_OK);
    if (trusted != NULL) {
        uint8_t digest[TLS_DIGEST_SIZE];
        assert_true(tls_x509_digest(trusted, digest));
        assert_int_equal(tls_pins_add(&policy->pins, digest, &err), D2K_OK);
        tls_pins_sort(&policy->pins);
    }
    return policy;
}

/* One of our ends. */
struct end {
    struct buffer in, out, plain;
    struct tls_connection *connection;
};

static inline void end_init(struct end *end)
{
    *end = (struct end){.connection = NULL};
    buffer_init(&end->in, LINK_MAX);
    buffer_init(&end->out, LINK_MAX);
    buffer_init(&end->plain, LINK_MAX);
}

static inline void server_open(struct end *end, struct tls_policy *policy)
{
    struct error err;
    end_init(end);
    assert_int_equal(tls_connection_new_server(policy, &end->in, &end->out, &end->connection, &err),
                     D2K_OK);
    tls_policy_unref(policy); /* the connection keeps it */
}

static inline void client_open(struct end *end, struct tls_policy *policy, const char *server_name)
{
    struct error err;
    end_init(end);
    assert_int_equal(
        tls_connection_new_client(policy, server_name, &end->in, &end->out, &end->connection, &err),
        D2K_OK);
    tls_policy_unref(policy);
}

static inline void end_close(struct end *end)
{
    tls_connection_free(end->connection);
    buffer_free(&end->in);
    buffer_free(&end->out);
    buffer_free(&end->plain);
}

static inline size_t carry(struct buffer *from, struct buffer *to, size_t most)
{
    size_t count = buffer_size(from) < most ? buffer_size(from) : most;
    if (count > 0) {
        buffer_put(to, buffer_data(from), count);
        buffer_consume(from, count);
        assert_false(buffer_failed(to));
    }
    return count;
}

/* A whole handshake between two of our ends, `piece` bytes at a time. */
static inline void shake_hands(struct end *client, struct end *server, size_t piece)
{
    struct error err;
    d2k_result c = D2K_AGAIN, s = D2K_AGAIN;
    for (int i = 0; i < 100000 && (c != D2K_OK || s != D2K_OK); i++) {
        c = c == D2K_OK ? c : tls_connection_handshake(client->connection, &err);
        assert_true(c == D2K_OK || c == D2K_AGAIN);
        (void)carry(&client->out, &server->in, piece);
        s = s == D2K_OK ? s : tls_connection_handshake(server->connection, &err);
        assert_true(s == D2K_OK || s == D2K_AGAIN);
        (void)carry(&server->out, &client->in, piece);
    }
    assert_int_equal(c, D2K_OK);
    assert_int_equal(s, D2K_OK);
}

static inline void open_pair(struct end *client, struct end *server)
{
    server_open(server, server_policy(TLS_MIN_1_2, kernel_certificate, kernel_key));
    client_open(client,
                client_policy(TLS_MIN_1_2, TLS_LEVEL_PEER_AUTH, kernel_certificate, TLS_DATES_WARN),
                "localhost");
    shake_hands(client, server, SIZE_MAX);
}

/* ---- the peer that does as it likes ---- */

static const unsigned char alpn_d2k[] = {5, 'd', '2', 'k', '/', '1'};

struct raw {
    SSL_CTX *context;
    SSL *ssl;
    unsigned tickets_seen;
};

static inline void count_tickets(int sent, int version, int type, const void *bytes, size_t size,
                                 SSL *ssl, void *context)
{
    struct raw *raw = context;
    (void)version;
    (void)ssl;
    if (sent == 0 && type == SSL3_RT_HANDSHAKE && size > 0 &&
        *(const uint8_t *)bytes == SSL3_MT_NEWSESSION_TICKET) {
        raw->tickets_seen++;
    }
}

static inline void raw_context(struct raw *raw, const SSL_METHOD *method)
{
    *raw = (struct raw){.context = SSL_CTX_new(method)};
    assert_non_null(raw->context);
}

static inline void raw_start(struct raw *raw)
{
    SSL_free(raw->ssl);
    raw->ssl = SSL_new(raw->context);
    assert_non_null(raw->ssl);
    SSL_set_bio(raw->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_msg_callback(raw->ssl, count_tickets);
    SSL_set_msg_callback_arg(raw->ssl, raw);
    if (SSL_is_server(raw->ssl)) {
        SSL_set_accept_state(raw->ssl);
    } else {
        SSL_set_connect_state(raw->ssl);
    }
}

/* A client of our ALPN, at most this version (0: any). */
static inline void raw_client(struct raw *raw, int max_version)
{
    raw_context(raw, TLS_client_method());
    assert_int_equal(SSL_CTX_set_max_proto_version(raw->context, max_version), 1);
    assert_int_equal(SSL_CTX_set_alpn_protos(raw->context, alpn_d2k, sizeof alpn_d2k), 0);
}

static inline void raw_close(struct raw *raw)
{
    SSL_free(raw->ssl);
    SSL_CTX_free(raw->context);
}

static inline void carry_raw(struct raw *raw, struct end *end)
{
    unsigned char piece[4096];
    int count;
    while ((count = BIO_read(SSL_get_wbio(raw->ssl), piece, sizeof piece)) > 0) {
        buffer_put(&end->in, piece, (size_t)count);
    }
    if (buffer_size(&end->out) > 0) {
        int size = (int)buffer_size(&end->out);
        assert_int_equal(BIO_write(SSL_get_rbio(raw->ssl), buffer_data(&end->out), size), size);
        buffer_consume(&end->out, buffer_size(&end->out));
    }
}

/* Until our side is through or has failed; *err says why. */
static inline d2k_result shake_with_raw(struct raw *raw, struct end *end, struct error *err)
{
    ERR_clear_error();
    for (int i = 0; i < 10; i++) {
        (void)SSL_do_handshake(raw->ssl);
        ERR_clear_error();
        carry_raw(raw, end);
        d2k_result result = tls_connection_handshake(end->connection, err);
        if (result != D2K_AGAIN) {
            return result;
        }
        carry_raw(raw, end);
    }
    return D2K_AGAIN;
}

static inline void raw_connect(struct raw *raw, struct end *server,
                               enum tls_min_version min_version)
{
    struct error err = {.text = ""};
    server_open(server, server_policy(min_version, kernel_certificate, kernel_key));
    raw_start(raw);
    d2k_result result = shake_with_raw(raw, server, &err);
    assert_string_equal(result == D2K_OK ? "" : err.text, "");
    carry_raw(raw, server);
    assert_int_equal(SSL_do_handshake(raw->ssl), 1);
}

static inline void raw_write(struct raw *raw, struct end *end, const char *text)
{
    assert_int_equal(SSL_write(raw->ssl, text, (int)strlen(text)), (int)strlen(text));
    carry_raw(raw, end);
}

static inline void assert_plain(struct end *end, const char *text)
{
    assert_int_equal(buffer_size(&end->plain), strlen(text));
    assert_memory_equal(buffer_data(&end->plain), text, strlen(text));
    buffer_reset(&end->plain);
}

static inline d2k_result read_all(struct end *end, struct error *err)
{
    return tls_connection_read(end->connection, &end->plain, SIZE_MAX, err);
}

static inline int select_d2k(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                             const unsigned char *offered, unsigned size, void *context)
{
    (void)ssl;
    (void)offered;
    (void)size;
    (void)context;
    *ret_name = alpn_d2k + 1;
    *ret_size = alpn_d2k[0];
    return SSL_TLSEXT_ERR_OK;
}

static inline void raw_server(struct raw *raw, int max_version)
{
    raw_context(raw, TLS_server_method());
    assert_int_equal(SSL_CTX_set_max_proto_version(raw->context, max_version), 1);
    assert_int_equal(SSL_CTX_use_certificate(raw->context, kernel_certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(raw->context, kernel_key), 1);
    SSL_CTX_set_alpn_select_cb(raw->context, select_d2k, NULL);
}

#endif
