/* The kernel: ties links to the plant, and ends in order. */
#include "kernel/kernel.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/version.h"
#include "kernel/parent_line.h"
#include "os/clock.h"
#include "os/system.h"

static void on_opened(void *context, struct net_link *link)
{
    client_opened(context, link);
}

static void on_received(void *context, struct net_link *link)
{
    (void)context;
    client_received(net_link_data(link));
}

static void on_fill(void *context, struct net_link *link)
{
    (void)context;
    client_fill(net_link_data(link));
}

static void on_closed(void *context, struct net_link *link, enum net_end how, const char *why)
{
    (void)context;
    client_closed(net_link_data(link), how, why);
    net_link_set_data(link, NULL);
}

static void log_left_out(const struct kernel *kernel, uint32_t left_out)
{
    if (left_out > 0) {
        log_write(
            kernel->log, LOG_WARNING, "BACKEND",
            "%u more connections were refused or ended unregistered; their lines are left out",
            left_out);
    }
}

bool kernel_may_log_refusal(struct kernel *kernel)
{
    uint32_t left_out;
    bool admitted = log_limiter_admits(&kernel->refusals, os_monotonic_ms(), &left_out);
    log_left_out(kernel, left_out);
    return admitted;
}

static void on_tick(void *context, uint64_t now_ms)
{
    struct kernel *kernel = context;
    bool late = !kernel->tick_was_late && now_ms - kernel->tick_ms > 4 * NET_TICK_MS;
    kernel->tick_was_late = late;
    kernel->tick_ms = now_ms;
    size_t position = 0;
    struct net_link *link;
    /* When it was we who stood still, what the clients have sent meanwhile is read before anybody
     * is blamed. */
    while (!late && (link = net_link_at(kernel->net, &position)) != NULL) {
        client_tick(net_link_data(link), now_ms);
    }
    service_tick(kernel, now_ms);
    tags_tick(kernel, now_ms);
    commands_tick(kernel, now_ms);
    logon_take_news(kernel);
    log_left_out(kernel, log_limiter_left_out(&kernel->refusals, os_monotonic_ms()));
    clients_bury(kernel);
}

static uint64_t on_due_ms(void *context)
{
    const struct kernel *kernel = context;
    return plant_due_ms(kernel->plant);
}

static void on_due(void *context)
{
    const struct kernel *kernel = context;
    plant_due(kernel->plant);
}

static void on_notified(void *context)
{
    struct kernel *kernel = context;
    configuration_settle(kernel);
    logon_take_news(kernel);
    programs_take_news(kernel);
    kernel_tidy(kernel);
}

void kernel_tidy(struct kernel *kernel)
{
    if (plant_tidy(kernel->plant)) {
        net_server_notify(kernel->net); /* in the next turn */
    }
}

static void on_asked_to_end(void *context)
{
    struct kernel *kernel = context;
    kernel_end(kernel,
               kernel->end_asked ? kernel->end_why : "the kernel was asked to end by a signal");
}

static void on_not_opened(void *context, const char *address, const char *tls_version,
                          const char *why)
{
    struct kernel *kernel = context;
    if (!kernel_may_log_refusal(kernel)) {
        return;
    }
    if (address == NULL) {
        log_write(kernel->log, LOG_WARNING, "BACKEND",
                  "A connection cannot be accepted: %s. Trying again in a moment.", why);
        return;
    }
    const char *transport = strcmp(address, "local") == 0 ? "" : "TCP/IP ";
    if (tls_version == NULL) {
        log_write(kernel->log, LOG_WARNING, "BACKEND", "Connection from [%s%s] refused: %s",
                  transport, address, why);
    } else {
        char where[CLIENT_WHERE_MAX];
        (void)snprintf(where, sizeof where, "[%s%s][%s]", transport, address, tls_version);
        log_write(kernel->log, LOG_WARNING, "BACKEND",
                  "Connection %s ended before it was registered: %s", where, why);
    }
}

struct net_callbacks kernel_callbacks(struct kernel *kernel)
{
    return (struct net_callbacks){
        .context = kernel,
        .opened = on_opened,
        .received = on_received,
        .fill = on_fill,
        .closed = on_closed,
        .tick = on_tick,
        .due_ms = on_due_ms,
        .due = on_due,
        .asked_to_end = on_asked_to_end,
        .notified = on_notified,
        .not_opened = on_not_opened,
        .asked_to_read_again = service_read_again,
    };
}

void kernel_wake(void *context, struct subscriber *subscriber)
{
    struct client *c = subscriber_data(subscriber);
    (void)context;
    net_link_wake(c->link);
}

d2k_result kernel_init(struct kernel *kernel, const struct kernel_setup *setup, struct error *err)
{
    memset(kernel, 0, sizeof *kernel);
    kernel->setup = *setup;
    kernel->log = setup->log;
    kernel->plant = setup->plant;
    list_init(&kernel->gone);
    list_init(&kernel->changes);
    orders_init(&kernel->orders);
    os_host_name(kernel->name, sizeof kernel->name);
    if (!os_random(kernel->instance, sizeof kernel->instance)) {
        return error_set(err, D2K_INTERNAL, "the system gives no random bytes");
    }
    d2k_result rc = commands_init(&kernel->commands, err);
    if (rc == D2K_OK) {
        rc = programs_init(kernel, err);
    }
    if (rc != D2K_OK) {
        return rc;
    }
    if (!guard_take_rights(setup->guard, &kernel->rights)) {
        kernel->rights = NULL;
    }
    kernel->tags_at_ms = os_monotonic_ms();
    kernel->tags_cpu_ns = os_process_cpu_ns();
    return tags_define(kernel, err);
}

void kernel_ask_to_end(struct kernel *kernel, const char *why)
{
    if (!kernel->end_asked && !kernel->ending && parent_line_end(kernel->setup.parent_line)) {
        kernel->end_asked = true;
        text_copy(kernel->end_why, sizeof kernel->end_why, why);
        log_write(kernel->log, LOG_INFO, "SERVER",
                  "Kernel is to end: %s. Static processes are stopped first.", why);
    } else if (!kernel->end_asked) {
        kernel_end(kernel, why);
    }
}

void kernel_end(struct kernel *kernel, const char *why)
{
    if (kernel->ending) {
        return;
    }
    kernel->ending = true;
    service_ending(why);
    log_write(kernel->log, LOG_INFO, "SERVER", "Kernel ends: %s. Saying good-bye to %zu processes.",
              why, plant_running_count(kernel->plant));
    size_t position = 0;
    struct net_link *link;
    while ((link = net_link_at(kernel->net, &position)) != NULL) {
        struct client *c = net_link_data(link);
        c->end_state = PROCESS_STOP;
        net_link_end(link, WIRE_BYE, WIRE_CODE_SHUTDOWN, 0, why);
    }
    net_server_stop(kernel->net, KERNEL_GOOD_BYE_MS);
}
