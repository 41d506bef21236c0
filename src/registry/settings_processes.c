/* registry/settings_processes.c: sections Process\<name> -> static processes in the order in which
 * they are started. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "registry/settings_table.h"

#define KEY_PREFIX  "Process\\"
#define PROBLEM_MAX 512

struct reading {
    const struct registry_file *file;
    const char *directory;
    void (*report)(void *context, unsigned line, const char *text);
    void *context;
};

static void mistake(const struct reading *r, const struct registry_section *section,
                    const char *what)
{
    char key[STATIC_PROCESS_NAME_MAX * 2], text[PROBLEM_MAX];
    (void)text_escape(key, sizeof key, slice_of(section->key));
    (void)snprintf(text, sizeof text, "[%s] %s", key, what);
    r->report(r->context, section->line, text);
}

/* The name behind "Process\"; NULL: it is another section. */
static const char *name_of(const char *key)
{
    char start[sizeof KEY_PREFIX];
    (void)text_copy(start, sizeof start, key);
    return text_equal_ignoring_case(start, KEY_PREFIX) ? key + sizeof KEY_PREFIX - 1 : NULL;
}

/* What the file says, else the default of the row. A value that is wrong was reported; the row's
 * check and this one are the same function. */
static d2k_result read_value(const struct reading *r, const char *key, const char *name,
                             void *target)
{
    const struct setting *setting = settings_find(SETTINGS_APPLICATION, key, name);
    const struct registry_value *value = registry_find(r->file, key, name);
    char problem[PROBLEM_MAX];
    const char *text = value != NULL ? value->text : setting->default_text;
    const char *raw = value != NULL ? value->raw : setting->default_text;
    if (text == NULL) {
        return D2K_OK;
    }
    struct setting_input input = {text, raw, r->directory, problem, sizeof problem};
    d2k_result result = setting->type->parse(setting->type, &input, target);
    return result == D2K_CONFIG ? D2K_OK : result;
}

static d2k_result read_process(const struct reading *r, const struct registry_section *section,
                               struct static_process *process)
{
    const struct {
        const char *name;
        void *target;
    } values[] = {
        {"Executable", &process->executable}, {"Parameters", &process->parameters},
        {"Directory", &process->directory},   {"Environment", &process->environment},
        {"Autostart", &process->autostart},   {"StartPriority", &process->priority},
        {"InitTime", &process->init_time_s},  {"StopTimeout", &process->stop_timeout_s},
    };
    process->line = section->line;
    process->name = text_format("%s", name_of(section->key));
    if (process->name == NULL) {
        return D2K_NO_MEMORY;
    }
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        d2k_result result = read_value(r, section->key, values[i].name, values[i].target);
        if (result != D2K_OK) {
            return result;
        }
    }
    if (registry_find(r->file, section->key, "Executable") == NULL) {
        mistake(r, section, "has no Executable: the kernel does not know what to start");
    }
    return D2K_OK;
}

static bool is_there(const struct static_processes *processes, const char *name)
{
    for (size_t i = 0; i < processes->count; i++) {
        if (text_equal_ignoring_case(processes->at[i].name, name)) {
            return true;
        }
    }
    return false;
}

static d2k_result add_section(const struct reading *r, const struct registry_section *section,
                              struct static_processes *processes)
{
    const char *name = name_of(section->key);
    if (name == NULL) {
        return D2K_OK;
    }
    if (!text_is_process_name(slice_of(name))) {
        mistake(r, section, "is no static process: [Process\\<name>.<type>] is needed");
        return D2K_OK;
    }
    if (is_there(processes, name)) {
        mistake(r, section, "stands twice");
        return D2K_OK;
    }
    if (processes->count == STATIC_PROCESSES_MAX) {
        mistake(r, section, "is one static process too many: 256 are possible");
        return D2K_OK;
    }
    return read_process(r, section, &processes->at[processes->count++]);
}

_Static_assert(STATIC_PROCESSES_MAX == 256, "the sentence says 256");

static int by_priority(const void *a, const void *b)
{
    const struct static_process *left = a, *right = b;
    if (left->priority != right->priority) {
        return left->priority > right->priority ? -1 : 1;
    }
    return left->line < right->line ? -1 : left->line > right->line;
}

d2k_result settings_read_processes(const struct registry_file *file, const char *directory,
                                   void (*report)(void *context, unsigned line, const char *text),
                                   void *context, struct static_processes *ret_processes)
{
    struct reading r = {file, directory, report, context};
    *ret_processes = (struct static_processes){0};
    if (!registry_has_key(file, "Process")) {
        return D2K_OK;
    }
    ret_processes->at = calloc(STATIC_PROCESSES_MAX, sizeof ret_processes->at[0]);
    if (ret_processes->at == NULL) {
        return D2K_NO_MEMORY;
    }
    for (size_t i = 0; i < file->section_count; i++) {
        d2k_result result = add_section(&r, &file->sections[i], ret_processes);
        if (result != D2K_OK) {
            return result; /* what was read goes with the settings */
        }
    }
    if (ret_processes->count > 1) {
        qsort(ret_processes->at, ret_processes->count, sizeof ret_processes->at[0], by_priority);
    }
    return D2K_OK;
}
