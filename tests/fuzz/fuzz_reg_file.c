/* fuzz_reg_file.c: any bytes as a file of the Windows registry editor: reg_file_parse(). What was
 * read keeps the promises of its header, and is read again as it was after it was written
 * (reg_write_...(), reg_text_to_utf16()); what of it can stand in a configuration is set in one
 * (edit_set()) and found there. */
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "registry/edit.h"
#include "registry/reg_file.h"

static void check_entry(const struct reg_entry *entry)
{
    bool is_value = entry->kind == REG_VALUE || entry->kind == REG_VALUE_DELETED;
    fuzz_expect(entry->line > 0 && entry->key != NULL && entry->key[0] != '\0');
    fuzz_expect((entry->name != NULL) == is_value);
    fuzz_expect(text_is_utf8(slice_of(entry->key)));
    if (entry->kind == REG_VALUE) {
        fuzz_expect((entry->text == NULL) != (entry->no_text == NULL));
        fuzz_expect(entry->type != NULL);
        fuzz_expect(entry->text == NULL || text_is_utf8(slice_of(entry->text)));
    }
}

/* Writes every text; whether it can be told from others is the caller's to look at. */
static void write_again(const struct reg_file *file, struct buffer *wide)
{
    struct buffer text;
    buffer_init(&text, REG_FILE_MAX);
    reg_write_header(&text);
    for (size_t i = 0; i < file->count; i++) {
        const struct reg_entry *entry = &file->entries[i];
        if (entry->kind == REG_KEY) {
            reg_write_key(&text, entry->key);
        } else if (entry->kind == REG_VALUE && entry->text != NULL) {
            reg_write_value(&text, entry->name, entry->text);
        }
    }
    fuzz_expect(!buffer_failed(&text));
    buffer_put_u16(wide, 0xfeff);
    reg_text_to_utf16((const char *)buffer_data(&text), buffer_size(&text), wide);
    buffer_free(&text);
}

static void compare(const struct reg_file *file, const struct reg_file *again)
{
    size_t k = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct reg_entry *entry = &file->entries[i];
        if (entry->kind == REG_KEY || (entry->kind == REG_VALUE && entry->text != NULL)) {
            fuzz_expect(k < again->count);
            const struct reg_entry *other = &again->entries[k++];
            fuzz_expect(other->kind == entry->kind && strcmp(other->key, entry->key) == 0);
            fuzz_expect(entry->kind == REG_KEY || (strcmp(other->name, entry->name) == 0 &&
                                                   strcmp(other->text, entry->text) == 0));
        }
    }
    fuzz_expect(k == again->count);
}

static bool can_be_written_plainly(const struct reg_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct reg_entry *entry = &file->entries[i];
        if (strpbrk(entry->key, "\r\n") != NULL || file->count > 1000 ||
            entry->kind == REG_KEY_DELETED || entry->key[0] == '-') {
            return false;
        }
    }
    return true;
}

static void check_round_trip(const struct reg_file *file)
{
    if (!can_be_written_plainly(file)) {
        return;
    }
    struct buffer wide;
    struct reg_file *again = NULL;
    struct error err;
    buffer_init(&wide, 2 * (size_t)REG_FILE_MAX);
    write_again(file, &wide);
    if (buffer_size(&wide) <= REG_FILE_MAX) {
        d2k_result rc =
            reg_file_parse("again.reg", buffer_data(&wide), buffer_size(&wide), &again, &err);
        fuzz_expect(rc == D2K_OK);
        compare(file, again);
        reg_file_free(again);
    }
    buffer_free(&wide);
}

static void check_edit(const struct reg_file *file)
{
    struct edit *edit = NULL;
    struct error err;
    fuzz_expect(edit_open("fuzz.conf", "# text\n[Section]\nA = 1\n", 23, &edit, &err) == D2K_OK);
    for (size_t i = 0; i < file->count && i < 200; i++) {
        const struct reg_entry *entry = &file->entries[i];
        if (entry->kind != REG_VALUE || entry->text == NULL) {
            continue;
        }
        char *raw = edit_quote(entry->text);
        fuzz_expect(raw != NULL);
        if (edit_set(edit, entry->key, entry->name, raw, &err) == D2K_OK) {
            char *text = edit_unquote(edit_find(edit, entry->key, entry->name));
            fuzz_expect(text != NULL && strcmp(text, entry->text) == 0);
            free(text);
        }
        free(raw);
    }
    char *text = NULL;
    size_t size;
    if (edit_text(edit, &text, &size, &err) == D2K_OK) {
        struct edit *again = NULL;
        fuzz_expect(edit_open("again.conf", text, size, &again, &err) == D2K_OK);
        edit_free(again);
        free(text);
    }
    edit_free(edit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reg_file *file = NULL;
    struct error err;
    if (reg_file_parse("fuzz.reg", data, size, &file, &err) != D2K_OK) {
        fuzz_expect(err.text[0] != '\0' && file == NULL);
        return 0;
    }
    for (size_t i = 0; i < file->count; i++) {
        check_entry(&file->entries[i]);
    }
    check_round_trip(file);
    check_edit(file);
    reg_file_free(file);
    return 0;
}
