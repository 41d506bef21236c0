"""The programs of d2k as processes: each in a directory of its own, ended by who started it, and
never without a look for what a sanitizer said."""

import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

from d2k_test import ports
from d2k_test.config import Config
from d2k_test.poll import DEADLINE_S, eventually

REPOSITORY = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("D2K_BUILD", REPOSITORY / "build"))
KERNEL = BUILD / "src/kernel/d2k-kernel"
PROGRAMS = BUILD / "src/programs"

SANITIZER_REPORT = re.compile(
    r"ERROR: \w*Sanitizer|WARNING: \w*Sanitizer|runtime error:|Sanitizer: [A-Z]")
TIMESTAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\]"


class Program:
    """One running program; its output goes to files, so it can never block on a full pipe."""

    def __init__(self, command, directory, environment):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.command = [str(word) for word in command]
        self._stdout, self._stderr = self.directory / "stdout", self.directory / "stderr"
        with open(self._stdout, "wb") as out, open(self._stderr, "wb") as err:
            self.process = subprocess.Popen(
                self.command, cwd=self.directory, env=environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err)

    @property
    def stdout(self):
        return self._stdout.read_text(encoding="utf-8", errors="replace")

    @property
    def stderr(self):
        return self._stderr.read_text(encoding="utf-8", errors="replace")

    def is_running(self):
        return self.process.poll() is None

    def wait(self, timeout_s=DEADLINE_S):
        """Exit code; the program must end by itself."""
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} did not end in {timeout_s:g} s\n{self.stderr}") from None
        self.assert_clean()
        return code

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """Ends it the hard way, as a crash does."""
        self.process.kill()
        self.process.wait()

    def finish(self):
        """Ends it whatever it does; fails if it was not clean."""
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self} did not end on SIGTERM") from None
        self.assert_clean()

    def assert_clean(self):
        if SANITIZER_REPORT.search(self.stderr):
            raise AssertionError(f"{self}: a sanitizer reports:\n{self.stderr}")

    def __str__(self):
        return Path(self.command[0]).name


class Logged(Program):
    """A program with a log file of its own."""

    log_file = None

    def log_text(self):
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""

    def log_lines(self, pattern=""):
        return [line for line in self.log_text().splitlines() if re.search(pattern, line)]

    def wait_for_log(self, pattern, timeout_s=DEADLINE_S):
        """The first line that matches, waiting for it; fails if the program ends before. Lines are
        written by a thread of their own: one that is sure to come is still not there at once."""
        def found():
            lines = self.log_lines(pattern)
            assert lines or self.is_running(), (
                f"{self} ended before it logged {pattern!r}\n{self.log_text()}\n{self.stderr}")
            return lines
        try:
            return eventually(found, timeout_s, f"a line {pattern!r} in the log")[0]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_text()}") from None


class Kernel(Logged):
    """A running kernel that listens on `port`."""

    def __init__(self, command, directory, environment, log_dir):
        super().__init__(command, directory, environment)
        self.log_file = Path(log_dir) / "KNL-SELF.log"
        self.port = int(eventually(self._listening, what="the kernel's port").group(1))

    def _listening(self):
        found = re.search(r"^Listening on port (\d+)$", self.stdout, re.MULTILINE)
        assert found or self.is_running(), f"{self} ended at start\n{self.log_text()}{self.stderr}"
        return found

    def stop(self):
        """Ends it as an administrator does; it must end cleanly."""
        self.signal(signal.SIGTERM)
        assert self.wait() == 0, self.stderr


class Kom(Logged):
    """A running d2k-kom."""

    def __init__(self, command, directory, environment, log_dir, name="KOM"):
        super().__init__(command, directory, environment)
        self._log_dir, self._name = Path(log_dir), name

    @property
    def log_file(self):
        logs = sorted(self._log_dir.glob(f"{self._name}*.log"))
        current = [path for path in logs if not re.search(r"\.(prev|his)\.log$", path.name)]
        return current[0] if current else self._log_dir / f"{self._name}.log"

    def wait_connected(self):
        return self.wait_for_log(r"CLIENT - Connection established")


class Tell(Program):
    """A d2k-tell that runs until it is told to end, such as `watch`."""

    def values(self):
        """What it has printed so far: the elements of one document {"objects": [...]}, or the lines
        of `watch`."""
        text = self.stdout
        lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        if len(lines) == 1 and len(lines[0]) == 1:
            return next(iter(lines[0].values()))
        return lines

    def wait_for_value(self, condition, timeout_s=DEADLINE_S):
        def found():
            matching = [value for value in self.values() if condition(value)]
            assert matching or self.is_running(), f"{self} ended\n{self.stderr}"
            return matching
        return eventually(found, timeout_s, f"a value from {self}")[0]


class Plant:
    """A kernel and its clients with directories of their own, below one that goes at the end."""

    application = "PLANT"

    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="d2k-")
        self.directory = Path(self._temporary.name)
        self.server_config = Config(self.directory / "server")
        self.client_config = Config(self.directory / "client")
        self.log_dir = self.directory / "log"
        self.programs = []
        self.port = None
        self._reserved = []
        self.installation = None  # set: the local socket lies where clients look for it
        self.runtime_dir = None
        self._count = 0

    # ---- starting ----

    def start_kernel(self, *parameters, application=application, config=None):
        """Starts a kernel; all of them use the same port, one after the other."""
        kernel = Kernel(
            self.kernel_command(*parameters, application=application, config=config),
            self._new_directory("kernel"), self.environment(), self.log_dir)
        self.programs.append(kernel)
        self.port = kernel.port
        return kernel

    def run_kernel(self, *parameters, application=application, config=None):
        """Starts a kernel that is expected to refuse to start; returns the ended program."""
        kernel = Logged(
            self.kernel_command(*parameters, application=application, config=config),
            self._new_directory("kernel"), self.environment())
        kernel.log_file = self.log_dir / "KNL-SELF.log"
        self.programs.append(kernel)
        kernel.wait()
        return kernel

    def kernel_command(self, *parameters, application=application, config=None):
        command = [KERNEL] + ([f"@{application}"] if application else [])
        if not self.installation:
            command.append(f"--run-dir={self.directory / 'run'}")
        return command + [
            f"--port={self.port or self.reserve_port()}", f"--config-dir={(config or self.server_config).directory}",
            f"--log-dir={self.log_dir}", f"--state-dir={self.directory / 'state'}", *parameters]

    def reserve_port(self):
        """The port of the kernels that are started from now on; nobody else gets it."""
        kept, self.port = ports.reserve()
        self._reserved.append(kept)
        return self.port

    def start_kom(self, *parameters, period_ms=100, **options):
        command = self.client_command("d2k-kom", **options)
        kom = Kom([*command, f"--period={period_ms}", *parameters], self._new_directory("kom"),
                  self.environment(), self.log_dir)
        self.programs.append(kom)
        return kom

    def start_client(self, program, *parameters, kind=Program, **options):
        """Starts any program that takes the parameters of every client."""
        return self._start(kind, [*self.client_command(program, **options), *parameters])

    def start_program(self, program, *parameters):
        """Starts a program of the build with these parameters only."""
        return self._start(Program, [PROGRAMS / program, *parameters])

    def tell_here(self, *parameters):
        """d2k-tell on the kernel's machine: its configuration, its local socket."""
        return self.run_client("d2k-tell", "@PLANT", f"--config-dir={self.server_config.directory}",
                               f"--run-dir={self.directory / 'run'}", f"--log-dir={self.log_dir}",
                               *parameters)

    def run_client(self, program, *parameters):
        """Runs a program of the build with these parameters only, to its end."""
        ended = self.start_program(program, *parameters)
        ended.exit_code = ended.wait()
        return ended

    def _start(self, kind, command):
        program = kind(command, self._new_directory(Path(command[0]).name), self.environment())
        self.programs.append(program)
        return program

    def start_tell(self, *parameters, **options):
        """A d2k-tell in the background, with --json."""
        return self._start(
            Tell, [*self.client_command("d2k-tell", **options), *parameters, "--json"])

    def tell(self, *parameters, **options):
        """Runs d2k-tell to its end."""
        tell = self._start(Tell, [*self.client_command("d2k-tell", **options), *parameters])
        tell.exit_code = tell.wait()
        return tell

    def tell_json(self, *parameters, **options):
        """What d2k-tell answers, parsed; it must have worked."""
        tell = self.tell(*parameters, "--json", **options)
        assert tell.exit_code == 0, f"exit code {tell.exit_code}\n{tell.stderr}"
        return tell.values()

    def client_command(self, name, application=application, config=None, server="localhost",
                       port=None):
        command = [PROGRAMS / name] + ([f"@{application}"] if application else [])
        return command + [
            f"/S{server}", f"/P{port or self.port}",
            f"--config-dir={(config or self.client_config).directory}", f"--log-dir={self.log_dir}"]

    def environment(self):
        """Nothing of the user who runs the tests leaks in, and nothing goes to his directories."""
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith(("XDG_", "D2K_"))}
        own = {"HOME": str(home), "LC_ALL": "C.UTF-8"}
        if self.installation:
            own |= {"D2K_INSTALLATION": self.installation, "XDG_RUNTIME_DIR": str(self.runtime_dir)}
        return {**kept, **own}

    def socket_places(self):
        """Where the kernel's local socket may lie, as root and as another user."""
        return [Path(base) / self.installation / f"{self.application}.sock"
                for base in ("/run/d2k", self.runtime_dir / "d2k")]

    def _new_directory(self, name):
        self._count += 1
        return self.directory / f"{self._count:02}-{name}"

    # ---- facts ----

    def client_log(self, suffix="TEL"):
        """Log of all clients of a kind."""
        return "".join(path.read_text(encoding="utf-8")
                       for path in sorted(self.log_dir.glob(f"{suffix}*.log")))

    def assert_client_connected(self, bracket, suffix="TEL"):
        """The client's log has the seed's line, with this second bracket (a pattern)."""
        line = (rf"^{TIMESTAMP} CLIENT - Connection established to D2000 Kernel V1\.00\.000 s1"
                rf" \[TCP/IP localhost:{self.port}\]{bracket}\.$")
        assert re.search(line, self.client_log(suffix), re.MULTILINE), self.client_log(suffix)

    def process(self, pattern):
        """The one process whose name matches, as d2k-tell shows it; None: there is none."""
        found = [p for p in self.tell_json("processes") if re.fullmatch(pattern, p["name"])]
        assert len(found) <= 1, found
        return found[0] if found else None

    def wait_for_state(self, name, state):
        """Waits until the kernel shows the process in this state; returns what it shows."""
        return eventually(
            lambda: (p := self.process(re.escape(name))) and p["state"] == state and p,
            what=f"{name} is {state}")

    # ---- the end ----

    def finish(self):
        """Ends everything, clients first; raises the first complaint after all have ended."""
        complaints = []
        for program in reversed(self.programs):
            try:
                program.finish()
            except AssertionError as error:
                complaints.append(error)
        for kept in self._reserved:
            kept.close()
        self._temporary.cleanup()
        if complaints:
            raise complaints[0]
