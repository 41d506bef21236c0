"""Subscriptions with a minimum interval or a dead band: by the protocol and with d2k-tell."""

import struct
import time

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server

CODES = protocol.CODES
HOUR_MS = 3_600_000


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "None"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


class Owner:
    """A process with one object, whose values are counted."""

    def __init__(self, plant):
        self.link = protocol.Link(plant.port)
        self.link.register("OWNER.KOM", flags=0)
        self.hobj, self.sequence = self.link.define("Level"), 0

    def publish(self, *contents, status=1):
        """Waits until the kernel has them."""
        records = b""
        for content in contents:
            self.sequence += 1
            records += protocol.value_record(self.hobj, protocol.INTEGER,
                                             struct.pack("<q", content), status, self.sequence)
        self.link.send_bytes(protocol.encode("Update", values=records))
        self.link.send("Ping", data=b"x")
        self.link.expect("Pong")


@pytest.fixture
def owner(plant, kernel):
    owner = Owner(plant)
    owner.publish(10)
    yield owner
    owner.link.close()


@pytest.fixture
def reader(plant, owner):
    with protocol.Link(plant.port) as link:
        link.register("READER.KOM", flags=0)
        yield link


def interval(ms):
    return protocol.property_u32(protocol.MIN_INTERVAL, ms)


def dead_band(number):
    return struct.pack("<HHd", protocol.DEAD_BAND, 8, number)


def subscribe(link, properties, pattern="Level", subscription=1, mode=0):
    """Values of the snapshot; or the code and sentence of a refusal."""
    link.send("Subscribe", subscription=subscription, mode=mode, pattern=pattern,
              properties=properties)
    values = []
    while (message := link.receive()).name != "SnapshotEnd":
        if message.name == "Failed":
            return message.code, message.sentence
        values += values_of(message)
    return values


def values_of(message):
    if message.name != "Update":
        return []
    return [struct.unpack("<q", content)[0] for *_, content in
            protocol.value_records(message.values)]


def told_by_now(link):
    """What has come until the kernel answers a Ping, which goes behind what it has to tell."""
    values = []
    link.send("Ping", data=b"x")
    while (message := link.receive()).name != "Pong":
        values += values_of(message)
    link.send("Ping", data=b"y")
    while (message := link.receive()).name != "Pong":
        values += values_of(message)
    return values


def next_value(link):
    while not (values := values_of(link.receive())):
        pass
    return values


def test_within_the_interval_only_another_quality_is_told(owner, reader):
    assert subscribe(reader, interval(HOUR_MS)) == [10]
    owner.publish(11, 12, 13)
    assert told_by_now(reader) == []
    owner.publish(13, status=0)
    assert next_value(reader) == [13]
    owner.publish(14, status=0)
    assert told_by_now(reader) == []
    assert subscribe(reader, b"", subscription=2) == [14]


def test_an_owner_that_goes_is_told_at_once(owner, reader):
    assert subscribe(reader, interval(HOUR_MS)) == [10]
    owner.publish(11)
    assert told_by_now(reader) == []
    owner.link.close()
    assert next_value(reader) == [11]


def test_the_newest_comes_at_the_end_of_the_interval(owner, reader):
    """As many values as there were intervals, however many were published, and the last of them."""
    begun = time.monotonic()
    assert subscribe(reader, interval(100)) == [10]
    values, last = [], 10
    while len(values) < 5:
        last += 1
        owner.publish(last)
        values += told_by_now(reader)
    owner.publish(last + 1)
    while values[-1] != last + 1:
        values += next_value(reader)
    intervals = (time.monotonic() - begun) / 0.1
    assert values == sorted(values) and len(set(values)) == len(values) <= intervals + 1


def test_a_short_interval_does_not_wait_for_the_tick_of_the_kernel(owner, reader):
    """Ten intervals of 20 ms; ticks of 250 ms would make it 2.5 s."""
    assert subscribe(reader, interval(20)) == [10]
    fastest = 10.0
    for attempt in range(5):
        begun = time.monotonic()
        for content in range(10):
            owner.publish(100 * attempt + 2 * content + 20)
            owner.publish(100 * attempt + 2 * content + 21)
            while next_value(reader)[-1] != 100 * attempt + 2 * content + 21:
                pass
        fastest = min(fastest, time.monotonic() - begun)
    assert fastest < 2


def test_numbers_within_the_dead_band_are_not_told(owner, reader):
    assert subscribe(reader, dead_band(2)) == [10]
    owner.publish(12, 8, 11)
    assert told_by_now(reader) == []
    owner.publish(13)
    assert next_value(reader) == [13]
    owner.publish(11)
    assert told_by_now(reader) == []
    owner.publish(11, status=1 | 0x10)  # Weak
    assert next_value(reader) == [11]


def test_the_strictest_of_several_subscriptions_counts(owner, reader):
    assert subscribe(reader, interval(HOUR_MS)) == [10]
    assert subscribe(reader, b"", "L*", 2) == [10]
    owner.publish(11)
    assert next_value(reader) == [11]
    reader.send("Unsubscribe", subscription=2)
    reader.expect("Done")
    owner.publish(12)
    assert next_value(reader) == [12]  # the first after the change
    owner.publish(13)
    assert told_by_now(reader) == []


@pytest.mark.parametrize("properties, mode, said", [
    (interval(HOUR_MS + 1), 0, "a minimum interval has at most 3600000 ms"),
    (protocol.property_u8(protocol.MIN_INTERVAL, 1), 0, "is a number of four bytes"),
    (dead_band(-0.5), 0, "a dead band is a finite number, 0 or more"),
    (dead_band(float("nan")), 0, "a dead band is a finite number"),
    (dead_band(float("inf")), 0, "a dead band is a finite number"),
    (interval(1), 1, "the mode every leaves out none"),
    (dead_band(1), 1, "the mode every leaves out none"),
    (interval(1) * 2, 0, "twice"),
    (b"\x23", 0, "ends"),
])
def test_what_is_refused(reader, properties, mode, said):
    code, sentence = subscribe(reader, properties, mode=mode)
    assert code == CODES["BAD_VALUE"] and said in sentence, sentence
    # the number is free, and the longest interval, none, and what is not known are fine
    assert subscribe(reader, interval(HOUR_MS) + dead_band(0)) == [10]
    assert subscribe(reader, interval(0), subscription=2, mode=1) == [10]
    assert subscribe(reader, protocol.property_u8(9999, 1), subscription=3) == [10]


def test_d2k_tell_watches_with_both(plant, owner):
    watch = plant.start_tell("watch", "Level", f"--interval={HOUR_MS}", "--dead-band=5", "--json")
    watch.wait_for_value(lambda value: value["value"] == 10)
    owner.publish(20)
    owner.publish(20, status=1 | 0x10)
    watch.wait_for_value(lambda value: value["value"] == 20 and "Weak" in value["status"])
    owner.publish(30, status=1 | 0x10)
    owner.publish(31)
    watch.wait_for_value(lambda value: value["value"] == 31)
    assert [value["value"] for value in watch.values()] == [10, 20, 31]


@pytest.mark.parametrize("words, said", [
    (("watch", "A", "--interval=0"), "--interval=0: must be a number 1..3600000"),
    (("watch", "A", f"--interval={HOUR_MS + 1}"), "must be a number 1..3600000"),
    (("watch", "A", "--dead-band=-1"), "--dead-band=-1: must be a number, 0 or more"),
    (("watch", "A", "--dead-band=nan"), "must be a number, 0 or more"),
    (("watch", "A", "--dead-band=1x"), "must be a number, 0 or more"),
    (("watch", "A", "--every", "--interval=5"), "--every leaves out none"),
    (("get", "A", "--interval=5"), "belong to watch, not get"),
])
def test_d2k_tell_refuses_what_is_none(plant, kernel, words, said):
    result = plant.tell(*words)
    assert result.exit_code == 2 and said in result.stderr, result.stderr
