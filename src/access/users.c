/* access/users.c: the file of users, and Argon2id. */
#include "access/users.h"

#include <argon2.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/file.h"
#include "os/system.h"
#include "registry/edit.h"
#include "registry/registry.h"

#define SALT_SIZE   16u
#define HASH_SIZE   32u
#define LANES       1u
#define LANES_MAX   16u
#define FILE_MODE   0640u
#define MODE_OTHERS 0027u /* what must not be set: others at all, write for the group */
#define SHOWN_MAX   80

struct users {
    struct registry_file *file;
};

bool users_is_name(struct slice name)
{
    if (name.size < 1 || name.size > USERS_NAME_MAX || strchr("_-.@", name.data[0]) != NULL) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!plain && (c == '\0' || strchr("_-.@", c) == NULL)) {
            return false;
        }
    }
    return true;
}

/* ---- reading ---- */

static bool is_cost_bearable(const char *hash)
{
    unsigned memory = 0, passes = 0, lanes = 0;
    return sscanf(hash, "$argon2id$v=19$m=%9u,t=%9u,p=%9u$", &memory, &passes, &lanes) == 3 &&
           memory <= USERS_MEMORY_KIB_MAX && passes <= USERS_PASSES_MAX && lanes <= LANES_MAX &&
           strlen(hash) < USERS_HASH_MAX;
}

static d2k_result check_line(const char *path, const struct registry_value *value,
                             struct error *err)
{
    char shown[SHOWN_MAX];
    if (value->key[0] != '\0' || !users_is_name(slice_of(value->name))) {
        return error_set(err, D2K_CONFIG, "%s:%u: \"%s\" is no name of a user", path, value->line,
                         text_escape(shown, sizeof shown, slice_of(value->name)));
    }
    if (!is_cost_bearable(value->text)) {
        return error_set(
            err, D2K_CONFIG,
            "%s:%u: user %s has no Argon2id hash that can be used: give a new password "
            "with d2k-registry user passwd %s",
            path, value->line, value->name, value->name);
    }
    return D2K_OK;
}

static d2k_result check_lines(const struct registry_file *file, struct error *err)
{
    if (file->count > USERS_MAX) {
        return error_set(err, D2K_LIMIT, "%s: more than %u users", file->path, USERS_MAX);
    }
    for (size_t i = 0; i < file->count; i++) {
        d2k_result result = check_line(file->path, &file->values[i], err);
        if (result != D2K_OK) {
            return result;
        }
    }
    return D2K_OK;
}

static d2k_result check_mode(const struct registry_file *file, struct error *err)
{
    if ((file->stamp.mode & MODE_OTHERS) == 0) {
        return D2K_OK;
    }
    return error_set(err, D2K_FILE,
                     "%s: others may read or change it (mode %04o), so it is not used: chmod 640 "
                     "'%s'",
                     file->path, file->stamp.mode, file->path);
}

d2k_result users_read(const char *path, struct users **ret_users, struct error *err)
{
    *ret_users = NULL;
    struct users *users = calloc(1, sizeof *users);
    if (users == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = registry_read(path, &users->file, err);
    if (result == D2K_NOT_FOUND) {
        (void)error_set(err, D2K_NOT_FOUND,
                        "%s: there is no such file, so there are no users: d2k-registry user add "
                        "makes the first",
                        path);
    }
    if (result == D2K_OK) {
        result = check_mode(users->file, err);
    }
    if (result == D2K_OK) {
        result = check_lines(users->file, err);
    }
    if (result != D2K_OK) {
        users_free(users);
        return result;
    }
    *ret_users = users;
    return D2K_OK;
}

void users_free(struct users *users)
{
    if (users != NULL) {
        registry_free(users->file);
        free(users);
    }
}

size_t users_count(const struct users *users)
{
    return users->file->count;
}

const char *users_name(const struct users *users, size_t index)
{
    return users->file->values[index].name;
}

static const struct registry_value *find(const struct users *users, struct slice name)
{
    char text[USERS_NAME_MAX + 1];
    if (!users_is_name(name)) {
        return NULL;
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return registry_find(users->file, "", text);
}

const char *users_find(const struct users *users, struct slice name)
{
    const struct registry_value *value = find(users, name);
    return value == NULL ? NULL : value->name;
}

/* ---- Argon2 ---- */

/* Of no password that anybody knows, and as dear as a new hash. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
_Static_assert(USERS_MEMORY_KIB == 65536 && USERS_PASSES == 3, "the hash of nobody says so");

bool users_verify(const struct users *users, struct slice name, struct slice password)
{
    const struct registry_value *value = find(users, name);
    const char *hash = value != NULL            ? value->text
                       : users->file->count > 0 ? users->file->values[0].text
                                                : nobody;
    bool good = argon2id_verify(hash, password.data, password.size) == ARGON2_OK;
    return good && value != NULL;
}

d2k_result users_hash(struct slice password, char ret_hash[USERS_HASH_MAX], struct error *err)
{
    uint8_t salt[SALT_SIZE];
    if (password.size < USERS_PASSWORD_MIN || password.size > USERS_PASSWORD_MAX ||
        memchr(password.data, '\0', password.size) != NULL) {
        return error_set(err, D2K_ARGUMENT, "a password has %u to %u bytes", USERS_PASSWORD_MIN,
                         USERS_PASSWORD_MAX);
    }
    if (!os_random(salt, sizeof salt)) {
        return error_set(err, D2K_INTERNAL, "the system gives no random bytes");
    }
    int rc =
        argon2id_hash_encoded(USERS_PASSES, USERS_MEMORY_KIB, LANES, password.data, password.size,
                              salt, sizeof salt, HASH_SIZE, ret_hash, USERS_HASH_MAX);
    if (rc == ARGON2_MEMORY_ALLOCATION_ERROR) {
        return error_no_memory(err);
    }
    return rc == ARGON2_OK ? D2K_OK
                           : error_set(err, D2K_INTERNAL, "Argon2: %s", argon2_error_message(rc));
}

/* ---- changing the file ---- */

struct change {
    const char *path, *like;
    const char *name, *hash; /* hash NULL: the user goes */
    bool must_be_new, must_exist;
};

static d2k_result apply(const struct change *change, struct edit *edit, struct error *err)
{
    bool is_there = edit_find(edit, "", change->name) != NULL;
    if (is_there && change->must_be_new) {
        return error_set(err, D2K_EXISTS,
                         "%s: user %s is there already (user passwd changes the "
                         "password)",
                         change->path, change->name);
    }
    if (!is_there && change->must_exist) {
        return error_set(err, D2K_NOT_FOUND, "%s: there is no user %s", change->path, change->name);
    }
    if (change->hash == NULL) {
        (void)edit_unset(edit, "", change->name);
        return D2K_OK;
    }
    return edit_set(edit, "", change->name, change->hash, err);
}

static d2k_result write_file(const struct change *change, const char *text, size_t size,
                             bool is_new, struct error *err)
{
    struct os_file_stamp stamp;
    uint32_t mode = FILE_MODE;
    if (!is_new && os_file_stamp(change->path, &stamp) == 0 && stamp.exists) {
        mode = stamp.mode & ~MODE_OTHERS;
    }
    char *temporary = text_format("%s.new", change->path);
    if (temporary == NULL) {
        return error_no_memory(err);
    }
    int error = os_file_replace(temporary, text, size, mode);
    if (error == 0) {
        /* who may not give it away keeps it: the message of the kernel then says what to do */
        (void)!os_file_take_owner(temporary, is_new ? change->like : change->path);
        error = os_file_rename(temporary, change->path);
    }
    if (error != 0) {
        (void)!os_file_remove(temporary);
        (void)error_set(err, D2K_FILE, "%s: cannot be written: %s", change->path,
                        os_error_text(error));
    }
    free(temporary);
    return error == 0 ? D2K_OK : D2K_FILE;
}

/* The old text; "" for a file that is not there. */
static d2k_result read_text(const char *path, char **ret_text, size_t *ret_size, bool *ret_is_new,
                            struct error *err)
{
    int error = os_file_read(path, REGISTRY_FILE_MAX, ret_text, ret_size, NULL);
    *ret_is_new = error == ENOENT;
    if (error == ENOENT) {
        *ret_text =
            text_format("# Users of d2k and their passwords (Argon2id): d2k-registry user\n");
        *ret_size = *ret_text == NULL ? 0 : strlen(*ret_text);
        return *ret_text == NULL ? error_no_memory(err) : D2K_OK;
    }
    return error == 0 ? D2K_OK
                      : error_set(err, error == EBUSY ? D2K_AGAIN : D2K_FILE, "%s: %s", path,
                                  os_error_text(error));
}

static d2k_result check_room(const struct change *change, const char *text, size_t size,
                             struct error *err)
{
    struct registry_file *file;
    d2k_result result = registry_parse(change->path, text, size, &file, err);
    if (result == D2K_OK) {
        result = check_lines(file, err);
        registry_free(file);
    }
    return result;
}

static d2k_result change_file(const struct change *change, struct error *err)
{
    char *text = NULL, *changed = NULL;
    size_t size = 0;
    bool is_new = false;
    struct edit *edit = NULL;
    if (!users_is_name(slice_of(change->name))) {
        return error_set(err, D2K_ARGUMENT,
                         "\"%.80s\" is no name of a user: 1 to %u letters, digits, '_', '-', '.' "
                         "and '@', a letter or digit first",
                         change->name, USERS_NAME_MAX);
    }
    d2k_result result = read_text(change->path, &text, &size, &is_new, err);
    if (result == D2K_OK) {
        result = edit_open(change->path, text, size, &edit, err);
    }
    if (result == D2K_OK) {
        result = apply(change, edit, err);
    }
    if (result == D2K_OK) {
        result = edit_text(edit, &changed, &size, err);
    }
    if (result == D2K_OK) {
        result = check_room(change, changed, size, err);
    }
    if (result == D2K_OK) {
        result = write_file(change, changed, size, is_new, err);
    }
    edit_free(edit);
    free(text);
    free(changed);
    return result;
}

d2k_result users_store(const char *path, const char *like, const char *name, const char *hash,
                       bool is_new, struct error *err)
{
    struct change change = {.path = path,
                            .like = like,
                            .name = name,
                            .hash = hash,
                            .must_be_new = is_new,
                            .must_exist = !is_new};
    return change_file(&change, err);
}

d2k_result users_remove(const char *path, const char *name, struct error *err)
{
    struct change change = {.path = path, .like = path, .name = name, .must_exist = true};
    return change_file(&change, err);
}
