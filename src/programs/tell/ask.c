/* programs/tell/ask.c: commands that ask once and print the whole answer: list, get, snapshot,
 * processes, shutdown. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "programs/tell/catalogue.h"
#include "programs/tell/lines.h"
#include "programs/tell/show.h"
#include "programs/tell/table.h"
#include "programs/tell/tell.h"

#define SHUTDOWN_WAIT_MS  10000
#define VERSION_MAX_BYTES 4096u

typedef d2k_result ask_function(d2k_client *client, const char *pattern, uint64_t *ret_request);

/* One command's requests, one for each word, or `together` one for all. */
struct ask {
    struct tell *tell;
    const char *kind; /* "object": for messages */
    bool administers; /* its words are no names */
    bool together;    /* snapshot: it does not use `send` */
    ask_function *send;
    const d2k_filter *filter; /* of list, which then does not use `send`; else NULL */
    /* Keeps an event; false: out of memory or over the limit. */
    bool (*keep)(struct ask *ask, const d2k_event *event);
    uint64_t requests[TELL_WORDS_MAX];
    bool answered[TELL_WORDS_MAX];
    size_t open;
    enum exit_code code; /* of what was missing or refused */
    struct catalogue catalogue;
    struct table table;
    struct buffer buffer;
    struct json json;
};

/* ---- asking ---- */

static const char *word(const struct ask *ask, size_t i)
{
    return ask->tell->options.word_count == 0 ? "*" : ask->tell->options.words[i];
}

static size_t word_count(const struct ask *ask)
{
    size_t count = ask->tell->options.word_count;
    return count == 0 ? 1 : count;
}

static size_t request_count(const struct ask *ask)
{
    return ask->together ? 1 : word_count(ask);
}

/* What a request is about, for messages. */
static const char *about(const struct ask *ask, size_t i)
{
    return ask->administers ? ask->kind : ask->together ? "snapshot" : word(ask, i);
}

static d2k_result send_request(struct ask *ask, size_t i)
{
    d2k_client *client = ask->tell->program.client;
    const struct tell_options *options = &ask->tell->options;
    if (ask->together) {
        return d2k_read_snapshot(client, options->words, options->word_count, &ask->requests[i]);
    }
    return ask->filter != NULL
               ? d2k_list_objects_where(client, word(ask, i), ask->filter, &ask->requests[i])
               : ask->send(client, word(ask, i), &ask->requests[i]);
}

static enum exit_code send_requests(struct ask *ask)
{
    struct program *program = &ask->tell->program;
    for (size_t i = 0; i < request_count(ask); i++) {
        d2k_result result = send_request(ask, i);
        if (result != D2K_OK) {
            program_say_error(program, "%s: %s", about(ask, i),
                              d2k_client_error_text(program->client));
            return exit_code_of(result, true);
        }
        ask->open++;
    }
    return EXIT_CODE_OK;
}

static void say_missing(struct ask *ask, const char *name)
{
    program_say_error(&ask->tell->program, "there is no %s %s", ask->kind, name);
    ask->code = ask->code == EXIT_CODE_OK ? EXIT_CODE_NOT_FOUND : ask->code;
}

/* Whether it is a name, which should be there, and not a pattern. */
static bool is_missed(const struct ask *ask, size_t i)
{
    return !ask->administers && !ask->together && !text_is_pattern(slice_of(word(ask, i)));
}

static void finish_request(struct ask *ask, const d2k_event *event)
{
    struct program *program = &ask->tell->program;
    size_t i = 0;
    while (i < request_count(ask) && (ask->requests[i] != event->request || ask->answered[i])) {
        i++;
    }
    if (i == request_count(ask)) {
        return;
    }
    ask->answered[i] = true;
    ask->open--;
    bool failed = event->type == D2K_EVENT_FAILED;
    bool none = event->count == 0 && is_missed(ask, i);
    if (failed && event->result != D2K_NOT_FOUND) {
        program_say_error(program, "%s: %s", about(ask, i), event->text);
        ask->code = exit_code_of(event->result, true);
    } else if (failed || none) {
        say_missing(ask, word(ask, i));
    }
}

/* In a session, answers of a command that was interrupted may still come. */
static bool is_answer(const struct ask *ask, const d2k_event *event)
{
    for (size_t i = 0; i < request_count(ask); i++) {
        if (ask->requests[i] == event->request) {
            return true;
        }
    }
    return false;
}

/* Waits until all requests are answered. EXIT_CODE_OK: what was kept can be printed. */
static enum exit_code collect(struct ask *ask)
{
    struct program *program = &ask->tell->program;
    d2k_event event;
    while (ask->open > 0) {
        d2k_result result = program_next(program, &event, ANSWER_WAIT_MS);
        if (program_stop_requested()) {
            return EXIT_CODE_INTERNAL;
        }
        if (result == D2K_TIMEOUT) {
            program_say_error(program, "the kernel has not answered for %d s",
                              ANSWER_WAIT_MS / 1000);
            return EXIT_CODE_LINK_LOST;
        }
        bool lost = result == D2K_OK && event.type == D2K_EVENT_DISCONNECTED;
        if (ask->administers && (lost ? event.result : result) == D2K_SHUTDOWN) {
            return EXIT_CODE_OK;
        }
        if (result != D2K_OK) {
            return program_link_ended(program, result);
        }
        if (lost) {
            program_say_error(program, "%s", event.text);
            return EXIT_CODE_LINK_LOST;
        }
        if (event.type == D2K_EVENT_DONE || event.type == D2K_EVENT_FAILED) {
            finish_request(ask, &event);
        } else if (is_answer(ask, &event) && !ask->keep(ask, &event)) {
            return tell_too_large(ask->tell);
        }
    }
    return EXIT_CODE_OK;
}

static enum exit_code ask_all(struct ask *ask)
{
    enum exit_code code = send_requests(ask);
    return code == EXIT_CODE_OK ? collect(ask) : code;
}

/* ---- printing ---- */

static void begin_document(struct ask *ask, const char *key)
{
    buffer_init(&ask->buffer, REPLY_MAX_BYTES);
    ask->json = json_into(&ask->buffer);
    json_write_open(&ask->json, NULL, '{');
    json_write_open(&ask->json, key, '[');
}

static enum exit_code print_document(struct ask *ask)
{
    json_write_close(&ask->json, ']');
    json_write_close(&ask->json, '}');
    buffer_put(&ask->buffer, "\n", 1);
    if (buffer_failed(&ask->buffer)) {
        return tell_too_large(ask->tell);
    }
    (void)fwrite(buffer_data(&ask->buffer), 1, buffer_size(&ask->buffer), stdout);
    return tell_flush(ask->tell, NULL);
}

static enum exit_code print_table(struct ask *ask)
{
    table_print(&ask->table, stdout);
    return tell_flush(ask->tell, NULL);
}

/* What could not be printed weighs more than what was missing. */
static enum exit_code worse(enum exit_code printing, enum exit_code asking)
{
    return printing != EXIT_CODE_OK ? printing : asking;
}

static void free_ask(struct ask *ask)
{
    catalogue_free(&ask->catalogue);
    table_free(&ask->table);
    buffer_free(&ask->buffer);
}

/* ---- list and get ---- */

static bool keep_object(struct ask *ask, const d2k_event *event)
{
    if (event->type == D2K_EVENT_OBJECT) {
        return catalogue_define(&ask->catalogue, event->object) != NULL;
    }
    if (event->type == D2K_EVENT_VALUE) {
        return catalogue_set_value(&ask->catalogue, event->object, event->value);
    }
    return true;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
}

static bool add_list_row(struct ask *ask, const struct catalogue_object *object)
{
    char *texts[] = {show_text(object->name), show_text(object->unit), show_text(object->owner),
                     show_text(object->description)};
    bool ok = texts[0] != NULL && texts[1] != NULL && texts[2] != NULL && texts[3] != NULL;
    if (ok) {
        const char *cells[] = {texts[0], d2k_type_name(object->type), texts[1], texts[2], texts[3]};
        ok = table_add(&ask->table, cells);
    }
    free_texts(texts, 4);
    return ok;
}

static bool add_get_row(struct ask *ask, const struct catalogue_object *object)
{
    char status[SHOW_STATUS_MAX], time[TEXT_TIME_MAX];
    char *texts[] = {show_text(object->name), show_content(&object->value),
                     show_text(object->unit)};
    bool ok = texts[0] != NULL && texts[1] != NULL && texts[2] != NULL;
    if (ok) {
        show_status(&object->value, status);
        show_time(object->value.time_ns, time, sizeof time);
        const char *cells[] = {texts[0], texts[1], texts[2], status, time};
        ok = table_add(&ask->table, cells);
    }
    free_texts(texts, 3);
    return ok;
}

static bool add_list_json(struct ask *ask, const struct catalogue_object *object)
{
    json_write_open(&ask->json, NULL, '{');
    json_write_text(&ask->json, "name", slice_of(object->name));
    json_write_text(&ask->json, "type", slice_of(d2k_type_name(object->type)));
    json_write_text(&ask->json, "unit", slice_of(object->unit));
    json_write_text(&ask->json, "owner", slice_of(object->owner));
    json_write_text(&ask->json, "description", slice_of(object->description));
    json_write_unsigned(&ask->json, "hobj", object->hobj);
    if (object->columns == NULL || object->columns[0] == '\0') {
        json_write_null(&ask->json, "columns");
    } else {
        json_write_text(&ask->json, "columns", slice_of(object->columns));
    }
    json_write_close(&ask->json, '}');
    return !buffer_failed(&ask->buffer);
}

static bool add_get_json(struct ask *ask, const struct catalogue_object *object)
{
    json_write_open(&ask->json, NULL, '{');
    json_write_text(&ask->json, "name", slice_of(object->name));
    json_write_text(&ask->json, "type", slice_of(d2k_type_name(object->type)));
    json_write_text(&ask->json, "unit", slice_of(object->unit));
    show_value_json(&ask->json, &object->value);
    json_write_close(&ask->json, '}');
    return !buffer_failed(&ask->buffer);
}

typedef bool add_function(struct ask *ask, const struct catalogue_object *object);

static bool print_name(struct ask *ask, const struct catalogue_object *object)
{
    char *name = show_text(object->name);
    (void)ask;
    if (name != NULL) {
        (void)printf("%s\n", name);
    }
    free(name);
    return name != NULL;
}

static bool add_sorted(struct ask *ask, add_function *add)
{
    size_t count = 0;
    struct catalogue_object **all = catalogue_sorted(&ask->catalogue, &count);
    bool ok = all != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        ok = add(ask, all[i]);
    }
    free(all);
    return ok;
}

/* In CSV the form of `watch`. */
static enum exit_code print_csv(struct ask *ask)
{
    struct value_lines lines;
    size_t count = 0;
    struct catalogue_object **all = catalogue_sorted(&ask->catalogue, &count);
    bool ok = all != NULL;
    value_lines_init(&lines, &ask->tell->options);
    value_lines_header(&lines);
    for (size_t i = 0; ok && i < count; i++) {
        d2k_object_info info = {.name = all[i]->name, .type = all[i]->type, .unit = all[i]->unit};
        ok = value_lines_print(&lines, &info, &all[i]->value);
    }
    value_lines_free(&lines);
    free(all);
    return ok ? tell_flush(ask->tell, NULL) : tell_too_large(ask->tell);
}

static enum exit_code print_objects(struct ask *ask, const char *key, add_function *add_json,
                                    add_function *add_row)
{
    if (ask->tell->options.json) {
        begin_document(ask, key);
        return add_sorted(ask, add_json) ? print_document(ask) : tell_too_large(ask->tell);
    }
    if (ask->tell->options.csv) {
        return print_csv(ask);
    }
    if (ask->tell->options.names) {
        return add_sorted(ask, print_name) ? tell_flush(ask->tell, NULL)
                                           : tell_too_large(ask->tell);
    }
    return add_sorted(ask, add_row) ? print_table(ask) : tell_too_large(ask->tell);
}

/* Names that are not in the one answer for all. */
static void say_all_missing(struct ask *ask)
{
    for (size_t i = 0; i < word_count(ask); i++) {
        const char *name = word(ask, i);
        if (!text_is_pattern(slice_of(name)) && catalogue_find(&ask->catalogue, name) == NULL) {
            say_missing(ask, name);
        }
    }
}

static enum exit_code ask_objects(struct ask *ask, const char *const titles[5], const char *key,
                                  add_function *add_json, add_function *add_row)
{
    ask->keep = keep_object;
    if (!catalogue_init(&ask->catalogue, REPLY_MAX_BYTES)) {
        program_say_error(&ask->tell->program, "the system has no random numbers");
        return EXIT_CODE_INTERNAL;
    }
    table_init(&ask->table, titles, 5, 0, REPLY_MAX_BYTES);
    enum exit_code code = ask_all(ask);
    if (code == EXIT_CODE_OK && ask->together && ask->code == EXIT_CODE_OK) {
        say_all_missing(ask);
    }
    if (code == EXIT_CODE_OK) {
        code = worse(print_objects(ask, key, add_json, add_row), ask->code);
    }
    free_ask(ask);
    return code;
}

enum exit_code tell_list(struct tell *tell)
{
    static const char *const titles[] = {"NAME", "TYPE", "UNIT", "OWNER", "DESCRIPTION"};
    d2k_filter filter;
    struct error err;
    if (tell_options_filter(&tell->options, &filter, &err) != D2K_OK) {
        program_say_error(&tell->program, "%s", err.text);
        return EXIT_CODE_USAGE;
    }
    struct ask ask = {.tell = tell, .kind = "object", .send = d2k_list_objects};
    if (filter.path != NULL || filter_says_something(&tell->options.filter)) {
        ask.kind = "matching object";
        ask.filter = &filter;
    }
    return ask_objects(&ask, titles, "objects", add_list_json, add_list_row);
}

static const char *const value_titles[] = {"NAME", "VALUE", "UNIT", "STATUS", "TIME"};

enum exit_code tell_get(struct tell *tell)
{
    struct ask ask = {.tell = tell, .kind = "object", .send = d2k_read};
    return ask_objects(&ask, value_titles, "values", add_get_json, add_get_row);
}

enum exit_code tell_snapshot(struct tell *tell)
{
    struct ask ask = {.tell = tell, .kind = "object", .together = true};
    return ask_objects(&ask, value_titles, "values", add_get_json, add_get_row);
}

/* ---- processes ---- */

static const char *const process_titles[] = {"NAME",     "ID",      "STATE",    "PROGRAM",
                                             "COMPUTER", "ADDRESS", "SECURITY", "USER",
                                             "SINCE",    "IN",      "OUT"};

#define PROCESS_COLUMNS (sizeof process_titles / sizeof process_titles[0])
_Static_assert(PROCESS_COLUMNS <= TABLE_COLUMNS_MAX, "a table has no room for them");
#define PROCESS_RIGHT (1u << 1 | 1u << 9 | 1u << 10) /* ID, IN, OUT */

static bool add_process_row(struct ask *ask, const d2k_process_info *process)
{
    char id[24], since[TEXT_TIME_MAX], in[24], out[24];
    (void)snprintf(id, sizeof id, "%" PRIu32, process->id);
    (void)snprintf(in, sizeof in, "%" PRIu64, process->values_in);
    (void)snprintf(out, sizeof out, "%" PRIu64, process->values_out);
    show_time(process->since_ns, since, sizeof since);
    char *texts[] = {show_process_name(process), show_text(process->computer),
                     show_text(process->address), show_security(process),
                     show_text(process->user[0] == '\0' ? "-" : process->user)};
    char state[SHOW_STATE_MAX], running[SHOW_PROGRAM_MAX];
    bool ok = texts[0] != NULL && texts[1] != NULL && texts[2] != NULL && texts[3] != NULL &&
              texts[4] != NULL;
    if (ok) {
        const char *cells[] = {texts[0],
                               id,
                               show_instance(process, state),
                               show_program(process, running),
                               texts[1],
                               texts[2],
                               texts[3],
                               texts[4],
                               since,
                               in,
                               out};
        ok = table_add(&ask->table, cells);
    }
    free_texts(texts, 5);
    return ok;
}

/* ---- connections: the processes that have a link now ---- */

static const char *const connection_titles[] = {"NAME",     "ID",         "ADDRESS", "TLS",
                                                "VERIFIED", "CONNECTION", "SINCE"};

#define CONNECTION_COLUMNS (sizeof connection_titles / sizeof connection_titles[0])
#define CONNECTION_RIGHT   (1u << 1 | 1u << 5) /* ID, CONNECTION */

static bool add_connection_row(struct ask *ask, const d2k_process_info *process)
{
    char id[24], number[24], since[TEXT_TIME_MAX];
    bool plain = process->tls_version[0] == '\0';
    (void)snprintf(id, sizeof id, "%" PRIu32, process->id);
    (void)snprintf(number, sizeof number, "%" PRIu64, process->connection_sql_id);
    show_time(process->since_ns, since, sizeof since);
    char *texts[] = {show_process_name(process), show_text(process->address),
                     show_text(plain ? "none" : process->tls_version)};
    bool ok = texts[0] != NULL && texts[1] != NULL && texts[2] != NULL;
    if (ok) {
        const char *cells[] = {texts[0], id,   texts[1], texts[2], process->verified ? "yes" : "no",
                               number,   since};
        ok = table_add(&ask->table, cells);
    }
    free_texts(texts, 3);
    return ok;
}

static bool is_wanted(const struct ask *ask, const d2k_process_info *process)
{
    const char *state =
        ask->tell->options.command == TELL_CONNECTIONS ? "Running" : ask->tell->options.state;
    return state == NULL || strcmp(state, show_process_state(process->state)) == 0;
}

static bool keep_process(struct ask *ask, const d2k_event *event)
{
    if (event->type != D2K_EVENT_PROCESS || !is_wanted(ask, event->process)) {
        return true;
    }
    if (ask->tell->options.json) {
        show_process_json(&ask->json, event->process);
        return !buffer_failed(&ask->buffer);
    }
    return ask->tell->options.command == TELL_CONNECTIONS ? add_connection_row(ask, event->process)
                                                          : add_process_row(ask, event->process);
}

static enum exit_code ask_processes(struct tell *tell, const char *key, const char *const *titles,
                                    size_t columns, unsigned right)
{
    struct ask ask = {
        .tell = tell, .kind = "process", .send = d2k_list_processes, .keep = keep_process};
    begin_document(&ask, key);
    table_init(&ask.table, titles, columns, right, REPLY_MAX_BYTES);
    enum exit_code code = ask_all(&ask);
    if (code == EXIT_CODE_OK) {
        code = worse(tell->options.json ? print_document(&ask) : print_table(&ask), ask.code);
    }
    free_ask(&ask);
    return code;
}

enum exit_code tell_processes(struct tell *tell)
{
    return ask_processes(tell, "processes", process_titles, PROCESS_COLUMNS, PROCESS_RIGHT);
}

enum exit_code tell_connections(struct tell *tell)
{
    return ask_processes(tell, "connections", connection_titles, CONNECTION_COLUMNS,
                         CONNECTION_RIGHT);
}

/* ---- version ---- */

enum exit_code tell_version(struct tell *tell)
{
    const char *kernel = d2k_client_kernel_version(tell->program.client); /* escaped already */
    if (!tell->options.json) {
        (void)printf("d2k-tell  %s\nlibd2k    %s\nkernel    %s\n", D2K_VERSION_TEXT, d2k_version(),
                     kernel);
        return tell_flush(tell, NULL);
    }
    struct buffer buffer;
    buffer_init(&buffer, VERSION_MAX_BYTES);
    struct json json = json_into(&buffer);
    json_write_open(&json, NULL, '{');
    json_write_text(&json, "program", slice_of(D2K_VERSION_TEXT));
    json_write_text(&json, "library", slice_of(d2k_version()));
    json_write_text(&json, "kernel", slice_of(kernel));
    json_write_close(&json, '}');
    bool whole = !buffer_failed(&buffer);
    if (whole) {
        (void)printf("%.*s\n", (int)buffer_size(&buffer), (const char *)buffer_data(&buffer));
    }
    buffer_free(&buffer);
    return whole ? tell_flush(tell, NULL) : tell_too_large(tell);
}

/* ---- shutdown ---- */

/* A kernel that has said yes ends the link itself; wait for it, so that a script may go on. */
static void wait_for_kernel_end(struct program *program)
{
    d2k_event event;
    d2k_result result;
    do {
        result = program_next(program, &event, SHUTDOWN_WAIT_MS);
    } while (result == D2K_OK && event.type != D2K_EVENT_DISCONNECTED);
    if (result == D2K_TIMEOUT) {
        (void)fprintf(stderr, "%s: the kernel accepted, and has not ended after %d s\n",
                      program->info->name, SHUTDOWN_WAIT_MS / 1000);
    }
}

static bool keep_nothing(struct ask *ask, const d2k_event *event)
{
    (void)ask;
    (void)event;
    return true;
}

enum exit_code tell_shutdown(struct tell *tell)
{
    struct ask ask = {.tell = tell,
                      .kind = "shutdown",
                      .administers = true,
                      .send = d2k_shutdown_kernel,
                      .keep = keep_nothing};
    if (tell->options.word_count == 0) {
        tell->options.words[tell->options.word_count++] = "d2k-tell shutdown";
    }
    enum exit_code code = ask_all(&ask);
    code = worse(code, ask.code);
    if (code == EXIT_CODE_OK) {
        wait_for_kernel_end(&tell->program);
    }
    return code;
}

/* ---- log-level ---- */

static d2k_result send_log_level(d2k_client *client, const char *level, uint64_t *ret_request)
{
    bool debug = strcmp(level, "debug") == 0;
    return d2k_set_kernel_log_level(client, debug ? D2K_LOG_DEBUG : D2K_LOG_INFO, ret_request);
}

enum exit_code tell_log_level(struct tell *tell)
{
    struct ask ask = {.tell = tell,
                      .kind = "log-level",
                      .administers = true,
                      .send = send_log_level,
                      .keep = keep_nothing};
    enum exit_code code = ask_all(&ask);
    return worse(code, ask.code);
}
