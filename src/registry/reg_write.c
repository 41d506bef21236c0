/* registry/reg_file.h: keys and values as the registry editor writes them. */
#include <string.h>

#include "registry/reg_file.h"

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, text, strlen(text));
}

static void put_quoted(struct buffer *out, const char *text)
{
    buffer_put_u8(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            buffer_put_u8(out, '\\');
        }
        buffer_put_u8(out, (uint8_t)*text);
    }
    buffer_put_u8(out, '"');
}

void reg_write_header(struct buffer *out)
{
    put_text(out, "Windows Registry Editor Version 5.00\r\n");
}

void reg_write_key(struct buffer *out, const char *key)
{
    put_text(out, "\r\n[");
    put_text(out, key);
    put_text(out, "]\r\n");
}

void reg_write_value(struct buffer *out, const char *name, const char *text)
{
    if (strcmp(name, REG_DEFAULT_NAME) == 0) {
        put_text(out, REG_DEFAULT_NAME);
    } else {
        put_quoted(out, name);
    }
    buffer_put_u8(out, '=');
    put_quoted(out, text);
    put_text(out, "\r\n");
}
