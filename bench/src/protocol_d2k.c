/* Driver of the d2k protocol (docs/protocol): messages with the product's own encoder; the records
 * of an Update are looked at in place, as the drivers of the peers do with theirs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "measure.h"
#include "wire/message.h"
#include "wire/value.h"

/* Within bounds that the kernel accepts; longer than any run, so no Watchdog is due. */
#define WATCHDOG_MS 3600000u
/* Scatters the values over the objects of an area. */
#define ORDER_PRIME 7919u
/* So many values in a row are of one area, as a process has its own part of the plant. */
#define AREA_RUN 64u

static void put(struct client *c, struct wire_message *message, uint64_t request)
{
    message->request = request;
    if (wire_encode(&c->out, message) != D2K_OK) {
        fail("client %u cannot encode message %u", c->number, message->type);
    }
}

static void d2k_hello(struct client *c)
{
    char name[64];
    struct wire_message hello = {.type = WIRE_HELLO};
    hello.as.hello.version_min = WIRE_VERSION_MIN;
    hello.as.hello.version_max = WIRE_VERSION_MAX;
    hello.as.hello.capabilities = WIRE_CAPABILITIES;
    struct wire_message registration = {.type = WIRE_REGISTER};
    if (c->publishes) {
        (void)snprintf(name, sizeof name, "BENCH.API");
    } else {
        (void)snprintf(name, sizeof name, "B%d_%u.API", (int)getpid(), c->number);
    }
    registration.as.registration.process_name = slice_of(name);
    registration.as.registration.program_version = slice_of("V1.00.000 s1");
    registration.as.registration.computer_name = slice_of("bench");
    registration.as.registration.watchdog_ms = WATCHDOG_MS;
    memcpy(registration.as.registration.client_instance, &c->number, sizeof c->number);
    buffer_put(&c->out, WIRE_PREFACE, WIRE_PREFACE_SIZE);
    put(c, &hello, 1);
    put(c, &registration, 2);
}

static struct slice name_of(unsigned topic, char ret_name[64])
{
    (void)snprintf(ret_name, 64, "Area%02u.T%u", topic % D2K_AREAS, topic);
    return slice_of(ret_name);
}

static void d2k_define(struct client *c, unsigned first, unsigned count)
{
    c->hobjs = realloc(c->hobjs, TOPICS_MAX * sizeof *c->hobjs);
    if (c->hobjs == NULL) {
        fail("no memory");
    }
    c->topics = first + count > c->topics ? first + count : c->topics;
    for (unsigned i = first; i < first + count; i++) {
        char name[64];
        struct wire_message define = {.type = WIRE_DEFINE};
        define.as.define.type = c->text_values ? D2K_TYPE_TEXT : D2K_TYPE_REAL;
        define.as.define.name = name_of(i, name);
        put(c, &define, i + 1);
    }
    c->answers_missing += count;
}

static void subscribe_to(struct client *c, uint32_t subscription, struct slice pattern)
{
    struct wire_message subscribe = {.type = WIRE_SUBSCRIBE};
    subscribe.as.subscribe.subscription = subscription;
    subscribe.as.subscribe.mode = (uint8_t)(c->latest ? WIRE_MODE_LATEST : WIRE_MODE_EVERY);
    subscribe.as.subscribe.pattern = pattern;
    put(c, &subscribe, subscription);
    c->answers_missing++;
}

static void d2k_subscribe(struct client *c, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        char name[64];
        subscribe_to(c, i + 1, name_of(i, name));
    }
}

void d2k_subscribe_area(struct client *c, unsigned area)
{
    char pattern[64];
    (void)snprintf(pattern, sizeof pattern, "Area%02u.*", area);
    subscribe_to(c, 1, slice_of(pattern));
}

static uint32_t topic_of(const struct client *c, uint64_t sequence)
{
    if (c->topics < D2K_AREAS) {
        return (uint32_t)(sequence % c->topics);
    }
    uint64_t area = (sequence - 1) / AREA_RUN % D2K_AREAS;
    uint64_t place = sequence * ORDER_PRIME % (c->topics / D2K_AREAS);
    return (uint32_t)(place * D2K_AREAS + area);
}

static void d2k_publish(struct client *c, uint64_t stamp_ns, uint64_t sequence, unsigned batch)
{
    d2k_value value = {.status = D2K_STATUS_VALID, .time_ns = (int64_t)stamp_ns};
    if (c->text_values) {
        value.type = D2K_TYPE_TEXT;
        value.content.text.data = "32 bytes of text, as peers carry";
        value.content.text.size = PAYLOAD_SIZE;
    } else {
        value.type = D2K_TYPE_REAL;
        value.content.real = 81.5;
    }
    struct wire_open_frame frame = wire_begin(&c->out, WIRE_UPDATE, 0, 0);
    bool ok = true;
    for (unsigned i = 0; i < batch && ok; i++) {
        value.sequence = sequence + i;
        uint32_t hobj = c->hobjs[topic_of(c, sequence + i)];
        ok = wire_value_encode(&c->out, hobj, &value) == D2K_OK;
    }
    if (wire_end(&c->out, frame) != D2K_OK || !ok) {
        client_fail(c, "the output is full");
    }
}

static uint32_t u32_at(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t u64_at(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static void take_message(struct client *c, const struct wire_message *m)
{
    switch (m->type) {
    case WIRE_REGISTERED:
        client_registered(c);
        break;
    case WIRE_DEFINED:
        c->hobjs[m->request - 1] = m->as.defined.hobj;
        client_answered(c, 1);
        break;
    case WIRE_SNAPSHOT_END:
        client_answered(c, 1);
        break;
    case WIRE_OVERRUN:
        c->overruns += m->as.overrun.lost;
        break;
    case WIRE_REFUSE:
    case WIRE_BYE:
        client_fail(c, "%s: %.*s", wire_code_name(m->as.bye.code), (int)m->as.bye.sentence.size,
                    m->as.bye.sentence.data);
        break;
    case WIRE_FAILED:
        client_fail(c, "Failed: %.*s", (int)m->as.failed.sentence.size, m->as.failed.sentence.data);
        break;
    default:
        break;
    }
}

/* Records of an Update whose header was taken already. */
static size_t drain_records(struct client *c, const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (c->frame_left > 0 && size - at >= 4) {
        size_t record = 4u + u32_at(bytes + at);
        if (record < WIRE_VALUE_HEADER_SIZE || record > c->frame_left) {
            return CLIENT_BROKEN;
        }
        if (size - at < record) {
            break;
        }
        const uint8_t *r = bytes + at;
        c->on_value(c, u64_at(r + 16), u64_at(r + 24), u32_at(r + 4));
        c->frame_left -= record;
        at += record;
    }
    return at;
}

/* One frame; of an Update only the header. 0: it is not whole yet. */
static size_t drain_frame(struct client *c, const uint8_t *bytes, size_t size)
{
    struct wire_message message;
    struct error err = {0};
    size_t used = 0;
    uint16_t code;
    if (size < WIRE_HEADER_SIZE) {
        return 0;
    }
    if (bytes[4] == WIRE_UPDATE && bytes[5] == 0 && c->on_value != NULL) {
        c->frame_left = u32_at(bytes) + 4u - WIRE_HEADER_SIZE;
        return WIRE_HEADER_SIZE;
    }
    switch (wire_decode(bytes, size, WIRE_LENGTH_MAX, &message, &used, &code, &err)) {
    case WIRE_DECODED:
        take_message(c, &message);
        return used;
    case WIRE_SKIPPED:
        return used;
    case WIRE_INCOMPLETE:
        return 0;
    case WIRE_BROKEN:
        break;
    }
    return CLIENT_BROKEN;
}

static size_t d2k_drain(struct client *c, const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    if (!c->prefaced) {
        if (size < WIRE_PREFACE_SIZE) {
            return 0;
        }
        c->prefaced = true;
        at = WIRE_PREFACE_SIZE;
    }
    for (;;) {
        bool in_frame = c->frame_left > 0;
        size_t used = in_frame ? drain_records(c, bytes + at, size - at)
                               : drain_frame(c, bytes + at, size - at);
        if (used == CLIENT_BROKEN) {
            return CLIENT_BROKEN;
        }
        at += used;
        if (used == 0 || (in_frame && c->frame_left > 0)) {
            return at;
        }
    }
}

const struct protocol protocol_d2k = {
    "d2k",
    "\x05"
    "d2k/1",
    false,
    d2k_hello,
    d2k_define,
    d2k_subscribe,
    d2k_publish,
    d2k_drain,
};
