/* programs/tell/content.h: contents of values as the texts of options and files, and back without
 * loss. */
#ifndef D2K_TELL_CONTENT_H
#define D2K_TELL_CONTENT_H

#include <d2k/table.h>

#include "base/buffer.h"
#include "base/error.h"

/* Reads the content of a value of this type as d2k-tell prints it; times are whole nanoseconds, a
 * state is also a number. *ret_value is valid, with time 0; a text is borrowed. D2K_ARGUMENT: it is
 * none. */
d2k_result content_read(const char *text, d2k_type type, d2k_value *ret_value,
                        struct error *err) D2K_MUST_CHECK;

/* An empty table of an Array or a Structure with these columns. D2K_ARGUMENT, D2K_NO_MEMORY. */
d2k_result content_new_table(d2k_type type, const d2k_column *columns, size_t count,
                             d2k_table **ret_table, struct error *err) D2K_MUST_CHECK;
/* Reads its rows, as d2k_table_from_text() has them; the value holds as long as the table. */
d2k_result content_read_table(const char *text, d2k_table *table, d2k_value *ret_value,
                              struct error *err) D2K_MUST_CHECK;

/* Appends the content as content_read() or content_read_table() takes it. */
void content_put(struct buffer *out, const d2k_value *value);

#endif
