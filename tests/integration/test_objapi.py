"""A program written from the documentation of ObjApi, and libd2kobjapi as its users meet it."""

import re
import struct
import subprocess

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually
from d2k_test.programs import BUILD, REPOSITORY

PROGRAM = BUILD / "tests/programs/objapi_program"
LIBRARY = BUILD / "src/objapi/libd2kobjapi.so.1"
REAL, STATION = 3, 9
ALARM = 8  # property
RULES = ("[Rights\\10]\nProcess = *.TEL\nAllow = define\n"
         "[Rights\\20]\nProcess = OBJ.API\nAllow = set\n")


def leave_children(plant, tls):
    """The process has run before: the kernel knows its objects."""
    with protocol.Link(plant.port, tls=tls) as link:
        link.register("OBJ.API", flags=0)
        limits = b"".join(struct.pack("<HHd", key, 8, number)
                          for key, number in zip(protocol.LIMITS, (2, 3, 4, 5)))
        alarms = protocol.property_u32(ALARM, 1 << 25 | 1 << 28)  # VL_Limit, VH_Limit
        link.define("Obj.Level", REAL, properties=limits + alarms)
        element = protocol.property_list({protocol.COLUMNS: protocol.columns((REAL, ""))})
        link.define("Obj.Curve", protocol.ARRAY, properties=element)
        link.log_off()


@pytest.mark.parametrize("secured", [True, False], ids=["TLS", "plain"])
def test_a_program_of_the_documentation_runs(plant, other_identity, secured):
    server = tls_server(other_identity, "TLSNoPeerAuth") if secured else ""
    client = tls_client("TLSPeerAuth", other_identity.cert) if secured else ""
    plant.server_config.application("PLANT", server, RULES)
    plant.client_config.application("PLANT", client)
    plant.start_kernel()
    leave_children(plant, secured)
    assert plant.tell("define", "Obj.Note", "Text").exit_code == 0
    _, *words = plant.client_command(PROGRAM)
    program = plant.start_program(PROGRAM, " ".join(map(str, [*words, "/WOBJ"])))
    eventually(lambda: "waiting" in program.stdout or not program.is_running())
    assert "WRONG" not in program.stdout and program.is_running(), program.stdout + program.stderr

    result = plant.tell("set", "Obj.Level", "7")
    assert result.exit_code == 0, result.stderr
    assert program.wait() == 0, program.stdout + program.stderr
    level, = plant.tell_json("get", "Obj.Level")
    assert level["value"] == 7
    plant.wait_for_state("OBJ.API", "Stop")


def test_a_passive_instance_is_told_of_new_children_when_it_becomes_active(plant):
    plant.server_config.application("PLANT")
    plant.client_config.application("PLANT")
    plant.start_kernel()
    with protocol.Link(plant.port, tls=False) as other:
        other.register("OBJ.API", flags=0, instance=1)
        other.define("Obj.Level", REAL)
        _, *words = plant.client_command(PROGRAM)
        program = plant.start_program(PROGRAM, " ".join(map(str, [*words, "/WOBJ,2"])), "passive")
        eventually(lambda: "waiting" in program.stdout or not program.is_running())
        other.define("Obj.Station", STATION)
    assert program.wait() == 0, program.stdout + program.stderr
    assert "has declared" in program.stdout


@pytest.mark.release_build
def test_exports_exactly_what_its_header_declares():
    def run(*command):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    exported = {line.split()[0] for line in
                run("nm", "-D", "--defined-only", "--format=posix", str(LIBRARY)).splitlines()}
    header = (REPOSITORY / "include/d2k/objapi.h").read_text()
    header = re.sub(r"/\*.*?\*/", " ", header, flags=re.S)
    declared = set(re.findall(r"D2K_API[^;{]*?\b(\w+)\s*\(", header))
    assert "OpenObject" in declared and exported == declared
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", str(LIBRARY)))
    assert "libd2k.so.1" in needed
    assert [n for n in needed if not re.match(r"lib(d2k|c)\.so|ld-linux", n)] == []


def test_every_call_of_the_header_stands_in_its_document():
    header = (REPOSITORY / "include/d2k/objapi.h").read_text()
    document = (REPOSITORY / "docs/objapi.md").read_text()
    for name in set(re.findall(r"D2K_API[^;{]*?\b(\w+)\(", header)) | set(
            re.findall(r"\bAPI_\w+", header)):
        assert f"`{name}`" in document, name
