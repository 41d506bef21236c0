/* programs/ping/window.h: the messages that are sent and not answered yet, oldest first.
 *
 * The library and the kernel keep unanswered messages in memory, so their number and bytes are
 * bounded; a larger block goes on as answers come. */
#ifndef D2K_PING_WINDOW_H
#define D2K_PING_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PING_WINDOW_MESSAGES 1000u /* libd2k allows 1024 questions without answer */
#define PING_WINDOW_BYTES    (8u * 1024u * 1024u)

struct ping_sent {
    uint64_t request; /* 0: answered */
    uint64_t number;  /* of the message */
    uint64_t sent_ns; /* monotonic */
    size_t size;
};

struct ping_window {
    struct ping_sent sent[PING_WINDOW_MESSAGES]; /* a ring */
    size_t first, used;                          /* places, answered ones between others included */
    size_t waiting;                              /* messages without answer */
    size_t waiting_bytes;
};

/* Whether a message of this size may be sent now. One alone always may. */
bool ping_window_has_room(const struct ping_window *window, size_t size);
/* Only when there is room. */
void ping_window_add(struct ping_window *window, const struct ping_sent *sent);
/* Takes the message out that this is the answer to. False: none waits for it (any more). */
bool ping_window_take(struct ping_window *window, uint64_t request, struct ping_sent *ret_sent);
/* The oldest message that waits; NULL: none. */
const struct ping_sent *ping_window_oldest(const struct ping_window *window);

#endif
