"""What the kernel stores: user variables with their values, over restarts, kills and full disks.
D2K_LONG=1: 50 kills instead of 5."""

import os
import random
import sqlite3
import struct
import subprocess
import threading
import time

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server
from d2k_test.poll import eventually

LONG = os.environ.get("D2K_LONG") == "1"
KILLS = 50 if LONG else 5
VARIABLES = 20
WINDOW = 16  # writes under way
VALID, MANUAL, DEFAULT_STATUS = 0x1, 0x100, 0x80
TIME_NS = 1_700_000_000_123_456_789


def integer(number):
    return struct.pack("<q", number)


@pytest.fixture
def configured(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    return plant


@pytest.fixture
def kernel(configured):
    return configured.start_kernel()


def database(plant):
    return plant.directory / "state/plant.db"


def administrator(plant, name="ADMIN.API"):
    link = protocol.Link(plant.directory / "run/PLANT.sock")
    link.register(name, flags=0)
    return link


def define(link, name, **more):
    answer = link.answer(link.configure(name, **more))
    assert answer.name == "Defined", answer
    return answer.hobj


def read(link, name):
    """(type, status, content) of the value, None: it has none."""
    request = link.send("Read", pattern=name)
    found = None
    while True:
        message = link.receive()
        if message.name == "Update" and message.request == request:
            (_, kind, status, _, content), = protocol.value_records(message.values)
            found = kind, status, content
        elif message.name == "Done" and message.request == request:
            return found if message.count else "no object"


def refusal(link, request):
    answer = link.answer(request)
    assert answer.name in ("Failed", "WriteResult"), answer
    return next(name for name, code in protocol.CODES.items() if code == answer.code)


def check_database(plant):
    with sqlite3.connect(database(plant)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


# ---- over restarts ----

def test_a_user_variable_survives_a_restart_with_value_time_and_status(configured, kernel):
    with administrator(configured) as admin:
        hobj = define(admin, "Setpoint", description="What is wanted", unit="bar", path="Plant/Line1")
        assert read(admin, "Setpoint") is None
        result = admin.answer(admin.write(hobj, integer(42), status=VALID | MANUAL, time_ns=TIME_NS))
        assert (result.name, result.outcome) == ("WriteResult", 0), result
        assert read(admin, "Setpoint") == (protocol.INTEGER, VALID | MANUAL, integer(42))
    kernel.stop()

    configured.start_kernel()
    with administrator(configured) as admin:
        request = admin.send("Read", pattern="setpoint")
        info, update = admin.expect("ObjectInfo"), admin.expect("Update")
        assert info.request == request and info.hobj == hobj
        assert (info.name, info.fields["name"]) == ("ObjectInfo", "Setpoint")
        assert (info.description, info.unit, info.owner) == ("What is wanted", "bar", "")
        assert protocol.properties(info.properties) == {
            protocol.PATH: b"Plant/Line1", protocol.KIND: bytes([protocol.USER_VARIABLE])}
        record = update.values
        assert protocol.VALUE.unpack_from(record, 4)[5] == TIME_NS
        (_, kind, status, _, content), = protocol.value_records(record)
        assert (kind, status, content) == (protocol.INTEGER, VALID | MANUAL, integer(42))


def test_one_that_is_deleted_and_made_again_at_once_begins_with_its_default(configured, kernel):
    with administrator(configured) as admin:
        admin.answer(admin.write(define(admin, "A"), integer(1)))
        deleted = admin.send("Delete", name="A")
        made = admin.configure("A", default=integer(7))
        assert [admin.answer(request).name for request in (deleted, made)] == ["Done", "Defined"]
        assert read(admin, "A") == (protocol.INTEGER, VALID | DEFAULT_STATUS, integer(7))


def test_a_default_counts_until_somebody_writes(configured, kernel):
    with administrator(configured) as admin:
        hobj = define(admin, "Limit", default=integer(7))
        assert read(admin, "Limit") == (protocol.INTEGER, VALID | DEFAULT_STATUS, integer(7))
        define(admin, "Limit", default=integer(8))
        assert read(admin, "Limit") == (protocol.INTEGER, VALID | DEFAULT_STATUS, integer(8))
        admin.answer(admin.write(hobj, integer(1)))
        define(admin, "Limit", default=integer(9), description="changed")
        assert read(admin, "Limit") == (protocol.INTEGER, VALID, integer(1))
    kernel.kill()
    configured.start_kernel()
    with administrator(configured) as admin:
        assert read(admin, "Limit") == (protocol.INTEGER, VALID, integer(1))


def test_a_value_of_another_type_goes(configured, kernel):
    with administrator(configured) as admin:
        hobj = define(admin, "Some")
        admin.answer(admin.write(hobj, integer(1)))
        assert define(admin, "Some", kind=protocol.REAL) == hobj
        assert read(admin, "Some")[0] == 0
    kernel.kill()
    configured.start_kernel()
    with administrator(configured) as admin:
        assert read(admin, "Some") is None


def test_what_is_deleted_is_gone_and_its_readers_know(configured, kernel):
    with administrator(configured) as admin, protocol.Link(configured.port) as reader:
        reader.register("READER.API", flags=0)
        hobj = define(admin, "Old")
        reader.subscribe("Old")
        done = admin.answer(admin.send("Delete", name="OLD"))
        assert (done.name, done.count) == ("Done", 1)
        assert reader.expect("ObjectGone").hobj == hobj
        assert read(admin, "Old") == "no object"
        assert refusal(admin, admin.send("Delete", name="Old")) == "NOT_FOUND"
        assert refusal(admin, admin.write(hobj, integer(1))) == "NOT_FOUND"
        assert define(admin, "Old") == hobj, "a name keeps its number"
        assert reader.expect("ObjectInfo").hobj == hobj
        admin.answer(admin.send("Delete", name="Old"))
    kernel.kill()
    configured.start_kernel()
    with administrator(configured) as admin:
        assert read(admin, "Old") == "no object"


def test_readers_are_told_of_what_is_written(configured, kernel):
    with administrator(configured) as admin, protocol.Link(configured.port) as reader:
        reader.register("READER.API", flags=0)
        hobj = define(admin, "Setpoint")
        reader.subscribe("Set*", mode=1)
        for number in range(100):
            admin.write(hobj, integer(number), counter=number)
        seen = []
        while len(seen) < 100:
            seen += [struct.unpack("<q", content)[0] for *_, content
                     in protocol.value_records(reader.expect("Update").values)]
        assert seen == list(range(100))
        results = [admin.expect("WriteResult").writer_counter for _ in range(100)]
        assert results == list(range(100))


def test_changes_that_follow_each_other_at_once_are_done_in_order(configured, kernel):
    with administrator(configured) as admin:
        requests = []
        for _ in range(20):
            requests += [admin.configure("Flip"), admin.send("Delete", name="Flip"),
                         admin.configure("Flip", kind=protocol.REAL, default=struct.pack("<d", 1.5))]
        answers = [admin.answer(request).name for request in requests]
        assert answers == ["Defined", "Done", "Defined"] * 20
        assert read(admin, "Flip")[2] == struct.pack("<d", 1.5)
    kernel.kill()
    configured.start_kernel()
    with administrator(configured) as admin:
        assert read(admin, "Flip")[2] == struct.pack("<d", 1.5)
    check_database(configured)


def test_what_was_asked_after_a_change_that_is_refused_is_not_taken_back_with_it(configured, kernel):
    """The value fits when it is asked for, and no more when it is stored."""
    text = struct.pack("<I", 2) + b"ok"
    with administrator(configured) as admin:
        hobj = define(admin, "A")
        for _ in range(10):
            requests = {admin.configure("A", kind=protocol.REAL), admin.write(hobj, integer(7)),
                        admin.configure("A", kind=protocol.TEXT, default=text)}
            answers = {}
            while answers.keys() != requests:
                message = admin.receive()
                answers[message.request] = message
            assert sorted(a.name for a in answers.values()) == ["Defined", "Defined", "WriteResult"]
            before = read(admin, "A")
            assert (before[0], before[2]) == (protocol.TEXT, text)
            define(admin, "Later")  # by now is stored what the kernel has taken back
            with sqlite3.connect(database(configured)) as db:
                assert db.execute("SELECT type FROM object WHERE name = 'A'").fetchone() == (
                    protocol.TEXT,)
            db.close()
            define(admin, "A")
        admin.answer(admin.configure("A", kind=protocol.TEXT, default=text))
    kernel.kill()
    configured.start_kernel()
    with administrator(configured) as admin:
        assert read(admin, "A") == before
    check_database(configured)


def test_a_value_is_kept_by_definitions_that_come_before_it_is_stored(configured, kernel):
    with administrator(configured) as admin:
        for name in ("A", "B", "C"):
            hobj = define(admin, name, default=integer(1))
            requests = [admin.configure(name, default=integer(1), description="first"),
                        admin.write(hobj, integer(7)),
                        admin.configure(name, default=integer(1), description="second")]
            assert [admin.answer(request).name for request in requests] == [
                "Defined", "WriteResult", "Defined"]
            assert read(admin, name)[2] == integer(7)
    kernel.kill()
    configured.start_kernel()
    with administrator(configured) as admin:
        assert [read(admin, name)[2] for name in ("A", "B", "C")] == [integer(7)] * 3


def test_a_stored_value_that_does_not_fit_is_left_out(configured, kernel):
    """As a kernel leaves it that is killed before it has taken back a value that it refused."""
    with administrator(configured) as admin:
        define(admin, "Whole", default=integer(1))
        define(admin, "Real", kind=protocol.REAL, default=struct.pack("<d", 2.5))
        define(admin, "Other")
    kernel.stop()
    with sqlite3.connect(database(configured)) as db:
        db.execute("INSERT OR REPLACE INTO value SELECT o.id, v.record FROM object o, value v"
                   " JOIN object r ON r.id = v.id WHERE r.name = 'Real' AND o.name != 'Real'")
    db.close()
    kernel = configured.start_kernel()
    kernel.wait_for_log(r"STORE - WARNING: object Whole has type Integer, the value has type Real\. "
                        r"The stored value is left out: it was refused before the kernel ended\.$")
    with administrator(configured) as admin:
        assert read(admin, "Whole")[2] == integer(1)
        assert read(admin, "Other") is None
        assert read(admin, "Real")[2] == struct.pack("<d", 2.5)


# ---- what is refused ----

def test_who_may_not_administer_defines_deletes_and_writes_nothing(configured, kernel):
    with administrator(configured) as admin, protocol.Link(configured.port) as other:
        other.register("OTHER.API", flags=0)
        hobj = define(admin, "Mine")
        assert refusal(other, other.configure("Yours")) == "NOT_ALLOWED"
        assert refusal(other, other.send("Delete", name="Mine")) == "NOT_ALLOWED"
        assert refusal(other, other.write(hobj, integer(1))) == "NOT_ALLOWED"
        assert read(other, "Mine") is None and read(other, "Yours") == "no object"
    kernel.wait_for_log(r"AUDIT - ADMIN.API \[LOCAL uid \d+\] configures object Mine: done")
    for what in ("configures object Yours", "deletes object Mine", r"writes object Mine \(- -> 1\)"):
        kernel.wait_for_log(rf"AUDIT - OTHER.API \[TCP.*\] {what}: refused: (administration is|no rule allows)")


@pytest.mark.parametrize("wanted, code", [
    ({"name": "1st"}, "BAD_NAME"),
    ({"name": "a" * 64}, None),
    ({"name": "A", "kind": 0}, "BAD_VALUE"),
    ({"name": "A", "kind": 99}, "BAD_VALUE"),
    ({"name": "A", "default": b"\1"}, "BAD_VALUE"),
    ({"name": "A", "default": bytes(9)}, "BAD_VALUE"),
    ({"name": "A", "kind": protocol.REAL, "default": struct.pack("<d", float("nan"))}, "BAD_VALUE"),
    ({"name": "A", "path": "p" * 128}, None),
    ({"name": "A", "path": "p" * 129}, "BAD_VALUE"),
    ({"name": "CPU_Load", "kind": protocol.REAL}, "NOT_OWNER"),
    ({"name": "Of.Process"}, "NOT_OWNER"),
])
def test_definitions_that_break_a_rule_are_refused(configured, kernel, wanted, code):
    with administrator(configured) as admin, protocol.Link(configured.port) as owner:
        owner.register("OWNER.API", flags=0)
        owner.define("Of.Process")
        answer = admin.answer(admin.configure(**wanted))
        if code:
            assert answer.name == "Failed" and answer.code == protocol.CODES[code], answer
            assert len(answer.sentence) > 10
        else:
            assert answer.name == "Defined"
    check_database(configured)


def test_a_name_that_is_none_reaches_no_log_as_it_is(configured, kernel):
    name, limit = "A\n[2026-01-01 00:00:00.000] AUDIT - \x1b[2J", struct.pack("<HHd", 2, 8, 1)
    with administrator(configured) as admin:
        for request in ("Configure", "Define"):
            answer = admin.answer(admin.send(request, type=protocol.TEXT, name=name, description="",
                                             unit="", properties=limit))
            assert answer.code == protocol.CODES["BAD_NAME"]
            assert answer.sentence.startswith(r'"A\x0a[2026-01-01 00:00:00.000] AUDIT - \x1b[2J" is no ')
    kernel.wait_for_log(r"configures object A\\x0a.*: refused: \"A\\x0a.*\" is no object name")
    assert "\x1b" not in kernel.log_text()


@pytest.mark.parametrize("properties, code", [
    (b"\1", "BAD_VALUE"),
    (struct.pack("<HH", 6, 2) + b"\1", "BAD_VALUE"),
    (struct.pack("<HHB", 6, 1, 1) * 2, "BAD_VALUE"),
    (struct.pack("<HHB", 6, 1, 0), "BAD_VALUE"),
    (struct.pack("<HHB", 6, 1, 3), "BAD_VALUE"),
    (struct.pack("<HHH", 6, 2, 1), "BAD_VALUE"),
    (struct.pack("<HHH", 1, 2, 0xffff), "BAD_VALUE"),
    (b"".join(struct.pack("<HH", 1000 + n, 0) for n in range(64)), None),
    (b"".join(struct.pack("<HH", 1000 + n, 0) for n in range(65)), "BAD_VALUE"),
    (struct.pack("<HHB", 6, 1, 1) + struct.pack("<HHI", 65000, 4, 1), None),
])
def test_lists_of_properties_are_checked(configured, kernel, properties, code):
    with administrator(configured) as admin:
        answer = admin.answer(admin.send("Configure", type=2, name="A", description="", unit="",
                                         properties=properties))
        if code:
            assert answer.name == "Failed" and answer.code == protocol.CODES[code], answer
        else:
            assert answer.name == "Defined", answer


@pytest.mark.parametrize("value, code", [
    ({"kind": protocol.REAL, "content": bytes(8)}, "BAD_TYPE"),
    ({"content": bytes(8), "past": True}, "BAD_VALUE"),
    ({"kind": 0, "content": b""}, "BAD_TYPE"),
])
def test_values_that_break_a_rule_are_refused(configured, kernel, value, code):
    with administrator(configured) as admin:
        hobj = define(admin, "A")
        assert refusal(admin, admin.write(hobj, **value)) == code
        assert read(admin, "A") is None


def test_objects_of_processes_and_system_tags_are_not_deleted(configured, kernel):
    with administrator(configured) as admin:
        admin.define("Of.Process")
        assert refusal(admin, admin.send("Delete", name="Of.Process")) == "NOT_OWNER"
        assert refusal(admin, admin.send("Delete", name="CPU_Load")) == "NOT_OWNER"
        assert refusal(admin, admin.send("Delete", name="No.Such")) == "NOT_FOUND"


def test_a_write_is_audited_with_the_old_and_the_new_value(configured, kernel):
    with administrator(configured) as admin:
        hobj = define(admin, "Mine")
        requests = [admin.write(hobj, integer(number)) for number in (1, 2)]
        for request in requests:
            assert admin.answer(request).outcome == 0
        assert refusal(admin, admin.write(hobj, struct.pack("<d", 0.5), protocol.REAL)) == "BAD_TYPE"
    for line in (r"\(- -> 1\): done", r"\(1 -> 2\): done", r"\(2 -> 0.5\): refused: "):
        kernel.wait_for_log(rf"AUDIT - ADMIN.API \[LOCAL uid \d+\] writes object Mine {line}")


def test_a_process_does_not_take_a_user_variable(configured, kernel):
    with administrator(configured) as admin, protocol.Link(configured.port) as other:
        other.register("OTHER.API", flags=0)
        define(admin, "Mine")
        other.send("Define", type=2, name="Mine", description="", unit="")
        with pytest.raises(AssertionError, match="belongs to the kernel"):
            other.expect("Defined")


def test_what_a_process_took_meanwhile_is_taken_back_in_the_store(configured, kernel):
    """Configure waits for the disk while the same frames define the name as a process's object."""
    fields = {"type": protocol.INTEGER, "name": "Mine", "description": "", "unit": ""}
    with administrator(configured) as admin:
        admin.send_bytes(protocol.encode("Configure", 900, **fields)
                         + protocol.encode("Define", 901, **fields))
        assert admin.answer(901).name == "Defined"
        assert refusal(admin, 900) == "NOT_OWNER"
        assert define(admin, "Later")  # the store works in order: the repair is done
    kernel.wait_for_log("AUDIT - ADMIN.API .* configures object Mine: refused: .* belongs to ADMIN.API")
    kernel.kill()
    configured.start_kernel()
    with administrator(configured) as admin:
        assert read(admin, "Mine") == "no object" and read(admin, "Later") is None


# ---- kills ----

class Writer(threading.Thread):
    """Writes growing numbers to the variables, many at a time, until the kernel is gone."""

    def __init__(self, plant, numbers):
        super().__init__()
        self.plant, self.numbers = plant, numbers
        self.acknowledged, self.sent = dict(numbers), dict(numbers)
        self.count = 0

    def run(self):
        try:
            with administrator(self.plant, "WRITER.API") as link:
                self.write(link)
        except (protocol.Closed, OSError):
            pass

    def write(self, link):
        hobjs = {name: define(link, name) for name in self.numbers}
        names = list(hobjs)
        under_way = {}
        for counter in range(1, 10**9):
            name = names[counter % len(names)]
            self.sent[name] += 1
            link.write(hobjs[name], integer(self.sent[name]), counter=counter)
            under_way[counter] = name, self.sent[name]
            while len(under_way) >= WINDOW:
                result = link.expect("WriteResult")
                assert result.outcome == 0, result
                written, number = under_way.pop(result.writer_counter)
                self.acknowledged[written] = number
                self.count += 1


def values_now(plant, names):
    with administrator(plant, "READER.API") as link:
        found = {}
        for name in names:
            value = read(link, name)
            found[name] = struct.unpack("<q", value[2])[0] if value and value != "no object" else 0
        return found


def test_no_acknowledged_change_is_lost_by_kills_under_load(configured, record_property):
    numbers = {f"Variable.N{n}": 0 for n in range(VARIABLES)}
    chance = random.Random(1)
    acknowledged = 0
    for kill in range(KILLS):
        kernel = configured.start_kernel()
        stored = values_now(configured, numbers)
        assert all(stored[name] >= numbers[name] for name in numbers), (kill, stored, numbers)
        writer = Writer(configured, stored)
        writer.start()
        least = chance.randrange(20, 400)
        eventually(lambda: writer.count >= least or not writer.is_alive())
        kernel.kill()
        writer.join()
        assert writer.count >= least
        acknowledged += writer.count
        check_database(configured)
        numbers = writer.acknowledged
        sent = writer.sent
    configured.start_kernel()
    stored = values_now(configured, numbers)
    assert all(numbers[name] <= stored[name] <= sent[name] for name in numbers)
    record_property("kills", KILLS)
    record_property("acknowledged", acknowledged)
    print(f"{KILLS} kills, {acknowledged} acknowledged writes, none lost")


def test_no_acknowledged_definition_is_lost_by_a_kill(configured):
    defined = {}
    for kill in range(3):
        kernel = configured.start_kernel()
        with administrator(configured) as admin:
            requests = {admin.configure(f"K{kill}.O{n}"): f"K{kill}.O{n}" for n in range(1000)}
            for _ in range(100 + 100 * kill):
                message = admin.expect("Defined")
                defined[requests[message.request]] = message.hobj
            kernel.kill()
            try:
                while True:
                    message = admin.receive()
                    defined[requests[message.request]] = message.hobj
            except (protocol.Closed, OSError):
                pass
        check_database(configured)
    configured.start_kernel()
    with administrator(configured) as admin:
        request = admin.send("ListObjects", pattern="K*")
        found = {}
        while (message := admin.receive()).name != "Done" or message.request != request:
            if message.name == "ObjectInfo":
                found[message.fields["name"]] = message.hobj
    assert defined.items() <= found.items()


# ---- disks ----

@pytest.fixture
def small_disk(configured):
    """The state directory on a file system of 1 MiB."""
    state = configured.directory / "state"
    state.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", state],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield state
    for program in reversed(configured.programs):
        program.finish()
    subprocess.run(["umount", state], check=True)


def test_a_full_disk_refuses_changes_until_there_is_room(configured, small_disk):
    kernel = configured.start_kernel()
    with administrator(configured) as admin:
        hobj = define(admin, "Setpoint")
        admin.answer(admin.write(hobj, integer(1)))
        filler = small_disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            with pytest.raises(OSError):
                while True:
                    file.write(bytes(4096))
        refused = 0
        for number in range(2, 2000):  # what SQLite has reserved already may still take some
            answer = admin.answer(admin.write(hobj, integer(number)))
            if answer.outcome != 0:
                refused = number
                break
        assert refused and answer.code == protocol.CODES["STORAGE"], answer
        assert "full" in answer.sentence
        assert read(admin, "Setpoint")[2] == integer(refused - 1), "as it was"
        assert refusal(admin, admin.configure("Other")) == "STORAGE"
        assert read(admin, "Other") == "no object"
        admin.publish(admin.define("Of.Process"), 5, 1)
        assert read(admin, "Of.Process")[2] == integer(5), "all else goes on"
        kernel.wait_for_log("STORE - WARNING: Changes of objects cannot be stored: .*full")
        filler.unlink()
        answer = admin.answer(admin.write(hobj, integer(4711)))
        assert answer.outcome == 0, answer
        kernel.wait_for_log("changes are stored again")
    kernel.kill()
    configured.start_kernel()
    with administrator(configured) as admin:
        assert read(admin, "Setpoint")[2] == integer(4711)


def test_a_disk_that_becomes_read_only_refuses_changes_until_it_is_writable(configured, small_disk):
    kernel = configured.start_kernel()
    with administrator(configured) as admin:
        hobj = define(admin, "Setpoint")
        remount = subprocess.run(["mount", "-o", "remount,ro", small_disk], check=False)
        if remount.returncode != 0:  # files are open for writing
            pytest.skip("this system does not make a file system read-only that is in use")
        assert refusal(admin, admin.write(hobj, integer(1))) == "STORAGE"
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        assert admin.answer(admin.write(hobj, integer(2))).outcome == 0
    kernel.stop()


def test_a_read_only_state_directory_is_refused_at_the_start(configured, small_disk):
    configured.start_kernel().stop()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    kernel = configured.run_kernel()
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert kernel.process.returncode == 2
    assert "The kernel does not start." in kernel.log_text() and "Read-only" in kernel.log_text()


def change_database(plant, sql):
    with sqlite3.connect(database(plant)) as db:
        db.execute(sql)
    db.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(configured):
    configured.start_kernel().stop()
    change_database(configured, "PRAGMA user_version = 2")
    kernel = configured.run_kernel()
    assert kernel.process.returncode == 2
    assert "was written by a newer version of d2k" in kernel.log_text()
    change_database(configured, "PRAGMA user_version = 1")
    configured.start_kernel()


@pytest.mark.parametrize("damage", ["empty", "text", "torn"])
def test_a_damaged_database_is_refused_with_what_to_do(configured, damage):
    kernel = configured.start_kernel()
    with administrator(configured) as admin:
        for number in range(50):
            define(admin, f"O{number}", description="x" * 200)
    kernel.stop()
    content = database(configured).read_bytes()
    database(configured).write_bytes({"empty": b"", "text": b"hello " * 1000,
                                      "torn": content[:8192]}[damage])
    kernel = configured.run_kernel()
    assert kernel.process.returncode == 2
    line, = kernel.log_lines("The kernel does not start")
    assert "plant.db" in line and "damaged" in line and "restore a backup" in line, line
    database(configured).write_bytes(content)
    configured.start_kernel()


def test_a_backup_is_made_while_the_kernel_runs_and_restored(configured, kernel, tmp_path):
    backup = tmp_path / "backup.db"
    with administrator(configured) as admin:
        hobj = define(admin, "Setpoint")
        admin.answer(admin.write(hobj, integer(1)))
        subprocess.run(["sqlite3", database(configured), f".backup {backup}"], check=True)
        admin.answer(admin.write(hobj, integer(2)))
    kernel.stop()
    database(configured).write_bytes(backup.read_bytes())
    configured.start_kernel()
    with administrator(configured) as admin:
        assert read(admin, "Setpoint")[2] == integer(1)


def test_numbers_survive_the_loss_of_their_table(configured, kernel):
    with administrator(configured) as admin:
        numbers = {name: define(admin, name) for name in ("Zulu", "Alpha", "Mike")}
    kernel.kill()
    table = configured.directory / "state/hobj.tab"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(line for line in lines if line.split()[1] not in numbers),
                     encoding="utf-8")
    configured.start_kernel()
    with administrator(configured) as admin:
        for name, hobj in numbers.items():
            admin.send("Read", pattern=name)
            assert admin.expect("ObjectInfo").hobj == hobj


def test_too_many_changes_under_way_are_refused(configured, kernel):
    """Whoever asks for more than may wait is told so, and what was taken is done."""
    with administrator(configured) as admin:
        hobj = define(admin, "Setpoint")
        frames = b"".join(
            protocol.encode("Write", counter + 10, writer_instance=bytes(16), writer_counter=counter,
                            value=protocol.value_record(hobj, protocol.INTEGER, integer(counter)))
            for counter in range(20_000))
        sender = threading.Thread(target=admin.send_bytes, args=(frames,))
        sender.start()
        outcomes = [admin.expect("WriteResult", 60) for _ in range(20_000)]
        sender.join()
        refused = {result.code for result in outcomes if result.outcome != 0}
        assert refused <= {protocol.CODES["LIMIT"]}, refused
        last = max(result.writer_counter for result in outcomes if result.outcome == 0)
        assert read(admin, "Setpoint")[2] == integer(last)


def test_an_orderly_end_writes_what_was_asked(configured, kernel):
    with administrator(configured) as admin:
        hobj = define(admin, "Setpoint")
        before = time.monotonic()
        for number in range(200):
            admin.write(hobj, integer(number), counter=number)
        kernel.stop()
        assert time.monotonic() - before < 60
    configured.start_kernel()
    check_database(configured)
