/* objapi/connection.h: the one connection of a program: its thread, its objects, its question.
 *
 * Everything below `lock` is used with it held. The thread lets go of it for a callback and while
 * it waits for the sockets; a call takes it, does its part and wakes the thread. */
#ifndef D2K_OBJAPI_CONNECTION_H
#define D2K_OBJAPI_CONNECTION_H

#include <d2k/client.h>
#include <d2k/objapi.h>

#include "base/map.h"
#include "os/thread.h"

#define OBJAPI_ERROR_MAX 512

/* An object whose number the program has. */
struct known {
    BasObjInfo info;
    d2k_type type;
    uint64_t subscription;
    unsigned opens;
    d2k_object *child; /* NULL: not ours */
    d2k_table *table;  /* with the columns of an Array or a Structure; NULL: it is neither */
    bool is_told;      /* with NewDefinition, as `info` is now */
};

/* What a synchronous call waits for; lives on the caller's stack while it waits. */
struct question {
    uint64_t request;
    /* An object or a value that belongs to the answer. */
    void (*take)(struct question *question, const d2k_event *event);
    void *ret;
    uint64_t count;
    d2k_result result; /* not D2K_OK: the kernel refused, and `text` says why */
    char text[OBJAPI_ERROR_MAX];
    bool is_answered;
};

struct connection {
    struct os_mutex *one_question; /* held for a whole synchronous call */
    struct os_mutex *lock;
    struct os_condition *answered;
    struct os_thread *thread;
    int wakeup;
    uint32_t timeout_ms;
    NewValueProc *on_value;
    /* below lock */
    d2k_client *client;
    NewDefinitionProc *on_definition;
    struct question *question; /* NULL: nobody waits */
    struct map by_id, by_name; /* struct known */
    bool is_stopping, has_ended;
};

/* The program's connection; NULL: none. */
struct connection *connection_get(void);

/* Whether the caller is the connection's thread, which means: a callback. */
bool connection_is_own_thread(void);

/* Connects and starts the thread. API_ParamError, API_TimeoutError. */
APIRET connection_open(const char *server, NewValueProc *value, unsigned timeout_ms);
/* Ends the thread, logs off, frees everything. API_TimeoutError: not in order. */
APIRET connection_close(struct connection *connection);

/* Keeps the sentence for D2kErrorText() and returns `code`. */
APIRET connection_refuse(APIRET code, const char *format, ...) D2K_PRINTF(2, 3);
/* The same with why the last function on the client failed. */
APIRET connection_refuse_for(struct connection *connection, d2k_result result);

/* Asks for the objects of this process, which the thread tells. */
d2k_result connection_ask_for_children(struct connection *connection) D2K_MUST_CHECK;

/* Tells the thread that there is work. */
void connection_wake(struct connection *connection);

/* Waits until the question, which was asked with result `asked`, is answered. API_TimeoutError. */
APIRET connection_wait(struct connection *connection, struct question *question, d2k_result asked);

/* The object of this number; NULL: the program does not have it. */
struct known *connection_known(struct connection *connection, HOBJ id);
/* NULL: the program does not have it. `name` in any case. */
struct known *connection_known_by_name(struct connection *connection, const char *name);
/* Whether it is an object of this process. */
bool connection_owns(const struct connection *connection, const d2k_object_info *object);
/* Adds or brings up to date; what becomes another is no longer told. NULL: no memory. */
struct known *connection_learn(struct connection *connection, const d2k_object_info *object);

/* The thread's part (events.c): one event of the client. */
void connection_take(struct connection *connection, const d2k_event *event);
void objapi_info_of(const d2k_object_info *object, BasObjInfo *ret);

#endif
