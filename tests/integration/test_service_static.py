"""A kernel with static processes under a service manager: which of its two processes says what, what
is handed in stays theirs when the network process fails, and no started program gets any of it."""

import os
import signal
import sys

import pytest

from d2k_test import protocol
from d2k_test.poll import eventually
from d2k_test.programs import Program
from d2k_test.service import MANAGER, start
from d2k_test.supervised import has_gone, process, sleeper, stubborn

WATCHDOG = {"WATCHDOG_USEC": "1000000"}


def start_service(supervised, *sections, sockets=(), **environment):
    """The service manager starts a kernel with these static processes."""
    plant = supervised.plant
    plant.server_config.application("PLANT", *sections)
    plant.client_config.application("PLANT")
    environment["NOTIFY_SOCKET"] = str(plant.directory / "notify")
    supervised.kernel = start(plant, sockets=sockets, environment=environment)
    return supervised.kernel


def fail_network_process(supervised, count):
    """The count-th network process is killed; its successor comes after a wait that doubles."""
    os.kill(supervised.network_pid(count), signal.SIGKILL)
    supervised.wait_for("network process of the kernel has failed", count)


def test_the_service_is_ready_when_the_network_process_serves_and_again_after_a_failure(
        supervised, notified):
    kernel = start_service(supervised, sleeper("ONE.API"))
    ready = notified.wait_for("READY=1")
    assert f"STATUS=0 processes, port {kernel.port}" in ready.split("\n")
    assert supervised.plant.tell("list").exit_code == 0
    notified.forget()
    fail_network_process(supervised, 1)
    notified.wait_for("READY=1")
    assert supervised.plant.tell("list").exit_code == 0
    assert kernel.is_running()


def test_the_service_ends_in_order_when_its_main_process_is_asked_to(supervised, notified):
    kernel = start_service(supervised, sleeper("ONE.API"))
    pid = supervised.pid_of("ONE.API")
    kernel.stop()
    assert "STATUS=Ends: the kernel was asked to end by a signal" in notified.wait_for("STOPPING=1")
    assert has_gone(pid)


def test_the_network_process_says_that_it_lives(supervised, notified):
    start_service(supervised, sleeper("ONE.API"), **WATCHDOG)
    notified.wait_for("READY=1")
    for _ in range(3):
        notified.forget()
        notified.wait_for("WATCHDOG=1")


def test_the_parent_says_it_while_the_network_process_is_away(supervised, notified):
    start_service(supervised, sleeper("ONE.API"), **WATCHDOG)
    for count in (1, 2, 3):  # the last one is awaited for 2 s
        notified.wait_for("READY=1")
        notified.forget()
        fail_network_process(supervised, count)
    notified.wait_for("READY=1")
    assert sum("WATCHDOG=1" in message for message in notified.messages) >= 3


def test_the_parent_says_it_while_static_processes_are_stopped_after_the_network_process(
        supervised, notified):
    kernel = start_service(supervised, stubborn("DEAF.API", StopTimeout=2), **WATCHDOG)
    supervised.stubborn_pid("DEAF.API")
    kernel.signal(signal.SIGTERM)
    supervised.wait_for(r"Process DEAF\.API is asked to end")
    os.kill(supervised.network_pid(), signal.SIGKILL)
    supervised.wait_for("network process of the kernel has ended: signal 9")
    notified.forget()
    notified.wait_for("WATCHDOG=1")
    assert kernel.wait() == 6


def test_the_parent_does_not_speak_for_a_network_process_that_hangs(supervised, notified):
    start_service(supervised, sleeper("ONE.API"), **WATCHDOG)
    notified.wait_for("WATCHDOG=1")
    os.kill(supervised.network_pid(), signal.SIGSTOP)
    notified.forget()
    notified.socket.settimeout(1.5)  # the service manager would end it by then
    with pytest.raises(TimeoutError):
        notified.wait_for("WATCHDOG=1")
    os.kill(supervised.network_pid(), signal.SIGCONT)


@pytest.mark.parametrize("environment", [{}, {**WATCHDOG, "WATCHDOG_PID": "1"}])
def test_nobody_says_it_who_is_not_watched(supervised, notified, environment):
    start_service(supervised, sleeper("ONE.API"), **environment)
    said = []
    for count in (1, 2):
        notified.wait_for("READY=1")
        said += notified.messages
        notified.messages.clear()
        fail_network_process(supervised, count)
    notified.wait_for("READY=1")
    supervised.kernel.stop()
    notified.wait_for("STOPPING=1")
    assert not any("WATCHDOG" in message for message in said + notified.messages)


def test_sockets_that_are_handed_in_outlive_the_network_process(supervised):
    local = supervised.plant.directory / "handed.sock"
    kernel = start_service(supervised, sleeper("ONE.API"), sockets=["tcp", local])
    kernel.wait_for_log(rf"Listening on \[TCP/IP\] port {kernel.port}, opened by")
    for count in (1, 2):
        fail_network_process(supervised, count)
    # nobody accepts now, and nobody is refused
    with protocol.Link(kernel.port, tls=False) as link, protocol.Link(local) as administrator:
        link.register("WAITS.HIP", flags=0)
        administrator.register("ADMIN.API", flags=0)
        request = administrator.send("StopProcess", process_name="ONE.API", instance=0)
        assert administrator.answer(request).name == "Done"
    assert not (supervised.plant.directory / "run/PLANT.sock").exists()
    kernel.stop()


def test_no_started_program_gets_what_the_service_manager_gave(supervised):
    out = supervised.plant.directory / "out"
    out.mkdir()
    start_service(supervised, process(
        "ONE.API", "/bin/sh", "-c \"env > new; ls /proc/self/fd >> new; mv new facts\"",
        Directory=out, InitTime=0), sockets=["tcp"], **WATCHDOG)
    facts = eventually(lambda: (out / "facts").exists() and (out / "facts").read_text(),
                       what="what the program found")
    for name in ("NOTIFY_SOCKET", "WATCHDOG", "LISTEN"):
        assert name not in facts
    descriptors = {int(line) for line in facts.splitlines() if line.isdigit()}
    assert descriptors <= {0, 1, 2, 3}, "3 is the directory that ls reads"


def test_a_socket_of_a_wrong_kind_ends_the_start_before_any_program(supervised):
    plant = supervised.plant
    plant.server_config.application("PLANT", sleeper("ONE.API"))
    kernel = Program([sys.executable, MANAGER, "udp", "--", *plant.kernel_command()],
                     plant.directory / "service", plant.environment())
    plant.programs.append(kernel)
    assert kernel.wait() == 3
    assert "descriptor 3 that the service manager handed in is no listening stream socket" in (
        kernel.stderr)
    assert "ONE.API started" not in supervised.log
