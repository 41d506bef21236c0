/* registry/secret_file.h: a password in a file, so that it stands on no command line. Any thread.
 */
#ifndef D2K_REGISTRY_SECRET_FILE_H
#define D2K_REGISTRY_SECRET_FILE_H

#include <stddef.h>

#include "base/error.h"

#define SECRET_FILE_MAX 4096u /* bytes of the file */

/* The first line of the file without its end. D2K_FILE: it cannot be read, or others than its owner
 * and his group may read it, or the line is empty or does not fit into `size`, terminated. The
 * caller wipes ret_secret. */
d2k_result secret_file_read(const char *path, char *ret_secret, size_t size,
                            struct error *err) D2K_MUST_CHECK;

#endif
