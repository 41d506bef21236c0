/* registry/reg_file.h: files of the Windows registry editor (.reg), read and written.
 *
 *     Windows Registry Editor Version 5.00        or REGEDIT4
 *     [HKEY_LOCAL_MACHINE\SOFTWARE\Ipesoft\d2k]   a key; [-KEY] deletes it and all below it
 *     "Name"="text"                               \\ and \" are the escapes, \r and \n Wine's
 *     @="text"                                    the default value of the key
 *     "Number"=dword:0000000a
 *     "Path"=hex(2):25,00,41,00,\                 goes on in the next line
 *       25,00,00,00
 *     "Name"=-                                    deletes a value
 *     ; comment
 *
 * Encodings: UTF-16LE with byte order mark (or without, when the first character shows it), UTF-8
 * with or without mark; a file that is neither is Latin-1, and the caller is told. Bytes of hex
 * values are UTF-16LE, in a REGEDIT4 file text as the file's own (UTF-8, else Latin-1).
 *
 * No I/O. A file that was read is immutable. */
#ifndef D2K_REGISTRY_REG_FILE_H
#define D2K_REGISTRY_REG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* Limits of a file; tested at the limit and one past it. */
#define REG_FILE_MAX    (16u * 1024u * 1024u) /* bytes */
#define REG_ENTRIES_MAX 100000u

#define REG_DEFAULT_NAME "@" /* name of the default value of a key */

enum reg_kind {
    REG_KEY,
    REG_KEY_DELETED,
    REG_VALUE,
    REG_VALUE_DELETED,
};

struct reg_entry {
    enum reg_kind kind;
    unsigned line;       /* where it begins */
    const char *key;     /* as written; belongs to the file */
    char *name;          /* of a value; REG_DEFAULT_NAME for the default value, else NULL */
    bool is_default;     /* tells @ from "@" */
    char *text;          /* REG_VALUE: numbers in decimal, the parts of a multi-string with ';'
                            between them; NULL: it is no text */
    const char *no_text; /* why; static */
    const char *type;    /* REG_VALUE: "REG_SZ"...; static */
};

struct reg_file {
    struct reg_entry *entries; /* in the order of the file */
    size_t count;
    char **keys; /* owns the keys of the entries */
    size_t key_count;
    bool is_latin1; /* text of it was neither UTF-16 nor UTF-8 and was read as Latin-1 */
};

/* D2K_CONFIG with "<path>:<line>: ..." for anything that is not as above, D2K_LIMIT, D2K_NO_MEMORY.
 */
d2k_result reg_file_parse(const char *path, const void *bytes, size_t size,
                          struct reg_file **ret_file, struct error *err) D2K_MUST_CHECK;

/* NULL is allowed. */
void reg_file_free(struct reg_file *file);

/* ---- writing: UTF-8 with CR LF into `out`, whose failure (limit or memory) is checked at the end
 * ---- */

void reg_write_header(struct buffer *out);
void reg_write_key(struct buffer *out, const char *key);
/* As REG_SZ. REG_DEFAULT_NAME is the default value. */
void reg_write_value(struct buffer *out, const char *name, const char *text);

/* ---- characters, for reg_file_parse() and its tests ---- */

/* Appends UTF-16LE as UTF-8; false: a surrogate without its other half, or an odd number of bytes.
 * No mark is looked for. */
bool reg_text_from_utf16(const void *bytes, size_t size, struct buffer *out) D2K_MUST_CHECK;

/* Appends valid UTF-8 as UTF-16LE. */
void reg_text_to_utf16(const char *text, size_t size, struct buffer *out);

/* Appends Latin-1 as UTF-8; false: bytes 0x80 to 0x9f, which are no characters of it. */
bool reg_text_from_latin1(const void *bytes, size_t size, struct buffer *out) D2K_MUST_CHECK;

#endif
