"""Arrays and structures: values with many cells, from their source to their readers and the store."""

import csv
import io
import json
import math
import struct

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually
from d2k_test.programs import BUILD
from d2k_test.protocol import ARRAY, BOOLEAN, INTEGER, REAL, STRUCTURE, TEXT

WRITABLE = 12
TABLE_BYTES_MAX, ROWS_MAX = 61_440, 10_000
TANK = [(REAL, "Temp"), (TEXT, "Name")]
OF_REALS = protocol.columns((REAL, ""))
OF_TANKS = protocol.columns(*TANK)


RULES = ("[Rights\\10]\nProcess = *.TEL\nAllow = set, define\n"
         "[Rights\\20]\nProcess = TABLES.API\nAllow = set\n")


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"), RULES)
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


@pytest.fixture
def owner(plant, kernel):
    with protocol.Link(plant.port) as link:
        link.register("OWNER.KOM", flags=0)
        link.sequence = 0
        yield link


def of(columns):
    return protocol.property_list({protocol.COLUMNS: columns})


def define(link, name, kind, columns, more=b""):
    return link.define(name, kind, of(columns) + more)


def publish(link, hobj, kind, content):
    link.sequence += 1
    link.send_bytes(protocol.encode("Update", values=protocol.value_record(
        hobj, kind, content, sequence=link.sequence)))


def administrator(plant):
    link = protocol.Link(plant.directory / "run/PLANT.sock")
    link.register("ADMIN.API", flags=0)
    return link


def read(link, name):
    """(type, content) of the value; None: it has none."""
    request, found = link.send("Read", pattern=name), None
    while True:
        message = link.receive()
        if message.name == "Update" and message.request == request:
            (_, kind, _, _, content), = protocol.value_records(message.values)
            found = (kind, content) if kind else None
        elif message.name == "Done" and message.request == request:
            return found


def refusal(link, request=None):
    """(code, sentence) of the refusal of a request, or of the next one."""
    message = link.answer(request) if request else link.receive()
    assert message.name in ("Failed", "WriteResult"), message
    return next(n for n, c in protocol.CODES.items() if c == message.code), message.sentence


def test_what_is_published_arrives_byte_by_byte(plant, owner):
    with protocol.Link(plant.port) as reader:
        reader.register("READER.HIP", flags=0)
        numbers = define(owner, "T.Numbers", ARRAY, OF_REALS)
        tanks = define(owner, "T.Tanks", STRUCTURE, OF_TANKS)
        reader.subscribe("T.*")
        for hobj, kind, content in [
                (numbers, ARRAY, protocol.array(REAL, 1.5, None, -2, low=-7)),
                (numbers, ARRAY, protocol.array(REAL)),
                (tanks, STRUCTURE, protocol.table(TANK, [(81.5, "Feed"), (None, "žltá"), (0, None)])),
                (tanks, STRUCTURE, protocol.table(TANK, []))]:
            publish(owner, hobj, kind, content)
            (got, got_kind, _, _, got_content), = protocol.value_records(reader.expect("Update").values)
            assert (got, got_kind, got_content) == (hobj, kind, content)


def test_a_reader_is_told_the_columns(plant, owner):
    define(owner, "Tanks", STRUCTURE, OF_TANKS)
    owner.send("ListObjects", pattern="Tanks")
    assert protocol.properties(owner.expect("ObjectInfo").properties)[protocol.COLUMNS] == OF_TANKS


@pytest.mark.parametrize("kind, columns, said", [
    (ARRAY, b"", "it is not said what type its elements have"),
    (STRUCTURE, b"", "it is not said what columns it has"),
    (INTEGER, OF_REALS, "only an Array or a Structure has columns"),
    (ARRAY, OF_TANKS, "an Array has one column, without a name"),
    (ARRAY, protocol.columns((ARRAY, "")), "its elements have the type Array, which is no simple one"),
    (STRUCTURE, OF_REALS, 'column 1: "" is no name of a column'),
    (STRUCTURE, protocol.columns((REAL, "T"), (TEXT, "t")), "column 2: there are two columns t"),
    (STRUCTURE, protocol.columns(*[(REAL, f"C{i}") for i in range(65)]), "65 columns, 1 to 64 are allowed"),
    (STRUCTURE, OF_TANKS + b"x", "1 bytes stand behind the last column"),
    (STRUCTURE, OF_TANKS[:-1], "the columns end before they are complete")],
    ids=["no_type", "no_columns", "number", "named", "within", "nameless", "twice", "65", "more", "cut"])
def test_columns_that_are_none_are_refused(owner, kind, columns, said):
    request = owner.send("Define", type=kind, name="A", description="", unit="", properties=of(columns))
    code, sentence = refusal(owner, request)
    assert code == "BAD_VALUE" and sentence.startswith("object A: ") and said in sentence


def test_the_most_columns_are_taken(owner):
    columns = [(BOOLEAN, f"C{i}" + "x" * (64 - len(f"C{i}"))) for i in range(64)]
    hobj = define(owner, "A", STRUCTURE, protocol.columns(*columns))
    content = protocol.table(columns, [[True] * 64] * 2)
    publish(owner, hobj, STRUCTURE, content)
    assert read(owner, "A") == (STRUCTURE, content)


@pytest.mark.parametrize("content, said", [
    (protocol.array(INTEGER, 1), "object A: the value has elements of type Integer, not Real"),
    (protocol.array(TEXT), "object A: the value has elements of type Text, not Real")],
    ids=["integers", "texts"])
def test_a_value_with_other_elements_is_refused(owner, content, said):
    hobj = define(owner, "A", ARRAY, OF_REALS)
    publish(owner, hobj, ARRAY, protocol.array(REAL, 1))
    publish(owner, hobj, ARRAY, content)
    assert refusal(owner) == ("BAD_TYPE", said)
    assert read(owner, "A") == (ARRAY, protocol.array(REAL, 1))


@pytest.mark.parametrize("columns, said", [
    ([(REAL, "Temp")], "it has 1 columns, not 2"),
    ([(REAL, "Temp"), (INTEGER, "Name")], "column 2 is Name of type Integer, not Name of type Text"),
    ([(REAL, "Temp"), (TEXT, "name")], "column 2 is name of type Text, not Name of type Text")])
def test_a_value_with_other_columns_is_refused(owner, columns, said):
    hobj = define(owner, "A", STRUCTURE, OF_TANKS)
    publish(owner, hobj, STRUCTURE, protocol.table(columns, [[None] * len(columns)]))
    assert refusal(owner) == ("BAD_TYPE", f"object A: {said}")
    assert read(owner, "A") is None


def bad_cell():
    content = protocol.array(REAL, 1.0, 2.0)
    return content[:-8] + struct.pack("<d", float("inf"))


@pytest.mark.parametrize("content, said", [
    (bad_cell(), "element 2: a Real must be finite"),
    (protocol.array(REAL, 1)[:-1] + b"", "before its content is complete"),
    (struct.pack("<I", 2**32 - 1), "before its content is complete"),
    (protocol.array(BOOLEAN, *[True] * (ROWS_MAX + 1)), "10001 rows, at most 10000 are allowed"),
    (protocol.array(TEXT, "x" * TABLE_BYTES_MAX), "at most 61440 are allowed")],
    ids=["cell", "cut", "past_end", "rows", "bytes"])
def test_a_malformed_table_ends_the_link(plant, kernel, owner, content, said):
    hobj = define(owner, "A", ARRAY, OF_REALS)
    publish(owner, hobj, ARRAY, content)
    bye = owner.wait_end()
    assert bye.name == "Bye" and bye.code == protocol.CODES["PROTOCOL"] and said in bye.sentence
    kernel.wait_for_log(said)
    with protocol.Link(plant.port) as other:
        other.register("OTHER.API", flags=0)


def test_the_largest_tables_are_taken(plant, owner):
    with protocol.Link(plant.port) as reader:
        reader.register("READER.HIP", flags=0)
        reader.subscribe("T.*", mode=1)
        many = define(owner, "T.Many", ARRAY, protocol.columns((BOOLEAN, "")))
        long = define(owner, "T.Long", ARRAY, protocol.columns((TEXT, "")))
        largest = protocol.array(TEXT, "x" * (TABLE_BYTES_MAX - 8 - 4 - 1 - 4))
        assert struct.unpack_from("<I", largest) == (TABLE_BYTES_MAX,)
        for hobj, content in (many, protocol.array(BOOLEAN, *[True] * ROWS_MAX)), (long, largest):
            publish(owner, hobj, ARRAY, content)
            (got, _, _, _, got_content), = protocol.value_records(reader.expect("Update").values)
            assert (got, got_content) == (hobj, content)


# ---- user variables ----

def configure(admin, name, kind, columns, **more):
    answer = admin.answer(admin.configure(name, kind, of=columns, **more))
    assert answer.name == "Defined", answer
    return answer.hobj


def test_a_user_variable_survives_a_kill(plant, kernel):
    tanks = protocol.table(TANK, [(1.25, "A"), (None, "")], low=0)
    with administrator(plant) as admin:
        hobj = configure(admin, "Tanks", STRUCTURE, OF_TANKS)
        configure(admin, "Numbers", ARRAY, OF_REALS, default=protocol.array(REAL, 1, 2))
        assert read(admin, "Tanks") is None
        assert read(admin, "Numbers") == (ARRAY, protocol.array(REAL, 1, 2))
        assert admin.answer(admin.write(hobj, tanks, STRUCTURE)).outcome == 0
    kernel.wait_for_log(r"AUDIT - ADMIN.API .* writes object Tanks \(- -> "
                        r'{"low":0,"values":\[{"Temp":1.25,"Name":"A"},.*\): done')
    kernel.kill()
    plant.start_kernel()
    with administrator(plant) as admin:
        assert read(admin, "Tanks") == (STRUCTURE, tanks)
        assert read(admin, "Numbers") == (ARRAY, protocol.array(REAL, 1, 2))
        admin.send("ListObjects", pattern="Tanks")
        assert protocol.properties(admin.expect("ObjectInfo").properties)[protocol.COLUMNS] == OF_TANKS


def test_a_write_of_other_columns_is_refused_and_nothing_is_stored(plant, kernel):
    with administrator(plant) as admin:
        hobj = configure(admin, "Numbers", ARRAY, OF_REALS)
        refused = refusal(admin, admin.write(hobj, protocol.array(INTEGER, 1), ARRAY))
        assert refused == ("BAD_TYPE", "object Numbers: the value has elements of type Integer, not Real")
        assert read(admin, "Numbers") is None
        refused = refusal(admin, admin.configure("Other", ARRAY, of=OF_REALS,
                                                 default=protocol.array(INTEGER, 1)))
        assert refused == ("BAD_VALUE", "object Other: its default is not a value of type Array: "
                                        "the value has elements of type Integer, not Real")


@pytest.mark.parametrize("default", [None, protocol.array(TEXT, "new")], ids=["none", "default"])
def test_new_columns_take_the_value_away(plant, kernel, default):
    expected = default and (ARRAY, default)
    with administrator(plant) as admin:
        hobj = configure(admin, "A", ARRAY, OF_REALS)
        assert admin.answer(admin.write(hobj, protocol.array(REAL, 1), ARRAY)).outcome == 0
        configure(admin, "A", ARRAY, OF_REALS, description="its value stays")
        assert read(admin, "A") == (ARRAY, protocol.array(REAL, 1))
        assert configure(admin, "A", ARRAY, protocol.columns((TEXT, "")), default=default) == hobj
        assert read(admin, "A") == expected
    kernel.kill()
    plant.start_kernel()
    with administrator(plant) as admin:
        assert read(admin, "A") == expected
        assert admin.answer(admin.write(hobj, protocol.array(TEXT, "x"), ARRAY)).outcome == 0


# ---- beyond one value ----

def test_the_history_keeps_tables(owner):
    hobj = define(owner, "A", ARRAY, OF_REALS, protocol.property_u32(protocol.HISTORY, 2))
    contents = [protocol.array(REAL, *range(size)) for size in range(3)]
    for content in contents:
        publish(owner, hobj, ARRAY, content)
    request = owner.send("History", name="A", count=0)
    found = b""
    while (message := owner.receive()).name != "Done":
        assert message.request == request
        found += message.values if message.name == "Update" else b""
    assert [r[4] for r in protocol.value_records(found)] == contents[1:]


def test_an_expression_that_names_a_table_is_refused(plant, owner):
    define(owner, "Numbers", ARRAY, OF_REALS)
    with administrator(plant) as admin:
        code, sentence = refusal(admin, admin.compute("Sum", "1 + Numbers"))
        assert code == "BAD_TYPE" and "column 5: Numbers has the type Array" in sentence
        properties = of(OF_REALS) + protocol.property_list({protocol.EXPRESSION: b"1"}) + \
            protocol.property_u8(protocol.KIND, protocol.COMPUTED)
        request = admin.send("Configure", type=ARRAY, name="C", description="", unit="",
                             properties=properties)
        assert refusal(admin, request) == ("BAD_TYPE", "object C: a computed object cannot have the type Array")


def test_a_computed_object_follows_the_cells_that_it_names(plant, owner):
    numbers, tanks = define(owner, "Numbers", ARRAY, OF_REALS), define(owner, "Tanks", STRUCTURE, OF_TANKS)
    with administrator(plant) as admin, protocol.Link(plant.port) as reader:
        reader.register("READER.HIP", flags=0)
        answer = admin.answer(admin.compute("Sum", "Numbers[2] + Tanks[1].Temp", REAL))
        assert answer.name == "Defined", answer
        reader.subscribe("Sum", mode=1)

        def computed_is(number):
            """None: it is not valid. Several values may come in one frame."""
            last = math.inf
            while last != number:
                for _, _, status, _, content in protocol.value_records(reader.expect("Update").values):
                    last = struct.unpack("<d", content)[0] if status & 1 else None
        publish(owner, numbers, ARRAY, protocol.array(REAL, 1, 2))
        publish(owner, tanks, STRUCTURE, protocol.table(TANK, [(40, "A"), (7, "B")]))
        computed_is(42)
        publish(owner, tanks, STRUCTURE, protocol.table(TANK, [(None, "A")]))
        computed_is(None)
        publish(owner, tanks, STRUCTURE, protocol.table(TANK, [(1, "C")]))
        computed_is(3)
        code, sentence = refusal(admin, admin.compute("Other", "Tanks[1].Level"))
        assert code == "BAD_TYPE" and "Tanks has no column Level" in sentence


def test_a_command_with_a_table_reaches_its_owner(plant, owner):
    with protocol.Link(plant.port) as writer:
        writer.register("WRITER.HIP", flags=0)
        hobj = define(owner, "Recipe", STRUCTURE, OF_TANKS, protocol.property_u8(WRITABLE, 1))
        content = protocol.table(TANK, [(7, "x")])
        request = writer.write(hobj, content, STRUCTURE)
        command = owner.expect("Write")
        size, = struct.unpack_from("<I", command.fields["value"])
        (got, kind, _, _, got_content), = protocol.value_records(command.fields["value"][:4 + size])
        assert (got, kind, got_content) == (hobj, STRUCTURE, content)
        owner.send_bytes(protocol.encode(
            "WriteResult", command.request, writer_instance=command.writer_instance,
            writer_counter=command.writer_counter, outcome=0, code=0, sentence=""))
        assert writer.answer(request).outcome == 0
        wrong = writer.write(hobj, protocol.array(REAL, 1), ARRAY, counter=2)
        assert refusal(writer, wrong)[0] == "BAD_TYPE"


# ---- d2k-tell ----

TANKS_TEXT = '[{"Temp":81.5,"Name":"Feed"},{"Temp":null,"Name":"\\"žltá\\", mix"}]'


def tell(plant, *words, exit_code=0):
    ended = plant.tell(*words)
    assert ended.exit_code == exit_code, f"{words}\n{ended.stdout}\n{ended.stderr}"
    return ended


def test_what_is_set_is_shown_in_every_form(plant, kernel):
    tell(plant, "define", "Tanks", "Structure", "--columns=Temp Real, Name Text")
    tell(plant, "define", "Profile", "array", "--of=absolute time", '--default={"low":0,"values":[null]}')
    assert [(o["name"], o["type"], o["columns"]) for o in plant.tell_json("list", "Tanks", "Profile")] == [
        ("Profile", "Array", "Absolute time"), ("Tanks", "Structure", "Temp Real, Name Text")]
    tell(plant, "set", "Tanks", "[]")
    watch = plant.start_tell("watch", "Tanks")
    watch.wait_for_value(lambda v: v["value"] == [])
    tell(plant, "set", "Tanks", TANKS_TEXT)
    value = watch.wait_for_value(lambda v: v["value"] != [])
    assert value["type"] == "Structure" and value["value"] == json.loads(TANKS_TEXT)
    shown, = plant.tell_json("get", "Tanks")
    assert shown["value"] == json.loads(TANKS_TEXT) and shown["status"] == ["Valid"]
    assert TANKS_TEXT in tell(plant, "get", "Tanks").stdout
    records = list(csv.DictReader(io.StringIO(
        tell(plant, "watch", "--csv", "--count=1", "Tanks").stdout)))
    assert [r["value"] for r in records] == [TANKS_TEXT]
    profile, = plant.tell_json("get", "Profile")
    assert profile["value"] == {"low": 0, "values": [None]} and "Default" in profile["status"]
    tell(plant, "set", "Profile", '["2022-09-23T07:48:11.000000001Z"]')
    assert plant.tell_json("get", "Profile")[0]["value"] == ["2022-09-23T07:48:11.000000001Z"]


@pytest.mark.parametrize("words, said", [
    (["set", "Tanks", "[1]"], "Tanks: character 2: expected '{', found '1'"),
    (["set", "Tanks", '[{"Temp":"hot","Name":""}]'], "Tanks: row 1, column Temp: character 10: expected a number"),
    (["set", "Tanks", '[{"Temp":1}]'], "Tanks: row 1: the column Name is missing"),
    (["set", "Tanks", ""], "Tanks: character 1: expected '[', found the end"),
    (["define", "A", "Array"], "A: of: an Array has a type of its elements"),
    (["define", "A", "Array", "--of=Structure"], "which is no simple one"),
    (["define", "A", "Real", "--of=Real"], 'A: of: "Real" is the type of elements: of an Array only'),
    (["define", "A", "Structure"], "A: columns: a Structure has columns"),
    (["define", "A", "Structure", "--columns=Temp"], 'A: columns: "Temp" is no column'),
    (["define", "A", "Structure", "--columns=Temp Float"], 'A: columns: "Float" is no type'),
    (["define", "A", "Structure", "--columns=T Real, t Real"], "column 2: there are two columns t"),
    (["define", "A", "Array", "--of=Real", "--default=[1,x]"], "A: default: element 2: character 4"),
    (["define", "A", "Array", "--of=Real", "--computed=1"], "a computed object cannot have the type Array")])
def test_a_mistake_is_told_with_its_place(plant, kernel, words, said):
    tell(plant, "define", "Tanks", "Structure", "--columns=Temp Real, Name Text")
    ended = plant.tell(*words)
    assert ended.exit_code != 0 and said in ended.stderr, ended.stderr
    assert plant.tell_json("get", "Tanks")[0]["value"] is None
    assert plant.tell("get", "A").exit_code == 1


def test_what_is_exported_is_imported_without_loss(plant, kernel):
    tell(plant, "define", "Profile", "Array", "--of=Relative time", "--default=[1.5,null]", "--history=3")
    tell(plant, "define", "Tanks", "Structure", "--columns=  Temp Real,Name  Text , At Absolute time ",
         '--default=[{"Temp":1,"Name":"a,\\"b\\"","At":null}]', "--writable")
    exported = tell(plant, "export", "Profile", "Tanks").stdout
    first, second = csv.DictReader(io.StringIO(exported))
    assert (first["type"], first["of"], first["columns"], first["default"]) == (
        "Array", "Relative time", "", "[1.500000000,null]")
    assert (second["type"], second["of"], second["columns"]) == (
        "Structure", "", "Temp Real, Name Text, At Absolute time")
    file = plant.directory / "plant.csv"
    file.write_text(exported, encoding="utf-8", newline="")
    tell(plant, "delete", "Profile", "Tanks")
    assert "2 objects defined, 0 lines refused" in tell(plant, "import", str(file)).stdout
    assert tell(plant, "export", "Profile", "Tanks").stdout == exported
    assert plant.tell_json("get", "Tanks")[0]["value"] == [{"Temp": 1, "Name": 'a,"b"', "At": None}]


# ---- libd2k ----

def test_a_process_of_the_library_has_tables(plant, kernel):
    tell(plant, "define", "Recipe", "Structure", "--columns=Temp Real, Name Text", "--writable")
    program = plant.start_program(BUILD / "tests/programs/table_program", *plant.client_command(
        "d2k-tell")[1:], "/WTABLES")
    eventually(lambda: "ok: structure published" in program.stdout)
    eventually(lambda: [v["value"] for v in plant.tell_json("get", "T.*")] == [
        [0, None], [{"Temp": 81.5, "Name": "Feed"}]])
    assert [v["value"] for v in plant.tell_json("history", "T.Profile")] == [[], [0], [0, None]]
    recipe, = plant.tell_json("get", "Recipe")
    assert recipe["value"] == {"low": 0, "values": [{"Temp": 1, "Name": "a"}, {"Temp": None, "Name": "b"}]}

    tell(plant, "set", "T.Tanks", '[{"Name":"x","Temp":7}]')
    eventually(lambda: 'command: [{"Temp":7,"Name":"x"}]' in program.stdout)
    assert plant.tell_json("get", "T.Tanks")[0]["value"] == [{"Temp": 7, "Name": "x"}]
    assert "WRONG" not in program.stdout
    kernel.stop()
    assert program.wait() == 0
