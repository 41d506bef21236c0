/* access/users.h: users and their passwords in a file: one line a user, in the form of every
 * configuration file of d2k, with the encoded Argon2id hash as the value:
 *
 *     jana = $argon2id$v=19$m=65536,t=3,p=1$<salt>$<hash>
 *
 * Case of names is ignored. Only the owner of the file (and its group) may read it. Any thread;
 * hashing and verifying take tens of milliseconds: never on the plant thread. */
#ifndef D2K_ACCESS_USERS_H
#define D2K_ACCESS_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "base/error.h"

/* Limits; tested at the limit and one past it. */
#define USERS_MAX          1000u
#define USERS_NAME_MAX     64u  /* bytes */
#define USERS_PASSWORD_MAX 256u /* bytes */
#define USERS_PASSWORD_MIN 8u   /* bytes of a new password */

/* Cost of a new hash (RFC 9106, section 4, the second recommended choice, on one thread). */
#define USERS_MEMORY_KIB 65536u
#define USERS_PASSES     3u
/* A line that asks for more is refused: it would stop every logon. */
#define USERS_MEMORY_KIB_MAX 1048576u
#define USERS_PASSES_MAX     100u

#define USERS_HASH_MAX 256u /* bytes of an encoded hash with its terminator */

struct users;

/* D2K_NOT_FOUND (no such file), D2K_FILE (cannot be read, or others may read it), D2K_CONFIG (a
 * line is wrong: "file:line: ..."), D2K_AGAIN (it changed while it was read), D2K_LIMIT,
 * D2K_NO_MEMORY. Free with users_free(). */
d2k_result users_read(const char *path, struct users **ret_users, struct error *err) D2K_MUST_CHECK;
void users_free(struct users *users); /* NULL is allowed */

size_t users_count(const struct users *users);
/* Names in the order of the file. */
const char *users_name(const struct users *users, size_t index);
/* The name as the file spells it, or NULL. */
const char *users_find(const struct users *users, struct slice name);

/* Whether this is the password of this user. Takes as long for a name that is not there. */
bool users_verify(const struct users *users, struct slice name,
                  struct slice password) D2K_MUST_CHECK;

/* 1..USERS_NAME_MAX letters, digits, '_', '-', '.', '@', a letter or digit first. */
bool users_is_name(struct slice name);

/* Encoded hash with a new random salt. D2K_ARGUMENT (too short, too long, a NUL), D2K_NO_MEMORY,
 * D2K_INTERNAL. */
d2k_result users_hash(struct slice password, char ret_hash[USERS_HASH_MAX],
                      struct error *err) D2K_MUST_CHECK;

/* Puts a user with this hash into the file, which is made if it is not there (mode 0640, owner and
 * group as `like`). D2K_EXISTS (`is_new` and the user is there), D2K_NOT_FOUND (not `is_new` and he
 * is not), D2K_ARGUMENT (no name), D2K_LIMIT, and as users_read(). */
d2k_result users_store(const char *path, const char *like, const char *name, const char *hash,
                       bool is_new, struct error *err) D2K_MUST_CHECK;
/* D2K_NOT_FOUND, and as users_read(). */
d2k_result users_remove(const char *path, const char *name, struct error *err) D2K_MUST_CHECK;

#endif
