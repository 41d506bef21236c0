/* tests/sim/sim_alarms.c: random values, definitions, acknowledgements, commands and losses of
 * owners under a seed. After each step every object shows the alarm that a book shows which is kept
 * by the words of docs/alarms.md; and what readers were told last is what the object shows. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/plant.h"

#define OBJECTS       6u
#define STEPS         400u
#define SEEDS_DEFAULT 400u
#define BEGIN_NS      INT64_C(1700000000000000000)

static const char *const owners[] = {"A.KOM", "B.KOM"};
static const d2k_type types[] = {D2K_TYPE_BOOLEAN, D2K_TYPE_INTEGER, D2K_TYPE_QUATERNARY};

/* What the book has of an object. `alarms`: by their numbers. */
struct page {
    char name[8];
    unsigned owner;
    d2k_type type;
    bool has_alarms, critical, has_limits, in_order;
    bool alarms[D2K_PALARM_LAST + 1];
    bool has_value, valid;
    int64_t content, time_ns;
    unsigned standing; /* number of the alarm; 0: none */
    int64_t since_ns;
    bool waits, silent, transient;
    unsigned commands;
};

static struct plant *plant;
static struct page pages[OBJECTS];
static int64_t now_ns;
static uint64_t random_state;

struct told {
    uint32_t status;
    uint8_t process_alarm;
    int64_t time_ns;
};

static struct told told[OBJECTS + 1]; /* by number of the object, from 1 */

static unsigned any(unsigned count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % count);
}

static d2k_result encode(struct buffer *out, uint32_t hobj, const d2k_value *value)
{
    if (hobj > OBJECTS) {
        return D2K_ARGUMENT;
    }
    if (!value->past) {
        told[hobj] =
            (struct told){value->status, value->process_alarm, value->process_alarm_time_ns};
    }
    buffer_put(out, &hobj, sizeof hobj);
    return buffer_failed(out) ? D2K_NO_MEMORY : D2K_OK;
}

static void wake(void *context, struct subscriber *subscriber)
{
    (void)context;
    (void)subscriber;
}

/* ---- the book ---- */

/* Limits are -2, -1, 1, 2. */
static unsigned meaning_of_number(const struct page *p)
{
    if (!p->has_limits) {
        return 0;
    }
    if (!p->in_order) {
        return 29;
    }
    return p->content < -2   ? 25
           : p->content < -1 ? 26
           : p->content <= 1 ? 0
           : p->content <= 2 ? 27
                             : 28;
}

static unsigned meaning(const struct page *p)
{
    static const unsigned of_quaternary[] = {9, 4, 3, 5, 6};
    return p->type == D2K_TYPE_BOOLEAN   ? (p->content ? 3 : 4)
           : p->type == D2K_TYPE_INTEGER ? meaning_of_number(p)
                                         : of_quaternary[p->content];
}

static bool gives_none(const struct page *p)
{
    for (unsigned i = 0; i <= D2K_PALARM_LAST; i++) {
        if (p->alarms[i]) {
            return false;
        }
    }
    return true;
}

/* `changed_from`: the content of a Boolean before this value; -1: there was none. */
static unsigned alarm_now(const struct page *p, int64_t changed_from)
{
    unsigned is = meaning(p);
    if (is != 0 && p->alarms[is]) {
        return is;
    }
    if (p->type == D2K_TYPE_BOOLEAN) {
        unsigned change = p->content ? 1 : 2;
        bool flipped = changed_from >= 0 && changed_from != p->content;
        if (p->alarms[change] && (flipped || p->standing == change)) {
            return change;
        }
    }
    return 0;
}

static void look(struct page *p, int64_t changed_from)
{
    if (!p->has_value) {
        return;
    }
    if (!p->has_alarms) {
        p->standing = 0;
        p->waits = p->silent = false;
        return;
    }
    p->silent = gives_none(p) || !p->valid;
    if (!p->valid && !gives_none(p)) {
        return;
    }
    unsigned next = gives_none(p) ? 0 : alarm_now(p, changed_from);
    if (next != p->standing) {
        p->standing = next;
        p->since_ns = p->time_ns;
        p->waits |= next != 0;
    }
}

/* ---- steps ---- */

static struct object *object_of(const struct page *p)
{
    return plant_object_by_name(plant, slice_of(p->name));
}

static void random_definition(struct page *p)
{
    uint32_t possible = d2k_process_alarms_possible(p->type);
    p->has_alarms = any(5) != 0;
    p->critical = p->has_alarms && any(2) == 0;
    p->has_limits = p->type == D2K_TYPE_INTEGER && any(4) != 0;
    p->in_order = any(4) != 0;
    bool silent = any(5) == 0;
    for (unsigned i = 0; i <= D2K_PALARM_LAST; i++) {
        p->alarms[i] = p->has_alarms && !silent && (possible >> i & 1) != 0 && any(2) == 0;
    }
}

static bool define(struct page *p)
{
    uint32_t facts[4] = {0, p->critical, p->has_limits + 2u * p->in_order, p->has_alarms};
    for (unsigned i = 0; i <= D2K_PALARM_LAST; i++) {
        facts[0] |= p->alarms[i] ? D2K_PALARM_BIT(i) : 0;
    }
    struct definition d = {
        .name = slice_of(p->name),
        .type = p->type,
        .has_limits = p->has_limits,
        .limits = {-2, -1, 1, p->in_order ? 2 : NAN},
        .properties = {(const char *)facts, sizeof facts},
    };
    d.alarm.mask = facts[0] & ALARM_MASK_ALL;
    d.alarm.has_alarms = p->has_alarms;
    d.alarm.is_critical = p->critical;
    struct object *object;
    return plant_define(plant, slice_of(owners[p->owner]), &d, &object, NULL) == D2K_OK;
}

static bool redefine(struct page *p)
{
    random_definition(p);
    bool done = define(p);
    look(p, p->has_value ? p->content : -1);
    return done;
}

static int64_t random_content(const struct page *p)
{
    return p->type == D2K_TYPE_BOOLEAN   ? any(2)
           : p->type == D2K_TYPE_INTEGER ? (int64_t)any(9) - 4
                                         : any(5);
}

static d2k_value value_of(const struct page *p, int64_t content)
{
    return p->type == D2K_TYPE_BOOLEAN   ? d2k_boolean(content != 0)
           : p->type == D2K_TYPE_INTEGER ? d2k_integer(content)
                                         : d2k_state(p->type, (uint32_t)content);
}

/* Whatever the publisher says of alarms that the kernel finds. */
static bool publish(struct page *p)
{
    int64_t content = random_content(p), before = p->has_value ? p->content : -1;
    bool valid = any(5) != 0;
    d2k_value value = value_of(p, content);
    value.status =
        (valid ? D2K_STATUS_VALID : 0) | (p->has_alarms && any(8) == 0 ? D2K_STATUS_PALARMS : 0);
    value.process_alarm = (uint8_t)any(8);
    value.process_alarm_time_ns = any(2) == 0 ? 0 : now_ns;
    value.past = any(8) == 0;
    value.time_ns = now_ns;
    if (!value.past) {
        p->transient = false;
        p->has_value = true;
        p->valid = valid;
        p->content = content;
        p->time_ns = now_ns;
        look(p, before);
    }
    return plant_set(plant, slice_of(owners[p->owner]), object_of(p), &value, now_ns, NULL) ==
           D2K_OK;
}

static bool acknowledge(struct page *p)
{
    bool waited = p->waits;
    p->waits = false;
    return plant_acknowledge_alarm(plant, object_of(p)) == waited;
}

static bool lose_owner(unsigned owner)
{
    plant_owner_gone(plant, slice_of(owners[owner]));
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (pages[i].owner == owner && pages[i].valid) {
            pages[i].valid = false;
            look(&pages[i], pages[i].content);
        }
    }
    return true;
}

static bool command(struct page *p)
{
    if (p->commands > 0) {
        p->commands = 0;
        p->transient = false;
        plant_command_ended(plant, object_of(p));
    } else {
        p->commands = 1;
        p->transient = p->has_value;
        plant_command_began(plant, object_of(p));
    }
    return true;
}

static bool step(void)
{
    struct page *p = &pages[any(OBJECTS)];
    now_ns++;
    switch (any(12)) {
    case 0:
        return redefine(p);
    case 1:
    case 2:
        return acknowledge(p);
    case 3:
        return any(4) != 0 || lose_owner(p->owner);
    case 4:
        return command(p);
    default:
        return publish(p);
    }
}

/* ---- comparing ---- */

static bool agree(const struct page *p)
{
    const struct object *object = object_of(p);
    const d2k_value *value = &object->value;
    bool matters = p->standing != 0 || p->waits;
    uint32_t status =
        (p->valid ? D2K_STATUS_VALID : 0) | (p->standing != 0 ? D2K_STATUS_PROC_ALARM : 0) |
        (p->waits ? D2K_STATUS_NO_ACK_PALARM : 0) | (p->silent ? D2K_STATUS_PR_AL_SILENT : 0) |
        (p->transient ? D2K_STATUS_TRANSIENT : 0) |
        (p->critical && matters ? D2K_STATUS_PR_AL_CRIT : 0);
    int64_t since_ns = matters ? p->since_ns : 0;
    if (!p->has_value) {
        return object->current == NULL;
    }
    const struct told *last = &told[object->hobj];
    return value->status == status && value->process_alarm == p->standing &&
           value->process_alarm_time_ns == since_ns && last->status == status &&
           last->process_alarm == p->standing && last->time_ns == since_ns;
}

static bool begin(void)
{
    const struct plant_hooks hooks = {.encode = encode, .wake = wake};
    const uint64_t seed[2] = {1, 2};
    now_ns = BEGIN_NS;
    memset(pages, 0, sizeof pages);
    memset(told, 0, sizeof told);
    plant = plant_new(&hooks, seed, 1);
    bool done = plant != NULL;
    for (unsigned i = 0; i < OBJECTS && done; i++) {
        (void)snprintf(pages[i].name, sizeof pages[i].name, "O%u", i);
        pages[i].owner = i % 2;
        pages[i].type = types[i % 3];
        random_definition(&pages[i]);
        done = define(&pages[i]);
    }
    return done;
}

static bool run(uint64_t seed)
{
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    bool fine = begin();
    for (unsigned i = 0; i < STEPS && fine; i++) {
        fine = step();
        for (unsigned k = 0; k < OBJECTS && fine; k++) {
            fine = agree(&pages[k]);
            if (!fine) {
                (void)printf("seed %llu, step %u: object %s\n", (unsigned long long)seed, i,
                             pages[k].name);
            }
        }
    }
    plant_free(plant);
    plant = NULL;
    return fine;
}

int main(int argc, char **argv)
{
    unsigned long long seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : SEEDS_DEFAULT;
    unsigned long long first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (unsigned long long seed = first; seed < first + seeds; seed++) {
        if (!run(seed)) {
            (void)printf("seed %llu failed\n", seed);
            return 1;
        }
    }
    (void)printf("%llu seeds, %u steps each\n", seeds, STEPS);
    return 0;
}
