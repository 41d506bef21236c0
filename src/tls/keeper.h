/* tls/keeper.h: what the keepers of kernels and clients share (internal to src/tls).
 *
 * An attempt reads the configuration and all files that it names, and makes a policy of them, or
 * says why it cannot. The keeper (keeper.c) decides when to make one and what becomes of its
 * outcome; the side (keeper_server.c, keeper_client.c) knows what one consists of. Everything
 * happens under the keeper's mutex: who waits for it waits for the new policy. */
#ifndef D2K_TLS_KEEPER_H
#define D2K_TLS_KEEPER_H

#include "os/file.h"
#include "os/thread.h"
#include "registry/settings.h"
#include "tls/policy_internal.h"

/* A file younger than this may change again without a new time stamp (FAT counts 2 s). */
#define TLS_YOUNG_NS 2000000000
/* Time stamps of local file systems advance at least this often: for so long after a change even
 * the limit below does not hold, or a second change could be missed by the next connect. */
#define TLS_STAMP_GRANULE_NS 20000000
/* Least time between two attempts that no change of a stamp asked for. */
#define TLS_RETRY_MS 100u

struct tls_watch {
    char *path;
    struct os_file_stamp stamp; /* zero: nothing there, or it cannot be seen */
};

struct tls_watch_list {
    struct tls_watch *items;
    size_t count;
};

/* An entry of TLS_TrustedCerts as the last attempt found it. */
struct tls_list_entry {
    char *path;
    struct os_file_stamp stamp;
    struct tls_pins pins;
    char *trouble; /* NULL: none */
};

struct tls_list {
    struct tls_list_entry *items;
    size_t count;
};

struct tls_attempt {
    int64_t started_ns;
    struct application_settings settings;
    struct registry_file *config; /* NULL: the client has no application name */
    struct tls_watch_list watched;
    struct tls_policy *policy; /* NULL after success: what was read equals what is in force */
    struct error trouble;      /* a policy was made, but this is wrong (code is not D2K_OK then) */
    struct tls_list list;      /* clients */
    bool again;                /* something was being written: attempt once more */
};

struct tls_keeper_side {
    const char *section; /* "TLS_Server" */
    /* Makes attempt->policy without generation. D2K_OK, D2K_AGAIN, D2K_FILE, D2K_CONFIG,
     * D2K_TLS, D2K_NO_MEMORY. */
    d2k_result (*build)(struct tls_keeper *keeper, struct tls_attempt *attempt, struct error *err);
    /* Logs what is in force from now on. */
    void (*log_loaded)(const struct tls_keeper *keeper, const struct tls_attempt *attempt);
};

extern const struct tls_keeper_side tls_keeper_server_side;
extern const struct tls_keeper_side tls_keeper_client_side;

struct tls_keeper {
    const struct tls_keeper_side *side;
    const struct registry_location *location;
    const struct log *log;
    char *application; /* NULL: clients without one */
    char *config_path; /* likewise */
    struct os_mutex *mutex;
    struct tls_policy *current;    /* NULL only before the first attempt succeeded */
    struct tls_watch_list watched; /* by the last attempt */
    struct tls_list list;          /* clients: likewise */
    bool doubtful;                 /* the last attempt failed or saw a young file */
    bool settling;                 /* it saw one younger than the granule of its stamp */
    bool section_was_there;        /* clients: [TLS_Client] stood in the file that is in force */
    uint64_t attempted_ms;
    uint64_t looked_ns;   /* begin of the last look at the stamps */
    struct error failure; /* code D2K_OK: none since the last success */
    struct tls_watch_list failure_watched;
    struct os_file_stamp config_logged; /* whose warnings are in the log already */
};

/* Adds a path to what is watched; `stamp` is that of what was read. D2K_NO_MEMORY. */
d2k_result tls_attempt_watch(struct tls_attempt *attempt, const char *path,
                             const struct os_file_stamp *stamp, struct error *err) D2K_MUST_CHECK;

/* Whether this stamp is so young at the begin of the attempt that the file may still be being
 * written. */
bool tls_attempt_is_young(const struct tls_attempt *attempt, const struct os_file_stamp *stamp);

/* D2K_CONFIG when level, lowest version or date rule are weaker than what is in force without the
 * file saying so: something vanished. */
d2k_result tls_attempt_check_not_weaker(const struct tls_keeper *keeper,
                                        const struct tls_attempt *attempt,
                                        const struct tls_policy *made,
                                        struct error *err) D2K_MUST_CHECK;

/* Sets the fingerprint from the settings in `policy` and these digests. D2K_TLS. */
d2k_result tls_policy_set_fingerprint(struct tls_policy *policy,
                                      const uint8_t (*digests)[TLS_DIGEST_SIZE], size_t count,
                                      struct error *err) D2K_MUST_CHECK;
bool tls_keeper_is_in_force(const struct tls_keeper *keeper, const struct tls_policy *policy);

/* Frees the items; empty then. */
void tls_watch_list_clear(struct tls_watch_list *list);
void tls_list_clear(struct tls_list *list);

#endif
