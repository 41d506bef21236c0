/* kernel/options.h: the command line of d2k-kernel. */
#ifndef D2K_KERNEL_OPTIONS_H
#define D2K_KERNEL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/server.h"

struct kernel_options {
    const char *application; /* @<application>; NULL: DefaultApplication */
    const char *installation, *config_dir, *log_dir, *state_dir, *run_dir; /* NULL: default */
    const char *addresses[NET_ADDRESSES_MAX]; /* --address=, none: all of IPv4 and IPv6 */
    unsigned address_count;
    uint16_t port; /* 0: the system chooses */
    bool log_json; /* --log-format=json */
    bool help, version;
};

/* Text points into argv. D2K_ARGUMENT names the parameter and what is allowed; with `/?` among the
 * parameters nothing else matters and D2K_OK is returned. */
d2k_result kernel_options_parse(int argc, char **argv, struct kernel_options *ret_options,
                                struct error *err) D2K_MUST_CHECK;

/* The text of /?. Static. */
const char *kernel_options_help(void);

#endif
