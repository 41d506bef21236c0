/* tls/context.c: every decision about the TLS protocol itself: versions, ciphers, groups, ALPN, no
 * renegotiation, no resumption unless resumption.c is asked for it. */
#include "tls/context.h"

#include <string.h>

#include <openssl/err.h>

#include "base/text.h"
#include "tls/openssl_error.h"
#include "tls/policy.h"
#include "tls/resumption.h"

static const char ciphers_of_tls12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                       "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                       "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static const char key_exchange_groups[] = "X25519:P-256:P-384";

/* ALPN's own form: each name with its length in front. */
static const uint8_t alpn_wire[] = {5, 'd', '2', 'k', '/', '1'};
_Static_assert(sizeof(alpn_wire) == sizeof(TLS_ALPN), "length byte instead of terminator");

/* We look the presented certificate up in the list ourselves, after the handshake: chains and
 * issuers mean nothing here, and building them costs time. */
static int leave_certificate_to_pins(X509_STORE_CTX *store, void *context)
{
    (void)context;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static d2k_result context_new(const SSL_METHOD *method, enum tls_min_version min_version,
                              SSL_CTX **ret_context, struct error *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(method);
    if (context == NULL) {
        return tls_error_of_call(err, D2K_TLS, "OpenSSL cannot be used");
    }
    int lowest = min_version == TLS_MIN_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    if (SSL_CTX_set_min_proto_version(context, lowest) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, ciphers_of_tls12) != 1 ||
        SSL_CTX_set1_groups_list(context, key_exchange_groups) != 1 ||
        SSL_CTX_set_max_early_data(context, 0) != 1 ||
        SSL_CTX_set_recv_max_early_data(context, 0) != 1) {
        SSL_CTX_free(context);
        return tls_error_of_call(err, D2K_TLS,
                                 "OpenSSL refuses our versions, cipher suites or groups");
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, TLS_PEER_CHAIN_MAX);
    *ret_context = context;
    return D2K_OK;
}

/* Whether a list of names in ALPN's form contains ours; false for a malformed list too. */
static bool alpn_list_has_ours(const uint8_t *list, size_t size)
{
    for (size_t at = 0; at < size; at += 1u + list[at]) {
        if (size - at >= sizeof(alpn_wire) &&
            memcmp(list + at, alpn_wire, sizeof(alpn_wire)) == 0) {
            return true;
        }
    }
    return false;
}

/* OpenSSL calls the ALPN callback only when the client sent the extension; here, before any
 * signature, a client without it is refused as well. */
static int check_client_hello(SSL *ssl, int *ret_alert, void *context)
{
    (void)context;
    const uint8_t *extension = NULL;
    size_t size = 0;
    *ret_alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
                                  &extension, &size) != 1) {
        tls_error_from_callback("the peer speaks no ALPN " TLS_ALPN ": it is not a d2k client");
        return SSL_CLIENT_HELLO_ERROR;
    }
    const size_t list_length_size = 2;
    if (size < list_length_size ||
        !alpn_list_has_ours(extension + list_length_size, size - list_length_size)) {
        tls_error_from_callback("the peer offers other protocols by ALPN, but not " TLS_ALPN
                                ": it is not a d2k client of this version");
        return SSL_CLIENT_HELLO_ERROR;
    }
    tls_resumption_look_at_hello(ssl);
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int select_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                       const unsigned char *offered, unsigned int offered_size, void *context)
{
    (void)ssl;
    (void)context;
    if (!alpn_list_has_ours(offered, offered_size)) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret_name = alpn_wire + 1;
    *ret_size = (unsigned char)(sizeof(alpn_wire) - 1);
    return SSL_TLSEXT_ERR_OK;
}

static d2k_result use_identity(SSL_CTX *context, const struct tls_identity *identity,
                               struct error *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate(context, identity->leaf) != 1) {
        return tls_error_of_call(err, D2K_FILE, "OpenSSL refuses the certificate");
    }
    if (SSL_CTX_use_PrivateKey(context, identity->key) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return tls_error_of_call(err, D2K_FILE, "OpenSSL refuses the key");
    }
    for (int i = 0; i < sk_X509_num(identity->chain); i++) {
        if (SSL_CTX_add1_chain_cert(context, sk_X509_value(identity->chain, i)) != 1) {
            return tls_error_of_call(
                err, D2K_FILE, "OpenSSL refuses a certificate of the chain (number %d)", i + 1);
        }
    }
    return D2K_OK;
}

d2k_result tls_context_new_server(enum tls_min_version min_version,
                                  const struct tls_identity *identity, SSL_CTX **ret_context,
                                  struct error *err)
{
    SSL_CTX *context = NULL;
    d2k_result result = context_new(TLS_server_method(), min_version, &context, err);
    if (result != D2K_OK) {
        return result;
    }
    result = use_identity(context, identity, err);
    if (result == D2K_OK && SSL_CTX_set_num_tickets(context, 0) != 1) {
        result = tls_error_of_call(err, D2K_TLS, "OpenSSL does not switch tickets off");
    }
    if (result != D2K_OK) {
        SSL_CTX_free(context);
        return result;
    }
    SSL_CTX_set_client_hello_cb(context, check_client_hello, NULL);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, NULL);
    *ret_context = context;
    return D2K_OK;
}

d2k_result tls_context_new_client(enum tls_min_version min_version, SSL_CTX **ret_context,
                                  struct error *err)
{
    SSL_CTX *context = NULL;
    d2k_result result = context_new(TLS_client_method(), min_version, &context, err);
    if (result != D2K_OK) {
        return result;
    }
    SSL_CTX_set_cert_verify_callback(context, leave_certificate_to_pins, NULL);
    if (SSL_CTX_set_alpn_protos(context, alpn_wire, sizeof(alpn_wire)) != 0) {
        SSL_CTX_free(context);
        return tls_error_of_call(err, D2K_TLS, "OpenSSL does not take ALPN " TLS_ALPN);
    }
    *ret_context = context;
    return D2K_OK;
}
