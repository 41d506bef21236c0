"""One consistent snapshot of many objects: by the protocol and with d2k-tell."""

import csv
import io
import struct
import threading

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server

CODES = protocol.CODES
PATTERNS_MAX, PATTERN_MAX, QUERIES_MAX = 256, 128, 64
TEXT, TEXT_CHARS = 6, 100_000
MANY = 5000  # more than are looked at in one turn
RULE = "[Rights\\1]\nProcess = *.API\nObject = Secret.*\nDeny = see\n"


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "None"), RULE)
    return plant.start_kernel()


@pytest.fixture
def owner(plant, kernel):
    with protocol.Link(plant.port) as link:
        link.register("OWNER.KOM", flags=0)
        yield link


def records(*values):
    """An Update frame of (hobj, content, sequence)."""
    return protocol.encode("Update", values=b"".join(
        protocol.value_record(hobj, protocol.INTEGER, struct.pack("<q", content), sequence=sequence)
        for hobj, content, sequence in values))


def publish(link, *values):
    link.send_bytes(records(*values))
    link.send("Ping", data=b"x")
    link.expect("Pong")


def answer(link, request):
    """{name: content or None} of the answer; or the code and sentence of a refusal."""
    names, contents = {}, {}
    while True:
        message = link.receive()
        assert message.request == request
        if message.name == "Failed":
            return message.code, message.sentence
        if message.name == "Done":
            assert message.count == len(names) == len(contents)
            return {names[hobj]: content for hobj, content in contents.items()}
        if message.name == "ObjectInfo":
            assert message.hobj not in names
            names[message.hobj], contents[message.hobj] = message.fields["name"], None
        else:
            for hobj, kind, _, _, content in protocol.value_records(message.values):
                assert contents[hobj] is None
                contents[hobj] = (struct.unpack("<q", content)[0] if kind == protocol.INTEGER
                                  else content)


def snapshot(link, *patterns):
    return answer(link, link.send("Snapshot", patterns=protocol.text_list(patterns)))


def test_names_and_patterns_are_told_once_each(plant, owner):
    level, flow = owner.define("Tank.Level"), owner.define("Tank.Flow")
    owner.define("Pump")
    publish(owner, (level, 7, 1), (flow, 8, 2))
    assert snapshot(owner, "Tank.*", "PUMP", "tank.level", "No.Such") == {
        "Tank.Level": 7, "Tank.Flow": 8, "Pump": None}
    assert snapshot(owner, "pump", "Tank.Level", "Pump") == {"Pump": None, "Tank.Level": 7}
    assert snapshot(owner, "No.*") == {}


def test_what_is_published_together_is_never_seen_apart(plant, owner):
    """One process publishes two objects, always equal, in one frame, as fast as it can, among so
    many others that a snapshot of all takes several turns; a computed object is their difference."""
    left = owner.define("A.Left")
    for i in range(MANY):
        owner.send("Define", type=protocol.INTEGER, name=f"Many.{i}", description="", unit="",
                   properties=b"")
    for _ in range(MANY):
        owner.expect("Defined")
    right = owner.define("Z.Right")
    publish(owner, (left, 0, 1), (right, 0, 2))
    done = plant.tell_here("define", "Z.Difference", "Integer", "--computed=A.Left - Z.Right")
    assert done.exit_code == 0, done.stderr
    stop, sent = threading.Event(), []

    def publish_all_the_time():
        number = 1
        while not stop.is_set():
            owner.send_bytes(b"".join(
                records((left, n, 2 * n + 1), (right, n, 2 * n + 2))
                for n in range(number, number + 50)))
            number += 50
        sent.append(number)

    publisher = threading.Thread(target=publish_all_the_time)
    seen = set()
    with protocol.Link(plant.port) as link:
        link.register("READER.KOM", flags=0)
        publisher.start()
        try:
            while len(seen) < 50:
                names = snapshot(link, "Z.*", "A.Left")
                assert names["A.Left"] == names["Z.Right"] and names["Z.Difference"] == 0
                seen.add(names["A.Left"])
            for _ in range(10):
                everything = snapshot(link, "*")
                assert everything["A.Left"] == everything["Z.Right"] and len(everything) > MANY
                assert everything["Z.Difference"] == 0
                by_name = snapshot(link, "Z.Right", "Z.Difference", "A.Left")
                assert by_name["A.Left"] == by_name["Z.Right"] >= everything["A.Left"]
        finally:
            stop.set()
            publisher.join()
    assert sent[0] > max(seen)


def publish_texts(owner, numbers, letter, sequence):
    """The longest text in each."""
    content = struct.pack("<I", TEXT_CHARS) + letter * TEXT_CHARS
    for hobj in numbers:
        owner.send_bytes(protocol.encode("Update", values=protocol.value_record(
            hobj, TEXT, content, sequence=sequence)))
        sequence += 1
    owner.send("Ping", data=b"x")
    owner.expect("Pong")


def test_an_answer_that_waits_keeps_its_moment(plant, owner):
    """More than the sockets between them hold; the reader takes it after everything has changed."""
    numbers = [owner.define(f"Long.{i}", TEXT) for i in range(150)]
    publish_texts(owner, numbers, b"a", 1)
    with protocol.Link(plant.port) as link:
        link.register("READER.KOM", flags=0)
        request = link.send("Snapshot", patterns=protocol.text_list(["Long.*"]))
        first = link.receive()
        assert first.name == "ObjectInfo"
        publish_texts(owner, numbers, b"b", 1000)
        letters = []
        while (message := link.receive()).name != "Done":
            assert message.request == request
            if message.name == "Update":
                letters += [content[-1:] for *_, content in protocol.value_records(message.values)]
        assert letters == [b"a"] * 150 and message.count == 150


def test_a_table_that_gets_other_columns_before_it_is_told_is_left_out(plant, owner):
    """Its value of that moment would not fit the definition that is told with it."""
    texts, counts = ([(TEXT, "A")], [(protocol.INTEGER, "B")])
    long = protocol.table(texts, [["x" * 60_000]])

    def define(name, columns):
        return owner.define(name, protocol.STRUCTURE,
                            protocol.property_list({protocol.COLUMNS: protocol.columns(*columns)}))
    numbers = [define(f"Long.{i}", texts) for i in range(300)]
    for sequence, hobj in enumerate(numbers, 1):
        owner.send_bytes(protocol.encode("Update", values=protocol.value_record(
            hobj, protocol.STRUCTURE, long, sequence=sequence)))
    owner.send("Ping", data=b"x")
    owner.expect("Pong")
    with protocol.Link(plant.port) as link:
        link.register("READER.KOM", flags=0)
        link.send("Snapshot", patterns=protocol.text_list(["Long.*"]))
        assert link.receive().name == "ObjectInfo"
        for i in range(300):
            define(f"Long.{i}", counts)
        told = 0
        while (message := link.receive()).name != "Done":
            if message.name == "ObjectInfo":
                columns = protocol.properties(message.fields["properties"])[protocol.COLUMNS]
                assert columns == protocol.columns(*texts)
            else:
                told += 1
        assert told == message.count < 300


def test_what_may_not_be_seen_is_left_out_or_refused(plant, owner):
    owner.define("Secret.Level")
    owner.define("Open")
    assert snapshot(owner, "*e*", "Secret.Level").keys() >= {"Secret.Level", "Open"}
    with protocol.Link(plant.port) as link:
        link.register("OTHER.API", flags=0)
        seen = snapshot(link, "Secret.*", "Open")
        assert seen == {"Open": None}
        for name in "Secret.Level", "Secret.None":
            code, sentence = snapshot(link, "Open", name)
            assert code == CODES["NO_RIGHT"] and "forbids OTHER.API to see" in sentence


def test_what_is_refused(plant, owner):
    code, sentence = answer(owner, owner.send("Snapshot", patterns=b""))
    assert code == CODES["BAD_VALUE"] and "needs a name or a pattern" in sentence
    assert snapshot(owner, "Open", "")[0] == CODES["BAD_VALUE"]
    assert snapshot(owner, "x" * PATTERN_MAX) == {}
    code, sentence = snapshot(owner, "x" * (PATTERN_MAX + 1))
    assert code == CODES["BAD_VALUE"] and "has 129 bytes, allowed are 1 to 128" in sentence
    for malformed in b"\x05\x00abc", b"\x01", b"\x01\x00\xff", b"\x01\x00\x00":
        code, sentence = answer(owner, owner.send("Snapshot", patterns=malformed))
        assert code == CODES["BAD_VALUE"] and "is not UTF-8 text" in sentence
    assert snapshot(owner, *["None.Such"] * PATTERNS_MAX) == {}
    code, sentence = snapshot(owner, *["None.Such"] * (PATTERNS_MAX + 1))
    assert code == CODES["LIMIT"] and "at most 256 names and patterns" in sentence


def test_open_questions_are_limited(plant, owner):
    """All in one go, before the first is answered."""
    one = protocol.encode("Snapshot", 7, patterns=protocol.text_list(["*"]))
    owner.send_bytes(one * (QUERIES_MAX + 1))
    answers = []
    while len(answers) < QUERIES_MAX + 1:
        message = owner.receive()
        answers += [message.name] if message.name in ("Done", "Failed") else []
    assert answers.count("Failed") == 1 and answers.count("Done") == QUERIES_MAX


def test_d2k_tell_shows_it(plant, owner):
    publish(owner, (owner.define("Tank.Level"), 7, 1))
    owner.define("Pump")
    lines = plant.tell_here("--local", "snapshot", "Tank.*", "Pump").stdout.splitlines()
    assert lines[0].split() == ["NAME", "VALUE", "UNIT", "STATUS", "TIME"]
    assert [line.split()[0] for line in lines[1:]] == ["Pump", "Tank.Level"]
    values = plant.tell_here("--local", "snapshot", "Pump", "Tank.Level", "--json")
    assert '"name":"Tank.Level","type":"Integer","unit":"","value":7' in values.stdout
    rows = list(csv.DictReader(io.StringIO(
        plant.tell_here("--local", "snapshot", "tank.level", "Pump", "--csv").stdout)))
    assert [(row["name"], row["value"]) for row in rows] == [("Pump", ""), ("Tank.Level", "7")]
    assert rows[1]["time"].endswith("Z") and rows[1]["status"] == "Valid"


def test_d2k_tell_says_what_is_missing_or_refused(plant, owner):
    owner.define("Pump")
    missing = plant.tell_here("--local", "snapshot", "Pump", "No.Such", "None.*")
    assert missing.exit_code == 1 and missing.stdout.splitlines()[1].startswith("Pump")
    assert missing.stderr == "d2k-tell: there is no object No.Such\n"
    refused = plant.tell_here("--local", "snapshot", "x" * (PATTERN_MAX + 1))
    assert refused.exit_code == 2 and "snapshot: pattern: 1..128 bytes" in refused.stderr
    for words, said in ((), "usage: d2k-tell snapshot NAME|PATTERN..."), (
            ("A", "--csv", "--json"), "--csv belongs to watch, history and snapshot"):
        result = plant.tell_here("snapshot", *words)
        assert result.exit_code == 2 and said in result.stderr
