"""Process alarms: defined, found by the kernel, told; by the protocol."""

import struct
from contextlib import ExitStack

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server

BOOLEAN, TEXT = 1, 6
LIMITS, ALARM, CRITICAL = (2, 3, 4, 5), 8, 14
VALID, STANDS, WAITS, SILENT, IS_CRITICAL = 0x1, 0x2, 0x4, 0x8, 0x200
NONE, ON, VH_LIMIT = 0, 3, 28
REAL_RECORD = 40


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "None"))
    return plant.start_kernel()


@pytest.fixture
def link(plant, kernel):
    """A function that connects a process."""
    with ExitStack() as stack:
        def connect(name="OWNER.KOM", local=False):
            place = plant.directory / "run/PLANT.sock" if local else plant.port
            connected = stack.enter_context(
                protocol.Link(place, tls=False))
            connected.register(name, flags=0)
            return connected
        yield connect


def alarms(*numbers, critical=False):
    mask = sum(1 << number for number in numbers)
    return (protocol.property_u32(ALARM, mask) +
            (protocol.property_u8(CRITICAL, 1) if critical else b""))


def limits(*numbers):
    return b"".join(struct.pack("<HHd", key, 8, number) for key, number in zip(LIMITS, numbers))


def told(link):
    """(size of the record, status, process alarm, has it a time) of the next value."""
    record = link.expect("Update").values
    (_, _, status, _, content), = protocol.value_records(record)
    kind = record[8]
    extras = content[{BOOLEAN: 1, protocol.REAL: 8}[kind]:]
    alarm, time_ns = struct.unpack("<xBq", extras) if extras else (NONE, 0)
    return len(record), status, alarm, time_ns != 0


class Publisher:
    def __init__(self, link, name, kind, properties=b""):
        self.link, self.kind, self.sequence = link, kind, 0
        self.hobj = link.define(name, kind, properties)

    def publish(self, value, status=VALID):
        self.sequence += 1
        content = struct.pack("<?" if self.kind == BOOLEAN else "<d", value)
        self.link.send("Update", values=protocol.value_record(
            self.hobj, self.kind, content, status=status, sequence=self.sequence))


def test_the_kernel_finds_the_alarm_and_tells_it(link):
    owner, reader = link(), link("OP.HIP")
    level = Publisher(owner, "Level", protocol.REAL,
                      limits(0, 1, 2, 3) + alarms(VH_LIMIT, critical=True))
    reader.subscribe("Level")
    level.publish(1.5)
    assert told(reader) == (REAL_RECORD, VALID, NONE, False)
    level.publish(9)
    assert told(reader)[1:] == (VALID | STANDS | WAITS | IS_CRITICAL, VH_LIMIT, True)
    level.publish(9, status=0)
    assert told(reader)[1:] == (STANDS | WAITS | SILENT | IS_CRITICAL, VH_LIMIT, True)
    level.publish(1.5)
    assert told(reader)[1:] == (VALID | WAITS | IS_CRITICAL, NONE, True)
    owner.close()
    assert told(reader)[1:] == (WAITS | SILENT | IS_CRITICAL, NONE, True)


def test_without_alarms_a_value_is_as_short_as_ever_whatever_its_publisher_says(link):
    owner, reader = link(), link("OP.HIP")
    plain = Publisher(owner, "Plain", protocol.REAL)
    reader.subscribe("Plain")
    plain.publish(9, status=VALID | STANDS | WAITS | SILENT | IS_CRITICAL)
    assert told(reader) == (REAL_RECORD, VALID, NONE, False)


@pytest.mark.parametrize("kind, properties, sentence", [
    (TEXT, alarms(ON), "object A: type Text has no process alarms"),
    (TEXT, alarms(), "object A: type Text has no process alarms"),
    (BOOLEAN, alarms(VH_LIMIT), "type Boolean does not give the process alarm 28 (VH_Limit)"),
    (BOOLEAN, alarms(0, ON), "does not give the process alarm 0 (NoAlarm)"),
    (BOOLEAN, alarms(ON, 31), "does not give the process alarm 31 (none has this number)"),
    (protocol.REAL, alarms(VH_LIMIT), "its process alarms are those of limits, and it has none"),
    (BOOLEAN, struct.pack("<HHH", ALARM, 2, 8), "a mask of process alarms has 4 bytes"),
    (BOOLEAN, protocol.property_u8(CRITICAL, 1), "its alarms are to be critical, but it has none"),
    (BOOLEAN, alarms(ON) + protocol.property_u8(CRITICAL, 2), "are critical (1) or not (0)"),
])
def test_definitions_that_ask_for_what_cannot_be(link, kind, properties, sentence):
    owner = link()
    for message in "Define", "Configure":
        asks = link("OP.HIP", local=True) if message == "Configure" else owner
        refused = asks.answer(asks.send(message, type=kind, name="A", description="", unit="",
                                        properties=properties))
        assert refused.name == "Failed" and refused.code == protocol.CODES["BAD_VALUE"]
        assert sentence in refused.sentence
