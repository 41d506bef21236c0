/* programs/tell/definition.h: definitions of user variables as texts: columns of CSV files and
 * options of `define`. */
#ifndef D2K_TELL_DEFINITION_H
#define D2K_TELL_DEFINITION_H

#include <d2k/client.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"
#include "programs/tell/csv.h"

enum definition_column {
    COLUMN_NAME,
    COLUMN_TYPE,
    COLUMN_KIND,
    COLUMN_DESCRIPTION,
    COLUMN_UNIT,
    COLUMN_PATH,
    COLUMN_DEFAULT,
    COLUMN_WRITABLE,
    COLUMN_EXPRESSION,
    COLUMN_VL, /* the limits, in this order */
    COLUMN_L,
    COLUMN_H,
    COLUMN_VH,
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
    d2k_limits limits;
    char *texts[COLUMN_COUNT]; /* terminated */
};

/* D2K_ARGUMENT: the name is missing, a text has a NUL in it, type or kind is none, a limit is
 * no number, or the default is no value of the type; err says which. D2K_NO_MEMORY. Free with
 * definition_free() if it was D2K_OK. */
d2k_result definition_read(const struct definition_texts *texts, struct tell_definition *ret,
                           struct error *err) D2K_MUST_CHECK;
void definition_free(struct tell_definition *definition);

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

/* Appends the header, or the record of an object, as definition_read() takes it. */
void definition_put_header(struct buffer *out);
void definition_put(struct buffer *out, const d2k_object_info *object);

#endif
