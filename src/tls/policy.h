/* tls/policy.h: what the configuration says about TLS right now, re-read at each connect.
 *
 * A policy is a whole, immutable, counted set (level, OpenSSL context, pins); it is built aside
 * from the files and then replaces the one before; links keep theirs. Asking for the current one
 * costs one stat per file when nothing changed. Whoever sees a change waits until the new policy is
 * built (one rebuild for all who wait). What is broken, truncated, half-replaced, unreadable or has
 * vanished leaves the last good policy in force: one log line per change, and the next connect
 * tries again (at most 10 times a second; more often only within 20 ms of a change, when a second
 * change could leave the same time stamp). A running program never becomes weaker because something
 * vanished.
 *
 * Rules and reasons: docs/security/tls.md. */
#ifndef D2K_TLS_POLICY_H
#define D2K_TLS_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "registry/location.h"
#include "registry/settings.h"

#define TLS_DIGEST_SIZE 32u /* SHA-256 of a certificate's DER */
#define TLS_ALPN        "d2k/1"

struct tls_policy; /* immutable, counted */

/* Holds one more reference. Any thread. */
struct tls_policy *tls_policy_ref(struct tls_policy *policy);
/* NULL is allowed. Any thread. */
void tls_policy_unref(struct tls_policy *policy);

/* Level that the configuration demands. */
enum tls_level tls_policy_level(const struct tls_policy *policy);

enum tls_policy_tls {
    TLS_POLICY_OFF, /* no TLS configured: a kernel answers Refuse(NO_TLS) */
    TLS_POLICY_ON,
    TLS_POLICY_UNAVAILABLE, /* configured at level None, but its files are broken since the start:
                               Refuse(TLS_UNAVAILABLE) */
};
enum tls_policy_tls tls_policy_tls(const struct tls_policy *policy);

/* Counts every replacement, from 1; what was agreed on under one generation is not valid in
 * another. */
uint64_t tls_policy_generation(const struct tls_policy *policy);

/* Keeps a policy current. */
struct tls_keeper;

/* For a kernel: [TLS_Server] of cfg_<application>.conf. The first load must succeed: D2K_NOT_FOUND,
 * D2K_FILE, D2K_CONFIG with a sentence that names file and line; broken certificate or key at a
 * level above None is D2K_FILE. Logs (component "TLS") a WARNING when the section is missing, and
 * what was loaded (subject, algorithm, days left, SHA-256) at each change. `location`, `log` must
 * outlive the keeper. */
d2k_result tls_keeper_open_server(const struct registry_location *location, const char *application,
                                  const struct log *log, struct tls_keeper **ret_keeper,
                                  struct error *err) D2K_MUST_CHECK;

/* For a client: [TLS_Client]; `application` NULL: no application name is known, no TLS parameters
 * are used, level None. */
d2k_result tls_keeper_open_client(const struct registry_location *location, const char *application,
                                  const struct log *log, struct tls_keeper **ret_keeper,
                                  struct error *err) D2K_MUST_CHECK;

/* NULL is allowed. */
void tls_keeper_close(struct tls_keeper *keeper);

/* The policy in force for a connection that starts now; the caller's reference. Never NULL. Any
 * thread but the plant thread: it may read and parse files. */
struct tls_policy *tls_keeper_current(struct tls_keeper *keeper) D2K_MUST_CHECK;

/* The same for a connection that came at came_ns (os_monotonic_ns()), of a crowd that waits for its
 * turn: a look at the files that began after it came, and not longer than TLS_LOOK_LASTS_NS ago, is
 * not repeated. So whoever connects after a complete change gets the new configuration. */
#define TLS_LOOK_LASTS_NS 10000000u
struct tls_policy *tls_keeper_current_for(struct tls_keeper *keeper,
                                          uint64_t came_ns) D2K_MUST_CHECK;

#endif
