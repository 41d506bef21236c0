/* model/instances.h: which instance of a process is the active one. Pure rules, no memory.
 *
 * A process name may run as instances 1..15. As long as one of them is connected, exactly one is
 * active: its values count. The others are passive, ready to take over.
 *
 *  - The first to connect becomes active.
 *  - The preferred instance becomes active as soon as it connects, or is made the preferred one.
 *  - When the active one leaves, the preferred takes over if it is connected, else the passive one
 *    with the lowest number. */
#ifndef D2K_MODEL_INSTANCES_H
#define D2K_MODEL_INSTANCES_H

#include <stdbool.h>
#include <stdint.h>

#define INSTANCE_MAX 15u /* 0 is a process without instances */

/* All zero: nobody is connected, nobody preferred. */
struct instances {
    uint16_t connected; /* bit n: instance n */
    uint8_t active;     /* 0: none */
    uint8_t preferred;  /* 0: none; kept while it is not connected */
};

bool instances_connected(const struct instances *instances, unsigned instance);

/* `instance` 1..INSTANCE_MAX; others change nothing. True: another one is active than before. */
bool instances_connect(struct instances *instances, unsigned instance);
bool instances_leave(struct instances *instances, unsigned instance);
/* One that is not connected is not made active. */
bool instances_activate(struct instances *instances, unsigned instance);
/* 0: none is preferred any more, and the active one stays. */
bool instances_prefer(struct instances *instances, unsigned instance);

#endif
