/* client/queries.c: questions about objects: which there are, what they are at one moment, what
 * they were; and what is said of all that a pattern matches. */
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "wire/properties.h"

static d2k_result check_link(d2k_client *client)
{
    if (client_state(client) == CLIENT_REGISTERED &&
        (client->link.capabilities & WIRE_CAPABILITY_PLANT) == 0) {
        return client_refuse(client, D2K_STATE, "this kernel does not know that: it is too old");
    }
    return D2K_OK;
}

/* ---- lists ---- */

static d2k_result check_filter(d2k_client *client, const d2k_filter *filter)
{
    const char *const patterns[] = {filter->owner, filter->path};
    if (filter->size != sizeof *filter || (unsigned)filter->type > D2K_TYPE_LAST ||
        (unsigned)filter->quality > D2K_QUALITY_INVALID ||
        (filter->has_kind && (unsigned)filter->kind > D2K_KIND_SYSTEM_TAG)) {
        return client_refuse(client, D2K_ARGUMENT,
                             "filter: its size, type, quality or kind is none");
    }
    for (size_t i = 0; i < 2; i++) {
        if (patterns[i] != NULL &&
            (strlen(patterns[i]) > WIRE_PATTERN_MAX || !text_is_utf8(slice_of(patterns[i])))) {
            return client_refuse(client, D2K_ARGUMENT,
                                 "filter: a pattern has over %u bytes or is not UTF-8 text",
                                 WIRE_PATTERN_MAX);
        }
    }
    return check_link(client);
}

static void put_filter(struct buffer *out, const d2k_filter *filter)
{
    if (filter->type != D2K_TYPE_NONE) {
        properties_put_u8(out, PROPERTY_FILTER_TYPE, (uint8_t)filter->type);
    }
    if (filter->owner != NULL) {
        properties_put(out, PROPERTY_FILTER_OWNER, slice_of(filter->owner));
    }
    if (filter->quality != D2K_QUALITY_ANY) {
        properties_put_u8(out, PROPERTY_FILTER_QUALITY, (uint8_t)filter->quality);
    }
    if (filter->has_kind) {
        properties_put_u8(out, PROPERTY_FILTER_KIND, (uint8_t)filter->kind);
    }
    if (filter->path != NULL) {
        properties_put(out, PROPERTY_FILTER_PATH, slice_of(filter->path));
    }
}

d2k_result d2k_list_objects_where(d2k_client *client, const char *pattern, const d2k_filter *filter,
                                  uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_LIST_OBJECTS};
    struct buffer properties;
    d2k_result result = client_check_text(client, "pattern", pattern, WIRE_PATTERN_MAX);
    if (result == D2K_OK && filter != NULL) {
        result = check_filter(client, filter);
    }
    if (result != D2K_OK) {
        return result;
    }
    buffer_init(&properties, WIRE_LENGTH_MAX);
    if (filter != NULL) {
        put_filter(&properties, filter);
    }
    message.as.list_objects.pattern = slice_of(pattern);
    message.as.list_objects.properties =
        (struct slice){(const char *)buffer_data(&properties), buffer_size(&properties)};
    result = buffer_failed(&properties)
                 ? error_no_memory(&client->error)
                 : client_ask(client, REQUEST_LIST_OBJECTS, &message, ret_request);
    buffer_free(&properties);
    return result;
}

d2k_result d2k_list_objects(d2k_client *client, const char *pattern, uint64_t *ret_request)
{
    return d2k_list_objects_where(client, pattern, NULL, ret_request);
}

/* ---- snapshot ---- */

static d2k_result put_patterns(d2k_client *client, const char *const *patterns, size_t count,
                               struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        d2k_result result = client_check_text(client, "pattern", patterns[i], WIRE_PATTERN_MAX);
        if (result != D2K_OK) {
            return result;
        }
        buffer_put_u16(out, (uint16_t)strlen(patterns[i]));
        buffer_put(out, patterns[i], strlen(patterns[i]));
    }
    return buffer_failed(out) ? error_no_memory(&client->error) : D2K_OK;
}

d2k_result d2k_read_snapshot(d2k_client *client, const char *const *patterns, size_t count,
                             uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_SNAPSHOT};
    struct buffer list;
    d2k_result result = check_link(client);
    if (result == D2K_OK && (count == 0 || count > D2K_SNAPSHOT_PATTERNS_MAX)) {
        result = client_refuse(client, D2K_ARGUMENT, "snapshot: 1..%u patterns are needed",
                               D2K_SNAPSHOT_PATTERNS_MAX);
    }
    if (result != D2K_OK) {
        return result;
    }
    buffer_init(&list, WIRE_LENGTH_MAX);
    result = put_patterns(client, patterns, count, &list);
    message.as.snapshot.patterns =
        (struct slice){(const char *)buffer_data(&list), buffer_size(&list)};
    if (result == D2K_OK) {
        result = client_ask(client, REQUEST_SNAPSHOT, &message, ret_request);
    }
    buffer_free(&list);
    return result;
}

/* ---- history ---- */

d2k_result d2k_history(d2k_client *client, const char *name, unsigned count, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_HISTORY};
    d2k_result result = check_link(client);
    if (result != D2K_OK) {
        return result;
    }
    if (name == NULL || !text_is_object_name(slice_of(name))) {
        return client_refuse(client, D2K_ARGUMENT, "history: \"%.80s\" is no object name",
                             name == NULL ? "" : name);
    }
    message.as.history.name = slice_of(name);
    message.as.history.count = count;
    return client_ask(client, REQUEST_HISTORY, &message, ret_request);
}

/* ---- process alarms ---- */

d2k_result d2k_acknowledge_alarm(d2k_client *client, const char *pattern, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_ACKNOWLEDGE_ALARM};
    d2k_result result = client_check_text(client, "pattern", pattern, WIRE_PATTERN_MAX);
    result = result != D2K_OK ? result : check_link(client);
    if (result != D2K_OK) {
        return result;
    }
    message.as.acknowledge_alarm.pattern = slice_of(pattern);
    return client_ask(client, REQUEST_ACKNOWLEDGE_ALARM, &message, ret_request);
}
