"""The twelve combinations of kernel and client levels: connected or refused, encrypted or not,
VERIFIED or not, and what both sides log. The same table stands in docs/security/tls.md."""

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.programs import TIMESTAMP

KERNELS = ("without TLS", "None", "TLSNoPeerAuth")
CLIENTS = ("None", "TLSNoPeerAuth", "right list", "wrong list")

PLAIN, ENCRYPTED, VERIFIED, REFUSED = "plain", "encrypted", "verified", "refused"
EXPECTED = {
    "without TLS": (PLAIN, REFUSED, REFUSED, REFUSED),
    "None": (ENCRYPTED, ENCRYPTED, VERIFIED, REFUSED),
    "TLSNoPeerAuth": (ENCRYPTED, ENCRYPTED, VERIFIED, REFUSED),
}
TABLE = [(kernel, client, outcome)
         for kernel in KERNELS for client, outcome in zip(CLIENTS, EXPECTED[kernel])]

CLIENT_BRACKET = {PLAIN: "", ENCRYPTED: r"\[TLSv1\.3\]", VERIFIED: r"\[TLSv1\.3 VERIFIED\]"}
KERNEL_BRACKET = {PLAIN: "", ENCRYPTED: r"\[TLSv1\.3\]", VERIFIED: r"\[TLSv1\.3\]"}


def configure(plant, kernel_level, client_level, right, wrong):
    if kernel_level == "without TLS":
        plant.server_config.application("PLANT", "# no TLS\n")
    else:
        plant.server_config.application("PLANT", tls_server(right, kernel_level))
    plant.client_config.application("PLANT", {
        "None": tls_client("None"),
        "TLSNoPeerAuth": tls_client("TLSNoPeerAuth"),
        "right list": tls_client("TLSPeerAuth", right.cert),
        "wrong list": tls_client("TLSPeerAuth", wrong.cert),
    }[client_level])


@pytest.mark.parametrize("kernel_level,client_level,outcome", TABLE)
def test_levels(plant, seed_identity, other_identity, kernel_level, client_level, outcome):
    configure(plant, kernel_level, client_level, seed_identity, other_identity)
    kernel = plant.start_kernel()

    tell = plant.tell("processes", "--json")

    client_log = plant.client_log()
    if outcome == REFUSED:
        assert tell.exit_code == 4, tell.stderr
        assert "Connection established" not in client_log
        assert "CLIENT - " in client_log and "ERROR: " in client_log, client_log
        assert not kernel.log_lines("RegistraterProces OK")
        kernel.wait_for_log(rf"^{TIMESTAMP} BACKEND - .*(refused|not trust|NOT_TRUSTED)")
    else:
        assert tell.exit_code == 0, tell.stderr
        myself, = [p for p in tell.values() if p["name"].endswith(".TEL")]
        assert myself["tls_version"] == (None if outcome == PLAIN else "TLSv1.3")
        assert myself["verified"] is (outcome == VERIFIED)
        plant.assert_client_connected(CLIENT_BRACKET[outcome])
        kernel.wait_for_log(
            rf"^{TIMESTAMP} BACKEND - RegistraterProces request from \S+\.TEL V1\.00\.000 s1"
            rf" \[TCP/IP [^ ]+:\d+\]{KERNEL_BRACKET[outcome]}\. ClientName: \S+\.TEL$")


def test_a_client_at_none_goes_to_plain_with_a_warning_only(plant, seed_identity, other_identity):
    configure(plant, "without TLS", "None", seed_identity, other_identity)
    plant.start_kernel()
    assert plant.tell("processes").exit_code == 0
    lines = plant.client_log().splitlines()
    tries = [line for line in lines if "Connecting to D2000 Server" in line]
    assert tries[0].endswith("TCP/IP|TLS...") and tries[1].endswith("TCP/IP...")
    assert any("WARNING: " in line and "TLS" in line for line in lines)


def test_a_plain_client_is_welcome_where_the_level_is_none(plant, seed_identity, other_identity):
    configure(plant, "None", "None", seed_identity, other_identity)
    plant.start_kernel()
    with protocol.Link(plant.port, tls=False) as link:
        assert link.register("PLAINPC.API").id_number > 0


def test_a_plain_client_is_refused_where_tls_is_required(plant, seed_identity, other_identity):
    configure(plant, "TLSNoPeerAuth", "None", seed_identity, other_identity)
    kernel = plant.start_kernel()
    with protocol.Link(plant.port, tls=False) as link:
        link.hello()
        refuse = link.wait_end()
    assert refuse.name == "Refuse" and refuse.code == protocol.CODES["TLS_REQUIRED"]
    assert refuse.sentence
    kernel.wait_for_log(r"BACKEND - .*refused")


def test_tls_to_a_kernel_without_it_gets_one_plain_refusal(plant):
    plant.server_config.application("PLANT", "# no TLS\n")
    plant.start_kernel()
    with protocol.Link(plant.port, tls=False) as link:
        link.send_bytes(bytes.fromhex("16030100050100000100"))
        refuse = link.wait_end()
    assert refuse.name == "Refuse" and refuse.code == protocol.CODES["NO_TLS"]


def test_a_kernel_without_tls_section_warns_once_that_it_is_open(plant):
    plant.server_config.application("PLANT", "# no TLS\n")
    plant.client_config.application("PLANT", tls_client("None"))
    kernel = plant.start_kernel()
    for _ in range(2):
        assert plant.tell("processes").exit_code == 0
    kernel.stop()
    assert len(kernel.log_lines(r"WARNING: .*has no \[TLS_Server\].*open")) == 1


def test_a_client_without_application_says_so_in_one_warning(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "None"))
    plant.start_kernel()
    tell = plant.tell("processes", application=None)
    assert tell.exit_code == 0, tell.stderr
    warnings = [line for line in plant.client_log().splitlines() if "WARNING: " in line]
    assert len(warnings) == 1 and "application" in warnings[0]


def test_the_default_application_counts_as_given(plant, seed_identity, other_identity):
    configure(plant, "TLSNoPeerAuth", "right list", seed_identity, other_identity)
    plant.client_config.installation("DefaultApplication = PLANT\n")
    plant.start_kernel()
    assert plant.tell("processes", application=None).exit_code == 0
    assert "VERIFIED" in plant.client_log()


@pytest.mark.parametrize("side", ["kernel", "client"])
def test_an_application_that_is_not_configured_is_an_error(plant, seed_identity, side):
    plant.server_config.application("PLANT", tls_server(seed_identity, "None"))
    plant.client_config.application("PLANT", tls_client("None"))
    if side == "kernel":
        kernel = plant.run_kernel(application="PLANTT")
        assert kernel.process.returncode != 0
        assert "cfg_PLANTT.conf" in kernel.stderr + kernel.log_text()
    else:
        plant.start_kernel()
        tell = plant.tell("processes", application="PLANTT")
        assert tell.exit_code == 2
        assert "cfg_PLANTT.conf" in tell.stderr


@pytest.mark.parametrize("level", ["TLSNoPeerAut", "tls", "2", ""])
def test_a_misspelt_level_is_an_error_and_never_none(plant, seed_identity, level):
    plant.server_config.application("PLANT", tls_server(seed_identity, level or None))
    kernel = plant.run_kernel()
    assert kernel.process.returncode != 0
    assert "TLS_RequiredLevel" in kernel.stderr + kernel.log_text()


@pytest.mark.parametrize("minimum,version", [("TLSv1.2", "TLSv1.2"), ("TLSv1.3", None)])
def test_the_minimum_version_is_kept(plant, seed_identity, minimum, version):
    plant.server_config.application(
        "PLANT", tls_server(seed_identity, "TLSNoPeerAuth", TLS_MinVersion=minimum))
    kernel = plant.start_kernel()
    context = protocol.tls_context()
    context.maximum_version = protocol.ssl.TLSVersion.TLSv1_2
    if version is None:
        with pytest.raises((protocol.ssl.SSLError, ConnectionError)):
            protocol.Link(plant.port, context=context)
    else:
        with protocol.Link(plant.port, context=context) as link:
            link.register("OLDPC.API")
        kernel.wait_for_log(rf"\[{version}\]")
