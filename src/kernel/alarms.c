/* Process alarms are acknowledged: whoever may set an object may do that (docs/alarms.md). What a
 * pattern matches is looked at a piece at a time, as a question (queries.c); each request leaves
 * one line in the audit, also when its link ends before it is through. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "kernel/kernel.h"

/* An acknowledgement under way. */
struct acknowledgement {
    uint64_t done, refused;
    uint16_t code; /* why the first was refused */
    char why_not[WIRE_SENTENCE_MAX];
    char who[CLIENT_WHO_MAX];
};

#define OUTCOME_MAX (WIRE_SENTENCE_MAX + 128)

static void audit(const struct kernel *kernel, const char *who, struct slice pattern,
                  const char *outcome)
{
    char shown[WIRE_PATTERN_MAX * 4 + 1];
    log_write(kernel->log, LOG_INFO, "AUDIT", "%s acknowledges alarms of %s: %s", who,
              text_escape(shown, sizeof shown, pattern), outcome);
}

static bool waits(const struct object *object)
{
    return object->alarm.has_alarms && (object->value.status & D2K_STATUS_NO_ACK_PALARM) != 0;
}

/* WIRE_CODE_NONE, or why not. */
static uint16_t acknowledge(struct client *c, struct object *object, struct error *err)
{
    const char *why_not = "";
    if (!client_may_set(c, object, &why_not)) {
        (void)error_set(err, D2K_NOT_ALLOWED, "%s", why_not);
        return client_code_why_not(c, why_not);
    }
    if (waits(object) && !plant_acknowledge_alarm(c->kernel->plant, object)) {
        (void)error_no_memory(err);
        return WIRE_CODE_LIMIT;
    }
    return WIRE_CODE_NONE;
}

/* ---- one object ---- */

static uint16_t acknowledge_named(struct client *c, struct slice name, uint64_t *ret_count,
                                  struct error *err)
{
    char shown[WIRE_PATTERN_MAX * 4 + 1];
    const char *why_not = "";
    if (!client_may_ask_for(c, name, &why_not)) {
        (void)error_set(err, D2K_NOT_ALLOWED, "%s", why_not);
        return WIRE_CODE_NO_RIGHT;
    }
    struct object *object = plant_object_by_name(c->kernel->plant, name);
    if (object == NULL) {
        (void)error_set(err, D2K_NOT_FOUND, "there is no object %s",
                        text_escape(shown, sizeof shown, name));
        return WIRE_CODE_NOT_FOUND;
    }
    if (!object->alarm.has_alarms) {
        (void)error_set(err, D2K_ARGUMENT, "object %s has no process alarms", object->name);
        return WIRE_CODE_BAD_VALUE;
    }
    *ret_count = waits(object) ? 1 : 0;
    return acknowledge(c, object, err);
}

static void answer(struct client *c, uint64_t request, uint64_t count, uint16_t code,
                   const char *why_not)
{
    struct wire_message done = {.type = WIRE_DONE, .request = request};
    if (code != WIRE_CODE_NONE) {
        client_send_failed(c, request, code, why_not);
        return;
    }
    done.as.done.count = count;
    client_send(c, &done);
}

void alarms_acknowledge(struct client *c, const struct wire_message *message)
{
    struct slice pattern = message->as.acknowledge_alarm.pattern;
    struct error err = {.text = ""};
    char who[CLIENT_WHO_MAX], outcome[OUTCOME_MAX];
    uint64_t count = 0;
    if (pattern.size == 0 || text_is_pattern(pattern)) {
        queries_acknowledge(c, message);
        return;
    }
    uint16_t code = acknowledge_named(c, pattern, &count, &err);
    if (code == WIRE_CODE_NONE) {
        (void)snprintf(outcome, sizeof outcome, "done: %" PRIu64, count);
    } else {
        (void)snprintf(outcome, sizeof outcome, "refused: %.512s", err.text);
    }
    audit(c->kernel, client_who(c, who), pattern, outcome);
    answer(c, message->request, count, code, err.text);
}

/* ---- a pattern ---- */

struct acknowledgement *acknowledgement_new(const struct client *c)
{
    struct acknowledgement *acknowledgement = calloc(1, sizeof *acknowledgement);
    if (acknowledgement != NULL) {
        (void)client_who(c, acknowledgement->who);
    }
    return acknowledgement;
}

void acknowledgement_take(struct client *c, struct acknowledgement *acknowledgement,
                          struct object *object)
{
    struct error err = {.text = ""};
    if (!waits(object)) {
        return;
    }
    uint16_t code = acknowledge(c, object, &err);
    if (code == WIRE_CODE_NONE) {
        acknowledgement->done++;
    } else if (acknowledgement->refused++ == 0) {
        acknowledgement->code = code;
        (void)text_copy(acknowledgement->why_not, sizeof acknowledgement->why_not, err.text);
    }
}

void acknowledgement_end(struct kernel *kernel, struct acknowledgement *acknowledgement,
                         struct slice pattern, bool is_complete)
{
    char outcome[OUTCOME_MAX];
    const struct acknowledgement *a = acknowledgement;
    const char *how = is_complete ? "" : " (its link ended before all were looked at)";
    if (acknowledgement == NULL) {
        return;
    }
    if (a->refused > 0) {
        (void)snprintf(outcome, sizeof outcome, "done: %" PRIu64 ", refused: %" PRIu64 ": %s%s",
                       a->done, a->refused, a->why_not, how);
    } else {
        (void)snprintf(outcome, sizeof outcome, "done: %" PRIu64 "%s", a->done, how);
    }
    audit(kernel, a->who, pattern, outcome);
    free(acknowledgement);
}

void acknowledgement_answer(struct client *c, const struct acknowledgement *acknowledgement,
                            uint64_t request)
{
    const struct acknowledgement *a = acknowledgement;
    answer(c, request, a->done, a->done == 0 ? a->code : (uint16_t)WIRE_CODE_NONE, a->why_not);
}
