/* Links of the plant thread: reads and decrypts what arrives, writes what the kernel fills in, ends
 * links with their reason.
 *
 * Output is gathered: whoever is woken during a turn of the loop is filled, encrypted and written
 * once at its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/internal.h"

/* What is read at once: most say little, and room for more would lie between what stays for long
 * and hold its pages. Whoever fills it gets more of it, until it has been quiet. */
#define READ_FIRST   1024u
#define READ_AT_ONCE (64u * 1024u)
/* How often one link may be filled to the high mark in one turn of the loop, however fast its
 * reader is. */
#define FLUSH_ROUNDS_MAX 4u

static void on_ready(struct watched *watched, int events);

/* ---- the table of links ---- */

static bool grow_slots(struct net_server *server)
{
    uint32_t count = server->slot_count == 0 ? 64 : server->slot_count * 2;
    struct slot *slots = realloc(server->slots, count * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = server->slot_count; i < count; i++) {
        slots[i] = (struct slot){.next_free = i + 1 < count ? i + 1 : NO_SLOT};
    }
    server->first_free = server->slot_count;
    server->slots = slots;
    server->slot_count = count;
    return true;
}

static bool take_slot(struct net_server *server, struct net_link *link)
{
    if (server->first_free == NO_SLOT && !grow_slots(server)) {
        return false;
    }
    struct slot *slot = &server->slots[server->first_free];
    link->slot = server->first_free;
    link->generation = ++slot->generation;
    server->first_free = slot->next_free;
    slot->link = link;
    return true;
}

static void free_slot(struct net_link *link)
{
    struct net_server *server = link->server;
    server->slots[link->slot].link = NULL;
    server->slots[link->slot].next_free = server->first_free;
    server->first_free = link->slot;
}

struct link_id net_link_id(const struct net_link *link)
{
    return (struct link_id){.loop = 0, .slot = link->slot, .generation = link->generation};
}

struct net_link *net_link_find(struct net_server *server, struct link_id id)
{
    if (id.generation == 0 || id.slot >= server->slot_count) {
        return NULL;
    }
    struct net_link *link = server->slots[id.slot].link;
    return link != NULL && link->generation == id.generation && !link->ending ? link : NULL;
}

struct net_link *net_link_at(struct net_server *server, size_t *position)
{
    while (*position < server->slot_count) {
        struct net_link *link = server->slots[(*position)++].link;
        if (link != NULL && !link->ending) {
            return link;
        }
    }
    return NULL;
}

/* ---- the end ---- */

/* Gives everything back; the structure lives until the end of the turn. */
static void release(struct net_link *link)
{
    link->released = true;
    list_remove(&link->woken_link);
    list_remove(&link->ending_link);
    free_slot(link);
    atomic_fetch_sub(&link->server->link_count, 1);
    os_socket_close(link->fd);
    session_free(link->session);
    list_append(&link->server->released, &link->woken_link);
}

void links_bury(struct net_server *server)
{
    LIST_EACH(&server->released, at, following)
    {
        list_remove(at);
        free(LIST_MEMBER(at, struct net_link, woken_link));
    }
}

/* The one function that ends a link. What stands in the output is still sent, then the peer has
 * NET_LINGER_MS to close. */
static void end(struct net_link *link, enum net_end how, const char *why, bool can_send)
{
    struct net_server *server = link->server;
    if (link->ending) {
        return;
    }
    link->ending = true;
    server->callbacks.closed(server->callbacks.context, link, how, why);
    if (!can_send) {
        release(link);
        return;
    }
    link->linger_until_ms = server->now_ms + NET_LINGER_MS;
    list_append(&server->ending, &link->ending_link);
    net_link_wake(link);
}

void net_link_end(struct net_link *link, uint16_t type, uint16_t code, uint32_t retry_after_ms,
                  const char *sentence)
{
    if (!link->ending) {
        session_end(link->session, type, code, retry_after_ms, sentence);
        end(link, NET_END_BY_US, sentence, true);
    }
}

void net_link_broken(struct net_link *link, d2k_result rc, uint16_t code, const char *why)
{
    if (link->ending) {
        return;
    }
    bool by_peer = rc == D2K_CLOSED || rc == D2K_IO;
    if (!by_peer) {
        session_end(link->session, WIRE_BYE, code, 0, why);
    }
    end(link, by_peer ? NET_END_BY_PEER : NET_END_BROKEN, why, !by_peer);
}

void net_link_close(struct net_link *link, const char *why)
{
    if (!link->ending) {
        session_end(link->session, WIRE_BYE, WIRE_CODE_NONE, 0, "");
        end(link, NET_END_BY_PEER, why, true);
    }
}

/* ---- output ---- */

void net_link_wake(struct net_link *link)
{
    if (!link->woken && !link->released) {
        link->woken = true;
        list_append(&link->server->woken, &link->woken_link);
    }
}

bool net_link_has_room(const struct net_link *link)
{
    return !link->ending && session_unsent(link->session) < NET_HIGH_WATER;
}

static void watch(struct net_link *link, int events)
{
    if (link->events != events) {
        link->events = events;
        os_poller_change(link->server->poller, link->fd, events, &link->watched);
    }
}

/* Returns 0 when everything is out, EAGAIN when the socket is full, or why the link is lost. */
static int write_out(struct net_link *link)
{
    for (;;) {
        struct slice bytes = session_output(link->session);
        if (bytes.size == 0) {
            return 0;
        }
        size_t size;
        int rc = os_socket_write(link->fd, bytes.data, bytes.size, &size);
        if (rc != 0) {
            return rc;
        }
        link->sent_ms = link->server->now_ms;
        session_written(link->session, size);
    }
}

/* A link that is not asked now, or has more to say than there is room for, must be asked again when
 * the socket has taken enough: nobody else will wake it. */
static void fill(struct net_link *link)
{
    struct net_server *server = link->server;
    bool asked = !link->ending && session_unsent(link->session) <= NET_LOW_WATER;
    if (asked) {
        server->callbacks.fill(server->callbacks.context, link);
    }
    link->wants_room = !link->ending && (!asked || !net_link_has_room(link));
}

void link_flush(struct net_link *link)
{
    int rc;
    unsigned rounds = 0;
    do {
        fill(link);
        rc = write_out(link);
        /* It has more to say, and the socket took it all: go on. */
    } while (rc == 0 && link->wants_room && ++rounds < FLUSH_ROUNDS_MAX);
    if (rc == 0 && link->wants_room) {
        net_link_wake(link); /* in the next turn: others want to be served too */
    }
    if (rc == EAGAIN) {
        watch(link, OS_READABLE | OS_WRITABLE);
        return;
    }
    if (rc != 0 && link->ending) {
        release(link);
        return;
    }
    if (rc != 0) {
        end(link, NET_END_BY_PEER, os_error_text(rc), false);
        return;
    }
    if (link->ending) {
        os_socket_shutdown_write(link->fd);
    } else if (session_state(link->session) == SESSION_ENDED) {
        end(link, NET_END_BROKEN, "its output could not be encrypted", false);
        return;
    }
    link->trimmed = false;
    watch(link, OS_READABLE);
}

/* ---- input ---- */

static void drain(struct net_link *link)
{
    char waste[4096];
    size_t size;
    int rc = os_socket_read(link->fd, waste, sizeof waste, &size);
    if (rc != EAGAIN && (rc != 0 || size == 0)) {
        release(link);
    }
}

static void read_in(struct net_link *link)
{
    struct net_server *server = link->server;
    size_t room, size = 0;
    uint8_t *at = session_input(link->session, link->read_size, &room);
    if (at == NULL) {
        net_link_broken(link, D2K_NO_MEMORY, WIRE_CODE_INTERNAL, "no memory to read into");
        return;
    }
    int rc = os_socket_read(link->fd, at, room, &size);
    if (rc == EAGAIN) {
        return;
    }
    if (rc != 0 || size == 0) {
        end(link, NET_END_BY_PEER, rc != 0 ? os_error_text(rc) : "the peer closed the connection",
            false);
        return;
    }
    link->received_ms = server->now_ms;
    link->received_bytes += size;
    if (size == room && link->read_size < READ_AT_ONCE) {
        link->read_size *= 4;
    }
    server->received = true;
    session_received(link->session, size);
    server->callbacks.received(server->callbacks.context, link);
    /* The buffers that were just emptied go back with the flush at the end of this turn. */
    net_link_wake(link);
}

static void on_ready(struct watched *watched, int events)
{
    struct net_link *link = LIST_MEMBER(watched, struct net_link, watched);
    if (link->released) {
        return;
    }
    if ((events & OS_WRITABLE) != 0) {
        net_link_wake(link);
    }
    if ((events & OS_READABLE) != 0) {
        if (link->ending) {
            drain(link);
        } else {
            read_in(link);
        }
    }
}

/* ---- birth ---- */

static void link_not_opened(struct net_server *server, struct handover *handover)
{
    char address[ADDRESS_TEXT_MAX];
    os_address_format(&handover->address, address, sizeof address);
    server->callbacks.not_opened(server->callbacks.context, address, NULL,
                                 "the kernel has no memory for one more link");
    os_socket_close(handover->fd);
    session_free(handover->session);
    atomic_fetch_sub(&server->link_count, 1);
}

void link_open(struct net_server *server, struct handover *handover)
{
    char address[LINK_ADDRESS_TEXT_MAX];
    os_address_format(&handover->address, address, sizeof address);
    struct net_link *link = calloc(1, sizeof *link + strlen(address) + 1);
    if (link == NULL || !take_slot(server, link)) {
        free(link);
        link_not_opened(server, handover);
        return;
    }
    link->server = server;
    link->fd = handover->fd;
    link->session = handover->session;
    link->local = handover->local;
    link->opened_ms = handover->opened_ms;
    link->user = handover->user;
    link->watched.on_ready = on_ready;
    link->events = OS_READABLE;
    list_init(&link->woken_link);
    list_init(&link->ending_link);
    link->received_ms = link->sent_ms = server->now_ms;
    memcpy(link->address_text, address, strlen(address) + 1);
    link->read_size = READ_FIRST;
    if (os_poller_add(server->poller, link->fd, link->events, &link->watched) != 0) {
        free_slot(link);
        free(link);
        link_not_opened(server, handover);
        return;
    }
    server->callbacks.opened(server->callbacks.context, link);
    if (!link->ending) {
        /* Messages may have come together with the end of the handshake. */
        server->callbacks.received(server->callbacks.context, link);
    }
    net_link_wake(link);
}

/* ---- facts ---- */

struct session *net_link_session(struct net_link *link)
{
    return link->session;
}

void net_link_set_data(struct net_link *link, void *data)
{
    link->data = data;
}

void *net_link_data(const struct net_link *link)
{
    return link->data;
}

const char *net_link_address_text(const struct net_link *link)
{
    return link->address_text;
}

bool net_link_local_user(const struct net_link *link, uint32_t *ret_uid)
{
    if (link->local) {
        *ret_uid = link->user;
    }
    return link->local;
}

uint64_t net_link_opened_ms(const struct net_link *link)
{
    return link->opened_ms;
}

uint64_t net_link_received_ms(const struct net_link *link)
{
    return link->received_ms;
}

uint64_t net_link_sent_ms(const struct net_link *link)
{
    return link->sent_ms;
}

uint64_t net_link_received_bytes(const struct net_link *link)
{
    return link->received_bytes;
}

/* ---- all links ---- */

/* A link that has been quiet gives its buffers back; one that is busy would only ask for them
 * again. */
static void trim_idle(struct net_server *server, uint64_t now_ms)
{
    size_t position = 0;
    struct net_link *link;
    while ((link = net_link_at(server, &position)) != NULL) {
        uint64_t last_ms = link->sent_ms > link->received_ms ? link->sent_ms : link->received_ms;
        if (!link->trimmed && now_ms - last_ms >= NET_IDLE_MS) {
            session_trim(link->session);
            link->trimmed = true;
            link->read_size = READ_FIRST;
        }
    }
}

void links_tick(struct net_server *server, uint64_t now_ms)
{
    LIST_EACH(&server->ending, at, following)
    {
        struct net_link *link = LIST_MEMBER(at, struct net_link, ending_link);
        if (now_ms >= link->linger_until_ms) {
            release(link);
        }
    }
    trim_idle(server, now_ms);
}

void links_abandon(struct net_server *server)
{
    for (uint32_t i = 0; i < server->slot_count; i++) {
        if (server->slots[i].link != NULL) {
            release(server->slots[i].link);
        }
    }
    links_bury(server);
}
