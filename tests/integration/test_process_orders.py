"""Single static processes are started, stopped and restarted by an administrator: what is done, what
is refused, who may, and what happens in between."""

import os
import re
import signal

import pytest

from d2k_test import protocol
from d2k_test.config import section
from d2k_test.poll import eventually
from d2k_test.supervised import has_gone, kom, process, sleeper, stubborn

START, STOP, RESTART = "StartProcess", "StopProcess", "RestartProcess"
CLIENT_ORDERS_MAX, ORDERS_MAX = 16, 64


def send(link, order, name, instance=0):
    return link.send(order, process_name=name, instance=instance)


def ask(link, order, name, instance=0):
    """The answer: Done or Failed."""
    return link.answer(send(link, order, name, instance))


def refusal(link, order, name, instance=0):
    """(code, sentence) of what must be refused."""
    answer = ask(link, order, name, instance)
    assert answer.name == "Failed", answer
    return answer.code, answer.sentence


def code(name):
    return protocol.CODES[name]


def test_a_stopped_one_stays_stopped_until_it_is_started(supervised):
    kernel = supervised.start(sleeper("ONE.API"))
    first = supervised.pid_of("ONE.API")
    with supervised.local_link() as link:
        assert ask(link, STOP, "ONE.API").name == "Done"
        assert has_gone(first)
        assert refusal(link, STOP, "ONE.API") == (code("NOT_RUNNING"), "it does not run")
        assert "is started again" not in supervised.log and supervised.starts_of("ONE.API") == 1
        assert ask(link, START, "ONE.API").name == "Done"
        second = supervised.pid_of("ONE.API", 2)
        assert not has_gone(second)
        assert refusal(link, START, "ONE.API") == (code("RUNNING"), "it runs already")
        kernel.wait_for_log(r"AUDIT - ADMIN\.API \[LOCAL uid \d+\] asks for the stop of process ONE\.API: accepted")
        kernel.wait_for_log(r"AUDIT - ADMIN\.API \[LOCAL uid \d+\] asks for the stop of process ONE\.API: done")
        kernel.wait_for_log(r"AUDIT - ADMIN\.API .* asks for the start of process ONE\.API: refused: it runs")
    supervised.wait_for(r"An administrator asks for the stop of process ONE\.API")


def test_a_stop_ends_one_that_is_still_starting_and_lets_the_next_one_start(supervised):
    supervised.start(sleeper("SLOW.API", InitTime=3600, StartPriority=1), sleeper("NEXT.API"))
    pid = supervised.pid_of("SLOW.API")
    with supervised.local_link() as link:
        assert ask(link, STOP, "SLOW.API").name == "Done"
        assert has_gone(pid)
        supervised.pid_of("NEXT.API")


def test_one_that_has_not_had_its_turn_is_started_or_stopped_all_the_same(supervised):
    supervised.start(sleeper("SLOW.API", InitTime=3600, StartPriority=9), sleeper("SECOND.API"),
                     sleeper("THIRD.API"))
    supervised.pid_of("SLOW.API")
    with supervised.local_link() as link:
        assert ask(link, START, "SECOND.API").name == "Done"
        assert ask(link, STOP, "THIRD.API").name == "Done"
        assert ask(link, STOP, "SLOW.API").name == "Done"
        assert refusal(link, STOP, "THIRD.API")[0] == code("NOT_RUNNING")
    assert supervised.starts_of("SECOND.API") == 1 and supervised.starts_of("THIRD.API") == 0


def test_a_restart_kills_who_does_not_listen_and_is_done_when_it_runs_again(supervised):
    supervised.start(stubborn("DEAF.API", StopTimeout=1))
    first = supervised.stubborn_pid("DEAF.API")
    with supervised.local_link() as link:
        assert ask(link, RESTART, "DEAF.API").name == "Done"
        assert has_gone(first)
        assert not has_gone(supervised.stubborn_pid("DEAF.API", 2))
    supervised.wait_for(r"Process DEAF\.API did not end in 1 s after SIGTERM: it is killed")


def test_a_restart_starts_one_that_does_not_run(supervised):
    supervised.start(sleeper("OFF.API", Autostart="off"))
    with supervised.local_link() as link:
        assert ask(link, RESTART, "OFF.API").name == "Done"
        supervised.pid_of("OFF.API")


def test_a_program_that_is_not_there_is_tried_again_until_it_is_stopped(supervised):
    supervised.start(process("GONE.API", "/does/not/exist"),
                     process("MANUAL.API", "/does/not/exist/either", Autostart="off"))
    supervised.wait_for(r"Process GONE\.API cannot be started")
    with supervised.local_link() as link:
        assert refusal(link, START, "GONE.API") == (
            code("NOT_STARTED"), "/does/not/exist cannot be started: No such file or directory; the "
            "kernel goes on trying, until it is stopped")
        supervised.wait_for(r"Process GONE\.API cannot be started", 2)
        assert ask(link, STOP, "GONE.API").name == "Done"
        assert refusal(link, STOP, "GONE.API")[0] == code("NOT_RUNNING")
        assert refusal(link, RESTART, "MANUAL.API") == (
            code("NOT_STARTED"), "/does/not/exist/either cannot be started: No such file or directory")
        assert refusal(link, STOP, "MANUAL.API")[0] == code("NOT_RUNNING")


def test_a_stop_ends_the_attempts_of_one_that_crashes(supervised):
    supervised.start(process("BAD.API", "/bin/false"))
    supervised.wait_for(r"Process BAD\.API started", 3)
    with supervised.local_link() as link:
        assert ask(link, STOP, "BAD.API").name == "Done"
        starts = supervised.starts_of("BAD.API")
        assert refusal(link, STOP, "BAD.API")[0] == code("NOT_RUNNING")
        assert ask(link, START, "BAD.API").name == "Done"
        supervised.wait_for(r"Process BAD\.API started", starts + 2)


def test_names_are_compared_without_case_and_what_is_not_static_is_refused(supervised):
    supervised.start(sleeper("One.API"))
    supervised.pid_of("One.API")
    with supervised.local_link() as link:
        assert ask(link, STOP, "oNE.api").name == "Done"
        assert refusal(link, START, "TWO.API") == (
            code("NOT_FOUND"), "there is no static process of this name")
        for order in (START, STOP, RESTART):
            answer, sentence = refusal(link, order, "admin.api")
            assert answer == code("NOT_FOUND") and sentence.startswith("it is a dynamic process")
        assert refusal(link, START, "One.API", 1) == (
            code("NOT_FOUND"), "a static process is one program: name it without an instance")
        assert refusal(link, START, "One.API", 16)[0] == code("BAD_VALUE")
        assert refusal(link, START, "")[0] == code("NOT_FOUND")
        assert refusal(link, START, "A" * 64)[0] == code("NOT_FOUND")


def test_a_name_over_its_limit_ends_the_link(supervised):
    supervised.start(sleeper("ONE.API"))
    with supervised.local_link() as link:
        send(link, START, "A" * 65)
        assert link.wait_end().code == code("TOO_LARGE")


def test_a_kernel_without_static_processes_says_so(plant):
    plant.server_config.application("PLANT")
    plant.start_kernel()
    with protocol.Link(plant.directory / "run/PLANT.sock") as link:
        link.register("ADMIN.API", flags=0)
        assert refusal(link, START, "SELF.KOM") == (
            code("NOT_FOUND"), "this kernel has no static processes")


def test_whoever_has_no_right_changes_nothing(supervised):
    kernel = supervised.start(sleeper("ONE.API"),
                              section("Rights\\10", {"Process": "ADMIN*.API", "Deny": "admin"}))
    pid = supervised.pid_of("ONE.API")
    with protocol.Link(kernel.port, tls=False) as link:
        link.register("OP.HIP", flags=0)
        answer, sentence = refusal(link, STOP, "ONE.API")
        assert answer == code("NOT_ALLOWED") and "only over the local socket" in sentence
    with supervised.local_link("ADMIN.API") as link:
        for order in (START, STOP, RESTART):
            answer, sentence = refusal(link, order, "ONE.API")
            assert answer == code("NO_RIGHT") and sentence.startswith("[Rights\\10] (cfg_PLANT.conf:")
            # nothing is told of what there is
            assert refusal(link, order, "NONE.API") == (answer, sentence)
    kernel.wait_for_log(r"AUDIT - OP\.HIP .* asks for the stop of process ONE\.API: refused: administration")
    kernel.wait_for_log(r"AUDIT - ADMIN\.API .* asks for the restart of process ONE\.API: refused: \[Rights")
    assert not has_gone(pid) and "An administrator asks" not in supervised.log


def test_two_who_stop_the_same_one_are_both_answered(supervised):
    supervised.start(stubborn("DEAF.API", StopTimeout=1))
    supervised.stubborn_pid("DEAF.API")
    with supervised.local_link("FIRST.API") as first, supervised.local_link("SECOND.API") as second:
        requests = [(link, send(link, STOP, "DEAF.API")) for link in (first, second)]
        assert [link.answer(request).name for link, request in requests] == ["Done", "Done"]
    assert supervised.starts_of("DEAF.API") == 1


def test_a_stop_overtakes_a_restart_and_a_start_waits_for_neither(supervised):
    supervised.start(stubborn("DEAF.API", StopTimeout=1))
    supervised.stubborn_pid("DEAF.API")
    with supervised.local_link() as link:
        restart, stop = send(link, RESTART, "DEAF.API"), send(link, STOP, "DEAF.API")
        refused, sentence = refusal(link, START, "DEAF.API")
        assert refused == code("RUNNING") and sentence.startswith("it is being stopped")
        answers = {message.request: message for message in (link.receive() for _ in range(2))}
        assert answers[stop].name == "Done" and answers[restart].code == code("NOT_RUNNING")
    assert supervised.starts_of("DEAF.API") == 1


def test_other_requests_are_answered_while_one_waits(supervised):
    supervised.start(stubborn("DEAF.API", StopTimeout=1))
    supervised.stubborn_pid("DEAF.API")
    with supervised.local_link() as link:
        stop = send(link, STOP, "DEAF.API")
        link.send("Ping", data=b"x")
        assert link.receive().name == "Pong"
        assert link.answer(stop).name == "Done"


def test_one_past_the_limits(supervised):
    supervised.start(stubborn("DEAF.API", StopTimeout=3600))
    pid = supervised.stubborn_pid("DEAF.API")
    links = [supervised.local_link(f"ADMIN{n}.API") for n in range(ORDERS_MAX // CLIENT_ORDERS_MAX)]
    for link in links:
        for _ in range(CLIENT_ORDERS_MAX):
            send(link, STOP, "DEAF.API")
    refused, sentence = refusal(links[-1], STOP, "DEAF.API")
    assert refused == code("LIMIT") and sentence.startswith("16 starts and stops")
    with supervised.local_link("ONE_MORE.API") as link:
        refused, sentence = refusal(link, STOP, "DEAF.API")
        assert refused == code("LIMIT") and sentence.startswith("64 starts and stops")
        os.kill(pid, signal.SIGKILL)
        for each in links:
            assert [each.expect("Done").name for _ in range(CLIENT_ORDERS_MAX)]
            each.close()
        assert ask(link, START, "DEAF.API").name == "Done"
        os.kill(supervised.stubborn_pid("DEAF.API", 2), signal.SIGKILL)


def test_what_was_begun_goes_on_when_whoever_asked_is_gone(supervised):
    kernel = supervised.start(stubborn("DEAF.API", StopTimeout=1))
    supervised.stubborn_pid("DEAF.API")
    with supervised.local_link() as link:
        send(link, STOP, "DEAF.API")
        kernel.wait_for_log(r"asks for the stop of process DEAF\.API: accepted")
    kernel.wait_for_log(r"asks for the stop of process DEAF\.API: done \(whoever asked is gone\)")


def test_what_was_begun_goes_on_when_the_network_process_crashes(supervised):
    port = supervised.plant.reserve_port()
    supervised.start_again(stubborn("DEAF.API", StopTimeout=2))
    pid = supervised.stubborn_pid("DEAF.API")
    with supervised.local_link() as link:
        send(link, STOP, "DEAF.API")
        supervised.wait_for(r"An administrator asks for the stop of process DEAF\.API")
        os.kill(supervised.network_pid(), signal.SIGKILL)
        assert link.wait_end() is None
    supervised.wait_for(r"Process DEAF\.API, process id \d+, has ended: signal 9")
    assert has_gone(pid)
    supervised.network_pid(2)
    supervised.kernel.wait_for_log(rf"Listening on \[TCP/IP 0\.0\.0\.0\] port {port}")
    link = eventually(lambda: try_link(supervised), what="the new network process")
    assert refusal(link, STOP, "DEAF.API")[0] == code("NOT_RUNNING")
    assert ask(link, START, "DEAF.API").name == "Done"
    os.kill(supervised.stubborn_pid("DEAF.API", 2), signal.SIGKILL)
    link.close()


def try_link(supervised):
    try:
        return supervised.local_link("AGAIN.API")
    except (OSError, protocol.Closed):
        return None


def test_the_end_of_the_kernel_answers_and_starts_nobody(supervised):
    kernel = supervised.start(stubborn("DEAF.API", StopTimeout=1), sleeper("OFF.API", Autostart="off"))
    supervised.stubborn_pid("DEAF.API")
    with supervised.local_link() as link:
        stop = send(link, STOP, "DEAF.API")
        supervised.wait_for(r"Process DEAF\.API is asked to end")
        kernel.signal(signal.SIGTERM)
        supervised.wait_for("Static processes are stopped")
        assert refusal(link, START, "OFF.API") == (code("SHUTDOWN"), "the kernel is ending")
        assert link.answer(stop).name == "Done"
        assert link.wait_end().code == code("SHUTDOWN")
    assert kernel.wait() == 0
    assert supervised.starts_of("OFF.API") == 0


def test_one_that_registers_is_stopped_in_order_and_started(supervised):
    port = supervised.plant.reserve_port()
    kernel = supervised.start_again(kom(supervised, port))
    kernel.wait_for_log(r"RegistraterProces OK\. ClientName: SELF\.KOM")
    with supervised.local_link() as link:
        assert ask(link, STOP, "SELF.KOM").name == "Done"
        kernel.wait_for_log(r"Process ended\. ClientName: SELF\.KOM .*State: Stop Reason: log-off")
        assert ask(link, START, "SELF.KOM").name == "Done"
    eventually(lambda: len(kernel.log_lines(r"RegistraterProces OK\. ClientName: SELF\.KOM")) == 2,
               what="it is registered again")


# ---- d2k-tell ----

def test_d2k_tell_starts_stops_and_restarts(supervised):
    supervised.start(sleeper("ONE.API"))
    tell = supervised.plant.tell_here
    supervised.pid_of("ONE.API")
    for command in ("stop", "start", "restart"):
        done = tell(command, "one.api")
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert supervised.starts_of("ONE.API") == 3


@pytest.mark.parametrize("words, exit_code, sentence", [
    (["start", "ONE.API"], 4, "d2k-tell: ONE.API: it runs already"),
    (["stop", "OFF.API"], 4, "d2k-tell: OFF.API: it does not run"),
    (["start", "OFF.API"], 4, "d2k-tell: OFF.API: /does/not/exist cannot be started: No such file"),
    (["restart", "NONE.API"], 1, "d2k-tell: NONE.API: there is no static process of this name"),
    (["start", "NONE"], 2, "\"NONE\" is no process name"),
    (["start"], 2, "usage: d2k-tell start PROCESS"),
    (["stop", "ONE.API", "OFF.API"], 2, "usage: d2k-tell stop PROCESS"),
    (["restart", "ONE.API", "--json"], 2, "restart has no --json"),
])
def test_what_d2k_tell_refuses(supervised, words, exit_code, sentence):
    supervised.start(sleeper("ONE.API"), process("OFF.API", "/does/not/exist", Autostart="off"))
    supervised.pid_of("ONE.API")
    refused = supervised.plant.tell_here(*words)
    assert refused.exit_code == exit_code and sentence in refused.stderr, refused.stderr


def test_over_the_network_d2k_tell_needs_the_right(supervised):
    supervised.start(sleeper("ONE.API"))
    refused = supervised.plant.tell("stop", "ONE.API")
    assert refused.exit_code == 4 and "administration is accepted only" in refused.stderr
    assert re.search(r"started", supervised.log)
