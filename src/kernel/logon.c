/* LogOn and LogOff: a user at the console of a client. Names and passwords are checked by the
 * guard's thread (access/guard.h); here stands what is told and what follows. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "kernel/kernel.h"

/* The frame lies in the session's input, which is read again and again: a password must not stay
 * there. */
static void wipe(struct slice secret)
{
    union {
        const char *read;
        char *write;
    } bytes = {.read = secret.data};
    if (secret.size > 0) {
        explicit_bzero(bytes.write, secret.size);
    }
}

static void audit_logon(const struct client *c, const char *user, const char *outcome)
{
    char where[CLIENT_WHERE_MAX];
    log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s %s user %s logs on: %s", c->process->name,
              client_where(c, where), user, outcome);
}

/* Without the port, which differs each time: "127.0.0.1", "[::1]", "local". */
static void address_of(const struct client *c, char *ret, size_t size)
{
    uint32_t uid;
    if (net_link_local_user(c->link, &uid)) {
        (void)text_copy(ret, size, "local");
        return;
    }
    (void)text_copy(ret, size, net_link_address_text(c->link));
    char *colon = strrchr(ret, ':');
    if (colon != NULL) {
        *colon = '\0';
    }
}

static void refuse(struct client *c, uint64_t request, const char *user, uint16_t code,
                   const char *sentence)
{
    char outcome[ERROR_TEXT_MAX + 16];
    (void)snprintf(outcome, sizeof outcome, "refused: %s", sentence);
    audit_logon(c, user, outcome);
    client_send_failed(c, request, code, sentence);
}

static uint64_t ticket_of(struct kernel *kernel, struct client *c)
{
    c->logon_ticket = ++kernel->last_ticket;
    return c->logon_ticket;
}

static void begin(struct client *c, const struct wire_message *message, const char *user)
{
    char address[GUARD_ADDRESS_MAX + 1];
    struct error err = {.text = ""};
    uint32_t uid;
    address_of(c, address, sizeof address);
    struct guard_request request = {
        .ticket = ticket_of(c->kernel, c),
        .user = message->as.log_on.user,
        .password = message->as.log_on.password,
        .address = address,
        .is_protected =
            session_is_tls(net_link_session(c->link)) || net_link_local_user(c->link, &uid),
    };
    d2k_result rc = guard_log_on(c->kernel->setup.guard, &request, &err);
    if (rc != D2K_OK) {
        c->logon_ticket = 0;
        refuse(c, message->request, user,
               rc == D2K_ARGUMENT ? WIRE_CODE_LOGON
               : rc == D2K_LIMIT  ? WIRE_CODE_BUSY
                                  : WIRE_CODE_LIMIT,
               err.text);
        return;
    }
    c->logon_request = message->request;
}

void logon_on(struct client *c, const struct wire_message *message)
{
    char user[WIRE_NAME_MAX * 4 + 1];
    (void)text_escape(user, sizeof user, message->as.log_on.user);
    if (c->logon_ticket != 0) {
        refuse(c, message->request, user, WIRE_CODE_BUSY,
               "the password before this one is still being checked");
    } else {
        begin(c, message, user);
    }
    wipe(message->as.log_on.password);
}

/* What a user may see or do changes for this client. False: out of memory; nobody ("") needs none.
 */
static bool become(struct client *c, const char *user)
{
    if (!plant_process_set_user(c->process, user)) {
        return false;
    }
    if (rights_name(c->kernel->rights, RIGHT_SEE)) {
        permissions_review(c);
    }
    return true;
}

void logon_off(struct client *c, const struct wire_message *message)
{
    struct wire_message done = {.type = WIRE_DONE, .request = message->request};
    if (client_user(c)[0] != '\0') {
        char where[CLIENT_WHERE_MAX];
        log_write(c->kernel->log, LOG_INFO, "AUDIT", "%s %s user %s logs off: done",
                  c->process->name, client_where(c, where), client_user(c));
        (void)become(c, "");
        done.as.done.count = 1;
    }
    c->logon_ticket = 0; /* a check that is under way finds nobody */
    client_send(c, &done);
}

static void settle(struct client *c, const struct guard_outcome *outcome)
{
    struct wire_message answer = {.type = WIRE_LOGGED_ON, .request = c->logon_request};
    c->logon_ticket = 0;
    if (outcome->result != D2K_OK) {
        refuse(c, c->logon_request, outcome->user,
               outcome->result == D2K_NOT_ALLOWED ? WIRE_CODE_LOGON
               : outcome->result == D2K_AGAIN     ? WIRE_CODE_BUSY
                                                  : WIRE_CODE_INTERNAL,
               outcome->sentence);
        return;
    }
    if (!become(c, outcome->user)) {
        refuse(c, c->logon_request, outcome->user, WIRE_CODE_INTERNAL,
               "the kernel has no memory for one more user");
        return;
    }
    audit_logon(c, outcome->user, "accepted");
    answer.as.logged_on.user = slice_of(client_user(c));
    client_send(c, &answer);
}

/* A client whose link has ended meanwhile is not there any more. */
static struct client *client_of_ticket(struct kernel *kernel, uint64_t ticket)
{
    size_t position = 0;
    struct net_link *link;
    while ((link = net_link_at(kernel->net, &position)) != NULL) {
        struct client *c = net_link_data(link);
        if (client_state(c) == CLIENT_REGISTERED && c->logon_ticket == ticket) {
            return c;
        }
    }
    return NULL;
}

void logon_take_news(struct kernel *kernel)
{
    struct guard_outcome outcome;
    struct rights *rights = NULL;
    if (!guard_has_news(kernel->setup.guard)) {
        return;
    }
    if (guard_take_rights(kernel->setup.guard, &rights)) {
        permissions_changed(kernel, rights);
    }
    while (guard_take_logon(kernel->setup.guard, &outcome)) {
        struct client *c = client_of_ticket(kernel, outcome.ticket);
        if (c != NULL) {
            settle(c, &outcome);
        }
    }
}
