/* model/processes.c: the processes of the plant: who is registered, who was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/plant_private.h"

struct process *plant_process(const struct plant *plant, struct slice name)
{
    struct process_record *record = map_get(&plant->processes_by_name, name);
    return record == NULL ? NULL : &record->facts;
}

static bool is_running(const struct plant *plant, const char *name)
{
    const struct process *process = plant_process(plant, slice_of(name));
    return process != NULL && process->state == PROCESS_RUNNING;
}

/* ---- start ---- */

static d2k_result register_record(struct plant *plant, struct process_record *record,
                                  struct error *err)
{
    struct process_record **processes =
        plant_array_reserve(plant->processes, plant->process_count, &plant->process_capacity);
    if (processes == NULL) {
        return error_no_memory(err);
    }
    plant->processes = processes;
    if (!number_table_add(&plant->processes_by_number, record)) {
        return error_no_memory(err);
    }
    if (!map_add(&plant->processes_by_name, slice_of(record->facts.name), record)) {
        number_table_remove(&plant->processes_by_number, record);
        return error_no_memory(err);
    }
    plant->processes[plant->process_count++] = record;
    return D2K_OK;
}

static d2k_result start_first(struct plant *plant, const struct process *facts,
                              struct process_record **ret_record, struct error *err)
{
    bool is_new_number = false;
    struct slice name = slice_of(facts->name);
    struct process_record *record = malloc(sizeof *record);
    if (record == NULL) {
        return error_no_memory(err);
    }
    record->facts = *facts;
    list_init(&record->ended);
    d2k_result result = plant_number(plant, name, &record->facts.id, &is_new_number, err);
    if (result == D2K_OK) {
        result = register_record(plant, record, err);
    }
    if (result != D2K_OK) {
        free(record);
        return result;
    }
    plant_number_given(plant, name, record->facts.id, is_new_number);
    *ret_record = record;
    return D2K_OK;
}

/* The name in the record is the key of the map: it keeps its first spelling. */
static void start_again(struct plant *plant, struct process_record *record,
                        const struct process *facts)
{
    struct process before = record->facts;
    list_remove(&record->ended);
    plant->ended_count--;
    record->facts = *facts;
    record->facts.id = before.id;
    memcpy(record->facts.name, before.name, sizeof before.name);
}

d2k_result plant_process_start(struct plant *plant, const struct process *facts,
                               struct process **ret_process, struct error *err)
{
    char shown[256];
    struct slice name = slice_of(facts->name);
    struct process_record *record = map_get(&plant->processes_by_name, name);
    if (!text_is_process_name(name)) {
        return error_set(err, D2K_ARGUMENT, "\"%s\" is no process name",
                         text_escape(shown, sizeof shown, name));
    }
    if (record == NULL) {
        d2k_result result = start_first(plant, facts, &record, err);
        if (result != D2K_OK) {
            return result;
        }
    } else if (record->facts.state == PROCESS_RUNNING) {
        return error_set(err, D2K_STATE, "process %s runs already", record->facts.name);
    } else {
        start_again(plant, record, facts);
    }
    record->facts.state = PROCESS_RUNNING;
    plant_owner_present(plant, name);
    *ret_process = &record->facts;
    return D2K_OK;
}

/* ---- end ---- */

static void forget_oldest_ended(struct plant *plant)
{
    struct process_record *record = LIST_FIRST(&plant->ended, struct process_record, ended);
    size_t at = 0;
    list_remove(&record->ended);
    plant->ended_count--;
    map_remove(&plant->processes_by_name, slice_of(record->facts.name));
    number_table_remove(&plant->processes_by_number, record);
    while (plant->processes[at] != record) {
        at++;
    }
    plant->process_count--;
    memmove(plant->processes + at, plant->processes + at + 1,
            (plant->process_count - at) * sizeof(struct process_record *));
    free(record);
}

void plant_process_end(struct plant *plant, struct process *process, enum process_state how,
                       int64_t now_ns)
{
    struct process_record *record = LIST_MEMBER(process, struct process_record, facts);
    if (process->state != PROCESS_RUNNING) {
        return;
    }
    process->state = how == PROCESS_RUNNING ? PROCESS_CRASH : how;
    process->since_ns = now_ns;
    process->link = (struct link_id){0};
    process->user[0] = '\0';
    memset(process->resume_token, 0, sizeof process->resume_token);
    list_append(&plant->ended, &record->ended);
    plant->ended_count++;
    plant_owner_gone(plant, slice_of(process->name));
    if (plant->ended_count > PLANT_ENDED_PROCESSES_MAX) {
        forget_oldest_ended(plant);
    }
}

/* ---- lists and names ---- */

size_t plant_running_count(const struct plant *plant)
{
    return plant->process_count - plant->ended_count;
}

struct process *plant_process_at(const struct plant *plant, size_t position)
{
    return position < plant->process_count ? &plant->processes[position]->facts : NULL;
}

static d2k_result numbered_name(struct slice computer, struct slice suffix, unsigned number,
                                char ret_name[65], struct error *err)
{
    int length = snprintf(ret_name, 65, "%.*s_%02u.%.*s", (int)computer.size, computer.data, number,
                          (int)suffix.size, suffix.data);
    if (length < 0 || length > 64) {
        return error_set(err, D2K_ARGUMENT, "the process name %.*s_%02u.%.*s is over 64 characters",
                         (int)computer.size, computer.data, number, (int)suffix.size, suffix.data);
    }
    return D2K_OK;
}

d2k_result plant_process_number(struct plant *plant, struct slice computer_and_suffix,
                                char ret_name[65], struct error *err)
{
    char shown[256];
    if (!text_is_process_name(computer_and_suffix)) {
        return error_set(err, D2K_ARGUMENT, "\"%s\" is not <computer>.<suffix>",
                         text_escape(shown, sizeof shown, computer_and_suffix));
    }
    const char *dot = memchr(computer_and_suffix.data, '.', computer_and_suffix.size);
    struct slice computer = {computer_and_suffix.data, (size_t)(dot - computer_and_suffix.data)};
    struct slice suffix = {dot + 1, computer_and_suffix.size - computer.size - 1};
    for (unsigned number = 1; number <= PLANT_PROCESS_NUMBER_MAX; number++) {
        d2k_result result = numbered_name(computer, suffix, number, ret_name, err);
        if (result != D2K_OK || !is_running(plant, ret_name)) {
            return result;
        }
    }
    return error_set(err, D2K_LIMIT, "all process names %.*s_01.%.*s to _%u are in use",
                     (int)computer.size, computer.data, (int)suffix.size, suffix.data,
                     PLANT_PROCESS_NUMBER_MAX);
}
