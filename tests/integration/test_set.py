"""d2k-tell set, and users who log on with d2k-tell, against a program that takes commands."""

import re
import signal
import subprocess

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually
from d2k_test.programs import BUILD, PROGRAMS, Logged

PASSWORD = "correct horse"
REFUSED, LOST, UNKNOWN = 4, 5, 7


class Example(Logged):
    def log_text(self):
        return self.stderr


def configure(plant, identity, *sections):
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"), *sections)
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", identity.cert))


@pytest.fixture
def kernel(plant, other_identity):
    configure(plant, other_identity)
    return plant.start_kernel()


@pytest.fixture
def valve(plant, kernel):
    example = plant.start_client(BUILD / "examples" / "commands", "/WVALVE", kind=Example)
    eventually(lambda: plant.tell("get", "Demo.Valve").exit_code == 0)
    return example


def value_of(plant, name):
    value, = plant.tell_json("get", name)
    return value["value"]


def test_a_command_is_done(plant, valve, kernel):
    result = plant.tell("set", "Demo.Valve", "40.5")
    assert result.exit_code == 0 and not result.stdout, result.stderr
    assert value_of(plant, "Demo.Valve") == 40.5
    eventually(lambda: re.search(r"\.TEL sets Demo\.Valve to 40\.5: done", valve.stdout))
    kernel.wait_for_log(r"AUDIT - \S+\.TEL .* writes object Demo\.Valve \(0 -> 40\.5\): done$")


def test_a_command_is_refused(plant, valve):
    result = plant.tell("set", "Demo.Valve", "-1")
    assert result.exit_code == REFUSED or result.exit_code == 2, result.stderr
    assert "a valve opens from 0 to 100 %" in result.stderr
    assert value_of(plant, "Demo.Valve") == 0


def test_a_command_that_is_only_sent(plant, valve):
    assert plant.tell("set", "Demo.Valve", "7", "--no-wait").exit_code == 0
    eventually(lambda: value_of(plant, "Demo.Valve") == 7)


@pytest.mark.parametrize("words, code, said", [
    (("Demo.None", "1"), 1, "there is no object Demo.None"),
    (("Demo.Valve", "much"), 2, "much"),
    (("Demo.Valve", ""), 2, "\"\" is no value of type"),
    (("Demo.Valve",), 2, "usage: d2k-tell set NAME VALUE"),
    (("Act_Client", "5"), REFUSED, "belongs to the kernel"),
])
def test_what_cannot_be_set(plant, valve, words, code, said):
    result = plant.tell("set", *words)
    assert result.exit_code == code and said in result.stderr, result.stderr


def test_an_owner_that_is_silent(plant, kernel):
    with protocol.Link(plant.port) as owner:
        owner.register("OWNER.KOM", flags=0)
        hobj = owner.define("Slow", properties=protocol.property_u8(12, 1)
                            + protocol.property_u32(10, 300))
        owner.publish(hobj, 1, 1)
        result = plant.tell("set", "Slow", "2")
        assert result.exit_code == UNKNOWN and "has not answered in time" in result.stderr
        owner.expect("Write")


def test_an_owner_that_ends(plant, valve):
    with protocol.Link(plant.port) as owner:
        owner.register("OWNER.KOM", flags=0)
        owner.publish(owner.define("Gone", properties=protocol.property_u8(12, 1)), 1, 1)
        tell = plant.start_client(PROGRAMS / "d2k-tell", "set", "Gone", "2")
        owner.expect("Write")
    assert tell.wait() == UNKNOWN and "ended before it answered" in tell.stderr


def test_a_link_that_is_lost_meanwhile(plant, kernel):
    with protocol.Link(plant.port) as owner:
        owner.register("OWNER.KOM", flags=0)
        owner.publish(owner.define("Slow", properties=protocol.property_u8(12, 1)), 1, 1)
        tell = plant.start_client(PROGRAMS / "d2k-tell", "set", "Slow", "2")
        owner.expect("Write")
        kernel.kill()
        assert tell.wait() in (LOST, UNKNOWN)


def add_user(plant, name, password=PASSWORD):
    file = plant.server_config.directory / "password"
    file.write_text(password + "\n")
    file.chmod(0o600)
    subprocess.run(
        [PROGRAMS / "d2k-registry", "user", "add", name, f"--password-file={file}", "@PLANT",
         f"--config-dir={plant.server_config.directory}"], check=True, stdout=subprocess.DEVNULL)
    return f"--password-file={file}"


def test_a_user_logs_on_and_has_rights_of_his_own(plant, other_identity):
    configure(plant, other_identity, "[Rights\\1]\nUser = jana\nAllow = set\n",
              "[Rights\\2]\nDeny = set\n")
    password = add_user(plant, "jana")
    kernel = plant.start_kernel()
    plant.start_client(BUILD / "examples" / "commands", "/WVALVE", kind=Example)
    eventually(lambda: plant.tell("get", "Demo.Valve").exit_code == 0)

    result = plant.tell("set", "Demo.Valve", "5")
    assert result.exit_code == REFUSED and r"[Rights\2] (cfg_PLANT.conf:" in result.stderr
    assert plant.tell("set", "Demo.Valve", "5", "/ANjana", password).exit_code == 0
    kernel.wait_for_log(r"AUDIT - \S+ \[TCP/IP .* user jana writes object Demo\.Valve .*: done$")


def test_a_password_on_the_command_line_gets_a_warning(plant, other_identity):
    configure(plant, other_identity)
    add_user(plant, "jana")
    kernel = plant.start_kernel()
    tell = plant.start_tell("watch", "Act_Client", "/ANjana", f"/AP{PASSWORD}")
    kernel.wait_for_log("user jana logs on: accepted")
    with open(f"/proc/{tell.process.pid}/cmdline", "rb") as command_line:
        assert PASSWORD.encode() not in command_line.read()
    tell.signal(signal.SIGINT)
    tell.wait()
    log = plant.client_log()
    assert "WARNING: The password of user jana stands on the command line" in log
    assert "horse" not in log + kernel.log_text()


@pytest.mark.parametrize("words, code, said", [
    (["/ANjana", "/APwrong horse"], REFUSED, "user jana cannot log on: user or password is wrong"),
    (["--user=nobody", "/APwrong horse"], REFUSED, "user nobody cannot log on"),
    (["/ANjana"], 2, "no terminal to ask for the password"),
    (["/ANa b", "/APx"], 2, "letters, digits"),
    (["/ANjana", "/AP"], 2, "parameter /AP: a password has 1..256 bytes"),
    (["/ANjana", "/AP" + "x" * 257], 2, "parameter /AP: a password has 1..256 bytes"),
    (["/ANjana", "--password-file=/no/such/file"], 2, "cannot be read"),
])
def test_logons_that_fail(plant, other_identity, words, code, said):
    configure(plant, other_identity)
    add_user(plant, "jana")
    plant.start_kernel()
    result = plant.tell("version", *words)
    assert result.exit_code == code and said in result.stderr, result.stderr
    assert "x" * 200 not in result.stderr
