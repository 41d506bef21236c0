/* client/subscriptions.c: what this client wants to be told; sent again on every link. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"

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

static void send_subscribe(d2k_client *client, struct subscription *subscription)
{
    struct wire_message message = {.type = WIRE_SUBSCRIBE, .request = subscription->number};
    message.as.subscribe.subscription = subscription->wire_number;
    message.as.subscribe.mode =
        subscription->mode == D2K_EVERY ? (uint8_t)WIRE_MODE_EVERY : (uint8_t)WIRE_MODE_LATEST;
    message.as.subscribe.pattern = slice_of(subscription->pattern);
    requests_begin(&client->requests, &subscription->request, REQUEST_SUBSCRIBE,
                   subscription->number);
    link_send(client, &message);
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

d2k_result d2k_subscribe(d2k_client *client, const char *pattern, d2k_mode mode,
                         uint64_t *ret_request)
{
    struct subscriptions *all = &client->subscriptions;
    if (!is_pattern_text(pattern) || (mode != D2K_LATEST && mode != D2K_EVERY)) {
        return client_refuse(client, D2K_ARGUMENT,
                             "subscribe: a pattern of 1..%u bytes UTF-8 and a mode are needed",
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
    subscription->mode = mode;
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
