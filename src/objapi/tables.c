/* objapi/tables.c: arrays and structures.
 *
 * In ObjApi both are an array of UniVal behind their low and high index. Here the indices are the
 * first two UniVals, as Intval, and the texts of cells stand behind the last one, so that all of it
 * is one block. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "objapi/values.h"

#define INDICES 2u /* UniVals before the cells */

static size_t size_of_texts(const d2k_value *value)
{
    d2k_value cell;
    size_t size = 0;
    for (d2k_table_reader reader = d2k_table_read(value); d2k_table_next(&reader, &cell);) {
        size += cell.type == D2K_TYPE_TEXT ? cell.content.text.size + 1 : 0;
    }
    return size;
}

/* Puts the text at *at, and moves on. */
static char *put_text(const d2k_value *cell, char **at)
{
    char *begin = *at;
    size_t size = cell->content.text.size;
    if (size > 0) {
        memcpy(begin, cell->content.text.data, size);
    }
    begin[size] = '\0';
    *at += size + 1;
    return begin;
}

static UniVal index_of(int64_t index)
{
    return (UniVal){.status = VAL_Valid, .type = ValType_Ci, .Intval = (int)index};
}

static void fill(const d2k_value *value, UniVal *cells, char *texts)
{
    d2k_value cell;
    int64_t low = d2k_table_low(value);
    *cells++ = index_of(low);
    *cells++ = index_of(low + d2k_table_rows(value) - 1);
    for (d2k_table_reader reader = d2k_table_read(value); d2k_table_next(&reader, &cell);) {
        *cells = (UniVal){.status = cell.status};
        if (!objapi_content_of(&cell, cells)) {
            cells->status = 0;
        } else if (cell.type == D2K_TYPE_TEXT) {
            cells->TxtVal = put_text(&cell, &texts);
        }
        cells++;
    }
}

bool objapi_table_of(const d2k_value *value, UniVal *ret)
{
    size_t columns = d2k_table_columns(value);
    size_t count = INDICES + d2k_table_rows(value) * columns;
    UniVal *block = malloc(count * sizeof(*block) + size_of_texts(value));
    if (block == NULL) {
        return false;
    }
    fill(value, block, (char *)(block + count));
    ret->Indirect = 1;
    if (value->type == D2K_TYPE_ARRAY) {
        d2k_type element = d2k_table_column(value, 0, (char[D2K_COLUMN_NAME_MAX + 1]){""});
        ret->gvaltyp = GValTyp_Array;
        ret->type = (unsigned)element <= ValType_Q ? (ValType)element : ValType_None;
        ret->ArrayValPtr = block;
    } else {
        ret->gvaltyp = GValTyp_Record;
        ret->recordValPtr = block;
        ret->ColsNr = (int)columns;
    }
    return true;
}

/* A cell without VAL_Valid is one that is not valid, whatever its type. */
static APIRET add_cell(d2k_table *table, const UniVal *cell)
{
    d2k_value content;
    if ((cell->status & VAL_Valid) != 0 &&
        (cell->gvaltyp != GValTyp_Simple || cell->type < ValType_Bo || cell->type > ValType_Q)) {
        return API_ValTypeError;
    }
    if ((cell->status & VAL_Valid) != 0 && !objapi_content_to(cell, &content)) {
        return API_ParamError;
    }
    d2k_result result = d2k_table_add(table, (cell->status & VAL_Valid) != 0 ? &content : NULL);
    return result == D2K_OK ? API_OK : result == D2K_TYPE ? API_ValTypeError : API_ParamError;
}

/* How many cells there have to be; -1: the indices are none. */
static int64_t count_of(const UniVal *block, size_t columns)
{
    int64_t low = block[0].Intval, high = block[1].Intval;
    int64_t rows = high - low + 1;
    return rows < 0 || rows > D2K_ROWS_MAX ? -1 : rows * (int64_t)columns;
}

APIRET objapi_table_to(const UniVal *value, d2k_table *table, d2k_value *ret)
{
    d2k_value empty;
    d2k_table_clear(table);
    if (d2k_table_value(table, &empty) != D2K_OK) {
        return API_ParamError;
    }
    bool is_array = empty.type == D2K_TYPE_ARRAY;
    size_t columns = d2k_table_columns(&empty);
    if (value->gvaltyp != (is_array ? GValTyp_Array : GValTyp_Record) ||
        (!is_array && (size_t)value->ColsNr != columns)) {
        return API_ValTypeError;
    }
    const UniVal *block = is_array ? value->ArrayValPtr : value->recordValPtr;
    int64_t count = block == NULL ? -1 : count_of(block, columns);
    APIRET code = count < 0 ? API_ParamError : API_OK;
    if (code == API_OK) {
        d2k_table_set_low(table, block[0].Intval);
    }
    for (int64_t i = 0; code == API_OK && i < count; i++) {
        code = add_cell(table, &block[INDICES + (size_t)i]);
    }
    if (code == API_OK && d2k_table_value(table, ret) != D2K_OK) {
        code = API_ParamError;
    }
    return code;
}
