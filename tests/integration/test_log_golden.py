"""The lines of the seed document, character by character, with d2k's own version."""

import re

from d2k_test.config import tls_client, tls_server
from d2k_test.poll import eventually
from d2k_test.programs import TIMESTAMP


def wait_for_lines(program, pattern):
    """Several lines, one behind the other."""
    try:
        eventually(lambda: re.search(pattern, program.log_text(), re.MULTILINE), what=pattern)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{program.log_text()}") from None


def test_log_lines_of_a_verified_connection(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    kernel = plant.start_kernel()

    kom = plant.start_kom("/WDispPC")

    wait_for_lines(
        kom, rf"^{TIMESTAMP} CLIENT - Connecting to D2000 Server \[localhost\] TCP/IP\|TLS\.\.\.\n"
        rf"{TIMESTAMP} CLIENT - Connection established to D2000 Kernel V1\.00\.000 s1"
        rf" \[TCP/IP localhost:{plant.port}\]\[TLSv1\.3 VERIFIED\]\.\n"
        r"ConnectionSqlId = 1\n")
    wait_for_lines(
        kernel, rf"^{TIMESTAMP} BACKEND - RegistraterProces request from DispPC\.KOM V1\.00\.000 s1"
        r" \[TCP/IP (127\.0\.0\.1|\[::1\]):\d+\]\[TLSv1\.3\]\. ClientName: DispPC\.KOM\n"
        rf"{TIMESTAMP} SERVER - RegistraterProces OK\. ClientName: DispPC\.KOM Id: \d+"
        r" ComputerName: \S+ SAS: 0\n")


def test_log_lines_of_a_plain_connection(plant):
    plant.server_config.application("PLANT", "# no TLS\n")
    kernel = plant.start_kernel()

    kom = plant.start_kom("/WDispPC", application=None)

    wait_for_lines(
        kom, rf"^{TIMESTAMP} CLIENT - Connecting to D2000 Server \[localhost\] TCP/IP\.\.\.\n"
        rf"{TIMESTAMP} CLIENT - Connection established to D2000 Kernel V1\.00\.000 s1"
        rf" \[TCP/IP localhost:{plant.port}\]\.\n"
        r"ConnectionSqlId = 1\n")
    kernel.wait_for_log(
        rf"^{TIMESTAMP} BACKEND - RegistraterProces request from DispPC\.KOM V1\.00\.000 s1"
        r" \[TCP/IP (127\.0\.0\.1|\[::1\]):\d+\]\. ClientName: DispPC\.KOM$")


def test_the_kernel_counts_registrations_from_its_start(plant):
    plant.server_config.application("PLANT", "# no TLS\n")
    plant.start_kernel()
    for number in (1, 2, 3):
        assert plant.tell("processes", application=None).exit_code == 0
        assert plant.client_log().count("ConnectionSqlId = ") == number
    assert plant.client_log().rstrip().splitlines().count("ConnectionSqlId = 3") == 1


def test_the_log_of_the_run_before_is_kept(plant):
    plant.server_config.application("PLANT", "# no TLS\n")
    for _ in range(3):
        plant.start_kernel().stop()
    names = sorted(path.name for path in plant.log_dir.glob("KNL-SELF*.log*"))
    assert names == ["KNL-SELF.his.log", "KNL-SELF.log", "KNL-SELF.prev.log"]


def test_text_of_a_peer_is_escaped_in_the_log(plant):
    from d2k_test import protocol
    plant.server_config.application("PLANT", "# no TLS\n")
    kernel = plant.start_kernel()
    with protocol.Link(plant.port, tls=False) as link:
        link.hello()
        link.expect("Welcome")
        link.send_bytes(link.register_bytes("EVIL.API\n[x] SERVER - forged\x1b[2J"))
        assert link.wait_end().code == protocol.CODES["BAD_NAME"]
    kernel.wait_for_log("EVIL")
    assert not kernel.log_lines(r"^\[x\]") and "\x1b" not in kernel.log_text()
