"""What a service manager does before it starts a program: opens its sockets and hands them in.

usage: service_manager.py SOCKET... -- PROGRAM ARGUMENT...
SOCKET: tcp (any port of 127.0.0.1), udp, a path (local socket), or pid=N (for another process).
With WATCHDOG_USEC it says, as systemd does, that the watchdog is for the program it starts."""

import os
import socket
import sys

FIRST = 3


def open_one(what):
    if what in ("tcp", "udp"):
        kind = socket.SOCK_STREAM if what == "tcp" else socket.SOCK_DGRAM
        opened = socket.socket(socket.AF_INET, kind)
        opened.bind(("127.0.0.1", 0))
    else:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.bind(what)
    if what != "udp":
        opened.listen(16)
    return opened


def main():
    end = sys.argv.index("--")
    wanted, command = sys.argv[1:end], sys.argv[end + 1:]
    pid = os.getpid()
    if wanted and wanted[0].startswith("pid="):
        pid = wanted.pop(0).removeprefix("pid=")
    opened = [open_one(what) for what in wanted]
    above = [os.dup2(one.fileno(), 100 + i) for i, one in enumerate(opened)]
    for i, descriptor in enumerate(above):
        os.dup2(descriptor, FIRST + i, inheritable=True)
    if "WATCHDOG_USEC" in os.environ:
        os.environ.setdefault("WATCHDOG_PID", str(os.getpid()))
    os.environ |= {"LISTEN_PID": str(pid), "LISTEN_FDS": str(len(wanted))}
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
