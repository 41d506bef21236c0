"""Computed objects: defined, evaluated, stored, refused; by the protocol and with d2k-tell."""

import csv
import io
import json
import sqlite3
import struct

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server

COMPUTED = 1000


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "None"))
    return plant.start_kernel()


def read(plant, *names):
    values = plant.tell_here("--local", "get", *names, "--json")
    assert values.exit_code == 0, values.stderr
    return json.loads(values.stdout)["values"]


def is_valid(value):
    return "Valid" in value["status"]


def define(plant, name, expression, kind="Integer"):
    done = plant.tell_here("define", name, kind, f"--computed={expression}")
    assert done.exit_code == 0, done.stderr


def test_it_follows_its_inputs_and_survives_a_kill(plant, kernel):
    define(plant, "Twice", "2 * Base")
    define(plant, "More", "if Twice > 10 then Twice + 1 else -1")
    assert not is_valid(read(plant, "Twice")[0])
    assert plant.tell_here("define", "Base", "Integer", "--default=4").exit_code == 0
    assert [v["value"] for v in read(plant, "More", "Twice")] == [-1, 8]
    assert plant.tell_here("--local", "set", "Base", "21").exit_code == 0
    before = read(plant, "More", "Twice")
    assert [(v["value"], is_valid(v)) for v in before] == [(43, True), (42, True)]
    kernel.kill()
    plant.start_kernel()
    assert read(plant, "More", "Twice") == before
    assert plant.tell_here("delete", "Base").exit_code == 0
    assert not any(is_valid(v) for v in read(plant, "More", "Twice"))


def test_what_is_wrong_is_told_and_nobody_sets_it(plant, kernel):
    define(plant, "A", "B + 1")
    cycle = plant.tell_here("define", "B", "Integer", "--computed=2 * A")
    assert cycle.exit_code != 0
    assert "object B: it would depend on itself: B needs A, A needs B" in cycle.stderr
    wrong = plant.tell_here("define", "C", "Integer", "--computed=1 + (2")
    assert "object C: expression, column 7: expected an operator or a )" in wrong.stderr
    types = plant.tell_here("define", "C", "Boolean", "--computed=A + 1")
    assert "expected a result of type Boolean, it gives Integer" in types.stderr
    assert "A is computed: nobody sets it" in plant.tell_here("--local", "set", "A", "1").stderr
    kernel.wait_for_log(r"AUDIT - .* configures object A: done")
    kernel.wait_for_log(r"AUDIT - .* configures object B: refused: object B: it would depend")


def test_a_thousand_are_imported_and_exported(plant, kernel, tmp_path):
    """A chain, each line before the one that it needs."""
    lines = [f"C{i},Integer,computed,C{i - 1} + 1" for i in range(COMPUTED, 0, -1)]
    file = tmp_path / "plant.csv"
    file.write_text("name,type,kind,expression\n" + "\n".join(lines) +
                    "\nC0,Integer,user variable,\n", encoding="utf-8")
    imported = plant.tell_here("import", str(file))
    assert imported.stdout == f"{file}: {COMPUTED + 1} objects defined, 0 lines refused\n"
    assert plant.tell_here("--local", "set", "C0", "7").exit_code == 0
    last, = read(plant, f"C{COMPUTED}")
    assert (last["value"], is_valid(last)) == (COMPUTED + 7, True)
    rows = {row["name"]: row for row in
            csv.DictReader(io.StringIO(plant.tell_here("--local", "export").stdout))}
    assert len(rows) == COMPUTED + 1
    assert (rows["C5"]["kind"], rows["C5"]["expression"]) == ("computed", "C4 + 1")


def two_at_once(link):
    """The second is checked before the first is stored."""
    first, second = link.compute("X", "Y"), link.compute("Y", "X")
    return link.answer(first), link.answer(second)


@pytest.mark.parametrize("properties", [
    struct.pack("<HHB", 6, 1, 2),
    struct.pack("<HH", 7, 1) + b"1",
    struct.pack("<HHBHH", 6, 1, 2, 7, 0),
    struct.pack("<HHBHH", 6, 1, 2, 7, 1) + b"\xff",
    struct.pack("<HHBHH", 6, 1, 2, 7, 1) + b"1" + struct.pack("<HHB", 12, 1, 1),
    struct.pack("<HHBHH", 6, 1, 2, 7, 1) + b"1" + struct.pack("<HHq", 13, 8, 1),
])
def test_frames_that_break_a_rule(plant, kernel, properties):
    with protocol.Link(plant.directory / "run/PLANT.sock") as admin:
        admin.register("ADMIN.API", flags=0)
        request = admin.send("Configure", type=protocol.INTEGER, name="A", description="", unit="",
                             properties=properties)
        answer = admin.answer(request)
        assert (answer.name, answer.code) == ("Failed", protocol.CODES["BAD_VALUE"]), answer


def test_a_stored_cycle_does_not_keep_the_kernel_from_starting(plant, kernel):
    """As a kernel leaves it that is killed before the second definition is taken back: the first
    one, which was acknowledged, stays."""
    define(plant, "Y", "1")
    define(plant, "X", "1")
    define(plant, "y", "X")
    kernel.stop()
    with sqlite3.connect(plant.directory / "state/plant.db") as db:
        names = [name for name, in db.execute("SELECT name FROM object ORDER BY id")]
        assert names == ["X", "Y"]  # the one that was defined last, with its first spelling
        (properties,) = db.execute("SELECT properties FROM object WHERE name = 'Y'").fetchone()
        db.execute("UPDATE object SET id = 9, properties = ? WHERE name = 'X'",
                   [properties.replace(b"X", b"Y")])
    kernel = plant.start_kernel()
    kernel.wait_for_log("ERROR: object X: it would depend on itself: X needs Y, Y needs X. It is left out: "
                        "it was refused before the kernel ended. Define it anew.$")
    define(plant, "X", "2")
    assert read(plant, "Y")[0]["value"] == 2
    kernel.kill()
    kernel = plant.start_kernel()
    kernel.stop()
    assert kernel.log_lines("Kernel ended") and not kernel.log_lines("left out")


def test_a_cycle_that_two_requests_make_is_taken_back(plant, kernel):
    with protocol.Link(plant.directory / "run/PLANT.sock") as admin:
        admin.register("ADMIN.API", flags=0)
        first, second = two_at_once(admin)
        assert first.name == "Defined"
        assert (second.name, second.code) == ("Failed", protocol.CODES["CYCLE"])
    kernel.kill()
    plant.start_kernel()
    assert read(plant, "X")[0]["status"] is not None
    assert plant.tell_here("--local", "get", "Y").exit_code == 1
