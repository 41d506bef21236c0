/* What a client publishes and writes. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "kernel/kernel.h"
#include "os/clock.h"
#include "wire/properties.h"
#include "wire/value.h"

void values_define(struct client *c, const struct wire_message *message)
{
    const struct wire_define *d = &message->as.define;
    struct definition definition = {.name = d->name,
                                    .description = d->description,
                                    .unit = d->unit,
                                    .type = (d2k_type)d->type,
                                    .kind = OBJECT_OF_PROCESS};
    struct object *object;
    struct error err = {0};
    struct buffer properties;
    const char *why_not = "";
    if (!client_may_define_own(c, d->name, &why_not)) {
        client_send_failed(c, message->request, WIRE_CODE_NO_RIGHT, why_not);
        return;
    }
    buffer_init(&properties, WIRE_LENGTH_MAX);
    uint16_t code = WIRE_CODE_BAD_NAME;
    d2k_result rc = plant_check_name(d->name, &err);
    if (rc == D2K_OK) {
        rc = definition_take(d->properties, &definition, &properties, &err);
        code = WIRE_CODE_BAD_VALUE;
    }
    if (rc == D2K_OK) {
        rc = plant_define(c->kernel->plant, slice_of(c->process->name), &definition, &object, &err);
        code = WIRE_CODE_BAD_NAME;
    }
    buffer_free(&properties);
    if (rc != D2K_OK) {
        client_send_failed(c, message->request, rc == D2K_ARGUMENT ? code : client_code_of(rc),
                           err.text);
        return;
    }
    log_write(c->kernel->log, LOG_DEBUG, "BACKEND", "%s defines object %s, number %u",
              c->process->name, object->name, object->hobj);
    struct wire_message answer = {.type = WIRE_DEFINED, .request = message->request};
    answer.as.defined.hobj = object->hobj;
    client_send(c, &answer);
    if (!c->is_shown) {
        c->is_shown = true;
        tags_show_process(c->kernel, c->process->name);
    }
}

/* Sets one value on behalf of the client; err says why not. */
static d2k_result set_value(struct client *c, uint32_t hobj, const d2k_value *value, int64_t now_ns,
                            struct error *err)
{
    struct object *object = plant_object(c->kernel->plant, hobj);
    if (object == NULL) {
        return error_set(err, D2K_NOT_FOUND, "there is no object with number %u", hobj);
    }
    return plant_set(c->kernel->plant, slice_of(c->process->name), object, value, now_ns, err);
}

/* A value that comes alone has nothing to be overlapped with. */
static unsigned expect_values(const struct plant *plant, struct cursor rest)
{
    uint32_t hobjs[PLANT_EXPECT_MAX];
    unsigned count = wire_value_peek(rest, hobjs, PLANT_EXPECT_MAX);
    if (count > 1) {
        plant_expect(plant, hobjs, count);
    }
    return count;
}

/* Takes every value that is right; of those that are not, the first is reported. What a passive
 * instance publishes is left out: it cannot know yet that it is passive, or goes on so as to be
 * ready. */
void values_update(struct client *c, const struct wire_message *message)
{
    struct cursor rest = cursor_of(message->as.update.values.data, message->as.update.values.size);
    int64_t now_ns = os_wall_ns();
    bool passive = instances_is_passive(c);
    d2k_result first_rc = D2K_OK;
    struct error first = {0};
    unsigned expected = 0;
    for (;;) {
        expected = expected > 1 ? expected - 1 : expect_values(c->kernel->plant, rest);
        uint32_t hobj;
        d2k_value value;
        struct error err = {0};
        int more = wire_value_decode(&rest, &hobj, &value, &err);
        if (more == 0) {
            break;
        }
        if (more < 0 || value.sequence <= c->last_sequence) {
            net_link_broken(c->link, D2K_PROTOCOL, WIRE_CODE_PROTOCOL,
                            more < 0 ? err.text : "the sequence numbers of values must increase");
            return;
        }
        c->last_sequence = value.sequence;
        c->process->values_in++;
        d2k_result rc = passive ? D2K_OK : set_value(c, hobj, &value, now_ns, &err);
        if (rc != D2K_OK && first_rc == D2K_OK) {
            first_rc = rc;
            first = err;
        }
    }
    if (first_rc != D2K_OK) {
        client_send_failed(c, message->request, client_code_of(first_rc), first.text);
    }
}

void values_acknowledge(struct client *c, const struct wire_message *message)
{
    uint64_t sequence = message->as.acknowledge_up_to.sequence;
    if (sequence > c->last_sequence) {
        client_send_failed(c, message->request, WIRE_CODE_BAD_VALUE,
                           "values up to that sequence number have not been sent");
        return;
    }
    struct wire_message answer = {.type = WIRE_ACKNOWLEDGED, .request = message->request};
    answer.as.acknowledged.sequence = sequence;
    client_send(c, &answer);
}

/* ---- Write ---- */

/* What a Write is about: by number or, with the number 0, by name. */
static struct object *object_of_write(const struct client *c, uint32_t hobj, struct slice list,
                                      struct error *err)
{
    struct slice name;
    char shown[D2K_OBJECT_NAME_MAX * 4 + 1];
    struct object *object = NULL;
    if (hobj != 0 || !properties_find(list, PROPERTY_NAME, &name)) {
        object = plant_object(c->kernel->plant, hobj);
        (void)snprintf(shown, sizeof shown, "with number %u", hobj);
    } else {
        object = plant_object_by_name(c->kernel->plant, name);
        (void)text_escape(shown, sizeof shown, name);
    }
    if (object == NULL) {
        (void)error_set(err, D2K_NOT_FOUND, "there is no object %s", shown);
    }
    return object;
}

static void write_unknown(struct client *c, const struct wire_message *message, uint32_t hobj,
                          const struct error *why)
{
    char who[CLIENT_WHO_MAX];
    struct command_id id = command_id_of(&message->as.write);
    log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s writes object number %u: refused: %s",
              client_who(c, who), hobj, why->text);
    commands_answer(c, message->request, &id, WIRE_CODE_NOT_FOUND, why->text);
}

static d2k_result set_now(struct client *c, struct object *object, const d2k_value *value,
                          struct error *err)
{
    struct slice name = slice_of(c->process->name);
    if (instances_is_passive(c)) {
        return error_set(err, D2K_NOT_ALLOWED,
                         "instance %u of %s is passive; the active one sets %s",
                         c->process->instance, c->process->name, object->name);
    }
    return plant_set(c->kernel->plant, name, object, value, os_wall_ns(), err);
}

/* The owner writes what is his own, or somebody what only the kernel sets: done or refused at once.
 */
static void write_now(struct client *c, const struct wire_message *message, struct object *object,
                      const d2k_value *value)
{
    struct error err = {.text = ""};
    char audit[COMMANDS_AUDIT_MAX];
    struct command_id id = command_id_of(&message->as.write);
    (void)commands_audit_text(c, object, value, audit);
    d2k_result rc = set_now(c, object, value, &err);
    log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s: %s%s", audit,
              rc == D2K_OK ? "done" : "refused: ", err.text);
    commands_answer(c, message->request, &id, rc == D2K_OK ? WIRE_CODE_NONE : client_code_of(rc),
                    err.text);
}

static void write_object(struct client *c, const struct wire_message *message,
                         struct object *object, d2k_value *value)
{
    bool is_own = text_equal_ignoring_case(object->owner, c->process->name);
    value->time_ns = value->time_ns == 0 ? os_wall_ns() : value->time_ns;
    if (object->kind == OBJECT_USER_VARIABLE) {
        configuration_write(c, message, object, value);
    } else if (is_own || object->kind != OBJECT_OF_PROCESS) {
        write_now(c, message, object, value);
    } else {
        commands_write(c, message, object, value);
    }
}

void values_write(struct client *c, const struct wire_message *message)
{
    const struct wire_write *w = &message->as.write;
    struct cursor rest = cursor_of(w->value.data, w->value.size);
    struct error err = {.text = ""};
    struct command_id id = command_id_of(w);
    uint32_t hobj;
    d2k_value value;
    if (wire_value_decode(&rest, &hobj, &value, &err) <= 0) {
        net_link_broken(c->link, D2K_PROTOCOL, WIRE_CODE_PROTOCOL,
                        err.text[0] != '\0' ? err.text : "Write without a value");
        return;
    }
    struct slice list = {(const char *)rest.at, rest.left};
    if (properties_check(list, &err) != D2K_OK) {
        commands_answer(c, message->request, &id, WIRE_CODE_BAD_VALUE, err.text);
        return;
    }
    if (commands_repeated(c, message->request, &id)) {
        return;
    }
    struct object *object = object_of_write(c, hobj, list, &err);
    if (object == NULL) {
        write_unknown(c, message, hobj, &err);
    } else {
        write_object(c, message, object, &value);
    }
}
