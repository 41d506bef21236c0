/* Hello and Register: versions, names, and a name that is in use.
 *
 * A name locks nobody out: with the resume token of its holder the old link ends as Crash and the
 * new one is accepted at once; without it the holder is asked for a sign of life, and only a holder
 * that answers keeps the name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/version.h"
#include "kernel/kernel.h"
#include "os/clock.h"
#include "os/system.h"

static void refuse(struct client *c, uint16_t code, const char *sentence)
{
    net_link_end(c->link, WIRE_REFUSE, code, code == WIRE_CODE_LIMIT ? NET_RETRY_AFTER_MS : 0,
                 sentence);
}

void registration_hello(struct client *c, const struct wire_message *message)
{
    const struct wire_hello *hello = &message->as.hello;
    struct kernel *kernel = c->kernel;
    char sentence[WIRE_SENTENCE_MAX];
    if (client_state(c) != CLIENT_CONNECTED) {
        net_link_broken(c->link, D2K_PROTOCOL, WIRE_CODE_PROTOCOL, "a second Hello");
        return;
    }
    if (hello->version_max < WIRE_VERSION_MIN || hello->version_min > WIRE_VERSION_MAX) {
        (void)snprintf(sentence, sizeof sentence,
                       "this kernel (" D2K_VERSION_TEXT
                       ") speaks protocol versions %u to %u, the client %u to %u; "
                       "install matching versions",
                       WIRE_VERSION_MIN, WIRE_VERSION_MAX, hello->version_min, hello->version_max);
        refuse(c, WIRE_CODE_VERSION, sentence);
        return;
    }
    char wanted[WIRE_NAME_MAX * 4 + 1];
    text_escape(wanted, sizeof wanted, hello->application);
    if (hello->application.size > 0 &&
        !text_equal_ignoring_case(wanted, kernel->setup.application)) {
        (void)snprintf(sentence, sizeof sentence,
                       "this kernel runs application %s, the client wants %s",
                       kernel->setup.application, wanted);
        refuse(c, WIRE_CODE_APPLICATION, sentence);
        return;
    }
    c->capabilities = hello->capabilities & WIRE_CAPABILITIES;
    struct wire_message answer = {.type = WIRE_WELCOME, .request = message->request};
    struct wire_welcome *welcome = &answer.as.welcome;
    welcome->version =
        hello->version_max < WIRE_VERSION_MAX ? hello->version_max : WIRE_VERSION_MAX;
    welcome->capabilities = WIRE_CAPABILITIES;
    memcpy(welcome->kernel_instance, kernel->instance, WIRE_ID_SIZE);
    welcome->application = slice_of(kernel->setup.application);
    welcome->kernel_name = slice_of(kernel->name);
    welcome->state = WIRE_STATE_HOT;
    welcome->kernel_version = slice_of(D2K_VERSION_TEXT);
    client_send(c, &answer);
    client_move(c, CLIENT_WELCOMED);
}

/* ---- Register ---- */

/* Equal in a time that does not depend on where they differ: a token is a secret. */
static bool tokens_equal(const uint8_t *a, const uint8_t *b)
{
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < WIRE_TOKEN_SIZE; i++) {
        difference = (uint8_t)(difference | (a[i] ^ b[i]));
    }
    return difference == 0;
}

static uint32_t watchdog_within_limits(uint32_t wanted_ms)
{
    if (wanted_ms < CLIENT_WATCHDOG_MIN_MS) {
        return CLIENT_WATCHDOG_MIN_MS;
    }
    return wanted_ms > CLIENT_WATCHDOG_MAX_MS ? CLIENT_WATCHDOG_MAX_MS : wanted_ms;
}

static void log_refusal(struct client *c, const char *sentence)
{
    char where[CLIENT_WHERE_MAX];
    log_write(c->kernel->log, LOG_WARNING, "SERVER",
              "RegistraterProces REFUSED. ClientName: %s ComputerName: %s %s: %s",
              c->registration->name, c->registration->computer, client_where(c, where), sentence);
}

static void refuse_registration(struct client *c, uint16_t code, const char *sentence)
{
    log_refusal(c, sentence);
    c->refusal_logged = true;
    refuse(c, code, sentence);
}

static void facts_of(const struct client *c, struct process *ret_facts)
{
    const struct registration *r = c->registration;
    const struct session *session = net_link_session(c->link);
    memset(ret_facts, 0, sizeof *ret_facts);
    ret_facts->name = r->name;
    ret_facts->version = r->version;
    ret_facts->computer = r->computer;
    ret_facts->address = net_link_address_text(c->link);
    ret_facts->tls_version = session_tls_version(session);
    ret_facts->instance = r->instance;
    ret_facts->os_process_id = r->os_process_id;
    ret_facts->verified = session_is_tls(session) && (r->flags & WIRE_REGISTER_VERIFIED) != 0;
    ret_facts->since_ns = os_wall_ns();
    ret_facts->link = net_link_id(c->link);
    ret_facts->state = PROCESS_RUNNING;
}

static void answer_registered(struct client *c)
{
    struct wire_message answer = {.type = WIRE_REGISTERED, .request = c->registration->request};
    struct wire_registered *registered = &answer.as.registered;
    registered->id_number = c->process->id;
    registered->connection_sql_id = c->process->connection_sql_id;
    registered->process_name = slice_of(c->process->name);
    memcpy(registered->resume_token, c->process->resume_token, WIRE_TOKEN_SIZE);
    registered->kernel_time = os_wall_ns();
    registered->watchdog_ms = c->watchdog_ms;
    client_send(c, &answer);
    session_set_registered(net_link_session(c->link));
}

/* The name is free: the process starts. */
static void accept_registration(struct client *c)
{
    struct kernel *kernel = c->kernel;
    struct process facts;
    struct error err = {0};
    if (plant_running_count(kernel->plant) >= kernel->setup.max_clients) {
        refuse_registration(c, WIRE_CODE_LIMIT, "Max_Clients processes are connected already");
        return;
    }
    facts_of(c, &facts);
    facts.connection_sql_id = kernel->connection_sql_id + 1;
    d2k_result rc = D2K_NO_MEMORY;
    if (os_random(facts.resume_token, sizeof facts.resume_token) &&
        (c->subscriber = subscriber_new(kernel->plant, c)) != NULL) {
        rc = plant_process_start(kernel->plant, &facts, &c->process, &err);
    }
    if (rc != D2K_OK) {
        subscriber_free(c->subscriber);
        c->subscriber = NULL;
        refuse_registration(c, rc == D2K_EXISTS ? WIRE_CODE_NAME_IN_USE : WIRE_CODE_INTERNAL,
                            rc == D2K_EXISTS ? err.text
                                             : "the kernel has no memory for one more process");
        return;
    }
    kernel->connection_sql_id++;
    subscriber_take_past(c->subscriber, (c->capabilities & WIRE_CAPABILITY_PAST) != 0);
    client_move(c, CLIENT_REGISTERED);
    log_write(kernel->log, LOG_INFO, "SERVER",
              "RegistraterProces OK. ClientName: %s Id: %u ComputerName: %s SAS: 0",
              c->process->name, c->process->id, c->process->computer);
    programs_registered(kernel, c->process->name);
    answer_registered(c);
    registration_forget(c);
    kernel_tidy(kernel); /* an instance may have taken over from another one */
    instances_tell(kernel, c->process->name);
    if (c->process->instance != 0) {
        tags_show_process(kernel, c->process->name);
    }
    tags_process_changed(kernel, c->process->name);
}

/* Each instance of a name has a place of its own. */
static const struct process *holder_of_name(const struct client *c)
{
    return plant_process_instance(c->kernel->plant, slice_of(c->registration->name),
                                  c->registration->instance);
}

static void refuse_name_in_use(struct client *c, const struct process *holder)
{
    char sentence[WIRE_SENTENCE_MAX], since[TEXT_TIME_MAX];
    text_time(since, sizeof since, holder->since_ns);
    (void)snprintf(
        sentence, sizeof sentence,
        "process name %s is in use: held by pid %u on computer %s, connected from %s since %s",
        holder->name, holder->os_process_id, holder->computer, holder->address, since);
    refuse_registration(c, WIRE_CODE_NAME_IN_USE, sentence);
}

/* Asks the holder of the name for a sign of life. */
static void start_probe(struct client *c, struct net_link *holder)
{
    struct wire_message ping = {.type = WIRE_PING};
    c->registration->holder = net_link_id(holder);
    c->registration->holder_bytes = net_link_received_bytes(holder);
    c->since_ms = net_server_now_ms(c->kernel->net);
    client_move(c, CLIENT_PROBING);
    client_send(net_link_data(holder), &ping);
}

void registration_probe(struct client *c, uint64_t now_ms)
{
    struct net_link *holder = net_link_find(c->kernel->net, c->registration->holder);
    const struct process *process = holder_of_name(c);
    bool held = process != NULL && process->state == PROCESS_RUNNING;
    if (holder != NULL && held && net_link_received_bytes(holder) > c->registration->holder_bytes) {
        refuse_name_in_use(c, process);
        return;
    }
    if (holder != NULL && held && now_ms - c->since_ms < CLIENT_PROBE_MS) {
        return;
    }
    if (holder != NULL) {
        net_link_end(holder, WIRE_BYE, WIRE_CODE_REPLACED, 0,
                     "it did not answer while another connection asked for its process name");
    } else if (held) {
        refuse_name_in_use(c, process); /* somebody else was quicker */
        return;
    }
    accept_registration(c);
}

static void resolve_name(struct client *c)
{
    struct kernel *kernel = c->kernel;
    const struct process *holder = holder_of_name(c);
    if (holder == NULL || holder->state != PROCESS_RUNNING) {
        accept_registration(c);
        return;
    }
    struct net_link *link = net_link_find(kernel->net, holder->link);
    if (link == NULL) {
        refuse_name_in_use(c, holder);
        return;
    }
    if ((c->registration->flags & WIRE_REGISTER_RESUME) != 0 &&
        tokens_equal(c->registration->resume_token, holder->resume_token)) {
        net_link_end(link, WIRE_BYE, WIRE_CODE_REPLACED, 0,
                     "the same process has connected again with its resume token");
        accept_registration(c);
        return;
    }
    start_probe(c, link);
}

void registration_forget(struct client *c)
{
    free(c->registration);
    c->registration = NULL;
}

static bool take_facts(struct client *c, const struct wire_message *message)
{
    const struct wire_registration *r = &message->as.registration;
    struct registration *kept = c->registration;
    kept->request = message->request;
    kept->instance = r->process_instance;
    kept->os_process_id = r->os_process_id;
    kept->flags = r->flags;
    c->watchdog_ms = watchdog_within_limits(r->watchdog_ms);
    memcpy(kept->resume_token, r->resume_token, WIRE_TOKEN_SIZE);
    (void)text_escape(kept->name, sizeof kept->name, r->process_name);
    (void)text_escape(kept->version, sizeof kept->version, r->program_version);
    (void)text_escape(kept->computer, sizeof kept->computer, r->computer_name);
    bool numbered = (r->flags & WIRE_REGISTER_NUMBERED) != 0;
    return text_is_process_name(r->process_name) && r->process_instance <= INSTANCE_MAX &&
           !(numbered && r->process_instance != 0);
}

void registration_register(struct client *c, const struct wire_message *message)
{
    struct kernel *kernel = c->kernel;
    struct error err = {0};
    char where[CLIENT_WHERE_MAX];
    if (client_state(c) != CLIENT_WELCOMED) {
        net_link_broken(c->link, D2K_PROTOCOL, WIRE_CODE_PROTOCOL,
                        client_state(c) == CLIENT_CONNECTED ? "Register before Hello"
                                                            : "a second Register");
        return;
    }
    c->registration = calloc(1, sizeof *c->registration);
    if (c->registration == NULL) {
        refuse(c, WIRE_CODE_LIMIT, "the kernel has no memory for one more process");
        return;
    }
    d2k_result named = take_facts(c, message) ? D2K_OK : D2K_ARGUMENT;
    char asked[sizeof c->registration->name];
    memcpy(asked, c->registration->name, sizeof asked);
    if (named == D2K_OK && (c->registration->flags & WIRE_REGISTER_NUMBERED) != 0) {
        named = plant_process_number(kernel->plant, slice_of(asked), c->registration->name, &err);
    }
    log_write(kernel->log, LOG_INFO, "BACKEND",
              "RegistraterProces request from %s %s %s. ClientName: %s", asked,
              c->registration->version, client_where(c, where), c->registration->name);
    if (named != D2K_OK) {
        refuse_registration(
            c, named == D2K_LIMIT ? WIRE_CODE_LIMIT : WIRE_CODE_BAD_NAME,
            err.text[0] != '\0'
                ? err.text
                : "process names are <workstation>.<suffix>: letters, digits, _ and - , a "
                  "dot, 1 to 8 letters or digits; instance 0 to 15, and 0 for a numbered name");
        return;
    }
    resolve_name(c);
}
