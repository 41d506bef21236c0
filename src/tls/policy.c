/* tls/policy.c: the counted, immutable set that connections are made from. */
#include "tls/policy_internal.h"

#include <stdlib.h>

#include "tls/bio.h"

struct tls_policy *tls_policy_new(void)
{
    struct tls_policy *policy = calloc(1, sizeof(*policy));
    if (policy != NULL) {
        atomic_init(&policy->references, 1);
    }
    return policy;
}

struct tls_policy *tls_policy_ref(struct tls_policy *policy)
{
    (void)atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    return policy;
}

void tls_policy_unref(struct tls_policy *policy)
{
    if (policy == NULL ||
        atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    SSL_CTX_free(policy->context);
    BIO_meth_free(policy->bio_method);
    tls_pins_clear(&policy->pins);
    tls_sessions_free(policy->sessions);
    free(policy);
}

d2k_result tls_policy_set_context(struct tls_policy *policy, SSL_CTX *context, struct error *err)
{
    policy->context = context;
    policy->bio_method = tls_bio_method_new();
    if (policy->bio_method == NULL) {
        return error_no_memory(err);
    }
    policy->tls = TLS_POLICY_ON;
    return D2K_OK;
}

d2k_result tls_policy_resume_server(struct tls_policy *policy, struct error *err)
{
    return tls_resumption_serve(policy->context, err);
}

d2k_result tls_policy_resume_client(struct tls_policy *policy, struct error *err)
{
    policy->sessions = tls_sessions_new();
    if (policy->sessions == NULL) {
        return error_no_memory(err);
    }
    tls_resumption_use(policy->context);
    return D2K_OK;
}

enum tls_level tls_policy_level(const struct tls_policy *policy)
{
    return policy->level;
}

enum tls_policy_tls tls_policy_tls(const struct tls_policy *policy)
{
    return policy->tls;
}

uint64_t tls_policy_generation(const struct tls_policy *policy)
{
    return policy->generation;
}
