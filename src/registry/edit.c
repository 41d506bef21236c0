/* registry/edit.h: the lines of a file as a list; the parser says which of them are values and
 * sections. */
#include "registry/edit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/text.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum line_kind {
    LINE_OTHER, /* empty or a comment */
    LINE_SECTION,
    LINE_VALUE,
};

struct line {
    struct list link;
    enum line_kind kind;
    char *text; /* without line end */
    const char *ending;
    char *key;  /* of the section it stands in; of a LINE_OTHER NULL */
    char *name; /* LINE_VALUE */
    char *raw;
};

struct edit {
    char *path;
    bool has_mark;
    const char *ending; /* of new lines */
    struct list lines;
};

static struct line *line_of(struct list *link)
{
    return LIST_MEMBER(link, struct line, link);
}

static void free_line(struct line *line)
{
    if (line == NULL) {
        return;
    }
    list_remove(&line->link);
    free(line->text);
    free(line->key);
    free(line->name);
    free(line->raw);
    free(line);
}

static char *copy(const char *text)
{
    return slice_copy(slice_of(text));
}

/* NULL: out of memory. key, name and raw are copied, NULL stays NULL; `text` is taken over. */
static struct line *new_line(enum line_kind kind, char *text, const char *key, const char *name,
                             const char *raw)
{
    struct line *line = calloc(1, sizeof *line);
    if (line == NULL || text == NULL) {
        free(text);
        free(line);
        return NULL;
    }
    list_init(&line->link);
    line->kind = kind;
    line->text = text;
    line->key = key == NULL ? NULL : copy(key);
    line->name = name == NULL ? NULL : copy(name);
    line->raw = raw == NULL ? NULL : copy(raw);
    if ((key != NULL && line->key == NULL) || (name != NULL && line->name == NULL) ||
        (raw != NULL && line->raw == NULL)) {
        free_line(line);
        return NULL;
    }
    return line;
}

/* ---- from text ---- */

struct splitter {
    struct edit *edit;
    const struct registry_file *file;
    size_t next_value, next_section;
    unsigned number;
};

static struct line *next_line(struct splitter *s, struct slice text)
{
    const struct registry_file *file = s->file;
    s->number++;
    if (s->next_value < file->count && file->values[s->next_value].line == s->number) {
        const struct registry_value *value = &file->values[s->next_value++];
        return new_line(LINE_VALUE, slice_copy(text), value->key, value->name, value->raw);
    }
    if (s->next_section < file->section_count &&
        file->sections[s->next_section].line == s->number) {
        return new_line(LINE_SECTION, slice_copy(text), file->sections[s->next_section++].key, NULL,
                        NULL);
    }
    return new_line(LINE_OTHER, slice_copy(text), NULL, NULL, NULL);
}

static bool split(struct splitter *s, struct slice text)
{
    while (text.size > 0) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        size_t used = end == NULL ? size : size + 1;
        const char *ending = end == NULL ? "" : "\n";
        if (size > 0 && text.data[size - 1] == '\r') {
            size--;
            ending = end == NULL ? "\r" : "\r\n";
        }
        struct line *line = next_line(s, (struct slice){text.data, size});
        if (line == NULL) {
            return false;
        }
        line->ending = ending;
        list_append(&s->edit->lines, &line->link);
        text.data += used;
        text.size -= used;
    }
    return true;
}

static bool fill(struct edit *edit, const struct registry_file *file, struct slice text)
{
    edit->path = copy(file->path);
    if (edit->path == NULL) {
        return false;
    }
    size_t mark = strlen(BYTE_ORDER_MARK);
    if (text.size >= mark && memcmp(text.data, BYTE_ORDER_MARK, mark) == 0) {
        edit->has_mark = true;
        text.data += mark;
        text.size -= mark;
    }
    struct splitter splitter = {.edit = edit, .file = file};
    if (!split(&splitter, text)) {
        return false;
    }
    const struct line *first = list_empty(&edit->lines) ? NULL : line_of(edit->lines.next);
    edit->ending = first != NULL && strcmp(first->ending, "\r\n") == 0 ? "\r\n" : "\n";
    return true;
}

d2k_result edit_open(const char *path, const char *text, size_t size, struct edit **ret_edit,
                     struct error *err)
{
    *ret_edit = NULL;
    struct registry_file *file;
    d2k_result result = registry_parse(path, text, size, &file, err);
    if (result != D2K_OK) {
        return result;
    }
    struct edit *edit = calloc(1, sizeof *edit);
    if (edit != NULL) {
        list_init(&edit->lines);
    }
    if (edit == NULL || !fill(edit, file, (struct slice){text, size})) {
        edit_free(edit);
        registry_free(file);
        return error_no_memory(err);
    }
    registry_free(file);
    *ret_edit = edit;
    return D2K_OK;
}

void edit_free(struct edit *edit)
{
    if (edit == NULL) {
        return;
    }
    LIST_EACH(&edit->lines, at, following)
    {
        free_line(line_of(at));
    }
    free(edit->path);
    free(edit);
}

/* ---- what may stand in a file ---- */

static const char *refuse_characters(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\r') {
            return "it has several lines";
        }
        unsigned char c = (unsigned char)*at;
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return "it has a control character";
        }
    }
    return text_is_utf8(slice_of(text)) ? NULL : "it is not valid UTF-8";
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool has_blank_ends(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && (is_blank(text[0]) || is_blank(text[size - 1]));
}

const char *edit_refuse_name(const char *name)
{
    if (name[0] == '\0') {
        return "the name is empty";
    }
    if (strchr("#;[", name[0]) != NULL) {
        return "a line that begins with #, ; or [ is no value";
    }
    if (strpbrk(name, "=\\") != NULL) {
        return "the name of a value has no = and no backslash";
    }
    if (strncmp(name, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
        return "the name begins with a byte order mark";
    }
    return has_blank_ends(name) ? "a name neither begins nor ends with blanks"
                                : refuse_characters(name);
}

const char *edit_refuse_key(const char *key)
{
    if (key[0] == '\0') {
        return NULL;
    }
    if (strpbrk(key, "[]") != NULL) {
        return "the name of a section has no brackets";
    }
    if (key[0] == '\\' || key[strlen(key) - 1] == '\\' || strstr(key, "\\\\") != NULL) {
        return "a part of the section's name is empty";
    }
    if (strlen(key) + strlen("[]") > REGISTRY_LINE_MAX) {
        return "its line would be too long";
    }
    return has_blank_ends(key) ? "the name of a section neither begins nor ends with blanks"
                               : refuse_characters(key);
}

const char *edit_refuse_raw(const char *raw)
{
    if (has_blank_ends(raw)) {
        return "blanks at the ends of a value need quotes around it";
    }
    if (raw[0] == '"' && strchr(raw + 1, '"') == NULL) {
        return "the closing quote is missing";
    }
    return refuse_characters(raw);
}

char *edit_quote(const char *text)
{
    bool needs_quotes = text[0] == '"' || has_blank_ends(text);
    return needs_quotes ? text_format("\"%s\"", text) : copy(text);
}

char *edit_unquote(const char *raw)
{
    size_t size = strlen(raw);
    if (size >= 2 && raw[0] == '"' && raw[size - 1] == '"') {
        return slice_copy((struct slice){raw + 1, size - 2});
    }
    return copy(raw);
}

static d2k_result refuse(struct error *err, const char *what, const char *why)
{
    char safe[160];
    text_escape(safe, sizeof safe, slice_of(what));
    return error_set(err, D2K_ARGUMENT, "\"%s\" cannot be written: %s", safe, why);
}

/* ---- changes ---- */

static struct line *find_value(const struct edit *edit, const char *key, const char *name)
{
    for (struct list *at = edit->lines.next; at != &edit->lines; at = at->next) {
        struct line *line = line_of(at);
        if (line->kind == LINE_VALUE && text_equal_ignoring_case(line->name, name) &&
            text_equal_ignoring_case(line->key, key)) {
            return line;
        }
    }
    return NULL;
}

const char *edit_find(const struct edit *edit, const char *key, const char *name)
{
    const struct line *line = find_value(edit, key, name);
    return line == NULL ? NULL : line->raw;
}

bool edit_has_key(const struct edit *edit, const char *key)
{
    if (*key == '\0') {
        return true;
    }
    for (struct list *at = edit->lines.next; at != &edit->lines; at = at->next) {
        const struct line *line = line_of(at);
        if (line->kind == LINE_SECTION && registry_key_is_below(line->key, key)) {
            return true;
        }
    }
    return false;
}

/* The last value of the section, else its last section line, else NULL. */
static struct line *find_end_of_section(const struct edit *edit, const char *key)
{
    struct line *section = NULL, *value = NULL;
    for (struct list *at = edit->lines.next; at != &edit->lines; at = at->next) {
        struct line *line = line_of(at);
        if (line->kind == LINE_OTHER || !text_equal_ignoring_case(line->key, key)) {
            continue;
        }
        if (line->kind == LINE_VALUE) {
            value = line;
        } else {
            section = line;
        }
    }
    return value != NULL ? value : section;
}

static size_t count_blanks(const char *text)
{
    return strspn(text, " \t");
}

static bool is_empty(const struct line *line)
{
    return line->text[count_blanks(line->text)] == '\0';
}

/* The line that the first value without section goes before: the first section, or the comments
 * right above it. NULL: there is no section. */
static struct line *find_head_end(const struct edit *edit)
{
    struct list *at = edit->lines.next;
    while (at != &edit->lines && line_of(at)->kind != LINE_SECTION) {
        at = at->next;
    }
    if (at == &edit->lines) {
        return NULL;
    }
    while (at->prev != &edit->lines && !is_empty(line_of(at->prev))) {
        at = at->prev;
    }
    return line_of(at);
}

/* Before `place`, NULL: at the end. Only the last line of a file may be without line end. */
static void insert(struct edit *edit, struct line *line, struct line *place)
{
    line->ending = edit->ending;
    list_append(place == NULL ? &edit->lines : &place->link, &line->link);
    if (line->link.prev != &edit->lines) {
        struct line *before = line_of(line->link.prev);
        if (strchr(before->ending, '\n') == NULL) {
            before->ending = edit->ending;
        }
    }
}

static d2k_result insert_empty_line(struct edit *edit, struct line *place, struct error *err)
{
    struct line *line = new_line(LINE_OTHER, copy(""), NULL, NULL, NULL);
    if (line == NULL) {
        return error_no_memory(err);
    }
    insert(edit, line, place);
    return D2K_OK;
}

static d2k_result check_line(const struct edit *edit, const char *text, struct error *err)
{
    if (text == NULL) {
        return error_no_memory(err);
    }
    if (strlen(text) > REGISTRY_LINE_MAX) {
        return error_set(err, D2K_LIMIT, "%s: a line may have %u bytes, this one would have %zu",
                         edit->path, REGISTRY_LINE_MAX, strlen(text));
    }
    return D2K_OK;
}

/* What stands before the value in its line stays as it is. */
static d2k_result change_line(const struct edit *edit, struct line *line, const char *raw,
                              struct error *err)
{
    size_t begin = (size_t)(strchr(line->text, '=') - line->text) + 1;
    size_t blanks = count_blanks(line->text + begin);
    const char *space = blanks == 0 && line->raw[0] == '\0' ? " " : "";
    char *text = text_format("%.*s%s%s", (int)(begin + blanks), line->text, space, raw);
    char *raw_copy = copy(raw);
    d2k_result result = raw_copy == NULL ? error_no_memory(err) : check_line(edit, text, err);
    if (result != D2K_OK) {
        free(text);
        free(raw_copy);
        return result;
    }
    free(line->text);
    free(line->raw);
    line->text = text;
    line->raw = raw_copy;
    return D2K_OK;
}

static d2k_result add_section(struct edit *edit, const char *key, struct error *err)
{
    char *text = text_format("[%s]", key);
    d2k_result result = check_line(edit, text, err);
    if (result != D2K_OK) {
        free(text);
        return result;
    }
    struct line *section = new_line(LINE_SECTION, text, key, NULL, NULL);
    if (section == NULL) {
        return error_no_memory(err);
    }
    if (!list_empty(&edit->lines) && !is_empty(line_of(edit->lines.prev))) {
        result = insert_empty_line(edit, NULL, err);
    }
    if (result != D2K_OK) {
        free_line(section);
        return result;
    }
    insert(edit, section, NULL);
    return D2K_OK;
}

/* Indented as its neighbour is. */
static struct line *make_value(const struct edit *edit, const struct line *neighbour,
                               const char *key, const char *name, const char *raw,
                               struct error *err)
{
    const char *indent = neighbour == NULL ? "" : neighbour->text;
    const char *space = raw[0] == '\0' ? "" : " ";
    char *text = text_format("%.*s%s =%s%s", (int)count_blanks(indent), indent, name, space, raw);
    if (check_line(edit, text, err) != D2K_OK) {
        free(text);
        return NULL;
    }
    struct line *line = new_line(LINE_VALUE, text, key, name, raw);
    if (line == NULL) {
        (void)error_no_memory(err);
    }
    return line;
}

static void insert_after(struct edit *edit, struct line *line, struct line *neighbour)
{
    struct list *next = neighbour->link.next;
    insert(edit, line, next == &edit->lines ? NULL : line_of(next));
}

/* A value of the file's own key, which has no other value yet. */
static d2k_result insert_at_head(struct edit *edit, struct line *line, struct error *err)
{
    struct line *place = find_head_end(edit);
    insert(edit, line, place);
    return place == NULL ? D2K_OK : insert_empty_line(edit, place, err);
}

static d2k_result add_value(struct edit *edit, const char *key, const char *name, const char *raw,
                            struct error *err)
{
    struct line *neighbour = find_end_of_section(edit, key);
    struct line *line =
        make_value(edit, neighbour, neighbour == NULL ? key : neighbour->key, name, raw, err);
    if (line == NULL) {
        return err == NULL ? D2K_NO_MEMORY : err->code;
    }
    if (neighbour == NULL && key[0] == '\0') {
        return insert_at_head(edit, line, err);
    }
    if (neighbour == NULL) {
        d2k_result result = add_section(edit, key, err);
        if (result != D2K_OK) {
            free_line(line);
            return result;
        }
        neighbour = line_of(edit->lines.prev);
    }
    insert_after(edit, line, neighbour);
    return D2K_OK;
}

d2k_result edit_set(struct edit *edit, const char *key, const char *name, const char *raw,
                    struct error *err)
{
    struct error own;
    err = err == NULL ? &own : err;
    if (edit_refuse_key(key) != NULL) {
        return refuse(err, key, edit_refuse_key(key));
    }
    if (edit_refuse_name(name) != NULL) {
        return refuse(err, name, edit_refuse_name(name));
    }
    if (edit_refuse_raw(raw) != NULL) {
        return refuse(err, raw, edit_refuse_raw(raw));
    }
    struct line *line = find_value(edit, key, name);
    return line != NULL ? change_line(edit, line, raw, err) : add_value(edit, key, name, raw, err);
}

d2k_result edit_add_key(struct edit *edit, const char *key, struct error *err)
{
    if (edit_refuse_key(key) != NULL) {
        return refuse(err, key, edit_refuse_key(key));
    }
    return key[0] == '\0' || find_end_of_section(edit, key) != NULL ? D2K_OK
                                                                    : add_section(edit, key, err);
}

bool edit_unset(struct edit *edit, const char *key, const char *name)
{
    struct line *line = find_value(edit, key, name);
    free_line(line);
    return line != NULL;
}

unsigned edit_remove_key(struct edit *edit, const char *key)
{
    unsigned values = 0, sections = 0;
    LIST_EACH(&edit->lines, at, following)
    {
        struct line *line = line_of(at);
        if (line->kind == LINE_OTHER || !registry_key_is_below(line->key, key)) {
            continue;
        }
        values += line->kind == LINE_VALUE;
        sections += line->kind == LINE_SECTION;
        free_line(line);
    }
    return values > 0 ? values : sections;
}

d2k_result edit_text(const struct edit *edit, char **ret_text, size_t *ret_size, struct error *err)
{
    *ret_text = NULL;
    size_t size = edit->has_mark ? strlen(BYTE_ORDER_MARK) : 0;
    for (struct list *at = edit->lines.next; at != &edit->lines; at = at->next) {
        size += strlen(line_of(at)->text) + strlen(line_of(at)->ending);
    }
    if (size > REGISTRY_FILE_MAX) {
        return error_set(err, D2K_LIMIT, "%s: the file would be larger than %u bytes", edit->path,
                         REGISTRY_FILE_MAX);
    }
    struct buffer out;
    buffer_init(&out, size + 1);
    buffer_put(&out, BYTE_ORDER_MARK, edit->has_mark ? strlen(BYTE_ORDER_MARK) : 0);
    for (struct list *at = edit->lines.next; at != &edit->lines; at = at->next) {
        buffer_put(&out, line_of(at)->text, strlen(line_of(at)->text));
        buffer_put(&out, line_of(at)->ending, strlen(line_of(at)->ending));
    }
    buffer_put_u8(&out, 0);
    if (!buffer_failed(&out)) {
        *ret_text = slice_copy((struct slice){(const char *)buffer_data(&out), size});
    }
    buffer_free(&out);
    if (*ret_text == NULL) {
        return error_no_memory(err);
    }
    *ret_size = size;
    return D2K_OK;
}
