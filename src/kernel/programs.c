/* The programs of static processes, as the parent process tells of them, for whoever asks what
 * processes there are. */
#include <stdlib.h>

#include "base/text.h"
#include "kernel/kernel.h"
#include "kernel/parent_line.h"
#include "os/clock.h"
#include "wire/properties.h"

/* Of a process that the parent has not told of yet. */
#define NOT_TOLD UINT32_MAX

d2k_result programs_init(struct kernel *kernel, struct error *err)
{
    size_t count = kernel->setup.processes->count;
    kernel->programs = calloc(count + 1, sizeof kernel->programs[0]);
    if (kernel->programs == NULL) {
        return error_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        kernel->programs[i].index = NOT_TOLD;
    }
    return D2K_OK;
}

void programs_free(struct kernel *kernel)
{
    free(kernel->programs);
    kernel->programs = NULL;
}

static void take(struct kernel *kernel, const struct parent_news *news)
{
    if (news->kind == PARENT_ANSWER) {
        orders_answered(kernel, &news->answer);
    } else if (news->state.index < kernel->setup.processes->count) {
        kernel->programs[news->state.index] = news->state;
        tags_process_changed(kernel, kernel->setup.processes->at[news->state.index].name);
    }
}

bool programs_find(const struct kernel *kernel, const char *process, size_t *ret_index)
{
    const struct static_processes *processes = kernel->setup.processes;
    for (size_t i = 0; i < processes->count; i++) {
        if (text_equal_ignoring_case(processes->at[i].name, process)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* The line has room for what static processes do, not for a crowd of others. */
void programs_registered(const struct kernel *kernel, const char *process)
{
    size_t ignored;
    if (programs_find(kernel, process, &ignored)) {
        parent_line_registered(kernel->setup.parent_line, process);
    }
}

void programs_left(const struct kernel *kernel, const char *process, enum process_state how)
{
    size_t ignored;
    if (programs_find(kernel, process, &ignored)) {
        parent_line_left(kernel->setup.parent_line, process,
                         how == PROCESS_STOP    ? PARENT_LEFT_LOGGED_OFF
                         : how == PROCESS_WDERR ? PARENT_LEFT_HANGING
                                                : PARENT_LEFT_LOST);
    }
}

void programs_take_news(struct kernel *kernel)
{
    struct parent_news news;
    bool over = false;
    int line = kernel->setup.parent_line;
    while (line >= 0 && parent_line_take_news(line, &news, &over)) {
        take(kernel, &news);
    }
    if (over) { /* the parent has gone, and the system is about to end us */
        net_server_unwatch(kernel->net, line);
        kernel->setup.parent_line = -1;
    }
}

/* ---- what is told of them ---- */

static uint8_t wire_state(const struct parent_state *program)
{
    if (program->index == NOT_TOLD) {
        return WIRE_PROGRAM_UNKNOWN;
    }
    switch (program->view.state) {
    case SUPERVISED_STOPPED:
    case SUPERVISED_ENDED:
        return WIRE_PROGRAM_STOPPED;
    case SUPERVISED_QUEUED:
        return WIRE_PROGRAM_QUEUED;
    case SUPERVISED_WAITING:
        return WIRE_PROGRAM_WAITING;
    case SUPERVISED_STARTING:
        return WIRE_PROGRAM_STARTING;
    case SUPERVISED_RUNNING:
        return WIRE_PROGRAM_RUNNING;
    case SUPERVISED_STOPPING:
    case SUPERVISED_KILLED:
        return WIRE_PROGRAM_STOPPING;
    }
    return WIRE_PROGRAM_UNKNOWN;
}

static uint32_t until_ms(uint64_t due_ms)
{
    uint64_t now_ms = os_monotonic_ms();
    return due_ms <= now_ms ? 0 : (uint32_t)(due_ms - now_ms); /* a minute at most */
}

void programs_put(const struct kernel *kernel, const char *process, struct buffer *properties)
{
    size_t i;
    if (!programs_find(kernel, process, &i)) {
        return;
    }
    const struct supervision_view *view = &kernel->programs[i].view;
    uint8_t state = wire_state(&kernel->programs[i]);
    properties_put_u8(properties, PROPERTY_STATIC, state);
    properties_put_u32(properties, PROPERTY_RESTARTS, view->restarts);
    if (state == WIRE_PROGRAM_WAITING) {
        properties_put_u32(properties, PROPERTY_NEXT_START_MS, until_ms(view->due_ms));
    }
}

bool programs_has_registered(const struct kernel *kernel, struct slice name)
{
    for (unsigned instance = 0; instance <= INSTANCE_MAX; instance++) {
        if (plant_process_instance(kernel->plant, name, instance) != NULL) {
            return true;
        }
    }
    return false;
}

bool programs_have_failed(const struct kernel *kernel, const char *process)
{
    size_t i;
    return programs_find(kernel, process, &i) && kernel->programs[i].index != NOT_TOLD &&
           kernel->programs[i].view.failed;
}

void programs_show(struct kernel *kernel)
{
    for (size_t i = 0; i < kernel->setup.processes->count; i++) {
        tags_show_process(kernel, kernel->setup.processes->at[i].name);
    }
}

void programs_facts(const struct kernel *kernel, size_t index, struct process *ret_facts)
{
    const struct parent_state *program = &kernel->programs[index];
    *ret_facts = (struct process){.name = kernel->setup.processes->at[index].name,
                                  .version = "",
                                  .computer = "",
                                  .address = "",
                                  .tls_version = "",
                                  .user = "",
                                  .state = PROCESS_STOP};
    if (program->index != NOT_TOLD) {
        ret_facts->os_process_id = (uint32_t)program->pid;
        ret_facts->state = program->view.failed ? PROCESS_CRASH : PROCESS_STOP;
    }
}
