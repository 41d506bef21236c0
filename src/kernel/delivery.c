/* What a client has subscribed to: taken from the plant while there is room, many values to a
 * frame. */
#include "kernel/kernel.h"
#include "model/pace.h"
#include "wire/properties.h"

/* What the properties of a Subscribe say; an empty rule: nothing. */
static d2k_result take_pace(const struct wire_subscribe *s, struct pace_rule *ret_rule,
                            struct error *err)
{
    struct slice bytes;
    d2k_result rc = properties_check(s->properties, err);
    *ret_rule = (struct pace_rule){0};
    if (rc != D2K_OK) {
        return rc;
    }
    if (properties_find(s->properties, PROPERTY_MIN_INTERVAL, &bytes) &&
        !property_u32(bytes, &ret_rule->interval_ms)) {
        return error_set(err, D2K_ARGUMENT, "a minimum interval is a number of four bytes");
    }
    ret_rule->has_dead_band = properties_find(s->properties, PROPERTY_DEAD_BAND, &bytes);
    if (ret_rule->has_dead_band && !property_f64(bytes, &ret_rule->dead_band)) {
        return error_set(err, D2K_ARGUMENT, "a dead band is a finite number of eight bytes");
    }
    if (pace_is_empty(ret_rule)) {
        return D2K_OK;
    }
    return s->mode == WIRE_MODE_LATEST
               ? pace_check(ret_rule, err)
               : error_set(
                     err, D2K_ARGUMENT,
                     "a minimum interval or a dead band leaves values out, and the mode every "
                     "leaves out none");
}

static d2k_result subscribe(struct client *c, const struct wire_message *message,
                            const struct pace_rule *rule, struct error *err)
{
    const struct wire_subscribe *s = &message->as.subscribe;
    if (pace_is_empty(rule)) {
        return subscriber_subscribe(c->subscriber, s->subscription, message->request,
                                    s->mode == WIRE_MODE_EVERY, s->pattern, err);
    }
    return subscriber_subscribe_paced(c->subscriber, s->subscription, message->request, rule,
                                      s->pattern, err);
}

void delivery_subscribe(struct client *c, const struct wire_message *message)
{
    const struct wire_subscribe *s = &message->as.subscribe;
    struct error err = {0};
    if (s->mode != WIRE_MODE_LATEST && s->mode != WIRE_MODE_EVERY) {
        client_send_failed(c, message->request, WIRE_CODE_BAD_VALUE,
                           "the mode is neither latest nor every");
        return;
    }
    const char *why_not = "";
    if (!client_may_ask_for(c, s->pattern, &why_not)) {
        client_send_failed(c, message->request, WIRE_CODE_NO_RIGHT, why_not);
        return;
    }
    struct pace_rule rule;
    d2k_result rc = take_pace(s, &rule, &err);
    if (rc == D2K_OK) {
        rc = subscribe(c, message, &rule, &err);
    }
    if (rc != D2K_OK) {
        client_send_failed(c, message->request,
                           rc == D2K_EXISTS ? WIRE_CODE_BAD_VALUE : client_code_of(rc), err.text);
        return;
    }
    net_link_wake(c->link);
}

void delivery_unsubscribe(struct client *c, const struct wire_message *message)
{
    if (!subscriber_unsubscribe(c->subscriber, message->as.unsubscribe.subscription)) {
        client_send_failed(c, message->request, WIRE_CODE_NOT_FOUND,
                           "there is no such subscription");
        return;
    }
    struct wire_message done = {.type = WIRE_DONE, .request = message->request};
    client_send(c, &done);
}

struct wire_message delivery_object_info(const struct object *object, uint64_t request)
{
    struct wire_message message = {.type = WIRE_OBJECT_INFO, .request = request};
    struct wire_object_info *info = &message.as.object_info;
    info->hobj = object->hobj;
    info->type = (uint8_t)object->type;
    info->name = slice_of(object->name);
    info->properties = (struct slice){object->properties, object->properties_size};
    info->description = slice_of(object->description);
    info->unit = slice_of(object->unit);
    info->owner = slice_of(object->owner);
    return message;
}

static void send_delivery(struct client *c, const struct delivery *d)
{
    struct wire_message message = {.request = d->request};
    switch (d->kind) {
    case DELIVERY_SNAPSHOT_BEGIN:
        message.type = WIRE_SNAPSHOT_BEGIN;
        message.as.snapshot_begin.subscription = d->subscription;
        break;
    case DELIVERY_SNAPSHOT_END:
        message.type = WIRE_SNAPSHOT_END;
        message.as.snapshot_end.subscription = d->subscription;
        message.as.snapshot_end.count = d->count;
        break;
    case DELIVERY_OVERRUN:
        message.type = WIRE_OVERRUN;
        message.as.overrun.subscription = d->subscription;
        message.as.overrun.lost = d->count;
        break;
    case DELIVERY_OBJECT:
        message = delivery_object_info(d->object, 0);
        break;
    case DELIVERY_GONE:
        message.type = WIRE_OBJECT_GONE;
        message.as.object_gone.hobj = d->hobj;
        break;
    case DELIVERY_NO_MEMORY:
        net_link_end(c->link, WIRE_BYE, WIRE_CODE_LIMIT, 0,
                     "the kernel has no memory for what this process has subscribed to");
        return;
    case DELIVERY_UPDATE:
    case DELIVERY_LATER:
    case DELIVERY_NONE:
        return;
    }
    client_send(c, &message);
}

void delivery_close_frame(struct client *c, struct buffer *frames, struct wire_open_frame frame)
{
    if (wire_end(frames, frame) != D2K_OK) {
        net_link_end(c->link, WIRE_BYE, WIRE_CODE_LIMIT, 0,
                     "the client takes its values too slowly");
    }
}

/* Puts one value after the other into a frame until something else comes (then it is in *next) or
 * the frame is large enough. */
static void send_updates(struct client *c, struct buffer *frames, struct delivery *next)
{
    struct wire_open_frame frame = wire_begin(frames, WIRE_UPDATE, 0, 0);
    size_t size = 0;
    while (next->kind == DELIVERY_UPDATE) {
        buffer_put(frames, next->bytes.data, next->bytes.size);
        size += next->bytes.size;
        c->process->values_out += next->count;
        next->kind = DELIVERY_NONE;
        if (size < DELIVERY_FRAME_SIZE) {
            subscriber_next(c->subscriber, next);
        }
    }
    delivery_close_frame(c, frames, frame);
}

void delivery_fill(struct client *c)
{
    struct buffer *frames = session_frames(net_link_session(c->link));
    struct delivery next = {.kind = DELIVERY_NONE};
    while (frames != NULL && client_state(c) != CLIENT_GONE) {
        if (next.kind == DELIVERY_NONE && net_link_has_room(c->link)) {
            subscriber_next(c->subscriber, &next);
        }
        if (next.kind == DELIVERY_LATER) {
            net_link_wake(c->link); /* in the next turn */
            return;
        }
        if (next.kind == DELIVERY_NONE) {
            return;
        }
        if (next.kind == DELIVERY_UPDATE) {
            send_updates(c, frames, &next);
        } else {
            send_delivery(c, &next);
            next.kind = DELIVERY_NONE;
        }
    }
}
