/* base/error.c: texts of errors, put together on the way up. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

d2k_result error_set(struct error *err, d2k_result code, const char *format, ...)
{
    if (err == NULL) {
        return code;
    }
    /* The text that is there may be an argument of the new one. */
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) {
        text[0] = '\0';
    }
    va_end(arguments);
    err->code = code;
    (void)text_copy(err->text, sizeof err->text, text);
    return code;
}

d2k_result error_wrap(struct error *err, const char *format, ...)
{
    if (err == NULL) {
        return D2K_INTERNAL;
    }
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : (size_t)length;
    if (used >= sizeof text) {
        used = sizeof text - 1;
    }
    size_t separator = text_copy(text + used, sizeof text - used, ": ");
    used = used + separator < sizeof text ? used + separator : sizeof text - 1;
    (void)text_copy(text + used, sizeof text - used, err->text);
    memcpy(err->text, text, sizeof err->text);
    return err->code;
}

d2k_result error_no_memory(struct error *err)
{
    return error_set(err, D2K_NO_MEMORY, "%s", d2k_result_text(D2K_NO_MEMORY));
}
