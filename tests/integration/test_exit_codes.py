"""docs/exit-codes.md is the table of src/programs/common/exit_codes.h, and what each program says
about its exit codes agrees with it."""

import re

import pytest

from d2k_test.programs import KERNEL, PROGRAMS, REPOSITORY

DOCUMENT = REPOSITORY / "docs/exit-codes.md"
HEADER = REPOSITORY / "src/programs/common/exit_codes.h"


def documented():
    table = DOCUMENT.read_text(encoding="utf-8").split("What each program")[0]
    return {int(number): text for number, text in
            re.findall(r"^\| (\d) \| (.+?) \|$", table, re.MULTILINE)}


def in_the_sources():
    rows = re.findall(r'X\(\w+, (\d+),\s+"([^"]*)"\)', HEADER.read_text(encoding="utf-8"))
    return {int(number): text for number, text in rows}


def test_the_document_has_the_table_of_the_sources():
    assert documented() == in_the_sources() and len(documented()) == 8


@pytest.mark.parametrize("program", ["d2k-tell", "d2k-kom", "d2k-ping"])
def test_clients_print_the_whole_table(plant, program):
    shown = plant.run_client(program, "/?").stdout.split("Exit codes:\n")[1]
    assert {int(line.split()[0]): line.split(maxsplit=1)[1]
            for line in shown.splitlines()} == documented()


@pytest.mark.parametrize("program", [KERNEL, PROGRAMS / "d2k-registry", PROGRAMS / "d2k-certs"],
                         ids=lambda path: path.name)
def test_other_programs_use_no_other_codes(plant, program):
    help_text = plant.run_client(program, "/?").stdout.split("Exit codes:")[1]
    used = {int(number) for number in re.findall(r"(?:^|, )\s*(\d) +[a-z]", help_text, re.MULTILINE)}
    assert used and used <= set(documented()), help_text
    row = re.search(rf"^\| `{program.name}` \| (.*) \|$", DOCUMENT.read_text(encoding="utf-8"),
                    re.MULTILINE)
    cells = dict(zip((0, 1, 3, 4, 5), (cell.strip() for cell in row.group(1).split("|"))))
    assert {code for code, cell in cells.items() if cell} == used - {2, 6}
