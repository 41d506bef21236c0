/* tls/resumption.c: tickets of a kernel and sessions of a client, bound to trust and age. */
#include "tls/resumption.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/cursor.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/thread.h"
#include "tls/connection_internal.h"
#include "tls/openssl_error.h"

#define TICKETS_A_HANDSHAKE 1

/* ---- the kernel ---- */

static void put_u64(uint8_t *at, uint64_t number)
{
    for (unsigned i = 0; i < 8; i++) {
        at[i] = (uint8_t)(number >> (8 * i));
    }
}

void tls_ticket_data_put(uint8_t ret_data[TLS_TICKET_DATA_SIZE], uint64_t generation,
                         uint64_t born_ms)
{
    put_u64(ret_data, generation);
    put_u64(ret_data + 8, born_ms);
}

bool tls_ticket_is_good(const void *data, size_t size, uint64_t generation, uint64_t now_ms)
{
    struct cursor c = cursor_of(data, size);
    uint64_t its_generation = cursor_u64(&c);
    uint64_t born_ms = cursor_u64(&c);
    return !c.failed && c.left == 0 && its_generation == generation && born_ms <= now_ms &&
           now_ms - born_ms <= TLS_SESSION_AGE_MAX_MS;
}

/* A ticket of a resumed session keeps the birth that came in the ticket before it. */
static int give_ticket(SSL *ssl, void *context)
{
    uint8_t data[TLS_TICKET_DATA_SIZE];
    (void)context;
    if (SSL_session_reused(ssl)) {
        return 1;
    }
    tls_ticket_data_put(data, tls_policy_generation(tls_policy_of_ssl(ssl)), os_monotonic_ms());
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, sizeof(data));
}

static SSL_TICKET_RETURN take_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
                                     size_t key_name_size, SSL_TICKET_STATUS status, void *context)
{
    void *data = NULL;
    size_t size = 0;
    (void)key_name;
    (void)key_name_size;
    (void)context;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    if (SSL_SESSION_get0_ticket_appdata(session, &data, &size) != 1 ||
        !tls_ticket_is_good(data, size, tls_policy_generation(tls_policy_of_ssl(ssl)),
                            os_monotonic_ms())) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return SSL_TICKET_RETURN_USE_RENEW;
}

d2k_result tls_resumption_serve(SSL_CTX *context, struct error *err)
{
    static const unsigned char id_context[] = TLS_ALPN;
    SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_timeout(context, (long)(TLS_SESSION_AGE_MAX_MS / 1000));
    if (SSL_CTX_set_num_tickets(context, TICKETS_A_HANDSHAKE) != 1 ||
        SSL_CTX_set_session_id_context(context, id_context, sizeof(id_context) - 1) != 1 ||
        SSL_CTX_set_session_ticket_cb(context, give_ticket, take_ticket, NULL) != 1) {
        return tls_error_of_call(err, D2K_TLS, "OpenSSL does not take our rules for tickets");
    }
    return D2K_OK;
}

static bool offers_tls13(const uint8_t *extension, size_t size)
{
    for (size_t at = 1; size > 0 && at + 1 < size; at += 2) {
        if ((extension[at] << 8 | extension[at + 1]) == TLS1_3_VERSION) {
            return true;
        }
    }
    return false;
}

void tls_resumption_look_at_hello(SSL *ssl)
{
    const uint8_t *extension = NULL;
    size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &extension, &size) != 1 ||
        !offers_tls13(extension, size)) {
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
    }
}

/* ---- the client ---- */

struct remembered {
    char peer[TLS_SESSION_PEER_MAX + 1];
    SSL_SESSION *session; /* NULL: free */
    uint64_t used;        /* order of use */
};

struct tls_sessions {
    struct os_mutex *mutex;
    uint64_t uses;
    struct remembered entries[TLS_SESSIONS_MAX];
};

struct tls_sessions *tls_sessions_new(void)
{
    struct tls_sessions *sessions = calloc(1, sizeof(*sessions));
    if (sessions != NULL && (sessions->mutex = os_mutex_new()) == NULL) {
        free(sessions);
        return NULL;
    }
    return sessions;
}

void tls_sessions_free(struct tls_sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    for (size_t i = 0; i < TLS_SESSIONS_MAX; i++) {
        SSL_SESSION_free(sessions->entries[i].session);
    }
    os_mutex_free(sessions->mutex);
    free(sessions);
}

/* The entry of this peer, else a free one, else the one used longest ago. */
static struct remembered *entry_for(struct tls_sessions *sessions, const char *peer)
{
    struct remembered *best = &sessions->entries[0];
    for (size_t i = 0; i < TLS_SESSIONS_MAX; i++) {
        struct remembered *entry = &sessions->entries[i];
        if (entry->session != NULL && strcmp(entry->peer, peer) == 0) {
            return entry;
        }
        if (best->session != NULL && (entry->session == NULL || entry->used < best->used)) {
            best = entry;
        }
    }
    return best;
}

void tls_sessions_keep(struct tls_sessions *sessions, const char *peer, SSL_SESSION *session)
{
    if (strlen(peer) > TLS_SESSION_PEER_MAX) {
        SSL_SESSION_free(session);
        return;
    }
    os_mutex_lock(sessions->mutex);
    struct remembered *entry = entry_for(sessions, peer);
    SSL_SESSION_free(entry->session);
    (void)text_copy(entry->peer, sizeof(entry->peer), peer);
    entry->session = session;
    entry->used = ++sessions->uses;
    os_mutex_unlock(sessions->mutex);
}

SSL_SESSION *tls_sessions_take(struct tls_sessions *sessions, const char *peer)
{
    SSL_SESSION *session = NULL;
    os_mutex_lock(sessions->mutex);
    struct remembered *entry = entry_for(sessions, peer);
    if (entry->session != NULL && strcmp(entry->peer, peer) == 0) {
        session = entry->session;
        entry->session = NULL;
    }
    os_mutex_unlock(sessions->mutex);
    return session;
}

void tls_resumption_use(SSL_CTX *context)
{
    SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, tls_connection_keep_session);
}
