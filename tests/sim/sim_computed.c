/* Computed objects against a naive evaluator, which computes each object anew from all that it
 * depends on, through a tree of its own; expressions reach the plant as text only.
 *
 *     sim_computed [seeds] [first seed]; a failure prints the seed and the step. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/plant.h"

#define NAMES     12u /* of objects: each is of a process, computed, or not there */
#define DEPTH     3u
#define NODES_MAX 85u /* of a tree: 1 + 4 + 16 + 64 */
#define TEXT_MAX  4096u
#define STEPS     150u
#define NOW       INT64_C(1700000000000000000)

#define CHECK(condition)                                                                      \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            fprintf(stderr, "seed %" PRIu64 ", step %u: line %d: %s\n", seed, step, __LINE__, \
                    #condition);                                                              \
            exit(1);                                                                          \
        }                                                                                     \
    } while (0)

enum form { LITERAL, NAME, ADD, SUBTRACT, MULTIPLY, SMALLER, LARGER, QUOTIENT, CHOICE };

struct tree_node {
    enum form form;
    int64_t number; /* LITERAL; NAME: which */
    unsigned parts[4];
};

struct tree {
    struct tree_node nodes[NODES_MAX];
    unsigned count;
};

/* What the naive evaluator knows of an object, or gives. */
struct outcome {
    bool has_content, valid, weak;
    int64_t content, time_ns;
};

struct model {
    enum { ABSENT, OF_PROCESS, COMPUTED } kind;
    struct outcome value; /* OF_PROCESS */
    struct tree tree;     /* COMPUTED */
};

static struct plant *plant;
static struct model models[NAMES];
static unsigned encodings[NAMES + 1]; /* by name, in this step */
static uint64_t chance, seed;
static unsigned step;
static int64_t clock_ns;
static unsigned long long seen_cycles, seen_valid, seen_invalid, seen_choices;

static unsigned below(unsigned end)
{
    chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((chance >> 33) % end);
}

/* ---- trees ---- */

static unsigned grow(struct tree *tree, unsigned depth)
{
    unsigned at = tree->count++;
    struct tree_node node = {.form = NAME};
    if (depth > 0) {
        node.form = (enum form)(NAME + below(8));
    } else if (below(3) == 0) {
        node.form = LITERAL;
    }
    node.number = node.form == NAME ? below(NAMES) : below(7);
    unsigned parts = node.form <= NAME ? 0 : node.form == CHOICE ? 4 : 2;
    for (unsigned i = 0; i < parts; i++) {
        node.parts[i] = grow(tree, depth - 1);
    }
    tree->nodes[at] = node;
    return at;
}

static void print_node(const struct tree *tree, unsigned at, char *text, size_t *length)
{
    static const char *const forms[] = {
        [ADD] = "(| + |)",
        [SUBTRACT] = "(|-|)",
        [MULTIPLY] = "(|*|)",
        [SMALLER] = "min(|,|)",
        [LARGER] = "max(|, |)",
        [QUOTIENT] = "round(|/|)",
        [CHOICE] = "(if | > | then | else |)",
    };
    const struct tree_node *node = &tree->nodes[at];
    if (node->form <= NAME) {
        *length += (size_t)snprintf(text + *length, TEXT_MAX - *length, "%s%" PRId64,
                                    node->form == NAME ? "O" : "", node->number);
        return;
    }
    unsigned part = 0;
    for (const char *c = forms[node->form]; *c != '\0'; c++) {
        if (*c == '|') {
            print_node(tree, node->parts[part++], text, length);
        } else {
            text[(*length)++] = *c;
        }
    }
    text[*length] = '\0';
}

/* ---- the naive evaluator ---- */

static struct outcome naive(unsigned which);
static struct object *object_of(unsigned which);

static struct outcome together(struct outcome a, struct outcome b)
{
    return (struct outcome){.has_content = a.has_content && b.has_content,
                            .valid = a.valid && b.valid,
                            .weak = a.weak || b.weak,
                            .time_ns = a.time_ns > b.time_ns ? a.time_ns : b.time_ns};
}

static bool quotient(int64_t a, int64_t b, int64_t *ret)
{
    double real = b != 0 ? round((double)a / (double)b) : NAN;
    bool fits = fabs(real) < 9.2e18;
    *ret = fits ? (int64_t)real : 0;
    return fits;
}

static bool calculate(enum form form, int64_t a, int64_t b, int64_t *ret)
{
    switch (form) {
    case ADD:
        return !__builtin_add_overflow(a, b, ret);
    case SUBTRACT:
        return !__builtin_sub_overflow(a, b, ret);
    case MULTIPLY:
        return !__builtin_mul_overflow(a, b, ret);
    case SMALLER:
        *ret = a < b ? a : b;
        return true;
    case LARGER:
        *ret = a > b ? a : b;
        return true;
    default:
        return quotient(a, b, ret);
    }
}

static struct outcome naive_node(const struct tree *tree, unsigned at)
{
    const struct tree_node *node = &tree->nodes[at];
    if (node->form == LITERAL) {
        return (struct outcome){.has_content = true, .valid = true, .content = node->number};
    }
    if (node->form == NAME) {
        return naive((unsigned)node->number);
    }
    struct outcome a = naive_node(tree, node->parts[0]), b = naive_node(tree, node->parts[1]);
    struct outcome result = together(a, b);
    if (node->form == CHOICE) {
        if (!result.has_content) {
            result.valid = false;
            return result;
        }
        seen_choices++;
        struct outcome branch = naive_node(tree, node->parts[a.content > b.content ? 2 : 3]);
        int64_t content = branch.content;
        result = together(result, branch);
        result.content = content;
        return result;
    }
    result.has_content =
        result.has_content && calculate(node->form, a.content, b.content, &result.content);
    result.valid = result.valid && result.has_content;
    return result;
}

static struct outcome naive(unsigned which)
{
    const struct model *model = &models[which];
    struct outcome nothing = {.has_content = false};
    struct outcome value = model->kind == COMPUTED     ? naive_node(&model->tree, 0)
                           : model->kind == OF_PROCESS ? model->value
                                                       : nothing;
    if (model->kind == COMPUTED && !value.has_content) {
        value.has_content = true; /* whoever reads it sees 0, not valid */
        value.content = 0;
    }
    if (model->kind == COMPUTED && value.time_ns == 0) {
        value.time_ns = object_of(which)->value.time_ns; /* no object took part: its own affair */
    }
    return value;
}

static bool needs(const struct tree *tree, unsigned wanted)
{
    for (unsigned i = 0; i < tree->count; i++) {
        const struct tree_node *node = &tree->nodes[i];
        if (node->form == NAME &&
            (node->number == wanted || (models[node->number].kind == COMPUTED &&
                                        needs(&models[node->number].tree, wanted)))) {
            return true;
        }
    }
    return false;
}

/* ---- steps ---- */

static struct object *object_of(unsigned which)
{
    char name[8];
    (void)snprintf(name, sizeof name, "O%u", which);
    return plant_object_by_name(plant, slice_of(name));
}

static d2k_result encode(struct buffer *out, uint32_t hobj, const d2k_value *value)
{
    const struct object *object = plant_object(plant, hobj);
    (void)value;
    encodings[object != NULL ? strtoul(object->name + 1, NULL, 10) : NAMES]++;
    buffer_put_u32(out, hobj);
    return D2K_OK;
}

static void wake(void *context, struct subscriber *subscriber)
{
    (void)context;
    (void)subscriber;
}

static d2k_result define(unsigned which, const char *owner, const char *expression)
{
    char name[8];
    struct error err;
    struct object *object = NULL;
    (void)snprintf(name, sizeof name, "O%u", which);
    struct definition definition = {.name = slice_of(name),
                                    .type = D2K_TYPE_INTEGER,
                                    .kind =
                                        expression != NULL ? OBJECT_COMPUTED : OBJECT_OF_PROCESS,
                                    .expression = slice_of(expression),
                                    .now_ns = NOW};
    return plant_define(plant, slice_of(owner), &definition, &object, &err);
}

static void delete (unsigned which)
{
    struct error err;
    CHECK(plant_delete(plant, object_of(which), &err) == D2K_OK);
    models[which].kind = ABSENT;
}

static void set(unsigned which)
{
    struct error err;
    struct outcome *known = &models[which].value;
    d2k_value value = d2k_integer((int64_t)below(19) - 9);
    value.time_ns = clock_ns - below(3);
    value.status = (below(8) != 0 ? D2K_STATUS_VALID : 0) | (below(8) == 0 ? D2K_STATUS_WEAK : 0);
    *known = (struct outcome){.has_content = true,
                              .valid = (value.status & D2K_STATUS_VALID) != 0,
                              .weak = (value.status & D2K_STATUS_WEAK) != 0,
                              .content = value.content.integer,
                              .time_ns = value.time_ns};
    memset(encodings, 0, sizeof encodings);
    CHECK(plant_set(plant, slice_of("PC.KOM"), object_of(which), &value, NOW, &err) == D2K_OK);
    for (unsigned i = 0; i < NAMES; i++) {
        CHECK(encodings[i] <= 1); /* each once, at most */
    }
}

static void compute(unsigned which)
{
    struct tree tree = {.count = 0};
    char text[TEXT_MAX];
    size_t length = 0;
    (void)grow(&tree, DEPTH);
    print_node(&tree, 0, text, &length);
    bool is_cycle = needs(&tree, which);
    d2k_result result = define(which, "", text);
    CHECK(result == (is_cycle ? D2K_CYCLE : D2K_OK));
    seen_cycles += is_cycle;
    if (!is_cycle) {
        models[which].kind = COMPUTED;
        models[which].tree = tree;
    }
}

static void lose_owner(void)
{
    memset(encodings, 0, sizeof encodings);
    plant_owner_gone(plant, slice_of("PC.KOM"));
    for (unsigned i = 0; i < NAMES; i++) {
        models[i].value.valid = false;
        CHECK(encodings[i] <= 1);
    }
}

static void take_step(void)
{
    unsigned which = below(NAMES);
    clock_ns += below(3);
    if (models[which].kind == ABSENT) {
        if (below(2) == 0) {
            compute(which);
        } else {
            CHECK(define(which, "PC.KOM", NULL) == D2K_OK);
            models[which] = (struct model){.kind = OF_PROCESS};
        }
    } else if (below(12) == 0) {
        delete (which);
    } else if (models[which].kind == COMPUTED) {
        if (below(4) == 0) {
            compute(which);
        }
    } else if (below(30) == 0) {
        lose_owner();
    } else {
        set(which);
    }
}

static void compare(unsigned which)
{
    const d2k_value *value = &object_of(which)->value;
    struct outcome wanted = naive(which);
    CHECK(value->type == D2K_TYPE_INTEGER && value->content.integer == wanted.content);
    CHECK(((value->status & D2K_STATUS_VALID) != 0) == wanted.valid);
    CHECK(((value->status & D2K_STATUS_WEAK) != 0) == wanted.weak);
    CHECK(value->time_ns == wanted.time_ns);
    seen_valid += wanted.valid;
    seen_invalid += !wanted.valid;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 300;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const struct plant_hooks hooks = {.encode = encode, .wake = wake};
    for (seed = first; seed < first + count; seed++) {
        const uint64_t table_seed[2] = {seed, 1};
        chance = seed;
        clock_ns = NOW;
        memset(models, 0, sizeof models);
        plant = plant_new(&hooks, table_seed, 1);
        CHECK(plant != NULL);
        for (step = 0; step < STEPS; step++) {
            take_step();
            for (unsigned i = 0; i < NAMES; i++) {
                if (models[i].kind == COMPUTED) {
                    compare(i);
                }
            }
        }
        plant_free(plant);
    }
    CHECK(seen_cycles > 0 && seen_valid > 0 && seen_invalid > 0 && seen_choices > 0);
    printf("%" PRIu64 " seeds of %u steps: %llu values valid, %llu not, %llu cycles refused\n",
           count, STEPS, seen_valid, seen_invalid, seen_cycles);
    return 0;
}
