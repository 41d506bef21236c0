/* The table of settings: one row says everything about one setting. docs/registry/settings.md is
 * made from it (d2k-registry settings --markdown). */
#include "registry/settings_types.h"

#include <stddef.h>

#include "base/text.h"

#define LEVEL_NONE_TEXT         "None"
#define LEVEL_NO_PEER_AUTH_TEXT "TLSNoPeerAuth"
#define LEVEL_PEER_AUTH_TEXT    "TLSPeerAuth"

static const struct setting_choice server_levels[] = {
    {LEVEL_NONE_TEXT, TLS_LEVEL_NONE, CHOICE_SHOWN, NULL},
    {LEVEL_NO_PEER_AUTH_TEXT, TLS_LEVEL_NO_PEER_AUTH, CHOICE_SHOWN, NULL},
    {LEVEL_PEER_AUTH_TEXT, TLS_LEVEL_PEER_AUTH, CHOICE_REFUSED,
     "this version does not verify certificates of clients; allowed for the server: "
     "None, TLSNoPeerAuth"},
    {0},
};

static const struct setting_choice client_levels[] = {
    {LEVEL_NONE_TEXT, TLS_LEVEL_NONE, CHOICE_SHOWN, NULL},
    {LEVEL_NO_PEER_AUTH_TEXT, TLS_LEVEL_NO_PEER_AUTH, CHOICE_SHOWN, NULL},
    {LEVEL_PEER_AUTH_TEXT, TLS_LEVEL_PEER_AUTH, CHOICE_SHOWN, NULL},
    {0},
};

static const struct setting_choice min_versions[] = {
    {"TLSv1.2", TLS_MIN_1_2, CHOICE_SHOWN, NULL},
    {"TLSv1.3", TLS_MIN_1_3, CHOICE_SHOWN, NULL},
    {"1.2", TLS_MIN_1_2, CHOICE_ALIAS, NULL},
    {"1.3", TLS_MIN_1_3, CHOICE_ALIAS, NULL},
    {0},
};

static const struct setting_choice cert_dates[] = {
    {"warn", TLS_DATES_WARN, CHOICE_SHOWN, NULL},
    {"strict", TLS_DATES_STRICT, CHOICE_SHOWN, NULL},
    {0},
};

static const struct setting_choice resumptions[] = {
    {"off", TLS_RESUMPTION_OFF, CHOICE_SHOWN, NULL},
    {"on", TLS_RESUMPTION_ON, CHOICE_SHOWN, NULL},
    {0},
};

static const struct setting_choice authentications[] = {
    {"file", USERS_BY_FILE, CHOICE_SHOWN, NULL},
    {"pam", USERS_BY_PAM, CHOICE_SHOWN, NULL},
    {0},
};

static const struct setting_choice plain_logons[] = {
    {"refuse", USERS_PLAIN_REFUSE, CHOICE_SHOWN, NULL},
    {"allow", USERS_PLAIN_ALLOW, CHOICE_SHOWN, NULL},
    {0},
};

static const struct setting_choice kom_groups[] = {
    {"cpu", KOM_GROUP_CPU, CHOICE_SHOWN, NULL},
    {"memory", KOM_GROUP_MEMORY, CHOICE_SHOWN, NULL},
    {"cores", KOM_GROUP_CORES, CHOICE_SHOWN, NULL},
    {"disk", KOM_GROUP_DISK, CHOICE_SHOWN, NULL},
    {"network", KOM_GROUP_NETWORK, CHOICE_SHOWN, NULL},
    {"temperature", KOM_GROUP_TEMPERATURE, CHOICE_SHOWN, NULL},
    {"processes", KOM_GROUP_PROCESSES, CHOICE_SHOWN, NULL},
    {0},
};

static const struct setting_choice autostarts[] = {
    {"off", STATIC_AUTOSTART_OFF, CHOICE_SHOWN, NULL},
    {"on", STATIC_AUTOSTART_ON, CHOICE_SHOWN, NULL},
    {0},
};

#define CHOICES(list)                                    \
    {                                                    \
        .parse = setting_parse_choice, .choices = (list) \
    }

static const struct setting_type server_level_type = CHOICES(server_levels);
static const struct setting_type client_level_type = CHOICES(client_levels);
static const struct setting_type min_version_type = CHOICES(min_versions);
static const struct setting_type cert_dates_type = CHOICES(cert_dates);
static const struct setting_type resumption_type = CHOICES(resumptions);

static const struct setting_type authentication_type = CHOICES(authentications);
static const struct setting_type plain_logon_type = CHOICES(plain_logons);

#define PATTERNS(of)                                                                             \
    {                                                                                            \
        .name = "1 to 64 patterns, separated by ,", .parse = setting_parse_patterns, .min = (of) \
    }
static const struct setting_type process_patterns_type = PATTERNS(RIGHTS_OF_PROCESSES);
static const struct setting_type user_patterns_type = PATTERNS(RIGHTS_OF_USERS);
static const struct setting_type object_patterns_type = PATTERNS(RIGHTS_OF_OBJECTS);
_Static_assert(RIGHTS_PATTERNS_MAX == 64, "the name of the types says 64");
static const struct setting_type rights_type = {
    .name = "list of see, set, define, admin, separated by ,", .parse = setting_parse_rights};

static const struct setting_type path_type = {.name = "path", .parse = setting_parse_path};
static const struct setting_type paths_type = {
    .name = "1 to 64 paths, separated by ;", .parse = setting_parse_trusted_certs, .is_list = true};
_Static_assert(SETTINGS_PATHS_MAX == 64, "the name of paths_type says 64");

static const struct setting_type kom_groups_type = {
    .name = "list of cpu, memory, cores, disk, network, temperature, processes, separated by ;",
    .parse = setting_parse_flags,
    .choices = kom_groups};

static const struct setting_type name_type = {.name = "name: 1 to 64 letters, digits, _ or -",
                                              .parse = setting_parse_application_name};
static const struct setting_type address_type = {.name = "numeric IPv4 or IPv6 address",
                                                 .parse = setting_parse_address};

/* Bounds are written once: the text for people is made of them. */
#define NUMBER(function, lowest, highest)                                              \
    {                                                                                  \
        .name = "number " #lowest ".." #highest, .parse = (function), .min = (lowest), \
        .max = (highest)                                                               \
    }

static const struct setting_type log_size_type = NUMBER(setting_parse_u64, 0, 1099511627776);
static const struct setting_type clients_type = NUMBER(setting_parse_unsigned, 1, 100000);
static const struct setting_type workers_type = NUMBER(setting_parse_unsigned, 0, 64);
static const struct setting_type history_type = NUMBER(setting_parse_unsigned, 0, 10000);
static const struct setting_type period_type = NUMBER(setting_parse_unsigned, 100, 3600000);

static const struct setting_type autostart_type = CHOICES(autostarts);
static const struct setting_type priority_type = NUMBER(setting_parse_unsigned, 0, 999);
static const struct setting_type init_time_type = NUMBER(setting_parse_unsigned, 0, 3600);
static const struct setting_type stop_time_type = NUMBER(setting_parse_unsigned, 1, 3600);
_Static_assert(STATIC_PRIORITY_MAX == 999 && STATIC_PROCESS_TIME_MAX_S == 3600, "as above");
static const struct setting_type words_type = {.name = "words, \"quoted\" where they have blanks",
                                               .parse = setting_parse_words,
                                               .is_list = true};
static const struct setting_type environment_type = {
    .name = "words NAME=value, \"quoted\" where they have blanks",
    .parse = setting_parse_environment,
    .is_list = true};

#define APPLICATION(member)  offsetof(struct application_settings, member)
#define INSTALLATION(member) offsetof(struct installation_settings, member)

#define RIGHTS_KEY     "Rights\\<n>"
#define REDUNDANCY_KEY "Redundancy\\<group>\\Kernel_<n>"

#define PROCESS_KEY "Process\\<name>"

static const struct setting table[] = {
    {SETTINGS_INSTALLATION, "", "DefaultApplication", &name_type, INSTALLATION(default_application),
     NULL, SETTING_AT_START, "all programs",
     "Application of programs that are started without @<application>."},
    {SETTINGS_INSTALLATION, "", "Max_Log_Size", &log_size_type, INSTALLATION(max_log_size), "0",
     SETTING_AT_START, "all programs",
     "Bytes of a <name>.log from which on it is kept as at the next start, and of a <name>.his.log "
     "from which on that is moved to <name>.his.log.bak; 0: no limit."},
    {SETTINGS_INSTALLATION, REDUNDANCY_KEY, "Name", &name_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_AT_START, "clients (/RF)", "Name of this kernel of the redundancy group."},
    {SETTINGS_INSTALLATION, REDUNDANCY_KEY, "IpAddr1", &address_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_AT_START, "clients (/RF)", "First address of this kernel."},
    {SETTINGS_INSTALLATION, REDUNDANCY_KEY, "IpAddr2", &address_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_AT_START, "clients (/RF)", "Second address of this kernel, over another network."},

    {SETTINGS_APPLICATION, "", "Max_Clients", &clients_type, APPLICATION(max_clients), "10000",
     SETTING_AT_START, "kernel",
     "Most connections that the kernel keeps at a time; one more is refused."},
    {SETTINGS_APPLICATION, "", "Handshake_Workers", &workers_type, APPLICATION(handshake_workers),
     "0", SETTING_AT_START, "kernel", "Threads that do TLS handshakes; 0: one for each processor."},
    {SETTINGS_APPLICATION, "", "History_Entries", &history_type, APPLICATION(history_entries), "0",
     SETTING_AT_START, "kernel",
     "Changes that are kept in memory of each object whose definition does not say how many; 0: "
     "none."},

    {SETTINGS_APPLICATION, "TLS_Server", "TLS_CertFile", &path_type,
     APPLICATION(tls_server.cert_file), NULL, SETTING_AT_NEXT_CONNECT, "kernel",
     "Certificate of the kernel, PEM or DER, with the chain behind it if there is one. Required "
     "above level None."},
    {SETTINGS_APPLICATION, "TLS_Server", "TLS_KeyFile", &path_type,
     APPLICATION(tls_server.key_file), NULL, SETTING_AT_NEXT_CONNECT, "kernel",
     "Private key of the kernel, not encrypted, mode 0600 (or 0640, owned by root); "
     "credential:<name> is a file that the service manager hands in (LoadCredential=). Without "
     "it the key is in TLS_CertFile."},
    {SETTINGS_APPLICATION, "TLS_Server", "TLS_RequiredLevel", &server_level_type,
     APPLICATION(tls_server.level), NULL, SETTING_AT_NEXT_CONNECT, "kernel",
     "None: clients may connect with or without TLS. TLSNoPeerAuth: only with TLS. Required where "
     "the section stands."},
    {SETTINGS_APPLICATION, "TLS_Server", "TLS_MinVersion", &min_version_type,
     APPLICATION(tls_server.min_version), "TLSv1.2", SETTING_AT_NEXT_CONNECT, "kernel",
     "Oldest version of TLS that is accepted."},
    {SETTINGS_APPLICATION, "TLS_Server", "TLS_CertDates", &cert_dates_type,
     APPLICATION(tls_server.dates), "warn", SETTING_AT_NEXT_CONNECT, "kernel",
     "What happens when a certificate is outside its dates. warn: a WARNING in the log; strict: "
     "new links are refused."},
    {SETTINGS_APPLICATION, "TLS_Server", "TLS_Resumption", &resumption_type,
     APPLICATION(tls_server.resumption), "on", SETTING_AT_NEXT_CONNECT, "kernel",
     "on: a client that returns within 12 hours is known by a ticket (TLS 1.3) and costs no "
     "signature, unless certificate, key, level or any of these settings changed. off: every "
     "handshake is a full one."},

    {SETTINGS_APPLICATION, "TLS_Client", "TLS_TrustedCerts", &paths_type, APPLICATION(tls_client),
     NULL, SETTING_AT_NEXT_CONNECT, "clients",
     "Certificates of the kernels that a client at TLSPeerAuth connects to; a file may hold "
     "several. Required at TLSPeerAuth."},
    {SETTINGS_APPLICATION, "TLS_Client", "TLS_RequiredLevel", &client_level_type,
     APPLICATION(tls_client.level), NULL, SETTING_AT_NEXT_CONNECT, "clients",
     "None: with TLS if the kernel has it. TLSNoPeerAuth: only with TLS. TLSPeerAuth: only with "
     "TLS to a kernel whose certificate is in TLS_TrustedCerts. Required where the section "
     "stands."},
    {SETTINGS_APPLICATION, "TLS_Client", "TLS_MinVersion", &min_version_type,
     APPLICATION(tls_client.min_version), "TLSv1.2", SETTING_AT_NEXT_CONNECT, "clients",
     "Oldest version of TLS that is accepted."},
    {SETTINGS_APPLICATION, "TLS_Client", "TLS_CertDates", &cert_dates_type,
     APPLICATION(tls_client.dates), "warn", SETTING_AT_NEXT_CONNECT, "clients",
     "What happens when a listed certificate is outside its dates. warn: a WARNING in the log; "
     "strict: the client does not connect."},
    {SETTINGS_APPLICATION, "TLS_Client", "TLS_Resumption", &resumption_type,
     APPLICATION(tls_client.resumption), "on", SETTING_AT_NEXT_CONNECT, "clients",
     "on: the tickets of kernels are kept in memory and used when the client connects again, "
     "unless list, level or any of these settings changed."},

    {SETTINGS_APPLICATION, RIGHTS_KEY, "Process", &process_patterns_type, SETTING_ONLY_CHECKED,
     NULL, SETTING_WHILE_RUNNING, "kernel",
     "Names of the processes that the rule is for; without it all."},
    {SETTINGS_APPLICATION, RIGHTS_KEY, "User", &user_patterns_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_WHILE_RUNNING, "kernel",
     "Names of the users that the rule is for, once they are logged on; without it everybody, "
     "logged on or not."},
    {SETTINGS_APPLICATION, RIGHTS_KEY, "Object", &object_patterns_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_WHILE_RUNNING, "kernel",
     "Names of the objects that the rule is about; without it all."},
    {SETTINGS_APPLICATION, RIGHTS_KEY, "Allow", &rights_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_WHILE_RUNNING, "kernel",
     "What is allowed. Of the rules in the order of their numbers the first that fits and names "
     "the "
     "right decides. admin needs User."},
    {SETTINGS_APPLICATION, RIGHTS_KEY, "Deny", &rights_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_WHILE_RUNNING, "kernel", "What is forbidden."},

    {SETTINGS_APPLICATION, "Users", "Users_Authentication", &authentication_type,
     APPLICATION(users.authentication), "file", SETTING_WHILE_RUNNING, "kernel",
     "file: names and passwords (Argon2id) in Users_File. pam: the system is asked, through "
     "Users_PamService."},
    {SETTINGS_APPLICATION, "Users", "Users_File", &path_type, APPLICATION(users.file), "users.conf",
     SETTING_WHILE_RUNNING, "kernel",
     "Users and their passwords; written by d2k-registry user. Mode 0600, or 0640 with the group "
     "of the kernel."},
    {SETTINGS_APPLICATION, "Users", "Users_PamService", &name_type, APPLICATION(users.pam_service),
     "d2k", SETTING_WHILE_RUNNING, "kernel",
     "Service of PAM (/etc/pam.d/<name>) that checks names and passwords where "
     "Users_Authentication is pam."},
    {SETTINGS_APPLICATION, "Users", "Users_Plain", &plain_logon_type, APPLICATION(users.plain),
     "refuse", SETTING_WHILE_RUNNING, "kernel",
     "Whether somebody may log on over a link without TLS, where everybody on the network can read "
     "the password. The local socket is no such link."},

    {SETTINGS_APPLICATION, PROCESS_KEY, "Executable", &path_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_AT_START, "kernel",
     "Program that the kernel starts as the process <name> (SELF.KOM). Required where the section "
     "stands."},
    {SETTINGS_APPLICATION, PROCESS_KEY, "Parameters", &words_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_AT_START, "kernel",
     "Its parameters, as they are: no shell reads them. /W or --name must give it the name of the "
     "section."},
    {SETTINGS_APPLICATION, PROCESS_KEY, "Directory", &path_type, SETTING_ONLY_CHECKED, NULL,
     SETTING_AT_START, "kernel",
     "Directory that it runs in; without it that of the configuration file."},
    {SETTINGS_APPLICATION, PROCESS_KEY, "Environment", &environment_type, SETTING_ONLY_CHECKED,
     NULL, SETTING_AT_START, "kernel",
     "Variables of its environment; besides these it gets PATH, HOME, LANG and TZ of the kernel, "
     "D2K_CONFIG_DIR, and nothing else."},
    {SETTINGS_APPLICATION, PROCESS_KEY, "Autostart", &autostart_type, SETTING_ONLY_CHECKED, "on",
     SETTING_AT_START, "kernel",
     "on: it is started with the kernel, and again when it crashes or hangs. off: it is only "
     "known."},
    {SETTINGS_APPLICATION, PROCESS_KEY, "StartPriority", &priority_type, SETTING_ONLY_CHECKED, "0",
     SETTING_AT_START, "kernel", "Higher ones start first and are stopped last."},
    {SETTINGS_APPLICATION, PROCESS_KEY, "InitTime", &init_time_type, SETTING_ONLY_CHECKED, "10",
     SETTING_AT_START, "kernel",
     "Seconds that it may take to register before the next one is started all the same."},
    {SETTINGS_APPLICATION, PROCESS_KEY, "StopTimeout", &stop_time_type, SETTING_ONLY_CHECKED, "10",
     SETTING_AT_START, "kernel",
     "Seconds that it may take to end after SIGTERM before it gets SIGKILL."},

    {SETTINGS_APPLICATION, "KOM", "Period", &period_type, APPLICATION(kom_period_ms), "1000",
     SETTING_WHILE_RUNNING, "kom", "Milliseconds between two measurements of this machine."},
    {SETTINGS_APPLICATION, "KOM", "Groups", &kom_groups_type, APPLICATION(kom_groups), "cpu;memory",
     SETTING_WHILE_RUNNING, "kom", "What is measured of this machine."},
    {0},
};

const struct setting *settings_table(void)
{
    return table;
}

static const char *choice_text(const struct setting_choice *choices, int number)
{
    for (const struct setting_choice *c = choices; c->text != NULL; c++) {
        if (c->number == number) {
            return c->text;
        }
    }
    return "?";
}

const char *tls_level_name(enum tls_level level)
{
    return choice_text(client_levels, (int)level);
}

const char *tls_min_version_name(enum tls_min_version version)
{
    return choice_text(min_versions, (int)version);
}

const char *tls_cert_dates_name(enum tls_cert_dates dates)
{
    return choice_text(cert_dates, (int)dates);
}

char *setting_type_text(const struct setting *setting, char *ret, size_t size)
{
    if (setting->type->name == NULL) {
        return setting_choices_text(setting->type->choices, " | ", ret, size);
    }
    text_copy(ret, size, setting->type->name);
    return ret;
}

const char *setting_when_text(enum setting_when when)
{
    switch (when) {
    case SETTING_AT_NEXT_CONNECT:
        return "at the next connect";
    case SETTING_WHILE_RUNNING:
        return "while it runs";
    case SETTING_AT_START:
        break;
    }
    return "at the next start";
}

bool setting_is_list(const struct setting *setting)
{
    return setting != NULL && setting->type->is_list;
}

bool setting_is_path(const struct setting *setting)
{
    return setting != NULL && (setting->type == &path_type || setting->type == &paths_type);
}
