"""d2k-certs, looked at with the openssl command: what it makes, what it shows, how it ends."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def find_build():
    if "D2K_BUILD" in os.environ:
        return Path(os.environ["D2K_BUILD"])
    builds = [path.parent for path in REPOSITORY.glob("build*/build.ninja")]
    return max(builds, key=lambda path: path.stat().st_mtime, default=REPOSITORY / "build")


CERTS = find_build() / "src/programs/d2k-certs"


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def certs(*arguments):
    return subprocess.run([CERTS, *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def new(*arguments):
    done = certs("new", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def seed_pair():
    """The three commands of the seed document."""
    openssl("genrsa", "-out", "server.key", "4096")
    openssl("req", "-new", "-key", "server.key", "-out", "server.csr", "-subj", "/CN=seed")
    openssl("x509", "-req", "-days", "730", "-in", "server.csr", "-signkey", "server.key",
            "-out", "server.crt")


def fingerprint(path):
    return openssl("x509", "-in", path, "-noout", "-fingerprint", "-sha256").strip().split("=")[1]


# ---- new ----

def test_new_makes_what_we_recommend():
    new("--name", "plant-1.example", "--name=10.0.0.5", "--name=fd00::5", "--days=100")
    text = openssl("x509", "-in", "server.crt", "-noout", "-text")
    assert "Version: 3 (0x2)" in text
    assert "NIST CURVE: P-256" in text
    assert "Signature Algorithm: ecdsa-with-SHA256" in text
    assert "X509v3 Basic Constraints: critical\n                CA:FALSE" in text
    assert "X509v3 Key Usage: critical\n                Digital Signature\n" in text
    assert "X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n" in text
    assert ("DNS:plant-1.example, IP Address:10.0.0.5, IP Address:FD00:0:0:0:0:0:0:5\n" in text)
    assert "Subject: CN = plant-1.example\n" in text


def test_new_key_fits_and_only_its_owner_reads_it():
    old_mask = os.umask(0)
    try:
        new()
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(Path("server.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(Path("server.crt").stat().st_mode) == 0o644
    assert openssl("pkey", "-in", "server.key", "-pubout") == \
        openssl("x509", "-in", "server.crt", "-noout", "-pubkey")


def test_new_is_for_this_computer_unless_told_otherwise():
    new()
    text = openssl("x509", "-in", "server.crt", "-noout", "-ext", "subjectAltName")
    for name in ("DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1"):
        assert name in text
    host = os.uname().nodename.split(".")[0]
    assert f"DNS:{host}" in text


def test_new_is_valid_as_long_as_asked():
    new("--days=100")
    openssl("x509", "-in", "server.crt", "-noout", "-checkend", str(100 * 86400 - 600))
    still_valid = subprocess.run(
        ["openssl", "x509", "-in", "server.crt", "-noout", "-checkend", str(100 * 86400 + 600)],
        capture_output=True)
    assert still_valid.returncode == 1


def test_new_says_what_it_wrote_and_what_comes_next():
    said = new()
    here = Path.cwd()
    assert fingerprint("server.crt").replace(":", "").lower() in said
    assert f"TLS_CertFile = {here}/server.crt" in said
    assert f"TLS_KeyFile = {here}/server.key" in said
    assert "TLS_TrustedCerts = " in said and "TLS_RequiredLevel = TLSPeerAuth" in said


def test_new_replaces_nothing_without_force():
    new()
    before = fingerprint("server.crt")
    done = certs("new")
    assert done.returncode == 2
    assert "server.crt is there already" in done.stderr and "--force" in done.stderr
    assert fingerprint("server.crt") == before
    Path("server.crt").unlink()
    assert certs("new").returncode == 2
    assert not Path("server.crt").exists()
    new("--force")
    assert fingerprint("server.crt") != before


def test_new_puts_the_key_beside_the_certificate():
    Path("tls.d").mkdir()
    new("--cert=tls.d/plant.crt")
    new("--cert=tls.d/plain")
    assert sorted(os.listdir("tls.d")) == ["plain", "plain.key", "plant.crt", "plant.key"]


def test_new_may_make_one_file_of_both():
    new("--cert=both.pem", "--key=both.pem")
    assert stat.S_IMODE(Path("both.pem").stat().st_mode) == 0o600
    assert openssl("pkey", "-in", "both.pem", "-pubout") == \
        openssl("x509", "-in", "both.pem", "-noout", "-pubkey")


def test_new_takes_a_name_with_letters_of_all_kinds():
    new("--cn=Čerpacia stanica", "--name=localhost")
    subject = openssl("x509", "-in", "server.crt", "-noout", "-subject", "-nameopt",
                      "utf8,-esc_msb")
    assert "Čerpacia stanica" in subject


@pytest.mark.parametrize("arguments", [
    ["--days=0"], ["--days=36501"], ["--days=x"], ["--days"], ["--name=a b"], ["--name="],
    ["--name=x,DNS:y"], ["--cn=" + 65 * "x"], ["--cert="], ["--colour=red"], ["word"],
    ["--cert=missing/server.crt"]])
def test_new_refuses_nonsense_and_writes_nothing(arguments):
    done = certs("new", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("d2k-certs: ")
    assert os.listdir() == []


# ---- show ----

def test_show_of_a_new_certificate_has_no_warning():
    new()
    done = certs("show", "server.crt")
    assert done.returncode == 0
    assert "EC P-256" in done.stdout and "X.509 v3\n" in done.stdout
    assert fingerprint("server.crt").replace(":", "").lower() in done.stdout
    assert "WARNING" not in done.stdout


def test_show_warns_of_the_seeds_certificate():
    seed_pair()
    done = certs("show", "server.crt")
    assert done.returncode == 1
    assert "RSA 4096" in done.stdout and "X.509 v1, CA" in done.stdout
    assert "CN=seed" in done.stdout
    assert "WARNING      X.509 v1" in done.stdout


def test_show_warns_of_a_ca():
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt",
            "-subj", "/CN=ca", "-days", "100")
    done = certs("show", "ca.crt")
    assert done.returncode == 1
    assert "WARNING      it is a CA" in done.stdout


@pytest.mark.parametrize("days, warned", [(29, True), (40, False)])
def test_show_warns_before_the_end(days, warned):
    new(f"--days={days}")
    done = certs("show", "server.crt")
    assert done.returncode == (1 if warned else 0)
    assert ("expires within 30 days" in done.stdout) == warned


def test_show_as_json():
    new("--name=plant-1", "--name=10.0.0.5")
    seed = Path("seed")
    seed.mkdir()
    os.chdir(seed)
    seed_pair()
    os.chdir("..")
    done = certs("show", "--json", "server.crt", "nothing.crt", "seed/server.crt")
    assert done.returncode == 2
    report = json.loads(done.stdout)
    first, second = report["certificates"]
    assert first["file"] == "server.crt" and first["number"] == 1
    assert first["subject"] == first["issuer"] == "CN=plant-1"
    assert first["names"] == "DNS:plant-1, IP:10.0.0.5"
    assert first["version"] == 3 and first["ca"] is False and first["warnings"] == []
    assert first["days_left"] in (729, 730)
    assert first["sha256"] == fingerprint("server.crt").replace(":", "").lower()
    assert first["not_after"].endswith("Z") and len(first["not_after"]) == 20
    assert second["version"] == 1 and second["ca"] is True and len(second["warnings"]) == 1
    assert len(report["errors"]) == 1 and "nothing.crt" in report["errors"][0]


def test_show_of_several_certificates_in_one_file():
    new("--cert=a.crt", "--name=a")
    new("--cert=b.crt", "--name=b")
    Path("both.pem").write_text(Path("a.crt").read_text() + Path("b.crt").read_text())
    done = certs("show", "both.pem")
    assert done.returncode == 0
    assert "both.pem: certificate 1 of 2" in done.stdout
    assert "both.pem: certificate 2 of 2" in done.stdout


def test_show_of_der():
    new()
    openssl("x509", "-in", "server.crt", "-outform", "DER", "-out", "server.der")
    shown = [re.sub(r"\d+ days left", "", certs("show", file).stdout)  # a second later: a day less
             for file in ("server.der", "server.crt")]
    assert shown[0] and shown[0].replace(".der", ".crt") == shown[1]


def test_show_says_what_is_wrong_with_a_file():
    new()
    Path("empty.crt").touch()
    Path("cut.crt").write_text(Path("server.crt").read_text()[:-40])
    for file, words in (("empty.crt", "empty"), ("cut.crt", "damaged or cut"),
                        ("server.key", "no certificate"), ("missing", "No such file")):
        done = certs("show", file)
        assert done.returncode == 2
        assert file in done.stderr and words in done.stderr


def test_text_from_a_certificate_cannot_disturb_the_terminal():
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "x.key", "-out", "x.crt",
            "-subj", "/CN=a\x1b[31mred\x07", "-days", "100")
    done = certs("show", "x.crt", "no\x1b[31m.crt")
    assert "\x1b" not in done.stdout + done.stderr and "\x07" not in done.stdout


# ---- help ----

@pytest.mark.parametrize("arguments", [["--help"], ["/?"], ["-h"], ["new", "/?"],
                                       ["show", "x", "--help"], ["nonsense", "/?"]])
def test_help_wins_over_everything_else(arguments):
    done = certs(*arguments)
    assert done.returncode == 0
    assert "Exit codes:" in done.stdout
    assert os.listdir() == []


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["show"], ["show", "--nonsense", "x"]])
def test_wrong_commands_point_to_the_help(arguments):
    done = certs(*arguments)
    assert done.returncode == 2
    assert "d2k-certs --help" in done.stderr
    assert done.stdout == ""


def test_a_full_disk_is_an_error():
    new()
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([CERTS, "show", "server.crt"], stdout=full, stderr=subprocess.PIPE,
                              timeout=60)
    assert done.returncode == 2
