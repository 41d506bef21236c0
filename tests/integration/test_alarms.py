"""Process alarms: defined, found by the kernel, told, acknowledged; by the protocol and with
d2k-tell."""

import csv
import io
import json
import struct
from contextlib import ExitStack

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server

BOOLEAN, TEXT = 1, 6
LIMITS, ALARM, CRITICAL = (2, 3, 4, 5), 8, 14
VALID, STANDS, WAITS, SILENT, IS_CRITICAL = 0x1, 0x2, 0x4, 0x8, 0x200
NONE, ON, VH_LIMIT = 0, 3, 28
REAL_RECORD = 40
PATTERN_MAX = 128
MANY = 5000  # more than the kernel looks at in one go


@pytest.fixture
def rules():
    return ()


@pytest.fixture
def kernel(plant, seed_identity, rules):
    plant.server_config.application("PLANT", tls_server(seed_identity, "None"), *rules)
    return plant.start_kernel()


@pytest.fixture
def link(plant, kernel):
    """A function that connects a process."""
    with ExitStack() as stack:
        def connect(name="OWNER.KOM", local=False):
            place = plant.directory / "run/PLANT.sock" if local else plant.port
            connected = stack.enter_context(
                protocol.Link(place, tls=False))
            connected.register(name, flags=0)
            return connected
        yield connect


def alarms(*numbers, critical=False):
    mask = sum(1 << number for number in numbers)
    return (protocol.property_u32(ALARM, mask) +
            (protocol.property_u8(CRITICAL, 1) if critical else b""))


def limits(*numbers):
    return b"".join(struct.pack("<HHd", key, 8, number) for key, number in zip(LIMITS, numbers))


def told(link):
    """(size of the record, status, process alarm, has it a time) of the next value."""
    record = link.expect("Update").values
    (_, _, status, _, content), = protocol.value_records(record)
    kind = record[8]
    extras = content[{BOOLEAN: 1, protocol.REAL: 8}[kind]:]
    alarm, time_ns = struct.unpack("<xBq", extras) if extras else (NONE, 0)
    return len(record), status, alarm, time_ns != 0


class Publisher:
    def __init__(self, link, name, kind, properties=b""):
        self.link, self.kind, self.sequence = link, kind, 0
        self.hobj = link.define(name, kind, properties)

    def publish(self, value, status=VALID):
        self.sequence += 1
        content = struct.pack("<?" if self.kind == BOOLEAN else "<d", value)
        self.link.send("Update", values=protocol.value_record(
            self.hobj, self.kind, content, status=status, sequence=self.sequence))


def test_the_kernel_finds_the_alarm_and_tells_it(link):
    owner, reader = link(), link("OP.HIP")
    level = Publisher(owner, "Level", protocol.REAL,
                      limits(0, 1, 2, 3) + alarms(VH_LIMIT, critical=True))
    reader.subscribe("Level")
    level.publish(1.5)
    assert told(reader) == (REAL_RECORD, VALID, NONE, False)
    level.publish(9)
    assert told(reader)[1:] == (VALID | STANDS | WAITS | IS_CRITICAL, VH_LIMIT, True)
    level.publish(9, status=0)
    assert told(reader)[1:] == (STANDS | WAITS | SILENT | IS_CRITICAL, VH_LIMIT, True)
    level.publish(1.5)
    assert told(reader)[1:] == (VALID | WAITS | IS_CRITICAL, NONE, True)
    owner.close()
    assert told(reader)[1:] == (WAITS | SILENT | IS_CRITICAL, NONE, True)


def test_without_alarms_a_value_is_as_short_as_ever_and_its_status_that_of_its_publisher(link):
    owner, reader = link(), link("OP.HIP")
    plain = Publisher(owner, "Plain", protocol.REAL)
    reader.subscribe("Plain")
    status = VALID | STANDS | WAITS | SILENT | IS_CRITICAL
    plain.publish(9, status=status)
    assert told(reader) == (REAL_RECORD, status, NONE, False)
    done = owner.answer(owner.send("AcknowledgeAlarm", pattern="Plai*"))
    assert (done.name, done.count) == ("Done", 0)  # there is nothing to acknowledge


@pytest.mark.parametrize("kind, properties, sentence", [
    (TEXT, alarms(ON), "object A: type Text has no process alarms"),
    (TEXT, alarms(), "object A: type Text has no process alarms"),
    (BOOLEAN, alarms(VH_LIMIT), "type Boolean does not give the process alarm 28 (VH_Limit)"),
    (BOOLEAN, alarms(0, ON), "does not give the process alarm 0 (NoAlarm)"),
    (BOOLEAN, alarms(ON, 31), "does not give the process alarm 31 (none has this number)"),
    (protocol.REAL, alarms(VH_LIMIT), "its process alarms are those of limits, and it has none"),
    (BOOLEAN, struct.pack("<HHH", ALARM, 2, 8), "a mask of process alarms has 4 bytes"),
    (BOOLEAN, protocol.property_u8(CRITICAL, 1), "its alarms are to be critical, but it has none"),
    (BOOLEAN, alarms(ON) + protocol.property_u8(CRITICAL, 2), "are critical (1) or not (0)"),
])
def test_definitions_that_ask_for_what_cannot_be(link, kind, properties, sentence):
    owner = link()
    for message in "Define", "Configure":
        asks = link("OP.HIP", local=True) if message == "Configure" else owner
        refused = asks.answer(asks.send(message, type=kind, name="A", description="", unit="",
                                        properties=properties))
        assert refused.name == "Failed" and refused.code == protocol.CODES["BAD_VALUE"]
        assert sentence in refused.sentence


# ---- acknowledgement ----

def acknowledge(link, pattern):
    """The count, or (code, sentence)."""
    answer = link.answer(link.send("AcknowledgeAlarm", pattern=pattern))
    return answer.count if answer.name == "Done" else (answer.code, answer.sentence)


def switch_on(owner, *names):
    """Objects that alarm while they are on, and are."""
    publishers = [Publisher(owner, name, BOOLEAN, alarms(ON)) for name in names]
    for sequence, publisher in enumerate(publishers):
        publisher.sequence = sequence
        publisher.publish(True)
    owner.send("Ping", data=b"x")
    owner.expect("Pong")
    return publishers


def test_a_name_is_acknowledged_and_readers_are_told(link, kernel):
    owner, operator = link(), link("OP.HIP")
    pump, = switch_on(owner, "Pump")
    operator.subscribe("Pump", mode=1)
    operator.take()
    assert acknowledge(link("OTHER.HIP"), "pump") == 1
    while (value := told(operator))[1] & WAITS:
        pass
    assert value[1:3] == (VALID | STANDS, ON)
    assert acknowledge(operator, "Pump") == 0
    pump.publish(False)
    assert told(operator)[1:] == (VALID, NONE, False)
    kernel.wait_for_log(r"AUDIT - OTHER.HIP \[TCP/IP .* acknowledges alarms of pump: done: 1$")
    kernel.wait_for_log(r"AUDIT - OP.HIP \[TCP/IP .* acknowledges alarms of Pump: done: 0$")


def test_an_alarm_is_acknowledged_also_when_its_owner_has_ended(link):
    owner, operator = link(), link("OP.HIP")
    switch_on(owner, "Pump")
    operator.subscribe("Pump", mode=1)
    owner.close()
    while told(operator)[1] & VALID:
        pass
    assert acknowledge(operator, "P*") == 1
    assert told(operator)[1:3] == (STANDS | SILENT, ON)


def test_a_pattern_acknowledges_all_that_wait(link, kernel):
    owner, operator = link(), link("OP.HIP")
    switch_on(owner, "Area1.A", "Area1.B", "Area2.A")
    assert acknowledge(operator, "Area3.*") == 0
    assert acknowledge(operator, "area1.*") == 2
    assert acknowledge(operator, "*") == 1
    assert acknowledge(operator, "*") == 0
    kernel.wait_for_log(r"AUDIT - OP.HIP .* acknowledges alarms of area1.\*: done: 2$")


def test_thousands_are_acknowledged_by_a_pattern(link, kernel):
    owner, operator, leaver = link(), link("OP.HIP"), link("GONE.HIP")
    properties = alarms(ON)
    for i in range(MANY):
        owner.send("Define", type=BOOLEAN, name=f"Many{i}", description="", unit="",
                   properties=properties)
    numbers = [owner.expect("Defined").hobj for _ in range(MANY)]
    records = [protocol.value_record(hobj, BOOLEAN, b"\x01", sequence=sequence + 1)
               for sequence, hobj in enumerate(numbers)]
    owner.send("Update", values=b"".join(records))
    owner.send("Ping", data=b"x")
    owner.expect("Pong")
    leaver.send("AcknowledgeAlarm", pattern="*")
    leaver.close()
    gone = kernel.wait_for_log(r"AUDIT - GONE.HIP .* acknowledges alarms of \*: done: \d+")
    done = int(gone.rpartition("done: ")[2].split()[0])
    assert acknowledge(operator, "Many*") == MANY - done


def test_what_cannot_be_acknowledged(link, kernel):
    owner, operator = link(), link("OP.HIP")
    Publisher(owner, "Plain", BOOLEAN)
    Publisher(owner, "Words", TEXT)
    code = protocol.CODES
    assert acknowledge(operator, "Nowhere") == (
        code["NOT_FOUND"], "there is no object Nowhere")
    assert acknowledge(operator, "plain") == (
        code["BAD_VALUE"], "object Plain has no process alarms")
    assert acknowledge(operator, "Words") == (
        code["BAD_VALUE"], "object Words has no process alarms")
    assert acknowledge(operator, "") == (code["BAD_VALUE"], "the pattern is empty")
    assert acknowledge(operator, "x" * (PATTERN_MAX - 1) + "*") == 0
    kernel.wait_for_log(r"acknowledges alarms of Nowhere: refused: there is no object Nowhere$")
    operator.send("AcknowledgeAlarm", pattern="x" * PATTERN_MAX + "*")
    assert operator.wait_end().code == code["TOO_LARGE"]


RULES = ("[Rights\\10]\nProcess = OP.HIP\nObject = Area1.*\nDeny = set\n",
         "[Rights\\20]\nProcess = OP.HIP\nObject = Hidden.*\nDeny = see\n",
         "[Rights\\30]\nObject = Over\nProcess = OP.HIP\nAllow = set\n")


@pytest.mark.parametrize("rules", [RULES])
def test_whoever_may_set_an_object_may_acknowledge(link, kernel):
    owner, operator, admin = link(), link("OP.HIP"), link("ADMIN.HIP", local=True)
    switch_on(owner, "Area1.A", "Area1.B", "Area2.A", "Hidden.A")
    no_right = protocol.CODES["NO_RIGHT"]
    code, sentence = acknowledge(operator, "Area1.A")
    assert code == no_right and "forbids OP.HIP to set Area1.A" in sentence
    code, sentence = acknowledge(operator, "Area1.*")
    assert code == no_right and "forbids OP.HIP to set Area1.A" in sentence
    code, sentence = acknowledge(operator, "Hidden.A")
    assert code == no_right and "forbids OP.HIP to see Hidden.A" in sentence
    assert acknowledge(operator, "Hidden.*") == 0
    assert acknowledge(operator, "*") == 1
    kernel.wait_for_log(r"OP.HIP .* alarms of \*: done: 1, refused: 2: \[Rights.10\] .* forbids")
    assert acknowledge(link("FREE.HIP"), "*") == 3
    for name in "Over", "Other":
        request = admin.send(
            "Configure", type=BOOLEAN, name=name, description="", unit="",
            properties=protocol.property_text(protocol.EXPRESSION, "Area1.A") + alarms(ON) +
            protocol.property_u8(protocol.KIND, protocol.COMPUTED))
        assert admin.answer(request).name == "Defined"
    assert acknowledge(operator, "Other")[0] == protocol.CODES["NOT_ALLOWED"]
    assert acknowledge(operator, "O*") == 1
    assert acknowledge(admin, "Other") == 1


def test_what_stands_when_the_kernel_starts_again_must_be_acknowledged_anew(plant, link, kernel):
    admin = link("ADMIN.HIP", local=True)
    for name in "Stands", "Went":
        request = admin.send("Configure", type=BOOLEAN, name=name, description="", unit="",
                             properties=alarms(ON))
        hobj = admin.answer(request).hobj
        for content in (b"\x01",) if name == "Stands" else (b"\x01", b"\x00"):
            assert admin.answer(admin.write(hobj, content, kind=BOOLEAN)).code == 0
    assert acknowledge(admin, "Stands") == 1
    kernel.kill()
    plant.start_kernel()
    admin = link("ADMIN.HIP", local=True)
    admin.subscribe("Went")
    assert acknowledge(admin, "Went") == 0
    assert acknowledge(admin, "Stands") == 1


# ---- d2k-tell ----

def level(plant):
    value, = json.loads(plant.tell_here("--local", "get", "Level", "--json").stdout)["values"]
    words = [word for word in value["status"] if "Al" in word]
    return words, value["process_alarm"], value["alarm_time"]


def test_with_d2k_tell_an_alarm_is_defined_shown_and_acknowledged(plant, kernel):
    options = ("--vl=0", "--l=1", "--h=2", "--vh=3", "--default=1.5")
    assert plant.tell_here("define", "Level", "Real", *options, "--alarm=usual",
                           "--critical").exit_code == 0
    assert level(plant) == ([], "NoAlarm", None)
    assert plant.tell_here("--local", "set", "Level", "2.5").exit_code == 0
    value, = json.loads(plant.tell_here("--local", "get", "Level", "--json").stdout)["values"]
    assert level(plant) == (["ProcAlarm", "NoAckPAlarm", "PrAlCrit"], "H_Limit", value["time"])
    shown = plant.tell_here("--local", "get", "Level").stdout
    assert "Valid,ProcAlarm,NoAckPAlarm,PrAlCrit,H_Limit" in shown
    row, = csv.DictReader(io.StringIO(
        plant.tell_here("--local", "watch", "Level", "--csv", "--count=1").stdout))
    assert (row["process_alarm"], row["alarm_time"]) == ("H_Limit", value["time"])
    acknowledged = plant.tell_here("--local", "ack", "Lev*", "Level")
    assert (acknowledged.exit_code, acknowledged.stdout) == (0, "1 alarms acknowledged\n")
    assert level(plant)[0] == ["ProcAlarm", "PrAlCrit"]
    kernel.wait_for_log(r"AUDIT - .* acknowledges alarms of Lev\*: done: 1$")


def test_alarms_are_exported_and_imported(plant, kernel, tmp_path):
    lines = ("name,type,vl,l,h,vh,alarm,critical",
             'A,Real,0,1,2,3,"VH_Limit,vl_limit",yes',
             "B,Boolean,,,,,usual,", "C,Quaternary,,,,,silent,no", "D,Integer,,,,,,")
    (tmp_path / "first.csv").write_text("\n".join(lines) + "\n")
    imported = plant.tell_here("import", str(tmp_path / "first.csv"))
    assert imported.exit_code == 0, imported.stderr
    exported = plant.tell_here("--local", "export").stdout
    rows = {row["name"]: (row["alarm"], row["critical"])
            for row in csv.DictReader(io.StringIO(exported))}
    assert rows == {"A": ("VL_Limit VH_Limit", "yes"), "B": ("On", ""), "C": ("silent", ""),
                    "D": ("", "")}
    (tmp_path / "second.csv").write_text(exported)
    assert plant.tell_here("import", str(tmp_path / "second.csv")).exit_code == 0
    kernel.kill()
    plant.start_kernel()
    assert plant.tell_here("--local", "export").stdout == exported


def test_what_d2k_tell_cannot_acknowledge(plant, kernel):
    assert plant.tell_here("define", "Plain", "Boolean").exit_code == 0
    nothing = plant.tell_here("--local", "ack", "Nowhere*")
    assert (nothing.exit_code, nothing.stdout) == (0, "0 alarms acknowledged\n")
    for words, exit_code, sentence in (
            (["Nowhere"], 1, "Nowhere: there is no object Nowhere"),
            (["Plain"], 2, "Plain: object Plain has no process alarms"),
            ([], 2, "usage: d2k-tell ack NAME|PATTERN..."),
            (["x" * (PATTERN_MAX + 1)], 2, "pattern")):
        refused = plant.tell_here("--local", "ack", *words)
        assert refused.exit_code == exit_code and sentence in refused.stderr, refused.stderr
    over_the_network = plant.tell_here("ack", "Plain", "--json", "/Slocalhost", f"/P{plant.port}")
    assert over_the_network.exit_code == 2 and "ack has no --json" in over_the_network.stderr
