"""d2k-ping against a real kernel: answers, losses, the end of the kernel, signals, wrong words."""

import json
import re
import signal
import subprocess

import pytest

from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S, eventually


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


def ping(plant, *parameters):
    """Runs d2k-ping to its end."""
    ended = plant.start_client("d2k-ping", *parameters)
    ended.exit_code = ended.wait()
    return ended


def objects(program, kind):
    """The JSON objects of a type that it has printed so far."""
    text = program.stdout
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    return [line for line in lines if line["type"] == kind]


def test_a_kernel_answers_every_message(plant, kernel):
    ended = ping(plant, "/BSIZE=50", "/BDELAY=0.01", "/MSIZE=100", "--count=4")
    assert ended.exit_code == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert re.match(r"Pinging D2000 Kernel V1\.00\.000 s1 \[TLSv1\.3 VERIFIED\] as \w+\.PNK: ",
                    lines[0])
    block = r"block \d: 50/50 answered, 100 bytes, min/avg/max [\d.]+/[\d.]+/[\d.]+ ms, block "
    assert len([line for line in lines if re.match(block, line)]) == 4
    assert "200 messages sent, 200 received, 0 lost (0%)" in ended.stdout
    assert re.search(r"min/avg/max/mdev = .* ms\npercentiles p50/p95/p99 = .* ms\nthroughput",
                     ended.stdout)


def test_json_tells_the_same_in_order_of_size(plant, kernel):
    ended = ping(plant, "--block-size=20", "--block-delay=0", "--values=10", "--count=3", "--json")
    start, = objects(ended, "start")
    summary, = objects(ended, "summary")
    assert ended.exit_code == 0 and start["verified"] and start["tls_version"] == "TLSv1.3"
    assert [b["number"] for b in objects(ended, "block")] == [1, 2, 3]
    assert summary["sent"] == summary["received"] == 60 and summary["min_bytes"] == 400
    assert 0 < summary["min_ms"] <= summary["p50_ms"] <= summary["p95_ms"] <= summary["p99_ms"]
    assert summary["p99_ms"] <= summary["max_ms"]
    assert summary["min_ms"] <= summary["avg_ms"] <= summary["max_ms"]


def test_messages_grow_by_one_byte(plant, kernel):
    ended = ping(plant, "/MDYNAMIC=TRUE", "/MSIZE=5", "/BSIZE=3", "/BDELAY=0", "--count=2", "--json")
    sizes = [(b["min_bytes"], b["max_bytes"]) for b in objects(ended, "block")]
    assert sizes == [(5, 7), (8, 10)]


def test_a_block_may_be_larger_than_what_may_be_under_way(plant, kernel):
    ended = ping(plant, "/BSIZE=2500", "/MSIZE=65536", "--count=1", "--json")
    summary, = objects(ended, "summary")
    assert ended.exit_code == 0 and summary["received"] == 2500, ended.stderr
    assert summary["bytes_per_second"] > 0


def test_a_kernel_that_hangs_loses_messages_and_its_late_answers_are_told(plant, kernel):
    running = plant.start_client("d2k-ping", "/BDELAY=0.05", "--timeout=1", "--json")
    eventually(lambda: objects(running, "block"))
    kernel.signal(signal.SIGSTOP)
    try:
        eventually(lambda: [b for b in objects(running, "block") if b["lost"] == 1])
    finally:
        kernel.signal(signal.SIGCONT)
    eventually(lambda: [b for b in objects(running, "block") if b["late"] > 0])
    running.signal(signal.SIGINT)
    assert running.wait() == 1
    summary, = objects(running, "summary")
    assert summary["lost"] >= 1 and summary["late"] >= 1
    assert summary["sent"] == summary["received"] + summary["lost"]
    assert summary["lost_percent"] == pytest.approx(100 * summary["lost"] / summary["sent"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_summary(plant, kernel, number):
    running = plant.start_client("d2k-ping", "/BDELAY=3600")
    eventually(lambda: "block 1:" in running.stdout)
    running.signal(number)
    assert running.wait() == 0
    assert "1 block in" in running.stdout and "0 lost (0%)" in running.stdout
    eventually(lambda: plant.process(r".*\.PNK")["state"] == "Stop")


def test_the_end_of_the_kernel_is_told_after_the_summary_so_far(plant, kernel):
    running = plant.start_client("d2k-ping", "/BDELAY=0.01", "--json")
    eventually(lambda: objects(running, "block"))
    kernel.kill()
    assert running.wait() == 5
    assert objects(running, "summary") and running.stderr


def test_with_reconnect_it_goes_on_with_the_next_kernel(plant, kernel):
    running = plant.start_client("d2k-ping", "/BDELAY=0.01", "--reconnect", "--json")
    eventually(lambda: objects(running, "block"))
    kernel.stop()
    eventually(lambda: "connecting again" in running.stderr)
    before = len(objects(running, "block"))
    plant.start_kernel()
    eventually(lambda: [b for b in objects(running, "block")[before:] if b["received"] == 1])
    running.signal(signal.SIGTERM)
    assert running.wait() in (0, 1) and objects(running, "summary")


def test_nobody_there_is_no_connection(plant):
    plant.port = 1
    plant.client_config.application("PLANT", tls_client("None"))
    ended = ping(plant, "--count=1")
    assert ended.exit_code == 3 and "nobody listens" in ended.stderr and not ended.stdout


def test_a_wrong_certificate_is_refused(plant, kernel, other_identity):
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", other_identity.cert))
    ended = ping(plant, "--count=1")
    assert ended.exit_code == 4 and not ended.stdout


@pytest.mark.parametrize("wrong, word", [
    ("/DST=KOM.KOM", "only the kernel"), ("/BSIZE=0", "/BSIZE=0"), ("/BDELAY=1,5", "/BDELAY=1,5"),
    ("/MSIZE=65537", "65536"), ("/MDYNAMIC=MAYBE", "TRUE or FALSE"), ("--count=x", "--count=x"),
    ("/NO=1", "/NO=1"), ("word", "word")])
def test_a_wrong_parameter_is_named(plant, wrong, word):
    plant.port = 1
    ended = ping(plant, wrong)
    assert ended.exit_code == 2 and word in ended.stderr and not ended.stdout


def test_values_and_bytes_exclude_each_other(plant):
    plant.port = 1
    ended = ping(plant, "/USIZE=1", "/MSIZE=1")
    assert ended.exit_code == 2 and "/USIZE" in ended.stderr


def test_a_reader_that_goes_ends_it_quietly(plant, kernel):
    command = [*map(str, plant.client_command("d2k-ping")), "/BDELAY=0"]
    running = subprocess.Popen(command, env=plant.environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    running.stdout.readline()
    running.stdout.close()
    assert running.wait(DEADLINE_S) == 0 and not running.stderr.read()
    running.stderr.close()
