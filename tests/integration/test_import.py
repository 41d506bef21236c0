"""d2k-tell define, delete, import and export: the kernel's own objects for people."""

import csv
import io
import time

import pytest

from d2k_test.config import tls_server

DEFINITIONS = 10_000


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    return plant.start_kernel()


def read(plant, name):
    values = plant.tell_here("--local", "get", name, "--json")
    assert values.exit_code == 0, values.stderr
    value, = __import__("json").loads(values.stdout)["values"]
    return value


def write(path, *lines, end="\r\n"):
    path.write_text("".join(line + end for line in lines), encoding="utf-8", newline="")
    return path


def test_define_get_export_and_delete(plant, kernel):
    assert plant.tell_here("define", "Setpoint", "real", "--unit=bar", "--default=1.5",
                "--description=What is wanted, \"exactly\"", "--path=Plant/Line1").exit_code == 0
    value = read(plant, "Setpoint")
    assert (value["value"], value["unit"], value["type"]) == (1.5, "bar", "Real")
    assert "Default" in value["status"]
    rows = list(csv.DictReader(io.StringIO(plant.tell_here("--local", "export").stdout)))
    assert rows == [{"name": "Setpoint", "type": "Real", "of": "", "columns": "", "kind": "user variable",
                     "description": 'What is wanted, "exactly"', "unit": "bar",
                     "path": "Plant/Line1", "default": "1.5", "writable": "",
                     "expression": "",
                      "vl": "", "l": "", "h": "", "vh": "", "history": "",
                      "alarm": "", "critical": ""}]
    assert plant.tell_here("delete", "setpoint").exit_code == 0
    assert plant.tell_here("--local", "get", "Setpoint").exit_code == 1
    gone = plant.tell_here("delete", "Setpoint", "CPU_Load")
    assert gone.exit_code == 1
    assert "Setpoint: there is no object Setpoint" in gone.stderr
    assert "CPU_Load: object CPU_Load is a system tag" in gone.stderr


@pytest.mark.parametrize("words, exit_code, sentence", [
    (["A", "number"], 2, "is no type; there are Boolean"),
    (["A", "Integer", "--default=1.5"], 2, "is no value of type Integer"),
    (["A", "Real", "--vh=high"], 2, "vh: \"high\" is no number"),
    (["A", "Real", "--alarm=usual"], 2, "its process alarms are those of limits, and it has none"),
    (["A", "Text", "--alarm=usual"], 2, "alarm: type Text has no process alarms"),
    (["A", "Text", "--alarm=silent"], 2, "object A: type Text has no process alarms"),
    (["A", "Boolean", "--alarm=loud"], 2, "alarm: \"loud\" is not allowed: usual, silent, or names"),
    (["A", "Boolean", "--alarm=NoAlarm"], 2, "alarm: \"NoAlarm\" is not allowed"),
    (["A", "Boolean", "--alarm=On,Err"], 2, "does not give the process alarm 5 (Err)"),
    (["A", "Boolean", "--critical"], 2, "process alarms are named, or critical, but it has none"),
    (["A", "Real", "--default=nan"], 2, "is no value of type Real"),
    (["A", "Real", "--history=10001"], 2, "history: \"10001\" must be a number 0..10000"),
    (["A", "Real", "--history=-1"], 2, "history: \"-1\" must be a number 0..10000"),
    (["1", "Real"], 2, "a letter first"),
    (["A"], 2, "usage: d2k-tell define NAME TYPE"),
    (["CPU_Load", "Real"], 4, "is a system tag"),
    (["A", "Text", "--description=" + "x" * 513], 2, "over 512 bytes"),
])
def test_definitions_that_break_a_rule(plant, kernel, words, exit_code, sentence):
    refused = plant.tell_here("define", *words)
    assert refused.exit_code == exit_code and sentence in refused.stderr, refused.stderr


def test_a_writable_variable_is_set_by_everybody(plant, kernel):
    over_the_network = [f"/P{plant.port}", "/Slocalhost"]
    for name, *options in (("Open", "--writable"), ("Shut",)):
        assert plant.tell_here("define", name, "Integer", *options).exit_code == 0
    assert plant.tell_here("set", "Open", "1", *over_the_network).exit_code == 0
    assert plant.tell_here("set", "Shut", "1", *over_the_network).exit_code == 4
    rows = csv.DictReader(io.StringIO(plant.tell_here("--local", "export").stdout))
    assert {row["name"]: row["writable"] for row in rows} == {"Open": "yes", "Shut": ""}


def test_options_of_define_belong_to_define(plant, kernel):
    for option in "--unit=bar", "--writable", "--history=5", "--computed=A":
        refused = plant.tell_here("list", option)
        assert refused.exit_code == 2 and "belong to define" in refused.stderr


def test_over_the_network_the_kernel_asks_for_the_right(plant, kernel, seed_identity):
    refused = plant.tell_here("define", "A", "Real", "/Slocalhost", f"/P{plant.port}")
    assert refused.exit_code == 4 and "local socket" in refused.stderr, refused.stderr


def test_what_is_exported_is_imported_without_loss(plant, kernel, tmp_path):
    first = write(
        tmp_path / "first.csv",
        "name,type,description,unit,path,default,writable,vl,l,h,vh,history",
        'Text.Of,Text,"quotes "" and , commas",,"Plant/Ä","two\nlines, ""quoted""",YES,,,,,600',
        "Bool.Of,boolean,,,,true,,,,,,0",
        "Int.Of,INTEGER,,m,,-9223372036854775808,no,,,,,10000",
        "Real.Of,Real,,,,0.1,,-1.5,0,1e+20,1e+21,1",
        "Time.Of,Absolute time,,,,1700000000123456789,,,,,,",
        "Span.Of,Relative time,,,,-1,,,,,,",
        "Line.Of,Line,,,,True,,,,,,",
        "Alarm.Of,Alarm,,,,NoKvit,,,,,,",
        "Station.Of,Station,,,,StHARDERR,,,,,,",
        "Process.Of,Process,,,,Stop,,,,,,",
        "Switch.Of,Quaternary,,,,Q_Osc,,,,,,",
        "Number.Of,Hobj,,,,4294967295,,,,,,",
        "Plain,Real,,,,,,,,,,")
    imported = plant.tell_here("import", str(first))
    assert imported.exit_code == 0, imported.stderr
    assert imported.stdout == f"{first}: 13 objects defined, 0 lines refused\n"
    exported = plant.tell_here("--local", "export")
    second = tmp_path / "second.csv"
    second.write_bytes(exported._stdout.read_bytes())
    names = [row["name"] for row in csv.DictReader(io.StringIO(exported.stdout))]
    assert plant.tell_here("delete", *names).exit_code == 0
    assert plant.tell_here("import", str(second)).exit_code == 0
    assert plant.tell_here("--local", "export").stdout == exported.stdout
    assert read(plant, "Text.Of")["value"] == 'two\nlines, "quoted"'
    assert read(plant, "Station.Of")["value"] == "StHARDERR"
    assert read(plant, "Number.Of")["value"] == 4294967295


def test_a_history_is_kept_exported_and_survives(plant, kernel):
    assert plant.tell_here("define", "Level", "Integer", "--history=3").exit_code == 0
    assert plant.tell_here("define", "Quiet", "Integer", "--history=0").exit_code == 0

    def contents():
        for number in range(5):
            assert plant.tell_here("--local", "set", "Level", str(number)).exit_code == 0
        lines = plant.tell_here("--local", "history", "Level", "--csv").stdout
        return [row["value"] for row in csv.DictReader(io.StringIO(lines))]
    assert contents() == ["2", "3", "4"]
    kernel.kill()
    plant.start_kernel()
    assert contents() == ["2", "3", "4"]
    rows = csv.DictReader(io.StringIO(plant.tell_here("--local", "export").stdout))
    assert {row["name"]: row["history"] for row in rows} == {"Level": "3", "Quiet": "0"}


def test_limits_survive_and_say_where_the_value_stands(plant, kernel):
    assert plant.tell_here("define", "Level", "Real", "--default=5", "--vl=-10", "--l=0", "--h=10",
                "--vh=20.5").exit_code == 0
    assert read(plant, "Level")["limit_status"] == "InLimit"
    assert plant.tell_here("--local", "set", "Level", "20.5").exit_code == 0
    assert "H_Limit" in read(plant, "Level")["status"]
    kernel.kill()
    plant.start_kernel()
    assert read(plant, "Level")["limit_status"] == "H_Limit"
    row, = csv.DictReader(io.StringIO(plant.tell_here("--local", "export").stdout))
    assert (row["vl"], row["l"], row["h"], row["vh"]) == ("-10", "0", "10", "20.5")
    refused = plant.tell_here("define", "Level", "Text", "--l=1")
    assert "only an Integer or a Real has limits" in refused.stderr


def test_a_state_is_set_by_its_name_or_number(plant, kernel):
    assert plant.tell_here("define", "Breaker", "Quaternary", "--default=q_off").exit_code == 0
    assert plant.tell_here("--local", "set", "Breaker", "Q_ON").exit_code == 0
    assert read(plant, "Breaker")["value"] == "Q_On"
    assert plant.tell_here("--local", "set", "Breaker", "4").exit_code == 0
    assert read(plant, "Breaker")["value"] == "Q_Osc"
    for wrong in "5", "Run", "-1", "4294967296":
        refused = plant.tell_here("--local", "set", "Breaker", wrong)
        assert refused.exit_code == 2 and "no value of type Quaternary" in refused.stderr
    assert read(plant, "Breaker")["value"] == "Q_Osc"


def test_each_line_is_done_or_refused_with_its_place(plant, kernel, tmp_path):
    file = write(
        tmp_path / "plant.csv",
        "name,type,unit",
        "Good.One,Real,bar",
        "Bad type,Real,bar",
        "Bad.Type,Number,bar",
        "Too.Few,Real",
        'Bad"Quote,Real,bar',
        "",
        "CPU_Load,Real,%",
        '"Good.Two",Real,"b,ar"')
    imported = plant.tell_here("import", str(file))
    assert imported.exit_code != 0
    assert imported.stdout == f"{file}: 2 objects defined, 5 lines refused\n"
    for line, sentence in [(3, "a letter first"), (4, "is no type"), (5, "2 fields, but"),
                           (6, 'a " in a field'), (8, "is a system tag")]:
        assert f"{file}:{line}: " in imported.stderr, imported.stderr
        assert sentence in imported.stderr
    assert len(imported.stderr.splitlines()) == 5
    assert {o["name"] for o in plant.tell_json("list", "Good*", config=plant.server_config)} == {
        "Good.One", "Good.Two"}


@pytest.mark.parametrize("content, sentence", [
    (b"", "1: the file is empty"),
    (b"name\nA\n", "1: the first line must name the columns"),
    (b"name,type,history\nA,Real,10000\nB,Real,10001\n",
     '3: history: "10001" must be a number 0..10000 of changes, 0 for none'),
    (b"name,type,colour\nA,Real,red\n", '1: column "colour" is not known'),
    (b"name,type,Name\nA,Real,B\n", '1: column "Name" stands there twice'),
    (b"A,Real\n", '1: column "A" is not known'),
    (b"name,type\nA,Real\nB,Re", "3: the last line has no line end: is the file complete?"),
    (b'name,type\nA,Real\nB,"Real\nC,Real\n', '3: the " that is opened in line 3 is not closed'),
    (b"name,type\nA,Real\n\xff,Real\n", "3: "),
    (b"name,type\nA,Real\nB\0,Real\n", "3: name: a NUL stands in it"),
])
def test_files_that_are_no_csv_or_half_written(plant, kernel, tmp_path, content, sentence):
    file = tmp_path / "plant.csv"
    file.write_bytes(content)
    imported = plant.tell_here("import", str(file))
    assert imported.exit_code == 2, imported.stderr
    assert f"{file}:{sentence}" in imported.stderr, imported.stderr
    taken = b"\nA,Real" in content and b"name,type" in content and sentence[0] == "3"
    assert (f"{int(taken)} objects defined, 1 lines refused" in imported.stdout), imported.stdout


def test_files_that_cannot_be_read(plant, kernel, tmp_path):
    missing = plant.tell_here("import", str(tmp_path / "none.csv"))
    assert missing.exit_code == 2 and "No such file" in missing.stderr


def test_ten_thousand_definitions_are_imported_at_once(plant, kernel, tmp_path, record_property):
    file = write(tmp_path / "large.csv", "name,type,description,unit,path,default",
                 *(f"Line{n % 100}.Object{n},Real,Object number {n},bar,Plant/Line{n % 100},{n}"
                   for n in range(DEFINITIONS)))
    begin = time.monotonic()
    imported = plant.tell_here("import", str(file))
    seconds = time.monotonic() - begin
    assert imported.exit_code == 0, imported.stderr
    assert f"{DEFINITIONS} objects defined" in imported.stdout
    record_property("seconds", seconds)
    print(f"{DEFINITIONS} definitions imported in {seconds:.2f} s")
    kernel.kill()
    plant.start_kernel()
    rows = list(csv.DictReader(io.StringIO(plant.tell_here("--local", "export", "Line*").stdout)))
    assert len(rows) == DEFINITIONS
    assert not kernel.log_lines("lines were lost here")
