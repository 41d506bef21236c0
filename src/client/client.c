/* client/client.c: the life of a client: its states, its end, and the public entry points.
 *
 * client_work() does all that is possible without waiting; everything that waits
 * (d2k_client_connect, d2k_client_next, d2k_log_off) is a loop around it and os_poll(). */
#include "client/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/system.h"

#define SOCKETS_MAX 16u

static const struct machine_state states[CLIENT_STATES] = {
    [CLIENT_IDLE] = {"IDLE", MACHINE_TO(CLIENT_RESOLVING) | MACHINE_TO(CLIENT_ENDED)},
    /* to itself: the next server */
    [CLIENT_RESOLVING] = {"RESOLVING", MACHINE_TO(CLIENT_RESOLVING) |
                                           MACHINE_TO(CLIENT_CONNECTING) |
                                           MACHINE_TO(CLIENT_WAITING) | MACHINE_TO(CLIENT_ENDED)},
    /* to itself: the next address */
    [CLIENT_CONNECTING] = {"CONNECTING", MACHINE_TO(CLIENT_CONNECTING) |
                                             MACHINE_TO(CLIENT_OPENING) |
                                             MACHINE_TO(CLIENT_RESOLVING) |
                                             MACHINE_TO(CLIENT_WAITING) | MACHINE_TO(CLIENT_ENDED)},
    /* to CONNECTING: the same address again, in plain */
    [CLIENT_OPENING] = {"OPENING", MACHINE_TO(CLIENT_REGISTERING) | MACHINE_TO(CLIENT_CONNECTING) |
                                       MACHINE_TO(CLIENT_RESOLVING) | MACHINE_TO(CLIENT_WAITING) |
                                       MACHINE_TO(CLIENT_ENDED)},
    [CLIENT_REGISTERING] = {"REGISTERING",
                            MACHINE_TO(CLIENT_REGISTERED) | MACHINE_TO(CLIENT_RESOLVING) |
                                MACHINE_TO(CLIENT_WAITING) | MACHINE_TO(CLIENT_ENDED)},
    [CLIENT_REGISTERED] = {"REGISTERED", MACHINE_TO(CLIENT_LOGGING_OFF) |
                                             MACHINE_TO(CLIENT_WAITING) | MACHINE_TO(CLIENT_ENDED)},
    [CLIENT_LOGGING_OFF] = {"LOGGING_OFF", MACHINE_TO(CLIENT_ENDED)},
    [CLIENT_WAITING] = {"WAITING", MACHINE_TO(CLIENT_RESOLVING) | MACHINE_TO(CLIENT_ENDED)},
    [CLIENT_ENDED] = {"ENDED", 0},
};

/* ---- states ---- */

enum client_state client_state(const d2k_client *client)
{
    return (enum client_state)client->machine.current;
}

void client_change_state(d2k_client *client, enum client_state next)
{
    if (machine_move(&client->machine, next)) {
        return;
    }
    /* A move that the table does not know is a bug of ours: end this client, not the program. */
    (void)error_set(&client->end, D2K_INTERNAL, "state %s may not follow %s", states[next].name,
                    machine_state_name(&client->machine));
    client->error = client->end;
    connect_close_resolver(client);
    link_close(client);
    if (client_state(client) != CLIENT_ENDED && !machine_move(&client->machine, CLIENT_ENDED)) {
        client->machine.current = CLIENT_ENDED;
    }
}

static void end_for_good(d2k_client *client, const struct error *why)
{
    client->end = *why;
    client->error = *why;
    client_change_state(client, CLIENT_ENDED);
}

/* What belonged to the link that has ended. */
static void forget_link(d2k_client *client)
{
    link_close(client);
    events_drop_held(client);
    requests_abandon(&client->requests);
    objects_link_ended(client);
    writes_link_ended(client);
    known_objects_clear(client);
}

static void end_registered(d2k_client *client, const struct error *why)
{
    char next[64] = "giving up";
    bool final = !client_reconnects(client) || why->code == D2K_NO_MEMORY;
    if (os_monotonic_ms() - client->link.registered_ms >= CLIENT_GOOD_LINK_MS) {
        client->connector.rounds_failed = 0;
    }
    if (!final) {
        (void)snprintf(next, sizeof(next), "trying again in %.1f s",
                       connect_choose_wait(client) / 1000.0);
    }
    lines_lost(client, why, next, final);
    forget_link(client);
    events_add(client, D2K_EVENT_DISCONNECTED, 0, 0, why->code, why->text);
    client->error = *why;
    if (final) {
        end_for_good(client, why);
    } else {
        client_change_state(client, CLIENT_WAITING);
    }
}

void client_end_link(d2k_client *client, const struct error *why)
{
    const struct error original = *why;
    struct error reason = original;
    enum client_state state = client_state(client);
    if (state == CLIENT_IDLE || state == CLIENT_ENDED || state == CLIENT_WAITING) {
        return;
    }
    if (client->link.session != NULL) {
        link_say_goodbye(client);
    }
    /* It may hold words of the other side; escaping twice changes nothing. */
    (void)text_escape(reason.text, sizeof(reason.text), slice_of(original.text));
    if (reason.text[0] == '\0') {
        (void)text_copy(reason.text, sizeof(reason.text), d2k_result_text(reason.code));
    }
    if (state == CLIENT_LOGGING_OFF) {
        lines_logged_off(client);
        forget_link(client);
        end_for_good(client, &reason);
    } else if (state == CLIENT_REGISTERED) {
        end_registered(client, &reason);
    } else {
        connect_failed(client, &reason);
    }
}

bool client_reconnects(const d2k_client *client)
{
    bool by_itself = group_is_used(client) && client->was_registered;
    return !client->logging_off && (client->config->reconnect || by_itself);
}

void client_fail(d2k_client *client, d2k_result result, const char *format, ...)
{
    struct error err;
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)error_set(&err, result, "%s", text);
    client_end_link(client, &err);
}

d2k_result client_refuse(d2k_client *client, d2k_result result, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return error_set(&client->error, result, "%s", text);
}

/* ---- new and free ---- */

static d2k_result locate(d2k_client *client, struct error *err)
{
    d2k_config *config = client->config;
    d2k_result result = config_find_application(config, &client->application);
    if (result != D2K_OK) {
        *err = config->error;
        return result;
    }
    result = registry_locate(config->installation, config->config_dir, &client->location, err);
    client->located = result == D2K_OK;
    return result;
}

static d2k_result find_local_socket(d2k_client *client, struct error *err)
{
    if (!client->config->local) {
        return D2K_OK;
    }
    if (client->application == NULL) {
        return error_set(err, D2K_CONFIG,
                         "a local connection needs the application name (@<application> or "
                         "DefaultApplication)");
    }
    const char *given = client->config->run_dir;
    char *directory =
        given != NULL ? text_format("%s", given) : registry_run_dir(&client->location);
    if (directory != NULL) {
        client->local_path = text_format("%s/%s.sock", directory, client->application);
    }
    free(directory);
    return client->local_path == NULL ? error_no_memory(err) : D2K_OK;
}

static d2k_result init_client(d2k_client *client, struct error *err)
{
    uint64_t seed[2];
    machine_init(&client->machine, states, CLIENT_STATES, CLIENT_IDLE);
    link_init(&client->link);
    requests_init(&client->requests);
    subscriptions_init(&client->subscriptions);
    writes_init(&client->writes);
    bool random =
        os_random(seed, sizeof(seed)) && os_random(client->instance, sizeof(client->instance));
    objects_init(&client->objects, seed);
    map_init(&client->known, false, seed);
    if (!random) {
        return error_set(err, D2K_INTERNAL, "the system gives no random numbers");
    }
    d2k_result result = locate(client, err);
    if (result == D2K_OK) {
        result = find_local_socket(client, err);
    }
    if (result == D2K_OK) {
        result = group_find_servers(client, err);
    }
    if (result == D2K_OK && client->application == NULL) {
        lines_no_application(client);
    }
    if (result == D2K_OK && client->config->password_on_command_line) {
        lines_password_on_command_line(client);
    }
    return result != D2K_OK ? result
                            : tls_keeper_open_client(&client->location, client->application,
                                                     &client->config->log, &client->keeper, err);
}

d2k_result d2k_client_new(d2k_config *config, d2k_client **ret_client, char **ret_error_text)
{
    struct error err = {.code = D2K_NO_MEMORY, .text = ""};
    *ret_client = NULL;
    if (ret_error_text != NULL) {
        *ret_error_text = NULL;
    }
    d2k_client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        d2k_config_free(config);
        return D2K_NO_MEMORY;
    }
    client->config = config;
    d2k_result result = init_client(client, &err);
    if (result == D2K_OK) {
        *ret_client = client;
        return D2K_OK;
    }
    if (ret_error_text != NULL) {
        *ret_error_text = text_format("%s", err.text);
    }
    d2k_client_free(client);
    return result;
}

void d2k_client_free(d2k_client *client)
{
    if (client == NULL) {
        return;
    }
    connect_close_resolver(client);
    link_close(client);
    events_free(client);
    requests_abandon(&client->requests);
    requests_free(&client->requests);
    subscriptions_free(&client->subscriptions);
    writes_free(&client->writes);
    objects_free(&client->objects);
    known_objects_clear(client);
    map_free(&client->known);
    tls_keeper_close(client->keeper);
    if (client->located) {
        registry_location_free(&client->location);
    }
    free(client->local_path);
    d2k_config_free(client->config);
    free(client);
}

const char *d2k_client_error_text(const d2k_client *client)
{
    return client->error.text;
}

/* ---- work ---- */

static void work_in_state(d2k_client *client)
{
    switch (client_state(client)) {
    case CLIENT_RESOLVING:
        connect_resolving_work(client);
        break;
    case CLIENT_CONNECTING:
        connect_connecting_work(client);
        break;
    case CLIENT_OPENING:
    case CLIENT_REGISTERING:
    case CLIENT_REGISTERED:
        link_work(client);
        break;
    case CLIENT_LOGGING_OFF:
        link_logging_off_work(client);
        break;
    case CLIENT_WAITING:
        connect_waiting_work(client);
        break;
    default:
        break;
    }
}

/* Everything that is possible now without waiting. */
static void client_work(d2k_client *client)
{
    enum client_state before;
    size_t server;
    do { /* ends: each round of servers ends in WAITING or ENDED */
        before = client_state(client);
        server = client->connector.server;
        work_in_state(client);
    } while (client_state(client) != before || client->connector.server != server);
}

d2k_result d2k_client_process(d2k_client *client)
{
    if (client_state(client) == CLIENT_IDLE) {
        return client_refuse(client, D2K_STATE, "the client was not started");
    }
    client_work(client);
    if (client_state(client) == CLIENT_ENDED) {
        client->error = client->end;
        return client->end.code;
    }
    return D2K_OK;
}

size_t d2k_client_sockets(const d2k_client *client, d2k_socket *ret_sockets, size_t max)
{
    int events = link_wanted_events(client);
    if (client_state(client) == CLIENT_RESOLVING) {
        return connect_sockets(client, ret_sockets, max);
    }
    if (events == 0 || max == 0) {
        return 0;
    }
    ret_sockets[0] = (d2k_socket){.socket = client->link.fd, .events = events};
    return 1;
}

/* Point in time, 0: none. */
static uint64_t deadline_at(const d2k_client *client, uint64_t now)
{
    const struct connector *connector = &client->connector;
    switch (client_state(client)) {
    case CLIENT_RESOLVING:
        return connector->resolved ? now
                                   : connect_resolver_deadline(client, connector->deadline_ms, now);
    case CLIENT_CONNECTING:
        return connector->step_deadline_ms;
    case CLIENT_OPENING:
    case CLIENT_REGISTERING:
    case CLIENT_REGISTERED:
    case CLIENT_LOGGING_OFF:
        return link_deadline(client);
    case CLIENT_WAITING:
        return connector->wait_until_ms;
    default:
        return 0;
    }
}

int d2k_client_deadline_ms(const d2k_client *client)
{
    uint64_t now = os_monotonic_ms();
    uint64_t at = deadline_at(client, now);
    if (at == 0) {
        return -1;
    }
    uint64_t wait = at > now ? at - now : 0;
    return wait > INT32_MAX ? INT32_MAX : (int)wait;
}

/* ---- waiting ---- */

/* -1: for ever. */
static uint64_t end_of(int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : os_monotonic_ms() + (uint64_t)timeout_ms;
}

/* Waits until there is work for the client, or `until_ms`. */
static d2k_result wait_for_work(d2k_client *client, uint64_t until_ms)
{
    d2k_socket sockets[SOCKETS_MAX];
    struct os_poll polled[SOCKETS_MAX];
    size_t count = d2k_client_sockets(client, sockets, SOCKETS_MAX);
    for (size_t i = 0; i < count; i++) {
        polled[i] =
            (struct os_poll){.fd = sockets[i].socket,
                             .events = (sockets[i].events & D2K_WANT_READ ? OS_READABLE : 0) |
                                       (sockets[i].events & D2K_WANT_WRITE ? OS_WRITABLE : 0)};
    }
    uint64_t now = os_monotonic_ms();
    int wait = d2k_client_deadline_ms(client);
    uint64_t left = until_ms > now ? until_ms - now : 0;
    if (wait < 0 || left < (uint64_t)wait) {
        wait = left > INT32_MAX ? INT32_MAX : (int)left;
    }
    int failure = os_poll(polled, count, wait);
    return failure == 0
               ? D2K_OK
               : client_refuse(client, D2K_IO, "waiting for sockets: %s", os_error_text(failure));
}

d2k_result d2k_client_start(d2k_client *client)
{
    if (client_state(client) != CLIENT_IDLE) {
        return client_refuse(client, D2K_STATE, "the client was started already");
    }
    connect_begin_round(client);
    return D2K_OK;
}

static d2k_result connect_timed_out(d2k_client *client, int timeout_ms)
{
    struct error last = client->error;
    return client_refuse(client, D2K_TIMEOUT, "not registered within %.1f s%s%.800s",
                         timeout_ms / 1000.0, last.text[0] == '\0' ? "" : "; last: ", last.text);
}

d2k_result d2k_client_connect(d2k_client *client, int timeout_ms)
{
    uint64_t until = end_of(timeout_ms);
    d2k_result result = d2k_client_start(client);
    while (result == D2K_OK) {
        result = d2k_client_process(client);
        if (result != D2K_OK || client_state(client) == CLIENT_REGISTERED) {
            break;
        }
        if (os_monotonic_ms() >= until) {
            return connect_timed_out(client, timeout_ms);
        }
        result = wait_for_work(client, until);
    }
    return result;
}

d2k_result d2k_client_next(d2k_client *client, d2k_event *ret_event, int timeout_ms)
{
    uint64_t until = end_of(timeout_ms);
    events_release(client);
    for (;;) {
        if (events_take(client, ret_event)) {
            return D2K_OK;
        }
        d2k_result result = d2k_client_process(client);
        if (events_take(client, ret_event)) {
            return D2K_OK;
        }
        if (result != D2K_OK) {
            return result;
        }
        if (timeout_ms == 0) {
            return D2K_AGAIN;
        }
        if (os_monotonic_ms() >= until) {
            return D2K_TIMEOUT;
        }
        result = wait_for_work(client, until);
        if (result != D2K_OK) {
            return result;
        }
    }
}

/* ---- log-off ---- */

/* Works until `done` says so. D2K_TIMEOUT when it did not in time. */
static d2k_result work_until(d2k_client *client, bool (*done)(const d2k_client *client),
                             uint64_t until_ms)
{
    for (;;) {
        client_work(client);
        if (done(client)) {
            return D2K_OK;
        }
        if (os_monotonic_ms() >= until_ms || wait_for_work(client, until_ms) != D2K_OK) {
            return done(client) ? D2K_OK : D2K_TIMEOUT;
        }
    }
}

static bool is_published(const d2k_client *client)
{
    return client_state(client) != CLIENT_REGISTERED || !objects_waiting(client);
}

static bool has_left(const d2k_client *client)
{
    return client_state(client) != CLIENT_LOGGING_OFF || client->link.linger_until_ms != 0;
}

static bool has_ended(const d2k_client *client)
{
    return client_state(client) == CLIENT_ENDED;
}

static d2k_result log_off_registered(d2k_client *client, uint64_t until)
{
    d2k_result result = work_until(client, is_published, until);
    if (client_state(client) == CLIENT_REGISTERED) {
        link_log_off(client);
    }
    if (client_state(client) == CLIENT_ENDED) {
        return client->end.code; /* the link was lost meanwhile */
    }
    d2k_result left = work_until(client, has_left, until);
    if (left == D2K_OK) {
        /* All has left; that the kernel closes first only saves it from a reset. */
        (void)work_until(client, has_ended, until);
    }
    return result == D2K_OK ? left : result;
}

d2k_result d2k_log_off(d2k_client *client, int timeout_ms)
{
    d2k_result result = D2K_OK;
    if (client_state(client) == CLIENT_ENDED) {
        return D2K_OK;
    }
    client->events.discarding = true;
    events_drop_held(client);
    client->logging_off = true;
    if (client_state(client) == CLIENT_REGISTERED) {
        result = log_off_registered(client, end_of(timeout_ms));
    }
    if (client_state(client) == CLIENT_LOGGING_OFF) {
        client_fail(client, D2K_CLOSED, "logged off");
    } else if (client_state(client) != CLIENT_ENDED) {
        struct error why;
        (void)error_set(&why, D2K_CLOSED, "logged off");
        connect_close_resolver(client);
        link_close(client);
        end_for_good(client, &why);
    }
    return result == D2K_TIMEOUT
               ? client_refuse(client, D2K_TIMEOUT, "the output did not leave within %.1f s",
                               timeout_ms / 1000.0)
               : result;
}

/* ---- questions ---- */

d2k_result client_ask(d2k_client *client, enum request_kind kind, struct wire_message *message,
                      uint64_t *ret_request)
{
    if (client_state(client) != CLIENT_REGISTERED) {
        return client_refuse(client, D2K_STATE, "there is no link to a kernel");
    }
    if (client->requests.single_count >= CLIENT_PENDING_MAX) {
        return client_refuse(client, D2K_LIMIT, "%u questions wait for answers already",
                             CLIENT_PENDING_MAX);
    }
    struct request *request = calloc(1, sizeof(*request));
    if (request == NULL) {
        return error_no_memory(&client->error);
    }
    message->request = requests_new_number(&client->requests);
    requests_begin(&client->requests, request, kind, message->request);
    if (ret_request != NULL) {
        *ret_request = message->request;
    }
    link_send(client, message);
    return D2K_OK;
}

d2k_result client_check_text(d2k_client *client, const char *what, const char *text, size_t max)
{
    size_t size = text == NULL ? 0 : strlen(text);
    if (size < 1 || size > max || !text_is_utf8(slice_of(text))) {
        return client_refuse(client, D2K_ARGUMENT, "%s: 1..%zu bytes UTF-8 are needed", what, max);
    }
    return D2K_OK;
}

d2k_result d2k_read(d2k_client *client, const char *pattern, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_READ};
    message.as.read.pattern = slice_of(pattern);
    d2k_result result = client_check_text(client, "pattern", pattern, WIRE_PATTERN_MAX);
    return result != D2K_OK ? result : client_ask(client, REQUEST_READ, &message, ret_request);
}

d2k_result d2k_list_processes(d2k_client *client, const char *pattern, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_LIST_PROCESSES};
    message.as.list_processes.pattern = slice_of(pattern);
    d2k_result result = client_check_text(client, "pattern", pattern, WIRE_PATTERN_MAX);
    return result != D2K_OK ? result
                            : client_ask(client, REQUEST_LIST_PROCESSES, &message, ret_request);
}

d2k_result d2k_ping(d2k_client *client, const void *data, size_t size, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_PING};
    message.as.ping.data = (struct slice){data, size};
    if (size > CLIENT_PING_MAX) {
        return client_refuse(client, D2K_ARGUMENT, "ping: at most %u bytes", CLIENT_PING_MAX);
    }
    return client_ask(client, REQUEST_PING, &message, ret_request);
}

d2k_result d2k_shutdown_kernel(d2k_client *client, const char *reason, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_SHUTDOWN};
    message.as.shutdown.reason = slice_of(reason);
    d2k_result result = client_check_text(client, "reason", reason, WIRE_SENTENCE_MAX);
    return result != D2K_OK ? result : client_ask(client, REQUEST_SHUTDOWN, &message, ret_request);
}

d2k_result d2k_set_kernel_log_level(d2k_client *client, d2k_log_level level, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_SET_LOG_LEVEL};
    if (level != D2K_LOG_INFO && level != D2K_LOG_DEBUG) {
        return client_refuse(client, D2K_ARGUMENT, "the log level of a kernel is info or debug");
    }
    message.as.set_log_level.level = level == D2K_LOG_DEBUG ? WIRE_LOG_DEBUG : WIRE_LOG_INFO;
    return client_ask(client, REQUEST_SET_LOG_LEVEL, &message, ret_request);
}

/* ---- facts ---- */

bool d2k_client_registered(const d2k_client *client)
{
    return client_state(client) == CLIENT_REGISTERED;
}

const char *d2k_client_process_name(const d2k_client *client)
{
    return d2k_client_registered(client) ? client->link.process_name : "";
}

const char *d2k_client_kernel_version(const d2k_client *client)
{
    return d2k_client_registered(client) ? client->link.kernel_version : "";
}

const char *d2k_client_tls_version(const d2k_client *client)
{
    return d2k_client_registered(client) ? session_tls_version(client->link.session) : "";
}

bool d2k_client_verified(const d2k_client *client)
{
    return d2k_client_registered(client) && session_verified(client->link.session);
}

uint64_t d2k_client_connection_sql_id(const d2k_client *client)
{
    return d2k_client_registered(client) ? client->link.connection_sql_id : 0;
}
