/* registry/redundancy.h: the kernels of a redundancy group, as installation.conf lists them for
 * clients and kernels where multicast does not reach. */
#ifndef D2K_REGISTRY_REDUNDANCY_H
#define D2K_REGISTRY_REDUNDANCY_H

#include "base/log.h"
#include "registry/location.h"

#define REDUNDANCY_KERNELS_MAX 8u /* of one group */
#define REDUNDANCY_ADDRESSES   2u /* IpAddr1, IpAddr2 */
#define REDUNDANCY_NUMBER_MAX  9999
#define REDUNDANCY_TEXT_MAX    64u /* bytes of a name or address */

struct redundancy_kernel {
    unsigned number;                                               /* n of Kernel_<n> */
    char name[REDUNDANCY_TEXT_MAX + 1];                            /* "": not given */
    char addresses[REDUNDANCY_ADDRESSES][REDUNDANCY_TEXT_MAX + 1]; /* "": not given; at least one
                                                                      is */
};

struct redundancy_group {
    struct redundancy_kernel kernels[REDUNDANCY_KERNELS_MAX]; /* in the order of their numbers */
    size_t count;                                             /* at least 1 */
};

/* Reads [Redundancy\<group>\Kernel_<n>] of installation.conf; warnings of that file go to `log`
 * (NULL: nowhere). D2K_NOT_FOUND (no such file, or it has no such group), D2K_CONFIG (a mistake in
 * the file, a kernel without address, a bad or double number, too many kernels), D2K_AGAIN,
 * D2K_FILE, D2K_LIMIT, D2K_NO_MEMORY, each with a text that names the file. Any thread. */
d2k_result redundancy_read_group(const struct registry_location *location, const char *group,
                                 const struct log *log, struct redundancy_group *ret_group,
                                 struct error *err) D2K_MUST_CHECK;

#endif
