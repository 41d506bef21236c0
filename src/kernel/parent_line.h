/* kernel/parent_line.h: the line between the parent process of the kernel and its child: what
 * either says, in whole messages of one size for each direction. Neither ever waits for the other.
 */
#ifndef D2K_KERNEL_PARENT_LINE_H
#define D2K_KERNEL_PARENT_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kernel/supervision.h"

/* Orders that are not answered yet: the child sends no more, the parent takes no more. */
#define PARENT_ORDERS_MAX 64u

/* ---- what the child says ---- */

enum parent_word {
    PARENT_READY,      /* everything listens: `port` */
    PARENT_REGISTERED, /* `process` */
    PARENT_LEFT,       /* `process`: its link has ended, `how` */
    PARENT_END,        /* all is to end */
    PARENT_ORDER,      /* an administrator wants `wish` of the `index`-th static process */
};

enum parent_left {
    PARENT_LEFT_LOGGED_OFF,
    PARENT_LEFT_LOST,
    PARENT_LEFT_HANGING, /* its watchdog ran out */
};

/* Both ends are of one program: its own layout is as good as any. */
struct parent_message {
    uint32_t word;
    uint32_t port;
    uint32_t how;    /* enum parent_left */
    uint32_t number; /* of the order; the answer repeats it */
    uint32_t wish;   /* enum supervision_wish */
    uint32_t index;
    char process[STATIC_PROCESS_NAME_MAX + 1];
};

/* ---- what the parent says ---- */

/* What has become of an order. */
struct parent_answer {
    uint32_t number;
    uint32_t outcome; /* enum supervision_outcome, not PENDING */
    int32_t error;    /* of NOT_STARTED: why, as os_error_text() takes it */
};

/* What a static process does, told to a child that is ready and whenever it changes. */
struct parent_state {
    uint32_t index;
    int32_t pid; /* 0: it does not run */
    struct supervision_view view;
};

enum parent_news_kind {
    PARENT_ANSWER,
    PARENT_STATE,
};

struct parent_news {
    uint32_t kind;
    struct parent_answer answer;
    struct parent_state state;
};

/* ---- the child's side; -1 is a kernel without a parent ---- */

void parent_line_ready(int line, uint16_t port);
void parent_line_registered(int line, const char *process);
void parent_line_left(int line, const char *process, enum parent_left how);
/* All is to end: the parent stops the static processes, then asks us to end by SIGTERM. False:
 * there is no parent, or it cannot be told. */
bool parent_line_end(int line);
/* False: it cannot be told now. */
bool parent_line_order(int line, uint32_t number, enum supervision_wish wish, uint32_t index);
/* False: nothing came; *ret_over: and nothing will. */
bool parent_line_take_news(int line, struct parent_news *ret_news, bool *ret_over);

/* ---- the parent's side ---- */

/* False: nothing came; *ret_over: and nothing will. */
bool parent_line_take(int line, struct parent_message *ret_message, bool *ret_over);
/* False: there is no room now. */
bool parent_line_tell(int line, const struct parent_news *news);

#endif
