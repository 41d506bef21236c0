"""Commands: writes that the kernel passes on to the owner of an object, and their outcome."""

import os
import re
import struct
from contextlib import ExitStack

import pytest

from d2k_test import protocol
from d2k_test.poll import eventually

COMMAND_TIMEOUT, WRITABLE, USER, NAME, PROCESS = 10, 12, 52, 64, 65
DONE, REFUSED, UNKNOWN = 0, 1, 2
VALID, TRANSIENT = 0x01, 0x40
COMMANDS_OF_ONE, COMMANDS_OF_ALL = 64, 4096


@pytest.fixture
def links(plant):
    """Makes registered links without TLS; all are closed after the test."""
    plant.server_config.application("PLANT", "")
    kernel = plant.start_kernel()
    with ExitStack() as stack:
        def connect(name):
            link = stack.enter_context(protocol.Link(plant.port, tls=False))
            link.register(name, flags=0)
            link.instance = os.urandom(16)
            link.counter = 0
            return link
        connect.kernel = kernel
        yield connect


def integer(content):
    return struct.pack("<q", content)


def define(owner, name="Valve", writable=1, timeout_ms=None, content=1):
    properties = protocol.property_u8(WRITABLE, writable)
    if timeout_ms:
        properties += protocol.property_u32(COMMAND_TIMEOUT, timeout_ms)
    hobj = owner.define(name, properties=properties)
    owner.counter += 1
    owner.publish(hobj, content, owner.counter)
    return hobj


def write(link, hobj, content=7, kind=protocol.INTEGER, instance=None, counter=None, name=None,
          raw=None):
    """Sends a Write; number of the request."""
    link.counter += 1
    value = protocol.value_record(hobj, kind, integer(content) if raw is None else raw)
    if name:
        value += protocol.property_text(NAME, name)
    return link.send("Write", writer_instance=instance or link.instance,
                     writer_counter=counter or link.counter, value=value)


def answer(owner, command, outcome=DONE, code=0, sentence=""):
    owner.send_bytes(protocol.encode(
        "WriteResult", command.request, writer_instance=command.writer_instance,
        writer_counter=command.writer_counter, outcome=outcome, code=code, sentence=sentence))


def states(update):
    return [(status, struct.unpack("<q", content)[0])
            for _, _, status, _, content in protocol.value_records(update.values)]


def test_a_command_reaches_the_owner_and_its_outcome_the_writer(links):
    owner, writer, reader = links("OWNER.KOM"), links("OP.HIP"), links("READER.HIP")
    hobj = define(owner)
    reader.subscribe("Valve", mode=1)
    request = write(writer, hobj, 7)

    command = owner.expect("Write")
    (number, kind, _, _, content), = protocol.value_records(command.value[:4 + 36])
    assert (number, kind, content) == (hobj, protocol.INTEGER, integer(7))
    assert protocol.properties(command.value[40:]) == {PROCESS: b"OP.HIP"}
    assert states(reader.expect("Update")) == [(VALID | TRANSIENT, 1)]

    owner.publish(hobj, 7, 2)
    answer(owner, command)
    result = writer.expect("WriteResult")
    assert (result.request, result.outcome, result.code) == (request, DONE, 0)
    assert states(reader.expect("Update")) == [(VALID, 7)]
    links.kernel.wait_for_log(r"AUDIT - OP.HIP \[TCP/IP .*\] writes object Valve \(1 -> 7\): done$")


def test_the_mark_ends_also_when_the_owner_publishes_nothing(links):
    owner, writer, reader = links("OWNER.KOM"), links("OP.HIP"), links("READER.HIP")
    hobj = define(owner)
    reader.subscribe("Valve", mode=1)
    write(writer, hobj, 7)
    write(writer, hobj, 8)
    first, second = owner.expect("Write"), owner.expect("Write")
    assert states(reader.expect("Update")) == [(VALID | TRANSIENT, 1)]
    answer(owner, second)
    answer(owner, first)
    assert states(reader.expect("Update")) == [(VALID, 1)]


def test_the_owner_refuses_with_a_sentence(links):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    hobj = define(owner)
    write(writer, hobj)
    answer(owner, owner.expect("Write"), REFUSED, protocol.CODES["BAD_VALUE"], "7 is too much\n")
    result = writer.expect("WriteResult")
    assert (result.outcome, result.code) == (REFUSED, protocol.CODES["BAD_VALUE"])
    assert result.sentence == r"7 is too much\x0a"
    links.kernel.wait_for_log(r"writes object Valve \(1 -> 7\): refused: 7 is too much\\x0a$")


def test_a_sentence_is_passed_on_up_to_its_limit_and_cut_at_a_character(links):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    hobj = define(owner)
    for said, told in (("x" * 512, "x" * 512), ("\u20ac" * 170, "\u20ac" * 170),
                       ("\x1b" + "\u20ac" * 170, r"\x1b" + "\u20ac" * 169)):
        request = write(writer, hobj)
        answer(owner, owner.expect("Write"), REFUSED, protocol.CODES["BAD_VALUE"], said)
        assert writer.answer(request).sentence == told


def test_an_owner_that_is_silent_leaves_the_outcome_unknown(links):
    owner, writer, reader = links("OWNER.KOM"), links("OP.HIP"), links("READER.HIP")
    hobj = define(owner, timeout_ms=300)
    reader.subscribe("Valve", mode=1)
    write(writer, hobj)
    command = owner.expect("Write")
    result = writer.expect("WriteResult")
    assert (result.outcome, result.code) == (UNKNOWN, protocol.CODES["TIMEOUT"])
    assert "OWNER.KOM, the owner, has not answered in time" in result.sentence
    assert states(reader.expect("Update")) == [(VALID | TRANSIENT, 1)]
    assert states(reader.expect("Update")) == [(VALID, 1)]
    answer(owner, command)  # too late: left out
    owner.send("Ping", data=b"x")
    owner.expect("Pong")
    links.kernel.wait_for_log(r"writes object Valve \(1 -> 7\): outcome unknown: OWNER.KOM")


def test_an_owner_that_goes_leaves_the_outcome_unknown(links):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    hobj = define(owner)
    write(writer, hobj)
    owner.expect("Write")
    owner.close()
    result = writer.expect("WriteResult")
    assert (result.outcome, result.code) == (UNKNOWN, protocol.CODES["OWNER_GONE"])
    write(writer, hobj)
    result = writer.expect("WriteResult")
    assert (result.outcome, result.code) == (REFUSED, protocol.CODES["OWNER_GONE"])
    assert "is not connected" in result.sentence


def test_the_outcome_is_recorded_when_the_writer_is_gone(links):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    hobj = define(owner)
    write(writer, hobj)
    command = owner.expect("Write")
    writer.close()
    links.kernel.wait_for_log("Process ended. ClientName: OP.HIP")
    answer(owner, command)
    links.kernel.wait_for_log(r"writes object Valve \(1 -> 7\): done \(the writer is gone\)$")


def test_a_write_that_is_repeated_is_not_done_twice(links):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    hobj = define(owner)
    instance = os.urandom(16)
    write(writer, hobj, instance=instance, counter=5)
    command = owner.expect("Write")
    writer.close()
    links.kernel.wait_for_log("Process ended. ClientName: OP.HIP")

    again = links("OP.HIP")
    request = write(again, hobj, instance=instance, counter=5)
    again.send("Ping", data=b"x")
    again.expect("Pong")
    answer(owner, command)
    result = again.expect("WriteResult")
    assert (result.request, result.outcome) == (request, DONE)
    request = write(again, hobj, instance=instance, counter=5)
    result = again.expect("WriteResult")
    assert (result.request, result.outcome) == (request, DONE)

    stranger = links("STRANGER.HIP")
    write(stranger, hobj, instance=instance, counter=5)
    result = stranger.expect("WriteResult")
    assert result.outcome == REFUSED and "another process has used this write id" in result.sentence

    owner.send("Ping", data=b"nothing came")
    assert owner.receive().name == "Pong", "the owner was asked once"


def test_a_write_may_name_its_object(links):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    define(owner)
    write(writer, 0, name="vALVE")
    answer(owner, owner.expect("Write"))
    assert writer.expect("WriteResult").outcome == DONE
    write(writer, 0, name="No.Such")
    result = writer.expect("WriteResult")
    assert (result.outcome, result.code) == (REFUSED, protocol.CODES["NOT_FOUND"])


@pytest.mark.parametrize("arguments, code", [
    ({"kind": 3, "raw": struct.pack("<d", 1.5)}, "BAD_TYPE"),
    ({"hobj": 4_000_000_000}, "NOT_FOUND"),
    ({"hobj": 0}, "NOT_FOUND"),
])
def test_what_cannot_be_is_refused_by_the_kernel(links, arguments, code):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    hobj = define(owner)
    write(writer, arguments.pop("hobj", hobj), **arguments)
    result = writer.expect("WriteResult")
    assert (result.outcome, result.code) == (REFUSED, protocol.CODES[code])


def test_only_objects_whose_owner_takes_commands_are_written(links):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    hobj = define(owner, writable=0)
    write(writer, hobj)
    result = writer.expect("WriteResult")
    assert (result.outcome, result.code) == (REFUSED, protocol.CODES["NOT_OWNER"])
    assert "takes no commands" in result.sentence


@pytest.mark.parametrize("properties", [
    protocol.property_u8(WRITABLE, 2), protocol.property_u32(WRITABLE, 1),
    protocol.property_u32(COMMAND_TIMEOUT, 99), protocol.property_u32(COMMAND_TIMEOUT, 3_600_001),
    protocol.property_u8(COMMAND_TIMEOUT, 1)])
def test_definitions_that_are_out_of_range_are_refused(links, properties):
    owner = links("OWNER.KOM")
    owner.send("Define", type=protocol.INTEGER, name="V", description="", unit="",
               properties=properties)
    assert owner.receive().name == "Failed"


@pytest.mark.parametrize("timeout_ms", [100, 3_600_000])
def test_the_limits_of_the_time_for_a_command(links, timeout_ms):
    owner = links("OWNER.KOM")
    assert define(owner, timeout_ms=timeout_ms)


def test_open_commands_of_one_writer_are_bounded(links):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    hobj = define(owner, timeout_ms=3_600_000)
    for _ in range(COMMANDS_OF_ONE + 1):
        write(writer, hobj)
    result = writer.expect("WriteResult")
    assert (result.outcome, result.code) == (REFUSED, protocol.CODES["LIMIT"])
    answer(owner, owner.expect("Write"))
    assert writer.expect("WriteResult").outcome == DONE
    request = write(writer, hobj)
    for _ in range(COMMANDS_OF_ONE):
        answer(owner, owner.expect("Write"))
    results = [writer.expect("WriteResult") for _ in range(COMMANDS_OF_ONE)]
    assert {r.outcome for r in results} == {DONE} and results[-1].request == request


def test_open_commands_of_the_kernel_are_bounded(links):
    owner = links("OWNER.KOM")
    hobj = define(owner, timeout_ms=3_600_000)
    writers = [links(f"OP{i}.HIP") for i in range(COMMANDS_OF_ALL // COMMANDS_OF_ONE)]
    for writer in writers:
        for _ in range(COMMANDS_OF_ONE):
            write(writer, hobj)
        writer.send("Ping", data=b"x")
        writer.expect("Pong")
    late = links("LATE.HIP")
    write(late, hobj)
    result = late.expect("WriteResult")
    assert result.code == protocol.CODES["LIMIT"] and "of the kernel" in result.sentence
    answer(owner, owner.expect("Write"))
    assert writers[0].expect("WriteResult").outcome == DONE
    write(late, hobj)
    late.send("Ping", data=b"x")
    assert late.receive().name == "Pong"


def test_answers_that_nobody_asked_for_are_left_out(links):
    owner, writer, stranger = links("OWNER.KOM"), links("OP.HIP"), links("STRANGER.KOM")
    hobj = define(owner)
    write(writer, hobj)
    command = owner.expect("Write")
    answer(stranger, command)  # not its command
    stranger.send("Ping", data=b"x")
    stranger.expect("Pong")
    writer.send("Ping", data=b"x")
    assert writer.receive().name == "Pong"
    answer(owner, command, outcome=77)
    assert writer.expect("WriteResult").outcome == UNKNOWN
    answer(owner, command)
    owner.send("Ping", data=b"x")
    assert owner.receive().name == "Pong"


def test_properties_of_a_write_that_are_malformed_are_refused(links):
    owner, writer = links("OWNER.KOM"), links("OP.HIP")
    hobj = define(owner)
    value = protocol.value_record(hobj, protocol.INTEGER, integer(7))
    for rest in (b"\x40", protocol.property_text(NAME, "x") * 2):
        writer.send("Write", writer_instance=writer.instance, writer_counter=99, value=value + rest)
        result = writer.expect("WriteResult")
        assert (result.outcome, result.code) == (REFUSED, protocol.CODES["BAD_VALUE"])
    assert eventually(lambda: re.search(r"OP.HIP", links.kernel.log_text()))
