/* The kernel as a service: says that it is ready, how many it serves, that it lives, that it ends;
 * and what SIGHUP asks for. */
#include <stdio.h>

#include "kernel/kernel.h"
#include "os/service.h"

#define STATUS_EVERY_MS 5000u
#define STATE_MAX       256

/* It is told because of its own interest: a service manager that does not listen is no trouble of
 * ours, and if it wanted the watchdog it will end us. */
static void notify(const char *state)
{
    int ignored = os_service_notify(state);
    (void)ignored;
}

static void status_text(const struct kernel *kernel, char *ret, size_t size, const char *before)
{
    (void)snprintf(ret, size, "%sSTATUS=%zu processes, port %u", before,
                   plant_running_count(kernel->plant), kernel->service.port);
}

void service_ready(struct kernel *kernel, uint16_t port)
{
    char state[STATE_MAX];
    kernel->service.port = port;
    kernel->service.watchdog_ms = os_service_watchdog_ms();
    status_text(kernel, state, sizeof state, "READY=1\n");
    notify(state);
}

void service_ending(const char *why)
{
    char state[STATE_MAX];
    (void)snprintf(state, sizeof state, "STOPPING=1\nSTATUS=Ends: %s", why);
    notify(state);
}

static void tell_status(struct kernel *kernel, uint64_t now_ms)
{
    char state[STATE_MAX];
    size_t count = plant_running_count(kernel->plant);
    if (kernel->ending || count == kernel->service.told_count ||
        now_ms - kernel->service.told_ms < STATUS_EVERY_MS) {
        return;
    }
    kernel->service.told_count = count;
    kernel->service.told_ms = now_ms;
    status_text(kernel, state, sizeof state, "");
    notify(state);
}

/* Twice as often as it is wanted, from the thread whose standing still would be the trouble. */
void service_tick(struct kernel *kernel, uint64_t now_ms)
{
    struct service *service = &kernel->service;
    if (service->watchdog_ms != 0 && now_ms - service->alive_ms >= service->watchdog_ms / 2) {
        service->alive_ms = now_ms;
        notify("WATCHDOG=1");
    }
    tell_status(kernel, now_ms);
}

static const char *tls_text(const struct tls_policy *policy)
{
    switch (tls_policy_tls(policy)) {
    case TLS_POLICY_OFF:
        return "no TLS";
    case TLS_POLICY_ON:
        return "TLS";
    case TLS_POLICY_UNAVAILABLE:
        break;
    }
    return "TLS is configured but cannot be used";
}

/* What has changed is logged by the keeper itself; here stands that it was looked at. */
void service_read_again(void *context)
{
    struct kernel *kernel = context;
    struct tls_policy *policy = tls_keeper_current(kernel->setup.keeper);
    log_write(kernel->log, LOG_INFO, "SERVER",
              "SIGHUP: configuration was read again. In force: generation %llu, %s, "
              "TLS_RequiredLevel = %s",
              (unsigned long long)tls_policy_generation(policy), tls_text(policy),
              tls_level_name(tls_policy_level(policy)));
    tls_policy_unref(policy);
}
