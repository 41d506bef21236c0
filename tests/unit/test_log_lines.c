/* tests/unit/test_log_lines.c: lines of one cause that repeat, lines as JSON, lines for the
 * journal, logs that are kept because of their size. */
#include "temporary_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#include "log/log_file.h"
#include "log/log_json.h"
#include "log/log_keep.h"
#include "log/log_repeats.h"

#define TIME "[2022-09-23 07:48:11.289] "

/* ---- one cause ---- */

static void causes_are_equal_apart_from_numbers_and_addresses(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {TIME "A - WARNING: from [TCP/IP 127.0.0.1:50481] refused: x",
         "[2023-01-01 00:00:00.000] A - WARNING: from [TCP/IP 10.9.8.7:1] refused: x"},
        {TIME "A - WARNING: from [TCP/IP [fe80::1]:50481] refused",
         TIME "A - WARNING: from [TCP/IP [2001:db8::abcd:2]:7] refused"},
        {TIME "A - WARNING: SHA-256 00ff12 of n 3", TIME "A - WARNING: SHA-256 aa91 of n 12"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct log_repeats repeats = {0};
        assert_true(log_repeats_admit(&repeats, pairs[i][0], 5));
        assert_false(log_repeats_admit(&repeats, pairs[i][1], 5));
    }
}

static void other_component_level_or_text_is_another_cause(void **state)
{
    (void)state;
    static const char *const lines[] = {
        TIME "A - WARNING: x 1",      TIME "B - WARNING: x 1",       TIME "A - ERROR: x 1",
        TIME "A - WARNING: y 1",      TIME "A - WARNING: x",         TIME "A - WARNING: x vm.KOM",
        TIME "A - WARNING: x vm.TEL", TIME "A - WARNING: x PC1.TEL", TIME "A - WARNING: x PC2.TEL"};
    struct log_repeats repeats = {0};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_true(log_repeats_admit(&repeats, lines[i], 5));
    }
}

static void what_repeats_is_written_once_a_second_with_the_number_of_the_others(void **state)
{
    (void)state;
    struct log_repeats repeats = {0};
    char report[LOG_REPORT_MAX];
    unsigned written = 0, reported = 0;
    for (uint64_t now_ms = 0; now_ms < 10000; now_ms++) { /* 1000 a second */
        while (log_repeats_report(&repeats, now_ms, false, report)) {
            assert_non_null(strstr(report, "] A - WARNING: x 1 ... ("));
            assert_non_null(strstr(report, now_ms == 1000
                                               ? "(999 more of this kind in the last second)"
                                               : "(1000 more of this kind in the last "
                                                 "second)"));
            reported++;
        }
        written += log_repeats_admit(&repeats, TIME "A - WARNING: x 1", now_ms) ? 1 : 0;
    }
    assert_int_equal(written, 1);
    assert_int_equal(reported, 9);
    assert_true(log_repeats_report(&repeats, 10000 - 1, true, report));
    assert_non_null(strstr(report, "(1000 more"));
    assert_false(log_repeats_report(&repeats, 10000 - 1, true, report));
}

static void second_is_over_at_its_end_not_before(void **state)
{
    (void)state;
    struct log_repeats repeats = {0};
    char report[LOG_REPORT_MAX];
    const char *line = TIME "A - WARNING: x";
    assert_true(log_repeats_admit(&repeats, line, 100));
    assert_false(log_repeats_admit(&repeats, line, 100 + LOG_REPEATS_WINDOW_MS - 1));
    assert_false(log_repeats_report(&repeats, 100 + LOG_REPEATS_WINDOW_MS - 1, false, report));
    assert_true(log_repeats_report(&repeats, 100 + LOG_REPEATS_WINDOW_MS, false, report));
    assert_non_null(strstr(report, "(1 more of this kind in the last second)"));
    /* the report was the line of the second that begins; after a quiet one the line itself comes */
    assert_true(log_repeats_admit(&repeats, line, 100 + 2 * LOG_REPEATS_WINDOW_MS));
    assert_false(log_repeats_admit(&repeats, line, 100 + 2 * LOG_REPEATS_WINDOW_MS + 1));
    assert_true(log_repeats_report(&repeats, 100 + 7 * LOG_REPEATS_WINDOW_MS, false, report));
    assert_non_null(strstr(report, "(1 more of this kind in the last 5 seconds)"));
}

static void too_many_causes_are_written_rather_than_lost(void **state)
{
    (void)state;
    struct log_repeats repeats = {0};
    char line[64];
    for (unsigned i = 0; i <= LOG_CAUSES_MAX; i++) { /* letters, because numbers do not count */
        (void)snprintf(line, sizeof line, TIME "A - WARNING: x%c%c", 'k' + (int)(i % 8),
                       'k' + (int)(i / 8));
        assert_true(log_repeats_admit(&repeats, line, 5));
        assert_int_equal(log_repeats_admit(&repeats, line, 5), i == LOG_CAUSES_MAX);
    }
}

static void long_line_is_cut_in_the_report_and_never_within_a_character(void **state)
{
    (void)state;
    struct log_repeats repeats = {0};
    char line[1024], umlauts[801] = "", report[LOG_REPORT_MAX];
    for (size_t i = 0; i < 400; i++) {
        memcpy(umlauts + 2 * i, "\xC3\xA4", 3);
    }
    (void)snprintf(line, sizeof line, TIME "A - WARNING: %s\nsecond line", umlauts);
    assert_true(log_repeats_admit(&repeats, line, 0));
    assert_false(log_repeats_admit(&repeats, line, 0));
    assert_true(log_repeats_report(&repeats, 1000, false, report));
    assert_non_null(strstr(report, "\xC3\xA4 ... (1 more"));
    assert_null(strchr(report, '\n'));
}

static char *log_of(const struct temporary_directory *directory, struct log_file_options options,
                    void (*write)(struct log *log))
{
    struct log_file *file = NULL;
    struct error err = {.code = D2K_OK};
    options.directory = directory->path;
    options.name = "A";
    if (log_file_open(&options, &file, &err) != D2K_OK) {
        fail_msg("%s", err.text);
    }
    write(log_file_log(file));
    log_file_close(file);
    return read_file(path_in(directory, "A.log"));
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void write_a_flood(struct log *log)
{
    for (int i = 0; i < 50; i++) {
        log_write(log, LOG_WARNING, "BACKEND", "Datagram from [TCP/IP 127.0.0.1:%d] refused: no",
                  4000 + i);
        log_write(log, LOG_WARNING, "BACKEND", "RegistraterProces REFUSED. ClientName: vm.KOM");
        log_write(log, LOG_WARNING, "SERVER", "Process ended. ClientName: vm.KOM State: Crash");
        log_write(log, LOG_ERROR, "CLIENT", "Connection to D2000 Server [x] refused");
        log_write(log, LOG_INFO, "BACKEND", "RegistraterProces request from vm.KOM");
    }
}

/* The flood takes less than the 20 seconds that the machine may stand still in between. */
static void flood_of_warnings_is_left_out_and_counted_but_every_registration_is_there(void **state)
{
    struct temporary_directory *directory = *state;
    for (int threaded = 0; threaded < 2; threaded++) {
        struct log_file_options options = {.threaded = threaded == 1};
        char *text = log_of(directory, options, write_a_flood);
        assert_int_equal(count_of(text, "BACKEND - RegistraterProces request from vm.KOM\n"), 50);
        assert_int_equal(count_of(text, "WARNING: RegistraterProces REFUSED"), 50);
        assert_int_equal(count_of(text, "WARNING: Process ended. "), 50);
        assert_int_equal(count_of(text, "ERROR: Connection to D2000 Server"), 50);
        size_t lines = count_of(text, "WARNING: Datagram from [TCP/IP 127.0.0.1:40");
        assert_in_range(lines, 2, 20);
        unsigned long written = count_of(text, "refused: no\n"), left_out = 0;
        for (const char *at = strstr(text, " ... ("); at != NULL; at = strstr(at + 1, " ... (")) {
            left_out += strtoul(at + 6, NULL, 10);
        }
        assert_int_equal(written + left_out, 50);
        free(text);
    }
}

/* ---- JSON ---- */

static void assert_json(enum log_level level, const char *line, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 65536);
    log_json_put(&out, level, line);
    buffer_put_u8(&out, '\0');
    assert_false(buffer_failed(&out));
    assert_string_equal((const char *)buffer_data(&out), expected);
    buffer_free(&out);
}

static void line_becomes_one_json_object(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "TST-5:30", 1), 0);
    tzset();
    assert_json(LOG_INFO, TIME "CLIENT - Connection established.\nConnectionSqlId = 1",
                "{\"time\":\"2022-09-23T07:48:11.289+05:30\",\"level\":\"info\",\"component\":"
                "\"CLIENT\",\"text\":\"Connection established.\\u000aConnectionSqlId = 1\"}");
    assert_int_equal(setenv("TZ", "XXX3", 1), 0);
    tzset();
    assert_json(LOG_WARNING, TIME "TLS - WARNING: \"a\\b\" \xC3\xA4 \xFF",
                "{\"time\":\"2022-09-23T07:48:11.289-03:00\",\"level\":\"warning\",\"component\":"
                "\"TLS\",\"text\":\"\\\"a\\\\b\\\" \xC3\xA4 \xEF\xBF\xBD\"}");
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    assert_json(LOG_ERROR, TIME "SERVER - ERROR: a - b",
                "{\"time\":\"2022-09-23T07:48:11.289+00:00\",\"level\":\"error\",\"component\":"
                "\"SERVER\",\"text\":\"a - b\"}");
}

static void line_of_another_form_is_text_of_now(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 65536);
    log_json_put(&out, LOG_DEBUG, "[x] y");
    buffer_put_u8(&out, '\0');
    const char *json = (const char *)buffer_data(&out);
    assert_non_null(strstr(json, "\",\"level\":\"debug\",\"component\":\"\",\"text\":\"[x] y\"}"));
    assert_int_equal(strncmp(json, "{\"time\":\"20", 11), 0);
    buffer_free(&out);
}

static void json_that_does_not_fit_fails_the_buffer(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 20);
    log_json_put(&out, LOG_INFO, TIME "A - b");
    assert_true(buffer_failed(&out));
    buffer_free(&out);
}

static void write_one_of_each(struct log *log)
{
    log_write(log, LOG_ERROR, "A", "e");
    log_write(log, LOG_WARNING, "A", "w");
    log_write_with_tail(log, LOG_INFO, "A", "ConnectionSqlId = 1", "WARNING: not really");
}

/* ---- journal ---- */

static char *journal_of(const struct temporary_directory *directory,
                        struct log_file_options options)
{
    int real_stderr = dup(2);
    int captured = open(path_in(directory, "stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(real_stderr >= 0 && captured >= 0);
    assert_int_equal(dup2(captured, 2), 2);
    options.to_journal = true;
    free(log_of(directory, options, write_one_of_each));
    assert_int_equal(dup2(real_stderr, 2), 2);
    (void)close(real_stderr);
    (void)close(captured);
    return read_file(path_in(directory, "stderr"));
}

static void journal_gets_a_priority_with_each_line(void **state)
{
    for (int threaded = 0; threaded < 2; threaded++) {
        char *text = journal_of(*state, (struct log_file_options){.threaded = threaded == 1});
        assert_int_equal(count_of(text, "\n"), 4);
        assert_int_equal(strncmp(text, "<3>[20", 6), 0);
        assert_non_null(strstr(text, "A - ERROR: e\n<4>[20"));
        assert_non_null(strstr(text, "A - WARNING: w\n<"));
        assert_non_null(strstr(text, "\n<4>ConnectionSqlId = 1\n"));
        free(text);
        text =
            journal_of(*state, (struct log_file_options){.threaded = threaded == 1, .json = true});
        assert_int_equal(count_of(text, "\n"), 3);
        assert_int_equal(strncmp(text, "<3>{\"time\":", 11), 0);
        assert_non_null(strstr(text, "\n<4>{"));
        assert_non_null(strstr(text, "\n<6>{"));
        free(text);
    }
    char *in_file = read_file(path_in(*state, "A.log"));
    assert_null(strchr(in_file, '<'));
    free(in_file);
}

/* ---- size ---- */

#define NUMBERED_LINES 200

static void write_numbered_lines(struct log *log)
{
    for (int i = 0; i < NUMBERED_LINES; i++) {
        log_write(log, LOG_INFO, "TEST", "line %04d.", i);
    }
}

/* All that is kept, oldest first. */
static char *all_lines(const struct temporary_directory *directory)
{
    static const char *const names[] = {"A.his.log.bak", "A.his.log", "A.prev.log", "A.log"};
    const size_t size = 1u << 20;
    size_t used = 0;
    char *all = calloc(1, size);
    assert_non_null(all);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (access(path_in(directory, names[i]), F_OK) == 0) {
            char *text = read_file(path_in(directory, names[i]));
            used += (size_t)snprintf(all + used, size - used, "%s", text);
            assert_true(used < size);
            free(text);
        }
    }
    return all;
}

static void log_over_its_size_is_kept_and_no_line_is_lost(void **state)
{
    struct temporary_directory *directory = *state;
    char expected[16];
    free(log_of(directory, (struct log_file_options){.max_size = 4000}, write_numbered_lines));
    char *all = all_lines(directory);
    const char *at = all;
    for (int i = 0; i < NUMBERED_LINES; i++) {
        (void)snprintf(expected, sizeof expected, "line %04d.\n", i);
        at = strstr(at, expected);
        assert_non_null(at);
    }
    assert_int_equal(count_of(all, "\n"), NUMBERED_LINES);
    free(all);
    struct stat st;
    assert_int_equal(stat(path_in(directory, "A.log"), &st), 0);
    assert_in_range(st.st_size, 1, 4000);
    assert_int_equal(stat(path_in(directory, "A.prev.log"), &st), 0);
    assert_in_range(st.st_size, 4000 - 64, 4000);
}

static void all_that_is_kept_is_bounded(void **state)
{
    struct temporary_directory *directory = *state;
    struct log_file_options options = {.max_size = 1000, .max_history_size = 1000};
    free(log_of(directory, options, write_numbered_lines));
    char *all = all_lines(directory);
    assert_in_range(strlen(all), 2000, 4000);
    assert_non_null(strstr(all, "line 0199."));
    assert_null(strstr(all, "line 0000."));
    free(all);
}

static void write_two_lines(struct log *log)
{
    log_write(log, LOG_INFO, "TEST", "1");
    log_write(log, LOG_INFO, "TEST", "2");
}

static void log_of_exactly_its_size_is_not_kept_and_one_byte_more_is(void **state)
{
    struct temporary_directory *directory = *state;
    const size_t line = strlen(TIME "TEST - 1\n");
    free(log_of(directory, (struct log_file_options){.max_size = 2 * line}, write_two_lines));
    assert_int_equal(access(path_in(directory, "A.prev.log"), F_OK), -1);
    assert_int_equal(unlink(path_in(directory, "A.log")), 0);
    char *text =
        log_of(directory, (struct log_file_options){.max_size = 2 * line - 1}, write_two_lines);
    assert_int_equal(access(path_in(directory, "A.prev.log"), F_OK), 0);
    assert_int_equal(count_of(text, "TEST - 2\n"), 1);
    assert_int_equal(strlen(text), line);
    free(text);
}

static void shared_log_is_never_kept(void **state)
{
    struct temporary_directory *directory = *state;
    char *text = log_of(directory, (struct log_file_options){.max_size = 1, .shared = true},
                        write_two_lines);
    assert_int_equal(count_of(text, "\n"), 2);
    assert_int_equal(access(path_in(directory, "A.prev.log"), F_OK), -1);
    free(text);
}

static void log_that_cannot_be_kept_says_so_once_and_goes_on(void **state)
{
    struct temporary_directory *directory = *state;
    assert_int_equal(mkdir(path_in(directory, "A.prev.log"), 0700), 0);
    assert_int_equal(mkdir(path_in(directory, "A.his.log"), 0700), 0);
    char *text =
        log_of(directory, (struct log_file_options){.max_size = 2000}, write_numbered_lines);
    assert_int_equal(count_of(text, "] TEST - line "), NUMBERED_LINES);
    size_t warnings = count_of(text, "the log is over Max_Log_Size but cannot be kept");
    assert_in_range(warnings, 1, 8);
    free(text);
}

#define with_directory(f) \
    cmocka_unit_test_setup_teardown(f, make_temporary_directory, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes_are_equal_apart_from_numbers_and_addresses),
        cmocka_unit_test(other_component_level_or_text_is_another_cause),
        cmocka_unit_test(what_repeats_is_written_once_a_second_with_the_number_of_the_others),
        cmocka_unit_test(second_is_over_at_its_end_not_before),
        cmocka_unit_test(too_many_causes_are_written_rather_than_lost),
        cmocka_unit_test(long_line_is_cut_in_the_report_and_never_within_a_character),
        with_directory(flood_of_warnings_is_left_out_and_counted_but_every_registration_is_there),
        cmocka_unit_test(line_becomes_one_json_object),
        cmocka_unit_test(line_of_another_form_is_text_of_now),
        cmocka_unit_test(json_that_does_not_fit_fails_the_buffer),
        with_directory(journal_gets_a_priority_with_each_line),
        with_directory(log_over_its_size_is_kept_and_no_line_is_lost),
        with_directory(all_that_is_kept_is_bounded),
        with_directory(log_of_exactly_its_size_is_not_kept_and_one_byte_more_is),
        with_directory(shared_log_is_never_kept),
        with_directory(log_that_cannot_be_kept_says_so_once_and_goes_on),
    };
    return cmocka_run_group_tests_name("log_lines", tests, NULL, NULL);
}
