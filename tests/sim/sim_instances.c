/* tests/sim/sim_instances.c: random connects, ends, activations and preferences under a seed. After
 * each: exactly one instance is active as long as any is connected, none otherwise; who it is
 * follows from the rules as they are read aloud; and a change is told when, and only when, there is
 * one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/instances.h"

#define STEPS         500u
#define SEEDS_DEFAULT 500u

/* The rule book: who is connected, by number. */
struct book {
    bool connected[INSTANCE_MAX + 1];
    unsigned active, preferred;
};

static uint64_t random_state;
static unsigned lowest; /* instance of this run: often few are there */

static unsigned any(unsigned count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % count);
}

static void choose(struct book *book)
{
    if (book->active != 0 && book->connected[book->active]) {
        return;
    }
    book->active = book->connected[book->preferred] ? book->preferred : 0;
    for (unsigned i = 1; i <= INSTANCE_MAX && book->active == 0; i++) {
        book->active = book->connected[i] ? i : 0;
    }
}

/* What the step does by the book, and whether the module says the same change. */
static bool step(struct book *book, struct instances *instances)
{
    unsigned instance = lowest + any(INSTANCE_MAX + 1 - lowest), before = book->active;
    bool told = false;
    switch (any(5)) {
    case 0:
    case 1:
        book->connected[instance] = true;
        if (instance == book->preferred) {
            book->active = instance;
        }
        told = instances_connect(instances, instance);
        break;
    case 2:
        book->connected[instance] = false;
        told = instances_leave(instances, instance);
        break;
    case 3:
        if (book->connected[instance]) {
            book->active = instance;
        }
        told = instances_activate(instances, instance);
        break;
    default:
        instance = any(3) == 0 ? 0 : instance;
        book->preferred = instance;
        if (book->connected[instance]) {
            book->active = instance;
        }
        told = instances_prefer(instances, instance);
        break;
    }
    choose(book);
    return told == (book->active != before);
}

static bool agree(const struct book *book, const struct instances *instances)
{
    unsigned count = 0;
    for (unsigned i = 1; i <= INSTANCE_MAX; i++) {
        if (book->connected[i] != instances_connected(instances, i)) {
            return false;
        }
        count += book->connected[i];
    }
    return instances->active == book->active && instances->preferred == book->preferred &&
           (instances->active != 0) == (count > 0) &&
           (count == 0 || instances_connected(instances, instances->active));
}

static bool run(uint64_t seed)
{
    struct book book = {.active = 0};
    struct instances instances = {0};
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    lowest = 1 + any(INSTANCE_MAX);
    for (unsigned i = 0; i < STEPS; i++) {
        if (!step(&book, &instances) || !agree(&book, &instances)) {
            (void)printf("seed %llu, step %u: active %u, expected %u\n", (unsigned long long)seed,
                         i, instances.active, book.active);
            return false;
        }
    }
    return true;
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
    (void)printf("%llu seeds, %u steps each\n", seeds, STEPS);
    return 0;
}
