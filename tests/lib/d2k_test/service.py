"""The test as the service manager of a kernel: what it starts, and what it is told."""

import socket
import sys
import time

from d2k_test.poll import DEADLINE_S
from d2k_test.programs import REPOSITORY, Kernel

MANAGER = REPOSITORY / "tests/lib/d2k_test/service_manager.py"


class Notified:
    """The socket that a service manager listens on."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(DEADLINE_S)
        self.messages = []

    def wait_for(self, line):
        """The message that has this line."""
        end = time.monotonic() + DEADLINE_S
        while not any(line in message.split("\n") for message in self.messages):
            assert time.monotonic() < end, f"{line} was not said, but {self.messages}"
            self.messages.append(self.socket.recv(4096).decode())
        return self.messages[-1]

    def forget(self):
        """What was said until now."""
        self.messages.clear()
        self.socket.setblocking(False)
        try:
            while self.socket.recv(4096):
                pass
        except BlockingIOError:
            self.socket.settimeout(DEADLINE_S)


def start(plant, *parameters, sockets=(), environment=None):
    """A kernel that the service manager starts with these sockets."""
    command = plant.kernel_command(*parameters)
    kernel = Kernel([sys.executable, MANAGER, *sockets, "--", *command],
                    plant.directory / "service", {**plant.environment(), **(environment or {})},
                    plant.log_dir)
    plant.programs.append(kernel)
    plant.port = kernel.port
    return kernel
