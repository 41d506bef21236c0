/* wire/message.c: encoder and decoder of every message, generated from the list in message.h.
 *
 * A field is read by read_<kind>() and written by write_<kind>(); the list says which, in which
 * order and with which limit, so a message cannot be encoded in one way and decoded in another. */
#include "wire/message.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define LENGTH_FIELD_SIZE 4u
/* What `length` counts besides the payload: type, flags, request. */
#define LENGTH_MIN (WIRE_HEADER_SIZE - LENGTH_FIELD_SIZE)

const char *wire_code_name(uint16_t code)
{
    switch (code) {
#define CODE_NAME(name, number, text) \
    case (number):                    \
        return #name;
        WIRE_CODES(CODE_NAME)
#undef CODE_NAME
    default:
        return "?";
    }
}

/* A switch and not a table: the compiler makes a jump table of it, and every frame asks. */
const struct wire_type_info *wire_type_info(uint16_t type)
{
    switch (type) {
#define TYPE_INFO(number, upper, lower, name, from, state)                          \
    case (number): {                                                                \
        static const struct wire_type_info info = {number, #name, WIRE_FROM_##from, \
                                                   WIRE_STATE_##state};             \
        return &info;                                                               \
    }
        WIRE_MESSAGES(TYPE_INFO)
#undef TYPE_INFO
    default:
        return NULL;
    }
}

/* ---- decoding ---- */

struct field_reader {
    struct cursor rest;
    const char *message;
    uint16_t code; /* WIRE_CODE_NONE while all is well; the first error stays */
    struct error *err;
};

static void read_failed(struct field_reader *r, uint16_t code, const char *field, const char *why)
{
    r->code = code;
    error_set(r->err, D2K_PROTOCOL, "message %s, field %s: %s", r->message, field, why);
}

/* Whether the field, whose bytes have just been taken, may be believed. */
static bool read_ok(struct field_reader *r, const char *field)
{
    if (r->code != WIRE_CODE_NONE) {
        return false;
    }
    if (r->rest.failed) {
        read_failed(r, WIRE_CODE_PROTOCOL, field, "the frame ends before it is complete");
        return false;
    }
    return true;
}

static void read_u8(struct field_reader *r, const char *field, uint8_t *ret)
{
    *ret = cursor_u8(&r->rest);
    (void)read_ok(r, field);
}

static void read_u16(struct field_reader *r, const char *field, uint16_t *ret)
{
    *ret = cursor_u16(&r->rest);
    (void)read_ok(r, field);
}

static void read_u32(struct field_reader *r, const char *field, uint32_t *ret)
{
    *ret = cursor_u32(&r->rest);
    (void)read_ok(r, field);
}

static void read_u64(struct field_reader *r, const char *field, uint64_t *ret)
{
    *ret = cursor_u64(&r->rest);
    (void)read_ok(r, field);
}

static void read_i64(struct field_reader *r, const char *field, int64_t *ret)
{
    *ret = (int64_t)cursor_u64(&r->rest);
    (void)read_ok(r, field);
}

static void read_fixed(struct field_reader *r, const char *field, uint8_t *ret, size_t size)
{
    struct slice bytes = cursor_bytes(&r->rest, size);
    if (read_ok(r, field)) {
        memcpy(ret, bytes.data, size);
    }
}

static void read_id(struct field_reader *r, const char *field, uint8_t (*ret)[WIRE_ID_SIZE])
{
    read_fixed(r, field, *ret, sizeof(*ret));
}

static void read_token(struct field_reader *r, const char *field, uint8_t (*ret)[WIRE_TOKEN_SIZE])
{
    read_fixed(r, field, *ret, sizeof(*ret));
}

static void read_rest(struct field_reader *r, const char *field, struct slice *ret)
{
    *ret = cursor_bytes(&r->rest, r->rest.left);
    (void)read_ok(r, field);
}

static void read_str(struct field_reader *r, const char *field, size_t max, struct slice *ret)
{
    uint16_t size = cursor_u16(&r->rest);
    if (!read_ok(r, field)) {
        return;
    }
    if (size > max) {
        r->code = WIRE_CODE_TOO_LARGE;
        error_set(r->err, D2K_PROTOCOL, "message %s, field %s: %u bytes, at most %zu are allowed",
                  r->message, field, size, max);
        return;
    }
    struct slice text = cursor_bytes(&r->rest, size);
    if (!read_ok(r, field)) {
        return;
    }
    if (!text_is_utf8(text)) {
        read_failed(r, WIRE_CODE_PROTOCOL, field, "not valid UTF-8 text without NUL");
        return;
    }
    *ret = text;
}

#define READ_FIELD(kind, field) read_##kind(r, #field, &m->field);
#define READ_STR(field, limit)  read_str(r, #field, (limit), &m->field);
#define DECODER(number, upper, lower, name, from, state)                       \
    static void decode_##lower(struct field_reader *r, struct wire_##lower *m) \
    {                                                                          \
        (void)r;                                                               \
        (void)m;                                                               \
        WIRE_FIELDS_##lower(READ_FIELD, READ_STR)                              \
    }
WIRE_MESSAGES(DECODER)
#undef DECODER

static void decode_fields(struct field_reader *r, struct wire_message *message)
{
    switch (message->type) {
#define DECODE(number, upper, lower, name, from, state) \
    case (number):                                      \
        decode_##lower(r, &message->as.lower);          \
        break;
        WIRE_MESSAGES(DECODE)
#undef DECODE
    default:
        break;
    }
}

static enum wire_decoded broken(uint16_t *ret_code, uint16_t code)
{
    *ret_code = code;
    return WIRE_BROKEN;
}

static enum wire_decoded decode_payload(struct cursor payload, struct wire_message *message,
                                        uint16_t *ret_code, struct error *err)
{
    const struct wire_type_info *info = wire_type_info(message->type);
    if (info == NULL) {
        if ((message->flags & WIRE_FLAG_SKIPPABLE) != 0) {
            return WIRE_SKIPPED;
        }
        error_set(err, D2K_PROTOCOL, "message %u is not known and may not be skipped",
                  message->type);
        return broken(ret_code, WIRE_CODE_UNKNOWN_MESSAGE);
    }
    struct field_reader reader = {payload, info->name, WIRE_CODE_NONE, err};
    decode_fields(&reader, message);
    return reader.code == WIRE_CODE_NONE ? WIRE_DECODED : broken(ret_code, reader.code);
}

enum wire_decoded wire_decode(const uint8_t *bytes, size_t size, uint32_t length_max,
                              struct wire_message *ret_message, size_t *ret_size,
                              uint16_t *ret_code, struct error *err)
{
    *ret_size = WIRE_HEADER_SIZE;
    *ret_code = WIRE_CODE_NONE;
    if (size < LENGTH_FIELD_SIZE) {
        return WIRE_INCOMPLETE;
    }
    struct cursor in = cursor_of(bytes, size);
    uint32_t length = cursor_u32(&in);
    /* Before the rest has come: who announces too much is not waited for. */
    if (length < LENGTH_MIN) {
        error_set(err, D2K_PROTOCOL, "frame of length %" PRIu32 ", at least %u are needed", length,
                  LENGTH_MIN);
        return broken(ret_code, WIRE_CODE_PROTOCOL);
    }
    if (length > length_max) {
        error_set(err, D2K_PROTOCOL,
                  "frame of length %" PRIu32 ", at most %" PRIu32 " are allowed now", length,
                  length_max);
        return broken(ret_code, WIRE_CODE_TOO_LARGE);
    }
    *ret_size = (size_t)LENGTH_FIELD_SIZE + length;
    if (size < *ret_size) {
        return WIRE_INCOMPLETE;
    }
    memset(ret_message, 0, sizeof(*ret_message));
    ret_message->type = cursor_u16(&in);
    ret_message->flags = cursor_u16(&in);
    ret_message->request = cursor_u64(&in);
    return decode_payload(cursor_of(bytes + WIRE_HEADER_SIZE, *ret_size - WIRE_HEADER_SIZE),
                          ret_message, ret_code, err);
}

/* ---- encoding ---- */

/* Forgets a frame that could not be finished. The buffer may be written to again: a link whose
 * output is full must still be able to say why it ends. */
static void take_back(struct buffer *out, struct wire_open_frame frame)
{
    buffer_truncate(out, frame.begin);
    out->failed = frame.failed_before;
}

struct wire_open_frame wire_begin(struct buffer *out, uint16_t type, uint16_t flags,
                                  uint64_t request)
{
    struct wire_open_frame frame = {buffer_size(out), buffer_failed(out)};
    buffer_put_u32(out, 0); /* wire_end() knows it */
    buffer_put_u16(out, type);
    buffer_put_u16(out, flags);
    buffer_put_u64(out, request);
    return frame;
}

d2k_result wire_end(struct buffer *out, struct wire_open_frame frame)
{
    if (buffer_failed(out)) {
        take_back(out, frame);
        return D2K_NO_MEMORY;
    }
    size_t length = buffer_size(out) - frame.begin - LENGTH_FIELD_SIZE;
    if (length > WIRE_LENGTH_MAX) {
        take_back(out, frame);
        return D2K_LIMIT;
    }
    buffer_patch_u32(out, frame.begin, (uint32_t)length);
    return D2K_OK;
}

static d2k_result write_u8(struct buffer *out, const uint8_t *value)
{
    buffer_put_u8(out, *value);
    return D2K_OK;
}

static d2k_result write_u16(struct buffer *out, const uint16_t *value)
{
    buffer_put_u16(out, *value);
    return D2K_OK;
}

static d2k_result write_u32(struct buffer *out, const uint32_t *value)
{
    buffer_put_u32(out, *value);
    return D2K_OK;
}

static d2k_result write_u64(struct buffer *out, const uint64_t *value)
{
    buffer_put_u64(out, *value);
    return D2K_OK;
}

static d2k_result write_i64(struct buffer *out, const int64_t *value)
{
    buffer_put_u64(out, (uint64_t)*value);
    return D2K_OK;
}

static d2k_result write_id(struct buffer *out, const uint8_t (*value)[WIRE_ID_SIZE])
{
    buffer_put(out, *value, sizeof(*value));
    return D2K_OK;
}

static d2k_result write_token(struct buffer *out, const uint8_t (*value)[WIRE_TOKEN_SIZE])
{
    buffer_put(out, *value, sizeof(*value));
    return D2K_OK;
}

static void write_slice(struct buffer *out, const struct slice *value)
{
    if (value->size > 0) {
        buffer_put(out, value->data, value->size);
    }
}

static d2k_result write_rest(struct buffer *out, const struct slice *value)
{
    if (value->size > WIRE_LENGTH_MAX) {
        return D2K_LIMIT;
    }
    write_slice(out, value);
    return D2K_OK;
}

static d2k_result write_str(struct buffer *out, size_t max, const struct slice *value)
{
    if (value->size > max) {
        return D2K_LIMIT;
    }
    if (!text_is_utf8(*value)) {
        return D2K_ARGUMENT;
    }
    buffer_put_u16(out, (uint16_t)value->size);
    write_slice(out, value);
    return D2K_OK;
}

/* The first failure stays; what is written after it is taken back with the frame. */
static d2k_result first_failure(d2k_result before, d2k_result now)
{
    return before == D2K_OK ? now : before;
}

#define WRITE_FIELD(kind, field) result = first_failure(result, write_##kind(out, &m->field));
#define WRITE_STR(field, limit)  result = first_failure(result, write_str(out, (limit), &m->field));
#define ENCODER(number, upper, lower, name, from, state)                               \
    static d2k_result encode_##lower(struct buffer *out, const struct wire_##lower *m) \
    {                                                                                  \
        d2k_result result = D2K_OK;                                                    \
        (void)out;                                                                     \
        (void)m;                                                                       \
        WIRE_FIELDS_##lower(WRITE_FIELD, WRITE_STR) return result;                     \
    }
WIRE_MESSAGES(ENCODER)
#undef ENCODER

static d2k_result encode_fields(struct buffer *out, const struct wire_message *message)
{
    switch (message->type) {
#define ENCODE(number, upper, lower, name, from, state) \
    case (number):                                      \
        return encode_##lower(out, &message->as.lower);
        WIRE_MESSAGES(ENCODE)
#undef ENCODE
    default:
        return D2K_ARGUMENT;
    }
}

d2k_result wire_encode(struct buffer *out, const struct wire_message *message)
{
    struct wire_open_frame frame = wire_begin(out, message->type, message->flags, message->request);
    d2k_result result = encode_fields(out, message);
    if (result != D2K_OK) {
        take_back(out, frame);
        return result;
    }
    return wire_end(out, frame);
}
