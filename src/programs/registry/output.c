/* programs/registry/output.h: escaped output. */
#include "programs/registry/output.h"

#include <stdio.h>

#include "base/text.h"

void output_text(const char *text)
{
    static char safe[OUTPUT_TEXT_MAX]; /* one thread; too large for a stack */
    fputs(text_escape(safe, sizeof safe, slice_of(text)), stdout);
}

void output_complain(const char *text)
{
    char safe[4 * ERROR_TEXT_MAX + 1];
    fprintf(stderr, "d2k-registry: %s\n", text_escape(safe, sizeof safe, slice_of(text)));
}

int output_fail(const struct error *err)
{
    output_complain(err->text);
    if (err->code == D2K_NO_MEMORY || err->code == D2K_INTERNAL) {
        return OUTPUT_EXIT_INTERNAL;
    }
    return OUTPUT_EXIT_ERROR;
}

bool output_json(const struct buffer *json)
{
    if (buffer_failed(json)) {
        return false;
    }
    fwrite(buffer_data(json), 1, buffer_size(json), stdout);
    putchar('\n');
    return true;
}
