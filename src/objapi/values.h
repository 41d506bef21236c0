/* objapi/values.h: values of ObjApi from and to those of libd2k. Pure. */
#ifndef D2K_OBJAPI_VALUES_H
#define D2K_OBJAPI_VALUES_H

#include <d2k/objapi.h>
#include <d2k/table.h>
#include <d2k/value.h>

/* Fills *ret with a copy; a text, and all of an array or a structure, is one block on the heap.
 * False: no memory, *ret has no content. */
bool objapi_value_of(const d2k_value *value, UniVal *ret) D2K_MUST_CHECK;

/* Frees what objapi_value_of() made. */
void objapi_value_free(UniVal *value);

/* The value for libd2k; text is borrowed. `table`: of an object of type Array or Structure, with
 * its columns, to be filled; it is part of the value. API_ValTypeError (not the object's type, or
 * one that d2k does not have), API_ParamError (a time that is none, text NULL, a table that is too
 * large or without cells that it should have). */
APIRET objapi_value_to(const UniVal *value, d2k_type type, d2k_table *table,
                       d2k_value *ret) D2K_MUST_CHECK;

/* A content alone, of a simple type. objapi_content_of() leaves a text to its caller; false: the
 * type has no field. objapi_content_to(): false: it is out of range; *ret is valid. */
bool objapi_content_of(const d2k_value *value, UniVal *ret) D2K_MUST_CHECK;
bool objapi_content_to(const UniVal *value, d2k_value *ret) D2K_MUST_CHECK;

/* tables.c: the content of an array or a structure; quality and time are the caller's. */
bool objapi_table_of(const d2k_value *value, UniVal *ret) D2K_MUST_CHECK;
APIRET objapi_table_to(const UniVal *value, d2k_table *table, d2k_value *ret) D2K_MUST_CHECK;

#endif
