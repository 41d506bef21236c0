/* client/requests.c: questions that wait for an answer, found by their number.
 *
 * Answers come mostly in the order of the questions, so the search from the front is short. A
 * question about an object or a subscription stands in it; the others are allocated alone. */
#include <stdlib.h>

#include "client/client.h"

static bool stands_alone(const struct request *request)
{
    return request->kind != REQUEST_DEFINE && request->kind != REQUEST_SUBSCRIBE;
}

void requests_init(struct requests *requests)
{
    requests->last_number = 0;
    requests->single_count = 0;
    list_init(&requests->pending);
    list_init(&requests->abandoned);
}

static void free_all(struct list *head)
{
    LIST_EACH(head, at, following)
    {
        struct request *request = LIST_MEMBER(at, struct request, link);
        list_remove(at);
        if (stands_alone(request)) {
            free(request);
        }
    }
}

void requests_free(struct requests *requests)
{
    free_all(&requests->pending);
    free_all(&requests->abandoned);
}

uint64_t requests_new_number(struct requests *requests)
{
    return ++requests->last_number;
}

void requests_begin(struct requests *requests, struct request *request, enum request_kind kind,
                    uint64_t number)
{
    request->number = number;
    request->kind = kind;
    list_append(&requests->pending, &request->link);
    if (stands_alone(request)) {
        requests->single_count++;
    }
}

struct request *requests_find(struct requests *requests, uint64_t number)
{
    LIST_EACH(&requests->pending, at, following)
    {
        struct request *request = LIST_MEMBER(at, struct request, link);
        if (request->number == number) {
            return request;
        }
    }
    return NULL;
}

void requests_finish(struct requests *requests, struct request *request)
{
    list_remove(&request->link);
    if (stands_alone(request)) {
        requests->single_count--;
        free(request);
    }
}

void requests_abandon(struct requests *requests)
{
    LIST_EACH(&requests->pending, at, following)
    {
        struct request *request = LIST_MEMBER(at, struct request, link);
        list_remove(at);
        if (stands_alone(request)) {
            list_append(&requests->abandoned, at);
        }
    }
    requests->single_count = 0;
}

uint64_t requests_take_abandoned(struct requests *requests)
{
    struct request *request = LIST_FIRST(&requests->abandoned, struct request, link);
    if (request == NULL) {
        return 0;
    }
    uint64_t number = request->number;
    list_remove(&request->link);
    free(request);
    return number;
}
