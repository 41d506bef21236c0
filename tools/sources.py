"""tools/sources.py: what the checks of the sources share: the list of files, C code without its
comments and strings, and the frame of a check (report, self-test, exit code)."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

_COMMENT_OR_STRING = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL
)


def files(root):
    """All files of the project below root, also those that are not committed yet, sorted."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, stdout=subprocess.PIPE,
    ).stdout.decode()
    return sorted(Path(name) for name in set(listed.split("\0")) if name and (root / name).is_file())


def text(root, path):
    """The text of a file; None for one that is not text."""
    try:
        return (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def code_only(source):
    """C code with comments and strings blanked; line numbers stay."""
    return _COMMENT_OR_STRING.sub(lambda m: '""' + "\n" * m.group().count("\n"), source)


def self_test(check, samples):
    """Each sample (path, text, word) must give a violation that contains the word; None: none."""
    wrong = []
    for path, sample, word in samples:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(sample, encoding="utf-8")
            subprocess.run(["git", "init", "-q", directory], check=True)
            found = check(root)
        if word is None and found:
            wrong.append(f"{path}: {sample!r} is right but gave {found}")
        if word is not None and not any(word in line for line in found):
            wrong.append(f"{path}: {sample!r} should give '{word}' but gave {found}")
    return wrong


def main(check, samples):
    """Runs the check over the repository, or over its samples with --self-test."""
    found = self_test(check, samples) if "--self-test" in sys.argv[1:] else check(REPOSITORY)
    for line in found:
        print(line)
    return 1 if found else 0
