/* model/moment.h: one consistent snapshot of many objects: the values that all of them had at one
 * moment, while the plant goes on.
 *
 * First the objects are found that its names and patterns match, a look at a time; then all their
 * values are taken at once: the encoded updates, which are counted, are held and not copied. They
 * are told when there is time. */
#ifndef D2K_MODEL_MOMENT_H
#define D2K_MODEL_MOMENT_H

#include "model/plant.h"

/* Limits of one snapshot; tested at the limit and one past it. */
#define SNAPSHOT_PATTERNS_MAX 256u
#define SNAPSHOT_OBJECTS_MAX  100000u /* whose values are taken in some 8 ms, in one turn */
#define SNAPSHOT_BYTES_MAX    (64u * 1024u * 1024u) /* of the values that are held */

struct moment;

/* `owner_data` is for the hook may_see. NULL: out of memory. */
struct moment *moment_new(struct plant *plant, void *owner_data);
/* Lets go of all values that were not told. NULL is allowed. */
void moment_free(struct moment *moment);

/* Adds a name or a pattern, which is copied; before the first moment_step(). D2K_ARGUMENT (empty,
 * or over PLANT_PATTERN_MAX), D2K_LIMIT, D2K_NO_MEMORY. */
d2k_result moment_add(struct moment *moment, struct slice pattern,
                      struct error *err) D2K_MUST_CHECK;

/* Compares one object with one pattern; the last of these steps takes all values. D2K_AGAIN: there
 * is more to compare; D2K_OK: all is taken; D2K_LIMIT (too many objects match, or their values are
 * too large), D2K_NO_MEMORY: free it. */
d2k_result moment_step(struct moment *moment, struct error *err) D2K_MUST_CHECK;

/* The next object of a snapshot that is taken, each once, with its value at that moment
 * (*ret_update NULL: it had none); both hold until the plant or the snapshot is called again. Left
 * out is what was deleted meanwhile, got another type, or may not be seen any more. NULL: that was
 * all. */
struct object *moment_next(struct moment *moment, const struct update **ret_update);

#endif
