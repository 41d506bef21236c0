/* base/result.c: names and texts of d2k_result (include/d2k/result.h). */
#include <d2k/result.h>

const char *d2k_result_name(d2k_result result)
{
    switch (result) {
#define RESULT_NAME(name, number, text) \
    case D2K_##name:                    \
        return #name;
        D2K_RESULTS(RESULT_NAME)
#undef RESULT_NAME
    }
    return "?";
}

const char *d2k_result_text(d2k_result result)
{
    switch (result) {
#define RESULT_TEXT(name, number, text) \
    case D2K_##name:                    \
        return text;
        D2K_RESULTS(RESULT_TEXT)
#undef RESULT_TEXT
    }
    return "unknown result";
}
