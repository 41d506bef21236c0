"""The last changes of objects, which the kernel keeps in memory."""

import csv
import io
import json
import struct

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server

USAGE = 2
CODES = protocol.CODES
RULE = "[Rights\\1]\nProcess = *.API\nObject = Secret.*\nDeny = see\n"


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", "History_Entries = 20\n", tls_server(seed_identity),
                                    RULE)
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


@pytest.fixture
def owner(plant, kernel):
    with protocol.Link(plant.port) as link:
        link.register("OWNER.KOM", flags=0)
        yield link


def publish(owner, hobj, first, last):
    """Values first..last, each with its content as its sequence; waits until they are taken."""
    for content in range(first, last + 1):
        owner.publish(hobj, content, content)
    settle(owner)


def settle(owner):
    owner.send("Ping", data=b"x")
    owner.expect("Pong")


def answer(link, name, count=0):
    """Contents of the history; or the code and sentence of a refusal."""
    request = link.send("History", name=name, count=count)
    contents, info = [], None
    while True:
        message = link.receive()
        if message.name == "Failed":
            return message.code, message.sentence
        if message.name == "Done":
            assert message.count == len(contents) and info.fields["name"] == name
            return contents
        assert message.request == request
        if message.name == "ObjectInfo":
            assert not contents
            info = message
        else:
            contents += [struct.unpack("<q", content)[0] for *_, content
                         in protocol.value_records(message.values)]


def test_the_configuration_and_the_definition_say_how_much_is_kept(owner):
    usual = owner.define("Usual")
    more = owner.define("More", properties=protocol.property_u32(protocol.HISTORY, 30))
    none = owner.define("None", properties=protocol.property_u32(protocol.HISTORY, 0))
    publish(owner, usual, 1, 50)
    publish(owner, more, 51, 100)
    publish(owner, none, 101, 150)
    assert answer(owner, "Usual") == list(range(31, 51))
    assert answer(owner, "More") == list(range(71, 101))
    assert answer(owner, "More", 3) == [98, 99, 100]
    assert answer(owner, "None") == []


def test_a_long_answer_comes_in_pieces(owner):
    long = owner.define("Long", properties=protocol.property_u32(protocol.HISTORY, 10_000))
    publish(owner, long, 1, 10_500)
    owner.send("History", name="Long", count=0)
    frames = [owner.expect("Update") for _ in range(3)]
    assert all(len(frame.values) < 70_000 for frame in frames)
    assert owner.expect("Done").count == 10_000
    assert answer(owner, "Long") == list(range(501, 10_501))


def test_what_is_refused(plant, owner):
    owner.define("Secret.Level")
    code, sentence = answer(owner, "No.Such")
    assert code == CODES["NOT_FOUND"] and sentence == "there is no object No.Such"
    assert answer(owner, "*")[0] == CODES["NOT_FOUND"]
    owner.send("Define", type=protocol.INTEGER, name="Much", description="", unit="",
               properties=protocol.property_u32(protocol.HISTORY, 10_001))
    failed = owner.receive()
    assert failed.code == CODES["BAD_VALUE"] and "at most 10000 changes" in failed.sentence
    owner.send("Define", type=protocol.INTEGER, name="Short", description="", unit="",
               properties=protocol.property_u8(protocol.HISTORY, 1))
    assert owner.receive().code == CODES["BAD_VALUE"]
    with protocol.Link(plant.port) as link:
        link.register("OTHER.API", flags=0)
        for name in "Secret.Level", "Secret.None":
            code, sentence = answer(link, name)
            assert code == CODES["NO_RIGHT"] and "forbids OTHER.API to see" in sentence


def test_d2k_tell_shows_it(plant, owner):
    level = owner.define("Level")
    publish(owner, level, 1, 25)
    lines = plant.tell("history", "Level").stdout.splitlines()
    assert lines[0].split() == ["TIME", "NAME", "VALUE", "UNIT", "STATUS"] and len(lines) == 21
    assert "Level" in lines[1] and " 6 " in lines[1] and lines[-1].endswith("Valid")
    values = [json.loads(line) for line in
              plant.tell("history", "Level", "2", "--json").stdout.splitlines()]
    assert [v["value"] for v in values] == [24, 25] and values[0]["name"] == "Level"
    rows = list(csv.DictReader(io.StringIO(plant.tell("history", "Level", "2", "--csv").stdout)))
    assert [r["value"] for r in rows] == ["24", "25"] and rows[0]["status"] == "Valid"
    assert rows[0]["time"].endswith("Z") and rows[0]["type"] == "Integer"


@pytest.mark.parametrize("words, code, said", [
    (("No.Such",), 1, "there is no object No.Such"),
    (("Act_*",), USAGE, "no object name"),
    (("Act_Client", "0"), USAGE, "must be a number 1..10000"),
    (("Act_Client", "10001"), USAGE, "must be a number 1..10000"),
    (("Act_Client", "--csv", "--json"), USAGE, "--csv belongs to"),
    ((), USAGE, "usage: d2k-tell history NAME [COUNT]"),
])
def test_what_d2k_tell_refuses(plant, kernel, words, code, said):
    result = plant.tell("history", *words)
    assert result.exit_code == code and said in result.stderr, result.stderr


def test_watch_writes_csv(plant, owner):
    publish(owner, owner.define("Level"), 7, 7)
    result = plant.tell("watch", "Level", "--csv", "--count=1")
    row, = csv.DictReader(io.StringIO(result.stdout))
    assert row["name"] == "Level" and row["value"] == "7" and row["sequence"] == "7"
