/* programs/tell/configure.c: define, delete, import, export: the kernel's own objects.
 *
 * Requests are sent ahead of their answers, so that the kernel stores many at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/file.h"
#include "os/system.h"
#include "programs/tell/csv.h"
#include "programs/tell/definition.h"
#include "programs/tell/tell.h"

#define UNDER_WAY_MAX    512u /* requests; the kernel takes 1024 */
#define FILE_MAX_BYTES   (256u * 1024u * 1024u)
#define PLACE_MAX        512u
#define STDIN_READ_BYTES 65536u

/* One request that waits for its answer. */
struct asked {
    uint64_t request;
    size_t line;      /* of the file; 0: none */
    const char *word; /* else the name on the command line */
};

struct job {
    struct tell *tell;
    const char *file; /* NULL: the command line */
    struct asked asked[UNDER_WAY_MAX];
    size_t under_way;
    size_t done, refused;
    enum exit_code code; /* of the first refusal */
};

/* ---- outcomes ---- */

static void refused(struct job *job, size_t line, const char *word, d2k_result result,
                    const char *why)
{
    const struct program *program = &job->tell->program;
    job->refused++;
    if (job->code == EXIT_CODE_OK) {
        job->code = exit_code_of(result, false);
    }
    if (word != NULL) {
        program_say_error(program, "%s: %s", word, why);
    } else {
        program_say_error(program, "%s:%zu: %s", job->file, line, why);
    }
}

static void answered(struct job *job, const d2k_event *event)
{
    size_t i = 0;
    while (i < job->under_way && job->asked[i].request != event->request) {
        i++;
    }
    if (i == job->under_way) {
        return; /* of an earlier command of the session */
    }
    struct asked asked = job->asked[i];
    job->under_way--;
    memmove(&job->asked[i], &job->asked[i + 1], (job->under_way - i) * sizeof asked);
    if (event->type == D2K_EVENT_FAILED) {
        refused(job, asked.line, asked.word, event->result, event->text);
    } else {
        job->done++;
    }
}

/* The next event of a link that is there; else what ends the command. */
static enum exit_code next(struct tell *tell, d2k_event *ret_event)
{
    enum exit_code code = tell_next_event(tell, ret_event, ANSWER_WAIT_MS);
    if (code == EXIT_CODE_OK && ret_event->type == D2K_EVENT_DISCONNECTED) {
        program_say_error(&tell->program, "%s", ret_event->text);
        return EXIT_CODE_LINK_LOST;
    }
    return code;
}

/* Waits until so few requests are without answer. */
static enum exit_code settle(struct job *job, size_t under_way)
{
    d2k_event event;
    while (job->under_way > under_way) {
        enum exit_code code = next(job->tell, &event);
        if (code != EXIT_CODE_OK) {
            program_say_error(&job->tell->program,
                              "%zu requests have no answer: whether they were done is unknown",
                              job->under_way);
            return code;
        }
        if (event.type == D2K_EVENT_DONE || event.type == D2K_EVENT_FAILED) {
            answered(job, &event);
        }
    }
    return EXIT_CODE_OK;
}

static enum exit_code sent(struct job *job, d2k_result result, struct asked asked)
{
    if (result != D2K_OK) {
        refused(job, asked.line, asked.word, result,
                d2k_client_error_text(job->tell->program.client));
        return EXIT_CODE_OK;
    }
    job->asked[job->under_way++] = asked;
    return job->under_way == UNDER_WAY_MAX ? settle(job, UNDER_WAY_MAX / 2) : EXIT_CODE_OK;
}

static enum exit_code configure(struct job *job, const struct definition_texts *texts,
                                struct asked asked)
{
    struct error err = {0};
    struct tell_definition definition;
    d2k_result result = definition_read(texts, &definition, &err);
    if (result != D2K_OK) {
        refused(job, asked.line, asked.word, result, err.text);
        return EXIT_CODE_OK;
    }
    result = d2k_configure(job->tell->program.client, &definition.definition, &asked.request);
    definition_free(&definition);
    return sent(job, result, asked);
}

/* ---- define and delete ---- */

enum exit_code tell_define(struct tell *tell)
{
    static struct job job;
    const struct tell_options *options = &tell->options;
    job = (struct job){.tell = tell};
    struct definition_texts texts = options->definition;
    texts.columns[COLUMN_NAME] = slice_of(options->words[0]);
    texts.columns[COLUMN_TYPE] = slice_of(options->words[1]);
    enum exit_code code = configure(&job, &texts, (struct asked){.word = options->words[0]});
    code = code != EXIT_CODE_OK ? code : settle(&job, 0);
    return code != EXIT_CODE_OK ? code : job.code;
}

enum exit_code tell_delete(struct tell *tell)
{
    static struct job job;
    enum exit_code code = EXIT_CODE_OK;
    job = (struct job){.tell = tell};
    for (size_t i = 0; code == EXIT_CODE_OK && i < tell->options.word_count; i++) {
        struct asked asked = {.word = tell->options.words[i]};
        d2k_result result = d2k_delete(tell->program.client, asked.word, &asked.request);
        code = sent(&job, result, asked);
    }
    code = code != EXIT_CODE_OK ? code : settle(&job, 0);
    return code != EXIT_CODE_OK ? code : job.code;
}

/* ---- import ---- */

static int read_stdin(char **ret_data, size_t *ret_size)
{
    struct buffer all;
    buffer_init(&all, FILE_MAX_BYTES);
    for (size_t got = 1; got > 0;) {
        uint8_t *at = buffer_reserve(&all, STDIN_READ_BYTES);
        int error = at == NULL ? EFBIG : os_read(0, at, STDIN_READ_BYTES, &got);
        if (error != 0) {
            buffer_free(&all);
            return error;
        }
        buffer_added(&all, got);
    }
    *ret_size = buffer_size(&all);
    *ret_data = slice_copy((struct slice){(const char *)buffer_data(&all), buffer_size(&all)});
    buffer_free(&all);
    return *ret_data == NULL ? ENOMEM : 0;
}

static enum exit_code import_record(struct job *job, const struct definition_header *header,
                                    const struct csv_record *record)
{
    struct error err = {0};
    struct definition_texts texts;
    d2k_result result = definition_texts_take(header, record, &texts, &err);
    if (result != D2K_OK) {
        refused(job, record->line, NULL, result, err.text);
        return EXIT_CODE_OK;
    }
    return configure(job, &texts, (struct asked){.line = record->line});
}

static enum exit_code import_records(struct job *job, struct csv *csv,
                                     const struct definition_header *header)
{
    enum exit_code code = EXIT_CODE_OK;
    struct csv_record record;
    struct error err = {0};
    d2k_result result;
    while (code == EXIT_CODE_OK && (result = csv_next(csv, &record, &err)) != D2K_NOT_FOUND) {
        if (result == D2K_OK) {
            code = import_record(job, header, &record);
        } else {
            refused(job, record.line, NULL, result, err.text);
        }
    }
    return code != EXIT_CODE_OK ? code : settle(job, 0);
}

static enum exit_code import_text(struct job *job, char *text, size_t size)
{
    struct csv csv;
    struct csv_record record;
    struct definition_header header;
    struct error err = {0};
    csv_init(&csv, text, size);
    d2k_result result = csv_next(&csv, &record, &err);
    if (result == D2K_NOT_FOUND) {
        result = error_set(&err, D2K_ARGUMENT, "the file is empty");
    } else if (result == D2K_OK) {
        result = definition_header_read(&record, &header, &err);
    }
    if (result != D2K_OK) {
        refused(job, record.line, NULL, result, err.text);
        return EXIT_CODE_OK;
    }
    return import_records(job, &csv, &header);
}

static enum exit_code import_file(struct tell *tell, const char *word)
{
    static struct job job;
    bool is_stdin = strcmp(word, "-") == 0;
    char *text = NULL;
    size_t size = 0;
    job = (struct job){.tell = tell, .file = is_stdin ? "standard input" : word};
    int error = is_stdin ? read_stdin(&text, &size)
                         : os_file_read(word, FILE_MAX_BYTES, &text, &size, NULL);
    if (error != 0) {
        program_say_error(&tell->program, "%s: %s", job.file, os_error_text(error));
        return EXIT_CODE_USAGE;
    }
    enum exit_code code = import_text(&job, text, size);
    free(text);
    (void)printf("%s: %zu objects defined, %zu lines refused\n", job.file, job.done, job.refused);
    enum exit_code flushed = tell_flush(tell, NULL);
    code = code != EXIT_CODE_OK ? code : flushed;
    return code != EXIT_CODE_OK ? code : job.code;
}

enum exit_code tell_import(struct tell *tell)
{
    enum exit_code worst = EXIT_CODE_OK;
    for (size_t i = 0; i < tell->options.word_count && !program_stop_requested(); i++) {
        enum exit_code code = import_file(tell, tell->options.words[i]);
        worst = worst != EXIT_CODE_OK ? worst : code;
        if (code == EXIT_CODE_LINK_LOST) {
            return code;
        }
    }
    return worst;
}

/* ---- export ---- */

struct exported {
    char *name;
    size_t at, size; /* of its record in the buffer */
};

struct export
{
    struct tell *tell;
    struct exported *rows;
    size_t count, capacity;
    struct buffer records;
};

static bool keep(struct export *export, const d2k_object_info *object)
{
    if (object->kind != D2K_KIND_USER_VARIABLE && object->kind != D2K_KIND_COMPUTED) {
        return true;
    }
    if (export->count == export->capacity) {
        size_t larger = export->capacity == 0 ? 1024 : export->capacity * 2;
        struct exported *grown = realloc(export->rows, larger * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        export->rows = grown;
        export->capacity = larger;
    }
    struct exported *row = &export->rows[export->count];
    row->at = buffer_size(&export->records);
    if (!definition_put(&export->records, object)) {
        return false;
    }
    row->size = buffer_size(&export->records) - row->at;
    row->name = text_format("%s", object->name);
    export->count += row->name != NULL;
    return row->name != NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct exported *left = a, *right = b;
    return text_compare_ignoring_case(left->name, right->name);
}

/* An object that two patterns match is written once. */
static enum exit_code print(struct export *export)
{
    const char *last = "";
    struct buffer header;
    buffer_init(&header, PLACE_MAX);
    definition_put_header(&header);
    (void)fwrite(buffer_data(&header), 1, buffer_size(&header), stdout);
    buffer_free(&header);
    if (export->count > 0) {
        qsort(export->rows, export->count, sizeof *export->rows, by_name);
    }
    for (size_t i = 0; i < export->count; i++) {
        const struct exported *row = &export->rows[i];
        if (!text_equal_ignoring_case(row->name, last)) {
            (void)fwrite(buffer_data(&export->records) + row->at, 1, row->size, stdout);
        }
        last = row->name;
    }
    return tell_flush(export->tell, NULL);
}

static enum exit_code collect(struct export *export, const char *pattern)
{
    struct program *program = &export->tell->program;
    uint64_t request = 0;
    d2k_event event = {.type = D2K_EVENT_OBJECT};
    d2k_result result = d2k_list_objects(program->client, pattern, &request);
    if (result != D2K_OK) {
        program_say_error(program, "%s: %s", pattern, d2k_client_error_text(program->client));
        return exit_code_of(result, true);
    }
    for (;;) {
        enum exit_code code = next(export->tell, &event);
        if (code != EXIT_CODE_OK) {
            return code;
        }
        if (event.request != request) {
            continue;
        }
        if (event.type == D2K_EVENT_DONE) {
            return EXIT_CODE_OK;
        }
        if (event.type == D2K_EVENT_FAILED) {
            program_say_error(program, "%s: %s", pattern, event.text);
            return exit_code_of(event.result, true);
        }
        if (event.type == D2K_EVENT_OBJECT && !keep(export, event.object)) {
            return tell_too_large(export->tell);
        }
    }
}

enum exit_code tell_export(struct tell *tell)
{
    struct export export = {.tell = tell};
    enum exit_code code = EXIT_CODE_OK;
    buffer_init(&export.records, REPLY_MAX_BYTES);
    if (tell->options.word_count == 0) {
        code = collect(&export, "*");
    }
    for (size_t i = 0; code == EXIT_CODE_OK && i < tell->options.word_count; i++) {
        code = collect(&export, tell->options.words[i]);
    }
    if (code == EXIT_CODE_OK) {
        code = print(&export);
    }
    for (size_t i = 0; i < export.count; i++) {
        free(export.rows[i].name);
    }
    free(export.rows);
    buffer_free(&export.records);
    return code;
}
