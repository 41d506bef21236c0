/* programs/registry/transaction.h: changes several files of the configuration together, or none.
 *
 * The directory is locked from begin to end, so that no change of another d2k-registry is lost; a
 * file that an editor changes meanwhile is noticed. Every file is checked and its new content lies
 * beside it on the disk before the first one is replaced. One thread. */
#ifndef D2K_PROGRAMS_REGISTRY_TRANSACTION_H
#define D2K_PROGRAMS_REGISTRY_TRANSACTION_H

#include <stdbool.h>

#include "base/buffer.h"
#include "os/file.h"
#include "registry/edit.h"
#include "registry/location.h"

struct transaction_file {
    char *application; /* NULL: installation.conf */
    char *path;        /* symbolic links followed, if it is there */
    char *old_text;    /* "" if it was not there */
    size_t old_size;
    struct os_file_stamp stamp; /* of the old one */
    struct edit *edit;          /* the caller changes it */
    bool must_exist_after;      /* also without content */
    char *new_text;
    size_t new_size;
};

struct transaction {
    const struct registry_location *location;
    bool is_dry_run;        /* writes nothing */
    bool is_forced;         /* writes what check refuses */
    bool with_certificates; /* checks the files that are named too */
    int directory;          /* locked; -1: there is none (dry run) */
    struct transaction_file **files;
    size_t count;
    unsigned errors, warnings; /* that were complained of */
    struct buffer report;      /* printed when all is written */
};

/* The members above `directory` are set. Makes the default directory if it is not there. Waits for
 * another one that changes the same directory, 10 seconds at most. D2K_NOT_FOUND (a directory that
 * was given), D2K_FILE, D2K_AGAIN, D2K_NO_MEMORY. transaction_end() in every case. */
d2k_result transaction_begin(struct transaction *t, struct error *err) D2K_MUST_CHECK;
void transaction_end(struct transaction *t);

/* The file of an application, NULL: installation.conf; the same one each time. As registry_read()
 * but that a missing file is empty. It is the transaction's. */
d2k_result transaction_open(struct transaction *t, const char *application,
                            struct transaction_file **ret_file, struct error *err) D2K_MUST_CHECK;

/* The spelling under which an application is there when only case differs from `application`, else
 * `application` itself. Good until transaction_end(). NULL: out of memory. */
const char *transaction_application(struct transaction *t, const char *application);

/* A line for stdout, shown only if all goes well; escaped. */
void transaction_report(struct transaction *t, const char *format, ...) D2K_PRINTF(2, 3);

/* Complains on stderr and counts; of very many only the first are shown. An error makes
 * transaction_check() fail unless forced. */
void transaction_complain(struct transaction *t, bool is_error, const char *format, ...)
    D2K_PRINTF(3, 4);

/* Compares what check says about the old and the new files: complains of errors and warnings that
 * are new. D2K_CONFIG when there are errors, unless forced; D2K_LIMIT, D2K_NO_MEMORY. */
d2k_result transaction_check(struct transaction *t, struct error *err) D2K_MUST_CHECK;

/* Whether a file has changed (after transaction_check()). */
bool transaction_file_changed(const struct transaction_file *file);

/* Writes the changed files after transaction_check(), prints the report and which they are; with
 * each old one as <file>.bak. After an error the files are as before, or err says which is not. */
d2k_result transaction_write(struct transaction *t, struct error *err) D2K_MUST_CHECK;

#endif
