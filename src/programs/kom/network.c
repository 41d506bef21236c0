/* programs/kom/network.c: bytes of each network interface, as rates. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "os/file.h"
#include "programs/kom/sample.h"

#define NETWORK_TEXT_MAX (64u * 1024u)

static const struct network_link *find(const struct network *network, const char *name)
{
    for (size_t i = 0; i < network->count; i++) {
        if (strcmp(network->links[i].name, name) == 0) {
            return &network->links[i];
        }
    }
    return NULL;
}

/* "  eth0: 753118103 16292 0 0 0 0 0 0 809949 ..." False: a heading, or another form. */
static bool parse_line(const char *line, struct network_link *ret_link)
{
    line += strspn(line, " ");
    size_t size = strcspn(line, ":\n");
    if (line[size] != ':' || size == 0 || size > NETWORK_NAME_MAX) {
        return false;
    }
    (void)snprintf(ret_link->name, sizeof ret_link->name, "%.*s", (int)size, line);
    return sscanf(line + size + 1, "%" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64,
                  &ret_link->received, &ret_link->sent) == 2;
}

/* A counter that runs backwards belongs to an interface that was made anew. */
static d2k_value rate(uint64_t now, uint64_t before, uint64_t passed_ms)
{
    return passed_ms == 0 || now < before
               ? sample_invalid(D2K_TYPE_REAL)
               : d2k_real((double)(now - before) * 1000.0 / (double)passed_ms);
}

static void put_link(const struct network_link *link, const struct network_link *before,
                     uint64_t passed_ms, const struct sample_sink *sink)
{
    static const struct network_link none;
    const struct network_link *last = before == NULL ? &none : before;
    uint64_t since_ms = before == NULL ? 0 : passed_ms;
    sample_put(sink, "B/s", "Bytes received over this network interface in a second",
               rate(link->received, last->received, since_ms), "Net_%s_Rx", link->name);
    sample_put(sink, "B/s", "Bytes sent over this network interface in a second",
               rate(link->sent, last->sent, since_ms), "Net_%s_Tx", link->name);
}

d2k_result sample_network(const char *proc_root, struct network *network, uint64_t now_ms,
                          const struct sample_sink *sink, struct error *err)
{
    static char text[NETWORK_TEXT_MAX];
    static struct network now;
    char path[SAMPLE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/net/dev", proc_root);
    int failure = proc_read_text(path, text, sizeof text);
    if (failure != 0) {
        network->count = 0;
        return error_set(err, D2K_FILE, "%s cannot be read: %s", path, os_error_text(failure));
    }
    now.count = 0;
    now.time_ms = now_ms;
    for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        struct network_link *link = &now.links[now.count];
        if (now.count < NETWORK_LINKS_MAX - 1 && parse_line(line, link) &&
            strcmp(link->name, "lo") != 0) {
            put_link(link, find(network, link->name), now_ms - network->time_ms, sink);
            now.count++;
        }
    }
    *network = now;
    return D2K_OK;
}
