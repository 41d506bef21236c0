"""d2k-certs against running kernels: what it shows of them, and that what it says a client would do
is what a client does; requests and RSA keys, looked at with the openssl command."""

import json
import socket
import subprocess
import threading

import pytest

from d2k_test.certificates import Identity, sha256_hex
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S, eventually
from d2k_test.programs import PROGRAMS


def certs(plant, *parameters):
    return plant.run_client("d2k-certs", *parameters)


def check(plant, *parameters):
    """check @PLANT as JSON, with the client's configuration."""
    ended = certs(plant, "check", "@PLANT", f"localhost:{plant.port}", "--json",
                  f"--config-dir={plant.client_config.directory}", *parameters)
    return ended, json.loads(ended.stdout)


def openssl(*parameters):
    return subprocess.run(["openssl", *map(str, parameters)], capture_output=True, text=True,
                          check=True, timeout=DEADLINE_S).stdout


@pytest.fixture
def kernel(plant, certificates):
    identity = certificates.make("server")
    plant.server_config.application("PLANT", tls_server(identity, "TLSNoPeerAuth"))
    kernel = plant.start_kernel()
    kernel.identity = identity
    return kernel


# ---- new ----

@pytest.mark.parametrize("extra, key", [((), "id-ecPublicKey"), (("--rsa=2048",), "2048 bit")])
def test_a_request_is_one_that_a_ca_can_sign_and_a_kernel_can_serve(plant, certificates, extra, key):
    ca = certificates.make("ca")
    request, private = plant.directory / "k.csr", plant.directory / "k.key"
    ended = certs(plant, "new", f"--csr={request}", "--name=localhost", "--name=::1", *extra)
    assert ended.exit_code == 0, ended.stderr
    assert private.stat().st_mode & 0o777 == 0o600 and "PRIVATE" not in request.read_text()
    text = openssl("req", "-in", request, "-noout", "-verify", "-text")
    for word in (key, "CN = localhost", "DNS:localhost", "CA:FALSE", "Digital Signature",
                 "TLS Web Server Authentication"):
        assert word in text, text
    cert = plant.directory / "k.crt"
    openssl("x509", "-req", "-in", request, "-CA", ca.cert, "-CAkey", ca.key, "-CAcreateserial",
            "-days", "90", "-copy_extensions", "copy", "-out", cert)
    plant.server_config.application("PLANT", tls_server(Identity(cert, private), "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", cert))
    plant.start_kernel()
    assert plant.tell("processes").exit_code == 0


@pytest.mark.parametrize("bits", [2048, 3072])
def test_an_rsa_key_is_made_and_served(plant, bits):
    cert = plant.directory / "rsa.crt"
    ended = certs(plant, "new", f"--rsa={bits}", f"--cert={cert}", "--json")
    made = json.loads(ended.stdout)
    assert ended.exit_code == 0 and made["algorithm"] == f"RSA {bits}" and made["version"] == 3
    assert made["sha256"] == sha256_hex(cert) and made["key_file"].endswith("rsa.key")
    plant.server_config.application(
        "PLANT", tls_server(Identity(cert, made["key_file"]), "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", cert))
    plant.start_kernel()
    assert plant.tell("processes").exit_code == 0


@pytest.mark.parametrize("parameters, word", [
    (("--rsa=1024",), "2048, 3072 or 4096"), (("--rsa=x",), "--rsa=x"),
    (("--csr", "--days=3"), "--days"), (("--csr", "--cert=x"), "--cert"),
    (("--csr=a.pem", "--key=a.pem"), "a.pem"), (("--csr=",), "--csr needs a value")])
def test_wrong_wishes_make_nothing(plant, parameters, word):
    ended = certs(plant, "new", *parameters)
    assert ended.exit_code == 2 and word in ended.stderr and not ended.stdout
    assert {path.name for path in ended.directory.iterdir()} == {"stdout", "stderr"}


def test_a_request_replaces_nothing_unless_forced(plant):
    request = plant.directory / "k.csr"
    assert certs(plant, "new", f"--csr={request}").exit_code == 0
    before = request.read_bytes()
    assert certs(plant, "new", f"--csr={request}").exit_code == 2
    assert request.read_bytes() == before
    assert certs(plant, "new", f"--csr={request}", "--force").exit_code == 0
    assert request.read_bytes() != before


# ---- show ----

@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_show_tells_what_a_kernel_presents(plant, kernel, host):
    ended = certs(plant, "show", f"{host}:{plant.port}", "--json")
    assert ended.exit_code == 0, ended.stderr
    shown, = json.loads(ended.stdout)["certificates"]
    assert shown["sha256"] == sha256_hex(kernel.identity.cert) and shown["days_left"] > 700
    assert shown["tls_version"] == "TLSv1.3" and shown["cipher"].startswith("TLS_")
    text = certs(plant, "show", f"{host}:{plant.port}").stdout
    assert "[TLSv1.3, " in text and sha256_hex(kernel.identity.cert) in text


def test_show_tells_the_chain_as_it_was_sent(plant, certificates):
    plant.server_config.application("PLANT", tls_server(certificates.chain(), "TLSNoPeerAuth"))
    plant.start_kernel()
    ended = certs(plant, "show", f"localhost:{plant.port}", "--json")
    assert json.loads(ended.stdout)["certificates"][0]["subject"] == "CN=chained"


def test_show_warns_of_a_kernel_with_the_seeds_certificate(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.start_kernel()
    ended = certs(plant, "show", f"localhost:{plant.port}")
    assert ended.exit_code == 1 and "X.509 v1" in ended.stdout


def test_show_says_that_a_kernel_has_no_tls(plant):
    plant.server_config.application("PLANT", "[TLS_Server]\nTLS_RequiredLevel = None\n")
    plant.start_kernel()
    ended = certs(plant, "show", f"localhost:{plant.port}")
    assert ended.exit_code == 3 and "has no TLS" in ended.stderr and not ended.stdout


def test_show_says_that_nobody_listens(plant):
    ended = certs(plant, "show", "127.0.0.1:1", "--json")
    assert ended.exit_code == 3 and "nobody listens on 127.0.0.1:1" in ended.stderr
    assert json.loads(ended.stdout)["errors"]


def test_a_file_with_the_name_of_a_kernel_is_a_file(plant, certificates):
    path = certificates.directory / "localhost:1"
    path.write_bytes(certificates.make("x").cert.read_bytes())
    ended = subprocess.run([PROGRAMS / "d2k-certs", "show", path.name], cwd=path.parent,
                           capture_output=True, text=True, timeout=DEADLINE_S)
    assert ended.returncode == 0 and "CN=x" in ended.stdout, plant


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"D2K\r\n\x1a\n\x01", b"", b"\x00"])
def test_what_is_no_kernel_is_named_so_at_once(plant, answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            peer, _ = listener.accept()
            with peer:
                peer.recv(10)
                peer.sendall(answer)
        thread = threading.Thread(target=serve)
        thread.start()
        ended = certs(plant, "show", f"127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert ended.exit_code == 3 and not ended.stdout
    assert "127.0.0.1" in ended.stderr


# ---- check ----

def client_says(plant):
    """What a real client says: (connects, verified)."""
    tell = plant.tell("processes")
    assert tell.exit_code in (0, 2, 4), tell.stderr
    return tell.exit_code == 0, "VERIFIED" in plant.client_log()


LISTS = ("right", "wrong", "both", "missing")
# Every level with every list against a good kernel, then what differs by kernel.
CASES = [("good", level, which, "warn") for level in ("None", "TLSNoPeerAuth", "TLSPeerAuth")
         for which in LISTS]
CASES += [("expired", level, which, dates) for level in ("TLSNoPeerAuth", "TLSPeerAuth")
          for which in ("right", "wrong") for dates in ("warn", "strict")]
CASES += [("none", level, "right", "warn") for level in ("None", "TLSNoPeerAuth", "TLSPeerAuth")]


@pytest.mark.parametrize("server, level, which, dates", CASES)
def test_check_says_what_a_client_does(plant, certificates, other_identity, server, level, which,
                                       dates):
    identity = certificates.make("server", days=(-20, -10) if server == "expired" else (-1, 730))
    plant.server_config.application(
        "PLANT", "[TLS_Server]\nTLS_RequiredLevel = None\n" if server == "none"
        else tls_server(identity, "None"))
    plant.start_kernel()
    lists = {"right": [identity.cert], "wrong": [other_identity.cert],
             "both": [other_identity.cert, identity.cert],
             "missing": [certificates.directory / "no.crt"]}
    plant.client_config.application(
        "PLANT", tls_client(level, *lists[which], TLS_CertDates=dates))
    ended, said = check(plant)
    assert (said["connects"], said["verified"]) == client_says(plant), said
    own, = [v for v in said["levels"] if v["level"] == level]
    assert (own["connects"], own["verified"]) == (said["connects"], said["verified"])
    fine = said["verified"] and server == "good"
    assert ended.exit_code == (4 if not said["connects"] else 0 if fine else 1)


def test_check_tells_what_comes_after_expiry(plant, kernel, other_identity):
    for dates, word in (("warn", "logs a warning"), ("strict", "refuses the kernel")):
        plant.client_config.application(
            "PLANT", tls_client("TLSPeerAuth", kernel.identity.cert, TLS_CertDates=dates))
        assert word in check(plant)[1]["after_expiry"]
    plant.client_config.application("PLANT", tls_client("TLSNoPeerAuth", other_identity.cert))
    assert "nothing changes" in check(plant)[1]["after_expiry"]


def test_check_with_a_list_of_its_own(plant, kernel, other_identity):
    target = f"localhost:{plant.port}"
    good = certs(plant, "check", target, f"--trusted={other_identity.cert};{kernel.identity.cert}")
    assert good.exit_code == 0 and "=> TLSPeerAuth    connects, VERIFIED" in good.stdout
    assert f"{kernel.identity.cert}: CN=server" in good.stdout
    bad = certs(plant, "check", target, f"--trusted={other_identity.cert}")
    assert bad.exit_code == 4 and "not in TLS_TrustedCerts" in bad.stdout
    half = certs(plant, "check", target, f"--trusted=no.crt;{kernel.identity.cert}")
    assert half.exit_code == 1 and "no.crt" in half.stdout


def test_check_sees_that_the_kernel_is_too_old_for_the_client(plant, certificates):
    identity = certificates.make("server")
    port = plant.reserve_port()
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", identity.cert, "-key",
         identity.key, "-tls1_2", "-alpn", "d2k/1", "-quiet"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        plant.client_config.application(
            "PLANT", tls_client("TLSPeerAuth", identity.cert, TLS_MinVersion="TLSv1.3"))
        eventually(lambda: certs(plant, "show", f"127.0.0.1:{port}").exit_code == 0)
        ended = certs(plant, "check", "@PLANT", f"127.0.0.1:{port}", "--json",
                      f"--config-dir={plant.client_config.directory}")
    finally:
        server.kill()
        server.communicate()
    said = json.loads(ended.stdout)
    assert ended.exit_code == 4 and said["kernel"]["tls_version"] == "TLSv1.2"
    assert all(not v["connects"] and "TLSv1.3" in v["text"] for v in said["levels"])


@pytest.mark.parametrize("parameters, word", [
    (("@PLANT", "--trusted=x"), "give one of them"), (("localhost:0",), "localhost:0"),
    (("localhost:65536",), "localhost:65536"), (("::1:3119",), "::1:3119"), (("a/b:1",), "a/b:1"),
    (("[::1:3119",), "[::1"), (("a", "b"), "only one"), (("--trusted=;",), "no path"),
    (("--no",), "--no"), (("@",), "@ needs a value"), (("@NONE",), "cfg_NONE.conf")])
def test_wrong_words_of_check_are_named(plant, parameters, word):
    ended = certs(plant, "check", *parameters, f"--config-dir={plant.client_config.directory}")
    assert ended.exit_code == 2 and word in ended.stderr


def test_check_without_a_client_asks_which(plant):
    ended = certs(plant, "check", f"--config-dir={plant.client_config.directory}", "--json")
    assert ended.exit_code == 2 and "which client?" in json.loads(ended.stdout)["error"]


def test_check_without_a_kernel_has_no_connection(plant, other_identity):
    ended = certs(plant, "check", "127.0.0.1:1", f"--trusted={other_identity.cert}", "--json")
    assert ended.exit_code == 3 and "nobody listens" in json.loads(ended.stdout)["error"]
