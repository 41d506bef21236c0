/* tls/openssl_error.h: the one place that understands OpenSSL's error queue (internal to src/tls).
 *
 * The queue belongs to the thread: each function of src/tls that calls OpenSSL clears it first
 * (ERR_clear_error), so that no older error is taken for its own. */
#ifndef D2K_TLS_OPENSSL_ERROR_H
#define D2K_TLS_OPENSSL_ERROR_H

#include <stddef.h>

#include "base/error.h"
#include "registry/settings.h"

/* Sets D2K_TLS: why a handshake or a link failed, in words, with OpenSSL's own reason in brackets.
 * Empties the queue. */
d2k_result tls_error_of_link(struct error *err, enum tls_min_version min_version);

/* Sets `code` and "<text>: <OpenSSL's reason>"; empties the queue. */
d2k_result tls_error_of_call(struct error *err, d2k_result code, const char *format, ...)
    D2K_PRINTF(3, 4);

/* To be called within a callback of OpenSSL before it refuses: tls_error_of_link() will say just
 * this. `text` must be safe for a log. */
void tls_error_from_callback(const char *text);

#endif
