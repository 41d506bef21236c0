"""d2k-registry and d2k-certs: what an administrator asks before he starts anything."""

import json
import re

import pytest

from d2k_test.certificates import Identity
from d2k_test.config import tls_client, tls_server
from d2k_test.programs import PROGRAMS

needs_certs = pytest.mark.skipif(not (PROGRAMS / "d2k-certs").exists(),
                                 reason="d2k-certs is not built")


def registry(plant, *parameters):
    return plant.run_client("d2k-registry", *parameters,
                            f"--config-dir={plant.client_config.directory}")


def test_a_good_configuration_has_no_findings(plant, certificates):
    identity = certificates.make()
    plant.client_config.installation("DefaultApplication = PLANT\n")
    plant.client_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"),
                                    tls_client("TLSPeerAuth", identity.cert))
    check = registry(plant, "check")
    assert check.exit_code == 0, check.stdout


def test_names_are_those_of_the_registry_and_case_does_not_matter(plant, certificates):
    identity = certificates.make()
    plant.client_config.application("PLANT", tls_server(identity, "None"))
    for key in (r"TLS_Server\TLS_CertFile", r"tls_server\tls_certfile",
                r"cfg_PLANT\TLS_Server\TLS_CertFile",
                r"HKEY_LOCAL_MACHINE\SOFTWARE\Ipesoft\d2k\cfg_PLANT\TLS_Server\TLS_CertFile"):
        get = registry(plant, "@PLANT", "get", key)
        assert get.exit_code == 0 and str(identity.cert) in get.stdout, key
    assert registry(plant, "@PLANT", "get", r"TLS_Server\No_Such").exit_code == 1


def test_list_shows_what_is_set_and_where(plant, certificates):
    identity = certificates.make()
    plant.client_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    listed = registry(plant, "@PLANT", "list")
    assert listed.exit_code == 0
    assert re.search(r"TLS_RequiredLevel.*TLSNoPeerAuth", listed.stdout)


MISTAKES = {
    "misspelt level": ("TLS_RequiredLevel = TLSNoPeerAut", 2, "TLS_RequiredLevel"),
    "unknown key": ("TLS_CretFile = x", 1, "TLS_CretFile"),
    "bad version": ("TLS_MinVersion = SSLv3", 2, "TLS_MinVersion"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_and_line(plant, certificates, mistake):
    line, exit_code, word = MISTAKES[mistake]
    text = tls_server(certificates.make(), None if "Level" in line else "None") + line + "\n"
    plant.client_config.application("PLANT", text)
    check = registry(plant, "@PLANT", "check")
    assert check.exit_code == exit_code, check.stdout
    number = text.splitlines().index(line) + 1
    assert re.search(rf"cfg_PLANT\.conf:{number}: .*{word}", check.stdout), check.stdout


def missing(certificates):
    return Identity(certificates.directory / "no.crt", certificates.make().key), "no.crt"


def mismatch(certificates):
    return Identity(certificates.make("one").cert, certificates.make("two").key), "two.key"


def expired(certificates):
    return certificates.make("expired", days=(-20, -10)), "expired"


def encrypted(certificates):
    return certificates.encrypted(), "encrypted.key"


def open_to_all(certificates):
    identity = certificates.make("open")
    identity.key.chmod(0o644)
    return identity, "open.key"


@pytest.mark.parametrize("trouble", [missing, mismatch, expired, encrypted, open_to_all])
def test_check_finds_what_the_kernel_would_refuse(plant, certificates, trouble):
    identity, word = trouble(certificates)
    plant.client_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    check = registry(plant, "@PLANT", "check")
    assert check.exit_code == 2, check.stdout
    assert word in check.stdout


def test_check_speaks_json(plant, certificates):
    plant.client_config.application("PLANT", tls_server(certificates.make(), "Wrong"))
    check = registry(plant, "@PLANT", "check", "--json")
    assert check.exit_code == 2
    assert "TLS_RequiredLevel" in json.dumps(json.loads(check.stdout))


@needs_certs
def test_a_new_pair_of_ours_is_served_and_verified(plant):
    directory = plant.directory / "keys"
    directory.mkdir()
    cert, key = directory / "server.crt", directory / "server.key"
    new = plant.run_client("d2k-certs", "new", f"--cert={cert}", f"--key={key}")
    assert new.exit_code == 0, new.stderr
    assert key.stat().st_mode & 0o777 == 0o600
    plant.server_config.application("PLANT", tls_server(Identity(cert, key), "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", cert))
    plant.start_kernel()
    assert plant.tell("processes").exit_code == 0
    assert "VERIFIED" in plant.client_log()


@needs_certs
def test_show_tells_what_a_certificate_is(plant, seed_identity):
    show = plant.run_client("d2k-certs", "show", seed_identity.cert)
    assert show.exit_code in (0, 1)
    assert "RSA 4096" in show.stdout and re.search(r"\bv1\b", show.stdout)
