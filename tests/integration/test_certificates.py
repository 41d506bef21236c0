"""Every kind of key and certificate, through the real programs."""

import pytest

from d2k_test.certificates import Identity
from d2k_test.config import tls_client, tls_server

KINDS = {
    "seed (RSA-4096, v1)": lambda certificates: certificates.seed(),
    "P-256": lambda certificates: certificates.make(kind="p256"),
    "Ed25519": lambda certificates: certificates.make(kind="ed25519"),
    "RSA-2048": lambda certificates: certificates.make(kind="rsa2048"),
    "RSA-3072": lambda certificates: certificates.make(kind="rsa3072"),
    "with a chain": lambda certificates: certificates.chain(),
    "DER": lambda certificates: certificates.der(),
    "one PEM for both": lambda certificates: certificates.combined(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_served_and_verified(plant, shared_certificates, kind):
    identity = KINDS[kind](shared_certificates)
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", identity.cert))
    plant.start_kernel()
    tell = plant.tell("processes")
    assert tell.exit_code == 0, tell.stderr
    assert "[TLSv1.3 VERIFIED]" in plant.client_log()


def test_one_pem_works_without_key_file(plant, certificates):
    both = certificates.combined()
    plant.server_config.application("PLANT", tls_server(Identity(both.cert, None), "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSNoPeerAuth"))
    plant.start_kernel()
    assert plant.tell("processes").exit_code == 0


def test_paths_with_blanks_and_letters_of_other_languages(plant, certificates):
    directory = certificates.directory / "kľúče a certifikáty"
    directory.mkdir()
    identity = certificates.make().copy_to(directory, "môj server")
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", identity.cert))
    plant.start_kernel()
    assert plant.tell("processes").exit_code == 0


def test_a_certificate_that_the_listed_key_signed_is_not_in_the_list(plant, certificates):
    """The seed's v1 certificate is no authority: only the listed certificate itself counts."""
    chained = certificates.chain("leaf")
    ca_only = certificates.directory / "ca.crt"
    ca_only.write_bytes(chained.cert.read_bytes().split(b"-----END CERTIFICATE-----\n", 1)[1])
    plant.server_config.application("PLANT", tls_server(chained, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", ca_only))
    plant.start_kernel()
    assert plant.tell("processes").exit_code == 4
    assert "VERIFIED" not in plant.client_log()


def test_one_of_several_in_one_file_and_in_several_files(plant, certificates, other_identity):
    identity, third = certificates.make("right"), certificates.make("third")
    bundle = certificates.directory / "bundle.pem"
    bundle.write_bytes(third.cert.read_bytes() + identity.cert.read_bytes())
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    plant.start_kernel()
    for trusted in ([bundle], [other_identity.cert, identity.cert],
                    [certificates.directory / "missing.crt", identity.cert]):
        plant.client_config.application("PLANT", tls_client("TLSPeerAuth", *trusted))
        assert plant.tell("processes").exit_code == 0, trusted
    assert "missing.crt" in plant.client_log()


def test_no_usable_entry_in_the_list_is_an_error(plant, certificates):
    plant.server_config.application("PLANT", tls_server(certificates.make(), "None"))
    plant.client_config.application(
        "PLANT", tls_client("TLSPeerAuth", certificates.directory / "missing.crt"))
    plant.start_kernel()
    tell = plant.tell("processes")
    assert tell.exit_code == 2
    assert "missing.crt" in tell.stderr + plant.client_log()


def broken_encrypted(certificates):
    identity = certificates.encrypted()
    return identity, identity.key.name


def broken_mismatch(certificates):
    first, second = certificates.make("first"), certificates.make("second")
    return Identity(first.cert, second.key), "second.key"


def broken_truncated(certificates):
    identity = certificates.make()
    identity.cert.write_bytes(identity.cert.read_bytes()[:200])
    return identity, "server.crt"


def broken_empty(certificates):
    identity = certificates.make()
    identity.key.write_bytes(b"")
    return identity, "server.key"


def broken_missing(certificates):
    identity = certificates.make()
    identity.cert.unlink()
    return identity, "server.crt"


def broken_readable_by_others(certificates):
    identity = certificates.make()
    identity.key.chmod(0o644)
    return identity, "server.key"


@pytest.mark.parametrize("broken", [
    broken_encrypted, broken_mismatch, broken_truncated, broken_empty, broken_missing,
    broken_readable_by_others])
def test_a_kernel_with_broken_files_refuses_to_start_and_says_why(plant, certificates, broken):
    identity, named = broken(certificates)
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    kernel = plant.run_kernel()
    assert kernel.process.returncode != 0
    assert named in kernel.stderr + kernel.log_text()


def test_an_expired_certificate_connects_with_a_warning(plant, certificates):
    identity = certificates.make("expired", days=(-20, -10))
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", identity.cert))
    kernel = plant.start_kernel()
    for number in (1, 2):
        assert plant.tell("processes").exit_code == 0
        assert plant.client_log().count("WARNING: ") == number, "a warning at every connect"
    kernel.wait_for_log(r"WARNING: .*expired")


def test_an_expired_certificate_is_refused_where_dates_are_strict(plant, certificates):
    identity = certificates.make("expired", days=(-20, -10))
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    plant.client_config.application(
        "PLANT", tls_client("TLSPeerAuth", identity.cert, TLS_CertDates="strict"))
    plant.start_kernel()
    assert plant.tell("processes").exit_code == 4
    assert "expired" in plant.client_log()
