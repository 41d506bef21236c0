/* One publisher, many subscribers, one thread: how much a server delivers at full speed (rate 0: as
 * fast as a window of values that not everybody has allows), or how late values come at a fixed
 * rate. Every subscriber checks that it gets every value in order. With --slow the last subscriber
 * stops reading for a while. Prints "ready" when all are subscribed, then one line of JSON. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

#include "crowd.h"
#include "measure.h"

#define OPEN_LIMIT_S      60
#define RECOVERY_LIMIT_NS 20000000000u
#define SAMPLE_ONE_OF     16u
#define SLOW_TOPICS_MAX   64u

static const char *protocol = "mqtt", *pids = "", *slow_mode = "latest";
static double port, subscribers = 1, batch = 1, window = 1024, rate, seconds = 1, warm_s = 0.3,
                    topics = 1, text, slow_s;

static int epoll;
static struct client *publisher, *readers;
static struct client *slow; /* NULL: none */
static unsigned reader_count;
static uint64_t clock_offset_ns; /* wall clock minus monotonic, at the start */
static uint64_t sequence;
static uint64_t delivered, published, publish_lag_ns;
static bool measuring;
static struct latencies latencies;
static uint64_t slow_newest[SLOW_TOPICS_MAX], slow_wanted[SLOW_TOPICS_MAX];
static volatile sig_atomic_t told_to_stop;

static void on_stop(int number)
{
    (void)number;
    told_to_stop = 1;
}

static void set_clock_offset(void)
{
    struct timespec wall;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    clock_offset_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec - now_ns();
}

static void on_value(struct client *c, uint64_t stamp_ns, uint64_t number, uint32_t topic)
{
    (void)topic;
    c->gaps += number != c->last_sequence + 1;
    c->last_sequence = number;
    if (measuring) {
        delivered++;
        if (rate > 0 || delivered % SAMPLE_ONE_OF == 0) {
            latencies_add(&latencies, c->read_ns + clock_offset_ns - stamp_ns);
        }
    }
}

static void on_slow_value(struct client *c, uint64_t stamp_ns, uint64_t number, uint32_t hobj)
{
    (void)stamp_ns;
    c->last_sequence = number;
    for (unsigned i = 0; i < publisher->topics; i++) {
        if (publisher->hobjs[i] == hobj) {
            slow_newest[i] = number;
        }
    }
}

static void define(struct client *c)
{
    if (c->protocol->define != NULL) {
        c->protocol->define(c, 0, (unsigned)topics);
    }
}

static void subscribe(struct client *c)
{
    c->protocol->subscribe(c, 0, (unsigned)topics);
}

static void open_all(void)
{
    publisher = crowd_clients(protocol, 1, 0);
    publisher->publishes = true;
    publisher->text_values = text != 0;
    publisher->on_value = on_value;
    readers = crowd_clients(protocol, reader_count, 1);
    for (unsigned i = 0; i < reader_count; i++) {
        readers[i].on_value = on_value;
    }
    if (slow_s > 0) {
        slow = &readers[reader_count - 1];
        slow->latest = strcmp(slow_mode, "latest") == 0;
        slow->on_value = on_slow_value;
    }
    struct crowd first = {.clients = publisher,
                          .count = 1,
                          .at_once = 1,
                          .epoll = epoll,
                          .port = (int)port,
                          .welcome = define};
    crowd_open_all(&first, OPEN_LIMIT_S);
    struct crowd others = {.clients = readers,
                           .count = reader_count,
                           .at_once = 16,
                           .epoll = epoll,
                           .port = (int)port,
                           .welcome = subscribe};
    crowd_open_all(&others, OPEN_LIMIT_S);
    for (unsigned i = 0; i < reader_count; i++) { /* values before this are of earlier publishers */
        readers[i].last_sequence = readers[i].gaps = 0;
    }
}

static void publish(void)
{
    unsigned count = (unsigned)batch;
    publisher->protocol->publish(publisher, now_ns() + clock_offset_ns, sequence + 1, count);
    sequence += count;
    published += measuring ? count : 0;
    client_flush(publisher);
}

/* ---- the two ways to publish; both say how long there is nothing to do ---- */

static int64_t publish_at_rate(uint64_t *next_ns)
{
    uint64_t period_ns = (uint64_t)(1e9 * batch / rate), now = now_ns();
    while (*next_ns <= now) {
        if (measuring && now - *next_ns > publish_lag_ns) {
            publish_lag_ns = now - *next_ns;
        }
        publish();
        *next_ns += period_ns;
        now = now_ns();
    }
    int64_t wait_ns = (int64_t)(*next_ns - now);
    return wait_ns < 50000000 ? wait_ns : 50000000;
}

static int64_t publish_in_window(void)
{
    uint64_t lowest = UINT64_MAX;
    for (unsigned i = 0; i < reader_count; i++) {
        if (readers[i].last_sequence < lowest && &readers[i] != slow) {
            lowest = readers[i].last_sequence;
        }
    }
    bool may = buffer_size(&publisher->out) == 0 &&
               sequence + (uint64_t)batch - lowest <= (uint64_t)window;
    if (may) {
        publish();
        return 0;
    }
    return 1000000;
}

static void check_clients(void)
{
    if (publisher->state == CLIENT_FAILED) {
        fail("the publisher: %s", publisher->why);
    }
    for (unsigned i = 0; i < reader_count; i++) {
        if (readers[i].state == CLIENT_FAILED) {
            fail("subscriber %u: %s", i, readers[i].why);
        }
    }
}

/* Until the time is over, or until `done` says so. */
static void run_until(uint64_t end_ns, bool (*done)(void))
{
    uint64_t next_ns = now_ns();
    while (now_ns() < end_ns && !told_to_stop && (done == NULL || !done())) {
        int64_t wait_ns = rate > 0 ? publish_at_rate(&next_ns) : publish_in_window();
        (void)clients_pump(epoll, wait_ns);
        check_clients();
    }
}

static void run_for(double duration_s)
{
    run_until(now_ns() + (uint64_t)(duration_s * 1e9), NULL);
}

static uint64_t all_gaps(void)
{
    uint64_t gaps = 0;
    for (unsigned i = 0; i < reader_count; i++) {
        gaps += &readers[i] != slow ? readers[i].gaps + readers[i].overruns : 0;
    }
    return gaps;
}

static void measure(void)
{
    struct usage from = usage_now(pids);
    measuring = true;
    run_for(seconds);
    struct usage to = usage_now(pids);
    printf("{");
    usage_print(&from, &to);
    latencies_print(&latencies, "latency");
    printf("\"deliveries\":%lu,\"published\":%lu,\"publish_lag_us\":%.1f,\"gaps\":%lu}\n",
           (unsigned long)delivered, (unsigned long)published, (double)publish_lag_ns / 1000,
           (unsigned long)all_gaps());
}

/* ---- the slow reader ---- */

static bool slow_is_current(void)
{
    for (unsigned i = 0; i < publisher->topics; i++) {
        if (slow_newest[i] < slow_wanted[i]) {
            return false;
        }
    }
    return true;
}

static void set_slow_reading(bool reading)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = slow};
    if (epoll_ctl(epoll, reading ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, slow->fd, &event) != 0) {
        fail("epoll");
    }
}

/* What the others got in a while, and what it cost. */
struct phase {
    struct usage from, to;
    uint64_t deliveries;
};

static struct phase phase(double duration_s)
{
    struct phase p = {.from = usage_now(pids), .deliveries = delivered};
    run_for(duration_s);
    p.to = usage_now(pids);
    p.deliveries = delivered - p.deliveries;
    return p;
}

static void print_phase(const char *name, const struct phase *p)
{
    double seconds_taken = (double)(p->to.at_ns - p->from.at_ns) / 1e9;
    printf("\"%s_per_s\":%.0f,\"%s_delivery_us\":%.5f,", name,
           (double)p->deliveries / seconds_taken, name,
           1e6 * (p->to.server_s - p->from.server_s) / (double)p->deliveries);
}

/* Each topic has had a value among the last `topics` sequences: from then on it is current. */
static void want_newest(void)
{
    for (unsigned i = 0; i < publisher->topics; i++) {
        slow_wanted[i] = sequence - publisher->topics + 1;
    }
}

static void measure_slow(void)
{
    measuring = true;
    long quiet_kib = rss_kib_of(pids);
    struct phase before = phase(seconds);
    set_slow_reading(false);
    struct phase stopped = phase(slow_s);
    long stopped_kib = rss_kib_of(pids);
    want_newest();
    uint64_t again_ns = now_ns();
    set_slow_reading(true);
    run_until(again_ns + RECOVERY_LIMIT_NS, slow_is_current);
    double recovery_ms = (double)(now_ns() - again_ns) / 1e6;
    bool recovered = slow_is_current();
    struct phase after = phase(seconds);
    printf("{");
    usage_print(&stopped.from, &stopped.to);
    print_phase("before", &before);
    print_phase("stopped", &stopped);
    print_phase("after", &after);
    printf("\"rss_quiet_kib\":%ld,\"rss_stopped_kib\":%ld,\"recovered\":%d,"
           "\"recovery_ms\":%.1f,\"lost\":%lu,\"gaps\":%lu}\n",
           quiet_kib, stopped_kib, recovered, recovery_ms, (unsigned long)slow->overruns,
           (unsigned long)all_gaps());
}

int main(int argc, char **argv)
{
    const struct option_entry table[] = {
        {"protocol", &protocol, NULL},
        {"pids", &pids, NULL},
        {"slow-mode", &slow_mode, NULL},
        {"port", NULL, &port},
        {"subscribers", NULL, &subscribers},
        {"batch", NULL, &batch},
        {"window", NULL, &window},
        {"rate", NULL, &rate},
        {"seconds", NULL, &seconds},
        {"warm", NULL, &warm_s},
        {"topics", NULL, &topics},
        {"text", NULL, &text},
        {"slow", NULL, &slow_s},
        {0},
    };
    options_parse(argc, argv, table);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, on_stop);
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    if (topics < 1 || topics > SLOW_TOPICS_MAX || subscribers < 1) {
        fail("1 to %u topics, at least 1 subscriber", SLOW_TOPICS_MAX);
    }
    clients_init(false);
    set_clock_offset();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    reader_count = (unsigned)subscribers;
    open_all();
    run_for(warm_s);
    printf("ready\n");
    (void)fflush(stdout);
    if (slow != NULL) {
        measure_slow();
    } else {
        measure();
    }
    return 0;
}
