/* kernel/parent.h: the parent process of the kernel, which starts programs and has no network. Its
 * child has the network and cannot start programs.
 *
 * There is a parent when the configuration has static processes. Both are the same program: the
 * child is forked before there is any thread. */
#ifndef D2K_KERNEL_PARENT_H
#define D2K_KERNEL_PARENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "registry/static_processes.h"

struct parent_setup {
    const struct static_processes *processes;
    const struct log *log;
    const char *config_dir;
};

/* What the child is to know of its parent. */
struct parent_child {
    int line;      /* kernel/parent_line.h; the child's to close */
    uint16_t port; /* that a child before it listened on, and this one must; 0: none */
};

/* Starts the child, then the static processes, and looks after all of them. Returns in the child,
 * at each start of one: true, with *ret_child. Returns in the parent when everything has ended:
 * false, with the exit code. It must be the only thread. */
bool parent_run(const struct parent_setup *setup, struct parent_child *ret_child,
                int *ret_exit_code);

#endif
