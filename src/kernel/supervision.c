/* The rules of static processes: who is started, ended, started again, and when. */
#include "kernel/supervision.h"

#include <stdlib.h>

#define MS_PER_S 1000u

uint64_t growing_wait_ms(struct growing_wait *wait, uint64_t started_ms, uint64_t now_ms)
{
    if (now_ms - started_ms >= SUPERVISION_STEADY_MS) {
        wait->failures = 0;
    }
    uint64_t ms = SUPERVISION_WAIT_MIN_MS;
    for (unsigned i = 0; i < wait->failures && ms < SUPERVISION_WAIT_MAX_MS; i++) {
        ms *= 2;
    }
    wait->failures++;
    return ms < SUPERVISION_WAIT_MAX_MS ? ms : SUPERVISION_WAIT_MAX_MS;
}

d2k_result supervision_init(struct supervision *s, const struct static_processes *processes,
                            const struct supervision_hooks *hooks)
{
    *s = (struct supervision){.processes = processes, .hooks = *hooks};
    s->at = calloc(processes->count + 1, sizeof s->at[0]);
    if (s->at == NULL) {
        return D2K_NO_MEMORY;
    }
    for (size_t i = 0; i < processes->count; i++) {
        bool automatic = processes->at[i].autostart == STATIC_AUTOSTART_ON;
        s->at[i].state = automatic ? SUPERVISED_QUEUED : SUPERVISED_STOPPED;
    }
    return D2K_OK;
}

void supervision_free(struct supervision *s)
{
    free(s->at);
    s->at = NULL;
}

static const struct static_process *settings_of(const struct supervision *s, size_t index)
{
    return &s->processes->at[index];
}

static bool is_alive(const struct supervised *process)
{
    return process->state >= SUPERVISED_STARTING;
}

static bool is_being_ended(const struct supervised *process)
{
    return process->state == SUPERVISED_STOPPING || process->state == SUPERVISED_KILLED;
}

/* Whoever has Autostart is started again. */
static void after_failure(struct supervision *s, size_t index, uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    process->failed = true;
    if (s->ending || settings_of(s, index)->autostart == STATIC_AUTOSTART_OFF) {
        process->state = SUPERVISED_STOPPED;
        return;
    }
    uint64_t wait_ms = growing_wait_ms(&process->wait, process->started_ms, now_ms);
    process->state = SUPERVISED_WAITING;
    process->due_ms = now_ms + wait_ms;
    process->restarts++;
    s->hooks.again(s->hooks.context, index, wait_ms);
}

static void start(struct supervision *s, size_t index, uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    process->state = SUPERVISED_STARTING;
    process->started_ms = now_ms;
    process->due_ms = now_ms + (uint64_t)settings_of(s, index)->init_time_s * MS_PER_S;
    process->starts++;
    process->failed = false;
    process->link = SUPERVISED_UNREGISTERED;
    process->not_started = !s->hooks.start(s->hooks.context, index);
    if (process->not_started) {
        after_failure(s, index, now_ms);
    }
}

static void stop(struct supervision *s, size_t index, uint64_t now_ms, bool again)
{
    struct supervised *process = &s->at[index];
    process->again = again;
    if (is_being_ended(process)) {
        return;
    }
    process->hung = false;
    process->state = SUPERVISED_STOPPING;
    process->due_ms = now_ms + (uint64_t)settings_of(s, index)->stop_timeout_s * MS_PER_S;
    s->hooks.end(s->hooks.context, index, false);
}

/* An end without a log-off is a crash, as with D2000's LogoffProc, and so is one that its exit code
 * calls one. Of a program that never registers the exit code is all there is. */
static bool ended_in_order(const struct supervised *process)
{
    return process->link == SUPERVISED_LOGGED_OFF
               ? process->end != SUPERVISION_END_BAD
               : process->link == SUPERVISED_UNREGISTERED && process->end == SUPERVISION_END_WELL;
}

static void settle_end(struct supervision *s, size_t index, uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    if (!ended_in_order(process)) {
        after_failure(s, index, now_ms);
        return;
    }
    process->state = SUPERVISED_STOPPED;
    process->failed = false;
}

static void do_what_is_due(struct supervision *s, size_t index, uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    if (now_ms < process->due_ms) {
        return;
    }
    switch (process->state) {
    case SUPERVISED_WAITING:
        start(s, index, now_ms);
        break;
    case SUPERVISED_ENDED:
        settle_end(s, index, now_ms);
        break;
    case SUPERVISED_STARTING:
        process->state = SUPERVISED_RUNNING;
        s->hooks.late(s->hooks.context, index);
        break;
    case SUPERVISED_STOPPING:
        process->state = SUPERVISED_KILLED;
        s->hooks.end(s->hooks.context, index, true);
        break;
    default:
        break;
    }
}

/* The first start: whoever is next waits for all that were started before. */
static void start_queued(struct supervision *s, uint64_t now_ms)
{
    for (size_t i = 0; i < s->processes->count; i++) {
        if (s->at[i].state == SUPERVISED_QUEUED) {
            start(s, i, now_ms);
        }
        if (s->at[i].state == SUPERVISED_STARTING) {
            return;
        }
    }
}

static void stop_last(struct supervision *s, uint64_t now_ms)
{
    for (size_t i = s->processes->count; i-- > 0;) {
        if (is_alive(&s->at[i])) {
            stop(s, i, now_ms, false);
            return;
        }
        s->at[i].state = SUPERVISED_STOPPED;
    }
}

static uint64_t next_due(const struct supervision *s)
{
    uint64_t next = SUPERVISION_NEVER;
    for (size_t i = 0; i < s->processes->count; i++) {
        const struct supervised *process = &s->at[i];
        bool waits = process->state == SUPERVISED_WAITING || process->state == SUPERVISED_ENDED ||
                     process->state == SUPERVISED_STARTING || process->state == SUPERVISED_STOPPING;
        next = waits && process->due_ms < next ? process->due_ms : next;
    }
    return next;
}

uint64_t supervision_tick(struct supervision *s, uint64_t now_ms)
{
    for (size_t i = 0; i < s->processes->count; i++) {
        do_what_is_due(s, i, now_ms);
    }
    if (s->ending) {
        stop_last(s, now_ms);
    } else {
        start_queued(s, now_ms);
    }
    return next_due(s);
}

void supervision_registered(struct supervision *s, size_t index)
{
    struct supervised *process = &s->at[index];
    if (process->state == SUPERVISED_STARTING) {
        process->state = SUPERVISED_RUNNING;
    }
    if (is_alive(process)) {
        process->link = SUPERVISED_REGISTERED;
    }
}

static void link_ended(struct supervision *s, size_t index, enum supervised_link how,
                       uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    if (process->link != SUPERVISED_REGISTERED) {
        return; /* of a program before this one, or of somebody else */
    }
    process->link = how;
    if (process->state == SUPERVISED_ENDED) {
        settle_end(s, index, now_ms);
    }
}

void supervision_left(struct supervision *s, size_t index, bool logged_off, uint64_t now_ms)
{
    link_ended(s, index, logged_off ? SUPERVISED_LOGGED_OFF : SUPERVISED_LOST, now_ms);
}

void supervision_links_gone(struct supervision *s, uint64_t now_ms)
{
    for (size_t i = 0; i < s->processes->count; i++) {
        link_ended(s, i, SUPERVISED_UNREGISTERED, now_ms);
    }
}

void supervision_hangs(struct supervision *s, size_t index, uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    bool runs = process->state == SUPERVISED_STARTING || process->state == SUPERVISED_RUNNING;
    if (runs && !s->ending && settings_of(s, index)->autostart == STATIC_AUTOSTART_ON) {
        stop(s, index, now_ms, true);
        process->hung = true;
    }
}

/* After we asked for it. */
static void ended_as_asked(struct supervision *s, size_t index, uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    if (process->again && process->hung) {
        after_failure(s, index, now_ms);
    } else if (process->again && !s->ending) {
        start(s, index, now_ms);
    } else {
        process->state = SUPERVISED_STOPPED;
        process->failed = false;
    }
}

void supervision_ended(struct supervision *s, size_t index, enum supervision_end end,
                       uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    process->end = end;
    if (is_being_ended(process)) {
        ended_as_asked(s, index, now_ms);
    } else if (end != SUPERVISION_END_BAD && process->link == SUPERVISED_REGISTERED) {
        process->state = SUPERVISED_ENDED;
        process->due_ms = now_ms + SUPERVISION_LEAVE_MS;
    } else {
        settle_end(s, index, now_ms);
    }
}

struct supervision_view supervision_look(const struct supervision *s, size_t index)
{
    const struct supervised *process = &s->at[index];
    return (struct supervision_view){
        .state = process->state,
        .failed = process->failed,
        .restarts = process->restarts,
        .due_ms = process->state == SUPERVISED_WAITING ? process->due_ms : 0,
    };
}

void supervision_end_all(struct supervision *s)
{
    s->ending = true;
}

bool supervision_all_ended(const struct supervision *s)
{
    for (size_t i = 0; i < s->processes->count; i++) {
        if (is_alive(&s->at[i])) {
            return false;
        }
    }
    return true;
}

/* ---- what an administrator wants ---- */

const char *supervision_wish_word(enum supervision_wish wish)
{
    return wish == SUPERVISION_START ? "start" : wish == SUPERVISION_STOP ? "stop" : "restart";
}

static enum supervision_outcome start_now(struct supervision *s, size_t index, uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    process->wait = (struct growing_wait){0};
    start(s, index, now_ms);
    return process->not_started ? SUPERVISION_NOT_STARTED : SUPERVISION_DONE;
}

static enum supervision_outcome wish_start(struct supervision *s, size_t index, uint64_t now_ms)
{
    const struct supervised *process = &s->at[index];
    if (is_alive(process)) {
        return is_being_ended(process) ? SUPERVISION_BEING_STOPPED : SUPERVISION_RUNS_ALREADY;
    }
    return start_now(s, index, now_ms);
}

static enum supervision_outcome wish_stop(struct supervision *s, size_t index, uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    if (is_alive(process)) {
        stop(s, index, now_ms, false);
        return SUPERVISION_PENDING;
    }
    bool was_to_start = process->state != SUPERVISED_STOPPED;
    process->state = SUPERVISED_STOPPED;
    process->failed = process->failed && !was_to_start;
    return was_to_start ? SUPERVISION_DONE : SUPERVISION_RUNS_NOT;
}

static enum supervision_outcome wish_restart(struct supervision *s, size_t index, uint64_t now_ms)
{
    struct supervised *process = &s->at[index];
    if (!is_alive(process)) {
        return start_now(s, index, now_ms);
    }
    process->wait = (struct growing_wait){0};
    stop(s, index, now_ms, true);
    process->hung = false;
    return SUPERVISION_PENDING;
}

enum supervision_outcome supervision_order(struct supervision *s, enum supervision_wish wish,
                                           size_t index, uint64_t now_ms,
                                           struct supervision_order *ret_order)
{
    *ret_order = (struct supervision_order){wish, index, s->at[index].starts};
    if (s->ending && wish != SUPERVISION_STOP) {
        return SUPERVISION_ENDING;
    }
    return wish == SUPERVISION_START  ? wish_start(s, index, now_ms)
           : wish == SUPERVISION_STOP ? wish_stop(s, index, now_ms)
                                      : wish_restart(s, index, now_ms);
}

enum supervision_outcome supervision_order_outcome(const struct supervision *s,
                                                   const struct supervision_order *order)
{
    const struct supervised *process = &s->at[order->index];
    bool was_started = process->starts != order->starts;
    if (order->wish == SUPERVISION_STOP) {
        return was_started || !is_alive(process) ? SUPERVISION_DONE : SUPERVISION_PENDING;
    }
    if (was_started) {
        return process->not_started ? SUPERVISION_NOT_STARTED : SUPERVISION_DONE;
    }
    return is_alive(process) ? SUPERVISION_PENDING : SUPERVISION_OVERTAKEN;
}
