"""Static processes and the parent that looks after them: order, crashes, hangs, the end, and what
remains when one of the kernel's own two processes is killed."""

import os
import re
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from d2k_test.config import section
from d2k_test.poll import eventually
from d2k_test.programs import PROGRAMS


class Supervised:
    """A plant whose kernel has static processes."""

    def __init__(self, plant):
        self.plant = plant
        self.kernel = None

    def start(self, *sections):
        self.plant.server_config.application("PLANT", *sections)
        self.plant.client_config.application("PLANT")
        self.plant.port = None
        self.kernel = self.plant.start_kernel()
        return self.kernel

    @property
    def log(self):
        return (self.plant.log_dir / "KNL-PARENT.log").read_text(encoding="utf-8")

    def wait_for(self, pattern, count=1):
        """The count-th match in the log of the parent."""
        def found():
            matches = list(re.finditer(pattern, self.log))
            assert self.kernel.is_running() or len(matches) >= count, self.log
            return len(matches) >= count and matches[count - 1]
        return eventually(found, what=f"{pattern!r} in the parent's log\n{self.log}")

    def pid_of(self, name, count=1):
        return int(self.wait_for(rf"Process {name} started: .*process id (\d+)", count).group(1))

    def network_pid(self, count=1):
        return int(self.wait_for(r"network process of the kernel is started, process id (\d+)",
                                 count).group(1))


@pytest.fixture
def supervised(plant):
    return Supervised(plant)


def process(name, executable, parameters=None, **more):
    return section(f"Process\\{name}", {"Executable": executable, "Parameters": parameters, **more})


def sleeper(name, **more):
    """One that never registers; it ends at SIGTERM with a signal, which is asked for."""
    return process(name, "/bin/sleep", "1000", InitTime=0, **more)


def kom(supervised, port, name="SELF", **more):
    log = supervised.plant.directory / "static-log"
    return process(f"{name}.KOM", PROGRAMS / "d2k-kom",
                   f"@PLANT /Slocalhost /P{port} /W{name} --reconnect \"--log-dir={log}\" "
                   f"\"--config-dir={supervised.plant.client_config.directory}\"",
                   **more)


def free_port(plant):
    """A port that a kernel of this test had."""
    plant.server_config.application("PLANT")
    kernel = plant.start_kernel()
    kernel.stop()
    return kernel.port


def has_gone(pid):
    """Also when nobody has taken its end yet."""
    try:
        return re.search(r"^State:\s+[ZX]", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_they_start_by_priority_and_end_in_the_opposite_order(supervised):
    kernel = supervised.start(sleeper("THIRD.API"), sleeper("FIRST.API", StartPriority=9),
                              sleeper("SECOND.API", StartPriority=5),
                              sleeper("NEVER.API", Autostart="off"))
    supervised.pid_of("THIRD.API")
    kernel.stop()
    started = re.findall(r"Process (\w+)\.API started", supervised.log)
    assert started == ["FIRST", "SECOND", "THIRD"]
    ends = re.findall(r"Process (\w+)\.API(?: is asked to end|, process id \d+, (has ended))",
                      supervised.log)
    assert ends == [("THIRD", ""), ("THIRD", "has ended"), ("SECOND", ""), ("SECOND", "has ended"),
                    ("FIRST", ""), ("FIRST", "has ended")]


def test_one_gets_its_parameters_directory_and_a_clean_environment(supervised, monkeypatch):
    out = supervised.plant.directory / "out"
    out.mkdir()
    monkeypatch.setenv("SECRET_OF_THE_KERNEL", "x")
    supervised.start(process(
        "ONE.API", "/bin/sh", "-c \"env > new; pwd >> new; ls /proc/self/fd >> new; mv new facts\"",
        Directory=out, Environment="A=1 \"B=x y\" LANG=en"))
    supervised.wait_for(r"Process ONE\.API, process id \d+, has ended: exit code 0")
    facts = (out / "facts").read_text()
    assert "A=1\n" in facts and "B=x y\n" in facts and "LANG=en\n" in facts
    assert f"{out}\n" in facts and "SECRET" not in facts
    assert f"D2K_CONFIG_DIR={supervised.plant.server_config.directory}\n" in facts
    descriptors = {int(line) for line in facts.splitlines() if line.isdigit()}
    assert descriptors <= {0, 1, 2, 3}, "3 is the directory that ls reads"


def test_a_crash_loop_waits_longer_each_time_and_disturbs_nobody(supervised):
    supervised.start(process("BAD.API", "/bin/false"), process("NONE.API", "/does/not/exist"))
    supervised.wait_for(r"Process BAD\.API is started again in 500 ms")
    times = [supervised.wait_for(r"(\d\d:\d\d:\d\d\.\d{3})\] PARENT - Process BAD\.API started", n)
             for n in (1, 2, 3)]
    first, second, third = (datetime.strptime(t.group(1), "%H:%M:%S.%f") for t in times)
    assert second - first >= timedelta(seconds=0.4) and third - second >= timedelta(seconds=0.9)
    supervised.wait_for(r"ERROR: Process NONE\.API cannot be started: /does/not/exist in .*: No such")
    assert supervised.plant.tell("processes").exit_code == 0


def test_one_that_hangs_is_ended_and_started_again(supervised):
    port = free_port(supervised.plant)
    supervised.plant.port = port
    supervised.plant.server_config.application("PLANT", kom(supervised, port, StopTimeout=1).replace(
        "--reconnect", "--reconnect /F1"))
    supervised.plant.client_config.application("PLANT")
    supervised.kernel = supervised.plant.start_kernel()
    pid = supervised.pid_of("SELF.KOM")
    supervised.kernel.wait_for_log(r"RegistraterProces OK\. ClientName: SELF\.KOM")
    os.kill(pid, signal.SIGSTOP)
    supervised.wait_for(r"Process SELF\.KOM hangs \(WDErr\)")
    supervised.wait_for(r"Process SELF\.KOM did not end in 1 s after SIGTERM: it is killed")
    assert supervised.pid_of("SELF.KOM", 2) != pid


def test_the_network_process_is_started_again_and_found_by_those_who_still_run(supervised):
    port = free_port(supervised.plant)
    supervised.plant.port = port
    supervised.plant.server_config.application("PLANT", kom(supervised, port))
    supervised.plant.client_config.application("PLANT")
    kernel = supervised.kernel = supervised.plant.start_kernel()
    pid = supervised.pid_of("SELF.KOM")
    kernel.wait_for_log(r"RegistraterProces OK\. ClientName: SELF\.KOM")
    os.kill(supervised.network_pid(), signal.SIGKILL)
    supervised.wait_for(r"network process of the kernel has failed \(signal 9\)")
    supervised.network_pid(2)
    kernel.wait_for_log(rf"Listening on \[TCP/IP 0\.0\.0\.0\] port {port}")
    eventually(lambda: (p := supervised.plant.process(r"SELF\.KOM")) and p["state"] == "Running",
               what="SELF.KOM runs at the new kernel")
    assert not has_gone(pid) and len(re.findall("SELF.KOM started", supervised.log)) == 1
    kernel.stop()


def test_nobody_is_left_behind_by_a_parent_that_is_killed(supervised):
    kernel = supervised.start(sleeper("ONE.API"))
    pids = [supervised.pid_of("ONE.API"), supervised.network_pid()]
    kernel.kill()
    eventually(lambda: all(has_gone(pid) for pid in pids), what="all have gone")


def test_the_network_process_can_start_no_programs(supervised):
    supervised.start(sleeper("ONE.API"))
    status = Path(f"/proc/{supervised.network_pid()}/status").read_text()
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)


def test_sighup_reaches_the_network_process(supervised):
    kernel = supervised.start(sleeper("ONE.API"))
    kernel.signal(signal.SIGHUP)
    kernel.wait_for_log(r"SIGHUP: configuration was read again")


def test_a_kernel_that_cannot_start_says_so_by_its_exit_code(supervised):
    plant = supervised.plant
    kernel = supervised.start(sleeper("ONE.API"))
    plant.log_dir = plant.directory / "log2"
    second = plant.run_kernel(f"--state-dir={plant.directory / 'state2'}", "--address=127.0.0.1")
    assert second.process.returncode == 3
    assert "started: /bin/sleep" not in (plant.log_dir / "KNL-PARENT.log").read_text()
    assert kernel.is_running()
