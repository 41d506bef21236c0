/* programs/registry/findings.h */
#include "programs/registry/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "programs/registry/output.h"

static const char *const severity_names[] = {"note", "warning", "error"};

void findings_begin(struct findings *findings, bool as_json)
{
    *findings = (struct findings){.as_json = as_json};
    buffer_init(&findings->out, OUTPUT_JSON_MAX);
    findings->json = json_into(&findings->out);
    json_write_open(&findings->json, NULL, '{');
    json_write_open(&findings->json, "findings", '[');
}

static void write_json(struct json *json, enum severity severity, const char *path, unsigned line,
                       const char *text)
{
    json_write_open(json, NULL, '{');
    json_write_text(json, "severity", slice_of(severity_names[severity]));
    if (path != NULL) {
        json_write_text(json, "file", slice_of(path));
    }
    if (line > 0) {
        json_write_unsigned(json, "line", line);
    }
    json_write_text(json, "text", slice_of(text));
    json_write_close(json, '}');
}

static void print(enum severity severity, const char *path, unsigned line, const char *text)
{
    if (path != NULL) {
        output_text(path);
        if (line > 0) {
            printf(":%u", line);
        }
        fputs(": ", stdout);
    }
    printf("%s: ", severity_names[severity]);
    output_text(text);
    putchar('\n');
}

void findings_add(struct findings *findings, enum severity severity, const char *path,
                  unsigned line, const char *format, ...)
{
    char text[2 * ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    findings->counts[severity]++;
    if (findings->sink != NULL) {
        findings->sink(findings->sink_context, severity, path, line, text);
    } else if (findings->as_json) {
        write_json(&findings->json, severity, path, line, text);
    } else {
        print(severity, path, line, text);
    }
}

void findings_add_error(struct findings *findings, const char *path, const struct error *err)
{
    const char *text = err->text;
    unsigned long line = 0;
    size_t size = strlen(path);
    if (strncmp(text, path, size) == 0 && text[size] == ':') {
        text += size + 1;
        char *end;
        line = strtoul(text, &end, 10);
        if (end != text && *end == ':') {
            text = end + 1;
        } else {
            line = 0;
        }
        text += strspn(text, " ");
    }
    findings_add(findings, SEVERITY_ERROR, path, (unsigned)line, "%s", text);
}

static int exit_code(const struct findings *findings)
{
    if (findings->counts[SEVERITY_ERROR] > 0) {
        return OUTPUT_EXIT_ERROR;
    }
    return findings->counts[SEVERITY_WARNING] > 0 ? OUTPUT_EXIT_NOT_FOUND : OUTPUT_EXIT_OK;
}

int findings_end(struct findings *findings)
{
    unsigned errors = findings->counts[SEVERITY_ERROR];
    unsigned warnings = findings->counts[SEVERITY_WARNING];
    int code = exit_code(findings);
    if (!findings->as_json) {
        printf("%u error%s, %u warning%s\n", errors, errors == 1 ? "" : "s", warnings,
               warnings == 1 ? "" : "s");
    } else {
        json_write_close(&findings->json, ']');
        json_write_unsigned(&findings->json, "errors", errors);
        json_write_unsigned(&findings->json, "warnings", warnings);
        json_write_close(&findings->json, '}');
        if (!output_json(&findings->out)) {
            output_complain("out of memory");
            code = OUTPUT_EXIT_INTERNAL;
        }
    }
    buffer_free(&findings->out);
    return code;
}
