/* programs/tell/lines.c: a line for each value, as text, JSON or CSV. */
#include "programs/tell/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/content.h"
#include "base/json.h"
#include "base/text.h"
#include "programs/tell/csv.h"
#include "programs/tell/show.h"
#include "programs/tell/table.h"

#define LINE_MAX_BYTES                                                               \
    (4u * 1024u * 1024u) /* of JSON and CSV: the longest text with all bytes escaped \
                          */
#define NAME_WIDTH  24   /* least widths of the columns */
#define VALUE_WIDTH 16

void value_lines_init(struct value_lines *lines, const struct tell_options *options)
{
    *lines = (struct value_lines){.options = options, .name_width = NAME_WIDTH};
    buffer_init(&lines->line, LINE_MAX_BYTES);
}

void value_lines_free(struct value_lines *lines)
{
    buffer_free(&lines->line);
}

static void print_cell(const char *text, size_t width)
{
    size_t used = table_text_width(text);
    (void)printf("%s%*s  ", text, used < width ? (int)(width - used) : 0, "");
}

static bool print_line(struct value_lines *lines)
{
    if (buffer_failed(&lines->line)) {
        return false;
    }
    (void)fwrite(buffer_data(&lines->line), 1, buffer_size(&lines->line), stdout);
    return true;
}

/* ---- text ---- */

static bool print_text(struct value_lines *lines, const d2k_object_info *object,
                       const d2k_value *value)
{
    char status[SHOW_STATUS_MAX], time[TEXT_TIME_MAX];
    char *name = show_text(object->name), *unit = show_text(object->unit);
    char *content = show_content(value);
    bool ok = name != NULL && unit != NULL && content != NULL;
    if (ok) {
        show_status(value, status);
        show_time(value->time_ns, time, sizeof time);
        size_t width = table_text_width(name);
        lines->name_width = width > lines->name_width ? width : lines->name_width;
        print_cell(time, TEXT_TIME_MAX - 1);
        print_cell(name, lines->name_width);
        print_cell(content, VALUE_WIDTH);
        print_cell(unit, 4);
        (void)printf("%s\n", status);
    }
    free(name);
    free(unit);
    free(content);
    return ok;
}

/* ---- JSON ---- */

static bool print_json(struct value_lines *lines, const d2k_object_info *object,
                       const d2k_value *value)
{
    buffer_reset(&lines->line);
    struct json json = json_into(&lines->line);
    json_write_open(&json, NULL, '{');
    json_write_text(&json, "name", slice_of(object->name));
    json_write_text(&json, "type", slice_of(d2k_type_name(object->type)));
    json_write_text(&json, "unit", slice_of(object->unit));
    show_value_json(&json, value);
    json_write_close(&json, '}');
    buffer_put(&lines->line, "\n", 1);
    return print_line(lines);
}

/* ---- CSV ---- */

static const char *const csv_titles[] = {"time",          "name",      "type",     "value",
                                         "unit",          "flags",     "sequence", "status",
                                         "process_alarm", "alarm_time"};

/* A time as JSON has it, without its quotes: UTC, in nanoseconds. */
static void put_time(struct buffer *out, bool first, int64_t time_ns)
{
    struct buffer text;
    buffer_init(&text, 64);
    struct json json = json_into(&text);
    json_write_time(&json, NULL, time_ns);
    struct slice quoted = {(const char *)buffer_data(&text), buffer_size(&text)};
    bool has_time = time_ns != 0 && quoted.size > 2 && quoted.data[0] == '"';
    csv_put(out, first,
            has_time ? (struct slice){quoted.data + 1, quoted.size - 2} : (struct slice){"", 0});
    buffer_free(&text);
}

/* As JSON, in one field. */
static void put_table(struct buffer *out, const d2k_value *value)
{
    struct buffer text;
    buffer_init(&text, LINE_MAX_BYTES);
    struct json json = json_into(&text);
    content_write_json(&json, NULL, value);
    csv_put(out, false, (struct slice){(const char *)buffer_data(&text), buffer_size(&text)});
    buffer_free(&text);
}

static void put_content(struct buffer *out, const d2k_value *value)
{
    char text[128];
    switch (value->type) {
    case D2K_TYPE_NONE:
        csv_put(out, false, slice_of(""));
        return;
    case D2K_TYPE_TEXT:
        csv_put(out, false, (struct slice){value->content.text.data, value->content.text.size});
        return;
    case D2K_TYPE_ABSOLUTE_TIME:
        put_time(out, false, value->content.absolute_time_ns);
        return;
    case D2K_TYPE_ARRAY:
    case D2K_TYPE_STRUCTURE:
        put_table(out, value);
        return;
    default:
        (void)d2k_value_format(value, text, sizeof text);
        csv_put(out, false, slice_of(text));
        return;
    }
}

static void put_flags(struct buffer *out, uint16_t flags)
{
    char text[17];
    size_t count = 0;
    for (unsigned i = 0; i < 16; i++) {
        if ((flags >> i & 1u) != 0) {
            text[count++] = "ABCDEFGHIJKLMNOP"[i];
        }
    }
    csv_put(out, false, (struct slice){text, count});
}

static bool print_csv(struct value_lines *lines, const d2k_object_info *object,
                      const d2k_value *value)
{
    char status[SHOW_STATUS_MAX], sequence[24];
    struct buffer *out = &lines->line;
    buffer_reset(out);
    put_time(out, true, value->time_ns);
    csv_put(out, false, slice_of(object->name));
    csv_put(out, false, slice_of(d2k_type_name(object->type)));
    put_content(out, value);
    csv_put(out, false, slice_of(object->unit));
    put_flags(out, value->flags);
    (void)snprintf(sequence, sizeof sequence, "%" PRIu64, value->sequence);
    csv_put(out, false, slice_of(sequence));
    show_status(value, status);
    csv_put(out, false, slice_of(status));
    csv_put(out, false, slice_of(show_alarm(value)));
    put_time(out, false, value->process_alarm_time_ns);
    csv_end_record(out);
    return print_line(lines);
}

static void print_csv_header(struct value_lines *lines)
{
    buffer_reset(&lines->line);
    for (size_t i = 0; i < sizeof csv_titles / sizeof csv_titles[0]; i++) {
        csv_put(&lines->line, i == 0, slice_of(csv_titles[i]));
    }
    csv_end_record(&lines->line);
    (void)print_line(lines);
}

/* ---- all forms ---- */

void value_lines_header(struct value_lines *lines)
{
    if (lines->options->csv) {
        print_csv_header(lines);
    } else if (!lines->options->json) {
        print_cell("TIME", TEXT_TIME_MAX - 1);
        print_cell("NAME", lines->name_width);
        print_cell("VALUE", VALUE_WIDTH);
        print_cell("UNIT", 4);
        (void)printf("STATUS\n");
    }
}

bool value_lines_print(struct value_lines *lines, const d2k_object_info *object,
                       const d2k_value *value)
{
    if (lines->options->json) {
        return print_json(lines, object, value);
    }
    return lines->options->csv ? print_csv(lines, object, value) : print_text(lines, object, value);
}
