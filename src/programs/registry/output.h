/* programs/registry/output.h: text on stdout and stderr that cannot disturb a terminal. */
#ifndef D2K_PROGRAMS_REGISTRY_OUTPUT_H
#define D2K_PROGRAMS_REGISTRY_OUTPUT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

#define OUTPUT_TEXT_MAX (64u * 1024u)         /* a line of the configuration, every byte escaped */
#define OUTPUT_JSON_MAX (64u * 1024u * 1024u) /* all files at their limits */

enum output_exit {
    OUTPUT_EXIT_OK = 0,
    OUTPUT_EXIT_NOT_FOUND = 1, /* check: warnings */
    OUTPUT_EXIT_ERROR = 2,
    OUTPUT_EXIT_INTERNAL = 6,
};

/* Writes the text to stdout, escaped. */
void output_text(const char *text);

/* "d2k-registry: <text>" on stderr, escaped. */
void output_complain(const char *text);

/* Complains; the exit code for this error. */
int output_fail(const struct error *err);

/* Writes a finished JSON text with a line end; false: the buffer had failed. */
bool output_json(const struct buffer *json);

#endif
