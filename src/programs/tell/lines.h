/* programs/tell/lines.h: a line for each value, as text, JSON or CSV: watch and history. */
#ifndef D2K_TELL_LINES_H
#define D2K_TELL_LINES_H

#include <d2k/client.h>

#include "base/buffer.h"
#include "programs/tell/options.h"

struct value_lines {
    const struct tell_options *options; /* --json, --csv */
    struct buffer line;
    size_t name_width; /* of the text form; grows with the names */
};

/* Free with value_lines_free(). */
void value_lines_init(struct value_lines *lines, const struct tell_options *options);
void value_lines_free(struct value_lines *lines);
/* JSON has none. */
void value_lines_header(struct value_lines *lines);
/* False: out of memory. Both write to stdout, which is not flushed. */
bool value_lines_print(struct value_lines *lines, const d2k_object_info *object,
                       const d2k_value *value) __attribute__((warn_unused_result));

#endif
