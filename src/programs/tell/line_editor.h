/* programs/tell/line_editor.h: one line from a person, with history and completion (libedit), or
 * one line from a file or pipe. One editor a process. */
#ifndef D2K_TELL_LINE_EDITOR_H
#define D2K_TELL_LINE_EDITOR_H

#include <stdbool.h>

#include "programs/tell/words.h"

struct line_editor;

struct line_editor_calls {
    void *context;
    /* Waits for bytes on standard input and lets other work be done meanwhile. False: the line is
     * given up. */
    bool (*wait)(void *context);
    /* Adds what may stand for the last word of `line`, the text before the cursor. */
    void (*complete)(void *context, const char *line, struct words *candidates);
};

enum line_result {
    LINE_READ,
    LINE_GIVEN_UP, /* wait() said so */
    LINE_END,      /* of the input */
};

/* `prompt` and `calls` are borrowed for its life. history_path: file that lines are kept in, with
 * its directory there, or NULL. NULL: out of memory, or the terminal cannot be used. */
struct line_editor *line_editor_new(const char *prompt, const char *history_path,
                                    const struct line_editor_calls *calls);
/* Writes the history. NULL is allowed. */
void line_editor_free(struct line_editor *editor);

/* *ret_line is without line end and valid until the next call. */
enum line_result line_editor_read(struct line_editor *editor, const char **ret_line);

/* Draws prompt and line again, after something was printed. Only within wait(). */
void line_editor_redraw(struct line_editor *editor);

/* Splits a line into words: blanks separate, quotes and backslashes keep as in a shell. *ret_words
 * (terminated by NULL) belong to the editor until the next call. False: a quote is open. */
bool line_editor_split(struct line_editor *editor, const char *line, int *ret_count,
                       const char ***ret_words);

#endif
