/* model/processes.c: the processes of the plant: who is registered, who was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/plant_private.h"

/* The name must not be longer than 64 bytes. */
static struct slice key_of(struct slice name, unsigned instance, char ret_key[PROCESS_KEY_MAX + 1])
{
    if (instance == 0) {
        (void)snprintf(ret_key, PROCESS_KEY_MAX + 1, "%.*s", (int)name.size, name.data);
    } else {
        (void)snprintf(ret_key, PROCESS_KEY_MAX + 1, "[%u]_%.*s", instance, (int)name.size,
                       name.data);
    }
    return slice_of(ret_key);
}

static struct process_record *find_process(const struct plant *plant, struct slice name,
                                           unsigned instance)
{
    char key[PROCESS_KEY_MAX + 1];
    if (!text_is_process_name(name) || instance > INSTANCE_MAX) {
        return NULL;
    }
    return map_get(&plant->processes_by_name, instance == 0 ? name : key_of(name, instance, key));
}

struct process *plant_process(const struct plant *plant, struct slice name)
{
    return plant_process_instance(plant, name, 0);
}

struct process *plant_process_instance(const struct plant *plant, struct slice name,
                                       unsigned instance)
{
    struct process_record *record = find_process(plant, name, instance);
    return record == NULL ? NULL : &record->facts;
}

static bool is_running(const struct plant *plant, struct slice name, unsigned instance)
{
    const struct process_record *record = find_process(plant, name, instance);
    return record != NULL && record->facts.state == PROCESS_RUNNING;
}

/* ---- instances ---- */

struct process *plant_process_active(const struct plant *plant, struct slice name)
{
    const struct instance_group *group = map_get(&plant->instance_groups, name);
    unsigned instance = group == NULL ? 0 : group->instances.active;
    return is_running(plant, name, instance) ? plant_process_instance(plant, name, instance) : NULL;
}

static struct instance_group *group_obtain(struct plant *plant, struct slice name)
{
    struct instance_group *group = map_get(&plant->instance_groups, name);
    if (group != NULL) {
        return group;
    }
    group = calloc(1, sizeof *group + name.size + 1);
    if (group == NULL) {
        return NULL;
    }
    memcpy(group->name, name.data, name.size);
    if (!map_add(&plant->instance_groups, slice_of(group->name), group)) {
        free(group);
        return NULL;
    }
    return group;
}

/* Without anybody connected or preferred there is nothing to remember. */
static void group_release(struct plant *plant, struct instance_group *group)
{
    if (group->instances.connected == 0 && group->instances.preferred == 0) {
        map_remove(&plant->instance_groups, slice_of(group->name));
        free(group);
    }
}

/* The processes are told what they are now; `changed`: the values of the one that was active until
 * now count no more. */
static void group_settle(struct plant *plant, struct instance_group *group, bool changed)
{
    const struct instances *instances = &group->instances;
    struct slice name = slice_of(group->name);
    for (unsigned instance = 1; instance <= INSTANCE_MAX; instance++) {
        struct process_record *record = find_process(plant, name, instance);
        if (record != NULL) {
            record->facts.preferred = instances->preferred == instance;
            record->facts.instance_state = !instances_connected(instances, instance) ? INSTANCE_NONE
                                           : instances->active == instance ? INSTANCE_ACTIVE
                                                                           : INSTANCE_PASSIVE;
        }
    }
    if (changed) {
        plant_owner_gone(plant, name);
    }
    group_release(plant, group);
}

d2k_result plant_activate_instance(struct plant *plant, struct slice name, unsigned instance,
                                   struct error *err)
{
    char shown[256];
    struct instance_group *group = map_get(&plant->instance_groups, name);
    if (group == NULL || !instances_connected(&group->instances, instance)) {
        return error_set(err, D2K_NOT_FOUND, "instance %u of %s is not connected", instance,
                         text_escape(shown, sizeof shown, name));
    }
    group_settle(plant, group, instances_activate(&group->instances, instance));
    return D2K_OK;
}

d2k_result plant_prefer_instance(struct plant *plant, struct slice name, unsigned instance,
                                 struct error *err)
{
    char shown[256];
    struct instance_group *group = map_get(&plant->instance_groups, name);
    if (instance > INSTANCE_MAX) {
        return error_set(err, D2K_ARGUMENT, "instance %u: 0 (none) to %u is allowed", instance,
                         INSTANCE_MAX);
    }
    if (group == NULL) {
        return error_set(err, D2K_NOT_FOUND, "%s does not run with instances",
                         text_escape(shown, sizeof shown, name));
    }
    group_settle(plant, group, instances_prefer(&group->instances, instance));
    return D2K_OK;
}

/* ---- texts ---- */

/* Puts a text behind those that stand at *at already; without room it is only measured. */
static const char *put_text(const char *text, char *room, size_t *at)
{
    size_t size = text == NULL ? 0 : strlen(text);
    char *place = room == NULL ? NULL : room + *at;
    if (place != NULL) {
        memcpy(place, text == NULL ? "" : text, size);
        place[size] = '\0';
    }
    *at += size + 1;
    return place;
}

static size_t put_texts(const struct process *from, struct process *to, char *room)
{
    size_t at = 0;
    to->version = put_text(from->version, room, &at);
    to->computer = put_text(from->computer, room, &at);
    to->address = put_text(from->address, room, &at);
    to->tls_version = put_text(from->tls_version, room, &at);
    return at;
}

/* What the process says of itself now; its name, id and user stay. False: out of memory, nothing is
 * changed. */
static bool take_facts(struct process_record *record, const struct process *facts)
{
    struct process taken = *facts;
    char *texts = malloc(put_texts(facts, &taken, NULL));
    if (texts == NULL) {
        return false;
    }
    (void)put_texts(facts, &taken, texts);
    taken.name = record->facts.name;
    taken.id = record->facts.id;
    taken.user = record->facts.user;
    free(record->texts);
    record->texts = texts;
    record->facts = taken;
    return true;
}

static void become_user(struct process_record *record, char *user)
{
    free(record->user);
    record->user = user;
    record->facts.user = user != NULL ? user : "";
}

bool plant_process_set_user(struct process *process, const char *user)
{
    size_t size = strlen(user);
    char *copy = size > 0 ? malloc(size + 1) : NULL;
    if (copy == NULL && size > 0) {
        return false;
    }
    if (size > 0) {
        memcpy(copy, user, size + 1);
    }
    become_user(LIST_MEMBER(process, struct process_record, facts), copy);
    return true;
}

void process_record_free(struct process_record *record)
{
    if (record != NULL) {
        free(record->texts);
        free(record->user);
        free(record);
    }
}

static struct process_record *process_record_new(const struct process *facts)
{
    char key[PROCESS_KEY_MAX + 1];
    struct slice key_text = key_of(slice_of(facts->name), facts->instance, key);
    struct process_record *record = calloc(1, sizeof *record + key_text.size + 1);
    if (record == NULL) {
        return NULL;
    }
    memcpy(record->key, key, key_text.size);
    list_init(&record->ended);
    record->facts.name = record->key + key_text.size - strlen(facts->name);
    record->facts.user = "";
    if (!take_facts(record, facts)) {
        free(record);
        return NULL;
    }
    return record;
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
    if (!map_add(&plant->processes_by_name, slice_of(record->key), record)) {
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
    struct process_record *record = process_record_new(facts);
    if (record == NULL) {
        return error_no_memory(err);
    }
    struct slice name = slice_of(record->key);
    d2k_result result = plant_number(plant, name, &record->facts.id, &is_new_number, err);
    if (result == D2K_OK) {
        result = register_record(plant, record, err);
    }
    if (result != D2K_OK) {
        process_record_free(record);
        return result;
    }
    plant_number_given(plant, name, record->facts.id, is_new_number);
    *ret_record = record;
    return D2K_OK;
}

/* A name keeps its first spelling. */
static d2k_result start_again(struct plant *plant, struct process_record *record,
                              const struct process *facts, struct error *err)
{
    if (!take_facts(record, facts)) {
        return error_no_memory(err);
    }
    list_remove(&record->ended);
    plant->ended_count--;
    return D2K_OK;
}

/* Instance and start without an instance of one name exclude each other. */
static d2k_result check_kind(const struct plant *plant, const struct process *facts,
                             struct error *err)
{
    struct slice name = slice_of(facts->name);
    const struct instance_group *group = map_get(&plant->instance_groups, name);
    if (facts->instance == 0 && group != NULL && group->instances.active != 0) {
        return error_set(err, D2K_EXISTS,
                         "%s runs with instances (%u is active); another one needs a number too",
                         facts->name, group->instances.active);
    }
    if (facts->instance != 0 && is_running(plant, name, 0)) {
        return error_set(err, D2K_EXISTS,
                         "%s runs without an instance; it must end before instance %u can start",
                         facts->name, facts->instance);
    }
    return D2K_OK;
}

static d2k_result check_start(const struct plant *plant, const struct process *facts,
                              struct error *err)
{
    char shown[256];
    struct slice name = slice_of(facts->name);
    if (!text_is_process_name(name)) {
        return error_set(err, D2K_ARGUMENT, "\"%s\" is no process name",
                         text_escape(shown, sizeof shown, name));
    }
    if (facts->instance > INSTANCE_MAX) {
        return error_set(err, D2K_ARGUMENT, "instance %u: 1 to %u is allowed", facts->instance,
                         INSTANCE_MAX);
    }
    if (is_running(plant, name, facts->instance)) {
        return error_set(err, D2K_STATE, "process %s runs already", facts->name);
    }
    return check_kind(plant, facts, err);
}

static void join_name(struct plant *plant, struct process_record *record,
                      struct instance_group *group)
{
    record->facts.state = PROCESS_RUNNING;
    if (group != NULL) {
        group_settle(plant, group, instances_connect(&group->instances, record->facts.instance));
    }
}

d2k_result plant_process_start(struct plant *plant, const struct process *facts,
                               struct process **ret_process, struct error *err)
{
    struct instance_group *group = NULL;
    d2k_result result = check_start(plant, facts, err);
    if (result != D2K_OK) {
        return result;
    }
    struct process_record *record = find_process(plant, slice_of(facts->name), facts->instance);
    if (facts->instance != 0 && (group = group_obtain(plant, slice_of(facts->name))) == NULL) {
        return error_no_memory(err);
    }
    result = record != NULL ? start_again(plant, record, facts, err)
                            : start_first(plant, facts, &record, err);
    if (result != D2K_OK) {
        if (group != NULL) {
            group_release(plant, group);
        }
        return result;
    }
    join_name(plant, record, group);
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
    map_remove(&plant->processes_by_name, slice_of(record->key));
    number_table_remove(&plant->processes_by_number, record);
    while (plant->processes[at] != record) {
        at++;
    }
    plant->process_count--;
    memmove(plant->processes + at, plant->processes + at + 1,
            (plant->process_count - at) * sizeof(struct process_record *));
    process_record_free(record);
}

static void leave_name(struct plant *plant, const struct process *process)
{
    struct slice name = slice_of(process->name);
    struct instance_group *group =
        process->instance != 0 ? map_get(&plant->instance_groups, name) : NULL;
    if (group == NULL) {
        plant_owner_gone(plant, name);
    } else {
        group_settle(plant, group, instances_leave(&group->instances, process->instance));
    }
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
    become_user(record, NULL);
    memset(process->resume_token, 0, sizeof process->resume_token);
    list_append(&plant->ended, &record->ended);
    plant->ended_count++;
    leave_name(plant, process);
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
        if (result != D2K_OK || !is_running(plant, slice_of(ret_name), 0)) {
            return result;
        }
    }
    return error_set(err, D2K_LIMIT, "all process names %.*s_01.%.*s to _%u are in use",
                     (int)computer.size, computer.data, (int)suffix.size, suffix.data,
                     PLANT_PROCESS_NUMBER_MAX);
}
