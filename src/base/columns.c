/* base/columns.c: the columns of an Array or a Structure, as property of a definition and at the
 * front of each value. */
#include <stdlib.h>

#include "base/table.h"
#include "base/text.h"

static bool is_simple(d2k_type type)
{
    return type >= D2K_TYPE_BOOLEAN && type <= D2K_TYPE_HOBJ;
}

/* As of an object, without '.', which a path into a structure would be split at. */
static bool is_column_name(struct slice name)
{
    return text_is_object_name(name) && name.size <= D2K_COLUMN_NAME_MAX &&
           memchr(name.data, '.', name.size) == NULL;
}

static bool same_name(struct slice a, struct slice b)
{
    return a.size == b.size && text_matches(a, b);
}

/* ---- reading ---- */

struct cursor columns_begin(struct slice columns)
{
    struct cursor rest = cursor_of(columns.data, columns.size);
    (void)cursor_u8(&rest); /* how many */
    return rest;
}

bool columns_next(struct cursor *rest, d2k_type *ret_type, struct slice *ret_name)
{
    if (rest->left == 0) {
        return false;
    }
    *ret_type = (d2k_type)cursor_u8(rest);
    *ret_name = cursor_bytes(rest, cursor_u16(rest));
    return !rest->failed;
}

uint32_t columns_count(struct slice columns)
{
    return columns.size > 0 ? (uint8_t)columns.data[0] : 0;
}

d2k_type columns_find(struct slice columns, struct slice name, uint32_t *ret_number)
{
    struct cursor rest = columns_begin(columns);
    d2k_type type;
    struct slice other;
    for (*ret_number = 0; columns_next(&rest, &type, &other); (*ret_number)++) {
        if (same_name(name, other)) {
            return type;
        }
    }
    return D2K_TYPE_NONE;
}

/* ---- checks ---- */

/* Whether a column before this one has its name. */
static bool is_twice(struct slice columns, uint32_t number, struct slice name)
{
    struct cursor rest = columns_begin(columns);
    d2k_type type;
    struct slice other;
    for (uint32_t i = 0; i < number && columns_next(&rest, &type, &other); i++) {
        if (same_name(name, other)) {
            return true;
        }
    }
    return false;
}

/* The last of these columns is right. */
static d2k_result check_last(struct slice columns, uint32_t number, d2k_type type,
                             struct slice name, struct error *err)
{
    char shown[4 * D2K_COLUMN_NAME_MAX + 1];
    if (!is_simple(type)) {
        return error_set(err, D2K_ARGUMENT, "column %u has the type %s, which is no simple one",
                         number + 1, d2k_type_name(type));
    }
    if (!is_column_name(name)) {
        return error_set(err, D2K_ARGUMENT,
                         "column %u: \"%s\" is no name of a column: it must be 1 to %u letters, "
                         "digits or '_', the first a letter",
                         number + 1, text_escape(shown, sizeof shown, name), D2K_COLUMN_NAME_MAX);
    }
    if (is_twice(columns, number, name)) {
        return error_set(err, D2K_ARGUMENT, "column %u: there are two columns %.*s", number + 1,
                         (int)name.size, name.data);
    }
    return D2K_OK;
}

static d2k_result check_element(d2k_type type, struct slice name, uint32_t count, struct error *err)
{
    if (count != 1 || name.size != 0) {
        return error_set(err, D2K_ARGUMENT, "an Array has one column, without a name");
    }
    if (!is_simple(type)) {
        return error_set(err, D2K_ARGUMENT, "its elements have the type %s, which is no simple one",
                         d2k_type_name(type));
    }
    return D2K_OK;
}

d2k_result columns_take(struct cursor *from, d2k_type type, struct slice *ret_columns,
                        struct error *err)
{
    struct slice columns = {(const char *)from->at, 0};
    uint32_t count = cursor_u8(from);
    if (count == 0 || count > D2K_COLUMNS_MAX) {
        return error_set(err, D2K_ARGUMENT, "%u columns, 1 to %u are allowed", count,
                         D2K_COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        d2k_type of_column = (d2k_type)cursor_u8(from);
        struct slice name = cursor_bytes(from, cursor_u16(from));
        if (from->failed) {
            return error_set(err, D2K_ARGUMENT, "the columns end before they are complete");
        }
        columns.size = (size_t)((const char *)from->at - columns.data);
        d2k_result result = type == D2K_TYPE_ARRAY ? check_element(of_column, name, count, err)
                                                   : check_last(columns, i, of_column, name, err);
        if (result != D2K_OK) {
            return result;
        }
    }
    *ret_columns = columns;
    return D2K_OK;
}

d2k_result columns_check(struct slice columns, d2k_type type, struct error *err)
{
    struct cursor rest = cursor_of(columns.data, columns.size);
    struct slice taken;
    d2k_result result = columns_take(&rest, type, &taken, err);
    if (result == D2K_OK && rest.left > 0) {
        return error_set(err, D2K_ARGUMENT, "%zu bytes stand behind the last column", rest.left);
    }
    return result;
}

/* ---- writing ---- */

static void put_column(struct buffer *out, d2k_type type, struct slice name)
{
    buffer_put_u8(out, is_simple(type) ? (uint8_t)type : 0);
    buffer_put_u16(out, (uint16_t)name.size);
    buffer_put(out, name.data, name.size);
}

static d2k_result check_put(struct buffer *out, size_t before, d2k_type type, struct error *err)
{
    if (buffer_failed(out)) {
        return error_no_memory(err);
    }
    struct slice columns = {(const char *)buffer_data(out) + before, buffer_size(out) - before};
    d2k_result result = columns_check(columns, type, err);
    if (result != D2K_OK) {
        buffer_truncate(out, before);
    }
    return result;
}

d2k_result columns_put(struct buffer *out, d2k_type type, const d2k_column *columns, size_t count,
                       struct error *err)
{
    size_t before = buffer_size(out);
    if (count > D2K_COLUMNS_MAX) {
        return error_set(err, D2K_LIMIT, "%zu columns, at most %u are allowed", count,
                         D2K_COLUMNS_MAX);
    }
    buffer_put_u8(out, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_of(columns[i].name);
        name.size = name.size > UINT16_MAX ? UINT16_MAX : name.size; /* is refused anyway */
        put_column(out, columns[i].type, name);
    }
    return check_put(out, before, type, err);
}

d2k_column *columns_copy(struct slice columns)
{
    uint32_t count = columns_count(columns);
    d2k_column *copy = malloc(count * sizeof *copy + columns.size + 1);
    if (copy == NULL) {
        return NULL;
    }
    char *at = (char *)(copy + count);
    struct cursor rest = columns_begin(columns);
    struct slice name;
    for (d2k_column *column = copy; columns_next(&rest, &column->type, &name); column++) {
        column->name = at;
        memcpy(at, name.data, name.size);
        at[name.size] = '\0';
        at += name.size + 1;
    }
    return copy;
}
