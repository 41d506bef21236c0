/* objapi/connection.c: the connection of a program, and the thread that works on it. */
#include "objapi/connection.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/poller.h"
#include "os/socket.h"
#include "os/system.h"

#define SOCKETS_MAX   16u /* libd2k never has more */
#define PARAMETER_MAX 1024u

static struct connection *the_connection;
static _Thread_local bool is_own_thread;
static _Thread_local char error_text[OBJAPI_ERROR_MAX];

struct connection *connection_get(void)
{
    return the_connection;
}

bool connection_is_own_thread(void)
{
    return is_own_thread;
}

/* ---- errors ---- */

APIRET connection_refuse(APIRET code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error_text, sizeof(error_text), format, arguments);
    va_end(arguments);
    return code;
}

APIRET connection_refuse_for(struct connection *connection, d2k_result result)
{
    const char *why = d2k_client_error_text(connection->client);
    APIRET code = result == D2K_TYPE       ? API_ValTypeError
                  : result == D2K_ARGUMENT ? API_ParamError
                                           : API_TimeoutError;
    return connection_refuse(code, "%s", why[0] != '\0' ? why : d2k_result_text(result));
}

const char *D2kErrorText(void)
{
    return error_text;
}

/* ---- objects that the program has ---- */

static struct slice id_key(const HOBJ *id)
{
    return (struct slice){(const char *)id, sizeof(*id)};
}

void objapi_info_of(const d2k_object_info *object, BasObjInfo *ret)
{
    ret->Id = object->hobj;
    bool is_array = object->type == D2K_TYPE_ARRAY && object->column_count == 1;
    d2k_type type = is_array ? object->columns[0].type : object->type;
    ret->Type = (unsigned)type <= ValType_Q ? (ValType)type : ValType_None;
    (void)text_copy(ret->Name, sizeof(ret->Name), object->name);
    (void)text_copy(ret->Descript, sizeof(ret->Descript), object->description);
    (void)text_copy(ret->Unit, sizeof(ret->Unit), object->unit);
}

struct known *connection_known(struct connection *connection, HOBJ id)
{
    return map_get(&connection->by_id, id_key(&id));
}

struct known *connection_known_by_name(struct connection *connection, const char *name)
{
    return map_get(&connection->by_name, slice_of(name));
}

static void known_free(struct known *known)
{
    d2k_table_free(known->table);
    free(known);
}

/* A name whose object was deleted and made again has a new number: the old one goes. */
static void forget(struct connection *connection, struct known *known)
{
    (void)map_remove(&connection->by_id, id_key(&known->info.Id));
    (void)map_remove(&connection->by_name, slice_of(known->info.Name));
    known_free(known);
}

/* False: no memory. */
static bool take_columns(struct known *known, const d2k_object_info *object)
{
    d2k_table *table = NULL;
    d2k_result result = D2K_OK;
    if (object->type == D2K_TYPE_ARRAY && object->column_count == 1) {
        result = d2k_array_new(object->columns[0].type, &table);
    } else if (object->type == D2K_TYPE_STRUCTURE) {
        result = d2k_structure_new(object->columns, object->column_count, &table);
    }
    if (result != D2K_OK) {
        return false;
    }
    d2k_table_free(known->table);
    known->table = table;
    return true;
}

bool connection_owns(const struct connection *connection, const d2k_object_info *object)
{
    return object->kind == D2K_KIND_PROCESS &&
           strcmp(object->owner, d2k_client_process_name(connection->client)) == 0;
}

static bool is_same(const BasObjInfo *a, const BasObjInfo *b)
{
    return a->Id == b->Id && a->Type == b->Type && strcmp(a->Name, b->Name) == 0 &&
           strcmp(a->Descript, b->Descript) == 0 && strcmp(a->Unit, b->Unit) == 0;
}

struct known *connection_learn(struct connection *connection, const d2k_object_info *object)
{
    BasObjInfo info;
    struct known *known = connection_known_by_name(connection, object->name);
    objapi_info_of(object, &info);
    if (known != NULL && known->info.Id == object->hobj) {
        if (!take_columns(known, object)) {
            return NULL;
        }
        known->type = object->type;
        known->is_told = known->is_told && is_same(&known->info, &info);
        known->info = info;
        return known;
    }
    if (known != NULL) {
        forget(connection, known);
    }
    known = calloc(1, sizeof(*known));
    if (known == NULL || !take_columns(known, object)) {
        free(known);
        return NULL;
    }
    known->type = object->type;
    known->info = info;
    if (!map_add(&connection->by_id, id_key(&known->info.Id), known)) {
        known_free(known);
        return NULL;
    }
    if (!map_add(&connection->by_name, slice_of(known->info.Name), known)) {
        (void)map_remove(&connection->by_id, id_key(&known->info.Id));
        known_free(known);
        return NULL;
    }
    return known;
}

d2k_result connection_ask_for_children(struct connection *connection)
{
    const d2k_filter own = {.size = sizeof own,
                            .has_kind = true,
                            .kind = D2K_KIND_PROCESS,
                            .owner = d2k_client_process_name(connection->client)};
    return d2k_list_objects_where(connection->client, "*", &own, NULL);
}

/* ---- questions ---- */

void connection_wake(struct connection *connection)
{
    os_wakeup_send(connection->wakeup);
}

APIRET connection_wait(struct connection *connection, struct question *question, d2k_result asked)
{
    if (asked != D2K_OK) {
        return connection_refuse_for(connection, asked);
    }
    uint64_t until = os_monotonic_ms() + connection->timeout_ms;
    connection->question = question;
    connection_wake(connection);
    while (!question->is_answered && !connection->has_ended) {
        uint64_t now = os_monotonic_ms();
        if (now >= until) {
            break;
        }
        (void)os_condition_wait(connection->answered, connection->lock, (uint32_t)(until - now));
    }
    connection->question = NULL;
    if (!question->is_answered) {
        return connection->has_ended
                   ? connection_refuse(API_TimeoutError, "the connection has ended: %s",
                                       d2k_client_error_text(connection->client))
                   : connection_refuse(API_TimeoutError, "the kernel has not answered in %u ms",
                                       (unsigned)connection->timeout_ms);
    }
    if (question->result == D2K_OK) {
        return API_OK;
    }
    return connection_refuse(question->result == D2K_LIMIT || question->result == D2K_AGAIN
                                 ? API_TimeoutError
                                 : API_ObjNotExist,
                             "%s", question->text);
}

/* ---- the thread ---- */

static void wait_for_work(struct connection *connection)
{
    d2k_socket wanted[SOCKETS_MAX];
    struct os_poll sockets[SOCKETS_MAX + 1] = {
        {.fd = connection->wakeup, .events = OS_READABLE},
    };
    size_t count = 0;
    int wait_ms = -1;
    if (!connection->has_ended) {
        count = d2k_client_sockets(connection->client, wanted, SOCKETS_MAX);
        wait_ms = d2k_client_deadline_ms(connection->client);
    }
    for (size_t i = 0; i < count; i++) {
        sockets[i + 1] = (struct os_poll){
            .fd = wanted[i].socket,
            .events = ((wanted[i].events & D2K_WANT_READ) != 0 ? OS_READABLE : 0) |
                      ((wanted[i].events & D2K_WANT_WRITE) != 0 ? OS_WRITABLE : 0)};
    }
    os_mutex_unlock(connection->lock);
    (void)!os_poll(sockets, count + 1, wait_ms); /* on failure the client says what is wrong */
    os_wakeup_take(connection->wakeup);
    os_mutex_lock(connection->lock);
}

/* Takes events until there is none. */
static void work(struct connection *connection)
{
    d2k_event event;
    d2k_result result = D2K_OK;
    while (!connection->is_stopping && !connection->has_ended) {
        result = d2k_client_next(connection->client, &event, 0);
        if (result != D2K_OK) {
            break;
        }
        connection_take(connection, &event);
    }
    if (result != D2K_OK && result != D2K_AGAIN && !connection->has_ended) {
        connection->has_ended = true;
        os_condition_broadcast(connection->answered);
    }
}

static void run(void *context)
{
    struct connection *connection = context;
    is_own_thread = true;
    os_mutex_lock(connection->lock);
    while (!connection->is_stopping) {
        work(connection);
        if (!connection->is_stopping) {
            wait_for_work(connection);
        }
    }
    os_mutex_unlock(connection->lock);
}

/* ---- its begin ---- */

/* One word of the connect string: a start parameter, or the hosts of /S. */
static APIRET take_word(d2k_config *config, const char *word)
{
    d2k_parameter what = D2K_PARAMETER_TAKEN;
    bool is_parameter = word[0] == '/' || word[0] == '-' || word[0] == '@';
    d2k_result result = is_parameter ? d2k_config_parameter(config, word, &what)
                                     : d2k_config_set_server(config, word);
    if (result != D2K_OK) {
        return connection_refuse(API_ParamError, "%s", d2k_config_error_text(config));
    }
    if (what != D2K_PARAMETER_TAKEN) {
        return connection_refuse(API_ParamError, "%s is no start parameter of a client", word);
    }
    return API_OK;
}

static APIRET take_server(d2k_config *config, const char *server)
{
    char word[PARAMETER_MAX];
    APIRET code = API_OK;
    for (const char *at = server + strspn(server, " "); code == API_OK && *at != '\0';) {
        size_t length = strcspn(at, " ");
        if (length >= sizeof(word)) {
            return connection_refuse(API_ParamError, "a parameter is over %u bytes",
                                     PARAMETER_MAX - 1);
        }
        memcpy(word, at, length);
        word[length] = '\0';
        code = take_word(config, word);
        at += length;
        at += strspn(at, " ");
    }
    return code;
}

static APIRET new_client(const char *server, d2k_client **ret)
{
    d2k_config *config;
    char *why = NULL;
    if (d2k_config_new("API", NULL, &config) != D2K_OK) {
        return connection_refuse(API_ParamError, "out of memory");
    }
    APIRET code = take_server(config, server);
    if (code != API_OK) {
        d2k_config_free(config);
        return code;
    }
    if (d2k_client_new(config, ret, &why) != D2K_OK) {
        code = connection_refuse(API_ParamError, "%s", why != NULL ? why : "out of memory");
        free(why);
    }
    return code;
}

static void connection_free(struct connection *connection)
{
    size_t at = 0;
    for (struct known *known; (known = map_next(&connection->by_name, &at)) != NULL;) {
        known_free(known);
    }
    map_free(&connection->by_name);
    map_free(&connection->by_id);
    d2k_client_free(connection->client);
    if (connection->wakeup >= 0) {
        os_socket_close(connection->wakeup);
    }
    os_condition_free(connection->answered);
    os_mutex_free(connection->lock);
    os_mutex_free(connection->one_question);
    free(connection);
}

static struct connection *connection_new(void)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    uint64_t seed[2];
    if (connection == NULL || !os_random(seed, sizeof(seed))) {
        free(connection);
        return NULL;
    }
    map_init(&connection->by_id, false, seed);
    map_init(&connection->by_name, true, seed);
    connection->lock = os_mutex_new();
    connection->one_question = os_mutex_new();
    connection->answered = os_condition_new();
    connection->wakeup = os_wakeup_new();
    if (connection->lock == NULL || connection->one_question == NULL ||
        connection->answered == NULL || connection->wakeup < 0) {
        connection_free(connection);
        return NULL;
    }
    return connection;
}

static APIRET begin(struct connection *connection, const char *server)
{
    APIRET code = new_client(server, &connection->client);
    if (code != API_OK) {
        return code;
    }
    d2k_result result = d2k_client_connect(connection->client, (int)connection->timeout_ms);
    if (result != D2K_OK) {
        (void)connection_refuse_for(connection, result);
        return API_TimeoutError;
    }
    if (os_thread_start("objapi", run, connection, &connection->thread) != 0) {
        return connection_refuse(API_TimeoutError, "the system has no thread left");
    }
    return API_OK;
}

APIRET connection_open(const char *server, NewValueProc *value, unsigned timeout_ms)
{
    struct connection *connection = connection_new();
    if (connection == NULL) {
        return connection_refuse(API_TimeoutError, "out of memory or descriptors");
    }
    connection->on_value = value;
    connection->timeout_ms = timeout_ms;
    APIRET code = begin(connection, server);
    if (code != API_OK) {
        connection_free(connection);
        return code;
    }
    the_connection = connection;
    return API_OK;
}

/* ---- its end ---- */

APIRET connection_close(struct connection *connection)
{
    APIRET code = API_OK;
    the_connection = NULL;
    os_mutex_lock(connection->lock);
    connection->is_stopping = true;
    os_mutex_unlock(connection->lock);
    connection_wake(connection);
    os_thread_join(connection->thread);
    d2k_result result = connection->has_ended
                            ? D2K_CLOSED
                            : d2k_log_off(connection->client, (int)connection->timeout_ms);
    if (result != D2K_OK) {
        (void)connection_refuse_for(connection, result);
        code = API_TimeoutError;
    }
    connection_free(connection);
    return code;
}
