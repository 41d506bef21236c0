/* Commands: a client writes an object that another process owns. The Write goes to the owner, whose
 * WriteResult goes back; in between readers see the value marked Transient.
 *
 * A command ends once, with one outcome: what the owner says; or unknown, when it says nothing in
 * time or is gone. The outcome is audited also when the writer is gone, and kept for a while under
 * the write id, so that a writer who lost his link may ask again without a second execution. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "kernel/kernel.h"
#include "os/system.h"
#include "wire/properties.h"
#include "wire/value.h"

#define SHOWN_VALUE_MAX 64 /* bytes of a value in the audit */

struct command {
    struct list link; /* commands.open, oldest first */
    struct command_id id;
    uint64_t number; /* of the request to the owner */
    struct link_id writer, owner;
    uint64_t request; /* of the writer */
    uint32_t hobj;
    uint64_t deadline_ms;
    char process[WIRE_NAME_MAX + 1]; /* the writer's name */
    char owner_name[WIRE_NAME_MAX + 1];
    char audit[]; /* "<who> writes object <name> (<old> -> <new>)" */
};

/* How a write ended. */
struct remembered {
    struct command_id id;
    char process[WIRE_NAME_MAX + 1];
    uint8_t outcome;
    uint16_t code;
    char sentence[];
};

/* ---- ids ---- */

struct command_id command_id_of(const struct wire_write *write)
{
    struct command_id id;
    memcpy(id.bytes, write->writer_instance, WIRE_ID_SIZE);
    memcpy(id.bytes + WIRE_ID_SIZE, &write->writer_counter, sizeof write->writer_counter);
    return id;
}

static struct slice key_of(const struct command_id *id)
{
    return (struct slice){(const char *)id->bytes, sizeof id->bytes};
}

/* Without an instance it names nothing: nobody asks again. */
static bool is_id(const struct command_id *id)
{
    static const uint8_t nothing[WIRE_ID_SIZE];
    return memcmp(id->bytes, nothing, sizeof nothing) != 0;
}

/* ---- outcomes that are kept ---- */

static void forget_oldest(struct commands *commands)
{
    struct remembered *oldest = commands->remembered[commands->next_place];
    if (oldest != NULL) {
        map_remove(&commands->by_id, key_of(&oldest->id));
        free(oldest);
        commands->remembered[commands->next_place] = NULL;
    }
}

/* Without memory it is not kept: who asks again is told that nothing is known. */
static void remember(struct commands *commands, const struct command_id *id, const char *process,
                     uint8_t outcome, uint16_t code, const char *sentence)
{
    size_t size = strlen(sentence) + 1;
    if (!is_id(id) || map_get(&commands->by_id, key_of(id)) != NULL) {
        return;
    }
    struct remembered *kept = malloc(sizeof *kept + size);
    if (kept == NULL) {
        return;
    }
    *kept = (struct remembered){.id = *id, .outcome = outcome, .code = code};
    (void)text_copy(kept->process, sizeof kept->process, process);
    memcpy(kept->sentence, sentence, size);
    forget_oldest(commands);
    if (!map_add(&commands->by_id, key_of(&kept->id), kept)) {
        free(kept);
        return;
    }
    commands->remembered[commands->next_place] = kept;
    commands->next_place = (commands->next_place + 1) % COMMANDS_REMEMBERED_MAX;
}

/* ---- answers ---- */

static void send_result(struct client *c, uint64_t request, const struct command_id *id,
                        uint8_t outcome, uint16_t code, const char *sentence)
{
    struct wire_message answer = {.type = WIRE_WRITE_RESULT, .request = request};
    struct wire_write_result *result = &answer.as.write_result;
    struct slice text = slice_of(sentence);
    memcpy(result->writer_instance, id->bytes, WIRE_ID_SIZE);
    memcpy(&result->writer_counter, id->bytes + WIRE_ID_SIZE, sizeof result->writer_counter);
    result->outcome = outcome;
    result->code = code;
    result->sentence = (struct slice){text.data, text_prefix_of_bytes(text, WIRE_SENTENCE_MAX)};
    client_send(c, &answer);
}

void commands_answer(struct client *c, uint64_t request, const struct command_id *id, uint16_t code,
                     const char *sentence)
{
    uint8_t outcome = (uint8_t)(code == WIRE_CODE_NONE ? WIRE_WRITE_DONE : WIRE_WRITE_REFUSED);
    /* what was refused may be tried again as it is: only what was done must not be done twice */
    if (outcome == WIRE_WRITE_DONE) {
        remember(&c->kernel->commands, id, c->process->name, outcome, code, sentence);
    }
    send_result(c, request, id, outcome, code, sentence);
}

static struct command *find_open(struct commands *commands, const struct command_id *id)
{
    LIST_EACH(&commands->open, at, following)
    {
        struct command *command = LIST_MEMBER(at, struct command, link);
        if (memcmp(command->id.bytes, id->bytes, sizeof id->bytes) == 0) {
            return command;
        }
    }
    return NULL;
}

static bool refuse_stranger(struct client *c, uint64_t request, const struct command_id *id,
                            const char *process)
{
    if (text_equal_ignoring_case(process, c->process->name)) {
        return false;
    }
    send_result(c, request, id, WIRE_WRITE_REFUSED, WIRE_CODE_BAD_VALUE,
                "another process has used this write id");
    return true;
}

bool commands_repeated(struct client *c, uint64_t request, const struct command_id *id)
{
    struct commands *commands = &c->kernel->commands;
    if (!is_id(id)) {
        return false;
    }
    const struct remembered *kept = map_get(&commands->by_id, key_of(id));
    if (kept != NULL) {
        if (!refuse_stranger(c, request, id, kept->process)) {
            send_result(c, request, id, kept->outcome, kept->code, kept->sentence);
        }
        return true;
    }
    struct command *command = find_open(commands, id);
    if (command != NULL && !refuse_stranger(c, request, id, command->process)) {
        command->writer = net_link_id(c->link); /* the outcome goes to the new link */
        command->request = request;
    }
    return command != NULL;
}

/* ---- the end of a command ---- */

static struct client *client_of(struct kernel *kernel, struct link_id id)
{
    struct net_link *link = net_link_find(kernel->net, id);
    struct client *c = link == NULL ? NULL : net_link_data(link);
    return c != NULL && client_state(c) == CLIENT_REGISTERED ? c : NULL;
}

static const char *outcome_word(uint8_t outcome)
{
    return outcome == WIRE_WRITE_DONE      ? "done"
           : outcome == WIRE_WRITE_REFUSED ? "refused: "
                                           : "outcome unknown: ";
}

static void finish(struct kernel *kernel, struct command *command, uint8_t outcome, uint16_t code,
                   const char *sentence)
{
    struct object *object = plant_object(kernel->plant, command->hobj);
    struct client *writer = client_of(kernel, command->writer);
    if (object != NULL) {
        plant_command_ended(kernel->plant, object);
    }
    log_write(kernel->log, LOG_INFO, "AUDIT", "%s: %s%s%s", command->audit, outcome_word(outcome),
              outcome == WIRE_WRITE_DONE ? "" : sentence,
              writer == NULL ? " (the writer is gone)" : "");
    remember(&kernel->commands, &command->id, command->process, outcome, code, sentence);
    list_remove(&command->link);
    kernel->commands.count--;
    if (writer != NULL) {
        writer->command_count -= writer->command_count > 0 ? 1 : 0;
        send_result(writer, command->request, &command->id, outcome, code, sentence);
    }
    free(command);
}

static bool is_same_link(struct link_id a, struct link_id b)
{
    return a.loop == b.loop && a.slot == b.slot && a.generation == b.generation;
}

/* Only the owner that was asked may answer. */
void commands_result(struct client *c, const struct wire_message *message)
{
    const struct wire_write_result *r = &message->as.write_result;
    char sentence[WIRE_SENTENCE_MAX * 4 + 1];
    struct link_id owner = net_link_id(c->link);
    LIST_EACH(&c->kernel->commands.open, at, following)
    {
        struct command *command = LIST_MEMBER(at, struct command, link);
        if (command->number != message->request || !is_same_link(command->owner, owner)) {
            continue;
        }
        bool known = r->outcome <= WIRE_WRITE_UNKNOWN;
        (void)text_escape(sentence, sizeof sentence, r->sentence);
        finish(c->kernel, command, known ? r->outcome : WIRE_WRITE_UNKNOWN,
               r->outcome == WIRE_WRITE_DONE ? (uint16_t)WIRE_CODE_NONE : r->code,
               sentence[0] == '\0' && r->outcome != WIRE_WRITE_DONE ? "the owner gives no reason"
                                                                    : sentence);
        return;
    }
    log_write(c->kernel->log, LOG_DEBUG, "BACKEND",
              "%s answers a command that is not open (any more); the answer is left out",
              c->process->name);
}

/* The first that this link was asked for. An outcome that is told may end its writer's link, which
 * may end other commands: so each search begins anew. */
static struct command *first_of_owner(struct commands *commands, struct link_id owner)
{
    LIST_EACH(&commands->open, at, following)
    {
        struct command *command = LIST_MEMBER(at, struct command, link);
        if (is_same_link(command->owner, owner)) {
            return command;
        }
    }
    return NULL;
}

void commands_client_gone(struct client *c)
{
    char sentence[WIRE_SENTENCE_MAX];
    struct link_id gone = c->process->link;
    struct command *command;
    while ((command = first_of_owner(&c->kernel->commands, gone)) != NULL) {
        (void)snprintf(sentence, sizeof sentence,
                       "%s, the owner, ended before it answered; whether it did it is not known",
                       command->owner_name);
        finish(c->kernel, command, WIRE_WRITE_UNKNOWN, WIRE_CODE_OWNER_GONE, sentence);
    }
}

static struct command *first_expired(struct commands *commands, uint64_t now_ms)
{
    LIST_EACH(&commands->open, at, following)
    {
        struct command *command = LIST_MEMBER(at, struct command, link);
        if (now_ms >= command->deadline_ms) {
            return command;
        }
    }
    return NULL;
}

void commands_tick(struct kernel *kernel, uint64_t now_ms)
{
    char sentence[WIRE_SENTENCE_MAX];
    struct command *command;
    while ((command = first_expired(&kernel->commands, now_ms)) != NULL) {
        (void)snprintf(sentence, sizeof sentence,
                       "%s, the owner, has not answered in time; whether it did it is not known",
                       command->owner_name);
        finish(kernel, command, WIRE_WRITE_UNKNOWN, WIRE_CODE_TIMEOUT, sentence);
    }
}

/* ---- the begin of a command ---- */

bool commands_are_taken(const struct object *object)
{
    struct slice bytes, list = {object->properties, object->properties_size};
    uint8_t writable = 0;
    return properties_find(list, PROPERTY_WRITABLE, &bytes) && property_u8(bytes, &writable) &&
           writable == 1;
}

static uint32_t timeout_of(const struct object *object)
{
    struct slice bytes, list = {object->properties, object->properties_size};
    uint32_t timeout_ms = COMMAND_TIMEOUT_MS;
    if (properties_find(list, PROPERTY_COMMAND_TIMEOUT, &bytes) &&
        !property_u32(bytes, &timeout_ms)) {
        timeout_ms = COMMAND_TIMEOUT_MS;
    }
    return timeout_ms;
}

static uint16_t check_limits(const struct client *c, struct error *err)
{
    if (c->command_count >= CLIENT_COMMANDS_MAX) {
        (void)error_set(err, D2K_LIMIT,
                        "%u commands of this process wait for their outcome already",
                        CLIENT_COMMANDS_MAX);
        return WIRE_CODE_LIMIT;
    }
    if (c->kernel->commands.count >= COMMANDS_MAX) {
        (void)error_set(err, D2K_LIMIT,
                        "%u commands wait for their outcome already, the limit of "
                        "the kernel",
                        COMMANDS_MAX);
        return WIRE_CODE_LIMIT;
    }
    return WIRE_CODE_NONE;
}

static uint16_t check_target(const struct client *c, const struct object *object,
                             const struct client *owner, struct error *err)
{
    const char *why_not = "";
    if (!client_may_set(c, object, &why_not)) {
        (void)error_set(err, D2K_NOT_ALLOWED, "%s", why_not);
        return WIRE_CODE_NO_RIGHT;
    }
    if (!commands_are_taken(object)) {
        (void)error_set(
            err, D2K_NOT_ALLOWED,
            "object %s belongs to %s, which takes no commands for it; %s may not set it",
            object->name, object->owner, c->process->name);
        return WIRE_CODE_NOT_OWNER;
    }
    if (owner == NULL) {
        (void)error_set(err, D2K_STATE, "%s, the owner of object %s, is not connected",
                        object->owner, object->name);
        return WIRE_CODE_OWNER_GONE;
    }
    return WIRE_CODE_NONE;
}

/* WIRE_CODE_NONE, or why not. */
static uint16_t check(const struct client *c, const struct object *object, const d2k_value *value,
                      const struct client *owner, struct error *err)
{
    uint16_t code = check_target(c, object, owner, err);
    if (code != WIRE_CODE_NONE) {
        return code;
    }
    if (value->past) {
        (void)error_set(err, D2K_ARGUMENT, "object %s: a command is no value of the past",
                        object->name);
        return WIRE_CODE_BAD_VALUE;
    }
    d2k_result rc = plant_check_value(object, slice_of(object->owner), value, value->time_ns, err);
    return rc != D2K_OK ? client_code_of(rc) : check_limits(c, err);
}

const char *commands_change_text(const struct object *object, const d2k_value *value,
                                 char ret_text[COMMANDS_CHANGE_MAX])
{
    char old[SHOWN_VALUE_MAX], new[SHOWN_VALUE_MAX];
    char old_shown[SHOWN_VALUE_MAX * 4 + 1], new_shown[SHOWN_VALUE_MAX * 4 + 1];
    (void)d2k_value_format(&object->value, old, sizeof old);
    (void)d2k_value_format(value, new, sizeof new);
    (void)snprintf(ret_text, COMMANDS_CHANGE_MAX, "%s (%s -> %s)", object->name,
                   object->value.type == D2K_TYPE_NONE
                       ? "-"
                       : text_escape(old_shown, sizeof old_shown, slice_of(old)),
                   text_escape(new_shown, sizeof new_shown, slice_of(new)));
    return ret_text;
}

const char *commands_audit_text(const struct client *c, const struct object *object,
                                const d2k_value *value, char ret_text[COMMANDS_AUDIT_MAX])
{
    char who[CLIENT_WHO_MAX], change[COMMANDS_CHANGE_MAX];
    (void)snprintf(ret_text, COMMANDS_AUDIT_MAX, "%s writes object %s", client_who(c, who),
                   commands_change_text(object, value, change));
    return ret_text;
}

static struct command *command_new(const struct client *c, const struct wire_message *message,
                                   const struct object *object, const d2k_value *value)
{
    char audit[COMMANDS_AUDIT_MAX];
    size_t size = strlen(commands_audit_text(c, object, value, audit)) + 1;
    struct command *command = calloc(1, sizeof *command + size);
    if (command == NULL) {
        return NULL;
    }
    command->id = command_id_of(&message->as.write);
    command->writer = net_link_id(c->link);
    command->request = message->request;
    command->hobj = object->hobj;
    (void)text_copy(command->process, sizeof command->process, c->process->name);
    (void)text_copy(command->owner_name, sizeof command->owner_name, object->owner);
    memcpy(command->audit, audit, size);
    return command;
}

/* False: no memory. */
static bool send_to_owner(const struct client *c, struct client *owner, const struct object *object,
                          const struct command *command, const d2k_value *value)
{
    struct buffer record;
    struct wire_message message = {.type = WIRE_WRITE, .request = command->number};
    buffer_init(&record, WIRE_LENGTH_MAX);
    bool good = wire_value_encode(&record, object->hobj, value) == D2K_OK;
    properties_put(&record, PROPERTY_PROCESS, slice_of(c->process->name));
    if (client_user(c)[0] != '\0') {
        properties_put(&record, PROPERTY_USER, slice_of(client_user(c)));
    }
    good = good && !buffer_failed(&record);
    if (good) {
        memcpy(message.as.write.writer_instance, command->id.bytes, WIRE_ID_SIZE);
        memcpy(&message.as.write.writer_counter, command->id.bytes + WIRE_ID_SIZE,
               sizeof message.as.write.writer_counter);
        message.as.write.value =
            (struct slice){(const char *)buffer_data(&record), buffer_size(&record)};
        client_send(owner, &message);
    }
    buffer_free(&record);
    return good;
}

static void begin(struct client *c, struct client *owner, struct object *object,
                  struct command *command, const d2k_value *value)
{
    struct kernel *kernel = c->kernel;
    command->number = ++kernel->commands.last_number;
    command->owner = net_link_id(owner->link);
    command->deadline_ms = net_server_now_ms(kernel->net) + timeout_of(object);
    list_append(&kernel->commands.open, &command->link);
    kernel->commands.count++;
    c->command_count++;
    plant_command_began(kernel->plant, object);
    log_write(kernel->log, LOG_DEBUG, "BACKEND", "%s: passed on to %s", command->audit,
              object->owner);
    if (!send_to_owner(c, owner, object, command, value)) {
        finish(kernel, command, WIRE_WRITE_REFUSED, WIRE_CODE_LIMIT, "the kernel is out of memory");
    }
}

static struct client *owner_of(struct kernel *kernel, const struct object *object)
{
    const struct process *process = plant_process_active(kernel->plant, slice_of(object->owner));
    return process == NULL ? NULL : client_of(kernel, process->link);
}

void commands_write(struct client *c, const struct wire_message *message, struct object *object,
                    const d2k_value *value)
{
    struct error err = {.text = ""};
    struct command_id id = command_id_of(&message->as.write);
    char audit[COMMANDS_AUDIT_MAX];
    struct client *owner = owner_of(c->kernel, object);
    uint16_t code = check(c, object, value, owner, &err);
    struct command *command =
        code == WIRE_CODE_NONE ? command_new(c, message, object, value) : NULL;
    if (code == WIRE_CODE_NONE && command == NULL) {
        code = WIRE_CODE_LIMIT;
        (void)error_no_memory(&err);
    }
    if (code != WIRE_CODE_NONE) {
        log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s: refused: %s",
                  commands_audit_text(c, object, value, audit), err.text);
        commands_answer(c, message->request, &id, code, err.text);
        return;
    }
    begin(c, owner, object, command, value);
}

/* ---- life ---- */

d2k_result commands_init(struct commands *commands, struct error *err)
{
    uint64_t seed[2];
    list_init(&commands->open);
    if (!os_random(seed, sizeof seed)) {
        return error_set(err, D2K_INTERNAL, "the system gives no random bytes");
    }
    map_init(&commands->by_id, false, seed);
    return D2K_OK;
}

void commands_free(struct commands *commands)
{
    if (commands->open.next == NULL) {
        return; /* never initialised */
    }
    LIST_EACH(&commands->open, at, following)
    {
        struct command *command = LIST_MEMBER(at, struct command, link);
        list_remove(at);
        free(command);
    }
    for (unsigned i = 0; i < COMMANDS_REMEMBERED_MAX; i++) {
        free(commands->remembered[i]);
    }
    map_free(&commands->by_id);
}
