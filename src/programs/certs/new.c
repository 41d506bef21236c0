/* programs/certs/new.c: d2k-certs new. */
#include "programs/certs/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/system.h"
#include "programs/certs/describe.h"

#define HOST_TEXT_MAX 254
#define OUTPUT_MAX    (1024u * 1024)

/* The path as it should stand in a configuration; what is shown is safe for a terminal. */
static void print_path(const char *before, const char *path)
{
    char safe[CERTS_PATH_MAX];
    char *whole = realpath(path, NULL);
    (void)printf("%s%s\n", before,
                 text_escape(safe, sizeof safe, slice_of(whole != NULL ? whole : path)));
    free(whole);
}

static void print_next_steps(const struct certs_options *options)
{
    bool combined = strcmp(options->cert_path, options->key_path) == 0;
    (void)puts("\nNext, in cfg_<application>.conf of the kernel:\n\n    [TLS_Server]");
    print_path("    TLS_CertFile = ", options->cert_path);
    if (!combined) {
        print_path("    TLS_KeyFile = ", options->key_path);
    }
    (void)puts("    TLS_RequiredLevel = TLSNoPeerAuth\n");
    (void)puts("The user that the kernel runs as must own the key (or root, with mode 0640 and the "
               "kernel's group).");
    if (combined) {
        (void)puts("Give clients only the certificate, never this file, for it holds the key too:");
        (void)puts("\n    openssl x509 -in <that file> -out server.crt\n");
    } else {
        (void)puts("Copy the certificate, never the key, to the clients.");
    }
    (void)puts("In cfg_<application>.conf of each client:\n\n    [TLS_Client]\n"
               "    TLS_TrustedCerts = <where you copied it>\n"
               "    TLS_RequiredLevel = TLSPeerAuth\n\n"
               "To replace a certificate that is in use: first add the new one to every client's "
               "TLS_TrustedCerts,\nseparated by ';', then replace the kernel's files. Both act at "
               "the next connect.");
}

static void write_path(struct json *json, const char *key, const char *path)
{
    char *whole = realpath(path, NULL);
    json_write_text(json, key, slice_of(whole != NULL ? whole : path));
    free(whole);
}

/* `info` NULL: a request was made. */
static enum certs_exit print_json(const struct certs_options *options,
                                  const struct tls_certificate_info *info)
{
    struct buffer out;
    buffer_init(&out, OUTPUT_MAX);
    struct json json = json_into(&out);
    json_write_open(&json, NULL, '{');
    write_path(&json, "key_file", options->key_path);
    if (info != NULL) {
        write_path(&json, "certificate_file", options->cert_path);
        certs_write_certificate(&json, info);
    } else {
        write_path(&json, "request_file", options->request_path);
    }
    json_write_close(&json, '}');
    buffer_put(&out, "\n", 1);
    bool failed = buffer_failed(&out);
    if (failed) {
        certs_complain("out of memory");
    } else {
        (void)fwrite(buffer_data(&out), 1, buffer_size(&out), stdout);
    }
    buffer_free(&out);
    return failed ? CERTS_EXIT_ERROR : CERTS_EXIT_OK;
}

static enum certs_exit print_request(const struct certs_options *options)
{
    if (options->json) {
        return print_json(options, NULL);
    }
    print_path("key          ", options->key_path);
    print_path("request      ", options->request_path);
    (void)puts(
        "\nGive the request, never the key, to your CA. Put what comes back, the certificate "
        "and behind it the\nCA's own certificates if it sends any, into one file; then, in "
        "cfg_<application>.conf of the kernel:\n\n    [TLS_Server]\n"
        "    TLS_CertFile = <that file>");
    print_path("    TLS_KeyFile = ", options->key_path);
    (void)puts("    TLS_RequiredLevel = TLSNoPeerAuth\n\n"
               "Clients list the kernel's certificate itself in TLS_TrustedCerts, not that of the "
               "CA.");
    return CERTS_EXIT_OK;
}

static enum certs_exit print_made(const struct certs_options *options)
{
    struct tls_certificate_info *infos = NULL;
    size_t count = 0;
    struct error err;
    if (tls_certificates_read(options->cert_path, &infos, &count, &err) != D2K_OK) {
        certs_complain(err.text);
        return CERTS_EXIT_ERROR;
    }
    if (options->json) {
        enum certs_exit code = print_json(options, &infos[0]);
        free(infos);
        return code;
    }
    if (strcmp(options->cert_path, options->key_path) == 0) {
        print_path("key and certificate  ", options->cert_path);
    } else {
        print_path("key          ", options->key_path);
        print_path("certificate  ", options->cert_path);
    }
    (void)printf("subject      %s\nnames        %s\nvalid until  %s UTC (%d days)\nSHA-256      "
                 "%s\n",
                 infos[0].subject, infos[0].alt_names, infos[0].not_after_text, infos[0].days_left,
                 infos[0].digest_hex);
    free(infos);
    print_next_steps(options);
    return CERTS_EXIT_OK;
}

enum certs_exit certs_new(const struct certs_options *options)
{
    char host[HOST_TEXT_MAX];
    os_host_name(host, sizeof host);
    bool nameless = strcmp(host, "localhost") == 0;
    const char *default_names[] = {host, "127.0.0.1", "::1", nameless ? NULL : "localhost", NULL};
    const char *const *names = options->name_count > 0 ? options->names : default_names;
    const struct tls_new_identity what = {
        .common_name = options->common_name != NULL ? options->common_name : names[0],
        .names = names,
        .days = options->days,
        .rsa_bits = options->rsa_bits,
    };
    struct error err;
    bool request = options->request_path != NULL;
    d2k_result result =
        request
            ? tls_request_new(&what, options->request_path, options->key_path, options->force, &err)
            : tls_identity_new(&what, options->cert_path, options->key_path, options->force, &err);
    if (result != D2K_OK) {
        certs_complain(err.text);
        if (result == D2K_EXISTS) {
            (void)fputs(request ? "--force replaces key and request\n"
                                : "--force replaces key and certificate\n",
                        stderr);
        }
        return CERTS_EXIT_ERROR;
    }
    return request ? print_request(options) : print_made(options);
}
