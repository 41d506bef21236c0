"""Several processes under one name: one is active, the others are ready to take over."""

import os
import signal
import struct

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually

ACTIVE, PASSIVE, PREFERRED = 1, 2, 0x80
VALID = 1
WRITABLE = 12


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    return plant.start_kernel()


def instance(plant, number, name="SELF.KOM"):
    link = protocol.Link(plant.port)
    link.register(name, flags=0, instance=number)
    return link


def told(link):
    return link.expect("InstanceState").state


def refused(plant, number, name="SELF.KOM", flags=0):
    with protocol.Link(plant.port) as link:
        link.hello()
        link.expect("Welcome")
        link.send_bytes(link.register_bytes(name, instance=number, flags=flags))
        return link.wait_end()


def define(link, content):
    """Defines the object of the name, writable, and publishes."""
    hobj = link.define("Level", properties=protocol.property_u8(WRITABLE, 1))
    link.publish(hobj, content, 1)
    link.send("Ping", data=b"x")
    link.expect("Pong")
    return hobj


def next_value(reader):
    (_, _, status, _, content), = protocol.value_records(reader.expect("Update").values)
    return struct.unpack("<q", content)[0], bool(status & VALID)


def states(link, pattern="SELF.KOM"):
    link.send("ListProcesses", pattern=pattern)
    found = {}
    while (message := link.receive()).name != "Done":
        if message.name == "ProcessInfo":
            found[message.process_instance] = protocol.properties(message.properties)[48][0]
    return found


def administer(plant, request, number, name="SELF.KOM"):
    with protocol.Link(plant.directory / "run/PLANT.sock") as admin:
        admin.register("ADMIN.API", flags=0)
        return admin.answer(admin.send(request, process_name=name, instance=number))


def test_the_passive_one_takes_over_when_the_active_one_is_lost(plant, kernel):
    first, second = instance(plant, 1), instance(plant, 2)
    assert (told(first), told(second)) == (ACTIVE, PASSIVE)
    hobj = define(first, 10)
    define(second, 20)  # what it publishes is left out
    with protocol.Link(plant.port) as reader:
        reader.register("READER.API", flags=0)
        reader.subscribe("Level", mode=1)
        assert states(reader) == {1: ACTIVE, 2: PASSIVE}
        reader.send("Read", pattern="Level")
        assert next_value(reader) == (10, True)
        first.close()
        assert told(second) == ACTIVE
        assert next_value(reader) == (10, False)
        second.publish(hobj, 21, 2)
        assert next_value(reader) == (21, True)
        back = instance(plant, 1)
        assert told(back) == PASSIVE and states(reader) == {1: PASSIVE, 2: ACTIVE}
    kernel.wait_for_log("SERVER - Instance 2 of SELF.KOM is active")
    back.close(), second.close()


def test_commands_go_to_the_active_one_and_the_passive_one_sets_nothing(plant, kernel):
    first, second = instance(plant, 1), instance(plant, 2)
    hobj = define(first, 10)
    assert administer(plant, "SetActiveInstance", 2).name == "Done"
    assert told(first) == PASSIVE
    result = first.answer(first.write(hobj, struct.pack("<q", 1)))
    assert result.code == protocol.CODES["NOT_OWNER"] and "instance 1 of SELF.KOM is passive" in result.sentence
    with protocol.Link(plant.port) as writer:
        writer.register("OP.HIP", flags=0)
        writer.send("Write", writer_instance=os.urandom(16), writer_counter=7,
                    value=protocol.value_record(hobj, protocol.INTEGER, struct.pack("<q", 5)))
        assert second.expect("Write").writer_counter == 7
    first.close(), second.close()


def test_the_preferred_one_is_active_whenever_it_connects(plant, kernel):
    first, second = instance(plant, 1), instance(plant, 2)
    assert administer(plant, "SetPreferredInstance", 2).name == "Done"
    assert (told(second), told(second)) == (PASSIVE, ACTIVE)
    second.close()
    assert [told(first) for _ in range(3)] == [ACTIVE, PASSIVE, ACTIVE]
    second = instance(plant, 2)
    assert told(second) == ACTIVE and told(first) == PASSIVE
    assert states(first) == {1: PASSIVE, 2: ACTIVE | PREFERRED}
    kernel.wait_for_log("AUDIT - ADMIN.API .* makes instance 2 of SELF.KOM the preferred one: done")
    first.close(), second.close()


def test_what_is_refused(plant, kernel):
    with instance(plant, 1) as first, instance(plant, 0, "PLAIN.KOM"):
        in_use, bad_name = protocol.CODES["NAME_IN_USE"], protocol.CODES["BAD_NAME"]
        assert refused(plant, 0).code == in_use
        assert refused(plant, 3, "PLAIN.KOM").code == in_use
        assert refused(plant, 16).code == bad_name
        assert refused(plant, 1, "PC.KOM", protocol.REGISTER_NUMBERED).code == bad_name
        assert administer(plant, "SetActiveInstance", 2).code == protocol.CODES["NOT_FOUND"]
        assert administer(plant, "SetPreferredInstance", 16).code == protocol.CODES["BAD_VALUE"]
        assert administer(plant, "SetPreferredInstance", 1, "X.Y").code == protocol.CODES["NOT_FOUND"]
        request = first.send("SetActiveInstance", process_name="SELF.KOM", instance=1)
        assert first.answer(request).code == protocol.CODES["NOT_ALLOWED"]
    kernel.wait_for_log("AUDIT - SELF.KOM .* makes instance 1 of SELF.KOM the active one: refused: adm")


def test_d2k_tell_shows_and_switches(plant, kernel):
    def tell(*words):
        return plant.run_client("d2k-tell", "@PLANT", "--local", *words,
                                f"--config-dir={plant.server_config.directory}",
                                f"--run-dir={plant.directory / 'run'}")
    with instance(plant, 1), instance(plant, 2):
        assert tell("set-preferred", "SELF.KOM", "2").exit_code == 0
        assert tell("set-active", "SELF.KOM", "1").exit_code == 0
        shown = tell("processes", "SELF.KOM").stdout
        assert "[1]_SELF.KOM" in shown and "Running active " in shown
        assert "[2]_SELF.KOM" in shown and "Running passive preferred " in shown
        gone = tell("set-active", "SELF.KOM", "3")
        assert gone.exit_code == 1 and "instance 3 of SELF.KOM is not connected" in gone.stderr
        assert tell("set-active", "SELF.KOM", "16").exit_code == 2


def start_kom(plant, number):
    kom = plant.start_kom(f"/WSELF,{number}", "--reconnect", "/F1")
    kom.wait_connected()
    return kom


def uptime(plant):
    """Number of the last value of d2k-kom, which each instance publishes; None: it is not valid."""
    shown = plant.tell_json("get", "*.Uptime")
    return next((value["sequence"] for value in shown if value["valid"]), None)


def active(plant):
    return {p["instance"] for p in plant.tell_json("processes", "SELF.KOM")
            if p["instance_state"] == "active"}


def test_two_d2k_koms_relieve_each_other(plant, kernel, seed_identity):
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    first, second = start_kom(plant, 1), start_kom(plant, 2)
    eventually(lambda: uptime(plant))
    assert active(plant) == {1}
    assert all(p["user"] is None for p in plant.tell_json("processes", "SELF.KOM"))
    first.kill()
    eventually(lambda: active(plant) == {2} and uptime(plant), what="the second one's values")
    first = start_kom(plant, 1)
    assert active(plant) == {2}
    second.signal(signal.SIGSTOP)  # it hangs: WDErr, after three watchdog intervals
    try:
        eventually(lambda: active(plant) == {1} and uptime(plant), what="the first one's values")
    finally:
        second.signal(signal.SIGCONT)
    # It finds out that it is not wanted any more, and comes again as the passive one.
    eventually(lambda: {p["instance"] for p in plant.tell_json("processes", "SELF.KOM")
                        if p["state"] == "Running"} == {1, 2})
    assert active(plant) == {1}
