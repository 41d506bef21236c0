/* registry/secret_file.c: one line, from a file that not everybody may read. */
#include "registry/secret_file.h"

#include <stdlib.h>
#include <string.h>

#include "os/file.h"

#define MODE_OTHERS 0007u

static d2k_result take_line(const char *path, const char *data, char *ret_secret, size_t size,
                            struct error *err)
{
    size_t length = strcspn(data, "\r\n");
    if (length == 0 || length >= size) {
        return error_set(err, D2K_FILE, "%s: its first line is %s", path,
                         length == 0 ? "empty: no password" : "too long for a password");
    }
    memcpy(ret_secret, data, length);
    ret_secret[length] = '\0';
    return D2K_OK;
}

d2k_result secret_file_read(const char *path, char *ret_secret, size_t size, struct error *err)
{
    char *data = NULL;
    size_t data_size = 0;
    struct os_file_stamp stamp;
    int error = os_file_read(path, SECRET_FILE_MAX, &data, &data_size, &stamp);
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s: cannot be read: %s", path, os_error_text(error));
    }
    d2k_result result = D2K_OK;
    if ((stamp.mode & MODE_OTHERS) != 0) {
        result = error_set(err, D2K_FILE,
                           "%s: everybody may read it (mode %04o), so its password is not used: "
                           "chmod 600 '%s'",
                           path, stamp.mode, path);
    } else {
        result = take_line(path, data, ret_secret, size, err);
    }
    explicit_bzero(data, data_size);
    free(data);
    return result;
}
