"""Certificates, keys and configuration change while clients connect all the while: nobody is
refused, no value is lost, nothing becomes weaker. D2K_LONG=1: the long run, 100 connects a second
for a minute."""

import hashlib
import os
import shutil
import threading
import time

import pytest

from d2k_test import protocol
from d2k_test.certificates import sha256_hex
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S, eventually, pause

LONG = os.environ.get("D2K_LONG") == "1"
SECONDS = 60 if LONG else 5
CONNECTS_PER_S = 100 if LONG else 40
VALUES_PER_S = 200


class Background:
    """Work on a thread of its own until it is stopped; its exception fails the test."""

    def __init__(self):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guarded)
        self._error = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        self._thread.join()
        if self._error and kind is None:
            raise self._error

    def _guarded(self):
        try:
            self.work()
        except BaseException as error:  # pylint: disable=broad-except
            self._error = error

    def beats(self, per_second):
        """Yields at a steady rate until it is stopped; late beats are made up for."""
        due = time.monotonic()
        while not self._stop.is_set():
            yield
            due += 1 / per_second
            self._stop.wait(max(due - time.monotonic(), 0))


class Connector(Background):
    """Connects, registers and logs off, again and again; keeps what certificate it saw."""

    def __init__(self, port, per_second=CONNECTS_PER_S):
        super().__init__()
        self.port, self.per_second = port, per_second
        self.pins = []
        self.refused = []

    def work(self):
        for _ in self.beats(self.per_second):
            try:
                with protocol.Link(self.port) as link:
                    der = link.socket.getpeercert(binary_form=True)
                    link.register()
                    link.log_off()
                self.pins.append(hashlib.sha256(der).hexdigest())
            except (OSError, AssertionError, protocol.Closed) as error:
                self.refused.append(repr(error))

    def wait_for_pin(self, pin):
        eventually(lambda: self.pins and self.pins[-1] == pin or self.refused, DEADLINE_S)


class Source(Background):
    """Publishes 1, 2, 3... over one TLS connection."""

    def __init__(self, port):
        super().__init__()
        self.link = protocol.Link(port)
        self.link.register("SOURCE.API", flags=0)
        self.hobj = self.link.define("Line.Counter")
        self.published = 0

    def work(self):
        for _ in self.beats(VALUES_PER_S):
            self.published += 1
            self.link.publish(self.hobj, self.published, self.published)

    def __exit__(self, *error):
        super().__exit__(*error)
        self.link.send("Ping", data=b"")
        self.link.expect("Pong")


def by_rename(pair, live):
    """Each file is replaced by rename; between the two they do not match."""
    for new, old in ((pair.key, live.key), (pair.cert, live.cert)):
        beside = old.with_suffix(".new")
        shutil.copy2(new, beside)
        os.replace(beside, old)


def by_overwrite(pair, live):
    """Each file is written in place, in two pieces."""
    for new, old in ((pair.cert, live.cert), (pair.key, live.key)):
        data = new.read_bytes()
        with open(old, "wb", buffering=0) as file:
            file.write(data[:100])
            pause(0.01)
            file.write(data[100:])


def by_symlink(pair, live):
    """live is a path through a symbolic link to a directory; the link is flipped."""
    link = live.cert.parent
    fresh = link.with_name(f"{pair.cert.stem}-directory")
    if not fresh.exists():
        fresh.mkdir()
        shutil.copy2(pair.cert, fresh / live.cert.name)
        shutil.copy2(pair.key, fresh / live.key.name)
    flip = link.with_name("flip")
    flip.symlink_to(fresh)
    os.replace(flip, link)


@pytest.fixture
def pairs(certificates):
    return certificates.make("old"), certificates.make("new")


def install(plant, certificates, pairs, how):
    """The kernel's files before the first rotation; clients trust old and new."""
    live_directory = certificates.directory / "live"
    if how is by_symlink:
        first = certificates.directory / "first"
        first.mkdir()
        live_directory.symlink_to(first)
    else:
        live_directory.mkdir()
    live = pairs[0].copy_to(live_directory, "server")
    plant.server_config.application("PLANT", tls_server(live, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", *(p.cert for p in pairs)))
    return live


@pytest.mark.parametrize("how", [by_rename, by_overwrite, by_symlink])
def test_rotation_refuses_nobody_and_loses_nothing(plant, certificates, pairs, how):
    live = install(plant, certificates, pairs, how)
    pins = [sha256_hex(pair.cert) for pair in pairs]
    plant.start_kernel()
    with Source(plant.port) as source, Connector(plant.port) as connector:
        watch = plant.start_tell("watch", "--every", "Line.Counter")
        watch.wait_for_value(lambda v: "value" in v)
        connector.wait_for_pin(pins[0])
        end, turn = time.monotonic() + SECONDS, 0
        while time.monotonic() < end and not connector.refused:
            turn += 1
            how(pairs[turn % 2], live)
            connector.wait_for_pin(pins[turn % 2])
            tell = plant.tell("processes")
            assert tell.exit_code == 0, tell.stderr
    assert connector.refused == []
    assert set(connector.pins) == set(pins)
    watch.wait_for_value(lambda v: v.get("value") == source.published)
    seen = [v["value"] for v in watch.values() if "value" in v]
    assert seen == list(range(seen[0], source.published + 1))
    print(f"{len(connector.pins)} connects, 0 refused, {turn} rotations, {len(seen)} values, 0 lost")


def test_the_next_connect_after_a_change_gets_the_new_certificate(plant, certificates, pairs):
    live = install(plant, certificates, pairs, by_rename)
    plant.start_kernel()
    for turn in range(1, 6):
        by_rename(pairs[turn % 2], live)
        with protocol.Link(plant.port) as link:
            seen = hashlib.sha256(link.socket.getpeercert(binary_form=True)).hexdigest()
        assert seen == sha256_hex(pairs[turn % 2].cert), f"change {turn}"


@pytest.mark.parametrize("damage", ["half replaced", "truncated", "empty", "missing"])
def test_broken_files_leave_the_last_good_pair_in_force(plant, certificates, pairs, damage):
    live = install(plant, certificates, pairs, by_rename)
    kernel = plant.start_kernel()
    kernel.wait_for_log(r"Listening on \[LOCAL")
    before = len(kernel.log_lines())
    if damage == "half replaced":
        shutil.copy2(pairs[1].cert, live.cert)
    elif damage == "truncated":
        live.cert.write_bytes(live.cert.read_bytes()[:150])
    elif damage == "empty":
        live.key.write_bytes(b"")
    else:
        live.key.unlink()
    for _ in range(5):
        with protocol.Link(plant.port) as link:
            link.register()
            seen = hashlib.sha256(link.socket.getpeercert(binary_form=True)).hexdigest()
            assert seen == sha256_hex(pairs[0].cert)
    kernel.wait_for_log(r"TLS - (ERROR|WARNING): ")
    complaints = [line for line in kernel.log_lines()[before:] if " TLS - " in line]
    assert len(complaints) == 1, complaints

    by_rename(pairs[1], live)
    with protocol.Link(plant.port) as link:
        seen = hashlib.sha256(link.socket.getpeercert(binary_form=True)).hexdigest()
    assert seen == sha256_hex(pairs[1].cert), "mended files are used at once"


def refused_in_plain(port):
    with protocol.Link(port, tls=False) as link:
        link.hello()
        refuse = link.wait_end()
    return refuse is not None and refuse.code == protocol.CODES["TLS_REQUIRED"]


class PlainTrier(Background):
    """Tries to get in without TLS, again and again."""

    def __init__(self, port):
        super().__init__()
        self.port = port
        self.tries = 0
        self.got_in = 0

    def work(self):
        for _ in self.beats(20):
            self.tries += 1
            self.got_in += not refused_in_plain(self.port)


DAMAGES = {
    "section removed": lambda config, live: config.application("PLANT", "# nothing\n"),
    "zero length": lambda config, live: config.application("PLANT", ""),
    "file removed": lambda config, live: config.application_file("PLANT").unlink(),
    "level removed": lambda config, live: config.application("PLANT", tls_server(live, None)),
    "level misspelt": lambda config, live: config.application("PLANT", tls_server(live, "Nnoe")),
    "section misspelt": lambda config, live: config.application(
        "PLANT", tls_server(live, "None").replace("TLS_Server", "TLS_Sever")),
    "unreadable text": lambda config, live: config.application("PLANT", "[TLS_Server\n"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_nothing_becomes_weaker_because_something_vanished(plant, certificates, pairs, damage):
    live = install(plant, certificates, pairs, by_rename)
    kernel = plant.start_kernel()
    with PlainTrier(plant.port) as plain, Connector(plant.port) as connector:
        eventually(lambda: plain.tries > 1 and connector.pins)
        DAMAGES[damage](plant.server_config, live)
        kernel.wait_for_log(r"(ERROR|WARNING): .*cfg_PLANT\.conf")
        tries, connects = plain.tries, len(connector.pins)
        eventually(lambda: plain.tries > tries + 10 and len(connector.pins) > connects + 10)
    assert plain.got_in == 0
    assert connector.refused == []


def test_a_level_falls_where_the_file_says_so(plant, certificates, pairs):
    live = install(plant, certificates, pairs, by_rename)
    plant.start_kernel()
    assert refused_in_plain(plant.port)
    plant.server_config.application("PLANT", tls_server(live, "None"))
    with protocol.Link(plant.port, tls=False) as link:
        link.register()
    plant.server_config.application("PLANT", tls_server(live, "TLSNoPeerAuth"))
    assert refused_in_plain(plant.port)


def test_a_clients_list_is_read_at_its_connect(plant, certificates, pairs):
    install(plant, certificates, pairs, by_rename)
    plant.start_kernel()
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", pairs[1].cert))
    assert plant.tell("processes").exit_code == 4
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", pairs[0].cert))
    assert plant.tell("processes").exit_code == 0
