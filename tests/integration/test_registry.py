"""d2k-registry: list, get, check, settings; every rule of the configuration seen from outside."""

import json
import os
import shutil
import subprocess

import pytest

from d2k_test import programs

REGISTRY = programs.PROGRAMS / "d2k-registry"
ROOT = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\"

OK, WARNINGS, NOT_FOUND, ERRORS = 0, 1, 1, 2


class Configuration:
    """A configuration directory, and d2k-registry with it."""

    def __init__(self, directory):
        self.directory = directory
        self.directory.mkdir()

    def write(self, name, text):
        path = self.directory / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def take(self, identity, name="server"):
        """Puts certificate and key into the directory."""
        shutil.copy(identity.cert, self.directory / f"{name}.crt")
        shutil.copy(identity.key, self.directory / f"{name}.key")
        os.chmod(self.directory / f"{name}.key", 0o600)

    def run(self, *arguments, environment=None, directory=True):
        where = [f"--config-dir={self.directory}"] if directory else []
        clean = {k: v for k, v in os.environ.items() if not k.startswith("D2K_")}
        done = subprocess.run([REGISTRY, *arguments, *where], capture_output=True, timeout=60,
                              env={**clean, **(environment or {})}, check=False)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        assert not programs.SANITIZER_REPORT.search(done.stderr), done.stderr
        return done

    def json(self, *arguments):
        done = self.run(*arguments, "--json")
        assert done.stderr == ""
        return json.loads(done.stdout)

    def check(self, *arguments):
        """(exit code, findings)"""
        done = self.run("check", *arguments, "--json")
        return done.returncode, json.loads(done.stdout)["findings"]


@pytest.fixture
def config(tmp_path):
    return Configuration(tmp_path / "config dir")


SERVER = "[TLS_Server]\nTLS_CertFile = server.crt\nTLS_KeyFile = server.key\n" \
         "TLS_RequiredLevel = TLSNoPeerAuth\n"
CLIENT = "[TLS_Client]\nTLS_TrustedCerts = server.crt\nTLS_RequiredLevel = TLSPeerAuth\n"


def assert_one(findings, severity, words, file=None, line=None):
    """Exactly one finding of this severity, with these words at this place."""
    found = [f for f in findings if f["severity"] == severity]
    assert len(found) == 1, findings
    assert words in found[0]["text"]
    if file:
        assert found[0]["file"].endswith("/" + file)
    assert found[0].get("line") == line


def severities(findings):
    return [f["severity"] for f in findings]


# ---- list ----

def test_list_shows_values_with_their_place_and_marks_defaults(config):
    path = config.write("cfg_PLANT.conf", "\n" + SERVER)
    main = config.write("installation.conf", "DefaultApplication = PLANT\nOdd = 1\n")
    done = config.run("list")
    assert done.returncode == OK
    lines = done.stdout.splitlines()
    assert f"[{ROOT}d2k]" in lines
    assert f"  DefaultApplication = PLANT    ({main}:1)" in lines
    assert f"  Odd = 1    ({main}:2, unknown)" in lines
    assert f"[{ROOT}d2k\\cfg_PLANT\\TLS_Server]" in lines
    assert f"  TLS_KeyFile = server.key    ({path}:4)" in lines
    assert "  TLS_MinVersion = TLSv1.2    (default)" in lines
    assert "  Max_Clients = 10000    (default)" in lines


def test_a_tls_section_that_is_missing_has_no_defaults(config):
    config.write("cfg_PLANT.conf", "")
    assert "TLS_" not in config.run("list", "@PLANT").stdout


def test_list_takes_the_application_given_else_the_default_else_all(config):
    config.write("cfg_A.conf", "")
    config.write("cfg_B.conf", "")
    both = config.run("list").stdout
    assert "cfg_A]" in both and "cfg_B]" in both
    assert "cfg_A]" not in config.run("list", "@B").stdout
    assert "cfg_A]" not in config.run("list", "--application", "B").stdout
    config.write("installation.conf", "DefaultApplication = A\n")
    only = config.run("list").stdout
    assert "cfg_A]" in only and "cfg_B]" not in only
    assert "cfg_B]" in config.run("list", "@B").stdout


KOM = {("cfg_A\\KOM", "Period"), ("cfg_A\\KOM", "Groups")}


@pytest.mark.parametrize("key, expected", [
    ("KOM", KOM),
    ("kom", KOM),
    ("cfg_A\\KOM", KOM),
    (f"{ROOT}d2k\\cfg_A\\KOM", KOM),
    ("hklm\\software\\ipesoft\\d2k\\CFG_A\\KOM", KOM),
    ("Redundancy", {("Redundancy\\A\\Kernel_1", "Name")}),
    (f"{ROOT}d2k\\Redundancy\\A", {("Redundancy\\A\\Kernel_1", "Name")}),
])
def test_list_shows_what_is_below_a_key(config, key, expected):
    config.write("installation.conf", "DefaultApplication = A\n[Redundancy\\A\\Kernel_1]\nName=K\n")
    config.write("cfg_A.conf", "[KOM]\nPeriod = 500\n")
    config.write("cfg_B.conf", "[KOM]\nPeriod = 600\n")
    shown = {(e["key"].removeprefix(ROOT + "d2k\\"), e["name"]) for e in config.json("list", key)}
    assert shown == expected


def test_list_of_a_key_that_is_not_there(config):
    config.write("cfg_A.conf", "")
    done = config.run("list", "Nothing")
    assert (done.returncode, done.stdout) == (NOT_FOUND, "")
    assert "nothing below this key" in done.stderr


def test_list_of_a_broken_file_says_where(config):
    config.write("cfg_A.conf", "x=1\nwords\n")
    done = config.run("list")
    assert done.returncode == ERRORS
    assert "cfg_A.conf:2: this is neither" in done.stderr


def test_list_as_json(config):
    path = config.write("cfg_A.conf", '[KOM]\nPeriod = 500\nOdd = "a\\b"\n')
    entries = {e["name"]: e for e in config.json("list", "@A")}
    assert entries["Period"] == {
        "key": f"{ROOT}d2k\\cfg_A\\KOM", "name": "Period", "value": "500", "default": False,
        "known": True, "file": str(path), "line": 2}
    assert entries["Odd"]["value"] == "a\\b"
    assert entries["Odd"]["known"] is False
    assert entries["Max_Clients"] == {
        "key": f"{ROOT}d2k\\cfg_A", "name": "Max_Clients", "value": "10000", "default": True,
        "known": True}


# ---- get ----

@pytest.mark.parametrize("key, value", [
    ("TLS_Server\\TLS_CertFile", "C:\\d2k keys\\server.crt"),
    ("tls_server\\tls_certfile", "C:\\d2k keys\\server.crt"),
    ("cfg_PLANT\\TLS_Server\\TLS_CertFile", "C:\\d2k keys\\server.crt"),
    (f"{ROOT}d2k\\cfg_PLANT\\TLS_Server\\TLS_CertFile", "C:\\d2k keys\\server.crt"),
    ("HKLM\\SOFTWARE\\Ipesoft\\d2k\\cfg_PLANT\\TLS_Server\\TLS_CertFile",
     "C:\\d2k keys\\server.crt"),
    ("Max_Clients", "10000"),
    ("KOM\\Period", "1000"),
    ("DefaultApplication", "PLANT"),
    (f"{ROOT}d2k\\DefaultApplication", "PLANT"),
    ("cfg_TEST\\Max_Clients", "5"),
    ("Own\\Odd", "kľúč"),
])
def test_get_prints_one_value(config, key, value):
    config.write("installation.conf", "DefaultApplication = PLANT\n")
    config.write("cfg_TEST.conf", "Max_Clients = 5\n")
    config.write("cfg_PLANT.conf", '[TLS_Server]\nTLS_CertFile = "C:\\d2k keys\\server.crt"\n'
                                   "[Own]\nOdd = kľúč\n")
    done = config.run("get", key)
    assert (done.stderr, done.stdout, done.returncode) == ("", value + "\n", OK)


@pytest.mark.parametrize("key, words", [
    ("TLS_Server\\TLS_KeyFile", "TLS_KeyFile is not set"),
    ("TLS_Server\\TLS_MinVersion", "TLS_MinVersion is not set"),
    ("TLS_Server\\TLS_KeyFil", "did you mean TLS_KeyFile?"),
    ("TLS_KeyFile", "did you mean the one of [TLS_Server]?"),
    ("Nothing", "there is no such value"),
    (f"{ROOT}d2k\\Max_Clients", "not set"),
])
def test_get_of_a_value_that_is_not_there(config, key, words):
    config.write("cfg_PLANT.conf", "")
    done = config.run("get", key, "@PLANT")
    assert (done.returncode, done.stdout) == (NOT_FOUND, "")
    assert words in done.stderr


def test_get_without_application_asks_for_one(config):
    config.write("cfg_PLANT.conf", "")
    done = config.run("get", "Max_Clients")
    assert done.returncode == NOT_FOUND
    assert "add @<application>" in done.stderr


def test_get_as_json(config):
    path = config.write("cfg_PLANT.conf", "Max_Clients = 5\n")
    assert config.json("get", "Max_Clients", "@PLANT") == {
        "key": f"{ROOT}d2k\\cfg_PLANT", "name": "Max_Clients", "value": "5", "default": False,
        "known": True, "file": str(path), "line": 1}


def test_text_of_a_file_cannot_disturb_the_terminal(config):
    config.write("cfg_PLANT.conf", "Odd = \u202ex\u009b31m\n")
    assert config.run("get", "Odd", "@PLANT").stdout == "\\xe2\\x80\\xaex\\xc2\\x9b31m\n"
    assert config.json("get", "Odd", "@PLANT")["value"] == "\u202ex\u009b31m"
    assert "\u202e" not in config.run("get", "Odd", "@PLANT", "--json").stdout


def test_a_path_names_installation_and_application(config):
    config.write("cfg_PLANT.conf", "")
    other = config.run("get", f"{ROOT}other\\cfg_PLANT\\Max_Clients", "--installation=d2k")
    assert other.returncode == ERRORS and "another installation" in other.stderr
    other = config.run("get", "cfg_PLANT\\Max_Clients", "@TEST")
    assert other.returncode == ERRORS and "another application" in other.stderr
    foreign = config.run("get", "HKLM\\SOFTWARE\\Other\\x")
    assert foreign.returncode == ERRORS and "is below" in foreign.stderr


# ---- check: syntax and values ----

def test_a_clean_configuration(config, certificates):
    config.take(certificates.make())
    config.write("installation.conf", "DefaultApplication = PLANT\n")
    config.write("cfg_PLANT.conf", SERVER + CLIENT)
    assert config.check() == (OK, [])
    done = config.run("check")
    assert (done.returncode, done.stdout) == (OK, "0 errors, 0 warnings\n")


@pytest.mark.parametrize("text, line, words", [
    ("words\n", 1, "this is neither [Section] nor Name = value"),
    ("[KOM\n", 1, "a section must end with ']'"),
    ("x = \"a\n", 1, "the closing quote is missing"),
    ("x=1\n\nX=2\n", 3, "X was already given on line 1"),
    (b"x=1\ny=\xff\n", 2, "not valid UTF-8"),
    (b"x=\0\n", 1, "control character 0x00"),
    ("x=" + "v" * 8191 + "\n", 1, "the line is longer than 8192 bytes"),
    ("Max_Clients = 0\n", 1, "allowed: number 1..100000"),
    ("Handshake_Workers = 65\n", 1, "allowed: number 0..64"),
    ("[KOM]\nPeriod = 99\n", 2, "allowed: number 100..3600000"),
    ("[TLS_Server]\nTLS_RequiredLevel = Noen\n", 2,
     "allowed: None, TLSNoPeerAuth; did you mean None?"),
    ("[TLS_Server]\nTLS_RequiredLevel = TLSPeerAuth\n", 2,
     "does not verify certificates of clients"),
    ("[TLS_Server]\nTLS_RequiredLevel = TLSNoPeerAuth\n", 2, "needs TLS_CertFile"),
    ("[TLS_Server]\n", 1, "has no TLS_RequiredLevel"),
    ("[TLS_Client]\n\nTLS_CertDates = warn\n", 3, "has no TLS_RequiredLevel"),
    ("[TLS_Client]\nTLS_RequiredLevel = TLSPeerAuth\n", 2, "needs TLS_TrustedCerts"),
    ("[TLS_Client]\nTLS_RequiredLevel = None\nTLS_TrustedCerts = ;\n", 3, "the list has no path"),
    ("[TLS_Client]\nTLS_RequiredLevel = None\nTLS_MinVersion = 1.1\n", 3,
     "allowed: TLSv1.2, TLSv1.3"),
    ("[TLS_Client]\nTLS_RequiredLevel = None\nTLS_CertDates = no\n", 3, "allowed: warn, strict"),
    ("[TLS_Server]\nTLS_RequiredLevel = None\nTLS_CertFile =\n", 3, "must not be empty"),
    ("[TLS_Sever]\nTLS_X = 1\n", 1, "did you mean [TLS_Server]?"),
])
def test_what_is_refused(config, text, line, words):
    config.write("cfg_PLANT.conf", text)
    code, findings = config.check()
    assert code == ERRORS
    errors = [f for f in findings if f["severity"] == "error"]
    assert (errors[0].get("line"), errors[0]["file"][-15:]) == (line, "/cfg_PLANT.conf")
    assert words in errors[0]["text"]


@pytest.mark.parametrize("text, line, words", [
    ("Max_Client = 3\n", 1, "unknown value Max_Client is ignored; did you mean Max_Clients?"),
    ("\n[Strange]\na=1\nb=2\n", 2, "unknown section [Strange] is ignored"),
    ("[KOM]\nPeroid = 3\n", 2, "did you mean Period?"),
])
def test_what_is_a_warning(config, text, line, words):
    config.write("cfg_PLANT.conf", text + "[TLS_Server]\nTLS_RequiredLevel = None\n")
    code, findings = config.check()
    assert code == WARNINGS
    assert_one(findings, "warning", words, "cfg_PLANT.conf", line)


@pytest.mark.parametrize("text, line, words", [
    ("DefaultApplication = PLANT/..\n", 1, "allowed: name"),
    ("Max_Log_Size = 1099511627777\n", 1, "allowed: number 0..1099511627776"),
    ("[Redundancy\\A\\Kernel_1]\nIpAddr2 = x\n", 2, "numeric IPv4 or IPv6 address"),
    ("DefaultApplication = OTHER\n", 1, "there is no cfg_OTHER.conf"),
])
def test_what_is_refused_of_an_installation(config, text, line, words):
    config.write("cfg_PLANT.conf", "[TLS_Server]\nTLS_RequiredLevel = None\n")
    config.write("installation.conf", text)
    code, findings = config.check()
    assert code == ERRORS
    assert_one(findings, "error", words, "installation.conf", line)


def test_every_application_is_checked_unless_one_is_given(config):
    config.write("cfg_A.conf", "words\n")
    config.write("cfg_B.conf", "[TLS_Server]\nTLS_RequiredLevel = None\n")
    assert config.check()[0] == ERRORS
    assert config.check("@B") == (OK, [])


def test_applications_that_are_not_there(config):
    code, findings = config.check()
    assert code == WARNINGS
    assert_one(findings, "warning", "there is no cfg_<application>.conf")
    code, findings = config.check("@PLANT")
    assert code == ERRORS
    assert_one(findings, "error", "there is no such file", "cfg_PLANT.conf")


def test_a_file_that_nobody_reads_is_a_warning(config):
    config.write("cfg_A.conf", "[TLS_Server]\nTLS_RequiredLevel = None\n")
    config.write("cfg_my plant.conf", "")
    code, findings = config.check()
    assert code == WARNINGS
    assert_one(findings, "warning", "cfg_my plant.conf is never read")


def test_a_directory_that_is_not_there(config):
    config.directory.rmdir()
    done = config.run("check")
    assert done.returncode == ERRORS
    assert str(config.directory) in done.stderr


def test_a_kernel_that_would_be_open(config):
    config.write("cfg_PLANT.conf", "")
    code, findings = config.check()
    assert code == WARNINGS
    assert_one(findings, "warning", "there is no [TLS_Server]", "cfg_PLANT.conf")


def test_a_machine_of_clients_needs_no_server_section(config):
    config.write("cfg_PLANT.conf", "[TLS_Client]\nTLS_RequiredLevel = None\n")
    code, findings = config.check()
    assert code == OK
    assert_one(findings, "note", "there is no [TLS_Server]", "cfg_PLANT.conf")


# ---- check: certificates and keys ----

def test_the_pair_of_the_seed_is_fine_but_v1(config, seed_identity):
    config.take(seed_identity)
    config.write("cfg_PLANT.conf", SERVER + CLIENT)
    code, findings = config.check()
    assert code == WARNINGS
    assert_one(findings, "warning", "X.509 v1", "cfg_PLANT.conf", 2)


def test_a_ca_certificate_is_a_warning(config):
    key, cert = config.directory / "server.key", config.directory / "server.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "99",
                    "-subj", "/CN=ca", "-keyout", key, "-out", cert], check=True,
                   capture_output=True)
    key.chmod(0o600)
    config.write("cfg_PLANT.conf", SERVER)
    code, findings = config.check()
    assert code == WARNINGS
    assert_one(findings, "warning", "is a CA", "cfg_PLANT.conf", 2)


def test_a_key_of_another_certificate(config, certificates):
    config.take(certificates.make("server"))
    shutil.copy(certificates.make("other").key, config.directory / "server.key")
    config.write("cfg_PLANT.conf", SERVER)
    code, findings = config.check()
    assert code == ERRORS
    assert_one(findings, "error", "server.key", "cfg_PLANT.conf", 3)


def test_an_encrypted_key(config, certificates):
    config.take(certificates.encrypted())
    config.write("cfg_PLANT.conf", SERVER)
    code, findings = config.check()
    assert code == ERRORS
    assert_one(findings, "error", "encrypted", "cfg_PLANT.conf", 3)


@pytest.mark.parametrize("mode, code", [(0o600, OK), (0o400, OK), (0o644, ERRORS), (0o660, ERRORS)])
def test_permissions_of_the_key(config, certificates, mode, code):
    config.take(certificates.make())
    (config.directory / "server.key").chmod(mode)
    config.write("cfg_PLANT.conf", SERVER)
    assert config.check()[0] == code


def test_one_file_for_certificate_and_key(config, certificates):
    shutil.copy(certificates.combined().cert, config.directory / "server.crt")
    (config.directory / "server.crt").chmod(0o600)
    config.write("cfg_PLANT.conf", SERVER.replace("TLS_KeyFile = server.key\n", ""))
    assert config.check() == (OK, [])


@pytest.mark.parametrize("missing, line", [("server.crt", 2), ("server.key", 3)])
def test_a_missing_file(config, certificates, missing, line):
    config.take(certificates.make())
    (config.directory / missing).unlink()
    config.write("cfg_PLANT.conf", SERVER)
    code, findings = config.check()
    assert code == ERRORS
    assert_one(findings, "error", missing, "cfg_PLANT.conf", line)


def test_a_file_that_holds_no_certificate(config, certificates):
    config.take(certificates.make())
    config.write("server.crt", "words\n")
    config.write("cfg_PLANT.conf", SERVER)
    code, findings = config.check()
    assert code == ERRORS
    assert_one(findings, "error", "server.crt", "cfg_PLANT.conf", 2)


@pytest.mark.parametrize("written, words", [
    ("~/server.crt", "~ is not replaced"),
    ("C:\\keys\\server.crt", "a backslash is an ordinary character"),
])
def test_a_path_that_means_nothing_here_gets_a_hint(config, written, words):
    config.write("cfg_PLANT.conf", SERVER.replace("server.crt", written))
    code, findings = config.check()
    assert code == ERRORS
    assert any(words in f["text"] for f in findings), findings


def test_a_file_with_an_unusual_name_works(config, certificates):
    name = "C:\\d2k keys\\\"new\" kľúč;#"
    config.take(certificates.make(), name)
    config.write("cfg_PLANT.conf", SERVER.replace("server.", name + ".") +
                 CLIENT.replace("server.crt", f'"{name}.crt"; '))
    assert config.check() == (OK, [])


@pytest.mark.parametrize("days, severity, words", [
    ((-9, -1), "error", "expired on"),
    ((1, 9), "error", "is valid only from"),
    ((-9, 29), "warning", "days left"),
])
@pytest.mark.parametrize("dates, consequence", [
    ("warn", "every connect logs a WARNING"), ("strict", "new links are refused")])
def test_dates_of_certificates(config, certificates, days, severity, words, dates, consequence):
    config.take(certificates.make(days=days))
    config.write("cfg_PLANT.conf", f"{SERVER}TLS_CertDates = {dates}\n"
                                   f"{CLIENT}TLS_CertDates = {dates}\n")
    code, findings = config.check()
    assert code == (ERRORS if severity == "error" else WARNINGS)
    assert severities(findings) == [severity, severity]
    assert [f["line"] for f in findings] == [2, 7]
    assert all(words in f["text"] for f in findings)
    if severity == "error":
        assert all(consequence in f["text"] for f in findings)


def test_thirty_one_days_are_enough(config, certificates):
    config.take(certificates.make(days=(-1, 32)))
    config.write("cfg_PLANT.conf", SERVER + CLIENT)
    assert config.check() == (OK, [])


def test_entries_that_cannot_be_used_are_skipped(config, certificates):
    config.take(certificates.make())
    config.write("cfg_PLANT.conf", SERVER + CLIENT.replace("server.crt", "no.crt; server.crt"))
    code, findings = config.check()
    assert code == WARNINGS
    assert_one(findings, "warning", "this entry is skipped", "cfg_PLANT.conf", 6)


@pytest.mark.parametrize("level, code", [("TLSPeerAuth", ERRORS), ("TLSNoPeerAuth", WARNINGS)])
def test_a_list_without_usable_entry(config, level, code):
    config.write("cfg_PLANT.conf", CLIENT.replace("TLSPeerAuth", level))
    found, findings = config.check()
    assert found == code
    assert ("error" in severities(findings)) == (code == ERRORS)


def test_check_for_people(config):
    path = config.write("cfg_PLANT.conf", "Max_Clients = 0\nMax_Client = 1\n[TLS_Server]\n"
                                          "TLS_RequiredLevel = None\n")
    done = config.run("check")
    assert done.stdout == (
        f"{path}:1: error: Max_Clients = 0: allowed: number 1..100000\n"
        f"{path}:2: warning: unknown value Max_Client is ignored; did you mean Max_Clients?\n"
        "1 error, 1 warning\n")


# ---- parameters ----

@pytest.mark.parametrize("arguments", [
    [], ["frob"], ["get"], ["list", "a", "b"], ["check", "a"], ["settings", "a"],
    ["list", "--frob"], ["list", "--markdown"], ["settings", "--json"], ["list", "@"],
    ["list", "@../A"], ["list", "@A/B"], ["list", "--installation=../x"], ["list", "--installation"],
    ["get", "cfg_\\x"], ["get", "cfg_..\\x"],
])
def test_wrong_parameters(config, arguments):
    done = config.run(*arguments, directory=False)
    assert (done.returncode, done.stdout) == (ERRORS, "")
    assert done.stderr.startswith("d2k-registry: ")


def test_an_empty_directory_is_refused(config):
    assert config.run("list", "--config-dir=", directory=False).returncode == ERRORS


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["/?"], ["frob", "/?"],
                                       ["list", "--frob", "/?"]])
def test_help_is_shown_whatever_else_is_given(config, arguments):
    done = config.run(*arguments)
    assert (done.returncode, done.stderr) == (OK, "")
    assert done.stdout.startswith("Usage: d2k-registry")
    assert "Exit codes:" in done.stdout


def test_version(config):
    assert config.run("--version").stdout == "d2k-registry V1.00.000 s1\n"


def test_the_directory_may_come_from_the_environment(config):
    config.write("cfg_PLANT.conf", "Max_Clients = 5\n")
    done = config.run("get", "Max_Clients", "@PLANT", directory=False,
                      environment={"D2K_CONFIG_DIR": str(config.directory)})
    assert done.stdout == "5\n"


def test_a_full_disk_is_no_empty_value(config):
    config.write("cfg_PLANT.conf", "Max_Clients = 5\n")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([REGISTRY, "get", "Max_Clients", "@PLANT", "--config-dir",
                               config.directory], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 6


# ---- documentation ----

def test_the_reference_is_that_of_the_program(config):
    written = (programs.REPOSITORY / "docs/registry/settings.md").read_text(encoding="utf-8")
    made = config.run("settings", "--markdown", directory=False).stdout
    assert written == made, "d2k-registry settings --markdown > docs/registry/settings.md"


def test_settings_for_people_name_every_setting(config):
    text = config.run("settings", directory=False).stdout
    for name in ("DefaultApplication", "Max_Log_Size", "TLS_TrustedCerts", "Period"):
        assert f"  {name} = " in text
