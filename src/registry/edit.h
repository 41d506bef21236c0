/* registry/edit.h: changes values in the text of a configuration file and keeps everything else of
 * it: comments, order, blanks, line ends, values and sections that nobody knows. No files: text in,
 * text out. Not thread-safe: one struct edit belongs to one caller. */
#ifndef D2K_REGISTRY_EDIT_H
#define D2K_REGISTRY_EDIT_H

#include "registry/registry.h"

struct edit;

/* Takes a copy of the text, which must be one that registry_parse() reads: fails as that does, also
 * D2K_NO_MEMORY. `path` is for error texts. Free with edit_free(). */
d2k_result edit_open(const char *path, const char *text, size_t size, struct edit **ret_edit,
                     struct error *err) D2K_MUST_CHECK;

/* NULL is allowed. */
void edit_free(struct edit *edit);

/* The value as it is written ("raw"), or NULL: not set. Case of key and name is ignored. The text
 * holds until this value is changed. */
const char *edit_find(const struct edit *edit, const char *key, const char *name);

/* Whether the section stands there, even without values. "" always does. */
bool edit_has_key(const struct edit *edit, const char *key);

/* Sets a value, written as `raw` (edit_quote() makes it of a text). One that is there is changed in
 * its line. A new one goes behind the last of its section; a new section to the end of the file; a
 * new value without section before the comments above the first section. D2K_ARGUMENT: key, name or
 * raw cannot stand in a file (err says why); D2K_LIMIT: the line would be too long; D2K_NO_MEMORY.
 */
d2k_result edit_set(struct edit *edit, const char *key, const char *name, const char *raw,
                    struct error *err) D2K_MUST_CHECK;

/* Adds an empty section unless it is there. Errors as edit_set(). */
d2k_result edit_add_key(struct edit *edit, const char *key, struct error *err) D2K_MUST_CHECK;

/* Takes the line of a value out; comments and its section stay. False: it was not set. */
bool edit_unset(struct edit *edit, const char *key, const char *name);

/* Takes the values and section lines of a key, and of all below it, out ("": all there are);
 * comments stay. Returns how many values it had, also counting a section line without values as
 * one. */
unsigned edit_remove_key(struct edit *edit, const char *key);

/* The text now; malloc'ed, terminated one byte after *ret_size, the caller's. D2K_LIMIT: over
 * REGISTRY_FILE_MAX; D2K_NO_MEMORY. */
d2k_result edit_text(const struct edit *edit, char **ret_text, size_t *ret_size,
                     struct error *err) D2K_MUST_CHECK;

/* How a text is written so that it is read back as it is: with quotes around it where it has blanks
 * at its ends or begins with a quote. malloc'ed; NULL: out of memory. */
char *edit_quote(const char *text);

/* The opposite: the text of a raw value. malloc'ed; NULL: out of memory. */
char *edit_unquote(const char *raw);

/* Why this cannot be the name of a value, a key, or the raw text of a value in a file; NULL: it
 * can. Static. */
const char *edit_refuse_name(const char *name);
const char *edit_refuse_key(const char *key);
const char *edit_refuse_raw(const char *raw);

#endif
