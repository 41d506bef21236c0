/* client/events.c: what the program is told, in the order in which it happened.
 *
 * Small events wait in a ring of their own and do not stop the work. A message with content
 * (values, an object, a process, a pong) stays where it lies in the session until the program has
 * taken all of it; meanwhile nothing is read from the socket. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "wire/properties.h"
#include "wire/value.h"

/* Places that only the ends of links may take, so that no end is lost in a full ring. */
#define RESERVED_FOR_ENDS 4u

static struct waiting_event *waiting_at(struct events *events, size_t index)
{
    return &events->waiting[(events->first + index) % CLIENT_EVENTS_MAX];
}

void events_free(d2k_client *client)
{
    struct events *events = &client->events;
    for (size_t i = 0; i < events->count; i++) {
        free(waiting_at(events, i)->text);
    }
    events->count = 0;
    free(events->text);
    events->text = NULL;
}

static void drop_last(struct events *events)
{
    struct waiting_event *last = waiting_at(events, --events->count);
    free(last->text);
    last->text = NULL;
}

/* A link that came and went before the program looked is not told: so a program that takes events
 * seldom is not stopped by a link that flaps. */
static void forget_missed_change(struct events *events, d2k_event_type type)
{
    d2k_event_type opposite =
        type == D2K_EVENT_CONNECTED ? D2K_EVENT_DISCONNECTED : D2K_EVENT_CONNECTED;
    if ((type == D2K_EVENT_CONNECTED || type == D2K_EVENT_DISCONNECTED) && events->count >= 2 &&
        waiting_at(events, events->count - 1)->type == opposite &&
        waiting_at(events, events->count - 2)->type == type) {
        drop_last(events);
        drop_last(events);
    }
}

void events_add(d2k_client *client, d2k_event_type type, uint64_t request, uint64_t count,
                d2k_result result, const char *text)
{
    struct events *events = &client->events;
    forget_missed_change(events, type);
    if (events->discarding || events->count == CLIENT_EVENTS_MAX) {
        return;
    }
    struct waiting_event *event = waiting_at(events, events->count);
    event->type = type;
    event->request = request;
    event->count = count;
    event->result = result;
    event->text = text == NULL ? NULL : text_format("%s", text);
    events->count++;
}

void events_hold(d2k_client *client, enum held_kind kind, const struct wire_message *message)
{
    struct held *held = &client->events.held;
    if (client->events.discarding) {
        return;
    }
    held->kind = kind;
    held->request = message->request;
    held->message = *message;
    if (kind == HELD_UPDATE) {
        held->values = cursor_of(message->as.update.values.data, message->as.update.values.size);
    }
}

void events_drop_held(d2k_client *client)
{
    client->events.held.kind = HELD_NOTHING;
}

bool events_block(const d2k_client *client)
{
    const struct held *held = &client->events.held;
    if (client->events.count >= CLIENT_EVENTS_MAX - RESERVED_FOR_ENDS) {
        return true;
    }
    return held->kind != HELD_NOTHING && !(held->kind == HELD_UPDATE && held->values.left == 0);
}

void events_release(d2k_client *client)
{
    free(client->events.text);
    client->events.text = NULL;
}

static bool take_waiting(struct events *events, d2k_event *ret_event)
{
    if (events->count == 0) {
        return false;
    }
    struct waiting_event *event = &events->waiting[events->first];
    events->first = (events->first + 1) % CLIENT_EVENTS_MAX;
    events->count--;
    events->text = event->text;
    event->text = NULL;
    ret_event->type = event->type;
    ret_event->request = event->request;
    ret_event->count = event->count;
    ret_event->result = event->result;
    ret_event->text = events->text == NULL ? "" : events->text;
    return true;
}

/* The next value of the Update that is held; false: no more, or the link was ended for it. */
static bool take_value(d2k_client *client, d2k_event *ret_event)
{
    struct events *events = &client->events;
    struct error err;
    uint32_t hobj = 0;
    int got = wire_value_decode(&events->held.values, &hobj, &events->value, &err);
    if (got == 0) {
        events->held.kind = HELD_NOTHING;
        return false;
    }
    if (got < 0) {
        client_fail(client, D2K_PROTOCOL, "the kernel sent a malformed value: %s", err.text);
        return false;
    }
    const d2k_object_info *object = known_objects_find(client, hobj);
    if (object == NULL) {
        client_fail(client, D2K_PROTOCOL,
                    "the kernel sent a value of object %lu, of which it had not told",
                    (unsigned long)hobj);
        return false;
    }
    ret_event->type = D2K_EVENT_VALUE;
    ret_event->request = events->held.request;
    ret_event->object = object;
    ret_event->value = &events->value;
    return true;
}

static const char *store(char *ret, size_t size, struct slice text)
{
    size_t length = text.size < size ? text.size : size - 1;
    if (length > 0) {
        memcpy(ret, text.data, length);
    }
    ret[length] = '\0';
    return ret;
}

static void fill_program(d2k_process_info *process, struct slice list)
{
    struct slice bytes;
    uint8_t state = WIRE_PROGRAM_UNKNOWN;
    process->program = D2K_PROGRAM_NONE;
    process->restarts = process->next_start_ms = 0;
    if (!properties_find(list, PROPERTY_STATIC, &bytes)) {
        return;
    }
    bool known = property_u8(bytes, &state) && state != WIRE_PROGRAM_UNKNOWN &&
                 state <= WIRE_PROGRAM_STOPPING;
    process->program = known ? (d2k_program_state)state : D2K_PROGRAM_UNKNOWN;
    if (properties_find(list, PROPERTY_RESTARTS, &bytes)) {
        (void)property_u32(bytes, &process->restarts);
    }
    if (properties_find(list, PROPERTY_NEXT_START_MS, &bytes)) {
        (void)property_u32(bytes, &process->next_start_ms);
    }
}

/* What is malformed is left out. */
static void fill_process_properties(struct events *events, struct slice list)
{
    struct error err;
    struct slice name = {"", 0}, bytes;
    bool good = properties_check(list, &err) == D2K_OK;
    if (good && properties_find(list, PROPERTY_USER, &name) && !text_is_utf8(name)) {
        name.size = 0;
    }
    uint8_t state = 0;
    if (good && properties_find(list, PROPERTY_INSTANCE_STATE, &bytes)) {
        (void)property_u8(bytes, &state);
    }
    events->process.instance_state = (d2k_instance_state)(state & ~WIRE_INSTANCE_PREFERRED);
    events->process.preferred = (state & WIRE_INSTANCE_PREFERRED) != 0;
    fill_program(&events->process, good ? list : (struct slice){"", 0});
    char *user = events->process_texts.user;
    events->process.user = store(user, sizeof(events->process_texts.user), name);
}

static void fill_process(struct events *events, const struct wire_process_info *info)
{
    struct process_texts *texts = &events->process_texts;
    d2k_process_info *process = &events->process;
    process->id = info->id_number;
    process->name = store(texts->name, sizeof(texts->name), info->process_name);
    process->instance = info->process_instance;
    process->state = (d2k_process_state)info->state;
    process->version = store(texts->version, sizeof(texts->version), info->program_version);
    process->computer = store(texts->computer, sizeof(texts->computer), info->computer_name);
    process->address = store(texts->address, sizeof(texts->address), info->address);
    process->os_process_id = info->os_process_id;
    process->tls_version = store(texts->tls_version, sizeof(texts->tls_version), info->tls_version);
    process->verified = info->verified != 0;
    process->since_ns = info->since;
    process->connection_sql_id = info->connection_sql_id;
    process->values_in = info->values_in;
    process->values_out = info->values_out;
    fill_process_properties(events, info->properties);
}

/* What is malformed is left out; the value was looked at when the command came. */
static bool take_command(d2k_client *client, d2k_event *ret_event)
{
    struct events *events = &client->events;
    const struct wire_write *write = &events->held.message.as.write;
    struct cursor rest = cursor_of(write->value.data, write->value.size);
    struct slice bytes, list;
    struct error err;
    uint32_t hobj = 0;
    int got = wire_value_decode(&rest, &hobj, &events->value, &err);
    const d2k_object *object = got > 0 ? objects_find(client, hobj) : NULL;
    if (object == NULL) {
        return false;
    }
    list = (struct slice){(const char *)rest.at, rest.left};
    events->command_process[0] = events->command_user[0] = '\0';
    if (properties_check(list, &err) == D2K_OK) {
        if (properties_find(list, PROPERTY_PROCESS, &bytes) && text_is_process_name(bytes)) {
            (void)store(events->command_process, sizeof(events->command_process), bytes);
        }
        if (properties_find(list, PROPERTY_USER, &bytes)) {
            (void)text_escape(events->command_user, sizeof(events->command_user), bytes);
        }
    }
    const d2k_definition *says = &object->own.says;
    events->command_object = (d2k_object_info){.hobj = hobj,
                                               .type = object->type,
                                               .name = object->name,
                                               .description = says->description,
                                               .unit = says->unit,
                                               .owner = client->link.process_name,
                                               .path = says->path,
                                               .writable = true,
                                               .expression = "",
                                               .limits = says->limits,
                                               .history = says->history};
    ret_event->type = D2K_EVENT_COMMAND;
    ret_event->object = &events->command_object;
    ret_event->value = &events->value;
    ret_event->text = events->command_process;
    ret_event->user = events->command_user;
    return true;
}

static bool take_held(d2k_client *client, d2k_event *ret_event)
{
    struct events *events = &client->events;
    struct held *held = &events->held;
    enum held_kind kind = held->kind;
    if (kind == HELD_NOTHING) {
        return false;
    }
    if (kind == HELD_UPDATE) {
        return take_value(client, ret_event);
    }
    held->kind = HELD_NOTHING;
    ret_event->request = held->request;
    switch (kind) {
    case HELD_OBJECT:
        ret_event->type = D2K_EVENT_OBJECT;
        ret_event->object = known_objects_find(client, held->message.as.object_info.hobj);
        return ret_event->object != NULL;
    case HELD_COMMAND:
        return take_command(client, ret_event);
    case HELD_PROCESS:
        fill_process(events, &held->message.as.process_info);
        ret_event->type = D2K_EVENT_PROCESS;
        ret_event->process = &events->process;
        return true;
    default:
        ret_event->type = D2K_EVENT_PONG;
        ret_event->text =
            held->message.as.pong.data.size == 0 ? "" : held->message.as.pong.data.data;
        ret_event->count = held->message.as.pong.data.size;
        return true;
    }
}

static bool take_abandoned(d2k_client *client, d2k_event *ret_event)
{
    uint64_t number = requests_take_abandoned(&client->requests);
    if (number == 0) {
        return false;
    }
    ret_event->type = D2K_EVENT_FAILED;
    ret_event->request = number;
    ret_event->result = D2K_CLOSED;
    ret_event->text = "the link ended before the answer";
    return true;
}

bool events_take(d2k_client *client, d2k_event *ret_event)
{
    memset(ret_event, 0, sizeof(*ret_event));
    ret_event->text = "";
    ret_event->user = "";
    if (take_abandoned(client, ret_event) || writes_take_lost(client, ret_event) ||
        take_waiting(&client->events, ret_event)) {
        return true;
    }
    return take_held(client, ret_event);
}
