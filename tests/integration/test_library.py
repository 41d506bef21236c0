"""libd2k as its users get it: what it exports and needs, and the two example programs."""

import os
import re
import signal
import subprocess

import pytest

from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually
from d2k_test.programs import BUILD, REPOSITORY, Logged

LIBRARY = BUILD / "src/client/libd2k.so"
SANITIZED = bool(os.environ.get("D2K_SANITIZER"))


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer adds symbols and libraries of its own")
def test_only_names_of_d2k_are_exported():
    symbols = [line.split() for line in output(
        "nm", "-D", "--defined-only", "--format=posix", LIBRARY).splitlines()]
    names = {words[0].split("@")[0] for words in symbols}
    assert "d2k_client_connect" in names
    assert [name for name in names if not name.startswith("d2k_")] == []


@pytest.mark.skipif(SANITIZED, reason="a sanitizer adds symbols and libraries of its own")
def test_it_needs_openssl_cares_and_libc_only():
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", LIBRARY)))
    base = {re.sub(r"\.so.*", "", name) for name in needed}
    assert base <= {"libssl", "libcrypto", "libcares", "libc", "libm", "ld-linux-x86-64",
                    "ld-linux-aarch64"}, needed


def test_it_has_a_version():
    assert "libd2k.so.1" in output("readelf", "-d", LIBRARY)
    pkg_config = (BUILD / "meson-private/d2k.pc").read_text(encoding="utf-8")
    assert "-ld2k" in pkg_config and "Version: 1.0.0" in pkg_config


def test_every_exported_name_is_declared_in_a_public_header():
    headers = "".join(path.read_text(encoding="utf-8") for path in
                      (REPOSITORY / "include/d2k").glob("*.h"))
    names = {line.split()[0] for line in output(
        "nm", "-D", "--defined-only", "--format=posix", LIBRARY).splitlines()}
    undeclared = [name for name in names if name.startswith("d2k_")
                  and not re.search(rf"\b{name}\b", headers)]
    assert undeclared == []


class Example(Logged):
    """An example program; its log is its standard error."""

    def log_text(self):
        return self.stderr


@pytest.fixture
def start_example(plant, other_identity):
    plant.server_config.application("PLANT", tls_server(other_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", other_identity.cert))
    plant.start_kernel()

    def start(name, *parameters):
        return plant.start_client(BUILD / "examples" / name, *parameters, kind=Example)
    return start


def test_the_examples_publish_and_subscribe(plant, start_example):
    publisher = start_example("publisher")
    publisher.wait_for_log(r"CLIENT - Connection established .*\[TLSv1\.3 VERIFIED\]\.")
    subscriber = start_example("subscriber", "Example.*")
    eventually(lambda: re.search(r"Example\.Count = \d+", subscriber.stdout))
    for program in (subscriber, publisher):
        program.signal(signal.SIGTERM)
        assert program.wait() == 0, program.stderr
    states = {p["name"]: p["state"] for p in plant.tell_json("processes") if ".API" in p["name"]}
    assert set(states.values()) == {"Stop"}, states


def test_the_examples_explain_their_parameters(start_example):
    for name in ("publisher", "subscriber"):
        example = start_example(name, "/?", "--nonsense")
        assert example.wait() == 0 and "@<application>" in example.stdout
