/* programs/common/exit_codes.c: from a result to the exit code, in one place. */
#include "programs/common/exit_codes.h"

static enum exit_code of_link_end(bool registered, enum exit_code before)
{
    return registered ? EXIT_CODE_LINK_LOST : before;
}

enum exit_code exit_code_of(d2k_result result, bool registered)
{
    switch (result) {
    case D2K_OK:
        return EXIT_CODE_OK;
    case D2K_AGAIN:
    case D2K_TIMEOUT:
    case D2K_CLOSED:
    case D2K_IO:
    case D2K_WATCHDOG:
    case D2K_SHUTDOWN:
    case D2K_RESOLVE:
        return of_link_end(registered, EXIT_CODE_NO_CONNECTION);
    case D2K_PROTOCOL:
    case D2K_TLS:
        return of_link_end(registered, EXIT_CODE_REFUSED);
    case D2K_REFUSED:
    case D2K_NO_TLS:
    case D2K_TLS_REQUIRED:
    case D2K_NOT_VERIFIED:
    case D2K_NAME_IN_USE:
    case D2K_NOT_ALLOWED:
        return EXIT_CODE_REFUSED;
    case D2K_UNKNOWN:
        return EXIT_CODE_UNKNOWN;
    case D2K_NOT_FOUND:
        return EXIT_CODE_NOT_FOUND;
    case D2K_ARGUMENT:
    case D2K_CONFIG:
    case D2K_FILE:
        return EXIT_CODE_USAGE;
    case D2K_STATE:
    case D2K_TYPE:
    case D2K_LIMIT:
    case D2K_EXISTS:
    case D2K_CYCLE:
    case D2K_NO_MEMORY:
    case D2K_INTERNAL:
        break;
    }
    return EXIT_CODE_INTERNAL;
}

const char *exit_codes_help(void)
{
#define EXIT_CODE_LINE(name, number, text) "  " #number "  " text "\n"
    return EXIT_CODES(EXIT_CODE_LINE);
#undef EXIT_CODE_LINE
}
