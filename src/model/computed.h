/* model/computed.h: objects whose value comes from others, for the files of src/model.
 *
 * Every name that an expression uses, and every computed object, is a node; so an expression may
 * name what does not exist yet. When an input changes, all that depends on it waits in a heap by
 * level, inputs before what they make: each is evaluated once, and nobody sees a value that was
 * made from old and new together. An object that nothing depends on has no node and costs nothing.
 *
 * Where memory is short during an evaluation the rest is made up for at the next change. */
#ifndef D2K_MODEL_COMPUTED_H
#define D2K_MODEL_COMPUTED_H

#include "base/map.h"
#include "model/expression.h"
#include "model/plant.h"

struct computed_node {
    struct object *object;         /* NULL: there is none of this name */
    struct expression *expression; /* NULL: it is not computed */
    struct computed_node **inputs; /* as the expression has them */
    struct computed_node **dependents;
    size_t dependent_count, dependent_capacity;
    uint64_t level;   /* above that of each input */
    bool waits;       /* it is in the heap */
    int64_t began_ns; /* when it was defined: the time of what has no inputs */
    bool is_reached;  /* only within a walk: it is in its queue, linked by `next` */
    struct computed_node *needed_by, *next;
    char name[D2K_OBJECT_NAME_MAX + 1];
};

struct computed_graph {
    struct map nodes;
    struct computed_node **heap; /* room for every node */
    size_t heap_count, heap_capacity;
    unsigned holds; /* nothing is evaluated meanwhile */
};

/* What a definition needs in memory, so that nothing can fail once it begins. */
struct computed_plan;

void computed_init(struct computed_graph *graph, const uint64_t seed[2]);
void computed_free(struct computed_graph *graph);

/* Whether the object can be computed so: D2K_ARGUMENT, D2K_TYPE (only if the types of the inputs
 * shall be looked at), D2K_CYCLE, D2K_LIMIT, D2K_NO_MEMORY. */
d2k_result computed_check(const struct plant *plant, const struct definition *definition,
                          bool with_types, struct error *err) D2K_MUST_CHECK;
/* The errors are those above. */
d2k_result computed_prepare(struct plant *plant, const struct definition *definition,
                            struct computed_plan **ret_plan, struct error *err) D2K_MUST_CHECK;
void computed_cancel(struct plant *plant, struct computed_plan *plan); /* NULL is allowed */
/* The object is computed from now on, as planned; takes over the plan. */
void computed_begin(struct plant *plant, struct object *object, struct computed_plan *plan,
                    int64_t now_ns);
/* The object is not computed any more (if it was). */
void computed_end(struct plant *plant, struct object *object);

/* The object is new; expressions may wait for its name. */
void computed_object_added(struct plant *plant, struct object *object);
/* The object is about to be freed. */
void computed_object_removed(struct plant *plant, struct object *object);
/* The object of this node has another value. */
void computed_input_changed(struct plant *plant, struct computed_node *node);

/* Several changes count as one until the last release. */
void computed_hold(struct plant *plant);
void computed_release(struct plant *plant);

#endif
