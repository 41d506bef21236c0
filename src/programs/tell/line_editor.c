/* programs/tell/line_editor.c: libedit behind a small interface; nothing else knows of it. */
#include "programs/tell/line_editor.h"

#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "os/system.h"

#define HISTORY_LINES 1000
#define LIST_WIDTH    78u /* of candidates that are shown */
#define COLUMN_GAP    2u

struct line_editor {
    const char *prompt;
    char *history_path; /* NULL: none */
    const struct line_editor_calls *calls;
    EditLine *edit;
    History *history;
    Tokenizer *tokenizer;
    mbstate_t decoder; /* of bytes that are half a character */
    bool given_up;
    char *line; /* the last one */
};

static struct line_editor *editor_of(EditLine *edit)
{
    void *data = NULL;
    (void)el_get(edit, EL_CLIENTDATA, &data);
    return data;
}

static char *prompt_of(EditLine *edit)
{
    static char none[] = "";
    static char text[128];
    const struct line_editor *editor = editor_of(edit);
    if (editor == NULL) {
        return none;
    }
    (void)snprintf(text, sizeof text, "%s", editor->prompt);
    return text;
}

/* ---- input ---- */

/* The next character; what libedit expects: 1, 0 at the end, -1 for an error. */
static int read_character(EditLine *edit, wchar_t *ret_character)
{
    struct line_editor *editor = editor_of(edit);
    for (;;) {
        char byte;
        size_t size = 0;
        if (!editor->calls->wait(editor->calls->context)) {
            editor->given_up = true;
            return 0;
        }
        if (os_read(0, &byte, 1, &size) != 0) {
            continue; /* a signal: wait() knows what it means */
        }
        if (size == 0) {
            return 0;
        }
        size_t result = mbrtowc(ret_character, &byte, 1, &editor->decoder);
        if (result == (size_t)-2) {
            continue;
        }
        if (result == (size_t)-1) {
            editor->decoder = (mbstate_t){0};
            *ret_character = L'?';
        }
        return 1;
    }
}

/* ---- completion ---- */

static void show_candidates(const struct words *candidates)
{
    size_t width = 0;
    for (size_t i = 0; i < candidates->count; i++) {
        size_t length = strlen(candidates->words[i]);
        width = length > width ? length : width;
    }
    size_t columns = LIST_WIDTH / (width + COLUMN_GAP);
    columns = columns == 0 ? 1 : columns;
    (void)fputc('\n', stdout);
    for (size_t i = 0; i < candidates->count; i++) {
        bool last = (i + 1) % columns == 0 || i + 1 == candidates->count;
        (void)printf("%-*s%s", last ? 0 : (int)(width + COLUMN_GAP), candidates->words[i],
                     last ? "\n" : "");
    }
    if (candidates->more) {
        (void)printf("... and more\n");
    }
    (void)fflush(stdout);
}

/* Puts the first `length` bytes of `text` in the place of the `typed` ones before the cursor. */
static bool replace_word(EditLine *edit, size_t typed, const char *text, size_t length,
                         const char *behind)
{
    char word[512];
    if (length + strlen(behind) >= sizeof word) {
        return false;
    }
    (void)snprintf(word, sizeof word, "%.*s%s", (int)length, text, behind);
    el_deletestr(edit, (int)typed);
    return el_insertstr(edit, word) == 0;
}

static unsigned char apply_candidates(EditLine *edit, const char *typed,
                                      const struct words *candidates)
{
    size_t size = strlen(typed);
    size_t prefix = words_common_prefix(candidates);
    if (candidates->count == 0) {
        return CC_REFRESH_BEEP;
    }
    if (candidates->count == 1 && !candidates->more) {
        return replace_word(edit, size, candidates->words[0], prefix, " ") ? CC_REFRESH : CC_ERROR;
    }
    if (prefix > size && !candidates->more) {
        return replace_word(edit, size, candidates->words[0], prefix, "") ? CC_REFRESH : CC_ERROR;
    }
    show_candidates(candidates);
    return CC_REDISPLAY;
}

static unsigned char complete(EditLine *edit, int key)
{
    struct line_editor *editor = editor_of(edit);
    const LineInfo *info = el_line(edit);
    struct words candidates = {0};
    (void)key;
    size_t size = (size_t)(info->cursor - info->buffer);
    char *line = malloc(size + 1);
    if (line == NULL) {
        return CC_ERROR;
    }
    memcpy(line, info->buffer, size);
    line[size] = '\0';
    editor->calls->complete(editor->calls->context, line, &candidates);
    words_sort(&candidates);
    unsigned char result = apply_candidates(edit, words_last(line), &candidates);
    words_free(&candidates);
    free(line);
    return result;
}

/* ---- life ---- */

static bool open_history(struct line_editor *editor, const char *path)
{
    HistEvent event;
    editor->history = history_init();
    if (editor->history == NULL) {
        return false;
    }
    (void)history(editor->history, &event, H_SETSIZE, HISTORY_LINES);
    (void)history(editor->history, &event, H_SETUNIQUE, 1);
    if (path != NULL) {
        editor->history_path = strdup(path);
        (void)history(editor->history, &event, H_LOAD, path); /* none yet is fine */
    }
    return true;
}

static bool open_editor(struct line_editor *editor)
{
    editor->edit = el_init("d2k-tell", stdin, stdout, stderr);
    editor->tokenizer = tok_init(NULL);
    if (editor->edit == NULL || editor->tokenizer == NULL) {
        return false;
    }
    return el_set(editor->edit, EL_CLIENTDATA, editor) == 0 &&
           el_set(editor->edit, EL_PROMPT, prompt_of) == 0 &&
           el_set(editor->edit, EL_EDITOR, "emacs") == 0 &&
           el_set(editor->edit, EL_HIST, history, editor->history) == 0 &&
           el_set(editor->edit, EL_GETCFN, read_character) == 0 &&
           /* wide: el_set() would copy the texts and never free them */
           el_wset(editor->edit, EL_ADDFN, L"d2k-complete", L"complete a word", complete) == 0 &&
           el_set(editor->edit, EL_BIND, "^I", "d2k-complete", NULL) == 0;
}

struct line_editor *line_editor_new(const char *prompt, const char *history_path,
                                    const struct line_editor_calls *calls)
{
    struct line_editor *editor = calloc(1, sizeof *editor);
    if (editor == NULL) {
        return NULL;
    }
    editor->prompt = prompt;
    editor->calls = calls;
    if (!open_history(editor, history_path) || !open_editor(editor)) {
        line_editor_free(editor);
        return NULL;
    }
    return editor;
}

void line_editor_free(struct line_editor *editor)
{
    HistEvent event;
    if (editor == NULL) {
        return;
    }
    if (editor->history != NULL) {
        if (editor->history_path != NULL) {
            (void)history(editor->history, &event, H_SAVE, editor->history_path);
        }
        history_end(editor->history);
    }
    if (editor->tokenizer != NULL) {
        tok_end(editor->tokenizer);
    }
    if (editor->edit != NULL) {
        el_end(editor->edit);
    }
    free(editor->history_path);
    free(editor->line);
    free(editor);
}

enum line_result line_editor_read(struct line_editor *editor, const char **ret_line)
{
    HistEvent event;
    int count = 0;
    editor->given_up = false;
    el_resize(editor->edit);
    const char *line = el_gets(editor->edit, &count);
    if (editor->given_up) {
        return LINE_GIVEN_UP;
    }
    if (line == NULL || count <= 0) {
        return LINE_END;
    }
    free(editor->line);
    editor->line = strdup(line);
    if (editor->line == NULL) {
        return LINE_END;
    }
    editor->line[strcspn(editor->line, "\r\n")] = '\0';
    if (editor->line[strspn(editor->line, " \t")] != '\0') {
        (void)history(editor->history, &event, H_ENTER, editor->line);
    }
    *ret_line = editor->line;
    return LINE_READ;
}

void line_editor_redraw(struct line_editor *editor)
{
    (void)el_set(editor->edit, EL_REFRESH);
}

bool line_editor_split(struct line_editor *editor, const char *line, int *ret_count,
                       const char ***ret_words)
{
    tok_reset(editor->tokenizer);
    return tok_str(editor->tokenizer, line, ret_count, ret_words) == 0;
}
