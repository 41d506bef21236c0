/* objapi/events.c: what the kernel says becomes answers and callbacks.
 *
 * A callback runs without the lock, so that it may call what is asynchronous; what it needs is
 * copied before, since any call on the client ends the life of an event. */
#include <string.h>

#include "base/text.h"
#include "objapi/connection.h"
#include "objapi/values.h"

static void tell_definition(struct connection *connection, struct known *known)
{
    BasObjInfo copy = known->info;
    NewDefinitionProc *tell = connection->on_definition;
    known->is_told = true;
    os_mutex_unlock(connection->lock);
    tell(&copy, 1);
    os_mutex_lock(connection->lock);
}

static void tell_value(struct connection *connection, HOBJ id, const d2k_value *value,
                       unsigned more_status)
{
    UniVal copy;
    if (connection->on_value == NULL || !objapi_value_of(value, &copy)) {
        return;
    }
    copy.status |= more_status;
    os_mutex_unlock(connection->lock);
    connection->on_value(id, &copy);
    os_mutex_lock(connection->lock);
    objapi_value_free(&copy);
}

static void take_value(struct connection *connection, const d2k_event *event)
{
    const struct known *known = connection_known(connection, event->object->hobj);
    if (known != NULL && known->opens > 0) {
        tell_value(connection, known->info.Id, event->value, 0);
    }
}

/* The program acts by itself and tells by SetNewValue(); that it was told is all that is known. */
static void take_command(struct connection *connection, const d2k_event *event)
{
    uint64_t request = event->request;
    bool is_heard = connection->on_value != NULL;
    tell_value(connection, event->object->hobj, event->value, VAL_Transient);
    (void)!d2k_answer_command(connection->client, request, is_heard ? D2K_OK : D2K_REFUSED,
                              is_heard ? NULL : "this program takes no values");
}

/* As the kernel knows it, maybe from an earlier run, but that it takes commands. */
static bool declare_child(struct connection *connection, struct known *known,
                          const d2k_object_info *object)
{
    const d2k_definition definition = {.size = sizeof definition,
                                       .name = object->name,
                                       .type = object->type,
                                       .description = object->description,
                                       .unit = object->unit,
                                       .path = object->path,
                                       .writable = true,
                                       .history = object->history,
                                       .limits = object->limits,
                                       .has_alarms = object->has_alarms,
                                       .alarms = object->alarms,
                                       .critical = object->critical,
                                       .columns = object->columns,
                                       .column_count = object->column_count};
    return known->child != NULL ||
           d2k_define_with(connection->client, &definition, &known->child) == D2K_OK;
}

/* Whatever it is an answer to: it is what the object is now. */
static void take_object(struct connection *connection, const d2k_object_info *object)
{
    bool is_child = connection->on_definition != NULL && connection_owns(connection, object);
    if (!is_child && connection_known(connection, object->hobj) == NULL) {
        return;
    }
    struct known *known = connection_learn(connection, object);
    if (known != NULL && is_child && declare_child(connection, known, object) && !known->is_told) {
        tell_definition(connection, known);
    }
}

/* Others of this process's name may have declared children meanwhile. */
static void take_link(struct connection *connection)
{
    if (connection->on_definition != NULL) {
        (void)!connection_ask_for_children(connection); /* without a link the next one asks */
    }
}

static void take_gone(struct connection *connection, const d2k_event *event)
{
    const d2k_value nothing = {.type = D2K_TYPE_NONE};
    struct known *known = connection_known(connection, (HOBJ)event->count);
    if (known != NULL && known->opens > 0) {
        tell_value(connection, known->info.Id, &nothing, 0);
    }
}

static void answer(struct connection *connection, const d2k_event *event)
{
    struct question *question = connection->question;
    question->count = event->count;
    question->result = event->type == D2K_EVENT_FAILED ? event->result : D2K_OK;
    question->is_answered = true;
    (void)text_copy(question->text, sizeof(question->text), event->text);
    connection->question = NULL;
    os_condition_broadcast(connection->answered);
}

/* True: the event belonged to the question of a synchronous call and to nobody else. */
static bool take_answer(struct connection *connection, const d2k_event *event)
{
    struct question *question = connection->question;
    if (question == NULL || event->request != question->request) {
        return false;
    }
    switch (event->type) {
    case D2K_EVENT_OBJECT:
    case D2K_EVENT_VALUE:
        if (question->take != NULL) {
            question->take(question, event);
        }
        return true;
    case D2K_EVENT_SNAPSHOT_END:
    case D2K_EVENT_DONE:
    case D2K_EVENT_FAILED:
        answer(connection, event);
        return true;
    default:
        return false;
    }
}

void connection_take(struct connection *connection, const d2k_event *event)
{
    bool is_object = event->type == D2K_EVENT_OBJECT;
    if (take_answer(connection, event) && !is_object) {
        return;
    }
    switch (event->type) {
    case D2K_EVENT_VALUE:
        take_value(connection, event);
        break;
    case D2K_EVENT_COMMAND:
        take_command(connection, event);
        break;
    case D2K_EVENT_OBJECT:
        take_object(connection, event->object);
        break;
    case D2K_EVENT_CONNECTED:
    case D2K_EVENT_INSTANCE:
        take_link(connection);
        break;
    case D2K_EVENT_OBJECT_GONE:
        take_gone(connection, event);
        break;
    default: /* ObjApi has no message for it */
        break;
    }
}
