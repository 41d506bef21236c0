/* base/link_id.h: the name of a link. Never a pointer, so that what comes late for a link that has
 * ended finds nobody. */
#ifndef D2K_BASE_LINK_ID_H
#define D2K_BASE_LINK_ID_H

#include <stdint.h>

struct link_id {
    uint32_t loop, slot;
    uint64_t generation; /* 0: no link */
};

#endif
