/* programs/certs/show.c: d2k-certs show: certificates in files, and those that a kernel presents.
 */
#include "programs/certs/certs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/text.h"
#include "os/file.h"
#include "programs/certs/describe.h"
#include "programs/certs/probe.h"

#define OUTPUT_MAX (64u * 1024 * 1024)

struct report {
    struct buffer out, problems; /* JSON: all, and the elements of "errors" */
    struct json json, errors;
    bool is_json;
    bool warned, failed, unreachable;
};

static void show_problem(struct report *report, const struct error *err)
{
    certs_complain(err->text);
    json_write_text(&report->errors, NULL, slice_of(err->text));
}

/* ---- one certificate ---- */

/* `probe` NULL: it comes from a file. */
struct origin {
    const char *name;
    const struct certs_probe *probe;
};

static void print_one(const struct origin *origin, size_t number, size_t count,
                      const struct tls_certificate_info *info)
{
    char safe[CERTS_PATH_MAX];
    (void)printf("%s", text_escape(safe, sizeof safe, slice_of(origin->name)));
    if (origin->probe != NULL) {
        (void)printf(" [%s][%s, %s]", origin->probe->address, origin->probe->tls_version,
                     origin->probe->cipher);
    }
    (void)printf(": certificate %zu of %zu\n", number, count);
    certs_print_certificate(info);
}

static void write_one(struct json *json, const struct origin *origin, size_t number,
                      const struct tls_certificate_info *info)
{
    json_write_open(json, NULL, '{');
    if (origin->probe != NULL) {
        json_write_text(json, "kernel", slice_of(origin->name));
        json_write_text(json, "address", slice_of(origin->probe->address));
        json_write_text(json, "tls_version", slice_of(origin->probe->tls_version));
        json_write_text(json, "cipher", slice_of(origin->probe->cipher));
    } else {
        json_write_text(json, "file", slice_of(origin->name));
    }
    json_write_unsigned(json, "number", number);
    certs_write_certificate(json, info);
    json_write_close(json, '}');
}

static void show_certificates(struct report *report, const struct origin *origin,
                              const struct tls_certificate_info *infos, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        report->warned = report->warned || certs_warnings_of(&infos[i]).count > 0;
        if (report->is_json) {
            write_one(&report->json, origin, i + 1, &infos[i]);
        } else {
            print_one(origin, i + 1, count, &infos[i]);
        }
    }
}

/* ---- files and kernels ---- */

/* A file that cannot be read is said on stderr at once, and in JSON as well. */
static void show_file(const char *file, struct report *report)
{
    struct tls_certificate_info *infos = NULL;
    size_t count = 0;
    struct error err;
    if (tls_certificates_read(file, &infos, &count, &err) != D2K_OK) {
        report->failed = true;
        show_problem(report, &err);
        return;
    }
    show_certificates(report, &(struct origin){.name = file}, infos, count);
    free(infos);
}

static void show_kernel(const char *name, const struct certs_target *target, struct report *report)
{
    struct certs_probe probe;
    struct error err;
    if (certs_probe_kernel(target, &probe, &err) != D2K_OK) {
        report->unreachable = true;
        show_problem(report, &err);
        return;
    }
    show_certificates(report, &(struct origin){.name = name, .probe = &probe}, probe.certificates,
                      probe.count);
    certs_probe_free(&probe);
}

/* A file with the name of a kernel is a file. */
static bool is_file(const char *name)
{
    struct os_file_stamp stamp;
    return os_file_stamp(name, &stamp) == 0 && stamp.exists;
}

static void show_any(const char *name, struct report *report)
{
    struct certs_target target;
    if (!is_file(name) && certs_target_parse(name, 0, &target)) {
        show_kernel(name, &target, report);
    } else {
        show_file(name, report);
    }
}

static void show_files(const struct certs_options *options, struct report *report)
{
    json_write_open(&report->json, NULL, '{');
    json_write_open(&report->json, "certificates", '[');
    json_write_open(&report->errors, NULL, '[');
    for (size_t i = 0; i < options->file_count; i++) {
        show_any(options->files[i], report);
    }
    json_write_close(&report->errors, ']');
    json_write_close(&report->json, ']');
}

static void print_json(struct report *report)
{
    static const char before_errors[] = ",\"errors\":";
    buffer_put(&report->out, before_errors, sizeof before_errors - 1);
    buffer_put(&report->out, buffer_data(&report->problems), buffer_size(&report->problems));
    buffer_put(&report->out, "}\n", 2);
    if (buffer_failed(&report->out) || buffer_failed(&report->problems)) {
        certs_complain("out of memory, or too many certificates for --json");
        report->failed = true;
        return;
    }
    (void)fwrite(buffer_data(&report->out), 1, buffer_size(&report->out), stdout);
}

enum certs_exit certs_show(const struct certs_options *options)
{
    struct report report = {.is_json = options->json};
    buffer_init(&report.out, OUTPUT_MAX);
    buffer_init(&report.problems, OUTPUT_MAX);
    report.json = json_into(&report.out);
    report.errors = json_into(&report.problems);
    show_files(options, &report);
    if (options->json) {
        print_json(&report);
    }
    buffer_free(&report.out);
    buffer_free(&report.problems);
    if (report.failed) {
        return CERTS_EXIT_ERROR;
    }
    if (report.unreachable) {
        return CERTS_EXIT_NO_CONNECTION;
    }
    return report.warned ? CERTS_EXIT_WARNING : CERTS_EXIT_OK;
}
