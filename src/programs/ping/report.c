/* programs/ping/report.c: text for people, JSON for scripts; times are milliseconds in both. */
#include "programs/ping/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"

#define LINE_SIZE 512
#define NS_A_MS   1e6
#define NS_A_S    1e9

static void put_text(struct buffer *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put_text(struct buffer *out, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length > 0) {
        buffer_put(out, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
    }
}

static double ms(uint64_t ns)
{
    return (double)ns / NS_A_MS;
}

static double loss_percent(const struct ping_tally *tally)
{
    return tally->sent == 0 ? 0 : 100.0 * (double)tally->lost / (double)tally->sent;
}

static double a_second(uint64_t count, uint64_t ns)
{
    return ns == 0 ? 0 : (double)count / ((double)ns / NS_A_S);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- text ---- */

static void put_sizes(struct buffer *out, const struct ping_tally *tally)
{
    if (tally->min_size == tally->max_size) {
        put_text(out, "%" PRIu64 " byte%s", tally->max_size, plural(tally->max_size));
    } else {
        put_text(out, "%" PRIu64 "..%" PRIu64 " bytes", tally->min_size, tally->max_size);
    }
}

static void put_start(struct buffer *out, const struct ping_start *start)
{
    const struct ping_options *options = start->options;
    put_text(out, "Pinging D2000 Kernel %s", start->kernel_version);
    if (start->tls_version[0] != '\0') {
        put_text(out, " [%s%s]", start->tls_version, start->verified ? " VERIFIED" : "");
    }
    put_text(out, " as %s: %u message%s a block, ", start->process_name, options->block_size,
             plural(options->block_size));
    if (options->values > 0) {
        put_text(out, "%u value%s each", options->values, plural(options->values));
    } else {
        put_text(out, "%u byte%s %s", options->message_size, plural(options->message_size),
                 options->grow ? "and one more each time" : "each");
    }
    put_text(out, ", a block every %.3f s\n", (double)options->delay_ms / 1000.0);
}

static void put_losses(struct buffer *out, const struct ping_tally *tally)
{
    if (tally->changed > 0) {
        put_text(out, ", %" PRIu64 " with other data than was sent", tally->changed);
    }
    if (tally->late > 0) {
        put_text(out, ", %" PRIu64 " late answer%s", tally->late, plural(tally->late));
    }
}

static void put_block(struct buffer *out, uint64_t number, const struct ping_tally *block)
{
    const struct ping_statistics *trips = &block->round_trips;
    put_text(out, "block %" PRIu64 ": %" PRIu64 "/%" PRIu64 " answered", number, block->received,
             block->sent);
    put_losses(out, block);
    put_text(out, ", ");
    put_sizes(out, block);
    if (trips->count > 0) {
        put_text(out, ", min/avg/max %.3f/%.3f/%.3f ms, block %.3f ms", ms(trips->min_ns),
                 trips->mean_ns / NS_A_MS, ms(trips->max_ns), ms(block->busy_ns));
    }
    put_text(out, "\n");
}

static void put_summary(struct buffer *out, uint64_t blocks, uint64_t elapsed_ns,
                        const struct ping_tally *all)
{
    const struct ping_statistics *trips = &all->round_trips;
    put_text(out, "--- ping statistics ---\n");
    put_text(out,
             "%" PRIu64 " block%s in %.3f s: %" PRIu64 " message%s sent, %" PRIu64
             " received, %" PRIu64 " lost (%.4g%%)",
             blocks, plural(blocks), (double)elapsed_ns / NS_A_S, all->sent, plural(all->sent),
             all->received, all->lost, loss_percent(all));
    put_losses(out, all);
    put_text(out, "\n");
    if (trips->count == 0) {
        return;
    }
    put_text(out, "round trip min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", ms(trips->min_ns),
             trips->mean_ns / NS_A_MS, ms(trips->max_ns),
             ping_statistics_deviation_ns(trips) / NS_A_MS);
    put_text(out, "percentiles p50/p95/p99 = %.3f/%.3f/%.3f ms\n",
             ms(ping_statistics_percentile_ns(trips, 50)),
             ms(ping_statistics_percentile_ns(trips, 95)),
             ms(ping_statistics_percentile_ns(trips, 99)));
    put_text(out, "throughput within blocks: %.1f messages/s, %.1f kB/s of data each way\n",
             a_second(all->received, all->busy_ns), a_second(all->bytes, all->busy_ns) / 1000.0);
}

/* ---- JSON ---- */

static void begin_object(struct buffer *out, struct json *json, const char *type)
{
    *json = json_into(out);
    json_write_open(json, NULL, '{');
    json_write_text(json, "type", slice_of(type));
}

static void end_object(struct buffer *out, struct json *json)
{
    json_write_close(json, '}');
    buffer_put(out, "\n", 1);
}

/* null where nothing was measured. */
static void write_ms(struct json *json, const char *key, const struct ping_statistics *trips,
                     double ns)
{
    if (trips->count == 0) {
        json_write_null(json, key);
    } else {
        json_write_real(json, key, ns / NS_A_MS);
    }
}

static void write_tally(struct json *json, const struct ping_tally *tally)
{
    const struct ping_statistics *trips = &tally->round_trips;
    json_write_unsigned(json, "sent", tally->sent);
    json_write_unsigned(json, "received", tally->received);
    json_write_unsigned(json, "lost", tally->lost);
    json_write_unsigned(json, "changed", tally->changed);
    json_write_unsigned(json, "late", tally->late);
    json_write_unsigned(json, "min_bytes", tally->min_size);
    json_write_unsigned(json, "max_bytes", tally->max_size);
    write_ms(json, "min_ms", trips, (double)trips->min_ns);
    write_ms(json, "avg_ms", trips, trips->mean_ns);
    write_ms(json, "max_ms", trips, (double)trips->max_ns);
    json_write_real(json, "busy_ms", ms(tally->busy_ns));
}

static void write_start(struct buffer *out, const struct ping_start *start)
{
    struct json json;
    const struct ping_options *options = start->options;
    begin_object(out, &json, "start");
    json_write_text(&json, "kernel_version", slice_of(start->kernel_version));
    json_write_text(&json, "process", slice_of(start->process_name));
    if (start->tls_version[0] == '\0') {
        json_write_null(&json, "tls_version");
    } else {
        json_write_text(&json, "tls_version", slice_of(start->tls_version));
    }
    json_write_boolean(&json, "verified", start->verified);
    json_write_unsigned(&json, "block_size", options->block_size);
    json_write_real(&json, "block_delay_s", (double)options->delay_ms / 1000.0);
    json_write_unsigned(&json, "message_size", options->message_size);
    json_write_boolean(&json, "message_dynamic", options->grow);
    json_write_unsigned(&json, "values", options->values);
    end_object(out, &json);
}

static void write_summary(struct buffer *out, uint64_t blocks, uint64_t elapsed_ns,
                          const struct ping_tally *all)
{
    struct json json;
    const struct ping_statistics *trips = &all->round_trips;
    begin_object(out, &json, "summary");
    json_write_unsigned(&json, "blocks", blocks);
    json_write_real(&json, "elapsed_s", (double)elapsed_ns / NS_A_S);
    write_tally(&json, all);
    json_write_real(&json, "lost_percent", loss_percent(all));
    write_ms(&json, "mdev_ms", trips, ping_statistics_deviation_ns(trips));
    write_ms(&json, "p50_ms", trips, (double)ping_statistics_percentile_ns(trips, 50));
    write_ms(&json, "p95_ms", trips, (double)ping_statistics_percentile_ns(trips, 95));
    write_ms(&json, "p99_ms", trips, (double)ping_statistics_percentile_ns(trips, 99));
    json_write_real(&json, "messages_per_second", a_second(all->received, all->busy_ns));
    json_write_real(&json, "bytes_per_second", a_second(all->bytes, all->busy_ns));
    end_object(out, &json);
}

/* ---- both ---- */

void ping_report_start(struct buffer *out, const struct ping_start *start, bool json)
{
    (json ? write_start : put_start)(out, start);
}

void ping_report_block(struct buffer *out, uint64_t number, const struct ping_tally *block,
                       bool json_wanted)
{
    struct json json;
    if (!json_wanted) {
        put_block(out, number, block);
        return;
    }
    begin_object(out, &json, "block");
    json_write_unsigned(&json, "number", number);
    write_tally(&json, block);
    end_object(out, &json);
}

void ping_report_summary(struct buffer *out, uint64_t blocks, uint64_t elapsed_ns,
                         const struct ping_tally *all, bool json)
{
    (json ? write_summary : put_summary)(out, blocks, elapsed_ns, all);
}
