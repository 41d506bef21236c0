/* tls/openssl_error.c: from OpenSSL's error queue to a sentence for an administrator. */
#include "tls/openssl_error.h"

#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/text.h"
#include "tls/policy.h"

#define CALLBACK_REASON 1 /* in ERR_LIB_USER */

enum words {
    NO_COMMON_VERSION,
    NO_COMMON_CIPHER,
    NO_COMMON_GROUP,
    NO_COMMON_SIGNATURE,
    NOT_TLS,
    DAMAGED,
    BROKE_PROTOCOL,
    NO_RENEGOTIATION,
    OTHER,
};

static const char *const words_text[] = {
    [NO_COMMON_CIPHER] = "no shared cipher: the peer offers none of the cipher suites that we "
                         "accept (TLS 1.3, or TLS 1.2 with ECDHE and GCM or ChaCha20)",
    [NO_COMMON_GROUP] = "the peer offers none of the key exchange groups X25519, P-256, P-384",
    [NO_COMMON_SIGNATURE] = "the peer cannot check signatures of our kind of key",
    [NOT_TLS] = "what the peer sent is not TLS",
    [DAMAGED] = "a record of the peer was damaged or forged on its way",
    [BROKE_PROTOCOL] = "the peer broke the TLS protocol",
    [NO_RENEGOTIATION] = "the peer wanted to renegotiate, which is not allowed",
    [OTHER] = "TLS failed",
};

static enum words words_of(int reason)
{
    switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_INAPPROPRIATE_FALLBACK:
    case SSL_R_UNKNOWN_PROTOCOL:
        return NO_COMMON_VERSION;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CIPHERS_SPECIFIED:
    case SSL_R_WRONG_CIPHER_RETURNED:
    case SSL_R_UNKNOWN_CIPHER_RETURNED:
        return NO_COMMON_CIPHER;
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SHARED_GROUPS:
        return NO_COMMON_GROUP;
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
        return NO_COMMON_SIGNATURE;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
        return NOT_TLS;
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case SSL_R_BAD_SIGNATURE:
    case SSL_R_DIGEST_CHECK_FAILED:
        return DAMAGED;
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_UNEXPECTED_RECORD:
    case SSL_R_UNEXPECTED_CCS_MESSAGE:
    case SSL_R_LENGTH_MISMATCH:
    case SSL_R_LENGTH_TOO_SHORT:
    case SSL_R_LENGTH_TOO_LONG:
    case SSL_R_DATA_LENGTH_TOO_LONG:
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_BAD_PACKET:
    case SSL_R_BAD_EXTENSION:
    case SSL_R_BAD_LENGTH:
    case SSL_R_BAD_KEY_SHARE:
    case SSL_R_BAD_KEY_UPDATE:
    case SSL_R_NOT_ON_RECORD_BOUNDARY:
    case SSL_R_UNSOLICITED_EXTENSION:
    case SSL_R_RECORD_TOO_SMALL:
    case SSL_R_TOO_MANY_WARN_ALERTS:
    case SSL_R_TOO_MANY_KEY_UPDATES:
        return BROKE_PROTOCOL;
    case SSL_R_NO_RENEGOTIATION:
    case SSL_R_RENEGOTIATION_MISMATCH:
        return NO_RENEGOTIATION;
    default:
        return OTHER;
    }
}

/* What an administrator should make of an alert of the peer; NULL: its name says it all. */
static const char *alert_hint(int alert)
{
    switch (alert) {
    case SSL_AD_NO_APPLICATION_PROTOCOL:
        return "it does not speak ALPN " TLS_ALPN ": it is not a d2k process of this version";
    case SSL_AD_HANDSHAKE_FAILURE:
        return "it shares no cipher suite, group or signature algorithm with us";
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
        return "it does not accept our certificate";
    case SSL_AD_CERTIFICATE_EXPIRED:
        return "for it our certificate has expired; check the clocks too";
    case SSL_AD_INSUFFICIENT_SECURITY:
        return "our key or cipher suites are too weak for it";
    default:
        return NULL;
    }
}

static d2k_result peer_alert(struct error *err, int alert, enum tls_min_version min_version)
{
    const char *name = SSL_alert_desc_string_long(alert);
    if (alert == SSL_AD_PROTOCOL_VERSION) {
        return error_set(err, D2K_TLS,
                         "the peer offers no common TLS version (we need %s or newer) [alert %s]",
                         tls_min_version_name(min_version), name);
    }
    const char *hint = alert_hint(alert);
    if (hint == NULL) {
        return error_set(err, D2K_TLS, "the peer refused with TLS alert '%s' (%d)", name, alert);
    }
    return error_set(err, D2K_TLS, "the peer refused with TLS alert '%s' (%d): %s", name, alert,
                     hint);
}

d2k_result tls_error_of_link(struct error *err, enum tls_min_version min_version)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long first = ERR_peek_error_all(NULL, NULL, NULL, &data, &flags);
    int reason = ERR_GET_REASON(first);
    d2k_result result;
    if (first == 0) {
        result = error_set(err, D2K_TLS, "TLS failed without a reason");
    } else if (ERR_GET_LIB(first) == ERR_LIB_USER) {
        const char *text = (flags & ERR_TXT_STRING) != 0 && data != NULL ? data : "refused";
        result = error_set(err, D2K_TLS, "%s", text);
    } else if (ERR_GET_LIB(first) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET) {
        result = peer_alert(err, reason - SSL_AD_REASON_OFFSET, min_version);
    } else {
        const char *raw = ERR_reason_error_string(first);
        enum words words = ERR_GET_LIB(first) == ERR_LIB_SSL ? words_of(reason) : OTHER;
        if (words == NO_COMMON_VERSION) {
            result = error_set(err, D2K_TLS,
                               "the peer offers no common TLS version (we need %s or newer) [%s]",
                               tls_min_version_name(min_version), raw != NULL ? raw : "?");
        } else {
            result = error_set(err, D2K_TLS, "%s [%s]", words_text[words],
                               raw != NULL ? raw : "unknown reason");
        }
    }
    ERR_clear_error();
    return result;
}

d2k_result tls_error_of_call(struct error *err, d2k_result code, const char *format, ...)
{
    char what[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    unsigned long first = ERR_peek_error();
    const char *raw = first != 0 ? ERR_reason_error_string(first) : NULL;
    ERR_clear_error();
    if (raw == NULL) {
        return error_set(err, code, "%s", what);
    }
    return error_set(err, code, "%s [%s]", what, raw);
}

void tls_error_from_callback(const char *text)
{
    ERR_raise_data(ERR_LIB_USER, CALLBACK_REASON, "%s", text);
}
