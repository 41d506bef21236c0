"""Values from their source to their readers."""

import os
import re
import struct

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


def contents(update):
    return [struct.unpack("<q", content)[0]
            for _, kind, _, _, content in protocol.value_records(update.values)
            if kind == protocol.INTEGER]


def test_measurements_of_this_machine_can_be_listed_read_and_watched(plant, kernel):
    kom = plant.start_kom("/WSELF")
    kom.wait_connected()
    load, = eventually(lambda: [o for o in plant.tell_json("list")
                                if o["name"].endswith(".CPU_Load")])
    assert load["type"] == "Real" and load["unit"] and load["description"]
    assert load["owner"] == "SELF.KOM"

    value, = eventually(lambda: [v for v in plant.tell_json("get", load["name"]) if v["valid"]])
    assert value["name"] == load["name"] and 0 <= value["value"] <= 100

    watch = plant.start_tell("watch", load["name"])
    watch.wait_for_value(lambda v: v.get("name") == load["name"])
    eventually(lambda: len([v for v in watch.values() if "value" in v]) >= 3)


def test_the_kernel_has_system_tags(plant, kernel):
    names = {o["name"].split(".")[-1] for o in plant.tell_json("list")}
    assert {"Act_Client", "Perf_Kernel_Rq", "AllocatedMem", "CPU_Load"} <= names


def test_what_is_not_there_is_not_found(plant, kernel):
    assert plant.tell("get", "No.Such.Object").exit_code == 1


def test_values_become_invalid_when_their_owner_is_gone(plant, kernel):
    owner = protocol.Link(plant.port)
    owner.register("SOURCE.API", flags=0)
    owner.publish(owner.define("Tank.Level"), 42, 1)
    watch = plant.start_tell("watch", "Tank.Level")
    watch.wait_for_value(lambda v: v.get("value") == 42 and v["valid"] is True)
    owner.close()
    gone = watch.wait_for_value(lambda v: v.get("valid") is False)
    assert gone["value"] == 42, "the content stays"

    with protocol.Link(plant.port) as again:
        again.register("SOURCE.API", flags=0)
        again.publish(again.define("Tank.Level"), 43, 1)
        watch.wait_for_value(lambda v: v.get("value") == 43 and v["valid"] is True)


def test_an_object_belongs_to_its_process(plant, kernel):
    with protocol.Link(plant.port) as owner, protocol.Link(plant.port) as other:
        owner.register("OWNER.API", flags=0)
        other.register("OTHER.API", flags=0)
        hobj = owner.define("Tank.Level")
        other.send("Define", type=protocol.INTEGER, name="Tank.Level", description="", unit="")
        with pytest.raises(AssertionError, match="Failed"):
            other.expect("Defined")
        owner.publish(hobj, 1, 1)
        other.publish(hobj, 666, 1)
        other.send("Ping", data=b"after")
        owner.subscribe("Tank.Level")
        owner.publish(hobj, 2, 2)
        assert contents(owner.expect("Update")) == [2]


def write(link, hobj, counter):
    link.send("Write", writer_instance=os.urandom(16), writer_counter=counter,
              value=protocol.value_record(hobj, protocol.INTEGER, struct.pack("<q", 7)))
    return link.expect("WriteResult")


def test_each_write_is_recorded_with_the_name_of_its_object(plant, kernel):
    with protocol.Link(plant.port) as owner, protocol.Link(plant.port) as stranger:
        owner.register("OWNER.API", flags=0)
        stranger.register("STRANGER.API", flags=0)
        hobj = owner.define("Valve")
        assert write(owner, hobj, 1).outcome == 0
        refusal = write(stranger, hobj, 1).sentence
        assert write(owner, 4_000_000_000, 2).outcome == 1
    assert refusal == ("object Valve belongs to OWNER.API, which takes no commands for it;"
                       " STRANGER.API may not set it")
    kernel.wait_for_log(r"AUDIT - OWNER.API .* writes object Valve \(- -> 7\): done$")
    kernel.wait_for_log(r"AUDIT - STRANGER.API .* writes object Valve \(7 -> 7\): refused: "
                        f"{re.escape(refusal)}$")
    kernel.wait_for_log("AUDIT - OWNER.API .* writes object number 4000000000: refused: there is no object")


def test_a_subscription_begins_with_a_snapshot(plant, kernel):
    with protocol.Link(plant.port) as source, protocol.Link(plant.port) as reader:
        source.register("SOURCE.API", flags=0)
        for number in range(5):
            source.publish(source.define(f"Tank.{number}"), number, number + 1)
        source.send("Ping", data=b"")
        source.expect("Pong")
        reader.register("READER.API", flags=0)
        reader.send("Subscribe", subscription=7, mode=0, pattern="Tank.*")
        assert reader.expect("SnapshotBegin").subscription == 7
        seen = []
        while (message := reader.receive()).name != "SnapshotEnd":
            if message.name == "Update":
                seen += contents(message)
        assert sorted(seen) == [0, 1, 2, 3, 4]
        assert message.subscription == 7 and message.count == 5


def test_objects_that_come_later_match_too(plant, kernel):
    with protocol.Link(plant.port) as source, protocol.Link(plant.port) as reader:
        reader.register("READER.API", flags=0)
        assert reader.subscribe("Later.*").count == 0
        source.register("SOURCE.API", flags=0)
        source.publish(source.define("Later.One"), 9, 1)
        assert reader.expect("ObjectInfo").fields["name"] == "Later.One"
        assert contents(reader.expect("Update")) == [9]


@pytest.mark.parametrize("takes_past", [True, False])
def test_values_of_the_past_reach_only_readers_that_know_them(plant, kernel, takes_past):
    capabilities = protocol.CAPABILITIES & ~(0 if takes_past else protocol.CAPABILITY_PAST)
    with protocol.Link(plant.port) as source, protocol.Link(plant.port) as reader:
        source.register("SOURCE.API", flags=0)
        hobj = source.define("Tank.Past")
        reader.register("READER.API", flags=0, capabilities=capabilities)
        reader.subscribe("Tank.Past", mode=1)
        source.publish(hobj, 1, 1)
        source.publish(hobj, 2, 2, past=True)
        source.publish(hobj, 3, 3)
        seen = []
        while not seen or seen[-1] != 3:
            seen += contents(reader.expect("Update"))
        assert seen == ([1, 2, 3] if takes_past else [1, 3])
        reader.send("Read", pattern="Tank.Past")
        assert contents(reader.expect("Update")) == [3]


def publish_while_reader_sleeps(plant, mode, count):
    """Publishes count values that a reader takes only afterwards; returns what it got and lost."""
    with protocol.Link(plant.port) as source, protocol.Link(plant.port) as reader:
        source.register("SOURCE.API", flags=0)
        hobj = source.define("Fast.Counter")
        reader.register("READER.API", flags=0)
        reader.subscribe("Fast.Counter", mode=mode)
        for number in range(1, count + 1):
            source.publish(hobj, number, number)
        source.send("Ping", data=b"")
        source.expect("Pong")
        got, lost = [], 0
        while not got or got[-1] != count:
            message = reader.receive()
            if message.name == "Update":
                got += contents(message)
            elif message.name == "Overrun":
                lost += message.lost
        return got, lost


def test_a_reader_of_every_value_gets_every_value_in_order(plant, kernel):
    got, lost = publish_while_reader_sleeps(plant, mode=1, count=20_000)
    assert lost == 0 and got == list(range(1, 20_001))


def test_a_reader_of_the_latest_value_gets_the_last_and_never_goes_back(plant, kernel):
    got, lost = publish_while_reader_sleeps(plant, mode=0, count=20_000)
    assert lost == 0 and got == sorted(got) and got[-1] == 20_000
