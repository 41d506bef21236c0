/* Many objects of one publisher, many subscribers by pattern: memory, time to subscribe, and what
 * one update costs. Each subscriber reads one of 100 areas, so with 1,000 subscribers every object
 * has 10 readers whatever the number of objects. Prints one line of JSON. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "crowd.h"
#include "measure.h"

#define DEFINE_AT_ONCE 1000u
#define BATCH          64u
#define PERIOD_NS      1000000u
#define LIMIT_S        120

static const char *pids = "";
static double port, objects = 1000, subscribers = 1000, seconds = 1;
static int epoll;
static uint64_t received;
static uint64_t sequence;

static void on_value(struct client *c, uint64_t stamp_ns, uint64_t number, uint32_t hobj)
{
    (void)c, (void)stamp_ns, (void)number, (void)hobj;
    received++;
}

static void wait_answers(struct client *c)
{
    client_flush(c);
    for (uint64_t end = now_ns() + LIMIT_S * 1000000000ull; c->answers_missing > 0;) {
        (void)clients_pump(epoll, 10000000);
        if (c->state == CLIENT_FAILED || now_ns() > end) {
            fail("the publisher waits for answers: %s", c->why);
        }
    }
}

/* All that was published has been taken when a later question is answered. */
static void wait_taken(struct client *publisher)
{
    publisher->protocol->define(publisher, 0, 1);
    wait_answers(publisher);
}

static void make_objects(struct client *publisher)
{
    unsigned count = (unsigned)objects;
    for (unsigned first = 0; first < count; first += DEFINE_AT_ONCE) {
        unsigned left = count - first;
        publisher->protocol->define(publisher, first,
                                    left < DEFINE_AT_ONCE ? left : DEFINE_AT_ONCE);
        wait_answers(publisher);
    }
    for (unsigned i = 0; i < count; i += BATCH) {
        publisher->protocol->publish(publisher, 0, sequence + 1, BATCH);
        sequence += BATCH;
        client_flush(publisher);
        if (buffer_size(&publisher->out) > 0) {
            wait_taken(publisher);
        }
    }
    wait_taken(publisher);
}

static void subscribe(struct client *c)
{
    d2k_subscribe_area(c, c->number % D2K_AREAS);
}

/* Registered subscribers subscribe, 50 at a time, until all have their snapshot. */
static void subscribe_all(struct client *readers, unsigned count)
{
    unsigned next = 0, first_open = 0;
    uint64_t end = now_ns() + LIMIT_S * 1000000000ull;
    while (first_open < count && now_ns() < end) {
        while (next < count && next - first_open < 50) {
            subscribe(&readers[next]);
            client_flush(&readers[next++]);
        }
        (void)clients_pump(epoll, 10000000);
        while (first_open < next && readers[first_open].answers_missing == 0) {
            first_open++;
        }
        if (first_open < count && readers[first_open].state == CLIENT_FAILED) {
            fail("subscriber %u: %s", first_open, readers[first_open].why);
        }
    }
    if (first_open < count) {
        fail("only %u of %u snapshots came", first_open, count);
    }
}

/* Publishes a batch each millisecond, so that no two of them are gathered into one write; returns
 * the number of updates. */
static uint64_t update(struct client *publisher, double duration_s)
{
    uint64_t fan = (uint64_t)subscribers / D2K_AREAS, count = 0, before = received;
    uint64_t next = now_ns(), end = next + (uint64_t)(duration_s * 1e9);
    while (next < end) {
        if (now_ns() < next || received - before < count * fan) {
            (void)clients_pump(epoll, 100000);
            if (now_ns() > end + LIMIT_S * 1000000000ull) {
                fail("%lu of %lu deliveries came", (unsigned long)(received - before),
                     (unsigned long)(count * fan));
            }
            continue;
        }
        publisher->protocol->publish(publisher, 0, sequence + 1, BATCH);
        client_flush(publisher);
        sequence += BATCH;
        count += BATCH;
        next += PERIOD_NS;
    }
    return count;
}

int main(int argc, char **argv)
{
    const struct option_entry table[] = {
        {"pids", &pids, NULL},       {"port", NULL, &port},
        {"objects", NULL, &objects}, {"subscribers", NULL, &subscribers},
        {"seconds", NULL, &seconds}, {0},
    };
    options_parse(argc, argv, table);
    if (objects > TOPICS_MAX || (unsigned)objects % D2K_AREAS != 0 ||
        (unsigned)subscribers % D2K_AREAS != 0) {
        fail("at most %u objects; objects and subscribers in whole hundreds", TOPICS_MAX);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    clients_init(false);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    unsigned count = (unsigned)subscribers;
    struct client *publisher = crowd_clients("d2k", 1, count);
    struct client *readers = crowd_clients("d2k", count, 0);
    publisher->on_value = on_value;
    publisher->publishes = true;
    for (unsigned i = 0; i < count; i++) {
        readers[i].on_value = on_value;
    }
    struct crowd first = {
        .clients = publisher, .count = 1, .at_once = 1, .epoll = epoll, .port = (int)port};
    struct crowd others = {
        .clients = readers, .count = count, .at_once = 16, .epoll = epoll, .port = (int)port};
    crowd_open_all(&first, 10);
    crowd_open_all(&others, LIMIT_S);

    long empty_kib = rss_kib_of(pids);
    struct usage begin = usage_now(pids);
    make_objects(publisher);
    struct usage defined = usage_now(pids);
    long defined_kib = rss_kib_of(pids);
    subscribe_all(readers, count);
    struct usage subscribed = usage_now(pids);
    long subscribed_kib = rss_kib_of(pids);
    (void)update(publisher, 0.2);
    struct usage from = usage_now(pids);
    uint64_t updates = update(publisher, seconds);
    struct usage to = usage_now(pids);
    printf("{");
    usage_print(&from, &to);
    printf("\"objects\":%.0f,\"subscribers\":%.0f,\"updates\":%lu,\"update_us\":%.3f,"
           "\"define_us\":%.3f,\"subscribe_s\":%.4f,\"subscribe_cpu_s\":%.4f,"
           "\"objects_kib\":%ld,\"subscriptions_kib\":%ld}\n",
           objects, subscribers, (unsigned long)updates,
           1e6 * (to.server_s - from.server_s) / (double)updates,
           1e6 * (defined.server_s - begin.server_s) / objects,
           (double)(subscribed.at_ns - defined.at_ns) / 1e9, subscribed.server_s - defined.server_s,
           defined_kib - empty_kib, subscribed_kib - defined_kib);
    return 0;
}
