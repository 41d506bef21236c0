/* base/machine.h: a state machine whose moves are checked.
 *
 * A table row per state says its name and where it may go; machine_move() is the only way to change
 * state. A move that the table does not allow is a bug of ours: it is reported by returning false
 * and the state stays, so that the caller can end the one connection instead of the process. */
#ifndef D2K_BASE_MACHINE_H
#define D2K_BASE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct machine_state {
    const char *name;
    uint32_t next; /* bit mask of states that may follow */
};

struct machine {
    const struct machine_state *states;
    unsigned count;
    unsigned current;
};

#define MACHINE_TO(state) (UINT32_C(1) << (state))

void machine_init(struct machine *m, const struct machine_state *states, unsigned count,
                  unsigned first);
bool machine_move(struct machine *m, unsigned next) __attribute__((warn_unused_result));
const char *machine_state_name(const struct machine *m);

#endif
