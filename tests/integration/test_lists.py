"""Lists of objects by type, owner, quality, kind and group; by the protocol and with d2k-tell."""

import struct

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server

CODES = protocol.CODES
REAL, TEXT = 3, 6
PATTERN_MAX = 128
RULE = "[Rights\\1]\nProcess = *.API\nObject = Secret.*\nDeny = see\n"


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "None"), RULE)
    return plant.start_kernel()


@pytest.fixture
def owner(plant, kernel):
    """Owns Flow (valid, Line1), Speed (not valid, Line2), Title (no value, no group)."""
    with protocol.Link(plant.port) as link:
        link.register("OWNER.KOM", flags=0)
        flow = link.define("Flow", properties=protocol.property_text(protocol.PATH, "Plant/Line1"))
        speed = link.define("Speed", REAL,
                            protocol.property_text(protocol.PATH, "Plant/Line2"))
        link.define("Title", TEXT)
        link.define("Secret.Flow")
        link.publish(flow, 7, 1)
        link.send_bytes(protocol.encode("Update", values=protocol.value_record(
            speed, REAL, struct.pack("<d", 1.5), status=0, sequence=2)))
        link.send("Ping", data=b"x")
        link.expect("Pong")
        done = plant.tell_here("define", "Wanted", "Integer", "--path=Plant/Line1", "--default=1")
        assert done.exit_code == 0, done.stderr
        assert plant.tell_here("define", "Sum", "Integer", "--computed=Wanted + 1").exit_code == 0
        yield link


def ask(link, pattern, filters):
    """Names of the list; or the code and sentence of a refusal."""
    request, names = link.send("ListObjects", pattern=pattern, properties=filters), []
    while True:
        message = link.receive()
        assert message.request == request
        if message.name == "Failed":
            return message.code, message.sentence
        if message.name == "Done":
            assert message.count == len(names)
            return set(names)
        names.append(message.fields["name"])


u8, text = protocol.property_u8, protocol.property_text
OWN = text(protocol.FILTER_OWNER, "OWNER.*")


@pytest.mark.parametrize("pattern, filters, names", [
    ("*", OWN, {"Flow", "Speed", "Title", "Secret.Flow"}),
    ("*", OWN + u8(protocol.FILTER_TYPE, REAL), {"Speed"}),
    ("*", OWN + u8(protocol.FILTER_QUALITY, 0), {"Flow", "Speed", "Title", "Secret.Flow"}),
    ("*", OWN + u8(protocol.FILTER_QUALITY, 1), {"Flow"}),
    ("*", OWN + u8(protocol.FILTER_QUALITY, 2), {"Speed", "Title", "Secret.Flow"}),
    ("*", u8(protocol.FILTER_KIND, 0), {"Flow", "Speed", "Title", "Secret.Flow"}),
    ("*", u8(protocol.FILTER_KIND, protocol.USER_VARIABLE), {"Wanted"}),
    ("*", u8(protocol.FILTER_KIND, protocol.COMPUTED), {"Sum"}),
    ("*", text(protocol.FILTER_PATH, "plant/*1"), {"Flow", "Wanted"}),
    ("F*", text(protocol.FILTER_PATH, "Plant/*"), {"Flow"}),
    ("*", OWN + text(protocol.FILTER_PATH, ""), {"Title", "Secret.Flow"}),
    ("????*", text(protocol.FILTER_OWNER, "") + u8(protocol.FILTER_KIND, 1), {"Wanted"}),
    ("Flow", u8(protocol.FILTER_QUALITY, 1), {"Flow"}),
    ("Flow", u8(protocol.FILTER_QUALITY, 2), set()),
    ("*", OWN + protocol.property_u32(9999, 1) + u8(protocol.FILTER_TYPE, TEXT), {"Title"}),
])
def test_only_what_fits_all_filters_is_listed(owner, pattern, filters, names):
    assert ask(owner, pattern, filters) == names


def test_what_may_not_be_seen_is_left_out(plant, owner):
    with protocol.Link(plant.port) as link:
        link.register("OTHER.API", flags=0)
        assert ask(link, "*", OWN) == {"Flow", "Speed", "Title"}
        assert ask(link, "Secret.Flow", OWN)[0] == CODES["NO_RIGHT"]


@pytest.mark.parametrize("filters, said", [
    (u8(protocol.FILTER_TYPE, 0), "filter 32 must be one byte from 1 to"),
    (u8(protocol.FILTER_TYPE, 200), "filter 32 must be one byte from 1 to"),
    (u8(protocol.FILTER_QUALITY, 3), "filter 34 must be one byte from 0 to 2"),
    (protocol.property_u32(protocol.FILTER_QUALITY, 1), "filter 34 must be one byte"),
    (u8(protocol.FILTER_KIND, 4), "filter 37 must be one byte from 0 to 3"),
    (text(protocol.FILTER_OWNER, "x" * (PATTERN_MAX + 1)), "filter 33 is a pattern of over 128"),
    (text(protocol.FILTER_PATH, "x" * (PATTERN_MAX + 1)), "filter 38 is a pattern of over 128"),
    (struct.pack("<HH", protocol.FILTER_PATH, 1) + b"\xff", "not UTF-8"),
    (struct.pack("<HH", protocol.FILTER_PATH, 9) + b"x", "ends"),
    (u8(protocol.FILTER_KIND, 1) * 2, "twice"),
])
def test_a_filter_that_is_none_is_refused(owner, filters, said):
    code, sentence = ask(owner, "*", filters)
    assert code == CODES["BAD_VALUE"] and said in sentence, sentence
    longest = text(protocol.FILTER_OWNER, "x" * PATTERN_MAX)
    assert ask(owner, "*", longest) == set()


def test_a_long_list_is_filtered_in_pieces(owner):
    """More objects than are looked at in one turn, of which the last fits."""
    for i in range(5000):
        owner.send("Define", type=protocol.INTEGER, name=f"Many.{i}", description="", unit="",
                   properties=b"")
    owner.send("Define", type=TEXT, name="Many.Text", description="", unit="", properties=b"")
    for _ in range(5001):
        owner.expect("Defined")
    assert ask(owner, "Many.*", u8(protocol.FILTER_TYPE, TEXT)) == {"Many.Text"}


def names_of(plant, *options):
    listed = plant.tell_here("--local", "list", "--names", *options)
    assert listed.exit_code == 0, listed.stderr
    return listed.stdout.split()


def test_d2k_tell_lists_by_all_of_them(plant, owner):
    assert names_of(plant, "--owner=owner.*", "--type=real") == ["Speed"]
    assert names_of(plant, "--owner=OWNER.KOM", "--quality=VALID") == ["Flow"]
    assert names_of(plant, "--kind=user variable") == ["Wanted"]
    assert names_of(plant, "--kind=computed", "S*") == ["Sum"]
    assert names_of(plant, "--path=Plant/Line1") == ["Flow", "Wanted"]
    assert names_of(plant, "--owner=", "--kind=user variable", "--path=") == []
    missing = plant.tell_here("--local", "list", "Flow", "--type=Text")
    assert missing.exit_code == 1 and "there is no matching object Flow" in missing.stderr


@pytest.mark.parametrize("words, said", [
    (("list", "--type=Number"), "is no type; there are Boolean"),
    (("list", "--quality=good"), "--quality=good: allowed: all, valid, invalid"),
    (("list", "--kind=tag"), "--kind=tag: allowed: process, user variable, computed, system tag"),
    (("get", "A", "--type=Real"), "belong to list, not get"),
    (("get", "A", "--path=P"), "belong to define, not get"),
    (("list", "--unit=bar"), "belong to define, not list"),
])
def test_d2k_tell_refuses_what_is_no_filter(plant, kernel, words, said):
    result = plant.tell(*words)
    assert result.exit_code == 2 and said in result.stderr, result.stderr
