/* registry/reg_file.h: reader. The whole file becomes UTF-8 first, then entries are taken off its
 * front one after the other. */
#include "registry/reg_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SHOWN_MAX 160 /* bytes of outside text that an error repeats */

struct parser {
    const char *path;
    struct reg_file *file;
    size_t entry_capacity, key_capacity;
    const char *at, *end; /* what is left, UTF-8 */
    unsigned line;        /* of `at` */
    unsigned first_line;  /* of the entry that is read now */
    bool is_version_4;
    const char *key; /* of the values that follow; NULL: none yet, or it was deleted */
    struct error *err;
};

/* ---- errors ---- */

static d2k_result fail(const struct parser *p, unsigned line, const char *what)
{
    return error_set(p->err, D2K_CONFIG, "%s:%u: %s", p->path, line, what);
}

static d2k_result fail_here(const struct parser *p, const char *what)
{
    size_t size = (size_t)(p->end - p->at);
    const char *stop = size > 0 ? memchr(p->at, '\n', size) : NULL;
    size = stop != NULL ? (size_t)(stop - p->at) : size;
    if (size > 0 && p->at[size - 1] == '\r') {
        size--;
    }
    char safe[SHOWN_MAX];
    text_escape(safe, sizeof safe, (struct slice){p->at, size});
    return error_set(p->err, D2K_CONFIG, "%s:%u: %s%s%s", p->path, p->line, what,
                     size > 0 ? ": " : "", safe);
}

/* ---- characters ---- */

static int peek(const struct parser *p)
{
    return p->at < p->end ? (unsigned char)*p->at : -1;
}

static bool take(struct parser *p, char c)
{
    if (p->at < p->end && *p->at == c) {
        p->at++;
        return true;
    }
    return false;
}

static bool take_word(struct parser *p, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0) {
        return false;
    }
    p->at += size;
    return true;
}

static void skip_blanks(struct parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t') {
        p->at++;
    }
}

/* At a line end, which is taken; the end of the file is one too. */
static bool take_line_end(struct parser *p)
{
    if (p->at == p->end) {
        return true;
    }
    if (take_word(p, "\r\n") || take(p, '\n')) {
        p->line++;
        return true;
    }
    return false;
}

static void skip_rest_of_line(struct parser *p)
{
    while (p->at < p->end && *p->at != '\n') {
        p->at++;
    }
    (void)take_line_end(p);
}

/* Behind an entry: blanks and a comment. */
static d2k_result finish_line(struct parser *p)
{
    skip_blanks(p);
    if (peek(p) == ';') {
        skip_rest_of_line(p);
        return D2K_OK;
    }
    return take_line_end(p) ? D2K_OK : fail_here(p, "nothing but a comment may follow here");
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ---- storage ---- */

/* Doubles the array when it is full; NULL: out of memory, the old one stays valid. */
static void *grow(void *array, size_t count, size_t *capacity, size_t member_size)
{
    if (count < *capacity) {
        return array;
    }
    size_t bigger = *capacity == 0 ? 16 : *capacity * 2;
    void *moved = realloc(array, bigger * member_size);
    if (moved != NULL) {
        *capacity = bigger;
    }
    return moved;
}

/* Takes name and text over, after a failure too. */
static d2k_result add_entry(struct parser *p, struct reg_entry entry)
{
    struct reg_file *file = p->file;
    struct reg_entry *entries = NULL;
    d2k_result result = D2K_OK;
    if (file->count == REG_ENTRIES_MAX) {
        result = error_set(p->err, D2K_LIMIT, "%s:%u: more than %u keys and values", p->path,
                           p->first_line, REG_ENTRIES_MAX);
    } else {
        entries = grow(file->entries, file->count, &p->entry_capacity, sizeof *entries);
        result = entries == NULL ? error_no_memory(p->err) : D2K_OK;
    }
    if (result != D2K_OK) {
        free(entry.name);
        free(entry.text);
        return result;
    }
    entry.line = p->first_line;
    file->entries = entries;
    file->entries[file->count++] = entry;
    return D2K_OK;
}

/* NULL: out of memory. */
static const char *add_key(struct parser *p, struct slice key)
{
    struct reg_file *file = p->file;
    char **keys = grow(file->keys, file->key_count, &p->key_capacity, sizeof *keys);
    if (keys == NULL) {
        return NULL;
    }
    file->keys = keys;
    char *copy = slice_copy(key);
    if (copy != NULL) {
        keys[file->key_count++] = copy;
    }
    return copy;
}

/* The content of a buffer, terminated, malloc'ed; NULL: out of memory. */
static char *text_of(struct buffer *b)
{
    char *text = NULL;
    if (!buffer_failed(b)) {
        text = slice_copy((struct slice){(const char *)buffer_data(b), buffer_size(b)});
    }
    buffer_free(b);
    return text;
}

/* ---- parts of an entry ---- */

static const char escapes_known[] = "\\\"rn";
static const char escapes_meant[] = "\\\"\r\n";

/* Behind the opening quote, to behind the closing one. A text may go over line ends, as the editor
 * writes one that has them. */
static d2k_result take_quoted(struct parser *p, char **ret_text)
{
    struct buffer text;
    buffer_init(&text, REG_FILE_MAX * 2);
    while (p->at < p->end && *p->at != '"') {
        char c = *p->at++;
        if (c == '\n') {
            p->line++;
        }
        if (c == '\\') {
            const char *escape = p->at < p->end ? strchr(escapes_known, *p->at) : NULL;
            if (escape == NULL || *escape == '\0') {
                buffer_free(&text);
                p->at--;
                return fail_here(p, "unknown escape; a backslash is written \\\\");
            }
            c = escapes_meant[escape - escapes_known];
            p->at++;
        }
        buffer_put_u8(&text, (uint8_t)c);
    }
    if (!take(p, '"')) {
        buffer_free(&text);
        return fail(p, p->first_line, "the closing quote is missing");
    }
    *ret_text = text_of(&text);
    return *ret_text != NULL ? D2K_OK : error_no_memory(p->err);
}

/* "0a,00,\<line end>  4b": at the first digit, to the end of the last line. */
static d2k_result take_bytes(struct parser *p, struct buffer *out)
{
    for (;;) {
        skip_blanks(p);
        int high = hex_digit(peek(p));
        if (high >= 0) {
            p->at++;
            int low = hex_digit(peek(p));
            p->at += low >= 0;
            buffer_put_u8(out, (uint8_t)(low >= 0 ? high * 16 + low : high));
            skip_blanks(p);
            if (!take(p, ',')) {
                return D2K_OK;
            }
        } else if (take(p, '\\')) {
            skip_blanks(p);
            if (p->at == p->end || !take_line_end(p)) {
                return fail_here(p, "a line that goes on ends with \\");
            }
        } else {
            return buffer_size(out) == 0 ? D2K_OK
                                         : fail_here(p, "a byte in hexadecimal is missing");
        }
    }
}

/* ---- data ---- */

/* Whether what stands between the NULs is UTF-8. */
static bool is_utf8_between_nuls(struct slice s)
{
    while (s.size > 0) {
        const char *nul = memchr(s.data, '\0', s.size);
        size_t size = nul == NULL ? s.size : (size_t)(nul - s.data);
        if (!text_is_utf8((struct slice){s.data, size})) {
            return false;
        }
        size_t used = nul == NULL ? size : size + 1;
        s = (struct slice){s.data + used, s.size - used};
    }
    return true;
}

/* Text of a hex value as UTF-8, which may have NULs; false: it is none. */
static bool decode_text(struct parser *p, const struct buffer *data, struct buffer *out)
{
    struct slice bytes = {(const char *)buffer_data(data), buffer_size(data)};
    if (!p->is_version_4) {
        return reg_text_from_utf16(bytes.data, bytes.size, out);
    }
    if (!p->file->is_latin1 && is_utf8_between_nuls(bytes)) {
        buffer_put(out, bytes.data, bytes.size);
        return true;
    }
    p->file->is_latin1 = true;
    return reg_text_from_latin1(bytes.data, bytes.size, out);
}

/* One string: what stands before the NUL that ends it. */
static void set_string(struct reg_entry *entry, struct buffer *text)
{
    size_t size = buffer_size(text);
    const char *data = (const char *)buffer_data(text);
    if (size > 0 && data[size - 1] == '\0') {
        size--;
    }
    struct slice string = {data, size};
    if (size > 0 && memchr(data, '\0', size) != NULL) {
        entry->no_text = "its text has a NUL";
    } else {
        entry->text = slice_copy(string);
    }
}

static void put_part(struct buffer *joined, struct slice part)
{
    bool needs_quotes =
        part.size > 0 && (part.data[0] == '"' || memchr(part.data, ';', part.size) != NULL);
    if (buffer_size(joined) > 0) {
        buffer_put_u8(joined, ';');
    }
    if (needs_quotes) {
        buffer_put_u8(joined, '"');
    }
    buffer_put(joined, part.data, part.size);
    if (needs_quotes) {
        buffer_put_u8(joined, '"');
    }
}

/* Strings, each with a NUL behind it, one more NUL at the end: as a list of the configuration. */
static void set_strings(struct reg_entry *entry, struct buffer *text)
{
    struct buffer joined;
    buffer_init(&joined, REG_FILE_MAX * 2);
    const char *at = (const char *)buffer_data(text);
    size_t left = buffer_size(text);
    while (left > 0) {
        const char *nul = memchr(at, '\0', left);
        size_t size = nul == NULL ? left : (size_t)(nul - at);
        if (size > 0) {
            put_part(&joined, (struct slice){at, size});
        }
        size_t used = nul == NULL ? size : size + 1;
        at += used;
        left -= used;
    }
    entry->text = text_of(&joined);
}

static void set_number(struct reg_entry *entry, const struct buffer *data, size_t size,
                       bool is_big_endian)
{
    if (buffer_size(data) != size) {
        entry->no_text = "a number of this type has another size";
        return;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | buffer_data(data)[is_big_endian ? i : size - 1 - i];
    }
    entry->text = text_format("%llu", (unsigned long long)number);
}

/* Registry types by their number in hex(n). */
enum data_kind { DATA_STRING, DATA_STRINGS, DATA_NUMBER, DATA_OTHER };

static const struct data_type {
    const char *name;
    enum data_kind kind;
    size_t size; /* of a number */
    bool is_big_endian;
} data_types[] = {
    {"REG_NONE", DATA_OTHER, 0, false},
    {"REG_SZ", DATA_STRING, 0, false},
    {"REG_EXPAND_SZ", DATA_STRING, 0, false},
    {"REG_BINARY", DATA_OTHER, 0, false},
    {"REG_DWORD", DATA_NUMBER, 4, false},
    {"REG_DWORD_BIG_ENDIAN", DATA_NUMBER, 4, true},
    {"REG_LINK", DATA_OTHER, 0, false},
    {"REG_MULTI_SZ", DATA_STRINGS, 0, false},
    {"REG_RESOURCE_LIST", DATA_OTHER, 0, false},
    {"REG_FULL_RESOURCE_DESCRIPTOR", DATA_OTHER, 0, false},
    {"REG_RESOURCE_REQUIREMENTS_LIST", DATA_OTHER, 0, false},
    {"REG_QWORD", DATA_NUMBER, 8, false},
};

#define DATA_BINARY      3u
#define DATA_TYPE_COUNT  (sizeof data_types / sizeof data_types[0])
#define TYPE_DIGITS_MAX  8u
#define DWORD_DIGITS_MAX 8u

static d2k_result set_data(struct parser *p, struct reg_entry *entry, uint32_t type,
                           const struct buffer *data)
{
    if (type >= DATA_TYPE_COUNT) {
        entry->type = "an unknown type";
        entry->no_text = "it is no text";
        return D2K_OK;
    }
    const struct data_type *known = &data_types[type];
    entry->type = known->name;
    if (known->kind == DATA_OTHER) {
        entry->no_text = "it is no text";
    } else if (known->kind == DATA_NUMBER) {
        set_number(entry, data, known->size, known->is_big_endian);
    } else {
        struct buffer text;
        buffer_init(&text, REG_FILE_MAX * 2);
        if (!decode_text(p, data, &text)) {
            entry->no_text = "its text is not valid";
        } else if (known->kind == DATA_STRING) {
            set_string(entry, &text);
        } else {
            set_strings(entry, &text);
        }
        bool failed = buffer_failed(&text);
        buffer_free(&text);
        if (failed) {
            return error_no_memory(p->err);
        }
    }
    return entry->text != NULL || entry->no_text != NULL ? D2K_OK : error_no_memory(p->err);
}

/* Digits in hexadecimal, at least one and at most max. */
static bool take_hex(struct parser *p, unsigned max, uint32_t *ret_number)
{
    unsigned count = 0;
    *ret_number = 0;
    for (; hex_digit(peek(p)) >= 0; count++) {
        *ret_number = *ret_number << 4 | (uint32_t)hex_digit(peek(p));
        p->at++;
    }
    return count >= 1 && count <= max;
}

static d2k_result take_hex_data(struct parser *p, struct reg_entry *entry)
{
    uint32_t type = DATA_BINARY;
    if (take(p, '(') && (!take_hex(p, TYPE_DIGITS_MAX, &type) || !take(p, ')'))) {
        return fail_here(p, "the type of a hex value is written as in hex(2):");
    }
    if (!take(p, ':')) {
        return fail_here(p, "a ':' must follow hex");
    }
    struct buffer data;
    buffer_init(&data, REG_FILE_MAX);
    d2k_result result = take_bytes(p, &data);
    if (result == D2K_OK) {
        result = buffer_failed(&data) ? error_no_memory(p->err) : set_data(p, entry, type, &data);
    }
    buffer_free(&data);
    return result;
}

static d2k_result take_dword(struct parser *p, struct reg_entry *entry)
{
    uint32_t number;
    skip_blanks(p);
    if (!take_hex(p, DWORD_DIGITS_MAX, &number)) {
        return fail_here(p, "a dword has 1 to 8 hexadecimal digits");
    }
    entry->type = "REG_DWORD";
    entry->text = text_format("%lu", (unsigned long)number);
    return entry->text != NULL ? D2K_OK : error_no_memory(p->err);
}

static d2k_result take_data(struct parser *p, struct reg_entry *entry)
{
    if (take(p, '-')) {
        entry->kind = REG_VALUE_DELETED;
        return D2K_OK;
    }
    if (take(p, '"')) {
        entry->type = "REG_SZ";
        return take_quoted(p, &entry->text);
    }
    if (take_word(p, "dword:")) {
        return take_dword(p, entry);
    }
    if (take_word(p, "hex")) {
        return take_hex_data(p, entry);
    }
    return fail_here(p, "this is not \"text\", dword:, hex: or -");
}

/* ---- entries ---- */

/* The key ends at the last ] of the line: its name may have others. */
static d2k_result take_key(struct parser *p)
{
    bool is_deleted = take(p, '-');
    size_t size = (size_t)(p->end - p->at);
    const char *line_end = size > 0 ? memchr(p->at, '\n', size) : NULL;
    const char *close = line_end == NULL ? p->end : line_end;
    while (close > p->at && close[-1] != ']') {
        close--;
    }
    if (close == p->at) {
        return fail_here(p, "a key must end with ']'");
    }
    struct slice text = {p->at, (size_t)(close - 1 - p->at)};
    if (text.size == 0) {
        return fail_here(p, "the key is empty");
    }
    const char *key = add_key(p, text);
    if (key == NULL) {
        return error_no_memory(p->err);
    }
    p->at = close;
    p->key = is_deleted ? NULL : key;
    d2k_result result = add_entry(
        p, (struct reg_entry){.kind = is_deleted ? REG_KEY_DELETED : REG_KEY, .key = key});
    return result == D2K_OK ? finish_line(p) : result;
}

static d2k_result take_name(struct parser *p, struct reg_entry *entry)
{
    if (take(p, '@')) {
        entry->is_default = true;
        entry->name = slice_copy(slice_of(REG_DEFAULT_NAME));
        return entry->name != NULL ? D2K_OK : error_no_memory(p->err);
    }
    p->at++; /* the quote */
    return take_quoted(p, &entry->name);
}

static d2k_result take_value_parts(struct parser *p, struct reg_entry *entry)
{
    d2k_result result = take_name(p, entry);
    if (result != D2K_OK) {
        return result;
    }
    skip_blanks(p);
    if (!take(p, '=')) {
        return fail_here(p, "a '=' must follow the name");
    }
    skip_blanks(p);
    return take_data(p, entry);
}

static d2k_result take_value(struct parser *p)
{
    if (p->key == NULL) {
        return fail(p, p->line, "a value needs a key [HKEY_...] before it");
    }
    struct reg_entry entry = {.kind = REG_VALUE, .key = p->key};
    d2k_result result = take_value_parts(p, &entry);
    if (result != D2K_OK) {
        free(entry.name);
        free(entry.text);
        return result;
    }
    result = add_entry(p, entry);
    return result == D2K_OK ? finish_line(p) : result;
}

static d2k_result take_entry(struct parser *p)
{
    p->first_line = p->line;
    skip_blanks(p);
    if (take(p, '[')) {
        return take_key(p);
    }
    if (peek(p) == '"' || peek(p) == '@') {
        return take_value(p);
    }
    if (peek(p) == ';') {
        skip_rest_of_line(p);
        return D2K_OK;
    }
    if (take_line_end(p)) {
        return D2K_OK;
    }
    return fail_here(p, "this is neither [KEY] nor \"Name\"=data");
}

static d2k_result take_header(struct parser *p)
{
    p->line = 1;
    if (take_word(p, "REGEDIT4")) {
        p->is_version_4 = true;
    } else if (!take_word(p, "Windows Registry Editor Version 5.00")) {
        return fail_here(p, "the first line must be \"Windows Registry Editor Version 5.00\" or "
                            "\"REGEDIT4\"");
    }
    skip_blanks(p);
    return take_line_end(p) ? D2K_OK : fail_here(p, "nothing may follow in the first line");
}

static d2k_result parse_text(struct parser *p)
{
    d2k_result result = take_header(p);
    while (result == D2K_OK && p->at < p->end) {
        result = take_entry(p);
    }
    return result;
}

/* ---- encodings ---- */

static bool begins(struct slice s, const char *bytes, size_t size)
{
    return s.size >= size && memcmp(s.data, bytes, size) == 0;
}

static d2k_result refuse_encoding(const struct parser *p, const char *what)
{
    return error_set(p->err, D2K_CONFIG, "%s: %s", p->path, what);
}

static d2k_result decode_narrow(struct parser *p, struct slice in, struct buffer *out)
{
    if (text_is_utf8(in)) {
        buffer_put(out, in.data, in.size);
        return D2K_OK;
    }
    if (memchr(in.data, '\0', in.size) != NULL) {
        return refuse_encoding(p, "this is no text");
    }
    p->file->is_latin1 = true;
    return reg_text_from_latin1(in.data, in.size, out)
               ? D2K_OK
               : refuse_encoding(p, "the file is neither UTF-16, UTF-8 nor Latin-1; export it "
                                    "again as \"Windows Registry Editor Version 5.00\"");
}

static d2k_result decode(struct parser *p, struct slice in, struct buffer *out)
{
    bool is_wide = begins(in, "\xff\xfe", 2);
    if (is_wide || begins(in, "\xef\xbb\xbf", 3)) {
        size_t mark = is_wide ? 2 : 3;
        in = (struct slice){in.data + mark, in.size - mark};
        if (!is_wide && !text_is_utf8(in)) {
            return refuse_encoding(p, "the file begins as UTF-8, but is not valid UTF-8");
        }
    } else if (begins(in, "\xfe\xff", 2)) {
        return refuse_encoding(p, "UTF-16 with its bytes in the other order is not supported");
    } else {
        is_wide = in.size >= 2 && in.data[0] != '\0' && in.data[1] == '\0';
    }
    if (!is_wide) {
        return decode_narrow(p, in, out);
    }
    if (!reg_text_from_utf16(in.data, in.size, out)) {
        return refuse_encoding(p, "the file is not valid UTF-16");
    }
    if (buffer_size(out) > 0 && memchr(buffer_data(out), '\0', buffer_size(out)) != NULL) {
        return refuse_encoding(p, "the file has NUL characters");
    }
    return D2K_OK;
}

static d2k_result decode_and_parse(struct parser *p, struct slice in)
{
    struct buffer text;
    buffer_init(&text, 2 * (size_t)REG_FILE_MAX); /* no encoding needs more than twice its bytes */
    d2k_result result = decode(p, in, &text);
    if (result == D2K_OK && buffer_failed(&text)) {
        result = error_no_memory(p->err);
    }
    if (result == D2K_OK) {
        p->at = buffer_size(&text) > 0 ? (const char *)buffer_data(&text) : "";
        p->end = p->at + buffer_size(&text);
        result = parse_text(p);
    }
    buffer_free(&text);
    return result;
}

d2k_result reg_file_parse(const char *path, const void *bytes, size_t size,
                          struct reg_file **ret_file, struct error *err)
{
    *ret_file = NULL;
    if (size > REG_FILE_MAX) {
        return error_set(err, D2K_LIMIT, "%s: the file is larger than %u bytes", path,
                         REG_FILE_MAX);
    }
    struct reg_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return error_no_memory(err);
    }
    struct parser p = {.path = path, .file = file, .err = err};
    d2k_result result = decode_and_parse(&p, (struct slice){bytes, size});
    if (result != D2K_OK) {
        reg_file_free(file);
        return result;
    }
    *ret_file = file;
    return D2K_OK;
}

void reg_file_free(struct reg_file *file)
{
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < file->count; i++) {
        free(file->entries[i].name);
        free(file->entries[i].text);
    }
    for (size_t i = 0; i < file->key_count; i++) {
        free(file->keys[i]);
    }
    free(file->entries);
    free(file->keys);
    free(file);
}
