/* base/json_read.c: the reader of JSON. */
#include "base/json_read.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

d2k_result json_expected(const struct json_reader *r, const char *what)
{
    char shown[32];
    struct slice found = {r->at, strnlen(r->at, 1)};
    bool at_end = found.size == 0;
    return error_set(r->err, D2K_ARGUMENT, "character %zu: expected %s, found %s%s%s",
                     (size_t)(r->at - r->begin) + 1, what, at_end ? "the end" : "'",
                     text_escape(shown, sizeof shown, found), at_end ? "" : "'");
}

char json_peek(struct json_reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
    return *r->at;
}

bool json_take(struct json_reader *r, char c)
{
    bool there = json_peek(r) == c;
    r->at += there ? 1 : 0;
    return there;
}

bool json_take_word(struct json_reader *r, const char *word)
{
    size_t size = strlen(word);
    (void)json_peek(r);
    bool there = strncmp(r->at, word, size) == 0;
    r->at += there ? size : 0;
    return there;
}

/* ---- texts ---- */

static bool take_hex(struct json_reader *r, uint32_t *ret)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    *ret = 0;
    for (unsigned i = 0; i < 4; i++) {
        const char *digit = *r->at != '\0' ? strchr(digits, *r->at) : NULL;
        if (digit == NULL) {
            return false;
        }
        uint32_t value = (uint32_t)(digit - digits);
        *ret = *ret << 4 | (value < 16 ? value : value - 6);
        r->at++;
    }
    return true;
}

static void put_character(struct json_reader *r, uint32_t code)
{
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    char *at = r->texts + r->texts_size;
    at[0] = (char)(lead[more] | code >> (6 * more));
    for (unsigned i = 1; i <= more; i++) {
        at[i] = (char)(0x80 | (code >> (6 * (more - i)) & 0x3f));
    }
    r->texts_size += more + 1;
}

/* Behind "\u": one character, of four digits or of two times four. */
static bool take_code(struct json_reader *r)
{
    uint32_t code, second;
    if (!take_hex(r, &code) || (code >= 0xdc00 && code <= 0xdfff)) {
        return false;
    }
    if (code >= 0xd800 && code < 0xdc00) {
        if (strncmp(r->at, "\\u", 2) != 0) {
            return false;
        }
        r->at += 2;
        if (!take_hex(r, &second) || second < 0xdc00 || second > 0xdfff) {
            return false;
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
    }
    put_character(r, code);
    return true;
}

/* Behind a '\'. */
static bool take_escape(struct json_reader *r)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (*r->at == 'u') {
        r->at++;
        return take_code(r);
    }
    const char *escape = *r->at != '\0' ? strchr(escapes, *r->at) : NULL;
    if (escape == NULL) {
        return false;
    }
    r->at++;
    r->texts[r->texts_size++] = meant[escape - escapes];
    return true;
}

d2k_result json_take_text(struct json_reader *r, struct slice *ret_text)
{
    size_t begin = r->texts_size;
    if (!json_take(r, '"')) {
        return json_expected(r, "a text in '\"'");
    }
    while (*r->at != '"') {
        if ((unsigned char)*r->at < 0x20) {
            return json_expected(r, "'\"' behind the text");
        }
        char c = *r->at++;
        if (c != '\\') {
            r->texts[r->texts_size++] = c;
        } else if (!take_escape(r)) {
            return json_expected(r, "an escape of JSON");
        }
    }
    r->at++;
    *ret_text = (struct slice){r->texts + begin, r->texts_size - begin};
    return D2K_OK;
}

d2k_result json_take_number(struct json_reader *r, char ret_number[JSON_NUMBER_MAX])
{
    bool is_number = json_peek(r) == '-' || (*r->at >= '0' && *r->at <= '9');
    size_t size = is_number ? strspn(r->at, "+-.0123456789eE") : 0;
    if (size == 0 || size >= JSON_NUMBER_MAX) {
        return json_expected(r, size == 0 ? "a number" : "a number of less than 64 characters");
    }
    memcpy(ret_number, r->at, size);
    ret_number[size] = '\0';
    r->at += size;
    return D2K_OK;
}
