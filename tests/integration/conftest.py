"""Fixtures of the integration tests."""

import fcntl
import os
import resource
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from d2k_test import programs  # noqa: E402
from d2k_test.certificates import Certificates  # noqa: E402
from d2k_test.service import Notified  # noqa: E402
from d2k_test.supervised import Supervised  # noqa: E402


def pytest_configure(config):
    for marker in (
        "performance: measures or loads; not run with a sanitizer, which changes time",
        "release_build: looks at what is installed; not run with a sanitizer, which changes it",
    ):
        config.addinivalue_line("markers", marker)


def pytest_sessionstart():
    if not programs.KERNEL.exists():
        pytest.exit(f"{programs.KERNEL} is missing: build first, or set D2K_BUILD", returncode=4)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="session")
def seed_identity(tmp_path_factory):
    """The pair of the seed's own commands (RSA-4096, v1), which takes seconds to make: once for all
    that run beside each other."""
    directory = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        directory = directory.parent
    with open(directory / "seed.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Certificates(directory / "seed").seed()


@pytest.fixture(scope="session")
def shared_certificates(tmp_path_factory, seed_identity):
    """Certificates that no test changes, made once; the seed's pair among them."""
    shared = Certificates(tmp_path_factory.mktemp("certificates"))
    seed_identity.copy_to(shared.directory, "seed")
    return shared


@pytest.fixture(scope="session")
def other_identity(shared_certificates):
    """A pair that no kernel of the tests uses: the wrong certificate in a client's list."""
    return shared_certificates.make("other")


@pytest.fixture
def certificates(tmp_path):
    """Certificates of one test."""
    return Certificates(tmp_path / "certificates")


@pytest.fixture
def plant():
    """Directories, and everything that a test starts in them; ended after the test."""
    fresh = programs.Plant()
    yield fresh
    fresh.finish()


@pytest.fixture
def notified(plant):
    """What the kernel of a plant tells the service manager, whose socket is `notify`."""
    one = Notified(str(plant.directory / "notify"))
    yield one
    one.socket.close()


@pytest.fixture
def supervised(plant):
    """A plant whose kernel has static processes."""
    return Supervised(plant)
