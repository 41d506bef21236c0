/* programs/tell/watch.c: prints a line for each value that comes. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "os/clock.h"
#include "programs/common/json.h"
#include "programs/tell/catalogue.h"
#include "programs/tell/show.h"
#include "programs/tell/table.h"
#include "programs/tell/tell.h"

#define LINE_MAX_BYTES                                                        \
    (4u * 1024u * 1024u) /* of JSON: the longest text with every byte escaped \
                          */
#define NAME_WIDTH  24   /* least widths of the columns */
#define VALUE_WIDTH 16

struct watch {
    struct tell *tell;
    struct catalogue catalogue; /* units */
    struct buffer line;
    uint64_t requests[TELL_WORDS_MAX];
    uint64_t printed, lost;
    size_t name_width;
    bool reader_gone;
};

/* ---- lines ---- */

static void print_cell(const char *text, size_t width)
{
    size_t used = table_text_width(text);
    (void)printf("%s%*s  ", text, used < width ? (int)(width - used) : 0, "");
}

static bool print_text_line(struct watch *watch, const struct catalogue_object *object,
                            const d2k_value *value)
{
    char status[SHOW_STATUS_MAX], time[TEXT_TIME_MAX];
    char *name = show_text(object->name), *unit = show_text(object->unit);
    char *content = show_content(value);
    bool ok = name != NULL && unit != NULL && content != NULL;
    if (ok) {
        show_status(value, status);
        show_time(value->time_ns, time, sizeof time);
        size_t width = table_text_width(name);
        watch->name_width = width > watch->name_width ? width : watch->name_width;
        print_cell(time, TEXT_TIME_MAX - 1);
        print_cell(name, watch->name_width);
        print_cell(content, VALUE_WIDTH);
        print_cell(unit, 4);
        (void)printf("%s\n", status);
    }
    free(name);
    free(unit);
    free(content);
    return ok;
}

static bool print_json_line(struct watch *watch, const struct catalogue_object *object,
                            const d2k_value *value)
{
    buffer_reset(&watch->line);
    struct json json = json_into(&watch->line);
    json_write_open(&json, NULL, '{');
    json_write_text(&json, "name", slice_of(object->name));
    json_write_text(&json, "type", slice_of(d2k_type_name(object->type)));
    json_write_text(&json, "unit", slice_of(object->unit));
    show_value_json(&json, value);
    json_write_close(&json, '}');
    buffer_put(&watch->line, "\n", 1);
    if (buffer_failed(&watch->line)) {
        return false;
    }
    (void)fwrite(buffer_data(&watch->line), 1, buffer_size(&watch->line), stdout);
    return true;
}

static enum exit_code print_value(struct watch *watch, const d2k_event *event)
{
    struct catalogue_object *object = catalogue_find(&watch->catalogue, event->object->name);
    if (object == NULL) {
        object = catalogue_define(&watch->catalogue, event->object);
    }
    bool printed = object != NULL &&
                   (watch->tell->options.json ? print_json_line(watch, object, event->value)
                                              : print_text_line(watch, object, event->value));
    if (!printed) {
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
    case D2K_EVENT_OBJECT:
        return catalogue_define(&watch->catalogue, event->object) != NULL
                   ? EXIT_CODE_OK
                   : tell_too_large(watch->tell);
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
    for (size_t i = 0; i < options->word_count; i++) {
        d2k_result result =
            d2k_subscribe(client, options->words[i], options->every ? D2K_EVERY : D2K_LATEST,
                          &watch->requests[i]);
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

static enum exit_code print_header(struct watch *watch)
{
    if (watch->tell->options.json) {
        return EXIT_CODE_OK;
    }
    print_cell("TIME", TEXT_TIME_MAX - 1);
    print_cell("NAME", watch->name_width);
    print_cell("VALUE", VALUE_WIDTH);
    print_cell("UNIT", 4);
    (void)printf("STATUS\n");
    return tell_flush(watch->tell, &watch->reader_gone);
}

enum exit_code tell_watch(struct tell *tell)
{
    struct watch watch = {.tell = tell, .name_width = NAME_WIDTH};
    if (!catalogue_init(&watch.catalogue, REPLY_MAX_BYTES)) {
        program_say_error(&tell->program, "the system has no random numbers");
        return EXIT_CODE_INTERNAL;
    }
    buffer_init(&watch.line, LINE_MAX_BYTES);
    enum exit_code code = print_header(&watch);
    if (code == EXIT_CODE_OK) {
        code = subscribe_all(&watch);
    }
    if (code == EXIT_CODE_OK) {
        code = watch_until_end(&watch);
    }
    if (tell->in_session) {
        unsubscribe_all(&watch);
    }
    buffer_free(&watch.line);
    catalogue_free(&watch.catalogue);
    return code;
}
