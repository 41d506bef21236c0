/* fuzz_session.c: any bytes as what the peer of a session sends, from its very first byte:
 * session_new_server() and a plain session_new_client(). The first byte of the input chooses the
 * side (its highest bit: a client) and the size of the pieces in which the rest arrives. The
 * session must never take more than its limits nor lose its state. */
#include <string.h>

#include "fuzz.h"
#include "session/session.h"

/* Takes all messages that are complete. False: the session is over. */
static int take_messages(struct session *session)
{
    for (;;) {
        struct wire_message message;
        struct error err;
        uint16_t code = 0;
        d2k_result rc = session_next(session, &message, &code, &err);

        if (rc == D2K_AGAIN) {
            return 1;
        }
        if (rc != D2K_OK) {
            session_end(session, WIRE_BYE, code, 0, "fuzz");
            return 0;
        }
        if (message.type == WIRE_REGISTER || message.type == WIRE_REGISTERED) {
            session_set_registered(session);
        }
    }
}

static int feed(struct session *session, const uint8_t *data, size_t size)
{
    size_t room = 0;
    uint8_t *input = session_input(session, size, &room);
    struct error err;

    if (input == NULL) {
        return 0;
    }
    fuzz_expect(room > 0);
    size = size < room ? size : room;
    memcpy(input, data, size);
    session_received(session, size);
    if (session_advance(session, &err) != D2K_OK || session_state(session) == SESSION_NEEDS_TLS) {
        session_end(session, WIRE_REFUSE, WIRE_CODE_PROTOCOL, 0, "fuzz");
        return 0;
    }
    if (session_state(session) == SESSION_OPEN && !take_messages(session)) {
        return 0;
    }
    return (int)size;
}

static struct session *new_session(int is_client)
{
    struct session *session = NULL;
    if (!is_client) {
        return session_new_server();
    }
    return session_new_client(NULL, "localhost", &session, NULL) == D2K_OK ? session : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct session *session = new_session((data[0] & 0x80) != 0);
    size_t piece = (size_t)(data[0] & 0x7f) + 1;
    if (session == NULL) {
        return 0;
    }
    for (size_t at = 1; at < size;) {
        int taken = feed(session, data + at, size - at < piece ? size - at : piece);

        if (taken == 0) {
            break;
        }
        at += (size_t)taken;
    }
    struct slice output = session_output(session);
    session_written(session, output.size);
    session_free(session);
    return 0;
}
