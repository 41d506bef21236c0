"""How processes come and go: names, states, exit codes, watchdog, restart of the kernel."""

import re
import signal
import time

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually, pause


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


def test_a_log_off_is_a_stop(plant, kernel):
    kom = plant.start_kom("/WSELF")
    kom.wait_connected()
    plant.wait_for_state("SELF.KOM", "Running")
    kom.signal(signal.SIGTERM)
    assert kom.wait() == 0
    plant.wait_for_state("SELF.KOM", "Stop")


def test_a_lost_connection_is_a_crash(plant, kernel):
    kom = plant.start_kom("/WSELF")
    kom.wait_connected()
    kom.kill()
    plant.wait_for_state("SELF.KOM", "Crash")


def test_missing_watchdogs_are_wderr(plant, kernel):
    kom = plant.start_kom("/WSELF", "/F1")
    kom.wait_connected()
    kom.signal(signal.SIGSTOP)
    try:
        plant.wait_for_state("SELF.KOM", "WDErr")
    finally:
        kom.signal(signal.SIGCONT)
    assert kom.wait() == 5


def test_a_client_notices_a_kernel_that_is_silent(plant, kernel):
    kom = plant.start_kom("/WSELF", "/F1")
    kom.wait_connected()
    kernel.signal(signal.SIGSTOP)
    try:
        assert kom.wait() == 5
    finally:
        kernel.signal(signal.SIGCONT)
    line, = kom.log_lines(r"CLIENT - ERROR: .* lost: nothing was received for \d+\.\d s"
                          r" \(watchdog: every 1\.0 s\); giving up\.$")
    assert float(re.search(r"for ([\d.]+) s", line).group(1)) >= 3
    assert "watchdog" in kom.stderr


def test_a_client_that_is_idle_stays(plant, kernel):
    """Longer than three intervals it says nothing but that it lives."""
    with protocol.Link(plant.port) as link:
        link.register("IDLE.API", flags=0, watchdog_ms=1000)
        end = time.monotonic() + 3.5
        while time.monotonic() < end:
            link.send_bytes(protocol.encode("Watchdog"))
            pause(0.2)
        link.send("ListProcesses", pattern="IDLE.API")
        assert link.expect("ProcessInfo").state == 0


def test_a_process_is_shown_with_all_that_is_known(plant, kernel):
    kom = plant.start_kom("/WSELF")
    kom.wait_connected()
    shown = plant.wait_for_state("SELF.KOM", "Running")
    assert shown["version"] == "V1.00.000 s1" and shown["tls_version"] == "TLSv1.3"
    assert shown["verified"] is True and shown["id"] > 0
    assert re.search(r"^(127\.0\.0\.1|\[::1\]):\d+$", shown["address"])
    assert shown["connection_sql_id"] == 1 and shown["os_process_id"] == kom.process.pid
    eventually(lambda: plant.process(r"SELF\.KOM")["values_in"] > shown["values_in"])


def test_a_name_in_use_is_refused_and_says_who_holds_it(plant, kernel):
    first = plant.start_kom("/WSELF")
    first.wait_connected()
    second = plant.start_kom("/WSELF")
    assert second.wait() == 4
    assert "SELF.KOM" in first.log_text() + second.stderr
    assert first.is_running()
    kernel.wait_for_log(r"SELF\.KOM.*(in use|refused)")


def test_a_name_whose_holder_is_dead_is_given_away(plant, kernel):
    """The holder does not answer the probe, so it does not lock its successor out."""
    silent = protocol.Link(plant.port)
    silent.register("SELF.KOM", flags=0)
    successor = plant.start_kom("/WSELF", "--reconnect")
    successor.wait_connected()
    plant.wait_for_state("SELF.KOM", "Running")
    silent.close()


def test_the_resume_token_takes_the_name_over_at_once(plant, kernel):
    with protocol.Link(plant.port) as old, protocol.Link(plant.port) as new:
        token = old.register("HOLDER.API", flags=0).resume_token
        new.hello()
        new.expect("Welcome")
        new.send_bytes(protocol.encode(
            "Register", 2, process_name="HOLDER.API", process_instance=0,
            program_version="V1.00.000 s1", computer_name="TESTPC", os_process_id=1,
            client_instance=bytes(16), resume_token=token, watchdog_ms=600_000, flags=0x04))
        assert new.expect("Registered").process_name == "HOLDER.API"
        assert old.wait_end().code == protocol.CODES["REPLACED"]


def test_processes_without_a_name_are_numbered_by_the_kernel(plant, kernel):
    with protocol.Link(plant.port) as first, protocol.Link(plant.port) as second:
        assert first.register("TESTPC.API").process_name == "TESTPC_01.API"
        assert second.register("TESTPC.API").process_name == "TESTPC_02.API"
        first.log_off()
        with protocol.Link(plant.port) as third:
            plant.wait_for_state("TESTPC_01.API", "Stop")
            assert third.register("TESTPC.API").process_name == "TESTPC_01.API"


def test_a_kernel_that_ends_says_good_bye(plant, kernel):
    with protocol.Link(plant.port) as link:
        link.register()
        kernel.signal(signal.SIGTERM)
        bye = link.wait_end()
    assert bye.name == "Bye" and bye.code == protocol.CODES["SHUTDOWN"]
    assert kernel.wait() == 0


def test_a_client_of_one_server_ends_with_it(plant, kernel):
    kom = plant.start_kom("/WSELF")
    kom.wait_connected()
    kernel.stop()
    assert kom.wait() == 5
    assert len([line for line in kom.log_lines("CLIENT - ") if "Connecting" in line]) == 1


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_client_with_reconnect_comes_back(plant, kernel, end):
    kom = plant.start_kom("/WSELF", "--reconnect")
    kom.wait_connected()
    kernel.signal(end)
    kernel.process.wait()
    kom.wait_for_log(r"CLIENT - (ERROR|WARNING): ")
    plant.start_kernel()
    eventually(lambda: len(kom.log_lines("Connection established")) == 2)
    plant.wait_for_state("SELF.KOM", "Running")
    assert kom.is_running()


def test_an_objects_number_survives_the_kernels_restart(plant, kernel):
    names = ("Tank.One", "Tank.Two", "Tank.Three")
    with protocol.Link(plant.port) as link:
        link.register("SOURCE.API", flags=0)
        before = {name: link.define(name) for name in names}
    kernel.stop()
    plant.start_kernel()
    with protocol.Link(plant.port) as link:
        link.register("SOURCE.API", flags=0)
        assert {name: link.define(name) for name in reversed(names)} == before


def test_nobody_there_is_exit_code_3(plant, kernel):
    kernel.stop()
    tell = plant.tell("processes")
    assert tell.exit_code == 3 and tell.stderr


@pytest.mark.parametrize("parameters", [
    ("no-such-command",), ("get",), ("--no-such-option", "list"), ("/W", "list")])
def test_wrong_parameters_are_exit_code_2(plant, kernel, parameters):
    tell = plant.tell(*parameters)
    assert tell.exit_code == 2 and tell.stderr


@pytest.mark.parametrize("help_parameter", ["/?", "--help"])
def test_help_is_printed_whatever_else_is_given(plant, kernel, help_parameter):
    tell = plant.tell("get", "--no-such-option", help_parameter)
    assert tell.exit_code == 0 and "/S<host" in tell.stdout and "@<application>" in tell.stdout


def test_shutdown_over_the_network_is_refused(plant, kernel):
    tell = plant.tell("shutdown")
    assert tell.exit_code == 4
    assert kernel.is_running()
    kernel.wait_for_log(r"(?i)shutdown.*(refused|not allowed)")


def test_a_second_kernel_of_the_application_does_not_start(plant, kernel):
    second = plant.run_kernel()
    assert second.process.returncode != 0 and second.stderr
    assert plant.tell("processes").exit_code == 0
