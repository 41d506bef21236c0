"""Rights by process, user and object, on a running kernel; and users who log on."""

import os
import re
import struct
import subprocess
from contextlib import ExitStack

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server
from d2k_test.poll import eventually
from d2k_test.programs import PROGRAMS

WRITABLE = 12
PASSWORD = "correct horse"
CODES = protocol.CODES


class Site:
    """A kernel whose rules change while it runs, and links to it."""

    def __init__(self, plant, stack, identity):
        self.plant, self.stack, self.identity = plant, stack, identity
        self.configure()
        self.kernel = plant.start_kernel()

    def configure(self, *rules, users=""):
        self.plant.server_config.application(
            "PLANT", tls_server(self.identity),
            *(f"[Rights\\{number}]\n{text}\n" for number, text in rules), users)

    def rules(self, *rules, users=""):
        """Configures and waits until the kernel has taken them."""
        before = len(self.kernel.log_lines("RIGHTS - "))
        self.configure(*rules, users=users)
        eventually(lambda: len(self.kernel.log_lines("RIGHTS - ")) > before)

    def link(self, name, tls=True):
        link = self.stack.enter_context(protocol.Link(self.plant.port, tls=tls))
        link.register(name, flags=0)
        return link

    def add_user(self, name, password=PASSWORD):
        file = self.plant.server_config.directory / "password"
        file.write_text(password + "\n")
        file.chmod(0o600)
        subprocess.run(
            [PROGRAMS / "d2k-registry", "user", "add", name, f"--password-file={file}", "@PLANT",
             f"--config-dir={self.plant.server_config.directory}"], check=True,
            stdout=subprocess.DEVNULL)


@pytest.fixture
def site(plant, seed_identity):
    with ExitStack() as stack:
        yield Site(plant, stack, seed_identity)


def define(owner, *names):
    """Objects that take commands, each with the value 1."""
    numbers = {}
    for name in names:
        numbers[name] = owner.define(name, properties=protocol.property_u8(WRITABLE, 1))
        owner.sequence = getattr(owner, "sequence", 0) + 1
        owner.publish(numbers[name], 1, owner.sequence)
    owner.send("Ping", data=b"x")
    owner.expect("Pong")
    return numbers


def listed(link, pattern="*", request="ListObjects"):
    link.send(request, pattern=pattern)
    names = set()
    while (message := link.receive()).name not in ("Done", "Failed"):
        if message.name == "ObjectInfo":
            names.add(message.fields["name"])
    return names if message.name == "Done" else message


def write(link, hobj):
    link.send("Write", writer_instance=os.urandom(16), writer_counter=1,
              value=protocol.value_record(hobj, protocol.INTEGER, struct.pack("<q", 7)))


def log_on(link, user, password=PASSWORD):
    link.send("LogOn", user=user, password=password)
    while (message := link.receive()).name not in ("LoggedOn", "Failed"):
        pass
    return message


def users(link, pattern):
    """Who is logged on, by process."""
    link.send("ListProcesses", pattern=pattern)
    found = {}
    while (message := link.receive()).name != "Done":
        if message.name == "ProcessInfo":
            found[message.process_name] = protocol.properties(message.fields["properties"]).get(52)
    return found


def told(link, name, condition=lambda message: True):
    """The next message of this name for which the condition holds."""
    while not condition(message := link.expect(name)):
        pass
    return message


def test_what_may_not_be_seen_is_not_listed_read_or_told(site):
    owner = site.link("OWNER.KOM")
    numbers = define(owner, "Boiler.A", "Tank.A")
    site.rules((10, "Process = *.HIP\nObject = Boiler.*\nDeny = see"))
    reader, other = site.link("OP.HIP"), site.link("OTHER.API")
    for request in ("ListObjects", "Read"):
        assert listed(reader, "*.A", request) == {"Tank.A"}
        assert listed(other, "*.A", request) == {"Boiler.A", "Tank.A"}
        refusal = listed(reader, "boiler.a", request)
        assert refusal.code == CODES["NO_RIGHT"]
        assert refusal.sentence == ("[Rights\\10] (cfg_PLANT.conf:5) forbids OP.HIP to see boiler.a")
        assert listed(reader, "Boiler.NotThere", request).code == CODES["NO_RIGHT"]
    reader.send("Subscribe", subscription=1, mode=1, pattern="Boiler.A")
    assert reader.receive().code == CODES["NO_RIGHT"]
    assert reader.subscribe("*.A", mode=1, subscription=2).count == 1
    owner.publish(numbers["Boiler.A"], 2, 100)
    owner.publish(numbers["Tank.A"], 3, 101)
    record, = protocol.value_records(reader.expect("Update").values)
    assert record[0] == numbers["Tank.A"]
    assert listed(owner, "*.A") == {"Boiler.A", "Tank.A"}


def test_what_is_withdrawn_is_gone_from_live_subscriptions_and_comes_again(site):
    owner, reader = site.link("OWNER.KOM"), site.link("OP.HIP")
    numbers = define(owner, "Boiler.A", "Tank.A")
    assert reader.subscribe("*.A", mode=1).count == 2
    site.rules((10, "Process = OP.HIP\nObject = Boiler.*\nDeny = see"))
    assert reader.expect("ObjectGone").hobj == numbers["Boiler.A"]
    owner.publish(numbers["Boiler.A"], 5, 100)
    owner.publish(numbers["Tank.A"], 6, 101)
    record, = protocol.value_records(reader.expect("Update").values)
    assert record[0] == numbers["Tank.A"]

    site.rules((10, "Allow = see"))
    assert reader.expect("ObjectInfo").fields["name"] == "Boiler.A"
    record, = protocol.value_records(reader.expect("Update").values)
    assert (record[0], record[4]) == (numbers["Boiler.A"], struct.pack("<q", 5))


def test_a_broken_file_keeps_the_last_good_rules(site):
    owner = site.link("OWNER.KOM")
    define(owner, "Boiler.A")
    site.rules((10, "Process = OP.HIP\nObject = Boiler.*\nDeny = see"))
    reader = site.link("OP.HIP")
    for broken, said in ((((10, "Deny = sea"),), "sea is no right"), ((), "have vanished")):
        site.configure(*broken)
        site.kernel.wait_for_log(f"RIGHTS - ERROR: .*{said}.*stay in force")
        assert listed(reader, "Boiler.A").code == CODES["NO_RIGHT"]
    lines = len(site.kernel.log_lines("RIGHTS - ERROR"))
    site.rules((10, "Allow = see"))
    assert listed(reader, "Boiler.A") == {"Boiler.A"}
    assert len(site.kernel.log_lines("RIGHTS - ERROR")) == lines == 2


def test_a_kernel_does_not_start_with_broken_rules(plant):
    plant.server_config.application("PLANT", "[Rights\\1]\nAllow = everything\n")
    kernel = plant.run_kernel()
    assert kernel.process.returncode == 2 and "everything is no right" in kernel.stderr


def test_commands_are_forbidden_and_allowed_by_rule(site):
    owner, writer = site.link("OWNER.KOM"), site.link("OP.HIP")
    numbers = define(owner, "Boiler.A")
    site.rules((10, "Process = OP.HIP\nDeny = set"))
    write(writer, numbers["Boiler.A"])
    result = writer.expect("WriteResult")
    assert (result.outcome, result.code) == (1, CODES["NO_RIGHT"])
    assert result.sentence.startswith("[Rights\\10] (cfg_PLANT.conf:5) forbids OP.HIP to set")
    site.kernel.wait_for_log(r"AUDIT - OP.HIP .* writes object Boiler.A \(1 -> 7\): refused: \[Rig")
    write(owner, numbers["Boiler.A"])
    assert owner.expect("WriteResult").outcome == 0, "an owner sets what is his"
    site.rules((5, "Process = OP.HIP\nObject = Boiler.*\nAllow = set"), (10, "Deny = set"))
    write(writer, numbers["Boiler.A"])
    assert owner.expect("Write").writer_counter == 1


def test_definitions_are_forbidden_by_rule(site):
    site.rules((10, "Process = *.API\nObject = Boiler.*\nDeny = define"))
    api = site.link("X.API")
    assert api.define("Tank.A")
    api.send("Define", type=protocol.INTEGER, name="Boiler.A", description="", unit="")
    refusal = api.receive()
    assert refusal.name == "Failed" and refusal.code == CODES["NO_RIGHT"]
    assert "forbids X.API to define Boiler.A" in refusal.sentence


def test_what_may_not_be_seen_is_not_computed_from(site):
    define(site.link("OWNER.KOM"), "Secret.A", "Open.A")
    site.rules((10, "Process = OP.HIP\nObject = Secret.*\nDeny = see"),
               (20, "Process = *.HIP\nObject = My.*\nAllow = define"))
    reader, other = site.link("OP.HIP"), site.link("OTHER.HIP")
    for expression in ("Secret.A", "if Open.A > 1 then secret.a else 0", "Secret.NotThere + 1"):
        refusal = reader.answer(reader.compute("My.Copy", expression))
        assert refusal.code == CODES["NO_RIGHT"]
        assert "[Rights\\10] (cfg_PLANT.conf:5) forbids OP.HIP to see" in refusal.sentence
    assert reader.answer(reader.compute("My.Copy", "Open.A + 1")).name == "Defined"
    assert other.answer(other.compute("My.Sum", "Open.A + Secret.A")).name == "Defined"
    site.kernel.wait_for_log(
        r"AUDIT - OP.HIP .* configures object My.Copy: refused: .* forbids OP.HIP to see Secret.A$")


def test_user_variables_are_forbidden_by_rule(site):
    site.rules((5, "Process = *.HIP\nObject = Open\nAllow = define, set"), (10, "Process = *.HIP\nDeny = define, set"))
    console = site.link("OP.HIP")
    assert console.answer(console.configure("Shut")).code == CODES["NO_RIGHT"]
    hobj = console.answer(console.configure("Open")).hobj
    site.rules((10, "Process = *.HIP\nDeny = define, set"))
    for request in (console.send("Delete", name="Open"), console.write(hobj, struct.pack("<q", 1))):
        refusal = console.answer(request)
        assert refusal.code == CODES["NO_RIGHT"]
        assert refusal.sentence.startswith("[Rights\\10] (cfg_PLANT.conf:5) forbids OP.HIP to ")
    site.kernel.wait_for_log(r"AUDIT - OP.HIP .* writes object Open \(- -> 1\): refused: \[Rights")


def test_users_log_on_and_off_and_have_rights_of_their_own(site):
    site.add_user("jana")
    owner, console = site.link("OWNER.KOM"), site.link("OP.HIP")
    numbers = define(owner, "Boiler.A")
    site.rules((5, "User = jana\nAllow = set, see"), (10, "Process = *.HIP\nDeny = set, see"))
    console.subscribe("*.A", mode=1)
    write(console, numbers["Boiler.A"])
    assert console.expect("WriteResult").code == CODES["NO_RIGHT"]

    answer = log_on(console, "JANA")
    assert answer.name == "LoggedOn" and answer.user == "jana"
    assert users(owner, "*") == {"OWNER.KOM": None, "OP.HIP": b"jana"}
    shown = site.plant.run_client("d2k-tell", "@PLANT", "--local", "processes", "OP.HIP",
                                  f"--config-dir={site.plant.server_config.directory}",
                                  f"--run-dir={site.plant.directory / 'run'}")
    assert re.search(r"^OP\.HIP .* TLSv1\.3 +jana ", shown.stdout, re.MULTILINE), shown.stdout
    assert console.expect("ObjectInfo").fields["name"] == "Boiler.A"
    write(console, numbers["Boiler.A"])
    command = owner.expect("Write")
    assert protocol.properties(command.value[40:]) == {52: b"jana", 65: b"OP.HIP"}
    owner.send_bytes(protocol.encode(
        "WriteResult", command.request, writer_instance=command.writer_instance,
        writer_counter=command.writer_counter, outcome=0, code=0, sentence=""))
    assert console.expect("WriteResult").outcome == 0
    site.kernel.wait_for_log(r"AUDIT - OP.HIP \[TCP/IP .* user jana writes object Boiler.A .*: done$")

    console.send("LogOff")
    told(console, "ObjectGone")
    assert users(owner, "OP.HIP") == {"OP.HIP": None}
    write(console, numbers["Boiler.A"])
    assert told(console, "WriteResult").code == CODES["NO_RIGHT"]
    for line in ("user jana logs on: accepted", "user jana logs off: done"):
        site.kernel.wait_for_log(f"AUDIT - OP.HIP .* {line}$")


def test_wrong_passwords_are_refused_slowly_and_never_logged(site):
    site.add_user("jana")
    console = site.link("OP.HIP")
    wrong = log_on(console, "jana", "wrong horse")
    unknown = log_on(console, "nobody", "wrong horse")
    assert wrong.code == unknown.code == CODES["LOGON"]
    assert wrong.sentence == unknown.sentence == "user or password is wrong"

    def waits():
        """The right one has to wait too, unless all this took longer than the wait."""
        for _ in range(3):
            log_on(console, "jana", "wrong horse")
        return (message := log_on(console, "jana")).name == "Failed" and message
    refusal = eventually(waits)
    assert refusal.code == CODES["BUSY"] and "too many wrong passwords" in refusal.sentence
    eventually(lambda: log_on(console, "jana").name == "LoggedOn")
    for user in ("", "a b", "../x", "x" * 64):
        assert log_on(console, user, "wrong horse").code in (CODES["LOGON"], CODES["BUSY"])
    text = site.kernel.log_text()
    assert "horse" not in text
    site.kernel.wait_for_log("AUDIT - OP.HIP .* user nobody logs on: refused: user or password is wr")


def test_nobody_logs_on_over_a_plain_link_unless_it_is_allowed(site):
    site.add_user("jana")
    console = site.link("OP.HIP", tls=False)
    refusal = log_on(console, "jana")
    assert refusal.code == CODES["LOGON"] and "without TLS" in refusal.sentence
    site.rules((1, "Allow = see"), users="[Users]\nUsers_Plain = allow\n")
    assert log_on(console, "jana").name == "LoggedOn"


def test_one_password_at_a_time_and_a_link_that_goes_meanwhile(site):
    site.add_user("jana")
    console, leaver = site.link("OP.HIP"), site.link("GONE.HIP")
    leaver.send("LogOn", user="jana", password=PASSWORD)
    leaver.close()
    console.send_bytes(protocol.encode("LogOn", 1, user="jana", password=PASSWORD) * 2)
    answers = [console.receive(), console.receive()]
    assert [a.name for a in answers] == ["Failed", "LoggedOn"]
    assert answers[0].code == CODES["BUSY"]


def test_administration_is_allowed_to_a_user_by_rule(site):
    site.add_user("jana")
    site.rules((1, "User = jana\nAllow = admin"))
    console = site.link("OP.HIP")
    console.send("SetLogLevel", level=1)
    assert console.receive().code == CODES["NOT_ALLOWED"]
    assert log_on(console, "jana").name == "LoggedOn"
    console.send("SetLogLevel", level=1)
    assert console.receive().name == "Done"
    site.kernel.wait_for_log("AUDIT - OP.HIP .* user jana sets the log level to debug: accepted")
