/* Drivers of the peers' protocols: MQTT 3.1.1 with QoS 0, NATS, Redis (RESP), HTTP/1.1, and none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "measure.h"

#define TOPIC "bench.t%u"

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, text, strlen(text));
}

static void put_payload(struct buffer *out, uint64_t stamp_ns, uint64_t sequence)
{
    buffer_put_u64(out, stamp_ns);
    buffer_put_u64(out, sequence);
    buffer_put(out, "xxxxxxxxxxxxxxxx", 16);
}

static uint64_t u64_at(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Only topic 0 carries values: more topics are of d2k alone. */
static void take_payload(struct client *c, const uint8_t *payload)
{
    c->on_value(c, u64_at(payload), u64_at(payload + 8), 0);
}

/* ---- MQTT ---- */

static void mqtt_hello(struct client *c)
{
    char id[32];
    int size = snprintf(id, sizeof id, "b%d_%u", (int)getpid(), c->number);
    const uint8_t fixed[] = {0x10, (uint8_t)(12 + size), 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0,
                             0,    (uint8_t)size};
    buffer_put(&c->out, fixed, sizeof fixed);
    put_text(&c->out, id);
}

static void mqtt_subscribe(struct client *c, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        char topic[32];
        int size = snprintf(topic, sizeof topic, TOPIC, i);
        const uint8_t fixed[] = {0x82, (uint8_t)(5 + size), 0, (uint8_t)(i % 255 + 1),
                                 0,    (uint8_t)size};
        buffer_put(&c->out, fixed, sizeof fixed);
        put_text(&c->out, topic);
        buffer_put_u8(&c->out, 0);
    }
    c->answers_missing += count;
}

static void mqtt_publish(struct client *c, uint64_t stamp_ns, uint64_t sequence, unsigned batch)
{
    static const uint8_t fixed[] = {
        0x30, 10 + PAYLOAD_SIZE, 0, 8, 'b', 'e', 'n', 'c', 'h', '.', 't', '0'};
    for (unsigned i = 0; i < batch; i++) {
        buffer_put(&c->out, fixed, sizeof fixed);
        put_payload(&c->out, stamp_ns, sequence + i);
    }
}

static bool mqtt_packet(struct client *c, const uint8_t *body, size_t size, unsigned type)
{
    switch (type) {
    case 2:
        client_registered(c);
        return size >= 2 && body[1] == 0;
    case 3: {
        size_t topic = size >= 2 ? (size_t)body[0] << 8 | body[1] : size;
        if (size != 2 + topic + PAYLOAD_SIZE) {
            return false;
        }
        take_payload(c, body + 2 + topic);
        return true;
    }
    case 9:
        client_answered(c, 1);
        return true;
    default:
        return false;
    }
}

static size_t mqtt_drain(struct client *c, const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (size - at >= 2) { /* what we receive has lengths of one byte only */
        size_t length = bytes[at + 1];
        if (length > 127) {
            return CLIENT_BROKEN;
        }
        if (size - at < 2 + length) {
            break;
        }
        if (!mqtt_packet(c, bytes + at + 2, length, bytes[at] >> 4)) {
            return CLIENT_BROKEN;
        }
        at += 2 + length;
    }
    return at;
}

/* ---- NATS and Redis: lines, and values behind a fixed head ---- */

/* Takes values behind `head` and lines that `line` understands. */
static size_t drain_lines(struct client *c, const uint8_t *bytes, size_t size, const char *head,
                          size_t head_size, void (*line)(struct client *c, const char *text))
{
    size_t at = 0, whole = head_size + PAYLOAD_SIZE + 2;
    while (size > at) {
        size_t left = size - at;
        size_t compared = left < head_size ? left : head_size;
        if (memcmp(bytes + at, head, compared) == 0) {
            if (left < whole) {
                break;
            }
            take_payload(c, bytes + at + head_size);
            at += whole;
            continue;
        }
        const uint8_t *end = memchr(bytes + at, '\n', left);
        if (end == NULL) {
            break;
        }
        line(c, (const char *)bytes + at);
        at = (size_t)(end - bytes) + 1;
    }
    return at;
}

static void nats_hello(struct client *c)
{
    put_text(&c->out, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n");
}

static void nats_subscribe(struct client *c, unsigned first, unsigned count)
{
    char line[64];
    for (unsigned i = first; i < first + count; i++) {
        (void)snprintf(line, sizeof line, "SUB " TOPIC " %u\r\n", i, i + 1);
        put_text(&c->out, line);
    }
    put_text(&c->out, "PING\r\n");
    c->answers_missing++;
}

static void nats_publish(struct client *c, uint64_t stamp_ns, uint64_t sequence, unsigned batch)
{
    static const char head[] = "PUB bench.t0 32\r\n";
    for (unsigned i = 0; i < batch; i++) {
        buffer_put(&c->out, head, sizeof head - 1);
        put_payload(&c->out, stamp_ns, sequence + i);
        buffer_put(&c->out, "\r\n", 2);
    }
}

static void nats_line(struct client *c, const char *text)
{
    if (strncmp(text, "PONG", 4) == 0) {
        if (c->state == CLIENT_REGISTERED) {
            client_answered(c, 1);
        }
        client_registered(c);
    } else if (strncmp(text, "PING", 4) == 0) {
        put_text(&c->out, "PONG\r\n");
        client_flush(c);
    } else if (strncmp(text, "-ERR", 4) == 0) {
        client_fail(c, "NATS: %.60s", text);
    }
}

static size_t nats_drain(struct client *c, const uint8_t *bytes, size_t size)
{
    static const char head[] = "MSG bench.t0 1 32\r\n";
    return drain_lines(c, bytes, size, head, sizeof head - 1, nats_line);
}

static void redis_hello(struct client *c)
{
    put_text(&c->out, "PING\r\n");
}

static void redis_subscribe(struct client *c, unsigned first, unsigned count)
{
    char line[64];
    for (unsigned i = first; i < first + count; i++) {
        (void)snprintf(line, sizeof line, "SUBSCRIBE " TOPIC "\r\n", i);
        put_text(&c->out, line);
    }
    c->answers_missing += count;
}

static void redis_publish(struct client *c, uint64_t stamp_ns, uint64_t sequence, unsigned batch)
{
    static const char head[] = "*3\r\n$7\r\nPUBLISH\r\n$8\r\nbench.t0\r\n$32\r\n";
    for (unsigned i = 0; i < batch; i++) {
        buffer_put(&c->out, head, sizeof head - 1);
        put_payload(&c->out, stamp_ns, sequence + i);
        buffer_put(&c->out, "\r\n", 2);
    }
}

static void redis_line(struct client *c, const char *text)
{
    if (text[0] == '+') {
        client_registered(c);
    } else if (text[0] == ':') {
        client_answered(c, 1);
    } else if (text[0] == '-') {
        client_fail(c, "Redis: %.60s", text);
    }
}

static size_t redis_drain(struct client *c, const uint8_t *bytes, size_t size)
{
    static const char head[] = "*3\r\n$7\r\nmessage\r\n$8\r\nbench.t0\r\n$32\r\n";
    return drain_lines(c, bytes, size, head, sizeof head - 1, redis_line);
}

/* ---- HTTP ---- */

static void http_hello(struct client *c)
{
    put_text(&c->out, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

static size_t http_drain(struct client *c, const uint8_t *bytes, size_t size)
{
    if (memmem(bytes, size, " 200 ", 5) != NULL) {
        client_registered(c);
    }
    return size;
}

const struct protocol *protocol_find(const char *name)
{
    static const struct protocol peers[] = {
        {"none", NULL, false, NULL, NULL, NULL, NULL, NULL},
        {"http", NULL, false, http_hello, NULL, NULL, NULL, http_drain},
        {"mqtt", NULL, false, mqtt_hello, NULL, mqtt_subscribe, mqtt_publish, mqtt_drain},
        {"nats", NULL, true, nats_hello, NULL, nats_subscribe, nats_publish, nats_drain},
        {"redis", NULL, false, redis_hello, NULL, redis_subscribe, redis_publish, redis_drain},
        /* what is before the registration, for servers whose handshakes alone are measured */
        {"nats-tls", NULL, true, NULL, NULL, NULL, NULL, NULL},
        {"d2k-tls",
         "\x05"
         "d2k/1",
         false, NULL, NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        if (strcmp(peers[i].name, name) == 0) {
            return &peers[i];
        }
    }
    return strcmp(name, protocol_d2k.name) == 0 ? &protocol_d2k : NULL;
}
