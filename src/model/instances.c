/* model/instances.c: which instance of a process is the active one. */
#include "model/instances.h"

static bool is_instance(unsigned instance)
{
    return instance >= 1 && instance <= INSTANCE_MAX;
}

bool instances_connected(const struct instances *instances, unsigned instance)
{
    return is_instance(instance) && (instances->connected >> instance & 1u) != 0;
}

static bool make_active(struct instances *instances, unsigned instance)
{
    bool changes = instances->active != instance;
    instances->active = (uint8_t)instance;
    return changes;
}

static unsigned successor(const struct instances *instances)
{
    if (instances_connected(instances, instances->preferred)) {
        return instances->preferred;
    }
    for (unsigned instance = 1; instance <= INSTANCE_MAX; instance++) {
        if (instances_connected(instances, instance)) {
            return instance;
        }
    }
    return 0;
}

bool instances_connect(struct instances *instances, unsigned instance)
{
    if (!is_instance(instance)) {
        return false;
    }
    instances->connected = (uint16_t)(instances->connected | 1u << instance);
    bool takes_over = instances->active == 0 || instances->preferred == instance;
    return takes_over && make_active(instances, instance);
}

bool instances_leave(struct instances *instances, unsigned instance)
{
    if (!instances_connected(instances, instance)) {
        return false;
    }
    instances->connected = (uint16_t)(instances->connected & ~(1u << instance));
    return instances->active == instance && make_active(instances, successor(instances));
}

bool instances_activate(struct instances *instances, unsigned instance)
{
    return instances_connected(instances, instance) && make_active(instances, instance);
}

bool instances_prefer(struct instances *instances, unsigned instance)
{
    if (instance > INSTANCE_MAX) {
        return false;
    }
    instances->preferred = (uint8_t)instance;
    return instances_activate(instances, instance);
}
