"""What is measured: one row for each row of the table in docs/performance.md. A row says which servers
take part, how one run of one server goes, and what there is to reach."""

import json
import os
import select
import signal
import subprocess
from dataclasses import dataclass, field

from servers import SERVERS, D2k

CLIENT_NICE = 5
RUN_LIMIT_S = 240
STORM_SECONDS_MAX = 60
LATEST_GROWTH_MIB_MAX = 1  # one value for each of the 10 objects waits, and the output of one link
EVERY_GROWTH_MIB_MAX = 64  # PLANT_EVERY_BYTES_MAX (src/model/plant.h)
RESUMED_SHARE_MIN = 0.98  # the first handshakes of a slow server may still be full ones


@dataclass
class Metric:
    """One line of the table. goals: (text, function) where the function gets value(server, key),
    best(key) over the peers, and says the largest value that reaches the goal."""

    key: str
    title: str
    unit: str
    goals: list = field(default_factory=list)


@dataclass
class Row:
    name: str
    run: object  # run(bench, spec) -> one sample: {key: number}
    metrics: list
    servers: list  # "d2k ..." first; a word after the name is an option: "both", "text"
    quick_servers: list
    reps: int = 3
    quick_reps: int = 2
    peer_reps: int = 2  # of the servers that are neither d2k nor the floor


class Spec:
    """A server in a row: "redis", "d2k text", "haproxy both"."""

    def __init__(self, text):
        self.label = text
        name, *self.options = text.split()
        self.kind = SERVERS[name]
        self.cpus = None if "both" in self.options else "0"


# ---- running the load generators ----

def client_command(bench, program, server, pinned, nice, options):
    words = ["nice", "-n", str(nice)] if nice else []
    words += ["taskset", "-c", "1"] if pinned else []
    words += [bench.tools.program(program), "--pids", server.pids, "--port", server.port]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", value]
    return [str(word) for word in words]


def parsed(output, errors, command):
    lines = output.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"{os.path.basename(command[-1])}: {errors.strip()[-300:]}")
    return json.loads(lines[-1])


def load(bench, program, server, pinned=True, nice=CLIENT_NICE, **options):
    """Runs a load generator to its end; its line of JSON with CPU shares added."""
    command = client_command(bench, program, server, pinned, nice, options)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=RUN_LIMIT_S, check=False)
    return with_shares(parsed(done.stdout, done.stderr, command))


def with_shares(sample, other_client_s=0):
    if "machine_cpu_s" in sample and sample["seconds"] > 0:
        outside = (sample["machine_cpu_s"] - sample["server_cpu_s"] - sample["client_cpu_s"]
                   - other_client_s)
        sample["outside_percent"] = 100 * outside / sample["seconds"]
        sample["client_percent"] = 100 * sample["client_cpu_s"] / sample["seconds"]
        sample["server_percent"] = 100 * sample["server_cpu_s"] / sample["seconds"]
    return sample


def server(bench, spec, certificate):
    return spec.kind(bench.tools, bench.identities[certificate], spec.cpus)


# ---- distribution ----

def fanout(subscribers, batch=1, rate=0, seconds=1.0, quick_seconds=0.7):
    def run(bench, spec):
        with server(bench, spec, "rsa") as s:
            sample = load(bench, "fanout", s, protocol=s.protocol, subscribers=subscribers,
                          batch=batch, rate=rate, text=int("text" in spec.options),
                          seconds=quick_seconds if bench.quick else seconds)
        if sample["gaps"]:
            raise RuntimeError(f"{sample['gaps']} values were lost or came out of order")
        sample["delivery_us"] = 1e6 * sample["server_cpu_s"] / max(1, sample["deliveries"])
        sample["deliveries_per_s"] = sample["deliveries"] / sample["seconds"]
        return sample
    return run


def slow_reader(mode):
    def run(bench, spec):
        stop_s = 3 if bench.quick else 60
        with server(bench, spec, "rsa") as s:
            sample = load(bench, "fanout", s, protocol=s.protocol, subscribers=100, batch=64,
                          topics=10, seconds=1.5 if bench.quick else 10, slow=stop_s, slow_mode=mode)
        if sample["gaps"]:
            raise RuntimeError(f"{sample['gaps']} values of the other readers were lost")
        if not sample["recovered"]:
            raise RuntimeError("the reader did not become current")
        if mode == "every" and not sample["lost"]:
            raise RuntimeError("no overrun was reported")
        def change(key):
            return sample[f"stopped_{key}"] / (sample[f"before_{key}"] + sample[f"after_{key}"]) * 2
        sample["fall_percent"] = 100 * (1 - change("per_s"))
        sample["rise_percent"] = 100 * (change("delivery_us") - 1)
        sample["growth_mib"] = (sample["rss_stopped_kib"] - sample["rss_quiet_kib"]) / 1024
        return sample
    return run


# ---- handshakes ----

class Off(RuntimeError):
    """The server does not have what the row measures."""


def check_resumed(resumed, handshakes_made):
    if resumed == 0:
        raise Off("no handshake was resumed")
    if resumed < RESUMED_SHARE_MIN * handshakes_made:
        raise RuntimeError(f"only {resumed} of {handshakes_made} handshakes were resumed")


def handshakes(certificate, tickets=False):
    def run(bench, spec):
        with server(bench, spec, certificate) as s:
            sample = load(bench, "connect", s, mode="rate", protocol=s.handshake_protocol,
                          clients=16, seconds=1 if bench.quick else 3, tickets=int(tickets))
        if sample["failed"] or not sample["handshakes"]:
            raise RuntimeError(f"{sample['failed']} handshakes failed: {sample['why']}")
        if tickets:
            check_resumed(sample["resumed"], sample["handshakes"])
        sample["handshake_us"] = 1e6 * sample["server_cpu_s"] / sample["handshakes"]
        return sample
    return run


def reread(bench, spec):
    sample = handshakes("p256")(bench, spec)
    with D2k(bench.tools, bench.identities["p256"]) as s:
        command = [str(bench.tools.program("reread")), "--config-dir", str(s.directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    sample["call_us"] = parsed(done.stdout, done.stderr, command)["us_each"]
    sample["share_percent"] = 100 * sample["call_us"] / sample["handshake_us"]
    return sample



# ---- storms ----

def storm_size(bench):
    return 1000 if bench.quick else 5000


def storm(certificate, tickets=False):
    def run(bench, spec):
        count = storm_size(bench)
        with server(bench, spec, certificate) as s:
            sample = load(bench, "connect", s, pinned=s.cpus is not None, mode="storm",
                          protocol=s.protocol, clients=count, tickets=int(tickets),
                          limit=STORM_SECONDS_MAX)
        if tickets:
            check_resumed(sample["resumed"], sample["registered"])
        sample["missing"] = count - sample["registered"]
        sample["half_percent"] = 100 * sample["answer_p50_us"] / max(1, sample["answer_max_us"])
        return sample
    return run


def values_in_storm(bench, spec):
    """10 subscribers get 1,000 values a second, first quietly, then while others storm in."""
    options = {"subscribers": 10, "rate": 1000}
    with server(bench, spec, "rsa") as s:
        quiet = load(bench, "fanout", s, pinned=False, nice=0, protocol=s.protocol,
                     seconds=2 if bench.quick else 5, **options)
        command = client_command(bench, "fanout", s, False, 0,
                                 {"protocol": s.protocol, "seconds": RUN_LIMIT_S, **options})
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as values:
            try:
                ready, _, _ = select.select([values.stdout], [], [], 20)
                if not ready or values.stdout.readline() != "ready\n":
                    values.kill()
                    raise RuntimeError(f"no subscribers: {values.stderr.read().strip()}")
                sample = load(bench, "connect", s, pinned=False, mode="storm", protocol=s.protocol,
                              clients=storm_size(bench), limit=STORM_SECONDS_MAX)
                values.send_signal(signal.SIGTERM)
                output, errors = values.communicate(timeout=30)
            finally:
                if values.poll() is None:
                    values.kill()
    during = parsed(output, errors, command)
    if during["gaps"]:
        raise RuntimeError(f"{during['gaps']} values were lost")
    with_shares(sample, during["client_cpu_s"])
    for key in ("p50", "p99", "max"):
        sample[f"quiet_{key}_us"] = quiet[f"latency_{key}_us"]
        sample[f"storm_{key}_us"] = during[f"latency_{key}_us"]
    return sample


# ---- memory and objects ----

def memory(bench, spec):
    sample = {}
    for count in (1000, 10000):
        with server(bench, spec, "p256") as s:
            held = load(bench, "connect", s, mode="hold", protocol=s.protocol, clients=count,
                        subscriptions=10, limit=STORM_SECONDS_MAX)
        if held["held"] < count:
            raise RuntimeError(f"only {held['held']} of {count} are connected: {held['why']}")
        sample.update({f"{key}_{count}" if key != "outside_percent" else key: value
                       for key, value in held.items()})
    return sample


def object_counts(quick):
    # the kernel has some objects of its own below its limit of 1,000,000
    return (1000, 10000, 100000) if quick else (1000, 10000, 100000, 999000)


def objects(bench, spec):
    sample = {}
    for count in object_counts(bench.quick):
        with server(bench, spec, "p256") as s:
            curve = load(bench, "objects", s, objects=count, subscribers=1000,
                         seconds=0.7 if bench.quick else 2)
        sample.update({f"{key}_{count}" if key != "outside_percent" else key: value
                       for key, value in curve.items()})
    return sample


def object_metrics():
    metrics = []
    for count in object_counts(False):
        goal = [("<= 1.2 x that at 10,000", lambda v, b: 1.2 * v("d2k", "update_us_10000"))]
        metrics += [
            Metric(f"update_us_{count}", f"{count:,} objects: CPU of an update to 10 readers", "us",
                   goal if count > 10000 else []),
            Metric(f"subscribe_s_{count}", f"{count:,} objects: 1,000 subscriptions by pattern, "
                   "until all have their snapshot", "s"),
            Metric(f"objects_kib_{count}", f"{count:,} objects: memory of the objects", "KiB"),
            Metric(f"subscriptions_kib_{count}",
                   f"{count:,} objects: memory of the subscriptions", "KiB"),
        ]
    return metrics


# ---- the table ----

DISTRIBUTION = ["d2k", "floor", "redis", "nats", "mosquitto"]
DISTRIBUTION_QUICK = ["d2k", "floor", "redis", "nats"]
TLS_SERVERS = ["d2k", "floor", "hitch", "nginx", "haproxy", "stunnel", "mosquitto", "redis", "nats"]
STORM = ["d2k both", "floor", "haproxy", "haproxy both", "redis", "nats both", "mosquitto"]
STORM_QUICK = ["d2k both", "floor", "haproxy"]

BEST = ("<= best of all", lambda v, b: min(b("latency_p50_us"), v("floor", "latency_p50_us")))
BEST_P99 = ("<= best of all", lambda v, b: min(b("latency_p99_us"), v("floor", "latency_p99_us")))


def floor_times(factor, key):
    return (f"<= {factor:g} x floor", lambda v, b: factor * v("floor", key))


def delivery_metrics(title, *goals):
    return [Metric("delivery_us", f"{title}: server CPU per delivery", "us", list(goals)),
            Metric("deliveries_per_s", f"{title}: deliveries a second", "1/s")]


def storm_metrics(title, *goals, half=()):
    return [Metric("answer_max_us", f"{title}: until all are registered", "us", list(goals)),
            Metric("half_percent", f"{title}: half are registered after", "%", list(half)),
            Metric("missing", f"{title}: refused or lost", "", [("none", lambda v, b: 0)])]


ROWS = [
    Row("fanout", fanout(100, batch=64),
        delivery_metrics("100 subscribers, batches of 64", floor_times(1.4, "delivery_us"),
                         ("<= best peer / 4", lambda v, b: b("delivery_us") / 4)),
        DISTRIBUTION[:1] + ["d2k text"] + DISTRIBUTION[1:],
        DISTRIBUTION_QUICK[:1] + ["d2k text"] + DISTRIBUTION_QUICK[1:]),
    Row("one-by-one", fanout(100),
        delivery_metrics("100 subscribers, one by one",
                         ("<= 0.8 x NATS", lambda v, b: 0.8 * v("nats", "delivery_us"))),
        DISTRIBUTION, DISTRIBUTION_QUICK),
    Row("one-by-one-1", fanout(1),
        delivery_metrics("1 subscriber, one by one",
                         ("<= 0.9 x the best", lambda v, b: 0.9 * min(
                             b("delivery_us"), v("floor", "delivery_us")))),
        DISTRIBUTION, DISTRIBUTION_QUICK),
    Row("latency-1", fanout(1, rate=1000, quick_seconds=1),
        [Metric("latency_p50_us", "latency, 1,000/s to 1 subscriber, p50", "us", [BEST]),
         Metric("latency_p99_us", "latency, 1,000/s to 1 subscriber, p99", "us", [BEST_P99]),
         Metric("delivery_us", "same: server CPU per delivery", "us")],
        DISTRIBUTION, DISTRIBUTION_QUICK),
    Row("latency-100", fanout(100, rate=100, quick_seconds=1),
        [Metric("latency_p50_us", "latency, 100/s to 100 subscribers, p50", "us",
                [floor_times(1, "latency_p50_us")]),
         Metric("latency_p99_us", "latency, 100/s to 100 subscribers, p99", "us",
                [floor_times(1, "latency_p99_us")]),
         Metric("delivery_us", "same: server CPU per delivery", "us")],
        DISTRIBUTION, DISTRIBUTION_QUICK),
    Row("handshake-rsa", handshakes("rsa"),
        [Metric("handshake_us", "full handshake, RSA-4096: server CPU", "us",
                [floor_times(1.05, "handshake_us")])],
        TLS_SERVERS, ["d2k", "floor", "hitch"]),
    Row("handshake-p256", handshakes("p256"),
        [Metric("handshake_us", "full handshake, P-256: server CPU", "us",
                [floor_times(1.05, "handshake_us")])],
        TLS_SERVERS, ["d2k", "floor", "nginx", "redis"]),
    Row("resumed", handshakes("rsa", tickets=True),
        [Metric("handshake_us", "resumed handshake: server CPU", "us",
                [floor_times(1.1, "handshake_us")])],
        TLS_SERVERS, ["d2k", "floor", "redis"]),
    Row("memory", memory,
        [Metric("kib_each_1000", "memory of an idle connection, 1,000 held", "KiB"),
         Metric("kib_each_10000", "memory of an idle connection, 10,000 held", "KiB",
                [("<= 16 KiB", lambda v, b: 16)])],
        ["d2k", "floor", "mosquitto", "haproxy", "nginx", "redis", "nats"],
        ["d2k", "floor", "mosquitto"], reps=1, quick_reps=1),
    Row("storm-rsa", storm("rsa"),
        storm_metrics("storm, RSA-4096",
                      ("<= 0.65 x HAProxy on one core",
                       lambda v, b: 0.65 * v("haproxy", "answer_max_us")),
                      half=[("<= 55 %", lambda v, b: 55)]),
        STORM, STORM_QUICK, reps=2, quick_reps=1, peer_reps=1),
    Row("storm-tickets", storm("rsa", tickets=True),
        storm_metrics("storm with tickets", ("<= 0.10 x the full storm", lambda v, b: 0.1 * v(
            "d2k both", "answer_max_us", "storm-rsa"))),
        ["d2k both", "floor"], ["d2k both", "floor"], reps=2, quick_reps=1),
    Row("storm-p256", storm("p256"),
        storm_metrics("storm, P-256", floor_times(1, "answer_max_us")),
        STORM, STORM_QUICK, reps=2, quick_reps=1, peer_reps=1),
    Row("values-in-storm", values_in_storm,
        [Metric("quiet_p50_us", "latency to 10 clients, 1,000/s, quiet, p50", "us"),
         Metric("quiet_p99_us", "same, p99", "us"),
         Metric("storm_p50_us", "same while others storm in (RSA-4096), p50", "us"),
         Metric("storm_p99_us", "same while others storm in, p99", "us",
                [("<= 3 x quiet", lambda v, b: 3 * v("d2k both", "quiet_p99_us"))]),
         Metric("storm_max_us", "same while others storm in, latest value", "us",
                [("<= 20 ms", lambda v, b: 20000)])],
        ["d2k both", "floor", "redis", "nats both"], ["d2k both", "nats both"],
        reps=3, quick_reps=1, peer_reps=1),
    Row("reread", reread,
        [Metric("call_us", "\"re-read the configuration\", nothing changed", "us"),
         Metric("share_percent", "same, of a P-256 handshake", "%", [("< 0.5 %", lambda v, b: 0.5)])],
        ["d2k"], ["d2k"], reps=3, quick_reps=1),
    Row("objects", objects, object_metrics(), ["d2k"], ["d2k"], reps=1, quick_reps=1),
    Row("slow-latest", slow_reader("latest"),
        [Metric("fall_percent", "1 of 100 stops reading (latest): fall of the others' rate", "%",
                [("< 2 %", lambda v, b: 2)]),
         Metric("rise_percent", "same: rise of the CPU for a delivery to the others", "%"),
         Metric("growth_mib", "same: memory grows by", "MiB",
                [("<= 1 MiB", lambda v, b: LATEST_GROWTH_MIB_MAX)]),
         Metric("recovery_ms", "same: current again after", "ms", [("<= 1 s", lambda v, b: 1000)])],
        ["d2k"], ["d2k"], reps=1, quick_reps=1),
    Row("slow-every", slow_reader("every"),
        [Metric("fall_percent", "1 of 100 stops reading (every): fall of the others' rate", "%",
                [("< 2 %", lambda v, b: 2)]),
         Metric("rise_percent", "same: rise of the CPU for a delivery to the others", "%"),
         Metric("growth_mib", "same: memory grows by", "MiB",
                [("<= 64 MiB, its queue's limit", lambda v, b: EVERY_GROWTH_MIB_MAX)]),
         Metric("recovery_ms", "same: overrun reported, current again after", "ms",
                [("<= 1 s", lambda v, b: 1000)])],
        ["d2k"], ["d2k"], reps=1, quick_reps=1),
]
