/* tests/unit/test_base.c: buffer, cursor, list, machine, error, log line, result and value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <d2k/value.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/machine.h"
#include "base/text.h"

/* ---- buffer ---- */

static void empty_buffer_owns_nothing(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 10);
    assert_int_equal(buffer_size(&b), 0);
    assert_null(buffer_data(&b));
    assert_false(buffer_failed(&b));
    assert_null(b.storage);
    assert_int_equal(buffer_room(&b), 0);
    buffer_consume(&b, 0);
    buffer_trim(&b);
    buffer_free(&b);
    buffer_erase(&b);
}

static void buffer_takes_max_size_and_fails_at_one_more(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 5);
    buffer_put(&b, "12345", 5);
    assert_false(buffer_failed(&b));
    buffer_put_u8(&b, '6');
    assert_true(buffer_failed(&b));
    assert_int_equal(buffer_size(&b), 5);
    assert_memory_equal(buffer_data(&b), "12345", 5);
    buffer_free(&b);

    buffer_init(&b, 5);
    buffer_put(&b, "123456", 6);
    assert_true(buffer_failed(&b));
    assert_int_equal(buffer_size(&b), 0);
    buffer_free(&b);
}

static void failed_buffer_ignores_writes_until_it_is_reset(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 4);
    buffer_put_u32(&b, 1);
    buffer_put_u8(&b, 1);
    buffer_consume(&b, 4);
    buffer_put_u8(&b, 1); /* would fit now */
    assert_true(buffer_failed(&b));
    assert_null(buffer_reserve(&b, 1));
    assert_int_equal(buffer_size(&b), 0);
    buffer_truncate(&b, 0);
    assert_true(buffer_failed(&b));
    buffer_reset(&b);
    assert_false(buffer_failed(&b));
    buffer_put_u8(&b, 7);
    assert_int_equal(buffer_size(&b), 1);
    buffer_free(&b);
}

static void huge_reserve_fails_instead_of_wrapping_around(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, (size_t)BUFFER_MAX_SIZE + 1);
    assert_int_equal(b.max_size, BUFFER_MAX_SIZE);
    buffer_init(&b, 100);
    buffer_put_u8(&b, 1);
    assert_null(buffer_reserve(&b, SIZE_MAX));
    assert_true(buffer_failed(&b));
    buffer_free(&b);
}

static void numbers_are_little_endian(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    buffer_put_u8(&b, 0x01);
    buffer_put_u16(&b, 0x0302);
    buffer_put_u32(&b, 0x07060504);
    buffer_put_u64(&b, UINT64_C(0x0f0e0d0c0b0a0908));
    assert_int_equal(buffer_size(&b), 15);
    assert_memory_equal(buffer_data(&b),
                        "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 15);
    buffer_free(&b);
}

static void patch_overwrites_four_bytes_that_are_there(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    buffer_put(&b, "xabcdefg", 8);
    buffer_consume(&b, 1);
    buffer_patch_u32(&b, 3, 0x44434241);
    assert_memory_equal(buffer_data(&b), "abcABCD", 7);
    buffer_patch_u32(&b, 4, 0); /* one past */
    buffer_patch_u32(&b, SIZE_MAX, 0);
    assert_memory_equal(buffer_data(&b), "abcABCD", 7);
    buffer_free(&b);
}

static void truncate_undoes_what_was_written(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    buffer_put(&b, "keepdrop", 8);
    buffer_truncate(&b, 4);
    buffer_truncate(&b, 50);
    assert_int_equal(buffer_size(&b), 4);
    assert_memory_equal(buffer_data(&b), "keep", 4);
    buffer_free(&b);
}

static void trim_gives_storage_back_only_when_empty(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    buffer_put_u8(&b, 1);
    buffer_trim(&b);
    assert_int_equal(buffer_size(&b), 1);
    buffer_consume(&b, 1);
    buffer_trim(&b);
    assert_null(b.storage);
    assert_int_equal(b.capacity, 0);
    buffer_put_u8(&b, 2);
    assert_int_equal(buffer_data(&b)[0], 2);
    buffer_free(&b);
}

static void reserved_room_is_added_as_far_as_it_was_used(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 1000);
    uint8_t *at = buffer_reserve(&b, 300);
    assert_non_null(at);
    assert_true(buffer_room(&b) >= 300);
    memset(at, 'x', 200);
    buffer_added(&b, 200);
    assert_int_equal(buffer_size(&b), 200);
    assert_non_null(buffer_reserve(&b, 0));
    assert_non_null(buffer_reserve(&b, 800));
    assert_int_equal(buffer_room(&b), 800);
    assert_null(buffer_reserve(&b, 801));
    buffer_free(&b);
}

/* A full queue that is read and written in small steps must not move everything at each step. */
static void nearly_full_buffer_does_not_move_its_bytes_at_every_step(void **state)
{
    (void)state;
    struct buffer b;
    static const uint8_t bytes[65536];
    buffer_init(&b, sizeof bytes);
    buffer_put(&b, bytes, sizeof bytes);
    unsigned moves = 0;
    for (unsigned i = 0; i < 10000; i++) {
        buffer_consume(&b, 16);
        size_t begin_before = b.begin;
        buffer_put(&b, bytes, 16);
        moves += b.begin < begin_before;
    }
    assert_false(buffer_failed(&b));
    assert_true(moves <= 160000 / 32768 + 1);
    assert_true(b.capacity <= sizeof bytes + sizeof bytes / 2);
    buffer_free(&b);
}

static void check_against_model(const struct buffer *b, const uint8_t *model, size_t size)
{
    assert_int_equal(buffer_size(b), size);
    assert_true(b->begin <= b->end && b->end <= b->capacity);
    assert_true(buffer_room(b) + size <= b->max_size);
    if (size > 0) {
        assert_memory_equal(buffer_data(b), model, size);
    } else {
        assert_null(buffer_data(b));
    }
}

static void random_use_agrees_with_a_model(void **state)
{
    (void)state;
    static uint8_t model[3000];
    static uint8_t chunk[1000];
    size_t size = 0;
    struct buffer b;
    srand(3);
    buffer_init(&b, sizeof model);
    for (int step = 0; step < 200000; step++) {
        size_t count = (size_t)rand() % (rand() % 8 == 0 ? sizeof chunk : 40);
        switch (rand() % 6) {
        case 0:
        case 1:
        case 2:
            memset(chunk, rand(), count);
            buffer_put(&b, chunk, count);
            if (size + count <= sizeof model) {
                memcpy(model + size, chunk, count);
                size += count;
            } else {
                assert_true(buffer_failed(&b));
                b.failed = false;
            }
            break;
        case 3:
        case 4:
            count = count < size ? count : size;
            buffer_consume(&b, count);
            size -= count;
            memmove(model, model + count, size);
            break;
        default:
            if (rand() % 4 == 0) {
                size -= count < size ? count : size;
                buffer_truncate(&b, size);
            }
            buffer_trim(&b);
            break;
        }
        assert_false(buffer_failed(&b));
        check_against_model(&b, model, size);
    }
    buffer_free(&b);
}

/* ---- cursor and slice ---- */

static void cursor_reads_fields_in_order(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff, 'a', 'b'};
    struct cursor c = cursor_of(bytes, sizeof bytes);
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16(&c), 0x0302);
    assert_int_equal(cursor_u32(&c), 0x07060504);
    assert_true(cursor_u64(&c) == UINT64_C(0xff0e0d0c0b0a0908));
    assert_true(slice_equal_text(cursor_bytes(&c, 2), "ab"));
    assert_int_equal(c.left, 0);
    assert_false(c.failed);
    assert_int_equal(cursor_bytes(&c, 0).size, 0);
    assert_false(c.failed);
}

static void cursor_past_the_end_fails_and_yields_zeros_from_then_on(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xff, 0xff, 0xff};
    struct cursor c = cursor_of(bytes, sizeof bytes);
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.failed);
    assert_int_equal(cursor_u8(&c), 0); /* was there before the failure */
    assert_int_equal(cursor_u16(&c), 0);
    assert_true(cursor_u64(&c) == 0);
    struct slice none = cursor_bytes(&c, 1);
    assert_null(none.data);
    assert_int_equal(none.size, 0);
    c = cursor_of(bytes, sizeof bytes);
    none = cursor_bytes(&c, SIZE_MAX);
    assert_null(none.data);
    assert_true(c.failed);
}

static void slices_compare_and_copy(void **state)
{
    (void)state;
    assert_true(slice_equal(slice_of("ab"), slice_of("ab")));
    assert_false(slice_equal(slice_of("ab"), slice_of("abc")));
    assert_false(slice_equal(slice_of("ab"), slice_of("aB")));
    assert_true(slice_equal(slice_of(NULL), slice_of("")));
    assert_true(slice_equal_text(slice_of(NULL), ""));
    char *copy = slice_copy((struct slice){"abcd", 2});
    assert_string_equal(copy, "ab");
    free(copy);
    copy = slice_copy(slice_of(NULL));
    assert_string_equal(copy, "");
    free(copy);
}

/* ---- list ---- */

struct member {
    int number;
    struct list link;
};

static void lists_are_joined(void **state)
{
    (void)state;
    struct list first, second, members[3];
    list_init(&first);
    list_init(&second);
    list_append_all(&first, &second); /* nothing to nothing */
    assert_true(list_empty(&first) && list_empty(&second));
    list_append(&second, &members[0]);
    list_append(&second, &members[1]);
    list_append_all(&first, &second);
    assert_true(list_empty(&second));
    list_append(&second, &members[2]);
    list_append_all(&first, &second);
    size_t count = 0;
    LIST_EACH(&first, at, following)
    {
        assert_ptr_equal(at, &members[count++]);
        list_remove(at);
    }
    assert_int_equal(count, 3);
    assert_true(list_empty(&first) && list_empty(&second));
}

static void list_keeps_order_and_members_may_leave_while_it_is_walked(void **state)
{
    (void)state;
    struct list head;
    struct member members[4];
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(LIST_FIRST(&head, struct member, link));
    for (int i = 0; i < 4; i++) {
        members[i].number = i;
        list_append(&head, &members[i].link);
    }
    int expected = 0;
    LIST_EACH(&head, at, following)
    {
        struct member *member = LIST_MEMBER(at, struct member, link);
        assert_int_equal(member->number, expected++);
        if (member->number % 2 == 0) {
            list_remove(at);
            list_remove(at); /* twice is harmless */
        }
    }
    assert_int_equal(expected, 4);
    assert_int_equal(LIST_FIRST(&head, struct member, link)->number, 1);
    list_remove(&members[1].link);
    assert_int_equal(LIST_FIRST(&head, struct member, link)->number, 3);
    list_remove(&members[3].link);
    assert_true(list_empty(&head));
}

/* ---- machine ---- */

enum { CLOSED, OPENING, OPEN };

static const struct machine_state door[] = {
    [CLOSED] = {"closed", MACHINE_TO(OPENING)},
    [OPENING] = {"opening", MACHINE_TO(OPEN) | MACHINE_TO(CLOSED)},
    [OPEN] = {"open", 0},
};

static void machine_moves_only_as_its_table_allows(void **state)
{
    (void)state;
    struct machine m;
    machine_init(&m, door, 3, CLOSED);
    assert_string_equal(machine_state_name(&m), "closed");
    assert_false(machine_move(&m, OPEN));
    assert_false(machine_move(&m, CLOSED));
    assert_int_equal(m.current, CLOSED);
    assert_true(machine_move(&m, OPENING));
    assert_true(machine_move(&m, OPEN));
    assert_false(machine_move(&m, CLOSED));
    assert_string_equal(machine_state_name(&m), "open");
}

static void machine_refuses_states_that_are_none(void **state)
{
    (void)state;
    static const struct machine_state anywhere[] = {{"a", UINT32_MAX}, {"b", UINT32_MAX}};
    struct machine m;
    machine_init(&m, anywhere, 2, 0);
    assert_false(machine_move(&m, 2));
    assert_false(machine_move(&m, 31));
    assert_false(machine_move(&m, 32));
    assert_false(machine_move(&m, UINT32_MAX));
    assert_true(machine_move(&m, 1));
}

/* ---- error ---- */

static void error_text_grows_on_the_way_up(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(error_set(&err, D2K_FILE, "line %d: key is encrypted", 3), D2K_FILE);
    assert_int_equal(error_wrap(&err, "%s", "server.key"), D2K_FILE);
    assert_int_equal(err.code, D2K_FILE);
    assert_string_equal(err.text, "server.key: line 3: key is encrypted");
    error_set(&err, D2K_CONFIG, "bad: %s", err.text); /* its own text as argument */
    assert_string_equal(err.text, "bad: server.key: line 3: key is encrypted");
}

static void error_text_is_cut_never_overrun(void **state)
{
    (void)state;
    static char long_text[2 * ERROR_TEXT_MAX];
    memset(long_text, 'x', sizeof long_text - 1);
    struct error err;
    error_set(&err, D2K_IO, "%s", long_text);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    error_wrap(&err, "front");
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "front: xxx", 10);
    error_wrap(&err, "%s", long_text);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    for (size_t length = ERROR_TEXT_MAX - 4; length < ERROR_TEXT_MAX + 2; length++) {
        error_set(&err, D2K_IO, "end");
        error_wrap(&err, "%.*s", (int)length, long_text);
        assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    }
}

static void error_may_be_left_out(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, D2K_IO, "x"), D2K_IO);
    assert_int_equal(error_wrap(NULL, "x"), D2K_INTERNAL);
    assert_int_equal(error_no_memory(NULL), D2K_NO_MEMORY);
    struct error err;
    assert_int_equal(error_no_memory(&err), D2K_NO_MEMORY);
    assert_string_equal(err.text, "out of memory");
}

/* ---- log ---- */

struct captured {
    unsigned lines;
    enum log_level level;
    char line[LOG_LINE_MAX + 1];
};

static void capture(void *context, enum log_level level, const char *line)
{
    struct captured *captured = context;
    captured->lines++;
    captured->level = level;
    assert_true(strlen(line) < LOG_LINE_MAX);
    (void)text_copy(captured->line, sizeof captured->line, line);
}

/* "[2022-09-23 07:48:11.289] " */
static const char *after_time(const char *line)
{
    static const char shape[] = "[dddd-dd-dd dd:dd:dd.ddd] ";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        if (shape[i] == 'd') {
            assert_in_range(line[i], '0', '9');
        } else {
            assert_int_equal(line[i], shape[i]);
        }
    }
    return line + sizeof shape - 1;
}

static void log_line_has_the_shape_of_d2000(void **state)
{
    (void)state;
    struct captured captured = {.lines = 0};
    struct log log = {.level = LOG_DEBUG, .sink = capture, .context = &captured};
    log_write(&log, LOG_INFO, "CLIENT", "Connecting to [%s]...", "localhost");
    assert_string_equal(after_time(captured.line), "CLIENT - Connecting to [localhost]...");
    log_write(&log, LOG_ERROR, "BACKEND", "x");
    assert_string_equal(after_time(captured.line), "BACKEND - ERROR: x");
    assert_int_equal(captured.level, LOG_ERROR);
    log_write(&log, LOG_WARNING, "BACKEND", "x");
    assert_string_equal(after_time(captured.line), "BACKEND - WARNING: x");
    log_write(&log, LOG_DEBUG, "BACKEND", "x");
    assert_string_equal(after_time(captured.line), "BACKEND - x");
    log_write_with_tail(&log, LOG_INFO, "CLIENT", "ConnectionSqlId = 1", "Connection established");
    assert_string_equal(after_time(captured.line),
                        "CLIENT - Connection established\nConnectionSqlId = 1");
    assert_int_equal(captured.lines, 5);
}

static void log_drops_lines_above_its_level(void **state)
{
    (void)state;
    struct captured captured = {.lines = 0};
    struct log log = {.level = LOG_WARNING, .sink = capture, .context = &captured};
    log_write(&log, LOG_INFO, "A", "x");
    log_write_with_tail(&log, LOG_INFO, "A", "t", "x");
    assert_int_equal(captured.lines, 0);
    log_write(&log, LOG_WARNING, "A", "x");
    log_write(&log, LOG_ERROR, "A", "x");
    assert_int_equal(captured.lines, 2);
    log_write(NULL, LOG_ERROR, "A", "x");
    log_write_with_tail(NULL, LOG_ERROR, "A", "t", "x");
}

static void long_log_line_is_cut_between_characters_and_keeps_its_tail(void **state)
{
    (void)state;
    static char text[3 * LOG_LINE_MAX + 1];
    for (size_t i = 0; i < LOG_LINE_MAX; i++) {
        memcpy(text + 3 * i, "\xe2\x82\xac", 3);
    }
    struct captured captured = {.lines = 0};
    struct log log = {.level = LOG_INFO, .sink = capture, .context = &captured};
    for (const char *shift = "xxxx"; *shift != '\0'; shift++) {
        log_write_with_tail(&log, LOG_INFO, "A", "tail", "%s%s", shift, text);
        size_t length = strlen(captured.line);
        assert_in_range(length, LOG_LINE_MAX - 4, LOG_LINE_MAX - 1);
        assert_string_equal(captured.line + length - 5, "\ntail");
        assert_true(text_is_utf8(slice_of(captured.line)));
        log_write(&log, LOG_INFO, "A", "%s%s", shift, text);
        assert_in_range(strlen(captured.line), LOG_LINE_MAX - 4, LOG_LINE_MAX - 1);
        assert_true(text_is_utf8(slice_of(captured.line)));
    }
}

static void log_line_takes_the_limit_and_cuts_one_past_it(void **state)
{
    (void)state;
    static char text[LOG_LINE_MAX + 1];
    struct captured captured = {.lines = 0};
    struct log log = {.level = LOG_INFO, .sink = capture, .context = &captured};
    size_t head = strlen("[2022-09-23 07:48:11.289] A - ");
    memset(text, 'x', LOG_LINE_MAX - 1 - head);
    text[LOG_LINE_MAX - 2 - head] = 'y';
    log_write(&log, LOG_INFO, "A", "%s", text);
    assert_int_equal(strlen(captured.line), LOG_LINE_MAX - 1);
    assert_int_equal(captured.line[LOG_LINE_MAX - 2], 'y');
    log_write(&log, LOG_INFO, "A", "x%s", text);
    assert_int_equal(strlen(captured.line), LOG_LINE_MAX - 1);
    assert_int_equal(captured.line[LOG_LINE_MAX - 2], 'x');
}

/* ---- result ---- */

static void results_have_names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(d2k_result_name(D2K_OK), "OK");
    assert_string_equal(d2k_result_name(D2K_NAME_IN_USE), "NAME_IN_USE");
    assert_string_equal(d2k_result_text(D2K_CLOSED), "the peer closed the connection");
    assert_string_equal(d2k_result_name((d2k_result)9), "?");
    assert_string_equal(d2k_result_text((d2k_result)-1), "unknown result");
}

/* ---- value ---- */

static void assert_formatted(d2k_value value, const char *expected)
{
    char text[128];
    assert_int_equal(value.status, D2K_STATUS_VALID);
    assert_int_equal(value.time_ns, 0);
    assert_int_equal(d2k_value_format(&value, text, sizeof text), strlen(expected));
    assert_string_equal(text, expected);
}

static void values_are_written_as_text(void **state)
{
    (void)state;
    assert_formatted(d2k_boolean(true), "true");
    assert_formatted(d2k_boolean(false), "false");
    assert_formatted(d2k_integer(0), "0");
    assert_formatted(d2k_integer(INT64_MIN), "-9223372036854775808");
    assert_formatted(d2k_integer(INT64_MAX), "9223372036854775807");
    assert_formatted(d2k_absolute_time(INT64_C(1663919291289000000)), "07:48:11.289 23-09-2022");
    assert_formatted(d2k_absolute_time(D2K_TIME_MIN_NS), "00:00:00.000 01-01-1972");
    assert_formatted(d2k_absolute_time(D2K_TIME_MAX_NS), "23:59:59.999 31-12-2099");
    assert_formatted(d2k_relative_time(0), "0 00:00:00.000");
    assert_formatted(d2k_relative_time(INT64_C(93784567) * 1000000), "1 02:03:04.567");
    assert_formatted(d2k_relative_time(INT64_C(-1500) * 1000000), "-0 00:00:01.500");
    assert_formatted(d2k_relative_time(-1), "0 00:00:00.000");
    assert_formatted(d2k_relative_time(INT64_MIN), "-106751 23:47:16.854");
    assert_formatted(d2k_text("\xc5\xbdilina"), "\xc5\xbdilina");
    assert_formatted(d2k_text(NULL), "");
    assert_formatted(d2k_hobj(UINT32_MAX), "4294967295");
}

static void reals_are_as_short_as_they_can_be(void **state)
{
    (void)state;
    assert_formatted(d2k_real(0.0), "0");
    assert_formatted(d2k_real(-0.0), "-0");
    assert_formatted(d2k_real(0.1), "0.1");
    assert_formatted(d2k_real(21.5), "21.5");
    assert_formatted(d2k_real(-273.15), "-273.15");
    assert_formatted(d2k_real(0.1 + 0.2), "0.30000000000000004");
    assert_formatted(d2k_real(1e20), "1e+20");
    assert_formatted(d2k_real(DBL_MAX), "1.7976931348623157e+308");
    assert_formatted(d2k_real(5e-324), "5e-324");
    assert_formatted(d2k_real(NAN), "nan");
    assert_formatted(d2k_real(-INFINITY), "-inf");
}

static void reals_read_back_to_the_same_number(void **state)
{
    (void)state;
    uint64_t bits = UINT64_C(88172645463325252);
    for (int i = 0; i < 100000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double real;
        memcpy(&real, &bits, sizeof real);
        if (!isfinite(real)) {
            continue;
        }
        d2k_value value = d2k_real(real);
        char text[64];
        assert_in_range(d2k_value_format(&value, text, sizeof text), 1, 24);
        double again = strtod(text, NULL);
        assert_memory_equal(&again, &real, sizeof real);
    }
}

static void reals_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    static const char *const with_comma[] = {"de_DE.UTF-8", "sk_SK.UTF-8", "fr_FR.UTF-8", "ps_AF"};
    bool found = false;
    for (size_t i = 0; i < sizeof with_comma / sizeof with_comma[0] && !found; i++) {
        found = setlocale(LC_NUMERIC, with_comma[i]) != NULL;
    }
    if (!found) {
        skip();
    }
    assert_formatted(d2k_real(-1.5), "-1.5");
    assert_formatted(d2k_real(0.1 + 0.2), "0.30000000000000004");
    (void)setlocale(LC_NUMERIC, "C");
}

static void value_text_is_cut_between_characters(void **state)
{
    (void)state;
    d2k_value value = d2k_text("ab\xe2\x82\xac");
    char text[8] = "";
    assert_int_equal(d2k_value_format(&value, text, 6), 5);
    assert_string_equal(text, "ab\xe2\x82\xac");
    assert_int_equal(d2k_value_format(&value, text, 5), 5);
    assert_string_equal(text, "ab");
    assert_int_equal(d2k_value_format(&value, text, 1), 5);
    assert_string_equal(text, "");
    assert_int_equal(d2k_value_format(&value, NULL, 0), 5);
    value = d2k_integer(12345);
    assert_int_equal(d2k_value_format(&value, text, 3), 5);
    assert_string_equal(text, "12");
}

static void value_without_content_is_empty_text(void **state)
{
    (void)state;
    d2k_value value = {.type = D2K_TYPE_NONE};
    char text[8] = "x";
    assert_int_equal(d2k_value_format(&value, text, sizeof text), 0);
    assert_string_equal(text, "");
    value.type = (d2k_type)77;
    assert_int_equal(d2k_value_format(&value, text, sizeof text), 0);
}

static void types_have_names(void **state)
{
    (void)state;
    assert_string_equal(d2k_type_name(D2K_TYPE_NONE), "None");
    assert_string_equal(d2k_type_name(D2K_TYPE_BOOLEAN), "Boolean");
    assert_string_equal(d2k_type_name(D2K_TYPE_ABSOLUTE_TIME), "Absolute time");
    assert_string_equal(d2k_type_name(D2K_TYPE_TEXT), "Text");
    assert_string_equal(d2k_type_name(D2K_TYPE_QUATERNARY), "Quaternary");
    assert_string_equal(d2k_type_name(D2K_TYPE_LAST), "Structure");
    assert_string_equal(d2k_type_name((d2k_type)(D2K_TYPE_LAST + 1)), "?");
}

static void assert_states(d2k_type type, uint32_t last, const char *name)
{
    char text[32];
    d2k_value value = d2k_state(type, last);
    assert_string_equal(d2k_state_name(type, last), name);
    assert_null(d2k_state_name(type, last + 1));
    assert_null(d2k_state_name(type, UINT32_MAX));
    assert_int_equal(d2k_value_format(&value, text, sizeof text), strlen(name));
    assert_string_equal(text, name);
    value = d2k_state(type, last + 1);
    assert_int_equal(d2k_value_format(&value, text, sizeof text), 1);
    assert_string_equal(text, "?");
}

static void assert_limit_status(const d2k_limits *limits, double number, d2k_limit_status expected)
{
    d2k_value value = d2k_real(number);
    assert_int_equal(d2k_limits_status(limits, &value), expected);
}

static void numbers_stand_among_their_limits_as_in_d2000(void **state)
{
    (void)state;
    const d2k_limits limits = {-10, 0, 10, 20};
    d2k_value integer = d2k_integer(21), text = d2k_text("21");
    assert_limit_status(&limits, nextafter(-10, -11), D2K_VL_LIMIT);
    assert_limit_status(&limits, -10, D2K_L_LIMIT);
    assert_limit_status(&limits, nextafter(0, -1), D2K_L_LIMIT);
    assert_limit_status(&limits, 0, D2K_IN_LIMIT);
    assert_limit_status(&limits, 10, D2K_IN_LIMIT);
    assert_limit_status(&limits, nextafter(10, 11), D2K_H_LIMIT);
    assert_limit_status(&limits, 20, D2K_H_LIMIT);
    assert_limit_status(&limits, nextafter(20, 21), D2K_VH_LIMIT);
    assert_int_equal(d2k_limits_status(&limits, &integer), D2K_VH_LIMIT);
    assert_int_equal(d2k_limits_status(&limits, &text), D2K_IN_LIMIT);
}

static void limits_that_miss_or_are_not_in_order_are_a_problem(void **state)
{
    (void)state;
    const d2k_limits wrong[] = {{NAN, 0, 1, 2}, {-1, NAN, 1, 2}, {-1, 0, NAN, 2}, {-1, 0, 1, NAN},
                                {0, 0, 1, 2},   {-1, 1, 1, 2},   {-1, 0, 2, 2},   {2, 1, 0, -1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_limit_status(&wrong[i], 0.5, D2K_LIMITS_PROBLEM);
    }
    assert_string_equal(d2k_limit_status_name(D2K_IN_LIMIT), "InLimit");
    assert_string_equal(d2k_limit_status_name(D2K_LIMITS_PROBLEM), "LimitsProblem");
    assert_string_equal(d2k_limit_status_name(D2K_LIMITS_PROBLEM + 1), "?");
}

static void states_have_names(void **state)
{
    (void)state;
    assert_states(D2K_TYPE_LINE, D2K_LINE_TRUE, "True");
    assert_states(D2K_TYPE_ALARM, D2K_ALARM_NO_KVIT, "NoKvit");
    assert_states(D2K_TYPE_STATION, D2K_STATION_WAIT, "StWAIT");
    assert_states(D2K_TYPE_PROCESS, D2K_PROCESS_VALUE_WDERR, "WDErr");
    assert_states(D2K_TYPE_QUATERNARY, D2K_QUATERNARY_OSC, "Q_Osc");
    assert_null(d2k_state_name(D2K_TYPE_REAL, 0));
    assert_null(d2k_state_name(D2K_TYPE_HOBJ, 0));
    assert_null(d2k_state_name((d2k_type)77, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_buffer_owns_nothing),
        cmocka_unit_test(buffer_takes_max_size_and_fails_at_one_more),
        cmocka_unit_test(failed_buffer_ignores_writes_until_it_is_reset),
        cmocka_unit_test(huge_reserve_fails_instead_of_wrapping_around),
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(patch_overwrites_four_bytes_that_are_there),
        cmocka_unit_test(truncate_undoes_what_was_written),
        cmocka_unit_test(trim_gives_storage_back_only_when_empty),
        cmocka_unit_test(reserved_room_is_added_as_far_as_it_was_used),
        cmocka_unit_test(nearly_full_buffer_does_not_move_its_bytes_at_every_step),
        cmocka_unit_test(random_use_agrees_with_a_model),
        cmocka_unit_test(cursor_reads_fields_in_order),
        cmocka_unit_test(cursor_past_the_end_fails_and_yields_zeros_from_then_on),
        cmocka_unit_test(slices_compare_and_copy),
        cmocka_unit_test(lists_are_joined),
        cmocka_unit_test(list_keeps_order_and_members_may_leave_while_it_is_walked),
        cmocka_unit_test(machine_moves_only_as_its_table_allows),
        cmocka_unit_test(machine_refuses_states_that_are_none),
        cmocka_unit_test(error_text_grows_on_the_way_up),
        cmocka_unit_test(error_text_is_cut_never_overrun),
        cmocka_unit_test(error_may_be_left_out),
        cmocka_unit_test(log_line_has_the_shape_of_d2000),
        cmocka_unit_test(log_drops_lines_above_its_level),
        cmocka_unit_test(long_log_line_is_cut_between_characters_and_keeps_its_tail),
        cmocka_unit_test(log_line_takes_the_limit_and_cuts_one_past_it),
        cmocka_unit_test(results_have_names_and_texts),
        cmocka_unit_test(values_are_written_as_text),
        cmocka_unit_test(reals_are_as_short_as_they_can_be),
        cmocka_unit_test(reals_read_back_to_the_same_number),
        cmocka_unit_test(reals_do_not_depend_on_the_locale),
        cmocka_unit_test(value_text_is_cut_between_characters),
        cmocka_unit_test(value_without_content_is_empty_text),
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(states_have_names),
        cmocka_unit_test(numbers_stand_among_their_limits_as_in_d2000),
        cmocka_unit_test(limits_that_miss_or_are_not_in_order_are_a_problem),
    };
    (void)setenv("TZ", "UTC0", 1);
    tzset();
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
