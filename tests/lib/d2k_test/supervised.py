"""A plant whose kernel has static processes, and what stands in its configuration for them."""

import os
import re
import signal
from pathlib import Path

from d2k_test import protocol
from d2k_test.config import section
from d2k_test.poll import eventually
from d2k_test.programs import PROGRAMS


class Supervised:
    """Starts the kernel; finds what its parent has started in the parent's log."""

    def __init__(self, plant):
        self.plant = plant
        self.kernel = None

    def start(self, *sections):
        """On any port: a network process that is started again must find the one before it."""
        return self.start_again(*sections, port=0)

    def start_again(self, *sections, port=None):
        """On the port of the plant."""
        self.plant.server_config.application("PLANT", *sections)
        self.plant.client_config.application("PLANT")
        self.kernel = self.plant.start_kernel(*([] if port is None else [f"--port={port}"]))
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
        return int(self.wait_for(rf"Process {re.escape(name)} started: .*process id (\d+)",
                                 count).group(1))

    def stubborn_pid(self, name, count=1):
        """Of a stubborn one: until its shell ignores SIGTERM, it ends like any other."""
        pid = self.pid_of(name, count)
        eventually(lambda: ignores(pid, signal.SIGTERM), what=f"{name} ignores SIGTERM")
        return pid

    def starts_of(self, name):
        return len(re.findall(rf"Process {re.escape(name)} started", self.log))

    def network_pid(self, count=1):
        return int(self.wait_for(r"network process of the kernel is started, process id (\d+)",
                                 count).group(1))

    def local_link(self, name="ADMIN.API"):
        """An administrator: over the local socket of the kernel."""
        link = protocol.Link(self.plant.directory / "run/PLANT.sock")
        link.register(name, flags=0)
        return link


def process(name, executable, parameters=None, **more):
    return section(f"Process\\{name}", {"Executable": executable, "Parameters": parameters, **more})


def sleeper(name, **more):
    """One that never registers; it ends at SIGTERM with a signal, which is asked for."""
    return process(name, "/bin/sleep", "1000", **{"InitTime": 0, **more})


def stubborn(name, **more):
    """One that does not end at SIGTERM, nor registers."""
    return process(name, "/bin/sh", "-c \"trap '' TERM; while :; do read x; sleep 1000; done\"",
                   **{"InitTime": 0, **more})


def kom(supervised, port, name="SELF", parameters="", **more):
    log = supervised.plant.directory / "static-log"
    return process(f"{name}.KOM", PROGRAMS / "d2k-kom",
                   f"@PLANT /Slocalhost /P{port} /W{name} --reconnect \"--log-dir={log}\" "
                   f"\"--config-dir={supervised.plant.client_config.directory}\" {parameters}",
                   **{"Environment": sanitizer_environment(), **more})


def sanitizer_environment():
    """What a sanitizer is told by the environment, which a started program does not inherit."""
    told = [f'"{name}={os.environ[name]}"' for name in ("TSAN_OPTIONS", "ASAN_OPTIONS", "LSAN_OPTIONS")
            if name in os.environ]
    return " ".join(told) or None


def ignores(pid, number):
    ignored = re.search(r"^SigIgn:\s+(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(ignored.group(1), 16) >> (number - 1) & 1


def has_gone(pid):
    """Also when nobody has taken its end yet."""
    try:
        return re.search(r"^State:\s+[ZX]", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return True
