/* wire/message.h: the messages of the d2k protocol, one list for all: structures, encoder, decoder,
 * names and the tables of docs/protocol come from it. Pure functions, no I/O, no allocation while
 * decoding: text and bytes of a decoded message are slices into the frame.
 *
 * A stream, plain or inside TLS, starts with WIRE_PREFACE in each direction; then frames follow:
 *
 *     u32 length   of what follows this field (12 + payload)
 *     u16 type     of the message
 *     u16 flags    WIRE_FLAG_...
 *     u64 request  chosen by who asks, repeated in every answer; 0 where nobody asked, or where the
 *                  asker does not tell its answers apart
 *     payload      the fields of the message in the order of the list
 *
 * All numbers are little-endian. Field kinds: u8 u16 u32 u64 i64; str = u16 size + UTF-8 bytes; id
 * = 16 bytes; token = 32 bytes; rest = the remaining bytes. */
#ifndef D2K_WIRE_MESSAGE_H
#define D2K_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <d2k/result.h>
#include <d2k/value.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"

#define WIRE_PREFACE \
    "D2K\r\n\x1a\n\x01" /* 8 bytes; cannot be taken for TLS (0x16 0x03) nor for text */
#define WIRE_PREFACE_SIZE 8u
#define WIRE_HEADER_SIZE  16u

#define WIRE_VERSION_MIN 1u
#define WIRE_VERSION_MAX 1u

/* Limits of a frame's `length` field. */
#define WIRE_LENGTH_MAX_UNREGISTERED 4096u
#define WIRE_LENGTH_MAX              (1024u * 1024u)

#define WIRE_FLAG_SKIPPABLE 0x0001u /* who does not know the message may skip it */
#define WIRE_FLAGS_ALL      0x0001u /* other bits are sent as 0 and ignored when received */

/* Capabilities of Hello and Welcome: what both have may be used. */
#define WIRE_CAPABILITY_WRITES UINT64_C(0x01) /* Write, WriteResult */
#define WIRE_CAPABILITY_PAST   UINT64_C(0x02) /* values of the past */
#define WIRE_CAPABILITY_ACK    UINT64_C(0x04) /* AcknowledgeUpTo, Acknowledged */
#define WIRE_CAPABILITY_PLANT  UINT64_C(0x08) /* properties, Configure, Delete */
#define WIRE_CAPABILITIES      UINT64_C(0x0f)

#define WIRE_ID_SIZE    16u
#define WIRE_TOKEN_SIZE 32u

/* Limits of text fields in bytes. */
#define WIRE_NAME_MAX     64u
#define WIRE_PATTERN_MAX  128u
#define WIRE_SENTENCE_MAX 512u
#define WIRE_PASSWORD_MAX 256u

/* Register.flags */
#define WIRE_REGISTER_VERIFIED \
    0x01u /* this client verified the kernel's certificate (TLSPeerAuth) */
#define WIRE_REGISTER_NUMBERED \
    0x02u /* process_name is "<COMPUTER>.<SUFFIX>"; the kernel assigns <COMPUTER>_<NN>.<SUFFIX> */
#define WIRE_REGISTER_RESUME 0x04u /* resume_token is set */

/* Subscribe.mode */
#define WIRE_MODE_LATEST 0u
#define WIRE_MODE_EVERY  1u

/* SetLogLevel.level */
#define WIRE_LOG_INFO  0u
#define WIRE_LOG_DEBUG 1u

/* WriteResult.outcome */
#define WIRE_WRITE_DONE    0u
#define WIRE_WRITE_REFUSED 1u
#define WIRE_WRITE_UNKNOWN 2u

/* Property KIND of an object. */
#define WIRE_KIND_PROCESS       0u /* a process defined it and gives its values */
#define WIRE_KIND_USER_VARIABLE 1u /* the kernel keeps it; who has the right may write it */
#define WIRE_KIND_COMPUTED      2u /* the kernel computes it from others */
#define WIRE_KIND_SYSTEM_TAG    3u /* the kernel tells of itself */

/* Property FILTER_QUALITY of ListObjects: of the value. */
#define WIRE_QUALITY_ALL     0u
#define WIRE_QUALITY_VALID   1u
#define WIRE_QUALITY_INVALID 2u /* or there is none */

/* Kernel state of Welcome (D2000 section 5.3). */
#define WIRE_STATE_HOT      0u
#define WIRE_STATE_STANDBY  1u
#define WIRE_STATE_STARTING 3u

/* Process state of ProcessInfo. */
#define WIRE_PROCESS_RUNNING 0u
#define WIRE_PROCESS_STOP    1u
#define WIRE_PROCESS_CRASH   2u
#define WIRE_PROCESS_WDERR   3u

/* What the program of a static process does. */
#define WIRE_PROGRAM_UNKNOWN  0u /* the kernel does not know it yet */
#define WIRE_PROGRAM_STOPPED  1u
#define WIRE_PROGRAM_QUEUED   2u /* it waits for its turn at the start of the kernel */
#define WIRE_PROGRAM_WAITING  3u /* it failed, and is started again */
#define WIRE_PROGRAM_STARTING 4u /* it was started, and is awaited */
#define WIRE_PROGRAM_RUNNING  5u
#define WIRE_PROGRAM_STOPPING 6u /* it was asked to end */

/* Of one of several instances of a process. */
#define WIRE_INSTANCE_NONE      0u
#define WIRE_INSTANCE_ACTIVE    1u
#define WIRE_INSTANCE_PASSIVE   2u
#define WIRE_INSTANCE_PREFERRED 0x80u /* added to them in ProcessInfo */

/* Codes of Refuse, Bye, Failed and WriteResult: X(NAME, number, meaning). Never renumber. */
#define WIRE_CODES(X)                                                                           \
    X(NONE, 0, "no error: a normal end (log-off)")                                              \
    X(NO_TLS, 1, "this kernel has no TLS; sent in plain to a TLS ClientHello")                  \
    X(TLS_REQUIRED, 2, "this kernel accepts TLS only")                                          \
    X(TLS_UNAVAILABLE, 3,                                                                       \
      "TLS is configured but cannot be used now; never a reason to go on in plain")             \
    X(NOT_TRUSTED, 4, "the peer's certificate is not in the list of trusted certificates")      \
    X(VERSION, 5, "no common protocol version")                                                 \
    X(APPLICATION, 6, "this kernel runs another application")                                   \
    X(PROTOCOL, 7, "the peer broke the protocol")                                               \
    X(UNKNOWN_MESSAGE, 8, "a message that is not known and may not be skipped")                 \
    X(TOO_LARGE, 9, "a frame or a field is over its limit")                                     \
    X(BAD_NAME, 10, "a name breaks the rules for names")                                        \
    X(NAME_IN_USE, 11, "another connection is registered under this process name")              \
    X(LIMIT, 12, "a limit of the kernel is reached")                                            \
    X(BUSY, 13, "not now; try again after retry_after_ms")                                      \
    X(SHUTDOWN, 14, "the kernel ends")                                                          \
    X(WATCHDOG, 15, "watchdog messages were missing")                                           \
    X(REPLACED, 16, "a newer connection of the same process took over")                         \
    X(NOT_ALLOWED, 17, "not allowed to whoever asks")                                           \
    X(NOT_FOUND, 18, "no such object, process or subscription")                                 \
    X(NOT_OWNER, 19, "the object belongs to another process")                                   \
    X(BAD_TYPE, 20, "the type of the value is not that of the object")                          \
    X(BAD_VALUE, 21, "the value is out of range or malformed")                                  \
    X(TIMEOUT, 22, "the peer took too long")                                                    \
    X(INTERNAL, 23, "an error inside the peer; please report it")                               \
    X(CERT_DATES, 24, "the certificate is outside its dates and the configuration says strict") \
    X(NO_RIGHT, 25, "a rule forbids it")                                                        \
    X(STORAGE, 26, "it could not be stored")                                                    \
    X(OWNER_GONE, 27, "the owner of the object is not connected")                               \
    X(CYCLE, 28, "an object would depend on itself")                                            \
    X(LOGON, 29, "user or password is wrong")                                                   \
    X(NOT_RUNNING, 30, "the process does not run")                                              \
    X(RUNNING, 31, "the process runs already")                                                  \
    X(NOT_STARTED, 32, "the program could not be started")

enum wire_code {
#define WIRE_CODE_ENUM(name, number, text) WIRE_CODE_##name = (number),
    WIRE_CODES(WIRE_CODE_ENUM)
#undef WIRE_CODE_ENUM
};

/* "NAME_IN_USE"; "?" for a number that is none. */
const char *wire_code_name(uint16_t code);

/* Fields in the order of the wire: F(kind, name), and S(name, max bytes) for text, so that its
 * limit stands in the list. */
#define WIRE_FIELDS_hello(F, S) \
    F(u16, version_min)         \
    F(u16, version_max)         \
    F(u64, capabilities)        \
    S(application, WIRE_NAME_MAX) /* empty: any */
#define WIRE_FIELDS_welcome(F, S) \
    F(u16, version)               \
    F(u64, capabilities)          \
    F(id, kernel_instance)        \
    S(application, WIRE_NAME_MAX) \
    S(group, WIRE_NAME_MAX)       \
    S(kernel_name, WIRE_NAME_MAX) \
    F(u8, state)                  \
    F(u64, epoch)                 \
    S(kernel_version, WIRE_NAME_MAX)
#define WIRE_FIELDS_registration(F, S) \
    S(process_name, WIRE_NAME_MAX)     \
    F(u16, process_instance)           \
    S(program_version, WIRE_NAME_MAX)  \
    S(computer_name, WIRE_NAME_MAX)    \
    F(u32, os_process_id)              \
    F(id, client_instance)             \
    F(token, resume_token)             \
    F(u32, watchdog_ms)                \
    F(u32, flags)
#define WIRE_FIELDS_registered(F, S) \
    F(u32, id_number)                \
    F(u64, connection_sql_id)        \
    S(process_name, WIRE_NAME_MAX)   \
    F(token, resume_token)           \
    F(i64, kernel_time)              \
    F(u32, watchdog_ms)
#define WIRE_FIELDS_refuse(F, S) \
    F(u16, code)                 \
    F(u32, retry_after_ms)       \
    S(sentence, WIRE_SENTENCE_MAX)
#define WIRE_FIELDS_bye(F, S) WIRE_FIELDS_refuse(F, S)
#define WIRE_FIELDS_watchdog(F, S)
#define WIRE_FIELDS_ping(F, S) F(rest, data)
#define WIRE_FIELDS_pong(F, S) F(rest, data)
#define WIRE_FIELDS_done(F, S) F(u64, count)
#define WIRE_FIELDS_failed(F, S) \
    F(u16, code)                 \
    S(sentence, WIRE_SENTENCE_MAX)
#define WIRE_FIELDS_define(F, S)        \
    F(u8, type)                         \
    S(name, D2K_OBJECT_NAME_MAX)        \
    S(description, D2K_DESCRIPTION_MAX) \
    S(unit, D2K_UNIT_MAX)               \
    F(rest, properties)
#define WIRE_FIELDS_delete_object(F, S) S(name, D2K_OBJECT_NAME_MAX)
#define WIRE_FIELDS_configure(F, S)     WIRE_FIELDS_define(F, S)
#define WIRE_FIELDS_defined(F, S)       F(u32, hobj)
#define WIRE_FIELDS_object_info(F, S)   \
    F(u32, hobj)                        \
    F(u8, type)                         \
    S(name, D2K_OBJECT_NAME_MAX)        \
    S(description, D2K_DESCRIPTION_MAX) \
    S(unit, D2K_UNIT_MAX)               \
    S(owner, WIRE_NAME_MAX)             \
    F(rest, properties)
#define WIRE_FIELDS_acknowledge_alarm(F, S) S(pattern, WIRE_PATTERN_MAX)
#define WIRE_FIELDS_object_gone(F, S)       F(u32, hobj)
#define WIRE_FIELDS_update(F, S)            F(rest, values)
#define WIRE_FIELDS_acknowledge_up_to(F, S) F(u64, sequence)
#define WIRE_FIELDS_acknowledged(F, S)      F(u64, sequence)
#define WIRE_FIELDS_subscribe(F, S) \
    F(u32, subscription)            \
    F(u8, mode)                     \
    S(pattern, WIRE_PATTERN_MAX)    \
    F(rest, properties)
#define WIRE_FIELDS_unsubscribe(F, S)    F(u32, subscription)
#define WIRE_FIELDS_snapshot_begin(F, S) F(u32, subscription)
#define WIRE_FIELDS_snapshot_end(F, S) \
    F(u32, subscription)               \
    F(u64, count)
#define WIRE_FIELDS_overrun(F, S) \
    F(u32, subscription)          \
    F(u64, lost)
#define WIRE_FIELDS_read(F, S) S(pattern, WIRE_PATTERN_MAX)
#define WIRE_FIELDS_list_objects(F, S) \
    S(pattern, WIRE_PATTERN_MAX)       \
    F(rest, properties)
#define WIRE_FIELDS_list_processes(F, S) S(pattern, WIRE_PATTERN_MAX)
#define WIRE_FIELDS_snapshot(F, S)       F(rest, patterns)
#define WIRE_FIELDS_history(F, S) \
    S(name, D2K_OBJECT_NAME_MAX)  \
    F(u32, count)
#define WIRE_FIELDS_process_info(F, S)               \
    F(u32, id_number)                                \
    S(process_name, WIRE_NAME_MAX)                   \
    F(u16, process_instance)                         \
    F(u8, state)                                     \
    S(program_version, WIRE_NAME_MAX)                \
    S(computer_name, WIRE_NAME_MAX)                  \
    F(u32, os_process_id)                            \
    S(address, 64)                                   \
    S(tls_version, 16) /* "TLSv1.3"; empty: plain */ \
    F(u8, verified)                                  \
    F(i64, since)                                    \
    F(u64, connection_sql_id)                        \
    F(u64, values_in)                                \
    F(u64, values_out)                               \
    F(rest, properties)
#define WIRE_FIELDS_write(F, S) \
    F(id, writer_instance)      \
    F(u64, writer_counter)      \
    F(rest, value)
#define WIRE_FIELDS_write_result(F, S) \
    F(id, writer_instance)             \
    F(u64, writer_counter)             \
    F(u8, outcome)                     \
    F(u16, code)                       \
    S(sentence, WIRE_SENTENCE_MAX)
#define WIRE_FIELDS_shutdown(F, S)      S(reason, WIRE_SENTENCE_MAX)
#define WIRE_FIELDS_set_log_level(F, S) F(u8, level)
#define WIRE_FIELDS_start_process(F, S) \
    S(process_name, WIRE_NAME_MAX)      \
    F(u16, instance)
#define WIRE_FIELDS_stop_process(F, S)    WIRE_FIELDS_start_process(F, S)
#define WIRE_FIELDS_restart_process(F, S) WIRE_FIELDS_start_process(F, S)
#define WIRE_FIELDS_set_active_instance(F, S) \
    S(process_name, WIRE_NAME_MAX)            \
    F(u16, instance)
#define WIRE_FIELDS_set_preferred_instance(F, S) WIRE_FIELDS_set_active_instance(F, S)
#define WIRE_FIELDS_instance_state(F, S)         F(u8, state)
#define WIRE_FIELDS_log_on(F, S) \
    S(user, WIRE_NAME_MAX)       \
    S(password, WIRE_PASSWORD_MAX)
#define WIRE_FIELDS_logged_on(F, S) S(user, WIRE_NAME_MAX)
#define WIRE_FIELDS_log_off(F, S)

/* From: C client, K kernel, B both. State of the link in which it is allowed: OPENING (before
 * registration), REGISTERED, ANY. M(number, NAME, lower-case name, DocumentName, from, state). */
#define WIRE_MESSAGES(M)                                                                       \
    M(1, HELLO, hello, Hello, C, OPENING)                                                      \
    M(2, WELCOME, welcome, Welcome, K, OPENING)                                                \
    M(3, REGISTER, registration, Register, C, OPENING)                                         \
    M(4, REGISTERED, registered, Registered, K, OPENING)                                       \
    M(5, REFUSE, refuse, Refuse, B, OPENING)                                                   \
    M(6, BYE, bye, Bye, B, ANY)                                                                \
    M(7, WATCHDOG, watchdog, Watchdog, B, REGISTERED)                                          \
    M(8, PING, ping, Ping, B, REGISTERED)                                                      \
    M(9, PONG, pong, Pong, B, REGISTERED)                                                      \
    M(16, DONE, done, Done, K, REGISTERED)                                                     \
    M(17, FAILED, failed, Failed, K, REGISTERED)                                               \
    M(32, DEFINE, define, Define, C, REGISTERED)                                               \
    M(33, DEFINED, defined, Defined, K, REGISTERED)                                            \
    M(34, OBJECT_INFO, object_info, ObjectInfo, K, REGISTERED)                                 \
    M(35, OBJECT_GONE, object_gone, ObjectGone, K, REGISTERED)                                 \
    M(36, UPDATE, update, Update, B, REGISTERED)                                               \
    M(37, ACKNOWLEDGE_UP_TO, acknowledge_up_to, AcknowledgeUpTo, C, REGISTERED)                \
    M(38, ACKNOWLEDGED, acknowledged, Acknowledged, K, REGISTERED)                             \
    M(39, DELETE, delete_object, Delete, C, REGISTERED)                                        \
    M(40, CONFIGURE, configure, Configure, C, REGISTERED)                                      \
    M(41, ACKNOWLEDGE_ALARM, acknowledge_alarm, AcknowledgeAlarm, C, REGISTERED)               \
    M(48, SUBSCRIBE, subscribe, Subscribe, C, REGISTERED)                                      \
    M(49, UNSUBSCRIBE, unsubscribe, Unsubscribe, C, REGISTERED)                                \
    M(50, SNAPSHOT_BEGIN, snapshot_begin, SnapshotBegin, K, REGISTERED)                        \
    M(51, SNAPSHOT_END, snapshot_end, SnapshotEnd, K, REGISTERED)                              \
    M(52, OVERRUN, overrun, Overrun, K, REGISTERED)                                            \
    M(53, READ, read, Read, C, REGISTERED)                                                     \
    M(54, LIST_OBJECTS, list_objects, ListObjects, C, REGISTERED)                              \
    M(55, LIST_PROCESSES, list_processes, ListProcesses, C, REGISTERED)                        \
    M(56, PROCESS_INFO, process_info, ProcessInfo, K, REGISTERED)                              \
    M(57, SNAPSHOT, snapshot, Snapshot, C, REGISTERED)                                         \
    M(58, HISTORY, history, History, C, REGISTERED)                                            \
    M(64, WRITE, write, Write, B, REGISTERED)                                                  \
    M(65, WRITE_RESULT, write_result, WriteResult, B, REGISTERED)                              \
    M(80, SHUTDOWN, shutdown, Shutdown, C, REGISTERED)                                         \
    M(81, SET_LOG_LEVEL, set_log_level, SetLogLevel, C, REGISTERED)                            \
    M(82, START_PROCESS, start_process, StartProcess, C, REGISTERED)                           \
    M(83, STOP_PROCESS, stop_process, StopProcess, C, REGISTERED)                              \
    M(84, RESTART_PROCESS, restart_process, RestartProcess, C, REGISTERED)                     \
    M(87, SET_ACTIVE_INSTANCE, set_active_instance, SetActiveInstance, C, REGISTERED)          \
    M(88, SET_PREFERRED_INSTANCE, set_preferred_instance, SetPreferredInstance, C, REGISTERED) \
    M(89, INSTANCE_STATE, instance_state, InstanceState, K, REGISTERED)                        \
    M(96, LOG_ON, log_on, LogOn, C, REGISTERED)                                                \
    M(97, LOGGED_ON, logged_on, LoggedOn, K, REGISTERED)                                       \
    M(98, LOG_OFF, log_off, LogOff, C, REGISTERED)

enum wire_type {
#define WIRE_TYPE_ENUM(number, upper, lower, name, from, state) WIRE_##upper = (number),
    WIRE_MESSAGES(WIRE_TYPE_ENUM)
#undef WIRE_TYPE_ENUM
};

#define WIRE_C_u8(name)            uint8_t name;
#define WIRE_C_u16(name)           uint16_t name;
#define WIRE_C_u32(name)           uint32_t name;
#define WIRE_C_u64(name)           uint64_t name;
#define WIRE_C_i64(name)           int64_t name;
#define WIRE_C_id(name)            uint8_t name[WIRE_ID_SIZE];
#define WIRE_C_token(name)         uint8_t name[WIRE_TOKEN_SIZE];
#define WIRE_C_rest(name)          struct slice name;
#define WIRE_MEMBER(kind, name)    WIRE_C_##kind(name)
#define WIRE_MEMBER_STR(name, max) struct slice name;
#define WIRE_STRUCT(number, upper, lower, name, from, state)               \
    struct wire_##lower {                                                  \
        WIRE_FIELDS_##lower(WIRE_MEMBER, WIRE_MEMBER_STR) uint8_t unused_; \
    };
WIRE_MESSAGES(WIRE_STRUCT)
#undef WIRE_STRUCT

struct wire_message {
    uint16_t type; /* enum wire_type; any number when the message was skipped */
    uint16_t flags;
    uint64_t request;
    union {
#define WIRE_UNION(number, upper, lower, name, from, state) struct wire_##lower lower;
        WIRE_MESSAGES(WIRE_UNION)
#undef WIRE_UNION
    } as;
};

enum wire_from {
    WIRE_FROM_C = 1,
    WIRE_FROM_K = 2,
    WIRE_FROM_B = 3,
};

enum wire_state {
    WIRE_STATE_OPENING = 1,
    WIRE_STATE_REGISTERED = 2,
    WIRE_STATE_ANY = 3,
};

struct wire_type_info {
    uint16_t number;
    const char *name; /* "Hello" */
    enum wire_from from;
    enum wire_state state;
};

/* NULL when the number is not known. */
const struct wire_type_info *wire_type_info(uint16_t type);

enum wire_decoded {
    WIRE_DECODED,    /* *ret_message is filled; *ret_size bytes belong to it */
    WIRE_INCOMPLETE, /* more bytes are needed; *ret_size is how many in all, as far as is known */
    WIRE_SKIPPED,    /* unknown but skippable; drop *ret_size bytes */
    WIRE_BROKEN,     /* *ret_code and err say why; the link must end */
};

/* Decodes the frame at the start of `bytes`. length_max: WIRE_LENGTH_MAX or _UNREGISTERED. Slices
 * of the message point into `bytes`. Text fields are checked (UTF-8, limit). Bytes after the last
 * field are ignored: later versions may add fields. *ret_code of WIRE_BROKEN: PROTOCOL, TOO_LARGE
 * or UNKNOWN_MESSAGE; err (NULL allowed) is D2K_PROTOCOL with message and field. *ret_message holds
 * nothing to rely on unless WIRE_DECODED. */
enum wire_decoded wire_decode(const uint8_t *bytes, size_t size, uint32_t length_max,
                              struct wire_message *ret_message, size_t *ret_size,
                              uint16_t *ret_code, struct error *err);

/* Appends one frame. D2K_LIMIT: a field or the frame is over its limit; D2K_ARGUMENT: the type is
 * none, or a text is not UTF-8; D2K_NO_MEMORY: the buffer is full. On failure the buffer is exactly
 * as before, not marked as failed either: a shorter message may still fit. */
d2k_result wire_encode(struct buffer *out, const struct wire_message *message) D2K_MUST_CHECK;

/* Frames whose payload is put together by hand, such as Update: begin, append payload, end. Between
 * the two nothing may be consumed from the buffer. */
struct wire_open_frame {
    size_t begin; /* buffer_size() before the header */
    bool failed_before;
};
struct wire_open_frame wire_begin(struct buffer *out, uint16_t type, uint16_t flags,
                                  uint64_t request);
/* D2K_LIMIT: over WIRE_LENGTH_MAX; D2K_NO_MEMORY: something did not fit. On failure the whole frame
 * is taken back and the buffer is as before wire_begin(). */
d2k_result wire_end(struct buffer *out, struct wire_open_frame frame) D2K_MUST_CHECK;

#endif
