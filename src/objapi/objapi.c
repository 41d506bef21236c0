/* objapi/objapi.c: the calls of ObjApi. Each checks its parameters, takes the lock, asks libd2k,
 * and lets the thread do the rest. */
#include <d2k/objapi.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "objapi/connection.h"
#include "objapi/values.h"

/* ---- the frame of a call ---- */

/* NULL: there is no connection, and *ret says so. */
static struct connection *enter(APIRET *ret)
{
    struct connection *connection = connection_get();
    *ret = connection_refuse(API_OK, "%s", "");
    if (connection == NULL) {
        *ret = connection_refuse(API_TimeoutError, "there is no connection: ConnectKernel() first");
        return NULL;
    }
    os_mutex_lock(connection->lock);
    return connection;
}

static void leave(struct connection *connection)
{
    connection_wake(connection);
    os_mutex_unlock(connection->lock);
}

/* The same for a synchronous call. */
static struct connection *enter_synchronous(APIRET *ret)
{
    struct connection *connection = connection_get();
    if (connection != NULL && connection_is_own_thread()) {
        *ret = connection_refuse(API_TimeoutError,
                                 "a callback must not call a synchronous function: the answer "
                                 "could not come before it returns");
        return NULL;
    }
    if (connection != NULL) {
        os_mutex_lock(connection->one_question);
    }
    return enter(ret);
}

static void leave_synchronous(struct connection *connection)
{
    leave(connection);
    os_mutex_unlock(connection->one_question);
}

static bool is_object_name(const char *name)
{
    return name != NULL && text_is_object_name(slice_of(name));
}

static APIRET no_name(void)
{
    return connection_refuse(API_ParamError, "that is no name of an object");
}

static APIRET unknown(HOBJ id)
{
    return connection_refuse(API_UnknownId, "object %lu was not given to this program",
                             (unsigned long)id);
}

/* ---- connecting ---- */

APIRET ConnectKernel(const char *server, NewValueProc *value, unsigned timeout_ms)
{
    if (server == NULL || timeout_ms == 0 || timeout_ms > INT_MAX) {
        return connection_refuse(API_ParamError, "a server and a time-out in ms are needed");
    }
    if (connection_get() != NULL) {
        return connection_refuse(API_ParamError, "there is a connection already");
    }
    (void)connection_refuse(API_OK, "%s", "");
    return connection_open(server, value, timeout_ms);
}

APIRET LogoffProc(void)
{
    struct connection *connection = connection_get();
    (void)connection_refuse(API_OK, "%s", "");
    if (connection == NULL) {
        return API_OK;
    }
    if (connection_is_own_thread()) {
        return connection_refuse(API_TimeoutError, "a callback must not end the connection");
    }
    return connection_close(connection);
}

APIRET SendChildren(NewDefinitionProc *definition)
{
    APIRET code;
    if (definition == NULL) {
        return connection_refuse(API_ParamError, "a callback is needed");
    }
    struct connection *connection = enter(&code);
    if (connection == NULL) {
        return code;
    }
    connection->on_definition = definition;
    struct known *known;
    for (size_t at = 0; (known = map_next(&connection->by_name, &at)) != NULL;) {
        known->is_told = false;
    }
    d2k_result result = connection_ask_for_children(connection);
    if (result != D2K_OK) {
        code = connection_refuse_for(connection, result);
    }
    leave(connection);
    return code;
}

/* ---- looking one object up ---- */

struct lookup {
    struct connection *connection;
    d2k_object *child; /* that it is to be; NULL: it is not declared */
    HOBJ id;
    bool is_found, is_own;
};

static void take_looked_up(struct question *question, const d2k_event *event)
{
    struct lookup *lookup = question->ret;
    if (event->type != D2K_EVENT_OBJECT) {
        return;
    }
    struct known *known = connection_learn(lookup->connection, event->object);
    lookup->is_found = known != NULL;
    lookup->id = event->object->hobj;
    lookup->is_own = connection_owns(lookup->connection, event->object);
    if (known != NULL && lookup->is_own && lookup->child != NULL) {
        known->child = lookup->child;
    }
}

static APIRET look_up(struct lookup *lookup, const char *name)
{
    struct question question = {.take = take_looked_up, .ret = lookup};
    d2k_result asked = d2k_list_objects(lookup->connection->client, name, &question.request);
    APIRET code = connection_wait(lookup->connection, &question, asked);
    if (code == API_OK && !lookup->is_found) {
        code = connection_refuse(API_ObjNotExist, "there is no object %s", name);
    }
    return code;
}

/* ---- opening ---- */

/* Its number is known and *data filled before its first value can be told. */
static APIRET open_new(struct connection *connection, const char *name, BasObjInfoPtr data)
{
    struct lookup lookup = {.connection = connection};
    APIRET code = look_up(&lookup, name);
    struct known *known = connection_known(connection, lookup.id);
    if (code != API_OK || known == NULL) {
        return code != API_OK ? code : unknown(lookup.id);
    }
    struct question question = {.request = 0};
    d2k_result asked = d2k_subscribe(connection->client, name, D2K_EVERY, &question.request);
    *data = known->info;
    known->opens = 1;
    known->subscription = question.request;
    code = connection_wait(connection, &question, asked);
    if (code == API_OK && question.count > 0) {
        return API_OK;
    }
    known = connection_known(connection, lookup.id); /* anything may have happened meanwhile */
    if (known != NULL) {
        known->opens = 0;
    }
    if (asked == D2K_OK) {
        (void)!d2k_unsubscribe(connection->client, question.request);
    }
    return code != API_OK ? code
                          : connection_refuse(API_ObjNotExist, "there is no object %s", name);
}

APIRET OpenObject(const char *name, BasObjInfoPtr data)
{
    APIRET code;
    if (!is_object_name(name) || data == NULL) {
        return no_name();
    }
    struct connection *connection = enter_synchronous(&code);
    if (connection == NULL) {
        return code;
    }
    struct known *known = connection_known_by_name(connection, name);
    if (known != NULL && known->opens > 0) {
        known->opens++;
        *data = known->info;
    } else {
        code = open_new(connection, name, data);
    }
    leave_synchronous(connection);
    return code;
}

APIRET CloseObject(HOBJ Id)
{
    APIRET code;
    struct connection *connection = enter(&code);
    if (connection == NULL) {
        return code;
    }
    struct known *known = connection_known(connection, Id);
    if (known == NULL || known->opens == 0) {
        code = unknown(Id);
    } else if (--known->opens == 0) {
        (void)!d2k_unsubscribe(connection->client, known->subscription); /* gone: the same to us */
    }
    leave(connection);
    return code;
}

/* ---- values ---- */

static APIRET set(struct connection *connection, struct known *known, const UniVal *value)
{
    d2k_value wanted;
    APIRET code = objapi_value_to(value, known->type, known->table, &wanted);
    if (code != API_OK) {
        return connection_refuse(code, "object %s: %s", known->info.Name,
                                 code == API_ValTypeError ? "the value is not of its type"
                                                          : "the value is out of range");
    }
    d2k_result result = known->child != NULL ? d2k_publish(known->child, &wanted)
                                             : d2k_set(connection->client, known->info.Name,
                                                       &wanted, D2K_SET_SENT, NULL);
    return result == D2K_OK ? API_OK : connection_refuse_for(connection, result);
}

APIRET SetNewValue(HOBJ Id, const UniValPtr value)
{
    APIRET code;
    if (value == NULL) {
        return connection_refuse(API_ParamError, "a value is needed");
    }
    struct connection *connection = enter(&code);
    if (connection == NULL) {
        return code;
    }
    struct known *known = connection_known(connection, Id);
    code = known == NULL ? unknown(Id) : set(connection, known, value);
    leave(connection);
    return code;
}

struct reading {
    UniVal *value;
    bool is_found, is_complete;
};

static void take_read(struct question *question, const d2k_event *event)
{
    struct reading *reading = question->ret;
    if (event->type == D2K_EVENT_VALUE && !reading->is_found) {
        reading->is_found = true;
        reading->is_complete = objapi_value_of(event->value, reading->value);
    }
}

static APIRET read_value(struct connection *connection, const struct known *known, UniVal *value)
{
    struct reading reading = {.value = value};
    struct question question = {.take = take_read, .ret = &reading};
    char name[sizeof(known->info.Name)];
    (void)text_copy(name, sizeof(name), known->info.Name);
    d2k_result asked = d2k_read(connection->client, name, &question.request);
    APIRET code = connection_wait(connection, &question, asked);
    if (code != API_OK || !reading.is_found) {
        objapi_value_free(value);
        return code != API_OK ? code
                              : connection_refuse(API_ObjNotExist, "there is no object %s", name);
    }
    return reading.is_complete ? API_OK : connection_refuse(API_TimeoutError, "out of memory");
}

APIRET GetObjectValue(HOBJ Id, UniValPtr value)
{
    APIRET code;
    if (value == NULL) {
        return connection_refuse(API_ParamError, "a place for the value is needed");
    }
    *value = (UniVal){.type = ValType_None};
    struct connection *connection = enter_synchronous(&code);
    if (connection == NULL) {
        return code;
    }
    const struct known *known = connection_known(connection, Id);
    code = known == NULL ? unknown(Id) : read_value(connection, known, value);
    leave_synchronous(connection);
    return code;
}

/* ---- numbers and lists ---- */

APIRET GetObjectId(const char *name, HOBJ *Id)
{
    APIRET code;
    if (!is_object_name(name) || Id == NULL) {
        return no_name();
    }
    struct connection *connection = enter_synchronous(&code);
    if (connection == NULL) {
        return code;
    }
    struct lookup lookup = {.connection = connection};
    code = look_up(&lookup, name);
    if (code == API_OK) {
        *Id = lookup.id;
    }
    leave_synchronous(connection);
    return code;
}

struct listing {
    BasObjInfo *objects;
    size_t count, room;
    bool is_incomplete;
};

static bool make_room(struct listing *listing)
{
    if (listing->count < listing->room) {
        return true;
    }
    size_t room = listing->room == 0 ? 16 : 2 * listing->room;
    BasObjInfo *objects = realloc(listing->objects, room * sizeof(*objects));
    if (objects == NULL) {
        return false;
    }
    listing->objects = objects;
    listing->room = room;
    return true;
}

static void take_listed(struct question *question, const d2k_event *event)
{
    struct listing *listing = question->ret;
    BasObjInfo info;
    if (event->type != D2K_EVENT_OBJECT) {
        return;
    }
    objapi_info_of(event->object, &info);
    if (make_room(listing)) {
        listing->objects[listing->count++] = info;
    } else {
        listing->is_incomplete = true;
    }
}

APIRET ListOfObjects(ValType type, const char *mask, BasObjInfoPtr *list, unsigned *count)
{
    APIRET code;
    if (mask == NULL || list == NULL || count == NULL || type < ValType_None || type > ValType_Q) {
        return connection_refuse(API_ParamError, "a type, a mask, and places for the list");
    }
    *list = NULL;
    *count = 0;
    struct connection *connection = enter_synchronous(&code);
    if (connection == NULL) {
        return code;
    }
    struct listing listing = {.count = 0};
    struct question question = {.take = take_listed, .ret = &listing};
    const d2k_filter filter = {.size = sizeof filter, .type = (d2k_type)type};
    d2k_result asked = d2k_list_objects_where(connection->client, mask, &filter, &question.request);
    code = connection_wait(connection, &question, asked);
    if (code == API_OK && listing.is_incomplete) {
        code = connection_refuse(API_TimeoutError, "out of memory");
    }
    if (code == API_OK) {
        *list = listing.objects;
        *count = (unsigned)listing.count;
    } else {
        free(listing.objects);
    }
    leave_synchronous(connection);
    return code;
}

void FreeData(void *data)
{
    free(data);
}

/* ---- children ---- */

/* The kernel answers in order: when it tells of the object, it has judged the definition. */
static APIRET define_child(struct connection *connection, const char *name, d2k_object *object,
                           HOBJ *ret)
{
    struct lookup lookup = {.connection = connection, .child = object};
    APIRET code = look_up(&lookup, name);
    if (code == API_ObjNotExist || (code == API_OK && !lookup.is_own)) {
        return connection_refuse(API_ParamError, "the kernel refused to define object %s", name);
    }
    if (code == API_OK) {
        *ret = lookup.id;
    }
    return code;
}

APIRET D2kDefineChild(const char *name, ValType type, const char *description, const char *unit,
                      HOBJ *Id)
{
    APIRET code;
    d2k_object *object = NULL;
    if (!is_object_name(name) || Id == NULL || type < ValType_Bo || type > ValType_Q) {
        return connection_refuse(API_ParamError, "a name, a type, and a place for the number");
    }
    struct connection *connection = enter_synchronous(&code);
    if (connection == NULL) {
        return code;
    }
    const d2k_definition definition = {.size = sizeof definition,
                                       .name = name,
                                       .type = (d2k_type)type,
                                       .description = description,
                                       .unit = unit,
                                       .writable = true};
    d2k_result result = d2k_define_with(connection->client, &definition, &object);
    code = result == D2K_OK ? define_child(connection, name, object, Id)
                            : connection_refuse_for(connection, result);
    leave_synchronous(connection);
    return code;
}
