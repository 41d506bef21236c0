"""The kernel under a service manager: sockets that are handed in, what it is told, credentials,
SIGHUP, the journal. The test is the service manager."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S, eventually
from d2k_test.programs import REPOSITORY, Kernel, Program
from d2k_test.service import MANAGER, Notified, start

UNITS = REPOSITORY / "packaging/systemd"


def configure(plant, *sections):
    plant.server_config.application("PLANT", *sections)
    plant.client_config.application("PLANT")


def test_it_says_when_it_serves_and_when_it_ends(plant, notified):
    configure(plant)
    kernel = start(plant, environment={"NOTIFY_SOCKET": str(plant.directory / "notify")})
    ready = notified.wait_for("READY=1")
    assert f"STATUS=0 processes, port {kernel.port}" in ready.split("\n")
    plant.tell("list")  # it does serve
    kernel.stop()
    assert "STATUS=Ends: the kernel was asked to end by a signal" in notified.wait_for("STOPPING=1")


def test_an_abstract_socket_is_told_too(plant):
    configure(plant)
    name = f"d2k-test-{os.getpid()}"
    manager = Notified("\0" + name)
    start(plant, environment={"NOTIFY_SOCKET": "@" + name})
    manager.wait_for("READY=1")
    manager.socket.close()


def test_it_says_that_it_lives_twice_as_often_as_wanted(plant, notified):
    configure(plant)
    start(plant, environment={"NOTIFY_SOCKET": str(plant.directory / "notify"),
                              "WATCHDOG_USEC": "1000000"})
    for _ in range(3):
        notified.wait_for("WATCHDOG=1")
        notified.messages.clear()


@pytest.mark.parametrize("environment", [
    {}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}])
def test_nobody_who_does_not_watch_is_told(plant, notified, environment):
    configure(plant)
    kernel = start(plant, environment={"NOTIFY_SOCKET": str(plant.directory / "notify"),
                                       **environment})
    notified.wait_for("READY=1")
    kom = plant.start_kom()  # longer than some ticks
    kom.wait_connected()
    kernel.stop()
    notified.wait_for("STOPPING=1")
    assert not any("WATCHDOG" in message for message in notified.messages)


@pytest.mark.parametrize("address", ["/nobody/listens", "relative", "@", "/" + "x" * 200])
def test_a_notify_socket_that_cannot_be_used_is_no_trouble(plant, address):
    configure(plant)
    start(plant, environment={"NOTIFY_SOCKET": address}).stop()


def test_sockets_that_are_handed_in_are_the_ones_it_listens_on(plant):
    configure(plant)
    local = plant.directory / "handed.sock"
    kernel = start(plant, f"--port={1}", sockets=["tcp", local])
    assert kernel.port > 1  # not the one of its parameters
    kernel.wait_for_log(rf"Listening on \[TCP/IP\] port {kernel.port}, opened by")
    kernel.wait_for_log(r"Listening on \[LOCAL\], opened by the service manager")
    assert not (plant.directory / "run/PLANT.sock").exists()
    plant.start_kom().wait_connected()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(local))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        client.settimeout(DEADLINE_S)
        assert client.recv(4096)
    assert kernel.wait_for_log(r"Connection from \[local\] refused")
    kernel.stop()


def test_port_0_is_any_that_is_free(plant):
    configure(plant)
    kernel = plant.start_kernel("--port=0")
    assert kernel.port > 1024
    kernel.wait_for_log(rf"Listening on \[TCP/IP 0\.0\.0\.0\] port {kernel.port}$")
    assert plant.tell("list").exit_code == 0


def test_with_tcp_alone_handed_in_the_local_socket_is_made(plant):
    configure(plant)
    start(plant, sockets=["tcp"])
    assert (plant.directory / "run/PLANT.sock").exists()


def test_sockets_for_another_process_are_left_alone(plant):
    configure(plant)
    kernel = start(plant, sockets=["pid=1", "tcp"])
    kernel.wait_for_log(r"Listening on \[TCP/IP 0\.0\.0\.0\]")
    kernel.wait_for_log(r"Listening on \[LOCAL")
    assert not kernel.log_lines("opened by the service manager")


def test_a_socket_of_a_wrong_kind_ends_the_start_with_a_sentence(plant):
    configure(plant)
    kernel = Program([sys.executable, MANAGER, "udp", "--", *plant.kernel_command()],
                     plant.directory / "service", plant.environment())
    plant.programs.append(kernel)
    assert kernel.wait() == 3
    assert "descriptor 3 that the service manager handed in is no listening stream socket" in (
        kernel.stderr)


def test_a_key_can_be_a_credential(plant, certificates):
    identity = certificates.make("kernel")
    credentials = plant.directory / "credentials"
    credentials.mkdir()
    shutil.copy(identity.key, credentials / "server.key")
    (credentials / "server.key").chmod(0o440 if os.geteuid() == 0 else 0o400)
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", identity.cert))
    for form in ("credential:server.key", "$CREDENTIALS_DIRECTORY/server.key"):
        identity.key = form
        plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
        kernel = start(plant, environment={"CREDENTIALS_DIRECTORY": str(credentials)})
        assert plant.tell("list").exit_code == 0
        kernel.stop()


@pytest.mark.parametrize("form, directory", [
    ("credential:server.key", False), ("credential:other.key", True),
    ("credential:../secret.key", True)])
def test_a_credential_that_is_not_there_is_named(plant, certificates, form, directory):
    identity = certificates.make("kernel")
    (plant.directory / "credentials").mkdir()
    shutil.copy(identity.key, plant.directory / "secret.key")
    identity.key = form
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    environment = {**plant.environment()}
    if directory:
        environment["CREDENTIALS_DIRECTORY"] = str(plant.directory / "credentials")
    kernel = Program(plant.kernel_command(), plant.directory / "kernel", environment)
    plant.programs.append(kernel)
    assert kernel.wait() == 2
    assert form.partition(":")[2] in kernel.stderr


def test_hang_up_looks_at_the_configuration_and_ends_nothing(plant, certificates):
    identity = certificates.make("kernel")
    plant.server_config.application("PLANT", tls_server(identity, "None"))
    kernel = plant.start_kernel()
    kernel.signal(signal.SIGHUP)
    line = kernel.wait_for_log("SIGHUP: configuration was read again")
    assert line.endswith("In force: generation 1, TLS, TLS_RequiredLevel = None")
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    kernel.signal(signal.SIGHUP)
    kernel.wait_for_log("In force: generation 2, TLS, TLS_RequiredLevel = TLSNoPeerAuth")
    kernel.wait_for_log("rises from None to TLSNoPeerAuth")
    for _ in range(50):
        kernel.signal(signal.SIGHUP)
    kernel.stop()


def test_the_journal_gets_priorities(plant):
    configure(plant)
    # The journal is whatever stderr is, as the service manager says; here it is a file.
    directory = plant.directory / "service"
    directory.mkdir()
    command = plant.kernel_command()
    shell = 'JOURNAL_STREAM=$(stat -L -c %d:%i /dev/stderr) exec "$@"'
    kernel = Kernel(["/bin/sh", "-c", shell, "sh", *command], directory, plant.environment(),
                    plant.log_dir)
    plant.programs.append(kernel)
    kernel.stop()
    lines = kernel.stderr.splitlines()
    assert all(re.match(r"<[346]>\[\d{4}-", line) for line in lines), lines
    assert any(line.startswith("<4>") and "the kernel is open" in line for line in lines)
    assert kernel.log_text() == re.sub(r"(?m)^<[346]>", "", kernel.stderr)


def test_a_stderr_that_is_not_the_journal_gets_no_lines(plant):
    configure(plant)
    kernel = start(plant, environment={"JOURNAL_STREAM": "1:1"})
    kernel.stop()
    assert kernel.stderr == ""


def test_lines_as_json(plant):
    configure(plant)
    kernel = plant.start_kernel("--log-format=json")
    kom = plant.start_kom("--log-format=json")
    kom.wait_for_log("Connection established")
    kernel.stop()
    kom.wait()
    for program in (kernel, kom):
        objects = [json.loads(line) for line in program.log_text().splitlines()]
        for one in objects:
            assert list(one) == ["time", "level", "component", "text"]
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", one["time"])
            assert one["level"] in ("error", "warning", "info")
    assert any(one["component"] == "CLIENT" and "\nConnectionSqlId = 1" in one["text"]
               for one in objects)


@pytest.mark.parametrize("program", ["d2k-kernel", "d2k-kom"])
def test_a_format_that_is_unknown_is_refused(plant, program):
    configure(plant)
    if program == "d2k-kernel":
        ended = plant.run_kernel("--log-format=xml")
    else:
        ended = plant.run_client(program, "--log-format=xml")
    assert ended.process.returncode == 2
    assert "--log-format=xml: allowed: d2000, json" in ended.stderr


def test_a_running_log_is_kept_by_its_size(plant):
    plant.server_config.installation("Max_Log_Size = 3000\n")
    configure(plant)
    kernel = plant.start_kernel()
    previous = plant.log_dir / "KNL-SELF.prev.log"

    def kept():
        kernel.signal(signal.SIGHUP)
        plant.tell("list")
        return previous.exists()
    eventually(kept, what="the log is kept")
    kernel.stop()
    assert previous.stat().st_size <= 3000
    assert kernel.log_lines("Kernel ended.")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("unit", ["d2k-kernel@.service", "d2k-kernel@.socket", "d2k-kom.service"])
def test_units_are_right(tmp_path, unit):
    """As systemd reads them; the programs stand where the build has them."""
    for path in UNITS.iterdir():
        text = path.read_text(encoding="utf-8").replace("/usr/bin/d2k-", "/bin/true d2k-")
        (tmp_path / path.name.replace("@.", "@PLANT.")).write_text(text, encoding="utf-8")
    kind = ["--user"] if unit == "d2k-kom.service" else []
    found = subprocess.run(
        ["systemd-analyze", *kind, "verify", "--man=no", tmp_path / unit.replace("@.", "@PLANT.")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)})
    own = [line for line in found.stdout.decode().splitlines() if "d2k" in line]
    assert not own and found.returncode == 0, found.stdout.decode()
