/* registry/settings_types.h: text of a value -> checked C value. */
#include "registry/settings_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/socket.h"
#include "os/system.h"

#define FLAG_MAX 32u /* a longer word is none of the choices */

_Static_assert(sizeof(enum tls_level) == sizeof(int) &&
                   sizeof(enum tls_min_version) == sizeof(int) &&
                   sizeof(enum tls_cert_dates) == sizeof(int) &&
                   sizeof(enum tls_resumption) == sizeof(int) &&
                   sizeof(enum users_authentication) == sizeof(int) &&
                   sizeof(enum users_plain) == sizeof(int),
               "setting_parse_choice() stores an int into each of them");

static d2k_result refuse(const struct setting_input *input, const char *why)
{
    text_copy(input->problem, input->problem_size, why);
    return D2K_CONFIG;
}

/* Takes `text` over. */
static d2k_result store_text(char *text, void *target)
{
    if (text == NULL) {
        return D2K_NO_MEMORY;
    }
    if (target == NULL) {
        free(text);
        return D2K_OK;
    }
    char **place = target;
    free(*place);
    *place = text;
    return D2K_OK;
}

/* What stands for a file that the service manager hands in, and is nowhere else to be found. */
static const char *const credential_forms[] = {"credential:", "$CREDENTIALS_DIRECTORY/"};

static bool take_prefix(struct slice *text, const char *prefix)
{
    size_t size = strlen(prefix);
    if (text->size <= size || memcmp(text->data, prefix, size) != 0) {
        return false;
    }
    text->data += size;
    text->size -= size;
    return true;
}

/* Not under a service manager it stays as it is written: then the file cannot be read, and the one
 * who reads it says why. */
static bool is_credential(struct slice path, struct slice *ret_name)
{
    for (size_t i = 0; i < sizeof credential_forms / sizeof credential_forms[0]; i++) {
        *ret_name = path;
        if (take_prefix(ret_name, credential_forms[i])) {
            return true;
        }
    }
    return false;
}

static char *credential_path(struct slice name)
{
    const char *directory = os_environment("CREDENTIALS_DIRECTORY");
    bool elsewhere = memchr(name.data, '/', name.size) != NULL;
    if (directory == NULL || elsewhere) {
        return text_format("credential:%.*s", (int)name.size, name.data);
    }
    return text_format("%s/%.*s", directory, (int)name.size, name.data);
}

static char *resolve_path(const char *directory, struct slice path)
{
    struct slice name;
    if (is_credential(path, &name)) {
        return credential_path(name);
    }
    bool absolute = path.size > 0 && path.data[0] == '/';
    return text_format("%s%.*s", absolute ? "" : directory, (int)path.size, path.data);
}

d2k_result setting_parse_path(const struct setting_type *type, const struct setting_input *input,
                              void *target)
{
    (void)type;
    if (input->text[0] == '\0') {
        return refuse(input, "a path must not be empty");
    }
    return store_text(resolve_path(input->directory, slice_of(input->text)), target);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at)) {
        at++;
    }
    return at;
}

/* The quote that closes an entry: the first that only blanks separate from ';' or the end. */
static const char *closing_quote(const char *at)
{
    for (const char *quote = strchr(at, '"'); quote != NULL; quote = strchr(quote + 1, '"')) {
        const char *after = skip_blanks(quote + 1);
        if (*after == ';' || *after == '\0') {
            return quote;
        }
    }
    return NULL;
}

/* Takes the next entry of a list; false: the closing quote is missing. */
static bool next_entry(const char **at, struct slice *ret_entry)
{
    const char *begin = skip_blanks(*at);
    const char *end;
    const char *after;
    if (*begin == '"') {
        begin++;
        end = closing_quote(begin);
        if (end == NULL) {
            return false;
        }
        after = skip_blanks(end + 1);
    } else {
        end = begin + strcspn(begin, ";");
        after = end;
        while (end > begin && is_blank(end[-1])) {
            end--;
        }
    }
    *ret_entry = (struct slice){begin, (size_t)(end - begin)};
    *at = *after == ';' ? after + 1 : after;
    return true;
}

static d2k_result add_trusted(struct tls_client_settings *client, const char *directory,
                              struct slice entry)
{
    char *path = resolve_path(directory, entry);
    if (path == NULL) {
        return D2K_NO_MEMORY;
    }
    client->trusted_certs[client->trusted_count++] = path;
    return D2K_OK;
}

d2k_result setting_parse_trusted_certs(const struct setting_type *type,
                                       const struct setting_input *input, void *target)
{
    (void)type;
    struct tls_client_settings *client = target;
    const char *at = input->raw;
    while (*at != '\0') {
        struct slice entry;
        if (!next_entry(&at, &entry)) {
            return refuse(input, "an entry that begins with a quote must end with one, before ';' "
                                 "or the end of the line");
        }
        if (entry.size == 0) {
            continue;
        }
        if (client->trusted_count == SETTINGS_PATHS_MAX) {
            snprintf(input->problem, input->problem_size, "more than %d entries",
                     SETTINGS_PATHS_MAX);
            return D2K_CONFIG;
        }
        d2k_result result = add_trusted(client, input->directory, entry);
        if (result != D2K_OK) {
            return result;
        }
    }
    return client->trusted_count > 0 ? D2K_OK : refuse(input, "the list has no path");
}

char *setting_choices_text(const struct setting_choice *choices, const char *separator, char *ret,
                           size_t size)
{
    size_t used = 0;
    text_copy(ret, size, "");
    for (const struct setting_choice *c = choices; c->text != NULL; c++) {
        if (c->kind != CHOICE_SHOWN || used >= size) {
            continue;
        }
        int n = snprintf(ret + used, size - used, "%s%s", used > 0 ? separator : "", c->text);
        used += n > 0 ? (size_t)n : 0;
    }
    return ret;
}

static d2k_result refuse_choice(const struct setting_type *type, const struct setting_input *input)
{
    char allowed[128];
    setting_choices_text(type->choices, ", ", allowed, sizeof allowed);
    const char *near = NULL;
    for (const struct setting_choice *c = type->choices; c->text != NULL && near == NULL; c++) {
        if (c->kind == CHOICE_SHOWN && settings_is_near(c->text, input->text)) {
            near = c->text;
        }
    }
    snprintf(input->problem, input->problem_size, "allowed: %s%s%s%s", allowed,
             near != NULL ? "; did you mean " : "", near != NULL ? near : "",
             near != NULL ? "?" : "");
    return D2K_CONFIG;
}

d2k_result setting_parse_choice(const struct setting_type *type, const struct setting_input *input,
                                void *target)
{
    for (const struct setting_choice *c = type->choices; c->text != NULL; c++) {
        if (!text_equal_ignoring_case(c->text, input->text)) {
            continue;
        }
        if (c->kind == CHOICE_REFUSED) {
            return refuse(input, c->why_refused);
        }
        if (target != NULL) {
            memcpy(target, &c->number, sizeof c->number);
        }
        return D2K_OK;
    }
    return refuse_choice(type, input);
}

static const struct setting_choice *find_choice(const struct setting_choice *choices,
                                                const char *text)
{
    const struct setting_choice *c = choices;
    while (c->text != NULL && !text_equal_ignoring_case(c->text, text)) {
        c++;
    }
    return c->text == NULL ? NULL : c;
}

d2k_result setting_parse_flags(const struct setting_type *type, const struct setting_input *input,
                               void *target)
{
    unsigned flags = 0;
    const char *at = input->text;
    while (*at != '\0') {
        struct slice entry;
        char text[FLAG_MAX + 1];
        if (!next_entry(&at, &entry)) {
            return refuse(input, "an entry that begins with a quote must end with one");
        }
        if (entry.size == 0) {
            continue;
        }
        snprintf(text, sizeof text, "%.*s", (int)(entry.size > FLAG_MAX ? FLAG_MAX : entry.size),
                 entry.data);
        const struct setting_choice *choice = find_choice(type->choices, text);
        if (choice == NULL) {
            struct setting_input part = *input;
            part.text = text;
            return refuse_choice(type, &part);
        }
        flags |= (unsigned)choice->number;
    }
    if (flags == 0) {
        return refuse(input, "the list is empty");
    }
    if (target != NULL) {
        memcpy(target, &flags, sizeof flags);
    }
    return D2K_OK;
}

static d2k_result parse_number(const struct setting_type *type, const struct setting_input *input,
                               long long *ret_number)
{
    if (text_to_number(input->text, type->min, type->max, ret_number)) {
        return D2K_OK;
    }
    snprintf(input->problem, input->problem_size, "allowed: %s", type->name);
    return D2K_CONFIG;
}

d2k_result setting_parse_unsigned(const struct setting_type *type,
                                  const struct setting_input *input, void *target)
{
    long long number;
    d2k_result result = parse_number(type, input, &number);
    if (result == D2K_OK && target != NULL) {
        *(unsigned *)target = (unsigned)number;
    }
    return result;
}

d2k_result setting_parse_u64(const struct setting_type *type, const struct setting_input *input,
                             void *target)
{
    long long number;
    d2k_result result = parse_number(type, input, &number);
    if (result == D2K_OK && target != NULL) {
        *(uint64_t *)target = (uint64_t)number;
    }
    return result;
}

d2k_result setting_parse_application_name(const struct setting_type *type,
                                          const struct setting_input *input, void *target)
{
    if (!registry_is_application_name(input->text)) {
        snprintf(input->problem, input->problem_size, "allowed: %s", type->name);
        return D2K_CONFIG;
    }
    return store_text(text_format("%s", input->text), target);
}

d2k_result setting_parse_address(const struct setting_type *type, const struct setting_input *input,
                                 void *target)
{
    (void)target;
    struct os_address address;
    if (os_address_parse(input->text, 0, &address) != 0) {
        snprintf(input->problem, input->problem_size, "allowed: %s", type->name);
        return D2K_CONFIG;
    }
    return D2K_OK;
}

d2k_result setting_parse_patterns(const struct setting_type *type,
                                  const struct setting_input *input, void *target)
{
    (void)target;
    return rights_patterns_parse(input->text, (enum rights_kind)type->min, NULL, input->problem,
                                 input->problem_size);
}

d2k_result setting_parse_rights(const struct setting_type *type, const struct setting_input *input,
                                void *target)
{
    unsigned unused;
    (void)type;
    (void)target;
    return rights_words_parse(input->text, &unused, input->problem, input->problem_size);
}

static d2k_result store_words(char **words, void *target)
{
    char ***place = target;
    if (place == NULL) {
        static_words_free(words);
        return D2K_OK;
    }
    static_words_free(*place);
    *place = words;
    return D2K_OK;
}

static d2k_result parse_words(const struct setting_input *input, char ***ret_words)
{
    switch (static_words_parse(input->raw, ret_words)) {
    case D2K_OK:
        return D2K_OK;
    case D2K_NO_MEMORY:
        return D2K_NO_MEMORY;
    case D2K_LIMIT:
        return refuse(input, "more than 256 words");
    default:
        return refuse(input, "a double quote is not closed");
    }
}

_Static_assert(STATIC_PROCESS_WORDS_MAX == 256, "the sentence says 256");

d2k_result setting_parse_words(const struct setting_type *type, const struct setting_input *input,
                               void *target)
{
    char **words;
    (void)type;
    d2k_result result = parse_words(input, &words);
    return result == D2K_OK ? store_words(words, target) : result;
}

/* A letter or _, then letters, digits and _, up to '='. */
static bool is_variable(const char *word)
{
    size_t size = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    return size > 0 && word[size] == '=' && !(word[0] >= '0' && word[0] <= '9');
}

d2k_result setting_parse_environment(const struct setting_type *type,
                                     const struct setting_input *input, void *target)
{
    char **words;
    (void)type;
    d2k_result result = parse_words(input, &words);
    for (size_t i = 0; result == D2K_OK && words[i] != NULL; i++) {
        if (!is_variable(words[i])) {
            static_words_free(words);
            return refuse(input, "each word must be NAME=value (\"NAME=with blanks\")");
        }
    }
    return result == D2K_OK ? store_words(words, target) : result;
}
