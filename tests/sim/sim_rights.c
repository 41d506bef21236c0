/* tests/sim/sim_rights.c: random rules and random questions under a seed, compared with the rule
 * book read aloud: all rules are looked at from the lowest number up, the first that fits and names
 * the right decides. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "registry/rights.h"

#define RULES_MAX     12u
#define QUESTIONS     200u
#define SEEDS_DEFAULT 300u

struct model_rule {
    unsigned number;
    const char *process, *user, *object; /* NULL: not asked for */
    unsigned allow, deny;
};

static uint64_t random_state;

static unsigned any(unsigned count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % count);
}

static const char *const processes[] = {"A.HIP", "OP1.HIP", "OP2.HIP", "SELF.KOM"};
static const char *const users[] = {"", "jana", "Peter", "shift_1"};
static const char *const objects[] = {"X", "Boiler.Valve", "Boiler.Pump", "Tank"};
static const char *const process_patterns[] = {"*", "OP?.HIP", "*.kom", "a.hip"};
static const char *const user_patterns[] = {"*", "JANA", "shift_*", "p*"};
static const char *const object_patterns[] = {"*", "Boiler.*", "?", "*.pump"};
static const unsigned rights[] = {RIGHT_SEE, RIGHT_SET, RIGHT_DEFINE};

static struct model_rule random_rule(unsigned number)
{
    struct model_rule rule = {.number = number};
    rule.process = any(2) ? process_patterns[any(4)] : NULL;
    rule.user = any(3) == 0 ? user_patterns[any(4)] : NULL;
    rule.object = any(2) ? object_patterns[any(4)] : NULL;
    rule.allow = rights[any(3)];
    rule.deny = any(2) ? rights[any(3)] & ~rule.allow : 0;
    if (any(2)) {
        unsigned swapped = rule.allow;
        rule.allow = rule.deny;
        rule.deny = swapped;
    }
    return rule;
}

static size_t write_line(char *text, size_t size, const char *name, const char *value)
{
    return value == NULL ? 0 : (size_t)snprintf(text, size, "%s = %s\n", name, value);
}

static size_t write_rights(char *text, size_t size, const char *name, unsigned bits)
{
    size_t used = 0;
    for (unsigned bit = RIGHT_SEE; bit <= RIGHT_DEFINE; bit <<= 1) {
        if ((bits & bit) != 0) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? name : ", ",
                                     rights_word((enum right)bit));
        }
    }
    return used == 0 ? 0 : used + (size_t)snprintf(text + used, size - used, "\n");
}

static size_t write_rule(char *text, size_t size, const struct model_rule *rule)
{
    size_t used = (size_t)snprintf(text, size, "[Rights\\%u]\n", rule->number);
    used += write_line(text + used, size - used, "Process", rule->process);
    used += write_line(text + used, size - used, "User", rule->user);
    used += write_line(text + used, size - used, "Object", rule->object);
    used += write_rights(text + used, size - used, "Allow = ", rule->allow);
    return used + write_rights(text + used, size - used, "Deny = ", rule->deny);
}

static bool fits(const char *pattern, const char *name)
{
    return pattern == NULL || (name[0] != '\0' && text_matches(slice_of(name), slice_of(pattern)));
}

static enum rights_answer expected(const struct model_rule *rules, unsigned count,
                                   const char *process, const char *user, unsigned right,
                                   const char *object)
{
    const struct model_rule *best = NULL;
    for (unsigned i = 0; i < count; i++) {
        const struct model_rule *rule = &rules[i];
        if (((rule->allow | rule->deny) & right) != 0 && fits(rule->process, process) &&
            fits(rule->user, user) && fits(rule->object, object) &&
            (best == NULL || rule->number < best->number)) {
            best = rule;
        }
    }
    if (best == NULL) {
        return RIGHTS_OPEN;
    }
    return (best->allow & right) != 0 ? RIGHTS_ALLOWED : RIGHTS_DENIED;
}

static void on_mistake(void *context, unsigned line, const char *text)
{
    (void)context;
    (void)printf("line %u: %s\n", line, text);
}

static struct rights *parse(const char *text)
{
    struct registry_file *file;
    struct rights *made = NULL;
    struct rights_report report = {on_mistake, NULL};
    struct error err;
    if (registry_parse("cfg_SIM.conf", text, strlen(text), &file, &err) != D2K_OK) {
        (void)printf("%s\n", err.text);
        return NULL;
    }
    if (rights_parse(file, &report, &made) != D2K_OK) {
        made = NULL;
    }
    registry_free(file);
    return made;
}

static bool ask_all(const struct rights *made, const struct model_rule *rules, unsigned count)
{
    for (unsigned i = 0; i < QUESTIONS; i++) {
        const char *process = processes[any(4)], *user = users[any(4)], *object = objects[any(4)];
        unsigned right = rights[any(3)];
        struct rights_subject subject = {slice_of(process), slice_of(user)};
        enum rights_answer told =
            rights_decide(made, &subject, (enum right)right, slice_of(object)).answer;
        if (told != expected(rules, count, process, user, right, object)) {
            (void)printf("process %s user \"%s\" object %s right %u: %d\n", process, user, object,
                         right, (int)told);
            return false;
        }
    }
    return true;
}

static bool run(uint64_t seed)
{
    char text[RULES_MAX * 256] = "";
    struct model_rule rules[RULES_MAX];
    size_t used = 0;
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    unsigned count = 1 + any(RULES_MAX);
    for (unsigned i = 0; i < count; i++) {
        /* 7 and RULES_MAX + 1 have no common divisor: all numbers differ, in no order */
        rules[i] = random_rule((i + 1) * 7 % (RULES_MAX + 1));
        used += write_rule(text + used, sizeof text - used, &rules[i]);
    }
    struct rights *made = parse(text);
    bool good = made != NULL && ask_all(made, rules, count);
    rights_unref(made);
    if (!good) {
        (void)printf("seed %llu fails with\n%s", (unsigned long long)seed, text);
    }
    return good;
}

int main(int argc, char **argv)
{
    unsigned long long seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : SEEDS_DEFAULT;
    unsigned long long first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (unsigned long long seed = first; seed < first + seeds; seed++) {
        if (!run(seed)) {
            return 1;
        }
    }
    (void)printf("%llu seeds, %u questions each\n", seeds, QUESTIONS);
    return 0;
}
