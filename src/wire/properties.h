/* wire/properties.h: lists of properties: what a message says beyond its fields.
 *
 * The last field of Define, Configure, ObjectInfo and others is such a list: one `u16 key, u16
 * size, bytes` after the other, each key at most once, in any order. Who does not know a key skips
 * it, so that later versions may say more. An empty list is fine. Pure functions. */
#ifndef D2K_WIRE_PROPERTIES_H
#define D2K_WIRE_PROPERTIES_H

#include <stdbool.h>
#include <stdint.h>

#include <d2k/result.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/error.h"

#define PROPERTIES_MAX          64u /* in one list */
#define PROPERTY_PATH_MAX       128u
#define PROPERTY_EXPRESSION_MAX 4096u

enum property_key {
    PROPERTY_PATH = 1,     /* UTF-8: "Plant/Line1" */
    PROPERTY_LIMIT_VL = 2, /* f64, finite; of an Integer or a Real */
    PROPERTY_LIMIT_L = 3,
    PROPERTY_LIMIT_H = 4,
    PROPERTY_LIMIT_VH = 5,
    PROPERTY_KIND = 6,             /* u8, WIRE_KIND_... */
    PROPERTY_EXPRESSION = 7,       /* UTF-8: "A + B" (docs/expressions.md) */
    PROPERTY_ALARM = 8,            /* u32, bit n: the object gives the process alarm n */
    PROPERTY_COLUMNS = 9,          /* of an Array or a Structure (base/table.h) */
    PROPERTY_COMMAND_TIMEOUT = 10, /* u32, ms that the owner has for a command */
    PROPERTY_HISTORY = 11,         /* u32, changes that are kept; 0: none */
    PROPERTY_WRITABLE = 12,        /* u8, 1: the owner takes commands */
    PROPERTY_DEFAULT = 13,      /* content of a value record (wire/value.h), of the object's type */
    PROPERTY_CRITICAL = 14,     /* u8, 1: its process alarms are critical */
    PROPERTY_FILTER_TYPE = 32,  /* of ListObjects; u8: D2K_TYPE_... */
    PROPERTY_FILTER_OWNER = 33, /* UTF-8 pattern; empty: the kernel */
    PROPERTY_FILTER_QUALITY = 34, /* u8: WIRE_QUALITY_... */
    PROPERTY_MIN_INTERVAL = 35,   /* of Subscribe; u32, ms */
    PROPERTY_DEAD_BAND = 36,      /* f64, finite, 0 or more */
    PROPERTY_FILTER_KIND = 37,    /* u8: WIRE_KIND_... */
    PROPERTY_FILTER_PATH = 38,    /* UTF-8 pattern; empty: it has none */
    PROPERTY_INSTANCE_STATE = 48, /* u8: WIRE_INSTANCE_..., and with INSTANCE_PREFERRED */
    PROPERTY_STATIC = 49,         /* u8: WIRE_PROGRAM_..., of a static process only */
    PROPERTY_RESTARTS = 50,       /* u32: how often it was started again */
    PROPERTY_NEXT_START_MS = 51,  /* u32: until it is */
    PROPERTY_USER = 52,           /* UTF-8: who is logged on */
    PROPERTY_NAME = 64,           /* of a Write with the number 0: the object's name */
    PROPERTY_PROCESS = 65,        /* of a Write to an owner: the name of the process that writes */
};

struct property {
    uint16_t key;
    struct slice bytes;
};

/* Whether it is a list at all: every size fits, no key comes twice, at most PROPERTIES_MAX.
 * D2K_ARGUMENT with the reason. */
d2k_result properties_check(struct slice list, struct error *err) D2K_MUST_CHECK;

/* Takes the next property from the front of a list that was checked; false: there is none. */
bool properties_next(struct cursor *rest, struct property *ret_property);
/* The bytes of a key in a list that was checked; false: it is not there. */
bool properties_find(struct slice list, uint16_t key, struct slice *ret_bytes);

/* A number of exactly one byte. */
bool property_u8(struct slice bytes, uint8_t *ret_number);
/* Of exactly four. */
bool property_u32(struct slice bytes, uint32_t *ret_number);
/* Of exactly eight, IEEE 754; finite. */
bool property_f64(struct slice bytes, double *ret_number);

/* Appends one property; `bytes` at most 65535. */
void properties_put(struct buffer *out, uint16_t key, struct slice bytes);
void properties_put_u8(struct buffer *out, uint16_t key, uint8_t number);
void properties_put_u32(struct buffer *out, uint16_t key, uint32_t number);
void properties_put_f64(struct buffer *out, uint16_t key, double number);

#endif
