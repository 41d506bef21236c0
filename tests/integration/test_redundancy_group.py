"""/RF<group>: clients that find their kernel in the table of a redundancy group. The kernels of
this version are always hot; tests/unit/test_client_group.c plays those that are not."""

import re
import signal

import pytest

from d2k_test.config import section, tls_client, tls_server
from d2k_test.poll import eventually

SECOND = "127.0.0.2"


def table(*kernels):
    """[Redundancy\\RED\\Kernel_<n>] from dictionaries of its values."""
    return "".join(section(rf"Redundancy\RED\Kernel_{n}", values)
                   for n, values in enumerate(kernels, 1))


@pytest.fixture
def identities(plant, certificates):
    first, second = certificates.make("first"), certificates.make("second")
    plant.server_config.application("PLANT", tls_server(first, "TLSNoPeerAuth"))
    plant.client_config.application(
        "PLANT", tls_client("TLSPeerAuth", first.cert, second.cert))
    plant.client_config.installation(table({"IpAddr1": "127.0.0.1"}, {"IpAddr1": SECOND}))
    return first, second


def start_first(plant):
    return plant.start_kernel("--address=127.0.0.1")


def start_second(plant, identity):
    """On another address, the same port, with directories of its own."""
    config = type(plant.server_config)(plant.directory / "server2")
    config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    return plant.start_kernel(
        f"--address={SECOND}", f"--state-dir={plant.directory / 'state2'}",
        f"--run-dir={plant.directory / 'run2'}", f"--log-dir={plant.directory / 'log2'}",
        config=config)


def group_command(plant, program):
    return [word for word in plant.client_command(program) if not str(word).startswith("/S")] + [
        "/RFRED"]


def run(plant, *words):
    program, *parameters = [*group_command(plant, "d2k-tell"), *words]
    return plant.run_client(program.name, *parameters)


def test_the_first_kernel_that_is_hot_is_taken(plant, identities):
    start_first(plant)
    listed = run(plant, "list")
    assert listed.exit_code == 0, listed.stderr
    assert f"[TCP/IP 127.0.0.1:{plant.port}][TLSv1.3 VERIFIED]" in plant.client_log()


def test_a_client_follows_the_group_by_itself(plant, identities):
    first = start_first(plant)
    start_second(plant, identities[1])
    program, *parameters = group_command(plant, "d2k-tell")
    watch = plant.start_program(program.name, *parameters, "watch", "CPU_Load")
    eventually(lambda: f"[TCP/IP 127.0.0.1:{plant.port}]" in plant.client_log())
    first.signal(signal.SIGKILL)
    first.process.wait()
    eventually(lambda: f"[TCP/IP {SECOND}:{plant.port}][TLSv1.3 VERIFIED]" in plant.client_log())
    eventually(lambda: "connecting again" in watch.stderr)
    assert watch.is_running()


def test_a_kernel_with_another_name_is_a_warning(plant, identities):
    plant.client_config.installation(table({"IpAddr1": "127.0.0.1", "Name": "NO_SUCH_KERNEL"}))
    start_first(plant)
    assert run(plant, "list").exit_code == 0
    assert re.search(r"WARNING: .* is the kernel \S+, but the table of the redundancy group RED"
                     r" calls it NO_SUCH_KERNEL", plant.client_log())


def test_no_kernel_of_the_group_is_exit_code_3(plant, identities):
    plant.port = 1
    ended = run(plant, "list")
    assert ended.exit_code == 3
    assert "no kernel of the redundancy group RED is hot" in ended.stderr


def test_a_kernel_that_is_not_trusted_is_exit_code_4(plant, identities):
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", identities[1].cert))
    start_first(plant)
    assert run(plant, "list").exit_code == 4


def test_an_unknown_group_is_exit_code_2(plant, identities):
    plant.client_config.installation("")
    plant.port = 1
    ended = run(plant, "list")
    assert ended.exit_code == 2 and r"[Redundancy\RED\Kernel_1]" in ended.stderr


def test_discovery_by_multicast_is_refused_in_one_sentence(plant, identities):
    plant.port = 1
    ended = plant.tell("/RDRED", "list")
    assert ended.exit_code == 2 and len(ended.stderr.splitlines()) == 1
    assert "later version" in ended.stderr and "/RF<group>" in ended.stderr


def test_the_local_socket_is_found_where_the_kernel_was_told_to_put_it(plant, identities):
    start_first(plant)
    command = [f"--config-dir={plant.client_config.directory}", f"--log-dir={plant.log_dir}",
               f"--run-dir={plant.directory / 'run'}", "@PLANT"]
    listed = plant.run_client("d2k-tell", "list", "--local", *command)
    assert listed.exit_code == 0, listed.stderr
    ended = plant.run_client("d2k-tell", "shutdown", *command)
    assert ended.exit_code == 0, ended.stderr
