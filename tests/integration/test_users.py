"""Users: who may log on, in the file that d2k-registry user writes."""

import os
import re
import stat
import subprocess

import pytest

from d2k_test.programs import PROGRAMS

REGISTRY = PROGRAMS / "d2k-registry"
PASSWORD = "correct horse"


class Site:
    """A configuration directory, and d2k-registry in it."""

    def __init__(self, directory):
        self.directory = directory
        self.users = directory / "users.conf"
        self.configure("[Users]\n")

    def configure(self, text):
        (self.directory / "cfg_PLANT.conf").write_text(text)

    def password_file(self, password=PASSWORD, mode=0o600):
        path = self.directory / "password"
        path.write_text(password + "\n")
        path.chmod(mode)
        return f"--password-file={path}"

    def run(self, *words):
        return subprocess.run(
            [REGISTRY, *words, "@PLANT", f"--config-dir={self.directory}"], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_users_are_added_listed_changed_and_removed(site):
    assert site.run("user", "list").returncode == 1
    assert site.run("user", "add", "jana", site.password_file()).returncode == 0
    assert site.run("user", "add", "peter", site.password_file()).returncode == 0
    assert site.run("user", "list").stdout == "jana\npeter\n"
    before = site.users.read_text()
    assert site.run("user", "passwd", "JANA", site.password_file("other horse")).returncode == 0
    assert site.users.read_text() != before
    assert site.run("user", "remove", "jana").returncode == 0
    assert site.run("user", "list").stdout == "peter\n"
    assert site.run("user", "remove", "jana").returncode == 1


def test_only_the_hash_is_kept_and_nobody_else_may_read_it(site):
    os.umask(0)
    site.run("user", "add", "jana", site.password_file())
    assert stat.S_IMODE(site.users.stat().st_mode) == 0o640
    text = site.users.read_text()
    assert PASSWORD not in text
    assert re.search(r"^jana = \$argon2id\$v=19\$m=65536,t=3,p=1\$\S+$", text, re.MULTILINE)


@pytest.mark.parametrize("words, said", [
    (["user", "add", "jana"], "there is no terminal to ask"),
    (["user", "add", "no name"], "is no name of a user"),
    (["user", "add"], "user needs one of"),
    (["user"], "user needs"),
    (["user", "list", "x"], "user needs one of"),
    (["list", "--password-file=x"], "list has no --password-file"),
])
def test_what_is_wrong_is_said(site, words, said):
    result = site.run(*words)
    assert result.returncode == 2 and said in result.stderr
    assert not site.users.exists()


@pytest.mark.parametrize("password, mode, said", [
    ("short", 0o600, "8 to 256 bytes"), ("x" * 257, 0o600, "8 to 256 bytes"),
    ("x" * 258, 0o600, "too long"), ("", 0o600, "empty"),
    (PASSWORD, 0o644, "everybody may read it")])
def test_password_files_that_are_not_taken(site, password, mode, said):
    result = site.run("user", "add", "jana", site.password_file(password, mode))
    assert result.returncode == 2 and said in result.stderr
    assert not site.users.exists()


def test_check_looks_at_users_and_rules(site):
    result = site.run("check")
    assert "so there are no users" in result.stdout and "nobody can log on" in result.stdout
    site.run("user", "add", "jana", site.password_file())
    assert "nobody can log on" not in site.run("check").stdout
    site.users.chmod(0o644)
    result = site.run("check")
    assert result.returncode == 2 and "others may read or change it" in result.stdout
    site.configure("[Rights\\10]\nProcess = *.HIP\nDeny = sett\n")
    result = site.run("check")
    assert result.returncode == 2
    assert re.search(r"cfg_PLANT\.conf:3: error: Deny = sett: sett is no right", result.stdout)


def test_a_broken_file_of_users_is_not_overwritten(site):
    site.users.write_text("jana secret\n")
    result = site.run("user", "add", "peter", site.password_file())
    assert result.returncode == 2 and "users.conf:1" in result.stderr
    assert site.users.read_text() == "jana secret\n"
