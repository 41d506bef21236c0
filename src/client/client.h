/* client/client.h: struct d2k_client and what its parts offer each other.
 *
 *     config.c         what the client was told
 *     client.c         public entry points, the one function that changes state, waiting
 *     connect.c        servers in order: resolve, TCP, waits between attempts
 *     group.c          kernels of a redundancy group: which they are, and which is hot
 *     link.c           one connection: socket and session, opening, watchdog, its end
 *     dispatch.c       what the kernel says, message by message
 *     events.c         what the program is told, in order
 *     requests.c       questions that wait for an answer
 *     objects.c        objects of this process and their values
 *     definition.c     what is said of an object: checked, copied, sent
 *     known_objects.c  objects that the kernel told of, by number
 *     subscriptions.c
 *     writes.c         writing objects of others, and commands for our own
 *     queries.c        questions about many objects, and about the past
 *     logon.c          the user at this client
 *     lines.c          every log line of the component CLIENT
 *
 * Rule for endings: whoever finds out that a connection cannot go on calls client_end_link() with
 * the reason and touches the link no more; that function alone closes, logs and decides what
 * follows. */
#ifndef D2K_CLIENT_CLIENT_H
#define D2K_CLIENT_CLIENT_H

#include <ares.h>

#include <d2k/client.h>

#include "base/cursor.h"
#include "base/list.h"
#include "base/machine.h"
#include "base/map.h"
#include "client/config.h"
#include "os/socket.h"
#include "session/session.h"
#include "tls/policy.h"

#define CLIENT_ADDRESSES_MAX      16u /* of one host that are tried */
#define CLIENT_EVENTS_MAX         64u /* that wait for the program; then nothing more is decoded */
#define CLIENT_PENDING_MAX        1024u /* questions without answer */
#define CLIENT_SUBSCRIPTIONS_MAX  1024u
#define CLIENT_KNOWN_OBJECTS_MAX  1000000u
#define CLIENT_PING_MAX           (64u * 1024u)   /* bytes */
#define CLIENT_WRITES_MAX         64u             /* writes whose outcome is awaited */
#define CLIENT_COMMANDS_MAX       4096u           /* commands that the program has not answered */
#define CLIENT_UNSENT_MAX         (1024u * 1024u) /* bytes; then d2k_publish() says D2K_LIMIT */
#define CLIENT_UPDATE_SIZE        (64u * 1024u)   /* bytes after which an Update frame is closed */
#define CLIENT_TURN_MAX           (1024u * 1024u) /* bytes read by one d2k_client_process() */
#define CLIENT_ADDRESS_STEP_MS    10000u          /* for one address when others are left */
#define CLIENT_WAIT_MIN_MS        500u
#define CLIENT_WAIT_MAX_MS        30000u
#define CLIENT_RETRY_AFTER_MAX_MS 3600000u /* longest wait that a kernel may ask for */
#define CLIENT_GOOD_LINK_MS       60000u   /* a link that held so long starts the waits anew */
#define CLIENT_LINGER_MS          2000u    /* for the kernel to close after our log-off */
#define CLIENT_WATCHDOGS_MISSED   3u

enum client_state {
    CLIENT_IDLE,
    CLIENT_RESOLVING,
    CLIENT_CONNECTING,
    CLIENT_OPENING,     /* TLS */
    CLIENT_REGISTERING, /* Hello and Register are sent */
    CLIENT_REGISTERED,
    CLIENT_LOGGING_OFF, /* Bye is in the output */
    CLIENT_WAITING,     /* before the next round of servers */
    CLIENT_ENDED,
    CLIENT_STATES
};

/* Of queries to all name servers over UDP and TCP at once. */
#define RESOLVER_SOCKETS_MAX 16u

struct connector {
    size_t server;        /* index in config->servers */
    ares_channel channel; /* while a name is being resolved */
    d2k_socket resolver_sockets[RESOLVER_SOCKETS_MAX];
    size_t resolver_socket_count;
    bool resolved; /* the answer is there: `resolve_status` and addresses */
    int resolve_status;
    struct os_address addresses[CLIENT_ADDRESSES_MAX];
    size_t address_count, address;
    bool plain;                /* this server said at level None that it has no TLS */
    bool standby;              /* this server said that it is not the hot kernel of the group */
    uint64_t deadline_ms;      /* of this server, registration included */
    uint64_t step_deadline_ms; /* of this address */
    struct error failure;      /* most telling one of this round */
    unsigned rounds_failed;    /* since the last good link */
    uint32_t retry_after_ms;   /* least wait that somebody asked for */
    uint64_t wait_until_ms;
};

struct link {
    int fd;                  /* -1: none */
    struct session *session; /* NULL: none */
    enum tls_level level;    /* that the configuration demanded when it was opened */
    bool update_open;        /* an Update frame is being filled */
    struct wire_open_frame update;
    bool input_full;      /* the session takes no bytes until messages were taken */
    bool decoding_paused; /* until output has left */
    bool read_ended;      /* end of stream; `broken` says why */
    bool write_ended;
    struct error broken;
    uint64_t linger_until_ms; /* after the log-off has left; 0: it has not */
    bool welcomed;
    uint64_t registered_ms, last_sent_ms, last_received_ms;
    uint32_t watchdog_ms;
    uint64_t capabilities;
    uint8_t kernel_instance[WIRE_ID_SIZE];
    uint64_t logon_request; /* that is awaited before the client is connected; 0: none */
    char kernel_version[4 * WIRE_NAME_MAX + 1]; /* escaped */
    char process_name[WIRE_NAME_MAX + 1];
    uint64_t connection_sql_id;
    d2k_instance_state instance_state;
};

struct waiting_event {
    d2k_event_type type;
    d2k_result result;
    uint64_t request, count;
    char *text; /* owned; NULL: "" */
};

enum held_kind {
    HELD_NOTHING,
    HELD_UPDATE,
    HELD_OBJECT,
    HELD_PROCESS,
    HELD_PONG,
    HELD_COMMAND,
};

/* A message that is told as it lies in the session; nothing is read from the socket while one is
 * held, so memory stays bounded and a slow program slows its kernel. */
struct held {
    enum held_kind kind;
    uint64_t request;
    struct wire_message message;
    struct cursor values; /* rest of an Update */
};

struct process_texts {
    char name[WIRE_NAME_MAX + 1], version[WIRE_NAME_MAX + 1], computer[WIRE_NAME_MAX + 1];
    char address[64 + 1], tls_version[16 + 1], user[WIRE_NAME_MAX + 1];
};

struct events {
    struct waiting_event waiting[CLIENT_EVENTS_MAX];
    size_t first, count;
    struct held held;
    bool discarding; /* logging off: nobody takes events any more */
    /* what the event that the program has now points to */
    char *text;
    d2k_value value;
    d2k_process_info process;
    struct process_texts process_texts;
    d2k_object_info command_object;
    char command_process[WIRE_NAME_MAX + 1], command_user[4 * WIRE_NAME_MAX + 1];
};

enum request_kind {
    REQUEST_DEFINE,
    REQUEST_SUBSCRIBE,
    REQUEST_READ,
    REQUEST_LIST_OBJECTS,
    REQUEST_LIST_PROCESSES,
    REQUEST_PING,
    REQUEST_SHUTDOWN,
    REQUEST_SET_LOG_LEVEL,
    REQUEST_CONFIGURE,
    REQUEST_DELETE,
    REQUEST_LOG_ON,
    REQUEST_LOG_OFF,
    REQUEST_INSTANCE,
    REQUEST_PROCESS,
    REQUEST_HISTORY,
    REQUEST_ACKNOWLEDGE_ALARM,
    REQUEST_SNAPSHOT,
};

/* A question without answer yet; stands in the object or subscription it is about, or alone. */
struct request {
    struct list link;
    uint64_t number;
    enum request_kind kind;
};

struct requests {
    uint64_t last_number;
    struct list pending;   /* in the order of sending, which is that of most answers */
    size_t single_count;   /* pending ones that stand alone */
    struct list abandoned; /* their link has ended: told as FAILED */
};

/* A value that is kept: a text or a table is a copy. */
struct newest {
    bool set;
    d2k_value value;
    char *text;
    size_t text_capacity;
};

enum definition {
    DEFINITION_WAITING, /* in objects.to_define */
    DEFINITION_SENT,
    DEFINITION_ACCEPTED,
    DEFINITION_REFUSED,
};

/* What was said of an object of this process, with memory of its own. */
struct own_definition {
    d2k_definition says; /* points to what follows */
    char *description, *unit, *path;
    d2k_limits limits;
    d2k_column *columns; /* NULL: it has none */
    struct buffer column_bytes;
};

struct d2k_object {
    struct d2k_client *client;
    char *name;
    d2k_type type;
    uint32_t hobj;
    struct own_definition own;   /* its name is `name` */
    uint32_t command_timeout_ms; /* 0: the kernel's own */
    uint8_t key[4];              /* hobj, for objects.by_number */
    bool in_by_number;
    enum definition definition;
    bool define_again; /* something was said of it while the answer was awaited */
    struct request request;
    struct list all_link; /* objects.all */
    struct list link;     /* objects.to_define, or objects.to_publish, or none */
    bool unsent;          /* `newest` has not gone out on this connection */
    struct newest newest;
};

struct objects {
    struct map by_name;
    struct map by_number;   /* those that take commands, while accepted */
    struct list all;        /* in the order of their declaration */
    struct list to_define;  /* on this link, or the next */
    struct list to_publish; /* accepted, with a value that has not gone out */
    size_t unsent;          /* objects with `unsent` that are not refused */
    uint64_t sequence;
};

struct known_object {
    uint8_t key[4]; /* hobj, for the map */
    d2k_object_info info;
    d2k_value default_value;
    d2k_limits limits;
    d2k_column *columns; /* NULL: it has none */
    char texts[]; /* terminated texts that `info` points to, and the content of the default */
};

struct subscription {
    struct list link;
    uint64_t number; /* for the program */
    uint32_t wire_number;
    d2k_subscription_options options;
    struct request request;
    char pattern[WIRE_PATTERN_MAX + 1];
};

struct subscriptions {
    struct list all;
    size_t count;
    uint32_t last_wire_number;
};

struct writes {
    struct list pending; /* struct write, in the order of sending */
    size_t pending_count;
    struct list lost; /* whose outcome will never be known: to be told */
    uint64_t last_counter;
    uint8_t kernel_instance[WIRE_ID_SIZE]; /* that the pending ones were sent to */
    struct list commands;                  /* struct command: the program has to answer them */
    size_t command_count;
};

struct d2k_client {
    struct d2k_config *config;
    struct registry_location location;
    bool located;
    const char *application; /* of config; NULL: none */
    char *local_path;        /* of the local socket; NULL: TCP */
    struct tls_keeper *keeper;
    struct machine machine;
    struct error error;  /* of the last function that failed, or of the link's end */
    struct error end;    /* why it is CLIENT_ENDED */
    bool was_registered; /* at least once */
    bool logging_off;    /* the program wants the end: no connection any more */
    uint8_t instance[WIRE_ID_SIZE];
    uint8_t resume_token[WIRE_TOKEN_SIZE];
    bool has_resume_token;
    struct connector connector;
    struct link link;
    struct events events;
    struct requests requests;
    struct objects objects;
    struct map known; /* struct known_object by hobj */
    struct subscriptions subscriptions;
    struct writes writes;
};

/* ---- client.c ---- */

enum client_state client_state(const d2k_client *client);
/* The only function that changes state. */
void client_change_state(d2k_client *client, enum client_state next);
/* The only function that ends a link or an attempt: closes, tells why, decides what follows.
 * `why` may be the client's own error. */
void client_end_link(d2k_client *client, const struct error *why);
void client_fail(d2k_client *client, d2k_result result, const char *format, ...) D2K_PRINTF(3, 4);
/* Whether it connects again after a failure or loss. */
bool client_reconnects(const d2k_client *client);
/* Sends a question that stands alone. D2K_STATE, D2K_LIMIT, D2K_NO_MEMORY. */
d2k_result client_ask(d2k_client *client, enum request_kind kind, struct wire_message *message,
                      uint64_t *ret_request) D2K_MUST_CHECK;
/* Stores the reason in client->error. */
d2k_result client_refuse(d2k_client *client, d2k_result result, const char *format, ...)
    D2K_PRINTF(3, 4);

/* D2K_ARGUMENT: `text` is not 1..max bytes of UTF-8; `what` it is, for the reason. */
d2k_result client_check_text(d2k_client *client, const char *what, const char *text,
                             size_t max) D2K_MUST_CHECK;

/* ---- connect.c ---- */

/* From CLIENT_IDLE or CLIENT_WAITING: the first server. */
void connect_begin_round(d2k_client *client);
void connect_resolving_work(d2k_client *client);
void connect_connecting_work(d2k_client *client);
void connect_waiting_work(d2k_client *client);
/* The attempt with this server has failed: next server, wait, or the end. Says so in the log. */
void connect_failed(d2k_client *client, const struct error *why);
/* At level None after Refuse(NO_TLS): the same address again, in plain. */
void connect_again_plain(d2k_client *client);
/* Chooses and remembers the wait before the next round; milliseconds. */
uint32_t connect_choose_wait(d2k_client *client);
size_t connect_sockets(const d2k_client *client, d2k_socket *ret_sockets, size_t max);
/* The earlier of `deadline_ms` and the resolver's. */
uint64_t connect_resolver_deadline(const d2k_client *client, uint64_t deadline_ms, uint64_t now_ms);
void connect_close_resolver(d2k_client *client);
const struct config_server *connect_server(const d2k_client *client);

/* ---- group.c ---- */

/* Makes the servers of the redundancy table, if a group was given. D2K_ARGUMENT (a server too),
 * D2K_CONFIG, D2K_FILE, D2K_NOT_FOUND, D2K_NO_MEMORY. */
d2k_result group_find_servers(d2k_client *client, struct error *err) D2K_MUST_CHECK;
/* Whether the client looks for the hot one of several kernels. */
bool group_is_used(const d2k_client *client);
/* Whether this kernel is the one that is looked for; if not, the attempt has been ended. */
bool group_accepts(d2k_client *client, const struct wire_welcome *welcome);

/* ---- link.c ---- */

void link_init(struct link *link);
/* Closes and forgets everything. */
void link_close(d2k_client *client);
/* TCP is there: the session begins. */
void link_open(d2k_client *client);
void link_work(d2k_client *client);
void link_logging_off_work(d2k_client *client);
/* Says Bye and begins CLIENT_LOGGING_OFF. */
void link_log_off(d2k_client *client);
int link_wanted_events(const d2k_client *client);
/* 0: none. */
uint64_t link_deadline(const d2k_client *client);
/* Appends a message; a failure ends the link. */
void link_send(d2k_client *client, const struct wire_message *message);
/* The open Update frame, begun if there is none; NULL when the link cannot take it (it has ended
 * then). */
struct buffer *link_update_frame(d2k_client *client);
/* A value was appended: closes the frame when it is large enough. */
void link_update_added(d2k_client *client);
size_t link_unsent(const d2k_client *client);
/* Writes once what may still be said (Bye, alert) before the link is closed. */
void link_say_goodbye(d2k_client *client);
/* Says who we are; the kernel has been told Hello. */
void link_register(d2k_client *client);
/* Registered arrived. */
void link_registered(d2k_client *client, const struct wire_registered *answer);

/* Nobody has to log on (any more): the program is told that it is connected. */
void link_ready(d2k_client *client);

/* ---- instances.c ---- */

/* The kernel says what this process is now. Before the program is told that it is connected, it is
 * only noted. */
void instances_state(d2k_client *client, uint8_t state);

/* ---- logon.c ---- */

/* Whether the configuration names a user with his password. */
bool logon_is_wanted(const d2k_client *client);
void logon_begin(d2k_client *client);
/* The kernel refused: the link ends. */
void logon_failed(d2k_client *client, const struct wire_failed *failed);

/* ---- writes.c ---- */

void writes_init(struct writes *writes);
void writes_free(struct writes *writes);
/* Sends again what the last link may have lost. */
void writes_registered(d2k_client *client);
void writes_link_ended(d2k_client *client);
void writes_result(d2k_client *client, const struct wire_message *message);
/* A Write of the kernel: held for the program, or refused. */
void writes_command(d2k_client *client, const struct wire_message *message);
/* A write whose outcome will never be known; false: none. */
bool writes_take_lost(d2k_client *client, d2k_event *ret_event);

/* ---- dispatch.c ---- */

/* Decodes messages until one has to be told to the program, or none is left. False: none was
 * decoded. */
bool dispatch_messages(d2k_client *client);
/* Result for a code of Refuse and Bye, and for one of Failed. */
d2k_result dispatch_end_result(uint16_t code) D2K_MUST_CHECK;
d2k_result dispatch_failed_result(uint16_t code) D2K_MUST_CHECK;

/* ---- events.c ---- */

void events_free(d2k_client *client);
/* `text` is copied and may be NULL. */
void events_add(d2k_client *client, d2k_event_type type, uint64_t request, uint64_t count,
                d2k_result result, const char *text);
void events_hold(d2k_client *client, enum held_kind kind, const struct wire_message *message);
/* The link has ended: what lies in its session is gone. */
void events_drop_held(d2k_client *client);
/* Whether decoding has to wait until the program takes events. */
bool events_block(const d2k_client *client);
/* The next event that is there without work on the link. May end the link (malformed value). */
bool events_take(d2k_client *client, d2k_event *ret_event);
/* What the last event pointed to is no longer needed. */
void events_release(d2k_client *client);

/* ---- requests.c ---- */

void requests_init(struct requests *requests);
void requests_free(struct requests *requests);
uint64_t requests_new_number(struct requests *requests);
/* Puts it among the pending ones under this number. */
void requests_begin(struct requests *requests, struct request *request, enum request_kind kind,
                    uint64_t number);
/* NULL when no such question is open. */
struct request *requests_find(struct requests *requests, uint64_t number);
/* Answered: removed, and freed if it stands alone. */
void requests_finish(struct requests *requests, struct request *request);
/* The link has ended: those that stand alone become abandoned, the others are just forgotten. */
void requests_abandon(struct requests *requests);
/* Number of an abandoned one, which is freed; 0: none. */
uint64_t requests_take_abandoned(struct requests *requests);

/* ---- definition.c ---- */

/* D2K_ARGUMENT. */
d2k_result definition_check_name(d2k_client *client, const char *name) D2K_MUST_CHECK;
d2k_result definition_check_history(d2k_client *client, const char *name,
                                    unsigned changes) D2K_MUST_CHECK;
d2k_result definition_check(d2k_client *client, const d2k_definition *definition) D2K_MUST_CHECK;
/* Appends what goes beyond the fields of Define and Configure. D2K_TYPE and D2K_ARGUMENT (its
 * default), D2K_NO_MEMORY. */
d2k_result definition_put_properties(d2k_client *client, const d2k_definition *definition,
                                     struct buffer *properties) D2K_MUST_CHECK;
/* Takes a copy in place of what is there, without name, default and expression. False: no memory,
 * and it is as it was. */
bool definition_keep(struct own_definition *own, const d2k_definition *definition) D2K_MUST_CHECK;
void definition_free(struct own_definition *own);
/* Columns of an Array or a Structure, as base/table.h has them; else empty. */
struct slice definition_columns(const struct own_definition *own);

/* ---- objects.c ---- */

void objects_init(struct objects *objects, const uint64_t seed[2]);
void objects_free(struct objects *objects);
/* Sends definitions and kept values as far as the output takes them. */
void objects_work(d2k_client *client);
/* Whether a definition waits to be sent, or a value that the kernel did not refuse. */
bool objects_waiting(const d2k_client *client);
void objects_defined(d2k_client *client, struct request *request, uint32_t hobj);
/* Returns its name for messages. */
const char *objects_refused(d2k_client *client, struct request *request);
/* An object of this process that takes commands; NULL: none. */
const d2k_object *objects_find(const d2k_client *client, uint32_t hobj);
/* The newest values are sent once more: those that were sent did not count. */
void objects_publish_again(d2k_client *client);
/* All have to be defined again on the next link, and their newest values sent. */
void objects_link_ended(d2k_client *client);

/* ---- known_objects.c ---- */

/* D2K_LIMIT, D2K_NO_MEMORY. */
d2k_result known_objects_add(d2k_client *client, const struct wire_object_info *info,
                             struct error *err) D2K_MUST_CHECK;
void known_objects_remove(d2k_client *client, uint32_t hobj);
/* NULL: not known. */
const d2k_object_info *known_objects_find(const d2k_client *client, uint32_t hobj);
void known_objects_clear(d2k_client *client);

/* ---- subscriptions.c ---- */

void subscriptions_init(struct subscriptions *subscriptions);
void subscriptions_free(struct subscriptions *subscriptions);
void subscriptions_registered(d2k_client *client);
/* 0: no such subscription. */
uint64_t subscriptions_number(const d2k_client *client, uint32_t wire_number);
/* Refused: removed. Returns its pattern in `ret_pattern`. */
void subscriptions_refused(d2k_client *client, struct request *request, char *ret_pattern,
                           size_t size);

/* ---- lines.c ---- */

#define LINES_PLACE_MAX 400 /* "TCP/IP <host>:<port>" with its terminator */

/* "TCP/IP localhost:3119", "TCP/IP [::1]:3119", "LOCAL PLANT". */
const char *lines_place(const d2k_client *client, char ret[LINES_PLACE_MAX]);
/* "localhost:3119", "[::1]:3119", "local socket of PLANT": for error texts. */
const char *lines_server(const d2k_client *client, char ret[LINES_PLACE_MAX]);
void lines_connecting(const d2k_client *client);
void lines_established(const d2k_client *client);
void lines_attempt_failed(const d2k_client *client, const struct error *why, const char *next,
                          bool final);
void lines_lost(const d2k_client *client, const struct error *why, const char *next, bool final);
void lines_logged_off(const d2k_client *client);
void lines_without_tls(const d2k_client *client);
/* The table calls the kernel `expected`; `name` is what it calls itself, escaped. */
void lines_kernel_name(const d2k_client *client, const char *expected, const char *name);
void lines_no_application(const d2k_client *client);
void lines_password_on_command_line(const d2k_client *client);
void lines_certificate_warning(const d2k_client *client, const char *warning);
void lines_definition_refused(const d2k_client *client, const char *name, const char *sentence);

#endif
