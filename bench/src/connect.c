/* Connections as load: handshakes one after the other (rate), all clients at once (storm), many
 * that stay (hold). One thread; prints one line of JSON. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "crowd.h"
#include "measure.h"

#define SETTLE_NS 1500000000u

static const char *mode = "rate", *protocol = "none", *pids = "";
static double port, clients_wanted = 16, seconds = 3, warm_s = 0.3, limit_s = 90, tickets,
                    subscriptions, at_once = 32;

static void print_string(const char *name, const char *text)
{
    printf("\"%s\":\"", name);
    for (; text != NULL && *text != '\0'; text++) {
        putchar(*text == '"' || *text == '\\' || *text < ' ' ? '\'' : *text);
    }
    printf("\"");
}

/* ---- rate ---- */

struct rate_counts {
    uint64_t handshakes, resumed, failed;
    struct latencies latencies;
    const char *why;
};

static void follow_slot(struct client *c, int epoll, bool counting, struct rate_counts *counts)
{
    if (c->state == CLIENT_REGISTERED) {
        client_leave(c);
    }
    if (c->state == CLIENT_FAILED) {
        counts->failed++;
        counts->why = c->why;
    }
    if (c->state == CLIENT_LEFT && counting) {
        counts->handshakes++;
        counts->resumed += c->resumed;
        latencies_add(&counts->latencies, c->handshaken_ns - c->started_ns);
    }
    if (c->state == CLIENT_LEFT || c->state == CLIENT_FAILED) {
        client_close(c);
        client_start(c, epoll, (int)port);
    }
}

static void run_rate(int epoll)
{
    unsigned count = (unsigned)clients_wanted;
    struct client *slots = crowd_clients(protocol, count, 0);
    struct rate_counts counts = {0};
    struct usage from = {0};
    uint64_t begin_ns = now_ns(), measure_ns = begin_ns + (uint64_t)(warm_s * 1e9);
    uint64_t end_ns = measure_ns + (uint64_t)(seconds * 1e9);
    for (unsigned i = 0; i < count; i++) {
        client_start(&slots[i], epoll, (int)port);
    }
    while (now_ns() < end_ns && counts.failed < 1000) {
        if (from.at_ns == 0 && now_ns() >= measure_ns) {
            from = usage_now(pids);
        }
        (void)clients_pump(epoll, 100000000);
        for (unsigned i = 0; i < count; i++) {
            follow_slot(&slots[i], epoll, from.at_ns != 0, &counts);
        }
    }
    struct usage to = usage_now(pids);
    printf("{");
    usage_print(&from, &to);
    latencies_print(&counts.latencies, "handshake");
    printf("\"handshakes\":%lu,\"resumed\":%lu,\"failed\":%lu,", (unsigned long)counts.handshakes,
           (unsigned long)counts.resumed, (unsigned long)counts.failed);
    print_string("why", counts.why);
    printf("}\n");
}

/* ---- storm ---- */

/* Every client gets a ticket of its own, then has left. */
static void fetch_tickets(struct crowd *storm)
{
    struct crowd first = *storm;
    first.leave = true;
    first.at_once = (unsigned)at_once;
    crowd_open_all(&first, limit_s);
    for (unsigned i = 0; i < first.count; i++) {
        client_close(&first.clients[i]);
    }
}

static void run_storm(int epoll)
{
    unsigned count = (unsigned)clients_wanted;
    struct crowd storm = {.clients = crowd_clients(protocol, count, 0),
                          .count = count,
                          .at_once = count,
                          .epoll = epoll,
                          .port = (int)port};
    struct latencies handshakes = {0}, answers = {0};
    unsigned long resumed = 0;
    if (tickets != 0) {
        fetch_tickets(&storm);
    }
    struct usage from = usage_now(pids);
    unsigned done = crowd_open(&storm, limit_s);
    struct usage to = usage_now(pids);
    for (unsigned i = 0; i < count; i++) {
        const struct client *c = &storm.clients[i];
        resumed += c->resumed;
        if (c->handshaken_ns != 0) {
            latencies_add(&handshakes, c->handshaken_ns - from.at_ns);
        }
        if (c->registered_ns != 0) {
            latencies_add(&answers, c->registered_ns - from.at_ns);
        }
    }
    printf("{");
    usage_print(&from, &to);
    latencies_print(&handshakes, "handshake");
    latencies_print(&answers, "answer");
    printf("\"clients\":%u,\"registered\":%u,\"failed\":%u,\"unfinished\":%u,\"resumed\":%lu,",
           count, done, storm.failed, count - done - storm.failed, resumed);
    print_string("why", storm.why);
    printf("}\n");
}

/* ---- hold ---- */

static void subscribe(struct client *c)
{
    if (c->protocol->subscribe != NULL) {
        c->protocol->subscribe(c, 0, (unsigned)subscriptions);
    }
}

static void define(struct client *c)
{
    if (c->protocol->define != NULL) {
        c->protocol->define(c, 0, (unsigned)subscriptions);
    }
    subscribe(c);
}

static void pump_for(int epoll, uint64_t duration_ns)
{
    for (uint64_t end = now_ns() + duration_ns; now_ns() < end;) {
        (void)clients_pump(epoll, 50000000);
    }
}

static void run_hold(int epoll)
{
    unsigned count = (unsigned)clients_wanted, held = 0;
    /* the first one defines, and makes the server touch what it needs only once */
    struct crowd first = {.clients = crowd_clients(protocol, 1, count),
                          .count = 1,
                          .at_once = 1,
                          .epoll = epoll,
                          .port = (int)port,
                          .welcome = define};
    first.clients->publishes = true;
    crowd_open_all(&first, 10);
    struct crowd crowd = {.clients = crowd_clients(protocol, count, 0),
                          .count = count,
                          .at_once = (unsigned)at_once,
                          .epoll = epoll,
                          .port = (int)port,
                          .welcome = subscribe};
    long before_kib = rss_kib_of(pids);
    struct usage from = usage_now(pids);
    (void)crowd_open(&crowd, limit_s);
    struct usage to = usage_now(pids);
    pump_for(epoll, SETTLE_NS);
    for (unsigned i = 0; i < count; i++) {
        held += crowd.clients[i].state == CLIENT_REGISTERED;
    }
    long after_kib = rss_kib_of(pids);
    printf("{");
    usage_print(&from, &to);
    printf("\"held\":%u,\"failed\":%u,\"rss_before_kib\":%ld,\"rss_after_kib\":%ld,"
           "\"kib_each\":%.3f,",
           held, crowd.failed, before_kib, after_kib,
           held > 0 ? (double)(after_kib - before_kib) / held : 0);
    print_string("why", crowd.why);
    printf("}\n");
}

int main(int argc, char **argv)
{
    const struct option_entry table[] = {
        {"mode", &mode, NULL},
        {"protocol", &protocol, NULL},
        {"pids", &pids, NULL},
        {"port", NULL, &port},
        {"clients", NULL, &clients_wanted},
        {"seconds", NULL, &seconds},
        {"warm", NULL, &warm_s},
        {"limit", NULL, &limit_s},
        {"tickets", NULL, &tickets},
        {"subscriptions", NULL, &subscriptions},
        {"at-once", NULL, &at_once},
        {0},
    };
    options_parse(argc, argv, table);
    (void)signal(SIGPIPE, SIG_IGN);
    clients_init(tickets != 0);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (strcmp(mode, "rate") == 0) {
        run_rate(epoll);
    } else if (strcmp(mode, "storm") == 0) {
        run_storm(epoll);
    } else if (strcmp(mode, "hold") == 0) {
        run_hold(epoll);
    } else {
        fail("mode \"%s\" is none", mode);
    }
    return 0;
}
