/* programs/registry/export.h: the command export. */
#ifndef D2K_PROGRAMS_REGISTRY_EXPORT_H
#define D2K_PROGRAMS_REGISTRY_EXPORT_H

#include "programs/registry/options.h"

/* Returns the exit code. */
int export_run(const struct options *options, const struct registry_location *location);

#endif
