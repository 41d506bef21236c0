/* d2k/value.h: the value of an object: content, quality, time. */
#ifndef D2K_VALUE_H
#define D2K_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <d2k/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Type of an object and of a value. The numbers are those of the wire (docs/protocol). */
typedef enum d2k_type {
    D2K_TYPE_NONE = 0, /* no value yet; only ever received */
    D2K_TYPE_BOOLEAN = 1,
    D2K_TYPE_INTEGER = 2, /* 64 bit signed */
    D2K_TYPE_REAL = 3,    /* IEEE 754 double; NaN and infinities are not values */
    D2K_TYPE_ABSOLUTE_TIME = 4,
    D2K_TYPE_RELATIVE_TIME = 5,
    D2K_TYPE_TEXT = 6, /* UTF-8 */
    D2K_TYPE_LINE = 7, /* 7..11: one of the states that d2k_state_name() tells */
    D2K_TYPE_ALARM = 8,
    D2K_TYPE_STATION = 9,
    D2K_TYPE_PROCESS = 10,
    D2K_TYPE_QUATERNARY = 11,
    D2K_TYPE_HOBJ = 12,                 /* number of an object; 0: of none */
    D2K_TYPE_ARRAY = 13,                /* elements of one type (d2k/table.h) */
    D2K_TYPE_STRUCTURE = 14,            /* rows of named columns (d2k/table.h) */
    D2K_TYPE_LAST = D2K_TYPE_STRUCTURE, /* the highest that this version knows */
} d2k_type;

/* States of the types 7..11, by the names of D2000. */
enum {
    D2K_LINE_FALSE = 0, /* the line does not work */
    D2K_LINE_TRUE = 1,
};
enum {
    D2K_ALARM_NORMAL = 0,
    D2K_ALARM_ALARM = 1,
    D2K_ALARM_KVIT = 2, /* acknowledged */
    D2K_ALARM_BLOCK = 3,
    D2K_ALARM_UNBLOCK = 4,
    D2K_ALARM_NO_KVIT = 5, /* gone, but not acknowledged */
};
enum {
    D2K_STATION_ON = 0,
    D2K_STATION_OFF = 1,
    D2K_STATION_COMERR = 2, /* a transmission failed */
    D2K_STATION_HARDERR = 3,
    D2K_STATION_SIMUL = 4,
    D2K_STATION_WAIT = 5,
};
enum {
    D2K_PROCESS_VALUE_RUN = 0,
    D2K_PROCESS_VALUE_CRASH = 1,
    D2K_PROCESS_VALUE_STOP = 2,
    D2K_PROCESS_VALUE_WDERR = 3,
};
enum {
    D2K_QUATERNARY_TRANS = 0, /* on its way from one to the other */
    D2K_QUATERNARY_OFF = 1,
    D2K_QUATERNARY_ON = 2,
    D2K_QUATERNARY_ERR = 3,
    D2K_QUATERNARY_OSC = 4,
};

/* Status bits of a value (D2000 value status). */
#define D2K_STATUS_VALID         0x0001u
#define D2K_STATUS_PROC_ALARM    0x0002u
#define D2K_STATUS_NO_ACK_PALARM 0x0004u
#define D2K_STATUS_PR_AL_SILENT  0x0008u
#define D2K_STATUS_WEAK          0x0010u
#define D2K_STATUS_NO_ACK_VALUE  0x0020u
#define D2K_STATUS_TRANSIENT     0x0040u
#define D2K_STATUS_DEFAULT       0x0080u
#define D2K_STATUS_MANUAL        0x0100u
#define D2K_STATUS_PR_AL_CRIT    0x0200u
#define D2K_STATUS_ALL           0x03ffu
/* Those of process alarms (docs/alarms.md). */
#define D2K_STATUS_PALARMS                                                        \
    (D2K_STATUS_PROC_ALARM | D2K_STATUS_NO_ACK_PALARM | D2K_STATUS_PR_AL_SILENT | \
     D2K_STATUS_PR_AL_CRIT)

/* Where a number stands among the limits of its object (D2000 limit status). */
typedef enum d2k_limit_status {
    D2K_IN_LIMIT = 0,       /* l <= number <= h, or the object has no limits */
    D2K_VL_LIMIT = 1,       /* number < vl */
    D2K_L_LIMIT = 2,        /* vl <= number < l */
    D2K_H_LIMIT = 3,        /* h < number <= vh */
    D2K_VH_LIMIT = 4,       /* number > vh */
    D2K_LIMITS_PROBLEM = 5, /* one is not given, or not vl < l < h < vh */
} d2k_limit_status;

/* Limits of an object of type Integer or Real; NaN: not given. */
typedef struct d2k_limits {
    double vl, l, h, vh;
} d2k_limits;

/* Process alarm of a value, by the numbers of D2000 up to 13; from 25 on for limits. Which value of
 * which type gives which: docs/alarms.md. */
typedef enum d2k_process_alarm {
    D2K_PALARM_NONE = 0,
    D2K_PALARM_TO_ON = 1, /* it became On, and stands so */
    D2K_PALARM_TO_OFF = 2,
    D2K_PALARM_ON = 3,
    D2K_PALARM_OFF = 4,
    D2K_PALARM_ERR = 5,
    D2K_PALARM_OSCILLATE = 6,
    D2K_PALARM_ERR_CMD_ON = 7, /* 7, 8 and 10 to 13: never given by this version */
    D2K_PALARM_ERR_CMD_OFF = 8,
    D2K_PALARM_SW_TO_TRANS = 9,
    D2K_PALARM_SW_TO_OFF = 10,
    D2K_PALARM_SW_TO_ON = 11,
    D2K_PALARM_SW_TO_ERR = 12,
    D2K_PALARM_SW_TRANS = 13,
    D2K_PALARM_VL_LIMIT = 25,
    D2K_PALARM_L_LIMIT = 26,
    D2K_PALARM_H_LIMIT = 27,
    D2K_PALARM_VH_LIMIT = 28,
    D2K_PALARM_LIMITS_PROBLEM = 29,
    D2K_PALARM_LAST = D2K_PALARM_LIMITS_PROBLEM, /* the highest that this version knows */
} d2k_process_alarm;

/* The bit of a process alarm in the mask of those that an object gives. */
#define D2K_PALARM_BIT(alarm) (UINT32_C(1) << (alarm))

/* Limits, each tested at the limit and one past it. */
#define D2K_TEXT_MAX_CHARS  100000u /* longer is cut on a character boundary and marked Weak */
#define D2K_TEXT_MAX_BYTES  (4u * D2K_TEXT_MAX_CHARS)
#define D2K_OBJECT_NAME_MAX 64u                          /* bytes, ASCII */
#define D2K_DESCRIPTION_MAX 512u                         /* bytes: 128 characters of UTF-8 */
#define D2K_UNIT_MAX        64u                          /* bytes */
#define D2K_TIME_MIN_NS     INT64_C(63072000000000000)   /* 1972-01-01 00:00:00 UTC */
#define D2K_TIME_MAX_NS     INT64_C(4102444799999999999) /* 2099-12-31 23:59:59.999999999 UTC */

/* One value. Time is in nanoseconds since 1970-01-01 UTC; 0 when a value is given to d2k means
 * "now". The text or table of a received value belongs to the library and holds until the next call
 * on that client. */
typedef struct d2k_value {
    d2k_type type;
    uint32_t status; /* D2K_STATUS_ bits */
    uint16_t flags;  /* user flags: bit 0 is A, bit 15 is P */
    bool past;       /* delivered late: tells of the past, is not the current value */
    /* The next, and the time of it, are found by the kernel, whatever is published; so is the limit
     * status and, of an object that has process alarms, the status bits of these. */
    uint8_t limit_status;  /* d2k_limit_status */
    uint8_t process_alarm; /* d2k_process_alarm that stands */
    int64_t time_ns;       /* time stamp of the value */
    uint64_t sequence; /* number that the source gave; filled in by the library when publishing */
    int64_t process_alarm_time_ns; /* of the value that process_alarm came or went with; 0: there is
                                      none, and none waits to be acknowledged */
    union {
        bool boolean;
        int64_t integer;
        double real;
        int64_t
            absolute_time_ns; /* since 1970-01-01 UTC, within D2K_TIME_MIN_NS..D2K_TIME_MAX_NS */
        int64_t relative_time_ns;
        uint32_t state; /* of the types Line to Quaternary */
        uint32_t hobj;
        struct {
            const char *data; /* not terminated */
            size_t size;      /* bytes */
        } text;
        struct {
            const char *data; /* made and read by the functions of d2k/table.h */
            size_t size;
        } table; /* of the types Array and Structure */
    } content;
} d2k_value;

/* A valid value of each type, with time 0 ("now"). Text is borrowed, not copied. */
D2K_API d2k_value d2k_boolean(bool content);
D2K_API d2k_value d2k_integer(int64_t content);
D2K_API d2k_value d2k_real(double content);
D2K_API d2k_value d2k_absolute_time(int64_t ns_since_1970);
D2K_API d2k_value d2k_relative_time(int64_t ns);
D2K_API d2k_value d2k_text(const char *terminated);
D2K_API d2k_value d2k_state(d2k_type type, uint32_t state); /* of a type with states */
D2K_API d2k_value d2k_hobj(uint32_t hobj);

/* "Boolean", "Integer", "Real", "Absolute time", "Relative time", "Text", "Line", "Alarm",
 * "Station", "Process", "Quaternary", "Hobj", "Array", "Structure", "None"; "?" for no type. */
D2K_API const char *d2k_type_name(d2k_type type);

/* Name of a state of a type: "StON", "Q_Err"; NULL: the type has no states, or not this one. The
 * states of a type are 0, 1, ... up to the first that has no name. */
D2K_API const char *d2k_state_name(d2k_type type, uint32_t state);

/* Status of a value of type Integer or Real among these limits; of another type D2K_IN_LIMIT. An
 * Integer is compared as a Real: exact to 2^53. */
D2K_API d2k_limit_status d2k_limits_status(const d2k_limits *limits, const d2k_value *value);
/* "InLimit", "VL_Limit", "L_Limit", "H_Limit", "VH_Limit", "LimitsProblem"; "?" for none. */
D2K_API const char *d2k_limit_status_name(unsigned status);

/* The process alarm that a value means if its object gives it: by the content or, of an Integer or
 * a Real, the limit status; D2K_PALARM_NONE where it means none. Never TO_ON and TO_OFF, which need
 * the value before. */
D2K_API d2k_process_alarm d2k_process_alarm_of(const d2k_value *value);
/* Mask of the process alarms that objects of a type can give; 0: none. */
D2K_API uint32_t d2k_process_alarms_possible(d2k_type type);
/* Mask of those that they give when nobody says which. */
D2K_API uint32_t d2k_process_alarms_usual(d2k_type type);
/* "NoAlarm", "On", "VH_Limit"...; NULL: no process alarm has this number. */
D2K_API const char *d2k_process_alarm_name(unsigned alarm);

/* Writes the content as text: true/false, digits, shortest decimal that reads back to the same
 * double, "hh:mm:ss.mmm DD-MM-YYYY" (local time), "d hh:mm:ss.mmm", the text itself, the name of
 * the state, an Array or Structure as d2k_table_from_text() reads it. Always terminated, cut to
 * size. Returns the length the whole would have. */
D2K_API size_t d2k_value_format(const d2k_value *value, char *ret_text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
