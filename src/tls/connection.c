/* tls/connection.c: one TLS link over two buffers, from handshake to close_notify. */
#include "tls/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/list.h"
#include "base/text.h"
#include "os/clock.h"
#include "tls/bio.h"
#include "tls/certificate_info.h"
#include "tls/connection_internal.h"
#include "tls/openssl_error.h"
#include "tls/policy_internal.h"
#include "tls/x509_text.h"

#define RECORD_SIZE_MAX     16384u
#define RECORD_OVERHEAD_MAX 64u /* header, nonce, tag; and a KeyUpdate that is due */

#define MINUTE_MS 60000u

struct tls_connection {
    struct tls_policy *policy;
    SSL *ssl;
    struct tls_bio_ends ends;
    bool is_server;
    bool established;
    bool failed;
    char *peer;                /* that sessions are remembered by; NULL: they are not */
    unsigned control_in_a_row; /* since the last data */
    unsigned control_in_minute;
    uint64_t minute_began_ms;
};

static void count_control_message(struct tls_connection *connection)
{
    uint64_t now = os_monotonic_ms();
    if (now - connection->minute_began_ms >= MINUTE_MS) {
        connection->minute_began_ms = now;
        connection->control_in_minute = 0;
    }
    connection->control_in_a_row++;
    connection->control_in_minute++;
    if (connection->control_in_a_row > TLS_CONTROL_MESSAGES_IN_A_ROW_MAX ||
        connection->control_in_minute > TLS_CONTROL_MESSAGES_A_MINUTE_MAX) {
        connection->ends.stopped = true;
    }
}

/* Sees every message that OpenSSL handles. In TLS 1.2 a refused renegotiation is not told as a
 * message, so there every record that is not data counts. */
static void watch_messages(int sent, int version, int content_type, const void *bytes, size_t size,
                           SSL *ssl, void *context)
{
    struct tls_connection *connection = context;
    (void)version;
    if (sent != 0 || !connection->established || size == 0) {
        return;
    }
    const uint8_t *first = bytes;
    bool control = SSL_version(ssl) >= TLS1_3_VERSION
                       ? content_type == SSL3_RT_HANDSHAKE || content_type == SSL3_RT_ALERT
                       : content_type == SSL3_RT_HEADER && first[0] != SSL3_RT_APPLICATION_DATA;
    if (control) {
        count_control_message(connection);
    }
}

static d2k_result connection_new(struct tls_policy *policy, bool is_server, struct buffer *in,
                                 struct buffer *out, struct tls_connection **ret_connection,
                                 struct error *err)
{
    if (policy->context == NULL) {
        return error_set(err, D2K_TLS, "no certificate can be used, so there is no TLS");
    }
    struct tls_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return error_no_memory(err);
    }
    ERR_clear_error();
    connection->policy = tls_policy_ref(policy);
    connection->is_server = is_server;
    connection->ends = (struct tls_bio_ends){.in = in, .out = out};
    connection->ssl = SSL_new(policy->context);
    BIO *bio = tls_bio_new(policy->bio_method, &connection->ends);
    if (connection->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        tls_connection_free(connection);
        return tls_error_of_call(err, D2K_NO_MEMORY, "out of memory for a TLS connection");
    }
    SSL_set_bio(connection->ssl, bio, bio);
    SSL_set_msg_callback(connection->ssl, watch_messages);
    SSL_set_msg_callback_arg(connection->ssl, connection);
    *ret_connection = connection;
    return D2K_OK;
}

d2k_result tls_connection_new_server(struct tls_policy *policy, struct buffer *in,
                                     struct buffer *out, struct tls_connection **ret_connection,
                                     struct error *err)
{
    d2k_result result = connection_new(policy, true, in, out, ret_connection, err);
    if (result == D2K_OK) {
        SSL_set_accept_state((*ret_connection)->ssl);
    }
    return result;
}

/* SNI carries host names only (RFC 6066). */
static bool is_host_name(const char *name)
{
    if (name == NULL || name[0] == '\0' || strlen(name) > TLSEXT_MAXLEN_host_name ||
        strchr(name, ':') != NULL) {
        return false;
    }
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    return address == NULL;
}

d2k_result tls_connection_new_client(struct tls_policy *policy, const char *server_name,
                                     struct buffer *in, struct buffer *out,
                                     struct tls_connection **ret_connection, struct error *err)
{
    d2k_result result = connection_new(policy, false, in, out, ret_connection, err);
    if (result != D2K_OK) {
        return result;
    }
    SSL_set_connect_state((*ret_connection)->ssl);
    if (is_host_name(server_name) &&
        SSL_set_tlsext_host_name((*ret_connection)->ssl, server_name) != 1) {
        tls_connection_free(*ret_connection);
        *ret_connection = NULL;
        return tls_error_of_call(err, D2K_NO_MEMORY, "the server's name cannot be set");
    }
    return D2K_OK;
}

void tls_connection_free(struct tls_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    SSL_free(connection->ssl);
    tls_policy_unref(connection->policy);
    free(connection->peer);
    free(connection);
}

/* ---- resumption ---- */

/* Through its BIO: data that applications attach to an SSL cost 96 bytes more. */
static const struct tls_connection *connection_of(const SSL *ssl)
{
    const struct tls_bio_ends *ends = BIO_get_data(SSL_get_rbio(ssl));
    return LIST_MEMBER(ends, const struct tls_connection, ends);
}

const struct tls_policy *tls_policy_of_ssl(const SSL *ssl)
{
    return connection_of(ssl)->policy;
}

SSL *tls_connection_ssl(const struct tls_connection *connection)
{
    return connection->ssl;
}

int tls_connection_keep_session(SSL *ssl, SSL_SESSION *session)
{
    const struct tls_connection *connection = connection_of(ssl);
    if (connection->peer == NULL || SSL_version(ssl) < TLS1_3_VERSION) {
        return 0;
    }
    /* A copy: OpenSSL takes back the session of a connection that ends without close_notify, and
     * those are just the ones that come back. */
    SSL_SESSION *copy = SSL_SESSION_dup(session);
    if (copy != NULL) {
        tls_sessions_keep(connection->policy->sessions, connection->peer, copy);
    }
    return 0;
}

void tls_connection_resume(struct tls_connection *connection, const char *peer)
{
    if (connection->is_server || connection->policy->sessions == NULL || connection->peer != NULL) {
        return;
    }
    connection->peer = text_format("%s", peer);
    if (connection->peer == NULL) {
        return;
    }
    SSL_SESSION *session = tls_sessions_take(connection->policy->sessions, peer);
    if (session != NULL) {
        ERR_clear_error();
        (void)SSL_set_session(connection->ssl, session); /* else the handshake is a full one */
        ERR_clear_error();
        SSL_SESSION_free(session);
    }
}

/* ---- handshake ---- */

/* Why a call of OpenSSL failed for good. */
static d2k_result link_failed(struct tls_connection *connection, struct error *err)
{
    connection->failed = true;
    if (connection->ends.stopped) {
        ERR_clear_error();
        return error_set(err, D2K_TLS,
                         "the peer floods us with TLS messages without data (more than %u in a row "
                         "or %u in a minute)",
                         TLS_CONTROL_MESSAGES_IN_A_ROW_MAX, TLS_CONTROL_MESSAGES_A_MINUTE_MAX);
    }
    if (buffer_failed(connection->ends.out)) {
        ERR_clear_error();
        return error_set(err, D2K_LIMIT, "more bytes wait for the peer than the limit of %u",
                         connection->ends.out->max_size);
    }
    return tls_error_of_link(err, connection->policy->min_version);
}

static d2k_result already_failed(struct error *err)
{
    return error_set(err, D2K_TLS, "TLS has failed on this connection before");
}

static d2k_result check_alpn(struct tls_connection *connection, struct error *err)
{
    const unsigned char *name = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(connection->ssl, &name, &size);
    if (size == strlen(TLS_ALPN) && memcmp(name, TLS_ALPN, size) == 0) {
        return D2K_OK;
    }
    connection->failed = true;
    return error_set(err, D2K_TLS, "the peer speaks no ALPN " TLS_ALPN ": it is not a d2k %s",
                     connection->is_server ? "client" : "kernel");
}

/* Empties a key that OpenSSL would keep as long as the connection. */
static void forget_key(EVP_PKEY *key)
{
    (void)EVP_PKEY_set_type(key, EVP_PKEY_get_base_id(key));
    EVP_PKEY_free(key);
}

/* Both halves of the key exchange have done their work: ours is a secret that nothing needs any
 * more, and together they take 0.4 KiB. */
static void forget_key_exchange(SSL *ssl)
{
    EVP_PKEY *key = NULL;
    if (SSL_get_tmp_key(ssl, &key) == 1) {
        forget_key(key);
    }
    if (SSL_get_peer_tmp_key(ssl, &key) == 1) {
        forget_key(key);
    }
    ERR_clear_error();
}

d2k_result tls_connection_handshake(struct tls_connection *connection, struct error *err)
{
    if (connection->failed) {
        return already_failed(err);
    }
    if (connection->established) {
        return D2K_OK;
    }
    ERR_clear_error();
    int done = SSL_do_handshake(connection->ssl);
    if (done != 1) {
        if (SSL_get_error(connection->ssl, done) == SSL_ERROR_WANT_READ) {
            return D2K_AGAIN;
        }
        return link_failed(connection, err);
    }
    forget_key_exchange(connection->ssl);
    d2k_result result = check_alpn(connection, err);
    connection->established = result == D2K_OK;
    return result;
}

static d2k_result not_in_list(const struct tls_connection *connection, const X509 *presented,
                              const char *digest_hex, struct error *err)
{
    char subject[256];
    tls_x509_subject(presented, subject, sizeof(subject));
    size_t count = connection->policy->pins.count;
    return error_set(err, D2K_NOT_VERIFIED,
                     "the certificate of the kernel (%s, SHA-256 %s) is not among the certificates "
                     "in TLS_TrustedCerts (%zu usable)",
                     subject, digest_hex, count);
}

static d2k_result apply_date_policy(const struct tls_connection *connection, const X509 *listed,
                                    char *ret_warning, size_t warning_size, struct error *err)
{
    char trouble[128], subject[256];
    if (tls_x509_dates_are_good(listed, time(NULL), trouble, sizeof(trouble))) {
        return D2K_OK;
    }
    tls_x509_subject(listed, subject, sizeof(subject));
    if (connection->policy->dates == TLS_DATES_STRICT) {
        return error_set(err, D2K_NOT_VERIFIED,
                         "the certificate of the kernel (%s) %s, and TLS_CertDates is strict",
                         subject, trouble);
    }
    (void)snprintf(ret_warning, warning_size,
                   "the certificate of the kernel (%s) %s; it is in TLS_TrustedCerts, so it is "
                   "accepted: replace it",
                   subject, trouble);
    return D2K_OK;
}

d2k_result tls_connection_verify(struct tls_connection *connection, bool *ret_verified,
                                 char *ret_warning, size_t warning_size, struct error *err)
{
    *ret_verified = false;
    if (warning_size > 0) {
        ret_warning[0] = '\0';
    }
    if (connection->is_server || !connection->established || connection->failed) {
        return error_set(err, D2K_NOT_VERIFIED, "there is no kernel's certificate to verify");
    }
    ERR_clear_error();
    uint8_t digest[TLS_DIGEST_SIZE];
    const X509 *presented = SSL_get0_peer_certificate(connection->ssl);
    if (presented == NULL || !tls_x509_digest(presented, digest)) {
        return error_set(err, D2K_NOT_VERIFIED, "the kernel presented no certificate");
    }
    bool required = connection->policy->level == TLS_LEVEL_PEER_AUTH;
    if (!tls_pins_has(&connection->policy->pins, digest)) {
        char hex[2 * TLS_DIGEST_SIZE + 1];
        text_hex(hex, digest, sizeof(digest));
        return required ? not_in_list(connection, presented, hex, err) : D2K_OK;
    }
    d2k_result result = apply_date_policy(connection, presented, ret_warning, warning_size, err);
    *ret_verified = required && result == D2K_OK;
    return result;
}

/* Appends one record's worth of data. D2K_OK, D2K_AGAIN (no whole record there), D2K_CLOSED,
 * D2K_TLS, D2K_LIMIT, D2K_NO_MEMORY. */
static d2k_result read_record(struct tls_connection *connection, struct buffer *plain,
                              struct error *err)
{
    /* No more comes out than is there: most links say little, and room for a whole record would be
     * 16 KiB. */
    size_t wanted = plain->max_size - buffer_size(plain);
    size_t here = buffer_size(connection->ends.in) + (size_t)SSL_pending(connection->ssl);
    size_t most = here < RECORD_SIZE_MAX ? here : RECORD_SIZE_MAX;
    if (wanted > most) {
        wanted = most;
    }
    uint8_t *room = buffer_reserve(plain, wanted);
    if (room == NULL || wanted == 0) {
        return error_set(err, D2K_NO_MEMORY, "no room for decrypted bytes");
    }
    size_t count = 0;
    ERR_clear_error();
    int done = SSL_read_ex(connection->ssl, room, wanted, &count);
    if (done == 1) {
        connection->control_in_a_row = 0;
        buffer_added(plain, count);
        return connection->ends.stopped ? link_failed(connection, err) : D2K_OK;
    }
    switch (SSL_get_error(connection->ssl, done)) {
    case SSL_ERROR_WANT_READ:
        return connection->ends.stopped ? link_failed(connection, err) : D2K_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return D2K_CLOSED;
    default:
        return link_failed(connection, err);
    }
}

d2k_result tls_connection_read(struct tls_connection *connection, struct buffer *plain,
                               size_t enough, struct error *err)
{
    if (connection->failed || !connection->established) {
        return already_failed(err);
    }
    size_t before = buffer_size(plain);
    while (buffer_size(plain) < enough) {
        bool closed = (SSL_get_shutdown(connection->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
        if (!closed && buffer_size(connection->ends.in) == 0 && SSL_pending(connection->ssl) == 0) {
            break;
        }
        d2k_result result = closed ? D2K_CLOSED : read_record(connection, plain, err);
        if (result == D2K_AGAIN) {
            break;
        }
        if (result == D2K_CLOSED && buffer_size(plain) > before) {
            break; /* the caller works on these first; the next call says it */
        }
        if (result == D2K_CLOSED) {
            return error_set(err, D2K_CLOSED, "the peer ended TLS (close_notify)");
        }
        if (result != D2K_OK) {
            return result;
        }
    }
    return D2K_OK;
}

d2k_result tls_connection_write(struct tls_connection *connection, const void *bytes, size_t size,
                                struct error *err)
{
    if (connection->failed || !connection->established) {
        return already_failed(err);
    }
    if (size == 0) {
        return D2K_OK;
    }
    struct buffer *out = connection->ends.out;
    size_t overhead = (size / RECORD_SIZE_MAX + 1) * RECORD_OVERHEAD_MAX;
    if (overhead > SIZE_MAX - size || buffer_size(out) > out->max_size ||
        size + overhead > out->max_size - buffer_size(out)) {
        return error_set(err, D2K_LIMIT,
                         "%zu bytes wait for the peer already; with %zu more they would be over "
                         "the limit of %u",
                         buffer_size(out), size, out->max_size);
    }
    if (buffer_reserve(out, size + overhead) == NULL) {
        return error_no_memory(err);
    }
    size_t written = 0;
    ERR_clear_error();
    if (SSL_write_ex(connection->ssl, bytes, size, &written) != 1 || written != size) {
        return link_failed(connection, err);
    }
    return D2K_OK;
}

void tls_connection_close_notify(struct tls_connection *connection)
{
    if (connection->failed || !connection->established) {
        return;
    }
    ERR_clear_error();
    (void)SSL_shutdown(connection->ssl);
    ERR_clear_error();
}

const char *tls_connection_version(const struct tls_connection *connection)
{
    return SSL_get_version(connection->ssl);
}

const char *tls_connection_cipher(const struct tls_connection *connection)
{
    return SSL_get_cipher_name(connection->ssl);
}

bool tls_connection_resumed(const struct tls_connection *connection)
{
    return SSL_session_reused(connection->ssl) != 0;
}

bool tls_connection_peer_digest(const struct tls_connection *connection,
                                uint8_t ret_digest[TLS_DIGEST_SIZE])
{
    const X509 *presented = SSL_get0_peer_certificate(connection->ssl);
    return presented != NULL && tls_x509_digest(presented, ret_digest);
}

d2k_result tls_connection_peer_certificates(const struct tls_connection *connection,
                                            struct tls_certificate_info **ret_infos,
                                            size_t *ret_count, struct error *err)
{
    STACK_OF(X509) *presented = SSL_get_peer_cert_chain(connection->ssl);
    if (connection->is_server || presented == NULL || sk_X509_num(presented) < 1) {
        return error_set(err, D2K_TLS, "the kernel presented no certificate");
    }
    *ret_count = (size_t)sk_X509_num(presented);
    return tls_certificate_infos("the kernel's certificates", presented, ret_infos, err);
}
