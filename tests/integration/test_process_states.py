"""What is told of static processes: their programs, also of those that have never registered, how
often they were started again, and when they will be."""

import os
import re
import signal
import struct

from d2k_test import protocol
from d2k_test.poll import eventually
from d2k_test.supervised import kom, process, sleeper, stubborn

STATIC, RESTARTS, NEXT_START_MS = 49, 50, 51
STOPPED, QUEUED, WAITING, STARTING, RUNNING, STOPPING = range(1, 7)
PROCESS_RUNNING, PROCESS_STOP, PROCESS_CRASH = range(3)


def told(link, pattern="*"):
    """{name: (state of the program or None, ProcessInfo)}, and the count that Done says."""
    request, found = link.send("ListProcesses", pattern=pattern), {}
    while (message := link.receive()).name != "Done" or message.request != request:
        if message.name == "ProcessInfo":
            static = protocol.properties(message.properties).get(STATIC)
            assert message.process_name not in found
            found[message.process_name] = (static and static[0], message)
    assert message.count == len(found)
    return found


def wait_until(link, name, state):
    """The ProcessInfo of this process, once its program is in this state."""
    def found():
        program, info = told(link, name)[name]
        return program == state and info
    return eventually(found, what=f"{name} in state {state}")


def number(info, key):
    return struct.unpack("<I", protocol.properties(info.properties)[key])[0]


def test_each_is_told_with_the_state_of_its_program(supervised):
    supervised.start(sleeper("RUNS.API", StartPriority=9),
                     process("GONE.API", "/does/not/exist", StartPriority=8),
                     sleeper("AWAITED.API", InitTime=3600, StartPriority=7),
                     sleeper("NEXT.API", StartPriority=6), sleeper("OFF.API", Autostart="off"))
    with supervised.local_link() as link:
        runs = wait_until(link, "RUNS.API", RUNNING)
        assert (runs.state, runs.id_number, runs.address) == (PROCESS_STOP, 0, "")
        assert runs.os_process_id == supervised.pid_of("RUNS.API")
        wait_until(link, "AWAITED.API", STARTING)
        wait_until(link, "NEXT.API", QUEUED)
        off = wait_until(link, "OFF.API", STOPPED)
        assert (off.state, off.os_process_id) == (PROCESS_STOP, 0)
        assert NEXT_START_MS not in protocol.properties(off.properties)
        gone = wait_until(link, "GONE.API", WAITING)
        assert gone.state == PROCESS_CRASH and number(gone, RESTARTS) >= 1
        assert gone.os_process_id == 0
        assert number(gone, NEXT_START_MS) <= 60_000
        everybody = told(link)
        assert set(everybody) == {"RUNS.API", "GONE.API", "AWAITED.API", "NEXT.API", "OFF.API",
                                  "ADMIN.API"}
        assert everybody["ADMIN.API"][0] is None
        assert set(told(link, "o*.api")) == {"OFF.API"} and not told(link, "OFFX.API")


def test_a_stop_shows_as_it_goes_on(supervised):
    supervised.start(stubborn("DEAF.API", StopTimeout=3600))
    with supervised.local_link() as link:
        pid = supervised.stubborn_pid("DEAF.API")
        assert wait_until(link, "DEAF.API", RUNNING).os_process_id == pid
        stop = link.send("StopProcess", process_name="DEAF.API", instance=0)
        wait_until(link, "DEAF.API", STOPPING)
        os.kill(pid, signal.SIGKILL)
        assert link.answer(stop).name == "Done"
        # who has the answer finds what is now, at once
        program, info = told(link, "DEAF.API")["DEAF.API"]
        assert (program, info.state, info.os_process_id) == (STOPPED, PROCESS_STOP, 0)


def test_one_without_autostart_that_crashes_is_shown_as_crashed(supervised):
    supervised.start(process("BAD.API", "/bin/false", Autostart="off"))
    with supervised.local_link() as link:
        request = link.send("StartProcess", process_name="BAD.API", instance=0)
        assert link.answer(request).name == "Done"
        supervised.wait_for(r"Process BAD\.API, process id \d+, has ended: exit code 1")
        info = wait_until(link, "BAD.API", STOPPED)
        assert (info.state, number(info, RESTARTS)) == (PROCESS_CRASH, 0)


def test_one_that_registers_is_told_once_and_keeps_its_counts_when_the_network_process_crashes(
        supervised):
    port = supervised.plant.reserve_port()
    kernel = supervised.start_again(kom(supervised, port))
    kernel.wait_for_log(r"RegistraterProces OK\. ClientName: SELF\.KOM")
    os.kill(supervised.pid_of("SELF.KOM"), signal.SIGKILL)
    supervised.pid_of("SELF.KOM", 2)
    with supervised.local_link() as link:
        info = wait_until(link, "SELF.KOM", RUNNING)
        assert number(info, RESTARTS) == 1
        eventually(lambda: told(link)["SELF.KOM"][1].state == PROCESS_RUNNING, what="it is registered")
        os.kill(supervised.network_pid(), signal.SIGKILL)
    supervised.network_pid(2)
    info = eventually(lambda: shown(supervised, "SELF.KOM", "running"), what="it is known again")
    assert info["restarts"] == 1 and info["static"] is True and info["next_start"] is None


def shown(supervised, name, program):
    """As d2k-tell shows it in JSON, once its program is in this state."""
    found = supervised.plant.tell("processes", name, "--json")
    if found.exit_code != 0:
        return None
    values = found.values()
    return values[0] if values and values[0]["program"] == program else None


def test_d2k_tell_shows_them(supervised):
    supervised.start(sleeper("RUNS.API"), process("GONE.API", "/does/not/exist"),
                     sleeper("OFF.API", Autostart="off"))
    gone = eventually(lambda: shown(supervised, "GONE.API", "waiting"), what="GONE.API waits")
    assert gone["state"] == "Crash" and 0 <= gone["next_start"] <= 60 and gone["restarts"] >= 1
    eventually(lambda: shown(supervised, "RUNS.API", "running"), what="RUNS.API runs")
    table = supervised.plant.tell("processes").stdout
    assert re.search(r"^NAME +ID +STATE +PROGRAM +COMPUTER", table)
    assert re.search(r"^RUNS\.API +0 +Stop +running ", table, re.MULTILINE)
    assert re.search(r"^OFF\.API +0 +Stop +stopped ", table, re.MULTILINE)
    assert re.search(r"^GONE\.API +0 +Crash +starts in \d+\.\d s, \d+ restarts? ", table,
                     re.MULTILINE)
    assert re.search(r"_01\.TEL +\d+ +Running +- ", table, re.MULTILINE)
    crashed = supervised.plant.tell("processes", "--state=Crash").stdout
    assert "GONE.API" in crashed and "OFF.API" not in crashed
    own = [p for p in supervised.plant.tell_json("processes") if p["name"].endswith(".TEL")]
    assert [(p["static"], p["program"], p["restarts"]) for p in own] == [(False, None, None)]
