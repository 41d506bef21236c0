/* Pieces of d2k-kom and d2k-tell that need no connection: JSON, arguments, /proc, tables. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <d2k/value.h>

#include "base/json.h"
#include "base/text.h"
#include "programs/common/exit_codes.h"
#include "programs/kom/measurement.h"
#include "programs/kom/options.h"
#include "programs/kom/proc.h"
#include "programs/tell/catalogue.h"
#include "programs/tell/options.h"
#include "programs/tell/show.h"
#include "programs/tell/table.h"

#define PLENTY (1024u * 1024u)

/* ---- exit codes ---- */

static void exit_codes_are_the_documented_numbers(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(D2K_OK, false), 0);
    assert_int_equal(exit_code_of(D2K_NOT_FOUND, true), 1);
    assert_int_equal(exit_code_of(D2K_ARGUMENT, false), 2);
    assert_int_equal(exit_code_of(D2K_CONFIG, false), 2);
    assert_int_equal(exit_code_of(D2K_FILE, false), 2);
    assert_int_equal(exit_code_of(D2K_RESOLVE, false), 3);
    assert_int_equal(exit_code_of(D2K_IO, false), 3);
    assert_int_equal(exit_code_of(D2K_TIMEOUT, false), 3);
    assert_int_equal(exit_code_of(D2K_NOT_VERIFIED, false), 4);
    assert_int_equal(exit_code_of(D2K_NO_TLS, false), 4);
    assert_int_equal(exit_code_of(D2K_TLS_REQUIRED, false), 4);
    assert_int_equal(exit_code_of(D2K_NAME_IN_USE, false), 4);
    assert_int_equal(exit_code_of(D2K_TLS, false), 4);
    assert_int_equal(exit_code_of(D2K_NO_MEMORY, true), 6);
}

static void every_end_of_a_registered_link_is_a_loss(void **state)
{
    static const d2k_result ends[] = {D2K_CLOSED,   D2K_IO,       D2K_PROTOCOL, D2K_TLS,
                                      D2K_WATCHDOG, D2K_SHUTDOWN, D2K_TIMEOUT};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        assert_int_equal(exit_code_of(ends[i], true), 5);
        assert_int_not_equal(exit_code_of(ends[i], false), 5);
    }
}

static void help_names_every_exit_code(void **state)
{
    (void)state;
#define HAS_LINE(name, number, text) assert_non_null(strstr(exit_codes_help(), #number "  " text));
    EXIT_CODES(HAS_LINE)
#undef HAS_LINE
}

/* ---- JSON ---- */

static void assert_content(struct buffer *buffer, const char *expected)
{
    assert_false(buffer_failed(buffer));
    buffer_put(buffer, "", 1);
    assert_string_equal((const char *)buffer_data(buffer), expected);
    buffer_free(buffer);
}

static void assert_json_text(struct slice text, const char *expected)
{
    struct buffer buffer;
    buffer_init(&buffer, PLENTY);
    struct json json = json_into(&buffer);
    json_write_text(&json, NULL, text);
    assert_content(&buffer, expected);
}

static void json_places_commas_and_keys(void **state)
{
    struct buffer buffer;
    (void)state;
    buffer_init(&buffer, PLENTY);
    struct json json = json_into(&buffer);
    json_write_open(&json, NULL, '{');
    json_write_open(&json, "a", '[');
    json_write_integer(&json, NULL, 1);
    json_write_open(&json, NULL, '{');
    json_write_close(&json, '}');
    json_write_boolean(&json, NULL, false);
    json_write_close(&json, ']');
    json_write_null(&json, "b");
    json_write_close(&json, '}');
    assert_content(&buffer, "{\"a\":[1,{},false],\"b\":null}");
}

static void json_escapes_what_ends_a_string_or_disturbs_a_terminal(void **state)
{
    (void)state;
    assert_json_text(slice_of("a\"b\\c"), "\"a\\\"b\\\\c\"");
    assert_json_text(slice_of("\n\t\r\x1b[2J\x7f"), "\"\\n\\t\\u000d\\u001b[2J\\u007f\"");
    assert_json_text((struct slice){"a\0b", 3}, "\"a\\u0000b\"");
    assert_json_text(slice_of("\xc2\x9b"), "\"\\u009b\"");
    assert_json_text(slice_of("\xe2\x80\xae"), "\"\\u202e\"");
    assert_json_text(slice_of("\xe2\x80\xa8"), "\"\\u2028\"");
    assert_json_text(slice_of(NULL), "\"\"");
}

static void json_keeps_other_utf8(void **state)
{
    (void)state;
    assert_json_text(slice_of("\xc4\x8d\xe2\x82\xac\xf0\x9f\x94\x92"),
                     "\"\xc4\x8d\xe2\x82\xac\xf0\x9f\x94\x92\"");
}

static void json_never_writes_invalid_utf8(void **state)
{
    (void)state;
    assert_json_text(slice_of("\xff"), "\"\xef\xbf\xbd\"");
    assert_json_text(slice_of("\xc3"), "\"\xef\xbf\xbd\"");
    assert_json_text(slice_of("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_json_text(slice_of("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_json_text(slice_of("\xe2\x82!"), "\"\xef\xbf\xbd\xef\xbf\xbd!\"");
}

static void json_numbers_are_exact(void **state)
{
    struct buffer buffer;
    (void)state;
    buffer_init(&buffer, PLENTY);
    struct json json = json_into(&buffer);
    json_write_open(&json, NULL, '[');
    json_write_integer(&json, NULL, INT64_MIN);
    json_write_unsigned(&json, NULL, UINT64_MAX);
    json_write_real(&json, NULL, 0.1);
    json_write_real(&json, NULL, (double)INFINITY);
    json_write_real(&json, NULL, (double)NAN);
    json_write_seconds(&json, NULL, -1500000000);
    json_write_seconds(&json, NULL, INT64_MIN);
    json_write_close(&json, ']');
    assert_content(&buffer, "[-9223372036854775808,18446744073709551615,0.1,null,null,"
                            "-1.500000000,-9223372036.854775808]");
}

static void json_time_is_utc_with_nanoseconds(void **state)
{
    struct buffer buffer;
    (void)state;
    buffer_init(&buffer, PLENTY);
    struct json json = json_into(&buffer);
    json_write_open(&json, NULL, '[');
    json_write_time(&json, NULL, INT64_C(1663919291289000001));
    json_write_time(&json, NULL, -1);
    json_write_close(&json, ']');
    assert_content(&buffer,
                   "[\"2022-09-23T07:48:11.289000001Z\",\"1969-12-31T23:59:59.999999999Z\"]");
}

static void json_over_the_limit_fails_as_a_whole(void **state)
{
    struct buffer buffer;
    (void)state;
    buffer_init(&buffer, 6);
    struct json json = json_into(&buffer);
    json_write_text(&json, NULL, slice_of("1234"));
    assert_false(buffer_failed(&buffer));
    json_write_null(&json, NULL);
    assert_true(buffer_failed(&buffer));
    buffer_free(&buffer);
}

/* ---- values ---- */

static void status_words_name_all_bits(void **state)
{
    char text[SHOW_STATUS_MAX];
    d2k_value value = d2k_boolean(true);
    (void)state;
    show_status(&value, text);
    assert_string_equal(text, "Valid");
    value.status = D2K_STATUS_ALL;
    value.past = true;
    show_status(&value, text);
    assert_string_equal(text, "Valid,ProcAlarm,NoAckPAlarm,PrAlSilent,Weak,NoAckValue,Transient,"
                              "Default,Manual,PrAlCrit,Past");
}

static void an_alarm_is_named_beside_another_limit_status_and_everything_fits(void **state)
{
    char text[SHOW_STATUS_MAX];
    d2k_value value = d2k_boolean(true);
    (void)state;
    value.process_alarm = D2K_PALARM_ON;
    show_status(&value, text);
    assert_string_equal(text, "Valid,On");
    value = d2k_real(1);
    value.limit_status = D2K_VH_LIMIT;
    value.process_alarm = D2K_PALARM_VH_LIMIT;
    show_status(&value, text);
    assert_string_equal(text, "Valid,VH_Limit");
    value.limit_status = D2K_LIMITS_PROBLEM;
    value.process_alarm = D2K_PALARM_SW_TO_TRANS;
    value.status = D2K_STATUS_ALL & ~D2K_STATUS_VALID;
    value.past = true;
    show_status(&value, text);
    assert_string_equal(text, "INVALID,ProcAlarm,NoAckPAlarm,PrAlSilent,Weak,NoAckValue,Transient,"
                              "Default,Manual,PrAlCrit,LimitsProblem,SwToTrans,Past");
}

static void a_value_without_valid_is_called_invalid(void **state)
{
    char text[SHOW_STATUS_MAX];
    d2k_value value = d2k_integer(1);
    (void)state;
    value.status = D2K_STATUS_WEAK;
    show_status(&value, text);
    assert_string_equal(text, "INVALID,Weak");
    value = (d2k_value){.type = D2K_TYPE_NONE, .status = D2K_STATUS_VALID};
    show_status(&value, text);
    assert_string_equal(text, "INVALID");
}

static void text_values_are_escaped_for_terminals(void **state)
{
    d2k_value value = d2k_text("a\n\x1b]0;x\x07");
    (void)state;
    char *text = show_content(&value);
    assert_non_null(text);
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\n'));
    free(text);
}

static void security_of_a_process_is_one_phrase(void **state)
{
    static const struct {
        d2k_process_info process;
        const char *text;
    } rows[] = {
        {{.tls_version = ""}, "plain"},
        {{.tls_version = "TLSv1.3"}, "TLSv1.3"},
        {{.tls_version = "TLSv1.3", .verified = true}, "TLSv1.3 VERIFIED"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = show_security(&rows[i].process);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void value_json_has_all_fields(void **state)
{
    struct buffer buffer;
    d2k_value value = d2k_integer(INT64_MAX);
    (void)state;
    value.flags = 0x8001;
    value.time_ns = 1000000000;
    value.sequence = 7;
    buffer_init(&buffer, PLENTY);
    struct json json = json_into(&buffer);
    json_write_open(&json, NULL, '{');
    show_value_json(&json, &value);
    json_write_close(&json, '}');
    assert_content(&buffer, "{\"value\":9223372036854775807,\"valid\":true,\"status\":[\"Valid\"],"
                            "\"flags\":[\"A\",\"P\"],\"limit_status\":\"InLimit\",\"process_"
                            "alarm\":\"NoAlarm\",\"alarm_time\":null,\"past\":false,"
                            "\"time\":\"1970-01-01T00:00:01.000000000Z\",\"sequence\":7}");
}

/* ---- arguments of d2k-tell ---- */

static d2k_result take_all(struct tell_options *options, const char *const *arguments,
                           struct error *err)
{
    *options = (struct tell_options){0};
    for (; *arguments != NULL; arguments++) {
        d2k_result result = tell_options_take(options, *arguments, false, err);
        if (result != D2K_OK) {
            return result;
        }
    }
    return tell_options_check(options, err);
}

static void arguments_may_come_in_any_order(void **state)
{
    struct error err;
    struct tell_options options;
    (void)state;
    assert_int_equal(take_all(&options, (const char *[]){"--json", "list", "PC.*", NULL}, &err), 0);
    assert_int_equal(options.command, TELL_LIST);
    assert_true(options.json);
    assert_int_equal(options.word_count, 1);
    assert_string_equal(options.words[0], "PC.*");
    assert_int_equal(
        take_all(&options,
                 (const char *[]){"watch", "--count=3", "A", "--for=2", "B", "--every", NULL},
                 &err),
        0);
    assert_int_equal(options.count, 3);
    assert_int_equal(options.seconds, 2);
    assert_true(options.every);
    assert_int_equal(options.word_count, 2);
}

static void wrong_arguments_are_refused_by_name(void **state)
{
    static const char *const wrong[][4] = {
        {NULL},
        {"lsit", NULL},
        {"get", NULL},
        {"watch", NULL},
        {"get", "", NULL},
        {"list", "--count=1", NULL},
        {"get", "A", "--every", NULL},
        {"watch", "A", "--count=0", NULL},
        {"watch", "A", "--count=1000000001", NULL},
        {"watch", "A", "--for=2000001", NULL},
        {"watch", "A", "--for=1x", NULL},
        {"shutdown", "a", "b", NULL},
        {"shutdown", "--json", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct error err = {.code = D2K_OK};
        struct tell_options options;
        assert_int_equal(take_all(&options, wrong[i], &err), D2K_ARGUMENT);
        assert_true(err.text[0] != '\0');
    }
}

static void unknown_options_are_left_to_the_caller(void **state)
{
    struct error err;
    struct tell_options options = {0};
    (void)state;
    assert_int_equal(tell_options_take(&options, "--jsn", false, &err), D2K_NOT_FOUND);
    assert_int_equal(tell_options_take(&options, "/Q", false, &err), D2K_NOT_FOUND);
    assert_int_equal(options.command, TELL_NONE);
}

static void after_two_dashes_all_are_words(void **state)
{
    struct error err;
    struct tell_options options = {.command = TELL_SHUTDOWN};
    (void)state;
    assert_int_equal(tell_options_take(&options, "--json", true, &err), D2K_OK);
    assert_false(options.json);
    assert_string_equal(options.words[0], "--json");
}

static void as_many_words_as_allowed_and_no_more(void **state)
{
    struct error err;
    struct tell_options options = {.command = TELL_GET};
    (void)state;
    for (int i = 0; i < TELL_WORDS_MAX; i++) {
        assert_int_equal(tell_options_take(&options, "A", false, &err), D2K_OK);
    }
    assert_int_equal(tell_options_take(&options, "A", false, &err), D2K_ARGUMENT);
}

/* ---- arguments of d2k-kom ---- */

static void kom_period_and_prefix_are_checked(void **state)
{
    struct error err;
    struct kom_options options = {0};
    char longest[] = "--prefix=P2345678901234567890123456789012345678901234567890";
    (void)state;
    assert_int_equal(kom_options_take(&options, "--period=100", false, &err), D2K_OK);
    assert_int_equal(options.period_ms, 100);
    assert_int_equal(kom_options_take(&options, "--period=3600000", false, &err), D2K_OK);
    assert_int_equal(kom_options_take(&options, "--period=99", false, &err), D2K_ARGUMENT);
    assert_int_equal(kom_options_take(&options, "--period=3600001", false, &err), D2K_ARGUMENT);
    assert_int_equal(kom_options_take(&options, "--period=", false, &err), D2K_ARGUMENT);
    assert_int_equal(kom_options_take(&options, longest, false, &err), D2K_OK);
    assert_int_equal(strlen(options.prefix), MEASUREMENT_PREFIX_MAX);
    assert_int_equal(kom_options_take(&options, "--prefix=1PC", false, &err), D2K_ARGUMENT);
    assert_int_equal(kom_options_take(&options, "--prefix=", false, &err), D2K_ARGUMENT);
    assert_int_equal(kom_options_take(&options, "--perod=5", false, &err), D2K_NOT_FOUND);
    assert_int_equal(kom_options_take(&options, "word", false, &err), D2K_NOT_FOUND);
}

static void a_prefix_one_too_long_is_refused(void **state)
{
    struct error err;
    struct kom_options options = {0};
    (void)state;
    assert_int_equal(
        kom_options_take(&options, "--prefix=P23456789012345678901234567890123456789012345678901",
                         false, &err),
        D2K_ARGUMENT);
}

/* ---- measurements ---- */

static void stat_gives_busy_and_total_time(void **state)
{
    struct proc_readings r = {0};
    (void)state;
    assert_true(proc_parse_stat("cpu  100 20 30 400 50 6 7 8 9 10\ncpu0 1 2\n", &r));
    assert_int_equal(r.cpu.total, 621);
    assert_int_equal(r.cpu.busy, 171);
}

static void loadavg_gives_loads_and_tasks(void **state)
{
    struct proc_readings r = {0};
    (void)state;
    assert_true(proc_parse_loadavg("0.50 1.25 2.00 3/456 7890\n", &r));
    assert_true(r.load_1 > 0.49 && r.load_1 < 0.51);
    assert_true(r.load_5 > 1.24 && r.load_5 < 1.26);
    assert_true(r.load_15 > 1.99 && r.load_15 < 2.01);
    assert_int_equal(r.tasks, 456);
}

static void meminfo_gives_bytes(void **state)
{
    struct proc_readings r = {0};
    (void)state;
    assert_true(proc_parse_meminfo("MemTotal:       16384 kB\nMemFree:  1 kB\n"
                                   "MemAvailable:    4096 kB\nXMemTotal: 1 kB\n",
                                   &r));
    assert_int_equal(r.memory_total, 16384 * 1024);
    assert_int_equal(r.memory_available, 4096 * 1024);
}

static void uptime_gives_nanoseconds(void **state)
{
    struct proc_readings r = {0};
    (void)state;
    assert_true(proc_parse_uptime("12345.50 999.00\n", &r));
    assert_int_equal(r.uptime_ns, INT64_C(12345500000000));
}

static void texts_of_another_form_are_refused_and_change_nothing(void **state)
{
    static const struct {
        bool (*parse)(const char *text, struct proc_readings *ret);
        const char *text;
    } rows[] = {
        {proc_parse_stat, ""},
        {proc_parse_stat, "cpu0 1 2 3 4 5 6 7 8\n"},
        {proc_parse_stat, "cpu  1 2 3 4 5 6 7\n"},
        {proc_parse_stat, "cpu  1 2 3 4 -5 6 7 8\n"},
        {proc_parse_stat, "cpu  99999999999999999999999 2 3 4 5 6 7 8\n"},
        {proc_parse_loadavg, ""},
        {proc_parse_loadavg, "0.5 1.0 nan 1/2 3\n"},
        {proc_parse_loadavg, "0.5 1.0 1.0 12 3\n"},
        {proc_parse_meminfo, ""},
        {proc_parse_meminfo, "MemTotal: 1 kB\n"},
        {proc_parse_meminfo, "MemTotal: 0 kB\nMemAvailable: 0 kB\n"},
        {proc_parse_meminfo, "MemTotal: 1 kB\nMemAvailable: 2 kB\n"},
        {proc_parse_meminfo, "MemTotal: 5 MB\nMemAvailable: 2 kB\n"},
        {proc_parse_meminfo, "MemTotal: 9007199254740992 kB\nMemAvailable: 2 kB\n"},
        {proc_parse_uptime, ""},
        {proc_parse_uptime, "-5.0 1.0\n"},
        {proc_parse_uptime, "9000000001.0 1.0\n"},
        {proc_parse_uptime, "inf 1.0\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proc_readings r, before;
        memset(&r, 0x55, sizeof r);
        memcpy(&before, &r, sizeof r);
        assert_false(rows[i].parse(rows[i].text, &r));
        assert_memory_equal(&r, &before, sizeof r);
    }
}

static void this_machine_can_be_read(void **state)
{
    struct proc_readings r = {0};
    struct error err;
    (void)state;
    for (int i = 0; i < PROC_SOURCES; i++) {
        assert_int_equal(proc_read("/proc", (enum proc_source)i, &r, &err), D2K_OK);
        assert_true(r.readable[i]);
    }
}

static void a_missing_source_names_its_file(void **state)
{
    struct proc_readings r = {.readable = {true}};
    struct error err;
    (void)state;
    assert_int_equal(proc_read("/nowhere", PROC_STAT, &r, &err), D2K_FILE);
    assert_false(r.readable[PROC_STAT]);
    assert_non_null(strstr(err.text, "/nowhere/stat"));
}

static const struct measurement *find_measurement(const char *name)
{
    for (size_t i = 0; i < MEASUREMENT_COUNT; i++) {
        if (strcmp(measurement_table()[i].name, name) == 0) {
            return &measurement_table()[i];
        }
    }
    fail_msg("no measurement %s", name);
    return NULL;
}

static void cpu_load_is_the_share_since_the_last_look(void **state)
{
    const struct measurement *load = find_measurement("CPU_Load");
    struct proc_readings before = {.readable = {true}, .cpu = {.busy = 100, .total = 1000}};
    struct proc_readings now = {.readable = {true}, .cpu = {.busy = 125, .total = 1100}};
    (void)state;
    d2k_value value = measurement_value(load, &now, &before);
    assert_int_equal(value.status, D2K_STATUS_VALID);
    assert_true(value.content.real > 24.99 && value.content.real < 25.01);
    now.cpu.busy = 99; /* iowait may run backwards */
    value = measurement_value(load, &now, &before);
    assert_true(value.content.real < 0.01);
    before.readable[PROC_STAT] = false;
    value = measurement_value(load, &now, &before);
    assert_int_equal(value.status & D2K_STATUS_VALID, 0);
}

static void what_cannot_be_read_is_not_valid_but_keeps_its_type(void **state)
{
    struct proc_readings nothing = {0};
    (void)state;
    for (size_t i = 0; i < MEASUREMENT_COUNT; i++) {
        const struct measurement *m = &measurement_table()[i];
        d2k_value value = measurement_value(m, &nothing, &nothing);
        assert_int_equal(value.type, m->type);
        assert_int_equal(value.status & D2K_STATUS_VALID, 0);
    }
}

static void every_measurement_yields_its_type(void **state)
{
    struct proc_readings before = {0}, now = {0};
    struct error err;
    (void)state;
    for (int i = 0; i < PROC_SOURCES; i++) {
        assert_int_equal(proc_read("/proc", (enum proc_source)i, &now, &err), D2K_OK);
    }
    before.readable[PROC_STAT] = true;
    for (size_t i = 0; i < MEASUREMENT_COUNT; i++) {
        const struct measurement *m = &measurement_table()[i];
        d2k_value value = measurement_value(m, &now, &before);
        assert_int_equal(value.type, m->type);
        assert_int_equal(value.status, D2K_STATUS_VALID);
    }
}

static void object_names_of_any_host_follow_the_rules(void **state)
{
    static const char *const hosts[][2] = {
        {"PC1", "PC1"},
        {"my-host.dom", "my_host_dom"},
        {"9lives", "PC_9lives"},
        {"", "PC_"},
        {"\xc5\xbe", "PC___"},
        {"a123456789012345678901234567890123456789012345678901234567890",
         "a1234567890123456789012345678901234567890123456789"}};
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char prefix[MEASUREMENT_PREFIX_MAX + 1];
        measurement_prefix_of_host(prefix, hosts[i][0]);
        assert_string_equal(prefix, hosts[i][1]);
        for (size_t m = 0; m < MEASUREMENT_COUNT; m++) {
            char name[200];
            (void)snprintf(name, sizeof name, "%s.%s", prefix, measurement_table()[m].name);
            assert_true(text_is_object_name(slice_of(name)));
        }
    }
}

static void periods_keep_their_raster_and_skip_what_was_missed(void **state)
{
    (void)state;
    assert_int_equal(measurement_next_due(1000, 100, 1000), 1100);
    assert_int_equal(measurement_next_due(1000, 100, 1099), 1100);
    assert_int_equal(measurement_next_due(1000, 100, 1100), 1200);
    assert_int_equal(measurement_next_due(1000, 100, 1555), 1600);
}

/* ---- tables ---- */

static const char *const titles[] = {"NAME", "N"};

static void assert_printed(const struct table *table, const char *expected)
{
    char text[1024];
    FILE *file = tmpfile();
    assert_non_null(file);
    table_print(table, file);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    assert_string_equal(text, expected);
}

static void columns_are_aligned_by_characters(void **state)
{
    struct table table;
    (void)state;
    table_init(&table, titles, 2, 1u << 1, PLENTY);
    assert_true(table_add(&table, (const char *[]){"\xc4\x8d", "7"}));
    assert_true(table_add(&table, (const char *[]){"abcdef", "100"}));
    assert_true(table_add(&table, (const char *[]){"x", ""}));
    assert_printed(&table, "NAME      N\n\xc4\x8d         7\nabcdef  100\nx\n");
    table_free(&table);
}

static void one_long_cell_does_not_widen_all_rows(void **state)
{
    struct table table;
    (void)state;
    table_init(&table, titles, 2, 0, PLENTY);
    assert_true(
        table_add(&table, (const char *[]){"12345678901234567890123456789012345678901", "1"}));
    assert_true(table_add(&table, (const char *[]){"a", "2"}));
    assert_printed(&table, "NAME  N\n12345678901234567890123456789012345678901  1\na     2\n");
    table_free(&table);
}

static void a_table_is_bounded(void **state)
{
    struct table table;
    (void)state;
    table_init(&table, titles, 2, 0, 4);
    assert_true(table_add(&table, (const char *[]){"a", "b"}));
    assert_false(table_add(&table, (const char *[]){"", ""}));
    assert_int_equal(table.rows, 1);
    table_free(&table);
}

/* ---- catalogue ---- */

static d2k_object_info object_info(uint32_t hobj, const char *name, const char *unit)
{
    return (d2k_object_info){.hobj = hobj, .type = D2K_TYPE_TEXT, .name = name, .unit = unit};
}

static void objects_come_back_by_name_with_their_newest_value(void **state)
{
    struct catalogue catalogue;
    size_t count = 0;
    d2k_object_info b = object_info(1, "b", "m"), a = object_info(2, "A", NULL);
    d2k_value first = d2k_text("one"), second = d2k_text("second");
    (void)state;
    assert_true(catalogue_init(&catalogue, PLENTY));
    assert_non_null(catalogue_define(&catalogue, &b));
    assert_true(catalogue_set_value(&catalogue, &a, &first));
    assert_true(catalogue_set_value(&catalogue, &a, &second));
    struct catalogue_object **all = catalogue_sorted(&catalogue, &count);
    assert_int_equal(count, 2);
    assert_string_equal(all[0]->name, "A");
    assert_string_equal(all[0]->unit, "");
    assert_int_equal(all[0]->value.content.text.size, 6);
    assert_memory_equal(all[0]->value.content.text.data, "second", 6);
    assert_int_equal(all[1]->value.type, D2K_TYPE_NONE);
    assert_ptr_equal(catalogue_find(&catalogue, "B"), all[1]);
    free(all);
    catalogue_free(&catalogue);
}

static void a_catalogue_is_bounded_and_stays_whole(void **state)
{
    struct catalogue catalogue;
    d2k_object_info a = object_info(1, "a", "m"), b = object_info(2, "b", "m");
    d2k_value small = d2k_text("x"), large = d2k_text("too large to be kept");
    size_t one = sizeof(struct catalogue_object) + sizeof "a" + sizeof "m" + 1 + 1;
    (void)state;
    assert_true(catalogue_init(&catalogue, one + 2));
    assert_non_null(catalogue_define(&catalogue, &a));
    assert_int_equal(catalogue.bytes, one);
    assert_null(catalogue_define(&catalogue, &b));
    assert_int_equal(catalogue.bytes, one);
    assert_true(catalogue_set_value(&catalogue, &a, &small));
    assert_false(catalogue_set_value(&catalogue, &a, &large));
    assert_memory_equal(catalogue_find(&catalogue, "a")->value.content.text.data, "x", 1);
    catalogue_free(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_are_the_documented_numbers),
        cmocka_unit_test(every_end_of_a_registered_link_is_a_loss),
        cmocka_unit_test(help_names_every_exit_code),
        cmocka_unit_test(json_places_commas_and_keys),
        cmocka_unit_test(json_escapes_what_ends_a_string_or_disturbs_a_terminal),
        cmocka_unit_test(json_keeps_other_utf8),
        cmocka_unit_test(json_never_writes_invalid_utf8),
        cmocka_unit_test(json_numbers_are_exact),
        cmocka_unit_test(json_time_is_utc_with_nanoseconds),
        cmocka_unit_test(json_over_the_limit_fails_as_a_whole),
        cmocka_unit_test(status_words_name_all_bits),
        cmocka_unit_test(an_alarm_is_named_beside_another_limit_status_and_everything_fits),
        cmocka_unit_test(a_value_without_valid_is_called_invalid),
        cmocka_unit_test(text_values_are_escaped_for_terminals),
        cmocka_unit_test(security_of_a_process_is_one_phrase),
        cmocka_unit_test(value_json_has_all_fields),
        cmocka_unit_test(arguments_may_come_in_any_order),
        cmocka_unit_test(wrong_arguments_are_refused_by_name),
        cmocka_unit_test(unknown_options_are_left_to_the_caller),
        cmocka_unit_test(after_two_dashes_all_are_words),
        cmocka_unit_test(as_many_words_as_allowed_and_no_more),
        cmocka_unit_test(kom_period_and_prefix_are_checked),
        cmocka_unit_test(a_prefix_one_too_long_is_refused),
        cmocka_unit_test(stat_gives_busy_and_total_time),
        cmocka_unit_test(loadavg_gives_loads_and_tasks),
        cmocka_unit_test(meminfo_gives_bytes),
        cmocka_unit_test(uptime_gives_nanoseconds),
        cmocka_unit_test(texts_of_another_form_are_refused_and_change_nothing),
        cmocka_unit_test(this_machine_can_be_read),
        cmocka_unit_test(a_missing_source_names_its_file),
        cmocka_unit_test(cpu_load_is_the_share_since_the_last_look),
        cmocka_unit_test(what_cannot_be_read_is_not_valid_but_keeps_its_type),
        cmocka_unit_test(every_measurement_yields_its_type),
        cmocka_unit_test(object_names_of_any_host_follow_the_rules),
        cmocka_unit_test(periods_keep_their_raster_and_skip_what_was_missed),
        cmocka_unit_test(columns_are_aligned_by_characters),
        cmocka_unit_test(one_long_cell_does_not_widen_all_rows),
        cmocka_unit_test(a_table_is_bounded),
        cmocka_unit_test(objects_come_back_by_name_with_their_newest_value),
        cmocka_unit_test(a_catalogue_is_bounded_and_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
