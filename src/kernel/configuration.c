/* What the kernel owns itself and stores: user variables, and the definitions of computed objects.
 *
 * A change is checked, queued for the store, and done in the plant when it is on the disk: then
 * readers are told and who asked is answered. So what was seen or acknowledged is never lost, and a
 * disk that says no leaves everything as it was. Between check and disk the plant may have changed;
 * a change that then cannot be done is taken back in the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/text.h"
#include "kernel/kernel.h"
#include "model/expression.h"
#include "os/clock.h"
#include "wire/properties.h"
#include "wire/value.h"

/* A repair is a change of the kernel's own: nobody waits for it. */
enum change_what { CHANGE_CONFIGURE, CHANGE_DELETE, CHANGE_WRITE, CHANGE_REPAIR };

/* What was asked, and waits for the store; the store keeps the rest. */
struct change {
    struct list link; /* kernel->changes */
    enum change_what what;
    bool keeps_form; /* the object has afterwards the type, kind and columns that it had */
    bool repairs; /* an earlier one of the object is to be taken back in the store after this one */
    char name[D2K_OBJECT_NAME_MAX + 1];
    struct link_id client;
    uint64_t request;
    struct command_id id;
    char who[]; /* for the audit */
};

static const struct slice kernel_itself = {"", 0};

/* False: there is none, or it says that there is no value. */
static bool read_record(struct slice record, d2k_value *ret_value)
{
    struct cursor rest = cursor_of(record.data, record.size);
    uint32_t hobj;
    return record.size > 0 && wire_value_decode(&rest, &hobj, ret_value, NULL) > 0 &&
           ret_value->type != D2K_TYPE_NONE;
}

/* ---- audit ---- */

#define SHOWN_MAX (COMMANDS_CHANGE_MAX + D2K_OBJECT_NAME_MAX * 4)

/* The name of the object; of a write also the value that it has now, and the new one. */
static const char *show(const struct kernel *kernel, enum change_what what,
                        const struct stored_object *stored, char ret_text[SHOWN_MAX])
{
    d2k_value value;
    const struct object *object = plant_object_by_name(kernel->plant, stored->name);
    if (what == CHANGE_WRITE && object != NULL && read_record(stored->value, &value)) {
        return commands_change_text(object, &value, ret_text);
    }
    return text_escape(ret_text, SHOWN_MAX, stored->name);
}

static void audit(const struct kernel *kernel, const char *who, enum change_what what,
                  const char *shown, const char *outcome, const char *reason)
{
    const struct log *log = kernel->log;
    switch (what) {
    case CHANGE_CONFIGURE:
        log_write(log, LOG_INFO, "AUDIT", "%s configures object %s: %s%s", who, shown, outcome,
                  reason);
        break;
    case CHANGE_DELETE:
        log_write(log, LOG_INFO, "AUDIT", "%s deletes object %s: %s%s", who, shown, outcome,
                  reason);
        break;
    case CHANGE_WRITE:
        log_write(log, LOG_INFO, "AUDIT", "%s writes object %s: %s%s", who, shown, outcome, reason);
        break;
    case CHANGE_REPAIR:
        break;
    }
}

static void audit_refusal(const struct kernel *kernel, const char *who, enum change_what what,
                          const struct stored_object *stored, const char *reason)
{
    char shown[SHOWN_MAX];
    audit(kernel, who, what, show(kernel, what, stored, shown), "refused: ", reason);
}

/* ---- answers ---- */

static void answer_write(struct client *c, const struct change *change, uint16_t code,
                         const char *sentence)
{
    commands_answer(c, change->request, &change->id, code, sentence);
}

static void answer_failed(struct client *c, const struct change *change, d2k_result rc,
                          const char *sentence)
{
    uint16_t code = client_code_of(rc);
    if (change->what == CHANGE_WRITE) {
        answer_write(c, change, code, sentence);
    } else {
        client_send_failed(c, change->request, code, sentence);
    }
}

static void answer_done(struct client *c, const struct change *change, uint32_t hobj)
{
    struct wire_message answer = {.type = WIRE_DONE, .request = change->request};
    if (change->what == CHANGE_WRITE) {
        answer_write(c, change, WIRE_CODE_NONE, "");
        return;
    }
    if (change->what == CHANGE_CONFIGURE) {
        answer.type = WIRE_DEFINED;
        answer.as.defined.hobj = hobj;
    } else {
        answer.as.done.count = 1;
    }
    client_send(c, &answer);
}

/* ---- queueing ---- */

static struct change *change_new(struct client *c, const struct wire_message *message,
                                 enum change_what what)
{
    char who[CLIENT_WHO_MAX];
    size_t size = strlen(client_who(c, who)) + 1;
    struct change *change = calloc(1, sizeof *change + size);
    if (change == NULL) {
        return NULL;
    }
    change->what = what;
    change->client = net_link_id(c->link);
    change->request = message->request;
    change->keeps_form = what == CHANGE_WRITE;
    if (what == CHANGE_WRITE) {
        change->id = command_id_of(&message->as.write);
    }
    memcpy(change->who, who, size);
    return change;
}

static void append(struct kernel *kernel, struct change *change, struct slice name)
{
    memcpy(change->name, name.data, name.size); /* of an object, so it is not too long */
    list_append(&kernel->changes, &change->link);
}

/* The last change of the object that waits for the store; NULL: none does. */
static struct change *last_of(const struct kernel *kernel, const char *name)
{
    struct change *last = NULL;
    LIST_EACH(&kernel->changes, at, following)
    {
        struct change *change = LIST_MEMBER(at, struct change, link);
        last = text_equal_ignoring_case(name, change->name) ? change : last;
    }
    return last;
}

static d2k_result give_to_store(struct kernel *kernel, enum change_what what,
                                const struct stored_object *object, struct error *err)
{
    switch (what) {
    case CHANGE_CONFIGURE:
        return plant_store_put(kernel->store, object, 0, err);
    case CHANGE_DELETE:
        return plant_store_delete(kernel->store, object->name, 0, err);
    case CHANGE_WRITE:
        return plant_store_put_value(kernel->store, object->name, object->value, 0, err);
    case CHANGE_REPAIR:
        break;
    }
    return D2K_INTERNAL;
}

/* Takes over `change`; NULL: no memory. */
static void queue(struct client *c, struct change *change, const struct stored_object *object)
{
    struct kernel *kernel = c->kernel;
    struct error err = {0};
    d2k_result rc = D2K_OK;
    if (c->change_count >= CLIENT_CHANGES_MAX) {
        rc = error_set(&err, D2K_LIMIT, "%u changes of this client wait for the disk already",
                       CLIENT_CHANGES_MAX);
    } else {
        rc = give_to_store(kernel, change->what, object, &err);
    }
    if (rc != D2K_OK) {
        audit_refusal(kernel, change->who, change->what, object, err.text);
        answer_failed(c, change, rc, err.text);
        free(change);
        return;
    }
    append(kernel, change, object->name);
    c->change_count++;
}

static void refuse(struct client *c, const struct wire_message *message, enum change_what what,
                   struct slice name, uint16_t code, const char *reason)
{
    char who[CLIENT_WHO_MAX];
    audit_refusal(c->kernel, client_who(c, who), what, &(struct stored_object){.name = name},
                  reason);
    client_send_failed(c, message->request, code, reason);
}

static void refuse_no_memory(struct client *c, const struct wire_message *message)
{
    client_send_failed(c, message->request, WIRE_CODE_LIMIT, "the kernel is out of memory");
}

/* ---- Configure ---- */

static bool keeps_form(const struct kernel *kernel, const struct definition *definition)
{
    const struct object *object = plant_object_by_name(kernel->plant, definition->name);
    return object != NULL && object->type == definition->type && object->kind == definition->kind &&
           slice_equal(plant_columns(object), definition->columns);
}

/* A value waits for the disk, and nothing that would take it away again. */
static bool is_being_written(const struct kernel *kernel, struct slice name)
{
    char object[D2K_OBJECT_NAME_MAX + 1] = "";
    bool written = false;
    memcpy(object, name.data, name.size);
    LIST_EACH(&kernel->changes, at, following)
    {
        const struct change *change = LIST_MEMBER(at, struct change, link);
        if (!text_equal_ignoring_case(object, change->name)) {
            continue;
        }
        if (!change->keeps_form) {
            return false;
        }
        written |= change->what == CHANGE_WRITE;
    }
    return written;
}

/* A variable that has no value of its own yet begins with its default. */
static bool needs_default(const struct kernel *kernel, const struct definition *definition)
{
    const struct object *object = plant_object_by_name(kernel->plant, definition->name);
    return !keeps_form(kernel, definition) || ((object->value.type == D2K_TYPE_NONE ||
                                                (object->value.status & D2K_STATUS_DEFAULT) != 0) &&
                                               !is_being_written(kernel, definition->name));
}

static d2k_result encode_default(const struct definition *definition, uint32_t hobj,
                                 struct buffer *record, struct error *err)
{
    d2k_value value;
    if (!definition_default(definition->type, definition->properties, &value, NULL)) {
        if (!content_is_table(definition->type)) {
            return D2K_OK;
        }
        /* The store forgets a value of another type by itself, one of other columns it keeps. */
        value = (d2k_value){.type = D2K_TYPE_NONE};
    }
    value.time_ns = os_wall_ns();
    return wire_value_encode(record, hobj, &value) == D2K_OK ? D2K_OK : error_no_memory(err);
}

/* What somebody has computed he reads: so it must be what he may see. */
static uint16_t check_inputs(const struct client *c, const struct definition *definition,
                             struct error *err)
{
    struct expression *expression = NULL;
    const char *why_not = NULL;
    if (definition->kind != OBJECT_COMPUTED) {
        return WIRE_CODE_NONE;
    }
    d2k_result rc = expression_parse(definition->expression, &expression, err);
    if (rc != D2K_OK) {
        (void)error_wrap(err, "object %.*s", (int)definition->name.size, definition->name.data);
        return client_code_of(rc);
    }
    for (size_t i = 0; why_not == NULL && i < expression_input_count(expression); i++) {
        (void)client_may_ask_for(c, expression_input(expression, i), &why_not);
    }
    expression_free(expression);
    if (why_not != NULL) {
        (void)error_set(err, D2K_NOT_ALLOWED, "%s", why_not);
    }
    return why_not != NULL ? WIRE_CODE_NO_RIGHT : WIRE_CODE_NONE;
}

/* WIRE_CODE_NONE, or why not. */
static uint16_t check_configured(const struct client *c, struct definition *definition,
                                 struct slice list, struct buffer *properties, struct error *err)
{
    if (plant_check_name(definition->name, err) != D2K_OK) {
        return WIRE_CODE_BAD_NAME;
    }
    if (definition->kind != OBJECT_USER_VARIABLE && definition->kind != OBJECT_COMPUTED) {
        (void)error_set(err, D2K_ARGUMENT,
                        "object %.*s: only user variables and computed objects can be configured",
                        (int)definition->name.size, definition->name.data);
        return WIRE_CODE_BAD_VALUE;
    }
    d2k_result rc = definition_take(list, definition, properties, err);
    uint16_t code = rc != D2K_OK ? client_code_of(rc) : check_inputs(c, definition, err);
    if (code != WIRE_CODE_NONE) {
        return code;
    }
    rc = plant_check_definition(c->kernel->plant, kernel_itself, definition, err);
    return rc != D2K_OK ? client_code_of(rc) : (uint16_t)WIRE_CODE_NONE;
}

static struct stored_object stored(const struct definition *definition, uint32_t hobj,
                                   struct slice value)
{
    return (struct stored_object){
        .name = definition->name,
        .hobj = hobj,
        .type = (uint8_t)definition->type,
        .kind = (uint8_t)definition->kind,
        .description = definition->description,
        .unit = definition->unit,
        .properties = definition->properties,
        .value = value,
        /* Of two that make a cycle the later one is refused: it must be the one that is left out if
         * the kernel is killed before it is taken back. */
        .goes_last = definition->kind == OBJECT_COMPUTED,
    };
}

static void queue_definition(struct client *c, const struct wire_message *message,
                             const struct definition *definition, struct buffer *record)
{
    struct error err = {0};
    uint32_t hobj = 0;
    d2k_result rc = plant_reserve_number(c->kernel->plant, definition->name, &hobj, &err);
    if (rc == D2K_OK && needs_default(c->kernel, definition)) {
        rc = encode_default(definition, hobj, record, &err);
    }
    struct change *change = rc == D2K_OK ? change_new(c, message, CHANGE_CONFIGURE) : NULL;
    if (rc != D2K_OK || change == NULL) {
        refuse_no_memory(c, message);
        return;
    }
    change->keeps_form = keeps_form(c->kernel, definition);
    struct slice value = {(const char *)buffer_data(record), buffer_size(record)};
    struct stored_object object = stored(definition, hobj, value);
    const struct object *before = plant_object_by_name(c->kernel->plant, definition->name);
    if (before != NULL) {
        object.name = slice_of(before->name); /* the first spelling stays */
    }
    queue(c, change, &object);
}

void configuration_configure(struct client *c, const struct wire_message *message)
{
    const struct wire_configure *d = &message->as.configure;
    struct definition definition = {.name = d->name,
                                    .description = d->description,
                                    .unit = d->unit,
                                    .type = (d2k_type)d->type,
                                    .kind = definition_kind(d->properties, OBJECT_USER_VARIABLE)};
    struct error err = {0};
    struct buffer properties, record;
    const char *why_not = "";
    if (!client_may_define(c, d->name, &why_not)) {
        refuse(c, message, CHANGE_CONFIGURE, d->name, client_code_why_not(c, why_not), why_not);
        return;
    }
    buffer_init(&properties, WIRE_LENGTH_MAX);
    buffer_init(&record, WIRE_LENGTH_MAX);
    uint16_t code = check_configured(c, &definition, d->properties, &properties, &err);
    if (code == WIRE_CODE_NONE) {
        queue_definition(c, message, &definition, &record);
    } else {
        refuse(c, message, CHANGE_CONFIGURE, d->name, code, err.text);
    }
    buffer_free(&record);
    buffer_free(&properties);
}

/* ---- Delete ---- */

/* What is not there may be on its way to the disk: then the store knows better. */
static d2k_result check_deletion(const struct kernel *kernel, struct slice name, struct error *err)
{
    char shown[D2K_OBJECT_NAME_MAX * 4 + 1];
    const struct object *object = plant_object_by_name(kernel->plant, name);
    if (object == NULL && list_empty(&kernel->changes)) {
        return error_set(err, D2K_NOT_FOUND, "there is no object %s",
                         text_escape(shown, sizeof shown, name));
    }
    if (object != NULL && object->kind == OBJECT_OF_PROCESS) {
        return error_set(err, D2K_NOT_ALLOWED,
                         "object %s belongs to %s; only objects of the kernel can be deleted",
                         object->name, object->owner);
    }
    if (object != NULL && object->kind == OBJECT_SYSTEM_TAG) {
        return error_set(err, D2K_NOT_ALLOWED, "object %s is a system tag, and stays",
                         object->name);
    }
    return D2K_OK;
}

void configuration_delete(struct client *c, const struct wire_message *message)
{
    struct stored_object object = {.name = message->as.delete_object.name};
    struct error err = {0};
    const char *why_not = "";
    if (!client_may_define(c, object.name, &why_not)) {
        refuse(c, message, CHANGE_DELETE, object.name, client_code_why_not(c, why_not), why_not);
        return;
    }
    d2k_result rc = check_deletion(c->kernel, object.name, &err);
    if (rc != D2K_OK) {
        refuse(c, message, CHANGE_DELETE, object.name, client_code_of(rc), err.text);
        return;
    }
    struct change *change = change_new(c, message, CHANGE_DELETE);
    if (change == NULL) {
        refuse_no_memory(c, message);
        return;
    }
    queue(c, change, &object);
}

/* ---- Write ---- */

/* WIRE_CODE_NONE, or why not. */
static uint16_t check_write(const struct client *c, const struct object *object,
                            const d2k_value *value, struct error *err)
{
    const char *why_not = "";
    if (!client_may_set(c, object, &why_not)) {
        (void)error_set(err, D2K_NOT_ALLOWED, "%s", why_not);
        return client_code_why_not(c, why_not);
    }
    if (value->past) {
        (void)error_set(err, D2K_ARGUMENT, "object %s: a user variable has no past", object->name);
        return WIRE_CODE_BAD_VALUE;
    }
    d2k_result rc = plant_check_value(object, kernel_itself, value, value->time_ns, err);
    return rc == D2K_OK ? (uint16_t)WIRE_CODE_NONE : client_code_of(rc);
}

void configuration_write(struct client *c, const struct wire_message *message,
                         const struct object *object, const d2k_value *value)
{
    struct error err = {0};
    struct buffer record;
    struct stored_object kept = {.name = slice_of(object->name)};
    struct change *change = change_new(c, message, CHANGE_WRITE);
    d2k_value own = *value;
    own.time_ns = own.time_ns == 0 ? os_wall_ns() : own.time_ns;
    own.sequence = 0;
    buffer_init(&record, WIRE_LENGTH_MAX);
    if (change == NULL || wire_value_encode(&record, object->hobj, &own) != D2K_OK) {
        refuse_no_memory(c, message);
        free(change);
        buffer_free(&record);
        return;
    }
    kept.value = (struct slice){(const char *)buffer_data(&record), buffer_size(&record)};
    uint16_t code = check_write(c, object, &own, &err);
    if (code == WIRE_CODE_NONE) {
        queue(c, change, &kept);
    } else {
        audit_refusal(c->kernel, change->who, CHANGE_WRITE, &kept, err.text);
        answer_write(c, change, code, err.text);
        free(change);
    }
    buffer_free(&record);
}

/* ---- what the store has done ---- */

static d2k_result set_default(struct kernel *kernel, struct object *object, struct error *err)
{
    d2k_value value;
    struct slice properties = {object->properties, object->properties_size};
    if (!definition_default(object->type, properties, &value, NULL)) {
        return D2K_OK;
    }
    return plant_set(kernel->plant, kernel_itself, object, &value, os_wall_ns(), err);
}

/* One without a value of its own may be new by now: it was deleted after it was asked for. */
static d2k_result set_stored(struct kernel *kernel, struct object *object, struct slice record,
                             struct error *err)
{
    d2k_value value;
    if (read_record(record, &value)) {
        return plant_set(kernel->plant, kernel_itself, object, &value, os_wall_ns(), err);
    }
    return object->current == NULL ? set_default(kernel, object, err) : D2K_OK;
}

static struct definition definition_of(const struct stored_object *object)
{
    struct slice expression = {NULL, 0};
    (void)properties_find(object->properties, PROPERTY_EXPRESSION, &expression);
    struct definition definition = {
        .name = object->name,
        .expression = expression,
        .now_ns = os_wall_ns(),
        .description = object->description,
        .unit = object->unit,
        .type = (d2k_type)object->type,
        .kind = (enum object_kind)object->kind,
        .history = definition_history(object->properties),
        .alarm = definition_alarm(object->properties),
        .properties = object->properties,
        .columns = definition_columns(object->properties),
    };
    definition_limits(object->properties, &definition);
    return definition;
}

static d2k_result do_change(struct kernel *kernel, enum change_what what,
                            const struct stored_object *stored_object, uint32_t *ret_hobj,
                            struct error *err)
{
    struct object *object = plant_object_by_name(kernel->plant, stored_object->name);
    struct definition definition = definition_of(stored_object);
    d2k_result rc = D2K_OK;
    if (what == CHANGE_CONFIGURE) {
        rc = plant_define(kernel->plant, kernel_itself, &definition, &object, err);
        *ret_hobj = rc == D2K_OK ? object->hobj : 0;
    }
    if (rc != D2K_OK || definition.kind == OBJECT_COMPUTED) {
        return rc; /* what is computed has its value already */
    }
    if (object == NULL || (what == CHANGE_DELETE && object->owner[0] != '\0')) {
        return D2K_OK; /* it was stored, and never was in the plant */
    }
    return what == CHANGE_DELETE ? plant_delete(kernel->plant, object, err)
                                 : set_stored(kernel, object, stored_object->value, err);
}

static struct stored_object as_in_force(const struct object *object)
{
    struct slice value = {NULL, 0};
    bool has_value = object->value.type != D2K_TYPE_NONE || content_is_table(object->type);
    if (object->current != NULL && has_value && object->kind != OBJECT_COMPUTED) {
        value = (struct slice){(const char *)object->current->bytes, object->current->size};
    }
    return (struct stored_object){
        .name = slice_of(object->name),
        .hobj = object->hobj,
        .type = (uint8_t)object->type,
        .kind = object->kind,
        .description = slice_of(object->description),
        .unit = slice_of(object->unit),
        .properties = {object->properties, object->properties_size},
        .value = value,
    };
}

/* A change that nobody asked for; its outcome is taken like any other. */
static d2k_result queue_repair(struct kernel *kernel, enum change_what what,
                               const struct stored_object *object, struct error *err)
{
    struct change *change = calloc(1, sizeof *change + 1);
    if (change == NULL) {
        return error_no_memory(err);
    }
    d2k_result rc = give_to_store(kernel, what, object, err);
    if (rc != D2K_OK) {
        free(change);
        return rc;
    }
    change->what = CHANGE_REPAIR;
    append(kernel, change, object->name);
    return D2K_OK;
}

/* The store shall hold again what the plant has under this name: once it is through with all that
 * waits for it, so that none of that is taken back. */
static void repair(struct kernel *kernel, const struct change *change)
{
    struct change *last = last_of(kernel, change->name);
    if (last != NULL) {
        last->repairs = true;
        return;
    }
    struct slice name = slice_of(change->name);
    const struct object *object = plant_object_by_name(kernel->plant, name);
    struct stored_object nothing = {.name = name};
    struct error err = {0};
    d2k_result rc = queue_repair(kernel, CHANGE_DELETE, &nothing, &err);
    if (rc == D2K_OK && object != NULL && object->owner[0] == '\0') {
        struct stored_object kept = as_in_force(object);
        rc = queue_repair(kernel, CHANGE_CONFIGURE, &kept, &err);
    }
    if (rc != D2K_OK) {
        log_write(kernel->log, LOG_ERROR, "STORE",
                  "Object %s: what is stored is not what is in force, and cannot be taken back: "
                  "%s. Configure it again.",
                  change->name, err.text);
    }
}

static struct client *client_of(struct kernel *kernel, const struct change *change)
{
    struct net_link *link = net_link_find(kernel->net, change->client);
    struct client *c = link != NULL ? net_link_data(link) : NULL;
    return c != NULL && client_state(c) == CLIENT_REGISTERED ? c : NULL;
}

static void settle(struct kernel *kernel, struct change *change,
                   const struct plant_store_outcome *outcome)
{
    uint32_t hobj = 0;
    char shown[SHOWN_MAX];
    struct error err = {0};
    d2k_result rc = error_set(&err, outcome->result, "%s", outcome->sentence);
    if (change->what == CHANGE_REPAIR) {
        return;
    }
    struct client *c = client_of(kernel, change);
    (void)show(kernel, change->what, &outcome->object, shown); /* while the old value is there */
    if (rc == D2K_OK) {
        rc = do_change(kernel, change->what, &outcome->object, &hobj, &err);
        change->repairs |= rc != D2K_OK;
    }
    audit(kernel, change->who, change->what, shown,
          rc == D2K_OK ? "done" : "refused: ", rc == D2K_OK ? "" : err.text);
    if (c == NULL) {
        return;
    }
    c->change_count--;
    if (rc == D2K_OK) {
        answer_done(c, change, hobj);
    } else {
        answer_failed(c, change, rc, err.text);
    }
}

void configuration_settle(struct kernel *kernel)
{
    const struct plant_store_outcome *outcome;
    while (kernel->store != NULL && (outcome = plant_store_take(kernel->store)) != NULL) {
        struct change *change = LIST_FIRST(&kernel->changes, struct change, link);
        list_remove(&change->link);
        settle(kernel, change, outcome);
        if (change->repairs) {
            repair(kernel, change);
        }
        free(change);
    }
}

/* ---- start and end ---- */

static void wake_plant(void *context)
{
    struct kernel *kernel = context;
    net_server_notify(kernel->net);
}

/* A number that the table of numbers lost in a power failure; older ones are there. */
static void keep_number(struct kernel *kernel, const struct stored_object *object)
{
    struct hobj_table *hobjs = kernel->setup.hobjs;
    if (hobjs != NULL && hobj_table_find(hobjs, object->name) == 0 &&
        object->hobj > kernel->highest_number &&
        plant_object(kernel->plant, object->hobj) == NULL) {
        hobj_table_add(hobjs, object->name, object->hobj);
    }
}

static d2k_result load_value(struct kernel *kernel, struct object *object, struct slice record,
                             struct error *err)
{
    d2k_value value;
    d2k_result rc = D2K_TYPE;
    if (read_record(record, &value)) {
        rc = plant_set(kernel->plant, kernel_itself, object, &value, os_wall_ns(), err);
        if (rc == D2K_TYPE) {
            /* The kernel was killed after this was stored and before it was taken back: repair().
             */
            log_write(kernel->log, LOG_WARNING, "STORE",
                      "%s. The stored value is left out: it was refused before the kernel ended.",
                      err->text);
        }
    }
    return rc == D2K_TYPE ? set_default(kernel, object, err) : rc;
}

static d2k_result load_object(void *context, const struct stored_object *stored_object,
                              struct error *err)
{
    struct kernel *kernel = context;
    struct definition definition = definition_of(stored_object);
    struct object *object = NULL;
    if (definition.kind != OBJECT_USER_VARIABLE && definition.kind != OBJECT_COMPUTED) {
        return error_set(err, D2K_CONFIG,
                         "plant.db: object %.*s is of kind %d, which this version "
                         "of d2k does not know",
                         (int)definition.name.size, definition.name.data, (int)definition.kind);
    }
    keep_number(kernel, stored_object);
    d2k_result rc = plant_define(kernel->plant, kernel_itself, &definition, &object, err);
    if (rc == D2K_CYCLE) {
        /* The kernel was killed after this was stored and before it was taken back: repair(). */
        log_write(kernel->log, LOG_ERROR, "STORE",
                  "%s. It is left out: it was refused before the kernel ended. Define it anew.",
                  err->text);
        return D2K_OK;
    }
    if (rc == D2K_OK && definition.kind == OBJECT_USER_VARIABLE) {
        rc = load_value(kernel, object, stored_object->value, err);
    }
    return rc == D2K_OK || rc == D2K_NO_MEMORY
               ? rc
               : error_set(err, D2K_CONFIG,
                           "plant.db holds what this version cannot take: %.600s; "
                           "see docs/storage.md",
                           err->text);
}

d2k_result configuration_open(struct kernel *kernel, const char *state_dir, struct error *err)
{
    struct plant_store_options options = {
        .state_dir = state_dir,
        .log = kernel->log,
        .take_object = load_object,
        .take_context = kernel,
        .wake = wake_plant,
        .wake_context = kernel,
    };
    uint64_t begin_ms = os_monotonic_ms();
    size_t tags = plant_object_count(kernel->plant);
    kernel->highest_number =
        kernel->setup.hobjs != NULL ? hobj_table_highest(kernel->setup.hobjs) : 0;
    d2k_result rc = plant_store_open(&options, &kernel->store, err);
    if (rc == D2K_OK) {
        log_write(kernel->log, LOG_INFO, "STORE", "%s/plant.db: %zu objects are loaded in %llu ms.",
                  state_dir, plant_object_count(kernel->plant) - tags,
                  (unsigned long long)(os_monotonic_ms() - begin_ms));
    }
    return rc;
}

void configuration_close(struct kernel *kernel)
{
    plant_store_close(kernel->store);
    kernel->store = NULL;
    if (kernel->changes.next == NULL) {
        return; /* it was never begun */
    }
    LIST_EACH(&kernel->changes, at, following)
    {
        free(LIST_MEMBER(at, struct change, link));
    }
    list_init(&kernel->changes);
}
