"""d2k-registry set and unset: what changes in the files, what is refused, and that nothing is lost."""

import os
import subprocess

import pytest

from d2k_test.poll import DEADLINE_S
from test_registry import CLIENT, ERRORS, NOT_FOUND, OK, REGISTRY, SERVER, Configuration

FILE = "cfg_PLANT.conf"
OPEN = "# the plant\n\n[TLS_Server]\n# why\nTLS_RequiredLevel = None\n"


@pytest.fixture
def config(tmp_path):
    return Configuration(tmp_path / "config dir")


def text_of(config, name=FILE):
    return (config.directory / name).read_bytes().decode()


def names(config):
    return sorted(path.name for path in config.directory.iterdir())


def assert_untouched(config, before, name=FILE):
    assert text_of(config, name) == before
    assert names(config) == [name]


# ---- what changes ----

def test_set_changes_one_value_and_keeps_the_rest(config):
    before = ("\ufeff; head\r\n Max_Clients=5\r\nOdd = 1\r\n\r\n[TLS_Server]\r\n\t# level\r\n"
              "\tTLS_RequiredLevel   =   None  \r\n[Own]\r\n")
    config.write(FILE, before)
    done = config.run("set", "@PLANT", "Max_Clients", "600")
    assert (done.returncode, done.stderr) == (OK, "")
    assert text_of(config) == before.replace("Max_Clients=5", "Max_Clients=600")
    assert text_of(config, FILE + ".bak") == before
    path = config.directory / FILE
    assert done.stdout == ("cfg_PLANT\\Max_Clients: 5 -> 600 (at the next start)\n"
                           f"written: {path} (the old one: {path}.bak)\n")


@pytest.mark.parametrize("key", [
    "TLS_Server\\TLS_CertDates", "tls_server\\tls_certdates", "cfg_PLANT\\TLS_Server\\TLS_CertDates",
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Ipesoft\\d2k\\cfg_PLANT\\TLS_Server\\TLS_CertDates",
    "hklm\\software\\wow6432node\\ipesoft\\d2k\\cfg_PLANT\\TLS_Server\\TLS_CertDates",
])
def test_every_form_of_a_key(config, key):
    config.write(FILE, OPEN)
    done = config.run("set", "@PLANT", key, "strict")
    assert (done.returncode, done.stderr) == (OK, "")
    assert "not set -> strict (at the next connect; default: warn)" in done.stdout
    assert config.run("get", "TLS_Server\\TLS_CertDates", "@PLANT").stdout == "strict\n"
    assert text_of(config).startswith(OPEN)


def test_level_and_files_change_together(config, certificates):
    config.take(certificates.make())
    config.write(FILE, OPEN)
    alone = config.run("set", "@PLANT", "TLS_Server\\TLS_RequiredLevel", "TLSNoPeerAuth")
    assert alone.returncode == ERRORS
    assert "needs TLS_CertFile" in alone.stderr
    assert text_of(config) == OPEN
    done = config.run("set", "@PLANT", "TLS_Server\\TLS_RequiredLevel=TLSNoPeerAuth",
                      "TLS_Server\\TLS_CertFile", "server.crt", "TLS_Server\\TLS_KeyFile=server.key")
    assert (done.returncode, done.stderr) == (OK, "")
    assert text_of(config) == OPEN.replace("None", "TLSNoPeerAuth") + \
        "TLS_CertFile = server.crt\nTLS_KeyFile = server.key\n"
    assert config.check("@PLANT") == (OK, [])


def test_a_new_application_gets_its_file(config):
    done = config.run("set", "@NEW", "TLS_Client\\TLS_RequiredLevel=None", "Max_Clients=7")
    assert done.returncode == OK
    assert text_of(config, "cfg_NEW.conf") == \
        "Max_Clients = 7\n\n[TLS_Client]\nTLS_RequiredLevel = None\n"
    assert names(config) == ["cfg_NEW.conf"]
    assert "(new)" in done.stdout


def test_values_of_the_installation_and_its_default(config):
    config.write(FILE, OPEN)
    done = config.run("set", "DefaultApplication", "PLANT", "KOM\\Period", "500",
                      "Redundancy\\G\\Kernel_1\\IpAddr1", "::1")
    assert (done.returncode, done.stderr) == (OK, "")
    assert text_of(config, "installation.conf") == \
        "DefaultApplication = PLANT\n\n[Redundancy\\G\\Kernel_1]\nIpAddr1 = ::1\n"
    assert text_of(config) == OPEN + "\n[KOM]\nPeriod = 500\n"


@pytest.mark.parametrize("value", ["", " a ", '"', '"a"', 'a "b" c', "C:\\new\\table\\", "#;[x]",
                                   "-5", "@x", "--frob", "a=b", "žltá €"])
def test_every_value_is_read_back_as_it_was_given(config, value):
    config.write(FILE, OPEN)
    assert config.run("set", "@PLANT", "--force", "Own\\Odd", value).returncode == OK
    assert config.json("get", "Own\\Odd", "@PLANT")["value"] == value


def test_a_value_that_is_an_option_stands_behind_an_equals_sign(config):
    config.write(FILE, OPEN)
    done = config.run("set", "@PLANT", "--force", "Own\\A=--help", "Own\\B", "--force", "@x")
    assert done.returncode == OK
    assert config.run("get", "Own\\A", "@PLANT").stdout == "--help\n"
    assert config.run("get", "Own\\B", "@PLANT").stdout == "@x\n"


def test_entries_of_a_list_keep_their_quotes(config, certificates):
    config.take(certificates.make(), "a;b")
    config.take(certificates.make("other"), "c")
    config.write(FILE, CLIENT.replace("server.crt", '"a;b.crt"'))
    done = config.run("set", "@PLANT", "TLS_Client\\TLS_TrustedCerts", ' "a;b.crt"; c.crt ')
    assert (done.returncode, done.stderr) == (OK, "")
    assert 'TLS_TrustedCerts = "a;b.crt"; c.crt\n' in text_of(config)
    assert config.check("@PLANT")[0] == OK


def test_nothing_is_written_when_nothing_changes(config):
    path = config.write(FILE, OPEN)
    before = path.stat()
    done = config.run("set", "@PLANT", "TLS_Server\\TLS_RequiredLevel=None")
    assert (done.returncode, done.stdout) == (OK, "nothing to change\n")
    assert path.stat() == before
    assert_untouched(config, OPEN)


def test_dry_run_writes_nothing(config):
    config.write(FILE, OPEN)
    done = config.run("set", "@PLANT", "--dry-run", "Max_Clients=7")
    assert done.returncode == OK
    assert "not set -> 7" in done.stdout and "would be written: " in done.stdout
    assert_untouched(config, OPEN)
    refused = config.run("set", "@PLANT", "--dry-run", "Max_Clients=0")
    assert refused.returncode == ERRORS
    done = config.run("set", "@NEW", "--dry-run", "Max_Clients=7")
    assert done.returncode == OK
    assert names(config) == [FILE]


def test_unset_takes_the_value_and_leaves_the_comment(config):
    config.write(FILE, "# how many\nMax_Clients = 5\n" + OPEN)
    done = config.run("unset", "@PLANT", "Max_Clients")
    assert done.returncode == OK
    assert "5 -> not set (at the next start; default: 10000)" in done.stdout
    assert text_of(config) == "# how many\n" + OPEN
    again = config.run("unset", "@PLANT", "Max_Clients")
    assert (again.returncode, again.stdout) == (NOT_FOUND, "nothing to change\n")


def test_unset_of_a_value_that_nobody_knows(config):
    config.write(FILE, OPEN + "Odd = 1\n")
    assert config.run("unset", "@PLANT", "TLS_Server\\Odd").returncode == OK
    assert text_of(config) == OPEN


# ---- what is refused ----

@pytest.mark.parametrize("arguments, words", [
    (["Max_Clients=0"], "allowed: number 1..100000"),
    (["TLS_Server\\TLS_RequiredLevel=TLSPeerAuth"], "does not verify certificates of clients"),
    (["TLS_Client\\TLS_MinVersion=TLSv1.3"], "has no TLS_RequiredLevel"),
    (["TLS_Server\\TLS_CertFile=no.crt"], "no.crt"),
    (["TLS_Server\\TLS_CertFil=x"], "did you mean TLS_CertFile?"),
    (["TLS_CertFile=x"], "did you mean the one of [TLS_Server]?"),
    (["TLS_Sever\\TLS_RequiredLevel=None"], "did you mean"),
    (["Odd=1"], "Odd: there is no such setting"),
    (["TLS_Server\\TLS_CertFile", "a\n[x]"], "several lines"),
    (["TLS_Server\\TLS_CertFile", "a\x01"], "control character"),
    (["TLS_Server\\", "a"], "the name is empty"),
    (["TLS_Server\\\\TLS_CertFile", "a"], "cannot be written"),
    (["a]b\\c", "x"], "brackets"),
    (["Max_Clients=7", "KOM\\Period=1"], "allowed: number 100..3600000"),
    (["Max_Clients", "x" * 8192], "a line may have 8192 bytes"),
    (["Redundancy\\G\\Kernel_1\\IpAddr1=x"], "numeric IPv4 or IPv6 address"),
    (["DefaultApplication=OTHER"], "there is no cfg_OTHER.conf"),
])
def test_what_is_refused(config, arguments, words):
    config.write(FILE, OPEN)
    done = config.run("set", "@PLANT", *arguments)
    assert (done.returncode, done.stdout) == (ERRORS, "")
    assert words in done.stderr
    assert_untouched(config, OPEN)


def test_unset_refuses_to_leave_a_section_without_level(config):
    config.write(FILE, OPEN)
    done = config.run("unset", "@PLANT", "TLS_Server\\TLS_RequiredLevel")
    assert done.returncode == ERRORS
    assert "has no TLS_RequiredLevel" in done.stderr
    assert_untouched(config, OPEN)


def test_force_writes_what_check_refuses(config):
    config.write(FILE, OPEN)
    done = config.run("set", "@PLANT", "--force", "Max_Clients=0", "Odd=1")
    assert done.returncode == OK
    assert "allowed: number" in done.stderr
    assert "Max_Clients = 0\nOdd = 1\n" in text_of(config)


def test_force_does_not_write_what_no_program_could_read(config):
    config.write(FILE, OPEN)
    done = config.run("set", "@PLANT", "--force", "Odd", "a\nb")
    assert done.returncode == ERRORS
    assert_untouched(config, OPEN)


def test_old_errors_do_not_stop_a_repair(config):
    config.write(FILE, "Max_Clients = 0\nHandshake_Workers = 99\n" + OPEN)
    done = config.run("set", "@PLANT", "Max_Clients=5")
    assert (done.returncode, done.stderr) == (OK, "")
    assert text_of(config) == "Max_Clients = 5\nHandshake_Workers = 99\n" + OPEN


def test_a_file_that_cannot_be_read_is_not_changed(config):
    config.write(FILE, "words\n")
    done = config.run("set", "@PLANT", "--force", "Max_Clients=5")
    assert done.returncode == ERRORS
    assert "cfg_PLANT.conf:1: this is neither" in done.stderr
    assert_untouched(config, "words\n")


@pytest.mark.parametrize("arguments, words", [
    (["set"], "set needs"), (["set", "A"], "set needs"), (["set", "A=1", "B"], "set needs"),
    (["unset"], "unset needs"), (["set", "A=1", "--json"], "set has no --json"),
    (["set", "A=1", "--utf8"], "set has no --utf8"), (["list", "--force"], "list has no --force"),
    (["check", "--dry-run"], "check has no --dry-run"),
    (["set", "cfg_../x\\A=1"], "not the name of an application"),
    (["set", "HKLM\\SOFTWARE\\Other\\A=1"], "is below"),
    (["set", "@TEST", "cfg_PLANT\\Max_Clients=1"], "another application"),
    (["set", "HKLM\\SOFTWARE\\Ipesoft\\x\\A=1", "HKLM\\SOFTWARE\\Ipesoft\\y\\A=1"],
     "another installation"),
    (["set", "Max_Clients=1"], "add @<application>"),
])
def test_wrong_parameters(config, arguments, words):
    done = config.run(*arguments)
    assert (done.returncode, done.stdout) == (ERRORS, "")
    assert words in done.stderr
    assert names(config) == []


def test_a_directory_that_was_given_is_not_made(config):
    config.directory.rmdir()
    done = config.run("set", "@PLANT", "Max_Clients=5")
    assert done.returncode == ERRORS
    assert not config.directory.exists()


# ---- files ----

def test_mode_owner_and_group_stay(config):
    path = config.write(FILE, OPEN)
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 12345, 23456)
    before = path.stat()
    assert config.run("set", "@PLANT", "Max_Clients=5").returncode == OK
    for name in (FILE, FILE + ".bak"):
        after = (config.directory / name).stat()
        assert (after.st_mode, after.st_uid, after.st_gid) == \
            (before.st_mode, before.st_uid, before.st_gid)
    assert path.stat().st_ino != before.st_ino


def test_a_link_stays_and_what_it_leads_to_is_replaced(config, tmp_path):
    real = tmp_path / "real.conf"
    real.write_text(OPEN, encoding="utf-8")
    (config.directory / FILE).symlink_to(real)
    assert config.run("set", "@PLANT", "Max_Clients=5").returncode == OK
    assert (config.directory / FILE).is_symlink()
    assert "Max_Clients = 5" in real.read_text(encoding="utf-8")
    assert (tmp_path / "real.conf.bak").read_text(encoding="utf-8") == OPEN


def test_concurrent_changes_are_all_kept(config):
    config.write(FILE, OPEN)
    count = 24
    running = [subprocess.Popen([REGISTRY, "set", "@PLANT", "--force", f"Own\\V{i}={i}",
                                 f"--config-dir={config.directory}"], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE) for i in range(count)]
    for process in running:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == OK, stderr
    entries = {e["name"]: e["value"] for e in config.json("list", "Own", "@PLANT")}
    assert entries == {f"V{i}": str(i) for i in range(count)}
    assert names(config) == [FILE, FILE + ".bak"]


def test_a_full_disk_leaves_everything_as_it_was(config):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", config.directory],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {mounted.stderr.decode().strip()}")
    try:
        before = OPEN + "# " + "x" * 5000 + "\n"
        config.write(FILE, before)
        config.write("filler", "")
        with open(config.directory / "filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 512):
                    pass
            except OSError:
                pass
        done = config.run("set", "@PLANT", "Max_Clients=5")
        assert (done.returncode, done.stdout) == (ERRORS, "")
        assert "No space left on device; nothing was changed" in done.stderr
        assert text_of(config) == before
        assert names(config) == [FILE, "filler"]
    finally:
        subprocess.run(["umount", config.directory], check=True)


def set_immutable(path, flag):
    return subprocess.run(["chattr", flag + "i", path], capture_output=True, check=False)


def test_a_directory_that_cannot_be_written(config):
    config.write(FILE, OPEN)
    if os.getuid() == 0:
        done = set_immutable(config.directory, "+")
        if done.returncode != 0:
            pytest.skip(f"chattr does not work here: {done.stderr.decode().strip()}")
    else:
        config.directory.chmod(0o500)
    try:
        done = config.run("set", "@PLANT", "Max_Clients=5")
        assert (done.returncode, done.stdout) == (ERRORS, "")
        assert "cannot be written" in done.stderr and "nothing was changed" in done.stderr
        assert_untouched(config, OPEN)
    finally:
        if os.getuid() == 0:
            set_immutable(config.directory, "-")
        else:
            config.directory.chmod(0o700)


def test_the_second_file_that_cannot_be_replaced_takes_the_first_back(config):
    config.write(FILE, OPEN)
    config.write("installation.conf", "Max_Log_Size = 1\n")
    if os.getuid() != 0 or set_immutable(config.directory / FILE, "+").returncode != 0:
        pytest.skip("needs chattr, as root")
    try:
        done = config.run("set", "@PLANT", "Max_Log_Size=2", "Max_Clients=5")
        assert (done.returncode, done.stdout) == (ERRORS, "")
        assert "nothing was changed" in done.stderr
        assert text_of(config, "installation.conf") == "Max_Log_Size = 1\n"
        assert text_of(config) == OPEN
        assert not any(name.endswith(".new") for name in names(config))
    finally:
        set_immutable(config.directory / FILE, "-")


def test_a_running_lock_is_waited_for(config):
    config.write(FILE, OPEN)
    holder = subprocess.Popen(["flock", config.directory, "sh", "-c", "echo held; read x"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        waiting = subprocess.Popen([REGISTRY, "set", "@PLANT", "Max_Clients=5",
                                    f"--config-dir={config.directory}"], stdout=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=0.5)
        assert text_of(config) == OPEN
        holder.communicate(b"\n", timeout=DEADLINE_S)
        waiting.communicate(timeout=DEADLINE_S)
        assert waiting.returncode == OK
        assert text_of(config).startswith("# the plant\n\nMax_Clients = 5\n")
    finally:
        holder.kill()
        holder.wait()


def test_output_that_cannot_be_written_is_told(config):
    config.write(FILE, OPEN)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([REGISTRY, "set", "@PLANT", "Max_Clients=5", "--config-dir",
                               config.directory], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 6


def test_a_secured_plant_step_by_step(config, certificates):
    """None -> TLSNoPeerAuth -> TLSPeerAuth of the clients, and each step passes check."""
    config.take(certificates.make())
    config.write(FILE, SERVER.replace("TLSNoPeerAuth", "None"))
    for arguments in (["TLS_Client\\TLS_RequiredLevel=None"],
                      ["TLS_Server\\TLS_RequiredLevel=TLSNoPeerAuth"],
                      ["TLS_Client\\TLS_RequiredLevel=TLSPeerAuth",
                       "TLS_Client\\TLS_TrustedCerts=server.crt"]):
        done = config.run("set", "@PLANT", *arguments)
        assert (done.returncode, done.stderr) == (OK, "")
        assert config.check("@PLANT") == (OK, [])


def test_names_of_other_users_terminals_are_safe(config):
    config.write(FILE, OPEN)
    done = config.run("set", "@PLANT", "--force", "Own\\Odd", "\u202ex")
    assert done.returncode == OK
    assert "\u202e" not in done.stdout and "\\xe2\\x80\\xae" in done.stdout
