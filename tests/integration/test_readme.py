"""README.md as a newcomer takes it: its commands in their order, and the documents that it names."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from d2k_test import ports
from d2k_test.poll import DEADLINE_S, eventually
from d2k_test.programs import BUILD, PROGRAMS, REPOSITORY, TIMESTAMP, Program

README = REPOSITORY / "README.md"
BLOCK = re.compile(r"((?:^    .*\n|^\n(?=    ))+)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)\)")


def steps(title):
    """The indented blocks of a section, without their indentation."""
    section = README.read_text(encoding="utf-8").partition(f"\n## {title}, step by step\n")[2]
    return [re.sub("^    ", "", block, flags=re.MULTILINE).strip()
            for block in BLOCK.findall(section.partition("\n## ")[0])]


def linked(path):
    """Files that a document of ours names."""
    text = path.read_text(encoding="utf-8")
    return {(path.parent / target).resolve() for target in LINK.findall(text)}


def test_what_it_names_is_there():
    assert len(linked(README)) > 20
    assert not [path for path in linked(README) if not path.exists()]


def test_it_names_every_document():
    documents = {path.resolve() for path in (REPOSITORY / "docs").rglob("*.md")}
    assert not documents - linked(README)


class Newcomer:
    """Types what README says, in a home of his own. The port is another one: 3119 may be in use."""

    def __init__(self, directory):
        self.kept, self.port = ports.reserve()
        self.home = directory / "home"
        self.place = self.home / "plant"
        self.home.mkdir()
        self.running = []

    def environment(self):
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "D2K_"))}
        return kept | {"HOME": str(self.home), "LC_ALL": "C.UTF-8", "D2K_CONFIG_DIR": str(self.place),
                       "PATH": f"{PROGRAMS}:{BUILD / 'src/kernel'}:{os.environ['PATH']}"}

    def with_port(self, line):
        program = r"d2k-(?:kernel|kom|tell) (?!.*--local)"
        return re.sub(rf"^({program}[^>\n]*)", rf"\1 --port={self.port} ", line, flags=re.MULTILINE)

    def types(self, commands):
        """What the commands print, of all of them together; each must end well."""
        lines = "\n".join(self.with_port(line) for line in commands.splitlines())
        done = subprocess.run(["bash", "-ec", lines], cwd=self.place, env=self.environment(), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=DEADLINE_S, check=False)
        assert done.returncode == 0, f"{lines}\n{done.stdout}"
        return done.stdout

    def starts(self, command):
        """In a terminal of its own."""
        program = Program(["bash", "-c", f"cd {self.place} && exec {self.with_port(command)}"],
                          self.home / f"terminal{len(self.running)}", self.environment())
        self.running.append(program)
        return program

    def log(self, name):
        return "".join(path.read_text(encoding="utf-8") for path in (self.place / "log").glob(name))

    def leaves(self):
        for program in reversed(self.running):
            program.finish()
        self.kept.close()


@pytest.fixture
def newcomer(tmp_path):
    one = Newcomer(tmp_path)
    yield one
    one.leaves()


def as_pattern(shown, newcomer):
    """A log of the document: time, computer, addresses and numbers are others."""
    pattern = re.escape(shown)
    pattern = re.sub(r"\\\[\d{4}[^\]]*\\\]", lambda _: TIMESTAMP, pattern)
    pattern = re.sub(r"127\\\.0\\\.0\\\.1:\d+", r"\\S+", pattern)
    pattern = re.sub(r"localhost:\d+", f"localhost:{newcomer.port}", pattern)
    pattern = re.sub(r"\bvm\b", r"\\S+", pattern)
    return re.sub(r"Id:\\ \d+", r"Id:\\ \\d+", pattern)


def wait_for_shown(shown, name, newcomer):
    pattern = as_pattern(shown, newcomer)
    eventually(lambda: re.search(pattern, newcomer.log(name)), what=f"{pattern} in {name}")


def test_the_secure_channel_step_by_step(newcomer):
    terminal, pair, server, client, start, kom_log, kernel_log, look, new_pair, replaced = steps("The secure channel")
    kernel, kom = start.split("\n\n")
    assert "export D2K_CONFIG_DIR=$PWD" in terminal and "mkdir -p ~/plant && cd ~/plant" in terminal
    newcomer.place.mkdir()
    newcomer.types(pair)
    configuration = newcomer.place / "cfg_PLANT.conf"
    configuration.write_text(f"{server}\n{client}\n", encoding="utf-8")
    assert "0 errors, 1 warning" in newcomer.types("d2k-registry check @PLANT || test $? = 1")

    kernel = newcomer.starts(kernel)
    eventually(lambda: "Listening on port" in kernel.stdout)
    kom = newcomer.starts(kom)
    wait_for_shown(kom_log, "KOM-*.log", newcomer)
    wait_for_shown(kernel_log, "KNL-SELF.log", newcomer)
    listing, watching, processes = look.splitlines()
    eventually(lambda: ".CPU_Load" in newcomer.types(listing))
    assert ".CPU_Load" in newcomer.types(f"{watching} --count=2")
    assert "TLSv1.3 VERIFIED" in newcomer.types(processes)

    newcomer.types(new_pair)
    text = configuration.read_text(encoding="utf-8")
    both = "TLS_TrustedCerts = old.crt;next.crt"
    assert both in README.read_text(encoding="utf-8")
    configuration.write_text(text.replace("TLS_TrustedCerts = server.crt", both), encoding="utf-8")
    newcomer.types(replaced)
    assert "TLSv1.3 VERIFIED" in newcomer.types(processes)
    assert "generation 2" in newcomer.log("KNL-SELF.log") and kom.is_running() and kernel.is_running()

    the_plant_step_by_step(newcomer)


def the_plant_step_by_step(newcomer):
    define, use, shown, as_csv = steps("A plant")
    newcomer.types(define)
    written, got, acknowledged, history = use.splitlines()
    newcomer.types(written)
    assert without_time(newcomer.types(got)) == without_time(shown)
    newcomer.types(acknowledged)
    assert "NoAckPAlarm" not in newcomer.types(got)
    assert len(newcomer.types(history).splitlines()) == 4  # a title, 5, 9, and 9 acknowledged
    assert "2 objects defined, 0 lines refused" in newcomer.types(as_csv)



def without_time(table):
    return [re.sub(r"\d{4}-\d\d-\d\d .*", "", line).rstrip() for line in table.splitlines()]
