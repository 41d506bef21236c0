/* base/error.h: what went wrong, in words for the person who reads the log.
 *
 * The function that fails fills it (error_set) and returns the code; callers on the way up put what
 * they were doing in front (error_wrap): "C:\d2k\server.key line 3: key is encrypted". Not
 * thread-safe: one struct error belongs to one caller. */
#ifndef D2K_BASE_ERROR_H
#define D2K_BASE_ERROR_H

#include <d2k/result.h>

#define ERROR_TEXT_MAX 1024

struct error {
    d2k_result code;
    char text[ERROR_TEXT_MAX]; /* terminated, cut where it would be longer */
};

/* Sets code and text; returns code. `err` may be NULL (only the code is returned). */
d2k_result error_set(struct error *err, d2k_result code, const char *format, ...) D2K_PRINTF(3, 4);

/* Puts "<format>: " in front of the text; returns the unchanged code (D2K_INTERNAL when `err` is
 * NULL: then nothing knows the code). */
d2k_result error_wrap(struct error *err, const char *format, ...) D2K_PRINTF(2, 3);

/* D2K_NO_MEMORY with its text. */
d2k_result error_no_memory(struct error *err);

#endif
