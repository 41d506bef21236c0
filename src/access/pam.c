/* access/pam.c: one transaction with PAM: authentication, then the account. */
#include <stdbool.h>

#include "access/pam.h"

bool access_pam_is_built(void)
{
    return D2K_HAVE_PAM != 0;
}

#if D2K_HAVE_PAM

#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

/* PAM frees what it is given. Only a question that is not echoed is answered with the password. */
static int answer(int count, const struct pam_message **messages, struct pam_response **ret_answers,
                  void *context)
{
    const char *password = context;
    struct pam_response *answers = calloc((size_t)count, sizeof *answers);
    if (answers == NULL) {
        return PAM_BUF_ERR;
    }
    for (int i = 0; i < count; i++) {
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
            answers[i].resp = strdup(password);
        }
    }
    *ret_answers = answers;
    return PAM_SUCCESS;
}

/* We delay by ourselves, and without a thread that sleeps (access/attempts.h). */
static void do_not_delay(int status, unsigned microseconds, void *context)
{
    (void)status;
    (void)microseconds;
    (void)context;
}

static d2k_result result_of(int status, const char *service, pam_handle_t *handle,
                            struct error *err)
{
    switch (status) {
    case PAM_SUCCESS:
        return D2K_OK;
    case PAM_SERVICE_ERR:
    case PAM_SYSTEM_ERR:
    case PAM_AUTHINFO_UNAVAIL:
    case PAM_ABORT:
    case PAM_BUF_ERR:
        return error_set(err, D2K_CONFIG, "PAM service %s: %s", service,
                         pam_strerror(handle, status));
    default:
        return error_set(err, D2K_NOT_ALLOWED, "PAM service %s: %s", service,
                         pam_strerror(handle, status));
    }
}

d2k_result access_pam_verify(const char *service, const char *user, const char *password,
                             struct error *err)
{
    char secret[512];
    pam_handle_t *handle = NULL;
    if (strlen(password) >= sizeof secret) {
        return error_set(err, D2K_NOT_ALLOWED, "the password is too long");
    }
    memcpy(secret, password, strlen(password) + 1);
    struct pam_conv conversation = {.conv = answer, .appdata_ptr = secret};
    int status = pam_start(service, user, &conversation, &handle);
    if (status == PAM_SUCCESS) {
        union {
            void (*function)(int, unsigned, void *);
            const void *item;
        } delay = {.function = do_not_delay};
        (void)pam_set_item(handle, PAM_FAIL_DELAY, delay.item);
        status = pam_authenticate(handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    }
    if (status == PAM_SUCCESS) {
        status = pam_acct_mgmt(handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    }
    d2k_result result = result_of(status, service, handle, err);
    if (handle != NULL) {
        (void)pam_end(handle, status);
    }
    explicit_bzero(secret, sizeof secret);
    return result;
}

#else

d2k_result access_pam_verify(const char *service, const char *user, const char *password,
                             struct error *err)
{
    (void)user;
    (void)password;
    return error_set(err, D2K_CONFIG, "this kernel was built without PAM (service %s)", service);
}

#endif
