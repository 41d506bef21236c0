/* Lists and reads: answered a piece at a time, as the client takes them, so that a long answer
 * needs no memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/table.h"
#include "base/text.h"
#include "kernel/filter.h"
#include "kernel/kernel.h"
#include "model/moment.h"
#include "wire/properties.h"
#include "wire/value.h"

/* Objects or processes that are compared with a pattern in one turn, matching or not: then others
 * get their turn. */
#define LOOKS_AT_ONCE 4096u

struct query {
    struct list link;
    uint16_t type; /* WIRE_READ, WIRE_LIST_OBJECTS, WIRE_LIST_PROCESSES, WIRE_HISTORY,
                      WIRE_ACKNOWLEDGE_ALARM, WIRE_SNAPSHOT */
    uint64_t request;
    size_t position;
    size_t static_position; /* WIRE_LIST_PROCESSES: of those that have never registered */
    uint64_t count;         /* answered so far */
    uint32_t hobj;          /* WIRE_HISTORY */
    bool begun;             /* WIRE_HISTORY: its definition is told */
    struct history_reader changes;
    struct filter filter;                    /* WIRE_LIST_OBJECTS; else everything passes */
    struct acknowledgement *acknowledgement; /* WIRE_ACKNOWLEDGE_ALARM; else NULL */
    struct moment *moment;                   /* WIRE_SNAPSHOT; else NULL */
    bool is_taken;                           /* the values of that moment are */
    size_t pattern_size;
    char pattern[];
};

enum answered {
    ANSWERED_PART,
    ANSWERED_ALL,
    ANSWERED_NO, /* Failed was sent */
};

/* NULL: it was refused. */
static struct query *query_new(struct client *c, const struct wire_message *message,
                               struct slice pattern)
{
    if (c->query_count == CLIENT_QUERIES_MAX) {
        client_send_failed(c, message->request, WIRE_CODE_LIMIT,
                           "64 questions wait for their answers");
        return NULL;
    }
    struct query *q = calloc(1, sizeof *q + pattern.size);
    if (q == NULL) {
        client_send_failed(c, message->request, WIRE_CODE_LIMIT, "the kernel is out of memory");
        return NULL;
    }
    q->type = message->type;
    q->request = message->request;
    q->pattern_size = pattern.size;
    memcpy(q->pattern, pattern.data, pattern.size);
    list_append(&c->queries, &q->link);
    c->query_count++;
    net_link_wake(c->link);
    return q;
}

/* NULL: it was refused. */
static struct query *ask(struct client *c, const struct wire_message *message, struct slice pattern,
                         const struct filter *filter)
{
    const char *why_not = "";
    if (pattern.size == 0) {
        client_send_failed(c, message->request, WIRE_CODE_BAD_VALUE, "the pattern is empty");
        return NULL;
    }
    if (message->type != WIRE_LIST_PROCESSES && !client_may_ask_for(c, pattern, &why_not)) {
        client_send_failed(c, message->request, WIRE_CODE_NO_RIGHT, why_not);
        return NULL;
    }
    struct query *q = query_new(c, message, pattern);
    if (q != NULL) {
        q->filter = *filter;
    }
    return q;
}

/* Read and ListProcesses carry the same single field. */
void queries_ask(struct client *c, const struct wire_message *message)
{
    const struct filter everything = {.type = D2K_TYPE_NONE};
    (void)ask(c, message, message->as.read.pattern, &everything);
}

void queries_list(struct client *c, const struct wire_message *message)
{
    struct filter filter;
    struct error err = {0};
    if (filter_take(message->as.list_objects.properties, &filter, &err) != D2K_OK) {
        client_send_failed(c, message->request, WIRE_CODE_BAD_VALUE, err.text);
        return;
    }
    (void)ask(c, message, message->as.list_objects.pattern, &filter);
}

void queries_history(struct client *c, const struct wire_message *message)
{
    const struct wire_history *h = &message->as.history;
    char shown[D2K_OBJECT_NAME_MAX * 4 + 1], sentence[sizeof shown + 32];
    const char *why_not = "";
    if (!client_may_ask_for(c, h->name, &why_not)) {
        client_send_failed(c, message->request, WIRE_CODE_NO_RIGHT, why_not);
        return;
    }
    const struct object *object = plant_object_by_name(c->kernel->plant, h->name);
    if (object == NULL) {
        (void)snprintf(sentence, sizeof sentence, "there is no object %s",
                       text_escape(shown, sizeof shown, h->name));
        client_send_failed(c, message->request, WIRE_CODE_NOT_FOUND, sentence);
        return;
    }
    struct query *q = query_new(c, message, (struct slice){"", 0});
    if (q != NULL) {
        q->hobj = object->hobj;
        history_begin(object, h->count, &q->changes);
    }
}

static d2k_result take_pattern(struct client *c, struct moment *moment, struct cursor *rest,
                               struct error *err)
{
    size_t size = cursor_u16(rest);
    struct slice pattern = cursor_bytes(rest, size);
    const char *why_not = "";
    if (rest->failed || !text_is_utf8(pattern)) {
        return error_set(err, D2K_ARGUMENT,
                         "a name or pattern ends too late, or is not UTF-8 text");
    }
    if (!client_may_ask_for(c, pattern, &why_not)) {
        return error_set(err, D2K_NOT_ALLOWED, "%s", why_not);
    }
    return moment_add(moment, pattern, err);
}

static d2k_result take_patterns(struct client *c, struct moment *moment, struct slice list,
                                struct error *err)
{
    struct cursor rest = cursor_of(list.data, list.size);
    if (rest.left == 0) {
        return error_set(err, D2K_ARGUMENT, "a snapshot needs a name or a pattern");
    }
    d2k_result rc = D2K_OK;
    while (rc == D2K_OK && rest.left > 0) {
        rc = take_pattern(c, moment, &rest, err);
    }
    return rc;
}

void queries_snapshot(struct client *c, const struct wire_message *message)
{
    struct error err = {.text = "the kernel is out of memory"};
    struct moment *moment = moment_new(c->kernel->plant, c);
    d2k_result rc = moment == NULL ? D2K_NO_MEMORY
                                   : take_patterns(c, moment, message->as.snapshot.patterns, &err);
    if (rc != D2K_OK) {
        moment_free(moment);
        client_send_failed(c, message->request,
                           rc == D2K_NOT_ALLOWED ? WIRE_CODE_NO_RIGHT : client_code_of(rc),
                           err.text);
        return;
    }
    struct query *q = query_new(c, message, (struct slice){"", 0});
    if (q == NULL) {
        moment_free(moment);
        return;
    }
    q->moment = moment;
}

static struct slice pattern_of(const struct query *q)
{
    return (struct slice){q->pattern, q->pattern_size};
}

static void drop(struct client *c, struct query *q, bool is_complete)
{
    acknowledgement_end(c->kernel, q->acknowledgement, pattern_of(q), is_complete);
    list_remove(&q->link);
    c->query_count--;
    moment_free(q->moment);
    free(q);
}

void queries_drop(struct client *c)
{
    LIST_EACH(&c->queries, at, following)
    {
        drop(c, LIST_MEMBER(at, struct query, link), false);
    }
}

void queries_acknowledge(struct client *c, const struct wire_message *message)
{
    const struct filter everything = {.type = D2K_TYPE_NONE};
    struct query *q = ask(c, message, message->as.acknowledge_alarm.pattern, &everything);
    if (q == NULL) {
        return;
    }
    q->acknowledgement = acknowledgement_new(c);
    if (q->acknowledgement == NULL) {
        client_send_failed(c, message->request, WIRE_CODE_LIMIT, "the kernel is out of memory");
        drop(c, q, false);
    }
}

/* `update` NULL: it has no value, or none is asked for. */
static void answer_object(struct client *c, struct query *q, struct object *object,
                          const struct update *update)
{
    if (q->acknowledgement != NULL) {
        acknowledgement_take(c, q->acknowledgement, object);
        return;
    }
    struct wire_message info = delivery_object_info(object, q->request);
    client_send(c, &info);
    if (update != NULL) {
        struct wire_message message = {.type = WIRE_UPDATE, .request = q->request};
        message.as.update.values = (struct slice){(const char *)update->bytes, update->size};
        client_send(c, &message);
        c->process->values_out++;
    }
    q->count++;
}

static const struct update *asked_value(const struct query *q, const struct object *object)
{
    return q->type == WIRE_READ ? object->current : NULL;
}

static void answer_process(struct client *c, struct query *q, const struct process *p)
{
    struct buffer properties;
    struct wire_message message = {.type = WIRE_PROCESS_INFO, .request = q->request};
    struct wire_process_info *info = &message.as.process_info;
    info->id_number = p->id;
    info->process_name = slice_of(p->name);
    info->process_instance = p->instance;
    info->state = (uint8_t)p->state;
    info->program_version = slice_of(p->version);
    info->computer_name = slice_of(p->computer);
    info->os_process_id = p->os_process_id;
    info->address = slice_of(p->address);
    info->tls_version = slice_of(p->tls_version);
    info->verified = p->verified;
    info->since = p->since_ns;
    info->connection_sql_id = p->connection_sql_id;
    info->values_in = p->values_in;
    info->values_out = p->values_out;
    buffer_init(&properties, WIRE_LENGTH_MAX);
    if (p->instance != 0) {
        properties_put_u8(
            &properties, PROPERTY_INSTANCE_STATE,
            (uint8_t)(p->instance_state | (p->preferred ? WIRE_INSTANCE_PREFERRED : 0)));
    }
    if (p->user[0] != '\0') {
        properties_put(&properties, PROPERTY_USER, slice_of(p->user));
    }
    programs_put(c->kernel, p->name, &properties);
    info->properties =
        (struct slice){(const char *)buffer_data(&properties), buffer_size(&properties)};
    client_send(c, &message);
    buffer_free(&properties);
    q->count++;
}

static enum answered fail(struct client *c, const struct query *q, uint16_t code,
                          const char *sentence)
{
    client_send_failed(c, q->request, code, sentence);
    return ANSWERED_NO;
}

/* ---- history ---- */

/* One frame of changes. */
static enum answered answer_changes(struct client *c, struct query *q, const struct object *object)
{
    bool lost = false;
    size_t size = 0;
    struct buffer *frames = session_frames(net_link_session(c->link));
    const struct update *update = history_next(object, &q->changes, &lost);
    if (lost) {
        return fail(c, q, WIRE_CODE_BUSY,
                    "the object changed faster than its history was taken: ask again, or "
                    "for fewer changes");
    }
    if (update == NULL || frames == NULL) {
        return ANSWERED_ALL;
    }
    struct wire_open_frame frame = wire_begin(frames, WIRE_UPDATE, 0, q->request);
    while (update != NULL) {
        buffer_put(frames, update->bytes, update->size);
        size += update->size;
        c->process->values_out++;
        q->count++;
        update = size < DELIVERY_FRAME_SIZE ? history_next(object, &q->changes, &lost) : NULL;
    }
    delivery_close_frame(c, frames, frame);
    return ANSWERED_PART;
}

static enum answered answer_history(struct client *c, struct query *q)
{
    const struct object *object = plant_object(c->kernel->plant, q->hobj);
    if (object == NULL || !client_may_see(c, object)) {
        return fail(c, q, WIRE_CODE_NOT_FOUND,
                    "the object was deleted, or may not be seen any more");
    }
    if (!q->begun) {
        struct wire_message info = delivery_object_info(object, q->request);
        client_send(c, &info);
        q->begun = true;
        return ANSWERED_PART;
    }
    return answer_changes(c, q, object);
}

/* ---- snapshot ---- */

/* The object may have got other columns since the moment. */
static bool has_its_columns(const struct object *object, const struct update *update)
{
    struct cursor rest = cursor_of(update->bytes, update->size);
    uint32_t hobj;
    d2k_value value;
    return wire_value_decode(&rest, &hobj, &value, NULL) > 0 &&
           (value.type == D2K_TYPE_NONE ||
            table_check_columns(value.type, content_bytes(&value), plant_columns(object), NULL) ==
                D2K_OK);
}

static enum answered answer_snapshot(struct client *c, struct query *q)
{
    struct error err = {.text = ""};
    const struct update *update = NULL;
    if (!q->is_taken) {
        d2k_result rc = moment_step(q->moment, &err);
        q->is_taken = rc == D2K_OK;
        return q->is_taken || rc == D2K_AGAIN ? ANSWERED_PART
                                              : fail(c, q, client_code_of(rc), err.text);
    }
    struct object *object = moment_next(q->moment, &update);
    if (object == NULL) {
        return ANSWERED_ALL;
    }
    if (!content_is_table(object->type) || update == NULL || has_its_columns(object, update)) {
        answer_object(c, q, object, update);
    }
    return ANSWERED_PART;
}

/* ---- all questions ---- */

static bool is_asked_for(const struct client *c, const struct query *q, const struct object *object)
{
    return object != NULL && filter_passes(&q->filter, object) && client_may_see(c, object);
}

/* After those that are or were registered come the static ones that never were. */
static bool answer_static_process(struct client *c, struct query *q, struct slice pattern)
{
    struct process facts;
    size_t i = q->static_position++;
    if (i >= c->kernel->setup.processes->count) {
        return false;
    }
    programs_facts(c->kernel, i, &facts);
    if (text_matches(slice_of(facts.name), pattern) &&
        !programs_has_registered(c->kernel, slice_of(facts.name))) {
        answer_process(c, q, &facts);
    }
    return true;
}

static bool answer_next_process(struct client *c, struct query *q, struct slice pattern)
{
    const struct process *p = plant_process_at(c->kernel->plant, q->position);
    if (p == NULL) {
        return answer_static_process(c, q, pattern);
    }
    q->position++;
    if (text_matches(slice_of(p->name), pattern)) {
        answer_process(c, q, p);
    }
    return true;
}

/* Answers with the next thing that matches; false: the answer is complete. */
static bool answer_match(struct client *c, struct query *q, struct slice pattern)
{
    if (q->type == WIRE_LIST_PROCESSES) {
        return answer_next_process(c, q, pattern);
    }
    if (!text_is_pattern(pattern)) {
        struct object *object = plant_object_by_name(c->kernel->plant, pattern);
        if (is_asked_for(c, q, object)) {
            answer_object(c, q, object, asked_value(q, object));
        }
        return false;
    }
    struct object *object = plant_object_at(c->kernel->plant, q->position++);
    if (object != NULL && text_matches(slice_of(object->name), pattern) &&
        is_asked_for(c, q, object)) {
        answer_object(c, q, object, asked_value(q, object));
    }
    return q->position < plant_object_end(c->kernel->plant);
}

static enum answered answer_next(struct client *c, struct query *q)
{
    if (q->type == WIRE_HISTORY) {
        return answer_history(c, q);
    }
    if (q->type == WIRE_SNAPSHOT) {
        return answer_snapshot(c, q);
    }
    return answer_match(c, q, pattern_of(q)) ? ANSWERED_PART : ANSWERED_ALL;
}

static void send_done(struct client *c, const struct query *q)
{
    struct wire_message done = {.type = WIRE_DONE, .request = q->request};
    if (q->acknowledgement != NULL) {
        acknowledgement_answer(c, q->acknowledgement, q->request);
        return;
    }
    done.as.done.count = q->count;
    client_send(c, &done);
}

void queries_fill(struct client *c)
{
    struct query *q;
    unsigned looks = 0;
    while ((q = LIST_FIRST(&c->queries, struct query, link)) != NULL) {
        if (client_state(c) == CLIENT_GONE || !net_link_has_room(c->link)) {
            return;
        }
        if (looks++ == LOOKS_AT_ONCE) {
            net_link_wake(c->link);
            return;
        }
        enum answered answered = answer_next(c, q);
        if (answered == ANSWERED_ALL) {
            send_done(c, q);
        }
        if (answered != ANSWERED_PART) {
            drop(c, q, true);
        }
    }
}
