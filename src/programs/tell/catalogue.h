/* programs/tell/catalogue.h: what the kernel has told about objects: definitions, and values where
 * a command asked for them. Memory is bounded. */
#ifndef D2K_TELL_CATALOGUE_H
#define D2K_TELL_CATALOGUE_H

#include <d2k/client.h>

#include "base/map.h"

struct catalogue_object {
    char *name, *unit, *owner, *description; /* never NULL */
    char *columns; /* as definition_put_columns() has them; NULL: it has none */
    uint32_t hobj;
    d2k_type type;
    d2k_value value; /* of D2K_TYPE_NONE until one has come */
    char *text;      /* the newest text value, text_size bytes, or NULL */
    size_t text_size;
};

struct catalogue {
    struct map by_name;
    size_t bytes, max_bytes; /* of text kept */
};

/* False: the system has no random numbers. */
bool catalogue_init(struct catalogue *catalogue, size_t max_bytes)
    __attribute__((warn_unused_result));
/* Of zeroed or initialised objects. */
void catalogue_free(struct catalogue *catalogue);

/* NULL when it is not known. */
struct catalogue_object *catalogue_find(const struct catalogue *catalogue, const char *name);

/* Adds an object or replaces what is known of it, except its value. Members of `info` may be NULL.
 * NULL: out of memory or over max_bytes. */
struct catalogue_object *catalogue_define(struct catalogue *catalogue, const d2k_object_info *info);

/* Copies the value; an object that is not known yet is added. False: out of memory or over
 * max_bytes. */
bool catalogue_set_value(struct catalogue *catalogue, const d2k_object_info *info,
                         const d2k_value *value) __attribute__((warn_unused_result));

/* All of them by name, malloc'ed, the caller's; *ret_count of them. NULL: out of memory. */
struct catalogue_object **catalogue_sorted(const struct catalogue *catalogue, size_t *ret_count);

#endif
