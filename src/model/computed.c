/* model/computed.c: evaluates computed objects when their inputs change, and keeps who depends on
 * whom. */
#include "model/computed.h"

#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/text.h"
#include "model/plant_private.h"

#define CYCLE_SHOWN_MAX 6u /* steps of a cycle that a sentence tells */

struct computed_plan {
    struct expression *expression;
    struct computed_node *own;
    struct computed_node **inputs;
};

static size_t input_count(const struct computed_node *node)
{
    return node->expression != NULL ? expression_input_count(node->expression) : 0;
}

/* ---- nodes ---- */

static struct computed_node *node_find(const struct plant *plant, struct slice name)
{
    return map_get(&plant->computed.nodes, name);
}

static void node_free(struct computed_node *node)
{
    expression_free(node->expression);
    free(node->inputs);
    free(node->dependents);
    free(node);
}

/* NULL: out of memory. */
static struct computed_node *node_obtain(struct plant *plant, struct slice name)
{
    struct computed_node *node = node_find(plant, name);
    if (node != NULL) {
        return node;
    }
    node = calloc(1, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    memcpy(node->name, name.data, name.size);
    if (!map_add(&plant->computed.nodes, slice_of(node->name), node)) {
        free(node);
        return NULL;
    }
    node->object = plant_object_by_name(plant, name);
    if (node->object != NULL) {
        node->object->node = node;
    }
    return node;
}

static void drop_if_useless(struct plant *plant, struct computed_node *node)
{
    if (node->expression != NULL || node->dependent_count > 0 || node->waits) {
        return;
    }
    if (node->object != NULL) {
        node->object->node = NULL;
    }
    map_remove(&plant->computed.nodes, slice_of(node->name));
    node_free(node);
}

static void remove_dependent(struct computed_node *input, const struct computed_node *dependent)
{
    for (size_t i = 0; i < input->dependent_count; i++) {
        if (input->dependents[i] == dependent) {
            input->dependents[i] = input->dependents[--input->dependent_count];
            return;
        }
    }
}

/* Afterwards it has no expression. */
static void leave_inputs(struct plant *plant, struct computed_node *node)
{
    size_t count = input_count(node);
    for (size_t i = 0; i < count; i++) {
        remove_dependent(node->inputs[i], node);
        drop_if_useless(plant, node->inputs[i]);
    }
    expression_free(node->expression);
    free(node->inputs);
    node->expression = NULL;
    node->inputs = NULL;
    node->level = 0;
}

void computed_init(struct computed_graph *graph, const uint64_t seed[2])
{
    map_init(&graph->nodes, true, seed);
}

void computed_free(struct computed_graph *graph)
{
    struct computed_node *node = NULL;
    for (size_t at = 0; (node = map_next(&graph->nodes, &at)) != NULL;) {
        node_free(node);
    }
    map_free(&graph->nodes);
    free(graph->heap);
}

/* ---- the heap ---- */

static void heap_push(struct computed_graph *graph, struct computed_node *node)
{
    if (node->waits) {
        return;
    }
    node->waits = true;
    size_t at = graph->heap_count++;
    for (; at > 0 && graph->heap[(at - 1) / 2]->level > node->level; at = (at - 1) / 2) {
        graph->heap[at] = graph->heap[(at - 1) / 2];
    }
    graph->heap[at] = node;
}

/* The one with the lowest level; there must be one. */
static struct computed_node *heap_pop(struct computed_graph *graph)
{
    struct computed_node *first = graph->heap[0];
    struct computed_node *last = graph->heap[--graph->heap_count];
    size_t at = 0;
    for (size_t child = 1; child < graph->heap_count; child = 2 * at + 1) {
        if (child + 1 < graph->heap_count &&
            graph->heap[child + 1]->level < graph->heap[child]->level) {
            child++;
        }
        if (graph->heap[child]->level >= last->level) {
            break;
        }
        graph->heap[at] = graph->heap[child];
        at = child;
    }
    graph->heap[at] = last;
    first->waits = false;
    return first;
}

static bool heap_reserve(struct computed_graph *graph)
{
    size_t needed = graph->nodes.count;
    if (needed <= graph->heap_capacity) {
        return true;
    }
    size_t larger = 2 * needed;
    struct computed_node **grown = realloc(graph->heap, larger * sizeof(struct computed_node *));
    if (grown == NULL) {
        return false;
    }
    graph->heap = grown;
    graph->heap_capacity = larger;
    return true;
}

/* ---- evaluation ---- */

static const d2k_value *value_of_input(const void *context, size_t index)
{
    const struct computed_node *node = context;
    const struct object *object = node->inputs[index]->object;
    return object != NULL && object->current != NULL ? &object->value : NULL;
}

static bool same_content(const d2k_value *a, const d2k_value *b)
{
    switch (a->type) {
    case D2K_TYPE_BOOLEAN:
        return a->content.boolean == b->content.boolean;
    case D2K_TYPE_REAL:
        return memcmp(&a->content.real, &b->content.real, sizeof a->content.real) == 0;
    case D2K_TYPE_TEXT:
        return slice_equal(content_bytes(a), content_bytes(b));
    case D2K_TYPE_LINE:
    case D2K_TYPE_ALARM:
    case D2K_TYPE_STATION:
    case D2K_TYPE_PROCESS:
    case D2K_TYPE_QUATERNARY:
    case D2K_TYPE_HOBJ:
        return a->content.state == b->content.state;
    default:
        return memcmp(&a->content.integer, &b->content.integer, sizeof a->content.integer) == 0;
    }
}

static bool same_value(const d2k_value *a, const d2k_value *b)
{
    uint32_t differs = (a->status ^ b->status) & ~D2K_STATUS_PALARMS; /* these follow from it */
    return a->type == b->type && differs == 0 && same_content(a, b);
}

/* A value that no object with a time took part in is as old as what it was made new by. */
static void give_time(const struct computed_node *node, d2k_value *value)
{
    const struct object *object = node->object;
    int64_t current_ns = object->current != NULL ? object->value.time_ns : 0;
    if (value->time_ns != 0) {
        return;
    }
    value->time_ns = current_ns > node->began_ns || same_value(value, &object->value)
                         ? current_ns
                         : node->began_ns;
    if (value->time_ns == 0) {
        value->time_ns = D2K_TIME_MIN_NS;
    }
}

/* False: out of memory, nothing has changed. */
static bool evaluate(struct plant *plant, const struct computed_node *node)
{
    struct object *object = node->object;
    d2k_value value;
    if (object == NULL || node->expression == NULL) {
        return true;
    }
    expression_evaluate(node->expression, object->type, value_of_input, node, &value);
    give_time(node, &value);
    if (object->current != NULL && same_value(&value, &object->value) &&
        value.time_ns == object->value.time_ns) {
        return true;
    }
    return plant_set_checked(plant, object, &value, NULL) == D2K_OK;
}

static void evaluate_waiting(struct plant *plant)
{
    struct computed_graph *graph = &plant->computed;
    graph->holds++;
    while (graph->heap_count > 0) {
        struct computed_node *node = heap_pop(graph);
        if (!evaluate(plant, node)) {
            heap_push(graph, node);
            break;
        }
        drop_if_useless(plant, node);
    }
    graph->holds--;
}

void computed_hold(struct plant *plant)
{
    plant->computed.holds++;
}

void computed_release(struct plant *plant)
{
    if (--plant->computed.holds == 0 && plant->computed.heap_count > 0) {
        evaluate_waiting(plant);
    }
}

void computed_input_changed(struct plant *plant, struct computed_node *node)
{
    computed_hold(plant);
    for (size_t i = 0; i < node->dependent_count; i++) {
        heap_push(&plant->computed, node->dependents[i]);
    }
    computed_release(plant);
}

/* ---- cycles ---- */

struct search {
    struct computed_node *first, *last;
};

static void forget_search(const struct search *search)
{
    for (struct computed_node *node = search->first; node != NULL; node = node->next) {
        node->is_reached = false;
    }
}

static void reach(struct search *search, struct computed_node *node,
                  struct computed_node *needed_by)
{
    if (node == NULL || node->is_reached) {
        return;
    }
    node->is_reached = true;
    node->needed_by = needed_by;
    node->next = NULL;
    if (search->last != NULL) {
        search->last->next = node;
    } else {
        search->first = node;
    }
    search->last = node;
}

/* Whether what the expression needs needs `own` in the end: then its `needed_by` tells how. */
static bool search_cycle(const struct plant *plant, const struct computed_node *own,
                         const struct expression *expression)
{
    struct search search = {NULL, NULL};
    bool is_cycle = false;
    for (size_t i = 0; i < expression_input_count(expression); i++) {
        reach(&search, node_find(plant, expression_input(expression, i)), NULL);
    }
    for (struct computed_node *node = search.first; node != NULL && !is_cycle; node = node->next) {
        is_cycle = node == own;
        for (size_t i = 0; !is_cycle && i < input_count(node); i++) {
            reach(&search, node->inputs[i], node);
        }
    }
    forget_search(&search);
    return is_cycle;
}

/* "A needs B, B needs C, C needs A" */
static d2k_result name_cycle(struct computed_node *own, struct error *err)
{
    char sentence[CYCLE_SHOWN_MAX * 2 * (D2K_OBJECT_NAME_MAX + 8) + 1] = "";
    struct computed_node *after = own, *at = own->needed_by;
    size_t length = 0, steps = 0;
    own->next = NULL;
    while (at != NULL) { /* turns the way round */
        at->next = after;
        after = at;
        at = at->needed_by;
    }
    for (at = after; at != own; at = at->next, steps++) {
        if (steps < CYCLE_SHOWN_MAX) {
            length += text_copy(sentence + length, sizeof sentence - length, at->name);
            length += text_copy(sentence + length, sizeof sentence - length, ", ");
            length += text_copy(sentence + length, sizeof sentence - length, at->name);
            length += text_copy(sentence + length, sizeof sentence - length, " needs ");
        }
    }
    return error_set(err, D2K_CYCLE, "it would depend on itself: %s needs %s%s%s", own->name,
                     sentence, steps > CYCLE_SHOWN_MAX ? "..., which needs " : "", own->name);
}

static d2k_result check_cycle(const struct plant *plant, struct slice name,
                              const struct expression *expression, struct error *err)
{
    char text[D2K_OBJECT_NAME_MAX + 1];
    for (size_t i = 0; i < expression_input_count(expression); i++) {
        struct slice input = expression_input(expression, i);
        memcpy(text, input.data, input.size);
        text[input.size] = '\0';
        if (plant_names_equal(name, text)) {
            return error_set(err, D2K_CYCLE, "it would depend on itself: %s needs %s", text, text);
        }
    }
    struct computed_node *own = node_find(plant, name);
    if (own == NULL || own->dependent_count == 0) {
        return D2K_OK;
    }
    return search_cycle(plant, own, expression) ? name_cycle(own, err) : D2K_OK;
}

/* ---- definitions ---- */

static d2k_type type_of_input(const void *context, struct slice name, struct slice *ret_columns)
{
    const struct object *object = plant_object_by_name(context, name);
    *ret_columns = object != NULL ? plant_columns(object) : (struct slice){NULL, 0};
    return object != NULL ? object->type : D2K_TYPE_NONE;
}

static d2k_result check_parsed(const struct plant *plant, const struct definition *definition,
                               const struct expression *expression, bool with_types,
                               struct error *err)
{
    d2k_result result = check_cycle(plant, definition->name, expression, err);
    if (result == D2K_OK && with_types) {
        result = expression_check(expression, definition->type, type_of_input, plant, err);
    }
    return result;
}

/* The sentence begins with the object. */
static d2k_result of_object(struct slice name, d2k_result result, struct error *err)
{
    if (result != D2K_OK && err != NULL) {
        (void)error_wrap(err, "object %.*s", (int)name.size, name.data);
    }
    return result;
}

d2k_result computed_check(const struct plant *plant, const struct definition *definition,
                          bool with_types, struct error *err)
{
    struct expression *expression = NULL;
    d2k_result result = expression_parse(definition->expression, &expression, err);
    if (result == D2K_OK) {
        result = check_parsed(plant, definition, expression, with_types, err);
        expression_free(expression);
    }
    return of_object(definition->name, result, err);
}

static bool reserve_dependent(struct computed_node *node)
{
    struct computed_node **grown =
        plant_array_reserve(node->dependents, node->dependent_count, &node->dependent_capacity);
    if (grown != NULL) {
        node->dependents = grown;
    }
    return grown != NULL;
}

/* False: out of memory. */
static bool fill_plan(struct plant *plant, struct slice name, struct computed_plan *plan)
{
    size_t count = expression_input_count(plan->expression);
    plan->own = node_obtain(plant, name);
    plan->inputs = calloc(count + 1, sizeof(struct computed_node *));
    if (plan->own == NULL || plan->inputs == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        plan->inputs[i] = node_obtain(plant, expression_input(plan->expression, i));
        if (plan->inputs[i] == NULL || !reserve_dependent(plan->inputs[i])) {
            return false;
        }
    }
    return heap_reserve(&plant->computed);
}

void computed_cancel(struct plant *plant, struct computed_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; plan->inputs != NULL && plan->inputs[i] != NULL; i++) {
        drop_if_useless(plant, plan->inputs[i]);
    }
    if (plan->own != NULL) {
        drop_if_useless(plant, plan->own);
    }
    free(plan->inputs);
    expression_free(plan->expression);
    free(plan);
}

d2k_result computed_prepare(struct plant *plant, const struct definition *definition,
                            struct computed_plan **ret_plan, struct error *err)
{
    struct computed_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL) {
        return error_no_memory(err);
    }
    d2k_result result = expression_parse(definition->expression, &plan->expression, err);
    if (result == D2K_OK) {
        result = check_parsed(plant, definition, plan->expression, false, err);
    }
    if (result == D2K_OK && !fill_plan(plant, definition->name, plan)) {
        result = error_no_memory(err);
    }
    if (result != D2K_OK) {
        computed_cancel(plant, plan);
        return of_object(definition->name, result, err);
    }
    *ret_plan = plan;
    return D2K_OK;
}

/* Each level is above those of the inputs again. A node that was looked at may come again, behind
 * all others: there are no cycles, so this ends. */
static void raise_levels(struct computed_node *from)
{
    struct computed_node *last = from;
    from->next = NULL;
    for (struct computed_node *node = from; node != NULL; node = node->next) {
        node->is_reached = false;
        for (size_t i = 0; i < node->dependent_count; i++) {
            struct computed_node *above = node->dependents[i];
            if (above->level > node->level) {
                continue;
            }
            above->level = node->level + 1;
            if (!above->is_reached) {
                above->is_reached = true;
                above->next = NULL;
                last->next = above;
                last = above;
            }
        }
    }
}

static void join_inputs(struct computed_node *node)
{
    for (size_t i = 0; i < input_count(node); i++) {
        struct computed_node *input = node->inputs[i];
        input->dependents[input->dependent_count++] = node;
        if (input->expression != NULL && input->level >= node->level) {
            node->level = input->level + 1;
        }
    }
    raise_levels(node);
}

void computed_begin(struct plant *plant, struct object *object, struct computed_plan *plan,
                    int64_t now_ns)
{
    struct computed_node *node = plan->own;
    computed_hold(plant);
    /* New inputs first, so that one that stays is not dropped in between. */
    struct computed_node before = *node;
    node->expression = plan->expression;
    node->inputs = plan->inputs;
    node->level = 1;
    node->began_ns = now_ns;
    node->object = object;
    object->node = node;
    join_inputs(node);
    for (size_t i = 0; i < input_count(&before); i++) {
        remove_dependent(before.inputs[i], node);
        drop_if_useless(plant, before.inputs[i]);
    }
    expression_free(before.expression);
    free(before.inputs);
    free(plan);
    heap_push(&plant->computed, node);
    computed_release(plant);
}

void computed_end(struct plant *plant, struct object *object)
{
    if (object->node != NULL && object->node->expression != NULL) {
        leave_inputs(plant, object->node);
        drop_if_useless(plant, object->node);
    }
}

/* ---- objects ---- */

void computed_object_added(struct plant *plant, struct object *object)
{
    if (plant->computed.nodes.count == 0) {
        return;
    }
    object->node = node_find(plant, slice_of(object->name));
    if (object->node != NULL) {
        object->node->object = object;
    }
}

void computed_object_removed(struct plant *plant, struct object *object)
{
    struct computed_node *node = object->node;
    if (node == NULL) {
        return;
    }
    computed_hold(plant);
    node->object = NULL;
    object->node = NULL;
    leave_inputs(plant, node);
    computed_input_changed(plant, node);
    drop_if_useless(plant, node);
    computed_release(plant);
}
