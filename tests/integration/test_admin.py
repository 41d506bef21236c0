"""Administration: over the local socket of the kernel's own machine and user, and only there."""

import os
import shutil
import signal
import uuid
from pathlib import Path

import pytest

from d2k_test import protocol
from d2k_test.config import tls_client, tls_server


@pytest.fixture
def local_plant(plant, other_identity):
    """A plant whose local socket is where a client of this user looks for it."""
    plant.installation = f"test-{uuid.uuid4().hex[:8]}"
    plant.runtime_dir = plant.directory / "xdg"
    plant.runtime_dir.mkdir(mode=0o700)
    plant.server_config.application("PLANT", tls_server(other_identity, "TLSNoPeerAuth"))
    plant.client_config.application("PLANT", tls_client("TLSPeerAuth", other_identity.cert))
    yield plant
    if os.geteuid() == 0:
        shutil.rmtree(Path("/run/d2k") / plant.installation, ignore_errors=True)


def local_tell(plant, *parameters):
    """d2k-tell that was given no server."""
    return plant.run_client("d2k-tell", "@PLANT", f"--config-dir={plant.client_config.directory}",
                            f"--log-dir={plant.log_dir}", *parameters)


def test_shutdown_over_the_local_socket_ends_the_kernel(local_plant):
    kernel = local_plant.start_kernel()
    with protocol.Link(local_plant.port) as link:
        link.register()
        tell = local_tell(local_plant, "shutdown", "maintenance")
        assert tell.exit_code == 0, tell.stderr
        bye = link.wait_end()
    assert bye.name == "Bye" and bye.code == protocol.CODES["SHUTDOWN"]
    assert kernel.wait() == 0
    audit, = kernel.log_lines("AUDIT - ")
    assert "maintenance" in audit and "accepted" in audit


def test_the_log_level_is_set_over_the_local_socket(local_plant):
    kernel = local_plant.start_kernel()
    assert local_tell(local_plant, "log-level", "debug").exit_code == 0
    with protocol.Link(local_plant.port) as link:
        link.register()
        link.define("Tank.Debug")
        kernel.wait_for_log(r"BACKEND - .*defines object Tank\.Debug")
        kernel.wait_for_log(r"BACKEND - Connection .*full handshake")
    assert local_tell(local_plant, "log-level", "info").exit_code == 0
    kernel.wait_for_log(r"AUDIT - .*sets the log level to info: accepted")
    with protocol.Link(local_plant.port) as link:
        link.register()
        link.define("Tank.Quiet")
    kernel.stop()
    assert not kernel.log_lines(r"Tank\.Quiet")


def test_the_log_level_has_two_values(local_plant):
    local_plant.start_kernel()
    tell = local_tell(local_plant, "log-level", "loud")
    assert tell.exit_code == 2 and "info, debug" in tell.stderr


@pytest.mark.parametrize("level, code", [(1, "NOT_ALLOWED"), (7, "NOT_ALLOWED")])
def test_the_log_level_is_not_set_over_tcp(plant, other_identity, level, code):
    plant.server_config.application("PLANT", tls_server(other_identity, "None"))
    kernel = plant.start_kernel()
    with protocol.Link(plant.port) as link:
        link.register()
        request = link.send("SetLogLevel", level=level)
        failed = link.receive()
        while failed.name != "Failed":
            failed = link.receive()
        assert failed.request == request and failed.code == protocol.CODES[code]
    kernel.wait_for_log(r"AUDIT - .*log level.*refused")


def test_the_local_socket_is_for_its_owner_only(local_plant):
    local_plant.start_kernel()
    socket_path, = (p for p in local_plant.socket_places() if p.exists())
    assert socket_path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_shutdown_over_tcp_is_refused_at_every_level(plant, other_identity, tls):
    plant.server_config.application("PLANT", tls_server(other_identity, "None"))
    kernel = plant.start_kernel()
    with protocol.Link(plant.port, tls) as link:
        link.register()
        request = link.send("Shutdown", reason="because")
        failed = link.receive()
        while failed.name != "Failed":
            failed = link.receive()
        assert failed.request == request and failed.code == protocol.CODES["NOT_ALLOWED"]
    kernel.wait_for_log(r"AUDIT - .*because.*refused")
    assert kernel.is_running()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_kernel_cleanly(plant, how):
    plant.server_config.application("PLANT", "# no TLS\n")
    kernel = plant.start_kernel()
    kernel.signal(how)
    assert kernel.wait() == 0
    assert kernel.log_lines("SERVER - Kernel ended")
