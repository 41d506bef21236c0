/* What a client publishes and writes. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "kernel/kernel.h"
#include "os/clock.h"
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
    buffer_init(&properties, WIRE_LENGTH_MAX);
    d2k_result rc = definition_take(d->properties, &definition, &properties, &err);
    uint16_t code = WIRE_CODE_BAD_VALUE;
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

/* Takes every value that is right; of those that are not, the first is reported. */
void values_update(struct client *c, const struct wire_message *message)
{
    struct cursor rest = cursor_of(message->as.update.values.data, message->as.update.values.size);
    int64_t now_ns = os_wall_ns();
    d2k_result first_rc = D2K_OK;
    struct error first = {0};
    for (;;) {
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
        d2k_result rc = set_value(c, hobj, &value, now_ns, &err);
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

static void log_write_of(struct client *c, uint32_t hobj, const char *outcome, const char *reason)
{
    const struct object *object = plant_object(c->kernel->plant, hobj);
    char where[CLIENT_WHERE_MAX], number[32];
    (void)snprintf(number, sizeof number, "number %u", hobj);
    log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s %s writes object %s: %s%s", c->process->name,
              client_where(c, where), object != NULL ? object->name : number, outcome, reason);
}

/* In this version only the owner of an object, and who may set a user variable, may write it;
 * commands to other processes are refused, never dropped. */
void values_write(struct client *c, const struct wire_message *message)
{
    const struct wire_write *w = &message->as.write;
    struct cursor rest = cursor_of(w->value.data, w->value.size);
    struct error err = {0};
    uint32_t hobj;
    d2k_value value;
    if (wire_value_decode(&rest, &hobj, &value, &err) <= 0) {
        net_link_broken(c->link, D2K_PROTOCOL, WIRE_CODE_PROTOCOL,
                        err.text[0] != '\0' ? err.text : "Write without a value");
        return;
    }
    const struct object *object = plant_object(c->kernel->plant, hobj);
    if (object != NULL && object->kind == OBJECT_USER_VARIABLE) {
        configuration_write(c, message, object, &value);
        return;
    }
    struct wire_message answer = {.type = WIRE_WRITE_RESULT, .request = message->request};
    struct wire_write_result *result = &answer.as.write_result;
    memcpy(result->writer_instance, w->writer_instance, WIRE_ID_SIZE);
    result->writer_counter = w->writer_counter;
    d2k_result rc = set_value(c, hobj, &value, os_wall_ns(), &err);
    log_write_of(c, hobj, rc == D2K_OK ? "done" : "refused: ", err.text);
    if (rc != D2K_OK) {
        struct slice text = slice_of(err.text);
        result->outcome = WIRE_WRITE_REFUSED;
        result->code = client_code_of(rc);
        result->sentence = text;
        result->sentence.size = text_prefix_of_chars(text, WIRE_SENTENCE_MAX / 4);
    }
    client_send(c, &answer);
}
