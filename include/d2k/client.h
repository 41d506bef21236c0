/* d2k/client.h: a process of a d2k kernel.
 *
 * A client connects to a kernel, registers as a process, defines objects and publishes their
 * values, subscribes to objects of others. It uses no thread, no event loop and no global state,
 * and never ends the program.
 *
 * Two ways to drive it:
 *  - blocking: d2k_client_connect(), then d2k_client_next() with a time-out;
 *  - from a loop of your own: d2k_client_start(), then again and again: d2k_client_sockets() and
 *    d2k_client_deadline_ms() tell what to wait for, d2k_client_process() works, d2k_client_next(c,
 * &event, 0) takes events.
 *
 * Take all events, until d2k_client_next() says D2K_AGAIN, before waiting for sockets, also in a
 * program that only publishes: while values or some dozens of other events wait to be taken,
 * nothing more is read, so that memory stays bounded.
 *
 * Threads: one client is used by one thread at a time; different clients are independent.
 * Ownership: pointers in an event hold until the next call on the same client. Text arguments are
 * copied. Errors: every function that can fail says so in its result; d2k_client_error_text() has
 * the sentence. */
#ifndef D2K_CLIENT_H
#define D2K_CLIENT_H

#include <d2k/result.h>
#include <d2k/table.h>
#include <d2k/value.h>

#ifdef __cplusplus
extern "C" {
#endif

#define D2K_DEFAULT_PORT 3119u

/* "V1.00.000 s1": the version of this library. Static. */
D2K_API const char *d2k_version(void);

/* Makes text that came from the network safe for a log or a terminal: control characters, invalid
 * UTF-8 and bidirectional overrides become \xHH. `size` bytes of `text`, which need not be
 * terminated. Always terminated, cut to ret_size. Returns ret_text. */
D2K_API char *d2k_escape(const char *text, size_t size, char *ret_text, size_t ret_size);

/* ---- configuration of a client ---- */

typedef struct d2k_config d2k_config;

/* suffix: type of the process as it stands in its name ("API", "KOM"; 1..8 letters or digits).
 * program_version: shape of d2k_version(), NULL for that of the library. D2K_ARGUMENT,
 * D2K_NO_MEMORY. Free with d2k_config_free(). */
D2K_API d2k_result d2k_config_new(const char *suffix, const char *program_version,
                                  d2k_config **ret_config) D2K_MUST_CHECK;
/* NULL is allowed. */
D2K_API void d2k_config_free(d2k_config *config);

/* What a start parameter was. */
typedef enum d2k_parameter {
    D2K_PARAMETER_TAKEN,   /* it belongs to every client and was stored */
    D2K_PARAMETER_UNKNOWN, /* not one of them: the program's own */
    D2K_PARAMETER_HELP,    /* /? /h --help: print and end, whatever else is given */
} d2k_parameter;

/* Stores one start parameter: /S<host> /P<port> /RF<group> /W<name>[,<instance>] /F<seconds>
 * @<application>, --server= --port= --redundancy-table= --process= --watchdog= --application=
 * --config-dir= --installation= --log-dir= --run-dir= --reconnect --verbose, /AN<user> --user=
 * /AP<password> --password-file=, /?. /S takes a list
 * separated by ',' of hosts, each with an optional port
 * ("[::1]:3119"), tried in order. D2K_ARGUMENT with the reason in d2k_config_error_text() when it
 * is one of them but its value is wrong. */
D2K_API d2k_result d2k_config_parameter(d2k_config *config, const char *parameter,
                                        d2k_parameter *ret_what) D2K_MUST_CHECK;

/* The explanation of all parameters above, one a line, for /?. Static, terminated. */
D2K_API const char *d2k_config_parameters_help(void);

/* The same, by function. Each D2K_ARGUMENT or D2K_NO_MEMORY. */
D2K_API d2k_result d2k_config_set_server(d2k_config *config, const char *hosts)
    D2K_MUST_CHECK; /* default "localhost" */
D2K_API d2k_result d2k_config_set_port(d2k_config *config,
                                       unsigned port) D2K_MUST_CHECK; /* default 3119 */
D2K_API d2k_result d2k_config_set_application(d2k_config *config, const char *name) D2K_MUST_CHECK;
D2K_API d2k_result d2k_config_set_config_dir(d2k_config *config, const char *path) D2K_MUST_CHECK;
D2K_API d2k_result d2k_config_set_installation(d2k_config *config, const char *name) D2K_MUST_CHECK;
/* Where the local socket of the kernel lies (d2k_config_set_local()); without it that of the
 * installation. */
D2K_API d2k_result d2k_config_set_run_dir(d2k_config *config, const char *path) D2K_MUST_CHECK;
/* Instead of servers: the kernels in the table Redundancy\<group> of installation.conf, which
 * d2k_client_new() reads. They are asked in the order of their numbers, each at IpAddr1, then
 * IpAddr2, and the first that is hot is taken. Such a client connects again by itself once it has
 * been registered, also without d2k_config_set_reconnect(). */
D2K_API d2k_result d2k_config_set_redundancy_group(d2k_config *config,
                                                   const char *group) D2K_MUST_CHECK;
/* "DispPC", instance 1..15, or 0 for none. Without it the process is called
 * <COMPUTER>_<NN>.<suffix> with a number that the kernel gives. */
D2K_API d2k_result d2k_config_set_process(d2k_config *config, const char *workstation,
                                          unsigned instance) D2K_MUST_CHECK;
/* Interval of watchdog messages in seconds, 1..3600; default 10. The link is lost after three that
 * are missing. */
D2K_API d2k_result d2k_config_set_watchdog(d2k_config *config, unsigned seconds) D2K_MUST_CHECK;
/* Over the local socket of a kernel on this machine (administration) instead of TCP. */
D2K_API void d2k_config_set_local(d2k_config *config, bool local);
/* Connect again after an unexpected end, with growing jittered waits; default off: the client has
 * ended then. */
D2K_API void d2k_config_set_reconnect(d2k_config *config, bool reconnect);
/* How long a connection may take, TLS and registration included, in ms; default 60,000. */
D2K_API void d2k_config_set_connect_timeout(d2k_config *config, unsigned timeout_ms);

/* The user who logs on, on each link, before the client is connected; the kernel refuses it over a
 * link without TLS, unless it is local or configured. A password that the kernel refuses ends the
 * client: D2K_NOT_ALLOWED. `password` is copied, and wiped when the client is freed; NULL: it is
 * given later, else nobody logs on. D2K_ARGUMENT (1..64 and 1..256 bytes), D2K_NO_MEMORY. */
D2K_API d2k_result d2k_config_set_user(d2k_config *config, const char *user,
                                       const char *password) D2K_MUST_CHECK;
/* "": nobody was named. */
D2K_API const char *d2k_config_user(const d2k_config *config);
D2K_API bool d2k_config_has_password(const d2k_config *config);

typedef enum d2k_log_level {
    D2K_LOG_ERROR,
    D2K_LOG_WARNING,
    D2K_LOG_INFO,
    D2K_LOG_DEBUG,
} d2k_log_level;

/* Gets every log line ("[2022-09-23 07:48:11.289] CLIENT - ..."), without line end; it may hold
 * several lines separated by \n. NULL: no log. Called from within the functions below. */
typedef void d2k_log_function(void *context, d2k_log_level level, const char *line);
D2K_API void d2k_config_set_log(d2k_config *config, d2k_log_function *log, void *context);

/* Why the last function on this configuration failed; "" if none did. */
D2K_API const char *d2k_config_error_text(const d2k_config *config);

/* What was set, for programs that share the parameters (NULL or 0 where nothing was). */
D2K_API const char *d2k_config_log_dir(const d2k_config *config);
D2K_API const char *d2k_config_workstation(const d2k_config *config);
D2K_API unsigned d2k_config_instance(const d2k_config *config);
D2K_API bool d2k_config_verbose(const d2k_config *config);
D2K_API const char *d2k_config_config_dir(const d2k_config *config);
D2K_API const char *d2k_config_installation(const d2k_config *config);
/* Whether a client goes on after its link was lost: asked for, or given by a redundancy group. */
D2K_API bool d2k_config_reconnect(const d2k_config *config);
/* Whether a server, a port or a redundancy group was named. */
D2K_API bool d2k_config_server_given(const d2k_config *config);
/* The application: given, or DefaultApplication of installation.conf, or NULL: there is none, or
 * d2k_config_error_text() says why it could not be found out. Reads that file on the first call. */
D2K_API const char *d2k_config_application(d2k_config *config);

/* ---- the client ---- */

typedef struct d2k_client d2k_client;

/* Takes over `config` (also on failure: it is freed). Reads the TLS parameters of the application;
 * what is wrong with them is said here: D2K_CONFIG, D2K_FILE, D2K_NOT_FOUND, with *ret_error_text
 * (malloc'ed, may be NULL; ret_error_text may be NULL). D2K_NO_MEMORY. Connects to nothing yet. */
D2K_API d2k_result d2k_client_new(d2k_config *config, d2k_client **ret_client,
                                  char **ret_error_text) D2K_MUST_CHECK;
/* Closes at once, without log-off if there was none. NULL is allowed. */
D2K_API void d2k_client_free(d2k_client *client);

/* Why the last function on this client failed or its link ended; "" if nothing did. */
D2K_API const char *d2k_client_error_text(const d2k_client *client);

/* Begins connecting. D2K_STATE when it was begun already. */
D2K_API d2k_result d2k_client_start(d2k_client *client) D2K_MUST_CHECK;

/* d2k_client_start() and waiting until registered. D2K_OK, or why not: D2K_TIMEOUT, D2K_RESOLVE,
 * D2K_IO (nobody listens...), D2K_NO_TLS, D2K_TLS_REQUIRED, D2K_TLS, D2K_NOT_VERIFIED,
 * D2K_NAME_IN_USE, D2K_REFUSED, D2K_PROTOCOL, D2K_CLOSED, D2K_SHUTDOWN; of several servers'
 * failures the most telling one. With reconnect it goes on trying until timeout_ms (-1: for ever).
 * After timeout_ms it is still connecting: d2k_client_next() and d2k_client_process() go on. */
D2K_API d2k_result d2k_client_connect(d2k_client *client, int timeout_ms) D2K_MUST_CHECK;

#define D2K_WANT_READ  1
#define D2K_WANT_WRITE 2

typedef struct d2k_socket {
    int socket; /* operating-system handle; still the client's: never close it */
    int events; /* D2K_WANT_READ | D2K_WANT_WRITE */
} d2k_socket;

/* Fills at most `max` sockets to be watched and returns how many there are (16 are always enough).
 * They may change after every call on the client. */
D2K_API size_t d2k_client_sockets(const d2k_client *client, d2k_socket *ret_sockets, size_t max);
/* Milliseconds until d2k_client_process() must be called even if no socket is ready; -1: no
 * deadline. */
D2K_API int d2k_client_deadline_ms(const d2k_client *client);
/* Works on everything that is ready; call it when a socket is ready or the deadline has come; never
 * blocks. D2K_OK, or the reason why the client has ended for good (the same again on every later
 * call). */
D2K_API d2k_result d2k_client_process(d2k_client *client) D2K_MUST_CHECK;

/* What an object is. */
typedef enum d2k_kind {
    D2K_KIND_PROCESS = 0,       /* a process defined it and gives its values */
    D2K_KIND_USER_VARIABLE = 1, /* the kernel keeps it; who has the right may set it */
    D2K_KIND_COMPUTED = 2,      /* the kernel computes it from others */
    D2K_KIND_SYSTEM_TAG = 3,    /* the kernel tells of itself */
} d2k_kind;

typedef struct d2k_object_info {
    uint32_t hobj; /* kernel-wide number, stable over restarts of the kernel */
    d2k_type type;
    const char *name, *description, *unit;
    const char *owner; /* process name; "" is the kernel itself */
    d2k_kind kind;
    const char *path;               /* "Plant/Line1"; "": none */
    const d2k_value *default_value; /* of a user variable; NULL: none */
    bool writable;                  /* its owner takes commands; of a user variable: everybody may
                                       set it whom no rule forbids it */
    const char *expression;         /* of a computed object (docs/expressions.md); "": none */
    const d2k_limits *limits;       /* NULL: none */
    unsigned history;               /* changes that the kernel keeps of it, as d2k_keep_history()
                                       has it */
    bool has_alarms;                /* it gives process alarms (docs/alarms.md) */
    uint32_t alarms;                /* which: D2K_PALARM_BIT() of each; 0: none, it is silent */
    bool critical;                  /* they are critical */
    const d2k_column *columns;      /* of a Structure; of an Array one, without a name */
    size_t column_count;            /* 0: it is neither */
} d2k_object_info;

typedef enum d2k_process_state {
    D2K_PROCESS_RUNNING = 0,
    D2K_PROCESS_STOP = 1,  /* logged off */
    D2K_PROCESS_CRASH = 2, /* its link was lost */
    D2K_PROCESS_WDERR = 3, /* its watchdog messages were missing */
} d2k_process_state;

/* Of several processes of one name, which one gives the values of its objects. */
typedef enum d2k_instance_state {
    D2K_INSTANCE_NONE = 0, /* it was started without an instance, or has ended */
    D2K_INSTANCE_ACTIVE = 1,
    D2K_INSTANCE_PASSIVE = 2, /* what it publishes is left out; it may have to take over */
} d2k_instance_state;

/* What the program of a static process does, which the kernel starts itself (docs/processes.md). */
typedef enum d2k_program_state {
    D2K_PROGRAM_NONE = 0, /* a dynamic process: the kernel knows nothing of its program */
    D2K_PROGRAM_STOPPED,
    D2K_PROGRAM_QUEUED,   /* it waits for its turn at the start of the kernel */
    D2K_PROGRAM_WAITING,  /* it failed, and is started again in `next_start_ms` */
    D2K_PROGRAM_STARTING, /* it was started, and has not registered yet */
    D2K_PROGRAM_RUNNING,
    D2K_PROGRAM_STOPPING, /* it was asked to end, and has not ended yet */
    D2K_PROGRAM_UNKNOWN,  /* the kernel does not know it yet, or it is of a later version */
} d2k_program_state;

typedef struct d2k_process_info {
    uint32_t id;
    const char *name;
    unsigned instance;
    d2k_process_state state;
    const char *version, *computer, *address;
    uint32_t os_process_id;
    const char *tls_version; /* "TLSv1.3"; "" is a plain connection */
    bool verified;           /* it says that it verified the kernel's certificate */
    int64_t since_ns;
    uint64_t connection_sql_id;
    uint64_t values_in, values_out; /* from it to the kernel, from the kernel to it */
    const char *user;               /* who is logged on there; "": nobody */
    d2k_instance_state instance_state;
    bool preferred; /* instance */
    /* Of a static process; one that has never registered has but a name, the number that the system
     * gives to its program, and these. */
    d2k_program_state program;
    uint32_t restarts; /* after a crash or a hang, since the start of the kernel */
    uint32_t next_start_ms;
} d2k_process_info;

typedef enum d2k_event_type {
    D2K_EVENT_CONNECTED, /* registered; `text` is the process name, `count` the ConnectionSqlId */
    D2K_EVENT_DISCONNECTED, /* `result`, `text`: why; with reconnect it goes on by itself */
    D2K_EVENT_OBJECT, /* `object`: definition of an object that a subscription, read or list matches
                       */
    D2K_EVENT_VALUE,  /* `object` (hobj and name always), `value` */
    D2K_EVENT_SNAPSHOT_END, /* `request`: the subscription has told all there was; `count` objects
                             */
    D2K_EVENT_OVERRUN, /* `request`: a subscription in mode `every`; `count` values were lost */
    D2K_EVENT_PROCESS, /* `process`: answer to d2k_list_processes() */
    D2K_EVENT_DONE,    /* `request` is answered completely; `count` */
    D2K_EVENT_FAILED,  /* `request` was refused: `result`, `text` */
    D2K_EVENT_ACKNOWLEDGED, /* the kernel has taken all that was published up to `count` */
    D2K_EVENT_PONG,         /* answer to d2k_ping(): `request`, `text` with `count` bytes */
    D2K_EVENT_WRITE_RESULT, /* the outcome of d2k_set() `request`: `result` D2K_OK it was done;
                               D2K_UNKNOWN nobody can tell (time-out, its owner or the link ended);
                               else it was refused, `text` says why */
    D2K_EVENT_COMMAND, /* somebody sets an object of this process: `object`, `value`, `text` is the
                          process that asks, `user` who is logged on there ("": nobody); answer
                          with d2k_answer_command(`request`) */
    D2K_EVENT_LOGGED_ON,   /* `request`: d2k_log_on() has succeeded; `text` is the user */
    D2K_EVENT_OBJECT_GONE, /* an object that a subscription matched was deleted: `text` is its name,
                              `count` its number */
    D2K_EVENT_INSTANCE,    /* this process, an instance, is from now on what `count` says, a
                              d2k_instance_state. The newest values of one that becomes active are
                              published again by themselves */
} d2k_event_type;

typedef struct d2k_event {
    d2k_event_type type;
    uint64_t request; /* number that the asking function gave; 0: none */
    uint64_t count;
    d2k_result result;
    const char *text;
    const d2k_object_info *object;
    const d2k_value *value;
    const d2k_process_info *process;
    const char *user;
} d2k_event;

/* Takes the next event, waiting up to timeout_ms for one (0: do not wait, -1: for ever). D2K_OK:
 * *ret_event is filled; D2K_TIMEOUT (or D2K_AGAIN for timeout 0): none; anything else: the client
 * has ended, and why. */
D2K_API d2k_result d2k_client_next(d2k_client *client, d2k_event *ret_event,
                                   int timeout_ms) D2K_MUST_CHECK;

/* ---- definitions ---- */

/* How many of an object's changes the kernel keeps in memory. */
#define D2K_HISTORY_MAX  10000u
#define D2K_HISTORY_NONE UINT32_MAX /* none, whatever the kernel's configuration says */

/* What an object is: of this process (d2k_define_with()) or of the kernel (d2k_configure()). Set
 * `size`, and 0 what is not said. */
typedef struct d2k_definition {
    size_t size;      /* sizeof(d2k_definition): what later versions add is not read without it */
    const char *name; /* text may be NULL where it may be empty */
    d2k_type type;
    const char *description, *unit;
    const char *path; /* group that it stands in: "Plant/Line1", at most 128 bytes */
    d2k_kind kind;    /* of the kernel's: D2K_KIND_COMPUTED or D2K_KIND_USER_VARIABLE, which is also
                         what 0 means there */
    const d2k_value *default_value; /* of a user variable: content until somebody sets it; NULL:
                                       none */
    bool writable;          /* of a user variable: everybody may set it whom no rule forbids it;
                               else only who is allowed to. Of this process: as
                               d2k_accept_commands(object, 0) */
    const char *expression; /* of a computed object: at most 4096 bytes */
    unsigned history;       /* changes that the kernel keeps of it, as d2k_keep_history() has it */
    const d2k_limits *limits; /* of an Integer or a Real; NaN: not given; NULL: none */
    bool has_alarms; /* it gives process alarms (docs/alarms.md), of its own or the kernel's */
    uint32_t alarms; /* which: D2K_PALARM_BIT() of each, d2k_process_alarms_usual(type) for the
                        usual ones; 0: none, it is silent */
    bool critical;   /* they are critical; only with has_alarms */
    const d2k_column *columns; /* of a Structure; of an Array one, whose name is empty or NULL: its
                                  elements */
    size_t column_count;       /* 0: it is neither */
} d2k_definition;

/* ---- publishing ---- */

typedef struct d2k_object d2k_object; /* belongs to its client */

/* Declares an object of this process, which takes no commands until d2k_accept_commands(). It may
 * be called at any time; after a reconnect it is declared again by itself. If the kernel refuses,
 * an event D2K_EVENT_FAILED with the object's name in its text comes. D2K_ARGUMENT (name, type,
 * length), D2K_NO_MEMORY. Declaring the same name again gives the same object. */
D2K_API d2k_result d2k_define(d2k_client *client, const char *name, d2k_type type,
                              const char *description, const char *unit,
                              d2k_object **ret_object) D2K_MUST_CHECK;

/* The same with all that is said of the object: `kind` 0, no default, no expression. Declaring the
 * same name again, with the same type, replaces what was said of it; a definition that the kernel
 * had refused is tried anew. As d2k_define(), and D2K_ARGUMENT for what only the kernel's objects
 * have. */
D2K_API d2k_result d2k_define_with(d2k_client *client, const d2k_definition *definition,
                                   d2k_object **ret_object) D2K_MUST_CHECK;

/* Publishes a value; time 0 is now. D2K_OK means: taken into the output, which is sent by
 * d2k_client_process() (several values go out together). While not connected the newest value is
 * kept and sent after registration; the newest value of each object is sent again after a
 * reconnect. Text over D2K_TEXT_MAX_CHARS is cut and marked Weak. D2K_TYPE, D2K_ARGUMENT (range;
 * text that is not UTF-8), D2K_LIMIT (1 MiB waits already: let d2k_client_process() work),
 * D2K_REFUSED (the kernel refused the object), D2K_STATE (a value of the past, which is not kept,
 * while there is no link), D2K_NO_MEMORY; the reason when the client has ended. */
D2K_API d2k_result d2k_publish(d2k_object *object, const d2k_value *value) D2K_MUST_CHECK;

/* Asks for an event D2K_EVENT_ACKNOWLEDGED once the kernel has taken everything published so far.
 * D2K_STATE (not connected), D2K_AGAIN (values still wait for the declaration of their objects: let
 * d2k_client_process() work). */
D2K_API d2k_result d2k_acknowledge(d2k_client *client, uint64_t *ret_sequence) D2K_MUST_CHECK;

/* From now on this object takes commands (D2K_EVENT_COMMAND), each of which has timeout_ms until it
 * is answered: 100..3,600,000, 0 for the kernel's 10 s. Declared again by itself after a reconnect.
 * D2K_ARGUMENT. */
D2K_API d2k_result d2k_accept_commands(d2k_object *object, unsigned timeout_ms) D2K_MUST_CHECK;

/* From now on the kernel keeps so many of its changes for d2k_history(): 1..D2K_HISTORY_MAX, 0 for
 * what its configuration says, D2K_HISTORY_NONE. Declared again by itself after a reconnect.
 * D2K_ARGUMENT. */
D2K_API d2k_result d2k_keep_history(d2k_object *object, unsigned changes) D2K_MUST_CHECK;

/* Ends a command: D2K_OK it was done; D2K_UNKNOWN nobody can tell; anything else refuses it. The
 * sentence (NULL: none, at most 512 bytes UTF-8) is told to who asked. Publish the new value before
 * you answer. D2K_NOT_FOUND: there is no such command, or its link has ended; D2K_ARGUMENT. */
D2K_API d2k_result d2k_answer_command(d2k_client *client, uint64_t request, d2k_result result,
                                      const char *sentence) D2K_MUST_CHECK;

/* ---- writing objects of others ---- */

typedef enum d2k_set_mode {
    D2K_SET_OUTCOME = 0, /* D2K_EVENT_WRITE_RESULT tells how it ended, also over a reconnect */
    D2K_SET_SENT = 1,    /* nothing is told; D2K_OK only means: sent */
} d2k_set_mode;

/* Sets an object of another process (a command to its owner), a user variable of the kernel, or an
 * object of this process. Time 0 is the kernel's now. At most 64 may wait for their outcome.
 * D2K_ARGUMENT (name, range), D2K_STATE (not connected, or a kernel that does not know it),
 * D2K_LIMIT, D2K_NO_MEMORY. */
D2K_API d2k_result d2k_set(d2k_client *client, const char *name, const d2k_value *value,
                           d2k_set_mode mode, uint64_t *ret_request) D2K_MUST_CHECK;

/* ---- process alarms ---- */

/* Says that somebody has seen the process alarms of all objects that a name or pattern matches, and
 * that this process may set. Answered with D2K_EVENT_DONE (`count`: alarms that were acknowledged)
 * or D2K_EVENT_FAILED: D2K_NOT_ALLOWED (it may not for any of them), and of a plain name
 * D2K_NOT_FOUND, D2K_ARGUMENT (the object has no process alarms). D2K_ARGUMENT (pattern), D2K_STATE
 * (not connected, or a kernel that does not know it), D2K_LIMIT, D2K_NO_MEMORY. */
D2K_API d2k_result d2k_acknowledge_alarm(d2k_client *client, const char *pattern,
                                         uint64_t *ret_request) D2K_MUST_CHECK;

/* ---- users ---- */

/* Logs a user on at this client, in place of one that was; not again by itself after a reconnect
 * (d2k_config_set_user() does that). Answered with D2K_EVENT_LOGGED_ON or D2K_EVENT_FAILED.
 * D2K_ARGUMENT, D2K_STATE, D2K_LIMIT, D2K_NO_MEMORY. */
D2K_API d2k_result d2k_log_on(d2k_client *client, const char *user, const char *password,
                              uint64_t *ret_request) D2K_MUST_CHECK;
/* Nobody is logged on any more: D2K_EVENT_DONE. D2K_STATE, D2K_LIMIT, D2K_NO_MEMORY. */
D2K_API d2k_result d2k_log_off_user(d2k_client *client, uint64_t *ret_request) D2K_MUST_CHECK;

/* ---- reading ---- */

typedef enum d2k_mode {
    D2K_LATEST = 0, /* a slow reader skips to the newest value of each object */
    D2K_EVERY = 1,  /* every value; too slow a reader gets an overrun, never a silent loss */
} d2k_mode;

/* Subscribes to a name or a pattern with '*' and '?'; objects that are defined later are included.
 * Kept over reconnects. *ret_request (may be NULL) names the subscription in events and in
 * d2k_unsubscribe(). D2K_ARGUMENT, D2K_LIMIT, D2K_NO_MEMORY. */
D2K_API d2k_result d2k_subscribe(d2k_client *client, const char *pattern, d2k_mode mode,
                                 uint64_t *ret_request) D2K_MUST_CHECK;
/* How a subscription is told. Set `size`, and 0 what is not said. */
#define D2K_INTERVAL_MAX_MS 3600000u
typedef struct d2k_subscription_options {
    size_t size; /* sizeof(d2k_subscription_options): what later versions add is not read without it
                  */
    d2k_mode mode;
    /* Only with D2K_LATEST; a value of another status, other flags, limit status or alarm than the
     * last one comes at once. */
    unsigned min_interval_ms; /* between two values of one object, at most D2K_INTERVAL_MAX_MS; the
                                 newest comes at its end; 0: each change */
    bool has_dead_band;
    double dead_band; /* an Integer or a Real at most so far from the last one is not told; finite,
                         0 or more */
} d2k_subscription_options;

/* As d2k_subscribe(), with more to say; kept over reconnects too. D2K_ARGUMENT (also the options),
 * D2K_LIMIT, D2K_NO_MEMORY. A kernel that does not know intervals and dead bands tells each change.
 */
D2K_API d2k_result d2k_subscribe_with(d2k_client *client, const char *pattern,
                                      const d2k_subscription_options *options,
                                      uint64_t *ret_request) D2K_MUST_CHECK;
/* D2K_NOT_FOUND. */
D2K_API d2k_result d2k_unsubscribe(d2k_client *client, uint64_t request) D2K_MUST_CHECK;

/* Each asks once; answers are events with *ret_request, the last is D2K_EVENT_DONE or
 * D2K_EVENT_FAILED. D2K_STATE: not connected. d2k_read: OBJECT and VALUE for each match;
 * d2k_list_objects: OBJECT; d2k_list_processes: PROCESS. */
D2K_API d2k_result d2k_read(d2k_client *client, const char *pattern,
                            uint64_t *ret_request) D2K_MUST_CHECK;
D2K_API d2k_result d2k_list_objects(d2k_client *client, const char *pattern,
                                    uint64_t *ret_request) D2K_MUST_CHECK;
D2K_API d2k_result d2k_list_processes(d2k_client *client, const char *pattern,
                                      uint64_t *ret_request) D2K_MUST_CHECK;

typedef enum d2k_quality {
    D2K_QUALITY_ANY = 0,
    D2K_QUALITY_VALID = 1,   /* its value is valid */
    D2K_QUALITY_INVALID = 2, /* it is not, or there is none */
} d2k_quality;

/* Which objects are listed: those that fit all that is said. Set `size`, and 0 what is not said. */
typedef struct d2k_filter {
    size_t size;   /* sizeof(d2k_filter): what later versions add is not read without it */
    d2k_type type; /* D2K_TYPE_NONE: any */
    d2k_quality quality;
    bool has_kind; /* kind is said */
    d2k_kind kind;
    const char *owner; /* pattern of process names; "": the kernel; NULL: any */
    const char *path;  /* pattern of groups: "Plant/" and '*'; "": of none; NULL: any */
} d2k_filter;

/* As d2k_list_objects(), only those that pass the filter (NULL: all). D2K_ARGUMENT (pattern or
 * filter), D2K_STATE (not connected, or a kernel that does not know it), D2K_LIMIT, D2K_NO_MEMORY.
 */
D2K_API d2k_result d2k_list_objects_where(d2k_client *client, const char *pattern,
                                          const d2k_filter *filter,
                                          uint64_t *ret_request) D2K_MUST_CHECK;
/* The values of many objects at one moment: what a process publishes in one go is in it as a whole
 * or not at all. Names and patterns, 1..D2K_SNAPSHOT_PATTERNS_MAX of them. OBJECT and VALUE for
 * each object that one of them matches, once, then DONE (`count`: objects) or FAILED: D2K_LIMIT
 * (over 100,000 objects or 64 MiB), D2K_NOT_ALLOWED. D2K_ARGUMENT, D2K_STATE (not connected, or a
 * kernel that does not know it), D2K_LIMIT, D2K_NO_MEMORY. */
#define D2K_SNAPSHOT_PATTERNS_MAX 256u
D2K_API d2k_result d2k_read_snapshot(d2k_client *client, const char *const *patterns, size_t count,
                                     uint64_t *ret_request) D2K_MUST_CHECK;

/* The last `count` changes of one object that the kernel has kept, as they are now; 0: all. OBJECT,
 * a VALUE for each, oldest first, then DONE (`count`: values) or FAILED: D2K_NOT_FOUND, D2K_AGAIN
 * (the object changed faster than the answer was taken), D2K_NOT_ALLOWED. D2K_ARGUMENT, D2K_STATE
 * (not connected, or a kernel that does not know it), D2K_LIMIT, D2K_NO_MEMORY. */
D2K_API d2k_result d2k_history(d2k_client *client, const char *name, unsigned count,
                               uint64_t *ret_request) D2K_MUST_CHECK;
/* `size` at most 64 KiB. */
D2K_API d2k_result d2k_ping(d2k_client *client, const void *data, size_t size,
                            uint64_t *ret_request) D2K_MUST_CHECK;

/* ---- objects of the kernel ---- */

/* Creates a user variable, which the kernel stores with its value, or a computed object, or
 * replaces its definition. Answered, once it is on the kernel's disk, with D2K_EVENT_DONE (`count`:
 * its number) or D2K_EVENT_FAILED: D2K_NOT_ALLOWED (no right, or it belongs to a process), D2K_FILE
 * (it could not be stored), D2K_AGAIN (too much waits for the disk), D2K_TYPE (of an expression),
 * D2K_CYCLE (it would depend on itself), D2K_ARGUMENT, D2K_LIMIT. At most 1024 questions may wait
 * for answers. D2K_ARGUMENT, D2K_TYPE (the default), D2K_STATE (not connected, or a kernel that
 * does not know it), D2K_LIMIT, D2K_NO_MEMORY. */
D2K_API d2k_result d2k_configure(d2k_client *client, const d2k_definition *definition,
                                 uint64_t *ret_request) D2K_MUST_CHECK;

/* Deletes a user variable and its value, or a computed object. Answered as above, with `count` 1;
 * D2K_NOT_FOUND: there is none of this name. D2K_ARGUMENT, D2K_STATE, D2K_LIMIT, D2K_NO_MEMORY. */
D2K_API d2k_result d2k_delete(d2k_client *client, const char *name,
                              uint64_t *ret_request) D2K_MUST_CHECK;

/* ---- the end ---- */

/* Logs off: the kernel records Stop instead of Crash. Waits up to timeout_ms until all declarations
 * and values have left; events that come meanwhile are dropped. The client has ended afterwards,
 * whatever the result. D2K_OK (also when there was no link), D2K_TIMEOUT, or why the link was lost
 * meanwhile. */
D2K_API d2k_result d2k_log_off(d2k_client *client, int timeout_ms) D2K_MUST_CHECK;

/* Asks the kernel to end. Only over the local socket or with the right to administer; else
 * D2K_EVENT_FAILED. */
D2K_API d2k_result d2k_shutdown_kernel(d2k_client *client, const char *reason,
                                       uint64_t *ret_request) D2K_MUST_CHECK;

/* How much the kernel writes into its log from now on: D2K_LOG_INFO or D2K_LOG_DEBUG (D2K_ARGUMENT
 * for another). Only over the local socket or with the right to administer; else D2K_EVENT_FAILED.
 */
D2K_API d2k_result d2k_set_kernel_log_level(d2k_client *client, d2k_log_level level,
                                            uint64_t *ret_request) D2K_MUST_CHECK;

/* ---- instances ---- */

/* This instance of a process (1..15) shall be active, the one that is active passive. The preferred
 * one is active whenever it connects, and at once if it is connected; 0: none is preferred. Only
 * over the local socket or with the right to administer. Answered with D2K_EVENT_DONE, or
 * D2K_EVENT_FAILED: D2K_NOT_FOUND (it is not connected, or the name does not run with instances).
 * D2K_ARGUMENT, D2K_STATE (not connected, or a kernel that does not know it), D2K_LIMIT,
 * D2K_NO_MEMORY. */
D2K_API d2k_result d2k_set_active_instance(d2k_client *client, const char *process,
                                           unsigned instance, uint64_t *ret_request) D2K_MUST_CHECK;
D2K_API d2k_result d2k_set_preferred_instance(d2k_client *client, const char *process,
                                              unsigned instance,
                                              uint64_t *ret_request) D2K_MUST_CHECK;
/* What this process is now; D2K_INSTANCE_NONE also while it is not registered. */
D2K_API d2k_instance_state d2k_client_instance_state(const d2k_client *client);

/* ---- static processes ---- */

/* The kernel starts, stops, or stops and starts again one of the processes that stand in its
 * configuration (docs/processes.md). A stop holds until the next start, also when the process has
 * Autostart; a restart starts one that does not run. Only over the local socket or with the right
 * to administer. Answered with D2K_EVENT_DONE when the program was started (whether it registers is
 * another matter), has ended, was started again: a program that does not end by itself is killed
 * after its StopTimeout, which may take as long as an hour. D2K_EVENT_FAILED: D2K_NOT_FOUND (no
 * static process has this name), D2K_NOT_ALLOWED, D2K_LIMIT (too many wait for their end),
 * D2K_AGAIN (not now), D2K_REFUSED (it runs already, does not run, cannot be started, the kernel
 * ends: `text` tells). D2K_ARGUMENT (no process name), D2K_STATE (not connected, or a kernel that
 * does not know it), D2K_LIMIT, D2K_NO_MEMORY. */
D2K_API d2k_result d2k_start_process(d2k_client *client, const char *process,
                                     uint64_t *ret_request) D2K_MUST_CHECK;
D2K_API d2k_result d2k_stop_process(d2k_client *client, const char *process,
                                    uint64_t *ret_request) D2K_MUST_CHECK;
D2K_API d2k_result d2k_restart_process(d2k_client *client, const char *process,
                                       uint64_t *ret_request) D2K_MUST_CHECK;

/* ---- facts about the link (while registered; "" or 0 otherwise) ---- */
D2K_API bool d2k_client_registered(const d2k_client *client);
D2K_API const char *d2k_client_process_name(const d2k_client *client);
D2K_API const char *d2k_client_kernel_version(const d2k_client *client);
D2K_API const char *d2k_client_tls_version(const d2k_client *client);
D2K_API bool d2k_client_verified(const d2k_client *client);
D2K_API uint64_t d2k_client_connection_sql_id(const d2k_client *client);

#ifdef __cplusplus
}
#endif

#endif
