/* programs/tell/content.h: contents of values as the texts of options and files, and back without
 * loss. */
#ifndef D2K_TELL_CONTENT_H
#define D2K_TELL_CONTENT_H

#include <d2k/value.h>

#include "base/buffer.h"
#include "base/error.h"

/* Reads the content of a value of this type as d2k-tell prints it; times are whole nanoseconds, a
 * state is also a number. *ret_value is valid, with time 0; a text is borrowed. D2K_ARGUMENT: it is
 * none. */
d2k_result content_read(const char *text, d2k_type type, d2k_value *ret_value,
                        struct error *err) D2K_MUST_CHECK;

/* Appends the content as content_read() takes it. */
void content_put(struct buffer *out, const d2k_value *value);

#endif
