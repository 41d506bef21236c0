/* programs/tell/filter.h: the options of `list` that say which objects are wanted. */
#ifndef D2K_TELL_FILTER_H
#define D2K_TELL_FILTER_H

#include <d2k/client.h>

#include "base/error.h"

/* NULL: not given; borrowed. */
struct filter_texts {
    const char *type, *owner, *quality, *kind;
};

/* Takes --type=, --owner=, --quality= or --kind=; false: it is none of them. */
bool filter_take_option(const char *argument, struct filter_texts *texts);
bool filter_says_something(const struct filter_texts *texts);
/* `path` may be NULL; texts are borrowed on. D2K_ARGUMENT: one of them is no such word; err says
 * which there are. */
d2k_result filter_read(const struct filter_texts *texts, const char *path, d2k_filter *ret_filter,
                       struct error *err) D2K_MUST_CHECK;

#endif
