"""Fixtures of the integration tests."""

import resource
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from d2k_test import programs  # noqa: E402
from d2k_test.certificates import Certificates  # noqa: E402
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
def shared_certificates(tmp_path_factory):
    """Certificates that no test changes, made once."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def seed_identity(shared_certificates):
    """The pair of the seed's own commands (RSA-4096, v1)."""
    return shared_certificates.seed()


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
def supervised(plant):
    """A plant whose kernel has static processes."""
    return Supervised(plant)
