/* programs/tell/definition.h: definitions of the kernel's objects as texts: columns of CSV files
 * and options of `define`. What there is to say of an object is a row of the table in
 * definition.c. */
#ifndef D2K_TELL_DEFINITION_H
#define D2K_TELL_DEFINITION_H

#include <d2k/client.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"
#include "programs/tell/csv.h"

/* In the order in which they are exported, and read: the type before what depends on it. */
enum definition_column {
    COLUMN_NAME,
    COLUMN_TYPE,
    COLUMN_OF,
    COLUMN_COLUMNS,
    COLUMN_KIND,
    COLUMN_DESCRIPTION,
    COLUMN_UNIT,
    COLUMN_PATH,
    COLUMN_DEFAULT,
    COLUMN_WRITABLE,
    COLUMN_EXPRESSION,
    COLUMN_VL,
    COLUMN_L,
    COLUMN_H,
    COLUMN_VH,
    COLUMN_HISTORY,
    COLUMN_ALARM,
    COLUMN_CRITICAL,
    COLUMN_COUNT,
};

/* What one definition says, borrowed; empty is "not said". */
struct definition_texts {
    struct slice columns[COLUMN_COUNT];
};

/* A definition that d2k_configure() takes, with memory of its own. */
struct tell_definition {
    d2k_definition definition;
    d2k_value default_value;
    d2k_table *default_table; /* of an Array or a Structure; NULL: none */
    d2k_limits limits;
    d2k_column columns[D2K_COLUMNS_MAX];
    char *texts[COLUMN_COUNT]; /* terminated */
};

/* D2K_ARGUMENT: the name is missing, a text has a NUL in it, or one does not say what its column
 * is about; err names the column. D2K_NO_MEMORY. Free with definition_free() if it was D2K_OK. */
d2k_result definition_read(const struct definition_texts *texts, struct tell_definition *ret,
                           struct error *err) D2K_MUST_CHECK;
void definition_free(struct tell_definition *definition);
/* Upper and lower case are the same. D2K_ARGUMENT: it is the name of no type. */
d2k_result definition_read_type(const char *text, d2k_type *ret_type,
                                struct error *err) D2K_MUST_CHECK;

/* Appends what --of= or --columns= says of it: "Real", "Temp Real, Name Text"; nothing of an object
 * that is no Array and no Structure. */
void definition_put_columns(struct buffer *out, const d2k_object_info *object);

/* ---- options of `define` ---- */

#define DEFINITION_OPTIONS_MAX 512u

/* Takes an option ("--unit=bar") into its column; borrowed. False: it is none of `define`. */
bool definition_take_option(const char *argument, struct definition_texts *texts);
/* Whether there was one. */
bool definition_says_something(const struct definition_texts *texts);
/* "--description=, --unit=, ...": all of them. Returns ret_text. */
const char *definition_options(char ret_text[DEFINITION_OPTIONS_MAX]);

/* ---- records of a file ---- */

/* Where each column stands in the records of a file; its header says so. */
struct definition_header {
    size_t count;
    enum definition_column columns[COLUMN_COUNT]; /* of each field */
};

/* D2K_ARGUMENT: a column is not known or comes twice, or name or type is missing. */
d2k_result definition_header_read(const struct csv_record *record, struct definition_header *ret,
                                  struct error *err) D2K_MUST_CHECK;
/* D2K_ARGUMENT: the record has another number of fields than the header. */
d2k_result definition_texts_take(const struct definition_header *header,
                                 const struct csv_record *record, struct definition_texts *ret,
                                 struct error *err) D2K_MUST_CHECK;

/* Appends the header, or the record of an object, as definition_read() takes it; false: it is not
 * complete, for the buffer is full or memory is short. */
void definition_put_header(struct buffer *out);
bool definition_put(struct buffer *out, const d2k_object_info *object) D2K_MUST_CHECK;

#endif
