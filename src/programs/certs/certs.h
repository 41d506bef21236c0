/* programs/certs/certs.h: the commands of d2k-certs, and its exit codes, which scripts rely on.
 * Each returns its exit code and has said on stderr what went wrong. */
#ifndef D2K_PROGRAMS_CERTS_CERTS_H
#define D2K_PROGRAMS_CERTS_CERTS_H

#include "programs/certs/options.h"

enum certs_exit {
    CERTS_EXIT_OK = 0,
    CERTS_EXIT_WARNING = 1,
    CERTS_EXIT_ERROR = 2,
    CERTS_EXIT_NO_CONNECTION = 3,
    CERTS_EXIT_NOT_TRUSTED = 4,
};

enum certs_exit certs_new(const struct certs_options *options);
enum certs_exit certs_show(const struct certs_options *options);
enum certs_exit certs_check(const struct certs_options *options);

/* "d2k-certs: <text>" on stderr, made safe for a terminal. */
void certs_complain(const char *text);

#endif
