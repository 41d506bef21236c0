/* client/dispatch.c: what the kernel says, message by message.
 *
 * The program is told in the order of the messages: as soon as one is held for it (events_block),
 * nothing more is decoded. */
#include <string.h>

#include "base/text.h"
#include "client/client.h"

#define SENTENCE_ESCAPED_MAX (WIRE_SENTENCE_MAX + 128)

d2k_result dispatch_end_result(uint16_t code)
{
    switch (code) {
    case WIRE_CODE_NONE:
        return D2K_CLOSED;
    case WIRE_CODE_NO_TLS:
        return D2K_NO_TLS;
    case WIRE_CODE_TLS_REQUIRED:
        return D2K_TLS_REQUIRED;
    case WIRE_CODE_NAME_IN_USE:
        return D2K_NAME_IN_USE;
    case WIRE_CODE_NOT_ALLOWED:
        return D2K_NOT_ALLOWED;
    case WIRE_CODE_SHUTDOWN:
        return D2K_SHUTDOWN;
    case WIRE_CODE_WATCHDOG:
        return D2K_WATCHDOG;
    default:
        return D2K_REFUSED;
    }
}

d2k_result dispatch_failed_result(uint16_t code)
{
    switch (code) {
    case WIRE_CODE_NOT_FOUND:
        return D2K_NOT_FOUND;
    case WIRE_CODE_NOT_OWNER:
    case WIRE_CODE_NOT_ALLOWED:
    case WIRE_CODE_NO_RIGHT:
    case WIRE_CODE_LOGON:
        return D2K_NOT_ALLOWED;
    case WIRE_CODE_BAD_TYPE:
        return D2K_TYPE;
    case WIRE_CODE_BAD_NAME:
    case WIRE_CODE_BAD_VALUE:
        return D2K_ARGUMENT;
    case WIRE_CODE_LIMIT:
    case WIRE_CODE_TOO_LARGE:
        return D2K_LIMIT;
    case WIRE_CODE_CYCLE:
        return D2K_CYCLE;
    case WIRE_CODE_STORAGE:
        return D2K_FILE;
    case WIRE_CODE_BUSY:
        return D2K_AGAIN;
    default:
        return D2K_REFUSED;
    }
}

/* The kernel's own sentence, made safe; the name of the code when it said none. */
static const char *explain(char *ret, size_t size, struct slice sentence, uint16_t code)
{
    if (sentence.size == 0) {
        (void)text_copy(ret, size, wire_code_name(code));
        return ret;
    }
    return text_escape(ret, size, sentence);
}

/* ---- opening ---- */

static void take_welcome(d2k_client *client, const struct wire_welcome *welcome)
{
    struct link *link = &client->link;
    if (link->welcomed) {
        client_fail(client, D2K_PROTOCOL, "the kernel said Welcome twice");
        return;
    }
    if (welcome->version < WIRE_VERSION_MIN || welcome->version > WIRE_VERSION_MAX) {
        client_fail(client, D2K_PROTOCOL,
                    "the kernel chose protocol version %u, this client knows %u..%u",
                    welcome->version, WIRE_VERSION_MIN, WIRE_VERSION_MAX);
        return;
    }
    link->welcomed = true;
    link->capabilities = welcome->capabilities;
    memcpy(link->kernel_instance, welcome->kernel_instance, WIRE_ID_SIZE);
    (void)text_escape(link->kernel_version, sizeof(link->kernel_version), welcome->kernel_version);
    if (group_is_used(client) && group_accepts(client, welcome)) {
        link_register(client);
    }
}

static void take_registered(d2k_client *client, const struct wire_registered *answer)
{
    if (client->link.logon_request != 0) {
        client_fail(client, D2K_PROTOCOL, "the kernel registered twice");
        return;
    }
    if (!client->link.welcomed || !text_is_process_name(answer->process_name)) {
        client_fail(client, D2K_PROTOCOL, "%s",
                    client->link.welcomed ? "the kernel gave a process name that is none"
                                          : "the kernel registered without Welcome");
        return;
    }
    link_registered(client, answer);
}

/* Refuse or Bye. */
static void take_end(d2k_client *client, uint16_t code, uint32_t wait, struct slice sentence)
{
    char text[SENTENCE_ESCAPED_MAX];
    if (wait > client->connector.retry_after_ms) {
        client->connector.retry_after_ms =
            wait > CLIENT_RETRY_AFTER_MAX_MS ? CLIENT_RETRY_AFTER_MAX_MS : wait;
    }
    client_fail(client, dispatch_end_result(code), "%s",
                explain(text, sizeof(text), sentence, code));
}

static void dispatch_opening(d2k_client *client, const struct wire_message *message)
{
    switch (message->type) {
    case WIRE_WELCOME:
        take_welcome(client, &message->as.welcome);
        break;
    case WIRE_REGISTERED:
        take_registered(client, &message->as.registered);
        break;
    case WIRE_LOGGED_ON:
        if (client->link.logon_request != 0 && message->request == client->link.logon_request) {
            link_ready(client);
        }
        break;
    case WIRE_INSTANCE_STATE:
        instances_state(client, message->as.instance_state.state);
        break;
    case WIRE_FAILED:
        if (client->link.logon_request != 0 && message->request == client->link.logon_request) {
            logon_failed(client, &message->as.failed);
        }
        break;
    case WIRE_REFUSE:
        take_end(client, message->as.refuse.code, message->as.refuse.retry_after_ms,
                 message->as.refuse.sentence);
        break;
    default:
        break;
    }
}

/* ---- registered ---- */

static void take_done(d2k_client *client, const struct wire_message *message)
{
    struct request *request = requests_find(&client->requests, message->request);
    if (request == NULL || request->kind == REQUEST_DEFINE) {
        return;
    }
    bool told = request->kind != REQUEST_SUBSCRIBE;
    requests_finish(&client->requests, request);
    if (told) {
        events_add(client, D2K_EVENT_DONE, message->request, message->as.done.count, D2K_OK, NULL);
    }
}

static void take_failed(d2k_client *client, const struct wire_message *message)
{
    const struct wire_failed *failed = &message->as.failed;
    char sentence[SENTENCE_ESCAPED_MAX];
    char text[SENTENCE_ESCAPED_MAX + WIRE_PATTERN_MAX * 4 + 16];
    struct error line = {.text = ""};
    (void)explain(sentence, sizeof(sentence), failed->sentence, failed->code);
    (void)text_copy(text, sizeof(text), sentence);
    struct request *request = requests_find(&client->requests, message->request);
    if (request != NULL && request->kind == REQUEST_DEFINE) {
        const char *name = objects_refused(client, request);
        lines_definition_refused(client, name, sentence);
        (void)error_set(&line, D2K_REFUSED, "object %s: %s", name, sentence);
        (void)text_copy(text, sizeof(text), line.text);
    } else if (request != NULL && request->kind == REQUEST_SUBSCRIBE) {
        char pattern[WIRE_PATTERN_MAX + 1];
        subscriptions_refused(client, request, pattern, sizeof(pattern));
        (void)error_set(&line, D2K_REFUSED, "subscription %s: %s", pattern, sentence);
        (void)text_copy(text, sizeof(text), line.text);
    } else if (request != NULL) {
        requests_finish(&client->requests, request);
    }
    events_add(client, D2K_EVENT_FAILED, message->request, 0, dispatch_failed_result(failed->code),
               text);
}

static void take_defined(d2k_client *client, const struct wire_message *message)
{
    struct request *request = requests_find(&client->requests, message->request);
    if (request != NULL && request->kind == REQUEST_CONFIGURE) {
        requests_finish(&client->requests, request);
        events_add(client, D2K_EVENT_DONE, message->request, message->as.defined.hobj, D2K_OK,
                   NULL);
        return;
    }
    if (request == NULL || request->kind != REQUEST_DEFINE) {
        client_fail(client, D2K_PROTOCOL, "the kernel answered a definition that was not asked");
        return;
    }
    objects_defined(client, request, message->as.defined.hobj);
}

static void take_object_info(d2k_client *client, const struct wire_message *message)
{
    struct error err;
    const struct wire_object_info *info = &message->as.object_info;
    if (!text_is_object_name(info->name) || info->type < D2K_TYPE_BOOLEAN ||
        info->type > D2K_TYPE_LAST) {
        client_fail(client, D2K_PROTOCOL,
                    "the kernel told of an object without a good name or type");
        return;
    }
    if (known_objects_add(client, info, &err) != D2K_OK) {
        client_fail(client, err.code, "%s", err.text);
        return;
    }
    events_hold(client, HELD_OBJECT, message);
}

static void take_object_gone(d2k_client *client, uint32_t hobj)
{
    const d2k_object_info *object = known_objects_find(client, hobj);
    if (object != NULL) {
        events_add(client, D2K_EVENT_OBJECT_GONE, 0, hobj, D2K_OK, object->name);
        known_objects_remove(client, hobj);
    }
}

static void take_pong(d2k_client *client, const struct wire_message *message)
{
    struct request *request = requests_find(&client->requests, message->request);
    if (request == NULL || request->kind != REQUEST_PING) {
        return;
    }
    requests_finish(&client->requests, request);
    events_hold(client, HELD_PONG, message);
}

static void answer_ping(d2k_client *client, const struct wire_message *message)
{
    struct wire_message answer = {.type = WIRE_PONG, .request = message->request};
    answer.as.pong.data = message->as.ping.data;
    link_send(client, &answer);
}

static void take_logged_on(d2k_client *client, const struct wire_message *message)
{
    char user[4 * WIRE_NAME_MAX + 1];
    struct request *request = requests_find(&client->requests, message->request);
    if (request == NULL || request->kind != REQUEST_LOG_ON) {
        return;
    }
    requests_finish(&client->requests, request);
    events_add(client, D2K_EVENT_LOGGED_ON, message->request, 0, D2K_OK,
               text_escape(user, sizeof(user), message->as.logged_on.user));
}

static void take_snapshot_end(d2k_client *client, const struct wire_snapshot_end *end)
{
    uint64_t number = subscriptions_number(client, end->subscription);
    if (number == 0) {
        return; /* ended by d2k_unsubscribe() meanwhile */
    }
    struct request *request = requests_find(&client->requests, number);
    if (request != NULL) {
        requests_finish(&client->requests, request);
    }
    events_add(client, D2K_EVENT_SNAPSHOT_END, number, end->count, D2K_OK, NULL);
}

static void take_overrun(d2k_client *client, const struct wire_overrun *overrun)
{
    uint64_t number = subscriptions_number(client, overrun->subscription);
    if (number != 0) {
        events_add(client, D2K_EVENT_OVERRUN, number, overrun->lost, D2K_OK, NULL);
    }
}

static void dispatch_registered(d2k_client *client, const struct wire_message *message)
{
    switch (message->type) {
    case WIRE_UPDATE:
        events_hold(client, HELD_UPDATE, message);
        break;
    case WIRE_OBJECT_INFO:
        take_object_info(client, message);
        break;
    case WIRE_OBJECT_GONE:
        take_object_gone(client, message->as.object_gone.hobj);
        break;
    case WIRE_PROCESS_INFO:
        events_hold(client, HELD_PROCESS, message);
        break;
    case WIRE_PING:
        answer_ping(client, message);
        break;
    case WIRE_PONG:
        take_pong(client, message);
        break;
    case WIRE_DONE:
        take_done(client, message);
        break;
    case WIRE_FAILED:
        take_failed(client, message);
        break;
    case WIRE_DEFINED:
        take_defined(client, message);
        break;
    case WIRE_ACKNOWLEDGED:
        events_add(client, D2K_EVENT_ACKNOWLEDGED, 0, message->as.acknowledged.sequence, D2K_OK,
                   NULL);
        break;
    case WIRE_SNAPSHOT_END:
        take_snapshot_end(client, &message->as.snapshot_end);
        break;
    case WIRE_OVERRUN:
        take_overrun(client, &message->as.overrun);
        break;
    case WIRE_WRITE:
        writes_command(client, message);
        break;
    case WIRE_WRITE_RESULT:
        writes_result(client, message);
        break;
    case WIRE_INSTANCE_STATE:
        instances_state(client, message->as.instance_state.state);
        break;
    case WIRE_LOGGED_ON:
        take_logged_on(client, message);
        break;
    default: /* Watchdog, SnapshotBegin: that they came is all */
        break;
    }
}

static void dispatch(d2k_client *client, const struct wire_message *message)
{
    /* That a message may come in this state was checked by the session. */
    if (message->type == WIRE_BYE) {
        take_end(client, message->as.bye.code, message->as.bye.retry_after_ms,
                 message->as.bye.sentence);
    } else if (client_state(client) == CLIENT_REGISTERED) {
        dispatch_registered(client, message);
    } else {
        dispatch_opening(client, message);
    }
}

static void next_failed(d2k_client *client, d2k_result result, uint16_t code,
                        const struct error *err)
{
    const char *why = err->text[0] != '\0' ? err->text : "the kernel closed the connection";
    if (result == D2K_PROTOCOL) {
        session_end(client->link.session, WIRE_BYE, code, 0, why);
    }
    client_fail(client, result, "%s", why);
}

/* Whoever makes us answer and does not read waits for us. */
static bool is_output_full(d2k_client *client)
{
    client->link.decoding_paused = link_unsent(client) > 2 * (size_t)CLIENT_UNSENT_MAX;
    return client->link.decoding_paused;
}

bool dispatch_messages(d2k_client *client)
{
    bool some = false;
    while (client->link.session != NULL && !events_block(client) && !is_output_full(client)) {
        struct wire_message message;
        struct error err = {.code = D2K_OK, .text = ""};
        uint16_t code = WIRE_CODE_PROTOCOL;
        events_drop_held(client);
        d2k_result result = session_next(client->link.session, &message, &code, &err);
        if (result == D2K_AGAIN) {
            break;
        }
        some = true;
        if (result != D2K_OK) {
            next_failed(client, result, code, &err);
            break;
        }
        dispatch(client, &message);
    }
    return some;
}
