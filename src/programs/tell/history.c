/* programs/tell/history.c: the command history: a line for each change that the kernel has kept. */
#include <stdio.h>

#include "base/text.h"
#include "programs/tell/lines.h"
#include "programs/tell/tell.h"

/* 0: all; the options were checked. */
static unsigned wanted_count(const struct tell_options *options)
{
    long long count = 0;
    if (options->word_count > 1) {
        (void)text_to_number(options->words[1], 1, D2K_HISTORY_MAX, &count);
    }
    return (unsigned)count;
}

static enum exit_code finished(struct tell *tell, const d2k_event *event)
{
    const char *name = tell->options.words[0];
    if (event->type == D2K_EVENT_FAILED) {
        program_say_error(&tell->program, "%s: %s", name, event->text);
        return exit_code_of(event->result, true);
    }
    if (event->count == 0) {
        (void)fprintf(stderr, "%s: no history of %s is kept, or it has not changed yet\n",
                      tell->program.info->name, name);
    }
    return tell_flush(tell, NULL);
}

static enum exit_code print_answer(struct tell *tell, struct value_lines *lines, uint64_t request)
{
    d2k_event event;
    for (;;) {
        enum exit_code code = tell_next_event(tell, &event, ANSWER_WAIT_MS);
        if (code != EXIT_CODE_OK) {
            return code;
        }
        if (event.request != request) {
            continue;
        }
        if (event.type == D2K_EVENT_DONE || event.type == D2K_EVENT_FAILED) {
            return finished(tell, &event);
        }
        if (event.type == D2K_EVENT_VALUE && !value_lines_print(lines, event.object, event.value)) {
            return tell_too_large(tell);
        }
    }
}

enum exit_code tell_history(struct tell *tell)
{
    uint64_t request = 0;
    struct value_lines lines;
    d2k_client *client = tell->program.client;
    const char *name = tell->options.words[0];
    d2k_result result = d2k_history(client, name, wanted_count(&tell->options), &request);
    if (result != D2K_OK) {
        program_say_error(&tell->program, "%s: %s", name, d2k_client_error_text(client));
        return exit_code_of(result, true);
    }
    value_lines_init(&lines, &tell->options);
    value_lines_header(&lines);
    enum exit_code code = print_answer(tell, &lines, request);
    value_lines_free(&lines);
    return code;
}
