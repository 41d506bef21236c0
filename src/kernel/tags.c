/* System tags: what the kernel tells of itself, as objects like any other (D2000 section 9.4). */
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
        tags_clients_changed(kernel);
        set(kernel, kernel->tag_memory, d2k_integer((int64_t)os_process_memory()));
    }
    return rc;
}

void tags_clients_changed(struct kernel *kernel)
{
    set(kernel, kernel->tag_clients, d2k_integer((int64_t)plant_running_count(kernel->plant)));
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
