/* Unit tests of wire/message.h. Most run over the whole list of messages, so a message that is
 * added later is tested without a new line here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message.h"

#define BUFFER_MAX (4u * 1024u * 1024u)

/* ---- every message with every field filled ---- */

static const char long_text[] = "0123456789012345678901234567890123456789012345678901234567890123"
                                "4567890123456789012345678901234567890123456789012345678901234567"
                                "8901234567890123456789012345678901234567890123456789012345678901"
                                "2345678901234567890123456789012345678901234567890123456789012345"
                                "6789012345678901234567890123456789012345678901234567890123456789"
                                "0123456789012345678901234567890123456789012345678901234567890123"
                                "4567890123456789012345678901234567890123456789012345678901234567"
                                "8901234567890123456789012345678901234567890123456789012345678901"
                                "one byte more than the longest";

/* Sizes of texts differ from field to field, so that fields that change places are seen. */
static unsigned next_fill;

static uint8_t fill_byte(void)
{
    return (uint8_t)(0x81u + 7u * next_fill++);
}

static void fill_bytes(void *ret, size_t size)
{
    uint8_t *at = ret;
    for (size_t i = 0; i < size; i++) {
        at[i] = fill_byte();
    }
}

static struct slice fill_text(size_t max)
{
    size_t size = 1 + next_fill++ % 8;
    return (struct slice){long_text + next_fill % 64, size < max ? size : max};
}

static struct slice fill_rest(void)
{
    return (struct slice){long_text + next_fill++ % 64, 40};
}

#define FILL_u8(f)         fill_bytes(&m->f, sizeof(m->f));
#define FILL_u16(f)        fill_bytes(&m->f, sizeof(m->f));
#define FILL_u32(f)        fill_bytes(&m->f, sizeof(m->f));
#define FILL_u64(f)        fill_bytes(&m->f, sizeof(m->f));
#define FILL_i64(f)        fill_bytes(&m->f, sizeof(m->f));
#define FILL_id(f)         fill_bytes(m->f, sizeof(m->f));
#define FILL_token(f)      fill_bytes(m->f, sizeof(m->f));
#define FILL_rest(f)       m->f = fill_rest();
#define FILL(kind, f)      FILL_##kind(f)
#define FILL_STR(f, limit) m->f = fill_text(limit);

#define SAME_NUMBER(f)     assert_true(a->f == b->f);
#define SAME_u8            SAME_NUMBER
#define SAME_u16           SAME_NUMBER
#define SAME_u32           SAME_NUMBER
#define SAME_u64           SAME_NUMBER
#define SAME_i64           SAME_NUMBER
#define SAME_id(f)         assert_memory_equal(a->f, b->f, sizeof(a->f));
#define SAME_token(f)      assert_memory_equal(a->f, b->f, sizeof(a->f));
#define SAME_rest(f)       assert_slice_equal(a->f, b->f);
#define SAME(kind, f)      SAME_##kind(f)
#define SAME_STR(f, limit) assert_slice_equal(a->f, b->f);

static void assert_slice_equal(struct slice a, struct slice b)
{
    assert_int_equal(a.size, b.size);
    if (a.size > 0) {
        assert_memory_equal(a.data, b.data, a.size);
    }
}

#define PER_MESSAGE(number, upper, lower, name, from, state)                                    \
    static void fill_##lower(struct wire_##lower *m)                                            \
    {                                                                                           \
        (void)m;                                                                                \
        WIRE_FIELDS_##lower(FILL, FILL_STR)                                                     \
    }                                                                                           \
    static void assert_same_##lower(const struct wire_##lower *a, const struct wire_##lower *b) \
    {                                                                                           \
        (void)a;                                                                                \
        (void)b;                                                                                \
        WIRE_FIELDS_##lower(SAME, SAME_STR)                                                     \
    }
WIRE_MESSAGES(PER_MESSAGE)
#undef PER_MESSAGE

static const uint16_t all_types[] = {
#define NUMBER(number, upper, lower, name, from, state) (number),
    WIRE_MESSAGES(NUMBER)
#undef NUMBER
};
#define TYPE_COUNT (sizeof(all_types) / sizeof(all_types[0]))

static struct wire_message filled(uint16_t type)
{
    struct wire_message message = {.type = type, .flags = 0x8001u, .request = 0x1122334455667788u};
    switch (type) {
#define FILL_MESSAGE(number, upper, lower, name, from, state) \
    case (number):                                            \
        fill_##lower(&message.as.lower);                      \
        break;
        WIRE_MESSAGES(FILL_MESSAGE)
#undef FILL_MESSAGE
    default:
        fail();
    }
    return message;
}

static void assert_same(const struct wire_message *a, const struct wire_message *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->flags, b->flags);
    assert_true(a->request == b->request);
    switch (a->type) {
#define SAME_MESSAGE(number, upper, lower, name, from, state) \
    case (number):                                            \
        assert_same_##lower(&a->as.lower, &b->as.lower);      \
        break;
        WIRE_MESSAGES(SAME_MESSAGE)
#undef SAME_MESSAGE
    default:
        fail();
    }
}

/* Whether the last field takes whatever comes, so that no frame is too short for it. */
static bool ends_with_rest(uint16_t type)
{
    return type == WIRE_PING || type == WIRE_PONG || type == WIRE_UPDATE || type == WIRE_WRITE ||
           type == WIRE_DEFINE || type == WIRE_CONFIGURE || type == WIRE_OBJECT_INFO ||
           type == WIRE_PROCESS_INFO || type == WIRE_LIST_OBJECTS || type == WIRE_SNAPSHOT ||
           type == WIRE_SUBSCRIBE;
}

/* Of the field that takes whatever comes. */
static size_t rest_size(const struct wire_message *message)
{
    switch (message->type) {
    case WIRE_PING:
    case WIRE_PONG:
    case WIRE_UPDATE:
    case WIRE_SNAPSHOT:
        return message->as.ping.data.size;
    case WIRE_WRITE:
        return message->as.write.value.size;
    case WIRE_DEFINE:
        return message->as.define.properties.size;
    case WIRE_CONFIGURE:
        return message->as.configure.properties.size;
    case WIRE_OBJECT_INFO:
        return message->as.object_info.properties.size;
    case WIRE_SUBSCRIBE:
        return message->as.subscribe.properties.size;
    case WIRE_LIST_OBJECTS:
        return message->as.list_objects.properties.size;
    case WIRE_PROCESS_INFO:
        return message->as.process_info.properties.size;
    default:
        return 0;
    }
}

/* ---- helpers ---- */

static enum wire_decoded decode(const struct buffer *frame, struct wire_message *ret_message,
                                uint16_t *ret_code, struct error *err)
{
    size_t size;
    memset(err, 0, sizeof(*err));
    return wire_decode(buffer_data(frame), buffer_size(frame), WIRE_LENGTH_MAX, ret_message, &size,
                       ret_code, err);
}

static void assert_broken(const struct buffer *frame, uint16_t code, const char *said)
{
    struct wire_message message;
    struct error err;
    uint16_t got;
    assert_int_equal(decode(frame, &message, &got, &err), WIRE_BROKEN);
    assert_string_equal(wire_code_name(got), wire_code_name(code));
    assert_int_equal(err.code, D2K_PROTOCOL);
    if (strstr(err.text, said) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, said);
    }
}

static struct wire_message refuse_with(const char *sentence, size_t size)
{
    struct wire_message message = {.type = WIRE_REFUSE};
    message.as.refuse.code = WIRE_CODE_BUSY;
    message.as.refuse.sentence = (struct slice){sentence, size};
    return message;
}

/* A Refuse frame whose sentence claims `claimed` bytes and has these. */
static void put_refuse(struct buffer *out, uint16_t claimed, const char *bytes, size_t size)
{
    struct wire_open_frame frame = wire_begin(out, WIRE_REFUSE, 0, 0);
    buffer_put_u16(out, WIRE_CODE_BUSY);
    buffer_put_u32(out, 0);
    buffer_put_u16(out, claimed);
    buffer_put(out, bytes, size);
    assert_int_equal(wire_end(out, frame), D2K_OK);
}

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

/* ---- tests over the list ---- */

static void every_message_comes_back_as_it_was_encoded(void **state)
{
    struct buffer *out = *state;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        struct wire_message message = filled(all_types[i]);
        struct wire_message got;
        struct error err;
        uint16_t code;
        size_t size;
        buffer_reset(out);
        assert_int_equal(wire_encode(out, &message), D2K_OK);
        assert_int_equal(wire_decode(buffer_data(out), buffer_size(out), WIRE_LENGTH_MAX, &got,
                                     &size, &code, &err),
                         WIRE_DECODED);
        assert_int_equal(size, buffer_size(out));
        assert_same(&message, &got);
    }
}

static void a_message_with_all_fields_empty_comes_back(void **state)
{
    struct buffer *out = *state;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        struct wire_message message = {.type = all_types[i]};
        struct wire_message got;
        struct error err;
        uint16_t code;
        buffer_reset(out);
        assert_int_equal(wire_encode(out, &message), D2K_OK);
        assert_int_equal(decode(out, &got, &code, &err), WIRE_DECODED);
        assert_same(&message, &got);
    }
}

static void each_prefix_of_a_frame_is_incomplete_and_tells_the_size(void **state)
{
    struct buffer *out = *state;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        struct wire_message message = filled(all_types[i]);
        buffer_reset(out);
        assert_int_equal(wire_encode(out, &message), D2K_OK);
        for (size_t size = 0; size < buffer_size(out); size++) {
            struct wire_message got;
            size_t wanted;
            uint16_t code;
            assert_int_equal(
                wire_decode(buffer_data(out), size, WIRE_LENGTH_MAX, &got, &wanted, &code, NULL),
                WIRE_INCOMPLETE);
            assert_int_equal(wanted, size < 4 ? WIRE_HEADER_SIZE : buffer_size(out));
        }
    }
}

static void a_frame_that_ends_within_a_field_is_broken_and_names_the_message(void **state)
{
    struct buffer *out = *state;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        struct wire_message message = filled(all_types[i]);
        buffer_reset(out);
        assert_int_equal(wire_encode(out, &message), D2K_OK);
        size_t shortest = buffer_size(out) - rest_size(&message);
        while (buffer_size(out) > WIRE_HEADER_SIZE) {
            buffer_truncate(out, buffer_size(out) - 1);
            buffer_patch_u32(out, 0, (uint32_t)(buffer_size(out) - 4));
            if (ends_with_rest(message.type) && buffer_size(out) >= shortest) {
                struct wire_message got;
                struct error err;
                uint16_t code;
                assert_int_equal(decode(out, &got, &code, &err), WIRE_DECODED);
            } else {
                assert_broken(out, WIRE_CODE_PROTOCOL, wire_type_info(message.type)->name);
            }
        }
    }
}

static void bytes_after_the_last_field_are_ignored(void **state)
{
    struct buffer *out = *state;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (ends_with_rest(all_types[i])) {
            continue;
        }
        struct wire_message message = filled(all_types[i]);
        struct wire_message got;
        struct error err;
        uint16_t code;
        buffer_reset(out);
        assert_int_equal(wire_encode(out, &message), D2K_OK);
        buffer_put(out, "later", 5);
        buffer_patch_u32(out, 0, (uint32_t)(buffer_size(out) - 4));
        assert_int_equal(decode(out, &got, &code, &err), WIRE_DECODED);
        assert_same(&message, &got);
    }
}

/* One text field of a message: set it, then look whether encoder and decoder keep its limit. */
static void check_text_limit(struct buffer *out, struct wire_message *message, struct slice *field,
                             size_t limit, const char *field_name)
{
    struct wire_message got;
    struct error err;
    uint16_t code;
    assert_true(limit < sizeof(long_text) - 1);
    *field = (struct slice){long_text, limit};
    buffer_reset(out);
    assert_int_equal(wire_encode(out, message), D2K_OK);
    assert_int_equal(decode(out, &got, &code, &err), WIRE_DECODED);
    assert_same(message, &got);

    /* One byte more, which the encoder refuses: so the byte is put in behind its back. */
    size_t at = 0;
    while (memcmp(buffer_data(out) + at, long_text, limit) != 0) {
        at++;
        assert_true(at + limit <= buffer_size(out));
    }
    struct buffer longer;
    buffer_init(&longer, BUFFER_MAX);
    buffer_put(&longer, buffer_data(out), at - 2);
    buffer_put_u16(&longer, (uint16_t)(limit + 1));
    buffer_put(&longer, long_text, limit + 1);
    buffer_put(&longer, buffer_data(out) + at + limit, buffer_size(out) - at - limit);
    buffer_patch_u32(&longer, 0, (uint32_t)(buffer_size(&longer) - 4));
    assert_broken(&longer, WIRE_CODE_TOO_LARGE, field_name);
    buffer_free(&longer);

    *field = (struct slice){long_text, limit + 1};
    size_t before = buffer_size(out);
    assert_int_equal(wire_encode(out, message), D2K_LIMIT);
    assert_int_equal(buffer_size(out), before);
    *field = (struct slice){NULL, 0};
}

static void every_text_field_is_taken_at_its_limit_and_refused_one_past_it(void **state)
{
    struct buffer *out = *state;
    unsigned checked = 0;
#define NO_TEXT(kind, f)
#define CHECK_TEXT(f, limit)                             \
    check_text_limit(out, &message, &m->f, (limit), #f); \
    checked++;
#define CHECK_MESSAGE(number, upper, lower, name, from, state_) \
    {                                                           \
        struct wire_message message = {.type = (number)};       \
        struct wire_##lower *m = &message.as.lower;             \
        (void)m;                                                \
        WIRE_FIELDS_##lower(NO_TEXT, CHECK_TEXT)                \
    }
    WIRE_MESSAGES(CHECK_MESSAGE)
#undef CHECK_MESSAGE
#undef CHECK_TEXT
#undef NO_TEXT
    assert_true(checked > 25);
}

/* ---- single promises ---- */

static void the_bytes_of_a_hello_are_those_of_the_document(void **state)
{
    struct buffer *out = *state;
    static const uint8_t expected[] = {
        0x1d, 0, 0,   0,   1,   0, 1, 0,    8, 7, 6, 5, 4, 3, 2, 1, /* header */
        1,    0, 2,   0,                                            /* versions */
        7,    0, 0,   0,   0,   0, 0, 0x80,                         /* capabilities */
        3,    0, 'a', 'b', 'c',
    };
    struct wire_message message = {
        .type = WIRE_HELLO, .flags = WIRE_FLAG_SKIPPABLE, .request = UINT64_C(0x0102030405060708)};
    message.as.hello.version_min = 1;
    message.as.hello.version_max = 2;
    message.as.hello.capabilities = UINT64_C(0x8000000000000007);
    message.as.hello.application = slice_of("abc");
    assert_int_equal(wire_encode(out, &message), D2K_OK);
    assert_int_equal(buffer_size(out), sizeof(expected));
    assert_memory_equal(buffer_data(out), expected, sizeof(expected));
}

static void two_frames_in_a_row_are_decoded_one_after_the_other(void **state)
{
    struct buffer *out = *state;
    struct wire_message first = filled(WIRE_DEFINE);
    struct wire_message second = filled(WIRE_SUBSCRIBE);
    struct wire_message got;
    size_t size;
    uint16_t code;
    assert_int_equal(wire_encode(out, &first), D2K_OK);
    assert_int_equal(wire_encode(out, &second), D2K_OK);
    assert_int_equal(
        wire_decode(buffer_data(out), buffer_size(out), WIRE_LENGTH_MAX, &got, &size, &code, NULL),
        WIRE_DECODED);
    assert_same(&first, &got);
    buffer_consume(out, size);
    assert_int_equal(
        wire_decode(buffer_data(out), buffer_size(out), WIRE_LENGTH_MAX, &got, &size, &code, NULL),
        WIRE_DECODED);
    assert_same(&second, &got);
    assert_int_equal(size, buffer_size(out));
}

static void a_length_below_the_header_is_broken(void **state)
{
    struct buffer *out = *state;
    for (uint32_t length = 0; length < 12; length++) {
        buffer_reset(out);
        buffer_put_u32(out, length);
        assert_broken(out, WIRE_CODE_PROTOCOL, "at least 12");
    }
}

static void check_length_limit(struct buffer *out, uint32_t length_max)
{
    struct wire_message got;
    struct error err;
    size_t size;
    uint16_t code;
    buffer_reset(out);
    buffer_put_u32(out, length_max);
    assert_int_equal(
        wire_decode(buffer_data(out), buffer_size(out), length_max, &got, &size, &code, &err),
        WIRE_INCOMPLETE);
    assert_int_equal(size, length_max + 4);
    /* One past it is refused by the length alone, before anything of the frame has come. */
    buffer_reset(out);
    buffer_put_u32(out, length_max + 1);
    assert_int_equal(
        wire_decode(buffer_data(out), buffer_size(out), length_max, &got, &size, &code, &err),
        WIRE_BROKEN);
    assert_int_equal(code, WIRE_CODE_TOO_LARGE);
    buffer_reset(out);
    buffer_put_u32(out, UINT32_MAX);
    assert_int_equal(
        wire_decode(buffer_data(out), buffer_size(out), length_max, &got, &size, &code, &err),
        WIRE_BROKEN);
    assert_int_equal(code, WIRE_CODE_TOO_LARGE);
}

static void a_length_is_taken_at_the_limit_and_refused_one_past_it(void **state)
{
    check_length_limit(*state, WIRE_LENGTH_MAX_UNREGISTERED);
    check_length_limit(*state, WIRE_LENGTH_MAX);
}

static void an_unknown_message_is_skipped_when_its_flag_says_so(void **state)
{
    struct buffer *out = *state;
    struct wire_message got;
    size_t size;
    uint16_t code;
    struct wire_open_frame frame = wire_begin(out, 999, WIRE_FLAG_SKIPPABLE, 0);
    buffer_put(out, "whatever", 8);
    assert_int_equal(wire_end(out, frame), D2K_OK);
    assert_int_equal(
        wire_decode(buffer_data(out), buffer_size(out), WIRE_LENGTH_MAX, &got, &size, &code, NULL),
        WIRE_SKIPPED);
    assert_int_equal(size, buffer_size(out));
}

static void an_unknown_message_without_the_flag_is_broken(void **state)
{
    struct buffer *out = *state;
    struct wire_open_frame frame = wire_begin(out, 999, 0xfffeu, 0);
    assert_int_equal(wire_end(out, frame), D2K_OK);
    assert_broken(out, WIRE_CODE_UNKNOWN_MESSAGE, "999");
}

static void text_that_is_not_utf8_or_has_a_nul_is_broken(void **state)
{
    static const struct {
        const char *bytes;
        uint16_t size;
    } bad[] = {
        {"a\0b", 3}, {"\0", 1},       {"\xff", 1},         {"\xc3", 1},
        {"\x80", 1}, {"\xc0\x80", 2}, {"\xed\xa0\x80", 3}, {"\xf4\x90\x80\x80", 4},
    };
    struct buffer *out = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        buffer_reset(out);
        put_refuse(out, bad[i].size, bad[i].bytes, bad[i].size);
        assert_broken(out, WIRE_CODE_PROTOCOL, "field sentence");
        struct wire_message message = refuse_with(bad[i].bytes, bad[i].size);
        buffer_reset(out);
        assert_int_equal(wire_encode(out, &message), D2K_ARGUMENT);
        assert_int_equal(buffer_size(out), 0);
    }
}

static void text_beyond_ascii_is_taken(void **state)
{
    struct buffer *out = *state;
    struct wire_message got;
    struct error err;
    uint16_t code;
    put_refuse(out, 9, "\xc5\xbe\xe2\x82\xac\xf0\x9f\x94\x92", 9);
    assert_int_equal(decode(out, &got, &code, &err), WIRE_DECODED);
    assert_int_equal(got.as.refuse.sentence.size, 9);
}

static void the_error_names_the_first_field_that_is_wrong(void **state)
{
    struct buffer *out = *state;
    struct wire_open_frame frame = wire_begin(out, WIRE_WELCOME, 0, 0);
    buffer_put_u16(out, 1);
    assert_int_equal(wire_end(out, frame), D2K_OK);
    assert_broken(out, WIRE_CODE_PROTOCOL, "message Welcome, field capabilities");
    buffer_reset(out);
    put_refuse(out, 4, "abc", 3);
    assert_broken(out, WIRE_CODE_PROTOCOL, "message Refuse, field sentence");
}

static void a_message_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct buffer out;
    struct wire_message message = refuse_with(long_text, WIRE_SENTENCE_MAX);
    struct wire_message shorter = refuse_with("full", 4);
    struct wire_message got;
    struct error err;
    uint16_t code;
    for (size_t room = 0; room < WIRE_HEADER_SIZE + 8 + WIRE_SENTENCE_MAX; room += 13) {
        buffer_init(&out, 5 + room);
        buffer_put(&out, "front", 5);
        assert_int_equal(wire_encode(&out, &message), D2K_NO_MEMORY);
        assert_int_equal(buffer_size(&out), 5);
        assert_memory_equal(buffer_data(&out), "front", 5);
        assert_false(buffer_failed(&out));
        /* The last word must still get through where there is room for it. */
        if (room >= WIRE_HEADER_SIZE + 12) {
            assert_int_equal(wire_encode(&out, &shorter), D2K_OK);
            buffer_consume(&out, 5);
            assert_int_equal(decode(&out, &got, &code, &err), WIRE_DECODED);
            assert_same(&shorter, &got);
        }
        buffer_free(&out);
    }
}

static void a_buffer_that_had_failed_before_stays_failed(void **state)
{
    (void)state;
    struct buffer out;
    struct wire_message message = refuse_with("x", 1);
    buffer_init(&out, 64);
    buffer_put(&out, long_text, 65);
    assert_true(buffer_failed(&out));
    assert_int_equal(wire_encode(&out, &message), D2K_NO_MEMORY);
    assert_true(buffer_failed(&out));
    buffer_free(&out);
}

static void a_type_that_is_none_cannot_be_encoded(void **state)
{
    struct buffer *out = *state;
    struct wire_message message = {.type = 999};
    assert_int_equal(wire_encode(out, &message), D2K_ARGUMENT);
    assert_int_equal(buffer_size(out), 0);
}

static void a_payload_put_together_by_hand_is_taken_at_the_limit_and_refused_past_it(void **state)
{
    struct buffer *out = *state;
    struct wire_message got;
    size_t size;
    uint16_t code;
    size_t most = WIRE_LENGTH_MAX - 12;
    struct wire_open_frame frame = wire_begin(out, WIRE_UPDATE, 0, 7);
    memset(buffer_reserve(out, most), 'v', most);
    buffer_added(out, most);
    assert_int_equal(wire_end(out, frame), D2K_OK);
    assert_int_equal(
        wire_decode(buffer_data(out), buffer_size(out), WIRE_LENGTH_MAX, &got, &size, &code, NULL),
        WIRE_DECODED);
    assert_int_equal(got.as.update.values.size, most);

    buffer_reset(out);
    frame = wire_begin(out, WIRE_UPDATE, 0, 7);
    memset(buffer_reserve(out, most + 1), 'v', most + 1);
    buffer_added(out, most + 1);
    assert_int_equal(wire_end(out, frame), D2K_LIMIT);
    assert_int_equal(buffer_size(out), 0);
}

static void rest_is_encoded_at_the_limit_and_refused_past_it(void **state)
{
    struct buffer *out = *state;
    size_t most = WIRE_LENGTH_MAX - 12;
    char *bytes = calloc(1, WIRE_LENGTH_MAX + 1);
    assert_non_null(bytes);
    struct wire_message message = {.type = WIRE_PING};
    message.as.ping.data = (struct slice){bytes, most};
    assert_int_equal(wire_encode(out, &message), D2K_OK);
    buffer_reset(out);
    message.as.ping.data.size = most + 1;
    assert_int_equal(wire_encode(out, &message), D2K_LIMIT);
    message.as.ping.data.size = WIRE_LENGTH_MAX + 1;
    assert_int_equal(wire_encode(out, &message), D2K_LIMIT);
    assert_int_equal(buffer_size(out), 0);
    free(bytes);
}

static void the_preface_cannot_be_taken_for_tls_or_text(void **state)
{
    (void)state;
    assert_int_equal(sizeof(WIRE_PREFACE) - 1, WIRE_PREFACE_SIZE);
    assert_int_not_equal(WIRE_PREFACE[0], 0x16);
    assert_non_null(memchr(WIRE_PREFACE, 0x1a, WIRE_PREFACE_SIZE));
}

static void every_type_has_its_name_and_other_numbers_have_none(void **state)
{
    (void)state;
    unsigned known = 0;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        const struct wire_type_info *info = wire_type_info((uint16_t)type);
        if (info != NULL) {
            assert_int_equal(info->number, type);
            known++;
        }
    }
    assert_int_equal(known, TYPE_COUNT);
    assert_string_equal(wire_type_info(WIRE_REGISTER)->name, "Register");
    assert_int_equal(wire_type_info(WIRE_REGISTER)->from, WIRE_FROM_C);
    assert_int_equal(wire_type_info(WIRE_WELCOME)->from, WIRE_FROM_K);
    assert_int_equal(wire_type_info(WIRE_BYE)->from, WIRE_FROM_B);
    assert_int_equal(wire_type_info(WIRE_WELCOME)->state, WIRE_STATE_OPENING);
    assert_int_equal(wire_type_info(WIRE_BYE)->state, WIRE_STATE_ANY);
    assert_int_equal(wire_type_info(WIRE_UPDATE)->state, WIRE_STATE_REGISTERED);
}

static void every_code_has_its_name_and_other_numbers_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(wire_code_name(WIRE_CODE_NONE), "NONE");
    assert_string_equal(wire_code_name(WIRE_CODE_NAME_IN_USE), "NAME_IN_USE");
    assert_string_equal(wire_code_name(WIRE_CODE_CERT_DATES), "CERT_DATES");
    assert_string_equal(wire_code_name(WIRE_CODE_STORAGE), "STORAGE");
    assert_string_equal(wire_code_name(WIRE_CODE_NOT_STARTED + 1), "?");
    assert_string_equal(wire_code_name(UINT16_MAX), "?");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, new_buffer, free_buffer)
    const struct CMUnitTest tests[] = {
        TEST(every_message_comes_back_as_it_was_encoded),
        TEST(a_message_with_all_fields_empty_comes_back),
        TEST(each_prefix_of_a_frame_is_incomplete_and_tells_the_size),
        TEST(a_frame_that_ends_within_a_field_is_broken_and_names_the_message),
        TEST(bytes_after_the_last_field_are_ignored),
        TEST(every_text_field_is_taken_at_its_limit_and_refused_one_past_it),
        TEST(the_bytes_of_a_hello_are_those_of_the_document),
        TEST(two_frames_in_a_row_are_decoded_one_after_the_other),
        TEST(a_length_below_the_header_is_broken),
        TEST(a_length_is_taken_at_the_limit_and_refused_one_past_it),
        TEST(an_unknown_message_is_skipped_when_its_flag_says_so),
        TEST(an_unknown_message_without_the_flag_is_broken),
        TEST(text_that_is_not_utf8_or_has_a_nul_is_broken),
        TEST(text_beyond_ascii_is_taken),
        TEST(the_error_names_the_first_field_that_is_wrong),
        TEST(a_message_that_does_not_fit_leaves_the_buffer_as_it_was),
        TEST(a_buffer_that_had_failed_before_stays_failed),
        TEST(a_type_that_is_none_cannot_be_encoded),
        TEST(a_payload_put_together_by_hand_is_taken_at_the_limit_and_refused_past_it),
        TEST(rest_is_encoded_at_the_limit_and_refused_past_it),
        TEST(the_preface_cannot_be_taken_for_tls_or_text),
        TEST(every_type_has_its_name_and_other_numbers_have_none),
        TEST(every_code_has_its_name_and_other_numbers_a_question_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
