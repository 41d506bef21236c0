"""Runs every command of docs/administration.md in its order, on two machines that are directories,
and compares what it prints with what the document says.

`systemctl`, `apt-get` and `scp` are played by the test; services are started with the command lines
of the units in packaging/systemd. Places of the system become places below the directory of the
machine."""

import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from d2k_test import ports
from d2k_test.poll import DEADLINE_S, eventually
from d2k_test.programs import BUILD, PROGRAMS, REPOSITORY, SANITIZER_REPORT

DOCUMENT = REPOSITORY / "docs/administration.md"
UNITS = REPOSITORY / "packaging/systemd"
PLACES = ("/etc/d2k", "/etc/credstore", "/var/log/d2k", "/var/lib/d2k", "/run/d2k", "/var/backups")
PROMPT = re.compile(r"^(kernel|client)# (.+)$")
PORT_OF_THE_DOCUMENT = "3119"


def steps():
    """(line, machine, command, expected lines) of all blocks, in order."""
    found, in_block = [], False
    for number, line in enumerate(DOCUMENT.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            in_block = line == "```console"
        elif in_block and PROMPT.match(line):
            found.append((number, *PROMPT.match(line).groups(), []))
        elif in_block:
            found[-1][3].append(line)
    return found


def as_pattern(line):
    """`...` is any text; runs of spaces are as long as the column needs."""
    parts = [re.sub(r"(\\ )+", r"\\s+", re.escape(part)) for part in line.split("...")]
    return ".*".join(parts)


class Machine:
    """One machine of the document."""

    def __init__(self, name, directory, port):
        self.name, self.root, self.port = name, directory / name, port
        self.services = {}
        self.directory = self.root / "home"
        self.directory.mkdir(parents=True)
        for place in PLACES:
            (self.root / place[1:]).mkdir(parents=True, exist_ok=True)
        for package in ("d2k-kernel_1.0.0_amd64.deb", "d2k-tools_1.0.0_amd64.deb"):
            (self.directory / package).touch()
        data = REPOSITORY / "tests/integration/data/wine_tls_server.reg"
        (self.root / "etc/d2k/d2k").mkdir()
        shutil.copy(data, self.root / "etc/d2k/d2k/plant.reg")

    def here(self, text):
        """Places and addresses of the document as they are in the test."""
        for place in PLACES:
            text = re.sub(rf"(?<![\w/.]){place}\b", f"{self.root}{place}", text)
        text = text.replace("/Skernel.example", f"/Slocalhost:{self.port}")
        text = text.replace(f"localhost:{PORT_OF_THE_DOCUMENT}", f"localhost:{self.port}")
        return re.sub(r"(check\b.*) kernel\.example$", rf"\1 localhost:{self.port}", text)

    def as_documented(self, text):
        text = text.replace("\r\n", "\n").replace(str(self.root), "")
        return text.replace(f"localhost:{self.port}", f"localhost:{PORT_OF_THE_DOCUMENT}")

    def environment(self):
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith(("XDG_", "D2K_"))}
        return kept | {
            "HOME": str(self.directory), "LC_ALL": "C.UTF-8",
            "D2K_CONFIG_DIR": str(self.root / "etc/d2k/d2k"),
            "PATH": f"{PROGRAMS}:{BUILD / 'src/kernel'}:{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(self.root / "run"), "XDG_STATE_HOME": str(self.root / "state")}

    # ---- commands ----

    def run(self, command, machines):
        words = shlex.split(command)
        if words[0] == "systemctl":
            return self.systemctl(words[1:])
        if words[0] == "apt-get":
            assert words[1] == "install"
            return 0, ""
        if words[0] == "scp":
            return self.scp(words[1], words[2], machines)
        if words[0] == "cd":
            self.directory = Path(self.here(words[1]))
            return 0, ""
        return self.shell(command)

    def shell(self, command):
        # The user d2k is whoever runs the test; the local socket lies in the test's directory.
        text = ("chown() { test \"$1\" = d2k: && test -f \"$2\"; }\n"
                "runuser() { test \"$1 $2 $3\" = \"-u d2k --\" && shift 3 && \"$@\"; }\n"
                + self.here(command))
        if "--local" in command:
            text = text.replace("--local", f"--local --run-dir={self.root}/run/d2k/d2k")
        text = re.sub(r"(d2k-tell )", rf"\1--log-dir={self.root}/state/log ", text)
        done = subprocess.run(["bash", "-c", text], cwd=self.directory, check=False,
                              env=self.environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=3 * DEADLINE_S)
        return done.returncode, done.stdout.decode()

    def scp(self, source, target, machines):
        host, _, path = source.partition(":")
        other = machines[host.partition(".")[0]]
        shutil.copy(other.here(path), self.here(target))
        return 0, ""

    # ---- services ----

    def systemctl(self, words):
        words = [word for word in words if word not in ("--now", "--user")]
        action, unit = words
        if action == "edit":
            return 0, ""
        if action in ("enable", "restart"):
            self.stop(unit)
            self.start(unit)
        elif action == "reload":
            self.reload(unit)
        elif action == "is-active":
            active = self.services[unit].poll() is None
            return (0, "active\n") if active else (3, "inactive\n")
        else:
            raise AssertionError(f"systemctl {action}")
        return 0, ""

    def unit_setting(self, unit, name):
        template = UNITS / (re.sub("@.*", "@", unit) + ".service")
        lines = re.findall(rf"^{name}=(.*)$", template.read_text(encoding="utf-8"), re.MULTILINE)
        text = lines[-1].replace("%i", unit.partition("@")[2])
        for specifier, place in (("%L", "/var/log"), ("%S", "/var/lib"), ("%t", "/run"),
                                 ("%E", "/home/.config")):
            text = text.replace(specifier, f"{self.root}{place}")
        return text

    def log_of(self, unit):
        if unit.startswith("d2k-kernel"):
            return self.root / "var/log/d2k/d2k" / unit.partition("@")[2] / "KNL-SELF.log"
        found = sorted(path for path in (self.root / "state").rglob("KOM-*.log")
                       if not re.search(r"\.(prev|his)\.", path.name))
        return found[0] if found else self.root / "no-log"

    def inode_of_log(self, unit):
        """Each start has a new log; None: there is none yet."""
        log = self.log_of(unit)
        return log.stat().st_ino if log.exists() else None

    def start(self, unit):
        environment = self.environment()
        command = self.unit_setting(unit, "ExecStart").replace("/usr/bin/", "")
        command = re.sub(r"/etc/d2k/d2k", f"{self.root}/etc/d2k/d2k", command)
        if unit == "d2k-kom":
            file = Path(self.unit_setting(unit, "EnvironmentFile").removeprefix("-"))
            name, _, value = file.read_text(encoding="utf-8").strip().partition("=")
            command = command.replace(f"${name}", self.here(value))
            command += f" --log-dir={self.root}/state/log"
            awaited = "Connection established"
        else:
            command += f" --port={self.port}"
            environment |= self.credentials(unit)
            awaited = "Listening on [LOCAL"
        before = self.inode_of_log(unit)
        with open(self.root / f"{unit}.output", "ab") as output:
            service = subprocess.Popen(["bash", "-c", f"exec {command}"], env=environment,
                                       cwd=self.root, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output)
        self.services[unit] = service

        def is_ready():
            assert service.poll() is None, f"{unit}: {self.output_of(unit)}"
            is_new = self.inode_of_log(unit) not in (None, before)
            return is_new and awaited in self.log_of(unit).read_text(encoding="utf-8")
        eventually(is_ready, what=f"{unit} ({command}): {awaited}")

    def credentials(self, unit):
        name, _, stored = self.unit_setting(unit, "LoadCredential").partition(":")
        source = self.root / "etc/credstore" / stored
        directory = self.root / "run/credentials"
        shutil.rmtree(directory, ignore_errors=True)
        if source.exists():
            directory.mkdir()
            shutil.copy(source, directory / name)
        return {"CREDENTIALS_DIRECTORY": str(directory)}

    def reload(self, unit):
        marks = self.count_reloads(unit)
        self.services[unit].send_signal(signal.SIGHUP)
        eventually(lambda: self.count_reloads(unit) > marks, what="SIGHUP in the log")

    def count_reloads(self, unit):
        return self.log_of(unit).read_text(encoding="utf-8").count("SIGHUP: configuration was read")

    def output_of(self, unit):
        return (self.root / f"{unit}.output").read_text(encoding="utf-8", errors="replace")

    def stop(self, unit):
        service = self.services.pop(unit, None)
        if service is None:
            return
        service.terminate()
        code = service.wait(DEADLINE_S)
        output = self.output_of(unit)
        assert not SANITIZER_REPORT.search(output), output
        assert code == 0, f"{unit} ended with {code}\n{output}"


@pytest.fixture
def machines(tmp_path):
    kept, port = ports.reserve()
    made = {name: Machine(name, tmp_path, port) for name in ("kernel", "client")}
    yield made
    for machine in reversed(made.values()):
        for unit in list(machine.services):
            machine.stop(unit)
    kept.close()


def assert_printed(where, output, expected):
    """The expected lines in their order; a line `...` is any number of them. Without a word of the
    document about it, the output is anything."""
    if not expected:
        return
    pattern = "".join("(?:.*\n)*?" if line == "..." else rf"\s*{as_pattern(line)}\s*\n"
                      for line in expected)
    assert re.match("(?:.*\n)*?" + pattern, output.rstrip("\n") + "\n"), (
        f"{where}: printed\n{output}\nbut the document says\n" + "\n".join(expected))


def run_step(machines, step):
    number, name, command, expected = step
    wanted_code = 0
    if expected and (found := re.fullmatch(r"\(exit code (\d)\)", expected[-1])):
        wanted_code, expected = int(found.group(1)), expected[:-1]
    machine = machines[name]
    code, output = machine.run(command, machines)
    where = f"{DOCUMENT.name}:{number}: {name}# {command}"
    assert code == wanted_code, f"{where}: exit code {code}\n{output}"
    assert_printed(where, machine.as_documented(output), expected)


def test_every_command_of_the_document_does_what_it_says(machines):
    found = steps()
    assert len(found) > 40
    for step in found:
        run_step(machines, step)


def test_a_document_that_says_something_else_is_found():
    with pytest.raises(AssertionError):
        assert_printed("x", "one\ntwo\n", ["one", "three"])
    with pytest.raises(AssertionError):
        assert_printed("x", "two\none\n", ["one", "two"])
    assert_printed("x", "zero\none 1 x\n2\n3\ntwo\n", ["one ... x", "...", "two"])
    assert_printed("x", "one\ntwo", ["one", "...", "two"])


def test_every_refusal_of_the_document_is_one_of_the_sources():
    section = DOCUMENT.read_text(encoding="utf-8").partition("\n## What each refusal means\n")[2]
    said = re.findall(r"^\| `([^`]+)` \|", section.partition("\n## ")[0], re.MULTILINE)
    sources = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "src").rglob("*.c"))
    sources = re.sub(r'"\s*\n\s*"', "", sources)
    assert len(said) >= 6
    missing = [text for text in said
               if not all(part.strip() in sources for part in text.split("..."))]
    assert not missing
