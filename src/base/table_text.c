/* base/table_text.c: reading a table that is written as JSON. Strict: whoever has mistyped a value
 * is told where, and never sets another one. */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/content.h"
#include "base/json_read.h"
#include "base/table.h"
#include "base/text.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_DIGITS     9

/* ---- numbers ---- */

static bool to_integer(const char *number, int64_t *ret)
{
    char *end = NULL;
    errno = 0;
    *ret = strtoll(number, &end, 10);
    return errno == 0 && *end == '\0';
}

/* strtod() reads the decimal point of the program's locale. */
static bool to_real(const char *number, double *ret)
{
    char local[JSON_NUMBER_MAX + 16], *end = NULL;
    size_t whole = strcspn(number, ".");
    bool has_point = number[whole] == '.';
    int length =
        snprintf(local, sizeof local, "%.*s%s%s", (int)whole, number,
                 has_point ? localeconv()->decimal_point : "", has_point ? number + whole + 1 : "");
    if (length < 0 || (size_t)length >= sizeof local) {
        return false;
    }
    *ret = strtod(local, &end);
    return *end == '\0';
}

/* "-12.000000250" seconds, exactly. */
static bool to_nanoseconds(const char *number, int64_t *ret)
{
    bool negative = number[0] == '-';
    const char *at = number + (negative ? 1 : 0);
    int64_t ns = 0;
    int after_point = -1; /* digits behind the point; -1: it has not come */
    for (; *at != '\0'; at++) {
        if (*at == '.' && after_point < 0) {
            after_point = 0;
        } else if (*at < '0' || *at > '9' || after_point == NS_DIGITS ||
                   __builtin_mul_overflow(ns, 10, &ns) ||
                   __builtin_add_overflow(ns, negative ? '0' - *at : *at - '0', &ns)) {
            return false;
        } else {
            after_point += after_point >= 0 ? 1 : 0;
        }
    }
    for (int digits = after_point < 0 ? 0 : after_point; digits < NS_DIGITS; digits++) {
        if (__builtin_mul_overflow(ns, 10, &ns)) {
            return false;
        }
    }
    *ret = ns;
    return true;
}

/* "2022-09-23T07:48:11.289000000Z"; the fraction may have fewer digits, or none. */
static bool to_time(struct slice text, int64_t *ret)
{
    char copy[32];
    struct tm utc = {0};
    int64_t fraction = 0;
    if (text.size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    const char *rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &utc);
    int digits = 0;
    if (rest != NULL && *rest == '.') {
        for (rest++; digits < NS_DIGITS && *rest >= '0' && *rest <= '9'; rest++, digits++) {
            fraction = fraction * 10 + (*rest - '0');
        }
    }
    if (rest == NULL || strcmp(rest, "Z") != 0) {
        return false;
    }
    for (; digits < NS_DIGITS; digits++) {
        fraction *= 10;
    }
    return !__builtin_mul_overflow((int64_t)timegm(&utc), NS_PER_SECOND, ret) &&
           !__builtin_add_overflow(*ret, fraction, ret);
}

static bool to_state(struct slice text, d2k_type type, uint32_t *ret)
{
    const char *name;
    for (*ret = 0; (name = d2k_state_name(type, *ret)) != NULL; (*ret)++) {
        if (slice_equal_text(text, name)) {
            return true;
        }
    }
    return false;
}

/* ---- cells ---- */

static d2k_result read_number(struct json_reader *r, d2k_value *ret)
{
    char number[JSON_NUMBER_MAX];
    int64_t whole = 0;
    d2k_result result = json_take_number(r, number);
    if (result != D2K_OK) {
        return result;
    }
    bool good;
    switch (ret->type) {
    case D2K_TYPE_REAL:
        good = to_real(number, &ret->content.real);
        break;
    case D2K_TYPE_RELATIVE_TIME:
        good = to_nanoseconds(number, &ret->content.relative_time_ns);
        break;
    case D2K_TYPE_HOBJ:
        good = to_integer(number, &whole) && whole >= 0 && whole <= UINT32_MAX;
        ret->content.hobj = (uint32_t)whole;
        break;
    default:
        good = to_integer(number, &ret->content.integer);
        break;
    }
    return good ? D2K_OK
                : error_set(r->err, D2K_ARGUMENT, "\"%s\" is no value of type %s", number,
                            d2k_type_name(ret->type));
}

static d2k_result read_text(struct json_reader *r, d2k_value *ret)
{
    char shown[128];
    struct slice text;
    bool good = true;
    d2k_result result = json_take_text(r, &text);
    if (result != D2K_OK) {
        return result;
    }
    if (ret->type == D2K_TYPE_TEXT) {
        content_set_bytes(ret, text);
    } else if (ret->type == D2K_TYPE_ABSOLUTE_TIME) {
        good = to_time(text, &ret->content.absolute_time_ns);
    } else {
        good = to_state(text, ret->type, &ret->content.state);
    }
    return good ? D2K_OK
                : error_set(r->err, D2K_ARGUMENT, "\"%s\" is no value of type %s",
                            text_escape(shown, sizeof shown, text), d2k_type_name(ret->type));
}

static d2k_result read_cell(struct json_reader *r, d2k_type type, d2k_value *ret)
{
    *ret = (d2k_value){.type = type, .status = D2K_STATUS_VALID};
    if (json_take_word(r, "null")) {
        ret->status = 0;
        return D2K_OK;
    }
    switch (type) {
    case D2K_TYPE_BOOLEAN:
        ret->content.boolean = json_take_word(r, "true");
        return ret->content.boolean || json_take_word(r, "false")
                   ? D2K_OK
                   : json_expected(r, "true, false or null");
    case D2K_TYPE_INTEGER:
    case D2K_TYPE_REAL:
    case D2K_TYPE_RELATIVE_TIME:
    case D2K_TYPE_HOBJ:
        return read_number(r, ret);
    default:
        return read_text(r, ret);
    }
}

/* ---- rows ---- */

struct row {
    uint64_t seen; /* bit n: column n was there */
    d2k_value cells[D2K_COLUMNS_MAX];
};

_Static_assert(D2K_COLUMNS_MAX <= 64, "struct row has one bit for each");

static int64_t row_index(const d2k_table *table)
{
    return (int64_t)table->low + table->rows;
}

static d2k_result read_member(struct json_reader *r, const d2k_table *table, struct row *row)
{
    char shown[128];
    struct slice name;
    uint32_t number = 0;
    d2k_result result = json_take_text(r, &name);
    if (result != D2K_OK) {
        return result;
    }
    d2k_type type = columns_find(table_columns(table), name, &number);
    if (type == D2K_TYPE_NONE || (row->seen >> number & 1) != 0) {
        return error_set(r->err, D2K_ARGUMENT, "row %" PRId64 ": %s column \"%s\"",
                         row_index(table), type == D2K_TYPE_NONE ? "there is no" : "two times the",
                         text_escape(shown, sizeof shown, name));
    }
    row->seen |= UINT64_C(1) << number;
    if (!json_take(r, ':')) {
        return json_expected(r, "':'");
    }
    result = read_cell(r, type, &row->cells[number]);
    if (result != D2K_OK) {
        (void)table_wrap_place(row_index(table), name, r->err);
    }
    return result;
}

static d2k_result add_row(struct json_reader *r, d2k_table *table, const struct row *row)
{
    struct cursor rest = columns_begin(table_columns(table));
    d2k_type type;
    struct slice name;
    for (uint32_t i = 0; columns_next(&rest, &type, &name); i++) {
        if ((row->seen >> i & 1) == 0) {
            return error_set(r->err, D2K_ARGUMENT, "row %" PRId64 ": the column %.*s is missing",
                             row_index(table), (int)name.size, name.data);
        }
    }
    uint32_t count = columns_count(table_columns(table));
    d2k_result result = D2K_OK;
    for (uint32_t i = 0; result == D2K_OK && i < count; i++) {
        result = d2k_table_add(table, &row->cells[i]);
    }
    return result;
}

static d2k_result read_row(struct json_reader *r, d2k_table *table)
{
    struct row row = {.seen = 0};
    if (!json_take(r, '{')) {
        return json_expected(r, "'{'");
    }
    do {
        d2k_result result = read_member(r, table, &row);
        if (result != D2K_OK) {
            return result;
        }
    } while (json_take(r, ','));
    return json_take(r, '}') ? add_row(r, table, &row) : json_expected(r, "',' or '}'");
}

static d2k_result read_element(struct json_reader *r, d2k_table *table)
{
    d2k_value cell;
    d2k_type type = D2K_TYPE_NONE;
    struct slice name = {NULL, 0};
    struct cursor columns = columns_begin(table_columns(table));
    (void)columns_next(&columns, &type, &name);
    d2k_result result = read_cell(r, type, &cell);
    if (result != D2K_OK) {
        (void)table_wrap_place(row_index(table), name, r->err);
        return result;
    }
    return d2k_table_add(table, &cell);
}

static d2k_result read_rows(struct json_reader *r, d2k_table *table)
{
    if (!json_take(r, '[')) {
        return json_expected(r, "'['");
    }
    if (json_take(r, ']')) {
        return D2K_OK;
    }
    do {
        r->texts_size = 0;
        d2k_result result =
            table->type == D2K_TYPE_ARRAY ? read_element(r, table) : read_row(r, table);
        if (result != D2K_OK) {
            return result;
        }
    } while (json_take(r, ','));
    return json_take(r, ']') ? D2K_OK : json_expected(r, "',' or ']'");
}

/* {"low": 0, "values": [...]} */
static d2k_result read_with_low(struct json_reader *r, d2k_table *table)
{
    char number[JSON_NUMBER_MAX];
    int64_t low = 0;
    if (!json_take_word(r, "\"low\"") || !json_take(r, ':')) {
        return json_expected(r, "\"low\":");
    }
    d2k_result result = json_take_number(r, number);
    if (result != D2K_OK) {
        return result;
    }
    if (!to_integer(number, &low) || low < INT32_MIN || low > INT32_MAX) {
        return error_set(r->err, D2K_ARGUMENT, "\"%s\" is no low index", number);
    }
    if (!json_take(r, ',') || !json_take_word(r, "\"values\"") || !json_take(r, ':')) {
        return json_expected(r, ", \"values\":");
    }
    d2k_table_set_low(table, (int32_t)low);
    result = read_rows(r, table);
    return result != D2K_OK || json_take(r, '}') ? result : json_expected(r, "'}'");
}

d2k_result d2k_table_from_text(d2k_table *table, const char *text)
{
    struct json_reader r = {
        .begin = text, .at = text, .texts = malloc(strlen(text) + 1), .err = &table->error};
    if (r.texts == NULL) {
        return error_no_memory(&table->error);
    }
    d2k_result result = json_take(&r, '{') ? read_with_low(&r, table) : read_rows(&r, table);
    if (result == D2K_OK && json_peek(&r) != '\0') {
        result = json_expected(&r, "the end");
    }
    free(r.texts);
    return result;
}
