"""d2k-kom: which groups it measures, and that a change is taken over while it runs."""

import re

import pytest

from d2k_test.config import Config, section, tls_client, tls_server
from d2k_test.poll import eventually


def configure(plant, identity, **kom):
    plant.client_config.application(
        "PLANT", tls_client("TLSPeerAuth", identity.cert), section("KOM", kom))


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    configure(plant, seed_identity, Groups="cpu")
    return plant.start_kernel()


@pytest.fixture
def kom(plant, kernel):
    kom = plant.start_kom("/WSELF", "--prefix=PC")
    kom.wait_for_log(r"KOM - d2k-kom .* publishes PC\.\* every 100 ms: cpu\.$")
    kom.wait_connected()
    return kom


def valid(plant, pattern, **options):
    return {v["name"]: v for v in plant.tell_json("get", pattern, **options) if v["valid"]}


def test_only_the_groups_that_are_configured_are_measured(plant, kom):
    eventually(lambda: "PC.CPU_Load" in valid(plant, "PC.*"))
    assert plant.tell_json("list", "PC.Mem_*") == []


def test_a_change_is_taken_over_while_it_runs(plant, kom, seed_identity):
    eventually(lambda: "PC.CPU_Load" in valid(plant, "PC.*"))
    configure(plant, seed_identity, Groups="memory;cores;disk;network;processes;temperature")
    kom.wait_for_log(r"KOM - Settings have changed: it publishes PC\.\* every 100 ms: memory;cores;")
    wanted = {"PC.Mem_Used", "PC.Tasks_Running", "PC.Disk_Root_Used", "PC.Disk_Root_Free", "PC.Switches"}
    names = eventually(lambda: wanted <= set(v := valid(plant, "PC.*")) and v, what=f"{wanted} are valid")
    eventually(lambda: any(re.fullmatch(r"PC\.Core\d+_Load", name) for name in valid(plant, "PC.*")))
    assert names["PC.Disk_Root_Used"]["unit"] == "%" and 0 < names["PC.Disk_Root_Used"]["value"] <= 100
    eventually(lambda: "PC.CPU_Load" not in valid(plant, "PC.*"), what="CPU_Load loses Valid")
    assert kom.is_running()


def test_the_period_of_the_command_line_stays(plant, kom, seed_identity):
    configure(plant, seed_identity, Groups="cpu;memory", Period=3600000)
    kom.wait_for_log(r"Settings have changed: it publishes PC\.\* every 100 ms: cpu;memory\.$")


@pytest.mark.parametrize("broken", [{"Groups": "cpu;dsik"}, {"Groups": ";"}, {"Period": "1"}])
def test_a_broken_section_keeps_the_last_good_one(plant, kom, seed_identity, broken):
    configure(plant, seed_identity, **broken)
    line = kom.wait_for_log(r"KOM - ERROR: .*cfg_PLANT\.conf:\d+: ")
    assert line.endswith("[KOM] as it was read before stays in force.")
    other = Config(plant.directory / "other")  # d2k-tell refuses the broken one
    other.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    uptime = lambda: valid(plant, "PC.Uptime", config=other).get("PC.Uptime")  # noqa: E731
    before = eventually(uptime, what="PC.Uptime is valid")["sequence"]
    eventually(lambda: uptime()["sequence"] > before + 3)
    assert len(kom.log_lines(r"KOM - ERROR: ")) == 1
    configure(plant, seed_identity, Groups="memory")
    kom.wait_for_log(r"Settings have changed: it publishes PC\.\* every 100 ms: memory\.$")


def test_a_broken_section_at_the_start_is_exit_code_2(plant, kernel, seed_identity):
    configure(plant, seed_identity, Groups="everything")
    kom = plant.start_kom()
    assert kom.wait() == 2 and "Groups = everything: allowed: cpu, memory" in kom.stderr
