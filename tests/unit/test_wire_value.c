/* Unit tests of wire/value.h: the value record and the rules of every value. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/value.h"

#define BUFFER_MAX (1024u * 1024u)
#define SOME_TIME  INT64_C(1664000000123456789)

static int new_buffer(void **state)
{
    static struct buffer buffer;
    buffer_init(&buffer, BUFFER_MAX);
    *state = &buffer;
    return 0;
}

static int free_buffer(void **state)
{
    buffer_free(*state);
    return 0;
}

/* Elements -1 and 2, the second not valid, from index 0 on. */
static const char array_bytes[] = "\0\0\0\0\2\0\0\0"
                                  "\1\3\0\0"
                                  "\1\0\0\0\0\0\0\xf0\xbf"
                                  "\0\0\0\0\0\0\0\0\0";
/* One row: A = true, B = "x". */
static const char structure_bytes[] = "\1\0\0\0\1\0\0\0"
                                      "\2\1\1\0A\6\1\0B"
                                      "\1\1\1\1\0\0\0x";

/* A value whose every member is unlike its neighbours. */
static d2k_value some_value(d2k_type type)
{
    d2k_value value = {.type = type,
                       .status = D2K_STATUS_VALID | D2K_STATUS_PR_AL_CRIT,
                       .flags = 0x8001,
                       .past = true,
                       .time_ns = SOME_TIME,
                       .sequence = UINT64_C(0xf1e2d3c4b5a69788)};
    switch (type) {
    case D2K_TYPE_BOOLEAN:
        value.content.boolean = true;
        break;
    case D2K_TYPE_INTEGER:
        value.content.integer = INT64_MIN;
        break;
    case D2K_TYPE_REAL:
        value.content.real = -0.1;
        break;
    case D2K_TYPE_ABSOLUTE_TIME:
        value.content.absolute_time_ns = D2K_TIME_MAX_NS;
        break;
    case D2K_TYPE_RELATIVE_TIME:
        value.content.relative_time_ns = INT64_MAX;
        break;
    case D2K_TYPE_TEXT:
        value.content.text.data = "\xc5\xbeltá";
        value.content.text.size = 6;
        break;
    case D2K_TYPE_LINE:
        value.content.state = D2K_LINE_TRUE;
        break;
    case D2K_TYPE_ALARM:
        value.content.state = D2K_ALARM_NO_KVIT;
        break;
    case D2K_TYPE_STATION:
        value.content.state = D2K_STATION_WAIT;
        break;
    case D2K_TYPE_PROCESS:
        value.content.state = D2K_PROCESS_VALUE_WDERR;
        break;
    case D2K_TYPE_QUATERNARY:
        value.content.state = D2K_QUATERNARY_OSC;
        break;
    case D2K_TYPE_HOBJ:
        value.content.hobj = UINT32_MAX;
        break;
    case D2K_TYPE_ARRAY:
        value.content.table.data = array_bytes;
        value.content.table.size = sizeof array_bytes - 1;
        break;
    case D2K_TYPE_STRUCTURE:
        value.content.table.data = structure_bytes;
        value.content.table.size = sizeof structure_bytes - 1;
        break;
    default:
        break;
    }
    return value;
}

static void assert_same_content(const d2k_value *a, const d2k_value *b)
{
    switch (a->type) {
    case D2K_TYPE_BOOLEAN:
        assert_true(a->content.boolean == b->content.boolean);
        break;
    case D2K_TYPE_REAL:
        assert_memory_equal(&a->content.real, &b->content.real, sizeof(double));
        break;
    case D2K_TYPE_TEXT:
    case D2K_TYPE_ARRAY:
    case D2K_TYPE_STRUCTURE:
        assert_int_equal(a->content.text.size, b->content.text.size);
        if (a->content.text.size > 0) {
            assert_memory_equal(a->content.text.data, b->content.text.data, a->content.text.size);
        }
        break;
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
        assert_true(a->content.state == b->content.state);
        break;
    case D2K_TYPE_HOBJ:
        assert_true(a->content.hobj == b->content.hobj);
        break;
    case D2K_TYPE_NONE:
        break;
    default:
        assert_true(a->content.integer == b->content.integer);
        break;
    }
}

static void assert_same_value(const d2k_value *a, const d2k_value *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->flags, b->flags);
    assert_true(a->past == b->past);
    assert_true(a->time_ns == b->time_ns);
    assert_true(a->sequence == b->sequence);
    assert_same_content(a, b);
}

static int decode(const struct buffer *b, uint32_t *ret_hobj, d2k_value *ret_value)
{
    struct cursor rest = cursor_of(buffer_data(b), buffer_size(b));
    return wire_value_decode(&rest, ret_hobj, ret_value, NULL);
}

static void assert_round_trip(struct buffer *out, const d2k_value *value)
{
    d2k_value got;
    uint32_t hobj;
    buffer_reset(out);
    assert_int_equal(wire_value_check(value, NULL), D2K_OK);
    assert_int_equal(wire_value_encode(out, 0xfedcba98u, value), D2K_OK);
    assert_int_equal(decode(out, &hobj, &got), 1);
    assert_true(hobj == 0xfedcba98u);
    assert_same_value(value, &got);
}

/* Neither a program may give this value nor the network bring it. */
static void assert_refused(struct buffer *out, const d2k_value *value, const char *said)
{
    struct error err = {0};
    d2k_value got;
    uint32_t hobj;
    assert_int_equal(wire_value_check(value, &err), D2K_ARGUMENT);
    if (strstr(err.text, said) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, said);
    }
    buffer_reset(out);
    assert_int_equal(wire_value_encode(out, 4711, value), D2K_OK);
    struct cursor rest = cursor_of(buffer_data(out), buffer_size(out));
    assert_int_equal(wire_value_decode(&rest, &hobj, &got, &err), -1);
    assert_int_equal(hobj, 4711);
    assert_non_null(strstr(err.text, "4711"));
    assert_non_null(strstr(err.text, said));
}

static void a_value_of_each_type_comes_back_as_it_was_encoded(void **state)
{
    for (unsigned type = D2K_TYPE_NONE; type <= D2K_TYPE_LAST; type++) {
        d2k_value value = some_value((d2k_type)type);
        assert_round_trip(*state, &value);
        value.past = false;
        value.time_ns = 0;
        assert_round_trip(*state, &value);
    }
}

static void the_bytes_of_a_record_are_those_of_the_document(void **state)
{
    static const uint8_t expected[] = {
        36,   0,    0,    0,                            /* size */
        0x04, 0x03, 0x02, 0x01,                         /* hobj */
        3,    1,    0x01, 0x80,                         /* type, delivery, user flags */
        0x01, 0x02, 0,    0,                            /* status */
        0,    0,    0x46, 0x5b, 0xa6, 0x13, 0xe0, 0,    /* time */
        0x88, 0x97, 0xa6, 0xb5, 0xc4, 0xd3, 0xe2, 0xf1, /* sequence */
        0,    0,    0,    0,    0,    0,    0xf8, 0xbf, /* -1.5 */
    };
    struct buffer *out = *state;
    d2k_value value = some_value(D2K_TYPE_REAL);
    value.time_ns = D2K_TIME_MIN_NS;
    value.content.real = -1.5;
    assert_int_equal(wire_value_encode(out, 0x01020304, &value), D2K_OK);
    assert_int_equal(buffer_size(out), sizeof(expected));
    assert_memory_equal(buffer_data(out), expected, sizeof(expected));
}

static void records_in_a_row_are_taken_one_after_the_other(void **state)
{
    struct buffer *out = *state;
    d2k_value got;
    uint32_t hobj;
    for (unsigned type = D2K_TYPE_NONE; type <= D2K_TYPE_LAST; type++) {
        d2k_value value = some_value((d2k_type)type);
        assert_int_equal(wire_value_encode(out, 100 + type, &value), D2K_OK);
    }
    struct cursor rest = cursor_of(buffer_data(out), buffer_size(out));
    for (unsigned type = D2K_TYPE_NONE; type <= D2K_TYPE_LAST; type++) {
        assert_int_equal(wire_value_decode(&rest, &hobj, &got, NULL), 1);
        assert_int_equal(hobj, 100 + type);
        assert_int_equal(got.type, type);
    }
    assert_int_equal(wire_value_decode(&rest, &hobj, &got, NULL), 0);
}

static void the_objects_of_the_next_records_are_shown(void **state)
{
    struct buffer *out = *state;
    uint32_t hobjs[4] = {0};
    d2k_value value = d2k_integer(1), text = d2k_text("three");
    assert_int_equal(wire_value_encode(out, 7, &value), D2K_OK);
    assert_int_equal(wire_value_encode(out, 8, &text), D2K_OK);
    assert_int_equal(wire_value_encode(out, 9, &value), D2K_OK);
    struct cursor all = cursor_of(buffer_data(out), buffer_size(out));
    assert_int_equal(wire_value_peek(all, hobjs, 4), 3);
    assert_int_equal(hobjs[0], 7);
    assert_int_equal(hobjs[1], 8);
    assert_int_equal(hobjs[2], 9);
    assert_int_equal(wire_value_peek(all, hobjs, 2), 2);
    assert_int_equal(wire_value_peek(cursor_of(all.at, all.left - 1), hobjs, 4), 2);
    assert_int_equal(wire_value_peek(cursor_of(all.at, 3), hobjs, 4), 0);
    assert_int_equal(wire_value_peek(cursor_of("\3\0\0\0abc", 7), hobjs, 4), 0);
    assert_int_equal(wire_value_peek(cursor_of("", 0), hobjs, 4), 0);
}

static void a_limit_status_takes_ten_bytes_and_only_then(void **state)
{
    struct buffer *out = *state;
    d2k_value value = d2k_real(1), got;
    uint32_t hobj;
    assert_int_equal(wire_value_encode(out, 1, &value), D2K_OK);
    assert_int_equal(buffer_size(out), WIRE_VALUE_HEADER_SIZE + 8);
    for (uint8_t status = D2K_VL_LIMIT; status <= D2K_LIMITS_PROBLEM; status++) {
        buffer_reset(out);
        value.limit_status = status;
        assert_int_equal(wire_value_encode(out, 1, &value), D2K_OK);
        assert_int_equal(buffer_size(out), WIRE_VALUE_HEADER_SIZE + 18);
        assert_int_equal(decode(out, &hobj, &got), 1);
        assert_int_equal(got.limit_status, status);
    }
    value.limit_status = D2K_LIMITS_PROBLEM + 1;
    assert_refused(out, &value, "6 is no limit status");
}

static void a_process_alarm_takes_the_same_ten_bytes_and_only_then(void **state)
{
    struct buffer *out = *state;
    d2k_value value = d2k_real(1), got;
    uint32_t hobj;
    value.process_alarm = D2K_PALARM_LAST;
    value.process_alarm_time_ns = SOME_TIME;
    assert_int_equal(wire_value_encode(out, 1, &value), D2K_OK);
    assert_int_equal(buffer_size(out), WIRE_VALUE_HEADER_SIZE + 18);
    assert_int_equal(decode(out, &hobj, &got), 1);
    assert_int_equal(got.limit_status, D2K_IN_LIMIT);
    assert_int_equal(got.process_alarm, D2K_PALARM_LAST);
    assert_int_equal(got.process_alarm_time_ns, SOME_TIME);
    buffer_reset(out);
    value.process_alarm = D2K_PALARM_NONE; /* it went, and nobody has acknowledged it */
    assert_int_equal(wire_value_encode(out, 1, &value), D2K_OK);
    assert_int_equal(decode(out, &hobj, &got), 1);
    assert_int_equal(got.process_alarm_time_ns, SOME_TIME);
    buffer_reset(out);
    value.process_alarm_time_ns = 0;
    assert_int_equal(wire_value_encode(out, 1, &value), D2K_OK);
    assert_int_equal(buffer_size(out), WIRE_VALUE_HEADER_SIZE + 8);
    value.process_alarm = D2K_PALARM_LAST + 1;
    assert_refused(out, &value, "30 is no process alarm");
}

static void text_points_into_the_record(void **state)
{
    struct buffer *out = *state;
    d2k_value value = some_value(D2K_TYPE_TEXT);
    d2k_value got;
    uint32_t hobj;
    assert_int_equal(wire_value_encode(out, 1, &value), D2K_OK);
    assert_int_equal(decode(out, &hobj, &got), 1);
    assert_ptr_equal(got.content.text.data, buffer_data(out) + WIRE_VALUE_HEADER_SIZE + 4);
}

static void bytes_after_the_content_are_skipped(void **state)
{
    struct buffer *out = *state;
    for (unsigned type = D2K_TYPE_NONE; type <= D2K_TYPE_LAST; type++) {
        d2k_value value = some_value((d2k_type)type);
        d2k_value got;
        uint32_t hobj;
        buffer_reset(out);
        assert_int_equal(wire_value_encode(out, 5, &value), D2K_OK);
        buffer_put(out, "later", 5);
        buffer_patch_u32(out, 0, (uint32_t)(buffer_size(out) - 4));
        assert_int_equal(wire_value_encode(out, 6, &value), D2K_OK);
        struct cursor rest = cursor_of(buffer_data(out), buffer_size(out));
        assert_int_equal(wire_value_decode(&rest, &hobj, &got, NULL), 1);
        assert_same_value(&value, &got);
        assert_int_equal(wire_value_decode(&rest, &hobj, &got, NULL), 1);
        assert_int_equal(hobj, 6);
    }
}

static void a_record_that_is_too_short_for_its_content_is_malformed(void **state)
{
    struct buffer *out = *state;
    for (unsigned type = D2K_TYPE_NONE; type <= D2K_TYPE_LAST; type++) {
        d2k_value value = some_value((d2k_type)type);
        d2k_value got;
        uint32_t hobj;
        buffer_reset(out);
        assert_int_equal(wire_value_encode(out, 5, &value), D2K_OK);
        while (buffer_size(out) > 4) {
            buffer_truncate(out, buffer_size(out) - 1);
            assert_int_equal(decode(out, &hobj, &got), -1); /* size says more than there is */
            buffer_patch_u32(out, 0, (uint32_t)(buffer_size(out) - 4));
            assert_int_equal(decode(out, &hobj, &got), -1); /* size is right, content is missing */
        }
    }
}

static void a_size_that_is_cut_or_past_the_end_is_malformed(void **state)
{
    struct buffer *out = *state;
    d2k_value got;
    uint32_t hobj;
    buffer_put(out, "\x01\x00\x00", 3);
    assert_int_equal(decode(out, &hobj, &got), -1);
    buffer_reset(out);
    buffer_put_u32(out, UINT32_MAX);
    assert_int_equal(decode(out, &hobj, &got), -1);
}

static void the_text_inside_may_not_be_longer_than_its_record(void **state)
{
    struct buffer *out = *state;
    d2k_value value = some_value(D2K_TYPE_TEXT);
    d2k_value got;
    uint32_t hobj;
    assert_int_equal(wire_value_encode(out, 5, &value), D2K_OK);
    assert_int_equal(wire_value_encode(out, 6, &value), D2K_OK);
    buffer_patch_u32(out, WIRE_VALUE_HEADER_SIZE, 7); /* one byte of the next record */
    assert_int_equal(decode(out, &hobj, &got), -1);
    buffer_patch_u32(out, WIRE_VALUE_HEADER_SIZE, UINT32_MAX);
    assert_int_equal(decode(out, &hobj, &got), -1);
}

static void an_unknown_type_is_refused(void **state)
{
    d2k_value value = some_value(D2K_TYPE_INTEGER);
    value.type = (d2k_type)(D2K_TYPE_LAST + 1);
    assert_refused(*state, &value, "type 15");
    value.type = (d2k_type)255;
    assert_refused(*state, &value, "type 255");
}

static void a_state_one_past_the_last_is_refused(void **state)
{
    for (unsigned type = D2K_TYPE_LINE; type <= D2K_TYPE_QUATERNARY; type++) {
        d2k_value value = some_value((d2k_type)type);
        value.content.state++; /* some_value() has the last */
        assert_refused(*state, &value, "is no state of type");
    }
}

static void every_known_status_bit_is_taken_and_any_other_refused(void **state)
{
    d2k_value value = some_value(D2K_TYPE_INTEGER);
    value.status = D2K_STATUS_ALL;
    assert_round_trip(*state, &value);
    value.status = D2K_STATUS_ALL + 1;
    assert_refused(*state, &value, "status 0x400");
    value.status = UINT32_C(0x80000000);
    assert_refused(*state, &value, "status");
}

static void a_real_that_is_no_number_is_refused(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        d2k_value value = some_value(D2K_TYPE_REAL);
        value.content.real = bad[i];
        assert_refused(*state, &value, "finite");
    }
}

static void times_are_taken_at_their_limits_and_refused_one_past_them(void **state)
{
    d2k_value value = some_value(D2K_TYPE_ABSOLUTE_TIME);
    value.time_ns = D2K_TIME_MIN_NS;
    value.content.absolute_time_ns = D2K_TIME_MIN_NS;
    assert_round_trip(*state, &value);
    value.time_ns = D2K_TIME_MAX_NS;
    value.content.absolute_time_ns = D2K_TIME_MAX_NS;
    assert_round_trip(*state, &value);
    static const int64_t bad[] = {
        D2K_TIME_MIN_NS - 1, D2K_TIME_MAX_NS + 1, -1, 1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        value.time_ns = bad[i];
        value.content.absolute_time_ns = D2K_TIME_MIN_NS;
        assert_refused(*state, &value, "time stamp");
        value.time_ns = SOME_TIME;
        value.content.absolute_time_ns = bad[i];
        assert_refused(*state, &value, "Absolute time");
    }
    value.content.absolute_time_ns = SOME_TIME;
    value.process_alarm_time_ns = D2K_TIME_MAX_NS;
    assert_round_trip(*state, &value);
    value.process_alarm_time_ns++;
    assert_refused(*state, &value, "time of the process alarm");
    value.process_alarm_time_ns = 0;
    value.content.absolute_time_ns = 0; /* 0 means "now" in a time stamp only */
    assert_refused(*state, &value, "Absolute time");
}

static void text_is_taken_at_its_limit_and_refused_one_past_it(void **state)
{
    char *text = malloc(D2K_TEXT_MAX_BYTES + 1);
    assert_non_null(text);
    memset(text, 'x', D2K_TEXT_MAX_BYTES + 1);
    d2k_value value = some_value(D2K_TYPE_TEXT);
    value.content.text.data = text;
    value.content.text.size = D2K_TEXT_MAX_BYTES;
    assert_round_trip(*state, &value);
    value.content.text.size = D2K_TEXT_MAX_BYTES + 1;
    assert_refused(*state, &value, "400001 bytes");
    free(text);
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    static const char *const bad[] = {"\xff", "a\xc3", "\xed\xa0\x80"};
    d2k_value value = some_value(D2K_TYPE_TEXT);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        value.content.text.data = bad[i];
        value.content.text.size = strlen(bad[i]);
        assert_refused(*state, &value, "UTF-8");
    }
    value.content.text.data = "a\0b";
    value.content.text.size = 3;
    assert_refused(*state, &value, "NUL");
}

static void empty_text_is_a_value(void **state)
{
    d2k_value value = some_value(D2K_TYPE_TEXT);
    value.content.text.data = NULL;
    value.content.text.size = 0;
    assert_round_trip(*state, &value);
}

static void a_boolean_other_than_0_or_1_is_refused(void **state)
{
    struct buffer *out = *state;
    d2k_value value = some_value(D2K_TYPE_BOOLEAN);
    uint8_t bytes[WIRE_VALUE_HEADER_SIZE + 1];
    assert_int_equal(wire_value_encode(out, 5, &value), D2K_OK);
    assert_int_equal(buffer_size(out), sizeof(bytes));
    memcpy(bytes, buffer_data(out), sizeof(bytes));
    for (unsigned byte = 0; byte <= 255; byte++) {
        d2k_value got;
        uint32_t hobj;
        bytes[WIRE_VALUE_HEADER_SIZE] = (uint8_t)byte;
        struct cursor rest = cursor_of(bytes, sizeof(bytes));
        assert_int_equal(wire_value_decode(&rest, &hobj, &got, NULL), byte <= 1 ? 1 : -1);
        assert_true(byte > 1 || got.content.boolean == (byte == 1));
    }
}

static void other_delivery_bits_are_ignored(void **state)
{
    struct buffer *out = *state;
    d2k_value value = some_value(D2K_TYPE_NONE);
    uint8_t bytes[WIRE_VALUE_HEADER_SIZE];
    assert_int_equal(wire_value_encode(out, 5, &value), D2K_OK);
    memcpy(bytes, buffer_data(out), sizeof(bytes));
    bytes[9] = 0xfe;
    d2k_value got;
    uint32_t hobj;
    struct cursor rest = cursor_of(bytes, sizeof(bytes));
    assert_int_equal(wire_value_decode(&rest, &hobj, &got, NULL), 1);
    assert_false(got.past);
}

static void a_record_that_does_not_fit_leaves_what_was_there(void **state)
{
    (void)state;
    struct buffer out;
    d2k_value value = some_value(D2K_TYPE_INTEGER);
    buffer_init(&out, 5 + WIRE_VALUE_HEADER_SIZE + 7);
    buffer_put(&out, "front", 5);
    assert_int_equal(wire_value_encode(&out, 5, &value), D2K_NO_MEMORY);
    assert_int_equal(buffer_size(&out), 5);
    assert_memory_equal(buffer_data(&out), "front", 5);
    buffer_free(&out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, new_buffer, free_buffer)
    const struct CMUnitTest tests[] = {
        TEST(a_value_of_each_type_comes_back_as_it_was_encoded),
        TEST(the_bytes_of_a_record_are_those_of_the_document),
        TEST(records_in_a_row_are_taken_one_after_the_other),
        TEST(the_objects_of_the_next_records_are_shown),
        TEST(a_limit_status_takes_ten_bytes_and_only_then),
        TEST(a_process_alarm_takes_the_same_ten_bytes_and_only_then),
        TEST(text_points_into_the_record),
        TEST(bytes_after_the_content_are_skipped),
        TEST(a_record_that_is_too_short_for_its_content_is_malformed),
        TEST(a_size_that_is_cut_or_past_the_end_is_malformed),
        TEST(the_text_inside_may_not_be_longer_than_its_record),
        TEST(an_unknown_type_is_refused),
        TEST(a_state_one_past_the_last_is_refused),
        TEST(every_known_status_bit_is_taken_and_any_other_refused),
        TEST(a_real_that_is_no_number_is_refused),
        TEST(times_are_taken_at_their_limits_and_refused_one_past_them),
        TEST(text_is_taken_at_its_limit_and_refused_one_past_it),
        TEST(text_that_is_not_utf8_is_refused),
        TEST(empty_text_is_a_value),
        TEST(a_boolean_other_than_0_or_1_is_refused),
        TEST(other_delivery_bits_are_ignored),
        TEST(a_record_that_does_not_fit_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
