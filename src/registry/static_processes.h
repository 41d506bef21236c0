/* registry/static_processes.h: the processes that the kernel starts itself, as [Process\<name>] of
 * cfg_<application>.conf describes them. Immutable once read; any thread. */
#ifndef D2K_REGISTRY_STATIC_PROCESSES_H
#define D2K_REGISTRY_STATIC_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define STATIC_PROCESSES_MAX      256u /* of one application */
#define STATIC_PROCESS_WORDS_MAX  256u /* parameters, and as many variables */
#define STATIC_PROCESS_NAME_MAX   64u
#define STATIC_PRIORITY_MAX       999u
#define STATIC_PROCESS_TIME_MAX_S 3600u

enum static_autostart {
    STATIC_AUTOSTART_OFF,
    STATIC_AUTOSTART_ON,
};

struct static_process {
    char *name; /* "SELF.KOM" */
    unsigned line;
    char *executable;
    char *directory;    /* it runs in; NULL: that of the configuration */
    char **parameters;  /* ends with NULL; NULL: none */
    char **environment; /* "NAME=value", ends with NULL; NULL: none */
    enum static_autostart autostart;
    unsigned priority;       /* higher starts first and stops last */
    unsigned init_time_s;    /* that it may take to register before the next one is started */
    unsigned stop_timeout_s; /* from SIGTERM to SIGKILL */
};

/* By priority, highest first; those of the same priority as the file has them. */
struct static_processes {
    struct static_process *at;
    size_t count;
};

/* NULL-terminated list of words, or NULL. */
void static_words_free(char **words);
void static_processes_free(struct static_processes *processes);

/* "-a \"b c\"" is {"-a", "b c", NULL}: blanks separate, double quotes keep them, there are no
 * escapes. D2K_ARGUMENT (a quote without its second one), D2K_LIMIT (too many), D2K_NO_MEMORY. */
d2k_result static_words_parse(const char *text, char ***ret_words) D2K_MUST_CHECK;

#endif
