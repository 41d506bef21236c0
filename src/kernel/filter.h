/* kernel/filter.h: which of the objects that a pattern matches are listed: by type, owner, quality
 * of the value, kind and path. */
#ifndef D2K_KERNEL_FILTER_H
#define D2K_KERNEL_FILTER_H

#include "base/cursor.h"
#include "base/error.h"
#include "model/plant.h"
#include "wire/message.h"

/* A pattern of its own memory. */
struct filter_pattern {
    bool given;
    uint8_t size;
    char text[WIRE_PATTERN_MAX];
};

/* All zero: every object passes. */
struct filter {
    uint8_t type; /* D2K_TYPE_NONE: any */
    uint8_t quality;
    bool has_kind;
    uint8_t kind;
    struct filter_pattern owner, path;
};

/* Reads a list of properties; everything is copied. D2K_ARGUMENT: it is malformed; err says how. */
d2k_result filter_take(struct slice list, struct filter *ret_filter,
                       struct error *err) D2K_MUST_CHECK;
/* Whether the object, as it is now, fits all that is said. */
bool filter_passes(const struct filter *filter, const struct object *object);

#endif
