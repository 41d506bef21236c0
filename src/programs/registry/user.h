/* programs/registry/user.h: the command user: who may log on, and with which password. */
#ifndef D2K_PROGRAMS_REGISTRY_USER_H
#define D2K_PROGRAMS_REGISTRY_USER_H

#include "programs/registry/options.h"

/* Prints and returns the exit code. */
int user_run(const struct options *options, const struct registry_location *location);

#endif
