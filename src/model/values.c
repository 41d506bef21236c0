/* model/values.c: values of objects: checked, encoded once, made current, passed on to the
 * readers. */
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/prefetch.h"
#include "base/table.h"
#include "base/text.h"
#include "model/plant_private.h"

/* ---- updates ---- */

struct update *update_hold(struct update *update)
{
    if (update != NULL) {
        update->references++;
    }
    return update;
}

void update_release(struct update *update)
{
    if (update != NULL && --update->references == 0) {
        free(update);
    }
}

d2k_result plant_encode(struct plant *plant, const struct object *object, const d2k_value *value,
                        struct update **ret_update, struct error *err)
{
    struct buffer *scratch = &plant->scratch;
    buffer_reset(scratch);
    d2k_result result = plant->hooks.encode(scratch, object->hobj, value);
    if (result != D2K_OK) {
        return error_set(err, result, "object %s: its value cannot be encoded: %s", object->name,
                         d2k_result_text(result));
    }
    size_t size = buffer_size(scratch);
    struct update *update = malloc(sizeof *update + size);
    if (update == NULL) {
        return error_no_memory(err);
    }
    update->references = 1;
    update->size = (uint32_t)size;
    update->sequence = ++plant->sequence;
    if (size > 0) {
        memcpy(update->bytes, buffer_data(scratch), size);
    }
    *ret_update = update;
    return D2K_OK;
}

void invalidation_settled(struct plant *plant, struct object *object)
{
    if (object->invalidation_owed) {
        object->invalidation_owed = false;
        plant->invalidations_owed--;
    }
}

void plant_set_current(struct plant *plant, struct object *object, const d2k_value *value,
                       char *text, struct update *update)
{
    if (object->text_storage != text) {
        free(object->text_storage);
        object->text_storage = text;
    }
    struct update *before = object->current;
    object->value = *value;
    object->current = update;
    invalidation_settled(plant, object);
    if (object->history != NULL) {
        history_add(plant, object, update);
    }
    readers_tell(plant, object, update, before, false);
    update_release(before);
    if (object->node != NULL) {
        computed_input_changed(plant, object->node);
    }
}

/* ---- checks ---- */

static d2k_result check_content(const struct object *object, const d2k_value *value,
                                struct error *err)
{
    d2k_result result = content_check(value, err);
    if (result == D2K_OK && content_is_table(value->type)) {
        result = table_check_columns(value->type, content_bytes(value), plant_columns(object), err);
    }
    if (result != D2K_OK) {
        (void)error_wrap(err, "object %s", object->name);
    }
    return result;
}

static d2k_result check_value(const struct object *object, const d2k_value *value,
                              struct error *err)
{
    if (value->type != object->type) {
        return error_set(err, D2K_TYPE, "object %s has type %s, the value has type %s",
                         object->name, d2k_type_name(object->type), d2k_type_name(value->type));
    }
    if ((value->status & ~D2K_STATUS_ALL) != 0) {
        return error_set(err, D2K_ARGUMENT, "object %s: the value has unknown status bits 0x%x",
                         object->name, (unsigned)(value->status & ~D2K_STATUS_ALL));
    }
    if (!content_is_time(value->time_ns)) {
        return error_set(err, D2K_ARGUMENT, "object %s: its time is not from 1972 to 2099",
                         object->name);
    }
    return check_content(object, value, err);
}

/* The bytes of the value move to memory of its own; a text is cut to what an object may hold. */
static d2k_result own_bytes(d2k_value *value, char **ret_text, struct error *err)
{
    struct slice whole = content_bytes(value);
    size_t size = whole.size;
    if (value->type == D2K_TYPE_TEXT && size > D2K_TEXT_MAX_CHARS) {
        size = text_prefix_of_chars(whole, D2K_TEXT_MAX_CHARS);
    }
    if (size < whole.size) {
        value->status |= D2K_STATUS_WEAK;
    }
    char *text = malloc(size + 1);
    if (text == NULL) {
        return error_no_memory(err);
    }
    if (size > 0) {
        memcpy(text, whole.data, size);
    }
    text[size] = '\0';
    content_set_bytes(value, (struct slice){text, size});
    *ret_text = text;
    return D2K_OK;
}

/* ---- setting ---- */

static void invalidate(struct plant *plant, struct object *object)
{
    if (object->current == NULL || (object->value.status & D2K_STATUS_VALID) == 0) {
        return;
    }
    d2k_value value = object->value;
    struct update *update = NULL;
    value.status &= ~D2K_STATUS_VALID;
    plant_find_alarm(object, &value);
    if (plant_encode(plant, object, &value, &update, NULL) == D2K_OK) {
        plant_set_current(plant, object, &value, object->text_storage, update);
    } else if (!object->invalidation_owed) {
        object->invalidation_owed = true;
        plant->invalidations_owed++;
    }
}

static void settle_invalidations(struct plant *plant)
{
    for (size_t i = 0; i < plant->object_count && plant->invalidations_owed > 0; i++) {
        if (plant->objects[i] != NULL && plant->objects[i]->invalidation_owed) {
            invalidate(plant, plant->objects[i]);
        }
    }
}

d2k_result plant_set_checked(struct plant *plant, struct object *object, d2k_value *value,
                             struct error *err)
{
    char *text = NULL;
    struct update *update = NULL;
    d2k_result result = D2K_OK;
    value->limit_status = plant_limit_status(object->limits, value);
    plant_find_alarm(object, value);
    if (content_is_bytes(value->type)) {
        result = own_bytes(value, &text, err);
    }
    if (result == D2K_OK) {
        result = plant_encode(plant, object, value, &update, err);
    }
    if (result != D2K_OK) {
        free(text);
        return result;
    }
    if (value->past) {
        readers_tell(plant, object, update, object->current, true);
        update_release(update);
        free(text);
    } else {
        plant_set_current(plant, object, value, text, update);
    }
    return D2K_OK;
}

static d2k_result check_set(const struct object *object, struct slice owner, d2k_value *own,
                            int64_t now_ns, struct error *err)
{
    char shown[256];
    if (!plant_names_equal(owner, object->owner)) {
        if (object->kind == OBJECT_COMPUTED) {
            return error_set(err, D2K_NOT_ALLOWED, "object %s is computed: nobody sets it",
                             object->name);
        }
        return error_set(err, D2K_NOT_ALLOWED, "object %s belongs to %s; %s may not set it",
                         object->name, object->owner[0] == '\0' ? "the kernel" : object->owner,
                         text_escape(shown, sizeof shown, owner));
    }
    if (own->time_ns == 0) {
        own->time_ns = now_ns;
    }
    return check_value(object, own, err);
}

d2k_result plant_check_value(const struct object *object, struct slice owner,
                             const d2k_value *value, int64_t now_ns, struct error *err)
{
    d2k_value own = *value;
    return check_set(object, owner, &own, now_ns, err);
}

d2k_result plant_set(struct plant *plant, struct slice owner, struct object *object,
                     const d2k_value *value, int64_t now_ns, struct error *err)
{
    settle_invalidations(plant);
    d2k_value own = *value;
    d2k_result result = check_set(object, owner, &own, now_ns, err);
    return result != D2K_OK ? result : plant_set_checked(plant, object, &own, err);
}

bool plant_acknowledge_alarm(struct plant *plant, struct object *object)
{
    plant_settle_owner(plant, object);
    d2k_value value = object->value;
    struct update *update = NULL;
    /* What is owed to the object would be forgotten with a new value. */
    if (!object->alarm.has_alarms || object->invalidation_owed || !alarm_acknowledge(&value) ||
        plant_encode(plant, object, &value, &update, NULL) != D2K_OK) {
        return false;
    }
    plant_set_current(plant, object, &value, object->text_storage, update);
    return true;
}

/* ---- what comes next ---- */

#define CACHE_LINE 64u
/* Of more readers the first are still there when their turn comes. */
#define READERS_EXPECTED 16u

static void expect_object(const struct object *object)
{
    for (size_t at = 0; object != NULL && at < offsetof(struct object, name); at += CACHE_LINE) {
        prefetch((const char *)object + at);
    }
}

static void expect_readers(const struct object *object)
{
    for (uint32_t i = 0; i < object->reader_count && i < READERS_EXPECTED; i++) {
        prefetch(object->readers[i]);
    }
}

/* Each step looks at what the step before it has asked for. */
void plant_expect(const struct plant *plant, const uint32_t *hobjs, unsigned count)
{
    const struct number_table *table = &plant->objects_by_number;
    const struct object *objects[PLANT_EXPECT_MAX];
    for (unsigned i = 0; i < count; i++) {
        number_table_expect(table, hobjs[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        expect_object(number_table_likely(table, hobjs[i]));
    }
    for (unsigned i = 0; i < count; i++) {
        objects[i] = number_table_get(table, hobjs[i]);
        if (objects[i] != NULL) {
            prefetch(objects[i]->current);
            prefetch(objects[i]->readers);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (objects[i] != NULL) {
            expect_readers(objects[i]);
        }
    }
}

/* ---- commands ---- */

static void mark_transient(struct plant *plant, struct object *object, bool is_transient)
{
    plant_settle_owner(plant, object);
    d2k_value value = object->value;
    struct update *update = NULL;
    if (object->current == NULL || ((value.status & D2K_STATUS_TRANSIENT) != 0) == is_transient) {
        return;
    }
    value.status ^= D2K_STATUS_TRANSIENT;
    if (plant_encode(plant, object, &value, &update, NULL) == D2K_OK) {
        plant_set_current(plant, object, &value, object->text_storage, update);
    }
}

void plant_command_began(struct plant *plant, struct object *object)
{
    if (object->open_commands++ == 0) {
        mark_transient(plant, object, true);
    }
}

void plant_command_ended(struct plant *plant, struct object *object)
{
    if (object->open_commands > 0 && --object->open_commands == 0) {
        mark_transient(plant, object, false);
    }
}

/* ---- owners ---- */

static void invalidate_some(struct plant *plant, struct owner *owner)
{
    computed_hold(plant);
    for (unsigned i = 0; i < PLANT_INVALIDATIONS_AT_ONCE && !list_empty(&owner->doubtful); i++) {
        struct object *object = LIST_FIRST(&owner->doubtful, struct object, of_owner);
        list_remove(&object->of_owner);
        list_append(&owner->objects, &object->of_owner);
        plant_settle_owner(plant, object);
    }
    computed_release(plant);
    if (list_empty(&owner->doubtful)) {
        list_remove(&owner->in_going);
    }
}

void plant_settle_owner(struct plant *plant, struct object *object)
{
    const struct owner *owner = LIST_MEMBER(object->owner, struct owner, name);
    if (object->current != NULL && object->current->sequence <= owner->gone_at) {
        invalidate(plant, object);
    }
}

bool owners_tidy(struct plant *plant)
{
    struct owner *owner = LIST_FIRST(&plant->going, struct owner, in_going);
    if (owner != NULL) {
        invalidate_some(plant, owner);
    }
    return !list_empty(&plant->going);
}

void plant_owner_gone(struct plant *plant, struct slice name)
{
    struct owner *owner = map_get(&plant->owners, name);
    if (owner == NULL) {
        return;
    }
    owner->gone_at = plant->sequence;
    list_append_all(&owner->doubtful, &owner->objects);
    list_remove(&owner->in_going);
    list_append(&plant->going, &owner->in_going);
    invalidate_some(plant, owner);
}
