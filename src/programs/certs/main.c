/* programs/certs/main.c: d2k-certs makes, shows and checks keys and certificates. */
#include <stdio.h>

#include "base/text.h"
#include "base/version.h"
#include "programs/certs/certs.h"

void certs_complain(const char *text)
{
    char safe[ERROR_TEXT_MAX];
    (void)fprintf(stderr, "d2k-certs: %s\n", text_escape(safe, sizeof safe, slice_of(text)));
}

static enum certs_exit run(int argc, char **argv)
{
    struct certs_options options;
    struct error err;
    if (certs_options_read(argc, argv, &options, &err) != D2K_OK) {
        certs_complain(err.text);
        (void)fputs("d2k-certs --help shows the parameters\n", stderr);
        return CERTS_EXIT_ERROR;
    }
    switch (options.command) {
    case CERTS_HELP:
        (void)fputs(certs_help(), stdout);
        return CERTS_EXIT_OK;
    case CERTS_VERSION:
        (void)puts("d2k-certs " D2K_VERSION_TEXT);
        return CERTS_EXIT_OK;
    case CERTS_NEW:
        return certs_new(&options);
    case CERTS_SHOW:
        return certs_show(&options);
    case CERTS_CHECK:
        return certs_check(&options);
    }
    return CERTS_EXIT_ERROR;
}

int main(int argc, char **argv)
{
    enum certs_exit code = run(argc, argv);
    /* A full disk must not look like a result. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        certs_complain("the output could not be written");
        return CERTS_EXIT_ERROR;
    }
    return (int)code;
}
