/* Instances of one process name: who is active, told to the clients; and the requests that change
 * it. The rules are those of model/instances.h. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "kernel/kernel.h"

static struct client *client_of(struct kernel *kernel, const struct process *process)
{
    struct net_link *link = process != NULL && process->state == PROCESS_RUNNING
                                ? net_link_find(kernel->net, process->link)
                                : NULL;
    struct client *c = link == NULL ? NULL : net_link_data(link);
    return c != NULL && client_state(c) == CLIENT_REGISTERED ? c : NULL;
}

static void tell(struct client *c)
{
    struct wire_message message = {.type = WIRE_INSTANCE_STATE};
    if (c->instance_told == c->process->instance_state) {
        return;
    }
    c->instance_told = c->process->instance_state;
    log_write(c->kernel->log, LOG_INFO, "SERVER", "Instance %u of %s is %s", c->process->instance,
              c->process->name,
              c->instance_told == INSTANCE_ACTIVE ? "active" : "passive, ready to take over");
    message.as.instance_state.state = (uint8_t)c->instance_told;
    if ((c->capabilities & WIRE_CAPABILITY_PLANT) != 0) {
        client_send(c, &message);
    }
}

/* What is told may end a link, and with it an instance: then this is called again meanwhile. */
void instances_tell(struct kernel *kernel, const char *name)
{
    for (unsigned instance = 1; instance <= INSTANCE_MAX; instance++) {
        struct client *c =
            client_of(kernel, plant_process_instance(kernel->plant, slice_of(name), instance));
        if (c != NULL) {
            tell(c);
        }
    }
}

bool instances_is_passive(const struct client *c)
{
    return c->process->instance_state == INSTANCE_PASSIVE;
}

/* ---- requests ---- */

static d2k_result change(struct client *c, const struct wire_message *message, bool prefer,
                         struct error *err)
{
    const struct wire_set_active_instance *asked = &message->as.set_active_instance;
    struct plant *plant = c->kernel->plant;
    return prefer ? plant_prefer_instance(plant, asked->process_name, asked->instance, err)
                  : plant_activate_instance(plant, asked->process_name, asked->instance, err);
}

/* SetActiveInstance and SetPreferredInstance have the same fields. */
void instances_request(struct client *c, const struct wire_message *message)
{
    const struct wire_set_active_instance *asked = &message->as.set_active_instance;
    bool prefer = message->type == WIRE_SET_PREFERRED_INSTANCE;
    char who[CLIENT_WHO_MAX], name[WIRE_NAME_MAX * 4 + 1];
    const char *why_not = "";
    struct error err = {.text = ""};
    uint16_t code = WIRE_CODE_NONE;
    (void)text_escape(name, sizeof name, asked->process_name);
    if (!client_may_administer(c, &why_not)) {
        code = client_code_why_not(c, why_not);
        (void)error_set(&err, D2K_NOT_ALLOWED, "%s", why_not);
    } else {
        d2k_result rc = change(c, message, prefer, &err);
        code = rc == D2K_OK ? (uint16_t)WIRE_CODE_NONE : client_code_of(rc);
    }
    log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s makes instance %u of %s the %s one: %s%s",
              client_who(c, who), asked->instance, name, prefer ? "preferred" : "active",
              code == WIRE_CODE_NONE ? "done" : "refused: ", err.text);
    if (code != WIRE_CODE_NONE) {
        client_send_failed(c, message->request, code, err.text);
        return;
    }
    struct wire_message done = {.type = WIRE_DONE, .request = message->request};
    client_send(c, &done);
    kernel_tidy(c->kernel);
    instances_tell(c->kernel, name);
}
