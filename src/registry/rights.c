/* registry/rights.c: sections Rights\<n> -> rules in order, and what they say. */
#include "registry/rights.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define KEY_PREFIX    "Rights\\"
#define WORD_MAX      64 /* bytes of a word that a message repeats */
#define PROBLEM_MAX   512
#define FILE_NAME_MAX 120

struct rights {
    atomic_uint references;
    char file_name[FILE_NAME_MAX]; /* without directory, for refusals */
    unsigned named;                /* rights that some rule names */
    size_t count;
    struct rights_rule rules[]; /* by number */
};

static const struct {
    const char *word;
    enum right right;
} words[] = {
    {"see", RIGHT_SEE}, {"set", RIGHT_SET}, {"define", RIGHT_DEFINE}, {"admin", RIGHT_ADMIN}};

const char *rights_word(enum right right)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].right == right) {
            return words[i].word;
        }
    }
    return "?";
}

/* ---- single values ---- */

static bool separates(char c)
{
    return c == ',' || c == ';';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next entry without blanks around it; false: there is none. Empty entries are passed over. */
static bool next_entry(const char **at, struct slice *ret_entry)
{
    while (is_blank(**at) || separates(**at)) {
        ++*at;
    }
    const char *begin = *at;
    while (**at != '\0' && !separates(**at)) {
        ++*at;
    }
    const char *end = *at;
    while (end > begin && is_blank(end[-1])) {
        end--;
    }
    *ret_entry = (struct slice){begin, (size_t)(end - begin)};
    return end > begin;
}

static const char *shown(struct slice entry, char ret[WORD_MAX])
{
    return text_escape(ret, WORD_MAX, entry);
}

static bool is_pattern_character(char c, enum rights_kind kind)
{
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const char *others = kind == RIGHTS_OF_OBJECTS     ? "._*?"
                         : kind == RIGHTS_OF_PROCESSES ? "._-*?"
                                                       : "._-@*?";
    return plain || (c != '\0' && strchr(others, c) != NULL);
}

static d2k_result check_pattern(struct slice entry, enum rights_kind kind, char *problem,
                                size_t size)
{
    char word[WORD_MAX];
    if (entry.size > RIGHTS_PATTERN_MAX) {
        (void)snprintf(problem, size, "the pattern %s... is over %u bytes", shown(entry, word),
                       RIGHTS_PATTERN_MAX);
        return D2K_CONFIG;
    }
    for (size_t i = 0; i < entry.size; i++) {
        if (!is_pattern_character(entry.data[i], kind)) {
            (void)snprintf(problem, size,
                           "\"%s\" can match no %s: letters, digits and %s are possible, '*' and "
                           "'?' stand for others",
                           shown(entry, word),
                           kind == RIGHTS_OF_OBJECTS     ? "object"
                           : kind == RIGHTS_OF_PROCESSES ? "process"
                                                         : "user",
                           kind == RIGHTS_OF_OBJECTS     ? "'.' '_'"
                           : kind == RIGHTS_OF_PROCESSES ? "'.' '_' '-'"
                                                         : "'.' '_' '-' '@'");
            return D2K_CONFIG;
        }
    }
    return D2K_OK;
}

static d2k_result check_patterns(const char *text, enum rights_kind kind, size_t *ret_count,
                                 char *problem, size_t size)
{
    struct slice entry;
    size_t count = 0;
    for (const char *at = text; next_entry(&at, &entry); count++) {
        d2k_result result = check_pattern(entry, kind, problem, size);
        if (result != D2K_OK) {
            return result;
        }
    }
    if (count == 0 || count > RIGHTS_PATTERNS_MAX) {
        (void)snprintf(problem, size, "1 to %u patterns are needed, '*' is everything",
                       RIGHTS_PATTERNS_MAX);
        return D2K_CONFIG;
    }
    *ret_count = count;
    return D2K_OK;
}

d2k_result rights_patterns_parse(const char *text, enum rights_kind kind,
                                 struct rights_patterns *ret, char *problem, size_t problem_size)
{
    size_t count = 0;
    d2k_result result = check_patterns(text, kind, &count, problem, problem_size);
    if (result != D2K_OK || ret == NULL) {
        return result;
    }
    *ret = (struct rights_patterns){.text = text_format("%s", text),
                                    .patterns = calloc(count, sizeof *ret->patterns)};
    if (ret->text == NULL || ret->patterns == NULL) {
        rights_patterns_free(ret);
        return D2K_NO_MEMORY;
    }
    const char *at = ret->text;
    while (ret->count < count && next_entry(&at, &ret->patterns[ret->count])) {
        ret->count++;
    }
    return D2K_OK;
}

void rights_patterns_free(struct rights_patterns *patterns)
{
    free(patterns->text);
    free(patterns->patterns);
    *patterns = (struct rights_patterns){0};
}

d2k_result rights_words_parse(const char *text, unsigned *ret_rights, char *problem,
                              size_t problem_size)
{
    struct slice entry;
    unsigned rights = 0;
    for (const char *at = text; next_entry(&at, &entry);) {
        char word[WORD_MAX];
        size_t i = 0;
        (void)shown(entry, word);
        while (i < sizeof words / sizeof words[0] &&
               !text_equal_ignoring_case(words[i].word, word)) {
            i++;
        }
        if (i == sizeof words / sizeof words[0]) {
            (void)snprintf(problem, problem_size,
                           "%s is no right; allowed: see, set, define, admin", word);
            return D2K_CONFIG;
        }
        rights |= (unsigned)words[i].right;
    }
    if (rights == 0) {
        (void)snprintf(problem, problem_size,
                       "the list is empty; allowed: see, set, define, admin");
        return D2K_CONFIG;
    }
    *ret_rights = rights;
    return D2K_OK;
}

/* ---- rules ---- */

struct parser {
    const struct registry_file *file;
    const struct rights_report *report;
    bool failed;
};

static void mistake(struct parser *p, const struct registry_section *section, const char *text)
{
    char whole[PROBLEM_MAX + WORD_MAX + 4], key[WORD_MAX];
    (void)snprintf(whole, sizeof whole, "[%s] %s", shown(slice_of(section->key), key), text);
    p->failed = true;
    p->report->mistake(p->report->context, section->line, whole);
}

/* n of "Rights\<n>"; 0: another section; -1: below Rights, but no number that is allowed. */
static long long number_of_key(const char *key)
{
    long long number;
    if (!registry_key_is_below(key, "Rights")) {
        return 0;
    }
    return strlen(key) > strlen(KEY_PREFIX) &&
                   text_to_number(key + strlen(KEY_PREFIX), 1, RIGHTS_NUMBER_MAX, &number)
               ? number
               : -1;
}

/* A value that is not there asks for nothing. One that is wrong was reported by the table. */
static d2k_result read_patterns(struct parser *p, const char *key, const char *name,
                                enum rights_kind kind, struct rights_patterns *ret)
{
    char problem[PROBLEM_MAX];
    const struct registry_value *value = registry_find(p->file, key, name);
    d2k_result result =
        value == NULL ? D2K_OK
                      : rights_patterns_parse(value->text, kind, ret, problem, sizeof problem);
    p->failed = p->failed || result == D2K_CONFIG;
    return result == D2K_NO_MEMORY ? result : D2K_OK;
}

static void read_words(struct parser *p, const char *key, const char *name, unsigned *ret)
{
    char problem[PROBLEM_MAX];
    const struct registry_value *value = registry_find(p->file, key, name);
    if (value != NULL && rights_words_parse(value->text, ret, problem, sizeof problem) != D2K_OK) {
        p->failed = true;
    }
}

static void check_rule(struct parser *p, const struct registry_section *section,
                       const struct rights_rule *rule)
{
    if (rule->allow == 0 && rule->deny == 0) {
        mistake(p, section, "says nothing: it needs Allow or Deny");
    }
    if ((rule->allow & rule->deny) != 0) {
        mistake(p, section, "allows and denies the same right");
    }
    if (((rule->allow | rule->deny) & RIGHT_ADMIN) != 0 && rule->objects.count > 0) {
        mistake(p, section,
                "has Object and the right admin, which is of no object: write two rules");
    }
    /* Whoever may connect may choose the name of his process. */
    if ((rule->allow & RIGHT_ADMIN) != 0 && rule->users.count == 0) {
        mistake(p, section,
                "allows admin by the name of a process alone, which proves nothing: it "
                "needs User");
    }
}

static d2k_result read_rule(struct parser *p, const struct registry_section *section,
                            struct rights_rule *rule)
{
    d2k_result result =
        read_patterns(p, section->key, "Process", RIGHTS_OF_PROCESSES, &rule->processes);
    if (result == D2K_OK) {
        result = read_patterns(p, section->key, "User", RIGHTS_OF_USERS, &rule->users);
    }
    if (result == D2K_OK) {
        result = read_patterns(p, section->key, "Object", RIGHTS_OF_OBJECTS, &rule->objects);
    }
    read_words(p, section->key, "Allow", &rule->allow);
    read_words(p, section->key, "Deny", &rule->deny);
    if (result == D2K_OK && !p->failed) {
        check_rule(p, section, rule);
    }
    return result;
}

static const struct rights_rule *find_number(const struct rights *rights, unsigned number)
{
    for (size_t i = 0; i < rights->count; i++) {
        if (rights->rules[i].number == number) {
            return &rights->rules[i];
        }
    }
    return NULL;
}

static d2k_result add_section(struct parser *p, const struct registry_section *section,
                              struct rights *rights)
{
    long long number = number_of_key(section->key);
    if (number == 0) {
        return D2K_OK;
    }
    if (number < 0) {
        mistake(p, section, "is no rule: [Rights\\<n>] with n from 1 to 99999 is needed");
        return D2K_OK;
    }
    if (find_number(rights, (unsigned)number) != NULL) {
        mistake(p, section, "stands twice, or two rules have this number");
        return D2K_OK;
    }
    if (rights->count == RIGHTS_RULES_MAX) {
        mistake(p, section, "is one rule too many: 1000 are possible");
        return D2K_OK;
    }
    struct rights_rule *rule = &rights->rules[rights->count++];
    rule->number = (unsigned)number;
    rule->line = section->line;
    return read_rule(p, section, rule);
}

_Static_assert(RIGHTS_NUMBER_MAX == 99999 && RIGHTS_RULES_MAX == 1000, "the sentences say so");

static int by_number(const void *a, const void *b)
{
    const struct rights_rule *left = a, *right = b;
    return left->number < right->number ? -1 : left->number > right->number;
}

static size_t count_sections(const struct registry_file *file)
{
    size_t count = 0;
    for (size_t i = 0; i < file->section_count; i++) {
        count += number_of_key(file->sections[i].key) != 0;
    }
    return count < RIGHTS_RULES_MAX ? count : RIGHTS_RULES_MAX;
}

static d2k_result read_rules(struct parser *p, struct rights *rights)
{
    for (size_t i = 0; i < p->file->section_count; i++) {
        d2k_result result = add_section(p, &p->file->sections[i], rights);
        if (result != D2K_OK) {
            return result;
        }
    }
    qsort(rights->rules, rights->count, sizeof rights->rules[0], by_number);
    for (size_t i = 0; i < rights->count; i++) {
        rights->named |= rights->rules[i].allow | rights->rules[i].deny;
    }
    return p->failed ? D2K_CONFIG : D2K_OK;
}

d2k_result rights_parse(const struct registry_file *file, const struct rights_report *report,
                        struct rights **ret_rights)
{
    struct parser p = {.file = file, .report = report};
    size_t count = count_sections(file);
    *ret_rights = NULL;
    if (count == 0) {
        return D2K_OK;
    }
    struct rights *rights = calloc(1, sizeof *rights + count * sizeof rights->rules[0]);
    if (rights == NULL) {
        return D2K_NO_MEMORY;
    }
    atomic_init(&rights->references, 1);
    const char *slash = strrchr(file->path, '/');
    (void)text_copy(rights->file_name, sizeof rights->file_name,
                    slash == NULL ? file->path : slash + 1);
    d2k_result result = read_rules(&p, rights);
    if (result != D2K_OK) {
        rights_unref(rights);
        return result;
    }
    *ret_rights = rights;
    return D2K_OK;
}

struct rights *rights_ref(struct rights *rights)
{
    if (rights != NULL) {
        atomic_fetch_add_explicit(&rights->references, 1, memory_order_relaxed);
    }
    return rights;
}

void rights_unref(struct rights *rights)
{
    if (rights == NULL ||
        atomic_fetch_sub_explicit(&rights->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < rights->count; i++) {
        rights_patterns_free(&rights->rules[i].processes);
        rights_patterns_free(&rights->rules[i].users);
        rights_patterns_free(&rights->rules[i].objects);
    }
    free(rights);
}

/* ---- what they say ---- */

static bool fits(const struct rights_patterns *patterns, struct slice name)
{
    if (patterns->count == 0) {
        return true;
    }
    for (size_t i = 0; i < patterns->count && name.size > 0; i++) {
        if (text_matches(name, patterns->patterns[i])) {
            return true;
        }
    }
    return false;
}

struct rights_verdict rights_decide(const struct rights *rights,
                                    const struct rights_subject *subject, enum right right,
                                    struct slice object)
{
    for (size_t i = 0; rights_name(rights, right) && i < rights->count; i++) {
        const struct rights_rule *rule = &rights->rules[i];
        bool allows = (rule->allow & (unsigned)right) != 0;
        if ((allows || (rule->deny & (unsigned)right) != 0) &&
            fits(&rule->processes, subject->process) && fits(&rule->users, subject->user) &&
            fits(&rule->objects, object)) {
            return (struct rights_verdict){allows ? RIGHTS_ALLOWED : RIGHTS_DENIED, rule};
        }
    }
    return (struct rights_verdict){RIGHTS_OPEN, NULL};
}

bool rights_name(const struct rights *rights, enum right right)
{
    return rights != NULL && (rights->named & (unsigned)right) != 0;
}

size_t rights_count(const struct rights *rights)
{
    return rights == NULL ? 0 : rights->count;
}

const char *rights_place(const struct rights *rights, const struct rights_rule *rule,
                         char ret[RIGHTS_PLACE_MAX])
{
    (void)snprintf(ret, RIGHTS_PLACE_MAX, "[Rights\\%u] (%s:%u)", rule->number, rights->file_name,
                   rule->line);
    return ret;
}
