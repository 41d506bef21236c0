/* d2k/result.h: the result of every fallible function of d2k.
 *
 * Codes are grouped by what the caller can do about them. The sentence that says what happened in
 * this one case stands in the object that failed (d2k_client_error_text()). */
#ifndef D2K_RESULT_H
#define D2K_RESULT_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define D2K_MUST_CHECK        __attribute__((warn_unused_result))
#define D2K_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define D2K_API               __attribute__((visibility("default")))
#else
#define D2K_MUST_CHECK
#define D2K_PRINTF(fmt, args)
#define D2K_API
#endif

/* X(NAME, number, text). Numbers are part of the ABI: never renumber, only append. */
#define D2K_RESULTS(X)                                                              \
    X(OK, 0, "success")                                                             \
    /* try again later */                                                           \
    X(AGAIN, 1, "nothing to do yet")                                                \
    X(TIMEOUT, 2, "timed out")                                                      \
    X(UNKNOWN, 3, "nobody can tell whether it was done")                            \
    /* the link is over; connect again if that makes sense */                       \
    X(CLOSED, 10, "the peer closed the connection")                                 \
    X(IO, 11, "input/output error")                                                 \
    X(PROTOCOL, 12, "the peer broke the protocol")                                  \
    X(TLS, 13, "TLS failed")                                                        \
    X(WATCHDOG, 14, "watchdog messages are missing")                                \
    X(SHUTDOWN, 15, "the kernel ended")                                             \
    /* somebody said no; connecting again changes nothing until a person acts */    \
    X(REFUSED, 20, "refused by the peer")                                           \
    X(NO_TLS, 21, "the kernel has no TLS")                                          \
    X(TLS_REQUIRED, 22, "the kernel requires TLS")                                  \
    X(NOT_VERIFIED, 23, "the certificate of the kernel is not in TLS_TrustedCerts") \
    X(NAME_IN_USE, 24, "the process name is in use")                                \
    X(NOT_ALLOWED, 25, "not allowed")                                               \
    /* the request was wrong */                                                     \
    X(NOT_FOUND, 30, "not found")                                                   \
    X(ARGUMENT, 31, "bad argument")                                                 \
    X(STATE, 32, "not possible in this state")                                      \
    X(TYPE, 33, "wrong value type")                                                 \
    X(LIMIT, 34, "over a limit")                                                    \
    X(EXISTS, 35, "exists already")                                                 \
    X(CYCLE, 36, "it would depend on itself")                                       \
    /* the machine or the configuration is wrong */                                 \
    X(CONFIG, 40, "bad configuration")                                              \
    X(FILE, 41, "a file cannot be used")                                            \
    X(RESOLVE, 42, "the host name cannot be resolved")                              \
    X(NO_MEMORY, 50, "out of memory")                                               \
    X(INTERNAL, 51, "internal error, please report it")

typedef enum d2k_result {
#define D2K_RESULT_ENUM(name, number, text) D2K_##name = (number),
    D2K_RESULTS(D2K_RESULT_ENUM)
#undef D2K_RESULT_ENUM
} d2k_result;

/* Name of a result without prefix ("NAME_IN_USE"); "?" for a number that is none. Never NULL,
 * static. */
D2K_API const char *d2k_result_name(d2k_result result);

/* General text of a result, as in the table above; "unknown result" for a number that is none.
 * Never NULL, static. */
D2K_API const char *d2k_result_text(d2k_result result);

#ifdef __cplusplus
}
#endif

#endif
