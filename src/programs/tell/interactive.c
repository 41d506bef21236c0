/* programs/tell/interactive.c: a session: commands one after the other on one link.
 *
 * While a person thinks, the link must live: the line editor waits in wait_for_input(), which lets
 * the library work. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/socket.h"
#include "os/system.h"
#include "programs/tell/line_editor.h"
#include "programs/tell/tell.h"

#define WAIT_SLICE_MS  200 /* a signal that comes just before a wait is seen after this time */
#define SOCKETS_MAX    16u
#define SETTLE_WAIT_MS 5000
#define NAMES_WAIT_MS  2000
#define NAMES_KEPT_MS  5000u /* how long names for completion stay good */
#define PROMPT_MAX     (64u + 8u)
#define PREFIX_MAX     128u

struct session {
    struct tell *tell;
    struct line_editor *editor;
    char prompt[PROMPT_MAX];
    bool has_prompt;
    bool ended;              /* the link is over for good */
    enum exit_code end_code; /* then */
    struct words names;      /* that begin with names_prefix, as the kernel said */
    char names_prefix[PREFIX_MAX];
    uint64_t names_until_ms;
};

/* ---- while nothing is asked ---- */

static void say(const struct session *session, const char *what, const char *about)
{
    char text[ERROR_TEXT_MAX];
    text_escape(text, sizeof text, slice_of(about));
    (void)fprintf(stderr, "\n%s: %s%s\n", session->tell->program.info->name, what, text);
    line_editor_redraw(session->editor);
}

/* Lets the library work and drops what comes. False: the link is over. */
static bool let_work(struct session *session)
{
    struct program *program = &session->tell->program;
    d2k_event event;
    d2k_result result;
    while ((result = program_next(program, &event, 0)) == D2K_OK) {
        if (event.type == D2K_EVENT_DISCONNECTED && program->reconnect) {
            say(session, "connection lost, connecting again: ", event.text);
        } else if (event.type == D2K_EVENT_CONNECTED) {
            say(session, "connected again as ", event.text);
        }
    }
    if (result == D2K_TIMEOUT || result == D2K_AGAIN) {
        return true;
    }
    (void)fputc('\n', stderr);
    session->end_code = program_link_ended(program, result);
    session->ended = true;
    return false;
}

static bool is_input_ready(const d2k_client *client)
{
    d2k_socket wanted[SOCKETS_MAX];
    struct os_poll polled[SOCKETS_MAX + 1] = {{.fd = 0, .events = OS_READABLE}};
    size_t count = d2k_client_sockets(client, wanted, SOCKETS_MAX);
    for (size_t i = 0; i < count; i++) {
        polled[i + 1] = (struct os_poll){
            .fd = wanted[i].socket,
            .events = ((wanted[i].events & D2K_WANT_READ) != 0 ? OS_READABLE : 0) |
                      ((wanted[i].events & D2K_WANT_WRITE) != 0 ? OS_WRITABLE : 0)};
    }
    int wait_ms = d2k_client_deadline_ms(client);
    wait_ms = wait_ms < 0 || wait_ms > WAIT_SLICE_MS ? WAIT_SLICE_MS : wait_ms;
    return os_poll(polled, count + 1, wait_ms) == 0 && polled[0].revents != 0;
}

static bool wait_for_input(void *context)
{
    struct session *session = context;
    (void)fflush(stdout);
    for (;;) {
        if (program_stop_requested() || !let_work(session)) {
            return false;
        }
        if (is_input_ready(session->tell->program.client)) {
            return !program_stop_requested();
        }
    }
}

/* ---- completion ---- */

static void take_names(struct session *session, uint64_t request)
{
    struct program *program = &session->tell->program;
    uint64_t end_ms = os_monotonic_ms() + NAMES_WAIT_MS;
    d2k_event event;
    for (uint64_t now = os_monotonic_ms(); now < end_ms; now = os_monotonic_ms()) {
        d2k_result result = program_next(program, &event, (int)(end_ms - now));
        if (result != D2K_OK || event.type == D2K_EVENT_DISCONNECTED) {
            return; /* the next wait for input says so */
        }
        if (event.request == request && event.type == D2K_EVENT_OBJECT) {
            char name[4 * D2K_OBJECT_NAME_MAX + 1];
            text_escape(name, sizeof name, slice_of(event.object->name));
            words_add(&session->names, name);
        }
        if (event.request == request &&
            (event.type == D2K_EVENT_DONE || event.type == D2K_EVENT_FAILED)) {
            session->names_until_ms = os_monotonic_ms() + NAMES_KEPT_MS;
            return;
        }
    }
}

static bool has_names(const struct session *session, const char *prefix)
{
    return os_monotonic_ms() < session->names_until_ms && !session->names.more &&
           words_begins_with(prefix, session->names_prefix);
}

static void complete_object(struct session *session, const char *prefix, struct words *candidates)
{
    uint64_t request = 0;
    char pattern[PREFIX_MAX + 2];
    if (strlen(prefix) >= PREFIX_MAX || text_is_pattern(slice_of(prefix))) {
        return;
    }
    if (!has_names(session, prefix)) {
        words_free(&session->names);
        session->names_until_ms = 0;
        text_copy(session->names_prefix, sizeof session->names_prefix, prefix);
        (void)snprintf(pattern, sizeof pattern, "%s*", prefix);
        if (d2k_list_objects(session->tell->program.client, pattern, &request) == D2K_OK) {
            take_names(session, request);
        }
    }
    candidates->more = session->names.more;
    for (size_t i = 0; i < session->names.count; i++) {
        if (words_begins_with(session->names.words[i], prefix)) {
            words_add(candidates, session->names.words[i]);
        }
    }
}

static void complete_from(const char *const *all, size_t count, const char *prefix,
                          struct words *candidates)
{
    for (size_t i = 0; i < count; i++) {
        if (words_begins_with(all[i], prefix)) {
            words_add(candidates, all[i]);
        }
    }
}

static enum tell_command command_named(const char *line)
{
    size_t length = strcspn(line, " \t");
    for (int i = TELL_NONE + 1; i < TELL_COMMANDS; i++) {
        const char *name = tell_command_name((enum tell_command)i);
        if (strlen(name) == length && strncmp(name, line, length) == 0) {
            return (enum tell_command)i;
        }
    }
    return TELL_NONE;
}

static void complete(void *context, const char *line, struct words *candidates)
{
    static const char *const session_commands[] = {"help", "quit"};
    static const char *const options[] = {
        "--json",  "--csv",   "--names", "--state=", "--type=", "--owner=",    "--quality=",
        "--kind=", "--path=", "--every", "--count=", "--for=",  "--interval=", "--dead-band="};
    const char *prefix = words_last(line);
    line += strspn(line, " \t");
    if (prefix <= line) {
        for (int i = TELL_NONE + 1; i < TELL_COMMANDS; i++) {
            const char *name = tell_command_name((enum tell_command)i);
            complete_from(&name, 1, prefix, candidates);
        }
        complete_from(session_commands, 2, prefix, candidates);
    } else if (prefix[0] == '-') {
        complete_from(options, sizeof options / sizeof options[0], prefix, candidates);
    } else if (tell_command_takes_objects(command_named(line))) {
        complete_object(context, prefix, candidates);
    }
}

/* ---- commands ---- */

static void print_help(void)
{
    (void)printf("Commands:\n");
    for (int i = TELL_NONE + 1; i < TELL_COMMANDS; i++) {
        (void)printf("  %s\n", tell_command_synopsis((enum tell_command)i));
    }
    (void)printf("  help\n  quit\n"
                 "Options: --json; watch, history: --csv; list: --names;\n"
                 "         processes: --state=<state>;\n"
                 "         watch: --every --count=<n> --for=<seconds>\n"
                 "Ctrl-C ends a command, Ctrl-D the session; Tab completes commands and names.\n");
}

/* What was sent for the command that ended comes before the answer to this. */
static void settle(struct session *session)
{
    struct program *program = &session->tell->program;
    uint64_t request = 0;
    uint64_t end_ms = os_monotonic_ms() + SETTLE_WAIT_MS;
    d2k_event event = {.type = D2K_EVENT_DONE};
    if (d2k_ping(program->client, "", 0, &request) != D2K_OK) {
        return;
    }
    for (uint64_t now = os_monotonic_ms(); now < end_ms; now = os_monotonic_ms()) {
        bool waiting = program_next(program, &event, (int)(end_ms - now)) == D2K_OK &&
                       event.type != D2K_EVENT_DISCONNECTED;
        if (!waiting || (event.type == D2K_EVENT_PONG && event.request == request)) {
            return;
        }
    }
}

static d2k_result read_command(struct tell *tell, int count, const char *const *words,
                               struct error *err)
{
    bool only_words = false;
    d2k_result result = D2K_OK;
    tell->options = (struct tell_options){0};
    for (int i = 0; i < count && result == D2K_OK; i++) {
        if (!only_words && strcmp(words[i], "--") == 0) {
            only_words = true;
            continue;
        }
        result = tell_options_take(&tell->options, words[i], only_words, err);
        if (result == D2K_NOT_FOUND) {
            result = error_set(err, D2K_ARGUMENT, "unknown option %s; help lists all", words[i]);
        }
    }
    if (result == D2K_OK && tell->options.local) {
        result = error_set(err, D2K_ARGUMENT, "--local belongs to the start of d2k-tell");
    }
    return result == D2K_OK ? tell_options_check(&tell->options, err) : result;
}

static void run(struct session *session, int count, const char *const *words)
{
    struct tell *tell = session->tell;
    struct error err = {.code = D2K_OK};
    if (read_command(tell, count, words, &err) != D2K_OK) {
        program_say_error(&tell->program, "%s", err.text);
        return;
    }
    enum exit_code code = tell_run_command(tell);
    if (program_take_interrupt()) {
        (void)fputc('\n', stdout);
    }
    if (d2k_client_process(tell->program.client) != D2K_OK) {
        session->ended = true;
        session->end_code = code;
    } else {
        settle(session);
    }
}

/* False: the session is over. */
static bool take_line(struct session *session, const char *line)
{
    int count = 0;
    const char **words = NULL;
    if (!line_editor_split(session->editor, line, &count, &words)) {
        program_say_error(&session->tell->program, "a quote is open");
        return true;
    }
    if (count == 0) {
        return true;
    }
    if (count == 1 && (strcmp(words[0], "quit") == 0 || strcmp(words[0], "exit") == 0)) {
        return false;
    }
    if (count == 1 && (strcmp(words[0], "help") == 0 || strcmp(words[0], "?") == 0)) {
        print_help();
        return true;
    }
    run(session, count, words);
    return !session->ended;
}

static enum exit_code read_lines(struct session *session)
{
    const char *line = NULL;
    for (;;) {
        enum line_result result = line_editor_read(session->editor, &line);
        if (result == LINE_READ) {
            if (!take_line(session, line)) {
                break;
            }
            continue;
        }
        if (session->has_prompt && !session->ended) {
            (void)fputc('\n', stdout);
        }
        if (result == LINE_END || session->ended || !program_take_interrupt()) {
            break; /* also SIGTERM */
        }
    }
    return session->ended ? session->end_code : tell_flush(session->tell, NULL);
}

/* A person's own file, also of root; NULL: there is no place for it. */
static char *history_path(const struct session *session)
{
    const char *installation = session->tell->program.location.installation;
    const char *state = os_environment("XDG_STATE_HOME");
    const char *home = os_environment("HOME");
    char *path = NULL;
    char *directory = state != NULL  ? text_format("%s/d2k/%s", state, installation)
                      : home != NULL ? text_format("%s/.local/state/d2k/%s", home, installation)
                                     : NULL;
    if (directory != NULL && os_directory_make(directory, 0700) == 0) {
        path = text_format("%s/tell_history", directory);
    }
    free(directory);
    return path;
}

enum exit_code tell_interactive(struct tell *tell)
{
    struct session session = {.tell = tell, .end_code = EXIT_CODE_OK};
    const struct line_editor_calls calls = {&session, wait_for_input, complete};
    session.has_prompt = os_is_terminal(0);
    (void)setlocale(LC_CTYPE, "");
    if (session.has_prompt) {
        (void)snprintf(session.prompt, sizeof session.prompt, "d2k> ");
        (void)printf("Connected to kernel %s as %s; help lists the commands.\n",
                     d2k_client_kernel_version(tell->program.client),
                     d2k_client_process_name(tell->program.client));
    }
    char *path = session.has_prompt ? history_path(&session) : NULL;
    session.editor = line_editor_new(session.prompt, path, &calls);
    free(path);
    if (session.editor == NULL) {
        program_say_error(&tell->program, "the terminal cannot be used, or memory is short");
        return EXIT_CODE_INTERNAL;
    }
    enum exit_code code = read_lines(&session);
    line_editor_free(session.editor);
    words_free(&session.names);
    return code;
}
