/* programs/tell/watch.c: prints a line for each value that comes. */
#include <stdio.h>

#include "base/text.h"
#include "os/clock.h"
#include "programs/tell/lines.h"
#include "programs/tell/tell.h"

struct watch {
    struct tell *tell;
    struct value_lines lines;
    uint64_t requests[TELL_WORDS_MAX];
    uint64_t printed, lost;
    bool reader_gone;
};

static enum exit_code print_value(struct watch *watch, const d2k_event *event)
{
    if (!value_lines_print(&watch->lines, event->object, event->value)) {
        return tell_too_large(watch->tell);
    }
    watch->printed++;
    return tell_flush(watch->tell, &watch->reader_gone);
}

/* ---- events ---- */

/* Pattern of a subscription, for messages. */
static const char *pattern_of(const struct watch *watch, uint64_t request)
{
    for (size_t i = 0; i < watch->tell->options.word_count; i++) {
        if (watch->requests[i] == request) {
            return watch->tell->options.words[i];
        }
    }
    return "?";
}

static void say(const struct watch *watch, const char *what, const char *about)
{
    char text[ERROR_TEXT_MAX];
    text_escape(text, sizeof text, slice_of(about));
    (void)fprintf(stderr, "%s: %s%s\n", watch->tell->program.info->name, what, text);
}

static enum exit_code refused(const struct watch *watch, const d2k_event *event)
{
    program_say_error(&watch->tell->program, "%s: %s", pattern_of(watch, event->request),
                      event->text);
    return exit_code_of(event->result, true);
}

static enum exit_code handle_event(struct watch *watch, const d2k_event *event)
{
    bool reconnects = watch->tell->program.reconnect;
    switch (event->type) {
    case D2K_EVENT_VALUE:
        return print_value(watch, event);
    case D2K_EVENT_FAILED:
        return refused(watch, event);
    case D2K_EVENT_OVERRUN:
        watch->lost += event->count;
        program_say_error(&watch->tell->program, "%s: %llu values were lost: too slow a reader",
                          pattern_of(watch, event->request), (unsigned long long)event->count);
        return EXIT_CODE_OK;
    case D2K_EVENT_SNAPSHOT_END:
        if (event->count == 0) {
            say(watch, "nothing matches yet, waiting for ", pattern_of(watch, event->request));
        }
        return EXIT_CODE_OK;
    case D2K_EVENT_DISCONNECTED:
        if (reconnects) {
            say(watch, "connection lost, connecting again: ", event->text);
        }
        return EXIT_CODE_OK;
    case D2K_EVENT_CONNECTED:
        say(watch, "connected again as ", event->text);
        return EXIT_CODE_OK;
    case D2K_EVENT_OBJECT_GONE:
        say(watch, "deleted: ", event->text);
        return EXIT_CODE_OK;
    case D2K_EVENT_OBJECT:
    case D2K_EVENT_PROCESS:
    case D2K_EVENT_DONE:
    case D2K_EVENT_ACKNOWLEDGED:
    case D2K_EVENT_PONG:
    case D2K_EVENT_WRITE_RESULT:
    case D2K_EVENT_INSTANCE:
    case D2K_EVENT_COMMAND:
    case D2K_EVENT_LOGGED_ON:
        break;
    }
    return EXIT_CODE_OK;
}

/* ---- the command ---- */

static enum exit_code subscribe_all(struct watch *watch)
{
    const struct tell_options *options = &watch->tell->options;
    d2k_client *client = watch->tell->program.client;
    const d2k_subscription_options how = {.size = sizeof how,
                                          .mode = options->every ? D2K_EVERY : D2K_LATEST,
                                          .min_interval_ms = options->interval_ms,
                                          .has_dead_band = options->has_dead_band,
                                          .dead_band = options->dead_band};
    for (size_t i = 0; i < options->word_count; i++) {
        d2k_result result =
            d2k_subscribe_with(client, options->words[i], &how, &watch->requests[i]);
        if (result != D2K_OK) {
            program_say_error(&watch->tell->program, "%s: %s", options->words[i],
                              d2k_client_error_text(client));
            return exit_code_of(result, true);
        }
    }
    return EXIT_CODE_OK;
}

/* So that nothing of it comes into the next command of a session. */
static void unsubscribe_all(const struct watch *watch)
{
    for (size_t i = 0; i < watch->tell->options.word_count; i++) {
        if (watch->requests[i] != 0 &&
            d2k_unsubscribe(watch->tell->program.client, watch->requests[i]) != D2K_OK) {
            continue; /* it was refused, and is gone already */
        }
    }
}

static bool has_all(const struct watch *watch)
{
    uint64_t count = watch->tell->options.count;
    return count != 0 && watch->printed >= count;
}

/* Milliseconds until --for= is over, 0 when it is; -1 without it. */
static int time_left(const struct tell_options *options, uint64_t begun_ms)
{
    uint64_t whole_ms = (uint64_t)options->seconds * 1000;
    uint64_t past_ms = os_monotonic_ms() - begun_ms;
    if (options->seconds == 0) {
        return -1;
    }
    return past_ms >= whole_ms ? 0 : (int)(whole_ms - past_ms);
}

static enum exit_code watch_until_end(struct watch *watch)
{
    const struct tell_options *options = &watch->tell->options;
    uint64_t begun_ms = os_monotonic_ms();
    d2k_event event;
    int left_ms;
    while (!watch->reader_gone && !has_all(watch) && !program_stop_requested() &&
           (left_ms = time_left(options, begun_ms)) != 0) {
        d2k_result result = program_next(&watch->tell->program, &event, left_ms);
        if (result == D2K_TIMEOUT) {
            continue;
        }
        if (result != D2K_OK) {
            return program_link_ended(&watch->tell->program, result);
        }
        enum exit_code code = handle_event(watch, &event);
        if (code != EXIT_CODE_OK) {
            return code;
        }
    }
    bool ran_out =
        options->count != 0 && !has_all(watch) && !watch->reader_gone && !program_stop_requested();
    return ran_out || watch->lost > 0 ? EXIT_CODE_NOT_FOUND : EXIT_CODE_OK;
}

enum exit_code tell_watch(struct tell *tell)
{
    struct watch watch = {.tell = tell};
    value_lines_init(&watch.lines, &tell->options);
    value_lines_header(&watch.lines);
    enum exit_code code = tell_flush(tell, &watch.reader_gone);
    if (code == EXIT_CODE_OK) {
        code = subscribe_all(&watch);
    }
    if (code == EXIT_CODE_OK) {
        code = watch_until_end(&watch);
    }
    if (tell->in_session) {
        unsubscribe_all(&watch);
    }
    value_lines_free(&watch.lines);
    return code;
}
