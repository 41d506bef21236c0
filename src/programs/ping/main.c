/* programs/ping/main.c: d2k-ping measures how fast a kernel answers.
 *
 * Blocks of messages at a steady rate; a block ends when each of its messages is answered or lost,
 * and the next one begins when it is due. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/file.h"
#include "programs/common/program.h"
#include "programs/ping/options.h"
#include "programs/ping/payload.h"
#include "programs/ping/report.h"
#include "programs/ping/window.h"

#define NS_A_MS         UINT64_C(1000000)
#define NS_A_S          UINT64_C(1000000000)
#define LAST_ANSWERS_NS NS_A_S /* after a signal */
#define OUTPUT_MAX      (64u * 1024u)

struct ping {
    struct program program;
    struct ping_options options;
    struct ping_payload payload;
    struct ping_window window;
    struct ping_tally block, all;
    struct buffer output;
    uint64_t next_number; /* of a message, from 0 */
    uint64_t blocks;      /* that were begun */
    uint64_t begun_ns, block_begun_ns;
    uint64_t stop_ns; /* when we saw that we are to stop; 0: not yet */
    bool connected, complained;
    bool reader_gone;
};

static const struct program_info info = {
    .name = "d2k-ping",
    .suffix = "PNK",
    .usage = "d2k-ping [@<application>] [parameters]\n"
             "Sends messages to a d2k kernel in blocks and measures how fast they come back.",
    .help =
        "Parameters of d2k-ping:\n"
        "  /DST=<process>              who is asked: the kernel, SELF.KNL (default and only one)\n"
        "    --destination=\n"
        "  /BSIZE=<n>                  messages of a block, sent without waiting; default 1\n"
        "    --block-size=\n"
        "  /BDELAY=<seconds>           from the begin of a block to that of the next; default 1,\n"
        "    --block-delay=            0.001 is the finest, 0: without pause\n"
        "  /MSIZE=<bytes>              data of a message, 0..65536; default 0\n"
        "    --message-size=\n"
        "  /MDYNAMIC=TRUE|FALSE        one byte more in each message; default FALSE\n"
        "    --message-dynamic=\n"
        "  /USIZE=<n>                  the data is n records of values (40 bytes each), 0..1638\n"
        "    --values=\n"
        "  --count=<n>                 end after n blocks; default: Ctrl-C ends\n"
        "  --timeout=<seconds>         a message without answer is lost then; default 10\n"
        "  --json                      one JSON object a line\n",
    .argument = ping_options_take,
};

/* ---- output ---- */

static enum exit_code flush_output(struct ping *ping)
{
    size_t size = buffer_size(&ping->output);
    if (buffer_failed(&ping->output)) {
        program_say_error(&ping->program, "out of memory");
        return EXIT_CODE_INTERNAL;
    }
    errno = 0;
    bool good = fwrite(buffer_data(&ping->output), 1, size, stdout) == size && fflush(stdout) == 0;
    int error = errno;
    buffer_reset(&ping->output);
    ping->reader_gone = ping->reader_gone || (!good && error == EPIPE);
    if (!good && error != EPIPE) {
        program_say_error(&ping->program, "standard output cannot be written: %s",
                          os_error_text(error));
        return EXIT_CODE_INTERNAL;
    }
    return EXIT_CODE_OK;
}

static enum exit_code report_start(struct ping *ping)
{
    const d2k_client *client = ping->program.client;
    struct ping_start start = {
        .kernel_version = d2k_client_kernel_version(client),
        .process_name = d2k_client_process_name(client),
        .tls_version = d2k_client_tls_version(client),
        .verified = d2k_client_verified(client),
        .options = &ping->options,
    };
    ping_report_start(&ping->output, &start, ping->options.json);
    return flush_output(ping);
}

/* ---- answers ---- */

static void tally_lost(struct ping *ping)
{
    ping->block.lost++;
    ping->all.lost++;
}

static void tally_answer(struct ping_tally *tally, const struct ping_sent *sent, uint64_t ns)
{
    tally->received++;
    tally->bytes += sent->size;
    ping_statistics_add(&tally->round_trips, ns);
}

static void take_pong(struct ping *ping, const d2k_event *event)
{
    uint64_t now = os_monotonic_ns();
    struct ping_sent sent;
    if (!ping_window_take(&ping->window, event->request, &sent)) {
        ping->block.late++;
        ping->all.late++;
        return;
    }
    struct slice data = ping_payload_of(&ping->payload, sent.number);
    if (event->count != data.size ||
        (data.size > 0 && memcmp(event->text, data.data, data.size) != 0)) {
        ping->block.changed++;
        ping->all.changed++;
        tally_lost(ping);
        return;
    }
    tally_answer(&ping->block, &sent, now - sent.sent_ns);
    tally_answer(&ping->all, &sent, now - sent.sent_ns);
}

static void take_refusal(struct ping *ping, const d2k_event *event)
{
    struct ping_sent sent;
    if (!ping_window_take(&ping->window, event->request, &sent)) {
        return;
    }
    tally_lost(ping);
    if (!ping->complained) {
        ping->complained = true;
        program_say_error(&ping->program, "a message was refused: %s", event->text);
    }
}

/* All messages that were sent before `until_ns` and are not answered. */
static void lose_older(struct ping *ping, uint64_t until_ns)
{
    struct ping_sent sent;
    const struct ping_sent *oldest = ping_window_oldest(&ping->window);
    while (oldest != NULL && oldest->sent_ns <= until_ns) {
        if (ping_window_take(&ping->window, oldest->request, &sent)) {
            tally_lost(ping);
        }
        oldest = ping_window_oldest(&ping->window);
    }
}

/* ---- waiting ---- */

static void handle_event(struct ping *ping, const d2k_event *event)
{
    switch (event->type) {
    case D2K_EVENT_PONG:
        take_pong(ping, event);
        break;
    case D2K_EVENT_FAILED:
        take_refusal(ping, event);
        break;
    case D2K_EVENT_CONNECTED:
        ping->connected = true;
        break;
    case D2K_EVENT_DISCONNECTED:
        ping->connected = false;
        lose_older(ping, UINT64_MAX);
        if (ping->program.reconnect) {
            program_say_error(&ping->program, "connection lost, connecting again: %s", event->text);
        }
        break;
    default:
        break;
    }
}

static bool is_stopping(struct ping *ping)
{
    if (ping->stop_ns == 0 && (program_stop_requested() || ping->reader_gone)) {
        ping->stop_ns = os_monotonic_ns();
    }
    return ping->stop_ns != 0;
}

/* Waits for one event, at most until `until_ns`. */
static enum exit_code wait_for_event(struct ping *ping, uint64_t until_ns)
{
    d2k_event event;
    uint64_t now = os_monotonic_ns();
    uint64_t wait_ms = until_ns <= now ? 0 : (until_ns - now + NS_A_MS - 1) / NS_A_MS;
    d2k_result result = program_next(&ping->program, &event, (int)wait_ms);
    if (result == D2K_OK) {
        handle_event(ping, &event);
        return EXIT_CODE_OK;
    }
    if (result == D2K_TIMEOUT || result == D2K_AGAIN) {
        return EXIT_CODE_OK;
    }
    lose_older(ping, UINT64_MAX);
    return program_link_ended(&ping->program, result);
}

/* Until registered, or a signal. */
static enum exit_code wait_connected(struct ping *ping)
{
    enum exit_code code = EXIT_CODE_OK;
    while (code == EXIT_CODE_OK && !ping->connected && !is_stopping(ping)) {
        code = wait_for_event(ping, os_monotonic_ns() + NS_A_S);
    }
    return code;
}

/* ---- blocks ---- */

static void tally_sent(struct ping_tally *tally, size_t size)
{
    tally->min_size = tally->sent == 0 || size < tally->min_size ? size : tally->min_size;
    tally->max_size = size > tally->max_size ? size : tally->max_size;
    tally->sent++;
}

static enum exit_code send_one(struct ping *ping, struct slice data)
{
    struct ping_sent sent = {
        .number = ping->next_number, .sent_ns = os_monotonic_ns(), .size = data.size};
    d2k_result result = d2k_ping(ping->program.client, data.data, data.size, &sent.request);
    if (result != D2K_OK) {
        program_say_error(&ping->program, "%s", d2k_client_error_text(ping->program.client));
        return exit_code_of(result, true);
    }
    ping->next_number++;
    ping_window_add(&ping->window, &sent);
    tally_sent(&ping->block, data.size);
    tally_sent(&ping->all, data.size);
    return EXIT_CODE_OK;
}

static bool may_send(struct ping *ping)
{
    return ping->connected && d2k_client_registered(ping->program.client) && !is_stopping(ping) &&
           ping->block.sent < ping->options.block_size;
}

/* As many messages of the block as may be under way at once. */
static enum exit_code send_some(struct ping *ping)
{
    enum exit_code code = EXIT_CODE_OK;
    while (code == EXIT_CODE_OK && may_send(ping)) {
        struct slice data = ping_payload_of(&ping->payload, ping->next_number);
        if (!ping_window_has_room(&ping->window, data.size)) {
            break;
        }
        code = send_one(ping, data);
    }
    return code;
}

/* Waits for an answer until the oldest message is lost; after a signal not for long. */
static enum exit_code wait_for_answer(struct ping *ping)
{
    uint64_t timeout_ns = ping->options.timeout_s * NS_A_S;
    uint64_t until = ping_window_oldest(&ping->window)->sent_ns + timeout_ns;
    if (is_stopping(ping) && ping->stop_ns + LAST_ANSWERS_NS < until) {
        until = ping->stop_ns + LAST_ANSWERS_NS;
    }
    enum exit_code code = wait_for_event(ping, until);
    uint64_t now = os_monotonic_ns();
    if (is_stopping(ping) && now >= ping->stop_ns + LAST_ANSWERS_NS) {
        lose_older(ping, UINT64_MAX);
    } else if (now > timeout_ns) {
        lose_older(ping, now - timeout_ns);
    }
    return code;
}

static enum exit_code run_block(struct ping *ping)
{
    memset(&ping->block, 0, sizeof ping->block);
    ping->blocks++;
    ping->complained = false;
    ping->block_begun_ns = os_monotonic_ns();
    enum exit_code code = send_some(ping);
    while (code == EXIT_CODE_OK && ping->window.waiting > 0) {
        code = wait_for_answer(ping);
        if (code == EXIT_CODE_OK) {
            code = send_some(ping);
        }
    }
    ping->block.busy_ns = os_monotonic_ns() - ping->block_begun_ns;
    ping->all.busy_ns += ping->block.busy_ns;
    ping_report_block(&ping->output, ping->blocks, &ping->block, ping->options.json);
    enum exit_code printed = flush_output(ping);
    return code != EXIT_CODE_OK ? code : printed;
}

static bool is_last_block(const struct ping *ping)
{
    return ping->options.blocks != 0 && ping->blocks >= ping->options.blocks;
}

static enum exit_code wait_for_next_block(struct ping *ping)
{
    enum exit_code code = EXIT_CODE_OK;
    uint64_t due = ping->block_begun_ns + ping->options.delay_ms * NS_A_MS;
    while (code == EXIT_CODE_OK && !is_stopping(ping) && os_monotonic_ns() < due) {
        code = wait_for_event(ping, due);
    }
    return code;
}

static enum exit_code run_blocks(struct ping *ping)
{
    enum exit_code code = wait_connected(ping);
    while (code == EXIT_CODE_OK && !is_stopping(ping)) {
        code = run_block(ping);
        if (code != EXIT_CODE_OK || is_last_block(ping)) {
            break;
        }
        code = wait_for_next_block(ping);
        if (code == EXIT_CODE_OK) {
            code = wait_connected(ping);
        }
    }
    return code;
}

static enum exit_code run(struct ping *ping)
{
    enum exit_code code = wait_connected(ping);
    if (code != EXIT_CODE_OK || !ping->connected) {
        return code;
    }
    code = report_start(ping);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    ping->begun_ns = os_monotonic_ns();
    code = run_blocks(ping);
    if (!ping->reader_gone) {
        ping_report_summary(&ping->output, ping->blocks, os_monotonic_ns() - ping->begun_ns,
                            &ping->all, ping->options.json);
        enum exit_code printed = flush_output(ping);
        code = code != EXIT_CODE_OK ? code : printed;
    }
    return code == EXIT_CODE_OK && ping->all.lost > 0 ? EXIT_CODE_NOT_FOUND : code;
}

/* ---- start and end ---- */

static enum exit_code start(struct ping *ping)
{
    enum exit_code code;
    struct error err;
    if (ping_options_check(&ping->options, &err) != D2K_OK) {
        program_say_error(&ping->program, "%s", err.text);
        return EXIT_CODE_USAGE;
    }
    struct program_log_options log = {
        .name = "PNK",
        .shared = true,
        .also_stderr = d2k_config_verbose(ping->program.config),
        .stderr_fallback = d2k_config_verbose(ping->program.config),
    };
    if (!program_open_log(&ping->program, &log, &code)) {
        return code;
    }
    ping_payload_init(&ping->payload, &ping->options);
    return program_start_client(&ping->program);
}

int main(int argc, char **argv)
{
    static struct ping ping;
    enum exit_code code;
    ping_options_init(&ping.options);
    buffer_init(&ping.output, OUTPUT_MAX);
    if (program_start(&ping.program, &info, argc, argv, &ping.options, &code)) {
        code = start(&ping);
        if (code == EXIT_CODE_OK) {
            code = run(&ping);
        }
    }
    buffer_free(&ping.output);
    program_end(&ping.program);
    if (ping.program.registered) {
        return (int)code;
    }
    program_die_of_signal();
    return (int)code;
}
