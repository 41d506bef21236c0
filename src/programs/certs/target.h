/* programs/certs/target.h: "localhost:3119", "[::1]:3119": a kernel on the command line. */
#ifndef D2K_PROGRAMS_CERTS_TARGET_H
#define D2K_PROGRAMS_CERTS_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#define CERTS_HOST_MAX 254 /* with terminator: longest DNS name */

struct certs_target {
    char host[CERTS_HOST_MAX]; /* without brackets */
    uint16_t port;
};

/* default_port 0: a port must be given. An IPv6 address needs brackets when it has a port. False:
 * that is no host and port. */
bool certs_target_parse(const char *text, uint16_t default_port, struct certs_target *ret_target);

#endif
