/* programs/registry/check.h: the command check. */
#ifndef D2K_PROGRAMS_REGISTRY_CHECK_H
#define D2K_PROGRAMS_REGISTRY_CHECK_H

#include "programs/registry/findings.h"
#include "programs/registry/options.h"
#include "registry/registry.h"

/* Prints all findings; returns the exit code. */
int check_configuration(const struct options *options, const struct registry_location *location);

/* Adds what check finds in one file as it was parsed. `with_certificates`: also in the files that
 * it names. */
void check_application_file(struct findings *findings, const struct registry_file *file,
                            const char *application, bool with_certificates);

/* `applications`: that there are, sorted or not; with `more` nothing is said about one that is not
 * among them. */
void check_installation_file(struct findings *findings, const struct registry_file *file,
                             const struct os_names *applications);

#endif
