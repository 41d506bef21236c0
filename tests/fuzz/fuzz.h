/* fuzz.h: what the fuzz targets share: the entry point that libFuzzer calls, and a check that ends
 * the run with the input that broke it. */
#ifndef D2K_FUZZ_H
#define D2K_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_expect(int condition)
{
    if (!condition) {
        abort();
    }
}

#endif
