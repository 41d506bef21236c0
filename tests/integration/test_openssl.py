"""Strangers at the port: openssl s_client, a browser, a scanner."""

import socket
import subprocess

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server
from d2k_test.poll import DEADLINE_S


@pytest.fixture
def kernel(plant, seed_identity):
    plant.server_config.application("PLANT", tls_server(seed_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", seed_identity.cert))
    return plant.start_kernel()


def s_client(port, *options):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=DEADLINE_S, check=False)
    return done.stdout.decode(errors="replace")


def raw_answer(port, data):
    """All that the kernel says to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as connection:
        connection.sendall(data)
        answer = b""
        try:
            while chunk := connection.recv(4096):
                answer += chunk
        except ConnectionError:
            pass
    return answer


def test_with_the_right_protocol_name(plant, kernel):
    with protocol.Link(plant.port) as link:
        assert link.socket.selected_alpn_protocol() == "d2k/1"
        assert link.socket.version() == "TLSv1.3"
    assert "ALPN protocol: d2k/1" in s_client(plant.port, "-alpn", "d2k/1")


def test_without_a_protocol_name_there_is_no_handshake(plant, kernel):
    output = s_client(plant.port)
    assert "no application protocol" in output and "BEGIN CERTIFICATE" not in output
    kernel.wait_for_log("ALPN")


def test_with_another_protocol_name_there_is_no_handshake(plant, kernel):
    output = s_client(plant.port, "-alpn", "http/1.1")
    assert "no application protocol" in output and "BEGIN CERTIFICATE" not in output


@pytest.mark.parametrize("options", [
    ("-tls1_1",), ("-tls1_2", "-cipher", "AES256-SHA256"), ("-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384")])
def test_old_versions_and_ciphers_are_refused(plant, kernel, options):
    output = s_client(plant.port, "-alpn", "d2k/1", *options)
    assert "ALPN protocol: d2k/1" not in output


def test_tls_1_2_with_forward_secrecy_and_aead(plant, kernel):
    output = s_client(plant.port, "-alpn", "d2k/1", "-tls1_2")
    assert "ALPN protocol: d2k/1" in output and "ECDHE" in output


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 64, b"SSH-2.0-OpenSSH_9.2\r\n", b"\xff" * 5000],
    ids=["http", "zeros", "ssh", "ones"])
def test_anything_else_is_refused_and_logged(plant, kernel, data):
    answer = raw_answer(plant.port, data)
    assert answer == b"" or answer.startswith(protocol.PREFACE)
    kernel.wait_for_log(r"BACKEND - .*127\.0\.0\.1")
    assert plant.tell("processes").exit_code == 0
