/* programs/registry/findings.h: what check found, counted and printed. */
#ifndef D2K_PROGRAMS_REGISTRY_FINDINGS_H
#define D2K_PROGRAMS_REGISTRY_FINDINGS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

enum severity {
    SEVERITY_NOTE, /* worth knowing; does not change the exit code */
    SEVERITY_WARNING,
    SEVERITY_ERROR,
};

struct findings {
    /* Gets every finding instead of the output; NULL: none. */
    void (*sink)(void *context, enum severity severity, const char *path, unsigned line,
                 const char *text);
    void *sink_context;
    bool as_json;
    struct buffer out; /* JSON */
    struct json json;
    unsigned counts[3]; /* by severity */
};

void findings_begin(struct findings *findings, bool as_json);

/* path NULL: of no file; line 0: of no line. */
void findings_add(struct findings *findings, enum severity severity, const char *path,
                  unsigned line, const char *format, ...) D2K_PRINTF(5, 6);

/* An error text that may begin with "<path>:<line>: ". */
void findings_add_error(struct findings *findings, const char *path, const struct error *err);

/* Prints the end; returns the exit code. */
int findings_end(struct findings *findings);

#endif
