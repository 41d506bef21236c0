"""Crowds of peers that leave at every stage, flood, or come when nothing is left: the kernel serves
on, ends in time, and its log stays readable."""

import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server
from d2k_test.poll import DEADLINE_S, SLOWNESS, eventually

CODES = protocol.CODES
LINES_A_SECOND = 10
END_S = 10 * SLOWNESS  # far less than any deadline of the crowd's own
REFUSED = r"WARNING: Connection "
LEFT_OUT = r"WARNING: \d+ more connections were refused"


@pytest.fixture
def identity(shared_certificates):
    return shared_certificates.make("storm")


@pytest.fixture
def kernel(plant, identity):
    plant.server_config.application("PLANT", tls_server(identity, "None"))
    kernel = plant.start_kernel()
    yield kernel
    if kernel.is_running():
        assert_serves(plant)


def assert_serves(plant):
    for tls in (False, True):
        with protocol.Link(plant.port, tls) as link:
            link.register("WITNESS.API")
            link.send("Ping", data=b"")
            link.expect("Pong")


def client_hello():
    """What a TLS client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = protocol.tls_context().wrap_bio(incoming, outgoing)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def some_bytes(connection):
    data = connection.recv(65536)
    assert data, "the kernel closed the connection"
    return data


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)


def reset(connection):
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hello_and_register(name="TESTPC.API"):
    link = protocol.Link.__new__(protocol.Link)
    return (protocol.PREFACE
            + protocol.encode("Hello", 1, version_min=1, version_max=1, capabilities=7,
                              application="")
            + protocol.Link.register_bytes(link, name, flags=protocol.REGISTER_NUMBERED))


STAGES = {
    "nothing": lambda: b"",
    "one byte": lambda: b"\x16",
    "half a ClientHello": lambda: client_hello()[:100],
    "a ClientHello": client_hello,
    "half a preface": lambda: protocol.PREFACE[:4],
    "a preface": lambda: protocol.PREFACE,
    "half a Hello": lambda: hello_and_register()[:20],
    "a registration": hello_and_register,
    "rubbish": lambda: b"GET / HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("end", [socket.socket.close, reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("stage", STAGES)
def test_crowds_that_leave_at_each_stage(plant, kernel, stage, end):
    data = STAGES[stage]()
    for _ in range(3):
        crowd = [connect(plant.port) for _ in range(100)]
        for connection in crowd:
            connection.sendall(data)
        for connection in crowd:
            end(connection)
    assert_serves(plant)
    eventually(lambda: plant_clients(plant) == 1, what="nobody of the crowd is left")


def plant_clients(plant):
    """Processes that run now, with the one that asks."""
    with protocol.Link(plant.port, tls=False) as link:
        link.register("COUNT.API", flags=protocol.REGISTER_NUMBERED)
        link.send("ListProcesses", pattern="*")
        running = 0
        while (message := link.receive()).name != "Done":
            running += message.name == "ProcessInfo" and message.state == 0
        link.log_off()
        return running


def test_everything_may_come_with_the_finished(plant, kernel):
    """Finished, Hello and Register in one write."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = protocol.tls_context().wrap_bio(incoming, outgoing)
    with connect(plant.port) as connection:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(some_bytes(connection))
        client.write(hello_and_register())
        connection.sendall(outgoing.read())
        received = b""
        while b"TESTPC_01.API" not in received:
            try:
                received += client.read(65536)
            except ssl.SSLWantReadError:
                incoming.write(some_bytes(connection))


@pytest.mark.parametrize("record_size", [1, 50])
def test_a_client_hello_in_crumbs(plant, kernel, record_size):
    """Bytes one by one, and cut into records of TLS as small as they may be."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = protocol.tls_context().wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()[5:]
    records = b"".join(
        b"\x16\x03\x01" + struct.pack(">H", len(piece)) + piece
        for piece in (hello[at:at + record_size] for at in range(0, len(hello), record_size)))
    with connect(plant.port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if record_size > 1:
            for at in range(len(records)):
                connection.sendall(records[at:at + 1])
        else:
            connection.sendall(records)
        incoming.write(some_bytes(connection))
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(some_bytes(connection))
        connection.sendall(outgoing.read())
        assert client.version() == "TLSv1.3"


def test_half_a_record_behind_a_whole_one(plant, kernel):
    """Of a ClientHello in two records one and a half come together."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = protocol.tls_context().wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()[5:]
    records = b"".join(b"\x16\x03\x01" + struct.pack(">H", len(piece)) + piece
                       for piece in (hello[:100], hello[100:]))
    with connect(plant.port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(records[:150])
        plant_clients(plant)  # the kernel has had its turn
        connection.sendall(records[150:])
        assert some_bytes(connection)[:3] == b"\x16\x03\x03"


def test_a_hello_retry_request(plant, kernel):
    """The client guesses a group that the kernel does not take."""
    answer = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{plant.port}", "-alpn", protocol.ALPN,
         "-groups", "X448:P-256", "-msg"], input=b"", capture_output=True, timeout=DEADLINE_S,
        check=False)
    assert answer.stdout.count(b", ClientHello") == 2  # it was asked to try again
    assert b"ALPN protocol: d2k/1" in answer.stdout


def test_a_flood_of_key_updates(plant, kernel):
    """Each costs the kernel two keys, and the peer nothing."""
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{plant.port}", "-alpn", protocol.ALPN,
         "-tls1_3"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def flooded():
        try:
            client.stdin.write(b"K\n")  # s_client's command for one KeyUpdate
            client.stdin.flush()
        except BrokenPipeError:
            pass
        return kernel.log_lines(REFUSED + ".*floods us with TLS messages")
    try:
        eventually(flooded, what="the flood ends the link")
    finally:
        client.kill()
        client.communicate()


def test_rubbish_after_the_handshake(plant, kernel):
    with protocol.Link(plant.port) as link:
        link.register("RUBBISH.API", flags=0)
        raw = socket.socket(fileno=os.dup(link.socket.fileno()))
        raw.sendall(os.urandom(4096))
        raw.close()
        kernel.wait_for_log(r"Process ended\. ClientName: RUBBISH\.API.*State: Crash")


def test_close_notify_without_bye_is_a_crash(plant, kernel):
    with protocol.Link(plant.port) as link:
        link.register("SHORT.API", flags=0)
        link.socket.settimeout(DEADLINE_S)
        try:
            link.socket.unwrap()
        except (ssl.SSLError, OSError):
            pass
        kernel.wait_for_log(r"Process ended\. ClientName: SHORT\.API.*State: Crash.*close_notify")


def test_a_refusal_in_plain_when_tls_is_required(plant, identity):
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    kernel = plant.start_kernel()
    with protocol.Link(plant.port, tls=False) as link:
        link.send_bytes(hello_and_register())
        assert link.wait_end().code == CODES["TLS_REQUIRED"]
    line = kernel.wait_for_log(REFUSED)
    assert "[TCP/IP 127.0.0.1:" in line and "TLS_RequiredLevel" in line


def test_the_log_of_a_storm_is_short(plant, kernel):
    began = time.monotonic()
    for _ in range(300):
        connect(plant.port).close()
    left_out = int(kernel.wait_for_log(LEFT_OUT).split("WARNING: ")[1].split()[0])
    assert left_out > 0

    def all_are_told():
        told = sum(int(line.split("WARNING: ")[1].split()[0])
                   for line in kernel.log_lines(LEFT_OUT))
        return len(kernel.log_lines(REFUSED)) + told == 300
    eventually(all_are_told, what="every refusal is written or counted")
    seconds_begun = time.monotonic() - began + 2
    assert len(kernel.log_lines(REFUSED)) <= LINES_A_SECOND * seconds_begun


@pytest.mark.parametrize("crowd", ["handshaking", "reading slowly"])
def test_the_end_does_not_wait_for_a_crowd(plant, kernel, crowd):
    """Hundreds in their handshakes, or with output that they do not take."""
    links = []
    if crowd == "handshaking":
        hello = client_hello()
        for number in range(300):
            links.append(connect(plant.port))
            links[-1].sendall(hello if number % 2 else hello[:100])
    else:
        for _ in range(20):
            link = protocol.Link(plant.port, tls=False)
            link.register()
            links.append(link)
            link.send_bytes(protocol.encode("Ping", 1, data=bytes(65536)) * 40)
    began = time.monotonic()
    kernel.signal(signal.SIGTERM)
    assert kernel.wait() == 0
    assert time.monotonic() - began < END_S
    assert kernel.log_lines(r"SERVER - Kernel ended\.$")
    for link in links:
        link.close()


def test_without_descriptors_the_longest_silent_goes(plant, identity):
    """A kernel with 64 descriptors and 200 peers that say nothing."""
    plant.server_config.application("PLANT", tls_server(identity, "None"))
    kernel = start_limited_kernel(plant, 64)
    silent = []
    for _ in range(200):
        silent.append(connect(plant.port))
    assert_serves(plant)
    kernel.wait_for_log(r"WARNING: Connection from .* no descriptors left")
    for connection in silent:
        connection.close()
    assert_serves(plant)


def start_limited_kernel(plant, descriptors):
    command = plant.kernel_command
    plant.kernel_command = lambda *parameters, **options: [
        "prlimit", f"--nofile={descriptors}:{descriptors}", *command(*parameters, **options)]
    try:
        return plant.start_kernel()
    finally:
        plant.kernel_command = command


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_local_socket_refuses_another_user(plant, kernel):
    path = next(Path(plant.directory / "run").glob("*.sock"))
    for directory in (plant.directory, path.parent):
        directory.chmod(0o755)
    path.chmod(0o666)
    code = ("import os,socket,sys; os.setuid(65534); s=socket.socket(socket.AF_UNIX);"
            "s.connect(sys.argv[1]); s.sendall(bytes.fromhex(sys.argv[2]));"
            "s.settimeout(20); sys.stdout.buffer.write(s.recv(4096))")
    answer = subprocess.run(
        [sys.executable, "-c", code, path, hello_and_register().hex()], capture_output=True,
        timeout=DEADLINE_S, check=True).stdout
    _, number, _, _ = protocol.HEADER.unpack_from(answer, 8)
    refuse = protocol.decode(number, 0, answer[8 + protocol.HEADER.size:])
    assert refuse.name == "Refuse" and refuse.code == CODES["NOT_ALLOWED"]
    assert "[LOCAL uid 65534]" in kernel.wait_for_log(REFUSED)
