/* client/writes.c: writing objects of others, and taking commands for our own.
 *
 * A write keeps its write id over a lost link: the kernel, if it is still the same one, repeats the
 * outcome instead of doing it twice. Another kernel knows nothing of it, so its outcome is unknown.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "wire/properties.h"
#include "wire/value.h"

/* One write whose outcome is awaited. */
struct write {
    struct list link;
    uint64_t number; /* for the program, and of the request */
    uint64_t counter;
    size_t size;
    uint8_t bytes[]; /* value record and properties */
};

/* One command that the program has to answer. */
struct command {
    struct list link;
    uint64_t number; /* for the program */
    uint64_t request;
    uint8_t writer_instance[WIRE_ID_SIZE];
    uint64_t writer_counter;
};

void writes_init(struct writes *writes)
{
    list_init(&writes->pending);
    list_init(&writes->lost);
    list_init(&writes->commands);
}

static void free_list(struct list *head)
{
    LIST_EACH(head, at, following)
    {
        list_remove(at);
        free(LIST_MEMBER(at, struct write, link)); /* both structures begin with their link */
    }
}

_Static_assert(offsetof(struct write, link) == 0 && offsetof(struct command, link) == 0,
               "free_list() frees either");

void writes_free(struct writes *writes)
{
    free_list(&writes->pending);
    free_list(&writes->lost);
    free_list(&writes->commands);
}

/* ---- writing ---- */

static void send_write(d2k_client *client, uint64_t request, bool is_named, uint64_t counter,
                       struct slice value)
{
    struct wire_message message = {.type = WIRE_WRITE, .request = request};
    if (is_named) {
        memcpy(message.as.write.writer_instance, client->instance, WIRE_ID_SIZE);
    }
    message.as.write.writer_counter = counter;
    message.as.write.value = value;
    link_send(client, &message);
}

static d2k_result keep_write(d2k_client *client, uint64_t number, struct slice value)
{
    struct writes *writes = &client->writes;
    struct write *write = malloc(sizeof(*write) + value.size);
    if (write == NULL) {
        return error_no_memory(&client->error);
    }
    write->number = number;
    write->counter = ++writes->last_counter;
    write->size = value.size;
    memcpy(write->bytes, value.data, value.size);
    list_append(&writes->pending, &write->link);
    writes->pending_count++;
    memcpy(writes->kernel_instance, client->link.kernel_instance, WIRE_ID_SIZE);
    send_write(client, number, true, write->counter, value);
    return D2K_OK;
}

static d2k_result check_set(d2k_client *client, const char *name, const d2k_value *value,
                            d2k_set_mode mode)
{
    if (name == NULL || !text_is_object_name(slice_of(name))) {
        return client_refuse(client, D2K_ARGUMENT, "\"%.80s\" is no name of an object",
                             name == NULL ? "" : name);
    }
    if (client_state(client) != CLIENT_REGISTERED) {
        return client_refuse(client, D2K_STATE, "there is no link to a kernel");
    }
    if ((client->link.capabilities & WIRE_CAPABILITY_PLANT) == 0) {
        return client_refuse(client, D2K_STATE, "this kernel takes no writes by name");
    }
    if (mode == D2K_SET_OUTCOME && client->writes.pending_count >= CLIENT_WRITES_MAX) {
        return client_refuse(client, D2K_LIMIT, "%u writes wait for their outcome already",
                             CLIENT_WRITES_MAX);
    }
    if (link_unsent(client) > CLIENT_UNSENT_MAX) {
        return client_refuse(client, D2K_LIMIT, "%u bytes wait to be sent already",
                             CLIENT_UNSENT_MAX);
    }
    return wire_value_check(value, &client->error) == D2K_OK
               ? D2K_OK
               : error_wrap(&client->error, "object %s", name);
}

d2k_result d2k_set(d2k_client *client, const char *name, const d2k_value *value, d2k_set_mode mode,
                   uint64_t *ret_request)
{
    struct buffer bytes;
    d2k_result result = check_set(client, name, value, mode);
    if (result != D2K_OK) {
        return result;
    }
    buffer_init(&bytes, WIRE_LENGTH_MAX - 64u);
    result = wire_value_encode(&bytes, 0, value);
    properties_put(&bytes, PROPERTY_NAME, slice_of(name));
    struct slice record = {(const char *)buffer_data(&bytes), buffer_size(&bytes)};
    uint64_t number = mode == D2K_SET_SENT ? 0 : requests_new_number(&client->requests);
    if (result != D2K_OK || buffer_failed(&bytes)) {
        result =
            client_refuse(client, D2K_NO_MEMORY, "object %s: the value cannot be encoded", name);
    } else if (mode == D2K_SET_SENT) {
        send_write(client, 0, false, 0, record);
    } else {
        result = keep_write(client, number, record);
    }
    buffer_free(&bytes);
    if (ret_request != NULL) {
        *ret_request = number;
    }
    return result;
}

/* ---- outcomes ---- */

static struct write *find_write(struct writes *writes, uint64_t number)
{
    LIST_EACH(&writes->pending, at, following)
    {
        struct write *write = LIST_MEMBER(at, struct write, link);
        if (write->number == number) {
            return write;
        }
    }
    return NULL;
}

static d2k_result result_of(const struct wire_write_result *answer)
{
    switch (answer->outcome) {
    case WIRE_WRITE_DONE:
        return D2K_OK;
    case WIRE_WRITE_REFUSED:
        return dispatch_failed_result(answer->code);
    default:
        return D2K_UNKNOWN;
    }
}

void writes_result(d2k_client *client, const struct wire_message *message)
{
    const struct wire_write_result *answer = &message->as.write_result;
    char text[WIRE_SENTENCE_MAX + 128];
    struct write *write = find_write(&client->writes, message->request);
    if (write == NULL) {
        return; /* nobody asked for the outcome */
    }
    (void)text_escape(text, sizeof(text), answer->sentence);
    if (text[0] == '\0' && answer->outcome != WIRE_WRITE_DONE) {
        (void)text_copy(text, sizeof(text), wire_code_name(answer->code));
    }
    list_remove(&write->link);
    client->writes.pending_count--;
    free(write);
    events_add(client, D2K_EVENT_WRITE_RESULT, message->request, 0, result_of(answer), text);
}

static void lose_all(struct writes *writes)
{
    LIST_EACH(&writes->pending, at, following)
    {
        list_remove(at);
        list_append(&writes->lost, at);
    }
    writes->pending_count = 0;
}

void writes_registered(d2k_client *client)
{
    struct writes *writes = &client->writes;
    if (memcmp(writes->kernel_instance, client->link.kernel_instance, WIRE_ID_SIZE) != 0) {
        lose_all(writes);
    }
    LIST_EACH(&writes->pending, at, following)
    {
        struct write *write = LIST_MEMBER(at, struct write, link);
        if (client_state(client) == CLIENT_REGISTERED) {
            send_write(client, write->number, true, write->counter,
                       (struct slice){(const char *)write->bytes, write->size});
        }
    }
}

void writes_link_ended(d2k_client *client)
{
    free_list(&client->writes.commands);
    client->writes.command_count = 0;
    if (!client_reconnects(client)) {
        lose_all(&client->writes);
    }
}

bool writes_take_lost(d2k_client *client, d2k_event *ret_event)
{
    struct write *write = LIST_FIRST(&client->writes.lost, struct write, link);
    if (write == NULL) {
        return false;
    }
    ret_event->type = D2K_EVENT_WRITE_RESULT;
    ret_event->request = write->number;
    ret_event->result = D2K_UNKNOWN;
    ret_event->text = "the link ended before the outcome was known";
    list_remove(&write->link);
    free(write);
    return true;
}

/* ---- commands for our own objects ---- */

static void answer(d2k_client *client, const struct command *command, uint8_t outcome,
                   uint16_t code, const char *sentence)
{
    struct wire_message message = {.type = WIRE_WRITE_RESULT, .request = command->request};
    struct wire_write_result *result = &message.as.write_result;
    struct slice text = slice_of(sentence);
    memcpy(result->writer_instance, command->writer_instance, WIRE_ID_SIZE);
    result->writer_counter = command->writer_counter;
    result->outcome = outcome;
    result->code = code;
    result->sentence = (struct slice){text.data, text_prefix_of_bytes(text, WIRE_SENTENCE_MAX)};
    link_send(client, &message);
}

static void refuse_write(d2k_client *client, const struct wire_message *message, uint16_t code,
                         const char *sentence)
{
    struct command command = {.request = message->request,
                              .writer_counter = message->as.write.writer_counter};
    memcpy(command.writer_instance, message->as.write.writer_instance, WIRE_ID_SIZE);
    answer(client, &command, WIRE_WRITE_REFUSED, code, sentence);
}

static struct command *keep_command(d2k_client *client, const struct wire_message *message)
{
    struct command *command = calloc(1, sizeof(*command));
    if (command == NULL) {
        return NULL;
    }
    command->number = requests_new_number(&client->requests);
    command->request = message->request;
    memcpy(command->writer_instance, message->as.write.writer_instance, WIRE_ID_SIZE);
    command->writer_counter = message->as.write.writer_counter;
    list_append(&client->writes.commands, &command->link);
    client->writes.command_count++;
    return command;
}

/* The value and its properties are looked at when the program takes the event. */
void writes_command(d2k_client *client, const struct wire_message *message)
{
    struct cursor rest = cursor_of(message->as.write.value.data, message->as.write.value.size);
    struct error err;
    uint32_t hobj = 0;
    d2k_value value;
    int got = wire_value_decode(&rest, &hobj, &value, &err);
    const d2k_object *object = got > 0 ? objects_find(client, hobj) : NULL;
    if (object == NULL || !object->own.says.writable) {
        refuse_write(client, message, WIRE_CODE_NOT_ALLOWED, "this process takes no writes");
        return;
    }
    if (client->writes.command_count >= CLIENT_COMMANDS_MAX) {
        refuse_write(client, message, WIRE_CODE_LIMIT, "too many commands wait for their answer");
        return;
    }
    struct command *command = keep_command(client, message);
    if (command == NULL) {
        refuse_write(client, message, WIRE_CODE_LIMIT, "the owner is out of memory");
        return;
    }
    struct wire_message told = *message;
    told.request = command->number;
    events_hold(client, HELD_COMMAND, &told);
}

static uint16_t code_of(d2k_result result)
{
    switch (result) {
    case D2K_OK:
        return WIRE_CODE_NONE;
    case D2K_TYPE:
        return WIRE_CODE_BAD_TYPE;
    case D2K_ARGUMENT:
        return WIRE_CODE_BAD_VALUE;
    case D2K_LIMIT:
        return WIRE_CODE_LIMIT;
    case D2K_AGAIN:
        return WIRE_CODE_BUSY;
    case D2K_TIMEOUT:
        return WIRE_CODE_TIMEOUT;
    default:
        return WIRE_CODE_NOT_ALLOWED;
    }
}

d2k_result d2k_answer_command(d2k_client *client, uint64_t request, d2k_result result,
                              const char *sentence)
{
    if (sentence != NULL && !text_is_utf8(slice_of(sentence))) {
        return client_refuse(client, D2K_ARGUMENT, "the sentence is not UTF-8");
    }
    LIST_EACH(&client->writes.commands, at, following)
    {
        struct command *command = LIST_MEMBER(at, struct command, link);
        if (command->number != request) {
            continue;
        }
        uint8_t outcome = (uint8_t)(result == D2K_OK        ? WIRE_WRITE_DONE
                                    : result == D2K_UNKNOWN ? WIRE_WRITE_UNKNOWN
                                                            : WIRE_WRITE_REFUSED);
        list_remove(&command->link);
        client->writes.command_count--;
        answer(client, command, outcome, code_of(result), sentence == NULL ? "" : sentence);
        free(command);
        return D2K_OK;
    }
    return client_refuse(client, D2K_NOT_FOUND, "there is no such command (any more)");
}
