/* Unit tests of registry/reg_file.h: forms, encodings, escapes, types, limits, errors with their
 * line. */
#include "temporary_directory.h"

#include "registry/reg_file.h"

#define HEADER "Windows Registry Editor Version 5.00\r\n"
#define KEY    HEADER "[HKLM\\K]\r\n"

static struct reg_file *parse_bytes(const void *bytes, size_t size)
{
    struct reg_file *file;
    struct error err = {0};
    if (reg_file_parse("f.reg", bytes, size, &file, &err) != D2K_OK) {
        fail_msg("not parsed: %s", err.text);
    }
    return file;
}

static struct reg_file *parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void assert_refused_bytes(const void *bytes, size_t size, d2k_result code, const char *words)
{
    struct reg_file *file = (struct reg_file *)&file;
    struct error err = {0};
    assert_int_equal(reg_file_parse("f.reg", bytes, size, &file, &err), code);
    assert_null(file);
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, err.text);
    }
}

static void assert_refused(const char *text, const char *words)
{
    assert_refused_bytes(text, strlen(text), D2K_CONFIG, words);
}

static void assert_value(const struct reg_file *file, size_t index, const char *name,
                         const char *text, const char *type)
{
    assert_true(index < file->count);
    const struct reg_entry *entry = &file->entries[index];
    assert_int_equal(entry->kind, REG_VALUE);
    assert_string_equal(entry->name, name);
    assert_string_equal(entry->type, type);
    if (text == NULL) {
        assert_null(entry->text);
        assert_non_null(entry->no_text);
    } else {
        assert_string_equal(entry->text, text);
    }
}

/* The data after `"n"=`, alone in a file. */
static void assert_data(const char *data, const char *text, const char *type)
{
    char whole[512];
    snprintf(whole, sizeof whole, KEY "\"n\"=%s\r\n", data);
    struct reg_file *file = parse(whole);
    assert_int_equal(file->count, 2);
    assert_value(file, 1, "n", text, type);
    reg_file_free(file);
}

static void keys_values_and_deletions_in_order(void **state)
{
    (void)state;
    struct reg_file *file = parse(HEADER "\r\n; c\r\n[HKLM\\A]\r\n@=\"d\"\r\n\"x\" = \"1\" ; c\r\n"
                                         "\"y\"=-\r\n\"@\"=\"z\"\n\n  [-HKLM\\B]\n[HKLM\\a]b]");
    assert_int_equal(file->count, 7);
    assert_int_equal(file->entries[0].kind, REG_KEY);
    assert_string_equal(file->entries[0].key, "HKLM\\A");
    assert_int_equal(file->entries[0].line, 4);
    assert_value(file, 1, "@", "d", "REG_SZ");
    assert_true(file->entries[1].is_default);
    assert_value(file, 2, "x", "1", "REG_SZ");
    assert_int_equal(file->entries[3].kind, REG_VALUE_DELETED);
    assert_string_equal(file->entries[3].key, "HKLM\\A");
    assert_false(file->entries[4].is_default);
    assert_int_equal(file->entries[5].kind, REG_KEY_DELETED);
    assert_int_equal(file->entries[5].line, 10);
    assert_string_equal(file->entries[6].key, "HKLM\\a]b");
    reg_file_free(file);
}

static void escapes_are_taken_off(void **state)
{
    (void)state;
    assert_data("\"c:\\\\new\\\\table\\\\\"", "c:\\new\\table\\", "REG_SZ");
    assert_data("\"a \\\"b\\\" c\"", "a \"b\" c", "REG_SZ");
    assert_data("\"a\\r\\nb\"", "a\r\nb", "REG_SZ");
    assert_data("\"\"", "", "REG_SZ");
    assert_data("\"; [x] # =\"", "; [x] # =", "REG_SZ");
    struct reg_file *file = parse(KEY "\"a\\\\b\\\"c\"=\"\"\r\n");
    assert_value(file, 1, "a\\b\"c", "", "REG_SZ");
    reg_file_free(file);
}

static void a_text_may_go_over_lines(void **state)
{
    (void)state;
    struct reg_file *file = parse(KEY "\"a\"=\"b\r\nc\"\r\n\"d\"=\"e\"\r\n");
    assert_value(file, 1, "a", "b\r\nc", "REG_SZ");
    assert_int_equal(file->entries[1].line, 3);
    assert_int_equal(file->entries[2].line, 5);
    reg_file_free(file);
}

static void numbers_are_decimal(void **state)
{
    (void)state;
    assert_data("dword:000001F4", "500", "REG_DWORD");
    assert_data("dword:ffffffff", "4294967295", "REG_DWORD");
    assert_data("dword:0", "0", "REG_DWORD");
    assert_data("hex(4):f4,01,00,00", "500", "REG_DWORD");
    assert_data("hex(5):00,00,01,f4", "500", "REG_DWORD_BIG_ENDIAN");
    assert_data("hex(b):ff,ff,ff,ff,ff,ff,ff,ff", "18446744073709551615", "REG_QWORD");
    assert_data("hex(4):f4,01", NULL, "REG_DWORD");
}

static void texts_in_hexadecimal(void **state)
{
    (void)state;
    assert_data("hex(2):25,00,41,00,25,00,00,00", "%A%", "REG_EXPAND_SZ");
    assert_data("hex(2):25,00,\\\r\n  41,00,\\ \r\n\t25,00,00,00", "%A%", "REG_EXPAND_SZ");
    assert_data("hex(2):61,0", "a", "REG_EXPAND_SZ");
    assert_data("hex(1):3d,d8,12,dd", "\xf0\x9f\x94\x92", "REG_SZ");
    assert_data("hex(2):", "", "REG_EXPAND_SZ");
    assert_data("hex(2):00,00", "", "REG_EXPAND_SZ");
    assert_data("hex(7):61,00,00,00,62,00,00,00,00,00", "a;b", "REG_MULTI_SZ");
    assert_data("hex(7):61,00", "a", "REG_MULTI_SZ");
    assert_data("hex(7):00,00", "", "REG_MULTI_SZ");
    assert_data("hex(7):61,00,3b,00,00,00,62,00,00,00,00,00", "\"a;\";b", "REG_MULTI_SZ");
}

static void what_is_no_text_says_why(void **state)
{
    (void)state;
    assert_data("hex:01,02", NULL, "REG_BINARY");
    assert_data("hex(0):", NULL, "REG_NONE");
    assert_data("hex(3):01", NULL, "REG_BINARY");
    assert_data("hex(ffff0011):01", NULL, "an unknown type");
    assert_data("hex(2):61,00,62", NULL, "REG_EXPAND_SZ");
    assert_data("hex(1):00,d8", NULL, "REG_SZ");
    assert_data("hex(1):00,dc,00,d8", NULL, "REG_SZ");
    assert_data("hex(1):61,00,00,00,62,00,00,00", NULL, "REG_SZ");
}

static void every_encoding_reads_the_same(void **state)
{
    (void)state;
    const char *text = KEY "\"\xc5\xbe\"=\"\xe2\x82\xac \xf0\x9f\x94\x92\"\r\n";
    struct buffer wide;
    buffer_init(&wide, 4096);
    buffer_put_u16(&wide, 0xfeff);
    reg_text_to_utf16(text, strlen(text), &wide);
    char marked[512];
    int size = snprintf(marked, sizeof marked, "\xef\xbb\xbf%s", text);
    const struct {
        const void *bytes;
        size_t size;
    } forms[] = {{text, strlen(text)},
                 {marked, (size_t)size},
                 {buffer_data(&wide), buffer_size(&wide)},
                 {buffer_data(&wide) + 2, buffer_size(&wide) - 2}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct reg_file *file = parse_bytes(forms[i].bytes, forms[i].size);
        assert_value(file, 1, "\xc5\xbe", "\xe2\x82\xac \xf0\x9f\x94\x92", "REG_SZ");
        assert_false(file->is_latin1);
        reg_file_free(file);
    }
    buffer_free(&wide);
}

static void version_4_is_narrow(void **state)
{
    (void)state;
    struct reg_file *file = parse("REGEDIT4\n[K]\n\"e\"=hex(2):25,c3,a9,00\n"
                                  "\"m\"=hex(7):61,00,62,00,00\n");
    assert_value(file, 1, "e", "%\xc3\xa9", "REG_EXPAND_SZ");
    assert_value(file, 2, "m", "a;b", "REG_MULTI_SZ");
    assert_false(file->is_latin1);
    reg_file_free(file);
    file = parse("REGEDIT4\n[K]\n\"\xed\"=\"\xe1\"\n\"e\"=hex(2):e9,00\n");
    assert_value(file, 1, "\xc3\xad", "\xc3\xa1", "REG_SZ");
    assert_value(file, 2, "e", "\xc3\xa9", "REG_EXPAND_SZ");
    assert_true(file->is_latin1);
    reg_file_free(file);
    file = parse("REGEDIT4\n[K]\n\"e\"=hex(2):e9,00\n");
    assert_value(file, 1, "e", "\xc3\xa9", "REG_EXPAND_SZ");
    assert_true(file->is_latin1);
    reg_file_free(file);
}

static void encodings_that_are_refused(void **state)
{
    (void)state;
    assert_refused_bytes("\xfe\xff\0R", 4, D2K_CONFIG, "other order");
    assert_refused_bytes("\xff\xfe"
                         "a\0b",
                         5, D2K_CONFIG, "not valid UTF-16");
    assert_refused_bytes("\xff\xfe\0\0", 4, D2K_CONFIG, "NUL");
    assert_refused("\xef\xbb\xbf\xff", "not valid UTF-8");
    assert_refused("REGEDIT4\n[K]\n\"a\"=\"\x9a\"\n", "neither UTF-16, UTF-8 nor Latin-1");
    assert_refused_bytes("REGEDIT4\n[K\0]\n", 14, D2K_CONFIG, "no text");
}

static void errors_name_their_line(void **state)
{
    (void)state;
    assert_refused("", "f.reg:1: the first line must be");
    assert_refused("Windows Registry Editor Version 6.00\n", "f.reg:1:");
    assert_refused("REGEDIT\n", "f.reg:1:");
    assert_refused("REGEDIT4 x\n", "nothing may follow");
    assert_refused(HEADER "\"a\"=\"b\"\r\n", "f.reg:2: a value needs a key");
    assert_refused(HEADER "[-K]\r\n\"a\"=\"b\"\r\n", "f.reg:3: a value needs a key");
    assert_refused(HEADER "[K\r\n", "f.reg:2: a key must end with ']'");
    assert_refused(HEADER "[]\r\n", "the key is empty");
    assert_refused(HEADER "[-]\r\n", "the key is empty");
    assert_refused(HEADER "[K] x\r\n", "nothing but a comment");
    assert_refused(KEY "words\r\n", "f.reg:3: this is neither");
    assert_refused(KEY "\"a\"\r\n", "f.reg:3: a '=' must follow");
    assert_refused(KEY "\"a\"=b\r\n", "f.reg:3: this is not");
    assert_refused(KEY "\"a\"=\"b\" c\r\n", "f.reg:3: nothing but a comment");
    assert_refused(KEY "\r\n\"a\"=\"C:\\temp\"\r\n", "f.reg:4: unknown escape");
    assert_refused(KEY "\"a\"=\"b\r\n\"c\"=\"d\"\r\n", "f.reg:4: nothing but a comment");
    assert_refused(KEY "\"a\"=\"b\r\n\r\n", "f.reg:3: the closing quote is missing");
    assert_refused(KEY "\"a\"=\"b\\", "unknown escape");
    assert_refused(KEY "\"a\"=dword:\r\n", "f.reg:3: a dword");
    assert_refused(KEY "\"a\"=dword:123456789\r\n", "a dword");
    assert_refused(KEY "\"a\"=dword:12x\r\n", "nothing but a comment");
    assert_refused(KEY "\"a\"=hex\r\n", "a ':' must follow");
    assert_refused(KEY "\"a\"=hex():\r\n", "the type of a hex value");
    assert_refused(KEY "\"a\"=hex(123456789):\r\n", "the type of a hex value");
    assert_refused(KEY "\"a\"=hex:1,\r\n", "a byte in hexadecimal is missing");
    assert_refused(KEY "\"a\"=hex:123\r\n", "nothing but a comment");
    assert_refused(KEY "\"a\"=hex:1,\\\r\n  2,\\ x\r\n", "f.reg:4: a line that goes on");
    assert_refused(KEY "\"a\"=hex:1,\\", "a line that goes on");
}

static void the_number_of_entries_has_a_limit(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, REG_FILE_MAX);
    buffer_put(&text, KEY, strlen(KEY));
    for (unsigned i = 1; i < REG_ENTRIES_MAX; i++) {
        buffer_put(&text, "@=-\n", 4);
    }
    struct reg_file *file = parse_bytes(buffer_data(&text), buffer_size(&text));
    assert_int_equal(file->count, REG_ENTRIES_MAX);
    reg_file_free(file);
    buffer_put(&text, "@=-\n", 4);
    assert_refused_bytes(buffer_data(&text), buffer_size(&text), D2K_LIMIT, "more than 100000");
    buffer_free(&text);
}

static void the_size_has_a_limit(void **state)
{
    (void)state;
    char *text = malloc(REG_FILE_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', REG_FILE_MAX + 1);
    memcpy(text, HEADER, strlen(HEADER));
    reg_file_free(parse_bytes(text, REG_FILE_MAX));
    assert_refused_bytes(text, REG_FILE_MAX + 1, D2K_LIMIT, "larger than 16777216 bytes");
    free(text);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct buffer text, wide;
    buffer_init(&text, 4096);
    buffer_init(&wide, 4096);
    reg_write_header(&text);
    reg_write_key(&text, "HKLM\\K");
    reg_write_value(&text, "@", "d");
    reg_write_value(&text, "q\"\\", "\xf0\x9f\x94\x92 \\\"; ");
    buffer_put_u16(&wide, 0xfeff);
    reg_text_to_utf16((const char *)buffer_data(&text), buffer_size(&text), &wide);
    struct reg_file *file = parse_bytes(buffer_data(&wide), buffer_size(&wide));
    assert_int_equal(file->count, 3);
    assert_string_equal(file->entries[0].key, "HKLM\\K");
    assert_value(file, 1, "@", "d", "REG_SZ");
    assert_value(file, 2, "q\"\\", "\xf0\x9f\x94\x92 \\\"; ", "REG_SZ");
    reg_file_free(file);
    buffer_free(&text);
    buffer_free(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_values_and_deletions_in_order),
        cmocka_unit_test(escapes_are_taken_off),
        cmocka_unit_test(a_text_may_go_over_lines),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(texts_in_hexadecimal),
        cmocka_unit_test(what_is_no_text_says_why),
        cmocka_unit_test(every_encoding_reads_the_same),
        cmocka_unit_test(version_4_is_narrow),
        cmocka_unit_test(encodings_that_are_refused),
        cmocka_unit_test(errors_name_their_line),
        cmocka_unit_test(the_number_of_entries_has_a_limit),
        cmocka_unit_test(the_size_has_a_limit),
        cmocka_unit_test(what_is_written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
