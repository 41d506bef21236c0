/* One client of the kernel: its states, its messages by table, its deadlines and its end. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "kernel/kernel.h"
#include "os/clock.h"

static const struct machine_state states[] = {
    [CLIENT_CONNECTED] = {"connected", MACHINE_TO(CLIENT_WELCOMED) | MACHINE_TO(CLIENT_GONE)},
    [CLIENT_WELCOMED] = {"welcomed", MACHINE_TO(CLIENT_PROBING) | MACHINE_TO(CLIENT_REGISTERED) |
                                         MACHINE_TO(CLIENT_GONE)},
    [CLIENT_PROBING] = {"probing", MACHINE_TO(CLIENT_REGISTERED) | MACHINE_TO(CLIENT_GONE)},
    [CLIENT_REGISTERED] = {"registered", MACHINE_TO(CLIENT_GONE)},
    [CLIENT_GONE] = {"gone", 0},
};

void client_move(struct client *c, enum client_state next)
{
    if (!machine_move(&c->machine, next)) {
        log_write(c->kernel->log, LOG_ERROR, "BACKEND",
                  "Internal error: client %s cannot become %s; its link ends",
                  states[c->machine.current].name, states[next].name);
        net_link_end(c->link, WIRE_BYE, WIRE_CODE_INTERNAL, 0, "internal error of the kernel");
    }
}

const char *client_where(const struct client *c, char ret_text[CLIENT_WHERE_MAX])
{
    const struct session *session = net_link_session(c->link);
    uint32_t uid;
    if (net_link_local_user(c->link, &uid)) {
        (void)snprintf(ret_text, CLIENT_WHERE_MAX, "[LOCAL uid %u]", uid);
    } else if (session_is_tls(session)) {
        (void)snprintf(ret_text, CLIENT_WHERE_MAX, "[TCP/IP %s][%s]",
                       net_link_address_text(c->link), session_tls_version(session));
    } else {
        (void)snprintf(ret_text, CLIENT_WHERE_MAX, "[TCP/IP %s]", net_link_address_text(c->link));
    }
    return ret_text;
}

const char *client_who(const struct client *c, char ret_text[CLIENT_WHO_MAX])
{
    char where[CLIENT_WHERE_MAX];
    (void)snprintf(ret_text, CLIENT_WHO_MAX, "%s %s%s%s", c->process->name, client_where(c, where),
                   client_user(c)[0] != '\0' ? " user " : "", client_user(c));
    return ret_text;
}

/* ---- sending ---- */

void client_send(struct client *c, const struct wire_message *message)
{
    if (client_state(c) == CLIENT_GONE) {
        return;
    }
    d2k_result rc = session_send(net_link_session(c->link), message);
    if (rc == D2K_NO_MEMORY) {
        net_link_end(c->link, WIRE_BYE, WIRE_CODE_LIMIT, 0,
                     "the client takes its answers too slowly");
        return;
    }
    if (rc != D2K_OK) {
        log_write(c->kernel->log, LOG_ERROR, "BACKEND",
                  "Internal error: message %u cannot be sent (%s); it is left out", message->type,
                  d2k_result_text(rc));
    }
    net_link_wake(c->link);
}

void client_send_failed(struct client *c, uint64_t request, uint16_t code, const char *sentence)
{
    struct wire_message message = {.type = WIRE_FAILED, .request = request};
    struct slice text = slice_of(sentence);
    message.as.failed.code = code;
    message.as.failed.sentence =
        (struct slice){text.data, text_prefix_of_bytes(text, WIRE_SENTENCE_MAX)};
    client_send(c, &message);
}

uint16_t client_code_of(d2k_result result)
{
    switch (result) {
    case D2K_NOT_ALLOWED:
        return WIRE_CODE_NOT_OWNER;
    case D2K_TYPE:
        return WIRE_CODE_BAD_TYPE;
    case D2K_ARGUMENT:
        return WIRE_CODE_BAD_VALUE;
    case D2K_CYCLE:
        return WIRE_CODE_CYCLE;
    case D2K_NOT_FOUND:
        return WIRE_CODE_NOT_FOUND;
    case D2K_LIMIT:
    case D2K_NO_MEMORY:
        return WIRE_CODE_LIMIT;
    case D2K_FILE:
        return WIRE_CODE_STORAGE;
    case D2K_AGAIN:
        return WIRE_CODE_BUSY;
    default:
        return WIRE_CODE_INTERNAL;
    }
}

/* ---- receiving ---- */

static void on_ping(struct client *c, const struct wire_message *message)
{
    struct wire_message pong = {.type = WIRE_PONG, .request = message->request};
    pong.as.pong.data = message->as.ping.data;
    if (pong.as.pong.data.size > CLIENT_PING_MAX) {
        client_send_failed(c, message->request, WIRE_CODE_TOO_LARGE,
                           "a Ping carries at most 64 KiB");
        return;
    }
    client_send(c, &pong);
}

static void on_nothing(struct client *c, const struct wire_message *message)
{
    (void)c;
    (void)message; /* that it came is all that counts */
}

static void on_good_bye(struct client *c, const struct wire_message *message)
{
    char sentence[WIRE_SENTENCE_MAX * 4];
    text_escape(sentence, sizeof sentence, message->as.bye.sentence);
    uint16_t code = message->as.bye.code;
    if (code == WIRE_CODE_NONE) {
        c->end_state = PROCESS_STOP;
        net_link_close(c->link, "log-off");
        return;
    }
    if (code == WIRE_CODE_WATCHDOG) {
        c->end_state = PROCESS_WDERR;
    }
    char why[sizeof sentence + 64];
    (void)snprintf(why, sizeof why, "the client left with %s: %s", wire_code_name(code), sentence);
    net_link_close(c->link, why);
}

static void on_shutdown(struct client *c, const struct wire_message *message)
{
    char reason[WIRE_SENTENCE_MAX * 4], who[CLIENT_WHO_MAX];
    const char *why_not;
    text_escape(reason, sizeof reason, message->as.shutdown.reason);
    bool allowed = client_may_administer(c, &why_not);
    log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s asks for shutdown (\"%s\"): %s",
              client_who(c, who), reason, allowed ? "accepted" : "refused");
    if (!allowed) {
        client_send_failed(c, message->request, WIRE_CODE_NOT_ALLOWED, why_not);
        return;
    }
    struct wire_message done = {.type = WIRE_DONE, .request = message->request};
    client_send(c, &done);
    char why[sizeof reason + 128];
    (void)snprintf(why, sizeof why, "the kernel was asked to end by %s%s%s", c->process->name,
                   reason[0] != '\0' ? ": " : "", reason);
    kernel_ask_to_end(c->kernel, why);
}

/* Below `info` nothing is offered: what is audited must stay in the log. */
static void on_set_log_level(struct client *c, const struct wire_message *message)
{
    char who[CLIENT_WHO_MAX];
    const char *why_not = "";
    uint8_t level = message->as.set_log_level.level;
    bool allowed = client_may_administer(c, &why_not);
    bool known = level == WIRE_LOG_INFO || level == WIRE_LOG_DEBUG;
    const char *name = level == WIRE_LOG_DEBUG ? "debug" : level == WIRE_LOG_INFO ? "info" : "?";
    log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s sets the log level to %s: %s",
              client_who(c, who), name, allowed && known ? "accepted" : "refused");
    if (!allowed || !known) {
        client_send_failed(c, message->request,
                           allowed ? WIRE_CODE_BAD_VALUE : WIRE_CODE_NOT_ALLOWED,
                           allowed ? "the level is neither info nor debug" : why_not);
        return;
    }
    c->kernel->setup.log->level = level == WIRE_LOG_DEBUG ? LOG_DEBUG : LOG_INFO;
    struct wire_message done = {.type = WIRE_DONE, .request = message->request};
    client_send(c, &done);
}

typedef void handler(struct client *c, const struct wire_message *message);

/* What a registered or registering client may send (the session has checked that it may send it
 * now). */
static handler *handler_of(uint16_t type)
{
    switch (type) {
    case WIRE_HELLO:
        return registration_hello;
    case WIRE_REGISTER:
        return registration_register;
    case WIRE_REFUSE:
    case WIRE_BYE:
        return on_good_bye;
    case WIRE_WATCHDOG:
    case WIRE_PONG:
        return on_nothing;
    case WIRE_PING:
        return on_ping;
    case WIRE_DEFINE:
        return values_define;
    case WIRE_CONFIGURE:
        return configuration_configure;
    case WIRE_DELETE:
        return configuration_delete;
    case WIRE_ACKNOWLEDGE_ALARM:
        return alarms_acknowledge;
    case WIRE_UPDATE:
        return values_update;
    case WIRE_ACKNOWLEDGE_UP_TO:
        return values_acknowledge;
    case WIRE_WRITE:
        return values_write;
    case WIRE_WRITE_RESULT:
        return commands_result;
    case WIRE_SUBSCRIBE:
        return delivery_subscribe;
    case WIRE_UNSUBSCRIBE:
        return delivery_unsubscribe;
    case WIRE_READ:
    case WIRE_LIST_PROCESSES:
        return queries_ask;
    case WIRE_LIST_OBJECTS:
        return queries_list;
    case WIRE_SNAPSHOT:
        return queries_snapshot;
    case WIRE_HISTORY:
        return queries_history;
    case WIRE_START_PROCESS:
    case WIRE_STOP_PROCESS:
    case WIRE_RESTART_PROCESS:
        return orders_request;
    case WIRE_SET_ACTIVE_INSTANCE:
    case WIRE_SET_PREFERRED_INSTANCE:
        return instances_request;
    case WIRE_LOG_ON:
        return logon_on;
    case WIRE_LOG_OFF:
        return logon_off;
    case WIRE_SHUTDOWN:
        return on_shutdown;
    case WIRE_SET_LOG_LEVEL:
        return on_set_log_level;
    default:
        return NULL;
    }
}

void client_received(struct client *c)
{
    struct session *session = net_link_session(c->link);
    for (;;) {
        struct wire_message message;
        struct error err = {0};
        uint16_t code;
        d2k_result rc = session_next(session, &message, &code, &err);
        if (rc == D2K_AGAIN) {
            return;
        }
        if (rc != D2K_OK) {
            net_link_broken(c->link, rc, code, err.text);
            return; /* the client is gone */
        }
        c->kernel->messages++;
        handler *handle = handler_of(message.type);
        if (handle == NULL) {
            net_link_broken(c->link, D2K_PROTOCOL, WIRE_CODE_PROTOCOL,
                            "a message that only kernels send");
            return;
        }
        handle(c, &message);
        if (client_state(c) == CLIENT_GONE) {
            return;
        }
    }
}

/* ---- output ---- */

/* Neither a long list may hold up values, nor many values an answer. */
void client_fill(struct client *c)
{
    void (*const fillers[])(struct client *) = {queries_fill, delivery_fill};
    permissions_fill(c);
    c->values_first = !c->values_first;
    for (unsigned i = 0; i < 2 && client_state(c) == CLIENT_REGISTERED; i++) {
        fillers[c->values_first ? 1 - i : i](c);
    }
}

/* ---- life ---- */

void client_opened(struct kernel *kernel, struct net_link *link)
{
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        net_link_end(link, WIRE_REFUSE, WIRE_CODE_LIMIT, 0, "the kernel is out of memory");
        return;
    }
    c->kernel = kernel;
    c->link = link;
    c->end_state = PROCESS_CRASH;
    c->since_ms = net_link_opened_ms(link);
    list_init(&c->queries);
    list_init(&c->gone_link);
    machine_init(&c->machine, states, sizeof states / sizeof states[0], CLIENT_CONNECTED);
    net_link_set_data(link, c);

    const struct session *session = net_link_session(link);
    char where[CLIENT_WHERE_MAX];
    log_write(kernel->log, LOG_DEBUG, "BACKEND",
              "Connection %s is open: cipher %s, %s, TLS configuration %llu",
              client_where(c, where),
              session_is_tls(session) ? session_tls_cipher(session) : "none",
              session_resumed(session) ? "resumed" : "full handshake",
              (unsigned long long)session_generation(session));

    uint32_t uid;
    const char *why_not;
    if (kernel->ending) {
        net_link_end(link, WIRE_REFUSE, WIRE_CODE_SHUTDOWN, 0, "the kernel ends");
    } else if (net_link_local_user(link, &uid) && !client_may_administer(c, &why_not)) {
        net_link_end(link, WIRE_REFUSE, WIRE_CODE_NOT_ALLOWED, 0, why_not);
    }
}

static const char *state_word(enum process_state state)
{
    return state == PROCESS_STOP ? "Stop" : state == PROCESS_WDERR ? "WDErr" : "Crash";
}

static void end_process(struct client *c, const char *why)
{
    struct kernel *kernel = c->kernel;
    log_write(kernel->log, c->end_state == PROCESS_STOP ? LOG_INFO : LOG_WARNING, "SERVER",
              "Process ended. ClientName: %s Id: %u State: %s Reason: %s", c->process->name,
              c->process->id, state_word(c->end_state), why);
    programs_left(kernel, c->process->name, c->end_state);
    commands_client_gone(c);
    subscriber_free(c->subscriber);
    c->subscriber = NULL;
    char name[WIRE_NAME_MAX + 1];
    (void)text_copy(name, sizeof name, c->process->name);
    plant_process_end(kernel->plant, c->process, c->end_state, os_wall_ns());
    kernel_tidy(kernel);
    instances_tell(kernel, name);
    tags_process_changed(kernel, name);
}

void client_closed(struct client *c, enum net_end how, const char *why)
{
    if (c == NULL) {
        return;
    }
    char escaped[ERROR_TEXT_MAX], where[CLIENT_WHERE_MAX];
    text_escape(escaped, sizeof escaped, slice_of(why));
    if (client_state(c) == CLIENT_REGISTERED) {
        end_process(c, escaped);
    } else if (!c->refusal_logged && kernel_may_log_refusal(c->kernel)) {
        log_write(c->kernel->log, LOG_WARNING, "BACKEND",
                  "Connection %s ended before it was registered%s: %s", client_where(c, where),
                  how == NET_END_BROKEN ? " (broken)" : "", escaped);
    }
    client_move(c, CLIENT_GONE);
    list_append(&c->kernel->gone, &c->gone_link);
}

void clients_bury(struct kernel *kernel)
{
    LIST_EACH(&kernel->gone, at, following)
    {
        struct client *c = LIST_MEMBER(at, struct client, gone_link);
        list_remove(&c->gone_link);
        queries_drop(c);
        registration_forget(c);
        free(c);
    }
}

static void tick_registered(struct client *c, uint64_t now_ms)
{
    uint32_t interval = c->watchdog_ms;
    if (now_ms - net_link_received_ms(c->link) > (uint64_t)CLIENT_WATCHDOG_MISSED * interval) {
        c->end_state = PROCESS_WDERR;
        net_link_end(c->link, WIRE_BYE, WIRE_CODE_WATCHDOG, 0,
                     "three watchdog messages were missing");
        return;
    }
    /* What waits already says that we live, as soon as it can be sent. */
    if (now_ms - net_link_sent_ms(c->link) >= interval &&
        session_unsent(net_link_session(c->link)) == 0) {
        struct wire_message watchdog = {.type = WIRE_WATCHDOG};
        client_send(c, &watchdog);
    }
}

void client_tick(struct client *c, uint64_t now_ms)
{
    switch (client_state(c)) {
    case CLIENT_REGISTERED:
        tick_registered(c, now_ms);
        break;
    case CLIENT_PROBING:
        registration_probe(c, now_ms);
        break;
    case CLIENT_CONNECTED:
    case CLIENT_WELCOMED:
        if (now_ms - c->since_ms > CLIENT_REGISTER_MS) {
            net_link_end(c->link, WIRE_REFUSE, WIRE_CODE_TIMEOUT, 0, "it did not register in time");
        }
        break;
    case CLIENT_GONE:
        break;
    }
}
