/* System tags: what the kernel tells of itself, and of the processes whose values it distributes,
 * as objects like any other (D2000 sections 9.4, 4.1 and 4.2). */
#include <stdio.h>

#include "base/text.h"
#include "kernel/kernel.h"
#include "os/clock.h"
#include "os/system.h"
#include "wire/properties.h"

#define TAGS_PERIOD_MS 10000u

static const char kind_of_tag[] = {PROPERTY_KIND, 0, 1, 0, WIRE_KIND_SYSTEM_TAG};

static d2k_result define(struct kernel *kernel, d2k_type type, const char *name,
                         const char *description, const char *unit, struct object **ret_object,
                         struct error *err)
{
    struct definition definition = {.name = slice_of(name),
                                    .description = slice_of(description),
                                    .unit = slice_of(unit),
                                    .properties = {kind_of_tag, sizeof kind_of_tag},
                                    .type = type,
                                    .kind = OBJECT_SYSTEM_TAG};
    return plant_define(kernel->plant, slice_of(""), &definition, ret_object, err);
}

static void set(struct kernel *kernel, struct object *object, d2k_value value)
{
    struct error err;
    if (plant_set(kernel->plant, slice_of(""), object, &value, os_wall_ns(), &err) != D2K_OK) {
        log_write(kernel->log, LOG_ERROR, "SERVER", "System tag %s: %s", object->name, err.text);
    }
}

static void set_clients(struct kernel *kernel)
{
    int64_t count = (int64_t)plant_running_count(kernel->plant);
    if (kernel->tag_clients->current == NULL ||
        kernel->tag_clients->value.content.integer != count) {
        set(kernel, kernel->tag_clients, d2k_integer(count));
    }
}

d2k_result tags_define(struct kernel *kernel, struct error *err)
{
    d2k_result rc = define(kernel, D2K_TYPE_INTEGER, "Act_Client", "Connected client processes", "",
                           &kernel->tag_clients, err);
    if (rc == D2K_OK) {
        rc = define(kernel, D2K_TYPE_REAL, "Perf_Kernel_Rq",
                    "Messages processed per second, over 10 s", "1/s", &kernel->tag_requests, err);
    }
    if (rc == D2K_OK) {
        rc = define(kernel, D2K_TYPE_INTEGER, "AllocatedMem", "Resident memory of the kernel", "B",
                    &kernel->tag_memory, err);
    }
    if (rc == D2K_OK) {
        rc = define(kernel, D2K_TYPE_REAL, "CPU_Load",
                    "CPU load of the kernel over 10 s, 100 per core", "%", &kernel->tag_cpu, err);
    }
    if (rc == D2K_OK) {
        set_clients(kernel);
        set(kernel, kernel->tag_memory, d2k_integer((int64_t)os_process_memory()));
    }
    return rc;
}

void tags_tick(struct kernel *kernel, uint64_t now_ms)
{
    if (now_ms < kernel->tags_at_ms + TAGS_PERIOD_MS) {
        return;
    }
    double seconds = (double)(now_ms - kernel->tags_at_ms) / 1000.0;
    uint64_t cpu_ns = os_process_cpu_ns();
    set(kernel, kernel->tag_requests,
        d2k_real((double)(kernel->messages - kernel->tags_messages) / seconds));
    set(kernel, kernel->tag_cpu, d2k_real((double)(cpu_ns - kernel->tags_cpu_ns) / 1e7 / seconds));
    set(kernel, kernel->tag_memory, d2k_integer((int64_t)os_process_memory()));
    kernel->tags_at_ms = now_ms;
    kernel->tags_messages = kernel->messages;
    kernel->tags_cpu_ns = cpu_ns;
}

/* ---- process objects ---- */

/* What is legal in the name of a process and not in that of an object becomes '_'. */
static struct slice object_name_of(const char *process, char ret_name[WIRE_NAME_MAX + 1])
{
    (void)text_copy(ret_name, WIRE_NAME_MAX + 1, process);
    for (char *at = ret_name; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : *at;
    }
    return slice_of(ret_name);
}

#define DESCRIPTION_MAX (WIRE_NAME_MAX + 32)

static const char *description_of(const char *process, char ret_text[DESCRIPTION_MAX])
{
    (void)snprintf(ret_text, DESCRIPTION_MAX, "State of the process %s", process);
    return ret_text;
}

static bool is_process_object(const struct object *object)
{
    return object != NULL && object->kind == OBJECT_SYSTEM_TAG && object->type == D2K_TYPE_PROCESS;
}

/* The description tells A-B.KOM from A_B.KOM, which would have one name. */
static struct object *process_object(const struct kernel *kernel, const char *process)
{
    char name[WIRE_NAME_MAX + 1], description[DESCRIPTION_MAX];
    struct object *object = plant_object_by_name(kernel->plant, object_name_of(process, name));
    bool is_its =
        is_process_object(object) &&
        text_equal_ignoring_case(object->description, description_of(process, description));
    return is_its ? object : NULL;
}

static uint32_t process_value(enum process_state state)
{
    switch (state) {
    case PROCESS_RUNNING:
        return D2K_PROCESS_VALUE_RUN;
    case PROCESS_CRASH:
        return D2K_PROCESS_VALUE_CRASH;
    case PROCESS_WDERR:
        return D2K_PROCESS_VALUE_WDERR;
    case PROCESS_STOP:
        break;
    }
    return D2K_PROCESS_VALUE_STOP;
}

/* It runs if one of its instances does, each of which sets its flag: 1 is B, 2 is C... Else it is
 * what the last of them has become; a static one that never registered, what its program has. */
static d2k_value value_of_process(const struct kernel *kernel, const char *name)
{
    d2k_value value = {.type = D2K_TYPE_PROCESS, .status = D2K_STATUS_VALID};
    const struct process *last = NULL;
    for (unsigned instance = 0; instance <= INSTANCE_MAX; instance++) {
        const struct process *process =
            plant_process_instance(kernel->plant, slice_of(name), instance);
        if (process == NULL) {
            continue;
        }
        bool runs = process->state == PROCESS_RUNNING;
        bool last_runs = last != NULL && last->state == PROCESS_RUNNING;
        if (runs && instance > 0) {
            value.flags = (uint16_t)(value.flags | 1u << instance);
        }
        if (last == NULL || (runs && !last_runs) ||
            (runs == last_runs && process->since_ns > last->since_ns)) {
            last = process;
        }
    }
    if (last == NULL) {
        value.content.state =
            process_value(programs_have_failed(kernel, name) ? PROCESS_CRASH : PROCESS_STOP);
        return value;
    }
    value.content.state = process_value(last->state);
    value.time_ns = last->since_ns;
    return value;
}

static void set_process(struct kernel *kernel, const char *name)
{
    struct object *object = process_object(kernel, name);
    if (object == NULL) {
        return;
    }
    d2k_value value = value_of_process(kernel, name);
    if (object->current == NULL || object->value.content.state != value.content.state ||
        object->value.flags != value.flags) {
        set(kernel, object, value);
    }
}

static d2k_result define_process(struct kernel *kernel, const char *name, struct error *err)
{
    char object_name[WIRE_NAME_MAX + 1], description[DESCRIPTION_MAX];
    struct slice wanted = object_name_of(name, object_name);
    struct object *object = plant_object_by_name(kernel->plant, wanted);
    if (is_process_object(object)) {
        return error_set(err, D2K_EXISTS, "object %s has another description: %s", object->name,
                         object->description);
    }
    return define(kernel, D2K_TYPE_PROCESS, object_name, description_of(name, description), "",
                  &object, err);
}

void tags_show_process(struct kernel *kernel, const char *name)
{
    struct error err;
    if (process_object(kernel, name) != NULL) {
        return;
    }
    if (define_process(kernel, name, &err) != D2K_OK) {
        log_write(kernel->log, LOG_WARNING, "SERVER",
                  "Process %s has no object that tells its state: %s", name, err.text);
        return;
    }
    set_process(kernel, name);
}

void tags_process_changed(struct kernel *kernel, const char *name)
{
    set_clients(kernel);
    set_process(kernel, name);
}
