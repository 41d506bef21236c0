/* os/terminal.h: a secret from the person at the terminal. */
#ifndef D2K_OS_TERMINAL_H
#define D2K_OS_TERMINAL_H

#include <stddef.h>

#include <d2k/result.h>

/* Writes `prompt` on the terminal of this process and reads one line without showing it, terminated
 * and without its end. Ctrl-C and Ctrl-D give it up (EINTR), Ctrl-U and backspace correct it.
 * ENXIO, ENOTTY: there is no terminal; E2BIG: longer than size - 1. The caller wipes ret_secret. */
int os_read_secret(const char *prompt, char *ret_secret, size_t size) D2K_MUST_CHECK;

#endif
