/* access/guard.h: who may do what, kept up to date: a thread of its own reads
 * cfg_<application>.conf again when it changes and checks names and passwords, so that the plant
 * thread reads no file and waits for no hash.
 *
 * What has once been in force is not lost: a file that is broken, empty or gone, and one from which
 * all rules have vanished, leaves the last good rules in force, with one line in the log a change.
 *
 * Threads: all functions are for the plant thread; `wake` is called by the guard's. */
#ifndef D2K_ACCESS_GUARD_H
#define D2K_ACCESS_GUARD_H

#include "access/users.h"
#include "base/log.h"
#include "registry/location.h"
#include "registry/settings.h"

/* Limits; tested at the limit and one past it. */
#define GUARD_LOGONS_MAX  64u  /* that wait for their turn, or for being taken */
#define GUARD_POLL_MS     500u /* how often the file is looked at */
#define GUARD_ADDRESS_MAX 64u

struct guard;

struct guard_setup {
    const struct registry_location *location;
    const char *application;
    const struct log *log;
    /* Something can be taken: guard_take_logon(), guard_take_rights(). NULL: the owner looks by
     * himself. */
    void (*wake)(void *context);
    void *context;
};

/* Everything in `setup` must outlive the guard. Reads the file: fails as
 * settings_read_application(); D2K_NO_MEMORY, D2K_INTERNAL (no thread). */
d2k_result guard_open(const struct guard_setup *setup, struct guard **ret_guard,
                      struct error *err) D2K_MUST_CHECK;
/* Ends the thread, after the logon that it is checking. NULL is allowed. */
void guard_close(struct guard *guard);

/* Whether there may be something to take: one atomic read. */
bool guard_has_news(const struct guard *guard);

/* The rules in force if they have changed since the last call (at the first: always); a reference
 * for the caller, NULL: there are no rules. */
bool guard_take_rights(struct guard *guard, struct rights **ret_rights);

struct guard_request {
    uint64_t ticket;       /* of the caller */
    struct slice user;     /* copied, as all below */
    struct slice password; /* the caller wipes his own */
    const char *address;   /* without port; "local" */
    bool is_protected;     /* the link is encrypted, or local */
};

struct guard_outcome {
    uint64_t ticket;
    /* D2K_OK; D2K_NOT_ALLOWED: user or password is wrong, or the link is plain; D2K_AGAIN: too many
     * were wrong, wait_ms; D2K_CONFIG: nobody can be checked, the log says why. */
    d2k_result result;
    uint32_t wait_ms;
    char user[USERS_NAME_MAX + 1]; /* as the file spells it, or as it was given, escaped */
    char sentence[256];            /* for who asked; never says which of the two is wrong */
};

/* Begins to check. D2K_LIMIT: too many wait already; D2K_ARGUMENT: a name or password that nobody
 * has; D2K_NO_MEMORY. */
d2k_result guard_log_on(struct guard *guard, const struct guard_request *request,
                        struct error *err) D2K_MUST_CHECK;
/* The next one that was checked; false: none. */
bool guard_take_logon(struct guard *guard, struct guard_outcome *ret_outcome);

#endif
