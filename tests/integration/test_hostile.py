"""Peers that break the rules: the kernel ends their links with the reason, and nobody else notices."""

import os
import random
import socket
import struct

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S, eventually

CODES = protocol.CODES


@pytest.fixture(params=["plain", "TLS"])
def tls(request):
    return request.param == "TLS"


@pytest.fixture
def kernel(plant, shared_certificates):
    identity = shared_certificates.make("hostile")
    plant.server_config.application("PLANT", tls_server(identity, "None"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", identity.cert))
    kernel = plant.start_kernel()
    with protocol.Link(plant.port) as witness:
        witness.register("WITNESS.API", flags=0)
        yield kernel
        witness.send("Ping", data=b"still there")
        assert witness.expect("Pong").data == b"still there"
    assert kernel.is_running()


def registered(plant, tls):
    link = protocol.Link(plant.port, tls)
    link.register("HOSTILE.API")
    return link


def padded(size_of_length_field):
    """A Ping whose length field has this value."""
    return protocol.encode("Ping", 5, data=bytes(size_of_length_field - 12))


def test_a_frame_at_the_limit_before_registration_and_one_past_it(plant, kernel, tls):
    for excess, code in ((0, None), (1, CODES["TOO_LARGE"])):
        with protocol.Link(plant.port, tls) as link:
            hello = protocol.encode("Hello", 1, version_min=1, version_max=1, capabilities=0,
                                    application="")
            size = protocol.LENGTH_MAX_UNREGISTERED + excess
            payload = hello[16:] + bytes(size - 12 - len(hello[16:]))
            link.send_bytes(protocol.PREFACE + protocol.frame(1, payload, 1))
            if code is None:
                assert link.expect("Welcome").version == 1
            else:
                assert link.wait_end().code == code


def test_a_frame_at_the_limit_after_registration_and_one_past_it(plant, kernel, tls):
    with registered(plant, tls) as link:
        filler = protocol.frame(1000, bytes(protocol.LENGTH_MAX - 12), flags=protocol.SKIPPABLE)
        link.send_bytes(filler)
        link.send("Ping", data=b"fits")
        assert link.expect("Pong").data == b"fits"
        link.send_bytes(struct.pack("<IHHQ", protocol.LENGTH_MAX + 1, 1000, 1, 0))
        assert link.wait_end().code == CODES["TOO_LARGE"]


def test_a_length_shorter_than_the_header(plant, kernel, tls):
    with registered(plant, tls) as link:
        link.send_bytes(struct.pack("<IHHQ", 11, 8, 0, 1))
        assert link.wait_end().code == CODES["PROTOCOL"]


def test_an_unknown_message_is_skipped_if_it_may_be(plant, kernel, tls):
    with registered(plant, tls) as link:
        link.send_bytes(protocol.frame(60_000, b"later", 1, protocol.SKIPPABLE))
        link.send("Ping", data=b"on")
        assert link.expect("Pong").data == b"on"
        link.send_bytes(protocol.frame(60_000, b"later", 1))
        assert link.wait_end().code == CODES["UNKNOWN_MESSAGE"]


def test_unknown_trailing_bytes_are_skipped(plant, kernel, tls):
    with registered(plant, tls) as link:
        whole = protocol.encode("ListProcesses", 5, pattern="*")
        link.send_bytes(protocol.frame(55, whole[16:] + b"a later version's field", 5))
        assert link.expect("Done").request == 5


@pytest.mark.parametrize("versions,code", [((2, 9), "VERSION"), ((0, 0), "VERSION")])
def test_no_common_version_is_a_clear_refusal(plant, kernel, tls, versions, code):
    with protocol.Link(plant.port, tls) as link:
        link.hello(versions=versions)
        refuse = link.wait_end()
        assert refuse.name == "Refuse" and refuse.code == CODES[code] and refuse.sentence


def test_a_newer_client_gets_the_common_version(plant, kernel, tls):
    with protocol.Link(plant.port, tls) as link:
        link.hello(versions=(1, 40))
        assert link.expect("Welcome").version == 1


def test_another_application_is_refused(plant, kernel, tls):
    with protocol.Link(plant.port, tls) as link:
        link.hello(application="OTHER")
        assert link.wait_end().code == CODES["APPLICATION"]


@pytest.mark.parametrize("name", ["", "NODOT", ".API", "A.", "A B.API", "A.API.B", "Ä.API", "x" * 65])
def test_bad_process_names_are_refused(plant, kernel, tls, name):
    with protocol.Link(plant.port, tls) as link:
        link.hello()
        link.expect("Welcome")
        link.send_bytes(link.register_bytes(name))
        assert link.wait_end().code in (CODES["BAD_NAME"], CODES["PROTOCOL"], CODES["TOO_LARGE"])


@pytest.mark.parametrize("early", ["Ping", "Update", "Subscribe", "Define", "Shutdown"])
def test_messages_before_registration_end_the_link(plant, kernel, tls, early):
    fields = {"Ping": {"data": b""}, "Update": {"values": b""}, "Shutdown": {"reason": "x"},
              "Subscribe": {"subscription": 1, "mode": 0, "pattern": "*"},
              "Define": {"type": 2, "name": "A", "description": "", "unit": ""}}[early]
    with protocol.Link(plant.port, tls) as link:
        link.hello()
        link.expect("Welcome")
        link.send(early, **fields)
        assert link.wait_end().code == CODES["PROTOCOL"]


def test_a_message_that_only_a_kernel_sends_ends_the_link(plant, kernel, tls):
    with registered(plant, tls) as link:
        link.send("Registered", id_number=1, connection_sql_id=1, process_name="A.API",
                  resume_token=bytes(32), kernel_time=0, watchdog_ms=1)
        assert link.wait_end().code == CODES["PROTOCOL"]


def test_a_message_that_ends_too_early_ends_the_link(plant, kernel, tls):
    with registered(plant, tls) as link:
        link.send_bytes(protocol.frame(48, b"\x01\x00", 1))
        assert link.wait_end().code == CODES["PROTOCOL"]


def test_text_that_is_not_utf8_ends_the_link(plant, kernel, tls):
    with registered(plant, tls) as link:
        link.send("Subscribe", subscription=1, mode=0, pattern=b"\xff\xfe")
        assert link.wait_end().code == CODES["PROTOCOL"]


def test_values_out_of_range_harm_nobody(plant, kernel, tls):
    with registered(plant, tls) as link:
        hobj = link.define("Hostile.Real", protocol.REAL)
        link.send_bytes(protocol.encode("Update", values=protocol.value_record(
            hobj, protocol.REAL, struct.pack("<d", float("nan")))))
        link.send_bytes(protocol.encode("Update", values=protocol.value_record(
            4_000_000_000, protocol.REAL, struct.pack("<d", 1.0))))
        try:
            link.send("Ping", data=b"")
        except OSError:
            pass  # the kernel may end this link
    with protocol.Link(plant.port) as reader:
        reader.register("READER.API", flags=0)
        assert reader.subscribe("Hostile.Real").count <= 1


def test_registering_twice_ends_the_link(plant, kernel, tls):
    with registered(plant, tls) as link:
        link.send_bytes(link.register_bytes("TWICE.API"))
        assert link.wait_end().code == CODES["PROTOCOL"]


def test_bytes_sent_together_with_the_registration_are_not_lost(plant, kernel, tls):
    with protocol.Link(plant.port, tls) as link:
        link.send_bytes(
            protocol.PREFACE
            + protocol.encode("Hello", 1, version_min=1, version_max=1, capabilities=7,
                              application="")
            + link.register_bytes("EAGER.API")
            + protocol.encode("Ping", 3, data=b"eager"))
        assert link.expect("Pong").data == b"eager"


def test_a_peer_that_says_nothing_is_dropped_and_holds_nobody_up(plant, kernel):
    silent = [socket.create_connection(("127.0.0.1", plant.port)) for _ in range(50)]
    half = [socket.create_connection(("127.0.0.1", plant.port)) for _ in range(50)]
    for connection in half:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01")
    assert plant.tell("processes").exit_code == 0

    def all_ended():
        return all(ended(connection) for connection in silent + half)
    eventually(all_ended, 30 + DEADLINE_S, "the silent peers are dropped")
    for connection in silent + half:
        connection.close()


def ended(connection):
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.performance
def test_a_thousand_strangers_with_garbage(plant, kernel):
    chance = random.Random(2)
    prefixes = [b"", b"\x16\x03\x01", protocol.PREFACE, protocol.PREFACE + b"\x20\x00\x00\x00\x01\x00"]
    for number in range(1000):
        with socket.create_connection(("127.0.0.1", plant.port), timeout=DEADLINE_S) as connection:
            garbage = chance.choice(prefixes) + chance.randbytes(chance.randrange(1, 300))
            try:
                connection.sendall(garbage)
            except ConnectionError:
                pass
        if number % 250 == 0:
            assert plant.tell("processes").exit_code == 0
    assert plant.tell("processes").exit_code == 0


def test_a_reader_that_does_not_read_costs_bounded_memory(plant, kernel):
    with registered(plant, True) as source, protocol.Link(plant.port, True) as lazy:
        hobj = source.define("Hostile.Counter")
        lazy.register("LAZY.API", flags=0)
        lazy.subscribe("Hostile.Counter", mode=0)
        for number in range(1, 100_001):
            source.publish(hobj, number, number)
        source.send("Ping", data=b"")
        source.expect("Pong")
        with open(f"/proc/{kernel.process.pid}/statm", encoding="ascii") as statm:
            resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        if not os.environ.get("D2K_SANITIZER"):
            assert resident < 100 * 1024 * 1024
