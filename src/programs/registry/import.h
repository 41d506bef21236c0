/* programs/registry/import.h: the command import. */
#ifndef D2K_PROGRAMS_REGISTRY_IMPORT_H
#define D2K_PROGRAMS_REGISTRY_IMPORT_H

#include "programs/registry/options.h"

/* Returns the exit code. */
int import_run(const struct options *options, const struct registry_location *location);

#endif
