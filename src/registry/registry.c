/* registry/registry.h: parser of configuration text, one line at a time, and look-up in its result.
 */
#include "registry/registry.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/text.h"

#define SHOWN_MAX 160 /* bytes of outside text that an error repeats */

struct parser {
    struct registry_file *file;
    size_t value_capacity, section_capacity;
    const char *key; /* of the section that the next value belongs to */
    unsigned line;
    struct error *err;
};

static d2k_result fail(const struct parser *p, d2k_result code, const char *what)
{
    return error_set(p->err, code, "%s:%u: %s", p->file->path, p->line, what);
}

static d2k_result fail_with(const struct parser *p, const char *what, struct slice shown)
{
    char safe[SHOWN_MAX];
    text_escape(safe, sizeof safe, shown);
    return error_set(p->err, D2K_CONFIG, "%s:%u: %s: %s", p->file->path, p->line, what, safe);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct slice trim(struct slice s)
{
    while (s.size > 0 && is_blank(s.data[0])) {
        s.data++;
        s.size--;
    }
    while (s.size > 0 && is_blank(s.data[s.size - 1])) {
        s.size--;
    }
    return s;
}

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

static d2k_result check_characters(const struct parser *p, struct slice line)
{
    if (line.size > REGISTRY_LINE_MAX) {
        return error_set(p->err, D2K_LIMIT, "%s:%u: the line is longer than %u bytes",
                         p->file->path, p->line, REGISTRY_LINE_MAX);
    }
    if (p->line == 1 && line.size >= 2 &&
        (memcmp(line.data, "\xff\xfe", 2) == 0 || memcmp(line.data, "\xfe\xff", 2) == 0)) {
        return fail(p, D2K_CONFIG, "the file is UTF-16; save it as UTF-8");
    }
    for (size_t i = 0; i < line.size; i++) {
        unsigned char c = (unsigned char)line.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return error_set(p->err, D2K_CONFIG, "%s:%u: control character 0x%02x at byte %zu",
                             p->file->path, p->line, c, i + 1);
        }
    }
    if (!text_is_utf8(line)) {
        return fail(p, D2K_CONFIG, "the line is not valid UTF-8");
    }
    return D2K_OK;
}

/* Parts of a key must not be empty: "\a", "a\", "a\\b". */
static bool is_key(struct slice key)
{
    bool part_is_empty = true;
    for (size_t i = 0; i < key.size; i++) {
        char c = key.data[i];
        if (c == '[' || c == ']' || (c == '\\' && part_is_empty)) {
            return false;
        }
        part_is_empty = c == '\\';
    }
    return !part_is_empty;
}

static d2k_result parse_section(struct parser *p, struct slice line)
{
    if (line.data[line.size - 1] != ']') {
        return fail_with(p, "a section must end with ']' (a comment needs a line of its own)",
                         line);
    }
    struct slice key = trim((struct slice){line.data + 1, line.size - 2});
    if (!is_key(key)) {
        return fail_with(p, "this is not a section name like [TLS_Server]", line);
    }
    struct registry_file *file = p->file;
    if (file->section_count == REGISTRY_SECTIONS_MAX) {
        return error_set(p->err, D2K_LIMIT, "%s:%u: more than %u sections", file->path, p->line,
                         REGISTRY_SECTIONS_MAX);
    }
    struct registry_section *sections =
        grow(file->sections, file->section_count, &p->section_capacity, sizeof *sections);
    if (sections == NULL) {
        return error_no_memory(p->err);
    }
    file->sections = sections;
    char *copy = slice_copy(key);
    if (copy == NULL) {
        return error_no_memory(p->err);
    }
    sections[file->section_count++] = (struct registry_section){copy, p->line};
    p->key = copy;
    return D2K_OK;
}

static bool is_quoted(struct slice raw)
{
    return raw.size >= 2 && raw.data[0] == '"' && raw.data[raw.size - 1] == '"';
}

static d2k_result add_value(struct parser *p, struct slice name, struct slice raw)
{
    struct registry_file *file = p->file;
    if (file->count == REGISTRY_VALUES_MAX) {
        return error_set(p->err, D2K_LIMIT, "%s:%u: more than %u values", file->path, p->line,
                         REGISTRY_VALUES_MAX);
    }
    struct registry_value *values =
        grow(file->values, file->count, &p->value_capacity, sizeof *values);
    if (values == NULL) {
        return error_no_memory(p->err);
    }
    file->values = values;
    struct slice text = is_quoted(raw) ? (struct slice){raw.data + 1, raw.size - 2} : raw;
    struct registry_value *value = &values[file->count++];
    *value = (struct registry_value){p->key, slice_copy(name), slice_copy(text), slice_copy(raw),
                                     p->line};
    if (value->name == NULL || value->text == NULL || value->raw == NULL) {
        return error_no_memory(p->err);
    }
    return D2K_OK;
}

static d2k_result parse_value(struct parser *p, struct slice line)
{
    const char *equals = memchr(line.data, '=', line.size);
    if (equals == NULL) {
        return fail_with(p, "this is neither [Section] nor Name = value", line);
    }
    size_t name_size = (size_t)(equals - line.data);
    struct slice name = trim((struct slice){line.data, name_size});
    struct slice raw = trim((struct slice){equals + 1, line.size - name_size - 1});
    if (name.size == 0) {
        return fail_with(p, "the name before '=' is missing", line);
    }
    if (memchr(name.data, '\\', name.size) != NULL) {
        return fail_with(
            p, "a name has no backslash: write the subkey as a line [Subkey] before it", name);
    }
    if (raw.size > 0 && raw.data[0] == '"' && memchr(raw.data + 1, '"', raw.size - 1) == NULL) {
        return fail_with(p, "the closing quote is missing", raw);
    }
    return add_value(p, name, raw);
}

static d2k_result parse_line(struct parser *p, struct slice line)
{
    d2k_result result = check_characters(p, line);
    if (result != D2K_OK) {
        return result;
    }
    line = trim(line);
    if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';') {
        return D2K_OK;
    }
    return line.data[0] == '[' ? parse_section(p, line) : parse_value(p, line);
}

static d2k_result parse_lines(struct parser *p, struct slice text)
{
    if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
        text.data += 3;
        text.size -= 3;
    }
    while (text.size > 0) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        struct slice line = {text.data, size};
        if (line.size > 0 && line.data[line.size - 1] == '\r') {
            line.size--;
        }
        p->line++;
        d2k_result result = parse_line(p, line);
        if (result != D2K_OK) {
            return result;
        }
        size_t used = end == NULL ? size : size + 1;
        text.data += used;
        text.size -= used;
    }
    return D2K_OK;
}

static int compare_identity(const struct registry_value *a, const struct registry_value *b)
{
    int order = text_compare_ignoring_case(a->key, b->key);
    return order != 0 ? order : text_compare_ignoring_case(a->name, b->name);
}

static int compare_values(const void *a, const void *b)
{
    const struct registry_value *const *x = a;
    const struct registry_value *const *y = b;
    int order = compare_identity(*x, *y);
    if (order != 0) {
        return order;
    }
    return (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
}

static d2k_result fail_twice(struct parser *p, const struct registry_value *first,
                             const struct registry_value *second)
{
    char name[SHOWN_MAX];
    text_escape(name, sizeof name, slice_of(second->name));
    return error_set(p->err, D2K_CONFIG, "%s:%u: %s was already given on line %u; remove one",
                     p->file->path, second->line, name, first->line);
}

static d2k_result refuse_duplicates(struct parser *p)
{
    size_t count = p->file->count;
    if (count < 2) {
        return D2K_OK;
    }
    const struct registry_value **sorted = malloc(count * sizeof *sorted);
    if (sorted == NULL) {
        return error_no_memory(p->err);
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &p->file->values[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_values);
    size_t worst = 0; /* the duplicate that stands first in the file */
    for (size_t i = 1; i < count; i++) {
        if (compare_identity(sorted[i - 1], sorted[i]) == 0 &&
            (worst == 0 || sorted[i]->line < sorted[worst]->line)) {
            worst = i;
        }
    }
    d2k_result result = worst == 0 ? D2K_OK : fail_twice(p, sorted[worst - 1], sorted[worst]);
    free(sorted);
    return result;
}

d2k_result registry_parse(const char *path, const char *text, size_t size,
                          struct registry_file **ret_file, struct error *err)
{
    *ret_file = NULL;
    if (size > REGISTRY_FILE_MAX) {
        return error_set(err, D2K_LIMIT, "%s: the file is larger than %u bytes", path,
                         REGISTRY_FILE_MAX);
    }
    struct registry_file *file = calloc(1, sizeof *file);
    if (file == NULL || (file->path = slice_copy(slice_of(path))) == NULL) {
        free(file);
        return error_no_memory(err);
    }
    struct parser p = {.file = file, .key = "", .err = err};
    d2k_result result = parse_lines(&p, (struct slice){text, size});
    if (result == D2K_OK) {
        result = refuse_duplicates(&p);
    }
    if (result != D2K_OK) {
        registry_free(file);
        return result;
    }
    *ret_file = file;
    return D2K_OK;
}

static d2k_result fail_read(const char *path, int error, struct error *err)
{
    switch (error) {
    case ENOENT:
        return error_set(err, D2K_NOT_FOUND, "%s: there is no such file", path);
    case EBUSY:
        return error_set(err, D2K_AGAIN, "%s: changed while it was read", path);
    case EFBIG:
        return error_set(err, D2K_LIMIT, "%s: the file is larger than %u bytes", path,
                         REGISTRY_FILE_MAX);
    case ENOMEM:
        return error_no_memory(err);
    default:
        return error_set(err, D2K_FILE, "%s: cannot be read: %s", path, os_error_text(error));
    }
}

d2k_result registry_read(const char *path, struct registry_file **ret_file, struct error *err)
{
    *ret_file = NULL;
    char *text;
    size_t size;
    struct os_file_stamp stamp;
    int error = os_file_read(path, REGISTRY_FILE_MAX, &text, &size, &stamp);
    if (error != 0) {
        return fail_read(path, error, err);
    }
    d2k_result result = registry_parse(path, text, size, ret_file, err);
    free(text);
    if (result == D2K_OK) {
        (*ret_file)->stamp = stamp;
    }
    return result;
}

void registry_free(struct registry_file *file)
{
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < file->count; i++) {
        free(file->values[i].name);
        free(file->values[i].text);
        free(file->values[i].raw);
    }
    for (size_t i = 0; i < file->section_count; i++) {
        free(file->sections[i].key);
    }
    free(file->values);
    free(file->sections);
    free(file->path);
    free(file);
}

const struct registry_value *registry_find(const struct registry_file *file, const char *key,
                                           const char *name)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct registry_value *value = &file->values[i];
        if (text_equal_ignoring_case(value->key, key) &&
            text_equal_ignoring_case(value->name, name)) {
            return value;
        }
    }
    return NULL;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool registry_key_is_below(const char *key, const char *top)
{
    if (*top == '\0') {
        return true;
    }
    while (*top != '\0' && lower(*key) == lower(*top)) {
        key++;
        top++;
    }
    return *top == '\0' && (*key == '\0' || *key == '\\');
}

const struct registry_section *registry_find_section(const struct registry_file *file,
                                                     const char *key)
{
    for (size_t i = 0; i < file->section_count; i++) {
        if (registry_key_is_below(file->sections[i].key, key)) {
            return &file->sections[i];
        }
    }
    return NULL;
}

bool registry_has_key(const struct registry_file *file, const char *key)
{
    return *key == '\0' || registry_find_section(file, key) != NULL;
}
