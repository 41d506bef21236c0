/* base/cursor.c: borrowed bytes: comparing and copying. */
#include "base/cursor.h"

#include <stdlib.h>
#include <string.h>

struct slice slice_of(const char *terminated)
{
    if (terminated == NULL) {
        return (struct slice){.data = NULL, .size = 0};
    }
    return (struct slice){.data = terminated, .size = strlen(terminated)};
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool slice_equal_text(struct slice a, const char *terminated)
{
    return slice_equal(a, slice_of(terminated));
}

char *slice_copy(struct slice s)
{
    if (s.size == SIZE_MAX) {
        return NULL;
    }
    char *copy = malloc(s.size + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (s.size > 0) {
        memcpy(copy, s.data, s.size);
    }
    copy[s.size] = '\0';
    return copy;
}
