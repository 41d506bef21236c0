/* What a client may do: the rules in force (registry/rights.h), and what holds where no rule says
 * anything.
 *
 * Whether a client may see an object is asked when it begins to read it. When rules change, or a
 * user logs on, each client's subscriptions are reviewed a slice at a time. */
#include <stdio.h>

#include "base/text.h"
#include "kernel/kernel.h"

/* Objects that are reviewed for one client in one turn. */
#define REVIEW_AT_ONCE 4096u

static struct rights_verdict decide(const struct client *c, enum right right, struct slice object)
{
    struct rights_subject subject = {slice_of(c->process != NULL ? c->process->name : ""),
                                     slice_of(client_user(c))};
    return rights_decide(c->kernel->rights, &subject, right, object);
}

/* The sentence that names the rule; holds until the next question. */
static const char *explain(const struct client *c, const struct rights_rule *rule, enum right right,
                           struct slice object)
{
    struct kernel *kernel = c->kernel;
    char place[RIGHTS_PLACE_MAX], name[D2K_OBJECT_NAME_MAX * 4 + 1];
    (void)snprintf(kernel->why_not, sizeof kernel->why_not, "%s forbids %s%s%s to %s%s%s",
                   rights_place(kernel->rights, rule, place), c->process->name,
                   client_user(c)[0] != '\0' ? " with user " : "", client_user(c),
                   rights_word(right), object.size > 0 ? " " : "",
                   text_escape(name, sizeof name, object));
    return kernel->why_not;
}

uint16_t client_code_why_not(const struct client *c, const char *why_not)
{
    return why_not == c->kernel->why_not ? WIRE_CODE_NO_RIGHT : WIRE_CODE_NOT_ALLOWED;
}

static bool is_own(const struct client *c, const struct object *object)
{
    return object != NULL && c->process != NULL &&
           text_equal_ignoring_case(object->owner, c->process->name);
}

/* ---- see ---- */

bool client_may_see(const struct client *c, const struct object *object)
{
    return !rights_name(c->kernel->rights, RIGHT_SEE) || is_own(c, object) ||
           decide(c, RIGHT_SEE, slice_of(object->name)).answer != RIGHTS_DENIED;
}

/* A name that may not be seen is refused whether there is such an object or not. */
bool client_may_ask_for(const struct client *c, struct slice pattern, const char **ret_why)
{
    if (text_is_pattern(pattern) || !rights_name(c->kernel->rights, RIGHT_SEE) ||
        is_own(c, plant_object_by_name(c->kernel->plant, pattern))) {
        return true;
    }
    struct rights_verdict verdict = decide(c, RIGHT_SEE, pattern);
    if (verdict.answer == RIGHTS_DENIED) {
        *ret_why = explain(c, verdict.rule, RIGHT_SEE, pattern);
    }
    return verdict.answer != RIGHTS_DENIED;
}

bool permissions_may_see(void *context, void *owner_data, const struct object *object)
{
    (void)context;
    return client_may_see(owner_data, object);
}

void permissions_review(struct client *c)
{
    c->review_position = 0;
    c->reviewing = true;
    net_link_wake(c->link);
}

void permissions_fill(struct client *c)
{
    if (!c->reviewing) {
        return;
    }
    if (!subscriber_review(c->subscriber, &c->review_position, REVIEW_AT_ONCE)) {
        net_link_end(
            c->link, WIRE_BYE, WIRE_CODE_LIMIT, 0,
            "the kernel has no memory to take back what this process may not see any more");
        return;
    }
    c->reviewing = c->review_position < plant_object_end(c->kernel->plant);
    if (c->reviewing) {
        net_link_wake(c->link);
    }
}

void permissions_changed(struct kernel *kernel, struct rights *rights)
{
    bool matters = rights_name(kernel->rights, RIGHT_SEE) || rights_name(rights, RIGHT_SEE);
    rights_unref(kernel->rights);
    kernel->rights = rights;
    size_t position = 0;
    struct net_link *link;
    while (matters && (link = net_link_at(kernel->net, &position)) != NULL) {
        struct client *c = net_link_data(link);
        if (client_state(c) == CLIENT_REGISTERED) {
            permissions_review(c);
        }
    }
}

/* ---- set, define, administer ---- */

bool client_may_set(const struct client *c, const struct object *object, const char **ret_why)
{
    struct slice name = slice_of(object->name);
    if (is_own(c, object)) {
        return true;
    }
    struct rights_verdict verdict = decide(c, RIGHT_SET, name);
    if (verdict.answer == RIGHTS_DENIED) {
        *ret_why = explain(c, verdict.rule, RIGHT_SET, name);
        return false;
    }
    /* what a process owns is his to offer: commands.c asks whether it takes commands */
    if (verdict.answer == RIGHTS_ALLOWED || object->kind == OBJECT_OF_PROCESS ||
        commands_are_taken(object) || client_may_administer(c, ret_why)) {
        return true;
    }
    *ret_why = "no rule allows it to set variables of the kernel, and this one is not writable for "
               "everybody";
    return false;
}

bool client_may_define_own(const struct client *c, struct slice name, const char **ret_why)
{
    struct rights_verdict verdict = decide(c, RIGHT_DEFINE, name);
    if (verdict.answer == RIGHTS_DENIED) {
        *ret_why = explain(c, verdict.rule, RIGHT_DEFINE, name);
    }
    return verdict.answer != RIGHTS_DENIED;
}

bool client_may_define(const struct client *c, struct slice name, const char **ret_why)
{
    struct rights_verdict verdict = decide(c, RIGHT_DEFINE, name);
    if (verdict.answer == RIGHTS_OPEN) {
        return client_may_administer(c, ret_why);
    }
    if (verdict.answer == RIGHTS_DENIED) {
        *ret_why = explain(c, verdict.rule, RIGHT_DEFINE, name);
    }
    return verdict.answer == RIGHTS_ALLOWED;
}

static bool is_local_administrator(const struct client *c, const char **ret_why)
{
    uint32_t uid;
    if (!net_link_local_user(c->link, &uid)) {
        *ret_why = "administration is accepted only over the local socket of the kernel's machine, "
                   "or from a user whom a rule allows admin";
        return false;
    }
    *ret_why = "only root and the user of the kernel may administer it";
    return uid == 0 || uid == c->kernel->setup.admin_uid;
}

bool client_may_administer(const struct client *c, const char **ret_why)
{
    struct slice nothing = {"", 0};
    if (c->process == NULL) { /* not registered: it has no name that a rule could fit */
        return is_local_administrator(c, ret_why);
    }
    struct rights_verdict verdict = decide(c, RIGHT_ADMIN, nothing);
    if (verdict.answer == RIGHTS_OPEN) {
        return is_local_administrator(c, ret_why);
    }
    if (verdict.answer == RIGHTS_DENIED) {
        *ret_why = explain(c, verdict.rule, RIGHT_ADMIN, nothing);
    }
    return verdict.answer == RIGHTS_ALLOWED;
}
