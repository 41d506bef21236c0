/* fuzz_session.c: any bytes as what a client sends to a plain kernel session, in pieces whose size
 * the first byte chooses; the session must never take more than its limits nor lose its state. */
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
        if (message.type == WIRE_REGISTER) {
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session *session = session_new_server();
    size_t piece;

    if (session == NULL || size == 0) {
        session_free(session);
        return 0;
    }
    piece = (size_t)data[0] + 1;
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
