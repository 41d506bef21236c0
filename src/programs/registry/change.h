/* programs/registry/change.h: the commands set and unset, and how one value is changed. */
#ifndef D2K_PROGRAMS_REGISTRY_CHANGE_H
#define D2K_PROGRAMS_REGISTRY_CHANGE_H

#include "programs/registry/options.h"
#include "programs/registry/transaction.h"
#include "registry/settings.h"

/* Both return the exit code. */
int change_set(const struct options *options, const struct registry_location *location);
int change_unset(const struct options *options, const struct registry_location *location);

/* The row of the table for a value in this file, or NULL. */
const struct setting *change_setting(const struct transaction_file *file, const char *key,
                                     const char *name);

/* Sets a value, text NULL: takes it out; reports old and new. *ret_changed false: it was so before.
 * Errors as edit_set(). */
d2k_result change_value(struct transaction *t, struct transaction_file *file, const char *key,
                        const char *name, const char *text, bool *ret_changed,
                        struct error *err) D2K_MUST_CHECK;

#endif
