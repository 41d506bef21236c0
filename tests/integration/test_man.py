"""Every option that a program prints with /? stands in its man page, and every setting in
d2k.conf(5)."""

import re
import shutil
import subprocess

import pytest

from d2k_test.programs import BUILD, KERNEL, PROGRAMS, REPOSITORY

PAGES = REPOSITORY / "man"
PROGRAM_PAGES = {"d2k-kernel": 8, "d2k-kom": 8, "d2k-tell": 1, "d2k-ping": 1, "d2k-certs": 1,
                 "d2k-registry": 1}
# Options at the begin of a line of the help, or after spaces: --port= /P @<application>
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]*|/(?:\?|h|[A-Z]+))(?![a-z])")


def printed(program, *arguments):
    path = KERNEL if program == "d2k-kernel" else PROGRAMS / program
    return subprocess.run([path, *arguments], check=True, stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL).stdout.decode()


def source_of(page):
    text = (PAGES / f"{page}.scd").read_text(encoding="utf-8")
    return re.sub(r"^@(client_parameters|exit_codes)@$",
                  lambda match: (PAGES / "parts" / (match.group(1).replace("_", "-") + ".scd"))
                  .read_text(encoding="utf-8"), text, flags=re.MULTILINE)


def options(program):
    return sorted(set(OPTION.findall(printed(program, "/?"))))


@pytest.mark.parametrize("program", PROGRAM_PAGES)
def test_every_option_stands_in_the_page(program):
    page = source_of(f"{program}.{PROGRAM_PAGES[program]}")
    found = options(program)
    assert len(found) >= 5, found
    missing = [option for option in found if not re.search(re.escape(option) + r"(?![a-z])", page)]
    assert not missing


@pytest.mark.parametrize("program", PROGRAM_PAGES)
def test_the_page_has_no_option_that_the_program_does_not_have(program):
    page = source_of(f"{program}.{PROGRAM_PAGES[program]}").partition("# SEE ALSO")[0]
    defined = {option for line in page.splitlines() if re.match(r"\*[@/-]", line)
               for option in OPTION.findall(line)}
    assert defined and not defined - set(options(program))


@pytest.mark.parametrize("command", ["d2k-tell", "d2k-registry", "d2k-certs"])
def test_every_command_stands_in_the_page(command):
    names = set(re.findall(r"^(?:  )?([a-z]+)\s{2,}|^  ([a-z]+)(?: [A-Z\[].*)?$",
                           printed(command, "/?"), re.MULTILINE))
    names = {name for pair in names for name in pair if name}
    page = source_of(f"{command}.1")
    assert names and not [name for name in names if f"*{name}*" not in page], names


def test_every_exit_code_stands_in_the_pages():
    for program, section in PROGRAM_PAGES.items():
        listed = printed(program, "/?").partition("Exit codes:")[2]
        codes = set(re.findall(r"(?:^|[\s,])(\d)\s", listed))
        page = source_of(f"{program}.{section}").partition("# EXIT STATUS")[2]
        assert codes and codes == set(re.findall(r"^\*(\d)\*", page, re.MULTILINE)), program


@pytest.mark.skipif(not shutil.which("scdoc"), reason="scdoc is not installed")
def test_pages_are_built_and_have_every_setting():
    built = {path.name for path in (BUILD / "man").glob("d2k*.[1-8]")}
    assert built == {path.name.removesuffix(".scd") for path in PAGES.glob("*.scd")}
    page = (BUILD / "man/d2k.conf.5").read_text(encoding="utf-8").replace("\\", "")
    names = re.findall(r"^  (\w+) = ", printed("d2k-registry", "settings"), re.MULTILINE)
    assert len(names) > 10 and not [name for name in names if name not in page]
