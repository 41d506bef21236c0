/* programs/certs/describe.h: one certificate for people and for scripts, and what is wrong with it.
 */
#ifndef D2K_PROGRAMS_CERTS_DESCRIBE_H
#define D2K_PROGRAMS_CERTS_DESCRIBE_H

#include <stddef.h>

#include "base/json.h"
#include "tls/certificate.h"

#define CERTS_WARNINGS_MAX 4

struct certs_warnings {
    const char *texts[CERTS_WARNINGS_MAX]; /* static, or of the info */
    size_t count;
};

struct certs_warnings certs_warnings_of(const struct tls_certificate_info *info);

/* Lines below a heading, warnings included. */
void certs_print_certificate(const struct tls_certificate_info *info);

/* Members of an object that the caller opens and closes. */
void certs_write_certificate(struct json *json, const struct tls_certificate_info *info);

/* "2026-11-23 12:00:00" as "2026-11-23T12:00:00Z". */
void certs_write_date(struct json *json, const char *key, const char *text);

#endif
