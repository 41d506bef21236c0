/* Which keys and names the table has, and which of them somebody meant who mistyped. */
#include "registry/settings_table.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define NAME_COMPARED_MAX 64u /* longer names are near to nothing */

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Lower case without the characters that people leave out or swap. False: too long. */
static bool normalize(const char *text, char ret[NAME_COMPARED_MAX + 1])
{
    size_t size = 0;
    for (; *text != '\0'; text++) {
        if (strchr("_- \t", *text) != NULL) {
            continue;
        }
        if (size == NAME_COMPARED_MAX) {
            return false;
        }
        ret[size++] = lower(*text);
    }
    ret[size] = '\0';
    return true;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) that make b of a. Both are at most
 * NAME_COMPARED_MAX long. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][NAME_COMPARED_MAX + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++) {
        rows[0][j] = j;
    }
    size_t i = 0;
    for (; a[i] != '\0'; i++) {
        const size_t *before = rows[(i + 2) % 3]; /* two rows up; first used when i is 1 */
        const size_t *above = rows[i % 3];
        size_t *row = rows[(i + 1) % 3];
        row[0] = i + 1;
        for (size_t j = 1; j <= width; j++) {
            row[j] =
                least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i] == b[j - 1] ? 0 : 1));
            if (i > 0 && j > 1 && a[i] == b[j - 2] && a[i - 1] == b[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
    }
    return rows[i % 3][width];
}

bool settings_is_near(const char *a, const char *b)
{
    char x[NAME_COMPARED_MAX + 1], y[NAME_COMPARED_MAX + 1];
    if (!normalize(a, x) || !normalize(b, y)) {
        return false;
    }
    size_t distance = edit_distance(x, y);
    return distance <= 2 && distance * 2 < strlen(x);
}

/* Whether one part of a key (without backslash) is what one part of the table's key stands for:
 * "<group>" is anything, "Kernel_<n>" a number behind "Kernel_". */
static bool part_matches(struct slice pattern, struct slice part)
{
    const char *open = memchr(pattern.data, '<', pattern.size);
    size_t fixed = open == NULL ? pattern.size : (size_t)(open - pattern.data);
    if (part.size < fixed || (open == NULL && part.size != fixed)) {
        return false;
    }
    for (size_t i = 0; i < fixed; i++) {
        if (lower(pattern.data[i]) != lower(part.data[i])) {
            return false;
        }
    }
    if (open == NULL) {
        return true;
    }
    bool is_number = pattern.size - fixed == 3 && memcmp(open, "<n>", 3) == 0;
    for (size_t i = fixed; i < part.size; i++) {
        if (is_number && (part.data[i] < '0' || part.data[i] > '9')) {
            return false;
        }
    }
    return part.size > fixed;
}

static struct slice first_part(const char *key)
{
    return (struct slice){key, strcspn(key, "\\")};
}

/* Walks both keys as far as they match; what is left of each: "" or begins with a backslash or at
 * the part that differs. */
static void match_parts(const char **pattern, const char **key)
{
    while (**pattern != '\0' && **key != '\0') {
        struct slice p = first_part(*pattern), k = first_part(*key);
        if (!part_matches(p, k)) {
            return;
        }
        *pattern += p.size;
        *key += k.size;
        if (**pattern == '\\' && **key == '\\') {
            ++*pattern;
            ++*key;
        } else {
            return;
        }
    }
}

static bool key_matches(const char *pattern, const char *key)
{
    match_parts(&pattern, &key);
    return *pattern == '\0' && *key == '\0';
}

static bool key_is_above(const char *pattern, const char *key)
{
    match_parts(&pattern, &key);
    return *key == '\0';
}

const struct setting *settings_find(const char *file, const char *key, const char *name)
{
    for (const struct setting *s = settings_table(); s->name != NULL; s++) {
        if (strcmp(s->file, file) == 0 && key_matches(s->key, key) &&
            text_equal_ignoring_case(s->name, name)) {
            return s;
        }
    }
    return NULL;
}

bool settings_knows_section(const char *file, const char *key)
{
    for (const struct setting *s = settings_table(); s->name != NULL; s++) {
        if (strcmp(s->file, file) == 0 && key_is_above(s->key, key)) {
            return true;
        }
    }
    return false;
}

const char *settings_near_section(const char *file, const char *key)
{
    char mine[NAME_COMPARED_MAX + 1], first[NAME_COMPARED_MAX + 1];
    struct slice part = first_part(key);
    if (part.size > NAME_COMPARED_MAX) {
        return NULL;
    }
    text_copy(mine, part.size + 1, part.data);
    for (const struct setting *s = settings_table(); s->name != NULL; s++) {
        if (strcmp(s->file, file) != 0 || s->key[0] == '\0') {
            continue;
        }
        text_copy(first, first_part(s->key).size + 1, s->key);
        if (settings_is_near(first, mine)) {
            return s->key;
        }
    }
    return NULL;
}

static const char *place_text(const struct setting *s, const char *file, char *ret, size_t size)
{
    bool same_file = strcmp(s->file, file) == 0;
    snprintf(ret, size, "%s%s%s%s%s", s->key[0] != '\0' ? "[" : "", s->key,
             s->key[0] != '\0' ? "]"
                               : (same_file ? "the top of the file, before every [section]" : ""),
             !same_file && s->key[0] != '\0' ? " of " : "", same_file ? "" : s->file);
    return ret;
}

char *settings_suggest(const char *file, const char *key, const char *name, char *ret, size_t size)
{
    const struct setting *elsewhere = NULL;
    text_copy(ret, size, "");
    for (const struct setting *s = settings_table(); s->name != NULL; s++) {
        bool here = strcmp(s->file, file) == 0 && key_matches(s->key, key);
        if (here && settings_is_near(s->name, name)) {
            snprintf(ret, size, "did you mean %s?", s->name);
            return ret;
        }
        if (!here && elsewhere == NULL && text_equal_ignoring_case(s->name, name)) {
            elsewhere = s;
        }
    }
    if (elsewhere != NULL) {
        char place[128];
        snprintf(ret, size, "did you mean the one of %s?",
                 place_text(elsewhere, file, place, sizeof place));
    }
    return ret;
}
