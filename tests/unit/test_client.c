/* tests/unit/test_client.c: libd2k against a kernel that the test plays, in one thread: both sides
 * work in turn until a condition holds. */
#include "temporary_directory.h"

#include <errno.h>

#include <d2k/d2k.h>

#include "base/text.h"
#include "client/client.h"
#include "os/clock.h"
#include "os/socket.h"
#include "session/session.h"
#include "tls/certificate.h"
#include "wire/value.h"

#define PATIENCE_MS  10000u
#define LOG_SIZE     8192u
#define MESSAGES_MAX 256u

enum answer {
    ANSWER_REGISTERED, /* plays along */
    ANSWER_REFUSE,     /* Refuse(code) to Register */
    ANSWER_NOTHING,
    ANSWER_VERSION_2, /* Welcome with a version that nobody knows */
};

struct peer {
    int listening, fd;
    uint16_t port;
    struct session *session;
    struct tls_keeper *keeper; /* NULL: a kernel without TLS */
    enum answer answer;
    uint16_t code;
    uint32_t retry_after_ms;
    bool refuse_definitions, bad_ending;
    unsigned connections, plain_connections;
    unsigned received[128]; /* messages by type */
    uint32_t register_flags;
    uint8_t token_received[WIRE_TOKEN_SIZE];
    uint8_t client_instance[WIRE_ID_SIZE];
    uint16_t bye_code;
    uint32_t next_hobj, last_subscription;
    uint64_t last_request;
    size_t values;
    uint64_t sequence, updates;
    d2k_value last_value;
    bool sequence_broken;
};

struct test {
    struct temporary_directory *directory;
    struct peer peer;
    d2k_config *config;
    d2k_client *client;
    char log[LOG_SIZE];
};

/* ---- the kernel that is played ---- */

static void peer_send(struct peer *peer, const struct wire_message *message)
{
    assert_int_equal(session_send(peer->session, message), D2K_OK);
}

static void peer_close(struct peer *peer)
{
    if (peer->fd >= 0) {
        os_socket_close(peer->fd);
    }
    session_free(peer->session);
    peer->fd = -1;
    peer->session = NULL;
}

static void peer_welcome(struct peer *peer, const struct wire_message *hello)
{
    struct wire_message message = {.type = WIRE_WELCOME, .request = hello->request};
    message.as.welcome.version = peer->answer == ANSWER_VERSION_2 ? 2 : 1;
    message.as.welcome.capabilities = WIRE_CAPABILITIES;
    message.as.welcome.application = slice_of("PLANT");
    message.as.welcome.kernel_name = slice_of("KNL");
    message.as.welcome.kernel_version = slice_of("V1.00.000 s1");
    peer_send(peer, &message);
}

static void peer_register(struct peer *peer, const struct wire_message *question)
{
    const struct wire_registration *fields = &question->as.registration;
    peer->register_flags = fields->flags;
    memcpy(peer->token_received, fields->resume_token, WIRE_TOKEN_SIZE);
    memcpy(peer->client_instance, fields->client_instance, WIRE_ID_SIZE);
    if (peer->answer == ANSWER_REFUSE) {
        session_end(peer->session, WIRE_REFUSE, peer->code, peer->retry_after_ms, "no\x1b[31m way");
        return;
    }
    struct wire_message message = {.type = WIRE_REGISTERED, .request = question->request};
    message.as.registered.id_number = 7652;
    message.as.registered.connection_sql_id = peer->connections;
    message.as.registered.process_name = fields->process_name;
    memset(message.as.registered.resume_token, 0x5a, WIRE_TOKEN_SIZE);
    message.as.registered.watchdog_ms = fields->watchdog_ms;
    peer_send(peer, &message);
    session_set_registered(peer->session);
}

static void peer_define(struct peer *peer, const struct wire_message *question)
{
    struct wire_message message = {.type = WIRE_DEFINED, .request = question->request};
    message.as.defined.hobj = ++peer->next_hobj;
    if (peer->refuse_definitions) {
        message = (struct wire_message){.type = WIRE_FAILED, .request = question->request};
        message.as.failed.code = WIRE_CODE_NOT_OWNER;
        message.as.failed.sentence = slice_of("it belongs to SELF.KOM");
    }
    peer_send(peer, &message);
}

static void peer_update(struct peer *peer, const struct wire_message *message)
{
    struct cursor rest = cursor_of(message->as.update.values.data, message->as.update.values.size);
    struct error err;
    uint32_t hobj;
    d2k_value value;
    peer->updates++;
    while (wire_value_decode(&rest, &hobj, &value, &err) == 1) {
        peer->sequence_broken = peer->sequence_broken || value.sequence <= peer->sequence;
        peer->sequence = value.sequence;
        peer->last_value = value;
        peer->values++;
    }
    assert_int_equal(rest.left, 0);
}

static void peer_take(struct peer *peer, const struct wire_message *message)
{
    struct wire_message answer = {.request = message->request};
    peer->received[message->type]++;
    peer->last_request = message->request;
    if (peer->answer == ANSWER_NOTHING) {
        return;
    }
    switch (message->type) {
    case WIRE_HELLO:
        peer_welcome(peer, message);
        break;
    case WIRE_REGISTER:
        peer_register(peer, message);
        break;
    case WIRE_DEFINE:
        peer_define(peer, message);
        break;
    case WIRE_UPDATE:
        peer_update(peer, message);
        break;
    case WIRE_SUBSCRIBE:
        peer->last_subscription = message->as.subscribe.subscription;
        break;
    case WIRE_ACKNOWLEDGE_UP_TO:
        answer.type = WIRE_ACKNOWLEDGED;
        answer.as.acknowledged.sequence = message->as.acknowledge_up_to.sequence;
        peer_send(peer, &answer);
        break;
    case WIRE_PING:
        answer.type = WIRE_PONG;
        answer.as.pong.data = message->as.ping.data;
        peer_send(peer, &answer);
        break;
    case WIRE_BYE:
        peer->bye_code = message->as.bye.code;
        break;
    default:
        break;
    }
}

static void peer_flush(struct peer *peer)
{
    while (peer->session != NULL) {
        struct slice output = session_output(peer->session);
        size_t written = 0;
        if (output.size == 0 ||
            os_socket_write(peer->fd, output.data, output.size, &written) != 0) {
            break;
        }
        session_written(peer->session, written);
    }
    if (peer->session != NULL && session_state(peer->session) == SESSION_ENDED) {
        peer_close(peer);
    }
}

static void peer_advance(struct peer *peer)
{
    struct error err;
    struct wire_message message;
    uint16_t code;
    if (session_advance(peer->session, &err) != D2K_OK) {
        peer_close(peer);
        return;
    }
    if (session_state(peer->session) == SESSION_NEEDS_TLS) {
        if (peer->keeper == NULL) {
            session_end(peer->session, WIRE_REFUSE, WIRE_CODE_NO_TLS, 0, "no TLS here");
            return;
        }
        struct tls_policy *policy = tls_keeper_current(peer->keeper);
        assert_int_equal(session_start_tls(peer->session, policy, &err), D2K_OK);
        tls_policy_unref(policy);
        peer_advance(peer);
        return;
    }
    while (session_state(peer->session) == SESSION_OPEN &&
           session_next(peer->session, &message, &code, &err) == D2K_OK) {
        peer_take(peer, &message);
    }
}

static void peer_accept(struct peer *peer)
{
    struct os_address from;
    if (peer->listening < 0 || os_socket_accept(peer->listening, &peer->fd, &from) != 0) {
        peer->fd = -1;
        return;
    }
    peer->connections++;
    peer->session = session_new_server();
    assert_non_null(peer->session);
}

static void peer_work(struct peer *peer)
{
    size_t room_size;
    size_t got;
    if (peer->fd < 0) {
        peer_accept(peer);
    }
    while (peer->fd >= 0) {
        uint8_t *room = session_input(peer->session, 65536, &room_size);
        int failure = room == NULL ? EAGAIN : os_socket_read(peer->fd, room, room_size, &got);
        if (failure == EAGAIN) {
            break;
        }
        if (failure != 0 || got == 0) {
            peer->bad_ending = peer->received[WIRE_BYE] == 0;
            peer_close(peer);
            return;
        }
        session_received(peer->session, got);
        peer_advance(peer);
    }
    peer_flush(peer);
}

static void peer_listen(struct peer *peer)
{
    struct os_address address;
    assert_int_equal(os_address_parse("127.0.0.1", peer->port, &address), 0);
    assert_int_equal(os_socket_listen(&address, 16, &peer->listening), 0);
    peer->port = os_socket_local_port(peer->listening);
}

static void peer_stop_listening(struct peer *peer)
{
    os_socket_close(peer->listening);
    peer->listening = -1;
}

/* ---- the fixture ---- */

static void collect_log(void *context, d2k_log_level level, const char *line)
{
    struct test *test = context;
    size_t length = strlen(test->log);
    (void)snprintf(test->log + length, sizeof(test->log) - length, "%d %s\n", (int)level, line);
}

static int set_up(void **state)
{
    struct test *test = calloc(1, sizeof(*test));
    char server[64];
    void *directory = NULL;
    if (test == NULL || make_temporary_directory(&directory) != 0) {
        return -1;
    }
    test->directory = directory;
    test->peer.fd = -1;
    peer_listen(&test->peer);
    assert_int_equal(d2k_config_new("API", NULL, &test->config), D2K_OK);
    assert_int_equal(d2k_config_set_config_dir(test->config, test->directory->path), D2K_OK);
    (void)snprintf(server, sizeof(server), "127.0.0.1:%u", test->peer.port);
    assert_int_equal(d2k_config_set_server(test->config, server), D2K_OK);
    d2k_config_set_log(test->config, collect_log, test);
    *state = test;
    return 0;
}

static int tear_down(void **state)
{
    struct test *test = *state;
    void *directory = test->directory;
    d2k_client_free(test->client);
    d2k_config_free(test->config);
    peer_close(&test->peer);
    if (test->peer.listening >= 0) {
        os_socket_close(test->peer.listening);
    }
    tls_keeper_close(test->peer.keeper);
    free(test);
    return remove_temporary_directory(&directory);
}

static void new_client(struct test *test)
{
    char *why = NULL;
    d2k_result result = d2k_client_new(test->config, &test->client, &why);
    test->config = NULL;
    if (result != D2K_OK) {
        fail_msg("%s", why);
    }
}

/* Both sides work once, then wait shortly for something to do. */
static d2k_result turn(struct test *test)
{
    struct os_poll sockets[20] = {{.fd = -1}};
    d2k_socket wanted[16];
    size_t count = 0;
    d2k_result result = d2k_client_process(test->client);
    peer_work(&test->peer);
    size_t client_count = d2k_client_sockets(test->client, wanted, 16);
    for (size_t i = 0; i < client_count; i++) {
        sockets[count++] = (struct os_poll){.fd = wanted[i].socket,
                                            .events = (wanted[i].events & D2K_WANT_READ ? 1 : 0) |
                                                      (wanted[i].events & D2K_WANT_WRITE ? 2 : 0)};
    }
    int peer_fd = test->peer.fd >= 0 ? test->peer.fd : test->peer.listening;
    if (peer_fd >= 0) {
        sockets[count++] = (struct os_poll){.fd = peer_fd, .events = OS_READABLE};
    }
    int wait = d2k_client_deadline_ms(test->client);
    wait = wait < 0 || wait > 10 ? 10 : wait;
    assert_int_equal(os_poll(sockets, count, result == D2K_OK ? wait : 0), 0);
    return result;
}

#define UNTIL(test, condition)                                 \
    for (uint64_t begin_ = os_monotonic_ms(); !(condition);) { \
        (void)turn(test);                                      \
        if (os_monotonic_ms() - begin_ > PATIENCE_MS) {        \
            fail_msg("%s; log:\n%s", #condition, (test)->log); \
        }                                                      \
    }

static bool has_state(const struct test *test, enum client_state state)
{
    return client_state(test->client) == state;
}

/* The next event, whatever it is. */
static d2k_event next_event(struct test *test)
{
    d2k_event event = {.type = D2K_EVENT_DONE};
    uint64_t begin = os_monotonic_ms();
    while (d2k_client_next(test->client, &event, 0) != D2K_OK) {
        (void)turn(test);
        if (os_monotonic_ms() - begin > PATIENCE_MS) {
            fail_msg("no event; log:\n%s", test->log);
        }
    }
    return event;
}

static void register_client(struct test *test)
{
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, d2k_client_registered(test->client));
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
}

static void assert_logged(const struct test *test, const char *text)
{
    if (strstr(test->log, text) == NULL) {
        fail_msg("\"%s\" is not in the log:\n%s", text, test->log);
    }
}

static void assert_not_logged(const struct test *test, const char *text)
{
    if (strstr(test->log, text) != NULL) {
        fail_msg("\"%s\" is in the log:\n%s", text, test->log);
    }
}

static void use_application(struct test *test, const char *settings)
{
    write_file(path_in(test->directory, "cfg_PLANT.conf"), settings);
    assert_int_equal(d2k_config_set_application(test->config, "PLANT"), D2K_OK);
}

/* A pair for the kernel that is played; the client's level and list. */
static void use_tls(struct test *test, const char *level, const char *trusted)
{
    char settings[4 * TEST_PATH_MAX];
    static const char *const names[] = {"localhost", NULL};
    const struct tls_new_identity what = {.common_name = "kernel", .names = names, .days = 30};
    struct error err = {.text = ""};
    struct registry_location location;
    const char *directory = test->directory->path;
    assert_int_equal(tls_identity_new(&what, path_in(test->directory, "server.crt"),
                                      path_in(test->directory, "server.key"), false, &err),
                     D2K_OK);
    assert_int_equal(tls_identity_new(&what, path_in(test->directory, "other.crt"),
                                      path_in(test->directory, "other.key"), false, &err),
                     D2K_OK);
    (void)snprintf(settings, sizeof(settings),
                   "[TLS_Server]\nTLS_CertFile = %s/server.crt\nTLS_KeyFile = %s/server.key\n"
                   "TLS_RequiredLevel = TLSNoPeerAuth\n"
                   "[TLS_Client]\nTLS_TrustedCerts = %s/%s\nTLS_RequiredLevel = %s\n",
                   directory, directory, directory, trusted, level);
    use_application(test, settings);
    assert_int_equal(registry_locate(NULL, test->directory->path, &location, &err), D2K_OK);
    static struct registry_location kept; /* must outlive the keeper */
    registry_location_free(&kept);
    kept = location;
    if (tls_keeper_open_server(&kept, "PLANT", NULL, &test->peer.keeper, &err) != D2K_OK) {
        fail_msg("%s", err.text);
    }
}

/* ---- connecting ---- */

static void level_none_goes_on_in_plain_after_refuse_no_tls(void **state)
{
    struct test *test = *state;
    register_client(test);
    assert_int_equal(test->peer.connections, 2);
    assert_logged(test, "WARNING: No application name is known");
    assert_logged(test, "CLIENT - Connecting to D2000 Server [127.0.0.1] TCP/IP|TLS...\n");
    assert_logged(test, "1 [");
    assert_logged(test, "the kernel has no TLS; TLS_RequiredLevel is None: connecting without TLS");
    assert_logged(test, "CLIENT - Connecting to D2000 Server [127.0.0.1] TCP/IP...\n");
    char line[200];
    (void)snprintf(line, sizeof(line),
                   "CLIENT - Connection established to D2000 Kernel V1.00.000 s1 [TCP/IP "
                   "127.0.0.1:%u].\nConnectionSqlId = 2\n",
                   test->peer.port);
    assert_logged(test, line);
    assert_string_equal(d2k_client_tls_version(test->client), "");
    assert_false(d2k_client_verified(test->client));
    assert_int_equal(test->peer.register_flags, WIRE_REGISTER_NUMBERED);
}

static void higher_level_refuses_a_kernel_without_tls(void **state)
{
    struct test *test = *state;
    use_application(test, "[TLS_Client]\nTLS_RequiredLevel = TLSNoPeerAuth\n");
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_NO_TLS);
    assert_int_equal(test->peer.connections, 1);
    assert_logged(test, "0 [");
    assert_logged(test, "refused: the kernel has no TLS and TLS_RequiredLevel is TLSNoPeerAuth; "
                        "giving up.");
    assert_not_logged(test, "TCP/IP...");
}

/* The client works alone until its connection is accepted; nothing it says is read. */
static void accept_silently(struct test *test)
{
    uint64_t begin = os_monotonic_ms();
    while (test->peer.fd < 0) {
        assert_int_equal(d2k_client_process(test->client), D2K_OK);
        peer_accept(&test->peer);
        assert_true(os_monotonic_ms() - begin < PATIENCE_MS);
    }
}

static void end_silently(struct test *test)
{
    uint64_t begin = os_monotonic_ms();
    while (d2k_client_process(test->client) == D2K_OK) {
        assert_true(os_monotonic_ms() - begin < PATIENCE_MS);
    }
}

static void nothing_but_refuse_no_tls_leads_to_plain(void **state)
{
    struct test *test = *state;
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    accept_silently(test); /* and close without an answer */
    peer_close(&test->peer);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(test->peer.connections, 1);
    assert_not_logged(test, "TCP/IP...");
    assert_logged(test, "giving up.");
}

static void alert_and_garbage_do_not_lead_to_plain(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } answers[] = {
        {"\x15\x03\x01\x00\x02\x02\x28", 7}, /* alert: handshake_failure */
        {"HTTP/1.0 400 Bad\r\n\r\n", 20},
        {WIRE_PREFACE "\x0c\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0", 24}, /* a short Welcome */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        void *fresh = NULL;
        size_t written = 0;
        assert_int_equal(set_up(&fresh), 0);
        struct test *one = fresh;
        new_client(one);
        assert_int_equal(d2k_client_start(one->client), D2K_OK);
        accept_silently(one);
        assert_int_equal(os_socket_write(one->peer.fd, answers[i].bytes, answers[i].size, &written),
                         0);
        end_silently(one);
        assert_int_equal(one->peer.connections, 1);
        assert_not_logged(one, "TCP/IP...");
        assert_int_equal(tear_down(&fresh), 0);
    }
}

static void certificate_in_the_list_is_verified(void **state)
{
    struct test *test = *state;
    use_tls(test, "TLSPeerAuth", "server.crt");
    register_client(test);
    assert_int_equal(test->peer.connections, 1);
    assert_logged(test, "][TLSv1.3 VERIFIED].\nConnectionSqlId = 1\n");
    assert_string_equal(d2k_client_tls_version(test->client), "TLSv1.3");
    assert_true(d2k_client_verified(test->client));
    assert_int_equal(test->peer.register_flags, WIRE_REGISTER_NUMBERED | WIRE_REGISTER_VERIFIED);
}

static void certificate_not_in_the_list_is_refused(void **state)
{
    struct test *test = *state;
    use_tls(test, "TLSPeerAuth", "other.crt");
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_NOT_VERIFIED);
    UNTIL(test, test->peer.fd < 0);
    assert_int_equal(test->peer.received[WIRE_HELLO], 0);
    assert_not_logged(test, "VERIFIED");
    assert_logged(test, "giving up.");
}

static void without_verification_the_word_is_missing(void **state)
{
    struct test *test = *state;
    use_tls(test, "TLSNoPeerAuth", "other.crt");
    register_client(test);
    assert_logged(test, "][TLSv1.3].\n");
    assert_not_logged(test, "VERIFIED");
    assert_int_equal(test->peer.register_flags, WIRE_REGISTER_NUMBERED);
}

static void refusals_have_their_result_and_escaped_sentence(void **state)
{
    static const struct {
        uint16_t code;
        d2k_result result;
    } codes[] = {
        {WIRE_CODE_NAME_IN_USE, D2K_NAME_IN_USE},
        {WIRE_CODE_NOT_ALLOWED, D2K_NOT_ALLOWED},
        {WIRE_CODE_TLS_REQUIRED, D2K_TLS_REQUIRED},
        {WIRE_CODE_NO_TLS, D2K_NO_TLS},
        {WIRE_CODE_LIMIT, D2K_REFUSED},
        {WIRE_CODE_VERSION, D2K_REFUSED},
        {60000, D2K_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        void *fresh = NULL;
        assert_int_equal(set_up(&fresh), 0);
        struct test *test = fresh;
        test->peer.answer = ANSWER_REFUSE;
        test->peer.code = codes[i].code;
        new_client(test);
        assert_int_equal(d2k_client_start(test->client), D2K_OK);
        UNTIL(test, has_state(test, CLIENT_ENDED));
        assert_int_equal(d2k_client_process(test->client), codes[i].result);
        assert_int_equal(d2k_client_process(test->client), codes[i].result);
        d2k_event event;
        assert_int_equal(d2k_client_next(test->client, &event, 1000), codes[i].result);
        assert_non_null(strstr(d2k_client_error_text(test->client), "no\\x1b[31m way"));
        assert_logged(test, "no\\x1b[31m way; giving up.");
        assert_int_equal(test->peer.connections, 2); /* a NO_TLS that comes later changes nothing */
        assert_int_equal(tear_down(&fresh), 0);
    }
}

static void version_that_is_not_ours_ends_the_attempt(void **state)
{
    struct test *test = *state;
    test->peer.answer = ANSWER_VERSION_2;
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_PROTOCOL);
    assert_logged(test, "protocol version 2");
}

static void silence_ends_with_the_connect_timeout(void **state)
{
    struct test *test = *state;
    test->peer.answer = ANSWER_NOTHING;
    d2k_config_set_connect_timeout(test->config, 200);
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_ENDED));
    assert_int_equal(d2k_client_process(test->client), D2K_TIMEOUT);
}

static void next_server_is_tried(void **state)
{
    struct test *test = *state;
    char list[200];
    struct os_address address;
    int unused;
    assert_int_equal(os_address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(os_socket_listen(&address, 1, &unused), 0);
    (void)snprintf(list, sizeof(list), "127.0.0.1:%u,localhost:%u", os_socket_local_port(unused),
                   test->peer.port);
    os_socket_close(unused);
    assert_int_equal(d2k_config_set_server(test->config, list), D2K_OK);
    register_client(test);
    assert_logged(test, "nobody listens on 127.0.0.1:");
    assert_logged(test, "; next server.\n");
    assert_logged(test, "Connecting to D2000 Server [localhost] TCP/IP|TLS...");
}

static void nobody_listening_is_an_io_error(void **state)
{
    struct test *test = *state;
    peer_stop_listening(&test->peer);
    new_client(test);
    assert_int_equal(d2k_client_connect(test->client, 5000), D2K_IO);
    assert_non_null(strstr(d2k_client_error_text(test->client), "nobody listens"));
    assert_int_equal(d2k_client_start(test->client), D2K_STATE);
}

static void start_is_needed_and_once(void **state)
{
    struct test *test = *state;
    d2k_event event;
    new_client(test);
    assert_int_equal(d2k_client_process(test->client), D2K_STATE);
    assert_int_equal(d2k_client_next(test->client, &event, 0), D2K_STATE);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    assert_int_equal(d2k_client_start(test->client), D2K_STATE);
}

/* ---- reconnecting ---- */

static void reconnect_resumes_and_tells_everything_again(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value value = d2k_integer(42);
    uint8_t instance[WIRE_ID_SIZE];
    uint64_t request = 0;
    d2k_config_set_reconnect(test->config, true);
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A.B", D2K_TYPE_INTEGER, NULL, NULL, &object),
                     D2K_OK);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(d2k_subscribe(test->client, "X.*", D2K_LATEST, NULL), D2K_OK);
    assert_int_equal(d2k_read(test->client, "X.*", &request), D2K_OK);
    UNTIL(test, test->peer.values == 1 && test->peer.received[WIRE_READ] == 1);
    memcpy(instance, test->peer.client_instance, sizeof(instance));
    assert_int_equal(test->peer.register_flags & WIRE_REGISTER_RESUME, 0);

    peer_close(&test->peer);
    memset(test->peer.received, 0, sizeof(test->peer.received));
    test->peer.values = test->peer.sequence = 0;
    d2k_event event = next_event(test);
    if (event.type == D2K_EVENT_FAILED) {
        assert_int_equal(event.request, request);
        assert_int_equal(event.result, D2K_CLOSED);
        event = next_event(test);
    }
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_not_equal(event.result, D2K_OK);
    value = d2k_integer(43);
    assert_int_equal(d2k_publish(object, &value), D2K_OK); /* kept */
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
    UNTIL(test, test->peer.values == 1);
    assert_int_equal(test->peer.last_value.content.integer, 43);
    assert_int_equal(test->peer.received[WIRE_DEFINE], 1);
    assert_int_equal(test->peer.received[WIRE_SUBSCRIBE], 1);
    assert_int_equal(test->peer.received[WIRE_READ], 0);
    assert_int_not_equal(test->peer.register_flags & WIRE_REGISTER_RESUME, 0);
    assert_int_equal(test->peer.token_received[0], 0x5a);
    assert_memory_equal(instance, test->peer.client_instance, sizeof(instance));
    assert_logged(test, "trying again in ");
}

static void flapping_link_does_not_fill_the_events(void **state)
{
    struct test *test = *state;
    d2k_event event;
    new_client(test);
    for (uint64_t i = 1; i <= 2 * CLIENT_EVENTS_MAX; i++) {
        events_add(test->client, D2K_EVENT_CONNECTED, 0, i, D2K_OK, "X.API");
        events_add(test->client, D2K_EVENT_DISCONNECTED, 0, i, D2K_IO, "lost");
    }
    assert_false(events_block(test->client));
    assert_true(events_take(test->client, &event));
    assert_int_equal(event.type, D2K_EVENT_CONNECTED);
    events_release(test->client);
    assert_true(events_take(test->client, &event));
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_equal(event.count, 2 * CLIENT_EVENTS_MAX);
    events_release(test->client);
    assert_false(events_take(test->client, &event));
}

static void events_are_limited(void **state)
{
    struct test *test = *state;
    d2k_event event;
    new_client(test);
    for (unsigned i = 0; i < CLIENT_EVENTS_MAX - 5; i++) {
        events_add(test->client, D2K_EVENT_DONE, i, 0, D2K_OK, NULL);
    }
    assert_false(events_block(test->client));
    events_add(test->client, D2K_EVENT_DONE, 1000, 0, D2K_OK, NULL);
    assert_true(events_block(test->client));
    for (unsigned i = 0; i < 10; i++) {
        events_add(test->client, D2K_EVENT_DONE, 2000 + i, 0, D2K_OK, NULL);
    }
    assert_int_equal(test->client->events.count, CLIENT_EVENTS_MAX);
    assert_true(events_take(test->client, &event));
    assert_int_equal(event.request, 0);
}

static void definite_refusal_with_reconnect_goes_on_trying(void **state)
{
    struct test *test = *state;
    d2k_config_set_reconnect(test->config, true);
    test->peer.answer = ANSWER_REFUSE;
    test->peer.code = WIRE_CODE_NAME_IN_USE;
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_WAITING));
    test->peer.answer = ANSWER_REGISTERED;
    UNTIL(test, d2k_client_registered(test->client));
}

static void retry_after_is_the_least_wait(void **state)
{
    struct test *test = *state;
    d2k_config_set_reconnect(test->config, true);
    test->peer.answer = ANSWER_REFUSE;
    test->peer.code = WIRE_CODE_BUSY;
    test->peer.retry_after_ms = 60000;
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, has_state(test, CLIENT_WAITING));
    assert_in_range(d2k_client_deadline_ms(test->client), 55000, 61000);
}

static void waits_grow_with_jitter_up_to_their_limit(void **state)
{
    struct test *test = *state;
    uint32_t whole = CLIENT_WAIT_MIN_MS;
    new_client(test);
    for (unsigned i = 0; i < 12; i++) {
        assert_in_range(connect_choose_wait(test->client), whole / 2, whole);
        whole = 2 * whole > CLIENT_WAIT_MAX_MS ? CLIENT_WAIT_MAX_MS : 2 * whole;
    }
}

static void lost_link_without_reconnect_ends_the_client(void **state)
{
    struct test *test = *state;
    register_client(test);
    peer_close(&test->peer);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_true(event.result == D2K_CLOSED || event.result == D2K_IO);
    assert_int_equal(d2k_client_next(test->client, &event, -1), d2k_client_process(test->client));
    assert_logged(test, " lost: ");
    assert_logged(test, "; giving up.");
    assert_int_equal(d2k_client_deadline_ms(test->client), -1);
}

static void bye_of_the_kernel_says_why(void **state)
{
    struct test *test = *state;
    register_client(test);
    session_end(test->peer.session, WIRE_BYE, WIRE_CODE_SHUTDOWN, 0, "the kernel ends");
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_equal(event.result, D2K_SHUTDOWN);
    assert_string_equal(event.text, "the kernel ends");
    assert_int_equal(d2k_client_process(test->client), D2K_SHUTDOWN);
}

static void missing_watchdogs_end_the_link(void **state)
{
    struct test *test = *state;
    assert_int_equal(d2k_config_set_watchdog(test->config, 1), D2K_OK);
    register_client(test);
    test->client->link.watchdog_ms = 50;
    UNTIL(test, has_state(test, CLIENT_ENDED)); /* the peer sends none */
    assert_int_equal(d2k_client_process(test->client), D2K_WATCHDOG);
    assert_true(test->peer.received[WIRE_WATCHDOG] >= 1);
    UNTIL(test, test->peer.received[WIRE_BYE] == 1);
    assert_int_equal(test->peer.bye_code, WIRE_CODE_WATCHDOG);
}

/* ---- publishing ---- */

static void values_of_one_turn_go_out_in_one_frame(void **state)
{
    struct test *test = *state;
    d2k_object *objects[10];
    register_client(test);
    for (int i = 0; i < 10; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "Obj.%d", i);
        assert_int_equal(
            d2k_define(test->client, name, D2K_TYPE_REAL, "description", "V", &objects[i]), D2K_OK);
    }
    UNTIL(test, test->peer.received[WIRE_DEFINE] == 10 && objects[9]->hobj != 0);
    for (int i = 0; i < 1000; i++) {
        d2k_value value = d2k_real(i);
        assert_int_equal(d2k_publish(objects[i % 10], &value), D2K_OK);
    }
    UNTIL(test, test->peer.values == 1000);
    assert_int_equal(test->peer.updates, 1);
    assert_false(test->peer.sequence_broken);
    assert_int_equal(test->peer.sequence, 1000);
    assert_true(test->peer.last_value.time_ns > D2K_TIME_MIN_NS);
}

static void newest_value_before_the_definition_is_sent_after_it(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    new_client(test);
    assert_int_equal(d2k_define(test->client, "A.B", D2K_TYPE_TEXT, NULL, NULL, &object), D2K_OK);
    d2k_value value = d2k_text("first");
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    char text[] = "second, longer";
    value = d2k_text(text);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    memset(text, 'x', sizeof(text) - 1); /* it was copied */
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, test->peer.values == 1);
    assert_int_equal(test->peer.updates, 1);
}

static void output_is_limited(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_result result = D2K_OK;
    d2k_value value = d2k_integer(0);
    unsigned count = 0;
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_INTEGER, NULL, NULL, &object), D2K_OK);
    UNTIL(test, object->hobj != 0);
    while (count < 100000 && (result = d2k_publish(object, &value)) == D2K_OK) {
        count++;
    }
    assert_int_equal(result, D2K_LIMIT);
    assert_in_range(link_unsent(test->client), CLIENT_UNSENT_MAX, CLIENT_UNSENT_MAX + 200);
    UNTIL(test, test->peer.values == count);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_true(test->peer.updates > count / 2000);
    assert_false(test->peer.sequence_broken);
}

static void bad_values_and_definitions_are_refused(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_object *other = NULL;
    new_client(test);
    d2k_client *client = test->client;
    static const char *const bad_names[] = {"", "1a", "a b", ".a", "a\xc3\xa4", "a*"};
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
        assert_int_equal(d2k_define(client, bad_names[i], D2K_TYPE_REAL, NULL, NULL, &object),
                         D2K_ARGUMENT);
    }
    assert_int_equal(d2k_define(client, NULL, D2K_TYPE_REAL, NULL, NULL, &object), D2K_ARGUMENT);
    assert_int_equal(d2k_define(client, "A", D2K_TYPE_NONE, NULL, NULL, &object), D2K_ARGUMENT);
    assert_int_equal(d2k_define(client, "A", D2K_TYPE_REAL, "\xff", NULL, &object), D2K_ARGUMENT);
    assert_int_equal(d2k_define(client, "A", D2K_TYPE_REAL, NULL, "V", &object), D2K_OK);
    assert_int_equal(d2k_define(client, "a", D2K_TYPE_REAL, NULL, "V", &other), D2K_OK);
    assert_ptr_equal(object, other);
    assert_int_equal(d2k_define(client, "a", D2K_TYPE_TEXT, NULL, "V", &other), D2K_ARGUMENT);
    d2k_value value = d2k_integer(1);
    assert_int_equal(d2k_publish(object, &value), D2K_TYPE);
    value = d2k_real(0.0);
    value.content.real = 1e308 * 10;
    assert_int_equal(d2k_publish(object, &value), D2K_ARGUMENT);
    value = d2k_real(0.0);
    value.past = true;
    assert_int_equal(d2k_publish(object, &value), D2K_STATE);
}

static void description_and_unit_are_limited(void **state)
{
    struct test *test = *state;
    char text[D2K_DESCRIPTION_MAX + 2];
    d2k_object *object = NULL;
    new_client(test);
    memset(text, 'a', sizeof(text));
    text[D2K_DESCRIPTION_MAX + 1] = '\0';
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_REAL, text, NULL, &object),
                     D2K_ARGUMENT);
    text[D2K_DESCRIPTION_MAX] = '\0';
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_REAL, text, NULL, &object), D2K_OK);
    text[D2K_UNIT_MAX + 1] = '\0';
    assert_int_equal(d2k_define(test->client, "B", D2K_TYPE_REAL, NULL, text, &object),
                     D2K_ARGUMENT);
    text[D2K_UNIT_MAX] = '\0';
    assert_int_equal(d2k_define(test->client, "B", D2K_TYPE_REAL, NULL, text, &object), D2K_OK);
}

static void long_text_is_cut_and_marked_weak(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    char *text = malloc(2 * D2K_TEXT_MAX_CHARS + 3);
    assert_non_null(text);
    for (size_t i = 0; i <= D2K_TEXT_MAX_CHARS; i++) {
        memcpy(text + 2 * i, "\xc3\xa4", 2);
    }
    text[2 * D2K_TEXT_MAX_CHARS + 2] = '\0';
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_TEXT, NULL, NULL, &object), D2K_OK);
    d2k_value value = d2k_text(text);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(object->newest.value.content.text.size, 2 * D2K_TEXT_MAX_CHARS);
    assert_int_not_equal(object->newest.value.status & D2K_STATUS_WEAK, 0);
    UNTIL(test, test->peer.values == 1);
    text[2 * D2K_TEXT_MAX_CHARS] = '\0';
    value = d2k_text(text);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(object->newest.value.status & D2K_STATUS_WEAK, 0);
    text[1] = 'x';
    value = d2k_text(text);
    assert_int_equal(d2k_publish(object, &value), D2K_ARGUMENT);
    free(text);
}

static void refused_definition_is_told(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value value = d2k_real(1.0);
    test->peer.refuse_definitions = true;
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A.B", D2K_TYPE_REAL, NULL, NULL, &object), D2K_OK);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_FAILED);
    assert_int_equal(event.result, D2K_NOT_ALLOWED);
    assert_string_equal(event.text, "object A.B: it belongs to SELF.KOM");
    assert_logged(test, "Definition of object A.B refused by the kernel: it belongs to SELF.KOM");
    assert_int_equal(d2k_publish(object, &value), D2K_REFUSED);
    assert_false(objects_waiting(test->client));
}

static void acknowledgement_follows_what_was_published(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value value = d2k_boolean(true);
    uint64_t sequence = 0;
    new_client(test);
    assert_int_equal(d2k_acknowledge(test->client, &sequence), D2K_STATE);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, d2k_client_registered(test->client));
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_BOOLEAN, NULL, NULL, &object), D2K_OK);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(d2k_acknowledge(test->client, &sequence), D2K_AGAIN);
    UNTIL(test, test->peer.values == 1);
    assert_int_equal(d2k_acknowledge(test->client, &sequence), D2K_OK);
    assert_int_equal(sequence, 1);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_ACKNOWLEDGED);
    assert_int_equal(event.count, 1);
}

/* ---- reading ---- */

static void peer_announce(struct peer *peer, uint32_t hobj, const char *name, uint64_t request)
{
    struct wire_message message = {.type = WIRE_OBJECT_INFO, .request = request};
    message.as.object_info.hobj = hobj;
    message.as.object_info.type = D2K_TYPE_INTEGER;
    message.as.object_info.name = slice_of(name);
    message.as.object_info.description = slice_of("what it is");
    message.as.object_info.unit = slice_of("V");
    message.as.object_info.owner = slice_of("SELF.KOM");
    peer_send(peer, &message);
}

static void peer_publish(struct peer *peer, uint32_t hobj, unsigned count)
{
    struct buffer *frames = session_frames(peer->session);
    struct wire_open_frame frame = wire_begin(frames, WIRE_UPDATE, 0, 0);
    for (unsigned i = 0; i < count; i++) {
        d2k_value value = d2k_integer(i);
        value.time_ns = os_wall_ns();
        value.sequence = i + 1;
        assert_int_equal(wire_value_encode(frames, hobj, &value), D2K_OK);
    }
    assert_int_equal(wire_end(frames, frame), D2K_OK);
}

static void subscription_is_told_in_order_with_its_objects(void **state)
{
    struct test *test = *state;
    uint64_t request = 0;
    register_client(test);
    assert_int_equal(d2k_subscribe(test->client, "A.*", D2K_EVERY, &request), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_SUBSCRIBE] == 1);
    struct wire_message message = {.type = WIRE_SNAPSHOT_BEGIN};
    message.as.snapshot_begin.subscription = test->peer.last_subscription;
    peer_send(&test->peer, &message);
    peer_announce(&test->peer, 17, "A.B", 0);
    peer_publish(&test->peer, 17, 3);
    message = (struct wire_message){.type = WIRE_SNAPSHOT_END};
    message.as.snapshot_end.subscription = test->peer.last_subscription;
    message.as.snapshot_end.count = 1;
    peer_send(&test->peer, &message);
    message = (struct wire_message){.type = WIRE_OVERRUN};
    message.as.overrun.subscription = test->peer.last_subscription;
    message.as.overrun.lost = 9;
    peer_send(&test->peer, &message);

    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_OBJECT);
    assert_string_equal(event.object->name, "A.B");
    assert_string_equal(event.object->description, "what it is");
    assert_string_equal(event.object->unit, "V");
    assert_string_equal(event.object->owner, "SELF.KOM");
    for (int i = 0; i < 3; i++) {
        event = next_event(test);
        assert_int_equal(event.type, D2K_EVENT_VALUE);
        assert_int_equal(event.object->hobj, 17);
        assert_string_equal(event.object->name, "A.B");
        assert_int_equal(event.value->content.integer, i);
    }
    event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_SNAPSHOT_END);
    assert_int_equal(event.request, request);
    assert_int_equal(event.count, 1);
    event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_OVERRUN);
    assert_int_equal(event.request, request);
    assert_int_equal(event.count, 9);
    assert_int_equal(d2k_unsubscribe(test->client, request), D2K_OK);
    assert_int_equal(d2k_unsubscribe(test->client, request), D2K_NOT_FOUND);
    UNTIL(test, test->peer.received[WIRE_UNSUBSCRIBE] == 1);
}

static void value_of_an_object_never_told_of_ends_the_link(void **state)
{
    struct test *test = *state;
    register_client(test);
    peer_publish(&test->peer, 99, 1);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_equal(event.result, D2K_PROTOCOL);
    assert_non_null(strstr(event.text, "object 99"));
}

static void program_that_takes_no_events_stops_the_reading(void **state)
{
    struct test *test = *state;
    d2k_socket sockets[16];
    register_client(test);
    peer_announce(&test->peer, 17, "A.B", 0);
    for (int i = 0; i < 2000; i++) {
        peer_publish(&test->peer, 17, 100);
    }
    for (int i = 0; i < 200; i++) {
        (void)turn(test);
    }
    assert_true(session_unsent(test->peer.session) > 0 || test->peer.fd >= 0);
    assert_int_equal(test->client->events.held.kind, HELD_OBJECT);
    assert_int_equal(d2k_client_sockets(test->client, sockets, 16), 0);
    assert_int_equal(next_event(test).type, D2K_EVENT_OBJECT);
    for (int i = 0; i < 200000; i++) {
        d2k_event event = next_event(test);
        assert_int_equal(event.type, D2K_EVENT_VALUE);
        assert_int_equal(event.value->content.integer, i % 100);
    }
    d2k_event event;
    assert_int_equal(d2k_client_next(test->client, &event, 0), D2K_AGAIN);
    assert_int_equal(d2k_client_next(test->client, &event, 1), D2K_TIMEOUT);
}

static void questions_are_answered_or_failed(void **state)
{
    struct test *test = *state;
    uint64_t ping = 0;
    uint64_t list = 0;
    new_client(test);
    assert_int_equal(d2k_read(test->client, "*", NULL), D2K_STATE);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, d2k_client_registered(test->client));
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
    assert_int_equal(d2k_ping(test->client, "hello", 5, &ping), D2K_OK);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_PONG);
    assert_int_equal(event.request, ping);
    assert_int_equal(event.count, 5);
    assert_memory_equal(event.text, "hello", 5);

    assert_int_equal(d2k_list_processes(test->client, "*", &list), D2K_OK);
    UNTIL(test, test->peer.received[WIRE_LIST_PROCESSES] == 1);
    struct wire_message message = {.type = WIRE_PROCESS_INFO, .request = list};
    message.as.process_info.id_number = 5;
    message.as.process_info.process_name = slice_of("SELF.KOM");
    message.as.process_info.tls_version = slice_of("TLSv1.3");
    message.as.process_info.verified = 1;
    peer_send(&test->peer, &message);
    message = (struct wire_message){.type = WIRE_FAILED, .request = list};
    message.as.failed.code = WIRE_CODE_NOT_ALLOWED;
    message.as.failed.sentence = slice_of("not you");
    peer_send(&test->peer, &message);
    event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_PROCESS);
    assert_int_equal(event.request, list);
    assert_string_equal(event.process->name, "SELF.KOM");
    assert_string_equal(event.process->tls_version, "TLSv1.3");
    assert_string_equal(event.process->address, "");
    assert_true(event.process->verified);
    event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_FAILED);
    assert_int_equal(event.request, list);
    assert_int_equal(event.result, D2K_NOT_ALLOWED);
    assert_string_equal(event.text, "not you");
}

static void open_questions_are_limited(void **state)
{
    struct test *test = *state;
    register_client(test);
    for (unsigned i = 0; i < CLIENT_PENDING_MAX; i++) {
        assert_int_equal(d2k_read(test->client, "*", NULL), D2K_OK);
    }
    assert_int_equal(d2k_read(test->client, "*", NULL), D2K_LIMIT);
    char *large = calloc(1, CLIENT_PING_MAX + 1);
    assert_non_null(large);
    assert_int_equal(d2k_ping(test->client, large, CLIENT_PING_MAX + 1, NULL), D2K_ARGUMENT);
    free(large);
}

static void patterns_and_subscriptions_are_limited(void **state)
{
    struct test *test = *state;
    char pattern[WIRE_PATTERN_MAX + 2];
    new_client(test);
    memset(pattern, 'a', sizeof(pattern));
    pattern[WIRE_PATTERN_MAX + 1] = '\0';
    assert_int_equal(d2k_subscribe(test->client, pattern, D2K_LATEST, NULL), D2K_ARGUMENT);
    assert_int_equal(d2k_subscribe(test->client, "", D2K_LATEST, NULL), D2K_ARGUMENT);
    assert_int_equal(d2k_subscribe(test->client, NULL, D2K_LATEST, NULL), D2K_ARGUMENT);
    pattern[WIRE_PATTERN_MAX] = '\0';
    for (unsigned i = 0; i < CLIENT_SUBSCRIPTIONS_MAX; i++) {
        assert_int_equal(d2k_subscribe(test->client, pattern, D2K_LATEST, NULL), D2K_OK);
    }
    assert_int_equal(d2k_subscribe(test->client, pattern, D2K_LATEST, NULL), D2K_LIMIT);
}

static void kernel_is_answered_when_it_pings_or_writes(void **state)
{
    struct test *test = *state;
    register_client(test);
    struct wire_message message = {.type = WIRE_PING, .request = 5};
    message.as.ping.data = slice_of("x");
    peer_send(&test->peer, &message);
    UNTIL(test, test->peer.received[WIRE_PONG] == 1);
    message = (struct wire_message){.type = WIRE_WRITE, .request = 6};
    peer_send(&test->peer, &message);
    UNTIL(test, test->peer.received[WIRE_WRITE_RESULT] == 1);
}

static void message_of_the_wrong_state_ends_the_link(void **state)
{
    struct test *test = *state;
    register_client(test);
    struct wire_message message = {.type = WIRE_DEFINED, .request = 12345};
    peer_send(&test->peer, &message);
    d2k_event event = next_event(test);
    assert_int_equal(event.type, D2K_EVENT_DISCONNECTED);
    assert_int_equal(event.result, D2K_PROTOCOL);
}

/* ---- the end ---- */

/* d2k_log_off() blocks, so the kernel has read beforehand what it needs, and the Bye is looked at
 * afterwards. */
static void log_off_says_bye(void **state)
{
    struct test *test = *state;
    register_client(test);
    assert_int_equal(d2k_log_off(test->client, 50), D2K_OK);
    UNTIL(test, test->peer.fd < 0 || test->peer.received[WIRE_BYE] == 1);
    assert_int_equal(test->peer.received[WIRE_BYE], 1);
    assert_int_equal(test->peer.bye_code, WIRE_CODE_NONE);
    assert_logged(test, "Logged off from D2000 Kernel V1.00.000 s1 [TCP/IP ");
    assert_int_equal(d2k_client_process(test->client), D2K_CLOSED);
    assert_int_equal(d2k_log_off(test->client, 50), D2K_OK);
}

static void log_off_without_link_just_ends(void **state)
{
    struct test *test = *state;
    new_client(test);
    assert_int_equal(d2k_log_off(test->client, 50), D2K_OK);
    assert_int_equal(d2k_client_start(test->client), D2K_STATE);
    assert_int_equal(d2k_client_process(test->client), D2K_CLOSED);
    d2k_client_free(NULL);
}

static void log_off_waits_for_values_that_cannot_leave(void **state)
{
    struct test *test = *state;
    d2k_object *object = NULL;
    d2k_value value = d2k_real(1.0);
    register_client(test);
    assert_int_equal(d2k_define(test->client, "A", D2K_TYPE_REAL, NULL, NULL, &object), D2K_OK);
    assert_int_equal(d2k_publish(object, &value), D2K_OK);
    assert_int_equal(d2k_log_off(test->client, 20), D2K_TIMEOUT); /* nobody answers the Define */
    UNTIL(test, test->peer.received[WIRE_BYE] == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(level_none_goes_on_in_plain_after_refuse_no_tls),
        TEST(higher_level_refuses_a_kernel_without_tls),
        TEST(nothing_but_refuse_no_tls_leads_to_plain),
        TEST(alert_and_garbage_do_not_lead_to_plain),
        TEST(certificate_in_the_list_is_verified),
        TEST(certificate_not_in_the_list_is_refused),
        TEST(without_verification_the_word_is_missing),
        TEST(refusals_have_their_result_and_escaped_sentence),
        TEST(version_that_is_not_ours_ends_the_attempt),
        TEST(silence_ends_with_the_connect_timeout),
        TEST(next_server_is_tried),
        TEST(nobody_listening_is_an_io_error),
        TEST(start_is_needed_and_once),
        TEST(reconnect_resumes_and_tells_everything_again),
        TEST(flapping_link_does_not_fill_the_events),
        TEST(events_are_limited),
        TEST(definite_refusal_with_reconnect_goes_on_trying),
        TEST(retry_after_is_the_least_wait),
        TEST(waits_grow_with_jitter_up_to_their_limit),
        TEST(lost_link_without_reconnect_ends_the_client),
        TEST(bye_of_the_kernel_says_why),
        TEST(missing_watchdogs_end_the_link),
        TEST(values_of_one_turn_go_out_in_one_frame),
        TEST(newest_value_before_the_definition_is_sent_after_it),
        TEST(output_is_limited),
        TEST(bad_values_and_definitions_are_refused),
        TEST(description_and_unit_are_limited),
        TEST(long_text_is_cut_and_marked_weak),
        TEST(refused_definition_is_told),
        TEST(acknowledgement_follows_what_was_published),
        TEST(subscription_is_told_in_order_with_its_objects),
        TEST(value_of_an_object_never_told_of_ends_the_link),
        TEST(program_that_takes_no_events_stops_the_reading),
        TEST(questions_are_answered_or_failed),
        TEST(open_questions_are_limited),
        TEST(patterns_and_subscriptions_are_limited),
        TEST(kernel_is_answered_when_it_pings_or_writes),
        TEST(message_of_the_wrong_state_ends_the_link),
        TEST(log_off_says_bye),
        TEST(log_off_without_link_just_ends),
        TEST(log_off_waits_for_values_that_cannot_leave),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
