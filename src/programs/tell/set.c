/* programs/tell/set.c: the command set: asks for the type of the object, sets it, and waits for the
 * outcome. */
#include <stdio.h>

#include "base/content.h"
#include "programs/tell/content.h"
#include "programs/tell/tell.h"

struct set {
    struct tell *tell;
    uint64_t request; /* that is awaited */
    d2k_type type;
    d2k_table *table; /* of an Array or a Structure: where its value is made; else NULL */
    bool found;
};

static const char *object_name(const struct set *set)
{
    return set->tell->options.words[0];
}

static enum exit_code refuse(const struct set *set, d2k_result result, const char *why)
{
    program_say_error(&set->tell->program, "%s: %s", object_name(set), why);
    return exit_code_of(result, true);
}

static enum exit_code take_object(struct set *set, const d2k_object_info *object)
{
    struct error err = {.text = ""};
    set->found = true;
    set->type = object->type;
    if (!content_is_table(object->type) || set->table != NULL) {
        return EXIT_CODE_OK;
    }
    d2k_result result =
        content_new_table(object->type, object->columns, object->column_count, &set->table, &err);
    return result == D2K_OK ? EXIT_CODE_OK : refuse(set, result, err.text);
}

/* The event that ends the request. */
static enum exit_code wait_for_end(struct set *set, int timeout_ms, d2k_event *ret_event)
{
    for (;;) {
        enum exit_code code = tell_next_event(set->tell, ret_event, timeout_ms);
        if (code != EXIT_CODE_OK) {
            return code;
        }
        if (ret_event->request != set->request) {
            continue;
        }
        if (ret_event->type == D2K_EVENT_OBJECT) {
            enum exit_code taken = take_object(set, ret_event->object);
            if (taken != EXIT_CODE_OK) {
                return taken;
            }
        } else if (ret_event->type != D2K_EVENT_VALUE) {
            return EXIT_CODE_OK;
        }
    }
}

static enum exit_code find_type(struct set *set)
{
    d2k_event event;
    d2k_client *client = set->tell->program.client;
    d2k_result result = d2k_list_objects(client, object_name(set), &set->request);
    if (result != D2K_OK) {
        return refuse(set, result, d2k_client_error_text(client));
    }
    enum exit_code code = wait_for_end(set, ANSWER_WAIT_MS, &event);
    if (code == EXIT_CODE_OK && event.type == D2K_EVENT_FAILED) {
        return refuse(set, event.result, event.text);
    }
    if (code == EXIT_CODE_OK && !set->found) {
        program_say_error(&set->tell->program, "there is no object %s", object_name(set));
        return EXIT_CODE_NOT_FOUND;
    }
    return code;
}

static enum exit_code send(struct set *set)
{
    struct error err = {.text = ""};
    d2k_value value;
    d2k_client *client = set->tell->program.client;
    const struct tell_options *options = &set->tell->options;
    d2k_result result = set->table != NULL
                            ? content_read_table(options->words[1], set->table, &value, &err)
                            : content_read(options->words[1], set->type, &value, &err);
    if (result != D2K_OK) {
        return refuse(set, result, err.text);
    }
    result = d2k_set(client, object_name(set), &value,
                     options->no_wait ? D2K_SET_SENT : D2K_SET_OUTCOME, &set->request);
    return result == D2K_OK ? EXIT_CODE_OK : refuse(set, result, d2k_client_error_text(client));
}

enum exit_code tell_set(struct tell *tell)
{
    d2k_event event;
    struct set set = {.tell = tell};
    enum exit_code code = find_type(&set);
    if (code == EXIT_CODE_OK) {
        code = send(&set);
    }
    d2k_table_free(set.table);
    if (code != EXIT_CODE_OK || tell->options.no_wait) {
        return code;
    }
    code = wait_for_end(&set, -1, &event); /* the kernel's own time-out ends it */
    if (code == EXIT_CODE_OK && event.result != D2K_OK) {
        return refuse(&set, event.result, event.text);
    }
    return code;
}
