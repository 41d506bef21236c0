/* Who is resumed, and who is not: nobody unless it is switched on, nobody beyond the trust and the
 * age it came from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/clock.h"
#include "tls/connection_internal.h"
#include "tls_peers.h"

/* Goes on until the client has read what came after the handshake: its ticket. */
static void take_ticket(struct end *client, struct end *server)
{
    struct error err;
    (void)carry(&server->out, &client->in, SIZE_MAX);
    assert_int_equal(tls_connection_read(client->connection, &client->plain, 1, &err), D2K_OK);
}

/* One connection of a client that knows its kernel by the name `peer`; true: it was resumed. */
static bool connects_resumed(struct tls_policy *kernel, struct tls_policy *client_side,
                             const char *peer)
{
    struct end client, server;
    server_open(&server, tls_policy_ref(kernel));
    client_open(&client, tls_policy_ref(client_side), NULL);
    tls_connection_resume(client.connection, peer);
    shake_hands(&client, &server, SIZE_MAX);
    take_ticket(&client, &server);
    bool resumed = tls_connection_resumed(client.connection);
    assert_int_equal(tls_connection_resumed(server.connection), resumed);
    end_close(&client);
    end_close(&server);
    return resumed;
}

static struct tls_policy *verifying(X509 *trusted)
{
    struct error err;
    struct tls_policy *policy =
        client_policy(TLS_MIN_1_2, TLS_LEVEL_PEER_AUTH, trusted, TLS_DATES_WARN);
    assert_int_equal(tls_policy_resume_client(policy, &err), D2K_OK);
    return policy;
}

static struct tls_policy *resuming_kernel(void)
{
    struct error err;
    struct tls_policy *policy = server_policy(TLS_MIN_1_2, kernel_certificate, kernel_key);
    assert_int_equal(tls_policy_resume_server(policy, &err), D2K_OK);
    return policy;
}

/* On is the default of the configuration, not of a policy: it has to be asked for here. */
static void nothing_is_resumed_unless_it_is_switched_on(void **state)
{
    (void)state;
    struct tls_policy *kernel = server_policy(TLS_MIN_1_2, kernel_certificate, kernel_key);
    struct tls_policy *resuming = resuming_kernel();
    struct tls_policy *client = verifying(kernel_certificate);
    struct tls_policy *forgetful =
        client_policy(TLS_MIN_1_2, TLS_LEVEL_PEER_AUTH, kernel_certificate, TLS_DATES_WARN);
    for (int i = 0; i < 3; i++) {
        assert_false(connects_resumed(kernel, client, "plant:3119"));
        assert_false(connects_resumed(resuming, forgetful, "plant:3119"));
    }
    tls_policy_unref(kernel);
    tls_policy_unref(resuming);
    tls_policy_unref(client);
    tls_policy_unref(forgetful);
}

/* Nor is there a ticket that anybody could offer. */
static void no_ticket_is_sent_unless_it_is_switched_on(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        struct raw raw;
        struct end server;
        struct error err;
        char none[1];
        raw_client(&raw, versions[i]);
        server_open(&server, server_policy(TLS_MIN_1_2, kernel_certificate, kernel_key));
        raw_start(&raw);
        assert_int_equal(shake_with_raw(&raw, &server, &err), D2K_OK);
        carry_raw(&raw, &server);
        (void)SSL_read(raw.ssl, none, sizeof none);
        assert_int_equal(raw.tickets_seen, 0);
        assert_false(SSL_SESSION_has_ticket(SSL_get0_session(raw.ssl)));
        raw_close(&raw);
        end_close(&server);
    }
}

static void a_client_that_comes_back_is_resumed_again_and_again(void **state)
{
    (void)state;
    struct tls_policy *kernel = resuming_kernel();
    struct tls_policy *client = verifying(kernel_certificate);
    assert_false(connects_resumed(kernel, client, "plant:3119"));
    assert_true(connects_resumed(kernel, client, "plant:3119"));
    assert_true(connects_resumed(kernel, client, "plant:3119"));
    assert_false(connects_resumed(kernel, client, "other:3119"));
    tls_policy_unref(kernel);
    tls_policy_unref(client);
}

static void a_resumed_kernel_is_verified_by_its_certificate(void **state)
{
    (void)state;
    struct tls_policy *kernel = resuming_kernel();
    struct tls_policy *trusting = verifying(kernel_certificate);
    assert_false(connects_resumed(kernel, trusting, "plant:3119"));
    struct end client, server;
    struct error err;
    char warning[128];
    bool verified = false;
    server_open(&server, tls_policy_ref(kernel));
    client_open(&client, tls_policy_ref(trusting), NULL);
    tls_connection_resume(client.connection, "plant:3119");
    shake_hands(&client, &server, SIZE_MAX);
    assert_true(tls_connection_resumed(client.connection));
    assert_int_equal(
        tls_connection_verify(client.connection, &verified, warning, sizeof warning, &err), D2K_OK);
    assert_true(verified);
    end_close(&client);
    end_close(&server);
    tls_policy_unref(kernel);
    tls_policy_unref(trusting);
}

/* Even if a session of a kernel that was trusted once found its way to a client that does not. */
static void a_resumed_kernel_that_is_no_longer_listed_is_not_verified(void **state)
{
    (void)state;
    struct tls_policy *kernel = resuming_kernel();
    struct tls_policy *trusting = verifying(kernel_certificate);
    struct tls_policy *distrusting = verifying(other_certificate);
    assert_false(connects_resumed(kernel, trusting, "plant:3119"));
    SSL_SESSION *session = tls_sessions_take(trusting->sessions, "plant:3119");
    assert_non_null(session);
    tls_sessions_keep(distrusting->sessions, "plant:3119", session);
    struct end client, server;
    struct error err;
    char warning[128];
    bool verified = true;
    server_open(&server, tls_policy_ref(kernel));
    client_open(&client, tls_policy_ref(distrusting), NULL);
    tls_connection_resume(client.connection, "plant:3119");
    shake_hands(&client, &server, SIZE_MAX);
    assert_true(tls_connection_resumed(client.connection));
    assert_int_equal(
        tls_connection_verify(client.connection, &verified, warning, sizeof warning, &err),
        D2K_NOT_VERIFIED);
    assert_false(verified);
    end_close(&client);
    end_close(&server);
    tls_policy_unref(kernel);
    tls_policy_unref(trusting);
    tls_policy_unref(distrusting);
}

/* A new policy on either side: the same certificate and key, yet nothing is resumed. */
static void a_new_policy_of_the_kernel_resumes_nothing_of_the_old_one(void **state)
{
    (void)state;
    struct tls_policy *kernel = resuming_kernel();
    struct tls_policy *renewed = resuming_kernel();
    struct tls_policy *client = verifying(kernel_certificate);
    assert_false(connects_resumed(kernel, client, "plant:3119"));
    assert_false(connects_resumed(renewed, client, "plant:3119"));
    assert_true(connects_resumed(renewed, client, "plant:3119"));
    tls_policy_unref(kernel);
    tls_policy_unref(renewed);
    tls_policy_unref(client);
}

static void a_new_policy_of_the_client_resumes_nothing_of_the_old_one(void **state)
{
    (void)state;
    struct tls_policy *kernel = resuming_kernel();
    struct tls_policy *client = verifying(kernel_certificate);
    struct tls_policy *renewed = verifying(kernel_certificate);
    assert_false(connects_resumed(kernel, client, "plant:3119"));
    assert_false(connects_resumed(kernel, renewed, "plant:3119"));
    tls_policy_unref(kernel);
    tls_policy_unref(client);
    tls_policy_unref(renewed);
}

/* The ticket keys would be the same; the generation in the ticket is not. */
static void a_ticket_of_another_generation_is_not_taken(void **state)
{
    (void)state;
    struct tls_policy *kernel = resuming_kernel();
    struct tls_policy *client = verifying(kernel_certificate);
    kernel->generation = 1;
    assert_false(connects_resumed(kernel, client, "plant:3119"));
    kernel->generation = 2;
    assert_false(connects_resumed(kernel, client, "plant:3119"));
    assert_true(connects_resumed(kernel, client, "plant:3119"));
    tls_policy_unref(kernel);
    tls_policy_unref(client);
}

static void a_ticket_is_good_up_to_its_age_and_not_longer(void **state)
{
    (void)state;
    uint8_t data[TLS_TICKET_DATA_SIZE];
    const uint64_t born = 1000, last = born + TLS_SESSION_AGE_MAX_MS;
    tls_ticket_data_put(data, 7, born);
    assert_true(tls_ticket_is_good(data, sizeof data, 7, born));
    assert_true(tls_ticket_is_good(data, sizeof data, 7, last));
    assert_false(tls_ticket_is_good(data, sizeof data, 7, last + 1));
    assert_false(tls_ticket_is_good(data, sizeof data, 7, born - 1));
    assert_false(tls_ticket_is_good(data, sizeof data, 8, born));
    assert_false(tls_ticket_is_good(data, sizeof data - 1, 7, born));
    assert_false(tls_ticket_is_good(NULL, 0, 7, born));
}

/* One connection with the session of the one before (NULL: none), which is replaced by the new one.
 * What the kernel knows of the session is copied. */
static void connect_with(struct raw *raw, struct tls_policy *kernel, SSL_SESSION **session,
                         uint8_t ret_known[TLS_TICKET_DATA_SIZE])
{
    struct end server;
    struct error err;
    void *data = NULL;
    size_t size = 0;
    char none[1];
    server_open(&server, tls_policy_ref(kernel));
    raw_start(raw);
    assert_true(*session == NULL || SSL_set_session(raw->ssl, *session) == 1);
    assert_int_equal(shake_with_raw(raw, &server, &err), D2K_OK);
    assert_int_equal(tls_connection_resumed(server.connection), *session != NULL);
    carry_raw(raw, &server);
    (void)SSL_read(raw->ssl, none, sizeof none);
    SSL_SESSION_free(*session);
    *session = SSL_SESSION_dup(SSL_get0_session(raw->ssl));
    assert_true(SSL_SESSION_has_ticket(*session));
    const SSL *ssl = tls_connection_ssl(server.connection);
    assert_int_equal(SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &data, &size), 1);
    assert_int_equal(size, TLS_TICKET_DATA_SIZE);
    memcpy(ret_known, data, size);
    end_close(&server);
}

/* Each handshake gives a new ticket; its age must go on counting from the full one. */
static void renewal_does_not_make_a_session_younger(void **state)
{
    (void)state;
    struct raw raw;
    SSL_SESSION *session = NULL;
    uint8_t first[TLS_TICKET_DATA_SIZE], later[TLS_TICKET_DATA_SIZE];
    struct tls_policy *kernel = resuming_kernel();
    raw_client(&raw, TLS1_3_VERSION);
    connect_with(&raw, kernel, &session, first);
    assert_int_equal(raw.tickets_seen, 1);
    uint64_t begun = os_monotonic_ms();
    while (os_monotonic_ms() < begun + 3) {
    }
    connect_with(&raw, kernel, &session, later);
    connect_with(&raw, kernel, &session, later);
    assert_memory_equal(first, later, sizeof first);
    SSL_SESSION_free(session);
    raw_close(&raw);
    tls_policy_unref(kernel);
}

/* The client keeps whatever session it can get and offers it on a second connection. */
static void nothing_is_resumed_in_tls12(void **state)
{
    (void)state;
    struct raw raw;
    struct end first, second;
    struct error err;
    struct tls_policy *kernel = resuming_kernel();
    raw_client(&raw, TLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(raw.context, SSL_SESS_CACHE_CLIENT);
    server_open(&first, tls_policy_ref(kernel));
    raw_start(&raw);
    assert_int_equal(shake_with_raw(&raw, &first, &err), D2K_OK);
    SSL_SESSION *session = SSL_get1_session(raw.ssl);
    assert_non_null(session);
    assert_false(SSL_SESSION_has_ticket(session));
    unsigned id_size = 0;
    (void)SSL_SESSION_get_id(session, &id_size);
    assert_int_equal(id_size, 0);
    end_close(&first);
    server_open(&second, kernel);
    raw_start(&raw);
    assert_int_equal(SSL_set_session(raw.ssl, session), 1);
    assert_int_equal(shake_with_raw(&raw, &second, &err), D2K_OK);
    assert_false(tls_connection_resumed(second.connection));
    assert_int_equal(raw.tickets_seen, 0);
    SSL_SESSION_free(session);
    raw_close(&raw);
    end_close(&second);
}

static void our_client_resumes_nothing_in_tls12(void **state)
{
    (void)state;
    struct raw raw;
    struct error err;
    raw_server(&raw, TLS1_2_VERSION);
    struct tls_policy *policy = verifying(kernel_certificate);
    for (int connection = 0; connection < 3; connection++) {
        struct end client;
        client_open(&client, tls_policy_ref(policy), NULL);
        tls_connection_resume(client.connection, "plant:3119");
        raw_start(&raw);
        assert_int_equal(shake_with_raw(&raw, &client, &err), D2K_OK);
        raw_write(&raw, &client, "hello");
        assert_int_equal(read_all(&client, &err), D2K_OK);
        assert_plain(&client, "hello");
        assert_false(tls_connection_resumed(client.connection));
        end_close(&client);
    }
    tls_policy_unref(policy);
    raw_close(&raw);
}

static void a_client_remembers_a_bounded_number_of_kernels(void **state)
{
    (void)state;
    struct tls_sessions *sessions = tls_sessions_new();
    char peer[TLS_SESSION_PEER_MAX + 2];
    assert_non_null(sessions);
    for (unsigned i = 0; i <= TLS_SESSIONS_MAX; i++) {
        (void)snprintf(peer, sizeof peer, "plant-%u:3119", i);
        tls_sessions_keep(sessions, peer, SSL_SESSION_new());
    }
    assert_null(tls_sessions_take(sessions, "plant-0:3119")); /* used longest ago */
    for (unsigned i = 1; i <= TLS_SESSIONS_MAX; i++) {
        (void)snprintf(peer, sizeof peer, "plant-%u:3119", i);
        SSL_SESSION *session = tls_sessions_take(sessions, peer);
        assert_non_null(session);
        SSL_SESSION_free(session);
        assert_null(tls_sessions_take(sessions, peer)); /* a ticket is used once */
    }
    memset(peer, 'p', sizeof peer - 1);
    peer[sizeof peer - 1] = '\0';
    tls_sessions_keep(sessions, peer, SSL_SESSION_new());
    assert_null(tls_sessions_take(sessions, peer)); /* one past the limit */
    peer[TLS_SESSION_PEER_MAX] = '\0';
    tls_sessions_keep(sessions, peer, SSL_SESSION_new());
    SSL_SESSION *session = tls_sessions_take(sessions, peer);
    assert_non_null(session);
    SSL_SESSION_free(session);
    tls_sessions_free(sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_resumed_unless_it_is_switched_on),
        cmocka_unit_test(no_ticket_is_sent_unless_it_is_switched_on),
        cmocka_unit_test(a_client_that_comes_back_is_resumed_again_and_again),
        cmocka_unit_test(a_resumed_kernel_is_verified_by_its_certificate),
        cmocka_unit_test(a_resumed_kernel_that_is_no_longer_listed_is_not_verified),
        cmocka_unit_test(a_new_policy_of_the_kernel_resumes_nothing_of_the_old_one),
        cmocka_unit_test(a_new_policy_of_the_client_resumes_nothing_of_the_old_one),
        cmocka_unit_test(a_ticket_of_another_generation_is_not_taken),
        cmocka_unit_test(a_ticket_is_good_up_to_its_age_and_not_longer),
        cmocka_unit_test(renewal_does_not_make_a_session_younger),
        cmocka_unit_test(nothing_is_resumed_in_tls12),
        cmocka_unit_test(our_client_resumes_nothing_in_tls12),
        cmocka_unit_test(a_client_remembers_a_bounded_number_of_kernels),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
