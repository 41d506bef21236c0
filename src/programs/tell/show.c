/* programs/tell/show.c: everything that d2k-tell writes about a value or a process. */
#include "programs/tell/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/text.h"

static const struct {
    uint32_t bit;
    const char *word;
} status_words[] = {
    {D2K_STATUS_PROC_ALARM, "ProcAlarm"},    {D2K_STATUS_NO_ACK_PALARM, "NoAckPAlarm"},
    {D2K_STATUS_PR_AL_SILENT, "PrAlSilent"}, {D2K_STATUS_WEAK, "Weak"},
    {D2K_STATUS_NO_ACK_VALUE, "NoAckValue"}, {D2K_STATUS_TRANSIENT, "Transient"},
    {D2K_STATUS_DEFAULT, "Default"},         {D2K_STATUS_MANUAL, "Manual"},
    {D2K_STATUS_PR_AL_CRIT, "PrAlCrit"},
};

#define STATUS_WORDS     (sizeof status_words / sizeof status_words[0])
#define STATUS_WORDS_MAX (STATUS_WORDS + 4) /* with validity, limit status, alarm and Past */
#define ESCAPED_BYTE_MAX 4                  /* "\xHH" */

static bool is_valid(const d2k_value *value)
{
    return value->type != D2K_TYPE_NONE && (value->status & D2K_STATUS_VALID) != 0;
}

const char *show_alarm(const d2k_value *value)
{
    const char *name = d2k_process_alarm_name(value->process_alarm);
    return name != NULL ? name : "?";
}

static size_t collect_words(const d2k_value *value, const char *ret_words[STATUS_WORDS_MAX])
{
    size_t count = 0;
    ret_words[count++] = is_valid(value) ? "Valid" : "INVALID";
    for (size_t i = 0; i < STATUS_WORDS; i++) {
        if ((value->status & status_words[i].bit) != 0) {
            ret_words[count++] = status_words[i].word;
        }
    }
    if (value->limit_status != D2K_IN_LIMIT) {
        ret_words[count++] = d2k_limit_status_name(value->limit_status);
    }
    /* Of a number it most often is called as the limit status, which stands there already. */
    if (value->process_alarm != D2K_PALARM_NONE &&
        strcmp(show_alarm(value), d2k_limit_status_name(value->limit_status)) != 0) {
        ret_words[count++] = show_alarm(value);
    }
    if (value->past) {
        ret_words[count++] = "Past";
    }
    return count;
}

void show_status(const d2k_value *value, char ret_text[SHOW_STATUS_MAX])
{
    const char *words[STATUS_WORDS_MAX];
    size_t count = collect_words(value, words), used = 0;
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(ret_text + used, SHOW_STATUS_MAX - used, "%s%s", i > 0 ? "," : "",
                                 words[i]);
    }
}

static char *escape(struct slice raw)
{
    if (raw.size > (SIZE_MAX - 1) / ESCAPED_BYTE_MAX) {
        return NULL;
    }
    size_t size = raw.size * ESCAPED_BYTE_MAX + 1;
    char *text = malloc(size);
    return text == NULL ? NULL : text_escape(text, size, raw);
}

char *show_text(const char *raw)
{
    return escape(slice_of(raw));
}

/* As JSON, which a terminal takes as it is. */
static char *format_table(const d2k_value *value)
{
    size_t size = d2k_value_format(value, NULL, 0) + 1;
    char *text = malloc(size);
    if (text != NULL) {
        (void)d2k_value_format(value, text, size);
    }
    return text;
}

char *show_content(const d2k_value *value)
{
    char text[128];
    if (value->type == D2K_TYPE_NONE) {
        return strdup("-");
    }
    if (value->type == D2K_TYPE_TEXT) {
        return escape(content_bytes(value));
    }
    if (content_is_table(value->type)) {
        return format_table(value);
    }
    (void)d2k_value_format(value, text, sizeof text);
    return strdup(text);
}

void show_time(int64_t time_ns, char *ret_text, size_t size)
{
    if (time_ns == 0) {
        text_copy(ret_text, size, "-");
    } else {
        text_time(ret_text, size, time_ns);
    }
}

char *show_security(const d2k_process_info *process)
{
    char *text = NULL;
    char *version = show_text(process->tls_version[0] == '\0' ? "plain" : process->tls_version);
    if (version != NULL) {
        text = text_format("%s%s", version, process->verified ? " VERIFIED" : "");
    }
    free(version);
    return text;
}

const char *show_process_state(d2k_process_state state)
{
    switch (state) {
    case D2K_PROCESS_RUNNING:
        return "Running";
    case D2K_PROCESS_STOP:
        return "Stop";
    case D2K_PROCESS_CRASH:
        return "Crash";
    case D2K_PROCESS_WDERR:
        return "WDErr";
    }
    return "?";
}

static const char *instance_word(const d2k_process_info *process)
{
    return process->instance_state == D2K_INSTANCE_ACTIVE    ? "active"
           : process->instance_state == D2K_INSTANCE_PASSIVE ? "passive"
                                                             : NULL;
}

const char *show_instance(const d2k_process_info *process, char ret_text[SHOW_STATE_MAX])
{
    const char *word = instance_word(process);
    (void)snprintf(ret_text, SHOW_STATE_MAX, "%s%s%s%s", show_process_state(process->state),
                   word != NULL ? " " : "", word != NULL ? word : "",
                   process->preferred ? " preferred" : "");
    return ret_text;
}

static const char *program_word(d2k_program_state program)
{
    switch (program) {
    case D2K_PROGRAM_STOPPED:
        return "stopped";
    case D2K_PROGRAM_QUEUED:
        return "queued";
    case D2K_PROGRAM_WAITING:
        return "waiting";
    case D2K_PROGRAM_STARTING:
        return "starting";
    case D2K_PROGRAM_RUNNING:
        return "running";
    case D2K_PROGRAM_STOPPING:
        return "stopping";
    case D2K_PROGRAM_NONE:
    case D2K_PROGRAM_UNKNOWN:
        break;
    }
    return "?";
}

const char *show_program(const d2k_process_info *process, char ret_text[SHOW_PROGRAM_MAX])
{
    char what[24], restarts[32] = "";
    if (process->program == D2K_PROGRAM_NONE) {
        return "-";
    }
    text_copy(what, sizeof what, program_word(process->program));
    if (process->program == D2K_PROGRAM_WAITING) {
        (void)snprintf(what, sizeof what, "starts in %.1f s", process->next_start_ms / 1000.0);
    }
    if (process->restarts > 0) {
        (void)snprintf(restarts, sizeof restarts, ", %u restart%s", process->restarts,
                       process->restarts > 1 ? "s" : "");
    }
    (void)snprintf(ret_text, SHOW_PROGRAM_MAX, "%s%s", what, restarts);
    return ret_text;
}

char *show_process_name(const d2k_process_info *process)
{
    char *name = show_text(process->name);
    if (process->instance == 0 || name == NULL) {
        return name;
    }
    char *text = text_format("[%u]_%s", process->instance, name);
    free(name);
    return text;
}

static void time_json(struct json *json, const char *key, int64_t time_ns)
{
    if (time_ns == 0) {
        json_write_null(json, key);
    } else {
        json_write_time(json, key, time_ns);
    }
}

void show_value_json(struct json *json, const d2k_value *value)
{
    const char *words[STATUS_WORDS_MAX];
    size_t count = collect_words(value, words);
    content_write_json(json, "value", value);
    json_write_boolean(json, "valid", is_valid(value));
    json_write_open(json, "status", '[');
    for (size_t i = 0; i < count; i++) {
        json_write_text(json, NULL, slice_of(words[i]));
    }
    json_write_close(json, ']');
    json_write_open(json, "flags", '[');
    for (unsigned i = 0; i < 16; i++) {
        if ((value->flags >> i & 1u) != 0) {
            json_write_text(json, NULL, (struct slice){&"ABCDEFGHIJKLMNOP"[i], 1});
        }
    }
    json_write_close(json, ']');
    json_write_text(json, "limit_status", slice_of(d2k_limit_status_name(value->limit_status)));
    json_write_text(json, "process_alarm", slice_of(show_alarm(value)));
    time_json(json, "alarm_time", value->process_alarm_time_ns);
    json_write_boolean(json, "past", value->past);
    time_json(json, "time", value->time_ns);
    json_write_unsigned(json, "sequence", value->sequence);
}

static void program_json(struct json *json, const d2k_process_info *process)
{
    bool is_static = process->program != D2K_PROGRAM_NONE;
    json_write_boolean(json, "static", is_static);
    if (is_static) {
        json_write_text(json, "program", slice_of(program_word(process->program)));
        json_write_unsigned(json, "restarts", process->restarts);
    } else {
        json_write_null(json, "program");
        json_write_null(json, "restarts");
    }
    if (process->program == D2K_PROGRAM_WAITING) {
        json_write_seconds(json, "next_start", process->next_start_ms * INT64_C(1000000));
    } else {
        json_write_null(json, "next_start");
    }
}

void show_process_json(struct json *json, const d2k_process_info *process)
{
    bool plain = process->tls_version[0] == '\0';
    json_write_open(json, NULL, '{');
    json_write_text(json, "name", slice_of(process->name));
    json_write_unsigned(json, "id", process->id);
    json_write_unsigned(json, "instance", process->instance);
    if (instance_word(process) == NULL) {
        json_write_null(json, "instance_state");
    } else {
        json_write_text(json, "instance_state", slice_of(instance_word(process)));
    }
    json_write_boolean(json, "preferred", process->preferred);
    json_write_text(json, "state", slice_of(show_process_state(process->state)));
    json_write_text(json, "version", slice_of(process->version));
    json_write_text(json, "computer", slice_of(process->computer));
    json_write_text(json, "address", slice_of(process->address));
    json_write_unsigned(json, "os_process_id", process->os_process_id);
    if (plain) {
        json_write_null(json, "tls_version");
    } else {
        json_write_text(json, "tls_version", slice_of(process->tls_version));
    }
    json_write_boolean(json, "verified", process->verified);
    time_json(json, "since", process->since_ns);
    json_write_unsigned(json, "connection_sql_id", process->connection_sql_id);
    json_write_unsigned(json, "values_in", process->values_in);
    json_write_unsigned(json, "values_out", process->values_out);
    if (process->user[0] == '\0') {
        json_write_null(json, "user");
    } else {
        json_write_text(json, "user", slice_of(process->user));
    }
    program_json(json, process);
    json_write_close(json, '}');
}
