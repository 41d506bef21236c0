/* programs/tell/ack.c: the command ack: acknowledges process alarms, one name or pattern after the
 * other, and says how many there were. */
#include <inttypes.h>
#include <stdio.h>

#include "programs/tell/tell.h"

static enum exit_code refuse(const struct tell *tell, const char *word, d2k_result result,
                             const char *why)
{
    program_say_error(&tell->program, "%s: %s", word, why);
    return exit_code_of(result, true);
}

static enum exit_code acknowledge(struct tell *tell, const char *word, uint64_t *count)
{
    d2k_client *client = tell->program.client;
    uint64_t request = 0;
    d2k_event event = {.type = D2K_EVENT_VALUE};
    d2k_result result = d2k_acknowledge_alarm(client, word, &request);
    if (result != D2K_OK) {
        return refuse(tell, word, result, d2k_client_error_text(client));
    }
    while (event.request != request) {
        enum exit_code code = tell_next_event(tell, &event, ANSWER_WAIT_MS);
        if (code != EXIT_CODE_OK) {
            return code;
        }
        if (event.type == D2K_EVENT_DISCONNECTED) {
            program_say_error(&tell->program, "%s: whether it was acknowledged is unknown: %s",
                              word, event.text);
            return EXIT_CODE_LINK_LOST;
        }
    }
    if (event.type == D2K_EVENT_FAILED) {
        return refuse(tell, word, event.result, event.text);
    }
    *count += event.count;
    return EXIT_CODE_OK;
}

enum exit_code tell_ack(struct tell *tell)
{
    uint64_t count = 0;
    enum exit_code worst = EXIT_CODE_OK;
    for (size_t i = 0; i < tell->options.word_count && !program_stop_requested(); i++) {
        enum exit_code code = acknowledge(tell, tell->options.words[i], &count);
        worst = worst != EXIT_CODE_OK ? worst : code;
        if (code == EXIT_CODE_LINK_LOST) {
            break;
        }
    }
    (void)printf("%" PRIu64 " alarms acknowledged\n", count);
    enum exit_code flushed = tell_flush(tell, NULL);
    return worst != EXIT_CODE_OK ? worst : flushed;
}
