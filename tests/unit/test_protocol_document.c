/* Compares docs/protocol/protocol.md with the code: every message, field, code, constant and limit,
 * and the bytes of the example. What one side has and the other has not is named.
 *
 * Both sides are turned into lines of text such as "Hello field 4: application str 64"; then the
 * two sets of lines must be equal. */
#include <ctype.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <d2k/table.h>

#include "kernel/kernel.h"
#include "model/moment.h"
#include "model/pace.h"
#include "model/plant.h"
#include "net/server.h"
#include "session/session.h"
#include "wire/message.h"
#include "wire/properties.h"
#include "wire/value.h"

#define DOCUMENT          D2K_SOURCE_DIR "/docs/protocol/protocol.md"
#define FACTS_MAX         600u
#define FACT_MAX          256u
#define CELLS_MAX         8u
#define EXAMPLE_MAX       4096u
#define DOCUMENT_LINE_MAX 1024u

/* ---- sets of lines ---- */

struct facts {
    size_t count;
    char text[FACTS_MAX][FACT_MAX];
};

static void facts_add(struct facts *facts, const char *format, ...) D2K_PRINTF(2, 3);

static void facts_add(struct facts *facts, const char *format, ...)
{
    va_list args;
    assert_true(facts->count < FACTS_MAX);
    va_start(args, format);
    int size = vsnprintf(facts->text[facts->count++], FACT_MAX, format, args);
    va_end(args);
    assert_true(size > 0 && (size_t)size < FACT_MAX);
}

static bool facts_have(const struct facts *facts, const char *text)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (strcmp(facts->text[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static unsigned report_missing(const struct facts *in, const struct facts *from, const char *who)
{
    unsigned missing = 0;
    for (size_t i = 0; i < in->count; i++) {
        if (!facts_have(from, in->text[i])) {
            print_error("%s does not say: %s\n", who, in->text[i]);
            missing++;
        }
    }
    return missing;
}

static void assert_same_facts(const struct facts *code, const struct facts *document)
{
    unsigned missing = report_missing(code, document, "the document");
    missing += report_missing(document, code, "the code");
    assert_int_equal(missing, 0);
    assert_int_equal(code->count, document->count); /* nothing is said twice */
}

static bool starts_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/* ---- what the code says ---- */

static const char *from_word(enum wire_from from)
{
    return from == WIRE_FROM_C ? "client" : from == WIRE_FROM_K ? "kernel" : "both";
}

static const char *state_word(enum wire_state state)
{
    return state == WIRE_STATE_OPENING      ? "opening"
           : state == WIRE_STATE_REGISTERED ? "registered"
                                            : "any";
}

static void code_messages(struct facts *facts)
{
#define FIELD(kind, f) facts_add(facts, "%s field %u: %s %s -", message, ++position, #f, #kind);
#define TEXT(f, limit) \
    facts_add(facts, "%s field %u: %s str %u", message, ++position, #f, (unsigned)(limit));
#define MESSAGE(number, upper, lower, name, from, state)                                       \
    {                                                                                          \
        const char *message = #name;                                                           \
        unsigned position = 0;                                                                 \
        facts_add(facts, "%s: number %u from %s state %s", message, (unsigned)(number),        \
                  from_word(WIRE_FROM_##from), state_word(WIRE_STATE_##state));                \
        WIRE_FIELDS_##lower(FIELD, TEXT) facts_add(facts, "%s: %u fields", message, position); \
    }
    WIRE_MESSAGES(MESSAGE)
#undef MESSAGE
#undef TEXT
#undef FIELD
}

static void code_codes(struct facts *facts)
{
#define CODE(name, number, text) \
    facts_add(facts, "code %s %u: %s", #name, (unsigned)(number), text);
    WIRE_CODES(CODE)
#undef CODE
}

static void code_constant(struct facts *facts, const char *name, uint64_t value)
{
    facts_add(facts, "constant %s = %" PRIu64, name, value);
}

static void wire_constants(struct facts *facts)
{
#define WIRE(name) code_constant(facts, #name, (uint64_t)WIRE_##name);
    WIRE(VERSION_MIN)
    WIRE(VERSION_MAX)
    WIRE(PREFACE_SIZE)
    WIRE(HEADER_SIZE)
    WIRE(LENGTH_MAX_UNREGISTERED)
    WIRE(LENGTH_MAX)
    WIRE(FLAG_SKIPPABLE)
    WIRE(FLAGS_ALL)
    WIRE(ID_SIZE)
    WIRE(TOKEN_SIZE)
    WIRE(NAME_MAX)
    WIRE(PATTERN_MAX)
    WIRE(SENTENCE_MAX)
    WIRE(PASSWORD_MAX)
    WIRE(CAPABILITY_WRITES)
    WIRE(CAPABILITY_PAST)
    WIRE(CAPABILITY_ACK)
    WIRE(CAPABILITY_PLANT)
    WIRE(CAPABILITIES)
    WIRE(REGISTER_VERIFIED)
    WIRE(REGISTER_NUMBERED)
    WIRE(REGISTER_RESUME)
    WIRE(LOG_INFO)
    WIRE(LOG_DEBUG)
    WIRE(MODE_LATEST)
    WIRE(MODE_EVERY)
    WIRE(QUALITY_ALL)
    WIRE(QUALITY_VALID)
    WIRE(QUALITY_INVALID)
    WIRE(WRITE_DONE)
    WIRE(WRITE_REFUSED)
    WIRE(WRITE_UNKNOWN)
    WIRE(KIND_PROCESS)
    WIRE(KIND_USER_VARIABLE)
    WIRE(KIND_COMPUTED)
    WIRE(KIND_SYSTEM_TAG)
    code_constant(facts, "PROPERTIES_MAX", PROPERTIES_MAX);
    code_constant(facts, "PROPERTY_PATH_MAX", PROPERTY_PATH_MAX);
    code_constant(facts, "PROPERTY_PATH", PROPERTY_PATH);
    code_constant(facts, "PROPERTY_LIMIT_VL", PROPERTY_LIMIT_VL);
    code_constant(facts, "PROPERTY_LIMIT_L", PROPERTY_LIMIT_L);
    code_constant(facts, "PROPERTY_LIMIT_H", PROPERTY_LIMIT_H);
    code_constant(facts, "PROPERTY_LIMIT_VH", PROPERTY_LIMIT_VH);
    code_constant(facts, "PROPERTY_KIND", PROPERTY_KIND);
    code_constant(facts, "PROPERTY_EXPRESSION", PROPERTY_EXPRESSION);
    code_constant(facts, "PROPERTY_EXPRESSION_MAX", PROPERTY_EXPRESSION_MAX);
    code_constant(facts, "PROPERTY_ALARM", PROPERTY_ALARM);
    code_constant(facts, "PROPERTY_COLUMNS", PROPERTY_COLUMNS);
    code_constant(facts, "PROPERTY_DEFAULT", PROPERTY_DEFAULT);
    code_constant(facts, "PROPERTY_CRITICAL", PROPERTY_CRITICAL);
    code_constant(facts, "PROPERTY_COMMAND_TIMEOUT", PROPERTY_COMMAND_TIMEOUT);
    code_constant(facts, "PROPERTY_HISTORY", PROPERTY_HISTORY);
    code_constant(facts, "PROPERTY_WRITABLE", PROPERTY_WRITABLE);
    code_constant(facts, "PROPERTY_FILTER_TYPE", PROPERTY_FILTER_TYPE);
    code_constant(facts, "PROPERTY_FILTER_OWNER", PROPERTY_FILTER_OWNER);
    code_constant(facts, "PROPERTY_FILTER_QUALITY", PROPERTY_FILTER_QUALITY);
    code_constant(facts, "PROPERTY_MIN_INTERVAL", PROPERTY_MIN_INTERVAL);
    code_constant(facts, "PROPERTY_DEAD_BAND", PROPERTY_DEAD_BAND);
    code_constant(facts, "PROPERTY_FILTER_KIND", PROPERTY_FILTER_KIND);
    code_constant(facts, "PROPERTY_FILTER_PATH", PROPERTY_FILTER_PATH);
    code_constant(facts, "PROPERTY_INSTANCE_STATE", PROPERTY_INSTANCE_STATE);
    code_constant(facts, "PROPERTY_STATIC", PROPERTY_STATIC);
    code_constant(facts, "PROPERTY_RESTARTS", PROPERTY_RESTARTS);
    code_constant(facts, "PROPERTY_NEXT_START_MS", PROPERTY_NEXT_START_MS);
    code_constant(facts, "PROPERTY_USER", PROPERTY_USER);
    code_constant(facts, "PROPERTY_NAME", PROPERTY_NAME);
    code_constant(facts, "PROPERTY_PROCESS", PROPERTY_PROCESS);
    WIRE(STATE_HOT)
    WIRE(STATE_STANDBY)
    WIRE(STATE_STARTING)
    WIRE(PROCESS_RUNNING)
    WIRE(PROCESS_STOP)
    WIRE(PROCESS_CRASH)
    WIRE(PROCESS_WDERR)
    WIRE(PROGRAM_UNKNOWN)
    WIRE(PROGRAM_STOPPED)
    WIRE(PROGRAM_QUEUED)
    WIRE(PROGRAM_WAITING)
    WIRE(PROGRAM_STARTING)
    WIRE(PROGRAM_RUNNING)
    WIRE(PROGRAM_STOPPING)
    WIRE(INSTANCE_NONE)
    WIRE(INSTANCE_ACTIVE)
    WIRE(INSTANCE_PASSIVE)
    WIRE(INSTANCE_PREFERRED)
    WIRE(VALUE_HEADER_SIZE)
#undef WIRE
}

static void value_constants(struct facts *facts)
{
#define VALUE(name) code_constant(facts, #name, (uint64_t)D2K_##name);
    VALUE(TYPE_NONE)
    VALUE(TYPE_BOOLEAN)
    VALUE(TYPE_INTEGER)
    VALUE(TYPE_REAL)
    VALUE(TYPE_ABSOLUTE_TIME)
    VALUE(TYPE_RELATIVE_TIME)
    VALUE(TYPE_TEXT)
    VALUE(TYPE_LINE)
    VALUE(TYPE_ALARM)
    VALUE(TYPE_STATION)
    VALUE(TYPE_PROCESS)
    VALUE(TYPE_QUATERNARY)
    VALUE(TYPE_HOBJ)
    VALUE(TYPE_ARRAY)
    VALUE(TYPE_STRUCTURE)
    VALUE(COLUMNS_MAX)
    VALUE(COLUMN_NAME_MAX)
    VALUE(ROWS_MAX)
    VALUE(TABLE_BYTES_MAX)
    VALUE(STATUS_VALID)
    VALUE(STATUS_PROC_ALARM)
    VALUE(STATUS_NO_ACK_PALARM)
    VALUE(STATUS_PR_AL_SILENT)
    VALUE(STATUS_WEAK)
    VALUE(STATUS_NO_ACK_VALUE)
    VALUE(STATUS_TRANSIENT)
    VALUE(STATUS_DEFAULT)
    VALUE(STATUS_MANUAL)
    VALUE(STATUS_PR_AL_CRIT)
    VALUE(STATUS_ALL)
    VALUE(STATUS_PALARMS)
    VALUE(TEXT_MAX_CHARS)
    VALUE(TEXT_MAX_BYTES)
    VALUE(OBJECT_NAME_MAX)
    VALUE(DESCRIPTION_MAX)
    VALUE(UNIT_MAX)
    VALUE(TIME_MIN_NS)
    VALUE(TIME_MAX_NS)
#undef VALUE
}

static void kernel_constants(struct facts *facts)
{
    code_constant(facts, "OPENING_TIMEOUT_MS", NET_OPENING_TIMEOUT_MS);
    code_constant(facts, "INPUT_MAX_OPENING", SESSION_INPUT_MAX_OPENING);
    code_constant(facts, "REGISTER_MS", CLIENT_REGISTER_MS);
    code_constant(facts, "PROBE_MS", CLIENT_PROBE_MS);
    code_constant(facts, "LINGER_MS", NET_LINGER_MS);
    code_constant(facts, "WATCHDOG_MIN_MS", CLIENT_WATCHDOG_MIN_MS);
    code_constant(facts, "WATCHDOG_MAX_MS", CLIENT_WATCHDOG_MAX_MS);
    code_constant(facts, "WATCHDOG_MISSED", CLIENT_WATCHDOG_MISSED);
    code_constant(facts, "PING_MAX", CLIENT_PING_MAX);
    code_constant(facts, "CHANGES_MAX", CLIENT_CHANGES_MAX);
    code_constant(facts, "CLIENT_COMMANDS_MAX", CLIENT_COMMANDS_MAX);
    code_constant(facts, "COMMANDS_MAX", COMMANDS_MAX);
    code_constant(facts, "COMMANDS_REMEMBERED_MAX", COMMANDS_REMEMBERED_MAX);
    code_constant(facts, "COMMAND_TIMEOUT_MS", COMMAND_TIMEOUT_MS);
    code_constant(facts, "COMMAND_TIMEOUT_MIN_MS", COMMAND_TIMEOUT_MIN_MS);
    code_constant(facts, "COMMAND_TIMEOUT_MAX_MS", COMMAND_TIMEOUT_MAX_MS);
    code_constant(facts, "QUERIES_MAX", CLIENT_QUERIES_MAX);
    code_constant(facts, "ORDERS_MAX", CLIENT_ORDERS_MAX);
    code_constant(facts, "INTERVAL_MAX_MS", PACE_INTERVAL_MAX_MS);
    code_constant(facts, "SNAPSHOT_PATTERNS_MAX", SNAPSHOT_PATTERNS_MAX);
    code_constant(facts, "SNAPSHOT_OBJECTS_MAX", SNAPSHOT_OBJECTS_MAX);
    code_constant(facts, "SNAPSHOT_BYTES_MAX", SNAPSHOT_BYTES_MAX);
    code_constant(facts, "HISTORY_ENTRIES_MAX", PLANT_HISTORY_ENTRIES_MAX);
    code_constant(facts, "HISTORY_BYTES_MAX", PLANT_HISTORY_BYTES_MAX);
    code_constant(facts, "SUBSCRIPTIONS_MAX", PLANT_SUBSCRIPTIONS_MAX);
    code_constant(facts, "EVERY_QUEUE_MAX", PLANT_EVERY_QUEUE_MAX);
    code_constant(facts, "EVERY_BYTES_MAX", PLANT_EVERY_BYTES_MAX);
    code_constant(facts, "OUTPUT_MAX", SESSION_OUTPUT_MAX);
    code_constant(facts, "OBJECTS_MAX", PLANT_OBJECTS_MAX);
}

/* ---- what the document says ---- */

enum table {
    TABLE_OTHER,
    TABLE_FIELDS,
    TABLE_CODES,
    TABLE_CONSTANTS,
};

struct reader {
    struct facts *messages, *codes, *constants;
    enum table table;
    bool in_table;
    char message[64]; /* whose section this is; "" outside */
    unsigned number, position;
};

/* Splits "| a | `b` | c |" in place; blanks and back-quotes around a cell go. */
static size_t split_cells(char *line, char *ret_cells[CELLS_MAX])
{
    size_t count = 0;
    char *at = line + 1;
    for (char *bar; count < CELLS_MAX && (bar = strchr(at, '|')) != NULL; at = bar + 1) {
        char *end = bar;
        while (at < end && (*at == ' ' || *at == '`')) {
            at++;
        }
        while (end > at && (end[-1] == ' ' || end[-1] == '`')) {
            end--;
        }
        *end = '\0';
        ret_cells[count++] = at;
    }
    return count;
}

static enum table table_of(char *const cells[], size_t count)
{
    if (count == 4 && strcmp(cells[0], "field") == 0) {
        return TABLE_FIELDS;
    }
    if (count == 4 && strcmp(cells[0], "code") == 0) {
        return TABLE_CODES;
    }
    return count == 3 && strcmp(cells[0], "constant") == 0 ? TABLE_CONSTANTS : TABLE_OTHER;
}

static void take_row(struct reader *r, char *line)
{
    char *cells[CELLS_MAX];
    size_t count = split_cells(line, cells);
    if (!r->in_table) {
        r->in_table = true;
        r->table = table_of(cells, count);
        return;
    }
    if (r->table == TABLE_OTHER || starts_with(cells[0], "---")) {
        return;
    }
    assert_int_equal(count, r->table == TABLE_CONSTANTS ? 3 : 4);
    if (r->table == TABLE_CODES) {
        facts_add(r->codes, "code %s %s: %s", cells[0], cells[1], cells[2]);
    } else if (r->table == TABLE_CONSTANTS) {
        code_constant(r->constants, cells[0], strtoull(cells[1], NULL, 0));
    } else {
        facts_add(r->messages, "%s field %u: %s %s %s", r->message, ++r->position, cells[0],
                  cells[1], cells[2]);
    }
}

static void end_message(struct reader *r)
{
    if (r->message[0] != '\0') {
        facts_add(r->messages, "%s: %u fields", r->message, r->position);
    }
    r->message[0] = '\0';
    r->position = 0;
}

static void take_line(struct reader *r, char *line)
{
    char from[32], state[32];
    if (line[0] == '|') {
        take_row(r, line);
        return;
    }
    r->in_table = false;
    if (line[0] == '#') {
        end_message(r);
        if (sscanf(line, "### %63s (%u)", r->message, &r->number) != 2) {
            r->message[0] = '\0';
        }
    } else if (r->message[0] != '\0' &&
               sscanf(line, "From: %31[a-z]. State: %31[a-z].", from, state) == 2) {
        facts_add(r->messages, "%s: number %u from %s state %s", r->message, r->number, from,
                  state);
    }
}

static FILE *open_source(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("%s cannot be read", path);
    }
    return file;
}

static bool next_line(FILE *file, char line[DOCUMENT_LINE_MAX])
{
    if (fgets(line, (int)DOCUMENT_LINE_MAX, file) == NULL) {
        return false;
    }
    size_t size = strlen(line);
    assert_true(size > 0 && line[size - 1] == '\n'); /* no line is longer than we can read */
    line[size - 1] = '\0';
    return true;
}

static struct facts document_messages, document_codes, document_constants;
static struct facts code_facts;

static int read_document(void **state)
{
    (void)state;
    static char line[DOCUMENT_LINE_MAX];
    struct reader reader = {
        .messages = &document_messages, .codes = &document_codes, .constants = &document_constants};
    FILE *file = open_source(DOCUMENT);
    while (next_line(file, line)) {
        take_line(&reader, line);
    }
    end_message(&reader);
    (void)fclose(file);
    return 0;
}

static int forget_code(void **state)
{
    (void)state;
    code_facts.count = 0;
    return 0;
}

/* ---- the tables ---- */

static void every_message_and_field_is_the_same_in_document_and_code(void **state)
{
    (void)state;
    code_messages(&code_facts);
    assert_true(code_facts.count > 60);
    assert_same_facts(&code_facts, &document_messages);
}

static void every_code_is_the_same_in_document_and_code(void **state)
{
    (void)state;
    code_codes(&code_facts);
    assert_same_facts(&code_facts, &document_codes);
}

static void every_constant_is_the_same_in_document_and_code(void **state)
{
    (void)state;
    wire_constants(&code_facts);
    value_constants(&code_facts);
    kernel_constants(&code_facts);
    assert_same_facts(&code_facts, &document_constants);
}

static bool document_has_constant(const char *name)
{
    char begin[FACT_MAX];
    (void)snprintf(begin, sizeof begin, "constant %s = ", name);
    for (size_t i = 0; i < document_constants.count; i++) {
        if (starts_with(document_constants.text[i], begin)) {
            return true;
        }
    }
    return false;
}

/* A constant that somebody adds to a header must come into the document (and into the list above,
 * since the test before this one compares both ways). */
static unsigned check_header(const char *path, const char *prefix, const char *const *others)
{
    static char line[DOCUMENT_LINE_MAX];
    unsigned found = 0;
    FILE *file = open_source(path);
    while (next_line(file, line)) {
        char name[64];
        if (sscanf(line, "#define %63[A-Za-z0-9_]", name) != 1 || !starts_with(name, prefix) ||
            line[strlen("#define ") + strlen(name)] != ' ') {
            continue;
        }
        bool other = false;
        for (size_t i = 0; others[i] != NULL; i++) {
            other = other || strcmp(name, others[i]) == 0;
        }
        if (!other) {
            found++;
            if (!document_has_constant(name + strlen(prefix))) {
                fail_msg("%s: the document does not have %s", path, name);
            }
        }
    }
    (void)fclose(file);
    return found;
}

static void no_constant_of_a_header_is_missing_in_the_document(void **state)
{
    (void)state;
    static const char *const not_numbers[] = {"WIRE_PREFACE", NULL};
    static const char *const none[] = {NULL};
    assert_true(check_header(D2K_SOURCE_DIR "/src/wire/message.h", "WIRE_", not_numbers) > 30);
    assert_int_equal(check_header(D2K_SOURCE_DIR "/src/wire/value.h", "WIRE_", none), 1);
    assert_true(check_header(D2K_SOURCE_DIR "/include/d2k/value.h", "D2K_", none) > 15);
}

/* ---- the example ---- */

static void put(struct buffer *out, const struct wire_message *message)
{
    assert_int_equal(wire_encode(out, message), D2K_OK);
}

static void fill_counting(uint8_t *ret, size_t size, uint8_t first)
{
    for (size_t i = 0; i < size; i++) {
        ret[i] = (uint8_t)(first + i);
    }
}

static void example_opening_client(struct buffer *out)
{
    buffer_put(out, WIRE_PREFACE, WIRE_PREFACE_SIZE);
    struct wire_message hello = {.type = WIRE_HELLO, .request = 1};
    hello.as.hello.version_min = 1;
    hello.as.hello.version_max = 1;
    hello.as.hello.capabilities = WIRE_CAPABILITIES;
    hello.as.hello.application = slice_of("PLANT");
    put(out, &hello);
    struct wire_message message = {.type = WIRE_REGISTER, .request = 2};
    struct wire_registration *r = &message.as.registration;
    r->process_name = slice_of("DispPC.HIP");
    r->program_version = slice_of("V1.00.000 s1");
    r->computer_name = slice_of("PC1PHUM1v");
    r->os_process_id = 7211;
    fill_counting(r->client_instance, sizeof r->client_instance, 0xa0);
    r->watchdog_ms = 10000;
    r->flags = WIRE_REGISTER_VERIFIED;
    put(out, &message);
}

static void example_opening_kernel(struct buffer *out)
{
    buffer_put(out, WIRE_PREFACE, WIRE_PREFACE_SIZE);
    struct wire_message message = {.type = WIRE_WELCOME, .request = 1};
    struct wire_welcome *w = &message.as.welcome;
    w->version = 1;
    w->capabilities = WIRE_CAPABILITIES;
    fill_counting(w->kernel_instance, sizeof w->kernel_instance, 0xb0);
    w->application = slice_of("PLANT");
    w->kernel_name = slice_of("SRV1");
    w->state = WIRE_STATE_HOT;
    w->kernel_version = slice_of("V1.00.000 s1");
    put(out, &message);
    message = (struct wire_message){.type = WIRE_REGISTERED, .request = 2};
    struct wire_registered *r = &message.as.registered;
    r->id_number = 7652;
    r->connection_sql_id = 1;
    r->process_name = slice_of("DispPC.HIP");
    fill_counting(r->resume_token, sizeof r->resume_token, 0xc0);
    r->kernel_time = INT64_C(1663919290600000000);
    r->watchdog_ms = 10000;
    put(out, &message);
}

static void example_subscribe_client(struct buffer *out)
{
    struct wire_message message = {.type = WIRE_SUBSCRIBE, .request = 3};
    message.as.subscribe.subscription = 1;
    message.as.subscribe.mode = WIRE_MODE_LATEST;
    message.as.subscribe.pattern = slice_of("Boiler.*");
    put(out, &message);
}

static void example_subscribe_kernel(struct buffer *out)
{
    struct wire_message message = {.type = WIRE_SNAPSHOT_BEGIN, .request = 3};
    message.as.snapshot_begin.subscription = 1;
    put(out, &message);
    message = (struct wire_message){.type = WIRE_OBJECT_INFO};
    struct wire_object_info *info = &message.as.object_info;
    info->hobj = 42;
    info->type = D2K_TYPE_REAL;
    info->name = slice_of("Boiler.Temp");
    info->description = slice_of("Feed water");
    info->unit = slice_of("\xc2\xb0"
                          "C");
    info->owner = slice_of("PLC1.KOM");
    put(out, &message);
    d2k_value value = {.type = D2K_TYPE_REAL,
                       .status = D2K_STATUS_VALID,
                       .time_ns = INT64_C(1663919288289000000),
                       .sequence = 1001,
                       .content.real = 81.5};
    struct wire_open_frame frame = wire_begin(out, WIRE_UPDATE, 0, 0);
    assert_int_equal(wire_value_encode(out, 42, &value), D2K_OK);
    assert_int_equal(wire_end(out, frame), D2K_OK);
    message = (struct wire_message){.type = WIRE_SNAPSHOT_END, .request = 3};
    message.as.snapshot_end.subscription = 1;
    message.as.snapshot_end.count = 1;
    put(out, &message);
}

static void example_bye_client(struct buffer *out)
{
    struct wire_message message = {.type = WIRE_BYE};
    put(out, &message);
}

/* Appends the hex bytes of one line of the document, up to ';'. */
static size_t take_hex(const char *line, uint8_t *bytes, size_t size)
{
    while (*line != '\0' && *line != ';') {
        if (*line == ' ') {
            line++;
            continue;
        }
        char digits[3] = {line[0], line[1], '\0'};
        assert_true(isxdigit((unsigned char)digits[0]) && isxdigit((unsigned char)digits[1]));
        assert_true(size < EXAMPLE_MAX);
        bytes[size++] = (uint8_t)strtoul(digits, NULL, 16);
        line += 2;
    }
    return size;
}

static size_t read_example(const char *name, uint8_t bytes[EXAMPLE_MAX])
{
    static char line[DOCUMENT_LINE_MAX];
    char fence[64];
    bool inside = false;
    size_t size = 0;
    FILE *file = open_source(DOCUMENT);
    (void)snprintf(fence, sizeof fence, "```hex %s", name);
    while (next_line(file, line)) {
        if (inside && strcmp(line, "```") == 0) {
            break;
        }
        if (inside) {
            size = take_hex(line, bytes, size);
        }
        inside = inside || strcmp(line, fence) == 0;
    }
    (void)fclose(file);
    return size;
}

static void check_example(const char *name, void (*make)(struct buffer *out))
{
    static uint8_t written[EXAMPLE_MAX];
    struct buffer out;
    buffer_init(&out, EXAMPLE_MAX);
    make(&out);
    size_t size = read_example(name, written);
    bool same = size == buffer_size(&out) && memcmp(written, buffer_data(&out), size) == 0;
    for (size_t i = 0; !same && i < buffer_size(&out); i++) {
        print_error("%02x%s", buffer_data(&out)[i], i % 16 == 15 ? "\n" : " ");
    }
    buffer_free(&out);
    if (!same) {
        fail_msg("the example %s of the document differs from what the encoder writes (above)",
                 name);
    }
}

static void the_bytes_of_the_example_are_those_of_the_encoder(void **state)
{
    (void)state;
    check_example("opening-client", example_opening_client);
    check_example("opening-kernel", example_opening_kernel);
    check_example("subscribe-client", example_subscribe_client);
    check_example("subscribe-kernel", example_subscribe_kernel);
    check_example("bye-client", example_bye_client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_message_and_field_is_the_same_in_document_and_code,
                               forget_code),
        cmocka_unit_test_setup(every_code_is_the_same_in_document_and_code, forget_code),
        cmocka_unit_test_setup(every_constant_is_the_same_in_document_and_code, forget_code),
        cmocka_unit_test(no_constant_of_a_header_is_missing_in_the_document),
        cmocka_unit_test(the_bytes_of_the_example_are_those_of_the_encoder),
    };
    return cmocka_run_group_tests(tests, read_document, NULL);
}
