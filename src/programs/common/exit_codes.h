/* programs/common/exit_codes.h: exit codes of every client program; stable: scripts rely on them.
 * Never renumber, only append. */
#ifndef D2K_PROGRAMS_EXIT_CODES_H
#define D2K_PROGRAMS_EXIT_CODES_H

#include <stdbool.h>

#include <d2k/result.h>

/* X(NAME, number, text) */
#define EXIT_CODES(X)                                                                 \
    X(OK, 0, "done")                                                                  \
    X(NOT_FOUND, 1, "something that was asked for is not there, or a check failed")   \
    X(USAGE, 2, "wrong parameters or configuration")                                  \
    X(NO_CONNECTION, 3, "no connection: host not found, nobody there, time-out")      \
    X(REFUSED, 4, "refused: TLS, certificate not verified, name in use, not allowed") \
    X(LINK_LOST, 5, "the connection was lost after it was registered")                \
    X(INTERNAL, 6, "out of memory, output cannot be written, or an internal error")   \
    X(UNKNOWN, 7, "nobody can tell whether a command was done: no answer, its owner gone")

enum exit_code {
#define EXIT_CODE_ENUM(name, number, text) EXIT_CODE_##name = (number),
    EXIT_CODES(EXIT_CODE_ENUM)
#undef EXIT_CODE_ENUM
};

/* The exit code that tells of a result. `registered`: the client had been registered with the
 * kernel before, so that an end of its link is a loss. */
enum exit_code exit_code_of(d2k_result result, bool registered);

/* All codes, one a line, for --help. Static. */
const char *exit_codes_help(void);

#endif
