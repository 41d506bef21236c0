/* d2k-kernel: reads the command line and the configuration, puts the parts together, runs. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/version.h"
#include "kernel/kernel.h"
#include "kernel/options.h"
#include "kernel/parent.h"
#include "kernel/parent_line.h"
#include "log/log_file.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"
#include "os/service.h"
#include "os/socket.h"
#include "os/system.h"
#include "registry/settings.h"
#include "store/hobj_table.h"
#include "wire/value.h"

#define LOG_NAME       "KNL-SELF"
#define PARENT_LOG     "KNL-PARENT"
#define STATE_DIR_MODE 0700u
#define RUN_DIR_MODE   0755u
#define ANY_ADDRESS_V4 "0.0.0.0"
#define ANY_ADDRESS_V6 "::"
#define UNFINISHED_LINKS \
    1024u /* links beyond Max_Clients that are still registering or being refused */

enum exit_code {
    EXIT_AS_ASKED = 0,
    EXIT_CONFIGURATION = 2,
    EXIT_CANNOT_LISTEN = 3,
    EXIT_INTERNAL = 6,
};

/* Everything that main() makes, in this order, and frees in the opposite one. */
struct program {
    struct kernel_options options;
    struct registry_location location;
    struct installation_settings installation;
    struct application_settings settings;
    const char *application;
    char *log_dir, *state_dir, *run_dir;
    unsigned sockets;          /* that the service manager has opened */
    struct parent_child child; /* line -1: there is no parent */
    struct log_file *log_file;
    struct log *log;
    struct hobj_table *hobjs;
    struct tls_keeper *keeper;
    struct guard *guard;
    struct plant *plant;
    struct kernel kernel;
    struct net_server *net;
    _Atomic(struct net_server *) notified; /* by the guard's thread; NULL: not yet */
};

static int exit_code_of(d2k_result result)
{
    switch (result) {
    case D2K_OK:
        return EXIT_AS_ASKED;
    case D2K_IO:
        return EXIT_CANNOT_LISTEN;
    case D2K_NO_MEMORY:
    case D2K_INTERNAL:
        return EXIT_INTERNAL;
    default:
        return EXIT_CONFIGURATION;
    }
}

/* ---- configuration ---- */

static d2k_result read_configuration(struct program *p, struct error *err)
{
    d2k_result rc =
        registry_locate(p->options.installation, p->options.config_dir, &p->location, err);
    if (rc != D2K_OK) {
        return rc;
    }
    rc = settings_read_installation(&p->location, NULL, &p->installation, err);
    if (rc != D2K_OK) {
        return rc;
    }
    p->application = p->options.application != NULL ? p->options.application
                                                    : p->installation.default_application;
    if (p->application == NULL) {
        return error_set(err, D2K_ARGUMENT,
                         "which application? Give @<application>, or set DefaultApplication in "
                         "%s/installation.conf",
                         p->location.config_dir);
    }
    return settings_read_application(&p->location, p->application, NULL, &p->settings, err);
}

static d2k_result make_directories(struct program *p, struct error *err)
{
    p->state_dir = registry_state_dir(&p->location, p->application, p->options.state_dir);
    p->log_dir = registry_log_dir(&p->location, p->application, p->options.log_dir);
    p->run_dir = p->options.run_dir != NULL ? text_format("%s", p->options.run_dir)
                                            : registry_run_dir(&p->location);
    if (p->state_dir == NULL || p->log_dir == NULL || p->run_dir == NULL) {
        return error_no_memory(err);
    }
    const struct {
        const char *path, *use;
        uint32_t mode;
    } directories[] = {{p->state_dir, "state (--state-dir)", STATE_DIR_MODE},
                       {p->run_dir, "local socket (--run-dir)", RUN_DIR_MODE}};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        int rc = os_directory_make(directories[i].path, directories[i].mode);
        if (rc != 0) {
            return error_set(err, D2K_FILE, "directory %s for the %s cannot be made: %s",
                             directories[i].path, directories[i].use, os_error_text(rc));
        }
    }
    return D2K_OK;
}

/* The parent has no thread, so that it may start processes. */
static d2k_result open_log(struct program *p, const char *name, bool threaded, struct error *err)
{
    struct log_file_options options = {
        .directory = p->log_dir,
        .name = name,
        .threaded = threaded,
        .also_stderr = os_is_terminal(2),
        .to_journal = os_service_stderr_is_journal(),
        .json = p->options.log_json,
        .max_history_size = p->installation.max_log_size,
        .max_size = p->installation.max_log_size,
    };
    d2k_result rc = log_file_open(&options, &p->log_file, err);
    if (rc == D2K_OK) {
        p->log = log_file_log(p->log_file);
    }
    return rc;
}

static void close_log(struct program *p)
{
    log_file_close(p->log_file);
    p->log_file = NULL;
    p->log = NULL;
}

/* Warnings are for the log, which could not be opened before the configuration was read. */
static void log_configuration_warnings(struct program *p)
{
    struct installation_settings installation;
    struct application_settings settings;
    struct error err;
    if (settings_read_installation(&p->location, p->log, &installation, &err) == D2K_OK) {
        settings_free_installation(&installation);
    }
    if (settings_read_application(&p->location, p->application, p->log, &settings, &err) ==
        D2K_OK) {
        settings_free_application(&settings);
    }
}

/* ---- parts ---- */

static uint32_t stored_hobj(void *context, struct slice name)
{
    struct program *p = context;
    return hobj_table_find(p->hobjs, name);
}

static void store_hobj(void *context, struct slice name, uint32_t hobj)
{
    struct program *p = context;
    hobj_table_add(p->hobjs, name, hobj);
}

static void wake(void *context, struct subscriber *subscriber)
{
    struct program *p = context;
    kernel_wake(&p->kernel, subscriber);
}

static uint64_t now_ms(void *context)
{
    const struct program *p = context;
    return net_server_now_ms(p->kernel.net);
}

static d2k_result make_plant(struct program *p, struct error *err)
{
    uint64_t seed[2];
    if (!os_random(seed, sizeof seed)) {
        return error_set(err, D2K_INTERNAL, "the system gives no random bytes");
    }
    d2k_result rc = hobj_table_open(p->state_dir, p->log, &p->hobjs, err);
    if (rc != D2K_OK) {
        return rc;
    }
    struct plant_hooks hooks = {
        .encode = wire_value_encode,
        .wake = wake,
        .may_see = permissions_may_see,
        .now_ms = now_ms,
        .stored_hobj = stored_hobj,
        .store_hobj = store_hobj,
        .context = p,
    };
    p->plant = plant_new(&hooks, seed, hobj_table_highest(p->hobjs) + 1);
    if (p->plant == NULL) {
        return error_no_memory(err);
    }
    plant_keep_history(p->plant, p->settings.history_entries, PLANT_HISTORY_BYTES_MAX);
    return D2K_OK;
}

/* Another thread calls it, perhaps before there is a server. */
static void wake_plant_thread(void *context)
{
    struct program *p = context;
    struct net_server *net = atomic_load(&p->notified);
    if (net != NULL) {
        net_server_notify(net);
    }
}

static d2k_result open_guard(struct program *p, struct error *err)
{
    struct guard_setup setup = {
        .location = &p->location,
        .application = p->application,
        .log = p->log,
        .wake = wake_plant_thread,
        .context = p,
    };
    return guard_open(&setup, &p->guard, err);
}

static d2k_result make_kernel(struct program *p, struct error *err)
{
    struct kernel_setup setup = {
        .application = p->application,
        .log = p->log,
        .plant = p->plant,
        .hobjs = p->hobjs,
        .max_clients = p->settings.max_clients,
        .admin_uid = os_user_id(),
        .keeper = p->keeper,
        .guard = p->guard,
        .parent_line = p->child.line,
        .processes = &p->settings.processes,
    };
    d2k_result rc = kernel_init(&p->kernel, &setup, err);
    if (rc == D2K_OK) {
        rc = configuration_open(&p->kernel, p->state_dir, err);
    }
    if (rc != D2K_OK) {
        return rc;
    }
    programs_show(&p->kernel);
    struct net_callbacks callbacks = kernel_callbacks(&p->kernel);
    struct net_options options = {
        .workers = p->settings.handshake_workers != 0 ? p->settings.handshake_workers
                                                      : os_processor_count(),
        .max_links = p->settings.max_clients + UNFINISHED_LINKS,
        .keeper = p->keeper,
        .callbacks = &callbacks,
    };
    rc = net_server_new(&options, &p->net, err);
    p->kernel.net = p->net;
    atomic_store(&p->notified, p->net);
    return rc == D2K_OK && p->child.line >= 0 ? net_server_watch(p->net, p->child.line, err) : rc;
}

static d2k_result listen_on(struct program *p, const char *host, uint16_t *port, struct error *err)
{
    struct os_address address;
    if (os_address_parse(host, *port, &address) != 0) {
        return error_set(err, D2K_ARGUMENT, "\"%s\" is not an IPv4 or IPv6 address", host);
    }
    d2k_result rc = net_server_listen(p->net, &address, port, err);
    if (rc == D2K_OK) {
        log_write(p->log, LOG_INFO, "SERVER", "Listening on [TCP/IP %s] port %u", host, *port);
    }
    return rc;
}

static d2k_result listen_on_all(struct program *p, uint16_t *port, struct error *err)
{
    d2k_result rc = listen_on(p, ANY_ADDRESS_V4, port, err);
    if (rc != D2K_OK) {
        return rc;
    }
    struct error no_v6 = {0};
    if (listen_on(p, ANY_ADDRESS_V6, port, &no_v6) != D2K_OK) {
        log_write(p->log, LOG_WARNING, "SERVER", "%s; serving IPv4 only", no_v6.text);
    }
    return D2K_OK;
}

static d2k_result listen_locally(struct program *p, struct error *err)
{
    char *path = text_format("%s/%s.sock", p->run_dir, p->application);
    struct os_address address;
    if (path == NULL) {
        return error_no_memory(err);
    }
    d2k_result rc = os_address_local(path, &address) == 0
                        ? net_server_listen(p->net, &address, NULL, err)
                        : error_set(err, D2K_FILE, "the path is too long for a local socket");
    if (rc != D2K_OK) {
        rc = error_wrap(err, "local socket %s", path);
    } else {
        log_write(p->log, LOG_INFO, "SERVER", "Listening on [LOCAL %s]", path);
    }
    free(path);
    return rc;
}

/* What the service manager has opened for us is all there is of TCP then: the unit says where. */
static d2k_result adopt_sockets(struct program *p, unsigned count, uint16_t *ret_port,
                                bool *ret_local, struct error *err)
{
    *ret_local = false;
    *ret_port = 0;
    d2k_result rc = D2K_OK;
    for (int i = 0; i < (int)count; i++) {
        uint16_t port = 0;
        struct error trouble;
        d2k_result adopted = net_server_adopt(p->net, OS_SERVICE_FIRST_SOCKET + i, &port, &trouble);
        if (adopted != D2K_OK && rc == D2K_OK) {
            rc = error_set(err, adopted, "%s", trouble.text);
        }
        *ret_local = *ret_local || (adopted == D2K_OK && port == 0);
        *ret_port = *ret_port == 0 ? port : *ret_port;
        if (adopted == D2K_OK && port != 0) {
            log_write(p->log, LOG_INFO, "SERVER",
                      "Listening on [TCP/IP] port %u, opened by the service manager", port);
        } else if (adopted == D2K_OK) {
            log_write(p->log, LOG_INFO, "SERVER",
                      "Listening on [LOCAL], opened by the service manager");
        }
    }
    return rc;
}

static d2k_result listen_on_tcp(struct program *p, uint16_t *port, struct error *err)
{
    if (p->options.address_count == 0) {
        return listen_on_all(p, port, err);
    }
    d2k_result rc = D2K_OK;
    for (unsigned i = 0; rc == D2K_OK && i < p->options.address_count; i++) {
        rc = listen_on(p, p->options.addresses[i], port, err);
    }
    return rc;
}

static d2k_result listen_everywhere(struct program *p, struct error *err)
{
    uint16_t port = 0;
    bool local = false;
    d2k_result rc = adopt_sockets(p, p->sockets, &port, &local, err);
    if (rc == D2K_OK && port == 0) {
        port = p->child.port != 0 ? p->child.port : p->options.port;
        rc = listen_on_tcp(p, &port, err);
    }
    if (rc == D2K_OK && !local) {
        rc = listen_locally(p, err);
    }
    if (rc == D2K_OK) {
        service_ready(&p->kernel, port);
        parent_line_ready(p->child.line, port);
        (void)printf("Listening on port %u\n", port);
        (void)fflush(stdout);
    }
    return rc;
}

/* ---- life ---- */

/* What is needed of both processes, before there are two. */
static d2k_result prepare(struct program *p, struct error *err)
{
    d2k_result rc = read_configuration(p, err);
    return rc == D2K_OK ? make_directories(p, err) : rc;
}

/* Where there are static processes this becomes the parent, and goes on in its child. False: this
 * is the parent, and all is over. */
static bool split(struct program *p, int *ret_exit_code, d2k_result *ret_result, struct error *err)
{
    if (p->settings.processes.count == 0) {
        return true;
    }
    *ret_result = open_log(p, PARENT_LOG, false, err);
    if (*ret_result != D2K_OK) {
        return true;
    }
    os_service_let_child_speak();
    struct parent_setup setup = {&p->settings.processes, p->log, p->location.config_dir};
    bool is_child = parent_run(&setup, &p->child, ret_exit_code);
    close_log(p);
    return is_child;
}

/* What has the network must not start programs, whoever may come to command it. */
static d2k_result give_up_rights(const struct program *p, struct error *err)
{
    int error = p->child.line >= 0 ? os_process_forbid_programs() : 0;
    if (error != 0) {
        return error_set(err, D2K_INTERNAL,
                         "the network process cannot give up the right to start programs: %s",
                         os_error_text(error));
    }
    return D2K_OK;
}

static d2k_result run(struct program *p, struct error *err)
{
    d2k_result rc = open_log(p, LOG_NAME, true, err);
    if (rc != D2K_OK) {
        return rc;
    }
    log_write(p->log, LOG_INFO, "SERVER",
              "D2000 Kernel " D2K_VERSION_TEXT " starts. Application: %s Configuration: %s",
              p->application, p->location.config_dir);
    rc = give_up_rights(p, err);
    if (rc != D2K_OK) {
        return rc;
    }
    log_configuration_warnings(p);
    rc = tls_keeper_open_server(&p->location, p->application, p->log, &p->keeper, err);
    if (rc == D2K_OK) {
        rc = open_guard(p, err);
    }
    if (rc == D2K_OK) {
        rc = make_plant(p, err);
    }
    if (rc == D2K_OK) {
        rc = make_kernel(p, err);
    }
    if (rc == D2K_OK) {
        rc = listen_everywhere(p, err);
    }
    return rc == D2K_OK ? net_server_run(p->net, err) : rc;
}

static void clean_up(struct program *p)
{
    guard_close(p->guard);
    configuration_close(&p->kernel);
    net_server_free(p->net);
    if (p->kernel.plant != NULL) {
        clients_bury(&p->kernel);
    }
    commands_free(&p->kernel.commands);
    orders_free(&p->kernel.orders);
    programs_free(&p->kernel);
    rights_unref(p->kernel.rights);
    plant_free(p->plant);
    hobj_table_close(p->hobjs);
    tls_keeper_close(p->keeper);
    if (p->child.line >= 0) {
        os_socket_close(p->child.line);
    }
    close_log(p);
    free(p->run_dir);
    free(p->log_dir);
    free(p->state_dir);
    settings_free_application(&p->settings);
    settings_free_installation(&p->installation);
    registry_location_free(&p->location);
}

int main(int argc, char **argv)
{
    struct program p = {.child = {.line = -1}};
    int parent_exit_code = EXIT_INTERNAL;
    struct error err = {0};
    d2k_result rc = kernel_options_parse(argc, argv, &p.options, &err);
    if (rc == D2K_OK && (p.options.help || p.options.version)) {
        (void)fputs(p.options.help ? kernel_options_help() : "d2k-kernel " D2K_VERSION_TEXT "\n",
                    stdout);
        return EXIT_AS_ASKED;
    }
    if (rc == D2K_OK) {
        os_ignore_broken_pipes();
        p.sockets = os_service_sockets();
        rc = prepare(&p, &err);
    }
    if (rc == D2K_OK && !split(&p, &parent_exit_code, &rc, &err)) {
        clean_up(&p);
        return parent_exit_code;
    }
    if (rc == D2K_OK) {
        (void)os_raise_descriptor_limit();
        rc = run(&p, &err);
    }
    if (rc != D2K_OK) {
        log_write(p.log, LOG_ERROR, "SERVER", "%s. The kernel does not start.", err.text);
        if (p.log == NULL || !os_is_terminal(2)) {
            (void)fprintf(stderr, "d2k-kernel: %s\n", err.text);
        }
    } else {
        log_write(p.log, LOG_INFO, "SERVER", "Kernel ended.");
    }
    clean_up(&p);
    return exit_code_of(rc);
}
