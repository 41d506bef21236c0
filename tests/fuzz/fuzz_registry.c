/* fuzz_registry.c: any text as a configuration file: registry_parse(), and what was parsed as
 * settings: settings_parse_application(), settings_parse_installation(). What was parsed can be
 * found by its name; settings that were taken keep the promises of their ranges. */
#include <string.h>

#include "fuzz.h"
#include "registry/registry.h"
#include "registry/settings.h"

static void count_finding(void *context, bool is_error, const char *path, unsigned line,
                          const char *text)
{
    (void)line;
    fuzz_expect(path != NULL && text != NULL && text[0] != '\0');
    *(unsigned *)context += is_error ? 1 : 0;
}

/* A section with a level is never taken for one without. */
static void check_levels(const struct registry_file *file,
                         const struct application_settings *settings)
{
    const struct registry_value *level = registry_find(file, "TLS_Server", "TLS_RequiredLevel");
    if (level != NULL && strcmp(level->text, "TLSNoPeerAuth") == 0) {
        fuzz_expect(settings->tls_server.level == TLS_LEVEL_NO_PEER_AUTH);
    }
    level = registry_find(file, "TLS_Client", "TLS_RequiredLevel");
    if (level != NULL && strcmp(level->text, "TLSPeerAuth") == 0) {
        fuzz_expect(settings->tls_client.level == TLS_LEVEL_PEER_AUTH);
        fuzz_expect(settings->tls_client.trusted_count > 0);
    }
    fuzz_expect(settings->tls_client.trusted_count <= SETTINGS_PATHS_MAX);
}

static void read_settings(const struct registry_file *file)
{
    struct application_settings application;
    struct installation_settings installation;
    struct error err;
    unsigned errors = 0;
    struct settings_findings findings = {count_finding, &errors};
    d2k_result rc = settings_parse_application(file, &findings, &application, &err);
    fuzz_expect((rc == D2K_OK) == (errors == 0));
    if (rc == D2K_OK) {
        check_levels(file, &application);
    }
    settings_free_application(&application);
    errors = 0;
    rc = settings_parse_installation(file, &findings, &installation, &err);
    fuzz_expect((rc == D2K_OK) == (errors == 0));
    settings_free_installation(&installation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry_file *file = NULL;
    struct error err;

    if (registry_parse("fuzz.conf", (const char *)data, size, &file, &err) != D2K_OK) {
        fuzz_expect(err.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < file->count; i++) {
        const struct registry_value *value = &file->values[i];

        fuzz_expect(registry_find(file, value->key, value->name) == value);
        fuzz_expect(registry_has_key(file, value->key));
    }
    read_settings(file);
    registry_free(file);
    return 0;
}
