/* kernel/kernel.h: the kernel as its files share it: the plant, its links, and what is told to
 * whom.
 *
 * Everything here belongs to the plant thread. */
#ifndef D2K_KERNEL_KERNEL_H
#define D2K_KERNEL_KERNEL_H

#include "access/guard.h"
#include "base/list.h"
#include "base/log.h"
#include "base/machine.h"
#include "base/map.h"
#include "kernel/log_limiter.h"
#include "model/plant.h"
#include "net/server.h"
#include "registry/static_processes.h"
#include "session/session.h"
#include "store/hobj_table.h"
#include "store/plant_store.h"
#include "wire/message.h"

/* Limits of one client. */
#define CLIENT_QUERIES_MAX      64u    /* lists and reads that are being answered */
#define CLIENT_CHANGES_MAX      1024u  /* Configure, Delete and Write that wait for the disk */
#define CLIENT_COMMANDS_MAX     64u    /* commands whose outcome is not known yet */
#define CLIENT_ORDERS_MAX       16u    /* starts and stops of processes whose end is awaited */
#define CLIENT_PING_MAX         65536u /* bytes of a Ping */
#define CLIENT_REGISTER_MS      10000u /* from the end of the handshake to a complete registration */
#define CLIENT_PROBE_MS         2000u  /* how long the holder of a wanted name may take to answer */
#define CLIENT_WATCHDOG_MIN_MS  1000u
#define CLIENT_WATCHDOG_MAX_MS  3600000u
#define CLIENT_WATCHDOG_MISSED  3u
#define COMMANDS_MAX            4096u  /* of all clients, whose outcome is not known yet */
#define COMMANDS_REMEMBERED_MAX 4096u  /* outcomes that are kept for writers who ask again */
#define COMMAND_TIMEOUT_MS      10000u /* that an owner has, unless its object says otherwise */
#define COMMAND_TIMEOUT_MIN_MS  100u
#define COMMAND_TIMEOUT_MAX_MS  3600000u
#define KERNEL_GOOD_BYE_MS      3000u /* for clients to take our Bye when the kernel ends */

/* What the kernel must be given; everything must outlive it. */
struct kernel_setup {
    const char *application;
    struct log *log;
    struct plant *plant;
    struct hobj_table *hobjs;
    unsigned max_clients;
    uint32_t admin_uid; /* this user and root may administer over the local socket */
    struct tls_keeper *keeper;
    struct guard *guard;
    int parent_line;                          /* to the parent process; -1: there is none */
    const struct static_processes *processes; /* that the parent looks after */
};

/* Who wrote, and his how many-th write it is. */
struct command_id {
    uint8_t bytes[WIRE_ID_SIZE + 8];
};

struct commands {
    struct list open; /* struct command */
    unsigned count;
    uint64_t last_number;
    struct map by_id;                                       /* struct remembered */
    struct remembered *remembered[COMMANDS_REMEMBERED_MAX]; /* a ring */
    unsigned next_place;
};

/* What administrators want of static processes. */
struct orders {
    struct list open; /* struct order, that the parent has not answered yet */
    unsigned count;
    uint32_t last_number;
};

/* What the service manager was told last. */
struct service {
    uint16_t port;
    uint64_t watchdog_ms; /* 0: it does not watch us */
    uint64_t alive_ms, told_ms;
    size_t told_count;
};

struct kernel {
    struct kernel_setup setup;
    struct net_server *net;
    const struct log *log;
    struct plant *plant;
    uint8_t instance[WIRE_ID_SIZE]; /* random, of this start */
    char name[WIRE_NAME_MAX + 1];   /* of the kernel: the host's */
    uint64_t connection_sql_id;     /* of the last registration */
    uint64_t messages;              /* received since the start */
    bool ending;
    bool end_asked; /* the parent was told; why stands in end_why */
    char end_why[ERROR_TEXT_MAX];
    uint64_t tick_ms; /* last */
    bool tick_was_late;
    struct service service;
    struct log_limiter refusals; /* of connections that did not become processes */
    struct list
        gone; /* clients whose link has ended, freed when nobody can be working on them any more */

    struct plant_store *store; /* of the kernel's own objects */
    struct list changes;       /* struct change, that wait for the store, in its order */
    uint32_t highest_number;   /* in the table of numbers when the store was opened */

    struct rights *rights; /* in force; NULL: there are no rules */
    uint64_t last_ticket;  /* of a logon */
    char why_not[WIRE_SENTENCE_MAX];
    struct commands commands;
    struct orders orders;
    struct parent_state *programs; /* of the static processes, as the parent told last */

    /* system tags */
    struct object *tag_clients, *tag_requests, *tag_memory, *tag_cpu;
    uint64_t tags_at_ms, tags_messages, tags_cpu_ns;
};

enum client_state {
    CLIENT_CONNECTED, /* nothing was said yet */
    CLIENT_WELCOMED,  /* Hello was answered */
    CLIENT_PROBING,   /* its name is held by a link that is being asked whether it still lives */
    CLIENT_REGISTERED,
    CLIENT_GONE,
};

/* What the client said in Register, kept while the holder of its name is probed. */
struct registration {
    uint64_t request;
    char name[WIRE_NAME_MAX + 1];
    char version[WIRE_NAME_MAX + 1];
    char computer[WIRE_NAME_MAX + 1];
    uint16_t instance;
    uint32_t os_process_id;
    uint32_t flags;
    uint8_t resume_token[WIRE_TOKEN_SIZE];
    struct link_id holder; /* PROBING: the link that is asked */
    uint64_t holder_bytes; /* what it had sent when it was asked */
};

struct client {
    struct kernel *kernel;
    struct net_link *link;
    struct machine machine;
    uint64_t capabilities;             /* that both sides have */
    struct registration *registration; /* NULL before Register and after it is settled */
    struct process *process;           /* while REGISTERED */
    struct subscriber *subscriber;     /* while REGISTERED */
    uint64_t since_ms;                 /* of the link; of the probe while PROBING */
    uint64_t last_sequence;            /* of its published values */
    uint32_t watchdog_ms;
    enum process_state end_state; /* what its process becomes when the link ends */
    struct list queries;          /* struct query, in the order they came */
    unsigned query_count;
    unsigned change_count;  /* that wait for the store */
    unsigned command_count; /* of this writer that are open */
    unsigned order_count;   /* of this administrator that are open */
    uint64_t logon_ticket;  /* of the logon that is being checked; 0: none */
    uint64_t logon_request;
    size_t review_position;
    enum instance_state instance_told; /* what the client knows that it is */
    bool reviewing;                    /* what it may see has changed */
    bool values_first;                 /* in the next fill; then the answers, in turn */
    bool refusal_logged;
    bool is_shown; /* an object tells the state of its process, if it can have one */
    struct list gone_link;
};

/* Who is logged on; "": nobody. */
static inline const char *client_user(const struct client *c)
{
    return c->process != NULL ? c->process->user : "";
}

static inline enum client_state client_state(const struct client *c)
{
    return (enum client_state)c->machine.current;
}

/* kernel.c */

/* D2K_NO_MEMORY, D2K_INTERNAL (no randomness). */
d2k_result kernel_init(struct kernel *kernel, const struct kernel_setup *setup,
                       struct error *err) D2K_MUST_CHECK;
/* The callbacks to make the net server with; then set kernel->net. */
struct net_callbacks kernel_callbacks(struct kernel *kernel);
/* For the hooks of the plant. */
void kernel_wake(void *context, struct subscriber *subscriber);
/* Has the parent stop the static processes and then end us; without a parent as kernel_end(). */
void kernel_ask_to_end(struct kernel *kernel, const char *why);
/* Says good-bye to everybody and ends; `why` stands in the log and is told to the clients. */
void kernel_end(struct kernel *kernel, const char *why);
/* Goes on with what clients that have ended, and instances that are active no more, leave behind in
 * the plant, a slice a turn. */
void kernel_tidy(struct kernel *kernel);
/* A line about a connection that did not become a process may be written; false: it is counted
 * instead. Any thread. */
bool kernel_may_log_refusal(struct kernel *kernel);

/* service.c: what the service manager is told; nothing when there is none */

/* Everything listens: clients may come. */
void service_ready(struct kernel *kernel, uint16_t port);
void service_tick(struct kernel *kernel, uint64_t now_ms);
void service_ending(const char *why);
/* SIGHUP: looks at the TLS configuration and logs what is in force. May wait for files: not on the
 * plant thread. */
void service_read_again(void *context);

/* client.c */

void client_opened(struct kernel *kernel, struct net_link *link);
void client_received(struct client *c);
void client_fill(struct client *c);
/* The structure stays until clients_bury(): whoever was working on it when its link ended sees
 * CLIENT_GONE. */
void client_closed(struct client *c, enum net_end how, const char *why);
void clients_bury(struct kernel *kernel);
/* Deadlines and watchdog. */
void client_tick(struct client *c, uint64_t now_ms);
/* Changes the state; the only way to. */
void client_move(struct client *c, enum client_state next);
/* Sends, ends the link if the output is full. */
void client_send(struct client *c, const struct wire_message *message);
void client_send_failed(struct client *c, uint64_t request, uint16_t code, const char *sentence);
/* Code of a refusal of the plant. */
uint16_t client_code_of(d2k_result result);
/* "[TCP/IP 127.0.0.1:50481][TLSv1.3]" or "[TCP/IP 127.0.0.1:50481]" or "[LOCAL uid 0]". */
#define CLIENT_WHERE_MAX 224
const char *client_where(const struct client *c, char ret_text[CLIENT_WHERE_MAX]);
/* "OP.HIP [TCP/IP 127.0.0.1:50481][TLSv1.3] user jana": for the audit. */
#define CLIENT_WHO_MAX (WIRE_NAME_MAX + CLIENT_WHERE_MAX + USERS_NAME_MAX + 16)
const char *client_who(const struct client *c, char ret_text[CLIENT_WHO_MAX]);

/* permissions.c: what a client may do. False: *ret_why tells why not, until the next question. */

/* Code of a refusal, until the next question: NO_RIGHT if a rule forbids it, else NOT_ALLOWED. */
uint16_t client_code_why_not(const struct client *c, const char *why_not);
/* May it ask for administrative things? */
bool client_may_administer(const struct client *c, const char **ret_why);
/* Define or delete an object of the kernel? */
bool client_may_define(const struct client *c, struct slice name, const char **ret_why);
/* Define an object of its own? */
bool client_may_define_own(const struct client *c, struct slice name, const char **ret_why);
/* Set an object of another process, or of the kernel? */
bool client_may_set(const struct client *c, const struct object *object, const char **ret_why);
/* Subscribe to, or read, this name or pattern? Of what a pattern matches, what it may not see is
 * left out. */
bool client_may_ask_for(const struct client *c, struct slice pattern, const char **ret_why);
bool client_may_see(const struct client *c, const struct object *object);
/* For the hooks of the plant; `owner_data` is the client. */
bool permissions_may_see(void *context, void *owner_data, const struct object *object);
/* Takes the rules over; live subscriptions follow. */
void permissions_changed(struct kernel *kernel, struct rights *rights);
/* What the client has subscribed to is looked at again, a slice at each fill. */
void permissions_review(struct client *c);
void permissions_fill(struct client *c);

/* logon.c: the user at a client */

void logon_on(struct client *c, const struct wire_message *message);
void logon_off(struct client *c, const struct wire_message *message);
/* Takes what the guard has: rules that changed, passwords that were checked. */
void logon_take_news(struct kernel *kernel);

/* instances.c: several processes under one name */

/* Tells the instances of this name what they are now, where it has changed. */
void instances_tell(struct kernel *kernel, const char *name);
/* Another instance gives the values of its objects: what it publishes is left out. */
bool instances_is_passive(const struct client *c);
/* SetActiveInstance, SetPreferredInstance. */
void instances_request(struct client *c, const struct wire_message *message);

/* orders.c: static processes are started and stopped */

void orders_init(struct orders *orders);
void orders_free(struct orders *orders);
/* StartProcess, StopProcess, RestartProcess. */
void orders_request(struct client *c, const struct wire_message *message);
struct parent_answer;
void orders_answered(struct kernel *kernel, const struct parent_answer *answer);

/* programs.c: what the parent tells of static processes */

struct parent_state;
/* D2K_NO_MEMORY. */
d2k_result programs_init(struct kernel *kernel, struct error *err) D2K_MUST_CHECK;
void programs_free(struct kernel *kernel);
/* Whether a static process has this name; case is ignored. */
bool programs_find(const struct kernel *kernel, const char *process, size_t *ret_index);
/* A process has registered, or ended like this: the parent hears of static ones. */
void programs_registered(const struct kernel *kernel, const char *process);
void programs_left(const struct kernel *kernel, const char *process, enum process_state how);
/* Takes what the parent says. */
void programs_take_news(struct kernel *kernel);
/* Appends what is known of the program of this process; nothing for a dynamic one. */
void programs_put(const struct kernel *kernel, const char *process, struct buffer *properties);
/* A process of this name is or was registered, with any instance. */
bool programs_has_registered(const struct kernel *kernel, struct slice name);
/* It is a static one whose program ended badly, or could not be started, the last time. */
bool programs_have_failed(const struct kernel *kernel, const char *process);
/* Each static process gets an object that tells its state; once all that is stored is there. */
void programs_show(struct kernel *kernel);
/* The index-th static process as a process that has never registered. */
void programs_facts(const struct kernel *kernel, size_t index, struct process *ret_facts);

/* commands.c: writes to objects of other processes */

d2k_result commands_init(struct commands *commands, struct error *err) D2K_MUST_CHECK;
void commands_free(struct commands *commands);
struct command_id command_id_of(const struct wire_write *write);
/* A write that was made before: it is answered, or will be. */
bool commands_repeated(struct client *c, uint64_t request, const struct command_id *id);
/* Answers a write that ended at once: WIRE_CODE_NONE is done. */
void commands_answer(struct client *c, uint64_t request, const struct command_id *id, uint16_t code,
                     const char *sentence);
/* Whether everybody may write the object whom no rule forbids it: its property WRITABLE. */
bool commands_are_taken(const struct object *object);
/* Passes the value on to the owner of the object, or refuses it. */
void commands_write(struct client *c, const struct wire_message *message, struct object *object,
                    const d2k_value *value);
/* WriteResult of an owner. */
void commands_result(struct client *c, const struct wire_message *message);
/* The process ends: what it was asked for has no known outcome. While its process has its link. */
void commands_client_gone(struct client *c);
void commands_tick(struct kernel *kernel, uint64_t now_ms);
/* "<name> (<old> -> <new>)": of a write, for the audit. */
#define COMMANDS_CHANGE_MAX (D2K_OBJECT_NAME_MAX + 560)
const char *commands_change_text(const struct object *object, const d2k_value *value,
                                 char ret_text[COMMANDS_CHANGE_MAX]);
/* "<who> writes object <name> (<old> -> <new>)". */
#define COMMANDS_AUDIT_MAX (CLIENT_WHO_MAX + COMMANDS_CHANGE_MAX + 16)
const char *commands_audit_text(const struct client *c, const struct object *object,
                                const d2k_value *value, char ret_text[COMMANDS_AUDIT_MAX]);

/* registration.c */

void registration_hello(struct client *c, const struct wire_message *message);
void registration_register(struct client *c, const struct wire_message *message);
/* It is settled, or its client is gone. */
void registration_forget(struct client *c);
/* The probed holder of the name may have answered, ended, or run out of time. */
void registration_probe(struct client *c, uint64_t now_ms);

/* values.c: what a client publishes and writes */

void values_define(struct client *c, const struct wire_message *message);
void values_update(struct client *c, const struct wire_message *message);
void values_acknowledge(struct client *c, const struct wire_message *message);
void values_write(struct client *c, const struct wire_message *message);

/* definitions.c: what a message says of an object, checked */

/* Reads a list of properties into a definition, whose other fields are set already: the list may
 * confirm its kind, not change it. What this kernel knows is kept in `properties` (an empty
 * buffer), to which the definition then points. D2K_ARGUMENT with the reason, D2K_NO_MEMORY. */
d2k_result definition_take(struct slice list, struct definition *definition,
                           struct buffer *properties, struct error *err) D2K_MUST_CHECK;
/* The kind that a list of properties wants, `otherwise` if it wants none. */
enum object_kind definition_kind(struct slice list, enum object_kind otherwise);
/* What it says of the history, as struct definition has it. */
uint32_t definition_history(struct slice properties);
/* The limits that a list of properties gives, into the definition; of what was checked already. */
void definition_limits(struct slice properties, struct definition *definition);
/* What it gives of alarms; of what was checked already. */
struct alarm_rule definition_alarm(struct slice properties);
/* The columns that a list of properties gives; empty: none. */
struct slice definition_columns(struct slice properties);
/* The value that a user variable has when nobody has written it yet; false: none was given, or it
 * is not a value of this type: err (NULL allowed) says why. Its bytes point into the properties. */
bool definition_default(d2k_type type, struct slice properties, d2k_value *ret_value,
                        struct error *err);

/* configuration.c: what the kernel owns itself, and stores */

/* Loads what is stored, after the system tags are defined. D2K_CONFIG, D2K_FILE, D2K_NO_MEMORY. */
d2k_result configuration_open(struct kernel *kernel, const char *state_dir,
                              struct error *err) D2K_MUST_CHECK;
/* Writes what waits; while kernel->net is still there. */
void configuration_close(struct kernel *kernel);
/* What the store has done is done in the plant and answered. */
void configuration_settle(struct kernel *kernel);
void configuration_configure(struct client *c, const struct wire_message *message);
void configuration_delete(struct client *c, const struct wire_message *message);
/* Answers the Write of a value to a user variable, once it is stored. */
void configuration_write(struct client *c, const struct wire_message *message,
                         const struct object *object, const d2k_value *value);

/* queries.c: what a client asks once */

/* Read, ListProcesses. */
void queries_ask(struct client *c, const struct wire_message *message);
void queries_list(struct client *c, const struct wire_message *message);
void queries_snapshot(struct client *c, const struct wire_message *message);
void queries_history(struct client *c, const struct wire_message *message);
/* Answers as long as there is room; searches a bounded part of the plant at once, then wakes the
 * link to go on. */
void queries_fill(struct client *c);
void queries_drop(struct client *c);

/* AcknowledgeAlarm of a pattern. */
void queries_acknowledge(struct client *c, const struct wire_message *message);

/* alarms.c: process alarms are acknowledged */

void alarms_acknowledge(struct client *c, const struct wire_message *message);
/* What is done for one request about a pattern. NULL: out of memory. */
struct acknowledgement *acknowledgement_new(const struct client *c);
/* An object that the pattern matches, and the client may see. */
void acknowledgement_take(struct client *c, struct acknowledgement *acknowledgement,
                          struct object *object);
void acknowledgement_answer(struct client *c, const struct acknowledgement *acknowledgement,
                            uint64_t request);
/* Writes the audit and frees it. NULL is allowed. */
void acknowledgement_end(struct kernel *kernel, struct acknowledgement *acknowledgement,
                         struct slice pattern, bool is_complete);

/* delivery.c: what a client has subscribed to */

void delivery_subscribe(struct client *c, const struct wire_message *message);
void delivery_unsubscribe(struct client *c, const struct wire_message *message);
void delivery_fill(struct client *c);
/* A frame of values is closed at this size: far below the limit, large enough for the longest text.
 */
#define DELIVERY_FRAME_SIZE (64u * 1024u)
void delivery_close_frame(struct client *c, struct buffer *frames, struct wire_open_frame frame);
struct wire_message delivery_object_info(const struct object *object, uint64_t request);

/* tags.c: the kernel's own objects, and those that tell the states of processes */

d2k_result tags_define(struct kernel *kernel, struct error *err) D2K_MUST_CHECK;
void tags_tick(struct kernel *kernel, uint64_t now_ms);
/* From now on an object of type Process tells its state: of who is static, has instances, or gives
 * values. Its name is that of the process, with _ for -; where somebody else has an object of that
 * name there is a line in the log and nothing else. */
void tags_show_process(struct kernel *kernel, const char *name);
/* It has started or ended, or one of its instances, or its program. */
void tags_process_changed(struct kernel *kernel, const char *name);

#endif
