/* tests/unit/played_kernel.h: libd2k against a kernel that the test plays, in one thread: both
 * sides work in turn until a condition holds. */
#ifndef D2K_TESTS_PLAYED_KERNEL_H
#define D2K_TESTS_PLAYED_KERNEL_H

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

/* The last Define, Configure, Delete, ListObjects, Subscribe (their patterns are the name) or
 * Snapshot (its patterns are the properties). */
struct configured {
    uint8_t type;
    char name[WIRE_PATTERN_MAX + 1], description[D2K_DESCRIPTION_MAX + 1];
    char unit[D2K_UNIT_MAX + 1], properties[1024];
    size_t properties_size;
};

struct peer {
    int listening, fd;
    uint16_t port;
    uint8_t state;    /* WIRE_STATE_... of Welcome */
    const char *name; /* of the kernel; NULL: "KNL" */
    struct session *session;
    struct tls_keeper *keeper; /* NULL: a kernel without TLS */
    uint64_t lacks;            /* capabilities of a kernel that is older */
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
    struct configured configured;
};

struct test {
    struct temporary_directory *directory;
    struct peer peer;
    d2k_config *config;
    d2k_client *client;
    char log[LOG_SIZE];
};

/* ---- the kernel that is played ---- */

static inline void peer_send(struct peer *peer, const struct wire_message *message)
{
    assert_int_equal(session_send(peer->session, message), D2K_OK);
}

static inline void peer_close(struct peer *peer)
{
    if (peer->fd >= 0) {
        os_socket_close(peer->fd);
    }
    session_free(peer->session);
    peer->fd = -1;
    peer->session = NULL;
}

static inline void peer_welcome(struct peer *peer, const struct wire_message *hello)
{
    struct wire_message message = {.type = WIRE_WELCOME, .request = hello->request};
    message.as.welcome.version = peer->answer == ANSWER_VERSION_2 ? 2 : 1;
    message.as.welcome.capabilities = WIRE_CAPABILITIES & ~peer->lacks;
    message.as.welcome.application = slice_of("PLANT");
    message.as.welcome.state = peer->state;
    message.as.welcome.kernel_name = slice_of(peer->name == NULL ? "KNL" : peer->name);
    message.as.welcome.kernel_version = slice_of("V1.00.000 s1");
    peer_send(peer, &message);
}

static inline void peer_register(struct peer *peer, const struct wire_message *question)
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

static inline void keep_definition(struct peer *peer, uint8_t type, struct slice name,
                                   struct slice description, struct slice unit,
                                   struct slice properties)
{
    struct configured *kept = &peer->configured;
    *kept = (struct configured){.type = type, .properties_size = properties.size};
    assert_in_range(properties.size, 0, sizeof kept->properties);
    memcpy(kept->name, name.data, name.size);
    memcpy(kept->description, description.data, description.size);
    memcpy(kept->unit, unit.data, unit.size);
    memcpy(kept->properties, properties.data, properties.size);
}

static inline void peer_define(struct peer *peer, const struct wire_message *question)
{
    const struct wire_define *d = &question->as.define;
    struct wire_message message = {.type = WIRE_DEFINED, .request = question->request};
    message.as.defined.hobj = ++peer->next_hobj;
    keep_definition(peer, d->type, d->name, d->description, d->unit, d->properties);
    if (peer->refuse_definitions) {
        message = (struct wire_message){.type = WIRE_FAILED, .request = question->request};
        message.as.failed.code = WIRE_CODE_NOT_OWNER;
        message.as.failed.sentence = slice_of("it belongs to SELF.KOM");
    }
    peer_send(peer, &message);
}

static inline void peer_update(struct peer *peer, const struct wire_message *message)
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

static inline void peer_configure(struct peer *peer, const struct wire_configure *d)
{
    keep_definition(peer, d->type, d->name, d->description, d->unit, d->properties);
}

static inline void peer_pattern(struct peer *peer, struct slice pattern, struct slice properties)
{
    struct configured *kept = &peer->configured;
    *kept = (struct configured){.properties_size = properties.size};
    assert_in_range(pattern.size, 1, sizeof kept->name - 1);
    memcpy(kept->name, pattern.data, pattern.size);
    assert_in_range(properties.size, 0, sizeof kept->properties);
    memcpy(kept->properties, properties.data, properties.size);
}

static inline void peer_snapshot(struct peer *peer, struct slice patterns)
{
    struct configured *kept = &peer->configured;
    *kept = (struct configured){.properties_size = patterns.size};
    assert_in_range(patterns.size, 0, sizeof kept->properties);
    memcpy(kept->properties, patterns.data, patterns.size);
}

static inline void peer_take(struct peer *peer, const struct wire_message *message)
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
    case WIRE_CONFIGURE:
        peer_configure(peer, &message->as.configure);
        break;
    case WIRE_DELETE:
        peer->configured = (struct configured){0};
        memcpy(peer->configured.name, message->as.delete_object.name.data,
               message->as.delete_object.name.size);
        break;
    case WIRE_SNAPSHOT:
        peer_snapshot(peer, message->as.snapshot.patterns);
        break;
    case WIRE_LIST_OBJECTS:
        peer_pattern(peer, message->as.list_objects.pattern, message->as.list_objects.properties);
        break;
    case WIRE_SUBSCRIBE:
        peer->last_subscription = message->as.subscribe.subscription;
        peer_pattern(peer, message->as.subscribe.pattern, message->as.subscribe.properties);
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

static inline void peer_flush(struct peer *peer)
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

static inline void peer_advance(struct peer *peer)
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

static inline void peer_accept(struct peer *peer)
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

static inline void peer_work(struct peer *peer)
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

static inline void peer_listen(struct peer *peer)
{
    struct os_address address;
    assert_int_equal(os_address_parse("127.0.0.1", peer->port, &address), 0);
    assert_int_equal(os_socket_listen(&address, 16, &peer->listening), 0);
    peer->port = os_socket_local_port(peer->listening);
}

static inline void peer_stop_listening(struct peer *peer)
{
    os_socket_close(peer->listening);
    peer->listening = -1;
}

/* ---- the fixture ---- */

static inline void collect_log(void *context, d2k_log_level level, const char *line)
{
    struct test *test = context;
    size_t length = strlen(test->log);
    (void)snprintf(test->log + length, sizeof(test->log) - length, "%d %s\n", (int)level, line);
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline void new_client(struct test *test)
{
    char *why = NULL;
    d2k_result result = d2k_client_new(test->config, &test->client, &why);
    test->config = NULL;
    if (result != D2K_OK) {
        fail_msg("%s", why);
    }
}

/* Both sides work once, then wait shortly for something to do. */
static inline d2k_result turn(struct test *test)
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

static inline bool has_state(const struct test *test, enum client_state state)
{
    return client_state(test->client) == state;
}

/* The next event, whatever it is. */
static inline d2k_event next_event(struct test *test)
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

static inline void register_client(struct test *test)
{
    new_client(test);
    assert_int_equal(d2k_client_start(test->client), D2K_OK);
    UNTIL(test, d2k_client_registered(test->client));
    assert_int_equal(next_event(test).type, D2K_EVENT_CONNECTED);
}

static inline void assert_logged(const struct test *test, const char *text)
{
    if (strstr(test->log, text) == NULL) {
        fail_msg("\"%s\" is not in the log:\n%s", text, test->log);
    }
}

static inline void assert_not_logged(const struct test *test, const char *text)
{
    if (strstr(test->log, text) != NULL) {
        fail_msg("\"%s\" is in the log:\n%s", text, test->log);
    }
}

static inline void use_application(struct test *test, const char *settings)
{
    write_file(path_in(test->directory, "cfg_PLANT.conf"), settings);
    assert_int_equal(d2k_config_set_application(test->config, "PLANT"), D2K_OK);
}

/* A pair for the kernel that is played; the client's level and list. */
static inline void use_tls(struct test *test, const char *level, const char *trusted)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
