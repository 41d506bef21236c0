/* fuzz_properties.c: any bytes as a list of properties. One that passes the check is found again,
 * property by property, and is the same when it is written again. As a filter of ListObjects it is
 * taken or refused with a reason, and is asked about an object. */
#include <string.h>

#include "fuzz.h"
#include "kernel/filter.h"
#include "wire/properties.h"
#include "wire/value.h"

static void look_at(struct slice list, const struct property *property, struct buffer *again)
{
    struct slice found;
    uint8_t number;
    fuzz_expect(properties_find(list, property->key, &found));
    fuzz_expect(found.data == property->bytes.data && found.size == property->bytes.size);
    fuzz_expect(property_u8(found, &number) == (found.size == 1));
    for (int type = D2K_TYPE_NONE; type <= D2K_TYPE_TEXT; type++) {
        d2k_value value = {.type = (d2k_type)type};
        struct error err;
        (void)(wire_content_decode(found, &value, &err) == D2K_OK);
    }
    properties_put(again, property->key, property->bytes);
}

static void look_at_filter(struct slice list)
{
    const struct object object = {.type = D2K_TYPE_REAL, .name = "A", .owner = "SELF.KOM"};
    struct filter filter;
    struct error err = {.text = ""};
    if (filter_take(list, &filter, &err) == D2K_OK) {
        (void)filter_passes(&filter, &object);
    } else {
        fuzz_expect(err.code == D2K_ARGUMENT && err.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice list = {(const char *)data, size};
    struct cursor rest = cursor_of(data, size);
    struct property property;
    struct buffer again;
    struct error err;
    look_at_filter(list);
    if (properties_check(list, &err) != D2K_OK) {
        fuzz_expect(err.code == D2K_ARGUMENT);
        return 0;
    }
    buffer_init(&again, size + 1);
    while (properties_next(&rest, &property)) {
        look_at(list, &property, &again);
    }
    fuzz_expect(buffer_size(&again) == size);
    fuzz_expect(size == 0 || memcmp(buffer_data(&again), data, size) == 0);
    buffer_free(&again);
    return 0;
}
