/* base/machine.c: the one place where a checked state machine changes its state. */
#include "base/machine.h"

void machine_init(struct machine *m, const struct machine_state *states, unsigned count,
                  unsigned first)
{
    m->states = states;
    m->count = count;
    m->current = first;
}

bool machine_move(struct machine *m, unsigned next)
{
    if (m->current >= m->count || next >= m->count || next >= 32) {
        return false;
    }
    if ((m->states[m->current].next & MACHINE_TO(next)) == 0) {
        return false;
    }
    m->current = next;
    return true;
}

const char *machine_state_name(const struct machine *m)
{
    return m->current < m->count ? m->states[m->current].name : "?";
}
