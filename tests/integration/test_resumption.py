"""Who returns is known again without a signature, as long as nothing that it was trusted for has changed."""

import os
import shutil
import subprocess

import pytest

from d2k_test import protocol
from d2k_test.config import tls_server
from d2k_test.poll import DEADLINE_S

TLS12, TLS13 = protocol.ssl.TLSVersion.TLSv1_2, protocol.ssl.TLSVersion.TLSv1_3


@pytest.fixture
def identity(plant, seed_identity):
    """A copy of the seed's pair that the test may replace."""
    return seed_identity.copy_to(plant.directory, "own")


def resuming(identity, level):
    return tls_server(identity, level)


def not_resuming(identity, level):
    return tls_server(identity, level, TLS_Resumption="off")


@pytest.fixture
def kernel(plant, identity):
    plant.server_config.application("PLANT", resuming(identity, "TLSNoPeerAuth"))
    return plant.start_kernel()


def context_of(version):
    context = protocol.tls_context()
    context.minimum_version = context.maximum_version = version
    return context


def connect(plant, context, session=None):
    """Registers once; returns whether it was resumed, and the session for the next time."""
    with protocol.Link(plant.port, context=context, session=session) as link:
        link.register("RETURNING.API")
        reused, session = link.socket.session_reused, link.socket.session
        link.send_bytes(protocol.encode("Bye", code=0, retry_after_ms=0, sentence=""))
        link.wait_end()
    return reused, session


def test_nothing_is_resumed_where_it_is_switched_off(plant, identity):
    plant.server_config.application("PLANT", not_resuming(identity, "TLSNoPeerAuth"))
    plant.start_kernel()
    for version in (TLS12, TLS13):
        context = context_of(version)
        for _ in range(2):
            reused, session = connect(plant, context)
            assert not reused and not (session and session.has_ticket)


def test_switching_it_on_and_off_acts_at_the_next_connect(plant, identity):
    plant.server_config.application("PLANT", not_resuming(identity, "TLSNoPeerAuth"))
    plant.start_kernel()
    context = context_of(TLS13)
    assert not connect(plant, context)[1].has_ticket
    plant.server_config.application("PLANT", resuming(identity, "TLSNoPeerAuth"))
    _, session = connect(plant, context)
    assert connect(plant, context, session)[0]
    _, session = connect(plant, context)
    plant.server_config.application("PLANT", not_resuming(identity, "TLSNoPeerAuth"))
    assert not connect(plant, context, session)[0]


def test_a_client_that_returns_is_resumed_again_and_again(plant, kernel):
    context = context_of(TLS13)
    reused, session = connect(plant, context)
    assert not reused and session.has_ticket
    for _ in range(3):
        reused, session = connect(plant, context, session)
        assert reused


def test_nothing_is_resumed_in_tls12(plant, kernel):
    context = context_of(TLS12)
    reused, session = connect(plant, context)
    assert not reused and not (session and session.has_ticket)


def test_one_ticket_is_given_a_handshake(plant, kernel):
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{plant.port}", "-alpn", "d2k/1", "-ign_eof"],
        input=b"what is no message ends the link", capture_output=True, timeout=DEADLINE_S, check=False)
    assert shown.stdout.count(b"Post-Handshake New Session Ticket arrived") == 1


def test_a_new_certificate_resumes_nothing_of_the_old_one(plant, kernel, identity,
                                                          shared_certificates):
    context = context_of(TLS13)
    _, session = connect(plant, context)
    assert connect(plant, context, session)[0]
    _, session = connect(plant, context)
    other = shared_certificates.make("p256")
    shutil.copy(other.key, identity.key)
    shutil.copy(other.cert, identity.cert)
    reused, session = connect(plant, context, session)
    assert not reused
    assert connect(plant, context, session)[0]


def test_a_raised_level_resumes_nothing_of_the_lower_one(plant, identity):
    plant.server_config.application("PLANT", resuming(identity, "None"))
    plant.start_kernel()
    context = context_of(TLS13)
    _, session = connect(plant, context)
    plant.server_config.application("PLANT", resuming(identity, "TLSNoPeerAuth"))
    assert not connect(plant, context, session)[0]


def test_what_has_not_changed_goes_on_being_resumed(plant, kernel, identity):
    context = context_of(TLS13)
    _, session = connect(plant, context)
    os.utime(identity.cert)
    reused, session = connect(plant, context, session)
    assert reused


def test_a_restarted_kernel_resumes_nothing(plant, kernel):
    context = context_of(TLS13)
    _, session = connect(plant, context)
    kernel.stop()
    plant.start_kernel()
    assert not connect(plant, context, session)[0]
