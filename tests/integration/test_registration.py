"""Who gets a process name: probes, resume tokens, numbers, limits; and what the log says of it."""

import os
import re
import signal
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server
from d2k_test.poll import eventually, pause

CODES = protocol.CODES
RESUME = 0x04
NAME = "HOLDER.API"
PROBE_S = 2.0


@pytest.fixture
def kernel(plant, shared_certificates):
    plant.server_config.application(
        "PLANT", tls_server(shared_certificates.make("registration"), "None"))
    return plant.start_kernel()


def limited_kernel(plant, shared_certificates, max_clients):
    plant.server_config.application(
        "PLANT", f"Max_Clients = {max_clients}\n",
        tls_server(shared_certificates.make("registration"), "None"))
    return plant.start_kernel()


def register_bytes(name=NAME, token=bytes(32), flags=0):
    return protocol.encode(
        "Register", 2, process_name=name, process_instance=0, program_version="V1.00.000 s1",
        computer_name="TESTPC", os_process_id=os.getpid(), client_instance=os.urandom(16),
        resume_token=token, watchdog_ms=600_000, flags=flags)


def ask(port, **options):
    """A link that has asked for a name and waits for the answer."""
    link = protocol.Link(port, tls=False)
    link.hello()
    link.expect("Welcome")
    link.send_bytes(register_bytes(**options))
    return link


def answer(link):
    """Registered or Refuse."""
    while True:
        message = link.receive()
        if message.name in ("Registered", "Refuse", "Bye"):
            return message


@contextmanager
def answering_probes(link):
    """Lives as a process does, on a thread of its own: answers each Ping."""
    ends = threading.Event()

    def answer_pings():
        while not ends.is_set():
            try:
                message = link.receive(0.1)
            except TimeoutError:
                continue
            if message.name == "Ping":
                link.send_bytes(protocol.encode("Pong", message.request, data=message.data))

    with ThreadPoolExecutor(1) as pool:
        lives = pool.submit(answer_pings)
        try:
            yield
        finally:
            ends.set()
            lives.result()


def time_of(line):
    """When the kernel wrote it."""
    return datetime.strptime(line[:25], "[%Y-%m-%d %H:%M:%S.%f]")


def test_a_holder_that_lives_keeps_its_name(plant, kernel):
    with protocol.Link(plant.port, tls=False) as holder:
        holder.register(NAME, flags=0)
        with ask(plant.port) as second, answering_probes(holder):
            refuse = answer(second)
        assert refuse.name == "Refuse" and refuse.code == CODES["NAME_IN_USE"]
        assert f"pid {os.getpid()}" in refuse.sentence and "127.0.0.1:" in refuse.sentence
        assert "TESTPC" in refuse.sentence and re.search(r"since \d{4}-", refuse.sentence)
        holder.send("Ping", data=b"mine")
        assert holder.expect("Pong").data == b"mine"


def test_part_of_a_message_is_a_sign_of_life(plant, kernel):
    """A holder in the middle of a large frame lives, although no frame of it is complete."""
    with protocol.Link(plant.port, tls=False) as holder:
        holder.register(NAME, flags=0)
        large = protocol.frame(60_000, bytes(1000), flags=protocol.SKIPPABLE)
        holder.send_bytes(large[:10])
        with ask(plant.port) as second:
            holder.expect("Ping")
            for byte in large[10:13]:
                pause(0.02)
                holder.send_bytes(bytes([byte]))
            assert answer(second).code == CODES["NAME_IN_USE"]


def test_a_wrong_resume_token_is_worth_nothing(plant, kernel):
    with protocol.Link(plant.port, tls=False) as holder:
        token = bytearray(holder.register(NAME, flags=0).resume_token)
        token[-1] ^= 1
        with ask(plant.port, token=bytes(token), flags=RESUME) as second, answering_probes(holder):
            assert answer(second).code == CODES["NAME_IN_USE"]


def test_a_resume_token_without_its_flag_is_ignored(plant, kernel):
    with protocol.Link(plant.port, tls=False) as holder:
        token = holder.register(NAME, flags=0).resume_token
        with ask(plant.port, token=token) as second, answering_probes(holder):
            assert answer(second).code == CODES["NAME_IN_USE"]


def test_a_used_resume_token_is_void(plant, kernel):
    with protocol.Link(plant.port, tls=False) as first:
        token = first.register(NAME, flags=0).resume_token
        with ask(plant.port, token=token, flags=RESUME) as second:
            assert answer(second).name == "Registered"
            with ask(plant.port, token=token, flags=RESUME) as third, answering_probes(second):
                assert answer(third).code == CODES["NAME_IN_USE"]


def test_of_two_who_ask_for_a_dead_name_one_gets_it(plant, kernel):
    with protocol.Link(plant.port, tls=False) as silent:
        silent.register(NAME, flags=0)
        with ask(plant.port) as one, ask(plant.port) as two:
            answers = [answer(one), answer(two)]
            names = sorted(message.name for message in answers)
            assert names == ["Refuse", "Registered"]
            refused = next(message for message in answers if message.name == "Refuse")
            assert refused.code == CODES["NAME_IN_USE"]
        assert silent.wait_end().code == CODES["REPLACED"]


def test_a_holder_that_leaves_while_it_is_asked_gives_the_name_free_at_once(plant, kernel):
    with protocol.Link(plant.port, tls=False) as holder:
        holder.register(NAME, flags=0)
        with ask(plant.port) as second:
            holder.expect("Ping")
            holder.log_off()
            assert answer(second).name == "Registered"
    ended = time_of(kernel.wait_for_log(rf"Process ended\. ClientName: {NAME} .*State: Stop"))
    registered = rf"RegistraterProces OK\. ClientName: {NAME} "
    eventually(lambda: len(kernel.log_lines(registered)) == 2)
    assert time_of(kernel.log_lines(registered)[1]) - ended < timedelta(seconds=PROBE_S)


def test_who_waits_for_a_probe_may_leave(plant, kernel):
    with protocol.Link(plant.port, tls=False) as holder:
        holder.register(NAME, flags=0)
        with ask(plant.port):
            holder.expect("Ping")
        with ask(plant.port) as second:
            assert answer(second).name == "Registered"


@pytest.mark.parametrize("more", ["Hello", "Register", "Ping"])
def test_who_waits_for_a_probe_may_say_nothing_else(plant, kernel, more):
    message = {
        "Hello": protocol.encode("Hello", 1, version_min=1, version_max=1, capabilities=0,
                                 application=""),
        "Register": register_bytes(), "Ping": protocol.encode("Ping", 1, data=b"")}[more]
    with protocol.Link(plant.port, tls=False) as holder:
        holder.register(NAME, flags=0)
        with ask(plant.port) as second:
            second.send_bytes(message)
            assert second.wait_end().code == CODES["PROTOCOL"]
        holder.send("Ping", data=b"mine")
        holder.expect("Pong")


def test_register_without_hello_ends_the_link(plant, kernel):
    with protocol.Link(plant.port, tls=False) as link:
        link.send_bytes(protocol.PREFACE + register_bytes())
        assert link.wait_end().code == CODES["PROTOCOL"]


def test_hello_twice_ends_the_link(plant, kernel):
    with protocol.Link(plant.port, tls=False) as link:
        link.hello()
        link.hello(preface=b"")
        assert link.wait_end().code == CODES["PROTOCOL"]


@pytest.mark.parametrize("when", ["first", "after Hello"])
def test_a_good_bye_before_registration_is_no_fault(plant, kernel, when):
    with protocol.Link(plant.port, tls=False) as link:
        if when == "first":
            link.send_bytes(protocol.PREFACE)
        else:
            link.hello()
            link.expect("Welcome")
        link.send_bytes(protocol.encode("Bye", code=0, retry_after_ms=0, sentence=""))
        assert (link.wait_end() or protocol.Message("Bye", 0, {"code": 0})).code == CODES["NONE"]


def test_numbers_of_running_processes_are_left_out(plant, kernel):
    with protocol.Link(plant.port, tls=False) as taken, \
            protocol.Link(plant.port, tls=False) as numbered:
        taken.register("TESTPC_01.API", flags=0)
        assert numbered.register("TESTPC.API").process_name == "TESTPC_02.API"


def test_the_last_of_max_clients_and_one_past_it(plant, shared_certificates):
    limited_kernel(plant, shared_certificates, 3)
    links = [protocol.Link(plant.port, tls=False) for _ in range(3)]
    names = [link.register("TESTPC.API").process_name for link in links]
    with protocol.Link(plant.port, tls=False) as fourth:
        fourth.hello()
        fourth.expect("Welcome")
        fourth.send_bytes(register_bytes("FOURTH.API"))
        refuse = answer(fourth)
        assert refuse.code == CODES["LIMIT"] and refuse.retry_after_ms > 0
    links[0].log_off()
    eventually(lambda: admitted(plant.port, "FOURTH.API"), what="a place is free")
    assert len(set(names)) == 3
    for link in links:
        link.close()


def admitted(port, name):
    with ask(port, name=name) as link:
        return answer(link).name == "Registered"


def test_a_full_kernel_lets_a_process_resume(plant, shared_certificates):
    """Who takes over its own old link needs no place of its own."""
    limited_kernel(plant, shared_certificates, 1)
    with protocol.Link(plant.port, tls=False) as old:
        token = old.register(NAME, flags=0).resume_token
        with ask(plant.port, token=token, flags=RESUME) as new:
            assert answer(new).name == "Registered"
            assert old.wait_end().code == CODES["REPLACED"]


def test_a_full_kernel_gives_a_dead_name_away(plant, shared_certificates):
    limited_kernel(plant, shared_certificates, 1)
    with protocol.Link(plant.port, tls=False) as silent:
        silent.register(NAME, flags=0)
        with ask(plant.port) as successor:
            assert answer(successor).name == "Registered"


def test_a_reset_behind_the_last_bytes_ends_the_process_at_once(plant, kernel):
    """Data and RST seen in one look: the end must not wait for the watchdog."""
    link = protocol.Link(plant.port, tls=False)
    link.register(NAME, flags=0)
    kernel.signal(signal.SIGSTOP)
    try:
        link.send_bytes(protocol.encode("Watchdog"))  # nothing is answered
        link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()
    finally:
        kernel.signal(signal.SIGCONT)
    kernel.wait_for_log(rf"Process ended\. ClientName: {NAME}.*State: Crash")


def test_a_kernel_that_was_stopped_blames_nobody(plant, kernel):
    """Its clock has run on, but what its clients have sent meanwhile is there."""
    with protocol.Link(plant.port, tls=False) as link:
        link.register(NAME, flags=0, watchdog_ms=1000)
        kernel.signal(signal.SIGSTOP)
        pause(3.6)  # longer than three intervals of the client's watchdog
        link.send("Ping", data=b"alive")
        kernel.signal(signal.SIGCONT)
        assert link.expect("Pong").data == b"alive"


def test_a_refusal_says_who_and_why_in_one_line(plant, kernel):
    with ask(plant.port, name="not a name") as link:
        assert answer(link).code == CODES["BAD_NAME"]
        port = link.socket.getsockname()[1]
    line = kernel.wait_for_log("RegistraterProces REFUSED")
    assert "ClientName: not a name" in line and f"[TCP/IP 127.0.0.1:{port}]" in line
    assert len([line for line in kernel.log_lines(f":{port}") if "WARNING" in line]) == 1
