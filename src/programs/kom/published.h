/* programs/kom/published.h: the objects that d2k-kom has declared, by the names of their samples:
 * which come and go with disks, interfaces and the configuration. */
#ifndef D2K_KOM_PUBLISHED_H
#define D2K_KOM_PUBLISHED_H

#include <d2k/client.h>

#include "base/log.h"
#include "programs/kom/sample.h"

#define PUBLISHED_MAX 512u /* objects */

struct published {
    d2k_client *client;
    const char *prefix;
    const struct log *log;
    int64_t time_ns; /* of this look */
    struct published_object {
        char name[SAMPLE_NAME_MAX + 1];
        d2k_object *object; /* NULL: it could not be declared, which was logged */
        d2k_type type;
        bool seen;  /* in this look */
        bool valid; /* the last value was published as one that is there */
    } objects[PUBLISHED_MAX];
    size_t count;
    bool full_logged;
};

/* Every sample until published_end() belongs to one look, with this time. */
void published_begin(struct published *published, int64_t time_ns);
/* Declares the object of the sample if it is new, and publishes its value. Shape of
 * sample_function; context is a struct published. */
void published_put(void *context, const struct sample *sample);
/* Objects without a sample in this look are published once without Valid. */
void published_end(struct published *published);

#endif
