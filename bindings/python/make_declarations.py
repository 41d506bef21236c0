#!/usr/bin/python3
"""make_declarations.py HEADER...: prints d2k/_declarations.py, what cffi has to know of libd2k. Made from the headers at
each build, so that no structure can differ from that of the library."""

import re
import sys
from pathlib import Path

RESULT = re.compile(r"\bX\((\w+), (\d+),")


def plain(text: str) -> str:
    """C declarations of a header, without comments, preprocessor lines and attributes."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = text.replace("\\\n", " ")
    text = re.sub(r"D2K_RESULTS\(D2K_RESULT_ENUM\)", results(text), text)
    text = re.sub(r"^[ \t]*#.*$", "", text, flags=re.M)
    text = re.sub(r"\bD2K_API\b|\bD2K_MUST_CHECK\b", " ", text)
    text = re.sub(r'extern "C" \{', "", text)
    return re.sub(r"^\}\s*$", "", text, flags=re.M)


def results(text: str) -> str:
    return " ".join(f"D2K_{name} = {number}," for name, number in RESULT.findall(text))


def main() -> None:
    text = "\n".join(plain(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:])
    text = re.sub(r"\n\s*\n+", "\n", text)
    print(f'"""Made from the headers of libd2k; never edit it."""\n\nDECLARATIONS = """{text}"""')


if __name__ == "__main__":
    main()
