"""What an administrator reads when a kernel does not start or a client does not get there: who, why,
and which file, directory or parameter. The kernel that runs already is not disturbed."""

import pytest

from d2k_test.config import tls_client, tls_server


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


def refused(plant, exit_code, *parameters, **options):
    """The one line that the kernel leaves on the standard error output."""
    ended = plant.run_kernel(*parameters, **options)
    assert ended.wait() == exit_code, ended
    line, = ended.stderr.splitlines()
    return line


def still_serves(plant):
    return plant.tell("processes").exit_code == 0


@pytest.mark.parametrize("parameter,use", [
    ("--state-dir", "state (--state-dir)"), ("--run-dir", "local socket (--run-dir)"),
    ("--log-dir", "log")])
def test_a_directory_that_cannot_be_made_is_named_with_its_use(plant, seed_identity, parameter, use):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    in_the_way = plant.directory / "in-the-way"
    in_the_way.write_text("")
    line = refused(plant, 2, f"{parameter}={in_the_way}")
    assert f"directory {in_the_way} for the {use} cannot be made" in line


def test_a_second_kernel_of_the_application_says_so(plant, kernel):
    second = plant.directory / "second"
    own = (f"--log-dir={second / 'log'}", f"--state-dir={second / 'state'}", "--port=0")
    line = refused(plant, 3, *own)
    assert f"{plant.directory / 'run' / 'PLANT.sock'}" in line
    assert line.endswith("Address already in use (does another kernel of this application run?)")
    assert "a kernel of this application runs on this machine already" in refused(plant, 2, own[0])
    assert still_serves(plant)


def test_a_port_in_use_is_named(plant, kernel):
    plant.server_config.application("OTHER", "# open\n")
    second = plant.directory / "second"
    line = refused(plant, 3, f"--log-dir={second / 'log'}", f"--state-dir={second / 'state'}",
                   application="OTHER")
    assert f":{plant.port}: Address already in use (does another kernel run on this port?)" in line
    assert still_serves(plant)


def test_a_kernel_without_tls_does_not_advise_to_lower_the_level(plant, seed_identity):
    plant.server_config.application("PLANT", "# open\n")
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    kernel = plant.start_kernel()
    assert plant.tell("list").exit_code == 4
    line = kernel.wait_for_log("this kernel has no TLS")
    assert "of [TLS_Server])" in line and "lower" not in line


def test_a_certificate_that_has_expired_has_no_days_left(plant, certificates):
    identity = certificates.make("old", days=(-9, -2))
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    kernel = plant.start_kernel()
    line = kernel.wait_for_log(r"\[TLS_Server\] generation 1")
    assert ", expired, SHA-256" in line and "days left" not in line


def test_a_name_without_address_is_said_to_be_one(plant, kernel):
    """Nobody is asked for a name that ends with .onion (RFC 7686): no packet leaves the machine."""
    tell = plant.tell("list", server="kernel.onion")
    assert tell.exit_code == 3
    assert "the name cannot be resolved: " in tell.stderr
