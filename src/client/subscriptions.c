/* client/subscriptions.c: what this client wants to be told; sent again on every link. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "wire/properties.h"

#define OPTIONS_BYTES_MAX 64u /* as properties */

void subscriptions_init(struct subscriptions *subscriptions)
{
    list_init(&subscriptions->all);
}

static void subscription_free(struct subscriptions *subscriptions,
                              struct subscription *subscription)
{
    list_remove(&subscription->link);
    list_remove(&subscription->request.link);
    subscriptions->count--;
    free(subscription);
}

void subscriptions_free(struct subscriptions *subscriptions)
{
    LIST_EACH(&subscriptions->all, at, following)
    {
        subscription_free(subscriptions, LIST_MEMBER(at, struct subscription, link));
    }
}

static void put_options(struct buffer *out, const d2k_subscription_options *options)
{
    if (options->min_interval_ms > 0) {
        properties_put_u32(out, PROPERTY_MIN_INTERVAL, options->min_interval_ms);
    }
    if (options->has_dead_band) {
        properties_put_f64(out, PROPERTY_DEAD_BAND, options->dead_band);
    }
}

static void send_subscribe(d2k_client *client, struct subscription *subscription)
{
    struct wire_message message = {.type = WIRE_SUBSCRIBE, .request = subscription->number};
    const d2k_subscription_options *options = &subscription->options;
    struct buffer properties;
    buffer_init(&properties, OPTIONS_BYTES_MAX);
    put_options(&properties, options);
    message.as.subscribe.subscription = subscription->wire_number;
    message.as.subscribe.mode =
        options->mode == D2K_EVERY ? (uint8_t)WIRE_MODE_EVERY : (uint8_t)WIRE_MODE_LATEST;
    message.as.subscribe.pattern = slice_of(subscription->pattern);
    message.as.subscribe.properties =
        (struct slice){(const char *)buffer_data(&properties), buffer_size(&properties)};
    requests_begin(&client->requests, &subscription->request, REQUEST_SUBSCRIBE,
                   subscription->number);
    if (buffer_failed(&properties)) {
        client_fail(client, D2K_NO_MEMORY, "out of memory");
    } else {
        link_send(client, &message);
    }
    buffer_free(&properties);
}

void subscriptions_registered(d2k_client *client)
{
    LIST_EACH(&client->subscriptions.all, at, following)
    {
        if (client_state(client) != CLIENT_REGISTERED) {
            return;
        }
        send_subscribe(client, LIST_MEMBER(at, struct subscription, link));
    }
}

static bool is_pattern_text(const char *pattern)
{
    size_t size = pattern == NULL ? 0 : strlen(pattern);
    return size >= 1 && size <= WIRE_PATTERN_MAX && text_is_utf8(slice_of(pattern));
}

static d2k_result check_options(d2k_client *client, const d2k_subscription_options *options)
{
    bool leaves_out = options->min_interval_ms > 0 || options->has_dead_band;
    if (options->size != sizeof *options ||
        (options->mode != D2K_LATEST && options->mode != D2K_EVERY)) {
        return client_refuse(client, D2K_ARGUMENT, "subscribe: the size or the mode is none");
    }
    if (options->min_interval_ms > D2K_INTERVAL_MAX_MS) {
        return client_refuse(client, D2K_ARGUMENT, "subscribe: an interval has at most %u ms",
                             D2K_INTERVAL_MAX_MS);
    }
    if (options->has_dead_band && (!isfinite(options->dead_band) || options->dead_band < 0)) {
        return client_refuse(client, D2K_ARGUMENT,
                             "subscribe: a dead band is a finite number, 0 or more");
    }
    return leaves_out && options->mode == D2K_EVERY
               ? client_refuse(client, D2K_ARGUMENT,
                               "subscribe: an interval or a dead band leaves values out, and the "
                               "mode every leaves out none")
               : D2K_OK;
}

d2k_result d2k_subscribe_with(d2k_client *client, const char *pattern,
                              const d2k_subscription_options *options, uint64_t *ret_request)
{
    struct subscriptions *all = &client->subscriptions;
    d2k_result result = check_options(client, options);
    if (result != D2K_OK) {
        return result;
    }
    if (!is_pattern_text(pattern)) {
        return client_refuse(client, D2K_ARGUMENT,
                             "subscribe: a pattern of 1..%u bytes UTF-8 is needed",
                             WIRE_PATTERN_MAX);
    }
    if (client_state(client) == CLIENT_ENDED) {
        return client_refuse(client, client->end.code, "%s", client->end.text);
    }
    if (all->count >= CLIENT_SUBSCRIPTIONS_MAX || all->last_wire_number == UINT32_MAX) {
        return client_refuse(client, D2K_LIMIT, "more than %u subscriptions",
                             CLIENT_SUBSCRIPTIONS_MAX);
    }
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    if (subscription == NULL) {
        return error_no_memory(&client->error);
    }
    (void)text_copy(subscription->pattern, sizeof(subscription->pattern), pattern);
    subscription->options = *options;
    subscription->wire_number = ++all->last_wire_number;
    subscription->number = requests_new_number(&client->requests);
    list_init(&subscription->request.link);
    list_append(&all->all, &subscription->link);
    all->count++;
    if (ret_request != NULL) {
        *ret_request = subscription->number;
    }
    if (client_state(client) == CLIENT_REGISTERED) {
        send_subscribe(client, subscription);
    }
    return D2K_OK;
}

d2k_result d2k_subscribe(d2k_client *client, const char *pattern, d2k_mode mode,
                         uint64_t *ret_request)
{
    const d2k_subscription_options options = {.size = sizeof options, .mode = mode};
    return d2k_subscribe_with(client, pattern, &options, ret_request);
}

d2k_result d2k_unsubscribe(d2k_client *client, uint64_t request)
{
    LIST_EACH(&client->subscriptions.all, at, following)
    {
        struct subscription *subscription = LIST_MEMBER(at, struct subscription, link);
        if (subscription->number == request) {
            struct wire_message message = {.type = WIRE_UNSUBSCRIBE};
            message.as.unsubscribe.subscription = subscription->wire_number;
            subscription_free(&client->subscriptions, subscription);
            if (client_state(client) == CLIENT_REGISTERED) {
                link_send(client, &message);
            }
            return D2K_OK;
        }
    }
    return client_refuse(client, D2K_NOT_FOUND, "unsubscribe: there is no subscription %llu",
                         (unsigned long long)request);
}

uint64_t subscriptions_number(const d2k_client *client, uint32_t wire_number)
{
    LIST_EACH(&client->subscriptions.all, at, following)
    {
        const struct subscription *subscription = LIST_MEMBER(at, struct subscription, link);
        if (subscription->wire_number == wire_number) {
            return subscription->number;
        }
    }
    return 0;
}

void subscriptions_refused(d2k_client *client, struct request *request, char *ret_pattern,
                           size_t size)
{
    struct subscription *subscription = LIST_MEMBER(request, struct subscription, request);
    (void)text_copy(ret_pattern, size, subscription->pattern);
    subscription_free(&client->subscriptions, subscription);
}
