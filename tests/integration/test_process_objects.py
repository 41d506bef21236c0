"""The object that tells the state of a process."""

import signal

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually
from d2k_test.supervised import kom, process, sleeper

BOOLEAN = 1


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


def connect(plant, name, defines="Level", **options):
    link = protocol.Link(plant.port)
    link.register(name, flags=0, **options)
    if defines:
        link.define(defines)
    return link


def log_off(link):
    link.send_bytes(protocol.encode("Bye", code=0, retry_after_ms=0, sentence=""))
    link.close()


def get(plant, name):
    """What d2k-tell shows of an object; None: there is none."""
    tell = plant.tell("get", name, "--json")
    return next((value for value in tell.values() if "value" in value), None)


def wait_for(plant, name, state, flags=()):
    def is_so():
        shown = get(plant, name)
        assert shown is None or shown["valid"], shown
        return shown and (shown["value"], shown["flags"]) == (state, list(flags)) and shown
    return eventually(is_so, what=f"{name} is {state} {flags}")


def test_it_follows_what_becomes_of_the_process(plant, kernel):
    link = connect(plant, "BOILER.KOM")
    began = wait_for(plant, "BOILER.KOM", "Run")["time"]
    shown, = plant.tell_json("list", "BOILER.KOM")
    assert (shown["type"], shown["owner"]) == ("Process", "")
    link.close()
    assert wait_for(plant, "BOILER.KOM", "Crash")["time"] > began
    link = connect(plant, "BOILER.KOM")
    wait_for(plant, "BOILER.KOM", "Run")
    log_off(link)
    wait_for(plant, "BOILER.KOM", "Stop")
    link = connect(plant, "BOILER.KOM", watchdog_ms=1000)
    wait_for(plant, "BOILER.KOM", "Run")
    wait_for(plant, "BOILER.KOM", "WDErr")


def test_each_instance_has_its_flag(plant, kernel):
    second = connect(plant, "SELF.KOM", defines=None, instance=2)
    wait_for(plant, "SELF.KOM", "Run", "C")
    last = connect(plant, "SELF.KOM", defines=None, instance=15)
    first = connect(plant, "SELF.KOM", defines=None, instance=1)
    wait_for(plant, "SELF.KOM", "Run", "BCP")
    second.close()
    wait_for(plant, "SELF.KOM", "Run", "BP")
    log_off(last)
    wait_for(plant, "SELF.KOM", "Run", "B")
    first.close()
    wait_for(plant, "SELF.KOM", "Crash")
    with connect(plant, "SELF.KOM", defines=None):  # without an instance, now that none runs
        wait_for(plant, "SELF.KOM", "Run")


def test_who_only_reads_has_none(plant, kernel):
    with connect(plant, "OP.HIP", defines=None) as link:
        assert get(plant, "OP.HIP") is None
        link.define("Note")
        wait_for(plant, "OP.HIP", "Run")


def test_its_name_is_one_of_objects(plant, kernel):
    with connect(plant, "BOILER-1.KOM"):
        wait_for(plant, "BOILER_1.KOM", "Run")


def test_two_whose_names_differ_in_what_objects_cannot_have_do_not_share_one(plant, kernel):
    with connect(plant, "A-B.KOM"):
        wait_for(plant, "A_B.KOM", "Run")
        connect(plant, "A_B.KOM", defines="Other").close()
        kernel.wait_for_log("Process A_B.KOM has no object that tells its state: object A_B.KOM has"
                            " another description: State of the process A-B.KOM")
        kernel.wait_for_log("Process ended. ClientName: A_B.KOM")
        wait_for(plant, "A_B.KOM", "Run")


def test_an_object_that_was_there_before_stays(plant, kernel):
    with connect(plant, "FIRST.API", defines="SECOND.API"), connect(plant, "SECOND.API"):
        line = kernel.wait_for_log("Process SECOND.API has no object that tells its state")
        assert "belongs to FIRST.API" in line
        shown, = plant.tell_json("list", "SECOND.API")
        assert shown["type"] == "Integer" and shown["owner"] == "FIRST.API"


def test_nobody_sets_or_defines_it(plant, kernel):
    with connect(plant, "BOILER.KOM") as link:
        wait_for(plant, "BOILER.KOM", "Run")
        assert plant.tell("set", "BOILER.KOM", "Stop").exit_code != 0
        link.send("Define", type=BOOLEAN, name="BOILER.KOM", description="", unit="", properties=b"")
        assert link.expect("Failed").code == protocol.CODES["NOT_OWNER"]
        wait_for(plant, "BOILER.KOM", "Run")


def test_an_expression_follows_it(plant, kernel):
    link = connect(plant, "BOILER.KOM")
    wait_for(plant, "BOILER.KOM", "Run")
    made = plant.tell_here("define", "Boiler.Lost", "Boolean", '--computed=BOILER.KOM <> "Run"')
    assert made.exit_code == 0, made.stderr
    assert get(plant, "Boiler.Lost")["value"] is False
    link.close()
    eventually(lambda: get(plant, "Boiler.Lost")["value"] is True)


def test_it_tells_a_kernel_that_came_again_nothing_old(plant, kernel):
    link = connect(plant, "BOILER.KOM")
    wait_for(plant, "BOILER.KOM", "Run")
    before, = plant.tell_json("list", "BOILER.KOM")
    kernel.signal(signal.SIGKILL)
    kernel.wait()
    link.close()
    plant.start_kernel()
    assert get(plant, "BOILER.KOM") is None  # nobody has said so since
    with connect(plant, "BOILER.KOM"):
        wait_for(plant, "BOILER.KOM", "Run")
        assert plant.tell_json("list", "BOILER.KOM") == [before]


def test_a_static_one_has_it_before_it_ever_comes(supervised):
    plant = supervised.plant
    supervised.start_again(sleeper("OFF.API", Autostart="off"), process("GONE.API", "/does/not/exist"),
                           kom(supervised, plant.reserve_port()))
    wait_for(plant, "OFF.API", "Stop")
    wait_for(plant, "GONE.API", "Crash")
    wait_for(plant, "SELF.KOM", "Run")


def test_what_was_stored_under_the_name_of_a_static_one_stays(supervised):
    plant = supervised.plant
    supervised.start()
    assert plant.tell_here("define", "OFF.API", "Integer", "--default=7").exit_code == 0
    supervised.kernel.stop()
    kernel = supervised.start(sleeper("OFF.API", Autostart="off"))
    kernel.wait_for_log("Process OFF.API has no object that tells its state: object OFF.API is")
    assert get(plant, "OFF.API")["value"] == 7
