/* The parent process: one loop over the ends of processes, the line to the child, signals and time;
 * what is due is said by supervision.c. */
#include "kernel/parent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "kernel/parent_line.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/poller.h"
#include "os/process.h"
#include "os/service.h"
#include "os/socket.h"
#include "os/system.h"

#define COMPONENT       "PARENT"
#define EXIT_CHILD_LOST 6      /* it was killed by a signal before it was ever ready */
#define CHILD_START_MS  90000u /* so long the parent says for a child that it lives */
#define TELL_AGAIN_MS   100u   /* when the child did not take what it is told */
#define LIVES           "WATCHDOG=1"

/* Of a static process. */
struct program {
    int pid;         /* 0: it does not run */
    int start_error; /* why the last start failed; 0: it did not */
    bool was_told;   /* this child knows it as `told` */
    struct parent_state told;
};

/* What an administrator wants, until the child was told what has become of it. */
struct order {
    struct supervision_order wanted;
    uint32_t number;
    enum supervision_outcome outcome;
};

struct parent {
    const struct parent_setup *setup;
    const struct log *log;
    struct supervision rules;
    struct program *programs; /* of the static processes */
    struct order orders[PARENT_ORDERS_MAX];
    unsigned order_count;
    char **inherited; /* environment, as many as the list has places */
    struct os_poller *poller;
    int wakeup;
    int line;         /* to the child; -1: there is none */
    int child;        /* 0: it does not run */
    bool was_ready;   /* a child, once */
    bool ready;       /* this child */
    bool child_asked; /* to end */
    bool untold;      /* the line had no room for the states of all */
    bool over;
    int exit_code;
    uint16_t port;
    uint64_t child_started_ms, child_due_ms;
    uint64_t watchdog_ms; /* of the service manager; 0: it does not watch us */
    uint64_t alive_ms;    /* said last */
    struct growing_wait child_wait;
};

static const struct static_process *process_of(const struct parent *p, size_t index)
{
    return &p->setup->processes->at[index];
}

static const char *end_text(const struct os_process_end *end, char *ret, size_t size)
{
    (void)snprintf(ret, size, end->killed ? "signal %d" : "exit code %d", end->number);
    return ret;
}

/* ---- starting static processes ---- */

static const char *const inherited_names[] = {"PATH", "HOME", "LANG", "TZ"};
#define INHERITED_MAX (sizeof inherited_names / sizeof inherited_names[0] + 1)

static void free_words(char **words, size_t count)
{
    for (size_t i = 0; words != NULL && i < count; i++) {
        free(words[i]);
    }
    free(words);
}

/* What every static process gets; made once. */
static char **make_inherited(const char *config_dir)
{
    char **words = calloc(INHERITED_MAX + 1, sizeof *words);
    size_t count = 0;
    bool complete = words != NULL;
    for (size_t i = 0; complete && i < INHERITED_MAX - 1; i++) {
        const char *value = os_environment(inherited_names[i]);
        if (value != NULL) {
            words[count] = text_format("%s=%s", inherited_names[i], value);
            complete = words[count++] != NULL;
        }
    }
    if (complete) {
        words[count] = text_format("D2K_CONFIG_DIR=%s", config_dir);
        complete = words[count] != NULL;
    }
    if (!complete) {
        free_words(words, INHERITED_MAX);
        return NULL;
    }
    return words;
}

static bool has_name_of(char *const *words, const char *variable)
{
    size_t size = strcspn(variable, "=") + 1;
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        if (strncmp(words[i], variable, size) == 0) {
            return true;
        }
    }
    return false;
}

/* Its own variables, then of the inherited ones those that it does not set itself. */
static void fill_environment(const struct parent *p, const struct static_process *process,
                             char **ret_words)
{
    size_t count = 0;
    for (size_t i = 0; process->environment != NULL && process->environment[i] != NULL; i++) {
        ret_words[count++] = process->environment[i];
    }
    for (size_t i = 0; p->inherited[i] != NULL; i++) {
        if (!has_name_of(process->environment, p->inherited[i])) {
            ret_words[count++] = p->inherited[i];
        }
    }
    ret_words[count] = NULL;
}

static void fill_arguments(const struct static_process *process, char **ret_words)
{
    size_t count = 0;
    ret_words[count++] = process->executable;
    for (size_t i = 0; process->parameters != NULL && process->parameters[i] != NULL; i++) {
        ret_words[count++] = process->parameters[i];
    }
    ret_words[count] = NULL;
}

static bool on_start(void *context, size_t index)
{
    struct parent *p = context;
    const struct static_process *process = process_of(p, index);
    char *arguments[STATIC_PROCESS_WORDS_MAX + 2];
    char *environment[STATIC_PROCESS_WORDS_MAX + INHERITED_MAX + 1];
    fill_arguments(process, arguments);
    fill_environment(p, process, environment);
    struct os_program program = {
        .executable = process->executable,
        .directory = process->directory != NULL ? process->directory : p->setup->config_dir,
        .arguments = arguments,
        .environment = environment,
    };
    int pid = 0;
    int error = os_process_start(&program, &pid);
    p->programs[index].pid = pid;
    p->programs[index].start_error = error;
    if (error != 0) {
        log_write(p->log, LOG_ERROR, COMPONENT, "Process %s cannot be started: %s in %s: %s",
                  process->name, program.executable, program.directory, os_error_text(error));
        return false;
    }
    log_write(p->log, LOG_INFO, COMPONENT, "Process %s started: %s, process id %d", process->name,
              program.executable, pid);
    return true;
}

static void on_end(void *context, size_t index, bool hard)
{
    struct parent *p = context;
    const struct static_process *process = process_of(p, index);
    if (hard) {
        log_write(p->log, LOG_WARNING, COMPONENT,
                  "Process %s did not end in %u s after SIGTERM: it is killed", process->name,
                  process->stop_timeout_s);
    } else {
        log_write(p->log, LOG_INFO, COMPONENT, "Process %s is asked to end", process->name);
    }
    os_process_end(p->programs[index].pid, hard);
}

static void on_late(void *context, size_t index)
{
    const struct parent *p = context;
    const struct static_process *process = process_of(p, index);
    if (process->init_time_s > 0) {
        log_write(p->log, LOG_WARNING, COMPONENT,
                  "Process %s has not registered in its InitTime of %u s; the next one is started "
                  "all the same",
                  process->name, process->init_time_s);
    }
}

static void on_again(void *context, size_t index, uint64_t wait_ms)
{
    const struct parent *p = context;
    log_write(p->log, LOG_WARNING, COMPONENT, "Process %s is started again in %llu ms",
              process_of(p, index)->name, (unsigned long long)wait_ms);
}

/* ---- the child ---- */

/* Whoever asked for something through it has lost his link too: what was begun goes on. */
static void close_line(struct parent *p)
{
    if (p->line >= 0) {
        os_poller_remove(p->poller, p->line);
        os_socket_close(p->line);
        p->line = -1;
        p->order_count = 0;
    }
}

static void child_failed(struct parent *p, uint64_t now_ms, const char *why)
{
    close_line(p);
    supervision_links_gone(&p->rules, now_ms);
    p->child = 0;
    p->ready = false;
    uint64_t wait_ms = growing_wait_ms(&p->child_wait, p->child_started_ms, now_ms);
    p->child_due_ms = now_ms + wait_ms;
    log_write(p->log, LOG_ERROR, COMPONENT,
              "The network process of the kernel has failed (%s); it is started again in %llu ms, "
              "static processes are left running",
              why, (unsigned long long)wait_ms);
}

/* True: this is the child. */
static bool start_child(struct parent *p, uint64_t now_ms, struct parent_child *ret_child)
{
    int ends[2], pid = 0;
    p->child_started_ms = now_ms;
    int error = os_message_pair(ends);
    if (error == 0) {
        error = os_process_fork(&pid);
        if (error == 0 && pid == 0) {
            os_socket_close(ends[0]);
            *ret_child = (struct parent_child){ends[1], p->port};
            return true;
        }
        os_socket_close(ends[1]);
        p->line = ends[0];
    }
    p->child = pid;
    if (error == 0) {
        error = os_poller_add(p->poller, p->line, OS_READABLE, p);
    }
    if (error != 0) {
        if (pid > 0) {
            os_process_end(pid, true); /* it is missed when its end comes */
        }
        child_failed(p, now_ms, os_error_text(error));
        return false;
    }
    log_write(p->log, LOG_INFO, COMPONENT,
              "The network process of the kernel is started, process "
              "id %d",
              pid);
    return false;
}

static void begin_end(struct parent *p, const char *why)
{
    if (!p->rules.ending) {
        log_write(p->log, LOG_INFO, COMPONENT,
                  "Static processes are stopped, the last one first: %s", why);
        supervision_end_all(&p->rules);
    }
}

static void child_ended(struct parent *p, const struct os_process_end *end, uint64_t now_ms)
{
    char how[32];
    end_text(end, how, sizeof how);
    if (p->was_ready && !p->rules.ending && (end->killed || end->number != 0)) {
        child_failed(p, now_ms, how);
        return;
    }
    close_line(p);
    p->child = 0;
    p->ready = false;
    /* one that was still starting when it was asked to end had no handler yet */
    bool as_asked = end->asked && p->child_asked;
    p->exit_code = as_asked ? 0 : end->killed ? EXIT_CHILD_LOST : end->number;
    log_write(p->log, LOG_INFO, COMPONENT, "The network process of the kernel has ended: %s", how);
    begin_end(p, "the network process has ended");
}

/* ---- what comes ---- */

static bool find_process(const struct parent *p, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < p->setup->processes->count; i++) {
        if (text_equal_ignoring_case(process_of(p, i)->name, name)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* A child that says what ours does not say gets no answer. */
static void take_order(struct parent *p, const struct parent_message *message, uint64_t now_ms)
{
    if (message->wish > SUPERVISION_RESTART || message->index >= p->setup->processes->count ||
        p->order_count == PARENT_ORDERS_MAX) {
        return;
    }
    struct order *order = &p->orders[p->order_count++];
    log_write(p->log, LOG_INFO, COMPONENT, "An administrator asks for the %s of process %s",
              supervision_wish_word((enum supervision_wish)message->wish),
              process_of(p, message->index)->name);
    order->number = message->number;
    order->outcome = supervision_order(&p->rules, (enum supervision_wish)message->wish,
                                       message->index, now_ms, &order->wanted);
}

/* True: the child was told what has become of it. */
static bool settle_order(const struct parent *p, struct order *order)
{
    if (order->outcome == SUPERVISION_PENDING) {
        order->outcome = supervision_order_outcome(&p->rules, &order->wanted);
    }
    struct parent_news news = {
        .kind = PARENT_ANSWER,
        .answer = {.number = order->number,
                   .outcome = order->outcome,
                   .error = p->programs[order->wanted.index].start_error},
    };
    return order->outcome != SUPERVISION_PENDING && parent_line_tell(p->line, &news);
}

static void settle_orders(struct parent *p)
{
    unsigned left = 0;
    for (unsigned i = 0; i < p->order_count; i++) {
        if (!settle_order(p, &p->orders[i])) {
            p->orders[left++] = p->orders[i];
        }
    }
    p->order_count = left;
}

static bool is_as_told(const struct program *program, const struct parent_state *now)
{
    const struct parent_state *told = &program->told;
    return program->was_told && told->pid == now->pid && told->view.state == now->view.state &&
           told->view.failed == now->view.failed && told->view.restarts == now->view.restarts &&
           told->view.due_ms == now->view.due_ms;
}

/* Before the answers to orders: whoever gets one may look what is now. */
static void tell_states(struct parent *p)
{
    p->untold = false;
    for (size_t i = 0; p->ready && !p->untold && i < p->setup->processes->count; i++) {
        struct program *program = &p->programs[i];
        struct parent_news news = {.kind = PARENT_STATE};
        news.state = (struct parent_state){
            .index = (uint32_t)i, .pid = program->pid, .view = supervision_look(&p->rules, i)};
        if (!is_as_told(program, &news.state)) {
            p->untold = !parent_line_tell(p->line, &news);
            program->was_told = !p->untold;
            program->told = news.state;
        }
    }
}

/* It knows nothing yet. */
static void child_ready(struct parent *p, uint16_t port)
{
    p->was_ready = p->ready = true;
    p->port = port;
    for (size_t i = 0; i < p->setup->processes->count; i++) {
        p->programs[i].was_told = false;
    }
}

static void take_left(struct parent *p, size_t index, enum parent_left how, uint64_t now_ms)
{
    supervision_left(&p->rules, index, how == PARENT_LEFT_LOGGED_OFF, now_ms);
    if (how == PARENT_LEFT_HANGING && p->programs[index].pid != 0) {
        log_write(p->log, LOG_WARNING, COMPONENT, "Process %s hangs (WDErr)",
                  process_of(p, index)->name);
        supervision_hangs(&p->rules, index, now_ms);
    }
}

static void take_message(struct parent *p, const struct parent_message *message, uint64_t now_ms)
{
    size_t index;
    switch ((enum parent_word)message->word) {
    case PARENT_READY:
        child_ready(p, (uint16_t)message->port);
        break;
    case PARENT_REGISTERED:
        if (find_process(p, message->process, &index)) {
            supervision_registered(&p->rules, index);
        }
        break;
    case PARENT_LEFT:
        if (find_process(p, message->process, &index)) {
            take_left(p, index, (enum parent_left)message->how, now_ms);
        }
        break;
    case PARENT_END:
        begin_end(p, "the kernel was asked to end");
        break;
    case PARENT_ORDER:
        take_order(p, message, now_ms);
        break;
    }
}

static void take_messages(struct parent *p, uint64_t now_ms)
{
    struct parent_message message;
    bool over = false;
    while (p->line >= 0 && parent_line_take(p->line, &message, &over)) {
        take_message(p, &message, now_ms);
    }
    if (over) {
        close_line(p); /* its end follows */
    }
}

static enum supervision_end kind_of(const struct os_process_end *end)
{
    return end->killed        ? (end->asked ? SUPERVISION_END_ASKED : SUPERVISION_END_BAD)
           : end->number == 0 ? SUPERVISION_END_WELL
                              : SUPERVISION_END_BAD;
}

static void take_end(struct parent *p, const struct os_process_end *end, uint64_t now_ms)
{
    char how[32];
    if (end->pid == p->child) {
        take_messages(p, now_ms); /* its last words */
        child_ended(p, end, now_ms);
        return;
    }
    for (size_t i = 0; i < p->setup->processes->count; i++) {
        if (p->programs[i].pid == end->pid) {
            enum supervision_end kind = kind_of(end);
            bool expected =
                kind == SUPERVISION_END_WELL || p->rules.at[i].state >= SUPERVISED_STOPPING;
            p->programs[i].pid = 0;
            log_write(p->log, expected ? LOG_INFO : LOG_WARNING, COMPONENT,
                      "Process %s, process id %d, has ended: %s", process_of(p, i)->name, end->pid,
                      end_text(end, how, sizeof how));
            supervision_ended(&p->rules, i, kind, now_ms);
            return;
        }
    }
}

static void take_signals(struct parent *p)
{
    unsigned asked = os_signals_take();
    if ((asked & OS_ASKED_TO_END) != 0) {
        begin_end(p, "a signal asked for it");
    }
    if ((asked & OS_ASKED_TO_READ_AGAIN) != 0 && p->child != 0) {
        os_process_ask_to_read_again(p->child);
    }
}

/* ---- the loop ---- */

static bool has_something_to_tell(const struct parent *p)
{
    if (p->untold) {
        return true;
    }
    for (unsigned i = 0; i < p->order_count; i++) {
        if (p->orders[i].outcome != SUPERVISION_PENDING) {
            return true;
        }
    }
    return false;
}

/* While the child is away, or still starts, nobody else can say to the service manager that the
 * kernel lives. One that hangs as it starts is not spoken for for ever; the first start is watched
 * by the service manager itself. */
static bool speaks_for_child(const struct parent *p, uint64_t now_ms)
{
    bool away = p->child == 0 || now_ms - p->child_started_ms < CHILD_START_MS;
    return p->watchdog_ms != 0 && p->was_ready && !p->ready && away;
}

static void say_that_we_live(struct parent *p, uint64_t now_ms)
{
    if (speaks_for_child(p, now_ms) && now_ms - p->alive_ms >= p->watchdog_ms / 2) {
        p->alive_ms = now_ms;
        int ignored = os_service_notify(LIVES);
        (void)ignored;
    }
}

static int timeout_of(const struct parent *p, uint64_t now_ms, uint64_t due_ms)
{
    if (has_something_to_tell(p)) {
        due_ms = now_ms + TELL_AGAIN_MS < due_ms ? now_ms + TELL_AGAIN_MS : due_ms;
    }
    if (p->child == 0 && !p->rules.ending) {
        due_ms = p->child_due_ms < due_ms ? p->child_due_ms : due_ms;
    }
    if (speaks_for_child(p, now_ms)) {
        uint64_t next_ms = p->alive_ms + p->watchdog_ms / 2;
        due_ms = next_ms < due_ms ? next_ms : due_ms;
    }
    if (due_ms == SUPERVISION_NEVER) {
        return -1;
    }
    uint64_t wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    return (int)(wait_ms < SUPERVISION_WAIT_MAX_MS ? wait_ms : SUPERVISION_WAIT_MAX_MS);
}

/* The static processes have ended: now the child may. */
static void end_child(struct parent *p)
{
    if (!p->rules.ending || !supervision_all_ended(&p->rules)) {
        return;
    }
    if (p->child == 0) {
        p->over = true;
    } else if (!p->child_asked) {
        p->child_asked = true;
        os_process_end(p->child, false);
    }
}

/* True: this is a new child. */
static bool turn(struct parent *p, struct parent_child *ret_child)
{
    struct os_process_end end;
    uint64_t now_ms = os_monotonic_ms();
    take_messages(p, now_ms);
    while (os_process_take_end(&end)) {
        take_end(p, &end, now_ms);
    }
    take_signals(p);
    if (p->child == 0 && !p->rules.ending && now_ms >= p->child_due_ms &&
        start_child(p, now_ms, ret_child)) {
        return true;
    }
    /* Nobody is started before there is something to connect to. */
    uint64_t due_ms =
        p->was_ready || p->rules.ending ? supervision_tick(&p->rules, now_ms) : SUPERVISION_NEVER;
    tell_states(p);
    settle_orders(p);
    end_child(p);
    say_that_we_live(p, now_ms);
    struct os_ready ready[2];
    if (!p->over && os_poller_wait(p->poller, ready, 2, timeout_of(p, now_ms, due_ms)) > 0) {
        os_wakeup_take(p->wakeup);
    }
    return false;
}

static int open_parent(struct parent *p, const struct parent_setup *setup)
{
    struct supervision_hooks hooks = {on_start, on_end, on_late, on_again, p};
    *p = (struct parent){
        .setup = setup,
        .log = setup->log,
        .line = -1,
        .exit_code = EXIT_CHILD_LOST,
        .watchdog_ms = os_service_watchdog_ms(),
    };
    p->wakeup = os_wakeup_new();
    p->programs = calloc(setup->processes->count, sizeof p->programs[0]);
    p->inherited = make_inherited(setup->config_dir);
    int error = os_poller_new(&p->poller);
    if (p->wakeup < 0) {
        return EMFILE;
    }
    if (error != 0 || p->programs == NULL || p->inherited == NULL ||
        supervision_init(&p->rules, setup->processes, &hooks) != D2K_OK) {
        return error != 0 ? error : ENOMEM;
    }
    error = os_poller_add(p->poller, p->wakeup, OS_READABLE, p);
    if (error == 0) {
        error = os_process_watch(p->wakeup);
    }
    return error != 0 ? error : os_signals_catch(p->wakeup);
}

static void close_parent(struct parent *p)
{
    close_line(p);
    supervision_free(&p->rules);
    free(p->programs);
    free_words(p->inherited, INHERITED_MAX);
    os_poller_free(p->poller);
    if (p->wakeup >= 0) {
        os_socket_close(p->wakeup);
    }
}

bool parent_run(const struct parent_setup *setup, struct parent_child *ret_child,
                int *ret_exit_code)
{
    struct parent p;
    bool is_child = false;
    int error = open_parent(&p, setup);
    if (error != 0) {
        log_write(setup->log, LOG_ERROR, COMPONENT, "The parent process cannot be set up: %s",
                  os_error_text(error));
        p.over = true;
    }
    while (!p.over && !is_child) {
        is_child = turn(&p, ret_child);
    }
    *ret_exit_code = p.exit_code;
    if (is_child) {
        p.line = -1; /* the parent's end was closed before the poller knew it */
    }
    close_parent(&p);
    return is_child;
}
