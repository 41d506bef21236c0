/* Many clients that connect, register, and then stay or leave. */
#include "crowd.h"

#include <stdlib.h>

#include "measure.h"

struct client *crowd_clients(const char *protocol, unsigned count, unsigned first_number)
{
    struct client *clients = calloc(count, sizeof *clients);
    const struct protocol *found = protocol_find(protocol);
    if (clients == NULL || found == NULL) {
        fail("no memory, or no protocol \"%s\"", protocol);
    }
    for (unsigned i = 0; i < count; i++) {
        clients[i].protocol = found;
        clients[i].number = first_number + i;
        clients[i].fd = -1;
    }
    return clients;
}

static void count_failure(struct crowd *crowd, struct client *c)
{
    c->counted = true;
    crowd->failed++;
    if (crowd->why == NULL) {
        crowd->why = c->why;
    }
}

/* Looks whether a client has come further. */
static void follow(struct crowd *crowd, struct client *c)
{
    if (c->counted) {
        return;
    }
    if (c->state == CLIENT_REGISTERED && !c->welcomed) {
        c->welcomed = true;
        if (crowd->leave) {
            client_leave(c);
        } else if (crowd->welcome != NULL) {
            crowd->welcome(c);
            client_flush(c);
        }
    }
    if (c->state == CLIENT_FAILED) {
        count_failure(crowd, c);
    } else if (crowd->leave ? c->state == CLIENT_LEFT
                            : c->state == CLIENT_REGISTERED && c->answers_missing == 0) {
        c->counted = true;
        crowd->done++;
    }
}

unsigned crowd_open(struct crowd *crowd, double limit_s)
{
    uint64_t end_ns = now_ns() + (uint64_t)(limit_s * 1e9);
    crowd->next = crowd->done = crowd->failed = crowd->first_open = 0;
    while (crowd->done + crowd->failed < crowd->count && now_ns() < end_ns) {
        while (crowd->next < crowd->count &&
               crowd->next - crowd->done - crowd->failed < crowd->at_once) {
            client_start(&crowd->clients[crowd->next++], crowd->epoll, crowd->port);
        }
        (void)clients_pump(crowd->epoll, 20000000);
        for (unsigned i = crowd->first_open; i < crowd->next; i++) {
            follow(crowd, &crowd->clients[i]);
            if (i == crowd->first_open && crowd->clients[i].counted) {
                crowd->first_open++;
            }
        }
    }
    return crowd->done;
}

void crowd_open_all(struct crowd *crowd, double limit_s)
{
    unsigned done = crowd_open(crowd, limit_s);
    if (done < crowd->count) {
        fail("only %u of %u clients got through, %u failed: %s", done, crowd->count, crowd->failed,
             crowd->why != NULL ? crowd->why : "too slow");
    }
}
