"""The kernel's section of docs/log.md and the sources say the same lines."""

import re

import pytest

from d2k_test.programs import REPOSITORY

SOURCES = ["src/kernel", "src/net", "src/store", "src/log", "src/registry", "src/tls",
           "src/access"]
CLIENT_ONLY = "keeper_client.c"
# Literals, and names of constants that stand for text or a format between them.
CONCATENATION = r'(?:(?:"(?:[^"\\]|\\.)*"|\bPRI\w+|\bD2K_VERSION_TEXT)\s*)+'
LOG_WRITE = rf'\blog_write\([^,;]+,[^,;]+,\s*(?:"[A-Z]+"|COMPONENT),\s*({CONCATENATION})'
CONVERSION = r"%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z)?[a-zA-Z]"
SMALLEST_FIXED_TEXT = 8


def joined(concatenation):
    """One format of what stands in the source; a constant counts as a conversion."""
    text = re.sub(r"%\"\s*PRI\w+\s*\"?", '%s', concatenation)
    text = re.sub(r"\"\s*D2K_VERSION_TEXT\s*\"", "%s", text)
    pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
    return "".join(pieces).replace('\\"', '"').replace("\\n", "").replace("\\\\", "\\")


def fixed_text(log_format):
    return re.sub(CONVERSION, "", log_format)


def formats():
    """Formats of the log lines of the kernel."""
    found = set()
    for folder in SOURCES:
        for path in sorted((REPOSITORY / folder).glob("*.c")):
            if path.name == CLIENT_ONLY:
                continue
            source = path.read_text(encoding="utf-8")
            found.update(joined(text) for text in re.findall(LOG_WRITE, source))
    return {one for one in found
            if sum(map(str.isalpha, fixed_text(one))) >= SMALLEST_FIXED_TEXT}


def formats_of_the_log_itself():
    """It writes its own lines without log_write()."""
    sources = "".join(path.read_text(encoding="utf-8")
                      for path in (REPOSITORY / "src/log").glob("*.c"))
    return {joined(text).partition("WARNING: ")[2] or joined(text)
            for text in re.findall(CONCATENATION, sources) if "lines were lost" in text or "the log is over" in text}


def as_pattern(log_format):
    parts = re.split(CONVERSION, log_format)
    return re.compile(".*".join(re.escape(part) for part in parts))


def documented():
    """Lines of the tables, without the level, as they would stand in a log."""
    section = (REPOSITORY / "docs/log.md").read_text(encoding="utf-8").partition("\n## Kernel\n")[2]
    section = section.partition("\n## ")[0]
    cells = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    return [re.sub(r"^(ERROR|WARNING): ", "", cell.replace("\\|", "|")) for cell in cells]


def test_there_are_lines_to_compare():
    assert len(documented()) >= 30 and len(formats()) >= 30


@pytest.mark.parametrize("line", documented())
def test_a_line_of_the_document_is_written_by_the_sources(line):
    if not re.search("[a-z]", re.sub("<[^>]*>", "", line)):
        return  # <file>:<line>: <reason>
    assert any(as_pattern(one).fullmatch(line)
               for one in formats() | formats_of_the_log_itself()), line


@pytest.mark.parametrize("log_format", sorted(formats()))
def test_a_line_of_the_sources_stands_in_the_document(log_format):
    assert any(as_pattern(log_format).fullmatch(line) for line in documented()), log_format
