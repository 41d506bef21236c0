/* model/objects.c: the plant's objects: their definition, their numbers, and the ways to find
 * them. */
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/table.h"
#include "base/text.h"
#include "model/plant_private.h"

#define ENCODED_MAX (D2K_TEXT_MAX_BYTES + 4096u)

static uint32_t object_number(const void *entry)
{
    return ((const struct object *)entry)->hobj;
}

static uint32_t process_number(const void *entry)
{
    return ((const struct process_record *)entry)->facts.id;
}

struct plant *plant_new(const struct plant_hooks *hooks, const uint64_t seed[2],
                        uint32_t first_hobj)
{
    struct plant *plant = calloc(1, sizeof *plant);
    if (plant == NULL) {
        return NULL;
    }
    plant->hooks = *hooks;
    plant->next_number = first_hobj == 0 ? 1 : first_hobj;
    buffer_init(&plant->scratch, ENCODED_MAX);
    map_init(&plant->objects_by_name, true, seed);
    map_init(&plant->owners, true, seed);
    map_init(&plant->awaited, true, seed);
    map_init(&plant->stems, true, seed);
    map_init(&plant->processes_by_name, true, seed);
    map_init(&plant->instance_groups, true, seed);
    computed_init(&plant->computed, seed);
    number_table_init(&plant->objects_by_number, object_number);
    number_table_init(&plant->processes_by_number, process_number);
    list_init(&plant->patterns);
    list_init(&plant->left);
    list_init(&plant->going);
    list_init(&plant->ended);
    return plant;
}

static void object_free(struct plant *plant, struct object *object)
{
    if (object == NULL) {
        return;
    }
    history_free(plant, object);
    update_release(object->current);
    free(object->text_storage);
    free(object->description);
    free(object->unit);
    free(object->properties);
    free(object->limits);
    free(object->readers);
    free(object);
}

static void free_owners(struct plant *plant)
{
    struct owner *owner = NULL;
    for (size_t at = 0; (owner = map_next(&plant->owners, &at)) != NULL;) {
        free(owner);
    }
    map_free(&plant->owners);
}

static void free_processes(struct plant *plant)
{
    for (size_t i = 0; i < plant->process_count; i++) {
        process_record_free(plant->processes[i]);
    }
    free(plant->processes);
    map_free(&plant->processes_by_name);
    struct instance_group *group = NULL;
    for (size_t at = 0; (group = map_next(&plant->instance_groups, &at)) != NULL;) {
        free(group);
    }
    map_free(&plant->instance_groups);
    number_table_free(&plant->processes_by_number);
}

void plant_free(struct plant *plant)
{
    if (plant == NULL) {
        return;
    }
    list_init(&plant->going); /* nobody is left to be told that their objects become invalid */
    while (plant_tidy(plant)) {
    }
    for (size_t i = 0; i < plant->object_count; i++) {
        object_free(plant, plant->objects[i]); /* a hole is NULL */
    }
    free(plant->objects);
    free(plant->holes);
    map_free(&plant->objects_by_name);
    number_table_free(&plant->objects_by_number);
    free_owners(plant);
    free_processes(plant);
    map_free(&plant->awaited);
    stems_free(plant);
    computed_free(&plant->computed);
    buffer_free(&plant->scratch);
    chunk_release(plant->chunk);
    free(plant->held.heap);
    free(plant);
}

/* ---- finding ---- */

struct object *plant_object(const struct plant *plant, uint32_t hobj)
{
    return number_table_get(&plant->objects_by_number, hobj);
}

struct object *plant_object_by_name(const struct plant *plant, struct slice name)
{
    return map_get(&plant->objects_by_name, name);
}

size_t plant_object_count(const struct plant *plant)
{
    return plant->object_count - plant->hole_count;
}

size_t plant_object_end(const struct plant *plant)
{
    return plant->object_count;
}

struct object *plant_object_at(const struct plant *plant, size_t position)
{
    return position < plant->object_count ? plant->objects[position] : NULL;
}

bool plant_names_equal(struct slice a, const char *b)
{
    char terminated[D2K_OBJECT_NAME_MAX + 1];
    if (a.size != strlen(b) || a.size >= sizeof terminated) {
        return false;
    }
    if (a.size == 0 || memcmp(a.data, b, a.size) == 0) {
        return true;
    }
    memcpy(terminated, a.data, a.size);
    terminated[a.size] = '\0';
    return text_equal_ignoring_case(terminated, b);
}

/* ---- numbers ---- */

/* A process and an object of one name share their number; nobody else does. */
static bool number_is_free_for(const struct plant *plant, uint32_t number, struct slice name)
{
    const struct object *object = number_table_get(&plant->objects_by_number, number);
    const struct process_record *process = number_table_get(&plant->processes_by_number, number);
    return (object == NULL || plant_names_equal(name, object->name)) &&
           (process == NULL || plant_names_equal(name, process->key));
}

static uint32_t number_known_for(const struct plant *plant, struct slice name)
{
    const struct object *object = plant_object_by_name(plant, name);
    const struct process *process = plant_process(plant, name);
    uint32_t stored = 0;
    if (object != NULL) {
        return object->hobj;
    }
    if (process != NULL) {
        return process->id;
    }
    if (plant->hooks.stored_hobj != NULL) {
        stored = plant->hooks.stored_hobj(plant->hooks.context, name);
    }
    return stored <= PLANT_NUMBER_MAX && number_is_free_for(plant, stored, name) ? stored : 0;
}

d2k_result plant_number(struct plant *plant, struct slice name, uint32_t *ret_number,
                        bool *ret_is_new, struct error *err)
{
    *ret_number = number_known_for(plant, name);
    *ret_is_new = *ret_number == 0;
    if (*ret_number != 0) {
        return D2K_OK;
    }
    if (plant->next_number > PLANT_NUMBER_MAX) {
        return error_set(err, D2K_LIMIT, "all numbers of objects are used up");
    }
    *ret_number = plant->next_number;
    return D2K_OK;
}

void plant_number_given(struct plant *plant, struct slice name, uint32_t number, bool is_new)
{
    if (number >= plant->next_number) {
        plant->next_number = number + 1;
    }
    if (is_new && plant->hooks.store_hobj != NULL) {
        plant->hooks.store_hobj(plant->hooks.context, name, number);
    }
}

d2k_result plant_reserve_number(struct plant *plant, struct slice name, uint32_t *ret_number,
                                struct error *err)
{
    bool is_new = false;
    d2k_result result = plant_number(plant, name, ret_number, &is_new, err);
    if (result == D2K_OK) {
        plant_number_given(plant, name, *ret_number, is_new);
    }
    return result;
}

void *plant_array_reserve(void *array, size_t count, size_t *capacity)
{
    if (count < *capacity) {
        return array;
    }
    size_t larger = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = realloc(array, larger * sizeof(void *));
    if (grown != NULL) {
        *capacity = larger;
    }
    return grown;
}

/* ---- defining ---- */

static d2k_result check_text(struct slice text, size_t max, const char *what, struct slice name,
                             struct error *err)
{
    if (text.size > max) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: %s has %zu bytes, allowed are %zu",
                         (int)name.size, name.data, what, text.size, max);
    }
    if (!text_is_utf8(text)) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: %s is not UTF-8 text", (int)name.size,
                         name.data, what);
    }
    return D2K_OK;
}

static d2k_result check_columns(const struct definition *definition, struct error *err)
{
    struct slice name = definition->name, columns = definition->columns;
    const char *type = d2k_type_name(definition->type);
    if (!content_is_table(definition->type)) {
        return columns.size == 0 ? D2K_OK
                                 : error_set(err, D2K_ARGUMENT,
                                             "object %.*s: an object of type %s has no columns",
                                             (int)name.size, name.data, type);
    }
    if (definition->kind == OBJECT_COMPUTED) {
        return error_set(err, D2K_TYPE, "object %.*s: a computed object cannot have the type %s",
                         (int)name.size, name.data, type);
    }
    if (columns.size == 0) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: it is not said what columns it has",
                         (int)name.size, name.data);
    }
    d2k_result result = columns_check(columns, definition->type, err);
    if (result != D2K_OK) {
        (void)error_wrap(err, "object %.*s", (int)name.size, name.data);
    }
    return result;
}

d2k_result plant_check_name(struct slice name, struct error *err)
{
    char shown[256];
    return text_is_object_name(name)
               ? D2K_OK
               : error_set(err, D2K_ARGUMENT,
                           "\"%s\" is no object name: it must be 1 to %u letters, digits, '.' or "
                           "'_', the first a letter",
                           text_escape(shown, sizeof shown, name), D2K_OBJECT_NAME_MAX);
}

static d2k_result check_words(struct slice owner, const struct definition *definition,
                              struct error *err)
{
    char shown[256];
    struct slice name = definition->name;
    d2k_type type = definition->type;
    d2k_result result = plant_check_name(name, err);
    if (result != D2K_OK) {
        return result;
    }
    if (owner.size != 0 && !text_is_process_name(owner)) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: its owner \"%s\" is no process name",
                         (int)name.size, name.data, text_escape(shown, sizeof shown, owner));
    }
    if (type < D2K_TYPE_BOOLEAN || type > D2K_TYPE_LAST) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: %d is no type of an object",
                         (int)name.size, name.data, (int)type);
    }
    result = check_columns(definition, err);
    if (result != D2K_OK) {
        return result;
    }
    if (definition->history > PLANT_HISTORY_ENTRIES_MAX &&
        definition->history != PLANT_HISTORY_NONE) {
        return error_set(err, D2K_ARGUMENT, "object %.*s: a history keeps at most %u changes",
                         (int)name.size, name.data, PLANT_HISTORY_ENTRIES_MAX);
    }
    result = check_text(definition->description, D2K_DESCRIPTION_MAX, "description", name, err);
    return result != D2K_OK ? result
                            : check_text(definition->unit, D2K_UNIT_MAX, "unit", name, err);
}

static struct owner *owner_obtain(struct plant *plant, struct slice name)
{
    struct owner *owner = map_get(&plant->owners, name);
    if (owner != NULL) {
        return owner;
    }
    owner = malloc(sizeof *owner + name.size + 1);
    if (owner == NULL) {
        return NULL;
    }
    list_init(&owner->objects);
    list_init(&owner->doubtful);
    list_init(&owner->in_going);
    owner->gone_at = 0;
    if (name.size > 0) {
        memcpy(owner->name, name.data, name.size);
    }
    owner->name[name.size] = '\0';
    if (!map_add(&plant->owners, slice_of(owner->name), owner)) {
        free(owner);
        return NULL;
    }
    return owner;
}

/* What a definition says in memory of its own. */
struct texts {
    char *description, *unit, *properties;
    d2k_limits *limits;
};

static void texts_free(const struct texts *texts)
{
    free(texts->description);
    free(texts->unit);
    free(texts->properties);
    free(texts->limits);
}

static d2k_limits *limits_copy(const d2k_limits *limits)
{
    d2k_limits *copy = malloc(sizeof *copy);
    if (copy != NULL) {
        *copy = *limits;
    }
    return copy;
}

static bool texts_copy(const struct definition *definition, struct texts *ret)
{
    bool has_properties = definition->properties.size > 0;
    bool has_limits = definition->has_limits;
    ret->description = slice_copy(definition->description);
    ret->unit = slice_copy(definition->unit);
    ret->properties = has_properties ? slice_copy(definition->properties) : NULL;
    ret->limits = has_limits ? limits_copy(&definition->limits) : NULL;
    if ((ret->limits != NULL || !has_limits) && ret->description != NULL && ret->unit != NULL &&
        (ret->properties != NULL || !has_properties)) {
        return true;
    }
    texts_free(ret);
    return false;
}

/* Takes over the texts. */
static void describe(struct object *object, const struct definition *definition,
                     const struct texts *texts)
{
    object->type = definition->type;
    object->kind = (uint8_t)definition->kind;
    object->description = texts->description;
    object->unit = texts->unit;
    object->properties = texts->properties;
    object->properties_size = definition->properties.size;
    object->limits = texts->limits;
    object->alarm = definition->alarm;
    object->columns_size = (uint16_t)definition->columns.size;
    object->columns_at = 0;
    if (definition->columns.size > 0) {
        object->columns_at = (uint16_t)(definition->columns.data - definition->properties.data);
    }
}

static struct object *object_new(const struct definition *definition)
{
    struct texts texts;
    struct object *object = calloc(1, sizeof *object);
    if (object == NULL || !texts_copy(definition, &texts)) {
        free(object);
        return NULL;
    }
    memcpy(object->name, definition->name.data, definition->name.size);
    describe(object, definition, &texts);
    list_init(&object->of_owner);
    return object;
}

static d2k_result add_to_tables(struct plant *plant, struct object *object, struct error *err)
{
    if (!number_table_add(&plant->objects_by_number, object)) {
        return error_no_memory(err);
    }
    if (!map_add(&plant->objects_by_name, object_name(object), object)) {
        number_table_remove(&plant->objects_by_number, object);
        return error_no_memory(err);
    }
    d2k_result result = stem_add(plant, object, err);
    if (result != D2K_OK) {
        map_remove(&plant->objects_by_name, object_name(object));
        number_table_remove(&plant->objects_by_number, object);
    }
    return result;
}

static void remove_from_tables(struct plant *plant, struct object *object)
{
    stem_remove(plant, object);
    map_remove(&plant->objects_by_name, object_name(object));
    number_table_remove(&plant->objects_by_number, object);
}

/* All or nothing: on failure the tables are as before. */
static d2k_result register_object(struct plant *plant, struct object *object, struct error *err)
{
    struct object **objects =
        plant_array_reserve(plant->objects, plant->object_count, &plant->object_capacity);
    if (objects == NULL) {
        return error_no_memory(err);
    }
    plant->objects = objects;
    d2k_result result = add_to_tables(plant, object, err);
    if (result != D2K_OK) {
        return result;
    }
    result = readers_attach(plant, object, err);
    if (result != D2K_OK) {
        remove_from_tables(plant, object);
        return result;
    }
    if (plant->hole_count > 0) {
        plant->hole_count--;
    } else {
        plant->object_count++;
    }
    plant->objects[object->position] = object;
    return D2K_OK;
}

static uint32_t next_position(const struct plant *plant)
{
    return plant->hole_count > 0 ? plant->holes[plant->hole_count - 1]
                                 : (uint32_t)plant->object_count;
}

static d2k_result define_new(struct plant *plant, struct object *object, struct slice owner_name,
                             struct error *err)
{
    bool is_new_number = false;
    d2k_result result =
        plant_number(plant, object_name(object), &object->hobj, &is_new_number, err);
    if (result != D2K_OK) {
        return result;
    }
    struct owner *owner = owner_obtain(plant, owner_name);
    if (owner == NULL) {
        return error_no_memory(err);
    }
    object->position = next_position(plant);
    object->owner = owner->name;
    result = register_object(plant, object, err);
    if (result != D2K_OK) {
        return result;
    }
    list_append(&owner->objects, &object->of_owner);
    plant_number_given(plant, object_name(object), object->hobj, is_new_number);
    computed_object_added(plant, object);
    readers_announce(object);
    return D2K_OK;
}

/* After a change of type the old value means nothing any more: readers must not keep it. */
static d2k_result encode_no_value(struct plant *plant, const struct object *object,
                                  d2k_value *ret_value, struct update **ret_update,
                                  struct error *err)
{
    *ret_value = (d2k_value){.type = D2K_TYPE_NONE, .time_ns = object->value.time_ns};
    return plant_encode(plant, object, ret_value, ret_update, err);
}

static bool is_described(const struct plant *plant, const struct object *object,
                         const struct definition *definition)
{
    struct slice properties = {object->properties, object->properties_size};
    return object->type == definition->type && object->kind == definition->kind &&
           slice_equal_text(definition->description, object->description) &&
           slice_equal_text(definition->unit, object->unit) &&
           plant_history_entries(object) == history_wanted(plant, definition) &&
           slice_equal(definition->properties, properties);
}

struct slice plant_columns(const struct object *object)
{
    struct slice none = {NULL, 0};
    return object->columns_size == 0
               ? none
               : (struct slice){object->properties + object->columns_at, object->columns_size};
}

static bool becomes_another(const struct object *object, const struct definition *definition)
{
    return object->type != definition->type || object->kind != definition->kind ||
           !slice_equal(plant_columns(object), definition->columns);
}

/* What its value becomes by a new definition; *ret_update is NULL if it stays as it is. */
static d2k_result value_under(struct plant *plant, const struct object *object,
                              const struct definition *definition, d2k_value *ret_value,
                              struct update **ret_update, struct error *err)
{
    if (object->current == NULL) {
        return D2K_OK;
    }
    if (becomes_another(object, definition)) {
        return encode_no_value(plant, object, ret_value, ret_update, err);
    }
    const d2k_value *now = &object->value;
    *ret_value = *now;
    ret_value->limit_status =
        plant_limit_status(definition->has_limits ? &definition->limits : NULL, ret_value);
    if (object->alarm.has_alarms || definition->alarm.has_alarms) {
        alarm_evaluate(&definition->alarm, now, ret_value);
    }
    if (ret_value->limit_status == now->limit_status && ret_value->status == now->status &&
        ret_value->process_alarm == now->process_alarm) {
        return D2K_OK;
    }
    return plant_encode(plant, object, ret_value, ret_update, err);
}

static d2k_result define_again(struct plant *plant, struct object *object,
                               const struct definition *definition, struct error *err)
{
    struct texts texts,
        old = {object->description, object->unit, object->properties, object->limits};
    d2k_value value = {0};
    struct update *update = NULL;
    bool is_another = becomes_another(object, definition);
    if (is_described(plant, object, definition)) {
        return D2K_OK;
    }
    plant_settle_owner(plant, object);
    d2k_result result = value_under(plant, object, definition, &value, &update, err);
    if (result != D2K_OK) {
        return result;
    }
    if (!texts_copy(definition, &texts)) {
        update_release(update);
        return error_no_memory(err);
    }
    if (!history_set(plant, object, history_wanted(plant, definition))) {
        texts_free(&texts);
        update_release(update);
        return error_no_memory(err);
    }
    texts_free(&old);
    describe(object, definition, &texts);
    readers_announce(object);
    if (is_another) {
        history_clear(plant, object);
    }
    if (update != NULL) {
        plant_set_current(plant, object, &value,
                          value.type == D2K_TYPE_NONE ? NULL : object->text_storage, update);
    }
    return D2K_OK;
}

static d2k_result check_owner(const struct object *object, struct slice owner,
                              const struct definition *definition, struct error *err)
{
    char shown[256];
    if (!plant_names_equal(owner, object->owner)) {
        const char *who = object->owner[0] == '\0' ? "the kernel" : object->owner;
        return error_set(err, D2K_NOT_ALLOWED, "object %s belongs to %s; %s may not define it",
                         object->name, who,
                         owner.size == 0 ? "the kernel" : text_escape(shown, sizeof shown, owner));
    }
    if ((object->kind == OBJECT_SYSTEM_TAG) != (definition->kind == OBJECT_SYSTEM_TAG)) {
        return error_set(err, D2K_NOT_ALLOWED, "object %s is a system tag, and %s one",
                         object->name,
                         object->kind == OBJECT_SYSTEM_TAG ? "stays" : "there shall be");
    }
    return D2K_OK;
}

static d2k_result check_object(const struct plant *plant, struct slice owner,
                               const struct definition *definition, struct error *err)
{
    struct slice name = definition->name;
    d2k_result result = check_words(owner, definition, err);
    if (result != D2K_OK) {
        return result;
    }
    const struct object *object = plant_object_by_name(plant, name);
    if (object != NULL) {
        return check_owner(object, owner, definition, err);
    }
    if (plant_object_count(plant) >= PLANT_OBJECTS_MAX) {
        return error_set(err, D2K_LIMIT, "object %.*s: the plant has %u objects already, its limit",
                         (int)name.size, name.data, PLANT_OBJECTS_MAX);
    }
    return D2K_OK;
}

d2k_result plant_check_definition(const struct plant *plant, struct slice owner,
                                  const struct definition *definition, struct error *err)
{
    d2k_result result = check_object(plant, owner, definition, err);
    if (result == D2K_OK && definition->kind == OBJECT_COMPUTED) {
        result = computed_check(plant, definition, true, err);
    }
    return result;
}

static d2k_result define_first(struct plant *plant, struct slice owner,
                               const struct definition *definition, struct object **ret_object,
                               struct error *err)
{
    struct object *object = object_new(definition);
    if (object == NULL || !history_set(plant, object, history_wanted(plant, definition))) {
        object_free(plant, object);
        return error_no_memory(err);
    }
    d2k_result result = define_new(plant, object, owner, err);
    if (result != D2K_OK) {
        object_free(plant, object);
        return result;
    }
    *ret_object = object;
    return D2K_OK;
}

/* Dependents see the object as it is in the end. */
static d2k_result define_planned(struct plant *plant, struct slice owner,
                                 const struct definition *definition, struct computed_plan *plan,
                                 struct object **ret_object, struct error *err)
{
    struct object *object = plant_object_by_name(plant, definition->name);
    computed_hold(plant);
    d2k_result result = object != NULL ? define_again(plant, object, definition, err)
                                       : define_first(plant, owner, definition, &object, err);
    if (result != D2K_OK) {
        computed_cancel(plant, plan);
    } else if (plan != NULL) {
        computed_begin(plant, object, plan, definition->now_ns);
    } else {
        computed_end(plant, object);
    }
    computed_release(plant);
    *ret_object = object;
    return result;
}

d2k_result plant_define(struct plant *plant, struct slice owner,
                        const struct definition *definition, struct object **ret_object,
                        struct error *err)
{
    struct computed_plan *plan = NULL;
    d2k_result result = check_object(plant, owner, definition, err);
    if (result == D2K_OK && definition->kind == OBJECT_COMPUTED) {
        result = computed_prepare(plant, definition, &plan, err);
    }
    if (result != D2K_OK) {
        return result;
    }
    struct object *object = NULL;
    result = define_planned(plant, owner, definition, plan, &object, err);
    if (result == D2K_OK) {
        *ret_object = object;
    }
    return result;
}

/* ---- deleting ---- */

static bool reserve_hole(struct plant *plant)
{
    if (plant->hole_count < plant->hole_capacity) {
        return true;
    }
    size_t larger = plant->hole_capacity == 0 ? 64 : plant->hole_capacity * 2;
    uint32_t *grown = realloc(plant->holes, larger * sizeof *grown);
    if (grown != NULL) {
        plant->holes = grown;
        plant->hole_capacity = larger;
    }
    return grown != NULL;
}

d2k_result plant_delete(struct plant *plant, struct object *object, struct error *err)
{
    if (!reserve_hole(plant)) {
        return error_no_memory(err);
    }
    d2k_result result = readers_detach(plant, object, err);
    if (result != D2K_OK) {
        return result;
    }
    invalidation_settled(plant, object);
    remove_from_tables(plant, object);
    list_remove(&object->of_owner);
    plant->objects[object->position] = NULL;
    plant->holes[plant->hole_count++] = object->position;
    computed_object_removed(plant, object);
    object_free(plant, object);
    return D2K_OK;
}
