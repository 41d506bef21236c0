/* access/pam.h: names and passwords checked by the system (PAM). */
#ifndef D2K_ACCESS_PAM_H
#define D2K_ACCESS_PAM_H

#include "base/error.h"

/* Whether this build has it. */
bool access_pam_is_built(void);

/* D2K_OK: it is the user's password and the account may be used; D2K_NOT_ALLOWED: it is not;
 * D2K_CONFIG: the service cannot be used, with the reason (never told to who logs on). May take
 * seconds: never on the plant thread; one at a time. */
d2k_result access_pam_verify(const char *service, const char *user, const char *password,
                             struct error *err) D2K_MUST_CHECK;

#endif
