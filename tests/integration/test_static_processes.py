"""Static processes and the parent that looks after them: order, crashes, hangs, the end, and what
remains when one of the kernel's own two processes is killed."""

import os
import re
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from d2k_test.poll import eventually
from d2k_test.programs import REPOSITORY
from d2k_test.supervised import has_gone, kom, process, sleeper


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
    port = supervised.plant.reserve_port()
    supervised.start_again(kom(supervised, port, parameters="/F1", StopTimeout=1))
    pid = supervised.pid_of("SELF.KOM")
    supervised.kernel.wait_for_log(r"RegistraterProces OK\. ClientName: SELF\.KOM")
    os.kill(pid, signal.SIGSTOP)
    supervised.wait_for(r"Process SELF\.KOM hangs \(WDErr\)")
    supervised.wait_for(r"Process SELF\.KOM did not end in 1 s after SIGTERM: it is killed")
    assert supervised.pid_of("SELF.KOM", 2) != pid


def test_the_network_process_is_started_again_and_found_by_those_who_still_run(supervised):
    port = supervised.plant.reserve_port()
    kernel = supervised.start_again(kom(supervised, port))
    pid = supervised.pid_of("SELF.KOM")
    kernel.wait_for_log(r"RegistraterProces OK\. ClientName: SELF\.KOM")
    os.kill(supervised.network_pid(), signal.SIGKILL)
    supervised.wait_for(r"network process of the kernel has failed \(signal 9\)")
    supervised.network_pid(2)
    kernel.wait_for_log(rf"Listening on \[TCP/IP 0\.0\.0\.0\] port {port}")
    eventually(lambda: (p := supervised.plant.process(r"SELF\.KOM")) and p["state"] == "Running",
               what="SELF.KOM runs at the new kernel")
    assert not has_gone(pid) and supervised.starts_of("SELF.KOM") == 1
    kernel.stop()


def test_an_end_is_in_order_also_while_the_network_process_starts(supervised):
    for _ in range(3):
        kernel = supervised.start(sleeper("ONE.API"))
        supervised.pid_of("ONE.API")
        os.kill(supervised.network_pid(), signal.SIGKILL)
        supervised.network_pid(2)
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


# ---- how a program ends ----

PROGRAM = """
import os, signal, sys
sys.path.insert(0, {library!r})
from d2k_test import poll, protocol
link = protocol.Link({port}, tls=False)
link.register("ONE.API", flags=0)
{end}
"""
LOG_OFF = "link.log_off()\n"
EXIT, FAIL, TERMINATE = "os._exit(0)", "os._exit(3)", "os.kill(os.getpid(), 15); signal.pause()"
# Somebody whom it has started logs off when it has ended.
LOG_OFF_LATER = """
me = os.getpid()
if os.fork() > 0:
    os._exit(0)
poll.eventually(lambda: os.getppid() != me)
link.log_off()
"""


def ending(supervised, end):
    """A kernel with a process that registers and then ends like this."""
    port = supervised.plant.reserve_port()
    script = supervised.plant.directory / "one.py"
    script.write_text(PROGRAM.format(library=str(REPOSITORY / "tests/lib"), port=port, end=end))
    return supervised.start_again(process("ONE.API", sys.executable, script))


def one(supervised):
    """How d2k-tell shows it."""
    shown = supervised.plant.process(r"ONE\.API")
    return shown and (shown["state"], shown["program"])


@pytest.mark.parametrize("end", [LOG_OFF + EXIT, LOG_OFF + TERMINATE])
def test_one_that_has_logged_off_stays_ended(supervised, end):
    kernel = ending(supervised, end)
    kernel.wait_for_log(r"Process ended\. ClientName: ONE\.API .*State: Stop Reason: log-off")
    supervised.wait_for(r"Process ONE\.API, process id \d+, has ended")
    eventually(lambda: one(supervised) == ("Stop", "stopped"), what="it is stopped")
    assert "is started again" not in supervised.log and supervised.starts_of("ONE.API") == 1


@pytest.mark.parametrize("end", [EXIT, FAIL, TERMINATE, LOG_OFF + FAIL])
def test_one_without_a_log_off_or_with_an_error_is_started_again(supervised, end):
    ending(supervised, end)
    supervised.wait_for(r"Process ONE\.API is started again in 500 ms")
    supervised.pid_of("ONE.API", 2)


def test_the_log_off_may_come_after_the_end_of_the_program(supervised):
    ending(supervised, LOG_OFF_LATER)
    supervised.wait_for(r"Process ONE\.API, process id \d+, has ended: exit code 0")
    eventually(lambda: one(supervised) == ("Stop", "stopped"), what="it is stopped")
    assert "is started again" not in supervised.log


def test_one_that_somebody_ends_by_hand_logs_off_and_stays_ended(supervised):
    port = supervised.plant.reserve_port()
    kernel = supervised.start_again(kom(supervised, port))
    kernel.wait_for_log(r"RegistraterProces OK\. ClientName: SELF\.KOM")
    os.kill(supervised.pid_of("SELF.KOM"), signal.SIGTERM)
    supervised.wait_for(r"Process SELF\.KOM, process id \d+, has ended")
    eventually(lambda: (p := supervised.plant.process(r"SELF\.KOM")) and p["program"] == "stopped",
               what="SELF.KOM is stopped")
    assert "is started again" not in supervised.log
