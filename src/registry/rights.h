/* registry/rights.h: what a process may see, set, define and administer: the rules
 * [Rights\<n>] of cfg_<application>.conf, in the order of their numbers.
 *
 *     [Rights\10]
 *     Process = *.HIP            whom: by name of the process, and of the user who is logged on
 *     User    = shift_*          a rule with User= is for users only; without it for everybody
 *     Object  = Boiler.*         which objects; without it all
 *     Allow   = see, set
 *     Deny    = define
 *
 * A rule says something only about the rights that it names. For one process, one object and one
 * right the first rule that fits and names the right decides; when none does, what holds without
 * rules holds. Patterns know '*' and '?'; ASCII case is ignored; several are separated by ',' or
 * ';'. Rules for people: docs/security/rights.md
 *
 * A set of rules is immutable and counted; any thread. */
#ifndef D2K_REGISTRY_RIGHTS_H
#define D2K_REGISTRY_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "registry/registry.h"

/* Limits; tested at the limit and one past it. */
#define RIGHTS_RULES_MAX    1000u
#define RIGHTS_NUMBER_MAX   99999u /* n of Rights\<n> */
#define RIGHTS_PATTERNS_MAX 64u    /* of one value */
#define RIGHTS_PATTERN_MAX  128u   /* bytes of one pattern */

/* Bits of Allow and Deny. */
enum right {
    RIGHT_SEE = 1,    /* read values and definitions of objects */
    RIGHT_SET = 2,    /* write objects of others */
    RIGHT_DEFINE = 4, /* define objects */
    RIGHT_ADMIN = 8,  /* end the kernel, start and stop processes ... */
};

struct rights_patterns {
    char *text;             /* owns what the patterns point into */
    struct slice *patterns; /* none: the rule does not ask for it */
    size_t count;
};

struct rights_rule {
    unsigned number; /* n of [Rights\<n>] */
    unsigned line;   /* of the section */
    struct rights_patterns processes, users, objects;
    unsigned allow, deny; /* enum right */
};

struct rights;

/* Who asks. `user` empty: nobody is logged on. */
struct rights_subject {
    struct slice process, user;
};

struct rights_verdict {
    enum rights_answer {
        RIGHTS_OPEN, /* no rule says anything: what holds without rules holds */
        RIGHTS_ALLOWED,
        RIGHTS_DENIED,
    } answer;
    const struct rights_rule *rule; /* that decided; NULL when open; as long as the rights live */
};

/* `object` empty: of no object (RIGHT_ADMIN). `rights` NULL: there are no rules. */
struct rights_verdict rights_decide(const struct rights *rights,
                                    const struct rights_subject *subject, enum right right,
                                    struct slice object);

/* Whether any rule names this right. */
bool rights_name(const struct rights *rights, enum right right);
size_t rights_count(const struct rights *rights);
/* "see", "set", "define", "admin". */
const char *rights_word(enum right right);
/* "[Rights\10] (cfg_PLANT.conf:12)": what a refusal names. Returns ret. */
#define RIGHTS_PLACE_MAX 200
const char *rights_place(const struct rights *rights, const struct rights_rule *rule,
                         char ret[RIGHTS_PLACE_MAX]);

struct rights *rights_ref(struct rights *rights); /* NULL is allowed */
void rights_unref(struct rights *rights);         /* NULL is allowed */

/* Gets each mistake of the rules. */
struct rights_report {
    void (*mistake)(void *context, unsigned line, const char *text);
    void *context;
};

/* Makes the rules of a file whose single values are right (settings table); *ret_rights is NULL
 * when there are none. D2K_CONFIG: a mistake was reported, and there are no rights; D2K_NO_MEMORY.
 */
d2k_result rights_parse(const struct registry_file *file, const struct rights_report *report,
                        struct rights **ret_rights) D2K_MUST_CHECK;

/* ---- for the settings table: single values ---- */

enum rights_kind {
    RIGHTS_OF_PROCESSES,
    RIGHTS_OF_USERS,
    RIGHTS_OF_OBJECTS,
};

/* "*.HIP, OP_??.HIP". D2K_CONFIG with what is wrong in `problem`; D2K_NO_MEMORY. `ret` NULL: only
 * checks; else free it with rights_patterns_free(). */
d2k_result rights_patterns_parse(const char *text, enum rights_kind kind,
                                 struct rights_patterns *ret, char *problem,
                                 size_t problem_size) D2K_MUST_CHECK;
void rights_patterns_free(struct rights_patterns *patterns);

/* "see, set" -> bits. D2K_CONFIG with what is wrong in `problem`. */
d2k_result rights_words_parse(const char *text, unsigned *ret_rights, char *problem,
                              size_t problem_size) D2K_MUST_CHECK;

#endif
