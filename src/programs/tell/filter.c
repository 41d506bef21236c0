/* programs/tell/filter.c: which objects `list` is to tell. */
#include "programs/tell/filter.h"

#include <string.h>

#include "base/text.h"
#include "programs/tell/definition.h"

static d2k_result find_word(const char *option, const char *text, const char *const *words,
                            size_t count, const char *allowed, unsigned *ret, struct error *err)
{
    char shown[128];
    for (unsigned i = 0; i < count; i++) {
        if (text_equal_ignoring_case(words[i], text)) {
            *ret = i;
            return D2K_OK;
        }
    }
    return error_set(err, D2K_ARGUMENT, "%s%s: allowed: %s", option,
                     text_escape(shown, sizeof shown, slice_of(text)), allowed);
}

static d2k_result read_quality(const char *text, d2k_filter *filter, struct error *err)
{
    static const char *const words[] = {"all", "valid", "invalid"};
    unsigned found = D2K_QUALITY_ANY;
    d2k_result result = D2K_OK;
    if (text != NULL) {
        result = find_word("--quality=", text, words, 3, "all, valid, invalid", &found, err);
    }
    filter->quality = (d2k_quality)found;
    return result;
}

static d2k_result read_kind(const char *text, d2k_filter *filter, struct error *err)
{
    static const char *const words[] = {"process", "user variable", "computed", "system tag"};
    unsigned found = D2K_KIND_PROCESS;
    d2k_result result = D2K_OK;
    if (text != NULL) {
        result = find_word("--kind=", text, words, 4,
                           "process, user variable, computed, system tag", &found, err);
    }
    filter->has_kind = text != NULL;
    filter->kind = (d2k_kind)found;
    return result;
}

bool filter_take_option(const char *argument, struct filter_texts *texts)
{
    const struct {
        const char *name, **place;
    } all[] = {{"--type=", &texts->type},
               {"--owner=", &texts->owner},
               {"--quality=", &texts->quality},
               {"--kind=", &texts->kind}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t size = strlen(all[i].name);
        if (strncmp(argument, all[i].name, size) == 0) {
            *all[i].place = argument + size;
            return true;
        }
    }
    return false;
}

bool filter_says_something(const struct filter_texts *texts)
{
    return texts->type != NULL || texts->owner != NULL || texts->quality != NULL ||
           texts->kind != NULL;
}

d2k_result filter_read(const struct filter_texts *texts, const char *path, d2k_filter *ret_filter,
                       struct error *err)
{
    *ret_filter = (d2k_filter){.size = sizeof *ret_filter, .owner = texts->owner, .path = path};
    d2k_result result = D2K_OK;
    if (texts->type != NULL) {
        result = definition_read_type(texts->type, &ret_filter->type, err);
    }
    if (result == D2K_OK) {
        result = read_quality(texts->quality, ret_filter, err);
    }
    return result == D2K_OK ? read_kind(texts->kind, ret_filter, err) : result;
}
