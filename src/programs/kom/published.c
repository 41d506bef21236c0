/* programs/kom/published.c: from samples to objects of the kernel. */
#include "programs/kom/published.h"

#include <stdio.h>
#include <string.h>

#define COMPONENT "KOM"

void published_begin(struct published *published, int64_t time_ns)
{
    published->time_ns = time_ns;
    for (size_t i = 0; i < published->count; i++) {
        published->objects[i].seen = false;
    }
}

static void declare(struct published *published, struct published_object *object,
                    const struct sample *sample)
{
    char name[D2K_OBJECT_NAME_MAX + SAMPLE_NAME_MAX + 2];
    (void)snprintf(name, sizeof name, "%.64s.%s", published->prefix, sample->name);
    d2k_result result = d2k_define(published->client, name, sample->type, sample->description,
                                   sample->unit, &object->object);
    if (result != D2K_OK) {
        object->object = NULL;
        log_write(published->log, LOG_ERROR, COMPONENT, "Object %s: %s; it is left out.", name,
                  d2k_client_error_text(published->client));
    }
}

static struct published_object *find(struct published *published, const struct sample *sample)
{
    for (size_t i = 0; i < published->count; i++) {
        if (strcmp(published->objects[i].name, sample->name) == 0) {
            return &published->objects[i];
        }
    }
    if (published->count == PUBLISHED_MAX) {
        if (!published->full_logged) {
            log_write(published->log, LOG_WARNING, COMPONENT,
                      "This machine has more than %u measurements; the others are left out.",
                      PUBLISHED_MAX);
        }
        published->full_logged = true;
        return NULL;
    }
    struct published_object *object = &published->objects[published->count++];
    (void)snprintf(object->name, sizeof object->name, "%s", sample->name);
    object->type = sample->type;
    declare(published, object, sample);
    return object;
}

static void publish(struct published *published, struct published_object *object, d2k_value value)
{
    if (object->object == NULL) {
        return;
    }
    value.time_ns = published->time_ns;
    object->valid = (value.status & D2K_STATUS_VALID) != 0;
    d2k_result result = d2k_publish(object->object, &value);
    /* Over the limit: the link does not drain. The next period has newer values. */
    if (result != D2K_OK && result != D2K_LIMIT) {
        log_write(published->log, LOG_ERROR, COMPONENT,
                  "%s.%s was not published: %s; the next period tries again.", published->prefix,
                  object->name, d2k_result_text(result));
    }
}

void published_put(void *context, const struct sample *sample)
{
    struct published *published = context;
    struct published_object *object = find(published, sample);
    /* Two things whose names differ only in what is not allowed: the first counts. */
    if (object != NULL && !object->seen) {
        object->seen = true;
        publish(published, object, sample->value);
    }
}

void published_end(struct published *published)
{
    for (size_t i = 0; i < published->count; i++) {
        struct published_object *object = &published->objects[i];
        if (!object->seen && object->valid) {
            publish(published, object, sample_invalid(object->type));
        }
    }
}
