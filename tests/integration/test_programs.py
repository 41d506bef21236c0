"""d2k-tell and d2k-kom as people and scripts meet them: exit codes, output, signals, logs."""

import json
import signal
import subprocess

import pytest

from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S, eventually


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


@pytest.fixture
def kom(plant, kernel):
    kom = plant.start_kom("/WSELF", "--prefix=PC")
    kom.wait_connected()
    eventually(lambda: [v for v in plant.tell_json("get", "PC.*") if v["valid"]])
    return kom


@pytest.mark.parametrize("program", ["d2k-tell", "d2k-kom"])
def test_an_unknown_parameter_is_named(plant, program):
    plant.port = 1
    ended = subprocess.run([*map(str, plant.client_command(program)), "--no-such"],
                           capture_output=True, text=True, env=plant.environment(), timeout=DEADLINE_S)
    assert ended.returncode == 2 and "--no-such" in ended.stderr and not ended.stdout


def test_every_measurement_has_its_type_and_a_valid_value(plant, kom):
    def types_of_valid():
        return {v["name"]: (v["type"], v["unit"]) for v in plant.tell_json("get", "PC.*") if v["valid"]}
    assert eventually(lambda: len(types := types_of_valid()) >= 9 and types) == {
        "PC.CPU_Load": ("Real", "%"), "PC.Load_1": ("Real", ""), "PC.Load_5": ("Real", ""),
        "PC.Load_15": ("Real", ""), "PC.Mem_Total": ("Integer", "B"),
        "PC.Mem_Available": ("Integer", "B"), "PC.Mem_Used": ("Real", "%"),
        "PC.Uptime": ("Relative time", ""), "PC.Processes": ("Integer", "")}


def test_what_was_found_is_printed_beside_what_was_not(plant, kom):
    tell = plant.tell("get", "No.Such", "PC.Uptime")
    assert tell.exit_code == 1 and "No.Such" in tell.stderr
    header, line = tell.stdout.splitlines()
    assert header.split() == ["NAME", "VALUE", "UNIT", "STATUS", "TIME"]
    assert line.startswith("PC.Uptime ") and " Valid " in line


def test_a_pattern_without_match_is_an_empty_answer(plant, kernel):
    tell = plant.tell("list", "No*", "--json")
    assert tell.exit_code == 0 and json.loads(tell.stdout) == {"objects": []}


def test_watch_ends_after_its_count(plant, kom):
    tell = plant.tell("watch", "PC.Uptime", "--count=3", "--json")
    assert tell.exit_code == 0
    sequences = [v["sequence"] for v in tell.values()]
    assert len(sequences) == 3 and sequences == sorted(set(sequences))


def test_watch_that_runs_out_of_time_before_its_count_is_exit_code_1(plant, kernel):
    assert plant.tell("watch", "No.Such", "--count=1", "--for=1").exit_code == 1
    assert plant.tell("watch", "No.Such", "--for=1").exit_code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_watch_with_0_after_its_log_off(plant, kom, number):
    watch = plant.start_tell("watch", "PC.Uptime", "/WWATCH")
    watch.wait_for_value(lambda v: v["name"] == "PC.Uptime")
    watch.signal(number)
    assert watch.wait() == 0
    plant.wait_for_state("WATCH.TEL", "Stop")


def test_kom_ends_with_0_after_its_log_off(plant, kom):
    kom.signal(signal.SIGTERM)
    assert kom.wait() == 0
    plant.wait_for_state("SELF.KOM", "Stop")
    assert not any(v["valid"] for v in plant.tell_json("get", "PC.*"))


def test_watch_of_a_reader_that_goes_ends_quietly(plant, kom):
    command = [*map(str, plant.client_command("d2k-tell")), "watch", "PC.Uptime", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=plant.environment()) as watch:
        assert json.loads(watch.stdout.readline())["name"] == "PC.Uptime"
        watch.stdout.close()
        assert watch.wait(DEADLINE_S) == 0 and watch.stderr.read() == ""


def test_output_that_cannot_be_written_is_exit_code_6(plant, kernel):
    with open("/dev/full", "w", encoding="utf-8") as full:
        ended = subprocess.run([*map(str, plant.client_command("d2k-tell")), "list"], stdout=full,
                               stderr=subprocess.PIPE, text=True, env=plant.environment(),
                               timeout=DEADLINE_S)
    assert ended.returncode == 6 and "standard output" in ended.stderr


@pytest.mark.parametrize("arguments", [("list",), ("watch", "CPU_Load", "--count=1")])
def test_tell_works_without_a_log(plant, kernel, arguments):
    tell = plant.tell(*arguments, "--log-dir=/proc/no-such")
    assert tell.exit_code == 0 and tell.stderr.count("WARNING: no log file") == 1


def test_kom_without_a_log_publishes_and_logs_to_stderr(plant, kernel):
    kom = plant.start_kom("/WSELF", "--prefix=PC", "--log-dir=/proc/no-such")
    eventually(lambda: plant.tell("get", "PC.Uptime").exit_code == 0)
    assert "WARNING: no log file" in kom.stderr
    eventually(lambda: "Connection established" in kom.stderr)


def test_connection_lines_are_on_stderr_only_when_asked_for(plant, kernel):
    assert "CLIENT - " not in plant.tell("list").stderr
    assert "CLIENT - Connection established" in plant.tell("list", "--verbose").stderr


def test_shutdown_without_an_application_says_what_is_missing(plant, kernel):
    ended = subprocess.run([str(plant.client_command("d2k-tell")[0]), "shutdown",
                            f"--config-dir={plant.client_config.directory}",
                            f"--log-dir={plant.log_dir}"],
                           capture_output=True, text=True, env=plant.environment(), timeout=DEADLINE_S)
    assert ended.returncode == 2 and "@<application>" in ended.stderr
    assert kernel.is_running()
