/* programs/certs/target.c: host and port apart. */
#include "programs/certs/target.h"

#include <string.h>

#include "base/text.h"

/* Letters, digits and what stands in names and addresses: no path, no blank. */
static bool is_host(const char *host, size_t length, bool bracketed)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    for (size_t i = 0; i < length; i++) {
        if (strchr(letters, host[i]) == NULL && !(bracketed && strchr(":%", host[i]) != NULL)) {
            return false;
        }
    }
    return length > 0 && length < CERTS_HOST_MAX && host[0] != '-';
}

/* Where the host ends and, behind ':', the port begins; NULL: not of that shape. */
static const char *end_of_host(const char *text, bool bracketed)
{
    const char *end = bracketed ? strchr(text, ']') : strchr(text, ':');
    return end == NULL && !bracketed ? text + strlen(text) : end;
}

bool certs_target_parse(const char *text, uint16_t default_port, struct certs_target *ret_target)
{
    bool bracketed = text[0] == '[';
    const char *host = text + (bracketed ? 1 : 0);
    const char *end = end_of_host(text, bracketed);
    if (end == NULL || !is_host(host, (size_t)(end - host), bracketed)) {
        return false;
    }
    const char *rest = end + (bracketed ? 1 : 0);
    long long port = default_port;
    if (rest[0] == '\0' ? default_port == 0
                        : rest[0] != ':' || !text_to_number(rest + 1, 1, UINT16_MAX, &port)) {
        return false;
    }
    memcpy(ret_target->host, host, (size_t)(end - host));
    ret_target->host[end - host] = '\0';
    ret_target->port = (uint16_t)port;
    return true;
}
