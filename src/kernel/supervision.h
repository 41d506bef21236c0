/* kernel/supervision.h: when which static process is started, ended and started again. Rules only:
 * time comes in, what is to be done goes out through hooks, nothing is known of the system.
 *
 * They start in their order, each when the one before it has registered, ended, or used up its
 * initialisation time. One with Autostart that crashes or hangs is started again after a wait that
 * doubles; one that ends in order, which takes a log-off of who has registered, stays ended. At the
 * end they stop one by one, the last one first. One thread. */
#ifndef D2K_KERNEL_SUPERVISION_H
#define D2K_KERNEL_SUPERVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry/static_processes.h"

#define SUPERVISION_WAIT_MIN_MS 500u   /* before the first new start; it doubles up to */
#define SUPERVISION_WAIT_MAX_MS 60000u /* this */
#define SUPERVISION_STEADY_MS   60000u /* who ran so long waits the shortest time again */
#define SUPERVISION_LEAVE_MS    10000u /* from the end of a program to the end of its link */
#define SUPERVISION_NEVER       UINT64_MAX

/* A wait that grows. All zero: nothing has failed yet. */
struct growing_wait {
    unsigned failures;
};

/* How long to wait after something that ran from started_ms to now_ms has failed. */
uint64_t growing_wait_ms(struct growing_wait *wait, uint64_t started_ms, uint64_t now_ms);

enum supervised_state {
    SUPERVISED_STOPPED,  /* does not run, and is not to */
    SUPERVISED_QUEUED,   /* the first start of all: its turn has not come */
    SUPERVISED_WAITING,  /* starts again at due_ms */
    SUPERVISED_ENDED,    /* whether it has logged off will be told until due_ms */
    SUPERVISED_STARTING, /* has until due_ms to register */
    SUPERVISED_RUNNING,
    SUPERVISED_STOPPING, /* was asked to end, is killed at due_ms */
    SUPERVISED_KILLED,   /* its end has not been seen yet */
};

/* What is known of its link. */
enum supervised_link {
    SUPERVISED_UNREGISTERED, /* nothing: it has never registered, or nobody can tell any more */
    SUPERVISED_REGISTERED,
    SUPERVISED_LOGGED_OFF,
    SUPERVISED_LOST, /* it ended without a log-off */
};

/* How a program ended. */
enum supervision_end {
    SUPERVISION_END_WELL,  /* exit code 0 */
    SUPERVISION_END_ASKED, /* by a signal that asks for it */
    SUPERVISION_END_BAD,
};

struct supervised {
    enum supervised_state state;
    enum supervised_link link;
    enum supervision_end end; /* of ENDED */
    uint64_t started_ms, due_ms;
    struct growing_wait wait;
    uint32_t starts;   /* that were tried */
    uint32_t restarts; /* because of a crash or a hang */
    bool not_started;  /* the last one could not be */
    bool failed;       /* it does not run because of a crash, a hang or a failed start */
    bool again;        /* STOPPING, KILLED: it is started again when it has ended */
    bool hung;         /* STOPPING, KILLED: because it hangs */
};

struct supervision_hooks {
    /* Starts it; false: it could not be, which counts as a crash and was logged. */
    bool (*start)(void *context, size_t index);
    /* Asks it to end, or kills it when `hard`. */
    void (*end)(void *context, size_t index, bool hard);
    /* It did not register in its initialisation time. */
    void (*late)(void *context, size_t index);
    /* It is to be started again, in wait_ms. */
    void (*again)(void *context, size_t index, uint64_t wait_ms);
    void *context;
};

struct supervision {
    const struct static_processes *processes; /* must outlive it */
    struct supervision_hooks hooks;
    struct supervised *at; /* as many, in the same order */
    bool ending;
};

/* D2K_NO_MEMORY. Nothing is started before supervision_tick(). */
d2k_result supervision_init(struct supervision *s, const struct static_processes *processes,
                            const struct supervision_hooks *hooks) D2K_MUST_CHECK;
void supervision_free(struct supervision *s);

/* Does what is due; returns when it wants to be called again, or SUPERVISION_NEVER. Also after
 * every call of the functions below. */
uint64_t supervision_tick(struct supervision *s, uint64_t now_ms);

/* What is told of one. */
struct supervision_view {
    enum supervised_state state;
    bool failed;
    uint32_t restarts;
    uint64_t due_ms; /* WAITING: of the next start; else 0 */
};
struct supervision_view supervision_look(const struct supervision *s, size_t index);

/* It has registered. */
void supervision_registered(struct supervision *s, size_t index);
/* Its link has ended, with a log-off or without. */
void supervision_left(struct supervision *s, size_t index, bool logged_off, uint64_t now_ms);
/* Nobody can tell of links any more. */
void supervision_links_gone(struct supervision *s, uint64_t now_ms);
/* Its watchdog ran out. Only who has Autostart is ended for that. */
void supervision_hangs(struct supervision *s, size_t index, uint64_t now_ms);
/* Its program has ended. */
void supervision_ended(struct supervision *s, size_t index, enum supervision_end end,
                       uint64_t now_ms);
/* All are to end, and none starts any more. */
void supervision_end_all(struct supervision *s);
/* None runs any more. */
bool supervision_all_ended(const struct supervision *s);

/* ---- what an administrator wants ---- */

enum supervision_wish {
    SUPERVISION_START,
    SUPERVISION_STOP, /* until it is started by the next wish */
    SUPERVISION_RESTART,
};

/* "start", "stop", "restart". */
const char *supervision_wish_word(enum supervision_wish wish);

enum supervision_outcome {
    SUPERVISION_PENDING,
    SUPERVISION_DONE,          /* it was started; it has ended; it was started again */
    SUPERVISION_NOT_STARTED,   /* it could not be; with Autostart that is tried again */
    SUPERVISION_OVERTAKEN,     /* a restart: it was stopped by a later wish, or by the end of all */
    SUPERVISION_RUNS_ALREADY,  /* start */
    SUPERVISION_RUNS_NOT,      /* stop */
    SUPERVISION_BEING_STOPPED, /* start: it has not ended yet */
    SUPERVISION_ENDING,        /* nobody is started any more */
};

struct supervision_order {
    enum supervision_wish wish;
    size_t index;
    uint32_t starts; /* before it */
};

/* Does what is wanted, or begins to: PENDING, then *ret_order is for supervision_order_outcome().
 */
enum supervision_outcome supervision_order(struct supervision *s, enum supervision_wish wish,
                                           size_t index, uint64_t now_ms,
                                           struct supervision_order *ret_order);
enum supervision_outcome supervision_order_outcome(const struct supervision *s,
                                                   const struct supervision_order *order);

#endif
