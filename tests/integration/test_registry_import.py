"""d2k-registry import and export: files of the Windows registry editor, both ways."""

import random

import pytest

from d2k_test import programs
from test_registry import ERRORS, OK, ROOT, Configuration

WARNED = 1
DATA = programs.REPOSITORY / "tests/integration/data"
HEAD = "Windows Registry Editor Version 5.00\r\n"
KEY = f"[{ROOT}d2k\\cfg_PLANT\\TLS_Server]\r\n"
LEVEL = '"TLS_RequiredLevel"="None"\r\n'


@pytest.fixture
def config(tmp_path):
    return Configuration(tmp_path / "config dir")


@pytest.fixture
def reg(tmp_path):
    """Writes a .reg file; its text is UTF-16 unless it is bytes."""
    def write(text, name="in.reg"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes)
                         else b"\xff\xfe" + text.encode("utf-16-le"))
        return path
    return write


def text_of(config, name="cfg_PLANT.conf"):
    return (config.directory / name).read_bytes().decode()


def names(config):
    return sorted(path.name for path in config.directory.iterdir())


def tree(config):
    """Every value that stands in a file."""
    return {(e["key"], e["name"]): e["value"] for e in config.json("list") if not e["default"]}


# ---- files that a registry editor wrote ----

def test_a_file_of_a_registry_editor(config):
    done = config.run("import", "--from=D2000V22", DATA / "wine_installation.reg")
    assert done.returncode == WARNED
    assert text_of(config, "installation.conf") == (
        "DefaultApplication = PLANT\nMax_Log_Size = 10485760\n\n[Redundancy\\PLANT\\Kernel_1]\n"
        "IpAddr1 = 192.168.1.10\nName = SRV1\n")
    assert text_of(config) == (
        "Max_Clients = 500\n\n[Own values]\n@ = the default value\nempty =\n"
        "long = %SystemRoot%\\system32\\a long text that the registry editor breaks into several "
        "lines of hexadecimal digits\nquad = 1099511627776\n"
        'with "quotes" and spaces = a "b" c\nžltá = kôň €\n\n[TLS_Client]\n'
        "TLS_RequiredLevel = TLSPeerAuth\n"
        "TLS_TrustedCerts = c:\\d2000 keys\\server.crt;c:\\d2000 keys\\new server.crt\n\n"
        "[TLS_Server]\nTLS_CertFile = c:\\d2000 keys\\server.crt\n"
        "TLS_KeyFile = c:\\d2000 keys\\server.key\nTLS_RequiredLevel = TLSNoPeerAuth\n")
    assert "ignored: 1 key outside ...\\Ipesoft\\D2000V22\n16 changed, 0 as before, 3 left out\n" \
        in done.stdout
    for words in (':14: "back\\slash" is left out', ':15: "binary" is left out: it is no text (REG_',
                  ':18: "equals=sign" is left out', ":34: TLS_TrustedCerts = c:", ":41: TLS_CertFile",
                  ":42: TLS_KeyFile"):
        assert words in done.stderr
    assert done.stderr.count("is a Windows path; it is imported as it is") == 3


def test_one_key_of_a_registry_editor_changes_only_that(config):
    config.write("cfg_PLANT.conf", "# mine\nMax_Clients = 5\n[TLS_Server]\n# why\n"
                                   "TLS_CertFile = old.crt\nTLS_RequiredLevel = None\n")
    done = config.run("import", "--from=D2000V22", DATA / "wine_tls_server.reg")
    assert done.returncode == WARNED
    assert text_of(config) == (
        "# mine\nMax_Clients = 5\n[TLS_Server]\n# why\nTLS_CertFile = c:\\d2000 keys\\server.crt\n"
        "TLS_RequiredLevel = TLSNoPeerAuth\nTLS_KeyFile = c:\\d2000 keys\\server.key\n")
    assert text_of(config, "cfg_PLANT.conf.bak").startswith("# mine")
    assert "cfg_PLANT\\TLS_Server\\TLS_CertFile: old.crt -> c:\\d2000 keys\\server.crt" \
        in done.stdout


def test_a_key_of_32_bit_programs(config):
    done = config.run("import", "--from=D2000V22", DATA / "wine_wow6432.reg")
    assert done.returncode == OK
    assert text_of(config, "cfg_32.conf") == "Max_Clients = 7\n"
    assert names(config) == ["cfg_32.conf"]


# ---- forms ----

@pytest.mark.parametrize("encoding, mark", [
    ("utf-16-le", b"\xff\xfe"), ("utf-16-le", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-8", b"")])
def test_every_encoding(config, reg, encoding, mark):
    text = HEAD + KEY + LEVEL + '"TLS_CertFile"="/keys/žltá.crt"\r\n'
    done = config.run("import", reg(mark + text.encode(encoding)))
    assert (done.returncode, done.stderr) == (OK, "")
    assert "TLS_CertFile = /keys/žltá.crt\n" in text_of(config)


def test_an_old_file_is_latin_1_unless_it_is_utf_8(config, reg):
    text = "REGEDIT4\n\n" + KEY + LEVEL + '"TLS_CertFile"="/keys/á.crt"\n'
    done = config.run("import", reg(text.encode("latin-1")))
    assert done.returncode == WARNED
    assert "was read as Latin-1" in done.stderr
    assert "TLS_CertFile = /keys/á.crt\n" in text_of(config)
    done = config.run("import", reg(text.replace("á", "ž").encode()))
    assert (done.returncode, done.stderr) == (OK, "")
    assert "TLS_CertFile = /keys/ž.crt\n" in text_of(config)
    done = config.run("import", reg(text.replace("á", "ž").encode("cp1250")))
    assert done.returncode == ERRORS
    assert "neither UTF-16, UTF-8 nor Latin-1" in done.stderr


@pytest.mark.parametrize("data, value", [
    ('"500"', "500"), ("dword:000001f4", "500"), ("hex(4):f4,01,00,00", "500"),
    ("hex(b):f4,01,00,00,00,00,00,00", "500"), ("hex(2):35,00,30,00,\\\r\n  30,00,00,00", "500"),
    ("hex(1):35,00,30,00,30,00,00,00", "500"), ("hex(7):35,00,30,00,30,00,00,00,00,00", "500")])
@pytest.mark.parametrize("root", [ROOT, "HKLM\\SOFTWARE\\Ipesoft\\", "hklm\\software\\IPESOFT\\",
                                  "HKEY_LOCAL_MACHINE\\SOFTWARE\\WOW6432Node\\Ipesoft\\"])
def test_every_type_and_spelling(config, reg, root, data, value):
    done = config.run("import", reg(HEAD + f"[{root}D2K\\CFG_PLANT]\r\n\"max_clients\"={data}\r\n"))
    assert (done.returncode, done.stderr) == (OK, "")
    assert config.run("get", "Max_Clients", "@PLANT").stdout == value + "\n"


def test_deletions(config, reg):
    config.write("cfg_PLANT.conf", "# c\nMax_Clients = 5\n[KOM]\n# k\nPeriod = 500\n[Own\\A]\nx=1\n"
                                   "[TLS_Client]\nTLS_RequiredLevel = None\nTLS_CertDates = warn\n")
    done = config.run("import", reg(
        HEAD + f"[-{ROOT}d2k\\cfg_PLANT\\Own]\r\n[{ROOT}d2k\\cfg_PLANT]\r\n\"max_clients\"=-\r\n"
        f"[-{ROOT}d2k\\cfg_PLANT\\KOM]\r\n[{ROOT}d2k\\cfg_PLANT\\KOM]\r\n\"Period\"=dword:3e8\r\n"
        f"[{ROOT}d2k\\cfg_PLANT\\TLS_Client]\r\n\"TLS_CertDates\"=-\r\n\"No\"=-\r\n"))
    assert (done.returncode, done.stderr) == (OK, "")
    assert text_of(config) == ("# c\n# k\n[TLS_Client]\nTLS_RequiredLevel = None\n\n[KOM]\n"
                               "Period = 1000\n")


def test_a_list_of_strings_with_semicolons(config, reg):
    parts = "a;b.crt\0c.crt\0\0".encode("utf-16-le")
    done = config.run("import", reg(
        HEAD + f"[{ROOT}d2k\\cfg_PLANT\\TLS_Client]\r\n\"TLS_RequiredLevel\"=\"TLSPeerAuth\"\r\n"
        f"\"TLS_TrustedCerts\"=hex(7):{','.join(f'{b:02x}' for b in parts)}\r\n"))
    assert (done.returncode, done.stderr) == (OK, "")
    assert 'TLS_TrustedCerts = "a;b.crt";c.crt\n' in text_of(config)


def test_only_the_application_that_is_asked_for(config, reg):
    path = reg(HEAD + f"[{ROOT}d2k]\r\n\"DefaultApplication\"=\"A\"\r\n[{ROOT}d2k\\cfg_A]\r\n"
               f"\"Max_Clients\"=\"1\"\r\n[{ROOT}d2k\\cfg_B]\r\n\"Max_Clients\"=\"2\"\r\n")
    done = config.run("import", "@B", path)
    assert done.returncode == OK
    assert "ignored: 2 keys outside" in done.stdout
    assert names(config) == ["cfg_B.conf"]


def test_an_application_whose_name_differs_in_case_is_the_same(config, reg):
    config.write("cfg_PLANT.conf", "Max_Clients = 1\n")
    done = config.run("import", reg(HEAD + f"[{ROOT}d2k\\CFG_Plant]\r\n\"Max_Clients\"=\"2\"\r\n"))
    assert done.returncode == OK
    assert text_of(config) == "Max_Clients = 2\n"
    assert names(config) == ["cfg_PLANT.conf", "cfg_PLANT.conf.bak"]


def test_dry_run_writes_nothing(config):
    done = config.run("import", "--dry-run", "--from=D2000V22", DATA / "wine_installation.reg")
    assert done.returncode == WARNED
    assert "cfg_PLANT\\Max_Clients: not set -> 500" in done.stdout
    assert done.stdout.count("would be written: ") == 2
    assert names(config) == []


def test_a_second_import_changes_nothing(config):
    config.run("import", "--from=D2000V22", DATA / "wine_installation.reg")
    before = {name: text_of(config, name) for name in names(config)}
    done = config.run("import", "--from=D2000V22", DATA / "wine_installation.reg")
    assert "0 changed, 16 as before" in done.stdout and "nothing to change" in done.stdout
    assert {name: text_of(config, name) for name in names(config)} == before


# ---- what is refused ----

@pytest.mark.parametrize("text, words", [
    (b"", ":1: the first line must be"),
    (HEAD + "words\r\n", "in.reg:2: this is neither"),
    (HEAD + KEY + '"a"="C:\\temp"\r\n', "in.reg:3: unknown escape; a backslash is written \\\\"),
    (HEAD + KEY + '"a"=dword:x\r\n', "in.reg:3: a dword"),
    (HEAD + '"a"="b"\r\n', "in.reg:2: a value needs a key"),
    (HEAD + KEY + '"TLS_RequiredLevel"="TLSPeerAuth"\r\n', "does not verify certificates"),
    (HEAD + KEY + '"TLS_CertFile"="x"\r\n', "has no TLS_RequiredLevel"),
    (HEAD + KEY, "has no TLS_RequiredLevel"),
    (HEAD + KEY + '"TLS_RequiredLevel"=hex:01\r\n', 'in.reg:3: "TLS_RequiredLevel" is left out'),
    (HEAD + KEY + LEVEL + '"TLS_CertFile"="a\r\nb"\r\n', 'in.reg:4: "TLS_CertFile" is left out'),
    (HEAD + f"[-{ROOT}d2k]\r\n", "in.reg:2: [-HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\d2k] would"),
    (HEAD + "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft]\r\n", "would delete the whole"),
    (HEAD + "[-HKLM\\SOFTWARE]\r\n", "would delete the whole"),
    (HEAD + f"[{ROOT}other]\r\n\"a\"=\"b\"\r\n", "--from=other imports that"),
    (HEAD + "[HKEY_CURRENT_USER\\a]\r\n\"a\"=\"b\"\r\n", "has nothing of"),
    (HEAD + f"[{ROOT}d2k]\r\n\"DefaultApplication\"=\"NO\"\r\n", "there is no cfg_NO.conf"),
])
def test_what_is_refused(config, reg, text, words):
    # a good application before the trouble: all or nothing
    good = f"[{ROOT}d2k\\cfg_GOOD]\r\n\"Max_Clients\"=\"5\"\r\n"
    if isinstance(text, str) and "nothing of" not in words and "--from" not in words:
        after = text + good
    else:
        after = text
    done = config.run("import", reg(after))
    assert (done.returncode, done.stdout) == (ERRORS, "")
    assert words in done.stderr
    assert names(config) == []


def test_force_imports_what_check_refuses(config, reg):
    path = reg(HEAD + KEY + '"TLS_RequiredLevel"="TLSPeerAuth"\r\n')
    assert config.run("import", path).returncode == ERRORS
    assert config.run("import", "--force", path).returncode == OK
    assert text_of(config) == "[TLS_Server]\nTLS_RequiredLevel = TLSPeerAuth\n"


@pytest.mark.parametrize("text, words", [
    (f"[{ROOT}d2k\\cfg_my plant]\r\n\"a\"=\"b\"\r\n", "an application's name has"),
    (f"[{ROOT}d2k\\cfg_..\\x]\r\n\"a\"=\"b\"\r\n", "an application's name has"),
    (f"[{ROOT}d2k\\cfg_PLANT\\a]b]\r\n\"a\"=\"b\"\r\n", "no brackets"),
    (f"[{ROOT}d2k\\cfg_PLANT\\X]\r\n\"@\"=\"b\"\r\n@=\"c\"\r\n", "default value"),
    (f"[{ROOT}d2k\\cfg_PLANT\\X]\r\n\"#a\"=\"b\"\r\n", "begins with #"),
    (f"[{ROOT}d2k\\cfg_PLANT\\X]\r\n\"a\"=\"b\\nc\"\r\n", "several lines"),
    (f"[{ROOT}d2k\\cfg_PLANT\\X]\r\n\"a\"=\"{'x' * 9000}\"\r\n", "a line may have"),
    (f"[{ROOT}d2k\\cfg_PLANT\\X]\r\n\"a\"=hex(2):61,00,00,00,62,00,00,00\r\n", "has a NUL"),
])
def test_what_cannot_be_written_is_left_out_with_a_warning(config, reg, text, words):
    done = config.run("import", reg(HEAD + text + KEY + LEVEL))
    assert done.returncode == WARNED
    assert words in done.stderr and "in.reg:" in done.stderr
    assert "1 left out" in done.stdout
    assert "TLS_RequiredLevel = None" in text_of(config)


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["a", "--json"], ["a", "--utf8"],
                                       ["/nonexistent.reg"], ["/"]])
def test_wrong_parameters(config, arguments):
    done = config.run("import", *arguments)
    assert (done.returncode, done.stdout) == (ERRORS, "")
    assert done.stderr.startswith("d2k-registry: ")


def test_a_file_that_is_too_large(config, tmp_path):
    path = tmp_path / "large.reg"
    with open(path, "wb") as file:
        file.truncate(16 * 1024 * 1024 + 1)
    done = config.run("import", path)
    assert done.returncode == ERRORS
    assert "larger than 16777216 bytes" in done.stderr


# ---- export ----

def export(config, *arguments):
    """The bytes."""
    import subprocess
    done = subprocess.run([programs.PROGRAMS / "d2k-registry", "export", *arguments,
                           f"--config-dir={config.directory}"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (OK, b""), done.stderr
    return done.stdout


def test_export_as_the_registry_editor_writes(config):
    config.write("installation.conf", "DefaultApplication = PLANT\n")
    config.write("cfg_PLANT.conf", '[TLS_Server]\nTLS_CertFile = "c:\\a b\\"\nTLS_RequiredLevel=None\n'
                                   '[Own]\n@ = d\nq"\\ž = x\n'.replace("\\ž", "ž"))
    expected = (HEAD + f"\r\n[{ROOT}d2k]\r\n\"DefaultApplication\"=\"PLANT\"\r\n"
                f"\r\n[{ROOT}d2k\\cfg_PLANT]\r\n\r\n[{ROOT}d2k\\cfg_PLANT\\TLS_Server]\r\n"
                "\"TLS_CertFile\"=\"c:\\\\a b\\\\\"\r\n\"TLS_RequiredLevel\"=\"None\"\r\n"
                f"\r\n[{ROOT}d2k\\cfg_PLANT\\Own]\r\n@=\"d\"\r\n\"q\\\"ž\"=\"x\"\r\n")
    assert export(config) == b"\xff\xfe" + expected.encode("utf-16-le")
    assert export(config, "--utf8") == expected.encode()
    only = export(config, "@PLANT", "--utf8").decode()
    assert "DefaultApplication" not in only and "cfg_PLANT\\TLS_Server]" in only


@pytest.mark.parametrize("arguments, files, words", [
    (["@NO"], {}, "there is no such file"),
    ([], {"cfg_A.conf": "words\n"}, "cfg_A.conf:1:"),
    ([], {"installation.conf": "[cfg_A]\nx=1\n"}, "installation.conf:1: [cfg_A] cannot"),
    ([], {"cfg_A.conf": "", "cfg_a.conf": ""}, "would be one key"),
    (["x"], {}, "one argument too many"),
    (["--force"], {}, "export has no --force"),
])
def test_what_cannot_be_exported(config, arguments, files, words):
    for name, text in files.items():
        config.write(name, text)
    done = config.run("export", *arguments)
    assert (done.returncode, done.stdout) == (ERRORS, "")
    assert words in done.stderr


CHARACTERS = "aB9 \\\"';=#[]@%&.,-_/\tžľ€\u202e\U0001f512"


def random_text(generator, forbidden="", longest=12):
    size = generator.randint(1, longest)
    allowed = [c for c in CHARACTERS if c not in forbidden]
    return "".join(generator.choice(allowed) for _ in range(size))


def random_name(generator):
    while True:
        name = random_text(generator, "\\=").strip(" \t")
        if name and name[0] not in "#;[":
            return name


def random_key(generator):
    while True:
        parts = [random_text(generator, "\\[]").strip(" \t") for _ in range(generator.randint(1, 3))]
        if all(parts) and not parts[0].lower().startswith(("tls", "cfg_")):
            return "\\".join(parts)


def random_file(generator):
    """Text of a file with values in every place, each name once."""
    lines, seen = [], set()
    for key in [""] + [random_key(generator) for _ in range(generator.randint(0, 5))]:
        if key:
            lines.append(f"[{key}]")
        for _ in range(generator.randint(0, 5)):
            name = random_name(generator)
            if (key.lower(), name.lower()) in seen:
                continue
            seen.add((key.lower(), name.lower()))
            value = random_text(generator) if generator.random() < 0.9 else ""
            lines.append(f'{name} = "{value}"')
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(20))
def test_a_round_trip_loses_nothing(tmp_path, seed):
    generator = random.Random(seed)
    first, second = Configuration(tmp_path / "1"), Configuration(tmp_path / "2")
    for name in ("installation.conf", "cfg_A.conf", "cfg_b-2.conf"):
        first.write(name, random_file(generator))
    form = [] if seed % 2 else ["--utf8"]
    path = tmp_path / "all.reg"
    path.write_bytes(export(first, *form))
    done = second.run("import", path)
    assert done.returncode in (OK, WARNED), done.stderr
    assert "left out" not in done.stderr and "0 left out" in done.stdout
    assert tree(second) == tree(first)
    again = tmp_path / "again.reg"
    again.write_bytes(export(second, *form))
    done = second.run("import", again)
    assert "0 changed" in done.stdout and "nothing to change" in done.stdout
    assert export(second, *form) == again.read_bytes()


def test_a_round_trip_keeps_lists_and_empty_sections(tmp_path, config):
    config.write("cfg_A.conf", '[TLS_Client]\nTLS_TrustedCerts = "a;b.crt"; c.crt\n'
                               "TLS_RequiredLevel = TLSPeerAuth\n[Empty\\Section]\n")
    path = tmp_path / "all.reg"
    path.write_bytes(export(config))
    other = Configuration(tmp_path / "other")
    assert other.run("import", path).returncode == WARNED
    assert text_of(other, "cfg_A.conf") == (
        '[TLS_Client]\nTLS_TrustedCerts = "a;b.crt"; c.crt\nTLS_RequiredLevel = TLSPeerAuth\n\n'
        "[Empty\\Section]\n")
