/* programs/tell/main.c: d2k-tell, the command line of a d2k kernel. */
#include <errno.h>
#include <stdio.h>

#include "os/file.h"
#include "os/system.h"
#include "programs/tell/tell.h"

static const struct program_info info = {
    .name = "d2k-tell",
    .suffix = "TEL",
    .usage = "d2k-tell [@<application>] [parameters] [<command>]\n"
             "Without a command, on a terminal, it asks for commands.\n"
             "Asks a d2k kernel. A PATTERN may hold '*' (any text) and '?' (one character).",
    .help =
        "Commands:\n"
        "  list [PATTERN...]           objects: name, type, unit, owner, description\n"
        "  get NAME|PATTERN...         their values now\n"
        "  snapshot NAME|PATTERN...    their values at one moment\n"
        "  watch NAME|PATTERN...       a line for each change, until Ctrl-C\n"
        "  history NAME [COUNT]        the last changes that the kernel has kept, oldest first\n"
        "  set NAME VALUE              sets an object: a command to its owner, or a user "
        "variable;\n"
        "                              waits for the outcome\n"
        "  ack NAME|PATTERN...         acknowledges their process alarms\n"
        "  processes [PATTERN...]      who is or was connected, from where, how securely\n"
        "  connections [PATTERN...]    the links that are there now\n"
        "  version                     of d2k-tell, its library and the kernel\n"
        "  define NAME TYPE            makes a user variable, which the kernel stores with its "
        "value,\n"
        "                              or changes it; TYPE: Boolean, Integer, Real, Text...; like\n"
        "                              shutdown over the local socket\n"
        "  delete NAME...              removes such objects; over the local socket\n"
        "  import FILE...              defines what the lines of CSV files say; '-' is standard\n"
        "                              input; over the local socket\n"
        "  export [PATTERN...]         such objects as CSV, as import takes it\n"
        "  start PROCESS               starts a process that the kernel has in its configuration;\n"
        "  stop PROCESS                ends it, until it is started again;\n"
        "  restart PROCESS             both; they wait until it is done; over the local socket\n"
        "  set-active PROCESS INSTANCE     which instance of a process gives the values;\n"
        "  set-preferred PROCESS INSTANCE  which one does whenever it is connected (0: none); "
        "both\n"
        "                              like shutdown over the local socket\n"
        "  log-level info|debug        how much the kernel writes into its log; like shutdown "
        "over\n"
        "                              the local socket\n"
        "  shutdown [REASON]           ends the kernel; over the local socket, unless /S or /P\n"
        "                              names a server (then it asks for the right to do it)\n"
        "\n"
        "Parameters of d2k-tell (before or after the command):\n"
        "  --interactive               ask for commands also when there is no terminal\n"
        "  --json                      one JSON document; watch, history: one JSON object a "
        "line\n"
        "  --csv                       watch, history, snapshot: comma-separated values\n"
        "  --local                     over the local socket of the kernel on this machine\n"
        "  --names                     list: only the names, one a line\n"
        "  --type= --owner= --quality= --kind= --path=\n"
        "                              list: only objects of this type, owner (pattern), quality\n"
        "                              (valid, invalid), kind (process, user variable, computed,\n"
        "                              system tag), group (pattern)\n"
        "  --state=<state>             processes: only Running, Stop, Crash or WDErr\n"
        "  --no-wait                   set: end when it is sent, whatever becomes of it\n"
        "  --every                     watch: every value, not only the newest\n"
        "  --interval=<ms>             watch: at most one value of an object in this time\n"
        "  --dead-band=<number>        watch: numbers so near to the last one are left out\n"
        "  --count=<n>                 watch: end after n values\n"
        "  --for=<seconds>             watch: end after this time\n"
        "  --description=<text> --unit=<text> --path=<group> --default=<value> --writable\n"
        "                              define: what else is said of the variable\n"
        "  --of=<type>                 define: type of the elements of an Array\n"
        "  --columns='Temp Real, ...'  define: columns of a Structure\n"
        "  --computed=<expression>     define: the object is computed: 'A + 2 * B'\n"
        "  --vl= --l= --h= --vh=<number>\n"
        "                              define: limits of an Integer or a Real\n"
        "  --history=<n>               define: the kernel keeps its last n changes, 0: none\n"
        "  --alarm=<alarms> --critical define: its process alarms: usual, silent, or names:\n"
        "                              'H_Limit VH_Limit'\n",
    .argument = tell_options_take,
};

enum exit_code tell_connect(struct tell *tell)
{
    d2k_event event;
    while (!program_stop_requested()) {
        d2k_result result = program_next(&tell->program, &event, -1);
        if (result == D2K_OK && event.type == D2K_EVENT_CONNECTED) {
            return EXIT_CODE_OK;
        }
        if (result != D2K_OK && result != D2K_TIMEOUT) {
            return program_link_ended(&tell->program, result);
        }
    }
    return EXIT_CODE_OK;
}

enum exit_code tell_flush(struct tell *tell, bool *ret_gone)
{
    errno = 0;
    bool failed = fflush(stdout) != 0 || ferror(stdout) != 0;
    int error = errno;
    if (ret_gone != NULL) {
        *ret_gone = failed && error == EPIPE;
    }
    if (!failed || error == EPIPE) {
        return EXIT_CODE_OK;
    }
    program_say_error(&tell->program, "standard output cannot be written: %s",
                      os_error_text(error));
    return EXIT_CODE_INTERNAL;
}

enum exit_code tell_next_event(struct tell *tell, d2k_event *ret_event, int timeout_ms)
{
    struct program *program = &tell->program;
    d2k_result result = program_next(program, ret_event, timeout_ms);
    if (program_stop_requested()) {
        return EXIT_CODE_INTERNAL;
    }
    if (result == D2K_TIMEOUT) {
        program_say_error(program, "the kernel has not answered for %d s", timeout_ms / 1000);
        return EXIT_CODE_LINK_LOST;
    }
    return result == D2K_OK ? EXIT_CODE_OK : program_link_ended(program, result);
}

enum exit_code tell_too_large(struct tell *tell)
{
    program_say_error(&tell->program,
                      "the answer is larger than %u MiB or memory is short; use a narrower pattern",
                      REPLY_MAX_BYTES / 1024u / 1024u);
    return EXIT_CODE_INTERNAL;
}

enum exit_code tell_run_command(struct tell *tell)
{
    switch (tell->options.command) {
    case TELL_LIST:
        return tell_list(tell);
    case TELL_GET:
        return tell_get(tell);
    case TELL_SNAPSHOT:
        return tell_snapshot(tell);
    case TELL_WATCH:
        return tell_watch(tell);
    case TELL_HISTORY:
        return tell_history(tell);
    case TELL_PROCESSES:
        return tell_processes(tell);
    case TELL_CONNECTIONS:
        return tell_connections(tell);
    case TELL_VERSION:
        return tell_version(tell);
    case TELL_SHUTDOWN:
        return tell_shutdown(tell);
    case TELL_SET_ACTIVE:
    case TELL_SET_PREFERRED:
        return tell_instance(tell);
    case TELL_START:
    case TELL_STOP:
    case TELL_RESTART:
        return tell_process(tell);
    case TELL_LOG_LEVEL:
        return tell_log_level(tell);
    case TELL_SET:
        return tell_set(tell);
    case TELL_ACK:
        return tell_ack(tell);
    case TELL_DEFINE:
        return tell_define(tell);
    case TELL_DELETE:
        return tell_delete(tell);
    case TELL_IMPORT:
        return tell_import(tell);
    case TELL_EXPORT:
        return tell_export(tell);
    case TELL_NONE:
    case TELL_COMMANDS:
        break;
    }
    return EXIT_CODE_USAGE;
}

static enum exit_code check_arguments(struct tell *tell)
{
    struct error err;
    struct program *program = &tell->program;
    if (!tell_options_name_command(&tell->options)) {
        tell->in_session = tell->options.interactive || (os_is_terminal(0) && os_is_terminal(1));
    }
    if (!tell->in_session && tell_options_check(&tell->options, &err) != D2K_OK) {
        program_say_error(program, "%s", err.text);
        return EXIT_CODE_USAGE;
    }
    /* Whoever names a server means the network, where the kernel asks for the right to do it. */
    if (tell_command_administers(tell->options.command) &&
        !d2k_config_server_given(program->config)) {
        tell->options.local = true;
    }
    d2k_config_set_local(program->config, tell->options.local);
    return EXIT_CODE_OK;
}

/* The socket's name is that of the application. */
static enum exit_code check_local(struct tell *tell)
{
    if (tell->options.local && d2k_config_application(tell->program.config) == NULL) {
        program_say_error(&tell->program,
                          "the local socket of a kernel has the name of its application: give "
                          "@<application> or set DefaultApplication");
        return EXIT_CODE_USAGE;
    }
    return EXIT_CODE_OK;
}

static enum exit_code start(struct tell *tell)
{
    enum exit_code code = check_arguments(tell);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    struct program_log_options log = {
        .name = "TEL",
        .shared = true,
        .also_stderr = d2k_config_verbose(tell->program.config),
        .stderr_fallback = d2k_config_verbose(tell->program.config),
    };
    if (!program_open_log(&tell->program, &log, &code)) {
        return code;
    }
    code = check_local(tell);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    code = program_start_client(&tell->program);
    return code == EXIT_CODE_OK ? tell_connect(tell) : code;
}

int main(int argc, char **argv)
{
    static struct tell tell;
    enum exit_code code;
    if (program_start(&tell.program, &info, argc, argv, &tell.options, &code)) {
        code = start(&tell);
        if (code == EXIT_CODE_OK && !program_stop_requested()) {
            code = tell.in_session ? tell_interactive(&tell) : tell_run_command(&tell);
        }
    }
    program_end(&tell.program);
    /* A watch ends by a signal as it should; everything else was broken off by it. */
    if (tell.options.command != TELL_WATCH) {
        program_die_of_signal();
    }
    return (int)code;
}
