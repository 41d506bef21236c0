/* model/waiting.c: subscriptions that wait for objects that come later: plain names for the very
 * one, patterns for all that match. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/plant_private.h"

void awaited_forget(struct plant *plant, struct awaited_name *awaited)
{
    if (awaited != NULL && list_empty(&awaited->waiters)) {
        map_remove(&plant->awaited, slice_of(awaited->name));
        free(awaited);
    }
}

void waiting_stop(struct plant *plant, struct subscription *s)
{
    if (s->kind == SUBSCRIPTION_PATTERN) {
        stem_stop_waiting(plant, s->pattern);
        free(s->pattern);
    } else if (s->kind == SUBSCRIPTION_AWAITS) {
        struct awaited_name *awaited = s->awaiting->awaited;
        list_remove(&s->awaiting->waiter.waiting);
        free(s->awaiting);
        awaited_forget(plant, awaited);
    }
    s->kind = SUBSCRIPTION_NONE;
}

void waiting_end(struct subscription *s, struct object *object)
{
    list_remove(&s->awaiting->waiter.waiting);
    free(s->awaiting);
    s->kind = SUBSCRIPTION_NAME;
    s->object = object;
}

static struct awaited_name *awaited_obtain(struct plant *plant, struct slice name)
{
    struct awaited_name *awaited = map_get(&plant->awaited, name);
    if (awaited != NULL) {
        return awaited;
    }
    awaited = malloc(sizeof *awaited + name.size + 1);
    if (awaited == NULL) {
        return NULL;
    }
    list_init(&awaited->waiters);
    memcpy(awaited->name, name.data, name.size);
    awaited->name[name.size] = '\0';
    if (!map_add(&plant->awaited, (struct slice){awaited->name, name.size}, awaited)) {
        free(awaited);
        return NULL;
    }
    return awaited;
}

static void await(struct subscriber *subscriber, struct subscription *s, struct awaiting *awaiting,
                  struct awaited_name *awaited)
{
    awaiting->awaited = awaited;
    awaiting->waiter.subscriber = subscriber;
    awaiting->waiter.slot = subscription_slot(subscriber, s);
    list_append(&awaited->waiters, &awaiting->waiter.waiting);
    s->kind = SUBSCRIPTION_AWAITS;
    s->awaiting = awaiting;
}

d2k_result waiting_for_name(struct subscriber *subscriber, struct subscription *s,
                            struct slice name, struct error *err)
{
    struct awaiting *awaiting = malloc(sizeof *awaiting);
    struct awaited_name *awaited = awaited_obtain(subscriber->plant, name);
    if (awaiting == NULL || awaited == NULL) {
        free(awaiting);
        awaited_forget(subscriber->plant, awaited);
        return error_no_memory(err);
    }
    await(subscriber, s, awaiting, awaited);
    return D2K_OK;
}

d2k_result waiting_for_matching(struct subscriber *subscriber, struct subscription *s,
                                struct slice text, struct error *err)
{
    struct slice stem = stem_of_pattern(text);
    struct pattern *pattern = calloc(1, sizeof *pattern + text.size);
    if (pattern == NULL) {
        return error_no_memory(err);
    }
    pattern->waiter.subscriber = subscriber;
    pattern->waiter.slot = subscription_slot(subscriber, s);
    pattern->size = (uint32_t)text.size;
    memcpy(pattern->text, text.data, text.size);
    if (stem.size == 0) {
        list_append(&subscriber->plant->patterns, &pattern->waiter.waiting);
    } else if (stem_wait(subscriber->plant, pattern, stem, err) != D2K_OK) {
        free(pattern);
        return D2K_NO_MEMORY;
    }
    s->kind = SUBSCRIPTION_PATTERN;
    s->pattern = pattern;
    return D2K_OK;
}

/* ---- waiting again ---- */

void spares_free(struct plant *plant, struct spares *spares)
{
    LIST_EACH(&spares->waiters, at, following)
    {
        free(LIST_MEMBER(at, struct awaiting, waiter.waiting));
    }
    awaited_forget(plant, spares->awaited);
}

bool spares_begin(struct plant *plant, const struct object *object, struct spares *spares)
{
    list_init(&spares->waiters);
    spares->awaited = awaited_obtain(plant, object_name(object));
    return spares->awaited != NULL;
}

bool spares_add(struct spares *spares, const struct interest *interest)
{
    const struct subscriber *subscriber = interest->subscriber;
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        if (!subscription_names(&subscriber->subscriptions[i], interest->object)) {
            continue;
        }
        struct awaiting *awaiting = malloc(sizeof *awaiting);
        if (awaiting == NULL) {
            return false;
        }
        list_append(&spares->waiters, &awaiting->waiter.waiting);
    }
    return true;
}

void waiting_again(struct subscriber *subscriber, const struct object *object,
                   struct spares *spares)
{
    for (uint32_t i = 0; i < subscriber->slot_count; i++) {
        struct subscription *s = &subscriber->subscriptions[i];
        if (subscription_names(s, object)) {
            struct awaiting *awaiting =
                LIST_FIRST(&spares->waiters, struct awaiting, waiter.waiting);
            list_remove(&awaiting->waiter.waiting);
            await(subscriber, s, awaiting, spares->awaited);
        }
    }
}
