/* programs/tell/administer.c: commands that say what a process shall do: set-active, set-preferred,
 * start, stop, restart. */
#include <stdlib.h>

#include "programs/tell/tell.h"

#define NO_END (-1) /* the kernel knows how long a program may take to end */

static enum exit_code wait_for_outcome(struct tell *tell, uint64_t request, int timeout_ms)
{
    const char *process = tell->options.words[0];
    d2k_event event = {.type = D2K_EVENT_DONE};
    while (event.request != request) {
        enum exit_code code = tell_next_event(tell, &event, timeout_ms);
        if (code != EXIT_CODE_OK) {
            return code;
        }
        if (event.type == D2K_EVENT_DISCONNECTED) {
            program_say_error(&tell->program, "%s", event.text);
            return EXIT_CODE_LINK_LOST;
        }
    }
    if (event.type == D2K_EVENT_FAILED) {
        program_say_error(&tell->program, "%s: %s", process, event.text);
        return exit_code_of(event.result, false);
    }
    return EXIT_CODE_OK;
}

static enum exit_code cannot_ask(struct tell *tell, d2k_result result)
{
    program_say_error(&tell->program, "%s: %s", tell->options.words[0],
                      d2k_client_error_text(tell->program.client));
    return exit_code_of(result, false);
}

enum exit_code tell_instance(struct tell *tell)
{
    d2k_client *client = tell->program.client;
    const char *process = tell->options.words[0];
    unsigned instance = (unsigned)strtoul(tell->options.words[1], NULL, 10);
    uint64_t request = 0;
    d2k_result result = tell->options.command == TELL_SET_ACTIVE
                            ? d2k_set_active_instance(client, process, instance, &request)
                            : d2k_set_preferred_instance(client, process, instance, &request);
    return result == D2K_OK ? wait_for_outcome(tell, request, ANSWER_WAIT_MS)
                            : cannot_ask(tell, result);
}

enum exit_code tell_process(struct tell *tell)
{
    d2k_client *client = tell->program.client;
    const char *process = tell->options.words[0];
    uint64_t request = 0;
    d2k_result result =
        tell->options.command == TELL_START  ? d2k_start_process(client, process, &request)
        : tell->options.command == TELL_STOP ? d2k_stop_process(client, process, &request)
                                             : d2k_restart_process(client, process, &request);
    return result == D2K_OK ? wait_for_outcome(tell, request, NO_END) : cannot_ask(tell, result);
}
