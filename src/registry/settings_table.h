/* registry/settings_table.h: how rows of the table read their values; for settings*.c only. */
#ifndef D2K_REGISTRY_SETTINGS_TABLE_H
#define D2K_REGISTRY_SETTINGS_TABLE_H

#include "registry/settings.h"

/* One allowed text of an enumeration. */
struct setting_choice {
    const char *text; /* NULL ends the list */
    int number;
    enum {
        CHOICE_SHOWN,
        CHOICE_ALIAS,  /* accepted, not shown */
        CHOICE_REFUSED /* known, but not allowed here: why_refused says why */
    } kind;
    const char *why_refused;
};

struct setting_input {
    const char *text;
    const char *raw;       /* with the quotes of the file */
    const char *directory; /* of the file, with its '/' at the end, or "" */
    char *problem;         /* what is wrong, for people; set when D2K_CONFIG is returned */
    size_t problem_size;
};

struct setting_type {
    const char *name; /* for people; NULL: the choices */
    /* Stores into target (NULL: only checks). D2K_CONFIG, D2K_NO_MEMORY. */
    d2k_result (*parse)(const struct setting_type *type, const struct setting_input *input,
                        void *target);
    const struct setting_choice *choices;
    long long min, max;
    bool is_list; /* reads raw: its entries have quotes of their own */
};

/* Whether the table has the section, or one below it, in this file. */
bool settings_knows_section(const char *file, const char *key);

/* Reads the sections Process\<name> into ret_processes, sorted, with the defaults of the table.
 * `report` gets what is wrong between values; what is wrong with a single value was reported by who
 * checked it against its row. D2K_NO_MEMORY. */
d2k_result settings_read_processes(const struct registry_file *file, const char *directory,
                                   void (*report)(void *context, unsigned line, const char *text),
                                   void *context,
                                   struct static_processes *ret_processes) D2K_MUST_CHECK;

/* The key of the table that is nearest to a misspelt one, or NULL. */
const char *settings_near_section(const char *file, const char *key);

/* Whether a is what somebody could have meant who wrote b: they differ only in case, '_', '-' and
 * blanks, or by at most two typing mistakes. */
bool settings_is_near(const char *a, const char *b);

#endif
