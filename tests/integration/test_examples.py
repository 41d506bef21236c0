"""The two example programs, run as their comments say."""

import re
import signal
import struct

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually
from d2k_test.programs import BUILD, Logged


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


def said_of(plant, name):
    """Path, limits and history that the kernel tells of an object; None: it is not there."""
    with protocol.Link(plant.directory / "run/PLANT.sock") as link:
        link.register("LOOK.API", flags=0)
        link.send("ListObjects", pattern=name)
        info = link.receive()
        if info.name != "ObjectInfo":
            return None
        said = protocol.properties(info.properties)
    limits = [struct.unpack("<d", said[key])[0] for key in protocol.LIMITS]
    return said[protocol.PATH].decode(), limits, struct.unpack("<I", said[protocol.HISTORY])[0]


def test_what_the_publisher_says_of_its_object_survives_a_restart_of_the_kernel(
        plant, start_example):
    wanted = "Examples", [-0.95, -0.8, 0.8, 0.95], 60
    kernel = plant.programs[0]
    start_example("publisher", "--reconnect")
    eventually(lambda: said_of(plant, "Example.Sine") == wanted)
    kernel.kill()
    plant.start_kernel()
    eventually(lambda: said_of(plant, "Example.Sine") == wanted)


@pytest.mark.parametrize("name", ["publisher", "subscriber"])
def test_the_examples_explain_their_parameters(start_example, name):
    example = start_example(name, "/?", "--nonsense")
    assert example.wait() == 0 and "@<application>" in example.stdout
