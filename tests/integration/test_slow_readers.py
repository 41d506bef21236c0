"""Readers that stop, are slow, or ask for more than anybody can take: bounded memory, nothing lost
without a word, and nobody else notices."""

import os
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server
from d2k_test.poll import SLOWNESS, eventually, pause

CODES = protocol.CODES
LATEST, EVERY = 0, 1
QUERIES_MAX = 64
SUBSCRIPTIONS_MAX = 1000
MANY_OBJECTS = 100_000 // SLOWNESS


@pytest.fixture(params=["plain", "TLS"])
def tls(request):
    return request.param == "TLS"


@pytest.fixture
def kernel(plant, shared_certificates):
    plant.server_config.application("PLANT", tls_server(shared_certificates.make("slow"), "None"))
    return plant.start_kernel()


def registered(plant, name, tls):
    link = protocol.Link(plant.port, tls)
    link.register(name, flags=0)
    return link


def define_many(link, count, prefix="Many.Object"):
    """Numbers of new objects."""
    for start in range(0, count, 1000):
        numbers = range(start, min(start + 1000, count))
        link.send_bytes(b"".join(
            protocol.encode("Define", 1, type=protocol.INTEGER, name=f"{prefix}{number}",
                            description="d" * 100, unit="")
            for number in numbers))
        for _ in numbers:
            link.expect("Defined")


def records(hobj, first, count):
    """Update frames with `count` values, each its own sequence number."""
    frames = []
    for start in range(first, first + count, 1000):
        end = min(start + 1000, first + count)
        frames.append(protocol.encode("Update", values=b"".join(
            protocol.value_record(hobj, protocol.INTEGER, struct.pack("<q", number),
                                  sequence=number, time_ns=1_700_000_000_000_000_000)
            for number in range(start, end))))
    return b"".join(frames)


def publish(link, hobj, first, count):
    """Returns when the kernel has taken them all."""
    link.send_bytes(records(hobj, first, count))
    link.send("AcknowledgeUpTo", sequence=first + count - 1)
    link.expect("Acknowledged")


def take_until(link, last):
    """Reads on until the value `last`; returns (values, lost)."""
    values, lost = [], 0
    while not values or values[-1] != last:
        message = link.receive()
        if message.name == "Update":
            values += [struct.unpack("<q", content)[0]
                       for _, _, _, _, content in protocol.value_records(message.values)]
        elif message.name == "Overrun":
            lost += message.lost
        elif message.name in ("Bye", "Failed"):
            raise AssertionError(message)
    return values, lost


def take_pending_overruns(link):
    """What stands before the answer to a Ping."""
    lost = 0
    link.send("Ping", data=b"done?")
    while (message := link.receive()).name != "Pong":
        assert message.name == "Overrun", message
        lost += message.lost
    return lost


def resident_bytes(kernel):
    with open(f"/proc/{kernel.process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def assert_memory_below(kernel, limit):
    if not os.environ.get("D2K_SANITIZER"):
        assert resident_bytes(kernel) < limit


@pytest.mark.parametrize("count", [60_000, 200_000])
def test_every_loses_nothing_without_saying_so(plant, kernel, tls, count):
    """A reader that stops reads on to the end by itself: nobody has to wake the kernel."""
    with registered(plant, "SOURCE.API", tls) as source, \
            registered(plant, "READER.API", tls) as reader:
        hobj = source.define("Slow.Counter")
        reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        reader.subscribe("Slow.Counter", EVERY)
        publish(source, hobj, 1, count)
        assert_memory_below(kernel, 150 * 1024 * 1024)
        values, lost = take_until(reader, count)
        lost += take_pending_overruns(reader)
        assert values == sorted(set(values))
        assert len(values) + lost == count
        assert (lost > 0) == (count == 200_000)


def test_latest_has_the_newest_value_after_a_stop(plant, kernel, tls):
    with registered(plant, "SOURCE.API", tls) as source, \
            registered(plant, "READER.API", tls) as reader:
        hobj = source.define("Slow.Counter")
        reader.subscribe("Slow.Counter", LATEST)
        publish(source, hobj, 1, 200_000)
        assert_memory_below(kernel, 100 * 1024 * 1024)
        values, lost = take_until(reader, 200_000)
        assert values == sorted(set(values)) and lost == 0


def test_a_slow_reader_of_a_long_list_gets_all_of_it(plant, kernel, tls):
    with registered(plant, "SOURCE.API", tls) as source:
        define_many(source, MANY_OBJECTS)
        with registered(plant, "READER.API", tls) as reader:
            before = resident_bytes(kernel)
            for _ in range(3):
                reader.send("ListObjects", pattern="Many.*")
            source.send("Ping", data=b"")
            source.expect("Pong")
            assert_memory_below(kernel, before + 20 * 1024 * 1024)
            counts, objects = [], 0
            while len(counts) < 3:
                message = reader.receive()
                if message.name == "Done":
                    counts.append((message.count, objects))
                    objects = 0
                else:
                    assert message.name == "ObjectInfo"
                    objects += 1
            assert counts == [(MANY_OBJECTS, MANY_OBJECTS)] * 3


def slowest_answer_s(link, seconds):
    """Asks again and again; the longest time that one answer took."""
    slowest, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        asked = time.monotonic()
        link.send("Ping", data=b"")
        link.expect("Pong")
        slowest = max(slowest, time.monotonic() - asked)
    return slowest


@pytest.mark.performance
def test_questions_without_answers_hold_nobody_up(plant, kernel):
    """A pattern that matches nothing makes no output that would stop the search."""
    with registered(plant, "SOURCE.API", False) as source, \
            registered(plant, "ASKER.API", False) as asker, \
            registered(plant, "OTHER.API", False) as other:
        define_many(source, 100_000)
        asker.send_bytes(b"".join(
            protocol.encode("ListObjects", number, pattern="*x*x*x*x*x*" + "y" * 40)
            for number in range(QUERIES_MAX)))
        assert slowest_answer_s(other, 0.5) < 0.05
        for number in range(QUERIES_MAX):
            done = asker.expect("Done")
            assert done.request == number and done.count == 0


def test_the_last_query_and_one_past_it(plant, kernel, tls):
    with registered(plant, "SOURCE.API", tls) as source:
        define_many(source, 20_000 // SLOWNESS)
        with registered(plant, "ASKER.API", tls) as asker:
            asker.send("Ping", data=bytes(2000))  # from now on it is read in larger pieces,
            asker.expect("Pong")                  # so that all questions are there before an answer
            asker.send_bytes(b"".join(protocol.encode("ListObjects", number, pattern="*")
                                      for number in range(QUERIES_MAX + 1)))
            failed, done = [], []
            while len(failed) + len(done) < QUERIES_MAX + 1:
                message = asker.receive()
                if message.name == "Failed":
                    failed.append(message)
                elif message.name == "Done":
                    done.append(message.request)
            assert [(m.request, m.code) for m in failed] == [(QUERIES_MAX, CODES["LIMIT"])]
            assert done == list(range(QUERIES_MAX))


def test_the_last_subscription_and_one_past_it(plant, kernel):
    with registered(plant, "READER.API", False) as reader:
        for number in range(SUBSCRIPTIONS_MAX):
            reader.send_bytes(protocol.encode(
                "Subscribe", number, subscription=number, mode=LATEST, pattern=f"Never.N{number}"))
        for _ in range(SUBSCRIPTIONS_MAX):
            assert reader.expect("SnapshotEnd").count == 0
        reader.send("Subscribe", subscription=SUBSCRIPTIONS_MAX, mode=LATEST, pattern="Never.More")
        assert reader.receive().code == CODES["LIMIT"]
        reader.send("Unsubscribe", subscription=7)
        reader.expect("Done")
        reader.subscribe("Never.More", subscription=SUBSCRIPTIONS_MAX)


def test_unsubscribing_from_nothing(plant, kernel):
    with registered(plant, "READER.API", False) as reader:
        reader.send("Unsubscribe", subscription=1)
        assert reader.receive().code == CODES["NOT_FOUND"]
        reader.subscribe("Any.*")
        reader.send("Unsubscribe", subscription=1)
        reader.expect("Done")
        reader.send("Unsubscribe", subscription=1)
        assert reader.receive().code == CODES["NOT_FOUND"]


@pytest.mark.parametrize("mode", [LATEST, EVERY])
def test_who_publishes_to_itself_and_never_reads_is_bounded(plant, kernel, mode):
    with registered(plant, "SELF.API", False) as link:
        hobj = link.define("Self.Counter")
        link.subscribe("Self.Counter", mode)
        for start in range(0, 300_000, 10_000):
            link.send_bytes(records(hobj, start + 1, 10_000))
        assert_memory_below(kernel, 150 * 1024 * 1024)
        values, lost = take_until(link, 300_000)
        lost += take_pending_overruns(link)
        assert values == sorted(set(values))
        if mode == EVERY:
            assert len(values) + lost == 300_000


def test_who_never_takes_its_answers_is_ended(plant, kernel):
    """64 MiB of answers that nobody takes are the limit."""
    with registered(plant, "GREEDY.API", False) as greedy:
        greedy.socket.settimeout(5)
        ping = protocol.encode("Ping", 1, data=bytes(65536))
        try:
            for _ in range(4096):
                greedy.send_bytes(ping)
        except OSError:
            pass
        kernel.wait_for_log(r"Process ended\. ClientName: GREEDY\.API.*too slowly")
        eventually(lambda: os.environ.get("D2K_SANITIZER") or
                   resident_bytes(kernel) < 100 * 1024 * 1024, what="its memory is given back")


def beat(link, at_least_s, enough):
    """Says that it lives, and reads nothing."""
    end = time.monotonic() + at_least_s
    while time.monotonic() < end or not enough.is_set():
        link.send_bytes(protocol.encode("Watchdog"))
        pause(0.5)


def test_a_reader_that_stopped_is_not_sent_watchdogs_without_end(plant, kernel):
    """What waits already says that we live."""
    with registered(plant, "SOURCE.API", False) as source, \
            protocol.Link(plant.port, tls=False) as reader:
        hobj = source.define("Slow.Counter")
        reader.register("READER.API", flags=0, watchdog_ms=1000)
        reader.subscribe("Slow.Counter", EVERY)
        with ThreadPoolExecutor(1) as pool:
            published = threading.Event()
            lives = pool.submit(beat, reader, 4, published)
            publish(source, hobj, 1, 300_000)
            published.set()
            lives.result()
        watchdogs = 0
        seen = 0
        while seen < 300_000:
            message = reader.receive()
            if message.name == "Watchdog":
                watchdogs += 1
            elif message.name == "Update":
                for *_, content in protocol.value_records(message.values):
                    seen = struct.unpack("<q", content)[0]
        assert watchdogs <= 1
