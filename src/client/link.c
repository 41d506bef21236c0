/* client/link.c: one connection: a socket, a session, and what keeps them going.
 *
 * TLS, Hello and Register, bytes in and out, the watchdog in both directions, log-off. Errors of
 * the socket do not end the link before everything that the kernel said until then was told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "os/clock.h"
#include "os/system.h"

#define READ_SIZE        (64u * 1024u)
#define DISCARD_TURNS    64u
#define WATCHDOG_MIN_MS  100u
#define WATCHDOG_MAX_MS  (CONFIG_WATCHDOG_MAX_S * 1000u)
#define OUR_CAPABILITIES (WIRE_CAPABILITY_PAST | WIRE_CAPABILITY_ACK | WIRE_CAPABILITY_PLANT)

void link_init(struct link *link)
{
    memset(link, 0, sizeof(*link));
    link->fd = -1;
}

void link_close(d2k_client *client)
{
    session_free(client->link.session);
    if (client->link.fd >= 0) {
        os_socket_close(client->link.fd);
    }
    link_init(&client->link);
}

size_t link_unsent(const d2k_client *client)
{
    return client->link.session == NULL ? 0 : session_unsent(client->link.session);
}

/* ---- output ---- */

static bool close_update(d2k_client *client)
{
    struct link *link = &client->link;
    if (!link->update_open) {
        return true;
    }
    link->update_open = false;
    struct buffer *frames = session_frames(link->session);
    if (frames == NULL || wire_end(frames, link->update) != D2K_OK) {
        client_fail(client, D2K_NO_MEMORY, "no memory for the values to be sent");
        return false;
    }
    return true;
}

struct buffer *link_update_frame(d2k_client *client)
{
    struct link *link = &client->link;
    struct buffer *frames = link->session == NULL ? NULL : session_frames(link->session);
    if (frames == NULL) {
        client_fail(client, D2K_INTERNAL, "the session takes no messages");
        return NULL;
    }
    if (!link->update_open) {
        link->update = wire_begin(frames, WIRE_UPDATE, 0, 0);
        link->update_open = true;
    }
    return frames;
}

void link_update_added(d2k_client *client)
{
    struct link *link = &client->link;
    if (buffer_size(session_frames(link->session)) - link->update.begin >= CLIENT_UPDATE_SIZE) {
        (void)close_update(client);
    }
}

void link_send(d2k_client *client, const struct wire_message *message)
{
    if (client->link.session == NULL || !close_update(client)) {
        return;
    }
    d2k_result result = session_send(client->link.session, message);
    if (result != D2K_OK) {
        client_fail(client, result, "a message could not be put into the output: %s",
                    d2k_result_text(result));
    }
}

/* Writes what the socket takes. */
static void flush(d2k_client *client)
{
    struct link *link = &client->link;
    if (link->session == NULL || link->write_ended || !close_update(client)) {
        return;
    }
    for (;;) {
        size_t written = 0;
        struct slice output = session_output(link->session);
        if (output.size == 0) {
            return;
        }
        int failure = os_socket_write(link->fd, output.data, output.size, &written);
        if (failure == EAGAIN) {
            return;
        }
        if (failure != 0) {
            link->write_ended = true;
            if (!link->read_ended) {
                (void)error_set(&link->broken, D2K_IO, "writing: %s", os_error_text(failure));
            }
            return;
        }
        session_written(link->session, written);
        link->last_sent_ms = os_monotonic_ms();
    }
}

/* ---- opening ---- */

static bool is_numeric(const char *host)
{
    struct os_address unused;
    return os_address_parse(host, 1, &unused) == 0;
}

/* A kernel that this client comes back to need not sign again. */
static void resume_session(d2k_client *client, const char *host)
{
    char *peer =
        text_format("%s:%u", host, config_server_port(client->config, connect_server(client)));
    if (peer != NULL) {
        session_resume(client->link.session, peer);
        free(peer);
    }
}

/* TLS unless the link is local, or this server said that it has none and the level, as it is now,
 * allows that. */
static d2k_result new_session(d2k_client *client, struct error *err)
{
    const char *host = connect_server(client)->host;
    const char *server_name = is_numeric(host) ? NULL : host;
    if (client->local_path != NULL) {
        return session_new_client(NULL, NULL, &client->link.session, err);
    }
    struct tls_policy *policy = tls_keeper_current(client->keeper);
    enum tls_level level = tls_policy_level(policy);
    d2k_result result = D2K_OK;
    if (!client->connector.plain) {
        result = session_new_client(policy, server_name, &client->link.session, err);
        if (result == D2K_OK) {
            resume_session(client, host);
        }
    } else if (level == TLS_LEVEL_NONE) {
        result = session_new_client(NULL, NULL, &client->link.session, err);
    } else {
        result = error_set(err, D2K_NO_TLS, "the kernel has no TLS and TLS_RequiredLevel is %s now",
                           tls_level_name(level));
    }
    client->link.level = level;
    tls_policy_unref(policy);
    return result;
}

void link_open(d2k_client *client)
{
    struct error err;
    client->link.last_sent_ms = client->link.last_received_ms = os_monotonic_ms();
    if (new_session(client, &err) != D2K_OK) {
        client->link.session = NULL;
        client_end_link(client, &err);
        return;
    }
    client_change_state(client, CLIENT_OPENING);
}

/* "<COMPUTER>.<SUFFIX>" with what is not allowed in names replaced, cut so that "_NN" still fits.
 */
static void numbered_name(const d2k_client *client, const char *computer, char *ret, size_t size)
{
    size_t max = WIRE_NAME_MAX - strlen("_NNNN.") - strlen(client->config->suffix);
    size_t length = 0;
    for (; computer[length] != '\0' && length < max; length++) {
        char c = computer[length];
        bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    c == '_' || c == '-';
        ret[length] = good ? c : '_';
    }
    ret[length++] = '.';
    (void)text_copy(ret + length, size - length, client->config->suffix);
}

static void send_hello(d2k_client *client)
{
    struct wire_message hello = {.type = WIRE_HELLO};
    hello.request = requests_new_number(&client->requests);
    hello.as.hello.version_min = WIRE_VERSION_MIN;
    hello.as.hello.version_max = WIRE_VERSION_MAX;
    hello.as.hello.capabilities = OUR_CAPABILITIES;
    hello.as.hello.application = slice_of(client->application);
    link_send(client, &hello);
}

void link_register(d2k_client *client)
{
    const d2k_config *config = client->config;
    char computer[WIRE_NAME_MAX + 1];
    char name[2 * WIRE_NAME_MAX];
    struct wire_message message = {.type = WIRE_REGISTER};
    struct wire_registration *fields = &message.as.registration;
    os_host_name(computer, sizeof(computer));
    fields->flags = session_verified(client->link.session) ? WIRE_REGISTER_VERIFIED : 0;
    if (config->workstation[0] == '\0') {
        numbered_name(client, computer, name, sizeof(name));
        fields->flags |= WIRE_REGISTER_NUMBERED;
    } else {
        (void)text_copy(name, sizeof(name), config->workstation);
        size_t length = strlen(name);
        name[length++] = '.';
        (void)text_copy(name + length, sizeof(name) - length, config->suffix);
    }
    message.request = requests_new_number(&client->requests);
    fields->process_name = slice_of(name);
    fields->process_instance = (uint16_t)config->instance;
    fields->program_version = slice_of(config->program_version);
    fields->computer_name = slice_of(computer);
    fields->os_process_id = os_process_id();
    memcpy(fields->client_instance, client->instance, WIRE_ID_SIZE);
    fields->watchdog_ms = config->watchdog_s * 1000;
    if (client->has_resume_token) {
        fields->flags |= WIRE_REGISTER_RESUME;
        memcpy(fields->resume_token, client->resume_token, WIRE_TOKEN_SIZE);
    }
    link_send(client, &message);
}

void link_registered(d2k_client *client, const struct wire_registered *answer)
{
    struct link *link = &client->link;
    uint32_t ours = client->config->watchdog_s * 1000;
    session_set_registered(link->session);
    memcpy(client->resume_token, answer->resume_token, WIRE_TOKEN_SIZE);
    client->has_resume_token = true;
    link->connection_sql_id = answer->connection_sql_id;
    link->instance_state = D2K_INSTANCE_NONE;
    memcpy(link->process_name, answer->process_name.data, answer->process_name.size);
    link->process_name[answer->process_name.size] = '\0';
    link->watchdog_ms =
        answer->watchdog_ms >= WATCHDOG_MIN_MS && answer->watchdog_ms <= WATCHDOG_MAX_MS
            ? answer->watchdog_ms
            : ours;
    client->connector.retry_after_ms = 0;
    if (logon_is_wanted(client)) {
        logon_begin(client);
    } else {
        link_ready(client);
    }
}

void link_ready(d2k_client *client)
{
    struct link *link = &client->link;
    link->logon_request = 0;
    link->registered_ms = os_monotonic_ms();
    client->was_registered = true;
    client_change_state(client, CLIENT_REGISTERED);
    lines_established(client);
    events_add(client, D2K_EVENT_CONNECTED, 0, link->connection_sql_id, D2K_OK, link->process_name);
    if (link->instance_state != D2K_INSTANCE_NONE) {
        events_add(client, D2K_EVENT_INSTANCE, 0, link->instance_state, D2K_OK, NULL);
    }
    subscriptions_registered(client);
    writes_registered(client);
}

/* False: the link has ended. */
static bool verify(d2k_client *client)
{
    char warning[ERROR_TEXT_MAX] = "";
    struct error err;
    d2k_result result = session_verify(client->link.session, warning, sizeof(warning), &err);
    if (warning[0] != '\0') {
        lines_certificate_warning(client, warning);
    }
    if (result != D2K_OK) {
        client_end_link(client, &err);
    }
    return result == D2K_OK;
}

static bool advance_failed(d2k_client *client, const struct error *err)
{
    struct link *link = &client->link;
    if (client_state(client) != CLIENT_OPENING) {
        /* What was received before stands in the session and is told first. */
        link->read_ended = true;
        link->broken = *err;
        return true;
    }
    if (err->code == D2K_NO_TLS && !client->connector.plain) {
        if (link->level == TLS_LEVEL_NONE) {
            connect_again_plain(client);
        } else {
            client_fail(client, D2K_NO_TLS, "the kernel has no TLS and TLS_RequiredLevel is %s",
                        tls_level_name(link->level));
        }
        return false;
    }
    client_end_link(client, err);
    return false;
}

/* False: the link has ended. */
static bool advance(d2k_client *client)
{
    struct link *link = &client->link;
    struct error err = {.code = D2K_OK, .text = ""};
    if (session_advance(link->session, &err) != D2K_OK && !advance_failed(client, &err)) {
        return false;
    }
    if (session_state(link->session) == SESSION_UNVERIFIED && !verify(client)) {
        return false;
    }
    if (client_state(client) == CLIENT_OPENING && session_state(link->session) == SESSION_OPEN) {
        client_change_state(client, CLIENT_REGISTERING);
        send_hello(client);
        /* Of a group, first hear whether this kernel is the hot one. */
        if (!group_is_used(client)) {
            link_register(client);
        }
    }
    return link->session != NULL;
}

/* ---- input ---- */

static size_t read_some(d2k_client *client)
{
    struct link *link = &client->link;
    size_t room_size = 0;
    size_t got = 0;
    if (link->read_ended) {
        return 0;
    }
    uint8_t *room = session_input(link->session, READ_SIZE, &room_size);
    link->input_full = room == NULL;
    if (room == NULL) {
        return 0;
    }
    int failure = os_socket_read(link->fd, room, room_size, &got);
    session_received(link->session, failure == 0 ? got : 0);
    if (failure == EAGAIN) {
        return 0;
    }
    if (failure != 0) {
        link->read_ended = true;
        (void)error_set(&link->broken, D2K_IO, "reading: %s", os_error_text(failure));
        return 0;
    }
    if (got == 0) {
        link->read_ended = true;
        (void)error_set(&link->broken, D2K_CLOSED, "the kernel closed the connection%s",
                        client_state(client) == CLIENT_OPENING       ? " during the TLS handshake"
                        : client_state(client) == CLIENT_REGISTERING ? " before registration"
                                                                     : "");
        return 0;
    }
    link->last_received_ms = os_monotonic_ms();
    return got;
}

/* Reads, decrypts and decodes until nothing is left, the program has to take an event, or it is the
 * turn of others. */
static void receive(d2k_client *client)
{
    struct link *link = &client->link;
    size_t total = 0;
    if (session_state(link->session) == SESSION_ENDED) {
        client_fail(client, D2K_TLS, "encrypting failed");
        return;
    }
    while (total < CLIENT_TURN_MAX) {
        bool decoded = dispatch_messages(client);
        if (link->session == NULL || events_block(client)) {
            return;
        }
        size_t got = read_some(client);
        if (!advance(client)) {
            return;
        }
        decoded = dispatch_messages(client) || decoded;
        if (link->session == NULL || events_block(client)) {
            return;
        }
        if (got == 0 && !decoded) {
            break;
        }
        total += got;
    }
    if ((link->read_ended || link->write_ended) && total < CLIENT_TURN_MAX) {
        client_end_link(client, &link->broken);
    }
}

/* ---- time ---- */

static bool is_reading(const d2k_client *client)
{
    return !events_block(client) && !client->link.input_full && !client->link.read_ended;
}

static void check_watchdog(d2k_client *client)
{
    struct link *link = &client->link;
    uint64_t now = os_monotonic_ms();
    if (!is_reading(client)) {
        link->last_received_ms = now; /* it is we who do not listen */
    }
    uint64_t silence = now - link->last_received_ms;
    if (silence >= (uint64_t)CLIENT_WATCHDOGS_MISSED * link->watchdog_ms) {
        session_end(link->session, WIRE_BYE, WIRE_CODE_WATCHDOG, 0,
                    "watchdog messages are missing");
        client_fail(client, D2K_WATCHDOG,
                    "nothing was received for %.1f s (watchdog: every %.1f s)",
                    (double)silence / 1000.0, link->watchdog_ms / 1000.0);
        return;
    }
    if (now - link->last_sent_ms >= link->watchdog_ms && link_unsent(client) == 0) {
        struct wire_message watchdog = {.type = WIRE_WATCHDOG};
        link_send(client, &watchdog);
    }
}

static void check_opening_time(d2k_client *client)
{
    if (os_monotonic_ms() >= client->connector.deadline_ms) {
        client_fail(client, D2K_TIMEOUT, "%s was not finished within %u s",
                    client_state(client) == CLIENT_OPENING ? "the TLS handshake" : "registration",
                    client->config->connect_timeout_ms / 1000);
    }
}

uint64_t link_deadline(const d2k_client *client)
{
    const struct link *link = &client->link;
    if (client_state(client) == CLIENT_LOGGING_OFF) {
        return link->linger_until_ms;
    }
    if (client_state(client) != CLIENT_REGISTERED) {
        return client->connector.deadline_ms;
    }
    if (link->decoding_paused && link_unsent(client) <= CLIENT_UNSENT_MAX) {
        return 1; /* long ago: there is something to decode at once */
    }
    uint64_t lost = is_reading(client) ? link->last_received_ms +
                                             (uint64_t)CLIENT_WATCHDOGS_MISSED * link->watchdog_ms
                                       : UINT64_MAX;
    uint64_t send = link_unsent(client) == 0 ? link->last_sent_ms + link->watchdog_ms : UINT64_MAX;
    uint64_t earlier = lost < send ? lost : send;
    return earlier == UINT64_MAX ? 0 : earlier;
}

int link_wanted_events(const d2k_client *client)
{
    const struct link *link = &client->link;
    if (link->fd < 0) {
        return 0;
    }
    if (client_state(client) == CLIENT_CONNECTING) {
        return D2K_WANT_WRITE;
    }
    bool reading = client_state(client) == CLIENT_LOGGING_OFF || is_reading(client);
    bool writing = link_unsent(client) > 0 && !link->write_ended;
    return (reading ? D2K_WANT_READ : 0) | (writing ? D2K_WANT_WRITE : 0);
}

void link_work(d2k_client *client)
{
    struct link *link = &client->link;
    flush(client);
    if (link->session != NULL) {
        receive(client);
    }
    if (link->session != NULL && client_state(client) == CLIENT_REGISTERED) {
        objects_work(client);
        if (link->session != NULL) {
            check_watchdog(client);
        }
    } else if (link->session != NULL) {
        check_opening_time(client);
    }
    flush(client);
    if (link->session != NULL && link_unsent(client) == 0 && !events_block(client)) {
        session_trim(link->session);
    }
}

/* ---- log-off ---- */

void link_log_off(d2k_client *client)
{
    if (!close_update(client)) {
        return;
    }
    events_drop_held(client);
    session_end(client->link.session, WIRE_BYE, WIRE_CODE_NONE, 0, "log-off");
    client_change_state(client, CLIENT_LOGGING_OFF);
}

/* Until the kernel closes: closing with unread bytes would reset the connection, and our Bye might
 * never be read. False: its end was reached. */
static bool discard_input(d2k_client *client)
{
    uint8_t scratch[4096];
    for (unsigned i = 0; i < DISCARD_TURNS; i++) {
        size_t got = 0;
        int failure = os_socket_read(client->link.fd, scratch, sizeof(scratch), &got);
        if (failure == EAGAIN) {
            return true;
        }
        if (failure != 0 || got == 0) {
            return false;
        }
    }
    return true;
}

void link_logging_off_work(d2k_client *client)
{
    struct link *link = &client->link;
    uint64_t now = os_monotonic_ms();
    flush(client);
    if (link->linger_until_ms == 0 && link_unsent(client) == 0) {
        os_socket_shutdown_write(link->fd);
        link->linger_until_ms = now + CLIENT_LINGER_MS;
    }
    bool open = discard_input(client);
    if (!open || link->write_ended ||
        (link->linger_until_ms != 0 && now >= link->linger_until_ms)) {
        client_fail(client, D2K_CLOSED, "logged off");
    }
}

void link_say_goodbye(d2k_client *client)
{
    client->link.update_open = false;
    flush(client);
}
