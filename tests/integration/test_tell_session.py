"""d2k-tell as a person meets it: a session on a real terminal, and completion in shells."""

import os
import pty
import re
import select
import signal
import subprocess
import sys

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S, eventually
from d2k_test.programs import PROGRAMS, REPOSITORY, Program

CTRL_C, CTRL_D, TAB, UP = b"\x03", b"\x04", b"\t", b"\x1b[A"
PROMPT = "d2k> "


class Terminal(Program):
    """A program on a terminal of its own; what it shows is collected in `screen`."""

    def __init__(self, command, directory, environment):
        self.directory = directory
        self.command = [str(word) for word in command]
        self.screen = ""
        self._stderr = directory / "stderr"
        self._fd, theirs = pty.openpty()
        directory.mkdir(parents=True, exist_ok=True)
        # The shell-like start: a session whose controlling terminal this is, so that Ctrl-C works.
        start = ("import fcntl, os, sys, termios; os.setsid(); "
                 "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])")
        self.process = subprocess.Popen(
            [sys.executable, "-c", start, *self.command], cwd=directory,
            env={**environment, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)

    def _read(self):
        while select.select([self._fd], [], [], 0)[0]:
            try:
                data = os.read(self._fd, 65536)
            except OSError:  # the other side has closed it
                return
            if not data:
                return
            self.screen += data.decode("utf-8", "replace")
            self._stderr.write_text(self.screen, encoding="utf-8")

    def type(self, text):
        os.write(self._fd, text if isinstance(text, bytes) else text.encode())

    def shows(self, pattern):
        """Waits until the pattern appears behind what was found before; returns the match."""
        def found():
            self._read()
            return re.search(pattern, self.screen)
        try:
            match = eventually(found, what=pattern)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen!r}") from None
        self.screen = self.screen[match.end():]
        return match

    def answers(self, line, pattern):
        self.type(line + "\r")
        match = self.shows(pattern)
        self.shows(re.escape(PROMPT))
        return match

    def wait(self, timeout_s=DEADLINE_S):
        eventually(lambda: (self._read(), not self.is_running())[1], timeout_s, "the end")
        return super().wait(timeout_s)


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


@pytest.fixture
def source(kernel, plant):
    with protocol.Link(plant.port) as link:
        link.register("SOURCE.API", flags=0)
        for name in ("Tank.Level", "Tank.Level_Max", "Tank.Pressure", "Pump"):
            link.define(name)
        yield link


def start_session(plant, *parameters):
    terminal = Terminal([*plant.client_command("d2k-tell"), *parameters],
                        plant.directory / f"terminal-{len(plant.programs)}", plant.environment())
    plant.programs.append(terminal)
    return terminal


@pytest.fixture
def session(plant, kernel):
    terminal = start_session(plant, "/WDESK", "/F1")
    terminal.shows(r"Connected to kernel V1\.00\.000 s1 as DESK\.TEL")
    terminal.shows(re.escape(PROMPT))
    return terminal


def test_commands_run_one_after_the_other_on_one_link(plant, session, source):
    session.answers("list Tank.*", r"(?s)Tank\.Level .*Tank\.Pressure")
    session.answers("get Pump", r"Pump +- +INVALID")
    session.answers("connections DESK*", r"DESK\.TEL +\d+ +127\.0\.0\.1:\d+ +TLSv1\.3 +yes +1 ")
    session.answers("version --json", r'"kernel":"V1\.00\.000 s1"')
    session.answers("help", r"watch NAME\|PATTERN")
    session.type("quit\r")
    assert session.wait() == 0
    assert plant.client_log().count("Connection established") == 1
    plant.wait_for_state("DESK.TEL", "Stop")


def test_an_error_does_not_end_the_session(session):
    session.answers("lsit", "unknown command lsit")
    session.answers("get No.Such", "there is no object No.Such")
    session.answers("get 'a", "a quote is open")
    session.answers("list --local", "--local belongs to the start")
    session.answers("processes --state=Running", "DESK.TEL")
    session.type(CTRL_D)
    assert session.wait() == 0


def test_ctrl_c_ends_a_watch_but_not_the_session(session, source, plant):
    session.type("watch Tank.*\r")
    session.shows("TIME +NAME")
    eventually(lambda: plant.process(r"DESK\.TEL")["values_out"] >= 0)
    session.type(CTRL_C)
    session.shows(re.escape(PROMPT))
    session.answers("version", "kernel +V1")
    session.answers("list Pump", "Pump +Integer")


def test_ctrl_c_at_the_prompt_gives_up_the_line(session):
    session.type("get Some.Thing")
    session.shows("Some.Thing")
    session.type(CTRL_C)
    session.shows(re.escape(PROMPT))
    session.answers("version", "libd2k +V1")


def test_sigterm_ends_the_session_with_a_log_off(plant, session):
    session.signal(signal.SIGTERM)
    assert session.wait() == -signal.SIGTERM
    plant.wait_for_state("DESK.TEL", "Stop")


def test_an_idle_session_keeps_its_link(plant, session):
    """Three watchdog intervals of 1 s with nobody typing."""
    kernel_sees = lambda: plant.process(r"DESK\.TEL")["state"]  # noqa: E731
    began = plant.process(r"DESK\.TEL")["since"]
    for _ in range(4):
        plant.tell("watch", "No.Such", "--for=1")
    assert kernel_sees() == "Running" and plant.process(r"DESK\.TEL")["since"] == began
    session.answers("version", "kernel +V1")


def test_a_lost_kernel_ends_the_session_with_5(session, kernel):
    kernel.kill()
    assert session.wait() == 5


def test_with_reconnect_the_session_says_what_happens(plant, kernel):
    session = start_session(plant, "/WDESK", "--reconnect")
    session.shows(re.escape(PROMPT))
    kernel.stop()
    session.shows("connection lost, connecting again: ")
    session.answers("list", "there is no link to a kernel")
    plant.start_kernel()
    session.shows("connected again as DESK.TEL")
    session.answers("version", "kernel +V1")


def test_tab_completes_commands_and_names(session, source):
    session.type(b"conn" + TAB)
    session.shows("ections ")
    session.type(CTRL_C)
    session.shows(re.escape(PROMPT))
    session.type(b"get Tank.L" + TAB)
    session.shows("evel")
    session.type(TAB)
    session.shows(r"Tank\.Level +Tank\.Level_Max")
    session.type(b"_" + TAB + b"\r")
    session.shows(r"Tank\.Level_Max +- +INVALID")


def test_history_outlives_the_session(plant, session):
    session.answers("version", "kernel +V1")
    session.type("quit\r")
    assert session.wait() == 0
    history = plant.directory / "home/.local/state/d2k/d2k/tell_history"
    assert history.stat().st_mode & 0o777 == 0o600 and "version" in history.read_text()
    again = start_session(plant)
    again.shows(re.escape(PROMPT))
    again.type(UP + UP + b"\r")
    again.shows("kernel +V1")


def test_without_a_terminal_lines_come_from_standard_input(plant, kernel):
    command = [*map(str, plant.client_command("d2k-tell")), "--interactive"]
    ended = subprocess.run(command, input="version\nlist CPU_Load --names\n", capture_output=True,
                           text=True, env=plant.environment(), timeout=DEADLINE_S)
    assert ended.returncode == 0, ended.stderr
    assert "kernel    V1.00.000 s1" in ended.stdout and PROMPT not in ended.stdout


def test_a_command_is_missing_without_a_terminal(plant, kernel):
    assert "a command is missing" in (tell := plant.tell()).stderr and tell.exit_code == 2
    assert plant.tell("--interactive", "list").exit_code == 2


def test_names_alone_are_for_scripts(plant, source):
    assert plant.tell("list", "tank.*", "--names").stdout.splitlines() == [
        "Tank.Level", "Tank.Level_Max", "Tank.Pressure"]
    assert plant.tell("get", "Pump", "--names").exit_code == 2


def test_processes_of_one_state(plant, source):
    states = lambda *p: {x["name"] for x in plant.tell_json("processes", "SOURCE*", *p)}  # noqa: E731
    assert states("--state=running") == {"SOURCE.API"} and states("--state=Stop") == set()
    assert plant.tell("processes", "--state=Dead").exit_code == 2


# ---- shells ----


def bash_completes(plant, line):
    """What bash offers for the last word of the line, in a shell that knows nothing else."""
    script = REPOSITORY / "share/bash-completion/completions/d2k-tell"
    call = (f'source "{script}"; COMP_LINE=$1; COMP_POINT=${{#1}}; _d2k_tell; '
            'printf "%s\\n" "${COMPREPLY[@]}"')
    ended = subprocess.run(["bash", "--norc", "-c", call, "bash", line], capture_output=True,
                           text=True, timeout=DEADLINE_S,
                           env={**plant.environment(), "PATH": f"{PROGRAMS}:{os.environ['PATH']}"})
    assert ended.returncode == 0 and ended.stderr == "", ended.stderr
    return ended.stdout.split()


def link_parameters(plant):
    return " ".join(map(str, plant.client_command("d2k-tell")[1:]))


@pytest.mark.parametrize("typed, offered", [
    ("d2k-tell con", ["connections"]),
    ("d2k-tell @PLANT /Slocalhost wa", ["watch"]),
    ("d2k-tell list --na", ["--names"]),
    ("d2k-tell processes --state=r", ["Running"]),
    ("d2k-tell get --na", []),
])
def test_bash_completes_words(plant, typed, offered):
    assert bash_completes(plant, typed) == offered


def test_bash_completes_names_of_objects(plant, source):
    start = f"d2k-tell {link_parameters(plant)} get "
    for typed, offered in (("Tank.L", ["Tank.Level", "Tank.Level_Max"]), ("pu", ["Pump"]),
                           ("Tank.Pressure Pu", ["Pump"])):
        # Who presses the key waits 3 s for a slow kernel, then presses it again.
        eventually(lambda: bash_completes(plant, start + typed) == offered, what=f"{typed}: {offered}")


def test_bash_completion_is_quiet_without_a_kernel(plant):
    plant.port = 1
    assert bash_completes(plant, f"d2k-tell {link_parameters(plant)} get T") == []


def test_zsh_completes_names_of_objects(plant, source):
    """The function runs with what zsh sets for it; compadd is replaced by one that prints."""
    function = REPOSITORY / "share/zsh/site-functions/_d2k-tell"
    call = ('compadd() { print -l -- ${@[(r)--,-1]} }; words=(d2k-tell ${(z)1} ""); '
            'CURRENT=$#words; PREFIX=Tank.P; source $2')
    ended = subprocess.run(["zsh", "-f", "-c", call, "zsh", f"{link_parameters(plant)} get",
                            str(function)], capture_output=True, text=True, timeout=DEADLINE_S,
                           env={**plant.environment(), "PATH": f"{PROGRAMS}:{os.environ['PATH']}"})
    assert "Tank.Pressure" in ended.stdout.split(), ended.stdout + ended.stderr
