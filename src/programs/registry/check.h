/* programs/registry/check.h: the command check. */
#ifndef D2K_PROGRAMS_REGISTRY_CHECK_H
#define D2K_PROGRAMS_REGISTRY_CHECK_H

#include "programs/registry/options.h"

/* Prints all findings; returns the exit code. */
int check_configuration(const struct options *options, const struct registry_location *location);

#endif
