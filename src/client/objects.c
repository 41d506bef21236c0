/* client/objects.c: the objects that this process declares, and publishing their values.
 *
 * An object keeps its newest value: what was published while there was no link, and what the link
 * may have lost, is told again after every registration. Values go out through one Update frame
 * that is closed when it is large enough or when the output is written. */
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/table.h"
#include "base/text.h"
#include "client/client.h"
#include "os/clock.h"
#include "wire/properties.h"
#include "wire/value.h"

#define COMMAND_TIMEOUT_MIN_MS 100u
#define COMMAND_TIMEOUT_MAX_MS 3600000u

void objects_init(struct objects *objects, const uint64_t seed[2])
{
    map_init(&objects->by_name, true, seed);
    map_init(&objects->by_number, false, seed);
    list_init(&objects->all);
    list_init(&objects->to_define);
    list_init(&objects->to_publish);
}

static void object_free(d2k_object *object)
{
    free(object->name);
    definition_free(&object->own);
    free(object->newest.text);
    free(object);
}

void objects_free(struct objects *objects)
{
    LIST_EACH(&objects->all, at, following)
    {
        object_free(LIST_MEMBER(at, struct d2k_object, all_link));
    }
    map_free(&objects->by_name);
    map_free(&objects->by_number);
}

static void set_unsent(d2k_object *object, bool unsent)
{
    if (object->unsent != unsent) {
        object->unsent = unsent;
        object->client->objects.unsent += unsent ? 1u : (size_t)-1;
    }
}

static void move_to(d2k_object *object, struct list *list)
{
    list_remove(&object->link);
    if (list != NULL) {
        list_append(list, &object->link);
    }
}

/* ---- declaring ---- */

static d2k_object *object_new(d2k_client *client, const d2k_definition *definition)
{
    d2k_object *object = calloc(1, sizeof(*object));
    if (object == NULL) {
        return NULL;
    }
    object->client = client;
    object->name = text_format("%s", definition->name);
    object->type = definition->type;
    list_init(&object->all_link);
    list_init(&object->link);
    list_init(&object->request.link);
    if (object->name == NULL || !definition_keep(&object->own, definition)) {
        object_free(object);
        return NULL;
    }
    return object;
}

static d2k_result declare(d2k_client *client, const d2k_definition *definition,
                          d2k_object **ret_object)
{
    struct objects *objects = &client->objects;
    d2k_object *object = object_new(client, definition);
    if (object == NULL || !map_add(&objects->by_name, slice_of(object->name), object)) {
        if (object != NULL) {
            object_free(object);
        }
        return error_no_memory(&client->error);
    }
    list_append(&objects->all, &object->all_link);
    list_append(&objects->to_define, &object->link);
    *ret_object = object;
    objects_work(client);
    return D2K_OK;
}

static void wait_for_definition(d2k_object *object)
{
    object->definition = DEFINITION_WAITING;
    move_to(object, &object->client->objects.to_define);
}

/* Something new was said of it. */
static void define_again(d2k_object *object)
{
    if (object->definition == DEFINITION_SENT) {
        object->define_again = true;
    } else if (object->definition == DEFINITION_ACCEPTED) {
        wait_for_definition(object);
    }
    objects_work(object->client);
}

/* Whether a value has the columns of the object. */
static bool fits(const d2k_object *object, const d2k_value *value)
{
    return !content_is_table(value->type) ||
           table_check_columns(value->type, content_bytes(value), definition_columns(&object->own),
                               NULL) == D2K_OK;
}

/* A definition that was refused is tried anew; a value with columns that it has no more goes. */
static d2k_result declare_again(d2k_object *object, const d2k_definition *definition)
{
    if (!definition_keep(&object->own, definition)) {
        return error_no_memory(&object->client->error);
    }
    if (!fits(object, &object->newest.value)) {
        object->newest.set = false;
        set_unsent(object, false);
    }
    if (object->definition == DEFINITION_REFUSED) {
        wait_for_definition(object);
        set_unsent(object, object->newest.set);
    }
    define_again(object);
    return D2K_OK;
}

/* What a process says of its own objects; NULL: all of it is. */
static const char *not_of_a_process(const d2k_definition *definition)
{
    if (definition->kind != D2K_KIND_PROCESS) {
        return "a kind";
    }
    if (definition->default_value != NULL) {
        return "a default";
    }
    bool computed = definition->expression != NULL && definition->expression[0] != '\0';
    return computed ? "an expression" : NULL;
}

/* *ret_object is NULL when there is none of this name yet. */
static d2k_result find_declared(d2k_client *client, const d2k_definition *definition,
                                d2k_object **ret_object)
{
    d2k_object *object = map_get(&client->objects.by_name, slice_of(definition->name));
    if (object != NULL && object->type != definition->type) {
        return client_refuse(client, D2K_ARGUMENT,
                             "object %s is declared already, with the type %s", definition->name,
                             d2k_type_name(object->type));
    }
    *ret_object = object;
    return D2K_OK;
}

d2k_result d2k_define_with(d2k_client *client, const d2k_definition *definition,
                           d2k_object **ret_object)
{
    *ret_object = NULL;
    d2k_result result = definition_check(client, definition);
    if (result != D2K_OK) {
        return result;
    }
    const char *wrong = not_of_a_process(definition);
    if (wrong != NULL) {
        return client_refuse(client, D2K_ARGUMENT,
                             "object %s: %s belongs to an object of the kernel: d2k_configure()",
                             definition->name, wrong);
    }
    result = find_declared(client, definition, ret_object);
    if (result != D2K_OK) {
        return result;
    }
    return *ret_object == NULL ? declare(client, definition, ret_object)
                               : declare_again(*ret_object, definition);
}

d2k_result d2k_define(d2k_client *client, const char *name, d2k_type type, const char *description,
                      const char *unit, d2k_object **ret_object)
{
    d2k_definition definition = {.size = sizeof definition,
                                 .name = name,
                                 .type = type,
                                 .description = description,
                                 .unit = unit};
    *ret_object = NULL;
    d2k_result result = definition_check(client, &definition);
    result = result != D2K_OK ? result : find_declared(client, &definition, ret_object);
    return result != D2K_OK || *ret_object != NULL ? result
                                                   : declare(client, &definition, ret_object);
}

static d2k_result put_properties(d2k_object *object, struct buffer *properties)
{
    d2k_client *client = object->client;
    d2k_result result = definition_put_properties(client, &object->own.says, properties);
    if (result == D2K_OK && object->own.says.writable && object->command_timeout_ms != 0) {
        properties_put_u32(properties, PROPERTY_COMMAND_TIMEOUT, object->command_timeout_ms);
    }
    return buffer_failed(properties) ? error_no_memory(&client->error) : result;
}

static void send_definition(d2k_object *object)
{
    d2k_client *client = object->client;
    const d2k_definition *says = &object->own.says;
    struct wire_message message = {.type = WIRE_DEFINE};
    struct buffer properties;
    buffer_init(&properties, WIRE_LENGTH_MAX);
    if (put_properties(object, &properties) != D2K_OK) {
        buffer_free(&properties);
        client_fail(client, D2K_NO_MEMORY, "no memory for the definition of %s", object->name);
        return;
    }
    message.request = requests_new_number(&client->requests);
    message.as.define.type = (uint8_t)object->type;
    message.as.define.name = slice_of(object->name);
    message.as.define.description = slice_of(says->description);
    message.as.define.unit = slice_of(says->unit);
    message.as.define.properties =
        (struct slice){(const char *)buffer_data(&properties), buffer_size(&properties)};
    move_to(object, NULL);
    object->define_again = false;
    object->definition = DEFINITION_SENT;
    requests_begin(&client->requests, &object->request, REQUEST_DEFINE, message.request);
    link_send(client, &message);
    buffer_free(&properties);
}

/* ---- commands ---- */

static struct slice key_of(const d2k_object *object)
{
    return (struct slice){(const char *)object->key, sizeof(object->key)};
}

const d2k_object *objects_find(const d2k_client *client, uint32_t hobj)
{
    uint8_t key[4];
    memcpy(key, &hobj, sizeof(key));
    return map_get(&client->objects.by_number, (struct slice){(const char *)key, sizeof(key)});
}

static void forget_number(d2k_object *object)
{
    if (object->in_by_number) {
        map_remove(&object->client->objects.by_number, key_of(object));
        object->in_by_number = false;
    }
}

/* Without memory for it its commands are refused. */
static void remember_number(d2k_object *object)
{
    forget_number(object);
    memcpy(object->key, &object->hobj, sizeof(object->key));
    object->in_by_number = object->own.says.writable &&
                           objects_find(object->client, object->hobj) == NULL &&
                           map_add(&object->client->objects.by_number, key_of(object), object);
}

d2k_result d2k_keep_history(d2k_object *object, unsigned changes)
{
    d2k_result result = definition_check_history(object->client, object->name, changes);
    if (result != D2K_OK) {
        return result;
    }
    object->own.says.history = changes;
    define_again(object);
    return D2K_OK;
}

d2k_result d2k_accept_commands(d2k_object *object, unsigned timeout_ms)
{
    if (timeout_ms != 0 &&
        (timeout_ms < COMMAND_TIMEOUT_MIN_MS || timeout_ms > COMMAND_TIMEOUT_MAX_MS)) {
        return client_refuse(object->client, D2K_ARGUMENT,
                             "object %s: a command has %u to %u ms until it is answered",
                             object->name, COMMAND_TIMEOUT_MIN_MS, COMMAND_TIMEOUT_MAX_MS);
    }
    object->own.says.writable = true;
    object->command_timeout_ms = timeout_ms;
    define_again(object);
    return D2K_OK;
}

void objects_defined(d2k_client *client, struct request *request, uint32_t hobj)
{
    d2k_object *object = LIST_MEMBER(request, struct d2k_object, request);
    requests_finish(&client->requests, request);
    object->definition = DEFINITION_ACCEPTED;
    object->hobj = hobj;
    remember_number(object);
    if (object->define_again) {
        wait_for_definition(object);
    } else if (object->unsent) {
        move_to(object, &client->objects.to_publish);
    }
}

const char *objects_refused(d2k_client *client, struct request *request)
{
    d2k_object *object = LIST_MEMBER(request, struct d2k_object, request);
    requests_finish(&client->requests, request);
    object->definition = DEFINITION_REFUSED;
    set_unsent(object, false);
    return object->name;
}

void objects_publish_again(d2k_client *client)
{
    LIST_EACH(&client->objects.all, at, following)
    {
        d2k_object *object = LIST_MEMBER(at, struct d2k_object, all_link);
        if (object->newest.set && object->definition != DEFINITION_REFUSED) {
            set_unsent(object, true);
        }
        if (object->unsent && object->definition == DEFINITION_ACCEPTED) {
            move_to(object, &client->objects.to_publish);
        }
    }
    objects_work(client);
}

void objects_link_ended(d2k_client *client)
{
    LIST_EACH(&client->objects.all, at, following)
    {
        d2k_object *object = LIST_MEMBER(at, struct d2k_object, all_link);
        list_remove(&object->request.link);
        object->definition = DEFINITION_WAITING;
        forget_number(object);
        object->hobj = 0;
        move_to(object, &client->objects.to_define);
        set_unsent(object, object->newest.set);
    }
}

bool objects_waiting(const d2k_client *client)
{
    return !list_empty(&client->objects.to_define) || client->objects.unsent > 0;
}

/* ---- values ---- */

/* Cuts what is over the limit of characters and marks it, as D2000 does. */
static d2k_result shorten_text(d2k_value *value, struct error *err)
{
    struct slice text = {value->content.text.data, value->content.text.size};
    if (!text_is_utf8(text)) {
        return error_set(err, D2K_ARGUMENT, "the text is not UTF-8");
    }
    size_t size = text_prefix_of_chars(text, D2K_TEXT_MAX_CHARS);
    if (size < text.size) {
        value->content.text.size = size;
        value->status |= D2K_STATUS_WEAK;
    }
    return D2K_OK;
}

/* Copies the value and makes it one that can be sent. */
static d2k_result prepare(const d2k_object *object, const d2k_value *value, d2k_value *ret_value,
                          struct error *err)
{
    if (value->type != object->type) {
        return error_set(err, D2K_TYPE, "the object has the type %s, the value %s",
                         d2k_type_name(object->type), d2k_type_name(value->type));
    }
    *ret_value = *value;
    ret_value->sequence = 0;
    if (ret_value->time_ns == 0) {
        ret_value->time_ns = os_wall_ns();
    }
    if (value->type == D2K_TYPE_TEXT) {
        d2k_result result = shorten_text(ret_value, err);
        if (result != D2K_OK) {
            return result;
        }
    }
    d2k_result result = wire_value_check(ret_value, err);
    return result != D2K_OK || !content_is_table(value->type)
               ? result
               : table_check_columns(value->type, content_bytes(value),
                                     definition_columns(&object->own), err);
}

static d2k_result keep(d2k_object *object, const d2k_value *value)
{
    struct newest *newest = &object->newest;
    if (content_is_bytes(value->type)) {
        size_t size = value->content.text.size;
        if (size > newest->text_capacity) {
            char *larger = realloc(newest->text, size);
            if (larger == NULL) {
                return error_no_memory(&object->client->error);
            }
            newest->text = larger;
            newest->text_capacity = size;
        }
        if (size > 0) {
            memmove(newest->text, value->content.text.data, size);
        }
    }
    newest->value = *value;
    newest->value.content = value->content;
    if (content_is_bytes(value->type)) {
        newest->value.content.text.data = newest->text;
    }
    newest->set = true;
    return D2K_OK;
}

static void send_value(d2k_object *object, const d2k_value *value)
{
    d2k_client *client = object->client;
    struct buffer *frame = link_update_frame(client);
    if (frame == NULL) {
        return;
    }
    d2k_value numbered = *value;
    numbered.sequence = ++client->objects.sequence;
    if (wire_value_encode(frame, object->hobj, &numbered) != D2K_OK) {
        client_fail(client, D2K_NO_MEMORY, "no memory for the values to be sent");
        return;
    }
    link_update_added(client);
}

static void send_newest(d2k_object *object)
{
    move_to(object, NULL);
    set_unsent(object, false);
    send_value(object, &object->newest.value);
}

static bool may_send(const d2k_object *object)
{
    return client_state(object->client) == CLIENT_REGISTERED &&
           object->definition == DEFINITION_ACCEPTED;
}

/* Whether a value can be taken at all now. */
static d2k_result check_publish(d2k_object *object, bool past)
{
    d2k_client *client = object->client;
    if (client_state(client) == CLIENT_ENDED) {
        return client_refuse(client, client->end.code, "%s", client->end.text);
    }
    if (object->definition == DEFINITION_REFUSED) {
        return client_refuse(client, D2K_REFUSED, "the kernel refused the object %s", object->name);
    }
    if (past && !may_send(object)) {
        return client_refuse(client, D2K_STATE,
                             "object %s: a value of the past is not kept while there is no link",
                             object->name);
    }
    if (link_unsent(client) > CLIENT_UNSENT_MAX) {
        return client_refuse(client, D2K_LIMIT, "%u bytes wait to be sent already",
                             CLIENT_UNSENT_MAX);
    }
    return D2K_OK;
}

d2k_result d2k_publish(d2k_object *object, const d2k_value *value)
{
    d2k_value prepared;
    d2k_result result = prepare(object, value, &prepared, &object->client->error);
    if (result != D2K_OK) {
        return error_wrap(&object->client->error, "object %s", object->name);
    }
    result = check_publish(object, prepared.past);
    if (result != D2K_OK) {
        return result;
    }
    if (prepared.past) {
        send_value(object, &prepared);
        return D2K_OK;
    }
    result = keep(object, &prepared);
    if (result != D2K_OK) {
        return result;
    }
    if (may_send(object)) {
        send_newest(object);
    } else {
        set_unsent(object, true);
    }
    return D2K_OK;
}

d2k_result d2k_acknowledge(d2k_client *client, uint64_t *ret_sequence)
{
    if (client_state(client) != CLIENT_REGISTERED) {
        return client_refuse(client, D2K_STATE, "acknowledge: there is no link");
    }
    if ((client->link.capabilities & WIRE_CAPABILITY_ACK) == 0) {
        return client_refuse(client, D2K_STATE, "acknowledge: this kernel does not know it");
    }
    if (client->objects.unsent > 0) {
        return client_refuse(client, D2K_AGAIN,
                             "acknowledge: values wait for the declaration of their objects");
    }
    struct wire_message message = {.type = WIRE_ACKNOWLEDGE_UP_TO};
    message.as.acknowledge_up_to.sequence = client->objects.sequence;
    *ret_sequence = client->objects.sequence;
    link_send(client, &message);
    return D2K_OK;
}

void objects_work(d2k_client *client)
{
    struct objects *objects = &client->objects;
    while (client_state(client) == CLIENT_REGISTERED && link_unsent(client) < CLIENT_UNSENT_MAX) {
        d2k_object *object = LIST_FIRST(&objects->to_define, struct d2k_object, link);
        if (object != NULL) {
            send_definition(object);
            continue;
        }
        object = LIST_FIRST(&objects->to_publish, struct d2k_object, link);
        if (object == NULL) {
            return;
        }
        send_newest(object);
    }
}
