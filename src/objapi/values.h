/* objapi/values.h: values of ObjApi from and to those of libd2k. Pure. */
#ifndef D2K_OBJAPI_VALUES_H
#define D2K_OBJAPI_VALUES_H

#include <d2k/objapi.h>
#include <d2k/value.h>

/* Fills *ret with a copy; text is on the heap. False: no memory, *ret has no content. */
bool objapi_value_of(const d2k_value *value, UniVal *ret) D2K_MUST_CHECK;

/* Frees what objapi_value_of() made. */
void objapi_value_free(UniVal *value);

/* The value for libd2k; text is borrowed. API_ValTypeError (not the object's type, or one that d2k
 * does not have), API_ParamError (a time that is none, text NULL). */
APIRET objapi_value_to(const UniVal *value, d2k_type type, d2k_value *ret) D2K_MUST_CHECK;

#endif
