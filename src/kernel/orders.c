/* What administrators want of static processes: checked here, done by the parent process, answered
 * when it says what has become of it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "kernel/kernel.h"
#include "kernel/parent_line.h"
#include "os/file.h"

_Static_assert(CLIENT_ORDERS_MAX == 16 && PARENT_ORDERS_MAX == 64, "the sentences say so");

struct order {
    struct list link;
    struct link_id asker;
    uint64_t request;
    uint32_t number; /* on the line to the parent */
    uint32_t index;
    enum supervision_wish wish;
    char who[CLIENT_WHO_MAX];
};

void orders_init(struct orders *orders)
{
    list_init(&orders->open);
}

static void forget(struct orders *orders, struct order *order)
{
    list_remove(&order->link);
    orders->count--;
    free(order);
}

void orders_free(struct orders *orders)
{
    struct order *order;
    while (orders->count > 0 && (order = LIST_FIRST(&orders->open, struct order, link)) != NULL) {
        forget(orders, order);
    }
}

/* ---- requests ---- */

static enum supervision_wish wish_of(uint16_t type)
{
    return type == WIRE_START_PROCESS  ? SUPERVISION_START
           : type == WIRE_STOP_PROCESS ? SUPERVISION_STOP
                                       : SUPERVISION_RESTART;
}

static uint16_t refuse(struct error *err, uint16_t code, const char *sentence)
{
    (void)error_set(err, D2K_REFUSED, "%s", sentence);
    return code;
}

/* WIRE_CODE_NONE: *ret_index is the static process. */
static uint16_t find_process(const struct client *c, const struct wire_start_process *asked,
                             const char *name, uint32_t *ret_index, struct error *err)
{
    size_t index;
    if (asked->instance > INSTANCE_MAX) {
        return refuse(err, WIRE_CODE_BAD_VALUE, "instances have the numbers 1 to 15");
    }
    if (programs_find(c->kernel, name, &index)) {
        *ret_index = (uint32_t)index;
        return asked->instance == 0
                   ? (uint16_t)WIRE_CODE_NONE
                   : refuse(err, WIRE_CODE_NOT_FOUND,
                            "a static process is one program: name it without an instance");
    }
    if (programs_has_registered(c->kernel, asked->process_name)) {
        return refuse(err, WIRE_CODE_NOT_FOUND,
                      "it is a dynamic process: the kernel does not know how it is started, and "
                      "leaves it to whoever did");
    }
    return refuse(err, WIRE_CODE_NOT_FOUND,
                  c->kernel->setup.processes->count == 0
                      ? "this kernel has no static processes"
                      : "there is no static process of this name");
}

static uint16_t check(struct client *c, const struct wire_start_process *asked, const char *name,
                      uint32_t *ret_index, struct error *err)
{
    const char *why_not = "";
    if (!client_may_administer(c, &why_not)) {
        return refuse(err, client_code_why_not(c, why_not), why_not);
    }
    uint16_t code = find_process(c, asked, name, ret_index, err);
    if (code != WIRE_CODE_NONE) {
        return code;
    }
    if (c->order_count == CLIENT_ORDERS_MAX) {
        return refuse(err, WIRE_CODE_LIMIT, "16 starts and stops wait for their end already");
    }
    if (c->kernel->orders.count == PARENT_ORDERS_MAX) {
        return refuse(err, WIRE_CODE_LIMIT,
                      "64 starts and stops of all administrators wait for their end already");
    }
    return WIRE_CODE_NONE;
}

static uint16_t pass_on(struct client *c, const struct wire_message *message, uint32_t index,
                        struct error *err)
{
    struct orders *orders = &c->kernel->orders;
    struct order *order = calloc(1, sizeof *order);
    if (order == NULL) {
        return refuse(err, WIRE_CODE_LIMIT, "the kernel is out of memory");
    }
    order->wish = wish_of(message->type);
    order->index = index;
    order->request = message->request;
    order->asker = net_link_id(c->link);
    order->number = ++orders->last_number;
    (void)client_who(c, order->who);
    if (!parent_line_order(c->kernel->setup.parent_line, order->number, order->wish, index)) {
        free(order);
        return refuse(err, WIRE_CODE_BUSY,
                      "the parent process of the kernel does not listen now: try again");
    }
    list_append(&orders->open, &order->link);
    orders->count++;
    c->order_count++;
    return WIRE_CODE_NONE;
}

/* StartProcess, StopProcess and RestartProcess have the same fields. */
void orders_request(struct client *c, const struct wire_message *message)
{
    const struct wire_start_process *asked = &message->as.start_process;
    char who[CLIENT_WHO_MAX], name[WIRE_NAME_MAX * 4 + 1];
    struct error err = {.text = ""};
    uint32_t index = 0;
    (void)text_escape(name, sizeof name, asked->process_name);
    uint16_t code = check(c, asked, name, &index, &err);
    if (code == WIRE_CODE_NONE) {
        code = pass_on(c, message, index, &err);
    }
    log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s asks for the %s of process %s: %s%s",
              client_who(c, who), supervision_wish_word(wish_of(message->type)), name,
              code == WIRE_CODE_NONE ? "accepted" : "refused: ", err.text);
    if (code != WIRE_CODE_NONE) {
        client_send_failed(c, message->request, code, err.text);
    }
}

/* ---- answers ---- */

/* WIRE_CODE_NONE: it is done. */
static uint16_t code_of(const struct static_process *process, const struct parent_answer *answer,
                        struct error *err)
{
    switch ((enum supervision_outcome)answer->outcome) {
    case SUPERVISION_DONE:
        return WIRE_CODE_NONE;
    case SUPERVISION_NOT_STARTED:
        (void)error_set(err, D2K_REFUSED, "%s cannot be started: %s%s", process->executable,
                        os_error_text(answer->error),
                        process->autostart == STATIC_AUTOSTART_ON
                            ? "; the kernel goes on trying, until it is stopped"
                            : "");
        return WIRE_CODE_NOT_STARTED;
    case SUPERVISION_OVERTAKEN:
        return refuse(err, WIRE_CODE_NOT_RUNNING,
                      "it has ended, and was stopped by somebody else before it was started again");
    case SUPERVISION_RUNS_ALREADY:
        return refuse(err, WIRE_CODE_RUNNING, "it runs already");
    case SUPERVISION_RUNS_NOT:
        return refuse(err, WIRE_CODE_NOT_RUNNING, "it does not run");
    case SUPERVISION_BEING_STOPPED:
        return refuse(err, WIRE_CODE_RUNNING,
                      "it is being stopped: start it when it has ended, or ask for a restart");
    case SUPERVISION_ENDING:
        return refuse(err, WIRE_CODE_SHUTDOWN, "the kernel is ending");
    case SUPERVISION_PENDING:
        break;
    }
    return refuse(err, WIRE_CODE_INTERNAL, "the parent process said what nobody understands");
}

static struct client *asker_of(struct kernel *kernel, const struct order *order)
{
    struct net_link *link = net_link_find(kernel->net, order->asker);
    return link == NULL ? NULL : net_link_data(link);
}

static void finish(struct kernel *kernel, struct order *order, const struct parent_answer *answer)
{
    const struct static_process *process = &kernel->setup.processes->at[order->index];
    struct client *c = asker_of(kernel, order);
    struct error err = {.text = ""};
    uint16_t code = code_of(process, answer, &err);
    log_write(kernel->log, LOG_INFO, "AUDIT", "%s asks for the %s of process %s: %s%s%s",
              order->who, supervision_wish_word(order->wish), process->name,
              code == WIRE_CODE_NONE ? "done" : "refused: ", err.text,
              c == NULL ? " (whoever asked is gone)" : "");
    if (c == NULL) {
        return;
    }
    c->order_count--;
    if (code != WIRE_CODE_NONE) {
        client_send_failed(c, order->request, code, err.text);
        return;
    }
    struct wire_message done = {.type = WIRE_DONE, .request = order->request};
    client_send(c, &done);
}

static struct order *find_order(const struct orders *orders, uint32_t number)
{
    LIST_EACH(&orders->open, at, following)
    {
        struct order *order = LIST_MEMBER(at, struct order, link);
        if (order->number == number) {
            return order;
        }
    }
    return NULL;
}

void orders_answered(struct kernel *kernel, const struct parent_answer *answer)
{
    struct order *order = find_order(&kernel->orders, answer->number);
    if (order != NULL) {
        finish(kernel, order, answer);
        forget(&kernel->orders, order);
    }
}
