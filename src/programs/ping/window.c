/* programs/ping/window.c: a ring; answers come in order, so the search ends at its first place. */
#include "programs/ping/window.h"

static struct ping_sent *place(struct ping_window *window, size_t i)
{
    return &window->sent[(window->first + i) % PING_WINDOW_MESSAGES];
}

bool ping_window_has_room(const struct ping_window *window, size_t size)
{
    return window->used < PING_WINDOW_MESSAGES &&
           (window->waiting == 0 || window->waiting_bytes + size <= PING_WINDOW_BYTES);
}

void ping_window_add(struct ping_window *window, const struct ping_sent *sent)
{
    *place(window, window->used) = *sent;
    window->used++;
    window->waiting++;
    window->waiting_bytes += sent->size;
}

bool ping_window_take(struct ping_window *window, uint64_t request, struct ping_sent *ret_sent)
{
    size_t i = 0;
    while (i < window->used && place(window, i)->request != request) {
        i++;
    }
    if (i == window->used || request == 0) {
        return false;
    }
    *ret_sent = *place(window, i);
    place(window, i)->request = 0;
    window->waiting--;
    window->waiting_bytes -= ret_sent->size;
    while (window->used > 0 && place(window, 0)->request == 0) {
        window->first = (window->first + 1) % PING_WINDOW_MESSAGES;
        window->used--;
    }
    return true;
}

const struct ping_sent *ping_window_oldest(const struct ping_window *window)
{
    return window->used == 0 ? NULL : &window->sent[window->first];
}
