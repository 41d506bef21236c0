/* programs/registry/show.h: the commands list, get and settings. Each prints and returns the exit
 * code. */
#ifndef D2K_PROGRAMS_REGISTRY_SHOW_H
#define D2K_PROGRAMS_REGISTRY_SHOW_H

#include "programs/registry/options.h"

int show_list(const struct options *options, const struct registry_location *location);
int show_get(const struct options *options, const struct registry_location *location);
int show_settings(const struct options *options);

#endif
