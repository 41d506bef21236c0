/* fuzz_registry.c: any text as a configuration file. What was parsed can be found by its name. */
#include "fuzz.h"
#include "registry/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry_file *file = NULL;
    struct error err;

    if (registry_parse("fuzz.conf", (const char *)data, size, &file, &err) != D2K_OK) {
        return 0;
    }
    for (size_t i = 0; i < file->count; i++) {
        const struct registry_value *value = &file->values[i];

        fuzz_expect(registry_find(file, value->key, value->name) == value);
        fuzz_expect(value->key[0] == '\0' || registry_has_key(file, value->key));
    }
    registry_free(file);
    return 0;
}
