/* programs/ping/options.c: one table of parameters with two spellings each. */
#include "programs/ping/options.h"

#include <string.h>

#include "base/text.h"

#define DECIMALS 3

void ping_options_init(struct ping_options *options)
{
    *options = (struct ping_options){.block_size = 1, .delay_ms = 1000, .timeout_s = 10};
}

bool ping_options_seconds(const char *text, unsigned max_ms, unsigned *ret_ms)
{
    static const char digits[] = "0123456789";
    size_t whole = strspn(text, digits);
    bool point = text[whole] == '.';
    size_t decimals = point ? strspn(text + whole + 1, digits) : 0;
    if (whole == 0 || whole > 9 || decimals > DECIMALS || (point && decimals == 0) ||
        text[whole + point + decimals] != '\0') {
        return false;
    }
    uint64_t ms = 0;
    for (size_t i = 0; i < whole; i++) {
        ms = ms * 10 + (uint64_t)(text[i] - '0');
    }
    for (size_t i = 0; i < DECIMALS; i++) {
        ms = ms * 10 + (i < decimals ? (uint64_t)(text[whole + 1 + i] - '0') : 0);
    }
    *ret_ms = (unsigned)ms;
    return ms <= max_ms;
}

/* ---- values ---- */

struct row {
    const char *name, *gnu_name;
    d2k_result (*take)(struct ping_options *options, const struct row *row, const char *argument,
                       const char *value, struct error *err);
    size_t offset; /* of the number */
    long long min, max;
};

static d2k_result take_number(struct ping_options *options, const struct row *row,
                              const char *argument, const char *value, struct error *err)
{
    long long number;
    if (!text_to_number(value, row->min, row->max, &number)) {
        return error_set(err, D2K_ARGUMENT, "%s: must be a number %lld..%lld", argument, row->min,
                         row->max);
    }
    unsigned taken = (unsigned)number;
    memcpy((char *)options + row->offset, &taken, sizeof taken);
    return D2K_OK;
}

static d2k_result take_delay(struct ping_options *options, const struct row *row,
                             const char *argument, const char *value, struct error *err)
{
    (void)row;
    if (!ping_options_seconds(value, PING_DELAY_MAX_MS, &options->delay_ms)) {
        return error_set(err, D2K_ARGUMENT, "%s: must be seconds, 0..%u with at most %d decimals",
                         argument, PING_DELAY_MAX_MS / 1000, DECIMALS);
    }
    return D2K_OK;
}

static d2k_result take_growing(struct ping_options *options, const struct row *row,
                               const char *argument, const char *value, struct error *err)
{
    (void)row;
    options->grow = text_equal_ignoring_case(value, "TRUE");
    if (!options->grow && !text_equal_ignoring_case(value, "FALSE")) {
        return error_set(err, D2K_ARGUMENT, "%s: must be TRUE or FALSE", argument);
    }
    return D2K_OK;
}

/* The protocol has Ping between the two ends of a link only. */
static d2k_result take_destination(struct ping_options *options, const struct row *row,
                                   const char *argument, const char *value, struct error *err)
{
    (void)options;
    (void)row;
    if (text_equal_ignoring_case(value, "SELF.KNL") || text_equal_ignoring_case(value, "KERNEL")) {
        return D2K_OK;
    }
    return error_set(err, D2K_ARGUMENT,
                     "%s: only the kernel (SELF.KNL) answers pings in this version, because the "
                     "protocol passes no pings on from process to process; d2k-tell processes "
                     "shows whether a process is connected",
                     argument);
}

#define NUMBER(field, min, max) take_number, offsetof(struct ping_options, field), (min), (max)

static const struct row rows[] = {
    {"/DST=", "--destination", take_destination, 0, 0, 0},
    {"/BSIZE=", "--block-size", NUMBER(block_size, 1, PING_BLOCK_MAX)},
    {"/BDELAY=", "--block-delay", take_delay, 0, 0, 0},
    {"/MSIZE=", "--message-size", NUMBER(message_size, 0, PING_DATA_MAX)},
    {"/MDYNAMIC=", "--message-dynamic", take_growing, 0, 0, 0},
    {"/USIZE=", "--values", NUMBER(values, 0, PING_VALUES_MAX)},
    {NULL, "--count", NUMBER(blocks, 1, PING_BLOCKS_MAX)},
    {NULL, "--timeout", NUMBER(timeout_s, 1, PING_TIMEOUT_MAX_S)},
};

/* ---- arguments ---- */

/* Names of D2000 are the same in upper and lower case. */
static const char *value_after(const char *argument, const char *name)
{
    char begin[16];
    size_t length = strlen(name);
    if (strlen(argument) < length || length >= sizeof begin) {
        return NULL;
    }
    memcpy(begin, argument, length);
    begin[length] = '\0';
    return text_equal_ignoring_case(begin, name) ? argument + length : NULL;
}

static const char *value_of(const char *argument, const struct row *row)
{
    size_t length = strlen(row->gnu_name);
    if (strncmp(argument, row->gnu_name, length) == 0 && argument[length] == '=') {
        return argument + length + 1;
    }
    return row->name == NULL ? NULL : value_after(argument, row->name);
}

d2k_result ping_options_take(void *context, const char *argument, bool is_word, struct error *err)
{
    struct ping_options *options = context;
    if (is_word) {
        return D2K_NOT_FOUND;
    }
    if (strcmp(argument, "--json") == 0) {
        options->json = true;
        return D2K_OK;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = value_of(argument, &rows[i]);
        if (value != NULL) {
            return rows[i].take(options, &rows[i], argument, value, err);
        }
    }
    return D2K_NOT_FOUND;
}

d2k_result ping_options_check(const struct ping_options *options, struct error *err)
{
    if (options->values > 0 && (options->message_size > 0 || options->grow)) {
        return error_set(
            err, D2K_ARGUMENT,
            "/USIZE fills the data with values, so /MSIZE and /MDYNAMIC, which fill it "
            "with bytes, cannot be given with it");
    }
    return D2K_OK;
}
